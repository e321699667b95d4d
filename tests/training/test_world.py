from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, ImageDraw

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


def test_a_words_largest_letters_are_found_as_if_every_size_were_tried() -> None:
    for word in (*world.WORDS, *(str(word) for (word,) in world.held_out()["words"])):
        boxes = {size: world.font(size).getbbox(word, anchor="ls") for size in range(9, 45)}
        fits = [size for size, (left, top, right, low) in boxes.items() if right - left <= 104 and low - top <= 30]
        assert world.largest_font(word, 104, 30) == max(fits)


@pytest.mark.parametrize(("side", "name"), [(128, "night"), (32, "night"), (128, "sunset"), (32, "sunset")])
def test_a_disc_is_laid_as_if_the_whole_picture_were_computed(side: int, name: str, monkeypatch) -> None:
    def everywhere(pixels: np.ndarray, x: float, y: float, radius: float, colour: Sequence[float]) -> None:
        cell = world.SIZE / len(pixels)
        rows, columns = (np.mgrid[: len(pixels), : len(pixels)] + 0.5) * cell
        covered = min(1.0, np.pi * (radius / cell) ** 2)
        disc = covered * np.clip((radius - np.hypot(columns - x, rows - y)) / cell + 0.5, 0, 1)[..., None]
        pixels[:] = pixels * (1 - disc) + np.array(colour) * disc

    quick = [np.asarray(world.background(name, random.Random(seed), side)) for seed in range(6)]
    monkeypatch.setattr(world, "_lay_disc", everywhere)
    for seed, picture in enumerate(quick):
        np.testing.assert_array_equal(picture, np.asarray(world.background(name, random.Random(seed), side)))


@pytest.mark.parametrize(("word", "x", "y", "width"), [("GO", 63.2, 47.9, 56), ("PHARMACY", 65.9, 60.01, 118.5)])
def test_a_sign_is_drawn_as_if_its_layer_covered_the_picture(word: str, x: float, y: float, width: float) -> None:
    shown = Image.new("RGBA", (128, 128), (90, 170, 235, 255))
    whole, layer = shown.copy(), Image.new("RGBA", (512, 512))
    world.draw_sign(shown, word, "red", x, y, width, 37.5, 20)
    draw, font = ImageDraw.Draw(layer), world.font(80)
    draw.rectangle([4 * x - 16, 4 * y, 4 * x + 16, 512 * 0.97], fill=(110, 80, 50))
    box = [4 * x - 2 * width, 4 * y - 75, 4 * x + 2 * width, 4 * y + 75]
    draw.rounded_rectangle(box, 24, fill=(214, 60, 60), outline=(160, 45, 45), width=8)
    left, top, right, bottom = font.getbbox(word, anchor="ls")
    draw.text((4 * x - (left + right) / 2, 4 * y - (top + bottom) / 2), word, (250, 250, 250), font, anchor="ls")
    whole.alpha_composite(layer.resize((128, 128), Image.Resampling.BOX))
    np.testing.assert_array_equal(np.asarray(shown), np.asarray(whole))


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
