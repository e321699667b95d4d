"""Screen 3: one wish, told to the director, written as a caption, and sent raw; painted from the same seeds."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from engines.checks import MAX_CAPTION, check_text, seed_range
from engines.director import directing, facts
from engines.director import measures as director_measures
from engines.director.directing import Direction
from engines.director.facts import Ledger
from engines.director.measures import HALVES, OUTCOMES, Shares
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import exercise_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.statistics import Gap, cells, counts, gap, interval, percent, percents, plural
from engines.text.language_model import LanguageModel
from lessons.briefing.measures import VERDICTS, Judged, judged, need, painting, seeds_words

DIRECTOR, YOURS, RAW = "the director's caption", "your caption", "the raw chat"
MOST_MESSAGES = 12


@dataclass(frozen=True)
class Wish:
    """A chat of the learner's ``messages``, oldest first, and what it wishes for in the end, as the judge reads it."""

    messages: tuple[str, ...]
    wish: str


EXAMPLES = (
    Wish(("Two pigs in a meadow", "on second thoughts, rabbits", "four of them"), "four rabbits in a meadow"),
    Wish(
        ("A balloon.", "Make it orange.", "No, purple.", "At the beach.", "Lovely, thanks."),
        "a purple balloon at the beach",
    ),
    Wish(("Hi!", "A snowman would suit the season.", "Under the stars, it looks best then."), "a snowman at night"),
    Wish(("A dog in the meadow.", "And a cat to the left of it."), "a cat to the left of a dog in a meadow"),
    Wish(("a tiger", "in the snow", "drop the tiger, take a penguin"), "a penguin in the snow"),
)
"""From the half of the director's chats that was measured at the end only."""
OWN = "four rabbits on the grass"
"""What stands there as the learner's caption at first."""


@dataclass(frozen=True, eq=False)
class Way:
    """One way to the painter: the ``caption`` it was sent, and its ``pictures`` uint8 [seeds, H, W, 3].

    ``ledger``: the wish's facts that the caption kept, lost and invented; None for what is no caption.
    """

    name: str
    caption: str
    pictures: np.ndarray
    judged: Judged
    ledger: Ledger | None
    unread: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Both:
    """One wish by up to three ways. ``direction`` is what became of the chat, maybe no caption: no such way then."""

    messages: tuple[str, ...]
    wish: str
    seeds: tuple[int, ...]
    direction: Direction
    ways: Mapping[str, Way]

    def against(self, one: str, other: str) -> Gap | None:
        """How much more of the wish ``one`` shows than ``other``, seed by seed; None without both, or unjudged."""
        kept = [self.ways[name].judged.kept for name in (one, other) if name in self.ways]
        return gap(*kept) if len(kept) == 2 and not np.isnan(kept).any() else None


def messages_of(chat: object) -> tuple[str, ...]:
    """The messages of a chat, a line each, oldest first. PlainError where there is none, or too much."""
    text = check_text("The chat", "" if chat is None else chat, 2 * MAX_CAPTION)
    messages = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not messages:
        raise PlainError("Write a message first: one a line, the oldest on top.")
    if len(messages) > MOST_MESSAGES:
        raise PlainError(f"The director reads {MOST_MESSAGES} messages at most. You wrote {len(messages)}.")
    if len(raw(messages)) > MAX_CAPTION:
        raise PlainError(f"The chat is sent raw too, and a caption has {MAX_CAPTION} characters at most. Shorten it.")
    return messages


def raw(messages: tuple[str, ...]) -> str:
    """The chat as one text, as it is sent past the director."""
    return " ".join(messages)


def directed(model: LanguageModel, messages: tuple[str, ...]) -> Generator[Underway, None, Direction]:
    """What the director makes of the messages: ``direction = yield from directed(...)``."""
    yield Underway(0.0, "The director reads the chat")
    return directing.direct(model, messages)


def both(
    model: LanguageModel, painter: Painter, chat: str, wish: str, own: str = "", seeds: int = 6, seed: int = 0, *,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Both]]:  # fmt: skip
    """Let the director caption a chat; paint its caption, the learner's own and the raw chat; judge all by the wish."""
    began, steps = time.perf_counter(), painter.passes(steps)
    messages, wish = messages_of(chat), need(wish, "wish", "a purple balloon at the beach")
    own = need(own, "caption") if str(own or "").strip() else ""
    rows = seed_range(seed, seeds, least=2)
    direction = yield from directed(model, messages)
    asked = {DIRECTOR: direction.caption or "", YOURS: own, RAW: raw(messages)}
    ways: dict[str, Way] = {}
    pictures: dict[str, np.ndarray] = {}
    for name, caption in ((name, caption) for name, caption in asked.items() if caption):
        if caption not in pictures:
            painted = yield from painting(painter, Plan(caption, rows, steps=steps), f"Painting {name}")
            pictures[caption] = painted.pictures
        ways[name] = Way(
            name, caption, pictures[caption], judged(painter, wish, pictures[caption]),
            None if name == RAW else facts.ledger(wish, caption), painter.unread(caption),
        )  # fmt: skip
        value = Both(messages, wish, rows, direction, dict(ways))
        yield _evidence(model, painter, value, steps, began)


def _evidence(model: LanguageModel, painter: Painter, value: Both, steps: int, began: float) -> Evidence[Both]:
    source = Provenance(
        "live", f"{model.name} and {painter.name}", f"{model.revision}, {painter.revision}",
        {"wish": value.wish, "messages": len(value.messages), "seeds": len(value.seeds), **painter.pass_settings(steps),
         "guidance_scale": painter.guidance_scale},
        value.seeds[0], time.perf_counter() - began,
    )  # fmt: skip
    captions = list(dict.fromkeys(way.caption for way in value.ways.values()))
    code = exercise_snippets.galleries(
        painter.source, captions, seeds=value.seeds, steps=steps, guidance_scale=painter.guidance_scale
    )
    expected = {way.caption: way.pictures for way in value.ways.values()}
    rows = tuple(
        (name, way.caption, str(seed), *_cells(way, at)) for name, way in value.ways.items()
        for at, seed in enumerate(value.seeds)
    )  # fmt: skip
    columns = (
        "way", "what the painter was sent", "seed", "share of the wish shown", "with all that cannot be told",
        "everything", "what is wrong",
    )  # fmt: skip
    alt = (
        f"The wish “{value.wish}” by {plural(len(value.ways), 'way')}, {seeds_words(len(value.seeds))} each. "
        + " ".join(
            f"{name.capitalize()}, “{way.caption}”: "
            + (f"{_share(way)} of the wish shown {_kept_words(way)}." if not way.judged.why else "not judged.")
            for name, way in value.ways.items()
        )
    )
    return Evidence(value, alt, Table(columns, rows), source, tuple(_findings(value)), code, expected)


def _cells(way: Way, at: int) -> tuple[float | str | None, ...]:
    if way.judged.why:
        return None, None, "not judged", ""
    wrong = "; ".join(
        f"{aspect}: {way.judged.seen[aspect][at]}"
        for aspect, answers in way.judged.aspects.items()
        if answers[at] is False
    )
    least, most = (round(float(bound[at]), 4) for bound in way.judged.kept)
    return least, most, VERDICTS[way.judged.outcomes[at]], wrong


def _share(way: Way) -> str:
    """The share of the wish that the pictures show, at least and at most."""
    return percents(*(one.rate for one in way.judged.shown))


def _kept_words(way: Way) -> str:
    """How much of the wish the pictures show, after its share."""
    one = way.judged
    least, most = one.shown
    unclear = f"; in {one.unclear} the judge cannot tell something, so there are two ends" if one.unclear else ""
    whole = f"everything in {counts(*one.right)} pictures"
    return f"(95 % interval {interval(least.low, most.high)}), {whole}{unclear}"


def _findings(value: Both) -> Iterator[Finding]:
    if DIRECTOR not in value.ways:
        yield Finding("no caption", f"came from the director. {value.direction.remark()}")
    for name, way in value.ways.items():
        if way.judged.why:
            yield Finding("not judged", way.judged.why)
            break
        yield Finding(
            _share(way),
            f"of the wish is what {name} shows {_kept_words(way)}.{_lost(way)}",
        )
    yield from _compared(value)


def _lost(way: Way) -> str:
    """What the caption lost and invented, before anything was painted; and what the painter had no room for."""
    said = []
    if way.ledger is not None:
        said += [f"lost in its words: {_listed(way.ledger.lost)}"] * bool(way.ledger.lost)
        said += [f"invented: {_listed(way.ledger.invented)}"] * bool(way.ledger.invented)
        said = said or ["its words hold every fact of the wish and no other"]
    if way.unread:
        said.append(f"the last {plural(len(way.unread), 'word')} found no room in the painter")
    text = "; ".join(said)
    return f" {text[0].upper()}{text[1:]}." if text else ""


def _listed(found: frozenset[facts.Fact]) -> str:
    return ", ".join(f"{one.aspect} “{one}”" for one in sorted(found))


def _compared(value: Both) -> Iterator[Finding]:
    for one, other in ((DIRECTOR, RAW), (YOURS, DIRECTOR)):
        if one not in value.ways or other not in value.ways or value.ways[one].judged.why:
            continue
        if value.ways[one].caption == value.ways[other].caption:
            yield Finding("the same words", f"stand in {one} and in {other}, so their pictures are the same.")
            continue
        found = value.against(one, other)
        assert found is not None
        undecided = f"these seeds decide nothing: {found.why('seed')}"
        says = {1: f"{one} shows more", -1: f"{other} shows more", 0: undecided}[found.more]
        yield Finding(
            found.headline,
            f"is how much more of the wish {one} shows than {other}, seed by seed: {found}. "
            f"{says[0].upper()}{says[1:]}.",
        )


def both_truth(value: Both) -> tuple[float, str, list[float]] | str:
    """How much more of the wish the director's caption shows than the raw chat, and the ends of the interval."""
    found = value.against(DIRECTOR, RAW)
    if found is None:
        return "No guess can be scored here: it takes the director's caption and the raw chat, both of them judged."
    kept = [_share(value.ways[name]) for name in (DIRECTOR, RAW)]
    said = f"{kept[0]} of the wish shown by {DIRECTOR}, {kept[1]} by {RAW}; the difference is {found}"
    if few := found.too_few("seed"):
        return f"Measured: {said}. No guess is scored: {few}."
    return found.middle, said, found.ends


# --- what was measured over many chats --------------------------------------------------------------------

PUBLISHED = {
    "director": "the director", "without hints, by half of the lift": "without its hints",
    "unconstrained": "the same model, unbound", "last message": "the last message, sent raw",
}  # fmt: skip


def published() -> Evidence[Mapping[str, Shares]]:
    """What the director kept of the committed chats, half of them held out, beside what it is made of."""
    known = director_measures.outcomes(OUTCOMES)
    tables = {half: director_measures.table(known, half) for half in HALVES}
    rows = tuple(
        (
            name, {"develop": "worked on", "held_out": "held out"}[half],
            *cells(_mean(of.kept)), *cells(_mean(of.invented)), str(of.exact.successes), of.exact.trials,
        )
        for key, name in PUBLISHED.items() for half, table in tables.items() if (of := table.get(key))
    )  # fmt: skip
    held = tables["held_out"]
    director, last = held["director"], held["last message"]
    number = sum(len(director_measures.chats(half)) for half in HALVES)
    findings = (
        Finding(
            percent(director.kept.rate),
            f"of the facts wished are in the director's captions, over the {director.exact.trials} chats that it was "
            f"not made on: {director.kept}. Invented: {director.invented}.",
        ),
        Finding(
            percent(last.kept.rate),
            f"are in the last message alone, sent raw: {last.kept}. What was said earlier is not in it.",
        ),
    )
    columns = ("way", "half", "facts kept", "low", "high", "invented", "low", "high", "captions right", "of")
    alt = (
        f"Over {number} chats written by hand, of the held-out half the director keeps {percent(director.kept.rate)} "
        f"of the facts and the last message alone {percent(last.kept.rate)}."
    )
    source = Provenance(
        "recorded", str(known["model"]), str(known["revision"]),
        {"chats": number, "recipe": "python -m benchmarks.director"},
    )  # fmt: skip
    return Evidence(held, alt, Table(columns, rows), source, findings)


def _mean(of: object) -> tuple[float, float, float]:
    return of.rate, of.low, of.high  # type: ignore[attr-defined]
