"""The stack against a packed torch.nn.LSTM, and what must hold for every cell, skip, direction and length."""

import copy
import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_models.nn import prepacked_linear
from lstm_models.nn.cells import CELLS, Cell, StandardCell
from lstm_models.nn.dropout import Dropout
from lstm_models.nn.lstm import LSTM, LSTMState


def close(found: Tensor, wanted: Tensor, bound: float = 1e-6) -> None:
    """Equal within ``bound``, relative where numbers are large."""
    largest = wanted.abs().max().item() if wanted.numel() else 0.0
    torch.testing.assert_close(found, wanted, rtol=0, atol=bound * max(1.0, largest))


def random_state(lstm: LSTM, batch: int) -> LSTMState:
    return LSTMState(*(torch.randn_like(tensor) for tensor in LSTMState.zeros(lstm, batch)))


def padding(time: int, lengths: Tensor) -> Tensor:
    return torch.arange(time)[None] >= lengths[:, None]


@pytest.mark.parametrize("whole", [False, True], ids=["layered", "one call"])
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize(
    ("layers", "bidirectional", "hidden", "projection", "lengths"),
    [
        (1, False, 16, 0, [9, 4, 1, 9, 6]),
        (2, True, 16, 0, [12, 30, 1, 7, 7]),
        (3, True, 8, 3, [5, 3, 9, 2, 9]),
        (1, True, 256, 0, [20, 13, 17, 2, 20]),
        (2, False, 16, 0, [11, 11, 11, 11, 11]),
        (2, True, 16, 0, [2, 2, 1, 2, 1]),
    ],
)
def test_equals_packed_torch(
    layers: int,
    bidirectional: bool,
    hidden: int,
    projection: int,
    lengths: list[int],
    training: bool,
    whole: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(1)
    if whole:  # what an accelerator does, through the kernels of the CPU
        monkeypatch.setattr(LSTM, "_is_plain", lambda *_: True)
    batch, time, features = len(lengths), max(lengths), 5
    theirs = nn.LSTM(features, hidden, layers, batch_first=True, bidirectional=bidirectional, proj_size=projection)
    ours = LSTM.from_torch(theirs).train(training)
    state = random_state(ours, batch)
    x, long = torch.randn(batch, time, features), torch.tensor(lengths)
    dirty = x.masked_fill(padding(time, long)[..., None], torch.nan)
    inputs = [[tensor.clone().requires_grad_() for tensor in (given, *state)] for given in (x, dirty)]

    packed = pack_padded_sequence(inputs[0][0], long, batch_first=True, enforce_sorted=False)
    wanted, (h, c) = theirs(packed, tuple(inputs[0][1:]))
    wanted = pad_packed_sequence(wanted, batch_first=True)[0]
    found, last = ours(inputs[1][0], LSTMState(*inputs[1][1:]), long)
    for one, other in ((found, wanted), (last.h, h), (last.c, c)):
        close(one, other)

    weights = torch.randn_like(wanted)
    for y, h_n, c_n in ((wanted, h, c), (found, *last)):
        ((y * weights).sum() + h_n.tanh().sum() + c_n.square().sum()).backward()
    for one, other in zip(inputs[1], inputs[0], strict=True):
        close(one.grad, other.grad)
    for row, cell in enumerate(ours.cells):
        suffix = f"_l{row // ours.directions}" + ("_reverse" if row % ours.directions else "")
        close(cell.weight_ih.grad, getattr(theirs, "weight_ih" + suffix).grad)
        close(cell.weight_hh.grad, getattr(theirs, "weight_hh" + suffix).grad)
        close(cell.bias.grad, getattr(theirs, "bias_ih" + suffix).grad)
        if projection:
            close(cell.weight_hr.grad, getattr(theirs, "weight_hr" + suffix).grad)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_equals_torch_without_lengths(bidirectional: bool) -> None:
    theirs = nn.LSTM(4, 8, 2, batch_first=True, bidirectional=bidirectional)
    ours = LSTM.from_torch(theirs)
    for time in (1, 2, 3, 25):
        x = torch.randn(3, time, 4)
        wanted, (h, c) = theirs(x)
        found, state = ours(x)
        for one, other in ((found, wanted), (state.h, h), (state.c, c)):
            close(one, other)


configurations = st.fixed_dictionaries(
    {
        "layers": st.integers(1, 3),
        "bidirectional": st.booleans(),
        "cell": st.sampled_from(sorted(CELLS)),
        "projection": st.sampled_from([0, 3]),
        "skip": st.sampled_from([None, "residual", "highway"]),
        "learned_state": st.booleans(),
        "dropout": st.sampled_from([Dropout(), Dropout(zoneout_h=0.2, zoneout_c=0.3)]),
    }
)
batches = st.tuples(st.integers(3, 9), st.lists(st.floats(0, 1), min_size=1, max_size=6), st.integers(0, 1000))


def build(configuration: dict, features: int = 5) -> LSTM:
    lstm = LSTM(features, 6, **configuration).eval()
    with torch.no_grad():
        for parameter in lstm.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return lstm


@given(configurations, batches)
def test_padding_changes_nothing(configuration: dict, batch: tuple) -> None:
    time, shares, seed = batch
    torch.manual_seed(seed)
    lengths = torch.tensor([round(share * time) for share in shares])
    lstm, x = build(configuration), torch.randn(len(shares), time, 5)
    state = random_state(lstm, len(shares))
    x[padding(time, lengths)] = torch.inf
    output, last = lstm(x, state, lengths)
    assert output[padding(time, lengths)].eq(0).all()
    for row, length in enumerate(lengths.tolist()):
        alone = LSTMState(state.h[:, row : row + 1], state.c[:, row : row + 1])
        wanted, end = lstm(x[row : row + 1, :length], alone)
        close(output[row : row + 1, :length], wanted, 3e-6)
        close(last.h[:, row : row + 1], end.h, 3e-6)
        close(last.c[:, row : row + 1], end.c, 3e-6)


@given(configurations, batches)
def test_chunks_and_steps_equal_the_whole(configuration: dict, batch: tuple) -> None:
    time, shares, seed = batch
    torch.manual_seed(seed)
    lstm, x = build({**configuration, "bidirectional": False}), torch.randn(len(shares), time, 5)
    whole, end = lstm(x)
    cut = 1 + seed % (time - 1)
    first, state = lstm(x[:, :cut])
    second, state = lstm(x[:, cut:], state.detach())
    close(torch.cat([first, second], 1), whole, 3e-6)
    close(state.h, end.h, 3e-6)
    close(state.c, end.c, 3e-6)
    state, outputs = None, []
    for frame in x.unbind(1):
        output, state = lstm.step(frame, state)
        outputs.append(output)
    close(torch.stack(outputs, 1), whole, 3e-6)
    close(state.c, end.c, 3e-6)


@given(configurations, st.lists(st.integers(0, 3), min_size=1, max_size=7), st.integers(0, 1000))
def test_beam_selection_equals_reordering(configuration: dict, rows: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    lstm, x, index = build({**configuration, "bidirectional": False}), torch.randn(4, 5, 5), torch.tensor(rows)
    lengths = torch.randint(0, 6, (4,))
    _, state = lstm(x, lengths=lengths)
    _, reordered = lstm(x[index], lengths=lengths[index])
    chosen = state.select(index)
    close(chosen.h, reordered.h, 3e-6)
    close(chosen.c, reordered.c, 3e-6)
    frame = torch.randn(4, 5)
    close(lstm.step(frame[index], chosen)[0], lstm.step(frame, state)[0][index], 3e-6)


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("bidirectional", [False, True])
def test_no_frames(cell: str, bidirectional: bool) -> None:
    lstm = LSTM(3, 4, 2, cell=cell, bidirectional=bidirectional)
    state = random_state(lstm, 2)
    for x, lengths in ((torch.randn(2, 0, 3), None), (torch.full((2, 5, 3), torch.nan), [0, 0])):
        output, last = lstm(x, state, lengths)
        assert output.shape == (2, x.size(1), lstm.output_size)
        assert output.eq(0).all()
        assert torch.equal(last.h, state.h)
        assert torch.equal(last.c, state.c)
    output, last = lstm(torch.randn(0, 5, 3))
    assert output.shape == (0, 5, lstm.output_size)
    assert last.h.shape == (2 * lstm.directions, 0, 4)
    output, last = lstm(torch.randn(0, 5, 3), lengths=[])
    assert output.shape == (0, 5, lstm.output_size)


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_zero_length_sequences_keep_their_state_and_their_gradient(cell: str) -> None:
    lstm = LSTM(3, 4, cell=cell)
    state = LSTMState(*(tensor.requires_grad_() for tensor in random_state(lstm, 3)))
    x = torch.randn(3, 6, 3, requires_grad=True)
    output, last = lstm(x, state, torch.tensor([6, 0, 4]))
    assert torch.equal(last.h[:, 1], state.h[:, 1])
    assert torch.equal(last.c[:, 1], state.c[:, 1])
    (output.sum() + last.h.sum() + 2 * last.c.sum()).backward()
    assert x.grad[1].eq(0).all()
    assert x.grad[2, 4:].eq(0).all()
    assert state.h.grad[:, 1].eq(1).all()
    assert state.c.grad[:, 1].eq(2).all()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda m: m(torch.zeros(2, 3)), r"the input is \[2, 3\], but \[batch, time, 5\] is needed"),
        (lambda m: m(torch.zeros(2, 3, 4)), r"\[batch, time, 5\] is needed"),
        (lambda m: m([[[0.0] * 5]]), r"the input is a list, but \[batch, time, 5\] is needed"),
        (lambda m: m(torch.zeros(2, 3, 5, dtype=torch.float64)), "of torch.float64, but the weights are of"),
        (lambda m: m(torch.zeros(2, 3, 5), lengths=[1]), r"one for each sequence, \[2\], is needed"),
        (lambda m: m(torch.zeros(2, 3, 5), lengths=[1, 4]), "sequence 1 has length 4, but the input has 3 frames"),
        (lambda m: m(torch.zeros(2, 3, 5), lengths=[-1, 3]), "sequence 0 has length -1"),
        (lambda m: m(torch.zeros(2, 3, 5), lengths=torch.tensor([1.0, 2.0])), "whole numbers are needed"),
        (lambda m: m(torch.zeros(2, 3, 5), LSTMState.zeros(m, 3)), r"the state's h is \[2, 3, 6\], but \[2, 2, 6\]"),
        (lambda m: m(torch.zeros(2, 3, 5), LSTMState(torch.zeros(2, 2, 6), torch.zeros(2, 2, 5))), "the state's c is"),
        (
            lambda m: m(torch.zeros(2, 3, 5), LSTMState(*torch.zeros(2, 2, 2, 6, dtype=torch.float64))),
            "the state's h is torch.float64",
        ),
        (lambda m: m(torch.zeros(2, 3, 5, device="meta")), "the input is on meta, but the weights are on cpu"),
        (lambda m: m.step(torch.zeros(2, 1, 5)), r"the input of a step is \[2, 1, 5\], but \[batch, 5\] is needed"),
        (lambda m: m.step(torch.zeros(2, 5), LSTMState.zeros(m, 1)), r"\[2, 1, 6\], but \[2, 2, 6\] is needed"),
        (lambda m: LSTM(5, 6, bidirectional=True).step(torch.zeros(2, 5)), "takes no single steps"),
        (lambda m: LSTM(0, 6), "input_size is 0"),
        (lambda m: LSTM(5, 6, projection=6), r"must be below hidden_size \(6\)"),
        (lambda m: LSTM(5, 6, cell="gru"), "there is no cell 'gru'; the cells are standard"),
        (lambda m: LSTM(5, 6, cell="peephole", layer_norm=True), "cannot go with cell='peephole'"),
        (lambda m: LSTM(5, 6, skip="dense"), "there is no skip connection 'dense'"),
        (lambda m: LSTM(5, 6, initialization="zeros"), "there is no initialisation 'zeros'"),
        (lambda m: LSTM(5, 6, initialization="chrono"), "needs the longest span to remember"),
        (lambda m: LSTM(5, 6, dropout=1.0), "the hidden dropout is 1.0"),
        (lambda m: LSTM(5, 6, cell="coupled").to_torch(), "torch.nn.LSTM has no cells other than the standard one"),
        (lambda m: LSTM(6, 6, skip="residual").to_torch(), "torch.nn.LSTM has no skip connections"),
        (lambda m: LSTM(6, 6, learned_state=True).to_torch(), "torch.nn.LSTM has no learned initial state"),
        (lambda m: LSTM(6, 6, dropout=Dropout(zoneout_c=0.1)).to_torch(), "torch.nn.LSTM has no zoneout"),
    ],
)
def test_wrong_use_gets_a_sentence(call, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call(LSTM(5, 6, 2))


def test_lengths_may_come_in_any_form() -> None:
    lstm, x = LSTM(3, 4, bidirectional=True), torch.randn(3, 6, 3)
    wanted = lstm(x, lengths=torch.tensor([2, 6, 4]))[0]
    for lengths in ([2, 6, 4], (2, 6, 4), torch.tensor([2, 6, 4], dtype=torch.int32)):
        assert torch.equal(lstm(x, lengths=lengths)[0], wanted)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("projection", [0, 2])
def test_plain_torch_weights_load_and_return(bidirectional: bool, projection: int) -> None:
    theirs = nn.LSTM(3, 4, 2, batch_first=True, bidirectional=bidirectional, proj_size=projection).eval()
    ours = LSTM(3, 4, 2, bidirectional=bidirectional, projection=projection)
    assert ours.load_state_dict(theirs.state_dict()) == ([], [])
    x = torch.randn(2, 7, 3)
    close(ours(x)[0], theirs(x)[0])
    back = ours.eval().to_torch()
    assert back.batch_first
    assert not back.training
    close(back(x)[0], theirs(x)[0])


def test_plain_torch_weights_load_inside_a_larger_model() -> None:
    theirs = nn.ModuleDict({"encoder": nn.LSTM(3, 4, bias=False), "out": nn.Linear(4, 2)})
    ours = nn.ModuleDict({"encoder": LSTM(3, 4), "out": nn.Linear(4, 2)})
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(6, 1, 3)
    close(ours["encoder"](x.transpose(0, 1))[0], theirs["encoder"](x)[0].transpose(0, 1))
    with pytest.raises(RuntimeError, match="size mismatch"):
        LSTM(3, 5).load_state_dict(nn.LSTM(3, 4).state_dict())


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_state_dict_round_trip(cell: str) -> None:
    first, second = (
        LSTM(4, 4, 2, cell=cell, bidirectional=True, projection=2, skip="highway", learned_state=True) for _ in range(2)
    )
    second.load_state_dict(first.state_dict())
    x = torch.randn(2, 5, 4)
    assert torch.equal(first(x)[0], second(x)[0])


def test_parameter_layout_is_stable() -> None:
    lstm = LSTM(3, 4, 2, bidirectional=True)
    assert {name: tuple(tensor.shape) for name, tensor in lstm.state_dict().items()} == {
        f"cells.{row}.{name}": shape
        for row, width in enumerate((3, 3, 8, 8))
        for name, shape in (("weight_ih", (16, width)), ("weight_hh", (16, 4)), ("bias", (16,)))
    }


def test_initialisations() -> None:
    torch.manual_seed(0)
    cell = LSTM(8, 16).cells[0]
    for block in cell.weight_hh.split(16):
        torch.testing.assert_close(block @ block.t(), torch.eye(16), atol=1e-5, rtol=0)
    assert cell.bias[16:32].eq(1).all()
    assert torch.cat([cell.bias[:16], cell.bias[32:]]).eq(0).all()
    cell = LSTM(8, 400, initialization="chrono", longest=100).cells[0]
    spans = cell.bias[400:800].exp()
    assert 1 <= spans.min() < 5
    assert 95 < spans.max() <= 99
    assert abs(spans.mean() - 50) < 6
    assert torch.equal(cell.bias[:400], -cell.bias[400:800])
    cell = LSTM(8, 100, initialization="uniform").cells[0]
    assert cell.weight_hh.abs().max() <= 0.1 < 1.01 * cell.weight_hh.abs().max()
    coupled = LSTM(8, 16, cell="coupled").cells[0]
    assert coupled.bias[:16].eq(-1).all()


def test_learned_state() -> None:
    lstm = LSTM(3, 4, 2, learned_state=True)
    with torch.no_grad():
        lstm.initial_h.normal_()
        lstm.initial_c.normal_()
    x = torch.randn(5, 6, 3)
    output, _ = lstm(x, lengths=[6, 1, 3, 2, 6])
    explicit, _ = lstm(x, lstm.initial_state(5), lengths=[6, 1, 3, 2, 6])
    assert torch.equal(output, explicit)
    output.sum().backward()
    assert lstm.initial_h.grad.abs().min() > 0
    assert lstm.initial_c.grad.abs().min() > 0


def test_skips_by_hand() -> None:
    x = torch.randn(2, 5, 4)
    residual = LSTM(4, 4, 2, skip="residual")
    first, second = LSTM(4, 4), LSTM(4, 4)
    first.cells[0].load_state_dict(residual.cells[0].state_dict())
    second.cells[0].load_state_dict(residual.cells[1].state_dict())
    between = x + first(x)[0]
    close(residual(x)[0], between + second(between)[0])
    highway = LSTM(4, 4, skip="highway")
    highway.cells[0].load_state_dict(residual.cells[0].state_dict())
    gate = torch.sigmoid(highway.highway["0"](x))
    close(highway(x)[0], gate * first(x)[0] + (1 - gate) * x)
    assert highway.highway["0"].bias.eq(-1).all()
    assert list(LSTM(3, 4, 2, skip="highway").highway) == ["1"]


class Minimal(Cell):
    """A cell of one's own: no hand-written gradient, no output gate."""

    gates = ("input", "forget", "cell")

    def update(self, gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f, g = gates.chunk(3, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return c.tanh(), c


def test_a_cell_of_ones_own() -> None:
    lstm = LSTM(3, 4, 2, cell=Minimal, bidirectional=True)
    x = torch.randn(3, 7, 3, requires_grad=True)
    output, state = lstm(x, lengths=[7, 0, 3])
    output.sum().backward()
    assert x.grad[0].abs().min() > 0
    assert x.grad[1].eq(0).all()
    close(state.h[2, 0], output[0, -1, :4])


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("lengths", [None, [9, 4, 6]])
@pytest.mark.parametrize("able", [True, False])
def test_bfloat16_autocast_is_close_to_float32(
    cell: str, lengths: list[int] | None, able: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if able and not prepacked_linear.has_bf16():
        pytest.skip("this processor has no bfloat16 arithmetic")
    monkeypatch.setattr(prepacked_linear, "has_bf16", lambda: able)
    torch.manual_seed(0)
    lstm, x = LSTM(6, 32, 2, cell=cell, bidirectional=True), torch.randn(3, 9, 6)
    results = []
    for enabled in (False, True):
        lstm.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            output, state = lstm(x.bfloat16() if enabled else x, lengths=lengths)
            loss = output.float().square().sum() + state.c.square().sum()
        loss.backward()
        results.append((output.float(), state.h, state.c, *(weight.grad for weight in lstm.parameters())))
        assert state.h.dtype == state.c.dtype == torch.float32
    for exact, rough in zip(*results, strict=True):
        assert rough.dtype == torch.float32
        assert (rough - exact).norm() < (0.06 if cell == "layer_norm" else 0.03) * exact.norm()


def test_bfloat16_autocast_single_step() -> None:
    lstm, x = LSTM(6, 32, 2), torch.randn(3, 6)
    exact, _ = lstm.step(x)
    with torch.autocast("cpu", torch.bfloat16):
        rough, state = lstm.step(x)
    assert state.c.dtype == torch.float32
    assert (rough - exact).norm() < 0.03 * exact.norm()


def test_float64() -> None:
    torch.manual_seed(0)
    theirs = nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True).double()
    ours, x = LSTM.from_torch(theirs), torch.randn(2, 9, 3, dtype=torch.float64)
    close(ours(x)[0], theirs(x)[0], 1e-14)


def test_the_gradient_of_a_truncated_chunk_stays_in_it() -> None:
    lstm, x = LSTM(3, 4), torch.randn(2, 8, 3, requires_grad=True)
    _, state = lstm(x[:, :4])
    lstm(x[:, 4:], state.detach())[0].sum().backward()
    assert x.grad[:, :4].eq(0).all()
    assert x.grad[:, 4:].abs().min() > 0


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_inference_equals_training_mode_without_dropout(cell: str) -> None:
    lstm, x = LSTM(3, 4, 2, cell=cell), torch.randn(3, 9, 3)
    for lengths in (None, [9, 0, 5]):
        output, state = lstm(x, lengths=lengths)
        with torch.no_grad():
            without, last = lstm.eval()(x, lengths=lengths)
        lstm.train()
        close(without, output)
        close(last.h, state.h)
        close(last.c, state.c)


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_copies_are_independent_and_load_plain_weights(cell: str) -> None:
    lstm, x = LSTM(3, 4, 2, cell=cell), torch.randn(2, 6, 3)
    twin = copy.deepcopy(lstm)
    with torch.inference_mode():
        assert torch.equal(lstm(x, lengths=[6, 2])[0], twin(x, lengths=[6, 2])[0])
    if cell == "standard":
        theirs = nn.LSTM(3, 4, 2, batch_first=True)
        twin.load_state_dict(theirs.state_dict())
        close(twin(x)[0], theirs(x)[0])
        assert not torch.equal(lstm(x)[0], twin(x)[0])


def test_every_cell_counts_its_weights_once() -> None:
    for (name, kind), projection in itertools.product(CELLS.items(), (0, 2)):
        cell = kind(3, 4, projection)
        gates = len(kind.gates) * 4
        wanted = gates * 3 + gates * (projection or 4) + gates + projection * 4
        wanted += {"peephole": 12, "layer_norm": 2 * gates + 8}.get(name, 0)
        assert sum(parameter.numel() for parameter in cell.parameters()) == wanted
    assert isinstance(LSTM(3, 4).cells[0], StandardCell)
    assert type(LSTM(3, 4, layer_norm=True).cells[0]) is CELLS["layer_norm"]
