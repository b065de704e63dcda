"""A folder a task: train, evaluate, metrics, commands, demo, presets."""
