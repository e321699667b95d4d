"""Runs of the tile writer that share passes: each tile for tile what it is alone, on a tiny one and the bundled one."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from engines.models.batching import Room
from engines.pictures import painter as painters
from engines.pictures import tiles
from engines.pictures.tiles import FREE, SIDE, TILES, WORDS, Tile, TileWriter, tile_writer
from engines.text.dials import Dials

ENTRIES, LETTERS = 32, 32
LAID = 4 * SIDE
"""Tiles of each picture that are compared."""
TOLERANCE = 2e-4
"""By which a scoreboard may differ in company, in logits: a larger matrix is multiplied in another order."""


@pytest.fixture
def tiny() -> TileWriter:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=ENTRIES + LETTERS, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=WORDS + TILES, initializer_range=0.4, eos_token_id=None,
    )  # fmt: skip

    def token_ids(captions: Sequence[str], length: int) -> np.ndarray:
        read = [[ord(letter) % LETTERS for letter in caption[:length]] for caption in captions]
        return np.array([[*ids, *[0] * (length - len(ids))] for ids in read])

    painter: Any = SimpleNamespace(token_ids=token_ids)
    codebook = SimpleNamespace(entries=torch.zeros(ENTRIES, 4))
    return TileWriter(painter, LlamaForCausalLM(config).eval().requires_grad_(False), codebook, "tiny")


def half(seed: int) -> np.ndarray:
    """Two rows of given tiles, int64 [1, 16, 16]."""
    drawn = np.random.default_rng(seed).integers(0, ENTRIES, (1, SIDE, SIDE))
    return np.where(np.arange(SIDE)[:, None] < 2, drawn, FREE)


RUNS: tuple[tuple[tuple[str, ...], tuple[int, ...], dict[str, Any]], ...] = (
    (("a cat",), (1,), {}),
    (("a dog on a hill", "two owls", ""), (2, 3, 4), {"guidance_scale": 3.0}),
    (("an owl",), (5,), {"guidance_scale": 1.0, "dials": Dials(temperature=0)}),
    (("a red car",), (6,), {"dials": Dials(temperature=1.4), "given": half(1)}),
    (("a cat", "a cat"), (1, 7), {"guidance_scale": 1.0, "dials": Dials(temperature=0.7, top_p=0.8)}),
    (("a house",), (8,), {"given": half(2), "guidance_scale": 0.0}),
)


def laid(writer: TileWriter, number: int) -> list[Tile]:
    captions, seeds, options = RUNS[number]
    with contextlib.closing(tiles.write(writer, captions, seeds, **options)) as events:
        return [next(events) for _ in range(LAID)]


def together(*calls: Callable[[], Any]) -> list[Any]:
    results: list[Any] = [None] * len(calls)

    def run(number: int) -> None:
        results[number] = calls[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
        assert not thread.is_alive()
    return results


def watched(writer: TileWriter) -> list[int]:
    """How many runs each pass is made for, from now on."""
    meeting, shared = writer.passes._meeting, list[int]()
    work = meeting._work

    def counted(runs: Sequence[Any]) -> Any:
        shared.append(len(runs))
        return work(runs)

    meeting._work = counted  # type: ignore[method-assign]
    return shared


def same(ours: Sequence[Tile], alone: Sequence[Tile]) -> None:
    assert len(ours) == len(alone)
    assert (ours[-1].tiles == alone[-1].tiles).all()
    for one, other in zip(ours, alone, strict=True):
        np.testing.assert_allclose(one.logits, other.logits, atol=TOLERANCE, rtol=0)


def test_runs_of_every_kind_are_tile_for_tile_what_they_are_alone(tiny: TileWriter) -> None:
    alone = [laid(tiny, number) for number in range(len(RUNS))]
    shared = watched(tiny)

    def late(number: int) -> list[Tile]:
        time.sleep(0.02 * number)  # others are at another tile by then
        return laid(tiny, number)

    def leaves() -> None:
        with contextlib.closing(tiles.write(tiny, ("a dog",), (9,))) as events:
            for _ in range(25):
                next(events)

    found = together(*(lambda number=number: late(number) for number in range(len(RUNS))), leaves)  # type: ignore[misc]
    for ours, expected in zip(found, alone, strict=False):
        same(ours, expected)
    assert max(shared) >= 4, "runs that are at different tiles share a pass"
    assert tiny.passes.room.taken == 0


def test_a_run_that_stops_frees_its_rows_at_the_next_tile(tiny: TileWriter) -> None:
    staying = tiles.write(tiny, ("a cat",), (1,))
    leaving = tiles.write(tiny, ("a dog", "an owl"), (2, 3))
    next(staying), next(leaving)
    (table,) = tiny.passes._tables.values()
    assert tiny.passes.room.taken == 6 and sum(table.text_at(place) is not None for place in range(8)) == 6
    leaving.close()
    assert tiny.passes.room.taken == 2 and sum(table.text_at(place) is not None for place in range(8)) == 2
    next(staying)
    joining = tiles.write(tiny, ("an owl",), (4,))
    next(joining)
    assert table.held.shape[1] <= 8, "who comes takes the places of who has left"
    staying.close(), joining.close()


def test_the_memory_is_bounded_and_who_waits_begins_when_another_ends(tiny: TileWriter) -> None:
    tiny.passes.room = Room(4)
    alone = laid(tiny, 3)
    first = tiles.write(tiny, ("a cat", "a dog"), (1, 2))
    next(first)

    def end() -> None:
        while not tiny.passes.room._waiting:
            time.sleep(0.001)
        assert tiny.passes.room.taken == 4
        first.close()

    found, _ = together(lambda: laid(tiny, 3), end)
    same(found, alone)


def test_the_bundled_writer_is_tile_for_tile_the_same_in_company() -> None:
    writer = tile_writer(painters.load(None))
    alone = [laid(writer, number) for number in (0, 3)]
    shared = watched(writer)
    found = together(lambda: laid(writer, 0), lambda: laid(writer, 3))
    for ours, expected in zip(found, alone, strict=True):
        same(ours, expected)
    assert max(shared) == 2
