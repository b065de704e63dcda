"""What it brings to compute the requests of several users of the demo together: CPU seconds a request.

For each task, k requests together beside one after the other: the captioner describes k photos in one call, the
recogniser hears k sounds (its network alone; the search after it knows no batch), the writer draws k lines for k
threads at once, which share its steps, as those of the demo do. Times are CPU seconds on one thread,
medians of runs that take turns.

    python -m benchmarks.demo.batching --json batching.json
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

import lstm_models
from benchmarks.common import describe, interleaved, machine, milliseconds, ratio, table, write_json
from lstm_models.io.images import open_image
from lstm_models.tasks.speech.model import Recognizer

APPS = Path(__file__).resolve().parents[2] / "apps" / "lstm_apps"
SENTENCES = (
    "Dear reader, thank you for your letter.", "The quick brown fox jumps over the lazy dog.", "So it is.",
    "Each pen stroke follows from all those before it.",
)  # fmt: skip
SECONDS = (4.0, 9.0, 6.0, 5.0)  # of recordings
RATE = 16_000


Task = Callable[[Sequence[Any]], object]  # computes requests together


def captioning() -> tuple[Task, Sequence[Any]]:
    captioner = lstm_models.load("captioner")
    photos = [open_image(path) for path in sorted((APPS / "tasks" / "captioning" / "examples").glob("*.jpg"))]
    return lambda some: captioner.caption(list(some)), photos


def speech() -> tuple[Task, Sequence[Any]]:
    recognizer: Recognizer = lstm_models.load("recognizer")
    sound = np.random.default_rng(0).normal(scale=0.1, size=round(max(SECONDS) * RATE)).astype(np.float32)
    return recognizer.log_probs, [sound[: round(seconds * RATE)] for seconds in SECONDS]


def handwriting() -> tuple[Task, Sequence[Any]]:
    writer = lstm_models.load("writer")
    bias = writer.bias(0.75)

    def line(text: str) -> object:
        return list(writer.sample([text], torch.zeros(1, dtype=torch.long), bias=bias, seed=1, every=40, tidy=True))

    def write(texts: Sequence[str]) -> object:
        with ThreadPoolExecutor(len(texts)) as threads:
            return list(threads.map(line, texts))

    return write, SENTENCES


def measured(task: str, batches: Sequence[int], repeats: int) -> list[dict[str, Any]]:
    """CPU seconds a request, one by one and together, for each number of requests."""
    compute, requests = TASKS[task]()
    rows = []
    for count in batches:
        some = [requests[place % len(requests)] for place in range(count)]
        runs = {
            "alone": lambda some=some: [compute([request]) for request in some],
            "together": lambda some=some: compute(some),
        }
        seconds = interleaved(runs, repeats)
        each = {name: median(taken) / count for name, taken in seconds.items()}
        rows.append({"task": task, "requests": count, **each, "gain": ratio(seconds["alone"], seconds["together"])})
    return rows


TASKS = {"captioning": captioning, "speech": speech, "handwriting": handwriting}


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measures, prints the table and returns the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--requests", nargs="+", type=int, default=[2, 4, 8], help="computed together")
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file too")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    facts: dict[str, Any] = {"machine": machine(), "repeats": given.repeats, "rows": []}
    print(f"# Requests together\n\n{describe(facts['machine'])}\n", flush=True)
    for task in given.tasks:
        facts["rows"] += measured(task, given.requests, given.repeats)
    head = ["task", "requests", "one by one, CPU-ms each", "together, CPU-ms each", "times as fast"]
    rows = [
        [
            row["task"],
            f"{row['requests']}",
            milliseconds(row["alone"]),
            milliseconds(row["together"]),
            f"{row['gain']:.2f}",
        ]
        for row in facts["rows"]
    ]
    print(table(head, rows), flush=True)
    write_json(given.json, facts)
    return facts


if __name__ == "__main__":
    main()
