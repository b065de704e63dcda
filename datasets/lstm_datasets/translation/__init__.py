"""Sentences with their translations, for translators: readers, and training items."""
