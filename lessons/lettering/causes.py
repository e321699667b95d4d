"""Screen 2: the same words and seeds by all four painters, live for one cell, beside the whole recorded table."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.checks import MAX_SEED, one_of, seed_range, whole
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.signs import lab as sign_lab
from engines.signs import measures as sign_measures
from engines.statistics import Interval, percent
from lessons.lettering.signs import COLUMNS, Glimpse, Painted, paint, provenance, rows

LISTS = {"never_seen": "words never seen in training", "seen": "words from the training signs"}
MAX_WORDS, MAX_SEEDS = 8, 4
STEPS = (
    ("sloppy", "spelled", "Captions that spell"),
    ("spelled", "characters", "Reading letters"),
    ("spelled", "boxes", "The layout given"),
)
"""The repairs: the painter without, the painter with, and what was changed."""
LENGTHS: dict[str, int | None] = {"all": None, "1": 1, **{f"{n} letters": n for n in range(2, sign_lab.SLOTS + 1)}}
"""The keys of a painter's record that this page shows."""
COLUMNS_RECORDED = (
    "Painter", "Words", "Letters", "Exact", "Signs", "Low", "High", "Character error rate", "From", "To",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Run:
    """One cell of the experiment, rerun: the painters done so far on the same words and seeds."""

    kind: str
    length: int
    words: tuple[str, ...]
    painted: tuple[Painted, ...]


def check_list(kind: str) -> str:
    """A known word list; PlainError names them otherwise."""
    return one_of("The word list", kind, LISTS)


def pick(kind: str, length: int, count: int, seed: int | None) -> tuple[str, ...]:
    """``count`` words of that list and length, drawn by ``seed`` without repeats; fewer where the list is short."""
    length = whole("The number of letters", length, 1, sign_lab.SLOTS)
    count = whole("The number of words", count, 1, MAX_WORDS)
    listed = sign_lab.words().of_length(length, seen=check_list(kind) == "seen")
    if not listed:
        raise PlainError(f"The list has no {length}-letter {LISTS[kind]}. Choose another length.")
    order = np.random.default_rng(whole("The seed", seed, 0, MAX_SEED)).permutation(len(listed))
    return tuple(listed[i] for i in order[:count])


def words_asked(words: str, length: int, seed: int) -> tuple[str, ...]:
    """The words of a list at that length, or those a learner names, separated by commas."""
    if not isinstance(words, str):
        raise PlainError("Words: a list's name, or words separated by commas.")
    if words in LISTS:
        return pick(words, length, MAX_WORDS, seed)
    asked = tuple(dict.fromkeys(sign_lab.check_word(word) for word in words.split(",")[: MAX_WORDS + 1]))
    if len(asked) > MAX_WORDS:
        raise PlainError(f"Name at most {MAX_WORDS} words.")
    return asked


def one_painter(cause: str, words: Sequence[str], seeds: int, seed: int) -> Iterator[Underway | Glimpse | Painted]:
    """Every word at ``seeds`` seeds from ``seed`` on by one painter, with glimpses of its passes."""
    chosen = seed_range(seed, seeds, most=MAX_SEEDS)
    return paint(sign_lab.check_cause(cause).key, words, chosen, glimpses=True)


def rerun(
    kind: str = "never_seen",
    length: int = 4,
    words: int = sign_measures.LEAST_WORDS,
    seeds: int = 2,
    seed: int | None = 0,
    *,
    causes: Sequence[str] = tuple(sign_lab.CAUSES),
) -> Iterator[Underway | Evidence[Run]]:
    """The same ``words`` at the same ``seeds`` by every painter; one Evidence a painter done."""
    several = seed_range(seed, seeds, most=MAX_SEEDS)
    first, count = several[0], len(several)
    chosen, began, done = pick(kind, length, words, first), time.perf_counter(), []
    for cause in causes:
        for event in paint(cause, chosen, several):
            if isinstance(event, Underway):
                yield event
            elif isinstance(event, Painted):
                done.append(event)
                yield _run_evidence(
                    Run(kind, int(length), chosen, tuple(done)), first, count, time.perf_counter() - began
                )


def _run_evidence(value: Run, first: int, count: int, seconds: float) -> Evidence[Run]:
    what = f"{len(value.words)} {LISTS[value.kind]}, {value.length} letters each, {count} seeds"
    summary = "; ".join(f"{one.cause.name}, {one.exact} exact" for one in value.painted)
    newest = value.painted[-1]
    return Evidence(
        value,
        f"{what}. {summary}.",
        Table(COLUMNS, rows(value.painted)),
        provenance(
            value.painted, seconds, first, list=LISTS[value.kind], letters=value.length, words=len(value.words),
            seeds=count,
        ),
        (*(_run_finding(one) for one in value.painted), *_gains(value)),
        sign_lab.snippet(newest.cause.key, value.words[0], first),
        newest.pictures[0],
    )  # fmt: skip


def _run_finding(one: Painted) -> Finding:
    effect = one.word_effect
    moved = "" if effect is None else f" Another word changes the lettering {percent(effect)} as much as in print."
    text = f"exact: {one.cause.name.lower()}, {one.exact}; {one.errors}.{moved}"
    return Finding(percent(one.exact.rate), text)


def _gains(value: Run) -> Iterator[Finding]:
    """What each repair changed, sign by sign on the same words and seeds."""
    painted = {one.cause.key: one.spellings for one in value.painted}
    for before, after, title in STEPS:
        if before in painted and after in painted:
            gain = sign_measures.difference(painted[before], painted[after])
            yield Finding(f"{100 * gain.mean:+.0f} points", f"{title}: {gained(gain)}")


def gained(gain: sign_measures.Difference) -> str:
    """Whether a paired difference in the share read exactly can be told from none, in words."""
    words = f"{gain.words} word{'' if gain.words == 1 else 's'}"
    summary = f"more signs read exactly, compared pair by pair on the same {words} and seeds"
    if gain.words < sign_measures.LEAST_WORDS:
        return f"{summary}. That is too few words to claim a difference; take {sign_measures.LEAST_WORDS} or more."
    if gain.low == gain.high == 0:
        return f"{summary}: a difference on no word."
    return f"{summary} (95 % interval {100 * gain.low:+.0f} to {100 * gain.high:+.0f}): {claim(gain)}."


def claim(gain: sign_measures.Difference) -> str:
    """Whether a paired gain can be told from none."""
    return "it may be chance" if not gain.clear else "it helps" if gain.mean > 0 else "it harms"


# --- the recorded table -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """One recorded cell: a painter on one word list at one length; None is all lengths together."""

    cause: str
    kind: str
    length: int | None
    exact: Interval
    error_rate: float
    error_low: float
    error_high: float


@dataclass(frozen=True)
class Recorded:
    """The table of ``models/signs/metrics.json``; ``ceilings`` has printed signs after the autoencoder, by length.

    ``signs`` has what was read of each never-seen word, seed by seed. ``pieces``: how many pieces these words fall
    into for the painter "spelled", and how many of the pieces stood in no training caption.
    """

    cells: tuple[Cell, ...]
    ceilings: dict[int | None, Interval]
    signs: dict[str, tuple[sign_measures.Spelling, ...]]
    pieces: tuple[int, int]

    def cell(self, cause: str, kind: str, length: int | None = None) -> Cell | None:
        return next((one for one in self.cells if (one.cause, one.kind, one.length) == (cause, kind, length)), None)

    @property
    def lengths(self) -> tuple[int, ...]:
        return tuple(sorted({cell.length for cell in self.cells if cell.length is not None}))


def recorded() -> Evidence[Recorded] | None:
    """What was measured after training; None when there is no record."""
    try:
        metrics = sign_measures.recorded()
    except FileNotFoundError:
        return None
    cut = metrics["pieces"]["spelled"]
    signs = {cause: _signs(lists["never_seen"]) for cause, lists in metrics["outcomes"].items()}
    value = Recorded(tuple(_cells(metrics)), dict(_ceilings(metrics)), signs, (cut["pieces"], cut["unmet"]))
    lines = tuple(
        (sign_lab.CAUSES[cell.cause].name, LISTS[cell.kind], cell.length or "all", cell.exact.successes,
         cell.exact.trials, round(cell.exact.low, 3), round(cell.exact.high, 3), round(cell.error_rate, 3),
         round(cell.error_low, 3), round(cell.error_high, 3))
        for cell in value.cells
    )  # fmt: skip
    summary = "; ".join(
        f"{cause.name}, {cell.exact} exact"
        for key, cause in sign_lab.CAUSES.items()
        if (cell := value.cell(key, "never_seen"))
    )
    return Evidence(
        value,
        f"Recorded after training, on words never seen: {summary}.",
        Table(COLUMNS_RECORDED, lines),
        Provenance(
            "recorded", "the four sign painters", ", ".join(metrics["weights"].values()),
            {"passes": metrics["steps"], "guidance": metrics["guidance_scale"], "seeds": len(metrics["seeds"])},
        ),
        _findings(value),
    )  # fmt: skip


def _cells(metrics: dict[str, Any]) -> Iterator[Cell]:
    for cause in sign_lab.CAUSES:
        for kind in LISTS:
            for key, found in metrics["painters"][cause][kind].items():
                if key in LENGTHS:
                    yield Cell(cause, kind, LENGTHS[key], *_shares(found))


def _signs(errors: dict[str, list[int]]) -> tuple[sign_measures.Spelling, ...]:
    return tuple(sign_measures.Spelling(word, "", one) for word, seeds in errors.items() for one in seeds)


def _ceilings(metrics: dict[str, Any]) -> Iterator[tuple[int | None, Interval]]:
    for key, found in metrics["reader"]["round_trip"].items():
        if key in LENGTHS:
            yield LENGTHS[key], _over_words(found)


def _shares(found: dict[str, Any]) -> tuple[Interval, float, float, float]:
    errors = (found["character_error_rate"], found["character_error_low"], found["character_error_high"])
    return _over_words(found), *errors


def _over_words(found: dict[str, Any]) -> Interval:
    return sign_measures.exact_share(found["right"], found["of"], found["words"])


def _findings(value: Recorded) -> tuple[Finding, ...]:
    """What each repair buys on words never seen, and how far a painter falls from seen to never seen."""
    cards = []
    keys = list(sign_lab.CAUSES)
    for before, after, title in STEPS:
        first, second = value.cell(before, "never_seen"), value.cell(after, "never_seen")
        if first and second:
            pair = value.signs[before], value.signs[after]
            gain, fewer = sign_measures.difference(*pair), sign_measures.fewer_errors(*pair)
            cards.append(
                Finding(
                    f"{percent(first.exact.rate)} → {percent(second.exact.rate)}",
                    f"{title}: {first.exact.successes} and {second.exact.successes} of {second.exact.trials} signs of "
                    f"words never seen read exactly. Word by word and seed by seed, {100 * gain.mean:+.0f} points "
                    f"(95 % interval {100 * gain.low:+.0f} to {100 * gain.high:+.0f}): {claim(gain)}. Character "
                    f"errors a letter {first.error_rate:.2f} → {second.error_rate:.2f} ({fewer.low:.2f} to "
                    f"{fewer.high:.2f} fewer): {claim(fewer)}.",
                )
            )
    drops = [
        (seen.exact.rate - new.exact.rate, key, seen, new)
        for key in keys
        if (seen := value.cell(key, "seen")) and (new := value.cell(key, "never_seen"))
    ]
    if drops:
        _, key, seen, new = max(drops, key=lambda drop: drop[0])
        name = sign_lab.CAUSES[key].name.lower()
        if new.exact.high < seen.exact.low:
            text = f"is the widest gap between words it trained on and new ones: {name}."
            cards.append(Finding(f"{percent(seen.exact.rate)} seen, {percent(new.exact.rate)} not", text))
        else:
            text = "For every painter the intervals of words seen and never seen overlap. The widest gap is "
            text += f"{name}: {percent(seen.exact.rate)} seen, {percent(new.exact.rate)} never seen."
            cards.append(Finding("No clear gap", text))
    of, unmet = value.pieces
    text = "pieces of the words never seen stood in training captions too: the words are new to b and d, "
    text += "their pieces are not." if not unmet else "the other pieces are as well."
    cards.append(Finding(f"{of - unmet} of {of}", text))
    if None in value.ceilings:
        cards.append(
            Finding(
                percent(value.ceilings[None].rate),
                f"is the ceiling: printed signs after the autoencoder, {value.ceilings[None]} read exactly.",
            )
        )
    return tuple(cards)


def repaired(value: Run) -> tuple[int, str] | None:
    """What the recorded table says of the prediction, whatever cell was rerun."""
    record = recorded()
    return truth(record.value) if record else None


def truth(value: Recorded) -> tuple[int, str] | None:
    """Which choice of the prediction came true on words never seen: a painter, or the last, no clear winner."""
    found = [(key, cell.exact) for key in sign_lab.CAUSES if (cell := value.cell(key, "never_seen"))]
    if len(found) < len(sign_lab.CAUSES):
        return None
    (best, _), (second, _), *_ = sorted(found, key=lambda pair: pair[1].rate, reverse=True)
    clear = sign_measures.difference(value.signs[second], value.signs[best]).clear
    summary = ", ".join(f"{sign_lab.CAUSES[key].name.lower()} {percent(share.rate)}" for key, share in found)
    choice = list(sign_lab.CAUSES).index(best) if clear else len(sign_lab.CAUSES)
    return choice, f"over {found[0][1].trials} recorded signs a painter: {summary}"
