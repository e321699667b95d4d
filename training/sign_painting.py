"""The loop that trains the four sign painters, on a CPU or on a card; ``python -m training.signs`` runs it.

On a card (or with ``--captured``) the four still take every step together, and draw it on the device: see
``training/captured.py``. No script ran this on a card before it, as one did for the painter.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler
from torch import Tensor, nn

from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.signs.world import COLOURS, draw_box, draw_sign
from training import captured, signs, tools
from training.flat import UntilFlat
from training.painter import SCHEDULE, split_weights
from training.sign_captions import flat, sloppy, spelled
from training.signs import SignPainter, build, export, latents_of, loss_of, read_weights, recorded, sheet

EMPTY = 0.1
"""The share of captions that are left empty."""
NOISY = 600
"""Timesteps above this are reported apart: letters are settled there."""
LOOK, HELD_OUT = 250, 256
"""Steps between looks at the held-out loss, and signs that it is measured on."""
SLOPPY_PHRASINGS = 64
"""How many sloppy captions of each word are drawn beforehand, for steps that the host has no part in."""


@dataclass(frozen=True)
class Diet:
    """``words``, and latents ``[…, 4, 4, 26]``: of their signs, word by word in each colour, and their ``layouts``."""

    words: list[str]
    latents: Tensor
    layouts: Tensor

    def odds(self) -> np.ndarray:
        """Running sum, ``[words]``, of how often each word is drawn: ``LENGTH_ODDS``, then alike within a length."""
        often = Counter(map(len, self.words))
        share = dict(zip(sorted(often), signs.LENGTH_ODDS, strict=False))
        return np.cumsum([share[len(word)] / often[len(word)] for word in self.words])


def noisy_timesteps(count: int, power: float, where: torch.device | str = "cpu") -> Tensor:
    """Timesteps ``[count]`` of 0 to 999, 1000·u^``power``: the less the power, the more noisy ones."""
    return (1000 * torch.rand(count, device=where) ** power).long().clamp_(max=999)


class HeldOut:
    """One painter's error on signs of words kept from it: the same signs, noise and noisy timesteps at every look."""

    def __init__(self, painter: SignPainter, diet: Diet, where: torch.device) -> None:
        dice = torch.Generator().manual_seed(0)
        chosen = torch.randint(len(diet.words), (HELD_OUT,), generator=dice)
        colours = torch.randint(len(COLOURS), (HELD_OUT,), generator=dice)
        clean = diet.latents[(len(COLOURS) * chosen + colours).to(diet.latents.device)]
        noise = torch.randn(clean.shape, generator=dice)
        timesteps = torch.randint(NOISY + 1, 1000, (HELD_OUT,), generator=dice)
        captions = captions_of(painter, diet.words, random.Random(0))[chosen, 0]
        kept = torch.zeros(HELD_OUT, dtype=torch.bool)
        layout = diet.layouts[chosen.to(diet.layouts.device)]
        self._parts = [part.to(where) for part in (clean, layout, noise, timesteps, captions, kept)]
        self._painter, self._scheduler = painter, DDPMScheduler(**SCHEDULE)

    @torch.no_grad()
    def error(self, average: dict[str, Tensor]) -> float:
        """The mean squared error of the averaged weights."""
        with signs.averaged(self._painter, average):
            return loss_of(self._painter, self._scheduler, *self._parts)[1].mean().item()


class PlainSteps:
    """Steps whose batches the host draws; the four painters are worked on side by side."""

    def __init__(
        self, painters: dict[str, SignPainter], everything: nn.Module, diet: Diet, average: tools.Average,
        where: torch.device, options: argparse.Namespace, chooser: random.Random,
    ) -> None:  # fmt: skip
        self._painters, self._everything, self._diet, self._average = painters, everything, diet, average
        self._where, self._options, self._chooser = where, options, chooser
        self._scheduler = DDPMScheduler(**SCHEDULE)
        self._by_length: dict[int, list[int]] = {}
        for index, word in enumerate(diet.words):
            self._by_length.setdefault(len(word), []).append(index)
        self.optimisers: list[torch.optim.Optimizer] = []
        for painter in painters.values():
            hidden, rest = split_weights(painter.modules())
            self.optimisers += [
                tools.Muon(hidden, lr=options.rate),
                torch.optim.AdamW(rest, lr=options.rate, betas=(0.9, 0.99), weight_decay=0),
            ]
        self._losses: list[Tensor] = []

    def _batch(self) -> tuple[list[str], tuple[Tensor, ...]]:
        count, chooser, diet, colours = self._options.batch, self._chooser, self._diet, len(COLOURS)
        odds = signs.LENGTH_ODDS[: len(self._by_length)]
        lengths = chooser.choices(sorted(self._by_length), odds, k=count)
        chosen = [chooser.choice(self._by_length[length]) for length in lengths]
        clean = diet.latents[torch.tensor([colours * index + chooser.randrange(colours) for index in chosen])]
        parts = (
            clean, diet.layouts[torch.tensor(chosen)], torch.randn_like(clean),
            noisy_timesteps(count, self._options.noisy), torch.rand(count) < EMPTY,
        )  # fmt: skip
        return [diet.words[index] for index in chosen], tuple(part.to(self._where) for part in parts)

    def _gradients(self, work: tuple[SignPainter, list[str], tuple[Tensor, ...]]) -> Tensor:
        painter, captions, (clean, layout, noise, timesteps, dropped) = work
        ids = painter.tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
        weights = list(painter.modules().parameters())
        loss, error = loss_of(
            painter, self._scheduler, clean, layout, noise, timesteps, ids.to(self._where), dropped
        )  # fmt: skip
        for weight, part in zip(weights, torch.autograd.grad(loss, weights, allow_unused=True), strict=True):
            weight.grad = part
        torch.nn.utils.clip_grad_norm_(weights, captured.CLIP)
        return error

    def __call__(self, rate: float) -> None:
        named, parts = self._batch()
        alt = [sloppy(word, self._chooser) for word in named]
        spellings = [spelled(word) for word in named]
        work = [(painter, alt if key == "sloppy" else spellings, parts) for key, painter in self._painters.items()]
        errors = torch.stack(tools.side_by_side(self._gradients, work, self._where))
        late = parts[3] > NOISY
        self._losses.append(torch.cat([errors.mean(1), errors[:, late].mean(1)]))
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
        self._average.update(self._everything)

    def reported(self) -> Tensor:
        """Mean errors ``[8]`` since the last call: of the four painters at all timesteps, then at noisy ones."""
        mean = torch.stack(self._losses).nanmean(0)
        self._losses.clear()
        return mean


def captions_of(painter: SignPainter, words: list[str], chooser: random.Random) -> Tensor:
    """Token ids ``[words, K, 24]`` of each word's captions: K sloppy ones, drawn, or the one that names the word."""
    if painter.key == "sloppy":
        phrasings = [[sloppy(word, chooser) for _ in range(SLOPPY_PHRASINGS)] for word in words]
    else:
        phrasings = [[spelled(word)] for word in words]
    captions = [caption for some in phrasings for caption in some]
    ids = painter.tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
    return ids.reshape(len(words), -1, ids.shape[-1])


def captured_steps(
    painters: dict[str, SignPainter], everything: nn.Module, diet: Diet, average: captured.Average,
    where: torch.device, options: argparse.Namespace, chooser: random.Random,
) -> captured.Step:  # fmt: skip
    """Steps that draw for themselves on the device, and are captured where that is a card; in float32, as on a CPU."""
    scheduler: Any = DDPMScheduler(**SCHEDULE)
    scheduler.alphas_cumprod = scheduler.alphas_cumprod.to(where)
    odds = torch.from_numpy(diet.odds()).to(where)
    captions = {key: captions_of(painter, diet.words, chooser).to(where) for key, painter in painters.items()}
    colours, count = len(COLOURS), options.batch

    def loss() -> tuple[Tensor, Tensor]:
        chosen = captured.draw(odds, count)
        clean = diet.latents[colours * chosen + torch.randint(colours, (count,), device=where)]
        layout, noise = diet.layouts[chosen], torch.randn_like(clean)
        timesteps = noisy_timesteps(count, options.noisy, where)
        dropped = torch.rand(count, device=where) < EMPTY
        tokens = {key: captured.draw_phrasings(ids, chosen) for key, ids in captions.items()}
        both = [
            loss_of(painter, scheduler, clean, layout, noise, timesteps, tokens[key], dropped)
            for key, painter in painters.items()
        ]  # fmt: skip
        errors, late = torch.stack([error for _, error in both]), (timesteps > NOISY).float()
        reported = torch.cat([errors.mean(1), (errors * late).sum(1) / late.sum().clamp(min=1)])
        return torch.stack([one for one, _ in both]).sum(), reported

    parts = [split_weights(painter.modules()) for painter in painters.values()]
    return captured.Step(loss, parts, everything, average, torch.float32)


def diet_of(words: list[str], autoencoder: PocketAutoencoder, where: torch.device) -> Diet:
    """The signs of words in every colour, and their layouts, as latents."""
    latents = latents_of(autoencoder, np.stack([draw_sign(word, c) for word in words for c in COLOURS]), where)
    return Diet(words, latents, latents_of(autoencoder, np.stack([draw_box(word) for word in words]), where))


def train(options: argparse.Namespace) -> None:
    """Train all four for ``options.minutes`` or ``options.steps``, or until ``spelled`` is flat (``training/flat.py``).

    Leaves a checkpoint and, at the end, the folders.
    """
    where = tools.device()
    on_card = captured.wanted(options.captured, where)
    words = flat(signs.word_lists()["seen"])
    painters = build(words, options.seed)
    for painter in painters.values():
        painter.modules().to(where)
    everything = nn.ModuleDict({key: painter.modules() for key, painter in painters.items()})
    print({key: sum(w.numel() for w in painter.modules().parameters()) for key, painter in painters.items()})
    state: dict[str, Any] = {"seen": 0, "hours": 0.0}
    if options.resume and options.checkpoint.exists():
        state = torch.load(options.checkpoint, map_location=where)
        everything.load_state_dict(state["weights"])
    elif options.resume:
        for key, painter in painters.items():
            read_weights(painter, options.out / key)
        state |= recorded(options.out)
        state["seen"] = state["signs"]
    average = (captured.Average if on_card else tools.Average)(everything, options.average)
    if "average" in state:
        average.weights, average.seen = state["average"], 1_000_000
    torch.manual_seed(options.seed + state["seen"])
    chooser = random.Random(options.seed + state["seen"])

    autoencoder = PocketAutoencoder.from_pretrained(options.autoencoder, torch_dtype=torch.float32).to(where)
    diet = diet_of(words, autoencoder, where)
    print(f"{len(diet.latents)} signs, latents of deviation {diet.latents.std().item():.2f}", flush=True)
    ending = UntilFlat(options.patience) if options.until_flat else None
    if ending:
        unseen = diet_of(flat(signs.word_lists()["never_seen"]), autoencoder, where)
        held_out = HeldOut(painters["spelled"], unseen, where)

    learn: PlainSteps | captured.Step
    if isinstance(average, captured.Average):
        learn = captured_steps(painters, everything, diet, average, where, options, chooser)
    else:
        learn = PlainSteps(painters, everything, diet, average, where, options, chooser)
    owners = [key for key in painters for _ in range(2)]
    for index, saved in enumerate(one for key in painters for one in state.get("optimisers", {}).get(key, ())):
        tools.restore(learn.optimisers[index], saved)

    def keep() -> None:
        tools.write_checkpoint(options.checkpoint, {
            "weights": everything.state_dict(), "average": average.weights, "seen": seen,
            "optimisers": {
                key: [one.state_dict() for one, owner in zip(learn.optimisers, owners, strict=True) if owner == key]
                for key in painters
            },
            "hours": hours + (time.monotonic() - began) / 3600,
        })  # fmt: skip
        export(painters, average.weights, options.out)

    began, hours, seen, step = time.monotonic(), state["hours"], state["seen"], 0
    last_save, last_look = began, began
    while (spent := tools.spent(options, step, began)) < 1:
        share = ending.share(step, spent) if ending else options.begin_at + (1 - options.begin_at) * spent
        if ending and share >= 1:
            break
        learn(options.rate * tools.warm_cosine(share) * min(1.0, (step + 1) / 50))
        step, seen = step + 1, seen + options.batch
        if ending and step % LOOK == 0:
            loss = held_out.error(average.weights)
            ending.look(step, loss)
            until = f"flat at step {ending.flat_at}" if ending.flat_at else f"patience to step {ending.patience}"
            print(f"step {step}: held-out loss of spelled {loss:.4f}, {until}", flush=True)
        now = time.monotonic()
        if now - last_look > 60 * options.look_every or step == 20:
            last_look = now
            shown = [f"{value:.4f}" for value in learn.reported().tolist()]
            print(f"{spent:6.1%} {seen:8d} signs, {step * options.batch / (now - began):5.1f}/s, all timesteps "
                  f"{' '.join(shown[:4])}, noisy ones {' '.join(shown[4:])}", flush=True)  # fmt: skip
        if now - last_save > 60 * options.save_every:
            keep()
            last_save = time.monotonic()
            if options.sheets:
                sheet(options.out, options.checkpoint.parent / "sheets" / f"signs-{seen:08d}.png")
    keep()
    print(json.dumps({"seen": seen, "hours": round(hours + (time.monotonic() - began) / 3600, 2)}), flush=True)
