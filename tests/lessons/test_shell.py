"""The shell: content checks, escaping, quiz and flashcards, errors in plain words."""

from __future__ import annotations

import collections
import contextvars
import logging
import math
import threading
import time
from pathlib import Path
from typing import get_args

import gradio as gr
import numpy as np
import pytest
from markupsafe import Markup
from pydantic import ValidationError

from engines.evidence import Badge, Evidence, Finding, PlainError, Provenance, Table
from engines.statistics import change, mean_interval, more, points, wilson, words
from lessons.shell import background, controls, events, quiz, views
from lessons.shell.content import Prediction, Question, parse_lesson
from lessons.shell.frame import LessonPage, Screen
from lessons.shell.prose import plain, prose
from lessons.shell.uploads import OWN, named_or_sent, picture_bytes

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e\u200b"
LESSON = """---
key: demo
title: A title
tab: Demo
summary: A summary.
ink: typewriter
objectives: [one, two]
sources: [{title: A source}]
---
## First {#first}
Words with a [[token]].

### Deeper
More words.
"""


def test_a_lesson_is_parsed_into_sections() -> None:
    lesson = parse_lesson(LESSON)
    assert lesson.section("first").prose == "Words with a [[token]]."
    assert lesson.section("first").deeper == "More words."
    with pytest.raises(KeyError, match="no section 'second'"):
        lesson.section("second")


def test_a_lesson_without_sources_is_refused() -> None:
    with pytest.raises(ValidationError):
        parse_lesson(LESSON.replace("[{title: A source}]", "[]"))


def test_a_question_needs_one_right_answer_and_named_misconceptions() -> None:
    right, wrong = {"text": "a", "feedback": "f", "right": True}, {"text": "b", "feedback": "f"}
    with pytest.raises(ValidationError, match="names no misconception"):
        Question.model_validate({"key": "k", "question": "q", "choices": [right, wrong]})
    with pytest.raises(ValidationError, match="exactly one right"):
        Question.model_validate({"key": "k", "question": "q", "choices": [right, right]})


def test_a_prediction_has_one_reason_or_one_for_each_choice() -> None:
    asked = {"question": "Which?", "choices": ["this", "that"]}
    assert Prediction(**asked, because="So.").reason(1) == "So."
    assert Prediction(**asked, because=["First.", "Second."]).reason(1) == "Second."
    with pytest.raises(ValidationError, match="2 choices and 1 reasons"):
        Prediction(**asked, because=["Only one."])


def test_the_verdict_gives_the_reason_of_what_came_true() -> None:
    lesson = parse_lesson(LESSON.replace("sources:", """predictions:
  which: {question: "Which?", choices: [this, that, "neither, or both"], because: [First., Second., Third.]}
sources:"""))  # fmt: skip
    screen = Screen(LessonPage(lesson, ""), lesson.section("first"), "which")
    assert "Second." in screen.score("this", 1, "it") and "First." not in screen.score("this", 1, "it")
    assert 'data-hit="no"' in screen.score("this", 1, "it") and 'data-hit="yes"' in screen.score("this", 1, "it", [0])
    possible = screen.score("this", 1, "it", [0])
    assert "Your guess is possible: <b>this</b>. The middle of the measurement lies at <b>that</b>." in possible
    assert "Your guess is possible: <b>that</b>. The middle of the measurement lies there." in screen.score(
        "that", 1, "it", [0]
    )
    assert "do not decide" in possible and "First." not in possible and "Second." not in possible
    missed = screen.score("neither, or both", 1, "it", [0])
    assert 'data-hit="no"' in missed and "it was" not in missed


def test_no_guess_is_scored_where_the_measurement_leaves_every_answer_open() -> None:
    """One screen called every guess right then, another all but one wrong."""
    lesson = parse_lesson(LESSON.replace("sources:", """predictions:
  share: {question: "How much?", choices: [{text: less, below: -1}, {text: as much, upto: 1}, more], because: So.}
sources:"""))  # fmt: skip
    screen = Screen(LessonPage(lesson, ""), lesson.section("first"), "share")
    for guess in ("less", "as much", "more", None):
        said = screen.score(guess, 2, "4 of 8", [-2, 5])
        assert "no guess is scored" in said and "Measured: 4 of 8." in said and 'data-hit="none"' in said
    assert "Your guess is possible: <b>as much</b>" in screen.score("as much", 2, "it", [0, 5])


def test_code_whose_result_would_stay_unseen_prints_it() -> None:
    assert views.printed("result = 1\n") == "result = 1\nprint(result)\n"
    for shown in ("result = 1\nprint(result)\n", "result = paint()\nresult.save('a.png')\n", "print(2)\n"):
        assert views.printed(shown) == shown


def test_ones_own_picture_can_be_chosen_again() -> None:
    own = np.zeros((8, 8, 3), np.uint8)
    scenes = {"cat": ("a cat", own), "owl": ("an owl", own)}
    markup = controls.picker_with(scenes, own)
    assert f'data-name="{OWN}" aria-pressed="true"' in markup and markup.count('aria-pressed="true"') == 1

    def click(name: object, picked: controls.Picked) -> controls.Picked:
        return controls.pick(picked, gr.EventData(None, {"name": name}), scenes)

    elsewhere = click("owl", (OWN, own))
    assert elsewhere == ("owl", own) and click(OWN, elsewhere)[0] == OWN
    for name, picked in (
        (OWN, ("cat", None)),
        ("nothing", ("cat", own)),
        (None, ("cat", own)),
        (HOSTILE, ("cat", own)),
    ):
        with pytest.raises(PlainError):
            click(name, picked)


def test_pictures_are_named_or_sent() -> None:
    assert named_or_sent("cat", {"cat": 1}) == ("cat", None)
    assert named_or_sent("data:image/png;base64,QUJD", {"cat": 1}) == (OWN, b"ABC")
    for bad in (None, 7, ["cat"], {"cat": 1}, "", "not base64!", "x" * 30_000_001):
        with pytest.raises(PlainError):
            named_or_sent(bad, ("cat",))
        with pytest.raises(PlainError):
            picture_bytes(bad, ())


def test_a_file_sent_with_handle_file_is_read_and_no_other_file_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    sent, own = tmp_path / "gradio" / "abc" / "g.png", tmp_path / "secret.png"
    sent.parent.mkdir(parents=True)
    for file in (sent, own):
        file.write_bytes(b"ABC")
    assert named_or_sent({"path": str(sent), "meta": {"_type": "gradio.FileData"}}, ("cat",)) == (OWN, b"ABC")
    (tmp_path / "gradio" / "link.png").symlink_to(own)
    for path in (own, tmp_path / "gradio" / "link.png", tmp_path / "gradio" / ".." / "secret.png", "g.png", "a\0b"):
        with pytest.raises(PlainError):
            picture_bytes({"path": str(path)}, ())


def test_the_comma_after_a_term_stays_with_it() -> None:
    """A phone began a line with the comma, since a line may end after any button."""
    html = prose("A [[token]], two [[token]]s. A [[token]] <b> *[[token]]*.", "here")
    assert '>token</button>,</span> two <span class="term-held"><button' in html
    assert ">token</button>s.</span> A <button" in html and html.count("term-held") == 2


def test_unknown_glossary_terms_are_an_error() -> None:
    assert 'id="here-token" popovertarget="term-here-token"' in prose("A [[token]].", "here")
    with pytest.raises(KeyError):
        prose("A [[flibbertigibbet]].", "here")


def test_invisible_characters_are_shown() -> None:
    shown = plain(HOSTILE)
    assert "<script" not in shown and "<img" not in shown
    assert "U+202E" in shown and "U+200B" in shown


def test_no_view_lets_markup_through() -> None:
    result = Evidence(
        value=None,
        alt=HOSTILE,
        table=Table((HOSTILE,), ((HOSTILE,), (None,), (1,), (0.5,))),
        provenance=Provenance("live", HOSTILE, "", {HOSTILE: HOSTILE}, 3, 0.1),
        findings=(Finding(HOSTILE, HOSTILE),),
        snippet=HOSTILE,
    )
    html = Markup("").join(
        (
            views.evidence(result, "name"),
            views.bars([views.Bar(HOSTILE, 0.5, HOSTILE, low=0.1, high=0.9)]),
            views.chips([HOSTILE], titles=[HOSTILE], numbers=[1]),
            views.notice(HOSTILE),
        )
    )
    assert "<script" not in html and "<img" not in html


def test_visible_spaces() -> None:
    assert views.visible(" a\n\t") == '<span translate="no">␣a⏎⇥</span>'
    assert views.visible("") == '<span translate="no">∅</span>'


def test_plain_errors_keep_their_words_and_others_do_not_leak(caplog: pytest.LogCaptureFixture) -> None:
    @events.plain_errors
    def refuse() -> None:
        raise PlainError("Type a word first.")

    @events.plain_errors
    def stream():
        yield 1
        raise RuntimeError("secret path")

    with pytest.raises(gr.Error, match="Type a word first"):
        refuse()
    events_seen = stream()
    assert next(events_seen) == 1
    with caplog.at_level(logging.CRITICAL, logger="playground"), pytest.raises(gr.Error) as caught:
        next(events_seen)
    assert "secret" not in str(caught.value)


def test_what_a_message_quotes_is_escaped_on_the_page_and_not_for_programs() -> None:
    def refuse() -> None:
        raise PlainError(f"There is no word {HOSTILE}.")

    with pytest.raises(gr.Error) as shown:
        events.plain_errors(refuse)()
    assert "<" not in shown.value.message and "&lt;img" in shown.value.message
    with pytest.raises(gr.Error) as told:
        events.plain_errors(refuse, page=False)()
    assert HOSTILE in told.value.message


def test_flashcards_are_scheduled_and_survive_damage() -> None:
    state = quiz.review({"state": None, "rating": 3})
    later = quiz.review({"state": state, "rating": 4})
    assert later["due"] > state["due"]
    for damaged in (None, [], {"state": {"nonsense": True}, "rating": 99}, {"state": "x" * 1000, "rating": "<b>"}):
        assert quiz.review(damaged)["due"]
    for part in ({"state": 2, "stability": None}, {"last_review": "2026-01-01"}, {"due": 7}, {"stability": "x"}):
        assert quiz.review({"state": {**later, **part}, "rating": 3})["due"]


def test_wilson_matches_published_values() -> None:
    """Newcombe 1998, table I, method 3: 81 of 263 and 0 of 20."""
    assert (round(wilson(81, 263).low, 4), round(wilson(81, 263).high, 4)) == (0.2553, 0.3662)
    assert (wilson(0, 20).low, round(wilson(0, 20).high, 4)) == (0.0, 0.1611)


def test_a_change_of_a_share_has_newcombes_interval() -> None:
    """Newcombe 1998 (two samples), table II, (a): 56 of 70 against 48 of 80, method 10."""
    assert [round(one, 4) for one in change(wilson(48, 80), wilson(56, 70))] == [0.2, 0.0524, 0.3339]
    assert change(wilson(0, 0), wilson(3, 4))[1:] == (-math.inf, math.inf)
    assert points(change(wilson(48, 80), wilson(56, 70))) == "+20 points (95 % interval +5 to +33)"


def test_equal_values_have_no_interval_and_a_few_of_them_decide_nothing() -> None:
    same = mean_interval([-1 / 3] * 4)
    assert points(same) == "−33 points each time" and words(same, 2) == "−0.33 each time"
    assert points(mean_interval([0.0] * 4)) == "0 points each time"
    assert [more([0.0] * n, [0.5] * n, equal=6) for n in (4, 5, 6)] == [0, 0, -1] and more([0.5] * 9, [0.5] * 9) == 0
    assert more([1.0] * 3, [2 / 3] * 3, equal=6) == 0 and more([1.0, 2 / 3], [2 / 3, 1 / 3], equal=6) == 0
    assert points(mean_interval([1 / 3, 1 / 3, 1 - 2 / 3])) == "+33 points each time"


def test_work_aside_knows_who_asked() -> None:
    visitor: contextvars.ContextVar[str] = contextvars.ContextVar("visitor", default="nobody")
    visitor.set("a learner")
    assert list(background.in_background(lambda progress, should_stop: iter([visitor.get()]))) == ["a learner"]


def test_silent_work_is_told_of_and_can_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "BEAT", 0.01)
    told = threading.Event()

    def work(progress, should_stop):
        progress(0.5, "Painting")
        while not should_stop():
            time.sleep(0.01)
        told.set()
        yield "too late"

    running = background.in_background(work)
    assert [next(running).words for _ in range(3)] == ["Painting"] * 3
    running.close()
    assert told.wait(5)


def test_a_page_asks_each_function_once_for_all_its_outputs() -> None:
    with gr.Blocks() as blocks:
        for _ in range(3):
            events.at_load(time.monotonic, gr.HTML())
        events.wire_loads()
    (load,) = blocks.fns.values()
    assert len(load.outputs) == 3 and len(load.fn()) == 3


def test_a_full_card_is_told_in_plain_words() -> None:
    class OutOfMemoryError(RuntimeError):
        pass

    def paint() -> None:
        raise OutOfMemoryError("CUDA out of memory")

    with pytest.raises(gr.Error, match="Take fewer seeds"):
        events.plain_errors(paint)()


def test_what_to_do_stays_on_the_page() -> None:
    def refuse() -> None:
        raise PlainError("Free some disk space.")

    with pytest.raises(gr.Error) as caught:
        events.plain_errors(refuse)()
    assert caught.value.duration is None


def test_a_failed_stream_ends_with_its_words_in_place_of_its_progress(caplog: pytest.LogCaptureFixture) -> None:
    def change(error: Exception):
        yield {"status": "37 of 93 MB", "view": "half"}
        raise error

    with gr.Blocks() as blocks:
        status, view, go, error = gr.HTML(), gr.HTML(), gr.Button(), gr.State()
        wired = events.stream(go.click, change, error, {"status": status, "view": view})
    run = blocks.fns[wired["id"]].fn
    first, last = run(PlainError("Free some <b>disk</b> space."))
    assert first == {status: "37 of 93 MB", view: "half"}
    assert list(last) == [status] and "notice-error" in last[status] and "Free some &lt;b&gt;disk" in last[status]
    with caplog.at_level(logging.CRITICAL, logger="playground"):
        *_, last = run(RuntimeError("secret path"))
    assert "secret" not in last[status] and "notice-error" in last[status]


def test_a_cheap_handler_clears_or_fills_the_status() -> None:
    def one(fails: bool) -> dict:
        if fails:
            raise PlainError("Not now.")
        return {view: "shown"}

    with gr.Blocks() as blocks:
        view, status, go, fails = gr.HTML(), gr.HTML(), gr.Button(), gr.State()
        wired = events.on(go.click, one, fails, view, status=status)
    run = blocks.fns[wired["id"]].fn
    assert run(False) == {view: "shown", status: ""}
    assert "Not now." in run(True)[status] and view not in run(True)
    assert not blocks.fns[wired["id"]].queue


def test_every_badge_says_what_it_means():
    assert set(views.BADGES) == set(get_args(Badge))


def test_no_two_handlers_of_a_trigger_start_each_other_again_and_again() -> None:
    """On a slow network one typed word asked the server seven times a second for ever, and a second press was lost."""
    import app

    last = collections.Counter(
        target for fn in app.build().fns.values() if fn.trigger_mode == "always_last" for target in fn.targets
    )
    assert last and max(last.values()) == 1
