"""Searches from what a network gives to a sequence: beams, sampling, constraints, CTC."""
