"""How the playground is served: files a browser keeps, old addresses, compression, and bounds on what is sent in."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import html
import logging
import os
import re
import socket
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from gradio import route_utils
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)  # fmt: skip
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engines.evidence import PlainError
from engines.models import batching, line, shelf
from lessons.course import UNITS
from lessons.shell import scripts, sheets, teachers, theme, visitors
from lessons.shell.content import ADDRESS, folder
from lessons.shell.uploads import MAX_PAYLOAD

log = logging.getLogger("playground")
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
BUILT = re.compile(r"/assets/[^/]+-[\w-]{8,}\.(?:js|css)$")
"""Gradio's own files, with their version in their names. It lets a browser ask for each of them anew."""
LASTING = [(name.lower().encode(), value.encode()) for name, value in FOR_EVER.items()]
FONT = re.compile(r"[a-z0-9-]+\.woff2")
RECORD = re.compile(r"[0-9a-f]{12}\.(webp|html)")
API = "/gradio_api/"
RESULTS = re.compile(rf"{API}(?:queue/data|call/(?:v2/)?[^/]+/(?P<event>[^/]+))/?$")
MOST_PARTS = 100_000
"""Lists, objects and their members in one request."""
DEEPEST = 200
LONGEST_NAME = 100
MOST_HELD = 300_000_000
"""Bytes of all requests that wait or are being answered."""
THREADS = 512
"""More than all lines hold together, so that what is cheap finds a thread however many runs wait."""
TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
ARENA_MAX, ARENAS = -8, 2
"""glibc's number of the setting (malloc.h), and its value: as many shares as a small server has cores."""
IDLE = 0.02
"""Seconds between two looks of the queue for a run to begin. Gradio's millisecond takes a twelfth of a core."""
_update_root = route_utils.update_root_in_config
NAME = re.compile(rb'"(?:session_hash|event_id)"\s*:\s*"([^"]*)"')


def launch(playground: Any, **options: Any) -> None:
    """Serve ``playground``. PlainError when the port that ``GRADIO_SERVER_PORT`` names is not to be had."""
    route_utils.update_root_in_config = _of_one_page
    if find_spec("matplotlib") is None:
        sys.modules["matplotlib"] = None  # type: ignore[assignment]  # gradio looks for it twice at every event
    playground._queue.sleep_when_free = IDLE
    with contextlib.suppress(OSError, AttributeError):  # glibc's; each thread's own share of the memory stays with it
        ctypes.CDLL(None).mallopt(ARENA_MAX, ARENAS)
    layout = playground.default_config
    layout.get_config = cache(layout.get_config)  # launch() asks twice for the same half second of work
    gc.freeze()  # the pages stay: no collection need look through them, for half a second in which nobody is served
    playground.launch(
        max_file_size="20mb",
        max_threads=THREADS,
        app_kwargs=app_options(),
        **{"server_port": port(), **theme.launch_options(), **options},
    )


def _of_one_page(config: Any, root: str) -> Any:
    """What gradio writes into a page, less the layouts of all the others, which grow with every lesson."""
    shown = config.get("current_page")
    if shown in config.get("page", ()):
        config["page"] = {shown: config["page"][shown]}
    return _update_root(config, root)


def port() -> int | None:
    """The port that ``GRADIO_SERVER_PORT`` names, found free; None where nobody chose one, and gradio looks for one."""
    said = os.environ.get("GRADIO_SERVER_PORT", "").strip()
    if not said:
        return None
    if not (said.isascii() and said.isdigit() and 0 < int(said) < 65536):
        raise PlainError(f"GRADIO_SERVER_PORT is {said[:40]!r}. Give a number from 1 to 65535.")
    host = os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(said)))
        except OSError as error:
            reason = "not yours to use" if isinstance(error, PermissionError) else "taken"
            raise PlainError(f"Port {said} is {reason}. Choose another with GRADIO_SERVER_PORT.") from error
    return int(said)


def app_options() -> dict[str, Any]:
    """``app_kwargs`` of ``Blocks.launch``."""
    return {
        "lifespan": visitors.watched,
        "routes": [
            Route(f"/{ADDRESS}/style-{{version}}.css", _style),
            Route(f"/{ADDRESS}/script-{{version}}.js", _script),
            Route(f"/{ADDRESS}/view-{{version}}.js", _view),
            Route(f"/{ADDRESS}/fonts/{{name}}", _font),
            Route(f"/{ADDRESS}/recorded/{{lesson}}/{{name}}", _recorded),
            Route(f"/{ADDRESS}/health", _health),
            *sheets.ROUTES,
            *teachers.ROUTES,
        ],
        "middleware": [
            Middleware(GZipMiddleware, minimum_size=1000),
            Middleware(OldAddresses),
            Middleware(Head),
            Middleware(Door),
        ],
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


class Head:
    """Brings a page's own script before gradio's, and has a browser fetch its fonts and style meanwhile.

    Gradio writes ``head`` only once its script runs: too late for what has to be there before it (``playground.js``).
    What is fetched into a page, or is not there, is left as it is: its addresses are relative, and would be looked for
    beside it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun: Message | None = None

        async def sending(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start" and message["status"] == 200:
                if BUILT.search(scope["path"]):
                    message = {**message, "headers": [*message["headers"], *LASTING]}
                kind = dict(message["headers"]).get(b"content-type", b"")
                if kind.startswith(b"text/html") and f"/{ADDRESS}/" not in scope["path"]:
                    begun = message
                    return
            if begun is not None:
                page = message.get("body", b"").replace(b"<script", theme.first_script().encode() + b"<script", 1)
                headers = [(name, value) for name, value in begun["headers"] if name != b"content-length"]
                if not message.get("more_body"):
                    headers.append((b"content-length", str(len(page)).encode()))
                await send({**begun, "headers": [*headers, (b"link", theme.links().encode())]})
                begun, message = None, {**message, "body": page}
            await send(message)

        await self.app(scope, receive, sending)


class Refused(Exception):
    """A request that is not let in: the HTTP status, and why in plain words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class Door:
    """What comes to the API: it is bounded, whoever listens is known, and what breaks gradio is refused in words."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.coming = app, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or API not in scope["path"]:
            await self.app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            if scope["method"] == "POST":
                await self._let_in(scope, receive, sending)
            else:
                with visitors.listening(_listener(scope)):
                    await self.app(scope, receive, sending)
        except Exception as error:
            if begun:
                raise
            refused = error if isinstance(error, Refused) else Refused(400, "This call cannot be understood.")
            log.warning("%s was refused: %s (%s)", scope["path"][:100], refused.words, type(error).__name__)
            await JSONResponse({"detail": refused.words}, refused.status)(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = dict(scope["headers"]).get(b"content-type", b"")
        if b"multipart/form-data" in kind:  # a file, written to disk as it comes
            await self.app(scope, _bounded(receive), send)
            return
        body = bytearray()
        try:
            async for part in _parts(_bounded(receive)):
                body += part
                self.coming += len(part)
                if len(body) > 1_000_000 and self.coming + _held(scope["app"]) > MOST_HELD:
                    raise Refused(503, "Many large pictures are waiting just now. Try again in a minute.")
            _check(bytes(body))
        finally:
            self.coming -= len(body)
        visitors.received(len(body))
        headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
        scope = {**scope, "headers": [*headers, (b"content-length", str(len(body)).encode())]}
        await self.app(scope, _once(bytes(body), receive), send)


def _listener(scope: Scope) -> str:
    """The session or event whose results are asked for; "" when this is another request."""
    found = RESULTS.search(scope["path"])
    if found is None:
        return ""
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])
    return found["event"] or asked[0]


def _bounded(receive: Receive) -> Receive:
    """The request; Refused once it is longer than any picture needs."""
    size = 0

    async def receiving() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_PAYLOAD + 1_000_000:
            raise Refused(413, "That is too much at once. Send at most 20 megabytes.")
        return message

    return receiving


async def _parts(receive: Receive) -> Any:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


def _once(body: bytes, receive: Receive) -> Receive:
    """The ``body`` that was read already, and then what else comes: that the caller has gone."""
    left = [body]

    async def receiving() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return receiving


def _held(app: Any) -> int:
    """Bytes of the requests that wait or are being answered."""
    events = list(app.get_blocks()._queue.event_ids_to_events.values())
    return sum(int(event.request.headers.get("content-length", 0)) for event in events)


def _check(body: bytes) -> None:
    """Refused when a request has more parts, or is deeper, than any of ours: reading it costs more than its size."""
    bones = TEXT.sub(b"", body)
    if bones.count(b",") + bones.count(b"[") + bones.count(b"{") > MOST_PARTS:
        raise Refused(413, f"That has too many parts. Send at most {MOST_PARTS:,} values.")
    depth = 0
    for one in re.findall(rb"[\[\]{}]", bones):
        depth += 1 if one in b"[{" else -1
        if depth > DEEPEST:
            raise Refused(400, "That is nested too deeply. Send plain values.")
    if any(len(name) > LONGEST_NAME for name in NAME.findall(body)):
        raise Refused(400, f"A session's name has at most {LONGEST_NAME} characters.")


@cache
def _lessons() -> frozenset[str]:
    return frozenset(key for unit in UNITS for key in unit.lessons)


def _style(request: Request) -> Response:
    return Response(theme.style(), media_type="text/css", headers=FOR_EVER)


def _script(request: Request) -> Response:
    return Response(theme.script(), media_type="text/javascript", headers=FOR_EVER)


def _view(request: Request) -> Response:
    code = scripts.read(request.path_params["version"])
    return _missing() if code is None else Response(code, media_type="text/javascript", headers=FOR_EVER)


def _health(request: Request) -> Response:
    """What is loaded, how many runs wait in each line and for memory, and since when the oldest does; no learner's
    words."""
    body = {
        "status": "ok",
        "loaded": {kind: names for kind, names in shelf.keys().items() if names},
        "lines": {name: one.as_json() for name, one in line.states().items()},
        "memory": batching.memory().as_json(),
    }
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


def _font(request: Request) -> Response:
    name = request.path_params["name"]
    return _file(theme.HERE / "fonts" / name) if FONT.fullmatch(name) else _missing()


def _recorded(request: Request) -> Response:
    lesson, name = request.path_params["lesson"], request.path_params["name"]
    known = lesson.replace("_", "-") in _lessons() and RECORD.fullmatch(name)
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
