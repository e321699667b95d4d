"""What became of each fact between a wish, a caption and a picture that a judge reads."""

from __future__ import annotations

import numpy as np
import pytest

from engines.director import ledger
from engines.director.facts import Fact
from engines.director.ledger import Entry
from engines.stickers.detector import Found, Reading

PICTURE = np.zeros((128, 128, 3), np.uint8)


class Seer:
    """Stands where the judge stands, and sees the same in every picture."""

    def __init__(self, background: str, *things: tuple[str, str, float], **unclear: bool) -> None:
        found = tuple(Found(name, 0.9, colour, 0.9, x, 0.5) for name, colour, x in things)
        self.reading = Reading(found, {one.name: 0.9 for one in found}, background, {background: 0.9}, **unclear)

    def look(self, pictures: np.ndarray) -> tuple[Reading, ...]:
        return (self.reading,) * len(pictures)


def fates(wish: str | None, caption: str | None, seer: Seer) -> dict[str, str]:
    return {str(one.fact): one.fate for one in ledger.entries(wish, caption, PICTURE, using=seer)}  # type: ignore[arg-type]


def test_each_fact_is_kept_or_lost_or_invented_at_its_own_handoff() -> None:
    seer = Seer("night", ("pig", "other", 0.3), ("cow", "other", 0.7))
    assert fates("a pig and a duck in the snow", "a pig and a cat in the snow", seer) == {
        "pig": "kept",
        "duck": "lost by the director",
        "snow": "lost by the painter",
        "cat": "invented by the director",
        "cow": "invented by the painter",
    }


def test_numbers_and_colours_are_judged_by_themselves() -> None:
    seer = Seer("snow", ("car", "blue", 0.3), ("car", "red", 0.7))
    assert fates("two blue cars in the snow", "two blue cars in the snow", seer) == {
        "car": "kept",
        "two cars": "kept",
        "blue car": "lost by the painter",
        "snow": "kept",
    }


def test_what_stands_left_of_what_is_a_fact() -> None:
    caption = "a cat to the left of a dog"
    left, right = (
        Seer("snow", ("cat", "other", 0.2), ("dog", "other", 0.8)),
        Seer("snow", ("cat", "other", 0.8), ("dog", "other", 0.2)),
    )
    assert fates(caption, caption, left)["cat left of dog"] == "kept"
    assert fates(caption, caption, right)["cat left of dog"] == "lost by the painter"


def test_a_fact_that_the_caption_dropped_counts_as_lost_there_though_it_is_seen_by_luck() -> None:
    entries = ledger.entries("a cat in the snow", "a cat", PICTURE, using=Seer("snow", ("cat", "x", 0.5)))  # type: ignore[arg-type]
    snow = next(one for one in entries if one.fact.aspect == "setting")
    assert snow.fate == "lost by the director" and snow.seen is True


def test_an_unclear_picture_is_not_held_against_anyone() -> None:
    assert fates("a cat", "a cat", Seer("snow", unclear=True)) == {"cat": "not told"}


def test_without_a_stated_wish_only_the_painter_can_be_blamed() -> None:
    found = fates(None, "a cat in the snow", Seer("night", ("cat", "x", 0.5), ("dog", "x", 0.7)))
    assert found == {"cat": "kept", "snow": "lost by the painter", "dog": "invented by the painter"}


def test_without_a_picture_nothing_is_seen() -> None:
    assert [one.seen for one in ledger.entries("a cat", "a dog", None)] == [None, None]


def test_a_chat_without_caption_loses_all() -> None:
    assert {one.fate for one in ledger.entries("a cat in the snow", None, None)} == {"lost by the director"}


@pytest.mark.parametrize("wished, asked, fate", [(None, True, "not told"), (False, False, "invented by the painter")])
def test_fates_of_what_was_never_seen(wished: bool | None, asked: bool, fate: str) -> None:
    assert Entry(Fact("object", ("cat",)), wished, asked, None).fate == fate
