"""A call that is recorded and replayed says what it says plainly; whatever goes wrong, it stays plain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from engines.models import capture
from engines.models.capture import Captured


def network(batch: Tensor, given: dict[str, Tensor]) -> Tensor:
    return batch * given["scale"]


class Played:
    """A graph on a CPU: it computes again from where it read, into where it wrote."""

    def __init__(self) -> None:
        self.replays = self.recorded = 0

    def __call__(self, call: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        self.recorded += 1
        output = torch.zeros_like(call())

        def replay() -> None:
            self.replays += 1
            output.copy_(call())

        return replay, output


@pytest.fixture(autouse=True)
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Captured, "on", lambda self, device: not self.plain)


def asked(captured: Captured, rows: int, value: float) -> Tensor:
    return captured(batch=torch.full((rows, 2), value), given={"scale": torch.tensor([10.0])})


def test_calls_of_one_shape_are_recorded_once_and_replayed_with_their_own_numbers() -> None:
    played = Played()
    captured = Captured(network, played)
    results = [asked(captured, 3, value) for value in range(8)]
    assert [float(result[0, 0]) for result in results] == [10.0 * value for value in range(8)]
    assert played.recorded == 1 and played.replays == 8 - capture.PLAIN_FIRST


def test_other_shapes_have_their_own_and_only_so_many_are_kept() -> None:
    played = Played()
    captured = Captured(network, played)
    for rows in range(1, capture.MOST + 3):
        for value in range(4):
            assert asked(captured, rows, value).shape == (rows, 2)
    assert played.recorded == capture.MOST + 2 and len(captured._graphs) == capture.MOST


def refuses(call: Callable[[], Tensor]) -> Any:
    raise RuntimeError("operation not permitted when stream is capturing")


def lies(call: Callable[[], Tensor]) -> Any:
    return lambda: None, call() + 1


@pytest.mark.parametrize("recording", [refuses, lies])
def test_what_cannot_be_recorded_or_says_something_else_stays_plain(
    recording: Any, caplog: pytest.LogCaptureFixture
) -> None:
    captured = Captured(network, recording)
    results = [asked(captured, 3, value) for value in range(8)]
    assert [float(result[0, 0]) for result in results] == [10.0 * value for value in range(8)]
    assert captured.plain and caplog.text.count("not replayed") == 1


def test_a_shape_for_which_the_card_has_no_room_stays_plain_and_the_others_are_replayed() -> None:
    """One learner's sixteen rows left everybody's two rows unrecorded until a restart."""
    played = Played()

    def recording(call: Callable[[], Tensor]) -> Any:
        if len(call()) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return played(call)

    captured = Captured(network, recording)
    for value in range(6):
        assert float(asked(captured, 16, value)[0, 0]) == float(asked(captured, 2, value)[0, 0]) == 10.0 * value
    assert not captured.plain and played.recorded == 1 and len(captured._graphs) == 1


def test_a_call_off_the_card_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    captured = Captured(network, refuses)
    assert not captured.on(torch.device("cpu")) and captured.on(torch.device("cuda"))
    for _ in range(5):
        asked(captured, 2, 1.0)
    assert not captured.plain
