"""What the noising lesson draws by itself: picker, grids, charts and clouds of points, from Evidence values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from engines.evidence import Evidence
from engines.pictures.diffusion import Pass
from engines.pictures.measures import noise_picture
from engines.statistics import percent
from lessons.noising import lock, ruin, strip
from lessons.noising.clay import Series
from lessons.noising.lock import LOCKED
from lessons.noising.own import Own
from lessons.noising.turn import Turn
from lessons.shell import charts
from lessons.shell.charts import BLUE, CLAY, GREY, OK
from lessons.shell.film import Film, Shot, data_uri, kept, row
from lessons.shell.painting import underway
from lessons.shell.prose import attribute, plain
from lessons.shell.views import join

PAD = (
    '<div class="noising-pad"><canvas width="380" height="380" role="img" '
    'aria-label="Drawing pad: draw with a pointer, or choose a shape or a letter with the controls below"></canvas>'
    '<p class="noising-pad-words" role="status"></p></div>'
)
CLOUD = (
    '<div class="noising-cloud"><canvas width="380" height="380" role="img" aria-label="Nothing trained yet"></canvas>'
    '<p class="noising-cloud-words"></p><div class="noising-cloud-controls"><button type="button" class="button">Play'
    '</button><input type="range" min="0" max="100" value="0" aria-label="How far along the way"></div></div>'
)


def ruin_film(value: ruin.Ruin) -> str:
    """One frame a noise level: the ruin, the true noise and the named one, the guess and what it is taken for."""
    film = Film(
        ("the picture, ruined", "the noise stirred in", "the noise it names", "its guess", "nearest in the line-up"),
        len(value.guesses), unit="noise level", start=len(value.guesses) // 2,
    )  # fmt: skip
    for index, guess in enumerate(value.guesses):
        own = bool(value.picked[0, index])
        film.add(
            (
                guess.noisy_picture, noise_picture(guess.noise), noise_picture(guess.predicted_noise), guess.guess,
                value.suspects[value.nearest[0, index]],
            ),
            (
                f"The picture under noise at timestep {guess.timestep}",
                "The true noise as a coarse grid of colours",
                "The noise estimate as a coarse grid of colours",
                f"The painter's guess of the clean picture, {guess.psnr:.1f} dB from it",
                "The original picture" if own else "Another picture of the line-up",
            ),
            f"timestep {guess.timestep} of {value.end}: {guess.alpha:.2f} × picture + {guess.sigma:.2f} × noise. The "
            f"named noise is {value.named[0, index]:.2f} like the true one; the guess is nearest to "
            f"{'the original' if own else 'another picture of the line-up'}",
            str(guess.timestep),
        )  # fmt: skip
    return film.markup()


def ruin_chart(value: ruin.Ruin) -> Any:
    """PSNR of ruin and guess against the timestep, the guess with its 95 % band over the noises."""
    means, lows, highs = charts.bands(value.psnr.T)
    steps = list(value.timesteps)
    figure = charts.figure(x="timestep (more noise →)", y="nearness to the original, dB")
    if len(value.psnr) > 2:  # of two noises the interval is wider than all that is to be seen
        charts.band(figure, steps, lows, highs, CLAY)
    charts.line(figure, steps, means, "the guess", CLAY, "solid", "circle")
    ruined = [guess.noisy_psnr for guess in value.guesses]
    charts.line(figure, steps, ruined, "the ruined picture", BLUE, "dash", "square")
    return figure


def filmed(moments: Iterator[strip.Moment | Evidence[strip.StripRun]], reel: Any) -> Iterator[Any]:
    """The run with its film: what is painted goes to ``reel`` pass by pass, then comes the Evidence."""
    film: Film | None = None  # a scheduler may make one pass more than it is asked for
    for step in moments:
        if isinstance(step, Evidence):
            assert film is not None
            yield {reel: strip_end(film, step.value)}
            yield step
        else:
            film = film or strip_film(step.event.passes)
            yield underway(step.event, "Carving")
            yield {reel: strip_frame(film, step)}


def strip_frame(film: Film, moment: strip.Moment) -> str:
    """Add one pass to a film strip."""
    event = moment.event
    assert event.canvas is not None and event.previews is not None
    number = event.index + 1
    changed = (
        f"; the pass before changed {percent(moment.pixels_changed)} of the pixels" if moment.pixels_changed else ""
    )
    return film.add(
        (event.canvas[0], noise_picture(event.noise[0]), event.previews[0]),
        (
            f"The canvas before pass {number}",
            f"The noise estimate of pass {number}",
            f"The finished picture as guessed in pass {number}",
        ),
        f"pass {number} of {event.passes}, timestep {event.timestep:.0f}: {event.alpha:.2f} × picture + "
        f"{event.sigma:.2f} × noise{changed}",
        str(number),
    )


def strip_film(count: int) -> Film:
    """An empty film for a run of ``count`` passes and the finished picture."""
    tracks = ("the canvas", "the noise it estimates (3 of 4 channels)", "the picture it is heading for")
    return Film(tracks, count + 1)


def strip_end(film: Film, value: strip.StripRun) -> str:
    """The last frame: the finished picture."""
    blank = np.full((16, 16, 3), 128, np.uint8)
    return film.add(
        (value.picture, blank, value.picture),
        ("The finished picture", "No noise left to estimate", "The finished picture"),
        "done",
        "✓",
    )


def guesses_row(event: Pass) -> str:
    """The current guess for every seed, while the lock is measured."""
    assert event.previews is not None
    shots = [Shot(picture, f"Guess for seed number {i + 1}") for i, picture in enumerate(event.previews)]
    return str(row(shots, f"Guesses in pass {event.index + 1} of {event.passes}", small=True))


def guessed(passes: Iterator[Pass | Evidence[lock.Lock]], place: Any) -> Iterator[Any]:
    """The run with every seed's guess shown in ``place`` while it is measured."""
    for step in passes:
        if isinstance(step, Pass):
            yield underway(step, f"{len(step.captions)} pictures at once")
            yield {place: guesses_row(step)}
        else:
            yield step


def finals_row(value: lock.Lock) -> str:
    shots = [Shot(picture, f"Finished picture of seed number {i + 1}") for i, picture in enumerate(value.finals)]
    return str(row(shots, "The finished pictures", small=True))


def lock_film(value: lock.Lock) -> str:
    third = max(1, round(value.passes / 3))
    tracks = ("the guess", "its composition (blurred)", "its detail (what blurring removes)")
    film = Film(tracks, value.passes, start=third - 1)
    low, high = value.own.low[:, 0], value.own.high[:, 0]
    for index in range(value.passes):
        film.add(
            (value.guesses[index], value.coarse[index], value.fine[index]),
            (f"Guess in pass {index + 1}", f"Composition in pass {index + 1}", f"Detail in pass {index + 1}"),
            f"pass {index + 1} of {value.passes}: like the seed's own end {low[index]:.2f} in composition, "
            f"{high[index]:.2f} in detail" + (" (a third of the way)" if index + 1 == third else ""),
            str(index + 1),
        )
    return film.markup()


def lock_chart(value: lock.Lock) -> Any:
    numbers = list(range(1, value.passes + 1))
    figure = charts.figure(x="pass", y="likeness to the final picture")
    for name, band, colour, dash, symbol in (
        ("the seed's own composition", value.own.low, CLAY, "solid", "circle"),
        ("the seed's own detail", value.own.high, BLUE, "dash", "square"),
        ("composition with what all seeds share", value.measured.low, GREY, "dot", "diamond-open"),
    ):
        means, lows, highs = charts.bands(band)
        charts.band(figure, numbers, lows, highs, colour)
        charts.line(figure, numbers, means, name, colour, dash, symbol)
    grey = {"dash": "dot", "color": GREY}
    figure.add_vline(
        x=value.passes / 3, line=grey, annotation_text="a third of the way", annotation_position="bottom right"
    )
    figure.add_hline(y=LOCKED, line=grey, annotation_text="settled", annotation_position="bottom left")
    figure.update_yaxes(range=[min(0.0, float(value.own.low.min()), float(value.own.high.min())) - 0.02, 1.04])
    return figure


def turn_grid(value: Turn, rows: int = 2) -> str:
    """Seeds down, swaps across: the old caption's own picture, one a swap, the new caption's own."""
    swaps = list(value.swapped)
    heads = ["never swapped", *(f"before pass {at + 1}" for at in swaps), "new words from the start"]
    body = []
    for index in range(min(rows, len(value.own_first))):
        cells = [_cell(value.own_first[index], f"“{value.first}” kept to the end", False, "")]
        for at in swaps:
            turned = bool(value.turned[at][index])
            word = "turned" if turned else "stayed"
            cells.append(_cell(value.swapped[at][index], f"Swapped before pass {at + 1}: {word}", turned, word))
        cells.append(_cell(value.own_second[index], f"“{value.second}” from the start", False, ""))
        body.append(Markup("<tr>{}</tr>").format(join(cells)))
    head = join(Markup('<th scope="col">{}</th>').format(plain(text)) for text in heads)
    return str(
        Markup(
            '<div class="noising-turns reel" tabindex="0" role="group" aria-label="Pictures by the pass of the swap">'
            "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>{}</div>"
        ).format(head, join(body), _left_out(len(body), len(value.own_first)))
    )


def _left_out(shown: int, seeds: int) -> Markup:
    return Markup("<p>The first {} of {} seeds.</p>").format(shown, seeds) if shown < seeds else Markup("")


def _cell(picture: np.ndarray, alt: str, turned: bool, word: str) -> Markup:
    return Markup('<td class="{}"><img src="{}" alt="{}">{}</td>').format(
        "turned" if turned else "", data_uri(picture, max_side=128), attribute(alt), word
    )


def turn_chart(value: Turn) -> Any:
    """One timeline: what has settled if nobody interferes, what words still turn, what is still mended."""
    figure = charts.figure(x="pass", y="share, or likeness", height=420)
    numbers = list(range(1, len(value.own) + 1))
    means, lows, highs = charts.bands(value.own)
    charts.band(figure, numbers, lows, highs, CLAY)
    charts.line(figure, numbers, means, "left alone: own composition like its end", CLAY, "solid", "circle")
    swaps = [at + 1 for at in value.swapped]
    shares = [value.interval(at) for at in value.swapped]
    charts.band(figure, swaps, [share.low for share in shares], [share.high for share in shares], BLUE)
    charts.line(figure, swaps, [share.rate for share in shares], "new words before it: turned", BLUE, "dash", "square")
    if value.mended:
        pokes = [at + 1 for at in value.mended]
        means, lows, highs = charts.bands(np.stack(list(value.mended.values())))
        charts.band(figure, pokes, lows, highs, OK)
        charts.line(figure, pokes, means, "a hole of noise before it: mended", OK, "dot", "diamond-open")
    figure.add_scatter(
        x=[1, len(numbers)], y=[LOCKED] * 2, name=f"settled: a likeness of {LOCKED:g}", mode="lines",
        line={"color": GREY, "dash": "dot", "width": 2},
    )  # fmt: skip
    figure.update_layout(charts.LEGEND_ABOVE)
    figure.update_yaxes(range=[min(0.0, float(value.own.min())) - 0.02, 1.04])
    return figure


def exhibits(value: Series) -> str:
    shots = [Shot(e.picture, e.caption, e.caption, "chosen" if e.marked else "") for e in value.exhibits]
    return str(row(shots, "The series", columns=value.planned))


def cloud(value: Own) -> str:
    """A cloud of points as JSON for ``cloud.js``: thousandths of the pad's half side; a record has fewer of them."""
    frames = value.samples[None] if value.flow is None else value.flow
    labels = [f"samples after {value.losses[-1][0]:,} training steps"] if value.flow is None else list(value.labels)
    shown = kept(len(frames))
    every, thinned = (1, "") if len(shown) == len(frames) else (10, ", one dot in ten")
    return json.dumps(
        {
            "key": value.key, "alt": value.alt, "labels": [labels[at] + thinned for at in shown],
            "middle": len(shown) // 2,
            "drawing": _thousandths(value.drawing[:: every * max(1, len(value.drawing) // 500)]),
            "frames": [_thousandths(frames[at][::every]) for at in shown],
        }
    )  # fmt: skip


def _thousandths(points: np.ndarray) -> list[int]:
    return (points * 1000).round().clip(-9999, 9999).astype(int).ravel().tolist()


def loss_line(value: Own) -> str:
    """The training loss so far as a small chart."""
    return _loss_line(value.losses)


def _loss_line(losses: Sequence[tuple[int, float]]) -> str:
    """The training loss so far as a small chart; the dashed line is what “no noise” would score."""
    left, top, width, height = 38, 14, 430, 110
    steps = losses[-1][0]
    most = max(1.1, *(loss for _, loss in losses))

    def at(step: float, loss: float) -> str:
        return f"{left + width * step / steps:.1f},{top + height * (1 - loss / most):.1f}"

    line = " ".join(at(step, loss) for step, loss in losses)
    bound = top + height * (1 - 1 / most)
    return str(
        Markup(
            '<figure class="noising-loss"><svg viewBox="0 0 480 152" role="img" aria-label="{label}">'
            '<path class="axis" d="M38 14V124H468"/><path class="bound" d="M38 {bound:.1f}H468"/>'
            '<polyline class="line" points="{line}"/><text x="32" y="{bound4:.1f}" text-anchor="end">1</text>'
            '<text x="32" y="128" text-anchor="end">0</text>'
            '<text x="468" y="144" text-anchor="end">{steps} steps</text>'
            '<text x="44" y="144">training loss</text></svg></figure>'
        ).format(
            label=f"Training loss: {losses[0][1]:.2f} at first, {losses[-1][1]:.2f} after {losses[-1][0]} steps",
            bound=bound,
            bound4=bound + 4,
            line=line,
            steps=f"{steps:,}",
        )  # fmt: skip
    )
