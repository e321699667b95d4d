"""The models a run needs, opened in view, and what a page says where another model is live or none is here."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Generator, Iterator
from functools import cache
from typing import Any

import gradio as gr

from engines import live
from engines.evidence import PlainError, Progress, Underway
from engines.models import catalogue, hardware, weights, worker
from engines.models.catalogue import Role
from engines.models.line import Queue
from engines.pictures import painter
from engines.pictures.diffusion import Painter
from engines.text import language_model
from lessons.shell import events, views
from lessons.shell.background import in_background
from lessons.shell.content import Lesson

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


def sticker_world_is_live() -> bool:
    """Whether the painter of this playground is the bundled one, whose world and training captions are known."""
    try:
        return catalogue.model("pictures") is catalogue.STICKER_WORLD
    except PlainError:
        return False


def painter_in_memory() -> Painter | None:
    """The live painter where it is loaded already. Loads nothing."""
    try:
        key = painter.key_of(catalogue.model("pictures"))
    except PlainError:
        return None
    return next((one for one in painter.loaded() if one.key == key), None)


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


def models(queue: Queue | None) -> Generator[Underway, None, tuple[Any, ...]]:
    """The models that runs of ``queue`` work with, loaded in view: ``model, = yield from models("text")``."""
    found = []
    for opener in OPENERS.get(queue or "", ()):
        found.append((yield from opened(opener)))
    return tuple(found)


def opened(opener: Callable[[Progress], Any]) -> Generator[Underway, None, Any]:
    """What ``opener(progress)`` gives back; how far it is meanwhile."""
    model: Any = None

    def work(progress: Progress, should_stop: Callable[[], bool]) -> Iterator[Any]:
        yield opener(progress)

    for event in in_background(work):
        if isinstance(event, Underway):
            yield event
        else:
            model = event
    return model


OPENERS: dict[str, tuple[Callable[[Progress], Any], ...]] = {
    "text": (lambda progress: language_model.load(progress=progress),),
    "pictures": (lambda progress: open_painter(progress),),
    "both": (lambda progress: language_model.load(progress=progress), lambda progress: open_painter(progress)),
}


def notices(lesson: Lesson) -> None:
    """The place above a lesson that says, at every load, what its text speaks of and is not what runs here."""
    shown = gr.HTML("", elem_classes=["absent"])

    def opened_page() -> str:
        import_ahead()
        return notice(lesson.ink)

    events.at_load(opened_page, shown)


@cache
def import_ahead() -> None:
    """Once, begin the slow imports soon after a page was opened: while its learner reads, instead of at the first run.

    Three seconds later, since an import keeps the interpreter from whatever the page asks for first.
    """
    timer = threading.Timer(3.0, _import)
    timer.daemon = True
    timer.start()


def _import() -> None:
    for module in ("torch", "transformers.models.llama.modeling_llama", "transformers.models.auto.modeling_auto"):
        with contextlib.suppress(Exception):  # a run that needs it will say why it cannot be had
            worker.import_ahead(module)
    gc.freeze()  # as the pages are, see serving.launch


def notice(ink: str) -> str:
    """What to know before the lesson: its painter is missing, or other models are live than its numbers speak of.

    HTML; empty while words and models agree. Loads nothing.
    """
    if ink != "typewriter" and painter_is_missing():
        return str(views.notice(MISSING, "error"))
    roles: list[Role] = ["text"] if ink == "typewriter" else ["pictures"] if ink == "sculptor" else ["text", "pictures"]
    others = [pair for role in roles if (pair := _other(role)) is not None]
    if not others:
        return ""
    live_now = " and ".join(name for name, _ in others)
    spoken_of = " and ".join(name for _, name in others)
    return str(
        views.notice(
            f"Live here: {live_now}. The numbers in the text and the recorded runs are of {spoken_of}; what you run is "
            "measured on the live model and can differ."
        )
    )


def _other(role: Role) -> tuple[str, str] | None:
    """The live model and the one the lessons speak of, by name, where they are two."""
    measured = {"text": catalogue.SMOLLM2_135M, "pictures": catalogue.STICKER_WORLD}[role]
    try:
        live_now = catalogue.model(role)
    except PlainError:
        return None
    return None if live_now.key == measured.key else (live_now.name, measured.name)


def prepare() -> None:
    """On ZeroGPU, place the models before the server starts; elsewhere they load with their first run."""
    if not hardware.on_zero_gpu():
        return
    try:
        live.prepare(weights.ConsoleBar())
    except PlainError as error:
        raise SystemExit(f"The Space cannot start. {error}") from error
