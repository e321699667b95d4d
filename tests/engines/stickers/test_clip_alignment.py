"""Alignment by a tiny random CLIP model saved to disk: the numbers are the model's own, and absence is no error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engines.evidence import PlainError
from engines.stickers import clip_alignment
from tests.engines.hub_cache import COMMIT, lay_out
from tests.engines.tiny_clip import save_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (5, 48, 40, 3), dtype=np.uint8)


def test_closeness_is_the_models_own(folder, pictures):
    from transformers import CLIPModel, CLIPProcessor

    clip = clip_alignment.load(folder)
    assert clip is clip_alignment.load(folder) and clip.model.dtype == torch.float32
    captions = ["a red cat", "two dogs", "a tree on a blue background " * 9]
    found = clip.closeness(pictures, captions)
    inputs = CLIPProcessor.from_pretrained(folder)(
        text=captions, images=list(pictures), return_tensors="pt", padding=True, truncation=True
    )
    expected = CLIPModel.from_pretrained(folder)(**inputs).logits_per_image.detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found.shape == (5, 3)


def test_a_caption_is_nearest_only_where_it_beats_every_foil(folder, pictures):
    clip, captions = clip_alignment.load(folder), ["a red cat", "two dogs", "a tree"]
    best = clip.closeness(pictures, captions).argmax(axis=1)
    for at, caption in enumerate(captions):
        foils = [other for other in captions if other != caption]
        assert clip.nearest(pictures, caption, foils).successes == (best == at).sum()
    assert clip.nearest(pictures, "a tree", ["a tree"]).successes == 0  # a tie is no win
    with pytest.raises(PlainError):
        clip.nearest(pictures, "a tree", [])


def test_it_is_found_in_the_local_cache_and_nowhere_else(folder, monkeypatch, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    lay_out(monkeypatch, cache, "somebody/tiny-clip", folder)
    assert clip_alignment.load("somebody/tiny-clip").revision == COMMIT
    assert clip_alignment.load("somebody/other-clip") is None
    assert clip_alignment.load(tmp_path / "nowhere") is None
