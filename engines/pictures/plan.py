"""What to paint and where to intervene: the settings of one denoising run, checked on creation.

Everything here is a small frozen dataclass without torch, so that lessons can build, compare and store
plans. Passes are counted from 0 in code; pages that count from 1 translate at their edge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np

from engines.checks import MAX_SEED, check_caption, check_number, one_of, whole
from engines.evidence import PlainError

MAX_STEPS = 100
MAX_ROWS = 16
MAX_GUIDANCE = 30.0
MAX_SIDE = 1536
Spacing = Literal["leading", "linspace", "trailing"]
SPACINGS: tuple[Spacing, ...] = ("leading", "linspace", "trailing")
"""Where along the schedule the timesteps of a run lie (Lin et al. 2023, arXiv:2305.08891, Table 2).

With "leading", the usual one, few passes never look at the noisiest levels: one of 1,000 timesteps is told t = 1 of
a canvas that is nothing but noise. "trailing" starts at the last timestep, whatever their number.
"""


def _each(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


# --- where the run starts ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Perturbed:
    """Start noise √(1 − amount²)·n(seed) + amount·n(``seed``): still unit variance; amount in [0, 1]."""

    amount: float | tuple[float, ...]
    seed: int = 1

    def __post_init__(self) -> None:
        for amount in _each(self.amount):
            check_number("The amount of new noise", amount, 0, 1)
        check_number("The second seed", self.seed, 0, MAX_SEED, whole=True)


@dataclass(frozen=True)
class Between:
    """Start noise on the arc from each row's seed to ``seed`` (slerp, Shoemake 1985)."""

    seed: int
    fraction: float | tuple[float, ...]

    def __post_init__(self) -> None:
        check_number("The second seed", self.seed, 0, MAX_SEED, whole=True)
        for fraction in _each(self.fraction):
            check_number("The fraction of the way", fraction, 0, 1)


@dataclass(frozen=True, eq=False)
class GivenNoise:
    """Unit-variance start noise [rows or 1, C, h, w], as the stock pipeline's ``latents=``."""

    latent: np.ndarray


@dataclass(frozen=True, eq=False)
class FromPicture:
    """Start from a noised picture (uint8 [H, W, 3]); ``strength`` in (0, 1] is the share of passes run.

    SDEdit (Meng et al. 2021), as the library's image-to-image pipeline does it.
    """

    picture: np.ndarray
    strength: float = 0.6

    def __post_init__(self) -> None:
        check_number("The strength", self.strength, 0.01, 1)


Start = Perturbed | Between | GivenNoise | FromPicture


# --- where the learner intervenes -------------------------------------------------------------------------


@dataclass(frozen=True)
class Swap:
    """From pass ``at`` on, the painter reads ``caption`` instead."""

    at: int
    caption: str

    def __post_init__(self) -> None:
        check_number("The pass of the swap", self.at, 0, MAX_STEPS, whole=True)
        check_caption(self.caption, "The second caption")


@dataclass(frozen=True)
class Blend:
    """Read a mix of two captions: (1 − fraction)·embedding(caption) + fraction·embedding(``caption``)."""

    caption: str
    fraction: float | tuple[float, ...]

    def __post_init__(self) -> None:
        check_caption(self.caption, "The second caption")
        for fraction in _each(self.fraction):
            check_number("The fraction of the way", fraction, 0, 1)


@dataclass(frozen=True)
class KnockOut:
    """Take ``word`` away in passes ``first`` … ``last`` (inclusive).

    ``how="caption"`` has the painter read the caption without the word in those passes. ``how="attention"``
    only hides the word's own tokens from cross-attention: the text encoder has already mixed the word into
    the tokens after it, so some of its meaning gets through.
    """

    word: str
    first: int = 0
    last: int = MAX_STEPS
    how: Literal["caption", "attention"] = "caption"

    def __post_init__(self) -> None:
        check_caption(self.word, "The word to take away")
        check_number("The first pass", self.first, 0, MAX_STEPS, whole=True)
        check_number("The last pass", self.last, self.first, MAX_STEPS, whole=True)
        if self.how not in ("caption", "attention"):
            raise PlainError("A word can be taken from the caption or from the attention.")

    def covers(self, index: int) -> bool:
        return self.first <= index <= self.last


@dataclass(frozen=True)
class WordWeight:
    """Multiply the attention every patch pays to ``word`` (re-weighting, Hertz et al. 2022, §3.2)."""

    word: str
    weight: float

    def __post_init__(self) -> None:
        check_caption(self.word, "The word to weigh")
        check_number("The weight of a word", self.weight, -5, 10)


@dataclass(frozen=True)
class HoldLayout:
    """Rows after the first reuse the first row's attention maps while they paint other words.

    Cross-attention for the first ``passes`` passes and self-attention for the first ``self_passes``
    (Hertz et al. 2022, Prompt-to-Prompt, Algorithm 1). Give a plan one caption a row and the same seed.
    """

    passes: int
    self_passes: int = 0

    def __post_init__(self) -> None:
        check_number("The passes that hold the layout", self.passes, 0, MAX_STEPS, whole=True)
        check_number("The passes that hold self-attention", self.self_passes, 0, MAX_STEPS, whole=True)


@dataclass(frozen=True)
class Poke:
    """Change a rectangle of the latent just before pass ``at``: (left, top, right, bottom) in [0, 1]."""

    at: int
    box: tuple[float, float, float, float]
    kind: Literal["noise", "zero", "value"] = "noise"
    value: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_number("The pass of the poke", self.at, 0, MAX_STEPS, whole=True)
        if len(self.box) != 4:
            raise PlainError("A box has four sides: left, top, right, bottom.")
        for side in self.box:
            check_number("Each side of the box", side, 0, 1)
        if self.box[0] >= self.box[2] or self.box[1] >= self.box[3]:
            raise PlainError("The box is empty: give left < right and top < bottom.")
        if self.kind not in ("noise", "zero", "value"):
            raise PlainError("A poke can be noise, zero or a value.")
        check_number("The poked value", self.value, -10, 10)
        check_number("The seed of the poke", self.seed, 0, MAX_SEED, whole=True)


@dataclass(frozen=True, eq=False)
class Freeze:
    """Keep part of an original and repaint the rest.

    After every pass the kept cells are overwritten by the original noised to the level just reached
    (RePaint, Lugmayr et al. 2022, eq. 8, without resampling; what the library's inpainting pipeline does
    with a text-to-image UNet).

    ``original``: picture uint8 [H, W, 3] or latent float [C, h, w] (scaled as in ``Pass.latent``).
    ``repaint``: bool [any height, any width], True where new paint may go; resized to the latent's grid.
    """

    original: np.ndarray
    repaint: np.ndarray

    def __post_init__(self) -> None:
        if self.repaint.ndim != 2 or not self.repaint.astype(bool).any():
            raise PlainError("Mark the region to repaint first: the mask is empty.")


# --- the plan ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Plan:
    """One run of the painter over one or more rows.

    A row is one picture. ``caption``, ``seeds`` and ``guidance_scale`` each give one value for all rows or
    one a row (a tuple); the longest tuple sets the number of rows (≤ 16).

    ``guidance_scale`` is s in ε = ε∅ + s(εc − ε∅); at s = 1 only the captioned branch is run (the stock
    pipeline runs it alone below 1 too). None takes the painter's own. ``height`` and ``width`` are pixels; None
    takes the painter's own. ``steps`` is what the scheduler is asked for; ``Painter.timesteps`` tells the passes it
    makes of it. ``spacing`` overrules where its timesteps lie, which matters when they are few.
    ``previews`` decodes each pass's predicted clean picture, ``canvas`` the noisy latent itself.
    """

    caption: str | tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    negative_caption: str = ""
    steps: int = 25
    guidance_scale: float | tuple[float, ...] | None = None
    spacing: Spacing | None = None
    height: int | None = None
    width: int | None = None
    previews: bool = False
    canvas: bool = False
    record_attention: bool = False
    start: Start | None = None
    swap: Swap | None = None
    blend: Blend | None = None
    knock_out: tuple[KnockOut, ...] = ()
    word_weights: tuple[WordWeight, ...] = ()
    hold_layout: HoldLayout | None = None
    pokes: tuple[Poke, ...] = ()
    freeze: Freeze | None = None
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        for caption in _each(self.caption):
            check_caption(caption)
        check_caption(self.negative_caption, "The negative caption")
        seeds = self.seeds if isinstance(self.seeds, (tuple, list)) else (self.seeds,)
        object.__setattr__(self, "seeds", tuple(whole("A seed", seed, 0, MAX_SEED) for seed in seeds))
        if self.spacing is not None:
            one_of("The spacing of the timesteps", self.spacing, SPACINGS)
        object.__setattr__(self, "steps", whole("The number of passes", self.steps, 1, MAX_STEPS))
        for scale in _each(self.guidance_scale):
            if scale is not None:
                check_number("The guidance scale", scale, 0, MAX_GUIDANCE)
        for side in (self.height, self.width):
            if side is not None:
                check_number("The picture's height and width", side, 8, MAX_SIDE, whole=True)
        per_row = [self.caption, self.seeds, self.guidance_scale]
        per_row += [getattr(self.start, "amount", None), getattr(self.start, "fraction", None)]
        per_row += [self.blend.fraction if self.blend else None]
        lengths = {len(value) for value in map(_each, per_row)}
        if 0 in lengths:
            raise PlainError("Give at least one caption and one seed.")
        rows = max(lengths)
        if rows > MAX_ROWS:
            raise PlainError(f"At most {MAX_ROWS} pictures fit in one run; you asked for {rows}.")
        if lengths - {1, rows}:
            raise PlainError("Captions, seeds and guidance scales must be one for all pictures or one each.")
        object.__setattr__(self, "rows", rows)

    def each(self, value: Any) -> tuple[Any, ...]:
        """``value`` as a tuple with one entry a row."""
        values = _each(value)
        return values * self.rows if len(values) == 1 else values

    def settings(self) -> dict[str, Any]:
        """The plan as JSON values, defaults left out and arrays replaced by shape and digest."""
        return {
            f.name: _plain(getattr(self, f.name))
            for f in fields(self)
            if f.init and not (f.name != "seeds" and _is_default(f, getattr(self, f.name)))
        }


def _is_default(f: Any, value: Any) -> bool:
    return value is None or (not isinstance(value, np.ndarray) and value == f.default)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:12]
        return {"shape": list(value.shape), "sha256": digest}
    if isinstance(value, (tuple, list)):
        return [_plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        parts = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        return {"kind": type(value).__name__} | parts
    return value
