"""The parts of the benchmarks that count, without running any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks import classroom, signs
from benchmarks.classroom import Lesson, Waited
from tests.engines import tiny_text

LESSON = Lesson("text", "/write", ("Once", "{seed}", 20))


class Client:
    """Answers with so many events; a number below zero refuses."""

    def __init__(self, events: int) -> None:
        self.events, self.asked = events, []  # type: ignore[var-annotated]

    def submit(self, *arguments: Any, api_name: str) -> Iterator[int]:
        self.asked.append((*arguments, api_name))
        if self.events < 0:
            raise ValueError("the queue is full")
        yield from range(self.events)


def test_a_run_is_timed_to_its_first_event_and_its_end() -> None:
    client = Client(3)
    waited = classroom.run(client, LESSON, seed=7)
    assert client.asked == [("Once", 7, 20, "/write")]
    assert 0 < waited.first <= waited.whole and not waited.error


def test_a_refusal_and_an_empty_run_count_as_failed() -> None:
    refused, empty = classroom.run(Client(-1), LESSON, 1), classroom.run(Client(0), LESSON, 1)
    assert refused.error == "ValueError: the queue is full" and empty.error == "no event came"
    cells = classroom.row(LESSON, 3, [Waited(1.0, 2.0), refused, empty], 30.0)
    assert cells == ("text", "3", "1.00 s", "1.00 s", "2.00 s", "2.00 s", "2.0", "2")


def test_percentiles() -> None:
    assert classroom.percentile([], 50) == "–"
    assert [classroom.percentile([1.0, 2.0, 3.0], share) for share in (50, 95)] == ["2.00 s", "2.90 s"]


def test_the_sign_lab_is_timed(capsys) -> None:
    signs.main(["--rounds", "1", "--steps", "2", "--no-shapes"])
    told = capsys.readouterr().out
    assert "2 passes" in told and told.count("| one sign") == 3 and "8 signs in one batch" in told
    assert len(signs.shapes(tiny_text.tiny(), 1, runs=2)) == 3
