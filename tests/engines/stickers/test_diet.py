"""What the diet held: counts as recorded, held-out combinations named, unseen words found."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from engines.evidence import PlainError
from engines.pictures.painter import MODELS
from engines.stickers import diet
from engines.stickers.world import facts_of

TOLD = json.loads((MODELS / "sticker-world" / "statistics.json").read_text())


def rows(caption: str) -> dict[str, diet.Held]:
    return {row.aspect: row for row in diet.load().held(facts_of(caption))}


def test_a_single_object_is_counted_with_its_ground():
    held = rows("a strawberry on a white background")
    assert held["object"].scenes == TOLD["objects"]["strawberry"] > 0
    assert held["count"].scenes == TOLD["object_counts"]["strawberry | 1"]
    assert held["background"].scenes == TOLD["object_backgrounds"]["strawberry | white"]
    assert not any(row.held_out for row in held.values())


def test_a_pair_counts_once_whichever_comes_first():
    one, other = rows("a dog to the left of a cat"), rows("a cat to the right of a dog")
    assert one["pair"].scenes == other["pair"].scenes == TOLD["pairs"]["cat | dog"]
    assert one["relation"].scenes == TOLD["relations"]["left"]
    assert rows("a dog above a cat")["relation"].scenes == TOLD["relations"]["above"]
    assert "count" not in one


@pytest.mark.parametrize(
    ("caption", "aspect"),
    [
        ("a purple car on a white background", "colour"),
        ("three roses on a white background", "count"),
        ("a cat on a green meadow", "background"),
        ("a fish to the left of a cat", "pair"),
        ("a white sign that says GARDEN", "lettering"),
    ],
)
def test_what_was_held_out_on_purpose_is_named_and_was_never_fed(caption, aspect):
    held = rows(caption)[aspect]
    assert held.held_out and held.scenes == 0


def test_every_held_out_combination_has_no_scene():
    told = diet.load()
    for name, colour in told.kept["colours"]:
        assert told.held(facts_of(f"a {colour} {name}"))[1] == diet.Held("colour", f"{colour} {name}", 0, True)
    for (word,) in told.kept["words"]:
        assert told._count("words", word) == 0


def test_colours_and_words():
    assert rows("a red sign that says OPEN")["colour"].scenes == TOLD["board_colours"]["red"]
    assert rows("a red sign that says OPEN")["lettering"].scenes == TOLD["words"]["OPEN"]
    assert "never repaints" in rows("a green tiger")["colour"].note and not rows("a green tiger")["colour"].scenes


def test_a_count_beyond_the_world_is_a_row_of_its_own():
    assert rows("five cats")["count"] == diet.Held("count", "5 × cat", 0)
    assert "count" not in rows("cats")


def test_words_that_were_never_read_are_found():
    unseen = diet.load().unseen
    assert unseen("a dragon on a white background, breathing fire!") == ("dragon", "breathing", "fire")
    assert unseen("an open hand to the left of a bunch of grapes under the stars") == ()
    assert unseen("a white sign that says GARDEN") == ()
    assert unseen("a taxi") == ("taxi",)  # only ever in capitals, on signs
    assert unseen("🐉 تنين") == ("🐉", "تنين")
    assert unseen("  , . ") == ()


def test_every_honest_phrase_of_the_world_is_in_the_vocabulary():
    from engines.stickers import scenes as world

    for seed in range(300):
        for phrase in world.phrasings(world.plan(seed)):
            assert not diet.load().unseen(phrase), phrase


def test_missing_statistics_are_said_plainly(tmp_path):
    with pytest.raises(PlainError, match="training.diet"):
        diet.load(tmp_path)


def test_unknown_words_are_told_without_a_model():
    assert diet.unknown_words("a Dragon in front of a castle, at night") == ("Dragon", "castle")
    assert diet.unknown_words("two apples on a white background") == () == diet.unknown_words("")
    code = "import sys; from engines.stickers import diet; diet.unknown_words('x'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=MODELS.parent).returncode == 0
