"""The inputs that could stand on the handoff's screens at first, and how each is measured."""

from __future__ import annotations

from engines.director import measures
from engines.pictures import painter as painters
from engines.text import language_model
from lessons.defaults import Choice, Figures, painters_print, value_of, writers_print
from lessons.handoff import bypass, chain, forget, proof
from lessons.handoff.measures import EXAMPLES


def handed(chat: str, wish: str) -> Figures:
    """Screen 1 at the page's seed: the words that cross, and the wish's facts in the caption and in the picture."""
    value = value_of(chain.chain(language_model.load(), painters.load(), chat, wish))
    wished = [one for one in value.entries if one.wished]
    decided = [one for one in wished if one.seen is not None]
    return {
        "crossed": value.crossed, "facts": len(wished), "in the caption": sum(one.asked for one in wished),
        "told": len(decided), "in the picture": sum(bool(one.seen) for one in decided), "messages": len(value.said),
    }  # fmt: skip


def sent(chat: str, wish: str) -> Figures:
    """Screen 2: the wish's facts by the caption and by the whole chat, at least and at most, and what that decides."""
    value = value_of(bypass.bypass(language_model.load(), painters.load(), chat, wish))
    caption, _, whole = value.ways
    return {
        f"{name}{bound}": one.rate
        for name, way in (("by the caption", caption), ("by the whole chat", whole))
        for bound, one in zip(("", ", at most"), way.kept, strict=True)
    } | {"told apart": value.gain.more}


def crossed(first: str, second: str, third: str) -> Figures:
    """Screen 3: pixels that differ from the first picture's."""
    first_one, *others = value_of(proof.proof(language_model.load(), painters.load(), first, second, third))
    return {name: first_one.differs(one) for name, one in zip(("second", "third"), others, strict=True)}


def forgotten(caption: str, order: str, following: str) -> Figures:
    """Screen 4: pictures with the thing, and how far the new caption's lie from the first one's."""
    value = value_of(forget.forget(painters.load(), caption, order, following))
    _, alone, same, other = value.rows
    return {
        "thing by the order": alone.things[0].rate, "thing by the order, at most": alone.things[1].rate,
        "thing by the caption": same.things[0].rate,
        "change, same seed": float(same.changed.mean()), "change, another": float(other.changed.mean()),
    }  # fmt: skip


def _chat(number: int) -> tuple[str, str]:
    chat = measures.chats("develop")[number]
    return "\n".join(chat.messages), chat.wish or ""


BALLOON = ("Paint a purple balloon at sunset.\nChange the balloon to yellow.", "a yellow balloon at sunset")
CORRECTIONS = tuple(
    _chat(number)
    for number, chat in enumerate(measures.chats("develop"))
    if chat.taken_back and len(chat.messages) == 2
)
CHOICES = (
    Choice(
        "handoff/chain", (EXAMPLES[0].chat, EXAMPLES[0].wish), tuple((one.chat, one.wish) for one in EXAMPLES), handed,
        lambda figures: figures["crossed"] < 0.3 and figures["messages"] >= 3
        and figures["facts"] == figures["in the caption"] and figures["told"] == figures["in the picture"] > 0,
        "A small part of a chat of several messages crosses, with every fact of the wish, and the picture shows them.",
        lambda: f"{writers_print()} {painters_print()}",
    ),
    Choice(
        "handoff/bypass", BALLOON, CORRECTIONS, sent,
        lambda figures: figures["told apart"] == 1
        and figures["by the whole chat, at most"] - figures["by the whole chat"] < 0.3,
        "What was taken back is painted from the whole chat, and the judge can tell nearly all facts of both.",
        painters_print,
    ),
    Choice(
        "handoff/proof", proof.CHATS,
        (
            proof.CHATS,
            (proof.CHATS[0], "Cows! Two cows in the snow.\nI changed my mind: pigs.", proof.CHATS[2]),
        ),
        crossed, lambda figures: figures["second"] == 0 < figures["third"],
        "Two chats in other words, and with a correction, that the director brings to one caption.", painters_print,
    ),
    Choice(
        "handoff/forget", (forget.CAPTION, forget.ORDER, forget.NEXT),
        (
            (forget.CAPTION, forget.ORDER, forget.NEXT),
            ("a red umbrella at the beach", forget.ORDER, "a blue umbrella at the beach"),
            ("a red book on a white background", "the same, but green", "a green book on a white background"),
        ),
        forgotten,
        lambda figures: figures["thing by the order"] < 0.15 and figures["thing by the caption"] > 0.85
        and figures["thing by the order, at most"] < 0.5,
        "The judge can tell the car in nearly all pictures; a blue umbrella before a blue sky it cannot.",
        painters_print,
    ),
)  # fmt: skip
