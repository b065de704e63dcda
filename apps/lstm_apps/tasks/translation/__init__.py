"""Translation: its commands, its training and its tab of the demo."""
