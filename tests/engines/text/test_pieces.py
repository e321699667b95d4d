from __future__ import annotations

import pytest
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from engines.text.pieces import Pieces, TextStream
from tests.engines.tiny_text import tokenizer

TEXTS = ["plain words", " leading", "naïve café", "🐈‍⬛ 👩‍👩‍👧", "שלום", "a\u200bb", "\n\ttabs", "<b>&amp;"]


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_join_to_the_text(text: str) -> None:
    pieces = Pieces(tokenizer())
    ids = tokenizer()(text).input_ids
    assert b"".join(pieces.raw(i) for i in ids) == text.encode()
    assert pieces.decode(ids) == text
    stream = TextStream(pieces)
    assert "".join(stream.push(i, last=place == len(ids) - 1) for place, i in enumerate(ids)) == text


def test_a_piece_of_a_character_is_shown_as_its_byte() -> None:
    pieces = Pieces(tokenizer())
    ids = tokenizer()("é").input_ids
    assert [pieces.show(i) for i in ids] == ["‹0xC3›", "‹0xA9›"]
    assert pieces.decode(ids[:1]) == "‹0xC3›"
    assert TextStream(pieces).push(ids[0], last=True) == "‹0xC3›"


def test_a_byte_that_never_fits_is_shown_where_it_stands() -> None:
    pieces = Pieces(tokenizer())
    lead, letter = tokenizer()("é").input_ids[0], tokenizer()("a").input_ids[0]
    stream = TextStream(pieces)
    assert stream.push(lead) == "" and stream.push(letter, last=True) == "‹0xC3›a"


def test_special_tokens_show_but_are_no_text() -> None:
    pieces = Pieces(tokenizer())
    end = tokenizer().eos_token_id
    assert pieces.show(end) == "<|end|>" and pieces.decode([end]) == ""


def test_ids_that_the_tokenizer_does_not_use() -> None:
    pieces = Pieces(tokenizer())
    assert pieces.show(99_999) == "‹unused 99999›" and pieces.decode([99_999]) == ""


def test_vocabularies_with_byte_fallback() -> None:
    words = {"<unk>": 0, "\u2581cat": 1, "s": 2, "<0xC3>": 3, "<0xA9>": 4}
    backend = Tokenizer(models.BPE(words, [], unk_token="<unk>", byte_fallback=True))
    backend.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    pieces = Pieces(PreTrainedTokenizerFast(tokenizer_object=backend))
    assert pieces.decode([1, 2, 3, 4]) == " catsé"
    assert pieces.show(3) == "‹0xC3›"
