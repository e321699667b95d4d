"""How the playground is served: files a browser keeps, old addresses, compression, and bounds on what is sent in."""

from __future__ import annotations

import html
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from lessons.course import UNITS
from lessons.shell import theme
from lessons.shell.content import folder

FOLDER = "course"
"""Where the playground's own files are, relative to any page."""
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
FONT = re.compile(r"[a-z0-9-]+\.woff2")
PICTURE = re.compile(r"[0-9a-f]{12}\.webp")


def app_options() -> dict[str, Any]:
    """``app_kwargs`` of ``Blocks.launch``."""
    return {
        "routes": [
            Route(f"/{FOLDER}/style-{{version}}.css", _style),
            Route(f"/{FOLDER}/script-{{version}}.js", _script),
            Route(f"/{FOLDER}/fonts/{{name}}", _font),
            Route(f"/{FOLDER}/recorded/{{lesson}}/{{name}}", _recorded),
        ],
        "middleware": [Middleware(GZipMiddleware, minimum_size=1000), Middleware(OldAddresses)],
        "exception_handlers": {404: _nothing_here},
    }


class OldAddresses:
    """Leads ``/?lesson=sampling``, the address of a lesson until 2026, to ``/sampling``."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and b"lesson=" in scope["query_string"]:
            wanted = parse_qs(scope["query_string"].decode("latin-1")).get("lesson", [""])[0]
            if scope["path"].rstrip("/") == scope.get("root_path", "").rstrip("/") and wanted in _lessons():
                await RedirectResponse(f"./{wanted}", status_code=308)(scope, receive, send)
                return
        await self.app(scope, receive, send)


@cache
def _lessons() -> frozenset[str]:
    return frozenset(key for unit in UNITS for key in unit.lessons)


def _style(request: Request) -> Response:
    return Response(theme.style(), media_type="text/css", headers=FOR_EVER)


def _script(request: Request) -> Response:
    return Response(theme.script(), media_type="text/javascript", headers=FOR_EVER)


def _font(request: Request) -> Response:
    name = request.path_params["name"]
    return _file(theme.HERE / "fonts" / name) if FONT.fullmatch(name) else _missing()


def _recorded(request: Request) -> Response:
    lesson, name = request.path_params["lesson"], request.path_params["name"]
    known = lesson.replace("_", "-") in _lessons() and PICTURE.fullmatch(name)
    return _file(folder(lesson) / "recorded" / name) if known else _missing()


def _file(path: Path) -> Response:
    return FileResponse(path, headers=FOR_EVER) if path.is_file() else _missing()


def _missing() -> Response:
    return PlainTextResponse("There is no such file.", status_code=404)


async def _nothing_here(request: Request, error: Exception) -> Response:
    """A page in plain words for a browser that asks for a page; the error as it is for a program."""
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(str(getattr(error, "detail", "Not found")), status_code=404)
    asked = html.escape(request.url.path.rsplit("/", 1)[-1][:80])
    return HTMLResponse(NOTHING_HERE.format(asked=asked), status_code=404)


NOTHING_HERE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Typewriter &amp; Sculptor</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ font: 18px/1.6 Georgia, serif; max-width: 34em; margin: 12vh auto; padding: 0 20px; background: #faf7f1;
color: #23262b }} a {{ color: #1d4e89 }}</style>
<h1>There is no lesson called “{asked}”</h1>
<p>The address may be old, or a letter may be missing. <a href="./">The start page</a> has the map of all lessons.</p>
</html>"""
