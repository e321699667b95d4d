"""The painter: a Stable Diffusion-class pipeline of the library, wrapped so that many threads can share it.

Latents here are always scaled as the UNet wants them (``scaling_factor`` applied), pictures always uint8.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from engines.checks import check_caption
from engines.evidence import PlainError
from engines.models import counting, hardware, lending, safety, worker
from engines.models.catalogue import MODELS, Entry, Folder
from engines.models.shelf import Shelf, Turn
from engines.pictures import shared_passes
from engines.pictures.captions import Reading, find_offsets
from engines.pictures.pipelines import POCKET, GuidanceRule, open_pipeline
from engines.pictures.plan import FromPicture, Plan, Spacing
from engines.pictures.quick import Quick
from engines.statistics import plural

if TYPE_CHECKING:
    from torch import Tensor

Made = TypeVar("Made")
USUAL_STEPS, FEW_STEPS = 25, 4
DECODED = 4
"""Pictures that are decoded in one turn at the processor."""
_DISTILLED = re.compile(r"turbo|lightning|hyper|schnell|lcm|dmd|tcd", re.IGNORECASE)

TOKENIZING = Turn()
"""Held while a painter's tokenizer is used: every call sets it anew to pad and cut, and companions share one."""
_UNCUT: dict[str, Any] = {"truncation": False, "padding": False, "verbose": False}


class Painter:
    """A Stable Diffusion 1.x/2.x- or XL-class pipeline; safe to use from many threads at once.

    name, revision: for provenance. source: what code that loads it names. height, width: its own picture
    size in pixels. latent_shape: (C, h, w). factor: pixels a latent cell, each way. train_timesteps: length
    of the noise schedule it was trained on. capacity: tokens its text encoder reads. guidance_scale: its
    default. guidance_rule: "two branches" (classifier-free guidance), "embedded scale" (the scale is an
    input of the network, as in latent consistency models, Luo et al. 2023) or "distilled" (trained to do
    without, as Turbo models). steps: passes that suit it. screened: whether captions and pictures go through
    :mod:`engines.models.safety`. preview: a tiny autoencoder for previews, or None.
    """

    def __init__(
        self,
        pipeline: Any,
        *,
        name: str = "",
        revision: str = "",
        source: str = "",
        guidance_rule: GuidanceRule | None = None,
        guidance_scale: float | None = None,
        screened: bool = False,
        preview: Any = None,
        key: str = "",
    ) -> None:
        import torch

        from engines.pictures.cross_attention import install

        self.pipeline, self.unet, self.vae = pipeline, pipeline.unet, pipeline.vae
        self.device, self.dtype = pipeline._execution_device, self.unet.dtype  # each asks all modules, milliseconds
        self.name, self.revision, self.source = name or "a painter", revision, source
        if self.unet.config.in_channels != self.vae.config.latent_channels:
            raise PlainError(f"{self.name} is an inpainting or depth model. Choose a text-to-image model.")
        self.scale_factor = float(self.vae.config.scaling_factor)
        self.factor = int(pipeline.vae_scale_factor)
        size = self.unet.config.sample_size
        rows, columns = (size, size) if isinstance(size, int) else size
        self.latent_shape = (int(self.unet.config.in_channels), int(rows), int(columns))
        self.height, self.width = rows * self.factor, columns * self.factor
        self.train_timesteps = int(pipeline.scheduler.config.num_train_timesteps)
        self.capacity = int(pipeline.tokenizer.model_max_length)
        self.is_xl = self.unet.config.addition_embed_type == "text_time"
        self.guidance_rule = guidance_rule or self._guess_rule()
        usual = {"two branches": 7.5, "embedded scale": 8.5, "distilled": 1.0}[self.guidance_rule]
        self.guidance_scale = usual if guidance_scale is None else guidance_scale
        self.steps = USUAL_STEPS if self.has_two_branches else FEW_STEPS
        self.screened, self.preview, self.key = screened, preview, key
        self._making = Turn()
        self._companions: dict[str, Any] = {}
        self._begin()
        if self.is_xl and self.vae.dtype == torch.float16 and self.vae.config.get("force_upcast"):
            self.vae.float()  # float16 overflows in the autoencoder of XL
        others = (getattr(pipeline, name, None) for name in ("text_encoder", "text_encoder_2", "safety_checker"))
        for part in (self.unet, self.vae, preview, *others):
            if part is not None:
                part.eval().requires_grad_(False)
        install(self.unet)

    def __reduce__(self) -> tuple[Any, ...]:
        """A painter is too large to copy: in another process of this program it is the one of the same key."""
        return shared, (self.key,)

    def _guess_rule(self) -> GuidanceRule:
        if self.unet.config.time_cond_proj_dim is not None:
            return "embedded scale"
        names = (Path(self.name).name, Path(self.source).name)  # an owner's name tells nothing
        return "distilled" if any(map(_DISTILLED.search, names)) else "two branches"

    @property
    def is_bundled(self) -> bool:
        """Whether this is the painter of Sticker World, whose diet is known and whose pictures the judge can read."""
        return self.source == POCKET

    def passes(self, wanted: int | None) -> int:
        """``wanted`` passes; None: as many as suit this painter."""
        return self.steps if wanted is None else wanted

    def companion(self, name: str, make: Callable[[], Made]) -> Made:
        """What works beside this painter under that ``name``, made by the first who asks; it goes as the weights go."""
        with self._making:
            if (found := self._companions.get(name)) is None:
                found = self._companions[name] = make()
            return found

    def _begin(self) -> None:
        self._quick = shared_passes.quick(lambda: self.unet)
        self._passes = shared_passes.meeting(lambda: self.unet, self.device, self._quick)
        self._decoder = Quick(lambda latents: self.vae.decode(latents, return_dict=False)[0], lambda: self.vae)

    def prepare(self) -> None:
        """Make ready what makes its passes quick on a CPU; else the first run does."""
        if self.device.type == "cpu":
            self._quick.prepare()
            self._decoder.prepare()

    @worker.only
    def close(self) -> None:
        """Drop the weights, after the pass under way; a run that goes on is told to start again."""
        self._companions.clear()
        self._begin()  # what was recorded holds the weights too
        self.pipeline = self.unet = self.vae = self.preview = hardware.Unloaded()

    def weight_bytes(self) -> int:
        """The memory of its networks; none once it is closed."""
        pipeline, preview = self.pipeline, self.preview
        if isinstance(pipeline, hardware.Unloaded):
            return 0
        return hardware.bytes_of(preview, *pipeline.components.values())

    @property
    def has_two_branches(self) -> bool:
        """Whether guidance compares a prediction with the caption to one without."""
        return self.guidance_rule == "two branches"

    @property
    def prediction_type(self) -> str:
        """What the network predicts, in the words of :func:`engines.pictures.noise.noise_and_clean`."""
        from engines.pictures.noise import prediction_of

        return prediction_of(self.pipeline.scheduler)

    @property
    def sigma_data(self) -> float:
        """The deviation of clean latents that a preconditioned network reckons with (Karras et al. 2022, §5)."""
        return float(self.pipeline.scheduler.config.get("sigma_data", 0.5))

    # --- text ---

    def read(self, caption: str, *, capacity: int | None = None) -> Reading:
        """The caption's words, tokens and unread tail; ``capacity``: of a network with room for so many tokens."""
        check_caption(caption)
        tokenizer = self.pipeline.tokenizer
        with TOKENIZING:
            if tokenizer.is_fast:
                coded = tokenizer(caption, return_offsets_mapping=True, **_UNCUT)
                ids, offsets = coded.input_ids, coded.offset_mapping
            else:
                ids = tokenizer(caption, **_UNCUT).input_ids
                offsets = find_offsets(tokenizer.convert_ids_to_tokens(ids), caption)
        return Reading.of(caption, ids, offsets, capacity or self.capacity)

    def token_ids(self, captions: Sequence[str], length: int | None = None) -> np.ndarray:
        """The tokens of captions int64 [n, T], cut and padded to ``length``; to the longest that is read, if None."""
        fill = {"padding": "max_length", "max_length": length} if length else {"padding": True}
        with TOKENIZING:
            read = self.pipeline.tokenizer(list(captions), truncation=True, **fill)
        return np.array(read.input_ids, np.int64)

    def unread(self, caption: str) -> tuple[str, ...]:
        """The words of a caption for which the text encoder has no room, in order."""
        return self.read(caption).unread_words

    @worker.only
    def condition(
        self,
        captions: tuple[str, ...],
        negative: str,
        *,
        two_branches: bool,
        size: tuple[int, int],
        scales: Sequence[float],
    ) -> dict[str, Any]:
        """What the UNet is given beside the latent and the time, one row a caption.

        With two branches the rows that read ``negative`` (nothing, when empty) come first. ``size`` is the
        picture's (height, width); ``scales`` reach only networks that take the guidance scale as an input.
        """
        import torch

        if self.screened:
            for caption in dict.fromkeys(captions):
                safety.screen(caption)
        same = len(set(captions)) == 1
        prompt: Any = captions[0] if same else list(captions)
        wanted: Any = negative or None
        if wanted is not None and not same:
            wanted = [negative] * len(captions)
        options = {
            "device": self.device,
            "num_images_per_prompt": len(captions) if same else 1,
            "do_classifier_free_guidance": two_branches,
            "negative_prompt": wanted,
        }
        with TOKENIZING:
            encoded = self.pipeline.encode_prompt(prompt, **options)
        text = torch.cat([encoded[1], encoded[0]]) if two_branches else encoded[0]
        given: dict[str, Any] = {"encoder_hidden_states": text}
        if self.is_xl:
            pooled = torch.cat([encoded[3], encoded[2]]) if two_branches else encoded[2]
            sizes = torch.tensor([*size, 0, 0, *size], dtype=text.dtype)  # original size, crop corner, target size
            time_ids = sizes.to(text.device).repeat(len(text), 1)
            given["added_cond_kwargs"] = {"text_embeds": pooled, "time_ids": time_ids}
        if self.guidance_rule == "embedded scale":
            embedded = self.pipeline.get_guidance_scale_embedding(
                torch.tensor([scale - 1 for scale in scales]),
                embedding_dim=self.unet.config.time_cond_proj_dim,
            )
            given["timestep_cond"] = embedded.to(device=self.device, dtype=self.dtype)
        return given

    @lending.on_card(lambda painter, caption: 10)
    @worker.only
    def received(self, caption: str) -> tuple[int, ...]:
        """The token ids that reach the text encoder when it reads ``caption``, caught at its entrance.

        With the marks of start and end, and what fills the rest of its :attr:`capacity`.
        """
        caught: list[Any] = []

        def catch(encoder: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
            caught.append(arguments[0] if arguments else options["input_ids"])

        check_caption(caption)
        hook = self.pipeline.text_encoder.register_forward_pre_hook(catch, with_kwargs=True)
        try:
            size, scales = (self.height, self.width), (self.guidance_scale,)
            self.condition((caption,), "", two_branches=False, size=size, scales=scales)
        finally:
            hook.remove()
        return tuple(int(token_id) for token_id in caught[0][0])

    def predict(self, batch: Tensor, t: Tensor, given: dict[str, Any], *, alone: bool = False) -> Tensor:
        """The network's output [B, C, h, w] for ``batch`` at timestep ``t``, in a pass that other runs may share.

        ``given`` is what :meth:`condition` gave. ``alone``: the attention is watched or changed, so share it not.
        Company changes the last digits, since a larger matrix is multiplied in another order.
        """
        if alone:
            return worker.call(self.unet, batch, t, **given, return_dict=False)[0]
        return shared_passes.ask(self._passes, batch, t, given)

    @lending.on_card(lambda painter: 10)
    @worker.only
    def work(self) -> tuple[counting.Work, counting.Work, counting.Work]:
        """What reading a caption, one pass and the decoding take, for one picture of its own size and guidance.

        A pass is that of both branches where guidance needs two; they share one reading of the weights. Counted by
        :func:`engines.models.counting.multiply_adds`. Bytes are of weights alone, since what a network hands from layer
        to layer mostly stays in the processor's own memory.
        """
        import torch

        latent = torch.zeros(1, *self.latent_shape, device=self.device, dtype=self.dtype)
        branches = self.has_two_branches and self.guidance_scale != 1
        timestep = torch.tensor(self.train_timesteps // 2, device=self.device)
        size, scales = (self.height, self.width), (self.guidance_scale,)
        given: dict[str, Any] = {}

        def read() -> None:
            given.update(self.condition(("",), "", two_branches=branches, size=size, scales=scales))

        def look() -> None:
            self.unet(torch.cat([latent] * (1 + branches)), timestep, **given, return_dict=False)

        encoders = [getattr(self.pipeline, name, None) for name in ("text_encoder", "text_encoder_2")]
        parts = ((read, encoders), (look, [self.unet]), (lambda: self.vae.decode(latent), [self.vae.decoder]))
        return tuple(
            counting.Work(counting.multiply_adds(step), hardware.bytes_of(*networks)) for step, networks in parts
        )  # type: ignore[return-value]

    # --- pictures ---

    def seconds(self, rows: int, passes: int) -> float:
        """What a card may need at most for a run: a fifth of a second a pass and megapixel and branch, and a start."""
        work = rows * passes * (2 if self.has_two_branches else 1) * self.height * self.width / 2**20
        return 8 + 0.2 * work

    def check_size(self, height: int | None, width: int | None) -> tuple[int, int]:
        """Height and width in pixels, its own where None; PlainError when it cannot paint that size."""
        height, width = height or self.height, width or self.width
        for side, own in ((height, self.height), (width, self.width)):
            step = max(8, self.factor)
            if side % step or not own // 4 <= side <= own * 2:
                raise PlainError(f"Each side must be a multiple of {step} from {own // 4} to {own * 2} pixels.")
        return height, width

    def fit(self, pictures: np.ndarray, height: int, width: int) -> np.ndarray:
        """uint8 pictures [n, H, W, 3] cut and resized to [n, height, width, 3]."""
        from engines.pictures.files import open_picture

        return np.stack([open_picture(picture, width=width, height=height) for picture in pictures])

    def pixels(self, pictures: np.ndarray, height: int, width: int) -> Tensor:
        """uint8 [n, H, W, 3] -> the autoencoder's input [n, 3, height, width] in −1…1."""
        import torch

        fitted = torch.from_numpy(self.fit(pictures, height, width)).permute(0, 3, 1, 2).contiguous()
        return (fitted.float() / 255 * 2 - 1).to(device=self.device, dtype=self.vae.dtype)

    @lending.on_card(lambda painter, pictures: 5 + 0.5 * len(pictures))
    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """uint8 [n, H, W, 3] -> scaled latents float32 [n, C, h, w] (the mean, not a draw)."""
        height, width = self.check_size(*pictures.shape[1:3])
        return self._encode(self.pixels(pictures, height, width))

    @worker.only
    def _encode(self, pixels: Tensor) -> np.ndarray:
        return self._normalise(self.vae.encode(pixels).latent_dist.mode()).float().cpu().numpy()

    @worker.only
    def encode_draws(self, pixels: Tensor, generators: Sequence[Any]) -> Tensor:
        """Pixels [1, 3, H, W] in [-1, 1] to one latent a generator, [G, C, h, w], drawn as the stock pipeline does."""
        import torch

        posterior = self.vae.encode(pixels).latent_dist
        draws = [posterior.sample(generator) for generator in generators]
        return self._normalise(torch.cat(draws)).to(self.dtype)

    @lending.on_card(lambda painter, latents, **more: 5 + 0.5 * len(latents))
    def decode(self, latents: np.ndarray, *, checked: bool = True) -> np.ndarray:
        """Scaled latents float32 [n, C, h, w] -> pictures uint8 [n, H, W, 3], in one batch.

        Pictures that the painter made go through its checker; ``checked=False`` is for a learner's own.
        """
        import torch

        latents = np.asarray(latents, dtype=np.float32)
        if latents.ndim != 4 or latents.shape[1] != self.latent_shape[0] or not np.isfinite(latents).all():
            raise PlainError(f"A latent must be finite numbers of shape [n, {self.latent_shape[0]}, h, w].")
        pictures = self.decode_tensor(torch.from_numpy(latents))
        return self.checked(pictures)[0] if checked else pictures

    def decode_tensor(self, latents: Tensor) -> np.ndarray:
        """Pictures uint8 [rows, H, W, 3] of normalised latents [rows, C, h, w], as the U-Net leaves them.

        A few at a time, so that others' passes come in between.
        """
        return np.concatenate([self._decoded(part) for part in latents.split(DECODED)])

    def decode_previews(self, latents: Tensor) -> np.ndarray:
        """As :meth:`decode_tensor`, by the tiny autoencoder where there is one; checked as finished ones are."""
        decode = self._decoded if self.preview is None else self._sketched
        return np.concatenate([self.checked(decode(part))[0] for part in latents.split(DECODED)])

    @worker.only
    def _decoded(self, latents: Tensor) -> np.ndarray:
        latents = self._denormalise(latents.to(device=self.device, dtype=self.vae.dtype))
        return _as_pictures(self._decoder(latents))

    @worker.only
    def _sketched(self, latents: Tensor) -> np.ndarray:
        latents = latents.to(device=self.device, dtype=self.preview.dtype)
        return _as_pictures(self.preview.decode(latents, return_dict=False)[0])

    @worker.only
    def checked(self, pictures: np.ndarray) -> tuple[np.ndarray, tuple[bool, ...]]:
        """Pictures uint8 [B, H, W, 3], refused ones black, and which those are; see :mod:`engines.models.safety`."""
        if not self.screened:
            return pictures, (False,) * len(pictures)
        return safety.check(self.pipeline, pictures)

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor] | None:
        """Per-channel mean and deviation of the latents, where an XL autoencoder states them."""
        import torch

        stated = self.vae.config.get("latents_mean"), self.vae.config.get("latents_std")
        if not self.is_xl or None in stated:
            return None
        mean, deviation = (torch.tensor(numbers).view(1, -1, 1, 1).to(like) for numbers in stated)
        return mean, deviation

    def _normalise(self, latents: Tensor) -> Tensor:
        statistics = self._statistics(latents)
        if statistics is None:
            return self.scale_factor * latents
        return (latents - statistics[0]) * self.scale_factor / statistics[1]

    def _denormalise(self, latents: Tensor) -> Tensor:
        statistics = self._statistics(latents)
        if statistics is None:
            return latents / self.scale_factor
        return latents * statistics[1] / self.scale_factor + statistics[0]

    # --- the scheduler ---

    def new_scheduler(self, spacing: Spacing | None = None) -> Any:
        """A fresh scheduler: it remembers the run it is in, so every run needs its own.

        ``spacing`` overrules where along the schedule its timesteps lie; PlainError where it has no such setting.
        """
        scheduler = self.pipeline.scheduler
        if spacing is None:
            return type(scheduler).from_config(scheduler.config)
        if not takes_spacing(scheduler):
            raise PlainError(f"{self.name} spaces its timesteps in its own way only. Leave the spacing as it is.")
        return type(scheduler).from_config(scheduler.config, timestep_spacing=spacing)

    def schedule(self, plan: Plan) -> tuple[Any, Tensor, int]:
        """What a plan runs through: (its own scheduler, timesteps [passes], how many were skipped before).

        The scheduler decides how many passes a request makes: PNDM adds some, Heun's looks twice at most levels, and
        a run that starts from a picture skips the first. PlainError for a number it cannot do.
        """
        scheduler = self.new_scheduler(plan.spacing)
        try:
            scheduler.set_timesteps(plan.steps, device=self.device)
        except ValueError as error:
            raise PlainError(
                f"{self.name} cannot paint in {plural(plan.steps, 'pass', 'passes')}. Choose another number."
            ) from error
        begin = 0
        if isinstance(plan.start, FromPicture):
            skipped = plan.steps - min(int(plan.steps * plan.start.strength), plan.steps)
            begin = skipped * getattr(scheduler, "order", 1)
        if begin >= len(scheduler.timesteps):
            raise PlainError("So little strength leaves no pass to run. Raise the strength or the passes.")
        return scheduler, scheduler.timesteps[begin:], begin

    def timesteps(self, plan: Plan) -> tuple[float, ...]:
        """What the network is told in each pass of a plan: as many timesteps as the run really makes passes."""
        return tuple(self.schedule(plan)[1].tolist())

    def made(self, steps: int) -> int:
        """How many passes a plain run makes when it is asked for ``steps``."""
        return len(self.timesteps(Plan("", steps=steps)))

    def pass_settings(self, steps: int) -> dict[str, int]:
        """For a provenance: the passes made, and the number asked for where that is another."""
        made = self.made(steps)
        return {"passes": made} if made == steps else {"passes": made, "passes asked for": steps}

    def spacing_for(self, steps: int) -> Spacing | None:
        """Trailing where the first of so few passes would be told of far less noise than its static is made of.

        With leading spacing two passes are told 501 and 1 of 999. None: the scheduler's own spacing starts near the
        end of the schedule, or is the only one it has.
        """
        first = self.timesteps(Plan("", steps=steps))[0]
        near = first >= 0.9 * (self.train_timesteps - 1)
        return None if near or not takes_spacing(self.pipeline.scheduler) else "trailing"

    @staticmethod
    def step_options(scheduler: Any, generators: list[Any]) -> dict[str, Any]:
        """What the stock pipeline gives to each step: the dice for schedulers that draw noise in it (DDPM, ancestral,
        LCM), and no extra noise (η = 0, DDIM eq. 16) for those that could add some."""
        takes = inspect.signature(scheduler.step).parameters
        options: dict[str, Any] = {"generator": generators} if "generator" in takes else {}
        return options | ({"eta": 0.0} if "eta" in takes else {})


def takes_spacing(scheduler: Any) -> bool:
    """Whether one can choose where along the schedule its timesteps lie."""
    return "timestep_spacing" in inspect.signature(type(scheduler).__init__).parameters and not is_consistency(
        scheduler
    )


def is_consistency(scheduler: Any) -> bool:
    """Whether it is one of consistency models, whose few timesteps are picked out of those of their training."""
    return type(scheduler).__name__ in ("LCMScheduler", "TCDScheduler")


def _as_pictures(pixels: Tensor) -> np.ndarray:
    """[n, 3, H, W] in −1…1 -> uint8 [n, H, W, 3]."""
    shown = (pixels * 0.5 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).float().cpu().numpy()
    return (shown * 255).round().astype(np.uint8)


# --- loading ----------------------------------------------------------------------------------------------

SHELF = Shelf[Painter]("pictures", Painter.close, Painter.weight_bytes)


def load(model: str | Path | Entry | None = None, progress: Callable[[float, str], None] | None = None) -> Painter:
    """The painter of this folder, hub id or catalogue entry; None is the bundled one. One per process and model.

    PlainError when its files are missing, too large for this machine, or no text-to-image pipeline of a Stable
    Diffusion class. See :mod:`engines.pictures.pipelines` for what loading decides.
    """
    key = key_of(model)

    def open_painter() -> Painter:
        lending.need_start_up()
        chosen = model if isinstance(model, Entry) and key == model.key else key
        tell = progress or (lambda share, text: None)
        painter = Painter(**vars(open_pipeline(chosen, tell)), key=key)
        tell(0.95, "Making its passes quick")
        painter.prepare()
        tell(1.0, "The painter is ready")
        return painter

    return SHELF.load(key, open_painter)


def key_of(model: str | Path | Entry | None) -> str:
    """What tells painters apart: the absolute folder, or the key or hub id of one to be fetched."""
    if isinstance(model, Entry):
        if not isinstance(model.sources[0], Folder):
            return model.key
        model = model.sources[0].path
    folder = Path(model or MODELS / "painter")
    return str(folder.resolve()) if model is None or folder.is_absolute() or folder.exists() else str(model)


def shared(key: str) -> Painter:
    """The loaded painter of a key; PlainError when this process has none."""
    painter = SHELF.models.get(key)
    if painter is None:
        raise PlainError("That painter is not loaded here. Start the run again.")
    return painter


def unload() -> None:
    """Drop every painter and give its memory back; runs still under way are told to start again."""
    SHELF.unload()


def loaded() -> tuple[Painter, ...]:
    """The painters in memory."""
    return SHELF.loaded()


def usual_passes(entry: Entry) -> int:
    """How many passes suit an entry's painter: the painter's own word where it is in memory, else by its name."""
    at_work = next((one for one in loaded() if one.key == key_of(entry)), None)
    if at_work is not None:
        return at_work.steps
    names = (Path(entry.key).name, Path(entry.name).name)
    return FEW_STEPS if any(map(_DISTILLED.search, names)) else USUAL_STEPS
