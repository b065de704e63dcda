"""Scores, completions and samples against the chain rule, exhaustive search and the papers' equations."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

import lstm_models
from lstm_models.errors import InputError
from lstm_models.tasks.language_modeling.adaptation import AdaptOptions, NeuralCache
from lstm_models.tasks.language_modeling.config import LanguageModelConfig
from lstm_models.tasks.language_modeling.decoding import begin_search
from lstm_models.tasks.language_modeling.model import LanguageModel
from lstm_models.tasks.language_modeling.scoring import read
from lstm_models.text.word_pieces import END
from tests.helpers.tiny_language_model import TEXTS, tiny

torch.set_num_threads(1)
STILL = AdaptOptions(learning_rate=0.0, cache=0.0)


def chain(model: LanguageModel, ids: list[int]) -> list[float]:
    """The log probability of each token after the first, one whole run of the network each."""
    with torch.no_grad():
        return [
            float(model(torch.tensor([ids[:place]]))[0][0, -1, ids[place]].detach()) for place in range(1, len(ids))
        ]


@pytest.mark.parametrize("text", ["The cat sat.", "It's  odd…\n\nnot: so!  ", "—", " ", "naïve 汶川 😀", TEXTS[2]])
def test_words_sum_up_to_the_chain_rule_and_stand_where_they_are(text):
    model = tiny()
    if not text.strip():
        with pytest.raises(InputError, match="empty"):
            model.score(text)
        return
    found = model.score(text)
    ids = model.vocabulary.encode(text)
    logs = chain(model, [END, *ids, END])
    assert found.log_prob == pytest.approx(sum(logs[:-1]), abs=1e-3)
    assert found.end_log_prob == pytest.approx(logs[-1], abs=1e-4)
    assert found.perplexity == pytest.approx(math.exp(min(700, -found.log_prob / len(found.words))))
    assert found.bits_per_character == pytest.approx(-sum(logs) / math.log(2) / len(text), abs=1e-4)
    assert all(text[word.start : word.start + len(word.text)] == word.text for word in found.words)
    assert "".join(word.text for word in found.words) == "".join(text.split())
    assert model.log_probs([text, "The", ""])[0] == pytest.approx(sum(logs), abs=1e-3)


@pytest.mark.parametrize(
    ("text", "strange"),
    [
        ("The university was founded in 1850, and it is one of the oldest in the country.", False),
        ("i have never been to paris but i would like to go there some day", False),
        ("Der Hund läuft durch den Garten, und die Katze schläft auf dem Sofa.", True),
        ("Le chien court dans le jardin, et le chat dort sur le canapé.", True),
        ("Guten Tag.", False),  # too short to tell
    ],
)
def test_a_text_in_another_language_has_a_note(text, strange):
    found = lstm_models.load("language-model").score(text)
    assert bool(found.notes) == strange == ("notes" in found.as_dict())
    assert not strange or "is it English?" in found.notes[0]


def test_each_word_has_the_probability_of_its_pieces():
    model = tiny()
    words = model.score("The cat's mat.").words
    assert [word.text for word in words] == ["The", "cat's", "mat", "."]
    pieces = model.vocabulary.split("The cat's mat.")
    logs = chain(model, [END, *(piece.id for piece in pieces)])
    before = 0
    for word in words:  # a blank by itself counts with the word after it
        end = word.start + len(word.text)
        inside = [log for piece, log in zip(pieces, logs, strict=True) if before <= piece.start < end]
        assert word.log_prob == pytest.approx(sum(inside), abs=1e-4)
        before = end


def test_long_texts_are_read_in_stretches_that_change_nothing():
    model, text = tiny(), "The cat sat on the mat. " * 40
    ids = [END, *model.vocabulary.encode(text)]
    with torch.no_grad():
        whole = model(torch.tensor([ids[:-1]]))[0][0].gather(1, torch.tensor(ids[1:])[:, None]).sum()
    assert model.score(text).log_prob == pytest.approx(float(whole), rel=1e-4)


def test_what_it_learnt_is_likely_and_other_words_are_marked():
    found = tiny().score("The cat sat on the zqx.")
    assert [word.text for word in found.words if word.unlikely] == ["zqx"]
    assert "*zqx*" in found.txt()
    assert tiny().score(TEXTS[0]).perplexity < 2
    candidates = tiny().score("The cat sat on the mat.", candidates=2).words
    assert candidates[2].candidates[0].text == " sat"
    assert candidates[2].candidates[0].probability == pytest.approx(math.exp(candidates[2].log_prob), rel=1e-4)
    assert len(candidates[0].candidates) == 2


def continuations(model: LanguageModel, prompt: str, words: int, depth: int = 9, floor: float = -9.0):
    """Texts of all piece sequences after the prompt that are not too improbable, and their log probabilities."""
    found: dict[str, float] = {}
    starts = [piece[:1].isspace() for piece in model.vocabulary.piece_bytes]

    def grow(ids: list[int], log_prob: float, count: int, made: list[int]) -> None:
        with torch.no_grad():
            row = model(torch.tensor([ids]))[0][0, -1]
        last = count == words
        ends = [END] + [n for n, start in enumerate(starts) if start] if last else [END]
        text = b"".join(model.vocabulary.piece_bytes[n] for n in made).decode("utf-8", "ignore")
        total = log_prob + float(row[ends].logsumexp(0))
        found[text] = max(total, found.get(text, -math.inf))
        for number in range(3, len(row)):
            if log_prob + float(row[number]) > floor and len(made) < depth and not (last and starts[number]):
                grow([*ids, number], log_prob + float(row[number]), count + starts[number], [*made, number])

    grow([END, *model.vocabulary.encode(prompt)], 0.0, 0, [])
    found.pop("", None)
    return sorted(found.items(), key=lambda item: -item[1])


def test_completions_are_those_of_an_exhaustive_search():
    model, prompt = tiny(), "The cat sat on,"  # nothing is read again after a mark
    wanted = continuations(model, prompt, 2, floor=-6.0)[:3]
    found = model.complete(prompt, words=2, beam=60, n_best=3)
    assert [each.text for each in found] == [text for text, _ in wanted]
    for each, (_, log_prob) in zip(found, wanted, strict=True):
        assert each.log_prob == pytest.approx(log_prob, abs=1e-3)


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("The cat sat on the", " mat."),
        ("The cat sat on the ", "mat."),
        ("The cat sat on the m", "at."),
        ("The cat sa", "t on"),
        ("The", " cat sat"),
        ("Th", "e cat"),
        ("", "The cat"),
        ("A time came.\n", "The cat"),
    ],
)
def test_a_begun_word_is_completed_wherever_it_stops(prompt, text):
    (best, *_) = tiny().complete(prompt, words=2, n_best=2)
    assert best.text[: len(text)] in (text, "The dog"[: len(text)])
    assert best.log_prob <= 0


def test_a_begun_word_is_as_probable_as_all_pieces_that_begin_with_it():
    model = tiny()
    begin = begin_search(model, "The cat sat on the m", 1, None)
    ids = [END, *model.vocabulary.encode("The cat sat on the")]
    with torch.no_grad():
        row = model(torch.tensor([ids]))[0][0, -1].exp()
        whole = sum(float(row[n]) for n, piece in enumerate(model.vocabulary.piece_bytes) if piece.startswith(b" m"))
        pieces = model.vocabulary.encode("m")
        if len(pieces) > 1:
            whole += math.exp(sum(chain(model, [*ids, *pieces])[-len(pieces) :]))
    assert begin.known == pytest.approx(math.log(whole), abs=1e-3)
    assert begin.rest == b" m"


def test_samples_come_again_with_their_seed_and_follow_the_distribution():
    model = tiny()
    assert model.sample("The", 6, seed=1) == model.sample("The", 6, seed=1)
    assert len({model.sample("The", 6, temperature=3.0, seed=seed).text for seed in range(8)}) > 1
    with torch.no_grad():
        row = model(torch.tensor([[END]]))[0][0, 0].exp()
    share = float(row[model.vocabulary.encode("The")[0]])
    drawn = [model.sample("", 1, temperature=1.0, seed=seed).text == "The" for seed in range(60)]
    assert sum(drawn) / 60 == pytest.approx(share, abs=0.25)
    assert model.sample("The cat sat on the", 3, temperature=0.05, seed=1).text in (" mat.", " rug.")


def test_dynamic_evaluation_is_gradient_descent_by_hand_and_leaves_the_model():
    model = LanguageModel(LanguageModelConfig(embedding_size=4, hidden_size=5, layers=1)).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    options = AdaptOptions(learning_rate=0.5, decay=0.1, stretch=3, clip=1000.0, cache=0.0)
    line = torch.tensor([[END, 70, 80, 90, 70, 80, 90]])
    found = [
        stretch.log_probs.gather(1, stretch.targets[:, None]).sum()
        for stretch in read(model, line[0].tolist(), options)
    ]
    log_probs, state = model(line[:, :3])
    loss = -log_probs[0].gather(1, line[0, 1:4, None]).mean()
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(loss, parameters)
    assert float(found[0]) == pytest.approx(-3 * float(loss.detach()), abs=1e-4)
    with torch.no_grad():
        for weight, gradient in zip(parameters, gradients, strict=True):
            weight.copy_(0.9 * (weight - 0.5 * gradient) + 0.1 * weight)
        log_probs, _ = model(line[:, 3:6], state)
    assert float(found[1]) == pytest.approx(float(log_probs[0].gather(1, line[0, 4:, None]).sum()), abs=1e-4)
    model.load_state_dict(before)
    model.score("abcabc", adapt=options)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_cache_is_equation_3_of_its_paper():
    options = AdaptOptions(cache=0.25, flatness=0.5, cache_size=2)
    log_probs = torch.tensor([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.9, 0.1]]).log()
    outputs = torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0], [2.0, 0.0]])
    targets = torch.tensor([0, 1, 1, 0])
    mixed = NeuralCache(options, 2, like=outputs).mix(log_probs, outputs, targets).exp()
    assert mixed[0].tolist() == pytest.approx([0.5, 0.5])
    assert mixed[1].tolist() == pytest.approx([0.75 * 0.5 + 0.25, 0.75 * 0.5])
    first, second = math.exp(0.5 * 1), math.exp(0.5 * 2)
    share = first / (first + second)
    assert mixed[2].tolist() == pytest.approx([0.375 + 0.25 * share, 0.375 + 0.25 * (1 - share)])
    assert mixed[3].tolist() == pytest.approx([0.75 * 0.9, 0.75 * 0.1 + 0.25])  # the first has left a cache of two


def test_it_learns_from_a_text_while_it_reads_it():
    text = "A cat slept on a mat. " * 8
    plain = tiny().score(text).log_prob
    assert tiny().score(text, adapt=STILL).log_prob == pytest.approx(plain, abs=1e-2)
    assert tiny().score(text, adapt=AdaptOptions(cache=0.0)).log_prob > plain
    assert tiny().score(text, adapt=AdaptOptions(learning_rate=0.0, cache=0.2)).log_prob > plain
    assert tiny().complete("A cat slept on a mat. " * 8 + "A cat", adapt=True, words=1, n_best=1)


def test_a_model_of_words_knows_the_ends_of_lines():
    model = LanguageModel(LanguageModelConfig(words="<unk>\nthe\ncat", embedding_size=4, hidden_size=5)).eval()
    found = model.score("the cat\nthe dog")
    ids = [END, 4, 5, END, 4, 3, END]
    assert model.vocabulary.encode("the cat\nthe dog") == ids[1:-1]
    assert found.log_prob + found.end_log_prob == pytest.approx(sum(chain(model, ids)), abs=1e-4)
    assert model.vocabulary.decode(ids[1:-1]) == "the cat\nthe <unk>"
    assert all(set(each.text.split()) <= {"<unk>", "the", "cat"} for each in model.complete("the", words=2))
    for words, sentence in (("the", "has no <unk>"), ("<unk>\na\na", "twice")):
        with pytest.raises(ValueError, match=sentence):
            LanguageModel(LanguageModelConfig(words=words))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda lm: lm.score(""), "the text is empty"),
        (lambda lm: lm.score(["a", " "]), "the text is empty"),
        (lambda lm: lm.score(3), "a text is expected, or a list of texts, not int"),
        (lambda lm: lm.score([3]), "a text is expected"),
        (lambda lm: lm.score("a\ud800"), "surrogate"),
        (lambda lm: lm.score("a", candidates=-1), "candidates must be a whole number from 0"),
        (lambda lm: lm.score("a", unlikely=2), "unlikely must be from 0 to 1"),
        (lambda lm: lm.complete(3), "a prompt is a text, not int"),
        (lambda lm: lm.complete("a", words=0), "words must be a whole number from 1 to 1000"),
        (lambda lm: lm.complete("a", n_best=0), "n_best must be a whole number from 1 to 1000"),
        (lambda lm: lm.complete("a", beam=0, n_best=0), "must be a whole number from 1 to 1000"),
        (lambda lm: lm.complete("\ud800"), "surrogate"),
        (lambda lm: lm.sample("a", temperature=0), "temperature must be above 0"),
        (lambda lm: lm.sample("a", top_p=0), "top_p must be above 0"),
        (lambda lm: lm.sample("a", seed=2**64), "seed must be a whole number"),
        (lambda lm: AdaptOptions(learning_rate=-1), "adapt.learning_rate must be 0 or more"),
        (lambda lm: AdaptOptions(cache=1), "adapt.cache must be from 0 to below 1"),
        (lambda lm: AdaptOptions(stretch=0), "adapt.stretch must be at least 1"),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call(tiny())


def test_results_as_text_json_and_html():
    found = tiny().score("The <b>\tcat", candidates=1)
    assert "<b>" not in found._repr_html_().replace("</mark>", "").replace("<mark", "")
    assert '"format": "lstm-models scored text"' in found.json(source="a.txt")
    assert found.tsv().count("\n") == len(found.words)
    assert tiny().complete("The")[0].as_dict()["text"].startswith(" ")


def test_the_lstm_runs_in_onnxruntime(tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    from lstm_models.export import export_onnx

    model = tiny()
    session = runtime.InferenceSession(str(export_onnx(model.lstm, tmp_path / "lstm.onnx")))
    ids = [END, *model.vocabulary.encode("The cat sat on the mat."), END]
    weight, bias = model.embedding.weight.detach().numpy(), model.bias.detach().numpy()
    bridge = model.bridge.weight.detach().numpy()
    h = c = None
    total = 0.0
    for token, target in itertools.pairwise(ids):
        names = [each.name for each in session.get_inputs()]
        shape = (1, 1, 32)
        zeros = torch.zeros(shape).numpy()
        given = {"x": weight[[[token]]], "lengths": torch.tensor([1]).numpy(), "h": zeros if h is None else h}
        given["c"] = zeros if c is None else c
        output, h, c = session.run(None, {name: given[name] for name in names})
        logits = torch.from_numpy(output[0, 0] @ bridge.T @ weight.T + bias)
        total += float(logits.log_softmax(-1)[target])
    assert total == pytest.approx(model.log_probs(["The cat sat on the mat."])[0], abs=1e-3)
