"""The exported graph in onnxruntime against the network itself."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from lstm_models.errors import InputError
from lstm_models.export import export_onnx
from lstm_models.nn.cells import CELLS, StandardCell
from lstm_models.nn.dropout import Dropout
from lstm_models.nn.lstm import LSTM, LSTMState

pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


def build(**options) -> LSTM:
    torch.manual_seed(1)
    lstm = LSTM(5, 8, 2, **options).eval()
    with torch.no_grad():
        for parameter in lstm.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return lstm


def run(session, x: torch.Tensor, lengths: torch.Tensor, state: LSTMState) -> list[np.ndarray]:
    given = {"x": x, "lengths": lengths, "h": state.h, "c": state.c}
    return session.run(None, {name: tensor.numpy() for name, tensor in given.items()})


def compare(lstm: LSTM, session, batch: int, time: int, bound: float, lengths: list[int] | None = None) -> None:
    x = torch.randn(batch, time, 5)
    state = LSTMState(*(torch.randn_like(tensor) for tensor in LSTMState.zeros(lstm, batch)))
    long = torch.randint(1, time + 1, (batch,)) if lengths is None else torch.tensor(lengths)
    with torch.no_grad():
        output, last = lstm(x, state, long)
    for found, wanted in zip(run(session, x, long, state), (output, *last), strict=True):
        assert found.shape == tuple(wanted.shape)
        assert np.abs(found - wanted.numpy()).max() < bound


OPTIONS = [
    *({"cell": cell, "bidirectional": both} for cell in sorted(CELLS) for both in (False, True)),
    {"projection": 3, "skip": "residual", "bidirectional": True},
    {"cell": "peephole", "skip": "highway", "dropout": Dropout(zoneout_h=0.3, zoneout_c=0.1)},
    {"cell": "coupled", "projection": 3, "dropout": Dropout(zoneout_c=0.2), "bidirectional": True},
    {"cell": "layer_norm", "projection": 4, "skip": "highway", "learned_state": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_graph_is_the_network(options: dict, tmp_path: Path) -> None:
    lstm = build(**options)
    path = export_onnx(lstm, tmp_path / "lstm.onnx")
    assert path == tmp_path / "lstm.onnx"
    session = onnxruntime.InferenceSession(str(path))
    for batch, time in ((3, 7), (1, 1), (4, 12)):  # both axes are free
        compare(lstm, session, batch, time, 2e-5)
    compare(lstm, session, 3, 6, 2e-5, [0, 6, 3])
    assert [path.name for path in tmp_path.iterdir()] == ["lstm.onnx"]


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_chunks_equal_the_whole(cell: str, tmp_path: Path) -> None:
    lstm = build(cell=cell)
    session = onnxruntime.InferenceSession(str(export_onnx(lstm, tmp_path / "lstm.onnx")))
    x, state, outputs = torch.randn(2, 9, 5), lstm.initial_state(2), []
    for chunk in x.split([4, 1, 1, 3], 1):
        output, h, c = run(session, chunk, torch.full((2,), chunk.size(1)), state)
        state = LSTMState(torch.from_numpy(h), torch.from_numpy(c))
        outputs.append(output)
    with torch.no_grad():
        wanted = lstm(x)[0].numpy()
    assert np.abs(np.concatenate(outputs, 1) - wanted).max() < 1e-5


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_int8_is_close_and_smaller(cell: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    lstm = LSTM(5, 64, 2, cell=cell).eval()
    whole, small = (export_onnx(lstm, tmp_path / f"{int8}.onnx", int8=int8) for int8 in (False, True))
    assert small.stat().st_size < 0.4 * whole.stat().st_size
    session, x, state = onnxruntime.InferenceSession(str(small)), torch.randn(3, 10, 5), lstm.initial_state(3)
    found = run(session, x, torch.tensor([10, 4, 7]), state)[0]
    with torch.no_grad():
        wanted = lstm(x, lengths=[10, 4, 7])[0].numpy()
    assert 0 < np.linalg.norm(found - wanted) < 0.1 * np.linalg.norm(wanted)


class Foreign(StandardCell):
    """A cell that the export cannot know."""


def test_what_cannot_be_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="there is no ONNX form of Foreign"):
        export_onnx(LSTM(2, 3, cell=Foreign), tmp_path / "lstm.onnx")
    with pytest.raises(InputError, match="cannot be written") as error:
        export_onnx(LSTM(2, 3), tmp_path / "none" / "lstm.onnx")
    assert error.value.exit_code == 1
    monkeypatch.setitem(sys.modules, "onnxruntime.quantization", None)
    with pytest.raises(InputError, match="int8 needs onnxruntime"):
        export_onnx(LSTM(2, 3), tmp_path / "lstm.onnx", int8=True)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match="export needs onnx") as error:
        export_onnx(LSTM(2, 3), tmp_path / "lstm.onnx")
    assert error.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []
