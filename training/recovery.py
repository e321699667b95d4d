"""Strike four machines once and see what becomes of their work: ``python -m training.recovery [--runs 48]``.

The twin, the masked writer, the tile writer and the sculptor, each struck at a quarter, half and three quarters of its
way (:mod:`engines.recovery`). Prints the table and writes ``models/sticker-world/recovery.json``, which the lesson
“One wrong stroke” reads. No training: about six minutes on two idle cores. Run it again after new weights.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engines import recovery
from engines.evidence import Underway
from engines.models.weights import fingerprint
from engines.pictures import painter as painters
from engines.pictures.tiles import FOLDER as TILES
from engines.pictures.tiles import tile_writer
from engines.recovery import Struck
from engines.statistics import words
from engines.text import masked
from training import tools

FIRST = 1_000
"""The first seed: not among those that the lesson's own runs begin with."""


def models() -> dict[str, str]:
    """The fingerprints of everything that the record rests on."""
    here = tools.MODELS
    folders = {"stories": masked.FOLDER, "tiles": TILES, "painter": here / "painter", "judge": here / "judge"}
    return {name: fingerprint(folder) for name, folder in folders.items()}


def strikes(runs: int, shares: Sequence[float]) -> list[Struck]:
    """All four machines over the same seeds."""
    seeds = list(range(FIRST, FIRST + runs))
    writers, painter = masked.load(), painters.load(None)
    machines: list[Callable[[], recovery.Striking]] = [
        lambda: recovery.twin(writers, seeds, shares),
        lambda: recovery.masked_writer(writers, seeds, shares),
        lambda: recovery.tile(tile_writer(painter), seeds, shares),
        lambda: recovery.sculptor(painter, seeds, shares),
    ]
    found: list[Struck] = []
    for machine in machines:
        began, said = time.monotonic(), ""
        for event in machine():
            if isinstance(event, Underway):
                if event.words.split(":")[0] != said:
                    said = event.words.split(":")[0]
                    print(said, flush=True)
            else:
                found += event
                print(f"{time.monotonic() - began:.0f} s", flush=True)
    return found


def as_markdown(found: Sequence[Struck]) -> str:
    """The table: what stands, and what is still right of what was right undisturbed."""
    lines = [
        "| machine | struck at | still stands | right undisturbed | still right, struck | right, other dice | "
        "lost by the stroke | median until gone |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        cells = [one.machine, f"{one.share:.0%}", one.standing, one.undisturbed, one.kept, one.redrawn]
        cells += [words(one.cost, 0, True), one.middle()]
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Strike four machines once, and write down what becomes of it.")
    parser.add_argument("--runs", type=int, default=48)
    parser.add_argument("--moments", type=float, nargs="+", default=list(recovery.MOMENTS))
    parser.add_argument("--out", type=Path, default=tools.MODELS / "sticker-world" / "recovery.json")
    options = parser.parse_args(arguments)
    tools.device()
    began = time.monotonic()
    found = strikes(options.runs, options.moments)
    record: dict[str, Any] = {
        "badge": "recorded",
        "how": f"{options.runs} runs (seeds from {FIRST}) of each machine, undisturbed, with other dice, and struck; "
        f"{recovery.ROUNDS} rounds, {recovery.PASSES} passes; python -m training.recovery",
        "models": models(), "seconds": round(time.monotonic() - began), "runs": options.runs,
        "strikes": [recovery.as_record(one) for one in found],
    }  # fmt: skip
    options.out.write_text(json.dumps(record, indent=1) + "\n")
    print(f"{as_markdown(found)}\n{record['seconds']} s", flush=True)


if __name__ == "__main__":
    main()
