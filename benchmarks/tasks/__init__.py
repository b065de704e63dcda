"""A file a task."""
