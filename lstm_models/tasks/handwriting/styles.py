"""`Style`, a hand to write in: a learnt one, one mixed from others, or one fitted to somebody's own lines.

writer = lstm_models.load("writer")
writer.write("Dear reader,", style="ada")                 # learnt
writer.write("Dear reader,", style="ada+gus")             # half way between two
writer.write("Dear reader,", style="ada:0.3+gus:0.7")     # nearer to the second
style = writer.fit_style([("me.json", "a line of mine")], name="mine")
style.save("mine.style.json")
writer.write("Dear reader,", style="mine.style.json")     # or style=style
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown
from lstm_models.io.inputs import opened
from lstm_models.io.save_formats import save_by_suffix

if TYPE_CHECKING:
    from lstm_models.tasks.handwriting.network import HandwritingWriterNetwork

__all__ = ["Style", "fingerprint", "mix", "resolve"]

MOST_FEATURES = 4_096
LARGEST = 100.0  # of a feature; learnt ones lie within 5
MOST_MIXED = 16
_MOST_BYTES = 2**20
_LONGEST_NAME = 120
_KIND = "lstm-models style"
_WEIGHTED = re.compile(r"(.+):\s*([0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)")


@dataclass(frozen=True)
class Style:
    """A hand that a writer can write in.

    Attributes:
        vector: its place among the styles the writer learnt, `style_size` numbers.
        name: what it is called; drawings carry it.
        writer: which writer it is for (`fingerprint`); empty where that is not known.
        facts: what else is known of it, such as how many lines it was fitted to; texts and numbers.

    Raises:
        InputError: the name is empty, too long or not one line; a number is not finite or far too large.
    """

    vector: tuple[float, ...]
    name: str
    writer: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "vector", tuple(map(float, self.vector)))
        if not self.name.strip() or shown(self.name) != self.name or len(self.name) > _LONGEST_NAME:
            raise InputError(f"the name of a style is one line of 1 to {_LONGEST_NAME} characters", usage=True)
        if not all(math.isfinite(value) and abs(value) <= LARGEST for value in self.vector):
            raise InputError(f"the numbers of a style lie between -{LARGEST:g} and {LARGEST:g}", usage=True)

    def json(self) -> str:
        """The style as one JSON document."""
        about = {"format": _KIND, "version": 1, "name": self.name, "writer": self.writer}
        return json.dumps({**about, "facts": dict(self.facts), "vector": self.vector}, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, document: str | bytes, *, name: str = "This style") -> Style:
        """The style that `json` wrote; sentences call the document by the ``name``.

        Raises:
            InputError: the document is not JSON, not a style, of a later version, or its numbers cannot be.
        """
        try:
            read = json.loads(document)
        except (ValueError, RecursionError):  # also a byte that is no UTF-8
            raise InputError(f"{name} is no style: it is not a JSON document.") from None
        if not isinstance(read, dict) or read.get("format") != _KIND:
            kind = read.get("format") if isinstance(read, dict) else None
            what = f"it is a “{shown(kind)[:40]}”" if isinstance(kind, str) else f'it has no "format": "{_KIND}"'
            raise InputError(f"{name} is no style: {what}.")
        version = read.get("version")
        if version != 1 or isinstance(version, bool):
            raise InputError(f"{name} has format version {str(version)[:20]}; this lstm-models reads version 1.")
        vector, called = read.get("vector"), read.get("name")
        writer, facts = read.get("writer", ""), read.get("facts", {})
        if not isinstance(vector, list) or not all(type(value) in (int, float) for value in vector):
            raise InputError(f'{name} is no style: its "vector" is not a list of numbers.')
        if not 1 <= len(vector) <= MOST_FEATURES:
            raise InputError(f"{name} has a vector of {len(vector):,} numbers; 1 to {MOST_FEATURES:,} can be.")
        if not isinstance(called, str) or not isinstance(writer, str) or not isinstance(facts, dict):
            raise InputError(f'{name} is no style: its "name" and "writer" are texts, its "facts" an object.')
        try:
            return cls(tuple(vector), called, shown(writer), facts)
        except OverflowError:  # a whole number beyond any float
            raise InputError(f"{name} cannot be read: its numbers are far too large.") from None
        except InputError as error:
            raise InputError(f"{name} cannot be read: {error}.") from None

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the style to a .json file, whole or not at all, and give back its path.

        Raises:
            InputError: the suffix is another one, the folder is missing, the path is a folder, or the disk refuses.
        """
        return save_by_suffix(path, {".json": self.json}, "a style")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Style:
        """The style of a file that `save` wrote.

        Raises:
            InputError: the file is missing, no ordinary file, empty, or no style; the sentence says which.
        """
        with opened(path, shown(path), "style") as file:
            document = file.read(_MOST_BYTES + 1)
        if len(document) > _MOST_BYTES:
            raise InputError(f"{shown(path)} is no style: it is larger than one can be.")
        return cls.from_json(document, name=shown(path))


def fingerprint(writer: HandwritingWriterNetwork) -> str:
    """What distinguishes a writer's styles from another one's: the same where their learnt vectors are."""
    if writer.style is None:
        return ""
    learnt = writer.style.weight.detach().cpu().half().numpy()  # checkpoints store half precision
    return hashlib.sha256(learnt.tobytes()).hexdigest()[:16]


def resolve(writer: HandwritingWriterNetwork, style: str | Style | None) -> tuple[str, Tensor]:
    """The name of a style and its vector [style_size], for whatever ``style=`` may be.

    Args:
        writer: who is to write.
        style: a `Style`; a name or the id of a learnt writer; the name of a file that ends in .json; several of these
            joined by +, each with a share after a colon or all without; nothing for no style in particular.

    Raises:
        InputError: there is no such style or file, a share is not above 0, or the style is another writer's.
    """
    if isinstance(style, Style):
        return style.name, _vector_of(writer, style)
    if style is not None and not isinstance(style, str):
        raise InputError(f"a style is a name, a file or a Style, not a {type(style).__name__}", usage=True)
    if style and style not in writer.config.names and style not in writer.config.styles:
        if "+" in style and not os.path.isfile(style):
            return style, _mixed(writer, style)
        if style.lower().endswith(".json"):
            return resolve(writer, Style.load(style))
    number = writer.style_number(style)
    if writer.style is None:
        return style or "", writer.characters.weight.new_zeros(0)
    return style or "", writer.style.weight.detach()[number]


def mix(writer: HandwritingWriterNetwork, a: str | Style, b: str | Style, share: float) -> Style:
    """See `HandwritingWriter.mix`."""
    if not 0 <= share <= 1:
        raise InputError(f"the share of the second style must lie between 0 and 1, not {share:g}", usage=True)
    (one, first), (other, second) = resolve(writer, a), resolve(writer, b)
    vector = first * (1 - share) + second * share
    name = f"{one}:{1 - share:.3g}+{other}:{share:.3g}"[:_LONGEST_NAME]
    return Style(tuple(vector.tolist()), name, fingerprint(writer), {"mixed": True})


def _mixed(writer: HandwritingWriterNetwork, mix: str) -> Tensor:
    parts = [part.strip() for part in mix.split("+")]
    if not all(parts) or len(parts) > MOST_MIXED:
        raise InputError(
            f"“{shown(mix[:80])}” is no mix of 2 to {MOST_MIXED} styles; ada+gus or ada:0.3+gus:0.7 would be",
            usage=True,
        )
    matches = [_WEIGHTED.fullmatch(part) for part in parts]
    if any(matches) and not all(matches):
        raise InputError(
            f"“{shown(mix[:80])}” gives shares to some of its styles; give them to all or none", usage=True
        )
    shares = [float(match[2]) if match else 1.0 for match in matches]
    if not (math.isfinite(sum(shares)) and sum(shares) > 0):
        raise InputError(f"the shares in “{shown(mix[:80])}” must be above 0 together", usage=True)
    vectors = [
        resolve(writer, match[1].strip() if match else part)[1] for part, match in zip(parts, matches, strict=True)
    ]
    weights = torch.tensor(shares, dtype=vectors[0].dtype, device=vectors[0].device) / sum(shares)
    return (torch.stack(vectors) * weights[:, None]).sum(0)


def _vector_of(writer: HandwritingWriterNetwork, style: Style) -> Tensor:
    size = writer.config.style_size
    if len(style.vector) != size:
        has = f"has styles of {size} numbers" if size else "learnt no styles"
        raise InputError(f"the style “{style.name}” has {len(style.vector)} numbers, and this writer {has}", usage=True)
    if style.writer and style.writer != fingerprint(writer):
        raise InputError(
            f"the style “{style.name}” was made for another writer; make it again with this one", usage=True
        )
    return writer.characters.weight.new_tensor(style.vector)
