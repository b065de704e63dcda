"""Tagging: the part of speech of every word, and the names of people, places and organisations."""
