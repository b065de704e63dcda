"""From CTC posteriors to words: greedy, and prefix beam search with a language model and hot words, incrementally.

>>> search = CTCSearch(alphabet, SearchOptions(beam=16, lm_weight=0.5), lstm_models.load("words"))
>>> search.push(log_probs)          # as often as there is something new
>>> search.final()                  # words that will not change
>>> search.partial()                # what seems to follow them
>>> search.finish()                 # the rest

The score of a text is that of Hannun et al. 2014 (arXiv:1408.2873) and Graves and Jaitly 2014, in natural logarithms:

    ln P(text | audio) + lm_weight · Σ ln P(word | words before) + word_bonus · words + hotword_boost · hot words

P(text | audio) adds up every alignment of every label sequence that reads as the text; spaces that follow each other
count as one. While a word is being spelt, the best unigram that begins so stands for its language model score, and its
letters' share of the boost of a hot word is paid; both give way to the real score where the word ends.

A word is final when every hypothesis in the beam begins with it, or when it has waited 100 outputs (four seconds) for
that: the best hypothesis's first word is taken then, since what comes so much later no longer tells one from another.
Decisions fall at fixed outputs, so how the outputs are cut into pushes changes
nothing. Where the search ends, a second language model that reads whole texts may choose among the best of them
(``lstm_models.decoding.rescoring``). Word times are those of the most probable alignment of the text.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lstm_models import deadlines
from lstm_models.decoding.ctc_alignment import align_labels
from lstm_models.decoding.ctc_prefix_beam import BLANK, Node, PrefixBeam, WordModel
from lstm_models.decoding.options import SearchOptions
from lstm_models.decoding.rescoring import Rescorer
from lstm_models.errors import InputError

__all__ = ["EVIDENCE", "CTCSearch", "CTCText", "Found", "ctc_beam_search", "greedy"]

EVIDENCE = 4
"""Numbers of a word's `Found.evidence`."""

_EVERY = 8  # outputs between two looks at what is certain
_HORIZON = 100  # outputs that a whole word waits, at most, until it is decided
_IMPOSSIBLE = -100.0  # what stands for lower log probabilities
_LONGEST = 250  # outputs of a word that does not end
_RESCORED = 20  # texts that a second language model chooses from
_BEFORE = 50  # words before them that it reads


@dataclass(frozen=True)
class Found:
    """A word of a recording.

    Attributes:
        text: the word.
        first: the output in which its first label is emitted, counted since the search was made.
        last: likewise its last label.
        log_probability: of the path from first to last, in nats.
        confidence: 0 to 1, as the posteriors give it, not calibrated.
        lowest: the probability of its least probable letter, where it peaks.
        language_score: ln P of the word after those before it; None without a language model.
        on_best_path: whether the most probable label of each output, alone, spells the same word there.
    """

    text: str
    first: int
    last: int
    log_probability: float
    confidence: float
    lowest: float = 1.0
    language_score: float | None = None
    on_best_path: bool = True

    @property
    def evidence(self) -> tuple[float, ...]:
        """What else tells right words from wrong ones, for a `Calibration`; empty without a language model.

        ``lowest``, the natural logarithm of the number of letters, ``language_score`` and ``on_best_path``.
        """
        if self.language_score is None:
            return ()
        return self.lowest, math.log(len(self.text)), self.language_score, float(self.on_best_path)


@dataclass(frozen=True)
class CTCText:
    """A text that a search found.

    Attributes:
        text: the text.
        log_probability: ln P(text | audio) as far as the beam saw it.
        score: with language model, word bonus and hot words; what the search ranks by.
    """

    text: str
    log_probability: float
    score: float


class CTCSearch:
    """Incremental search over the outputs of a CTC model; see the module's docstring.

    Args:
        alphabet: the characters of labels 1, 2, …; label 0 is the blank. A space in it separates words; without one
            all is a single word.
        options: how to search.
        language_model: word n-gram, or None to search by the posteriors alone.
        rescorer: a language model that chooses among the best texts where the search ends; none if None.

    Raises:
        InputError: a hot word has a character that is not in the alphabet (``usage=True``).
    """

    def __init__(
        self,
        alphabet: str,
        options: SearchOptions,
        language_model: WordModel | None = None,
        rescorer: Rescorer | None = None,
    ) -> None:
        _check_hotwords(alphabet, options)
        self.alphabet, self.options, self._rescorer = alphabet, options, rescorer
        self._said: list[str] = []  # the words that are final, since the search began
        self._beam = PrefixBeam(alphabet, options, language_model)
        self._frames: deque[np.ndarray] = deque()  # of the words that are not final
        self._start = self._outputs = 0  # of the first such output; of the next
        self._silent = 0  # how many silent outputs came last
        self._final: list[Found] = []

    def push(self, log_probs: np.ndarray) -> None:
        """Go on by some outputs.

        Args:
            log_probs: `[outputs, labels]` natural logarithms, any number of outputs, none included.

        Raises:
            ValueError: the shape is another, or a number is NaN.
        """
        log_probs = _checked(log_probs, self.alphabet)
        if not len(log_probs):
            return
        start = 0
        tried = _tried(log_probs, self.options)
        probabilities = np.exp(log_probs, dtype=np.float64).tolist()
        for k, labels in enumerate(tried):
            if labels is None:
                self._beam.blank(probabilities[k][BLANK])
                self._silent += 1
            else:
                self._beam.step(probabilities[k], labels)
                self._silent = 0
            self._outputs += 1
            if self._outputs % _EVERY == 0:
                deadlines.check()
                self._frames.append(log_probs[start : k + 1].copy())
                start = k + 1
                self._settle()
        if start < len(log_probs):
            self._frames.append(log_probs[start:].copy())

    def final(self) -> list[Found]:
        """The words that became certain since the last call."""
        found, self._final = self._final, []
        return found

    def partial(self) -> list[Found]:
        """The words after the certain ones, as the best hypothesis has them; the last may be unfinished."""
        listed = self._beam.texts()
        return self._found(listed[0][2], None, listed) if listed else []

    def finish(self) -> list[Found]:
        """All words not given yet. The search then begins anew, but remembers the last words for the language model."""
        listed = self._rescored(self._beam.texts())
        found, self._final = self._final, []
        context = self._beam.root.context
        if listed:
            found += self._found(listed[0][2], None, listed)
            context = self._beam.completed(listed[0][2])[1]
        self._restart(context)
        self._said = []
        return found

    def _rescored(self, listed: list[tuple[float, float, Node]]) -> list[tuple[float, float, Node]]:
        """The best of these texts in the order that the second language model gives them."""
        if self._rescorer is None or len(listed) < 2:
            return listed
        listed = listed[:_RESCORED]
        before, weight = self._said[-_BEFORE:], self.options.lm_weight * (1 - self._rescorer.options.kept)
        texts = [self._text(node) for _, _, node in listed]
        gains = self._rescorer.gains([" ".join([*before, *words]).strip() for words in texts])
        again = [
            (
                score + gain - weight * math.fsum(self._beam.language_scores([word for word in words if word])),
                total,
                node,
            )
            for (score, total, node), words, gain in zip(listed, texts, gains, strict=True)
        ]
        return sorted(again, key=lambda each: each[0], reverse=True)

    def _restart(self, context: object) -> None:
        self._beam.begin(context)
        self._frames.clear()
        self._start = self._outputs

    def _settle(self) -> None:
        """Move words that are certain, or have waited long enough, to the final ones."""
        beam = self._beam
        space = beam.agreed()
        best = beam.nodes[0]
        if space is None and best is beam.root and self._silent >= _EVERY:
            self._restart(best.context)  # a pause: nothing was said since the last word
        elif space is None and self._outputs - self._start >= _HORIZON:
            path = beam.path(best)
            space = next((node for node in path if node.label == beam.space), None)
            if space is not None:
                beam.insist(space)
            elif self._outputs - self._start >= _LONGEST:
                if path:
                    self._part(best)
                else:
                    self._restart(best.context)
        if space is None:
            return
        end = self._start
        for word in self._found(beam.nodes[0], space):
            self._settled(word)
            end = word.last + 1
        self._forget(end)
        beam.cut(space)

    def _settled(self, word: Found) -> None:
        self._final.append(word)
        self._said.append(word.text)

    def _part(self, best: Node) -> None:
        """What to do about a word that does not end: go on with it alone if it began late, else end it here."""
        (word,) = self._found(best, None)
        if word.first - self._start > _LONGEST // 2:
            self._beam.insist(best)
            self._forget(word.first)
        else:
            self._settled(word)
            self._restart(self._beam.completed(best)[1])

    def _forget(self, end: int) -> None:
        """Drop the outputs before `end`."""
        while self._frames and self._start + len(self._frames[0]) <= end:
            self._start += len(self._frames.popleft())
        if self._frames and self._start < end:
            self._frames[0] = self._frames[0][end - self._start :].copy()
            self._start = end

    def _found(self, node: Node, until: Node | None, listed: Sequence[tuple[float, float, Node]] = ()) -> list[Found]:
        """The words on the way to `node`, up to the space `until`, aligned to the outputs of all of the way."""
        path = self._beam.path(node)
        if not path:
            return []
        log_probs = np.concatenate(self._frames)
        labels = [each.label for each in path]
        if labels[-1] == self._beam.space:
            labels.pop()
        spans = align_labels(log_probs, labels, self._beam.space)
        if spans is None:  # cannot be: the beam found a way
            raise ValueError("a hypothesis has no alignment")
        if until is not None:
            labels = labels[: path.index(until)]
        words = _words(log_probs, labels, spans, self.alphabet, self._start)
        words = self._weighed(words, log_probs)
        return _agreeing(words, [(score, self._text(each)) for score, _, each in listed]) if listed else words

    def _weighed(self, words: list[Found], log_probs: np.ndarray) -> list[Found]:
        """The words with what the language model and the best path say of them."""
        scores = self._beam.language_scores([word.text for word in words])
        if not scores:
            return words
        best = log_probs.argmax(1)
        edges = [word.first - self._start for word in words[1:]] + [len(best)]
        weighed, begin = [], 0
        for word, score, end in zip(words, scores, edges, strict=True):
            # Between its neighbours, so that a letter more or less at its ends counts
            same = _spelt(best[begin:end], self.alphabet).strip(" ") == word.text
            weighed.append(replace(word, language_score=score, on_best_path=same))
            begin = word.last + 1 - self._start
        return weighed

    def _text(self, node: Node) -> list[str]:
        return "".join(self.alphabet[each.label - 1] for each in self._beam.path(node)).split(" ")


def ctc_beam_search(
    log_probs: np.ndarray,
    alphabet: str,
    options: SearchOptions | None = None,
    language_model: WordModel | None = None,
    *,
    n_best: int = 1,
) -> list[CTCText]:
    """The best texts of a whole recording, best first.

    Args:
        log_probs: `[outputs, labels]` natural logarithms.
        alphabet: as for `CTCSearch`.
        options: how to search.
        language_model: word n-gram or None.
        n_best: how many texts, at most; there are no more than the beam has.

    Raises:
        InputError: as `CTCSearch`.
        ValueError: as `CTCSearch.push`.
    """
    options = options or SearchOptions()
    _check_hotwords(alphabet, options)
    log_probs = _checked(log_probs, alphabet)
    beam = PrefixBeam(alphabet, options, language_model)
    probabilities = np.exp(log_probs, dtype=np.float64).tolist()
    for row, labels in zip(probabilities, _tried(log_probs, options), strict=True):
        deadlines.check()
        if labels is None:
            beam.blank(row[BLANK])
        else:
            beam.step(row, labels)
    return [
        CTCText("".join(alphabet[each.label - 1] for each in beam.path(node)).rstrip(" "), log_probability, score)
        for score, log_probability, node in beam.texts()[:n_best]
    ]


def greedy(log_probs: np.ndarray, alphabet: str) -> list[Found]:
    """The words of the likeliest label of every output: repeats merged, then blanks dropped.

    Args:
        log_probs: `[outputs, labels]` natural logarithms, label 0 the blank.
        alphabet: as for `CTCSearch`.

    Raises:
        ValueError: the shape is another, or a number is NaN.
    """
    log_probs = _checked(log_probs, alphabet)
    best = log_probs.argmax(1)
    labels: list[int] = []
    spans: list[tuple[int, int]] = []
    previous = BLANK
    for t, label in enumerate(best.tolist()):
        if label != BLANK:
            if label == previous:
                spans[-1] = (spans[-1][0], t)
            else:
                labels.append(label)
                spans.append((t, t))
        previous = label
    return _words(log_probs, labels, spans, alphabet, 0)


def _spelt(labels: np.ndarray, alphabet: str) -> str:
    """The text of a path: repeated labels once, then no blanks."""
    kept = labels[np.flatnonzero(np.diff(labels, prepend=BLANK))]
    return "".join(alphabet[label - 1] for label in kept[kept != BLANK].tolist())


def _words(
    log_probs: np.ndarray, labels: Sequence[int], spans: Sequence[tuple[int, int]], alphabet: str, start: int
) -> list[Found]:
    space = alphabet.find(" ") + 1 or -1
    words: list[Found] = []
    begin = 0
    for i in range(len(labels) + 1):
        if i < len(labels) and labels[i] != space:
            continue
        if i > begin:
            words.append(_word(log_probs, labels[begin:i], spans[begin:i], alphabet, start))
        begin = i + 1
    return words


def _word(
    log_probs: np.ndarray, labels: Sequence[int], spans: Sequence[tuple[int, int]], alphabet: str, start: int
) -> Found:
    first, last = spans[0][0], spans[-1][1]
    path = np.zeros(last - first + 1, dtype=np.int64)
    peaks = []
    for label, (begin, end) in zip(labels, spans, strict=True):
        path[begin - first : end - first + 1] = label
        peaks.append(float(log_probs[begin : end + 1, label].max()))
    log_probability = float(log_probs[np.arange(first, last + 1), path].sum(dtype=np.float64))
    confidence = min(1.0, math.exp(math.fsum(peaks) / len(peaks)))
    text = "".join(alphabet[label - 1] for label in labels)
    return Found(text, start + first, start + last, log_probability, confidence, math.exp(min(peaks)))


def _agreeing(words: list[Found], listed: Sequence[tuple[float, list[str]]]) -> list[Found]:
    """The words with their confidences times the share of the hypotheses that have them, by score."""
    best = listed[0][0]
    shares = [math.exp(score - best) for score, _ in listed]
    whole = math.fsum(shares)
    made = []
    for i, word in enumerate(words):
        near = slice(max(0, i - 1), i + 2)  # a word more or less before it
        fraction = math.fsum(s for s, (_, text) in zip(shares, listed, strict=True) if word.text in text[near]) / whole
        made.append(replace(word, confidence=word.confidence * min(1.0, fraction)))
    return made


def _tried(log_probs: np.ndarray, options: SearchOptions) -> list[list[int] | None]:
    """For each output the labels worth trying, without the blank; None where it is silent."""
    silent = log_probs[:, BLANK] > math.log(options.blank_skip)
    worth = log_probs >= options.token_floor
    worth[np.arange(len(worth)), log_probs.argmax(1)] = True
    worth[:, BLANK] = False
    rows, columns = np.nonzero(worth)
    tried: list[list[int] | None] = [None if each else [] for each in silent.tolist()]
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        labels = tried[row]
        if labels is not None:
            labels.append(column)
    return tried


def _checked(log_probs: np.ndarray, alphabet: str) -> np.ndarray:
    log_probs = np.asarray(log_probs, dtype=np.float32)
    if log_probs.ndim != 2 or log_probs.shape[1] != len(alphabet) + 1:
        raise ValueError(f"the outputs are {list(log_probs.shape)}; [outputs, {len(alphabet) + 1}] would be right")
    if np.isnan(log_probs).any():
        raise ValueError("an output is not a number")
    return np.asarray(np.maximum(log_probs, np.float32(_IMPOSSIBLE)))


def _check_hotwords(alphabet: str, options: SearchOptions) -> None:
    for word in options.hotwords:
        strange = sorted(set(word) - set(alphabet) - {" "})
        if strange:
            raise InputError(f"the hot word “{word}” has “{strange[0]}”, which is not in the alphabet", usage=True)
