"""The science of the tenth lesson: a coin."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from engines.checks import whole
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.statistics import Interval, wilson


def toss(count: int, seed: int) -> Iterator[Underway | Evidence[Interval]]:
    """Toss a coin ``count`` times."""
    began, count = time.perf_counter(), whole("The number of tosses", count, 1, 1000)
    yield Underway(0.5, "Tossing")
    share = wilson(int(np.random.default_rng(seed).integers(0, 2, count).sum()), count)
    source = Provenance("live", "a coin", "", {"tosses": count}, seed, time.perf_counter() - began)
    table = Table(("heads", "tosses"), ((share.successes, share.trials),))
    yield Evidence(share, f"Heads: {share}.", table, source, (Finding(f"{share.rate:.0%}", "heads"),))


def heads(value: Interval) -> tuple[float, str]:
    return value.rate, str(value)


def walk(seed: int) -> Iterator[Evidence[np.ndarray]]:
    steps = np.random.default_rng(seed).choice([-1, 1], 50).cumsum()
    yield Evidence(steps, f"The walk ends at {steps[-1]}.", Table(("end",), ((int(steps[-1]),),)),
                   Provenance("live", "a coin", "", {}, seed))  # fmt: skip


def wait(steps: int) -> Iterator[Underway]:
    for step in range(steps):
        yield Underway(step / steps, "Waiting")
