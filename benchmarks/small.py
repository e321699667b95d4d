"""How many characters a second the small typewriter trains on, in its own process: prints a markdown table.

python -m benchmarks.small                 # half a minute
python -m benchmarks.small --seconds 5
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from benchmarks.measuring import Row, report
from engines.stickers import scenes
from engines.text import small, small_writing
from engines.text.small import Checkpoint, Job

CAPTIONS = 1500
LENGTH = 200


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the training of the small typewriter.")
    parser.add_argument("--seconds", type=float, default=20, help="seconds to train (20)")
    report(("what", "measured"), rows(parser.parse_args(arguments).seconds), "one thread")


def rows(seconds: float) -> list[Row]:
    """Start of the process, characters trained on a second, what was reached, and characters written a second."""
    text = small.clean("\n".join(scenes.phrasings(scenes.plan(seed))[0] for seed in range(CAPTIONS)))
    training, held_out = small.parts(text)
    job = Job(training, (held_out,), small.alphabet(text), seconds=seconds, checkpoints=(0,))
    began = time.perf_counter()
    first, last = (event for event in small.train(job) if isinstance(event, Checkpoint))
    whole = time.perf_counter() - began
    assert last.model is not None
    read = (last.step - first.step) * job.batch * job.shape.context
    bits = [sum(blocks) / len(blocks) for blocks in (first.held_out[0], last.held_out[0])]
    small_writing.write(last.model, "a", length=LENGTH)
    wrote = time.perf_counter()
    small_writing.write(last.model, "a", length=LENGTH)
    wrote = time.perf_counter() - wrote
    return [
        ("weights", f"{last.model.weights:,}"),
        ("start and end of its process", f"{whole - last.seconds:.1f} s"),
        ("characters trained on a second", f"{read / last.seconds:,.0f}"),
        ("held out, bits a character", f"{bits[0]:.2f} → {bits[1]:.2f} in {last.seconds:.0f} s, {last.step} steps"),
        ("characters written a second, in the server", f"{LENGTH / wrote:,.0f}"),
    ]


if __name__ == "__main__":
    main()
