"""Finds when each word of a known text is spoken.

lstm-models align talk.flac talk.txt --out talk.TextGrid
lstm-models align talk.flac "the words spoken in it" --format srt
"""

from __future__ import annotations

import os
from pathlib import Path

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, shown

__all__ = ["align"]

MOST_BYTES = 2**20  # half an hour of speech has 30,000


def align(
    audio: str,
    text: str,
    format: str = "json",
    out: str | None = None,
    word_times: bool = False,
    model: str = "recognizer",
) -> None:
    """Finds when each word of a known text is spoken in a recording of up to 30 minutes.

    Args:
        audio: the recording.
        text: the words spoken in it, or a file with them (.txt).
        format: txt, srt, vtt, json, textgrid (Praat), ctm or tsv, for the screen.
        out: a .txt, .srt, .vtt, .json, .TextGrid, .ctm or .tsv file instead of the screen; - is the screen.
        word_times: put the start of each word into vtt subtitles.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    from lstm_apps.cli.batch_files import note
    from lstm_apps.tasks.speech.commands import SUFFIXES, load

    out = None if out == "-" else out

    if format not in SUFFIXES:
        raise InputError(f"--format is {format}; one of {', '.join(SUFFIXES)} would be right", usage=True)
    if out is not None:
        if Path(out).suffix.lower() not in (suffix.lower() for suffix in SUFFIXES.values()):
            raise InputError(f"--out {shown(out)}: name a {', '.join(SUFFIXES.values())} file", usage=True)
        check_writable(out)
    made = load(model).align(audio, _text(text))
    for sentence in made.notes:
        note(sentence)
    if out is not None:
        made.save(out, word_times=word_times)
    else:
        print(made.render(format, word_times=word_times), end="", flush=True)


def _text(text: str) -> str:
    """The text, or what the file of that name holds."""
    from lstm_models.io.inputs import opened

    if not text.strip():
        raise InputError("the text is empty", usage=True)
    one_word = len(text.split()) == 1
    is_file = "\0" not in text and len(os.fsencode(text)) < 4096 and os.path.exists(text)
    if not is_file and not (one_word and text.lower().endswith(".txt")):
        return text
    with opened(text, shown(text), "text", MOST_BYTES) as file:
        content = file.read()
    try:
        read = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{shown(text)} is no text in UTF-8.") from None
    if not read.strip():
        raise InputError(f"{shown(text)} is empty: it has no words.")
    return read
