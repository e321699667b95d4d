"""What a piece of computing takes, counted while the network really does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Work:
    """``multiply_adds`` of a piece of computing, and ``bytes_read`` of weights, and of a text's cache."""

    multiply_adds: int
    bytes_read: int


def multiply_adds(function: Callable[..., Any], *arguments: Any, **options: Any) -> int:
    """Multiply-adds in the matrix products, convolutions and attentions of a call, made in this thread.

    torch counts two operations for each (:class:`torch.utils.flop_counter.FlopCounterMode`). Sums, norms and
    activations count nothing. Attention is computed by its plain formula meanwhile, since the counter does not see a
    processor's fused kernel; so the whole square is counted where a mask hides half of it.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        function(*arguments, **options)
    return counter.get_total_flops() // 2
