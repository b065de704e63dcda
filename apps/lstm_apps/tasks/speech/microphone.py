"""The microphone of the command line: its words as they are spoken."""

from __future__ import annotations

import queue
import sys
from typing import Any

from lstm_apps.cli.batch_files import note
from lstm_models.errors import InputError

__all__ = ["input_device", "listen"]

_BLOCK = 0.05  # seconds


def input_device() -> Any:
    """sounddevice, once there is a microphone.

    Raises:
        InputError: the package, the library it needs, or a microphone is missing.
    """
    try:
        import sounddevice
    except ModuleNotFoundError:
        raise InputError(
            "the microphone needs the package sounddevice: pip install sounddevice; without it, record a file and "
            "transcribe that"
        ) from None
    except OSError as error:
        raise InputError(
            f"the microphone needs the library PortAudio (Debian: apt-get install libportaudio2): {error}"
        ) from None
    try:
        sounddevice.query_devices(kind="input")
    except (sounddevice.PortAudioError, ValueError):
        raise InputError("there is no microphone on this machine; record a file and transcribe that") from None
    return sounddevice


def listen(recognizer: Any, sounddevice: Any, format_: str, word_times: bool, options: dict[str, Any]) -> None:
    """Words as they become final, until Ctrl-C; formats other than txt come whole at the end.

    Raises:
        InputError: the microphone cannot be used.
    """
    rate = int(sounddevice.query_devices(kind="input")["default_samplerate"])
    live = recognizer.stream(rate=rate, **options)
    blocks: queue.Queue[Any] = queue.Queue()
    screen = sys.stdout if format_ == "txt" else sys.stderr

    def take(samples: Any, frames: int, time: Any, status: Any) -> None:
        blocks.put(samples.copy())

    note("listening; Ctrl-C ends.")
    shown = 0
    try:
        with sounddevice.InputStream(
            samplerate=rate, channels=1, dtype="float32", blocksize=int(_BLOCK * rate), callback=take
        ):
            while True:
                for word in live.push(blocks.get()).final:
                    print(word.text, end=" ", file=screen, flush=True)
                    shown += 1
    except KeyboardInterrupt:
        pass
    except sounddevice.PortAudioError as error:
        raise InputError(f"the microphone cannot be used: {error}") from None
    transcript = live.finish()
    print(*(word.text for word in transcript.words[shown:]), file=screen, flush=True)
    if format_ != "txt":
        print(transcript.render(format_, word_times=word_times), end="", flush=True)
