"""Byte-pair encoding from nothing: how a vocabulary is learned from a text, and how it then cuts another.

The algorithm is Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", algorithm 1, on
bytes as in Radford et al. 2019. It learns exactly the merges of the ``tokenizers`` library (a test compares them).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engines.checks import whole
from engines.evidence import PlainError
from engines.text.pieces import BYTE_OF

# A word takes the space before it and leaves the punctuation; merges never cross from one word into the next.
_MARKS = r"!-/:-@\[-`{-~\u2010-\u2027\u2030-\u205e\u0964"
WORDS = rf" ?[^\s{_MARKS}]+| ?[{_MARKS}]+|\s+(?!\S)|\s+"
MAX_TEXT = 20_000
MAX_MERGES = 1_000

# Ties go to the pair whose parts are older; bytes rank as their printable stand-ins do, as in the library.
ALPHABET = tuple(bytes([BYTE_OF[letter]]) for letter in sorted(BYTE_OF))


@dataclass(frozen=True)
class Merge:
    """One entry a vocabulary learned: ``left`` and ``right`` stood side by side ``count`` times and became one."""

    left: bytes
    right: bytes
    count: int

    @property
    def chunk(self) -> bytes:
        return self.left + self.right


def learn(text: str, merges: int) -> tuple[Merge, ...]:
    """The first ``merges`` merges of ``text``, most frequent pair first; fewer when no pair is left that occurs twice.

    Raises PlainError for an empty or too long text, or a number of merges outside 1 to 1,000.
    """
    if not isinstance(text, str) or not text.strip():
        raise PlainError("Give the vocabulary a text to learn from.")
    if len(text) > MAX_TEXT:
        raise PlainError(f"This text is {len(text):,} characters long. Keep it to {MAX_TEXT:,} at most.")
    merges = whole("The number of merges", merges, 1, MAX_MERGES)
    words = {word: (_letters(word), times) for word, times in Counter(re.findall(WORDS, text)).items()}
    age = {chunk: rank for rank, chunk in enumerate(ALPHABET)}
    learned: list[Merge] = []
    while len(learned) < merges:
        pairs: Counter[tuple[bytes, bytes]] = Counter()
        for symbols, times in words.values():
            for pair in zip(symbols, symbols[1:], strict=False):
                pairs[pair] += times
        if not pairs:
            break
        (left, right), count = max(pairs.items(), key=lambda item: (item[1], -age[item[0][0]], -age[item[0][1]]))
        if count < 2:
            break
        learned.append(Merge(left, right, count))
        age.setdefault(left + right, len(age))
        words = {word: (_join(symbols, left, right), times) for word, (symbols, times) in words.items()}
    return tuple(learned)


def cut(text: str, merges: Sequence[Merge]) -> tuple[bytes, ...]:
    """``text`` cut with the vocabulary that ``merges`` built: every merge in the order it was learned."""
    if not isinstance(text, str):
        raise PlainError("Type some text first: there is nothing to cut.")
    return tuple(chunk for word in re.findall(WORDS, text) for chunk in _cut_word(word, merges))


def _cut_word(word: str, merges: Sequence[Merge]) -> tuple[bytes, ...]:
    symbols = _letters(word)
    for merge in merges:
        if len(symbols) == 1:
            break
        symbols = _join(symbols, merge.left, merge.right)
    return symbols


def _letters(word: str) -> tuple[bytes, ...]:
    return tuple(bytes([byte]) for byte in word.encode("utf-8", "replace"))


def _join(symbols: tuple[bytes, ...], left: bytes, right: bytes) -> tuple[bytes, ...]:
    """Put every ``left`` that is followed by ``right`` together with it, from the start of the word on."""
    if left not in symbols:
        return symbols
    out: list[bytes] = []
    at = 0
    while at < len(symbols):
        if symbols[at] == left and at + 1 < len(symbols) and symbols[at + 1] == right:
            out.append(left + right)
            at += 2
        else:
            out.append(symbols[at])
            at += 1
    return tuple(out)
