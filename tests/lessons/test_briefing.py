"""Briefing: the checklist, one change from one seed, words against dice, three ways for a wish, a recipe as a link."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from engines.director.directing import Candidate, Direction
from engines.evidence import PlainError
from engines.pictures.painter import POCKET
from engines.statistics import more
from lessons import defaults
from lessons.briefing import api, bench, both, checklist, dice, figures, measures, recipe
from lessons.shell.content import folder, read_lesson
from tests.engines import tiny_text
from tests.engines.tiny_painters import same_pictures
from tests.lessons.common import NASTY, last, run, safe

CAPTION, OTHER = "a red balloon on a green meadow", "a yellow balloon on a green meadow"
PAGE = "https://class.example:7860/play/briefing"


@pytest.fixture
def as_bundled(painter, monkeypatch):
    """The tiny painter, taken for the bundled one: judge and diet apply to it."""
    monkeypatch.setattr(painter, "source", POCKET)
    return painter


def states(caption: str, world: bool = True) -> dict[str, str]:
    return {one.key: one.state for one in checklist.check(caption, world)}


def advice(caption: str, key: str) -> str:
    return next(one.advice for one in checklist.check(caption) if one.key == key)


# --- the checklist ----------------------------------------------------------------------------------------


def test_a_whole_caption_leaves_nothing_to_say_and_a_bare_one_is_open():
    assert set(states("two red books on a white background").values()) == {"met"}
    bare = states("an owl")
    assert bare["thing"] == bare["number"] == "met" and bare["colour"] == bare["place"] == "open"


@pytest.mark.parametrize(
    ("caption", "key", "names"),
    [
        ("can you paint me a cat", "finished", "can you"),
        ("a cat, please", "finished", "please"),
        ("is it a cat?", "finished", "?"),
        ("the same but blue, make it night", "alone", "same"),
        ("at night", "thing", "an owl"),
        ("five dogs", "number", "dog"),
        ("a purple cat", "colour", "cat"),
        ("on a white background two red books", "place", "first"),
        ("a bunny on the grass", "words", "bunny"),
        ("a house and no tree", "denied", "no"),
        ("a cat that isn’t red", "denied", "isn't"),
    ],
)
def test_what_is_better_said_otherwise_is_named_with_what_to_do(caption, key, names):
    assert states(caption)[key] == "mend" and names in advice(caption, key)


def test_a_slip_of_the_finger_is_offered_the_word_it_is_near_and_letters_within_words_are_no_talk():
    assert "“rabbit”" in advice("a rabit in the snow", "words")
    calm = states("a white house on the grass")  # "hi" in white, "it" in white, "no" in nothing
    assert calm["finished"] == calm["alone"] == calm["denied"] == "met"
    assert states("a sign that says PLEASE")["finished"] == "met"


def test_another_painter_is_told_of_talk_and_denial_only():
    assert list(states("a dragon", world=False)) == ["finished", "alone", "denied"]


@pytest.mark.parametrize("text", [None, 5, "", "\u202e\u200b\x00", NASTY, "no " * 5000, "🦉" * 400, "\ud800"])
def test_whatever_is_typed_gets_a_list_that_is_no_markup(text):
    drawn = figures.checks(checklist.check(text))
    safe(drawn)
    assert len(drawn) < 6000


# --- one change, one seed ---------------------------------------------------------------------------------


def test_the_bench_paints_both_from_one_seed_and_from_others(painter):
    result = last(bench.bench(painter, CAPTION, OTHER, 3, 2.0, steps=2))
    value = result.value
    assert value.seeds == (3, 4, 5, 6, 7) and all(len(one.pictures) == 5 for one in value.painted)
    assert 0 <= value.stayed <= 1 and len(value.kept) == len(value.rolled) == len(value.latent_rolled) == 5
    first, second = (one.pictures.astype(float) / 255 for one in value.painted)
    pairs = [*((first[0], one) for one in second[1:]), *((one, second[0]) for one in first[1:])]
    assert value.rolled[0] == pytest.approx(np.mean([np.abs(one - other).mean() for one, other in pairs]), abs=1e-6)
    assert (value.latent_kept > 0).all() and result.provenance.settings["guidance_scale"] == 2
    assert bench.bench_truth(value)[0] == value.stayed
    assert result.findings[-1].headline == "not judged"
    painted = np.stack([np.asarray(one) for one in run(result.snippet)])
    assert np.abs(painted.astype(int) - result.expected).max() <= 1  # alone, not in a batch
    assert figures.bench_rows(value).count("<figure") == 3 + bench.OTHERS


def test_the_judge_looks_for_each_caption_in_both_pictures(as_bundled):
    result = last(bench.bench(as_bundled, CAPTION, OTHER, 3, steps=1))
    first, second = result.value.against
    assert first.wish == CAPTION and second.wish == OTHER and first.pictures == 2
    assert {"object", "colour", "background"} <= first.aspects.keys()
    assert all(len(row) == len(result.table.columns) for row in result.table.rows)
    assert "says the judge" in result.findings[-1].text


@pytest.mark.parametrize(
    "inputs", [("", OTHER), (CAPTION, CAPTION), (CAPTION, f" {CAPTION} "), ("x" * 401, OTHER), (5, OTHER), (None, None)]
)
def test_the_bench_refuses_what_are_no_two_captions(painter, inputs):
    with pytest.raises(PlainError):
        last(bench.bench(painter, *inputs, steps=1))


def test_the_endpoint_gives_what_the_screen_shows_and_refuses_in_words(served):
    found = api.compare_prompts(CAPTION, OTHER, 1, None, 1)
    assert len(found["pictures"]) == 2 and len(found["others"]) == bench.OTHERS and found["judged"][0]["why"]
    for bad in ((CAPTION, OTHER, -1), (CAPTION, OTHER, 0, 99), (CAPTION, OTHER, 0, 2, 0), (CAPTION, "", 0)):
        with pytest.raises(PlainError):
            api.compare_prompts(*bad)


# --- words or dice ----------------------------------------------------------------------------------------


def test_wordings_are_compared_with_other_seeds_pair_by_pair(painter):
    result = last(dice.dice(painter, CAPTION, OTHER, CAPTION, 3, 5, steps=2))
    value = result.value
    assert value.seeds == (5, 6, 7) and len(value.words) == len(value.dice) == 3
    one, other, third = value.painted[0].pictures.astype(float) / 255
    assert value.dice[0] == pytest.approx((np.abs(one - other).mean() + np.abs(one - third).mean()) / 2, abs=1e-6)
    assert value.told_apart == more(value.words, value.dice)
    assert dice.dice_truth(value)[0] == value.ratio == pytest.approx(value.words.mean() / value.dice.mean())
    painted = run(result.snippet)
    for caption, pictures in result.expected.items():
        same_pictures(painted[caption], pictures)
    assert figures.dice_rows(value).count("<figure") == 6 and "<li" in figures.dice_bars(value)
    assert len(result.table.rows) == 3 + 3


def test_the_same_tokens_paint_the_same_picture(painter):
    value = last(dice.dice(painter, "a red cat", "A  red CAT", "a cat", 2, steps=1)).value
    assert not value.words.any() and value.ratio == 0


def test_pairs_that_cannot_be_told_stand_apart_and_the_interval_is_newcombes():
    pairs = measures.paired((True, True, None, False), (True, False, True, False))
    assert (pairs.both, pairs.first, pairs.second, pairs.neither, pairs.untold) == (1, 1, 0, 1, 1)
    change, low, high = measures.paired([True] * 43 + [False] * 32, [True] * 36 + [False] * 39).change.least
    assert low < change < high
    twelve = [True] * 54 + [False] * 75  # Newcombe 1998, table II, example (b): a = 20, b = 12, c = 2, d = 16
    first = [True] * 32 + [False] * 18
    second = [True] * 20 + [False] * 12 + [True] * 2 + [False] * 16
    change, low, high = measures.paired(first, second).change.least
    assert (round(-change, 4), round(-high, 4), round(-low, 4)) == (0.2, 0.0562, 0.3292)
    assert len(twelve) == 129 and measures.paired(first, first).change.more == 0
    assert measures.paired([True] * 8, [False] * 8).change.more == -1
    assert measures.paired([True] * 2, [False] * 2).change.more == 0, "two pairs decide nothing"
    assert measures.paired([None], [None]).pairs == 0
    eight = [True] * 8
    nearly = measures.paired(eight, [None, *[False] * 7]).change
    assert nearly.more == -1 and (nearly.least[0], nearly.most[0]) == (-1, -7 / 8)
    assert measures.paired(eight, [*[None] * 6, False, False]).change.more == 0, "six of eight may be right"


def test_every_wording_that_is_offered_can_be_judged():
    for one in (*dice.WORDINGS, *dice.ALSO):
        assert one.first != one.second
        found = measures.facts_of(one.wish)
        assert found.things and not measures.unscored(found)


# --- three ways -------------------------------------------------------------------------------------------


def directing(monkeypatch, caption: str | None) -> None:
    made = (Candidate(caption or "a cat", -1.0, 0.0, -3.0),)
    monkeypatch.setattr(both.directing, "direct", lambda model, said: Direction(caption, made, ("dragon",)))


CHAT = "A balloon.\n\n  Make it red.  \nin a meadow"


def test_a_chat_is_painted_by_three_ways_from_the_same_seeds(as_bundled, monkeypatch):
    directing(monkeypatch, CAPTION)
    *_, result = both.both(tiny_text.tiny(), as_bundled, CHAT, CAPTION, OTHER, 2, 0, steps=1)
    value = result.value
    assert value.messages == ("A balloon.", "Make it red.", "in a meadow")
    assert [way.caption for way in value.ways.values()] == [CAPTION, OTHER, "A balloon. Make it red. in a meadow"]
    assert value.ways[both.DIRECTOR].ledger.exact and value.ways[both.RAW].ledger is None
    assert {str(one) for one in value.ways[both.YOURS].ledger.lost} == {"red balloon"}
    assert all(len(way.pictures) == 2 for way in value.ways.values())
    assert len(result.table.rows) == 6 and "“dragon”" in figures.both_rows(value)


def test_the_code_of_the_three_ways_and_of_a_recipe_paints_them_again(painter, monkeypatch):
    directing(monkeypatch, CAPTION)
    for result in (
        last(both.both(tiny_text.tiny(), painter, CHAT, CAPTION, OTHER, 2, 0, steps=2)),
        last(recipe.recipe(painter, "a cat on a white background", 3, 2, 2.0)),
    ):
        painted, expected = run(result.snippet), result.expected
        assert painted.keys() == expected.keys()
        for caption, pictures in expected.items():
            same_pictures(painted[caption], pictures)


def test_a_chat_without_a_caption_and_a_learner_without_one_leave_the_other_ways(painter, monkeypatch):
    directing(monkeypatch, None)
    *_, result = both.both(tiny_text.tiny(), painter, "hello", "a cat", "", 2, steps=1)
    assert list(result.value.ways) == [both.RAW] and result.findings[0].headline == "no caption"
    assert isinstance(both.both_truth(result.value), str)


def test_the_guess_is_scored_by_the_interval_of_the_pairs(as_bundled, monkeypatch):
    directing(monkeypatch, CAPTION)
    *_, result = both.both(tiny_text.tiny(), as_bundled, CHAT, CAPTION, "", 6, steps=1)
    value = result.value

    def kept(name: str, *answers: bool | None) -> both.Way:
        way = value.ways[name]
        return replace(way, judged=replace(way.judged, pictures=len(answers), aspects={"object": answers}))

    def truth(director: tuple[bool | None, ...], raw: tuple[bool | None, ...]) -> list[int] | str:
        """The choices that hold the two ends."""
        ways = {both.DIRECTOR: kept(both.DIRECTOR, *director), both.RAW: kept(both.RAW, *raw)}
        found = both.both_truth(replace(value, ways=ways))
        return (
            found
            if isinstance(found, str)
            else [read_lesson("briefing").predictions["raw"].which(at) for at in found[2]]
        )

    assert truth((True,) * 6, (False,) * 6) == [2, 2] and truth((False,) * 6, (True,) * 6) == [0, 0]
    assert truth((True,) * 6, (None,) * 6) == [1, 2], "what cannot be told may be there, or not"
    assert truth((None,) * 6, (False,) * 6) == [1, 2] and truth((True,) * 8, (None, *(False,) * 7)) == [2, 2]
    assert truth((True, None, True, False, True, True), (True, True, True, False, False, True)) == [0, 2]
    assert truth((True,) * 2, (False,) * 2).endswith("2 seeds that agree are too few; 6 would do.")
    assert truth((True,) * 6, (True,) * 6) == [1, 1]


def test_what_cannot_be_told_stands_under_the_picture_and_at_both_ends_of_every_count(as_bundled, monkeypatch):
    """A picture was marked wrong and nothing said that its background cannot be told; one count had a single end."""
    directing(monkeypatch, CAPTION)
    *_, result = both.both(tiny_text.tiny(), as_bundled, CHAT, CAPTION, "", 2, steps=1)
    way = result.value.ways[both.DIRECTOR]
    aspects = {"object": (False, True, True), "background": (None, None, True)}
    judged = measures.Judged(CAPTION, 3, aspects, {}, {})
    assert [figures._mark(judged, at) for at in range(3)] == ["≠ ?\u00a0background", "?\u00a0background", "✓"]
    assert judged.words == "1 to 2 of 3 (1 cannot be told)"
    said = both._kept_words(replace(way, judged=judged))
    assert said.count("95 % interval") == 1 and "everything in 1 to 2 of 3 pictures; in 2 the judge" in said
    assert measures._numbered("4 rabbit, 1 cat, 2 or more bus") == "4 rabbits, 1 cat, 2 or more buses"


def test_the_card_of_the_dice_names_its_border_and_those_of_the_answers():
    bins = read_lesson("briefing").predictions["farther"].choices
    assert f"{bins[1].below} and {bins[2].upto} times" in dice.BORDER


@pytest.mark.parametrize("chat", ["", " \n ", None, 5, "hi\n" * 13, "x" * 401, "x" * 900, "\ud800"])
def test_a_chat_that_cannot_be_sent_is_refused(chat):
    with pytest.raises(PlainError):
        both.messages_of(chat)


def test_the_record_of_the_director_is_cited_as_recorded():
    told = both.published()
    assert told.provenance.badge == "recorded" and told.provenance.settings["chats"] == 132
    assert [row[0] for row in told.table.rows if row[1] == "held out"] == list(both.PUBLISHED.values())
    assert "badge-recorded" in figures.published()


# --- a recipe ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "one",
    [
        recipe.Recipe("two dogs in the snow", 12, 30, 6.5),
        recipe.Recipe("a cat & a dog = #1 100 %; “ü” 🦉", 0, 1, 0),
        recipe.Recipe("x" * 200, 2**32 - 1, 50, 20),
    ],
)
def test_a_link_holds_the_whole_recipe(one):
    link = recipe.link(PAGE + "?x=1#elsewhere", one)
    assert link.startswith(PAGE + "#recipe=1&") and link.isascii()
    assert recipe.Recipe.of(link.partition("#")[2]) == recipe.Recipe.of("#" + one.fragment) == one


GOOD = {"recipe": "1", "caption": "a%20cat", "seed": "7", "passes": "25", "guidance": "4"}


def fragment(**changed: str | None) -> str:
    return "&".join(f"{name}={value}" for name, value in {**GOOD, **changed}.items() if value is not None)


@pytest.mark.parametrize(
    "told",
    [
        "", "recipe=1", None, 5, "\ud800", "recipe", "&&&&", "a" * 3001, fragment() + "&seed=8", fragment() + "&x=1",
        fragment(seed=None), fragment(recipe="2"), fragment(caption=""), fragment(caption="%20"),
        fragment(caption="%FF"),
        fragment(caption="a%00b"), fragment(caption="a%E2%80%8Bb"), fragment(caption="%E2%80%AEcat"),
        fragment(caption="a%0Ab"), fragment(caption="x" * 201), fragment(seed="-1"), fragment(seed="1e9"),
        fragment(seed="4294967296"), fragment(seed="7.5"), fragment(seed="٣"), fragment(passes="0"),
        fragment(passes="51"), fragment(passes="9" * 400), fragment(guidance="nan"), fragment(guidance="inf"),
        fragment(guidance="20.5"), fragment(guidance="-1"), fragment(guidance="."), fragment(guidance="1.2.3"),
        fragment(caption="%ED%A0%80"), fragment(guidance=""),
    ],
)  # fmt: skip
def test_what_is_no_recipe_is_refused_in_plain_words(told):
    with pytest.raises(PlainError) as refused:
        recipe.Recipe.of(told)
    assert str(refused.value).endswith(".")


def test_markup_in_a_recipe_is_words_and_nothing_else():
    one = recipe.Recipe.of(fragment(caption=quote("<script>alert(1)</script><img src=x>", safe="")))
    safe(figures.shared(PAGE, one))


@pytest.mark.parametrize(
    "told", ["", None, 5, "javascript:alert(1)", "ftp://x/y", "http://", "http://u:p@x/", "http://x/" + "y" * 400,
             "http://x/<b>", "http://x/\u202e", "http://[bad", "x" * 99999, "http://x/a b"],
)  # fmt: skip
def test_only_a_plain_address_of_a_page_goes_into_a_link(told):
    with pytest.raises(PlainError):
        recipe.address(told)


@pytest.mark.parametrize(
    "told",
    [
        None, 5, [], {}, {"version": 2, "fields": ["a", 1, 2, 3]}, {"version": 1, "fields": "abcd"},
        {"version": 1, "fields": ["", 1, 2, 3]}, {"version": 1, "fields": [None] * 4},
    ],
)  # fmt: skip
def test_a_damaged_kept_recipe_is_none(told):
    assert recipe.Recipe.kept(told) is None


def test_a_kept_recipe_comes_back():
    one = recipe.Recipe("a cat", 3, 20, 5.5)
    assert recipe.Recipe.kept({"version": 1, "fields": ["a cat", 3, 20, 5.5]}) == one


@pytest.mark.parametrize("caption", ["two dogs in the snow", "a cat " + "🦉" * 20], ids=["words", "owls"])
def test_the_square_code_holds_the_address_the_page_was_opened_under(caption):
    cv2 = pytest.importorskip("cv2")
    link = recipe.link(PAGE, recipe.Recipe(caption, 4294967295, 50, 19.5))
    file = io.BytesIO()
    recipe.code(link).save(file, kind="png", scale=4, border=4)
    picture = np.asarray(Image.open(file).convert("RGB"))
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == link
    drawn = figures.shared(PAGE, recipe.Recipe(caption, 4294967295, 50, 19.5))
    assert 'alt="QR code that holds this link: https://class.example:7860/play/briefing#' in drawn


def test_a_link_too_long_to_be_scanned_is_still_a_link():
    one = recipe.Recipe("🦉" * 200)
    assert recipe.code(recipe.link(PAGE, one)) is None and recipe.code("x" * 5000) is None
    drawn = figures.shared(PAGE, one)
    assert "too long" in drawn and "<img" not in drawn and one.fragment.replace("&", "&amp;") in drawn


def test_an_address_of_this_machine_alone_is_called_that():
    one = recipe.Recipe("a cat")
    assert "nobody else can open it" in figures.shared("http://127.0.0.1:7860/briefing", one)
    assert "nobody else" not in figures.shared(PAGE, one)


def test_a_recipe_is_tried_on_other_seeds(as_bundled):
    result = last(recipe.recipe(as_bundled, "a cat on a white background", 3, 2, 2.0))
    value = result.value
    assert value.seeds == tuple(range(3, 12)) and len(value.judged.outcomes) == 1 + recipe.OTHERS
    assert len(result.table.rows) == 9 and figures.recipe_rows(value).count("<figure") == 9
    told = recipe.recipe_truth(value)
    assert isinstance(told, str) == (not value.others)
    right = replace(value, judged=replace(value.judged, aspects={"object": (None, True, False, *(None,) * 6)}))
    assert recipe.recipe_truth(right) == (0.5, "1 of 2 other seeds are right, of those that can be told")


def test_other_families_of_painters_do_it_too(family, monkeypatch):
    directing(monkeypatch, CAPTION)
    _, painter = family
    for result in (
        last(bench.bench(painter, CAPTION, OTHER, steps=2)),
        last(dice.dice(painter, CAPTION, OTHER, CAPTION, 2, steps=2)),
        last(both.both(tiny_text.tiny(), painter, CHAT, CAPTION, "", 2, steps=2)),
        last(recipe.recipe(painter, CAPTION, 1, 2)),
    ):
        assert all(len(row) == len(result.table.columns) for row in result.table.rows)
        assert any(one.headline == "not judged" for one in result.findings)


def test_a_bin_ends_where_its_words_say():
    bins = read_lesson("briefing").predictions
    assert [bins["stays"].which(share) for share in (0.24, 0.25, 0.5, 0.75)] == [0, 1, 2, 3]
    assert [bins["farther"].which(ratio) for ratio in (0.24, 0.25, 0.8, 1.25, 1.26)] == [0, 1, 2, 2, 3]
    assert [bins["raw"].which(gain) for gain in (-0.06, -0.05, 0.05, 0.06)] == [0, 1, 1, 2]
    assert [bins["holds"].which(right / 8) for right in (0, 1, 2, 4, 5, 7, 8)] == [0, 0, 1, 1, 2, 2, 3]


def test_nothing_typed_becomes_markup(painter, monkeypatch):
    directing(monkeypatch, None)
    nasty = "a cat " + NASTY
    safe(figures.bench_rows(last(bench.bench(painter, nasty, "a dog", steps=1)).value))
    safe(figures.dice_rows(last(dice.dice(painter, nasty, "a dog", nasty, 2, steps=1)).value))
    safe(figures.both_rows(last(both.both(tiny_text.tiny(), painter, nasty, nasty, nasty, 2, steps=1)).value))


def test_the_prose_tells_the_measured_tables():
    words = (folder("briefing") / "lesson.md").read_text(encoding="utf-8")
    kept = {key: defaults.kept()[f"briefing/{key}"]["rows"] for key in ("bench", "dice", "both")}
    written = [line.split(" | ") for line in words.splitlines() if line.startswith("| ") and "→ after" not in line]
    for one, row, line in zip(dice.WORDINGS, kept["dice"], written, strict=False):
        figures_ = row["figures"]
        assert row["inputs"] == [one.first, one.second, one.wish]
        times = figures_["times as far as the dice"]
        assert line[1].startswith(f"{times:.1f} times" if times else "not at all")
        before, after = (re.sub(r" \(\d cannot tell\)", "", part).split()[0] for part in line[2].split("→"))
        assert (float(before), float(after)) == (figures_["right, first"], figures_["right, second"])
        untold = [int(figures_[f"cannot tell, {which}"]) for which in ("first", "second")]
        assert re.findall(r"\((\d) cannot tell\)", line[2]) == [str(number) for number in untold if number]
    assert len(written) == len(dice.WORDINGS)
    for row in kept["dice"][len(dice.WORDINGS) :]:
        assert row["figures"]["right, second"] == 8
    assert all(row["figures"]["apart, seed kept"] < row["figures"]["apart, another seed"] for row in kept["bench"])
    assert sum(row["figures"]["told apart"] for row in kept["bench"]) == 3 and "only three could be told" in words
    assert [row["figures"]["told apart"] for row in kept["both"]] == [1, 0, 1, 1, 0]
    assert "brought more of the wish into the pictures in three" in words and "in four of the five" not in words
