"""The speech tab."""
