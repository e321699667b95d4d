"""As on a card, where the passes of next tokens are recorded and replayed; the recording is played by plain calls."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engines.models import capture, worker
from engines.text import tables
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel
from engines.text.shared_passes import Piece
from engines.text.tables import Row, Tables, read_together
from engines.text.transformer import Network
from tests.engines import tiny_text
from tests.engines.tiny_text import TEXT, tiny, tokenizer

JOBS = [(length, Dials(temperature), seed) for seed, temperature in enumerate((0, 0.8, 1.5)) for length in (4, 9, 23)]


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The rows of each replay, on a machine that seems to have a card."""
    found: list[int] = []

    def played(call: Callable[[], Tensor]) -> tuple[Callable[[], Any], Tensor]:
        output = torch.zeros_like(call())
        return lambda: (found.append(len(output)), output.copy_(call())), output

    monkeypatch.setattr(capture, "record", played)
    monkeypatch.setattr(capture.Captured, "on", lambda self, device: not self.plain)
    yield found


def on_a_card(kind: str) -> LanguageModel:
    network = Network(copy.deepcopy(tiny_text.network_model(kind)))
    network.try_out()
    assert network.records
    return LanguageModel(network, tokenizer(), name=f"tiny {kind}", revision="recorded")


def written(model: LanguageModel, job: tuple[int, Dials, int]) -> list[int]:
    length, dials, seed = job
    tokens = model.write(model.encode(TEXT[:length]), dials, seed=seed, max_tokens=14 + seed)
    return [token.token_id for token in tokens]


@pytest.mark.parametrize("kind", tiny_text.KINDS)
def test_replayed_texts_are_token_for_token_the_plain_ones(kind: str, replays: list[int]) -> None:
    model = on_a_card(kind)
    assert [written(model, job) for job in JOBS] == [written(tiny(kind), job) for job in JOBS]
    assert set(replays) == {2} and len(replays) > 80  # a text alone has a second row beside it that nobody reads


def test_replayed_company_and_runs_of_many_are_what_each_is_alone(replays: list[int]) -> None:
    model = on_a_card("llama")
    results: list[list[int]] = [[] for _ in JOBS]
    threads = [
        threading.Thread(target=lambda n=n: results[n].extend(written(model, JOBS[n]))) for n in range(len(JOBS))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [written(tiny(), job) for job in JOBS]
    prompts = [model.encode(TEXT[:length]) for length in (5, 12, 5, 23, 40)]
    *_, runs = model.write_many(prompts, Dials(1.2), seeds=range(5), max_tokens=20)
    *_, plain = tiny().write_many(prompts, Dials(1.2), seeds=range(5), max_tokens=20)
    assert [run.token_ids for run in runs] == [run.token_ids for run in plain]
    assert {8} <= set(replays)


def test_rows_that_fill_a_pass_up_leave_waiting_texts_as_they_are(
    replays: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "ROOMS", (8, 16, 64))
    network = on_a_card("llama")._network
    ids = list(tiny().encode(TEXT).ids)
    expected, _ = tiny()._network.read(ids, None, len(ids))
    places, texts = Tables(), [Row() for _ in range(3)]
    lengths = (7, 6, 3)  # one place before the end of its row, two, and one that writes
    worker.call(
        read_together, network._steps,
        [Piece(ids[:length], row, 1) for length, row in zip(lengths, texts, strict=True)], places,
    )  # fmt: skip
    for at in range(3, 7):
        worker.call(read_together, network._steps, [Piece([ids[at]], texts[2], 1)], places)
    for row, length in zip(texts, (7, 6, 7), strict=True):
        assert row.length == length
        (logits,) = worker.call(read_together, network._steps, [Piece([ids[length]], row, 1)], places)
        np.testing.assert_allclose(logits[0], expected[length], atol=2e-4)


def test_a_table_that_moved_is_recorded_anew(replays: list[int]) -> None:
    network = on_a_card("llama")._network
    ids = list(tiny().encode(TEXT).ids)
    expected, _ = tiny()._network.read(ids, None, len(ids))
    places, texts = Tables(), [Row()]
    for length in range(1, 24):
        if length % 4 == 0:
            texts.append(Row())  # the table widens meanwhile
        pieces = [Piece(ids[row.length : row.length + 1], row, 1) for row in texts]
        for piece, logits in zip(pieces, worker.call(read_together, network._steps, pieces, places), strict=True):
            np.testing.assert_allclose(logits[0], expected[piece.cache.length - 1], atol=2e-4)
    assert set(replays) >= {2, 4}


def test_a_closed_model_gives_its_tables_back(replays: list[int]) -> None:
    model = on_a_card("llama")
    written(model, JOBS[0])
    model.close()
    assert not model._weights._tables and "_steps" not in vars(model._weights)
