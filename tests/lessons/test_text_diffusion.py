"""Text diffusion: what the screens measure on a few seeds, their snippets, the endpoints, and hostile input."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from engines.evidence import Evidence, PlainError
from engines.statistics import wilson
from engines.text import masked, stories
from lessons.shell import film
from lessons.shell.content import read_lesson
from lessons.text_diffusion import api, between, canvas, cover, figures, measures, mend, rounds
from tests.lessons.common import NASTY, last, safe, shown


@pytest.fixture(scope="module")
def drafted() -> Evidence[canvas.Drafted]:
    return last(canvas.draft(4, 0.8, 3))


def test_a_draft_is_measured_and_repeated_by_the_stock_pipeline(drafted: Evidence[canvas.Drafted]) -> None:
    value = drafted.value
    assert len(value.rounds) == 4 and len(drafted.table.rows) == value.length
    assert value.kept.shape == value.alike.shape == (canvas.SEEDS,)
    assert canvas.kept_truth(value)[0] == pytest.approx(value.kept.mean())
    when = value.when()
    assert all(1 <= one <= 4 for one in when[: value.length]) and not when[value.length :].any()
    assert shown(drafted.snippet)[0] == drafted.expected == value.writers.story(value.rounds[-1].canvas[0])
    json.dumps(drafted.as_json())


def test_the_film_grows_and_its_record_is_small(drafted: Evidence[canvas.Drafted]) -> None:
    value, reel = drafted.value, object()
    first = canvas.Drafted(value.writers, value.rounds[:1], value.steps[:1])
    second = canvas.Drafted(value.writers, value.rounds[:2], value.steps[:2])
    events = [*figures.filmed(iter([first, second]), reel)]
    assert events[1][reel].startswith(events[0][reel]) and 'data-s="draft"' in events[0][reel]
    assert list(figures.filmed(iter([drafted]), reel)) == [drafted]
    with film.small():
        (painted, _) = figures.filmed(iter([drafted]), reel)
        assert painted[reel].count("film-cell") < 16 and len(painted[reel]) < 80_000


def test_rounds_are_compared_with_the_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "ROUNDS", (2, 4, 8))
    seen = [one for one in rounds.compare(8, 0.8, 1) if isinstance(one, Evidence)]
    value = seen[-1].value
    assert [row.rounds for row in value.rows] == [None, 2, 4, 8] and len(seen) == 4
    assert rounds.gap_truth(seen[0].value) is None and not seen[0].snippet
    many = [replace(row, valid=wilson(60 if row.rounds is None else 20, 80)) for row in value.rows]
    assert rounds.gap_truth(replace(value, rows=tuple(many)))[0] == pytest.approx(0.5)
    few = [replace(row, valid=wilson(2 if row.rounds is None else 0, 8)) for row in value.rows]
    assert "no guess is scored" in rounds.gap_truth(replace(value, rows=tuple(few)))
    assert all(row.valid.trials == 8 for row in value.rows) and len(figures.curve(value).data) >= 4
    assert "twin" in figures.price(value)
    assert shown(seen[-1].snippet)[0] == pytest.approx(seen[-1].expected, abs=0.13)


@pytest.mark.parametrize("fact", mend.FACTS)
def test_a_case_has_one_wrong_word_that_breaks_a_rule(fact: str) -> None:
    for where in mend.WHERE:
        one = mend.case(3, fact, where)
        assert not stories.broken(one.right) and stories.broken(one.spoiled)
        assert sum(a != b for a, b in zip(one.right, one.spoiled, strict=True)) == 1
        assert masked.stories.classes()[one.wrong]


def test_mending_is_measured_from_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [one for one in mend.mend("colour", 4, 2) if isinstance(one, Evidence)]
    value = seen[-1].value
    assert len(value.cases) == 8 == len(value.found) and len(seen) == 2
    assert mend.mend_truth(seen[0].value) is None
    pointed = value.mended(value.pointed, "first")
    assert pointed.trials == 4
    found = mend.mend_truth(value)
    assert found and found[0] == pytest.approx(pointed.rate - value.mended(value.left, "first").rate)
    assert "nobody points" in figures.mended(value) and "<mark>" in figures.patient(value)
    assert shown(seen[-1].snippet)[0] == pytest.approx(seen[-1].expected, abs=1e-3)


@pytest.mark.parametrize("whose", cover.WHOSE)
def test_a_covered_word_is_filled_from_both_sides_and_by_the_twin(whose: str) -> None:
    evidence = last(cover.cover(None, whose, "cover", "", 5))
    value = evidence.value
    place, words = value.chosen.place, value.words
    assert len(value.rounds) == 1 and not value.wrong and not value.doubted.any()
    ended = value.writers.text(value.last)
    assert [*ended[:place], *ended[place + 1 : len(words)]] == [*words[:place], *words[place + 1 :]]
    assert value.writers.text(value.twin)[:place] == words[:place] and value.lost[1] == len(words) - place - 1
    assert shown(evidence.snippet)[0] == pytest.approx(evidence.expected, abs=1e-3)
    again = last(cover.cover(value.chosen, whose, "cover", "", 5)).value
    assert (again.last == value.last).all() and (again.twin == value.twin).all()
    assert len(figures.choices(value).split("data-place")) == len(words) + 1
    json.dumps(evidence.as_json())


def test_a_wrong_word_is_put_where_it_was_pressed_and_found_again() -> None:
    told = {"whose": "grammar", "seed": 3, "place": 0}
    evidence = last(cover.cover(None, "own", "wrong", " Anna ", 7, told))
    value = evidence.value
    assert value.chosen == cover.Chosen("grammar", 3, 0) and value.wrong == "anna" != value.word
    assert value.writers.words[value.spoiled[0]] == "anna" and value.shares.min() < 1
    assert value.rounds or value.writers.words[value.last[0]] == "anna"
    kept = last(cover.cover(value.chosen, "grammar", "wrong", "", 3)).value
    assert kept.chosen == value.chosen and stories.classes()[kept.wrong] in "fm"
    other = last(cover.cover(value.chosen, "grammar", "cover", "", 4)).value
    assert other.chosen.seed == 4, "a place is of its story"
    film_ = figures.covered(value)
    assert 'data-s="wrong"' in film_ and "on from place 1" in film_ and "anna" in figures.sides(value)
    with film.small():
        assert figures.covered(value).count("film-cell") <= figures.FRAMES


def test_a_story_is_worse_with_a_new_broken_rule_or_fewer_sound_lines() -> None:
    writers = masked.load()
    kites = "anna finds three old red kites . now anna has three old red kites . who has the kites ? anna .".split()
    right = writers.canvas(kites, True)
    blue, odd = (writers.canvas([*kites[:4], word, *kites[5:]], True) for word in ("blue", "anna"))
    assert cover.no_worse(writers, right, right) and cover.no_worse(writers, blue, right)
    assert not cover.no_worse(writers, right, blue) and not cover.no_worse(writers, blue, odd)


def test_a_middle_is_filled_and_the_given_words_stay() -> None:
    evidence = last(between.fill("Anna finds", 12, "Who has the kites? Omar.", 4, 8, 1))
    value = evidence.value
    for row in (*value.masked, *value.forced):
        text = value.writers.story(row).split()
        assert text[:2] == ["anna", "finds"] and text[-7:] == "who has the kites ? omar .".split() and len(text) == 21
    assert all(value.writers.story(row).startswith("anna finds") for row in value.free)
    assert between.fill_truth(value)[0] == pytest.approx(
        value.valid(value.masked).rate - value.valid(value.forced).rate
    )
    assert shown(evidence.snippet)[0] == evidence.expected
    assert figures.shares(value).count("bar-row") == 3 and "<b>anna</b>" in figures.filled(value)


def test_an_acrostic_has_its_letters() -> None:
    value = last(between.acrostic(" Moon", 4, 8, 1)).value
    for row in (*value.masked, *value.forced):
        assert between.begins(value.writers.text(row)).startswith("m")
    assert value.valid(value.masked).trials == 8
    starts, length = between.layout(5, 1)
    assert len(starts) == 5 and starts[0] == 0 and length < masked.CANVAS


draft: Any = canvas.draft
by_hand: Any = cover.cover
compare: Any = rounds.compare
mend_: Any = mend.mend
fill: Any = between.fill
acrostic: Any = between.acrostic
BAD = [
    lambda: draft(0, 0.8, 1), lambda: draft(8, 9, 1), lambda: draft(8, 0.8, 1.5),
    lambda: compare(9.5, 0.8, 1), lambda: compare(999, 0.8, 1), lambda: compare(8, "a", 1),
    lambda: mend_("nose", 4, 1), lambda: mend_("colour", 0, 1), lambda: mend_("colour", 4, None),
    lambda: by_hand(None, "mine", "cover", "", 1), lambda: by_hand(None, "own", "eat", "", 1),
    lambda: by_hand(None, "grammar", "wrong", NASTY, 1), lambda: by_hand(None, "own", "cover", "", 1.5),
    lambda: by_hand(None, "grammar", "cover", "", 1, {"whose": "grammar", "seed": 1, "place": 47}),
    lambda: by_hand(None, "grammar", "cover", "", 1, {"whose": "grammar", "seed": 1, "place": "a"}),
    lambda: by_hand(None, "grammar", "cover", "", 1, {"whose": NASTY, "seed": 1, "place": 1}),
    lambda: by_hand(None, "grammar", "cover", "", 1, "word"), lambda: api.draft(8, 0.8, 1, "", "yes"),  # type: ignore[arg-type]
    lambda: fill(NASTY, 4, ".", 4, 8, 1), lambda: fill("anna", 46, "the kites .", 4, 8, 1),
    lambda: fill("anna", 4, "", 4, 8, 1), lambda: fill(5, 4, ".", 4, 8, 1),
    lambda: fill("anna", 4, "漢字", 4, 8, 1), lambda: acrostic(NASTY, 4, 8, 1),
    lambda: acrostic("a", 4, 8, 1), lambda: acrostic("mooñ", 4, 8, 1),
    lambda: acrostic(None, 4, 8, 1), lambda: api.draft(8, 0.8, 1, NASTY), lambda: api.draft(8, 0.8, 1, "anna"),
    lambda: api.draft(8, 0.8, 1, "▒" * 48), lambda: [api.fill_middle("anna", "\u202e", 4)],
]  # fmt: skip


@pytest.mark.parametrize("run", BAD, ids=range(len(BAD)))
def test_bad_input_is_refused_in_words(run: Any) -> None:
    with pytest.raises(PlainError) as refused:
        list(run())
    assert "\u202e" not in str(refused.value) and len(str(refused.value)) < 300


def test_the_endpoints_stream_and_fill() -> None:
    events = list(api.draft(3, 0.8, 1, "anna finds ▒▒▒▒ ."))
    assert [one["round"] for one in events] == [1, 2, 3] and events[0]["broken"] is None
    assert events[-1]["story"].startswith("anna finds") and "▒" not in events[-1]["story"]
    assert len(events[0]["states"]) == len(events[0]["guesses"]) == 7 == len(events[0]["candidates"])
    json.dumps(events)
    kites = "anna finds three old blue kites . now anna has three old red kites . who has the kites ? anna ."
    *_, ended = api.draft(4, 0.8, 1, kites, mend=True)
    assert "▒" not in ended["story"] and len(ended["story"].split()) == len(kites.split())
    (calm,) = api.draft(4, 0.8, 1, kites.replace("blue", "red"), mend=True)
    assert calm["round"] == 0 and calm["broken"] == [] and json.dumps(calm)
    told = api.fill_middle("anna finds", "the kites .", 4, 2)
    assert told["story"].endswith("the kites .") and len(told["story"].split()) == 9 and json.dumps(told)


def test_what_a_writer_wrote_is_shown_escaped() -> None:
    writers = masked.load()
    safe(str(figures._cell("<script>", "draft", 0.5)))
    assert writers.story(writers.canvas(["anna"])).startswith("anna ▒")


def test_a_bin_ends_where_its_words_say() -> None:
    bins = read_lesson("text-diffusion").predictions
    assert [bins["kept"].which(share) for share in (0.1, 0.2, 0.4, 0.6)] == [0, 1, 2, 3]
    assert [bins["gap"].which(share) for share in (-1, 0.02, 0.2, 0.6)] == [0, 1, 2, 3]
    assert [bins["sides"].which(share) for share in (0.1, 0.15, 0.5)] == [0, 1, 2]
    assert [bins["forced"].which(share) for share in (0, 0.02, 0.3)] == [0, 1, 2]
    assert measures.broken(()) == "valid"
