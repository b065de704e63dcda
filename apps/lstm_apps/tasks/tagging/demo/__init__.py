"""The tagging tab of the demo."""
