"""The autoencoder's training loop, on a CPU or on a card; ``python -m training.autoencoder`` runs it."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.stickers import scenes as world
from engines.stickers.seed_ranges import SIGNS, UNSEEN
from training import captured, data, tools
from training.autoencoder import loss_of, normalise, psnr, to_pictures

NOISIER = 1.5
"""A decoder that learns alone meets latent noise from none to this many times the autoencoder's own."""


def start(options: argparse.Namespace, where: torch.device) -> tuple[PocketAutoencoder, int]:
    """The model to train and how many pictures it has seen: new, or from the checkpoint, else from ``--out``.

    With ``--decoder-only`` the encoder is always that of ``--out``, since its latents must stay what they are.
    """
    model = PocketAutoencoder(block_out_channels=(3, 12, *options.widths))
    known = options.resume and options.checkpoint.exists()
    if options.decoder_only or (options.resume and not known):
        model = PocketAutoencoder.from_pretrained(options.out, torch_dtype=torch.float32)
    if not known:
        return model.to(where), 0
    state = torch.load(options.checkpoint, map_location="cpu")
    if options.decoder_only:
        decoder = {name: value for name, value in state["average"].items() if name.startswith("decoder.")}
        model.load_state_dict(decoder, strict=False)
    else:
        model.load_state_dict(state["average"])
    return model.to(where), state["seen"]


def noise_for(model: PocketAutoencoder, count: int, where: torch.device, varied: bool) -> Tensor:
    """Latent noise ``[count, 4, 16, 16]`` of the model's own deviation; ``varied``: of 0 to ``NOISIER`` times it."""
    noise = model.config["latent_noise"] * torch.randn(count, 4, world.SIZE // 8, world.SIZE // 8, device=where)
    return noise * (NOISIER * torch.rand(count, 1, 1, 1, device=where)) if varied else noise


class PlainSteps:
    """Steps whose batches the host draws, an eighth of them signs; shards are worked on side by side."""

    def __init__(
        self, model: PocketAutoencoder, scenes: data.Scenes, signs: np.ndarray, odds: np.ndarray,
        average: tools.Average, where: torch.device, options: argparse.Namespace,
    ) -> None:  # fmt: skip
        self._model, self._pictures, self._signs, self._odds = model, scenes.pictures, signs, odds
        self._average, self._where, self._options = average, where, options
        self._chooser = np.random.default_rng(options.seed)
        self._weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.dtype = tools.fastest_precision(self._gradients)
        matrices = [weight for weight in self._weights if weight.ndim > 1]
        rest = [weight for weight in self._weights if weight.ndim <= 1]
        self._optimisers: list[torch.optim.Optimizer] = [torch.optim.AdamW(rest, lr=options.rate, weight_decay=0)]
        if options.optimiser == "muon":
            self._optimisers.append(tools.Muon(matrices, lr=options.rate, dtype=self.dtype))
        else:
            self._optimisers.append(
                torch.optim.AdamW(matrices, lr=options.rate, betas=(0.9, 0.99), weight_decay=1e-3)
            )  # fmt: skip
        self._losses: list[float] = []

    def _batch(self) -> list[tuple[Tensor, ...]]:
        count, chooser, alone = self._options.batch, self._chooser, self._options.decoder_only
        mixed = np.searchsorted(self._odds, chooser.random(count - count // 8) * self._odds[-1], "right")
        pictures = torch.cat([
            to_pictures(self._pictures[np.sort(mixed)], self._where),
            to_pictures(self._signs[np.sort(chooser.integers(len(self._signs), size=count // 8))], self._where),
        ])[torch.randperm(count)]  # fmt: skip
        turned = torch.arange(count) % 2 == 0 if alone else torch.full((count,), bool(chooser.random() < 0.5))
        parts = (pictures, noise_for(self._model, count, self._where, alone), turned.to(self._where))
        return list(zip(*(part.chunk(tools.workers(self._where)) for part in parts), strict=True))

    def _gradients(self, dtype: torch.dtype, squared: float = 0.0) -> float:
        def loss(pictures: Tensor, noise: Tensor, mirrored: Tensor) -> Tensor:
            with tools.autocast(self._where, dtype):
                return loss_of(self._model, pictures, noise, mirrored, squared, self._options.decoder_only)

        return tools.accumulate(loss, self._weights, self._batch())

    def __call__(self, rate: float, squared: float) -> None:
        """Take one step at learning rate ``rate``, with squared error weighing ``squared``."""
        for optimiser in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
        self._losses.append(self._gradients(self.dtype, squared))
        torch.nn.utils.clip_grad_norm_(self._weights, captured.CLIP)
        for optimiser in self._optimisers:
            optimiser.step()
        self._average.update(self._model)

    def reported(self) -> Tensor:
        """The mean loss since the last call."""
        mean = torch.tensor(self._losses).mean()
        self._losses.clear()
        return mean


def on_device(pictures: Sequence[np.ndarray], where: torch.device) -> Tensor:
    """All of ``pictures``, uint8 ``[N, 128, 128, 3]`` each, one after the other on the device."""
    whole = torch.empty((sum(map(len, pictures)), world.SIZE, world.SIZE, 3), dtype=torch.uint8, device=where)
    filled = 0
    for some in pictures:
        for first in range(0, len(some), data.BLOCK):
            block = torch.from_numpy(np.array(some[first : first + data.BLOCK]))
            whole[filled : filled + len(block)] = block
            filled += len(block)
    return whole


def draw_rows(odds: Tensor, signs: Tensor, count: int) -> Tensor:
    """Rows ``[count]`` of the pictures: an eighth from the rows ``signs``, the rest by ``odds``."""
    from_signs = count // 8
    chosen = torch.randint(len(signs), (from_signs,), device=signs.device)
    return torch.cat([signs[chosen], captured.draw(odds, count - from_signs)])


class CapturedSteps:
    """Steps that draw for themselves from pictures on the device, and are captured where that is a card.

    Half of each batch is mirrored, every second picture, signs too.
    """

    def __init__(
        self, model: PocketAutoencoder, scenes: data.Scenes, more_signs: np.ndarray | None, odds: np.ndarray,
        average: captured.Average, where: torch.device, options: argparse.Namespace,
    ) -> None:  # fmt: skip
        self.dtype = captured.precision(where)
        self._squared = torch.zeros((), device=where)
        pixels = on_device([scenes.pictures] if more_signs is None else [scenes.pictures, more_signs], where)
        rows = [*sign_rows(scenes.records), *range(len(scenes.pictures), len(pixels))]
        signs, chances = torch.tensor(rows, device=where), torch.from_numpy(odds).to(where)
        turned = torch.arange(options.batch, device=where) % 2 == 0

        def loss() -> tuple[Tensor, Tensor]:
            pictures = pixels[draw_rows(chances, signs, options.batch)].permute(0, 3, 1, 2).float() / 127.5 - 1
            noise = noise_for(model, options.batch, where, options.decoder_only)
            with tools.autocast(where, self.dtype, cache_enabled=False):
                total = loss_of(model, pictures, noise, turned, self._squared, options.decoder_only)
            return total, total.detach()

        weights = [weight for weight in model.parameters() if weight.requires_grad]
        parts = [weight for weight in weights if weight.ndim > 1], [weight for weight in weights if weight.ndim <= 1]
        self._step = captured.Step(loss, [parts], model, average, self.dtype)

    def __call__(self, rate: float, squared: float) -> None:
        """Take one step at learning rate ``rate``, with squared error weighing ``squared``."""
        self._squared.fill_(squared)
        self._step(rate)

    def reported(self) -> Tensor:
        """The mean loss since the last call."""
        return self._step.reported()


def sign_rows(records: Sequence[dict]) -> list[int]:
    """Which scenes are signs."""
    return [row for row, record in enumerate(records) if record["plan"]["kind"] == "sign"]


def train(options: argparse.Namespace) -> PocketAutoencoder:
    """Train for ``options.minutes`` or ``options.steps``; returns the averaged model and leaves a checkpoint."""
    where = tools.device()
    on_card = options.optimiser == "muon" and captured.wanted(options.captured, where)
    torch.manual_seed(options.seed)
    scenes = data.scenes(0, options.scenes or (data.ON_A_CARD if on_card else data.ON_A_CPU))
    more_signs = data.scenes(SIGNS, options.signs, "sign").pictures if options.signs else None
    held_out = data.scenes(UNSEEN, options.validation).pictures
    odds = captured.cumulative_odds([record["plan"]["kind"] for record in scenes.records], options.mix)

    model, seen = start(options, where)
    model.encoder.requires_grad_(not options.decoder_only)
    average = (captured.Average if on_card else tools.Average)(model, options.average)
    learn: PlainSteps | CapturedSteps
    if isinstance(average, captured.Average):
        learn = CapturedSteps(model, scenes, more_signs, odds, average, where, options)
    else:
        signs = scenes.pictures[sign_rows(scenes.records)] if more_signs is None else more_signs
        learn = PlainSteps(model, scenes, signs, odds, average, where, options)

    began, last, step = time.monotonic(), 0.0, 0
    while (share := tools.spent(options, step, began)) < 1:
        rate = options.rate * tools.warm_cosine(share, options.warm_up, options.floor)
        learn(rate, 0.0 if share < options.squared_from else 4.0)
        step, seen = step + 1, seen + options.batch
        if time.monotonic() - last > options.every:
            last = time.monotonic()
            current = {name: value.clone() for name, value in model.state_dict().items()}
            model.load_state_dict(average.weights)
            tools.write_checkpoint(options.checkpoint, {"average": average.weights, "seen": seen})
            quality = psnr(model, held_out[:100], where)
            model.load_state_dict(current)
            print(
                f"{share:6.1%} {seen:8d} pictures, {step * options.batch / (time.monotonic() - began):5.1f}/s, "
                f"loss {learn.reported().item():.4f}, held-out {quality:.2f} dB", flush=True,
            )  # fmt: skip
    model.load_state_dict(average.weights)
    if not options.decoder_only:
        normalise(model, scenes.pictures[:2000], where)
    tools.write_checkpoint(options.checkpoint, {"average": model.state_dict(), "seen": seen})
    print(json.dumps({
        "seen": seen, "psnr_db": psnr(model, held_out, where), "precision": str(learn.dtype),
    }), flush=True)  # fmt: skip
    return model
