"""Screen 2, branches: every way a text went under one seed, and what one forced key changes after it.

What stays after a forced key is compared with the keys that texts of other seeds have in the same places anyway.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engines.checks import whole
from engines.evidence import Evidence, Finding, PlainError, Table, Underway
from engines.statistics import Mean, interval, interval_or_same, interval_percent, more, percent, plural, share
from engines.text import snippets
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Prompt, Token
from lessons.sampling.measures import (
    MAX_BITS,
    Mark,
    agreement,
    left_out,
    mark,
    need_same,
    one_token,
    provenance,
    seed_of,
    shown,
)

MAX_LINES = 6
LENGTH = 20
"""Keys of a line."""
TEXTS, FORCED_AT, TEXT_LENGTH = 8, 2, 14
"""How many texts get their runner-up, at which key (from 0), and how long they are."""
PASSES = TEXTS * (2 * TEXT_LENGTH - FORCED_AT)
NOT_LIVE = "This line was written earlier. Press “Write line A” first; then choose any of its keys."


@dataclass(frozen=True)
class Line:
    """One way the text went. ``parent`` and ``at`` say from which line it parted, and at which key (from 0)."""

    name: str
    tokens: tuple[Token, ...] = ()
    parent: str = ""
    at: int = 0

    @property
    def token_ids(self) -> tuple[int, ...]:
        return tuple(token.token_id for token in self.tokens)

    @property
    def bits(self) -> float:
        """How surprising the whole line is to the model: -log2 of its probability at temperature 1."""
        return sum(min(token.surprise_bits, MAX_BITS) for token in self.tokens)


@dataclass(frozen=True, eq=False)
class Story:
    """A text and every way it went, all by one model under one seed and one setting of the dials.

    ``chosen`` is the key that another may replace: the name of its line and its place, from 0.
    """

    prompt: Prompt
    written_by: Mark
    dials: Dials
    seed: int
    length: int
    lines: tuple[Line, ...] = ()
    seconds: float = 0.0
    chosen: tuple[str, int] | None = None

    def line(self, name: str) -> Line:
        for line in self.lines:
            if line.name == name:
                return line
        raise PlainError("That line is no longer on the page. Choose a key of a line you can see.")


def tell(model: LanguageModel, text: str, dials: Dials, seed: int, length: int) -> Iterator[Story]:
    """Write line A, key by key."""
    story = Story(model.encode(text), mark(model), dials, seed, length)
    yield from _grow(story, Line("A"), model.write(story.prompt, dials, seed=seed, max_tokens=length))


def first_line(
    model: LanguageModel, text: str, temperature: float, top_p: float, seed: int
) -> Iterator[Evidence[Story]]:
    """Line A as it grows, and in the end its closest call chosen."""
    story: Story | None = None
    for story in tell(model, text, Dials(temperature, top_p), seed_of(seed), LENGTH):
        yield story_evidence(model, story)
    assert story is not None
    yield story_evidence(model, replace(story, chosen=("A", closest_call(story.lines[0]))))


def chose(story: Story | None, key: Mapping[str, Any]) -> Story:
    """The story with another of its keys chosen; ``key`` is what the page told: its ``line`` and where, ``at``."""
    if story is None:
        raise PlainError(NOT_LIVE)
    line = story.line(str(key.get("line")))
    return replace(story, chosen=(line.name, whole("The key", key.get("at"), 0, len(line.tokens) - 1)))


def parted(
    model: LanguageModel,
    story: Story | None,
    text: str,
    temperature: float,
    top_p: float,
    seed: int,
    typed: str,
    pressed: Mapping[str, Any] | None = None,
) -> Iterator[Evidence[Story]]:
    """Press another key in place of the chosen one: the one ``pressed`` on the scoreboard, or the one ``typed``.

    Without a story line A is written first, as it was recorded.
    """
    if story is None or story.chosen is None:
        *_, first = first_line(model, text, temperature, top_p, seed)
        story = first.value
    assert story.chosen is not None
    name, at = story.chosen
    top = model.vocabulary_size - 1
    token_id = whole("The token", pressed.get("token"), 0, top) if pressed else one_token(model, typed)
    if story.line(name).tokens[at].token_id == token_id:
        raise PlainError("That key is on the line already. Press another one to part from it.")
    for then in branch(model, story, name, at, token_id):
        yield story_evidence(model, then)


def branch(model: LanguageModel, story: Story, name: str, at: int, token_id: int) -> Iterator[Story]:
    """Write a new line: the keys of line ``name`` before ``at``, then ``token_id``, then on with the same dice."""
    need_same(story.written_by, model)
    if len(story.lines) >= MAX_LINES:
        raise PlainError(f"There is room for {MAX_LINES} lines. Write a fresh line to start over.")
    parent = story.line(name)
    if not 0 <= at < len(parent.tokens):
        raise PlainError(f"Choose a key from 0 to {len(parent.tokens) - 1} of line {name}.")
    tokens = model.branch(
        story.prompt, parent.token_ids, at, token_id, story.dials, seed=story.seed, max_tokens=story.length
    )
    yield from _grow(story, Line(chr(ord("A") + len(story.lines)), parent=name, at=at), tokens)


def _grow(story: Story, line: Line, tokens: Iterator[Token]) -> Iterator[Story]:
    for token in tokens:
        line = replace(line, tokens=(*line.tokens, token))
        story = replace(story, seconds=story.seconds + token.seconds)
        if token.index >= line.at:
            yield replace(story, lines=(*story.lines, line))


def closest_call(line: Line) -> int:
    """The key, in the first two thirds, at which another was nearest: where an alternative had the largest slice."""

    def rival(token: Token) -> float:
        return max((c.kept_probability for c in token.scoreboard.candidates if c.token_id != token.token_id), default=0)

    early = range(max(1, len(line.tokens) * 2 // 3))
    return max(early, key=lambda index: rival(line.tokens[index]))


def runner_up(token: Token) -> int:
    """The most likely token that was not taken."""
    return next(c.token_id for c in token.scoreboard.candidates if c.token_id != token.token_id)


def story_evidence(model: LanguageModel, story: Story) -> Evidence[Story]:
    """Every line with where it parted and what it cost."""
    need_same(story.written_by, model)
    rows: list[tuple[str | int | float | None, ...]] = []
    sentences = []
    for line in story.lines:
        text = model.decode(line.token_ids)
        if line.parent:
            parent = story.line(line.parent)
            same, places = agreement(parent.token_ids, line.token_ids, line.at + 1)
            forced = shown(line.tokens[line.at].piece)
            sentences.append(
                f"Line {line.name} parts from {line.parent} at key {line.at + 1} (“{forced}”); after it "
                f"{same} of {places} keys are the same."
            )
            rows.append((line.name, line.parent, line.at + 1, forced, f"{same} of {places}", line.bits, text))
        else:
            sentences.append(f"Line {line.name} reads “{text.strip()}”.")
            rows.append((line.name, "", None, "", "", line.bits, text))
    last = story.lines[-1]
    cards = [
        Finding(
            f"{line.bits:.0f} bits",
            f"is how surprising line {line.name} is to the model itself, {line.bits / len(line.tokens):.1f} a key.",
        )
        for line in story.lines[-3:]
    ]
    forced_at = {last.at: last.tokens[last.at].token_id} if last.parent else {}
    # A branch of a branch needs every forced key of its ancestors in the code that rewrites it.
    ancestor = last
    while ancestor.parent:
        forced_at[ancestor.at] = last.token_ids[ancestor.at]
        ancestor = story.line(ancestor.parent)
    return Evidence(
        story,
        " ".join(sentences),
        Table(("line", "parts from", "at key", "forced", "same keys after", "bits", "text"), tuple(rows)),
        provenance(model, story.dials, seed=story.seed, seconds=story.seconds, keys=story.length),
        tuple(cards),
        snippets.continuation(
            model.reference,
            story.prompt.text,
            story.dials,
            seed=story.seed,
            max_tokens=len(last.tokens),
            forced=dict(sorted(forced_at.items())),
        ),
        model.decode(last.token_ids),
    )


@dataclass(frozen=True)
class Parting:
    """One seed's text and the same with its runner-up forced. ``was`` and ``now`` are the ids of their later keys."""

    seed: int
    taken: str
    forced: str
    was: tuple[int, ...]
    now: tuple[int, ...]
    text: str
    other: str

    @property
    def same(self) -> int:
        """How many later keys stayed."""
        return agreement(self.was, self.now, 0)[0]

    @property
    def places(self) -> int:
        """How many places both texts have after the forced key."""
        return agreement(self.was, self.now, 0)[1]


def need_dice(dials: Dials) -> None:
    """PlainError at temperature 0, where every seed writes the same text."""
    if dials.greedy:
        raise PlainError(
            "At temperature 0 no dice is thrown, so every seed writes the same text. Set a temperature above 0."
        )


def partings(
    model: LanguageModel, text: str, dials: Dials, seeds: Sequence[int], *, at: int, length: int
) -> Iterator[tuple[Parting, ...]]:
    """For each seed: write a text, force the runner-up at key ``at``, go on with the same dice, compare."""
    need_dice(dials)
    if not 0 <= at < length - 1:
        raise PlainError(f"Force a key before the last one: from 1 to {length - 1}.")
    prompt, done = model.encode(text), tuple[Parting, ...]()
    for seed in seeds:
        first = tuple(model.write(prompt, dials, seed=seed, max_tokens=length))
        if len(first) <= at + 1:
            continue  # this text ended before the key in question
        ids = [token.token_id for token in first]
        other = tuple(model.branch(prompt, ids, at, runner_up(first[at]), dials, seed=seed, max_tokens=length))
        was, now = (tuple(token.token_id for token in line[at + 1 :]) for line in (first, other))
        texts = ("".join(token.text for token in line) for line in (first, other))
        done = (*done, Parting(seed, first[at].piece, other[at].piece, was, now, *texts))
        yield done


def stayed(done: Sequence[Parting]) -> Mean:
    """Mean share of later keys that stayed the same, with its interval over seeds."""
    return share(_shares(done))


def _shares(done: Sequence[Parting]) -> list[float]:
    return [one.same / one.places for one in done if one.places]


def by_chance(done: Sequence[Parting]) -> list[float]:
    """The control, seed by seed: how the same places agree with the texts of other seeds, which share only the prompt.

    Jackknife values over the seeds (:func:`left_out`), as every text stands in many pairs; none for fewer than three.
    """
    placed = [one for one in done if one.places]
    return left_out(placed, _alike) if len(placed) > 2 else []


def _alike(done: Sequence[Parting]) -> float:
    """The mean share of keys that a text with a forced key has in common with each other seed's text as it was."""
    found = [agreement(other.was, one.now, 0) for one in done for other in done if one is not other]
    shares = [same / places for same, places in found if places]
    return sum(shares) / len(shares) if shares else 0.0


def more_than_chance(done: Sequence[Parting]) -> int:
    """Whether more of the later keys stayed than agree by chance (1), fewer (−1), or neither shows (0)."""
    chance = by_chance(done)
    return more(_shares(done), chance) if chance else 0


VERDICTS = {
    1: "so something of the old text outlives the forced key",
    0: "and the difference is within chance: nothing shows that the old text outlives the key",
    -1: "so even less stayed than texts share by themselves",
}


def runners_up(
    model: LanguageModel, text: str, temperature: float, top_p: float, seed: int
) -> Iterator[Underway | Evidence[tuple[Parting, ...]]]:
    """Force the runner-up in eight texts, and after each of them how many later keys stayed."""
    began, dials, first = time.perf_counter(), Dials(temperature, top_p), seed_of(seed)
    found, seeds = None, range(first, first + TEXTS)
    need_dice(dials)
    yield Underway(0.0, f"Text 1 of {TEXTS}")
    for done in partings(model, text, dials, seeds, at=FORCED_AT, length=TEXT_LENGTH):
        number = done[-1].seed - first + 1
        found = partings_evidence(
            model, text, dials, done, at=FORCED_AT, length=TEXT_LENGTH, seconds=time.perf_counter() - began
        )
        yield found
        if number < TEXTS:
            yield Underway(number / TEXTS, f"Text {number + 1} of {TEXTS}")
    if found is None:
        raise PlainError("Every text ended before its third key. Try another text or a higher temperature.")


def stayed_truth(done: Sequence[Parting]) -> tuple[float, str]:
    """The share of the later keys that stayed the same beside that by chance, and the measurement in words."""
    said = interval_percent(*stayed(done))
    if chance := by_chance(done):
        said += f"; texts of other seeds agree in {interval_percent(*share(chance))}"
    return stayed(done)[0], said


def partings_evidence(
    model: LanguageModel, text: str, dials: Dials, done: Sequence[Parting], *, at: int, length: int, seconds: float
) -> Evidence[tuple[Parting, ...]]:
    """Mean share of later keys that stayed the same, and the same by chance, with intervals over seeds."""
    mean, low, high = stayed(done)
    rows = tuple((p.seed, shown(p.taken), shown(p.forced), p.same, p.places, p.text, p.other) for p in done)
    stuck, single = sum(one.same == 0 for one in done), len(done) == 1
    said = percent(mean) if single else interval_percent(mean, low, high)
    alt = (
        f"Over {plural(len(done), 'seed')}, with key {at + 1} forced to the runner-up and the same dice after it, "
        f"{said} of the later keys stayed the same."
    )
    sample = plural(len(done), "seed")
    cards = [
        Finding(
            percent(mean),
            "of the later keys stayed the same after one forced key "
            f"({sample if single else f'{interval_or_same(low, high)}, {sample}'}).",
        )
    ]
    if chance := by_chance(done):
        middle, least, most = share(chance)
        verdict = VERDICTS[more_than_chance(done)]
        alt += (
            f" Texts of other seeds, which share only the prompt, have {interval_percent(middle, least, most)} of "
            f"their keys in the same places, {verdict}."
        )
        cards.append(
            Finding(
                f"{percent(middle)} by chance",
                "is what texts of other seeds have in common in the same places (95 % interval "
                f"{interval(least, most)}), {verdict}.",
            )
        )
    cards.append(
        Finding(
            f"{stuck} of {len(done)}",
            f"{'text' if single else 'texts'} had not one later key in the same place as before.",
        )
    )
    return Evidence(
        tuple(done),
        alt,
        Table(("seed", "taken", "forced", "same after", "keys after", "as it was", "with the forced key"), rows),
        provenance(model, dials, seed=done[0].seed, seconds=seconds, seeds=len(done), forced_at=at + 1, keys=length),
        tuple(cards),
        snippets.continuation(model.reference, text, dials, seed=done[0].seed, max_tokens=length),
        done[0].text,
    )
