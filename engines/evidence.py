"""What an experiment shows, together with how it came about.

Every figure on a page is an :class:`Evidence`: the value, a text alternative, a table of the same
numbers, and the provenance that lets anyone run it again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, Literal, TypeVar

Badge = Literal["live", "recorded", "illustrative"]
Value = TypeVar("Value")


class PlainError(ValueError):
    """A failure the learner can act on; its message says in plain words what to do."""


def check_characters(name: str, text: str) -> None:
    """Refuse text with half a character (a lone surrogate), which neither a tokenizer nor JSON can hold."""
    if not text.isprintable() and any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise PlainError(f"{name} holds half a character (a lone surrogate). Type it again or leave it out.")


@dataclass(frozen=True)
class Table:
    """The numbers behind a figure: one header, rows of plain strings and numbers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float | None, ...], ...]


@dataclass(frozen=True)
class Provenance:
    """Where a result comes from. ``settings`` holds JSON values only; ``seed`` is None when nothing is drawn."""

    badge: Badge
    model: str
    revision: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    seconds: float | None = None

    @classmethod
    def live(cls, model: Any, began: float, seed: int | None = None, **settings: Any) -> Provenance:
        """Of what ``model`` (it has a name and a revision) computed since ``began`` on ``time.perf_counter()``.

        Empty settings are left out.
        """
        kept = {key: value for key, value in settings.items() if value not in (None, "", ())}
        return cls("live", model.name, model.revision, kept, seed, time.perf_counter() - began)


@dataclass(frozen=True)
class Finding:
    """One "what to notice" card: a measured headline and the sentence that reads it."""

    headline: str
    text: str


@dataclass(frozen=True)
class Evidence(Generic[Value]):
    """A result: ``value`` for the view, ``alt`` for those who cannot see it, ``snippet`` to reproduce it.

    ``snippet`` is plain transformers/diffusers/tokenizers code; running it defines ``result``, which a
    test compares with ``expected`` (defaults to the value itself).
    """

    value: Value
    alt: str
    table: Table
    provenance: Provenance
    findings: tuple[Finding, ...] = ()
    snippet: str = ""
    expected: Any = None

    def as_json(self) -> dict[str, Any]:
        """The result and its settings as JSON values, for download."""
        return {
            "alt": self.alt,
            "table": asdict(self.table),
            "provenance": asdict(self.provenance),
            "findings": [asdict(finding) for finding in self.findings],
            "snippet": self.snippet,
        }


@dataclass(frozen=True)
class Interval:
    """A proportion with its interval, all in [0, 1]; ``successes`` of ``trials``."""

    successes: int
    trials: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        return self.successes / self.trials if self.trials else math.nan

    def __str__(self) -> str:
        return f"{self.successes} of {self.trials} (95 % interval {self.low:.0%}–{self.high:.0%})"


def wilson(successes: int, trials: int, z: float = 1.959964) -> Interval:
    """The Wilson score interval of a proportion (Wilson 1927, eq. 4); [0, 1] when nothing was tried."""
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    if trials == 0:
        return Interval(0, 0, 0.0, 1.0)
    rate = successes / trials
    denominator = 1 + z**2 / trials
    centre = (rate + z**2 / (2 * trials)) / denominator
    margin = z / denominator * math.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2))
    return Interval(successes, trials, max(0.0, centre - margin), min(1.0, centre + margin))


T_QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""The 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom."""


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and Student's 95 % interval (mean, low, high) of ``values``; the interval of one value is open.

    A handful of seeds needs Student's t: with the normal quantile the interval of four would hold the truth 85 times
    in a hundred (Student 1908).
    """
    if not values:
        return math.nan, -math.inf, math.inf
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return mean, -math.inf, math.inf
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    freedom = len(values) - 1
    quantile = T_QUANTILES[freedom - 1] if freedom <= len(T_QUANTILES) else 1.96 + 2.4 / freedom
    margin = quantile * math.sqrt(variance / len(values))
    return mean, mean - margin, mean + margin


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Mean and 95 % interval in words; the mean alone when there is one value."""
    mean, low, high = mean_interval(list(values))
    if not math.isfinite(low):
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} (95 % interval {low:.{digits}f}–{high:.{digits}f})"
