"""``Recognizer``: turns recordings into words with times, from a file or as they are spoken.

recognizer = lstm_models.load("recognizer")
print(recognizer.transcribe("talk.flac").text)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from lstm_models.decoding.options import override
from lstm_models.devices import move_to
from lstm_models.io.inputs import are_several
from lstm_models.io.samples import SAMPLE_RATE
from lstm_models.tasks.speech import alignment, decoding, streaming
from lstm_models.tasks.speech.acoustic_stream import AcousticStream, acoustic_stream
from lstm_models.tasks.speech.decoding import LanguageModel, TranscribeOptions
from lstm_models.tasks.speech.network import RecognizerNetwork
from lstm_models.tasks.speech.results import Transcript, WordPunctuator
from lstm_models.tasks.speech.streaming import Stream

if TYPE_CHECKING:
    import torch

__all__ = ["Recognizer"]


class Recognizer(RecognizerNetwork):
    """Writes down speech; see the module and ``RecognizerConfig``."""

    @overload
    def transcribe(
        self,
        source: list[Any] | tuple[Any, ...],
        *,
        options: TranscribeOptions | None = None,
        lm: LanguageModel | None = None,
        hotwords: Sequence[str] | None = None,
        beam: int | None = None,
        rate: int | None = None,
        name: str | None = None,
        progress: Callable[[float], None] | None = None,
        punctuate: WordPunctuator | None = None,
        device: str | torch.device | None = None,
    ) -> list[Transcript]: ...

    @overload
    def transcribe(
        self,
        source: Any,
        *,
        options: TranscribeOptions | None = None,
        lm: LanguageModel | None = None,
        hotwords: Sequence[str] | None = None,
        beam: int | None = None,
        rate: int | None = None,
        name: str | None = None,
        progress: Callable[[float], None] | None = None,
        punctuate: WordPunctuator | None = None,
        device: str | torch.device | None = None,
    ) -> Transcript: ...

    def transcribe(
        self,
        source: Any,
        *,
        options: TranscribeOptions | None = None,
        lm: LanguageModel | None = None,
        hotwords: Sequence[str] | None = None,
        beam: int | None = None,
        rate: int | None = None,
        name: str | None = None,
        progress: Callable[[float], None] | None = None,
        punctuate: WordPunctuator | None = None,
        device: str | torch.device | None = None,
    ) -> Transcript | list[Transcript]:
        """Words of a recording of any length, or of each of several, with times and confidences.

        Memory does not grow with a recording's length.

        Args:
            source: what `lstm_models.io.audio.open_audio` takes: a file, bytes, an open file, samples; or a list of
                files, bytes or open files, for which a list is given back.
            options: how to search; `TranscribeOptions()` if None.
            lm, hotwords, beam: replace those of the options.
            rate: samples a second of an array; 16,000 if None.
            name: what messages call the recording; its path if None.
            progress: called with the seconds that are done.
            punctuate: writes marks and capitals, such as ``lstm_models.load("punctuator")``; the bare words in lower
                case if None.
            device: where the network runs; it is moved there. Where it is now if None.

        Raises:
            InputError: as `open_audio` and its blocks; a hot word has characters the recogniser cannot write, the beam
                is not a number of hypotheses, or the language model is not one (``usage=True``).

        >>> recognizer.transcribe("talk.flac", punctuate=punctuator).text       # doctest: +SKIP
        'Good morning. The train leaves at nine.'
        """
        move_to(self, device)
        options = override(options, TranscribeOptions, lm=lm, hotwords=hotwords, beam=beam)

        def one(source: Any) -> Transcript:
            return decoding.transcribe(
                self, source, options, rate=rate, name=name, progress=progress, punctuate=punctuate
            )

        return [one(each) for each in source] if are_several(source) else one(source)

    def stream(
        self,
        *,
        options: TranscribeOptions | None = None,
        lm: LanguageModel | None = None,
        hotwords: Sequence[str] | None = None,
        beam: int | None = None,
        rate: int = SAMPLE_RATE,
        partial: bool = True,
        punctuate: WordPunctuator | None = None,
    ) -> Stream:
        """Words as they are spoken; see `lstm_models.tasks.speech.streaming.Stream`.

        Args:
            options: how to search; `TranscribeOptions()` if None.
            lm, hotwords, beam: replace those of the options.
            rate: samples a second of what is pushed.
            partial: whether words are shown before they are final. Without them a stream costs as little as
                `transcribe`, and its words come at pauses.
            punctuate: as for `transcribe`; a sentence is then final once eight words follow it.

        Raises:
            InputError: as `transcribe`; the recogniser is bidirectional and ``partial`` is wanted; the rate is not one
                of speech.

        >>> live = recognizer.stream(rate=48_000)           # doctest: +SKIP
        >>> live.push(samples).partial                      # doctest: +SKIP
        (Word(text='good', ...), Word(text='morning', ...))
        """
        options = override(options, TranscribeOptions, lm=lm, hotwords=hotwords, beam=beam)
        return streaming.stream(self, options, rate=rate, partial=partial, punctuate=punctuate)

    def align(self, source: Any, text: str, *, rate: int | None = None) -> Transcript:
        """When each word of a known text is spoken.

        Args:
            source: what `lstm_models.io.audio.open_audio` takes, up to 30 minutes.
            text: what is spoken in it. Its words come back as they stand there, with capitals and commas; a note says
                if the text does not seem to fit.
            rate: samples a second of an array; 16,000 if None.

        Raises:
            InputError: as `open_audio`; the recording is longer than 30 minutes; the text is empty, has characters the
                recogniser cannot write, or has more letters than the recording has room for.

        >>> recognizer.align("talk.flac", "Good morning.").words[0].start       # doctest: +SKIP
        0.31
        """
        return alignment.align(self, source, text, rate=rate)

    def export_onnx(self, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
        """Write encoder, LSTM layers and head as one ONNX graph, from samples to log probabilities.

        Input: ``samples`` [samples] float32, −1..1 at 16 kHz, at any loudness; a recording or a segment of one, of any
        length. Output: ``log_probs`` [outputs, labels], which `log_probs` gives of the same samples.

        Args:
            path: the file to write.
            int8: store and multiply the weights in 8 bits.

        Raises:
            InputError: the recogniser has no acoustic encoder, onnx (for int8, onnxruntime) is not installed, or the
                file cannot be written.
        """
        from lstm_models.tasks.speech.onnx_graph import export

        return export(self, path, int8=int8)

    def acoustics(self) -> AcousticStream:
        """Log probabilities of a recording that arrives in pieces.

        Raises:
            InputError: the recogniser is bidirectional.
        """
        return acoustic_stream(self)
