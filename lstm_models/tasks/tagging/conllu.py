"""CoNLL-U, the format of Universal Dependencies, as a tagger reads it and fills it in."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_models.errors import InputError
from lstm_models.tasks.tagging.results import TaggedText, Token

__all__ = ["fill_conllu", "read_conllu"]

_COLUMNS = 10


def read_conllu(content: str) -> list[list[str]]:
    """The words of each sentence; ranges such as 1-2 and empty words such as 1.1 are none.

    Raises:
        InputError: a line has another number of columns than ten, or there is no word.
    """
    sentences: list[list[str]] = []
    inside = False
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            inside = False
        elif not line.startswith("#"):
            columns = line.split("\t")
            if len(columns) != _COLUMNS or not columns[1].strip():
                raise InputError(f"line {number} is not CoNLL-U: it has {len(columns)} columns, expected {_COLUMNS}")
            if not inside:
                sentences.append([])
                inside = True
            if columns[0].isdigit():
                sentences[-1].append(columns[1])
    if not any(sentences):
        raise InputError("there is no word in this CoNLL-U")
    return [sentence for sentence in sentences if sentence]


def fill_conllu(content: str, tagged: TaggedText) -> str:
    """The content with the parts of speech (column 4) and names (Entity= in column 10) of the words of `read_conllu`;
    all else stays."""
    tokens = iter(tagged.tokens)
    return "".join(_filled(content, tokens))


def _filled(content: str, tokens: Iterator[Token]) -> Iterator[str]:
    for line in content.splitlines(keepends=True):
        columns = line.split("\t")
        if line.startswith("#") or len(columns) != _COLUMNS or not columns[0].isdigit():
            yield line
            continue
        token = next(tokens)
        end = columns[9][len(columns[9].rstrip("\r\n")) :]
        misc = [each for each in columns[9].rstrip("\r\n").split("|") if each != "_" and not each.startswith("Entity=")]
        misc += [] if token.entity == "O" else [f"Entity={token.entity}"]
        columns[3], columns[9] = token.pos, ("|".join(misc) or "_") + end
        yield "\t".join(columns)
