"""The translation tab of the demo."""
