"""Scores of captions: BLEU, ROUGE-L, CIDEr and METEOR by the standard scorer, and how varied the captions are.

Tokens are those of the standard scorer: the Stanford PTBTokenizer of ``pycocoevalcap``, lower case, without the
tokens of `PUNCTUATION`. Where Java is missing, `tokenize` stands in. The two agree on all 35,000 captions of
Flickr8k's training and development photos; they are known to differ on smileys, markup and signs of currency.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import shutil
import subprocess
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from lstm_models.errors import InputError

__all__ = ["caption_scores", "meteor", "reference_tokens", "right_words", "tokenize", "variety"]

# What the standard scorer leaves out; brackets are not among it, because the tokeniser has put them in lower case.
PUNCTUATION = frozenset(
    ["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)

_BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
_SPLIT = {
    "cannot": "can not",
    "gonna": "gon na",
    "gotta": "got ta",
    "wanna": "wan na",
    "lemme": "lem me",
    "gimme": "gim me",
    "'tis": "'t is",
    "'twas": "'t was",
}
_WORD = r"[^\W_]+"
_TOKEN = re.compile(
    rf"""
    '(?:tis|twas|em|cause|n'|\d\ds)(?!\w)                             # words that begin with an apostrophe
    | n't(?!\w) | '(?:s|m|d|ll|re|ve)(?!\w)                           # split already: girl 's
    | (?:{_WORD}\.)?(?:[a-z]\.)+(?!\w)                                # initials: d.c., a.m., p.
    | (?:mrs?|ms|drs?|st|ave|blvd|jr|sr|prof|capt|lt|sgt|gen|rev|vs|etc|inc|ltd|corp|co|mt|ft)\.(?!\w)
    | \d+(?:[.,:/]\d+)+(?:-{_WORD})*                                  # 1,000, 5:30, 24/7, 3.5-inch
    | {_WORD}(?:[-./_'@]{_WORD})*                 # with marks inside: t-shirt, and/or, a.com
    | !?\?[?!]* | !+ | \.{{3,}} | -{{2,}} | \S
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CLITIC = re.compile(r"(?<=\w)(n't|'(?:s|m|d|ll|re|ve))(?!\w)")
_SECONDS = 300  # more than any run of Java here should take; then it is stopped


def right_words(words: Sequence[str], references: Iterable[Sequence[str]]) -> list[bool]:
    """Whether each word of a caption is in at least one reference of its photo, both given as the scorer's words.

    In any place, but in the same form: “dog” is not “dogs”. A word can also be right and in no reference (“grass” where
    all five people wrote “field”): a confidence calibrated so is that of being said by one of five, a lower bound.
    """
    known = {word.lower() for reference in references for word in reference}
    return [word.lower() in known for word in words]


def tokenize(caption: str) -> list[str]:
    """The words of a caption as the standard scorer counts them, without Java.

    Lower case; contractions and possessives split as in the Penn Treebank (“ca n't”, “girl 's”); hyphenated words,
    abbreviations, numbers and addresses in one piece; brackets written out; the tokens of `PUNCTUATION` left out.
    """
    text = re.sub("[‘’]", "'", re.sub('["“”]', " ", caption.lower()))
    text = re.sub("[–—]", " -- ", text)
    tokens: list[str] = []
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in _SPLIT:
            tokens += _SPLIT[token].split()
        elif "'" in token[1:]:
            tokens += _CLITIC.sub(r" \1 ", token).replace(" -", " ").split()  # bird 's eye-view
        elif token.startswith(("--", "...")):
            continue
        else:
            tokens.append(_BRACKETS.get(token, token))
    return [token for token in tokens if token not in PUNCTUATION]


def java_tokens(captions: Sequence[str]) -> list[list[str]] | None:
    """The same by the standard scorer's own tokeniser; None without Java, or where it fails.

    Raises ModuleNotFoundError where pycocoevalcap, which brings it, is missing.
    """
    jar = _folder() / "tokenizer" / "stanford-corenlp-3.4.1.jar"
    java = shutil.which("java")
    if java is None or not jar.is_file():
        return None
    command = [java, "-Dfile.encoding=UTF-8", "-XX:+UseSerialGC", "-cp", str(jar)]
    command += ["edu.stanford.nlp.process.PTBTokenizer", "-encoding", "UTF-8", "-preserveLines", "-lowerCase"]
    lines = "\n".join(" ".join(caption.split()) for caption in captions)
    try:
        done = subprocess.run(
            command, input=lines.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    rows = done.stdout.decode(errors="replace").split("\n")
    if done.returncode or len(rows) < len(captions):
        return None
    return [[token for token in row.split() if token not in PUNCTUATION] for row in rows[: len(captions)]]


def reference_tokens(captions: Sequence[str], notes: list[str] | None = None) -> list[list[str]]:
    """Words of captions by the standard scorer's tokeniser, or by `tokenize` where there is no Java (then noted)."""
    rows = java_tokens(captions)
    if rows is None:
        rows = [tokenize(caption) for caption in captions]
        if notes is not None:
            notes.append("tokens: without Java, by rules that follow PTBTokenizer")
    return rows


def caption_scores(
    candidates: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    *,
    training: Iterable[str] | None = None,
    use_meteor: bool = True,
    notes: list[str] | None = None,
) -> dict[str, float]:
    """Scores of one caption a photo by the photo's references, times 100, and the captions' `variety`.

    BLEU-1 to 4 (Papineni et al. 2002; over all captions, closest reference length), ROUGE-L (Lin 2004), CIDEr
    (Vedantam et al. 2015: CIDEr-D; document frequencies of these references) and METEOR (Denkowski and Lavie 2014;
    version 1.5, left out where Java is missing), all by ``pycocoevalcap``.

    Args:
        candidates: photo -> its caption.
        references: photo -> its references; photos without a candidate are left out.
        training: captions trained on; the share of candidates that are new is added.
        use_meteor: whether METEOR is wanted; it takes some seconds.
        notes: what was left out, or done otherwise, is added here.

    Returns:
        ``BLEU-1`` … ``BLEU-4``, ``ROUGE-L``, ``CIDEr``, ``METEOR`` if possible, and those of `variety`.

    Raises:
        InputError: there is no candidate, or a candidate without a reference.
        ModuleNotFoundError: pycocoevalcap (the extra ``bench``) is not installed.
    """
    if not candidates:
        raise InputError("there is no caption to score")
    missing = next((name for name in candidates if not references.get(name)), None)
    if missing is not None:
        raise InputError(f"{missing} has no reference captions")
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    names = list(candidates)
    captions = [candidates[name] for name in names] + [text for name in names for text in references[name]]
    words = iter(reference_tokens(captions, notes))
    rows = [next(words) for _ in names]
    ours = {name: [" ".join(row)] for name, row in zip(names, rows, strict=True)}
    theirs = {name: [" ".join(next(words)) for _ in references[name]] for name in names}
    result: dict[str, float] = {}
    with contextlib.redirect_stdout(io.StringIO()):  # it prints lengths and ratios
        bleu, _ = Bleu(4).compute_score(theirs, ours, verbose=0)
        result.update({f"BLEU-{order}": 100 * float(score) for order, score in enumerate(bleu, 1)})
        result["ROUGE-L"] = 100 * float(Rouge().compute_score(theirs, ours)[0])
        result["CIDEr"] = 100 * float(Cider().compute_score(theirs, ours)[0])
    if use_meteor:
        score = meteor([ours[name][0] for name in names], [theirs[name] for name in names])
        if score is not None:
            result["METEOR"] = 100 * score
        elif notes is not None:
            notes.append("METEOR: left out, it needs Java")
    known = None if training is None else {tuple(row) for row in reference_tokens(list(training))}
    result.update(variety(rows, known))
    return result


def variety(rows: Sequence[Sequence[str]], training: Collection[tuple[str, ...]] | None = None) -> dict[str, float]:
    """How varied captions are: distinct words, per cent of distinct captions and of ones not trained on, mean length.

    Args:
        rows: the words of each caption; at least one.
        training: the words of the captions trained on.
    """
    every = [tuple(row) for row in rows]
    result = {
        "vocabulary": float(len({word for row in every for word in row})),
        "distinct": 100 * len(set(every)) / len(every),
        "words": sum(map(len, every)) / len(every),
    }
    if training is not None:
        result["new"] = 100 * sum(row not in training for row in every) / len(every)
    return result


def meteor(candidates: Sequence[str], references: Sequence[Sequence[str]], seconds: float = _SECONDS) -> float | None:
    """METEOR 1.5 of tokenised captions, 0 to 1; None without Java, or where it fails or takes longer than ``seconds``.

    The program of pycocoevalcap, asked line by line: “SCORE” gives the statistics of a caption, “EVAL” the score of
    all. It is stopped in any case. Raises ModuleNotFoundError where pycocoevalcap is missing.
    """
    jar = _folder() / "meteor" / "meteor-1.5.jar"
    java = shutil.which("java")
    if java is None or not jar.is_file():
        return None
    command = [java, "-Dfile.encoding=UTF-8", "-XX:+UseSerialGC", "-Xmx2G", "-jar", str(jar)]
    command += ["-", "-", "-stdio", "-l", "en", "-norm"]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
        )
    except OSError:
        return None
    guard = threading.Timer(seconds, process.kill)
    guard.start()
    assert process.stdin is not None
    assert process.stdout is not None

    def ask(line: str) -> str:
        process.stdin.write(line + "\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        return process.stdout.readline().strip()  # type: ignore[union-attr]

    try:
        statistics = [
            ask(" ||| ".join(["SCORE", *of_photo, re.sub(r"\s+", " ", candidate.replace("|||", ""))]))
            for candidate, of_photo in zip(candidates, references, strict=True)
        ]
        ask(" ||| ".join(["EVAL", *statistics]))  # answers with a line a caption, this is the first
        for _ in candidates[1:]:
            process.stdout.readline()
        return float(process.stdout.readline())
    except (OSError, ValueError):  # killed or ended early: a closed pipe, an empty line
        return None
    finally:
        guard.cancel()
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()


def _folder() -> Path:
    """Where pycocoevalcap is installed."""
    found = importlib.util.find_spec("pycocoevalcap")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'pycocoevalcap'", name="pycocoevalcap")
    return Path(next(iter(found.submodule_search_locations)))
