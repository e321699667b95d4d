"""Random language models small enough to build in a test, with real byte-level tokenizers."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

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
