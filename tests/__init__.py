"""Tests, in the layout of the packages they test; helpers/ holds what they share."""
