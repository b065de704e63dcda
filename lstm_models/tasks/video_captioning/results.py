"""`VideoCaption`, what the video captioner returns: the scenes of a film with their descriptions, and its file formats.

film = lstm_models.load("video-captioner").caption("clip.mp4")
print(film.text, film.scenes[0].start, film.scenes[0].words)
film.save("clip.vtt")       # or .srt, .json, .txt
"""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import one_line
from lstm_models.io.save_formats import save_by_suffix
from lstm_models.results import Word, mean_confidence, short_repr, words_html
from lstm_models.text.subtitles import subtitle_time

__all__ = ["FORMATS", "Scene", "SceneObject", "TimedLine", "VideoCaption"]

FORMATS: Mapping[str, str] = {"vtt": ".vtt", "srt": ".srt", "json": ".json", "txt": ".txt"}
"""Name of a format -> suffix of its files."""
UNCERTAIN = 0.5
"""A scene is uncertain where the geometric mean of its words' confidences is below this."""


class TimedLine(Protocol):
    """A line that is spoken, with its times in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class SceneObject:
    """A noun for something that an image classifier recognised, and its mean probability over the frames."""

    name: str
    probability: float


@dataclass(frozen=True, eq=False)
class Scene:
    """A part of a film and its description.

    Attributes:
        start: seconds from the film's beginning.
        end: likewise.
        caption: the sentence.
        words: its words, each with its confidence and where it looked: `[rows, columns]`, over all frames.
        log_probability: of the sentence and its end, in nats, as the model gives it.
        votes: the fraction of the frames that, each by itself, vouch for the sentence.
        alternatives: the next best sentences, best first.
        objects: what was recognised.
        frame_times: of the frames that were looked at, in seconds.
        frame_weights: how much each was looked at; they sum to 1.
        thumbnail: the frame that was looked at most, `[height, width, 3]` uint8; None where it was read from a file.
        continues: whether it goes on from the scene before, without a cut.
    """

    start: float
    end: float
    caption: str
    words: tuple[Word, ...] = ()
    log_probability: float = 0.0
    votes: float = 1.0
    alternatives: tuple[str, ...] = ()
    objects: tuple[SceneObject, ...] = ()
    frame_times: tuple[float, ...] = ()
    frame_weights: tuple[float, ...] = ()
    thumbnail: np.ndarray | None = field(default=None, repr=False)
    continues: bool = False

    @property
    def confidence(self) -> float | None:
        """The geometric mean of the words' confidences, 0 to 1; None where no word has one."""
        return mean_confidence(self.words)

    @property
    def uncertain(self) -> bool:
        """Whether a person should look: the confidence is below `UNCERTAIN`, or most frames do not vouch for it."""
        return self.confidence is None or self.confidence < UNCERTAIN or self.votes < 0.5

    @property
    def line(self) -> str:
        """The sentence as it is written beside its times: with a full stop, and "Perhaps:" where it is uncertain."""
        stop = "" if self.caption[-1:] in (".", "!", "?") else "."
        return f"{'Perhaps: ' if self.uncertain else ''}{self.caption}{stop}"

    def as_dict(self) -> dict[str, Any]:
        """The scene as what JSON can hold, numbers rounded, without pictures."""
        made: dict[str, Any] = {"start": round(self.start, 3), "end": round(self.end, 3), "caption": self.caption}
        if self.confidence is not None:
            made["confidence"] = round(self.confidence, 4)
        made |= {"uncertain": self.uncertain, "votes": round(self.votes, 4)}
        made["log_probability"] = round(self.log_probability, 4)
        made["words"] = [word.as_dict() for word in self.words]
        if self.objects:
            made["objects"] = [{"name": one.name, "probability": round(one.probability, 4)} for one in self.objects]
        if self.alternatives:
            made["alternatives"] = list(self.alternatives)
        made["frames"] = [
            {"time": round(time, 3), "weight": round(weight, 4)}
            for time, weight in zip(self.frame_times, self.frame_weights, strict=True)
        ]
        return made


@dataclass(frozen=True, eq=False)
class VideoCaption:
    """What a film shows.

    Attributes:
        text: the descriptions of its scenes, each once in a row.
        scenes: in order.
        duration: seconds that were described.
        source: the name of the film; "" where it has none.
        notes: a sentence for each thing that was not as it should be.
        speech: the lines spoken beside it, for its WebVTT; see `with_speech`.
    """

    text: str
    scenes: tuple[Scene, ...]
    duration: float
    source: str = ""
    notes: tuple[str, ...] = ()
    speech: tuple[TimedLine, ...] = ()

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return short_repr(self, self.text, scenes=len(self.scenes), duration=self.duration)

    def _repr_html_(self) -> str:
        """The scenes for a notebook: thumbnails, times, and the words, the fainter the less sure they are."""
        rows = []
        for scene in self.scenes:
            times = f"{subtitle_time(scene.start)} – {subtitle_time(scene.end)}"
            check = " <em>please check</em>" if scene.uncertain else ""
            words = words_html(scene.words) or escape(scene.caption)
            picture = "" if scene.thumbnail is None else f'<img alt="" src="{picture_url(scene.thumbnail)}">'
            rows.append(f"<tr><td>{picture}</td><td><small>{times}</small></td><td>{words}{check}</td></tr>")
        return f"<table>{''.join(rows)}</table>" + "".join(
            f"<p><small>{escape(note)}</small></p>" for note in self.notes
        )

    @classmethod
    def of(cls, scenes: Sequence[Scene], duration: float, source: str = "", notes: Sequence[str] = ()) -> VideoCaption:
        """The film of these scenes."""
        lines = [scene.line for scene in scenes]
        text = " ".join(line for place, line in enumerate(lines) if not place or line != lines[place - 1])
        return cls(text, tuple(scenes), duration, source, tuple(notes))

    def with_speech(self, lines: Sequence[TimedLine]) -> VideoCaption:
        """The same, with the lines that are spoken, so that its WebVTT has what is said beside what is seen.

        Args:
            lines: such as ``transcript.cues()``, or what ``lstm_models.text.subtitles.read_subtitles`` gives.
        """
        return VideoCaption(self.text, self.scenes, self.duration, self.source, self.notes, tuple(lines))

    def vtt(self) -> str:
        """WebVTT of descriptions, for ``<track kind="descriptions">``: spoken lines stand in quotation marks."""
        cues = [(scene.start, scene.end, f"<v Description>{_plain(scene.line)}") for scene in self.scenes]
        cues += [(line.start, line.end, f"<v Speech>“{_plain(line.text)}”") for line in self.speech]
        blocks = [
            f"{subtitle_time(start)} --> {subtitle_time(max(end, start + 0.001))}\n{text}\n"
            for start, end, text in sorted(cues, key=lambda cue: cue[:2])
        ]
        return "\n".join(["WEBVTT\n", *blocks])

    def srt(self) -> str:
        """SubRip, a subtitle a scene."""
        blocks = []
        for number, scene in enumerate(self.scenes, 1):
            start, end = (
                subtitle_time(time, comma=True) for time in (scene.start, max(scene.end, scene.start + 0.001))
            )
            blocks.append(f"{number}\n{start} --> {end}\n{scene.line}\n")
        return "\n".join(blocks)

    def txt(self) -> str:
        """A line a scene: its times and its description."""
        return "".join(f"{scene.start:.1f}–{scene.end:.1f} s  {scene.line}\n" for scene in self.scenes)

    def as_dict(self) -> dict[str, Any]:
        """The film as what JSON can hold."""
        made: dict[str, Any] = {"source": self.source} if self.source else {}
        made |= {"text": self.text, "duration": round(self.duration, 3)}
        made["scenes"] = [scene.as_dict() for scene in self.scenes]
        if self.speech:
            made["speech"] = [
                {"start": round(line.start, 3), "end": round(line.end, 3), "text": line.text} for line in self.speech
            ]
        if self.notes:
            made["notes"] = list(self.notes)
        return made

    def json(self) -> str:
        """One line of JSON, so that the lines of many films are JSON Lines."""
        return one_line({"format": "lstm-models video-caption", "version": 1, **self.as_dict()}) + "\n"

    @classmethod
    def from_json(cls, document: str | bytes) -> VideoCaption:
        """What `json` wrote, without pictures and the spoken lines.

        Raises:
            InputError: the document is not JSON, or not a film's description.
        """
        try:
            read = json.loads(document)
            scenes = [
                Scene(
                    float(one["start"]), float(one["end"]), str(one["caption"]),
                    tuple(Word(str(word["text"]), word.get("confidence")) for word in one["words"]),
                    float(one["log_probability"]), float(one["votes"]), tuple(one.get("alternatives", ())),
                    tuple(SceneObject(str(o["name"]), float(o["probability"])) for o in one.get("objects", ())),
                    tuple(float(frame["time"]) for frame in one["frames"]),
                    tuple(float(frame["weight"]) for frame in one["frames"]),
                )
                for one in read["scenes"]
            ]  # fmt: skip
            return cls(
                str(read["text"]), tuple(scenes), float(read["duration"]), str(read.get("source", "")),
                tuple(read.get("notes", ())),
            )  # fmt: skip
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InputError(
                'A film\'s description is a JSON object with "text", "duration" and "scenes", as lstm-models writes it.'
            ) from error

    def render(self, format_: str) -> str:
        """The content of a file in one of `FORMATS`."""
        formats = {"vtt": self.vtt, "srt": self.srt, "json": self.json, "txt": self.txt}
        if format_ not in formats:
            raise InputError(f"format is one of {', '.join(FORMATS)}, not {format_}", usage=True)
        return formats[format_]()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a `.vtt`, `.srt`, `.json` or `.txt` file, whole or not at all; gives its path.

        Raises:
            InputError: the suffix is another one, the folder is missing, the path is a folder, or the disk refuses.
        """
        return save_by_suffix(
            path, {".vtt": self.vtt, ".srt": self.srt, ".json": self.json, ".txt": self.txt}, "a film's description"
        )


def picture_url(pixels: np.ndarray, side: int = 160) -> str:
    """A picture [height, width, 3] as a data URL of a small JPEG."""
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def _plain(text: str) -> str:
    """A text within WebVTT, where < and & begin something else."""
    return escape(" ".join(text.split()), quote=False)
