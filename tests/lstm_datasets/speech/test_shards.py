"""Shards of speech: what is written is read back, whole or not at all."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from lstm_datasets.speech.shards import Line, encoded, read_lines, read_meta, write_shard
from lstm_models.errors import InputError
from lstm_models.io.samples import SAMPLE_RATE

pytest.importorskip("webdataset")
pytest.importorskip("soundfile")


def lines(count: int = 3) -> list[Line]:
    tone = np.sin(np.arange(SAMPLE_RATE // 2) / 9).astype(np.float32) * 0.3
    return [
        Line(f"mine_{n}", tone[: SAMPLE_RATE // 4 + n], {"text": f"LINE {n}", "speaker": "me", "duration": 0.25})
        for n in range(count)
    ]


def members(path: Path, content: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as shard:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            shard.addfile(member, io.BytesIO(data))
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "train-mine-000.tar"
    assert write_shard(path, iter(lines())) == 3
    back = list(read_lines(path))
    assert [line.key for line in back] == ["mine_0", "mine_1", "mine_2"]
    for line, original in zip(back, lines(), strict=True):
        assert line.meta == original.meta
        assert line.samples.dtype == np.float32
        np.testing.assert_allclose(line.samples, original.samples, atol=1 / 32768)
    assert [(key, meta["text"]) for key, meta in read_meta(path)] == [(f"mine_{n}", f"LINE {n}") for n in range(3)]


def test_webdataset_reads_it(tmp_path: Path) -> None:
    import webdataset

    path = tmp_path / "a.tar"
    write_shard(path, lines(2))
    samples = list(webdataset.WebDataset(str(path), shardshuffle=False))
    assert [sample["__key__"] for sample in samples] == ["mine_0", "mine_1"]
    assert json.loads(samples[0]["json"])["text"] == "LINE 0"
    assert samples[0]["flac"][:4] == b"fLaC"


def test_opus(tmp_path: Path) -> None:
    import soundfile

    write_shard(tmp_path / "a.tar", lines(1), format="opus")
    with tarfile.open(tmp_path / "a.tar") as shard:
        assert shard.getnames() == ["mine_0.json", "mine_0.opus"]
        info = soundfile.info(io.BytesIO(shard.extractfile("mine_0.opus").read()))  # type: ignore[union-attr]
    assert (info.samplerate, info.channels, info.subtype) == (SAMPLE_RATE, 1, "OPUS")
    (line,) = read_lines(tmp_path / "a.tar")
    assert np.corrcoef(line.samples[:4000], lines(1)[0].samples[:4000])[0, 1] > 0.9


def test_equal_lines_make_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shard(tmp_path / "a.tar", lines())
    monkeypatch.setattr("time.time", lambda: 2e9)
    write_shard(tmp_path / "b.tar", lines())
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_loud_samples_are_clipped_not_wrapped() -> None:
    import soundfile

    samples, _ = soundfile.read(io.BytesIO(encoded(np.array([2.0, -2.0, 0.5], np.float32))))
    np.testing.assert_allclose(samples, [1, -1, 0.5], atol=1e-4)


def test_no_lines_make_no_file(tmp_path: Path) -> None:
    assert write_shard(tmp_path / "a.tar", []) == 0
    assert not list(tmp_path.iterdir())


def test_a_shard_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def failing():  # type: ignore[no-untyped-def]
        yield lines(1)[0]
        raise InputError("the engine broke")

    with pytest.raises(InputError, match="the engine broke"):
        write_shard(tmp_path / "a.tar", failing())
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lstm_datasets.speech.shards.encoded", full)
    with pytest.raises(InputError, match=r"a\.tar cannot be written: no space left on device"):
        write_shard(tmp_path / "a.tar", lines(1))
    assert not list(tmp_path.iterdir())


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: no such file"):
        write_shard(tmp_path / "no" / "a.tar", lines(1))


def test_missing_shard(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no shard .*none\.tar"):
        list(read_meta(tmp_path / "none.tar"))


def test_text_named_tar(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_text("hello " * 500)
    with pytest.raises(InputError, match=r"a\.tar is no whole tar of speech"):
        list(read_meta(tmp_path / "a.tar"))


def test_cut_off(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.tar", lines())
    whole = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "b.tar").write_bytes(whole[:3000])
    with pytest.raises(InputError, match=r"b\.tar is (cut off|no whole tar)"):
        list(read_lines(tmp_path / "b.tar"))


def test_a_folder_named_tar(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: is a directory"):
        list(read_meta(tmp_path))


@pytest.mark.parametrize("data", [b"[1]", b"{", b"\xff\xfe"])
def test_json_that_is_no_object(tmp_path: Path, data: bytes) -> None:
    path = members(tmp_path / "a.tar", {"x.json": data})
    with pytest.raises(InputError, match=r"a\.tar: x\.json is no JSON object"):
        list(read_meta(path))


def test_damaged_sound(tmp_path: Path) -> None:
    path = members(tmp_path / "a.tar", {"x.flac": b"fLaC no", "x.json": b"{}"})
    with pytest.raises(InputError, match=r"a\.tar: the sound of x is damaged"):
        list(read_lines(path))


def test_sound_of_another_rate(tmp_path: Path) -> None:
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, np.zeros(800), 8000, format="FLAC")
    path = members(tmp_path / "a.tar", {"x.flac": out.getvalue(), "x.json": b"{}"})
    with pytest.raises(InputError, match=r"x is not 16 kHz mono"):
        list(read_lines(path))
