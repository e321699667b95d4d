"""The sampling lesson on a tiny random model: what it measures, what it shows, what it refuses."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from engines.evidence import PlainError
from engines.statistics import wilson
from engines.text import language_model
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Prompt, Run
from lessons.sampling import api, branch, examples, figures, link, measures, page, passes, scoreboard, seeds, sweep
from lessons.sampling.measures import agreement, distinct, pairs_together, parting, together, tree
from lessons.shell import pages, views
from lessons.shell.content import read_lesson
from tests.engines.tiny_text import saved, tiny
from tests.lessons.common import run, whole

TEXT = "The keys to the cabinet"
NASTY = "</span><script>alert(1)</script><img src=x onerror=alert(1)>\"' \u202e\u0007"
DIALS = Dials(0.9, 0.95)


@pytest.fixture
def model() -> LanguageModel:
    return tiny()


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "load", lambda *args, **kwargs: tiny())


def last(events: Iterator) -> object:
    *_, end = events
    return end


# ---- measures ----


def test_distinct_pairs() -> None:
    assert distinct("abcd") == 1
    assert distinct("ababab") == pytest.approx(2 / 5)
    assert distinct("a") == 1


def test_parting_and_agreement() -> None:
    assert parting([1, 2, 3], [1, 2, 3]) is None
    assert parting([1, 2, 3], [1, 9, 3]) == 1
    assert parting([1, 2], [1, 2, 3]) == 2
    assert agreement([1, 2, 3, 4], [1, 9, 3], 1) == (1, 2)


def test_together_counts_the_largest_group() -> None:
    rows = [(1, 2), (1, 3), (1, 2), (4, 2)]
    assert together(rows, 1) == 3
    assert together(rows, 2) == 2


def test_pairs_that_agree_so_far() -> None:
    rows = [(1, 2), (1, 3), (1, 2), (4, 2)]
    assert pairs_together(rows, 1)[0] == pytest.approx(3 / 6)
    assert pairs_together(rows, 2)[0] == pytest.approx(1 / 6)
    share, low, high = pairs_together([(1,)] * 8 + [(2,)] * 8, 1)
    assert share == pytest.approx(56 / 120) and low < share < high
    assert pairs_together(rows, 1) == pairs_together(rows, 1)


def test_pairs_that_all_agree_or_never_do_still_have_an_interval() -> None:
    """Half as many pairs share no run, so Wilson's interval of 8 trials holds for 16 runs."""
    none, all_of = wilson(0, 8), wilson(8, 8)
    assert pairs_together([(i,) for i in range(16)], 1) == (0.0, none.low, none.high)
    assert pairs_together([(1,)] * 16, 1) == (1.0, all_of.low, all_of.high)


@pytest.mark.parametrize("chances", [[0.6, 0.2, 0.1, 0.1], [0.3, 0.3, 0.2, 0.2], [0.1] * 10])
def test_the_interval_of_the_pairs_covers_the_truth(chances: list[float]) -> None:
    random, truth, hits = np.random.default_rng(0), sum(p * p for p in chances), 0
    for _ in range(200):
        rows = [(int(i),) for i in random.choice(len(chances), 16, p=chances)]
        _, low, high = pairs_together(rows, 1, draws=200)
        hits += low <= truth <= high
    assert hits >= 175


def test_tree_puts_equal_beginnings_side_by_side() -> None:
    rows = [(4, 2), (1, 2), (1, 3), (1, 2)]
    order, nodes = tree(rows, 2)
    assert order == [1, 3, 2, 0]
    assert [(node.depth, node.row, node.count, node.item) for node in nodes] == [
        (0, 0, 3, 1),
        (0, 3, 1, 4),
        (1, 0, 2, 2),
        (1, 2, 1, 3),
        (1, 3, 1, 2),
    ]


def test_a_run_that_ends_early_leaves_no_block() -> None:
    _, nodes = tree([(1,), (1, 2)], 2)
    assert [(node.depth, node.count) for node in nodes] == [(0, 2), (1, 1)]


# ---- one key at a time ----


def test_pressing_key_by_key_writes_what_write_writes_at_once(model: LanguageModel) -> None:
    expected = [t.token_id for t in model.write(model.encode(TEXT), DIALS, seed=7, max_tokens=6)]
    sheet = scoreboard.start(model, TEXT)
    for _ in range(3):
        sheet = last(scoreboard.press(model, sheet, DIALS, 7))
    sheet = last(scoreboard.press(model, sheet, DIALS, 7, count=3))
    assert list(sheet.token_ids) == expected
    assert sheet.passes == 6


def test_a_dial_redraws_the_wet_key_with_the_same_dice_and_no_pass(model: LanguageModel) -> None:
    sheet = last(scoreboard.press(model, scoreboard.start(model, TEXT), DIALS, 7, count=2))
    cold = scoreboard.turn(model, sheet, Dials(0))
    assert cold.token_ids[0] == sheet.token_ids[0]
    assert cold.token_ids[1] == int(np.argmax(sheet.logits))
    assert (cold.passes, cold.keys[1].u) == (sheet.passes, sheet.keys[1].u)
    assert scoreboard.turn(model, cold, DIALS).token_ids == sheet.token_ids
    low, high = sheet.slice
    assert low <= sheet.keys[1].u <= high


def test_other_dice_are_the_dice_the_other_seed_would_have_thrown(model: LanguageModel) -> None:
    sheet = last(scoreboard.press(model, scoreboard.start(model, TEXT), DIALS, 7))
    other = last(scoreboard.press(model, scoreboard.start(model, TEXT), DIALS, 8))
    assert scoreboard.roll(model, sheet, 8).keys == other.keys


def test_a_key_pressed_by_hand_stays_and_is_read_by_the_next_pass(model: LanguageModel) -> None:
    sheet = last(scoreboard.press(model, scoreboard.start(model, TEXT), DIALS, 7))
    choice = sheet.board.candidates[5].token_id
    forced = scoreboard.turn(model, scoreboard.force(model, sheet, choice), Dials(0))
    assert forced.token_ids == (choice,)
    assert forced.keys[0].forced
    after = last(scoreboard.press(model, forced, Dials(0), 7))
    expected = model.next_token_scores(Prompt((*sheet.prompt.ids, choice), (), "")).logits
    assert np.array_equal(after.logits, expected)


def test_the_end_key_stops_the_page_until_another_is_pressed(model: LanguageModel) -> None:
    sheet = last(scoreboard.press(model, scoreboard.start(model, TEXT), DIALS, 7))
    end = next(i for i in range(model.vocabulary_size) if model.ends(i))
    with pytest.raises(PlainError, match="end-of-text"):
        last(scoreboard.press(model, scoreboard.force(model, sheet, end), DIALS, 7))
    with pytest.raises(PlainError, match="no token"):
        scoreboard.force(model, sheet, model.vocabulary_size)
    with pytest.raises(PlainError, match="full"):
        last(scoreboard.press(model, sheet, DIALS, 7, count=scoreboard.MAX_KEYS))


def test_torch_draws_by_a_race_of_exponentials_as_the_page_says() -> None:
    """The page said that it takes the inverse CDF at other random numbers; it throws a number for every token."""
    import torch

    chances = torch.softmax(torch.arange(50) / 9.0, 0)
    for seed in range(40):
        drawn = torch.multinomial(chances, 1, generator=torch.Generator().manual_seed(seed))
        race = torch.empty_like(chances).exponential_(1, generator=torch.Generator().manual_seed(seed))
        assert int(drawn) == int((chances / race).argmax())


def other_model() -> LanguageModel:
    return LanguageModel(tiny()._network, tiny()._tokenizer, name="tiny llama", revision="another")


def test_a_sheet_and_a_story_stay_with_the_model_that_wrote_them(model: LanguageModel) -> None:
    other = other_model()
    sheet = last(scoreboard.press(model, scoreboard.start(model, TEXT), DIALS, 7))
    story = last(branch.tell(model, TEXT, DIALS, 7, 4))
    assert sheet.written_by == story.written_by == ("tiny llama", "random")
    for go_on in (
        lambda: last(scoreboard.press(other, sheet, DIALS, 7)),
        lambda: scoreboard.turn(other, sheet, Dials(0)),
        lambda: scoreboard.roll(other, sheet, 8),
        lambda: scoreboard.force(other, sheet, 1),
        lambda: scoreboard.scoreboard_evidence(other, sheet),
        lambda: last(branch.branch(other, story, "A", 0, 1)),
        lambda: branch.story_evidence(other, story),
    ):
        with pytest.raises(PlainError, match="The model was changed meanwhile; start again"):
            go_on()


def test_the_page_asks_for_the_model_at_hand_and_loads_none(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = last(scoreboard.press(model, scoreboard.start(model, TEXT), DIALS, 7))
    monkeypatch.setattr(language_model, "load", lambda *args, **kwargs: pytest.fail("it loads"))
    monkeypatch.setattr(language_model.SHELF, "models", {"now": model})
    assert scoreboard.at_hand(sheet, TEXT) == (model, sheet)
    assert scoreboard.rolled(sheet, TEXT, 8).value.keys == scoreboard.roll(model, sheet, 8).keys
    assert scoreboard.forced(sheet, TEXT, "a").value.keys[-1].piece == "a"
    for now, text in ((None, TEXT), (link.Kept(TEXT, 1, on_page=True), TEXT), (sheet, TEXT + " door")):
        with pytest.raises(PlainError, match="Press one key first"):
            scoreboard.at_hand(now, text)
    monkeypatch.setattr(language_model.SHELF, "models", {"now": other_model()})
    with pytest.raises(PlainError, match="changed meanwhile"):
        scoreboard.at_hand(sheet, TEXT)


# ---- the button, the recorded page and the link ----


def pressed(model: LanguageModel, now: object, **changes: object) -> scoreboard.Sheet:
    settings = {"text": TEXT, "temperature": 0.9, "top_p": 0.95, "seed": 7, **changes}
    return last(scoreboard.press_on(model, now, **settings)).value


def test_the_button_goes_on_from_the_wet_key_as_dials_and_dice_show_it(model: LanguageModel) -> None:
    one = pressed(model, None)
    assert pressed(model, one).token_ids[:1] == one.token_ids
    assert pressed(model, one, temperature=0.0).token_ids[0] == int(np.argmax(one.logits))
    assert pressed(model, one, seed=8).token_ids[0] == pressed(model, None, seed=8).token_ids[0]
    assert pressed(model, one, text="Two cats").passes == 1
    assert len(last(scoreboard.play(model, one, TEXT, 0.9, 0.95, 7)).value.keys) <= 1 + scoreboard.AT_ONCE


def test_the_first_press_after_the_recorded_page_writes_its_next_key(model: LanguageModel) -> None:
    recorded = pressed(model, None)
    after = pressed(model, link.Kept(TEXT, 1, on_page=True))
    assert after.token_ids[:1] == recorded.token_ids and len(after.keys) == 2


def test_the_guess_is_scored_by_the_first_keys_scoreboard_however_many_follow(model: LanguageModel) -> None:
    first = pressed(model, None)
    share, words = scoreboard.cold_truth(first)
    cold = last(scoreboard.press(model, scoreboard.start(model, TEXT), Dials(0.2), 7))
    assert share == pytest.approx(cold.board.candidates[0].kept_probability)
    assert "the first key's leader" in words
    assert scoreboard.cold_truth(pressed(model, pressed(model, first))) == (share, words)


def address(sheet: scoreboard.Sheet, **changes: object) -> str:
    told = json.loads(html.unescape(re.search(r'data-link="([^"]*)"', figures.desk(sheet))[1]))
    page = {**told, "t": sheet.dials.temperature, "p": sheet.dials.top_p, **changes}
    return quote(json.dumps({name: value for name, value in page.items() if value is not ...}))


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_link_carries_text_seed_dials_and_forced_keys(model: LanguageModel, by_hand: bool) -> None:
    sheet = pressed(model, None)
    sheet = pressed(model, scoreboard.force(model, sheet, sheet.board.candidates[4].token_id))
    if by_hand:
        sheet = scoreboard.force(model, sheet, sheet.board.candidates[3].token_id)
    found = link.read(address(sheet, t=0.7))
    assert (found.dials, found.seed, found.kept.text) == (Dials(0.7, 0.95), 7, TEXT)
    again = last(scoreboard.press_on(model, found.kept, TEXT, 0.7, 0.95, 7)).value
    here = scoreboard.turn(model, sheet, Dials(0.7, 0.95))
    assert again.token_ids == here.token_ids
    assert [key.forced for key in again.keys] == [True, by_hand] == [key.forced for key in here.keys]
    assert again.keys[-1].u == here.keys[-1].u
    assert np.allclose(again.logits, here.logits, atol=1e-4)


def test_a_link_of_another_model_says_so(model: LanguageModel) -> None:
    found = link.read(address(pressed(model, pressed(model, None))))
    with pytest.raises(PlainError, match="pressed on tiny llama.*live here"):
        scoreboard.made_again(other_model(), found.kept, found.dials, found.seed)


@pytest.mark.parametrize(
    "changes",
    [
        {"text": ""}, {"text": 7}, {"text": "a" * 5000}, {"text": "\ud800"}, {"text": ...}, {"keys": "7"},
        {"keys": [-1]}, {"keys": [True]}, {"keys": [1.5]}, {"keys": [1] * 9}, {"keys": {"0": 1}}, {"hand": None},
        {"count": 10**30}, {"count": "2"}, {"count": 999, "keys": [1] * 998}, {"seed": -1}, {"seed": None}, {"t": 9},
        {"t": "hot"}, {"p": 0}, {"p": True}, {"model": "x"}, {"model": [1, 2]}, {"model": ["x" * 300, ""]},
    ],
)  # fmt: skip
def test_a_broken_or_hostile_link_is_refused_in_words(model: LanguageModel, changes: dict[str, object]) -> None:
    sheet = pressed(model, pressed(model, None))
    with pytest.raises(PlainError):
        link.read(address(sheet, **changes))


@pytest.mark.parametrize("text", [None, 7, "", "%", "%ff", "null", "[]", "{}", "[" * 9000, "1" * 20_000])
def test_what_is_no_link_at_all_is_refused_in_words(text: object) -> None:
    with pytest.raises(PlainError, match="does not hold a page"):
        link.read(text)


def test_the_board_that_crosses_is_small_and_tells_every_score(model: LanguageModel) -> None:
    logits = np.random.default_rng(0).normal(0, 4, 150_000).astype(np.float32)
    text = figures.packed(logits)
    assert len(text) < 50_000
    bits = np.unpackbits(np.frombuffer(base64.b64decode(text), dtype=np.uint8))
    places = np.flatnonzero(bits)
    below = (places - np.arange(places.size)) / figures.STEPS
    assert np.abs(below - np.sort(logits.max() - logits)).max() <= 0.5 / figures.STEPS + 1e-6
    sheet = replace(pressed(model, None), logits=np.resize(logits, 49_152))
    assert len(figures.desk(sheet)) < 60_000


def test_any_key_can_be_named(model: LanguageModel) -> None:
    for typed, piece in ((" ", " "), ("\n", "\n"), ("␣", " "), ("⏎", "\n"), ("a", "a")):
        assert model.piece(measures.one_token(model, typed)) == piece
    with pytest.raises(PlainError, match=r"not one key here but \d+: .*\|"):
        measures.one_token(model, "cabinet door handle")
    for typed in ("", None, "x" * 500, " \n \n "):
        with pytest.raises(PlainError):
            measures.one_token(model, typed)


def test_reshaping_a_large_vocabulary_asks_the_model_nothing(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = last(scoreboard.press(model, scoreboard.start(model, TEXT), DIALS, 7))
    large = replace(sheet, logits=np.random.default_rng(0).normal(0, 3, 150_000).astype(np.float32))
    monkeypatch.setattr(model._writer, "read", lambda *_: pytest.fail("a pass of the model"))
    for temperature in (0.3, 0.8, 1.2, 1.7, 2.0):
        assert figures.desk(scoreboard.turn(model, large, Dials(temperature, 0.92)))


def test_the_scoreboard_evidence_is_reproduced_by_its_snippet(tmp_path: Path) -> None:
    folder = saved("llama", tmp_path)
    model = language_model.load(folder)
    sheet = last(scoreboard.press(model, scoreboard.start(model, TEXT), DIALS, 7))
    found = scoreboard.scoreboard_evidence(model, sheet)
    result = run(found.snippet)
    assert [row[0] for row in result] == [row[0] for row in found.expected]
    assert np.allclose([row[2:] for row in result], [row[2:] for row in found.expected], atol=1e-5)
    crowd = last(seeds.crowd(model, TEXT, DIALS, range(3, 7), 6))
    found = seeds.crowd_evidence(model, (crowd,))
    assert whole(run(found.snippet)) == whole(found.expected)
    story = last(branch.tell(model, TEXT, DIALS, 7, 8))
    token_id = branch.runner_up(story.lines[0].tokens[2])
    story = last(branch.branch(model, story, "A", 2, token_id))
    story = last(branch.branch(model, story, "B", 4, branch.runner_up(story.lines[1].tokens[4])))
    found = branch.story_evidence(model, story)
    assert whole(run(found.snippet)) == whole(found.expected)
    answered = last(passes.answers(model, ["One?", "Two?"], DIALS, 1, 6))
    found = passes.answers_evidence(model, answered)
    assert whole(run(found.snippet)) == whole(found.expected)


# ---- branches ----


def test_a_branch_keeps_what_came_before_and_the_dice_after(model: LanguageModel) -> None:
    story = last(branch.tell(model, TEXT, DIALS, 7, 8))
    first = story.lines[0]
    grown = last(branch.branch(model, story, "A", 3, branch.runner_up(first.tokens[3])))
    second = grown.lines[1]
    assert second.token_ids[:3] == first.token_ids[:3]
    assert second.tokens[3].forced and second.token_ids[3] != first.token_ids[3]
    for one, other in zip(first.tokens[4:], second.tokens[4:], strict=False):
        assert one.draw == other.draw
    assert "parts from A at key 4" in branch.story_evidence(model, grown).alt


def test_a_story_refuses_keys_and_lines_it_does_not_have(model: LanguageModel) -> None:
    story = last(branch.tell(model, TEXT, DIALS, 7, 4))
    with pytest.raises(PlainError, match="no longer"):
        last(branch.branch(model, story, "Z", 0, 1))
    with pytest.raises(PlainError, match="Choose a key"):
        last(branch.branch(model, story, "A", 99, 1))
    for _ in range(branch.MAX_LINES - 1):
        story = last(branch.branch(model, story, "A", 0, branch.runner_up(story.lines[0].tokens[0])))
    with pytest.raises(PlainError, match="room"):
        last(branch.branch(model, story, "A", 0, 1))


def test_partings_over_seeds(model: LanguageModel) -> None:
    done = last(branch.partings(model, TEXT, DIALS, range(3), at=1, length=6))
    assert [one.seed for one in done] == [0, 1, 2]
    assert all(one.taken != one.forced and one.same <= one.places <= 4 for one in done)
    assert all(len(one.was) == len(one.now) or one.places < 4 for one in done)
    found = branch.partings_evidence(model, TEXT, DIALS, done, at=1, length=6, seconds=1.0)
    assert "by chance" in " ".join(card.headline for card in found.findings)
    assert found.value == done and 0 <= branch.stayed_truth(done)[0] <= 1
    with pytest.raises(PlainError):
        last(branch.partings(model, TEXT, DIALS, range(2), at=9, length=6))
    with pytest.raises(PlainError, match="no dice is thrown"):
        last(branch.partings(model, TEXT, Dials(0), range(8), at=1, length=6))


def forced(*rows: tuple[str, str]) -> list[branch.Parting]:
    """One parting a row: the later keys as they were, and as they are after the forced key."""
    return [
        branch.Parting(seed, "a", "b", tuple(map(ord, was)), tuple(map(ord, now)), was, now)
        for seed, (was, now) in enumerate(rows)
    ]


def test_what_stayed_is_set_against_what_texts_of_other_seeds_have_in_common() -> None:
    alike = forced(("xaaa", "xbbb"), ("xccc", "xddd"), ("xeee", "xfff"), ("xggg", "xhhh"))
    assert branch.stayed(alike)[0] == 0.25  # every text begins with x: that is the prompt and not what was there before
    assert branch.by_chance(alike) == pytest.approx([0.25] * 4)
    assert branch.more_than_chance(alike) == 0 and branch.stayed_truth(alike)[1].endswith(
        "texts of other seeds agree in 25 % (the same each time)"
    )
    kept = forced(("abcd", "abcx"), ("efgh", "efgy"), ("ijkl", "ijkz"), ("mnop", "mnow"))
    assert branch.by_chance(kept) == [0.0] * 4 and branch.more_than_chance(kept) == 1
    said = branch.partings_evidence(tiny(), TEXT, DIALS, kept, at=1, length=6, seconds=1.0)
    assert branch.VERDICTS[1] in said.alt and "0 % by chance" in [card.headline for card in said.findings]
    assert str(figures.partings(kept)).count("bar-row") == 4 + 2
    few = kept[:2]
    assert branch.by_chance(few) == [] and branch.more_than_chance(few) == 0
    assert str(figures.partings(few)).count("bar-row") == 2


def test_a_mean_over_pairs_is_judged_by_its_items() -> None:
    """Left out one at a time: of a mean of single values the jackknife gives these values back."""
    values = [1.0, 2.0, 6.0]
    assert measures.left_out(values, lambda some: sum(some) / len(some)) == pytest.approx(values)

    def products(some: Sequence[float]) -> float:
        pairs = [a * b for i, a in enumerate(some) for b in some[i + 1 :]]
        return sum(pairs) / len(pairs)

    # all pairs: (2 + 6 + 12) / 3; without 1: 12, without 2: 6, without 6: 2
    assert measures.left_out(values, products) == pytest.approx([3 * 20 / 3 - 2 * 12, 20 - 2 * 6, 20 - 2 * 2])


# ---- seeds, sweep, passes ----


def test_one_seed_twice_and_the_next(model: LanguageModel) -> None:
    found = last(seeds.twice(model, TEXT, 0.9, 0.95, 5, 6))
    rows = found.value
    assert found.findings[0].headline == "identical"
    assert [t.token_id for t in rows[0]] == [t.token_id for t in rows[1]]
    assert "the same to the last key" in figures.twice(rows, 5)


def test_a_crowd_at_temperature_zero_never_parts(model: LanguageModel) -> None:
    still = last(seeds.crowd(model, TEXT, Dials(0), range(4), 6))
    assert set(still.left) == {4} and still.distinct_texts == 1
    assert set(still.pairs) == {(1.0, 1.0, 1.0)}  # no dice is thrown, so there is nothing to be unsure of
    wild = last(seeds.crowd(model, TEXT, Dials(2), range(4), 6))
    assert wild.left == tuple(sorted(wild.left, reverse=True))
    assert all(low <= share <= high for share, low, high in wild.pairs)
    assert [high for _, _, high in wild.pairs] == sorted((high for _, _, high in wild.pairs), reverse=True)
    found = seeds.crowd_evidence(model, (still, wild))
    assert found.value == (still, wild)
    assert len(found.table.rows) == 4
    curves = [line.name for line in figures.together_chart([still, wild]).data if line.name]
    assert len(curves) == 3 and "the same dice, another text" in curves
    alone = replace(wild, elsewhere=())
    assert len(figures.together_chart([still, alone]).data) == 2 and alone.by_dice == ()
    assert "another text" not in seeds.crowd_evidence(model, (alone,)).alt


def written(*texts: str) -> tuple[Run, ...]:
    return tuple(
        Run(seed, text, tuple(map(ord, text)), tuple(text), (1.0,) * len(text), "length")
        for seed, text in enumerate(texts)
    )


def test_a_crowd_is_set_against_the_same_dice_after_another_text(model: LanguageModel) -> None:
    steps = [event for event in seeds.crowd(model, TEXT, DIALS, range(4), 5) if isinstance(event, seeds.Crowd)]
    assert [len(step.elsewhere) for step in steps] == [0, 4] and steps[0].runs == steps[1].runs
    there = model.encode(seeds.elsewhere(TEXT))
    assert [run.token_ids for run in steps[1].elsewhere] == [
        run.token_ids for run in last(model.write_many(there, DIALS, seeds=range(4), max_tokens=5))
    ]
    assert seeds.elsewhere(examples.BRANCH_TEXT) != examples.BRANCH_TEXT

    here = written(*["abc"] * 8, *["abd"] * 8)
    other = written(*["abx"] * 4, *["xyz"] * 12)
    crowd = seeds.Crowd(TEXT, DIALS, 3, here, 1.0, other)
    quarter, none = wilson(4, 16), wilson(0, 16)
    assert crowd.by_dice == (
        (0.25, quarter.low, quarter.high), (0.25, quarter.low, quarter.high), (0.0, none.low, none.high),
    )  # fmt: skip
    # 16 of 16 runs share two keys: 1 − 0.25 is more than √((1 − 0.68)² + (0.49 − 0.25)²); three keys: 56 of 120 pairs
    assert crowd.pairs[1][0] == 1 and crowd.pairs[2][0] == pytest.approx(56 / 120)
    assert crowd.holds == 3 and "on all 3 keys" in seeds.crowd_evidence(model, (crowd,)).alt
    apart = replace(crowd, runs=written(*("abcdefghijklmnop")), elsewhere=written(*("qrstuvwxyzabcdef")))
    assert apart.holds == 0 and "not even on the first key" in seeds.crowd_evidence(model, (apart,)).alt
    greedy = replace(crowd, dials=Dials(0), runs=written(*["abc"] * 4), elsewhere=written(*["abz"] * 4))
    assert greedy.by_dice == ((1.0,) * 3, (1.0,) * 3, (0.0,) * 3) and greedy.holds == 0
    assert seeds.third_key((crowd,))[1].endswith("another text: 0 % (95 % interval 0–19 %)")
    assert "nothing is left to chance" in seeds.third_key((greedy,))
    alone = seeds.crowd_evidence(model, (greedy,))
    assert "They wrote 1 different text." in alone.alt and "texts are different" not in alone.alt


@pytest.mark.parametrize(
    ("one", "other", "more"),
    [
        ((0.5, 0.3, 0.7), (0.1, 0.0, 0.2), True),
        ((0.5, 0.3, 0.7), (0.3, 0.1, 0.4), False),
        ((1, 1, 1), (1, 1, 1), False),
    ],
)
def test_a_difference_of_shares_has_the_interval_of_both(one: tuple, other: tuple, more: bool) -> None:
    """0.4 against √(0.2² + 0.1²) = 0.22, and 0.2 against the same."""
    assert seeds.above(one, other) is more


def test_the_tree_draws_every_key_that_its_card_can_speak_of(model: LanguageModel) -> None:
    found = last(seeds.crowded(model, (), TEXT, 2.0, 1.0, 1, 4))
    drawn = figures.tree_of(found.value)
    assert f"key {seeds.LENGTH}<" in drawn
    assert drawn.count('class="sampling-node') >= seeds.LENGTH


def test_curves_of_other_settings_stay_and_those_of_another_text_do_not(model: LanguageModel) -> None:
    kept = last(seeds.crowded(model, (), TEXT, 0.5, 1.0, 1, 4)).value
    kept = last(seeds.crowded(model, kept, TEXT, 1.0, 1.0, 1, 4)).value
    again = last(seeds.crowded(model, kept, TEXT, 1.0, 1.0, 2, 4)).value
    assert [crowd.dials.temperature for crowd in again] == [0.5, 1.0] and again[-1].runs[0].seed == 2
    assert len(last(seeds.crowded(model, again, "Two cats", 1.0, 1.0, 1, 4)).value) == 1


PEOPLE = (
    "Two cats and a dog sat by the door, and nobody could tell whose they were.",
    "The keys are in the cabinet that I cannot open with my hands.",
)


def test_the_sweep_measures_each_temperature(model: LanguageModel) -> None:
    found = last(
        sweep.sweep(model, (TEXT, "Two cats"), PEOPLE, top_p=1.0, seed=1, length=8, temperatures=(0.0, 1.0, 3.0))
    )
    assert [stop.temperature for stop in found.stops] == [0.0, 1.0, 3.0]
    assert found.stops[0].bits[0] < found.stops[-1].bits[0]
    evidence = sweep.sweep_evidence(model, (found,))
    assert len(evidence.table.rows) == 4
    assert evidence.table.rows[-1][0] == "people" and evidence.table.rows[-1][-1] == 2
    assert "95 % interval" in evidence.findings[-1].text
    chart = figures.sweep_chart([found])
    assert len(chart.data) == 4 and len(chart.layout.shapes) == 2
    assert "T = 3" in figures.samples([found])


def test_each_sample_stands_under_its_own_numbers_and_not_under_the_mean() -> None:
    """A sentence five times over is a fifth new: 71 % was the mean of eight texts."""
    dull = Run(1, "the cat sat. " * 5, (1, 2, 3, 4) * 5, ("x",) * 20, (0.5,) * 20, "length")
    fresh = Run(2, "all new", tuple(range(20)), ("x",) * 20, (4.0,) * 20, "length")
    stop = sweep.Stop(0.0, ("One", "Two"), (dull, fresh))
    shown = figures.samples([sweep.Sweep(1.0, 20, 1, (stop,))])
    assert sweep.new_pairs(dull) == pytest.approx(4 / 19)
    assert "21 % new pairs · 0.5 bits a key in this text" in shown
    assert stop.variety[0] == pytest.approx((4 / 19 + 1) / 2) and "61 %" not in shown


def test_no_whisker_leaves_what_can_be() -> None:
    runs = [Run(i, "", (1, 2), ("x",) * 2, (bits, bits), "length") for i, bits in enumerate((0.0, 0.0, 0.1, 5.0))]
    assert sweep.Stop(0.0, ("One",) * 4, tuple(runs)).bits[1] == 0.0


def test_a_sweep_says_beforehand_how_long_it_is() -> None:
    def cost(length: int, openings: str) -> float:
        return sweep.passes((), 1.0, length, 1, openings, "")

    assert cost(32, "a\nb") == cost(64, "a\nb") / 2 and cost(32, "a\nb\nc\nd") > 1.5 * cost(32, "a\nb")


def test_one_text_of_ones_own_has_no_interval(model: LanguageModel) -> None:
    found = last(sweep.sweep(model, (TEXT, "Two cats"), PEOPLE[:1], top_p=1.0, seed=1, length=8, temperatures=(1.0,)))
    evidence = sweep.sweep_evidence(model, (found,))
    assert "interval" not in evidence.findings[-1].text
    assert evidence.table.rows[-1][2:4] == evidence.table.rows[-1][5:7] == (None, None)
    chart = figures.sweep_chart([found])
    assert len(chart.data) == 4 and not chart.layout.shapes


def test_a_given_text_is_as_surprising_as_its_logits_say(model: LanguageModel) -> None:
    """Under the conditions of the model's own texts: an opening is read, ``length`` keys are scored."""
    ids = model.encode(PEOPLE[0]).ids
    bits, end = [], sweep.READ_FIRST + 12
    for place in range(sweep.READ_FIRST, end):
        logits = model.next_token_scores(Prompt(ids[:place], (), "")).logits.astype(float)
        bits.append((np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[ids[place]]) / np.log(2))
    found = sweep.surprise(model, PEOPLE[0], 12)
    assert found.bits == pytest.approx(np.mean(bits), rel=1e-3)
    assert (found.keys, found.distinct) == (12, distinct(ids[sweep.READ_FIRST : end]))
    assert sweep.surprise(model, PEOPLE[0], 500).keys == len(ids) - sweep.READ_FIRST
    with pytest.raises(PlainError, match="tokens or more"):
        sweep.surprise(model, "Two", 12)


def test_the_peoples_texts_on_offer_are_accepted() -> None:
    assert sweep.passages_of("\n".join(examples.PEOPLE)) == examples.PEOPLE and len(examples.PEOPLE) >= 4
    for text in ("", "a" * 1001, "\n".join("abcdefghijklm")):
        with pytest.raises(PlainError):
            sweep.passages_of(text)


def test_passes_for_500_words(model: LanguageModel) -> None:
    found = last(passes.answers(model, ["One?", "Two?"], DIALS, 1, 6))
    mean, low, high = found.passes
    assert low <= mean <= high
    evidence = passes.answers_evidence(model, found)
    assert evidence.table.rows[0][2] == len(found.runs[0].token_ids)
    assert evidence.provenance.settings["keys"] == 6
    assert "The first 6 keys" in evidence.alt
    assert "first 6 keys" in figures.answer_bars(found)


@pytest.mark.parametrize("text", ["one line only", "\n".join("abcdefghijklm")])
def test_openings_are_two_to_twelve_lines(text: str) -> None:
    with pytest.raises(PlainError, match="2 to 12 openings"):
        sweep.openings_of(text)
    with pytest.raises(PlainError, match="2 to 12 questions"):
        measures.lines_of(text, "questions")


def test_a_line_is_short_enough_to_be_read_at_once() -> None:
    assert sweep.openings_of("a" * 200 + "\nb")
    with pytest.raises(PlainError, match="Line 2 of the openings has 201 characters"):
        sweep.openings_of("b\n" + "a" * 201)


# ---- what is drawn ----


def test_nothing_typed_or_written_becomes_markup(model: LanguageModel) -> None:
    sheet = last(scoreboard.press(model, scoreboard.start(model, NASTY), DIALS, 7, count=2))
    key = replace(sheet.keys[-1], piece=NASTY)
    candidates = tuple(replace(c, text=NASTY) for c in sheet.board.candidates)
    sheet = replace(sheet, keys=(*sheet.keys[:-1], key), board=replace(sheet.board, candidates=candidates))
    story = last(branch.tell(model, NASTY, DIALS, 7, 3))
    tokens = tuple(replace(token, piece=NASTY) for token in story.lines[0].tokens)
    story = replace(story, lines=(replace(story.lines[0], tokens=tokens),), chosen=("A", 1))
    crowd = last(seeds.crowd(model, NASTY, DIALS, range(2), 3))
    runs = tuple(replace(run, pieces=(NASTY,) * len(run.pieces), text=NASTY) for run in crowd.runs)
    crowd = replace(crowd, runs=runs)
    stop = sweep.Stop(1.0, (NASTY,), runs)
    answers = passes.Answers((NASTY,) * 2, DIALS, 1, 80, runs, 1.0)
    for markup in (
        figures.blank(NASTY),
        figures.desk(sheet),
        figures.lines(story),
        figures.alternatives(story),
        figures.twice([tokens], 7),
        figures.tree_of([crowd]),
        figures.samples([sweep.Sweep(1.0, 3, 1, (stop,))]),
        figures.answer_bars(answers),
        views.evidence(scoreboard.scoreboard_evidence(model, sheet)),
        views.evidence(branch.story_evidence(model, story)),
        views.evidence(seeds.crowd_evidence(model, (crowd,))),
    ):
        for bad in ("<script", "<img", "\u202e", "\u0007"):
            assert bad not in str(markup)


# ---- endpoints ----


def test_next_token_gives_the_scoreboard(shared: None) -> None:
    found = api.next_token(TEXT, 0.8, 0.9, 5)
    assert len(found["candidates"]) == 5
    assert found["vocabulary_size"] == tiny().vocabulary_size


def test_write_streams_and_repeats(shared: None) -> None:
    once = list(api.write(TEXT, 0.9, 0.95, 3, 6))
    assert once[-1]["finished"] == "length" or once[-1]["finished"] == "eos"
    assert [e["token_id"] for e in once] == [e["token_id"] for e in api.write(TEXT, 0.9, 0.95, 3, 6)]


def test_branch_by_name(shared: None) -> None:
    found = api.branch(TEXT, "a", 2, 0.9, 0.95, 3, 6)
    assert found["branch"]["tokens"][2]["piece"] == "a"
    assert found["parts_at"] in (2, None)
    for space in (" ", "\n"):
        assert api.branch(TEXT, space, 2, 0.9, 0.95, 3, 6)["branch"]["tokens"][2]["piece"] == space


@pytest.mark.parametrize(
    "call",
    [
        lambda: api.next_token("", 1.0, 1.0),
        lambda: api.next_token(TEXT, 9.0, 1.0),
        lambda: api.next_token(TEXT, 1.0, 0.0),
        lambda: api.next_token(TEXT, 1.0, 1.0, 1000),
        lambda: list(api.write(TEXT, max_tokens=0)),
        lambda: list(api.write(TEXT, seed=-1)),
        lambda: api.branch(TEXT, "cabinet door handle"),
        lambda: api.branch(TEXT, "a", at=99),
        lambda: api.next_token(TEXT, top="x"),
        lambda: api.next_token(TEXT, top=None),
        lambda: api.next_token(TEXT, top=[1]),
        lambda: api.next_token(TEXT, top=float("nan")),
        lambda: api.next_token(TEXT, "warm"),
        lambda: api.next_token(None),
        lambda: api.next_token(TEXT, 1.0, {}),
        lambda: list(api.write(["x"])),
        lambda: list(api.write(TEXT, seed="7")),
        lambda: list(api.write(TEXT, max_tokens="many")),
        lambda: api.branch(TEXT, 5),
        lambda: api.branch(TEXT, "a", at="0"),
        lambda: api.branch(TEXT, "a", seed=None),
        lambda: api.branch(7, "a"),
    ],
)
def test_endpoints_refuse_bad_arguments_in_plain_words(shared: None, call) -> None:
    with pytest.raises(PlainError):
        call()


# ---- the page ----


@pytest.fixture(scope="module")
def config() -> dict:
    playground = pages.blank()
    with playground, pages.page(playground, "sampling"):
        page.build()
    return playground.get_config_file()


def test_a_slider_is_an_output_of_no_handler_it_starts(config: dict) -> None:
    sliders = {one["id"] for one in config["components"] if one["type"] == "slider"}
    for dependency in config["dependencies"]:
        started = {target for target, _ in dependency["targets"]}
        assert not started & sliders & set(dependency["outputs"])


def test_a_dial_of_the_scoreboard_asks_no_server(config: dict) -> None:
    desk = next(one["id"] for one in config["components"] if one["props"].get("elem_id") == "sampling-board")
    labels = {one["id"]: one["props"].get("label") for one in config["components"]}
    moved = [
        dependency
        for dependency in config["dependencies"]
        if dependency["js"]
        and any(labels.get(target) in ("Temperature", "Top-p") for target, _ in dependency["targets"])
    ]
    assert moved and all(not dependency["backend_fn"] for dependency in moved)
    assert any([desk, "release"] in [list(target) for target in one["targets"]] for one in config["dependencies"])


def test_every_edge_of_a_prediction_falls_where_its_words_say() -> None:
    lesson = read_lesson("sampling")
    for key, value, choice in (
        ("cold", 0.1999, "under 20 %"), ("cold", 0.2, "20–50 %"), ("cold", 0.8, "50–80 %"),
        ("cold", 0.801, "over 80 %"),
        ("after-force", 0.25, "25–50 %"), ("after-force", 0.75, "50–75 %"), ("third-key", 0.02, "2–10 %"),
        ("third-key", 0.4, "10–40 %"), ("passes", 499.9, "under 500"), ("passes", 800, "500–800"),
        ("passes", 1500.1, "over 1500"), ("like-a-person", 3, "T = 1"),
    ):  # fmt: skip
        asked = lesson.predictions[key]
        assert asked.texts[asked.which(value)] == choice


def test_no_load_event_of_the_page_can_undo_a_link(config: dict) -> None:
    """Gradio fires ``load`` of every component by itself, after a link was read, and an empty generator wipes views."""
    assert not any(event == "load" for one in config["dependencies"] for target, event in one["targets"] if target)
