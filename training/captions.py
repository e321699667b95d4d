"""Make the index of all training captions that the app searches, and measure what its search by meaning misses.

    python -m training.captions

Every caption is kept as recorded, once. What each says in the shared space is projected on principal axes and kept in
even steps. Writes ``models/sticker-world/captions.npz``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines import live
from engines.stickers import meaning, scenes, search
from engines.stickers.meaning import Space
from engines.stickers.seed_ranges import UNSEEN
from training import data, tools

AXES, LARGEST = 20, 40
"""Principal axes kept, and the largest code: small whole numbers pack small."""


def recorded(count: int, cache: Path) -> list[str]:
    """The captions of seeds 0 to ``count`` - 1."""
    file = cache / f"captions-{count}-{data.world_digest()}.txt"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(map(scenes.caption, range(count))), encoding="utf-8")
    return file.read_text(encoding="utf-8").split("\n")


def index(captions: Sequence[str], space: Space) -> search.Index:
    """The index of all scenes' captions."""
    unique, which = np.unique(np.array(captions), return_inverse=True)
    once = tuple(map(str, unique))
    said = list(search.wordings(once).values())
    vectors = np.concatenate([
        space.captions([once[ids[0]] for ids in said[at : at + 4096]]) for at in range(0, len(said), 4096)
    ])  # fmt: skip
    mean = vectors.mean(0)
    _, turned = np.linalg.eigh(np.cov(vectors - mean, rowvar=False))
    axes = turned[:, ::-1][:, :AXES].T.astype(np.float32)
    along = (vectors - mean) @ axes.T
    step = float(np.abs(along).max() / LARGEST)
    codes = np.rint(along / step).astype(np.int8)
    return search.Index(once, which.astype(np.int32), codes, axes, mean.astype(np.float32), step)


def missed(made: search.Index, space: Space, queries: int) -> dict[str, Any]:
    """How many of the ten captions that are truly nearest the search finds, for captions of unseen scenes."""
    every = np.concatenate([
        space.captions(made.captions[at : at + 4096]) for at in range(0, len(made.captions), 4096)
    ])  # fmt: skip
    found = 0
    for row in range(queries):
        query = scenes.phrasings(scenes.plan(UNSEEN + row))[0]
        cosines = every @ space.captions([query])[0]
        tenth = np.sort(cosines)[-10]
        found += sum(one.cosine >= tenth - 1e-5 for one in made.by_meaning(query, space, 10))
    return {"queries": queries, "found_of_ten_nearest": round(found / queries, 2)}


def save(made: search.Index, file: Path) -> None:
    np.savez_compressed(
        file, captions=np.frombuffer("\n".join(made.captions).encode(), np.uint8), which=made.which, codes=made.codes,
        axes=made.axes, mean=made.mean, step=made.step,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Make the index of the training captions.")
    parser.add_argument("--scenes", type=int, default=256_000)
    parser.add_argument("--queries", type=int, default=40, help="searches to check against exact comparison")
    parser.add_argument("--cache", type=Path, default=scenes.CACHE / "captions")
    parser.add_argument("--out", type=Path, default=tools.MODELS / "sticker-world" / "captions.npz")
    options = parser.parse_args(arguments)
    space = meaning.load(live.open_painter())
    made = index(recorded(options.scenes, options.cache), space)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save(made, options.out)
    print(json.dumps({
        "scenes": made.scenes, "captions": len(made.captions), "wordings": len(made.codes),
        "bytes": options.out.stat().st_size, **missed(made, space, options.queries),
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
