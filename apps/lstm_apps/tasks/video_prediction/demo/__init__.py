"""The video prediction tab of the demo."""
