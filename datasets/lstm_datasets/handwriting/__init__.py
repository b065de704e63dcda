"""Lines of handwriting with their texts."""
