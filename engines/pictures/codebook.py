"""A codebook: latents rounded to the nearest of a few hundred entries, so that a picture becomes a row of numbers.

Vector quantisation (van den Oord et al. 2017, arXiv:1711.00937) over the bundled autoencoder, whose encoder and decoder
stay as they are: all that is learnt here is the list of entries. A tile's entry is the one with the least squared error
plus a price for its rarity (entropy-constrained: Chou, Lookabaugh & Gray 1989), which gives plain backgrounds few
different tiles.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor


class Codebook(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """``entries`` ``[K, 4]``: latents of mean 0 and deviation 1; ``prices`` ``[K]``: squared error that each costs."""

    entries: Tensor
    prices: Tensor

    @register_to_config
    def __init__(self, size: int = 256, latent_channels: int = 4) -> None:
        super().__init__()
        self.register_buffer("entries", torch.zeros(size, latent_channels))
        self.register_buffer("prices", torch.zeros(size))

    def encode(self, latents: Tensor) -> Tensor:
        """The entry of each tile: int64 ``[B, h, w]`` for latents ``[B, 4, h, w]``."""
        points = latents.movedim(1, -1)
        own = self.entries.square().sum(-1) + self.prices
        return (own - 2 * points @ self.entries.T).argmin(-1)

    def decode(self, tiles: Tensor) -> Tensor:
        """Latents ``[B, 4, h, w]`` of tiles ``[B, h, w]``."""
        return self.entries[tiles].movedim(-1, 1)

    def forward(self, latents: Tensor) -> Any:
        """Latents ``[B, 4, h, w]`` rounded to their entries."""
        return self.decode(self.encode(latents))
