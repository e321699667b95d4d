"""Pages that print, such as the cards of the bundled models: plain HTML without a script, made when asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from engines.models.catalogue import MODELS
from lessons.shell.content import ADDRESS, LOADER
from lessons.shell.prose import markdown

STYLE = Path(__file__).parent / "sheet.css"
CARD = re.compile(r"\A---\n(?P<facts>.*?)\n---\n+# (?P<title>[^\n]+)\n(?P<body>.*)\Z", re.DOTALL)
WIDE = '<div class="wide" tabindex="0" role="group" aria-label="Table">'
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class Card:
    """What the card of a bundled model says. ``size``: bytes of its folder."""

    name: str
    title: str
    licence: str
    size: int
    body: str


@cache
def cards() -> dict[str, Card]:
    """The cards of all bundled models, by the name of the folder."""
    return {path.parent.name: _read(path) for path in sorted(MODELS.glob("*/README.md"))}


def _read(path: Path) -> Card:
    card = CARD.match(path.read_text(encoding="utf-8"))
    if card is None:
        raise ValueError(f"{path} is no model card: facts between --- lines, then a title")
    size = sum(file.stat().st_size for file in path.parent.rglob("*") if file.is_file())
    licence = str(yaml.load(card["facts"], LOADER)["license"]).upper()
    return Card(path.parent.name, card["title"], licence, size, COMMENT.sub("", card["body"]))


def card_page(name: str) -> str:
    """The card of the model in ``models/<name>``; KeyError where there is none."""
    card = cards()[name]
    body = markdown.render(card.body).replace("<pre>", '<pre tabindex="0">')
    body = body.replace("<table>", f"{WIDE}<table>").replace("</table>", "</table></div>")
    return sheet(card.title, Markup(body), ("../../", "Start page"))


def sheet(title: str, body: Markup, *links: tuple[str, str]) -> str:
    """A page of its own. ``links`` (address, words) stand above it and are not printed."""
    return str(
        Markup(
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            "<title>{title} · Typewriter &amp; Sculptor</title>"
            '<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>'
            "<body><nav>{links}</nav><main><h1>{title}</h1>{body}</main></body></html>"
        ).format(
            title=title,
            style=Markup(STYLE.read_text(encoding="utf-8")),
            links=Markup("").join(Markup('<a href="{}">{}</a>').format(*link) for link in links),
            body=body,
        )
    )


def _card(request: Request) -> Response:
    name = request.path_params["name"]
    return HTMLResponse(card_page(name)) if name in cards() else missing()


def missing() -> Response:
    return PlainTextResponse("There is no such page.", status_code=404)


ROUTES = (Route(f"/{ADDRESS}/cards/{{name}}", _card),)
