"""Screen 3: two chats that end in one caption, a third that does not, and how much their pictures differ."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.checks import MAX_SEED, whole
from engines.director import directing
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import snippets
from engines.pictures.diffusion import Painter, Plan
from engines.statistics import percent
from engines.text.language_model import LanguageModel
from lessons.handoff.chain import end
from lessons.handoff.measures import declined, messages, written
from lessons.shell.painting import painting

NAMES = ("first chat", "second chat", "third chat")
CHATS = (
    "I'd like some pigs for the farm shop's window.\nTwo of them, in the snow.",
    "Paint a pig in the snow.\nNo, make it two.",
    "Two ducks, please.\nIn the snow.",
)


@dataclass(frozen=True, eq=False)
class Crossing:
    """One chat, its caption, the token ids that reached the text encoder up to the end mark, and the picture."""

    name: str
    said: tuple[str, ...]
    caption: str
    received: tuple[int, ...]
    picture: np.ndarray

    def differs(self, other: Crossing) -> float:
        """The share of pixels in which the two pictures differ at all."""
        return float((self.picture != other.picture).any(axis=-1).mean())


def proof(
    model: LanguageModel, painter: Painter, first: str, second: str, third: str, seed: int = 7, *,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[tuple[Crossing, ...]]]:  # fmt: skip
    """Three chats, one after the other, through the director and the painter, all from one seed."""
    began, steps = time.perf_counter(), painter.passes(steps)
    seed = whole("The seed", seed, 0, MAX_SEED)
    chats = [messages(chat) for chat in (first, second, third)]
    value: list[Crossing] = []
    for name, said in zip(NAMES, chats, strict=True):
        direction = yield from written(model, painter, said, f"The {name}: the director")
        if direction.caption is None:
            raise PlainError(f"The {name}: {declined(direction)}")
        caption = directing.as_caption(direction.caption)
        received = painter.received(caption)
        (picture,) = yield from painting(painter, Plan(caption, (seed,), steps=steps), f"The {name}: the painter")
        value.append(Crossing(name, said, caption, received[: end(received)], picture))
    source = Provenance.live(
        painter, began, seed, **painter.pass_settings(steps), guidance_scale=painter.guidance_scale,
        director=f"{model.name}, {model.runtime}",
    )  # fmt: skip
    code = snippets.for_painter(
        painter, snippets.from_ids, painter.received(value[1].caption), seeds=(seed,), steps=steps,
        guidance_scale=painter.guidance_scale,
    )  # fmt: skip
    yield Evidence(tuple(value), _alt(value), _table(value), source, _findings(value), code, value[1].picture[None])


def truth(value: tuple[Crossing, ...]) -> tuple[float, str] | str:
    first, second, _ = value
    if first.received != second.received:
        return (
            f"These two chats did not end in the same caption (“{first.caption}” and “{second.caption}”), so the guess "
            "cannot be scored. Change one of them."
        )
    return first.differs(second), f"{percent(first.differs(second))} of the pixels differ between the two pictures"


def _alt(value: list[Crossing]) -> str:
    first = value[0]
    summary = "; ".join(
        f"the {one.name} gave “{one.caption}” and a picture that differs from the first in "
        f"{percent(first.differs(one))} of its pixels"
        for one in value[1:]
    )
    return f"The first chat gave the caption “{first.caption}”; {summary}."


def _table(value: list[Crossing]) -> Table:
    rows = tuple(
        (one.name, " / ".join(one.said), one.caption, " ".join(map(str, one.received)),
         round(100 * value[0].differs(one), 2))
        for one in value
    )  # fmt: skip
    return Table(("chat", "messages", "caption", "ids received", "pixels unlike the first picture's, %"), rows)


def _findings(value: list[Crossing]) -> tuple[Finding, ...]:
    first, second, third = value
    if first.received == second.received:
        same = Finding(
            "Not one pixel" if not first.differs(second) else percent(first.differs(second)),
            "differs between the first two pictures"
            + (", although their chats have other words" if first.said != second.said else "")
            + f": the same {len(first.received)} ids reached the painter, from the same seed.",
        )
    else:
        same = Finding(
            f"{percent(first.differs(second))}",
            f"of the pixels differ: the captions are not the same, “{first.caption}” and “{second.caption}”.",
        )
    unlike = sum(a != b for a, b in zip(first.received, third.received, strict=False)) + abs(
        len(first.received) - len(third.received)
    )
    follows = "So the picture does follow the ids"
    if not unlike:
        follows = "With the same ids it controls nothing: let the third chat end in another wish"
    elif not first.differs(third):
        follows = "So other ids need not make another picture, and that two are equal would prove little"
    elif first.received == second.received:
        follows += ", and the first two are not equal because nothing matters"
    control = Finding(
        f"{percent(first.differs(third))}",
        f"of the pixels are others in the third picture, whose caption “{third.caption}” differs from the first in "
        f"{unlike} of the ids. {follows}.",
    )
    return same, control
