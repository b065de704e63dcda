"""Attacks on the real demo: how long it did not answer ``/healthz`` at most, its memory, what the client got.

Starts ``lstm-models demo`` on this machine, loads the models, sends one attack after the other, small and finite, from
loopback addresses alone, and prints a table. The first row is the server at rest: what other programs on the machine
do is in every row. The attacks are those of docs/threat_model.md that one request or one address can make.

    python -m benchmarks.demo.hostile --json hostile.json
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
from gradio_client import Client
from PIL import Image

from benchmarks.demo.load import ask, start

JOIN, UPLOAD = "gradio_api/queue/join", "gradio_api/upload"
PERIOD = 0.05  # seconds between two questions after health


class Watch(threading.Thread):
    """Asks after the server's health all the time; the longest answer, and the most memory."""

    def __init__(self, url: str, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.url, self.process = url, process
        self.longest, self.most = 0.0, 0.0
        self.stopped = threading.Event()

    def run(self) -> None:
        with httpx.Client(timeout=300) as client:
            while not self.stopped.wait(PERIOD):
                began = time.monotonic()
                client.get(f"{self.url}healthz")
                self.longest = max(self.longest, time.monotonic() - began)
                self.most = max(self.most, resident(self.process) / 2**20)


def resident(process: psutil.Process) -> int:
    """Bytes that a process and those it started hold."""
    held = 0
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # it has ended since
            held += each.memory_info().rss
    return held


class Attacker:
    """A client of one address that speaks Gradio's protocol by hand."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=300, headers={"X-Forwarded-For": "203.0.113.9"})
        self.config = self.http.get("config").json()
        self.sessions = 0

    def number(self, name: str) -> int:
        return int(next(each["id"] for each in self.config["dependencies"] if each["api_name"] == name))

    def ask(self, number: int, data: Any, **more: Any) -> str:
        """What the function answers, in a few words."""
        self.sessions += 1
        session = f"hostile{self.sessions}"
        text = data if isinstance(data, str) else json.dumps(data)
        extra = "".join(f', "{key}": {json.dumps(value)}' for key, value in more.items())
        body = f'{{"fn_index": {number}, "session_hash": "{session}", "data": {text}{extra}}}'
        answer = self.http.post(JOIN, content=body.encode(), headers={"Content-Type": "application/json"})
        if answer.status_code != 200:
            return f"{answer.status_code} {answer.json()['detail']}"
        with self.http.stream("GET", "gradio_api/queue/data", params={"session_hash": session}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:") and '"process_completed"' in line:
                    last = json.loads(line[5:])
                    return "answered" if last["success"] else str(last["output"]["error"])
        return "no answer"

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        answer = self.http.post(UPLOAD, files={"files": (name, content)})
        answer.raise_for_status()
        return {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}, "orig_name": name}

    def defaults(self, name: str, **given: Any) -> list[Any]:
        info = self.http.get("gradio_api/info").json()["named_endpoints"][f"/{name}"]["parameters"]
        return [given.get(each["parameter_name"], each.get("parameter_default")) for each in info]

    def component(self, elem_id: str) -> int:
        return int(next(each["id"] for each in self.config["components"] if each["props"].get("elem_id") == elem_id))


def rest(_: Attacker) -> str:
    time.sleep(10)
    return ""


def svg(attacker: Attacker, text: str) -> str:
    """Open a drawing on the pad that reads."""
    pad = attacker.component("reading-pad")
    opens = next(each["id"] for each in attacker.config["dependencies"] if [pad, "upload"] in each["targets"])
    return attacker.ask(opens, [], event_data={"name": "a.svg", "text": text}, trigger_id=pad)


def photo(attacker: Attacker, kind: str, content: bytes) -> str:
    sent = attacker.upload(f"a.{kind.lower()}", content)
    return attacker.ask(attacker.number("caption"), attacker.defaults("caption", image=sent))


def encoded(mode: str, size: tuple[int, int], kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **options)
    return file.getvalue()


def colour(attacker: Attacker) -> str:
    """The function that writes on the page: its colour is a field like others."""
    go = attacker.component("writing-go")
    draw = next(each for each in attacker.config["dependencies"] if [go, "click"] in each["targets"])
    color = attacker.component("writing-color")
    values = {each["id"]: each["props"].get("value") for each in attacker.config["components"]}
    data = ["1" * 100_000 if number == color else values.get(number) for number in draw["inputs"]]
    return attacker.ask(draw["id"], data)


def crowd(attacker: Attacker) -> str:
    """One address asks forty times at once."""
    text = attacker.defaults("write", text="The quick brown fox jumps over the lazy dog. " * 4)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(attacker.ask(attacker.number("write"), text)))
               for _ in range(40)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return f"{found.count('answered')} of 40 answered; " + max(found, key=len)


def slow_headers(attacker: Attacker) -> str:
    """Connections whose headers do not end."""
    parts = urlsplit(attacker.url)
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(180):
            client = stack.enter_context(socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30))
            client.sendall(b"GET / HTTP/1.1\r\nX: y\r\n")
            clients.append(client)
        closed = 0
        for client in clients:
            with contextlib.suppress(OSError):
                closed += client.recv(1) == b""
    return f"{closed} of 180 closed by the server"


def many_files(attacker: Attacker) -> str:
    answer = attacker.http.post(UPLOAD, files=[("files", (f"{n}.txt", b"x")) for n in range(1000)])
    return f"{answer.status_code} {answer.json()['detail']}"


def nested_use() -> str:
    groups = "".join(f'<g id="a{n}">' + f'<use href="#a{n - 1}"/>' * 9 + "</g>" for n in range(1, 40))
    return f'<svg><path id="a0" d="M0 0L1 1"/>{groups}</svg>'


WRITING = [[[x, y * 40 + (x * 7919 % 23)] for x in range(0, 1000, 2)] for y in range(39)]
CONTENTS: dict[str, bytes] = {}  # made before anything is measured: it holds up this process
ATTACKS: dict[str, Callable[[Attacker], str]] = {
    "at rest": rest,
    "a colour of 100,000 digits": colour,
    "SVG: a style sheet": lambda a: svg(a, f'<svg><style>{"a{b:c}" * 5_000}</style><path d="M0 0L9 9"/></svg>'),
    "SVG: nested use": lambda a: svg(a, nested_use()),
    "SVG: 2,000 subpaths": lambda a: svg(a, '<svg><path d="' + "M0 0h9v1" * 2_000 + '"/></svg>'),
    "SVG: 200 long lines": lambda a: svg(a, "<svg>" + '<path d="M0 0H1e9"/>' * 200 + '<path d="M0 0v1"/></svg>'),
    "SVG: 60,000 segments": lambda a: svg(a, '<svg><path d="M0 0' + "h9v1" * 60_000 + '"/></svg>'),
    "a full pad, 19,500 points": lambda a: a.ask(a.number("read_strokes"), a.defaults("read_strokes", strokes=WRITING)),
    "TIFF of 121 million integers": lambda a: photo(a, "TIFF", CONTENTS["integers"]),
    "TIFF of 64 million floats": lambda a: photo(a, "TIFF", CONTENTS["floats"]),
    "PNG of 121 million pixels": lambda a: photo(a, "PNG", CONTENTS["pixels"]),
    "JSON of 200,000 lists": lambda a: a.ask(a.number("caption"), "[" + "[]," * 200_000 + "[]]"),
    "JSON of 5,000 levels": lambda a: a.ask(a.number("caption"), "[" * 5_000 + "]" * 5_000),
    "forty requests of one address": crowd,
    "headers that do not end": slow_headers,
    "a form of 1,000 files": many_files,
}  # fmt: skip


def make_contents() -> None:
    """The pictures that attacks send."""
    CONTENTS["integers"] = encoded("I", (11_000, 11_000), "TIFF", compression="tiff_deflate")
    CONTENTS["floats"] = encoded("F", (8_000, 8_000), "TIFF", compression="tiff_deflate")
    CONTENTS["pixels"] = encoded("RGB", (11_000, 11_000), "PNG")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", help="attacks whose names match this pattern")
    options = parser.parse_args()
    make_contents()
    process, url = start(["--rate", "6000"])
    rows = []
    try:
        first = Client(url, verbose=False, download_files=False, analytics_enabled=False)
        for task in ("captioning", "speech", "handwriting"):  # the models are loaded, and warm
            ask(first, task, random.Random(0))
        attacker = Attacker(url)
        small = [[[0, 0], [5, 9], [9, 0]], [[2, 5], [7, 5]]]
        attacker.ask(attacker.number("read_strokes"), attacker.defaults("read_strokes", strokes=small))
        time.sleep(10)  # the server gives memory back when it has been idle for a while
        print(f"{'attack':34} {'longest /healthz':>16} {'memory':>9}   what the client got", flush=True)
        for name, attack in ATTACKS.items():
            if options.only and not re.search(options.only, name):
                continue
            watch = Watch(url, psutil.Process(process.pid))
            watch.start()
            time.sleep(0.2)
            began = time.monotonic()
            try:
                got = attack(attacker)
            except httpx.HTTPError as error:
                got = f"{type(error).__name__}: {error}"
            seconds = time.monotonic() - began
            watch.stopped.set()
            watch.join()
            row = {"attack": name, "longest": watch.longest, "megabytes": watch.most, "seconds": seconds, "got": got}
            rows.append(row)
            print(f"{name:34} {watch.longest:>14.2f} s {watch.most:>6.0f} MB   {got[:110]}", flush=True)
    finally:
        if options.json:
            options.json.write_text(json.dumps(rows, indent=1))
        process.terminate()
        process.wait(60)


if __name__ == "__main__":
    main()
