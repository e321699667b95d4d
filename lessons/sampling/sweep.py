"""Screen 4, dull and nonsense: what temperature does to variety and surprise, beside texts that people wrote."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engines.checks import whole
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.statistics import Mean, cells, interval_or_same, listed, mean_interval, percent, plural, share, spread
from engines.text import snippets
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Prompt, Run
from lessons.sampling.measures import MAX_BITS, distinct, lines_of, seed_of

TEMPERATURES = (0.0, 0.5, 0.8, 1.0, 1.5)
READ_FIRST = 8
"""Tokens of a person's text that are read and not scored, as the openings of the model's texts are."""
LEAST_SCORED = 8
LONGEST_PASSAGE = 1000
CURVES = 3


@dataclass(frozen=True, eq=False)
class Stop:
    """One temperature of the sweep and the texts it wrote; each measure is (mean, low, high) over the texts."""

    temperature: float
    openings: tuple[str, ...]
    runs: tuple[Run, ...]

    @property
    def variety(self) -> Mean:
        return share([new_pairs(run) for run in self.runs])

    @property
    def bits(self) -> Mean:
        return _positive([bits_a_key(run) for run in self.runs])


def new_pairs(run: Run) -> float:
    """The different pairs of neighbouring keys as a share of all pairs of a text."""
    return distinct(run.token_ids)


def bits_a_key(run: Run) -> float:
    """The surprise of a text, -log2 of what the untouched model gave to each of its keys, a key."""
    return sum(min(bits, MAX_BITS) for bits in run.surprise_bits) / len(run.surprise_bits)


def _positive(values: Sequence[float]) -> Mean:
    """Mean and interval of what is never below 0."""
    mean, low, high = mean_interval(values)
    return mean, low if low == -float("inf") else max(low, 0.0), high


@dataclass(frozen=True)
class Passage:
    """A text that a person wrote, as the model finds it: bits a key and distinct pairs over ``keys`` tokens."""

    bits: float
    distinct: float
    keys: int


@dataclass(frozen=True, eq=False)
class Sweep:
    """Stops at rising temperatures, and what ``people`` wrote, measured over as many keys."""

    top_p: float
    length: int
    seed: int
    stops: tuple[Stop, ...] = ()
    people: tuple[Passage, ...] = ()
    seconds: float = 0.0

    @property
    def people_bits(self) -> Mean:
        """(mean, low, high) over the people's texts; the interval of one text is open."""
        return _positive([passage.bits for passage in self.people])

    @property
    def people_variety(self) -> Mean:
        return share([passage.distinct for passage in self.people])

    @property
    def people_said(self) -> str:
        """Their surprise in words."""
        return spread([passage.bits for passage in self.people], 1)


Sweeps = tuple[Sweep, ...]
"""The sweep just made after those that the page still shows beside it."""


def openings_of(text: str) -> tuple[str, ...]:
    """One opening a line, 2 to 12 of them."""
    return lines_of(text, "openings")


def passages_of(text: str) -> tuple[str, ...]:
    """One text that a person wrote a line, 1 to 12 of them."""
    lines = tuple(line.strip() for line in (text or "").splitlines() if line.strip())
    if not 1 <= len(lines) <= 12:
        raise PlainError(f"Give 1 to 12 texts that people wrote, one a line; you gave {len(lines)}.")
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_PASSAGE:
            raise PlainError(
                f"Line {number} of the people's texts has {len(line):,} characters; at most {LONGEST_PASSAGE:,} are "
                "read. Shorten it, or break it into lines."
            )
    return lines


def surprise(model: LanguageModel, text: str, length: int) -> Passage:
    """A person's text under the conditions of the model's own: an opening is only read, ``length`` keys are scored.

    A shorter text is scored to its end.
    """
    ids = model.encode(text).ids[: READ_FIRST + length]
    if len(ids) < READ_FIRST + LEAST_SCORED:
        raise PlainError(
            f"A text to compare with needs {READ_FIRST + LEAST_SCORED} tokens or more; “{text[:40]}” has {len(ids)}."
        )
    opening, scored = ids[:READ_FIRST], ids[READ_FIRST:]
    prompt = Prompt(opening, tuple(model.piece(i) for i in opening), "")
    forced = dict(enumerate(scored))
    tokens = model.write(prompt, Dials(), seed=0, max_tokens=len(scored), forced=forced, top=1)
    bits = [min(token.surprise_bits, MAX_BITS) for token in tokens]
    return Passage(sum(bits) / len(bits), distinct(scored), len(bits))


def sweep(
    model: LanguageModel,
    openings: Sequence[str],
    people: Sequence[str],
    *,
    top_p: float,
    seed: int,
    length: int,
    temperatures: Sequence[float] = TEMPERATURES,
) -> Iterator[Underway | Sweep]:
    """One text for each opening at each temperature, a batch a temperature; the sweep so far after each."""
    began = time.perf_counter()
    prompts = [model.encode(opening) for opening in openings]
    passages: list[Passage] = []
    for number, text in enumerate(people, start=1):
        yield Underway(0.0, f"Reading text {number} of {len(people)} by people")
        passages.append(surprise(model, text, length))
    found = Sweep(top_p, length, seed, people=tuple(passages))
    seeds = range(seed, seed + len(prompts))
    for number, temperature in enumerate(temperatures):
        for event in model.write_many(prompts, Dials(temperature, top_p), seeds=seeds, max_tokens=length):
            if isinstance(event, Underway):
                done = (number + event.share) / len(temperatures)
                yield Underway(done, f"Temperature {temperature:g}. {event.words}")
            else:
                stop = Stop(temperature, tuple(openings), event)
                found = replace(found, stops=(*found.stops, stop), seconds=time.perf_counter() - began)
                yield found


def swept(
    model: LanguageModel, kept: Sweeps | None, top_p: float, length: int, seed: int, openings: str, people: str
) -> Iterator[Underway | Evidence[Sweeps]]:
    """A sweep, temperature by temperature, beside the last ones under other settings."""
    lines, passages = openings_of(openings), passages_of(people)
    length, seed = whole("The keys of a text", length, 8, 256), seed_of(seed, "The first seed")
    others = tuple(one for one in kept or () if (one.top_p, one.length) != (top_p, length))[1 - CURVES :]
    for event in sweep(model, lines, passages, top_p=top_p, seed=seed, length=length):
        yield event if isinstance(event, Underway) else sweep_evidence(model, (*others, event))


def passes(kept: Sweeps | None, top_p: float, length: int, seed: int, openings: str, people: str) -> float:
    """How much of the network's work a sweep is, in keys."""
    texts = len((openings or "").splitlines())
    return length * (len(TEMPERATURES) * texts + 1)


def like_a_person(sweeps: Sweeps) -> tuple[float, str, list[float]] | None:
    """Which temperature comes closest to people, as the index of its choice, in words, and which are as close."""
    found = sweeps[-1]
    if len(found.stops) < len(TEMPERATURES):
        return None
    near = closest_to_a_person(found)
    mean, low, high = near.bits
    texts = plural(len(found.people), "text")
    said = f"{mean:.1f} bits a key ({low:.1f}–{high:.1f}) against {found.people_said} for {texts} by people"
    others = as_close(found)
    if others:
        said += f"; {_named(others)} cannot be told from it"
    return TEMPERATURES.index(near.temperature), said, [TEMPERATURES.index(one.temperature) for one in others]


def closest_to_a_person(found: Sweep) -> Stop:
    """The stop whose texts surprise the model about as much as the people's texts do on average."""
    return min(found.stops, key=lambda stop: _gap(found, stop))


def as_close(found: Sweep) -> tuple[Stop, ...]:
    """The other stops whose interval holds a mean as close to the people's: so few texts do not tell them apart."""
    near, people = closest_to_a_person(found), found.people_bits[0]

    def least(stop: Stop) -> float:
        _, low, high = stop.bits
        return max(0.0, low - people, people - high)

    return tuple(one for one in found.stops if one is not near and least(one) <= _gap(found, near))


def _named(stops: Sequence[Stop]) -> str:
    return f"T = {listed([f'{one.temperature:g}' for one in stops])}"


def _gap(found: Sweep, stop: Stop) -> float:
    return abs(stop.bits[0] - found.people_bits[0])


def sweep_evidence(model: LanguageModel, sweeps: Sweeps) -> Evidence[Sweeps]:
    """Variety and surprise of the last sweep by temperature, with intervals over the texts."""
    found = sweeps[-1]
    stops, first, last = found.stops, found.stops[0], found.stops[-1]
    rows = tuple((s.temperature, *cells(s.variety), *cells(s.bits), len(s.runs)) for s in stops)
    near, others = closest_to_a_person(found), as_close(found)
    apart = f", but {_named(others)} cannot be told from it" if others else ""
    alt = (
        f"At temperature {first.temperature:g} texts of {found.length} keys hold {percent(first.variety[0])} new "
        f"pairs and {first.bits[0]:.1f} bits of surprise a key; at {last.temperature:g}, {percent(last.variety[0])} "
        f"and {last.bits[0]:.1f} bits. {plural(len(found.people), 'text')} that people wrote hold {found.people_said} "
        f"bits a key; temperature {near.temperature:g} comes closest{apart}."
    )
    scored = sorted({passage.keys for passage in found.people})
    settings: dict[str, object] = {
        "top_p": found.top_p,
        "texts": len(first.runs),
        "keys": found.length,
        "people": len(found.people),
        "runtime": model.runtime,
    }
    if scored != [found.length]:
        settings["people_keys"] = "–".join(map(str, dict.fromkeys((scored[0], scored[-1]))))
    return Evidence(
        sweeps,
        alt,
        Table(
            ("temperature", "new pairs", "low", "high", "bits a key", "low", "high", "texts"),
            (*rows, ("people", *cells(found.people_variety), *cells(found.people_bits), len(found.people))),
        ),
        Provenance("live", model.name, model.revision, settings, found.seed, found.seconds),
        (
            _stop_card(first),
            _stop_card(last),
            Finding(
                f"T = {near.temperature:g}",
                f"comes closest to the people's texts, which hold {found.people_said} bits a key{apart}.",
            ),
        ),
        snippets.continuation(
            model.reference,
            last.openings[0],
            Dials(last.temperature, found.top_p),
            seed=found.seed,
            max_tokens=found.length,
        ),
        last.runs[0].text,
    )


def _stop_card(stop: Stop) -> Finding:
    (variety, low, high), (bits, bits_low, bits_high) = stop.variety, stop.bits
    return Finding(
        f"{bits:.1f} bits a key",
        f"at temperature {stop.temperature:g} (95 % interval {bits_low:.1f}–{bits_high:.1f}); {percent(variety)} "
        f"of pairs are new ({interval_or_same(low, high)}).",
    )
