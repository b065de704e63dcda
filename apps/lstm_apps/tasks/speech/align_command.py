"""Finds when each word of a known text is spoken.

lstm-models align talk.flac talk.txt --out talk.TextGrid
lstm-models align talk.flac "the words spoken in it" --format srt
"""

from __future__ import annotations

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
        text: the words spoken in it, a file with them (.txt), or - for standard input.
        format: txt, srt, vtt, json, textgrid (Praat), ctm or tsv, for the screen.
        out: a .txt, .srt, .vtt, .json, .TextGrid, .ctm or .tsv file instead of the screen; - is the screen.
        word_times: put the start of each word into vtt subtitles.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    from lstm_apps.cli.batch_files import check_kept, note
    from lstm_apps.cli.text_files import read_text
    from lstm_apps.tasks.speech.commands import SUFFIXES, load

    out = None if out == "-" else out

    if format not in SUFFIXES:
        raise InputError(f"--format is {format}; one of {', '.join(SUFFIXES)} would be right", usage=True)
    if out is not None:
        if Path(out).suffix.lower() not in (suffix.lower() for suffix in SUFFIXES.values()):
            raise InputError(f"--out {shown(out)}: name a {', '.join(SUFFIXES.values())} file", usage=True)
        check_writable(out)
        check_kept("--out", [out], [audio, text])
    words, _ = read_text(text, (".txt",), MOST_BYTES)
    made = load(model).align(audio, words)
    for sentence in made.notes:
        note(sentence)
    if out is not None:
        made.save(out, word_times=word_times)
    else:
        print(made.render(format, word_times=word_times), end="", flush=True)
