"""The words of a text as the tagging tab shows them."""

from __future__ import annotations

from lstm_apps.tasks.tagging.demo.html import tagged
from lstm_models.tasks.tagging.results import TaggedText, Token


def test_a_text_of_a_model_that_knows_only_classes() -> None:
    text = TaggedText("<b>", ((Token("<b>", "", confidence=0.0),),), classes={"negative": 0.25, "good": 0.75})
    shown = tagged(text)
    assert "good, 75\u00a0% sure" in shown
    assert "<b>&lt;b&gt;</b>" in shown
    assert "<small>" not in shown
