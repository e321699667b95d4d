"""What the server owes its visitors, over HTTP: bounds, plain refusals, places given back, and nothing kept."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import gradio as gr
import httpx
import psutil
import pytest
from gradio.queueing import Queue

import app
from benchmarks import classroom
from engines.evidence import PlainError
from engines.models import line
from lessons.shell import events, serving, visitors
from lessons.shell.content import ADDRESS, folder

LINE = line.of("processor")[0]
working, go_on = threading.Semaphore(0), threading.Event()


def slow(number: int = 0) -> Iterator[dict[str, int]]:
    """Work at the model until the test lets it go on, a step every twentieth of a second."""
    working.release()
    while not go_on.wait(0.05):
        yield {"number": number}
    yield {"number": number}


def length(text: str, times: int = 1) -> dict[str, float]:
    """How long a text is."""
    if len(text) > 2000:
        raise PlainError(f"This text is {len(text):,} characters long. Keep it to 2,000.")
    return {"length": len(text) * times, "share": 0.1 + 0.2}


class Caller(httpx.Client):
    """``event``: the page event that answers without the queue. ``queue``: the one of all others."""

    event: int
    queue: Queue


@pytest.fixture(scope="module")
def client() -> Iterator[Caller]:
    with events.Playground() as playground:
        events.endpoint(slow, "slow", model="processor")
        events.endpoint(length, "length", model=None)
        typed, shown = gr.Textbox(), gr.HTML()
        events.on(typed.change, lambda text: {shown: text}, typed, shown)
        most, kept, button, said, other = gr.Number(3), gr.State(0), gr.Button("Count"), gr.HTML(), gr.HTML("as it was")

        def count(most: int, kept: int) -> Iterator[dict[Any, Any]]:
            for number in range(1, most + 1):
                yield {said: f"{number}", state: kept + number} if number % 2 else {said: f"{number}"}

        state = kept
        gr.on([button.click], count, [most, kept], [kept, said, other], **events.PRIVATE)
    playground.queue(max_size=None, default_concurrency_limit=None, api_open=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(visitors, "ROUND", 0.1)
        serving.launch(playground, server_name="127.0.0.1", server_port=free(), prevent_thread_lock=True, quiet=True)
        try:
            with Caller(base_url=playground.local_url, timeout=30) as client:
                private = [one for one in playground.fns.values() if one.api_visibility == "private"]
                (client.event,) = (one._id for one in private if not one.queue)
                client.queue = playground._queue
                yield client
        finally:
            playground.close(verbose=False)


@pytest.fixture(autouse=True)
def at_rest() -> Iterator[None]:
    go_on.clear()
    while working.acquire(blocking=False):
        pass
    yield
    go_on.set()
    until(lambda: LINE.waiting() == 0)


def free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(true: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def send(client: Caller, name: str, *data: Any, session: str | None = None) -> str:
    """The event of a call."""
    answer = client.post(f"/gradio_api/call/{name}", json={"data": data, "session_hash": session})
    answer.raise_for_status()
    return answer.json()["event_id"]


def result(client: Caller, name: str, event: str) -> Any:
    """What an event came to: the value of its last message."""
    told = client.get(f"/gradio_api/call/{name}/{event}").text.splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in told if line.startswith("data: ")][-1]


def listen(client: Caller, stack: ExitStack, event: str) -> httpx.Response:
    """An open connection for the results of an event."""
    return stack.enter_context(client.stream("GET", f"/gradio_api/call/slow/{event}"))


def test_absent_arguments_files_and_wrong_kinds_get_one_sentence_and_the_log_one_line(
    client: Caller, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    stolen = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    for data, words in (([], "/length takes 2 values (text, times); 0 came."), ([stolen, 1], "No file of the server")):
        told = result(client, "length", send(client, "length", *data))
        assert told["error"].startswith(words)
    assert [one.getMessage().startswith("/length was refused: ") for one in caplog.records] == [True, True]
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"data":' + b"[" * 300 + b"]" * 300 + b"}", "nested too deeply"),
        (b'{"data":[' + b"1," * 200_000 + b"1]}", "too many parts"),
        (b'{"data":["a",1],"session_hash":"' + b"x" * 200 + b'"}', "at most 100 characters"),
        (b'{"data":["' + b"x" * 40_000_000 + b'",1]}', "too much at once"),
    ],
    ids=["deep", "many", "name", "long"],
)
def test_what_would_cost_far_more_than_its_size_is_not_let_in(client: Caller, body: bytes, words: str) -> None:
    with ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(serving, "MAX_PAYLOAD", 20_000_000)
        answer = client.post("/gradio_api/call/length", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 413)
    assert words in answer.json()["detail"]


def test_brackets_and_commas_of_a_text_are_no_parts(client: Caller) -> None:
    assert result(client, "length", send(client, "length", '[[{,"\\' * 300, 1))[0]["length"] == 1800


def test_a_call_that_names_nothing_there_is_refused_in_words(client: Caller) -> None:
    answer = client.post("/gradio_api/queue/join", json={"data": [], "fn_index": 999, "session_hash": "a"})
    assert (answer.status_code, answer.json()["detail"]) == (400, "This call cannot be understood.")


def test_figures_are_told_without_the_dust_of_binary_fractions(client: Caller) -> None:
    assert result(client, "length", send(client, "length", "abc", 2)) == [{"length": 6, "share": 0.3}]


def test_the_benchmarks_learner_hears_each_event_and_the_words_of_a_refusal(client: Caller) -> None:
    url = str(client.base_url).rstrip("/")
    learner = classroom.Learner(url, classroom.offered_by(url))
    assert list(learner.events("/length", ("four",))) == ["complete"]
    with pytest.raises(RuntimeError, match=r"Keep it to 2,000\."):
        list(learner.events("/length", ("x" * 3000,)))
    heard = learner.events("/slow", (4,))
    assert [next(heard), next(heard)] == ["generating"] * 2
    heard.close()
    until(lambda: LINE.waiting() == 0)
    assert list(learner.events("Count", ())) == ["process_generating"] * 2 + ["process_completed"]


def test_a_place_that_an_event_leaves_alone_is_not_made_anew(client: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio did so for each at every event, and looked through all events for who hears of a state."""
    made: list[str] = []
    was = gr.HTML.__init__
    monkeypatch.setattr(
        gr.HTML, "__init__", lambda self, *args, **given: (made.append("html"), was(self, *args, **given))[1]
    )
    button = classroom.offered_by(str(client.base_url).rstrip("/")).buttons["Count"]
    press = {"data": button.values, "fn_index": button.function, "trigger_id": button.trigger, "session_hash": "counts"}
    client.post("/gradio_api/queue/join", json=press).raise_for_status()
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": "counts"}) as answer:
        told = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line.startswith("data: ")]
    events_ = [one["output"]["data"] for one in told if one["msg"] == "process_generating"]
    assert events_[0] == [None, "1", {"__type__": "update"}] and len(events_) == 3 and not made


def test_no_event_looks_for_matplotlib_on_the_disk(client: Caller) -> None:
    assert "matplotlib" in sys.modules  # as None, where it is not installed


def test_only_a_page_has_a_browser_fetch_what_pages_need_and_its_script_is_the_first(client: Caller) -> None:
    """A drawer's table asked for fonts too, beside its own address, where there are none."""
    page = client.get("/", headers={"Accept-Encoding": "identity"})
    assert "woff2" in page.headers["Link"] and page.headers["Content-Length"] == str(len(page.content))
    assert "/script-" in re.findall(r"<script.*?>", page.text)[0]
    drawer = next((folder("latents") / "recorded").glob("*.html"))
    answer = client.get(f"/{ADDRESS}/recorded/latents/{drawer.name}")
    assert answer.status_code == 200 and "Link" not in answer.headers and "<script" not in answer.text
    nothing = client.get("/dragons/and", headers={"Accept": "text/html"})
    assert nothing.status_code == 404 and "Link" not in nothing.headers


def test_an_operator_sees_what_is_loaded_and_how_many_wait_and_no_word_of_a_learner(client: Caller) -> None:
    def seen() -> dict[str, Any]:
        return client.get("/course/health").raise_for_status().json()

    nobody = {"at_work": 0, "waiting": 0, "oldest_seconds": 0, "oldest_waiting_seconds": 0}
    assert seen()["lines"]["processor"] == seen()["memory"] == nobody
    with ExitStack() as stack:
        for number in range(3):
            listen(client, stack, send(client, "slow", number, session=f"learner-{number}"))
        until(lambda: seen()["lines"]["processor"]["waiting"] == 2)
        until(lambda: seen()["lines"]["processor"]["oldest_seconds"] > 0.2)
        until(lambda: seen()["lines"]["processor"]["oldest_waiting_seconds"] > 0.2)
        told = seen()
        assert told["status"] == "ok" and told["lines"]["processor"]["at_work"] == 1
        assert set(told["lines"]) == {"text", "pictures", "signs", "stories", "uploads", "processor"}
        assert "learner" not in json.dumps(told)


def test_one_visitor_who_never_reads_gets_plain_words_beyond_three_runs_and_nothing_begins(
    client: Caller,
) -> None:
    sent = [send(client, "slow", number, session="greedy") for number in range(10)]
    with ExitStack() as stack:
        listen(client, stack, send(client, "slow", 10, session="reader"))
        until(lambda: sum(visitors._places.values()) == 11)
        assert working.acquire(timeout=20) and LINE.waiting() == 1  # the reader's run: to the ten nobody listens
    with ExitStack() as stack:
        stream = stack.enter_context(client.stream("GET", "/gradio_api/queue/data?session_hash=greedy"))
        refused = set()
        for told in stream.iter_lines():
            message = json.loads(told.removeprefix("data: ") or "{}")
            if message.get("msg") == "process_completed":
                assert "of your runs are waiting or at work" in message["output"]["error"]
                refused.add(message["event_id"])
            if len(refused) == 7:
                break
    assert len(sent) - len(refused) == line.MOST_EACH
    until(lambda: LINE.waiting() == 0)  # the connection is closed


def test_an_address_that_takes_a_new_name_for_each_run_has_a_bound_too(
    client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "MOST_EACH_ADDRESS", 10)
    with ExitStack() as stack:
        for number in range(10):
            listen(client, stack, send(client, "slow", number))
        until(lambda: LINE.waiting() == 10)
        assert "10 runs from your address" in result(client, "slow", send(client, "slow", 11))["error"]


def test_closed_connections_give_their_places_back_at_once_those_that_wait_too(client: Caller) -> None:
    with ExitStack() as stack:
        for number in range(5):
            listen(client, stack, send(client, "slow", number))
        until(lambda: LINE.waiting() == 5)
    until(lambda: LINE.waiting() == 0, 5)


def test_what_is_cheap_answers_while_many_long_runs_wait(client: Caller) -> None:
    with ExitStack() as stack:
        for number in range(visitors.MOST_EACH_ADDRESS):
            listen(client, stack, send(client, "slow", number))
        until(lambda: LINE.waiting() == visitors.MOST_EACH_ADDRESS)
        assert result(client, "length", send(client, "length", "abc", 1))[0]["length"] == 3
        moved = client.post(
            "/gradio_api/run/predict", json={"data": ["a"], "fn_index": client.event, "session_hash": "slider"}
        )
        assert moved.json()["data"] == ["a"]
        assert LINE.waiting() == visitors.MOST_EACH_ADDRESS


def test_memory_stays_where_it_was_under_many_large_bad_calls(client: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "SWEPT_AFTER", 20_000_000)
    large, swept, sweep = "x" * 1_000_000, threading.Semaphore(0), visitors._sweep

    def sweeps() -> None:
        due = visitors._received >= visitors.SWEPT_AFTER
        sweep()
        if due:
            swept.release()

    monkeypatch.setattr(visitors, "_sweep", sweeps)

    def grown(calls: int) -> int:
        for number in range(calls):
            event = send(client, "length", large, number)
            if number % 3 == 0:
                result(client, "length", event)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(visitors, "UNHEARD", 0.0)
            until(lambda: not client.queue.pending_messages_per_session)
        while swept.acquire(blocking=False):
            pass
        visitors.received(visitors.SWEPT_AFTER)
        assert swept.acquire(timeout=20)
        return psutil.Process().memory_info().rss

    before = grown(20)
    assert (grown(50) - before) / 50 < 300_000  # bytes a call; each sent 1,000,000


def test_a_taken_port_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("GRADIO_SERVER_PORT", str(taken.getsockname()[1]))
        with pytest.raises(
            SystemExit, match=r"cannot start\. Port \d+ is taken\. Choose another with GRADIO_SERVER_PORT"
        ):
            app.main()
    monkeypatch.setenv("GRADIO_SERVER_PORT", "http")
    with pytest.raises(PlainError, match="from 1 to 65535"):
        serving.port()
