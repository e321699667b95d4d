"""Inside one pass: where each head looks, the arithmetic of one weight, and what is lost without a head."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from engines.checks import whole
from engines.evidence import PlainError
from engines.text.dials import Dials, Distribution, Scoreboard, distribution, scoreboard

if TYPE_CHECKING:
    from engines.text.transformer import Network

TOKENS_A_PASS = 512
Show = Callable[[int], str]
Heads = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Attention:
    """``weights`` float32 [layers, heads, T, T]: row = the position that looks, column = where it looks."""

    pieces: tuple[str, ...]
    weights: np.ndarray


@dataclass(frozen=True)
class Cell:
    """One attention weight, from the vectors to the share (Vaswani et al. 2017, eq. 1).

    ``query_vector`` and ``key_vector`` float32 [d] are as the head compares them: after normalisation of
    queries and keys and after rotary positions, where the model has them. ``kv_head`` is the head whose keys
    and values this one reads (grouped-query attention). ``product`` = query·key, ``scale`` multiplies it.
    ``scores_row`` float32 [T] holds product × scale for every key, before the mask; ``masked_row`` bool [T]
    is True where the mask hides a key; ``softmax_row`` float32 [T] sums to 1; ``weight`` is its entry at
    ``key`` and equals the model's own. ``weighted_value`` = ``weight`` × ``value_vector``; ``head_output``
    [d] is their sum over all keys.
    """

    layer: int
    head: int
    kv_head: int
    query: int
    key: int
    pieces: tuple[str, ...]
    query_vector: np.ndarray
    key_vector: np.ndarray
    product: float
    scale: float
    score: float
    masked: bool
    scores_row: np.ndarray
    masked_row: np.ndarray
    softmax_row: np.ndarray
    weight: float
    value_vector: np.ndarray
    weighted_value: np.ndarray
    head_output: np.ndarray


@dataclass(frozen=True)
class Mover:
    """A token whose chance changed: probabilities before and after."""

    token_id: int
    text: str
    before: float
    after: float


@dataclass(frozen=True)
class Ablation:
    """The next token with and without some heads.

    ``kl_bits`` = KL(before ‖ after) in bits. ``target`` is the token followed: the model's own first choice
    unless another was asked for; ``target_before`` and ``target_after`` are its probabilities. ``movers`` are
    the tokens whose probabilities changed most.
    """

    heads: tuple[tuple[int, int], ...]
    before: Scoreboard
    after: Scoreboard
    kl_bits: float
    target: int
    target_text: str
    target_before: float
    target_after: float
    movers: tuple[Mover, ...]


def look(network: Network, ids: Sequence[int], pieces: tuple[str, ...]) -> Attention:
    """Where every head of every layer looks."""
    probe = network.probe(ids, record=range(network.layers))
    return Attention(pieces, np.stack([probe.layers[layer].weights for layer in range(network.layers)]))


def cell(
    network: Network, ids: Sequence[int], pieces: tuple[str, ...], layer: int, head: int, query: int, key: int
) -> Cell:
    """Work out one weight from the recorded vectors, and refuse where the model does more than eq. 1."""
    check_heads(network, [(layer, head)])
    _check_whole("position", query, key)
    if not (0 <= query < len(ids) and 0 <= key < len(ids)):
        raise PlainError(f"Choose positions from 0 to {len(ids) - 1}; this text has {len(ids)} tokens.")
    seen = network.probe(ids, record=[layer]).layers[layer]
    kv_head = head * len(seen.keys) // len(seen.queries)
    query_vector, keys, values = seen.queries[head, query], seen.keys[kv_head], seen.values[kv_head]
    scores = keys @ query_vector * np.float32(seen.scale)  # [T]
    masked = seen.mask[query] < np.finfo(np.float16).min / 2  # [T]; whatever the model computes in
    weights = np.exp(np.where(masked, -np.inf, scores) - scores[~masked].max())
    weights /= weights.sum()
    if not np.allclose(weights, seen.weights[head, query], atol=1e-4 if network.full_precision else 0.02):
        raise PlainError("This model adds steps of its own to attention, so the plain arithmetic would mislead here.")
    return Cell(
        layer=layer,
        head=head,
        kv_head=kv_head,
        query=query,
        key=key,
        pieces=pieces,
        query_vector=query_vector,
        key_vector=keys[key],
        product=float(query_vector @ keys[key]),
        scale=seen.scale,
        score=float(scores[key]),
        masked=bool(masked[key]),
        scores_row=scores,
        masked_row=masked,
        softmax_row=weights,
        weight=float(weights[key]),
        value_vector=values[key],
        weighted_value=weights[key] * values[key],
        head_output=weights @ values,
    )


def ablate(
    network: Network, ids: Sequence[int], sets: Sequence[Heads], show: Show, target: int | None
) -> list[Ablation]:
    """Silence each set of heads in a row of its own and compare with the whole model.

    A pass takes as many rows as make :data:`TOKENS_A_PASS`, so that other learners need not wait long.
    """
    for heads in sets:
        check_heads(network, heads)
    before = distribution(network.probe(ids).logits[0], Dials())
    if target is None:
        target = int(np.argmax(before.raw))
    target = whole("The token to follow", target, 0, before.raw.size - 1)
    after = logits_without(network, ids, sets)
    return [
        _compare(before, distribution(logits, Dials()), heads, show, target)
        for heads, logits in zip(sets, after, strict=True)
    ]


def logits_without(network: Network, ids: Sequence[int], sets: Sequence[Heads]) -> Iterator[np.ndarray]:
    """Logits float32 [V] of the next token without each set of heads; an empty set is the whole model."""
    rows = max(1, TOKENS_A_PASS // len(ids))
    for start in range(0, len(sets), rows):
        yield from network.probe(ids, silence=sets[start : start + rows]).logits


def check_heads(network: Network, heads: Heads) -> None:
    """PlainError unless every (layer, head) is a pair of whole numbers that names a head of the model."""
    for pair in heads:
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise PlainError("Name each head by a pair of numbers: its layer and its place there, from 0.")
        layer, head = pair
        _check_whole("layer", layer)
        _check_whole("head", head)
        if not (0 <= layer < network.layers and 0 <= head < network.heads):
            raise PlainError(
                f"There is no layer {layer}, head {head}: choose a layer from 0 to {network.layers - 1} "
                f"and a head from 0 to {network.heads - 1}."
            )


def _check_whole(name: str, *values: object) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise PlainError(f"A {name} is a whole number, counted from 0; choose one. It was {value!r}.")


def kl_bits(before: np.ndarray, after: np.ndarray) -> float:
    """KL(before ‖ after) in bits of two distributions [V]; infinite if ``after`` rules out what was possible."""
    live = before > 0
    with np.errstate(divide="ignore"):
        return max(0.0, float((before[live] * (np.log2(before[live]) - np.log2(after[live]))).sum()))


def _compare(before: Distribution, after: Distribution, heads: Heads, show: Show, target: int) -> Ablation:
    change = np.abs(after.raw - before.raw)
    movers = np.argsort(-change, kind="stable")[:8]
    return Ablation(
        heads=tuple((int(layer), int(head)) for layer, head in heads),
        before=scoreboard(before, show),
        after=scoreboard(after, show),
        kl_bits=kl_bits(before.raw, after.raw),
        target=target,
        target_text=show(target),
        target_before=float(before.raw[target]),
        target_after=float(after.raw[target]),
        movers=tuple(Mover(int(i), show(int(i)), float(before.raw[i]), float(after.raw[i])) for i in movers),
    )
