"""Screen 4: the two predictions of every pass, with and without the caption, and the gap between them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engines.checks import check_number, seed_range
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.pictures import diffusion
from engines.pictures.diffusion import Painter, Pass, Plan
from engines.pictures.plan import MAX_GUIDANCE
from engines.statistics import cells, mean_interval, percent, plural, share, words
from lessons.guidance.measures import apart, need_caption, need_two_branches
from lessons.shell.painting import underway


@dataclass(frozen=True, eq=False)
class Fork:
    """One pass: both noise predictions and their mix, float32 [C, h, w], and the clean pictures they stand for.

    ``without``, ``with_caption`` and ``guided`` are uint8 [H, W, 3], each branch's guess of the finished picture.
    """

    event: Pass
    scale: float
    noise_without: np.ndarray
    noise_with: np.ndarray
    noise_guided: np.ndarray
    without: np.ndarray
    with_caption: np.ndarray
    guided: np.ndarray


@dataclass(frozen=True, eq=False)
class Gap:
    """How far apart the two predictions are, float [seeds, passes].

    ``noise``: length of εc − ε∅ over the length of ε∅. ``picture``: mean absolute difference of the two guessed
    pictures, 0 to 1. ``middle``: the pass (from 0) whose predictions the code reproduces.
    """

    caption: str
    guidance_scale: float
    noise: np.ndarray
    picture: np.ndarray
    middle: int
    finished: np.ndarray


def fork(
    painter: Painter,
    caption: str,
    guidance_scale: float | None = None,
    seed: int = 7,
    *,
    seeds: int = 4,
    steps: int | None = None,
) -> Iterator[Fork | Underway | Evidence[Gap]]:
    """One Fork a pass for the first seed, then the Evidence; and again when the other seeds are measured."""
    began, steps = time.perf_counter(), painter.passes(steps)
    need_two_branches(painter)
    caption = need_caption(caption)
    scale = painter.guidance_scale if guidance_scale is None else guidance_scale
    check_number("The guidance scale", scale, 1.01, MAX_GUIDANCE)
    rows = seed_range(seed, seeds)
    noise, picture, kept, event = [], [], None, None
    for event in diffusion.denoise(painter, Plan(caption, rows[:1], steps=steps, guidance_scale=scale)):
        without, with_caption, guided = _guesses(painter, event)
        assert event.noise_unconditional is not None
        noise.append(_noise_gap(event))
        picture.append(apart(without, with_caption))
        step = Fork(
            event, scale, event.noise_unconditional[0], event.noise_conditional[0], event.noise[0],
            without[0], with_caption[0], guided[0],
        )  # fmt: skip
        if event.index == event.passes // 3:
            kept = step
        yield step
    assert event is not None and event.pictures is not None and kept is not None
    value = Gap(caption, scale, np.stack(noise, 1), np.stack(picture, 1), kept.event.index, event.pictures[0])
    yield _evidence(painter, value, kept, rows[:1], steps, began)
    if len(rows) == 1:
        return
    noise, picture = [], []
    for event in diffusion.denoise(painter, Plan(caption, rows[1:], steps=steps, guidance_scale=scale)):
        without, with_caption, _ = _guesses(painter, event)
        noise.append(_noise_gap(event))
        picture.append(apart(without, with_caption))
        yield underway(event, f"{plural(len(rows) - 1, 'more seed')} to measure")
    more_noise = np.concatenate([value.noise, np.stack(noise, 1)])
    value = replace(value, noise=more_noise, picture=np.concatenate([value.picture, np.stack(picture, 1)]))
    yield _evidence(painter, value, kept, rows, steps, began)


def _guesses(painter: Painter, event: Pass) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The finished pictures that each branch, and the guided mix, stand for, decoded together."""
    assert event.branches_clean is not None
    with_caption, without = event.branches_clean
    clean = np.stack([without, with_caption, event.predicted_clean])
    decoded = painter.decode(clean.reshape(-1, *clean.shape[2:]))
    first, second, third = decoded.reshape(3, -1, *decoded.shape[1:])
    return first, second, third


def _noise_gap(event: Pass) -> np.ndarray:
    assert event.noise_unconditional is not None
    gap = event.noise_conditional - event.noise_unconditional
    axes = (1, 2, 3)
    return np.sqrt((gap**2).sum(axes) / (event.noise_unconditional**2).sum(axes))


def thirds(gaps: np.ndarray) -> np.ndarray:
    """Means over the first, middle and last third of the passes: [seeds, passes] -> [seeds, 3]."""
    return np.stack([part.mean(axis=1) for part in np.array_split(gaps, 3, axis=1)], axis=1)


def _evidence(
    painter: Painter, value: Gap, shown: Fork, seeds: tuple[int, ...], steps: int, began: float
) -> Evidence[Gap]:
    passes = value.noise.shape[1]
    rows = tuple(
        (index + 1, *cells(mean_interval(value.noise[:, index])), *cells(share(value.picture[:, index])))
        for index in range(passes)
    )
    whole = mean_interval(value.noise.mean(axis=1))
    early, middle, late = (share(column) for column in thirds(value.picture).T)
    peak = int(value.picture.mean(axis=0).argmax()) + 1
    findings = (
        Finding(
            percent(whole[0]),
            f"is the gap's length beside the prediction without caption, over all passes: {words(whole, 1, True)}. "
            "All that the words say fits in there.",
        ),
        Finding(
            f"{percent(early[0])} → {percent(middle[0])} → {percent(late[0])}",
            "is how far apart the two guessed pictures are in the first, middle and last third of the passes "
            f"(mean difference of colours), most in pass {peak}.",
        ),
        Finding(
            f"× {value.guidance_scale:g}",
            "is what the gap is multiplied by before it is added. The guided prediction lies beyond both.",
        ),
    )
    alt = (
        f"Over {plural(passes, 'pass', 'passes')} the predictions with and without “{value.caption}” differ by "
        f"{percent(whole[0])} of their length on average ({plural(len(seeds), 'seed')}). The pictures they stand for "
        f"differ by {percent(early[0])} in the first third of the passes, {percent(middle[0])} in the middle and "
        f"{percent(late[0])} in the last."
    )
    source = Provenance.live(
        painter, began, seeds[0], caption=value.caption, seeds=len(seeds), **painter.pass_settings(steps),
        guidance_scale=value.guidance_scale,
    )  # fmt: skip
    columns = ("pass", "gap of the noises", "low", "high", "gap of the pictures", "low", "high")
    code = ""
    if painter.prediction_type == "epsilon":  # the code shows the network's own outputs: the noise, for most painters
        code = two_predictions(painter.source, value.caption, seeds[0], steps, value.guidance_scale, value.middle)
    expected = {
        "without": shown.noise_without[None], "with": shown.noise_with[None], "guided": shown.noise_guided[None],
    }  # fmt: skip
    return Evidence(value, alt, Table(columns, rows), source, findings, code, expected)


def two_predictions(model: str, caption: str, seed: int, steps: int, guidance_scale: float, index: int) -> str:
    """Plain diffusers code whose ``result`` holds both outputs of the network and their mix in pass ``index``."""
    from engines.pictures.snippets import denoising

    load = denoising(model, caption, seeds=(seed,), steps=steps, guidance_scale=guidance_scale).partition("latents = ")
    return f"""{load[0]}outputs = []  # one a pass: the network's output without and with the caption, in this order
pipeline.unet.register_forward_hook(lambda unet, args, output: outputs.append(output[0]))
pipeline(
    {caption!r}, num_inference_steps={steps}, guidance_scale={guidance_scale!r},
    generator=torch.Generator("cpu").manual_seed({seed}), output_type="latent",
)
without, with_caption = outputs[{index}].chunk(2)
guided = without + {guidance_scale!r} * (with_caption - without)
result = {{"without": without.numpy(), "with": with_caption.numpy(), "guided": guided.numpy()}}
"""


def fork_truth(value: Gap) -> tuple[int, str]:
    parts = thirds(value.picture)
    said = ", ".join(words(share(column), 1, True) for column in parts.T)
    return int(parts.mean(axis=0).argmax()), f"first, middle and last third: {said}"
