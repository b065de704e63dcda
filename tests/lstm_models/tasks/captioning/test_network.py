"""The captioner: its decoders against plain equations, its losses, what it says, and that saving changes nothing."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.nn.image_encoder import ImageConfig
from lstm_models.tasks.captioning import network
from lstm_models.tasks.captioning.config import CaptionerConfig
from lstm_models.tasks.captioning.model import Captioner
from lstm_models.tasks.captioning.self_critical import self_critical_loss
from lstm_models.text.vocabulary import END, UNKNOWN
from tests.helpers import tiny_photos

WORDS = ("a", "red", "green", "blue", "yellow", "ball", "box", "bar", "there", "is", "that", "on", "the", "wall")
IMAGE = ImageConfig(backbone="tf_efficientnet_lite0", size=64)


def tiny(**changes: Any) -> Captioner:
    torch.manual_seed(0)
    sizes = {"word_size": 12, "hidden_size": 16, "attention_size": 8, "dropout": 0.0, "smoothing": 0.0, "coverage": 0.0}
    return Captioner(CaptionerConfig(**{"vocabulary": WORDS, "image": IMAGE, **sizes, **changes}))


@pytest.fixture(scope="module", params=["top_down", "single"])
def captioner(request: pytest.FixtureRequest) -> Captioner:
    return tiny(decoder=request.param).eval()


@pytest.fixture(scope="module")
def images() -> list[Any]:
    return [image for _, image, _ in tiny_photos.photos(5)]


def batch(model: Captioner, count: int = 4) -> dict[str, torch.Tensor]:
    items = []
    for number, (_, image, captions) in enumerate(tiny_photos.photos(count)):
        encoded = sorted(([*model.vocabulary.encode(text), END] for text in captions), key=len, reverse=True)
        features = model.encoder.freeze(model.encoder.preprocess(image)[None])[0].clone()
        items.append({"trunk_features": features, "captions": encoded[: 1 + number % 2], "photo": number})
    return Captioner.collate(items)


# Loss ---------------------------------------------------------------------------------------------------------------


def test_loss_equals_word_by_word(captioner: Captioner) -> None:
    """Columns of captions that ended are left out of the steps: nothing may change by that."""
    given = batch(captioner)
    result = captioner.loss(given)
    memory = captioner.encode_memory(given["trunk_features"])
    expected, words = 0.0, 0
    for photo in range(4):
        for caption, length in zip(given["captions"][photo], given["lengths"][photo], strict=True):
            alone = memory.select(torch.tensor([photo]))
            state, token = captioner.decoder.initial_state(alone, 1), torch.tensor([END])
            for word in caption[:length]:
                y, look, state = captioner.decoder.step(captioner.embed(token), state, alone)
                assert look.sum().item() == pytest.approx(1, abs=1e-5)
                expected -= captioner.log_probabilities(y)[0, word].item()
                token = word[None]
                words += 1
    assert result["points"].item() == words
    assert result["lines"].item() == (given["lengths"] > 0).sum().item() == 6
    assert result["loss"].item() == pytest.approx(expected, rel=1e-5)


def test_top_down_is_the_papers(captioner: Captioner) -> None:
    """One step by torch's own cells and the equations as they stand in the paper."""
    if captioner.config.decoder != "top_down":
        pytest.skip("of the top-down decoder")
    decoder: Any = captioner.decoder
    values = torch.randn(2, 5, 16)
    memory = decoder.memory(values)
    state = decoder.initial_state(memory, 2)
    cells = [torch.nn.LSTMCell(lstm.input_size, 16) for lstm in decoder.layers]
    for cell, lstm in zip(cells, decoder.layers, strict=True):
        cell.weight_ih.data, cell.weight_hh.data = lstm.cells[0].weight_ih.data, lstm.cells[0].weight_hh.data
        cell.bias_ih.data, cell.bias_hh.data = lstm.cells[0].bias.data, torch.zeros_like(cell.bias_hh)
    one = two = (torch.zeros(2, 16), torch.zeros(2, 16))
    for _ in range(3):
        word = torch.randn(2, 12)
        y, look, state = decoder.step(word, state, memory)
        one = cells[0](torch.cat([two[0], values.mean(1), word], 1), one)
        attention = decoder.attention
        scores = torch.tanh(attention.key(values) + attention.query(one[0])[:, None]) @ attention.score
        weights = scores.softmax(1)
        context = (weights[..., None] * values).sum(1) * torch.sigmoid(decoder.gate(one[0]))
        two = cells[1](torch.cat([context, one[0]], 1), two)
        torch.testing.assert_close(y, two[0])
        torch.testing.assert_close(look, weights)


def test_smoothing_and_coverage() -> None:
    model = tiny(smoothing=0.2, coverage=3.0).train()
    given = batch(model)
    result = model.loss(given)
    memory = model.encode_memory(given["trunk_features"])
    features, looks, mask = model.teacher_forced(memory, given["captions"], given["lengths"])
    log_p = model.log_probabilities(features)
    plain = torch.nn.functional.cross_entropy(log_p, given["captions"][mask], label_smoothing=0.2, reduction="sum")
    uneven = 0.0
    for photo, column in itertools.product(range(4), range(2)):
        if length := int(given["lengths"][photo, column]):
            seen = looks[photo, column].sum(0) * looks.size(-1) / length
            uneven += ((1 - seen.detach()) ** 2).mean().item()
    assert result["loss"].item() == pytest.approx(plain.item() + 3 * uneven, rel=1e-5)
    assert model.eval().loss(given)["loss"].item() == pytest.approx(result["cross_entropy"].item(), rel=1e-5)


def test_every_parameter_learns(captioner: Captioner) -> None:
    model = tiny(decoder=captioner.config.decoder, dropout=0.2, image=dataclasses.replace(IMAGE, tuned=1)).train()
    given = batch(model)
    model.loss(given)["loss"].backward()
    still = [name for name, parameter in model.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    assert still == []
    assert {len(group["params"]) > 0 for group in model.parameter_groups()} == {True}
    counted = sum(len(group["params"]) for group in model.parameter_groups())
    assert counted == len(list(model.parameters()))


def test_scheduled_sampling_learns_under_autocast() -> None:
    model = tiny(sampling=0.5).train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model.loss(batch(model))["loss"]
    loss.backward()
    assert model.output.weight.grad is not None
    assert model.output.weight.grad.any()


def test_scheduled_sampling_changes_what_is_read() -> None:
    model = tiny(sampling=0.5).train()
    given = batch(model)
    torch.manual_seed(1)
    first = model.loss(given)["loss"].item()
    torch.manual_seed(2)
    assert model.loss(given)["loss"].item() != first
    model.eval()
    assert model.loss(given)["loss"].item() == model.loss(given)["loss"].item()


@pytest.mark.slow
def test_learns_a_handful_of_photos() -> None:
    model = tiny(hidden_size=32).train()
    given = batch(model, 6)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(120):
        result = model.loss(given)
        optimizer.zero_grad()
        (result["loss"] / result["points"]).backward()
        optimizer.step()
    model.eval()
    _, image, captions = tiny_photos.photos(1)[0]
    said = model.caption(image, beam=3)
    assert model.vocabulary.encode(said.text) in [model.vocabulary.encode(text) for text in captions]


# Self-critical training ---------------------------------------------------------------------------------------------


def test_self_critical_gradient_on_a_two_word_bandit() -> None:
    """The mean gradient over every possible pair of draws is that of the expected reward, exactly."""
    theta = torch.tensor([0.3, -0.5], dtype=torch.float64, requires_grad=True)
    payoff = torch.tensor([1.0, 0.2], dtype=torch.float64)
    (expected,) = torch.autograd.grad((theta.softmax(0) * payoff).sum(), theta)
    mean = torch.zeros(2, dtype=torch.float64)
    for draws in itertools.product(range(2), repeat=3):
        chosen = torch.tensor(draws)
        log_p = theta.log_softmax(0)[chosen]
        loss = self_critical_loss(log_p, torch.ones(1, 3, 1, dtype=torch.bool), payoff[chosen][None])
        (gradient,) = torch.autograd.grad(loss, theta)
        mean += log_p.sum().exp().detach() * -gradient / 3
    torch.testing.assert_close(mean, expected)


@pytest.mark.parametrize("decoder", ["top_down", "single"])
def test_drawn_captions_are_learnt_as_they_were_drawn(decoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log probabilities that learn are those of the draw, dropout and all, in whatever order captions are read."""
    model = tiny(decoder=decoder, dropout=0.4).train()
    # Private: `rewards` makes CIDEr-D of references; this reward's gradient is known
    model.critical, model._rewards = True, (_Bandit(2), None)
    drawn: list[tuple[tuple[int, ...], float]] = []
    kept: list[Any] = []
    say, loss = model.generate, network.self_critical_loss

    @torch.no_grad()
    def watched_generate(memory: Any, count: int, *, sample: bool, noise: Any) -> torch.Tensor:
        said = say(memory, count, sample=sample, noise=noise)
        for row, words in enumerate(said.flatten(0, 1)):
            one = noise.select(torch.tensor([row]))
            length = min(int((words != END).sum()) + 1, said.size(-1))
            alone = memory.select(torch.tensor([row // count]))
            y, _, _ = model.teacher_forced(alone, words[None, None], torch.tensor([[length]]), one)
            logits = model.logits(y).index_fill(1, torch.tensor([UNKNOWN]), -torch.inf)
            drawn.append((tuple(words.tolist()), float(logits.log_softmax(-1).gather(1, words[:length, None]).sum())))
        return said

    def watched_loss(log_p: torch.Tensor, mask: torch.Tensor, rewards: torch.Tensor) -> torch.Tensor:
        sums = torch.zeros(mask.shape).masked_scatter(mask, log_p.detach()).sum(-1)
        kept.extend(sums.flatten().tolist())
        assert (mask.sum(-1).diff(dim=1) <= 0).all()
        return loss(log_p, mask, rewards)

    monkeypatch.setattr(model, "generate", watched_generate)
    monkeypatch.setattr(network, "self_critical_loss", watched_loss)
    model.loss(batch(model))
    assert sorted(kept) == pytest.approx(sorted(log_p for _, log_p in drawn), abs=1e-3)


class _Bandit:
    """Pays for the first word."""

    def __init__(self, word: int) -> None:
        self.word = word

    def score(self, candidates: Any, photos: Any) -> np.ndarray:
        return np.array([float(bool(words) and words[0] == self.word) for words in candidates])


@pytest.mark.slow
@pytest.mark.parametrize("autocast", [False, True])
def test_self_critical_training_learns_what_pays(autocast: bool) -> None:
    model = tiny(dropout=0.1).train()
    model.critical, word = True, model.vocabulary.numbers["box"]
    # Private, as above
    model._rewards = (_Bandit(word), None)
    given = batch(model)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    rewards = []
    for _ in range(100):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            result = model.loss(given)
        optimizer.zero_grad()
        (result["loss"] / result["points"]).backward()
        assert all(p.grad is not None for p in model.decoder.parameters())
        optimizer.step()
        rewards.append((result["reward"] / result["points"]).item())
    assert np.mean(rewards[:5]) < 0.5
    assert np.mean(rewards[-5:]) > 0.9


def test_validation_by_reward() -> None:
    model = tiny().eval()
    given = batch(model)
    model.rewards(None, [[[2, 3, 7], [2, 8]] for _ in range(4)])
    result = model.loss(given)
    assert result["points"].item() == 4
    assert result["loss"].item() == -result["reward"].item()
    assert set(result) >= {"cross_entropy", "lines"}


# Describing ---------------------------------------------------------------------------------------------------------


def test_a_caption_is_whole(captioner: Captioner, images: list[Any]) -> None:
    caption = captioner.caption(images[0], n_best=3, max_words=6)
    assert len(caption.alternatives) == 2
    assert caption.log_probability < 0
    for one in (caption, *caption.alternatives):
        assert 1 <= len(one.words) <= 6
        for word in one.words:
            assert word.text in WORDS
            assert 0 <= word.confidence <= 1
            assert word.attention.shape == (2, 2)
            assert word.attention.sum() == pytest.approx(1, abs=1e-5)


def test_many_equal_one_by_one(captioner: Captioner, images: list[Any]) -> None:
    together = captioner.caption(images, n_best=2, include=["ball"], max_words=8)
    alone = [captioner.caption(image, n_best=2, include=["ball"], max_words=8) for image in images]
    assert [one.text for one in together] == [one.text for one in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-4)
        np.testing.assert_allclose(one.words[0].attention, other.words[0].attention, atol=1e-4)


def test_wishes_are_granted(captioner: Captioner, images: list[Any]) -> None:
    caption = captioner.caption(images[0], include=["red ball", "wall"], exclude=["a", "the"], min_words=5, max_words=9)
    assert "red ball" in caption.text.lower()
    said = [word.text for word in caption.words]
    assert "wall" in said
    assert not {"a", "the"} & set(said)
    assert 5 <= len(said) <= 9


def test_confidence_is_calibrated() -> None:
    model = tiny(temperature=2.0, calibration_bias=0.5)
    p = torch.tensor([0.1, 0.5, 0.9])
    logit = torch.log(p / (1 - p))
    expected = torch.sigmoid(logit / 2 + 0.5)
    torch.testing.assert_close(model.confidence(p.log()).float(), expected)
    assert torch.isfinite(model.confidence(torch.tensor([0.0, -200.0]))).all()


def test_captions_drawn(captioner: Captioner, images: list[Any]) -> None:
    drawn = captioner.sample(images[0], 6, seed=4, max_words=8)
    assert len(drawn) == 6
    assert [one.text for one in drawn] == [one.text for one in captioner.sample(images[0], 6, seed=4, max_words=8)]
    assert len({one.text for one in drawn}) > 1
    for one in drawn:
        assert 1 <= len(one.words) <= 8
        assert not one.alternatives
        assert one.words[-1].attention.sum() == pytest.approx(1, abs=1e-5)
    with pytest.raises(InputError, match="top_p"):
        captioner.sample(images[0], top_p=0.0)
    with pytest.raises(InputError, match="samples"):
        captioner.sample(images[0], 0)


def test_stream_ends_in_the_caption(captioner: Captioner, images: list[Any]) -> None:
    steps = list(captioner.stream(images[1], max_words=7))
    whole = captioner.caption(images[1], max_words=7)
    assert steps[-1].text == whole.text
    assert steps[-1].words[0].confidence == pytest.approx(whole.words[0].confidence, abs=1e-5)
    for step in steps[:-1]:
        texts = [word.text for word in step.words]
        assert texts == [word.text for word in whole.words][: len(texts)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"include": ["bal"]}, "ball"),
        ({"exclude": ["red ball"]}, "single words"),
        ({"include": ["ball"], "exclude": ["ball"]}, "ball"),
        ({"max_words": 61}, "60"),
        ({"min_words": 9, "max_words": 3}, "9"),
        ({"beam": 0}, "beam"),
        ({"beam": 2, "n_best": 3}, "beam"),
        ({"include": ["a red ball on the wall"], "max_words": 3}, "3"),
        ({"length_penalty": -1.0}, "length_penalty"),
        ({"min_words": 0}, "min_words"),
    ],
)
def test_impossible_wishes(captioner: Captioner, images: list[Any], options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        captioner.caption(images[0], **options)
    with pytest.raises(InputError, match=said):
        list(captioner.stream(images[0], **options))


def test_bad_pictures(captioner: Captioner, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        captioner.caption(tmp_path / "missing.jpg")
    assert captioner.caption([]) == []


# Keeping ------------------------------------------------------------------------------------------------------------


def test_saving_changes_nothing(captioner: Captioner, images: list[Any], tmp_path: Path) -> None:
    folder = hub.save(captioner, tmp_path / "model", card="# Test\n\nA captioner.", half=False)
    again = hub.load(folder)
    assert again.caption(images[0]).log_probability == pytest.approx(
        captioner.caption(images[0]).log_probability, abs=1e-4
    )
    names = again.state_dict()
    assert not any("trunk" in name for name in names)  # the packaged network is not stored again


def test_another_backbone_is_stored(tmp_path: Path) -> None:
    model = tiny(image=ImageConfig(backbone="resnet10t", size=64)).eval()
    folder = hub.save(model, tmp_path / "model", card="# Test\n\nA captioner.", half=False)
    image = tiny_photos.photo("red", "ball")
    assert hub.load(folder).caption(image).text == model.caption(image).text


def test_new_words_leave_the_old_ones(captioner: Captioner, images: list[Any]) -> None:
    larger = captioner.extended(["ball", "zebra"])
    assert larger.vocabulary.words == (*captioner.vocabulary.words, "zebra")
    with torch.inference_mode():
        memory = captioner.encode([images[0]])
        y = captioner.decoder.step(
            captioner.embed(torch.tensor([END])), captioner.decoder.initial_state(memory, 1), memory
        )
        old, new = captioner.logits(y[0]), larger.logits(y[0])
    torch.testing.assert_close(new[:, : old.size(1)], old)
    assert captioner.extended(["ball"]) is captioner


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": 0},
        {"dropout": 1.0},
        {"decoder": "wide"},
        {"vocabulary": ("a", "a")},
        {"temperature": 0.0},
        {"coverage": -1.0},
        {"sampling": -0.1},
    ],
)
def test_config_is_checked(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="model"):
        CaptionerConfig(**changes)


def test_unknown_is_never_said(captioner: Captioner, images: list[Any]) -> None:
    with torch.no_grad():
        before = captioner.bias[UNKNOWN].clone()
        captioner.bias[UNKNOWN] = 50.0
    try:
        caption = captioner.caption(images[0])
    finally:
        with torch.no_grad():
            captioner.bias[UNKNOWN] = before
    assert all(word.text in WORDS for word in caption.words)
