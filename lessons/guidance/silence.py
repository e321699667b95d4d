"""Screen 3: a word is taken away in some passes. Which passes were listening, and did the heatmap know?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engines.checks import seed_range, whole
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import diffusion
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import KnockOut, Painter, Plan
from engines.pictures.plan import MAX_STEPS
from engines.statistics import cells, mean_interval, more, percent, plural, share, words
from lessons.guidance.measures import LITTLE, apart, need_caption, pass_of, places
from lessons.shell.painting import underway

WINDOW, REST, ALWAYS, HIDDEN = "window", "rest", "always", "hidden"


@dataclass(frozen=True, eq=False)
class Silenced:
    """Pictures uint8 [seeds, H, W, 3] with the word, and without it in some passes.

    ``without``: "window" passes first…last (from 0), "rest" all others, "always", and "hidden": always, but
    only from attention. ``heat``: float [seeds, H, W], the word's attention over all passes with the word.
    ``read``: the caption in each pass of "window". ``other``: a word that stays, the control, with its ``other_heat``.
    """

    caption: str
    word: str
    first: int
    last: int
    steps: int
    kept: np.ndarray
    heat: np.ndarray
    without: dict[str, np.ndarray]
    read: tuple[str, ...] = ()
    other: str = ""
    other_heat: np.ndarray | None = None

    def label(self, case: str) -> str:
        span = f"{self.first + 1}–{self.last + 1}" if self.last > self.first else f"{self.first + 1}"
        return {
            WINDOW: f"gone in passes {span} only",
            REST: f"there in passes {span} only",
            ALWAYS: "gone in all passes",
            HIDDEN: "hidden from attention only",
        }[case]

    def change(self, case: str) -> np.ndarray:
        """How far each picture moved, [seeds] in [0, 1]."""
        return apart(self.without[case], self.kept)

    def agreement(self, heat: np.ndarray | None = None) -> np.ndarray:
        """Per seed, how well heat (the word's own by default) and change agree: a correlation, on 16×16 tiles."""
        moved = np.abs(self.without[ALWAYS].astype(np.float32) - self.kept.astype(np.float32)).mean(axis=3)
        pairs = zip(_tiles(self.heat if heat is None else heat), _tiles(moved), strict=True)
        return np.array([np.corrcoef(a, b)[0, 1] if a.std() > 0 < b.std() else 0.0 for a, b in pairs])


def _tiles(maps: np.ndarray, side: int = 16) -> np.ndarray:
    """Means over side × side tiles: [n, H, W] -> [n, side²]."""
    n, height, width = maps.shape
    side = min(side, height, width)
    cut = maps[:, : height // side * side, : width // side * side]
    return cut.reshape(n, side, height // side, side, width // side).mean(axis=(2, 4)).reshape(n, -1)


def take_away(
    painter: Painter, caption: str, word: str, first: int, last: int, seeds: int
) -> Iterator[Underway | Evidence[Silenced]]:
    """:func:`silence` with ``first`` and ``last`` where the sliders stand."""
    if first > last:
        raise PlainError("The first pass comes after the last. Turn “from” down or “to” up.")
    yield from silence(painter, caption, word, pass_of(painter, first) - 1, pass_of(painter, last) - 1, seeds)


def silence(
    painter: Painter,
    caption: str,
    word: str,
    first: int = 0,
    last: int = 7,
    seeds: int = 6,
    *,
    seed: int = 7,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Silenced]]:
    """Paint with the word and without it in several spans of passes; every pass, then the result of each span."""
    began = time.perf_counter()
    caption = need_caption(caption)
    steps = whole("The number of passes", painter.passes(steps), 2, 100)
    made = painter.made(steps)
    last = whole("The last pass", last, 0, made - 1)
    first = whole("The first pass", first, 0, last)
    if last - first == made - 1:
        raise PlainError("That is every pass. Leave at least one pass out, so that there is something to compare.")
    rows = seed_range(seed, seeds)
    reading = painter.read(caption)
    found = places(reading, word)
    texts = [one.text for one in reading.words if one.tokens]
    stays = [i for i, text in enumerate(texts) if i not in found and text.lower() not in LITTLE]
    heats, others, pictures = [], [], None
    for event in diffusion.denoise(painter, Plan(caption, rows, steps=steps, record_attention=True)):
        size, maps = (painter.height, painter.width), event.attention
        assert maps is not None
        heats.append([np.sum([maps.heat(row, p, *size) for p in found], axis=0) for row in range(len(rows))])
        others.append([maps.heat(row, one, *size) for one in stays[:1] for row in range(len(rows))])
        pictures = event.pictures
        yield underway(event, f"{plural(len(rows), 'picture')} with “{word}”")
    assert pictures is not None
    value = Silenced(caption, word.strip(), first, last, steps, pictures, np.mean(heats, axis=0), {})
    if stays:
        value = replace(value, other=texts[stays[0]], other_heat=np.mean(others, axis=0))
    spans = {
        WINDOW: (KnockOut(word, first, last),),
        REST: tuple(KnockOut(word, a, b) for a, b in ((0, first - 1), (last + 1, MAX_STEPS)) if a <= b),
        ALWAYS: (KnockOut(word),),
        HIDDEN: (KnockOut(word, how="attention"),),
    }
    for case, knock_out in spans.items():
        read = []
        for event in diffusion.denoise(painter, Plan(caption, rows, steps=steps, knock_out=knock_out)):
            read.append(event.captions[0])
            yield underway(event, f"“{word}” {value.label(case)}")
        assert event.pictures is not None
        value = replace(value, without={**value.without, case: event.pictures})
        if case == WINDOW:
            value = replace(value, read=tuple(read))
        yield _evidence(painter, value, rows, began)


def _evidence(painter: Painter, value: Silenced, seeds: tuple[int, ...], began: float) -> Evidence[Silenced]:
    changes = {case: share(value.change(case)) for case in value.without}
    rows = tuple((value.label(case), *cells(change)) for case, change in changes.items())
    findings = [
        Finding(
            f"{100 * change[0]:.1f} %",
            f"of full scale is how far the colours move on average with “{value.word}” {value.label(case)}: "
            f"{words(change, 1, True)}.",
        )
        for case, change in changes.items()
        if case in (WINDOW, REST)
    ]
    if ALWAYS in changes:
        agree = mean_interval(value.agreement())
        findings.append(Finding(
            f"{agree[0]:+.2f}".replace("-", "−"),
            f"is how well the heatmap of “{value.word}” foretells where the picture changes without it (correlation "
            f"over tiles, {words(agree)}; 1 is perfect, 0 is chance).{_control(value)}",
        ))  # fmt: skip
    if HIDDEN in changes and changes[ALWAYS][0] > 0:
        part = changes[HIDDEN][0] / changes[ALWAYS][0]
        findings.append(Finding(
            percent(part),
            "of what taking the word away in every pass does is done by hiding only its own tokens."
            + (
                " What is left fits that the text encoder has mixed the word into the tokens after it."
                if part < 0.5
                else ""
            ),
        ))  # fmt: skip
    alt = f"Mean change of the picture over {plural(len(seeds), 'seed')} with “{value.word}” taken away: " + "; ".join(
        f"{value.label(case)}, {words(change, 1, True)}" for case, change in changes.items()
    )
    scale = painter.guidance_scale
    source = Provenance.live(
        painter, began, seeds[0], caption=value.caption, word=value.word, seeds=len(seeds),
        **painter.pass_settings(value.steps),
        guidance_scale=scale,
    )  # fmt: skip
    code = picture_snippets.for_painter(
        painter, picture_snippets.captions_by_pass, value.read, seed=seeds[0], steps=value.steps, guidance_scale=scale,
        xl=painter.is_xl,
    )  # fmt: skip
    table = Table(("the word", "mean change (0 to 1)", "low", "high"), rows)
    return Evidence(value, alt + ".", table, source, tuple(findings), code, value.without[WINDOW][0])


def _control(value: Silenced) -> str:
    """How well the heatmap of a word that stays foretells the same change."""
    if value.other_heat is None:
        return ""
    own, other = value.agreement(), value.agreement(value.other_heat)
    if own.mean() <= 0:
        verdict = "its own map points away from the change, so it does not tell what the word does"
    else:
        verdict = {
            1: "so the map tells something of its own word",
            0: "no clear difference, so these seeds do not show that the map tells of its own word",
            -1: "better, so the map does not tell what its word does",
        }[more(own, other)]
    return f" The control: the heatmap of “{value.other}”, which stays, {words(mean_interval(other))}; {verdict}."


def silence_truth(value: Silenced) -> tuple[int, str]:
    a, b = value.change(WINDOW), value.change(REST)
    said = f"{value.label(WINDOW)}: {words(share(a), 1, True)}; {value.label(REST)}: {words(share(b), 1, True)}"
    return {1: 0, -1: 1, 0: 2}[more(a, b)], said
