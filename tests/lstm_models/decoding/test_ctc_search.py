"""CTC prefix beam search against the enumeration of all alignments; incrementally; hot words; alignments."""

from __future__ import annotations

import functools
import itertools
import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from hypothesis.extra.numpy import arrays

from lstm_models.decoding.ctc_alignment import align_labels
from lstm_models.decoding.ctc_search import CTCSearch, Found, ctc_beam_search, greedy
from lstm_models.decoding.options import SearchOptions
from lstm_models.decoding.rescoring import RescoreOptions, Rescorer
from lstm_models.errors import InputError
from lstm_models.ngram.model import NGram

ALPHABET = " ab"
EVERYTHING = {"beam": 100_000, "gap": 1e6, "token_floor": -math.inf, "blank_skip": 1.0}
ARPA = """\\data\\
ngram 1=7
ngram 2=5
ngram 3=2

\\1-grams:
-99 <s> -0.3
-1.1 </s>
-1.6 <unk> -0.1
-0.5 a -0.2
-0.9 ab -0.15
-0.8 b -0.4
-1.3 ba

\\2-grams:
-0.2 <s> a -0.25
-0.7 <s> ba
-0.4 a b -0.3
-0.6 b a
-0.3 ba b

\\3-grams:
-0.1 <s> a b
-0.5 a b a

\\end\\
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> NGram:
    path = tmp_path_factory.mktemp("arpa") / "toy.arpa"
    path.write_text(ARPA)
    return NGram.from_arpa(path)


def log_softmax(values: np.ndarray) -> np.ndarray:
    values = values.astype(np.float64)
    return (values - np.log(np.exp(values).sum(1, keepdims=True))).astype(np.float32)


def posteriors(outputs: strategies.SearchStrategy[int], labels: int) -> strategies.SearchStrategy[np.ndarray]:
    numbers = strategies.floats(-6, 6, width=32)
    return outputs.flatmap(lambda n: arrays(np.float32, (n, labels), elements=numbers)).map(log_softmax)


@functools.cache
def alignments(outputs: int, labels: int, alphabet: str) -> tuple[np.ndarray, list[str]]:
    """All label sequences [sequences, outputs], and the texts they read as."""
    paths = list(itertools.product(range(labels), repeat=outputs))
    merged = ["".join(alphabet[label - 1] for label, _ in itertools.groupby(path) if label) for path in paths]
    return np.array(paths), [" ".join(text.split()) for text in merged]


def enumerated(log_probs: np.ndarray, alphabet: str = ALPHABET) -> dict[str, float]:
    """ln P of every text: all label sequences of all alignments, one by one."""
    paths, texts = alignments(*log_probs.shape, alphabet)
    logs = log_probs.astype(np.float64)[np.arange(len(log_probs)), paths].sum(1)
    sums: dict[str, float] = defaultdict(float)
    for text, probability in zip(texts, np.exp(logs).tolist(), strict=True):
        sums[text] += probability
    return {text: math.log(total) for text, total in sums.items()}


def scored(text: str, log_probability: float, options: SearchOptions, model: NGram | None) -> float:
    """The score that the module's docstring promises, of a whole text."""
    score, context = log_probability, model.start if model else ()
    for word in text.split():
        score += options.word_bonus + options.hotword_boost * (word in options.hotwords)
        if model is not None:
            found, context = model.score(context, word)
            hot_and_new = word in options.hotwords and word not in model
            score += options.lm_weight * (found - (model.spelling(word) if hot_and_new else 0.0))
    return score


@given(posteriors(strategies.integers(1, 5), 4))
@settings(max_examples=40, deadline=None)
def test_without_a_language_model_the_search_adds_up_all_alignments(log_probs: np.ndarray) -> None:
    wanted = enumerated(log_probs)
    found = ctc_beam_search(log_probs, ALPHABET, SearchOptions(word_bonus=0.0, **EVERYTHING), n_best=10**6)
    assert {each.text for each in found} == set(wanted)
    for each in found:
        assert each.log_probability == pytest.approx(wanted[each.text], abs=2e-4)
        assert each.score == each.log_probability
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


@given(
    log_probs=posteriors(strategies.integers(1, 5), 4),
    weight=strategies.floats(0, 2),
    bonus=strategies.floats(-2, 2),
    boost=strategies.floats(-3, 5),
    hot=strategies.sets(strategies.sampled_from(["a", "ab", "bb", "aba", "ba"]), max_size=3),
    with_model=strategies.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_with_language_model_and_hot_words_every_text_has_its_score(
    model: NGram, log_probs: np.ndarray, weight: float, bonus: float, boost: float, hot: set[str], with_model: bool
) -> None:
    lm = model if with_model else None
    options = SearchOptions(
        lm_weight=weight, word_bonus=bonus, hotwords=tuple(sorted(hot)), hotword_boost=boost, **EVERYTHING
    )
    wanted = {text: scored(text, log, options, lm) for text, log in enumerated(log_probs).items()}
    found = ctc_beam_search(log_probs, ALPHABET, options, lm, n_best=10**6)
    assert {each.text for each in found} == set(wanted)
    for each in found:
        assert each.score == pytest.approx(wanted[each.text], abs=3e-4)
    assert wanted[found[0].text] == pytest.approx(max(wanted.values()), abs=3e-4)


@pytest.mark.parametrize("seed", range(4))
def test_flashlights_decoder_finds_the_same(seed: int) -> None:
    flashlight = pytest.importorskip("flashlight.lib.text.decoder")
    log_probs = log_softmax(2 * np.random.default_rng(seed).normal(size=(12, 4)))
    options = flashlight.LexiconFreeDecoderOptions(
        beam_size=5000,
        beam_size_token=4,
        beam_threshold=1e6,
        lm_weight=0.0,
        sil_score=0.0,
        log_add=True,
        criterion_type=flashlight.CriterionType.CTC,
    )
    decoder = flashlight.LexiconFreeDecoder(options, flashlight.ZeroLM(), -1, 0, [])
    theirs = decoder.decode(log_probs.ctypes.data, *log_probs.shape)[0]
    labels = [label for label, _ in itertools.groupby(theirs.tokens) if label > 0]
    ours = ctc_beam_search(log_probs, "abc", SearchOptions(word_bonus=0.0, **{**EVERYTHING, "beam": 5000}))[0]
    assert ours.text == "".join("abc"[label - 1] for label in labels)
    assert ours.score == pytest.approx(theirs.score, abs=1e-3)


def test_an_alphabet_without_a_space_is_one_word() -> None:
    log_probs = log_softmax(np.random.default_rng(0).normal(size=(5, 3)))
    wanted = enumerated(log_probs, "ab")
    found = ctc_beam_search(log_probs, "ab", SearchOptions(word_bonus=0.0, **EVERYTHING))
    assert found[0].text == max(wanted, key=wanted.__getitem__)


def spoken(text: str, alphabet: str, *, seed: int = 0, sharp: float = 9.0, silence: int = 2) -> np.ndarray:
    """Posteriors like those of a trained model: a peak a character, blanks between, now and then a confusion."""
    rng = np.random.default_rng(seed)
    rows = []
    for character in text:
        row = rng.normal(size=len(alphabet) + 1)
        row[alphabet.index(character) + 1] += sharp - (rng.random() < 0.2) * (sharp - 1.5)
        rows.append(row)
        for _ in range(rng.integers(0, silence + 1)):
            blank = rng.normal(size=len(alphabet) + 1)
            blank[0] += sharp + 6
            rows.append(blank)
    for i in range(1, len(text)):
        if text[i] == text[i - 1]:  # a blank has to part them
            return spoken_with_blanks(text, alphabet, seed=seed, sharp=sharp)
    return log_softmax(np.array(rows))


def spoken_with_blanks(text: str, alphabet: str, *, seed: int, sharp: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(2 * len(text), len(alphabet) + 1))
    for i, character in enumerate(text):
        rows[2 * i, alphabet.index(character) + 1] += sharp
        rows[2 * i + 1, 0] += sharp + 6
    return log_softmax(rows)


LETTERS = " 'abcdefghijklmnopqrstuvwxyz"
SENTENCE = "a small brown dog ran over the old stone bridge and barked at the moon until morning came"


def fetched(search: CTCSearch, log_probs: np.ndarray, sizes: list[int]) -> list[Found]:
    found, start = [], 0
    for size in itertools.cycle(sizes):
        if start >= len(log_probs):
            break
        search.push(log_probs[start : start + size])
        found += search.final()
        start += size
    return found + search.finish()


@pytest.mark.parametrize("sizes", [[1], [3, 0, 11], [40], [7, 1]])
@pytest.mark.parametrize("seed", range(3))
def test_how_the_outputs_are_cut_changes_nothing(sizes: list[int], seed: int) -> None:
    log_probs = spoken(SENTENCE, LETTERS, seed=seed, sharp=4.0)
    whole = CTCSearch(LETTERS, SearchOptions(beam=8))
    whole.push(log_probs)
    wanted = whole.finish()
    assert fetched(CTCSearch(LETTERS, SearchOptions(beam=8)), log_probs, sizes) == wanted
    assert wanted


def test_final_words_come_while_the_search_goes_on_and_partial_ones_follow_them() -> None:
    log_probs = spoken(SENTENCE, LETTERS)
    search = CTCSearch(LETTERS, SearchOptions(beam=8))
    final: list[Found] = []
    for start in range(0, len(log_probs), 5):
        search.push(log_probs[start : start + 5])
        final += search.final()
        words = [word.text for word in final + search.partial()]
        assert words[:-1] == SENTENCE.split()[: len(words) - 1]
        assert SENTENCE.split()[len(words) - 1].startswith(words[-1])
    assert len(final) >= 6
    assert [word.text for word in final + search.finish()] == SENTENCE.split()
    assert all(a.last < b.first for a, b in itertools.pairwise(final))


def test_words_lie_where_they_were_said_and_confidence_follows_the_posteriors() -> None:
    log_probs = log_softmax(np.zeros((30, 29)))
    for t in range(30):
        log_probs[t] = np.log(np.r_[0.972, np.full(28, 0.001)])
    for t, character, probability in ((4, "h", 0.9), (6, "i", 0.9), (10, " ", 0.9), (15, "y", 0.6), (20, "o", 0.6)):
        log_probs[t] = math.log((1 - probability) / 28)
        log_probs[t, LETTERS.index(character) + 1] = math.log(probability)
    search = CTCSearch(LETTERS, SearchOptions(word_bonus=0.0))
    search.push(log_probs)
    first, second = search.finish()
    assert (first.text, first.first, first.last) == ("hi", 4, 6)
    assert (second.text, second.first, second.last) == ("yo", 15, 20)
    assert second.confidence < first.confidence <= 0.9 + 1e-6
    assert first.log_probability == pytest.approx(2 * math.log(0.9) + math.log(0.972), abs=1e-4)
    assert greedy(log_probs, LETTERS)[0].first == 4


def test_evidence_of_a_word_is_its_worst_letter_its_length_the_language_model_and_the_best_path(model: NGram) -> None:
    log_probs = np.log(np.full((24, 4), 0.01))
    log_probs[:, 0] = math.log(0.97)
    for t, character, probability in ((2, "b", 0.9), (5, "a", 0.6), (9, " ", 0.9)):
        log_probs[t] = math.log((1 - probability) / 3)
        log_probs[t, ALPHABET.index(character) + 1] = math.log(probability)
    log_probs[13] = np.log([0.02, 0.02, 0.49, 0.47])  # a rather than b; the language model turns it round
    search = CTCSearch(ALPHABET, SearchOptions(lm_weight=1.0, word_bonus=2.0), model)
    search.push(log_probs)
    found = search.finish()
    assert [word.text for word in found] == ["ba", "b"]
    context, scores = model.start, []
    for word in found:
        score, context = model.score(context, word.text)
        scores.append(score)
    expected = [(0.6, math.log(2), scores[0], 1.0), (0.47, 0.0, scores[1], 0.0)]
    for word, evidence in zip(found, expected, strict=True):
        assert word.evidence == pytest.approx(evidence)
    alone = CTCSearch(ALPHABET, SearchOptions(word_bonus=0.0))
    alone.push(log_probs)
    assert [word.evidence for word in alone.finish()] == [(), ()]


def test_after_finish_the_search_is_new_but_counts_on(model: NGram) -> None:
    log_probs = spoken_with_blanks("ab", ALPHABET, seed=0, sharp=9.0)
    search = CTCSearch(ALPHABET, SearchOptions(), model)
    search.push(log_probs)
    (one,) = search.finish()
    # Private: after one word the context shows in no probability of the next segment's best path
    context = search._beam.root.context
    search.push(log_probs)
    (two,) = search.finish()
    assert (one.text, one.first) == ("ab", 0)
    assert (two.text, two.first) == ("ab", len(log_probs))
    assert context == (0, model.number("ab"))
    assert search.finish() == []
    assert search.partial() == [] == search.final()


def test_the_language_model_decides_what_the_sound_leaves_open(model: NGram) -> None:
    log_probs = spoken_with_blanks("a b", ALPHABET, seed=0, sharp=9.0)
    log_probs[4] = np.log([0.02, 0.02, 0.49, 0.47])  # a rather than b
    assert ctc_beam_search(log_probs, ALPHABET)[0].text == "a a"
    assert ctc_beam_search(log_probs, ALPHABET, SearchOptions(lm_weight=1.0), model)[0].text == "a b"


class Likes:
    """A model of whole texts, which likes one letter; it remembers what it was asked."""

    def __init__(self, letter: str) -> None:
        self.letter, self.asked = letter, list[str]()

    def log_probs(self, texts: Sequence[str]) -> list[float]:
        self.asked += texts
        return [-0.5 * len(text) + text.count(self.letter) for text in texts]


@given(log_probs=posteriors(strategies.integers(1, 5), 4), kept=strategies.floats(0, 1), weight=strategies.floats(0, 3))
@settings(max_examples=40, deadline=None)
def test_a_second_language_model_chooses_among_the_best_texts(
    model: NGram, log_probs: np.ndarray, kept: float, weight: float
) -> None:
    options = SearchOptions(lm_weight=0.8, word_bonus=0.5, **EVERYTHING)
    likes = Likes("b")
    search = CTCSearch(ALPHABET, options, model, Rescorer(likes, RescoreOptions(weight, 0.3, kept)))
    search.push(log_probs)
    found = " ".join(word.text for word in search.finish())
    less = SearchOptions(lm_weight=0.8 * kept, word_bonus=0.8, **EVERYTHING)
    best = ctc_beam_search(log_probs, ALPHABET, options, model, n_best=20)
    wanted = {
        each.text: scored(each.text, each.log_probability, less, model) + weight * likes.log_probs([each.text])[0]
        for each in best
    }
    assert wanted[found] == pytest.approx(max(wanted.values()), abs=1e-3)


def test_a_second_language_model_reads_what_is_final_too_until_a_pause() -> None:
    log_probs = spoken(SENTENCE, LETTERS, sharp=6.0)
    likes = Likes("z")
    search = CTCSearch(LETTERS, SearchOptions(beam=8), None, Rescorer(likes, RescoreOptions(0.0)))
    for _ in range(2):
        search.push(log_probs)
        assert search.final()
        search.finish()
        assert len(likes.asked) > 1
        assert all(text.startswith(SENTENCE[:40]) for text in likes.asked)
        likes.asked.clear()


def test_a_hot_word_is_heard_where_it_is_nearly_as_likely_and_not_elsewhere() -> None:
    log_probs = spoken_with_blanks("call kite", LETTERS, seed=0, sharp=7.0)
    log_probs[-4] = math.log(0.02 / 27)
    log_probs[-4, LETTERS.index("t") + 1] = math.log(0.9)
    log_probs[-4, LETTERS.index("n") + 1] = math.log(0.08)
    plain, hot = SearchOptions(), SearchOptions(hotwords=("kine", "never"))
    assert ctc_beam_search(log_probs, LETTERS, plain)[0].text == "call kite"
    assert ctc_beam_search(log_probs, LETTERS, hot)[0].text == "call kine"
    other = SearchOptions(hotwords=("kined", "callous", "kin"))
    assert ctc_beam_search(log_probs, LETTERS, other)[0].text == "call kite"  # begun, unfinished: nothing is paid


def test_a_hot_phrase_pays_for_its_words_when_it_is_whole() -> None:
    log_probs = spoken_with_blanks("new yolk now", LETTERS, seed=1, sharp=8.0)
    log_probs[12] = math.log(0.02 / 27)
    log_probs[12, LETTERS.index("l") + 1] = math.log(0.95)
    log_probs[12, LETTERS.index("r") + 1] = math.log(0.03)
    options = {"beam": 64, "word_bonus": 0.0, "hotword_boost": 2.5}
    found = ctc_beam_search(log_probs, LETTERS, SearchOptions(hotwords=("new york",), **options), n_best=9)
    assert found[0].text == "new york now"
    assert found[0].score - found[0].log_probability == pytest.approx(5.0)
    longer = SearchOptions(hotwords=("new york", "new york city", "york"), **options)
    assert ctc_beam_search(log_probs, LETTERS, longer)[0].score == pytest.approx(found[0].score)
    alone = ctc_beam_search(log_probs, LETTERS, SearchOptions(hotwords=("york now",), **options))[0]
    assert alone.score - alone.log_probability == pytest.approx(5.0)
    assert ctc_beam_search(log_probs, LETTERS, SearchOptions(hotwords=("new york city",), **options))[0].text == (
        "new yolk now"
    )


def test_hours_of_speech_silence_and_noise_take_no_memory() -> None:
    search = CTCSearch(LETTERS, SearchOptions(beam=8))
    rng = np.random.default_rng(0)
    sentence = spoken(SENTENCE + " ", LETTERS, silence=1)
    silent = np.tile(log_softmax(np.r_[12.0, np.zeros(28)][None]), (3000, 1))
    noise = log_softmax(rng.normal(size=(1500, 29)))
    mumble = log_softmax(rng.normal(size=(1500, 29)) + np.r_[2.0, -9.0, np.zeros(27)])  # never a space
    words = 0
    for part in (sentence, silent, sentence, noise, mumble, sentence):
        for start in range(0, len(part), 50):
            search.push(part[start : start + 50])
            words += len(search.final())
            # Private: what is kept, counted, as the process's memory would not tell so few bytes
            assert sum(map(len, search._frames)) <= 320
            assert _nodes(search._beam.root) < 4000
    assert words > 3 * 16


def _nodes(root: object) -> int:
    waiting, count = [root], 0
    while waiting:
        node = waiting.pop()
        count += 1
        waiting += node.children.values()  # type: ignore[attr-defined]
    return count


def test_a_word_begun_after_a_long_silence_is_whole() -> None:
    silent = np.tile(log_softmax(np.r_[5.0, np.zeros(28)][None]), (246, 1))  # not sure enough to be passed over
    search = CTCSearch(LETTERS, SearchOptions(beam=8))
    search.push(silent)
    for row in spoken_with_blanks("hello", LETTERS, seed=0, sharp=9.0):
        search.push(row[None])
    assert [word.text for word in [*search.final(), *search.finish()]] == ["hello"]


def test_greedy_merges_repeats_and_keeps_those_a_blank_parts() -> None:
    best = [2, 2, 0, 2, 3, 0, 1, 1, 3, 3]  # a a - a b - space space b b
    log_probs = log_softmax(9.0 * np.eye(4)[best])
    assert [(w.text, w.first, w.last) for w in greedy(log_probs, ALPHABET)] == [("aab", 0, 4), ("b", 8, 9)]
    assert greedy(np.zeros((0, 4), np.float32), ALPHABET) == []


@given(posteriors(strategies.integers(1, 5), 4), strategies.lists(strategies.integers(1, 3), max_size=4))
@settings(max_examples=40, deadline=None)
def test_alignment_is_the_best_of_all(log_probs: np.ndarray, labels: list[int]) -> None:
    paths, _ = alignments(*log_probs.shape, ALPHABET)
    same = [i for i, p in enumerate(paths.tolist()) if [label for label, _ in itertools.groupby(p) if label] == labels]
    best = log_probs.astype(np.float64)[np.arange(len(log_probs)), paths[same]].sum(1).max(initial=-math.inf)
    spans = align_labels(log_probs, labels)
    if best == -math.inf:
        assert spans is None
        return
    assert spans is not None
    path = [0] * len(log_probs)
    for label, (first, last) in zip(labels, spans, strict=True):
        path[first : last + 1] = [label] * (last + 1 - first)
    assert [label for label, _ in itertools.groupby(path) if label] == labels
    assert sum(float(log_probs[t, label]) for t, label in enumerate(path)) == pytest.approx(best, abs=1e-4)


def test_a_second_space_costs_an_alignment_nothing() -> None:
    best = [2, 1, 0, 1, 3]
    log_probs = log_softmax(20.0 * np.eye(4)[best])
    assert align_labels(log_probs, [2, 1, 3], 1) is not None
    assert [word.text for word in _finished(log_probs)] == ["a", "b"]


def _finished(log_probs: np.ndarray) -> list[Found]:
    search = CTCSearch(ALPHABET, SearchOptions())
    search.push(log_probs)
    return search.finish()


def test_a_frame_in_which_nothing_can_come_is_passed_over() -> None:
    log_probs = log_softmax(9.0 * np.eye(4)[[2, 0, 3]])
    never = np.full((1, 4), -np.inf, np.float32)
    assert [word.text for word in _finished(np.r_[log_probs, never])] == ["ab"]


@pytest.mark.parametrize("shape", [(3,), (3, 5), (2, 3, 4)])
def test_outputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\[outputs, 4\] would be right"):
        CTCSearch(ALPHABET, SearchOptions()).push(np.zeros(shape, np.float32))


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        greedy(np.full((2, 4), np.nan, np.float32), ALPHABET)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"beam": 0}, "beam must be 1 or more, and is 0"),
        ({"lm_weight": -1.0}, "lm_weight must not be negative"),
        ({"word_bonus": math.nan}, "word_bonus must be a number"),
        ({"gap": 0.0}, "gap must be above 0"),
        ({"token_floor": 1.0}, "token_floor is a log probability"),
        ({"blank_skip": 0.0}, "blank_skip must be above 0"),
        ({"hotwords": (" ",)}, "a hot word is empty"),
    ],
)
def test_options_out_of_range_are_refused(fields: dict, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        SearchOptions(**fields)


def test_a_hot_word_outside_the_alphabet_is_refused() -> None:
    with pytest.raises(InputError, match="“cab” has “c”"):
        CTCSearch(ALPHABET, SearchOptions(hotwords=("cab",)))
    with pytest.raises(InputError, match="“cab” has “c”"):
        ctc_beam_search(np.zeros((1, 4), np.float32), ALPHABET, SearchOptions(hotwords=("cab",)))
