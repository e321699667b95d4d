"""Train the pocket autoencoder: 128×128×3 scenes to 16×16×4 latents and back.

    python -m training.autoencoder --minutes 40 [--resume] [--decoder-only]

The loss is the absolute error of pixels and of their differences, and squared error towards the end, since
PSNR is what is promised. Half of the batches are mirrored *in the latent*, so that a mirrored latent means
the mirrored picture (the idea of Kouzelis et al. 2025, arXiv:2502.09509): smoother latents are easier to
paint.

``--decoder-only`` leaves the encoder of ``--out`` as it is, so that latents stay valid, and with them all that paints
or reads them. On a card (or with ``--captured``) the pictures lie there and the step is captured: see
``training/captured.py``.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engines.pictures.pocket_autoencoder import PocketAutoencoder
from training import data, tools

CHECKPOINT = tools.CHECKPOINTS / "autoencoder.pt"


def to_pictures(pixels: np.ndarray | Tensor, where: torch.device | str = "cpu") -> Tensor:
    """uint8 ``[B, 128, 128, 3]`` to float ``[B, 3, 128, 128]`` in -1…1."""
    return torch.tensor(pixels).to(where).permute(0, 3, 1, 2).float() / 127.5 - 1


def loss_of(
    model: PocketAutoencoder, pictures: Tensor, noise: Tensor, mirrored: Tensor, squared: float | Tensor, frozen: bool
) -> Tensor:
    """Reconstruction loss of one batch with ``noise`` added to its latents; ``mirrored`` ``[B]`` says which turn round.

    Squared error weighs ``squared``. Latents are pulled lightly towards 0, unless the encoder is ``frozen``; a frozen
    one encodes in float32.
    """
    if frozen:
        with torch.no_grad(), torch.autocast(pictures.device.type, enabled=False):
            latents = model.encode(pictures).latent_dist.mean
    else:
        latents = model.encode(pictures).latent_dist.mean
    noisy, pictures = (
        torch.where(mirrored[:, None, None, None], x.flip(-1), x) for x in (latents + noise, pictures)
    )  # fmt: skip
    error = model.decode(noisy).sample.float() - pictures
    across, down = error.diff(dim=-1), error.diff(dim=-2)
    loss = (
        error.abs().mean()
        + 0.5 * (across.abs().mean() + down.abs().mean())
        + squared * error.square().mean()
    )  # fmt: skip
    return loss if frozen else loss + 1e-3 * latents.float().square().mean()


@torch.no_grad()
def psnr(model: PocketAutoencoder, pixels: np.ndarray, where: torch.device | str = "cpu") -> float:
    """Mean over pictures of the peak signal-to-noise ratio in dB, on the rounded, clipped 8-bit round trip."""
    values = []
    for start in range(0, len(pixels), 50):
        batch = to_pictures(pixels[start : start + 50], where)
        restored = ((model(batch).sample.clamp(-1, 1) + 1) * 127.5).round()
        error = (restored - (batch + 1) * 127.5).square().mean((1, 2, 3)).clamp_min(1e-6)
        values += (10 * torch.log10(255**2 / error)).tolist()
    return math.fsum(values) / len(values)


def normalise(model: PocketAutoencoder, pixels: np.ndarray, where: torch.device) -> None:
    """Bake mean 0 and deviation 1 of the latents of ``pixels`` into the weights."""
    with torch.no_grad():
        latents = torch.cat([
            model.encode(to_pictures(pixels[start : start + 50], where)).latent_dist.mean
            for start in range(0, len(pixels), 50)
        ])  # fmt: skip
    model.normalise_latents(latents.mean((0, 2, 3)), latents.std((0, 2, 3)))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--steps", type=int, help="how many steps to take, instead of --minutes")
    parser.add_argument("--resume", action="store_true", help="from the checkpoint, else from --out")
    parser.add_argument("--decoder-only", action="store_true", help="with --resume: keep the encoder of --out")
    parser.add_argument("--mix", default="", help="shares of the kinds, as single=1,pair=2; signs besides")
    parser.add_argument("--squared-from", type=float, default=0.5, help="share of the run without squared error")
    parser.add_argument("--warm-up", type=float, default=0.02, help="share of the run in which the rate rises")
    parser.add_argument("--floor", type=float, default=0.02, help="share of the rate that is left at the end")
    parser.add_argument("--average", type=float, default=0.998, help="decay of the weights' moving average")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--widths", type=int, nargs=2, default=(64, 144), help="at 32×32 and at 16×16")
    parser.add_argument("--optimiser", choices=("muon", "adamw"), default="muon")
    parser.add_argument("--scenes", type=int, help=f"{data.ON_A_CPU} on a CPU, {data.ON_A_CARD} (13 GB) on a card")
    parser.add_argument("--signs", type=int, default=8_000, help="more signs; with 0 an eighth are signs of the scenes")
    parser.add_argument(
        "--captured", action=argparse.BooleanOptionalAction, help="batches drawn on the device, the step captured once;"
        " what a card does"
    )  # fmt: skip
    parser.add_argument("--validation", type=int, default=1_000)
    parser.add_argument("--every", type=float, default=60, help="seconds between checkpoints")
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--out", type=Path, default=tools.MODELS / "autoencoder")
    options = parser.parse_args(arguments)
    if options.decoder_only and not options.resume:
        parser.error("--decoder-only goes on from an encoder that is there: add --resume")
    if options.captured and options.optimiser != "muon":
        parser.error("--captured knows Muon only")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    from training.autoencoding import train

    options = parse(arguments)
    model = train(options)
    tools.save_half(model, options.out)


if __name__ == "__main__":
    main()
