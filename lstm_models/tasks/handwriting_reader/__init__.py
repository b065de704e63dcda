"""Handwriting to text."""
