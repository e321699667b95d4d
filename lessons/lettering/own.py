"""Screen 3: the signs of the playground's own painter, for words it was shown on signs and words it never was."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from engines.checks import seed_range, whole
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import diffusion, exercise_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.pictures.plan import MAX_ROWS, MAX_STEPS
from engines.signs import lab as sign_lab
from engines.signs import measures as sign_measures
from engines.statistics import Interval, clustered, mean_interval, more, plural, points, words
from engines.stickers import diet, judge

MAX_PAIRS, MAX_SEEDS = 26, 6
CAPTION = "a white sign that says {} on a blue background"
NEAR = 1
"""Letters to change up to which a reading counts as a word from the painter's signs."""
ASKED, KNOWN, OTHER, NOTHING = range(4)
KINDS = (
    "the word asked for", f"a word from its signs, or {NEAR} letter off one", "other letters", "nothing legible",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sign:
    """A word's signs at every seed, pictures uint8 [seeds, H, W, 3], and what was read on each.

    known: for each reading the fewest letters to change to a word from the painter's signs; None where nothing was
    read. nearest: those words. lengths: letters read.
    """

    word: str
    pictures: np.ndarray
    spellings: tuple[sign_measures.Spelling, ...]
    known: tuple[int | None, ...]
    nearest: tuple[frozenset[str], ...]
    lengths: tuple[int, ...]

    @property
    def kinds(self) -> tuple[int, ...]:
        """Which of :data:`KINDS` each reading is."""
        return tuple(map(_kind, self.spellings, self.known))


@dataclass(frozen=True, eq=False)
class Pair:
    """A word that was on no training sign and one of the same length that was, painted from the same noise."""

    new: Sign
    seen: Sign


@dataclass(frozen=True, eq=False)
class Own:
    """The pairs that are painted, of ``planned``; ``on_signs``: words on the training signs, ``signs``: the signs."""

    pairs: tuple[Pair, ...]
    planned: int
    on_signs: int
    signs: int

    def spellings(self, *, seen: bool) -> list[sign_measures.Spelling]:
        return [one for pair in self.pairs for one in (pair.seen if seen else pair.new).spellings]

    def exact(self, *, seen: bool) -> Interval:
        """Signs read exactly, with an interval as wide as if each word were one trial."""
        spellings = self.spellings(seen=seen)
        return clustered(sum(one.exact for one in spellings), len(spellings), len(self.pairs))

    def errors(self, *, seen: bool) -> tuple[float, tuple[float, float] | None]:
        """Wrong letters for each letter asked, and the bootstrap 95 % interval over words; None where it is open."""
        spellings = self.spellings(seen=seen)
        return sign_measures.character_error_rate(spellings), sign_measures.character_error_interval(spellings)

    def gaps(self) -> tuple[np.ndarray, np.ndarray]:
        """(letters from what was read to the nearest word of its signs, the same by chance), one a never-seen word.

        Chance is that of words as long as what was read: a short reading is near some word whatever it says. A word's
        readings are averaged; words of which nothing was read are left out.
        """
        both = []
        for pair in self.pairs:
            read = [
                (gap, _chance(length)[0])
                for gap, length in zip(pair.new.known, pair.new.lengths, strict=True)
                if gap is not None
            ]
            both += [np.mean(read, axis=0)] if read else []
        table = np.array(both, dtype=float).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    def near(self) -> tuple[np.ndarray, np.ndarray]:
        """(share of signs within NEAR of a word from its signs, the same by chance), one a never-seen word."""
        read = [np.mean([kind == KNOWN for kind in pair.new.kinds]) for pair in self.pairs]
        chance = [np.mean([_chance(n)[1] if n else 0.0 for n in pair.new.lengths]) for pair in self.pairs]
        return np.array(read, dtype=float), np.array(chance, dtype=float)

    def kinds(self) -> tuple[int, ...]:
        """How many of the signs for never-seen words are of each of :data:`KINDS`."""
        found = [kind for pair in self.pairs for kind in pair.new.kinds]
        return tuple(found.count(kind) for kind in range(len(KINDS)))

    def instead(self) -> tuple[Interval, Interval]:
        """Of the readings near a word from its signs: how many are near one that lies nearest to the word asked for.

        Then the control: the same readings held against the other never-seen words of their length.
        """
        hits, controls, words_ = [], [], 0
        for pair in self.pairs:
            found = [near for near, kind in zip(pair.new.nearest, pair.new.kinds, strict=True) if kind == KNOWN]
            others = [one.new.word for one in self.pairs if one is not pair and len(one.new.word) == len(pair.new.word)]
            words_ += bool(found)
            hits += [bool(near & _nearest(pair.new.word)[1]) for near in found]
            controls += [bool(near & _nearest(other)[1]) for near in found for other in others]
        return clustered(sum(hits), len(hits), words_), clustered(sum(controls), len(controls), words_)


def _kind(spelling: sign_measures.Spelling, known: int | None) -> int:
    if known is None:
        return NOTHING
    if spelling.exact:
        return ASKED
    return KNOWN if known <= NEAR else OTHER


def _nearest(text: str) -> tuple[int, frozenset[str]]:
    """(the fewest letters to change to a word from the painter's signs, those words)."""
    gaps = {word: judge.edit_distance(text, word) for word in diet.load().counts["words"]}
    least = min(gaps.values())
    return least, frozenset(word for word, gap in gaps.items() if gap == least)


def listed() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(words that stood on training signs, words that were kept from them), as the diet counted them."""
    known = diet.load()
    kept = sorted(str(word) for (word,) in known.kept["words"])
    return tuple(sorted(known.counts["words"])), tuple(kept)


def choose(count: int, seed: int) -> tuple[tuple[str, str], ...]:
    """``count`` of the words kept from the signs, drawn by ``seed``, each with a word from the signs of its length."""
    seen, new = listed()
    generator = np.random.default_rng(seed)
    drawn = [new[at] for at in generator.permutation(len(new))[:count]]
    mixed = [seen[at] for at in generator.permutation(len(seen))]
    pairs = []
    for word in drawn:
        partner = next(one for one in mixed if len(one) == len(word))
        mixed.remove(partner)
        pairs.append((word, partner))
    return tuple(pairs)


def check(pairs: Any, seeds: Any, seed: Any) -> tuple[int, tuple[int, ...]]:
    """(pairs of words, seeds); PlainError out of bounds."""
    count = whole("The number of pairs", pairs, 1, MAX_PAIRS)
    whole("The number of seeds", seeds, 1, MAX_SEEDS)
    return count, seed_range(seed, seeds)


def paint(
    painter: Painter, pairs: int = 20, seeds: int = 3, seed: int = 0, *, steps: int | None = None
) -> Iterator[Underway | Evidence[Own]]:
    """Paint and read both words of every pair at every seed; an Evidence after each batch of pairs.

    PlainError for another painter than the bundled one: nobody here knows which words its signs carried.
    """
    began, (count, rows) = time.perf_counter(), check(pairs, seeds, seed)
    steps = whole("The number of passes", painter.passes(steps), 1, MAX_STEPS)
    if not painter.is_bundled:
        raise PlainError("Only of the bundled painter it is known which words stood on the signs it was shown.")
    known, chosen, done = diet.load(), choose(count, rows[0]), []
    each = max(1, MAX_ROWS // (2 * len(rows)))
    parts = [chosen[at : at + each] for at in range(0, count, each)]
    for number, part in enumerate(parts):
        asked = [word for pair in part for word in pair]
        plan = Plan(tuple(CAPTION.format(word) for word in asked for _ in rows), rows * len(asked), steps=steps)
        for event in diffusion.denoise(painter, plan):
            share = (number + (event.index + 1) / event.passes) / len(parts)
            yield Underway(share, f"{plural(len(asked), 'word')}, pass {event.index + 1} of {event.passes}")
        assert event.pictures is not None
        split = event.pictures.reshape(len(part), 2, len(rows), *event.pictures.shape[1:])
        for (new, seen), (first, second) in zip(part, split, strict=True):
            done.append(Pair(_sign(new, first), _sign(seen, second)))
        value = Own(tuple(done), count, len(known.counts["words"]), sum(known.counts["words"].values()))
        yield _evidence(painter, value, rows, steps, began)


def _sign(word: str, pictures: np.ndarray) -> Sign:
    texts = [lettering.text for lettering in judge.read_text(pictures)]
    letters = ["".join(one for one in text.upper() if one.isalnum()) for text in texts]
    spellings = tuple(
        sign_measures.Spelling(word, text, judge.edit_distance(read, word))
        for text, read in zip(texts, letters, strict=True)
    )
    found = [_nearest(read) if read else (None, frozenset[str]()) for read in letters]
    return Sign(
        word,
        pictures,
        spellings,
        tuple(gap for gap, _ in found),
        tuple(near for _, near in found),
        tuple(map(len, letters)),
    )


@cache
def _chance(length: int) -> tuple[float, float, int]:
    """How near words of this length lie to the painter's own by chance: (mean letters, share within NEAR, words).

    The words are those of the sign lab that are on neither list; longer ones than it has count as its longest.
    """
    own, lists = {word for words_ in listed() for word in words_}, sign_lab.words()
    every = [word for seen in (True, False) for word in lists.of_length(min(length, sign_lab.SLOTS), seen=seen)]
    gaps = np.array([_nearest(word.upper())[0] for word in every if word.upper() not in own])
    return float(gaps.mean()), float((gaps <= NEAR).mean()), len(gaps)


def instead_truth(value: Own) -> tuple[int, str] | str:
    """Whether what it letters for new words lies nearer to the words of its signs than chance has it (0), as near (1)
    or further (2), word by word: the interval of the difference decides.

    In words, why no guess can be scored, where fewer than two words have a legible sign.
    """
    read, chance = value.gaps()
    if len(read) < 2:
        return "No guess can be scored here: that takes two words at least on whose signs something can be read."
    return more(read, chance, equal=6) + 1, (
        f"{_letters(read)} to the nearest word of its signs; from other words as long as that {_letters(chance)}; word "
        f"by word {words(mean_interval(np.subtract(read, chance)))} between them"
    )


def _letters(values: Sequence[float] | np.ndarray) -> str:
    middle, low, high = mean_interval(values)
    sure = math.isfinite(low) and low < high
    return f"{middle:.1f} letters" + (f" (95 % interval {max(low, 0):.1f}–{high:.1f})" if sure else "")


def _evidence(painter: Painter, value: Own, seeds: tuple[int, ...], steps: int, began: float) -> Evidence[Own]:
    source = Provenance.live(
        painter, began, seeds[0], pairs=len(value.pairs), seeds=len(seeds), passes=steps,
        guidance_scale=painter.guidance_scale, reader="rapidocr (PP-OCR)",
    )  # fmt: skip
    rows = tuple(
        (
            sign.word, "on its signs" if sign is pair.seen else "never",
            ", ".join(one.text or "nothing" for one in sign.spellings), sum(one.exact for one in sign.spellings),
            round(float(np.mean([one.errors for one in sign.spellings])), 2), _gap(sign),
        )
        for pair in value.pairs
        for sign in (pair.new, pair.seen)
    )  # fmt: skip
    columns = ("word", "seen in training", "read", "exact", "letters to change", "to the nearest word of its signs")
    alt = (
        f"{plural(len(value.pairs), 'pair')} of words of the same length, {plural(len(seeds), 'seed')} each. Read "
        f"exactly: words from its signs {value.exact(seen=True)}, words on no sign {value.exact(seen=False)}."
    )
    first = value.pairs[0]
    captions = [CAPTION.format(sign.word) for sign in (first.new, first.seen)]
    code = exercise_snippets.galleries(
        painter.source, captions, seeds=seeds, steps=steps, guidance_scale=painter.guidance_scale
    )
    expected = dict(zip(captions, (first.new.pictures, first.seen.pictures), strict=True))
    return Evidence(value, alt, Table(columns, rows), source, tuple(_findings(value)), code, expected)


def _gap(sign: Sign) -> float | None:
    gaps = [gap for gap in sign.known if gap is not None]
    return round(float(np.mean(gaps)), 2) if gaps else None


def _findings(value: Own) -> Iterator[Finding]:
    seen, new = value.exact(seen=True), value.exact(seen=False)
    shares = np.array([[np.mean([one.exact for one in s.spellings]) for s in (p.seen, p.new)] for p in value.pairs])
    gain = mean_interval(shares[:, 0] - shares[:, 1])
    yield Finding(
        f"{seen.rate:.0%} and {new.rate:.0%}".replace("%", " %"),
        f"of the signs are read exactly: {seen} for words from its signs, {new} for words on none. Pair by pair the "
        f"difference is {points(gain)}.",
    )
    yield Finding(
        f"{value.errors(seen=True)[0]:.2f} and {value.errors(seen=False)[0]:.2f}",
        f"letters in error for each letter asked: {_errors(value, seen=True)} for words from its signs, "
        f"{_errors(value, seen=False)} for the others.",
    )
    read, chance = value.gaps()
    if len(read):
        yield Finding(
            f"{read.mean():.1f} against {chance.mean():.1f} letters",
            f"lie between what is read on the signs for new words and the nearest word that was on its signs: "
            f"{_letters(read)}. By chance, as for other words as long as what was read, {_letters(chance)}. Word by "
            f"word {words(mean_interval(np.subtract(read, chance)))} between them. {_nearer(read, chance)}",
        )
    hits, control = value.instead()
    if hits.trials:
        yield Finding(
            f"{hits.successes} of {hits.trials}",
            f"signs that show a word from its signs, or nearly, show the one that is nearest to the word asked for "
            f"({hits}); held against other new words of that length, {control}. {_beside(hits, control)}",
        )


def _errors(value: Own, *, seen: bool) -> str:
    rate, between = value.errors(seen=seen)
    bounds = f"95 % interval {between[0]:.2f}–{between[1]:.2f}" if between else "95 % interval open"
    return f"{rate:.2f} ({bounds}, over {plural(len(value.pairs), 'word')})"


def _nearer(read: Sequence[float] | np.ndarray, chance: Sequence[float] | np.ndarray) -> str:
    if len(read) < 2:
        return "One word decides nothing."
    return {
        -1: "So it leans on words it knows.",
        0: "So this shows no leaning on words it knows.",
        1: "So its lettering is further from words it knows than words are.",
    }[more(read, chance, equal=6)]


def _beside(hits: Interval, control: Interval) -> str:
    if not control.trials:
        return "There is nothing to compare it with."
    if hits.low > control.high:
        return "So which word it falls back on follows from the word asked for."
    return "The intervals overlap, so nothing shows that the word asked for says which one it falls back on."
