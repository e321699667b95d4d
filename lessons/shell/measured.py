"""A word of warning where a lesson's prose quotes numbers that another language model gave."""

from __future__ import annotations

import gradio as gr

from engines.evidence import PlainError
from engines.models import catalogue
from lessons.shell import events, views

MEASURED_ON = catalogue.SMOLLM2_135M


def elsewhere() -> gr.HTML:
    """The place above an experiment that says, at every load, when another model is live than the prose speaks of."""
    shown = gr.HTML("", elem_classes=["absent"])
    events.at_load(notice, shown)
    return shown


def notice() -> str:
    """The warning as HTML; empty while the prose and the live model agree. Loads nothing."""
    try:
        live = catalogue.model("text")
    except PlainError:
        return ""
    if live.key == MEASURED_ON.key:
        return ""
    return str(
        views.notice(
            f"The live model is {live.name}. The text of this lesson gives numbers of {MEASURED_ON.name}; what you run "
            "here is measured on the live model and can differ."
        )
    )
