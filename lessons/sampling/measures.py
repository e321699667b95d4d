"""What the screens share: counts on texts (how varied, where they part, how a crowd splits), bounds and provenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from engines.checks import MAX_SEED as LARGEST_SEED
from engines.checks import whole
from engines.evidence import PlainError, Provenance
from engines.statistics import wilson
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel

Item = TypeVar("Item")
MAX_SEED = LARGEST_SEED - 64
"""The largest first seed of a page: the runs beside it have the seeds after it."""
MAX_BITS = 126.0  # float32 holds no smaller positive probability than 2**-126 at full precision


def distinct(items: Sequence[Hashable], n: int = 2) -> float:
    """Distinct n-grams as a share of all n-grams (Li et al. 2016, distinct-n); 1.0 when there is no n-gram."""
    grams = [tuple(items[i : i + n]) for i in range(len(items) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 1.0


def parting(one: Sequence[Hashable], other: Sequence[Hashable]) -> int | None:
    """The first index at which two sequences differ, one ending early included; None when they are equal."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return None if len(one) == len(other) else min(len(one), len(other))


def agreement(one: Sequence[Hashable], other: Sequence[Hashable], start: int) -> tuple[int, int]:
    """Places from ``start`` on where both hold the same item, and how many places both have."""
    pairs = list(zip(one[start:], other[start:], strict=False))
    return sum(a == b for a, b in pairs), len(pairs)


def left_out(items: Sequence[Item], measure: Callable[[Sequence[Item]], float]) -> list[float]:
    """The jackknife values of a mean over pairs of items (Tukey 1958): their mean is ``measure`` of all items.

    Pairs that share an item are no separate trials. Student's interval over these values is one over the items.
    """
    count, whole_value = len(items), measure(items)
    return [count * whole_value - (count - 1) * measure([*items[:left], *items[left + 1 :]]) for left in range(count)]


def together(rows: Sequence[Sequence[Hashable]], depth: int) -> int:
    """How many rows the largest group with the same first ``depth`` items has (1: every row goes its own way)."""
    starts = [tuple(row[:depth]) for row in rows]
    return max((starts.count(start) for start in set(starts)), default=0)


def pairs_together(
    rows: Sequence[Sequence[Hashable]], depth: int, draws: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """Share of all pairs of rows with the same first ``depth`` items, and its 95 % interval: (share, low, high).

    The share is the chance that two fresh runs agree so far, whichever way the runs go. Its interval is the
    percentile bootstrap over rows (Efron 1979), which pairs no row with its own copy. When all pairs agree, or none,
    that would have no width: then it is Wilson's interval for half as many pairs, of which none share a row.
    """
    count = len(rows)
    if count < 2:
        return 1.0, 0.0, 1.0
    names: dict[tuple[Hashable, ...], int] = {}
    group = np.array([names.setdefault(tuple(row[:depth]), len(names)) for row in rows])
    sizes = np.array([size for _, size in sorted(Counter(group.tolist()).items())])
    share = float((sizes * (sizes - 1)).sum() / (count * (count - 1)))
    if share in (0.0, 1.0):
        apart = wilson(round(share) * (count // 2), count // 2)
        return share, apart.low, apart.high
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)  # [draws, rows]
    together_in = np.stack([drawn[:, group == one].sum(axis=1) for one in range(len(names))], axis=1)
    itself = (drawn**2).sum(axis=1)
    shares = ((together_in**2).sum(axis=1) - itself) / np.maximum(count**2 - itself, 1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return share, float(low), float(high)


@dataclass(frozen=True)
class Node:
    """``count`` neighbouring rows, from ``row`` on, whose items agree up to and including ``depth``."""

    depth: int
    row: int
    count: int
    item: Hashable


def tree(rows: Sequence[Sequence[Hashable]], depth: int) -> tuple[list[int], list[Node]]:
    """Order rows so that equal beginnings are neighbours, the largest group first, and group each column.

    Returns the order (indices into ``rows``) and the nodes, column by column from the top.
    """

    def rank(index: int) -> tuple[tuple[int, int], ...]:
        row = rows[index]
        groups = []
        for length in range(1, depth + 1):
            same = [i for i, other in enumerate(rows) if tuple(other[:length]) == tuple(row[:length])]
            groups.append((-len(same), same[0]))
        return tuple(groups)

    order = sorted(range(len(rows)), key=rank)
    nodes: list[Node] = []
    for column in range(depth):
        start = 0
        while start < len(order):
            head = tuple(rows[order[start]][: column + 1])
            count = 1
            while start + count < len(order) and tuple(rows[order[start + count]][: column + 1]) == head:
                count += 1
            if len(head) > column:
                nodes.append(Node(column, start, count, head[column]))
            start += count
    return order, nodes


# ---- bounds, names, provenance ----

CHANGED = "The model was changed meanwhile; start again."
LONGEST_KEY = 40
LONGEST_LINE = 200

Mark = tuple[str, str]
"""The name and the revision of the model that wrote something."""


def mark(model: LanguageModel) -> Mark:
    return model.name, model.revision


def need_same(written_by: Mark, model: LanguageModel) -> None:
    """PlainError when what is on the page was written by another model."""
    if written_by != mark(model):
        raise PlainError(CHANGED)


def one_token(model: LanguageModel, typed: str) -> int:
    """The id of the token that reads exactly ``typed``; ␣, ⏎ and ⇥ stand for a space, a line end and a tab.

    PlainError when there is none; it names the tokens that ``typed`` is cut into.
    """
    if not isinstance(typed, str) or not typed:
        raise PlainError("Type a key, with its space: “ the” and “the” are two keys.")
    if len(typed) > LONGEST_KEY:
        raise PlainError(f"A key has at most {LONGEST_KEY} characters here; that is {len(typed):,}.")
    meant = typed.replace("␣", " ").replace("⏎", "\n").replace("⇥", "\t")
    ids = {model.piece(token_id): token_id for token_id in reversed(range(model.vocabulary_size))}
    for text in (typed, meant):
        if text in ids:
            return ids[text]
    if not meant.strip():
        raise PlainError(f"“{shown(meant)}” is not one key of this model. Type fewer spaces or line ends.")
    pieces = model.tokens_of(meant).pieces
    cut = " | ".join(shown(piece) for piece in pieces)
    raise PlainError(f"“{shown(meant)}” is not one key here but {len(pieces)}: {cut}. Type one of those.")


def lines_of(text: str, noun: str) -> tuple[str, ...]:
    """One of the learner's openings or questions (``noun``) a line, 2 to 12 of them."""
    lines = tuple(line.strip() for line in (text or "").splitlines() if line.strip())
    if not 2 <= len(lines) <= 12:
        raise PlainError(f"Write 2 to 12 {noun}, one a line; you wrote {len(lines)}.")
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:
            raise PlainError(
                f"Line {number} of the {noun} has {len(line):,} characters; at most {LONGEST_LINE} are read. "
                "Shorten it."
            )
    return lines


def provenance(
    model: LanguageModel, dials: Dials, *, seed: int | None, seconds: float | None = None, **settings: object
) -> Provenance:
    shown = {"temperature": dials.temperature, "top_p": dials.top_p, **settings, "runtime": model.runtime}
    return Provenance("live", model.name, model.revision, shown, seed, seconds)


def shown(piece: str) -> str:
    """A token in running text: its spaces and line ends made visible."""
    return piece.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")


def seed_of(value: object, name: str = "The seed") -> int:
    return whole(name, value, 0, MAX_SEED)
