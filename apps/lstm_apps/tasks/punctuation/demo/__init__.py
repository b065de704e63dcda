"""The punctuation tab of the demo."""
