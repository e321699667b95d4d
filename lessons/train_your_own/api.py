"""What the train-your-own lesson offers to ``gradio_client``."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from engines.checks import check_number, check_text
from engines.evidence import Evidence
from engines.text.small import MOST, MOST_SECONDS
from lessons.shell.api import Endpoint
from lessons.train_your_own import train
from lessons.train_your_own.measures import DIETS, bits, known_words


def train_text(text: str = "prose", seconds: float = 20, seed: int = 7, prompt: str = "") -> Iterator[dict]:
    """Train a small character transformer on a text; streams a result at every checkpoint.

    text: 500 to 200,000 characters of your own, or prose, tales, captions or code. seconds: 2 to 60. seed: of weights,
    batches and samples. prompt: what each sample follows. Bits are bits a character; ``held_out_interval`` is the 95 %
    interval over blocks of the held-out tenth. The last result holds the model, a safetensors file in base64.
    """
    check_number("The seconds to train", seconds, 2, MOST_SECONDS)
    check_text("The text", text, MOST)
    check_text("The prompt", prompt, train.MOST_PROMPT)
    name, own = (text, "") if text in DIETS else ("", text or " ")
    for event in train.trained(name, own, seconds=float(seconds), seed=seed, prompt=prompt):
        if isinstance(event, Evidence):
            yield _result(event.value, seed)


def _result(value: train.Trained, seed: int) -> dict[str, Any]:
    last = value.last
    mean, low, high = bits(last.held_out[0])
    return {
        "step": last.step, "seconds": last.seconds, "seed": seed, "training_bits": last.loss, "held_out_bits": mean,
        "held_out_interval": [low, high] if len(last.held_out[0]) > 1 else None, "uniform_bits": value.chance,
        "pair_bits": value.pairs, "sample": last.samples[0], "known_words": known_words(last.samples[0], value.text),
        "characters": value.characters, "weights": value.weights, "finished": value.file is not None,
        "model": base64.b64encode(value.file).decode() if value.file else None,
    }  # fmt: skip


ENDPOINTS = (Endpoint(train_text, "processor"),)
