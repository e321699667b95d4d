"""Random language models small enough to build in a test, with real byte-level tokenizers."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

from engines.models import four_bits
from engines.text.language_model import LanguageModel
from engines.text.transformer import Network

torch.set_num_threads(1)  # models this small only wait for their threads

KINDS = ("llama", "qwen2", "qwen3", "gpt2")
TEXT = "The keys to the cabinet are so rusty that I cannot turn them. Two cats and a dog sat by the door."
CHAT = (
    "{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|start|>", "<|end|>"],
        show_progress=False,
    )
    backend.train_from_iterator([TEXT] * 4, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|end|>", chat_template=CHAT)


@cache
def network_model(kind: str) -> Any:
    size = len(tokenizer())
    shape = {
        "vocab_size": size,
        "hidden_size": 48,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 640,
    }
    configs = {
        "llama": lambda: LlamaConfig(**shape, initializer_range=0.3),
        "qwen3": lambda: Qwen3Config(**shape, head_dim=16, initializer_range=0.3),
        "qwen2": lambda: Qwen2Config(**shape, initializer_range=0.3),
        "gpt2": lambda: GPT2Config(
            vocab_size=size, n_embd=48, n_layer=3, n_head=6, n_positions=640, initializer_range=0.3
        ),
    }
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(configs[kind](), dtype=torch.float32).eval()
    model.generation_config.eos_token_id = model.config.eos_token_id = tokenizer().eos_token_id
    model.generation_config.pad_token_id = tokenizer().eos_token_id
    return model


@cache
def tiny(kind: str = "llama") -> LanguageModel:
    network = Network(network_model(kind))
    network.try_out()
    return LanguageModel(network, tokenizer(), name=f"tiny {kind}", revision="random")


@cache
def with_a_beginning() -> LanguageModel:
    """A model whose tokenizer puts a mark before every text, as those of Llama 3 and Gemma do."""
    marked = copy.deepcopy(tokenizer())
    mark = ("<|start|>", marked.convert_tokens_to_ids("<|start|>"))
    marked.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{mark[0]} $A", pair=f"{mark[0]} $A $B", special_tokens=[mark]
    )
    return LanguageModel(Network(network_model("llama")), marked, name="tiny marked llama", revision="random")


def saved(kind: str, folder: Path) -> str:
    """The model as a ``from_pretrained`` folder."""
    network_model(kind).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return str(folder)


def four_bit(folder: Path) -> Path:
    """A random Llama as a GGUF file of four-bit blocks, ``tiny.gguf``, and the folder that it is converted to."""
    import gguf
    from gguf import GGMLQuantizationType as Kind

    size = len(tokenizer())
    shape = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 640}
    config = LlamaConfig(vocab_size=size, **shape, **heads, initializer_range=0.3, tie_word_embeddings=True)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    model.generation_config.eos_token_id = tokenizer().eos_token_id
    writer = gguf.GGUFWriter(folder / "tiny.gguf", "llama")
    writer.add_block_count(3)
    writer.add_embedding_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_feed_forward_length(96)
    writer.add_context_length(640)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 3)
    for name, weight in model.named_parameters():
        theirs = names.get_name(name, try_suffixes=(".weight",))
        if weight.ndim == 1:
            weight.data.uniform_(0.5, 1.5)
            writer.add_tensor(theirs, weight.detach().numpy())
            continue
        count = 4 if "q_proj" in name else 2 if "k_proj" in name else 0
        kind = Kind.Q8_0 if "embed" in name else Kind.Q4_1
        lines = weight.detach().numpy()
        if count:  # in GGUF the two halves that are rotated together are interleaved
            lines = lines.reshape(count, 2, -1, lines.shape[1]).swapaxes(1, 2).reshape(lines.shape)
        blocks = gguf.quants.quantize(lines, kind)
        writer.add_tensor(theirs, blocks, raw_dtype=kind)
        lines = gguf.quants.dequantize(blocks, kind)
        if count:
            lines = lines.reshape(count, -1, 2, lines.shape[1]).swapaxes(1, 2).reshape(lines.shape)
        weight.data = torch.from_numpy(np.ascontiguousarray(lines))
    model.save_pretrained(folder / "ready")
    tokenizer().save_pretrained(folder / "ready")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    four_bits.build(folder / "tiny.gguf", folder / "ready" / four_bits.FILE)
    return folder / "ready"
