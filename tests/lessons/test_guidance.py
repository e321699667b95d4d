"""The guidance lesson: measures, bounds, bad input, code against page, and nothing typed becomes markup."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from engines.evidence import Evidence, PlainError, Underway
from engines.pictures import diffusion
from lessons import defaults
from lessons.guidance import api, candidates, dice, edit, figures, fork, maps, measures, one_by_one, silence, sweep
from lessons.shell import film, recorded, views
from lessons.shell.content import folder, read_lesson
from tests.lessons.common import NASTY, last, run, safe

CAPTION = "a red cat on a blue background"


class Measure(measures.Alignment):
    """Stands where the judge stands: brighter is better."""

    def __init__(self) -> None:
        pass

    wishes = ("cat", "the background “blue”")  # type: ignore[assignment]
    unscored = ("“steam”",)  # type: ignore[assignment]

    def of(self, pictures: np.ndarray) -> np.ndarray:
        return pictures.mean(axis=(1, 2, 3)) / 255

    def backgrounds(self, pictures: np.ndarray) -> tuple[str, ...]:
        return ("blue",) * len(pictures)


def near(picture, expected) -> None:
    """A batch rounds the last digit differently."""
    assert np.abs(np.asarray(picture).astype(int) - expected).max() <= 1


# --- word after word --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def added(painter):
    return last(one_by_one.one_by_one(painter, "a red cat on blue", seeds=2, steps=2))


def test_words_are_added_in_two_orders(painter, added):
    value = added.value
    assert value.written.shape[:2] == value.shuffled.shape[:2] == (2, 6) and value.certainty is None
    near(value.written[0, 3], diffusion.paint(painter, diffusion.Plan("a red cat", (7,), steps=2))[0])
    mixed = " ".join(value.words[i] for i in value.orders[1])
    near(value.shuffled[1, -1], diffusion.paint(painter, diffusion.Plan(mixed, (8,), steps=2))[0])
    near(value.shuffled[:, 0], value.written[:, 0])
    for picture, expected in zip(run(added.snippet), added.expected, strict=True):
        near(picture, expected)
    assert len(added.table.rows) == 5 and figures.words_rows(value).count("<figure") == 12
    assert figures.words_bars(value).count("bar-row") == 5 + 4 + 1


def stepped(levels):
    """Grey pictures [seeds, words + 1, 8, 8, 3] of the brightness ``levels``."""
    return np.array(levels, np.uint8)[..., None, None, None] * np.ones((8, 8, 3), np.uint8)


def test_a_change_belongs_to_its_word_in_any_order_and_the_first_word_stays_out():
    value = one_by_one.OneByOne(
        "a red cat", ("a", "red", "cat"), stepped([[0, 51, 153, 255]]), stepped([[0, 102, 204, 255]]),
        np.array([[2, 1, 0]]),
    )  # fmt: skip
    np.testing.assert_allclose(value.moved()[0], [0.2, 0.4, 0.4])
    np.testing.assert_allclose(value.moved_shuffled()[0], [0.2, 0.4, 0.4])
    assert value.kinds() is None and isinstance(one_by_one.one_by_one_truth(value), str)
    naming, little = value.kinds(shuffled=True)
    np.testing.assert_allclose([naming[0], little[0]], [0.4, 0.2])


def test_the_control_refutes_a_word_whose_place_decides():
    """Naming words that move the picture no further in chance order are not called the cause."""
    words, order = ("a", "red", "on", "cat"), np.array([[0, 1, 2, 3], [0, 1, 2, 3]])
    levels = stepped([[0, 10, 110, 120, 220], [0, 10, 120, 130, 230]])
    for mixed, verdict in (
        (levels, 1),
        (stepped([[0, 10, 60, 110, 160], [0, 10, 60, 110, 160]]), 0),
        (stepped([[0, 10, 20, 150, 160], [0, 10, 20, 149, 159]]), -1),
    ):
        value = one_by_one.OneByOne("a red on cat", words, levels, mixed, order)
        assert one_by_one.CONTROL[verdict] in " ".join(card.text for card in one_by_one._by_kind(value))
        assert one_by_one.one_by_one_truth(value)[0] == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("caption", ["", "cat", "a " * 13, 5])
def test_captions_of_too_few_or_many_words_are_refused(painter, caption):
    with pytest.raises(PlainError):
        next(one_by_one.one_by_one(painter, caption))


# --- word maps --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def looked(painter):
    steps = list(maps.look(painter, CAPTION, seeds=3, steps=2))
    assert [step.words for step in steps if isinstance(step, Underway)][-1].endswith("pass 2 of 2")
    return [step for step in steps if not isinstance(step, Underway)]


def test_attention_adds_up_over_words_and_markers(looked):
    *_, first, result = looked
    assert first.value.shares.shape == (1, 2, 8) and result.value.shares.shape == (3, 2, 8)
    np.testing.assert_allclose(result.value.shares.sum(axis=2), 1, atol=1e-5)
    np.testing.assert_allclose(result.value.kinds().sum(axis=1), 1, atol=1e-5)
    assert result.value.words == tuple(CAPTION.split())
    choice, said = maps.look_truth(result.value)
    assert choice in range(3) and "no word at all" in said
    assert len(result.table.rows) == 8 and "interval" in result.findings[0].text


def test_word_map_code_hears_the_same(looked):
    first = looked[-2]
    for sizes, expected in zip(run(first.snippet), first.expected, strict=True):
        assert sizes.keys() == expected.keys()
        for patches, heard in expected.items():
            np.testing.assert_allclose(sizes[patches], heard, atol=1e-6)


def test_word_maps_stream_one_line_a_pass(looked):
    passes = looked[:2]
    places = [event["view"] for event in figures.mapped(iter(looked), "view") if isinstance(event, dict)]
    assert len(places) == 3 and places[1].startswith(places[0]) and places[2].startswith(places[1])
    head, first, second = map(json.loads, places[1].splitlines())
    assert head["words"][head["chosen"]] == "red" and [first["pass"], second["pass"]] == [1, 2]
    for grid, kept in zip(first["grids"], passes[0].attention.maps.values(), strict=True):
        cells = np.frombuffer(base64.b64decode(grid["cells"]), np.uint8).reshape(7, grid["h"], grid["w"])
        tops = np.array(grid["tops"])[:, None, None]
        np.testing.assert_allclose(cells / 255 * tops, kept[0], atol=float(tops.max()) / 400)


def test_a_click_on_a_word_shows_the_picture_without_it(looked, painter):
    """The map and the knock-out of a word stood on two screens."""
    *_, silenced, result = looked
    words = CAPTION.split()
    assert list(silenced.value.without) == list(dict.fromkeys(words)) and result.value.without == silenced.value.without
    line = [event["view"] for event in figures.mapped(iter(looked), "view") if isinstance(event, dict)][-1]
    shown = json.loads(line.splitlines()[-1])["without"]
    assert [round(one["moved"], 4) for one in shown] == [round(result.value.moved(word), 4) for word in words]
    alone = diffusion.paint(painter, diffusion.Plan(painter.read(CAPTION).without("red"), (7,), steps=2))
    assert measures.apart(alone, silenced.value.without["red"][None])[0] < 1 / 255


def test_one_map_for_all_words_proves_no_echo():
    """With one thing in the picture the maps of “rabbit” and “on” were alike because all maps were."""
    rng = np.random.default_rng(0)
    lemon, cat = rng.random((2, 3, 2, 8, 8))
    finest = np.stack([lemon, lemon, cat], axis=2)  # [seeds, passes, words, h, w]
    value = maps.Look("a lemon to cat", ("lemon", "to", "cat"), (), np.zeros(0), np.ones((3, 2, 4)) / 4, finest)
    np.testing.assert_allclose(value.alike(0, 1), 1)
    assert value.two_things() == (0, 2) and "repeats the other's" in maps._echo(value, 0).text
    other = replace(value, finest=np.stack([lemon, rng.random((3, 2, 8, 8)), cat], axis=2))
    assert "repeats neither" in maps._echo(other, 0).text
    same = replace(value, finest=np.stack([lemon, lemon, lemon], axis=2))
    assert "neither number says anything" in maps._echo(same, 0).text
    assert "this proves nothing" in maps._echo(replace(value, caption="a lemon to paint"), 0).text


# --- silencing --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def silenced(painter):
    return last(silence.silence(painter, CAPTION, "red", first=1, last=2, seeds=2, steps=4))


def test_a_word_is_missed_where_it_is_missing(painter, silenced):
    value = silenced.value
    assert list(value.without) == ["window", "rest", "always", "hidden"]
    expected = diffusion.paint(
        painter, diffusion.Plan(CAPTION, (7, 8), steps=4, knock_out=(diffusion.KnockOut("red", 1, 2),))
    )
    near(value.without["window"], expected)
    assert value.label("window") == "gone in passes 2–3 only"
    assert (np.abs(value.agreement()) <= 1).all()
    assert silence.silence_truth(value)[0] in range(3)
    near(run(silenced.snippet), silenced.expected)


def test_a_scheduler_with_a_pass_of_its_own_keeps_the_word_away_to_the_end(pndm):
    value = last(silence.silence(pndm, CAPTION, "red", first=1, last=2, seeds=1, steps=4)).value
    read: list[str] = []
    away = diffusion.Plan(
        CAPTION, (7,), steps=4, knock_out=(diffusion.KnockOut("red", 0, 0), diffusion.KnockOut("red", 3, 4))
    )
    for event in diffusion.denoise(pndm, away):
        read.append(event.captions[0])
    assert len(read) == len(value.read) == 5
    assert [("red" in one) for one in read] == [("red" not in one) for one in value.read]
    near(value.without["rest"], event.pictures)
    *steps, result = fork.fork(pndm, CAPTION, seeds=1, steps=4)
    assert len(steps) == 5 and result.provenance.settings["passes"] == 5
    looked = last(maps.look(pndm, CAPTION, seeds=1, steps=4))
    assert len(looked.value.maps) == 5 and looked.provenance.settings["passes"] == 5


def test_the_last_of_the_passes_that_are_made_can_be_chosen(pndm):
    """A PNDM painter that is asked for two passes makes three, and 25 make 26."""
    value = last(silence.silence(pndm, CAPTION, "red", first=2, last=2, seeds=1, steps=2)).value
    assert value.label("window") == "gone in passes 3 only" and len(value.read) == 3
    assert measures.pass_of(pndm, measures.STEPS) == pndm.made(measures.STEPS) == 26
    held = last(edit.swap_word(pndm, CAPTION, "red", "blue", hold=3, hold_self=1, seeds=1, steps=2))
    assert held.provenance.settings["passes"] == held.provenance.settings["held"] == 3


WITHOUT_CODE = {"v": {"fork"}, "v-zero": {"fork"}, "xl-turbo": {"silence", "fork"}, "consistency": {"silence", "fork"}}


def test_code_is_shown_for_the_painters_it_is_right_for(family):
    name, painter = family
    results = {
        "look": last(maps.look(painter, CAPTION, seeds=1, steps=3)),
        "silence": last(silence.silence(painter, CAPTION, "red", first=1, last=1, seeds=1, steps=3)),
        "weigh": last(edit.reweigh(painter, CAPTION, "red", weights=(3,), seeds=1, steps=3)),
        "swap": last(edit.swap_word(painter, CAPTION, "cat", "dog", hold=2, hold_self=1, seeds=1, steps=3)),
    }
    if painter.has_two_branches:
        results["fork"] = last(fork.fork(painter, CAPTION, guidance_scale=5.0, seeds=1, steps=3))
        results["sweep"] = last(sweep.sweep(painter, CAPTION, scales=(1, 4), seeds=1, steps=3))
        results["negate"] = last(edit.negate(painter, CAPTION, "two dog", seeds=1, steps=3))
    without = {kind for kind, result in results.items() if not result.snippet}
    assert without == WITHOUT_CODE.get(name, set()) & results.keys()
    for kind in results.keys() - without:
        painted, expected = run(results[kind].snippet), results[kind].expected
        if kind == "look":
            for sizes, heard in zip(painted, expected, strict=True):
                for patches in heard:
                    np.testing.assert_allclose(sizes[patches], heard[patches], atol=1e-5)
        elif kind == "fork":
            for branch, noise in expected.items():
                np.testing.assert_allclose(painted[branch], noise, atol=1e-4)
        elif kind == "sweep":
            for scale, picture in expected.items():
                near(painted[scale][0], picture)
        elif kind == "negate":
            near(painted["pictures"][0], expected[0])
        else:
            near(painted[0] if kind == "weigh" else painted, expected[0] if kind == "weigh" else expected)


def test_the_bigger_change_wins_when_the_interval_says_so(silenced):
    kept = np.zeros((4, 8, 8, 3), np.uint8)
    dim, bright = kept + 10, kept + 90
    value = replace(silenced.value, kept=kept, without={"window": bright, "rest": dim})
    assert silence.silence_truth(value)[0] == 0
    assert silence.silence_truth(replace(value, without={"window": dim, "rest": bright}))[0] == 1
    assert silence.silence_truth(replace(value, without={"window": dim, "rest": dim}))[0] == 2


def test_heat_that_foretells_the_change_agrees():
    heat = np.zeros((1, 32, 32))
    heat[:, :16] = 1
    kept = np.zeros((1, 32, 32, 3), np.uint8)
    changed = kept.copy()
    changed[:, :16] = 200
    value = silence.Silenced("a cat", "cat", 0, 1, 4, kept, heat, {"always": changed})
    assert value.agreement()[0] == pytest.approx(1)


def test_a_heatmap_is_set_against_that_of_a_word_that_stays(silenced):
    """A map that foretold the change was believed, though the map of another word did so as well."""
    assert silenced.value.other == "cat" and silenced.value.other_heat.shape == silenced.value.heat.shape
    rng = np.random.default_rng(0)
    kept = np.zeros((3, 32, 32, 3), np.uint8)
    changed = rng.integers(0, 200, (3, 32, 32, 1), np.uint8) * np.ones(3, np.uint8)
    own, foreign = changed[..., 0] / 255, rng.random((3, 32, 32))
    value = silence.Silenced("a cat", "cat", 0, 1, 4, kept, own, {"always": changed}, (), "mat", foreign)
    assert "tells something of its own" in silence._control(value)
    assert "does not tell" in silence._control(replace(value, heat=foreign, other_heat=own))
    assert "do not show" in silence._control(replace(value, other_heat=own))
    assert "points away" in silence._control(replace(value, heat=1 - own))


@pytest.mark.parametrize(
    "settings",
    [{"word": "zebra"}, {"word": ""}, {"first": 3, "last": 1}, {"first": 0, "last": 3}, {"last": 9}, {"seeds": 0}],
)
def test_silencing_refuses_in_plain_words(painter, settings):
    with pytest.raises(PlainError):
        last(silence.silence(painter, CAPTION, **({"word": "red", "steps": 4, "seeds": 1} | settings)))


# --- two predictions --------------------------------------------------------------------------------------


def test_the_sum_is_the_schedulers_noise(painter):
    steps = list(fork.fork(painter, CAPTION, guidance_scale=5.0, seeds=2, steps=4))
    forks, first, result = steps[:4], steps[4], steps[-1]
    assert all(isinstance(step, Underway) for step in steps[5:-1]) and len(steps) == 10
    for one in forks:
        mixed = one.noise_without + 5.0 * (one.noise_with - one.noise_without)
        np.testing.assert_allclose(mixed, one.noise_guided, atol=1e-5)
    assert result.value.noise.shape == result.value.picture.shape == (2, 4)
    assert fork.fork_truth(result.value)[0] in range(3)
    places = [event["view"] for event in figures.forked(iter(forks), "view") if isinstance(event, dict)]
    head, line, *others = map(json.loads, places[-1].splitlines())
    assert head["scale"] == 5.0 and len(line["images"]) == 3 and len(others) == 3
    noise = np.frombuffer(base64.b64decode(line["with"]), "<i2").reshape(head["shape"]) / 1000
    np.testing.assert_allclose(noise, forks[0].noise_with, atol=6e-4)
    for name, expected in first.expected.items():
        np.testing.assert_allclose(run(first.snippet)[name], expected, atol=1e-5)


def test_a_painter_with_one_branch_says_so(turbo):
    assert not turbo.has_two_branches
    alike = (fork.fork, sweep.sweep, dice.dice)
    for experiment in (*(one(turbo, CAPTION) for one in alike), edit.negate(turbo, CAPTION, "blue")):
        with pytest.raises(PlainError, match="one prediction"):
            next(experiment)
    assert last(maps.look(turbo, CAPTION, seeds=1, steps=1)).value.shares.shape == (1, 1, 8)
    assert not last(silence.silence(turbo, CAPTION, "red", last=0, seeds=1, steps=2)).snippet


def test_a_few_step_painter_takes_its_own_number_of_passes(turbo):
    assert turbo.steps == 4
    assert [measures.pass_of(turbo, position) for position in (1, 8, 20, measures.STEPS)] == [1, 1, 3, 4]
    assert last(maps.look(turbo, CAPTION, seeds=1)).value.shares.shape[1] == 4
    silent = last(silence.silence(turbo, CAPTION, "red", last=measures.pass_of(turbo, 8) - 1, seeds=1))
    assert silent.provenance.settings["passes"] == 4
    held = last(edit.swap_word(turbo, CAPTION, "cat", "dog", hold=measures.pass_of(turbo, 20), seeds=1))
    assert held.provenance.settings["passes"] == 4


# --- the sweep --------------------------------------------------------------------------------------------


def test_the_sweep_measures_more_and_more_seeds(painter, monkeypatch):
    monkeypatch.setattr(sweep, "alignment", lambda caption, painter: Measure())
    swept = sweep.sweep(painter, CAPTION, scales=(0, 1, 4, 20), seeds=2, steps=2)
    first, second = (step for step in swept if isinstance(step, Evidence))
    value = second.value
    assert value.returned.shape == (2, 4) and value.static > 0
    assert first.value.clipped.shape == (1, 4) and value.clipped.shape == value.alignment.shape == (2, 4)
    ignored = diffusion.paint(painter, diffusion.Plan("", (7,), steps=2, guidance_scale=1.0))[0]
    near(value.pictures[0, 0], ignored)
    code = run(first.snippet)
    assert list(code) == [1, 4, 20]
    for scale, (picture, saturation, _) in code.items():
        near(picture, first.expected[scale])
        assert saturation == pytest.approx(value.saturation[0, value.at(scale)], abs=0.02)
    assert len(figures.sweep_chart(value).data) == 6


def test_what_more_guidance_bought(painter):
    value = last(sweep.sweep(painter, CAPTION, scales=(4, 20), seeds=2, steps=1)).value
    assert value.alignment is None and "bundled" in value.why and sweep.sweep_truth(value) is None
    low, high = np.array([[0.2, 0.2], [0.3, 0.3]]), np.array([[0.2, 0.8], [0.3, 0.9]])
    for closer, harsher, choice in ((high, low, 0), (high, high, 1), (low, high, 2), (low, low, 3)):
        changed = replace(value, alignment=closer, clipped=harsher, saturation=low)
        assert sweep.sweep_truth(changed)[0] == choice


def test_a_caption_followed_without_a_push_has_no_obedience_to_gain(painter, monkeypatch):
    """Every caption was followed at guidance 1, and yet the scale was praised for it."""
    monkeypatch.setattr(sweep, "alignment", lambda caption, painter: Measure())
    value = last(sweep.sweep(painter, CAPTION, scales=(1, 4, 20), seeds=2, steps=1)).value

    def said(certainty):
        changed = replace(value, alignment=np.array(certainty))
        return sweep._evidence(painter, changed, (7, 8), 1, 0.0).findings[0]

    assert "nothing left to gain" in said([[1, 1, 0.1], [1, 1, 0.2]]).text
    assert said([[1, 1, 0.1], [1, 1, 0.2]]).headline == "1.00 → 1.00 → 0.15"
    assert "nothing left to gain" not in said([[0.1, 0.9, 1], [0.2, 1, 1]]).text
    assert "show no gain over 1" in said([[0.3, 0.9, 1], [0.4, 0.8, 1]]).text, "two seeds leave it open"


@pytest.mark.parametrize("scales", [(), (4,), (4, 4.0), (-1, 4), (1, 31), (1, float("nan")), tuple(range(17))])
def test_scales_out_of_range_are_refused(painter, scales):
    with pytest.raises(PlainError):
        next(sweep.sweep(painter, CAPTION, scales=scales))


@pytest.fixture
def seen(painter, monkeypatch):
    """What the judge sees in every picture; tests fill it in."""
    from engines.stickers.detector import Found, Reading

    readings: list[Reading] = []

    class Look:
        def look(self, pictures):
            return readings * len(pictures)

    def see(*found: tuple[str, str, float, float], objects: dict[str, float], background: str = "blue") -> None:
        things = tuple(Found(name, 0.9, colour, sure, x, 0.5) for name, colour, sure, x in found)
        readings[:] = [Reading(things, objects, background, {background: 0.5})]

    monkeypatch.setattr(diffusion.Painter, "is_bundled", True)
    monkeypatch.setattr(measures.judge, "load", Look)
    return see


def test_the_judge_is_asked_for_what_the_caption_names(painter, seen):
    seen(("cat", "gray", 0.4, 0.5), objects={"cat": 0.9})
    measure = measures.alignment("a cat on a blue background", painter)
    assert measure.wishes == ("cat", "exactly 1 cat", "the background “blue”") and measure.unscored == ()
    np.testing.assert_allclose(measure.of(np.zeros((2, 8, 8, 3), np.uint8)), (0.9 + 1 + 0.5) / 3)
    assert isinstance(measures.alignment("a steam engine", painter), str)


def test_place_number_and_colour_count_too(painter, seen):
    picture = np.zeros((1, 8, 8, 3), np.uint8)
    beside = measures.alignment("a lemon to the left of a cat", painter)
    assert beside.wishes == ("lemon", "cat", "exactly 1 lemon", "exactly 1 cat", "lemon left of cat")
    both = {"lemon": 0.8, "cat": 0.8}
    seen(("lemon", "yellow", 1, 0.2), ("cat", "gray", 1, 0.8), objects=both)
    right = beside.of(picture)[0]
    seen(("lemon", "yellow", 1, 0.8), ("cat", "gray", 1, 0.2), objects=both)
    assert right == pytest.approx((1.6 + 3) / 5) and beside.of(picture)[0] == pytest.approx(right - 1 / 5)
    painted = measures.alignment("two red balloons", painter)
    assert painted.wishes == ("balloon", "exactly 2 balloons", "the balloon in red")
    seen(("balloon", "red", 0.6, 0.2), ("balloon", "blue", 0.9, 0.8), objects={"balloon": 0.9})
    assert painted.of(picture)[0] == pytest.approx((0.9 + 1 + 0.6 / 2) / 3)
    seen(objects={"balloon": 0.1})
    assert painted.of(picture)[0] == pytest.approx(0.1 / 3)


def test_what_the_judge_leaves_out_is_named(painter, seen):
    seen(("cat", "gray", 1, 0.5), objects={"cat": 0.9})
    assert "the colour of the cat" in measures.alignment("a red cat", painter).unscored
    assert "the lettering “OPEN”" in measures.alignment('a sign that says "open"', painter).unscored
    swept = last(sweep.sweep(painter, "a red cat", scales=(4, 20), seeds=1, steps=1))
    assert "Not scored: the colour of the cat." in swept.findings[0].text
    negated = last(edit.negate(painter, CAPTION, "a red cat", seeds=1, steps=1))
    assert any("Not scored: the colour of the cat." in card.text for card in negated.findings)


def test_a_bin_ends_where_its_words_say():
    bins = read_lesson("guidance").predictions["left-over"]
    assert [bins.which(left) for left in (0.0, 0.049, 0.05, 0.499, 0.5, 1.1)] == [0, 0, 1, 1, 2, 2]


def test_dice_are_thrown_once(painter):
    value = last(dice.dice(painter, CAPTION, scales=(1, 3), seeds=2, steps=2)).value
    assert value.again.max() == 0 and value.spread.shape == (2, 2)
    assert "One pair" in str(dice.dice_truth(value)), "two seeds score no guess"
    assert " apart" in figures.dice_rows(value) and "each time" not in figures.dice_rows(value)
    told = replace(value, spread=np.array([[0.2, 0.24, 0.16], [0.1, 0.11, 0.12]]))
    left, said, near = dice.dice_truth(told)
    assert (left, near) == (told.left[0], [*told.left[1:]]) and near[0] < left < near[1] and "interval" in said
    with pytest.raises(PlainError, match="2 seeds"):
        next(dice.dice(painter, CAPTION, seeds=1))


# --- editing ----------------------------------------------------------------------------------------------


def test_every_edit_stands_beside_the_untouched_pictures(painter, monkeypatch):
    monkeypatch.setattr(edit, "alignment", lambda caption, painter: Measure())
    negated = last(edit.negate(painter, CAPTION, "two dog", seeds=2, steps=2))
    near(run(negated.snippet)["pictures"][0], negated.expected[0])
    weighed = last(edit.reweigh(painter, CAPTION, "red", weights=(0, 3), seeds=2, steps=2))
    assert weighed.value.labels == ("“red” × 1", "“red” × 0", "“red” × 3", edit.DELETED)
    swapped = last(edit.swap_word(painter, CAPTION, "cat", "dog", hold=2, hold_self=2, seeds=2, steps=2))
    near(swapped.value.pictures[0], diffusion.paint(painter, diffusion.Plan(CAPTION, (7, 8), steps=2)))
    assert edit.swap_truth(swapped.value)[0] in range(3)
    near(run(weighed.snippet)[0], weighed.expected[0])
    near(run(swapped.snippet), swapped.expected)
    for result in (negated, weighed, swapped):
        assert result.alt.endswith(".") and len(result.table.rows) == len(result.value.labels)
        assert figures.edit_rows(result.value).count("<figure") == 2 * len(result.value.labels)


def test_a_held_layout_is_nearer_only_when_the_interval_says_so():
    """The two mean changes stood side by side, each with an interval down to zero, and nothing compared them."""
    labels = ("the old caption", "plain", "held")
    for levels, headline in (
        ([[0] * 3, [60, 70, 65], [30, 38, 36]], "nearer with it held"),
        ([[0] * 3, [30, 38, 36], [60, 70, 65]], "nearer without"),
        ([[0] * 3, [60, 10, 65], [30, 70, 36]], "cannot be told"),
    ):
        (card,) = edit._nearer(edit.Edit("swap", labels, tuple(stepped(levels))))
        assert card.headline == headline and "interval" in card.text
    assert not [*edit._nearer(edit.Edit("swap", labels, tuple(stepped([[0], [9], [1]]))))]


def test_the_words_about_held_layouts_are_those_that_were_measured():
    rows = defaults.kept()["guidance/edit/swap"]["rows"]
    found = {row["inputs"][2]: row["figures"]["told apart"] for row in rows}
    words = (folder("guidance") / "lesson.md").read_text(encoding="utf-8")
    assert found == {"dog": 1, "pig": -1} and 4 * candidates.SEEDS == 12
    assert "Over twelve seeds each: with *dog* for *cat* it does, with *pig* for *rabbit*" in words


def test_a_weight_is_set_against_deleting_the_word():
    """Louder and quieter changed next to nothing, and the page did not say so."""
    levels = [[0, 0], [1, 2], [60, 70]]
    value = edit.Edit("weigh", ("× 1", "× 4", edit.DELETED), tuple(stepped(levels)))
    (card,) = edit._reached(value)
    assert card.headline == "2.3 %" and "× 4" in card.text
    (card,) = edit._reached(replace(value, pictures=tuple(stepped([[0, 0], [60, 70], [59, 71]]))))
    assert card.headline == "100 %" and "mixed" not in card.text


def test_a_negative_caption_needs_something_to_remove():
    """A meadow was removed from pictures without one: 0.00 before and 0.00 after."""
    value = edit.Edit("negative", ("without", "with"), tuple(stepped([[0, 0, 0], [9, 9, 9]])), "the meadow")
    for before, after, headline in (
        ([0, 0, 0.01], [0, 0, 0], "nothing to remove"),
        ([1, 0.9, 1], [0, 0.1, 0], "less of it"),
        ([1, 0.9, 1], [1, 1, 0.8], "no clear difference"),
    ):
        (card,) = edit._removed(replace(value, asked=(np.array(before), np.array(after))))
        assert card.headline == headline
    seen = replace(value, asked=(np.ones(3), np.zeros(3)), backgrounds=(("pink", "gray", "pink"), ("green",) * 3))
    assert [*edit._removed(seen)][1].headline == "2 → 1"


def test_a_word_is_replaced_everywhere_and_whole(painter):
    assert edit.replaced(painter, "a cat and a Cat, not a catfish", "cat", r"\1 dog") == (
        r"a \1 dog and a \1 dog, not a catfish"
    )
    for word, other in (("zebra", "dog"), ("cat", "cat"), ("cat", " "), ("", "dog")):
        with pytest.raises(PlainError):
            edit.replaced(painter, CAPTION, word, other)


# --- the API, safety --------------------------------------------------------------------------------------


def test_the_api(served):
    answer = api.word_maps(CAPTION, "Blue", seed=1, steps=2)
    assert len(answer["passes"]) == 2 and 0 < answer["share"] < 1 and json.dumps(answer)
    side = len(answer["passes"][0]["maps"]["8x8"])
    assert side == 8
    tail = api.word_maps(CAPTION + " dog" * 80, "red", steps=1)["never_read"]
    assert answer["never_read"] == [] and tail and set(tail) == {"dog"}
    swept = api.guidance_sweep(CAPTION, seed=1, scales=[1, 9])
    assert [one["scale"] for one in swept["sweep"]] == [1, 9] and json.dumps(swept)
    assert swept["sweep"][0]["certainty"] is None and swept["why"]
    one = api.words_one_by_one("a red cat", seed=1, seeds=1, steps=1)
    assert [row["word"] for row in one["words"]] == ["a", "red", "cat"] and json.dumps(one)
    assert one["words"][0]["change"]["low"] is None and one["other_seed"] is None


@pytest.mark.parametrize(
    "settings",
    [
        {"word": "zebra"},
        {"word": ""},
        {"word": 5},
        {"steps": 0},
        {"steps": 51},
        {"seed": -1},
        {"caption": ""},
        {"caption": "x" * 999},
    ],
)
def test_the_api_refuses_in_plain_words(served, settings):
    with pytest.raises(PlainError):
        api.word_maps(**({"caption": CAPTION, "word": "red", "steps": 1} | settings))


def test_one_seed_is_not_called_1_seeds(painter):
    alone = (
        *fork.fork(painter, CAPTION, seeds=2, steps=3),
        *maps.look(painter, CAPTION, seeds=2, steps=1),
        *silence.silence(painter, CAPTION, "red", last=0, seeds=1, steps=2),
        *sweep.sweep(painter, CAPTION, 1, scales=(1, 4), steps=1),
        *edit.reweigh(painter, CAPTION, "red", weights=(0,), seeds=1, steps=1),
    )
    for event in alone:
        words = [event.words] if isinstance(event, Underway) else []
        if isinstance(event, Evidence):
            words = [event.alt, *(f"{card.headline} {card.text}" for card in event.findings)]
        assert not [text for text in words if re.search(r"(?<!\d)1 (more )?(seeds|pictures|passes)", text)]


def test_counts_agree_with_the_things_they_count(painter, seen):
    seen(objects={"balloon": 0.1})
    assert "exactly 2 balloons" in measures.alignment("two red balloons", painter).wishes
    assert "exactly 2 fish" in measures.alignment("two fish", painter).wishes
    assert "2 or more cacti" in measures.alignment("cacti in the desert", painter).wishes


def test_a_recorded_view_keeps_a_few_passes(painter):
    with film.small():
        events = figures.forked(fork.fork(painter, CAPTION, seeds=1, steps=12), "view")
        lines = [event["view"] for event in events if isinstance(event, dict)][-1].splitlines()
    assert [json.loads(line)["pass"] for line in lines[1:]] == [1, 7, 12]


def test_the_prediction_is_about_the_swap_only(painter):
    weighed = last(edit.edit(painter, "weigh", CAPTION, "red", "", "", 20, 7)).value
    assert edit.swap_truth(weighed) is None


def test_the_sliders_of_silence_are_refused_in_words(painter):
    with pytest.raises(PlainError, match="The first pass comes after the last"):
        last(silence.take_away(painter, CAPTION, "red", 9, 8, 2))


def test_a_word_beyond_the_end_is_not_said_to_be_missing_and_a_comma_is_no_letter(painter):
    assert measures.places(painter.read(CAPTION), "cat,") == (2,)
    with pytest.raises(PlainError, match="never reads"):
        measures.places(painter.read(CAPTION + " and a blue dog" * 20 + " zebra"), "zebra")


def test_nothing_typed_becomes_markup(painter):
    caption = f"cat {NASTY}"
    look = last(maps.look(painter, caption, seeds=1, steps=1))
    added = last(one_by_one.one_by_one(painter, caption, 1, steps=1))
    silent = last(silence.silence(painter, caption, "cat", last=0, seeds=1, steps=2))
    swept = last(sweep.sweep(painter, caption, scales=(1, 4), seeds=1, steps=1))
    thrown = last(dice.dice(painter, caption, scales=(1, 4), seeds=2, steps=1))
    negated = last(edit.negate(painter, caption, NASTY, seeds=1, steps=1))
    swapped = last(edit.swap_word(painter, caption, "cat", NASTY, hold=1, seeds=1, steps=1))
    weighed = last(edit.reweigh(painter, caption, "cat", weights=(2,), seeds=1, steps=1))
    for result in (added, look, silent, swept, thrown, negated, swapped, weighed):
        safe(str(views.evidence(result)))
    safe(figures.silenced_rows(silent.value) + figures.silenced_bars(silent.value) + figures.sweep_row(swept.value))
    safe(figures.words_rows(added.value) + figures.words_bars(added.value))
    safe(figures.edit_rows(negated.value) + figures.edit_rows(swapped.value) + figures.dice_rows(thrown.value))


@pytest.mark.parametrize(
    "kind, before, after",
    [
        ("weigh", edit.OFFERED["swap"], edit.OFFERED["weigh"]),
        ("negative", edit.OFFERED["swap"], edit.OFFERED["negative"]),
        ("swap", ("a dog", "cat"), ("a dog", "")),
        ("weigh", ("a yellow dog", "yellow"), ("a yellow dog", "yellow")),
        ("weigh", ("a dog", "dog"), ("a dog", "dog")),
    ],
)
def test_another_kind_of_edit_keeps_what_the_learner_wrote(kind, before, after):
    assert edit.offered(kind, *before) == after


# --- the quiz against the page's own figures --------------------------------------------------------------


def shown(screen: str) -> str:
    """Every word of a recorded first paint, its drawers included."""
    record = recorded.read(f"guidance/{screen}")
    assert record is not None
    return "".join(str(recorded._words(value)) for value in record["places"].values())


def test_the_quiz_about_red_says_what_the_page_measured():
    """“Red on red”, then “red on green”: what the judge names most often after the third and the sixth word."""
    table = shown("one-by-one")
    for ground in ("red", "green"):
        assert re.search(f"red balloon, background “{ground}”: [34] of 4", table), ground


def test_the_quiz_about_overcooking_and_seeds_says_what_the_page_measured():
    clipped = re.search(r"<b>([\d.]+) % → ([\d.]+) %</b><span>of all colour values are clipped", shown("sweep"))
    assert clipped and float(clipped[2]) > 3 * float(clipped[1])
    left = re.search(r"<b>([\d.]+) %</b><span>of the difference between seeds", shown("dice"))
    assert left and 5 < float(left[1]) < 100


def test_the_first_screen_says_what_its_prediction_and_its_prose_take_for_true():
    found = re.search(r"<b>([\d.]+) % and ([\d.]+) %</b><span>is how far a word that names", shown("one-by-one"))
    assert found and read_lesson("guidance").predictions["little-words"].which(float(found[2]) / float(found[1])) == 0
