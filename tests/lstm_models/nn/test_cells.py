"""Each cell against its paper's equations by hand, and its hand-written gradient against finite differences."""

import math

import pytest
import torch
from torch import Tensor

from lstm_models.nn import prepacked_linear
from lstm_models.nn.cells import CELLS, Cell, StandardCell
from lstm_models.nn.dropout import CellMasks
from lstm_models.nn.packed_batch import PackedBatch


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def normed(values: list[float]) -> list[float]:
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / len(values)
    return [(value - mean) / math.sqrt(variance + 1e-5) for value in values]


def by_hand(kind: str, cell: Cell, x: list[float], h: list[float], c: list[float]) -> tuple[list[float], list[float]]:
    """One step, number by number."""
    units, p = len(c), {name: tensor.tolist() for name, tensor in cell.named_parameters()}
    of_x = [sum(w * v for w, v in zip(row, x, strict=True)) for row in p["weight_ih"]]
    of_h = [sum(w * v for w, v in zip(row, h, strict=True)) for row in p["weight_hh"]]
    if kind == "layer_norm":  # Ba et al. 2016, equation 20
        of_x = [gain * value for gain, value in zip(p["gain_ih"], normed(of_x), strict=True)]
        of_h = [gain * value for gain, value in zip(p["gain_hh"], normed(of_h), strict=True)]
    total = [a + b + bias for a, b, bias in zip(of_x, of_h, p["bias"], strict=True)]
    gates = [total[k * units : (k + 1) * units] for k in range(len(total) // units)]
    new_h, new_c = [], []
    for j in range(units):
        if kind == "coupled":  # Greff et al. 2017: f = 1 - i
            i, g, o = sigmoid(gates[0][j]), math.tanh(gates[1][j]), gates[2][j]
            f = 1 - i
        elif kind == "peephole":  # Gers and Schmidhuber 2000: gates see c
            i = sigmoid(gates[0][j] + p["peephole"][0][j] * c[j])
            f = sigmoid(gates[1][j] + p["peephole"][1][j] * c[j])
            g, o = math.tanh(gates[2][j]), gates[3][j]
        else:
            i, f, g, o = sigmoid(gates[0][j]), sigmoid(gates[1][j]), math.tanh(gates[2][j]), gates[3][j]
        new_c.append(f * c[j] + i * g)
        if kind == "peephole":
            o += p["peephole"][2][j] * new_c[j]
        new_h.append(sigmoid(o))
    seen = new_c
    if kind == "layer_norm":  # equation 22: only what leaves the cell is normalised
        seen = [a * b + d for a, b, d in zip(p["gain_c"], normed(new_c), p["bias_c"], strict=True)]
    new_h = [o * math.tanh(value) for o, value in zip(new_h, seen, strict=True)]
    if cell.projection:  # Sak et al. 2014
        new_h = [sum(w * v for w, v in zip(row, new_h, strict=True)) for row in p["weight_hr"]]
    return new_h, new_c


def make(kind: str, inputs: int = 2, hidden: int = 3, projection: int = 0) -> Cell:
    cell = CELLS[kind](inputs, hidden, projection).double()
    cell.initialize()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.4)
    return cell


def inputs(cell: Cell, frames: PackedBatch) -> list[Tensor]:
    sizes = ((frames.count, cell.input_size), (frames.batch, cell.output_size), (frames.batch, cell.hidden_size))
    return [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in sizes]


CPU = torch.device("cpu")


@pytest.mark.parametrize("projection", [0, 2])
@pytest.mark.parametrize("kind", sorted(CELLS))
def test_steps_by_hand(kind: str, projection: int) -> None:
    torch.manual_seed(3)
    cell = make(kind, projection=projection)
    x, h, c = inputs(cell, PackedBatch(1, 6, None, CPU))
    outputs, last_h, last_c = cell.scan(x, h, c, PackedBatch(1, 6, None, CPU))
    step_h, step_c = h, c
    hand_h, hand_c = h[0].tolist(), c[0].tolist()
    for t in range(6):
        step_h, step_c = cell.step(x[t : t + 1], step_h, step_c)
        hand_h, hand_c = by_hand(kind, cell, x[t].tolist(), hand_h, hand_c)
        assert step_h[0].tolist() == pytest.approx(hand_h, abs=1e-9)
        assert step_c[0].tolist() == pytest.approx(hand_c, abs=1e-9)
        assert outputs[t].tolist() == pytest.approx(hand_h, abs=1e-9)
    assert last_h[0].tolist() == pytest.approx(hand_h, abs=1e-9)
    assert last_c[0].tolist() == pytest.approx(hand_c, abs=1e-9)


def test_a_step_in_plain_numbers() -> None:
    """One unit, every weight 1, worked out on paper from the standard equations."""
    cell = StandardCell(1, 1).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.fill_(1.0)
    one, half, two = (torch.tensor([[value]], dtype=torch.float64) for value in (1.0, 0.5, 2.0))
    # all gates see 1·1 + 1·0.5 + 1 = 2.5: sigmoid 0.92414182, tanh 0.98661430
    # c' = 0.92414182·2 + 0.92414182·0.98661430 = 2.76005517; tanh c' = 0.99202115; h' = 0.91676823
    h, c = cell.step(one, half, two)
    assert c.item() == pytest.approx(2.76005517, abs=1e-7)
    assert h.item() == pytest.approx(0.91676823, abs=1e-7)


@pytest.mark.parametrize(
    ("noise", "lengths"),
    [
        ("plain", None),
        ("plain", [2, 4, 0]),
        ("mask", [2, 4, 0]),
        ("zoneout", [2, 4, 0]),
        ("expected zoneout", [1, 3, 2]),
    ],
)
@pytest.mark.parametrize("projection", [0, 2])
@pytest.mark.parametrize("kind", sorted(CELLS))
def test_gradients_by_finite_differences(kind: str, projection: int, noise: str, lengths: list[int] | None) -> None:
    torch.manual_seed(5)
    cell = make(kind, projection=projection)
    frames = PackedBatch(3, 3 if lengths is None else 4, lengths, CPU)
    x, h, c = inputs(cell, frames)
    mask = 2 * torch.rand(3, cell.output_size, dtype=torch.float64) if noise == "mask" else None
    drawn = CellMasks(mask)
    if "zoneout" in noise:
        drawn = CellMasks(mask, None, 0.3, 0.4, sample=noise == "zoneout")

    def run(*_: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        torch.manual_seed(7)  # the same zoneout at every evaluation
        return cell.scan(x, h, c, frames, drawn)

    assert run()[0].grad_fn.name() == "RecurrenceBackward"
    # Along random directions, which is a quarter of the time; the plain operations hold every entry to account
    assert torch.autograd.gradcheck(run, (x, h, c, *cell.parameters()), atol=1e-6, fast_mode=noise != "zoneout")
    if noise != "zoneout":  # the same equations in plain operations
        for scanned, looped in zip(run(), cell.loop(x, h, c, frames, drawn), strict=True):
            torch.testing.assert_close(scanned, looped, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", sorted(CELLS))
def test_without_gradients_the_run_is_the_same(kind: str) -> None:
    torch.manual_seed(5)
    cell = make(kind)
    for lengths in (None, [2, 5, 0, 5]):
        for noise in (CellMasks(), CellMasks(None, None, 0.2, 0.3)):
            frames = PackedBatch(4, 5, lengths, CPU)
            given = inputs(cell, frames)
            kept = [tensor.detach().clone() for tensor in given]
            wanted = cell.scan(*given, frames, noise)
            with torch.no_grad():
                found = cell.scan(*given, frames, noise)
            for one, other in zip(found, wanted, strict=True):
                assert torch.equal(one, other)
            for one, other in zip(given, kept, strict=True):
                assert torch.equal(one, other)


@pytest.mark.parametrize("kind", sorted(CELLS))
def test_large_weights_take_the_fast_products(kind: str) -> None:
    """At 320 units oneDNN's laid-out weights come in; float64 by plain products is the truth."""
    torch.manual_seed(2)
    cell = CELLS[kind](320, 320, 0)
    cell.initialize()
    exact = CELLS[kind](320, 320, 0).double()
    exact.load_state_dict(cell.state_dict())
    assert prepacked_linear.prepacking_is_faster(cell.weight_ih) or not torch.backends.mkldnn.is_available()
    assert not prepacked_linear.prepacking_is_faster(exact.weight_ih)
    frames = PackedBatch(5, 14, [14, 9, 14, 3, 1], CPU)
    found, wanted = [], []
    x, h, c = inputs(exact, frames)
    weights = torch.randn(frames.count, 320, dtype=torch.float64)
    for one, kind_of, collected in ((cell, torch.float32, found), (exact, torch.float64, wanted)):
        given = [tensor.detach().to(kind_of).requires_grad_() for tensor in (x, h, c)]
        y, last_h, last_c = one.scan(*given, frames)
        ((y * weights.to(kind_of)).sum() + last_h.sum() + last_c.sum()).backward()
        collected += [y, last_h, last_c, *(tensor.grad for tensor in given), *(p.grad for p in one.parameters())]
    for rough, truth in zip(found, wanted, strict=True):
        assert rough.dtype == torch.float32
        assert (rough - truth).norm() < 1e-5 * truth.norm()


def test_second_derivatives_are_refused_clearly() -> None:
    cell, frames = make("peephole"), PackedBatch(2, 6, None, CPU)
    x, h, c = inputs(cell, frames)
    (grad,) = torch.autograd.grad(cell.scan(x, h, c, frames)[0].sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="cannot be differentiated again"):
        grad.sum().backward()
    (grad,) = torch.autograd.grad(cell.loop(x, h, c, frames)[0].sum(), x, create_graph=True)
    grad.square().sum().backward()
    assert x.grad.abs().sum() > 0


def test_a_graph_can_be_used_twice() -> None:
    cell, frames = make("layer_norm"), PackedBatch(3, 6, [6, 2, 4], CPU)
    x, h, c = inputs(cell, frames)
    loss = cell.scan(x, h, c, frames)[0].square().sum()
    first = torch.autograd.grad(loss, x, retain_graph=True)[0]
    assert torch.equal(torch.autograd.grad(loss, x)[0], first)


@pytest.mark.parametrize("lengths", [None, [3, 0, 7, 7, 1], [0, 0, 2, 0, 0]])
def test_frames_turn_and_return(lengths: list[int] | None) -> None:
    frames = PackedBatch(5, 7, lengths, CPU)
    x = torch.randn(5, 7, 2, requires_grad=True)
    rows = frames.pack(x)
    assert len(rows) == frames.count == (35 if lengths is None else sum(lengths))
    back = frames.unpack(frames.reverse(rows))
    (grad,) = torch.autograd.grad((back * back.detach()).sum(), x)
    for row, length in enumerate(lengths or [7] * 5):
        assert torch.equal(back[row, :length], x[row, :length].flip(0))
        assert back[row, length:].eq(0).all()
        assert torch.equal(grad[row, :length], x[row, :length])
        assert grad[row, length:].eq(0).all()
    state = torch.arange(5)
    assert torch.equal(frames.unsort(frames.sort(state)), state)


@pytest.mark.parametrize("overhead", [0, 3, 1000])
def test_rectangles_cover_every_frame(overhead: int) -> None:
    frames = PackedBatch(6, 9, [1, 9, 4, 4, 0, 8], CPU)
    x = torch.randn(frames.count, 2)
    blocks = frames.plan(overhead)
    assert len(blocks) == {0: 4, 1000: 1}.get(overhead, len(blocks))
    parts = x.split([block.count for block in blocks])
    for block, part in zip(blocks, parts, strict=True):
        filled = block.fill(part)
        assert filled.shape == (block.steps, block.rows, 2)
        assert torch.equal(block.empty(filled), part)
        if block.padding is not None:
            assert block.padding.logical_not().sum() == block.count
