"""What one hostile client costs everybody else: the waits of many users without it and with it, in one run.

Starts ``lstm-models demo`` on this machine with its default limits, lets `--users` ask the three tasks as
benchmarks.demo.load does, first by themselves, then beside one client of one address that sends, as fast as it is
answered, all that benchmarks.demo.hostile knows: crowds of requests, huge pictures, JSON without an end, headers
without an end. That client is a process of its own at the lowest priority, as its own work would be on another machine.
Prints p50 and p95 of the users' answers in each half, and their ratio (at most 1.5 is the aim).

    python -m benchmarks.demo.hostile_neighbour --users 50 --seconds 120 --json neighbour.json
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from gradio_client import Client

from benchmarks.demo import hostile
from benchmarks.demo.load import User, ask, start

THREADS = 8  # of the hostile client
TASKS = ("captioning", "speech", "handwriting")


class Hostile(threading.Thread):
    """Attacks in turn, until the time is over; every thread is of the same address."""

    def __init__(self, url: str, number: int, until: float) -> None:
        super().__init__(daemon=True)
        self.url, self.number, self.until, self.sent = url, number, until, 0

    def run(self) -> None:
        attacks = [attack for name, attack in hostile.ATTACKS.items() if name != "at rest"]
        turns = itertools.cycle(attacks[self.number % len(attacks) :] + attacks[: self.number % len(attacks)])
        attacker: hostile.Attacker | None = None
        while time.monotonic() < self.until:
            self.sent += 1
            try:
                attacker = attacker or hostile.Attacker(self.url)
                next(turns)(attacker)
            except (httpx.HTTPError, OSError, LookupError, ValueError, AssertionError):
                time.sleep(0.05)  # refused, or cut off: that is what it came for


def attack(url: str, seconds: float) -> int:
    """Be the hostile client for so long; how many attacks it made."""
    hostile.make_contents()
    if hasattr(os, "nice"):
        os.nice(19)
    print("ready", flush=True)
    until = time.monotonic() + seconds
    enemies = [Hostile(url, number, until) for number in range(THREADS)]
    for enemy in enemies:
        enemy.start()
    time.sleep(seconds)
    return sum(enemy.sent for enemy in enemies)


def half(url: str, users: int, seconds: float, *, attacked: bool) -> dict[str, Any]:
    """The users' waits in seconds, and what became of their requests."""
    enemy: subprocess.Popen[str] | None = None
    if attacked:
        command = [
            sys.executable,
            "-m",
            "benchmarks.demo.hostile_neighbour",
            "--attack",
            url,
            "--seconds",
            str(seconds),
        ]
        enemy = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert enemy.stdout is not None
        enemy.stdout.readline()  # its pictures are made
    until = time.monotonic() + seconds
    everyone = [User(number, url, until) for number in range(users)]
    for user in everyone:
        user.start()
    for user in everyone:
        user.join(seconds + 300)
    requests = [each for user in everyone for each in user.requests]
    waits = [each[2] for each in requests if each[1] == "answered"]
    p50, p95 = np.percentile(waits, [50, 95]) if waits else (float("nan"),) * 2
    tasks = {
        task: [float(np.percentile([each[2] for each in requests if each[:2] == (task, "answered")] or [0.0], 95)),
               sum(each[:2] == (task, "answered") for each in requests)]
        for task in TASKS
    }  # fmt: skip
    others = {name: sum(each[1] == name for each in requests) for name in ("full", "limited", "refused", "lost")}
    sent = int(enemy.communicate(timeout=120)[0]) if enemy is not None else 0
    return {"answered": len(waits), **others, "p50": float(p50), "p95": float(p95), "attacks": sent, "tasks": tasks}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120, help="of each half")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--attack", help=argparse.SUPPRESS)  # be the hostile client of a server at that address
    options = parser.parse_args()
    if options.attack:
        print(attack(options.attack, options.seconds), flush=True)
        return 0
    process, url = start([])
    try:
        patient = {"timeout": 240.0}
        first = Client(url, verbose=False, download_files=False, analytics_enabled=False, httpx_kwargs=patient)
        for task in TASKS:  # the models are loaded, and warm
            ask(first, task, random.Random(0))
        found = {"alone": half(url, options.users, options.seconds, attacked=False)}
        time.sleep(5)
        found["beside one hostile client"] = half(url, options.users, options.seconds, attacked=True)
    finally:
        begun = time.monotonic()
        process.terminate()
        process.wait(60)
        stopped = time.monotonic() - begun
    print("| | answered | queue full | rate limit | refused | lost | p50 s | p95 s | attacks |\n|---|" + "--:|" * 8)
    for name, row in found.items():
        cells = [row[key] for key in ("answered", "full", "limited", "refused", "lost")]
        print(f"| {name} | {' | '.join(map(str, cells))} | {row['p50']:.1f} | {row['p95']:.1f} | {row['attacks']} |")
    without, beside = found.values()
    ratios = {key: beside[key] / without[key] for key in ("p50", "p95")}
    print(f"\nRatio: p50 {ratios['p50']:.2f}, p95 {ratios['p95']:.2f}.")
    for name, row in found.items():
        each = ", ".join(f"{task} {p95:.1f} s of {count}" for task, (p95, count) in row["tasks"].items())
        print(f"p95 {name}: {each}.")
    print(
        f"{options.users} users, {options.seconds:g} s a half, {len(os.sched_getaffinity(0))} cores, load average "
        f"{os.getloadavg()[0]:.1f} at the end; from SIGTERM to the end {stopped:.1f} s."
    )
    if options.json:
        options.json.write_text(json.dumps({**found, "ratios": ratios, "stopped": stopped}, indent=1) + "\n")
    return int(beside["lost"] > 0)


if __name__ == "__main__":
    sys.exit(main())
