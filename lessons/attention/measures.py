"""Who looks at whom, and the arithmetic of one weight.

L layers of H heads look at T tokens. "Watched" are the positions whose share of the attention the learner follows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.checks import whole
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table
from engines.text import snippets
from engines.text.attention import Cell
from engines.text.language_model import LanguageModel

MAX_TOKENS = 48
CHANGED = (
    "The model was changed meanwhile, so this sentence was read by another one. Start again: press “Look inside” on "
    "the first screen."
)
KEYS = "The keys to the cabinet are so I cannot"
EXAMPLES = (
    (KEYS, (" keys", " cabinet")),
    ("The capital of France is", (" France",)),
    ("When Mary and John went to the store, John gave a drink to", (" Mary",)),
    ("She put the cake in the oven and set the", (" cake", " oven")),
    ("The dog chased the cat because it was", (" dog", " cat")),
    ("The doctor told the nurse that", (" doctor", " nurse")),
    ("My favourite colour is blue, so I painted the door", (" blue",)),
    ("The Eiffel Tower is in the city of", (" Tower",)),
    ("Romeo and Juliet was written by William", (" Juliet",)),
    ("The opposite of hot is", (" hot",)),
    ("He plays the piano and she plays the", (" piano",)),
    ("The children were tired, so they went to", (" children", " tired")),
)


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def rounded(share: float) -> str:
    return f"{100 * share:.0f} %"


def head_name(layer: int, head: int) -> str:
    return f"layer {layer}, head {head}"


@dataclass(frozen=True)
class Look:
    """One pass over a sentence, kept so that every other head can be shown without a new pass.

    ``weights`` float32 [L, H, T, T]: row = the position that looks, column = where it looks. ``key``, ``model`` and
    ``revision`` say whose they are.
    """

    text: str
    pieces: tuple[str, ...]
    weights: np.ndarray
    key: str
    model: str
    revision: str
    reference: str
    seconds: float

    @property
    def layers(self) -> int:
        return int(self.weights.shape[0])

    @property
    def heads(self) -> int:
        return int(self.weights.shape[1])

    @property
    def last(self) -> int:
        return len(self.pieces) - 1

    def name(self, position: int) -> str:
        return self.pieces[position].strip() or self.pieces[position]

    def names(self, positions: Sequence[int]) -> str:
        return " + ".join(f"“{self.name(position)}”" for position in positions)


@dataclass(frozen=True)
class Gaze:
    """What one head, and the mean of all, see from position ``looker``; ``grid`` [L, H] is the watched share."""

    looker: int
    watched: tuple[int, ...]
    layer: int
    head: int
    leave_out_first: bool
    row: np.ndarray
    mean_row: np.ndarray
    grid: np.ndarray

    @property
    def even(self) -> float:
        """The share of each position that may be looked at, if attention were spread evenly."""
        return 1 / max(self.looker + 1 - self.leave_out_first, 1)


def look(model: LanguageModel, text: str) -> Look:
    """Read ``text`` once and keep all attention weights; :class:`PlainError` beyond :data:`MAX_TOKENS` tokens."""
    prompt = model.encode(text)
    if len(prompt.ids) < 3:
        raise PlainError("Give the words something to look at: type at least three tokens.")
    if len(prompt.ids) > MAX_TOKENS:
        raise PlainError(
            f"That is {len(prompt.ids)} tokens; this view draws every pair and takes at most {MAX_TOKENS}. Shorten it."
        )
    started = time.perf_counter()
    seen = model.attention(prompt)
    return Look(
        text=text,
        pieces=seen.pieces,
        weights=seen.weights,
        key=model.key,
        model=model.name,
        revision=model.revision,
        reference=model.reference,
        seconds=time.perf_counter() - started,
    )


def check_still_live(seen: Look, key: str) -> None:
    """PlainError when the model that is live now, by its catalogue key, is not the one that read the sentence.

    To be asked before the live model is loaded; an empty key on either side tells nothing.
    """
    if seen.key and key and seen.key != key:
        raise PlainError(CHANGED)


def check_same_model(seen: Look, model: LanguageModel) -> None:
    """PlainError when ``model`` is not the one that read the sentence."""
    if (seen.model, seen.revision) != (model.name, model.revision):
        raise PlainError(CHANGED)


def words_to_watch(seen: Look) -> tuple[int, ...]:
    """The example's own words where ``seen`` is one, else the two longest words between the first and the last."""
    known = dict(EXAMPLES).get(seen.text, ())
    found = tuple(i for i, piece in enumerate(seen.pieces) if i and piece in known)
    if found:
        return found
    inner = range(1, seen.last) if seen.last > 1 else range(1, 2)
    return tuple(sorted(sorted(inner, key=lambda i: -len(seen.pieces[i].strip()))[:2]))


def gaze(seen: Look, looker: int, watched: Sequence[int], layer: int, head: int, leave_out_first: bool = False) -> Gaze:
    """One row of the attention of one head, beside all others; nothing is computed by the model here."""
    check_head(seen, layer, head)
    if not 0 <= looker <= seen.last or any(not 0 <= position <= seen.last for position in watched):
        raise PlainError(f"Choose words of this sentence: positions 0 to {seen.last}.")
    rows = seen.weights[:, :, looker, :]  # [L, H, T]
    leave_out_first = leave_out_first and looker > 0
    if leave_out_first:
        rows = rows.copy()
        rows[:, :, 0] = 0
        rows /= np.maximum(rows.sum(-1, keepdims=True), np.finfo(np.float32).tiny)
    return Gaze(
        looker=looker,
        watched=tuple(watched),
        layer=layer,
        head=head,
        leave_out_first=leave_out_first,
        row=rows[layer, head],
        mean_row=rows.mean((0, 1)),
        grid=rows[:, :, list(watched)].sum(-1),
    )


def hottest(seen: Look, looker: int, watched: Sequence[int]) -> tuple[int, int]:
    """(layer, head) with the most attention from ``looker`` to the watched words, the first token not counted.

    Almost every head parks attention on the first token, so a head that looks there singles out nothing.
    """
    words = [position for position in watched if position > 0]
    if not words:
        raise PlainError(
            "Watch at least one word after the first: the first token is where heads rest, whatever it says."
        )
    grid = seen.weights[:, :, looker, words].sum(-1)  # [L, H]
    layer, head = np.unravel_index(int(grid.argmax()), grid.shape)
    return int(layer), int(head)


def named_head(seen: Look, layer: Any, head: Any) -> tuple[int, int]:
    """The (layer, head) asked for; what is None becomes the one that looks most from the last word at those to watch.

    Raises :class:`PlainError` for anything but whole numbers within the model.
    """
    layers = range(seen.layers) if layer is None else [whole("The layer", layer, 0, seen.layers - 1)]
    heads = range(seen.heads) if head is None else [whole("The head", head, 0, seen.heads - 1)]
    share = seen.weights[:, :, seen.last, list(words_to_watch(seen))].sum(-1)  # [L, H]
    return max(((a, b) for a in layers for b in heads), key=lambda at: float(share[at]))


def strongest(view: Gaze) -> int:
    """The watched word that the chosen head looks at most; any word but the first if none is watched."""
    reach = [i for i in view.watched if i <= view.looker] or list(range(1, view.looker + 1)) or [0]
    return max(reach, key=lambda i: float(view.row[i]))


def leaning(seen: Look) -> tuple[int, str]:
    """How much the last word leans on the words to watch, averaged over all heads: which choice is true, and the words.

    Choices: under 10 %, to 25 %, to 50 %, more.
    """
    watched = words_to_watch(seen)
    mean = float(seen.weights[:, :, seen.last, list(watched)].sum(-1).mean())
    truth = sum(mean >= edge for edge in (0.1, 0.25, 0.5))
    heads = seen.layers * seen.heads
    return truth, f"{percent(mean)} goes to {seen.names(watched)}, the mean of {heads} heads"


def who_looks(seen: Look, view: Gaze) -> Evidence[Gaze]:
    """The row of one head with what all heads do, counted over every head of the model."""
    heads, name = seen.layers * seen.heads, seen.name(view.looker)
    left_out = " The first token is left out and the rest scaled to 100 %." if view.leave_out_first else ""
    findings = []
    if view.watched:
        mean, even = float(view.grid.mean()), view.even * sum(i <= view.looker for i in view.watched)
        layer, head = np.unravel_index(int(view.grid.argmax()), view.grid.shape)
        more = int((view.grid > even).sum())
        findings = [
            Finding(
                percent(mean),
                f"of what “{name}” looks at is {seen.names(view.watched)}, averaged over all {heads} heads. "
                f"An even spread would give {percent(even)}.{left_out}",
            ),
            Finding(
                f"{rounded(view.grid.max())} in one head",
                f"{head_name(int(layer), int(head)).capitalize()} looks there most. {more} of {heads} heads give these "
                "words more than an even spread would.",
            ),
        ]
    sink = seen.weights[:, :, view.looker, 0]  # [L, H]
    findings.append(
        Finding(
            f"{rounded(sink.mean())} on the first token",
            f"“{seen.name(0)}” gets more than half of the attention in {int((sink > 0.5).sum())} of {heads} heads: "
            "a resting place, not a reason.",
        )
    )
    best = int(view.row.argmax())
    return Evidence(
        value=view,
        alt=f"In {head_name(view.layer, view.head)}, “{name}” (position {view.looker}) looks most at "
        f"“{seen.name(best)}” (position {best}): {percent(view.row[best])}. The mean of all {heads} heads gives that "
        f"token {percent(view.mean_row[best])}.{left_out}",
        table=Table(
            ("position", "token", head_name(view.layer, view.head), f"mean of {heads} heads"),
            tuple(
                (i, piece, float(view.row[i]), float(view.mean_row[i]))
                for i, piece in enumerate(seen.pieces[: view.looker + 1])
            ),
        ),
        provenance=provenance(seen, {"layer": view.layer, "head": view.head, "looks from": view.looker}),
        findings=tuple(findings),
        snippet=snippets.attention(seen.reference, seen.text, layer=view.layer, head=view.head),
        expected=seen.weights[view.layer, view.head].tolist(),
    )


def cell(model: LanguageModel, seen: Look, layer: int, head: int, query: int, key: int) -> Evidence[Cell]:
    """Every step from query·key to the weighted value, checked against the weight the model returned."""
    check_same_model(seen, model)
    check_head(seen, layer, head)
    started = time.perf_counter()
    sums = model.attention_cell(seen.text, layer, head, query, key)
    seconds = time.perf_counter() - started
    returned = float(seen.weights[layer, head, query, key])
    who, whom = seen.name(query), seen.name(key)
    width = len(sums.query_vector)
    products = sums.query_vector * sums.key_vector
    rest = [i for i in range(query + 1) if i != int(sums.softmax_row.argmax())]
    findings = [
        Finding(
            f"{sums.weight:.6f}",
            f"by our arithmetic; the model itself returned {returned:.6f}. "
            f"They differ by {abs(sums.weight - returned):.6f}.",
        ),
        Finding(
            f"{int((products > 0).sum())} of {width} agree",
            f"components of query and key have the same sign here; the {width} products add up to {sums.product:.2f}.",
        ),
    ]
    if rest:
        best = int(sums.softmax_row.argmax())
        least = min(rest, key=lambda i: float(sums.softmax_row[i]))
        gap = float(sums.scores_row[best] - sums.scores_row[least])
        findings.append(
            Finding(
                f"{gap:.1f} ahead: ×{np.exp(gap):.0f}",
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
            f"{returned:.4f}."
        )
    return Evidence(
        value=sums,
        alt=alt,
        table=Table(
            ("component", "query", "key", "query × key", "value", "weight × value", "head's output"),
            tuple(
                (
                    i,
                    float(sums.query_vector[i]),
                    float(sums.key_vector[i]),
                    float(products[i]),
                    float(sums.value_vector[i]),
                    float(sums.weighted_value[i]),
                    float(sums.head_output[i]),
                )
                for i in range(width)
            ),
        ),
        provenance=provenance(
            seen, {"layer": layer, "head": head, "looks from": query, "looks at": key}, seconds=seconds
        ),
        findings=tuple(findings),
        snippet=snippets.attention(seen.reference, seen.text, layer=layer, head=head),
        expected=seen.weights[layer, head].tolist(),
    )


def pulling(sums: Cell) -> tuple[int, str]:
    """How many products pull the score up: which choice is true, and the words.

    Choices: more than nine in ten, more than seven in ten, at least half, fewer.
    """
    products = sums.query_vector * sums.key_vector
    up, width = int((products > 0).sum()), len(products)
    truth = 3 - sum(up >= edge * width for edge in (0.5, 0.7, 0.9))
    return truth, f"{up} of {width} products are positive"


def provenance(
    seen: Look, settings: Mapping[str, Any], *, seed: int | None = None, seconds: float | None = None
) -> Provenance:
    return Provenance(
        "live",
        seen.model,
        seen.revision,
        {"text": seen.text, **settings},
        seed,
        seen.seconds if seconds is None else seconds,
    )


def check_head(seen: Look, layer: int, head: int) -> None:
    if not (0 <= layer < seen.layers and 0 <= head < seen.heads):
        raise PlainError(
            f"There is no layer {layer}, head {head}: layers go from 0 to {seen.layers - 1}, heads from 0 to "
            f"{seen.heads - 1}."
        )
