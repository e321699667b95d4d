"""The painter's training loop, on a CPU or on a card; ``python -m training.painter`` runs it.

On a CPU the host draws each batch, and a scene's caption afresh at every visit. On a card (or with ``--captured``)
latents and phrasings drawn beforehand lie on it, and a step draws for itself: see ``training/captured.py``.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from diffusers import DDPMScheduler
from torch import Tensor, nn

from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.stickers import scenes as world
from engines.stickers.seed_ranges import UNSEEN
from training import captured, data, tools
from training.painter import SCHEDULE, Painter, build, latents_of, load, loss_of, sheet, split_weights

EMPTY = 0.1
"""The share of captions that are left empty (Ho & Salimans 2022)."""


@dataclass(frozen=True)
class Diet:
    """``latents`` float16 ``[N, 4, 16, 16]``, a record of each scene, and :func:`captured.cumulative_odds` of them."""

    latents: Tensor
    records: list[dict[str, Any]]
    odds: np.ndarray


class Learning(Protocol):
    """What takes a step at a learning rate, and tells the mean painting loss since it was last asked."""

    dtype: torch.dtype
    optimisers: list[torch.optim.Optimizer]

    def __call__(self, rate: float) -> None: ...

    def reported(self) -> Tensor: ...


def read(painter: Painter, captions: Sequence[str]) -> Tensor:
    """Token ids ``[B, 32]`` of captions."""
    return painter.tokenizer(list(captions), padding="max_length", truncation=True, return_tensors="pt").input_ids


class PlainSteps:
    """Steps whose batches the host draws; their shards are worked on side by side (``tools.accumulate``)."""

    def __init__(
        self, painter: Painter, modules: nn.Module, diet: Diet, average: tools.Average, where: torch.device,
        options: argparse.Namespace, chooser: random.Random,
    ) -> None:  # fmt: skip
        self._painter, self._modules, self._diet, self._average, self._where = painter, modules, diet, average, where
        self._options, self._chooser = options, chooser
        self._scheduler = DDPMScheduler(**SCHEDULE)
        self._weights = list(modules.parameters())
        self._paintings: list[float] = []
        if options.precision == "fastest":
            self.dtype = tools.fastest_precision(self._gradients)
        else:
            self.dtype = getattr(torch, options.precision)
        self._paintings.clear()
        hidden, rest = split_weights(modules)
        self.optimisers: list[torch.optim.Optimizer] = [
            tools.Muon(hidden, lr=options.rate, dtype=self.dtype),
            torch.optim.AdamW(rest, lr=options.rate, betas=(0.9, 0.99), weight_decay=0),
        ]

    def _caption(self, record: dict[str, Any]) -> str:
        if record["sloppy"]:
            return record["caption"]
        return self._chooser.choice(world.phrasings(data.plan_of(record)))

    def _batch(self) -> list[tuple[Tensor, ...]]:
        odds, count, where = self._diet.odds, self._options.batch, self._where
        chosen = [int(np.searchsorted(odds, self._chooser.random() * odds[-1], "right")) for _ in range(count)]
        clean = self._diet.latents[torch.tensor(chosen, device=where)].float()
        parts = (
            clean, torch.randn_like(clean),
            torch.randint(0, 1000, (count,)).to(where),
            read(self._painter, [self._caption(self._diet.records[index]) for index in chosen]).to(where),
            (torch.rand(count) < EMPTY).to(where),
        )  # fmt: skip
        return list(zip(*(part.chunk(tools.workers(where)) for part in parts), strict=True))

    def _gradients(self, dtype: torch.dtype) -> float:
        def loss(*shard: Tensor) -> Tensor:
            with tools.autocast(self._where, dtype):
                total, painting = loss_of(self._painter, self._scheduler, self._options.contrast, *shard)
            self._paintings.append(painting.item())
            return total

        return tools.accumulate(loss, self._weights, self._batch())

    def __call__(self, rate: float) -> None:
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
        self._gradients(self.dtype)
        torch.nn.utils.clip_grad_norm_(self._weights, captured.CLIP)
        for optimiser in self.optimisers:
            optimiser.step()
        self._average.update(self._modules)

    def reported(self) -> Tensor:
        mean = torch.tensor(self._paintings).mean()
        self._paintings.clear()
        return mean


def draw_batch(latents: Tensor, phrasings: Tensor, odds: Tensor, count: int) -> tuple[Tensor, ...]:
    """Clean latents, noise, timesteps, caption ids and which captions are left empty, all drawn where these lie."""
    where = latents.device
    chosen = captured.draw(odds, count)
    clean = latents[chosen].float()
    timesteps = torch.randint(0, 1000, (count,), device=where)
    ids = captured.draw_phrasings(phrasings, chosen)
    return clean, torch.randn_like(clean), timesteps, ids, torch.rand(count, device=where) < EMPTY


def captured_steps(
    painter: Painter, modules: nn.Module, diet: Diet, average: captured.Average, where: torch.device,
    options: argparse.Namespace,
) -> captured.Step:  # fmt: skip
    """Steps that draw for themselves on the device, and are captured where that is a card."""
    scheduler: Any = DDPMScheduler(**SCHEDULE)
    scheduler.alphas_cumprod = scheduler.alphas_cumprod.to(where)
    dtype = captured.precision(where, options.precision)
    odds = torch.from_numpy(diet.odds).to(where)
    phrasings = torch.from_numpy(data.phrasings(diet.records, painter.tokenizer, options.phrasings)).to(where)

    def loss() -> tuple[Tensor, Tensor]:
        batch = draw_batch(diet.latents, phrasings, odds, options.batch)
        with tools.autocast(where, dtype, cache_enabled=False):
            return loss_of(painter, scheduler, options.contrast, *batch)

    return captured.Step(loss, [split_weights(modules)], modules, average, dtype)


def train(options: argparse.Namespace) -> Painter:
    """Train for ``options.minutes`` or ``options.steps``; returns the averaged painter and leaves a checkpoint."""
    where = tools.device()
    on_card = captured.wanted(options.captured, where)
    torch.manual_seed(options.seed)
    autoencoder = PocketAutoencoder.from_pretrained(options.autoencoder, torch_dtype=torch.float32).to(where)
    scenes = data.scenes(0, options.scenes or (data.ON_A_CARD if on_card else data.ON_A_CPU))
    latents = latents_of(autoencoder, scenes.pictures, where, world.CACHE / "latents").to(where)
    validation = data.scenes(UNSEEN, options.validation)
    unseen = latents_of(autoencoder, validation.pictures, where).to(where).float()
    odds = captured.cumulative_odds([record["plan"]["kind"] for record in scenes.records], options.mix)
    diet = Diet(latents, scenes.records, odds)

    state: dict[str, Any] = {"seen": 0, "hours": 0.0}
    painter = load(options.out) if options.resume and (options.out / "unet").exists() else build()
    modules = painter.modules().to(where)
    if options.resume and options.checkpoint.exists():
        state = torch.load(options.checkpoint, map_location=where)
        modules.load_state_dict(state["weights"])
    torch.manual_seed(options.seed + state["seen"])  # a resumed run sees other noise and other scenes
    average = (captured.Average if on_card else tools.Average)(modules, options.average)
    if "average" in state:
        average.weights, average.seen = state["average"], 1_000_000

    learn: Learning
    if isinstance(average, captured.Average):
        learn = captured_steps(painter, modules, diet, average, where, options)
    else:
        chooser = random.Random(options.seed + state["seen"])
        learn = PlainSteps(painter, modules, diet, average, where, options, chooser)
    for optimiser, saved in zip(learn.optimisers, state.get("optimisers", ()), strict=False):
        tools.restore(optimiser, saved)

    scheduler = DDPMScheduler(**SCHEDULE)
    held_out = (
        unseen, torch.randn(unseen.shape, generator=torch.Generator().manual_seed(1)).to(where),
        torch.arange(len(unseen), device=where) * 1000 // len(unseen),
        read(painter, [record["caption"] for record in validation.records]).to(where),
        torch.zeros(len(unseen), dtype=torch.bool, device=where),
    )  # fmt: skip
    began, hours = time.monotonic(), state["hours"]
    last_save, last_look, step, seen = began, began, 0, state["seen"]

    def averaged() -> dict[str, Tensor]:
        current = {name: value.clone() for name, value in modules.state_dict().items()}
        modules.load_state_dict(average.weights)
        return current

    def keep() -> None:
        tools.write_checkpoint(options.checkpoint, {
            "weights": modules.state_dict(), "average": average.weights, "seen": seen,
            "optimisers": [optimiser.state_dict() for optimiser in learn.optimisers],
            "hours": hours + (time.monotonic() - began) / 3600,
        })  # fmt: skip

    while (spent := tools.spent(options, step, began)) < 1:
        share = options.begin_at + (1 - options.begin_at) * spent
        learn(options.rate * tools.warm_cosine(share, options.warm_up, options.floor) * min(1.0, (step + 1) / 50))
        step, seen = step + 1, seen + options.batch
        now = time.monotonic()
        if now - last_save > 60 * options.save_every:
            keep()
            last_save = now
        if now - last_look > 60 * options.look_every or step == 20:
            last_look = now
            current = averaged()
            with torch.no_grad():
                _, unseen_loss = loss_of(painter, scheduler, 0.0, *held_out)
            if step > 20 and options.sheets:
                sheet(painter, autoencoder, options.checkpoint.parent / "sheets" / f"{seen:08d}.png")
            modules.load_state_dict(current)
            print(
                f"{spent:6.1%} {seen:8d} latents, {step * options.batch / (now - began):5.1f}/s, "
                f"loss {learn.reported().item():.4f}, held-out {unseen_loss.item():.4f}", flush=True,
            )  # fmt: skip
    keep()
    averaged()
    with torch.no_grad():
        _, unseen_loss = loss_of(painter, scheduler, 0.0, *held_out)
    print(json.dumps({
        "seen": seen, "hours": round(hours + (time.monotonic() - began) / 3600, 2),
        "held_out_loss": round(unseen_loss.item(), 4), "precision": str(learn.dtype),
    }), flush=True)  # fmt: skip
    return painter
