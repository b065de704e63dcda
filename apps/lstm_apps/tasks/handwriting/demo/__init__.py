"""The handwriting tab."""
