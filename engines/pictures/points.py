"""A denoiser small enough to train while you watch: drawn 2-D points, noise, and the way back.

The same mathematics as the painter's (DDPM, Ho et al. 2020, Algorithm 1; DDIM, Song et al. 2020, eq. 12),
on clouds of points instead of latents. Imports torch: import this module inside a function.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from engines.checks import MAX_SEED, check_number, one_of, whole
from engines.evidence import PlainError

TIMESTEPS = 1000
MAX_POINTS = 5000
DRAWINGS = ("spiral", "heart", "smile", "moons", "letter")


@dataclass(frozen=True)
class Training:
    """One training run: ``steps`` batches, or as many as ``seconds`` on the clock allow."""

    steps: int = 3000
    seconds: float = 12.0
    batch: int = 256
    learning_rate: float = 3e-3
    seed: int = 0
    report_every: int = 200
    samples: int = 400

    def __post_init__(self) -> None:
        check_number("The number of training steps", self.steps, 1, 50_000, whole=True)
        check_number("The seconds to train", self.seconds, 0.1, 120)
        check_number("The batch", self.batch, 1, 4096, whole=True)
        check_number("The learning rate", self.learning_rate, 1e-6, 1)
        check_number("The seed", self.seed, 0, MAX_SEED, whole=True)
        check_number("The steps between reports", self.report_every, 1, 50_000, whole=True)
        check_number("The number of samples", self.samples, 1, MAX_POINTS, whole=True)


@dataclass(frozen=True, eq=False)
class TrainingEvent:
    """Where the training stands: mean ``loss`` since the last event, and ``samples`` [n, 2] painted just now.

    ``distance`` is the Chamfer distance of the samples to the drawing in units of the drawing's spread;
    ``untrained_distance`` is that of plain noise, for comparison.
    """

    step: int
    steps: int
    seconds: float
    loss: float
    samples: np.ndarray
    distance: float
    untrained_distance: float
    finished: bool
    denoiser: Denoiser


@dataclass(frozen=True, eq=False)
class Flow:
    """Points on their way: ``positions`` [passes + 1, n, 2], and the noise share ``sigma`` [passes + 1] at each."""

    positions: np.ndarray
    sigma: np.ndarray


class Denoiser(nn.Module):
    """Predicts the noise in points [n, 2] at timesteps [n] in 0 … 999; a perceptron with two residual blocks.

    ``centre`` [2] and ``spread`` (a scalar) bring the drawing to mean 0 and deviation 1.
    """

    centre: Tensor
    spread: Tensor
    alphas: Tensor
    sigmas: Tensor
    times: Tensor
    octaves: Tensor

    def __init__(self, centre: Tensor, spread: Tensor, generator: torch.Generator, width: int = 128) -> None:
        super().__init__()
        self.register_buffer("centre", centre)
        self.register_buffer("spread", spread)
        betas = torch.linspace(1e-4, 0.02, TIMESTEPS)  # DDPM, §4
        kept = torch.cumprod(1 - betas, dim=0)
        self.register_buffer("alphas", torch.cat([kept.sqrt(), torch.ones(1)]))  # the last entry, [-1], is clean
        self.register_buffer("sigmas", torch.cat([(1 - kept).sqrt(), torch.zeros(1)]))
        self.register_buffer("times", _waves(torch.arange(TIMESTEPS) / TIMESTEPS, 16))
        self.register_buffer("octaves", math.pi * 2.0 ** torch.arange(-2, 2))
        self.time = nn.Linear(32, width)
        self.enter = nn.Linear(2 + 2 * 2 * 4, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)) for _ in range(2)
        )
        self.leave = nn.Linear(width, 2)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
                nn.init.zeros_(layer.bias)

    def forward(self, points: Tensor, timesteps: Tensor) -> Tensor:
        """The noise [n, 2] guessed in points [n, 2] at timesteps int [n]."""
        angles = (points[:, :, None] * self.octaves).flatten(1)  # [n, 2·octaves]
        hidden = self.enter(torch.cat([points, angles.sin(), angles.cos()], dim=1)) + self.time(self.times[timesteps])
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.leave(torch.nn.functional.silu(hidden))

    def inward(self, points: np.ndarray) -> Tensor:
        """Points [n, 2] from the drawing's coordinates to the network's."""
        return (torch.as_tensor(points, dtype=torch.float32) - self.centre) / self.spread

    def outward(self, points: Tensor) -> np.ndarray:
        """Points [n, 2] from the network's coordinates to the drawing's."""
        return (points * self.spread + self.centre).numpy()


def _waves(times: Tensor, count: int) -> Tensor:
    """Sinusoidal embedding [n, 2·count] of times in [0, 1) (after Vaswani et al. 2017, §3.5)."""
    angles = times[:, None] * 1000 ** torch.linspace(0, 1, count)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def train(drawing: np.ndarray, training: Training | None = None) -> Iterator[TrainingEvent]:
    """Learn the drawing (points [n, 2], any scale), streaming an event now and then; close it to stop.

    The last event's ``denoiser`` is the trained one. The same drawing and settings give the same result on
    one machine as long as the steps, not the clock, set the pace. PlainError when there are too few or odd points.
    """
    training = training or Training()
    drawing = _checked(drawing)
    began = time.perf_counter()
    generator = _generator(training.seed)
    data = torch.as_tensor(drawing, dtype=torch.float32)
    centre, spread = data.mean(dim=0), data.std(dim=0).square().mean().sqrt()
    denoiser = Denoiser(centre, spread, generator)
    average = copy.deepcopy(denoiser).requires_grad_(False)  # what paints: a running mean of the weights
    data = denoiser.inward(drawing)
    optimiser = torch.optim.AdamW(denoiser.parameters(), weight_decay=0.0, fused=True)
    start = torch.randn(len(drawing), 2, generator=generator)
    untrained = chamfer_distance(denoiser.outward(start), drawing)
    losses: list[float] = []
    for step in range(1, training.steps + 1):
        clock = (time.perf_counter() - began) / training.seconds
        spent = max(step / training.steps, clock if clock > 0.5 else 0.0)
        optimiser.param_groups[0]["lr"] = _learning_rate(training, min(1.0, spent))
        with torch.enable_grad():
            clean = data[torch.randint(len(data), (training.batch,), generator=generator)]
            timesteps = torch.randint(TIMESTEPS, (training.batch,), generator=generator)
            noise = torch.randn(training.batch, 2, generator=generator)
            noisy = denoiser.alphas[timesteps, None] * clean + denoiser.sigmas[timesteps, None] * noise  # eq. 4
            loss = (denoiser(noisy, timesteps) - noise).square().mean()  # eq. 14
            optimiser.zero_grad()
            loss.backward()
        optimiser.step()
        losses.append(loss.item())
        with torch.no_grad():
            decay = min(0.995, step / (step + 10))
            torch._foreach_lerp_(list(average.parameters()), list(denoiser.parameters()), 1 - decay)
        finished = step == training.steps or spent >= 1
        if finished or step % training.report_every == 0 or step == 1:
            snapshot = copy.deepcopy(average)
            samples = paint(snapshot, training.samples, passes=20, seed=training.seed).positions[-1]
            distance = chamfer_distance(samples, drawing)
            seconds, mean = time.perf_counter() - began, math.fsum(losses) / len(losses)
            losses.clear()
            yield TrainingEvent(step, training.steps, seconds, mean, samples, distance, untrained, finished, snapshot)
        if finished:
            return


def _learning_rate(training: Training, spent: float) -> float:
    """Up over the first twentieth of the run, then down to nothing along a cosine; ``spent`` in [0, 1]."""
    return training.learning_rate * min(spent / 0.05, 0.5 + 0.5 * math.cos(math.pi * spent))


def paint(denoiser: Denoiser, count: int = 500, *, passes: int = 50, seed: int = 0) -> Flow:
    """Noise to drawing by DDIM, in the drawing's own coordinates."""
    check_number("The number of points", count, 1, MAX_POINTS, whole=True)
    start = torch.randn(count, 2, generator=_generator(seed))
    return _ddim(denoiser, start, _timesteps(passes))


def ruin(denoiser: Denoiser, points: np.ndarray, *, passes: int = 50, seed: int = 0) -> Flow:
    """The forward process: the drawing ruined level by level with one fixed noise (DDPM eq. 4)."""
    clean = denoiser.inward(_checked(points, least=1))
    noise = torch.randn(clean.shape, generator=_generator(seed))
    timesteps = _timesteps(passes)[::-1]
    levels = [(denoiser.alphas[t], denoiser.sigmas[t]) for t in timesteps]
    positions = [denoiser.outward(alpha * clean + sigma * noise) for alpha, sigma in levels]
    return Flow(np.stack(positions), denoiser.sigmas[timesteps].numpy())


def predicted_noise(denoiser: Denoiser, points: np.ndarray, timestep: int) -> np.ndarray:
    """What the network takes for noise at ``points`` [n, 2]: arrows [n, 2], both in the drawing's units."""
    check_number("A timestep", timestep, 0, TIMESTEPS - 1, whole=True)
    inside = denoiser.inward(_checked(points, least=1))
    with torch.inference_mode():
        return (denoiser(inside, torch.full((len(inside),), timestep)) * denoiser.spread).numpy()


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(whole("The seed", seed, 0, MAX_SEED))


def _timesteps(passes: int) -> list[int]:
    """From pure noise to clean (-1): passes + 1 evenly spaced timesteps."""
    check_number("The number of passes", passes, 1, 200, whole=True)
    return [round(t) for t in np.linspace(TIMESTEPS - 1, -1, passes + 1)]


@torch.inference_mode()
def _ddim(denoiser: Denoiser, points: Tensor, timesteps: list[int]) -> Flow:
    """Move points [n, 2] through the given timesteps, either way (DDIM eq. 12 with σ = 0)."""
    positions = [denoiser.outward(points)]
    for now, then in zip(timesteps, timesteps[1:], strict=False):
        noise = denoiser(points, torch.full((len(points),), max(now, 0)))
        clean = (points - denoiser.sigmas[now] * noise) / denoiser.alphas[now]
        points = denoiser.alphas[then] * clean + denoiser.sigmas[then] * noise
        positions.append(denoiser.outward(points))
    return Flow(np.stack(positions), denoiser.sigmas[timesteps].numpy())


def nearest(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How far each of points ``a`` [n, 2] is from the nearest of points ``b`` [m, 2]: [n], in their own units."""
    return torch.cdist(torch.as_tensor(a).double(), torch.as_tensor(b).double()).amin(1).numpy()


def chamfer_distance(a: np.ndarray, b: np.ndarray) -> float:
    """How far points ``a`` [n, 2] and ``b`` [m, 2] are from the nearest of the other set, in units of b's spread.

    The mean of both directions (Fan et al. 2017, eq. 1, with plain distances), over at most 1,000 points each.
    """
    a, b = (points[:: math.ceil(len(points) / 1000)].astype(np.float64) for points in (a, b))
    apart = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])
    spread = math.sqrt(b.var(axis=0).mean())
    return float(apart.min(axis=1).mean() + apart.min(axis=0).mean()) / (2 * spread)


def _checked(points: np.ndarray, least: int = 20) -> np.ndarray:
    points = np.asarray(points, dtype=np.float32)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise PlainError("A drawing is a list of points with two finite coordinates each.")
    if not least <= len(points) <= MAX_POINTS:
        raise PlainError(f"Draw between {least} and {MAX_POINTS} points; there are {len(points)}.")
    if least > 1 and points.std() < 1e-6:
        raise PlainError("All points lie in one place. Draw a shape first.")
    return points


def sample_drawing(name: str, count: int = 1000, seed: int = 0) -> np.ndarray:
    """A ready drawing float32 [count, 2] in about [−1, 1]², y upwards; ``name`` is one of :data:`DRAWINGS`."""
    check_number("The number of points", count, 20, MAX_POINTS, whole=True)
    name, random = one_of("The drawing", name, DRAWINGS), np.random.default_rng(whole("The seed", seed, 0, MAX_SEED))
    u = random.random(count)
    if name == "spiral":
        angle = 0.5 * math.pi + 3.5 * math.pi * np.sqrt(u)
        points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * angle[:, None] / (4 * math.pi)
    elif name == "heart":
        t = 2 * math.pi * u
        wave = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
        points = np.stack([np.sin(t) ** 3, wave / 17 + 0.1], axis=1)
    elif name == "smile":
        part, t = random.choice(4, count, p=(0.55, 0.25, 0.1, 0.1)), u
        round_, mouth = 2 * math.pi * t, math.pi * (1.15 + 0.7 * t)
        parts = [np.stack([np.cos(round_), np.sin(round_)], 1), 0.6 * np.stack([np.cos(mouth), np.sin(mouth)], 1)]
        eye = 0.09 * np.stack([np.cos(round_), np.sin(round_)], 1)
        parts += [eye + (-0.35, 0.35), eye + (0.35, 0.35)]
        points = np.select([part[:, None] == i for i in range(4)], parts)
    elif name == "moons":
        t, upper = math.pi * u, random.random(count) < 0.5
        arc = np.stack([np.cos(t), np.sin(t)], axis=1)
        points = np.where(upper[:, None], arc + (-0.5, -0.25), -arc + (0.5, 0.25)) / 1.5
    else:  # the letter A
        strokes = np.array([((-0.7, -1), (0, 1)), ((0, 1), (0.7, -1)), ((-0.4, -0.2), (0.4, -0.2))])
        start, end = np.moveaxis(strokes[random.choice(3, count, p=(0.39, 0.39, 0.22))], 1, 0)
        points = start + (end - start) * u[:, None]
    return (points + random.normal(scale=0.02, size=(count, 2))).astype(np.float32)
