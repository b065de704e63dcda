"""Training: options, data, checkpoints, and the loop, which Lightning runs."""
