"""Screen 2: what the round trip smears, by local detail, by stripe width, and by kind of picture."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engines.evidence import Evidence, Finding, Table, Underway
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter
from engines.pictures.files import draw_text
from engines.pictures.measures import error_map, psnr
from engines.statistics import mean_interval, percent, spread
from lessons.latents import measures as lab
from lessons.latents.measures import Chosen

DETAIL = ("flat", "soft", "edge", "hard edge")
STEPS = (0.05, 0.25, 0.5)  # where one kind of detail ends and the next begins, as a share of black to white
REACH = 2  # pixels around each that count as its surroundings
FEWEST = 40  # pixels of a kind a picture needs to have a say about it
WIDTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32)
HALF = 0.5
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True, eq=False)
class Edges:
    """Error by local detail. errors: float [pictures, 4] in shades of 255, NaN where a picture has too few pixels.

    area, share: of all pixels, and of all error, that belong to each kind.
    """

    errors: np.ndarray
    area: np.ndarray
    share: np.ndarray

    def over(self, kind: int) -> list[float]:
        return [float(error) for error in self.errors[:, kind] if np.isfinite(error)]

    @property
    def ratios(self) -> list[float]:
        """How many times the error at hard edges is that of flat areas, per picture that has both."""
        pairs = self.errors[np.isfinite(self.errors[:, [0, -1]]).all(axis=1)]
        return [float(hard / max(flat, 1e-6)) for flat, hard in pairs[:, [0, -1]]]


@dataclass(frozen=True, eq=False)
class Stripes:
    """Stripes of one width: contrast kept, float [samples], over places and both directions; one example."""

    width: int
    kept: np.ndarray
    before: np.ndarray
    after: np.ndarray


@dataclass(frozen=True, eq=False)
class Stranger:
    """A picture through the round trip, with what it shows and the PSNR of all of its kind, dB."""

    name: str
    before: np.ndarray
    after: np.ndarray
    psnr: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Smear:
    """What has been measured so far; ``stripes`` narrow ones first."""

    edges: Edges
    stripes: tuple[Stripes, ...] = ()
    strangers: tuple[Stranger, ...] = ()


def local_detail(picture: np.ndarray) -> np.ndarray:
    """The range of brightness within :data:`REACH` pixels of each, float [H, W] in [0, 1], of uint8 [H, W, 3]."""
    brightness = (picture / 255) @ np.array(LUMA)
    padded = np.pad(brightness, REACH, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * REACH + 1,) * 2)
    return windows.max(axis=(-2, -1)) - windows.min(axis=(-2, -1))


def edges(pictures: np.ndarray, restored: np.ndarray) -> Edges:
    """Error of round trips uint8 [n, H, W, 3], sorted by how much detail the original has there."""
    kinds = np.stack([np.digitize(local_detail(picture), STEPS) for picture in pictures])
    errors = np.stack([error_map(a, b) for a, b in zip(pictures, restored, strict=True)]) * 255
    table = np.full((len(pictures), len(DETAIL)), np.nan)
    for row, (kind, error) in enumerate(zip(kinds, errors, strict=True)):
        for column in range(len(DETAIL)):
            if (kind == column).sum() >= FEWEST:
                table[row, column] = error[kind == column].mean()
    area = np.array([(kinds == column).mean() for column in range(len(DETAIL))])
    share = np.array([errors[kinds == column].sum() for column in range(len(DETAIL))])
    return Edges(table, area, share / max(share.sum(), 1e-9))


def offsets(width: int) -> list[int]:
    """Up to four places for a stripe pattern to begin, spread over one period."""
    return sorted({round(quarter * width / 2) % (2 * width) for quarter in range(4)})


def stripe(width: int, offset: int, upright: bool, size: int) -> np.ndarray:
    """Black and white stripes as 0 and 1, [size, size]."""
    row = (np.arange(size) + offset) // width % 2
    pattern = np.tile(row, (size, 1))
    return pattern if upright else pattern.T


def contrast_kept(pattern: np.ndarray, restored: np.ndarray) -> float:
    """The share of a pattern [H, W] found again in a restored picture uint8 [H, W, 3]: 1 all of it, 0 none.

    The least-squares slope of the restored brightness over the pattern.
    """
    centred = pattern - pattern.mean()
    return float((centred * restored.mean(axis=-1) / 255).sum() / (centred**2).sum())


def stripes(painter: Painter, width: int) -> Stripes:
    """Stripes of one width, begun in several places, upright and lying, through the round trip."""
    size = min(painter.height, painter.width)
    patterns = [stripe(width, offset, upright, size) for upright in (True, False) for offset in offsets(width)]
    drawn = np.stack([np.repeat(pattern[..., None] * 255, 3, axis=-1).astype(np.uint8) for pattern in patterns])
    restored = lab.round_trips(painter, drawn)
    kept = np.array([contrast_kept(p, r) for p, r in zip(patterns, restored, strict=True)])
    return Stripes(width, kept, drawn[0], restored[0])


def strangers(size: int) -> dict[str, np.ndarray]:
    """Pictures outside the diet, by name: uint8 [n, size, size, 3], several of each kind."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 255, size)
    ramps = [np.tile(ramp, (size, 1)), np.tile(ramp, (size, 1)).T, (ramp[:, None] + ramp) / 2]
    rows, columns = np.indices((size, size))
    checks = [((rows + shift) // 4 + (columns + shift) // 4) % 2 * 255 for shift in range(4)]
    letters = max(5, round(size * 7 / 128))
    words = ("small print", "read me", "terms apply", "page 12 of 40")
    return {
        "a smooth ramp": np.repeat(np.stack(ramps)[..., None], 3, axis=-1).astype(np.uint8),
        "small print": np.stack([draw_text(word, letters, width=size, height=size) for word in words]),
        "checks of 4 pixels": np.repeat(np.stack(checks)[..., None], 3, axis=-1).astype(np.uint8),
        "colour noise": rng.integers(0, 256, (4, size, size, 3), dtype=np.uint8),
    }


def smear_picked(painter: Painter, picked: tuple[str, np.ndarray | None]) -> Iterator[Underway | Evidence[Smear]]:
    chosen = lab.picked(painter, picked)
    yield from smear(painter, chosen if chosen.name == lab.OWN else None)


def smear(painter: Painter, chosen: Chosen | None = None) -> Iterator[Underway | Evidence[Smear]]:
    """By detail over the bundled scenes, then by stripe width, then for strangers; one Evidence a step.

    A picture of one's own (``chosen``) joins the strangers.
    """
    began = time.perf_counter()
    yield Underway(0.0, "Twelve scenes through the autoencoder")
    scenes = lab.scenes(painter)
    restored = lab.round_trips(painter, scenes)
    value = Smear(edges(scenes, restored))
    yield _evidence(painter, value, began)
    for index, width in enumerate(WIDTHS):
        yield Underway((1 + index) / (2 + len(WIDTHS)), f"Stripes, width {index + 1} of {len(WIDTHS)}")
        value = replace(value, stripes=(*value.stripes, stripes(painter, width)))
        yield _evidence(painter, value, began)
    own = tuple(psnr(a, b) for a, b in zip(scenes, restored, strict=True))
    found = [Stranger("its diet: scenes", scenes[0], restored[0], own)]
    others = strangers(min(painter.height, painter.width))
    if chosen is not None:
        others = {chosen.name: chosen.picture[None], **others}
    for name, pictures in others.items():
        back = lab.round_trips(painter, pictures)
        measured = tuple(psnr(a, b) for a, b in zip(pictures, back, strict=True))
        found.append(Stranger(name, pictures[0], back[0], measured))
        value = replace(value, strangers=tuple(found))
        yield _evidence(painter, value, began)


def surviving_width(value: Smear) -> int | None:
    """The narrowest width from which on every wider stripe keeps half of its contrast, on average; None if none."""
    lost = [one.width for one in value.stripes if one.kept.mean() < HALF]
    wide = [one.width for one in value.stripes if not lost or one.width > max(lost)]
    return wide[0] if wide else None


def truth(value: Smear) -> tuple[float, str]:
    """The narrowest width that keeps half of its contrast, in pixels, and the measurement in words."""
    width = surviving_width(value)
    if width is None:
        return math.inf, "no width of the sweep kept half of its contrast"
    (at,) = (one for one in value.stripes if one.width == width)
    return width, f"{width} pixels and wider; at {width}, {spread(list(100 * at.kept), 0)} % of the contrast"


def _evidence(painter: Painter, value: Smear, began: float) -> Evidence[Smear]:
    by_detail = value.edges
    ratio, hard = spread(by_detail.ratios, 1), DETAIL[-1]
    edge_area, edge_share = by_detail.area[2:].sum(), by_detail.share[2:].sum()
    findings = [
        Finding(
            f"{mean_interval(by_detail.ratios)[0]:.0f} × the error",
            f"at a {hard} of that in a flat area: {ratio} times, over the {len(by_detail.ratios)} scenes that have "
            "both.",
        ),
        Finding(
            f"{percent(edge_share)} in {percent(edge_area)}",
            f"Edges hold {percent(edge_share)} of the whole error on {percent(edge_area)} of the area.",
        ),
    ]
    alt = f"The error at hard edges is {ratio} times that of flat areas over {len(by_detail.ratios)} scenes"
    rows: list[tuple[str | float | None, ...]] = []
    for kind, name in enumerate(DETAIL):
        if errors := by_detail.over(kind):
            rows.append((f"{name}: error, shades of 255", *lab.bounds(errors), len(errors)))
    for one in value.stripes:
        kept = lab.bounds(list(100 * one.kept), 1)
        rows.append((f"stripes of {one.width} px: contrast kept, %", *kept, len(one.kept)))
    if len(value.stripes) == len(WIDTHS):
        width = surviving_width(value)
        headline = f"{width} pixels" if width else "None survives"
        findings.append(
            Finding(
                headline,
                "is the narrowest stripe from which on half of the contrast or more survives on average. One latent "
                f"cell stands for {painter.factor} × {painter.factor} pixels.",
            )
        )
        ragged = max(value.stripes, key=lambda one: float(np.ptp(one.kept)))
        findings.append(
            Finding(
                f"{percent(ragged.kept.min())} to {percent(ragged.kept.max())}",
                f"of the contrast of stripes {ragged.width} pixels wide, depending only on where they begin and on "
                "whether they stand or lie. Nudge a stroke by a pixel and its fate may change.",
            )
        )
        survive = (
            f"stripes survive on average from {width} pixels on" if width else "no stripe keeps half of its contrast"
        )
        alt += f"; {survive}"
    for other in value.strangers:
        if all(map(math.isfinite, other.psnr)):
            rows.append((f"{other.name}: PSNR, dB", *lab.bounds(list(other.psnr)), len(other.psnr)))
    if len(value.strangers) > 1:
        first, *rest = value.strangers
        worst = min(rest, key=lambda other: float(np.mean(other.psnr)))
        findings.append(
            Finding(
                f"{np.mean(first.psnr):.0f} dB at home, {np.mean(worst.psnr):.0f} abroad",
                f"Scenes like those it was trained on, against {worst.name}. Compression knows what to expect, and "
                "pays with whatever it does not.",
            )
        )
        alt += f"; scenes return at {np.mean(first.psnr):.1f} dB, {worst.name} at {np.mean(worst.psnr):.1f} dB"
    first_width = value.stripes[-1].width if value.stripes else WIDTHS[0]
    size = min(painter.height, painter.width)
    code = picture_snippets.stripes(painter.source, width=first_width, offset=0, upright=True, size=size)
    expected = float(value.stripes[-1].kept[0]) if value.stripes else None
    source = lab.provenance(painter, began, scenes=len(by_detail.errors), stripe_widths=len(value.stripes))
    columns = ("measure", "mean", "low (95 %)", "high (95 %)", "samples")
    return Evidence(
        value, alt + ".", Table(columns, tuple(rows)), source, tuple(findings), code if value.stripes else "", expected
    )
