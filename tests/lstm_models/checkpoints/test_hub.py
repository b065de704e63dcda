"""Checkpoints: a round trip, every way a folder can be wrong, older formats, and the hub's local cache."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import lstm_models
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.speech.config import RecognizerConfig
from lstm_models.tasks.speech.model import Recognizer

CARD = "---\nlicense: apache-2.0\n---\n# Toy\n\nA toy that\nadds two numbers.\n\nMore.\n"


@dataclass(frozen=True)
class Inner:
    scale: float = 1.0


@dataclass(frozen=True)
class ToyConfig:
    inputs: int = 3
    hidden: int = 4
    layers: int = 1
    rate: float = 0.5
    tied: bool = False
    kind: Literal["plain", "fancy"] = "plain"
    words: tuple[str, ...] = ("a", "é")
    limit: int | None = None
    inner: Inner = Inner()

    def __post_init__(self) -> None:
        if self.layers < 1:
            raise ValueError("layers must be at least 1")


class Toy(nn.Module):
    Config = ToyConfig
    mean: Tensor
    count: Tensor

    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        self.config = config
        self.stack = nn.ModuleList(
            nn.Linear(config.hidden if i else config.inputs, config.hidden) for i in range(config.layers)
        )
        self.out = nn.Linear(config.hidden, config.hidden)
        if config.tied:
            self.again = self.out
        self.register_buffer("mean", torch.tensor([1 / 3]))
        self.register_buffer("count", torch.tensor(7))
        self.register_buffer("ramp", torch.arange(4.0), persistent=False)


class Stranger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.config = ToyConfig()


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hub.MODELS, "toy", f"{Toy.__module__}:Toy")


@pytest.fixture
def model() -> Toy:
    torch.manual_seed(0)
    return Toy(ToyConfig(layers=2))


@pytest.fixture
def folder(model: Toy, tmp_path: Path) -> Path:
    return hub.save(model, tmp_path / "toy", card=CARD)


@pytest.fixture
def loose(folder: Path) -> Path:
    """A checkpoint without sums, so that the checks behind them are reached."""
    (folder / hub.SUMS).unlink()
    return folder


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def refused(source: object, *parts: str, usage: bool = False, **options: Any) -> str:
    """`load` refuses in one sentence that holds all `parts`."""
    with pytest.raises(InputError) as caught:
        hub.load(source, **options)  # type: ignore[call-overload]
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
    assert caught.value.usage is usage, message
    return message


# --- a round trip --------------------------------------------------------------------------------------------------


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


# --- saving --------------------------------------------------------------------------------------------------------


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


# --- what load refuses: places -------------------------------------------------------------------------------------


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


# --- what load refuses: files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_every_changed_byte_is_noticed(name: str, folder: Path) -> None:
    path = folder / name
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    refused(folder, str(path), "sha256 differs", "delete SHA256SUMS")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("fixture", ["folder", "loose"])
def test_a_missing_file(name: str, fixture: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(fixture)
    (folder / name).unlink()
    refused(folder, f"has no {name}")


def test_damaged_sums(folder: Path) -> None:
    (folder / hub.SUMS).write_bytes(b"\xff\xfe\x00")
    refused(folder, "SHA256SUMS is damaged")


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_truncated_tensors(kept: int, loose: Path) -> None:
    path = loose / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    refused(loose, str(path), "truncated or not a safetensors file")


def test_foreign_tensors(loose: Path) -> None:
    (loose / "model.safetensors").write_bytes(b"GGUF" + bytes(200))
    refused(loose, "truncated or not a safetensors file")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "damaged"),
        (b"{", "damaged"),
        (b"\xff\xfe{}", "not UTF-8 JSON"),
        (b"[" * 100_000, "not UTF-8 JSON"),
        (b"[]", "not a config of lstm-models"),
        (b"3", "not a config of lstm-models"),
        (b'{"model_type": "bert", "hidden_size": 768}', "not a config of lstm-models"),
        (b'{"format": 1, "model": "bert", "config": {}}', "'bert'"),
        (b'{"format": 1, "model": ["toy"], "config": {}}', "does not have"),
        (b'{"task": "toy", "model": {"rate": 1}}', "is of a training run; its model is in"),
        (b'{"format": 1, "model": "toy"}', "no “config” object"),
        (b'{"format": 1, "model": "toy", "config": []}', "no “config” object"),
        (b'{"format": "1", "model": "toy", "config": {}}', "format '1'"),
        (b'{"format": true, "model": "toy", "config": {}}', "format True"),
        (b'{"format": -1, "model": "toy", "config": {}}', "format -1"),
        (b'{"format": 1, "model": "toy", "config": {"rate": NaN}}', "NaN is not a number"),
        (b'{"format": 1, "model": "toy", "config": {"rate": 1e999}}', "a finite number would be right"),
    ],
)
def test_damaged_and_foreign_configs(content: bytes, part: str, loose: Path) -> None:
    (loose / "config.json").write_bytes(content)
    refused(loose, str(loose / "config.json"), part)


def test_an_enormous_config(loose: Path) -> None:
    with open(loose / "config.json", "wb") as file:
        file.truncate(17 * 2**20)
    refused(loose, "larger than 16 MiB")


def test_a_newer_format_asks_for_an_upgrade(loose: Path) -> None:
    edit(loose, lambda content: content.update(format=2, version="9.1"))
    refused(loose, "format 2", "lstm-models 9.1", "pip install -U lstm-models")


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"hiden": 3}, "“hiden” is not an option; is “hidden” meant?"),
        ({"zzz": 3}, "“zzz” is not an option of ToyConfig"),
        ({"hidden": "4"}, "a whole number would be right"),
        ({"hidden": 4.0}, "a whole number would be right"),
        ({"hidden": True}, "a whole number would be right"),
        ({"hidden": None}, "a whole number would be right"),
        ({"rate": "x"}, "a number would be right"),
        ({"rate": 10**400}, "finite"),
        ({"tied": 1}, "true or false would be right"),
        ({"kind": "odd"}, "one of 'plain', 'fancy' would be right"),
        ({"words": "abc"}, "a list would be right"),
        ({"words": ["a", 3]}, "“words[1]” is 3; a text would be right"),
        ({"limit": "x"}, "a whole number would be right"),
        ({"inner": {"scale": []}}, "“inner.scale”"),
        ({"inner": {"size": 1}}, "“inner.size” is not an option"),
        ({"layers": 0}, "layers must be at least 1"),
    ],
)
def test_wrong_options(fields: dict[str, Any], part: str, loose: Path) -> None:
    edit(loose, lambda content: content["config"].update(fields))
    refused(loose, str(loose / "config.json"), part)


def test_options_left_out_take_their_defaults(loose: Path) -> None:
    edit(loose, lambda content: content.update(config={"layers": 2, "rate": 1, "limit": 5}))
    config = hub.load(loose).config
    assert config == ToyConfig(layers=2, rate=1.0, limit=5)
    assert type(config.rate) is float


@pytest.mark.parametrize("field", ["hidden", "layers", "inputs"])
@pytest.mark.parametrize("number", [10**6, 10**9, 10**18])
def test_absurd_sizes_are_refused_before_memory_is_taken(field: str, number: int, loose: Path) -> None:
    edit(loose, lambda content: content["config"].update({field: number}))
    message = refused(loose, str(loose / "config.json"))
    assert "describes" in message


def test_negative_sizes(loose: Path) -> None:
    edit(loose, lambda content: content["config"].update(hidden=-4))
    refused(loose, "describes no model that can be built")


def test_other_sizes_do_not_belong_together(loose: Path) -> None:
    edit(loose, lambda content: content["config"].update(hidden=5))
    refused(loose, "do not belong together", "is [4, 3], [5, 3] is right")


def rewrite(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def test_missing_tensors(loose: Path) -> None:
    rewrite(loose, lambda tensors: tensors.pop("out.bias"))
    refused(loose, "has no “out.bias”")
    rewrite(loose, lambda tensors: [tensors.pop(name) for name in list(tensors) if "stack" in name])
    refused(loose, "and 2 more")


def test_extra_tensors(loose: Path) -> None:
    rewrite(loose, lambda tensors: tensors.update(spare=torch.zeros(2)))
    refused(loose, "“spare”, which the model has not")


@pytest.mark.parametrize("dtype", [torch.int32, torch.int8, torch.bool, torch.float8_e4m3fn])
def test_wrong_types(dtype: torch.dtype, loose: Path) -> None:
    rewrite(loose, lambda tensors: tensors.update({"out.bias": tensors["out.bias"].to(dtype)}))
    refused(loose, "“out.bias”", "a floating-point type is right")


def test_a_float_where_a_whole_number_belongs(loose: Path) -> None:
    rewrite(loose, lambda tensors: tensors.update(count=torch.tensor(7.5)))
    refused(loose, "“count” is of the type F32; I64 is right")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_other_floating_types_load_as_float32(dtype: torch.dtype, loose: Path) -> None:
    rewrite(loose, lambda tensors: tensors.update({"out.bias": torch.ones(4, dtype=dtype)}))
    loaded = hub.load(loose)
    assert loaded.out.bias.dtype == torch.float32
    assert loaded.out.bias.eq(1).all()


def test_weights_that_are_no_numbers(loose: Path) -> None:
    rewrite(loose, lambda tensors: tensors.update({"out.bias": torch.full((4,), float("inf"))}))
    refused(loose, "“out.bias” holds NaN or infinity")


def test_unreadable_files(loose: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated, because root may read everything."""

    def forbidden(path: Path, **options: Any) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", forbidden)
    refused(loose, f"{loose / 'config.json'} cannot be read: Permission denied.")


# --- older formats -------------------------------------------------------------------------------------------------


def test_format_0_migrates(loose: Path) -> None:
    """Format 0: no "format", the options beside "model"."""

    def flat(content: dict[str, Any]) -> None:
        fields = content.pop("config")
        del content["format"], content["version"]
        content.update(fields)

    edit(loose, flat)
    assert "config" not in json.loads((loose / "config.json").read_text())
    assert hub.load(loose).config == ToyConfig(layers=2)


def test_migrations_run_one_after_the_other(loose: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A future format 2 in which "width" was renamed "hidden" and "depth" "layers"."""
    from lstm_models.checkpoints import loading

    def renamed(content: dict[str, Any]) -> dict[str, Any]:
        names = {"width": "hidden", "depth": "layers"}
        config = {names.get(key, key): value for key, value in content["config"].items()}
        return {**content, "format": 2, "config": config}

    monkeypatch.setitem(loading.MIGRATIONS, 1, renamed)
    monkeypatch.setattr(loading, "FORMAT", 2)
    (loose / "config.json").write_text(json.dumps({"model": "toy", "width": 4, "depth": 2}))
    assert hub.load(loose).config == ToyConfig(layers=2)


def test_there_is_a_migration_from_every_older_format() -> None:
    from lstm_models.checkpoints import loading

    assert sorted(loading.MIGRATIONS) == list(range(hub.FORMAT))


# --- the hub -------------------------------------------------------------------------------------------------------


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
