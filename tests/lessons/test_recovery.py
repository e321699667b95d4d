"""One wrong stroke: four machines struck, their controls, the code of the twin's strike, and hostile input."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from engines.evidence import Evidence, PlainError
from engines.pictures import painter as painters
from engines.recovery import Struck, as_record, box_at, from_record, pass_at, tile_at
from engines.text import masked
from lessons.recovery import figures, measures, moments, strike
from tests.lessons.common import last, safe, shown


@pytest.fixture(scope="module")
def bundled():
    return painters.load(None)


@pytest.fixture(scope="module")
def struck(bundled) -> list[Evidence[strike.Strikes]]:
    return [one for one in strike.strike(bundled, 0.5, 2, 3) if isinstance(one, Evidence)]


def test_all_four_are_struck_one_after_another(struck: list[Evidence[strike.Strikes]]) -> None:
    assert [len(one.value.struck) for one in struck] == [1, 2, 3, 4]
    value = struck[-1].value
    assert tuple(one.machine for one in value.struck) == tuple(measures.NAMES)
    assert strike.truth(struck[0].value) is None
    assert strike.truth(value)[0] == value.of("masked").standing.rate
    for machine in ("twin", "tiles"):
        assert all(value.of(machine).stands)
    assert all(value.of("masked").calm), "without another look what was kept stays"
    assert len(struck[-1].table.rows) == len(struck[-1].findings) == 4
    tiles = replace(value.of("tiles"), right=(True, True), struck=(True, None))
    assert "1 could not be judged" in strike._reads(tiles) and "where it can be judged" in str(figures._bars(tiles))
    json.dumps(struck[-1].as_json())


def test_before_the_stroke_nothing_changes(struck: list[Evidence[strike.Strikes]]) -> None:
    twin = struck[-1].value.of("twin")
    for before, after, place in zip(twin.before, twin.after, twin.places, strict=True):
        assert (before[:place] == after[:place]).all() and before[place] != after[place]


def test_the_twins_strike_is_repeated_by_plain_code(struck: list[Evidence[strike.Strikes]]) -> None:
    assert shown(struck[-1].snippet)[0] == struck[-1].expected


def test_cards_and_pairs_are_drawn_as_they_come(struck: list[Evidence[strike.Strikes]]) -> None:
    first, whole = struck[0].value, struck[-1].value
    assert figures.cards(first).count("comes next") == 3 and "comes next" not in figures.cards(whole)
    markup = figures.pairs(whole)
    assert figures.pairs(first) is None
    assert 'data-s="wrong"' in markup and markup.count("<img") == 5
    safe(markup)


def test_a_line_is_drawn_around_the_cells() -> None:
    shown = figures.outlined(np.zeros((128, 128, 3), np.uint8), 8, 7, 1)
    assert (shown[64, 56:64] == figures.RED).all() and not shown[65:71, 57:63].any() and not shown[:64].any()


def test_moments_and_places_stay_inside() -> None:
    assert [tile_at(share) for share in (0, 0.5, 1)] == [8, 136, 248]
    assert box_at(0) == (0, 0) and box_at(255) == (13, 13) and box_at(136) == (7, 7)
    assert [pass_at(share) for share in (0, 0.25, 1)] == [1, 3, 11]


def test_a_record_holds_what_is_measured() -> None:
    rows = np.zeros((2, 4), np.int64)
    one = Struck(
        "twin", 0.5, (True, None), (False, True), (True, False), (True, True), (False, False), (None, 3), (1, 2), rows,
        rows, surprise=((1.0, 0.5, 1.5),),
    )  # fmt: skip
    again = from_record(json.loads(json.dumps(as_record(one))))
    assert as_record(again) == as_record(one)
    assert again.kept.trials == 1 and again.kept.successes == 0 and again.redrawn.successes == 1
    assert again.cost[0] == 1 and again.undisturbed.trials == 1 and again.middle() == 3


def test_the_twin_is_struck_at_three_moments_beside_the_record() -> None:
    evidence = last(moments.moments(4, 1))
    value = evidence.value
    assert [one.share for one in value.live] == list(moments.MOMENTS)
    assert len(evidence.table.rows) == 3 + len(value.kept) and evidence.provenance.badge == "live"
    assert len(figures.still_right(value).data) == 1 + 4 * bool(value.kept)
    assert figures.standing(value).count("bar-row") == len(value.kept)
    assert len(figures.surprise(value).data) >= 2
    without = moments.Moments(value.live, ())
    assert isinstance(moments.truth(without), str) and "Nothing is recorded" in figures.standing(without)
    json.dumps(evidence.as_json())


@pytest.mark.parametrize("values", [(0.1, 2, 3), (float("nan"), 2, 3), (0.5, 17, 3), (0.5, 2.5, 3), (0.5, 2, -1)])
def test_what_is_out_of_range_is_refused(values) -> None:
    with pytest.raises(PlainError):
        last(strike.strike(None, *values))
    if values[0] == 0.5:
        with pytest.raises(PlainError):
            last(moments.moments(values[1] * 24, values[2]))


def test_the_look_is_that_of_the_writers_engine() -> None:
    from engines import recovery

    writers = masked.load()
    rows = masked.last(masked.draft(writers, [5], rounds=8)).canvas
    seen = last_of(recovery.revised(writers, rows, [9], "A test"))
    alone = list(masked.revise(writers, rows[0], 9))
    assert len(seen) == len(alone)
    assert not alone or (seen[-1].canvas[0] == alone[-1].canvas[0]).all()


def last_of(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
