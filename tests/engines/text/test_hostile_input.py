"""Absent, invisible, huge and broken input to the engines without a model: words, or a right answer, never a crash."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engines.evidence import PlainError
from engines.text import byte_pairs, character_art, vocabularies
from engines.text.character_art import STYLES

DOTS = STYLES["dots"]
HUGE = "a" * 5_000_000
REFUSED: dict[str, Callable[[], object]] = {
    "no text to cut": lambda: vocabularies.tokenize(None, "o200k"),  # type: ignore[arg-type]
    "a huge text to cut": lambda: vocabularies.tokenize(HUGE, "o200k"),
    "half a character to cut": lambda: vocabularies.tokenize("\ud83d", "o200k"),
    "no vocabulary": lambda: vocabularies.tokenize("a", None),  # type: ignore[arg-type]
    "no text to learn from": lambda: byte_pairs.learn(None, 5),  # type: ignore[arg-type]
    "a huge text to learn from": lambda: byte_pairs.learn(HUGE, 5),
    "no number of merges": lambda: byte_pairs.learn("abab", None),  # type: ignore[arg-type]
    "merges beyond printing": lambda: byte_pairs.learn("abab", 10**5000),
    "no word to cut": lambda: byte_pairs.cut(None, ()),  # type: ignore[arg-type]
    "no shape": lambda: character_art.rasterise(None, 7),  # type: ignore[arg-type]
    "no size": lambda: character_art.rasterise("ring", None),  # type: ignore[arg-type]
    "a huge size": lambda: character_art.rasterise("ring", 10**5000),
    "no style": lambda: character_art.style_of(None),  # type: ignore[arg-type]
    "no reply": lambda: character_art.read(None, DOTS),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_in_plain_words(name: str) -> None:
    with pytest.raises(PlainError) as failure:
        REFUSED[name]()
    assert str(failure.value).endswith(".") and len(str(failure.value)) < 400


@pytest.mark.parametrize("text", ["\u200b\u2060\ufeff", "\u202e", "\x00", "\u3164", ""])
def test_invisible_text_is_cut_whole_and_draws_nothing(text: str) -> None:
    cut = vocabularies.tokenize(text, "o200k")
    assert cut.text == text and cut.spans[-1].end_byte == len(text.encode()) if text else cut.ids == ()
    assert b"".join(byte_pairs.cut(text, ())) == text.encode()
    assert character_art.read(text, DOTS).lines == ()


def test_a_huge_reply_is_read_as_a_small_drawing() -> None:
    drawing = character_art.read("#" * 100_000 + "\n" + "#" * 100_000, DOTS)
    assert drawing.grid.shape == (2, character_art.MAX_SIDE) and bool(np.all(drawing.grid))
