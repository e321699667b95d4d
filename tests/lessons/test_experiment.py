"""One call for an experiment, proved on a tenth lesson of three screens: ``tests/lessons/tenth``."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from engines.evidence import PlainError, Underway
from engines.models import line
from engines.models.batching import Room
from lessons import record
from lessons.shell import content, events, experiment, frame, pacing, recorded
from lessons.shell.experiment import Experiment
from tests.lessons.tenth import page

HERE = Path(__file__).parent


@pytest.fixture
def tenth(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Experiment]]:
    monkeypatch.setattr(content, "LESSONS", HERE)
    monkeypatch.setattr(recorded, "LESSONS", tmp_path)
    monkeypatch.setattr(recorded, "folder", lambda key: tmp_path / key)
    (tmp_path / "tenth").mkdir()
    for cached in (content.read_lesson, content.read_quiz, recorded.read):
        cached.cache_clear()
    with gr.Blocks():
        lesson = page.build()
    yield lesson.experiments
    for cached in (content.read_lesson, content.read_quiz, recorded.read):
        cached.cache_clear()


def last_of(one: Experiment, guess: str | None, *values: Any) -> dict[Any, Any]:
    """What stands in every place when a run has ended."""
    places: dict[Any, Any] = {}
    for update in one.run(guess, *values):
        places |= update
    return places


def test_a_lesson_of_three_screens_needs_sixty_lines_of_page(tenth: list[Experiment]) -> None:
    lines = (HERE / "tenth" / "page.py").read_text(encoding="utf-8").splitlines()
    assert len(tenth) == 3 and len([row for row in lines if row.strip()]) <= 60


def test_a_run_fills_views_evidence_and_verdict(tenth: list[Experiment]) -> None:
    toss = tenth[0]
    places = last_of(toss, "up to half", 16, 7)
    (view,) = toss.shows
    assert "heads" in places[view] and "badge-live" in places[toss.result]
    assert places[toss.status] == "" and places[toss.go]["value"] == "Toss"
    assert "Measured" in places[toss.verdict] and "verdict-" in places[toss.verdict]


def test_a_run_that_measures_something_else_says_so_and_another_says_what_it_did(tenth: list[Experiment]) -> None:
    toss = tenth[0]
    toss.truth, toss.done = lambda value: None, "All are tossed."
    places = last_of(toss, "up to half", 16, 7)
    assert "does not score your guess" in places[toss.verdict] and "All are tossed." in places[toss.status]


@pytest.mark.parametrize(("share", "choice"), [(0.0, 0), (0.5, 0), (0.51, 1), (1.0, 1)])
def test_exactly_half_is_up_to_half(tenth: list[Experiment], share: float, choice: int) -> None:
    assert tenth[0].screen.prediction.which(share) == choice


def test_a_failure_stands_where_the_learner_looks(tenth: list[Experiment]) -> None:
    toss = tenth[0]
    places = last_of(toss, None, 10**6, 7)
    assert "notice-error" in places[toss.status] and "The number of tosses" in places[toss.status]
    assert places[toss.go]["value"] == "Toss" and toss.result not in places


def test_what_fails_for_an_unknown_reason_is_not_shown(tenth: list[Experiment]) -> None:
    wait = tenth[2]
    places = last_of(wait, None, "<b>three</b>")
    assert "did not expect" in places[wait.status] and "<b>three" not in places[wait.status]


def test_stop_ends_a_run_after_its_step_and_keeps_what_was_finished(tenth: list[Experiment]) -> None:
    wait = tenth[2]
    run = wait.run(None, 50)
    assert "Starting" in next(run)[wait.status] and next(run)[wait.status]
    assert "Stopping" in wait.stopped()[wait.status]
    *_, ended = list(run)
    assert "Stopped" in ended[wait.status] and ended[wait.go]["value"] == "Wait"
    assert line.of("processor")[0].waiting() == 0


def test_stop_says_nothing_once_the_run_has_ended_and_the_run_says_its_end_last(
    tenth: list[Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy server the answer to Stop came after the run's own "Stopped." and stood there for ever."""
    wait = tenth[2]
    run = wait.run(None, 50)
    next(run), next(run)
    said: list[Any] = []
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(wait.stopped)
        while experiment._latest.get((experiment.events.visitor(), wait.group)) is not experiment._STOP:
            time.sleep(0.005)
        said += list(run)
        assert wait.status not in answer.result() and "Stopped" in said[-1][wait.status]

    monkeypatch.setattr(experiment, "PATIENCE", 0.3)
    run = wait.run(None, 50)
    next(run), next(run)
    assert "Stopping" in wait.stopped()[wait.status]
    began = time.monotonic()
    *_, ended = list(run)
    assert time.monotonic() - began > 0.25 and "Stopped" in ended[wait.status]


def test_a_press_while_it_runs_starts_over_and_is_not_lost(tenth: list[Experiment]) -> None:
    wait = tenth[2]
    first = wait.run(None, 50)
    next(first), next(first)
    second = wait.run(None, 3)
    assert next(second)[wait.go]["value"] == experiment.AGAIN
    assert list(first) == []  # it says nothing any more, and gives its turn back
    assert list(second)[-1][wait.go]["value"] == "Wait"


def test_a_run_ends_that_of_the_experiment_beside_it_whose_places_it_shares(tenth: list[Experiment]) -> None:
    toss, _, wait = tenth
    toss.group = wait.group
    first = wait.run(None, 50)
    next(first), next(first)
    second = toss.run(None, 16, 7)
    next(second)
    assert [list(update) for update in first] == [[wait.go]]  # its button rests, and its views are left alone
    assert "Measured" in list(second)[-1][toss.verdict]


def test_what_is_done_on_the_page_ends_a_run_in_silence(tenth: list[Experiment]) -> None:
    wait = tenth[2]
    run = wait.run(None, 50)
    next(run), next(run)
    assert wait.given_up() == {wait.status: ""}
    assert [list(update) for update in run] == [[wait.go]]


def test_a_quick_run_keeps_the_words_of_its_button(tenth: list[Experiment]) -> None:
    toss = tenth[0]
    toss.quick = True
    assert all(update.get(toss.go, {}).get("value") != experiment.AGAIN for update in toss.run(None, 16, 7))


def test_a_view_starts_a_run_with_what_was_chosen_in_it(tenth: list[Experiment]) -> None:
    toss, told = tenth[0], []
    toss.work = lambda *values: iter(told.append(values) or ())
    list(toss.selected(gr.EventData(None, {"token": 3}), None, 16, 7))
    assert told == [(16, 7, {"token": 3})]


def test_stop_and_start_at_once_is_a_new_run(tenth: list[Experiment]) -> None:
    wait = tenth[2]
    first = wait.run(None, 50)
    next(first), next(first)
    wait.stopped()
    second = wait.run(None, 2)
    next(second)
    assert list(first) == [] and list(second)[-1][wait.status] == ""


def test_a_closed_tab_gives_its_turn_back(tenth: list[Experiment]) -> None:
    wait = tenth[2]
    run = wait.run(None, 50)
    next(run), next(run)
    assert line.of("processor")[0].waiting() == 1
    run.close()
    assert line.of("processor")[0].waiting() == 0


def test_two_visitors_wait_for_each_other_in_words(tenth: list[Experiment], monkeypatch: pytest.MonkeyPatch) -> None:
    wait, who = tenth[2], {"name": "Ada"}
    monkeypatch.setattr(events, "visitor", lambda: who["name"])
    first = wait.run(None, 50)
    next(first), next(first)
    who["name"] = "Ben"
    second = wait.run(None, 2)
    next(second)
    assert "One run is before yours. Your turn comes in" in next(second)[wait.status]
    first.close()
    assert list(second)[-1][wait.status] == ""


def test_a_run_that_waits_for_room_in_the_memory_says_so_and_can_be_stopped(
    tenth: list[Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "BEAT", 0.01)
    wait, room = tenth[2], Room(10)

    def work(steps: int) -> Iterator[Underway]:
        yield Underway(0.0, "Reading")
        with room.share(6):
            yield Underway(0.5, f"Writing for {who.get()}")

    who: ContextVar[str] = ContextVar("who", default="nobody")
    who.set("a learner")
    wait.work = work
    with room.share(6):
        run = wait.run(None, 3)
        said = [next(run)[wait.status] for _ in range(3)]
        assert "Starting" in said[0] and "Reading" in said[1]
        assert "The memory is full of other runs; yours is next. Your turn comes in a few seconds." in said[2]
        wait.stopped()
        assert "Stopped" in list(run)[-1][wait.status] and not room._waiting
        run = wait.run(None, 3)
        for _ in range(4):
            next(run)
        run.close()  # as by a closed tab
        assert not room._waiting
        run = wait.run(None, 3)
        assert "yours is next" in [next(run) for _ in range(3)][-1][wait.status]
    assert any("Writing for a learner" in update.get(wait.status, "") for update in list(run))
    assert room.taken == 0


def test_beside_others_a_run_draws_its_first_event_and_its_last_and_no_more_between_than_there_is_time_for(
    tenth: list[Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = tenth[2]
    assert pacing.interval() == 0.0
    with contextlib.ExitStack() as others:
        for number in range(32):
            others.enter_context(line.of("text")[0].place(f"visitor {number}")).wait(0)
        assert pacing.interval() == pytest.approx(0.48)
        wait.work = lambda steps: ({wait.status: f"step {at}"} for at in range(1, steps + 1))
        said = [update[wait.status] for update in wait.run(None, 40) if "step" in update.get(wait.status, "")]
    assert said[0] == "step 1" and said[-1] == "step 40" and len(said) <= 3

    def falters(steps: int) -> Iterator[Underway]:
        yield Underway(0.1, "first")
        yield Underway(0.2, "second")
        yield Underway(0.3, "third")
        ends = time.monotonic() + 20
        while len(told) < 2 and time.monotonic() < ends:
            time.sleep(0.01)
        seen.append(len(told))
        raise PlainError("It failed.")

    monkeypatch.setattr(pacing, "interval", lambda: 0.05)
    wait.work, told, seen = falters, [], []
    for update in wait.run(None, 3):
        told.append(update.get(wait.status, ""))
    assert "third" in told[1] and "It failed" in told[2]
    assert seen == [2], "what came last is drawn while nothing newer comes"


def test_how_far_a_run_is_goes_with_the_result_that_it_announces(tenth: list[Experiment]) -> None:
    """Each pass was two events, and gradio sent the whole film with every frame."""
    toss = tenth[0]
    (view,) = toss.shows

    def paints(steps: int, seed: int) -> Iterator[Any]:
        for at in range(1, steps + 1):
            yield Underway(at / steps, f"pass {at}")
            yield {view: "frame " * at}

    toss.work = paints
    updates = [update for update in toss.run(None, 5, 7) if view in update]
    assert [update[view].count("frame") for update in updates] == [1, 2, 3, 4, 5]
    assert all("pass" in update[toss.status] for update in updates)


def test_only_what_nobody_would_see_any_more_is_left_out() -> None:
    one, other = object(), object()
    held = pacing.Held()
    for event in ({one: "a"}, Underway(0.1, "x"), {one: "b", other: "c"}, {one: {"visible": True}}, {one: "d"}):
        held.add(event)
    assert held.take() == [Underway(0.1, "x"), {one: "b", other: "c"}, {one: {"visible": True}}, {one: "d"}]
    assert held.take() == [] and held.wait() is None


def test_a_long_run_says_so_before_it_starts(tenth: list[Experiment]) -> None:
    toss = tenth[0]
    assert toss.rest(16, 7) == ""
    toss.pace = 3.0
    assert "about 50 seconds" in toss.rest(16, 7) and toss.rest(None, 7) == ""


def test_a_record_is_painted_and_equals_a_fresh_run(tenth: list[Experiment]) -> None:
    for one in tenth[:2]:
        recorded.save(one, *record.run(one))
    assert all(record.same(one) for one in tenth[:2])
    recorded.read.cache_clear()
    with gr.Blocks() as demo:
        again = page.build().experiments
    assert "badge-recorded" in again[0].result.value and "a coin" in again[0].result.value
    assert recorded.read(again[0].name)["truth"][1] in (0, 1)
    assert "truth" not in recorded.read(again[1].name)
    (chart,) = again[1].shows
    assert chart.value["type"] == "plotly" and demo.get_config_file()
    assert not record.same(again[2])


def test_the_truth_of_a_record_is_kept_alone_and_compared(tenth: list[Experiment]) -> None:
    toss = tenth[0]
    places, models, seconds, outcome = record.run(toss)
    path = recorded.save(toss, places, models, seconds, outcome)
    kept = path.read_text(encoding="utf-8")
    recorded.save_truth(toss, outcome)
    assert path.read_text(encoding="utf-8") == kept and recorded.same(toss, places, outcome)
    other = frame.Outcome(1 - outcome.index, frozenset({outcome.index}), outcome.measured)
    assert not recorded.same(toss, places, other)
    recorded.save_truth(toss, other)
    assert recorded.read(toss.name)["truth"] == [other.measured, other.index, outcome.index]
    assert recorded.same(toss, places, other)
    recorded.save_truth(toss, None)
    assert "truth" not in recorded.read(toss.name) and recorded.read(toss.name)["places"]


# --- the line ---------------------------------------------------------------------------------------------


def test_nobodys_second_run_goes_before_anothers_first() -> None:
    one = line.Line()
    with one.place("Ada") as first, one.place("Ada") as second, one.place("Ben") as other:
        assert first.wait(0) is None
        assert isinstance(second.wait(0), Underway) and "2 runs are before yours" in second.wait(0).words
        assert "One run is before yours" in other.wait(0).words


def test_a_visitor_and_a_line_have_bounds() -> None:
    one = line.Line()
    with contextlib.ExitStack() as taken:
        for _ in range(line.MOST_EACH):
            taken.enter_context(one.place("Ada"))
        with pytest.raises(PlainError, match="3 of your runs"), one.place("Ada"):
            pass
        for number in range(line.MOST_WAITING - line.MOST_EACH):
            taken.enter_context(one.place(f"visitor {number}"))
        with pytest.raises(PlainError, match="64 runs are waiting"), one.place("Eve"):
            pass
    assert one.waiting() == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "a few seconds"), (42, "about 40 seconds"), (300, "about 5 minutes"), (9000, "about 2 hours")],
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert line.in_words(seconds) == words
