"""The demo's whole page on a server of its own, with models that are made of a few lines, for tests through HTTP."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from lstm_apps.demo import interface as demo
from lstm_models.results import Word
from lstm_models.tasks.handwriting_reader.results import Reading
from tests.helpers.colour_captioner import ColourCaptioner
from tests.lstm_apps.conftest import PolylineWriter
from tests.lstm_apps.tasks.speech.conftest import CountingRecognizer

__all__ = ["Server", "serving"]


class AnnaReader:
    """Reads "Anna." in everything."""

    config = SimpleNamespace(language_model="")

    def read(self, source: Any, **options: Any) -> Reading:
        return Reading("Anna.", (Word("Anna.", 0.9),), (0.9,) * 5)


class PlainPunctuator:
    """Leaves words as they are."""

    def punctuate_words(self, words: Any, /) -> list[str]:
        return [word.text for word in words]


class Server:
    """A running demo and an HTTP client that knows its address."""

    def __init__(self, page: Any, url: str, models: dict[str, Any]) -> None:
        self.page, self.url, self.models = page, url, models
        self.http = httpx.Client(base_url=url, timeout=60)
        self.sessions = 0

    def function(self, name: str) -> Any:
        return next(fn for fn in self.page.fns.values() if fn.api_name == name)

    def defaults(self, name: str, **given: Any) -> list[Any]:
        """What a page would send: the values of the fields, and those that are given by the parameters' names."""
        info = self.http.get("/gradio_api/info").json()["named_endpoints"][f"/{name}"]["parameters"]
        assert set(given) <= {each["parameter_name"] for each in info}
        return [given.get(each["parameter_name"], each.get("parameter_default")) for each in info]

    def upload(self, name: str, content: bytes, kind: str = "application/octet-stream") -> dict[str, Any]:
        answer = self.http.post("/gradio_api/upload", files={"files": (name, content, kind)})
        answer.raise_for_status()
        return {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}, "orig_name": name}

    def join(self, function: Any, data: list[Any] | str, session: str | None = None) -> tuple[str, httpx.Response]:
        """Ask for a function; `data` as text is put into the JSON as it stands."""
        self.sessions += 1
        session = session or f"session{self.sessions}"
        text = data if isinstance(data, str) else json.dumps(data)
        # Gradio numbers its functions nowhere public
        number = function if isinstance(function, int) else self.function(function)._id
        body = f'{{"fn_index": {number}, "session_hash": "{session}", "data": {text}}}'
        headers = {"Content-Type": "application/json"}
        return session, self.http.post("/gradio_api/queue/join", content=body.encode(), headers=headers)

    def messages(self, session: str, **headers: str) -> Iterator[dict[str, Any]]:
        """What the stream of a session says."""
        parameters = {"session_hash": session}
        with self.http.stream("GET", "/gradio_api/queue/data", params=parameters, headers=headers) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    def ask(self, function: Any, data: list[Any] | str) -> dict[str, Any]:
        """The last message: success and output."""
        session, answer = self.join(function, data)
        assert answer.status_code == 200, answer.text
        for message in self.messages(session):
            if message["msg"] == "process_completed":
                return message
        raise AssertionError("the stream ended without an answer")

    def metric(self, start: str) -> float:
        lines = self.http.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(start))


@contextlib.contextmanager
def serving(
    folder: Any, task: str | None = None, models: dict[str, Any] | None = None, **options: Any
) -> Iterator[Server]:
    """Serve the whole page, or a task's tab; `options` are those of `demo.serve`."""
    import lstm_models

    fakes = {"captioner": ColourCaptioner(), "recognizer": CountingRecognizer(), "writer": PolylineWriter()}
    fakes |= {"reader": AnnaReader(), "punctuator": PlainPunctuator(), **(models or {})}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        patch.setattr(lstm_models, "load", lambda name: fakes[name])
        page = demo.assemble(task)
        server = Server(page, demo.serve(page, port=0, **options), fakes)
        try:
            yield server
        finally:
            server.http.close()
            page.close(verbose=False)
