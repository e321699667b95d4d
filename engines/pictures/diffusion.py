"""Latent diffusion, opened up: one explicit denoising loop that yields one :class:`Pass` a step.

Read :func:`denoise` first: it is the whole machine. What attaches to it, from the start noise to pokes and
held layouts, is in :mod:`engines.pictures.interventions`; the library's pipeline is behind
:mod:`engines.pictures.painter`.

Papers: Ho et al. 2020 (DDPM), Rombach et al. 2022 (latent diffusion), Ho & Salimans 2022 (guidance).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engines.checks import MAX_SEED, check_caption, check_number, whole
from engines.models import lending, worker
from engines.pictures.captions import Reading, Word
from engines.pictures.measures import psnr
from engines.pictures.painter import Painter, load
from engines.pictures.plan import (
    MAX_GUIDANCE,
    MAX_ROWS,
    Between,
    Blend,
    Freeze,
    FromPicture,
    GivenNoise,
    HoldLayout,
    KnockOut,
    Perturbed,
    Plan,
    Poke,
    Swap,
    WordWeight,
)

if TYPE_CHECKING:
    from torch import Tensor

    from engines.pictures.interventions import Run

__all__ = [
    "Between", "Blend", "Freeze", "FromPicture", "GivenNoise", "HoldLayout", "KnockOut", "OneShotGuess",
    "Painter", "Pass", "Perturbed", "Plan", "Poke", "Reading", "Swap", "Word", "WordMaps",
    "WordWeight", "denoise", "load", "noising", "paint",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class WordMaps:
    """How much each patch attended to each word in one pass, averaged over heads and layers of one size.

    ``maps[(h, w)]``: float32 [rows, words, h, w] of attention probabilities; a word of several tokens has
    their sum. ``words`` holds the words of each row's caption, padded with "" to the same number.
    """

    words: tuple[tuple[str, ...], ...]
    maps: dict[tuple[int, int], np.ndarray]

    def heat(self, row: int, word: int, height: int, width: int) -> np.ndarray:
        """One heatmap [height, width]: the sizes enlarged and averaged (after DAAM, Tang et al. 2022)."""
        from PIL import Image

        layers = [Image.fromarray(maps[row, word]) for maps in self.maps.values()]
        enlarged = [np.asarray(layer.resize((width, height), Image.Resampling.BICUBIC)) for layer in layers]
        return np.stack(enlarged).mean(axis=0)


@dataclass(frozen=True, eq=False)
class Pass:
    """One pass. Latents and noises are float32 [rows, C, h, w]; pictures uint8 [rows, H, W, 3].

    ``passes`` are those the run really makes and ``timesteps`` what the network is told in each: its scheduler decides
    both. ``timestep`` is this pass's own.

    The latent entering the pass is ``alpha``·clean + ``sigma``·noise. ``noise`` is the guided estimate that
    the scheduler used; ``noise_unconditional`` is None when the painter runs one branch. ``predicted_clean``
    is the finished latent as guessed from this pass alone: (latent_before − sigma·noise) / alpha. ``branches_clean``
    are the same guesses of the two branches, with the caption and without it; None where there is one.
    ``pictures`` holds the finished pictures on the last pass, None before; ``withheld`` says which of them the
    safety checker blacked out.
    """

    index: int
    passes: int
    timestep: float
    timesteps: tuple[float, ...]
    alpha: float
    sigma: float
    captions: tuple[str, ...]
    latent_before: np.ndarray
    latent: np.ndarray
    noise_conditional: np.ndarray
    noise_unconditional: np.ndarray | None
    noise: np.ndarray
    predicted_clean: np.ndarray
    branches_clean: tuple[np.ndarray, np.ndarray] | None
    previews: np.ndarray | None
    canvas: np.ndarray | None
    attention: WordMaps | None
    pictures: np.ndarray | None
    seconds: float
    withheld: tuple[bool, ...] = ()

    @property
    def finished(self) -> bool:
        return self.index == self.passes - 1


@dataclass(frozen=True, eq=False)
class OneShotGuess:
    """A picture noised to one timestep, and the clean picture the painter guesses from it in a single pass.

    ``psnr`` compares the guess with the input picture in dB, ``noisy_psnr`` the decoded noisy latent, and
    ``ceiling_psnr`` the autoencoder's round trip without any noise: the best a guess could reach.
    """

    timestep: int
    alpha: float
    sigma: float
    noisy_latent: np.ndarray
    noisy_picture: np.ndarray
    noise: np.ndarray
    predicted_noise: np.ndarray
    predicted_clean: np.ndarray
    guess: np.ndarray
    psnr: float
    noisy_psnr: float
    ceiling_psnr: float


@lending.on_card(lambda painter, plan: painter.seconds(plan.rows, len(painter.timesteps(plan))))
def denoise(painter: Painter, plan: Plan) -> Iterator[Pass]:
    """Paint by the plan, one :class:`Pass` at a time; closing the iterator stops the run.

    With the same seed, on a CPU, the finished pictures equal the stock pipeline's bit for bit. A seed's
    picture does not depend on the other rows, nor on other runs whose passes it shares, except that a batch rounds
    the last floating-point digits differently. PlainError when the plan asks for what this painter cannot do.
    """
    import torch

    from engines.pictures.interventions import Run

    with torch.inference_mode():
        run = Run(painter, plan)
        latent = run.start()
    for index, t in enumerate(run.timesteps):
        began = time.perf_counter()
        with torch.inference_mode():
            latent = run.before_pass(index, latent)  # [rows, C, h, w]
            batch = torch.cat([latent] * 2) if run.two_branches else latent  # [2·rows, C, h, w]
            batch = run.scale_input(batch, t)  # the same, of unit variance
            given = run.conditioning(index)
            with run.listen(index):
                output = painter.predict(batch, t, given, alone=run.tap is not None)  # [2·rows, C, h, w]

            branches = None
            if run.two_branches:  # Ho & Salimans 2022, eq. 6, with guidance_scale = w + 1
                unconditional, conditional = output.chunk(2)  # [rows, C, h, w] each
                output = unconditional + run.guidance_scale * (conditional - unconditional)
                branches = conditional, unconditional

            stepped = run.scheduler.step(output, t, latent, **run.step_options, return_dict=False)[0]
            before, latent = latent, run.after_pass(index, stepped)  # [rows, C, h, w] each
            event = _trace(run, index, before, latent, output, branches, began)
        yield event


def _trace(
    run: Run, index: int, before: Tensor, latent: Tensor, guided: Tensor, branches: tuple[Tensor, Tensor] | None,
    began: float,
) -> Pass:  # fmt: skip
    """One pass as numbers and pictures.

    ``guided`` is the network's output that the scheduler used, ``branches`` those it was made of, with the caption
    and without it, where there are two.
    """
    import torch

    painter, plan, (alpha, sigma) = run.painter, run.plan, run.levels[index]
    arrays, clean = _numbers(run, index, before, latent, guided, branches)
    shown = [clean] * plan.previews + [before.float() / math.hypot(alpha, sigma)] * plan.canvas
    decoded = painter.decode_previews(torch.cat(shown)) if shown else np.empty(0)
    last = index == run.passes - 1
    pictures, withheld = painter.checked(painter.decode_tensor(latent)) if last else (None, ())
    return Pass(
        index=index,
        passes=run.passes,
        timestep=run.timestep_values[index],
        timesteps=run.timestep_values,
        alpha=alpha,
        sigma=sigma,
        captions=run.captions[index],
        latent_before=arrays["latent_before"],
        latent=arrays["latent"],
        noise_conditional=arrays.get("noise_conditional", arrays["noise"]),
        noise_unconditional=arrays.get("noise_unconditional"),
        noise=arrays["noise"],
        predicted_clean=arrays["predicted_clean"],
        branches_clean=None if branches is None else (arrays["clean_conditional"], arrays["clean_unconditional"]),
        previews=decoded[: run.rows] if plan.previews else None,
        canvas=decoded[-run.rows :] if plan.canvas else None,
        attention=_word_maps(run, index),
        pictures=pictures,
        seconds=time.perf_counter() - began,
        withheld=withheld,
    )


@worker.only
def _numbers(
    run: Run, index: int, before: Tensor, latent: Tensor, guided: Tensor, branches: tuple[Tensor, Tensor] | None
) -> tuple[dict[str, np.ndarray], Tensor]:
    """The latents, noises and clean pictures of a pass, off the device in one transfer, and the clean one there."""
    import torch

    from engines.pictures.noise import noise_and_clean

    painter, (alpha, sigma), seen = run.painter, run.levels[index], before.float()

    def said(output: Tensor) -> tuple[Tensor, Tensor]:
        return noise_and_clean(output.float(), seen, alpha, sigma, painter.prediction_type, painter.sigma_data)

    named = {"latent_before": seen, "latent": latent.float()}
    named["noise"], named["predicted_clean"] = said(guided)
    if branches is not None:
        named["noise_conditional"], named["clean_conditional"] = said(branches[0])
        named["noise_unconditional"], named["clean_unconditional"] = said(branches[1])
    arrays = dict(zip(named, torch.stack([*named.values()]).cpu().numpy(), strict=True))
    return arrays, named["predicted_clean"]


@worker.only
def _word_maps(run: Run, index: int) -> WordMaps | None:
    """What the pass's tap heard, by word."""
    if run.tap is None or not run.tap.heard:
        return None
    from engines.pictures.cross_attention import by_word

    readings = [run.readings[caption] for caption in run.captions[index]]
    words = [[word for word in reading.words if word.tokens] for reading in readings]
    most = max(map(len, words))
    maps = by_word(run.tap.heard, [[word.tokens for word in row] for row in words], *run.shape[1:])
    return WordMaps(tuple(tuple(w.text for w in row) + ("",) * (most - len(row)) for row in words), maps)


# --- uses of the loop -------------------------------------------------------------------------------------


def paint(painter: Painter, plan: Plan) -> np.ndarray:
    """The finished pictures uint8 [rows, H, W, 3] of a plan."""
    pictures = None
    for event in denoise(painter, plan):
        pictures = event.pictures
    assert pictures is not None
    return pictures


@lending.on_card(lambda painter, picture, *, timesteps, **more: painter.seconds(len(timesteps), 1))
def noising(
    painter: Painter, picture: np.ndarray, *, timesteps: Sequence[int], seed: int = 0, caption: str = "",
    guidance_scale: float = 1.0,
) -> tuple[OneShotGuess, ...]:  # fmt: skip
    """Noise a picture uint8 [H, W, 3] to each timestep with one noise (DDPM eq. 4) and guess it back in one pass each.

    The clean latent is x̂₀ = (x_t − √(1−ᾱ_t)·ε) / √ᾱ_t (DDPM eq. 15). Timestep 0 is nearly clean,
    ``train_timesteps`` − 1 nearly pure noise; at most 16 timesteps in one batch. Networks trained as in
    Karras et al. 2022 keep the latent and add more noise to it (alpha = 1); the noisy picture is at unit variance.
    """
    import torch

    from engines.pictures.noise import from_seed, noise_and_clean, ruin, training_level

    rows = len(timesteps)
    check_number("The number of noise levels", rows, 1, MAX_ROWS, whole=True)
    timesteps = tuple(whole("A timestep", timestep, 0, painter.train_timesteps - 1) for timestep in timesteps)
    check_caption(caption)
    check_number("The guidance scale", guidance_scale, 0, MAX_GUIDANCE)
    seed = whole("The seed", seed, 0, MAX_SEED)
    two_branches = painter.has_two_branches and guidance_scale != 1
    picture = painter.fit(picture[None], painter.height, painter.width)[0]
    scheduler = painter.new_scheduler()
    levels = [training_level(scheduler, timestep) for timestep in timesteps]
    with torch.inference_mode():
        clean = torch.from_numpy(painter.encode(picture[None])).to(device=painter.device, dtype=painter.dtype)
        noise = from_seed(clean.shape[1:], seed).to(clean)  # [C, h, w]
        given = painter.condition(
            (caption,) * rows,
            "",
            two_branches=two_branches,
            size=(painter.height, painter.width),
            scales=(guidance_scale,) * rows,
        )
        noisy = torch.cat([ruin(clean, noise, alpha, sigma) for alpha, sigma, _ in levels])  # [rows, C, h, w]
        batch = torch.cat([_as_input(painter, noisy[i : i + 1], level) for i, level in enumerate(levels)])
        batch = torch.cat([batch] * 2) if two_branches else batch
        times = torch.tensor([time for _, _, time in levels], device=painter.device)
        output = painter.predict(batch, times.repeat(2 if two_branches else 1), given, alone=True)
        if two_branches:
            unconditional, conditional = output.chunk(2)
            output = unconditional + guidance_scale * (conditional - unconditional)
        kind, sigma_data = painter.prediction_type, painter.sigma_data
        guesses = [
            noise_and_clean(output[i : i + 1], noisy[i : i + 1], alpha, sigma, kind, sigma_data)
            for i, (alpha, sigma, _) in enumerate(levels)
        ]
        predicted = torch.cat([guess for _, guess in guesses])
        unit = torch.cat([noisy[i : i + 1] / math.hypot(*level[:2]) for i, level in enumerate(levels)])
        decoded = painter.decode_tensor(torch.cat([clean, unit, predicted]))
        shown = painter.checked(decoded[1:])[0]
    ceiling = psnr(picture, decoded[0])
    return tuple(
        OneShotGuess(
            timestep=int(timestep),
            alpha=levels[i][0],
            sigma=levels[i][1],
            noisy_latent=noisy[i].float().cpu().numpy(),
            noisy_picture=shown[i],
            noise=noise.float().cpu().numpy(),
            predicted_noise=guesses[i][0][0].float().cpu().numpy(),
            predicted_clean=predicted[i].float().cpu().numpy(),
            guess=shown[rows + i],
            psnr=psnr(picture, decoded[1 + rows + i]),
            noisy_psnr=psnr(picture, decoded[1 + i]),
            ceiling_psnr=ceiling,
        )
        for i, timestep in enumerate(timesteps)
    )


def _as_input(painter: Painter, noisy: Tensor, level: tuple[float, float, float]) -> Tensor:
    """A noisy latent [1, C, h, w] as the network wants it: of unit variance where the schedule keeps the latent's own
    scale (Karras et al. 2022, eq. 7), as it is where the schedule keeps its variance."""
    scaled = painter.prediction_type in ("edm", "edm_v")
    return noisy / math.hypot(level[1], painter.sigma_data) if scaled else noisy
