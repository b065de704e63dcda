"""What `lstm-models caption` writes beside its lines: pages, pictures of attention, tables and XMP."""

from __future__ import annotations

import csv
import json
import os
import xml.etree.ElementTree
from pathlib import Path

from PIL import Image

from lstm_models.tasks.captioning.results import Caption, RecognizedObject
from tests.helpers.caption_runs import draw, records, run


class TestPage:
    def test_page_of_a_folder(self, loaded, photos, capsys):
        code, out, err = run(capsys, "photos", html="p.html")
        assert (code, out, err) == (0, "", "lstm-models: p.html is written.\n")
        page = Path("p.html").read_text()
        uncertain = sum(caption.uncertain for caption in loaded.caption([str(path) for path in photos.iterdir()]))
        assert page.count("<article") == page.count("data:image/jpeg") == 6
        assert page.count('class="photo uncertain"') == uncertain > 0
        assert 'data-src="3.png"' in page
        assert sorted(os.listdir()) == ["p.html", "photos"]

    def test_page_after_a_resumed_run_shows_all_and_what_failed(self, loaded, photos, capsys):
        run(capsys, "photos/1.png", "photos/2.png", out="c.jsonl")
        (photos / "4.png").write_text("no photo")
        (photos / "deep").mkdir()
        code, _, err = run(capsys, "photos", "photos/deep", "gone.png", out="c.jsonl", html="p.html")
        page = Path("p.html").read_text()
        assert (code, page.count("<article")) == (1, 5)
        assert "3 of 8 could not be described" in err
        for part in ("photos/4.png is a text file", "gone.png does not exist", "deep has no pictures"):
            assert part in err
            assert part in page
        failed = [record for record in records(Path("c.jsonl").read_text()) if "error" in record]
        assert sorted(record["source"] for record in failed) == ["gone.png", "photos/4.png", "photos/deep"]

    def test_captions_corrected_by_hand_come_into_the_page(self, loaded, photos, capsys):
        run(capsys, "photos", out="c.jsonl")
        lines = records(Path("c.jsonl").read_text())
        lines[1]["text"] = "My own words"
        Path("c.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        assert run(capsys, "photos", out="c.jsonl", html="p.html")[0] == 0
        assert Path("p.html").read_text().count("My own words") >= 2

    def test_with_json_the_lines_come_too(self, loaded, photos, capsys):
        code, out, _ = run(capsys, "photos", html="p.html", json=True)
        assert (code, len(records(out))) == (0, 6)
        code, out, _ = run(capsys, "photos/1.png", html="one.html")
        assert (code, out) == (0, loaded.caption("photos/1.png").text + "\n")
        assert Path("one.html").read_text().count("<article") == 1


class TestAttention:
    def test_a_picture_a_photo(self, loaded, photos, capsys):
        draw(photos / "more", 2)
        code, out, _ = run(capsys, "photos", recursive=True, attention="looks/new")
        assert (code, len(records(out))) == (0, 8)
        made = sorted(path.relative_to("looks/new").as_posix() for path in Path("looks/new").rglob("*.png"))
        names = [f"{number}.attention.png" for number in range(6)]
        assert made == [*names, "more/0.attention.png", "more/1.attention.png"]
        with Image.open("looks/new/0.attention.png") as sheet:
            assert sheet.width > 40

    def test_names_that_differ_by_their_suffix_only(self, loaded, photos, capsys):
        Image.open(photos / "1.png").save(photos / "1.jpg")
        assert run(capsys, "photos/1.jpg", "photos/1.png", "photos/2.png", attention="looks")[0] == 0
        assert sorted(os.listdir("looks")) == [
            "1.jpg.attention.png", "1.png.attention.png", "2.attention.png",
        ]  # fmt: skip

    def test_only_missing_ones_are_made_again(self, loaded, photos, capsys):
        run(capsys, "photos", out="c.jsonl")
        before = Path("c.jsonl").read_text()
        assert run(capsys, "photos", out="c.jsonl", attention="looks")[0] == 0
        assert len(os.listdir("looks")) == 6
        os.remove("looks/2.attention.png")
        times = {path: path.stat().st_mtime_ns for path in Path("looks").iterdir()}
        assert run(capsys, "photos", out="c.jsonl", attention="looks")[0] == 0
        assert Path("looks/2.attention.png").exists()
        assert all(path.stat().st_mtime_ns == time for path, time in times.items())
        assert Path("c.jsonl").read_text() == before


def test_captions_as_a_table_and_beside_the_photos(loaded, photos, capsys) -> None:
    """As the csv module and a parser of XML read them."""
    _, told, _ = run(capsys, "photos", csv="captions.csv", xmp="photos")
    texts = {each["source"]: each["text"] for each in records(told)}
    with open("captions.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["photo"]: row["caption"] for row in rows} == texts
    assert set(rows[0]) == {"photo", "caption", "confidence", "uncertain", "recognised"}
    assert {row["uncertain"] for row in rows} <= {"true", "false"}
    spaces = {"dc": "http://purl.org/dc/elements/1.1/", "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}
    for source, text in texts.items():
        root = xml.etree.ElementTree.fromstring(Path(source).with_suffix(".xmp").read_text("utf-8"))
        assert [each.text for each in root.findall(".//dc:description/rdf:Alt/rdf:li", spaces)] == [text]
    assert run(capsys, "photos", csv="captions.txt")[0] == 2
    assert run(capsys, "photos", xmp="captions.csv")[0] == 1


def test_an_xmp_file_of_another_program_is_kept(loaded, photos, capsys) -> None:
    theirs = '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2"><rating>5</rating></x:xmpmeta>'
    (photos / "0.xmp").write_text(theirs)
    for _ in range(2):  # ours are written anew
        code, _, noted = run(capsys, "photos", xmp="photos")
        assert code == 0
        assert "photos/0.xmp is of another program and was left as it is" in noted
    assert (photos / "0.xmp").read_text() == theirs
    others = [path for path in photos.glob("*.xmp") if path.name != "0.xmp"]
    assert others
    assert all('x:xmptk="lstm-models"' in path.read_text("utf-8") for path in others)


def test_what_a_name_says_is_no_markup_and_no_formula(loaded, photos, capsys) -> None:
    (photos / "0.png").rename("=1+1.png")
    run(capsys, "=1+1.png", csv="captions.csv")
    assert "'=1+1.png" in Path("captions.csv").read_text("utf-8-sig")
    caption = Caption("a <b> & c", (), 0.0, objects=(RecognizedObject("d & <e>", 0.5),))
    root = xml.etree.ElementTree.fromstring(caption.xmp())
    texts = [each.text for each in root.iter() if each.text]
    assert texts == ["a <b> & c", "a <b> & c", "d & <e>"]
