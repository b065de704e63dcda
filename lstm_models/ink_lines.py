"""Former name of ``lstm_models.ink.line_grouping``, kept for programs that import from it."""

from lstm_models.ink.line_grouping import lines_of

__all__ = ["lines_of"]
