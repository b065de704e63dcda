"""Tests of the convolutional LSTM: against the papers' equations by naive loops, and torch's LSTM."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lstm_models.nn.conv_lstm import ConvLSTM, ConvLSTMCell, SpatiotemporalCell

torch.set_num_threads(1)


def randomized(module, seed=0):
    torch.manual_seed(seed)
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(torch.randn(weight.shape) * 0.4)
    return module


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def convolved(image, weight, bias=None):
    """Cross-correlation with zeros beyond the edges, place by place: image [in, h, w], weight [out, in, k, k]."""
    out, _, size, _ = weight.shape
    height, width = image.shape[1:]
    found = np.zeros((out, height, width))
    for channel in range(out):
        for row in range(height):
            for column in range(width):
                for i in range(size):
                    for j in range(size):
                        r, c = row + i - size // 2, column + j - size // 2
                        if 0 <= r < height and 0 <= c < width:
                            found[channel, row, column] += weight[channel, :, i, j] @ image[:, r, c]
    return found if bias is None else found + bias[:, None, None]


@pytest.mark.parametrize("size", [None, (3, 4)])
def test_equations_of_shi_et_al(size):
    cell = randomized(ConvLSTMCell(2, 3, 3, peepholes=True, size=size))
    x, h, c = (torch.randn(1, channels, 3, 4) for channels in (2, 3, 3))
    found_h, found_c = cell(x, h, c)
    weights = {name: value.detach().double().numpy() for name, value in cell.named_parameters()}
    before_h, before_c = h[0].double().numpy(), c[0].double().numpy()
    sums = convolved(x[0].double().numpy(), weights["from_input.weight"], weights["from_input.bias"])
    sums = sums + convolved(before_h, weights["from_state.weight"])
    peep = weights["peephole"]
    enter, forget, candidate, output = np.split(sums, 4)
    c_t = sigmoid(forget + peep[1] * before_c) * before_c
    c_t = c_t + sigmoid(enter + peep[0] * before_c) * np.tanh(candidate)
    h_t = sigmoid(output + peep[2] * c_t) * np.tanh(c_t)
    np.testing.assert_allclose(found_c[0].detach(), c_t, atol=1e-5)
    np.testing.assert_allclose(found_h[0].detach(), h_t, atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_on_maps_of_one_place_it_is_an_lstm(bidirectional):
    mine = randomized(ConvLSTM(3, 4, 1, 2, bidirectional=bidirectional, peepholes=False))
    torchs = torch.nn.LSTM(3, 4, 2, batch_first=True, bidirectional=bidirectional)
    with torch.no_grad():
        for number, cell in enumerate(mine.cells):
            name = f"l{number // mine.directions}" + "_reverse" * (number % mine.directions)
            getattr(torchs, f"weight_ih_{name}").copy_(cell.from_input.weight[..., 0, 0])
            getattr(torchs, f"weight_hh_{name}").copy_(cell.from_state.weight[..., 0, 0])
            getattr(torchs, f"bias_ih_{name}").copy_(cell.from_input.bias)
            getattr(torchs, f"bias_hh_{name}").zero_()
    x = torch.randn(2, 5, 3)
    output, state = mine(x[..., None, None])
    wanted, (h, c) = torchs(x)
    torch.testing.assert_close(output[..., 0, 0], wanted)
    torch.testing.assert_close(state.h[..., 0, 0], h)
    torch.testing.assert_close(state.c[..., 0, 0], c)


def test_layer_normalization_by_hand():
    cell = ConvLSTMCell(1, 2, 1, peepholes=False, layer_norm=True)
    x, h, c = torch.randn(1, 1, 2, 3), torch.zeros(1, 2, 2, 3), torch.randn(1, 2, 2, 3)
    gates = cell.from_input(x)

    def normal(values):
        return (values - values.mean()) / torch.sqrt(values.var(correction=0) + 1e-5)

    enter, forget, candidate, output = (normal(part) for part in gates.chunk(4, 1))
    wanted_c = forget.sigmoid() * c + enter.sigmoid() * candidate.tanh()
    found_h, found_c = cell(x, h, c)
    torch.testing.assert_close(found_c, wanted_c)
    torch.testing.assert_close(found_h, output.sigmoid() * normal(wanted_c).tanh())


OPTIONS = [
    {"layers": 2},
    {"layers": 2, "bidirectional": True},
    {"layers": 2, "layer_norm": True},
    {"layers": 2, "spatiotemporal": True},
    {"layers": 2, "spatiotemporal": True, "layer_norm": True},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_unequal_lengths_are_as_each_film_alone(options):
    lstm = randomized(ConvLSTM(2, 3, **options), 1)
    x = torch.randn(3, 4, 2, 3, 3)
    lengths = torch.tensor([4, 1, 3])
    output, state = lstm(x, lengths=lengths)
    for number, length in enumerate(lengths.tolist()):
        alone, last = lstm(x[number : number + 1, :length])
        torch.testing.assert_close(output[number, :length], alone[0])
        assert not output[number, length:].any()
        torch.testing.assert_close(state.h[:, number], last.h[:, 0])
        torch.testing.assert_close(state.c[:, number], last.c[:, 0])
        if last.memory is not None:
            torch.testing.assert_close(state.memory[number], last.memory[0])


@pytest.mark.parametrize("options", [options for options in OPTIONS if "bidirectional" not in options])
def test_the_state_is_carried_from_chunk_to_chunk_and_step_to_step(options):
    lstm = randomized(ConvLSTM(2, 3, **options), 2)
    x = torch.randn(2, 5, 2, 3, 3)
    whole, end = lstm(x)
    first, state = lstm(x[:, :3])
    rest, state = lstm(x[:, 3:], state)
    torch.testing.assert_close(torch.cat([first, rest], 1), whole)
    torch.testing.assert_close(state.c, end.c)
    state = None
    for time in range(5):
        output, state = lstm.step(x[:, time], state)
    torch.testing.assert_close(output, whole[:, -1])


def test_equations_of_predrnn_with_one_channel_at_one_place():
    lstm = randomized(ConvLSTM(1, 1, 1, 2, spatiotemporal=True), 3)
    x = torch.randn(1, 3, 1, 1, 1)
    output, state = (lstm(x)[0].detach(), lstm(x)[1].detach())
    weights = [{name: value.flatten().tolist() for name, value in cell.named_parameters()} for cell in lstm.cells]

    def s(value):
        return 1 / (1 + math.exp(-value))

    h, c, memory = [0.0, 0.0], [0.0, 0.0], 0.0
    for time in range(3):
        below = float(x[0, time])
        for layer, w in enumerate(weights):  # M of the last layer enters the first one of the next frame
            inputs = [a * below + b for a, b in zip(w["from_input.weight"], w["from_input.bias"], strict=True)]
            states = [a * h[layer] for a in w["from_state.weight"]]
            memories = [a * memory for a in w["from_memory.weight"]]
            enter, forget, new = (inputs[gate] + states[gate] for gate in range(3))
            c[layer] = s(forget + 1) * c[layer] + s(enter) * math.tanh(new)
            enter, forget, new = (inputs[3 + gate] + memories[gate] for gate in range(3))
            memory = s(forget + 1) * memory + s(enter) * math.tanh(new)
            both = w["from_both.weight"]
            gate = s(inputs[6] + states[3] + both[0] * c[layer] + both[1] * memory)
            h[layer] = gate * math.tanh(w["merge.weight"][0] * c[layer] + w["merge.weight"][1] * memory)
            below = h[layer]
        assert float(output[0, time]) == pytest.approx(below, abs=1e-5)
    assert float(state.memory) == pytest.approx(memory, abs=1e-5)


def test_the_spatiotemporal_cell_normalizes_its_sums():
    cell = SpatiotemporalCell(1, 2, 1, layer_norm=True)
    gates, zeros = torch.randn(1, 14, 2, 2), torch.zeros(1, 2, 2, 2)
    scaled = cell(gates * 50, zeros, zeros, zeros)
    for found, wanted in zip(scaled, cell(gates, zeros, zeros, zeros), strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)


def test_bfloat16_is_near():
    lstm = ConvLSTM(2, 4, layers=2, bidirectional=True)
    x = torch.rand(1, 4, 2, 5, 5)
    wanted, _ = lstm(x)
    with torch.autocast("cpu", torch.bfloat16):
        found, state = lstm(x)
    assert state.c.dtype == torch.float32
    torch.testing.assert_close(found.float(), wanted, atol=0.02, rtol=0.02)


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        ((0, 3), {}, "input_channels is 0"),
        ((2, 0), {}, "hidden_channels is 0"),
        ((2, 3, 3, 0), {}, "layers is 0"),
        ((2, 3, 2), {}, "must be odd"),
        ((2, 3), {"spatiotemporal": True, "bidirectional": True}, "cannot be bidirectional"),
    ],
)
def test_wrong_arguments(arguments, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        ConvLSTM(*arguments, **options)


def test_wrong_inputs():
    lstm = ConvLSTM(2, 3, bidirectional=True)
    with pytest.raises(ValueError, match="no step"):
        lstm.step(torch.zeros(1, 2, 3, 3))
    for shape in [(1, 2, 3, 3), (1, 0, 2, 3, 3)]:
        with pytest.raises(ValueError, match="films are"):
            lstm(torch.zeros(shape))
