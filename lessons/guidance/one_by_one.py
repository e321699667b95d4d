"""Screen 1: the caption's words, added one at a time from one seed; the same words in chance order as the control."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engines.checks import seed_range
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import measures as picture_measures
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.statistics import cells, listed, more, of_pairs, plural, share, words
from lessons.guidance.measures import LITTLE, Alignment, alignment, apart, need_caption, not_scored
from lessons.shell.painting import painting

MAX_WORDS = 12


@dataclass(frozen=True, eq=False)
class OneByOne:
    """Pictures uint8 [seeds, words + 1, H, W, 3] of the caption's first 0, 1, … words, in two orders.

    ``written``: as the caption has them; ``shuffled``: in the chance order ``orders[seed]`` (positions of the words),
    another one for each seed. Both begin with the empty caption and end with all words. ``certainty``: how sure the
    judge is of ``wishes`` in each picture, float [2, seeds, words + 1], as written and shuffled; None where it cannot
    tell. ``unscored``: what the caption asks for beside that. ``seen``: what the judge names in those as written.
    """

    caption: str
    words: tuple[str, ...]
    written: np.ndarray
    shuffled: np.ndarray
    orders: np.ndarray
    certainty: np.ndarray | None = None
    wishes: tuple[str, ...] = ()
    unscored: tuple[str, ...] = ()
    seen: tuple[tuple[str, ...], ...] = ()

    @property
    def naming(self) -> np.ndarray:
        """Which words name something (a thing, a number, a colour, a place): bool [words]."""
        return np.array([word.lower().strip(",.;:!?") not in LITTLE for word in self.words])

    def moved(self) -> np.ndarray:
        """How far each word moved the picture as written, [seeds, words] in [0, 1]."""
        return np.stack([apart(row[1:], row[:-1]) for row in self.written]).astype(float)

    def moved_shuffled(self) -> np.ndarray:
        """The same in chance order, in the columns of the caption's words."""
        by_turn = np.stack([apart(row[1:], row[:-1]) for row in self.shuffled]).astype(float)
        by_word = np.empty_like(by_turn)
        np.put_along_axis(by_word, self.orders, by_turn, axis=1)
        return by_word

    def kinds(self, *, shuffled: bool = False) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean change of a word that names something and of a little word, [seeds] each; None where one is missing.

        The word that comes first is left out, whichever it is: it ends the empty caption, for which both predictions
        are the same, so it brings the push of guidance with it.
        """
        moved = self.moved_shuffled() if shuffled else self.moved()
        first = self.orders[:, 0] if shuffled else np.zeros(len(moved), int)
        later = np.arange(len(self.words)) != first[:, None]
        both = [later & kind for kind in (self.naming, ~self.naming)]
        counts = [kind.sum(axis=1) for kind in both]
        if min(count.min() for count in counts) == 0:
            return None
        naming, little = ((moved * kind).sum(axis=1) / count for kind, count in zip(both, counts, strict=True))
        return naming, little

    def mostly(self, number: int) -> str | None:
        """What the judge names most often after ``number`` words as written; None where it was not asked."""
        if not self.seen:
            return None
        ((said, times),) = Counter(row[number] for row in self.seen).most_common(1)
        return f"{said}: {times} of {len(self.seen)}"

    def order(self) -> np.ndarray:
        """How far all the words in chance order are from all the words as written, [seeds]."""
        return apart(self.shuffled[:, -1], self.written[:, -1])

    def other_seed(self) -> np.ndarray:
        """How far each seed's finished picture is from those of the other seeds, [seeds]; none for one seed."""
        pairs = picture_measures.pairwise_differences(self.written[:, -1])
        return pairs.sum(axis=1) / (len(pairs) - 1) if len(pairs) > 1 else np.empty(0)


def one_by_one(
    painter: Painter, caption: str, seeds: int = 6, *, seed: int = 7, steps: int | None = None
) -> Iterator[Underway | Evidence[OneByOne]]:
    """Paint the empty caption, the first word, the first two…, and again in chance order; one Evidence a seed."""
    began, steps = time.perf_counter(), painter.passes(steps)
    parts = tuple(need_caption(caption).split())
    caption = " ".join(parts)
    if not 2 <= len(parts) <= MAX_WORDS:
        raise PlainError(f"Write a caption of 2 to {MAX_WORDS} words. Each is added in turn.")
    rows = seed_range(seed, seeds)
    measure = alignment(caption, painter)
    written, shuffled, orders, certainty, seen = [], [], [], [], []
    for count, one in enumerate(rows, start=1):
        order = np.random.default_rng(one).permutation(len(parts))
        where = f"Seed {count} of {len(rows)}"
        plan = Plan(beginnings(parts), (one,), steps=steps)
        pictures = yield from painting(painter, plan, f"{where}, the words as written")
        mixed = Plan(beginnings([parts[i] for i in order])[1:], (one,), steps=steps)
        others = yield from painting(painter, mixed, f"{where}, the words in chance order")
        written.append(pictures)
        shuffled.append(np.concatenate([pictures[:1], others]))
        orders.append(order)
        value = OneByOne(caption, parts, np.stack(written), np.stack(shuffled), np.stack(orders))
        if isinstance(measure, Alignment):
            certainty.append([measure.of(written[-1]), measure.of(shuffled[-1])])
            seen.append(measure.names(pictures))
            value = replace(
                value, certainty=np.stack(certainty, axis=1), wishes=measure.wishes, unscored=measure.unscored,
                seen=tuple(seen),
            )  # fmt: skip
        yield _evidence(painter, value, rows[:count], steps, began)


def beginnings(parts: Sequence[str]) -> tuple[str, ...]:
    """The empty caption, the first word, the first two words, and so on."""
    return tuple(" ".join(parts[:number]) for number in range(len(parts) + 1))


def _evidence(
    painter: Painter, value: OneByOne, seeds: tuple[int, ...], steps: int, began: float
) -> Evidence[OneByOne]:
    written, shuffled = value.moved(), value.moved_shuffled()
    certain = value.certainty
    rows = tuple(
        (
            word, *cells(share(written[:, i])), *cells(share(shuffled[:, i])),
            *(cells(share(certain[0, :, i + 1])) if certain is not None else (None,) * 3), value.mostly(i + 1),
        )
        for i, word in enumerate(value.words)
    )  # fmt: skip
    findings = [*_by_kind(value), *_by_order(value)]
    alt = (
        f"“{value.caption}”, its words added one at a time, {plural(len(seeds), 'seed')}. Mean change of the picture "
        "with each word: "
        + "; ".join(f"{word}, {words(share(written[:, i]), 1, True)}" for i, word in enumerate(value.words))
        + "."
    )
    scale = painter.guidance_scale
    source = Provenance.live(
        painter, began, seeds[0], caption=value.caption, seeds=len(seeds),
        **painter.pass_settings(steps), guidance_scale=scale,
    )  # fmt: skip
    columns = (
        "word", "change as written", "low", "high", "change in chance order", "low", "high",
        "judge's certainty as written", "low", "high", "what it names most often",
    )  # fmt: skip
    code = picture_snippets.one_by_one(
        painter.source, beginnings(value.words), seed=seeds[0], steps=steps, guidance_scale=scale
    )
    return Evidence(value, alt, Table(columns, rows), source, tuple(findings), code, value.written[0])


def _by_kind(value: OneByOne) -> Iterator[Finding]:
    """Words that name something beside little words, as written and in chance order."""
    kinds, control = value.kinds(), value.kinds(shuffled=True)
    if kinds is None:
        yield Finding("no comparison", f"{ONE_KIND} The bars show how far each word moves the picture.")
        return
    naming, little = (share(kind) for kind in kinds)
    yield Finding(
        f"{100 * naming[0]:.1f} % and {100 * little[0]:.1f} %",
        f"is how far a word that names something, and a little word, move the picture as written: "
        f"{words(naming, 1, True)}, and {words(little, 1, True)}. The first word is left out: whichever it is, it ends "
        "the empty caption.",
    )
    if control is not None:
        naming, little = (share(kind) for kind in control)
        yield Finding(
            f"{100 * naming[0]:.1f} % and {100 * little[0]:.1f} %",
            "are the same two in chance order, another for each seed. That is the control: if the place in the caption "
            f"decided, they would be alike. {words(naming, 1, True)}, and {words(little, 1, True)}: "
            f"{CONTROL[more(*control)]}",
        )


ONE_KIND = "After the first word there are not both words that name something and little words in this caption."
CONTROL = {
    1: "the word itself counts.",
    0: "no clear difference, so here it could be the place in the caption.",
    -1: "here little words themselves move it further.",
}


def _by_order(value: OneByOne) -> Iterator[Finding]:
    """All words in chance order beside all as written, with another seed as the yardstick, and what the judge sees."""
    order, other = value.order(), value.other_seed()
    yardstick = (
        f" Another seed, with the words as written, lies {words(share(of_pairs(other)), 1, True)} away."
        if len(other)
        else ""
    )
    yield Finding(
        f"{100 * order.mean():.1f} %",
        f"is how far the picture of all the words in chance order is from that of the caption: "
        f"{words(share(order), 1, True)}.{yardstick}",
    )
    if value.certainty is not None:
        asked, mixed = (share(each[:, -1]) for each in value.certainty)
        yield Finding(
            f"{asked[0]:.2f} and {mixed[0]:.2f}",
            f"is how sure the judge is of {listed(value.wishes)} with all the words as written, and in chance order: "
            f"{words(asked)}, and {words(mixed)}.{not_scored(value.unscored)}",
        )


def one_by_one_truth(value: OneByOne) -> tuple[float, str] | str:
    """A little word's change beside a naming word's, as written; in words why there is none."""
    kinds = value.kinds()
    if kinds is None:
        return ONE_KIND
    naming, little = kinds
    left = float(little.mean() / max(naming.mean(), 1e-9))
    return (
        left,
        f"a little word {words(share(little), 1, True)}, a word that names something {words(share(naming), 1, True)}",
    )
