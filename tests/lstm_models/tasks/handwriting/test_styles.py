"""Styles as files, as mixtures, and as what ``style=`` takes.

Run: python -m pytest tests/lstm_models/tasks/handwriting/test_styles.py
"""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

import lstm_models
from lstm_models.errors import InputError
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.tasks.handwriting.styles import Style, fingerprint, resolve
from tests.helpers.tiny_writer import make, strokes_equal

STYLE = Style((0.5, -0.25, 2.0), "my hand", facts={"lines": 3})


@pytest.fixture(scope="module")
def writer() -> HandwritingWriter:
    return make()


def learnt(writer: HandwritingWriter, number: int) -> torch.Tensor:
    return writer.style.weight.detach()[number]


# What it writes -----------------------------------------------------------------------------------------------------


def test_numbers_and_their_vectors_write_the_same_bits(writer):
    texts, numbers = ["some words", "a", "more of them"], torch.tensor([1, 0, 3])
    *_, one = writer.sample(texts, numbers, bias=1.0, seed=4)
    *_, other = writer.sample(texts, writer.style(numbers).detach(), bias=1.0, seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_style_of_a_learnt_vector_is_that_style(writer, tmp_path):
    style = Style(tuple(learnt(writer, 2).tolist()), "copied", fingerprint(writer))
    named = writer.write("some words", style="10002", seed=3)
    given = writer.write("some words", style=style, seed=3)
    assert strokes_equal(named, given)
    assert (named.style, given.style) == ("10002", "copied")
    path = str(style.save(tmp_path / "copied.style.json"))
    assert strokes_equal(named, writer.write("some words", style=path, seed=3))
    assert strokes_equal(named, list(writer.stream("some words", style=style, seed=3))[-1])
    pages = [next(writer.write_pages("some words", style=each, seed=3)) for each in ("10002", style)]
    assert pages[1].style == "copied"
    assert all(map(np.array_equal, pages[0].strokes, pages[1].strokes))


def test_loss_takes_vectors_and_gives_them_a_gradient(writer):
    lines = [
        {"offsets": np.array([[0.5, 0.1, 0], [0.2, -1, 1]], np.float32), "text": writer.encode(text), "style": number}
        for number, text in enumerate(("ab", "c"), 1)
    ]
    batch = HandwritingWriter.collate(lines)
    vectors = writer.style(batch["style"]).detach().requires_grad_()
    loss = writer.loss(batch | {"style": vectors})["loss"]
    assert torch.equal(loss, writer.loss(batch)["loss"])
    loss.backward()
    assert (vectors.grad != 0).all()


# Mixing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mixture", "shares"),
    [
        ("10001+10002", (0, 0.5, 0.5, 0)),
        ("10001 + round", (0, 0.5, 0, 0.5)),
        ("10001:0.3+10003:0.7", (0, 0.3, 0, 0.7)),
        ("10001:1+10002:2 + 10003: 1", (0, 0.25, 0.5, 0.25)),
        ("10001:0+round:.5", (0, 0, 0, 1)),
    ],
)
def test_mixtures(writer, mixture, shares):
    name, vector = resolve(writer, mixture)
    assert name == mixture
    expected = sum(share * learnt(writer, number) for number, share in enumerate(shares))
    torch.testing.assert_close(vector, expected)
    assert writer.write("abc", style=mixture, seed=1).style == mixture


def test_mixing_with_a_file_whose_name_has_a_plus(writer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    STYLE.save("me+you.json")
    STYLE.save("me.json")
    torch.testing.assert_close(resolve(writer, "me+you.json")[1], torch.tensor(STYLE.vector))
    torch.testing.assert_close(
        resolve(writer, "me.json+10001")[1], (torch.tensor(STYLE.vector) + learnt(writer, 1)) / 2
    )


def test_mix(writer):
    style = writer.mix("10001", "round", 0.25)
    torch.testing.assert_close(torch.tensor(style.vector), 0.75 * learnt(writer, 1) + 0.25 * learnt(writer, 3))
    assert style.name == "10001:0.75+round:0.25"
    again = writer.mix(style, STYLE)
    torch.testing.assert_close(
        torch.tensor(again.vector), (torch.tensor(style.vector) + torch.tensor(STYLE.vector)) / 2
    )
    for share, same in ((0.0, "10001"), (1.0, "round")):
        assert strokes_equal(
            writer.write("abc", style=writer.mix("10001", "round", share), seed=1),
            writer.write("abc", style=same, seed=1),
        )


@pytest.mark.parametrize(
    ("mixture", "said"),
    [
        ("10001+", "is no mix of 2 to 16 styles"),
        ("+", "is no mix of"),
        ("+".join(["10001"] * 17), "is no mix of 2 to 16"),
        ("10001+steep", "there is no style “steep”"),
        ("10001:0.5+10002", "gives shares to some of its styles"),
        ("10001:0+10002:0", "must be above 0 together"),
        ("10001:1e999+10002:1", "must be above 0 together"),
        ("10001:-1+10002:2", "gives shares to some"),
        ("10001+nowhere.json", "nowhere.json does not exist"),
    ],
)
def test_mixtures_that_are_none(writer, mixture, said):
    with pytest.raises(InputError, match=said):
        writer.write("abc", style=mixture)


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_shares_out_of_range(writer, share):
    with pytest.raises(InputError, match="must lie between 0 and 1"):
        writer.mix("10001", "10002", share)


# Other writers' -----------------------------------------------------------------------------------------------------


def test_styles_of_another_writer(writer):
    with pytest.raises(InputError, match="“my hand” has 3 numbers, and this writer has styles of 5 numbers"):
        make(style_size=5).write("abc", style=STYLE)
    with pytest.raises(InputError, match="has 3 numbers, and this writer learnt no styles"):
        make(style_size=0, styles=(), names={}).write("abc", style=STYLE)
    mine = writer.mix("10001", "10002")
    assert writer.write("abc", style=mine, seed=1).strokes
    with pytest.raises(InputError, match="was made for another writer") as error:
        make(seed=1).write("abc", style=mine)
    assert error.value.exit_code == 2
    with pytest.raises(InputError, match="not a list"):
        writer.write("abc", style=[0.1, 0.2, 0.3])


def test_a_writer_stored_at_half_precision_keeps_its_fingerprint(writer):
    other = make(seed=1)
    assert fingerprint(writer) != fingerprint(other)
    with torch.no_grad():
        other.style.weight.copy_(writer.style.weight.half())
    assert fingerprint(writer) == fingerprint(other)
    assert fingerprint(make(style_size=0, styles=(), names={})) == ""


# Files --------------------------------------------------------------------------------------------------------------


def test_saved_and_loaded(tmp_path):
    style = dataclasses.replace(STYLE, vector=(0.1, 1 / 3, -1e-7), name="Zoë’s “hand”", writer="abc")
    path = style.save(tmp_path / "zoe.style.json")
    again = Style.load(path)
    assert again == style
    assert again.facts == style.facts
    assert lstm_models.Style is Style
    assert [each.name for each in tmp_path.iterdir()] == ["zoe.style.json"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("mine.txt", "with the suffix .txt; a style is saved as .json"),
        ("missing/mine.json", "the folder .* does not exist"),
        ("x.json", "a folder"),
    ],
)
def test_where_it_cannot_be_saved(tmp_path, path, said):
    (tmp_path / "x.json").mkdir()
    with pytest.raises(InputError, match=said):
        STYLE.save(tmp_path / path)


def document(**changes) -> bytes:
    return json.dumps({**json.loads(STYLE.json()), **changes}).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"not json", "no style: it is not a JSON document"),
        (b"\xff\xfe{}", "it is not a JSON document"),
        (b"[" * 100_000, "it is not a JSON document"),
        (b"[1, 2]", 'has no "format"'),
        (b'{"strokes": []}', 'has no "format"'),
        (document(format="lstm-models drawing"), "it is a “lstm-models drawing”"),
        (document(format=["x"]), 'has no "format"'),
        (document(version=2), "has format version 2; this lstm-models reads version 1"),
        (document(version=True), "has format version True"),
        (document(version=None), "has format version None"),
        (document(vector="abc"), "is not a list of numbers"),
        (document(vector=[1.0, "2", 3.0]), "is not a list of numbers"),
        (document(vector=[True, 1.0, 2.0]), "is not a list of numbers"),
        (document(vector=[[1.0], 2.0, 3.0]), "is not a list of numbers"),
        (document(vector=[]), "a vector of 0 numbers"),
        (document(vector=[0.0] * 4097), "a vector of 4,097 numbers; 1 to 4,096"),
        (document(vector=[math.nan, 0.0, 0.0]), "lie between -100 and 100"),
        (document(vector=[math.inf, 0.0, 0.0]), "lie between -100 and 100"),
        (document(vector=[1e30, 0.0, 0.0]), "lie between -100 and 100"),
        (document(vector=[10**400, 0.0, 0.0]), "far too large"),
        (document(name=5), '"name" and "writer" are texts'),
        (document(name=""), "the name of a style is one line"),
        (document(name="two\nlines"), "the name of a style is one line"),
        (document(name="n" * 121), "the name of a style is one line of 1 to 120"),
        (document(facts=[1]), "an object"),
        (b" " * (2**20 + 1), "it is larger than one can be"),
    ],
)
def test_files_that_are_no_style(tmp_path, content, said):
    path = tmp_path / "bad.style.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as error:
        Style.load(path)
    sentence = str(error.value)
    assert sentence.startswith(str(path))
    assert "\n" not in sentence
    assert len(sentence) < len(str(path)) + 200


def test_files_that_are_not_there(writer, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        writer.write("abc", style=str(tmp_path / "none.json"))
    with pytest.raises(InputError, match="is a folder"):
        Style.load(tmp_path)
    (tmp_path / "short.json").write_bytes(document(vector=[1.0, 2.0]))
    with pytest.raises(InputError, match="has 2 numbers, and this writer has styles of 3 numbers"):
        writer.write("abc", style=str(tmp_path / "short.json"))
