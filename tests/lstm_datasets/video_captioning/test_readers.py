"""Films with sentences are read from the forms that they come in."""

from __future__ import annotations

import json
import lzma

import pytest

from lstm_datasets.video_captioning.readers import read_films, read_sentences, split_films
from lstm_models.errors import InputError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "clips").mkdir()
    for name in ("video0.mp4", "video1.mp4", "abc_3_9.avi"):
        (tmp_path / "clips" / name).write_bytes(b"film")
    return tmp_path


def test_msr_vtt(folder):
    content = {
        "videos": [{"video_id": "video0", "split": "train"}, {"video_id": "video1", "split": "validate"}],
        "sentences": [
            {"video_id": "video0", "caption": "a dog  runs"},
            {"video_id": "video1", "caption": "a man sits"},
            {"video_id": "video0", "caption": "the dog is running"},
        ],
    }
    (folder / "train_val_videodatainfo.json").write_text(json.dumps(content))
    films = read_films(folder)
    assert [(film.name, film.captions, film.split) for film in films] == [
        ("video0", ("a dog runs", "the dog is running"), "train"),
        ("video1", ("a man sits",), "validate"),
    ]
    assert films[0].file == folder / "clips" / "video0.mp4"
    learn, held = split_films(films)
    assert ([film.name for film in learn], [film.name for film in held]) == (["video0"], ["video1"])


def test_msvd_takes_the_english_sentences(folder):
    rows = "VideoID,Start,End,WorkerID,Source,AnnotationTime,Language,Description\n"
    for language, text in (("English", "A dog runs."), ("German", "Ein Hund."), ("English", "It runs.")):
        rows += f"abc,3,9,1,clean,2,{language},{text}\n"
    (folder / "video_corpus.csv").write_text(rows)
    (film,) = read_films(folder / "video_corpus.csv")
    assert film.captions == ("A dog runs.", "It runs.")
    assert film.file == folder / "clips" / "abc_3_9.avi"
    assert (film.start, film.end) == (0.0, None)


def test_sentences_without_their_clips(tmp_path):
    path = tmp_path / "msvd.jsonl.xz"
    path.write_bytes(lzma.compress(b'{"clip": "gone.avi", "captions": ["A dog runs.", "It runs."]}\n'))
    assert read_sentences(path) == [("A dog runs.", "It runs.")]
    with pytest.raises(InputError, match="none of them is there"):
        read_films(path)


def test_an_own_folder_with_times_and_splits(folder):
    (folder / "captions.csv").write_text(
        "video,caption,start,end,split\nvideo0.mp4,A dog,0,2.5,train\nvideo0.mp4,A cat,2.5,,dev\n"
        "video0.mp4,The dog,0,2.5,train\n"
    )
    films = read_films(folder)
    assert [(film.captions, film.start, film.end) for film in films] == [
        (("A dog", "The dog"), 0.0, 2.5),
        (("A cat",), 2.5, None),
    ]


def test_texts_beside_films(folder):
    (folder / "clips" / "video1.txt").write_text("A dog runs.\n\nIt runs.\n")
    assert [film.captions for film in read_films(folder)] == [("A dog runs.", "It runs.")]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("captions.csv", "film\nvideo0.mp4\n", "expected a film and its sentence"),
        ("captions.csv", "video,caption,start\nvideo0.mp4,A dog,soon\n", "is no time in seconds"),
        ("captions.json", '{"videos": 3}', "MSR-VTT"),
        ("captions.json", "{", "damaged or no JSON"),
        ("captions.csv", "video,caption\n", "no film with a sentence"),
        ("captions.jsonl.xz", "not xz", "cannot be read"),
    ],
)
def test_damaged_tables_are_a_sentence(folder, name, content, sentence):
    (folder / name).write_text(content)
    with pytest.raises(InputError, match=sentence):
        read_films(folder / name)


def test_too_few_films(folder):
    (folder / "captions.csv").write_text("video,caption\nvideo0.mp4,A dog\n")
    with pytest.raises(InputError, match="leave 0 films to train on and 1"):
        split_films(read_films(folder))
    with pytest.raises(InputError, match="does not exist"):
        read_films(folder / "nothing")
