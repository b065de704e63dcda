"""What `lstm_models.checkpoints.hub.load` does with a checkpoint folder: distrust it, then build the model.

In this order, each failure one sentence (`InputError`): the sums, the config (migrated from older formats), the names,
shapes and types in the header of the tensors' file against the model built without memory, and only then the model.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lstm_models.checkpoints.config_schema import dataclass_from_json
from lstm_models.checkpoints.registry import MODELS, model_class
from lstm_models.errors import InputError
from lstm_models.nn.parameter_budget import TooLargeError, at_most
from lstm_models.version import __version__

FORMAT = 1
CONFIG, TENSORS, CARD, SUMS = "config.json", "model.safetensors", "README.md", "SHA256SUMS"
SCALE = ".scale"
"""After the name of weights in whole numbers of 8 bits: the numbers [rows] that their rows are multiplied by."""
PICKLES = {".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle"}


_MOST_CONFIG_BYTES = 16 * 2**20


def read_checkpoint(folder: Path, *, bundled: bool) -> Any:
    """The model in a folder: float32, on the CPU, in evaluation mode; `InputError` if anything is wrong with it."""
    try:
        check_sums(folder, required=bundled)
        name, fields = read_config(folder / CONFIG)
        cls = model_class(name)
        return _build(cls, dataclass_from_json(cls.Config, fields, folder / CONFIG), folder)
    except OSError as error:  # no permission, a disk that fails
        raise InputError(f"{error.filename or folder} cannot be read: {error.strerror or error}.") from None


def check_sums(folder: Path, *, required: bool) -> None:
    path = folder / SUMS
    if not path.is_file():
        if required:
            raise InputError(f"{path} is missing; reinstall lstm-models.")
        return
    remedy = "reinstall lstm-models" if required else f"copy or download it again, or delete {SUMS} if you changed it"
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path} is damaged; {remedy}.") from None
    wanted = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name in (CONFIG, TENSORS):
        if not (folder / name).is_file():
            raise InputError(_missing(folder, name))
        if wanted.get(name) != _sha256(folder / name):
            raise InputError(f"{folder / name} is not the file that was saved (its sha256 differs); {remedy}.")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _missing(folder: Path, name: str) -> str:
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in PICKLES)
    more = f"; {pickles[0]} is a pickle, which is never opened" if pickles else ""
    return f"{folder} has no {name}{more}; a model is a folder with {CONFIG} and {TENSORS}."


def read_config(path: Path) -> tuple[str, dict[str, Any]]:
    """The registry name and the config's fields, whatever format they were written in."""
    if not path.is_file():
        raise InputError(_missing(path.parent, path.name))
    if path.stat().st_size > _MOST_CONFIG_BYTES:
        raise InputError(f"{path} is larger than {_MOST_CONFIG_BYTES // 2**20} MiB, so it is not a model's config.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = "not UTF-8 JSON" if isinstance(error, (UnicodeDecodeError, RecursionError)) else str(error)
        raise InputError(f"{path} is damaged: {reason}.") from None
    number = content.get("format", 0) if isinstance(content, dict) else 0
    if type(number) is not int or number < 0:
        raise InputError(f"{path} has the format {number!r}; a whole number up to {FORMAT} would be right.")
    if number > FORMAT:
        raise InputError(
            f"{path} has format {number}, written by lstm-models {content.get('version', '(unknown)')}; this is "
            f"{__version__}, which reads up to format {FORMAT}: upgrade with pip install -U lstm-models."
        )
    if not isinstance(content, dict) or "model" not in content:
        raise InputError(f"{path} is not a config of lstm-models: it does not say which “model” it is for.")
    while number < FORMAT:
        content = MIGRATIONS[number](content)
        number += 1
    name, fields = content["model"], content.get("config")
    if isinstance(name, dict):
        raise InputError(f"{path} is of a training run; its model is in {path.parent / 'model'}.")
    if not isinstance(name, str) or name not in MODELS:
        known = ", ".join(MODELS)
        raise InputError(f"{path} is for the model {name!r}, which this version does not have; it has {known}.")
    if not isinstance(fields, dict):
        raise InputError(f"{path} has no “config” object with the model's options.")
    return name, fields


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _from_format_0(content: dict[str, Any]) -> dict[str, Any]:
    """Format 0 had no "format"; the options stood beside "model" and "version"."""
    beside = {"format", "model", "version"}
    return {
        "format": 1,
        "model": content["model"],
        "config": {key: value for key, value in content.items() if key not in beside},
        "version": content.get("version", "0"),
    }


# From the format of this number to the next. A change of a config's fields is a new format and one function here.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {0: _from_format_0}


# --- models and tensors --------------------------------------------------------------------------------------------


def _build(cls: Any, config: Any, folder: Path) -> Any:
    import torch
    from safetensors import SafetensorError, safe_open

    path = folder / TENSORS
    if not path.is_file():
        raise InputError(_missing(folder, TENSORS))
    if is_pickle(path):
        raise InputError(
            f"{path} is a PyTorch pickle under another name; it can run code when opened, so it is never opened."
        )
    try:
        with safe_open(path, framework="pt") as file:
            found = {}
            for name in file.keys():  # noqa: SIM118 - not a dict: it cannot be iterated over
                part = file.get_slice(name)
                found[name] = (tuple(part.get_shape()), part.get_dtype())
            _check_tensors(cls, config, found, path)
            with torch.random.fork_rng(devices=[]):  # loading must not move the user's random numbers
                model = cls(config)
            state = model.state_dict()
            for name, tensor in state.items():
                value = file.get_tensor(name)
                if name + SCALE in found:
                    scale = file.get_tensor(name + SCALE).float()
                    value = value.float() * scale.view(-1, *[1] * (value.dim() - 1))
                if value.is_floating_point() and not torch.isfinite(value).all():
                    raise InputError(f"{path} is damaged: “{name}” holds NaN or infinity.")
                with torch.no_grad():
                    tensor.copy_(value)
    except SafetensorError as error:
        raise InputError(f"{path} is truncated or not a safetensors file: {error}.") from None
    return model.eval()


def is_pickle(path: Path) -> bool:
    """Whether a file begins as torch.save's zip or as a bare pickle does."""
    try:
        with open(path, "rb") as file:
            start = file.read(4)
    except OSError:
        return False
    return start == b"PK\x03\x04" or (start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"))


_FLOATS = {"F16", "BF16", "F32", "F64"}
_OTHERS = {
    "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip


def _check_tensors(cls: Any, config: Any, found: dict[str, tuple[tuple[int, ...], str]], path: Path) -> None:
    """Compare the file's tensors (shape and type by name) with the model's, built without memory on "meta"."""
    import torch

    rounded = {
        name
        for name, (shape, kind) in found.items()
        if kind == "I8" and found.get(name + SCALE, ((), ""))[0] == shape[:1]
    }
    found = {name: what for name, what in found.items() if name.removesuffix(SCALE) not in rounded or name in rounded}
    most = sum(math.prod(shape) for shape, _ in found.values())
    try:
        with at_most(most), torch.device("meta"):
            wanted = {name: (tuple(t.shape), t.dtype) for name, t in cls(config).state_dict().items()}
    except TooLargeError:
        raise InputError(
            f"{path.parent / CONFIG} describes a larger model than {path.name} holds ({most:,} numbers): "
            f"the two files do not belong together."
        ) from None
    except (ValueError, TypeError, RuntimeError, OverflowError, MemoryError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path.parent / CONFIG} describes no model that can be built: {first}") from None
    together = f"{CONFIG} and {TENSORS} do not belong together"
    if missing := sorted(wanted.keys() - found.keys()):
        raise InputError(f"{path} has no {_listed(missing)}; {together}.")
    if extra := sorted(found.keys() - wanted.keys()):
        raise InputError(f"{path} has {_listed(extra)}, which the model has not; {together}.")
    for name, (shape, dtype) in wanted.items():
        if found[name][0] != shape:
            raise InputError(f"{path}: “{name}” is {list(found[name][0])}, {list(shape)} is right; {together}.")
        if dtype.is_floating_point and name in rounded:
            continue
        kinds = _FLOATS if dtype.is_floating_point else {_OTHERS.get(str(dtype).removeprefix("torch."), "?")}
        if found[name][1] not in kinds:
            right = "a floating-point type" if dtype.is_floating_point else next(iter(kinds))
            raise InputError(f"{path}: “{name}” is of the type {found[name][1]}; {right} is right.")


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"“{name}”" for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
