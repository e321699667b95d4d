"""Screen 5: the language model draws shapes in characters, scored against the shape and against chance."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engines.checks import one_of, seed_range
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.statistics import Interval, interval, listed, mean_interval, percent, share, wilson, words
from engines.text import character_art as art
from engines.text import snippets
from engines.text.dials import Dials
from lessons.lettering.measures import relayed

if TYPE_CHECKING:
    from engines.text.language_model import LanguageModel, Run

SIZE = 7
MAX_RUNS = 16
MAX_EACH = 4
SPARE, CHAT_SPARE = 8, 40
"""Tokens that a reply may have beyond the longest shape's; a chat answer begins and ends with words."""
TEMPERATURE = 0.4
GUESSING = 1 / len(art.SHAPES)
"""Share right when all shapes are asked for equally often and the answer does not depend on the request."""

WAYS = {
    "ask": "just asked",
    "shown": "shown four other shapes first",
    "copy": "shown the same shape just before",
}
"""How the request reaches the model; the last needs no drawing, only copying."""


@dataclass(frozen=True, eq=False)
class Attempt:
    """One run: what it wrote, the drawing in it, and the drawing's score."""

    seed: int
    reply: str
    drawing: art.Drawing
    score: art.Score


@dataclass(frozen=True, eq=False)
class Way:
    """All runs of one way of asking."""

    key: str
    attempts: tuple[Attempt, ...]

    @property
    def drawn(self) -> Interval:
        """Replies that hold a drawing at all."""
        return wilson(sum(bool(one.drawing.lines) for one in self.attempts), len(self.attempts))

    @property
    def recognised(self) -> Interval:
        """Drawings that resemble the shape asked for more than any other."""
        return wilson(sum(one.score.recognised for one in self.attempts), len(self.attempts))

    @property
    def chance(self) -> float:
        """The share expected when the cells of each drawing are thrown about at random; it depends on the shape."""
        return sum(one.score.chance for one in self.attempts) / len(self.attempts)

    @property
    def scores(self) -> list[float]:
        return [one.score.asked for one in self.attempts]

    @property
    def gains(self) -> list[float]:
        """Each score less that of the same cells shuffled."""
        return [one.score.asked - one.score.shuffled for one in self.attempts]


@dataclass(frozen=True, eq=False)
class Gallery:
    """What was asked for, as ink bool [7, 7] and as tokens, and the ways tried so far."""

    shape: str
    style: art.Style
    target: np.ndarray
    tokens: art.TokenMap
    ways: tuple[Way, ...]


@dataclass(frozen=True)
class Request:
    """The text that asks for a shape, and how it is put to the model."""

    text: str
    chat: bool
    max_tokens: int


def request(model: LanguageModel, shape: str, way: str, style: art.Style) -> Request:
    """The request for ``shape`` in one of ``WAYS``."""
    words = art.SHAPES[art.check_shape(shape)]
    room = longest(model, style)
    if way == "ask":
        blank = "spaces" if style.blank == " " else "dots"
        apart = ", with a space between all characters" if style.gap else ""
        text = (
            f"Draw {words} with # characters on a grid of {SIZE} rows and {SIZE} columns. Use {blank} for empty "
            f"cells{apart}. Answer with the drawing only."
        )
        return Request(text, True, room + CHAT_SPARE)
    others = [key for key in art.SHAPES if key != shape]
    at = list(art.SHAPES).index(shape)
    shown = [*others[at:], *others[:at]][:4]
    if way == "copy":
        shown = [*shown[:3], shape]
    worked = "".join(f"{_title(key)}{art.write(art.rasterise(key, SIZE), style)}\n\n" for key in shown)
    return Request(worked + _title(shape), False, room + SPARE)


def longest(model: LanguageModel, style: art.Style) -> int:
    """Tokens of the longest shape: one room for all, so that a short shape is not cut into likeness."""
    return max(len(model.tokens_of(art.write(art.rasterise(shape, SIZE), style)).ids) for shape in art.SHAPES)


def _title(shape: str) -> str:
    return f"A drawing of {art.SHAPES[shape]}, {SIZE} rows and {SIZE} columns:\n"


def draw(
    model: LanguageModel,
    shape: str,
    style: str = "spaces",
    ways: Sequence[str] = tuple(WAYS),
    *,
    runs: int = 8,
    seed: int | None = 1,
) -> Iterator[Underway | Evidence[Gallery]]:
    """Ask ``runs`` times for one shape in each of ``ways``; one Evidence a way done. Run i has ``seed`` + i."""
    seeds = seed_range(seed, runs, most=MAX_RUNS, what="The number of runs")
    written = art.style_of(style)
    target = art.rasterise(shape, SIZE)
    text = art.write(target, written)
    requests = {one_of("The way of asking", way, WAYS): request(model, shape, way, written) for way in ways}
    tokens = art.token_map(text, model.tokens_of(text).pieces, written)
    dials, began, done = Dials(temperature=TEMPERATURE), time.perf_counter(), []
    for way, asked in requests.items():
        prompt = model.encode(asked.text, chat=asked.chat)
        writing = model.write_many(prompt, dials, seeds=seeds, max_tokens=asked.max_tokens)
        replies = yield from relayed(writing, WAYS[way])
        attempts = tuple(_attempt(run, shape, written, asked) for run in replies)
        done.append(Way(way, attempts))
        gallery = Gallery(shape, written, target, tokens, tuple(done))
        yield _evidence(model, gallery, asked, dials, seeds[0], len(seeds), time.perf_counter() - began)


def draw_all(
    model: LanguageModel, shape: str, style: str, runs: int, seed: int | None
) -> Iterator[Underway | Evidence[Gallery]]:
    """One shape in every way of asking."""
    yield from draw(model, shape, style, runs=runs, seed=seed)


def _attempt(run: Run, shape: str, style: art.Style, asked: Request) -> Attempt:
    reply = run.text if asked.chat else run.text.split("\n\n", 1)[0]
    drawing = art.read(reply, style)
    return Attempt(run.seed, reply, drawing, art.score(drawing, shape, SIZE, seed=run.seed))


def truth(gallery: Gallery) -> tuple[float, str] | None:
    """The share of drawings recognised, and the measurement in words; None before that way has run."""
    for way in gallery.ways:
        if way.key == "shown":
            found = way.recognised
            return found.rate, f"{found}; the same cells thrown about at random, {percent(way.chance)}"
    return None


def _evidence(
    model: LanguageModel, gallery: Gallery, asked: Request, dials: Dials, seed: int, runs: int, seconds: float
) -> Evidence[Gallery]:
    named = art.SHAPES[gallery.shape]
    rows = tuple(
        (
            WAYS[way.key], one.seed, round(one.score.asked, 3), round(one.score.shuffled, 3),
            round(one.score.others, 3), one.score.likest or "none", round(one.score.chance, 3),
            " ".join(map(str, one.drawing.widths)) or "–", one.reply,
        )
        for way in gallery.ways
        for one in way.attempts
    )  # fmt: skip
    summary = "; ".join(
        f"{WAYS[way.key]}, {way.recognised} most like it against {percent(way.chance)} when shuffled, mean overlap "
        f"{words(share(way.scores))}"
        for way in gallery.ways
    )
    columns = ("Asked", "Seed", "Overlap", "Shuffled", "Other shapes", "Most like", "Most like it when shuffled",
               "Row widths", "What it wrote")  # fmt: skip
    newest = gallery.ways[-1].attempts[0]
    settings = {"shape": gallery.shape, "style": gallery.style.title, "runs": runs, "temperature": dials.temperature,
                "runtime": model.runtime}  # fmt: skip
    return Evidence(
        gallery,
        f"The model was asked to draw {named} on {SIZE} by {SIZE} cells. {summary}.",
        Table(columns, rows),
        Provenance("live", model.name, model.revision, settings, seed, seconds),
        (*(_finding(way, named) for way in gallery.ways), _token_finding(gallery)),
        _code(model, asked, dials, newest.seed),
        newest.reply,
    )


def _finding(way: Way, shape: str) -> Finding:
    found, drawn = way.recognised, way.drawn
    if not drawn.successes:
        return Finding(
            f"0 of {drawn.trials} drawings",
            f"when {WAYS[way.key]} (95 % interval {interval(0, drawn.high)}): no reply holds two lines of marks in a "
            "row.",
        )
    better = "more than the same cells shuffled" if _clear(way.gains) else "no clear gain over the same cells shuffled"
    often = "more often than" if found.low > way.chance else "not clearly more often than"
    return Finding(
        f"{found.successes} of {found.trials}",
        f"look more like {shape} than like any other shape when {WAYS[way.key]} (95 % interval "
        f"{interval(found.low, found.high)}), {often} their own cells thrown about at random ({percent(way.chance)}). "
        f"{drawn.successes} drew at all. Mean overlap {words(share(way.scores))}, {better}.",
    )


def _clear(gains: Sequence[float]) -> bool:
    """Whether the 95 % interval of the mean lies above zero."""
    return mean_interval(list(gains))[1] > 0


def _token_finding(gallery: Gallery) -> Finding:
    distances = gallery.tokens.distances
    many = ", ".join(map(str, distances))
    if len(distances) == 1:
        return Finding(
            f"{many} tokens up",
            "from any cell to the one above it. If uneven distances were the cause, this would help. Does it?",
        )
    return Finding(
        f"{many} tokens up",
        f"from a cell to the one above it, depending on the cell. The whole drawing is {len(gallery.tokens.pieces)} "
        "tokens one after the other; a column is something the model has to work out.",
    )


# --- all shapes: does the request matter at all? ------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Confusion:
    """Every shape asked for equally often; the drawings in the order they were asked for."""

    attempts: tuple[Attempt, ...]

    @property
    def recognised(self) -> Interval:
        return wilson(sum(one.score.recognised for one in self.attempts), len(self.attempts))

    def count(self, asked: str, likest: str | None) -> int:
        return sum(one.score.shape == asked and one.score.likest == likest for one in self.attempts)


def confuse(
    model: LanguageModel,
    style: str = "spaces",
    seed: int | None = 1,
    *,
    way: str = "shown",
    each: int = 2,
) -> Iterator[Underway | Evidence[Confusion]]:
    """Ask for all shapes, ``each`` times; the same seeds serve every shape. Guessing gets 1 in 8 at most."""
    seeds = seed_range(seed, each, most=MAX_EACH, what="Runs of each shape")
    written, dials, began = art.style_of(style), Dials(temperature=TEMPERATURE), time.perf_counter()
    requests = {shape: request(model, shape, way, written) for shape in art.SHAPES}
    order = [(shape, one) for shape in art.SHAPES for one in seeds]
    writing = model.write_many(
        [model.encode(requests[shape].text, chat=requests[shape].chat) for shape, _ in order], dials,
        seeds=[one for _, one in order], max_tokens=requests[order[0][0]].max_tokens,
    )  # fmt: skip
    replies = yield from relayed(writing, f"all shapes, {WAYS[way]}")
    attempts = tuple(
        _attempt(run, shape, written, requests[shape]) for (shape, _), run in zip(order, replies, strict=True)
    )
    value, first = Confusion(attempts), requests[order[0][0]]
    yield _confusion_evidence(model, value, first, written, way, seeds[0], time.perf_counter() - began)


def _confusion_evidence(
    model: LanguageModel, value: Confusion, asked: Request, style: art.Style, way: str, seed: int, seconds: float
) -> Evidence[Confusion]:
    found = value.recognised
    reading = (
        "better than guessing" if found.low > GUESSING else "worse than guessing" if found.high < GUESSING
        else "which guessing alone could give"
    )  # fmt: skip
    columns = ("Asked for", *(f"like {shape}" for shape in art.SHAPES), "like none")
    seen: tuple[str | None, ...] = (*art.SHAPES, None)
    rows: tuple[tuple[str | int, ...], ...] = tuple(
        (asked, *(value.count(asked, name) for name in seen)) for asked in art.SHAPES
    )
    settings = {"asked": WAYS[way], "style": style.title, "runs": len(value.attempts), "temperature": TEMPERATURE,
                "runtime": model.runtime}  # fmt: skip
    return Evidence(
        value,
        f"All eight shapes asked for, {WAYS[way]}: {found} look most like the shape asked for. Guessing "
        "gets 1 in 8 at most.",
        Table(columns, rows),
        Provenance("live", model.name, model.revision, settings, seed, seconds),
        (
            Finding(
                f"{found.successes} of {found.trials}",
                f"look most like the shape asked for (95 % interval {interval(found.low, found.high)}), {reading}: "
                f"that gets {percent(GUESSING)} at most.",
            ),
            _favourite(value),
        ),
        _code(model, asked, Dials(temperature=TEMPERATURE), value.attempts[0].seed),
        value.attempts[0].reply,
    )


def _favourite(value: Confusion) -> Finding:
    """The shapes that drawings of other shapes look most like, and how many do of those that were asked for as such."""
    strays = {name: sum(value.count(asked, name) for asked in art.SHAPES if asked != name) for name in art.SHAPES}
    each = len(value.attempts) // len(art.SHAPES)
    most = max(strays.values())
    if not most:
        return Finding("none", "looks most like another shape than the one that was asked for.")
    names = [name for name, count in strays.items() if count == most]
    own = ", ".join(f"“{name}” {value.count(name, name)} of {each}" for name in names)
    return Finding(
        f"{most} of {len(value.attempts) - each}",
        f"drawings look most like {listed([f'“{name}”' for name in names])}{' each' if len(names) > 1 else ''}, though "
        f"another shape was asked for. Of those that were asked for as such: {own}.",
    )


def _code(model: LanguageModel, asked: Request, dials: Dials, seed: int) -> str:
    """Code whose ``result`` is the reply to one request at one seed."""
    code = snippets.continuation(
        model.reference, asked.text, dials, seed=seed, max_tokens=asked.max_tokens, chat=asked.chat
    )
    if not asked.chat:
        code += 'result = result.split("\\n\\n", 1)[0]  # the drawing ends at the first empty line\n'
    return code
