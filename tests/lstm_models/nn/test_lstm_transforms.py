"""The LSTM under torch.compile, torch.export and torch.func, and in a process that was forked."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vmap

from lstm_models import LSTM
from lstm_models.nn.prepacked_linear import PrepackedLinear

CELLS: list[dict[str, Any]] = [
    {},
    {"layer_norm": True},
    {"cell": "peephole"},
    {"cell": "coupled"},
    {"projection": 2},
    {"layers": 2, "bidirectional": True, "skip": "highway"},
]


class Tagger(nn.Module):
    """A network around the LSTM."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.into, self.lstm = nn.Linear(4, 4), LSTM(4, 8, **options)
        self.out = nn.Linear(self.lstm.output_size, 2)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        hidden: Tensor = self.lstm(self.into(x), lengths=lengths)[0]
        return self.out(hidden)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("options", "lengths"), [*((each, None) for each in CELLS), (CELLS[-1], [5, 2, 0])], ids=str)
def test_compiled_it_gives_what_it_gives_uncompiled(options: dict[str, Any], lengths: list[int] | None) -> None:
    torch._dynamo.reset()
    torch.manual_seed(0)
    network, x = Tagger(**options), torch.randn(3, 5, 4)
    given = None if lengths is None else torch.tensor(lengths)
    found = []
    for run in (network, torch.compile(network, backend="aot_eager")):
        network.zero_grad()
        run(x, given).square().sum().backward()
        found.append([run(x, given).detach(), *(parameter.grad for parameter in network.parameters())])
    torch.testing.assert_close(found[1], found[0])


@pytest.mark.parametrize("options", CELLS, ids=str)
def test_gradients_of_each_sample(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network, x = Tagger(**options), torch.randn(3, 5, 4)
    weights = {name: weight.detach() for name, weight in network.named_parameters()}

    def loss(weights: dict[str, Tensor], sample: Tensor) -> Tensor:
        return functional_call(network, weights, (sample[None],)).square().sum()

    each = vmap(grad(loss), in_dims=(None, 0))(weights, x)
    for number, sample in enumerate(x):
        network.zero_grad()
        network(sample[None]).square().sum().backward()
        for name, weight in network.named_parameters():
            torch.testing.assert_close(each[name][number], weight.grad, rtol=1e-4, atol=1e-5)


def test_a_derivative_along_a_direction() -> None:
    torch.manual_seed(0)
    lstm = LSTM(4, 8).double()
    x, way = torch.randn(2, 5, 4).double(), torch.randn(2, 5, 4).double()
    _, along = jvp(lambda x: lstm(x)[0], (x,), (way,))
    step = 1e-6
    torch.testing.assert_close(along, (lstm(x + step * way)[0] - lstm(x - step * way)[0]) / (2 * step))


def test_large_weights_under_transforms() -> None:
    layer = PrepackedLinear(600, 600)
    weights = {name: weight.detach() for name, weight in layer.named_parameters()}
    x = torch.randn(3, 600)
    found = grad(lambda weights: functional_call(layer, weights, (x,)).sum())(weights)
    torch.testing.assert_close(found["weight"], x.sum(0).expand(600, -1))


@pytest.mark.parametrize("options", CELLS, ids=str)
def test_exported(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network, x = Tagger(**options).eval(), torch.randn(3, 5, 4)
    exported = torch.export.export(network, (x,))
    torch.testing.assert_close(exported.module()(x), network(x))


def test_nothing_is_compiled_by_importing() -> None:
    code = "import sys, torch; from lstm_models import LSTM; LSTM(2, 3)(torch.zeros(1, 4, 2)); "
    code += "sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork here")
def test_a_forked_process_computes_with_one_thread() -> None:
    code = (
        "import multiprocessing, torch; from lstm_models import LSTM; torch.set_num_threads(2);"
        "lstm = LSTM(16, 32).eval(); x = torch.randn(4, 20, 16);"
        "work = lambda _: float(lstm(x)[0].sum().detach());"
        "here = work(0);"
        "context = multiprocessing.get_context('fork');"
        "ends = context.Pipe(); answer = lambda: ends[1].send((torch.get_num_threads(), work(0)));"
        "child = context.Process(target=answer); child.start(); assert ends[0].poll(60), 'no answer';"
        "count, there = ends[0].recv(); assert count == 1 and abs(here - there) < 1e-2, (count, here, there)"
    )
    environment = os.environ | {"OMP_WAIT_POLICY": "passive"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
