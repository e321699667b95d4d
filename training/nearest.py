"""Make the index of all training scenes that the app searches, and measure what it misses.

    python -m training.nearest

Every scene is sketched small, its 16 × 16 mean colours are projected on their principal axes, and the numbers are kept
in even steps of ``STEP`` so that the quiet axes pack small. Writes ``models/sticker-world/nearest.npz``. Sketches are
cached block by block, so a stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines.stickers import nearest, scenes
from engines.stickers.seed_ranges import UNSEEN
from training import data, tools

BLOCK, AXES, STEP = 8_000, 40, 20.0
SAMPLE = 32_000
"""Scenes that the principal axes are computed from."""


def sketches(count: int, cache: Path) -> np.ndarray:
    """16 × 16 mean colours of the scenes of seeds 0 to ``count`` - 1, uint8 ``[count, 768]``."""
    cache.mkdir(parents=True, exist_ok=True)
    blocks = []
    for first in range(0, count, BLOCK):
        last = min(first + BLOCK, count)
        file = cache / f"{first}-{last}-{data.world_digest()}.npy"
        if not file.exists():
            block = [nearest.patches(scenes.sketch(seed, 32), nearest.COARSE) for seed in range(first, last)]
            np.save(file, np.rint(np.stack(block)).astype(np.uint8).reshape(last - first, -1))
            print(f"{last:,} scenes sketched", flush=True)
        blocks.append(np.load(file))
    return np.concatenate(blocks)


def index(pictures: np.ndarray) -> nearest.Index:
    """The codes of sketched scenes, uint8 ``[N, 768]``, still without the distances of unseen scenes."""
    sample = pictures[:SAMPLE].astype(np.float32)
    mean = sample.mean(0)
    _, turned = np.linalg.eigh(np.cov(sample - mean, rowvar=False))
    axes = turned[:, ::-1][:, :AXES].T.astype(np.float32)
    parts = np.array_split(pictures, max(1, len(pictures) // BLOCK))
    codes = np.concatenate([np.rint((part.astype(np.float32) - mean) @ axes.T / STEP) for part in parts])
    return nearest.Index(codes.clip(-127, 127).astype(np.int8), axes, mean, STEP, np.empty(0, np.float32))


def unseen(made: nearest.Index, count: int) -> np.ndarray:
    """The distance of each of ``count`` held-out scenes to its nearest training scene."""
    pictures = (np.asarray(scenes.scene(UNSEEN + row).picture) for row in range(count))
    return np.array([made.nearest(picture, 1)[0].distance for picture in pictures], np.float32)


def missed(made: nearest.Index, pictures: np.ndarray, queries: int) -> dict[str, Any]:
    """How often the search finds a scene as near as the nearest of those with the very plan of an unseen scene.

    All scenes of that plan are drawn and compared exactly; one of another plan may be nearer still.
    """
    plans = [scenes.plan(seed) for seed in range(len(pictures))]
    same: dict[scenes.Plan, list[int]] = {}
    for seed, plan in enumerate(plans):
        same.setdefault(plan, []).append(seed)
    found, losses, compared = [], [], 0
    for row in range(queries):
        scene = scenes.scene(UNSEEN + 10_000 + row)
        picture, rivals = np.asarray(scene.picture), same.get(scene.plan, [])
        if not rivals:
            continue
        best = min(nearest.distance(picture, np.asarray(scenes.scene(seed).picture)) for seed in rivals)
        got = made.nearest(picture, 1)[0].distance
        found.append(got <= best)
        losses.append(got / best - 1)
        compared += len(rivals)
    return {
        "queries": len(found), "compared": compared, "as_near_or_nearer": int(np.sum(found)),
        "farther_by_at_most": round(max(losses, default=0.0), 4),
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Make the index of the training scenes.")
    parser.add_argument("--scenes", type=int, default=256_000)
    parser.add_argument("--held-out", type=int, default=200, help="unseen scenes to measure for comparison")
    parser.add_argument("--queries", type=int, default=60, help="searches to check against exact comparison")
    parser.add_argument("--cache", type=Path, default=scenes.CACHE / "sketches")
    parser.add_argument("--out", type=Path, default=tools.MODELS / "sticker-world" / "nearest.npz")
    options = parser.parse_args(arguments)
    pictures = sketches(options.scenes, options.cache)
    made = index(pictures)
    made = dataclasses.replace(made, held_out=unseen(made, options.held_out))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.out, **dataclasses.asdict(made))
    print(json.dumps({
        "scenes": len(pictures), "bytes": options.out.stat().st_size,
        "held_out_quantiles": [round(float(x), 4) for x in np.quantile(made.held_out, (0.01, 0.25, 0.5, 0.75, 0.99))],
        **missed(made, pictures, options.queries),
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
