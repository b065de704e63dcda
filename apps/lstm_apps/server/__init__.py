"""The server under the demo: accounts, limits, metrics."""
