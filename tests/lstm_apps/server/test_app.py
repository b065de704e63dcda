"""The demo's server: accounts, limits, health, metrics, its headers, and the clients that people use with it.

Run: python -m pytest tests/lstm_apps/server/test_app.py
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from PIL import Image

gr = pytest.importorskip("gradio")

from lstm_apps.demo import interface as demo  # noqa: E402 - needs gradio
from lstm_apps.server.headers import policy  # noqa: E402
from lstm_models.errors import InputError  # noqa: E402
from tests.helpers.colour_captioner import ColourCaptioner  # noqa: E402
from tests.helpers.served_demo import serving  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:::gradio", "ignore:::schemathesis")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("gradio"), rate=0) as running:
        yield running


NOBODY = {"fn_index": 0, "data": []}  # a request without a session, which is refused with 400


def picture(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(file, "PNG")
    return file.getvalue()


def wait_until(true) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.02)


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"max_size": 0}, "--max-size is 0; a number from 1"),
            ({"concurrency": -1}, "--concurrency is -1; a number from 0"),
            ({"queue": 0}, "--queue is 0"),
            ({"rate": -5}, "--rate is -5"),
            ({"frames": "everyone"}, "--frames is everyone; same, none, any or addresses such as https://"),
            ({"origins": "https://a.org/path"}, "--origins is https://a.org/path; addresses such as"),
            ({"trusted_proxy": "x"}, "--trusted-proxy is x"),
            ({"auth": "anna"}, "--auth is neither user:password nor a file"),
            ({"mcp": True, "auth": "a:b"}, "--mcp and --auth do not go together"),
        ],
    )  # fmt: skip
    def test_senseless_ones_get_a_message(self, options, message, monkeypatch):
        monkeypatch.setattr(demo, "_share_cores", lambda _: None)
        with pytest.raises(InputError, match=message) as error:
            demo.launch("handwriting", port=0, **options)
        assert error.value.exit_code == 2

    def test_mcp_without_its_package_gets_a_message(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "mcp", None)
        with pytest.raises(InputError, match=r"needs the package mcp: pip install 'gradio\[mcp\]'"):
            demo.serve(demo.assemble("handwriting"), port=0, mcp=True)

    def test_frames(self):
        assert "frame-ancestors 'none'" in policy("'none'")["Content-Security-Policy"]
        assert policy("'none'")["X-Frame-Options"] == "DENY"
        assert "X-Frame-Options" not in policy("https://huggingface.co")


class TestHealth:
    def test_alive_and_what_is_loaded(self, tmp_path):
        go, started = threading.Event(), threading.Event()

        def load():
            started.set()
            assert go.wait(60)
            raise InputError("the weights are gone")

        page = demo.assemble("captioning", load=load)
        model, *_ = page.models["captioning"]  # and those that translate
        assert model.state == "not loaded"

        def ask():
            with contextlib.suppress(InputError):
                model()

        thread = threading.Thread(target=ask)
        thread.start()
        assert started.wait(60)
        assert model.state == "loading"
        go.set()
        thread.join()
        assert (model.state, model.seconds) == ("failed", None)

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
    def test_monitors_may_ask_for_the_head_alone(self, server, path):
        got, head = server.http.get(path), server.http.head(path)
        assert (head.status_code, head.headers["content-type"]) == (got.status_code, got.headers["content-type"])
        assert head.content == b""

    def test_healthz(self, server):
        server.ask("caption", server.defaults("caption", image=server.upload("a.png", picture())))
        health = server.http.get("/healthz").json()
        assert health["status"] == "alive"
        assert health["models"]["captioning"] == "loaded"
        assert server.http.get("/readyz").json() == {"status": "ready", "waiting": 0, "most": 32}

    def test_metrics(self, server):
        from prometheus_client.parser import text_string_to_metric_families

        before = server.metric('lstm_models_requests_total{outcome="refused",task="captioning"}')
        server.ask("caption", server.defaults("caption", image=server.upload("a.png", b"no picture")))
        answer = server.http.get("/metrics")
        assert server.metric('lstm_models_requests_total{outcome="refused",task="captioning"}') == before + 1
        names = {family.name for family in text_string_to_metric_families(answer.text)}
        assert {"lstm_models_requests", "lstm_models_request_seconds", "lstm_models_queue", "lstm_models_running",
                "lstm_models_load_seconds"} <= names  # fmt: skip
        if sys.platform == "linux":
            assert server.metric("process_resident_memory_bytes") > 1e7

    def test_openapi(self, server):
        schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis (the extra “test”)")
        described = server.http.get("/openapi.json").json()
        assert set(described["paths"]) == {"/healthz", "/readyz", "/metrics"}
        schema = schemathesis.openapi.from_dict(described)
        for operation in schema.get_all_operations():
            case = operation.ok().Case()
            case.call_and_validate(base_url=server.url.rstrip("/"))

    def test_headers(self, server):
        for path in ("/", "/healthz", "/gradio_api/file=/etc/passwd", "/nowhere"):
            found = server.http.get(path).headers
            assert found["x-content-type-options"] == "nosniff"
            assert found["x-frame-options"] == "SAMEORIGIN"
            assert found["referrer-policy"] == "same-origin"
            assert "object-src 'none'" in found["content-security-policy"] or "sandbox" in str(found)
            assert "server" not in found


class TestOthersPages:
    def test_pages_of_other_addresses_may_not_ask(self, server):
        for origin in ("https://evil.example", "null", server.url.replace("127.0.0.1", "localhost").rstrip("/")):
            answer = server.http.post("/gradio_api/queue/join", json=NOBODY, headers={"Origin": origin})
            assert (answer.status_code, answer.json()["detail"]) == (
                403, "Pages of other addresses may not use this demo.",
            )  # fmt: skip
            assert "access-control-allow-origin" not in server.http.get("/config", headers={"Origin": origin}).headers
        own = server.http.post("/gradio_api/queue/join", json=NOBODY, headers={"Origin": server.url.rstrip("/")})
        assert own.json()["detail"] == "Session hash not found."

    def test_a_name_that_was_made_to_mean_this_machine_is_refused(self, server):
        assert server.http.get("/config", headers={"Host": "evil.example"}).status_code == 421

    def test_those_that_are_named_may(self, tmp_path):
        with serving(tmp_path, "handwriting", origins="https://good.example", frames="https://good.example") as one:
            answer = one.http.post("/gradio_api/queue/join", json=NOBODY, headers={"Origin": "https://good.example"})
            assert answer.status_code == 400
            assert answer.headers["access-control-allow-origin"] == "https://good.example"
            assert "frame-ancestors https://good.example" in answer.headers["content-security-policy"]
            assert "x-frame-options" not in answer.headers


class TestLogin:
    @pytest.fixture(scope="class")
    def locked(self, tmp_path_factory):
        with serving(tmp_path_factory.mktemp("gradio"), "handwriting", auth="anna:zwölf") as running:
            yield running

    def test_without_a_login_only_health_answers(self, locked):
        assert locked.http.get("/healthz").status_code == 200
        for path in ("/config", "/gradio_api/info", "/gradio_api/file=/etc/passwd", "/gradio_api/openapi.json"):
            assert locked.http.get(path).status_code == 401
        assert locked.join("write", ["a"])[1].status_code == 401
        assert locked.http.get("/metrics").status_code == 401
        assert locked.http.get("/metrics", auth=("anna", "wrong")).status_code == 401
        assert locked.http.get("/metrics", headers={"Authorization": "Basic ~"}).status_code == 401
        assert locked.http.get("/metrics", auth=("anna", "zwölf")).status_code == 200

    def test_wrong_ones_get_a_message_and_cannot_be_tried_for_long(self, tmp_path):
        with serving(tmp_path, "handwriting", auth="anna:1", rate=30) as locked:
            answers = []
            for n in range(2, 60):  # twelve a minute, of which a slow machine may take a while for each
                answer = locked.http.post("/login", data={"username": "anna", "password": str(n)})
                answers.append((answer.status_code, answer.json()["detail"]))
                if answer.status_code == 429:
                    break
            assert answers[0] == (400, "The user name or the password is wrong.")
            assert answers[-1][0] == 429
            assert re.fullmatch(r"That was much at once: try again in \d+ seconds?\.", answers[-1][1])

    def test_gradio_client_logs_in(self, locked):
        from gradio_client import Client

        with pytest.raises(ValueError, match="Could not login"):
            Client(locked.url, auth=("anna", "wrong"), verbose=False)
        client = Client(locked.url, auth=("anna", "zwölf"), verbose=False)
        assert "Anna" in str(client.predict(text="Anna.", api_name="/write"))


class TestLimits:
    def test_an_address_is_slowed_down_by_a_sentence_and_another_is_not(self, tmp_path):
        with serving(tmp_path, "handwriting", rate=8, trusted_proxy="127.0.0.1") as one:

            def ask(address):
                headers = {"X-Forwarded-For": address}
                return one.http.post("/gradio_api/queue/join", json=NOBODY, headers=headers)

            answers = [ask("198.51.100.1") for _ in range(6)]
            assert [answer.status_code for answer in answers] == [400] * 4 + [429] * 2
            assert answers[-1].headers["retry-after"].isdigit()
            assert "try again in" in answers[-1].json()["detail"]
            assert ask("198.51.100.2").status_code == 400
            assert ask("198.51.100.9, 198.51.100.1").status_code == 429  # what it puts before does not help
            assert one.http.get("/healthz", headers={"X-Forwarded-For": "198.51.100.1"}).status_code == 200
            assert one.metric('lstm_models_requests_total{outcome="limited"') == 3

    def test_who_comes_to_a_full_queue_gets_a_message(self, tmp_path):
        slow = ColourCaptioner(pause=0.4)
        with serving(tmp_path, "captioning", models={"captioner": slow}, rate=0, queue=2, concurrency=1) as one:
            data = one.defaults("caption", image=one.upload("a.png", picture()))
            first, _ = one.join("caption", data)
            wait_until(lambda: one.metric("lstm_models_running ") == 1)
            others = [one.join("caption", data) for _ in range(4)]
            assert [answer.status_code for _, answer in others] == [200, 200, 503, 503]
            assert (
                others[-1][1].json()["detail"] == "2 others are waiting, which is all that fit; try again in a minute."
            )
            assert one.http.get("/readyz").status_code == 503
            for session in (first, others[0][0], others[1][0]):  # none of those that wait is lost
                *_, last = (m for m in one.messages(session) if m["msg"] == "process_completed")
                assert last["success"]
            assert one.http.get("/readyz").status_code == 200

    def test_a_client_that_goes_makes_room(self, tmp_path):
        slow = ColourCaptioner(pause=0.1)
        with serving(tmp_path, "captioning", models={"captioner": slow}, rate=0, concurrency=1) as one:
            data = one.defaults("caption", image=one.upload("a.png", picture()))
            gone, _ = one.join("caption", data)
            waiting, _ = one.join("caption", data)
            for message in one.messages(gone):
                if message["msg"] == "process_generating":
                    break  # the connection is closed here
            assert next(m for m in one.messages(waiting) if m["msg"] == "process_completed")["success"]
            wait_until(lambda: one.metric('lstm_models_requests_total{outcome="cancelled"') == 1)
            assert one.metric("lstm_models_running ") == 0

    def test_a_file_that_is_too_large_gets_a_message(self, tmp_path):
        with serving(tmp_path, "captioning", max_size=0.25, rate=0) as one:
            one.upload("a.bin", bytes(200_000))
            part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="b.bin"\r\n\r\n'
            for content in (part + bytes(400_000), iter([part, *[bytes(100_000)] * 5])):
                headers = {"Content-Type": "multipart/form-data; boundary=x"}
                answer = one.http.post("/gradio_api/upload", content=content, headers=headers)
                assert (answer.status_code, answer.json()["detail"]) == (
                    413, "The file is too large: the demo takes up to 0.25 MB.",
                )  # fmt: skip
            assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) == 200_000

    def test_no_more_files_are_taken_than_can_be_kept(self, server, tmp_path):
        from dataclasses import replace

        from lstm_apps.server.middleware import RequestLimits, Rules

        kept = tmp_path / "kept"
        kept.write_bytes(bytes(8000))
        paths = [[], [str(kept)], [str(kept)], []]

        async def app(scope, receive, send):
            await receive()
            body = json.dumps(paths.pop(0)).encode()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": body})

        full = []
        rules = replace(Rules(), kept_bytes=60_000)  # of which an address may have a quarter
        limits = RequestLimits(app, rules, server.page, full.append)

        async def upload(address):
            transport = httpx.ASGITransport(limits, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return (await client.post("/gradio_api/upload", content=b"\r\n" * 4000)).status_code

        async def run():
            return [await upload(address) for address in ("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2")]

        # The first sent nothing but line ends, of which nothing was kept; the second a file of three blocks
        assert asyncio.run(run()) == [200, 200, 503, 200]
        assert full == ["full"]

    def test_what_is_asked_as_the_answer_ends_is_answered_on_the_same_stream(self, server):
        data = server.defaults("write", text="Anna.")
        session, _ = server.join("write", data)
        answers = 0
        for message in server.messages(session, **{"Sec-Fetch-Mode": "cors"}):  # as a browser
            if message["msg"] == "process_completed":
                answers += 1
                if answers < 4:
                    time.sleep(0.3)  # Gradio alone has ended the stream by now
                    server.join("write", data, session)
        assert answers == 4

    def test_what_is_asked_while_the_page_learns_of_the_end_waits_for_that(self, server):
        from lstm_apps.server.middleware import RequestLimits, Rules

        happened = []

        async def app(scope, receive, send):
            if scope["path"].endswith("data"):
                body = b'data: {"msg":"close_stream"}\n\n'
            else:
                message = await receive()
                happened.append(message["body"].decode())
                body = b"{}"
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": body})

        async def run():
            limits = RequestLimits(app, Rules(), server.page, happened.append)

            async def request(method, path, query, body):
                async def receive():
                    if body is None:
                        await asyncio.sleep(60)
                    return {"type": "http.request", "body": body}

                async def send(message):
                    if b"close_stream" in message.get("body", b""):
                        ended.set()
                        await asyncio.sleep(0.2)  # on its way
                        happened.append("the page knows")

                scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": []}
                await limits(scope, receive, send)

            ended = asyncio.Event()
            stream = asyncio.create_task(request("GET", "/gradio_api/queue/data", b"session_hash=abc", None))
            await ended.wait()
            for each in ("other", "abc"):
                body = json.dumps({"data": ['"session_hash":"none"'], "session_hash": each}).encode()
                await request("POST", "/gradio_api/queue/join", b"", body)
            await stream

        asyncio.run(run())
        assert [json.loads(each)["session_hash"] if "{" in each else each for each in happened] == [
            "other", "the page knows", "abc",
        ]  # fmt: skip


class TestStreams:
    def test_what_a_page_has_been_given_is_not_changed_by_what_follows(self):
        """Gradio's page makes edits with a path inside of the object itself."""
        from lstm_apps.server.app import DemoPage

        def edited(value, edits):
            for action, path, new in edits:
                assert path == []
                value = {"replace": lambda new=new: new, "append": lambda value=value, new=new: value + new}[action]()
            return value

        page = DemoPage()
        yields = [
            [{"__type__": "update", "interactive": True}, "Wri", ["a"], 1],
            [{"__type__": "update"}, "Writing", ["a", "b"], 1],
            [{"__type__": "update", "interactive": False}, "Done", [], {"x": 1}],
        ]
        function = SimpleNamespace(outputs=[None] * 4)
        shown, waiting = None, []
        for values in yields:
            sent = page.handle_streaming_diffs(function, copy.deepcopy(values), "session", "run", False)
            shown = sent if shown is None else [edited(*pair) for pair in zip(shown, sent, strict=True)]
            waiting.append(shown)
        assert waiting == yields
        assert sent[1] == [["replace", [], "Done"]]
        again = page.handle_streaming_diffs(function, copy.deepcopy(yields[-1]), "session", "run", False)
        assert again == [[], [], [], []]
        assert page.handle_streaming_diffs(function, [None] * 4, "session", "run", True) == yields[-1]


class TestClients:
    def test_gradio_client_finds_functions_with_names_and_types(self, server):
        from gradio_client import Client

        client = Client(server.url, verbose=False)
        found = client.view_api(print_info=False, return_format="dict")["named_endpoints"]
        assert {"/caption", "/transcribe", "/align", "/write", "/read_strokes"} <= set(found)
        for name, endpoint in found.items():
            for parameter in endpoint["parameters"]:
                assert not re.fullmatch(r"param_\d+", parameter["parameter_name"]), name
                assert parameter["python_type"]["type"], name

    def test_gradio_client_is_answered_by_each_task(self, server, tmp_path):
        import soundfile
        from gradio_client import Client, handle_file

        (tmp_path / "a.png").write_bytes(picture("blue"))
        soundfile.write(tmp_path / "a.wav", np.full(32_000, 0.3, np.float32), 16_000)
        client = Client(server.url, verbose=False, download_files=False)
        caption, *_ = client.predict(image=handle_file(tmp_path / "a.png"), api_name="/caption")
        assert caption["text"] == "a blue picture of <b>"
        transcript, *_ = client.predict(recording=handle_file(tmp_path / "a.wav"), api_name="/transcribe")
        assert transcript["text"] == "one two three <b>four"
        assert "Anna" in str(client.predict(text="Anna.", api_name="/write"))

    def test_mcp(self, tmp_path):
        mcp = pytest.importorskip("mcp", reason="needs the package mcp: pip install 'gradio[mcp]'")
        from mcp.client.streamable_http import streamablehttp_client

        async def talk(url):
            address = f"{url}gradio_api/mcp/"
            async with (
                streamablehttp_client(address) as (read, write, _),
                mcp.ClientSession(read, write) as session,
            ):
                await session.initialize()
                tools = {tool.name: tool for tool in (await session.list_tools()).tools}
                name = next(name for name in tools if name.endswith("read_strokes"))
                read = await session.call_tool(name, {"strokes": [[[0, 0], [5, 9]], [[9, 2]]]})
                name = next(name for name in tools if name.endswith("write"))
                return tools, read, await session.call_tool(name, {"text": "Dear reader,"})

        with serving(tmp_path, "handwriting", rate=0, mcp=True) as one:
            tools, result, written = asyncio.run(talk(one.url))
        assert any("text" in tool.inputSchema["properties"] for tool in tools.values())
        assert not result.isError
        assert "Anna" in str(result.content)
        assert not written.isError
        assert "Dear reader," in str(written.content)

    def test_it_stops_at_sigterm_and_empties_its_cache(self, tmp_path):
        program = "import sys; from lstm_apps.cli import main; sys.exit(main())"
        process = subprocess.Popen(
            [sys.executable, "-c", program, "demo", "captioning", "--port", "0"], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, "GRADIO_TEMP_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
        )  # fmt: skip
        try:
            url = re.search(r"http://\S+", process.stdout.readline())[0]
            httpx.post(f"{url}gradio_api/upload", files={"files": ("a.png", picture())}).raise_for_status()
            assert any(file.is_file() for file in tmp_path.rglob("*"))
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
        assert (process.returncode, errors) == (0, "")
        assert not any(file.is_file() for file in tmp_path.rglob("*"))


def test_json_of_the_guard_is_text(server):
    """Sentences go out as they are."""
    answer = server.http.get("/gradio_api/proxy=http://169.254.169.254/")
    assert json.loads(answer.content) == {"detail": "The demo has nothing there."}
