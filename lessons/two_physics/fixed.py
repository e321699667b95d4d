"""Screen 2: how much of a text and of a picture is in place after every pass, over seeds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.checks import seed_range
from engines.evidence import Evidence, Finding, Table, Underway
from engines.pictures import diffusion
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.pictures.measures import settled
from engines.statistics import cells, mean_interval, percent, plural, share, within, words
from engines.text.language_model import LanguageModel, Run
from lessons.shell.painting import underway
from lessons.two_physics.measures import DIALS, TOLERANCE, provenance, request

DRAFT = 25
"""Tokens of the texts whose growth is measured."""


@dataclass(frozen=True, eq=False)
class Fixing:
    """Share settled after each pass: ``text`` float [seeds, tokens], ``picture`` float [seeds, passes].

    A text's tokens count when they are exactly in place, a picture's pixels when within TOLERANCE. ``alike`` (one a
    pair of seeds), the control: the share of the pixels of *another* seed's finished picture that would count.
    """

    text: np.ndarray
    picture: np.ndarray
    alike: np.ndarray

    def half_way(self) -> tuple[float, float, float]:
        """Mean share of the picture that is settled half-way through the passes, with its 95 % interval."""
        return share(self.picture[:, _middle(self.picture)])


def fixed(
    model: LanguageModel,
    painter: Painter,
    caption: str,
    seeds: int = 8,
    *,
    seed: int = 7,
    passes: int | None = None,
    tokens: int = DRAFT,
) -> Iterator[Underway | Evidence[Fixing]]:
    """Measure, over seeds, how much of the final answer is in place after every pass.

    ``passes`` of the sculptor, as many as suit it when None; ``tokens``: passes of the typewriter.
    """
    began, steps = time.perf_counter(), painter.passes(passes)
    prompt = model.encode(request(caption), chat=True)
    several = seed_range(seed, seeds)
    runs: Sequence[Run] = ()
    for event in model.write_many(prompt, DIALS, seeds=several, max_tokens=tokens):
        if isinstance(event, Underway):
            yield Underway(event.share, f"{plural(len(several), 'text')}, side by side: {event.words}")
        else:
            runs = event
    drafts = [[run.token_ids[: k + 1] for k in range(len(run.token_ids))] for run in runs]
    text = np.array([_kept(draft, tokens) for draft in drafts])
    frames: list[np.ndarray] = []
    for step in diffusion.denoise(painter, Plan(caption.strip(), several, steps=steps, previews=True)):
        assert step.previews is not None
        frames.append(step.previews)
        yield underway(step, f"{plural(len(several), 'picture')}, side by side")
    stacked = np.stack(frames, axis=1)  # [seeds, passes, H, W, 3]
    picture = np.array([settled(one, tolerance=TOLERANCE / 255) for one in stacked])
    ends = stacked[:, -1].astype(np.int16)
    alike = (np.abs(np.roll(ends, 1, axis=0) - ends).max(axis=-1) <= TOLERANCE).mean(axis=(1, 2))
    alike = alike[: {1: 0, 2: 1}.get(len(several))]  # of two pictures there is one pair
    yield _evidence(model, painter, caption.strip(), several, steps, Fixing(text, picture, alike), began)


def fixed_truth(value: Fixing) -> tuple[float, str]:
    return value.half_way()[0], f"{words(value.half_way(), 0, True)} of the picture"


def _kept(drafts: list[tuple[int, ...]], passes: int) -> np.ndarray:
    """Share of the final text that each draft already holds, unchanged and in place."""
    final = drafts[-1]
    shares = [sum(a == b for a, b in zip(draft, final, strict=False)) / len(final) for draft in drafts]
    return np.array((shares + [1.0] * passes)[:passes])


def _middle(shares: np.ndarray) -> int:
    """The index of the pass that ends the first half of [seeds, passes]."""
    return max(0, shares.shape[1] // 2 - 1)


def _evidence(
    model: LanguageModel, painter: Painter, caption: str, seeds: tuple[int, ...], steps: int, value: Fixing,
    began: float,
) -> Evidence[Fixing]:  # fmt: skip
    settled_by, count = value.half_way(), plural(len(seeds), "seed")
    (_, tokens), (_, passes) = value.text.shape, value.picture.shape
    half_text, half = _middle(value.text), _middle(value.picture)
    rows: list[tuple[Any, ...]] = []
    for index in range(max(tokens, passes)):
        written = round(float(value.text[:, index].mean()), 4) if index < tokens else None
        painted = cells(share(value.picture[:, index])) if index < passes else (None,) * 3
        rows.append((index + 1, written, *painted))
    half_settled = [int(np.argmax(row >= 0.5)) + 1 for row in value.picture]
    halfway = words(within(mean_interval(half_settled), 1, passes), 1)
    return Evidence(
        value=value,
        alt=(
            f"After {half_text + 1} of {plural(tokens, 'token')} the texts are "
            f"{percent(float(value.text[:, half_text].mean()))} fixed on average, each in a straight line until it "
            f"ends; after {half + 1} of {plural(passes, 'pass', 'passes')} {words(settled_by, 0, True)} of the "
            f"picture's pixels are within {TOLERANCE} of 255 colour steps of where they end ({count})."
        ),
        table=Table(("pass", "text fixed", "picture settled", "interval from", "to"), tuple(rows)),
        provenance=provenance(
            model, painter, seeds[0], time.perf_counter() - began, caption=caption, seeds=len(seeds),
            **painter.pass_settings(steps), tokens=tokens, tolerance=f"{TOLERANCE} of 255",
        ),
        findings=(
            Finding(
                f"{percent(settled_by[0])} settled",
                f"half-way through: {words(settled_by, 0, True)}, {count}"
                + (
                    f". Of another seed's finished picture {words(share(value.alike), 0, True)} would count as well: "
                    "so much the words alone decide"
                    if len(seeds) > 1
                    else ""
                ),
            ),
            Finding(
                f"pass {np.mean(half_settled):.0f} of {passes}",
                f"is when half the pixels have stopped moving: {halfway}",
            ),
            Finding("0 tokens", "were ever taken back: each text grows in a straight line until it ends"),
        ),
        snippet=picture_snippets.denoising(
            painter.source, caption, seeds=seeds, steps=steps, guidance_scale=painter.guidance_scale
        ),
    )  # fmt: skip
