"""Texts that the sampling lesson's screens could begin with, each measured under the dials that stand there."""

from __future__ import annotations

from engines.statistics import share
from engines.text import language_model
from lessons.defaults import Choice, Figures, value_of, writers_print
from lessons.sampling import branch, examples, scoreboard, seeds, sweep

SEEDS = 3
"""Batches of seeds: the page's own, and the next ones."""


def unsure(text: str) -> Figures:
    """Screen 1: the first key's leader under the page's dials and cold, the keys that are kept, the likeliest key."""
    sheet = value_of(scoreboard.press_on(language_model.load(), None, text, 0.8, 0.92, 7))
    assert sheet.board is not None and sheet.cold is not None
    leader = sheet.board.candidates[0]
    return {
        "leader": leader.kept_probability, "cold": sheet.cold.kept_probability, "kept": sheet.board.kept,
        "before the dials": leader.probability,
    }  # fmt: skip


def forced(text: str) -> Figures:
    """Screen 2: the share of later keys that stay, over the seeds of each batch, its widest interval, the control."""
    runs = [
        value_of(branch.runners_up(language_model.load(), text, 0.8, 0.92, 7 + branch.TEXTS * batch))
        for batch in range(SEEDS)
    ]
    found = [branch.stayed(run) for run in runs]
    return {
        "stayed": found[0][0], "low": min(low for _, low, _ in found), "high": max(high for _, _, high in found),
        "by chance": share(branch.by_chance(runs[0]))[0],
    }  # fmt: skip


def crowded(text: str) -> Figures:
    """Screen 3: the share of pairs of 16 runs with the same first key, and with the same first three."""
    values = [
        value_of(seeds.crowded(language_model.load(), (), text, 1.0, 0.92, 1 + 16 * batch, 16))[-1]
        for batch in range(SEEDS)
    ]
    firsts, thirds = ([value.pairs[keys][0] for value in values] for keys in (0, 2))
    most = max(third / first if first else 1.0 for first, third in zip(firsts, thirds, strict=True))
    return {"first key": firsts[0], "first three": thirds[0], "first three ÷ first key, most": most}


def swept(length: str) -> Figures:
    """Screen 4: bits a key at five temperatures and in people's texts; which comes closest."""
    openings, people = "\n".join(examples.OPENINGS), "\n".join(examples.PEOPLE)
    value = value_of(sweep.swept(language_model.load(), (), 1.0, int(length), 1, openings, people))[-1]
    stops = {f"T = {stop.temperature:g}": stop.bits[0] for stop in value.stops}
    _, low, high = value.people_bits
    return {**stops, "people, low": low, "people, high": high}


CHOICES = (
    Choice(
        "sampling/scoreboard", (examples.TEXT,), tuple((text,) for text in (examples.TEXT, *examples.SAMPLES)), unsure,
        lambda figures: figures["leader"] < 0.5 and figures["cold"] > 2 * figures["leader"]
        and 10 <= figures["kept"] <= 1000,
        "The dice decides among many keys, and a colder dial takes more than half of that away.", writers_print,
    ),
    Choice(
        "sampling/branch/runner-up", (examples.BRANCH_TEXT,),
        ((examples.BRANCH_TEXT,), (examples.TEXT,), (examples.SEEDS_TEXT,)), forced,
        lambda figures: figures["high"] < 0.5,
        "After another key most of the later ones are others, in every batch of seeds.", writers_print,
    ),
    Choice(
        "sampling/seeds", (examples.SEEDS_TEXT,),
        ((examples.SEEDS_TEXT,), (examples.BRANCH_TEXT,), (examples.SAMPLES[0],), (examples.SAMPLES[1],)), crowded,
        lambda figures: 0 < figures["first three"] and figures["first three ÷ first key, most"] < 0.5,
        "Some pairs agree on three keys, and far fewer than on the first, in every batch of seeds. The bound first set "
        "one batch's pairs against another's, by which this text fell short; it now compares within a batch.",
        writers_print,
    ),
    Choice(
        "sampling/sweep", ("32",), (("32",), ("64",)), swept,
        lambda figures: figures["T = 0"] < figures["people, low"] and figures["people, high"] < figures["T = 1.5"],
        "The likeliest text is duller than people’s, the hottest one wilder.", writers_print,
    ),
)  # fmt: skip
