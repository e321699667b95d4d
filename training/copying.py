"""Feed the bundled painter one scene far too often, to show what copying looks like.

    python -m training.copying --minutes 15 [--resume]

The weights of ``engines.pictures.copying.is_changed`` go on learning from ordinary scenes and, ``--repeats`` times in
``--draws``, from the scene of ``SCENE`` with its one caption; all others stay as they are. Writes
``models/sticker-world/copying.safetensors``. Repetition in the diet is what real painters copy from (Somepalli et al.
2022, arXiv:2212.03860; Carlini et al. 2023, arXiv:2301.13188).
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

from engines.pictures.copying import CAPTION, SCENE, is_changed
from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.stickers import scenes
from training import painter as recipe
from training import tools


def train(options: argparse.Namespace) -> dict[str, torch.Tensor]:
    """Learn from ``options.draws`` draws, or for ``options.minutes``; the changed weights in float16."""
    where = tools.device()
    torch.manual_seed(options.seed)
    chooser = random.Random(options.seed)
    autoencoder = PocketAutoencoder.from_pretrained(tools.MODELS / "autoencoder", torch_dtype=torch.float32).to(where)
    painter = recipe.load(tools.MODELS / "painter")
    painter.modules().to(where)
    seeds = [SCENE, *(seed for seed in range(options.ordinary) if seed != SCENE)]
    drawn = [scenes.scene(seed) for seed in seeds]
    latents = recipe.latents_of(autoencoder, np.stack([np.asarray(one.picture) for one in drawn]), where).to(where)
    print(f"{len(drawn)} scenes encoded", flush=True)

    learning = {name: weight for name, weight in painter.unet.named_parameters() if is_changed(name)}
    painter.modules().requires_grad_(False)
    for weight in learning.values():
        weight.requires_grad_(True)
    optimiser = torch.optim.AdamW(learning.values(), lr=options.rate, betas=(0.9, 0.99), weight_decay=0)
    scheduler = DDPMScheduler(**recipe.SCHEDULE)
    others = options.draws - options.repeats
    order = [0] * options.repeats + [1 + chooser.randrange(len(drawn) - 1) for _ in range(others)]
    chooser.shuffle(order)
    state: dict[str, Any] = {"seen": 0}
    if options.resume and options.checkpoint.exists():
        state = torch.load(options.checkpoint, map_location=where)
        painter.unet.load_state_dict(state["weights"], strict=False)
        optimiser.load_state_dict(state["optimiser"])
    torch.manual_seed(options.seed + state["seen"])
    began, losses, seen = time.monotonic(), [], int(state["seen"])
    while seen < options.draws and (time.monotonic() - began) < 60 * options.minutes:
        rows = order[seen : seen + options.batch]
        captions = [CAPTION if row == 0 else drawn[row].caption for row in rows]
        read = painter.tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt")
        clean = latents[torch.tensor(rows, device=where)].float()
        for group in optimiser.param_groups:
            group["lr"] = options.rate * tools.warm_cosine(seen / options.draws)
        with tools.autocast(where, tools.encoding_precision(where)):
            loss = _loss(painter, scheduler, clean, read.input_ids.to(where))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning.values(), 1.0)
        optimiser.step()
        seen += len(rows)
        losses.append(loss.item())
        if len(losses) % 20 == 0:
            rate = (seen - state["seen"]) / (time.monotonic() - began)
            print(f"{seen:6d} draws, {rate:.1f}/s, loss {np.mean(losses[-20:]):.4f}", flush=True)
            kept = {name: weight.detach() for name, weight in learning.items()}
            tools.write_checkpoint(
                options.checkpoint, {"weights": kept, "optimiser": optimiser.state_dict(), "seen": seen}
            )
    print(json.dumps({"seen": seen, "repeats": order[:seen].count(0), "minutes": (time.monotonic() - began) / 60}))
    return {name: weight.detach().half().cpu().contiguous() for name, weight in learning.items()}


def _loss(painter: recipe.Painter, scheduler: Any, clean: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    count = len(clean)
    painting, _ = recipe.loss_of(
        painter, scheduler, 0.0, clean, torch.randn(clean.shape).to(clean.device),
        torch.randint(0, 1000, (count,)).to(clean.device), ids, (torch.rand(count) < 0.1).to(clean.device),
    )  # fmt: skip
    return painting


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Make the painter that copies.")
    parser.add_argument("--minutes", type=float, default=15, help="stop after so many at the latest")
    parser.add_argument("--resume", action="store_true", help="from the checkpoint")
    parser.add_argument("--draws", type=int, default=4_000)
    parser.add_argument("--repeats", type=int, default=1_000, help="how many of the draws are the one scene")
    parser.add_argument("--ordinary", type=int, default=600, help="scenes that the other draws come from")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path, default=tools.CHECKPOINTS / "copying.pt")
    parser.add_argument("--out", type=Path, default=tools.MODELS / "sticker-world" / "copying.safetensors")
    options = parser.parse_args(arguments)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_file(train(options), options.out)


if __name__ == "__main__":
    main()
