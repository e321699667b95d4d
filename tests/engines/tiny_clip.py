"""A randomly initialised CLIP model of the true class, small enough for a test, saved to a folder."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel, CLIPVisionConfig
from transformers.models.clip import CLIPImageProcessorPil

from tests.engines import tiny_painters


def save_clip(folder: Path, *, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    words = tiny_painters.tokenizer()
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8,
    )  # fmt: skip
    text = tiny_painters.text_config(len(words))
    CLIPModel(
        CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=16)
    ).save_pretrained(folder)
    words.save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder
