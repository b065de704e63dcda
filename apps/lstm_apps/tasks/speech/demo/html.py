"""How the speech tab shows a transcript: HTML of the words, the picture of a recording under them, the page's script.

Every word of a recording is a button that plays it. Confidence shows as a tint, as the line under the word, and in
figures in its tooltip. The style sheet and the scripts stand in ``assets/``.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from lstm_apps.demo.assets import asset
from lstm_apps.tasks.speech.demo.spectrogram import draw_spectrogram
from lstm_models.io.samples import SAMPLE_RATE
from lstm_models.results import Word

__all__ = [
    "DRAWN",
    "EXAMPLES_SCRIPT",
    "WORDS_SCRIPT",
    "clock",
    "drawing",
    "examples",
    "live",
    "nothing",
    "picture",
    "refused",
    "words",
]

DRAWN = 60.0
"""Seconds of a recording that are drawn."""
_WIDTH = 110  # pixels of a second, at least
_MIN_WIDTH = 1_100  # pixels of a picture, at least
_LIVE = 150  # words shown while a microphone is on: the whole is shown at its end
_PAUSE = 1.5  # seconds of silence that begin a new line
_UNSURE, _DOUBTFUL = 0.8, 0.5  # words surer than the first have no mark; below the second, a wavy line

WORDS_SCRIPT = asset("lstm_apps.tasks.speech.demo", "words.js")
"""Plays words, and shows where the recording is while it plays."""
EXAMPLES_SCRIPT = asset("lstm_apps.tasks.speech.demo", "examples.js")
"""Puts a recording to try into the tab's player."""


def nothing(sentence: str) -> str:
    """The place of the words, while there are none."""
    return f'<div class="transcript"><p class="waiting">{escape(sentence)}</p></div>'


def refused(sentence: str) -> str:
    """Likewise, and the page releases the microphone."""
    return f'<div class="transcript" data-full><p class="waiting">{escape(sentence)}</p></div>'


def live(final: Sequence[Word], partial: Sequence[Word], *, full: bool = False) -> str:
    """The words of a microphone that is on: certain ones, then those that may still change.

    Args:
        final: of these the last ones are shown.
        partial: likewise, all of them.
        full: it has ended by itself: the page releases the microphone.
    """
    if not final and not partial:
        return nothing("Listening …")
    shown = list(final[-_LIVE:])
    lines = _lines(shown)
    if len(shown) < len(final):
        lines[0] = f'<span class="gone">…</span> {lines[0]}'
    rest = " ".join(f'<span class="partial">{escape(word.text)}</span>' for word in partial)
    if rest:
        lines = [*lines[:-1], f"{lines[-1]} {rest}"] if lines else [rest]
    mark = " data-full" if full else ""
    return f'<div class="transcript live"{mark}>{_paragraphs(lines)}</div>'


def words(found: Sequence[Word], drawn: str = "", *, playable: bool = False) -> str:
    """All words of a transcript.

    Args:
        found: the words.
        drawn: what `picture` gave, to stand beneath them.
        playable: words are buttons that play what is in the tab's player.
    """
    if not found:
        return f'<div class="transcript"><p class="waiting">No words were heard.</p>{drawn}</div>'
    lines = _lines(found, playable)
    kinds = {_classes(word) for word in found}
    marks = "".join(
        f'<span class="{kind}" style="--unsure: {tint}">below {percent} % sure</span>'
        for kind, tint, percent in (("word unsure", "50%", 80), ("word doubtful", "100%", 50))
        if kind in kinds
    )
    scale = f'<p class="marks">{marks}</p>' if marks else ""
    hint = "Choose a word to hear it." if playable else "Point at a word to see how sure it is."
    about = f'<p class="about" data-hint="{escape(hint)}">{escape(hint)}</p>'
    return f'<div class="transcript">{_paragraphs(lines)}<div class="legend">{about}{scale}</div>{drawn}</div>'


def _lines(found: Sequence[Word], playable: bool = False) -> list[str]:
    """Words as HTML, a line each time somebody pauses."""
    lines: list[list[str]] = []
    before: Word | None = None
    for word in found:
        paused = before is not None and None not in (before.end, word.start) and word.start - before.end > _PAUSE  # type: ignore[operator]
        if before is None or paused:
            lines.append([])
        lines[-1].append(_word(word, playable))
        before = word
    return [" ".join(line) for line in lines]


def _paragraphs(lines: Iterable[str]) -> str:
    return "".join(f'<p class="line">{line}</p>' for line in lines)


def _word(word: Word, playable: bool) -> str:
    text, about = escape(word.text), escape(_about(word))
    kind = f'class="{_classes(word)}"{_tint(word)} title="{about}" data-about="“{text}”: {about}"'
    if playable and word.start is not None and word.end is not None:
        return (
            f'<button type="button" {kind} {_times(word)} aria-label="{text}: {about}">{text}</button>'
        )  # fmt: skip
    return f"<span {kind}>{text}</span>"


def _classes(word: Word) -> str:
    if word.confidence is None or word.confidence >= _UNSURE:
        return "word"
    return "word doubtful" if word.confidence < _DOUBTFUL else "word unsure"


def _tint(word: Word) -> str:
    if word.confidence is None or word.confidence >= _UNSURE:
        return ""
    return f' style="--unsure: {_tint_percent(word)}"'


def _times(word: Word) -> str:
    return f'data-start="{word.start:.3f}" data-end="{word.end:.3f}"'


def _about(word: Word) -> str:
    """Confidence and times in figures."""
    parts = [] if word.confidence is None else [f"{round(100 * word.confidence)} % sure"]
    if word.start is not None and word.end is not None:
        parts.append(f"{word.start:.2f} to {word.end:.2f} s")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """Minutes and seconds, such as 3:07."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def drawing() -> str:
    """What stands in the picture's place until it is drawn."""
    return '<div class="strip"><p class="note">Drawing the recording …</p></div>'


def picture(samples: np.ndarray, found: Sequence[Word], duration: float) -> str:
    """The recording's waveform and mel spectrogram with its words over them.

    Args:
        samples: ``[n]`` float32 at 16 kHz, of the first `DRAWN` seconds or of less.
        found: the words; those that begin later are left out.
        duration: seconds of the whole recording.
    """
    seconds = len(samples) / SAMPLE_RATE
    if not seconds:
        return ""
    width = max(_MIN_WIDTH, round(_WIDTH * seconds))
    parts = []
    narrow = _WIDTH * seconds / width  # shown on a phone
    ends = [-1e9] * 3  # where the last word of each row ends, in pixels
    rows = 1
    for word in found:
        if word.start is None or word.end is None or word.start >= seconds:
            continue
        left, end = (width * min(1, time / seconds) for time in (word.start, word.end))
        row = next((row for row in range(3) if ends[row] < left), int(np.argmin(ends)))
        ends[row] = left + max(end - left, (8 * len(word.text) + 8) / narrow)
        rows = max(rows, row + 1)
        place = f"left: {100 * left / width:.3f}%; width: {100 * (end - left) / width:.3f}%; --row: {row}"
        parts.append(
            f'<span class="{_classes(word)}" style="{place}; --unsure: {_tint_percent(word)}" {_times(word)} '
            f'data-about="“{escape(word.text)}”: {escape(_about(word))}"><i></i>{escape(word.text)}</span>'
        )
    step = 1 if seconds <= 90 else 10
    ticks = "".join(
        f'<span style="left: {100 * second / seconds:.3f}%">{clock(second)}</span>'
        for second in range(0, int(seconds) + 1, step)
    )
    note = ""
    if duration > seconds + 0.05:
        note = f'<p class="note">The first {_in_words(seconds)} of {clock(duration)} are drawn.</p>'
    return (
        '<div class="strip" tabindex="0" role="group" aria-label="Waveform and mel spectrogram">'
        f'<div class="track" style="--width: {round(_WIDTH * seconds)}px; --rows: {rows}" data-seconds="{seconds:.3f}">'
        f'<div class="over" aria-hidden="true">{"".join(parts)}</div>'
        f'<img class="wave" src="{_waveform(samples, width)}" alt="Waveform of the recording">'
        f'<img class="mel" src="{_spectrogram(samples, width)}" alt="Mel spectrogram: mel energies each 10 ms">'
        f'<div class="ticks" aria-hidden="true">{ticks}</div><div class="playhead" hidden></div></div></div>{note}'
    )


def _tint_percent(word: Word) -> str:
    return "0%" if word.confidence is None else f"{round(100 * min(1.0, (1 - word.confidence) / (1 - _DOUBTFUL)))}%"


def _in_words(seconds: float) -> str:
    return "minute" if round(seconds) == 60 else f"{round(seconds)} seconds"


def _figure(width: int, height: int) -> tuple[Any, Any]:
    """A Matplotlib figure of so many pixels without a frame; no pyplot, as several visitors may draw at once."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 100, height / 100), dpi=100, frameon=False)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    return figure, axes


def _waveform(samples: np.ndarray, width: int) -> str:
    """The lowest and the highest sample of each pixel."""
    figure, axes = _figure(width, 72)
    count = min(width, len(samples))
    begins = np.arange(count) * len(samples) // count
    low, high = np.minimum.reduceat(samples, begins), np.maximum.reduceat(samples, begins)
    loudest = max(float(np.abs(samples).max()), 0.01)
    axes.fill_between(np.arange(count), low - 0.01 * loudest, high + 0.01 * loudest, color="#6f88c4", linewidth=0)
    axes.set(xlim=(0, count), ylim=(-1.05 * loudest, 1.05 * loudest))
    return _address(figure, "png")


def _spectrogram(samples: np.ndarray, width: int) -> str:
    figure, axes = _figure(width, 104)
    draw_spectrogram(axes, samples, width)
    return _address(figure, "jpg")


def _address(figure: Any, kind: str) -> str:
    content = io.BytesIO()
    options = {"transparent": True} if kind == "png" else {"pil_kwargs": {"quality": 80}}
    figure.savefig(content, format=kind, **options)
    return f"data:image/{kind.replace('jpg', 'jpeg')};base64,{base64.b64encode(content.getvalue()).decode()}"


def examples(recordings: Mapping[str, str]) -> str:
    """Buttons for the recordings to try: file name -> its text."""
    made = "".join(
        f'<button type="button" class="recording" data-name="{escape(Path(name).stem)}">“{escape(text)}”</button>'
        for name, text in recordings.items()
    )
    return f'<p>Recordings to try</p><div class="recordings">{made}</div>'
