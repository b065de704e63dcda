"""Models saved, found and loaded."""
