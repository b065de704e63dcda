"""The reading panel of the handwriting tab."""
