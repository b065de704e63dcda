"""The bundled models: what there is, and how to take one along.

Run: lstm-models models
     lstm-models export writer --to my-writer
     lstm-models export writer --to writer.onnx --int8
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

from lstm_models.checkpoints import hub
from lstm_models.checkpoints.loading import TENSORS
from lstm_models.errors import InputError

# No import for type checkers alone here: jsonargparse carries it out to read the signatures, and `models` is quick.


def models(name: str | None = None) -> None:
    """List the bundled models with their sizes, or show the card of one.

    Args:
        name: a bundled model, a checkpoint folder or a hub id in the local cache, to show the card of.
    """
    if name is not None:
        print(hub.card(name).rstrip())
        return
    names = hub.available()
    if not names:
        raise InputError("this installation has no bundled models; reinstall lstm-models.")
    width = max(len(each) for each in names)
    for each in names:
        path = hub.WEIGHTS / each / TENSORS
        weights, size = weight_count(path), path.stat().st_size / 2**20
        print(f"{each:<{width}}  {weights / 1e6:5.1f} M weights  {size:5.1f} MiB  {hub.describe(each)}")


def weight_count(path: Path) -> int:
    """How many numbers a safetensors file holds, from its header alone: 8 bytes with its length, then JSON."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


def export(name: str, to: str, half: bool = True, part: str | None = None, int8: bool = False) -> None:
    """Copy a model out: as a checkpoint folder to keep, change or train further, or as ONNX for other runtimes.

    An ONNX file holds the whole network, such as a recogniser's from samples to the log probabilities of letters, or a
    tagger's from numbers of words to labels; a writer's goes from moves of the pen to the distribution of the next.
    With --part it holds an LSTM stack alone (batch and time free, state in and out). Search and sampling are Python.

    Args:
        name: a bundled model, a checkpoint folder or a hub id in the local cache.
        to: the folder to write, made if missing; or a file ending in .onnx.
        half: a folder stores parameters as float16, half the size.
        part: which LSTM stack goes into the ONNX file, where a model has several.
        int8: the ONNX file stores and multiplies weights in 8 bits.
    """
    if not to:
        raise InputError("--to is empty: name a folder, or a file that ends in .onnx.", usage=True)
    if Path(to).suffix.lower() == ".onnx":
        model = hub.load(name)
        if part is None and hasattr(model, "export_onnx"):
            model.export_onnx(to, int8=int8)
            print(f"the network of {name} was written to {to}.")
            return
        chosen, stack = lstm_stack(model, part, name)
        from lstm_models.export import export_onnx

        export_onnx(stack, to, int8=int8)
        print(
            f"the LSTM stack “{chosen}” of {name} ({stack.input_size} features in, {stack.output_size} out) "
            f"was written to {to}."
        )
        return
    if int8 or part is not None:
        raise InputError("--int8 and --part go with a file that ends in .onnx.", usage=True)
    if Path(to).is_dir() and any(Path(to).iterdir()) and not (Path(to) / TENSORS).exists():
        raise InputError(f"{to} holds other files than a model's: name a new folder.", usage=True)
    hub.save(hub.load(name), to, card=hub.card(name), half=half)
    print(f"{name} was written to {to}.")


def lstm_stack(model: Any, part: str | None, name: str) -> tuple[str, Any]:
    """The name and the LSTM stack `part` of a model, or the only one.

    Raises:
        InputError: the model has no such stack, or several to choose from.
    """
    from lstm_models.nn.lstm import LSTM

    stacks = {each: module for each, module in model.named_modules() if isinstance(module, LSTM)}
    listed = ", ".join(f"“{each}”" for each in stacks)
    if not stacks:
        raise InputError(f"{name} has no LSTM stack to write as ONNX; export it to a folder.", usage=True)
    if part is None and len(stacks) > 1:
        raise InputError(f"{name} has several LSTM stacks; choose one with --part: {listed}.", usage=True)
    chosen = part if part is not None else next(iter(stacks))
    if chosen not in stacks:
        raise InputError(f"{name} has no LSTM stack “{chosen}”; it has {listed}.", usage=True)
    return chosen, stacks[chosen]
