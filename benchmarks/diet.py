"""How long a search through the painter's whole diet takes: prints a markdown table.

    python -m benchmarks.diet

Measured in one process, alternately, and the best round of each counts; opening the index is measured once.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial

from benchmarks.measuring import Row, best, report
from engines import live
from engines.stickers import meaning, scenes, search

QUERIES = (
    "a cat under the stars",
    "two red balloons",
    "zebra",
    "a picture of an owl to the left of a cake in the snow",
)
DRAWN, WAIT = 6, 0.3
COLUMNS = ("what", "measured", "aim")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the search through the training captions.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (5)")
    options = parser.parse_args(arguments)
    space = meaning.load(live.open_painter())
    began = time.perf_counter()
    index = search.load()
    opened = time.perf_counter() - began
    rows: list[Row] = [(f"open the index of {index.scenes:,} scenes, {len(index.captions):,} captions",
                        f"{opened:.2f} s, once", "")]  # fmt: skip
    for query in QUERIES:
        word, near, both = best(
            options.rounds,
            partial(index.by_word, query),
            partial(index.by_meaning, query, space),
            partial(both_of, index, space, query),
        )
        times = f"{1000 * word:.1f} ms by word, {1000 * near:.0f} ms by meaning, {1000 * both:.0f} ms both"
        rows.append((f"“{query}”", times, f"under {1000 * WAIT:.0f} ms"))
    seeds = index.sample(index.by_word(QUERIES[0]).captions, DRAWN, 0)
    (drawing,) = best(options.rounds, lambda: [scenes.scene(seed) for seed in seeds])
    rows.append((f"{DRAWN} scenes drawn from their numbers", f"{1000 * drawing:.0f} ms", ""))
    report(COLUMNS, rows, f"{space.name}@{space.revision}")


def both_of(index: search.Index, space: meaning.Space, query: str) -> None:
    """What a search on the page waits for before it shows anything."""
    index.by_word(query)
    index.by_meaning(query, space)


if __name__ == "__main__":
    main()
