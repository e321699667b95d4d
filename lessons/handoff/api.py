"""What the handoff offers to ``gradio_client``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engines.director import directing
from engines.evidence import Evidence
from engines.pictures.diffusion import Pass
from engines.text import language_model
from lessons.handoff.chain import Chain, Moment, chain
from lessons.shell import waking
from lessons.shell.api import Endpoint
from lessons.shell.film import data_uri


def direct(messages: list[str]) -> dict:
    """One caption for the pocket painter from a chat, its learner's messages oldest first (12 at most).

    ``caption`` is None where nothing in the chat can be painted; ``told`` says then, and of words that the painter
    never read, why. ``candidates`` are the captions compared, best first, in nats: ``given`` after the chat, ``anyway``
    after a chat that says nothing, ``bonus`` of the words that the learner used.
    """
    model = language_model.load()
    found = directing.direct(model, messages)
    return {
        "caption": found.caption, "told": found.remark(), "outside": list(found.outside),
        "candidates": [
            {"caption": one.caption, "given": one.given, "anyway": one.anyway, "bonus": one.bonus}
            for one in found.candidates
        ],
        "model": model.name, "revision": model.revision, "runtime": model.runtime,
    }  # fmt: skip


def handoff(messages: list[str], wish: str = "", seed: int = 7, steps: int | None = None) -> Iterator[dict]:
    """A chat, its caption and its picture, streamed: a draft a token, a preview a pass, and the ledger at last.

    ``stage``: "caption", "painting" or "done". ``received`` are the token ids that reached the painter's text encoder
    up to the end mark: nothing else of the chat does. wish: what is wanted in the end, written like a caption; only the
    ledger reads it. Pictures are data URIs.
    """
    model, painter = language_model.load(), waking.open_painter()
    said = directing.checked(messages)
    caption = ""
    for event in chain(model, painter, "\n".join(said), wish, seed, steps=steps):
        if isinstance(event, Moment):
            caption = event.caption
            yield {"stage": "caption", "caption": caption}
        elif isinstance(event, Pass):
            assert event.previews is not None
            yield {
                "stage": "painting", "caption": caption, "pass": event.index + 1, "passes": event.passes,
                "preview": data_uri(event.previews[0]),
            }  # fmt: skip
        elif isinstance(event, Evidence):
            yield _done(event.value, painter.name, model.name)


def _done(value: Chain, painter: str, model: str) -> dict[str, Any]:
    return {
        "stage": "done", "caption": value.caption, "told": value.direction.remark() if value.direction else "",
        "received": list(value.received), "picture": None if value.picture is None else data_uri(value.picture),
        "ledger": [
            {"kind": one.fact.aspect, "fact": str(one.fact), "wished": one.wished, "asked": one.asked,
             "seen": one.seen, "fate": one.fate}
            for one in value.entries
        ],
        "director": model, "painter": painter,
    }  # fmt: skip


ENDPOINTS = (Endpoint(direct), Endpoint(handoff, "both"))
