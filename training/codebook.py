"""The codebook of the tile writer: 256 entries for the latents of the bundled autoencoder.

    python -m training.codebook

Lloyd's algorithm on the latents of training scenes, each point going to the entry with the least squared error plus
``--price`` for every bit of its rarity (entropy-constrained vector quantisation: Chou, Lookabaugh & Gray 1989). An
entry that serves next to nothing moves to a point drawn at random. Neither half of the autoencoder learns anything.
Prints what the rounding costs on held-out scenes and writes ``models/tiles/codebook``.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines.pictures.codebook import Codebook
from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.stickers.seed_ranges import UNSEEN
from training import data, tools
from training.autoencoder import to_pictures
from training.painter import latents_of

FOLDER = tools.MODELS / "tiles" / "codebook"
LEAST = 20
"""Points that an entry must serve not to be moved."""


def nearest(points: Tensor, entries: Tensor, prices: Tensor) -> Tensor:
    """The cheapest entry of each of ``points`` ``[N, 4]``, as ``Codebook.encode`` chooses: int64 ``[N]``."""
    own = entries.square().sum(1) + prices
    return torch.cat([(own - 2 * part @ entries.T).argmin(1) for part in points.split(20_000)])


def fit(points: Tensor, size: int, price: float, rounds: int, seed: int) -> tuple[Tensor, Tensor]:
    """Entries ``[size, 4]``, the commonest first, and their prices ``[size]`` for ``points`` ``[N, 4]``."""
    dice = torch.Generator().manual_seed(seed)
    entries = points[torch.randperm(len(points), generator=dice)[:size]].clone()
    prices = torch.zeros(size)
    for _ in range(rounds):
        chosen = nearest(points, entries, prices)
        served = torch.bincount(chosen, minlength=size).float()
        means = torch.zeros_like(entries).index_add_(0, chosen, points) / served.clamp_min(1)[:, None]
        drawn = points[torch.randint(len(points), (size,), generator=dice)]
        entries = torch.where(served[:, None] >= LEAST, means, drawn)
        prices = -price * torch.log2(served.clamp_min(LEAST) / len(points))
    order = torch.bincount(nearest(points, entries, prices), minlength=size).argsort(descending=True)
    return entries[order], prices[order]


@torch.no_grad()
def tiles_of(
    codebook: Codebook, autoencoder: PocketAutoencoder, pictures: np.ndarray, where: torch.device,
    cache: Path | None = None,
) -> np.ndarray:  # fmt: skip
    """Tiles of uint8 pictures: ``[N, 16, 16]`` integers below the codebook's size."""
    latents = latents_of(autoencoder, pictures, where, cache)
    return np.concatenate([codebook.encode(part.float()).numpy().astype(np.uint16) for part in latents.split(64)])


@torch.no_grad()
def measured(
    codebook: Codebook, autoencoder: PocketAutoencoder, pictures: np.ndarray, where: torch.device
) -> dict[str, Any]:
    """What rounding to the codebook costs on uint8 ``pictures``: decibels with and without it, and the entries' use."""
    tiles = torch.from_numpy(tiles_of(codebook, autoencoder, pictures, where).astype(np.int64))
    latents = latents_of(autoencoder, pictures, where)
    decibels = {
        "psnr_db": quality(autoencoder, pictures, codebook.decode(tiles), where),
        "psnr_db_without_rounding": quality(autoencoder, pictures, latents.float(), where),
    }
    used = torch.bincount(tiles.flatten(), minlength=len(codebook.entries)).double()
    shares = used[used > 0] / used.sum()
    return {
        **{name: round(value, 2) for name, value in decibels.items()}, "pictures": len(pictures),
        "entries": len(used), "entries_in_use": int((used > 0).sum()),
        "bits_a_tile": round(float(-(shares * shares.log2()).sum()), 2), "tiles_a_picture": tiles[0].numel(),
    }  # fmt: skip


def quality(autoencoder: PocketAutoencoder, pictures: np.ndarray, latents: Tensor, where: torch.device) -> float:
    """Mean over uint8 ``pictures`` of the peak signal-to-noise ratio, in dB, of ``latents`` decoded to 8 bits."""
    values: list[float] = []
    for first in range(0, len(pictures), 50):
        wanted = (to_pictures(pictures[first : first + 50], where) + 1) * 127.5
        decoded = autoencoder.decode(latents[first : first + 50].to(where)).sample.clamp(-1, 1)
        error = (((decoded + 1) * 127.5).round() - wanted).square().mean((1, 2, 3)).clamp_min(1e-6)
        values += (10 * torch.log10(255**2 / error)).tolist()
    return math.fsum(values) / len(values)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--price", type=float, default=0.04, help="squared error that a bit of rarity is worth")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--scenes", type=int, default=4_000)
    parser.add_argument("--points", type=int, default=400_000, help="tiles of those scenes that are looked at")
    parser.add_argument("--validation", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=FOLDER)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    where = tools.device()
    autoencoder = PocketAutoencoder.from_pretrained(tools.MODELS / "autoencoder", torch_dtype=torch.float32).to(where)
    scenes = data.scenes(0, options.scenes).pictures
    points = latents_of(autoencoder, scenes, where).float().movedim(1, -1).reshape(-1, 4)
    dice = torch.Generator().manual_seed(options.seed)
    points = points[torch.randperm(len(points), generator=dice)[: options.points]]
    codebook = Codebook(size=options.size)
    entries, prices = fit(points, options.size, options.price, options.rounds, options.seed)
    codebook.entries.copy_(entries)
    codebook.prices.copy_(prices)
    tools.save_half(codebook, options.out)
    held_out = data.scenes(UNSEEN, options.validation).pictures
    print(json.dumps(measured(codebook, autoencoder, held_out, where)))


if __name__ == "__main__":
    main()
