"""The codebook: each tile goes to its cheapest entry, and a picture survives the rounding."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engines.pictures.codebook import Codebook


@pytest.fixture
def codebook() -> Codebook:
    made = Codebook(size=5, latent_channels=4)
    made.entries.copy_(torch.randn(5, 4, generator=torch.Generator().manual_seed(0)))
    made.prices.copy_(torch.tensor([0.0, 0.1, 0.2, 0.3, 3.0]))
    return made


def test_a_tile_goes_to_the_entry_with_the_least_error_and_price(codebook):
    latents = torch.randn(2, 4, 3, 6, generator=torch.Generator().manual_seed(1))
    tiles = codebook.encode(latents)
    assert tiles.shape == (2, 3, 6) and tiles.dtype == torch.int64
    for row, y, x in np.ndindex(2, 3, 6):
        costs = [
            float((latents[row, :, y, x] - entry).square().sum() + price)
            for entry, price in zip(codebook.entries, codebook.prices, strict=True)
        ]
        assert tiles[row, y, x] == int(np.argmin(costs))


def test_decoding_looks_entries_up_and_rounding_twice_changes_nothing_without_prices(codebook):
    tiles = torch.tensor([[[0, 4], [2, 2]]])
    latents = codebook.decode(tiles)
    assert latents.shape == (1, 4, 2, 2)
    assert torch.equal(latents[0, :, 0, 1], codebook.entries[4])
    codebook.prices.zero_()
    assert torch.equal(codebook.encode(latents), tiles) and torch.equal(codebook(latents), latents)


def test_it_is_saved_and_read_again(codebook, tmp_path):
    codebook.save_pretrained(tmp_path)
    again = Codebook.from_pretrained(tmp_path)
    assert torch.equal(again.entries, codebook.entries) and torch.equal(again.prices, codebook.prices)
