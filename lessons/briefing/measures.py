"""What the screens share. Read them as the lesson goes: :mod:`checklist` (what a caption says and leaves open, while it
is typed), :mod:`bench` (one seed, one change), :mod:`dice` (the same change over many seeds), :mod:`both` (a chat and a
caption for the same wish) and :mod:`recipe` (what is kept and shared).
"""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engines.checks import check_caption
from engines.evidence import PlainError, Underway
from engines.pictures import diffusion
from engines.pictures.diffusion import Painter, Plan
from engines.pictures.measures import difference
from engines.statistics import Bounds, Gap, Interval, change_in_pairs, counts, in_bounds, plural
from engines.stickers import judge
from engines.stickers.world import PLURAL, facts_of, unscored
from lessons.shell.painting import underway

TOLERANCE = 16
"""Colour steps of 255 that a pixel may move and count as what it was."""
MARKS: dict[bool | None, str] = {True: "✓", False: "≠", None: "?"}
VERDICTS: dict[bool | None, str] = {True: "right", False: "wrong", None: "cannot tell"}
UNJUDGED = "The judge knows the bundled painter's world only, so nothing here says how well captions are followed."
NOTHING = "The judge finds nothing in this wish that it could look for."


@dataclass(frozen=True, eq=False)
class Painted:
    """Finished pictures uint8 [rows, H, W, 3] and the latents they were decoded from, float32 [rows, C, h, w]."""

    pictures: np.ndarray
    latents: np.ndarray


@dataclass(frozen=True)
class Judged:
    """Pictures against one wish; ``why`` says why nothing was judged, "" where something was.

    aspects: aspect -> right, wrong or cannot tell (None) for each picture. expected: aspect -> the wish in words.
    seen: aspect -> what each picture shows. left: the wishes that nobody here can score.
    """

    wish: str
    pictures: int
    aspects: Mapping[str, tuple[bool | None, ...]]
    expected: Mapping[str, str]
    seen: Mapping[str, tuple[str, ...]]
    left: tuple[str, ...] = ()
    why: str = ""

    @property
    def outcomes(self) -> tuple[bool | None, ...]:
        """For each picture whether all that can be scored is right: False as soon as one thing is wrong."""
        rows = zip(*self.aspects.values(), strict=True) if self.aspects else ((None,),) * self.pictures
        return tuple(False if False in row else None if None in row else True for row in rows)

    @property
    def kept(self) -> Bounds:
        """The share of the wish's aspects that each picture shows, at least and at most; NaN where none was judged.

        At most: with all that the judge cannot tell.
        """
        rows = list(zip(*self.aspects.values(), strict=True))
        least, most = (
            np.array(
                [sum(answer in counted for answer in row) / len(row) for row in rows] or [math.nan] * self.pictures
            )
            for counted in ((True,), (True, None))
        )
        return least, most

    @property
    def shown(self) -> tuple[Interval, Interval]:
        """The aspects shown in all pictures, at least and at most; as wide as if each picture were one trial."""
        answers = [answer for row in self.aspects.values() for answer in row]
        decided = len(answers) - answers.count(None)
        return in_bounds(answers.count(True), decided, len(answers), self.pictures)

    @property
    def unclear(self) -> int:
        """Pictures in which the judge cannot tell at least one aspect."""
        return sum(None in row for row in zip(*self.aspects.values(), strict=True))

    @property
    def right(self) -> tuple[Interval, Interval]:
        """The pictures that keep the whole wish, at least and at most."""
        told = [answer for answer in self.outcomes if answer is not None]
        return in_bounds(sum(told), len(told), self.pictures, self.pictures)

    @property
    def words(self) -> str:
        """How many pictures keep the wish, in words."""
        untold = self.outcomes.count(None)
        return counts(*self.right) + (f" ({untold} cannot be told)" if untold else "")

    @property
    def not_scored(self) -> str:
        """A sentence about the wishes left over; "" where there are none."""
        return f" Not scored: {', '.join(self.left)}." if self.left else ""


@dataclass(frozen=True)
class Paired:
    """The same seeds under two wordings: in how many pairs both are right, only the first, only the second, neither.

    ``untold``: pairs of which the judge cannot tell at least one picture. ``change``: share right under the second less
    that under the first in all pairs, with those pictures against the second and for it.
    """

    both: int
    first: int
    second: int
    neither: int
    untold: int
    change: Gap

    @property
    def pairs(self) -> int:
        return self.both + self.first + self.second + self.neither


def need(caption: object, name: str = "caption", example: str = "a rabbit on a yellow background") -> str:
    """The caption without spaces around it; PlainError when nothing is left, or it is no caption."""
    if not isinstance(caption, str) or not caption.strip():
        raise PlainError(f"Write a {name} first, such as “{example}”.")
    check_caption(caption, f"The {name}")
    return caption.strip()


def two(first: object, second: object) -> tuple[str, str]:
    """Two captions that differ; PlainError otherwise."""
    one, other = need(first, "first caption"), need(second, "second caption")
    if one == other:
        raise PlainError("The two captions are the same. Change something in one of them.")
    return one, other


def painting(painter: Painter, plan: Plan, words: str) -> Generator[Underway, None, Painted]:
    """The finished pictures and latents of a plan: ``painted = yield from painting(...)``."""
    for event in diffusion.denoise(painter, plan):
        yield underway(event, words)
    assert event.pictures is not None
    return Painted(event.pictures, event.latent)


def judged(painter: Painter, wish: str, pictures: np.ndarray) -> Judged:
    """What the judge says of pictures uint8 [n, H, W, 3] against a wish, aspect by aspect."""
    if not painter.is_bundled:
        return Judged(wish, len(pictures), {}, {}, {}, why=UNJUDGED)
    try:
        verdicts = judge.judge(pictures, facts_of(wish))
    except PlainError as error:
        return Judged(wish, len(pictures), {}, {}, {}, why=str(error))
    expected = verdicts[0].expected
    if not expected:
        return Judged(wish, len(pictures), {}, {}, {}, unscored(facts_of(wish)), NOTHING)
    aspects = {name: tuple(one.right.get(name) for one in verdicts) for name in expected}
    seen = {name: tuple(_numbered(one.seen[name]) for one in verdicts) for name in expected}
    said = {name: _numbered(words) for name, words in expected.items()}
    return Judged(wish, len(pictures), aspects, said, seen, verdicts[0].unscored)


def _numbered(words: str) -> str:
    """“4 rabbit, 1 cat” with plurals."""

    def noun(found: re.Match[str]) -> str:
        number, name = found.groups()
        return found[0] if number == "1" else f"{number} {PLURAL.get(name, f'{name}s')}"

    return re.sub(r"(\d+(?: or more)?) (\w+)", noun, words)


def paired(first: Sequence[bool | None], second: Sequence[bool | None]) -> Paired:
    """Two rows of outcomes of the same seeds."""
    pairs = list(zip(first, second, strict=True))
    decided = [pair for pair in pairs if None not in pair]
    against, with_it = (
        [(one if one is not None else not extreme, other if other is not None else extreme) for one, other in pairs]
        for extreme in (False, True)
    )
    signs = {_better(against), _better(with_it)}
    least, most = (change_in_pairs(*_counted(all_)) for all_ in (against, with_it))
    change = Gap(least, most, signs.pop() if len(signs) == 1 else 0, len(pairs))
    return Paired(*_counted(decided), len(pairs) - len(decided), change)


def _counted(pairs: Sequence[tuple[bool | None, bool | None]]) -> tuple[int, int, int, int]:
    """How many pairs are right in both, in the first only, in the second only, in neither."""
    both, first, second, neither = (
        pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))
    )
    return both, first, second, neither


def _better(pairs: Sequence[tuple[bool | None, bool | None]]) -> int:
    """Which wording is right more often: 1 the second, −1 the first, 0 while that cannot be told.

    Fewer than six pairs that differ say nothing: by chance so many agree once in 32 times.
    """
    both, first, second, neither = _counted(pairs)
    _, low, high = change_in_pairs(both, first, second, neither)
    if first + second < 6:
        return 0
    return 1 if low > 0 else -1 if high < 0 else 0


def moved(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean difference of colours of each picture of ``b`` from that of ``a`` (uint8 [n, H, W, 3]): [n] in [0, 1]."""
    return np.array([difference(one, other) for one, other in zip(a, b, strict=True)])


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Root mean squared difference of latents [n, C, h, w], [n]; the noise a run starts from has size 1."""
    return np.sqrt(((a.astype(float) - b) ** 2).mean(axis=(-3, -2, -1)))


def stayed(a: np.ndarray, b: np.ndarray) -> float:
    """Share of pixels of two pictures uint8 [H, W, 3] in which no colour differs by more than :data:`TOLERANCE`."""
    return float((np.abs(a.astype(int) - b).max(axis=-1) <= TOLERANCE).mean())


def other_seeds(painted: Painted) -> tuple[np.ndarray, np.ndarray]:
    """How far each seed's picture, and its latent, is on average from those of the other seeds: [n] each."""
    count = len(painted.pictures)
    if count < 2:
        return np.empty(0), np.empty(0)
    pixels = np.array([[difference(a, b) for b in painted.pictures] for a in painted.pictures])
    latents = np.array([apart(np.broadcast_to(one, painted.latents.shape), painted.latents) for one in painted.latents])
    return pixels.sum(axis=1) / (count - 1), latents.sum(axis=1) / (count - 1)


def seeds_words(count: int) -> str:
    return plural(count, "seed")
