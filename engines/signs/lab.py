"""The sign lab: four small painters of signs that differ in exactly one cause each.

All four start from the same weights and see the same signs with the same noise in the same order
(``training/signs.py``). What differs is what they are told about a sign: a sloppy caption, a caption that
spells it, the same caption read character by character, or the same caption and a picture of the layout.

Everything a page needs is here: :func:`paint` streams, :func:`read` reads, :func:`words` lists.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from engines.checks import MAX_SEED, check_number
from engines.evidence import PlainError, Progress
from engines.models import hardware, worker
from engines.models.catalogue import MODELS
from engines.models.shelf import Shelf, Turn
from engines.models.weights import fingerprint
from engines.pictures import shared_passes
from engines.pictures.quick import Quick
from engines.signs.measures import Spelling
from engines.signs.world import (
    CAPTION,
    CAUSES,
    COLOURS,
    FOLDER,
    FONT_SIZE,
    HEIGHT,
    MARGIN,
    MISSING,
    PITCH,
    SLOTS,
    WIDTH,
    Cause,
    Words,
    check_cause,
    check_word,
    draw_box,
    draw_sign,
    is_seen,
    words,
)
from engines.stickers.judge import edit_distance, read_line

__all__ = [
    "CAPTION", "CAUSES", "COLOURS", "FOLDER", "GUIDANCE", "HEIGHT", "MARGIN", "MAX_PICTURES", "PITCH", "SLOTS",
    "STEPS", "WIDTH", "Cause", "SignPainter", "SignPass", "Words", "autoencoder", "check_cause", "check_word",
    "draw_box", "draw_sign", "is_seen", "load", "paint", "read", "round_trip", "snippet", "words",
]  # fmt: skip

STEPS, GUIDANCE = 20, 3.0
MAX_PICTURES = 64


@dataclass(frozen=True, eq=False)
class SignPass:
    """One pass over all rows. ``previews``: the signs as guessed now, uint8 [rows, 32, 208, 3], None unless asked for.

    ``pictures`` holds the finished signs, in the same shape, on the last pass and None before. Rows are words
    times seeds: row = word_index·len(seeds) + seed_index.
    """

    index: int
    passes: int
    words: tuple[str, ...]
    seeds: tuple[int, ...]
    previews: np.ndarray | None
    pictures: np.ndarray | None
    seconds: float

    @property
    def finished(self) -> bool:
        return self.index == self.passes - 1


# --- loading ----------------------------------------------------------------------------------------------


@dataclass(eq=False)
class SignPainter:
    """One painter of the lab around its stock pipeline; ``turn`` lets one thread at a time use its tokenizer."""

    cause: Cause
    pipeline: Any
    revision: str

    def __post_init__(self) -> None:
        self.turn = Turn()
        self.passes = shared_passes.meeting(lambda: self.pipeline.unet, self.pipeline._execution_device)

    @property
    def name(self) -> str:
        return f"sign painter “{self.cause.key}”"

    def pieces(self, word: str) -> tuple[str, ...]:
        """The pieces in which this painter's text encoder gets ``word``."""
        return tuple(token.removesuffix("</w>").upper() for token in self._tokens(word))

    def unmet(self, word: str) -> tuple[bool, ...] | None:
        """For each of :meth:`pieces`, whether none of the captions that spell a training word holds it.

        None for "sloppy": which of its captions named a word was drawn by chance and not recorded.
        """
        if self.cause.key == "sloppy":
            return None
        return tuple(token not in self._met for token in self._tokens(word))

    def _tokens(self, word: str) -> list[str]:
        with self.turn:
            return word_tokens(self.pipeline.tokenizer, check_word(word))

    @cached_property
    def _met(self) -> frozenset[str]:
        with self.turn:
            return met_tokens(self.pipeline.tokenizer, words().seen)


def word_tokens(tokenizer: Any, word: str) -> list[str]:
    """The tokens of ``word`` in its caption."""
    before, after = (tokenizer(CAPTION.format(text).strip()).input_ids for text in ("", word))
    return tokenizer.convert_ids_to_tokens(after[len(before) - 1 : -1])


def met_tokens(tokenizer: Any, seen: Sequence[str]) -> frozenset[str]:
    """All tokens of the captions that spell the words ``seen``."""
    captions = tokenizer([CAPTION.format(word) for word in seen]).input_ids
    return frozenset(tokenizer.convert_ids_to_tokens(sorted({one for caption in captions for one in caption})))


SHELF = Shelf[SignPainter]("signs")


def load(cause: str = "spelled", progress: Progress | None = None, *, folder: Path | None = None) -> SignPainter:
    """The painter of a cause, one per process; PlainError for an unknown cause or missing weights."""
    known = check_cause(cause)
    place = (folder or FOLDER) / cause

    def open_painter() -> SignPainter:
        if not (place / "model_index.json").is_file():
            raise PlainError(MISSING)
        if progress:
            progress(0.0, f"Waking the sign painter: {known.name.lower()}")
        hardware.check_whole(place)
        return _load(place, known)

    return SHELF.load(str(place), open_painter)


@cache
def autoencoder() -> Any:
    """The one autoencoder of all the lab's painters, float32 as the record was measured, on every device."""
    import torch

    from engines.pictures.pocket_autoencoder import PocketAutoencoder

    loaded = PocketAutoencoder.from_pretrained(MODELS / "autoencoder", dtype=torch.float32)
    return loaded.to(hardware.device()).eval().requires_grad_(False)


@cache
def _decoder() -> Quick:
    return Quick(lambda latents: autoencoder().decode(latents, return_dict=False)[0], autoencoder)


def _load(place: Path, cause: Cause) -> SignPainter:
    import torch
    from diffusers import StableDiffusionInstructPix2PixPipeline, StableDiffusionPipeline
    from diffusers.utils import logging

    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # it would warn that the pocket autoencoder is no AutoencoderKL
    kind: Any = StableDiffusionInstructPix2PixPipeline if cause.boxed else StableDiffusionPipeline
    try:
        pipeline = kind.from_pretrained(
            place, vae=autoencoder(), safety_checker=None, use_safetensors=True, dtype=torch.float32
        )
    finally:
        logging.set_verbosity(verbosity)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.to(hardware.device())
    for part in (pipeline.unet, pipeline.text_encoder):
        part.eval().requires_grad_(False)
    return SignPainter(cause, pipeline, fingerprint(place))


# --- painting and reading ---------------------------------------------------------------------------------


def paint(
    cause: str | SignPainter,
    words: str | Sequence[str],
    seeds: Sequence[int] = (0, 1, 2, 3),
    *,
    steps: int = STEPS,
    guidance_scale: float = GUIDANCE,
    previews: bool = False,
    progress: Progress | None = None,
) -> Iterator[SignPass]:
    """Paint every word at every seed in one batch, one :class:`SignPass` at a time; close it to stop.

    At most ``MAX_PICTURES`` pictures. PlainError for words the lab cannot paint. A row equals the stock
    pipeline's picture at the same seed, up to rounding.
    """
    asked = tuple(check_word(word) for word in ([words] if isinstance(words, str) else words))
    for seed in seeds:
        check_number("A seed", seed, 0, MAX_SEED, whole=True)
    check_number("The number of passes", steps, 1, 100, whole=True)
    check_number("The guidance scale", guidance_scale, 1, 15)
    if not asked or not len(seeds):
        raise PlainError("Give at least one word and one seed.")
    if len(asked) * len(seeds) > MAX_PICTURES:
        raise PlainError(f"At most {MAX_PICTURES} signs fit in one run; you asked for {len(asked) * len(seeds)}.")
    painter = load(cause, progress) if isinstance(cause, str) else cause
    return _passes(painter, asked, tuple(int(seed) for seed in seeds), steps, guidance_scale, previews)


def _passes(
    painter: SignPainter, asked: tuple[str, ...], seeds: tuple[int, ...], steps: int, scale: float, previews: bool
) -> Iterator[SignPass]:
    """The denoising loop with guidance (Ho & Salimans 2022, eq. 6) over [words × seeds] rows."""
    import torch

    pipe = painter.pipeline
    device, dtype = pipe._execution_device, pipe.unet.dtype
    shape = (len(asked) * len(seeds), 4, HEIGHT // 8, WIDTH // 8)
    with torch.inference_mode():
        scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config)
        scheduler.set_timesteps(steps, device=device)
        starts = [torch.randn(shape[1:], generator=torch.Generator("cpu").manual_seed(seed)) for seed in seeds]
        latent = torch.stack(starts * len(asked)).to(device, dtype) * scheduler.init_noise_sigma
        captions = [CAPTION.format(word) for word in asked for _ in seeds]
        with painter.turn:
            ids = _ids(pipe, [*[""] * len(captions), *captions])
        text = worker.call(pipe.text_encoder, ids)[0]
        layout = torch.empty(len(latent), 0, *shape[2:], dtype=dtype, device=device)
        if painter.cause.boxed:
            drawn = torch.from_numpy(np.stack([draw_box(word) for word in asked])).permute(0, 3, 1, 2)
            drawn = drawn.to(device, dtype) / 255 * 2 - 1
            layout = worker.call(pipe.vae.encode, drawn).latent_dist.mode().repeat_interleave(len(seeds), 0)
    for index, t in enumerate(scheduler.timesteps):
        began = time.perf_counter()
        with torch.inference_mode():
            batch = torch.cat([scheduler.scale_model_input(latent, t), layout], 1)
            noise = shared_passes.ask(painter.passes, torch.cat([batch, batch]), t, {"encoder_hidden_states": text})
            unconditional, conditional = noise.chunk(2)
            stepped = scheduler.step(unconditional + scale * (conditional - unconditional), t, latent)
            latent = stepped.prev_sample
            last = index == steps - 1
            shown = _decode(pipe, stepped.pred_original_sample) if previews and not last else None
            pictures = _decode(pipe, latent) if last else None
        if previews and last:
            shown = pictures
        yield SignPass(index, steps, asked, seeds, shown, pictures, time.perf_counter() - began)


def _ids(pipe: Any, captions: list[str]) -> Any:
    ids = pipe.tokenizer(
        captions, padding="max_length", truncation=True, max_length=pipe.tokenizer.model_max_length,
        return_tensors="pt",
    ).input_ids  # fmt: skip
    return ids.to(pipe._execution_device)


@worker.only
def _decode(pipe: Any, latent: Any) -> np.ndarray:
    decoded = _decoder()(latent / pipe.vae.config.scaling_factor)
    pixels = (decoded * 0.5 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).float().cpu().numpy()
    return (pixels * 255).round().astype(np.uint8)


@worker.only
def round_trip(pictures: np.ndarray) -> np.ndarray:
    """Signs uint8 [n, 32, 208, 3] through the painters' own autoencoder and back."""
    import torch

    loaded = autoencoder()
    pixels = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255 * 2 - 1
    with torch.inference_mode():
        latents = loaded.encode(pixels.to(loaded.device, loaded.dtype)).latent_dist.mode()
        decoded = loaded.decode(latents).sample.float()
    return ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def read(pictures: np.ndarray, words: str | Sequence[str], progress: Progress | None = None) -> tuple[Spelling, ...]:
    """What OCR reads on each sign (uint8 [n, 32, 208, 3]) against its word: one word for all, or one each.

    ``words`` may also be the words of a :class:`SignPass`, whose rows hold each word once for every seed.
    """
    asked = [words] if isinstance(words, str) else list(words)
    if not asked or len(pictures) % len(asked):
        raise PlainError("Give one word for all signs, or the same number of signs for each word.")
    each = [check_word(word) for word in asked for _ in range(len(pictures) // len(asked))]
    texts = read_line(pictures, progress)
    letters = ["".join(c for c in text.text.upper() if c.isalnum()) for text in texts]
    return tuple(
        Spelling(word, text.text, edit_distance(letter, word))
        for word, text, letter in zip(each, texts, letters, strict=True)
    )


# --- the same by public calls -----------------------------------------------------------------------------


def snippet(cause: str, word: str, seed: int = 0, *, steps: int = STEPS, guidance_scale: float = GUIDANCE) -> str:
    """Plain library code whose ``result`` is the sign that :func:`paint` paints of one word at one seed; it prints what
    OCR reads on it, as :func:`read` does."""
    word = check_word(word)
    boxed = check_cause(cause).boxed
    kind = "StableDiffusionInstructPix2PixPipeline" if boxed else "StableDiffusionPipeline"
    size = "" if boxed else f"height={HEIGHT}, width={WIDTH}, "
    given = "image=layout, image_guidance_scale=1.0, " if boxed else size
    return f"""{_DRAWING.format(word=word) if boxed else ""}import numpy as np
import torch
from diffusers import {kind}
from rapidocr import RapidOCR

from engines.pictures.pocket_autoencoder import PocketAutoencoder  # from the playground's repository; run it there

autoencoder = PocketAutoencoder.from_pretrained("models/autoencoder", dtype=torch.float32)
pipeline = {kind}.from_pretrained(
    "models/signs/{cause}", vae=autoencoder, safety_checker=None, dtype=torch.float32
)
result = pipeline(
    {CAPTION.format(word)!r}, {given}num_inference_steps={steps}, guidance_scale={guidance_scale!r},
    generator=torch.Generator("cpu").manual_seed({seed}),
).images[0]
result.save("sign.png")
reader = RapidOCR(params={{"Global.log_level": "error", "Global.use_cls": False, "Det.limit_side_len": 256}})
blue_green_red = np.ascontiguousarray(np.asarray(result)[..., ::-1])  # the order that rapidocr expects
text = " ".join(reader(blue_green_red, use_det=False, text_score=0.0).txts or ())
print(f"asked for {word}, reads {{text!r}}")
"""


_DRAWING = f"""from pathlib import Path

import gradio
from PIL import Image, ImageDraw, ImageFont

fonts = Path(gradio.__file__).parent / "templates" / "frontend" / "static" / "fonts"
font = ImageFont.truetype(str(fonts / "IBMPlexMono" / "IBMPlexMono-Bold.woff2"), {FONT_SIZE * 4})
word = "{{word}}"
layout = Image.new("RGB", ({WIDTH * 4}, {HEIGHT * 4}), "black")
draw = ImageDraw.Draw(layout)
draw.rectangle([{MARGIN * 4}, 0, {MARGIN * 4} + {PITCH * 4} * len(word) - 1, {HEIGHT * 4}], "white")
_, top, _, bottom = font.getbbox("H", anchor="ls")
for slot, letter in enumerate(word):
    place = ({MARGIN * 4} + {PITCH * 4} * (slot + 0.5), {HEIGHT * 2} - (top + bottom) / 2)
    draw.text(place, letter, "black", font, anchor="ms")
layout = layout.resize(({WIDTH}, {HEIGHT}), Image.Resampling.BOX)

"""
