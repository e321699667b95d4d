"""Screen 3: the machine around the heads, and where its numbers sit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from engines.evidence import Evidence, Finding, Provenance, Table
from engines.statistics import percent
from engines.text import snippets
from engines.text.language_model import LanguageModel


@dataclass(frozen=True)
class Machine:
    """The numbers a model is made of, counted over all its layers, and its size."""

    layers: int
    heads: int
    tokens: int
    attention: int
    feed_forward: int
    tables: int
    shared: bool
    total: int

    @property
    def share(self) -> float:
        """Attention's share of what a layer holds in attention and feed-forward."""
        return self.attention / (self.attention + self.feed_forward)


def count(model: LanguageModel) -> Iterator[Evidence[Machine]]:
    """Count the numbers of the live model by the work they do."""
    began, parts = time.perf_counter(), model.parts()
    value = Machine(
        parts.layers, model.heads, model.vocabulary_size, parts.attention, parts.feed_forward, parts.tables,
        parts.shared, parts.total,
    )  # fmt: skip
    a_layer = (value.attention // value.layers, value.feed_forward // value.layers)
    tables = "the table of tokens, used at both ends" if value.shared else "the tables of tokens at both ends"
    rows = (
        ("attention", value.attention), ("feed-forward", value.feed_forward), (tables, value.tables),
        ("norms and places", parts.rest),
    )  # fmt: skip
    yield Evidence(
        value=value,
        alt=f"{model.name} has {value.total:,} numbers. Each of its {value.layers} layers holds {a_layer[0]:,} in "
        f"attention, where words meet, and {a_layer[1]:,} in its feed-forward part, which works on each word alone. "
        f"{tables.capitalize()}: {value.tables:,}.",
        table=Table(
            ("part", "numbers", "share of all", "a layer"),
            tuple(
                (name, number, number / value.total, number // value.layers if index < 2 else None)
                for index, (name, number) in enumerate(rows)
            ),
        ),
        provenance=Provenance.live(model, began, layers=value.layers, heads=f"{value.heads} a layer"),
        findings=(
            Finding(
                f"{percent(value.share)} attention",
                f"of what a layer holds: {a_layer[0]:,} numbers in {value.heads} heads. Only here does one word learn "
                "of another.",
            ),
            Finding(
                f"{percent(1 - value.share)} feed-forward",
                f"{a_layer[1]:,} numbers, used on each word alone, whatever stands beside it.",
            ),
            Finding(
                f"{percent(value.tables / value.total)} tables",
                f"of all numbers: {tables}, {value.tokens:,} rows.",
            ),
        ),
        snippet=snippets.parts(model.reference),
        expected={"attention": value.attention, "feed_forward": value.feed_forward, "total": value.total},
    )


def counted(value: Machine) -> tuple[float, str]:
    a_layer = (value.attention + value.feed_forward) // value.layers
    return value.share, f"{value.attention // value.layers:,} of {a_layer:,} numbers, {percent(value.share)}"
