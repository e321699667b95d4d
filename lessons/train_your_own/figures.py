"""What the train-your-own lesson draws, from its Evidence values."""

from __future__ import annotations

import base64
from typing import Any

from markupsafe import Markup

from engines.statistics import mean_interval
from lessons.shell import charts
from lessons.shell.charts import BLUE, CLAY, GREY
from lessons.shell.prose import plain
from lessons.shell.views import join
from lessons.train_your_own.copy import LENGTH, Copied
from lessons.train_your_own.diets import Fed
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
            f"{one.step:,}", said(known_words(one.samples[0], value.text)), plain(one.samples[0].strip("\n"))
        )
        for one in reversed(value.checkpoints)
    )
    return str(_scroll(rows, "What it wrote at each checkpoint, newest first"))


def _scroll(rows: Markup, name: str) -> Markup:
    return Markup(
        '<div class="train-your-own-samples" tabindex="0" role="group" aria-label="{}" translate="no"><ol>{}</ol></div>'
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


def table(value: Fed) -> str:
    """The two typewriters down, the two held-out texts across: bits a character, the own diet's marked."""
    head = join(Markup('<th scope="col">reads {}</th>').format(name) for name in value.names)
    rows = join(
        Markup('<tr><th scope="row">fed on {}</th>{}</tr>').format(
            value.names[eater],
            join(
                Markup('<td class="number"{}><b>{:.2f}</b> <span>{:.2f}–{:.2f}</span></td>').format(
                    Markup(" data-own") if eater == text else "", *value.on(eater, text)
                )
                for text in (0, 1)
            ),
        )
        for eater in (0, 1)
    )
    return str(
        Markup(
            '<table class="train-your-own-table"><caption>Bits a character of held-out text, with 95 % intervals; '
            "fewer is better. Blind keys pay {:.2f}.</caption><thead><tr><td></td>{}</tr></thead><tbody>{}</tbody>"
            "</table>"
        ).format(value.chance, head, rows)
    )


def beside(value: Fed) -> str:
    """What each of the two writes, from one seed."""
    parts = join(
        Markup('<section><h3>Fed on {}</h3><div class="train-your-own-page" translate="no">{}</div></section>').format(
            value.names[eater], plain(value.fed[eater].samples[0])
        )
        for eater in (0, 1)
    )
    return str(Markup('<div class="train-your-own-pair ink-typewriter">{}</div>').format(parts))


def copies(value: Copied) -> Any:
    """Characters of the longest copied passage by step, and the text's own repeats as a level band."""
    figure = charts.figure(x="training step", y="characters copied in a row")
    steps = [one.step for one in value.checkpoints]
    means = [value.copied(place) for place in range(len(steps))]
    charts.band(figure, steps, [max(0.0, one[1]) for one in means], [min(LENGTH, one[2]) for one in means], CLAY)
    charts.line(figure, steps, [one[0] for one in means], "the typewriter", CLAY)
    ends, (middle, low, high) = [0, max(steps[-1], 1)], mean_interval(value.repeats)
    charts.band(figure, ends, [low] * 2, [high] * 2, GREY)
    charts.line(figure, ends, [middle] * 2, "the text's own repeats", GREY, "dot", "x")
    figure.update_yaxes(rangemode="tozero")
    return figure


def passages(value: Copied) -> str:
    """One sample of each checkpoint, newest first, its longest copied passage marked."""
    rows = join(
        Markup("<li><h3>step {:,}<span>{} characters in a row</span></h3><p>{}</p></li>").format(
            one.step, len(found[0]), _marked(one.samples[0], found[0])
        )
        for one, found in reversed(list(zip(value.checkpoints, value.passages, strict=True)))
    )
    return str(_scroll(rows, "A sample of each checkpoint, newest first, its longest copied passage marked"))


def _marked(text: str, part: str) -> Markup:
    start = text.find(part)
    return Markup("{}<mark>{}</mark>{}").format(
        plain(text[:start]), plain(part), plain(text[start + len(part) :])
    )  # fmt: skip
