"""What the briefing lesson draws by itself; every word from a learner or a model is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from markupsafe import Markup

from engines.evidence import Evidence, PlainError
from engines.statistics import interval_percent, of_pairs, percent, percents, share
from lessons.briefing import both, checklist, recipe
from lessons.briefing.bench import Bench
from lessons.briefing.both import Both, Way
from lessons.briefing.dice import Dice
from lessons.briefing.measures import MARKS, VERDICTS, Judged
from lessons.briefing.recipe import Tried
from lessons.shell import views
from lessons.shell.film import Shot, row
from lessons.shell.prose import attribute, plain
from lessons.shell.views import Bar, bars, join

GLARE = 4
"""Differences are shown this many times brighter."""
STATES: dict[checklist.State, tuple[str, str]] = {
    "met": ("✓", "said"), "open": ("○", "left open"), "mend": ("≠", "better said otherwise"),
}  # fmt: skip
ADVICE = 1
"""How many pieces of advice stand under a list at once; the others follow as these are heeded."""


def examples(names: Iterable[str], label: str) -> str:
    """A row of buttons; with ``examples.js`` a click tells which."""
    buttons = join(
        Markup('<button type="button" data-example="{}">{}</button>').format(number, plain(name))
        for number, name in enumerate(names)
    )
    return str(
        Markup('<div class="briefing-examples" role="group" aria-label="{0}"><span>{0}:</span>{1}</div>').format(
            label, buttons
        )
    )


def checks(found: Sequence[checklist.Check]) -> str:
    """The list of a caption, and under it the first advice; it keeps its room, whatever it says."""
    marks = join(
        Markup(
            '<li class="briefing-{}" title="{}"><b aria-hidden="true">{}</b> {}<span class="sr-only">: {}</span></li>'
        ).format(one.state, attribute(one.advice), STATES[one.state][0], one.name, STATES[one.state][1])
        for one in found
    )
    advice = [one.advice for state in ("mend", "open") for one in found if one.state == state]
    more = f" Then {len(advice) - ADVICE} more." if len(advice) > ADVICE else ""
    said = " ".join(advice[:ADVICE]) + more if advice else "Nothing here speaks past the painter."
    return str(
        Markup(
            '<div class="briefing-checks"><ul aria-label="What this caption says">{}</ul><p role="status">{}</p></div>'
        ).format(marks, plain(said))
    )


# --- bench ------------------------------------------------------------------------------------------------


def bench_rows(value: Bench) -> str:
    """Both pictures and where they differ; below them the second caption from other seeds."""
    glare = (value.error * 255 * GLARE).clip(0, 255).round().astype(np.uint8)
    shots = [
        Shot(picture, f"“{caption}”, seed {value.seeds[0]}. {_marks_in_words(one, at)}", f"{name}: {_marks(one, at)}")
        for at, (name, picture, caption, one) in enumerate(
            zip(("first", "second"), value.pair, value.captions, value.against, strict=True)
        )
    ]
    kept = f"Where the two differ: {percent(value.stayed)} of the pixels stay"
    shots.append(Shot(glare, kept, f"the difference, {GLARE} × brighter"))
    rolled = [
        Shot(picture, f"“{value.captions[1]}”, seed {seed}", f"seed {seed}")
        for seed, picture in zip(value.seeds[1:], value.painted[1].pictures[1:], strict=True)
    ]
    return str(
        row(shots, "The two captions from one seed, and their difference")
        + _label("The second caption from four other seeds. Does the kept seed look more like your first picture?")
        + row(rolled, "The second caption from other seeds", small=True)
    )


def _marks(one: Judged, at: int) -> str:
    if one.why:
        return "not judged"
    return " ".join(f"{MARKS[answers[at]]}\u00a0{aspect}" for aspect, answers in one.aspects.items())


def _mark(one: Judged, at: int) -> str:
    """Whether all is right, and what cannot be told."""
    if one.why:
        return ""
    untold = [f"{MARKS[None]}\u00a0{aspect}" for aspect, answers in one.aspects.items() if answers[at] is None]
    return " ".join([MARKS[one.outcomes[at]]] * (one.outcomes[at] is not None) + untold)


def _marks_in_words(one: Judged, at: int) -> str:
    if one.why:
        return "Not judged."
    said = (f"{aspect}: {VERDICTS[answers[at]]}, {one.seen[aspect][at]}" for aspect, answers in one.aspects.items())
    return f"The judge says {'; '.join(said)}."


# --- dice -------------------------------------------------------------------------------------------------


def dice_rows(value: Dice) -> str:
    """The pictures of both wordings, seed under seed."""
    return str(
        join(
            _label(f"{name}: “{caption}”") + _judged_row(painted.pictures, value.seeds, one, name)
            for name, caption, painted, one in zip(
                ("First wording", "Second wording"), value.captions, value.painted, value.judged, strict=True
            )
        )
        + legend()
    )


def dice_bars(value: Dice) -> str:
    """How far the wording and the dice move a picture, and how often either wording is followed."""
    means = share(value.words), share(of_pairs(value.dice))
    most = max(1e-6, *(min(1.0, one[2]) for one in means))
    moved = [
        Bar(name, mean / most, percent(mean), low=low / most, high=high / most, ink="sculptor")
        for name, (mean, low, high) in zip(("moved by the wording", "moved by another seed"), means, strict=True)
    ]
    return str(bars(moved))


def _judged_row(pictures: np.ndarray, seeds: Sequence[int], one: Judged, name: str) -> Markup:
    shots = [
        Shot(
            picture, f"{name}, seed {seed}. {_marks_in_words(one, at)}", _mark(one, at),
            "warn" if one.outcomes[at] is False else "",
        )
        for at, (seed, picture) in enumerate(zip(seeds, pictures, strict=True))
    ]  # fmt: skip
    return row(shots, f"{name}, one picture a seed", small=True)


def _label(words: str) -> Markup:
    return Markup('<p class="briefing-label">{}</p>').format(plain(words))


def legend() -> Markup:
    """What the marks under judged pictures mean."""
    return Markup('<p class="briefing-legend">{}</p>').format(
        " · ".join(f"{MARKS[one]} {VERDICTS[one]}" for one in MARKS)
    )


# --- both -------------------------------------------------------------------------------------------------


def both_rows(value: Both) -> str:
    """Each way to the painter: what it was sent, what of the wish that holds, and the pictures."""
    remark = value.direction.remark()
    said = Markup('<p class="briefing-label">The director says: {}</p>').format(plain(remark)) if remark else Markup("")
    return str(said + join(_way(way, value.seeds) for way in value.ways.values()) + legend())


def _way(way: Way, seeds: Sequence[int]) -> Markup:
    return Markup('<section class="briefing-way"><h3>{}</h3><p class="briefing-sent">{}</p>{}{}</section>').format(
        plain(way.name[0].upper() + way.name[1:]),
        plain(way.caption),
        _ledger(way),
        _judged_row(way.pictures, seeds, way.judged, way.name),
    )


def _ledger(way: Way) -> Markup:
    if way.ledger is None:
        return Markup(
            '<p class="briefing-facts">No ledger: this is talk, and the grammar of captions cannot read it fairly.</p>'
        )
    kinds = (("kept", "✓", way.ledger.kept), ("lost", "≠", way.ledger.lost), ("invented", "+", way.ledger.invented))
    return Markup('<ul class="briefing-facts" aria-label="The facts of the wish in these words">{}</ul>').format(
        join(
            Markup('<li class="briefing-{}"><b aria-hidden="true">{}</b> {} {}: {}</li>').format(
                name, mark, name, fact.aspect, plain(str(fact))
            )
            for name, mark, found in kinds
            for fact in sorted(found)
        )
    )


def both_bars(value: Both) -> str:
    """How much of the wish each way brings into its pictures."""
    rows = []
    for name, way in value.ways.items():
        if way.judged.why:
            continue
        (least, most), ink = way.judged.shown, "typewriter" if name == both.RAW else "sculptor"
        rows.append(Bar(name, least.rate, percents(least.rate, most.rate), low=least.low, high=most.high, ink=ink))
    return str(bars(rows)) if rows else ""


def published() -> str:
    """The director's own record over many chats, or why it is not here."""
    try:
        evidence: Evidence = both.published()
    except PlainError as error:
        return str(views.notice(str(error)))
    rows = [
        Bar(
            name,
            one.kept.rate,
            interval_percent(one.kept.rate, one.kept.low, one.kept.high),
            low=one.kept.low,
            high=one.kept.high,
        )
        for key, name in both.PUBLISHED.items()
        if (one := evidence.value.get(key))
    ]
    chats = evidence.value["director"].exact.trials
    title = _label(f"Facts of the wish in the words, over {chats} chats that the director was not made on:")
    return str(title + bars(rows) + views.evidence(evidence, "briefing-both-published"))


# --- recipe -----------------------------------------------------------------------------------------------


def recipe_rows(value: Tried) -> str:
    """The recipe's picture, and the same from other seeds."""
    one = value.judged
    own = Shot(
        value.painted.pictures[0], f"The recipe's picture, seed {value.recipe.seed}. {_marks_in_words(one, 0)}",
        f"yours, seed {value.recipe.seed}: {_marks(one, 0)}", "chosen",
    )  # fmt: skip
    others = [
        Shot(
            picture, f"Seed {seed}. {_marks_in_words(one, at)}", _mark(one, at),
            "warn" if one.outcomes[at] is False else "",
        )
        for at, (seed, picture) in enumerate(zip(value.seeds[1:], value.painted.pictures[1:], strict=True), start=1)
    ]  # fmt: skip
    return str(
        row([own], "The recipe's picture", columns=3) + _label("The same recipe from eight other seeds:")
        + row(others, "Other seeds", small=True) + legend()
    )  # fmt: skip


TOO_LONG = "This link is too long for a QR code that a phone reads well. Shorten the caption, or send the link."
WAITING = '<div class="briefing-link"><p class="empty">The link and its QR code appear here.</p></div>'


def shared(page: str, one: recipe.Recipe) -> str:
    """The recipe's link, to copy, and its QR code."""
    text = recipe.link(page, one)
    made = recipe.code(text)
    drawn = (
        Markup('<p class="briefing-note">{}</p>').format(TOO_LONG)
        if made is None
        else Markup('<img class="briefing-qr" src="{}" alt="{}">').format(
            made.svg_data_uri(border=4, scale=4, dark="#000", light="#fff"),
            attribute(f"QR code that holds this link: {text}"),
        )
    )
    here = (
        "This address is this machine's own: nobody else can open it. Have the playground listen for the class (the "
        "README says how), and open the page by the address that a neighbour would use."
        if recipe.only_here(page)
        else "Whoever opens it finds these four fields filled in. Nothing of it is stored on a server."
    )
    return str(
        Markup('<div class="briefing-link">{}<div>{}<p class="briefing-note">{}</p></div></div>').format(
            drawn, views.code(text), here
        )
    )


def unshared(words: str) -> str:
    """Why there is no link now."""
    return str(Markup('<div class="briefing-link"><p class="empty">{}</p></div>').format(plain(words)))
