"""The dice of a seed."""

from __future__ import annotations

from collections.abc import Callable

from engines.checks import MAX_SEED, whole


def dice(seed: int) -> Callable[[], float]:
    """Uniform numbers in [0, 1) from a CPU generator: the same row of numbers for a seed on every machine.

    A seed beyond :data:`engines.checks.MAX_SEED` is refused: torch keeps 32 bits of it, so that two would be one.
    """
    import torch

    generator = torch.Generator().manual_seed(whole("The seed", seed, 0, MAX_SEED))
    return lambda: torch.rand((), generator=generator, dtype=torch.float64).item()
