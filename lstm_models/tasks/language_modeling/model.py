"""``LanguageModel``: how probable a text is, and how it goes on.

lm = lstm_models.load("language-model")
print(lm.score("The cat sat.").txt())
print([completion.text for completion in lm.complete("Once upon a", n_best=3)])
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from lstm_models.decoding.options import MOST_BEAM, check_number, check_whole
from lstm_models.devices import move_to
from lstm_models.errors import InputError
from lstm_models.tasks.language_modeling.adaptation import AdaptOptions
from lstm_models.tasks.language_modeling.decoding import complete, sample
from lstm_models.tasks.language_modeling.network import LanguageNetwork
from lstm_models.tasks.language_modeling.results import Completion, ScoredText
from lstm_models.tasks.language_modeling.scoring import score_text, sum_log_probs

if TYPE_CHECKING:
    import torch

__all__ = ["LanguageModel"]

_MOST_WORDS = 1000


class LanguageModel(LanguageNetwork):
    """Scores, completes and samples text. With ``adapt`` it learns from the text while it reads it, for this call only:
    True for the default, or an ``AdaptOptions``."""

    @overload
    def score(  # type: ignore[overload-overlap]  # a text is a sequence of texts, too
        self, text: str, *, adapt: bool | AdaptOptions = ..., candidates: int = ..., unlikely: float = ...,
        device: str | torch.device | None = ...,
    ) -> ScoredText: ...  # fmt: skip
    @overload
    def score(
        self, text: Sequence[str], *, adapt: bool | AdaptOptions = ..., candidates: int = ..., unlikely: float = ...,
        device: str | torch.device | None = ...,
    ) -> list[ScoredText]: ...  # fmt: skip
    def score(
        self,
        text: str | Sequence[str],
        *,
        adapt: bool | AdaptOptions = False,
        candidates: int = 0,
        unlikely: float = 1e-4,
        device: str | torch.device | None = None,
    ) -> ScoredText | list[ScoredText]:
        """The log probability of each word of a text, or of each of several.

        Args:
            text: a text, or a list of them, which are read one by one.
            adapt: learn from each text while it is read.
            candidates: so many of the most probable tokens come with each word.
            unlikely: words that are less probable are marked.
            device: where the network runs; it is moved there. Where it is now if None.

        Raises:
            InputError: a text is empty or no string, or a number is out of its range (``usage=True``).

        >>> lm.score("The cat sat.").perplexity                                      # doctest: +SKIP
        """
        candidates = check_whole("candidates", candidates, 0, len(self.vocabulary))
        check_number("unlikely", unlikely, 0, 1)
        limit = math.log(unlikely) if unlikely else -math.inf
        options = _adapting(adapt)
        several = _texts(text)
        move_to(self, device)
        found = [score_text(self, each, options, candidates, limit) for each in several]
        return found[0] if isinstance(text, str) else found

    def log_probs(self, texts: Sequence[str]) -> list[float]:
        """The log probability of each text, its end included; texts of like length are read at once. With it, the model
        is a ``lstm_models.decoding.rescoring.SentenceScorer``.

        Raises:
            InputError: a text is no string (``usage=True``).
        """
        return sum_log_probs(self, _texts(texts, empty=True)) if texts else []

    def complete(
        self,
        prompt: str,
        *,
        n_best: int = 3,
        words: int = 5,
        beam: int = 8,
        adapt: bool | AdaptOptions = False,
        device: str | torch.device | None = None,
    ) -> list[Completion]:
        """The most probable ways on, the best first, by beam search.

        Args:
            prompt: a text; a word that it ends with may be only the beginning of one. Empty for how texts begin.
            n_best: completions wanted; fewer come back where the search found no more.
            words: words of a completion, a begun one not counted; fewer where the text is likely to end.
            beam: live hypotheses; it is widened to ``n_best``.
            adapt: learn from the prompt first.
            device: as for `score`.

        Raises:
            InputError: the prompt is no string, or a number is out of its range (``usage=True``).
        """
        words = self._checked(prompt, words, device)
        n_best, beam = check_whole("n_best", n_best, 1, MOST_BEAM), check_whole("beam", beam, 1, MOST_BEAM)
        return complete(self, prompt, words, n_best, max(beam, n_best), _adapting(adapt))

    def sample(
        self,
        prompt: str = "",
        words: int = 50,
        temperature: float = 0.8,
        seed: int | None = None,
        *,
        top_p: float = 1.0,
        adapt: bool | AdaptOptions = False,
        device: str | torch.device | None = None,
    ) -> Completion:
        """One way on, drawn piece by piece.

        Args:
            prompt: as for `complete`.
            words: words of a completion at most.
            temperature: below 1 more usual texts, above 1 more varied ones.
            seed: the same seed gives the same text.
            top_p: draw from the most probable pieces that make up this probability.
            adapt: learn from the prompt first.
            device: as for `score`.

        Raises:
            InputError: the prompt is no string, or a number is out of its range (``usage=True``).
        """
        words = self._checked(prompt, words, device)
        if seed is not None:
            seed = check_whole("seed", seed, -(2**63), 2**64 - 1)
        return sample(self, prompt, words, temperature, top_p, seed, _adapting(adapt))

    def export_onnx(self, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
        """Write the network as an ONNX graph; see ``lstm_models.tasks.language_modeling.onnx_graph``.

        Inputs: ``tokens`` [batch, time] int64 (``vocabulary.encode``; END = 0 begins a text) and the state, ``h`` and
        ``c`` [layers, batch, hidden], zeros at first. Outputs: ``log_probs`` [batch, time, vocabulary] of the token
        after each, and the state ``h_n`` and ``c_n``.

        Raises:
            InputError: onnx (or, for int8, onnxruntime) is missing, or the file cannot be written.
        """
        from lstm_models.tasks.language_modeling.onnx_graph import export

        return export(self, path, int8=int8)

    def _checked(self, prompt: str, words: int, device: str | torch.device | None) -> int:
        """How many words are wanted."""
        if not isinstance(prompt, str):
            raise InputError(f"a prompt is a text, not {type(prompt).__name__}", usage=True)
        words = check_whole("words", words, 1, _MOST_WORDS)
        move_to(self, device)
        return words


def _adapting(adapt: bool | AdaptOptions) -> AdaptOptions | None:
    if isinstance(adapt, AdaptOptions):
        return adapt
    return AdaptOptions() if adapt else None


def _texts(text: str | Sequence[str], *, empty: bool = False) -> list[str]:
    if not isinstance(text, str) and (
        not isinstance(text, Sequence) or not all(isinstance(each, str) for each in text)
    ):
        raise InputError(f"a text is expected, or a list of texts, not {type(text).__name__}", usage=True)
    several = [text] if isinstance(text, str) else list(text)
    if not empty and not all(each.strip() for each in several):
        raise InputError("the text is empty", usage=True)
    return several
