"""Hostile input through HTTP: the demo answers after each, its memory has not run away, no message shows a path.

Run: python -m pytest tests/lstm_apps/server/test_hostile_input.py
"""

from __future__ import annotations

import io
import json
import os
import pathlib
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

gr = pytest.importorskip("gradio")

from tests.helpers.served_demo import Server, serving  # noqa: E402 - needs gradio

pytestmark = pytest.mark.filterwarnings("ignore:::gradio")

MOST_GROWTH = 700  # MB of memory after a request; the bombs below would take from 3 GB to 140 GB
LEAKS = re.compile(rf"Traceback|File \"|{re.escape(os.path.expanduser('~'))}/|site-packages|{re.escape(os.getcwd())}")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("gradio"), rate=0, max_size=8) as running:
        yield running


@pytest.fixture(autouse=True)
def survives(server):
    """After each the server lives, nothing of it is at work any more, and its memory is what it was."""
    before = memory()
    yield
    assert server.http.get("/healthz").json()["status"] == "alive"
    assert server.metric("lstm_models_running ") == 0
    assert memory() - before < MOST_GROWTH


def memory() -> float:
    psutil = pytest.importorskip("psutil", reason="needs psutil (the extra “test”)")
    return psutil.Process().memory_info().rss / 2**20


# --- pictures ----------------------------------------------------------------------------------------------------


def png(width: int, height: int, rows: bytes | None = None, depth: int = 8, colour: int = 0) -> bytes:
    """A PNG with that header; rows of zeros, compressed well, if none are given."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    if rows is None:
        packer = zlib.compressobj(1)
        row = bytes(1 + width * depth // 8)
        rows = b"".join(packer.compress(row) for _ in range(min(height, 3000))) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def red(mode: str = "RGB", size=(60, 40)) -> Image.Image:
    return Image.new("RGB", size, "red").convert(mode)


def odd_exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 4711  # a way to turn it that there is not
    exif[0x010E] = "<script>alert(1)</script>" * 500
    return saved(red(), "JPEG", exif=exif)


def frames(count: int) -> bytes:
    return saved(
        red(), "GIF", save_all=True, append_images=[Image.new("RGB", (60, 40), (0, n, 0)) for n in range(count)]
    )


GOOD = "a red picture of <b>"
PICTURES = {
    # name: (file name, content, what the caption is or a part of the sentence)
    "a bomb of 50000 × 50000": ("bomb.png", lambda: png(50_000, 50_000), "pixels"),
    "a bomb that says it is small": ("liar.png", lambda: png(10, 10, zlib.compress(bytes(20_000_000))), None),
    "1 × 60000 pixels": ("line.png", lambda: png(1, 60_000, zlib.compress(bytes(2 * 60_000))), "a red"),
    "60000 × 1 pixels": ("line.png", lambda: png(60_000, 1, zlib.compress(bytes(60_001))), "a red"),
    "no pixels": ("none.png", lambda: png(0, 0, b""), "none.png"),
    "cut off": ("cut.jpg", lambda: saved(red(size=(400, 300)), "JPEG")[:700], "cut.jpg"),
    "empty": ("empty.jpg", lambda: b"", "empty"),
    "wrong magic": ("magic.png", lambda: b"\x00\x01" + saved(red(), "PNG")[2:], "magic.png"),
    "another format than its name says": ("photo.jpg", lambda: saved(red(), "WEBP", lossless=True), GOOD),
    "a PNG that is a web page too": ("both.png", lambda: saved(red(), "PNG") + b"<script>alert(1)</script>", GOOD),
    "a GIF that is a script too": ("both.gif", lambda: saved(red(), "GIF") + b"/*<?php system($_GET[0]); ?>*/", GOOD),
    "SVG": ("x.svg", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "SVG drawing"),
    "SVG with an entity": ("x.png", lambda: b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a SYSTEM "
                           b"'file:///etc/passwd'>]><svg>&a;</svg>", "SVG drawing"),
    "HTML": ("x.png", lambda: b"<!doctype html><img src=x onerror=alert(1)>", "web page"),
    "a name with markup": ("<img src=x onerror=alert(1)>.png", lambda: b"text", "text file"),
    "a name with a path": ("../../../../etc/cron.d/x.png", lambda: saved(red(), "PNG"), GOOD),
    "a long name": ("x" * 4000 + ".png", lambda: saved(red(), "PNG"), GOOD),
    "odd EXIF": ("exif.jpg", odd_exif, GOOD),
    "damaged EXIF": ("exif.jpg", lambda: saved(red(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"), GOOD),
    "an animation of 300 frames": ("film.gif", lambda: frames(300), GOOD),
    "CMYK": ("cmyk.jpg", lambda: saved(red("CMYK"), "JPEG"), GOOD),
    "16 bits": ("deep.png", lambda: png(8, 8, zlib.compress(bytes(8 * 17)), depth=16), "a red"),
    "one bit": ("bits.png", lambda: saved(red("1"), "PNG"), "a "),
    "PostScript": ("run.eps", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(x) (w) file", "PostScript"),
    "a video": ("film.mp4", lambda: b"\0\0\0\x18ftypmp42" + bytes(100), "video"),
    "an archive": ("x.zip", lambda: b"PK\x03\x04" + bytes(100), "archive"),
    "a sound": ("x.wav", lambda: b"RIFF\0\0\0\0WAVEfmt ", "sound"),
    "random bytes": ("x.jpg", lambda: np.random.default_rng(1).bytes(50_000), "not a picture"),
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(server: Server, name: str):
    file, content, expected = PICTURES[name]
    sent = server.upload(file, content())
    last = server.ask("caption", server.defaults("caption", image=sent))
    judge(last, expected, lambda output: output["data"][0]["text"])
    assert str(sent["path"]).startswith(str(os.environ["GRADIO_TEMP_DIR"]))


def judge(last: dict, expected: str | None, message_of) -> None:
    """The answer is `expected`, or a sentence that has it in it; None takes either."""
    assert not LEAKS.search(json.dumps(last["output"].get("error") or ""))
    if last["success"]:
        assert expected is None or message_of(last["output"]).startswith(expected)
        assert "<img src=x" not in json.dumps(last["output"].get("data"))
    else:
        sentence = last["output"]["error"]
        assert expected is None or expected in sentence, sentence
        assert sentence.endswith(".") or len(sentence) > 20
        assert not re.search("<[a-z]", sentence)


# --- recordings --------------------------------------------------------------------------------------------------


def sound(samples: np.ndarray, kind: str = "WAV", rate: int = 16_000, **options) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, **options)
    return file.getvalue()


def loud(seconds: float) -> np.ndarray:
    return np.full(round(seconds * 16_000), 0.3, np.float32)


def with_rate(rate: int) -> bytes:
    content = bytearray(sound(loud(1)))
    content[24:28] = struct.pack("<I", rate)
    return bytes(content)


def not_numbers() -> bytes:
    samples = loud(1)
    samples[100:200], samples[300] = np.nan, np.inf
    return sound(samples, subtype="FLOAT")


RECORDINGS = {
    "hours of silence in FLAC": ("bomb.flac", lambda: sound(np.zeros(3600 * 8000, "int16"), "FLAC", 8000),
                                 "longer than 10 minutes"),
    "NaN and infinity": ("nan.wav", not_numbers, None),
    "no samples": ("none.wav", lambda: sound(np.zeros(0, np.float32)), None),
    "one sample": ("one.wav", lambda: sound(np.ones(1, np.float32)), None),
    "an empty file": ("empty.wav", lambda: b"", "empty"),
    "text": ("song.wav", lambda: b"la la la\n" * 50, "song.wav"),
    "a web page": ("song.mp3", lambda: b"<!doctype html><script>alert(1)</script>", "song.mp3"),
    "a picture": ("song.ogg", lambda: saved(red(), "PNG"), "song.ogg"),
    "a rate of 0": ("rate.wav", lambda: with_rate(0), "rate.wav"),
    "a rate of 4 GHz": ("rate.wav", lambda: with_rate(2**32 - 1), "rate.wav"),
    "a rate of 1 Hz": ("rate.wav", lambda: with_rate(1), None),
    "a header that promises 4 GB": ("long.wav", lambda: sound(loud(1))[:40] + b"\xff\xff\xff\x7f" + bytes(400), None),
    "cut off": ("cut.flac", lambda: sound(loud(5), "FLAC")[:300], None),
    "32 channels": ("many.wav", lambda: sound(np.zeros((1600, 32), np.float32)), None),
    "a sound": ("good.wav", lambda: sound(loud(2)), "one two three <b>four"),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDINGS)
def test_recordings(server: Server, name: str):
    file, content, expected = RECORDINGS[name]
    sent = server.upload(file, content())
    last = server.ask("transcribe", server.defaults("transcribe", recording=sent))
    judge(last, expected, lambda output: output["data"][0]["text"])


# --- texts and numbers -------------------------------------------------------------------------------------------

DEEP = "[" * 5000 + "]" * 5000
VALUES = {
    # name: (function, what is given in place of a field)
    "a script as text": ("write", {"text": "<script>alert(1)</script>"}),
    "control characters": ("write", {"text": "a\x00\x01\x1b[31m\x7fb"}),
    "right to left": ("write", {"text": "\u202egnihtyna\u202c مرحبا"}),
    "marks without end": ("write", {"text": "Z" + "\u0301" * 3000}),
    "half of a character": ("write", {"text": "\ud800"}),
    "a huge text": ("write", {"text": "all work and no play " * 20_000}),
    "a text that is a number": ("write", {"text": 12}),
    "a text that is a list": ("write", {"text": [["a"]]}),
    "no text": ("write", {"text": None}),
    "legibility beyond": ("write", {"legibility": 1e308}),
    "legibility in words": ("write", {"legibility": "very"}),
    "a negative seed": ("write", {"seed": -1}),
    "an enormous seed": ("write", {"seed": 10**400}),
    "a seed that is a dictionary": ("write", {"seed": {"$gt": 0}}),
    "a style that is not there": ("write", {"style": "../../etc/passwd"}),
    "a beam beyond": ("caption", {"beam": 10**9}),
    "a photo that is a text": ("caption", {"image": "/etc/passwd"}),
    "a photo elsewhere on the machine": ("caption", {"image": {"path": "/etc/passwd",
                                                                      "meta": {"_type": "gradio.FileData"}}}),
    "a photo on another machine": ("caption", {"image": {"path": "http://169.254.169.254/latest/meta-data",
                                                         "meta": {"_type": "gradio.FileData"}}}),
    "a photo by its address": ("caption", {"image": {"path": "HTTPS://example.org/a.png",
                                                     "meta": {"_type": "gradio.FileData"}}}),
    "hot words without end": ("transcribe", {"hotwords": "word, " * 500, "recording": "sound"}),
    "strokes of nothing": ("read_strokes", {"strokes": [[[None, "x"]]]}),
    "strokes that are a text": ("read_strokes", {"strokes": "[[["}),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values(server: Server, name: str):
    function, given = VALUES[name]
    if given.get("recording"):
        given = {**given, "recording": server.upload("a.wav", sound(loud(1)))}
    session, answer = server.join(function, server.defaults(function, **given))
    if answer.status_code != 200:
        assert answer.status_code in (400, 413, 422)
        return
    last = next(message for message in server.messages(session) if message["msg"] == "process_completed")
    judge(last, None, None)
    pages = [
        value for value in last["output"].get("data") or () if not isinstance(value, dict)
    ]  # JSON may hold any text
    assert "<script>" not in re.sub(r"aria-label=\S+", "", json.dumps(pages))


@pytest.mark.parametrize("function", ["caption", "transcribe"])
def test_no_file_of_this_machine_is_opened(server: Server, function: str, tmp_path: pathlib.Path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(9, 9))
    for path in (str(secret), __file__, f"{tmp_path}/../{tmp_path.name}/secret.png"):
        given = {"path": path, "meta": {"_type": "gradio.FileData"}}
        name = "image" if function == "caption" else "recording"
        session, answer = server.join(function, server.defaults(function, **{name: given}))
        assert answer.status_code == 200
        sent = json.dumps(list(server.messages(session)))
        assert "process_completed" in sent
        assert "secret" not in sent
        assert pathlib.Path(__file__).name not in sent


# --- requests ----------------------------------------------------------------------------------------------------

JSON = {"Content-Type": "application/json"}
JOIN, UPLOAD = "/gradio_api/queue/join", "/gradio_api/upload"
FORM_KIND = "multipart/form-data"
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
REQUESTS = {
    # name: (method, path, options, the codes that are right)
    "a function that is not there": ("POST", JOIN, {"json": {"fn_index": 999, "data": [], "session_hash": "h"}}, {400}),
    "a negative function": ("POST", JOIN, {"json": {"fn_index": -1, "data": [], "session_hash": "h"}}, {400}),
    "a function in words": ("POST", JOIN, {"json": {"fn_index": "write", "data": [], "session_hash": "h"}}, {422}),
    "no session": ("POST", JOIN, {"json": {"fn_index": 1, "data": []}}, {400}),
    "no body": ("POST", JOIN, {}, {422}),
    "half a body": ("POST", JOIN, {"content": b'{"fn_index": 1', "headers": JSON}, {422}),
    "deep JSON": ("POST", JOIN, {"content": DEEP.encode(), "headers": JSON}, {400, 422}),
    "deep data": ("POST", JOIN, {"content": f'{{"data": {DEEP}}}'.encode(), "headers": JSON}, {400, 422}),
    "a huge body": ("POST", JOIN, {"content": b'{"data": ["' + b"a" * 9_000_000 + b'"]}', "headers": JSON}, {413}),
    "a body without an end": ("POST", JOIN, {"content": iter([b"[" * 2**20] * 9), "headers": JSON}, {413}),
    "no text in UTF-8": ("POST", JOIN, {"content": b'{"data": ["\xff"]}', "headers": JSON}, {400, 422}),
    "NaN in JSON": ("POST", JOIN, {"content": b'{"data": [NaN], "fn_index": NaN}', "headers": JSON}, {400, 422}),
    "a form in place of JSON": ("POST", JOIN, {"data": {"fn_index": "1"}}, {422}),
    "another content type": ("POST", JOIN, {"content": b"<x/>", "headers": {"Content-Type": "text/xml"}}, {422}),
    "an upload that is none": ("POST", UPLOAD, {"content": b"x", "headers": JSON}, {400}),
    "an upload without a boundary": ("POST", UPLOAD, {"content": b"x", "headers": {"Content-Type": FORM_KIND}}, {400}),
    "an upload that is too large": ("POST", UPLOAD, {"content": bytes(9 * 2**20), "headers": FORM}, {413}),
    "an upload of nothing": ("POST", UPLOAD, {"content": b"--x--\r\n", "headers": FORM}, {200, 400}),
    "past the queue": ("POST", "/gradio_api/run/write", {"json": {"data": ["a"]}}, {404}),
    "past the queue by the old name": ("POST", "/gradio_api/api/write", {"json": {"data": ["a"]}}, {404}),
    "a call of what is not there": ("POST", "/gradio_api/call/nothing", {"json": {"data": []}}, {400, 404}),
    "a component's function": ("POST", "/gradio_api/component_server",
                               {"json": {"data": 1, "component_id": 1, "session_hash": "h", "fn_name": "__class__"}},
                               {400, 404}),
    "cancelling for others": ("POST", "/gradio_api/cancel",
                              {"json": {"session_hash": "h", "fn_index": 1, "event_id": "guess"}}, {200}),
    "a stream of nobody": ("GET", "/gradio_api/queue/data?session_hash=nobody", {}, {200, 404}),
    "a file elsewhere": ("GET", "/gradio_api/file=/etc/passwd", {}, {403}),
    "a file by dots": ("GET", "/gradio_api/file=../../../../../../etc/passwd", {}, {403, 404}),
    "a file by dots in code": ("GET", "/gradio_api/file=%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd", {}, {403}),
    "a file by dots in code twice": ("GET", "/gradio_api/file=%252e%252e%252fetc%252fpasswd", {}, {403}),
    "a file with a zero byte": ("GET", "/gradio_api/file=/etc/passwd%00.png", {}, {403}),
    "a file of the program": ("GET", f"/gradio_api/file={os.path.abspath(__file__)}", {}, {403}),
    "a file of the process": ("GET", "/gradio_api/file=/proc/self/environ", {}, {403}),
    "a file by its scheme": ("GET", "/gradio_api/file=file:///etc/passwd", {}, {403}),
    "an address as a file": ("GET", "/gradio_api/file=http://169.254.169.254/", {}, {404}),
    "an address as a file in capitals": ("GET", "/gradio_api/file=HTTP://localhost/", {}, {403, 404}),
    "a proxy": ("GET", "/gradio_api/proxy=https://example.hf.space/", {}, {404}),
    "static by dots": ("GET", "/static/..%2f..%2f..%2froutes.py", {}, {403, 404}),
    "assets by dots": ("GET", "/assets/..%2f..%2f..%2froutes.py", {}, {403, 404}),
    "a screen recording": ("POST", "/gradio_api/process_recording", {"files": {"video": b"x"}}, {404}),
    "code by the page's maker": ("POST", "/gradio_api/vibe-edit/", {"json": {}}, {404}),
    "visitors' figures": ("GET", "/monitoring/summary", {}, {404}),
    "a method that is not there": ("DELETE", "/healthz", {}, {404, 405}),
    "a page that is not there": ("GET", "/wp-admin/install.php", {}, {404}),
    "a header that is long": ("GET", "/healthz", {"headers": {"X-Long": "x" * 60_000}}, {200, 400, 431}),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_requests(server: Server, name: str):
    method, path, options, codes = REQUESTS[name]
    answer = server.http.request(method, path, **options)
    assert answer.status_code in codes, answer.text[:300]
    assert "root:" not in answer.text
    if path.removeprefix("/gradio_api/file=") != os.path.abspath(__file__):  # it tells what it was asked
        assert not LEAKS.search(answer.text), answer.text[:300]


def test_the_table_is_as_long_as_was_promised():
    assert len(PICTURES) + len(RECORDINGS) + len(VALUES) + len(REQUESTS) >= 100


def test_a_link_out_of_the_folder_of_files_is_not_followed(server: Server, tmp_path):
    path = server.upload("a.txt", b"mine")["path"]
    link = os.path.join(os.path.dirname(path), "link.txt")
    os.symlink("/etc/passwd", link)
    assert server.http.get(f"/gradio_api/file={path}").text == "mine"
    assert server.http.get(f"/gradio_api/file={link}").status_code == 403


@pytest.mark.parametrize("name", ["x.svg", "x.html", "x.xml", "x.js"])
def test_what_visitors_send_does_not_run_in_the_page(server: Server, name: str):
    path = server.upload(name, b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")["path"]
    answer = server.http.get(f"/gradio_api/file={path}")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_markup_in_what_a_model_says_stays_text(server: Server):
    """The captioner says <b>, the recogniser <b>four."""
    shown = server.ask("caption", server.defaults("caption", image=server.upload("a.png", saved(red(), "PNG"))))
    heard = server.ask("transcribe", server.defaults("transcribe", recording=server.upload("a.wav", sound(loud(2)))))
    for last in (shown, heard):
        html = [part for part in last["output"]["data"] if isinstance(part, str) and part.startswith("<")]
        assert html
        assert not any("<b>" in part for part in html)
        assert any("&lt;b&gt;" in part for part in html)
