"""Figures of a language model: bits a character, and perplexity; and what a general compressor needs for the text."""

from __future__ import annotations

import lzma
import math
from collections.abc import Sequence

__all__ = ["bits_per_character", "perplexity", "xz_bits_per_character"]


def bits_per_character(log_prob: float, characters: int) -> float:
    """Of the natural logarithm of a text's probability."""
    return -log_prob / math.log(2) / characters


def perplexity(log_prob: float, tokens: int) -> float:
    """exp of minus the mean log probability of a token."""
    return math.exp(-log_prob / tokens)


def xz_bits_per_character(texts: Sequence[str]) -> float:
    """Bits a character of all texts as one file packed by xz -9."""
    joined = "\n".join(texts)
    return 8 * len(lzma.compress(joined.encode("utf-8", "surrogatepass"), preset=9)) / max(1, len(joined))
