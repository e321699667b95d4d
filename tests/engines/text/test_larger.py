"""A larger masked writer by folder: the stock pipeline's words, no code of others, and what is refused in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.evidence import Evidence, PlainError
from engines.models import settings
from engines.text import larger
from lessons.text_diffusion import figures
from lessons.text_diffusion import larger as lesson
from tests.lessons.common import NASTY, safe, shown

SPECIAL = ("[PAD]", "[UNK]", "[SEP]", "[MASK]")
WORDS = (
    "<b>",
    *"the a red blue kite owl sings rests on in meadow town one two three four now then who has it .".split(),
)


def saved(folder: Path, mask: bool = True) -> Path:
    """A ModernBERT of random weights with a tokenizer of a few words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import ModernBertConfig, ModernBertForMaskedLM, PreTrainedTokenizerFast

    ids = {word: place for place, word in enumerate((*SPECIAL, *WORDS))}
    words = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # type: ignore[assignment]
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "sep_token": "[SEP]"} | (
        {"mask_token": "[MASK]"} if mask else {}
    )
    PreTrainedTokenizerFast(tokenizer_object=words, **named).save_pretrained(folder)
    config = ModernBertConfig(
        vocab_size=len(ids), hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        pad_token_id=0, cls_token_id=2, sep_token_id=2, bos_token_id=2, eos_token_id=2, initializer_range=0.3,
    )  # fmt: skip
    torch.manual_seed(1)
    ModernBertForMaskedLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("larger"))


@pytest.fixture
def drafter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[larger.Drafter]:
    monkeypatch.setenv(str(settings.DRAFT_MODEL), str(folder))
    monkeypatch.setenv(str(settings.DEVICE), "cpu")
    yield larger.load()
    larger.SHELF.unload()


@pytest.mark.parametrize(("words", "temperature"), [(8, 0.8), (16, 0.8), (5, 0.8), (19, 0.8), (19, 0.0)])
def test_its_rounds_are_those_of_the_stock_pipeline(drafter: larger.Drafter, words: int, temperature: float) -> None:
    import torch
    from diffusers import BlockRefinementScheduler, LLaDA2Pipeline

    prompt = " ".join((WORDS[1:] * 2)[:words])
    rounds = list(larger.draft(drafter, prompt, seed=3, length=20, block=8, rounds=4, temperature=temperature))
    pipeline = LLaDA2Pipeline(drafter.network, BlockRefinementScheduler(), drafter.tokenizer)
    pipeline.set_progress_bar_config(disable=True)
    stock = pipeline(
        input_ids=torch.tensor([larger.encoded(drafter, prompt)]), gen_length=20, block_length=8,
        num_inference_steps=4, temperature=temperature, sampling_method="multinomial", threshold=1.0,
        editing_threshold=None, eos_early_stop=False, generator=torch.Generator().manual_seed(3), output_type="seq",
    ).sequences[0].numpy()  # fmt: skip
    ours = rounds[-1].tokens
    done = ours != drafter.mask
    assert done.any() and (ours[done] == stock[:20][done]).all()
    if drafter.tokenizer.sep_token_id not in ours:  # a mask may stand there still, if the model chose one
        assert (ours == stock[:20]).all(), "it ends early only behind an end mark"


def test_every_pass_keeps_its_share_and_says_what_it_saw(drafter: larger.Drafter) -> None:
    before = np.zeros(16, bool)
    for one in larger.draft(drafter, "the red kite", seed=1, length=16, block=8, rounds=2):
        assert (one.before == before).all() and one.revealed.any() and not (one.revealed & one.before).any()
        assert {one.state(place) for place in range(16)} <= {"noise", "draft", "revealed", "committed"}
        before = one.before | one.revealed


def test_code_that_comes_with_weights_is_never_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    classes = {"AutoConfig": "own.Config", "AutoModelForMaskedLM": "own.Model", "AutoModelForCausalLM": "own.Model"}
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "llada2_moe", "auto_map": classes}))
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.setenv(str(settings.DRAFT_MODEL), str(tmp_path))
    with pytest.raises(PlainError, match="never run"):
        larger.load()
    assert not (tmp_path / "ran").exists()


def test_what_is_no_masked_writer_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(str(settings.DRAFT_MODEL), str(saved(tmp_path, mask=False)))
    with pytest.raises(PlainError, match="no mask"):
        larger.load()
    monkeypatch.setenv(str(settings.DRAFT_MODEL), "")
    with pytest.raises(PlainError, match="No larger writer"):
        larger.load()


@pytest.mark.parametrize("prompt", [None, 5, "", "the [MASK] kite", "a" * 1001, "\ud800"], ids=range(6))
def test_hostile_requests_are_refused(drafter: larger.Drafter, prompt: Any) -> None:
    with pytest.raises(PlainError):
        list(larger.draft(drafter, prompt, seed=1))
    for wrong in ({"length": 999}, {"rounds": 0}, {"temperature": 9}, {"seed": 1.5}):
        with pytest.raises(PlainError):
            list(larger.draft(drafter, "the kite", **{"seed": 1, **wrong}))  # type: ignore[arg-type]


def test_the_page_shows_its_answer_and_passes_no_verdict(drafter: larger.Drafter) -> None:
    reel = object()
    *_, evidence = events = list(figures.answered(lesson.answer(f"the kite {NASTY}", 48, 2, 0.8, 1), reel))
    frames = [one[reel] for one in events if isinstance(one, dict)]
    assert frames[-1].startswith(frames[0]) and frames[-1].count("film-cell") == len(frames)
    for frame in frames:
        safe(frame)
    assert 'data-s="noise"' in frames[0], "what no block has come to yet"
    assert shown(evidence.snippet)[0] == evidence.expected  # type: ignore[union-attr]
    assert isinstance(evidence, Evidence) and evidence.findings[-1].headline == "No verdict"
    assert json.dumps(evidence.as_json()) and str(drafter.numbers // 10**9) in "0"
