"""The handwriting writer: its loss, what it makes of a text, and what it says when it cannot."""

from __future__ import annotations

import dataclasses
import string

import numpy as np
import pytest
import torch

from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.handwriting.config import WriterConfig
from lstm_models.tasks.handwriting.features import StrokeFeatures
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.text.spelling import spell, wrap

ALPHABET = " !\"'(),-.:;?" + string.digits + string.ascii_letters.replace("X", "").replace("Q", "")
CONFIG = WriterConfig(
    alphabet=ALPHABET,
    hidden_size=12,
    layers=2,
    text_size=6,
    components=3,
    mixtures=4,
    step=0.25,
    style_size=3,
    styles=("10001", "10002", "10003"),
    names={"round": "10003"},
    features=StrokeFeatures(mean=(0.3, 0.0), std=(0.5, 0.6)),
)


def make(seed: int = 0, **changes) -> HandwritingWriter:
    torch.manual_seed(seed)
    model = HandwritingWriter(dataclasses.replace(CONFIG, **changes))
    with torch.no_grad():
        model.head.bias[-2:] = -1.5  # lifts the pen now and then, as a trained one does
    return model.eval()


@pytest.fixture(scope="module")
def writer() -> HandwritingWriter:
    return make()


def random_lines(count: int = 3, seed: int = 0) -> list[dict]:
    generator = np.random.default_rng(seed)
    lines = []
    for number in range(count):
        points, characters = generator.integers(5, 20), generator.integers(2, 9)
        moves = generator.normal(size=(points, 2))
        lifts = generator.random((points, 1)) < 0.2
        lines.append(
            {
                "offsets": np.concatenate([moves, lifts], 1).astype(np.float32),
                "text": torch.tensor([*generator.integers(1, len(ALPHABET) + 1, characters), 0]),
                "style": number % 4,
            }
        )
    return lines


# Spelling -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("Dear reader,", "Dear reader,"),
        ("naïve café, Ångström", "naive cafe, Angstrom"),
        ("cafe\u0301", "cafe"),  # composed first
        ("“Don’t” – he said…", '"Don\'t" - he said...'),
        ("Straße, œuvre, þing", "Strasse, oeuvre, thing"),
        ("Привет", "Privet"),
        ("Ελλάδα", "Ellada"),
        ("X marks Q", "x marks q"),  # rare capitals the training lines lack
        ("[a] {b} <c>", "(a) (b) (c)"),
        ("a & b @ c", "a and b at c"),
        ("5 %", "5 percent"),
        ("½ №", " No"),  # there is no "/" to write the first with
        ("a\tb\u00a0c\u2003d", "a b c d"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("zero\u200bwidth\u00ad\u200d\ufe0f", "zerowidth"),
        ("", ""),
    ],
)
def test_spelling(text, spelt):
    assert spell(text, ALPHABET)[0] == spelt


def test_what_is_written_otherwise_is_named_once():
    got, notes = spell("éé ß — é", ALPHABET)
    assert got == "ee ss - e"
    assert notes == ["“é” was written as “e”", "“ß” was written as “ss”", "“—” was written as “-”"]
    assert spell("plain\u200d text", ALPHABET)[1] == []


def test_many_characters_are_named_in_one_note():
    got, notes = spell("Привет ☃✔", ALPHABET)
    assert got == "Privet "
    assert notes == [
        "“П”, “р”, “и”, “в”, “е”, “т” were written as “P”, “r”, “i”, “v”, “e”, “t”",
        "“☃”, “✔” cannot be written and were left out",
    ]
    (note,) = spell("абвгдежзиклмнопр", ALPHABET)[1]
    assert note.startswith("“а”, “б”")
    assert " and 4 more were written as “a”" in note


@pytest.mark.parametrize(
    ("character", "name"),
    [("😀", "“😀”"), ("☃", "“☃”"), ("✔", "“✔”"), ("\ue000", "U+E000"), ("\ud800", "U+D800"), ("\u0378", "U+0378"),
     ("\u0303", "U+0303"), ("🏽", "“🏽”")],
)  # fmt: skip
def test_what_cannot_be_written_is_named(character, name):
    got, notes = spell(f"q{character}b", ALPHABET)
    assert got == "qb"
    assert notes == [f"{name} cannot be written and was left out"]
    notes[0].encode()  # can be printed


def test_alphabets_without_a_space_or_capitals():
    assert spell("A b\n", "ab") == ("ab\n", ["“A” was written as “a”", "U+0020 cannot be written and was left out"])
    assert spell("漢 ☃", "anowm2s: h") == (
        "han ",
        ["“漢” was written as “han”", "“☃” cannot be written and was left out"],
    )


def test_wrapping():
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert wrap("\n\na\n\nb  c\n", 10) == ["a", "", "b  c"]
    assert wrap("a well-known word", 10) == ["a", "well-known", "word"]  # not at hyphens
    for line in wrap("word " * 300, 50):
        assert 0 < len(line) <= 50
        assert line == line.strip()


# Writing ------------------------------------------------------------------------------------------------------------


def strokes_equal(one, two) -> bool:
    return len(one.strokes) == len(two.strokes) and all(
        np.array_equal(a, b) for a, b in zip(one.strokes, two.strokes, strict=True)
    )


def test_drawing(writer):
    drawing = writer.write("Dear café,", style="10002", seed=3)
    assert drawing.text == "Dear café,"
    assert drawing.style == "10002"
    assert drawing.seed == 3
    assert drawing.notes == ("“é” is “e” with strokes that were drawn, not written by the model",)
    assert drawing.strokes
    for stroke in drawing.strokes:
        assert stroke.dtype == np.float32
        assert stroke.ndim == 2
        assert stroke.shape[1] == 2
        assert len(stroke)
        assert np.isfinite(stroke).all()
    assert drawing.svg().startswith(("<svg", "<?xml"))


def test_seed_style_and_legibility_make_the_drawing(writer):
    drawing = writer.write("some words", style="10001", legibility=0.3, seed=5)
    assert strokes_equal(drawing, writer.write("some words", style="10001", legibility=0.3, seed=5))
    for change in ({"seed": 6}, {"style": "10002"}, {"legibility": 0.9}):
        other = writer.write("some words", **{"style": "10001", "legibility": 0.3, "seed": 5, **change})
        assert not strokes_equal(drawing, other)
    first, second = writer.write("some words"), writer.write("some words")
    assert first.seed != second.seed
    assert strokes_equal(first, writer.write("some words", seed=first.seed))


def test_random_numbers_of_others_are_left_alone(writer):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    writer.write("some words", seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_named_styles(writer):
    assert writer.styles == ("round",)
    assert strokes_equal(writer.write("abc", style="round", seed=1), writer.write("abc", style="10003", seed=1))
    assert make(names={}).styles == ("10001", "10002", "10003")
    plain = make(style_size=0, styles=(), names={})
    assert plain.styles == ()
    assert plain.write("abc", seed=1).strokes


def test_stream_ends_with_the_drawing_of_write(writer):
    text = "some words\nand a second line, to be drawn at once"
    drawings = list(writer.stream(text, style="10001", seed=2, every=5))
    whole = writer.write(text, style="10001", seed=2)
    assert len(drawings) > 3
    assert strokes_equal(drawings[-1], whole)
    points = [sum(map(len, drawing.strokes)) for drawing in drawings]
    assert points[:5] == sorted(points[:5])  # later, what the pen did after the end of a line may go again
    assert points[0] < points[-1]


def test_stream_checks_before_its_first_drawing(writer):
    with pytest.raises(InputError, match="no text"):
        next(writer.stream("  "))


def test_rows_of_a_batch_do_not_depend_on_when_others_stop(writer):
    """With a bias so large that nothing is left to chance, a line alone and among others is the same."""
    texts, styles = ["a", "quite a long line of words", "some words"], torch.tensor([1, 2, 3])
    *_, together = writer.sample(texts, styles, bias=60.0, seed=1)
    assert len({len(row) for row in together}) > 1
    for text, style, row in zip(texts, styles, together, strict=True):
        *_, (alone,) = writer.sample([text], style[None], bias=60.0, seed=9)
        assert len(alone) == len(row)
        np.testing.assert_allclose(alone, row, rtol=1e-3, atol=1e-3)


def test_lines_stand_one_under_the_other(writer):
    one = writer.write("words", style="10001", seed=1)
    blank = writer.write("words\n\nmore words", style="10001", seed=1)
    low = max(stroke[:, 1].max() for stroke in one.strokes)
    assert max(stroke[:, 1].max() for stroke in blank.strokes) > low + 50


def test_every_line_is_cut_off_in_the_end():
    endless = make(stop=False, max_step=1e-3, step=1e-4)  # its window never arrives
    endless.most_points = lambda lengths: 20 + 2 * lengths
    *_, rows = endless.sample(["ab", "abcd"], torch.tensor([0, 0]), bias=1.0, seed=0)
    assert [len(row) for row in rows] == [26, 30]


def test_tidy_leaves_out_what_follows_the_end():
    """Where the stop head never speaks, lines run on until the window is four characters past their end."""
    endless = make()
    with torch.no_grad():
        endless.head.bias[-1] = -50
    texts, styles = ["some words", "a", "quite a long line of words"], torch.tensor([1, 2, 3])
    *_, whole = endless.sample(texts, styles, bias=1.0, seed=1)
    *_, tidy = endless.sample(texts, styles, bias=1.0, seed=1, tidy=True)
    for one, other in zip(whole, tidy, strict=True):
        assert 0 < len(other) < len(one)
        assert other[-1, 2] == 1
        np.testing.assert_array_equal(other[:, :2], one[: len(other), :2])
    *_, stopped = make(stop=False).sample(texts, styles, bias=1.0, seed=1, tidy=True)
    *_, plain = make(stop=False).sample(texts, styles, bias=1.0, seed=1)
    assert list(map(len, stopped)) == list(map(len, plain))  # without a stop head there is no end to miss


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "\t \r\n", None, 5])
def test_no_text(writer, text):
    with pytest.raises(InputError, match="there is no text to write") as error:
        writer.write(text)
    assert error.value.exit_code == 2


@pytest.mark.parametrize("text", ["😀", "☃☃ 😀", "\ue000", "\u200d"])
def test_nothing_that_can_be_written(writer, text):
    with pytest.raises(InputError, match="nothing in the text can be written") as error:
        writer.write(text)
    assert error.value.exit_code == 2
    str(error.value).encode()


def test_too_long_a_text(writer):
    with pytest.raises(InputError, match="the text has 10,000 characters; at most 5,000") as error:
        writer.write("a" * 10_000)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"style": "steep"}, "there is no style “steep”; the styles are: round"),
        ({"legibility": -0.1}, "legibility must lie between 0 and 1, not -0.1"),
        ({"legibility": 1.5}, "legibility must lie between 0 and 1"),
        ({"legibility": float("nan")}, "legibility must lie between 0 and 1"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"seed": "a"}, "seed must be a whole number from 0 to 9223372036854775807, not 'a'"),
        ({"seed": 1.5}, "seed must be a whole number from 0 to 9223372036854775807, not 1.5"),
        ({"seed": True}, "seed must be a whole number"),
        ({"legibility": "much"}, "legibility must lie between 0 and 1, not 'much'"),
        ({"seed": 2**63}, "seed must be a whole number from 0"),
    ],
)
def test_options_out_of_range(writer, options, said):
    with pytest.raises(InputError, match=said) as error:
        writer.write("abc", **options)
    assert error.value.exit_code == 2


def test_style_of_a_writer_that_learnt_none():
    with pytest.raises(InputError, match="none, this writer learnt no styles"):
        make(style_size=0, styles=(), names={}).write("abc", style="round")


# Encoding, loss -----------------------------------------------------------------------------------------------------


def test_encoding(writer):
    numbers = writer.encode("! a").tolist()
    assert numbers == [ALPHABET.index("!") + 1, 1, ALPHABET.index("a") + 1, 0]
    with pytest.raises(KeyError):
        writer.encode("ä")


def test_loss_is_the_sum_of_its_parts(writer):
    batch = HandwritingWriter.collate(random_lines())
    sums = writer.loss(batch)
    assert int(sums["lines"]) == 3
    assert int(sums["points"]) == int(batch["lengths"].sum())
    torch.testing.assert_close(sums["nats"], sums["moves"] + sums["lifts"])
    torch.testing.assert_close(sums["loss"], sums["nats"] + sums["stops"])
    unending = make(stop=False).loss(batch)
    torch.testing.assert_close(unending["loss"], unending["nats"])


def test_loss_by_hand(writer):
    """Point after point through the single step, each density and binary term by itself."""
    line = random_lines(1)[0]
    sums = writer.loss(HandwritingWriter.collate([line]))
    offsets, text = torch.from_numpy(line["offsets"]), line["text"][None]
    characters, mask = writer.characters(text), torch.ones_like(text, dtype=torch.bool)
    style = writer.style(torch.tensor([line["style"]]))
    window, upper = writer.window.initial_state(characters), writer.upper.initial_state(1)
    moves, lifts, stops, x = 0.0, 0.0, 0.0, torch.zeros(1, 3)
    for number, offset in enumerate(offsets):
        given = torch.cat([x, style], 1)
        window = writer.window.step(given, characters, mask, window)
        output, upper = writer.upper.step(torch.cat([given, window.window, window.h], 1), upper)
        pen = writer.head(torch.cat([window.h, output], 1))
        moves -= pen.log_density(offset[None, :2])
        lift, stop = torch.sigmoid(pen.lift), torch.sigmoid(pen.stop)
        lifts -= torch.log(lift if offset[2] else 1 - lift)
        stops -= torch.log(stop if number == len(offsets) - 1 else 1 - stop)
        x = offset[None]
    for name, value in (("moves", moves), ("lifts", lifts), ("stops", stops)):
        torch.testing.assert_close(sums[name], value.detach()[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("history", [0, 2])
def test_while_it_writes_it_sees_what_it_saw_in_training(history):
    """The head's outputs point by point are those for the finished lines."""
    model = make(history=history)
    features = []
    model.head.register_forward_pre_hook(lambda _, given: features.append(given[0]))
    (row,) = list(model.sample(["some"], torch.tensor([2]), bias=0.5, seed=1))[-1]
    written = torch.cat(features)
    features.clear()
    model.loss(HandwritingWriter.collate([{"offsets": row, "text": model.encode("some"), "style": 2}]))
    assert len(row) > 10
    torch.testing.assert_close(written, features[0][0], rtol=1e-4, atol=1e-5)


def test_padding_does_not_matter(writer):
    lines = random_lines(4)
    together = writer.loss(HandwritingWriter.collate(lines))
    apart = [writer.loss(HandwritingWriter.collate([line])) for line in lines]
    for name, value in together.items():
        torch.testing.assert_close(value, sum(each[name] for each in apart), rtol=1e-4, atol=1e-3)
    batch = HandwritingWriter.collate(lines)
    padded = batch | {
        "offsets": torch.nn.functional.pad(batch["offsets"], (0, 0, 0, 7), value=1e3),
        "text": torch.nn.functional.pad(batch["text"], (0, 5), value=3),
    }
    torch.testing.assert_close(writer.loss(padded)["loss"], together["loss"], rtol=1e-5, atol=1e-3)


def test_padding_has_no_gradient(writer):
    batch = HandwritingWriter.collate(random_lines(2))
    batch["offsets"].requires_grad_()
    writer.loss(batch)["loss"].backward()
    real = torch.arange(batch["offsets"].size(1)) < batch["lengths"][:, None]
    assert batch["offsets"].grad[~real].abs().sum() == 0
    assert batch["offsets"].grad[real].abs().sum() > 0


def test_style_matters_and_none_is_the_zeroth(writer):
    batch = HandwritingWriter.collate(random_lines(2))
    losses = [float(writer.loss(batch | {"style": torch.full((2,), number)})["loss"].detach()) for number in (0, 1)]
    assert losses[0] != losses[1]
    del batch["style"]
    assert float(writer.loss(batch)["loss"].detach()) == losses[0]


def test_dropout_only_in_training():
    model = make(dropout=0.5)
    batch = HandwritingWriter.collate(random_lines())
    assert torch.equal(model.loss(batch)["loss"], model.loss(batch)["loss"])
    model.train()
    assert not torch.equal(model.loss(batch)["loss"], model.loss(batch)["loss"])


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_it_learns(layers):
    model, batch = make(layers=layers).train(), HandwritingWriter.collate(random_lines())
    optimizer, losses = torch.optim.Adam(model.parameters(), 0.02), []
    for _ in range(12):
        optimizer.zero_grad()
        loss = model.loss(batch)["loss"]
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
    assert all(parameter.grad is not None for parameter in model.parameters())


# Checkpoints, configuration -----------------------------------------------------------------------------------------


def test_saved_and_loaded_it_writes_the_same(writer, tmp_path):
    hub.save(writer, tmp_path / "model", card="# Test\n\nA writer.", half=False)
    again = hub.load(str(tmp_path / "model"))
    assert isinstance(again, HandwritingWriter)
    assert again.config == writer.config
    assert strokes_equal(again.write("some words", seed=4), writer.write("some words", seed=4))
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in writer.state_dict().items())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hidden_size": 0}, "hidden_size must be at least 1"),
        ({"layers": 0}, "layers must be at least 1"),
        ({"mixtures": -1}, "mixtures must be at least 1"),
        ({"floor": 0.0}, "floor above 0"),
        ({"dropout": 1.0}, "dropout from 0 to below 1"),
        ({"style_size": -1}, "style_size, max_step and history must be 0 or more"),
        ({"history": -1}, "style_size, max_step and history must be 0 or more"),
        ({"step": 0.5}, "step must lie between 0 and max_step, not 0.5"),
        ({"alphabet": "aba"}, "alphabet has something twice"),
        ({"styles": ("1", "1")}, "styles has something twice"),
    ],
)
def test_configuration_out_of_range(changes, said):
    with pytest.raises(ValueError, match=f"model: .*{said}"):
        dataclasses.replace(CONFIG, **changes)
