"""Recordings with transcripts, and texts."""
