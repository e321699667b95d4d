"""Screen 2: the later the stroke? The twin live, beside what was recorded of all four machines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from engines import recovery
from engines.checks import seed_range
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.recovery import MOMENTS, Struck
from engines.statistics import words
from engines.text import masked
from lessons.recovery.measures import NAMES, of, ranged, recorded

LEAST, MOST = 4, 48


@dataclass(frozen=True, eq=False)
class Moments:
    """The twin struck at three moments just now, and what was recorded of all four."""

    live: tuple[Struck, ...]
    kept: tuple[Struck, ...]

    def at(self, machine: str, share: float) -> Struck | None:
        return next((one for one in self.kept if (one.machine, one.share) == (machine, share)), None)


def moments(runs: int, seed: int) -> Iterator[Underway | Evidence[Moments]]:
    """Strike the twin at a quarter, half and three quarters of ``runs`` stories."""
    began = time.perf_counter()
    seeds = seed_range(seed, runs, least=LEAST, most=MOST, what="The number of runs")
    if not masked.SHELF.loaded():
        yield Underway(0.0, "Waking the two writers of stories")
    writers = masked.load()
    for event in recovery.twin(writers, seeds, MOMENTS):
        if isinstance(event, Underway):
            yield event
        else:
            source = Provenance(
                "live", writers.name, writers.revision, {"runs": len(seeds), "recorded_runs": _runs()}, seeds[0],
                time.perf_counter() - began,
            )  # fmt: skip
            yield _evidence(Moments(event, recorded()), source)


def truth(value: Moments) -> tuple[float, str] | str:
    """By how much more often the masked writer keeps a wrong word of a quarter than one of three quarters."""
    early, late = value.at("masked", MOMENTS[0]), value.at("masked", MOMENTS[-1])
    if early is None or late is None:
        return "Nothing is recorded here, so no guess can be scored."
    return (
        early.standing.rate - late.standing.rate,
        f"recorded, the wrong word stands in {of(early.standing)} struck at a quarter and in {of(late.standing)} at "
        "three quarters",
    )


def _runs() -> int:
    return max((len(one.stands) for one in recorded()), default=0)


def _evidence(value: Moments, source: Provenance) -> Evidence[Moments]:
    rows = []
    for run, some in (("this run", value.live), ("recorded", value.kept)):
        for one in some:
            cost = one.cost
            rows.append((
                NAMES[one.machine], f"{one.share:.0%}", run, of(one.standing), of(one.undisturbed), of(one.kept),
                of(one.redrawn), *(round(number, 3) if abs(number) < 9 else None for number in cost), one.middle(),
            ))  # fmt: skip
    columns = (
        "machine", "struck at", "run", "still stands", "right undisturbed", "still right", "right with other dice",
        "lost by the stroke", "low", "high", "median until gone",
    )  # fmt: skip
    live = "; ".join(f"at {one.share:.0%} {of(one.kept)}" for one in value.live)
    return Evidence(
        value, f"The twin’s stories that are still right after a wrong word, of those right without: {live}.",
        Table(columns, tuple(rows)), source, (_live(value.live), *_recorded(value)),
    )  # fmt: skip


def _live(live: tuple[Struck, ...]) -> Finding:
    last = live[-1]
    redrawn = f"with other dice {ranged(last.redrawn)}"
    return Finding(
        f"{of(last.kept)}: the twin, this run",
        f"stories right undisturbed are right with a wrong word at three quarters; {redrawn}. A word drawn from all "
        "others seldom fits its place, and such a story must keep it.",
    )


def _recorded(value: Moments) -> Iterator[Finding]:
    """What was measured earlier of the other three."""
    for machine in ("masked", "tiles", "sculptor"):
        some = [one for one in value.kept if one.machine == machine]
        if some:
            stood = ", ".join(of(one.standing) for one in some)
            lost = "; ".join(f"{one.share:.0%}: {words(one.cost, 0, True)}" for one in some)
            yield Finding(
                f"Recorded: {NAMES[machine]}",
                f"The stroke stands in {stood}, early to late. Lost beside other dice, of runs that were right: struck "
                f"at {lost}.",
            )
