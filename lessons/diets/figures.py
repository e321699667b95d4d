"""What the lesson on diets draws by itself, from Evidence values; every word of a learner is escaped."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from markupsafe import Markup

from engines.statistics import mean_interval, percent, plural
from lessons.diets.browse import Drawn, Search, Wordings, columns
from lessons.diets.captions import READERS, Captioned
from lessons.diets.scale import CITED, HIGH, LOW, Amount, Scale
from lessons.diets.seen import QUESTIONS, SORTS, Asked
from lessons.diets.similarity import KINDS, Grid
from lessons.shell import charts
from lessons.shell.charts import CLAY, GREY
from lessons.shell.film import Shot, data_uri, row
from lessons.shell.prose import attribute, plain
from lessons.shell.scenes import CAPTIONS
from lessons.shell.views import BADGES, Bar, bars, join

BLANK = np.full((128, 128, 3), 222, np.uint8)
"""What stands where a scene is still to be drawn, so that nothing moves when it is."""
INKS = {"typewriter": "typewriter", "sculptor": "sculptor", "reader": "both"}
ANSWERS = 4
"""Questions of each sort that are shown with their picture; the table has all."""
TICKS = ((6, "a million"), (9, "a billion"), (12, "a trillion"), (15, "10¹⁵"))

# --- scale ------------------------------------------------------------------------------------------------------


def scaled(value: Scale) -> str:
    """Every amount as a mark on one axis of powers of ten, smallest first; cited ones carry their badge."""
    ticks = join(
        Markup('<span style="left:{:.2f}%">{}</span>').format(_place(10.0**power), words) for power, words in TICKS
    )
    return str(
        Markup(
            '<div class="diets-scale"><ol>{}</ol><p class="diets-ticks" aria-hidden="true">{}</p>'
            '<p class="diets-note">Each step to the right is ten times as many. A square stands for text, a disc for '
            "pictures, a diamond for your reader; units differ from row to row.</p></div>"
        ).format(join(map(_amount, value.amounts)), ticks)
    )


def _place(number: float) -> float:
    return 100 * min(1.0, max(0.0, (math.log10(max(number, 1)) - LOW) / (HIGH - LOW)))


def _amount(one: Amount) -> Markup:
    kind, meaning = ("cited", BADGES["cited"]) if one.badge == CITED else ("counted", "counted or reckoned here")
    return Markup(
        '<li class="ink-{ink} diets-{machine}"><span class="diets-name">{name}</span> '
        '<b>{said}</b> <span class="badge badge-{kind}" title="{meaning}: {source}">{badge}</span>'
        '<span class="diets-track" aria-hidden="true"><i style="left:{left:.2f}%"></i></span></li>'
    ).format(
        ink=INKS[one.machine], machine=one.machine, name=plain(one.name), said=plain(one.said), badge=one.badge,
        kind=kind, meaning=meaning, source=attribute(one.source), left=_place(one.number),
    )  # fmt: skip


# --- browse -----------------------------------------------------------------------------------------------------


def counts(value: Search) -> str:
    """How the diet thins out as each word is asked for too."""
    parts = [Bar(Markup("all of them"), 1.0, f"{value.scenes:,}", ink="sculptor")]
    for at, times in enumerate(value.word.together):
        share = math.log10(times + 1) / math.log10(value.scenes + 1)
        label = f"{'' if at == 0 else '… and '}“{value.word.words[at]}”"
        parts.append(Bar(label, share, f"{times:,}", chosen=at + 1 == len(value.word.words), ink="sculptor"))
    return str(
        Markup('<p class="diets-head">Scenes whose caption has these words (bars by powers of ten)</p>{}').format(
            bars(parts)
        )
    )


def found(value: Search) -> str:
    """Both lists side by side, each over some of its scenes."""
    word = [(caption, plural(times, "scene")) for caption, times in value.often]
    near = [(one.caption, f"{one.cosine:.2f} · {plural(one.scenes, 'scene')}") for one in value.near]
    return str(
        Markup('<div class="diets-both">{}{}</div>').format(
            _found("By word", "every word, whatever its order", word, value.by_word),
            _found("By meaning", "nearest in the shared space, with the cosine", near, value.by_meaning),
        )
    )


def _found(title: str, note: str, captions: list[tuple[str, str]], drawn: tuple[Drawn, ...]) -> Markup:
    items = join(
        Markup("<li><span>{}</span><small>{}</small></li>").format(plain(caption), plain(said))
        for caption, said in captions
    )
    listed = Markup("<ol>{}</ol>").format(items) if captions else Markup("<p>No caption has them all.</p>")
    shots = [
        Shot(
            BLANK if one.picture is None else one.picture, f"Training scene {one.seed}: {one.caption}",
            f"{one.seed:,}: “{one.caption}”",
        )
        for one in drawn
    ]  # fmt: skip
    pictures = row(shots, f"Scenes found {title.lower()}", small=True) if shots else Markup("")
    return Markup("<section><h3>{}</h3><p>{}</p>{}{}</section>").format(title, note, pictures, listed)


def wordings_bars(value: Wordings) -> str:
    """What a search by meaning finds, what of it a search by word misses, and chance."""
    made = []
    for name, (mean, low, high) in columns(value):
        ends = (max(low, 0.0), min(high, 1.0)) if math.isfinite(low) else (None, None)
        made.append(Bar(name, mean, percent(mean), low=ends[0], high=ends[1], ink="sculptor"))
    return str(bars(made))


# --- similarity -------------------------------------------------------------------------------------------------


def grid(value: Grid) -> str:
    """Pictures down, captions across, the cosine in every cell; a picture's nearest caption is outlined."""
    heads = join(Markup('<th scope="col">{}</th>').format(plain(one)) for one in value.captions)
    lines = []
    for at, one in enumerate(value.pictures):
        name = CAPTIONS.get(one.name, one.name)
        best = int(value.cosines[at].argmax())
        cells = join(
            Markup('<td class="diets-cell{best}{own}" style="--near:{near:.0f}%">{cosine}{mark}</td>').format(
                best=" diets-best" if column == best else "",
                own=" diets-own" if column == at else "",
                near=100 * max(0.0, float(cosine)),
                cosine=_signed(float(cosine)),
                mark=Markup('<span class="sr-only">, nearest</span>') if column == best else "",
            )  # fmt: skip
            for column, cosine in enumerate(value.cosines[at])
        )
        lines.append(
            Markup('<tr><th scope="row"><img src="{}" alt="{}"></th>{}</tr>').format(
                data_uri(one.picture, max_side=96), attribute(name), cells
            )
        )
    return str(
        Markup(
            '<div class="table diets-grid" tabindex="0" role="group" aria-label="The similarity grid"><table><thead>'
            '<tr><th scope="col"><span class="sr-only">picture</span></th>{}</tr></thead><tbody>{}</tbody></table>'
            '</div><p class="diets-note">Outlined: the nearest caption of each picture. Underlined: its own. The '
            "stronger the tint, the nearer.</p>"
        ).format(heads, join(lines))
    )


def _signed(number: float) -> str:
    return f"{number:.2f}".replace("-", "−")


def near_bars(value: Grid) -> str:
    """Mean cosines of unseen scenes to their own caption and to wrong ones, with intervals."""
    head = Markup('<p class="diets-head">Cosine on unseen scenes</p>{}')
    if value.near is None:
        return str(head.format(bars([Bar(kind, 0.0, "…", ink="sculptor") for kind in KINDS])))
    made = []
    for kind, cosines in zip(KINDS, value.near.T, strict=True):
        mean, low, high = mean_interval(cosines)
        made.append(
            Bar(kind, max(0.0, mean), _signed(mean), low=max(0.0, low), high=min(1.0, max(0.0, high)), ink="sculptor")
        )
    return str(head.format(bars(made)))


# --- captions ---------------------------------------------------------------------------------------------------


def examples(value: Captioned) -> str:
    """What both were told under the same scenes."""
    lines = join(
        Markup('<tr><td class="number">{}</td><td>{}</td><td>{}</td></tr>').format(seed, plain(whole), plain(sloppy))
        for seed, whole, sloppy in value.examples
    )
    return str(
        Markup(
            '<div class="table diets-told" tabindex="0" role="group" aria-label="What both were told"><table><thead>'
            '<tr><th scope="col">scene</th><th scope="col">whole caption</th><th scope="col">sloppy caption</th></tr>'
            "</thead><tbody>{}</tbody></table></div>"
        ).format(lines)
    )


def painted(value: Captioned) -> str:
    """A row of pictures for each reader, with what the judge missed; those still to come keep their place."""
    seeds = len(value.readers[0].pictures)
    parts = []
    for at, (_, name) in enumerate(READERS):
        one = value.readers[at] if at < len(value.readers) else None
        shots = []
        for number in range(seeds):
            if one is None:
                shots.append(Shot(BLANK, "Still to be painted", "…"))
                continue
            outcome = one.verdicts[number].outcome
            said = {True: "all right", None: "cannot tell"}.get(outcome) or "wrong: " + ", ".join(
                aspect for aspect, right in one.verdicts[number].right.items() if not right
            )
            shots.append(Shot(one.pictures[number], f"Picture {number + 1}, {name}: {said}", said))
        parts.append(Markup("<h3>The painter {}</h3>{}").format(name, row(shots, f"The painter {name}", small=True)))
    return str(Markup('<div class="diets-painted">{}</div>').format(join(parts)))


def captions_chart(value: Captioned) -> Any:
    """For each reader the share right of each aspect, with its 95 % interval."""
    figure = charts.figure(y="share right", height=340)
    aspects = [
        one for one in ("object", "count", "colour", "background", "relation", "left out")
        if any(one in reader.rates for reader in value.readers)
    ]  # fmt: skip
    for (name, colour, symbol), reader in zip(
        (("taught nothing", GREY, "x"), ("sloppy captions", CLAY, "square"), ("whole captions", charts.OK, "circle")),
        value.readers,
        strict=False,
    ):
        rates = [reader.rates.get(aspect) for aspect in aspects]
        figure.add_scatter(
            x=aspects, y=[None if one is None else round(one.rate, 4) for one in rates], name=name,
            mode="markers", marker={"color": colour, "symbol": symbol, "size": 12},
            error_y={
                "type": "data", "symmetric": False, "color": colour,
                "array": [0 if one is None else round(one.high - one.rate, 4) for one in rates],
                "arrayminus": [0 if one is None else round(one.rate - one.low, 4) for one in rates],
            },
        )  # fmt: skip
    figure.update_layout(scattermode="group", yaxis={"tickformat": ".0%", "range": [-0.02, 1.04]})
    return figure


# --- seen -------------------------------------------------------------------------------------------------------


def seen_chart(value: tuple[Asked, ...]) -> Any:
    """Both machines' share right for each sort of question, with its interval, and what chance would give each."""
    figure = charts.figure(y="share right", height=340)
    names = [SORTS[one.sort].replace(" ", "<br>", 1) for one in value]
    for name, colour, symbol, shares in (
        ("typewriter", charts.BLUE, "square", [one.right(one.text) for one in value]),
        ("sculptor", CLAY, "circle", [one.right(one.picture) for one in value]),
    ):
        figure.add_scatter(
            x=names, y=[round(one.rate, 4) for one in shares], name=name, mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 12},
            error_y={
                "type": "data", "symmetric": False, "color": colour,
                "array": [round(one.high - one.rate, 4) for one in shares],
                "arrayminus": [round(one.rate - one.low, 4) for one in shares],
            },
        )  # fmt: skip
    figure.add_scatter(
        x=names, y=[round(one.chance(one.text), 4) for one in value], name="typewriter’s answers dealt out at random",
        mode="markers", marker={"color": GREY, "symbol": "line-ew-open", "size": 22, "line": {"width": 3}},
    )  # fmt: skip
    figure.update_layout(scattermode="group", yaxis={"tickformat": ".0%", "range": [-0.02, 1.04]})
    return figure


def seen_answers(value: tuple[Asked, ...]) -> str:
    """Some questions of each sort with the typewriter’s word and the sculptor’s picture; those to come keep a place."""
    parts = []
    for at, (sort, title) in enumerate(SORTS.items()):
        one = value[at] if at < len(value) else None
        shots = []
        for number, question in enumerate(QUESTIONS[sort][:ANSWERS]):
            if one is None:
                shots.append(Shot(BLANK, "Still to be painted", f"{question.text} …"))
                continue
            text, picture = one.text[number], one.picture[number]
            marks = ["✓" if said == question.answer else "✗" for said in (text, picture)]
            words = f"{question.text} … {text} {marks[0]} · picture: {picture or 'not to be read'} {marks[1]}"
            shots.append(Shot(one.pictures[number], f"Asked for “{question.caption}”", words))
        parts.append(Markup("<h3>{}</h3>{}").format(title.capitalize(), row(shots, title)))
    return str(Markup('<div class="diets-painted">{}</div>').format(join(parts)))
