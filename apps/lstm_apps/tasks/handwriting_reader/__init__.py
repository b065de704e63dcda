"""Reading handwriting: train, evaluate, read."""
