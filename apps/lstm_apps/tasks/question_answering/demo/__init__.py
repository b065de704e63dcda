"""The question answering tab of the demo."""
