"""How long a sign takes, to paint and to read, and a shape in characters: prints a markdown table.

    python -m benchmarks.signs                 # about a minute on two CPU cores
    python -m benchmarks.signs --no-shapes     # without the language model

Measured in one process, alternately, and the best round of each counts: on a machine that does other things
too, the fastest round is the one least disturbed.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks.pictures import best
from engines import character_art as art
from engines import language_model, sign_lab
from engines.language_model import LanguageModel
from lessons.lettering import mirror

WORDS = ("OPEN", "BRAIN", "SYMBOL", "WEATHER", "PROGRESS", "CITY", "NORTH", "KEY")
SHAPE, RUNS = "T", 8
Row = tuple[str, str]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the sign lab and the mirror task.")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each measurement (3)")
    parser.add_argument("--steps", type=int, default=sign_lab.STEPS, help=f"passes of a sign ({sign_lab.STEPS})")
    parser.add_argument("--no-shapes", action="store_true", help="leave out the language model")
    options = parser.parse_args(arguments)
    rows = [*signs(options.rounds, options.steps)]
    if not options.no_shapes:
        rows += shapes(language_model.load(), options.rounds)
    print(f"\n{describe(options.steps)}\n")
    print("| what | measured |\n| --- | --- |")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def signs(rounds: int, steps: int = sign_lab.STEPS) -> list[Row]:
    """One sign by each kind of painter, eight in one batch, and the reader on as many."""
    printed = np.stack([sign_lab.draw_sign(word) for word in WORDS])
    letters, boxes, batch, one, eight = best(
        rounds, time.perf_counter,
        lambda: last(sign_lab.paint("characters", WORDS[0], (0,), steps=steps)),
        lambda: last(sign_lab.paint("boxes", WORDS[0], (0,), steps=steps)),
        lambda: last(sign_lab.paint("characters", WORDS, (0,), steps=steps)),
        lambda: sign_lab.read(printed[:1], WORDS[:1]),
        lambda: sign_lab.read(printed, WORDS),
    )  # fmt: skip
    return [
        ("one sign, painted from its caption", f"{letters:.2f} s"),
        ("one sign, painted with its layout", f"{boxes:.2f} s"),
        (f"{len(WORDS)} signs in one batch", f"{batch:.2f} s, {len(WORDS) * letters / batch:.1f}× as fast as singly"),
        ("one sign read by OCR", f"{1000 * one:.0f} ms"),
        (f"{len(WORDS)} signs read by OCR", f"{1000 * eight:.0f} ms"),
    ]


def shapes(model: LanguageModel, rounds: int, runs: int = RUNS) -> list[Row]:
    """A shape in characters, once and several times in one batch, and the scoring of one drawing."""
    drawing = art.read(art.write(art.rasterise(SHAPE, mirror.SIZE), art.STYLES["dots"]), art.STYLES["dots"])
    once, many, scored = best(
        rounds, time.perf_counter,
        lambda: last(mirror.draw(model, SHAPE, ways=["shown"], runs=1)),
        lambda: last(mirror.draw(model, SHAPE, ways=["shown"], runs=runs)),
        lambda: art.score(drawing, SHAPE, mirror.SIZE),
    )  # fmt: skip
    return [
        ("a shape in characters, four others shown before", f"{once:.2f} s"),
        (f"{runs} of them in one batch", f"{many:.2f} s"),
        (f"a drawing scored, with {art.SHUFFLES} shuffles", f"{1000 * scored:.1f} ms"),
    ]


def last(events: Iterable[Any]) -> Any:
    *_, final = events
    return final


def describe(steps: int) -> str:
    """One line: machine and settings."""
    import torch

    from engines import hardware

    where = str(hardware.device())
    cores = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return f"{steps} passes, {hardware.dtype()} on {where}; {cores}; torch {torch.__version__}; clock seconds"


if __name__ == "__main__":
    main()
