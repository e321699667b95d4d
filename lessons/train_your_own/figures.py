"""What the train-your-own lesson draws, from its Evidence values."""

from __future__ import annotations

import base64
from typing import Any

from markupsafe import Markup

from lessons.shell import charts
from lessons.shell.charts import BLUE, CLAY, GREY
from lessons.shell.prose import plain
from lessons.shell.views import join
from lessons.train_your_own.measures import bits, known_words, said
from lessons.train_your_own.train import Trained, Written


def curves(value: Trained) -> Any:
    """Bits a character by step: training, held out with its interval, and the two rivals as level lines."""
    figure = charts.figure(x="training step", y="bits a character")
    steps = [one.step for one in value.checkpoints]
    held = [bits(one.held_out[0]) for one in value.checkpoints]
    if all(len(one.held_out[0]) > 1 for one in value.checkpoints):
        charts.band(figure, steps, [one[1] for one in held], [one[2] for one in held], BLUE)
    charts.line(figure, steps, [one.loss for one in value.checkpoints], "training", CLAY)
    charts.line(figure, steps, [one[0] for one in held], "held out", BLUE, "dash", "square")
    ends = [0, max(steps[-1], 1)]
    charts.line(figure, ends, [value.chance] * 2, "blind keys", GREY, "dot", "x")
    charts.line(figure, ends, [value.pairs] * 2, "counting pairs", GREY, "dashdot", "diamond")
    figure.update_yaxes(range=[0, value.chance + 0.5])
    return figure


def samples(value: Trained) -> str:
    """What it wrote at each checkpoint from the same seed, the newest first."""
    rows = join(
        Markup("<li><h3>step {}<span>{} of its words stand in the text</span></h3><p>{}</p></li>").format(
            f"{one.step:,}", said(known_words(one.samples[0], value.text)), plain(one.samples[0])
        )
        for one in reversed(value.checkpoints)
    )
    return str(_scroll(rows, "What it wrote at each checkpoint, newest first"))


def _scroll(rows: Markup, name: str) -> Markup:
    return Markup(
        '<ol class="train-your-own-samples" tabindex="0" role="group" aria-label="{}" translate="no">{}</ol>'
    ).format(name, rows)


def written(value: Written) -> str:
    """The texts of each seed after the beginning."""
    note = (
        Markup('<p class="train-your-own-note">It has no keys for {}, and passed over them.</p>').format(
            plain(" ".join(value.passed[:20]))
        )
        if value.passed
        else Markup("")
    )
    rows = join(
        Markup("<li><h3>seed {}</h3><p><b>{}</b>{}</p></li>").format(seed, plain(value.prompt), plain(text))
        for seed, text in value.texts
    )
    return str(note + _scroll(rows, "What it wrote on"))


def link(file: bytes | None) -> str:
    """A link that saves the typewriter; the browser keeps the file, the server does not."""
    if not file:
        return ""
    return str(
        Markup(
            '<a class="train-your-own-save" download="my-typewriter.safetensors" '
            'href="data:application/octet-stream;base64,{}">Save this typewriter ({:.1f} MB)</a>'
        ).format(base64.b64encode(file).decode(), len(file) / 1e6)
    )
