"""Screen 1: a chat becomes a caption, the caption a picture, and a ledger says what became of each fact."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.checks import MAX_SEED, check_caption, whole
from engines.director import ledger
from engines.director.directing import Direction
from engines.director.ledger import Entry
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import diffusion, snippets
from engines.pictures.diffusion import Painter, Pass, Plan
from engines.pictures.plan import MAX_STEPS
from engines.statistics import percent, plural
from engines.text.constrained import Choice, Draft
from engines.text.language_model import LanguageModel
from lessons.handoff.measures import check_wish, declined, directed, messages, words, writing
from lessons.shell.painting import underway


@dataclass(frozen=True)
class Moment:
    """The chat so far: its messages, and the caption as the director has it by now; ``draft`` is its last step.

    ``choices``: all steps of a caption that is finished.
    """

    said: tuple[str, ...]
    caption: str = ""
    draft: Draft | None = None
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, eq=False)
class Chain:
    """What became of a chat.

    caption: None where the director found nothing to ask for; then nothing was painted. received: the token ids that
    reached the painter's text encoder, up to its end mark, and ``filled`` how many more of that mark fill its rows.
    pieces: the caption's parts that the ids between start and end stand for. picture: uint8 [H, W, 3]. entries: the
    ledger, whose ``wish`` is None where nobody stated one.
    """

    said: tuple[str, ...]
    wish: str | None
    direction: Direction | None
    caption: str | None
    received: tuple[int, ...] = ()
    filled: int = 0
    pieces: tuple[str, ...] = ()
    picture: np.ndarray | None = None
    entries: tuple[Entry, ...] = ()

    @property
    def crossed(self) -> float:
        """Words of the caption as a share of the words of the chat."""
        return len(words(self.caption or "")) / max(1, len(words(" ".join(self.said))))


Event = Underway | Moment | Pass | Evidence[Chain]


def chain(
    model: LanguageModel, painter: Painter, chat: str, wish: str = "", seed: int = 7, *, steps: int | None = None
) -> Iterator[Event]:
    """The director writes, token by token, then the painter paints, pass by pass; the Evidence comes last."""
    began = time.perf_counter()
    said, wished = messages(chat), check_wish(wish)
    seed = whole("The seed", seed, 0, MAX_SEED)
    steps = whole("The number of passes", painter.passes(steps), 1, MAX_STEPS)
    direction: Direction | None = None
    choices: list[Choice] = []
    yield Moment(said)
    for event in directed(model, painter, said):
        if isinstance(event, Direction):
            direction = event
        else:
            choices.append(event.choice)
            yield writing(event)
            yield Moment(said, model.decode(event.token_ids).strip(), event)
    assert direction is not None
    if direction.caption is None:
        value = Chain(said, wished, direction, None, entries=ledger.entries(wished, None, None))
        source = Provenance.live(model, began, runtime=model.runtime, messages=len(said))
        yield Evidence(value, declined(direction), _table(value), source, _findings(value, painter))
        return
    best = direction.candidates[0].choices if direction.candidates else choices
    yield Moment(said, direction.caption, choices=tuple(best))
    yield from painted(painter, said, wished, direction, direction.caption, seed, steps, began, model)


def edited(
    model: LanguageModel, painter: Painter, chat: str, wish: str, caption: str, seed: int = 7, *,
    steps: int | None = None,
) -> Iterator[Event]:  # fmt: skip
    """The painter is handed a caption as the learner left it; nobody reads the chat."""
    check_caption(caption)
    if not caption.strip():
        raise PlainError("There is no caption to paint. Hand a chat over first, or write one.")
    caption, seed = caption.strip(), whole("The seed", seed, 0, MAX_SEED)
    said = messages(chat) if str(chat or "").strip() else ()
    yield Moment(said, caption)
    yield from painted(painter, said, check_wish(wish), None, caption, seed, steps, time.perf_counter(), None)


def painted(
    painter: Painter, said: tuple[str, ...], wish: str | None, direction: Direction | None, caption: str, seed: int,
    steps: int | None, began: float, model: LanguageModel | None,
) -> Iterator[Event]:  # fmt: skip
    steps = painter.passes(steps)
    received = painter.received(caption)
    kept = end(received)
    picture: np.ndarray | None = None
    for event in diffusion.denoise(painter, Plan(caption, (seed,), steps=steps, previews=True, canvas=True)):
        yield underway(event, "The painter")
        yield event
        if event.pictures is not None:
            picture = event.pictures[0]
    assert picture is not None
    judged = picture if painter.is_bundled else None
    value = Chain(
        said, wish, direction, caption, received[:kept], len(received) - kept, painter.read(caption).pieces, picture,
        ledger.entries(wish, caption, judged),
    )  # fmt: skip
    director = {"director": f"{model.name}, {model.runtime}", "messages": len(said)} if model else {}
    scale = painter.guidance_scale
    source = Provenance.live(
        painter, began, seed, caption=caption, **painter.pass_settings(steps), guidance_scale=scale, **director
    )
    code = snippets.for_painter(painter, snippets.from_ids, received, seeds=(seed,), steps=steps, guidance_scale=scale)
    yield Evidence(value, _alt(value), _table(value), source, _findings(value, painter), code, picture[None])


def end(received: tuple[int, ...]) -> int:
    """How many ids there are up to the first end mark, which fills the rest of the row."""
    return next((place + 1 for place, one in enumerate(received) if place and one == received[-1]), len(received))


def truth(value: Chain) -> tuple[float, str] | str:
    if value.caption is None:
        return "There was no caption, so nothing crossed at all."
    chat, caption = len(words(" ".join(value.said))), len(words(value.caption))
    return value.crossed, f"{caption} words of caption for {plural(chat, 'word')} of chat ({percent(value.crossed)})"


def _alt(value: Chain) -> str:
    counts = {fate: sum(one.fate == fate for one in value.entries) for fate in dict.fromkeys(
        one.fate for one in value.entries
    )}  # fmt: skip
    summary = "; ".join(f"{number} {fate}" for fate, number in counts.items())
    return (
        f"From {plural(len(value.said), 'message')} came the caption “{value.caption}”, from the caption a picture. "
        f"The ledger: {summary or 'no fact'}."
    )


def _table(value: Chain) -> Table:
    answer = {True: "yes", False: "no", None: "not told"}
    rows = tuple(
        (one.fact.aspect, str(one.fact), answer[one.wished], answer[one.asked], answer[one.seen], one.fate)
        for one in value.entries
    )
    return Table(("kind", "fact", "in the wish", "in the caption", "in the picture", "what became of it"), rows)


def _findings(value: Chain, painter: Painter) -> tuple[Finding, ...]:
    found = []
    if value.caption is not None:
        chat = len(words(" ".join(value.said)))
        if value.said:
            found.append(
                Finding(
                    f"{plural(chat, 'word')} in, {len(words(value.caption))} out",
                    f"is what the handoff is: the painter received {plural(len(value.received), 'number')} "
                    f"({len(value.pieces)} for the caption, a start and an end mark; {value.filled} more end marks "
                    "fill the row). They stand above the ledger. No message is among them and no earlier picture.",
                )
            )
        if value.direction is not None and len(value.direction.candidates) > 1:
            best, second = value.direction.candidates[:2]
            bits = [one.lift / math.log(2) for one in (best, second)]
            found.append(
                Finding(
                    f"“{second.caption}” came second",
                    f"of {len(value.direction.candidates)} captions held open: the winner is {bits[0]:.1f} bits "
                    f"likelier after this chat than after one that says nothing, the second {bits[1]:.1f}; "
                    "each bit doubles how likely it is.",
                )
            )
    wished = [one for one in value.entries if one.wished]
    if wished:
        asked = sum(one.asked for one in wished)
        decided = [one for one in wished if one.seen is not None]
        seen = sum(bool(one.seen) for one in decided)
        there = f" Of the {len(decided)} that the judge can tell, {seen} stand in the picture." if decided else ""
        found.append(Finding(f"{asked} of {plural(len(wished), 'fact')}", f"of your wish stand in the caption.{there}"))
    invented = [one for one in value.entries if one.fate.startswith("invented")]
    if invented:
        who = {"invented by the director": "the director", "invented by the painter": "the painter"}
        names = ", ".join(f"“{one.fact}” ({who[one.fate]})" for one in invented)
        found.append(Finding("Nobody wished for", f"{names}."))
    if value.direction is not None and value.direction.remark():
        found.append(Finding("What it cannot ask for", value.direction.remark()))
    if not painter.is_bundled:
        found.append(
            Finding("Not judged", "The judge knows Sticker World only; what this painter made you must read yourself.")
        )
    return tuple(found)
