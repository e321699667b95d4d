"""The sampling lesson on a tiny random model: what it measures, what it shows, what it refuses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from engines.evidence import PlainError
from engines.statistics import wilson
from engines.text import language_model
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Prompt
from lessons.sampling import answering, branching, figures, heating, page, pressing, seeding
from lessons.sampling import experiments as lab
from lessons.sampling.measures import agreement, distinct, pairs_together, parting, together, tree
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
    sheet = pressing.start(model, TEXT)
    for _ in range(3):
        sheet = last(pressing.press(model, sheet, DIALS, 7))
    sheet = last(pressing.press(model, sheet, DIALS, 7, count=3))
    assert list(sheet.token_ids) == expected
    assert sheet.passes == 6


def test_a_dial_redraws_the_wet_key_with_the_same_dice_and_no_pass(model: LanguageModel) -> None:
    sheet = last(pressing.press(model, pressing.start(model, TEXT), DIALS, 7, count=2))
    cold = pressing.turn(model, sheet, Dials(0))
    assert cold.token_ids[0] == sheet.token_ids[0]
    assert cold.token_ids[1] == int(np.argmax(sheet.logits))
    assert (cold.passes, cold.keys[1].u) == (sheet.passes, sheet.keys[1].u)
    assert pressing.turn(model, cold, DIALS).token_ids == sheet.token_ids
    low, high = sheet.slice
    assert low <= sheet.keys[1].u <= high


def test_other_dice_are_the_dice_the_other_seed_would_have_thrown(model: LanguageModel) -> None:
    sheet = last(pressing.press(model, pressing.start(model, TEXT), DIALS, 7))
    other = last(pressing.press(model, pressing.start(model, TEXT), DIALS, 8))
    assert pressing.roll(model, sheet, 8).keys == other.keys


def test_a_key_pressed_by_hand_stays_and_is_read_by_the_next_pass(model: LanguageModel) -> None:
    sheet = last(pressing.press(model, pressing.start(model, TEXT), DIALS, 7))
    choice = sheet.board.candidates[5].token_id
    forced = pressing.turn(model, pressing.force(model, sheet, choice), Dials(0))
    assert forced.token_ids == (choice,)
    assert forced.keys[0].forced
    after = last(pressing.press(model, forced, Dials(0), 7))
    expected = model.next_token_scores(Prompt((*sheet.prompt.ids, choice), (), "")).logits
    assert np.array_equal(after.logits, expected)


def test_the_end_key_stops_the_page_until_another_is_pressed(model: LanguageModel) -> None:
    sheet = last(pressing.press(model, pressing.start(model, TEXT), DIALS, 7))
    end = next(i for i in range(model.vocabulary_size) if model.ends(i))
    with pytest.raises(PlainError, match="end-of-text"):
        last(pressing.press(model, pressing.force(model, sheet, end), DIALS, 7))
    with pytest.raises(PlainError, match="no token"):
        pressing.force(model, sheet, model.vocabulary_size)
    with pytest.raises(PlainError, match="full"):
        last(pressing.press(model, sheet, DIALS, 7, count=pressing.MAX_KEYS))


def other_model() -> LanguageModel:
    return LanguageModel(tiny()._network, tiny()._tokenizer, name="tiny llama", revision="another")


def test_a_sheet_and_a_story_stay_with_the_model_that_wrote_them(model: LanguageModel) -> None:
    other = other_model()
    sheet = last(pressing.press(model, pressing.start(model, TEXT), DIALS, 7))
    story = last(branching.tell(model, TEXT, DIALS, 7, 4))
    assert sheet.written_by == story.written_by == ("tiny llama", "random")
    for go_on in (
        lambda: last(pressing.press(other, sheet, DIALS, 7)),
        lambda: pressing.turn(other, sheet, Dials(0)),
        lambda: pressing.roll(other, sheet, 8),
        lambda: pressing.force(other, sheet, 1),
        lambda: pressing.leader_at(sheet, 0.2, other),
        lambda: pressing.scoreboard_evidence(other, sheet),
        lambda: last(branching.branch(other, story, "A", 0, 1)),
        lambda: branching.story_evidence(other, story),
    ):
        with pytest.raises(PlainError, match="The model was changed meanwhile; start again"):
            go_on()


def test_the_page_asks_for_the_model_at_hand_and_loads_none(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language_model, "load", lambda *args, **kwargs: pytest.fail("it loads"))
    monkeypatch.setattr(language_model.SHELF, "models", {"now": model})
    assert page._at_hand(lab.mark(model)) is model
    monkeypatch.setattr(language_model.SHELF, "models", {"now": other_model()})
    with pytest.raises(PlainError, match="changed meanwhile"):
        page._at_hand(lab.mark(model))


def test_any_key_can_be_named(model: LanguageModel) -> None:
    for typed, piece in ((" ", " "), ("\n", "\n"), ("␣", " "), ("⏎", "\n"), ("a", "a")):
        assert model.piece(lab.one_token(model, typed)) == piece
    with pytest.raises(PlainError, match=r"not one key here but \d+: .*\|"):
        lab.one_token(model, "cabinet door handle")
    for typed in ("", None, "x" * 500, " \n \n "):
        with pytest.raises(PlainError):
            lab.one_token(model, typed)


def test_reshaping_a_large_vocabulary_takes_under_100_ms(model: LanguageModel) -> None:
    sheet = last(pressing.press(model, pressing.start(model, TEXT), DIALS, 7))
    logits = np.random.default_rng(0).normal(0, 3, 150_000).astype(np.float32)
    large = replace(sheet, logits=logits)
    spent = []
    for temperature in (0.3, 0.8, 1.2, 1.7, 2.0):
        started = time.process_time()
        turned = pressing.turn(model, large, Dials(temperature, 0.92))
        str(figures.board(turned))
        spent.append(time.process_time() - started)
    assert min(spent) < 0.1


def test_the_scoreboard_evidence_is_reproduced_by_its_snippet(tmp_path: Path) -> None:
    folder = saved("llama", tmp_path)
    model = language_model.load(folder)
    sheet = last(pressing.press(model, pressing.start(model, TEXT), DIALS, 7))
    found = pressing.scoreboard_evidence(model, sheet)
    result = run(found.snippet)
    assert [row[0] for row in result] == [row[0] for row in found.expected]
    assert np.allclose([row[2:] for row in result], [row[2:] for row in found.expected], atol=1e-5)
    crowd = seeding.crowd(model, TEXT, DIALS, range(3, 7), 6)
    found = seeding.crowd_evidence(model, crowd)
    assert whole(run(found.snippet)) == whole(found.expected)
    story = last(branching.tell(model, TEXT, DIALS, 7, 8))
    token_id = branching.runner_up(story.lines[0].tokens[2])
    story = last(branching.branch(model, story, "A", 2, token_id))
    story = last(branching.branch(model, story, "B", 4, branching.runner_up(story.lines[1].tokens[4])))
    found = branching.story_evidence(model, story)
    assert whole(run(found.snippet)) == whole(found.expected)
    answered = answering.answers(model, ["One?", "Two?"], DIALS, 1, 6)
    found = answering.answers_evidence(model, answered)
    assert whole(run(found.snippet)) == whole(found.expected)


# ---- branches ----


def test_a_branch_keeps_what_came_before_and_the_dice_after(model: LanguageModel) -> None:
    story = last(branching.tell(model, TEXT, DIALS, 7, 8))
    first = story.lines[0]
    grown = last(branching.branch(model, story, "A", 3, branching.runner_up(first.tokens[3])))
    second = grown.lines[1]
    assert second.token_ids[:3] == first.token_ids[:3]
    assert second.tokens[3].forced and second.token_ids[3] != first.token_ids[3]
    for one, other in zip(first.tokens[4:], second.tokens[4:], strict=False):
        assert one.draw == other.draw
    assert "parts from A at key 4" in branching.story_evidence(model, grown).alt


def test_a_story_refuses_keys_and_lines_it_does_not_have(model: LanguageModel) -> None:
    story = last(branching.tell(model, TEXT, DIALS, 7, 4))
    with pytest.raises(PlainError, match="no longer"):
        last(branching.branch(model, story, "Z", 0, 1))
    with pytest.raises(PlainError, match="Choose a key"):
        last(branching.branch(model, story, "A", 99, 1))
    for _ in range(branching.MAX_LINES - 1):
        story = last(branching.branch(model, story, "A", 0, branching.runner_up(story.lines[0].tokens[0])))
    with pytest.raises(PlainError, match="room"):
        last(branching.branch(model, story, "A", 0, 1))


def test_partings_over_seeds(model: LanguageModel) -> None:
    done = last(branching.partings(model, TEXT, DIALS, range(3), at=1, length=6))
    assert [one.seed for one in done] == [0, 1, 2]
    assert all(one.taken != one.forced and one.same <= one.places <= 4 for one in done)
    found = branching.partings_evidence(model, TEXT, DIALS, done, at=1, length=6, seconds=1.0)
    assert 0 <= found.value[0] <= 1
    with pytest.raises(PlainError):
        last(branching.partings(model, TEXT, DIALS, range(2), at=9, length=6))
    with pytest.raises(PlainError, match="no dice is thrown"):
        last(branching.partings(model, TEXT, Dials(0), range(8), at=1, length=6))


# ---- seeds, sweep, passes ----


def test_one_seed_twice_and_the_next(model: LanguageModel) -> None:
    rows = last(seeding.twice(model, TEXT, DIALS, 5, 6))
    found = seeding.twice_evidence(model, TEXT, DIALS, 5, 6, rows)
    assert found.value is True
    assert [t.token_id for t in rows[0]] == [t.token_id for t in rows[1]]
    assert "the same to the last key" in figures.twice(rows, 5)


def test_a_crowd_at_temperature_zero_never_parts(model: LanguageModel) -> None:
    still = seeding.crowd(model, TEXT, Dials(0), range(4), 6)
    assert set(still.left) == {4} and still.distinct_texts == 1
    assert set(still.pairs) == {(1.0, 1.0, 1.0)}  # no dice is thrown, so there is nothing to be unsure of
    wild = seeding.crowd(model, TEXT, Dials(2), range(4), 6)
    assert wild.left == tuple(sorted(wild.left, reverse=True))
    assert all(low <= share <= high for share, low, high in wild.pairs)
    assert [high for _, _, high in wild.pairs] == sorted((high for _, _, high in wild.pairs), reverse=True)
    found = seeding.crowd_evidence(model, wild)
    assert found.value == wild.pairs
    assert len(found.table.rows) == 4
    assert figures.tree_of(wild).count("sampling-node") >= 6
    assert len(figures.together_chart([still, wild]).data) == 2


PEOPLE = (
    "Two cats and a dog sat by the door, and nobody could tell whose they were.",
    "The keys are in the cabinet that I cannot open with my hands.",
)


def test_the_sweep_measures_each_temperature(model: LanguageModel) -> None:
    found = last(
        heating.sweep(model, (TEXT, "Two cats"), PEOPLE, top_p=1.0, seed=1, length=8, temperatures=(0.0, 1.0, 3.0))
    )
    assert [stop.temperature for stop in found.stops] == [0.0, 1.0, 3.0]
    assert found.stops[0].bits[0] < found.stops[-1].bits[0]
    evidence = heating.sweep_evidence(model, found)
    assert len(evidence.table.rows) == 4
    assert evidence.table.rows[-1][0] == "people" and evidence.table.rows[-1][-1] == 2
    assert "95 % interval" in evidence.findings[-1].text
    chart = figures.sweep_chart([found])
    assert len(chart.data) == 4 and len(chart.layout.shapes) == 2
    assert "T = 3" in figures.samples(found)


def test_one_text_of_ones_own_has_no_interval(model: LanguageModel) -> None:
    found = last(heating.sweep(model, (TEXT, "Two cats"), PEOPLE[:1], top_p=1.0, seed=1, length=8, temperatures=(1.0,)))
    evidence = heating.sweep_evidence(model, found)
    assert "interval" not in evidence.findings[-1].text
    assert evidence.table.rows[-1][2:4] == evidence.table.rows[-1][5:7] == (None, None)
    chart = figures.sweep_chart([found])
    assert len(chart.data) == 4 and not chart.layout.shapes


def test_a_given_text_is_as_surprising_as_its_logits_say(model: LanguageModel) -> None:
    """Under the conditions of the model's own texts: an opening is read, ``length`` keys are scored."""
    ids = model.encode(PEOPLE[0]).ids
    bits, end = [], heating.READ_FIRST + 12
    for place in range(heating.READ_FIRST, end):
        logits = model.next_token_scores(Prompt(ids[:place], (), "")).logits.astype(float)
        bits.append((np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[ids[place]]) / np.log(2))
    found = heating.surprise(model, PEOPLE[0], 12)
    assert found.bits == pytest.approx(np.mean(bits), rel=1e-3)
    assert (found.keys, found.distinct) == (12, distinct(ids[heating.READ_FIRST : end]))
    assert heating.surprise(model, PEOPLE[0], 500).keys == len(ids) - heating.READ_FIRST
    with pytest.raises(PlainError, match="tokens or more"):
        heating.surprise(model, "Two", 12)


def test_the_peoples_texts_on_offer_are_accepted() -> None:
    assert heating.passages_of("\n".join(lab.PEOPLE)) == lab.PEOPLE and len(lab.PEOPLE) >= 4
    for text in ("", "a" * 1001, "\n".join("abcdefghijklm")):
        with pytest.raises(PlainError):
            heating.passages_of(text)


def test_passes_for_500_words(model: LanguageModel) -> None:
    found = answering.answers(model, ["One?", "Two?"], DIALS, 1, 6)
    mean, low, high = found.passes
    assert low <= mean <= high
    evidence = answering.answers_evidence(model, found)
    assert evidence.table.rows[0][2] == len(found.runs[0].token_ids)
    assert evidence.provenance.settings["keys"] == 6
    assert "The first 6 keys" in evidence.alt
    assert "first 6 keys" in figures.answer_bars([("One?", 6, 4)], found.passes, found.length)


@pytest.mark.parametrize("text", ["one line only", "\n".join("abcdefghijklm")])
def test_openings_are_two_to_twelve_lines(text: str) -> None:
    with pytest.raises(PlainError, match="2 to 12 openings"):
        heating.openings_of(text)
    with pytest.raises(PlainError, match="2 to 12 questions"):
        lab.lines_of(text, "questions")


def test_a_line_is_short_enough_to_be_read_at_once() -> None:
    assert heating.openings_of("a" * 200 + "\nb")
    with pytest.raises(PlainError, match="Line 2 of the openings has 201 characters"):
        heating.openings_of("b\n" + "a" * 201)


# ---- what is drawn ----


def test_nothing_typed_or_written_becomes_markup(model: LanguageModel) -> None:
    sheet = last(pressing.press(model, pressing.start(model, NASTY), DIALS, 7, count=2))
    key = replace(sheet.keys[-1], piece=NASTY)
    candidates = tuple(replace(c, text=NASTY) for c in sheet.board.candidates)
    sheet = replace(sheet, keys=(*sheet.keys[:-1], key), board=replace(sheet.board, candidates=candidates))
    story = last(branching.tell(model, NASTY, DIALS, 7, 3))
    tokens = tuple(replace(token, piece=NASTY) for token in story.lines[0].tokens)
    story = replace(story, lines=(replace(story.lines[0], tokens=tokens),))
    crowd = seeding.crowd(model, NASTY, DIALS, range(2), 3)
    runs = tuple(replace(run, pieces=(NASTY,) * len(run.pieces), text=NASTY) for run in crowd.runs)
    crowd = replace(crowd, runs=runs)
    stop = heating.Stop(1.0, (NASTY,), runs)
    from lessons.shell import views

    for html in (
        figures.blank_page(NASTY),
        figures.page(sheet),
        figures.board(sheet),
        figures.lines(story, ("A", 1)),
        figures.alternatives(story, "A", 1),
        figures.twice([tokens], 7),
        figures.tree_of(crowd),
        figures.samples(heating.Sweep(1.0, 3, 1, (stop,))),
        figures.answer_bars([(NASTY, 3, 2)], (700.0, 600.0, 800.0), 80),
        views.evidence(pressing.scoreboard_evidence(model, sheet)),
        views.evidence(branching.story_evidence(model, story)),
        views.evidence(seeding.crowd_evidence(model, crowd)),
    ):
        for bad in ("<script", "<img", "\u202e", "\u0007"):
            assert bad not in str(html)


# ---- endpoints ----


def test_next_token_gives_the_scoreboard(shared: None) -> None:
    found = page.next_token(TEXT, 0.8, 0.9, 5)
    assert len(found["candidates"]) == 5
    assert found["vocabulary_size"] == tiny().vocabulary_size


def test_write_streams_and_repeats(shared: None) -> None:
    once = list(page.write(TEXT, 0.9, 0.95, 3, 6))
    assert once[-1]["finished"] == "length" or once[-1]["finished"] == "eos"
    assert [e["token_id"] for e in once] == [e["token_id"] for e in page.write(TEXT, 0.9, 0.95, 3, 6)]


def test_branch_by_name(shared: None) -> None:
    found = page.branch(TEXT, "a", 2, 0.9, 0.95, 3, 6)
    assert found["branch"]["tokens"][2]["piece"] == "a"
    assert found["parts_at"] in (2, None)
    for space in (" ", "\n"):
        assert page.branch(TEXT, space, 2, 0.9, 0.95, 3, 6)["branch"]["tokens"][2]["piece"] == space


@pytest.mark.parametrize(
    "call",
    [
        lambda: page.next_token("", 1.0, 1.0),
        lambda: page.next_token(TEXT, 9.0, 1.0),
        lambda: page.next_token(TEXT, 1.0, 0.0),
        lambda: page.next_token(TEXT, 1.0, 1.0, 1000),
        lambda: list(page.write(TEXT, max_tokens=0)),
        lambda: list(page.write(TEXT, seed=-1)),
        lambda: page.branch(TEXT, "cabinet door handle"),
        lambda: page.branch(TEXT, "a", at=99),
        lambda: page.next_token(TEXT, top="x"),
        lambda: page.next_token(TEXT, top=None),
        lambda: page.next_token(TEXT, top=[1]),
        lambda: page.next_token(TEXT, top=float("nan")),
        lambda: page.next_token(TEXT, "warm"),
        lambda: page.next_token(None),
        lambda: page.next_token(TEXT, 1.0, {}),
        lambda: list(page.write(["x"])),
        lambda: list(page.write(TEXT, seed="7")),
        lambda: list(page.write(TEXT, max_tokens="many")),
        lambda: page.branch(TEXT, 5),
        lambda: page.branch(TEXT, "a", at="0"),
        lambda: page.branch(TEXT, "a", seed=None),
        lambda: page.branch(7, "a"),
    ],
)
def test_endpoints_refuse_bad_arguments_in_plain_words(shared: None, call) -> None:
    with pytest.raises(PlainError):
        call()


# ---- how the screens are wired ----


def test_what_the_learner_does_is_not_undone_by_a_run_under_way() -> None:
    """A key, a seed, other dice and typing each end the presses that would write over them."""
    with gr.Blocks() as blocks:
        page.build()
    config = blocks.get_config_file()
    props = {component["id"]: component["props"] for component in config["components"]}
    named = {i: p.get("elem_id") or p.get("label") or p.get("value") for i, p in props.items()}
    seed = min(i for i in named if named[i] == "Seed")
    runs = [
        dependency["id"]
        for dependency in config["dependencies"]
        for i, _ in dependency["targets"]
        if named.get(i) in ("sampling-press", "sampling-play") and dependency["backend_fn"]
    ]
    assert len(runs) == 2
    for running in runs:
        ends = {
            (named[i], event)
            for dependency in config["dependencies"]
            if running in dependency["cancels"]
            for i, event in dependency["targets"]
            if named[i] != "Seed" or i == seed
        }
        assert ends >= {
            ("sampling-board", "select"),
            ("sampling-typed-board", "submit"),
            ("Seed", "input"),
            ("Other dice", "click"),
            ("Start again", "click"),
            ("Pause", "click"),
            ("sampling-text", "input"),
        }
