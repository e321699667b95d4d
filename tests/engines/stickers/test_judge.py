"""Verdicts from hand-made readings, a judge loaded from disk, and real OCR of drawn words."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from engines.evidence import PlainError
from engines.pictures.files import draw_text
from engines.stickers import judge as judging
from engines.stickers import world as sticker_world
from engines.stickers.detector import Found, JudgeModel, Reading
from engines.stickers.judge import READERS, Judge, Lettering, edit_distance, facts_of, judge, rates, read_text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("judge")
    JudgeModel(
        objects=(*sticker_world.OBJECTS, "sign"), colours=sticker_world.COLOURS,
        backgrounds=sticker_world.BACKGROUNDS, widths=(8, 8, 8),
    ).save_pretrained(place)  # fmt: skip
    return place


class Seer:
    """Stands where the classifier stands, and sees what it is told."""

    def __init__(self, *readings: Reading) -> None:
        self.readings = readings

    def look(self, pictures: np.ndarray) -> tuple[Reading, ...]:
        return self.readings


def reading(background: str, *found: tuple[str, str, float, float], **unclear) -> Reading:
    things = tuple(Found(name, 0.9, colour, 0.9, x, y) for name, colour, x, y in found)
    return Reading(things, {thing.name: 0.9 for thing in things}, background, {background: 0.9}, **unclear)


def verdict(caption: str, seen: Reading) -> judging.Verdict:
    (result,) = judge(np.zeros((1, 128, 128, 3), np.uint8), facts_of(caption), using=Seer(seen), lettering=False)
    return result


def test_a_right_picture():
    seen = reading("snow", ("car", "blue", 0.3, 0.5), ("cat", "orange", 0.7, 0.5))
    result = verdict("a blue car to the left of a cat in the snow", seen)
    assert result.right == dict.fromkeys(("object", "count", "colour", "background", "relation"), True)
    assert result.outcome and result.extra == result.unscored == ()
    assert result.expected["colour"] == "blue car" and result.seen["relation"] == "left"


def test_each_aspect_fails_alone():
    caption = "two blue cars in the snow"
    two, one = ("car", "blue", 0.3, 0.5), ("car", "blue", 0.7, 0.5)
    wrong = {
        "count": verdict(caption, reading("snow", two)),
        "colour": verdict(caption, reading("snow", two, ("car", "red", 0.7, 0.5))),
        "background": verdict(caption, reading("beach", two, one)),
    }
    for aspect, result in wrong.items():
        assert [name for name, right in result.right.items() if not right] == (
            ["count", "colour"] if aspect == "count" else [aspect]
        )
    missing = verdict(caption, reading("snow", ("dog", "brown", 0.5, 0.5)))
    assert not missing.right["object"] and missing.extra == ("dog",) and missing.seen["count"] == "1 dog"
    assert verdict(caption, reading("snow")).seen["object"] == "nothing"


@pytest.mark.parametrize(
    "phrase, place", [("to the left of", "left"), ("to the right of", "right"), ("above", "above"), ("below", "below")]
)
def test_relations_are_read_from_places(phrase, place):
    x, y = {"left": (0.2, 0.5), "right": (0.8, 0.5), "above": (0.5, 0.2), "below": (0.5, 0.8)}[place]
    seen = reading("white", ("dog", "brown", x, y), ("cat", "orange", 0.5, 0.5))
    assert verdict(f"a dog {phrase} a cat", seen).right["relation"]
    assert not verdict(f"a cat {phrase} a dog", seen).right["relation"]
    assert not verdict(f"a dog {phrase} a tree", seen).right["relation"]


def test_what_cannot_be_scored_is_named():
    result = verdict("a purple pizza with a unicorn", reading("white", ("pizza", "red", 0.5, 0.5)))
    assert "colour" not in result.right and result.right["object"]
    assert result.unscored == ("the colour of the pizza", "“unicorn”")
    nothing = verdict("a dream", reading("white"))
    assert nothing.right == {} and nothing.outcome is None


@pytest.mark.parametrize(
    "caption",
    ["a cat with three fingers in the snow", "a cat on a horse in the snow"],
)
def test_one_cat_is_never_the_whole_of_a_larger_wish(caption):
    seen = reading("snow", ("cat", "orange", 0.5, 0.5), ("horse", "brown", 0.2, 0.2))
    assert verdict(caption, seen).unscored


def test_more_than_one_is_counted_as_that():
    one, two = ("car", "red", 0.3, 0.5), ("car", "blue", 0.7, 0.5)
    assert not verdict("cars in the snow", reading("snow", one)).right["count"]
    both = verdict("cars in the snow", reading("snow", one, two))
    assert both.outcome and both.expected["count"] == "2 or more car"
    assert not verdict("red cars in the snow", reading("snow", one, two)).right["colour"]


def test_one_duck_is_not_five_and_four_may_be():
    """The judge counts to four: a picture that asks for more can be refuted, and never confirmed."""
    ducks = [("duck", "white", 0.2 + 0.2 * at, 0.5) for at in range(4)]
    one, four = verdict("five ducks", reading("snow", ducks[0])), verdict("five ducks", reading("snow", *ducks))
    assert one.right == {"object": True, "count": False} and one.outcome is False and one.unscored == ()
    assert four.untold == ("count",) and four.outcome is None
    assert verdict("five ducks", reading("snow", ducks[0], unclear=True)).untold == ("count",)
    small = replace(reading("snow"), found=(Found("duck", 1.0, "white", 1.0, 0.2, 0.5, cells=1.5),))
    assert verdict("five ducks", small).untold == ("count",)  # one of many that it does not make out
    assert verdict("a duck, five ducks", reading("snow", ducks[0])).expected["count"] == "6 duck"


def test_what_is_unclear_is_told_neither_way():
    """A blurred dog was named with full certainty, and counted as right."""
    dog = ("dog", "brown", 0.5, 0.5)
    maybe = Found("dog", 1.0, "brown", 1.0, 0.5, 0.5, 0.9)
    blurred = verdict("a dog in the snow", reading("snow", doubtful=(maybe,), unclear=True))
    assert blurred.right == {"background": True} and blurred.untold == ("object", "count") and blurred.outcome is None
    assert blurred.seen["object"] == "perhaps dog"
    wrong = verdict("a dog in the snow", reading("beach", doubtful=(maybe,), unclear=True))
    assert wrong.outcome is False and wrong.untold == ("object", "count")
    there = verdict("a dog in the snow", reading("snow", dog, unclear=True))
    assert there.right["object"] and there.untold == ("count",)  # what cannot be told may be a second one
    fog = verdict("a dog in the snow", reading("beach", dog, background_unclear=True))
    assert fog.untold == ("background",) and fog.outcome is None
    sides = verdict("a dog to the left of a cat", reading("snow", dog, unclear=True))
    assert "relation" in sides.untold and verdict("a dog to the left of a cat", reading("snow", dog)).outcome is False


def test_what_is_to_be_left_out_makes_a_picture_wrong():
    """A duck against "no duck" counted as right, and "a duck without a cat" as a missing cat."""
    duck, cat = ("duck", "white", 0.3, 0.5), ("cat", "orange", 0.7, 0.5)
    assert verdict("a duck without a cat", reading("snow", duck)).outcome
    both = verdict("a duck without a cat", reading("snow", duck, cat))
    assert both.outcome is False and both.right["left out"] is False and both.expected["left out"] == "no cat"
    assert verdict("no duck", reading("snow", duck)).outcome is False and verdict("no duck", reading("snow")).outcome
    assert verdict("no duck", reading("snow", unclear=True)).outcome is None


def test_beside_is_either_side():
    left, above = ("dog", "brown", 0.2, 0.5), ("dog", "brown", 0.6, 0.1)
    cat = ("cat", "orange", 0.6, 0.6)
    assert verdict("a dog next to a cat", reading("snow", left, cat)).right["relation"]
    assert not verdict("a dog next to a cat", reading("snow", above, cat)).right["relation"]


def test_two_of_a_kind_have_no_sides():
    seen = reading("snow", ("cat", "orange", 0.3, 0.5), ("cat", "orange", 0.7, 0.5))
    result = verdict("a cat to the left of a cat in the snow", seen)
    assert "relation" not in result.right and result.unscored == ("what is left of what",)


def test_a_word_without_letters_is_spelled_by_nothing():
    assert not Lettering("", 0.0, ()).spells("!!!") and not Lettering("?!", 0.9, ("?!",)).spells("!!!")
    assert "lettering" not in verdict("a white sign that says !!!", reading("white")).right


def test_rates_carry_their_intervals():
    verdicts = [verdict("a cat in the snow", reading("snow", ("cat", "red", 0.5, 0.5)))] * 3
    verdicts.append(verdict("a cat in the snow", reading("snow", ("dog", "red", 0.5, 0.5))))
    shares = rates(verdicts)
    assert (shares["object"].successes, shares["object"].trials) == (3, 4)
    assert shares["background"].rate == 1 and shares["everything"].rate == 0.75
    assert shares["object"].low == pytest.approx(0.3006, abs=1e-3) and "relation" not in shares
    assert rates([]) == {}
    unclear = verdict("a cat in the snow", reading("snow", unclear=True))
    told = rates([*verdicts, unclear])
    assert told["object"].trials == told["everything"].trials == 4 and told["background"].trials == 5


def test_a_judge_is_loaded_once_and_looks_in_batches(folder):
    loaded = judging.load(folder)
    assert isinstance(loaded, Judge) and loaded is judging.load(folder) and len(loaded.revision) == 12
    assert "sign" in loaded.objects and loaded.backgrounds == sticker_world.BACKGROUNDS
    pictures = np.random.default_rng(0).integers(0, 256, (70, 128, 128, 3), dtype=np.uint8)
    readings = loaded.look(pictures)
    assert len(readings) == 70
    assert math.isclose(sum(readings[0].backgrounds.values()), 1, abs_tol=1e-4)
    alone = loaded.look(pictures[66:67])[0]
    assert alone.backgrounds == pytest.approx(readings[66].backgrounds, abs=1e-5)
    assert len(judge(pictures[:2, :64, :64], [facts_of("a cat"), facts_of("a dog")], using=loaded)) == 2


@pytest.mark.parametrize("shape, facts", [((0, 8, 8, 3), 1), ((1, 8, 8), 1), ((600, 1, 1, 3), 1), ((2, 8, 8, 3), 3)])
def test_what_cannot_be_judged_is_refused(shape, facts):
    with pytest.raises(PlainError):
        judge(np.zeros(shape, np.uint8), [facts_of("a cat")] * facts if facts > 1 else facts_of("a cat"), using=Seer())


def test_a_missing_judge_is_refused(tmp_path):
    with pytest.raises(PlainError, match="not here"):
        judging.load(tmp_path)


def test_ocr_reads_drawn_words_and_scores_lettering():
    pictures = np.stack([draw_text("CAFE", 16, width=128, height=128), np.full((128, 128, 3), 255, np.uint8)])
    drawn, blank = read_text(pictures)
    (reader,) = READERS.loaded()
    assert READERS.load("rapidocr", lambda: pytest.fail("opened twice")) is reader
    assert drawn.spells("cafe") and drawn.confidence > 0.5 and not drawn.spells("CAFES")
    assert blank == Lettering("", 0.0, ())
    seen = reading("white", ("sign", "white", 0.5, 0.5))
    facts = facts_of("a white sign that says CAFE")
    right, wrong = judge(pictures, facts, using=Seer(seen, seen))
    assert right.right["lettering"] and not wrong.right["lettering"]
    assert wrong.seen["lettering"] == "nothing legible"


@pytest.mark.parametrize(
    "a, b, steps", [("", "", 0), ("CAFE", "CAFE", 0), ("CAFE", "CAF", 1), ("kitten", "sitting", 3)]
)
def test_edit_distance(a, b, steps):
    assert edit_distance(a, b) == edit_distance(b, a) == steps
