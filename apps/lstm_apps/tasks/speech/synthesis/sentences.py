"""What ``lstm-models synthesize`` says: the sentences of books and of one's own texts, cut to the length of utterances,
and none that a model is to be judged on.
"""

from __future__ import annotations

import json
import lzma
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from lstm_datasets.speech.shards import read_meta
from lstm_datasets.speech.text_normalizer import normalize
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import shown
from lstm_models.text.sentences import SentenceRules, sentences_of

__all__ = ["Excluded", "order_by_rarity", "read_texts", "split_sentences"]

MOST_WORDS = 34  # about 14 s
SHORT = 300  # letters of a text that is no book
LINES = (".jsonl", ".ndjson")
RUN = 6  # words in a row that make two sentences the same
RAREST = 3  # a word of fewer occurrences is more often a name, a foreign word or a misprint than English


# --- files -----------------------------------------------------------------------------------------------------------


def read_texts(paths: Sequence[str | Path]) -> Iterator[str]:
    """The texts of .txt files and of JSON Lines with a "text", either of them also as .xz.

    A .txt without blank lines has a text a line; otherwise blank lines part paragraphs.

    Raises:
        InputError: a file is missing, damaged, of another kind, or has no text.
    """
    for path in map(Path, paths):
        suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".xz"]
        kind = suffixes[-1] if suffixes else ""
        if kind not in (".txt", *LINES):
            raise InputError(f"{shown(path)} is no text to speak: .txt, .jsonl and .jsonl.xz are read.", usage=True)
        found = False
        for text in _records(path) if kind in LINES else _paragraphs(path):
            found = found or bool(text.strip())
            yield text
        if not found:
            raise InputError(f"{shown(path)} has no text.")


def _lines(path: Path) -> Iterator[str]:
    opener = lzma.open if path.suffix.lower() == ".xz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig") as file:
            yield from file
    except FileNotFoundError:
        raise InputError(f"there is no text {shown(path)}.") from None
    except OSError as error:
        raise InputError(f"{shown(path)} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    except (lzma.LZMAError, EOFError):
        raise InputError(f"{shown(path)} is no whole .xz file.") from None
    except UnicodeDecodeError:
        raise InputError(f"{shown(path)} is no text in UTF-8.") from None


def _records(path: Path) -> Iterator[str]:
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            text = json.loads(line)["text"]
        except (ValueError, TypeError, KeyError):
            text = None
        if not isinstance(text, str):
            raise InputError(f'{shown(path)}, line {number}: a JSON object with a "text" would be right.')
        yield text


def _paragraphs(path: Path) -> Iterator[str]:
    text = "".join(_lines(path))
    if re.search(r"\S\s*\n\s*\n\s*\S", text):
        yield text
    else:
        yield from text.splitlines()


# --- sentences -------------------------------------------------------------------------------------------------------

_SPOKEN_SIGNS = str.maketrans({"’": "'", "‘": " ", "“": " ", "”": " ", '"': " ", "_": " ", "…": ",", "\u00ad": ""})
_TITLES = {"Mr": "Mister", "Mrs": "Missus", "Dr": "Doctor"}
_TITLE = re.compile(rf"\b({'|'.join(_TITLES)})\b\.?")
_ABBREVIATIONS = (
    "St", "Co", "Esq", "Messrs", "Mme", "Mlle", "Rev", "Hon", "Col", "Gen", "Capt", "Lt", "Sgt", "Prof", "Vol", "viz",
    "vs", "etc", "Jr", "Sr", "Ch", "Chap", "pp",
)  # fmt: skip
# Not after an abbreviation nor an initial: what is on either side belongs together, and is left out together
_SENTENCES = SentenceRules((*_ABBREVIATIONS, "[A-Z]"), lambda first: first == "'" or first.isupper())
_CLAUSE_END = re.compile(r"(?<=[,;:])\s+")
_SPEAKABLE = re.compile(r"(?=.*[A-Za-z])[A-Za-z',;:.!? -]+")
# What would be spoken otherwise than it is spelt: initials, abbreviations, headings, numbers of chapters
_UNCLEAR = re.compile(
    r"\b(?![AIO]\b)[A-Z]{2,}\b|\b[A-Z]\.|(?<!')\b(?![AaIO]\b)[A-Za-z]\b(?!')|\b[b-df-hj-np-tv-xzB-DF-HJ-NP-TV-XZ]{3,}\b"
    rf"|\b(?:{'|'.join(_ABBREVIATIONS)})\."
)
_EDGE = re.compile(r"(?<![A-Za-z])'(?!(?:tis|twas|twere|twill|twould|em)\b)|'(?![A-Za-z])", re.IGNORECASE)


def split_sentences(text: str, random: np.random.Generator) -> Iterator[str]:
    """Utterances of a text, with their punctuation, which engines turn into melody.

    Most have 6 to 25 words, 2 to 10 s; longer sentences are cut where a clause ends. Left out is what is not spoken as
    it is spelt: headings, abbreviations, initials, foreign letters. Texts with numbers are spelt out where they are
    short (one's own lines), and their sentences left out in books.
    """
    if len(text) < SHORT and not _SPEAKABLE.fullmatch(_speakable(text)):
        text = normalize(text)
    for paragraph in re.split(r"\n\s*\n", text):
        for sentence in sentences_of(_speakable(paragraph), _SENTENCES):
            for part in _cut(sentence, random):
                part = part.strip(" ,;:-")
                if part and _SPEAKABLE.fullmatch(part) and not _UNCLEAR.search(part) and not _EDGE.search(part):
                    yield part


def _speakable(paragraph: str) -> str:
    text = re.sub(r"\s+", " ", paragraph).translate(_SPOKEN_SIGNS)
    text = re.sub(r"\s*(?:--+|[—–]|\s-\s)\s*", ", ", text)
    text = re.sub(r"(?<=[A-Za-z]) ' (?=(?:s|t|d|m|ll|re|ve)\b)", "'", text)  # tokens set apart by blanks
    text = re.sub(r"(?<=[,;:!?])(?=[A-Za-z])", " ", re.sub(r"\s+(?=[,;:.!?])", "", text))
    text = re.sub(r"(?<=[,;:.!?])'(?![A-Za-z])", " ", text)  # the end of a quotation
    text = re.sub(r"([,;:])[,;:]+", r"\1", re.sub(r"([.!?])[.!?,;:]+", r"\1", text))
    return re.sub(r" +", " ", _TITLE.sub(lambda found: _TITLES[found[1]], text)).strip()


def _cut(sentence: str, random: np.random.Generator) -> Iterator[str]:
    """Clauses joined up to a length drawn for each utterance, so that lengths vary as in speech."""
    held: list[str] = []
    words = 0
    target = random.triangular(4, 14, 28)
    for clause in _CLAUSE_END.split(sentence):
        count = clause.count(" ") + 1
        if held and (words + count > MOST_WORDS or words >= target):
            if words <= MOST_WORDS:
                yield " ".join(held)
            held, words, target = [], 0, random.triangular(4, 14, 28)
        held.append(clause)
        words += count
    if held and words <= MOST_WORDS:
        yield " ".join(held)


def order_by_rarity(sentences: Sequence[str], random: np.random.Generator) -> list[str]:
    """The sentences in a random order in which those with rare words come earlier, so that any beginning of it has a
    wide vocabulary (sampling without replacement by weight: Efraimidis and Spirakis 2006, algorithm A).
    """
    split = [re.findall(r"[a-z']+", sentence.lower()) for sentence in sentences]
    counts = Counter(word for words in split for word in words)
    rarity = [sum(counts[word] ** -0.5 for word in words if counts[word] >= RAREST) for words in split]
    # By the root of the length: neither the longest sentences first nor single words
    weights = np.array(rarity) / np.sqrt([len(words) for words in split]) + 0.01
    order = np.argsort(np.log(random.random(len(sentences))) / weights)[::-1]
    return [sentences[place] for place in order]


# --- what is left out ------------------------------------------------------------------------------------------------


class Excluded:
    """Sentences that must not be spoken: those given, and any that shares six words in a row with one of them."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.whole: set[str] = set()
        self.runs: set[tuple[str, ...]] = set()
        for text in texts:
            words = normalize(text).split()
            if words:
                self.whole.add(" ".join(words))
                self.runs.update(_runs(words))

    def __contains__(self, text: object) -> bool:
        words = normalize(str(text)).split()
        return " ".join(words) in self.whole or any(run in self.runs for run in _runs(words))

    @classmethod
    def read(cls, paths: Sequence[str | Path]) -> Excluded:
        """From shards, folders of shards (all but those named ``train-…``), .txt and .jsonl files with a text a line.

        Raises:
            InputError: one of them is missing or damaged, or has no sentence.
        """
        return cls(text for path in map(Path, paths) for text in _given(path))


def _runs(words: list[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(words[place : place + RUN]) for place in range(len(words) - RUN + 1))


def _given(path: Path) -> Iterator[str]:
    if path.is_dir():
        shards = sorted(shard for shard in path.glob("*.tar") if not shard.name.startswith("train-"))
        if not shards:
            raise InputError(f"{shown(path)} has no shard to leave out (those named train-… are not looked at).")
    elif path.suffix.lower() == ".tar":
        shards = [path]
    else:
        yield from read_texts([path])
        return
    for shard in shards:
        for key, meta in read_meta(shard):
            if not isinstance(meta.get("text"), str):
                raise InputError(f"{shown(shard)}: {shown(key)} has no text.")
            yield meta["text"]
