"""Measure the judge where its training could have a gap: the colours of objects that were held out.

    python -m training.blind_spot

A judge that learned from the painter's scenes alone read true renderings of these colours right in 24 of 128. So this
renders every held-out colour truly, reads it as drawn and after the autoencoder, and writes
``models/sticker-world/blind_spot.json``. If a judge fails here, nobody should hold the painter to its word.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.statistics import wilson
from engines.stickers import judge
from engines.stickers import scenes as world
from training import tools
from training.fingers import round_trip

FIRST_SEED = 700_000


def pictures(name: str, colour: str, count: int) -> np.ndarray:
    """uint8 [count, 128, 128, 3]: one thing in a colour, on white and on the scenes it may stand in."""
    kept = world.held_out()["backgrounds"]
    places = ["white", *(place for place in world.SCENIC if (name, place) not in kept)]
    drawn = (
        world.render(world.Plan("single", (world.Thing(name, colour),), 1, places[at % len(places)]), FIRST_SEED + at)
        for at in range(count)
    )
    return np.stack([np.asarray(scene.picture) for scene in drawn])


def measure(pairs: Sequence[tuple[str, str]], count: int, autoencoder: PocketAutoencoder) -> dict[str, Any]:
    """How often the judge names a thing and its colour, on true pictures; "by_pair" after the autoencoder."""
    using, drawn, passed = judge.load(), 0, {}
    for name, colour in pairs:
        true = pictures(name, colour, count)
        drawn += sum(reading.colour(name) == colour for reading in using.look(true))
        back = using.look(round_trip(true, autoencoder))
        passed[f"{colour} {name}"] = sum(reading.colour(name) == colour for reading in back)
    total = len(pairs) * count
    scores = {}
    for how, right in (("as rendered", drawn), ("after the autoencoder", sum(passed.values()))):
        scores[how] = tools.score(wilson(right, total))
    return {**scores, "by_pair": {pair: [right, count] for pair, right in passed.items()}}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pictures", type=int, default=16, help="of each colour")
    options = parser.parse_args(arguments)
    autoencoder = PocketAutoencoder.from_pretrained(tools.MODELS / "autoencoder", torch_dtype=torch.float32).eval()
    held = [(str(name), str(colour)) for name, colour in sorted(world.held_out()["colours"])]
    seen = [
        (name, paint) for name in world.OWN_COLOUR for paint in world.PAINTS if (name, paint) not in held
    ]  # fmt: skip
    shown = measure(seen, 4, autoencoder)
    record = {
        "badge": "recorded",
        "how": f"{options.pictures} true renderings of each of {len(held)} held-out colours, and 4 of each of "
        f"{len(seen)} colours that were shown (seeds from {FIRST_SEED}), read by the bundled judge; "
        "python -m training.blind_spot.",
        "judge": judge.load().revision,
        "held_out_colours": measure(held, options.pictures, autoencoder),
        "shown_colours": {name: score for name, score in shown.items() if name != "by_pair"},
    }
    text = json.dumps(record, indent=1) + "\n"
    print(text)
    (Path(tools.MODELS) / "sticker-world" / "blind_spot.json").write_text(text)


if __name__ == "__main__":
    main()
