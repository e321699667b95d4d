"""The tokenization lesson's own views: chunks side by side, a word being assembled, heat maps, spelt words."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from engines.statistics import percent, plural
from engines.text import byte_pairs
from engines.text.byte_pairs import Merge
from engines.text.letter_counting import Answer
from engines.text.vocabularies import LIVE, WITH_ITS_MODEL, Span, Tokenized, VocabularyInfo
from lessons.shell import charts, views
from lessons.shell.charts import BLUE, CLAY, GREY, OK
from lessons.shell.prose import plain
from lessons.tokenization.cause import NAMES, SHORT, Asked, Repairs, score
from lessons.tokenization.chunks import Chunks
from lessons.tokenization.count import Control, Tally
from lessons.tokenization.look_alikes import Compared, Pair, names_of
from lessons.tokenization.measures import MAX_WORD, SPELLED, letters_of
from lessons.tokenization.merges import Growth
from lessons.tokenization.rates import LANGUAGES, Rate
from lessons.tokenization.spell import WAYS, Spellings, Spelt

CHIPS_SHOWN = 260
PRICED = ("cl100k", "o200k")
CONTROL = "<h3 class='tokenization-head'>The control: does its answer follow the truth?</h3>"

REPAIRS = "<h3 class='tokenization-head'>Three repairs on the same eighteen words</h3>"


# --- Chunks ------------------------------------------------------------------------------------


def rows(value: Chunks) -> str:
    """Notes in plain words; then one row a vocabulary: its name and size, the chunks, how many there are."""
    notes = views.join(views.notice(note) for note in value.notes)
    found = [_row(cut, value.ids_only) for cut in value.cuts]
    body = views.join([*found, *(_missing(info) for info in value.missing)])
    return str(Markup('{}<ul class="tokenization-rows">{}</ul>').format(notes, body))


def _row(cut: Tokenized, ids_only: bool) -> Markup:
    info, tokens = cut.vocabulary, len(cut.ids)
    rate = f"{cut.characters_per_token:.1f} characters each" if tokens else "nothing reached it"
    rewritten = (
        Markup('<p class="tokenization-note">It first {}.</p>').format(plain(info.rewrites)) if cut.rewritten else ""
    )
    return Markup(
        '<li class="tokenization-row"><div class="tokenization-name"><b>{}</b><small>{:,} entries</small></div>'
        '<div class="tokenization-cut" dir="ltr">{}{}</div>'
        '<div class="tokenization-count"><b>{}</b> {}<small>{}</small></div></li>'
    ).format(
        plain(info.name), info.size, spans(cut.spans, ids_only), rewritten, tokens,
        "token" if tokens == 1 else "tokens", rate,
    )  # fmt: skip


def _missing(info: VocabularyInfo) -> Markup:
    if info.key == LIVE:
        return Markup(
            '<li class="tokenization-row"><div class="tokenization-name"><b>{}</b><small>the live model</small></div>'
            '<div class="tokenization-cut"><p class="tokenization-note">This vocabulary {}</p></div>'
            '<div class="tokenization-count"></div></li>'
        ).format(plain(info.name), WITH_ITS_MODEL)
    size = "93 MB, with the live model" if info.key == "smollm2" else "1.5 MB, once"
    return Markup(
        '<li class="tokenization-row"><div class="tokenization-name"><b>{}</b><small>{:,} entries</small></div>'
        '<div class="tokenization-cut">'
        '<button type="button" class="button" data-fetch="{}">Fetch it ({})</button></div>'
        '<div class="tokenization-count"></div></li>'
    ).format(plain(info.name), info.size, info.key, size)


def spans(parts: Sequence[Span], ids_only: bool = False) -> Markup:
    """Chips with the id under each chunk; fragments of a character dashed, text that no token carries struck out."""
    chips = [_chip(part, ids_only) for part in parts[:CHIPS_SHOWN] if not (ids_only and part.token_id is None)]
    if len(parts) > CHIPS_SHOWN:
        chips.append(Markup('<span class="tokenization-note">… and {} more</span>').format(len(parts) - CHIPS_SHOWN))
    return Markup('<span class="tokens tokenization-chips" translate="no">{}</span>').format(views.join(chips))


def _chip(part: Span, ids_only: bool) -> Markup:
    length = part.end_byte - part.start_byte
    where = f"bytes {part.start_byte}–{part.end_byte - 1}" if length > 1 else f"byte {part.start_byte}"
    if part.token_id is None:
        return Markup(
            '<span class="token tokenization-lost" title="no token carries this, {}">'
            "<bdi>{}</bdi><small>no token</small></span>"
        ).format(where, chunk_text(part.text))
    if ids_only:
        return Markup('<span class="token" title="{}">{}</span>').format(where, part.token_id)
    kind = "" if part.whole else " tokenization-fragment"
    title = f"token {part.token_id}, {where}" + ("" if part.whole else ": part of a character")
    return Markup('<span class="token{}" title="{}"><bdi>{}</bdi><small>{}</small></span>').format(
        kind, title, chunk_text(part.text), part.token_id
    )


def chunk_text(text: str) -> Markup:
    """A chunk for reading: spaces as ␣, an accent without its letter on a dotted circle, hidden characters named."""
    if text and unicodedata.category(text[0]).startswith("M"):
        text = "◌" + text
    return views.spelled(text.replace("\u00a0", "⍽"))


def examples(pairs: Sequence[tuple[str, str]]) -> str:
    """Buttons that put a sample into the box; ``pairs`` are (label, text)."""
    buttons = views.join(
        Markup('<button type="button" class="tokenization-example" data-example="{}">{}</button>').format(
            n, plain(label)
        )
        for n, (label, _) in enumerate(pairs)
    )
    return str(
        Markup('<div class="tokenization-examples" role="group" aria-label="Examples to cut">{}</div>').format(buttons)
    )


# --- A word being assembled --------------------------------------------------------------------


def ladder(growth: Growth) -> str:
    """How the word was put together: one rung for every merge that changed it, then the newest entries."""
    inside, rungs = f" {growth.word}", []
    before: tuple[bytes, ...] = ()
    for learned in range(len(growth.known) + 1):
        chunks = byte_pairs.cut(inside, growth.known[:learned])
        if chunks != before:
            rungs.append(_rung(learned, growth.known[learned - 1] if learned else None, chunks))
            before = chunks
    newest = views.join(
        Markup('<li><b>{}</b> <span translate="no">{}</span> <small>seen {}</small></li>').format(
            n, _chip_of(merge.chunk), plural(merge.count, "time")
        )
        for n, merge in list(enumerate(growth.known, start=1))[-8:]
    )
    return str(
        Markup(
            '<div class="tokenization-growth"><div><h3>How “{}” is put together</h3>'
            '<ol class="tokenization-ladder">{}</ol></div>'
            '<div><h3>Newest entries of the vocabulary</h3><ol class="tokenization-newest">{}</ol></div></div>'
            "<h3>The text it learned from, cut with what it knows now</h3>"
            '<p class="tokens tokenization-diet" translate="no">{} …</p>'
        ).format(
            plain(growth.word),
            views.join(rungs),
            newest or Markup("<li>None yet: it knows the 256 bytes and nothing else.</li>"),
            views.join(_chip_of(chunk) for chunk in growth.opening),
        )
    )


def _rung(learned: int, merge: Merge | None, chunks: Sequence[bytes]) -> Markup:
    made = (
        Markup("merge {}: {} + {}").format(learned, chunk_text(_text(merge.left)), chunk_text(_text(merge.right)))
        if merge
        else Markup("at first")
    )
    chips = views.join(_chip_of(chunk) for chunk in chunks)
    return Markup('<li translate="no"><span class="tokens">{}</span> <small>{}</small></li>').format(chips, made)


def _chip_of(chunk: bytes) -> Markup:
    return Markup('<span class="token">{}</span>').format(chunk_text(_text(chunk)))


def _text(chunk: bytes) -> str:
    return chunk.decode("utf-8", "show-bytes")


# --- Rates -------------------------------------------------------------------------------------


def rates(found: Sequence[Rate]) -> str:
    """The table of characters a token, and what the same articles cost with GPT-4's vocabulary and its successor's."""
    return heat(found) + price(found)


def heat(found: Sequence[Rate]) -> str:
    """Characters a token, texts down and vocabularies across; the darker, the more text one token carries."""
    at = {(rate.kind, rate.key): rate.characters_per_token for rate in found}
    kinds, names = dict.fromkeys(rate.kind for rate in found), {rate.key: rate.vocabulary for rate in found}
    most = max(at.values())
    head = views.join(Markup('<th scope="col">{}</th>').format(plain(name)) for name in names.values())
    body = views.join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            plain(f"Declaration, {kind}" if kind in LANGUAGES else kind),
            views.join(
                Markup('<td style="--share:{:.0f}%">{:.1f}</td>').format(100 * at[kind, key] / most, at[kind, key])
                for key in names
            ),
        )
        for kind in kinds
    )
    return str(
        Markup(
            '<div class="tokenization-heat" tabindex="0" role="group" aria-label="Characters a token">'
            "<table><caption>Characters a token</caption><thead><tr><td></td>{}</tr></thead>"
            "<tbody>{}</tbody></table></div>"
        ).format(head, body)
    )


def price(found: Sequence[Rate]) -> str:
    """Tokens for the same articles against English, language by language, with intervals."""
    shown = [(rate.times_english, rate) for rate in found if rate.key in PRICED and rate.times_english]
    if not shown:
        return ""
    top = max(high for (_, _, high), _ in shown) * 1.02
    shown.sort(key=lambda pair: -pair[0][0])
    order = list(dict.fromkeys(rate.kind for _, rate in shown))
    shown.sort(key=lambda pair: (order.index(pair[1].kind), PRICED.index(pair[1].key)))
    bars = [
        views.Bar(
            label=Markup("{}<small>{}</small>").format(plain(rate.kind), plain(rate.vocabulary)),
            share=mean / top, text=f"× {mean:.1f}", low=low / top, high=high / top,
            ink="sculptor" if rate.key == PRICED[0] else "typewriter",
        )
        for (mean, low, high), rate in shown
    ]  # fmt: skip
    title = "Tokens for the same eight articles, English = 1"
    return str(Markup('<div class="tokenization-price"><h3>{}</h3>{}</div>').format(title, views.bars(bars)))


# --- Counting and spelling ---------------------------------------------------------------------


def tallies(found: Sequence[Tally]) -> str:
    """Accuracy bars, then for each spelling the chunks the model was given and the answers it gave.

    The spellings still to be asked have their places from the first, so that nothing moves when they come.
    """
    left = [name for spelling, name in SPELLED.items() if spelling not in {tally.spelling for tally in found}]
    accuracy = views.bars(
        [
            views.Bar(
                SPELLED[tally.spelling],
                tally.right.rate if tally.right.trials else 0.0,
                f"{tally.right.successes} of {tally.right.trials}",
                low=tally.right.low,
                high=tally.right.high,
            )
            for tally in found
        ]
        + [views.Bar(name, 0.0, "not asked") for name in left]
    )
    cards = views.join(
        [
            *map(_answers, found),
            *(Markup("<section><h3>{}</h3>Not asked yet.</section>").format(name.capitalize()) for name in left),
        ]
    )
    return str(
        Markup(
            '<h3 class="tokenization-head">Right answers, with 95 % intervals</h3>{}'
            '<div class="tokenization-cards">{}</div>'
        ).format(accuracy, cards)
    )


def _answers(tally: Tally) -> Markup:
    most = max((times for _, times in tally.histogram), default=1)
    bars = [
        views.Bar(
            "no number" if answer is None else f"“{answer}”",
            times / most,
            f"{times} ✓" if answer == tally.truth else str(times),
            chosen=answer == tally.truth,
        )
        for answer, times in tally.histogram
    ]
    if not any(answer == tally.truth for answer, _ in tally.histogram):
        bars.append(views.Bar(f"“{tally.truth}”", 0.0, "0 ✓", chosen=True))
    return Markup(
        '<section><h3>{}</h3><p class="tokenization-note">What the model gets:</p>{}'
        '<p class="tokenization-note">Its answers (✓ marks the truth):</p>{}</section>'
    ).format(SPELLED[tally.spelling].capitalize(), _chips(tally.seen), views.bars(bars))


def _chips(pieces: Sequence[str]) -> Markup:
    return Markup('<span class="tokens" translate="no">{}</span>').format(
        views.join(Markup('<span class="token">{}</span>').format(chunk_text(piece)) for piece in pieces)
    )


def controls(found: Sequence[Control]) -> str:
    """For each spelling: words that hold one, two, three of the letter, and what was said about them."""
    sections = views.join(
        Markup("<section><h3>{}</h3>{}</section>").format(
            SPELLED[one.spelling].capitalize(),
            views.join(_control_row(one, truth) for truth in sorted(set(one.truths))),
        )
        for one in found
    )
    return str(Markup('<div class="tokenization-cards tokenization-controls">{}</div>').format(sections))


def _control_row(one: Control, truth: int) -> Markup:
    said = one.said(truth)
    rows = views.join(
        _control_word(word, letter, answer, truth)
        for (word, letter), answer, true in zip(one.words, one.answers, one.truths, strict=True)
        if true == truth
    )
    return Markup(
        '<p class="tokenization-note">The letter stands there {}: right {} of {}</p>'
        '<ul class="tokenization-said">{}</ul>'
    ).format(plural(truth, "time"), said[truth], said.total(), rows)


def _control_word(word: str, letter: str, answer: int | None, truth: int) -> Markup:
    """“p in apple: 3”, every p of it marked."""
    marked = views.join(
        Markup("<mark>{}</mark>" if one == letter else "{}").format(plain(one)) for one in letters_of(word)
    )
    right = answer == truth
    return Markup(
        '<li class="{}" translate="no">{} in <bdi>{}</bdi>: <b>{}</b><span aria-label="{}">{}</span></li>'
    ).format(
        "right" if right else "wrong", plain(letter), marked, "no number" if answer is None else answer,
        "right" if right else "wrong", " ✓" if right else " ✗",
    )  # fmt: skip


def spelt(found: Sequence[Spellings]) -> str:
    """Each word as it was spelt, letter by letter, wrong letters marked; one column a way of giving it.

    What has not come yet keeps its place.
    """
    coming = [way for way in WAYS if way not in [one.given for one in found]]
    ways = [*(one.given for one in found), *coming]
    head = views.join(Markup('<th scope="col">Given {}</th>').format(SPELLED[way]) for way in ways)
    body = views.join(
        Markup('<tr translate="no"><th scope="row"><bdi>{}</bdi></th>{}{}</tr>').format(
            plain(words[0].word),
            views.join(Markup("<td>{}</td>").format(_letters(word)) for word in words),
            Markup("<td>…</td>") * len(coming),
        )
        for words in zip(*(one.words for one in found), strict=True)
    )
    share = views.bars(
        [
            views.Bar(
                SPELLED[one.given],
                one.share[0],
                percent(one.share[0]),
                low=max(one.share[1], 0.0),
                high=min(one.share[2], 1.0),
            )
            for one in found
        ]
        + [views.Bar(SPELLED[way], 0.0, "…") for way in coming]
    )
    return str(
        Markup(
            '<h3 class="tokenization-head">Letters right, mean over the words with 95 % interval</h3>{}'
            '<div class="tokenization-spelt" tabindex="0" role="group" aria-label="Words as the model spelt them">'
            "<table><thead><tr><th>Word</th>{}</tr></thead><tbody>{}</tbody></table></div>"
        ).format(share, head, body)
    )


def _letters(word: Spelt) -> Markup:
    if not word.answer:
        return Markup('<span class="tokenization-note">no letters</span>')
    wanted, written = letters_of(word.word), letters_of(word.answer)
    kinds = [(wrote == true, wrote) for wrote, true in itertools.zip_longest(written[:MAX_WORD], wanted) if wrote]
    letters = views.join(
        Markup('<span class="{}">{}</span>').format("ok" if right else "off", plain("".join(one for _, one in group)))
        for right, group in itertools.groupby(kinds, key=lambda kind: kind[0])
    )
    verdict = "✓" if word.exact else f"{word.letters_right} of {len(wanted)}"
    return Markup('<span class="tokenization-letters">{}</span> <small>{}</small>').format(letters, verdict)


# --- The cause ---------------------------------------------------------------------------------


LOOKS = {
    "letters": (OK, "circle", "solid"), "answers": (BLUE, "diamond", "dash"), "spelled": (CLAY, "square", "solid"),
    "chunks": (GREY, "x", "dash"), "blind": (GREY, "line-ew-open", "dot"),
}  # fmt: skip


def asked(value: Asked) -> str:
    """For each network what it reads, its answer, and how its certainty is spread over the counts."""
    cards = views.join(_network(NAMES[key], one, value.truth) for key, one in value.answers)
    return str(
        Markup(
            '<p class="tokenization-note" translate="no">{} in <bdi>{}</bdi>: really {}</p>'
            '<div class="tokenization-cards tokenization-networks">{}</div>'
        ).format(value.letter, value.word, value.truth, cards)
    )


def _network(name: str, answer: Answer, truth: int) -> Markup:
    shown = range(max(5, truth + 1, answer.count + 1))
    chances = dict(enumerate(answer.chances))
    bars = [
        views.Bar(
            f"“{one}”",
            chances.get(one, 0.0),
            f"{100 * chances.get(one, 0.0):.0f} %{' ✓' if one == truth else ''}",
            chosen=one == answer.count,
        )
        for one in shown
    ]
    return Markup(
        '<section><h3>{}</h3><p class="tokenization-note">It reads:</p>{}'
        '<p class="tokenization-note">It answers {} {}; how sure it is (✓ marks the truth):</p>{}</section>'
    ).format(
        name[0].upper() + name[1:], _chips(answer.seen), answer.count,
        "✓" if answer.count == truth else "✗", views.bars(bars),
    )  # fmt: skip


def cause_chart(value: Asked) -> Any:
    """The share right on words never seen by their length, with 95 % intervals: every network and a blind guess."""
    figure = charts.figure(x="letters in the word", y="right, words never seen", height=380)
    lengths = list(value.record["questions"])
    for key, (colour, symbol, dash) in LOOKS.items():
        row = value.record["blind"] if key == "blind" else value.record["networks"].get(key)
        if row is None:
            continue
        rates = [score(row[name]) for name in lengths]
        figure.add_scatter(
            x=lengths, y=[round(one.rate, 4) for one in rates], name=SHORT[key], mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2},
            marker={"color": colour, "symbol": symbol, "size": 10, "line": {"width": 2, "color": colour}},
            error_y={
                "type": "data", "symmetric": False, "color": colour,
                "array": [round(one.high - one.rate, 4) for one in rates],
                "arrayminus": [round(one.rate - one.low, 4) for one in rates],
            },
        )  # fmt: skip
    figure.update_layout(scattermode="group", yaxis={"tickformat": ".0%", "range": [-0.02, 1.04]})
    figure.update_xaxes(type="category")
    return figure


def repairs(value: Repairs) -> str:
    """The share right of each reader on the same words, with its interval, and what one answer for all would get."""
    bars = [
        views.Bar(
            one.name, right.rate, f"{right.successes} of {right.trials}", low=right.low, high=right.high,
            ink="typewriter" if one.kind == "live" else "sculptor",
        )
        for one, right in ((one, value.right(one)) for one in value.readers)
    ]  # fmt: skip
    of = len(value.words)
    bars.append(views.Bar("one answer for all", value.one_answer / of, f"{value.one_answer} of {of}"))
    return str(Markup('<div class="tokenization-repairs">{}</div>').format(views.bars(bars)))


# --- Look-alikes -------------------------------------------------------------------------------


def why(pair: Pair) -> str:
    """What sets a pair apart."""
    return str(views.notice(pair.why))


def pairs(value: Compared) -> str:
    """Both strings with their characters by name, then both cuts for each vocabulary."""
    sides = views.join(
        Markup(
            '<section translate="no"><p class="tokenization-big"><bdi>{}</bdi></p>'
            '<ol class="tokenization-codes">{}</ol></section>'
        ).format(text, views.join(Markup("<li>{}</li>").format(name) for name in names_of(text)[:24]))
        for text in (value.left, value.right)
    )
    body = views.join(
        Markup(
            '<li class="tokenization-row tokenization-pair">'
            '<div class="tokenization-name"><b>{}</b><small>{}</small></div>'
            '<div class="tokenization-cut" dir="ltr">{}</div><div class="tokenization-cut" dir="ltr">{}</div></li>'
        ).format(
            plain(a.vocabulary.name),
            "= the same ids" if a.ids == b.ids else "≠ different ids",
            spans(a.spans),
            spans(b.spans),
        )
        for a, b in value.cuts
    )
    return str(
        Markup(
            '<div class="tokenization-cards tokenization-sides">{}</div><ul class="tokenization-rows">{}</ul>'
        ).format(sides, body)
    )
