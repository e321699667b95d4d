"""The pocket painter's autoencoder: 128×128×3 pictures to 16×16×4 latents and back.

It speaks the interface of diffusers' ``AutoencoderKL``, so the stock ``StableDiffusionPipeline`` takes it
as its ``vae``. It differs inside: pictures go to quarter resolution at once by pixel-unshuffle (Shi et al.
2016, arXiv:1609.05158), and the work is done by plain residual branches that start as the identity (their
last convolution starts at zero), without normalisation.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput, DiagonalGaussianDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional


class ResidualBranch(nn.Module):
    """``x + f(x)`` with f two 3×3 convolutions, the last one zero at the start; shape is kept."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_out = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_out(functional.silu(self.conv_in(functional.silu(x))))


def _branches(channels: int, count: int) -> list[nn.Module]:
    return [ResidualBranch(channels) for _ in range(count)]


class PocketAutoencoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Pictures ``[B, 3, 8h, 8w]`` in -1…1 to latents ``[B, 4, h, w]`` of mean 0 and deviation 1, and back.

    ``block_out_channels`` names the channels held at full, half, quarter and eighth resolution; the first
    two only follow from the pixel-unshuffle (3, then 3·2²), the last two are the widths of the network.
    The normalisation of the latents is part of the weights, so ``scaling_factor`` is 1 and a painter
    trained on ``encode(x).latent_dist.mode()`` needs nothing else.
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        latent_channels: int = 4,
        block_out_channels: tuple[int, ...] = (3, 12, 64, 144),
        encoder_branches: tuple[int, int] = (2, 2),
        decoder_branches: tuple[int, int] = (4, 3),
        latent_noise: float = 0.05,
        scaling_factor: float = 1.0,
        shift_factor: float | None = None,
        sample_size: int = 128,
        force_upcast: bool = False,
    ) -> None:
        super().__init__()
        quarter, eighth = block_out_channels[-2:]
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(in_channels * 16, quarter, 3, padding=1),
            *_branches(quarter, encoder_branches[0]),
            nn.Conv2d(quarter, eighth, 2, stride=2),
            *_branches(eighth, encoder_branches[1]),
            nn.SiLU(),
            nn.Conv2d(eighth, latent_channels, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(latent_channels, eighth, 3, padding=1),
            *_branches(eighth, decoder_branches[0]),
            nn.ConvTranspose2d(eighth, quarter, 2, stride=2),
            *_branches(quarter, decoder_branches[1]),
            nn.SiLU(),
            nn.Conv2d(quarter, out_channels * 16, 3, padding=1),
            nn.PixelShuffle(4),
        )
        self.register_buffer("latent_mean", torch.zeros(1, latent_channels, 1, 1))
        self.register_buffer("latent_deviation", torch.ones(1, latent_channels, 1, 1))

    def encode(self, x: Tensor, return_dict: bool = True) -> Any:
        """The distribution of latents [B, 4, H/8, W/8] of pictures ``x`` [B, 3, H, W], −1…1.

        It has a mode, and a fixed deviation of ``latent_noise``.
        An ``AutoencoderKLOutput``, or a tuple of the distribution when ``return_dict`` is False.
        Height and width must be multiples of 8 (``ValueError`` otherwise).
        """
        if x.shape[-1] % 8 or x.shape[-2] % 8:
            raise ValueError(f"height and width must be multiples of 8, got {tuple(x.shape[-2:])}")
        mean = (self.encoder(x) - self.latent_mean) / self.latent_deviation
        log_variance = torch.full_like(mean, 2 * math.log(self.config["latent_noise"]))
        distribution = DiagonalGaussianDistribution(torch.cat([mean, log_variance], dim=1))
        return AutoencoderKLOutput(latent_dist=distribution) if return_dict else (distribution,)

    def decode(self, z: Tensor, return_dict: bool = True, generator: torch.Generator | None = None) -> Any:
        """Pictures ``[B, 3, 8h, 8w]``, about -1…1, from latents ``[B, 4, h, w]``. ``generator`` is unused.

        A ``DecoderOutput``, or a tuple of the pictures when ``return_dict`` is False.
        """
        picture = self.decoder(z * self.latent_deviation + self.latent_mean)
        return DecoderOutput(sample=picture) if return_dict else (picture,)

    def forward(
        self,
        sample: Tensor,
        sample_posterior: bool = False,
        return_dict: bool = True,
        generator: torch.Generator | None = None,
    ) -> Any:
        """The round trip ``decode(encode(sample))`` of pictures ``[B, 3, H, W]``."""
        distribution = self.encode(sample, return_dict=False)[0]
        z = distribution.sample(generator) if sample_posterior else distribution.mode()
        return self.decode(z, return_dict=return_dict)

    def normalise_latents(self, mean: Tensor, deviation: Tensor) -> None:
        """Fold a per-channel ``mean`` and ``deviation`` (``[4]``) of today's latents into the weights."""
        with torch.no_grad():
            shape = self.latent_mean.shape
            self.latent_mean += self.latent_deviation * mean.reshape(shape).to(self.latent_mean)
            self.latent_deviation *= deviation.reshape(shape).to(self.latent_deviation)

    def enable_slicing(self) -> None:
        """Accepted for the pipeline's sake; pictures this small need no slicing."""

    def disable_slicing(self) -> None:
        """See :meth:`enable_slicing`."""

    def enable_tiling(self) -> None:
        """Accepted for the pipeline's sake; pictures this small need no tiling."""

    def disable_tiling(self) -> None:
        """See :meth:`enable_tiling`."""
