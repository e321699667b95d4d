"""Which models are live, on the Start page, and changing them while the playground runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import gradio as gr
from markupsafe import Markup

from engines import live
from engines.evidence import PlainError, Underway
from engines.live import Live
from engines.models import catalogue, hardware
from engines.models.catalogue import Role
from engines.models.hub import gigabytes
from lessons.shell import events, views
from lessons.shell.background import in_background
from lessons.shell.prose import plain

VARIABLE = "PLAYGROUND_SWITCH"
NOT_YOU = (
    "A change of model is a change for everybody on this server, so it can be made on the server's own machine only. "
    f"The owner can open it to all with {VARIABLE}=on."
)
PROXY_HEADERS = ("x-forwarded-for", "x-real-ip", "forwarded", "via")
LOCAL = {"127.0.0.1", "::1", "localhost", "testclient"}
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

    def offer(role: Role) -> Any:
        choices = _choices(role)
        return gr.update(choices=choices, value=choices[0][1])

    told: dict[str, Any] = {"model": "models", "status": status, "show_progress": "hidden"}
    events.run(role.change, offer, role, name, model=None, show_progress="hidden")
    events.run(name.change, lambda: gr.update(visible=False), None, yes, model=None, show_progress="hidden")
    events.run(go.click, ask, [role, name], [status, yes, shown], **told)
    events.run(yes.click, change, [role, name], [status, yes, shown], **told)
    events.endpoint(models, "models", model=None)


def ask(role: Role, name: str, request: gr.Request) -> Iterator[Any]:
    """Change at once where the files are here; else say what there is to fetch, and ask."""
    need_right(request)
    yield _wait("Looking for it…"), gr.skip(), gr.skip()
    found = live.download(role, (name or "").strip())
    if found is None:
        yield from _change(role, name, agree=False)
        return
    size = gigabytes(found.size)
    words = f"{found.repository} is {size} GB to fetch, at revision {found.commit[:8]}. It fits this machine."
    yield str(views.notice(words)), gr.update(visible=True, value=f"Fetch {size} GB and change"), gr.skip()


def change(role: Role, name: str, request: gr.Request) -> Iterator[Any]:
    """Fetch it and change: somebody said yes."""
    need_right(request)
    yield from _change(role, name, agree=True)


def _change(role: Role, name: str, *, agree: bool) -> Iterator[Any]:
    live_now: Live | None = None
    work = in_background(lambda progress, should_stop: iter([live.switch(role, name.strip(), progress, agree=agree)]))
    for event in work:
        if isinstance(event, Underway):
            yield views.underway(event), gr.update(visible=False), gr.skip()
        else:
            live_now = event
    assert live_now is not None
    yield str(views.notice(f"{live_now.name} is live.")), gr.update(visible=False), str(rows())


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
    said = os.environ.get(VARIABLE, "").strip().lower()
    if said == "on":
        return
    host = request.client.host if request and request.client else ""
    behind = any(name in request.headers for name in PROXY_HEADERS) if request else False
    if said == "off" or os.environ.get("SPACE_ID") or behind or host not in LOCAL:
        raise PlainError(NOT_YOU)


def _choices(role: Role) -> list[tuple[str, str]]:
    return [(f"{entry.name} ({entry.licence})", entry.key) for entry in live.offers(role)]


def _note() -> str:
    studio = ", ".join(entry.name for entry in catalogue.PROFILES["studio"].values())
    offer = (
        f"This machine has a GPU, and larger models would use it: those of the studio profile are {studio}. Choose "
        f"them here, or start with {catalogue.PROFILE_VARIABLE}=studio. "
    )
    return (offer if hardware.has_card() and not os.environ.get(catalogue.PROFILE_VARIABLE) else "") + (
        "The old model is put away before the new one is loaded; runs under way have to be started again. Nothing "
        "large is fetched before you have seen its size and said yes."
    )


def _wait(words: str) -> str:
    return str(views.notice(words, "wait"))
