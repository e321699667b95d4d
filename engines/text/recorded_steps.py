"""Next tokens on a card: texts in the rows of a table, so that one pass of any of them can be recorded and replayed.

A recorded pass (:mod:`engines.models.capture`) computes the same kernels at the same addresses. So rows are filled up
to 2, 4, 8, …, every row attends over the whole room of its table, and a mask hides what its text has not come to. B is
those rows; the other letters are those of :mod:`engines.text.tables`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

from engines.evidence import PlainError
from engines.models.capture import Captured, filled_up
from engines.text.packing import Cached
from engines.text.shared_passes import Piece
from engines.text.tables import Table

if TYPE_CHECKING:
    from engines.text.transformer import Network


class RecordedSteps:
    """Reads rows of a table for a network that packs; see :class:`engines.text.tables.Reader`.

    Without a card nothing is recorded, and no rows fill a pass up.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._replays = Captured(network.model).on(network.model.device)
        config = network.model.config.get_text_config()
        self._heads = int(getattr(config, "num_key_value_heads", None) or network.heads)
        self._width = int(getattr(config, "head_dim", None) or config.hidden_size // network.heads)
        self._recorded: WeakKeyDictionary[Table, tuple[int, Captured]] = WeakKeyDictionary()

    def blank(self, rows: int, room: int) -> Tensor:
        model = self._network.model
        shape = (2 * self._network.layers, rows, self._heads, room, self._width)
        return torch.zeros(shape, dtype=model.dtype, device=model.device)

    def step(self, ids: Sequence[int], lengths: Sequence[int], table: Table) -> np.ndarray:
        rows = filled_up(len(ids)) if self._replays else len(ids)
        table.widen(rows)
        others = [table.text_at(place) for place in range(len(ids), rows)]  # one place after a text's end is free
        places = [*lengths, *(other.length if other else 0 for other in others)]
        device = self._network.model.device
        logits = self._of(table)(
            ids=torch.tensor([*ids, *[0] * len(others)], device=device)[:, None],
            places=torch.tensor(places, device=device),
        )
        return logits[: len(ids)].float().cpu().numpy()

    def read_on(self, pieces: Sequence[Piece], held: Tensor) -> list[np.ndarray]:
        parts = []
        for place, piece in enumerate(pieces):
            keys, values = held[0::2, place : place + 1], held[1::2, place : place + 1]
            layers = dict(enumerate(zip(keys, values, strict=True)))
            parts.append(Piece(piece.ids, Cached(piece.cache.length, layers), piece.keep))
        return self._network.read_packed(parts)

    def _of(self, table: Table) -> Captured:
        """What replays the passes of ``table``, as long as it lies where it lay."""
        where, captured = self._recorded.get(table, (0, None))
        if captured is None or where != table.held.data_ptr():
            held, network = table.held, self._network

            def step(ids: Tensor, places: Tensor) -> Tensor:
                now = _Step(held[:, : len(ids)], places)
                return network.in_table(
                    input_ids=ids, position_ids=places[:, None], use_cache=False, logits_to_keep=1, step=now
                ).logits[:, -1]

            captured = Captured(step)
            self._recorded[table] = held.data_ptr(), captured
        return captured


@dataclass(frozen=True, eq=False)
class _Step:
    """The rows of a pass, ``held`` [2 L, B, H_kv, room, d], and the ``places`` [B] of their new tokens."""

    held: Tensor
    places: Tensor

    def put(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [B, H_kv, room, d] of a layer with those of the new tokens, [B, H_kv, 1, d] each."""
        rows = torch.arange(len(self.places), device=self.places.device)
        for kind, new in enumerate((keys, values)):
            self.held[2 * layer + kind][rows, :, self.places] = new[:, :, 0]
        return self.held[2 * layer], self.held[2 * layer + 1]

    def seen(self, window: int | None) -> Tensor:
        """Which places each text looks back at, [B, 1, 1, room]."""
        places = torch.arange(self.held.shape[3], device=self.places.device)
        newest = self.places[:, None]
        mask = places <= newest
        return (mask if window is None else mask & (places > newest - window))[:, None, None]


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    step: _Step | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """Attention of each row's new token to its own text: query [B, H, 1, d] -> [B, 1, H, d]."""
    if step is None or softcap is not None or settings.get("s_aux") is not None:
        raise PlainError("This model's attention cannot be shared.")
    keys, values = step.put(module.layer_idx, key, value)
    mixed = scaled_dot_product_attention(
        query, keys, values, attn_mask=step.seen(sliding_window), scale=scaling,
        enable_gqa=keys.shape[1] != query.shape[1],
    )  # fmt: skip
    return mixed.transpose(1, 2).contiguous(), None


AttentionInterface.register("in_table", _attend)
AttentionMaskInterface.register("in_table", lambda *settings, **more: None)
