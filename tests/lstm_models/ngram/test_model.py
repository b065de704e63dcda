"""N-gram models: probabilities against brute force and KenLM's, pruning against recomputed entropies, ARPA files."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.ngram.estimation import Estimate, Losses, Source, entropy_losses, estimate
from lstm_models.ngram.model import BEGIN, END, NGram, NGramConfig, NGrams

WORDS = 8  # of the toy texts: three classes and five words
MANY = 60  # of longer ones
TOY = ["a", "b", "c", "d", "e"]


def toy_text(seed: int = 0, sentences: int = 120) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [(3 + rng.geometric(0.4, rng.integers(1, 7)) % 5).tolist() for _ in range(sentences)]


def long_text(seed: int) -> list[list[int]]:
    """Words as unequal as in a language, so that some come once, some twice, and so on."""
    rng = np.random.default_rng(seed)
    return [(3 + np.minimum(rng.zipf(1.5, rng.integers(1, 9)), MANY - 3) - 1).tolist() for _ in range(200)]


def tokens(sentences: list[list[int]]) -> np.ndarray:
    return np.array([number for sentence in sentences for number in (BEGIN, *sentence, END)])


def brute_force(sentences: list[list[int]], order: int) -> dict[tuple[int, ...], dict[int, float]]:
    """Interpolated modified Kneser–Ney with dictionaries, straight from Chen and Goodman's section 3.

    Gives P(word | context) of all words for every context of the text.
    """
    raw: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(order + 1)]
    for sentence in sentences:
        padded = (BEGIN, *sentence, END)
        for n in range(1, order + 1):
            raw[n].update(padded[i : i + n] for i in range(len(padded) - n + 1))
    counts = {order: dict(raw[order])}
    for n in range(1, order):
        counts[n] = {
            gram: raw[n][gram] if gram[0] == BEGIN else len({longer[0] for longer in raw[n + 1] if longer[1:] == gram})
            for gram in raw[n]
        }
    del counts[1][(BEGIN,)]
    uniform = dict.fromkeys(range(1, MANY), 1 / (MANY - 1))
    given: dict[tuple[int, ...], dict[int, float]] = {}
    for n in range(1, order + 1):
        which = Counter(counts[n].values())
        y = which[1] / (which[1] + 2 * which[2])
        discount = {k: k - (k + 1) * y * which[k + 1] / which[k] for k in (1, 2, 3)}
        for context in {gram[:-1] for gram in counts[n]}:
            mine = {gram[-1]: count for gram, count in counts[n].items() if gram[:-1] == context}
            given_up = {word: discount[min(count, 3)] for word, count in mine.items()}
            gamma = sum(given_up.values()) / sum(mine.values())
            lower = given[context[1:]] if n > 1 else uniform
            given[context] = {
                word: (mine.get(word, 0) - given_up.get(word, 0)) / sum(mine.values()) + gamma * lower[word]
                for word in range(1, MANY)
            }
    return given


def distribution(model: Estimate, context: tuple[int, ...]) -> np.ndarray:
    key = 0
    for number in context:
        key = key * model.words + number
    return np.exp(model.log_prob(key * model.words + np.arange(1, model.words), len(context) + 1))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_smoothing_is_modified_kneser_ney(order: int) -> None:
    sentences = long_text(0)
    wanted = brute_force(sentences, order)
    model = estimate([Source(tokens(sentences))], MANY, order)
    for context, probabilities in wanted.items():
        assert distribution(model, context) == pytest.approx([probabilities[w] for w in range(1, MANY)], rel=1e-9)


@pytest.mark.parametrize("context", [(), (0,), (4,), (0, 3), (7, 7), (4, 5)])
def test_probabilities_sum_to_one_whole_pruned_and_of_several_sources(context: tuple[int, ...]) -> None:
    sources = [Source(tokens(toy_text(1))), Source(tokens(toy_text(2, 30)), 5.0), Source(tokens(toy_text(3, 1)), 0.3)]
    whole = estimate(sources, WORDS, unigrams=np.arange(WORDS) * 0.7)
    pruned = Losses(whole).prune(3e-4)
    assert len(pruned.keys[2]) < len(whole.keys[2])
    assert len(pruned.keys[1]) < len(whole.keys[1])
    for model in (whole, pruned):
        assert distribution(model, context).sum() == pytest.approx(1, abs=1e-9)


def test_equal_sources_are_one_and_weight_does_not_matter_alone() -> None:
    text = tokens(toy_text())
    one = estimate([Source(text)], WORDS)
    for sources in ([Source(text, 0.5), Source(text, 2.0)], [Source(text, 7.0)], [Source(text), Source(text[:0])]):
        other = estimate(sources, WORDS)
        for n in range(3):
            assert other.log_probs[n] == pytest.approx(one.log_probs[n])
            assert other.backoffs[n] == pytest.approx(one.backoffs[n])


def test_a_weight_moves_the_probabilities_towards_its_source() -> None:
    first, second = tokens([[7, 14]] * 9 + long_text(5)), tokens([[7, 16]] * 9 + long_text(6))
    values = [
        distribution(estimate([Source(first), Source(second, weight)], MANY), (7,))[16 - 1]
        for weight in (0.1, 1.0, 10.0)
    ]
    assert values == sorted(values)
    assert values[2] > 1.5 * values[0]


def test_pruning_removes_what_costs_least() -> None:
    model = estimate([Source(tokens(toy_text(4, 40)))], WORDS)
    for n in (2, 3):
        losses = entropy_losses(model, n)
        for place in range(0, len(losses), 7):
            key = int(model.keys[n - 1][place])
            context_key, share = key // WORDS, 0.0
            share = model.shares[n - 2][np.searchsorted(model.keys[n - 2], context_key)]
            context = tuple(context_key // WORDS**power % WORDS for power in range(n - 2, -1, -1))
            lower = distribution(model, context[1:])
            stays = [w for w in range(1, WORDS) if context_key * WORDS + w in model.keys[n - 1] and w != key % WORDS]
            before = distribution(model, context)
            after = lower.copy()
            after *= (1 - sum(before[w - 1] for w in stays)) / (1 - sum(lower[w - 1] for w in stays))
            for w in stays:
                after[w - 1] = before[w - 1]
            assert losses[place] == pytest.approx(share * float((before * np.log(before / after)).sum()), abs=1e-10)
    pruned = Losses(model).prune(1e-3)
    assert set(pruned.keys[2]) == set(model.keys[2][entropy_losses(model, 3) >= 1e-3])
    assert set(pruned.keys[2] // WORDS) <= set(pruned.keys[1])
    assert [len(keys) for keys in pruned.keys] == Losses(model).counts(1e-3)


def toy_model() -> NGram:
    whole = estimate([Source(tokens(toy_text()))], WORDS)
    return NGram.from_ngrams(TOY, whole.levels())


def test_scores_are_those_of_the_estimate_and_contexts_grow_to_the_order() -> None:
    whole = estimate([Source(tokens(toy_text()))], WORDS)
    model = toy_model()
    for text in itertools.product("abcde", repeat=3):
        context, numbers = model.start, [BEGIN]
        for word in text:
            score, after = model.score(context, word)
            numbers = [*numbers, model.number(word)][-3:]
            key = 0
            for number in numbers:
                key = key * WORDS + number
            assert score == pytest.approx(float(whole.log_prob(np.array([key]), len(numbers))[0]), abs=2e-3)
            assert after == tuple(numbers[-2:])
            context = after
    assert model.score((), "</s>")[0] == pytest.approx(whole.log_probs[0][END], abs=2e-3)


def test_an_unknown_word_has_the_probability_of_its_class_and_its_spelling() -> None:
    model = NGram.from_ngrams(TOY, estimate([Source(tokens(toy_text()))], WORDS).levels(), unknown=["then", "them"] * 9)
    score, context = model.score((), "thea")
    assert score == pytest.approx(model.unknown + model.spelling("thea"))
    assert context == (2,)
    assert "thea" not in model
    assert "a" in model
    assert model.spelling("them") > model.spelling("mthe")
    assert model.spelling("the", whole=False) > model.spelling("the")
    letters = [*"'abcdefghijklmnopqrstuvwxyz"]
    following = [model.spelling("th" + letter, whole=False) for letter in letters] + [model.spelling("th")]
    assert sum(math.exp(each - model.spelling("th", whole=False)) for each in following) == pytest.approx(1, abs=0.03)


def rare_model() -> NGram:
    """ "then" came six times, "thesis" twice, "thigh" and "zebra" once, of ten words of the class."""
    levels = estimate([Source(tokens(toy_text()))], WORDS).levels()
    return NGram.from_ngrams(TOY, levels, rare={"then": 6, "thesis": 2, "thigh": 1, "zebra": 1})


def test_a_rare_word_has_its_part_of_the_class_and_novel_ones_that_of_words_seen_once() -> None:
    model, without = rare_model(), toy_model()
    assert model.config.novel == pytest.approx(0.2)  # two of ten
    for word, count in {"then": 6, "thesis": 2, "thigh": 1}.items():
        spelt = 0.2 * math.exp(without.spelling(word))
        assert math.exp(model.spelling(word)) == pytest.approx(0.8 * count / 10 + spelt, rel=0.035)
    assert model.spelling("thorn") == pytest.approx(math.log(0.2) + without.spelling("thorn"))
    score, context = model.score((), "then")
    assert score == pytest.approx(model.unknown + model.spelling("then"))
    assert context == (2,)
    assert "then" in model
    assert "thorn" not in model
    assert model.vocabulary == without.vocabulary


def test_looking_ahead_knows_rare_words() -> None:
    model = rare_model()
    assert model.look_ahead("th") == pytest.approx(model.unknown + math.log(0.48), abs=0.035)
    assert model.look_ahead("thi") == pytest.approx(model.unknown + math.log(0.08), abs=0.035)
    assert model.look_ahead("tho") == pytest.approx(model.unknown + model.spelling("tho", whole=False))


def test_rare_words_are_saved(tmp_path: Path) -> None:
    again = hub.load(hub.save(rare_model(), tmp_path / "lm", card="# A model\n\nToy."))
    assert isinstance(again, NGram)
    for word in ("then", "thigh", "thorn", "a"):
        assert again.score((), word) == rare_model().score((), word)


def test_rare_words_are_none_of_the_vocabulary() -> None:
    levels = estimate([Source(tokens(toy_text()))], WORDS).levels()
    with pytest.raises(InputError, match="rare words are not in the vocabulary"):
        NGram.from_ngrams(TOY, levels, rare={"a": 1})


def test_look_ahead_is_the_likeliest_word_that_begins_so() -> None:
    words = ["car", "care", "cat", "do"]
    log_probs = np.log([1e-9, 0.1, 0.05, 0.1, 0.3, 0.05, 0.4])
    level = NGrams(np.arange(7)[:, None], log_probs, np.zeros(7))
    model = NGram.from_ngrams(words, [level])
    assert model.look_ahead("ca") == pytest.approx(math.log(0.3), abs=1e-6)
    assert model.look_ahead("cat") == pytest.approx(math.log(0.05), abs=1e-6)
    assert model.look_ahead("") == pytest.approx(math.log(0.4), abs=1e-6)
    assert model.look_ahead("x") == pytest.approx(model.unknown + model.spelling("x", whole=False))
    assert model.start == ()
    assert model.score((), "do") == (pytest.approx(math.log(0.4), abs=1e-6), ())


def test_many_values_are_told_apart_in_256_steps() -> None:
    rng = np.random.default_rng(0)
    log_probs = -rng.gamma(4.0, 2.0, 20_003)
    words = sorted({"".join(rng.choice(list("abcdefgh"), 9)) for _ in range(20_100)})[:20_000]
    model = NGram.from_ngrams(words, [NGrams(np.arange(20_003)[:, None], log_probs, np.zeros(20_003))])
    found = np.array([model.score((), word)[0] for word in words])
    assert np.abs(found - log_probs[3:]).mean() < 0.05
    assert model.vocabulary == words


def test_saved_and_loaded_it_scores_the_same(tmp_path: Path) -> None:
    model = toy_model()
    folder = hub.save(model, tmp_path / "lm", card="# A model\n\nToy.")
    again = hub.load(folder)
    assert isinstance(again, NGram)
    for context in ((), (0,), (3, 4), (7, 2)):
        for word in ("a", "e", "zebra"):
            assert again.score(context, word) == model.score(context, word)
    assert {buffer.dtype for name, buffer in again.named_buffers() if name != "codebook"} == {torch.uint8, torch.int16}


def test_other_weights_replace_what_was_known() -> None:
    one, other = toy_model(), toy_model()
    state = {name: buffer.clone() for name, buffer in other.state_dict().items()}
    state["codebook"] = state["codebook"] * 2
    before = one.score((), "a")[0]
    one.load_state_dict(state)
    assert one.score((), "a")[0] == pytest.approx(2 * before)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("words", "vocabulary is damaged"),
        ("children_1", "1-grams are damaged"),
        ("rare_words", "rare words are damaged|vocabulary is damaged"),
    ],
)
def test_damaged_buffers_get_a_message(name: str, sentence: str) -> None:
    model = rare_model()
    getattr(model, name).fill_(255)
    with pytest.raises(InputError, match=sentence):
        model.score((), "a")


@pytest.mark.parametrize("fields", [{"counts": ()}, {"counts": (2,)}, {"counts": (3, -1)}, {"characters": -1}])
def test_impossible_sizes_are_refused(fields: dict) -> None:
    with pytest.raises(ValueError, match=r"words|bytes"):
        NGramConfig(**fields)


def test_what_is_no_model_is_refused() -> None:
    level = NGrams(np.arange(5)[:, None], np.zeros(5), np.zeros(5))
    with pytest.raises(InputError, match="alphabetical order"):
        NGram.from_ngrams(["b", "a"], [level])
    with pytest.raises(InputError, match="need as many unigrams"):
        NGram.from_ngrams(["a"], [level])
    pairs = NGrams(np.array([[3, 4], [3, 3]]), np.zeros(2), np.zeros(2))
    with pytest.raises(InputError, match="not sorted"):
        NGram.from_ngrams(["a", "b"], [level, pairs])
    triples = NGrams(np.array([[4, 4, 4]]), np.zeros(1), np.zeros(1))
    with pytest.raises(InputError, match="begins with words that are no 2-gram"):
        NGram.from_ngrams(["a", "b"], [level, NGrams(pairs.ids[::-1], np.zeros(2), np.zeros(2)), triples])
    with pytest.raises(InputError, match="no text to learn from"):
        estimate([], WORDS)
    with pytest.raises(InputError, match="too many"):
        estimate([Source(tokens(toy_text()))], 70_000, 4)


def test_keys_of_more_than_64_bits_make_the_same_model() -> None:
    """A vocabulary too large for four words in 64 bits: of the words that come, as the small one says."""
    small, large = (estimate([Source(tokens(toy_text()))], words, 4, long_keys=True) for words in (WORDS, 70_000))
    assert large.keys[3].dtype == object
    for ours, theirs in zip(large.levels()[1:], small.levels()[1:], strict=True):
        assert np.array_equal(ours.ids, theirs.ids)
    windows = small.levels()[3].ids[:50].astype(object)
    for ids, log_prob in zip(windows, small.levels()[3].log_probs, strict=False):
        key = np.array([sum(int(word) * 70_000 ** (3 - i) for i, word in enumerate(ids))], object)
        # What the words that never come take away from single words is all that differs
        assert float(large.log_prob(key, 4)[0]) == pytest.approx(float(log_prob), abs=0.1)


# --- ARPA files ------------------------------------------------------------------------------------------------------


def write_arpa(path: Path, model: Estimate, words: list[str]) -> Path:
    names = ["<s>", "</s>", "<unk>", *words]
    lines = ["\\data\\", *(f"ngram {n}={len(level.ids)}" for n, level in enumerate(model.levels(), 1)), ""]
    for n, level in enumerate(model.levels(), 1):
        lines.append(f"\\{n}-grams:")
        for ids, log_prob, backoff in zip(level.ids.tolist(), level.log_probs, level.backoffs, strict=True):
            tail = f"\t{backoff / math.log(10):.7f}" if n < model.order else ""
            lines.append(f"{log_prob / math.log(10):.7f}\t{' '.join(names[i] for i in ids)}{tail}")
        lines.append("")
    path.write_text("\n".join([*lines, "\\end\\", ""]))
    return path


def test_an_arpa_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    whole = estimate([Source(tokens(toy_text()))], WORDS)
    read, direct = NGram.from_arpa(write_arpa(tmp_path / "a.arpa", whole, TOY)), toy_model()
    assert read.config.counts == direct.config.counts
    for context in itertools.product(range(WORDS), repeat=2):
        for word in ("a", "c", "e"):
            assert read.score(context, word)[0] == pytest.approx(direct.score(context, word)[0], abs=4e-3)


def test_scores_are_kenlms(tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm")
    path = write_arpa(tmp_path / "a.arpa", Losses(estimate([Source(tokens(toy_text()))], WORDS)).prune(2e-4), TOY)
    theirs, ours = kenlm.Model(str(path)), NGram.from_arpa(path)
    for text in itertools.product("abcde", repeat=4):
        context, scores = ours.start, []
        for word in text:
            score, context = ours.score(context, word)
            scores.append(score / math.log(10))
        wanted = [score for score, _, _ in theirs.full_scores(" ".join(text), eos=False)]
        assert scores == pytest.approx(wanted, abs=3e-3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hello\n", "not an ARPA file"),
        ("", "not an ARPA file"),
        ("\\data\\\nngram 1=2\n\\1-grams:\n-1 a\n\\end\\\n", "truncated"),
        ("\\data\\\nngram 1=1\n\\1-grams:\n-1 a\n", "truncated"),
        ("\\data\\\nngram 1=1\n\\1-grams:\nx a\n\\end\\\n", "line 4: this is no 1-gram"),
        ("\\data\\\nngram 1=1\n\\1-grams:\n-1 a b c\n\\end\\\n", "line 4: this is no 1-gram"),
        ("\\data\\\nngram 1=1\n\\1-grams:\nnan a\n\\end\\\n", "not a finite number"),
        ("\\data\\\nngram 1=1\n\\2-grams:\n-1 a b\n\\end\\\n", "2-grams come where 1-grams should"),
        ("\\data\\\nngram 1=1\nngram 2=1\n\\1-grams:\n-1 a\n\\2-grams:\n-1 a b\n\\end\\\n", "“|'b' of a 2-gram"),
    ],
)
def test_other_files_get_a_message(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "x.arpa"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        NGram.from_arpa(path)


def test_a_file_that_is_missing_or_no_text_gets_a_message(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        NGram.from_arpa(tmp_path / "none.arpa")
    (tmp_path / "x.arpa").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        NGram.from_arpa(tmp_path / "x.arpa")
