"""The image-tokens lesson: tiles counted right, controls that could refute, code against page, hostile input."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from markupsafe import Markup
from PIL import Image

from engines.evidence import Evidence, PlainError
from engines.pictures import painter as painters
from engines.pictures.tiles import FREE, SIDE, TILES, tile_writer, written
from engines.stickers import scenes
from engines.stickers.seed_ranges import FRESH, UNSEEN
from engines.stickers.world import facts_of
from lessons.image_tokens import api, board, book, facts, figures, force, half, race
from lessons.shell import film, waking
from lessons.shell.content import read_lesson
from lessons.shell.uploads import OWN
from tests.lessons.common import NASTY, last, run, safe

CAPTION = "a strawberry on a blue background"


@pytest.fixture(scope="module")
def bundled():
    return painters.load(None)


@pytest.fixture(scope="module")
def booked(bundled) -> Evidence:
    return last(book.book(bundled, ("owl-meadow", None)))


@pytest.fixture(scope="module")
def raced(bundled) -> list:
    return list(race.race(bundled, CAPTION, 7))


@pytest.fixture(scope="module")
def forced(bundled, raced) -> Evidence:
    return last(force.forced(bundled, raced[-1].value.written, raced[-1].value.written.shown))


@pytest.fixture(scope="module")
def halved(bundled) -> Evidence:
    return last(half.half(bundled, "owl-meadow", "a cat on a green meadow", 8, 2))


@pytest.fixture(scope="module")
def asked(bundled) -> Evidence:
    return last(facts.asked(bundled, 2))


def test_the_words_are_complete():
    lesson = read_lesson("image-tokens")
    assert [section.key for section in lesson.sections] == ["book", "race", "half", "facts"]
    assert set(lesson.predictions) == {"entries", "slower", "obeys", "longer"}


# --- 1 ----------------------------------------------------------------------------------------------------


def test_a_picture_becomes_256_numbers_and_its_rivals_are_measured(booked, bundled):
    value = booked.value
    assert value.tiles.shape == (SIDE, SIDE) and value.used == len(set(value.tiles.ravel().tolist()))
    assert book.truth(value)[0] == value.used
    assert value.loss(value.unrounded) > value.loss(value.restored) > value.loss(value.thumbnail)
    assert value.loss(value.restored) > max(value.random_psnr), "learned entries beat entries drawn at random"
    assert value.loss(value.shuffled) < value.loss(value.swapped) < value.loss(value.restored)
    writer = tile_writer(bundled)
    first, second = value.pair
    exchanged = np.where(value.tiles == first, second, np.where(value.tiles == second, first, value.tiles))
    assert (value.swapped == writer.decode(exchanged[None])[0]).all()
    counts = {row[0]: row[1] for row in booked.table.rows}
    assert sum(counts.values()) == SIDE * SIDE and counts[first] == max(counts.values())
    assert book.RIVAL**2 * 3 <= SIDE * SIDE


def test_its_code_gives_the_same_tiles_and_picture(booked):
    found = run(booked.snippet)
    assert (found["tiles"] == booked.expected["tiles"]).mean() > 0.99
    assert np.abs(found["restored"].astype(int) - booked.expected["restored"]).mean() < 1


def test_the_wall_shows_every_entry_once_and_those_in_use_first(booked):
    markup = figures.wall(booked.value)
    assert markup.count("<button") == 256 and markup.count("class=idle") == 256 - booked.value.used
    assert figures.journey(booked.value).count("<button") == SIDE * SIDE
    with film.small():  # each entry has its own pixels, in a record too
        sheet = re.findall(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", figures.wall(booked.value))[0]
    assert Image.open(io.BytesIO(base64.b64decode(sheet))).size == (256 * 8, 8)


def test_of_a_plain_picture_no_number_is_infinite_and_its_order_says_little(bundled):
    plain = last(book.book(bundled, (OWN, np.full((8, 8, 3), (255, 0, 0), np.uint8))))
    said = figures.journey(plain.value) + plain.alt + " ".join(f"{one.headline} {one.text}" for one in plain.findings)
    assert "inf" not in said and "as many bytes as a thumbnail, no difference" in said
    assert "in so plain a picture their order says little" in said and "all that made it a picture" not in said
    only = replace(plain.value, tiles=np.zeros_like(plain.value.tiles))
    assert book._shuffled(only).headline == "nothing to shuffle"


# --- 2 ----------------------------------------------------------------------------------------------------


def test_both_painters_work_to_the_end_and_only_one_edits(raced, bundled):
    *moments, result = raced
    value = result.value
    assert moments[-1].laid == SIDE * SIDE and moments[-1].sculpted == 1
    assert sum(moment.canvas is not None for moment in moments) == SIDE
    assert value.written.bits.shape == (TILES,) and value.written.bits.min() >= 0
    assert value.edited()[0] > value.edited()[-1]
    ratio, _, (low, high) = race.truth(value)
    assert ratio == pytest.approx(value.tile_seconds / value.picture_seconds) and low < ratio < high
    assert len(value.verdicts) == 2 and value.verdicts[1].outcome is not False
    reel, clocks, costs, desk, kept = object(), object(), object(), object(), object()
    shown = list(figures.raced(iter(raced), clocks, reel, costs, desk, kept))
    assert len({one[reel] for one in shown if isinstance(one, dict) and reel in one}) == SIDE
    end = next(one for one in shown if isinstance(one, dict) and costs in one)
    assert "hesitated" in end[costs] and "tiles-board" in end[desk] and end[kept] is value.written


def test_the_race_s_code_writes_the_same_tiles(raced):
    written, finished = run(raced[-1].snippet)
    assert (written["tiles"] == raced[-1].expected[0]).all()
    assert np.abs(np.asarray(finished["pictures"][0]).astype(int) - raced[-1].expected[1][0]).max() <= 1


def test_a_tile_s_scoreboard_is_that_of_its_draw(raced, bundled):
    written = raced[-1].value.written
    assert written.bits[written.at] == written.bits.max(), "the dearest is chosen first"
    rows = written.rows()
    assert [one.rank for one in rows[: board.TOP]] == list(range(1, board.TOP + 1)) and len(rows) <= board.TOP + 1
    assert written.entry in [one.token_id for one in rows] and written.runner_up != written.entry
    own = next(one for one in rows if one.token_id == written.entry)
    assert own.kept_probability > 0 and -np.log2(own.probability) == pytest.approx(written.bits[written.at], abs=1e-3)
    for at in (0, 100, 255):
        drawn = figures.chosen(board.chose(written, {"at": at}))
        assert f"<b>Row {at // SIDE + 1}, column {at % SIDE + 1}</b>" in drawn and drawn.count("<button") >= board.TOP
        assert drawn.count('class="bar-row hit"') == 1


def test_a_forced_tile_keeps_what_was_before_and_its_own_entry_changes_nothing(forced):
    value = forced.value
    at, before = value.before.at, value.before
    assert (value.tiles[:, :at] == before.tiles[:at]).all()
    assert value.tiles[0, at] == value.entry != before.entry == value.tiles[1, at]
    changed, own, other = value.counts()
    assert own == 0 and 0 < changed <= value.later and 0 < other <= value.later
    assert changed == (value.tiles[0, at + 1 :] != before.tiles[at + 1 :]).sum()
    assert forced.findings[0].headline == f"{changed} of {value.later}"
    assert sum(row[2] for row in forced.table.rows) == changed
    assert sum(row[1] for row in forced.table.rows) == value.later
    markup = figures.both(value)
    assert markup.count("<img") == 4 and f"{changed} of {value.later}" in markup


def test_its_own_entry_pressed_is_the_control(raced, bundled):
    written = raced[-1].value.written
    pressed = {"at": 200, "entry": int(written.tiles[200])}
    chosen, *moments, found = force.forced(bundled, written, written.shown, pressed)
    assert chosen.at == 200 and (chosen.tiles == written.tiles).all()
    assert found.value.counts()[:2] == (0, 0) and found.findings[0].headline == f"0 of {TILES - 201}"
    assert (found.value.pictures[0] == written.picture).all()
    assert len(moments) == 4, "one for the row of the place and each after it"
    assert [moment.written for moment in moments] == [7, 23, 39, 55]
    assert "0 of 7 later tiles written so far differ" in figures.both(moments[0])
    said = found.alt + " ".join(one.text for one in found.findings)
    assert "is laid again" in found.alt and "you laid it again" in said
    assert "instead_of" not in found.provenance.settings
    assert "instead of" not in said and "in place of" not in said and "fewer tiles than" not in said


@pytest.mark.parametrize("again", [False, True])
def test_after_the_last_tile_nothing_follows(raced, bundled, again):
    written = raced[-1].value.written
    entry = int(written.tiles[255]) if again else (int(written.tiles[255]) + 1) % 256
    found = last(force.forced(bundled, written, written.shown, {"at": 255, "entry": entry}))
    assert found.value.later == 0 and found.findings[0].headline == "the last tile" and found.table.rows == ()
    assert "It is the last tile: no other can change." in found.alt
    assert figures.both(found.value).count("none comes after it") == 2


def test_the_forced_tile_s_code_goes_on_in_the_same_way(forced):
    found = run(forced.snippet)
    assert (found["tiles"] == forced.expected["tiles"]).mean() > 0.98, "a batch rounds the last digits differently"


def test_what_is_pressed_is_laid_in_the_picture_that_is_shown(raced, bundled):
    """A caption typed since, or another run kept by the server, is none of its business."""
    desk, beside, kept, result = object(), object(), object(), object()
    written = raced[-1].value.written
    shown = board.Shown.in_markup(figures.chosen(replace(written, at=200)))
    assert shown == board.Shown(written.ask, 200)
    other = replace(written, ask=replace(written.ask, caption="a white house at night"))
    for held in (None, other):
        steps = list(figures.gone_on(force.forced(bundled, held, shown), desk, beside, kept, result))
        places = [one for one in steps if isinstance(one, dict)]
        assert places[0][kept].ask == written.ask and places[0][kept].at == 200
        assert (places[0][kept].tiles == written.tiles).all(), "the same settings write the same picture"
        assert 'data-at="200"' in places[0][desk] and result in places[1] and beside in places[-1]
    assert board.stands(written, figures.chosen(written)) and not board.stands(other, figures.chosen(written))
    assert not board.stands(None, figures.chosen(written))


def test_a_tile_of_a_picture_that_is_not_held_is_chosen_in_the_same_one(raced, bundled):
    written = raced[-1].value.written
    *_, then = force.looked_at(bundled, None, board.Shown(written.ask), {"at": 37})
    assert then.at == 37 and (then.tiles == written.tiles).all()


def test_a_place_that_waits_knows_of_which_picture(raced):
    shown = board.Shown(board.Ask.checked(NASTY, 7, 2, 1))
    assert board.Shown.in_markup(figures.waits("soon", shown)) == shown
    safe(figures.waits("soon", shown))


@pytest.mark.parametrize("of", [None, "", 5, "<p>", "[]", '["a"]', "{}", "5", "null", '["a", 7, 2, 1, 2, 3]', "["])
def test_a_view_that_shows_no_picture_is_refused(of):
    with pytest.raises(PlainError, match="Start both"):
        board.Shown.in_markup(of if of is None or of == 5 else Markup('<p data-of="{}">').format(of))


@pytest.mark.parametrize("sent", [["", 7, 2, 1, 0], ["a cat", -1, 2, 1, 0], ["a cat", 7, 99, 1, 0],
                                  ["a cat", 7, 2, "x", 0], ["a cat", 7, 2, 1, 256], [5, 7, 2, 1, 0],
                                  ["a" * 5000, 7, 2, 1, 0]])  # fmt: skip
def test_settings_that_came_back_from_the_browser_are_checked(sent):
    with pytest.raises(PlainError):
        board.Shown.in_markup(Markup('<p data-of="{}">').format(json.dumps(sent)))


@pytest.mark.parametrize("pressed", [{"at": 256}, {"at": -1}, {"at": "a"}, {"at": 1.5}, {"at": None}])
def test_a_press_that_names_no_place_is_refused(raced, bundled, pressed):
    written = raced[-1].value.written
    for refused in (
        lambda: next(force.forced(bundled, written, written.shown, {**pressed, "entry": 3})),
        lambda: next(force.looked_at(bundled, written, written.shown, pressed)),
        lambda: board.chose(written, pressed),
    ):
        with pytest.raises(PlainError):
            refused()


@pytest.mark.parametrize("entry", [256, "x", -1, 1.5])
def test_a_press_that_names_no_entry_is_refused(raced, bundled, entry):
    written = raced[-1].value.written
    with pytest.raises(PlainError):
        next(force.forced(bundled, written, written.shown, {"at": 0, "entry": entry}))


def test_a_score_counts_what_was_asked_and_names_what_cannot_be_told(raced):
    told = raced[-1].value.verdicts[1]
    whole = f"{sum(told.right.values())} of {len(told.expected)}"
    assert race.score((told, told)) == f"{whole} facts against {whole}"
    first, *others = told.expected
    blurred = replace(told, right={first: True}, untold=tuple(others))
    said = f"1 of {len(told.expected)} facts, {len(others)} cannot be told, against {whole}"
    assert race.score((blurred, told)) == said
    assert ", ".join(others) + " not to be told" in race._judged((blurred, told))
    nothing = replace(told, right={}, untold=(), expected={})
    assert race.score((nothing, nothing)) == "nothing to judge"


def test_the_sculptor_s_pixels_move_by_a_threshold_that_is_named(raced):
    assert "visibly, by more than 16 of 255, in its second pass" in raced[-1].findings[1].text


# --- 3 ----------------------------------------------------------------------------------------------------


def test_given_rows_stand_and_the_control_has_none(halved, bundled):
    value = halved.value
    writer = tile_writer(bundled)
    given = writer.encode(half.example("owl-meadow", 128, 128)[None])[0, :8]
    assert (halved.expected["tiles"][:, :8] == given).all()
    assert value.pictures.shape[:2] == (len(half.WAYS), 2)
    alone = writer.decode(written(writer, [value.other], [7]))[0]
    assert np.abs(value.pictures[3, 0].astype(int) - alone).mean() < 2, "the control is the caption's own picture"
    assert value.share(1, asked=True).trials <= 2
    bars = figures.half_bars(value)
    assert bars.count("bar-row") == 8 and figures.halves(value).count("<img") == 1 + 4 * 2


def test_the_code_goes_on_from_the_same_rows(halved):
    found = run(halved.snippet)
    assert (found["tiles"] == halved.expected["tiles"]).mean() > 0.98, "a batch rounds the last digits differently"


def test_what_cannot_be_told_scores_no_guess(halved):
    from dataclasses import replace

    value = replace(halved.value, asked=((None, None),) * 4, own=((None, None),) * 4)
    assert "no guess" in str(half.truth(value))


def test_other_rows_than_the_questions_score_no_guess_and_what_is_left_out_is_said(halved):
    from dataclasses import replace

    told = replace(halved.value, asked=((True, True),) * 4, own=((True, True),) * 4)
    assert half.truth(told)[0] == 1.0 and "cannot tell" not in figures.half_bars(told)
    assert "upper half" in str(half.truth(replace(told, given=1)))
    assert "cannot tell" in figures.half_bars(replace(told, own=((True, None),) * 4))


# --- 4 ----------------------------------------------------------------------------------------------------


def test_captions_hold_one_fact_and_three_of_unseen_scenes(asked):
    short, long = facts.drawn(16, 7)
    assert len(set(long)) == 16
    for one, three in zip(short, long, strict=True):
        few, many = facts_of(one), facts_of(three)
        assert few.things[0].name == many.things[0].name and few.background is None and few.things[0].colour is None
        assert many.background and many.things[0].colour and not many.unread
    assert FRESH > UNSEEN + 1_000 and scenes.plan(FRESH) == scenes.plan(FRESH)
    assert facts.drawn(2, 7)[1] == asked.value.long


def test_as_many_captions_as_the_page_offers_are_sculpted_in_runs_that_fit(bundled, monkeypatch):
    """Sixteen captions were refused: with one fact and with three each they make 32 pictures, and a run holds 16."""

    def nothing(*rest: Any) -> Iterator[Any]:
        return np.zeros((2 * facts.MAX_CAPTIONS, SIDE, SIDE), np.int64)
        yield

    def blank(painter: Any, plan: Any, what: str) -> Iterator[Any]:
        return np.zeros((plan.rows, 128, 128, 3), np.uint8)
        yield

    monkeypatch.setattr(facts, "writing", nothing)
    monkeypatch.setattr(facts, "painting", blank)
    assert last(facts.asked(bundled, facts.MAX_CAPTIONS)).value.pictures.shape[:3] == (2, 2, facts.MAX_CAPTIONS)


def test_blind_luck_is_the_next_caption(asked):
    value = asked.value
    assert value.pictures.shape[:3] == (2, 2, 2)
    for painter in range(2):
        assert value.whole(painter).trials <= 2 and value.chance(painter).trials <= 2
        assert all(set(one) <= set(facts.ASPECTS) for one in value.right[painter][1])
    assert value.whole(1).successes >= value.chance(1).successes
    drawn = figures.fact_bars(value) + figures.fact_rows(value)
    assert drawn.count("bar-row") == 8


def test_three_facts_count_as_right_only_together():
    right = {"object": True, "colour": True, "background": True}
    whole = facts._whole((right, right | {"colour": False}, {"object": True}))
    assert (whole.successes, whole.trials) == (1, 2), "one of three that cannot be told counts neither way"


# --- input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: race.race(p, "  ", 7), "Write a caption"),
        (lambda p: race.race(p, "a" * 5000, 7), "caption"),
        (lambda p: race.race(p, CAPTION, 1.5), "whole number"),
        (lambda p: race.race(p, CAPTION, 7, 99), "guidance"),
        (lambda p: race.race(p, CAPTION, 7, 2, float("nan")), "temperature"),
        (lambda p: half.half(p, "nowhere", "a cat"), "no such scene"),
        (lambda p: half.half(p, "owl-meadow", "an owl in the snow"), "something else"),
        (lambda p: half.half(p, "owl-meadow", "a cat and a dog"), "exactly one thing"),
        (lambda p: half.half(p, "owl-meadow", "a cat", 99), "rows"),
        (lambda p: half.half(p, "owl-meadow", "a cat", 8, 2.5), "whole number"),
        (lambda p: facts.asked(p, 1), "captions"),
        (lambda p: facts.asked(p, 4, -1), "seed"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(bundled, call, words):
    with pytest.raises(PlainError, match=words):
        next(iter(call(bundled)))


def test_hostile_captions_never_become_markup(bundled):
    events = []
    for event in race.race(bundled, NASTY, 7, 1.0, 0.0):
        events.append(event)
        if len(events) == 2:
            break
    safe(figures.both_clocks(events[-1]))


def test_another_painter_is_told_where_the_tiles_are(painter):
    with pytest.raises(PlainError, match="bundled painter"):
        next(book.book(painter, ("owl-meadow", None)))


# --- api --------------------------------------------------------------------------------------------------


def test_tiles_come_and_go_through_the_api(bundled, monkeypatch):
    monkeypatch.setattr(waking, "open_painter", lambda progress=None: bundled)
    coded = api.encode_tiles("cat-meadow")
    assert np.array(coded["tiles"]).shape == (SIDE, SIDE) and coded["psnr"] > 20
    given = np.full((SIDE, SIDE), FREE)
    given[:15] = np.array(coded["tiles"])[:15]
    answers = list(api.paint_tiles("a cat on a green meadow", 7, given=given.tolist()))
    assert [one["row"] for one in answers] == list(range(1, 17)) and len(answers[0]["bits"]) == SIDE
    assert answers[-1]["picture"].startswith("data:image/webp")
    assert (np.array(answers[-1]["tiles"])[:15] == given[:15]).all()
    assert answers[0]["tiles"][1] == [FREE] * SIDE


def test_a_tile_is_forced_through_the_api(bundled, monkeypatch):
    monkeypatch.setattr(waking, "open_painter", lambda progress=None: bundled)
    answer = api.force_tile(CAPTION, 117)
    was, now = (np.ravel(answer[name]) for name in ("tiles", "forced_tiles"))
    assert (was[:117] == now[:117]).all() and now[117] == answer["entry"] != answer["drawn"] == was[117]
    assert answer["differ"] == (was[118:] != now[118:]).sum() and answer["later"] == 138
    assert answer["differ_unforced"] == 0 and answer["forced_picture"].startswith("data:image/webp")
    best = next(one for one in answer["scoreboard"] if one["entry"] != answer["drawn"])
    assert best["entry"] == answer["entry"] and 0 < best["kept_probability"] <= 1


@pytest.mark.parametrize("arguments", [(256,), (-1,), (1.5,), ("a",), (0, 256), (0, 1.5), (0, None, -1)])
def test_a_tile_that_is_none_is_not_forced(arguments, monkeypatch):
    monkeypatch.setattr(waking, "open_painter", lambda progress=None: pytest.fail("opened for nothing"))
    with pytest.raises(PlainError):
        api.force_tile(CAPTION, *arguments)


@pytest.mark.parametrize(
    "given", [[], [[1] * 16] * 15, [[1.5] * 16] * 16, [[256] * 16] * 16, "tiles", [["a"] * 16] * 16]
)
def test_tiles_that_are_none_are_refused(given, monkeypatch):
    monkeypatch.setattr(waking, "open_painter", lambda progress=None: pytest.fail("opened for nothing"))
    with pytest.raises(PlainError):
        next(api.paint_tiles(CAPTION, 7, given=given))
