"""What tests of the demo share: a browser, and a writer made of a few polylines instead of the weights."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

import numpy as np
import pytest

from lstm_models.errors import InputError
from lstm_models.ink.drawing import Drawing
from tests.helpers import browser

WAIT = 60_000  # milliseconds for what takes less than one where nothing else runs
WIDTH = "async image => { await image.decode(); return image.naturalWidth; }"  # of a picture, once it is there


class PolylineWriter:
    """Writes every letter as two waves and a full stop as a dot; the seed moves them, "é" becomes "e"."""

    styles = ("round", "steep")

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause
        self.calls: list[tuple[str, str | None, float, int | None]] = []

    def stream(self, text: str, *, style: str | None, legibility: float, seed: int | None) -> Iterator[Drawing]:
        self.calls.append((text, style, legibility, seed))
        if not text.strip():
            raise InputError("there is no text to write", usage=True)
        if "☃" in text:
            raise InputError("“☃” <b>cannot</b> be written", usage=True)
        notes = ("“é” was written as “e”",) if "é" in text else ()
        rng = np.random.default_rng(seed)
        turn = np.linspace(0, 2 * np.pi, 12)
        strokes: list[np.ndarray] = []
        for place, letter in enumerate(text):
            if letter == ".":
                strokes.append(np.array([[14.0 * place, 0.0]]))
            elif letter.strip():
                height = 4 + ord(letter) % 9 + rng.normal(scale=1 - legibility)
                wave = np.column_stack([14 * place + turn * 1.6 + 2 * np.sin(turn), -height * (1 - np.cos(turn)) / 1.5])
                strokes += [wave, wave[:5] + np.array([0, 3])]
            time.sleep(self.pause)
            if place % (1 + len(text) // 50) and place < len(text) - 1:
                continue  # a long text's drawing is not shown letter by letter
            yield Drawing(tuple(strokes), text, style or "", seed, notes)


@pytest.fixture
def writer() -> PolylineWriter:
    return PolylineWriter()


@pytest.fixture(scope="session")
def slow_writer() -> PolylineWriter:
    """Slow enough that a browser sees the drawing grow."""
    return PolylineWriter(pause=0.02)


def expect(locator):
    """Playwright's assertion, which waits for what it claims as long as everything here waits."""
    from playwright.sync_api import expect as expected

    expected.set_options(timeout=WAIT)
    return expected(locator)


@contextlib.contextmanager
def tab_served(task: str, cache, module=None, **options) -> Iterator[str]:
    """The address of a tab by itself, with Gradio's cache in a folder of its own.

    Args:
        task: of the demo, or any name for a `module` that builds a panel.
        cache: the folder.
        module: its name.
        options: of the module's `build`.
    """
    from lstm_apps.cli import registry
    from lstm_apps.demo import interface as demo

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(cache))
        if module is not None:
            patch.setitem(registry.MORE_TABS, task, module)
        page = demo.assemble(task, **options)
        yield demo.serve(page, port=0)
        page.close()


def settled(page) -> None:
    """Wait until Gradio has filled in what has just been unfolded.

    It does so in the frame after it can be seen, over what was typed meanwhile: no person is as quick as a test.
    """
    page.evaluate("async () => { for (let n = 0; n < 3; n++) await new Promise(requestAnimationFrame); }")


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium; skips the test where none is installed."""
    with browser.started() as started:
        yield started


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Lets fixtures know at their end whether the test failed."""
    report = yield
    if call.when == "call":
        item.stash[_FAILED] = report.failed
    return report


# What Gradio's recorder says on a busy machine, where the microphone is let go while its encoder starts
UPSTREAM = ["Another request was made to initiate an encoding."]


@pytest.fixture
def visit(chromium, request):
    """Opens a page in an empty profile; at the end, nothing may have gone wrong in it or have left the machine.

    Where the test fails, the report says what each page shows and what it asked last.
    """
    from playwright.sync_api import TimeoutError

    opened = []

    def open_page(url: str, ready: str = "Ready.", **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        page = context.new_page()
        page.set_default_timeout(WAIT)
        if slower := float(os.environ.get("SLOWER_BROWSER", 0)):  # times; finds what is lost on a busy machine
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
        requests, errors = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        opened.append((page, url, requests, errors))
        page.goto(url)
        try:
            page.get_by_text(ready).first.wait_for()
        except TimeoutError as error:
            text = page.locator("body").inner_text()
            raise AssertionError(f"the page never says “{ready}”; it says {text!r}; {errors = }") from error
        return page

    yield open_page
    if request.node.stash.get(_FAILED, False):
        for page, _, requests, errors in opened:
            print(f"The page says {page.locator('body').inner_text()!r}; {errors = }; last asked: {requests[-8:]}")
    for page, url, requests, errors in opened:
        page.context.close()
        assert requests
        assert [r for r in requests if not r.startswith((url, "data:", "blob:"))] == []
        assert [error for error in errors if error not in UPSTREAM] == []
