"""Requests that would use the server up: each is bounded, with a message. The table of attacks is docs/threat_model.md.

Everything is loopback, small and finite. Longest freeze and memory are measured by benchmarks/demo/hostile.py.

Run: python -m pytest tests/lstm_apps/server/test_exhaustion.py
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest
from PIL import Image
from starlette.exceptions import HTTPException

from lstm_models import deadlines

gr = pytest.importorskip("gradio")

from lstm_apps.server import fetching, putting_aside, receiving  # noqa: E402 - needs gradio
from lstm_apps.server.connections import FewLines, protocol  # noqa: E402
from lstm_apps.server.deadlines import limited  # noqa: E402
from lstm_apps.server.fair_queue import FairQueue  # noqa: E402
from lstm_apps.server.middleware import Rules  # noqa: E402
from lstm_apps.server.private_folder import PrivateFolder  # noqa: E402
from lstm_apps.server.rate_limits import Addresses  # noqa: E402
from tests.helpers.colour_captioner import ColourCaptioner  # noqa: E402
from tests.helpers.served_demo import Server, serving  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:::gradio")

JSON = {"Content-Type": "application/json"}
JOIN, UPLOAD = "/gradio_api/queue/join", "/gradio_api/upload"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("gradio"), rate=0, max_size=8) as running:
        yield running


def refused(last: dict) -> str:
    assert not last["success"]
    return last["output"]["error"]


# 1, 5: texts and values ----------------------------------------------------------------------------------------------


def test_fields_keep_their_lengths_on_the_server(server: Server) -> None:
    message = refused(server.ask("caption", server.defaults("caption", include="x" * 501)))
    assert message == "Must say has 501 characters; the demo takes 500 there."
    message = refused(server.ask("write", server.defaults("write", text="x" * 10_001)))
    assert message == "A text has 10,001 characters; the demo takes 10,000 there."


@pytest.mark.parametrize(
    ("function", "data"),
    [("caption", "[" + "[]," * 200_000 + "[]]"), ("caption", '["' + "a" * 300_000 + '"]'),
     ("read_strokes", "[[" + "[1,2]," * 60_000 + "[1,2]]]"), ("read_strokes", '["' + "a" * 1_100_000 + '"]'),
     (99_999, '["' + "a" * 300_000 + '"]')],
)  # fmt: skip
def test_bodies_and_values_are_bounded_by_function(server: Server, function: str, data: str) -> None:
    _, answer = server.join(function, data)
    assert answer.status_code == 413
    assert "More " in answer.json()["detail"]


def test_a_full_pad_is_not_too_large(server: Server) -> None:
    drawn = [[[x, y % 900] for x in range(100)] for y in range(200)]
    assert server.ask("read_strokes", server.defaults("read_strokes", strokes=drawn))["success"]


# 2: drawings ---------------------------------------------------------------------------------------------------------


def nested_use() -> str:
    inner = "".join(f'<g id="a{n}">' + f'<use href="#a{n - 1}"/>' * 9 + "</g>" for n in range(1, 40))
    return f'<svg><path id="a0" d="M0 0L1 1"/>{inner}</svg>'


DRAWINGS = {
    "a style sheet": "<svg><style>" + "a{b:c}" * 5_000 + '</style><path d="M0 0L9 9"/></svg>',
    "nested use": nested_use(),
    "2,000 subpaths": '<svg><path d="' + "M0 0h9v1" * 2_000 + '"/></svg>',
    "long lines": "<svg>" + '<path d="M0 0H1e9"/>' * 200 + '<path d="M0 0v1"/></svg>',
    "entities": '<!DOCTYPE svg [<!ENTITY a "b">]><svg/>',
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawings_that_stand_for_more_than_they_are(server: Server, name: str) -> None:
    """Opened on the pad as a page opens a file; each is read, or refused with a sentence."""
    pad = next(n for n, block in server.page.blocks.items() if getattr(block, "elem_id", "") == "reading-pad")
    opens = next(fn for fn in server.page.fns.values() if (pad, "upload") in fn.targets)
    body = {"fn_index": opens._id, "session_hash": f"svg-{name}", "data": [], "trigger_id": pad}
    body["event_data"] = {"name": "a.svg", "text": DRAWINGS[name]}
    assert server.http.post(JOIN, json=body).status_code == 200
    last = next(m for m in server.messages(f"svg-{name}") if m["msg"] == "process_completed")
    assert last["success"]


# 6: places -----------------------------------------------------------------------------------------------------------


def test_a_large_picture_is_put_aside(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One place: while a large picture is decoded it is somebody else's, and afterwards there is one again."""
    gate, inside = threading.Event(), threading.Event()

    def decoded(path: str, *, name: str) -> Image.Image:
        inside.set()
        assert gate.wait(60)
        return Image.new("RGB", (64, 64), "red")

    monkeypatch.setattr(putting_aside, "open_large", decoded)
    monkeypatch.setattr(putting_aside, "is_large", lambda path: os.path.basename(path).startswith("large"))
    with serving(tmp_path, "captioning", concurrency=1, rate=0) as one:
        content = io.BytesIO()
        Image.new("RGB", (64, 64), "blue").save(content, "PNG")
        large, small = (one.upload(f"{name}.png", content.getvalue()) for name in ("large", "small"))
        session, answer = one.join("caption", one.defaults("caption", image=large))
        assert answer.status_code == 200
        assert inside.wait(60)
        # Gradio's queue has no public name
        line = one.page._queue.event_queue_per_concurrency_id["models"]
        assert line.current_concurrency == 0
        assert one.ask("caption", one.defaults("caption", image=small))["success"]
        assert len([each for each in FairQueue(one.page._queue, 8, {}).at_work() if putting_aside.is_aside(each)]) == 1
        gate.set()
        last = next(each for each in one.messages(session) if each["msg"] == "process_completed")
        assert last["success"]
        for _ in range(100):  # the answer is sent a moment before the place is given back
            if line.current_concurrency == 0:
                break
            time.sleep(0.05)
        assert line.current_concurrency == 0


def test_one_address_does_not_take_all_places(tmp_path) -> None:
    gate = threading.Event()
    order: list[str] = []

    class Waiting(ColourCaptioner):
        def stream(self, image, **options):
            order.extend(options["include"])
            assert gate.wait(120)
            yield from super().stream(image, **options)

    options = {"rate": 1000, "queue": 12, "concurrency": 1, "trusted_proxy": "127.0.0.1"}
    with serving(tmp_path, "captioning", models={"captioner": Waiting()}, **options) as one:
        image = one.upload("a.png", picture())

        def join(address: str, session: str) -> httpx.Response:
            data = json.dumps(one.defaults("caption", image=image, include=session))
            body = f'{{"fn_index": {one.function("caption")._id}, "session_hash": "{session}", "data": {data}}}'
            return one.http.post(JOIN, content=body, headers={**JSON, "X-Forwarded-For": address})

        greedy = [join("198.51.100.1", f"greedy{n}") for n in range(8)]
        codes = [answer.status_code for answer in greedy]
        assert codes[:3] == [200] * 3
        assert codes[-1] == 503
        assert (
            greedy[-1].json()["detail"] == "3 requests of your address are waiting, which is its share; try again soon."
        )
        assert join("198.51.100.2", "modest").status_code == 200

        def wait(session: str) -> None:
            next(m for m in one.messages(session) if m["msg"] == "process_completed")

        sessions = [f"greedy{n}" for n, code in enumerate(codes) if code == 200] + ["modest"]
        threads = [threading.Thread(target=wait, args=(session,)) for session in sessions]
        for thread in threads:
            thread.start()
        gate.set()
        for thread in threads:
            thread.join(120)
        assert order.index("modest") <= 2  # after the one at work, and perhaps the one that was next already


def picture() -> bytes:
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(file, "PNG")
    return file.getvalue()


# 7: connections ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def tiny_server(**options):
    """Uvicorn with our protocol before an application of one line; gives its port."""
    import uvicorn

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    http = protocol(Addresses(), **options)
    config = uvicorn.Config(app, http=http, log_level="critical", lifespan="off", ws="none")
    running = uvicorn.Server(config)
    bound = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=running.run, args=([bound],), daemon=True)
    thread.start()
    try:
        yield bound.getsockname()[1]
    finally:
        running.should_exit = True
        thread.join(20)


def test_headers_that_do_not_end_are_not_waited_for() -> None:
    with tiny_server(most=100, header_seconds=0.3) as port:
        for sent in (b"", b"GET / HTTP/1.1\r\nX-A: b\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                client.sendall(sent)
                with contextlib.suppress(ConnectionResetError):
                    assert client.recv(100) == b""  # closed by the server
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            for _ in range(3):  # one connection, whose requests each have their time
                assert client.get("/").text == "ok"


def test_there_are_never_more_connections_than_can_be_served() -> None:
    with tiny_server(most=5, header_seconds=60.0) as port, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60)) for _ in range(8)]
        for client in clients[5:]:
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(100) == b""
        for client in clients[:5]:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert client.recv(15).startswith(b"HTTP/1.1 200 OK")


def test_a_body_that_does_not_end_is_not_waited_for() -> None:
    async def run() -> tuple[int, int]:
        async def never() -> dict:
            await asyncio.sleep(60)
            return {}

        receive = receiving.in_time(never, seconds=0.05)
        with pytest.raises(HTTPException) as late:
            await receiving.whole(receive, 100)

        parts = iter([{"type": "http.request", "body": b"ab", "more_body": True}] * 3)

        async def some() -> dict:
            return next(parts)

        with pytest.raises(HTTPException) as over:
            await receiving.whole(receiving.in_time(some), 5)
        return late.value.status_code, over.value.status_code

    assert asyncio.run(run()) == (408, 413)


def test_the_log_takes_so_many_lines_of_a_kind() -> None:
    few = FewLines(most=3)
    records = [logging.LogRecord("uvicorn.error", 30, "", 0, "Invalid HTTP request %s", (n,), None) for n in range(9)]
    kept = [record.getMessage() for record in records if few.filter(record)]
    assert len(kept) == 3
    assert kept[-1] == "Invalid HTTP request 2 (more such lines of this minute are left out)"
    assert few.filter(logging.LogRecord("uvicorn.error", 30, "", 0, "another kind", (), None))
    for error, shown in ((asyncio.CancelledError(), False), (ValueError(), True)):
        info = (type(error), error, None)
        assert few.filter(logging.LogRecord("uvicorn.error", 40, "", 0, str(shown), (), info)) is shown


# 8: files ------------------------------------------------------------------------------------------------------------


def test_a_form_of_many_files_is_refused(server: Server, tmp_path) -> None:
    files = [("files", (f"{n}.txt", b"x")) for n in range(1000)]
    answer = server.http.post(UPLOAD, files=files)
    assert (answer.status_code, answer.json()["detail"]) == (413, "A form may have 8 files.")
    assert server.http.post(UPLOAD, files=files[:8]).status_code == 200


def test_parts_are_counted_however_they_are_cut() -> None:
    body = b"".join(b"--xyz\r\nContent-Disposition: form-data\r\n\r\n--xy" for _ in range(20)) + b"--xyz--"
    for size in (1, 2, 3, 7, 1000):
        counter = receiving.PartCounter('multipart/form-data; boundary="xyz"')
        for begin in range(0, len(body), size):
            counter.feed(body[begin : begin + size])
        assert counter.parts == 21


# 9, 10, 15: who may, and under what name -----------------------------------------------------------------------------


def test_passwords_cannot_be_guessed_by_the_metrics_and_one_logs_out_by_post(tmp_path) -> None:
    with serving(tmp_path, "handwriting", auth="anna:1", rate=0) as locked:
        assert locked.http.post("/login", data={"username": "anna", "password": "1"}).status_code == 200
        assert locked.http.get("/config").status_code == 200
        assert locked.http.get("/logout").status_code == 405
        assert locked.http.get("/config").status_code == 200
        assert locked.http.post("/logout", headers={"Origin": "https://evil.example"}).status_code == 403
        assert locked.http.post("/logout").status_code in (200, 302)
        assert locked.http.get("/config").status_code == 401
        codes = [locked.http.get("/metrics", auth=("anna", str(n))).status_code for n in range(2, 12)]
        assert codes[0] == 401
        assert codes[-1] == 429


@pytest.mark.parametrize("path", ["file/http://example.org/", "file/https://example.org/", "FILE/HTTP://example.org/"])
def test_no_file_is_fetched_by_the_old_address_either(server: Server, path: str) -> None:
    answer = server.http.get(f"/gradio_api/{path}")
    assert answer.status_code == 404
    if path.islower():
        assert "sandbox" in answer.headers["content-security-policy"]


def test_forwarded_headers_of_the_untrusted_are_not_believed(server: Server, tmp_path) -> None:
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    assert "evil.example" not in server.http.get("/config", headers=forged).text
    with_origin = {**forged, "Origin": "https://evil.example"}
    # Without a body: one that is not read resets the connection, and the answer may be lost
    assert server.http.post(JOIN, headers=with_origin).status_code == 403


@pytest.mark.parametrize(
    ("hosts", "numbers", "host", "right"),
    [
        (("localhost",), False, "localhost:7860", True),
        (("localhost",), False, "evil.example", False),
        (("localhost",), False, "192.0.2.1", False),
        (("localhost",), True, "192.0.2.1:7860", True),
        (("localhost",), True, "[2001:db8::1]:7860", True),
        (("localhost",), True, "192.0.2.1.evil.example", False),
        (("*.example.org",), False, "demo.example.org", True),
        (("*.example.org",), False, "example.org", False),
        (("*.example.org",), False, "evilexample.org", False),
        (("demo.example.org",), False, "DEMO.example.org.", True),
        (("*",), False, "anything", True),
        (("localhost",), True, "", False),
        (("localhost",), True, "[", False),
    ],
)
def test_names_under_which_it_may_be_asked(hosts, numbers, host, right) -> None:
    assert Rules(hosts=hosts, numbers=numbers).host_allowed(host) is right


# 11: addresses of files ----------------------------------------------------------------------------------------------


def test_a_file_is_fetched_within_its_size_and_from_public_addresses(tmp_path, monkeypatch) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(bytes(3000 if self.path == "/small.bin" else 3_000_000))

        def log_message(self, *_: object) -> None:
            pass

    web = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{web.server_port}"
    try:
        with pytest.raises(gr.Error, match="could not be fetched"):  # it is this machine's
            asyncio.run(fetching.fetched(f"{url}/small.bin", 10_000, str(tmp_path)))

        async def loopback(_: str) -> str:
            return "127.0.0.1"

        monkeypatch.setattr(fetching, "_public", loopback)
        monkeypatch.setattr(fetching, "_client", lambda _: httpx.AsyncClient())
        path = asyncio.run(fetching.fetched(f"{url}/small.bin", 10_000, str(tmp_path)))
        assert (os.path.basename(path), os.path.getsize(path)) == ("small.bin", 3000)
        with pytest.raises(gr.Error, match="too large: the demo takes up to 0"):
            asyncio.run(fetching.fetched(f"{url}/large.bin", 10_000, str(tmp_path)))
    finally:
        web.shutdown()
        web.server_close()
    assert len(list(tmp_path.iterdir())) == 1


# 12: what is left behind ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal of POSIX")
def test_what_a_killed_run_has_left_is_removed_by_the_next(tmp_path) -> None:
    code = f"""
import pathlib, sys, time
from lstm_apps.server.private_folder import PrivateFolder
folder = PrivateFolder({str(tmp_path)!r})
(folder.path / "upload.txt").write_text("private")
print(folder.path, flush=True)
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        left = process.stdout.readline().strip()
        living = PrivateFolder(tmp_path)
        assert os.path.exists(f"{left}/upload.txt")  # its run lives
        assert os.stat(left).st_mode & 0o077 == 0
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    finally:
        process.kill()
        process.stdout.close()
    another = PrivateFolder(tmp_path)
    assert not os.path.exists(left)
    assert living.path.exists()
    for each in (living, another):
        each.close()
    assert list(tmp_path.iterdir()) == []


# 16: time ------------------------------------------------------------------------------------------------------------


def test_work_stops_at_its_deadline_and_is_cleaned_up() -> None:
    steps: list[object] = []

    def work(last: int):
        try:
            for n in range(last):
                steps.append(n)
                yield n
        finally:
            steps.append("cleaned up")

    assert list(limited(work, 60)(3)) == [0, 1, 2]
    steps.clear()
    with pytest.raises(gr.Error, match=r"longer than the -1 seconds that this server gives one request"):
        list(limited(work, -1)(1000))
    assert steps[-1] == "cleaned up"
    assert len(steps) < 10


def test_work_that_asks_may_end_by_itself() -> None:
    def work():
        while not deadlines.passed():
            yield "more"
            time.sleep(0.01)
        yield "what there is"

    assert list(limited(work, 0.05)())[-1] == "what there is"
    assert not deadlines.passed()  # outside of work there is no deadline
    assert limited(deadlines.passed, -1)() is True


def test_the_writer_gives_what_it_has_when_its_time_is_over(tmp_path) -> None:
    with serving(tmp_path, "handwriting", rate=0, time_limit=0) as one:
        last = one.ask("write", one.defaults("write", text="Anna."))
    assert last["success"]
