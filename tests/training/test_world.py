from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from engines.stickers import scenes as world
from engines.stickers.scenes import Plan, Thing
from training import data, diet, tools
from training.data import plan_of, scenes


def test_the_same_seed_gives_the_same_scene() -> None:
    for seed in (0, 1, 17, 900_000_003):
        first, second = world.scene(seed), world.scene(seed)
        assert np.array_equal(np.asarray(first.picture), np.asarray(second.picture))
        assert (first.caption, first.plan, first.placed) == (second.caption, second.plan, second.placed)
    assert world.scene(1).plan != world.scene(2).plan


def test_a_scene_is_128_pixels_square_and_says_what_it_holds() -> None:
    scene = world.scene(3)
    assert scene.picture.size == (128, 128) and scene.picture.mode == "RGB"
    assert scene.sloppy or scene.caption in scene.phrasings


def test_held_out_combinations_are_never_planned() -> None:
    plans = [world.plan(seed) for seed in range(20_000)]
    assert not any(world.is_held_out(plan) for plan in plans)
    kept = world.held_out()
    seen = {(thing.name, plan.background) for plan in plans for thing in plan.things}
    assert not seen & kept["backgrounds"]
    assert not {plan.word for plan in plans} & {word for (word,) in kept["words"]}


def test_held_out_combinations_name_things_of_this_world() -> None:
    kept = world.held_out()
    assert all(name in world.OBJECTS and place in world.BACKGROUNDS for name, place in kept["backgrounds"])
    assert all(name in world.OWN_COLOUR and paint in world.PAINTS for name, paint in kept["colours"])
    assert all(name in world.OBJECTS and count in (2, 3, 4) for name, count in kept["counts"])
    assert all(set(pair) <= set(world.OBJECTS) for pair in kept["pairs"])
    assert not {word for (word,) in kept["words"]} & set(world.WORDS)


def test_every_kind_of_scene_is_planned_about_as_often_as_meant() -> None:
    kinds = Counter(world.plan(seed).kind for seed in range(4_000))
    assert kinds["single"] > kinds["pair"] > kinds["sign"] > 200
    assert kinds["count"] > kinds["sign"]


@pytest.mark.parametrize(
    ("plan", "plainest"),
    [
        (Plan("single", (Thing("owl"),), 1, "desert"), "an owl in the desert"),
        (Plan("single", (Thing("balloon", "blue"),), 1, "orange"), "a blue balloon on an orange background"),
        (Plan("count", (Thing("strawberry"),), 3, "snow"), "three strawberries in the snow"),
        (Plan("pair", (Thing("cat"), Thing("apple")), 1, "night", "left"),
         "a cat to the left of an apple under a night sky"),
        (Plan("pair", (Thing("cat"), Thing("apple")), 1, "night", "above"),
         "a cat above an apple under a night sky"),
        (Plan("sign", (Thing("sign", "green"),), 1, "beach", word="CAFE"),
         "a green sign that says CAFE on a sandy beach"),
    ],
)  # fmt: skip
def test_the_plainest_phrasing(plan: Plan, plainest: str) -> None:
    assert world.phrasings(plan)[0] == plainest
    assert len(set(world.phrasings(plan))) >= 6


def test_left_is_left_and_above_is_above() -> None:
    pair = Plan("pair", (Thing("cat"), Thing("apple")), 1, "white", "left")
    cat, apple = world.render(pair, 5).placed
    assert cat.name == "cat" and cat.x < apple.x
    pair = Plan("pair", (Thing("cat"), Thing("apple")), 1, "white", "above")
    cat, apple = world.render(pair, 5).placed
    assert cat.y < apple.y


def test_paint_changes_a_sticker_and_its_own_colour_does_not() -> None:
    own = np.asarray(world.sticker("balloon"))
    assert np.array_equal(own, np.asarray(world.sticker("balloon", "red")))
    blue = np.asarray(world.sticker("balloon", "blue")).astype(int)
    shown = blue[..., 3] > 0
    assert blue[shown, 2].mean() > blue[shown, 0].mean()


def test_a_sign_fits_its_picture_for_every_word() -> None:
    for word in (*world.WORDS, *(word for (word,) in world.held_out()["words"])):
        size = world.largest_font(str(word), 104, 30)
        left, _, right, _ = world.font(size).getbbox(str(word), anchor="ls")
        assert right - left <= 104


def test_scenes_are_cached_and_their_records_hold_the_plan(tmp_path) -> None:
    first = scenes(0, 6, cache=tmp_path, workers=1)
    again = scenes(0, 6, cache=tmp_path, workers=1)
    assert np.array_equal(first.pictures, again.pictures) and first.records == again.records
    for seed, record in enumerate(first.records):
        assert plan_of(record) == world.plan(seed)
    counted = diet.statistics(first.records)
    assert counted["scenes"] == 6 and sum(counted["kinds"].values()) == 6


def test_the_bundled_diet_is_that_of_the_painters_last_stage() -> None:
    """The counts were of the 64,000 scenes of its first stages."""
    folder = tools.MODELS / "sticker-world"
    told = json.loads((folder / "statistics.json").read_text())
    assert told["scenes"] == data.ON_A_CARD == sum(told["kinds"].values()) == 256_000
    assert told["held_out"]["words"] and not set(told["words"]) & set(told["held_out"]["words"])
    for tile in json.loads((folder / "contact-sheet.json").read_text())["tiles"]:
        assert data.plan_of(tile) == world.plan(tile["seed"])
    counted = Counter(world.plan(seed).kind for seed in range(0, data.ON_A_CARD, 64))
    for kind, count in told["kinds"].items():  # of 4,000 seeds from all over it, to four standard errors
        share = count / told["scenes"]
        assert abs(counted[kind] / 4000 - share) < 4 * (share * (1 - share) / 4000) ** 0.5
