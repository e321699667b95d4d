"""A caption as a text encoder reads it: its words, the tokens of each, and the tail that is never read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engines.evidence import PlainError

WORD = re.compile(r"\w+(?:['’.-]\w+)*")


@dataclass(frozen=True)
class Word:
    """A word of a caption: its characters [start, end) and the token positions the text encoder gives it."""

    text: str
    start: int
    end: int
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Reading:
    """A caption as the text encoder reads it: ``unread`` is the tail beyond its ``capacity`` in tokens."""

    caption: str
    words: tuple[Word, ...]
    pieces: tuple[str, ...]
    token_ids: tuple[int, ...]
    capacity: int
    unread: str

    def tokens_of(self, word: str) -> tuple[int, ...]:
        """Token positions of every occurrence of ``word`` (one word or a phrase); PlainError when absent."""
        found = self._find(word)
        tokens = tuple(token for i, j in found for entry in self.words[i:j] for token in entry.tokens)
        if not tokens:
            raise PlainError(f"The painter never reads {word!r}: it lies beyond the end of what fits.")
        return tokens

    def without(self, word: str) -> str:
        """The caption with every occurrence of ``word`` taken out; PlainError when absent."""
        text = self.caption
        for i, j in reversed(self._find(word)):
            text = text[: self.words[i].start] + text[self.words[j - 1].end :]
        return " ".join(text.split())

    def _find(self, phrase: str) -> list[tuple[int, int]]:
        """Every [i, j) of words that spell ``phrase``, whatever the case."""
        wanted = [match.group().lower() for match in WORD.finditer(phrase)]
        texts = [word.text.lower() for word in self.words]
        starts = range(len(texts) - len(wanted) + 1) if wanted else range(0)
        found = [(i, i + len(wanted)) for i in starts if texts[i : i + len(wanted)] == wanted]
        if not found:
            listed = ", ".join(word.text for word in self.words) or "no words"
            raise PlainError(f"{phrase!r} is not in the caption. Its words are: {listed}.")
        return found


def find_offsets(tokens: Sequence[str], text: str) -> list[tuple[int, int]]:
    """Character spans of byte-pair tokens, for tokenizers that do not keep them; (0, 0) for special tokens."""
    spans, cursor, lowered = [], 0, text.lower()
    for token in tokens:
        piece = token.removesuffix("</w>").lower()
        at = lowered.find(piece, cursor)
        found = bool(piece) and at >= 0 and not lowered[cursor:at].strip()
        spans.append((at, at + len(piece)) if found else (0, 0))
        cursor = at + len(piece) if found else cursor
    return spans
