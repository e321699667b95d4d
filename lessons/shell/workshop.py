"""The painter that picture lessons share: the profile's own, or the one a teacher names."""

from __future__ import annotations

from collections.abc import Callable

from engines import live
from engines.evidence import PlainError
from engines.models import catalogue, hardware
from engines.pictures import painter
from engines.pictures.diffusion import Painter

MISSING = (
    "The painter is not here yet. It belongs in the folder models/painter, which comes with the playground's "
    "repository; train one with “python -m training.painter”, or set PLAYGROUND_PICTURE_MODEL to the folder or "
    "the Hugging Face id of a Stable Diffusion model and start the playground again."
)


def painter_is_missing() -> bool:
    """Whether neither the bundled painter nor another one is to be had."""
    try:
        bundled = catalogue.model("pictures") is catalogue.STICKER_WORLD
    except PlainError:
        return True
    return bundled and not (painter.MODELS / "painter" / "model_index.json").is_file()


def usual_passes() -> int:
    """How many passes suit the painter of this playground, without loading it."""
    try:
        return painter.usual_passes(catalogue.model("pictures"))
    except PlainError:
        return painter.USUAL_STEPS


def open_painter(progress: Callable[[float, str], None] | None = None) -> Painter:
    """The painter of this playground; PlainError says how to get one when there is none."""
    if painter_is_missing():
        raise PlainError(MISSING)
    return live.open_painter(progress)


def prepare() -> None:
    """On ZeroGPU, place the models before the server starts; elsewhere they load with their first run."""
    if not hardware.on_zero_gpu():
        return
    try:
        live.prepare(lambda share, words: print(f"{share:4.0%}  {words}", flush=True))
    except PlainError as error:
        raise SystemExit(f"The Space cannot start. {error}") from error
