"""Noise with a seed: where a run starts, and how a clean latent is ruined.

Every draw is float32 from a CPU generator, so a seed means the same noise on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from engines.evidence import PlainError
from engines.pictures.plan import Between, GivenNoise, Perturbed, Start


def draw(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Standard normal numbers, float32 of ``shape``, from a CPU ``generator``, which moves on."""
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float32)


def from_seed(shape: Sequence[int], seed: int) -> Tensor:
    """Standard normal numbers, float32 of ``shape``, from a fresh CPU generator: the same on every machine."""
    return draw(shape, torch.Generator("cpu").manual_seed(int(seed)))


def slerp(a: Tensor, b: Tensor, fraction: float) -> Tensor:
    """The point at ``fraction`` of the arc from ``a`` to ``b``, same shape (Shoemake 1985, §3.3).

    A straight line between two noises passes through points too quiet to be noise; the arc does not.
    """
    cosine = torch.dot(a.flatten(), b.flatten()) / (a.norm() * b.norm())
    angle = math.acos(float(cosine.clamp(-1, 1)))
    if math.sin(angle) < 1e-4:
        return torch.lerp(a, b, fraction)
    return (math.sin((1 - fraction) * angle) * a + math.sin(fraction * angle) * b) / math.sin(angle)


def start_noise(start: Start | None, noises: Tensor, each: Any) -> Tensor:
    """Turn the rows' seeded ``noises`` [rows, C, h, w] into the noise the run starts from.

    ``each`` spreads one value or a tuple over the rows (``Plan.each``). PlainError when a given noise does
    not fit.
    """
    if isinstance(start, Perturbed):
        other = from_seed(noises.shape[1:], start.seed)
        rows = zip(noises, each(start.amount), strict=True)
        return torch.stack([math.sqrt(1 - amount**2) * row + amount * other for row, amount in rows])
    if isinstance(start, Between):
        other = from_seed(noises.shape[1:], start.seed)
        return torch.stack([slerp(a, other, f) for a, f in zip(noises, each(start.fraction), strict=True)])
    if isinstance(start, GivenNoise):
        given = torch.as_tensor(start.latent, dtype=torch.float32)
        given = given[None] if given.ndim == 3 else given
        if given.shape[1:] != noises.shape[1:] or given.shape[0] not in (1, len(noises)):
            raise PlainError(f"The start noise must have the shape {tuple(noises.shape)}.")
        if not bool(given.isfinite().all()):
            raise PlainError("The start noise holds numbers that are not finite.")
        return given.expand_as(noises).clone()
    return noises


def ruin(clean: Tensor, noise: Tensor, alpha: float, sigma: float) -> Tensor:
    """The forward process at one level: alpha·clean + sigma·noise, all of one shape (DDPM, Ho et al. 2020, eq. 4)."""
    return alpha * clean + sigma * noise


def levels(scheduler: Any, timesteps: Tensor, begin: int = 0) -> list[tuple[float, float]]:
    """(alpha, sigma) of the latent entering each pass, and (1, 0) for the finished one: passes + 1 pairs.

    Three conventions exist in the library: flow matching (1 − σ, σ), variance-preserving (ᾱ from the
    schedule) and the "sigmas" of Karras et al. 2022, whose latent is not scaled down (1, σ). DPM2 (Karras et al.
    2022, Algorithm 2) looks every other time at a latent half-way between two of them.
    """
    sigmas = getattr(scheduler, "sigmas", None)
    if sigmas is None:
        kept = scheduler.alphas_cumprod[timesteps.long().cpu()]
        alpha, sigma = kept**0.5, (1 - kept) ** 0.5
    else:
        run = sigmas[begin : begin + len(timesteps)]
        if is_flow(scheduler):
            alpha, sigma = 1 - run, run
        elif hasattr(scheduler, "_sigma_to_alpha_sigma_t") and not is_preconditioned(scheduler):
            alpha = 1 / (run**2 + 1) ** 0.5
            sigma = run * alpha
        else:
            alpha, sigma = torch.ones_like(run), run.clone()
            if type(scheduler).__name__ == "KDPM2DiscreteScheduler":
                sigma[1::2] = scheduler.sigmas_interpol[begin : begin + len(timesteps)][1::2]
    return [*zip(alpha.tolist(), sigma.tolist(), strict=True), (1.0, 0.0)]


def is_flow(scheduler: Any) -> bool:
    """Whether the schedule runs straight from clean to noise (flow matching, Lipman et al. 2022)."""
    config = scheduler.config
    return "FlowMatch" in type(scheduler).__name__ or bool(config.get("use_flow_sigmas"))


def is_preconditioned(scheduler: Any) -> bool:
    """Whether the scheduler itself scales what goes into the network and what comes out (Karras et al. 2022, §5)."""
    return hasattr(scheduler, "precondition_outputs")


def prediction_of(scheduler: Any) -> str:
    """What the network of this scheduler predicts, in the words of :func:`noise_and_clean`."""
    kind = str(scheduler.config.get("prediction_type", "epsilon"))
    if is_flow(scheduler):
        return "flow_prediction"
    return PRECONDITIONED.get(kind, kind) if is_preconditioned(scheduler) else kind


def training_level(scheduler: Any, timestep: int) -> tuple[float, float, float]:
    """(alpha, sigma) of a training timestep, and the time that the network is told for it.

    ``scheduler`` must be fresh: before any run its own sigmas, where it has a ladder of them, are those of training.
    """
    if is_flow(scheduler):
        sigma = timestep / scheduler.config.num_train_timesteps
        return 1 - sigma, sigma, timestep
    if is_preconditioned(scheduler):
        rung = len(scheduler.timesteps) - 1 - timestep  # the ladder leads down
        return 1.0, float(scheduler.sigmas[rung]), float(scheduler.timesteps[rung])
    kept = float(scheduler.alphas_cumprod[timestep])
    return math.sqrt(kept), math.sqrt(1 - kept), timestep


PRECONDITIONED = {"epsilon": "edm", "v_prediction": "edm_v"}
KINDS = ("epsilon", "v_prediction", "sample", "flow_prediction", *PRECONDITIONED.values())


def noise_and_clean(
    output: Tensor, latent: Tensor, alpha: float, sigma: float, kind: str, sigma_data: float = 0.5
) -> tuple[Tensor, Tensor]:
    """(noise, clean), as a network's ``output`` tells of ``latent`` = alpha·clean + sigma·noise; all [rows, C, h, w].

    ``kind`` names what the network predicts: "epsilon" (DDPM), "v_prediction" (Salimans & Ho 2022, App. D),
    "sample" (the clean latent), "flow_prediction" (noise − clean), or "edm": with the latent's own share of the clean
    one taken off and scaled to unit variance (Karras et al. 2022, eq. 7 and Table 1, for data of deviation
    ``sigma_data``); "edm_v" is its negative.
    """
    if kind in ("edm", "edm_v"):
        variance = sigma**2 + sigma_data**2
        scaled = output * (sigma * sigma_data / math.sqrt(variance) * (1 if kind == "edm" else -1))
        clean = latent * (sigma_data**2 / variance) + scaled
        return (latent - clean) / sigma, clean
    scale = math.hypot(alpha, sigma)
    if kind == "epsilon":
        return output, (latent - sigma * output) / alpha
    if kind == "v_prediction":
        a, s, unit = alpha / scale, sigma / scale, latent / scale
        return a * output + s * unit, (a * unit - s * output)
    if kind == "sample":
        return (latent - alpha * output) / sigma, output
    if kind == "flow_prediction":
        return latent + alpha * output, latent - sigma * output
    raise PlainError(f"This painter predicts {kind!r}, which the playground cannot read.")
