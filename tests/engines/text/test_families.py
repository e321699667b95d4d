"""Small random models of transformers' own classes: each is served right in every view, or refused in words."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from engines.evidence import PlainError
from engines.text import logit_lens, snippets
from engines.text.language_model import load
from engines.text.packing import Cached, Piece
from engines.text.transformer import Network
from tests.engines.tiny_text import tokenizer
from tests.lessons.common import run

IDS = [5, 17, 33, 80, 9, 12, 40]
SHAPE = {
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,
}
GPT = {"n_embd": 48, "n_layer": 3, "n_head": 6, "n_positions": 128}
EXPERTS = {"num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
GEMMA = {"query_pre_attn_scalar": 8, "sliding_window": 4}
MAMBA = {"mamba_n_heads": 12, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_d_state": 8}
SERVED: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {"sliding_window": 4},
    "mixtral": EXPERTS,
    "qwen2": {},
    "qwen3": {},
    "gpt2": GPT,
    "gpt_bigcode": GPT,
    "gpt_neox": {},
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 24},
    "gemma": {},
    "gemma2": {**GEMMA, "final_logit_softcapping": 5.0},
    "gemma3_text": GEMMA,
    "phi": {},
    "phi3": {},
    "granite": {"logits_scaling": 8.0, "embedding_multiplier": 12.0, "residual_multiplier": 0.22},
    "cohere": {"logit_scale": 0.06},
    "cohere2": {"logit_scale": 0.06, "sliding_window": 4},
    "olmo2": {},
    "smollm3": {},
    "starcoder2": {},
    "doge": {},
}
WRITES_ONLY: dict[str, dict[str, Any]] = {
    "gpt_neo": {"num_layers": 3, "num_heads": 6, "attention_types": [[["global", "local", "global"], 1]]},
    "gptj": {**GPT, "rotary_dim": 4},
    "bloom": {"n_layer": 3, "n_head": 6},
    "mpt": {"d_model": 48, "n_heads": 6, "n_layers": 3, "max_seq_len": 128},
    "jetmoe": {**EXPERTS, "kv_channels": 8},
}
REFUSED: dict[str, dict[str, Any]] = {
    "mamba": {},
    "mamba2": {"num_heads": 12, "head_dim": 8, "n_groups": 1, "state_size": 8},
    "falcon_mamba": {},
    "rwkv": {"attention_hidden_size": 48},
    "xlstm": {"num_heads": 4},
    "recurrent_gemma": {"lru_width": 48, "attention_window_size": 8},
    "jamba": EXPERTS,
    "lfm2": {"layer_types": ["conv", "full_attention", "conv"]},
    "bamba": {"attn_layer_indices": [1], **MAMBA},
    "falcon_h1": {**MAMBA, "mamba_d_ssm": 96},
    "granitemoehybrid": {**EXPERTS, **MAMBA, "layer_types": ["mamba", "attention", "mamba"]},
    "minimax": EXPERTS,
    "openai-gpt": GPT,
    "bart": {"d_model": 48, "decoder_layers": 3, "decoder_attention_heads": 6, "decoder_ffn_dim": 64},
}
NOT_SHARED = {"gemma2", "gpt_neo", "gptj", "bloom", "mpt"}
"""Attention with a cap, or of a way of its own: their texts take turns."""
LENS = ["granite", "gemma2", "cohere", "llama", "gpt2", "gpt_bigcode", "opt", "phi", "olmo2"]


@cache
def model_of(kind: str) -> Any:
    settings = {**SHAPE, **(SERVED | WRITES_ONLY | REFUSED)[kind]}
    ends = {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": tokenizer().eos_token_id}
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, vocab_size=len(tokenizer()), **ends, **settings)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    model.generation_config.eos_token_id = tokenizer().eos_token_id
    return model


def layers_of(model: Any) -> torch.nn.ModuleList:
    parts = model.get_decoder().modules()
    return next(part for part in parts if isinstance(part, torch.nn.ModuleList) and len(part) == 3)


def without_layers(kind: str, kept: int) -> Any:
    """The model, in which every layer from ``kept`` on hands over what it is given."""
    model = copy.deepcopy(model_of(kind))

    def emptied(block: Any, given: Any, output: Any) -> Any:
        return (given[0], *output[1:]) if isinstance(output, tuple) else given[0]

    for block in layers_of(model)[kept:]:
        block.register_forward_hook(emptied)
    return model


def scores(model: Any, ids: list[int]) -> np.ndarray:
    """Logits of a whole pass without a cache, float32 [T, V]."""
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].numpy()


def gap(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / expected.std())


@pytest.mark.parametrize("kind", SERVED | WRITES_ONLY)
def test_a_family_writes_what_its_own_class_computes(kind: str) -> None:
    network = Network(model_of(kind))
    network.try_out()
    whole = scores(model_of(kind), IDS)
    _, cache = network.read(IDS[:3])
    later, _ = network.read(IDS[3:], cache, keep=4)
    assert gap(later, whole[3:]) < 1e-3
    batch = network.batch([IDS[:4], IDS[:2]])
    assert gap(batch.logits, whole[[3, 1]]) < 1e-3
    assert gap(batch.step([IDS[4], IDS[2]]), whole[[4, 2]]) < 1e-3
    batch.keep([1])
    assert gap(batch.step([IDS[3]]), whole[[3]]) < 1e-3


@pytest.mark.parametrize("kind", SERVED | WRITES_ONLY)
def test_texts_of_a_family_that_share_a_pass_get_the_scores_they_have_alone(kind: str) -> None:
    network = Network(model_of(kind))
    network.try_out()
    if not network.packs:
        assert kind in NOT_SHARED
        return
    long = IDS * 3  # longer than the window of those that look back so far only
    whole = scores(model_of(kind), long)
    first, second = Cached(), Cached()
    met = network._read_together([Piece(long[:7], first, 1), Piece(long[:2], second, 2)])
    assert gap(np.concatenate(met), whole[[6, 0, 1]]) < 1e-3
    met = network._read_together([Piece(long[2:3], second, 1), Piece(long[7:], first, 2)])
    assert gap(np.concatenate(met), whole[[2, -2, -1]]) < 1e-3


@pytest.mark.parametrize("kind", SERVED)
def test_a_family_is_seen_through_the_microscope_as_it_is(kind: str) -> None:
    network = Network(model_of(kind))
    probe = network.probe(IDS, record=range(3), silence=[(), [(1, 0)]])
    whole = scores(model_of(kind), IDS)[-1]
    assert gap(probe.logits[0], whole) < 1e-3 < gap(probe.logits[1], whole)
    for layer in range(3):
        weights = probe.layers[layer].weights
        assert weights.shape == (6, 7, 7)


@pytest.mark.parametrize("kind", SERVED | WRITES_ONLY)
def test_a_layer_of_the_lens_says_what_the_model_says_without_the_layers_after_it(kind: str) -> None:
    found = Network(model_of(kind)).lens(IDS)
    assert len(found) == 4
    for layer, row in enumerate(found):
        assert gap(row, scores(without_layers(kind, layer), IDS)[-1]) < 1e-3


@pytest.mark.parametrize("kind", ["granite", "gemma2", "cohere"])
def test_an_empty_last_layer_changes_no_probability_of_a_model_that_scales_or_caps_its_logits(kind: str) -> None:
    guesses = logit_lens.read_layers(Network(without_layers(kind, 2)), IDS, str, top=1)
    assert guesses[2].candidates == guesses[3].candidates


@pytest.mark.parametrize("kind", LENS)
def test_the_code_of_the_lens_says_what_the_model_says_without_the_layers_after_it(kind: str, tmp_path: Path) -> None:
    model_of(kind).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    text = "The keys to the cabinet"
    result = run(snippets.logit_lens(str(tmp_path), text))
    for layer, (number, best, probability, _) in enumerate(result):
        chances = torch.tensor(scores(without_layers(kind, layer), tokenizer()(text)["input_ids"])[-1]).softmax(-1)
        assert number == layer and best == tokenizer().decode(chances.argmax())
        assert probability == pytest.approx(float(chances.max()), abs=1e-4)


@pytest.mark.parametrize("kind", WRITES_ONLY)
def test_attention_of_a_way_of_its_own_is_refused_in_words(kind: str) -> None:
    with pytest.raises(PlainError, match="attention in a way of its own"):
        Network(model_of(kind)).probe(IDS)


@pytest.mark.parametrize("kind", REFUSED)
def test_a_model_that_cannot_be_served_is_refused_when_it_is_opened(kind: str) -> None:
    with pytest.raises(PlainError, match=f"{kind}.*decoder-only transformer"):
        Network(model_of(kind)).try_out()


def test_a_folder_with_a_mamba_is_refused_and_says_which_kind_works(tmp_path: Path) -> None:
    model_of("mamba").save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    with pytest.raises(PlainError, match="such as GPT-2, Llama"):
        load(str(tmp_path))


def test_a_damaged_model_is_refused_when_it_is_tried() -> None:
    model = copy.deepcopy(model_of("llama"))
    model.lm_head.weight.data.fill_(float("nan"))
    with pytest.raises(PlainError):
        Network(model).try_out()
