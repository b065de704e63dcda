"""Tables of every task are read by one reader: how they divide, where their files lie, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from lstm_datasets.captioning.readers import read_captions
from lstm_datasets.handwriting.readers import read_lines
from lstm_datasets.speech.readers import read_speech
from lstm_datasets.tables import FileFinder, csv_rows, lines_of, table_rows
from lstm_models.errors import InputError


def tone(path: Path, hertz: float = 300.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(np.arange(32_000) * hertz * 2 * np.pi / 16_000), 16_000)


def photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), "red").save(path)


def test_a_recording_takes_no_other_with_its_bare_name(tmp_path: Path) -> None:
    for name in ("alice", "bob"):
        tone(tmp_path / "clips" / name / "001.wav")
    (tmp_path / "my.csv").write_text("audio,text\nalice/001.wav,hello\nbob/001.wav,goodbye\ncarol/001.wav,not here\n")
    skipped: list[str] = []
    found = read_speech(tmp_path / "my.csv", skip_at_most=0.5, skipped=skipped)
    assert {each.text: each.file.relative_to(tmp_path).as_posix() for each in found} == {
        "hello": "clips/alice/001.wav",
        "goodbye": "clips/bob/001.wav",
    }
    assert len(skipped) == 1
    assert "carol/001.wav is missing" in skipped[0]


def test_a_photo_takes_no_other_with_its_bare_name(tmp_path: Path) -> None:
    for year in ("2021", "2022"):
        photo(tmp_path / "photos" / year / "IMG_1.jpg")
    (tmp_path / "captions.csv").write_text(
        "image,caption\n2021/IMG_1.jpg,a cat\n2022/IMG_1.jpg,a dog\n2023/IMG_1.jpg,x\n"
    )
    found = {each.name: each.file for each in read_captions(tmp_path / "captions.csv")}
    assert found["2021/IMG_1.jpg"] == tmp_path / "photos/2021/IMG_1.jpg"
    assert found["2022/IMG_1.jpg"] == tmp_path / "photos/2022/IMG_1.jpg"
    assert not found["2023/IMG_1.jpg"].exists()


def test_where_files_are_found(tmp_path: Path) -> None:
    for name in ("a/one.wav", "b/one.wav", "b/two.wav", "three.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    find = FileFinder(tmp_path, {".wav"})
    assert find("three.wav") == tmp_path / "three.wav"
    assert find("two.wav") == tmp_path / "b/two.wav"
    assert find("a\\one.wav") == tmp_path / "a/one.wav"
    assert find("/home/somebody/data/b/one.wav") == tmp_path / "b/one.wav"
    assert not find("/home/somebody/data/c/two.wav").exists()
    with pytest.raises(InputError, match=r"“one\.wav” fits 2 files below .* \(a/one\.wav, b/one\.wav\)"):
        find("one.wav")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_delimiter_of_spreadsheets(delimiter: str, tmp_path: Path) -> None:
    photo(tmp_path / "1.png")
    tone(tmp_path / "1.wav")
    table = delimiter.join(("image", "caption")) + "\r\n" + delimiter.join(("1.png", "a red square")) + "\r\n"
    (tmp_path / "mine.csv").write_bytes(b"\xef\xbb\xbf" + table.encode())
    assert [each.captions for each in read_captions(tmp_path / "mine.csv")] == [("a red square",)]
    table = table.replace("image", "audio").replace("caption", "text").replace("png", "wav")
    (tmp_path / "mine.csv").write_bytes(table.encode("utf-16"))  # “Unicode text”
    assert [each.text for each in read_speech(tmp_path / "mine.csv")] == ["a red square"]


def test_a_quotation_mark_left_open_swallows_no_rows(tmp_path: Path) -> None:
    rows = ["1\tone", '2\t"two, he said', "3\tthree", '4\tfour"', '5\t"a ""quoted"" field"']
    (tmp_path / "my.tsv").write_text("\n".join(["audio\ttext", *rows]))
    found = [row["text"] for _, row in table_rows(tmp_path / "my.tsv", "")]
    assert found == ["one", '"two, he said', "three", 'four"', 'a "quoted" field']
    for end in ("", "4,four\n", '4,"four"\n'):
        (tmp_path / "my.csv").write_text('audio,text\n1,one\n2,"two he said\n3,three\n' + end)
        with pytest.raises(InputError, match=r"my\.csv, line 3: a quotation mark is opened and not closed"):
            list(csv_rows(tmp_path / "my.csv", ","))
    (tmp_path / "my.csv").write_text('audio,text\n1,"a line\nand another, ""quoted"""\n')
    assert [row["text"] for _, row in csv_rows(tmp_path / "my.csv", ",")] == ['a line\nand another, "quoted"']


def test_lines_end_at_line_feeds_alone(tmp_path: Path) -> None:
    separators = "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"
    assert lines_of(f"a{separators}b\r\nc\rd\n") == [f"a{separators}b", "c", "d"]
    for number in (1, 2):
        tone(tmp_path / f"{number}.wav")
    texts = ("hello\u2028there", "good\u0085bye")
    rows = [{"audio": f"{number}.wav", "text": text} for number, text in enumerate(texts, 1)]
    table = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "my.jsonl").write_text(table, encoding="utf-8")
    assert [each.text for each in read_speech(tmp_path / "my.jsonl")] == ["hello there", "good bye"]
    line = json.dumps({"text": texts[0], "strokes": [[[0, 0], [1, 1]]]}, ensure_ascii=False)
    (tmp_path / "lines.jsonl").write_text(line + "\n", encoding="utf-8")
    assert [each.text for each in read_lines(tmp_path / "lines.jsonl")] == ["hello there"]
