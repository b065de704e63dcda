"""What a user calls: generate, complete, log_likelihood; files of a drawing; whatever cannot be."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as tree

import numpy as np
import pytest
import torch
from PIL import Image

from lstm_models.errors import InputError
from lstm_models.tasks.image_generation.config import ImageGeneratorConfig
from lstm_models.tasks.image_generation.decoding import CompleteOptions
from lstm_models.tasks.image_generation.features import binarized, missing_pixels, small_grey
from lstm_models.tasks.image_generation.model import ImageGenerator


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    made = ImageGenerator(ImageGeneratorConfig("0 1 2", 12, 4, 3, 5, 3, 8, 8)).eval()
    torch.nn.init.normal_(made.patch.weight, std=2.0)  # so that drawings differ
    return made


@pytest.fixture
def half():
    image = np.zeros((12, 12), np.uint8)
    image[2:6, 4:8] = 255
    return image


def test_the_same_seed_gives_the_same_drawing(generator):
    one, again, other = (generator.generate("1", seed=seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one.image, again.image)
    assert not np.array_equal(one.image, other.image)
    assert one.steps.shape == (4, 12, 12)
    np.testing.assert_array_equal(one.image, one.steps[-1])
    assert (one.image >= 0).all()
    assert (one.image <= 1).all()
    assert generator.generate("1").seed != generator.generate("1").seed


def test_a_number_is_its_digits_side_by_side(generator):
    found = generator.generate(120, seed=3)
    assert found.image.shape == (12, 36)
    assert [len(step) for step in found.attention] == [3, 3, 3, 3]
    for number in range(3):  # a window far to the right of its digit would be another digit's
        assert abs(found.attention[0][number].x - (6 + 12 * number)) < 12
    np.testing.assert_allclose(found.image[:, :12], generator.generate("1", seed=3).image, atol=1e-6)


def test_a_list_and_any(generator):
    found = generator.generate(["0", "any", 2], seed=1)
    assert [each.label for each in found] == ["0", "any", "2"]
    assert [each.seed for each in found] == [1, 2, 3]
    still = [generator.generate("0", seed=seed, temperature=0).image for seed in (1, 2)]
    np.testing.assert_array_equal(*still)


@pytest.mark.parametrize(
    ("what", "options", "message"),
    [
        ("seven", {}, "“seven” is not something that this model draws: expected 0, 1, 2 or any"),
        ("9", {}, "expected 0, 1, 2 or any"),
        (" ", {}, "the text is empty: expected 0, 1, 2 or any"),
        ("1" * 65, {}, "65 digits are too many"),
        ("1", {"temperature": math.nan}, "temperature must be from 0 to 3"),
        ("1", {"temperature": -1.0}, "temperature must be from 0 to 3"),
        ("1", {"seed": -1}, "seed must be a whole number"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(generator, what, options, message):
    with pytest.raises(InputError, match=message):
        generator.generate(what, **options)


def test_known_pixels_stay_and_the_rest_is_filled_in(generator, half):
    options = CompleteOptions(candidates=3, rounds=2)
    found = generator.complete(half, "bottom", label="1", seed=5, options=options)
    again = generator.complete(half, "bottom", label="1", seed=5, options=options)
    np.testing.assert_array_equal(found.image, again.image)
    np.testing.assert_array_equal(found.image[:6], half[:6] / 255)
    assert found.missing.sum() == 72
    assert len(found.looked) == len(found.attention) == 4
    given = np.zeros((12, 12), bool)
    given[8, 3] = True
    filled = generator.complete(half, given, seed=5, options=options)
    assert set(np.unique(np.delete(filled.image, 8 * 12 + 3))) <= {0.0, 1.0}


def test_the_likeliest_candidate_is_kept(generator, half):
    """Of many candidates the best explains the known pixels at least as well as the one of a single try, mostly."""
    known = half[:6] / 255

    def misfit(candidates, seed):
        found = generator.complete(half, "bottom", seed=seed, options=CompleteOptions(candidates, 2))
        upper = found.steps[-1][:6].clip(1e-6, 1 - 1e-6)
        return -float((known * np.log(upper) + (1 - known) * np.log(1 - upper)).sum())

    assert np.mean([misfit(32, seed) for seed in range(4)]) < np.mean([misfit(1, seed) for seed in range(4)])


def test_dark_ink_on_light_paper_is_inverted(generator, half):
    found = generator.complete(255 - half, "bottom", seed=5, options=CompleteOptions(2, 1))
    assert "inverted" in found.notes[0]
    np.testing.assert_array_equal(found.image[:6], half[:6] / 255)


def test_masks(half):
    image = (half / 255).astype(np.float32)
    ink = missing_pixels(image, "ink")
    assert not ink[2:6, 4:8].any()  # the ink
    assert not ink[0:8, 2:10].any()  # and two pixels around it
    assert ink.sum() == 144 - 8 * 8
    assert missing_pixels(image, "left")[:, :6].all()
    for bad, message in (
        ("middle", "expected ink, top, bottom, left, right or a mask"),
        (np.zeros((12, 12)), "nothing is missing"),
        (np.ones((12, 12)), "everything is missing"),
        (np.ones((3, 3)), "expected"),
    ):
        with pytest.raises(InputError, match=message):
            missing_pixels(image, bad)
    with pytest.raises(InputError, match="no ink to go by"):
        missing_pixels(np.zeros((12, 12), np.float32), "ink")


def test_pictures_are_scaled_with_their_shape_kept():
    wide = np.zeros((10, 20), np.uint8)
    wide[:, 8:12] = 255
    small, inverted = small_grey(Image.fromarray(wide), 10)
    assert not inverted
    assert small.shape == (10, 10)
    np.testing.assert_allclose(small[3:7, 4:6], 1)
    assert small[:2].max() == 0


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        ("missing.png", {}, "does not exist"),
        (b"no picture", {}, "picture"),
        (np.zeros((12, 12), np.uint8), {}, "no ink to go by"),
        (None, {"label": "12"}, "several digits"),
        (None, {"label": "x"}, "not something that this model draws"),
        (None, {"missing": "mask.png"}, "does not exist"),
    ],
)
def test_what_cannot_be_finished_is_a_sentence(generator, half, image, options, message):
    with pytest.raises(InputError, match=message):
        generator.complete(half if image is None else image, **options)


def test_options_out_of_range():
    for bad in ({"candidates": 0}, {"rounds": 1000}):
        with pytest.raises(InputError, match="must be from 1 to"):
            CompleteOptions(**bad)


def test_log_likelihood(generator, half):
    images = np.stack([half, 255 - half])
    found = generator.log_likelihood(images, ["1", "any"], samples=30, seed=2)
    again = generator.log_likelihood(images, ["1", "any"], samples=30, seed=2)
    np.testing.assert_array_equal(found.bound, again.bound)
    assert (found.importance_weighted > found.bound).all()
    assert (found.bound < 0).all()
    assert generator.log_likelihood(half).bound.shape == (1,)
    for bad in (np.zeros((3, 3)), np.zeros((0, 12, 12)), np.full((12, 12), 2.0), np.full((12, 12), np.nan)):
        with pytest.raises(InputError, match="the images"):
            generator.log_likelihood(bad)
    with pytest.raises(InputError, match="the labels must be"):
        generator.log_likelihood(images, ["1"])
    with pytest.raises(InputError, match="samples"):
        generator.log_likelihood(images, samples=0)


def test_binarisation_is_fixed_by_its_seed_and_fair():
    grey = np.full((100, 10, 10), 64, np.uint8)
    one, again, other = binarized(grey, 1), binarized(grey, 1), binarized(grey, 2)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert one.mean() == pytest.approx(64 / 255, abs=0.02)
    np.testing.assert_array_equal(binarized(one, 9), one)  # what is black or white stays


def test_files_show_the_drawing(generator, tmp_path):
    found = generator.generate("12", seed=1)
    for suffix, kind in (("gif", "GIF"), ("webp", "WEBP")):
        with Image.open(found.save(tmp_path / f"a.{suffix}", scale=3)) as image:
            assert image.format == kind
            assert image.size == (72, 36)
            assert image.n_frames == 5
    with Image.open(found.save(tmp_path / "a.png", scale=1)) as image:
        np.testing.assert_allclose(np.asarray(image) / 255, found.image, atol=0.01)
    root = tree.fromstring(found.save(tmp_path / "a.svg").read_text())
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}g")) == 4
    assert len(root.findall(f"{space}g/{space}rect")) == 8
    rows = json.loads(found.save(tmp_path / "a.json").read_text())
    assert np.array(rows["steps"]).shape == (4, 12, 24)
    np.testing.assert_allclose(np.load(found.save(tmp_path / "a.npy")), found.image)
    assert found._repr_html_().startswith("<svg")
    assert found._repr_png_().startswith(b"\x89PNG")
    assert "12" in str(found)
    with pytest.raises(InputError, match=r"saved as \.gif"):
        found.save(tmp_path / "a.bmp")
    with pytest.raises(InputError, match="scale"):
        found.save(tmp_path / "b.png", scale=0)
    assert not (tmp_path / "b.png").exists()


def test_windows_are_drawn_where_the_network_wrote(generator):
    """A window of the widest grid lies on the image's middle, and its corners are its outermost filters."""
    with torch.no_grad():
        head = generator.write_head
        kept = head.weight.clone()
        head.weight.zero_()
        window = generator.generate("1", seed=1).attention[0][0]
        head.weight.copy_(kept)
    assert (window.x, window.y) == pytest.approx((6.0, 6.0))
    assert window.side == pytest.approx(11.0)
