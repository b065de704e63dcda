"""The captioning tab."""
