"""The space that captions and pictures share: near each other when they belong together (CLIP's idea).

Radford et al. 2021, arXiv:2103.00020. The painter's text encoder reads the caption, a small convolutional
tower reads the picture's latent; both end in a unit vector, and their cosine says how well they match.
"""

from __future__ import annotations

import math

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional


class SharedSpace(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Latents ``[B, 4, 16, 16]`` and pooled captions ``[B, text_width]`` to unit vectors ``[B, width]``."""

    @register_to_config
    def __init__(self, latent_channels: int = 4, text_width: int = 160, channels: int = 64, width: int = 96) -> None:
        super().__init__()
        self.picture = nn.Sequential(
            nn.Conv2d(latent_channels, channels, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, stride=2, padding=1),
            nn.GroupNorm(8, channels),
            nn.SiLU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
            nn.GroupNorm(8, 2 * channels),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(2 * channels * 16, width),
        )
        self.caption = nn.Linear(text_width, width, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def encode_pictures(self, latents: Tensor) -> Tensor:
        """Unit vectors ``[B, width]`` of normalised latents ``[B, 4, 16, 16]``."""
        return functional.normalize(self.picture(latents).float(), dim=-1)

    def encode_captions(self, pooled: Tensor) -> Tensor:
        """Unit vectors ``[B, width]`` of the text encoder's ``pooler_output`` ``[B, text_width]``."""
        return functional.normalize(self.caption(pooled).float(), dim=-1)

    def forward(self, latents: Tensor, pooled: Tensor) -> Tensor:
        """Scaled cosines ``[pictures, captions]``; softmax over captions guesses each picture's own."""
        scale = self.log_scale.clamp(max=math.log(100.0)).exp()
        return scale * self.encode_pictures(latents) @ self.encode_captions(pooled).T


def contrastive_loss(similarities: Tensor) -> Tensor:
    """Symmetric cross-entropy, of similarities ``[n, n]``, of matching each picture to its caption and back.

    Radford et al., fig. 3.
    """
    own = torch.arange(len(similarities), device=similarities.device)
    return 0.5 * (functional.cross_entropy(similarities, own) + functional.cross_entropy(similarities.T, own))
