"""From a recording to words with times: what ``Recognizer.transcribe`` does, and what streams share with it.

A recording is cut into segments (``segmentation``), several of which the network takes in a batch
(``segment_outputs``); a prefix beam search with a language model (``lstm_models.decoding.ctc_search``) makes words of
the outputs, and `WordTimer` gives them times and confidences.

    transcript = transcribe(recognizer, "talk.flac", TranscribeOptions(hotwords=("Ingrid",)))
    for word in transcript.words:
        print(word.start, word.text)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Union

import numpy as np

from lstm_models.confidence import Calibration
from lstm_models.decoding.ctc_search import CTCSearch, Found
from lstm_models.decoding.options import MOST_BEAM, SearchOptions, check_number
from lstm_models.decoding.rescoring import RescoreOptions, Rescorer, SentenceScorer
from lstm_models.errors import InputError
from lstm_models.field_checks import check_kinds
from lstm_models.io.audio import Audio, open_audio
from lstm_models.results import Word
from lstm_models.tasks.speech.results import Transcript, WordPunctuator
from lstm_models.tasks.speech.segment_outputs import AcousticModel, batched_outputs
from lstm_models.text.spelling import spoken_words

if TYPE_CHECKING:
    from lstm_models.ngram.model import NGram
    from lstm_models.tasks.speech.config import RecognizerConfig

__all__ = ["LanguageModel", "TranscribeOptions", "WordDecoder", "WordTimer", "as_transcript", "transcribe"]

LanguageModel = Union[bool, str, "NGram"]

_QUIET = 0.003  # of full scale: −50 dB
_SHORT = 0.3  # seconds


@dataclass(frozen=True)
class TranscribeOptions:
    """How a recogniser searches, in a recording or a stream.

    Attributes:
        lm: whether to use the recogniser's language model; or the name or folder of one, or one itself.
        hotwords: words or phrases to favour.
        beam: hypotheses of the search; the number of the recogniser's config if None.

    Raises:
        InputError: the beam is not a whole number from 1 to 1,000 (``usage=True``).
    """

    lm: LanguageModel = True
    hotwords: Sequence[str] = ()
    beam: int | None = None

    def __post_init__(self) -> None:
        check_kinds(self)
        if self.beam is not None:
            check_number("beam", self.beam, 1, MOST_BEAM)


def transcribe(
    recognizer: AcousticModel,
    source: Any,
    options: TranscribeOptions = TranscribeOptions(),
    *,
    rate: int | None = None,
    name: str | None = None,
    progress: Callable[[float], None] | None = None,
    punctuate: WordPunctuator | None = None,
) -> Transcript:
    """Words of a recording of any length; see ``Recognizer.transcribe``."""
    decoder = WordDecoder(recognizer, options)
    with open_audio(source, rate=rate, name=name) as audio:
        words: list[Word] = []
        for outputs, pause in batched_outputs(recognizer, blocks_of(audio, progress)):
            words += decoder.push(outputs)
            if pause:
                words += decoder.finish()
        words += decoder.finish()
        label = "" if name is None and audio.name == "The recording" else audio.name
        if not words:
            audio.notes.append(_no_words(audio))
        transcript = as_transcript(words, audio.read, label, audio.notes)
    return transcript if punctuate is None else transcript.punctuated(punctuate)


def _no_words(audio: Audio) -> str:
    """Why a transcript has no words."""
    if audio.peak == 0:
        why = "it is silent"
    elif audio.peak < _QUIET:
        why = f"it is all but silent ({20 * math.log10(audio.peak):.0f} dB at its loudest)"
    elif audio.read < _SHORT:
        why = f"it lasts {audio.read:.2f} s"
    else:
        why = "there is sound, but none that is taken for words"
    label = "the recording" if audio.name == "The recording" else audio.name
    return f"No words were heard in {label}: {why}."


def blocks_of(
    audio: Audio, progress: Callable[[float], None] | None = None, max_seconds: float = math.inf
) -> Iterator[np.ndarray]:
    """The blocks ``[samples]`` of a recording; ``progress`` is called with the seconds after each.

    Raises:
        InputError: it is longer than ``max_seconds``.
    """
    for block in audio:
        if audio.read > max_seconds:
            raise InputError(f"{audio.name} is longer than {max_seconds / 60:g} minutes: align it in parts.")
        yield block
        if progress is not None:
            progress(audio.read)


def as_transcript(words: Sequence[Word], seconds: float, source: str, notes: Iterable[str]) -> Transcript:
    """All words, none of them beyond the end of the recording."""
    within = tuple(
        word
        if word.end is None or word.end <= seconds
        else Word(word.text, word.confidence, min(word.start or 0.0, seconds), seconds)
        for word in words
    )
    return Transcript(" ".join(word.text for word in within), within, seconds, source, tuple(notes))


# Words ---------------------------------------------------------------------------------------------------------------


class Timed(Protocol):
    """What makes times and confidences of outputs: a recogniser."""

    @property
    def config(self) -> RecognizerConfig: ...

    @property
    def seconds_per_output(self) -> float: ...


def search_options(
    config: RecognizerConfig, beam: int | None = None, *, language: bool = True, hotwords: Sequence[str] = ()
) -> SearchOptions:
    """How a recogniser searches.

    Args:
        config: of the recogniser.
        beam: hypotheses; those of the config if None.
        language: whether there is a language model.
        hotwords: words to favour, in the recogniser's alphabet.
    """
    return SearchOptions(
        beam=config.beam if beam is None else beam,
        lm_weight=config.lm_weight if language else 0.0,
        # The bonus makes up for what the language model takes for each word
        word_bonus=config.word_bonus if language else 0.0,
        gap=config.gap,
        token_floor=config.token_floor,
        hotwords=tuple(hotwords),
    )


def calibrations(config: RecognizerConfig) -> tuple[Calibration, Calibration | None]:
    """Of words by their raw confidence alone, and of those with evidence; None where that is not weighed."""
    slope, bias, *weights = config.evidence_calibration or config.calibration
    with_evidence = Calibration(1 / slope if slope else math.inf, bias, tuple(weights)) if weights else None
    slope, bias = config.calibration
    return Calibration(1 / slope if slope else math.inf, bias), with_evidence


class WordTimer:
    """Makes words of what a search found: times in seconds, in order, and calibrated confidences."""

    def __init__(self, recognizer: Timed) -> None:
        self._seconds, config = recognizer.seconds_per_output, recognizer.config
        self._shift = config.time_shift
        self._calibration, self._weighing = calibrations(config)
        self.end = 0.0  # of the last word

    def word(self, found: Found) -> Word:
        """The next word; none begins before the one before it ends."""
        start = max(self.end, self._seconds * found.first + self._shift[0])
        end = max(start, self._seconds * (found.last + 1) + self._shift[1])
        self.end = end
        if self._weighing is not None and found.evidence:
            confidences = self._weighing([found.confidence], [found.evidence])
        else:
            confidences = self._calibration([found.confidence])
        return Word(found.text, float(confidences[0]), start, end)


class WordDecoder:
    """A search, and the words it makes of outputs that come in order.

    Raises:
        InputError: a hot word has characters the recogniser cannot write, the beam is below 1, or the language model is
            not one (``usage=True``).
    """

    def __init__(self, recognizer: Timed, options: TranscribeOptions, *, preview: bool = False) -> None:
        config = recognizer.config
        language = language_model(config, options.lm)
        self._recognizer, self._language = recognizer, language
        self._rescorer = rescorer(config) if options.lm is True and not preview else None
        hotwords = [_spelt_hotword(word, config.alphabet) for word in options.hotwords]
        self._options = search_options(config, options.beam, language=language is not None, hotwords=hotwords)
        self.restart()

    def restart(self) -> None:
        """Begin a new recording."""
        self._search = CTCSearch(self._recognizer.config.alphabet, self._options, self._language, self._rescorer)
        self._timer = WordTimer(self._recognizer)

    def push(self, outputs: np.ndarray) -> list[Word]:
        """The words that became final by ``outputs`` [outputs, labels]."""
        self._search.push(outputs)
        return [self._timer.word(found) for found in self._search.final()]

    def partial(self) -> list[Word]:
        """What seems to follow."""
        timer = WordTimer(self._recognizer)
        timer.end = self._timer.end
        return [timer.word(found) for found in self._search.partial()]

    def finish(self) -> list[Word]:
        """The words before a pause."""
        return [self._timer.word(found) for found in self._search.finish()]


def language_model(config: RecognizerConfig, lm: LanguageModel) -> NGram | None:
    """The language model that an option names; None for none.

    Raises:
        InputError: it is not one (``usage=True``).
    """
    if lm is False or (lm is True and not config.language_model):
        return None
    loaded = _load_language_model(config.language_model if lm is True else lm) if isinstance(lm, bool | str) else lm
    from lstm_models.ngram.model import NGram

    if not isinstance(loaded, NGram):
        raise InputError(f"{type(loaded).__name__} is not a language model.", usage=True)
    return loaded


def rescorer(config: RecognizerConfig) -> Rescorer | None:
    """What chooses among the best texts of a search with the recogniser's own language model; None for nothing."""
    if not (config.language_model and config.rescorer):
        return None
    weight, kept = config.rescorer_weights
    return Rescorer(_load_rescorer(config.rescorer), RescoreOptions(weight, kept=kept))


@functools.lru_cache(1)
def _load_rescorer(name: str) -> SentenceScorer:
    from lstm_models.checkpoints import hub

    return hub.load(name)  # type: ignore[no-any-return]


@functools.lru_cache(2)
def _load_language_model(name: str) -> NGram:
    from lstm_models.checkpoints import hub
    from lstm_models.ngram.model import NGram

    return hub.load_as(NGram, name)


def _spelt_hotword(word: str, alphabet: str) -> str:
    if not isinstance(word, str) or not word.strip():
        raise InputError("a hot word is empty", usage=True)
    return " ".join(" ".join(parts) for _, parts in spoken_words(word, alphabet, f"the hot word “{word}”"))
