"""Drawings of a pen: strokes, pages, and the formats they are saved in."""
