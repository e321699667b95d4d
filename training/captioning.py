"""Teach one painter to read twice over, from whole captions and from sloppy ones, to show what captions are worth.

    python -m training.captioning [--steps 450] [--resume]
    python -m training.captioning --evaluate

Both start from the bundled painter with its values set to zero: the weights by which a word of the caption changes the
canvas (``engines.pictures.captioning.is_taught``). Only these learn. The two take every step together: the same scenes
in the same order, noise, timesteps and emptied captions. They differ in one cause: ``whole`` reads one of a scene's
honest phrasings, ``sloppy`` what the world's own rule for sloppy captions leaves of it (``scenes.sloppy_caption``).
Writes ``models/sticker-world/captions-whole.safetensors`` and ``captions-sloppy.safetensors``, and the measurement
``captions.json``.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler
from safetensors.torch import save_file
from torch import Tensor

from engines import live
from engines.pictures import diffusion
from engines.pictures.captioning import DIETS, FOLDER, caption_for, is_taught, taught
from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.statistics import mean_interval, wilson
from engines.stickers import judge, scenes
from engines.stickers.seed_ranges import UNSEEN
from training import painter as recipe
from training import tools

EMPTY = 0.1
KINDS: tuple[scenes.Kind, ...] = ("single", "count")
"""Scenes with one kind of thing: what both must read is the thing, its colour, its number and the background."""
NOISIEST = (300, 1000)
"""The timesteps drawn: what a caption decides is decided in noise (as in ``training/signs.py``)."""


def read(painter: recipe.Painter, captions: Sequence[str]) -> Tensor:
    """What the frozen text encoder makes of captions, float16 ``[N, 32, 160]``."""
    ids = painter.tokenizer(list(captions), padding="max_length", truncation=True, return_tensors="pt").input_ids
    with torch.no_grad():
        return torch.cat([painter.text_encoder(part).last_hidden_state.half() for part in ids.split(256)])


def train(options: argparse.Namespace) -> dict[str, dict[str, Tensor]]:
    """Take ``options.steps`` steps with both; for each diet the taught weights in float16."""
    where = tools.device()
    torch.manual_seed(options.seed)
    painters = {diet: recipe.load(tools.MODELS / "painter") for diet in DIETS}
    for painter in painters.values():
        painter.modules().to(where).requires_grad_(False)
    reader = painters[DIETS[0]]
    autoencoder = PocketAutoencoder.from_pretrained(tools.MODELS / "autoencoder", torch_dtype=torch.float32).to(where)
    seeds = [seed for seed in range(options.scenes) if scenes.plan(seed).kind in KINDS]
    latents = _latents(autoencoder, options.scenes, where)[seeds]
    words = {diet: read(reader, [caption_for(seed, diet) for seed in seeds]) for diet in DIETS}
    nothing = read(reader, [""])
    print(f"{len(seeds)} scenes and their captions encoded", flush=True)

    learning: dict[str, dict[str, Tensor]] = {}
    optimisers: dict[str, torch.optim.Optimizer] = {}
    for diet, painter in painters.items():
        learning[diet] = {name: one for name, one in painter.unet.named_parameters() if is_taught(name)}
        for weight in learning[diet].values():
            weight.data.zero_()
            weight.requires_grad_(True)
        optimisers[diet] = torch.optim.AdamW(
            learning[diet].values(), lr=options.rate, betas=(0.9, 0.99), weight_decay=0
        )
    begin = 0
    if options.resume and options.checkpoint.exists():
        state = torch.load(options.checkpoint, map_location=where)
        begin = int(state["step"])
        for diet in DIETS:
            painters[diet].unet.load_state_dict(state[diet]["weights"], strict=False)
            optimisers[diet].load_state_dict(state[diet]["optimiser"])

    scheduler: Any = DDPMScheduler(**recipe.SCHEDULE)
    kept, precision = scheduler.alphas_cumprod, tools.encoding_precision(where)
    order = random.Random(options.seed)
    rows = [order.randrange(len(seeds)) for _ in range(options.steps * options.batch)]
    began = time.monotonic()
    losses: dict[str, list[float]] = {diet: [] for diet in DIETS}
    for step in range(begin, options.steps):
        dice = torch.Generator().manual_seed(options.seed * 1_000_003 + step)
        chosen = torch.tensor(rows[step * options.batch : (step + 1) * options.batch])
        clean = latents[chosen].float()
        noise = torch.randn(clean.shape, generator=dice)
        timesteps = torch.randint(*NOISIEST, (len(chosen),), generator=dice)
        dropped = torch.rand(len(chosen), generator=dice) < EMPTY
        noisy = scheduler.add_noise(clean, noise, timesteps)
        ratio = kept[timesteps] / (1 - kept[timesteps])
        weight = ratio.clamp(recipe.LEAST_SNR, 5) / ratio
        for diet, painter in painters.items():
            for group in optimisers[diet].param_groups:
                group["lr"] = options.rate * tools.warm_cosine(step / options.steps)
            context = torch.where(dropped[:, None, None], nothing, words[diet][chosen]).float()
            with tools.autocast(where, precision):
                guess = painter.unet(
                    noisy.to(where), timesteps.to(where), encoder_hidden_states=context.to(where)
                ).sample.float()
            loss = ((guess - noise.to(where)).square().mean((1, 2, 3)) * weight.to(where)).mean()
            optimisers[diet].zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learning[diet].values(), 1.0)
            optimisers[diet].step()
            losses[diet].append(loss.item())
        if (step + 1) % 10 == 0 or step + 1 == options.steps:
            rate = (step + 1 - begin) * options.batch / (time.monotonic() - began)
            now = ", ".join(f"{diet} {np.mean(losses[diet][-40:]):.4f}" for diet in DIETS)
            print(f"step {step + 1}: loss {now}; {rate:.1f} scenes a second, each for both", flush=True)
            tools.write_checkpoint(
                options.checkpoint,
                {"step": step + 1, **{
                    diet: {"weights": {n: w.detach() for n, w in learning[diet].items()},
                           "optimiser": optimisers[diet].state_dict()} for diet in DIETS
                }},
            )  # fmt: skip
    print(json.dumps({"steps": options.steps, "minutes": round((time.monotonic() - began) / 60, 1)}), flush=True)
    return {
        diet: {name: weight.detach().half().cpu().contiguous() for name, weight in weights.items()}
        for diet, weights in learning.items()
    }


def _latents(autoencoder: PocketAutoencoder, count: int, where: torch.device) -> Tensor:
    """Latents float16 ``[count, 4, 16, 16]`` of the first scenes; kept in the cache for this many."""
    file = scenes.CACHE / "latents" / f"captioning-{count}.pt"
    if file.exists():
        return torch.load(file)
    parts = []
    for start in range(0, count, 256):
        drawn = [np.asarray(scenes.scene(seed).picture) for seed in range(start, min(count, start + 256))]
        parts.append(recipe.latents_of(autoencoder, np.stack(drawn), where))
        print(f"{start + len(drawn)} scenes drawn", flush=True)
    tools.write_checkpoint(file, torch.cat(parts))
    return torch.cat(parts)


PROMPTS, SEEDS, STEPS = 32, 2, 25


def prompts() -> list[str]:
    """Plain captions of unseen scenes, every second one with several of a thing."""
    found = []
    for number in range(PROMPTS):
        seed = UNSEEN + 20_000 + number
        found.append(scenes.phrasings(scenes.plan(seed, KINDS[number % 2]))[0])
    return found


def evaluate() -> dict[str, Any]:
    """What the start and both twins paint of unseen captions, by the judge; the gain has captions as trials."""
    bundled, asked = live.open_painter(), prompts()
    measured: dict[str, Any] = {"prompts": len(asked), "seeds": SEEDS, "steps": STEPS, "readers": {}}
    scores: dict[str, np.ndarray] = {}
    for diet in (None, *DIETS):
        painter = taught(bundled, diet)
        verdicts: list[judge.Verdict] = []
        for start in range(0, len(asked), 4):
            some = [one for one in asked[start : start + 4] for _ in range(SEEDS)]
            plan = diffusion.Plan(tuple(some), tuple(range(SEEDS)) * (len(some) // SEEDS), steps=STEPS)
            pictures = diffusion.paint(painter, plan)
            verdicts += judge.judge(pictures, [judge.facts_of(one) for one in some], lettering=False)
        rates = judge.rates(verdicts)
        answers = [right for one in verdicts for right in one.right.values()]
        rates["all"] = wilson(sum(answers), len(answers))
        measured["readers"][diet or "untaught"] = {aspect: tools.score(one) for aspect, one in rates.items()}
        rows = np.array([np.mean([float(right) for right in one.right.values()] or [np.nan]) for one in verdicts])
        scores[diet or "untaught"] = np.nanmean(rows.reshape(len(asked), SEEDS), 1)
        print(
            diet or "untaught",
            {aspect: f"{one.successes} of {one.trials}" for aspect, one in rates.items()},
            flush=True,
        )
    gain = scores["whole"] - scores["sloppy"]
    mean, low, high = mean_interval(gain[~np.isnan(gain)])
    measured["gain"] = {"mean": round(mean, 4), "low": round(low, 4), "high": round(high, 4)}
    return measured


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Teach a painter to read from whole and from sloppy captions.")
    parser.add_argument("--steps", type=int, default=450)
    parser.add_argument("--resume", action="store_true", help="from the checkpoint")
    parser.add_argument("--scenes", type=int, default=4_000, help="that the draws come from")
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--rate", type=float, default=5e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path, default=tools.CHECKPOINTS / "captioning.pt")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--evaluate", action="store_true", help="only measure the weights that are there")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.evaluate:
        (options.out / "captions.json").write_text(json.dumps(evaluate(), indent=1) + "\n")
        return
    for diet, weights in train(options).items():
        save_file(weights, options.out / f"captions-{diet}.safetensors")


if __name__ == "__main__":
    main()
