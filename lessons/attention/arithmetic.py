"""Screen 2: every step of one attention weight, checked against the model's own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.checks import whole
from engines.evidence import Evidence, Finding, Table, Underway
from engines.statistics import percent
from engines.text import snippets
from engines.text.attention import Cell
from engines.text.language_model import LanguageModel
from lessons.attention.measures import Look, chosen, look, provenance, short


@dataclass(frozen=True)
class Sums:
    """One cell worked out, and the weight that the model returned for it."""

    seen: Look
    cell: Cell
    returned: float

    @property
    def products(self) -> np.ndarray:
        """Query × key, component by component, float32 [d]."""
        return self.cell.query_vector * self.cell.key_vector

    @property
    def pull(self) -> tuple[float, float]:
        """The sum of the positive products, and that of the negative ones."""
        return float(self.products.clip(min=0).sum()), float(self.products.clip(max=0).sum())


def work_out(model: LanguageModel, kept: str) -> Iterator[Underway | Evidence[Sums]]:
    """The cell that the page's choice names; without one, the last word and the watched word its head likes best."""
    choice = chosen(kept)
    yield Underway(0.2, "Reading the sentence")
    seen = look(model, choice.text)
    watched, layer, head = choice.placed(model, seen)
    query = seen.last if choice.row is None else whole("The row", choice.row, 0, seen.last)
    if choice.column is None:
        reach = [i for i in watched if i <= query] or list(range(1, query + 1)) or [0]
        key = max(reach, key=lambda i: float(seen.weights[layer, head, query, i]))
    else:
        key = whole("The column", choice.column, 0, seen.last)
    yield Underway(0.6, "Working it out")
    yield cell(model, seen, layer, head, query, key)


def cell(model: LanguageModel, seen: Look, layer: int, head: int, query: int, key: int) -> Evidence[Sums]:
    """Every step from query·key to the weighted value, checked against the weight the model returned."""
    started = time.perf_counter()
    sums = model.attention_cell(seen.text, layer, head, query, key)
    value = Sums(seen, sums, float(seen.weights[layer, head, query, key]))
    seconds = time.perf_counter() - started
    who, whom, width = seen.name(query), seen.name(key), len(sums.query_vector)
    findings = [
        Finding(
            f"{sums.weight:.6f}",
            f"by our arithmetic; the model itself returned {value.returned:.6f}. "
            f"They differ by {abs(sums.weight - value.returned):.6f}.",
        ),
        Finding(f"{int((value.products > 0).sum())} of {width} agree", f"in sign, query with key. {weighed(value)}"),
    ]
    if query:
        best = int(sums.softmax_row.argmax())
        least = min((i for i in range(query + 1) if i != best), key=lambda i: float(sums.softmax_row[i]))
        gap = float(sums.scores_row[best] - sums.scores_row[least])
        findings.append(
            Finding(
                f"{gap:.1f} ahead: ×{np.exp(gap):,.0f}",
                f"“{seen.name(best)}” scores {gap:.2f} above “{seen.name(least)}”, so it gets e^{gap:.2f} times its "
                "share. Only differences between scores count.",
            )
        )
    if sums.masked:
        alt = f"“{who}” may not look at “{whom}”, which comes later: its weight is 0."
    else:
        alt = (
            f"Query of “{who}” times key of “{whom}” is {sums.product:.3f}; times {sums.scale:.4g} is "
            f"{sums.score:.3f}; softmax over {query + 1} visible tokens makes it {sums.weight:.4f}; the model returned "
            f"{value.returned:.4f}."
        )
    columns = (
        sums.query_vector, sums.key_vector, value.products, sums.value_vector, sums.head_output,
    )  # fmt: skip
    return Evidence(
        value=value,
        alt=alt,
        table=Table(
            ("component", "query", "key", "query × key", "value", "head's output"),
            tuple((i, *(short(column[i]) for column in columns)) for i in range(width)),
        ),
        provenance=provenance(
            seen, {"layer": layer, "head": head, "looks from": query, "looks at": key}, seconds=seconds
        ),
        findings=tuple(findings),
        snippet=snippets.attention(seen.reference, seen.text, layer=layer, head=head),
        expected=seen.weights[layer, head].tolist(),
    )


def pulling(value: Sums) -> tuple[float, str] | None:
    """The share of products that pull the score up, and how far pluses and minuses cancel in this very pair."""
    if value.cell.masked:
        return None
    up, width = int((value.products > 0).sum()), len(value.products)
    return up / width, f"{up} of {width} products are positive. {weighed(value)}".removesuffix(".")


def weighed(value: Sums) -> str:
    """What pluses and minuses add up to, and how much of the larger side the smaller one takes back."""
    up, down = value.pull
    larger, smaller = max(up, -down), min(up, -down)
    taken = percent(smaller / larger) if larger else "0 %"
    sides = ("minuses", "pluses") if up >= -down else ("pluses", "minuses")
    return (
        f"The pluses add up to {up:.1f}, the minuses to {-down:.1f}: the {sides[0]} take back {taken} of the "
        f"{sides[1]}."
    )
