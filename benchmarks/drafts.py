"""How long the masked writer takes for a story, beside its twin with its cache, in one run: prints a markdown table.

python -m benchmarks.drafts                # under a minute
python -m benchmarks.drafts --stories 32
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks.measuring import Row, best, report
from engines.text import masked
from engines.text.masked import ROUNDS


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure drafts against the twin.")
    parser.add_argument("--stories", type=int, default=1, help="written side by side (1)")
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds of the benchmark (3)")
    options = parser.parse_args(arguments)
    report(
        ("writer", "seconds", "against the twin"), rows(options.stories, options.rounds), f"{options.stories} at once"
    )


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


if __name__ == "__main__":
    main()
