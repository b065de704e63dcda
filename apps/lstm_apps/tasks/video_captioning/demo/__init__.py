"""The video captioning tab of the demo."""
