"""bAbI's stories (Weston et al. 2015, arXiv:1502.05698), as files or the archive of them, and as items of a batch."""

from __future__ import annotations

import io
import lzma
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from torch.utils.data import Dataset

from lstm_models.errors import InputError
from lstm_models.tasks.question_answering.stories import Story, StoryEncoder, StoryItem

__all__ = ["Stories", "read_babi"]

_LINE = re.compile(r"(\d+) (.*)")
_TASK = re.compile(r"qa(\d+)_")


def read_babi(path: str | os.PathLike[str], part: str = "en") -> list[Story]:
    """The stories of a file of bAbI's form, of a folder of them, or of the archive, .tar, .tar.gz or .tar.xz.

    Args:
        path: a file such as qa1_single-supporting-fact_train.txt, a folder, or an archive.
        part: of an archive or folder with several folders, the one that is read: en or en-10k.

    Raises:
        InputError: nothing of that form can be read.
    """
    path = Path(path)
    try:
        if path.is_dir():
            inner = path / part if (path / part).is_dir() else path
            texts = {file.name: file.read_text("utf-8") for file in sorted(inner.glob("*.txt"))}
        elif path.name.endswith((".tar", ".tar.gz", ".tgz", ".tar.xz")):
            with tarfile.open(path) as archive:
                texts = {}
                for member in archive:
                    place = PurePosixPath(member.name)
                    if member.isfile() and place.suffix == ".txt" and place.parent.name == part:
                        file = archive.extractfile(member)
                        texts[place.name] = io.TextIOWrapper(file, "utf-8").read() if file else ""
        else:
            texts = {path.name: path.read_text("utf-8")}
    except (OSError, tarfile.TarError, lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as stories: {getattr(error, 'strerror', None) or error}") from None
    found = [story for name in sorted(texts, key=_number) for story in _stories(name, texts[name])]
    if not found:
        raise InputError(f"{path} has no stories of bAbI's form" + (f" in {part}" if path.suffix != ".txt" else ""))
    return found


def _number(name: str) -> int:
    match = _TASK.match(name)
    return int(match[1]) if match else 0


def _stories(name: str, text: str) -> Iterator[Story]:
    kind = f"{_number(name):02}" if _number(name) else Path(name).stem
    sentences: dict[int, str] = {}  # by the number of the line
    for at, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line.strip())
        if match is None:
            if not line.strip():
                continue
            raise InputError(f"{name}, line {at}: a line begins with its number, as in “1 Mary moved to the bathroom.”")
        number, rest = int(match[1]), match[2]
        if number == 1:
            sentences = {}
        if "\t" not in rest:
            sentences[number] = rest
            continue
        question, answer, *facts = (part.strip() for part in rest.split("\t"))
        order = {each: place for place, each in enumerate(sentences)}
        named = [int(fact) for fact in (facts[0].split() if facts else []) if fact.isdigit()]
        resting = tuple(order[each] for each in named if each in order)
        if sentences:
            yield Story(tuple(sentences.values()), question, answer.lower(), resting, kind)


class Stories(Dataset[StoryItem]):
    """Stories as items; ``lengths`` are their sentences."""

    def __init__(self, stories: list[Story], encoder: StoryEncoder) -> None:
        self.items = [encoder(story) for story in stories]
        self.lengths = [len(item.sentences) for item in self.items]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> StoryItem:
        return self.items[index]
