"""Measurements beside other work; RESULTS.md holds what they gave."""
