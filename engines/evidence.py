"""What an experiment shows, together with how it came about.

Every figure on a page is an :class:`Evidence`: the value, a text alternative, a table of the same
numbers, and the provenance that lets anyone run it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Generic, Literal, TypeVar

Badge = Literal["live", "recorded", "cited", "illustrative"]
Value = TypeVar("Value")
Progress = Callable[[float, str], None]
"""Told how far long work is: a share in [0, 1], and what it is doing, in words."""


class PlainError(ValueError):
    """A failure the learner can act on; its message says in plain words what to do."""


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
        """The result and its settings as JSON values, for download; see :func:`rounded`."""
        return {
            "alt": self.alt,
            "table": rounded(asdict(self.table)),
            "provenance": {**rounded(asdict(self.provenance)), "versions": versions()},
            "findings": [asdict(finding) for finding in self.findings],
            "snippet": self.snippet,
        }


LIBRARIES = ("torch", "transformers", "diffusers", "tokenizers", "onnxruntime", "numpy")


@cache
def versions() -> dict[str, str]:
    """Of the libraries that compute, as they are installed here."""
    found = {}
    for library in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[library] = version(library)
    return found


def rounded(value: Any) -> Any:
    """JSON values with floats of ten digits at most: more are the arithmetic's (0.9999999999999999 is 1)."""
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, Mapping):
        return {key: rounded(one) for key, one in value.items()}
    return type(value)(map(rounded, value)) if isinstance(value, (list, tuple)) else value


@dataclass(frozen=True)
class Underway:
    """How far a run is: ``share`` in [0, 1] and what it is doing, in words. Long work yields it among its results."""

    share: float
    words: str
