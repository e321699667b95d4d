"""Cross-attention and guidance, measured: engine events in, Evidence out.

What the experiments share. Read them as the lesson goes: :mod:`one_by_one` (the words added in turn), :mod:`maps`
(which words a patch looks at), :mod:`silence` (a word taken away for some passes), :mod:`fork` (the two predictions),
:mod:`sweep` (the guidance scale), :mod:`edit` (held layouts, louder words, negative captions) and :mod:`dice` (guidance
beside temperature).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from engines.checks import check_number
from engines.evidence import PlainError
from engines.pictures.captions import Reading
from engines.pictures.diffusion import Painter
from engines.pictures.plan import MAX_GUIDANCE, MAX_ROWS
from engines.statistics import plural
from engines.stickers import judge
from engines.stickers.judge import Facts, Judge
from engines.stickers.world import COUNTABLE, PLURAL, RECOLOURABLE, SIDES, Thing, counted, placed, unscored

if TYPE_CHECKING:
    from engines.stickers.detector import Reading as Sight

CAPTION = "a rabbit on a yellow background"
WORDS = "a red balloon on a green meadow"
PAIR = "a lemon to the left of a cat"
OPEN = "a car to the right of a duck"
"""Leaves the background open, as `PAIR` does."""
OVERCOOKED = "four strawberries on a blue background"
STEPS = 25
LITTLE = frozenset(
    "a an the of on in at to and or with under over above below behind beside by is are that from its".split()
)
"""Words that name nothing by themselves."""

ONE_BRANCH = (
    "This painter makes one prediction in a pass: it was trained to do without the second one, so there is no gap "
    "to look at or to multiply. Open a painter with classifier-free guidance, such as the bundled one, for this "
    "experiment."
)


def need_two_branches(painter: Painter) -> None:
    """PlainError for painters whose guidance is built in (few-step and distilled ones)."""
    if not painter.has_two_branches:
        raise PlainError(ONE_BRANCH)


def check_scales(scales: Sequence[float]) -> tuple[float, ...]:
    """The scales in rising order, each once; PlainError unless there are 2 to 16 of them, from 0 to 30."""
    if not isinstance(scales, list | tuple | np.ndarray):
        raise PlainError(f"Give the guidance scales as a list of 2 to {MAX_ROWS} numbers.")
    for scale in scales:
        check_number("A guidance scale", scale, 0, MAX_GUIDANCE)
    kept = tuple(sorted({float(scale) for scale in scales}))
    if not 2 <= len(kept) <= MAX_ROWS:
        raise PlainError(f"Give 2 to {MAX_ROWS} different guidance scales.")
    return kept


def pass_of(painter: Painter, position: int) -> int:
    """The pass (from 1) at a slider's ``position`` of :data:`STEPS`: a few-step painter makes fewer passes than that,
    and some schedulers make more."""
    return max(1, round(position * painter.made(painter.steps) / STEPS))


def need_caption(caption: str, name: str = "caption") -> str:
    """The caption without spaces around it; PlainError when nothing is left."""
    if not isinstance(caption, str) or not caption.strip():
        raise PlainError(f"Write a {name} first, such as “a rabbit on a yellow background”.")
    return caption.strip()


def places(reading: Reading, word: str) -> tuple[int, ...]:
    """Which of the words that are read (see ``WordMaps.words``) spell ``word``; PlainError when it is not there."""
    tokens = set(reading.tokens_of(need_caption(word, "word")))
    return tuple(i for i, one in enumerate(one for one in reading.words if one.tokens) if set(one.tokens) <= tokens)


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean absolute difference of two batches of pictures uint8 [n, H, W, 3], [n] in [0, 1]."""
    return np.abs(a.astype(np.float32) - b.astype(np.float32)).mean(axis=(1, 2, 3)) / 255


# --- does the picture show what the caption asks for? -----------------------------------------------------


@dataclass(frozen=True)
class Alignment:
    """Measures how well pictures match a caption: the mean, over all its wishes, of how sure the judge is of each.

    Of an object, a colour and the background the judge states a probability; a number and a place hold or do not, 1
    or 0. The judge is an independent classifier of Sticker World that never saw a finished painting.
    """

    judge: Judge
    facts: Facts

    @property
    def wishes(self) -> tuple[str, ...]:
        """What it looks for, in words."""
        return tuple(self._checks())

    @property
    def unscored(self) -> tuple[str, ...]:
        """What the caption asks for and this measure leaves out, in words."""
        lettering = (f"the lettering “{self.facts.lettering}”",) if self.facts.lettering else ()
        many = [name for name, (number, _) in counted(self.facts).items() if number > COUNTABLE]
        return (*unscored(self.facts), *(f"the number of {PLURAL.get(one, one + 's')}" for one in many), *lettering)

    def of(self, pictures: np.ndarray) -> np.ndarray:
        """One number in [0, 1] a picture (uint8 [n, H, W, 3])."""
        checks = self._checks().values()
        return np.array([sum(check(one) for check in checks) / len(checks) for one in self.judge.look(pictures)])

    def names(self, pictures: np.ndarray) -> tuple[str, ...]:
        """What the judge names in each picture (uint8 [n, H, W, 3]), asked for or not."""
        return tuple(
            ", ".join(
                [
                    *(f"{thing.colour} {thing.name}" for thing in one.found),
                    *(f"perhaps {thing.name}" for thing in one.doubtful),
                    f"background “{one.background}”",
                ]
            )
            for one in self.judge.look(pictures)
        )

    def backgrounds(self, pictures: np.ndarray) -> tuple[str, ...]:
        """The background that the judge names in each picture (uint8 [n, H, W, 3])."""
        return tuple(one.background for one in self.judge.look(pictures))

    def _checks(self) -> dict[str, Callable[[Sight], float]]:
        """Each wish in words, with how far a reading grants it, in [0, 1]."""
        facts = self.facts
        names = tuple(dict.fromkeys(thing.name for thing in facts.things))
        checks: dict[str, Callable[[Sight], float]] = {name: partial(_seen, name=name) for name in names}
        for name, (number, exact) in counted(facts).items():
            if number > COUNTABLE:
                continue
            many = plural(number, name, PLURAL.get(name, ""))
            said = f"exactly {many}" if exact else f"{number} or more {PLURAL.get(name, name + 's')}"
            checks[said] = partial(_counts, name=name, number=number, exact=exact)
        for thing in facts.things:
            if thing.colour and thing.name in RECOLOURABLE:
                checks[f"the {thing.name} in {thing.colour}"] = partial(_coloured, thing=thing)
        if placed(facts):
            said = f"{names[0]} {SIDES[str(facts.relation)]} {names[1]}"
            met = ("left", "right") if facts.relation == "beside" else (facts.relation,)
            checks[said] = lambda reading: float(reading.relation(*names) in met)
        for name in facts.absent:
            checks[f"no {name}"] = partial(_missing, name=name)
        if facts.background:
            said = f"the background “{facts.background}”"
            checks[said] = lambda reading: reading.backgrounds.get(str(facts.background), 0.0)
        return checks


def _seen(reading: Sight, name: str) -> float:
    return reading.objects.get(name, 0.0)


def _missing(reading: Sight, name: str) -> float:
    return 1 - _seen(reading, name)


def _counts(reading: Sight, name: str, number: int, exact: bool) -> float:
    seen = reading.counts().get(name, 0)
    return float(seen == number if exact else seen >= number)


def _coloured(reading: Sight, thing: Thing) -> float:
    """The mean certainty of the colour over as many of the thing as are asked for; 0 for one not found so."""
    wanted = thing.count or 1
    sure = [each.colour_probability for each in reading.found if (each.name, each.colour) == (thing.name, thing.colour)]
    return sum(sorted(sure, reverse=True)[:wanted]) / wanted


def not_scored(unscored: Sequence[str]) -> str:
    """A sentence that names what the judge leaves out of its figure; nothing when that is nothing."""
    return f" Not scored: {', '.join(unscored)}." if unscored else ""


def alignment(caption: str, painter: Painter) -> Alignment | str:
    """The measure for this caption, or why there is none."""
    if not painter.is_bundled:
        return "The judge knows the bundled painter's world only, so nothing here says how well captions are followed."
    facts = judge.facts_of(caption)
    if not facts.things and not facts.background:
        return "The judge knows none of the things this caption names, so it cannot say how well it is followed."
    try:
        return Alignment(judge.load(), facts)
    except PlainError as error:
        return str(error)
