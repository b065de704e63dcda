"""``Translator``: sentences and texts of one language in another.

translator = lstm_models.load("translator-en-de")
print(translator.translate("A dog runs.").text)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from lstm_models.decoding.options import override
from lstm_models.devices import move_to
from lstm_models.errors import InputError
from lstm_models.tasks.translation.decoding import TranslateOptions, translate_sentences
from lstm_models.tasks.translation.features import language_doubt, split_sentences
from lstm_models.tasks.translation.network import TranslationNetwork
from lstm_models.tasks.translation.results import TranslatedSentence, Translation
from lstm_models.tasks.translation.subtitle_files import translate_subtitles

if TYPE_CHECKING:
    import torch

__all__ = ["Translator"]

_DOUBTED = 0.25  # mean confidence of a text below which it is doubted


class Translator(TranslationNetwork):
    """Translates from ``config.source`` to ``config.target``."""

    @overload
    def translate(  # type: ignore[overload-overlap]  # a str is a sequence of str, too
        self, text: str, options: TranslateOptions | None = None, *, device: str | torch.device | None = None
    ) -> Translation: ...
    @overload
    def translate(
        self, text: Sequence[str], options: TranslateOptions | None = None, *, device: str | torch.device | None = None
    ) -> list[Translation]: ...
    def translate(
        self,
        text: str | Sequence[str],
        options: TranslateOptions | None = None,
        *,
        device: str | torch.device | None = None,
    ) -> Translation | list[Translation]:
        """The translation of a text, or of each of a list.

        Args:
            text: a text of any number of sentences, or a list of texts, whose sentences are searched for together.
            options: how to search; by default ``TranslateOptions()``.
            device: where the network runs; it is moved there. Where it is now if None.

        Raises:
            InputError: a text is empty, is no string, has a word of more than 200 characters, or the glossary cannot
                be met.

        >>> translator.translate("A dog runs.").text      # doctest: +SKIP
        'Ein Hund rennt.'
        """
        move_to(self, device)
        texts = [text] if isinstance(text, str) else list(text) if isinstance(text, Sequence) else None
        if texts is None or not all(isinstance(each, str) for each in texts):
            raise InputError(f"a text is expected, or a list of texts, not {type(text).__name__}", usage=True)
        parts = [split_sentences(each) for each in texts]
        sentences = [sentence for part in parts for sentence, _ in part]
        found = iter(translate_sentences(self, sentences, override(options, TranslateOptions)))
        made = [self._joined(each, part, [next(found) for _ in part]) for each, part in zip(texts, parts, strict=True)]
        return made[0] if isinstance(text, str) else made

    def translate_subtitles(
        self, content: str, options: TranslateOptions | None = None, *, device: str | torch.device | None = None
    ) -> str:
        """The content of a file of subtitles, SubRip or WebVTT, translated: times stay, lines are broken anew.

        Raises:
            InputError: it has no line of times, a time ends before it starts, or as ``translate``.
        """

        def work(sentences: Sequence[str]) -> list[str]:
            return [each.text for each in self.translate(sentences, options, device=device)]

        return translate_subtitles(content, work)

    def export_onnx(self, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
        """Write the network as an ONNX graph; see ``lstm_models.tasks.translation.onnx_graph``.

        Inputs: ``source`` [batch, pieces] and ``target`` [batch, steps], numbers of pieces, and ``source_lengths``
        [batch], int64. Outputs: ``log_probs`` [batch, steps, vocabulary] of each piece of the target given those
        before it, and ``attention`` [batch, steps, pieces].

        Raises:
            InputError: onnx (or, for int8, onnxruntime) is missing, or the file cannot be written.
        """
        from lstm_models.tasks.translation.onnx_graph import export

        return export(self, path, int8=int8)

    def _joined(
        self, text: str, parts: Sequence[tuple[str, str]], sentences: Sequence[TranslatedSentence]
    ) -> Translation:
        blank = text[: len(text) - len(text.lstrip())]
        joined = blank + "".join(found.text + gap for found, (_, gap) in zip(sentences, parts, strict=True))
        notes = [note] if (note := language_doubt(text, self.config.source)) else []
        sure = [found.confidence for found in sentences if found.confidence is not None and len(found.words) > 2]
        if not notes and sure and sum(sure) / len(sure) < _DOUBTED:
            notes.append("the model is not sure of these words, so the translation may be wrong")
        return Translation(text, joined, tuple(sentences), tuple(notes))
