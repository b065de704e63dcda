"""Reading lines of handwriting: every layout gives the same lines back, and every damage a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lstm_datasets.handwriting.dataset import WriterLines
from lstm_datasets.handwriting.readers import HandwritingLine, alphabet_of, clean, read_lines, split_lines
from lstm_models.errors import InputError
from lstm_models.tasks.handwriting.config import WriterConfig
from lstm_models.tasks.handwriting.features import StrokeFeatures
from lstm_models.tasks.handwriting.model import HandwritingWriter
from tests.helpers import tiny_handwriting

IAM = Path(__file__).parents[4] / "shared" / "data" / "iam_ondb"


def same_strokes(line: HandwritingLine, record: dict, tolerance: float = 0) -> bool:
    return len(line.strokes) == len(record["strokes"]) and all(
        got.dtype == np.float32 and got.shape == want.shape and np.allclose(got, want, rtol=0, atol=tolerance)
        for got, want in zip(line.strokes, record["strokes"], strict=True)
    )


# Layouts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [tiny_handwriting.jsonl, tiny_handwriting.npz], ids=["jsonl", "npz"])
def test_files_give_back_what_was_written(write, tmp_path):
    records = tiny_handwriting.lines(9)
    read = read_lines(write(tmp_path / f"lines.{write.__name__}", records))
    assert len(read) == 9
    for line, record in zip(read, records, strict=True):
        assert same_strokes(line, record)
        assert (line.text, line.writer, line.split) == (record["text"], record["writer"], record["split"])
        assert line.name == record["id"]


def test_json_may_be_a_list_a_single_line_or_a_folder(tmp_path):
    record = {"text": " one\n line ", "strokes": [[[0, 0], [10, 5]], [[3, 3]]]}
    (tmp_path / "one.json").write_text(json.dumps(record))
    (tmp_path / "two.json").write_text(json.dumps([record, record]))
    one = read_lines(tmp_path / "one.json")
    assert [line.text for line in one] == ["one line"]
    assert one[0].strokes[1].tolist() == [[3, 3]]
    assert (one[0].name, one[0].writer, one[0].split) == ("one-1", "", "")
    assert [line.name for line in read_lines(tmp_path)] == ["one-1", "two-1", "two-2"]


def test_iam_folder_as_its_publisher_lays_it_out(tmp_path):
    records = tiny_handwriting.lines(24)
    read = {line.name: line for line in read_lines(tiny_handwriting.iam_folder(tmp_path, records))}
    assert len(read) == 24
    first = {record["id"].rsplit("-", 1)[0]: record for record in reversed(records)}
    for record in records:
        line, form = read[record["id"]], record["id"].rsplit("-", 1)[0]
        assert same_strokes(line, record)
        assert line.text == record["text"]
        assert line.writer == first[form]["writer"]  # original/a01/a01-000/strokesu.xml is of the form a01-000u
        assert line.split == first[form]["split"]
    assert len({line.writer for line in read.values()}) == 3


def test_iam_folder_without_originals_and_lists(tmp_path):
    records = tiny_handwriting.lines(4)
    tiny_handwriting.iam_folder(tmp_path, records)
    for file in [*tmp_path.rglob("strokes*.xml"), *tmp_path.glob("*.txt")]:
        file.unlink()
    read = read_lines(tmp_path)
    assert [line.text for line in read] == [record["text"] for record in records]
    assert {(line.writer, line.split) for line in read} == {("", "")}


def test_svg_folder_with_titles_and_texts_beside(tmp_path):
    records = tiny_handwriting.lines(2)
    tiny_handwriting.svg(tmp_path / "a.svg", records[0])
    tiny_handwriting.svg(tmp_path / "b.svg", records[1])
    (tmp_path / "b.txt").write_text("another\ntext\n")
    read = read_lines(tmp_path)
    assert [(line.name, line.text) for line in read] == [("a", records[0]["text"]), ("b", "another text")]
    for got, want in zip(read[0].strokes, records[0]["strokes"], strict=True):
        np.testing.assert_allclose(got[[0, -1]], want[[0, -1]], atol=1e-4)
        assert np.abs(got.min(0) - want.min(0)).max() < 6
    assert read_lines(tmp_path / "a.svg")[0].text == records[0]["text"]


@pytest.mark.parametrize("scale", [0.01, 1, 100])
def test_svg_curves_are_sampled_by_the_size_of_the_writing(scale, tmp_path):
    radius = 20 * scale
    (tmp_path / "o.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg"><title>o</title>'
        f'<circle cx="{radius}" cy="{radius}" r="{radius}" fill="none" stroke="black"/></svg>'
    )
    (stroke,) = read_lines(tmp_path / "o.svg")[0].strokes
    assert 40 < len(stroke) < 60  # circumference 2πr, a step of a fifth of the deviation r/√2
    np.testing.assert_allclose(np.hypot(*(stroke - radius).T), radius, rtol=1e-3)


def test_drawings_of_the_package_are_read_back(tmp_path):
    from lstm_models.ink.drawing import Drawing

    wave = np.stack([np.linspace(0, 100, 30), 20 * np.sin(np.linspace(0, 9, 30))], 1).astype(np.float32)
    Drawing((wave, wave + 30), "mm", "", 1, ()).save(tmp_path / "mm.svg")
    line = read_lines(tmp_path / "mm.svg")[0]
    assert line.text == "mm"
    assert len(line.strokes) == 2


# Damage -------------------------------------------------------------------------------------------------------------


def damaged_npz(name: str):
    def make(folder: Path) -> Path:
        path, arrays = folder / "lines.npz", tiny_handwriting.arrays(tiny_handwriting.lines(6))
        changes = {
            "off": lambda: {"off": arrays["off"][:-1]},
            "decreasing": lambda: {"off": np.array([0, 50, 40, 60, 70, 80, len(arrays["xy"])])},
            "empty line": lambda: {"off": np.array([0, 0, 40, 60, 70, 80, len(arrays["xy"])])},
            "points": lambda: {"xy": arrays["xy"][:, 0]},
            "words": lambda: {"xy": arrays["xy"].astype(str).astype("<U9") + "x"},
            "not finite": lambda: {"xy": np.full(arrays["xy"].shape, np.nan)},
            "writer": lambda: {"writer": arrays["writer"][:2]},
            "scalar": lambda: {"text": np.array("abc")},
            "pickle": lambda: {"text": np.array([{"a": 1}] * 6, dtype=object)},
        }
        if name == "missing":
            del arrays["eos"]
        np.savez(path, **{**arrays, **changes.get(name, dict)()})
        data = path.read_bytes()
        if name == "truncated":
            path.write_bytes(data[: len(data) // 2])
        if name == "flipped":
            np.savez_compressed(path, **arrays)
            data = bytearray(path.read_bytes())
            data[100:400] = bytes(300)
            path.write_bytes(data)
        if name == "empty":
            path.write_bytes(b"")
        if name == "other":
            path.write_bytes(b"no zip at all, but some text")
        if name == "single":
            np.save(folder / "a.npy", arrays["xy"])
            (folder / "a.npy").replace(path)
        return path

    return make


NPZ = [
    *("off", "decreasing", "points", "words", "writer", "scalar", "pickle", "missing", "truncated", "flipped"),
    *("empty", "other", "single", "empty line", "not finite"),
]


@pytest.mark.parametrize("name", NPZ)
def test_damaged_npz(name, tmp_path):
    path = damaged_npz(name)(tmp_path)
    with pytest.raises(InputError, match=r"lines\.npz (is damaged|is no file of handwriting lines)") as error:
        read_lines(path)
    assert error.value.exit_code == 1
    if name == "missing":
        assert "'eos'" in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"text": "a"}',
        b'{"strokes": [[[0, 0], [1, 1]]]}',
        b'{"text": 5, "strokes": [[[0, 0], [1, 1]]]}',
        b'{"text": "a", "strokes": []}',
        b'{"text": "a", "strokes": [[]]}',
        b'{"text": "a", "strokes": [[[0], [1]]]}',
        b'{"text": "a", "strokes": [[0, 1, 2, 3]]}',
        b'{"text": "a", "strokes": [[["0", "b"]]]}',
        b'{"text": "a", "strokes": [[[0, 0], [1]]]}',
        b'{"text": "a", "strokes": [[[0, NaN]]]}',
        b'{"text": "a", "strokes": [[[0, 1e99]]]}',
        b'{"text": "a", "strokes": 5}',
        b'"words"',
        b"[5]",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_json_of_another_shape(suffix, content, tmp_path):
    path = tmp_path / f"mine{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"mine\{suffix}(, line 1)?(:| is damaged)") as error:
        read_lines(path)
    assert error.value.exit_code == 1


def test_json_names_the_line(tmp_path):
    good = '{"text": "a", "strokes": [[[0, 0], [1, 1]]]}\n'
    (tmp_path / "mine.jsonl").write_text(good + good + '{"text": "a"}\n')
    with pytest.raises(InputError, match=r"mine\.jsonl, line 3: expected"):
        read_lines(tmp_path / "mine.jsonl")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<svg", "is damaged or no XML"),
        ("plain words", "is damaged or no XML"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><title>a</title></svg>", "has no strokes"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0L9 9'/></svg>", "has no text: a <title>, or mine.txt"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><title> </title><path d='M0 0L9 9'/></svg>", "has no text"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><title>a</title><path d='M0 0L1e999 9'/></svg>", "mine.svg"),
        ("<note><title>a</title></note>", "is no SVG: its root is <note>"),
    ],
)
def test_damaged_svg(content, said, tmp_path):
    (tmp_path / "mine.svg").write_text(content)
    with pytest.raises(InputError, match=r"mine\.svg") as error:
        read_lines(tmp_path)
    assert said in str(error.value)


def damage_strokes(folder: Path) -> str:
    file = next(folder.rglob("a01-000u-01.xml"))
    file.write_text(file.read_text()[:200])
    return r"a01-000u-01\.xml is damaged or no XML"


def damage_point(folder: Path) -> str:
    file = next(folder.rglob("a01-000u-01.xml"))
    file.write_text(file.read_text().replace(' x="', ' z="', 1))
    return r"a01-000u-01\.xml is damaged: a point has no x and y"


def damage_number(folder: Path) -> str:
    file = next(folder.rglob("a01-000u-01.xml"))
    file.write_text(file.read_text().replace(' x="', ' x="left', 1))
    return r"a01-000u-01\.xml is damaged: a point has no x and y"


def damage_strokeless(folder: Path) -> str:
    next(folder.rglob("a01-000u-01.xml")).write_text("<a/>")
    return r"a01-000u-01\.xml has no strokes"


def damage_encoding(folder: Path) -> str:
    file = next(folder.rglob("a01-000u-01.xml"))
    file.write_text(file.read_text().replace("ISO-8859-1", "Klingon"))
    return r"a01-000u-01\.xml is damaged or no XML"


def damage_text(folder: Path) -> str:
    next(folder.rglob("ascii/a01/a01-000/a01-000u.txt")).unlink()
    return r"has the strokes a01-000u-01\.xml but not their text \(ascii/…/a01-000u\.txt\)"


def damage_all(folder: Path) -> str:
    for file in folder.rglob("lineStrokes/**/*.xml"):
        file.unlink()
    return r"holds no line of IAM-OnDB"


@pytest.mark.parametrize(
    "damage",
    [damage_strokes, damage_point, damage_number, damage_strokeless, damage_encoding, damage_text, damage_all],
)
def test_damaged_iam_folder(damage, tmp_path):
    folder = tiny_handwriting.iam_folder(tmp_path, tiny_handwriting.lines(4))
    said = damage(folder)
    with pytest.raises(InputError, match=said) as error:
        read_lines(folder)
    assert error.value.exit_code == 1


def test_iam_folder_named_too_deep(tmp_path):
    tiny_handwriting.iam_folder(tmp_path, tiny_handwriting.lines(4))
    with pytest.raises(InputError, match="strokes without texts"):
        read_lines(tmp_path / "lineStrokes")


def test_lines_beyond_the_transcript_have_no_text_and_are_cleaned_away(tmp_path):
    tiny_handwriting.iam_folder(tmp_path, tiny_handwriting.lines(4))
    text = next(tmp_path.rglob("a01-000u.txt"))
    text.write_text("\n".join(text.read_text().splitlines()[:-1]))
    read = read_lines(tmp_path)
    assert [bool(line.text) for line in read] == [True, True, True, False]
    assert len(clean(read)) == 3


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match=r"there is no handwriting data at .*nowhere"):
        read_lines(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds neither"):
        read_lines(tmp_path)
    (tmp_path / "lines.csv").write_text("a,b")
    with pytest.raises(InputError, match=r"lines\.csv is no handwriting data: expected \.npz"):
        read_lines(tmp_path / "lines.csv")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(InputError, match=r"empty\.jsonl holds no line"):
        read_lines(tmp_path / "empty.jsonl")


# Cleaning, splits, alphabet -----------------------------------------------------------------------------------------


def plain(name="", text="ab", strokes=None, **options) -> HandwritingLine:
    points = np.array([[0, 0], [5, 5], [9, 0], [12, 3]], np.float32)
    return HandwritingLine((points,) if strokes is None else strokes, text, name, **options)


def test_clean_leaves_out_what_the_data_page_lists():
    jump = (np.array([[0, 0], [201, 0], [202, 0], [203, 0]], np.float32),)
    dot = (np.array([[0, 0]], np.float32),)
    lines = [
        plain("good", tablet=True),
        plain("blank", text=" ", tablet=True),
        plain("ink", text="a#b", tablet=True),
        plain("jump", strokes=jump, tablet=True),
        plain("few", text="abc", tablet=True),
        plain("dot", strokes=dot, text="."),
        plain("n01-015z-04"),
        plain("suspect"),
        plain("own, with long straight strokes", strokes=jump, text="abcd"),
    ]
    assert [line.name for line in clean(lines, suspects=["suspect"])] == ["good", lines[-1].name]
    assert "suspect" in {line.name for line in clean(lines)}
    edge = (np.array([[0, 0], [200, 0], [200, 200], [201, 0]], np.float32),)
    assert len(clean([plain(strokes=edge, tablet=True)])) == 1


def test_split_by_name_or_every_twentieth():
    splits = ["trainset", "testset_f", "testset_v", "testset_t", ""]
    lines = [plain(str(number), split=split) for number, split in enumerate(splits)]
    train, held = split_lines(lines)
    assert [line.split for line in train] == ["trainset", "testset_f", ""]  # never the final test
    assert [line.split for line in held] == ["testset_v"]
    train, held = split_lines(lines, "testset_t")
    assert [line.split for line in held] == ["testset_t"]
    assert [line.split for line in train] == ["trainset", "testset_f", "testset_v", ""]
    unsplit = [plain(str(number)) for number in range(41)]
    train, held = split_lines(unsplit)
    assert [line.name for line in held] == ["0", "20", "40"]
    assert len(train) == 38
    assert not {line.name for line in train} & {line.name for line in held}


def test_split_of_too_little():
    with pytest.raises(InputError, match="1 lines leave 0 to train on and 1"):
        split_lines([plain()])
    with pytest.raises(InputError, match="validation split: testset_v; in the data: dev, train"):
        split_lines([plain(split="train"), plain(split="dev")])


def test_alphabet_counts_characters():
    assert alphabet_of([plain(text="aab"), plain(text="abc")], min_count=2) == "ab"
    assert alphabet_of([plain(text="cb a")], min_count=1) == " abc"


# Lines as a writer sees them ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def writer() -> HandwritingWriter:
    features = StrokeFeatures(resample=False, mean=(4.0, 0.5), std=(8.0, 9.0))
    config = WriterConfig(
        alphabet=" abe", hidden_size=4, layers=1, text_size=4, components=2, mixtures=2, style_size=3,
        styles=("10000", "10001"), features=features,
    )  # fmt: skip
    return HandwritingWriter(config)


def test_writer_lines(writer):
    lines = [plain(text="ab", writer="10001"), plain(text="aé#", writer="unknown")]
    data = WriterLines(lines, writer)
    assert len(data) == 2
    assert data.lengths == [3, 3]
    np.testing.assert_allclose(data[0]["offsets"][0], [(5 - 4) / 8, (5 - 0.5) / 9, 0], rtol=1e-6)
    assert data[0]["offsets"][:, 2].tolist() == [0, 0, 1]
    assert data[0]["text"].tolist() == [2, 3, 0]
    assert data[0]["style"] == 2
    assert data[1]["text"].tolist() == [2, 4, 0]  # é becomes e, the mark of illegible ink goes
    assert data[1]["style"] == 0


def test_augmentation_is_of_the_epoch_and_the_index(writer):
    lines = [plain(), plain()]
    data = WriterLines(lines, writer, slant=0.3, scale=0.2, seed=5)
    again = WriterLines(lines, writer, slant=0.3, scale=0.2, seed=5)
    first, other = data[0]["offsets"], data[1]["offsets"]
    assert (first != other).any()
    np.testing.assert_array_equal(first, again[0]["offsets"])
    data.set_epoch(1)
    assert (data[0]["offsets"] != first).any()
    data.set_epoch(0)
    np.testing.assert_array_equal(data[0]["offsets"], first)
    # A slanted, scaled line is a straight map of the plain one: x' = s (x + k y), y' = s y
    true = writer.config.features.decode(WriterLines(lines, writer)[0]["offsets"])[0]
    seen = writer.config.features.decode(first)[0]
    size = seen[1, 1] / true[1, 1]
    assert 0.8 <= size <= 1.2
    slant = (seen[1, 0] / size - true[1, 0]) / true[1, 1]
    assert abs(slant) <= 0.3
    np.testing.assert_allclose(seen[:, 1], size * true[:, 1], atol=1e-3)
    np.testing.assert_allclose(seen[:, 0], size * (true[:, 0] + slant * true[:, 1]), atol=1e-3)
    np.testing.assert_array_equal(first[:, 2], WriterLines(lines, writer)[0]["offsets"][:, 2])
    assert torch.equal(data[0]["text"], torch.tensor([2, 3, 0]))


# The real data ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (IAM / "lines.npz").exists(), reason="needs IAM-OnDB in ../shared/data/iam_ondb")
def test_iam_lines():
    lines = read_lines(IAM / "lines.npz")
    counts = {name: sum(line.split == name for line in lines) for name in ("trainset", "testset_f", "testset_v")}
    assert counts == {"trainset": 5364, "testset_f": 3859, "testset_v": 1438}
    learn, held = split_lines(lines)
    assert (len(learn), len(held)) == (5364 + 3859, 1438)
    assert not {line.writer for line in learn if line.writer} & {line.writer for line in held if line.writer}
    some = [*learn[::40], *held[::40], *(line for line in lines if line.name == "n01-015z-04" or "#" in line.text)]
    suspects = set((IAM / "suspect_ids.txt").read_text().split())
    for line in clean(some, suspects=suspects):
        assert line.text.strip()
        assert "#" not in line.text
        assert line.name not in suspects | {"n01-015z-04"}
        assert max(np.abs(np.diff(stroke, axis=0)).max() for stroke in line.strokes if len(stroke) > 1) <= 200
    assert len(clean(some)) > 0.8 * len(learn + held) / 40
