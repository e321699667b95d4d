"""Measure the autoencoder and the shared space on scenes that nobody trained on.

    python -m training.measure

Writes ``metrics.json`` beside the weights of both; their cards quote it. The painter has ``training.evaluate``, the
judge ``training.judge --measure``, the sign painters ``training.signs --evaluate``.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from engines.models.weights import fingerprint
from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.statistics import wilson
from engines.stickers import judge
from engines.stickers import scenes as world
from engines.stickers.seed_ranges import UNSEEN
from engines.stickers.shared_space import SharedSpace
from training import data, tools
from training.fingers import round_trip
from training.painter import latents_of

GROUP = 20
"""Captions among which the shared space has to find a scene's own."""


def decibels(pictures: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """PSNR of each picture uint8 [n, H, W, 3] in dB, after rounding to 8 bits."""
    errors = (pictures.astype(np.float32) - restored.astype(np.float32)) ** 2
    return 10 * np.log10(255**2 / errors.mean(axis=(1, 2, 3)).clip(1e-9))


def autoencoder_metrics(autoencoder: PocketAutoencoder, scenes: int, signs: int) -> dict[str, Any]:
    """PSNR over unseen scenes, and how many unseen signs the reader reads before and after the round trip."""
    pictures = data.scenes(UNSEEN, scenes).pictures
    measured = np.concatenate([
        decibels(part, round_trip(np.asarray(part), autoencoder))
        for part in np.array_split(pictures, max(1, scenes // 50))
    ])  # fmt: skip
    boards = data.scenes(UNSEEN, signs, "sign")
    drawn = np.asarray(boards.pictures)
    words = [data.plan_of(record).word or "" for record in boards.records]
    read = {
        how: [reading.spells(word) for reading, word in zip(judge.read_text(shown), words, strict=True)]
        for how, shown in (("as_rendered", drawn), ("after_the_round_trip", round_trip(drawn, autoencoder)))
    }
    short = [right for right, word in zip(read["after_the_round_trip"], words, strict=True) if len(word) <= 6]
    margin = 1.96 * float(measured.std(ddof=1)) / math.sqrt(len(measured))
    mean = float(measured.mean())
    return {
        "psnr_db": {"mean": round(mean, 2), "low": round(mean - margin, 2), "high": round(mean + margin, 2),
                    "scenes": len(measured)},
        "signs_read": {how: tools.score(wilson(sum(right), signs)) for how, right in read.items()}
        | {"after_the_round_trip_up_to_6_letters": tools.score(wilson(sum(short), len(short)))},
    }  # fmt: skip


def space_metrics(autoencoder: PocketAutoencoder, scenes: int) -> dict[str, Any]:
    """How often the nearest of :data:`GROUP` captions is the scene's own, and the nearest scene the caption's own."""
    from transformers import AutoTokenizer, CLIPTextModel

    folder = tools.MODELS / "painter"
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32).eval()
    space = SharedSpace.from_pretrained(tools.MODELS / "space", torch_dtype=torch.float32).eval()
    unseen = data.scenes(UNSEEN, scenes)
    captions = [world.phrasings(data.plan_of(record))[0] for record in unseen.records]
    latents = latents_of(autoencoder, unseen.pictures, torch.device("cpu")).float()
    right = {"captions": 0, "scenes": 0}
    with torch.no_grad():
        for start in range(0, scenes, GROUP):
            words = captions[start : start + GROUP]
            given = tokenizer(words, padding="max_length", truncation=True, return_tensors="pt")
            alike = space(latents[start : start + GROUP], encoder(given.input_ids).pooler_output)
            for row, own in enumerate(words):  # captions of one group can be the same words
                right["captions"] += words[int(alike[row].argmax())] == own
                right["scenes"] += words[int(alike[:, row].argmax())] == own
    return {f"own_{name}_found": tools.score(wilson(count, scenes)) for name, count in right.items()} | {"group": GROUP}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scenes", type=int, default=1_000)
    parser.add_argument("--signs", type=int, default=40)
    parser.add_argument("--pairs", type=int, default=400)
    options = parser.parse_args(arguments)
    autoencoder = PocketAutoencoder.from_pretrained(tools.MODELS / "autoencoder", torch_dtype=torch.float32).eval()
    for name, metrics in (
        ("autoencoder", autoencoder_metrics(autoencoder, options.scenes, options.signs)),
        ("space", space_metrics(autoencoder, options.pairs)),
    ):
        metrics = {"weights": fingerprint(tools.MODELS / name), **metrics}
        print(name, json.dumps(metrics, indent=1), flush=True)
        (tools.MODELS / name / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")


if __name__ == "__main__":
    main()
