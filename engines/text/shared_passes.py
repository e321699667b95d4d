"""How a text asks for its passes, which others may share, whatever computes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.models import hardware
from engines.models.batching import Meeting, Room

MOST_READ = 512
"""Tokens of one shared pass; a longer text is read in several, so that others come in between."""
MOST_CACHED = 49_152
"""Tokens in the caches of keys and values of all texts that are being written, where there is memory for them."""


LEAST_CACHED = 4_096


def room(bytes_a_token: int) -> Room:
    """What all texts of a model may hold whose cache takes so many bytes a token: half of what is free at most.

    A lesson's run has room in any case.
    """
    return Room(max(LEAST_CACHED, min(MOST_CACHED, hardware.free_bytes() // 2 // bytes_a_token)))


@dataclass(frozen=True, eq=False)
class Piece:
    """New tokens ``ids`` of the text that ``cache`` holds; the scores of the last ``keep`` are wanted.

    The cache is a :class:`engines.text.packing.Cached`, or a :class:`engines.text.tables.Row`. ``fresh``: the beginning
    of a text is read, whoever begins alike.
    """

    ids: Sequence[int]
    cache: Any
    keep: int
    fresh: bool = False


def read(
    meeting: Meeting[Piece, np.ndarray], ids: Sequence[int], cache: Any, keep: int, fresh: bool = False
) -> np.ndarray:
    """Logits float32 [keep, V] of the last ``keep`` of ``ids``, read after what ``cache`` holds, which grows."""
    while len(ids) > max(keep, MOST_READ):
        part = min(MOST_READ, len(ids) - keep)
        meeting.ask(Piece(ids[:part], cache, 1, fresh), size=part)
        ids = ids[part:]
    return meeting.ask(Piece(ids, cache, keep, fresh), size=len(ids))
