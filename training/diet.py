"""Write down what the painter was fed: statistics of every training scene, and a contact sheet to browse.

    python -m training.diet

It counts the scenes of the bundled painter's last stage, which hold those of the stages before. Writes
``models/sticker-world/statistics.json``, ``contact-sheet.webp`` and ``contact-sheet.json``.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from engines.stickers import scenes as world
from training import data, tools

TILE, ACROSS = 128, 20


def statistics(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How many scenes hold each object, colour, background, count, pair, relation and word."""
    names = ("kinds", "objects", "backgrounds", "object_backgrounds", "object_counts", "object_colours")
    counts: dict[str, Counter[str]] = {name: Counter() for name in (*names, "counts", "pairs", "relations")}
    counts |= {"words": Counter(), "board_colours": Counter()}
    for record in records:
        plan = data.plan_of(record)
        counts["kinds"][plan.kind] += 1
        counts["backgrounds"][plan.background] += 1
        if plan.word is not None:
            counts["words"][plan.word] += 1
            counts["board_colours"][plan.things[0].colour or ""] += 1
        for thing in plan.things:
            counts["objects"][thing.name] += 1
            counts["object_backgrounds"][f"{thing.name} | {plan.background}"] += 1
            if colour := thing.colour or world.OWN_COLOUR.get(thing.name):
                counts["object_colours"][f"{thing.name} | {colour}"] += 1
        if plan.kind == "pair":
            counts["pairs"][" | ".join(sorted(thing.name for thing in plan.things))] += 1
            counts["relations"][plan.relation or ""] += 1
        elif plan.kind != "sign":
            counts["counts"][str(plan.count)] += 1
            counts["object_counts"][f"{plan.things[0].name} | {plan.count}"] += 1
    vocabulary: Counter[str] = Counter()
    for record in records:
        vocabulary.update(record["caption"].lower().replace(",", "").split())
    return {
        "scenes": len(records),
        "sloppy": sum(record["sloppy"] for record in records),
        "note": "Scenes of seeds 0 to scenes - 1. A pair counts once, whichever comes first; 'left' means the "
        "first object is to the left of the second, 'above' that it is above. Colours of objects count "
        "the sticker's own colour too. 'caption_words' counts the captions as recorded.",
        **{name: dict(counter.most_common()) for name, counter in counts.items()},
        "caption_words": dict(vocabulary.most_common(1000)),
        "known": {
            "objects": {name: world.PLURAL.get(name, name + "s") for name in world.OBJECTS},
            "backgrounds": {name: list(world.SCENIC.get(name, ())) for name in world.BACKGROUNDS},
            "paints": list(world.PAINTS),
            "own_colours": world.OWN_COLOUR,
            "words": list(world.WORDS),
        },
        "held_out": yaml.safe_load((Path(world.__file__).parent / "held_out.yaml").read_text()),
    }


def contact_sheet(scenes: data.Scenes, count: int) -> tuple[Image.Image, list[dict[str, Any]]]:
    """The first ``count`` scenes as tiles of one picture, row by row, and what each tile shows."""
    sheet = Image.new("RGB", (ACROSS * TILE, -(-count // ACROSS) * TILE))
    tiles = []
    for index in range(count):
        picture = Image.fromarray(scenes.pictures[index]).resize((TILE, TILE), Image.Resampling.LANCZOS)
        x, y = index % ACROSS * TILE, index // ACROSS * TILE
        sheet.paste(picture, (x, y))
        record = scenes.records[index]
        tiles.append({"seed": index, "x": x, "y": y, **{key: record[key] for key in ("caption", "sloppy", "plan")}})
    return sheet, tiles


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Write the diet's statistics and contact sheet.")
    parser.add_argument("--scenes", type=int, default=data.ON_A_CARD)
    parser.add_argument("--tiles", type=int, default=300)
    parser.add_argument("--out", type=Path, default=tools.MODELS / "sticker-world")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    scenes = data.scenes(0, options.scenes)
    (options.out / "statistics.json").write_text(json.dumps(statistics(scenes.records), indent=1) + "\n")
    sheet, tiles = contact_sheet(scenes, min(options.tiles, options.scenes))
    sheet.save(options.out / "contact-sheet.webp", quality=82, method=6)
    described = {"tile": TILE, "across": ACROSS, "tiles": tiles}
    (options.out / "contact-sheet.json").write_text(json.dumps(described) + "\n")


if __name__ == "__main__":
    main()
