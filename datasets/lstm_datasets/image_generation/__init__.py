"""Image generation with attention."""
