"""What the handoff draws by itself, from moments and Evidence values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from markupsafe import Markup

from engines.director.ledger import Entry
from engines.evidence import Evidence
from engines.pictures.diffusion import Pass
from engines.statistics import Interval, percent, percents
from engines.text.constrained import Choice
from lessons.handoff import bypass as by
from lessons.handoff.chain import Chain, Moment
from lessons.handoff.forget import Forgetting
from lessons.handoff.measures import EXAMPLES
from lessons.handoff.play import Game, Side
from lessons.handoff.proof import Crossing
from lessons.handoff.rounds import rounds
from lessons.shell import views
from lessons.shell.film import Film, Shot, row
from lessons.shell.prose import plain
from lessons.shell.views import BADGES, Bar, bars, join

LINES = 5
"""Of a scoreboard; so many are always kept free, so that nothing moves while the director writes."""
SIGNS = {True: ("yes", "✓"), False: ("no", "✗"), None: ("not told", "?")}
IDLE = Moment(())


def examples() -> str:
    """The chats to begin with, as buttons."""
    made = join(
        Markup('<button type="button" class="button" data-name="{0}">{0}</button>').format(one.name) for one in EXAMPLES
    )
    return str(
        Markup('<div class="handoff-examples" role="group" aria-label="Chats to begin with">{}</div>').format(made)
    )


def followed(moments: Iterator[Any], talk: Any, reel: Any, box: Any, ledger: Any) -> Iterator[Any]:
    """A run: the director at work in ``talk``, the painting in ``reel``, the caption in ``box``, last the ledger."""
    film: Film | None = None
    moment = IDLE
    for event in moments:
        if isinstance(event, Moment):
            moment = event
            yield {talk: writing(event)}
        elif isinstance(event, Pass):
            film = film or Film(("the canvas", "the picture it is heading for"), event.passes + 1)
            yield {reel: _frame(film, event)}
            if event.pictures is not None:
                done = film.add((event.pictures[0],) * 2, ("The finished picture",) * 2, "the finished picture", "✓")
                yield {reel: done}
        else:
            if isinstance(event, Evidence):
                yield {ledger: crossed(event.value), box: event.value.caption or ""}
                if event.value.caption is None:
                    yield {reel: NOTHING, talk: writing(moment, sent=False)}
            yield event


NOTHING = str(views.empty("Nothing was painted: no caption crossed."))


def _frame(film: Film, event: Pass) -> str:
    assert event.canvas is not None and event.previews is not None
    number = event.index + 1
    return film.add(
        (event.canvas[0], event.previews[0]),
        (f"The canvas before pass {number}", f"The finished picture as guessed in pass {number}"),
        f"pass {number} of {event.passes}", str(number),
    )  # fmt: skip


def writing(moment: Moment, sent: bool = True) -> str:
    """The caption as it is being written, and the scoreboard of its last token before and after the mask.

    Not ``sent``: it is done, and was only a draft that has nothing to do with the chat.
    """
    if moment.choices:
        below = _steps(moment.choices)
    else:
        below = _boards(moment.draft.choice if moment.draft else None)
    caption = plain(moment.caption) or Markup("…")
    whole = Markup(
        '<b translate="no">{}</b>' if sent else 'nothing: <s translate="no">{}</s> was only a draft, and kept back'
    )
    return str(
        Markup(
            '<p class="handoff-caption ink-typewriter"><span>Director → painter</span> {}</p>'
            '<div class="handoff-work">{}</div>'
        ).format(whole.format(caption), below)
    )


def _steps(choices: Sequence[Choice]) -> Markup:
    """Token by token: what the model would have written, and what became of the token that was."""
    lines = join(
        Markup(
            '<tr><th scope="row">{}</th><td>{}</td><td>{} <span>{}</span></td><td>{:,}</td><td>{}</td></tr>'
        ).format(
            views.visible(one.piece), percent(_probability(one)), views.visible(one.before.candidates[0].text),
            percent(one.before.candidates[0].probability), one.allowed, percent(_favoured(one)),
        )
        for one in choices
    )  # fmt: skip
    return Markup(
        '<div class="table" tabindex="0" role="group" aria-label="How each token of the caption came about">'
        '<table class="handoff-ledger"><thead><tr><th>token</th><th>its own chance</th><th>its favourite</th>'
        "<th>left by the mask</th><th>chance then</th></tr></thead><tbody>{}</tbody></table></div>"
    ).format(lines)


def _probability(choice: Choice) -> float:
    """Of the chosen token before the mask; 0 where it is on neither scoreboard."""
    own = [one.probability for one in choice.after if one.token_id == choice.token_id]
    own += [one.probability for one in choice.before.candidates if one.token_id == choice.token_id]
    return own[0] if own else 0.0


def _favoured(choice: Choice) -> float:
    own = [one.favoured for one in choice.after if one.token_id == choice.token_id]
    return own[0] if own else _probability(choice)


def _boards(choice: Choice | None) -> Markup:
    if choice is None:
        return Markup("")
    before = [(one.text, one.probability, one.token_id == choice.token_id) for one in choice.before.candidates[:LINES]]
    after = [(one.text, one.favoured, one.token_id == choice.token_id) for one in choice.after[:LINES]]
    head = "Its own scoreboard"
    if not after:
        return Markup('<div class="handoff-boards">{}</div>').format(_board(head, "no mask for this painter", before))
    allowed = f"{choice.allowed:,} of its tokens may follow, with hints"
    return Markup('<div class="handoff-boards">{}{}</div>').format(
        _board(head, "all tokens", before), _board("After the mask", allowed, after)
    )


def _board(title: str, note: str, rows: Sequence[tuple[str, float, bool]]) -> Markup:
    drawn = [Bar(views.visible(text), share, percent(share), chosen) for text, share, chosen in rows]
    drawn += [Bar(Markup("&nbsp;"), 0, "")] * (LINES - len(drawn))
    return Markup("<section><h3>{}</h3><p>{}</p>{}</section>").format(title, note, bars(drawn))


def crossed(value: Chain) -> str:
    """What reached the painter's text encoder, and the ledger."""
    if value.caption is None:
        return ledger_table(value.entries)
    ids = join(
        Markup('<span class="token">{}<small>{}</small></span>').format(words, number)
        for words, number in zip(
            ("start", *(views.spelled(piece) for piece in value.pieces), "end"), value.received, strict=False
        )
    )
    return str(
        Markup(
            '<figure class="handoff-ids"><figcaption>All that crossed to the painter, as its text encoder received it:'
            '</figcaption><span class="tokens" translate="no">{}</span></figure>{}'
        ).format(ids, Markup(ledger_table(value.entries)))
    )


def ledger_table(entries: Sequence[Entry]) -> str:
    """One line a fact: in the wish, in the caption, in the picture, and where it was lost or invented."""
    if not entries:
        return str(views.empty("No fact that the ledger can read."))
    lines = join(
        Markup('<tr class="{}"><th scope="row">{}</th>{}{}{}<td>{}</td></tr>').format(
            "" if one.fate == "kept" else "handoff-gone", plain(str(one.fact)), _answer(one.wished),
            _answer(one.asked), _answer(one.seen), one.fate,
        )
        for one in entries
    )  # fmt: skip
    return str(
        Markup(
            '<div class="table" tabindex="0" role="group" aria-label="The ledger of facts">'
            '<table class="handoff-ledger"><thead><tr><th>fact</th><th>wish</th><th>caption</th><th>picture</th>'
            "<th>what became of it</th></tr></thead><tbody>{}</tbody></table></div>"
        ).format(lines)
    )


def _answer(answer: bool | None) -> Markup:
    words, sign = SIGNS[answer]
    return Markup('<td><span aria-hidden="true">{}</span><span class="sr-only">{}</span></td>').format(sign, words)


def three_ways(value: by.Bypass) -> str:
    """For each text that was sent, the first pictures it led to."""
    return str(
        join(
            Markup('<section class="handoff-way"><h3>{}</h3><p translate="no">“{}”</p>{}</section>').format(
                way.name.capitalize(), plain(way.sent), row(_shots(way), f"Painted from {way.name}", small=True)
            )
            for way in value.ways
        )
    )


def _shots(way: by.Way) -> list[Shot]:
    return [
        Shot(picture, f"Picture {number} from {way.name}", f"{seen} of {way.of} facts{_untold(way.of - decided)}")
        for number, (picture, seen, decided) in enumerate(zip(way.pictures, way.seen, way.decided, strict=True), 1)
    ]


def _untold(count: int) -> str:
    return f", {count} cannot be told" if count else ""


def kept_bars(value: by.Bypass) -> str:
    """The facts of the wish seen in the pictures, and below them the stored measurement over many chats."""
    here = bars([_bounds_bar(way.name, *way.kept) for way in value.ways])
    stored = by.published()
    painted = bars([_bounds_bar(name, *seen) for name, seen in by.published_pictures()])
    there = bars([_interval_bar(name, kept, "typewriter") for name, kept, _ in stored])
    new = bars([_interval_bar(name, invented, "typewriter") for name, _, invented in stored])
    badge = Markup('<span class="badge badge-recorded" title="{}">recorded</span>').format(BADGES["recorded"])
    return str(
        Markup(
            '<div class="handoff-kept"><p>Facts of this wish in the pictures, without what cannot be told and with it '
            "(in brackets the 95 % interval):</p>{}"
            "<p>{} The same over the chats that the director was not made on (one author wrote them all), four "
            "pictures each:</p>{}<p>{}</p><p>And before any painting: facts of their wishes that stand in the caption,"
            "</p>{}<p>and facts in the caption that nobody wished for:</p>{}</div>"
        ).format(here, badge, painted, by.published_gain(), there, new)
    )


def _bounds_bar(label: str, least: Interval, most: Interval) -> Bar:
    """A share at least and at most, and how low and how high that may lie."""
    text = f"{percents(least.rate, most.rate)} {_bracket(least.low, most.high)}"
    return Bar(label, least.rate, text, low=least.low, high=most.high, ink="sculptor")


def _interval_bar(label: str, share: Interval, ink: str) -> Bar:
    text = f"{percent(share.rate)} {_bracket(share.low, share.high)}"
    return Bar(label, share.rate, text, low=share.low, high=share.high, ink=ink)


def _bracket(low: float, high: float) -> str:
    """An interval in brackets that no line ends in."""
    return f"({percents(low, high)})".replace(" ", "\u00a0")


def three_pictures(value: Sequence[Crossing]) -> str:
    """Each chat, the ids it came to, and its picture."""
    first = value[0]
    shots = [
        Shot(
            one.picture, f"The picture of the {one.name}, painted from “{one.caption}”",
            f"{one.name}: “{one.caption}”"
            + ("" if one is first else f"; {percent(first.differs(one))} of its pixels are others"),
        )
        for one in value
    ]  # fmt: skip
    lines = join(
        Markup('<li><b>{}</b> <span translate="no">{}</span></li>').format(one.name, " ".join(map(str, one.received)))
        for one in value
    )
    return str(row(shots, "One picture a chat") + Markup('<ul class="handoff-received">{}</ul>').format(lines))


def four_rows(value: Forgetting) -> str:
    """Four rows of pictures, each with what the painter was told."""
    return str(
        join(
            Markup('<section class="handoff-way"><h3>{}</h3><p translate="no">“{}”</p>{}</section>').format(
                one.name.capitalize(), plain(one.sent),
                row([
                    Shot(picture, f"Picture {number}: {one.name}", "")
                    for number, picture in enumerate(one.pictures, 1)
                ], one.name.capitalize(), small=True),
            )
            for one in value.rows
        )
    )  # fmt: skip


@cache
def target(number: int) -> str:
    """The picture that a round is about."""
    one = rounds()[number]
    shot = Shot(one.picture(), "The picture to describe", f"picture {number + 1} of {len(rounds())}")
    return str(Markup('<div class="handoff-target">{}</div>').format(row([shot], "The picture to describe")))


def match(value: Game) -> str:
    """Both sides' pictures, and fact by fact how often each is seen."""
    sides = join(_side(one) for one in (value.you, value.director))
    lines = join(
        Markup('<tr><th scope="row">{}</th>{}{}</tr>').format(
            plain(str(fact)), *(_cell(side, place, fact in side.asked) for side in (value.you, value.director))
        )
        for place, fact in enumerate(value.facts)
    )
    return str(
        sides
        + Markup(
            '<div class="table" tabindex="0" role="group" aria-label="Facts kept by you and by the director">'
            '<table class="handoff-ledger"><thead><tr><th>fact of the picture</th><th>you</th><th>the director</th>'
            "</tr></thead><tbody>{}</tbody></table></div>"
        ).format(lines)
    )


def _side(one: Side) -> Markup:
    shots = [Shot(picture, f"Picture {number} from {one.name}", "") for number, picture in enumerate(one.pictures, 1)]
    painted = row(shots, f"Painted for {one.name}", small=True) if shots else Markup("<p>Nothing was painted.</p>")
    return Markup('<section class="handoff-way"><h3>{}</h3><p translate="no">{}</p>{}</section>').format(
        one.name, plain(f"“{one.caption}”") if one.caption else "wrote no caption", painted
    )


def _cell(side: Side, place: int, asked: bool) -> Markup:
    seen, decided = side.seen[place]
    words, seeds = "in the caption" if asked else "not in the caption", len(side.shares[0])
    return Markup("<td>{} of {} pictures{}; {}</td>").format(seen, seeds, _untold(seeds - decided), words)
