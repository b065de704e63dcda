"""Recordings in every layout, their splits, and what is said of data that cannot be used."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lstm_datasets.speech.readers import read_speech
from lstm_models.errors import InputError

SPEECH = Path(__file__).parents[4] / "shared" / "data" / "speech"
TEXTS = ["Hello, world!", "MISTER HAS 3 DOGS", "good-bye", "it's late"]
SAID = ["hello world", "mister has three dogs", "good bye", "it's late"]
RATE = 16_000


def tone(number: int, seconds: float = 1.0, rate: int = RATE, channels: int = 1) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    sound = 0.3 * np.sin(2 * np.pi * (200 + 50 * number) * time)
    return np.repeat(sound[:, None], channels, axis=1).astype(np.float32)


def audio(path: Path, number: int = 0, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(number, **options), options.get("rate", RATE))
    return path


def encoded(number: int = 0, seconds: float = 1.0, kind: str = "OGG", subtype: str = "OPUS") -> bytes:
    made = io.BytesIO()
    soundfile.write(made, tone(number, seconds), RATE, format=kind, subtype=subtype)
    return made.getvalue()


def shard(
    path: Path, rows: list[dict[str, Any]], suffix: str = "opus", data: bytes | None = None, start: int = 0
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for number, row in enumerate(rows, start):
            sound = data if data is not None else encoded(number)
            for kind, content in ((suffix, sound), ("json", json.dumps(row).encode())):
                member = tarfile.TarInfo(f"{path.stem}_{number}.{kind}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# --- layouts ---------------------------------------------------------------------------------------------------------


def as_shards(root: Path) -> Path:
    shard(root / "train-mine-000.tar", [{"text": text, "speaker": "s", "duration": 1.0} for text in TEXTS[:2]])
    shard(root / "train-mine-001.tar", [{"text": text, "speaker": "s"} for text in TEXTS[2:]], start=2)
    return root


def as_librispeech(root: Path) -> Path:
    chapter = root / "train-clean-5" / "19" / "198"
    lines = [f"19-198-000{number} {text}" for number, text in enumerate(TEXTS)]
    for number in range(4):
        audio(chapter / f"19-198-000{number}.flac", number)
    written(chapter / "19-198.trans.txt", "\n".join(lines) + "\n")
    written(root / "SPEAKERS.TXT", "; ID | SEX\n19   | F | train-clean-5 | 25 | Anna\n")
    return root


def as_ljspeech(root: Path) -> Path:
    for number in range(4):
        audio(root / "wavs" / f"LJ{number}.wav", number, rate=22_050)
    rows = [f"LJ{number}|raw 3|{text}" for number, text in enumerate(TEXTS)]
    rows[0] = f"LJ0|{TEXTS[0]}|"  # some versions have no third column
    written(root / "metadata.csv", "\n".join(rows))
    return root


def as_common_voice(root: Path) -> Path:
    columns = "client_id\tpath\tsentence\tup_votes\tage\tgender\tsegment"
    for split, numbers in (("train", (0, 1)), ("dev", (2,)), ("test", (3,))):
        rows = [f"c{number}\tcv_{number}.mp3\t{TEXTS[number]}\t2\tteens\tfemale\t" for number in numbers]
        written(root / "en" / f"{split}.tsv", "\n".join([columns, *rows]))
    for number in range(4):
        audio(root / "en" / "clips" / f"cv_{number}.mp3", number, rate=48_000)
    written(root / "en" / "validated.tsv", f"{columns}\nc9\tcv_0.mp3\tonly here\t2\t\t\t")
    return root


def as_voxforge(root: Path) -> Path:
    for folder, numbers, prompts in (("anna-2009-abc", (0, 1), "prompts-original"), ("anonymous-1", (2, 3), "PROMPTS")):
        rows = [f"{'*/' * (prompts == 'PROMPTS')}a{number} {TEXTS[number]}" for number in numbers]
        written(root / folder / "etc" / prompts, "\n".join(rows))
        written(root / folder / "etc" / "README", "User Name:x\n\nGender: female\nAge Range: Adult\n")
        for number in numbers:
            audio(root / folder / "wav" / f"a{number}.wav", number)
    return root


def as_an4(root: Path) -> Path:
    for part, numbers in (("train", (0, 1, 2)), ("test", (3,))):
        lines = [f"<s> {TEXTS[number].upper()} </s> (an{number}-fash-b)" for number in numbers]
        written(root / "an4" / "etc" / f"an4_{part}.transcription", "\n".join(lines))
        ids = [f"an4_clstk/fash/an{number}-fash-b" for number in numbers]
        written(root / "an4" / "etc" / f"an4_{part}.fileids", "\n".join(ids))
        for number, each in zip(numbers, ids, strict=True):
            path = root / "an4" / "wav" / f"{each}.sph"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, tone(number), RATE, format="NIST", subtype="PCM_16")
    return root


def as_csv(root: Path) -> Path:
    rows = [f'{audio(root / "sound" / f"{number}.wav", number).name},"{text}"' for number, text in enumerate(TEXTS)]
    return written(root / "mine.csv", "\n".join(["Audio,Text", *rows]))


def as_folder_of_tsv(root: Path) -> Path:
    rows = [f"{audio(root / f'{number}.ogg', number)}\t{text}" for number, text in enumerate(TEXTS)]
    written(root / "train.tsv", "\n".join(["path\tsentence", *rows]))
    return root


def as_jsonl(root: Path) -> Path:
    rows = [
        json.dumps({"audio_filepath": str(audio(root / f"{number}.flac", number)), "transcription": text})
        for number, text in enumerate(TEXTS)
    ]
    return written(root / "mine.jsonl", "\n".join(rows) + "\n\n")


def as_json(root: Path) -> Path:
    rows = [
        {"audio": {"path": audio(root / f"{number}.wav", number, channels=2).name}, "text": text}
        for number, text in enumerate(TEXTS)
    ]
    return written(root / "mine.json", json.dumps(rows))


def as_texts(root: Path) -> Path:
    for number, text in enumerate(TEXTS):
        written(audio(root / "a" / f"{number}.wav", number).with_suffix(".txt"), f"{text}\n")
    return root


LAYOUTS = [as_shards, as_librispeech, as_ljspeech, as_common_voice, as_voxforge, as_an4, as_csv, as_folder_of_tsv,
           as_jsonl, as_json, as_texts]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same(layout: Callable[[Path], Path], tmp_path: Path) -> None:
    skipped: list[str] = []
    found = read_speech(layout(tmp_path / "data"), skipped=skipped)
    assert skipped == []
    assert sorted(recording.text for recording in found) == sorted(SAID)
    for recording in found:
        number = SAID.index(recording.text)
        samples = recording.samples()
        assert recording.duration == pytest.approx(1.0, abs=0.08)  # MP3 comes in whole frames
        assert samples.dtype == np.float32
        assert samples.ndim == 1
        assert len(samples) == pytest.approx(RATE * recording.duration, abs=2)
        spectrum = np.abs(np.fft.rfft(samples[:RATE] * np.hanning(len(samples[:RATE]))))
        assert np.argmax(spectrum) * RATE / len(samples[:RATE]) == pytest.approx(200 + 50 * number, abs=3)


def test_what_the_layouts_know(tmp_path: Path) -> None:
    one = {layout: read_speech(layout(tmp_path / layout.__name__)) for layout in LAYOUTS}

    def told(layout: Callable[[Path], Path], text: str) -> tuple[str, str, str, float | None, str]:
        (found,) = (recording for recording in one[layout] if recording.text == text)
        return found.set, found.split, found.speaker, found.age, found.gender

    assert told(as_shards, "good bye") == ("train-mine", "train", "s", None, "")
    assert told(as_librispeech, "good bye") == ("train-clean-5", "train", "19", None, "f")
    assert told(as_common_voice, "good bye") == ("dev-commonvoice", "dev", "c2", 15, "f")
    assert told(as_voxforge, "hello world") == ("voxforge", "", "anna", None, "f")
    assert told(as_voxforge, "good bye") == ("voxforge", "", "anonymous-1", None, "f")
    assert told(as_an4, "it's late") == ("test-an4", "test", "fash", None, "")
    assert told(as_folder_of_tsv, "good bye") == ("train", "train", "", None, "")
    assert told(as_csv, "good bye") == ("mine", "", "", None, "")


def test_validated_where_common_voice_has_no_splits(tmp_path: Path) -> None:
    root = as_common_voice(tmp_path)
    for split in ("train", "dev", "test"):
        (root / "en" / f"{split}.tsv").unlink()
    (only,) = read_speech(root)
    assert (only.text, only.split, only.key) == ("only here", "", "cv_0.mp3")
    assert read_speech(root / "en" / "validated.tsv") == [only]


def test_what_shards_say_of_a_recording(tmp_path: Path) -> None:
    row = {"text": "HI THERE", "speaker": 7, "age": 9, "gender": "male", "label": "whisper", "duration": 99}
    (found,) = read_speech(shard(tmp_path / "dev-kids-000.tar", [row]))
    assert (found.speaker, found.age, found.gender, found.label, found.voice) == (
        "7",
        9.0,
        "m",
        "whisper",
        ("kids", "7"),
    )
    assert found.duration == pytest.approx(1.0, abs=0.01)  # by its header, whatever is said
    assert found.set == "dev-kids"
    assert isinstance(found.place, tuple)


@pytest.mark.parametrize(("kind", "subtype"), [("FLAC", "PCM_16"), ("WAV", "PCM_16"), ("MP3", "MPEG_LAYER_III")])
def test_shards_of_other_formats(kind: str, subtype: str, tmp_path: Path) -> None:
    data = encoded(2, kind=kind, subtype=subtype)
    (found,) = read_speech(shard(tmp_path / "mine.tar", [{"text": "hi"}], kind.lower(), data))
    assert found.set == "mine"
    assert np.abs(found.samples()).max() == pytest.approx(0.3, abs=0.05)


def test_several_shards_by_pattern_and_list(tmp_path: Path) -> None:
    for number in range(3):
        shard(tmp_path / f"train-x-00{number}.tar", [{"text": f"word {number}"}])
    shard(tmp_path / "dev-x-000.tar", [{"text": "held"}])
    wanted = ["word zero", "word one", "word two"]
    train = [f"{tmp_path}/train-x-00{number}.tar" for number in range(3)]
    for data in (f"{tmp_path}/train-*.tar", f"{tmp_path}/train-x-{{000..002}}.tar", train, [train[0], *train]):
        assert [recording.text for recording in read_speech(data)] == wanted
    assert len(read_speech([tmp_path / "dev-x-000.tar", f"{tmp_path}/train-*.tar"])) == 4
    assert [recording.text for recording in read_speech(tmp_path, split="validation")] == ["held"]
    with pytest.raises(InputError, match="has no split “test”; it has dev, train"):
        read_speech(tmp_path, split="test")
    with pytest.raises(InputError, match=r"there is no speech data at .*train-x-003\.tar"):
        read_speech(f"{tmp_path}/train-x-{{000..003}}.tar")
    with pytest.raises(InputError, match=r"there is no speech data at .*nothing-\*\.tar"):
        read_speech(f"{tmp_path}/nothing-*.tar")
    with pytest.raises(InputError, match="a brace is missing"):
        read_speech(f"{tmp_path}/train-x-{{000..002.tar")


# --- rows that cannot be used ----------------------------------------------------------------------------------------


def bad_rows(root: Path) -> tuple[Path, list[str]]:
    root.mkdir()
    audio(root / "good.wav", seconds=2)
    audio(root / "short.wav", seconds=0.2)
    audio(root / "long.wav", seconds=61, rate=8000)
    audio(root / "pause.wav", seconds=30, rate=8000)
    written(root / "text.wav", "this is no sound at all")
    written(root / "empty.wav", "")
    (root / "folder.wav").mkdir()
    rows = [
        ("good.wav", "fine"),
        ("none.wav", "hello"),
        ("good.wav", "  "),
        ("good.wav", "?!"),
        ("good.wav", "привет"),
        ("text.wav", "hello"),
        ("empty.wav", "hello"),
        ("folder.wav", "hello"),
        ("short.wav", "too many words for this"),
        ("long.wav", "hello there"),
        ("pause.wav", "hello"),
        ("", "hello"),
        ("good.wav", "x" * 10_001),
    ]
    table = written(root / "mine.tsv", "\n".join(["audio\ttext", *("\t".join(row) for row in rows)]))
    return table, [
        f"mine.tsv, line 3: {root}/none.wav is missing",
        "mine.tsv, line 4: the text is empty",
        "mine.tsv, line 5: the text “?!” has no letters",
        "mine.tsv, line 6: the text has “привет”, for which English has no letters",
        "mine.tsv, line 7: text.wav is damaged or no audio that can be read",
        "mine.tsv, line 8: empty.wav is empty",
        f"mine.tsv, line 9: {root}/folder.wav is not an ordinary file",
        "mine.tsv, line 10: 0.20 s are too short for a text of 23 letters",
        "mine.tsv, line 11: 61 s are longer than 60 s",
        "mine.tsv, line 12: 30 s are too long for a text of 5 letters",
        "mine.tsv, line 13: no recording is named",
        "mine.tsv, line 14: the text has 10,001 characters",
    ]


def test_bad_rows_are_told_and_left_out(tmp_path: Path) -> None:
    table, sentences = bad_rows(tmp_path / "data")
    skipped: list[str] = []
    (found,) = read_speech(table, skip_at_most=0.95, skipped=skipped)
    assert found.text == "fine"
    assert skipped == sentences
    with pytest.warns(
        UserWarning, match=r"12 of 13 recordings in .*mine\.tsv are left out; the first: mine\.tsv, line 3"
    ):
        read_speech(table, skip_at_most=0.95)


def test_too_many_bad_rows_end_it(tmp_path: Path) -> None:
    table, _ = bad_rows(tmp_path / "data")
    skipped: list[str] = []
    with pytest.raises(InputError, match=r"12 of 13 recordings in .* cannot be used, more than the 90 % that may be"):
        read_speech(table, skip_at_most=0.9, skipped=skipped)
    assert len(skipped) == 12
    table.write_text("audio\ttext\nnone.wav\thello\n")
    for share in (0, 1):
        with pytest.raises(InputError, match=r"the first: mine\.tsv, line 2: .*none\.wav is missing"):
            read_speech(table, skip_at_most=share)
    with pytest.raises(InputError, match="fraction between 0 and 1, not 10"):
        read_speech(table, skip_at_most=10)


def test_bad_recordings_in_shards(tmp_path: Path) -> None:
    rows: list[Any] = [{"text": "fine"}, {"speaker": "x"}, "no object", {"text": 3}, {"text": "ok", "age": "x"}]
    skipped: list[str] = []
    found = read_speech(shard(tmp_path / "a.tar", rows), skip_at_most=0.9, skipped=skipped)
    assert [(recording.text, recording.age) for recording in found] == [("fine", None), ("ok", None)]
    assert skipped == [f"a_{number} in a.tar: the text is empty" for number in (1, 2, 3)]
    shard(tmp_path / "b.tar", [{"text": "hi"}], data=b"OggS no sound")
    with pytest.raises(InputError, match=r"b_0 in b\.tar: the recording is damaged or no audio"):
        read_speech(tmp_path / "b.tar")
    shard(tmp_path / "c.tar", [{"text": "hi"}], data=b"")
    with pytest.raises(InputError, match=r"c_0 in c\.tar: the recording is empty"):
        read_speech(tmp_path / "c.tar")


def cut(root: Path) -> Path:
    path = shard(root / "cut.tar", [{"text": "hi"}] * 3)
    path.write_bytes(path.read_bytes()[:-15_000])
    return path


def compressed(root: Path) -> Path:
    import gzip

    path = shard(root / "packed.tar", [{"text": "hi"}])
    path.write_bytes(gzip.compress(path.read_bytes()))
    return path


def without_audio(root: Path) -> Path:
    return shard(root / "photos.tar", [{"text": "hi"}], "jpg")


def broken_json(root: Path) -> Path:
    path = shard(root / "train-a.tar", [{"text": "marker"}])
    path.write_bytes(path.read_bytes().replace(b'{"text": "marker"}', b'{"text": "marker!!'))
    return path


def empty_folder(root: Path) -> Path:
    (root / "nothing").mkdir(parents=True)
    return root / "nothing"


BAD_FILES: list[tuple[Callable[[Path], Path], str]] = [
    (lambda root: root / "none", "there is no speech data at"),
    (cut, r"cut\.tar is damaged, cut off"),
    (compressed, r"packed\.tar is damaged, cut off, compressed or no tar"),
    (lambda root: written(root / "x.tar", "no tar " * 200), r"x\.tar is damaged"),
    (without_audio, r"photos\.tar holds no recordings"),
    (broken_json, r"train-a\.tar: train-a_0\.json is no JSON object"),
    (empty_folder, "holds no recordings with texts"),
    (
        lambda root: written(root / "x.csv", "name,age\nx,3\n"),
        "needs a column “audio” and a column “text”; it has “name”",
    ),
    (lambda root: written(root / "x.csv", "audio,text\n"), r"x\.csv holds no recordings"),
    (lambda root: written(root / "x.csv", ""), r"x\.csv holds no recordings"),
    (lambda root: written(root / "x.jsonl", '{"audio": "a.wav"'), r"x\.jsonl, line 1 is no JSON"),
    (lambda root: written(root / "x.jsonl", "[1]"), r"x\.jsonl, line 1: expected"),
    (lambda root: written(root / "x.json", "[1,"), r"x\.json is damaged or no JSON"),
    (lambda root: audio(root / "x.wav"), r"x\.wav is no speech data: expected"),
    (lambda root: written(root / "clips" / "a.mp3", "").parent.parent, r"no validated\.tsv or train\.tsv"),
    (lambda root: written(root / "x.csv", "audio,text\na,b\0"), r"x\.csv"),
]


@pytest.mark.parametrize(("make", "sentence"), BAD_FILES)
def test_files_that_cannot_be_read(make: Callable[[Path], Path], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=sentence) as error:
        read_speech(make(tmp_path / "data"))
    assert "\n" not in str(error.value)


def test_text_of_another_encoding_and_odd_names(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"audio,text\na.wav,caf\xe9\n")
    with pytest.raises(InputError, match=r"x\.csv is damaged or no UTF-8 text"):
        read_speech(tmp_path / "x.csv")
    for name in ("", "a\0b", "x" * 5000):
        with pytest.raises(InputError):
            read_speech(name)
    with pytest.raises(InputError, match="no speech data is named"):
        read_speech([])
    written(tmp_path / "x.csv", f"audio,text\n{'y' * 5000},hello\n")
    with pytest.raises(InputError, match="cannot be read: file name too long"):
        read_speech(tmp_path / "x.csv")


def test_sound_that_is_lost_after_the_header_was_read(tmp_path: Path) -> None:
    (found,) = read_speech(as_one(tmp_path))
    assert len(found.samples()) == RATE
    whole = found.file.read_bytes()
    for size in (len(whole) // 2, 60, 44, 4):
        found.file.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"a\.wav (is|has|begins) "):
            found.samples()
    found.file.unlink()
    with pytest.raises(InputError, match=r"a\.wav does not exist"):
        found.samples()
    soundfile.write(found.file, np.full(RATE, np.nan, np.float32), RATE, subtype="FLOAT")
    with pytest.raises(InputError, match="samples that are no numbers"):
        found.samples()


def as_one(root: Path) -> Path:
    audio(root / "a.wav")
    return written(root / "mine.csv", "audio,text\na.wav,hello\n")


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    read_speech(as_csv(tmp_path), progress=lambda done, of: told.append((done, of)))
    assert told[-1] == (4, 4)


@pytest.mark.skipif(not SPEECH.is_dir(), reason="needs ../shared/data/speech")
def test_the_shared_development_sets() -> None:
    skipped: list[str] = []
    found = read_speech(str(SPEECH / "dev-*.tar"), skipped=skipped)
    assert skipped == []
    counts = {name: sum(recording.set == name for recording in found) for name in {each.set for each in found}}
    assert counts["dev-so762"] == 1240
    assert counts["dev-librispeech_clean"] == 130
    assert len({recording.speaker for recording in found if recording.set == "dev-librispeech_other"}) == 5
    assert all(recording.age is not None for recording in found if recording.set == "dev-so762")


def test_silence_at_both_ends_is_trimmed(tmp_path: Path) -> None:
    """Half a second before a tone and a quarter behind: within librosa's frames of 64 ms the tone alone is left."""
    pytest.importorskip("librosa")
    voice = tone(0)[:, 0]
    sound = np.concatenate([np.zeros(RATE // 2), voice, np.zeros(RATE // 4)]).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    written(tmp_path / "a.txt", "HELLO")
    (whole,) = read_speech(tmp_path)
    (trimmed,) = read_speech(tmp_path, trim=40)
    assert len(whole.samples()) == len(sound)
    assert abs(len(trimmed.samples()) - len(voice)) <= 2 * 1024
    assert np.abs(sound[RATE // 2 : RATE // 2 + len(voice)]).max() == pytest.approx(
        np.abs(trimmed.samples()).max(), abs=1e-3
    )
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE, np.float32), RATE)
    assert len(read_speech(tmp_path, trim=40)[0].samples()) == RATE  # nothing but silence: as it is
    with pytest.raises(InputError, match="trim is 0 or a number of decibels, not -1"):
        read_speech(tmp_path, trim=-1)
