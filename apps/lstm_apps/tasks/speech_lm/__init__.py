"""n-gram language models for the recogniser."""
