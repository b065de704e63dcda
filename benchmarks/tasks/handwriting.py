"""Speed of the handwriting writer beside a plain loop over points, on one thread; of whole pages on several.

    python -m benchmarks.tasks.handwriting                    # the bundled writer, about a minute
    python -m benchmarks.tasks.handwriting --model FOLDER --json out.json
    python -m benchmarks.tasks.handwriting --candidates 4 --threads 2      # pages with re-reading on two cores

The peer is the loop that ports of Graves' network use, written here with the writer's own weights: ``nn.LSTMCell``
modules, a window over one-hot characters, sampling in numpy, one line at a time. It computes the same distribution for
the next point (a test compares them); its draws differ. Times are CPU seconds, medians of runs that take turns; those
of pages are of the clock, too, which counts what other work takes away.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.common import describe, interleaved, machine, milliseconds, table, write_json
from lstm_models.checkpoints import hub
from lstm_models.errors import InputError
from lstm_models.tasks.handwriting.model import HandwritingWriter
from lstm_models.text.spelling import spell

TEXT = "The quick brown fox jumps over the lazy dog again."
LEGIBILITY = 0.75


class PlainLoop:
    """Writes one line point by point with the weights of a writer."""

    def __init__(self, writer: HandwritingWriter) -> None:
        config, window = writer.config, writer.window
        self.writer, self.characters = writer, len(config.alphabet) + 1
        embedding = writer.characters.weight.detach()
        start = 3 + config.style_size

        def cell(inputs: Tensor, recurrent: Tensor, bias: Tensor) -> nn.LSTMCell:
            made = nn.LSTMCell(inputs.size(1), config.hidden_size)
            made.load_state_dict(
                {"weight_ih": inputs, "weight_hh": recurrent, "bias_ih": bias, "bias_hh": torch.zeros_like(bias)}
            )
            return made.requires_grad_(False)

        # One-hot characters: the embedding goes into the weights
        self.first = cell(
            torch.cat([window.weight_ih, window.weight_wh @ embedding.t()], 1), window.weight_hh, window.bias
        )
        self.look = nn.Linear(config.hidden_size, 3 * config.components).requires_grad_(False)
        self.look.load_state_dict({"weight": window.window_weight, "bias": window.window_bias})
        self.upper = []
        for layer, above in enumerate(writer.upper.cells if writer.upper is not None else ()):
            weight = above.weight_ih.detach()
            if layer == 0:
                moves, text, below = weight.split([start, config.text_size, config.hidden_size], 1)
                weight = torch.cat([moves, text @ embedding.t(), below], 1)
            self.upper.append(cell(weight, above.weight_hh, above.bias))
        self.head = nn.Linear(writer.head.in_features, writer.head.out_features).requires_grad_(False)
        self.head.load_state_dict(writer.head.state_dict())

    def start(self, text: str, style: int) -> None:
        """Put the pen before a text."""
        config = self.writer.config
        hidden = torch.zeros(1, config.hidden_size)
        self.one_hot = nn.functional.one_hot(self.writer.encode(text), self.characters).float()[None]
        self.style = torch.zeros(1, 0) if self.writer.style is None else self.writer.style.weight[style][None].detach()
        self.states = [(hidden, hidden) for _ in range(1 + len(self.upper))]
        self.kappa = torch.zeros(1, config.components, 1)
        self.window = torch.zeros(1, self.characters)

    @torch.no_grad()
    def step(self, move: Tensor) -> Tensor:
        """From a move [1, 3] to the head's output [1, 6 · mixtures + 2]."""
        config = self.writer.config
        x = torch.cat([move, self.style], 1)
        self.states[0] = self.first(torch.cat([x, self.window], 1), self.states[0])
        below = self.states[0][0]
        alpha, beta, delta = self.look(below).unsqueeze(2).chunk(3, 1)
        delta = config.max_step * torch.sigmoid(delta) if config.max_step else torch.exp(delta)
        self.kappa = self.kappa + delta
        u = torch.arange(1, self.one_hot.size(1) + 1)
        phi = (torch.exp(alpha) * torch.exp(-torch.exp(beta) * (self.kappa - u) ** 2)).sum(1, keepdim=True)
        self.window = torch.matmul(phi, self.one_hot)[:, 0]
        output = torch.cat([x, self.window, below], 1)
        for layer, cell in enumerate(self.upper, 1):
            self.states[layer] = cell(output, self.states[layer])
            output = self.states[layer][0]
        return self.head(torch.cat([below, output], 1) if self.upper else below)  # type: ignore[no-any-return]

    def write(self, text: str, style: int = 0, bias: float = 1.5, seed: int = 0) -> np.ndarray:
        """Offsets [points, 3] of a line, ended by the rules of ``HandwritingWriter.sample``."""
        config, random = self.writer.config, np.random.default_rng(seed)
        self.start(text, style)
        end = len(text) + 1
        most = int(self.writer.most_points(torch.tensor(end)))
        move, points = torch.zeros(1, 3), []
        while len(points) < most:
            output = self.step(move)[0].numpy()
            weight, mean_x, mean_y, std_x, std_y, correlation = output[:-2].reshape(6, -1)
            weight = np.exp((weight - weight.max()) * (1 + bias))
            chosen = random.choice(len(weight), p=weight / weight.sum())
            rho = 0.995 * np.tanh(correlation[chosen])
            first, second = random.standard_normal(2)
            x = mean_x[chosen] + (config.floor + np.exp(std_x[chosen])) * np.exp(-bias) * first
            mixed = rho * first + np.sqrt(1 - rho**2) * second
            y = mean_y[chosen] + (config.floor + np.exp(std_y[chosen])) * np.exp(-bias) * mixed
            lift = random.random() < 1 / (1 + np.exp(-output[-2] * (1 + bias)))
            place = float(self.kappa.min()) - end
            ended = place > 4 or (config.stop and output[-1] > 0 and place > -6)
            points.append((x, y, float(lift or ended)))
            if ended:
                break
            move = torch.tensor([points[-1]], dtype=torch.float32)
        return np.array(points, np.float32)


def sentences(alphabet: str, count: int) -> list[str]:
    """Lines of about 50 characters."""
    words = spell(TEXT, alphabet)[0].split()
    return [" ".join(words[turn % len(words) :] + words[: turn % len(words)]) for turn in range(count)]


def usual_style(writer: HandwritingWriter) -> int:
    """The number of the first style."""
    config = writer.config
    return config.styles.index(config.names.get(writer.styles[0], writer.styles[0])) + 1 if writer.styles else 0


def parts(writer: HandwritingWriter, repeats: int, batch: int) -> dict[str, float]:
    """CPU seconds a point of each part of the network, by itself."""
    config = writer.config
    text = writer.characters(torch.randint(len(config.alphabet), (batch, len(TEXT) + 1)))
    mask = torch.ones(batch, text.size(1), dtype=torch.bool)
    x = torch.zeros(batch, 3 + config.style_size)
    window = writer.window.initial_state(text)
    features = torch.zeros(batch, writer.head.in_features)
    pen, generator = writer.head(features), torch.Generator().manual_seed(0)
    runs: dict[str, Callable[[], object]] = {"window layer": lambda: writer.window.step(x, text, mask, window)}
    if writer.upper is not None:
        upper, state = writer.upper, writer.upper.initial_state(batch)
        below = torch.zeros(batch, upper.input_size)
        runs["upper layers"] = lambda: upper.step(below, state)
    runs["head"] = lambda: writer.head(features)
    runs["draw of the move"] = lambda: pen.sample(1.5, generator)
    return {name: median(seconds) for name, seconds in interleaved(runs, repeats).items()}


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measures a writer, prints the tables and returns the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="writer", help="a bundled model or a folder")
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument("--lines", type=int, default=40, help="lines of the batch")
    parser.add_argument("--candidates", type=int, default=4, help="of each line, for re-reading; 0 leaves pages out")
    parser.add_argument("--threads", type=int, default=1, help="of torch, for pages")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file too")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        writer = hub.load(given.model)
    except InputError as error:
        sys.exit(f"handwriting.py: {error}")
    if not isinstance(writer, HandwritingWriter):
        sys.exit(f"handwriting.py: {given.model} is no handwriting writer")
    facts: dict[str, Any] = {"machine": machine(), "lines": given.lines, "repeats": given.repeats}
    print(f"# Handwriting\n\n{describe(facts['machine'])}\n", flush=True)
    facts["speed"] = speed(writer, given.repeats, given.lines)
    one = facts["speed"]["loop"]
    rows = [
        [
            line["title"],
            f"{line['seconds']:.3f}",
            f"{line['points']:,.0f}",
            milliseconds(line["seconds"] / line["points"]),
            f"{one['seconds'] / one['points'] / (line['seconds'] / line['points']):.1f}",
        ]
        for line in facts["speed"].values()
    ]
    print(f"### Lines of {len(TEXT)} characters, legibility {LEGIBILITY:g}; {given.repeats} rounds\n")
    print(table(["", "CPU-s", "points", "CPU-ms a point", "speed ÷ loop's"], rows), flush=True)
    with torch.inference_mode():
        facts["parts"] = {batch: parts(writer, given.repeats, batch) for batch in (1, given.lines)}
    rows = [
        [name, *(f"{milliseconds(of[name])} ({of[name] / sum(of.values()):.0%})" for of in facts["parts"].values())]
        for name in facts["parts"][1]
    ]
    print("\n### Where a point's time goes\n")
    print(table(["CPU-ms", *(f"batch {batch}" for batch in facts["parts"])], rows), flush=True)
    if given.candidates:
        facts["pages"] = pages(writer, hub.load("reader"), given.candidates, given.threads, given.repeats)
        loop, *rows = facts["pages"].values()
        rows = [
            [
                row["title"],
                *(f"{row[of]:.2f}" for of in ("clock", "cpu")),
                f"{loop['cpu'] * row['lines'] / row['cpu']:.1f}",
            ]
            for row in (loop, *rows)
        ]
        print(f"\n### Re-reading, {given.candidates} candidates, {given.threads} threads; {given.repeats} rounds\n")
        print(table(["", "seconds", "CPU-s", "speed ÷ loop's"], rows), flush=True)
    write_json(given.json, facts)
    return facts


def pages(
    writer: HandwritingWriter, reader: Any, candidates: int, threads: int, repeats: int
) -> dict[str, dict[str, Any]]:
    """Seconds of the clock and of processors for the loop's line, a line and a page of 2,000 characters."""
    loop, bias, style = PlainLoop(writer), writer.bias(LEGIBILITY), usual_style(writer)
    texts = sentences(writer.config.alphabet, 40)
    page, again = " ".join(texts), {"reader": reader, "candidates": candidates}
    runs: dict[str, tuple[str, int, Callable[[int], object]]] = {
        "loop": ("plain loop, one line", 1, lambda seed: loop.write(texts[0], style, bias, seed)),
        "line": ("`write`, one line", 1, lambda seed: writer.write(texts[0], seed=seed)),
        "line again": ("the same with re-reading", 1, lambda seed: writer.write(texts[0], seed=seed, **again)),
        "page": ("`write_pages`, 2,000 characters", 40, lambda seed: list(writer.write_pages(page, seed=seed))),
        "page again": (
            "the same with re-reading",
            40,
            lambda seed: list(writer.write_pages(page, seed=seed, **again)),
        ),
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    torch.set_num_threads(threads)
    try:
        for seed in range(repeats + 1):
            for name, (_, _, run) in runs.items():
                clock, cpu = time.perf_counter(), time.process_time()
                run(seed)
                seconds[name].append((time.perf_counter() - clock, time.process_time() - cpu))
    finally:
        torch.set_num_threads(1)
    return {
        name: {
            "title": title,
            "lines": lines,
            "clock": median(clock for clock, _ in seconds[name][1:]),  # the first warms up
            "cpu": median(cpu for _, cpu in seconds[name][1:]),
            "all": seconds[name],
        }
        for name, (title, lines, _) in runs.items()
    }


def speed(writer: HandwritingWriter, repeats: int, lines: int) -> dict[str, Any]:
    """CPU seconds and points of the loop and of the writer, one line and many."""
    loop, bias, style = PlainLoop(writer), writer.bias(LEGIBILITY), usual_style(writer)
    texts = sentences(writer.config.alphabet, lines)
    drawn: dict[str, list[int]] = {"loop": [], "line": [], "whole": [], "batch": []}
    turns = dict.fromkeys(drawn, 0)

    def seed(name: str) -> int:
        turns[name] += 1
        return turns[name]

    def plain() -> None:
        drawn["loop"].append(len(loop.write(texts[0], style, bias, seed("loop"))))

    def draw(name: str, rows: list[str]) -> None:
        styles = torch.full((len(rows),), style)
        *_, offsets = writer.sample(rows, styles, bias=bias, seed=seed(name))
        drawn[name].append(sum(map(len, offsets)))

    def whole() -> None:
        drawing = writer.write(texts[0], legibility=LEGIBILITY, seed=seed("whole"))
        drawing.svg()
        drawn["whole"].append(sum(map(len, drawing.strokes)) - 1)  # the first point is the origin

    runs: dict[str, Callable[[], object]] = {
        "loop": plain,
        "line": lambda: draw("line", texts[:1]),
        "whole": whole,
        "batch": lambda: draw("batch", texts),
    }
    titles = {
        "loop": "plain loop, one line",
        "line": "`HandwritingWriter.sample`, one line",
        "whole": "`HandwritingWriter.write` and SVG, one line",
        "batch": f"`HandwritingWriter.sample`, {lines} lines at once",
    }
    seconds = interleaved(runs, repeats)
    return {
        name: {
            "title": titles[name],
            "seconds": median(seconds[name]),
            "points": median(drawn[name][-repeats:]),
            "all_seconds": seconds[name],
        }
        for name in runs
    }


if __name__ == "__main__":
    main()
