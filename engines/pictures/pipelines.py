"""Opening a pipeline: its files, what of it is loaded, and how this machine holds it.

Pinned revisions, safetensors only, never the code of a repository.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engines.evidence import PlainError, Progress
from engines.models import catalogue, hardware, hub, safety, settings, weights
from engines.models.catalogue import MODELS, Entry, Hub

GuidanceRule = Literal["two branches", "embedded scale", "distilled"]
POCKET = "models/painter"
POCKET_GUIDANCE = 4.0
SCHEDULERS = (
    "DDIMParallelScheduler", "DDIMScheduler", "DDPMParallelScheduler", "DDPMScheduler", "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler", "DPMSolverSDEScheduler", "DPMSolverSinglestepScheduler",
    "EDMDPMSolverMultistepScheduler", "EDMEulerScheduler", "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler", "FlowMatchEulerDiscreteScheduler", "HeunDiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler", "KDPM2DiscreteScheduler", "LCMScheduler", "LMSDiscreteScheduler",
    "PNDMScheduler", "TCDScheduler", "UniPCMultistepScheduler",
)  # fmt: skip
"""Those whose noise and whose predicted clean latent a test compares with what the library itself makes of them."""
KINDS = ("StableDiffusionPipeline", "StableDiffusionXLPipeline", "LatentConsistencyModelPipeline")


@dataclass(frozen=True, eq=False)
class Opened:
    """A pipeline in its place and what was learned in opening it: what a ``Painter`` is made from."""

    pipeline: Any
    name: str
    revision: str
    source: str
    guidance_rule: GuidanceRule | None
    guidance_scale: float | None
    screened: bool
    preview: Any


def open_pipeline(model: str | Entry, progress: Progress) -> Opened:
    """The pipeline of an absolute folder, a hub id or an entry; see :func:`engines.pictures.painter.load`."""
    progress(0.0, "Waking the painter")
    folder, name, revision, source = _files(model, progress)
    bundled = folder == MODELS / "painter"
    parts = _pocket_autoencoder(folder)
    pocket = bool(parts)
    placement = hardware.check_fits(name, hardware.numbers_in(folder), memory=hardware.free_bytes())
    screened = safety.wanted() and not pocket
    progress(0.7, "Reading the painter's weights")
    pipeline = _read(folder, name, parts | _checker(folder, name, screened), pocket)
    check_scheduler(name, pipeline.scheduler)
    settle(pipeline, placement)
    return Opened(
        pipeline,
        name="Sticker World painter" if bundled else name,
        revision=revision,
        source=POCKET if bundled else source,
        guidance_rule=_rule(pipeline),
        guidance_scale=POCKET_GUIDANCE if pocket else None,
        screened=screened,
        preview=None if pocket else _preview(pipeline, folder, fetched=not Path(source).is_absolute()),
    )


def _files(model: str | Entry, progress: Progress) -> tuple[Path, str, str, str]:
    """Folder, name, revision, and what a program that loads it would name."""
    if not isinstance(model, Entry):
        folder = Path(model)
        if folder.is_absolute():
            if not (folder / "model_index.json").is_file():
                raise PlainError(f"There is no painter in {folder.name!r}: the folder has no model_index.json.")
            return folder, folder.name, weights.fingerprint(folder), model
        model = catalogue.by_name(model, "pictures")
    files = weights.ensure(model, lambda share, words: progress(0.7 * share, words))
    hubs = [source.repository for source in model.sources if isinstance(source, Hub)]
    revision = files.revision if hubs else weights.fingerprint(files.path)
    return files.path, files.name, revision, f"{hubs[0]}@{revision}" if hubs else str(files.path)


def _read(folder: Path, name: str, parts: dict[str, Any], pocket: bool) -> Any:
    from diffusers import DiffusionPipeline
    from diffusers.utils import logging

    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # it would warn that the pocket autoencoder is no AutoencoderKL
    kind = json.loads((folder / "model_index.json").read_text()).get("_class_name")
    if kind not in KINDS:
        raise PlainError(f"{name!r} is a {kind}. The playground opens Stable Diffusion 1, 2 and XL pipelines.")
    try:
        pipeline = DiffusionPipeline.from_pretrained(
            folder, dtype=_full() if pocket else _dtype(), use_safetensors=True, variant=_variant(folder),
            local_files_only=True, trust_remote_code=False, **parts,
        )  # fmt: skip
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        reason = (str(error).split("\n\n")[0].strip().splitlines() or [""])[0].strip()
        raise PlainError(f"The painter {name!r} could not be loaded: {reason}") from error
    finally:
        logging.set_verbosity(verbosity)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def check_scheduler(name: str, scheduler: Any) -> None:
    """PlainError for a scheduler whose noise levels or predictions the playground would misread."""
    from engines.pictures.noise import KINDS as predictions
    from engines.pictures.noise import prediction_of

    kind = type(scheduler).__name__
    if kind not in SCHEDULERS:
        raise PlainError(
            f"{name!r} comes with the scheduler {kind}, which the playground cannot read. Save it with another one, "
            "such as DDIMScheduler or EulerDiscreteScheduler."
        )
    if scheduler.config.get("thresholding"):
        raise PlainError(
            f'{name!r} has "thresholding" on in its scheduler, which clips pixels and would break latents. Set it to '
            "false in scheduler/scheduler_config.json."
        )
    if prediction_of(scheduler) not in predictions:
        raise PlainError(f"{name!r} predicts {prediction_of(scheduler)!r}, which the playground cannot read.")


def _dtype() -> Any:
    return hardware.dtype(hardware.model_device())


def _full() -> Any:
    """The small bundled models run as they were measured, on every device."""
    import torch

    return torch.float32


def _rule(pipeline: Any) -> GuidanceRule | None:
    """ "distilled" where the pipeline's scheduler is one that few-step models come with; None: not told.

    Latent consistency models have a scheduler of their own. Turbo and Lightning models come with an Euler scheduler
    that starts at the very last timestep ("trailing") and still predicts the noise. ``PLAYGROUND_GUIDANCE`` (on or
    off) overrules what a scheduler or a name seems to say.
    """
    said = settings.GUIDANCE.read()
    if said and pipeline.unet.config.time_cond_proj_dim is None:
        return "two branches" if said == "on" else "distilled"
    scheduler = pipeline.scheduler
    name, config = type(scheduler).__name__, scheduler.config
    trailing = config.get("timestep_spacing") == "trailing" and config.get("prediction_type") == "epsilon"
    few_steps = name in ("LCMScheduler", "TCDScheduler") or (trailing and name.startswith("Euler"))
    return "distilled" if few_steps and pipeline.unet.config.time_cond_proj_dim is None else None


def _variant(folder: Path) -> str | None:
    """ "fp16" where the UNet is there in no other precision."""
    names = [file.name for file in (folder / "unet").glob("*.safetensors")]
    return "fp16" if names and all(".fp16" in name for name in names) else None


def _checker(folder: Path, name: str, screened: bool) -> dict[str, Any]:
    """What to say about the safety checker: nothing to load it, or that there is none.

    PlainError where the pipeline lists one that is not there: it must not go missing in silence.
    """
    if "safety_checker" not in json.loads((folder / "model_index.json").read_text()):
        return {}
    if screened and hub.lists_checker(folder):
        if any((folder / "safety_checker").glob("*.safetensors")):
            return {}
        raise PlainError(
            f"{name} lists a safety checker, but its .safetensors file is not in the folder. Put it there, or do "
            f"without it by setting {settings.SAFETY}=off."
        )
    return {"safety_checker": None, "requires_safety_checker": False}


def settle(pipeline: Any, placement: hardware.Placement) -> None:
    """Put a pipeline where its placement says, with the savings it asks for.

    On a card, or where memory is short, the autoencoder decodes one picture at a time.
    """
    crowded = placement.device != "cpu" or placement.slice_attention
    if crowded and hasattr(pipeline.vae, "enable_slicing"):
        pipeline.vae.enable_slicing()
    if placement.slice_attention:
        pipeline.enable_attention_slicing()
    if placement.tile_autoencoder and hasattr(pipeline.vae, "enable_tiling"):
        pipeline.vae.enable_tiling()
    if placement.offload:
        pipeline.enable_model_cpu_offload()
    else:
        pipeline.to(hardware.model_device())


def _preview(pipeline: Any, folder: Path, fetched: bool) -> Any:
    """The family's tiny autoencoder: from the folder's ``preview``, or fetched (10 MB) beside a fetched painter."""
    from diffusers import AutoencoderTiny

    if pipeline.vae.config.latent_channels != 4:
        return None
    family = "xl" if pipeline.unet.config.addition_embed_type == "text_time" else "sd"
    own = folder / "preview"
    place = own if (own / "config.json").is_file() else _tiny(catalogue.PREVIEWS[family], fetched)
    if place is None:
        return None
    tiny = AutoencoderTiny.from_pretrained(place, dtype=_dtype(), use_safetensors=True, local_files_only=True)
    return tiny.to(hardware.model_device())


def _tiny(source: Hub, may_fetch: bool) -> Path | None:
    """A preview is a comfort: where its decoder cannot be had, the full one makes the previews."""
    if hub.snapshot(source, "text") is None and may_fetch:
        with suppress(PlainError, hub.Unreachable):
            hub.fetch(source, hub.survey(source, "text"), "previews", lambda share, words: None, weights.watch)
    return hub.snapshot(source, "text")


def _pocket_autoencoder(folder: Path) -> dict[str, Any]:
    """The pocket autoencoder when the folder's pipeline uses it; the library cannot find its class itself."""
    place = folder / "vae" if (folder / "vae").is_dir() else folder.parent / "autoencoder"
    config = place / "config.json"
    if not config.is_file() or json.loads(config.read_text()).get("_class_name") != "PocketAutoencoder":
        return {}
    from engines.pictures.pocket_autoencoder import PocketAutoencoder

    return {"vae": PocketAutoencoder.from_pretrained(place, dtype=_full())}
