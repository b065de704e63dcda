"""The language modeling tab of the demo."""
