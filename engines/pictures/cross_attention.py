"""Cross-attention, heard and changed: which patch looks at which word (Rombach et al. 2022, §3.3).

Every attention layer of a UNet gets a :class:`TappedProcessor` once, when the painter is loaded. Without a
tap it hands over to the library's own processor, so nothing changes. A run opens a :class:`Tap` around each
call of its UNet; the tap lives in a context variable, so runs in other threads never meet it.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

_open_tap: ContextVar[Tap | None] = ContextVar("open_tap", default=None)


@dataclass
class Tap:
    """What one UNet call does at its attention layers. T: tokens, P: patches, rows: pictures.

    record: keep the captioned rows' cross-attention in ``heard`` (P -> one [rows, T, P] a layer).
    hidden: bool [rows, T], tokens no patch may look at.
    weights: float [rows, T], factors on the attention paid to each token (Hertz et al. 2022, §3.2).
    held, held_tokens: float [rows, T, T] and bool [rows, T]: tokens of a row that take over the first row's
    maps, mixed by ``held`` (Hertz et al. 2022, Algorithm 1). hold_self does so for self-attention too.
    """

    rows: int
    record: bool = False
    hidden: Tensor | None = None
    weights: Tensor | None = None
    held: Tensor | None = None
    held_tokens: Tensor | None = None
    hold_self: bool = False
    heard: dict[int, list[Tensor]] = field(default_factory=dict)

    def touches(self, cross: bool) -> bool:
        """Whether the attention itself must change in such a layer."""
        if not cross:
            return self.hold_self
        return self.hidden is not None or self.weights is not None or self.held is not None

    def to(self, device: Any) -> None:
        """Move the settings to the UNet's device."""
        for name in ("hidden", "weights", "held", "held_tokens"):
            if getattr(self, name) is not None:
                setattr(self, name, getattr(self, name).to(device))

    @contextmanager
    def open(self) -> Iterator[Tap]:
        token = _open_tap.set(self)
        try:
            yield self
        finally:
            _open_tap.reset(token)

    def hear(self, probabilities: Tensor) -> None:
        """Keep one layer's cross-attention [rows, heads, P, T], averaged over its heads."""
        by_token = probabilities.mean(dim=1).transpose(1, 2).float()
        self.heard.setdefault(by_token.shape[-1], []).append(by_token)

    def change(self, probabilities: Tensor, cross: bool) -> Tensor:
        """The attention [rows, heads, P, T or P] after holding, hiding and weighing."""
        if not cross:
            return probabilities[:1].expand_as(probabilities)
        if self.held is not None and self.held_tokens is not None:
            source = torch.einsum("hps,rst->rhpt", probabilities[0], self.held.to(probabilities))
            probabilities = torch.where(self.held_tokens[:, None, None, :], source, probabilities)
        if self.hidden is not None:
            probabilities = probabilities.masked_fill(self.hidden[:, None, None, :], 0)
            probabilities = probabilities / probabilities.sum(dim=-1, keepdim=True)
        if self.weights is not None:
            probabilities = probabilities * self.weights[:, None, None, :].to(probabilities)
        return probabilities


class TappedProcessor:
    """The library's attention processor, with a place to attach a :class:`Tap`."""

    def __init__(self, plain: Any, cross: bool) -> None:
        self.plain = plain
        self.cross = cross

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        tap = _open_tap.get()
        if tap is not None and tap.touches(self.cross):
            return self._changed(tap, attn, hidden_states, encoder_hidden_states, attention_mask)
        if tap is not None and tap.record and self.cross and encoder_hidden_states is not None:
            tap.hear(_probabilities(attn, hidden_states[-tap.rows :], encoder_hidden_states[-tap.rows :]))
        more = () if temb is None else (temb,)  # the sliced processor takes none
        return self.plain(attn, hidden_states, encoder_hidden_states, attention_mask, *more)

    def _changed(
        self, tap: Tap, attn: Any, hidden_states: Tensor, context: Tensor | None, mask: Tensor | None
    ) -> Tensor:
        """softmax(QKᵀ/√d)·V written out, with the captioned rows' probabilities changed on the way."""
        context = hidden_states if context is None else context
        probabilities = _probabilities(attn, hidden_states, context, mask)  # [batch, heads, P, T]
        changed = tap.change(probabilities[-tap.rows :], self.cross)
        if tap.record and self.cross:
            tap.hear(changed)
        probabilities = torch.cat([probabilities[: -tap.rows], changed])
        value = attn.to_v(context).unflatten(-1, (attn.heads, -1)).transpose(1, 2)  # [batch, heads, T, d]
        mixed = (probabilities @ value).transpose(1, 2).flatten(2)  # [batch, P, heads·d]
        return attn.to_out[1](attn.to_out[0](mixed)) / attn.rescale_output_factor


def _probabilities(attn: Any, hidden_states: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attention probabilities [batch, heads, P, T] of a layer, by the library's own arithmetic."""
    if mask is not None:
        mask = attn.prepare_attention_mask(mask, context.shape[1], context.shape[0])
    query = attn.head_to_batch_dim(attn.to_q(hidden_states))
    key = attn.head_to_batch_dim(attn.to_k(context))
    return attn.get_attention_scores(query, key, mask).unflatten(0, (-1, attn.heads))


def install(unet: Any) -> None:
    """Give every transformer attention of ``unet`` a tapped processor; asking twice changes nothing."""
    for name, module in unet.named_modules():
        if name.endswith((".attn1", ".attn2")) and not isinstance(module.processor, TappedProcessor):
            module.set_processor(TappedProcessor(module.processor, cross=name.endswith(".attn2")))


def grid(patches: int, height: int, width: int) -> tuple[int, int]:
    """The (h, w) of a layer with this many patches in a UNet whose latent is height × width."""
    for halvings in range(8):
        h, w = math.ceil(height / 2**halvings), math.ceil(width / 2**halvings)
        if h * w == patches:
            return h, w
    raise ValueError(f"{patches} patches do not tile a {height}×{width} latent")


def by_word(
    heard: dict[int, list[Tensor]], tokens: Sequence[Sequence[Sequence[int]]], height: int, width: int
) -> dict[tuple[int, int], Any]:
    """Maps float32 [rows, words, h, w] for each layer size, from what a tap heard.

    ``tokens[row][word]`` are a word's token positions; its map is their sum, layers of one size averaged.
    """
    words = max(len(row) for row in tokens)
    length = next(iter(heard.values()))[0].shape[1]
    spans = torch.zeros(len(tokens), words, length)
    for row, row_words in enumerate(tokens):
        for word, positions in enumerate(row_words):
            spans[row, word, list(positions)] = 1
    maps = {}
    for patches, layers in sorted(heard.items(), reverse=True):
        mean = torch.stack(layers).mean(dim=0)  # [rows, T, P]
        h, w = grid(patches, height, width)
        maps[h, w] = (spans.to(mean) @ mean).unflatten(-1, (h, w)).cpu().numpy()
    return maps


def align(
    source: Sequence[tuple[str, Sequence[int]]], target: Sequence[tuple[str, Sequence[int]]], length: int
) -> tuple[Tensor, Tensor]:
    """Which source tokens stand for which target tokens: (mix [T, T], held [T]), T = ``length``.

    Captions come as (word, token positions). Shared words map token to token, replaced words as wholes, and
    words without a partner keep their own attention (Hertz et al. 2022, §3.2, word swap and refinement).
    """
    mix = torch.zeros(length, length)
    a, b = [word for word, _ in source], [word for word, _ in target]
    matcher = difflib.SequenceMatcher(a=a, b=b, autojunk=False)
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        if tag not in ("equal", "replace"):
            continue
        for (_, a_tokens), (_, b_tokens) in zip(source[a0:a1], target[b0:b1], strict=False):
            if len(a_tokens) == len(b_tokens):
                mix[list(a_tokens), list(b_tokens)] = 1
            else:
                mix[torch.tensor(a_tokens)[:, None], torch.tensor(b_tokens)] = 1 / len(b_tokens)
    a_end = 1 + max((max(tokens) for _, tokens in source), default=0)
    b_end = 1 + max((max(tokens) for _, tokens in target), default=0)
    mix[0, 0] = 1  # the start token
    for offset in range(length - max(a_end, b_end)):  # the end token and the padding after it
        mix[a_end + offset, b_end + offset] = 1
    return mix, mix.sum(dim=0) > 0
