"""Several texts in one pass of a language model, without padding: their new tokens in a row, each text's own cache.

Everything but attention works on one token at a time, so a row of tokens of different texts costs little more than one
of them: the weights are read once for all. Attention looks back at its own text only. N is the tokens of the pass, T
those of one text, H the heads, d the width of a head. After the batching of Yu et al. 2022 (Orca, §3, S2, selective
batching).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

from engines.evidence import PlainError
from engines.text.shared_passes import Piece


@dataclass(eq=False)
class Cached:
    """The keys and values of one text, each [1, H_kv, room, d] in every layer; the first ``length`` places count."""

    length: int = 0
    layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)

    def put(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values [1, H_kv, T, d] of the text with those of its new tokens, [1, H_kv, new, d] each."""
        needed = self.length + keys.shape[2]
        if layer not in self.layers or self.layers[layer][0].shape[2] < needed:
            self.layers[layer] = self._grown(layer, keys, needed), self._grown(layer, values, needed, 1)
        for place, new in zip(self.layers[layer], (keys, values), strict=True):
            place[:, :, self.length : needed] = new
        held = self.layers[layer]
        return held[0][:, :, :needed], held[1][:, :, :needed]

    def _grown(self, layer: int, like: torch.Tensor, needed: int, which: int = 0) -> torch.Tensor:
        room = like.new_empty(*like.shape[:2], max(64, 2 * needed), like.shape[3])
        if layer in self.layers:
            room[:, :, : self.length] = self.layers[layer][which][:, :, : self.length]
        return room


class Packed:
    """The pieces of one pass in a row: ``ids`` and ``positions`` [N], and at which places scores are ``kept``."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self.ids = [token_id for piece in pieces for token_id in piece.ids]
        self.positions = [piece.cache.length + place for piece in pieces for place in range(len(piece.ids))]
        self.kept = [place for piece, (_, end) in self.spans() for place in range(end - piece.keep, end)]

    def spans(self) -> Iterator[tuple[Piece, tuple[int, int]]]:
        """Each piece and where it lies in the row."""
        begin = 0
        for piece in self.pieces:
            yield piece, (begin, begin + len(piece.ids))
            begin += len(piece.ids)

    def grow(self) -> None:
        """Count the new tokens of every text; a pass that fails before has changed nothing."""
        for piece in self.pieces:
            piece.cache.length += len(piece.ids)


def _attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    packed: Packed | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of each text to itself: query [1, H, N, d], key and value [1, H_kv, N, d] -> [1, N, H, d]."""
    if packed is None or softcap is not None or settings.get("s_aux") is not None:
        raise PlainError("This model's attention cannot be shared.")
    parts = []
    for piece, (begin, end) in packed.spans():
        keys, values = piece.cache.put(module.layer_idx, key[:, :, begin:end], value[:, :, begin:end])
        parts.append(
            scaled_dot_product_attention(
                query[:, :, begin:end], keys, values, scale=scaling,
                enable_gqa=key.shape[1] != query.shape[1], **_looking_back(end - begin, keys, sliding_window),
            )
        )  # fmt: skip
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


def _looking_back(new: int, keys: torch.Tensor, window: int | None) -> dict[str, Any]:
    """What lets the last ``new`` tokens of a text see those before them, as far back as ``window``."""
    length = keys.shape[2]
    seen_all = window is None or length <= window
    if seen_all and (new == 1 or new == length):
        return {"is_causal": new > 1}
    places = torch.arange(length, device=keys.device)
    asking = places[-new:, None]
    mask = places <= asking
    return {"attn_mask": mask if window is None else mask & (places > asking - window)}


AttentionInterface.register("packed", _attend)
AttentionMaskInterface.register("packed", lambda *settings, **more: None)
