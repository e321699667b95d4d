"""What the latents lesson draws: pictures, channels, error maps, charts, from Evidence values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from markupsafe import Markup

from engines.pictures.autoencoder import ChannelViews, channel_views
from engines.pictures.measures import decibels
from engines.statistics import mean_interval, percent
from lessons.latents import shrink, smear, surgery, text
from lessons.shell import charts
from lessons.shell.charts import BLUE, CLAY
from lessons.shell.film import Shot, data_uri, figure, row
from lessons.shell.prose import attribute, legible, plain
from lessons.shell.views import Bar, bars, join

GLARE = 4  # error maps are shown this many times brighter
NO_ERROR = "all black: no error anywhere"


# --- 1 ----------------------------------------------------------------------------------------------------


def shrunk(value: shrink.Shrunk) -> str:
    """Before → latent → after, and below them the rival thumbnail and both error maps."""
    trip, own = value.trip, value.scores[0]
    side = value.thumbnail_side
    journey = Markup('<div class="latents-journey reel">{}{}{}{}{}</div>').format(
        figure(Shot(trip.picture, f"{value.chosen.caption}, before", f"before: {trip.numbers.picture:,} numbers")),
        _arrow("encoder"),
        Markup('<div class="latents-middle">{}<p class="latents-count">the latent: {} numbers</p></div>').format(
            channels(value.channels), f"{trip.numbers.latent:,}"
        ),
        _arrow("decoder"),
        figure(Shot(trip.restored, f"{value.chosen.caption}, restored", f"after: {decibels(own.psnr)}", "chosen")),
    )
    rivals = row(
        (
            Shot(glare(trip.error), "Error map of the autoencoder", f"its error, {GLARE} × brighter", black=NO_ERROR),
            Shot(
                value.thumbnail, f"The same picture from a {side} by {side} thumbnail",
                f"the rival: a {side} × {side} thumbnail ({side * side * 3:,} numbers), {decibels(own.thumbnail_psnr)}",
            ),
            Shot(
                glare(value.thumbnail_error), "Error map of the thumbnail", f"the rival’s error, {GLARE} × brighter",
                black=NO_ERROR,
            ),
        ),
        "Errors, and a thumbnail of no more numbers",
    )  # fmt: skip
    below = Markup('<div class="reel">{}</div>').format(rivals)
    return str(journey + squares(trip.numbers.picture, trip.numbers.latent) + below)


def _arrow(name: str) -> Markup:
    return Markup('<span class="latents-arrow"><i aria-hidden="true">→</i>{}</span>').format(name)


def channels(seen: ChannelViews, marked: int | None = None) -> Markup:
    """The latent channels as grey pictures on one scale."""
    shots = (
        Shot(
            np.repeat(view[..., None], 3, axis=-1), f"Latent channel {number} as a coarse grey picture",
            f"channel {number}", "chosen" if marked == number - 1 else "",
        )
        for number, view in enumerate(seen.views, start=1)
    )  # fmt: skip
    grid = join(figure(shot) for shot in shots)
    scale = f"black {seen.low:.1f}, white {seen.high:.1f}"
    return Markup('<div class="latents-channels">{}</div><p class="latents-scale">{}</p>').format(grid, scale)


def squares(before: int, after: int) -> Markup:
    """Two squares whose areas are the two counts."""
    side = 40 * math.sqrt(after / before)
    label = f"Two squares: their areas stand as {before:,} numbers to {after:,}"
    return Markup(
        '<figure class="latents-squares"><svg viewBox="0 0 66 44" role="img" aria-label="{label}">'
        '<rect class="all" x="1" y="2" width="40" height="40"/>'
        '<rect class="few" x="54" y="{top:.1f}" width="{side:.2f}" height="{side:.2f}"/>'
        "</svg><figcaption>{before} → {after} numbers, drawn to scale</figcaption></figure>"
    ).format(label=label, top=42 - side, side=side, before=f"{before:,}", after=f"{after:,}")


def glare(error: np.ndarray) -> np.ndarray:
    """An error map float [H, W] in [0, 1] as a picture, brightened."""
    shades = (error * GLARE).clip(0, 1)
    return (np.repeat(shades[..., None], 3, axis=-1) * (255, 224, 190)).round().astype(np.uint8)


# --- 2 ----------------------------------------------------------------------------------------------------


def detail_bars(smeared: smear.Smear) -> str:
    """Error by local detail."""
    rows, value = [], smeared.edges
    kinds = [(name, value.over(kind)) for kind, name in enumerate(smear.DETAIL)]
    top = max(mean_interval(errors)[2] for _, errors in kinds if len(errors) > 1)
    for kind, (name, errors) in enumerate(kinds):
        if len(errors) < 2:
            continue
        mean, low, high = mean_interval(errors)
        text = f"{mean:.1f} of 255"
        label = Markup("{} <small>{}</small>").format(name, percent(value.area[kind]))
        rows.append(Bar(label, mean / top, text, low=max(low, 0) / top, high=high / top, ink="sculptor"))
    return str(
        Markup('<p class="latents-head">Mean error by how much detail is there, with each kind’s share of the area</p>')
        + bars(rows)
    )


def stripe_pictures(value: smear.Smear) -> str | None:
    """Each stripe width before (above) and after (below), cut to the same quarter of the picture."""
    if not value.stripes:
        return None
    crop = max(value.stripes[0].before.shape[0] // 2, 48)
    cells = []
    for one in value.stripes:
        kept = float(one.kept.mean())
        mark = "kept" if kept >= smear.HALF else "lost"
        cells.append(
            Markup(
                '<figure class="latents-stripe {mark}"><img src="{before}" alt="{a}"><img src="{after}" alt="{b}">'
                "<figcaption>{width} px<br>{kept} kept</figcaption></figure>"
            ).format(
                mark=mark, before=data_uri(_large(one.before[:crop, :crop])),
                after=data_uri(_large(one.after[:crop, :crop])),
                a=f"Stripes {one.width} pixels wide", b=f"The same after the round trip, {percent(kept)} of it kept",
                width=one.width, kept=percent(max(kept, 0)),
            )
        )  # fmt: skip
    label = attribute("Stripes before and after, by width")
    return str(Markup('<div class="latents-stripes" role="group" aria-label="{}">{}</div>').format(label, join(cells)))


def _large(picture: np.ndarray, side: int = 128) -> np.ndarray:
    times = max(1, side // picture.shape[0])
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def stripe_chart(value: smear.Smear) -> Any:
    """Contrast kept against stripe width, with every sample as a dot; None before the last width."""
    if len(value.stripes) < len(smear.WIDTHS):
        return None
    chart = charts.figure("stripe width, pixels", "contrast kept, %")
    widths = [str(one.width) for one in value.stripes]
    triples = [mean_interval(list(100 * one.kept)) for one in value.stripes]
    chart.add_scatter(
        x=widths, y=[m for m, _, _ in triples], name="mean and 95 % interval", mode="lines+markers",
        line={"color": CLAY, "width": 2.5}, marker={"symbol": "circle", "size": 8},
        error_y={
            "type": "data", "symmetric": False, "color": CLAY,
            "array": [high - m for m, _, high in triples], "arrayminus": [m - low for m, low, _ in triples],
        },
    )  # fmt: skip
    chart.add_scatter(
        x=[str(one.width) for one in value.stripes for _ in one.kept],
        y=[100 * kept for one in value.stripes for kept in one.kept],
        name="one place and direction", mode="markers", marker={"color": BLUE, "symbol": "x-thin-open", "size": 8},
    )  # fmt: skip
    chart.add_hline(y=50, line={"dash": "dot", "color": "#8f8776"}, annotation_text="half of the contrast")
    chart.update_layout(xaxis={"type": "category", "title": "stripe width, pixels"}, hovermode="closest")
    return chart


def stranger_row(value: smear.Smear) -> str | None:
    """Pictures of the diet and others, before and after."""
    if not value.strangers:
        return None
    cells = []
    for other in value.strangers:
        mean, low, high = mean_interval([min(score, 99.0) for score in other.psnr])
        between = f" ({low:.1f}–{high:.1f})" if math.isfinite(low) else ""
        cells.append(
            Markup(
                '<figure class="latents-stranger"><img src="{}" alt="{}"><img src="{}" alt="{}">'
                "<figcaption><b>{}</b> {}</figcaption></figure>"
            ).format(
                data_uri(other.before), attribute(f"{other.name}, before"),
                data_uri(other.after), attribute(f"{other.name}, after"),
                plain(other.name), f"{mean:.1f}{between} dB",
            )
        )  # fmt: skip
    head = Markup('<p class="latents-head">At home and abroad: before and after, mean and 95 % interval</p>')
    return str(head + Markup('<div class="latents-strangers">{}</div>').format(join(cells)))


# --- 3 ----------------------------------------------------------------------------------------------------


def operated(value: surgery.Operated) -> str:
    """The untouched picture and one picture a channel, with the changed channel above each."""
    latents = np.stack([value.latent, *(harm.latent for harm in value.harms)])
    seen = channel_views(latents.reshape(-1, *latents.shape[2:])).views.reshape(latents.shape)
    shots = [Shot(value.untouched, "The untouched round trip", "untouched")]
    tops = []
    hurt = surgery.ranked(value)[0].channel
    for harm in value.harms:
        name = f"channel {harm.channel + 1}"
        before = _plain_channel(seen[0, harm.channel], f"{name}, untouched")
        after = _plain_channel(seen[harm.channel + 1, harm.channel], f"{name} {surgery.HOWS[value.how]}")
        tops.append(Markup('<span class="latents-cut">{}<i aria-hidden="true">→</i>{}</span>').format(before, after))
        shots.append(
            Shot(
                harm.picture, f"The picture with {name} {surgery.HOWS[value.how]}",
                f"{name}: {harm.psnr[0]:.1f} dB", "warn" if harm.channel == hurt else "",
            )
        )  # fmt: skip
    pairs = join(
        Markup('<div class="latents-pair">{}{}</div>').format(top, figure(shot))
        for top, shot in zip(tops, shots[1:], strict=True)
    )
    first = Markup('<div class="latents-pair"><span class="latents-blank">as it was</span>{}</div>')
    first = first.format(figure(shots[0]))
    count = 1 + latents.shape[1]
    return str(Markup('<div class="latents-operated reel" style="--count:{}">{}{}</div>').format(count, first, pairs))


def _plain_channel(view: np.ndarray, alt: str) -> Markup:
    picture = np.repeat(view[..., None], 3, axis=-1)
    return Markup('<img class="grid latents-channel" src="{}" alt="{}">').format(data_uri(picture), attribute(alt))


def harm_bars(value: surgery.Operated) -> str:
    """PSNR left by operating on each channel; short bars are the harmful ones."""
    rows, hurt = [], surgery.ranked(value)[0].channel
    for harm in value.harms:
        mean, low, high = mean_interval(list(harm.psnr[value.pooled]))
        label = Markup("channel {}").format(harm.channel + 1)
        text = f"{mean:.1f} dB"
        rows.append(
            Bar(
                label, mean / 40, text, chosen=harm.channel == hurt, ink="sculptor",
                low=max(low, 0) / 40, high=min(high / 40, 1),
            )
        )  # fmt: skip
    count = len(value.harms[0].psnr[value.pooled])
    head = Markup('<p class="latents-head">What is left of {} pictures (a shorter bar is more harm)</p>').format(count)
    return str(head + Markup('<div class="latents-harm">{}</div>').format(bars(rows)))


# --- 4 ----------------------------------------------------------------------------------------------------


def readings(value: text.Legibility) -> str:
    """One word at every height, before and after, framed by how it was read, with the share of all words."""
    cells = []
    for one in reversed(value.heights):
        right = one.share(one.after)
        word = one.sample.text
        read = legible(one.after[0], word)
        cells.append(
            Markup(
                '<figure class="latents-word {mark}"><img src="{before}" alt="{a}"><img src="{after}" alt="{b}">'
                "<figcaption><b>{height} px</b> {share} words read<br>here: {read}</figcaption></figure>"
            ).format(
                mark="kept" if one.survived else "lost",
                before=data_uri(_cut(one, one.sample.drawn)), after=data_uri(_cut(one, one.sample.restored)),
                a=attribute(f"The word {word}, capitals {one.letter_height} pixels tall"),
                b=attribute(f"The same after the round trip, read as {read or 'nothing'}"),
                height=one.letter_height, share=f"{right.successes} of {right.trials}",
                read=Markup("✓ {}" if one.survived else "“{}”").format(plain(read)) if read else "nothing legible",
            )
        )  # fmt: skip
    label = "One word by letter height, before and after"
    return str(Markup('<div class="latents-words" role="group" aria-label="{}">{}</div>').format(label, join(cells)))


def _cut(one: text.Height, picture: np.ndarray) -> np.ndarray:
    """The strip of the picture that holds the word, with a margin, enlarged without smoothing."""
    size = picture.shape[0]
    dark = np.argwhere(one.sample.drawn.mean(axis=-1) < 200)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0)
    margin = max(3, one.letter_height // 3)
    half = max(bottom - top, (right - left) // 2) // 2 + margin
    middle, centre = (top + bottom) // 2, (left + right) // 2
    wide = min(size // 2, 2 * half)
    rows = slice(max(0, middle - half), middle + half)
    cut = picture[rows, max(0, centre - wide) : centre + wide]
    return _large(cut, 96)


def reading_chart(value: text.Legibility) -> Any:
    """Share of words read exactly against letter height, before and after, with Wilson intervals."""
    chart = charts.figure("letter height, pixels", "words read exactly, %")
    heights = [str(one.letter_height) for one in value.heights]
    for name, which, colour, dash, symbol in (
        ("before: what the reader can do", "before", BLUE, "dash", "square"),
        ("after the round trip", "after", CLAY, "solid", "circle"),
    ):
        shares = [one.share(getattr(one, which)) for one in value.heights]
        chart.add_scatter(
            x=heights, y=[100 * share.rate for share in shares], name=name, mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2.5}, marker={"symbol": symbol, "size": 8},
            error_y={
                "type": "data", "symmetric": False, "color": colour,
                "array": [100 * (share.high - share.rate) for share in shares],
                "arrayminus": [100 * (share.rate - share.low) for share in shares],
            },
        )  # fmt: skip
    chart.update_layout(xaxis={"type": "category", "title": "letter height, pixels"})
    chart.update_yaxes(range=[-4, 104])
    return chart
