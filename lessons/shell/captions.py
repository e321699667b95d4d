"""Captions: what the bundled painter knows, the words it never met, and what of a caption is never read.

:func:`lessons.shell.controls.caption` puts a caption on a page; the chips of what the painter knows stand once on a
page (:func:`panel`) and open under the caption whose button was pressed; see ``playground.js``.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Sequence
from functools import cache
from typing import Any

from markupsafe import Markup

from engines.evidence import PlainError
from engines.stickers import diet
from engines.stickers.world import COLOURS, OBJECTS, SCENIC, SINGULAR
from lessons.shell import views, waking
from lessons.shell.prose import attribute, plain

EXAMPLE = "an owl under a night sky"
BUTTON = '<button type="button" class="link" popovertarget="known-words" data-action="known">Words it knows</button>'
SHOWN = 3
"""How many words a note names before it counts the rest."""
_names: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


def need(box: Any, name: str) -> None:
    """From now on a run refuses an empty ``box``, called ``name`` on the page; see :func:`check`."""
    _names[box] = name


def check(inputs: Sequence[Any], values: Sequence[Any]) -> None:
    """PlainError for the first caption among a run's ``inputs`` that is needed and empty."""
    for box, value in zip(inputs, values, strict=True):
        if box in _names and not str(value or "").strip():
            raise PlainError(f"“{_names[box]}” is empty. Write what to paint, such as “{EXAMPLE}”.")


def unmet(caption: str) -> tuple[str, ...]:
    """The words that none of the painter's training captions used; nothing where another painter is live."""
    return diet.unknown_words(caption) if waking.sticker_world_is_live() else ()


def unread(caption: str) -> tuple[str, ...]:
    """The words of a caption for which the painter has no room, as far as a painter in memory can tell."""
    painter = waking.painter_in_memory()
    try:
        return painter.unread(caption) if painter else ()
    except PlainError:
        return ()


def note(caption: str) -> str:
    """What to know of a caption while it is typed: the words never met and the words never read. HTML."""
    never_met, no_room = unmet(caption), unread(caption)
    said = [f"It never met {_listed(never_met)} in training."] if never_met else []
    said += [f"It has no room to read {_listed(no_room)}."] if no_room else []
    return str(
        Markup('<p class="caption-note">{}<span role="status">{}</span></p>').format(
            Markup(BUTTON) if waking.sticker_world_is_live() else "", plain(" ".join(said))
        )
    )


def never_read(inputs: Sequence[Any], values: Sequence[Any]) -> str:
    """A notice after a run whose captions were longer than the painter can read; "" else. HTML."""
    words = [word for box, value in zip(inputs, values, strict=True) if box in _names for word in unread(str(value))]
    return str(views.notice(f"The painter had no room to read {_listed(words)}.")) if words else ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:59] + "…"


def _listed(words: Sequence[str]) -> str:
    named = [f"“{_short(word)}”" for word in words[:SHOWN]]
    if len(words) > SHOWN:
        named.append(f"{len(words) - SHOWN} more")
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} or {named[-1]}"


def panel() -> str:
    """The chips of what the bundled painter knows; "" where another painter is live. HTML."""
    return _panel() if waking.sticker_world_is_live() else ""


@cache
def _panel() -> str:
    plain_grounds = [(colour, f"on {_article(colour)} background") for colour in COLOURS]
    scenes = [(phrases[0], phrases[0]) for phrases in SCENIC.values()]
    phrases = [phrase for phrases in SCENIC.values() for phrase in phrases] + [ground for _, ground in plain_grounds]
    return str(
        Markup(
            '<div id="known-words" popover class="known-words" role="dialog" aria-label="Words the painter knows" '
            'data-grounds="{grounds}"><h3>Fifty things</h3><div class="known">{things}</div><h3>Scenes</h3>'
            '<div class="known">{scenes}</div><h3>Plain backgrounds</h3><div class="known">{plains}</div>'
            "<p>Up to four of a thing: “three apples”. Two things: “a lemon to the left of a cat”. Some things in a "
            "colour: “a red balloon”. Signs: “a sign that says OPEN”.</p></div>"
        ).format(
            grounds=attribute(json.dumps(phrases)),
            things=_chips("thing", [(name, _article(SINGULAR.get(name, name))) for name in OBJECTS]),
            scenes=_chips("ground", scenes),
            plains=_chips("ground", plain_grounds),
        )
    )


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _chips(kind: str, chips: Sequence[tuple[str, str]]) -> Markup:
    return views.join(
        Markup('<button type="button" data-action="known-word" data-kind="{}" data-words="{}">{}</button>').format(
            kind, attribute(words), plain(label)
        )
        for label, words in chips
    )
