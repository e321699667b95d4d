"""Small HTML views. Every function returns safe markup; whatever a learner or a model wrote is escaped."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from lessons.shell.prose import attribute, inline, plain

BADGES = {
    "live": "computed for you just now",
    "recorded": "measured earlier by the recipe named here",
    "cited": "taken from the source named here",
    "illustrative": "drawn to explain, not measured",
}


NOT_RUN = "Run the experiment; its result appears here with its settings."


def join(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def evidence(result: Evidence, name: str = "result") -> Markup:
    """What stands under every figure: findings, provenance, and drawers with table, code and download."""
    return Markup('<div class="evidence">{}{}</div>').format(provenance_line(result, name), findings(result.findings))


def provenance_line(result: Evidence, name: str) -> Markup:
    source = result.provenance
    drawers = [drawer("Table", table(result.table, result.alt))]
    if result.snippet:
        drawers.append(drawer("Show the code", code(printed(result.snippet))))
    compact = json.dumps(result.as_json(), ensure_ascii=False, separators=(",", ":"))
    payload = base64.b64encode(compact.encode()).decode()
    return Markup(
        '<div class="provenance"><span class="badge badge-{badge}" title="{meaning}">{badge}</span>'
        '<span class="settings">{settings}</span>{drawers}'
        '<button type="button" class="link" data-action="download" data-name="{name}" data-payload="{payload}">'
        "Download</button></div>"
        '<p class="alt">{alt}</p>'
    ).format(
        badge=source.badge,
        meaning=BADGES[source.badge],
        settings=settings(source),
        drawers=join(drawers),
        name=name,
        payload=payload,
        alt=plain(result.alt),
    )


def settings(source: Provenance) -> Markup:
    revisions = ", ".join(one[:8] for one in source.revision.split(", "))
    parts = [source.model + (f"@{revisions}" if revisions else "")]
    if source.seed is not None:
        parts.append(f"seed {source.seed}")
    parts += [f"{key.replace('_', ' ')} {_short(value)}" for key, value in source.settings.items()]
    if source.seconds is not None:
        parts.append(f"{source.seconds:.1f} s")
    return Markup(" · ").join(plain(part) for part in parts)


def _short(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 48 else text[:47] + "…"


def drawer(title: str, body: Markup) -> Markup:
    return Markup('<details class="drawer"><summary>{}</summary>{}</details>').format(title, body)


def printed(source: str) -> str:
    """The code as it is shown: a ``result`` that would stay unseen is printed."""
    unseen = re.search(r"^result\b", source, re.MULTILINE) and "print(" not in source and ".save(" not in source
    return f"{source.rstrip()}\nprint(result)\n" if unseen else source


def code(source: str) -> Markup:
    return Markup(
        '<div class="code"><button type="button" class="link" data-action="copy">Copy</button>'
        '<pre tabindex="0" translate="no"><code>{}</code></pre></div>'
    ).format(source)


def table(data: Table, caption: str = "") -> Markup:
    """An HTML table with a caption for screen readers; numbers right-aligned."""
    head = join(Markup('<th scope="col">{}</th>').format(plain(column)) for column in data.columns)
    rows = join(Markup("<tr>{}</tr>").format(join(_cell(value) for value in row)) for row in data.rows)
    return Markup(
        '<div class="table" tabindex="0" role="group" aria-label="Data table"><table>'
        '<caption class="sr-only">{}</caption><thead><tr>{}</tr></thead><tbody translate="no">{}</tbody></table></div>'
    ).format(plain(caption), head, rows)


def _cell(value: str | int | float | None) -> Markup:
    if value is None:
        return Markup("<td>–</td>")
    if isinstance(value, float):
        return Markup('<td class="number">{}</td>').format(f"{value:.4g}")
    if isinstance(value, int):
        return Markup('<td class="number">{}</td>').format(f"{value:,}")
    return Markup("<td>{}</td>").format(plain(value))


def findings(cards: Sequence[Finding]) -> Markup:
    """The "what to notice" cards: measured headlines."""
    if not cards:
        return Markup("")
    return Markup('<ul class="findings" aria-label="What to notice">{}</ul>').format(
        join(
            Markup("<li><b>{}</b><span>{}</span></li>").format(plain(card.headline), plain(card.text)) for card in cards
        )
    )


@dataclass(frozen=True)
class Bar:
    """One bar: ``share`` in [0, 1] is its length, ``text`` the number shown; ``low``/``high`` an interval.

    ``chosen`` outlines it, ``cut`` hatches it, ``action`` is extra markup at its end (a button, say).
    """

    label: Markup | str
    share: float
    text: str
    chosen: bool = False
    cut: bool = False
    low: float | None = None
    high: float | None = None
    ink: str = "typewriter"
    action: Markup = Markup("")


def bars(rows: Sequence[Bar]) -> Markup:
    """Horizontal bars; each row carries its label, its value in words and its state in words."""
    return Markup('<ul class="bars">{}</ul>').format(join(_bar(row) for row in rows))


def _bar(row: Bar) -> Markup:
    states = [state for state, on in (("hit", row.chosen), ("cut", row.cut)) if on]
    whisker = Markup("")
    if row.low is not None and row.high is not None:
        whisker = Markup('<i class="whisker" style="left:{:.1f}%;width:{:.1f}%"></i>').format(
            row.low * 100, max(row.high - row.low, 0) * 100
        )
    return Markup(
        '<li class="bar-row {states} ink-{ink}"><span class="bar-label">{label}</span>'
        '<span class="bar-track"><i class="bar" style="width:{width:.2f}%"></i>{whisker}</span>'
        '<span class="bar-value">{text}</span>{action}</li>'
    ).format(
        states=" ".join(states),
        ink=row.ink,
        label=row.label if isinstance(row.label, Markup) else plain(row.label),
        width=min(max(row.share, 0.0), 1.0) * 100,
        whisker=whisker,
        text=plain(row.text),
        action=row.action,
    )


@dataclass(frozen=True)
class Clock:
    """One machine's own working time: ``share`` in [0, 1] of its passes are done; ``note`` says what they were."""

    ink: str
    name: str
    seconds: float
    share: float
    note: str


def clock_row(*machines: Clock) -> Markup:
    """Machines at work beside each other, each with its time and how far it is."""
    parts = (
        Markup(
            '<section class="ink-{}"><h3>{}</h3><p>{:.1f} s · {}</p><div class="meter" role="img" '
            'aria-label="{:.0f} % of its passes done"><i style="width:{:.1f}%"></i></div></section>'
        ).format(one.ink, one.name, one.seconds, one.note, 100 * one.share, 100 * one.share)
        for one in machines
    )
    return Markup('<div class="clocks">{}</div>').format(join(parts))


def chips(
    pieces: Sequence[str], *, titles: Sequence[str] | None = None, numbers: Sequence[int] | None = None
) -> Markup:
    """Token chips in reading order: visible spaces, escaped text, an id under each when ``numbers`` is given."""
    out = []
    for index, piece in enumerate(pieces):
        label = spelled(piece)
        title = titles[index] if titles else ""
        under = Markup("<small>{}</small>").format(numbers[index]) if numbers else Markup("")
        out.append(Markup('<span class="token" title="{}">{}{}</span>').format(attribute(title), label, under))
    return Markup('<span class="tokens" translate="no">{}</span>').format(join(out))


def visible(piece: str) -> Markup:
    """A token's text as :func:`spelled` shows it; no browser translates it."""
    return Markup('<span translate="no">{}</span>').format(spelled(piece))


def spelled(piece: str) -> Markup:
    """A token's text with spaces as ␣, line ends as ⏎ and tabs as ⇥, escaped; for a place with ``translate="no"``."""
    return plain(piece.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")) or Markup("∅")


def notice(text: str, kind: str = "info") -> Markup:
    """A message in the page's flow. ``kind``: info, wait or error."""
    role = "alert" if kind == "error" else "status"
    return Markup('<div class="notice notice-{}" role="{}">{}</div>').format(kind, role, plain(text))


def underway(event: Underway) -> str:
    """How far a run is, as a notice."""
    return str(notice(f"{event.words} ({event.share:.0%})".replace("%)", " %)"), "wait"))


UNSCORED = "Your guess is set against the measurement here, once it is made."


NOT_ASKED = "This run does not measure what the question asks, so it does not score your guess."


def unscored(words: str = UNSCORED) -> Markup:
    """What stands in a verdict's place before there is one, or where there can be none."""
    return Markup('<p class="verdict verdict-none">{}</p>').format(plain(words))


def empty(text: str) -> Markup:
    """What a view shows before its first run."""
    return Markup('<div class="empty">{}</div>').format(inline(text))
