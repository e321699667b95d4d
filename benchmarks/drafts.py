"""How long the masked writer takes for a story, beside its twin with its cache; and a class's drafts, shared or not.

Prints two markdown tables. The class is measured in time of the processor, which nobody else's work lengthens.

python -m benchmarks.drafts                # under a minute
python -m benchmarks.drafts --stories 32 --learners 4
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.measuring import Row, best, report
from engines.text import masked
from engines.text.masked import ROUNDS


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure drafts against the twin.")
    parser.add_argument("--stories", type=int, default=1, help="written side by side (1)")
    parser.add_argument("--learners", type=int, default=8, help="a class that drafts a story each (8)")
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds of the benchmark (3)")
    options = parser.parse_args(arguments)
    report(
        ("writer", "seconds", "against the twin"), rows(options.stories, options.rounds), f"{options.stories} at once"
    )
    report(
        ("drafts of 8 rounds", "seconds of the processor", "against in turn"),
        class_rows(options.learners, options.rounds), f"{options.learners} learners, a story each",
    )  # fmt: skip


def rows(stories: int, times: int = 1) -> list[Row]:
    """Seconds of every number of rounds and of the twin for as many stories, from the same seeds."""
    writers, seeds = masked.load(), range(stories)
    rivals = [
        *(lambda rounds=rounds: masked.last(masked.draft(writers, seeds, rounds=rounds)) for rounds in ROUNDS),
        lambda: masked.last(masked.write(writers, seeds)),
    ]  # fmt: skip
    *drafts, twin = best(times, *rivals)
    passes = masked.last(masked.write(writers, seeds)).index
    found: list[Row] = [
        (f"{rounds} rounds", f"{seconds:.3f}", f"{seconds / twin:.2f}×")
        for rounds, seconds in zip(ROUNDS, drafts, strict=True)
    ]
    return [*found, (f"the twin, {passes} passes with its cache", f"{twin:.3f}", "1")]


def class_rows(learners: int, times: int = 1) -> list[Row]:
    """Seconds of the processor for a story of each learner: one after another, and all at work at once."""
    writers = masked.load()

    def one(seed: int) -> object:
        return masked.last(masked.draft(writers, [seed], rounds=8))

    def at_once() -> None:
        with ThreadPoolExecutor(learners) as pool:
            list(pool.map(one, range(learners)))

    turn, together = best(times, lambda: list(map(one, range(learners))), at_once, clock=time.process_time)
    return [("in turn", f"{turn:.3f}", "1"), ("at once", f"{together:.3f}", f"{together / turn:.2f}×")]


if __name__ == "__main__":
    main()
