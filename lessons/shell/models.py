"""Which models are live, on the Start page, and changing them while the playground runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from markupsafe import Markup

from engines import live
from engines.evidence import PlainError, Underway
from engines.live import Live
from engines.models import catalogue, hardware, settings
from engines.models.catalogue import Role
from engines.models.hub import gigabytes
from lessons.shell import events, views
from lessons.shell.background import in_background
from lessons.shell.prose import plain

NOT_YOU = (
    "A change of model is a change for everybody on this server, so it can be made on the server's own machine only. "
    f"The owner can open it to all with {settings.SWITCH}=on."
)
CLOSED = f"The owner of this server has closed the change of models ({settings.SWITCH}=off)."
PROXY_HEADERS = ("x-real-ip", "x-client-ip", "forwarded", "via", "cf-connecting-ip", "true-client-ip")
"""Headers that proxies add, beside all that begin with x-forwarded."""
STATES = {
    "loaded": "in memory",
    "ready": "on this machine; loads with the first run",
    "to be fetched": "not fetched yet; comes with the first run",
    "missing": "not here",
}


def panel() -> None:
    """The live models, and behind a fold the way to others."""
    with gr.Column(elem_classes=["models"]):
        shown = gr.HTML(str(rows()), elem_classes=["models-live"])
        events.at_load(lambda: str(rows()), shown)
        with gr.Accordion("Change a model", open=False):
            gr.HTML(f'<p class="models-note">{plain(_note())}</p>')
            role = gr.Radio([(title, key) for key, title in live.ROLES.items()], value="text", label="Which machine")
            name = gr.Dropdown(
                _choices("text"), value=catalogue.SMOLLM2_135M.key, allow_custom_value=True, filterable=True,
                label="A model on offer, a Hugging Face id, or a folder on the server",
            )  # fmt: skip
            with gr.Row(equal_height=True):
                go = gr.Button("Change to it", variant="primary", scale=2)
                yes = gr.Button("Fetch it", scale=2, visible=False)
            status = gr.HTML("", elem_classes=["models-status"])
            shown_commit = gr.State("")

    def offer(role: Role) -> dict[Any, Any]:
        choices = _choices(role)
        return {name: gr.update(choices=choices, value=choices[0][1])}

    events.on(role.change, offer, role, name)
    events.on(name.change, lambda: {yes: gr.update(visible=False)}, None, yes)
    places = {"status": status, "yes": yes, "live": shown, "commit": shown_commit}
    events.stream(go.click, ask, [role, name], places)
    events.stream(yes.click, change, [role, name, shown_commit], places)
    events.endpoint(models, "models", model=None)


def ask(role: Role, name: str, request: gr.Request) -> Iterator[Any]:
    """Change at once where the files are here; else say what there is to fetch, and ask."""
    need_right(request)
    name = _named(name)
    yield {"status": _wait("Looking for it…")}
    found = live.download(role, name)
    if found is None:
        yield from _change(role, name)
        return
    size = gigabytes(found.size)
    words = f"{found.repository} is {size} GB to fetch, at revision {found.commit[:8]}. It fits this machine."
    button = gr.update(visible=True, value=f"Fetch {size} GB and change")
    yield {"status": str(views.notice(words)), "yes": button, "commit": found.commit}


def change(role: Role, name: str, commit: str, request: gr.Request) -> Iterator[Any]:
    """Fetch ``commit`` and change: somebody saw its size and said yes."""
    need_right(request)
    yield from _change(role, _named(name), commit)


def _named(name: str | None) -> str:
    if not (name or "").strip():
        raise PlainError("Choose a model first: one on offer, a Hugging Face id such as owner/model, or a folder.")
    return str(name).strip()


def _change(role: Role, name: str, commit: str = "") -> Iterator[Any]:
    live_now: Live | None = None
    work = in_background(lambda progress, should_stop: iter([live.switch(role, name, progress, agreed=commit)]))
    for event in work:
        if isinstance(event, Underway):
            yield {"status": views.underway(event), "yes": gr.update(visible=False)}
        else:
            live_now = event
    assert live_now is not None
    said = str(views.notice(f"{live_now.name} is live."))
    yield {"status": said, "yes": gr.update(visible=False), "live": str(rows()), "commit": ""}


def models() -> list[dict]:
    """Which models are live: role, name, revision, licence, state and facts."""
    return [{**vars(one), "facts": list(one.facts)} for one in live.live()]


def rows() -> Markup:
    """The live models as HTML."""
    return Markup('<section aria-label="Live models"><h2>Live here</h2><ul class="live">{}</ul></section>').format(
        views.join(_row(one) for one in live.live())
    )


def _row(one: Live) -> Markup:
    short = one.revision[:12] if len(one.revision) == 40 else one.revision.partition(" (")[0]
    revision = f" @ {short}" if short else ""
    facts = " · ".join(part for part in (STATES[one.state], *one.facts, one.licence) if part)
    return Markup(
        '<li class="ink-{ink}"><span class="eyebrow">{role}</span> <b>{name}</b><code>{revision}</code>'
        "<small>{facts}</small></li>"
    ).format(
        ink="typewriter" if one.role == "text" else "sculptor",
        role=live.ROLES[one.role],
        name=plain(one.name),
        revision=plain(revision),
        facts=plain(facts),
    )


def need_right(request: gr.Request) -> None:
    """PlainError unless the caller may change what everybody uses."""
    who = settings.SWITCH.read()
    if who == "off":
        raise PlainError(CLOSED)
    if who == "local" and (os.environ.get("SPACE_ID") or not _from_this_machine(request)):
        raise PlainError(NOT_YOU)


def _from_this_machine(request: gr.Request | None) -> bool:
    """Whether the call came from this machine and through nobody.

    A proxy beside the server calls from this machine too, and need not say that it is one. So the names by which the
    browser knows the server count as well: the Host it asked for, and the page it stands on.
    """
    if not request or not request.client or os.environ.get("GRADIO_ROOT_PATH"):
        return False
    headers = {name.lower(): value for name, value in request.headers.items()}
    if any(name in PROXY_HEADERS or name.startswith("x-forwarded") for name in headers):
        return False
    addresses = [f"//{headers.get('host', '')}", *(headers[name] for name in ("origin", "referer") if name in headers)]
    return _is_loopback(request.client.host) and all(_is_loopback(_host_of(address)) for address in addresses)


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host.removeprefix("::ffff:")).is_loopback
    except ValueError:
        return False


def _choices(role: Role) -> list[tuple[str, str]]:
    return [(f"{entry.name} ({entry.licence})", entry.key) for entry in live.offers(role)]


def _note() -> str:
    studio = ", ".join(entry.name for entry in catalogue.PROFILES["studio"].values())
    offer = (
        f"This machine has a GPU, and larger models would use it: those of the studio profile are {studio}. Choose "
        f"them here, or start with {settings.PROFILE}=studio. "
    )
    return (offer if hardware.has_card() and not settings.PROFILE.is_set() else "") + (
        "The old model is put away before the new one is loaded; runs under way have to be started again. Nothing "
        "large is fetched before you have seen its size and said yes."
    )


def _wait(words: str) -> str:
    return str(views.notice(words, "wait"))
