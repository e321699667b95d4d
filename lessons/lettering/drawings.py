"""How the mirror is shown: drawings in monospace, the tokens that made them, and the table of likenesses."""

from __future__ import annotations

from markupsafe import Markup

from engines.statistics import percent
from engines.text import character_art as art
from lessons.lettering import mirror
from lessons.shell.prose import attribute, plain
from lessons.shell.views import Bar, bars, join, visible

LINES, COLUMNS, PROSE = 14, 34, 130


def gallery(value: mirror.Gallery) -> str:
    """What was asked for, as the model gets it, and what it drew in each way of asking."""
    return str(_target(value)) + str(join(_way(way) for way in value.ways))


def _target(value: mirror.Gallery) -> Markup:
    distances = value.tokens.distances
    above = f"{distances[0]} tokens back" if len(distances) == 1 else f"{distances[0]} to {distances[-1]} tokens back"
    return Markup(
        '<div class="lettering-target"><figure><pre class="lettering-grid" role="img" aria-label="{alt}">{grid}</pre>'
        "<figcaption>what was asked for</figcaption></figure>"
        '<figure><div class="lettering-tokens" role="img" aria-label="{cut}">{tokens}</div>'
        "<figcaption>as the model writes it: {count} tokens one after the other; the cell above is {above}</figcaption>"
        "</figure></div>"
    ).format(
        alt=f"{art.SHAPES[value.shape]} on {mirror.SIZE} by {mirror.SIZE} cells",
        cut=attribute("Tokens: " + " | ".join(value.tokens.pieces).replace("\n", "line end")),
        grid=plain(art.write(value.target, value.style)),
        tokens=_token_lines(value.tokens),
        count=len(value.tokens.pieces),
        above=above,
    )


def _token_lines(tokens: art.TokenMap) -> Markup:
    lines: dict[int, list[Markup]] = {}
    for text, line, _, columns in tokens.spans:
        kind = "after-break" if text.startswith("\n") and columns else ""
        chip = Markup('<span class="{}" style="--cells:{}">{}</span>').format(kind, max(columns, 1), visible(text))
        lines.setdefault(line, []).append(chip)
    return join(Markup("<div>{}</div>").format(join(chips)) for chips in lines.values())


def _way(way: mirror.Way) -> Markup:
    found = way.recognised
    return Markup(
        '<p class="lettering-head">{title} <small>{found} of {runs} look most like it; shuffled, {chance}</small></p>'
        '<div class="lettering-drawings" role="group" aria-label="{label}">{cards}</div>'
    ).format(
        title=mirror.WAYS[way.key].capitalize(),
        found=found.successes,
        runs=found.trials,
        chance=percent(way.chance),
        label=attribute(f"Drawings, {mirror.WAYS[way.key]}"),
        cards=join(_card(attempt) for attempt in way.attempts),
    )


def _card(one: mirror.Attempt) -> Markup:
    score, drawn = one.score, bool(one.drawing.lines)
    said = (
        f"overlap {score.asked:.2f}, shuffled {score.shuffled:.2f}; most like: {score.likest or 'none'}"
        if drawn else "no drawing in it"
    )  # fmt: skip
    return Markup(
        '<figure class="lettering-card {kind}"><pre tabindex="0">{reply}</pre>'
        "<figcaption>seed {seed}: {mark}{said}</figcaption></figure>"
    ).format(
        kind="hit" if score.recognised else "drawn" if drawn else "said",
        reply=plain(clip(one.reply) if drawn else shorten(one.reply)) or "∅",
        seed=one.seed,
        mark="✓ " if score.recognised else "",
        said=said,
    )


def clip(reply: str) -> str:
    """The first lines of a reply, the long ones cut, with what was left out marked."""
    lines = reply.strip("\n").split("\n")
    shown = [line if len(line) <= COLUMNS else line[: COLUMNS - 1] + "…" for line in lines[:LINES]]
    return "\n".join([*shown, "…"] if len(lines) > LINES else shown)


def shorten(reply: str) -> str:
    """The beginning of a reply that is prose."""
    words = " ".join(reply.split())
    return words if len(words) <= PROSE else words[: PROSE - 1] + "…"


def confusion(value: mirror.Confusion) -> str:
    """Asked for against most like, as a table of counts; the diagonal is where they agree."""
    seen = [*art.SHAPES, None]
    head = join(Markup('<th scope="col">{}</th>').format(name or "none") for name in seen)
    rows = join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            asked,
            join(
                Markup('<td class="{}">{}</td>').format("hit" if asked == name else "", value.count(asked, name) or "·")
                for name in seen
            ),
        )
        for asked in art.SHAPES
    )
    found = value.recognised
    row = Bar(
        "its own shape", found.rate, f"{found.successes} of {found.trials}", low=found.low,
        high=found.high,
    )  # fmt: skip
    chance = Bar("by guessing", mirror.GUESSING, percent(mirror.GUESSING))
    return str(
        Markup(
            '{bars}<div class="lettering-confusion" tabindex="0" role="group" aria-label="Asked for against most like">'
            "<table><caption>Rows: asked for. Columns: which shape the drawing is most like.</caption>"
            "<thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        ).format(bars=bars([row, chance]), head=head, rows=rows)
    )
