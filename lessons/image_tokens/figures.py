"""What the image-tokens lesson draws by itself, from moments and Evidence values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from markupsafe import Markup

from engines.evidence import Evidence, Underway
from engines.pictures.measures import decibels
from engines.pictures.tiles import FREE, SIDE, TILES
from engines.statistics import percent, plural
from engines.text.dials import Candidate
from lessons.image_tokens.board import TOP, Shown, Written, place_name
from lessons.image_tokens.book import Booked
from lessons.image_tokens.facts import PAINTERS, Asked, measured
from lessons.image_tokens.force import Forced
from lessons.image_tokens.half import WAYS, Halved, untold
from lessons.image_tokens.race import Moment
from lessons.shell.film import Film, Shot, data_uri, figure, row
from lessons.shell.prose import attribute, plain
from lessons.shell.views import BADGES, NOT_RUN, Bar, Clock, bars, clock_row, join

# --- 1 ----------------------------------------------------------------------------------------------------


def journey(value: Booked) -> str:
    """Picture → 256 numbers → picture; below, what else as many bytes could be."""
    there = Markup('<div class="tiles-journey">{}{}{}</div>').format(
        figure(Shot(value.picture, f"{value.caption}, before", f"before: {value.picture.size:,} numbers")),
        numbers(value.tiles),
        figure(
            Shot(
                value.restored,
                f"{value.caption}, from its tiles",
                f"back: {decibels(value.loss(value.restored))}",
                "chosen",
            )
        ),
    )
    others = (
        (value.unrounded, "the same latent, not rounded"),
        (value.thumbnail, "as many bytes as a thumbnail"),
        (value.random, "rounded to entries drawn at random, the first of 8 draws"),
        (value.shuffled, "the same tiles, shuffled"),
        (value.swapped, f"entries {value.pair[0]} and {value.pair[1]} swapped"),
    )
    shots = [
        Shot(picture, f"{value.caption}: {name}", f"{name}, {decibels(value.loss(picture))}")
        for picture, name in others
    ]
    return str(there + row(shots, "Other ways with as much room"))


def numbers(tiles: np.ndarray) -> Markup:
    """The tiles int64 [16, 16] as numbers in their places; a press on one marks its kind, here and on the wall."""
    cells = join(map(_cell, tiles.ravel().tolist()))
    return Markup(
        '<figure class="tiles-numbers"><div class="tiles-grid" role="group" aria-label="{}" '
        'style="--columns:{}">{}</div>'
        "<figcaption>{} tiles, each a number: press one to see where its kind lies</figcaption></figure>"
    ).format(attribute("The picture as rows of numbers"), tiles.shape[1], cells, tiles.size)


def wall(value: Booked) -> str:
    """Every entry as the patch that it paints among its own kind, those of this picture first."""
    entries, counts = np.unique(value.tiles, return_counts=True)
    used = dict(zip(entries.tolist(), counts.tolist(), strict=True))
    order = sorted(range(len(value.wall)), key=lambda entry: (-used.get(entry, 0), entry))
    sheet = np.concatenate([value.wall[entry] for entry in order], axis=1)  # one long row: [8, K·8, 3]
    side = value.wall.shape[1]
    cells = join(
        _cell(
            entry,
            Markup(" style=--at:{}{}").format(place, "" if entry in used else Markup(" class=idle")),
        )
        for place, entry in enumerate(order)
    )
    return str(
        Markup(
            '<figure class="tiles-wall"><div class="tiles-entries" role="group" aria-label="{}" '
            'style="background-image:url({});--count:{};--side:{}">{}</div><figcaption>'
            '<span class="tiles-told" role="status">{}'
            "</span></figcaption></figure>"
        ).format(
            attribute("The codebook"), data_uri(sheet, max_side=None), len(order), side, cells,
            f"The codebook: {len(order)} entries, the {len(used)} of this picture first. Press one.",
        )
    )  # fmt: skip


def _cell(entry: int, more: str = "") -> Markup:
    """A button for an entry, which the number on it names; short, since a page holds five hundred of them."""
    return Markup("<button{}>{}</button>").format(more, entry)


# --- 2 ----------------------------------------------------------------------------------------------------


def raced(
    moments: Iterator[Moment | Evidence[Moment]], clocks: Any, reel: Any, costs: Any, desk: Any, kept: Any
) -> Iterator[Any]:
    """The race: both clocks in ``clocks``, both canvases as one film in ``reel``, a frame a finished row.

    At the end what the tiles cost in ``costs``, a scoreboard in ``desk``, and all of them in the state ``kept``.
    """
    film = Film(("the tile writer", "the sculptor’s guess"), SIDE, unit="row of tiles")
    guess: np.ndarray | None = None
    begun = False
    for step in moments:
        if isinstance(step, Evidence):
            assert step.value.written is not None
            yield {costs: hesitation(step.value), desk: chosen(step.value.written), kept: step.value.written}
            yield step
            continue
        yield Underway((step.laid / TILES + step.sculpted) / 2, "Both at work")
        if step.passes and (shown := step.passes[-1].previews) is not None:
            guess = shown[0]
        if step.canvas is not None:
            done = step.laid // SIDE
            beside = np.full_like(step.canvas, 228) if guess is None else guess
            film.add(
                (step.canvas, beside),
                (f"The tile writer’s canvas after row {done}", "The sculptor’s picture at that time"),
                f"row {done} of {SIDE}, {plural(step.laid, 'tile')} laid; the sculptor has made "
                f"{plural(len(step.passes), 'pass', 'passes')}",
                str(done),
            )
            begun = True
        yield {clocks: both_clocks(step)} | ({reel: film.markup()} if begun else {})


def both_clocks(moment: Moment) -> str:
    """Each machine's own time and how far it is."""
    return str(
        clock_row(
            Clock(
                "typewriter", "The tile writer", moment.tile_seconds, moment.laid / TILES,
                f"{plural(moment.laid, 'tile')}, 0 taken back",
            ),
            Clock(
                "sculptor", "The sculptor", moment.picture_seconds, moment.sculpted,
                f"{plural(len(moment.passes), 'pass', 'passes')} over the whole canvas",
            ),
        )
    )  # fmt: skip


def hesitation(value: Moment) -> str:
    """Both finished pictures, and what every tile cost, the brighter the more bits."""
    assert value.written is not None and value.canvas is not None and value.passes[-1].pictures is not None
    bits = value.written.bits.reshape(SIDE, SIDE)
    shades = (bits / max(float(bits.max()), 1e-6)) ** 0.5
    map_ = (shades[..., None] * (255, 224, 190)).round().astype(np.uint8)
    return str(
        row(
            (
                Shot(value.canvas, "The tile writer’s picture", "the tile writer"),
                Shot(
                    map_, "What each of its tiles cost",
                    f"where it hesitated: dark under 1 bit, brightest {bits.max():.0f} bits",
                ),
                Shot(value.passes[-1].pictures[0], "The sculptor’s picture", "the sculptor"),
            ),
            "Both pictures, and what the tiles cost",
        )
    )  # fmt: skip


def chosen(value: Written) -> str:
    """The picture, of which ``desk.js`` makes a button a tile, and the scoreboard of the chosen one."""
    return str(
        Markup(
            '<div class="tiles-desk" data-of="{}"><figure><div class="tiles-cells" role="group" '
            'aria-label="Its tiles" data-at="{}" style="background-image:url({})"></div><figcaption>Choose a tile: '
            "press it, or use the arrow keys and "
            "Enter.</figcaption></figure>{}</div>"
        ).format(value.shown.packed(), value.at, data_uri(value.picture), _board(value))
    )


def _board(value: Written) -> Markup:
    """The leaders of a tile's scoreboard as patches, with their chances before and after guidance and dials."""
    rows = value.rows()
    own = next(one for one in rows if one.token_id == value.entry)
    highest = max(max(one.probability, one.kept_probability) for one in rows)
    full = next(step for step in FULL_BARS if highest <= step + 1e-6)
    patches = np.concatenate([value.wall[one.token_id] for one in rows], axis=1)
    gap = Markup("<li>… {}</li>").format(plural(rows[-1].rank - TOP - 1, "more entry", "more entries"))
    leaders, below = rows[:TOP], rows[TOP:]
    return Markup(
        '<div class="tiles-board" style="--last:{}"><p role="status"><b>{}</b>: entry {} was drawn, '
        "rank {} of {}. It cost {:.1f} bits. Press an entry to lay it there.</p><p>chance after guidance and dials "
        '<span>┃ and number in grey: before; full bar {}</span></p><ul class="bars" '
        'style="background-image:url({})">{}{}</ul></div>'
    ).format(
        len(rows) - 1, place_name(value.at).capitalize(), own.token_id, own.rank, len(value.wall),
        value.bits[value.at], percent(full), data_uri(patches, max_side=None),
        join(_row(one, place, full, one is own) for place, one in enumerate(leaders)),
        join(gap + _row(one, TOP, full, True) for one in below),
    )  # fmt: skip


FULL_BARS = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0)


def _row(one: Candidate, place: int, full: float, drawn: bool) -> Markup:
    cut = one.kept_probability == 0
    after, before = "cut" if cut else percent(one.kept_probability), percent(one.probability)
    label = f"Lay entry {one.token_id} here: rank {one.rank}, {after} after guidance and dials, {before} before"
    return Markup(
        '<li class="bar-row{}"><button type="button" data-entry="{}" aria-label="{}"><i style="--at:{}"></i>{}</button>'
        '<span class="bar-track"><i class="bar" style="width:{:.1f}%"></i><i class="tiles-belief" style="left:{:.1f}%">'
        '</i></span><span class="bar-value">{}</span><small>{}</small></li>'
    ).format(
        (" hit" if drawn else "") + (" cut" if cut else ""), one.token_id, label, place, one.token_id,
        100 * one.kept_probability / full, 100 * one.probability / full,
        *(share.replace("under ", "<") for share in (after, before)),
    )  # fmt: skip


def gone_on(
    steps: Iterator[Underway | Written | Forced | Evidence[Forced]], desk: Any, beside: Any, kept: Any, result: Any
) -> Iterator[Any]:
    """Both pictures in ``beside``, row by row; what is chosen, or was written again, in ``desk`` and ``kept``.

    What the run before left in ``result`` goes as soon as its pictures do.
    """
    already = 1.0
    for step in steps:
        if isinstance(step, Written):
            yield {desk: chosen(step), kept: step}
        elif isinstance(step, Forced):
            laid = float((step.tiles[0] != FREE).mean())
            yield Underway(laid * already + 1 - already, "Going on")
            yield {beside: both(step), result: waits(NOT_RUN)}
        else:
            if isinstance(step, Evidence):
                yield {beside: both(step.value)}
            else:
                already = 0.5
            yield step


def waits(words: str, shown: Shown | None = None) -> str:
    """What stands in a place that was emptied and will be filled, as tall as it was; ``shown``: of which picture."""
    of = Markup(' data-of="{}"').format(shown.packed()) if shown else Markup("")
    return str(Markup('<p class="empty tiles-waits"{}>{}</p>').format(of, words))


def both(value: Forced) -> str:
    """The picture before and with another entry, where they differ, and what other dice make of it."""
    before, (changed, _, other) = value.before, value.counts()
    map_ = np.where(np.arange(TILES) > before.at, 96, 40).astype(np.uint8)[:, None].repeat(3, 1)
    map_[value.differs()[0]] = 255, 224, 190
    map_[before.at] = 230, 110, 60
    where = f"entry {value.entry}{' again' if value.same else ''} at {place_name(before.at)}"
    of = f"of {plural(value.later, 'later tile')}"
    if value.written < value.later:
        of = f"of {plural(value.written, 'later tile')} written so far"
    last = "" if value.later else "the last tile: none comes after it"
    shots = (
        Shot(before.picture, "The picture as it was", f"as it was, entry {before.entry}"),
        Shot(value.pictures[0], f"The picture with {where}", f"with {where}", "chosen"),
        Shot(map_.reshape(SIDE, SIDE, 3), "Where they differ", last or f"bright: {changed} {of} differ"),
        Shot(
            value.pictures[1], "The picture with its own entry and other dice",
            "its own entry: none comes after it" if last else f"its own entry, other dice: {other} {of} differ",
        ),
    )  # fmt: skip
    return str(Markup('<div class="tiles-both">{}</div>').format(row(shots, "Before and after the other entry")))


# --- 3 ----------------------------------------------------------------------------------------------------


def halves(value: Halved) -> str:
    """What was given, and under every caption how it went on."""
    words = f"given: {plural(value.given, 'row')} of “{value.caption}”"
    given = row(
        [Shot(value.start, f"The first {plural(value.given, 'row')} of {value.caption}", words)],
        "What is given", columns=value.pictures.shape[1],
    )  # fmt: skip
    parts = [given]
    names = (f"told “{value.caption}”", f"told “{value.other}”", "told nothing", f"told “{value.other}”, nothing given")
    for way, name in enumerate(names):
        shots = [Shot(picture, f"{name}, seed {number + 1}") for number, picture in enumerate(value.pictures[way])]
        parts.append(Markup("<p>{}</p>{}").format(plain(name), row(shots, name, small=True)))
    return str(join(parts))


def half_bars(value: Halved) -> str:
    """How often each way shows the scene's thing and the other caption's."""
    rows = []
    for asked in (False, True):
        thing = value.things[asked]
        for way, name in enumerate(WAYS):
            share = value.share(way, asked)
            label = Markup("shows the {} <small>told {}</small>").format(plain(thing), plain(name))
            rows.append(
                Bar(
                    label,
                    share.rate,
                    f"{share.successes} of {share.trials}",
                    low=share.low,
                    high=share.high,
                    ink="typewriter" if asked else "sculptor",
                )
            )
    return str(bars(rows) + Markup('<p class="tiles-head">{}</p>').format(plain(untold(value).strip())))


# --- 4 ----------------------------------------------------------------------------------------------------


def fact_rows(value: Asked) -> str:
    """Every caption in one fact and in three, by both painters."""
    parts = []
    for length, captions in enumerate((value.short, value.long)):
        for painter, name in enumerate(PAINTERS):
            shots = [
                Shot(picture, f"{name}: {caption}", caption, "" if all(right.values()) else "warn")
                for picture, caption, right in zip(
                    value.pictures[painter, length], captions, value.right[painter][length], strict=True
                )
            ]
            parts.append(
                Markup("<p>{}</p>{}").format(
                    f"The {name}, {('one fact', 'three facts')[length]} (dashed: the judge sees a fact missing)",
                    row(shots, f"The {name}", small=True),
                )
            )
    return str(join(parts))


def fact_bars(value: Asked) -> str:
    """What stands in the pictures, by painter and length of the caption, with the blind guess."""
    rows = []
    for painter, name in enumerate(PAINTERS):
        ink = "typewriter" if painter == 0 else "sculptor"
        for words, share in (
            ("the thing, told alone", value.object(painter, 0)),
            ("the thing, with two facts more", value.object(painter, 1)),
            ("all three facts", value.whole(painter)),
            ("all three of another caption", value.chance(painter)),
        ):
            label = Markup("the {} <small>{}</small>").format(name, words)
            rows.append(
                Bar(label, share.rate, f"{share.successes} of {share.trials}", low=share.low, high=share.high, ink=ink)
            )
    return str(bars(rows) + _measured())


def _measured() -> Markup:
    """What the recipe measured over its prompts, for both painters."""
    record = measured()
    if not record:
        return Markup("")
    rows = join(
        Markup("<tr><th scope=row>{}</th>{}</tr>").format(
            plain(question),
            join(Markup("<td>{}</td>").format(_share(by[name])) for name in PAINTERS),
        )
        for question, by in record.items()
    )
    return Markup(
        '<p class="tiles-head"><span class="badge badge-recorded" title="{}">recorded</span> {}</p><div class="table '
        'tiles-measured" tabindex="0" role="group" aria-label="Measured before"><table><thead><tr>'
        '<th scope="col">asked for</th><th scope="col">the tile writer</th><th scope="col">the sculptor</th></tr>'
        "</thead><tbody>{}</tbody></table></div>"
    ).format(
        BADGES["recorded"], "The same prompts and seeds for both, by python -m training.tiles --evaluate", rows
    )  # fmt: skip


def _share(of: dict[str, float]) -> str:
    return f"{percent(of['rate'])} ({100 * of['low']:.0f}–{100 * of['high']:.0f}), {of['untold']} not told"
