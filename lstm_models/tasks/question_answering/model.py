"""``QuestionAnswerer``: the answer to a question, where the text says it."""

from __future__ import annotations

from lstm_models.tasks.question_answering.network import QuestionAnsweringNetwork

__all__ = ["QuestionAnswerer"]


class QuestionAnswerer(QuestionAnsweringNetwork):
    """Finds answers in texts; see ``QuestionAnswererConfig``."""
