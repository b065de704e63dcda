"""The network of the video captioner, against the captioner's own code and sums by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lstm_models.tasks.video_captioning.config import VideoCaptionerConfig
from lstm_models.tasks.video_captioning.network import OBJECTS, collate
from tests.helpers.tiny_video_captioner import disturbed, video_captioner

torch.set_num_threads(1)
NOTHING = torch.zeros(1, OBJECTS, dtype=torch.long)


def test_untrained_it_says_of_a_still_film_what_the_captioner_says_of_the_photo() -> None:
    """By the captioner's own teacher forcing; objects are set aside, which the captioner does not look at."""
    model = video_captioner()
    base = model.captioner
    grid = torch.rand(1, 1, 9, 16)
    words = torch.tensor([[[2, 3, 5, 0]]])
    lengths = torch.tensor([[4]])
    with torch.no_grad():
        memory = base.decoder.memory(grid[:, 0])
        features, _, _ = base.teacher_forced(memory, words, lengths)
        expected = base.log_probabilities(features).gather(1, words[0, 0, :, None])[:, 0]
        film = grid.expand(1, 5, 9, 16)
        found, _ = model.sentences("film")(film.flatten(1, 2), film.mean((1, 2)), words, lengths)
    shared = torch.logsumexp(base.log_probabilities(features), 1)  # 0: but the film's words have two more to share with
    new = model.sentences("film")
    assert new.words.shape[0] == len(base.vocabulary) + 2
    assert shared.abs().max() < 1e-5
    rest = torch.log1p(-(base_new_mass(model, film, words, lengths)))
    torch.testing.assert_close(found, expected + rest, atol=1e-5, rtol=1e-5)


def base_new_mass(model, film, words, lengths):
    """The probability that the two new words take at each step."""
    spoken = model.sentences("film")
    memory = spoken.memory(film.flatten(1, 2), film.mean((1, 2)))
    state, masses, before = spoken.decoder.initial_state(memory, 1), [], torch.tensor([0])
    with torch.no_grad():
        for step in range(int(lengths)):
            y, _, state = spoken.decoder.step(spoken.word(before), state, memory)
            masses.append(spoken.log_probabilities(y)[0, -2:].exp().sum())
            before = words[0, :, step]
    return torch.stack(masses)


def test_weights_are_the_captioners_with_differences_of_low_rank() -> None:
    model = disturbed(video_captioner())
    base, made = model.captioner.state_dict(), model.weights("photo")
    name = "decoder.upper.cells.0.weight_hh"
    down, up = (part["decoder-upper-cells-0-weight_hh"].detach().numpy() for part in (model.down, model.up))
    difference = made[name].detach().numpy() - base[name].numpy()
    np.testing.assert_allclose(difference, up @ down, atol=1e-5)
    assert np.linalg.matrix_rank(difference, tol=1e-4) == 3
    assert made["words"].shape == (len(base["words.weight"]) + 2, 12)
    film = model.weights("film")
    assert not torch.equal(film["output.bias"], made["output.bias"])  # styles differ in their biases alone
    torch.testing.assert_close(film["output.weight"], made["output.weight"])


def test_the_order_of_frames_counts_once_it_is_trained() -> None:
    model = disturbed(video_captioner())
    grids = torch.rand(1, 4, 9, 16)
    with torch.no_grad():
        there, back = model.see(grids, NOTHING), model.see(grids.flip(1), NOTHING)
    assert there.places.shape == (1, 4 * 9 + OBJECTS, 16)
    assert (there.mean - back.mean).abs().max() > 1e-3
    with torch.no_grad():
        unchanged = video_captioner().see(grids, NOTHING)
    torch.testing.assert_close(unchanged.places[:, :36], grids.flatten(1, 2))


def test_the_loss_is_the_sum_over_sentences_each_by_itself() -> None:
    model = disturbed(video_captioner(), 0.1)
    items = [
        {"grids": torch.rand(3, 9, 16), "objects": [3], "film": [[2, 3, 0], [4, 5, 6, 0]], "photo": [[2, 0], [3, 0]]},
        {"grids": torch.rand(3, 9, 16), "objects": [], "film": [[12, 0], [2, 4, 0]], "photo": [[5, 7, 9, 0], [2, 0]]},
    ]
    with torch.no_grad():
        whole = model.loss(collate(items))
        alone = 0.0
        for item in items:
            for style in ("film", "photo"):
                for sentence in item[style]:
                    one = {key: item[key] for key in ("grids", "objects")} | {style: [sentence]}
                    alone += float(model.loss(collate([one]))["loss"])
    assert float(whole["loss"]) == pytest.approx(alone, rel=1e-4)
    assert int(whole["points"]) == 3 + 4 + 2 + 2 + 2 + 3 + 4 + 2
    assert int(whole["lines"]) == 8


def test_every_parameter_learns_and_the_captioner_does_not() -> None:
    model = disturbed(video_captioner(), 0.1).train()
    film = {"grids": torch.rand(2, 9, 16), "objects": [3, 12], "film": [[2, 13, 0]], "photo": [[2, 0]]}
    text = {"objects": [12], "film": [[2, 12, 0]]}
    for items in ([film], [text]):
        model.loss(collate(items))["loss"].backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert all(parameter.grad is None for parameter in model.captioner.parameters())
    assert not any(name.startswith("captioner") for name in model.state_dict())


def test_a_batch_between_the_kinds_keeps_its_films() -> None:
    batch = collate([
        {"objects": [2], "film": [[2, 0]]},
        {"grids": torch.rand(1, 9, 16), "objects": [], "film": [[3, 0]]},
    ])  # fmt: skip
    assert batch["film"].tolist() == [[[3, 0]]]
    assert batch["objects"].tolist() == [[0] * OBJECTS]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [({"rank": 0}, "rank must be"), ({"dropout": 1.0}, "from 0 to below 1"), ({"frames": 99}, "at most 64"),
     ({"new_words": ("a", "a")}, "a word twice")],
)  # fmt: skip
def test_configs_check_their_values(values, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        VideoCaptionerConfig(**values)


def test_without_strength_it_is_the_captioner_whatever_was_learned() -> None:
    model = disturbed(video_captioner())
    model.config = replace(model.config, photo_strength=0.0)
    grids = torch.rand(1, 3, 9, 16)
    with torch.no_grad():
        seen = model.see(grids, None, model.strength("photo"))
    torch.testing.assert_close(seen.places, grids.flatten(1, 2))
    base, made = model.captioner.state_dict(), model.weights("photo")
    torch.testing.assert_close(made["output.weight"], base["output.weight"])
    torch.testing.assert_close(made["output.bias"], base["output.bias"])
    half = replace(model.config, photo_strength=0.5)
    whole = model.weights("film")["output.weight"] - base["output.weight"]
    model.config = half
    torch.testing.assert_close(model.weights("photo")["output.weight"] - base["output.weight"], whole / 2)
