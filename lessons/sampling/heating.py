"""Dull and nonsense: what temperature does to variety and surprise, beside texts that people wrote."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engines.evidence import Evidence, Finding, PlainError, Provenance, Table
from engines.statistics import interval, mean_interval, percent, plural, spread
from engines.text import snippets
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Progress, Prompt, Run, runs_of
from lessons.sampling.experiments import MAX_BITS, ShouldStop, lines_of
from lessons.sampling.measures import distinct

TEMPERATURES = (0.0, 0.5, 0.8, 1.0, 1.5)
READ_FIRST = 8
"""Tokens of a person's text that are read and not scored, as the openings of the model's texts are."""
LEAST_SCORED = 8
LONGEST_PASSAGE = 1000


@dataclass(frozen=True, eq=False)
class Stop:
    """One temperature of the sweep and the texts it wrote; each measure is (mean, low, high) over the texts."""

    temperature: float
    openings: tuple[str, ...]
    runs: tuple[Run, ...]

    @property
    def variety(self) -> tuple[float, float, float]:
        return _share([distinct(run.token_ids) for run in self.runs])

    @property
    def bits(self) -> tuple[float, float, float]:
        return mean_interval([_bits_a_key(run) for run in self.runs])


def _bits_a_key(run: Run) -> float:
    return sum(min(bits, MAX_BITS) for bits in run.surprise_bits) / len(run.surprise_bits)


def _share(shares: Sequence[float]) -> tuple[float, float, float]:
    mean, low, high = mean_interval(shares)
    return (mean, max(low, 0.0), min(high, 1.0)) if math.isfinite(low) else (mean, low, high)


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
    def people_bits(self) -> tuple[float, float, float]:
        """(mean, low, high) over the people's texts; the interval of one text is open."""
        return mean_interval([passage.bits for passage in self.people])

    @property
    def people_variety(self) -> tuple[float, float, float]:
        return _share([passage.distinct for passage in self.people])

    @property
    def people_said(self) -> str:
        """Their surprise in words."""
        return spread([passage.bits for passage in self.people], 1)


def openings_of(text: str) -> tuple[str, ...]:
    """One opening a line, 2 to 12 of them."""
    return lines_of(text, "openings")


def passages_of(text: str) -> tuple[str, ...]:
    """One text that a person wrote a line, 1 to 12 of them."""
    lines = tuple(line.strip() for line in (text or "").splitlines() if line.strip())
    if not 1 <= len(lines) <= 12:
        raise PlainError(f"Give 1 to 12 texts that people wrote, one a line; there are {len(lines)}.")
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
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> Iterator[Sweep]:
    """One text for each opening at each temperature, a batch a temperature; yields after each."""
    started = time.perf_counter()
    prompts = [model.encode(opening) for opening in openings]
    passages = []
    for text in people:
        passages.append(surprise(model, text, length))
        if should_stop and should_stop():
            return
    found = Sweep(top_p, length, seed, people=tuple(passages))
    for number, temperature in enumerate(temperatures):

        def told(share: float, words: str, number: int = number, temperature: float = temperature) -> None:
            if progress:
                progress((number + share) / len(temperatures), f"Temperature {temperature:g}. {words}")

        seeds, dials = range(seed, seed + len(prompts)), Dials(temperature, top_p)
        runs = runs_of(model.write_many(prompts, dials, seeds=seeds, max_tokens=length), told, should_stop)
        if should_stop and should_stop():
            return
        stop = Stop(temperature, tuple(openings), runs)
        found = replace(found, stops=(*found.stops, stop), seconds=time.perf_counter() - started)
        yield found


def closest_to_a_person(found: Sweep) -> Stop:
    """The stop whose texts surprise the model about as much as the people's texts do on average."""
    return min(found.stops, key=lambda stop: abs(stop.bits[0] - found.people_bits[0]))


def sweep_evidence(model: LanguageModel, found: Sweep) -> Evidence[tuple[Stop, ...]]:
    """Variety and surprise by temperature, with intervals over the texts."""
    stops, first, last = found.stops, found.stops[0], found.stops[-1]
    rows = tuple((s.temperature, *_rounded(s.variety), *_rounded(s.bits), len(s.runs)) for s in stops)
    near = closest_to_a_person(found)
    alt = (
        f"At temperature {first.temperature:g} texts of {found.length} keys hold {percent(first.variety[0])} distinct "
        f"pairs and {first.bits[0]:.1f} bits of surprise a key; at {last.temperature:g}, {percent(last.variety[0])} "
        f"and {last.bits[0]:.1f} bits. {plural(len(found.people), 'text')} that people wrote hold {found.people_said} "
        f"bits a key; temperature {near.temperature:g} comes closest."
    )
    scored = sorted({passage.keys for passage in found.people})
    settings: dict[str, object] = {
        "top_p": found.top_p,
        "texts": len(first.runs),
        "keys": found.length,
        "people": len(found.people),
    }
    if scored != [found.length]:
        settings["people_keys"] = "–".join(map(str, dict.fromkeys((scored[0], scored[-1]))))
    return Evidence(
        stops,
        alt,
        Table(
            ("temperature", "distinct-2", "low", "high", "bits a key", "low", "high", "texts"),
            (*rows, ("people", *_closed(found.people_variety), *_closed(found.people_bits), len(found.people))),
        ),
        Provenance("live", model.name, model.revision, settings, found.seed, found.seconds),
        (
            _stop_card(first),
            _stop_card(last),
            Finding(
                f"T = {near.temperature:g}",
                f"comes closest to the people's texts, which hold {found.people_said} bits a key.",
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
        f"of pairs are new ({interval(low, high)}).",
    )


def _closed(values: tuple[float, float, float]) -> tuple[float | None, ...]:
    """Mean and interval for a table; one text has no interval."""
    return tuple(round(value, 4) if math.isfinite(value) else None for value in values)


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(value, 4) for value in values)
