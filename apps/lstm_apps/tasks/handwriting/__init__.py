"""Handwriting: train, evaluate, write, and the demo's tab."""
