"""``lstm-models synthesize``: with an engine that hums instead of speaking, and with those programs that are there."""

import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_apps import cli
from lstm_apps.tasks.speech.synthesis import engines
from lstm_apps.tasks.speech.synthesis.engines import Engine, Speaker, Voice, draw_speaker, draw_tempo, speak
from lstm_apps.tasks.speech.synthesis.prompts import prompt
from lstm_apps.tasks.speech.synthesis.sentences import Excluded
from lstm_datasets.speech.shards import read_lines, read_meta
from lstm_datasets.speech.text_normalizer import ALPHABET, normalize
from lstm_models.errors import InputError

pytest.importorskip("webdataset")
pytest.importorskip("soxr")

RATE = 16_000
Run = Callable[..., tuple[int, str]]
BOOK = """The old harbour was quiet before the morning came in.

Nobody had expected the expedition to return so early in the year; yet the captain stood on the quay, and waved his hat.
"""


def hum(text: str, pitch: float, rate: float, seed: int) -> tuple[np.ndarray, int]:
    """0.06 s a letter at tempo 1, at 150 Hz and the pitch above it."""
    time = np.arange(int(0.06 * len(text) / rate * RATE)) / RATE
    return np.sin(2 * np.pi * 150 * 2 ** (pitch / 12) * time).astype(np.float32) * 0.5, RATE


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, Engine]:
    """Two engines that hum, one that is not installed, one that says nothing."""

    def missing() -> list[Voice]:
        raise ImportError("no_such_package")

    def mute(*_: Any) -> tuple[np.ndarray, int]:
        return np.zeros(0, np.float32), RATE

    table = {
        "hum": Engine("hum", "nothing", lambda: [Voice("hum_a", hum, (-4, 4)), Voice("hum_b", hum, (0, 0))]),
        "other": Engine("other", "nothing", lambda: [Voice("other_c", hum, (-4, 4))]),
        "absent": Engine("absent", "pip install absent-tts", missing),
        "mute": Engine("mute", "nothing", lambda: [Voice("mute_a", mute, (0, 0))], slow=True),
    }
    monkeypatch.setattr(engines, "ENGINES", table)
    return table


@pytest.fixture
def run(table: dict[str, Engine], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command with a book, and returns its exit code and what it says."""
    (tmp_path / "book.txt").write_text(BOOK)

    def command(*options: str, text: str = str(tmp_path / "book.txt"), out: str | None = None) -> tuple[int, str]:
        code = cli.main(["synthesize", text, "--out", out or str(tmp_path / "out"), *options])
        return code, capsys.readouterr().err.strip()

    return command


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.tar"))


# --- what it makes ---------------------------------------------------------------------------------------------------


def test_shards_of_many_speakers(run: Run, tmp_path: Path) -> None:
    code, told = run("--hours", "0.03", "--lines", "8", "--voices", "hum:3", "--voices", "other")
    assert code == 0, told
    made = shards(tmp_path / "out")
    assert [path.name for path in made] == [f"train-synthetic-{n:03d}.tar" for n in range(len(made))]
    assert len(made) > 1
    lines = [line for path in made for line in read_lines(path)]
    seconds = sum(len(line.samples) for line in lines) / RATE
    assert 0.03 * 3600 <= seconds < 0.03 * 3600 + 15
    assert len({line.key for line in lines}) == len(lines)
    for line in lines:
        assert line.meta["label"] == "synthetic"
        assert line.meta["duration"] == pytest.approx(len(line.samples) / RATE, abs=1e-3)
        assert 1 <= line.meta["duration"] <= 15
        assert line.meta["text"] == line.meta["text"].upper() == normalize(line.meta["text"]).upper()
        assert line.meta["source_id"].startswith("synthetic_0_")
        assert 0.1 < np.abs(line.samples).max() <= 1
    speakers = {line.meta["speaker"] for line in lines}
    assert len(speakers) > len(lines) / 2
    assert {name.split("_")[0] for name in speakers} == {"hum", "other"}
    assert f"{seconds / 3600:.2f} hours in {len(made)} shards" in told
    assert "THE OLD HARBOUR WAS QUIET BEFORE THE MORNING CAME IN" in {line.meta["text"] for line in lines}


def test_the_same_command_makes_the_same_shards(run: Run, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        assert run("--hours", "0.005", "--voices", "hum", out=str(tmp_path / folder))[0] == 0
    assert run("--hours", "0.005", "--voices", "hum", "--seed", "1", out=str(tmp_path / "c"))[0] == 0
    a, b, c = (shards(tmp_path / folder)[0].read_bytes() for folder in "abc")
    assert a == b != c


def test_an_interrupted_run_goes_on(
    run: Run, table: dict[str, Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--hours", "0.03", "--lines", "8", "--voices", "other")
    assert run(*options, out=str(tmp_path / "whole"))[0] == 0
    spoken = 0

    def stopping(*said: Any) -> tuple[np.ndarray, int]:
        nonlocal spoken
        spoken += 1
        if spoken > 11:
            raise KeyboardInterrupt
        return hum(*said)

    with monkeypatch.context() as patch:
        other = Engine("other", "nothing", lambda: [Voice("other_c", stopping, (-4, 4))])
        patch.setitem(table, "other", other)
        code, told = run(*options)
    assert code == 130
    assert "out has 1 shard, all whole; the same command goes on." in told
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        "synthetic.plan",
        "train-synthetic-000.tar",
    ]
    code, told = run(*options)
    assert code == 0
    assert "hours in 1 shard already." in told
    whole, later = shards(tmp_path / "whole"), shards(tmp_path / "out")
    assert [path.name for path in later] == [path.name for path in whole]
    for one, other_one in zip(whole[:-1], later[:-1], strict=True):  # the last ends where the hours are reached
        assert one.read_bytes() == other_one.read_bytes()
    kept = [path.stat().st_mtime_ns for path in later]
    code, told = run(*options)
    assert code == 0
    assert [path.stat().st_mtime_ns for path in shards(tmp_path / "out")] == kept


def test_more_hours_go_on_after_the_last_shard(run: Run, tmp_path: Path) -> None:
    assert run("--hours", "0.004", "--voices", "hum")[0] == 0
    before = shards(tmp_path / "out")
    assert run("--hours", "0.008", "--voices", "hum")[0] == 0
    after = shards(tmp_path / "out")
    assert len(after) > len(before)
    keys = [key for path in after for key, _ in read_meta(path)]
    assert len(set(keys)) == len(keys)


def test_other_options_need_another_name(run: Run, tmp_path: Path) -> None:
    assert run("--hours", "0.002", "--voices", "hum")[0] == 0
    code, told = run("--hours", "0.004", "--voices", "hum", "--seed", "3")
    assert code == 2
    assert "has shards “synthetic” of other texts, voices or options" in told
    assert run("--hours", "0.002", "--voices", "hum", "--seed", "3", "--name", "more")[0] == 0
    assert (tmp_path / "out" / "train-more-000.tar").exists()


def test_only_prompts(run: Run, tmp_path: Path) -> None:
    assert run("--hours", "0.01", "--prompts", "1", "--voices", "hum")[0] == 0
    texts = {meta["text"] for path in shards(tmp_path / "out") for _, meta in read_meta(path)}
    assert not any("HARBOUR" in text for text in texts)


def test_opus(run: Run, tmp_path: Path) -> None:
    assert run("--hours", "0.002", "--format", "opus", "--voices", "hum")[0] == 0
    with tarfile.open(shards(tmp_path / "out")[0]) as shard:
        assert {Path(name).suffix for name in shard.getnames()} == {".opus", ".json"}


# --- what is left out ------------------------------------------------------------------------------------------------


def shard_of(path: Path, texts: list[str]) -> Path:
    with tarfile.open(path, "w") as shard:
        for number, text in enumerate(texts):
            data = json.dumps({"text": text}).encode()
            member = tarfile.TarInfo(f"x_{number}.json")
            member.size = len(data)
            shard.addfile(member, io.BytesIO(data))
    return path


def test_evaluation_sentences_are_never_spoken(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    shard_of(folder / "dev-a-000.tar", ["AND SO THE OLD HARBOUR WAS QUIET BEFORE DAWN"])  # six words of it
    shard_of(folder / "train-a-000.tar", ["THE CAPTAIN STOOD ON THE QUAY AND WAVED HIS HAT"])
    code, told = run("--hours", "0.01", "--prompts", "0", "--voices", "hum", "--exclude", str(folder))
    assert code == 0
    texts = {meta["text"] for path in shards(tmp_path / "out") for _, meta in read_meta(path)}
    assert texts
    assert not any("HARBOUR" in text for text in texts)
    assert any("WAVED HIS HAT" in text for text in texts)
    assert " to be left out)" in told


def test_what_counts_as_the_same_sentence() -> None:
    excluded = Excluded(["ONE TWO THREE FOUR FIVE SIX SEVEN", "YES PLEASE"])
    assert "zero two three four five six seven nine" in excluded
    assert "two three four five six eight" not in excluded
    assert "Yes, please!" in excluded
    assert "yes please do" not in excluded


def test_nothing_left(run: Run, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("It rained all morning. The quay was empty.")
    (tmp_path / "all.txt").write_text("The quay was empty\nIt rained all morning\n")
    code, told = run("--prompts", "0", "--voices", "hum", "--exclude", str(tmp_path / "all.txt"), "--lines", "6")
    assert code == 1
    assert "nothing is left to speak (sentences passed over: 6 to be left out)." in told
    assert not shards(tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.tar", None, "there is no shard"),
        ("empty", "folder", "has no shard to leave out"),
        ("a.tar", b"no tar at all" * 100, "is no whole tar of speech"),
        ("a.txt", b" \n", "has no text"),
    ],
)
def test_bad_exclusions(run: Run, tmp_path: Path, name: str, content: Any, sentence: str) -> None:
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    code, told = run("--voices", "hum", "--exclude", str(path))
    assert code == 1
    assert sentence in told
    assert not shards(tmp_path / "out")


# --- voices ----------------------------------------------------------------------------------------------------------


def test_a_shorter_tract_raises_pitch_and_keeps_the_tempo() -> None:
    plain, small = (speak(Speaker(Voice("a", hum, (-4, 4)), 0, formant), "x" * 50) for formant in (1.0, 1.2))
    assert len(small) == pytest.approx(len(plain), rel=0.01)

    def peak(samples: np.ndarray) -> float:
        return float(np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples))

    assert peak(plain) == pytest.approx(150, abs=1)
    assert peak(small) == pytest.approx(180, abs=1)


def test_tempo_shortens() -> None:
    speaker = Speaker(Voice("a", hum, (0, 0)), 0, 1.0)
    assert len(speak(speaker, "x" * 50, 1.25)) == pytest.approx(len(speak(speaker, "x" * 50)) / 1.25, rel=0.01)


def test_speakers_stay_within_their_voice() -> None:
    random = np.random.default_rng(0)
    speakers = [draw_speaker(Voice("a", hum, (-2, 3)), random) for _ in range(300)]
    assert {speaker.pitch for speaker in speakers} == {-2, -1, 0, 1, 2, 3}
    formants = [speaker.formant for speaker in speakers]
    assert 0.82 <= min(formants) < 0.9 < 1.1 < max(formants) <= 1.25
    assert Speaker(Voice("flite_slt", hum, (0, 0)), 2, 0.93).name == "flite_slt_+2_0.93"
    tempos = [draw_tempo(random) for _ in range(300)]
    assert 0.72 <= min(tempos) < 0.85 < 1.15 < max(tempos) <= 1.38


@pytest.mark.parametrize("engine", ["flite", "espeak", "ttspico", "hibari"])
def test_engines_that_are_installed(engine: str) -> None:
    """They speak, and pitch and rate do what they say."""
    try:
        found = engines.load_voices(engine)
    except InputError as error:
        pytest.skip(str(error))
    voice = next(voice for voice in found if voice.pitch[1] > 0)
    text = "The captain stood on the quay and waved his hat."
    samples, rate = voice.say(text, 0.0, 1.0, 0)
    assert samples.dtype == np.float32
    assert 1.5 < len(samples) / rate < 6
    assert np.abs(samples).max() < 1
    faster, _ = voice.say(text, 0.0, 1.3, 0)
    assert len(faster) < 0.9 * len(samples)
    assert fundamental(*voice.say(text, 4.0, 1.0, 0)) > 1.1 * fundamental(samples, rate)


def fundamental(samples: np.ndarray, rate: int) -> float:
    """The median of the pitch in Hz, by autocorrelation of 50 ms."""
    frames = samples[: len(samples) // (rate // 20) * (rate // 20)].reshape(-1, rate // 20).astype(np.float64)
    found = []
    for frame in frames[np.abs(frames).max(1) > 0.3 * np.abs(samples).max()]:
        correlation = np.correlate(frame, frame, "full")[len(frame) - 1 :]
        period = rate // 400 + correlation[rate // 400 : rate // 70].argmax()
        if correlation[period] > 0.4 * correlation[0]:
            found.append(rate / period)
    return float(np.median(found))


def test_no_voice_of_the_development_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hibari")
    from lstm_apps.tasks.speech.synthesis import kokoro

    class Network:
        def run(self, _: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
            assert feed["style"].shape == (1, 256)
            return [np.full((1, 100 * feed["tokens"].shape[1]), feed["style"].mean())]

    for number, name in enumerate(("af_sky", "am_adam", "bf_lily", "af_heart", "bm_lewis", "zf_xiaoni")):
        np.full((510, 256), number, np.float32).tofile(tmp_path / f"{name}.bin")
    monkeypatch.setenv("KOKORO_VOICES", str(tmp_path))
    monkeypatch.setattr(kokoro, "_network", Network)
    found = {voice.name: voice for voice in kokoro.load()}
    assert set(found) == {
        "kokoro_af_heart+bm_lewis",
        "kokoro_af_heart+zf_xiaoni",
        "kokoro_bm_lewis+zf_xiaoni",
    }
    samples, rate = found["kokoro_af_heart+bm_lewis"].say("Hello there.", 0.0, 1.0, 0)
    assert rate == 24_000
    np.testing.assert_allclose(samples, 3.5)  # half of 3 and half of 4


# --- prompts ---------------------------------------------------------------------------------------------------------


def test_prompts_can_be_spoken_and_written() -> None:
    made = [prompt(np.random.default_rng(seed)) for seed in range(2000)]
    for spoken, written in made:
        assert written
        assert set(written) <= set(ALPHABET)
        assert not set(spoken) & set("{}|0123456789")
    assert len({written for _, written in made}) > 1400
    spelled = [(spoken, written) for spoken, written in made if " b " in f" {written} "]
    assert spelled
    assert all("bee" in spoken for spoken, _ in spelled)


# --- bad input -------------------------------------------------------------------------------------------------------


def test_missing_engine(run: Run, tmp_path: Path) -> None:
    code, told = run("--voices", "absent")
    assert (code, told) == (1, "lstm-models: absent is not installed: pip install absent-tts brings it.")


def test_unknown_engine(run: Run) -> None:
    code, told = run("--voices", "festival:2")
    assert code == 2
    assert "there is no engine “festival”; there is hum, other, absent, mute." in told


def test_no_engine_at_all(run: Run, table: dict[str, Engine]) -> None:
    del table["hum"], table["other"]
    code, told = run()
    assert code == 1
    assert "no engine is installed: pip install absent-tts brings absent; nothing brings mute." in told


def test_all_engines_but_the_slow_ones_unless_named(run: Run, tmp_path: Path) -> None:
    assert run("--hours", "0.01")[0] == 0
    speakers = {meta["speaker"] for path in shards(tmp_path / "out") for _, meta in read_meta(path)}
    assert {name.split("_")[0] for name in speakers} == {"hum", "other"}


def test_an_engine_that_says_nothing(run: Run, tmp_path: Path) -> None:
    code, told = run("--voices", "mute")
    assert code == 1
    assert "200 lines in a row were not spoken; the last: mute_a says nothing for “" in told
    assert not shards(tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--hours", "0"], "hours must be above 0, not 0"),
        (["--hours", "nan"], "--hours is nan"),
        (["--prompts", "1.5"], "prompts must be a fraction from 0 to 1, not 1.5"),
        (["--lines", "0"], "lines must be from 1 to 100000, not 0"),
        (["--seed", "-1"], "seed must be 0 or more, not -1"),
        (["--name", "a/b"], "name is “a/b”; letters, digits and _ would be right"),
        (["--voices", "hum:0"], "--voices hum:0: the part is to be above 0, such as hum:3"),
        (["--voices", "hum:x"], "--voices hum:x: the part is to be above 0, such as hum:3"),
        (["--format", "mp3"], "--format is mp3"),
    ],
)
def test_wrong_calls(run: Run, tmp_path: Path, options: list[str], sentence: str) -> None:
    code, told = run(*options)
    assert code == 2
    assert sentence in told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "code", "sentence"),
    [
        ("none.txt", None, 1, "there is no text"),
        ("empty.txt", b"", 1, "has no text"),
        ("page.pdf", b"%PDF", 2, ".txt, .jsonl and .jsonl.xz are read"),
        ("latin.txt", "garçon".encode("latin-1"), 1, "is no text in UTF-8"),
        ("a.jsonl.xz", b"not packed", 1, "is no whole .xz file"),
        ("a.jsonl", b'{"text": "Yes."}\n{"words": 3}\n', 1, 'line 2: a JSON object with a "text" would be right'),
        ("russian.txt", "Доброе утро. ".encode() * 60, 1, "can be spoken as it is spelt"),
    ],
)
def test_bad_texts(run: Run, tmp_path: Path, name: str, content: bytes | None, code: int, sentence: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    given, told = run("--voices", "hum", text=str(tmp_path / name))
    assert (given, sentence in told) == (code, True), told
    assert not shards(tmp_path / "out")


def test_no_text_at_all(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["synthesize", "--out", str(tmp_path / "out")]) == 2
    assert "TEXTS" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    code, told = run("--voices", "hum", out=str(tmp_path / "closed"))
    assert code == 1
    assert "permission denied" in told


def test_a_file_where_the_folder_should_be(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    code, told = run("--voices", "hum", out=str(tmp_path / "file"))
    assert code == 1
    assert "--out " in told
    assert "cannot be made: file exists." in told
    code, told = run("--voices", "hum", out=str(tmp_path / "file" / "inner"))
    assert "cannot be made: not a directory." in told


def test_a_damaged_shard_of_an_earlier_run(run: Run, tmp_path: Path) -> None:
    assert run("--hours", "0.002", "--voices", "hum")[0] == 0
    shards(tmp_path / "out")[0].write_bytes(b"x" * 2000)
    code, told = run("--hours", "0.004", "--voices", "hum")
    assert code == 1
    assert "train-synthetic-000.tar is no whole tar of speech" in told


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_flite_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "book.txt").write_text(BOOK)
    call = ["synthesize", str(tmp_path / "book.txt"), "--out", str(tmp_path / "out"), "--hours", "0.001"]
    assert cli.main([*call, "--voices", "flite", "--prompts", "0"]) == 0
    (line, *_) = read_lines(shards(tmp_path / "out")[0])
    assert line.meta["speaker"].startswith("flite_")
    letters_a_second = len(line.meta["text"]) / line.meta["duration"]
    assert 6 < letters_a_second < 25
