"""How signs are shown: each with what was read on it, the painters side by side, and the recorded table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from engines.evidence import Evidence
from engines.signs import lab as sign_lab
from engines.signs import measures as sign_measures
from engines.statistics import interval, mean_interval, percent, plural
from lessons.lettering import causes, ceiling, own
from lessons.lettering.signs import Glimpse, Painted, Signs, seen_words
from lessons.shell.film import data_uri
from lessons.shell.prose import attribute, legible, plain
from lessons.shell.views import Bar, bars, join

BRIEF = {"sloppy": "a · sloppy", "spelled": "b · spelled", "characters": "c · letters", "boxes": "d · layout"}
SHORT = {"sloppy": "a", "spelled": "b", "characters": "c", "boxes": "d"}


def said(spelling: sign_measures.Spelling) -> str:
    """What the reader made of a sign, in words."""
    if spelling.exact:
        return f"✓ {spelling.text}"
    off = f"{spelling.errors} letter{'' if spelling.errors == 1 else 's'} off"
    return f"“{legible(spelling.text[:14], spelling.word)}”, {off}" if spelling.text else f"nothing legible, {off}"


def sign(picture: np.ndarray, alt: str, caption: str, kind: str = "") -> Markup:
    return Markup(
        '<figure class="lettering-sign {}"><img src="{}" alt="{}" width="208" height="32">'
        "<figcaption>{}</figcaption></figure>"
    ).format(kind, data_uri(picture), attribute(alt), plain(caption))


def _painted(one: Painted, row: int, caption: str = "") -> Markup:
    spelling = one.spellings[row]
    return sign(
        one.pictures[row],
        f"{one.cause.name}, seed {one.seed(row)}: asked for {spelling.word}, read as {spelling.text or 'nothing'}",
        caption or said(spelling),
        "hit" if spelling.exact else "miss",
    )


# --- 1 ----------------------------------------------------------------------------------------------------


def signs(value: Signs, underway: Glimpse | None = None) -> str:
    """The word's standing, then a row of signs for each painter, the one at work last."""
    standing = Markup('<p class="lettering-standing {}"><b>{}</b> {}</p>').format(
        "seen" if value.seen else "new", value.word, seen_words(value)
    )
    rows = []
    for one, pieces, unmet in zip(value.painted, value.pieces, value.unmet, strict=True):
        captions = [f"seed {one.seed(row)}: {said(spelling)}" for row, spelling in enumerate(one.spellings)]
        shots = [_painted(one, row, caption) for row, caption in enumerate(captions)]
        rows.append(_row(one.cause, f"{one.tally} exact", pieces, shots, unmet))
    return str(standing + join(rows) + (glimpse(underway) if underway else ""))


def as_painted(painting: Iterator[Any], word: str, place: Any) -> Iterator[Any]:
    """The run with every painter's signs shown in ``place`` while they appear."""
    word = sign_lab.check_word(word)
    value = Signs(word, sign_lab.is_seen(word), (), (), ())
    for event in painting:
        if isinstance(event, Glimpse):
            yield {place: signs(value, event)}
            continue
        value = event.value if isinstance(event, Evidence) else value
        yield event


def glimpse(one: Glimpse) -> Markup:
    """The signs as one painter guesses them in one pass."""
    shots = [sign(picture, f"{one.cause.name}, guess in pass {one.index + 1}", "…") for picture in one.pictures]
    return _row(one.cause, f"pass {one.index + 1} of {one.passes}", (), shots)


def _row(
    cause: sign_lab.Cause,
    note: str,
    pieces: Sequence[str],
    shots: Sequence[Markup],
    unmet: Sequence[bool] | None = None,
) -> Markup:
    strange = unmet or [False] * len(pieces)
    chips = join(
        Markup('<i class="{}">{}</i>').format("unmet" if new else "", plain(piece))
        for piece, new in zip(pieces, strange, strict=True)
    )
    gets = Markup('<span class="lettering-pieces">Its encoder gets {}</span>').format(chips) if pieces else ""
    if any(strange):
        gets += Markup(" <small>(dashed: in no training caption)</small>")
    return Markup(
        '<section class="lettering-painter"><p class="lettering-head"><b>{}</b> {} <small>{}</small></p>'
        "<p>{} {}</p>"
        '<div class="lettering-signs" role="group" aria-label="{}">{}</div></section>'
    ).format(SHORT[cause.key], cause.name, note, cause.description, gets, attribute(cause.name), join(shots))


# --- 2 ----------------------------------------------------------------------------------------------------


def side_by_side(value: causes.Run) -> str:
    """One row a word, one column a painter: the first seed's sign, and how many seeds were read exactly."""
    head = join(
        Markup('<th scope="col"><b>{}</b> {}</th>').format(SHORT[one.cause.key], one.cause.name)
        for one in value.painted
    )
    rows = []
    for number, word in enumerate(value.words):
        cells = []
        for one in value.painted:
            first, count = number * len(one.seeds), len(one.seeds)
            right = sum(spelling.exact for spelling in one.spellings[first : first + count])
            caption = f"{said(one.spellings[first])} · {right} of {plural(count, 'seed')}"
            cells.append(Markup("<td>{}</td>").format(_painted(one, first, caption)))
        rows.append(Markup('<tr><th scope="row">{}</th>{}</tr>').format(word, join(cells)))
    shares = [
        Bar(
            BRIEF[one.cause.key], one.exact.rate, one.tally, low=one.exact.low,
            high=one.exact.high, ink="sculptor",
        )
        for one in value.painted
    ]  # fmt: skip
    caption = f"{causes.LISTS[value.kind].capitalize()}, {_letters(value.length)}: each painter’s first seed"
    return str(
        Markup(
            '<p class="lettering-head">Read exactly</p>{}{}<p class="lettering-caption">{}</p>'
            '<div class="lettering-table" tabindex="0" role="group" aria-label="Signs by word and painter"><table>'
            "<thead><tr><td></td>{}</tr></thead><tbody>{}</tbody></table></div>"
        ).format(bars(shares), _effects(value), caption, head, join(rows))
    )


def _effects(value: causes.Run) -> Markup:
    effects = [
        Bar(BRIEF[one.cause.key], effect, percent(effect), ink="sculptor")
        for one in value.painted
        if (effect := one.word_effect) is not None
    ]
    if not effects:
        return Markup("")
    return Markup(
        '<p class="lettering-head">How much the word changes the lettering <small>printed signs: 100 %</small></p>{}'
    ).format(bars(effects))


def _letters(count: int) -> str:
    return f"{count} letter{'' if count == 1 else 's'}"


def record(value: causes.Recorded, kind: str = "", length: int = 0) -> str:
    """The recorded table as buttons that rerun a cell; the cell last rerun is outlined."""
    return str(join(_list(value, one, kind, length) for one in causes.LISTS))


def _list(value: causes.Recorded, listed: str, kind: str, length: int) -> Markup:
    head = join(Markup('<th scope="col">{}</th>').format(n) for n in value.lengths)
    rows = join(
        Markup('<tr><th scope="row"><b>{}</b> {}</th>{}{}</tr>').format(
            SHORT[key], cause.name,
            join(_cell(value.cell(key, listed, n), (kind, length) == (listed, n)) for n in value.lengths),
            _total(value.cell(key, listed)),
        )
        for key, cause in sign_lab.CAUSES.items()
    )  # fmt: skip
    printed = [value.ceilings.get(n) for n in (*value.lengths, None)]
    ceiling = join(Markup("<td>{}</td>").format(percent(one.rate) if one else "–") for one in printed)
    return Markup(
        '<p class="lettering-caption">Recorded, {0}, by number of letters: share read exactly and, small, character '
        "errors for each letter. Press a cell to rerun it above.</p>"
        '<div class="lettering-table lettering-record" tabindex="0" role="group" aria-label="Recorded: {0}">'
        '<table><thead><tr><td></td>{1}<th scope="col">all</th></tr></thead><tbody>{2}</tbody>'
        '<tfoot><tr><th scope="row">the ceiling: printed signs</th>{3}</tr></tfoot></table></div>'
    ).format(causes.LISTS[listed], head, rows, ceiling)


def _cell(cell: causes.Cell | None, chosen: bool) -> Markup:
    if cell is None:
        return Markup("<td>–</td>")
    return Markup(
        '<td><button type="button" class="{}" data-list="{}" data-length="{}" style="--share:{:.0f}%" '
        'aria-label="{}">{}<small>{:.2f}</small></button></td>'
    ).format(
        "chosen" if chosen else "", cell.kind, cell.length, 100 * cell.exact.rate,
        f"{sign_lab.CAUSES[cell.cause].name}, {causes.LISTS[cell.kind]}, {_letters(cell.length or 0)}: {cell.exact} "
        f"exact, {cell.error_rate:.2f} character errors a letter. Rerun.",
        percent(cell.exact.rate), cell.error_rate,
    )  # fmt: skip


def _total(cell: causes.Cell | None) -> Markup:
    if cell is None:
        return Markup("<td>–</td>")
    return Markup('<td class="total">{} <small>{}</small><small>{:.2f}</small></td>').format(
        percent(cell.exact.rate), interval(cell.exact.low, cell.exact.high), cell.error_rate
    )


RERUN = """
const stage = element.closest('.stage'), status = stage?.querySelector('.status');
let under = false;  // whether the notice of the pressed cell's run has been there
const rest = () => element.querySelectorAll('[aria-busy]').forEach((cell) => cell.removeAttribute('aria-busy'));
if (status) new MutationObserver(() => {
  const waits = status.querySelector('.notice-wait') !== null;
  const refused = !waits && status.querySelector('.notice') !== null;
  if (under && !waits || refused) rest();  // finished, stopped or refused
  under = waits;
}).observe(status, { childList: true, subtree: true });
element.addEventListener('click', (event) => {
  const cell = event.target.closest('button[data-list]');
  if (!cell) return;
  rest();
  under = false;
  cell.setAttribute('aria-busy', 'true');
  const behavior = matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth';
  stage?.querySelector('.reel')?.scrollIntoView({ behavior, block: 'center' });
  trigger('select', { list: cell.dataset.list, length: Number(cell.dataset.length) });
});
"""


# --- 3 ----------------------------------------------------------------------------------------------------

SHOWN = 6
"""Pairs whose first signs are shown as pictures; the table has them all."""


def own_signs(value: own.Own) -> str:
    """Read exactly, letters in error and nearness to known words as bars; then pairs of signs side by side."""
    lists = ((True, "on its signs"), (False, "on no sign"))
    exact = [(words, value.exact(seen=seen)) for seen, words in lists]
    wrong = [(words, value.errors(seen=seen)) for seen, words in lists]
    most = max(1.0, *(between[1] if between else rate for _, (rate, between) in wrong))
    shares = bars([
        Bar(
            words, share.rate, f"{share.successes} of {share.trials}", low=share.low, high=share.high, ink="sculptor"
        )
        for words, share in exact
    ])  # fmt: skip
    errors = bars([
        Bar(
            words, rate / most, f"{rate:.2f}", low=between[0] / most if between else None,
            high=between[1] / most if between else None, ink="sculptor",
        )
        for words, (rate, between) in wrong
    ])  # fmt: skip
    kinds, total = value.kinds(), sum(value.kinds())
    chance = f" (by chance {percent(value.near()[1].mean())})"
    shown = bars([
        Bar(
            name.capitalize() + (chance if kind == own.KNOWN else ""), count / total, f"{count} of {total}",
            chosen=count == max(kinds), ink="sculptor",
        )
        for kind, (name, count) in enumerate(zip(own.KINDS, kinds, strict=True))
    ])  # fmt: skip
    gaps = [(words, mean_interval(one)) for words, one in zip(("what is read", "by chance"), value.gaps(), strict=True)]
    longest = max([1.0, *(high if math.isfinite(high) else mean for _, (mean, _, high) in gaps if mean == mean)])
    near = bars([
        Bar(
            words, mean / longest, f"{mean:.1f}", low=max(low, 0) / longest if math.isfinite(low) else None,
            high=high / longest if math.isfinite(high) else None, ink="sculptor",
        )
        for words, (mean, low, high) in gaps
        if mean == mean
    ])  # fmt: skip
    pairs = join(_own_pair(pair) for pair in value.pairs[:SHOWN])
    return str(
        Markup(
            '<p class="lettering-standing"><b>{on_signs}</b> words stood on {signs:,} training signs (listed in '
            "<code>engines/stickers/scenes.py</code>, counted in <code>models/sticker-world/statistics.json</code>); "
            "<b>{kept}</b> were kept from them (<code>engines/stickers/held_out.yaml</code>).</p>"
            '<p class="lettering-head">Read exactly</p>{shares}'
            '<p class="lettering-head">Letters in error for each letter asked</p>{errors}'
            '<p class="lettering-head">What the signs for words on no sign show</p>{shown}'
            '<p class="lettering-head">Letters from there to the nearest word of its signs</p>{near}'
            '<p class="lettering-caption">The same noise, a word on no sign (left) and one of its own of the same '
            'length (right)</p><div class="lettering-own">{pairs}</div>'
        ).format(
            on_signs=value.on_signs, signs=value.signs, kept=len(own.listed()[1]), shares=shares, errors=errors,
            shown=shown, near=near, pairs=pairs,
        )
    )  # fmt: skip


def _own_pair(pair: own.Pair) -> Markup:
    return Markup("<div>{}{}</div>").format(_own_sign(pair.new), _own_sign(pair.seen))


def _own_sign(one: own.Sign) -> Markup:
    spelling = one.spellings[0]
    return Markup(
        '<figure class="lettering-sign lettering-square {}"><img src="{}" alt="{}" width="128" height="128">'
        "<figcaption><b>{}</b> {}</figcaption></figure>"
    ).format(
        "hit" if spelling.exact else "miss", data_uri(one.pictures[0]),
        attribute(f"A sign that should read {one.word}, read as {spelling.text or 'nothing'}"), one.word,
        said(spelling),
    )  # fmt: skip


# --- 4 ----------------------------------------------------------------------------------------------------


def trips(value: ceiling.Ceiling) -> str:
    """Shares before and after by length, and one sign of each length, a misread one where there is one."""
    rows, pairs = [], []
    for trip in value.trips:
        before, after = sign_measures.exact_rate(trip.before), sign_measures.exact_rate(trip.after)
        rows.append(
            Bar(
                _letters(trip.length), after.rate,
                f"{before.successes} → {after.successes} of {after.trials}", low=after.low, high=after.high,
                ink="sculptor",
            )
        )  # fmt: skip
        at = next((i for i, one in enumerate(trip.after) if not one.exact), 0)
        pairs.append(
            Markup('<div class="lettering-pair">{}{}</div>').format(
                sign(trip.printed[at], f"{trip.before[at].word}, printed", f"printed: {said(trip.before[at])}"),
                sign(
                    trip.restored[at], f"{trip.after[at].word}, after the autoencoder",
                    f"after: {said(trip.after[at])}", "hit" if trip.after[at].exact else "miss",
                ),
            )
        )  # fmt: skip
    title = Markup('<p class="lettering-head">Read exactly: printed → after the autoencoder</p>')
    return str(title + bars(rows) + Markup('<div class="lettering-pairs">{}</div>').format(join(pairs)))
