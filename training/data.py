"""Scenes and their phrasings, made once and kept on disk, so that training never waits for drawing.

    python -m training.data [--scenes 256000]

A recipe makes what it lacks by itself; this makes it beforehand, on all cores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engines.stickers import scenes as world
from engines.stickers.seed_ranges import SIGNS, UNSEEN

BLOCK = 1000
ON_A_CPU, ON_A_CARD = 64_000, 256_000
"""How many scenes a recipe is fed unless told otherwise."""
PHRASINGS = 8
"""How many phrasings of each scene are drawn beforehand, for steps that the host has no part in."""


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


def _stem(cache: Path, first: int, count: int, kind: str | None) -> Path:
    """Where scenes are kept, without the suffix: with more scenes from ``first`` on, if those are there already."""
    start, end = f"{kind or 'mixed'}-{first}-", f"-{world_digest()}.jsonl"
    kept = (int(file.name[len(start) : -len(end)]) for file in cache.glob(f"{start}*{end}"))
    return cache / f"{start}{min((more for more in kept if more >= count), default=count)}{end.removesuffix('.jsonl')}"


def scenes(
    first: int, count: int, kind: str | None = None, *, cache: Path | None = None, workers: int | None = None
) -> Scenes:
    """The scenes of seeds ``first`` … ``first + count - 1``, rendered on all cores (or ``workers``) if not cached."""
    cache = cache or world.CACHE / "scenes"
    cache.mkdir(parents=True, exist_ok=True)
    stem = _stem(cache, first, count, kind)
    pictures_file, records_file = stem.with_suffix(".npy"), stem.with_suffix(".jsonl")
    if not records_file.exists():
        partial = stem.with_suffix(".npy.tmp")
        shape = (count, world.SIZE, world.SIZE, 3)
        pictures = np.lib.format.open_memmap(partial, "w+", np.uint8, shape)
        lines: list[str] = []
        with ProcessPoolExecutor(workers or os.cpu_count()) as pool:
            for block, records in pool.map(_render, _blocks(first, count, kind)):
                pictures[len(lines) : len(lines) + len(block)] = block
                lines += [json.dumps(record) for record in records]
        pictures.flush()
        partial.rename(pictures_file)
        temporary = stem.with_suffix(".jsonl.tmp")
        temporary.write_text("\n".join(lines))
        temporary.rename(records_file)
    records = [json.loads(line) for line in records_file.read_text().splitlines()[:count]]
    return Scenes(np.load(pictures_file, mmap_mode="r")[:count], records)


def world_digest() -> str:
    """Changes when the world or its held-out list does, so that no scene of an older world is taken for one of this."""
    here = Path(world.__file__)
    parts = (here.read_bytes(), (here.parent / "held_out.yaml").read_bytes())
    return hashlib.sha256(b"".join(parts)).hexdigest()[:8]


def plan_of(record: dict[str, Any]) -> world.Plan:
    """The plan that a record was rendered from."""
    fields = dict(record["plan"])
    return world.Plan(**(fields | {"things": tuple(world.Thing(**thing) for thing in fields["things"])}))


def phrasings(
    records: Sequence[dict[str, Any]], tokenizer: Any, count: int = PHRASINGS, *, first: int = 0,
    cache: Path | None = None,
) -> np.ndarray:  # fmt: skip
    """Token ids, int16 ``[N, count, length]``, of ``count`` phrasings of each scene of seeds from ``first`` on.

    Each is drawn from the scene's honest phrasings by its own seed, so the same one may come twice; a scene that was
    recorded sloppily has its sloppy caption ``count`` times. ``tokenizer`` is a ``CLIPTokenizer``; its ``length`` is
    ``model_max_length``. Kept on disk, for this world and these words.
    """
    cache = cache or world.CACHE / "phrasings"
    spoken = hashlib.sha256(json.dumps(sorted(tokenizer.get_vocab().items())).encode()).hexdigest()[:8]
    file = cache / f"{first}-{len(records)}-{count}-{spoken}-{world_digest()}.npy"
    if file.exists():
        return np.load(file)
    ids = np.empty((len(records), count, tokenizer.model_max_length), np.int16)
    for start in range(0, len(records), BLOCK):
        block = records[start : start + BLOCK]
        drawn = [_drawn(record, first + start + index, count) for index, record in enumerate(block)]
        different = sorted(set().union(*drawn))
        read = tokenizer(different, padding="max_length", truncation=True)["input_ids"]
        known = dict(zip(different, read, strict=True))
        ids[start : start + len(block)] = [[known[caption] for caption in captions] for captions in drawn]
    cache.mkdir(parents=True, exist_ok=True)
    with (temporary := file.with_suffix(".tmp")).open("wb") as opened:
        np.save(opened, ids)
    temporary.rename(file)
    return ids


def _drawn(record: dict[str, Any], seed: int, count: int) -> list[str]:
    if record["sloppy"]:
        return [record["caption"]] * count
    return random.Random(f"phrasings {seed}").choices(world.phrasings(plan_of(record)), k=count)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Render and cache the training scenes.")
    parser.add_argument("--scenes", type=int, default=ON_A_CPU, help=f"recipes take {ON_A_CARD} on a card")
    parser.add_argument("--signs", type=int, default=8_000)
    parser.add_argument("--workers", type=int, help="processes; all cores if not given")
    options = parser.parse_args(arguments)
    scenes(SIGNS, options.signs, "sign", workers=options.workers)
    scenes(UNSEEN, 1_000, workers=options.workers)
    scenes(0, options.scenes, workers=options.workers)


if __name__ == "__main__":
    main()
