"""Training speech made by text-to-speech."""
