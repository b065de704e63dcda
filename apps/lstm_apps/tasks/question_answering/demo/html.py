"""How the question answering tab shows an answer: marked in its passage, with runners-up and attention.

A word of the question carries how much each word of the passage looked at it, so that the script shades them without
the server.
"""

from __future__ import annotations

import json
from html import escape

from lstm_apps.demo.assets import asset
from lstm_models.tasks.question_answering.results import Answer, AnswerSpan
from lstm_models.tasks.question_answering.stories import StoryAnswer

__all__ = ["SCRIPT", "STYLE", "answered", "nothing", "story_answered"]

STYLE = asset("lstm_apps.tasks.question_answering.demo", "question_answering.css")
SCRIPT = asset("lstm_apps.tasks.question_answering.demo", "question_answering.js")

_LEAST = 0.1  # attention that is shown


def nothing(sentence: str) -> str:
    """The place of the answer, while there is none."""
    return f'<div class="answered"><p class="waiting">{escape(sentence)}</p></div>'


def answered(found: Answer) -> str:
    """The answer, the runners-up, the words of the question, and the passage with all that marked."""
    return f'<div class="answered">{_best(found)}{_others(found)}{_question(found)}{_passage(found)}</div>'


def _percent(value: float) -> str:
    return f"<small>{round(100 * value)}\u00a0%</small>"


def _best(found: Answer) -> str:
    if found.found is None:
        return f'<p class="none">Not in the text {_percent(found.confidence)}</p>'
    return f'<p class="best">{escape(" ".join(found.text.split()))} {_percent(found.confidence)}</p>'


def _others(found: Answer) -> str:
    rows = [
        f"<li>{escape(' '.join(each.text.split()))} {_percent(each.confidence)}</li>" for each in found.alternatives
    ]
    return f"<details open><summary>Also likely</summary><ol>{''.join(rows)}</ol></details>" if rows else ""


def _question(found: Answer) -> str:
    words = []
    for number, word in enumerate(found.question_words):
        shares = {
            str(at): round(float(share), 2) for at, share in enumerate(found.attention[number]) if share >= _LEAST
        }
        looks = escape(json.dumps(shares))
        words.append(f'<span class="word" tabindex="0" data-looks="{looks}">{escape(word)}</span>')
    return f'<p class="question" aria-label="Question: point at a word to see where it was found">{" ".join(words)}</p>'


def _passage(found: Answer) -> str:
    """The part of the text that was read for the likeliest answer, its words and answers marked."""
    likeliest = found.found or found.alternatives[0]
    text = found.documents[likeliest.document]
    first, last = found.passage_words[0][0], found.passage_words[-1][1]
    marks: list[AnswerSpan] = [likeliest, *found.alternatives]
    here = [span for span in marks if span.document == likeliest.document and first <= span.start < last]
    opening = {span.start: _mark(span, found) for span in here}
    closing = {span.end for span in here}
    parts, at = [], first
    for number, (start, end) in enumerate(found.passage_words):
        if at in closing:
            parts.append("</mark>")
        parts.append(escape(text[at:start]))
        parts.append(opening.get(start, ""))
        parts.append(f'<span class="word" data-number="{number}">{escape(text[start:end])}</span>')
        at = end
    if at in closing:
        parts.append("</mark>")
    cut = "… " if text[:first].strip() else "", " …" if text[last:].strip() else ""
    return f'<div class="passage" lang="en">{cut[0]}{"".join(parts)}{cut[1]}</div>'


def _mark(span: AnswerSpan, found: Answer) -> str:
    kind = "best" if span is found.found else "other"
    return f'<mark class="{kind}" title="{round(100 * span.confidence)}\u00a0% sure">'


def story_answered(found: StoryAnswer, question: str) -> str:
    """The answer to a question about a story, and the sentences shaded by how much the looks fell on them."""
    looks = [max(hop[number] for hop in found.attention) for number in range(len(found.sentences))]
    rows = "".join(
        f'<p class="sentence" style="--look: {look:.2f}" title="{look:.0%}">{escape(sentence)}</p>'
        for sentence, look in zip(found.sentences, looks, strict=True)
    )
    others = "".join(f"<li>{escape(text)} {_percent(value)}</li>" for text, value in found.alternatives)
    return (
        f'<div class="answered"><p class="best">{escape(found.text)} {_percent(found.confidence)}</p>'
        f"<details open><summary>Also likely</summary><ol>{others}</ol></details>"
        f'<p class="question">{escape(question)}</p><div class="passage bare">{rows}</div></div>'
    )
