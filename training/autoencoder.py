"""Train the pocket autoencoder: 128×128×3 scenes to 16×16×4 latents and back.

    python -m training.autoencoder --minutes 40 [--resume]

The loss is the absolute error of pixels and of their differences, and squared error towards the end, since
PSNR is what is promised. Half of the batches are mirrored *in the latent*, so that a mirrored latent means
the mirrored picture (the idea of Kouzelis et al. 2025, arXiv:2502.09509): smoother latents are easier to
paint.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engines.pictures.pocket_autoencoder import PocketAutoencoder
from training import data, tools, world

CHECKPOINT = tools.CHECKPOINTS / "autoencoder.pt"


def to_pictures(pixels: np.ndarray | Tensor, where: torch.device | str = "cpu") -> Tensor:
    """uint8 ``[B, 128, 128, 3]`` to float ``[B, 3, 128, 128]`` in -1…1."""
    return torch.tensor(pixels).to(where).permute(0, 3, 1, 2).float() / 127.5 - 1


def loss_of(model: PocketAutoencoder, pictures: Tensor, noise: Tensor, squared: float, mirrored: bool) -> Tensor:
    """Reconstruction loss of one batch, with latent ``noise`` and a light pull of latents towards 0."""
    latents = model.encode(pictures).latent_dist.mean
    noisy = latents + model.config["latent_noise"] * noise
    if mirrored:
        noisy, pictures = noisy.flip(-1), pictures.flip(-1)
    error = model.decode(noisy).sample.float() - pictures
    across, down = error.diff(dim=-1), error.diff(dim=-2)
    return (
        error.abs().mean()
        + 0.5 * (across.abs().mean() + down.abs().mean())
        + squared * error.square().mean()
        + 1e-3 * latents.float().square().mean()
    )


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


def train(options: argparse.Namespace) -> PocketAutoencoder:
    """Train for ``options.minutes``; returns the averaged model and leaves a checkpoint."""
    where = tools.device()
    torch.manual_seed(options.seed)
    chooser = np.random.default_rng(options.seed)
    mixed = data.scenes(0, options.scenes).pictures
    signs = data.scenes(data.SIGN_SEEDS, options.signs, "sign").pictures
    held_out = data.scenes(data.VALIDATION_SEEDS, options.validation).pictures

    model = PocketAutoencoder(block_out_channels=(3, 12, *options.widths)).to(where)
    seen = 0
    if options.resume and CHECKPOINT.exists():
        state = torch.load(CHECKPOINT, map_location=where)
        model.load_state_dict(state["average"])
        seen = state["seen"]
    elif options.resume:
        model = PocketAutoencoder.from_pretrained(tools.MODELS / "autoencoder").float().to(where)
    average = tools.Average(model, 0.998)

    weights = list(model.parameters())
    shards = tools.workers(where)

    def batch() -> list[tuple[Tensor, Tensor]]:
        from_signs = options.batch // 8
        pictures = torch.cat([
            to_pictures(mixed[np.sort(chooser.integers(len(mixed), size=options.batch - from_signs))], where),
            to_pictures(signs[np.sort(chooser.integers(len(signs), size=from_signs))], where),
        ])[torch.randperm(options.batch)]  # fmt: skip
        noise = torch.randn(options.batch, 4, world.SIZE // 8, world.SIZE // 8, device=where)
        return list(zip(pictures.chunk(shards), noise.chunk(shards), strict=True))

    def step_in(dtype: torch.dtype, squared: float = 0.0, mirrored: bool = False) -> float:
        def loss(pictures: Tensor, noise: Tensor) -> Tensor:
            with tools.autocast(where, dtype):
                return loss_of(model, pictures, noise, squared, mirrored)

        return tools.accumulate(loss, weights, batch())

    dtype = tools.fastest_precision(step_in)
    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    rest = [weight for weight in model.parameters() if weight.ndim <= 1]
    optimisers: list[torch.optim.Optimizer] = [torch.optim.AdamW(rest, lr=options.rate, weight_decay=0)]
    if options.optimiser == "muon":
        optimisers.append(tools.Muon(matrices, lr=options.rate, dtype=dtype))
    else:
        optimisers.append(torch.optim.AdamW(matrices, lr=options.rate, betas=(0.9, 0.99), weight_decay=1e-3))

    start, last, step = time.monotonic(), 0.0, 0
    while (share := (time.monotonic() - start) / (60 * options.minutes)) < 1:
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = options.rate * tools.warm_cosine(share)
        loss = step_in(dtype, 0.0 if share < 0.5 else 4.0, bool(chooser.random() < 0.5))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
        average.update(model)
        step, seen = step + 1, seen + options.batch
        if time.monotonic() - last > options.every:
            last = time.monotonic()
            current = {name: value.clone() for name, value in model.state_dict().items()}
            model.load_state_dict(average.weights)
            tools.write_checkpoint(options.checkpoint, {"average": average.weights, "seen": seen})
            quality = psnr(model, held_out[:100], where)
            model.load_state_dict(current)
            rate = step * options.batch / (time.monotonic() - start)
            print(
                f"{share:6.1%} {seen:8d} pictures, {rate:5.1f}/s, loss {loss:.4f}, "
                f"held-out {quality:.2f} dB", flush=True,
            )  # fmt: skip
    model.load_state_dict(average.weights)
    normalise(model, mixed[:2000], where)
    tools.write_checkpoint(options.checkpoint, {"average": model.state_dict(), "seen": seen})
    print(json.dumps({
        "seen": seen, "psnr_db": psnr(model, held_out, where), "precision": str(dtype),
    }), flush=True)  # fmt: skip
    return model


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--widths", type=int, nargs=2, default=(64, 144), help="at 32×32 and at 16×16")
    parser.add_argument("--optimiser", choices=("muon", "adamw"), default="muon")
    parser.add_argument("--scenes", type=int, default=64_000)
    parser.add_argument("--signs", type=int, default=8_000)
    parser.add_argument("--validation", type=int, default=1_000)
    parser.add_argument("--every", type=float, default=60, help="seconds between checkpoints")
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--out", type=Path, default=tools.MODELS / "autoencoder")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    model = train(options)
    tools.save_half(model, options.out)


if __name__ == "__main__":
    main()
