"""How long a sign takes, to paint and to read, and a shape in characters: prints a markdown table.

    python -m benchmarks.signs                 # about a minute on two CPU cores
    python -m benchmarks.signs --no-shapes     # without the language model

Measured in one process, alternately, and the best round of each counts.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks.measuring import Row, best, report
from engines.signs import lab as sign_lab
from engines.text import character_art as art
from engines.text import language_model
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel

WORDS = ("OPEN", "BRAIN", "SYMBOL", "WEATHER", "PROGRESS", "CITY", "NORTH", "KEY")
SHAPE, SIZE, RUNS = "T", 7, 8
ASKED = f"Draw the letter {SHAPE} with # signs and dots, {SIZE} rows of {SIZE} signs."
COLUMNS = ("what", "measured")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the sign lab and the mirror task.")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each measurement (3)")
    parser.add_argument("--steps", type=int, default=sign_lab.STEPS, help=f"passes of a sign ({sign_lab.STEPS})")
    parser.add_argument("--no-shapes", action="store_true", help="leave out the language model")
    options = parser.parse_args(arguments)
    rows = [*signs(options.rounds, options.steps)]
    if not options.no_shapes:
        rows += shapes(language_model.load(), options.rounds)
    unet = sign_lab.load().pipeline.unet
    report(COLUMNS, rows, f"{options.steps} passes, {unet.dtype} on {unet.device}")


def signs(rounds: int, steps: int = sign_lab.STEPS) -> list[Row]:
    """One sign by each kind of painter, eight in one batch, and the reader on as many."""
    printed = np.stack([sign_lab.draw_sign(word) for word in WORDS])
    letters, boxes, batch, one, eight = best(
        rounds,
        lambda: last(sign_lab.paint("characters", WORDS[0], (0,), steps=steps)),
        lambda: last(sign_lab.paint("boxes", WORDS[0], (0,), steps=steps)),
        lambda: last(sign_lab.paint("characters", WORDS, (0,), steps=steps)),
        lambda: sign_lab.read(printed[:1], WORDS[:1]),
        lambda: sign_lab.read(printed, WORDS),
    )
    return [
        ("one sign, painted from its caption", f"{letters:.2f} s"),
        ("one sign, painted with its layout", f"{boxes:.2f} s"),
        (f"{len(WORDS)} signs in one batch", f"{batch:.2f} s, {len(WORDS) * letters / batch:.1f}× as fast as singly"),
        ("one sign read by OCR", f"{1000 * one:.0f} ms"),
        (f"{len(WORDS)} signs read by OCR", f"{1000 * eight:.0f} ms"),
    ]


def shapes(model: LanguageModel, rounds: int, runs: int = RUNS) -> list[Row]:
    """A shape in characters, once and several times in one batch, and the scoring of one drawing."""
    drawing = art.read(art.write(art.rasterise(SHAPE, SIZE), art.STYLES["dots"]), art.STYLES["dots"])
    prompt, length = model.encode(ASKED, chat=True), 2 * SIZE * SIZE

    def drawn(count: int) -> None:
        list(model.write_many(prompt, Dials(temperature=0.4), seeds=range(count), max_tokens=length))

    once, many, scored = best(rounds, lambda: drawn(1), lambda: drawn(runs), lambda: art.score(drawing, SHAPE, SIZE))
    return [
        ("a shape in characters", f"{once:.2f} s"),
        (f"{runs} of them in one batch", f"{many:.2f} s"),
        (f"a drawing scored, with {art.SHUFFLES} shuffles", f"{1000 * scored:.1f} ms"),
    ]


def last(events: Iterable[Any]) -> Any:
    *_, final = events
    return final


if __name__ == "__main__":
    main()
