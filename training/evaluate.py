"""Measure the painter: prompts by kind, several seeds each, read by the judge.

    python -m training.evaluate [--seeds 4]

Prints the table, writes it to ``models/painter/metrics.json`` and into the painter's model card.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engines.models.weights import fingerprint
from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.statistics import wilson
from engines.stickers import scenes as world
from engines.stickers.detector import JudgeModel, Reading
from engines.stickers.scenes import Plan, Thing
from training import tools
from training.autoencoder import to_pictures
from training.painter import Painter, load, pipeline

TARGETS = {
    "single object": 0.95, "background": 0.95, "both of two objects": 0.80, "relation": 0.70,
    "count of 2, 3 or 4": 0.60, "held-out background": 0.85,
}  # fmt: skip
MARKS = "<!-- metrics -->", "<!-- end of metrics -->"


@dataclass(frozen=True)
class Prompt:
    """One thing to ask for, and the kind of question it belongs to."""

    kind: str
    plan: Plan

    @property
    def text(self) -> str:
        return world.phrasings(self.plan)[0]


def _drawn(r: random.Random, kind: world.Kind, wanted: int) -> list[Plan]:
    """Seen combinations, none twice, without colour words."""
    plans: dict[str, Plan] = {}
    while len(plans) < wanted:
        drawn = world.plan(r.randrange(10**9), kind)
        if not any(thing.colour for thing in drawn.things):
            plans.setdefault(world.phrasings(drawn)[0], drawn)
    return list(plans.values())


def prompts(seed: int = 0) -> list[Prompt]:
    """The fixed set: seen singles of every object, pairs, counts and colours, and what was held out."""
    r = random.Random(seed)
    places = world.BACKGROUNDS
    kept = world.held_out()
    made = []
    for name in world.OBJECTS:
        while True:
            drawn = Plan("single", (Thing(name),), 1, r.choice(places))
            if not world.is_held_out(drawn) and world.OWN_COLOUR.get(name) != drawn.background:
                break
        made.append(Prompt("single", drawn))
    made += [Prompt("pair", drawn) for drawn in _drawn(r, "pair", 48)]
    made += [Prompt("count", drawn) for drawn in _drawn(r, "count", 48)]
    for name in world.OWN_COLOUR:
        paints = [paint for paint in world.PAINTS if (name, paint) not in kept["colours"]]
        for paint in r.sample(paints, 2):
            place = r.choice([place for place in world.SCENIC if (name, place) not in kept["backgrounds"]])
            made.append(Prompt("colour", Plan("single", (Thing(name, paint),), 1, place)))
    white = "white"
    for kind, plan in (
        *(("background", Plan("single", (Thing(str(name)),), 1, str(place))) for name, place in kept["backgrounds"]),
        *(("colour", Plan("single", (Thing(str(name), str(paint)),), 1, white)) for name, paint in kept["colours"]),
        *(("count", Plan("count", (Thing(str(name)),), int(count), white)) for name, count in kept["counts"]),
        *(("pair", Plan("pair", (Thing(str(a)), Thing(str(b))), 1, white, "left")) for a, b in kept["pairs"]),
    ):
        made.append(Prompt(f"held-out {kind}", plan))
    made.sort(key=lambda prompt: (prompt.kind, prompt.text))
    return made


def answers(prompt: Prompt, reading: Reading) -> dict[str, bool | None]:
    """The questions that one painted picture answers, right or wrong; None where the judge cannot tell.

    What is plainly there counts as right though something else in the picture cannot be told; what is missing may be
    that, and counts neither way. So the shares of such questions are rather too high, and :func:`of_all` their floor.
    """
    plan, counts = prompt.plan, reading.counts()
    names = {thing.name for thing in plan.things}
    background = reading.background == plan.background
    right: dict[str, bool] = {}
    if not prompt.kind.startswith("held-out"):
        right["background"] = background
    if prompt.kind == "single":
        right["single object"] = set(counts) == names
    if prompt.kind == "pair":
        first, second = (thing.name for thing in plan.things)
        right["both of two objects"] = names <= set(counts)
        right["relation"] = reading.relation(first, second) == plan.relation
    if prompt.kind == "count":
        right["count of 2, 3 or 4"] = counts == {plan.things[0].name: plan.count}
        right[f"count of {plan.count}"] = right["count of 2, 3 or 4"]
    if prompt.kind == "colour":
        thing = plan.things[0]
        right["colour of an object"] = reading.colour(thing.name) == thing.colour
    if prompt.kind == "held-out background":
        right[prompt.kind] = background and set(counts) == names
    if prompt.kind == "held-out colour":
        right[prompt.kind] = reading.colour(plan.things[0].name) == plan.things[0].colour
    if prompt.kind == "held-out count":
        right[prompt.kind] = counts == {plan.things[0].name: plan.count}
    if prompt.kind == "held-out pair":
        right[prompt.kind] = names <= set(counts)

    def unless_unclear(question: str, right: bool) -> bool | None:
        if question == "background":
            return None if reading.background_unclear else right
        there_is = question in (
            "both of two objects",
            "relation",
            "colour of an object",
            "held-out colour",
            "held-out pair",
        )
        return None if reading.unclear and not (right and there_is) else right

    return {question: unless_unclear(question, answer) for question, answer in right.items()}


@torch.no_grad()
def paint(
    painter: Painter, autoencoder: PocketAutoencoder, texts: Sequence[str], seeds: Sequence[int],
    where: torch.device, steps: int, guidance: float, dtype: torch.dtype,
) -> np.ndarray:  # fmt: skip
    """Pictures uint8 ``[N, 128, 128, 3]`` by the stock pipeline, 16 at a time side by side."""

    def one(chunk: np.ndarray) -> np.ndarray:
        with tools.autocast(where, dtype):
            return pipeline(painter, autoencoder)(
                [texts[index] for index in chunk], num_inference_steps=steps, guidance_scale=guidance,
                generator=[torch.Generator().manual_seed(seeds[index]) for index in chunk],
                height=world.SIZE, width=world.SIZE, output_type="np",
            ).images  # fmt: skip

    chunks = np.array_split(np.arange(len(texts)), max(1, len(texts) // 16))
    pictures = np.concatenate(tools.side_by_side(one, chunks, where))
    return (pictures * 255).round().astype(np.uint8)


def measure(
    painter: Painter, autoencoder: PocketAutoencoder, judge: JudgeModel, chosen: Sequence[Prompt], seed: int,
    scores: dict[str, list[bool | None]], options: argparse.Namespace, where: torch.device,
) -> None:  # fmt: skip
    """Paint every prompt at one seed and add what is right to ``scores``."""
    dtype = torch.bfloat16 if options.bf16 else torch.float32
    texts = [prompt.text for prompt in chosen]
    pictures = paint(painter, autoencoder, texts, [seed] * len(texts), where, options.steps, options.guidance, dtype)
    for start in range(0, len(chosen), 50):
        readings = judge.read(to_pictures(pictures[start : start + 50], where))
        for prompt, reading in zip(chosen[start : start + 50], readings, strict=True):
            for question, right in answers(prompt, reading).items():
                scores.setdefault(question, []).append(right)


def tabulate(scores: dict[str, list[bool | None]], seeds: int) -> dict[str, dict[str, Any]]:
    """Each question's share right of what was told with its Wilson interval, what was not told, prompts, target."""
    return {
        question: tools.score(wilson(decided.count(True), max(1, len(decided))))
        | {"untold": len(values) - len(decided), "prompts": len(values) // seeds, "target": TARGETS.get(question)}
        for question, values in scores.items()
        for decided in [[value for value in values if value is not None]]
    }


def as_markdown(table: dict[str, dict[str, Any]]) -> str:
    """The table for the model card."""
    lines = [
        "| question | prompts | right of told | cannot tell | share | 95 % interval | of all | target |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for question, row in table.items():
        target = f"{row['target']:.0%}" if row["target"] else "–"
        lines.append(
            f"| {question} | {row['prompts']} | {row['right']} of {row['of']} | {row['untold']} | {row['rate']:.1%} "
            f"| {row['low']:.1%}–{row['high']:.1%} | {of_all(row):.1%} | {target} |"
        )
    return "\n".join(lines)


def of_all(row: dict[str, Any]) -> float:
    """The share right when what the judge cannot tell counts as wrong."""
    return row["right"] / max(1, row["of"] + row["untold"])


def write_into_card(card: Path, text: str) -> None:
    """Replace what stands between the card's metric marks; a card without marks is left alone."""
    old = card.read_text() if card.exists() else ""
    pattern = re.compile(f"{re.escape(MARKS[0])}.*?{re.escape(MARKS[1])}", re.DOTALL)
    if pattern.search(old):
        card.write_text(pattern.sub(lambda _: f"{MARKS[0]}\n{text}\n{MARKS[1]}", old))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--limit", type=int, default=0, help="only this many prompts (0: all)")
    parser.add_argument("--bf16", action="store_true", help="paint in bfloat16 mixed precision")
    parser.add_argument("--models", type=Path, default=tools.MODELS)
    parser.add_argument("--no-card", action="store_true", help="print only")
    options = parser.parse_args(arguments)
    where = tools.device()
    painter = load(options.models / "painter")
    painter.modules().to(where)
    autoencoder = PocketAutoencoder.from_pretrained(options.models / "autoencoder", torch_dtype=torch.float32)
    judge = JudgeModel.from_pretrained(options.models / "judge", torch_dtype=torch.float32)
    chosen = prompts()
    if options.limit:
        chosen = random.Random(0).sample(chosen, options.limit)
    began = time.monotonic()
    scores: dict[str, list[bool | None]] = {}
    for seed in range(options.seeds):
        measure(painter, autoencoder.to(where), judge.to(where), chosen, seed, scores, options, where)
        how = (
            f"{len(chosen)} prompts × {seed + 1} seeds (from 0), DDIM {options.steps} steps, guidance "
            f"{options.guidance:g}, {'bfloat16 mixed' if options.bf16 else 'float32'}, stock "
            f"StableDiffusionPipeline, read by the bundled judge. The intervals take every picture for a trial of its "
            "own; the seeds of one prompt are more alike than that."
        )
        table = tabulate(scores, seed + 1)
        print(f"{how}\n\n{as_markdown(table)}\n\n{time.monotonic() - began:.0f} s", flush=True)
        if not options.no_card:
            metrics = {"weights": fingerprint(options.models / "painter"), "how": how, "questions": table}
            text = json.dumps(metrics, indent=1) + "\n"
            (options.models / "painter" / "metrics.json").write_text(text)
            write_into_card(options.models / "painter" / "README.md", f"{how}\n\n{as_markdown(table)}")


if __name__ == "__main__":
    main()
