"""Scenes rendered once and kept on disk, so that training never waits for drawing."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training import world

SIGN_SEEDS = 100_000_000
"""Scenes from here on are signs: the autoencoder sees more of them than the painter."""
VALIDATION_SEEDS = 900_000_000
"""Scenes from here on are held out: no recipe trains on them."""
BLOCK = 1000


@dataclass(frozen=True)
class Scenes:
    """Cached scenes: ``pictures`` uint8 ``[N, 128, 128, 3]`` (memory-mapped), ``records`` one dict a scene."""

    pictures: np.ndarray
    records: list[dict[str, Any]]


def _render(job: tuple[int, int, str | None]) -> tuple[np.ndarray, list[dict[str, Any]]]:
    first, count, kind = job
    pictures = np.empty((count, world.SIZE, world.SIZE, 3), np.uint8)
    records = []
    for index in range(count):
        scene = world.scene(first + index, kind)  # type: ignore[arg-type]
        pictures[index] = np.asarray(scene.picture)
        records.append(record_of(scene))
    return pictures, records


def record_of(scene: world.Scene) -> dict[str, Any]:
    """What is kept of a scene beside its picture."""
    return {
        "caption": scene.caption, "sloppy": scene.sloppy, "plan": asdict(scene.plan),
        "placed": [asdict(thing) for thing in scene.placed],
    }  # fmt: skip


def _blocks(first: int, count: int, kind: str | None) -> Iterator[tuple[int, int, str | None]]:
    for start in range(first, first + count, BLOCK):
        yield start, min(BLOCK, first + count - start), kind


def scenes(first: int, count: int, kind: str | None = None, *, cache: Path | None = None, workers: int = 2) -> Scenes:
    """The scenes of seeds ``first`` … ``first + count - 1``, rendered by ``workers`` processes if not cached."""
    cache = cache or world.CACHE / "scenes"
    cache.mkdir(parents=True, exist_ok=True)
    stem = cache / f"{kind or 'mixed'}-{first}-{count}-{world_digest()}"
    pictures_file, records_file = stem.with_suffix(".npy"), stem.with_suffix(".jsonl")
    if not records_file.exists():
        partial = stem.with_suffix(".npy.tmp")
        shape = (count, world.SIZE, world.SIZE, 3)
        pictures = np.lib.format.open_memmap(partial, "w+", np.uint8, shape)
        lines: list[str] = []
        with ProcessPoolExecutor(workers) as pool:
            for block, records in pool.map(_render, _blocks(first, count, kind)):
                pictures[len(lines) : len(lines) + len(block)] = block
                lines += [json.dumps(record) for record in records]
        pictures.flush()
        partial.rename(pictures_file)
        temporary = stem.with_suffix(".jsonl.tmp")
        temporary.write_text("\n".join(lines))
        temporary.rename(records_file)
    records = [json.loads(line) for line in records_file.read_text().splitlines()]
    return Scenes(np.load(pictures_file, mmap_mode="r"), records)


def world_digest() -> str:
    """Changes when the world or its held-out list does, so that no scene of an older world is taken for one of this."""
    here = Path(world.__file__)
    parts = (here.read_bytes(), (here.parent / "held_out.yaml").read_bytes())
    return hashlib.sha256(b"".join(parts)).hexdigest()[:8]


def plan_of(record: dict[str, Any]) -> world.Plan:
    """The plan that a record was rendered from."""
    fields = dict(record["plan"])
    return world.Plan(**(fields | {"things": tuple(world.Thing(**thing) for thing in fields["things"])}))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Render and cache the training scenes.")
    parser.add_argument("--scenes", type=int, default=64_000)
    parser.add_argument("--signs", type=int, default=8_000)
    options = parser.parse_args(arguments)
    scenes(SIGN_SEEDS, options.signs, "sign")
    scenes(VALIDATION_SEEDS, 1_000)
    scenes(0, options.scenes)


if __name__ == "__main__":
    main()
