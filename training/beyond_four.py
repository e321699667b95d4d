"""Measure the judge on true scenes of five and six things, which it was never shown: how many of them it sees.

    python -m training.beyond_four

The judge calls a picture of five or six wrong where it surely sees a large thing, and fewer of it than in nearly every
true scene of so many (``engines.stickers.judge.fewest``). So this renders four (which it knows), five and six of each
thing, reads them after the autoencoder, and writes ``models/sticker-world/beyond_four.json``. Scenes that are unclear
to it, and those in which it sees small things only, are counted apart.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.stickers import judge
from engines.stickers import scenes as world
from training import tools
from training.fingers import round_trip

FIRST_SEED = 710_000
PLACES = {
    4: ((0.27, 0.28), (0.73, 0.28), (0.27, 0.74), (0.73, 0.74)),
    5: ((0.25, 0.25), (0.75, 0.25), (0.5, 0.5), (0.25, 0.75), (0.75, 0.75)),
    6: ((0.2, 0.3), (0.5, 0.3), (0.8, 0.3), (0.2, 0.72), (0.5, 0.72), (0.8, 0.72)),
}
SIZES = {4: 0.38, 5: 0.32, 6: 0.3}
"""Longer sides as shares of the picture's: as large as the layout allows without much overlap."""


def picture(name: str, number: int, seed: int) -> np.ndarray:
    """uint8 [128, 128, 3]: ``number`` of a thing on white, or on blue where it is as pale as white."""
    r = random.Random(f"beyond {seed}")
    scene = world.background("blue" if name == "moon" else "white", r)
    shape = world.sticker(name)
    factor = SIZES[number] * world.SIZE / max(shape.size)
    size = (max(1, round(shape.width * factor)), max(1, round(shape.height * factor)))
    shape = shape.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    for x, y in PLACES[number]:
        left = round((x + r.uniform(-0.015, 0.015)) * world.SIZE - shape.width / 2)
        top = round((y + r.uniform(-0.015, 0.015)) * world.SIZE - shape.height / 2)
        scene.alpha_composite(shape, (max(0, left), max(0, top)))
    return np.asarray(scene.convert("RGB"))


def measure(number: int, each: int, autoencoder: PocketAutoencoder) -> dict[str, int]:
    """How many scenes of ``number`` things the judge reads as how many: {"4": 90, "small": 7, "unclear": 1}."""
    names = [name for name in world.OBJECTS if name != "hand" for _ in range(each)]
    true = np.stack([picture(name, number, FIRST_SEED + at) for at, name in enumerate(names)])
    readings = judge.load().look(round_trip(true, autoencoder))
    seen = Counter(
        "unclear" if reading.unclear else str(reading.counts()[name]) if judge.has_large(reading, name) else "small"
        for reading, name in zip(readings, names, strict=True)
    )
    return {count: seen[count] for count in sorted(seen)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pictures", type=int, default=6, help="of each thing and number")
    options = parser.parse_args(arguments)
    autoencoder = PocketAutoencoder.from_pretrained(tools.MODELS / "autoencoder", torch_dtype=torch.float32).eval()
    record: dict[str, Any] = {
        "badge": "recorded",
        "how": f"{options.pictures} true renderings of four, five and six of each of {len(world.OBJECTS) - 1} things "
        f"(seeds from {FIRST_SEED}), after the autoencoder, read by the bundled judge; python -m training.beyond_four.",
        "judge": judge.load().revision,
        "seen": {str(number): measure(number, options.pictures, autoencoder) for number in PLACES},
    }
    text = json.dumps(record, indent=1) + "\n"
    print(text)
    (Path(tools.MODELS) / "sticker-world" / "beyond_four.json").write_text(text)


if __name__ == "__main__":
    main()
