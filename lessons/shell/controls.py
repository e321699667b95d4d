"""What the picture lessons' pages share: a painter that wakes in view, notices, a row of buttons, a picker."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from markupsafe import Markup

from engines.checks import MAX_CAPTION, MAX_SEED
from engines.evidence import PlainError
from engines.pictures.files import open_picture
from lessons.shell import captions, events, scripts, views
from lessons.shell.film import data_uri
from lessons.shell.uploads import OWN
from lessons.shell.views import join

Picked = tuple[str, np.ndarray | None]
"""The name of the chosen picture, and the learner's own (uint8 [H, W, 3]), chosen or not."""
UPLOAD_SIDE = 512
"""What is kept of an uploaded picture in the tab; the painter's own size is cut from it."""
CHOSEN = "Your own picture is chosen. What stands below is of the one before until you run it."
PICKER_JS = scripts.script(Path(__file__).parent / "picker.js")


def caption(value: str, label: str = "Caption", *, needed: bool = True, **options: Any) -> gr.Textbox:
    """A caption with, under it, the way to the words the painter knows and a mark for those it never met or reads.

    A run refuses it when it is empty, unless it is not ``needed``.
    """
    options = {"max_length": MAX_CAPTION, **options}
    with gr.Column(scale=4, min_width=240, elem_classes=["caption"]):
        box = gr.Textbox(value, label=label, **options)
        note = gr.HTML(captions.note(value), elem_classes=["caption-note-holder"])
    if needed:
        captions.need(box, label)
    events.on(box.change, lambda text: {note: captions.note(text)}, box, note)
    return box


class WholeNumber(gr.Number):
    """A number that arrives as it was typed, to be refused in a run's own words (``engines.checks.whole``).

    gradio would round 7.5 in silence where ``precision=0``, and refuses what is out of bounds in words of its own.
    """

    is_template = True

    def preprocess(self, payload: float | None) -> float | int | None:
        return payload


def whole_number(value: int | None, label: str, most: int, **options: Any) -> gr.Number:
    """A field for a whole number up to ``most``."""
    return WholeNumber(value, label=label, minimum=0, maximum=most, **{"min_width": 90, **options})


def seed_number(value: int = 7, label: str = "Seed", **options: Any) -> gr.Number:
    return whole_number(value, label, **{"most": MAX_SEED, "scale": 1, **options})


def seeds_slider(value: int, most: int = 16) -> gr.Slider:
    return gr.Slider(2, most, value, step=1, label="Seeds", scale=2, min_width=120)


def picker(scenes: Mapping[str, tuple[str, np.ndarray]], chosen: str) -> str:
    """Pictures (name -> caption, uint8 [H, W, 3]) as buttons; with ``PICKER_JS`` a click fires ``select``."""
    made = (
        Markup(
            '<button type="button" data-name="{name}" aria-pressed="{on}" title="{caption}">'
            '<img src="{source}" alt="{caption}"></button>'
        ).format(
            name=name, on=str(name == chosen).lower(), caption=caption, source=data_uri(picture, max_side=72)
        )
        for name, (caption, picture) in scenes.items()
    )  # fmt: skip
    return str(Markup('<div class="picker" role="group" aria-label="Choose a picture">{}</div>').format(join(made)))


def picker_with(scenes: Mapping[str, tuple[str, np.ndarray]], own: np.ndarray) -> str:
    """The pictures and, first and chosen, the learner's own."""
    return picker({OWN: ("Your own picture, cut to a square", own), **scenes}, OWN)


def pick(picked: Picked, event: gr.EventData, names: Collection[str]) -> Picked:
    """What is chosen after a click in the picker; one's own picture is kept, so that one can go back to it."""
    name, own = str(event._data.get("name")), picked[1]
    if name not in names and (name != OWN or own is None):
        raise PlainError("There is no such picture. Choose one of those shown.")
    return name, own


def wire_picker(
    picked: gr.State, picker: gr.HTML, own: gr.UploadButton, status: gr.HTML,
    offered: Mapping[str, tuple[str, np.ndarray]],
) -> None:  # fmt: skip
    """Set ``picked`` to the one of ``offered`` that is clicked or to an uploaded picture; refusals go to ``status``."""

    def choose(chosen: Picked, event: gr.EventData) -> dict[Any, Any]:
        return {picked: pick(chosen, event, offered)}

    def upload(path: str) -> dict[Any, Any]:
        picture = open_picture(path, width=UPLOAD_SIDE, height=UPLOAD_SIDE)
        said = str(views.notice(CHOSEN))
        return {picked: (OWN, picture), picker: picker_with(offered, picture), status: said}

    events.on(picker.select, choose, picked, picked)
    events.on(own.upload, upload, own, [picked, picker], status=status, turn="uploads")
