"""What is measured on painted signs: exact spellings, wrong letters, paired differences, and what the word changes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from engines.signs.world import FOLDER, draw_sign
from engines.statistics import Interval, clustered, wilson

LEAST_WORDS = 6
"""Words needed to claim a difference: with five, chance alone turns all five one way in 1 run of 16."""
LEAST_CONTRAST = 60
"""Shades (of 255) between board and letters; below that a sign counts as blank."""


@dataclass(frozen=True)
class Spelling:
    """What OCR read on one sign. ``errors``: letters to change to get the word; ``rate`` is errors a letter."""

    word: str
    text: str
    errors: int

    @property
    def exact(self) -> bool:
        return self.errors == 0

    @property
    def rate(self) -> float:
        return self.errors / len(self.word)


def exact_rate(spellings: Sequence[Spelling]) -> Interval:
    """Share of signs spelled exactly, with its 95 % interval: of one word over its seeds, of several over words."""
    right, words = sum(spelling.exact for spelling in spellings), {spelling.word for spelling in spellings}
    return wilson(right, len(spellings)) if len(words) == 1 else exact_share(right, len(spellings), len(words))


def exact_share(right: int, signs: int, words: int) -> Interval:
    """``right`` of ``signs`` with an interval as wide as if each of the ``words`` were one trial."""
    return clustered(right, signs, words)


def character_error_rate(spellings: Sequence[Spelling]) -> float:
    """Wrong letters for each letter asked: edit distances summed over the words' lengths summed."""
    return sum(s.errors for s in spellings) / max(1, sum(len(s.word) for s in spellings))


def character_error_interval(spellings: Sequence[Spelling]) -> tuple[float, float] | None:
    """The bootstrap 95 % interval (low, high) of :func:`character_error_rate` over words, errors a letter.

    None, an open interval, where resampling words says nothing: of a single word, or of words that all err alike.
    """
    if not spellings:
        return None
    _, low, high, _ = _resampled((one.word, one.errors, len(one.word)) for one in spellings)
    return (low, high) if low < high else None


@dataclass(frozen=True)
class Difference:
    """A painter's gain on another on the same words and seeds; ``low`` and ``high``: bootstrap 95 % over ``words``."""

    mean: float
    low: float
    high: float
    words: int

    @property
    def clear(self) -> bool:
        """Whether it can be told from none: the interval leaves out zero and there are words enough."""
        return self.words >= LEAST_WORDS and (self.low > 0 or self.high < 0)


def difference(first: Sequence[Spelling], second: Sequence[Spelling]) -> Difference:
    """The share of signs read exactly, of ``second`` less that of ``first``, in -1…1; see :func:`_paired`."""
    return _paired(first, second, lambda before, after: (float(after.exact) - float(before.exact), 1))


def fewer_errors(first: Sequence[Spelling], second: Sequence[Spelling]) -> Difference:
    """The character error rate of ``first`` less that of ``second``, errors a letter; see :func:`_paired`."""
    return _paired(first, second, lambda before, after: (before.errors - after.errors, len(before.word)))


def _paired(
    first: Sequence[Spelling], second: Sequence[Spelling], gain: Callable[[Spelling, Spelling], tuple[float, int]]
) -> Difference:
    """Gains summed over sizes summed, sign by sign; words are resampled.

    ``gain`` gives a pair's (gain, size). ValueError unless both hold the same words in the same order.
    """
    if [one.word for one in first] != [one.word for one in second] or not first:
        raise ValueError("a difference needs the same words at the same seeds")
    pairs = zip(first, second, strict=True)
    return Difference(*_resampled((before.word, *gain(before, after)) for before, after in pairs))


def _resampled(signs: Iterable[tuple[str, float, int]]) -> tuple[float, float, float, int]:
    """Amounts summed over sizes summed of signs (word, amount, size), its bootstrap 95 % low and high, and the words.

    Words are resampled 2,000 times, each with all its signs, from one fixed seed.
    """
    by_word: dict[str, list[tuple[float, int]]] = {}
    for word, amount, size in signs:
        by_word.setdefault(word, []).append((amount, size))
    sums = np.array([np.sum(pairs, axis=0) for pairs in by_word.values()])  # [words, 2]: amount, size
    drawn = sums[np.random.default_rng(0).integers(len(sums), size=(2000, len(sums)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (0.025, 0.975))
    total = sums.sum(axis=0)
    return float(total[0] / total[1]), float(low), float(high), len(sums)


def ink(signs: np.ndarray) -> np.ndarray:
    """Where signs uint8 [n, 32, 208, 3] are lettered, bool [n, 32, 208], whatever the colours of board and letters.

    The board is the median colour of the two rows at the top and at the bottom. Ink differs from it by over 47 % of
    what the strongest hundredth does; at one half, rounding would decide about pixels that a letter covers by half.
    """
    colours = signs.astype(np.int16)
    board = np.median(colours[:, [0, 1, -2, -1]], axis=(1, 2), keepdims=True)
    contrast = np.abs(colours - board).max(axis=3)
    full = np.quantile(contrast, 0.99, axis=(1, 2), keepdims=True)
    return (contrast > 0.47 * full) & (full >= LEAST_CONTRAST)


def word_effect(pictures: np.ndarray, asked: Sequence[str]) -> float | None:
    """How much the word changes the lettering, as a share of what it changes in print; None for one word.

    ``pictures`` are rows of words times seeds, uint8 [rows, 32, 208, 3]. The mean share of cells whose ink differs,
    at one seed and over all pairs of words, divided by the same for printed signs: near 0 the painter letters the
    same whatever it is asked. Colours do not count.
    """
    if len(asked) < 2:
        return None
    painted = ink(pictures).reshape(len(asked), -1, *pictures.shape[1:3])
    printed = ink(np.stack([draw_sign(word) for word in asked]))
    pairs = list(itertools.combinations(range(len(asked)), 2))
    moved = [(painted[a] != painted[b]).mean() for a, b in pairs]
    full = [(printed[a] != printed[b]).mean() for a, b in pairs]
    return float(np.mean(moved) / np.mean(full))


@cache
def recorded() -> dict[str, Any]:
    """``models/signs/metrics.json``: the reader's own limits, and every painter by word list and length."""
    return json.loads((FOLDER / "metrics.json").read_text(encoding="utf-8"))
