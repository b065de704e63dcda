"""Checkpoints: a round trip, every way a folder can be wrong, older formats, and the hub's local cache."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import lstm_models
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.speech.config import RecognizerConfig
from lstm_models.tasks.speech.model import Recognizer
from tests.helpers.toy_checkpoint import CARD, Toy, ToyConfig, refused

pytestmark = pytest.mark.usefixtures("toys")


class Stranger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.config = ToyConfig()


def test_full_precision_is_exact(model: Toy, tmp_path: Path) -> None:
    loaded = hub.load(hub.save(model, tmp_path / "toy", card=CARD, half=False))
    assert type(loaded) is Toy
    assert loaded.config == model.config
    assert not loaded.training
    assert loaded.state_dict().keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
        assert loaded.state_dict()[name].dtype == value.dtype


def test_half_precision_rounds_parameters_only(model: Toy, folder: Path) -> None:
    stored = load_file(folder / "model.safetensors")
    assert stored["stack.0.weight"].dtype == torch.float16
    assert stored["mean"].dtype == torch.float32  # a buffer: normalisation must stay exact
    loaded = hub.load(folder)
    for name, value in model.named_parameters():
        assert loaded.get_parameter(name).dtype == torch.float32
        assert torch.equal(loaded.get_parameter(name), value.half().float())
    assert torch.equal(loaded.mean, model.mean)
    assert loaded.count.dtype == torch.int64
    assert torch.equal(loaded.ramp, torch.arange(4.0))  # not in the file: made by the model


def test_a_weight_beyond_float16_keeps_its_type(model: Toy, tmp_path: Path) -> None:
    with torch.no_grad():
        model.out.weight[0, 0] = 1e6
    loaded = hub.load(hub.save(model, tmp_path / "toy", card=CARD))
    assert loaded.out.weight[0, 0] == 1e6


def test_shared_and_strided_weights_are_stored(tmp_path: Path) -> None:
    model = Toy(ToyConfig(tied=True))
    model.stack[0].weight = nn.Parameter(torch.randn(3, 4).T)
    loaded = hub.load(hub.save(model, tmp_path / "toy", card=CARD, half=False))
    assert loaded.again is loaded.out
    assert torch.equal(loaded.stack[0].weight, model.stack[0].weight)


def test_the_config_file_says_what_it_is(folder: Path) -> None:
    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert content["format"] == hub.FORMAT == 1
    assert content["model"] == "toy"
    assert content["version"] == lstm_models.__version__
    assert content["config"]["words"] == ["a", "é"]
    assert content["config"]["inner"] == {"scale": 1.0}


def test_the_sums_are_those_of_sha256sum(folder: Path) -> None:
    lines = (folder / hub.SUMS).read_text().splitlines()
    assert len(lines) == 2
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_loading_leaves_random_numbers_alone(folder: Path) -> None:
    torch.manual_seed(5)
    first = torch.rand(3)
    torch.manual_seed(5)
    hub.load(folder)
    assert torch.equal(torch.rand(3), first)


def test_a_loaded_model_does_not_hang_on_its_file(folder: Path) -> None:
    loaded = hub.load(folder)
    before = loaded.out.weight.clone()
    size = (folder / "model.safetensors").stat().st_size
    with open(folder / "model.safetensors", "r+b") as file:
        file.write(b"\0" * size)
    assert torch.equal(loaded.out.weight, before)


def test_relative_folders_load(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert hub.load("toy").config == ToyConfig(layers=2)
    assert hub.load("./toy/").config == ToyConfig(layers=2)


def test_saving_again_replaces_and_leaves_other_files(model: Toy, folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    with torch.no_grad():
        model.out.weight.fill_(2.0)
    hub.save(model, folder, card="# New\n\nAnother.\n")
    assert hub.load(folder).out.weight.eq(2.0).all()
    assert (folder / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["toy"]


def test_saving_makes_parents(model: Toy, tmp_path: Path) -> None:
    assert hub.load(hub.save(model, tmp_path / "a" / "b", card=CARD)).config == model.config


def test_a_full_disk_leaves_nothing(model: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="the disk is full"):
        hub.save(model, tmp_path / "toy", card=CARD)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_older_checkpoint(model: Toy, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="the disk is full"):
        hub.save(Toy(ToyConfig(hidden=9)), folder, card=CARD)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_interrupted_replacement_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between two files: the sums, replaced last, no longer fit."""
    real, calls = os.replace, []

    def killed(source: Any, target: Any) -> None:
        if calls:
            raise KeyboardInterrupt
        calls.append(target)
        real(source, target)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        hub.save(Toy(ToyConfig(layers=2)), folder, card=CARD)
    assert calls
    refused(folder, "sha256 differs")


def test_saving_over_a_file_or_below_one_is_refused(model: Toy, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        hub.save(model, tmp_path / "file", card=CARD)
    with pytest.raises(InputError, match="cannot be written"):
        hub.save(model, tmp_path / "file" / "toy", card=CARD)
    assert (tmp_path / "file").read_text() == "x"


def test_diverged_weights_are_not_saved(model: Toy, tmp_path: Path) -> None:
    with torch.no_grad():
        model.out.bias[1] = float("nan")
    with pytest.raises(InputError, match=r"out\.bias.*NaN"):
        hub.save(model, tmp_path / "toy", card=CARD)
    assert list(tmp_path.iterdir()) == []


def test_an_unregistered_model_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="Stranger"):
        hub.save(Stranger(), tmp_path / "toy", card=CARD)


def test_unknown_names_suggest_and_list(tmp_path: Path, model: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "WEIGHTS", tmp_path)
    hub.save(model, tmp_path / "writer", card=CARD)
    refused("wirter", "“wirter”", "did you mean “writer”?", usage=True)
    refused("recognizer-large", "bundled models: “writer”", usage=True)
    for name in ("", "a\0b", "x" * 5000):
        refused(name, "there is no model or folder", usage=True)


def test_bundled_models(tmp_path: Path, model: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "WEIGHTS", tmp_path)
    assert hub.available() == ()
    hub.save(model, tmp_path / "zebra", card=CARD)
    hub.save(model, tmp_path / "adder", card=CARD)
    (tmp_path / "not-a-model").mkdir()
    assert hub.available() == ("adder", "zebra")
    assert hub.describe("adder") == "A toy that adds two numbers."
    assert hub.card("adder") == CARD
    assert hub.load("adder").config == model.config
    with pytest.raises(InputError, match="there is no model"):
        hub.describe("not-a-model")
    (tmp_path / "adder" / "README.md").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"README\.md cannot be read"):
        hub.card("adder")
    refused("adder", "a revision goes with a hub id", usage=True, revision="main")
    (tmp_path / "adder" / hub.SUMS).unlink()
    refused("adder", "SHA256SUMS", "reinstall")


def test_folders_have_cards_too(folder: Path) -> None:
    assert hub.describe(folder) == "A toy that adds two numbers."
    (folder / "README.md").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        hub.describe(folder)


@pytest.mark.parametrize(
    ("text", "summary"),
    [("", ""), ("# Title\n", ""), ("# Title\nOne\ntwo.\n\nThree.", "One two."), ("---\na: 1\n---\nOne.", "One.")],
)
def test_the_summary_of_a_card(text: str, summary: str) -> None:
    assert hub.card_summary(text) == summary


@pytest.mark.parametrize("name", hub.available())
def test_every_bundled_model_loads(name: str) -> None:
    model = hub.load(name)
    assert not model.training
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    assert len(hub.describe(name)) > 20


def test_a_missing_weights_folder_means_no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "WEIGHTS", tmp_path / "none")
    assert hub.available() == ()
    refused("writer", "none in this installation", usage=True)


def test_one_file_of_a_checkpoint_names_its_folder(folder: Path) -> None:
    refused(folder / "model.safetensors", "load the folder that holds it", str(folder), usage=True)


def test_other_files_are_not_folders(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    refused(tmp_path / "notes.txt", "is a file", "config.json", usage=True)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (os.environ["BOMB"],)


@pytest.mark.parametrize("name", ["model.pt", "last.ckpt", "weights"])
@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_are_never_opened(name: str, zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOMB", str(tmp_path / "exploded"))
    if zipped:
        torch.save(Bomb(), tmp_path / name)
    else:
        (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    refused(tmp_path / name, "pickle", "never opened", usage=True)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_under_the_name_of_the_tensors(
    zipped: bool, loose: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOMB", str(tmp_path / "exploded"))
    if zipped:
        torch.save(Bomb(), loose / "model.safetensors")
    else:
        (loose / "model.safetensors").write_bytes(pickle.dumps(Bomb()))
    refused(loose, "pickle under another name")
    assert not (tmp_path / "exploded").exists()


def test_a_missing_pickle_is_still_a_pickle(tmp_path: Path) -> None:
    refused(tmp_path / "gone.ckpt", "does not exist", "pickle", usage=True)


def test_a_folder_of_pickles(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    refused(tmp_path, "no config.json", "pytorch_model.bin is a pickle")


def test_an_empty_folder(tmp_path: Path) -> None:
    refused(tmp_path, "no config.json")


def fill_cache(cache: Path, folder: Path, *, revision: str = "main") -> None:
    """Lay out a Hugging Face cache as documented: refs/NAME holds a commit, snapshots/COMMIT the files."""
    repository = cache / "models--someone--toy"
    commit = hashlib.sha1(revision.encode()).hexdigest()
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / revision).write_text(commit)
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    for path in folder.iterdir():
        (snapshot / path.name).write_bytes(path.read_bytes())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from huggingface_hub import constants

    path = tmp_path / "cache"
    path.mkdir()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(path))
    return path


def test_a_hub_id_loads_from_the_cache_offline(folder: Path, model: Toy, cache: Path) -> None:
    fill_cache(cache, folder)
    fill_cache(cache, hub.save(Toy(replace(model.config, hidden=6)), folder.parent / "v2", card=CARD), revision="v2")
    assert hub.load("someone/toy").config.hidden == 4
    assert hub.load("someone/toy", revision="v2").config.hidden == 6
    refused("someone/toy", "local Hugging Face cache", revision="v3")


def test_a_hub_id_not_in_the_cache(cache: Path) -> None:
    refused("someone/toy", "“someone/toy”", "local_files_only=False")


def test_a_local_folder_comes_before_a_hub_id(
    folder: Path, model: Toy, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_cache(cache, folder)
    (folder.parent / "someone").mkdir()
    hub.save(Toy(ToyConfig(hidden=8)), folder.parent / "someone" / "toy", card=CARD)
    monkeypatch.chdir(folder.parent)
    assert hub.load("someone/toy").config.hidden == 8


def test_no_network_is_a_sentence(tmp_path: Path) -> None:
    """In a process of its own: the hub's address is read when its client is imported. Port 9 answers nobody."""
    code = (
        "from lstm_models import load, InputError\n"
        "try: load('someone/toy', local_files_only=False)\n"
        "except InputError as error: print('refused:', error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.stdout.startswith("refused:"), done.stderr
    assert "someone/toy" in done.stdout
    assert "Traceback" not in done.stderr


class FakeApi:
    calls: list[tuple[str, dict[str, Any]]]

    def create_repo(self, repo_id: str, **options: Any) -> None:
        self.calls.append(("create", {"repo_id": repo_id, **options}))

    def upload_folder(self, **options: Any) -> str:
        self.calls.append(("upload", options))
        return f"https://hub/{options['repo_id']}/commit/1"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """Stands in for the hub's client, whose calls go over the network."""
    import huggingface_hub

    fake = FakeApi()
    fake.calls = []
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: fake)
    return fake


def test_push_uploads_the_checkpoint_and_nothing_else(folder: Path, api: FakeApi) -> None:
    assert hub.push(folder, "someone/toy", private=True) == "https://hub/someone/toy/commit/1"
    (created, repository), (uploaded, files) = api.calls
    assert (created, uploaded) == ("create", "upload")
    assert repository == {"repo_id": "someone/toy", "private": True, "exist_ok": True}
    assert files["folder_path"] == folder
    assert set(files["allow_patterns"]) == {"config.json", "model.safetensors", "README.md", "SHA256SUMS"}


def test_push_checks_before_it_uploads(folder: Path, loose: Path, api: FakeApi) -> None:
    with pytest.raises(InputError, match="not a hub id"):
        hub.push(folder, "toy")
    with pytest.raises(InputError, match="is not a folder"):
        hub.push(folder / "config.json", "someone/toy")
    (loose / "model.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="truncated"):
        hub.push(loose, "someone/toy")
    assert api.calls == []


def test_push_refused_by_the_hub_is_a_sentence(folder: Path, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: FakeApi, **options: Any) -> str:
        raise ConnectionError("no route to host\nsecond line")

    monkeypatch.setattr(FakeApi, "upload_folder", refuse)
    with pytest.raises(InputError, match=r"did not serve “someone/toy”: no route to host$"):
        hub.push(folder, "someone/toy")


def test_a_mistake_of_ours_is_not_dressed_up(folder: Path, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: FakeApi, **options: Any) -> str:
        raise AttributeError("a bug")

    monkeypatch.setattr(FakeApi, "upload_folder", broken)
    with pytest.raises(AttributeError, match="a bug"):
        hub.push(folder, "someone/toy")


def test_int8_weights(tmp_path: Path) -> None:
    """Each number is off by half a step of its row's scale at most; a quarter of float32's size."""
    torch.manual_seed(0)
    model = Recognizer(RecognizerConfig(hidden_size=64, layers=1))
    folder = lstm_models.save(model, tmp_path / "small", card=CARD, int8=True)
    stored, found = load_file(folder / "model.safetensors"), lstm_models.load(folder)
    kept = 0
    for name, value in model.named_parameters():
        if value.dim() > 1 and value.numel() >= 4096:
            kept += 1
            assert stored[name].dtype == torch.int8
            step = value.abs().amax(1, keepdim=True) / 127
            assert ((found.get_parameter(name) - value).abs() <= step / 2 + 1e-7).all()
        else:
            torch.testing.assert_close(found.get_parameter(name), value, rtol=1e-3, atol=1e-4)
    assert kept == 3
    stored["head.scale"] = stored.pop("layers.0.lstm.cells.0.weight_hh.scale")
    save_file(stored, folder / "model.safetensors")
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match=r"“head\.scale”|of the type I8"):
        lstm_models.load(folder)


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for device in ("abacus", "cuda:99"):
        with pytest.raises(InputError, match=f"there is no device '{device}' here; there is cpu"):
            hub.load("words", device=device)
        with pytest.raises(InputError, match="there is no device"):
            hub.use_device(device)
    assert hub.load("words", device="cpu") is not None
    monkeypatch.setattr(hub, "_default_device", "meta")  # a device that is everywhere
    assert next(hub.load("reader").parameters()).device.type == "meta"
    assert next(hub.load("reader", device="cpu").parameters()).device.type == "cpu"
