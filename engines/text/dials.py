"""Temperature, top-k and top-p: how one vector of logits becomes the chances of the next token.

Everything here is numpy on logits that were computed before, so that a slider reshapes a scoreboard without
another pass of the model. The dials follow transformers' ``TemperatureLogitsWarper``, ``TopKLogitsWarper``
and ``TopPLogitsWarper``, in the order in which ``generate()`` applies them. V is the vocabulary size
throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engines.checks import check_number
from engines.evidence import PlainError

MAX_TEMPERATURE = 5.0
MAX_TOP_K = 2**32 - 1
"""More than any vocabulary holds."""
COLDEST = 1e-30
"""Below it a logit divided by the temperature may overflow, and nothing is left to the runner-up long before."""


@dataclass(frozen=True)
class Dials:
    """What the learner turns.

    ``temperature`` divides the logits, 0 to 5; 0 means greedy, and so does anything below :data:`COLDEST`.
    ``top_p``, above 0 up to 1, keeps the most likely tokens until they hold that share (nucleus sampling,
    Holtzman et al. 2020). ``top_k`` keeps that many, 0 keeps all. Raises :class:`PlainError` outside those ranges.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0

    def __post_init__(self) -> None:
        check_number("The temperature", self.temperature, 0, MAX_TEMPERATURE)
        check_number("Top-p", self.top_p, 0, 1)
        if self.top_p == 0:
            raise PlainError("Top-p must be above 0: at 0 no token would be left to choose.")
        check_number("Top-k", self.top_k, 0, MAX_TOP_K, whole=True)
        object.__setattr__(self, "top_k", int(self.top_k))

    @property
    def greedy(self) -> bool:
        return self.temperature < COLDEST


@dataclass(frozen=True)
class Candidate:
    """One row of a scoreboard.

    ``probability`` is the softmax of the raw logits (temperature 1), ``kept_probability`` what is left for
    the token after the dials (0.0 when it was cut); ``rank`` counts from 1.
    """

    token_id: int
    text: str
    logit: float
    probability: float
    kept_probability: float
    rank: int


@dataclass(frozen=True)
class Scoreboard:
    """The most likely tokens and what the dials do to the whole vocabulary.

    ``entropy_bits`` belongs to the raw distribution, ``kept`` and ``kept_entropy_bits`` to what survives the
    dials.
    """

    candidates: tuple[Candidate, ...]
    vocabulary_size: int
    entropy_bits: float
    kept: int
    kept_entropy_bits: float
    dials: Dials


@dataclass(frozen=True)
class Distribution:
    """The chances of every token, float64 [V]: ``raw`` is softmax(logits), ``kept`` what the dials leave.

    ``steps`` holds (dial, probabilities [V]) after each dial that does something, in the order of their work.
    """

    logits: np.ndarray
    raw: np.ndarray
    steps: tuple[tuple[str, np.ndarray], ...]
    dials: Dials

    @property
    def kept(self) -> np.ndarray:
        """Probabilities float64 [V] after all dials."""
        return self.steps[-1][1] if self.steps else self.raw


def distribution(logits: np.ndarray, dials: Dials) -> Distribution:
    """Turn logits [V] into probabilities before and after the dials."""
    raw = kept = softmax(logits)
    steps: list[tuple[str, np.ndarray]] = []
    if dials.greedy:
        steps.append(("temperature", _only(raw, np.array([np.argmax(logits)]))))
        return Distribution(logits, raw, tuple(steps), dials)
    if dials.temperature != 1:
        kept = softmax(logits / np.float32(dials.temperature))
        steps.append(("temperature", kept))
    if 0 < dials.top_k < kept.size:
        weakest = kept[descending(kept, count=dials.top_k)[: dials.top_k][-1]]
        kept = _only(kept, np.flatnonzero(kept >= weakest))
        steps.append(("top_k", kept))
    if dials.top_p < 1:
        order = descending(kept, mass=dials.top_p)
        collected = np.cumsum(kept[order])
        kept = _only(kept, order[: int(np.searchsorted(collected, dials.top_p)) + 1])
        steps.append(("top_p", kept))
    return Distribution(logits, raw, tuple(steps), dials)


def scoreboard(chances: Distribution, pieces: Callable[[int], str], top: int = 12) -> Scoreboard:
    """List the ``top`` most likely tokens; ``pieces`` gives the display text of a token id."""
    leaders = descending(chances.raw, count=top)[:top]
    candidates = tuple(
        Candidate(
            token_id=int(token_id),
            text=pieces(int(token_id)),
            logit=float(chances.logits[token_id]),
            probability=float(chances.raw[token_id]),
            kept_probability=float(chances.kept[token_id]),
            rank=rank,
        )
        for rank, token_id in enumerate(leaders, start=1)
    )
    entropy = _entropy_bits_of(chances)
    return Scoreboard(
        candidates=candidates,
        vocabulary_size=int(chances.raw.size),
        entropy_bits=entropy,
        kept=int(np.count_nonzero(chances.kept > 0)),  # of what is true or false it counts three times as fast
        kept_entropy_bits=entropy if chances.kept is chances.raw else entropy_bits(chances.kept),
        dials=chances.dials,
    )


def reshape(logits: np.ndarray, dials: Dials, pieces: Callable[[int], str], top: int = 12) -> Scoreboard:
    """The scoreboard of logits [V] under new dials, without a pass of the model."""
    return scoreboard(distribution(logits, dials), pieces, top)


def draw(probabilities: np.ndarray, u: float) -> int:
    """The token on which the dice falls: inverse CDF over ``probabilities`` [V], most likely first.

    ``u`` in [0, 1) is a position on the cumulative bar: the token drawn is the one whose slice holds it.
    """
    order = descending(probabilities, mass=u)
    place = int(np.searchsorted(np.cumsum(probabilities[order]), u, side="right"))
    return int(order[min(place, order.size - 1)])


def bar_slice(probabilities: np.ndarray, token_id: int) -> tuple[float, float]:
    """Where a token lies on the cumulative bar of ``probabilities`` [V], most likely first: (start, end)."""
    own = probabilities[token_id]
    before = probabilities[probabilities > own].sum() + probabilities[:token_id][probabilities[:token_id] == own].sum()
    return float(before), float(min(1.0, before + own))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities float64 [V] of logits [V]; raises :class:`PlainError` when the logits are no numbers."""
    peak = float(np.max(logits))
    if not math.isfinite(peak):
        raise PlainError("The model's scores are no longer numbers: its weights are too damaged to go on.")
    weights = np.exp(logits - np.float32(peak), dtype=np.float32).astype(np.float64)
    return weights / weights.sum()


def entropy_bits(probabilities: np.ndarray) -> float:
    """Shannon entropy, in bits, of ``probabilities`` [V] that sum to 1; in float32, so good to about five digits."""
    some = probabilities.astype(np.float32)
    some = some[some > 0]
    return max(0.0, -float((some * np.log(some)).sum()) / math.log(2))  # by no @, whose helpers would wait for a core


def _entropy_bits_of(chances: Distribution) -> float:
    """As :func:`entropy_bits` of the raw chances, from the logits, of which no logarithm has to be taken."""
    peak = chances.logits.max()
    below = np.maximum(chances.logits - peak, np.float32(-1e4))  # a logit may be -inf, and its chance is 0
    return max(0.0, -float((chances.raw * below).sum()) - math.log(float(chances.raw.max()))) / math.log(2)


def surprise_bits(probability: float) -> float:
    """-log2 of a probability; infinite for 0."""
    return -math.log2(probability) if probability > 0 else math.inf


def descending(probabilities: np.ndarray, *, count: int = 0, mass: float = 0.0) -> np.ndarray:
    """Indices of positive entries from the most likely on, equal ones by index.

    They are at least ``count`` and hold more than ``mass``, if there is that much; there may be more than
    asked. Only as much of the head is sorted as is needed: a full sort of 150,000 tokens costs more than all
    else here.
    """
    floor = float(probabilities.max())
    while True:
        floor /= 64
        indices = np.flatnonzero(probabilities >= floor if floor > 1e-12 else probabilities)
        if floor <= 1e-12 or (indices.size >= count and probabilities[indices].sum() > mass):
            return indices[np.argsort(-probabilities[indices], kind="stable")]


def _only(probabilities: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Cut every other token and share its chance among those left."""
    kept = np.zeros_like(probabilities)
    kept[indices] = probabilities[indices] / probabilities[indices].sum()
    return kept
