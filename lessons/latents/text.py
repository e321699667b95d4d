"""Screen 4: how large letters must be to be read again after the round trip, before any diffusion."""

from __future__ import annotations

import math
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, Finding, PlainError, Table, Underway
from engines.pictures import autoencoder
from engines.pictures import snippets as picture_snippets
from engines.pictures.autoencoder import LegibilitySample
from engines.pictures.diffusion import Painter
from engines.pictures.files import Face, draw_text, face_for, font_size
from engines.statistics import Interval, percent, wilson
from engines.stickers import judge
from lessons.latents import measures as lab
from lessons.shell.prose import legible

HEIGHTS = (6, 10, 14, 16, 18, 20, 24, 28)  # pixels of a capital, at 128 pixels a side
WORDS = (
    "OPEN", "CAFE", "TAXI", "SALE", "LOOK", "KITE", "JUMP", "ZERO", "BIRD", "FISH", "GOLD", "HALT",
    "INKS", "LUCK", "NEXT", "PARK", "QUIZ", "RUBY", "STOP", "VETO", "YARD", "BLUE", "EXIT", "TIDE",
)  # fmt: skip
MAX_WORDS = len(WORDS)
MAX_LETTERS = 8


@dataclass(frozen=True, eq=False)
class Height:
    """Every word at one letter height: whether OCR read it exactly before and after, and what it read."""

    letter_height: int
    words: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    sample: LegibilitySample

    def share(self, readings: Sequence[str]) -> Interval:
        right = sum(_same(word, read) for word, read in zip(self.words, readings, strict=True))
        return wilson(right, len(self.words))

    @property
    def survived(self) -> bool:
        """Whether the sample's word, the first one, was read exactly after the round trip."""
        return _same(self.words[0], self.after[0])


@dataclass(frozen=True, eq=False)
class Legibility:
    """The heights measured so far, small ones first, of ``of`` in all."""

    heights: tuple[Height, ...]
    of: int


def pick_words(own: str = "", count: int = 6, seed: int = 0) -> tuple[str, ...]:
    """One's own word first, if there is one, then words drawn from the list without repeats."""
    whole("The number of words", count, 1, MAX_WORDS)
    whole("The seed", seed, 0, MAX_SEED)
    drawn = [WORDS[i] for i in np.random.default_rng(int(seed)).permutation(len(WORDS))]
    word = unicodedata.normalize("NFC", own.strip())
    if word:
        if len(word) > MAX_LETTERS:
            raise PlainError(f"Use one word of up to {MAX_LETTERS} letters or digits; this one has {len(word)}.")
        if odd := next((character for character in word if not character.isalnum()), None):
            named = "a space" if odd.isspace() else f"“{odd}”" if odd.isprintable() else "a character without a shape"
            raise PlainError(f"Use one word of letters and digits: {named} is neither.")
        face_for(word)  # refuses a letter that cannot be drawn
        drawn = [word, *(other for other in drawn if not _same(other, word))]
    return tuple(drawn[: int(count)])


def letter_heights(painter: Painter, words: Sequence[str]) -> tuple[int, ...]:
    """The heights of the sweep, scaled to the painter's picture, at which every word fits."""
    side = min(painter.height, painter.width)
    heights, face = (round(height * side / 128) for height in HEIGHTS), face_for("".join(words))
    return tuple(height for height in heights if all(_fits(word, height, face, painter) for word in words))


def _fits(word: str, height: int, face: Face, painter: Painter) -> bool:
    try:
        draw_text(word, height, width=painter.width, height=painter.height, face=face)
    except PlainError:
        return False
    return True


def legibility(
    painter: Painter, own: str = "", count: int = 6, seed: int = 7
) -> Iterator[Underway | Evidence[Legibility]]:
    """Draw every word at every height, large ones first, read it, send it through, read it again."""
    words = pick_words(own, count, seed)
    began, heights = time.perf_counter(), letter_heights(painter, words)
    if not heights:
        raise PlainError("This word fits at none of the letter heights. Use a shorter one.")
    done: list[Height] = []
    for index, height in enumerate(reversed(heights)):
        yield Underway(index / len(heights), f"Letter height {index + 1} of {len(heights)}")
        samples = autoencoder.legibility_sweep(painter, words, (height,))
        before = judge.read_text(np.stack([sample.drawn for sample in samples]))
        after = judge.read_text(np.stack([sample.restored for sample in samples]))
        done.insert(0, Height(height, words, _texts(before), _texts(after), samples[0]))
        yield _evidence(painter, Legibility(tuple(done), len(heights)), seed, began)


def _texts(readings: Sequence[judge.Lettering]) -> tuple[str, ...]:
    return tuple(reading.text for reading in readings)


def _same(a: str, b: str) -> bool:
    return judge.Lettering(a, 1.0, (a,)).spells(b)


def surviving_height(value: Legibility, *, after: bool = True) -> int | None:
    """The smallest letter height from which on at least half of the words are read exactly; None if none."""
    smallest = None
    for one in reversed(value.heights):
        if one.share(one.after if after else one.before).rate < 0.5:
            break
        smallest = one.letter_height
    return smallest


def truth(value: Legibility) -> tuple[float, str]:
    """The smallest height, of 128, at which half of the words survive, and the measurement in words."""
    height = surviving_height(value)
    if height is None:
        return math.inf, "at no height of the sweep did half of the words survive"
    (at,) = (one for one in value.heights if one.letter_height == height)
    side = min(at.sample.drawn.shape[:2])
    return height * 128 / side, f"{height} pixels; there {at.share(at.after)} words are read exactly"


def _evidence(painter: Painter, value: Legibility, seed: int, began: float) -> Evidence[Legibility]:
    words = value.heights[0].words
    findings = []
    after, before = surviving_height(value), surviving_height(value, after=False)
    finished = len(value.heights) == value.of
    if finished:
        headline = f"{after} pixels" if after else "No height"
        findings.append(
            Finding(
                headline,
                f"is the smallest letter height from which on half of {len(words)} words come back readable"
                + "".join(f", {at.share(at.after)} there" for at in value.heights if at.letter_height == after)
                + f". Before the round trip the same reader manages {before or 'no'} pixels: that is the ceiling it "
                "sets.",
            )
        )
    lost = [one for one in value.heights if one.share(one.before).rate > one.share(one.after).rate]
    if lost:
        worst = max(lost, key=lambda one: one.share(one.before).rate - one.share(one.after).rate)
        findings.append(
            Finding(
                f"{percent(worst.share(worst.before).rate)} → {percent(worst.share(worst.after).rate)}",
                f"at {worst.letter_height} pixels: {worst.share(worst.before)} words read before, "
                f"{worst.share(worst.after)} after. Nothing was painted; only compressed.",
            )
        )
        wrong = [
            (word, read) for one in lost for word, read in zip(one.words, one.after, strict=True)
            if read and not _same(word, read)
        ]  # fmt: skip
        if wrong:
            word, read = wrong[-1]
            headline = f"{word} → {legible(read[:12], word)}"
            findings.append(Finding(headline, "is how it fails at the border: letters, but other ones."))
    rows = []
    for one in value.heights:
        first, second = one.share(one.before), one.share(one.after)
        rows.append((
            one.letter_height, f"{first.successes} of {first.trials}", f"{second.successes} of {second.trials}",
            round(100 * second.low, 1), round(100 * second.high, 1),
            ", ".join(
                f"{w}→{legible(r, w) or '·'}" for w, r in zip(one.words, one.after, strict=True) if not _same(w, r)
            ) or "–",
        ))  # fmt: skip
    listed = "; ".join(
        f"{one.letter_height} px {one.share(one.before).successes} then {one.share(one.after).successes}"
        for one in value.heights
    )
    alt = f"Of {len(words)} words read exactly, before then after the round trip, by letter height: {listed}."
    columns = ("letter height, px", "read before", "read after", "after: low, %", "after: high, %", "read otherwise")
    source = lab.provenance(
        painter, began, seed, words=len(words), heights=len(value.heights), reader="rapidocr (PP-OCR)"
    )
    newest = value.heights[0]
    face = face_for("".join(words))
    code = picture_snippets.legibility(
        painter.source, newest.words[0], font_size=font_size(newest.letter_height, face), size=painter.width, face=face
    )
    expected = {"before": newest.before[0], "after": newest.after[0]}
    return Evidence(value, alt, Table(columns, tuple(rows)), source, tuple(findings), code, expected)
