"""When a training ends by itself: once a held-out loss is flat, it cools down and stops.

The loss is looked at every so many steps. Each time it is lower than ever by a share that counts, the run may go on to
``MORE`` times the steps taken; so a long standstill before something is learnt is waited out in proportion (early
stopping with a patience that grows, Bengio 2012, "Practical Recommendations for Gradient-Based Training of Deep
Architectures", arXiv:1206.5533). Until then the learning rate stays; the loss that a falling rate buys
comes in the cooling, ``COOLING`` of the steps taken (Hägele et al. 2024, arXiv:2405.18392).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LOWER, MORE, COOLING = 0.005, 2.0, 0.25
WARM = 0.02
"""The share of ``tools.warm_cosine`` at which the rate is highest."""


@dataclass
class UntilFlat:
    """A run of at least ``patience`` steps; ``flat_at`` is the step from which it cools, None before."""

    patience: int
    lowest: float = math.inf
    flat_at: int | None = None

    def look(self, step: int, loss: float) -> None:
        """Take note of the held-out ``loss`` after ``step`` steps; ValueError where it is no number."""
        if not math.isfinite(loss):
            raise ValueError(f"The held-out loss is {loss} after {step} steps: the rate is too high.")
        if loss < (1 - LOWER) * self.lowest:
            self.lowest, self.patience = loss, max(self.patience, math.ceil(MORE * step))
        if self.flat_at is None and step >= self.patience:
            self.flat_at = step

    def share(self, step: int, spent: float) -> float:
        """Where in ``tools.warm_cosine`` the run is, 1 when it is over; ``spent`` is the share of the most it may take.

        It cools in time for that limit, flat or not.
        """
        if self.flat_at is None and spent * (1 + COOLING) >= 1:
            self.flat_at = step
        if self.flat_at is None:
            return WARM
        return WARM + (1 - WARM) * min(1.0, (step - self.flat_at) / max(1.0, COOLING * self.flat_at))
