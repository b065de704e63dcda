"""What loading a checkpoint refuses: files that are missing, damaged, foreign or of another size; older formats."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from lstm_models.checkpoints import hub
from tests.helpers.toy_checkpoint import ToyConfig, refused

pytestmark = pytest.mark.usefixtures("toys")


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


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
