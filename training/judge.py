"""Train the judge on rendered scenes, never on painted ones.

    python -m training.judge --minutes 10 [--resume]

Some of its pictures have been through the autoencoder with latent noise, or are the painter's guess of a scene that was
ruined with noise; others are blurred, dimmed or noisy, so that it does not lean on a crispness that painted pictures
lack. An eighth shows what ``held_out.yaml`` keeps from the painter: whoever judges whether a car came out purple must
have seen a purple car. And a quarter is strange (:mod:`training.strange`): there it learns to say that it cannot tell.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from engines.models.weights import fingerprint
from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.statistics import wilson
from engines.stickers import scenes as world
from engines.stickers.detector import GRID, JudgeModel, Reading
from engines.stickers.seed_ranges import DOUBT, UNSEEN, WITHHELD
from training import data, tools
from training import strange as odder
from training.autoencoder import to_pictures
from training.strange import Strange

OBJECTS = (*world.OBJECTS, "sign")
COLOURS = tuple(world.COLOURS)
CHECKPOINT = tools.CHECKPOINTS / "judge.pt"
IGNORED = -100
ANSWERED = 0.95


def targets(record: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, int]:
    """Class of each cell and colour of each object's cells (int64 ``[8, 8]``, -100: not asked), background."""
    centres = (np.arange(GRID) + 0.5) / GRID
    cells = np.zeros((GRID, GRID), np.int64)
    colours = np.full((GRID, GRID), IGNORED, np.int64)
    for thing in record["placed"]:
        distance = np.hypot(centres[None] - thing["x"], centres[:, None] - thing["y"]) * GRID
        cells[distance < 1.7] = IGNORED
        near = distance < max(0.75, distance.min() + 1e-6)
        cells[near] = 1 + OBJECTS.index(thing["name"])
        if colour := thing["colour"] or world.OWN_COLOUR.get(thing["name"]):
            colours[near] = COLOURS.index(colour)
    return cells, colours, world.BACKGROUNDS.index(record["plan"]["background"])


def withheld(first: int, count: int) -> data.Scenes:
    """``count`` rendered scenes, each with a combination of ``held_out.yaml``; half of them with a held-out colour."""
    kept: dict[str, list[Any]] = {name: sorted(rows) for name, rows in world.held_out().items()}
    pictures, records = [], []
    for seed in range(WITHHELD + first, WITHHELD + first + count):
        r = random.Random(f"withheld {seed}")
        kind = r.choice(("colours", "colours", "colours", "backgrounds", "counts", "pairs"))
        name, other = r.choice(kept[kind])
        hidden = (other, world.OWN_COLOUR.get(name), world.OWN_COLOUR.get(other))  # it would not stand out there
        place = r.choice([place for place in world.BACKGROUNDS if place not in hidden])
        if kind == "colours":
            plan = world.Plan("single", (world.Thing(name, other),), 1, place)
        elif kind == "backgrounds":
            plan = world.Plan("single", (world.Thing(name),), 1, other)
        elif kind == "counts":
            plan = world.Plan("count", (world.Thing(name),), other, place)
        else:
            two = r.sample((name, other), 2)
            plan = world.Plan("pair", tuple(map(world.Thing, two)), 1, place, relation=r.choice(("left", "above")))
        scene = world.render(plan, seed)
        pictures.append(np.asarray(scene.picture))
        records.append(data.record_of(scene))
    return data.Scenes(np.stack(pictures), records)


@dataclass(frozen=True, eq=False)
class Pool:
    """Pictures uint8 [n, 128, 128, 3] to draw from, and what there is to learn: see :func:`targets` and ``Strange``."""

    pictures: np.ndarray
    cells: np.ndarray
    colours: np.ndarray
    backgrounds: np.ndarray
    strange: np.ndarray

    @classmethod
    def of(cls, pictures: np.ndarray, records: Sequence[dict[str, Any]], strange: np.ndarray | None = None) -> Pool:
        """Rendered scenes, or what was made of them; nothing is named in a cell that is not plainly a scene's."""
        cells, colours, backgrounds = (np.stack(part) for part in zip(*map(targets, records), strict=True))
        if strange is None:
            strange = np.zeros(cells.shape, np.float32)
        odd = strange != 0
        return cls(pictures, np.where(odd, IGNORED, cells), np.where(odd, IGNORED, colours), backgrounds, strange)

    @classmethod
    def foreign(cls, odd: Strange) -> Pool:
        """Pictures in which nothing is to be named, not even a background."""
        nothing = np.full(odd.cells.shape, IGNORED, np.int64)
        return cls(odd.pictures, nothing, nothing, np.full(len(odd.pictures), IGNORED), odd.cells)


SHARES = {"scenes": 13, "round trips": 5, "withheld": 4, "guessed": 3, "broken": 3, "strange": 4}
"""How many of every 32 pictures come from which pool."""


def pools(options: argparse.Namespace, where: torch.device) -> dict[str, Pool]:
    """What the judge is trained on, by the names of ``SHARES``."""
    autoencoder = PocketAutoencoder.from_pretrained(options.autoencoder, torch_dtype=torch.float32).to(where)
    scenes, strange = data.scenes(0, options.scenes), withheld(0, options.withheld)
    few, odd = options.withheld // 4, options.strange
    tripped = np.concatenate([scenes.pictures[: options.round_trips], strange.pictures[:few]])
    captions = [record["caption"] for record in scenes.records]

    def part(count: int, place: int) -> slice:
        return slice(place * count, (place + 1) * count)

    first, second, third = (part(odd, place) for place in range(3))
    broken = odder.broken(np.asarray(scenes.pictures[first]), scenes.records[first], options.seed)
    guessed = odder.guesses(scenes.pictures[second], captions[second], odder.SURE, options.seed, where)
    lost = odder.guesses(scenes.pictures[third], captions[third], odder.UNSURE, options.seed + 1, where)
    blurred = odder.blurred(np.asarray(scenes.pictures[: odd // 2]), options.seed)
    foreign = odder.foreign(2 * odd, options.seed)
    return {
        "scenes": Pool.of(scenes.pictures, scenes.records),
        "round trips": Pool.of(
            round_trips(tripped, autoencoder, where), [*scenes.records[: options.round_trips], *strange.records[:few]]
        ),
        "withheld": Pool.of(strange.pictures, strange.records),
        "guessed": Pool.of(guessed, scenes.records[second]),
        "broken": Pool.of(broken.pictures, scenes.records[first], broken.cells),
        "strange": Pool.foreign(foreign + blurred + odder.whole(lost)),
    }


def soften(pictures: Tensor, chooser: np.random.Generator) -> Tensor:
    """Pictures ``[B, 3, 128, 128]`` blurred, re-toned or made noisy, one treatment for all."""
    kind = chooser.integers(5)
    if kind in (1, 2):
        least, most = ((0.35, 0.8), (0.12, 0.35))[kind - 1]
        small = functional.interpolate(pictures, scale_factor=float(chooser.uniform(least, most)), mode="area")
        return functional.interpolate(small, pictures.shape[-2:], mode="bilinear")
    if kind == 3:
        return (pictures * float(chooser.uniform(0.85, 1.2)) + float(chooser.uniform(-0.1, 0.1))).clamp(-1, 1)
    if kind == 4:
        return pictures + float(chooser.uniform(0.02, 0.15)) * torch.randn_like(pictures)
    return pictures


@torch.no_grad()
def round_trips(pictures: np.ndarray, autoencoder: PocketAutoencoder, where: torch.device) -> np.ndarray:
    """The same pictures after the autoencoder, with latent noise of deviation 0 to 0.3 on the way."""
    generator = torch.Generator().manual_seed(7)

    def one(chunk: tuple[np.ndarray, Tensor]) -> np.ndarray:
        pixels, noise = chunk
        with torch.no_grad(), tools.autocast(where, tools.encoding_precision(where)):
            latents = autoencoder.encode(to_pictures(pixels, where)).latent_dist.mode()
            restored = autoencoder.decode(latents.float() + noise.to(where)).sample.float()
        return ((restored.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()

    chunks = []
    for pixels in np.array_split(pictures, max(1, len(pictures) // 50)):
        level = 0.3 * torch.rand(len(pixels), 1, 1, 1, generator=generator)
        chunks.append((pixels, level * torch.randn(len(pixels), 4, 16, 16, generator=generator)))
    return np.concatenate(tools.side_by_side(one, chunks, where))


def loss_of(
    model: JudgeModel, pictures: Tensor, cells: Tensor, colours: Tensor, background: Tensor, strange: Tensor
) -> Tensor:
    """Cross-entropy of cells (objects weigh as much as emptiness), of colours, of the background, of strangeness."""
    cell_logits, colour_logits, background_logits, strange_logits = model(pictures)
    each = functional.cross_entropy(cell_logits.float(), cells, ignore_index=IGNORED, reduction="none")
    full = cells > 0
    loss = each[full].mean() + each[cells == 0].mean()
    loss = loss + functional.cross_entropy(background_logits.float(), background, ignore_index=IGNORED)
    if (colours != IGNORED).any():
        loss = loss + 0.5 * functional.cross_entropy(colour_logits.float(), colours, ignore_index=IGNORED)
    said = strange >= 0
    return loss + functional.binary_cross_entropy_with_logits(strange_logits.float()[said], strange[said])


def verdict(reading: Reading, record: dict[str, Any]) -> dict[str, bool]:
    """Which of the judge's answers about a rendered scene are right; a question not asked is left out."""
    expected: dict[str, int] = {}
    for thing in record["placed"]:
        expected[thing["name"]] = expected.get(thing["name"], 0) + 1
    right = {
        "objects": set(reading.counts()) == set(expected),
        "counts": reading.counts() == expected,
        "background": reading.background == record["plan"]["background"],
    }
    if record["plan"]["relation"]:
        first, second = (thing["name"] for thing in record["placed"])
        right["relation"] = reading.relation(first, second) == record["plan"]["relation"]
    for thing in record["placed"]:
        if colour := thing["colour"] or world.OWN_COLOUR.get(thing["name"]):
            right["colour"] = right.get("colour", True) and reading.colour(thing["name"]) == colour
    return right


def evaluate(model: JudgeModel, pictures: np.ndarray, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Share right for each question, with Wilson intervals; "all" asks for everything at once.

    "answered": the pictures of which the judge says nothing that it cannot tell.
    """
    where = next(model.parameters()).device
    answers: dict[str, list[bool]] = {}
    for start in range(0, len(records), 50):
        readings = model.read(to_pictures(pictures[start : start + 50], where))
        for reading, record in zip(readings, records[start : start + 50], strict=True):
            right = verdict(reading, record)
            overall = {"all": all(right.values()), "answered": not reading.unclear and not reading.background_unclear}
            if overall["answered"]:
                overall["all where answered"] = overall["all"]
            for question, answer in (right | overall).items():
                answers.setdefault(question, []).append(answer)
    return {question: tools.score(wilson(sum(values), len(values))) for question, values in answers.items()}


def measure(model: JudgeModel, options: argparse.Namespace, where: torch.device) -> dict[str, Any]:
    """Held-out metrics: on rendered scenes, and on 300 of them after the autoencoder with latent noise."""
    autoencoder = PocketAutoencoder.from_pretrained(options.autoencoder, torch_dtype=torch.float32).to(where)
    held_out = data.scenes(UNSEEN, options.validation)
    strange = withheld(options.withheld, 500)
    unseen_trips = round_trips(held_out.pictures[:300], autoencoder, where)
    return {
        "rendered": evaluate(model, held_out.pictures, held_out.records),
        "after_the_autoencoder": evaluate(model, unseen_trips, held_out.records[:300]),
        "withheld_from_the_painter": evaluate(model, strange.pictures, strange.records),
    }


def choose_doubt(model: JudgeModel, options: argparse.Namespace) -> None:
    """Set the smallest doubt at which the judge still answers ``ANSWERED`` of true scenes that it never saw."""
    scenes = data.scenes(DOUBT, options.validation)
    for doubt in np.arange(0.05, 0.95, 0.05).round(2).tolist():
        model.register_to_config(doubt=doubt)
        found = evaluate(model, scenes.pictures, scenes.records)
        print(f"doubt {doubt}: answers {found['answered']['rate']:.1%}, {found['all']['rate']:.1%} right", flush=True)
        if found["answered"]["rate"] >= ANSWERED:
            return


def train(options: argparse.Namespace) -> tuple[JudgeModel, int]:
    """Train for ``options.minutes``; returns the averaged judge and how many pictures it has seen."""
    where = tools.device()
    torch.manual_seed(options.seed)
    known = pools(options, where)
    model = JudgeModel(OBJECTS, COLOURS, world.BACKGROUNDS).to(where)
    seen = 0
    if options.resume and options.checkpoint.exists():
        state = torch.load(options.checkpoint, map_location=where)
        model.load_state_dict(state["average"])
        seen = state["seen"]
    elif options.resume:
        model.load_state_dict(load_file(options.out / "diffusion_pytorch_model.safetensors"), strict=False)
        seen = json.loads((options.out / "metrics.json").read_text())["seen"]
    torch.manual_seed(options.seed + seen)  # a resumed run sees other noise and other scenes
    chooser = np.random.default_rng(options.seed + seen)
    average = tools.Average(model, 0.998)
    weights = list(model.parameters())
    shards = tools.workers(where)

    def batch() -> list[tuple[Tensor, ...]]:
        chosen = [
            (known[name], np.sort(chooser.integers(len(known[name].pictures), size=share * options.batch // 32)))
            for name, share in SHARES.items()
        ]
        pictures = to_pictures(np.concatenate([pool.pictures[rows] for pool, rows in chosen]), where)
        order = torch.randperm(len(pictures))
        asked = (
            torch.tensor(np.concatenate([getattr(pool, name)[rows] for pool, rows in chosen]), device=where)[order]
            for name in ("cells", "colours", "backgrounds", "strange")
        )
        parts = (torch.cat([soften(part, chooser) for part in pictures[order].chunk(4)]), *asked)
        return list(zip(*(part.chunk(shards) for part in parts), strict=True))

    def step_in(dtype: torch.dtype) -> float:
        def loss(*shard: Tensor) -> Tensor:
            with tools.autocast(where, dtype):
                return loss_of(model, *shard)

        return tools.accumulate(loss, weights, batch())

    dtype = tools.fastest_precision(step_in)
    optimisers: list[torch.optim.Optimizer] = [
        tools.Muon((weight for weight in model.trunk.parameters() if weight.ndim > 1), options.rate, dtype=dtype),
        torch.optim.AdamW(
            [weight for name, weight in model.named_parameters() if "trunk" not in name or weight.ndim == 1],
            lr=options.rate, weight_decay=0,
        ),
    ]  # fmt: skip
    began = last = time.monotonic()
    while (share := (time.monotonic() - began) / (60 * options.minutes)) < 1:
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = options.rate * tools.warm_cosine(share)
        loss = step_in(dtype)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        for optimiser in optimisers:
            optimiser.step()
        average.update(model)
        seen += options.batch
        if time.monotonic() - last > options.every:
            last = time.monotonic()
            tools.write_checkpoint(options.checkpoint, {"average": average.weights, "seen": seen})
            print(f"{share:6.1%} {seen:8d} pictures, loss {loss:.4f}", flush=True)
    model.load_state_dict(average.weights)
    tools.write_checkpoint(options.checkpoint, {"average": average.weights, "seen": seen})
    return model, seen


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--measure", action="store_true", help="only measure the judge in --out")
    parser.add_argument("--choose", action="store_true", help="with --measure: choose its doubt again before")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--scenes", type=int, default=64_000)
    parser.add_argument("--validation", type=int, default=1_000)
    parser.add_argument("--withheld", type=int, default=4_000, help="scenes that the painter never sees")
    parser.add_argument("--strange", type=int, default=1_200, help="scenes of each kind that are made strange")
    parser.add_argument("--round-trips", type=int, default=1_500)
    parser.add_argument("--every", type=float, default=60, help="seconds between checkpoints")
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--autoencoder", type=Path, default=tools.MODELS / "autoencoder")
    parser.add_argument("--out", type=Path, default=tools.MODELS / "judge")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    if options.measure:
        metrics = json.loads((options.out / "metrics.json").read_text())
        model = JudgeModel.from_pretrained(options.out, torch_dtype=torch.float32).to(tools.device())
    else:
        model, seen = train(options)
        metrics = {"seen": seen, "minutes": options.minutes}
    if options.choose or not options.measure:
        choose_doubt(model, options)
        tools.save_half(model, options.out)
    metrics |= {"weights": fingerprint(options.out), **measure(model, options, tools.device())}
    print(json.dumps(metrics, indent=1), flush=True)
    (options.out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")


if __name__ == "__main__":
    main()
