"""Screen 1: one pass, and every head shows where it looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.evidence import Evidence, Finding, Table, Underway
from engines.statistics import percent
from engines.text import snippets
from engines.text.language_model import LanguageModel
from lessons.attention.measures import KEYS, Look, head_name, hottest, look, provenance, short, words_to_watch


@dataclass(frozen=True)
class Gaze:
    """What every head sees, the words to watch, and the head that looks at them most."""

    seen: Look
    watched: tuple[int, ...]
    layer: int
    head: int

    @property
    def row(self) -> np.ndarray:
        """Where that head looks from the last token, float32 [T]."""
        return self.seen.weights[self.layer, self.head, self.seen.last]

    @property
    def leaning(self) -> float:
        """The share of the last token's attention on the words to watch, the mean of all heads."""
        return float(self.seen.share(self.watched).mean())


def gaze(model: LanguageModel, text: str) -> Iterator[Underway | Evidence[Gaze]]:
    """Read ``text`` in one pass and choose the words to watch and the head that looks at them most."""
    yield Underway(0.1, "Reading the sentence once")
    seen = look(model, text)
    yield Underway(0.6, "Finding the words that matter most here")
    watched = words_to_watch(model, text)
    yield who_looks(Gaze(seen, watched, *hottest(seen, watched)))


def leaning(value: Gaze) -> tuple[float, str] | None:
    """How much the last word leans on the words to watch; None for another sentence than the prediction's."""
    if value.seen.text != KEYS:
        return None
    heads = value.seen.layers * value.seen.heads
    return (
        value.leaning,
        f"{percent(value.leaning)} goes to {value.seen.names(value.watched)}, the mean of {heads} heads",
    )


def who_looks(value: Gaze) -> Evidence[Gaze]:
    seen, name = value.seen, value.seen.name(value.seen.last)
    heads, watched, grid = seen.layers * seen.heads, seen.names(value.watched), seen.share(value.watched)
    even = len(value.watched) / len(seen.pieces)
    sink = seen.weights[:, :, seen.last, 0]  # [L, H]
    mean_row = seen.weights[:, :, seen.last].mean((0, 1))
    return Evidence(
        value=value,
        alt=seen.summary(value.layer, value.head),
        table=Table(
            ("position", "token", head_name(value.layer, value.head), f"mean of {heads} heads"),
            tuple((i, piece, short(value.row[i]), short(mean_row[i])) for i, piece in enumerate(seen.pieces)),
        ),
        provenance=provenance(seen, {"layer": value.layer, "head": value.head, "looks from": seen.last}),
        findings=(
            Finding(
                percent(value.leaning),
                f"of what “{name}” looks at is {watched}, averaged over all {heads} heads. An even spread would give "
                f"{percent(even)}.",
            ),
            Finding(
                f"{percent(grid[value.layer, value.head])} in one head",
                f"{head_name(value.layer, value.head).capitalize()} looks there most of all heads. "
                f"{int((grid > even).sum())} of {heads} heads give these words more than an even spread would.",
            ),
            Finding(
                f"{percent(sink.mean())} on the first token",
                f"“{seen.name(0)}” gets more than half of the attention in {int((sink > 0.5).sum())} of {heads} heads: "
                f"{_resting(seen, mean_row)}.",
            ),
        ),
        snippet=snippets.attention(seen.reference, seen.text, layer=value.layer, head=value.head),
        expected=seen.weights[value.layer, value.head].tolist(),
    )


def _resting(seen: Look, row: np.ndarray) -> str:
    """What the mean share of the first token beside those of the others, ``row`` [T], says of it."""
    if seen.last == 0:
        return "there is nothing else to look at"
    top = int(row.argmax())
    if top:
        return f"no resting place here, for “{seen.name(top)}” at position {top} gets {percent(row[top])}"
    return f"a resting place, not a reason. No other token gets more than {percent(row[1:].max())}"
