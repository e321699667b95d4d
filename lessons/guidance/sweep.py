"""Screen 5: the guidance scale, from nothing to far too much."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from engines.checks import seed_range
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.pictures import measures as picture_measures
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.statistics import Mean, cells, listed, mean_interval, more, of_pairs, percent, plural, share, words
from lessons.guidance.measures import (
    Alignment,
    alignment,
    check_scales,
    need_caption,
    need_two_branches,
    not_scored,
)
from lessons.shell.painting import painting

SCALES = (0.0, 1.0, 2.0, 4.0, 8.0, 12.0, 20.0)
USUAL, MUCH = 4.0, 20.0


SURE = 0.95
"""How sure the judge is where next to nothing is left to gain."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """Pictures uint8 [seeds, scales, H, W, 3] and what is measured on each, [seeds, scales].

    ``returned``: how near each picture is to itself after the autoencoder's round trip, in dB; ``static``: the same of
    a picture of pure static, the least there is. ``alignment`` is None where it cannot be measured; ``why`` then says
    why. ``wishes``: what it looks for; ``unscored``: what the caption asks for beside that.
    """

    caption: str
    scales: tuple[float, ...]
    pictures: np.ndarray
    saturation: np.ndarray
    clipped: np.ndarray
    alignment: np.ndarray | None
    wishes: tuple[str, ...]
    why: str
    unscored: tuple[str, ...] = ()
    returned: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    static: float = 0.0

    def at(self, scale: float) -> int:
        """The column of the swept scale nearest to ``scale``."""
        return min(range(len(self.scales)), key=lambda i: abs(self.scales[i] - scale))

    def diversity(self) -> list[Mean]:
        """For each scale, how far apart the seeds' pictures are: mean over pairs, with an interval over seeds."""
        columns = []
        for column in range(len(self.scales)):
            pairs = picture_measures.pairwise_differences(self.pictures[:, column])
            others = max(1, len(pairs) - 1)
            columns.append(share(of_pairs(pairs.sum(axis=1) / others)))
        return columns


def sweep(
    painter: Painter,
    caption: str,
    seeds: int = 8,
    *,
    scales: Sequence[float] = SCALES,
    seed: int = 7,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Sweep]]:
    """Paint every scale from the same noise, seed after seed; one Evidence a seed, each over one more."""
    began, steps = time.perf_counter(), painter.passes(steps)
    need_two_branches(painter)
    caption, scales = need_caption(caption), check_scales(scales)
    rows = seed_range(seed, seeds)
    measure = alignment(caption, painter)
    static = np.random.default_rng(seed).integers(0, 256, (1, painter.height, painter.width, 3), np.uint8)
    floor = float(_returned(painter, static)[0])
    pictures, aligned, measured, returned = [], [], [], []
    for count, one in enumerate(rows, start=1):
        plan = Plan(caption, (one,), steps=steps, guidance_scale=scales)
        painted = yield from painting(painter, plan, f"Seed {count} of {len(rows)}, {len(scales)} scales at once")
        pictures.append(painted)
        measured.append([picture_measures.overcooking(picture) for picture in painted])
        returned.append(_returned(painter, painted))
        if isinstance(measure, Alignment):
            aligned.append(measure.of(painted))
        value = Sweep(
            caption, scales, np.stack(pictures),
            np.array([[each.saturation for each in row] for row in measured]),
            np.array([[each.clipped for each in row] for row in measured]),
            np.stack(aligned) if aligned else None,
            measure.wishes if isinstance(measure, Alignment) else (),
            measure if isinstance(measure, str) else "",
            measure.unscored if isinstance(measure, Alignment) else (),
            np.stack(returned), floor,
        )  # fmt: skip
        yield _evidence(painter, value, rows[:count], steps, began)


def _returned(painter: Painter, pictures: np.ndarray) -> np.ndarray:
    """How near each picture uint8 [n, H, W, 3] is to itself after the autoencoder's round trip, in dB [n].

    The autoencoder gives back what is like the pictures it was made for; what is unlike them it changes.
    """
    back = painter.decode(painter.encode(pictures), checked=False)
    return np.array([min(picture_measures.psnr(a, b), 99.0) for a, b in zip(pictures, back, strict=True)])


def _evidence(painter: Painter, value: Sweep, seeds: tuple[int, ...], steps: int, began: float) -> Evidence[Sweep]:
    usual, much = value.at(USUAL), value.at(MUCH)
    rows = []
    for i, scale in enumerate(value.scales):
        aligned = cells(share(value.alignment[:, i])) if value.alignment is not None else (None,) * 3
        measured = (
            *cells(share(value.saturation[:, i])), *cells(share(value.clipped[:, i])),
            *cells(mean_interval(value.returned[:, i]), 1),
        )  # fmt: skip
        rows.append((scale, *aligned, *measured))
    clipped = [share(value.clipped[:, i]) for i in (usual, much)]
    colour = [share(value.saturation[:, i]) for i in (usual, much)]
    back = [mean_interval(value.returned[:, i]) for i in (usual, much)]
    span = f"from guidance {value.scales[usual]:g} to {value.scales[much]:g}"
    findings = [
        Finding(
            f"{back[0][0]:.0f} → {back[1][0]:.0f} dB",
            f"is how near a picture stays to itself when the autoencoder packs and unpacks it, {span}: "
            f"{words(back[0], 1)}, then {words(back[1], 1)}. Pictures of the painter's kind come back nearly unharmed; "
            f"pure static, the least there is, comes back at {value.static:.0f} dB.",
        ),
        Finding(
            f"{percent(clipped[0][0])} → {percent(clipped[1][0])}",
            f"of all colour values are clipped (exactly 0 or 255), {span}: {words(clipped[0], 1, True)}, then "
            f"{words(clipped[1], 1, True)}.",
        ),
        Finding(
            f"{colour[0][0]:.2f} → {colour[1][0]:.2f}",
            f"is the mean saturation, {span}: {words(colour[0])}, then {words(colour[1])}.",
        ),
    ]
    followed = "How well the caption is followed was not measured."
    if value.alignment is not None:
        means = value.alignment.mean(axis=0)
        plainly = value.at(1.0)
        gained = more(value.alignment[:, usual], value.alignment[:, plainly]) > 0
        nothing = (
            "" if gained or plainly == usual
            else f" So at {value.scales[plainly]:g} the push had nothing left to gain; what you see here is its price."
            if means[plainly] >= SURE
            else f" These seeds show no gain over {value.scales[plainly]:g}."
        )  # fmt: skip
        picked = list(dict.fromkeys((plainly, usual, much)))
        findings.insert(0, Finding(
            " → ".join(f"{means[i]:.2f}" for i in picked),
            f"is how sure the judge is of {listed(value.wishes)}: "
            + "; ".join(f"{words(share(value.alignment[:, i]))} at guidance {value.scales[i]:g}" for i in picked)
            + f".{nothing}{not_scored(value.unscored)}",
        ))  # fmt: skip
        followed = "The judge's certainty of what the caption asks for is " + ", ".join(
            f"{certain:.2f} at {scale:g}" for scale, certain in zip(value.scales, means, strict=True)
        ) + "."  # fmt: skip
    else:
        findings.append(Finding("not measured", value.why))
    alt = (
        f"“{value.caption}” at guidance {', '.join(f'{scale:g}' for scale in value.scales)}, "
        f"{plural(len(seeds), 'seed')}. {followed} Clipped colour values go from {percent(clipped[0][0])} at "
        f"{value.scales[usual]:g} to {percent(clipped[1][0])} at {value.scales[much]:g}, "
        f"saturation from {colour[0][0]:.2f} to {colour[1][0]:.2f}, what the autoencoder gives back from "
        f"{back[0][0]:.0f} to {back[1][0]:.0f} dB."
    )
    source = Provenance.live(
        painter, began, seeds[0], caption=value.caption, seeds=len(seeds), **painter.pass_settings(steps),
        guidance=", ".join(f"{scale:g}" for scale in value.scales),
    )  # fmt: skip
    columns = (
        "guidance scale", "judge's certainty", "low", "high", "saturation", "low", "high", "clipped share", "low",
        "high", "round trip, dB", "low", "high",
    )  # fmt: skip
    plain = [i for i, scale in enumerate(value.scales) if scale >= 1]
    code = picture_snippets.guidance_sweep(
        painter.source, value.caption, seed=seeds[0], steps=steps, scales=[value.scales[i] for i in plain]
    )
    expected = {value.scales[i]: value.pictures[0, i] for i in plain}
    return Evidence(value, alt, Table(columns, tuple(rows)), source, tuple(findings), code, expected)


def sweep_truth(value: Sweep) -> tuple[int, str] | None:
    """What turning up from the usual scale to the largest bought; None where alignment is not measured."""
    if value.alignment is None:
        return None
    usual, much = value.at(USUAL), value.at(MUCH)
    closer = more(value.alignment[:, much], value.alignment[:, usual]) > 0
    harsher = more(value.clipped[:, much], value.clipped[:, usual]) > 0 or (
        more(value.saturation[:, much], value.saturation[:, usual]) > 0
    )
    moved = [
        mean_interval(kind[:, much] - kind[:, usual]) for kind in (value.alignment, value.clipped, value.saturation)
    ]
    said = "; ".join(
        f"{name} by {words(change)}"
        for name, change in zip(("certainty moved", "clipped share", "saturation"), moved, strict=True)
    )
    return {(True, False): 0, (True, True): 1, (False, True): 2, (False, False): 3}[closer, harsher], said
