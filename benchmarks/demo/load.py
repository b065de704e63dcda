"""Many people at once: users of the real demo, by Gradio's own client, and what becomes of each of their requests.

Starts ``lstm-models demo`` on this machine, lets `--users` ask the three tasks in turn for `--seconds`, each under an
address of its own, with a pause to read between two requests, and prints a table: p50 and p95 of each task, how many
got the message that the queue is full, how many were lost (none may be), and the server's memory before, at most
and after. The users run on the same cores as the server.

    python -m benchmarks.demo.load --users 50 --seconds 300 --json load.json
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from gradio_client.utils import QueueError

APPS = Path(__file__).resolve().parents[2] / "apps" / "lstm_apps"
PHOTOS = sorted((APPS / "tasks" / "captioning" / "examples").glob("*.jpg"))
RECORDINGS = sorted((APPS / "tasks" / "speech" / "examples").glob("*.ogg"))
SENTENCES = ("Dear reader,", "The quick brown fox jumps over the lazy dog.", "Thank you for your letter.")
PAUSE = (2.0, 8.0)  # seconds a user reads before asking again
LONGEST = 240.0  # seconds after which a request counts as lost
OUTCOMES = ("answered", "full", "limited", "refused", "lost")


def ask(client: Client, task: str, chance: random.Random) -> None:
    """One request; raises what Gradio's client raises."""
    if task == "captioning":
        job = client.submit(image=handle_file(chance.choice(PHOTOS)), api_name="/caption")
        answer = job.result(timeout=LONGEST)[0]["text"]
    elif task == "speech":
        job = client.submit(recording=handle_file(chance.choice(RECORDINGS)), api_name="/transcribe")
        answer = job.result(timeout=LONGEST)[0]["text"]
    else:
        job = client.submit(text=chance.choice(SENTENCES), api_name="/write")
        answer = job.result(timeout=LONGEST)
    if not answer:
        raise ValueError("the answer is empty")


def outcome(error: Exception) -> str:
    """What an error of the client's means."""
    if isinstance(error, QueueError):
        return "full"
    if isinstance(error, AppError):
        return "refused"
    if isinstance(error, httpx.HTTPStatusError) and error.response.status_code in (429, 503):
        return "limited" if error.response.status_code == 429 else "full"
    return "lost"


class User(threading.Thread):
    """Asks one task after another until the time is over; the last request is waited for."""

    def __init__(self, number: int, url: str, until: float) -> None:
        super().__init__(daemon=True)
        self.number, self.url, self.until = number, url, until
        self.requests: list[tuple[str, str, float, str]] = []

    def run(self) -> None:
        chance = random.Random(self.number)
        headers = {"X-Forwarded-For": f"198.51.100.{self.number}"}
        client = Client(
            self.url, headers=headers, verbose=False, download_files=False, analytics_enabled=False,
            httpx_kwargs={"timeout": LONGEST},
        )  # fmt: skip
        tasks = ("captioning", "speech", "handwriting")
        turn = self.number
        while time.monotonic() < self.until:
            task, started, message = tasks[turn % 3], time.monotonic(), ""
            try:
                ask(client, task, chance)
                became = "answered"
            except Exception as error:
                became, message = outcome(error), f"{type(error).__name__}: {error}"
            self.requests.append((task, became, time.monotonic() - started, message))
            turn += 1
            time.sleep(chance.uniform(*PAUSE))


def memory(url: str) -> float:
    """Megabytes that the server holds."""
    text = httpx.get(f"{url}metrics", timeout=60).text
    return float(re.search(r"^process_resident_memory_bytes (\S+)", text, re.MULTILINE)[1]) / 2**20  # type: ignore[index]


def start(options: list[str]) -> tuple[subprocess.Popen[str], str]:
    """The demo on a free port, and its address."""
    command = [sys.executable, "-m", "lstm_apps", "demo", "--port", "0", "--trusted-proxy", "127.0.0.1", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not (found := re.search(r"http://\S+", line)):
        raise SystemExit("the demo did not start")
    return process, found[0]


def measured(users: int, seconds: float, options: list[str]) -> dict[str, Any]:
    """Everything that the table shows."""
    process, url = start(options)
    try:
        first = Client(url, verbose=False, download_files=False, analytics_enabled=False)
        for task in ("captioning", "speech", "handwriting"):  # the models are loaded, and warm
            ask(first, task, random.Random(0))
        before, begun, most = memory(url), time.monotonic(), 0.0
        everyone = [User(number, url, begun + seconds) for number in range(users)]
        for user in everyone:
            user.start()
        while any(user.is_alive() for user in everyone) and time.monotonic() < begun + seconds + 2 * LONGEST:
            time.sleep(2)
            most = max(most, memory(url))
        took = time.monotonic() - begun
        unanswered = sum(user.is_alive() for user in everyone)
        time.sleep(20)
        after = memory(url)
        alive = httpx.get(f"{url}healthz", timeout=60).json()
    finally:
        process.terminate()
        process.wait(60)
    requests = [each for user in everyone for each in user.requests]
    tasks = {}
    for task in ("captioning", "speech", "handwriting"):
        became = Counter(each[1] for each in requests if each[0] == task)
        times = [each[2] for each in requests if each[:2] == (task, "answered")] or [float("nan")]
        p50, p95 = np.percentile(times, [50, 95])
        tasks[task] = {"p50": round(p50, 2), "p95": round(p95, 2), **{name: became[name] for name in OUTCOMES}}
    return {
        "users": users,
        "seconds": round(took, 1),
        "cores": len(os.sched_getaffinity(0)),
        "load": [round(each, 1) for each in os.getloadavg()],
        "options": options,
        "tasks": tasks,
        "without an end": unanswered,
        "memory": {"before": round(before), "most": round(most), "after": round(after)},
        "health": alive["status"],
        "errors": Counter(each[3][:200] for each in requests if each[1] in ("lost", "refused")).most_common(5),
    }


def table(found: dict[str, Any]) -> str:
    """The figures as a table in Markdown."""
    lines = ["| task | answered | p50 s | p95 s | queue full | rate limit | refused | lost |", "|---|" + "---:|" * 7]
    for task, row in found["tasks"].items():
        numbers = [row[name] for name in ("answered", "p50", "p95", "full", "limited", "refused", "lost")]
        lines.append(f"| {task} | " + " | ".join(map(str, numbers)) + " |")
    held = found["memory"]
    lines.append("")
    lines.append(
        f"{found['users']} users for {found['seconds']:.0f} s on {found['cores']} cores (load average "
        f"{found['load'][0]} at the end); memory {held['before']} MB before, {held['most']} MB at most, "
        f"{held['after']} MB after; {found['without an end']} requests without an end."
    )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--json", help="write the figures there too")
    parser.add_argument("options", nargs="*", help="options of the demo, after --")
    arguments = parser.parse_args()
    found = measured(arguments.users, arguments.seconds, arguments.options)
    print(table(found))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(found, indent=1) + "\n")
    lost = found["without an end"] + sum(row["lost"] for row in found["tasks"].values())
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
