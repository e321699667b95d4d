"""Markdown to HTML, with glossary terms the learner can open in place."""

from __future__ import annotations

import itertools
import re
import unicodedata
from functools import cache

from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from lessons.shell.content import read_glossary, read_lesson

TERM = re.compile(r"\[\[([^\]|]+)(?:\|([a-z0-9-]+))?\]\]")
MARKED = re.compile("\x02(.*?)\x03(.*?)\x04([^\\s<&]*)")
markdown = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(["table", "strikethrough"])


def prose(text: str, where: str, here: str = "") -> Markup:
    """HTML of trusted lesson markdown. ``[[logit]]`` or ``[[the logits|logit]]`` opens a glossary entry.

    ``where`` makes the entries' element ids unique on the page; to the lesson ``here`` none of them leads. Unknown
    terms raise KeyError.
    """
    notes: dict[str, Markup] = {}

    def term(match: re.Match[str]) -> str:
        shown, key = match[1], _key(match)
        entry = read_glossary()[key]
        name = f"{where}-{key}"
        name += f"-{len(notes)}" if name in notes else ""
        notes[name] = Markup('<span popover id="term-{}" class="term-note"><b>{}</b> {}{}</span>').format(
            name, entry.term, entry.meaning, explained_in(key, here)
        )
        return f"\x02{name}\x03{shown}\x04"

    html = MARKED.sub(_button, markdown.render(TERM.sub(term, text)))
    return Markup(html) + Markup("").join(notes.values())


def printed(text: str) -> Markup:
    """HTML of trusted lesson markdown for paper: a glossary term is a word like any other."""
    return Markup(markdown.render(TERM.sub(r"\1", text)))


def explained_in(key: str, here: str = "") -> Markup:
    """Where the glossary entry ``key`` is explained: links to the lessons, ``here`` apart, each at its first screen
    that opens the entry, or where only “Deeper” does, at the word there.
    """
    links = [
        Markup('<a href="{}{}">{}</a>').format(lesson, _screen(lesson, key), inline(read_lesson(lesson).tab))
        for lesson in read_glossary()[key].lessons
        if lesson != here
    ]
    if not links:
        return Markup("")
    return Markup(' <span class="explained">Explained in {}.</span>').format(Markup(", ").join(links))


def _screen(lesson: str, key: str) -> str:
    sections = read_lesson(lesson).sections
    shown = (f"#{lesson}-{one.key}" for one in sections if key in _opened(one.prose))
    folded = (f"#{lesson}-{one.key}-deeper-{key}" for one in sections if key in _opened(one.deeper))
    return next(itertools.chain(shown, folded), "")


@cache
def _opened(text: str) -> frozenset[str]:
    """The glossary entries that words of a lesson open."""
    return frozenset(map(_key, TERM.finditer(text)))


def _key(term: re.Match[str]) -> str:
    """The glossary's key of a term in lesson markdown."""
    return term[2] or term[1].lower().replace(" ", "-")


def _button(marked: re.Match[str]) -> str:
    """The button that opens an entry; a line may end after a button, so what belongs to its word is held fast."""
    name, shown, rest = marked.groups()
    button = f'<button type="button" class="term" id="{name}" popovertarget="term-{name}">{shown}</button>'
    return f'<span class="term-held">{button}{rest}</span>' if rest else button


def inline(text: str) -> Markup:
    """One line of trusted markdown, without a paragraph around it."""
    return Markup(markdown.renderInline(text))


def plain(text: object) -> Markup:
    """Untrusted text, escaped, with control and direction-changing characters made visible."""
    return Markup(INVISIBLE.sub(_reveal, str(escape(str(text)))))


def attribute(text: object) -> str:
    """Untrusted text for an HTML attribute, to be escaped by ``Markup.format``: no markup, nothing invisible."""
    return INVISIBLE.sub(lambda match: f"‹U+{ord(match[0]):04X}›", str(text))


def legible(read: str, asked: str = "") -> str:
    """What an optical reader made of a word, still to be escaped: a character that is not Latin by its name.

    The reader knows thousands of Chinese characters too, sees one of them now and then, and a page's faces may have
    none: an empty box. Characters of ``asked``, the word that was drawn, stay as they are.
    """
    own = asked.casefold()
    return "".join(one if one.isascii() or one.casefold() in own else _named(one) for one in read)


def _named(character: str) -> str:
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    if name.startswith("LATIN "):
        return character
    return "‹a Chinese sign›" if name.startswith("CJK UNIFIED") else f"‹{name.lower()}›"


INVISIBLE = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def _reveal(match: re.Match[str]) -> str:
    return f'<span class="hidden-character" title="invisible character">U+{ord(match[0]):04X}</span>'
