"""Checkpoints: saved as data only, loaded by bundled name, folder or Hugging Face Hub id.

A checkpoint is a folder of four files:

- ``config.json``: ``{"format": 1, "model": registry name, "config": {the config dataclass}, "version": ours}``,
- ``model.safetensors``: the state dict, parameters as float16 by default; never a pickle,
- ``README.md``: the model card, whose first paragraph says in one sentence what the model is,
- ``SHA256SUMS``: of the first two, in the format ``sha256sum --check`` reads.

`load` trusts none of them: it checks the sums, the config and every tensor's name, shape and type before it builds the
model, and says in one sentence (`InputError`) which file is wrong and what would be right. Nothing is downloaded unless
asked for with ``local_files_only=False``.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lstm_models.checkpoints.loading import (
    CARD,
    CONFIG,
    FORMAT,
    PICKLES,
    SCALE,
    SUMS,
    TENSORS,
    is_pickle,
    read_checkpoint,
    read_config,
)
from lstm_models.checkpoints.registry import MODELS
from lstm_models.devices import check_device
from lstm_models.errors import InputError
from lstm_models.version import __version__

if TYPE_CHECKING:
    import torch

M = TypeVar("M")

_KINDS = {
    "ngram": "language model",
    "recognizer": "recogniser",
}  # what sentences call a kind of model, where it is not its registry name

WEIGHTS = Path(__file__).parents[1] / "weights"

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_WORTH_INT8 = 4096  # numbers
_FLOAT16_MOST = 65504.0


def available() -> tuple[str, ...]:
    """The names of the bundled models, for `load`."""
    if not WEIGHTS.is_dir():
        return ()
    return tuple(sorted(folder.name for folder in WEIGHTS.iterdir() if (folder / CONFIG).is_file()))


def describe(source: str | os.PathLike[str]) -> str:
    """What a model is, in a sentence: the first paragraph of its card.

    Args:
        source: as for `load`, without the network.

    Raises:
        InputError: there is no such model, or its card cannot be read.
    """
    return card_summary(card(source))


def card(source: str | os.PathLike[str]) -> str:
    """The model card (Markdown) of a model; arguments and errors as for `describe`."""
    path = _locate(source, None, True) / CARD
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the model card {path} cannot be read ({getattr(error, 'strerror', 'not UTF-8')}).") from None


def card_summary(text: str) -> str:
    """The first paragraph of a model card, on one line; front matter and headings are skipped."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line.strip() for line in paragraph.splitlines() if not line.startswith("#")]
        if any(lines):
            return " ".join(line for line in lines if line)
    return ""


def save(
    model: torch.nn.Module, folder: str | os.PathLike[str], *, card: str, half: bool = True, int8: bool = False
) -> Path:
    """Save a model as a checkpoint folder that `load` reads.

    A new folder appears whole or not at all. Over an older checkpoint, each file is replaced whole, the sums last, so
    an interruption in between is noticed by `load`; other files in the folder are left alone.

    Args:
        model: an instance of a class in `MODELS`, with its config dataclass as ``model.config``.
        folder: where to save; made if missing.
        card: the model card, Markdown; its first paragraph is what `describe` shows.
        half: parameters are stored as float16, half the size. Buffers (normalisation and the like) keep their type,
            and so does a parameter beyond float16's range. `load` gives float32 either way.
        int8: matrices and convolutions are stored as whole numbers of 8 bits with a scale for each row, a quarter the
            size.

    Returns:
        The folder.

    Raises:
        InputError: the folder cannot be written, the disk is full, or the weights hold NaN or infinity.
        TypeError: the model's class is not in `MODELS`.
    """
    from safetensors.torch import save as to_bytes

    folder = Path(folder)
    config: Any = model.config
    header = {
        "format": FORMAT,
        "model": _registry_name(type(model)),
        "config": asdict(config),
        "version": __version__,
    }
    files = {
        TENSORS: to_bytes(_tensors(model, half, int8), metadata={"format": "pt"}),
        CONFIG: (json.dumps(header, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode(),
        CARD: (card.rstrip() + "\n").encode(),
    }
    sums = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in (CONFIG, TENSORS)]
    files[SUMS] = "".join(sums).encode()  # last: a folder replaced by half then fails its own sums
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; a checkpoint is saved as a folder.", usage=True)
    temporary = folder.absolute().parent / f".{folder.absolute().name}.{uuid.uuid4().hex}.tmp"
    try:
        temporary.mkdir(parents=True)
        for name, content in files.items():
            with open(temporary / name, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        if folder.exists():
            for name in files:
                os.replace(temporary / name, folder / name)
        else:
            os.replace(temporary, folder)
    except OSError as error:
        reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or str(error)
        raise InputError(f"{folder} cannot be written: {reason}.") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


_default_device = "cpu"


def use_device(device: str) -> None:
    """Make a device, such as "cuda", the one that models are loaded to where `load` names none.

    Raises:
        InputError: there is no such device here (``usage=True``).
    """
    global _default_device
    check_device(device)
    _default_device = device


def load(
    source: str | os.PathLike[str],
    *,
    device: str | torch.device | None = None,
    revision: str | None = None,
    local_files_only: bool = True,
) -> Any:
    """Load a model, ready to use: float32, in evaluation mode.

    Args:
        source: a bundled name (see `available`), a checkpoint folder, or a Hugging Face Hub id, "owner/name". They are
            tried in this order.
        device: where its networks run: "cpu", "cuda", "cuda:1", "mps" and the like; the CPU if None. What it is given
            and gives back lies on the CPU all the same.
        revision: of a hub id: a branch, tag or commit.
        local_files_only: of a hub id: use the local cache and never the network; false downloads what is missing.

    Raises:
        InputError: there is no such model or device, or the model's files are damaged, foreign, pickled, or of a newer
            version.
    """
    device = _default_device if device is None else device
    check_device(device)
    folder = _locate(source, revision, local_files_only)
    model = read_checkpoint(folder, bundled=folder.parent == WEIGHTS)
    if str(device) != "cpu" and hasattr(model, "to"):  # n-gram models stay in memory
        model.to(device)
    return model


def kind_of(source: str | os.PathLike[str]) -> str:
    """What a model is, as `MODELS` names it, by its config alone.

    Args:
        source: as for `load`, without the network.

    Raises:
        InputError: there is no such model, or its config cannot be read.
    """
    return read_config(_locate(source, None, True) / CONFIG)[0]


def load_as(kind: type[M] | tuple[type[M], ...], source: str | os.PathLike[str]) -> M:
    """`load`, where only one kind of model, or one of several, will do.

    Args:
        kind: its class, such as ``Captioner``, or classes of which the first names what was expected.
        source: as for `load`.

    Raises:
        InputError: as `load`, or the model is of another kind (``usage=True``).
    """
    model = load(source)
    if not isinstance(model, kind):
        first = kind[0] if isinstance(kind, tuple) else kind
        wanted = _KINDS.get(name := _registry_name(first), name.replace("-", " "))
        raise InputError(f"{os.fspath(source)} is not a {wanted}.", usage=True)
    return model


def push(folder: str | os.PathLike[str], repo_id: str, *, private: bool = False, revision: str | None = None) -> str:
    """Upload a checkpoint folder to the Hugging Face Hub, with the login of ``hf auth login`` or ``HF_TOKEN``.

    Args:
        folder: a folder written by `save`; it is loaded first, so that only a checkpoint that works leaves the machine.
        repo_id: "owner/name"; made if missing.
        private: make a new repository private.
        revision: a branch; the main one without.

    Returns:
        The address of the upload.

    Raises:
        InputError: the folder is no checkpoint, the id is malformed, or the hub refuses or cannot be reached.
    """
    from huggingface_hub import HfApi

    folder = Path(folder)
    if not _HUB_ID.fullmatch(repo_id):
        raise InputError(f"“{repo_id}” is not a hub id; one looks like “owner/name”.", usage=True)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; push takes a checkpoint folder written by save.", usage=True)
    load(folder.absolute())
    with _hub_errors(repo_id):
        api = HfApi()
        api.create_repo(repo_id, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo_id,
            folder_path=folder,
            revision=revision,
            allow_patterns=[CONFIG, TENSORS, CARD, SUMS],
            commit_message=f"Upload by lstm-models {__version__}",
        )
    return str(commit)


def _locate(source: str | os.PathLike[str], revision: str | None, local_files_only: bool) -> Path:
    name = os.fspath(source)
    bundled = name in available()
    path = Path(name)
    try:
        here = bool(name) and path.exists()
    except (OSError, ValueError):  # too long a name, or a null character in it
        here = False
    if bundled or here:
        if revision is not None:
            raise InputError(f"a revision goes with a hub id; “{name}” is on this machine and has none.", usage=True)
        if bundled:
            return WEIGHTS / name
        if not path.is_dir():
            raise InputError(_not_a_folder(path), usage=True)
        return path.absolute()
    if path.suffix.lower() in PICKLES:
        raise InputError(f"{path} does not exist; and a model is loaded from a folder, not from a pickle.", usage=True)
    if not _HUB_ID.fullmatch(name):
        raise InputError(_unknown(name), usage=True)
    from huggingface_hub import snapshot_download

    with _hub_errors(name, local_files_only):
        folder = snapshot_download(
            name, revision=revision, local_files_only=local_files_only, allow_patterns=[CONFIG, TENSORS, CARD, SUMS]
        )
    return Path(folder)


def _not_a_folder(path: Path) -> str:
    if path.suffix.lower() in PICKLES or is_pickle(path):
        return (
            f"{path} is a PyTorch pickle, which can run code when opened, so it is never opened; a model here is a "
            f"folder with {CONFIG} and {TENSORS}, written by lstm_models.save or at the end of a training run."
        )
    if path.name in (CONFIG, TENSORS, CARD, SUMS):
        return f"{path} is one file of a checkpoint; load the folder that holds it: {path.parent}."
    return f"{path} is a file; a model is loaded from a folder with {CONFIG} and {TENSORS}."


def _unknown(name: str) -> str:
    names = available()
    close = difflib.get_close_matches(name.lower(), names, n=1)
    if close:
        return f"there is no model “{name}”; did you mean “{close[0]}”?"
    listed = ", ".join(f"“{known}”" for known in names) or "none in this installation"
    return f"there is no model or folder “{name}”; bundled models: {listed}; hub ids look like “owner/name”."


@contextlib.contextmanager
def _hub_errors(repo_id: str, local_files_only: bool = False) -> Iterator[None]:
    """Turn what `huggingface_hub` raises (not found, no login, no network) into a sentence."""
    from huggingface_hub import errors

    try:
        yield
    except InputError:
        raise
    except errors.LocalEntryNotFoundError:
        if local_files_only:
            raise InputError(
                f"“{repo_id}” is neither a folder nor in the local Hugging Face cache; "
                f"load(…, local_files_only=False) downloads it."
            ) from None
        raise InputError(f"“{repo_id}” is not in the local cache and the hub cannot be reached.") from None
    except errors.RevisionNotFoundError:
        raise InputError(f"the hub's “{repo_id}” has no such revision.", usage=True) from None
    except errors.RepositoryNotFoundError:
        raise InputError(f"the hub has no “{repo_id}” that your login may see.", usage=True) from None
    except Exception as error:
        # The hub's own errors are OSError or ValueError; its HTTP client, whichever it is, lets its own through.
        client = type(error).__module__.partition(".")[0] in {"httpx", "httpx2", "requests"}
        if not client and not isinstance(error, (OSError, ValueError)):
            raise
        first = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"the Hugging Face Hub did not serve “{repo_id}”: {first[0]}") from None


def _registry_name(cls: type) -> str:
    path = f"{cls.__module__}:{cls.__qualname__}"
    for name, known in MODELS.items():
        if known == path:
            return name
    raise TypeError(f"{cls.__qualname__} is not in lstm_models.checkpoints.hub.MODELS, so it could not be loaded again")


def _tensors(model: torch.nn.Module, half: bool, int8: bool) -> dict[str, torch.Tensor]:
    """The state dict as it is stored: on the CPU, contiguous, unshared; parameters as float16 or int8 if wanted."""
    import torch

    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    stored = {}
    for name, tensor in model.state_dict().items():
        value = tensor.detach().to("cpu", copy=True).contiguous()
        if value.is_floating_point():
            if not torch.isfinite(value).all():
                raise InputError(
                    f"the weights “{name}” hold NaN or infinity (the training diverged); nothing is saved."
                )
            if int8 and name in parameters and value.dim() > 1 and value.numel() >= _WORTH_INT8:
                value, stored[name + SCALE] = _rounded(value)
            elif half and name in parameters and (not value.numel() or float(value.abs().max()) <= _FLOAT16_MOST):
                value = value.to(torch.float16)
        stored[name] = value
    return stored


def _rounded(value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Whole numbers from −127 to 127 and the scale [rows] of each row, of weights [rows, …]."""
    import torch

    scale = value.abs().flatten(1).amax(1).clamp(min=1e-12) / 127
    rows = scale.view(-1, *[1] * (value.dim() - 1))
    return (value / rows).round().to(torch.int8), scale
