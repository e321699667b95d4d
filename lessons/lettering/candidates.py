"""The inputs that could stand on the lettering lesson's screens at first, and how each is measured."""

from __future__ import annotations

from engines.models import catalogue, weights
from engines.pictures import painter as painters
from engines.signs import lab as sign_lab
from engines.text import language_model
from lessons.defaults import Choice, Figures, painters_print, value_of
from lessons.lettering import causes, ceiling, mirror, own, signs

THREE = ("sloppy", "spelled", "characters")


def painted(word: str) -> Figures:
    """Screen 1: signs read exactly and letters in error, by painter."""
    value = value_of(signs.paint_word(word, list(THREE), 4, 7))
    figures = {f"{one.cause.key}, exact": one.exact.rate for one in value.painted}
    return figures | {f"{one.cause.key}, errors": one.error_rate for one in value.painted}


def repaired(kind: str, length: str) -> Figures:
    """Screen 2: signs read exactly, by painter."""
    value = value_of(causes.rerun(kind, int(length)))
    return {one.cause.key: one.exact.rate for one in value.painted}


def lettered(seed: str) -> Figures:
    """Screen 3: signs of seen and of never-seen words read exactly, by the playground's own painter."""
    value = value_of(own.paint(painters.load(), 8, 1, int(seed)))
    return {"seen": value.exact(seen=True).rate, "never seen": value.exact(seen=False).rate}


def printed(each: str, seed: str) -> Figures:
    """Screen 4: printed signs read exactly before and after the autoencoder."""
    value = value_of(ceiling.measure(int(each), int(seed)))
    return {"before": value.share(after=False).rate, "after": value.share(after=True).rate}


def drawn(shape: str, style: str) -> Figures:
    """Screen 5: drawings most like the shape, by way of asking, and the same when shuffled."""
    value = value_of(mirror.draw_all(language_model.load(), shape, style, 3, 1))
    figures: dict[str, float] = {}
    for name, way in zip(("just asked", "other shapes first", "copied"), value.ways, strict=True):
        figures |= {name: way.recognised.rate, f"{name}, shuffled": way.chance}
    return figures


def _sign_painters() -> str:
    return " ".join(weights.fingerprint(catalogue.MODELS / "signs" / key) for key in sign_lab.CAUSES)


CHOICES = (
    Choice(
        "lettering/signs", (signs.WORD,), ((signs.WORD,), ("HELP",), ("TAXI",)), painted,
        lambda figures: figures["sloppy, exact"] == 0 and figures["sloppy, errors"] > 0.9
        and figures["characters, exact"] == 1,
        "Gibberish from the one, every letter right from the other, at every seed.", _sign_painters,
    ),
    Choice(
        "lettering/causes", ("never_seen", "4"), (("never_seen", "4"), ("never_seen", "8"), ("seen", "4")), repaired,
        lambda figures: figures["sloppy"] < figures["spelled"] < figures["characters"],
        "Three different outcomes, for words that no painter can know by heart.", _sign_painters,
    ),
    Choice(
        "lettering/own", ("0",), (("0",), ("1",), ("2",)), lettered,
        lambda figures: figures["seen"] > 0.2 and figures["never seen"] < 0.1,
        "Known words come out and new ones do not. Eight pairs at one seed each.", painters_print,
    ),
    Choice(
        "lettering/ceiling", ("5", "0"), (("5", "0"), ("5", "1")), printed,
        lambda figures: 0.9 < figures["after"] < 1,
        "The ceiling is near 100 % and not at it.", _sign_painters,
    ),
    Choice(
        "lettering/mirror", ("T", "spaces"), (("T", "spaces"), ("ring", "spaces"), ("T", "cells")), drawn,
        lambda figures: figures["other shapes first"] <= figures["other shapes first, shuffled"] + 0.1
        and figures["copied"] > 0.5,
        "It copies the shape and cannot draw it.", lambda: language_model.load().revision,
    ),
)  # fmt: skip
