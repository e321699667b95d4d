"""What a trained small typewriter writes, in the one thread in which the models of the server compute."""

from __future__ import annotations

from engines.checks import MAX_SEED, check_number, whole
from engines.models import worker
from engines.text.small import MOST_LENGTH, Small


def write(model: Small, prompt: str, *, length: int = 240, temperature: float = 0.8, seed: int = 7) -> str:
    """``length`` characters after ``prompt``; what of it the model has no keys for is passed over."""
    from engines.text import small_training

    length = whole("The number of characters", length, 1, MOST_LENGTH)
    check_number("The temperature", temperature, 0.1, 2)
    seed = whole("The seed", seed, 0, MAX_SEED)
    return worker.call(small_training.write, model, model.readable(prompt) or "\n", length, temperature, seed)
