"""What a token looks like: its bytes, its display text, and a stream of tokens as growing text.

Byte-level vocabularies cut wherever their merges say, also inside a character, so one emoji may take three
tokens of which none is text by itself. Such bytes are shown as ‹0xE2› and never as a replacement character.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

BYTE_FALLBACK = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def _show_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    broken = error.object[error.start : error.end]
    return "".join(f"‹0x{byte:02X}›" for byte in broken), error.end


codecs.register_error("show-bytes", _show_bytes)


class Pieces:
    """The vocabulary of one transformers tokenizer, as bytes."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._shown: dict[int, str] = {}

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """Tokens that steer the model and are no part of the text, such as <|im_end|>."""
        added = self.tokenizer.added_tokens_decoder
        return frozenset(self.tokenizer.all_special_ids) | {i for i, token in added.items() if token.special}

    @cached_property
    def _byte_level(self) -> bool:
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        return backend is not None and "ByteLevel" in repr(backend.decoder)

    def raw(self, token_id: int) -> bytes:
        """The bytes a token stands for; empty for an id that the tokenizer does not use."""
        token = self.tokenizer.convert_ids_to_tokens(token_id)
        if token is None:
            return b""
        if token_id in self.tokenizer.added_tokens_decoder:
            return token.encode()
        if self._byte_level:
            return bytes(BYTE_OF[character] for character in token)
        if fallback := BYTE_FALLBACK.fullmatch(token):
            return bytes([int(fallback[1], 16)])
        return token.replace("\u2581", " ").encode()

    def show(self, token_id: int) -> str:
        """Display text of one token by itself."""
        if token_id not in self._shown:
            self._shown[token_id] = self.raw(token_id).decode("utf-8", "show-bytes") or f"‹unused {token_id}›"
        return self._shown[token_id]

    def decode(self, token_ids: Iterable[int]) -> str:
        """The text of a run of tokens, special tokens left out."""
        return b"".join(self.raw(i) for i in token_ids if i not in self.special_ids).decode("utf-8", "show-bytes")


class TextStream:
    """Turns tokens into text as they come; a character appears when its last byte has arrived."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._decoder = codecs.getincrementaldecoder("utf-8")("show-bytes")

    def push(self, token_id: int, last: bool = False) -> str:
        """The text that this token completes; with ``last``, bytes still waiting are shown as they are."""
        raw = b"" if token_id in self._pieces.special_ids else self._pieces.raw(token_id)
        return self._decoder.decode(raw, last)


def _bytes_to_characters() -> dict[int, str]:
    """GPT-2's printable stand-in for each byte (Radford et al. 2019, ``encoder.py``)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}


BYTE_OF = {character: byte for byte, character in _bytes_to_characters().items()}
"""Printable stand-in -> byte, in the order in which byte-level vocabularies number them."""
