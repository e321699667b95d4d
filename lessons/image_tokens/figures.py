"""What the image-tokens lesson draws by itself, from moments and Evidence values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from markupsafe import Markup

from engines.evidence import Evidence, Underway
from engines.pictures.measures import decibels
from engines.pictures.tiles import SIDE, TILES
from engines.statistics import percent, plural
from lessons.image_tokens.book import Booked
from lessons.image_tokens.facts import PAINTERS, Asked, measured
from lessons.image_tokens.half import WAYS, Halved, untold
from lessons.image_tokens.race import Moment
from lessons.shell.film import Film, Shot, data_uri, figure, row
from lessons.shell.prose import attribute, plain
from lessons.shell.views import BADGES, Bar, Clock, bars, clock_row, join

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
    cells = join(_cell(entry, number == 0) for number, entry in enumerate(tiles.ravel().tolist()))
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
            place == 0,
            Markup(' style="--at:{}"{}').format(place, "" if entry in used else Markup(' class="idle"')),
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


def _cell(entry: int, first: bool, more: str = "") -> Markup:
    """A button for an entry; of a group the first alone is a tab stop, arrow keys lead on."""
    stop = Markup("") if first else Markup(' tabindex="-1"')
    return Markup('<button data-entry="{}"{}{}>{}</button>').format(entry, stop, more, entry)


# --- 2 ----------------------------------------------------------------------------------------------------


def raced(moments: Iterator[Moment | Evidence[Moment]], clocks: Any, reel: Any, costs: Any) -> Iterator[Any]:
    """The race: both clocks in ``clocks``, both canvases as one film in ``reel``, a frame a finished row, and at the
    end what the tiles cost in ``costs``."""
    film = Film(("the tile writer", "the sculptor’s guess"), SIDE, unit="row of tiles")
    guess: np.ndarray | None = None
    begun = False
    for step in moments:
        if isinstance(step, Evidence):
            yield {costs: hesitation(step.value)}
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
    assert value.bits is not None and value.canvas is not None and value.passes[-1].pictures is not None
    shades = (value.bits / max(float(value.bits.max()), 1e-6)) ** 0.5
    map_ = (shades[..., None] * (255, 224, 190)).round().astype(np.uint8)
    return str(
        row(
            (
                Shot(value.canvas, "The tile writer’s picture", "the tile writer"),
                Shot(
                    map_, "What each of its tiles cost",
                    f"where it hesitated: dark under 1 bit, brightest {value.bits.max():.0f} bits",
                ),
                Shot(value.passes[-1].pictures[0], "The sculptor’s picture", "the sculptor"),
            ),
            "Both pictures, and what the tiles cost",
        )
    )  # fmt: skip


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
