"""Writes a text by hand, into a file.

lstm-models write "Dear reader," -o letter.svg
"""

from __future__ import annotations

import sys

__all__ = ["write"]

MOST_BYTES = 1_000_000  # of standard input; far more than a writer takes


def write(
    text: str,
    out: str = "handwriting.svg",
    style: str | None = None,
    legibility: float = 0.75,
    seed: int | None = None,
    model: str = "writer",
) -> None:
    """Writes a text by hand and saves the strokes as a picture or as data.

    Args:
        text: what to write; - reads it from standard input.
        out: where to: a file ending in .svg, .png or .json.
        style: whose hand: the name of a style of the model; its usual hand if missing.
        legibility: from 0, as varied as people write, to 1, as legible as the model can.
        seed: the same seed gives the same strokes; a new one each time if missing.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    from lstm_models import hub
    from lstm_models.errors import InputError
    from lstm_models.handwriting import HandwritingWriter

    if text == "-":
        data = sys.stdin.buffer.read(MOST_BYTES)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise InputError("standard input is no text in UTF-8") from None
    writer = hub.load(model)
    if not isinstance(writer, HandwritingWriter):
        raise InputError(f"{model} is no handwriting writer", usage=True)
    drawing = writer.write(text, style=style, legibility=legibility, seed=seed)
    drawing.save(out)
    for note in drawing.notes:
        print(f"lstm-models: {note}", file=sys.stderr)
    print(f"{out} (seed {drawing.seed})")
