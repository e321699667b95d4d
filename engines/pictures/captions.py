"""A caption as a text encoder reads it: its words, the tokens of each, and the tail that is never read.

Nothing here needs torch or a painter's weights: :func:`read_by` reads by the file of its tokenizer alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from engines.checks import check_caption
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

    @classmethod
    def of(cls, caption: str, token_ids: Sequence[int], offsets: Sequence[tuple[int, int]], capacity: int) -> Reading:
        """From a tokenizer's ids, uncut, and the characters [start, end) of each; special tokens have none.

        ``capacity`` counts the tokens that mark the start and the end.
        """
        spoken = [i for i, (start, end) in enumerate(offsets) if end > start]
        kept = [i for i in spoken if i < capacity - 1]
        words = []
        for match in WORD.finditer(caption):
            start, end = match.span()
            tokens = tuple(i for i in kept if offsets[i][0] < end and start < offsets[i][1])
            words.append(Word(match.group(), start, end, tokens))
        tail = spoken[len(kept) :]
        return cls(
            caption,
            tuple(words),
            pieces=tuple(caption[slice(*offsets[i])] for i in kept),
            token_ids=tuple(token_ids[i] for i in kept),
            capacity=capacity,
            unread=caption[offsets[tail[0]][0] :] if tail else "",
        )

    @property
    def unread_words(self) -> tuple[str, ...]:
        """The words that are not read to their end, in order: captions that differ in them only paint the same."""
        read = len(self.caption) - len(self.unread)
        return tuple(word.text for word in self.words if word.end > read)

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


def read_by(folder: Path, caption: str) -> Reading:
    """As ``Painter.read`` reads, by the files in a painter's folder; PlainError where its tokenizer is not there."""
    check_caption(caption)
    tokenizer, capacity = _tokenizer(folder / "tokenizer")
    coded = tokenizer.encode(caption)
    return Reading.of(caption, coded.ids, coded.offsets, capacity)


@cache
def _tokenizer(place: Path) -> tuple[Any, int]:
    """The tokenizer of a folder, set to cut and pad nothing, and how many tokens its text encoder reads."""
    from tokenizers import Tokenizer

    files = place / "tokenizer.json", place / "tokenizer_config.json"
    if not all(file.is_file() for file in files):
        raise PlainError("The painter's tokenizer is not on this machine.")
    tokenizer = Tokenizer.from_file(str(files[0]))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer, int(json.loads(files[1].read_text(encoding="utf-8"))["model_max_length"])
