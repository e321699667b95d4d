"""Multiply-adds are counted as one would by hand, and fused attention is not overlooked."""

from __future__ import annotations

import torch
from torch.nn import functional

from engines.models import worker
from engines.models.counting import multiply_adds


def test_products_and_convolutions_are_counted() -> None:
    layer, picture = torch.nn.Linear(3, 5), torch.nn.Conv2d(2, 4, 3, padding=1)
    assert worker.call(multiply_adds, layer, torch.zeros(2, 3)) == 2 * 3 * 5
    assert worker.call(multiply_adds, picture, torch.zeros(1, 2, 6, 7)) == 6 * 7 * 4 * 2 * 9


def test_fused_attention_is_not_overlooked() -> None:
    """torch's counter gave 0 for what a processor computes in one kernel, so that long texts seemed as cheap as short
    ones."""
    queries = torch.zeros(1, 2, 4, 8)  # [B, H, T, d]
    assert worker.call(multiply_adds, functional.scaled_dot_product_attention, *[queries] * 3) == 2 * 2 * 4 * 4 * 8
