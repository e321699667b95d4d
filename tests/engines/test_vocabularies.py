"""Every vocabulary, on texts that break tokenizers: what it cuts must join back to what it was given."""

from __future__ import annotations

import math
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engines import cache, catalogue, vocabularies, weights
from engines.evidence import PlainError

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
    allowed = {"clip": b" ", "smollm2": bytes([0x04, 0x06, 0x13, 0x14, 0x16, 0x1D, 0xF1, 0xF2])}.get(key, b"")
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
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    ready = ready_now()
    assert tuple(ready) == OFFLINE and len(ready) >= 6
    listed = {info.key: info for info in vocabularies.available()}
    assert not listed["smollm2"].ready and not listed["clip"].ready
    assert all(info.licence and info.source and info.name for info in listed.values())


@pytest.mark.parametrize(("key", "words"), [("smollm2", "comes with its model"), ("clip", "1.5 MB.*is not fetched")])
def test_a_vocabulary_that_is_not_fetched_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str, words: str
) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
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

    assert vocabularies._info(key).size == splintr.base_vocab_size(vocabularies.IN_SPLINTR[key])


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
def test_a_hundred_thousand_bytes_are_cut_within_a_second(key: str, text: str) -> None:
    vocabularies.tokenize("warm", key)
    started = time.process_time()
    vocabularies.tokenize(text, key)
    assert time.process_time() - started < 1


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(PlainError, match="100,001 bytes long. Keep it to 100,000"):
        vocabularies.tokenize("a" * 100_001, "cl100k")
    with pytest.raises(PlainError, match="no vocabulary 'latin'. Choose one of: smollm2, cl100k"):
        vocabularies.tokenize("a", "latin")
    with pytest.raises(PlainError, match="Character 2 is half of a surrogate pair"):
        vocabularies.tokenize("a\ud83d", "cl100k")


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
