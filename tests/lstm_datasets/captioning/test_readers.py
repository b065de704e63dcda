"""Captioned photos in every layout, their split, and what is said of data that cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_datasets.captioning.readers import read_captions, split_photos
from lstm_models.errors import InputError
from tests.helpers import tiny_photos

FLICKR = Path(__file__).parents[4] / "shared" / "data" / "flickr8k"


def images(folder: Path, count: int = 6) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, image, _ in tiny_photos.photos(count):
        (folder / f"{name}.jpg").write_bytes(tiny_photos.jpeg(image))
    return [name for name, _, _ in tiny_photos.photos(count)]


def as_shards(path: Path) -> Path:
    tiny_photos.shard(path / "train-000.tar", 6)
    return path


def as_table(path: Path) -> Path:
    return tiny_photos.folder(path, 6)


def as_texts(path: Path) -> Path:
    return tiny_photos.folder(path, 6, table=False)


def as_tsv(path: Path) -> Path:
    images(path)
    rows = [f"{name}.jpg\t{caption}" for name, _, captions in tiny_photos.photos(6) for caption in captions]
    (path / "mine.tsv").write_text("\n".join(["File_name\tText", *rows]), encoding="utf-8")
    return path / "mine.tsv"


def as_jsonl(path: Path) -> Path:
    images(path / "pictures")
    rows = [json.dumps({"image": f"{name}.jpg", "captions": captions}) for name, _, captions in tiny_photos.photos(6)]
    (path / "captions.jsonl").write_text("\n".join(rows), encoding="utf-8")
    return path


def as_mapping(path: Path) -> Path:
    images(path)
    (path / "captions.json").write_text(
        json.dumps({f"{n}.jpg": c for n, _, c in tiny_photos.photos(6)}), encoding="utf-8"
    )
    return path


def as_karpathy(path: Path) -> Path:
    images(path / "imgs")
    records = [
        {"filename": f"{name}.jpg", "split": "restval", "sentences": [{"raw": text, "tokens": []} for text in captions]}
        for name, _, captions in tiny_photos.photos(6)
    ]
    (path / "dataset_flickr8k.json").write_text(json.dumps({"images": records, "dataset": "flickr8k"}))
    return path


def as_coco(path: Path) -> Path:
    images(path / "train2017")
    content: dict[str, list[dict[str, object]]] = {"images": [], "annotations": []}
    for number, (name, _, captions) in enumerate(tiny_photos.photos(6)):
        content["images"].append({"id": number, "file_name": f"{name}.jpg"})
        content["annotations"] += [{"image_id": number, "caption": text} for text in captions]
    (path / "annotations").mkdir()
    (path / "annotations" / "captions_train2017.json").write_text(json.dumps(content))
    return path


def as_flickr(path: Path) -> Path:
    names = images(path / "Flicker8k_Dataset")
    rows = [f"{name}.jpg#{n}\t{text}" for name, _, captions in tiny_photos.photos(6) for n, text in enumerate(captions)]
    (path / "Flickr8k.token.txt").write_text("\n".join(rows), encoding="utf-8")
    (path / "Flickr_8k.trainImages.txt").write_text("\n".join(f"{name}.jpg" for name in names), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "layout", [as_shards, as_table, as_texts, as_tsv, as_jsonl, as_mapping, as_karpathy, as_coco, as_flickr]
)
def test_every_layout_gives_the_same(layout: Callable[[Path], Path], tmp_path: Path) -> None:
    found = read_captions(layout(tmp_path / "data"))
    assert len(found) == 6
    for photo, (name, image, captions) in zip(found, tiny_photos.photos(6), strict=True):
        assert Path(photo.name).stem == name
        assert photo.captions == tuple(captions)
        assert photo.split in ("", "train")
        assert photo.image().size == image.size


def test_rows_of_one_photo_are_gathered_and_splits_kept(tmp_path: Path) -> None:
    images(tmp_path)
    (tmp_path / "captions.csv").write_text(
        'image,caption,split\np00.jpg,"one, two",train\np01.jpg,b,val\np00.jpg,c,train\n'
    )
    found = read_captions(tmp_path)
    assert [(photo.name, photo.captions, photo.split) for photo in found] == [
        ("p00.jpg", ("one, two", "c"), "train"),
        ("p01.jpg", ("b",), "val"),
    ]
    assert [photo.name for photo in read_captions(tmp_path, "dev")] == ["p01.jpg"]
    with pytest.raises(InputError, match="it has train, val"):
        read_captions(tmp_path, "test")


def test_split(tmp_path: Path) -> None:
    for split, count in (("train", 5), ("dev", 3), ("test", 2)):
        tiny_photos.shard(tmp_path / f"{split}-000.tar", count)
    train, held = split_photos(read_captions(tmp_path))
    assert ({photo.split for photo in train}, {photo.split for photo in held}) == ({"train"}, {"dev"})
    train, held = split_photos(read_captions(tmp_path), "test")
    assert ({photo.split for photo in train}, {photo.split for photo in held}) == ({"train", "dev"}, {"test"})
    with pytest.raises(InputError, match="in the data: train"):
        split_photos(read_captions(tmp_path, "train"))


def test_without_splits_every_twentieth_is_held(tmp_path: Path) -> None:
    train, held = split_photos(read_captions(tiny_photos.folder(tmp_path, 40)))
    assert [photo.name for photo in held] == ["p00.jpg", "p20.jpg"]
    assert len(train) == 38


def test_a_missing_photo_says_so_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "captions.csv").write_text("image,caption\nnone.jpg,a dog\n")
    (photo,) = read_captions(tmp_path)
    with pytest.raises(InputError, match=r"none\.jpg"):
        photo.image()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("captions.csv", b"image,caption\n", "no photo with a caption"),
        ("captions.csv", b"a,b\n1,2\n", "line 2: expected a photo and its caption"),
        ("captions.csv", b"\xff\xfe\x00", "no UTF-8"),
        ("captions.json", b"{", "damaged or no JSON"),
        ("captions.json", b"[1]", "line 1: expected a photo"),
        ("captions.json", b"3", "expected a list"),
        ("captions.jsonl", b'{"image": "a.jpg", "caption": "x"}\n{', "line 2 is no JSON"),
        ("captions_train2017.json", b'{"annotations": [{}], "images": []}', "neither COCO"),
        ("dataset.json", b'{"images": [{}]}', "neither COCO"),
        ("x.token.txt", b"photo.jpg#0 no tab\n", "line 1: expected"),
        ("train-000.tar", b"not a tar at all", "cut off, compressed or no tar"),
        ("train-000.tar", b"", "no tar"),
        ("notes.pdf", b"%PDF", "no captions|no file of captions"),
    ],
)
def test_damaged_data(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(InputError, match=said):
            read_captions(path)


def test_a_shard_cut_off(tmp_path: Path) -> None:
    whole = tiny_photos.shard(tmp_path / "train-000.tar", 6).read_bytes()
    (tmp_path / "train-000.tar").write_bytes(whole[:3000])
    with pytest.raises(InputError, match=r"train-000\.tar"):
        read_captions(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no captioned photos at"):
        read_captions(tmp_path / "nowhere")


@pytest.mark.skipif(not FLICKR.exists(), reason="Flickr8k is not beside the checkout")
def test_flickr8k() -> None:
    train, held = split_photos(read_captions(FLICKR))
    assert (len(train), len(held)) == (6000, 1000)
    assert all(len(photo.captions) == 5 for photo in held)
    assert held[7].image().size == (224, 224)
    assert not {photo.name for photo in train} & {photo.name for photo in held}
