"""The applications: the command line, training, evaluation and the demo, a folder a task."""
