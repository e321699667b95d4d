"""Every vocabulary, on texts that break tokenizers: what it cuts must join back to what it was given."""

from __future__ import annotations

import math
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engines.evidence import PlainError
from engines.models import catalogue, weights
from engines.text import snippets, vocabularies
from tests.engines import tiny_text

OFFLINE = ("cl100k", "o200k", "llama3", "qwen3", "mistral", "deepseek", "gemma")


def ready_now() -> list[str]:
    return [info.key for info in vocabularies.available() if info.ready]


@pytest.fixture(params=[info.key for info in vocabularies.available()])
def key(request: pytest.FixtureRequest) -> str:
    if request.param not in ready_now():
        pytest.skip(f"{request.param} is not fetched on this machine")
    return request.param


TROUBLE = [
    "",
    " ",
    "  two  leading and trailing  ",
    "👩‍👩‍👧‍👦🏳️‍🌈👍🏽",
    "zero\u200bwidth\u200d\u2060\ufeff",
    "\u202eright to left\u202c שלום مرحبا",
    "e\u0301 \u0301 \u0300\u0301\u0302",
    "\x00\x01\x04\x06\x13\x7f\x85",
    "!\x04!\x04\x06!",
    "12345 1,234.5 ½ ² ①②Ⅳ ٣٤",
    "▁ ▁▁ \u2581x",
    "\r\n\t\v\f\u00a0\u2003\u3000",
    "İ ﬁ Å Å 각",
    "\U00050000\U0010fffd\ue000",
    "<|endoftext|><|im_start|><bos></s>[INST]",
    "a</w>b",
    "日本語とEnglishとКириллица",
    "def f(x):\n    return x ** 2  # square\n",
]

unicode_text = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.text(st.sampled_from("a A\u0301\u200d\u200b\u202e👩🏽▁ \n\t7½²\x04\x00<|>ش日\U00050000"), max_size=60),
)


def check_whole(text: str, key: str) -> None:
    cut = vocabularies.tokenize(text, key)
    seen = cut.text.encode()
    at = 0
    for span in cut.spans:
        assert span.start_byte == at and span.end_byte > at
        at = span.end_byte
        data = seen[span.start_byte : span.end_byte]
        assert span.whole == (data.decode(errors="replace").encode() == data)
        assert "\ufffd" not in span.text or "\ufffd" in cut.text
        if span.whole:
            assert span.text.encode() == data
        else:
            assert "‹0x" in span.text
    assert at == len(seen)
    assert cut.ids == tuple(span.token_id for span in cut.spans if span.token_id is not None)
    assert all(0 <= token_id < cut.vocabulary.size for token_id in cut.ids)
    assert cut.rewritten == (cut.text != text)
    if not cut.vocabulary.rewrites:
        assert cut.text == text
    lost = b"".join(seen[span.start_byte : span.end_byte] for span in cut.dropped)
    known = {"clip": b" ", "smollm2": bytes([0x04, 0x06, 0x13, 0x14, 0x16, 0x1D, 0xF1, 0xF2]), "live": b"\x04\xf1"}
    allowed = known.get(key, b"")
    assert set(lost) <= set(allowed)


@pytest.mark.parametrize("text", TROUBLE)
def test_spans_join_back_to_the_text_on_known_trouble(key: str, text: str) -> None:
    check_whole(text, key)


@given(text=unicode_text)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(text="\u0344\u0301")
def test_spans_join_back_to_any_unicode_text(key: str, text: str) -> None:
    check_whole(text, key)


@given(text=unicode_text)
@settings(max_examples=60, deadline=None)
def test_qwen_sees_composed_characters(text: str) -> None:
    assert vocabularies.tokenize(text, "qwen3").text == unicodedata.normalize("NFC", text)


def test_at_least_six_vocabularies_work_without_anything_fetched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLAYGROUND_CACHE", str(tmp_path))
    ready = ready_now()
    assert tuple(ready) == OFFLINE and len(ready) >= 6
    listed = {info.key: info for info in vocabularies.available()}
    assert not listed["smollm2"].ready and not listed["clip"].ready
    assert all(info.licence and info.source and info.name for info in listed.values())


@pytest.mark.parametrize(("key", "words"), [("smollm2", "comes with its model"), ("clip", "1.5 MB.*is not fetched")])
def test_a_vocabulary_that_is_not_fetched_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str, words: str
) -> None:
    monkeypatch.setenv("PLAYGROUND_CACHE", str(tmp_path))
    vocabularies._cutter.cache_clear()
    with pytest.raises(PlainError, match=words):
        vocabularies.tokenize("x", key)


@pytest.mark.parametrize(
    ("key", "text", "ids"),
    [
        ("cl100k", "hello world", [15339, 1917]),
        ("o200k", "hello world", [24912, 2375]),
        ("llama3", "Hello world", [9906, 1917]),
        ("qwen3", "Hello world", [9707, 1879]),
        ("mistral", "Hello world", [22177, 4304]),
        ("gemma", "Hello world", [9259, 1902]),
        ("clip", "a photo of a cat", [320, 1125, 539, 320, 2368]),
    ],
)
def test_published_ids(key: str, text: str, ids: list[int]) -> None:
    if key not in ready_now():
        pytest.skip(f"{key} is not fetched on this machine")
    assert vocabularies.tokenize(text, key).ids == tuple(ids)


@pytest.mark.parametrize("key", OFFLINE)
def test_sizes_are_those_the_package_knows(key: str) -> None:
    import splintr

    assert vocabularies._info(key).size == splintr.base_vocab_size(snippets.IN_SPLINTR[key])


def test_markers_in_the_text_are_cut_as_text(key: str) -> None:
    for marker in ("<|endoftext|>", "<|im_start|>"):
        assert len(vocabularies.tokenize(marker, key).ids) > 1


def test_a_character_split_over_tokens_is_shown_byte_by_byte() -> None:
    cut = vocabularies.tokenize("🧿", "cl100k")
    assert [span.text for span in cut.spans] == ["‹0xF0›‹0x9F›", "‹0xA7›", "‹0xBF›"]
    assert not any(span.whole for span in cut.spans)


def test_gemma_keeps_the_difference_between_a_space_and_its_marker() -> None:
    cut = vocabularies.tokenize("a ▁b", "gemma")
    assert "".join(span.text for span in cut.spans) == "a ▁b" and not cut.rewritten


def test_gemma_falls_back_to_bytes() -> None:
    cut = vocabularies.tokenize("a𓀀", "gemma")
    assert [span.text for span in cut.spans] == ["a", "‹0xF0›", "‹0x93›", "‹0x80›", "‹0x80›"]


def test_characters_per_token() -> None:
    assert vocabularies.tokenize("hello world", "cl100k").characters_per_token == 5.5
    assert math.isnan(vocabularies.tokenize("", "cl100k").characters_per_token)


@pytest.mark.parametrize(
    "text", ["a" * 99_999, " " * 99_999, "the quick brown fox " * 4_999, "日本語" * 11_111, "e" + "\u0301" * 49_000]
)
def test_the_time_to_cut_grows_with_the_text_and_not_with_its_square(key: str, text: str) -> None:
    def seconds(length: int) -> float:
        best = math.inf
        for _ in range(3):
            started = time.process_time()
            vocabularies.tokenize(text[:length], key)
            best = min(best, time.process_time() - started)
        return best

    seconds(10)
    part = max(seconds(len(text) // 8), 0.001)
    assert seconds(len(text)) < 32 * part, "eight times the text takes at most 32 times as long"


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(PlainError, match="100,001 bytes long. Keep it to 100,000"):
        vocabularies.tokenize("a" * 100_001, "cl100k")
    with pytest.raises(PlainError, match="no vocabulary 'latin'. Choose one of: smollm2, cl100k"):
        vocabularies.tokenize("a", "latin")
    with pytest.raises(PlainError, match="Character 2 is half of a surrogate pair"):
        vocabularies.tokenize("a\ud83d", "cl100k")


# --- The live model's own vocabulary ---------------------------------------------------------------------------


def byte_level(**changes: Any) -> Any:
    """The tiny byte-level tokenizer; with a normalizer, a space in front, or without two of its bytes."""
    import json

    from tokenizers import Tokenizer

    spec = json.loads(tiny_text.tokenizer().backend_tokenizer.to_str())
    spec["pre_tokenizer"]["add_prefix_space"] = changes.get("prefix", False)
    spec["normalizer"] = {"type": "NFC"} if changes.get("nfc") else None
    for letter in changes.get("without", ""):
        spec["model"]["vocab"][f"<unused {letter}>"] = spec["model"]["vocab"].pop(letter)
    return Tokenizer.from_str(json.dumps(spec))


def metaspace(kind: str) -> Any:
    """A tokenizer that writes spaces as ▁ and falls back on bytes, as Gemma's ("bare") and Llama 2's."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    if kind == "split":
        made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    else:
        marks = normalizers.Replace(" ", "▁")
        made.normalizer = marks if kind == "bare" else normalizers.Sequence([normalizers.Prepend("▁"), marks])
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    specials = ["<unk>", "<s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=330, special_tokens=specials, show_progress=False)
    made.train_from_iterator([tiny_text.TEXT.replace(".", " ▁")] * 4, trainer)
    return made


def added(made: Any) -> Any:
    """With an added token that is no special one, as Qwen's <tool_call>, and one of spaces."""
    made.add_tokens(["<tool> é", "\n\n"])
    return made


TOKENIZERS = {
    "bytes": byte_level,
    "bytes with a beginning": lambda: tiny_text.with_a_beginning()._tokenizer.backend_tokenizer,
    "bytes, composed": lambda: byte_level(nfc=True),
    "bytes, a space in front": lambda: byte_level(prefix=True),
    "bytes, two missing": lambda: byte_level(without="Ą\u00f1"),
    "bytes, more added": lambda: added(byte_level()),
    "marks": lambda: metaspace("bare"),
    "marks, one in front": lambda: metaspace("prepended"),
    "marks, one in front of the words": lambda: metaspace("split"),
    "marks, more added": lambda: added(metaspace("bare")),
}
REWRITE = {"bytes, composed", "bytes, a space in front", "marks, one in front", "marks, one in front of the words"}


@pytest.fixture
def go_live(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Makes a folder that holds a tokenizer (or nothing) the live model."""

    def go(made: Any, name: str = "mine") -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        if made is not None:
            made.save(str(folder / "tokenizer.json"))
        monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", str(folder))
        return folder

    return go


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_the_live_vocabulary_joins_back(go_live: Any, kind: str) -> None:
    made = TOKENIZERS[kind]()
    go_live(made)
    made.encode_special_tokens = True
    for text in (*TROUBLE, tiny_text.TEXT, "<tool> é\n\n<|start|>", "\x04!ñ"):
        cut = vocabularies.tokenize(text, "live")
        check_whole(text, "live")
        assert kind == "bytes, two missing" or not cut.dropped
        assert cut.ids == tuple(made.encode(text, add_special_tokens=False).ids)
        assert cut.vocabulary.size == made.get_vocab_size() and cut.vocabulary.name == "mine"
        if kind not in REWRITE:
            assert cut.text == text
        elif kind == "bytes, composed":
            assert cut.text == unicodedata.normalize("NFC", text)
        else:
            assert cut.text in (text, " " + text)


@given(text=unicode_text)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("kind", ["bytes, two missing", "marks", "marks, one in front"])
def test_the_live_vocabulary_joins_back_to_any_text(go_live: Any, kind: str, text: str) -> None:
    go_live(TOKENIZERS[kind](), kind.replace(", ", "-"))
    cut = vocabularies.tokenize(text, "live")
    assert cut.text == text or (kind == "marks, one in front" and cut.text == " " + text)
    assert b"".join(cut.text.encode()[span.start_byte : span.end_byte] for span in cut.spans) == cut.text.encode()


def test_the_live_vocabulary_leaves_marks_of_a_beginning_out(go_live: Any) -> None:
    made = TOKENIZERS["bytes with a beginning"]()
    go_live(made)
    assert made.encode("The keys").ids[0] == made.token_to_id("<|start|>")
    assert vocabularies.tokenize("The keys", "live").ids == tuple(made.encode("The keys").ids[1:])


def test_bytes_the_live_vocabulary_lacks_are_spans_without_a_token(go_live: Any) -> None:
    go_live(byte_level(without="Ą"))
    assert [span.text for span in vocabularies.tokenize("a\x04b", "live").dropped] == ["\x04"]


def test_a_space_put_in_front_is_told(go_live: Any) -> None:
    go_live(metaspace("prepended"))
    cut = vocabularies.tokenize("keys ▁a", "live")
    assert cut.rewritten and "".join(span.text for span in cut.spans) == " keys ▁a"
    assert cut.vocabulary.rewrites == "puts a space in front"


def test_the_live_vocabulary_comes_first_and_follows_a_switch(go_live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLAYGROUND_TEXT_MODEL", raising=False)
    assert vocabularies.available()[0].key == vocabularies.resolve("live") == "smollm2"
    assert vocabularies.available()[0].source == "tokenizer of the live model"
    go_live(byte_level(), "first")
    one = vocabularies.available()[0]
    assert (one.key, one.name, one.ready) == ("live", "first", True) and vocabularies.resolve("live") == "live"
    before = vocabularies.tokenize("the keys", "live")
    folder = go_live(metaspace("bare"), "second")
    after = vocabularies.tokenize("the keys", "live")
    assert (before.vocabulary.name, after.vocabulary.name) == ("first", "second") and before.ids != after.ids
    byte_level().save(str(folder / "tokenizer.json"))
    assert vocabularies.tokenize("the keys", "live").ids == before.ids, "a file that changed is read anew"
    assert all(info.source != "tokenizer of the live model" for info in vocabularies.available()[1:])


def test_a_live_model_without_a_tokenizer_file_is_left_out_and_says_so(go_live: Any) -> None:
    assert vocabularies.left_out() == ""
    folder = go_live(None)
    assert "live" not in [info.key for info in vocabularies.available()]
    assert "mine, has no tokenizer.json" in vocabularies.left_out()
    with pytest.raises(PlainError, match="has no tokenizer.json.*choose another vocabulary"):
        vocabularies.tokenize("a", "live")
    (folder / "tokenizer.json").write_text("{}")
    assert "tokenizer.json cannot be read" in vocabularies.left_out()
    assert "live" not in [info.key for info in vocabularies.available()]
    with pytest.raises(PlainError, match="tokenizer.json cannot be read"):
        vocabularies.tokenize("a", "live")


def test_without_a_live_model_the_others_still_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PLAYGROUND_TEXT_MODEL", raising=False)
    monkeypatch.setenv("PLAYGROUND_PROFILE", "custom")
    monkeypatch.setenv("PLAYGROUND_CACHE", str(tmp_path))
    assert [info.key for info in vocabularies.available()] == [*OFFLINE, "clip"]
    assert "no model for text" in vocabularies.left_out()


def test_a_live_model_that_is_not_here_is_not_ready_and_smollm2_is_hidden(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLAYGROUND_CACHE", str(tmp_path))
    monkeypatch.setattr(weights.hub, "snapshot", lambda *_: None)
    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", "qwen2.5-1.5b-instruct")
    listed = {info.key: info for info in vocabularies.available()}
    assert tuple(listed) == ("live", *OFFLINE, "clip")
    assert listed["live"].name == "Qwen2.5-1.5B-Instruct" and not listed["live"].ready
    with pytest.raises(PlainError, match="Qwen2.5-1.5B-Instruct's vocabulary comes with its model.*Start page"):
        vocabularies.tokenize("a", "live")


def test_after_a_prefetch_everything_on_offer_is_ready(
    go_live: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What --prefetch readies is the live model and CLIP's merges; nothing else may be on offer unready."""
    monkeypatch.setenv("PLAYGROUND_CACHE", str(tmp_path))
    monkeypatch.setattr(weights.hub, "snapshot", lambda *_: None)
    monkeypatch.setattr(vocabularies, "_clip_merges", lambda: tmp_path)
    go_live(byte_level())
    assert all(info.ready for info in vocabularies.available())


@pytest.mark.weights
def test_the_live_vocabulary_of_the_pocket_profile_is_smollm2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLAYGROUND_TEXT_MODEL", raising=False)
    vocabularies.prepare("live")
    assert vocabularies.tokenize("strawberry", "live") == vocabularies.tokenize("strawberry", "smollm2")


@pytest.mark.weights
def test_smollm2_and_clip_agree_with_transformers() -> None:
    from transformers import AutoTokenizer, CLIPTokenizer

    vocabularies.prepare("smollm2")
    vocabularies.prepare("clip")
    smollm2 = AutoTokenizer.from_pretrained(weights.ensure(catalogue.SMOLLM2_135M).path)
    vocabulary, merges = vocabularies.clip_vocabulary(weights.ensure_file(catalogue.CLIP_MERGES))
    clip = CLIPTokenizer(vocab=vocabulary, merges=merges)
    assert len(clip) == 49_408
    for text in TROUBLE:
        if "<|" in text:
            continue
        assert vocabularies.tokenize(text, "smollm2").ids == tuple(smollm2.encode(text)), text
        assert vocabularies.tokenize(text, "clip").ids == tuple(clip.encode(text, add_special_tokens=False)), text
