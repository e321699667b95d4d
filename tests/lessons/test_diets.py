"""Two diets: the reckoning, the search, the grid, the two readers; and nothing typed becomes markup."""

from __future__ import annotations

import numpy as np
import pytest

from engines import live
from engines.evidence import Evidence, PlainError, Underway
from engines.pictures import captioning
from engines.pictures.painter import POCKET
from engines.statistics import mean_interval
from engines.stickers import meaning, scenes
from engines.stickers.world import facts_of
from lessons.diets import api, browse, captions, figures, scale, seen, similarity
from lessons.diets.measures import big
from lessons.shell import waking
from lessons.shell.content import read_lesson
from tests.engines import tiny_text
from tests.engines.tiny_painters import same_pictures
from tests.engines.tiny_space import TinySpace
from tests.lessons.common import NASTY, last, run, safe


@pytest.fixture
def tiny(painter, monkeypatch):
    """The tiny painter, taken for the bundled one, with a space that weighs nothing."""
    monkeypatch.setattr(painter, "source", POCKET)
    monkeypatch.setattr(meaning, "load", lambda painter: TinySpace())
    monkeypatch.setattr(waking, "open_painter", lambda progress=None: painter)
    return painter


@pytest.fixture(scope="module")
def bundled():
    return live.open_painter()


# --- scale ------------------------------------------------------------------------------------------------------


def test_lifetimes_follow_from_the_assumptions():
    value = last(scale.scale()).value
    by_hand = 15.6e12 * 0.75 / (238 * 60 * 24 * 365.25 * 80)
    assert value.lifetimes == pytest.approx(by_hand)
    assert scale.scale_truth(value)[0] == value.lifetimes
    assert last(scale.scale(hours=2)).value.lifetimes == pytest.approx(12 * by_hand)


def test_another_reader_than_the_questions_scores_no_guess():
    said = scale.scale_truth(last(scale.scale(hours=1, years=1)).value)
    assert isinstance(said, str) and "lifetimes of 1 year at 238 words a minute, 1 hour a day" in said


def test_a_picture_is_as_many_sided_as_a_long_text():
    picture = last(scale.scale()).value.picture
    assert picture.pixels == 262_144 and picture.tokens == 49_152
    assert 49_152.0**2 == pytest.approx(2 ** (2 * picture.bits / picture.as_tokens))
    assert last(scale.scale(vocabulary="o200k")).value.picture.as_tokens < picture.as_tokens


def test_the_pocket_diet_is_counted_and_the_rest_is_cited():
    evidence = last(scale.scale())
    assert evidence.value.fed[0] == 256_000 and evidence.value.fed[1] > 5 * 256_000
    numbers = [one.number for one in evidence.value.amounts]
    assert numbers == sorted(numbers)
    drawn = figures.scaled(evidence.value)
    assert drawn.count("badge-cited") == len(scale.FED) and drawn.count(scale.COUNTED) == len(numbers) - len(scale.FED)
    assert all(one.source in drawn for one in scale.FED)
    assert run(evidence.snippet) == pytest.approx(evidence.expected)


@pytest.mark.parametrize(
    "bad",
    [{"speed": 0}, {"hours": 25}, {"years": "x"}, {"share": None}, {"caption": -1}, {"side": 512.5}, {"side": 10**9},
     {"vocabulary": "klingon"}, {"speed": float("nan")}],
)  # fmt: skip
def test_impossible_readers_are_refused(bad):
    with pytest.raises(PlainError):
        list(scale.scale(**bad))


@pytest.mark.parametrize(
    ("number", "said"),
    [(262_144, "262,144"), (5.85e9, "5.85 billion"), (15.6e12, "15.6 trillion"), (0.4231, "0.423"), (1168.3, "1,168")],
)
def test_numbers_in_words(number, said):
    assert big(number) == said


def test_bins_end_where_their_words_say():
    bins = read_lesson("diets").predictions
    assert [bins["lifetimes"].which(n) for n in (99, 100, 999, 1000, 9999, 10_000)] == [0, 1, 1, 2, 2, 3]
    assert [bins["thin"].which(n) for n in (0, 1, 99, 100, 999, 1000, 9999, 10_000)] == [0, 1, 1, 2, 2, 3, 3, 4]
    assert [bins["near-miss"].which(n) for n in (-0.1, 0.25, 0.5, 0.75)] == [0, 1, 2, 3]
    assert [bins["left"].which(n) for n in (0, 0.25, 0.5, 0.75, 1)] == [0, 1, 2, 3, 3]
    assert [bins["read-about"].which(n) for n in (0, 0.25, 0.5, 0.75, 1)] == [0, 1, 2, 3, 3]


# --- browse -----------------------------------------------------------------------------------------------------


def test_the_first_answer_comes_before_any_scene_is_drawn(tiny):
    events = list(browse.browse(tiny, "a cat under the stars", 3, 1))
    first, final = events[0], events[-1]
    assert isinstance(first, Evidence) and isinstance(final, Evidence)
    assert all(isinstance(one, Underway) for one in events[1:-1])
    assert all(one.picture is None for one in first.value.by_word + first.value.by_meaning)
    for one in final.value.by_word:
        np.testing.assert_array_equal(one.picture, np.asarray(scenes.scene(one.seed).picture))
        assert {"a", "cat", "under", "the", "stars"} <= set(one.caption.replace(",", "").split())
    assert figures.found(first.value).count("<figure") == figures.found(final.value).count("<figure") == 6
    assert final.value.fitting.trials <= browse.LOOKED_AT and final.value.chance.trials == browse.DRAWN
    assert browse.browse_truth(final.value)[0] == final.value.word.scenes == run(final.snippet)


def test_words_that_no_caption_holds_are_named(tiny):
    value = last(browse.browse(tiny, "zebra", 2)).value
    assert value.word.scenes == 0 and value.unmet == ("zebra",) and not value.by_word
    assert value.other == len(value.near) and value.fitting is None
    assert "No caption has them all" in figures.found(value)
    assert browse.browse_truth(value) == (0, "0 of 256,000 scenes, none")


def test_what_was_typed_is_text(tiny):
    value = last(browse.browse(tiny, NASTY + " cat", 1)).value
    safe(figures.counts(value))
    safe(figures.found(value))


@pytest.mark.parametrize("bad", [("",), ("cat", 0), ("cat", 2.5), ("cat", 99), ("cat", 2, -1), (None,), ("!",)])
def test_bad_searches_are_refused(tiny, bad):
    with pytest.raises(PlainError):
        list(browse.browse(tiny, *bad))


def test_other_wordings_are_found_by_meaning_more_often_than_by_chance(bundled):
    *steps, evidence = browse.wordings(bundled, 8)
    assert len(steps) == 8 and len(evidence.table.rows) == 8
    np.testing.assert_allclose(run(evidence.snippet), evidence.expected, atol=0.02)
    value = evidence.value
    assert value.fit.mean() > 0.5 > value.chance.mean() and (value.missed <= value.fit).all()
    assert figures.wordings_bars(value).count("bar-row") == 3
    with pytest.raises(PlainError):
        list(browse.wordings(bundled, 1))


# --- similarity -------------------------------------------------------------------------------------------------


def test_the_grid_is_that_of_the_plain_code(bundled):
    events = list(similarity.similarity(bundled, pairs=2))
    evidence = events[-1]
    assert isinstance(events[0], Evidence) and events[0].value.near is None
    value = evidence.value
    np.testing.assert_allclose(run(evidence.snippet), value.cosines, atol=2e-3)
    assert value.pairs == 6 and value.right.sum() >= 5
    assert value.own.mean() > value.shuffled.mean() + 0.1
    assert value.near.shape == (2, 4)
    assert figures.grid(value).count("diets-best") == 6 and figures.near_bars(value).count("bar-row") == 4


def test_wrong_captions_lie_between_right_and_all_wrong(bundled):
    value = last(similarity.similarity(bundled, pairs=12, seed=3)).value
    own, place, thing, wrong = value.near.mean(0)
    assert own > max(place, thing) and min(place, thing) > wrong
    ratio, low, high = value.half
    assert ratio == pytest.approx((place - wrong) / (own - wrong)) and low < ratio < high
    assert similarity.similarity_truth(value)[0] == ratio


def test_a_picture_of_ones_own_joins_the_grid(tiny):
    own = np.full((40, 60, 3), 90, np.uint8)
    evidence = last(similarity.similarity(tiny, "one\ntwo\nthree", ["cat-meadow"], own, 2))
    value = evidence.value
    assert [one.name for one in value.pictures] == ["cat-meadow", "your picture"] and value.pairs == 2
    assert value.cosines.shape == (2, 3) and "your-picture.png" in evidence.snippet
    assert "your picture" in evidence.findings[-1].text


def test_one_pair_has_no_chance_line(tiny):
    value = last(similarity.similarity(tiny, "one", ["cat-meadow"], None, 2)).value
    assert value.pairs == 1 and not len(value.shuffled)
    assert similarity._findings(value).__next__().headline == "One pair"


def test_captions_of_the_grid_are_text(tiny):
    value = last(similarity.similarity(tiny, f"{NASTY}\nb", ["cat-meadow", "owl-meadow"], None, 2)).value
    safe(figures.grid(value))


@pytest.mark.parametrize(
    "bad",
    [("",), (None,), ("\n \n",), ("\n".join("abcdefghi"),), ("a", []), ("a", ["nowhere"]), ("a", "cat-meadow"),
     ("a", ["cat-meadow"], None, 1), ("a", ["cat-meadow"], None, 99), ("x" * 500,),
     ("a", ["cat-meadow"], b"no picture")],
)  # fmt: skip
def test_bad_grids_are_refused(tiny, bad):
    with pytest.raises(PlainError):
        list(similarity.similarity(tiny, *bad))


# --- captions ---------------------------------------------------------------------------------------------------


def test_both_readers_are_told_of_the_same_scenes_in_other_words():
    for seed in range(20):
        plan = scenes.plan(seed)
        assert captioning.caption_for(seed, "whole") in scenes.phrasings(plan)
        assert (
            captioning.caption_for(seed, "sloppy")
            == captioning.caption_for(seed, "sloppy")
            not in scenes.phrasings(plan)
        )
    assert captions.named()["sloppy"]["number"].successes == captions.named()["sloppy"]["colour"].successes == 0


def test_the_untaught_start_heeds_no_caption_and_the_taught_do(bundled):
    start = captioning.taught(bundled, None)
    changed = {
        diet: [name for name, weight in captioning.taught(bundled, diet).unet.named_parameters()
               if not np.array_equal(weight.numpy(), dict(start.unet.named_parameters())[name].numpy())]
        for diet in captioning.DIETS
    }  # fmt: skip
    assert changed["whole"] == changed["sloppy"] and all(captioning.is_taught(name) for name in changed["whole"])
    assert captioning.taught(bundled, None) is start and bundled.unet is not start.unet
    plan = captions.Plan("a cat", (0,), steps=2)
    other = captions.Plan("two red cars in the snow", (0,), steps=2)
    from engines.pictures import diffusion

    np.testing.assert_array_equal(diffusion.paint(start, plan), diffusion.paint(start, other))
    whole = captioning.taught(bundled, "whole")
    assert not np.array_equal(diffusion.paint(whole, plan), diffusion.paint(whole, other))


def test_the_two_files_weigh_little():
    files = [captioning.FOLDER / f"captions-{diet}.safetensors" for diet in captioning.DIETS]
    assert sum(file.stat().st_size for file in files) <= 1_500_000


def test_three_readers_paint_and_are_judged(bundled):
    events = [one for one in captions.captions(bundled, "a cat in the snow", 2) if isinstance(one, Evidence)]
    assert [len(one.value.readers) for one in events] == [1, 2, 3]
    assert len({figures.painted(one.value).count("<figure") for one in events}) == 1
    evidence = events[-1]
    assert {one.name for one in evidence.value.readers} == {name for _, name in captions.READERS}
    assert evidence.value.gain is not None and len(figures.captions_chart(evidence.value).data) == 3
    whole, sloppy = evidence.value.pair
    assert evidence.value.gain == mean_interval(whole - sloppy)
    assert captions.captions_truth(evidence.value)[0] == evidence.value.of("sloppy").wishes.rate
    same_pictures(run(evidence.snippet)["pictures"], evidence.expected)
    assert figures.examples(evidence.value).count("<tr>") == captions.EXAMPLES + 1


@pytest.mark.parametrize(
    "bad", [("", 4), ("hello", 4), (5, 4), ("a cat", 1), ("a cat", 99), ("a cat", 2.5), ("a" * 500, 2)]
)
def test_captions_that_nobody_can_score_are_refused(bad):
    with pytest.raises(PlainError):
        captions.check(*bad)


def test_another_painter_has_no_such_twins(painter):
    with pytest.raises(PlainError, match="bundled"):
        captioning.taught(painter, "whole")


# --- seen -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("questions", seen.QUESTIONS.values())
def test_every_question_has_its_answer_among_options_and_no_answer_wins_by_itself(questions):
    assert len(questions) == seen.MOST and all(one.answer in one.options for one in questions)
    assert len({one.text for one in questions}) == len(questions)
    answers = [one.answer for one in questions]
    assert max(map(answers.count, answers)) <= len(answers) / 2
    assert all(facts_of(one.caption).things for one in questions)
    assert all(facts_of(one.control).lettering in scenes.WORDS for one in questions if one.control)


def test_colours_are_read_off_true_pictures():
    for one in seen.LOOKS:
        (thing,) = facts_of(one.caption).things
        for seed in (0, 1):
            plan = scenes.Plan("single", (scenes.Thing(thing.name),), 1, "white")
            assert seen.colour_of(np.asarray(scenes.render(plan, seed).picture)) == one.answer, thing
    assert seen.colour_of(np.full((128, 128, 3), 250, np.uint8)) == ""


def test_a_favourite_word_does_not_win_by_being_a_favourite():
    questions = [seen.Question("", ("red", "blue"), "red", ""), seen.Question("", ("red", "blue"), "blue", "")]
    chances = np.log([[0.9, 0.1], [0.8, 0.2]])
    assert seen.answers(questions, chances) == ("red", "blue")
    assert seen.answers(questions, chances, fair=False) == ("red", "red")


def test_both_machines_answer_every_question(bundled, tmp_path):
    model = tiny_text.tiny()
    model.reference = tiny_text.saved("llama", tmp_path)
    events = [one for one in seen.seen(model, bundled, seen.LEAST) if isinstance(one, Evidence)]
    assert [len(one.value) for one in events] == [1, 2, 3]
    assert len({figures.seen_answers(one.value).count("<figure") for one in events}) == 1
    looks, sides, facts = events[-1].value
    assert looks.picture == tuple(one.answer for one in looks.questions)
    assert sides.right(sides.picture).rate >= 0.75 and len(facts.lettered) == seen.LEAST
    assert facts.chance([one.answer for one in facts.questions]) == 1 / seen.LEAST
    assert seen.seen_truth(events[-1].value)[0] == looks.right(looks.text).rate
    assert len(figures.seen_chart(events[-1].value).data) == 3
    assert run(events[-1].snippet) == events[-1].expected
    with pytest.raises(PlainError):
        list(seen.seen(model, bundled, 3))


def test_another_painters_pictures_cannot_be_read(painter):
    with pytest.raises(PlainError, match="bundled"):
        list(seen.seen(tiny_text.tiny(), painter))


# --- the API ----------------------------------------------------------------------------------------------------


def test_search_by_api(tiny):
    told = api.diet_search("two cats", 3)
    assert told["scenes"] == 256_000 and told["by_word"]["scenes"] == sum(
        {"two", "cats"} <= set(scenes.caption(seed).replace(",", "").split()) for seed in told["by_word"]["seeds"]
    ) + (told["by_word"]["scenes"] - 3)
    assert len(told["by_meaning"]["captions"]) == browse.SHOWN and told["never_met"] == []
    for bad in ((5,), ("",), ("cat", 0), ("cat", 99), ("cat", 1, "x"), ("\ud800",)):
        with pytest.raises(PlainError):
            api.diet_search(*bad)


def test_similarity_by_api(tiny):
    told = api.similarity(["a cat\nb", "an owl"], ["cat-meadow", "owl-meadow", "cake-night"])
    assert told["captions"] == ["a cat b", "an owl"] and np.shape(told["cosines"]) == (3, 2)
    assert told["nearest"] == np.argmax(told["cosines"], 1).tolist()
    assert api.similarity(["one"], ["cat-meadow"])["own"] is None
    assert len(api.similarity(["one", "two"])["pictures"]) == 6
    for bad in ((5,), ([],), ([5],), (["a"], []), (["a"], ["nowhere"]), (["a"], "cat-meadow"), (["a"] * 9,)):
        with pytest.raises(PlainError):
            api.similarity(*bad)
