"""The exported writer in plain onnxruntime, beside the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from lstm_models.tasks.handwriting.mixture_density import PenDistribution, PenNoise  # noqa: E402 - needs onnx
from tests.helpers.tiny_writer import make  # noqa: E402

STATE = ("h", "c", "window", "position", "upper_h", "upper_c")


def opened(model, path, **options):
    return onnxruntime.InferenceSession(str(model.export_onnx(path, **options)), providers=["CPUExecutionProvider"])


def zeros(session, batch):
    shapes = {each.name: [batch if size == "batch" else size for size in each.shape] for each in session.get_inputs()}
    return {name: np.zeros(shapes[name], np.float32) for name in STATE if name in shapes}


def run(session, feed):
    return dict(zip([each.name for each in session.get_outputs()], session.run(None, feed), strict=True))


@pytest.mark.parametrize(
    "changes",
    [{}, {"layers": 1}, {"layers": 3}, {"style_size": 0, "styles": (), "names": {}}, {"max_step": 0.0}, {"history": 2}],
    ids=lambda changes: next(iter(changes), "usual"),
)
def test_the_graph_is_the_network(changes, tmp_path):
    """Lines whole, and the same move by move with the state that came out."""
    torch.set_num_threads(1)
    model = make(**changes)
    session = opened(model, tmp_path / "writer.onnx")
    texts = [model.encode("Dear Ann"), model.encode("to")]
    text = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
    lengths, style = torch.tensor([len(each) for each in texts]), torch.tensor([3, 0])
    x = torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = model(x, text, lengths, style if model.style is not None else None)
    back = [torch.nn.functional.pad(x, (0, 0, some, 0))[:, :30] for some in range(1 + model.config.history)]
    moves = torch.cat(back, 2).numpy()
    feed = {"text": text.numpy(), "text_lengths": lengths.numpy()}
    feed |= {} if model.style is None else {"style": style.numpy()}
    whole = run(session, {**feed, "moves": moves, **zeros(session, 2)})
    for name, wanted in expected._asdict().items():
        np.testing.assert_allclose(whole[name], wanted.numpy(), atol=1e-4, err_msg=name)
    state = zeros(session, 2)
    for time in range(30):
        found = run(session, {**feed, "moves": moves[:, time : time + 1], **state})
        state = {name: found[f"{name}_n"] for name in state}
        np.testing.assert_allclose(found["mean_x"][:, 0], expected.mean_x[:, time].numpy(), atol=1e-4)
    for name, value in state.items():
        np.testing.assert_allclose(value, whole[f"{name}_n"], atol=1e-4, err_msg=name)


def test_a_line_drawn_from_the_graph_is_the_line_that_the_writer_draws(tmp_path):
    """Move by move, with the same random numbers: those that ``HandwritingWriter.sample`` draws from its seed."""
    torch.set_num_threads(1)
    model = make()
    session = opened(model, tmp_path / "writer.onnx")
    bias, count = 1.0, 25
    (expected,) = next(iter(model.sample(["Hello"], torch.tensor([2]), bias=bias, seed=7, every=count)))
    text = model.encode("Hello")
    feed = {"text": text[None].numpy(), "text_lengths": np.array([len(text)]), "style": np.array([2])}
    generator, state, move = torch.Generator().manual_seed(7), zeros(session, 1), torch.zeros(1, 3)
    drawn = []
    for _ in range(min(count, len(expected))):
        found = run(session, {**feed, "moves": move[None].numpy(), **state})
        state = {name: found[f"{name}_n"] for name in state}
        pen = PenDistribution(*(torch.from_numpy(found[name])[:, 0] for name in PenDistribution._fields))
        uniform = torch.rand(1, generator=generator)
        offset = pen.move(bias, PenNoise.draw(1, generator, move))
        lifted = (torch.sigmoid(pen.lift * (1 + bias)) > uniform).float()
        move = torch.cat([offset, lifted[:, None]], 1)
        drawn.append(move[0].numpy())
    np.testing.assert_allclose(np.stack(drawn)[:, :2], expected[: len(drawn), :2], atol=1e-3)


def test_int8_is_nearly_the_same(tmp_path):
    model = make()
    session = opened(model, tmp_path / "int8.onnx", int8=True)
    text = model.encode("Dear Ann")
    x = torch.randn(1, 20, 3, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = model(x, text[None], torch.tensor([len(text)]), torch.tensor([1]))
    feed = {"text": text[None].numpy(), "text_lengths": np.array([len(text)]), "style": np.array([1])}
    found = run(session, {**feed, "moves": x.numpy(), **zeros(session, 1)})
    np.testing.assert_allclose(found["mean_x"], expected.mean_x.numpy(), atol=0.1)
