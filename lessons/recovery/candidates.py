"""The moments at which the four machines could be struck first, and how each is measured."""

from __future__ import annotations

from engines.models import weights
from engines.models.catalogue import MODELS
from engines.pictures import painter as painters
from lessons.defaults import Choice, Figures, painters_print, value_of
from lessons.recovery import strike

MOMENTS = ("0.2", "0.3", "0.5", "0.7", "0.8")


def struck(moment: str) -> Figures:
    """Screen 1 over the most runs: in what share the stroke stands, and what is still right of what was right."""
    value = value_of(strike.strike(painters.load(), float(moment), strike.MOST, 7))
    return {f"{one.machine} stands": one.standing.rate for one in value.struck} | {
        f"{one.machine} right": one.kept.rate for one in value.struck
    }


def _models() -> str:
    return " ".join((*(weights.fingerprint(MODELS / name) for name in ("masked-text", "tiles")), painters_print()))


CHOICES = (
    Choice(
        "recovery/strike", ("0.5",), tuple((one,) for one in MOMENTS), struck,
        lambda figures: figures["twin stands"] == figures["tiles stands"] == 1
        and max(figures["masked stands"], figures["sculptor stands"]) < 0.3
        and figures["tiles right"] > figures["twin right"] + 0.5,
        "Who commits keeps the stroke, who revises loses it; and of those who keep it, only the text is lost by it.",
        _models,
    ),
)  # fmt: skip
