"""Screen 4: a beginning and an end are given and the middle is written; then letters down the line starts."""

from __future__ import annotations

import random
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from engines.checks import check_text, seed_range, whole
from engines.evidence import Evidence, Finding, PlainError, Table, Underway
from engines.statistics import Interval, change, percent, wilson
from engines.text import masked, stories
from engines.text.masked import CANVAS, END, MASK, Writers
from lessons.text_diffusion.measures import PIPELINE, broken, opened, provenance, rounds_of

SEEDS = 24
LEAST_SEEDS, MOST_SEEDS = 8, 48
BEGINNING, ENDING = "anna finds", "now omar has three old red kites . who has the kites ? omar ."
WORDS = 15
LETTERS = 4, 5
"""How many letters an acrostic may have: the verses of the grammar have as many lines."""


@dataclass(frozen=True, eq=False)
class Filled:
    """Stories between given words, by three writers, ids [N, 48] each.

    ``given``: bool [48]. masked: the masked writer. forced: the twin, with the given words put where they stand. free:
    the twin, which was given what comes before the first gap and nothing else.
    """

    writers: Writers
    wanted: str
    given: np.ndarray
    masked: np.ndarray
    forced: np.ndarray
    free: np.ndarray
    met: Interval
    """How many of the free ones hold what was wanted, by themselves."""

    def valid(self, rows: np.ndarray) -> Interval:
        return wilson(sum(not self.writers.broken(row) for row in rows), len(rows))


def fill(
    beginning: str, between: int, ending: str, rounds: int, seeds: int, seed: int
) -> Iterator[Underway | Evidence[Filled]]:
    """Write ``between`` words between a beginning and an ending, from several seeds, by all three."""
    began = time.perf_counter()
    writers, canvas, rounds, several, parts = yield from prepared(beginning, between, ending, rounds, seeds, seed)
    hidden = writers.ids[MASK]
    row = np.array(canvas)
    sharpened = yield from _sharpened(writers, row, rounds, several)
    forced = masked.last(masked.write(writers, several, given=np.repeat(row[None], len(several), 0))).canvas
    yield Underway(0.8, "The twin writes on from the beginning alone")
    start = np.full((len(several), CANVAS), hidden)
    start[:, : parts[0]] = row[: parts[0]]
    free = masked.last(masked.write(writers, several, given=start)).canvas
    ends = [writers.story(one).endswith(" ".join(writers.text(row[parts[0] + parts[1] :])).split(END)[0].strip())
            for one in free]  # fmt: skip
    value = Filled(
        writers, ending, row != hidden, sharpened, forced, free, wilson(sum(ends), len(ends))
    )  # fmt: skip
    settings = {"words_between": parts[1], "rounds": rounds, "seeds": len(several)}
    yield _evidence(value, began, several[0], settings, "the given end", _code(writers, row, rounds, several[0]))


Prepared = tuple[Writers, np.ndarray, int, tuple[int, ...], tuple[int, int]]


def prepared(
    beginning: str, between: int, ending: str, rounds: int, seeds: int, seed: int
) -> Generator[Underway, None, Prepared]:
    """The writers, the canvas [48] with its gap, and the checked settings; words before the gap, and in it."""
    between = whole("The words between", between, 1, CANVAS - 2)
    rounds = rounds_of(rounds)
    several = seed_range(seed, seeds, most=MOST_SEEDS)
    yield from opened()
    writers = masked.load()
    first = masked.read(writers, "The beginning", beginning)
    last = masked.read(writers, "The ending", ending)
    if not last:
        raise PlainError("Give the story an ending, a full stop at its end.")
    if len(first) + between + len(last) >= CANVAS:
        raise PlainError(
            f"That makes {len(first) + between + len(last)} words; a canvas holds {CANVAS - 1}. Take fewer between."
        )
    row = writers.canvas([*first, *[MASK] * between, *last], True)
    return writers, row, rounds, several, (len(first), between)


def _sharpened(
    writers: Writers, row: np.ndarray, rounds: int, several: tuple[int, ...], allowed: np.ndarray | None = None
) -> Generator[Underway, None, np.ndarray]:
    last = None
    canvases = np.repeat(row[None], len(several), 0)
    for last in masked.draft(writers, several, rounds=rounds, canvases=canvases, allowed=allowed):
        yield Underway(0.6 * last.index / last.rounds, f"Round {last.index} of {last.rounds}")
    yield Underway(0.6, "The twin writes from the left, the given words put in")
    assert last is not None
    return last.canvas


@cache
def layout(count: int, seed: int) -> tuple[tuple[int, ...], int]:
    """Where the lines of a verse with ``count`` lines begin, and its words: as some verse of the grammar has them."""
    dice = random.Random(f"layout {count} {seed}")
    while True:
        text = stories.story(f"layout {dice.random()}")
        starts = [begin for begin, _ in stories.lines(text)]
        if len(starts) == count and "now" not in text:
            return tuple(starts), len(text)


def acrostic(word: str, rounds: int, seeds: int, seed: int) -> Iterator[Underway | Evidence[Filled]]:
    """Write verses whose lines begin with the letters of ``word``, one layout of lines for all seeds."""
    began = time.perf_counter()
    letters = check_text("The word", word, 40).strip().lower()
    if not (letters.isascii() and letters.isalpha() and len(letters) in LETTERS):
        raise PlainError("Give a word of four or five letters from a to z: a verse has as many lines.")
    rounds = rounds_of(rounds)
    several = seed_range(seed, seeds, most=MOST_SEEDS)
    yield from opened()
    writers = masked.load()
    hidden = writers.ids[MASK]
    starts, length = layout(len(letters), several[0])
    row = writers.canvas([MASK] * length, True)
    for begin in (*starts[1:], length):
        row[begin - 1] = writers.ids["."]
    allowed = np.ones((CANVAS, len(writers.words)), bool)
    for letter, begin in zip(letters, starts, strict=True):
        allowed[begin] = [one[0] == letter for one in writers.words]
    sharpened = yield from _sharpened(writers, row, rounds, several, allowed)
    forced = masked.last(
        masked.write(writers, several, given=np.repeat(row[None], len(several), 0), allowed=allowed)
    ).canvas
    yield Underway(0.8, "The twin writes freely")
    free = masked.last(masked.write(writers, several)).canvas
    met = [begins(writers.text(one)) == letters for one in free]
    value = Filled(
        writers, letters, row != hidden, sharpened, forced, free, wilson(sum(met), len(met))
    )  # fmt: skip
    settings = {"letters": letters, "rounds": rounds, "seeds": len(several)}
    yield _evidence(value, began, several[0], settings, "the letters", "")


def begins(text: list[str]) -> str:
    """The first letters of the lines of a canvas of words."""
    story = text[: text.index(END)] if END in text else text
    return "".join(piece[0][0] for _, piece in stories.lines(story))


def fill_truth(value: Filled) -> tuple[float, str]:
    mended, forced = value.valid(value.masked), value.valid(value.forced)
    return mended.rate - forced.rate, f"{mended} valid by the masked writer, {forced} by the twin"


def _evidence(
    value: Filled, began: float, seed: int, settings: dict, wanted: str, snippet: str
) -> Evidence[Filled]:  # fmt: skip
    ours, forced = value.valid(value.masked), value.valid(value.forced)
    _, low, high = change(forced, ours)
    apart = low > 0 or high < 0
    findings = (
        Finding(
            f"{percent(ours.rate)} valid",
            f"by the masked writer: {ours}. It reads {wanted} before it writes.",
        ),
        Finding(
            f"{percent(forced.rate)} by the twin under force",
            f"The control: the twin writes from the left, with {wanted} forced in at the same places: {forced} valid. "
            + ("" if apart else "So few do not tell the two apart."),
        ),
        Finding(
            f"{percent(value.met.rate)} by itself",
            f"Left free, the twin comes to {wanted} in {value.met}.",
        ),
    )
    rows = [
        (name, number + 1, value.writers.story(one), broken(value.writers.broken(one)))
        for name, group in (("masked", value.masked), ("twin, forced", value.forced), ("twin, free", value.free))
        for number, one in enumerate(group[:8])
    ]
    first = value.writers.story(value.masked[0])
    expected = first if snippet else None
    return Evidence(
        value, f"The masked writer: {ours} valid; the twin under force: {forced}. The first story: “{first}”",
        Table(("writer", "story", "words", "rules broken"), tuple(rows)),
        provenance(value.writers, seed, time.perf_counter() - began, **settings), findings, snippet, expected,
    )  # fmt: skip


def _code(writers: Writers, row: np.ndarray, rounds: int, seed: int) -> str:
    stop = writers.text(row).index(END)
    text = " ".join(writers.text(row)[:stop])
    left = int((row == writers.ids[MASK]).sum())
    return f"""{PIPELINE}
canvas = tokenizer({text!r}, return_tensors="pt").input_ids
# the pipeline fills what follows a prompt; its scheduler also fills gaps
last = (canvas[0] == tokenizer.mask_token_id).nonzero().max() + 1
scheduler = BlockRefinementScheduler()
scheduler.set_timesteps({min(rounds, left)}, block_length={left})
dice = torch.Generator().manual_seed({seed})
with torch.inference_mode():
    for step in range({min(rounds, left)}):
        part = canvas[:, :last]
        canvas[:, :last] = scheduler.step(
            model(canvas).logits[:, :last], step, part, mask_token_id=tokenizer.mask_token_id,
            temperature={masked.TEMPERATURE}, sampling_method="multinomial", threshold=1.0, generator=dice,
        ).prev_sample
result = tokenizer.decode(canvas[0])
print(result)
"""
