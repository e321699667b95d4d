"""The grammar of the stories and its parser: what it writes is valid, and what is damaged is not."""

from __future__ import annotations

import random

import pytest

from engines.text import stories

TEXTS = [stories.story(seed) for seed in range(1500)]
KITES = "anna finds three old red kites . she gives the kites to omar . now omar has three old red kites ."


def test_every_story_is_valid_and_fits_the_canvas() -> None:
    for text in TEXTS:
        assert not stories.broken([*text, *[stories.END] * (stories.CANVAS - len(text))]), " ".join(text)
        assert not stories.broken(text) and 15 <= len(text) < stories.CANVAS and text[-1] == "."
    assert len({" ".join(text) for text in TEXTS}) == len(TEXTS)


def test_the_vocabulary_is_large_and_each_form_has_one_class() -> None:
    words = stories.vocabulary()
    assert len(words) == len(set(words)) >= 2000
    lists = stories.words()
    forms = [word for kind in lists for word in lists[kind]]
    forms += [stories.plural(word) for kind in ("things", "animals", "verbs") for word in lists[kind]]
    assert len(forms) == len(set(forms)) and set(forms) < set(words)


def test_a_shuffled_story_breaks_rules() -> None:
    for seed, text in enumerate(TEXTS[:300]):
        words = text[:-1]
        random.Random(seed).shuffle(words)
        assert stories.broken([*words, "."]) or [*words, "."] == text


def test_a_word_of_another_class_is_always_found() -> None:
    dice = random.Random(0)
    for text in TEXTS[:300]:
        place = dice.randrange(len(text))
        other = next(
            word for word in dice.sample(stories.vocabulary(), 50)
            if stories.classes()[word] != stories.classes()[text[place]] and word not in ("one", "she", "he")
        )  # fmt: skip
        spoiled = [*text[:place], other, *text[place + 1 :]]
        assert stories.broken(spoiled), " ".join(spoiled)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (f"{KITES} who has the kites ? omar .", None),
        (f"{KITES} who has the kites ? anna .", "answer"),
        (f"{KITES} how many kites ? four .", "answer"),
        (f"{KITES} what colour is the kites ? red .", "number"),
        (f"{KITES} what colour are the kites ? blue .", "answer"),
        (f"{KITES} omar has the kites .", "shape"),
        (f"{KITES.replace('she', 'he')} who has the kites ? omar .", "pronoun"),
        (f"{KITES.replace('now omar', 'now she')} who has the kites ? omar .", "pronoun"),
        (f"{KITES.replace('now omar', 'now anna')} who has the kites ? omar .", "owner"),
        (f"{KITES.replace('to omar', 'to anna').replace('now omar', 'now anna')} who has the kites ? anna .", "owner"),
        (f"{KITES.replace('now omar has three', 'now omar has two')} who has the kites ? omar .", "retold"),
        (f"{KITES.replace('gives the kites', 'gives the kite')} who has the kites ? omar .", "retold"),
        (f"{KITES.replace('finds three', 'finds a')} who has the kites ? omar .", "article"),
        (f"{KITES.replace('finds three', 'finds an')} who has the kites ? omar .", "number"),
        ("two owls sleep . softly , they sings . they rest . zoe feeds two owls .", "number"),
        ("two owls sleep . softly , it sings . they rest . zoe feeds two owls .", "number"),
        ("two owls sleep . softly , they sing . they rest . zoe feeds three owls .", "retold"),
        ("two owls sleep . softly , they sing . they rest . zoe feeds two owls .", None),
        ("", "shape"), ("<script> anna", "shape"),
    ],
    ids=range(20),
)  # fmt: skip
def test_each_rule(text: str, rule: str | None) -> None:
    found = stories.broken(text.split())
    assert rule in found if rule else not found


def test_the_end_must_be_there_and_last() -> None:
    text = TEXTS[0]
    assert stories.broken([*text, stories.END, "red"]) == ("end",)
    assert "end" in stories.broken(["red"] * stories.CANVAS)
    assert set(stories.broken(["x"])) <= set(stories.RULES)


def test_lines_are_judged_alone() -> None:
    text = "anna finds three red kites . now he has two blue kite . who has the kites ? anna .".split()
    assert stories.sound_lines([*text, stories.END]) == (2, 3) and stories.sound_lines([]) == (0, 0)


def test_pairs_are_held_out() -> None:
    colours, things = stories.words()["colours"], stories.words()["things"]
    share = sum(stories.is_held_out(colour, thing) for colour in colours for thing in things)
    assert 0.03 < share / (len(colours) * len(things)) < 0.07
    for seed in range(20):
        text = stories.story(seed, held_out=True)
        assert not stories.broken(text) and any(stories.classes()[word] == "c" for word in text)
