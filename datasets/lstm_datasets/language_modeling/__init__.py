"""Free text for language models: readers, and streams of tokens."""
