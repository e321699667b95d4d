"""The logit lens: read each layer's state as if it were the last (nostalgebraist 2020)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engines.text.dials import Candidate, Dials, distribution, scoreboard

if TYPE_CHECKING:
    from engines.text.transformer import Network


@dataclass(frozen=True)
class LayerGuess:
    """What the model would say if it stopped after ``layer`` (0 = the embedding alone).

    ``candidates`` are the layer's own best tokens; ``final_rank`` and ``final_probability`` say where the
    final answer stands there; ``entropy_bits`` how undecided the layer is.
    """

    layer: int
    candidates: tuple[Candidate, ...]
    final_rank: int
    final_probability: float
    entropy_bits: float


def read_layers(network: Network, ids: Sequence[int], show: Callable[[int], str], top: int) -> tuple[LayerGuess, ...]:
    """The guess of every layer at the token after ``ids``."""
    logits = network.lens(ids)  # [layers + 1, V]
    final = int(np.argmax(logits[-1]))
    guesses = []
    for layer, row in enumerate(logits):
        chances = distribution(row, Dials())
        board = scoreboard(chances, show, top)
        guesses.append(
            LayerGuess(
                layer=layer,
                candidates=board.candidates,
                final_rank=int(np.count_nonzero(row > row[final])) + 1,
                final_probability=float(chances.raw[final]),
                entropy_bits=board.entropy_bits,
            )
        )
    return tuple(guesses)


def settles_at(guesses: Sequence[LayerGuess]) -> int:
    """The first layer from which the final answer leads and keeps the lead to the end."""
    layer = guesses[-1].layer
    for guess in reversed(guesses):
        if guess.final_rank != 1:
            break
        layer = guess.layer
    return layer


def first_leads_at(guesses: Sequence[LayerGuess]) -> int:
    """The first layer at which the final answer leads, even if it loses the lead again."""
    return next(guess.layer for guess in guesses if guess.final_rank == 1)
