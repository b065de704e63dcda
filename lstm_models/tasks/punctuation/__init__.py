"""Punctuation: marks and capitals for words that have none."""
