"""Sentences with parts of speech or names, for taggers: readers, and training items."""
