"""Photos with captions."""
