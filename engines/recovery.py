"""One wrong stroke: symbols or a canvas, by machines that commit or that revise, and what becomes of the rest.

N runs are made twice with the same seeds, undisturbed and struck once at a share of the way; a third time with other
seeds, which says what merely another draw would give. Read the four in their order: :func:`twin` and :func:`tile`
commit what they write; :func:`masked_writer` and :func:`sculptor` go over the whole again. Each is a generator of
:class:`Underway` and at last one :class:`Struck` a share.
"""

from __future__ import annotations

import math
import random
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.checks import MAX_SEED
from engines.evidence import Underway
from engines.pictures import diffusion, tiles
from engines.pictures.diffusion import Painter, Plan, Poke
from engines.pictures.measures import strangeness
from engines.pictures.plan import MAX_ROWS
from engines.pictures.tiles import FREE, SIDE, TILES, TileWriter
from engines.statistics import Interval, Mean, mean_interval, wilson
from engines.stickers import judge, scenes
from engines.stickers.seed_ranges import FRESH
from engines.text import masked, stories
from engines.text.dials import distribution
from engines.text.masked import CANVAS, MASK, Writers

MOMENTS = (0.25, 0.5, 0.75)
"""The shares of the way at which the recorded strikes fall."""
ROUNDS, PASSES = 16, 12
"""Of the masked writer and of the sculptor."""
REACH = 8
"""Over how many places after a wrong stroke its surprise is followed."""
UNLIKELY_WORD, UNLIKELY_TILE = 0.01, 0.001
"""A wrong stroke had less than this chance at its place."""
STRANGE = 0.95
"""A patch is strange when it is stranger than this share of undisturbed ones about its place."""
PATCH = 3
"""Cells of the latent on a side of the sculptor's patch."""
CHECKS = (1, 2, 4, 8)
"""So many passes after the strike the sculptor's guess is looked at."""
OTHER = MAX_SEED // 3
"""How far the seeds of the second draw are away."""
ROWS = 32

Right = tuple[bool | None, ...]
Striking = Iterator[Underway | tuple["Struck", ...]]


@dataclass(frozen=True, eq=False)
class Struck:
    """N runs of one machine, struck at ``share`` of the way.

    right, struck, other: whether the whole was right undisturbed, struck, and from another seed; None where the judge
    cannot tell, ``other`` empty where it was not drawn. stands: whether the wrong stroke was still there at the end;
    calm: the same measure where it must find none or, for the masked writer, where nothing was covered again. gone:
    rounds or passes from the strike until it was gone for good (the sculptor's: until the first look at which it was
    gone), None where it stayed. extra: bits [N, 8] by which the machine was more surprised by what it wrote at the next
    places than undisturbed; NaN behind the end. places: of the stroke, a word's or a tile's. before, after: texts as
    ids [N, 48] or pictures uint8 [N, H, W, 3], undisturbed and struck; during: the canvas at the strike, where there is
    one.
    """

    machine: str
    share: float
    right: Right
    struck: Right
    other: Right
    stands: tuple[bool, ...]
    calm: tuple[bool, ...]
    gone: tuple[int | None, ...]
    places: tuple[int, ...]
    before: np.ndarray
    after: np.ndarray
    during: np.ndarray | None = None
    surprise: tuple[Mean, ...] = ()
    captions: tuple[str, ...] = ()

    @property
    def standing(self) -> Interval:
        """Runs in which the wrong stroke still stands."""
        return wilson(sum(self.stands), len(self.stands))

    @property
    def undisturbed(self) -> Interval:
        """Undisturbed runs that are right, of those that could be told."""
        return _share(self.right)

    @property
    def kept(self) -> Interval:
        """Struck runs that are right, of those that were right undisturbed."""
        return _share([hit for hit, was in zip(self.struck, self.right, strict=True) if was])

    @property
    def redrawn(self) -> Interval:
        """The control: runs from another seed that are right, of those that were right from the first."""
        return _share([hit for hit, was in zip(self.other, self.right, strict=False) if was])

    @property
    def cost(self) -> Mean:
        """By how much the stroke lowers the share that is right below another draw's, in pairs; mean and interval.

        Where all pairs are alike Student's interval would have no width, and Wilson's of the pairs that differ stands.
        """
        pairs = zip(self.struck, self.other, self.right, strict=False)
        lost = [float(o) - float(s) for s, o, was in pairs if was and s is not None and o is not None]
        mean, low, high = mean_interval(lost)
        if lost and len(set(lost)) == 1:
            width = wilson(0, len(lost)).high
            low, high = mean - width, mean + width
        return mean, max(-1.0, low), min(1.0, high)

    @property
    def example(self) -> int:
        """The first run that was right undisturbed; the first of all where none was."""
        return next((number for number, right in enumerate(self.right) if right), 0)

    def middle(self) -> float | None:
        """The median of rounds or passes until the stroke is gone, of the runs that lose it."""
        gone = [one for one in self.gone if one is not None]
        return float(np.median(gone)) if gone else None


def as_record(one: Struck) -> dict[str, Any]:
    """What is kept of a result: everything but texts and pictures, as JSON values."""
    marks = {True: "1", False: "0", None: "-"}
    kept: dict[str, Any] = {"machine": one.machine, "share": one.share}
    kept |= {name: "".join(marks[value] for value in getattr(one, name)) for name in MARKED}
    kept |= {"gone": list(one.gone), "places": list(one.places)}
    return kept | {"surprise": [[round(value, 3) for value in mean] for mean in one.surprise]}


def from_record(kept: Mapping[str, Any]) -> Struck:
    """A result as :func:`as_record` kept it, without texts and pictures."""
    values = {"1": True, "0": False, "-": None}
    marked: dict[str, Any] = {name: tuple(values[mark] for mark in kept[name]) for name in MARKED}
    surprise = tuple((mean[0], mean[1], mean[2]) for mean in kept["surprise"])
    nothing = np.empty(0, np.int64)
    return Struck(
        kept["machine"], kept["share"], **marked, gone=tuple(kept["gone"]), places=tuple(kept["places"]),
        before=nothing, after=nothing, surprise=surprise,
    )  # fmt: skip


MARKED = ("right", "struck", "other", "stands", "calm")


def _surprise(extra: np.ndarray) -> tuple[Mean, ...]:
    """The mean of each column of bits [N, 8], over the runs that reach so far (not NaN)."""
    return tuple(mean_interval(column[np.isfinite(column)]) for column in extra.T if np.isfinite(column).sum() > 1)


def _share(values: Sequence[bool | None]) -> Interval:
    decided = [one for one in values if one is not None]
    return wilson(sum(decided), len(decided))


def _others(seeds: Sequence[int]) -> list[int]:
    return [(seed + OTHER) % (MAX_SEED + 1) for seed in seeds]


def _last(events: Iterator[Any], what: str, steps: int) -> Generator[Underway, None, list[Any]]:
    """All of some events, a word after each how far they are."""
    seen: list[Any] = []
    for event in events:
        seen.append(event)
        if len(seen) % max(1, steps // 16) == 0:
            yield Underway(min(1.0, len(seen) / steps), f"{what}: step {len(seen)} of {steps}")
    return seen


# --- symbols, committed ------------------------------------------------------------------------------------


def twin(writers: Writers, seeds: Sequence[int], shares: Sequence[float], redraw: bool = True) -> Striking:
    """The twin writes from left to right; one word of its story is another one, and it goes on."""
    calm = yield from _last(masked.write(writers, seeds), "The twin, undisturbed", CANVAS)
    rows, costs = calm[-1].canvas, _bits(calm)
    other: Right = ()
    if redraw:
        again = yield from _last(masked.write(writers, _others(seeds)), "The twin, other dice", CANVAS)
        other = _valid(writers, again[-1].canvas)
    found = []
    for share in shares:
        places = [_place(share, len(_words(writers, row))) for row in rows]
        chances = masked.guesses_at(writers, rows, places)[1]
        wrong = [_wrong_word(writers, *one) for one in zip(seeds, rows, places, chances, strict=True)]
        given = np.where(np.arange(CANVAS) < np.array(places)[:, None], rows, writers.ids[MASK])
        given[np.arange(len(rows)), places] = wrong
        events = masked.write(writers, seeds, given=given)
        struck = yield from _last(events, f"The twin, struck at {share:.0%}", CANVAS)
        ended, later = struck[-1].canvas, _bits(struck)
        extra = np.full((len(rows), REACH), math.nan)
        for number, place in enumerate(places):
            last = min(len(_words(writers, rows[number])), len(_words(writers, ended[number])))
            for step in range(REACH):
                if (at := place + 1 + step) <= last < CANVAS:
                    extra[number, step] = later[number, at] - costs[number, at]
        stands = tuple(bool(row[at] == word) for row, at, word in zip(ended, places, wrong, strict=True))
        found.append(
            Struck(
                "twin", share, _valid(writers, rows), _valid(writers, ended), other, stands, (False,) * len(rows),
                (None,) * len(rows), tuple(places), rows, ended, surprise=_surprise(extra),
            )
        )  # fmt: skip
    yield tuple(found)


def _words(writers: Writers, row: np.ndarray) -> list[str]:
    text = writers.text(row)
    return text[: text.index(stories.END)] if stories.END in text else text


def _place(share: float, length: int) -> int:
    return min(max(1, round(share * length)), max(1, length - 1))


def _bits(steps: Sequence[Any]) -> np.ndarray:
    """What each written word cost its writer, [N, 48]; NaN behind the last step."""
    costs = np.full((len(steps[0].confidence), CANVAS), math.nan)
    for step in steps:
        costs[:, step.index - 1] = -np.log2(np.maximum(step.confidence, 1e-9))
    return costs


def _valid(writers: Writers, rows: np.ndarray) -> Right:
    return tuple(not writers.broken(row) for row in rows)


def _wrong_word(writers: Writers, seed: int, row: np.ndarray, place: int, chances: np.ndarray) -> int:
    """Any word of the stories but what stands there, of those with little chance, drawn by the seed."""
    known = [writers.ids[word] for word in stories.vocabulary()]
    free = [one for one in known if one != row[place] and chances[one] < UNLIKELY_WORD]
    return random.Random(f"{seed} {place}").choice(free)


# --- symbols, revised --------------------------------------------------------------------------------------


def masked_writer(writers: Writers, seeds: Sequence[int], shares: Sequence[float], redraw: bool = True) -> Striking:
    """A share of the words of a right story stands on the masked writer's canvas, and one wrong word among them; it
    fills the rest, and at the end it looks for words to doubt, as :func:`engines.text.masked.erred` does.

    The story is one of the grammar: of the writer's own too few are right for any to be spoiled. ``calm`` of the result
    is the control of :attr:`Struck.stands`: the same strike, and nothing looked for.
    """
    texts = [stories.story(stories.RECOVERY + seed) for seed in seeds]
    rows = np.array([writers.canvas(text, True) for text in texts])
    looks = [(seed + 1) % MAX_SEED for seed in seeds]
    found = []
    for share in shares:
        places = [_place(share, len(text)) for text in texts]
        stand = rows.copy()
        for number, (seed, text, place) in enumerate(zip(seeds, texts, places, strict=True)):
            covered = random.Random(f"{seed} covered").sample(range(len(text)), round((1 - share) * len(text)))
            stand[number, [*covered, place]] = writers.ids[MASK]
        said = f"The masked writer at {share:.0%}"
        calm, _, _ = yield from _filled(writers, stand, seeds, looks, share, f"{said}, undisturbed")
        other: Right = ()
        if redraw:
            dice = _others(seeds)
            again, _, _ = yield from _filled(writers, stand, dice, _others(looks), share, f"{said}, other dice")
            other = _valid(writers, again)
        chances = masked.guesses_at(writers, rows, places)[0]
        wrong = [_wrong_word(writers, *one) for one in zip(seeds, rows, places, chances, strict=True)]
        each, hurt = np.arange(len(rows)), stand.copy()
        hurt[each, places] = wrong
        ended, unlooked, rounds = yield from _filled(writers, hurt, seeds, looks, share, f"{said}, struck")
        found.append(
            Struck(
                "masked", share, _valid(writers, calm), _valid(writers, ended), other,
                tuple(bool(one) for one in ended[each, places] == wrong),
                tuple(bool(one) for one in unlooked[each, places] == wrong),
                tuple(_rounds_until(int(number), places, wrong, rounds) for number in each), tuple(places), calm, ended,
                hurt,
            )
        )  # fmt: skip
    yield tuple(found)


Filling = Generator[Underway, None, tuple[np.ndarray, np.ndarray, list[masked.Round]]]


def _filled(
    writers: Writers, canvases: np.ndarray, seeds: Sequence[int], looks: Sequence[int], share: float, what: str
) -> Filling:
    """Canvases filled and then looked over, those before that look, and all rounds of both."""
    many = max(1, round(ROUNDS * (1 - share)))
    filling = yield from _last(masked.draft(writers, seeds, rounds=many, canvases=canvases), what, many)
    filled = filling[-1].canvas if filling else canvases
    looked = yield from revised(writers, filled, looks, what)
    return (looked[-1].canvas if looked else filled), filled, [*filling, *looked]


def revised(
    writers: Writers, rows: np.ndarray, seeds: Sequence[int], what: str
) -> Generator[Underway, None, list[masked.Round]]:
    """:func:`engines.text.masked.revise` for canvases [N, 48] side by side: the rounds of all tries."""
    seen: list[masked.Round] = []
    doubted = np.zeros(rows.shape, bool)
    open_ones = list(range(len(rows)))
    for attempt in range(masked.TRIES):
        doubted[:] = False
        for count, number in enumerate(open_ones):
            doubted[number] = masked.doubts(writers, rows[number]) < masked.DOUBT
            if count % 6 == 5:
                yield Underway((attempt + count / len(open_ones)) / masked.TRIES, f"{what}: look {attempt + 1}")
        open_ones = [number for number in open_ones if doubted[number].any()]
        if not open_ones:
            break
        covered = np.where(doubted, writers.ids[MASK], rows)
        dice = [(seed + attempt) % MAX_SEED for seed in seeds]
        seen += masked.draft(writers, dice, rounds=8, canvases=covered)
        rows = seen[-1].canvas
    return seen


def _rounds_until(number: int, places: Sequence[int], wrong: Sequence[int], rounds: Sequence[masked.Round]) -> (
    int | None
):  # fmt: skip
    """How many of its own rounds a canvas needs until the wrong word is gone for good."""
    own = [one for one in rounds if (one.before[number] == one.hidden).any()]
    there = [bool(one.canvas[number, places[number]] == wrong[number]) for one in own]
    if not there or there[-1]:
        return None
    return max((at + 2 for at, stands in enumerate(there) if stands), default=1)


# --- a canvas, committed -----------------------------------------------------------------------------------


def captions(seeds: Sequence[int]) -> tuple[str, ...]:
    """One caption a seed, of a scene with a single thing that was in no training and is not held out."""
    return tuple(scenes.phrasings(scenes.plan(FRESH + seed % 10_000_000, "single"))[0] for seed in seeds)


def tile_at(share: float) -> int:
    """The tile in the middle column of the row at that share of the way."""
    return min(SIDE - 1, int(share * SIDE)) * SIDE + SIDE // 2


def tile(writer: TileWriter, seeds: Sequence[int], shares: Sequence[float], redraw: bool = True) -> Striking:
    """The tile writer writes a picture row by row; one tile is another entry, and it goes on."""
    texts, places = captions(seeds), [tile_at(share) for share in shares]
    boards: dict[int, list[np.ndarray]] = {place: [] for place in places}
    dice = [*seeds, *(_others(seeds) if redraw else [])]
    said = "The tile writer, undisturbed"
    all_texts = texts * (2 if redraw else 1)
    parts = []
    for first in range(0, len(dice), ROWS):
        part = slice(first, first + ROWS)
        last = None
        for last in tiles.write(writer, all_texts[part], dice[part]):
            if last.index in boards:
                boards[last.index].append(last.logits)
            if (last.index + 1) % SIDE == 0:
                yield Underway((first + (last.index + 1) / TILES * ROWS) / max(len(dice), ROWS), said)
        assert last is not None
        parts.append(last.pictures())
    calm = np.concatenate(parts)
    right = _right(writer.decode(calm), all_texts)
    calm, right, other = calm[: len(seeds)], right[: len(seeds)], right[len(seeds) :]
    before, costs = writer.decode(calm), _tile_bits(writer, texts, calm)
    found = []
    for share, place in zip(shares, places, strict=True):
        flat = calm.reshape(len(seeds), TILES)
        given = np.where(np.arange(TILES) < place, flat, FREE)
        logits = np.concatenate(boards[place])
        for number, seed in enumerate(seeds):
            chances = distribution(logits[number], tiles.DIALS).raw
            free = [one for one in np.flatnonzero(chances < UNLIKELY_TILE) if one != flat[number, place]]
            given[number, place] = random.Random(f"{seed} {place}").choice(free or [int(chances.argmin())])
        ends = []
        for first in range(0, len(seeds), ROWS):
            part = slice(first, first + ROWS)
            last = None
            events = tiles.write(writer, texts[part], seeds[part], given=given[part].reshape(-1, SIDE, SIDE))
            for last in events:
                if (last.index + 1) % SIDE == 0:
                    done = (first + (last.index + 1) / TILES * ROWS) / max(len(seeds), ROWS)
                    yield Underway(min(1.0, done), f"The tile writer, struck at {share:.0%}")
            assert last is not None
            ends.append(last.pictures())
        ended = np.concatenate(ends)
        after = writer.decode(ended)
        extra = (_tile_bits(writer, texts, ended) - costs)[:, place + 1 : place + 1 + REACH]
        same = ended.reshape(len(seeds), TILES)[:, place] == given[:, place]
        found.append(
            Struck(
                "tiles", share, right, _right(after, texts), other, tuple(bool(one) for one in same),
                (False,) * len(seeds), (None,) * len(seeds), (place,) * len(seeds), before, after,
                surprise=_surprise(extra), captions=texts,
            )
        )  # fmt: skip
    yield tuple(found)


def _tile_bits(writer: TileWriter, texts: Sequence[str], written: np.ndarray) -> np.ndarray:
    """What each tile cost, without guidance, [N, 256]."""
    parts = [
        writer.bits(texts[first : first + ROWS], written[first : first + ROWS]) for first in range(0, len(texts), ROWS)
    ]
    return np.concatenate(parts).reshape(len(texts), TILES)


def _right(pictures: np.ndarray, texts: Sequence[str]) -> Right:
    """Whether the judge finds everything right that each caption asks for."""
    return tuple(
        one.outcome for one in judge.judge(pictures, [judge.facts_of(text) for text in texts], lettering=False)
    )


# --- a canvas, revised -------------------------------------------------------------------------------------


def box_at(place: int) -> tuple[int, int]:
    """The row and column of the first of 3 × 3 cells about a tile, inside the picture."""
    row, column = divmod(place, SIDE)
    return min(max(row - 1, 0), SIDE - PATCH), min(max(column - 1, 0), SIDE - PATCH)


def pass_at(share: float) -> int:
    """The pass (from 0) before which the sculptor is struck."""
    return min(max(1, round(share * PASSES)), PASSES - 1)


def sculptor(painter: Painter, seeds: Sequence[int], shares: Sequence[float], redraw: bool = True) -> Striking:
    """The sculptor's canvas is overwritten with noise, 3 × 3 cells, between two passes. ``calm`` of the result says
    which undisturbed patches are as strange: about one in twenty, by how the threshold is set."""
    texts = captions(seeds)
    before, _, _ = yield from _painted(painter, texts, seeds, "The sculptor, undisturbed")
    other: Right = ()
    if redraw:
        again, _, _ = yield from _painted(painter, texts, _others(seeds), "The sculptor, other dice")
        other = _right(again, texts)
    right, quiet = _right(before, texts), strangeness(painter, before)
    found = []
    for share in shares:
        place, at = tile_at(share), pass_at(share)
        top, left = box_at(place)
        about = [
            (row, column)
            for row in range(max(0, top - 2), min(SIDE - PATCH, top + 2) + 1)
            for column in range(max(0, left - 2), min(SIDE - PATCH, left + 2) + 1)
        ]
        limit = np.quantile([_patch(quiet, *one) for one in about], STRANGE)
        sides = (left / SIDE, top / SIDE, (left + PATCH) / SIDE, (top + PATCH) / SIDE)
        poke = Poke(at, sides, kind="noise", seed=int(seeds[0]))
        said = f"The sculptor, struck at {share:.0%}"
        after, hurt, guesses = yield from _painted(painter, texts, seeds, said, poke)
        stands = _patch(strangeness(painter, after), top, left) > limit
        looks = {
            step: _patch(strangeness(painter, painter.decode(guess, checked=False)), top, left) > limit
            for step, guess in guesses.items()
        }
        looks[PASSES - at] = stands
        gone = tuple(
            None if stands[number] else next(step for step in sorted(looks) if not looks[step][number])
            for number in range(len(seeds))
        )
        found.append(
            Struck(
                "sculptor", share, right, _right(after, texts), other, tuple(bool(one) for one in stands),
                tuple(bool(one) for one in _patch(quiet, top, left) > limit), gone, (place,) * len(seeds), before,
                after, hurt, captions=texts,
            )
        )  # fmt: skip
    yield tuple(found)


def _patch(maps: np.ndarray, top: int, left: int) -> np.ndarray:
    """The mean of maps [N, H, W] over 3 × 3 cells, [N]."""
    size = maps.shape[1] // SIDE
    rows, columns = (slice(start * size, (start + PATCH) * size) for start in (top, left))
    return maps[:, rows, columns].mean(axis=(1, 2))


def _painted(
    painter: Painter, texts: Sequence[str], seeds: Sequence[int], said: str, poke: Poke | None = None
) -> Generator[Underway, None, tuple[np.ndarray, np.ndarray | None, dict[int, np.ndarray]]]:
    """The finished pictures; with a strike also the canvas it left, and the guesses [N, C, h, w] by passes since."""
    pictures: list[np.ndarray] = []
    hurt: list[np.ndarray] = []
    guesses: dict[int, list[np.ndarray]] = {step: [] for step in CHECKS if poke and step < PASSES - poke.at}
    size = SIDE * painter.factor
    for first in range(0, len(seeds), MAX_ROWS):
        part = slice(first, first + MAX_ROWS)
        plan = Plan(
            tuple(texts[part]), tuple(seeds[part]), steps=PASSES, pokes=(poke,) if poke else (), height=size, width=size
        )
        for event in diffusion.denoise(painter, plan):
            yield Underway((first + MAX_ROWS * (event.index + 1) / PASSES) / max(len(seeds), MAX_ROWS), said)
            if poke and event.index == poke.at:
                canvas = event.latent_before / np.hypot(event.alpha, event.sigma)
                hurt.append(painter.decode(canvas, checked=False))
            if poke and (step := event.index - poke.at + 1) in guesses:
                guesses[step].append(event.predicted_clean)
            if event.pictures is not None:
                pictures.append(event.pictures)
    joined = {step: np.concatenate(parts) for step, parts in guesses.items()}
    return np.concatenate(pictures), np.concatenate(hurt) if hurt else None, joined
