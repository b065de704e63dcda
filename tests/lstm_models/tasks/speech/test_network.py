"""The recogniser's network: one pass, batch and stream agree; its loss is CTC; it learns to read chords."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.nn.acoustic_encoder import AcousticEncoderConfig
from lstm_models.tasks.speech.config import RecognizerConfig
from lstm_models.tasks.speech.model import Recognizer
from tests.helpers.tiny_speech import say, sentences

SIZES = [8_000, 23_456, 300, 7_777, 0, 1]


def recognizer(**options: object) -> Recognizer:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "layers": 3, "lookahead": 2, **options}
    model = Recognizer(RecognizerConfig(**sizes)).eval()  # type: ignore[arg-type]
    for layer in model.layers:
        if layer.ahead is not None:
            nn.init.normal_(layer.ahead, std=0.5)
    if model.convolutions is not None:
        nn.init.normal_(model.convolutions.out.weight, std=0.3)  # it begins at zero
    return model


def noise(count: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(count) * 0.1).astype(np.float32)


@pytest.mark.parametrize("convolution", [(), (4, 5, 6)])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_batch_gives_what_each_recording_gives_alone(bidirectional: bool, convolution: tuple[int, ...]) -> None:
    lookahead = 0 if bidirectional else 2
    model = recognizer(bidirectional=bidirectional, lookahead=lookahead, convolution=convolution)
    together = model.log_probs([noise(size, size) for size in SIZES])
    for size, found in zip(SIZES, together, strict=True):
        (alone,) = model.log_probs([noise(size, size)])
        assert found.shape == alone.shape == (-(-model.config.features.frames(size) // 3), 29)
        assert np.allclose(found, alone, atol=1e-5)
        assert np.allclose(np.exp(found).sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("convolution", [(), (4, 5, 6)])
@pytest.mark.parametrize("lookahead", [0, 1, 3, 8])
@pytest.mark.parametrize("largest", [50, 900, 5_000])
def test_stream_equals_one_pass(lookahead: int, largest: int, convolution: tuple[int, ...]) -> None:
    model = recognizer(lookahead=lookahead, convolution=convolution)
    stream = model.acoustics()
    generator = np.random.default_rng(largest + lookahead)
    for size in SIZES:  # one stream after the other: finish makes it new
        samples, got, start = noise(size, size), [], 0
        while start < size:
            count = int(generator.integers(1, largest))
            got.append(stream.push(samples[start : start + count]))
            start += count
        got.append(stream.finish())
        assert np.allclose(np.concatenate(got), model.log_probs([samples])[0], atol=1e-5)


@pytest.mark.parametrize(("convolution", "promised"), [((), 0.05), ((4, 5, 6), 0.11)])
def test_outputs_come_within_the_promised_time(convolution: tuple[int, ...], promised: float) -> None:
    model = recognizer(lookahead=2, convolution=convolution)
    stream, outputs = model.acoustics(), 0
    for push in range(1, 200):
        outputs += len(stream.push(noise(160, push)))
        heard = push / 100
        assert outputs * model.seconds_per_output >= heard - (promised + 0.03 * 2) - 0.021  # and the window's rest


@pytest.mark.parametrize(("convolution", "around"), [((), 0), ((4, 5, 6), 2)])
def test_one_direction_hears_no_further_than_its_lookahead(convolution: tuple[int, ...], around: int) -> None:
    model = recognizer(lookahead=2, convolution=convolution)
    x = torch.randn(1, 90, 80, requires_grad=True)
    model(x)[0][0, 12, 3].backward()  # frames 36 to 38, and those of two steps more
    reached = x.grad.abs().sum(-1)[0].nonzero().flatten()  # type: ignore[union-attr]
    assert reached.max() == 3 * (12 + 2 + around) + 2


def test_only_the_tuned_blocks_of_an_encoder_drop_out_and_only_while_training() -> None:
    encoder = AcousticEncoderConfig(size=16, heads=2, blocks=3, inner=32, rotary=4, tuned=1)
    model = recognizer(encoder=encoder, encoder_dropout=0.5, dropout=0.0, layers=1, lookahead=0)
    x = torch.from_numpy(noise(16_000))[None]
    with torch.no_grad():
        steady = [model.encoder.tail(model.encoder.trunk(x))[-1] for _ in range(2)]  # type: ignore[union-attr]
        model.train()
        trunk = [model.encoder.trunk(x) for _ in range(2)]  # type: ignore[union-attr]
        tail = [model.encoder.tail(trunk[0])[-1] for _ in range(2)]  # type: ignore[union-attr]
    assert torch.equal(*steady)
    assert torch.equal(*trunk)
    assert not torch.equal(*tail)


def test_a_bidirectional_recogniser_has_no_stream() -> None:
    with pytest.raises(InputError, match="bidirectional"):
        recognizer(bidirectional=True, lookahead=0).acoustics()


def test_loss_is_ctc_summed_and_utterances_too_short_count_nothing() -> None:
    model = recognizer()
    items = [
        {"features": torch.randn(frames, 80), "text": model.encode(text)}
        for frames, text in ((80, "tea"), (40, "a"), (8, "far too long"))
    ]
    batch = Recognizer.collate(items)
    sums = model.loss(batch)
    wanted = 0.0
    for item in items[:2]:
        log_probs, lengths = model(item["features"][None])
        target = item["text"][None]
        wanted += float(
            nn.functional.ctc_loss(
                log_probs.transpose(0, 1), target, lengths, torch.tensor([target.size(1)]), reduction="sum"
            )
        )
    assert float(sums["loss"]) == pytest.approx(wanted, rel=1e-5)
    assert (int(sums["points"]), int(sums["lines"])) == (16, 3)
    assert "edits" in sums
    assert "edits" not in model.train().loss(batch)


@pytest.mark.slow
def test_it_learns_to_read_chords_and_keeps_it_when_saved(tmp_path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(3)
    model = Recognizer(RecognizerConfig(hidden_size=48, layers=2, lookahead=1, dropout=0.0))
    features = model.config.features.fitted([model.config.features.log_mel(say(text)) for text in sentences(8)])
    model = Recognizer(dataclasses.replace(model.config, features=features))
    texts = sentences(64, seed=1)
    items = [
        {
            "features": torch.from_numpy(features.normalize(features.log_mel(say(text, seed=seed)))),
            "text": model.encode(text),
        }
        for seed, text in enumerate(texts)
    ]
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    for step in range(240):
        sums = model.loss(Recognizer.collate([items[(8 * step + place) % 64] for place in range(8)]))
        optimizer.zero_grad()
        (sums["loss"] / sums["points"]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()
    held = Recognizer.collate(
        [
            {
                "features": torch.from_numpy(features.normalize(features.log_mel(say(text, seed=900)))),
                "text": model.encode(text),
            }
            for text in sentences(20, seed=2)
        ]
    )
    with torch.no_grad():
        sums = model.loss(held)
    assert float(sums["edits"]) < 0.15 * float(sums["points"])

    hub.save(model, tmp_path / "model", card="# Chords\n\nFor a test.\n")
    again = hub.load(str(tmp_path / "model"))
    assert again.config == model.config
    kept, was = again.log_probs([say("tea")])[0], model.log_probs([say("tea")])[0]
    assert np.allclose(kept, was, atol=0.05)  # half precision


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ({"layers": 0}, "layers"),
        ({"lookahead": 49}, "lookahead"),
        ({"bidirectional": True, "hidden_size": 15}, "even"),
        ({"alphabet": "abc"}, "space"),
        ({"alphabet": " aa"}, "twice"),
        ({"dropout": 1.0}, "dropout"),
        ({"encoder_dropout": -0.1}, "encoder_dropout"),
        ({"rescorer_weights": (0.2, 1.5)}, "rescorer_weights"),
        ({"convolution": (8, 8)}, "three numbers of channels"),
        ({"convolution": (8, 0, 8)}, "three numbers of channels"),
    ],
)
def test_sizes_that_cannot_be_are_refused(option: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        RecognizerConfig(**option)
