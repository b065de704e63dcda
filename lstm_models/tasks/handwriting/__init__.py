"""Text to handwriting."""
