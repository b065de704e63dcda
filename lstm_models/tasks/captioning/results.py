"""`Caption`, what the captioner returns: a sentence about a photo, and its file formats.

Each `Word` has how sure the model is and where it looked::

    caption = lstm_models.load("captioner").caption("photo.jpg")
    print(caption.text, caption.confidence)
    caption.save("photo.json")
    caption.save_attention("photo.jpg", "looked-at.png")
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import one_line
from lstm_models.io.save_formats import save_by_suffix
from lstm_models.results import TextTranslator, Word, mean_confidence, short_repr, words_html
from lstm_models.tasks.captioning.objects import RecognizedObject

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["UNCERTAIN_CAPTION", "UNCERTAIN_WORD", "XMP_MARK", "Caption"]

UNCERTAIN_CAPTION = 0.5
"""A caption is uncertain where the geometric mean of its words' confidences is below this."""
UNCERTAIN_WORD = 0.37
"""A caption is uncertain where the confidence of one of its words is below this: a tenth of the bundled captioner's."""
XMP_MARK = 'x:xmptk="lstm-models"'
"""Which an XMP packet of ours has, as the name of the program that wrote it."""

TRANSLATION_WEIGHT = 4.0
"""How much a translator's confidence counts among the captions of a photo; chosen on 200 photos with German ones."""


@dataclass(frozen=True)
class Caption:
    """A sentence about a photo.

    Attributes:
        text: the sentence.
        words: its words, in order.
        log_probability: of the sentence and its end, in nats, as the model gives it (not calibrated).
        alternatives: the next best sentences, best first.
        source: the name of the photo; "" where it has none.
        objects: what an image classifier recognised in the photo, the most probable first; () where none looked.

    Raises:
        ValueError: the log probability is not a finite number.
    """

    text: str
    words: tuple[Word, ...]
    log_probability: float
    alternatives: tuple[Caption, ...] = ()
    source: str = ""
    objects: tuple[RecognizedObject, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", tuple(self.words))
        object.__setattr__(self, "objects", tuple(self.objects))
        object.__setattr__(self, "alternatives", tuple(self.alternatives))
        object.__setattr__(self, "log_probability", float(self.log_probability))
        if not math.isfinite(self.log_probability):
            raise ValueError(f"The log probability of “{self.text}” is {self.log_probability}.")

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return short_repr(self, self.text, confidence=self.confidence, source=self.source or None)

    def _repr_html_(self) -> str:
        """The caption for a notebook, its words the fainter the less sure they are, with what was recognised."""
        seen = ", ".join(f"{escape(one.name)} {one.probability:.0%}" for one in self.objects)
        check = " <em>please check</em>" if self.uncertain else ""
        return f"<p>{words_html(self.words)}{check}</p>" + (f"<p><small>Recognised: {seen}</small></p>" if seen else "")

    @property
    def confidence(self) -> float | None:
        """The geometric mean of the words' confidences, 0 to 1; None where no word has one."""
        return mean_confidence(self.words)

    @property
    def uncertain(self) -> bool:
        """Whether a person should look: `confidence` is below `UNCERTAIN_CAPTION`, or a word's below `UNCERTAIN_WORD`.

        A caption without words, or without confidences, is uncertain too: nothing vouches for it.
        """
        if self.confidence is None or self.confidence < UNCERTAIN_CAPTION:
            return True
        return any(word.confidence is not None and word.confidence < UNCERTAIN_WORD for word in self.words)

    def translated(
        self, translator: TextTranslator, *, n_best: int | None = None, weight: float = TRANSLATION_WEIGHT
    ) -> Caption:
        """The caption in another language; its alternatives, too.

        First comes what is both likely and surely translated: log p / (words + 1)^0.7 of the caption, which is how the
        search ranks by default, and ``weight`` times the logarithm of the translation's confidence. A word looks where
        the word looked that it came from, and its confidence is the product of both: it is right where the model saw
        right and the translator chose right.

        Args:
            translator: such as ``lstm_models.load("translator-en-de")``.
            n_best: keep so many of the captions; all of them if None.
            weight: how much the translator's confidence counts; 0 keeps the captioner's order.

        Example:
            >>> caption.translated(lstm_models.load("translator-en-de")).text     # doctest: +SKIP
            'Ein Hund rennt durch das Gras'
        """
        every = [replace(self, alternatives=()), *(replace(one, alternatives=()) for one in self.alternatives)]
        texts = [one.text + _stop(one.text) for one in every if one.text.strip()]
        found = iter(translator.translate(texts) if texts else ())
        made = [_translated(one, next(found)) if one.text.strip() else (one, 0.0) for one in every]
        scores = [
            one.log_probability / (len(one.words) + 1) ** 0.7 + weight * sure
            for one, (_, sure) in zip(every, made, strict=True)
        ]
        order = sorted(range(len(made)), key=lambda place: -scores[place]) if weight else range(len(made))
        best, *others = [made[place][0] for place in order][:n_best]
        return replace(best, alternatives=tuple(others))

    def as_dict(self, *, attention: bool = False) -> dict[str, Any]:
        """The caption as what JSON can hold: numbers rounded, the words' attention maps only if asked for."""
        made: dict[str, Any] = {"source": self.source} if self.source else {}
        made["text"] = self.text
        if self.confidence is not None:
            made["confidence"] = round(self.confidence, 4)
        made |= {"uncertain": self.uncertain, "log_probability": round(self.log_probability, 4)}
        made["words"] = [word.as_dict(attention=attention) for word in self.words]
        if self.objects:
            made["objects"] = [one.as_dict() for one in self.objects]
        if self.alternatives:
            made["alternatives"] = [other.as_dict(attention=attention) for other in self.alternatives]
        return made

    def json(self, *, attention: bool = False) -> str:
        """One line of JSON, so that the lines of many captions are JSON Lines; attention maps as lists of rows."""
        about = {"format": "lstm-models caption", "version": 1}
        return one_line({**about, **self.as_dict(attention=attention)}) + "\n"

    def xmp(self) -> str:
        """An XMP packet (ISO 16684-1) for a photo: the sentence as its description, what was recognised as keywords.

        As NAME.xmp beside a photo it is read by programs that manage photos, which leaves the photo as it is.
        """
        keywords = "".join(f"<rdf:li>{escape(one.name)}</rdf:li>" for one in self.objects)
        subject = f"<dc:subject><rdf:Bag>{keywords}</rdf:Bag></dc:subject>" if keywords else ""
        alt = f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(self.text)}</rdf:li></rdf:Alt>'
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            f'<x:xmpmeta xmlns:x="adobe:ns:meta/" {XMP_MARK}><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
            'xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/">'
            f"<dc:description>{alt}</dc:description>"
            f"<Iptc4xmpCore:AltTextAccessibility>{alt}</Iptc4xmpCore:AltTextAccessibility>{subject}"
            "</rdf:Description></rdf:RDF></x:xmpmeta>\n"
            '<?xpacket end="w"?>\n'
        )

    @classmethod
    def from_json(cls, document: str | bytes) -> Caption:
        """The caption that `json` wrote, with the numbers rounded there.

        Raises:
            InputError: the document is not JSON, or not a caption; the sentence says what is wrong.
        """
        try:
            read = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise InputError(f"This is not a JSON document: {error}.") from error
        if isinstance(read, dict) and read.get("version", 1) != 1:
            raise InputError(f"This caption has format version {read['version']!r}; this lstm-models reads version 1.")
        try:
            return cls._from_dict(read)
        except ValueError as error:
            raise InputError(f"This caption cannot be read: {error}") from error
        except (TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
            raise InputError(
                'A caption is a JSON object with "text", "log_probability" and "words", a list of objects with "text".'
            ) from error

    @classmethod
    def _from_dict(cls, read: dict[str, Any]) -> Caption:
        words = [
            Word(_text_in(word["text"]), *(word.get(key) for key in ("confidence", "start", "end", "attention")))
            for word in read["words"]
        ]
        others = [cls._from_dict(other) for other in read.get("alternatives", [])]
        source = _text_in(read.get("source", ""))
        objects = [
            RecognizedObject(_text_in(one["name"]), float(one["probability"])) for one in read.get("objects", [])
        ]
        return cls(_text_in(read["text"]), tuple(words), read["log_probability"], tuple(others), source, tuple(objects))

    def save(self, path: str | os.PathLike[str], *, attention: bool = False) -> Path:
        """Write the caption to a `.txt` (the sentence), `.json` or `.xmp` file, whole or not at all; gives its path.

        Raises:
            InputError: the suffix is another one, the folder is missing, the path is a folder, or the disk refuses.
        """
        formats = {".txt": lambda: self.text + "\n", ".json": lambda: self.json(attention=attention), ".xmp": self.xmp}
        return save_by_suffix(path, formats, "a caption")

    def attention_pictures(self, image: Any, *, side: int = 640) -> list[Image]:
        """The photo once for each word, dimmed where the model did not look when it said the word.

        Args:
            image: the photo the caption is of; whatever `lstm_models.io.images.open_image` takes.
            side: pixels of the pictures' longer side, at most.

        Raises:
            InputError: the photo cannot be opened, or no word has an attention map.
        """
        from lstm_models.tasks.captioning import attention_maps

        self._needs_attention()
        photo = attention_maps.photo(image, side)
        return [attention_maps.looked_at(photo, word.attention) for word in self.words]

    def attention_sheet(self, image: Any) -> Image:
        """One picture of all `attention_pictures`, each above its word and its confidence; see there."""
        from lstm_models.tasks.captioning import attention_maps

        self._needs_attention()
        return attention_maps.sheet(attention_maps.photo(image, attention_maps.TILE), self.text, self.words)

    def save_attention(self, image: Any, path: str | os.PathLike[str]) -> Path:
        """Write `attention_sheet` to a `.png` or `.jpg` file, whole or not at all, and give back its path.

        Raises:
            InputError: as `attention_sheet` and `save`.
        """

        def content(format_: str) -> bytes:
            file = io.BytesIO()
            self.attention_sheet(image).save(file, format_, quality=90)
            return file.getvalue()

        formats = {".png": partial(content, "PNG"), ".jpg": partial(content, "JPEG"), ".jpeg": partial(content, "JPEG")}
        return save_by_suffix(path, formats, "a sheet of attention maps")

    def _needs_attention(self) -> None:
        if all(word.attention is None for word in self.words):
            raise InputError("No word of this caption has an attention map; it was read from a file without them.")


def _stop(text: str) -> str:
    """What a sentence lacks to end as those that translators learn from."""
    return "" if text[-1:] in (".", "!", "?") else "."


def _translated(caption: Caption, made: Any) -> tuple[Caption, float]:
    """A caption by its translation, and the mean logarithm of the translator's confidences."""
    words, logs = [], []
    for sentence in made.sentences:
        origins = word_origins(sentence.source_words, caption.words)
        for word in sentence.words:
            seen = None if word.source is None else origins[word.source]
            if any(map(str.isalnum, word.text)):
                known = [one.confidence for one in (word, seen) if one is not None and one.confidence is not None]
                sure = math.prod(known) if known else None
                words.append(Word(word.text, sure, attention=None if seen is None else seen.attention))
            if word.confidence is not None:
                logs.append(math.log(max(word.confidence, 1e-9)))
    stop = _stop(caption.text)
    text = made.text.removesuffix(stop) if stop else made.text
    return replace(caption, text=text, words=tuple(words)), sum(logs) / max(len(logs), 1)


def word_origins(parts: Sequence[str], words: Sequence[Word]) -> list[Word | None]:
    """Of each part of a sentence the first word that shares letters with it; both are in order, split differently."""

    def owners(texts: Sequence[str]) -> list[int]:
        """Of each letter the number of its text."""
        return [number for number, text in enumerate(texts) for letter in text if letter.isalnum()]

    found: list[Word | None] = [None] * len(parts)
    for part, word in zip(owners(parts), owners([word.text for word in words]), strict=False):
        if found[part] is None:
            found[part] = words[word]
    return found


def _text_in(read: Any) -> str:
    if not isinstance(read, str):
        raise TypeError(f"a text is {read!r}")
    return read
