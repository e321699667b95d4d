"""Randomly initialised pipelines of the true classes, small enough for a test, saved to a folder."""

from __future__ import annotations

import string
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

WORDS = ("red", "blue", "cat", "dog", "apple", "on", "a", "background", "two", "tree", "left", "of")


def tokenizer(length: int = 16) -> CLIPTokenizer:
    """A CLIP tokenizer that knows a few words whole and spells the rest."""
    letters = list(string.ascii_lowercase + string.digits + ".,'-!_")
    vocabulary = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        while len(pieces) > 1:
            pair = (pieces[0], pieces[1])
            pieces = [pair[0] + pair[1], *pieces[2:]]
            if pair not in merges:
                merges.append(pair)
                vocabulary.append(pieces[0])
    ids = {piece: index for index, piece in enumerate(dict.fromkeys(vocabulary))}
    return CLIPTokenizer(vocab=ids, merges=merges, model_max_length=length)


def text_config(tokens: int, width: int = 16, **changes: Any) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=tokens, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=16, projection_dim=width, bos_token_id=0,
        eos_token_id=1, pad_token_id=1, **changes,
    )  # fmt: skip


def autoencoder() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(4, 4, 4, 8), norm_num_groups=2, latent_channels=4, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip


def unet(text_width: int, **changes: Any) -> UNet2DConditionModel:
    settings: dict[str, Any] = {
        "sample_size": 8, "block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4,
        "attention_head_dim": 4, "cross_attention_dim": text_width,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    }  # fmt: skip
    return UNet2DConditionModel(**(settings | changes))


def scheduler(**changes: Any) -> DDIMScheduler:
    settings: dict[str, Any] = {
        "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "clip_sample": False,
        "set_alpha_to_one": False, "steps_offset": 1,
    }  # fmt: skip
    return DDIMScheduler(**(settings | changes))


def save_sd(folder: Path, *, seed: int = 0, unet_changes: dict[str, Any] | None = None, **noise: Any) -> Path:
    """A Stable Diffusion 1.x-class folder; ``prediction_type="v_prediction"`` makes it 2.x-like."""
    torch.manual_seed(seed)
    words = tokenizer()
    StableDiffusionPipeline(
        vae=autoencoder(), text_encoder=CLIPTextModel(text_config(len(words))), tokenizer=words,
        unet=unet(16, **(unet_changes or {})), scheduler=scheduler(**noise), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def save_xl(folder: Path, *, seed: int = 0, **noise: Any) -> Path:
    """A Stable Diffusion XL-class folder: two text encoders, pooled embeddings, size conditioning."""
    torch.manual_seed(seed)
    words = tokenizer()
    sizes = 6 * 4
    StableDiffusionXLPipeline(
        vae=autoencoder(), text_encoder=CLIPTextModel(text_config(len(words))), tokenizer=words,
        text_encoder_2=CLIPTextModelWithProjection(text_config(len(words), 24)), tokenizer_2=tokenizer(),
        unet=unet(
            40, addition_embed_type="text_time", addition_time_embed_dim=4,
            projection_class_embeddings_input_dim=24 + sizes,
        ),
        scheduler=scheduler(**noise), add_watermarker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def same_pictures(painted: Iterable[Any], expected: Any) -> None:
    """Equal to one shade of 255: arithmetic rounds by the size of the batch and by where an array lies in memory."""
    np.testing.assert_allclose(np.stack([np.asarray(one, np.int16) for one in painted]), expected, rtol=0, atol=1)
