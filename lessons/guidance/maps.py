"""Screen 2: which words does each patch of the canvas look at, in every pass and at every size?"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from engines.checks import seed_range
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import diffusion
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter, Pass, Plan, WordMaps
from engines.pictures.plan import MAX_ROWS
from engines.statistics import Mean, cells, mean_interval, percent, plural, share, words
from engines.stickers import judge
from lessons.guidance.measures import LITTLE, apart, need_caption
from lessons.shell.painting import underway

KINDS = ("words that name something", "little words", "no word at all")


@dataclass(frozen=True, eq=False)
class Look:
    """Attention by word. ``shares``: float [seeds, passes, words + 1], the last column what no word gets.

    ``maps`` are those of the first seed, one a pass; ``picture`` is its finished picture, and ``without`` what it
    paints when the caption lacks one word: word -> uint8 [H, W, 3]. ``finest``: the maps of the smallest patches for
    every seed, float [seeds, passes, words, h, w].
    """

    caption: str
    words: tuple[str, ...]
    maps: tuple[WordMaps, ...]
    picture: np.ndarray
    shares: np.ndarray
    finest: np.ndarray
    without: dict[str, np.ndarray] = field(default_factory=dict)

    def moved(self, word: str) -> float:
        """How far the first seed's picture moves without the word: the mean absolute difference, in [0, 1]."""
        return float(apart(self.without[word][None], self.picture[None])[0])

    def alike(self, word: int, other: int) -> np.ndarray:
        """How alike the maps of two words are, over patches and passes: a correlation a seed."""
        pairs = ((one[:, word].ravel(), one[:, other].ravel()) for one in self.finest)
        return np.array([np.corrcoef(a, b)[0, 1] if a.std() > 0 < b.std() else 0.0 for a, b in pairs])

    def two_things(self) -> tuple[int, int] | None:
        """The places of the first two different things that the caption names; None where it names fewer."""
        names = dict.fromkeys(thing.name for thing in judge.facts_of(self.caption).things)
        found = [self.words.index(name) for name in names if name in self.words]
        return (found[0], found[1]) if len(found) > 1 else None

    def share(self, word: int) -> Mean:
        """The word's share of all attention over passes, with its interval over seeds."""
        return share(self.shares[:, :, word].mean(axis=1))

    def kinds(self) -> np.ndarray:
        """Shares [seeds, 3] of naming words, little words, and no word."""
        little = np.array([word.lower() in LITTLE for word in self.words])
        shares = self.shares.mean(axis=1)
        of_words = shares[:, :-1]
        return np.stack([of_words[:, ~little].sum(1), of_words[:, little].sum(1), shares[:, -1]], axis=1)


def look(
    painter: Painter, caption: str, seed: int = 7, *, seeds: int = 6, steps: int | None = None
) -> Iterator[Pass | Underway | Evidence[Look]]:
    """Every Pass of the first seed as it happens, with its word maps; then the Evidence, three times.

    Once for the first seed, again when it is painted without each word, and when the other seeds are painted, with
    intervals over all of them.
    """
    began, steps = time.perf_counter(), painter.passes(steps)
    caption = need_caption(caption)
    rows = seed_range(seed, seeds)
    if not any(word.tokens for word in painter.read(caption).words):
        raise PlainError("There is no word in this caption that the painter can read. Write a few words.")
    maps: list[WordMaps] = []
    finest = []
    for event in diffusion.denoise(painter, Plan(caption, rows[:1], steps=steps, previews=True, record_attention=True)):
        assert event.attention is not None
        maps.append(event.attention)
        yield event
    assert event.pictures is not None
    value = Look(
        caption,
        maps[0].words[0],
        tuple(maps),
        event.pictures[0],
        np.stack([_shares(m) for m in maps], 1),
        np.stack([_finest(m) for m in maps], 1),
    )
    yield _evidence(painter, value, rows[:1], steps, began)
    if len(rows) == 1:
        return
    value = yield from _silenced(painter, value, rows[0], steps)
    yield _evidence(painter, value, rows[:1], steps, began)
    shares = []
    for event in diffusion.denoise(painter, Plan(caption, rows[1:], steps=steps, record_attention=True)):
        assert event.attention is not None
        shares.append(_shares(event.attention))
        finest.append(_finest(event.attention))
        yield underway(event, f"{plural(len(rows) - 1, 'more seed')} to measure")
    value = replace(
        value, shares=np.concatenate([value.shares, np.stack(shares, 1)]),
        finest=np.concatenate([value.finest, np.stack(finest, 1)]),
    )  # fmt: skip
    yield _evidence(painter, value, rows, steps, began)


def _silenced(painter: Painter, value: Look, seed: int, steps: int) -> Generator[Underway, None, Look]:
    """The first seed painted once for each word, from a caption that lacks it."""
    reading = painter.read(value.caption)
    captions = {word: reading.without(word) for word in dict.fromkeys(value.words)}
    without: dict[str, np.ndarray] = {}
    for first in range(0, len(captions), MAX_ROWS):
        some = dict(list(captions.items())[first : first + MAX_ROWS])
        for event in diffusion.denoise(painter, Plan(tuple(some.values()), (seed,) * len(some), steps=steps)):
            yield underway(event, "Painting it without each word")
        assert event.pictures is not None
        without |= dict(zip(some, event.pictures, strict=True))
    return replace(value, without=without)


def _shares(attention: WordMaps) -> np.ndarray:
    """Mean attention [rows, words + 1] of a pass over patches, every size counting alike; last: to no word."""
    of_words = np.stack([maps.mean(axis=(2, 3)) for maps in attention.maps.values()]).mean(axis=0)
    return np.concatenate([of_words, 1 - of_words.sum(axis=1, keepdims=True)], axis=1)


def _finest(attention: WordMaps) -> np.ndarray:
    """The maps of the smallest patches, [rows, words, h, w]."""
    return attention.maps[max(attention.maps)]


def _evidence(painter: Painter, value: Look, seeds: tuple[int, ...], steps: int, began: float) -> Evidence[Look]:
    kinds = [share(column) for column in value.kinds().T]
    naming = [i for i, word in enumerate(value.words) if word.lower() not in LITTLE] or list(range(len(value.words)))
    top = max(naming, key=lambda i: value.share(i)[0])
    by_pass = value.shares[:, :, top].mean(axis=0)
    third = max(1, len(by_pass) // 3)
    early, late = share(value.shares[:, :third, top].mean(axis=1)), share(value.shares[:, -third:, top].mean(axis=1))
    rows = [
        (word, *cells(value.share(i)), int(value.shares[:, :, i].mean(axis=0).argmax()) + 1)
        for i, word in enumerate(value.words)
    ]
    last = len(value.words)
    rows.append((
        "(markers: start, end, padding)", *cells(value.share(last)),
        int(value.shares[:, :, last].mean(axis=0).argmax()) + 1,
    ))  # fmt: skip
    findings = (
        Finding(
            percent(kinds[2][0]),
            f"of all attention goes to no word: {words(kinds[2], 0, True)}, {plural(len(seeds), 'seed')}. It rests on "
            "the markers around the caption.",
        ),
        Finding(
            f"“{value.words[top]}”",
            f"draws the most of the words that name something: {words(value.share(top), 1, True)} of all attention.",
        ),
        _echo(value, top)
        or Finding(
            f"{percent(early[0])} → {percent(late[0])}",
            f"is what “{value.words[top]}” gets in the first and in the last third of the passes, on average.",
        ),
    )
    sizes = ", ".join(f"{h}×{w}" for h, w in value.maps[0].maps)
    alt = (
        f"Heatmaps of every word of “{value.caption}” in {plural(len(value.maps), 'pass', 'passes')}, at {sizes} "
        f"patches. Words that name something draw {percent(kinds[0][0])} of the attention, little words "
        f"{percent(kinds[1][0])}, markers {percent(kinds[2][0])}."
    )
    scale = painter.guidance_scale
    source = Provenance.live(
        painter, began, seeds[0], caption=value.caption, seeds=len(seeds),
        **painter.pass_settings(steps), guidance_scale=scale,
    )  # fmt: skip
    tokens = [word.tokens for word in painter.read(value.caption).words if word.tokens]
    code = picture_snippets.word_maps(
        painter.source, value.caption, seed=seeds[0], steps=steps, guidance_scale=scale, tokens=tokens
    )
    expected = [{h * w: maps[0].reshape(last, -1) for (h, w), maps in one.maps.items()} for one in value.maps]
    table = Table(("word", "share of attention", "low", "high", "most in pass"), tuple(rows))
    return Evidence(value, alt, table, source, findings, code, expected)


def _echo(value: Look, top: int) -> Finding | None:
    """How alike the maps of a naming word and of the little word after it are, beside those of two things."""
    things = value.two_things()
    word = things[0] if things else top
    after = word + 1
    if after >= len(value.words) or value.words[after].lower() not in LITTLE:
        return None
    echo = mean_interval(value.alike(word, after))
    far = mean_interval(value.alike(things[1], after)) if things else echo
    if things is None:
        return Finding(
            f"{echo[0]:+.2f}".replace("-", "−"),
            f"is how alike the heatmaps of “{value.words[word]}” and “{value.words[after]}” are (correlation over "
            f"patches and passes): {words(echo)}. With one thing in the picture there is one place to look at, so "
            "this proves nothing. Take a caption of two things.",
        )
    apart = mean_interval(value.alike(*things))
    if apart[0] > ALIKE:
        verdict = "All maps are alike here, so neither number says anything of its word."
    elif echo[1] > ALIKE:
        verdict = "So words that name different things have maps of their own, and the little word repeats the other's."
    elif max(echo[2], far[2]) < ALIKE:
        verdict = "So words that name different things have maps of their own, and the little word repeats neither."
    else:
        verdict = "So words that name different things have maps of their own; it is open whether the little word has."
    return Finding(
        f"{apart[0]:+.2f} and {echo[0]:+.2f}".replace("-", "−"),
        f"is how alike the heatmaps of “{value.words[things[0]]}” and “{value.words[things[1]]}” are, and those of "
        f"“{value.words[word]}” and “{value.words[after]}” (correlation over patches and passes): {words(apart)}, and "
        f"{words(echo)}. {verdict}",
    )


ALIKE = 0.5
"""The correlation from which two maps pass for alike."""


def look_truth(value: Look) -> tuple[int, str]:
    kinds = [share(column) for column in value.kinds().T]
    said = "; ".join(f"{name} {words(of, 0, True)}" for name, of in zip(KINDS, kinds, strict=True))
    return int(np.argmax([of[0] for of in kinds])), said
