"""The soft window: Graves' equations by hand, finite differences for every gradient, streaming and masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lstm_models.nn.soft_window import SoftWindowLSTM, SoftWindowState

WINDOWS = pytest.mark.parametrize("max_step", [None, 0.5], ids=["unbounded", "bounded"])


def layer(max_step: float | None = 0.5, *, seed: int = 0, dtype: torch.dtype = torch.float64) -> SoftWindowLSTM:
    """A small layer whose every parameter differs from zero."""
    torch.manual_seed(seed)
    module = SoftWindowLSTM(3, 4, 5, components=2, max_step=max_step, step=0.2).to(dtype)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return module


def inputs(batch: int = 2, time: int = 4, characters: int = 5, *, seed: int = 1, dtype: torch.dtype = torch.float64):
    """x, text, mask (the last row one character shorter than the text) and a state that is not zero."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype)

    mask = torch.ones(batch, characters, dtype=torch.bool)
    mask[-1, -1] = False
    state = SoftWindowState(normal(batch, 5).tanh(), normal(batch, 5), normal(batch, 4), normal(batch, 2).abs())
    return normal(batch, time, 3), normal(batch, characters, 4), mask, state


# Truth from elsewhere -----------------------------------------------------------------------------------------------


@WINDOWS
def test_one_step_by_hand(max_step):
    """Graves (2013): the LSTM without peepholes, and equations 46 to 51 for the window, in plain numpy."""
    module, (x, text, mask, state) = layer(max_step), inputs(time=1)
    w = {name: value.detach().numpy() for name, value in module.named_parameters()}
    hidden, windows, last = (
        each if isinstance(each, SoftWindowState) else each.detach().numpy() for each in module(x, text, mask, state)
    )

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    for row in range(2):
        h, c, seen, position = (part[row].numpy() for part in state)
        gates = w["weight_ih"] @ x[row, 0].numpy() + w["weight_hh"] @ h + w["weight_wh"] @ seen + w["bias"]
        i, f, g, o = gates.reshape(4, 5)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        alpha, beta, kappa = (w["window_weight"] @ h + w["window_bias"]).reshape(3, 2)  # (48)
        alpha, beta = np.exp(alpha), np.exp(beta)  # (49), (50)
        position = position + (np.exp(kappa) if max_step is None else max_step * sigmoid(kappa))  # (51)
        window = np.zeros(4)
        for u in range(1, 6):  # (46), (47)
            if mask[row, u - 1]:
                phi = sum(alpha[k] * np.exp(-beta[k] * (position[k] - u) ** 2) for k in range(2))
                window += phi * text[row, u - 1].numpy()
        for got, want in zip(last, (h, c, window, position), strict=True):
            np.testing.assert_allclose(got[row].detach().numpy(), want, atol=1e-14)
        np.testing.assert_allclose(hidden[row, 0], h, atol=1e-14)
        np.testing.assert_allclose(windows[row, 0], window, atol=1e-14)


@WINDOWS
def test_gradients_of_every_input_and_parameter(max_step):
    module, (x, text, mask, state) = layer(max_step), inputs(time=3, characters=3)
    names = [name for name, _ in module.named_parameters()]

    def run(x, text, h, c, window, position, *values):
        hidden, windows, last = torch.func.functional_call(
            module, dict(zip(names, values, strict=True)), (x, text, mask, SoftWindowState(h, c, window, position))
        )
        return hidden, windows, *last

    given = [x, text, *state, *(value.detach().clone() for value in module.parameters())]
    assert torch.autograd.gradcheck(run, [value.requires_grad_() for value in given], check_undefined_grad=False)


@WINDOWS
def test_gradients_equal_those_of_the_steps_under_autograd(max_step):
    """The loop of single steps has no gradient of its own: autograd's is the truth for the whole."""
    grads = []
    for whole in (True, False):
        module, (x, text, mask, state) = layer(max_step), inputs(batch=3, time=12, characters=7)
        text.requires_grad_()
        x.requires_grad_()
        if whole:
            hidden, windows, last = module(x, text, mask, state)
        else:
            states = [state]
            for t in range(12):
                states.append(module.step(x[:, t], text, mask, states[-1]))
            hidden = torch.stack([each.h for each in states[1:]], 1)
            windows, last = torch.stack([each.window for each in states[1:]], 1), states[-1]
        total = (hidden.cos() * windows.sum(-1, keepdim=True)).sum() + last.c.square().sum() + last.position.sin().sum()
        total.backward()
        grads.append([x.grad, text.grad, *(parameter.grad for parameter in module.parameters())])
    for one, two in zip(*grads, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-11)


# What must not change the result ------------------------------------------------------------------------------------


@WINDOWS
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_steps_equal_the_whole(max_step, dtype):
    module, (x, text, mask, _) = layer(max_step, dtype=dtype), inputs(time=20, dtype=dtype)
    hidden, windows, last = module(x, text, mask)
    state = module.initial_state(text)
    for t in range(20):
        state = module.step(x[:, t], text, mask, state)
        torch.testing.assert_close(state.h, hidden[:, t])
        torch.testing.assert_close(state.window, windows[:, t])
    for one, two in zip(state, last, strict=True):
        torch.testing.assert_close(one, two)


@WINDOWS
@pytest.mark.parametrize("cuts", [[1, 19], [7, 7, 6], [0, 20], [20, 0], [3, 0, 17]])
def test_chunks_equal_the_whole(max_step, cuts):
    module, (x, text, mask, state) = layer(max_step), inputs(time=20)
    hidden, windows, last = module(x, text, mask, state)
    parts = []
    for chunk in x.split(cuts, 1):
        *outputs, state = module(chunk, text, mask, state)
        parts.append(outputs)
    torch.testing.assert_close(torch.cat([part[0] for part in parts], 1), hidden, rtol=0, atol=1e-14)
    torch.testing.assert_close(torch.cat([part[1] for part in parts], 1), windows, rtol=0, atol=1e-14)
    for one, two in zip(state, last, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-14)


@WINDOWS
def test_padding_never_matters(max_step):
    module, (x, text, mask, state) = layer(max_step), inputs(batch=2, characters=5)
    text.requires_grad_()
    more = torch.cat([text, torch.full((2, 3, 4), 1e3, dtype=text.dtype)], 1)
    longer = torch.cat([mask, torch.zeros(2, 3, dtype=torch.bool)], 1)
    hidden, windows, last = module(x, text, mask, state)
    for one, two in zip((hidden, windows, *last), _flat(module(x, more, longer, state)), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-14)
    step = module.step(x[:, 0], more, longer, state)
    torch.testing.assert_close(step.window, windows[:, 0], rtol=0, atol=1e-14)
    windows.sum().backward()
    assert text.grad[1, -1].abs().max() == 0  # the masked character
    assert text.grad[1, -2].abs().max() > 0
    # The row without its padding, alone
    alone = module(x[1:], text[1:, :-1], mask[1:, :-1], state.select(torch.tensor([1])))
    torch.testing.assert_close(alone[1], windows[1:], rtol=0, atol=1e-14)


def _flat(outputs):
    return (*outputs[:2], *outputs[2])


def test_rows_are_independent():
    module, (x, text, mask, state) = layer(), inputs(batch=4)
    order = torch.tensor([2, 0, 3])
    whole = _flat(module(x, text, mask, state))
    some = _flat(module(x[order], text[order], mask[order], state.select(order)))
    for one, two in zip(whole, some, strict=True):
        torch.testing.assert_close(one[order], two, rtol=0, atol=1e-14)


# Its bounds, its start, its limits ----------------------------------------------------------------------------------


def test_bounded_window_moves_forward_by_at_most_its_step():
    module = layer(0.25, dtype=torch.float32)
    with torch.no_grad():
        module.window_weight.mul_(100)  # as wild as can be
    x, text, mask, _ = inputs(time=50, dtype=torch.float32)
    state, before = module.initial_state(text), torch.zeros(2, 2)
    for t in range(50):
        state = module.step(x[:, t] * 10, text, mask, state)
        moves = state.position - before
        assert (moves >= 0).all()
        assert (moves <= 0.25 + 1e-5).all()
        before = state.position


@WINDOWS
def test_untrained_window_moves_by_step(max_step):
    torch.manual_seed(0)
    module = SoftWindowLSTM(3, 4, 8, components=3, max_step=max_step, step=0.2)
    x, text, mask, _ = inputs(time=30, dtype=torch.float32)
    _, _, last = module(x, text, mask)
    torch.testing.assert_close(last.position, torch.full((2, 3), 6.0), rtol=0.1, atol=0)
    hidden = 8
    assert (module.bias[hidden : 2 * hidden] == 1).all()
    assert (torch.cat([module.bias[:hidden], module.bias[2 * hidden :]]) == 0).all()


def test_state_is_detached_and_selected():
    module, (x, text, mask, state) = layer(), inputs()
    last = module(x, text, mask, state)[2]
    assert all(part.requires_grad for part in last)
    assert not any(part.requires_grad for part in last.detach())
    beams = last.select(torch.tensor([1, 1, 0]))
    assert torch.equal(beams.h, last.h[[1, 1, 0]])
    assert torch.equal(beams.position, last.position[[1, 1, 0]])


@pytest.mark.parametrize("backward_inside", [False, True])
def test_bfloat16_autocast_is_close(backward_inside):
    module, (x, text, mask, _) = layer(dtype=torch.float32), inputs(time=30, dtype=torch.float32)
    text.requires_grad_()
    results = []
    for enabled in (False, True):
        module.zero_grad()
        text.grad = None
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            hidden, windows, last = module(x, text, mask)
            loss = (hidden.float().square().sum() + windows.float().sum()) / 100
            if backward_inside:
                loss.backward()
        if not backward_inside:
            loss.backward()
        assert hidden.dtype == (torch.bfloat16 if enabled else torch.float32)
        assert all(part.dtype == torch.float32 for part in last)
        grads = [text.grad.clone(), *(parameter.grad.clone() for parameter in module.parameters())]
        assert all(grad.dtype == torch.float32 for grad in grads)
        results.append([hidden.detach().float(), windows.detach().float(), last.position.detach(), *grads])
    for one, two in zip(*results, strict=True):
        scale = one.abs().max()
        assert (one - two).abs().max() < 0.05 * scale


def test_gradients_that_nobody_asked_for():
    """Outputs that are not used, and inputs that need no gradient, cost nothing and break nothing."""
    module, (x, text, mask, state) = layer(), inputs()
    for use in range(6):
        module.zero_grad()
        _flat(module(x, text, mask, state))[use].sum().backward()
        assert all(
            torch.isfinite(parameter.grad).all() for parameter in module.parameters() if parameter.grad is not None
        )
    with torch.no_grad():
        assert not module(x, text, mask)[0].requires_grad


def test_no_time_and_no_rows():
    module, (x, text, mask, state) = layer(), inputs()
    hidden, windows, last = module(x[:, :0], text, mask, state)
    assert hidden.shape == (2, 0, 5)
    assert windows.shape == (2, 0, 4)
    assert all(torch.equal(one, two) for one, two in zip(last, state, strict=True))
    hidden, windows, last = module(x[:0], text[:0], mask[:0])
    assert hidden.shape == (0, 4, 5)
    assert last.position.shape == (0, 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x, text, mask: (x[..., :2], text, mask), r"input must be \[batch, time, 3\], not \[2, 4, 2\]"),
        (lambda x, text, mask: (x[0], text, mask), r"input must be \[batch, time, 3\]"),
        (lambda x, text, mask: (x, text[..., :3], mask), r"text must be \[2, characters, 4\], not \[2, 5, 3\]"),
        (lambda x, text, mask: (x, text[:1], mask), r"text must be \[2, characters, 4\]"),
        (lambda x, text, mask: (x, text[:, :0], mask[:, :0]), r"text must be"),
        (lambda x, text, mask: (x, text, mask[:, :-1]), r"text_mask must be \[2, 5\], not \[2, 4\]"),
    ],
)
def test_shapes_that_do_not_fit(change, said):
    module, (x, text, mask, _) = layer(), inputs()
    with pytest.raises(ValueError, match=said):
        module(*change(x, text, mask))


@pytest.mark.parametrize("sizes", [(0, 4, 5), (3, 0, 5), (3, 4, 0)])
def test_sizes_of_nothing(sizes):
    with pytest.raises(ValueError, match="must be at least 1"):
        SoftWindowLSTM(*sizes)
    with pytest.raises(ValueError, match="must be at least 1"):
        SoftWindowLSTM(3, 4, 5, components=0)


@pytest.mark.parametrize("step", [0.0, 0.5, 0.7, -1.0])
def test_start_outside_the_bound(step):
    with pytest.raises(ValueError, match=r"step must lie between 0 and max_step = 0\.5"):
        SoftWindowLSTM(3, 4, 5, max_step=0.5, step=step)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_equals_cpu():
    module, (x, text, mask, state) = layer(), inputs(time=30)
    here = _flat(module(x, text, mask, state))
    there = _flat(module.cuda()(x.cuda(), text.cuda(), mask.cuda(), SoftWindowState(*(part.cuda() for part in state))))
    for one, two in zip(here, there, strict=True):
        torch.testing.assert_close(one, two.cpu(), rtol=1e-10, atol=1e-12)
