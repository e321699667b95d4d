"""Passes of the tile writer that runs of different learners share: other captions, and pictures at other tiles.

Every picture is a row of one table (:mod:`engines.text.tables`), and a pass reads the next tile of all rows, each after
as many as it has. The dice, guidance and given tiles stay with each run. n is the rows of a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engines.models import worker
from engines.models.batching import Meeting, Room
from engines.text.recorded_steps import RecordedSteps
from engines.text.shared_passes import MOST_READ, Piece
from engines.text.tables import Row, Tables, read_together
from engines.text.transformer import Network

MOST_ROWS = 256
"""Rows of all pictures that are being written, where guidance takes two a picture; a row of the bundled writer is 2 MiB
of keys and values."""
FEW_ROWS = 4
"""Up to so many rows a pass is quicker in one thread."""


class TilePasses:
    """Where the runs of one ``transformer`` meet; ``longest`` is a whole row, its caption included.

    ``room``: the rows that all runs may hold.
    """

    def __init__(self, transformer: Any, longest: int) -> None:
        self.room = Room(MOST_ROWS)
        self._steps = RecordedSteps(Network(transformer, packs=True))
        self._tables = Tables((longest + 1,))
        self._meeting = Meeting[Sequence[Piece], np.ndarray](self._together, MOST_READ)

    def rows(self, count: int) -> list[Row]:
        """Empty rows, each as long as a picture; the place of one is free again as soon as its run drops it."""
        return [Row() for _ in range(count)]

    def read(self, ids: np.ndarray, rows: Sequence[Row]) -> np.ndarray:
        """Logits float32 [n, V] after ``ids`` int64 [n, T], which go into ``rows``: a caption, or the next tile."""
        pieces = [Piece(new, row, 1) for new, row in zip(ids.tolist(), rows, strict=True)]
        return self._meeting.ask(pieces, size=ids.size)

    def _together(self, runs: Sequence[Sequence[Piece]]) -> list[np.ndarray]:
        pieces = [piece for run in runs for piece in run]
        with worker.alone(len(pieces) <= FEW_ROWS):
            logits = iter(read_together(self._steps, pieces, self._tables))
        return [np.concatenate([next(logits) for _ in run]) for run in runs]
