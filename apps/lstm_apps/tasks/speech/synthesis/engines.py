"""Text-to-speech engines that speak for ``lstm-models synthesize``, and how few voices become many speakers.

A speaker is a voice with a pitch and a vocal tract of its own. Resampling by a factor moves formants and pitch together
(a shorter tract by 10 % has formants 10 % higher); the engine's own controls of pitch and rate then set pitch and tempo
apart from it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lstm_apps.tasks.speech.synthesis import kokoro
from lstm_apps.tasks.speech.synthesis.voice import Voice
from lstm_models.errors import InputError
from lstm_models.io.samples import SAMPLE_RATE

__all__ = ["ENGINES", "Engine", "Speaker", "Voice", "draw_speaker", "draw_tempo", "installed", "load_voices", "speak"]

LONGEST_CALL = 60  # seconds after which an engine's program is given up

# Formants, as a factor: what separates tall men from children, about a voice in between (Peterson and Barney 1952 have
# women 16 % and children 30 % above men).
FORMANTS = (0.82, 1.25)
FORMANT_SPREAD = 0.09
PITCH_SPREAD = 1.8  # semitones, for speakers of one size
PITCH_A_FORMANT = 25.0  # semitones for formants twice as high: smaller people speak higher
TEMPO = (0.72, 1.38)
TEMPO_SPREAD = 0.13


@dataclass(frozen=True)
class Engine:
    """A text-to-speech engine that may be installed.

    Attributes:
        name: as in ``--voices``.
        install: what brings it.
        load: its voices; none, or ImportError, where it is not installed.
        slow: whether it speaks only where it is named.
    """

    name: str
    install: str
    load: Callable[[], list[Voice]]
    slow: bool = False


@dataclass(frozen=True)
class Speaker:
    """A voice, its pitch in semitones from its own, and its formants as a factor."""

    voice: Voice
    pitch: int
    formant: float

    @property
    def name(self) -> str:
        """Such as ``flite_slt_+2_0.93``."""
        return f"{self.voice.name}_{self.pitch:+d}_{self.formant:.2f}"


def load_voices(engine: str) -> list[Voice]:
    """The voices of an engine.

    Raises:
        InputError: there is no such engine, or it is not installed; the sentence says what brings it.
    """
    if engine not in ENGINES:
        raise InputError(f"there is no engine “{engine}”; there is {', '.join(ENGINES)}.", usage=True)
    try:
        voices = ENGINES[engine].load()
    except (ImportError, FileNotFoundError):
        voices = []
    if not voices:
        raise InputError(f"{engine} is not installed: {ENGINES[engine].install} brings it.")
    return voices


def draw_speaker(voice: Voice, random: np.random.Generator) -> Speaker:
    """Any speaker that the voice can be made into."""
    formant = round(float(np.clip(random.normal(1.0, FORMANT_SPREAD), *FORMANTS)), 2)
    pitch = round(random.normal(PITCH_A_FORMANT * (formant - 1), PITCH_SPREAD))
    return Speaker(voice, int(np.clip(pitch, *voice.pitch)), formant)


def draw_tempo(random: np.random.Generator) -> float:
    """How fast one utterance is spoken, as a factor of the voice's own tempo."""
    return float(np.clip(np.exp(random.normal(0, TEMPO_SPREAD)), *TEMPO))


def speak(speaker: Speaker, text: str, tempo: float = 1.0, seed: int = 0) -> np.ndarray:
    """Speech as float32 [samples] at 16 kHz, within −1 to 1.

    Raises:
        InputError: the engine made no sound of the text.
    """
    import soxr

    samples, rate = speaker.voice.say(text, float(speaker.pitch), tempo / speaker.formant, seed)
    if not len(samples) or not np.isfinite(samples).all() or not np.abs(samples).max() > 1e-3:
        raise InputError(f"{speaker.voice.name} says nothing for “{text[:60]}”.")
    # Taken for sound of a higher rate, it plays faster: formants and pitch rise
    resampled: np.ndarray = soxr.resample(
        samples.astype(np.float32, copy=False), rate * speaker.formant, SAMPLE_RATE, quality="MQ"
    )
    return np.asarray(np.clip(resampled, -1, 1), np.float32)


def _ratio(semitones: float) -> float:
    return float(2 ** (semitones / 12))


# --- hibari: one network in the package, two accents -----------------------------------------------------------------


def _hibari() -> list[Voice]:
    from hibari import Hibari, dsp
    from hibari.g2p import G2P

    def voice(name: str, british: bool) -> Voice:
        tts = Hibari(threads=1, g2p=G2P(british=british))

        def say(text: str, pitch: float, rate: float, seed: int) -> tuple[np.ndarray, int]:
            random = np.random.default_rng(seed)
            speed = np.asarray([np.clip(rate, 0.5, 2.0)], np.float32)
            parts = []
            for phonemes in tts.phonemize(text):
                ids = tts.ids(phonemes)
                if len(ids) < 3:
                    continue
                # Its own steps, to raise the pitch between the network and the synthesis
                *spectra, f0 = (part[0] for part in tts.sess.run(None, {"ids": np.asarray([ids]), "speed": speed}))
                parts.append(dsp.synth(*spectra, f0 * np.float32(_ratio(pitch)), random))
            return np.concatenate(parts) if parts else np.zeros(0, np.float32), dsp.SR

        return Voice(f"hibari_{name}", say, (-7, 5))

    # The network is of an American voice and reads British vowels less clearly: one line in four
    us, gb = voice("us", british=False), voice("gb", british=True)
    return [us, us, us, gb]


# --- SVOX Pico -------------------------------------------------------------------------------------------------------


def _pico() -> list[Voice]:
    from ttspico import TtsEngine

    def voice(language: str) -> Voice:
        # One engine a voice, for its memory grows only with the first calls
        engine = TtsEngine(language)
        engine.volume = 60  # at 100 it clips

        def say(text: str, pitch: float, rate: float, seed: int) -> tuple[np.ndarray, int]:
            engine.pitch = int(np.clip(round(100 * _ratio(pitch)), 50, 200))
            engine.rate = int(np.clip(round(100 * rate), 30, 400))
            return np.frombuffer(engine.speak(text) or b"", np.int16) / np.float32(32768), SAMPLE_RATE

        return Voice(f"ttspico_{language[-2:].lower()}", say, (-7, 6))

    return [voice("en-US"), voice("en-GB")]


# --- flite and espeak-ng: programs -----------------------------------------------------------------------------------


def _recorded(command: Callable[[str], list[str]]) -> tuple[np.ndarray, int]:
    """What a program writes into the WAV file it gets."""
    import soundfile

    with tempfile.TemporaryDirectory(prefix="synthesize-") as folder:
        path = os.path.join(folder, "speech.wav")
        try:
            subprocess.run(command(path), check=True, capture_output=True, timeout=LONGEST_CALL)
            samples, rate = soundfile.read(path, dtype="float32")
            return samples, int(rate)
        except (subprocess.SubprocessError, soundfile.LibsndfileError):
            return np.zeros(0, np.float32), SAMPLE_RATE


# Name -> whether its pitch can be told (rms takes no shift).
_FLITE = {"awb": True, "slt": True, "rms": False, "kal16": True}


def _flite() -> list[Voice]:
    program = shutil.which("flite")
    if program is None:
        return []
    listed = subprocess.run([program, "-lv"], capture_output=True, text=True, timeout=LONGEST_CALL).stdout.split()

    def voice(name: str, shifts: bool) -> Voice:
        def say(text: str, pitch: float, rate: float, seed: int) -> tuple[np.ndarray, int]:
            options = ["--setf", f"duration_stretch={1 / rate:.3f}", "--setf", f"f0_shift={_ratio(pitch):.3f}"]
            return _recorded(lambda path: [program, "-voice", name, *options, "-t", text, "-o", path])

        return Voice(f"flite_{name}", say, (-5, 6) if shifts else (0, 0))

    return [voice(name, shifts) for name, shifts in _FLITE.items() if name in listed]


_ACCENTS = (
    "en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc",
)  # fmt: skip
# Variants that sound like people; those that whisper, croak or play robots are left out.
_VARIANTS = """
    m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 klatt klatt2 klatt3 adam Alex Alicia Andrea Andy Annie antonio aunty
    belinda benjamin boris caleb david Denis Diogo ed edward gene Gene2 grandma grandpa Henrique Hugo iven iven2
    Jacky john kaukovalta Lee linda Marcelo Marco Mario max Michael michel miguel Mike Nguyen norbert pablo paul
    pedro quincy rob robert sandro shelby steph steph2 travis victor zac anika
"""
_WORDS_A_MINUTE = 165
_STEPS_A_SEMITONE = 6.2  # of its pitch from 0 to 99, measured about 50


def _espeak() -> list[Voice]:
    program = shutil.which("espeak-ng")
    if program is None:
        return []

    def listed(language: str) -> str:
        return subprocess.run(
            [program, f"--voices={language}"], capture_output=True, text=True, timeout=LONGEST_CALL
        ).stdout

    accents = [accent for accent in _ACCENTS if re.search(rf"\s{re.escape(accent)}\s", listed("en"))]
    there = set(re.findall(r"!v/(\S+)", listed("variant")))
    variants = [variant for variant in _VARIANTS.split() if variant in there]

    def voice(name: str) -> Voice:
        def say(text: str, pitch: float, rate: float, seed: int) -> tuple[np.ndarray, int]:
            tone = int(np.clip(round(50 + _STEPS_A_SEMITONE * pitch), 0, 99))
            speed = int(np.clip(round(_WORDS_A_MINUTE * rate), 80, 400))
            options = ["-v", name, "-p", str(tone), "-s", str(speed)]
            return _recorded(lambda path: [program, *options, "-w", path, "--", text])

        return Voice(f"espeak_{name}", say, (-5, 6))

    return [voice(f"{accent}+{variant}") for accent in accents for variant in variants]


ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        Engine("hibari", "pip install hibari-tts", _hibari),
        Engine("ttspico", "pip install ttspico", _pico),
        Engine("flite", "the package flite of Debian or Ubuntu", _flite),
        Engine("espeak", "the package espeak-ng of Debian, Ubuntu or Homebrew", _espeak),
        Engine("kokoro", kokoro.INSTALL, kokoro.load, slow=True),
    )
}


def installed() -> dict[str, list[Voice]]:
    """Engine -> its voices, for all that are there but the slow ones."""
    found = {}
    for name in (engine.name for engine in ENGINES.values() if not engine.slow):
        with contextlib.suppress(InputError):
            found[name] = load_voices(name)
    return found
