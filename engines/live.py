"""Which models are live, and changing them while the playground runs.

A change first readies the new model's files, while the old one still serves; then it unloads the old one and loads
the new one, so that never two are in memory. Runs still under way are told to start again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Literal

from engines.evidence import PlainError, Progress
from engines.models import catalogue, hardware, hub, weights
from engines.models.catalogue import Entry, Hub, Role
from engines.models.hub import Survey
from engines.models.shelf import Shelf
from engines.pictures import painter
from engines.text import language_model

State = Literal["loaded", "ready", "to be fetched", "missing"]
ROLES: dict[Role, str] = {"text": "Typewriter", "pictures": "Sculptor"}
RULES = {
    "two branches": "two predictions a pass, so guidance can be turned",
    "embedded scale": "one prediction a pass; the guidance scale is one of its inputs",
    "distilled": "one prediction a pass; it was trained to do without guidance",
}
PREDICTS = {
    "epsilon": "predicts the noise",
    "v_prediction": "predicts velocity (v)",
    "sample": "predicts the clean picture",
    "flow_prediction": "predicts the flow",
    "edm": "predicts what the noisy latent does not tell (EDM)",
    "edm_v": "predicts what the noisy latent does not tell (EDM)",
}
_switching = threading.Lock()


@dataclass(frozen=True)
class Live:
    """The model that plays a role now: what it is, where it stands, and what to know of it."""

    role: Role
    name: str
    revision: str
    licence: str
    state: State
    facts: tuple[str, ...] = ()


def live() -> tuple[Live, ...]:
    """The model of each role. Loads nothing."""
    return tuple(_live(role) for role in ROLES)


def _live(role: Role) -> Live:
    try:
        entry = catalogue.model(role)
    except PlainError as error:
        return Live(role, "none", "", "", "missing", (str(error),))
    files = weights.find(entry)
    revision = files.revision if files else _pin(entry)
    if role == "text":
        model = next((model for model in language_model.loaded() if model.key == entry.key), None)
        if model is not None:
            facts = (f"{model.layers} layers of {model.heads} heads", f"{model.vocabulary_size:,} tokens")
            return Live(role, model.name, model.revision, entry.licence, "loaded", facts)
    else:
        at_work = next((one for one in painter.loaded() if one.key == painter.key_of(entry)), None)
        if at_work is not None:
            return Live(role, at_work.name, at_work.revision, entry.licence, "loaded", _facts(at_work))
    fetchable = any(not isinstance(source, catalogue.Folder) for source in entry.sources)
    state: State = "ready" if files else "to be fetched" if fetchable else "missing"
    return Live(role, entry.name, revision, entry.licence, state)


def _shelf(role: Role) -> Shelf[Any]:
    return language_model.SHELF if role == "text" else painter.SHELF


def _pin(entry: Entry) -> str:
    return next((source.revision or "" for source in entry.sources if isinstance(source, Hub)), "")


def _facts(one: Any) -> tuple[str, ...]:
    guard = "caption screen and safety checker on" if getattr(one.pipeline, "safety_checker", None) else "screen on"
    if not one.screened:
        guard = "no screen: its world is fifty stickers" if one.is_bundled else "screen off by setting"
    elif guard == "screen on":
        guard = "caption screen on; it came without a safety checker"
    kind = PREDICTS.get(one.prediction_type, one.prediction_type)
    return f"{one.width} × {one.height} pixels, about {one.steps} passes", kind, RULES[one.guidance_rule], guard


def offers(role: Role) -> tuple[Entry, ...]:
    """The catalogue's models for a role."""
    return tuple(entry for entry in catalogue.known() if entry.role == role)


def download(role: Role, name: str) -> Survey | None:
    """What changing to ``name`` would download, or None when it is on this machine.

    Asks the Hub for its metadata only. PlainError when the model cannot be had or does not fit.
    """
    entry = catalogue.by_name(name, role)
    if weights.find(entry) is not None:
        return None
    for source in entry.sources:
        if isinstance(source, Hub):
            try:
                return weights.look(entry, source)
            except hub.Unreachable as failure:
                raise PlainError(
                    f"{entry.name} is not on this machine, and there was no answer from {failure}."
                ) from None
    return None


def switch(role: Role, name: str | None, progress: Progress, *, agreed: str = "") -> Live:
    """Have ``name`` (a catalogue key, a hub id or a folder; None: the profile's own) play a role from now on.

    ``agreed`` is the commit whose download somebody saw the size of and said yes to. When the new model cannot be
    loaded the old one is taken back.
    """
    if hardware.on_zero_gpu():
        raise PlainError("On ZeroGPU the models are placed when the Space starts. Choose them in the Space's settings.")
    if not _switching.acquire(blocking=False):
        raise PlainError("Somebody is changing a model just now. Try again when that is done.")
    before = catalogue.chosen(role)
    try:
        entry = catalogue.by_name(name, role) if name else catalogue.default(role)
        for source in entry.sources:
            if agreed and isinstance(source, Hub):
                hub.agree(source.repository, agreed)
        files = weights.ensure(entry, lambda share, words: progress(0.5 * share, words))
        room = hardware.free_bytes() + _shelf(role).held_bytes()
        hardware.check_fits(entry.name, hardware.numbers_in(files.path), memory=room, in_parts=role == "pictures")
        progress(0.5, "Putting the old model away")
        with _shelf(role).turn:  # whoever waits for a model meanwhile asks afterwards which it is
            catalogue.choose(role, name)
            _shelf(role).unload()
            try:
                open_model(role, lambda share, words: progress(0.55 + 0.45 * share, words))
            except BaseException:
                catalogue.choose(role, before)
                raise
    finally:
        _switching.release()
    return _live(role)


def open_model(role: Role, progress: Progress | None = None) -> Any:
    """The model of a role, loaded if need be."""
    return language_model.load(progress=progress) if role == "text" else open_painter(progress)


def open_painter(progress: Progress | None = None) -> painter.Painter:
    """The painter of the current profile."""
    with painter.SHELF.turn:
        return painter.load(catalogue.model("pictures"), progress)


def prepare(progress: Progress) -> None:
    """Load every model now. On ZeroGPU they must be placed on the card before the server starts."""
    for role in ROLES:
        open_model(role, progress)
