"""``Tagger``: parts of speech and names of a text.

tagger = lstm_models.load("tagger")
tagged = tagger.tag("Angela visited Paris.")
print([(token.text, token.pos) for token in tagged.tokens], tagged.entities)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_models.devices import move_to
from lstm_models.errors import InputError
from lstm_models.tasks.tagging.decoding import entities_of, label
from lstm_models.tasks.tagging.features import sentences
from lstm_models.tasks.tagging.network import TaggingNetwork
from lstm_models.tasks.tagging.results import TaggedText

if TYPE_CHECKING:
    import torch

__all__ = ["Tagger"]


class Tagger(TaggingNetwork):
    """Finds the part of speech of every word, and the names of people, places and organisations.

    One trained on labelled texts also says which class a text is of, such as its sentiment: ``TaggedText.label``.
    """

    def tag(self, text: str | Sequence[str], *, device: str | torch.device | None = None) -> TaggedText:
        """The parts of speech and names of a text, or of the words of one sentence.

        Args:
            text: a text, which is split into sentences and words; or a list of words, which are taken as they are.
            device: where the network runs; it is moved there. Where it is now if None.

        Raises:
            InputError: the text is empty, or is neither a string nor a list of them.

        >>> [token.pos for token in tagger.tag("Angela visited Paris.").tokens]      # doctest: +SKIP
        ['PROPN', 'VERB', 'PROPN', 'PUNCT']
        """
        move_to(self, device)
        if isinstance(text, str):
            parts = sentences(text)
            if not parts:
                raise InputError("the text is empty", usage=True)
            words = [[word.text for word in part] for part in parts]
            found, classes = label(self, words, [[word.start for word in part] for part in parts])
            return TaggedText(text, tuple(found), entities_of(found, text), self._doubts(words), classes)
        if not isinstance(text, Sequence) or not all(isinstance(word, str) for word in text):
            raise InputError(f"a text is expected, or a list of words, not {type(text).__name__}", usage=True)
        return self.tag_sentences([text], device=device)

    def tag_sentences(self, words: Sequence[Sequence[str]], *, device: str | torch.device | None = None) -> TaggedText:
        """The parts of speech and names of sentences whose words are given, as in a treebank.

        Raises:
            InputError: there is no sentence, one has no words, or a word is empty.
        """
        move_to(self, device)
        if not words or not all(words) or not all(word.strip() for sentence in words for word in sentence):
            raise InputError("a sentence or a word is empty", usage=True)
        found, classes = label(self, words)
        shown = " ".join(word for sentence in words for word in sentence)
        return TaggedText(shown, tuple(found), entities_of(found), self._doubts(words), classes)

    def export_onnx(self, path: str | os.PathLike[str], *, int8: bool = False) -> Path:
        """Write the network as an ONNX graph; see ``lstm_models.tasks.tagging.onnx_graph``.

        Inputs, int64: ``words`` [batch, words], ``spellings`` [different words, characters], ``spelling_lengths``,
        ``places`` [batch, words] and ``lengths`` [batch], as ``TaggingNetwork.encode`` and ``collate`` make them.
        Outputs: the likeliest labels ``pos`` and ``names`` [batch, words], numbers in ``POS_TAGS`` and ``NAMES``, by
        Viterbi's algorithm; the scores that they follow from, ``pos_scores`` and ``names_scores``; and ``classes``
        [batch, classes], probabilities, where it has any.

        Raises:
            InputError: onnx (or, for int8, onnxruntime) is missing, or the file cannot be written.
        """
        from lstm_models.tasks.tagging.onnx_graph import export

        return export(self, path, int8=int8)

    def _doubts(self, sentences: Sequence[Sequence[str]]) -> tuple[str, ...]:
        return self.vocabulary.doubts([word for sentence in sentences for word in sentence])
