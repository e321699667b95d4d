"""What the tile writer can do: the painter's prompts and seeds, read by the same judge; ``python -m training.tiles``.

Beside each share stands the painter's own, as ``training/evaluate.py`` measured it.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from engines.pictures import painter as painters
from engines.pictures import tiles
from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.pictures.tiles import TileWriter, tile_writer
from engines.statistics import mean_interval, wilson
from engines.stickers import judge
from engines.stickers.seed_ranges import UNSEEN
from training import data, tools
from training.codebook import measured
from training.evaluate import Prompt, answers, of_all, prompts, write_into_card

ROWS = 32


def judged(writer: TileWriter, chosen: Sequence[Prompt], seeds: int, guidance: float) -> dict[str, list[bool | None]]:
    """Every prompt written from each seed: the answers by question, None where the judge cannot tell."""
    scores: dict[str, list[bool | None]] = {}
    asked = [(prompt, seed) for seed in range(seeds) for prompt in chosen]
    for first in range(0, len(asked), ROWS):
        some = asked[first : first + ROWS]
        captions, dice = [prompt.text for prompt, _ in some], [seed for _, seed in some]
        pictures = writer.decode(tiles.written(writer, captions, dice, guidance_scale=guidance))
        for (prompt, _), reading in zip(some, judge.load().look(pictures), strict=True):
            for question, right in answers(prompt, reading).items():
                scores.setdefault(question, []).append(right)
        print(f"{first + len(some)} of {len(asked)} pictures", flush=True)
    return scores


def shares(scores: dict[str, list[bool | None]], painted: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """For every question what was right of what was told, with its Wilson interval, and the same of the painter."""
    table = {}
    for question, values in scores.items():
        decided = [value for value in values if value is not None]
        own = tools.score(wilson(decided.count(True), len(decided))) | {"untold": len(values) - len(decided)}
        if question in painted:
            table[question] = {"tile writer": own, "sculptor": painted[question]}
    return table


def bits(writer: TileWriter, count: int) -> dict[str, list[float]]:
    """Bits a tile of ``count`` held-out scenes, and how many more after another scene's caption and after none.

    Each as the mean and its 95 % interval over the scenes.
    """
    scenes = data.scenes(UNSEEN, count)
    captions = [record["caption"] for record in scenes.records]
    conditions = {"own caption": captions, "another caption": captions[1:] + captions[:1], "no caption": [""] * count}
    written = np.concatenate([writer.encode(scenes.pictures[first : first + 32]) for first in range(0, count, 32)])
    costs = {
        name: np.concatenate([
            writer.bits(some[first : first + 32], written[first : first + 32]).mean((1, 2))
            for first in range(0, count, 32)
        ])
        for name, some in conditions.items()
    }  # fmt: skip
    own = costs.pop("own caption")
    rows = {"own caption": own} | {f"more after {name}": cost - own for name, cost in costs.items()}
    return {"scenes": [float(count)]} | {name: [round(x, 3) for x in mean_interval(row)] for name, row in rows.items()}


def as_markdown(table: dict[str, dict[str, Any]]) -> str:
    """The table for the model card."""

    def cells(share: dict[str, Any]) -> str:
        interval = f"{share['rate']:.1%} ({share['low']:.1%}–{share['high']:.1%})"
        return f"{share['right']} of {share['of']} | {share['untold']} | {interval} | {of_all(share):.1%}"

    lines = [
        "| question | tile writer: right of told | cannot tell | share, 95 % interval | of all | diffusion painter | "
        "cannot tell | share, 95 % interval | of all |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [f"| {name} | {cells(by['tile writer'])} | {cells(by['sculptor'])} |" for name, by in table.items()]
    return "\n".join(lines)


def card(metrics: dict[str, Any]) -> str:
    """What stands between the marks of the model card."""
    costs, rounding = metrics["bits_a_tile"], metrics["codebook"]

    def interval(name: str, sign: str = "") -> str:
        mean, low, high = costs[name]
        return f"{sign}{mean:.2f} ({low:.2f}–{high:.2f})"

    summary = (
        f"Bits a tile of {costs['scenes'][0]:g} held-out scenes (95 % interval over the scenes): "
        f"{interval('own caption')} after their own caption, "
        f"{interval('more after another caption', '+')} after another scene's, "
        f"{interval('more after no caption', '+')} after none."
    )
    codebook = (
        f"Rounding, on {rounding['pictures']} held-out scenes: {rounding['psnr_db']} dB, "
        f"{rounding['psnr_db_without_rounding']} without it; {rounding['entries_in_use']} of {rounding['entries']} "
        f"entries in use, {rounding['bits_a_tile']} bits a tile by frequency alone."
    )
    return f"{metrics['how']}\n\n{as_markdown(metrics['questions'])}\n\n{summary} {codebook}"


def evaluate(options: argparse.Namespace) -> None:
    """Measure the bundled tile writer and write ``metrics.json`` and the card."""
    where = tools.device()
    writer = tile_writer(painters.load(None))
    chosen = prompts()
    if options.limit:
        chosen = random.Random(0).sample(chosen, options.limit)
    began = time.monotonic()
    painted = json.loads((tools.MODELS / "painter" / "metrics.json").read_text())["questions"]
    table = shares(judged(writer, chosen, options.seeds, tiles.GUIDANCE), painted)
    autoencoder = PocketAutoencoder.from_pretrained(tools.MODELS / "autoencoder", torch_dtype=torch.float32)
    held_out = data.scenes(UNSEEN, options.validation).pictures
    rounding = measured(writer.codebook, autoencoder.to(where), held_out, where)
    how = (
        f"{len(chosen)} prompts × {options.seeds} seeds (from 0), guidance {tiles.GUIDANCE:g}, temperature "
        f"{tiles.DIALS.temperature:g}, top-p {tiles.DIALS.top_p:g}, read by the bundled judge; beside it the painter's "
        "own figures of the same prompts and seeds. The intervals take every picture for a trial of its own; the seeds "
        "of one prompt are more alike than that."
    )
    costs = bits(writer, min(options.validation, 192) // 32 * 32)
    print(f"{how}\n\n{as_markdown(table)}\n\n{costs}\n{rounding}\n{time.monotonic() - began:.0f} s", flush=True)
    metrics = {
        "weights": writer.revision, "how": how, "questions": table, "bits_a_tile": costs, "codebook": rounding,
    }  # fmt: skip
    (tiles.FOLDER / "metrics.json").write_text(json.dumps(metrics, indent=1, ensure_ascii=False) + "\n")
    write_into_card(tiles.FOLDER / "README.md", card(metrics))
