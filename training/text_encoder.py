"""The painter's own words: a byte-pair vocabulary learnt from Sticker World's captions, and a small CLIP tower.

The text encoder has no recipe of its own: it is trained together with the painter (``training/painter.py``),
through the pictures that its words must lead to, and through the shared caption/picture space.
"""

from __future__ import annotations

import json
import random
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engines.stickers import scenes as world

MAX_LENGTH = 32
"""Tokens a caption may take, the start and end marks counted in."""


def captions(scenes: int, seed: int = 0) -> list[str]:
    """One honest phrasing for each of the first ``scenes`` training scenes."""
    r = random.Random(seed)
    return [r.choice(world.phrasings(world.plan(index))) for index in range(scenes)]


def build_tokenizer(vocabulary_size: int = 1024, scenes: int = 20_000) -> CLIPTokenizer:
    """A CLIP tokenizer (lower case, byte-level, ``</w>`` ends a word) learnt from captions.

    Frequent words become one token each; a word that no training caption holds falls apart into pieces.
    """
    template = CLIPTokenizer()
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = template.backend_tokenizer.normalizer
    learner.pre_tokenizer = template.backend_tokenizer.pre_tokenizer
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    every_byte = {letter: index for index, letter in enumerate(letters)}
    every_byte |= {letter + "</w>": len(letters) + index for index, letter in enumerate(letters)}
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size - len(every_byte), end_of_word_suffix="</w>", show_progress=False
    )
    learner.train_from_iterator(captions(scenes), trainer)
    merges: Any = [tuple(pair) for pair in _merges(learner)]
    vocabulary = dict(every_byte)
    for left, right in merges:
        vocabulary.setdefault(left + right, len(vocabulary))
    for mark in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[mark] = len(vocabulary)
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_LENGTH)


def _merges(learner: Tokenizer) -> list[list[str]]:
    pairs = json.loads(learner.to_str())["model"]["merges"]
    return [pair if isinstance(pair, list) else pair.split(" ") for pair in pairs]


def build_text_encoder(tokenizer: CLIPTokenizer, width: int = 160, layers: int = 3) -> CLIPTextModel:
    """An untrained CLIP text tower for ``tokenizer``: ``[B, 32]`` ids to ``[B, 32, width]`` states."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=layers,
            num_attention_heads=width // 40,
            max_position_embeddings=MAX_LENGTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            projection_dim=96,
        )
    )
