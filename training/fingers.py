"""Measure the finger counter on hands whose fingers are known, before anyone believes it about painted ones.

    python -m training.fingers [--hands 600]

Renders Sticker World's hand in every skin, both ways round, at the sizes and places of the training scenes and on
every background, whole or with one or two fingers erased; counts the fingers as rendered and again after the
autoencoder's round trip; writes ``models/sticker-world/fingers.json``. Seeds from 500,000 on: the counter's three
numbers were chosen on other hands.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFilter

from engines.models.weights import fingerprint
from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.statistics import wilson
from engines.stickers import scenes as world
from engines.stickers.fingers import PROMINENCE, REACH, SMOOTH, count_fingers
from training import tools

FIRST_SEED = 500_000
FINGERS = ("little", "ring", "middle", "index", "thumb")


@dataclass(frozen=True)
class Rendered:
    """A picture uint8 [128, 128, 3] of one hand, and how many of its fingers were left on."""

    picture: np.ndarray
    fingers: int
    background: str
    skin: str


def erase(shape: Image.Image, gone: Sequence[str]) -> Image.Image:
    """The hand sticker, upright and not flipped, without some fingers: cut at the palm, with a soft edge."""
    if not gone:
        return shape
    width, height = shape.size
    y, x = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
    palm = ((x - 0.40) / 0.40) ** 2 + ((y - 0.68) / 0.34) ** 2 <= 1
    places = {
        "little": (x < 0.20) & (y < 0.56),
        "ring": (x >= 0.15 + 0.12 * y) & (x < 0.365) & (y < 0.56),
        "middle": (x >= 0.335) & (x < 0.575) & (y < 0.56),
        "index": (x >= 0.545) & (x < 0.775) & (y < 0.56) & ~((x > 0.745) & (y > 0.40)),
        "thumb": ((x > 0.775) & (y > 0.30)) | ((x > 0.70) & (y > 0.40)),
    }
    cut = np.any([places[finger] for finger in gone], axis=0) & ~palm
    soft = Image.fromarray((~cut * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(width / 90))
    alpha = np.asarray(shape.getchannel("A")).astype(np.float32) * np.asarray(soft) / 255
    pixels = np.asarray(shape).copy()
    pixels[..., 3] = alpha.round().astype(np.uint8)
    return Image.fromarray(pixels, "RGBA")


def render(seed: int) -> Rendered:
    """The hand of a seed; every third one whole, the others without one or two fingers."""
    r = random.Random(f"fingers {seed}")
    gone = r.sample(FINGERS, seed % 3)
    background, skin = r.choice(world.BACKGROUNDS), r.choice(world.SKINS)
    picture = world.background(background, r)
    shape = erase(world.sticker("hand", None, skin), gone)
    (x, y, size), *_ = world._places(world.Plan("single", (world.Thing("hand"),), 1, background), r)
    factor = size * world.SIZE / max(shape.size)
    small = (round(shape.width * factor), round(shape.height * factor))
    shape = shape.resize(small, Image.Resampling.BILINEAR, reducing_gap=2.0)
    if r.random() < 0.5:
        shape = shape.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    corner = round(x * world.SIZE - shape.width / 2), round(y * world.SIZE - shape.height / 2)
    picture.alpha_composite(shape, (max(0, corner[0]), max(0, corner[1])))
    return Rendered(np.asarray(picture.convert("RGB")), len(FINGERS) - len(gone), background, skin)


@torch.no_grad()
def round_trip(pictures: np.ndarray, autoencoder: PocketAutoencoder) -> np.ndarray:
    """uint8 [n, 128, 128, 3] through encoder and decoder, 32 at a time."""
    pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    back = [autoencoder.decode(autoencoder.encode(some).latent_dist.mode()).sample for some in pixels.split(32)]
    shown = ((torch.cat(back).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return shown.permute(0, 2, 3, 1).numpy()


def measure(hands: Sequence[Rendered], pictures: np.ndarray, how: str) -> tuple[dict[str, Any], list[list[int]]]:
    """(scores by question, rows [true, counted, times]); -1 stands for no hand found."""
    counted: list[int | None] = []
    for first in range(0, len(pictures), 32):
        counted += [hand.fingers for hand in count_fingers(pictures[first : first + 32])]
    groups = {"five fingers": (5,), "three or four fingers": (3, 4), "three fingers": (3,), "four fingers": (4,)}
    scores = {}
    for name, wanted in groups.items():
        right = [said == hand.fingers for hand, said in zip(hands, counted, strict=True) if hand.fingers in wanted]
        scores[f"{name}, {how}"] = tools.score(wilson(sum(right), len(right)))
    pairs = [(hand.fingers, -1 if said is None else said) for hand, said in zip(hands, counted, strict=True)]
    return scores, [[*pair, pairs.count(pair)] for pair in sorted(set(pairs))]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--hands", type=int, default=600)
    parser.add_argument("--models", type=Path, default=tools.MODELS)
    parser.add_argument("--dry-run", action="store_true", help="print only")
    options = parser.parse_args(arguments)
    autoencoder = PocketAutoencoder.from_pretrained(options.models / "autoencoder", torch_dtype=torch.float32).eval()
    hands = [render(FIRST_SEED + number) for number in range(options.hands)]
    pictures = np.stack([hand.picture for hand in hands])
    drawn, drawn_table = measure(hands, pictures, "as rendered")
    passed, passed_table = measure(hands, round_trip(pictures, autoencoder), "after the autoencoder")
    record = {
        "badge": "recorded",
        "how": f"{len(hands)} rendered hands (seeds from {FIRST_SEED}), a third each with five, four and three "
        "fingers, in all skins, both ways round, at all sizes and on all backgrounds of the world, 128×128 pixels; "
        "python -m training.fingers.",
        "autoencoder": fingerprint(options.models / "autoencoder"),
        "counter": {"rays_averaged": SMOOTH, "prominence": PROMINENCE, "reach": REACH},
        "questions": drawn | passed,
        "true_counted_times": {"as rendered": drawn_table, "after the autoencoder": passed_table},
    }
    text = json.dumps(record, indent=1) + "\n"
    print(text)
    if not options.dry_run:
        (options.models / "sticker-world" / "fingers.json").write_text(text)


if __name__ == "__main__":
    main()
