import pytest

from engines.stickers import scenes as world
from engines.stickers import world as sticker_world
from engines.stickers.world import Facts, Thing, facts_of, unscored


def test_the_grammar_and_the_drawn_world_share_their_words():
    assert sticker_world.OBJECTS == tuple(world.OBJECTS)
    assert sticker_world.COLOURS == tuple(world.COLOURS)
    assert sticker_world.RECOLOURABLE == (*world.OWN_COLOUR, "sign")


def test_every_honest_phrasing_is_read_back_as_its_plan():
    for seed in range(400):
        plan = world.plan(seed)
        for phrasing in world.phrasings(plan):
            facts = facts_of(phrasing)
            assert facts.background == plan.background, phrasing
            assert facts.unread == (), phrasing
            names = [thing.name for thing in facts.things]
            turned = facts.relation in ("right", "below")
            assert (names[::-1] if turned else names)[0] == plan.things[0].name or " and " in phrasing, phrasing
            assert sorted(names) == sorted(thing.name for thing in plan.things), phrasing
            assert facts.things[0].count == plan.count, phrasing
            if plan.relation and " and " not in phrasing:
                assert {"right": "left", "below": "above"}.get(facts.relation, facts.relation) == plan.relation
            if plan.word and plan.word in phrasing:
                assert facts.lettering == plan.word


@pytest.mark.parametrize(
    "caption, facts",
    [
        ("a red car and two blue fish on a gray background",
         Facts((Thing("car", 1, "red"), Thing("fish", 2, "blue")), "gray")),
        ("an apple under a moon", Facts((Thing("apple"), Thing("moon")), None, "below")),
        ("Dogs at night", Facts((Thing("dog", None),), "night")),
        ('a sign saying "hi!" in the snow', Facts((Thing("sign"),), "snow", None, "HI!")),
        ("a purple unicorn", Facts((), None, unread=("purple", "unicorn"))),
        ("", Facts()),
    ],
)  # fmt: skip
def test_facts_of_free_captions(caption, facts):
    assert facts_of(caption) == facts


@pytest.mark.parametrize(
    "caption, left",
    [
        ("five cats in the snow", ()),
        ("an open hand with three fingers in the snow", ("“three”", "“fingers”")),
        ("an open hand with five fingers in the snow", ("the five fingers",)),
        ("a cat with five fingers", ("“five”", "“fingers”")),
        ("a cat on a horse in the snow", ("“on”",)),
        ("a cat in a car", ("“in”",)),
        ("a group of cats", ("“group”", "“of”")),
        ("three pairs of cats", ("“three”", "“pairs”", "“of”")),
        ("three and a half cats", ("“three”", "“half”")),
        ("a white sign that says !!!", ("“!!!”",)),
        ("a sign that says GO and a sign that says STOP", ("“that”", "“says”", "“stop”")),
        ('a sign that says "HELLO WORLD"', ("“world”",)),
        ("a cat on a red background at night", ("“on”", "“red”", "“background”")),
        ("a cat against red cars", ("“against”",)),
        ("under a cat, a dog", ("“under”",)),
        ("a dog and a cat to the left", ("“to”", "“left”")),
        ("a cat to the left of a cat", ("what is left of what",)),
        ("two cats left of a dog", ("what is left of what",)),
        ("a red strawberry", ("the colour of the strawberry",)),
        ("a hot-dog", ("“hot-dog”",)),
        ("a cat 🐉", ("“🐉”",)),
        ("no cat", ()),
        ("a cat instead of two cars", ("“instead”", "“of”", "“two”", "“cars”")),
        ("a cat without a red car", ("“without”", "“red”", "“car”")),
        ("no two cats", ("“no”", "“two”", "“cats”")),
        ("a dog not in the snow", ("“not”", "“in”", "“snow”")),
        ("a big dog", ("“big”",)),
        ("two cats beside a tree", ("what is beside what",)),
    ],
)
def test_no_word_of_a_wish_is_dropped_in_silence(caption, left):
    assert unscored(facts_of(caption)) == left


def test_what_the_world_says_can_be_scored_whole_but_for_its_own_colours_and_fingers():
    for seed in range(400):
        plan = world.plan(seed)
        for phrasing in world.phrasings(plan):
            expected = ("the five fingers",) if "five fingers" in phrasing else ()
            assert unscored(facts_of(phrasing)) == expected, phrasing


def test_a_plural_without_a_number_asks_for_more_than_one():
    assert sticker_world.counted(facts_of("cats and a dog")) == {"cat": (2, False), "dog": (1, True)}
    assert sticker_world.counted(facts_of("five cats")) == {"cat": (5, True)}
    assert sticker_world.counted(facts_of("three cats, two cats")) == {"cat": (5, True)}


@pytest.mark.parametrize(
    "caption, relation",
    [
        ("a dog next to a cat", "beside"), ("a dog on the left and a cat on the right", "left"),
        ("on the left a dog, on the right a cat", "left"), ("a dog is on the right, a cat", "right"),
        ("a dog at the top and a cat at the bottom", "above"), ("a dog on the left of a cat", "left"),
        ("a dog on the left side and a cat on the left side", None),
    ],
)  # fmt: skip
def test_natural_wordings_of_a_place_are_read(caption, relation):
    facts = facts_of(caption)
    assert facts.relation == relation and [thing.name for thing in facts.things] == ["dog", "cat"]
    assert bool(facts.unread) == (relation is None)


@pytest.mark.parametrize(
    "caption, things, absent",
    [
        ("a duck without a cat on a white background", "duck", "cat"), ("a duck, no cats", "duck", "cat"),
        ("a duck instead of a cat", "duck", "cat"), ("neither a cat nor an owl", "", "cat owl"),
        ("neither a cat nor a dog nor an owl", "", "cat dog owl"),
        ("a duck, never a cat", "duck", "cat"), ("anything but a cat", "", "cat"),
        ("a duck minus a cat", "duck", "cat"),
        ("a duck rather than a cat", "duck", "cat"), ("a duck that isn’t a cat", "duck", "cat"),
        ("a horse and no cow or pig", "horse", "cow pig"), ("a dog but not a cat in the snow", "dog", "cat"),
        ("a dog with no cat and no tree", "dog", "cat tree"), ("no duck", "", "duck"),
    ],
)  # fmt: skip
def test_what_is_to_be_left_out_is_no_wish_for_it(caption, things, absent):
    facts = facts_of(caption)
    assert ([thing.name for thing in facts.things], list(facts.absent)) == (things.split(), absent.split())
    assert facts.unread == ()


@pytest.mark.parametrize("frame", ["a photo of", "please draw me a picture of", "a sticker of", "show me"])
def test_what_is_said_around_a_wish_is_none(frame):
    assert facts_of(f"{frame} a dog in the snow") == facts_of("a dog in the snow")
