"""The interventions of a plan, as small hooks that the loop in :mod:`engines.pictures.diffusion` calls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines.evidence import PlainError
from engines.pictures.captions import Reading
from engines.pictures.cross_attention import Tap, align
from engines.pictures.noise import draw, from_seed, levels, ruin, start_noise
from engines.pictures.painter import Painter
from engines.pictures.plan import FromPicture, Plan
from engines.statistics import plural


class Run:
    """The state of one run: its own scheduler, its start, and the interventions of its plan."""

    def __init__(self, painter: Painter, plan: Plan) -> None:
        self.painter, self.plan, self.rows = painter, plan, plan.rows
        self.height, self.width = painter.check_size(plan.height, plan.width)
        self.shape = (painter.latent_shape[0], self.height // painter.factor, self.width // painter.factor)
        self.generators = [torch.Generator("cpu").manual_seed(int(seed)) for seed in plan.each(plan.seeds)]
        self._set_guidance()
        self._set_schedule()
        self._read: dict[tuple[str, ...], dict[str, Any]] = {}
        self.tap: Tap | None = None
        self.captions = [self._captions(index) for index in range(self.passes)]
        self.readings = {caption: painter.read(caption) for row in self.captions for caption in row}
        words = [weight.word for weight in plan.word_weights]
        words += [knock.word for knock in plan.knock_out if knock.how == "attention"]
        for word in words:
            if not any(_tokens(reading, word) for reading in self.readings.values()):
                self.readings[self.captions[0][0]].tokens_of(word)  # says what is wrong
        self._frozen: tuple[Tensor, Tensor] | None = None

    # --- settings ---

    def _set_guidance(self) -> None:
        scales = self.plan.guidance_scale
        scales = self.painter.guidance_scale if scales is None else scales
        apart = isinstance(scales, tuple) and len(set(scales)) > 1
        self.guidance_scale: Any = scales[0] if isinstance(scales, tuple) and not apart else scales
        self.two_branches = self.painter.has_two_branches and (apart or self.guidance_scale != 1)
        self.scales = tuple(float(scale) for scale in self.plan.each(scales))
        if apart:
            column = torch.tensor(self.scales).view(-1, 1, 1, 1)
            self.guidance_scale = column.to(device=self.painter.device, dtype=self.painter.dtype)

    def _set_schedule(self) -> None:
        plan = self.plan
        self.scheduler, self.timesteps, begin = self.painter.schedule(plan)
        if hasattr(self.scheduler, "set_begin_index"):
            self.scheduler.set_begin_index(begin)
        self.passes, self.timestep_values = len(self.timesteps), tuple(self.timesteps.tolist())
        self.levels = levels(self.scheduler, self.timesteps, begin)
        self.step_options = self.painter.step_options(self.scheduler, self.generators)
        times = [("poke", poke.at) for poke in plan.pokes] + ([("swap", plan.swap.at)] if plan.swap else [])
        for name, at in times:
            if at >= self.passes:
                raise PlainError(
                    f"The {name} is at pass {at + 1}, but the run has {plural(self.passes, 'pass', 'passes')}."
                )

    def scale_input(self, batch: Tensor, t: Tensor) -> Tensor:
        """Latents [rows, C, h, w] as the network reads them at ``t``: some schedulers bring them to unit variance."""
        scale = getattr(self.scheduler, "scale_model_input", None)
        return scale(batch, t) if scale else batch

    # --- the start ---

    def start(self) -> Tensor:
        """The latent entering the first pass, [rows, C, h, w]."""
        start, to = self.plan.start, {"device": self.painter.device, "dtype": self.painter.dtype}
        alpha, sigma = self.levels[0]
        picture = None
        if isinstance(start, FromPicture):
            pixels = self.painter.pixels(start.picture[None], self.height, self.width)
            picture = self.painter.encode_draws(pixels, self.generators)
        noises = torch.stack([draw(self.shape, generator) for generator in self.generators])
        self.noise = start_noise(start, noises, self.plan.each).to(**to)
        self._freeze()
        if picture is not None:
            return ruin(picture, self.noise, alpha, sigma)
        return self.noise * getattr(self.scheduler, "init_noise_sigma", 1.0)

    def _freeze(self) -> None:
        """Prepare the kept original [1, C, h, w] and the mask of new paint [1, 1, h, w]."""
        freeze = self.plan.freeze
        if freeze is None:
            return
        to = {"device": self.painter.device, "dtype": self.painter.dtype}
        original = freeze.original
        if original.dtype == np.uint8:
            original = self.painter.encode(self.painter.fit(original[None], self.height, self.width))[0]
        if original.shape != self.shape:
            raise PlainError(f"The original must be a picture or a latent of shape {self.shape}.")
        mask = torch.as_tensor(freeze.repaint.astype(np.float32))[None, None]
        mask = torch.nn.functional.adaptive_max_pool2d(mask, self.shape[1:])
        self._frozen = torch.as_tensor(original)[None].to(**to), mask.to(**to)

    # --- what the painter reads ---

    def _captions(self, index: int) -> tuple[str, ...]:
        """Each row's caption in this pass, after swap and knock-out."""
        plan = self.plan
        captions = plan.each(plan.caption)
        if plan.swap is not None and index >= plan.swap.at:
            captions = (plan.swap.caption,) * self.rows
        for knock in plan.knock_out:
            if knock.how == "caption" and knock.covers(index):
                captions = tuple(self.painter.read(caption).without(knock.word) for caption in captions)
        return captions

    def conditioning(self, index: int) -> dict[str, Any]:
        """What the UNet is given beside the latent and the time; read once for each set of captions."""
        captions, blend = self.captions[index], self.plan.blend
        if captions not in self._read:
            options: dict[str, Any] = {"size": (self.height, self.width), "scales": self.scales}
            negative, both = self.plan.negative_caption, self.two_branches
            read = self.painter.condition(captions, negative, two_branches=both, **options)
            if blend is not None:
                others = (blend.caption,) * self.rows
                other = self.painter.condition(others, "", two_branches=False, **options)
                _mix(read, other, self.plan.each(blend.fraction))
            self._read[captions] = read
        return self._read[captions]

    def listen(self, index: int) -> AbstractContextManager[Any]:
        """Open a tap on the attention when this pass needs one."""
        plan = self.plan
        captions = [self.readings[caption] for caption in self.captions[index]]
        hidden_words = [k.word for k in plan.knock_out if k.how == "attention" and k.covers(index)]
        hold = plan.hold_layout
        cross = hold is not None and index < hold.passes
        own = hold is not None and index < hold.self_passes
        if not (plan.record_attention or hidden_words or plan.word_weights or cross or own):
            self.tap = None
            return nullcontext()
        length = self.painter.capacity
        tap = Tap(self.rows, record=plan.record_attention, hold_self=own)
        if hidden_words:
            tap.hidden = torch.zeros(self.rows, length, dtype=torch.bool)
            for row, reading in enumerate(captions):
                for word in hidden_words:
                    tap.hidden[row, list(_tokens(reading, word))] = True
        if plan.word_weights:
            tap.weights = torch.ones(self.rows, length)
            for row, reading in enumerate(captions):
                for weight in plan.word_weights:
                    tap.weights[row, list(_tokens(reading, weight.word))] = weight.weight
        if cross:
            pairs = [align(_spans(captions[0]), _spans(reading), length) for reading in captions]
            tap.held = torch.stack([mix for mix, _ in pairs])
            tap.held_tokens = torch.stack([held for _, held in pairs])
        tap.to(self.painter.device)
        self.tap = tap
        return tap.open()

    # --- hooks around the pass ---

    def before_pass(self, index: int, latent: Tensor) -> Tensor:
        """The latents [rows, C, h, w] with this pass's pokes, each in units of the noise level."""
        for poke in (poke for poke in self.plan.pokes if poke.at == index):
            latent = latent.clone()
            region = latent[(..., *_cells(poke.box, self.shape[1:]))]
            loudness = math.hypot(*self.levels[index])
            if poke.kind == "noise":
                region[:] = (from_seed(region.shape[1:], poke.seed) * loudness).to(region)
            else:
                region[:] = (poke.value if poke.kind == "value" else 0.0) * loudness
        return latent

    def after_pass(self, index: int, latent: Tensor) -> Tensor:
        """Latents [rows, C, h, w], the frozen part noised to the level just reached (RePaint, Lugmayr 2022, eq. 8)."""
        if self._frozen is None:
            return latent
        original, mask = self._frozen
        return mask * latent + (1 - mask) * ruin(original, self.noise, *self.levels[index + 1])


def old_for_new(painter: Painter, caption: str, new_caption: str) -> Tensor:
    """How much of each token of ``caption`` stands for each of ``new_caption`` where a layout is held: [T, T]."""
    return align(_spans(painter.read(caption)), _spans(painter.read(new_caption)), painter.capacity)[0]


def _tokens(reading: Reading, word: str) -> tuple[int, ...]:
    """Token positions of a word, none where a swapped caption no longer holds it."""
    try:
        return reading.tokens_of(word)
    except PlainError:
        return ()


def _spans(reading: Reading) -> list[tuple[str, tuple[int, ...]]]:
    return [(word.text.lower(), word.tokens) for word in reading.words if word.tokens]


def _cells(box: tuple[float, float, float, float], size: tuple[int, ...]) -> tuple[slice, slice]:
    """The rows and columns of a grid that a box (left, top, right, bottom) in [0, 1] touches."""
    left, top, right, bottom = box
    return (
        slice(math.floor(top * size[0]), math.ceil(bottom * size[0])),
        slice(math.floor(left * size[1]), math.ceil(right * size[1])),
    )


def _mix(read: dict[str, Any], other: dict[str, Any], fractions: Sequence[float]) -> None:
    """Move the captioned rows of ``read`` towards ``other``, in place."""

    def move(mine: Tensor, theirs: Tensor) -> Tensor:
        weight = torch.tensor(fractions, dtype=mine.dtype, device=mine.device)
        weight = weight.view(-1, *[1] * (mine.ndim - 1))
        rows = len(theirs)
        return torch.cat([mine[:-rows], torch.lerp(mine[-rows:], theirs, weight)])

    read["encoder_hidden_states"] = move(read["encoder_hidden_states"], other["encoder_hidden_states"])
    if "added_cond_kwargs" in read:
        added, more = read["added_cond_kwargs"], other["added_cond_kwargs"]
        added["text_embeds"] = move(added["text_embeds"], more["text_embeds"])
