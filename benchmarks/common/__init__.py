"""Side-by-side measurement for the benchmarks: interleaved CPU times, peak memory in fresh processes, tables.

Times are CPU seconds of this process on one thread: other work on the machine disturbs them less than it does the
clock. What still disturbs them (caches, clock rate) hits all sides of a comparison alike, because they take turns.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import torch

Run = Callable[[], object]

SHORTEST = 0.02  # seconds that one timing should last; shorter runs are repeated within it


def interleaved(runs: Mapping[str, Run], repeats: int) -> dict[str, list[float]]:
    """CPU seconds of one call of each run, ``repeats`` times, taking turns (A B C A B C …), warm."""
    numbers = {}
    for name, run in runs.items():
        for _ in range(2):
            begin = time.process_time()
            run()
            taken = max(time.process_time() - begin, 1e-7)
            if taken > 10 * SHORTEST:
                break
        numbers[name] = max(1, round(SHORTEST / taken))
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            begin = time.process_time()
            for _ in range(numbers[name]):
                run()
            seconds[name].append((time.process_time() - begin) / numbers[name])
    return seconds


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of the ratios of two runs that took turns."""
    return median(a / b for a, b in zip(over, under, strict=True))


def peak_memory(build: Callable[..., Run], small: Sequence[Any], full: Sequence[Any]) -> float | None:
    """MiB that one call of ``build(*full)()`` adds to a fresh process at its peak: weights, input, gradients, buffers.

    Resident memory as the kernel counts it (VmHWM), because torch's own counters miss what its libraries allocate and
    ``tracemalloc`` sees no tensor. The process runs ``build(*small)()`` before, which loads the libraries' code.
    None where there is no /proc.
    """
    if not Path("/proc/self/status").exists():
        return None
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "lstm_models.nn.lstm", "lstm_models.nn.attention"])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_probe, args=(theirs, build, tuple(small), tuple(full)))
    process.start()
    theirs.close()
    try:
        return float(ours.recv()) / 1024
    except EOFError:
        raise RuntimeError(f"the process that measures memory ended with code {process.exitcode}") from None
    finally:
        process.join()


def _probe(connection: Connection, build: Callable[..., Run], small: Sequence[Any], full: Sequence[Any]) -> None:
    torch.set_num_threads(1)
    build(*small)()
    before = _status("VmRSS")
    build(*full)()
    connection.send(_status("VmHWM") - before)


def _status(name: str) -> int:
    """A figure of this process in KiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {name}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are set right."""
    lines = ["| " + " | ".join(row) + " |" for row in [head, *rows]]
    lines.insert(1, "|---|" + "--:|" * (len(head) - 1))
    return "\n".join(lines)


def milliseconds(seconds: float) -> str:
    """Three digits: 0.213, 4.31, 62.7, 841."""
    value = seconds * 1e3
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def machine() -> dict[str, Any]:
    """What the figures were measured on, without names."""
    flags = ""
    if Path("/proc/cpuinfo").exists():
        flags = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")), "")
    wide = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags.split()]
    return {
        "processor": platform.machine(),
        "features": wide,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


def describe(facts: Mapping[str, Any]) -> str:
    """The machine in one line."""
    features, threads = ", ".join(facts["features"]), facts["threads"]
    used = f"{threads} {'thread' if threads == 1 else 'threads'} used"
    return (
        f"{facts['processor']} ({features}), {facts['cores']} cores, {used}, torch {facts['torch']}, "
        f"Python {facts['python']}, load before {facts['load']}"
    )


def write_json(path: str | None, facts: Mapping[str, Any]) -> None:
    """The figures as a file, whole or not at all."""
    if path is None:
        return
    part = Path(f"{path}.part")
    part.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)


def run_tables(
    about: str,
    tables: Mapping[str, Callable[[argparse.Namespace], Any]],
    arguments: Sequence[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Prints the tables that are named on the command line, all of them if none is, on one thread.

    Args:
        about: the benchmark's docstring.
        tables: name -> what prints it and gives its figures; it takes the options, among them ``quick``.
        arguments: those of the command line if None.
        options: further options -> what ``add_argument`` takes.

    Returns:
        The figures of each table, which ``--json`` writes into a file, and the machine.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", default=[], help=", ".join(tables))
    for name, settings in (options or {}).items():
        parser.add_argument(f"--{name}", **settings)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, figures that mean nothing")
    parser.add_argument("--json", help="a file for the figures")
    given = parser.parse_args(arguments)
    if unknown := set(given.tables) - set(tables):
        parser.error(f"there is no table {', '.join(unknown)}; there are {', '.join(tables)}")
    torch.set_num_threads(1)
    facts: dict[str, Any] = {"machine": machine()}
    print(describe(facts["machine"]))
    for name in given.tables or tables:
        print(f"\n## {name}\n")
        facts[name] = tables[name](given)
    write_json(given.json, facts)
    return facts
