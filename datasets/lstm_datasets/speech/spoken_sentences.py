"""The sentences of written texts, each as it is spoken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lstm_datasets.speech.text_normalizer import normalize

__all__ = ["spoken_sentences"]

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z])")
_ABBREVIATED = re.compile(r"(?:^|[\s(\"'“])(?:[A-Za-z]|Mrs?|Ms|Dr|St|Messrs|Prof|Capt|Col|Gen|Lt|Sgt|Rev|Hon|Jr|Sr)\.$")
_APART = re.compile(r"(?<=[A-Za-z]) ?['’] ?(s|ll|ve|re|d|m)\b(?!['’])| (n['’]t)\b|(?<=n) ?['’] ?(t)\b")


def spoken_sentences(texts: Iterable[str]) -> Iterator[str]:
    """The sentences of texts, normalised; what a tokeniser took apart (“do n't”, “Emma ' s”) is put together again.

    >>> list(spoken_sentences(["Dr. Lee came. He did n't stay!"]))
    ['doctor lee came', "he didn't stay"]
    """
    for text in texts:
        for paragraph in re.split(r"\n\s*\n", text):
            joined = _APART.sub(lambda found: f"'{found[1]}" if found[1] else "n't" if found[2] else "'t", paragraph)
            begin = 0
            for end in _SENTENCE_END.finditer(joined):
                if not _ABBREVIATED.search(joined[max(begin, end.start() - 12) : end.start()]):
                    yield normalize(joined[begin : end.start()])
                    begin = end.end()
            yield normalize(joined[begin:])
