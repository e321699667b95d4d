"""The small typewriter: texts are cleaned, a process trains and ends, and only a whole file of ours opens."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.evidence import PlainError, Underway
from engines.text import small, small_training, small_writing
from engines.text.small import Checkpoint, Job, Shape, Small

TEXT = "the cat sat on the mat, and the dog ran to the cat. " * 12
TINY = Shape(width=16, layers=1, heads=2, inner=16, context=16)
JOB = Job(
    TEXT, (TEXT[:100],), small.alphabet(TEXT), steps=3, seconds=20, seed=5, length=20, batch=4, shape=TINY,
    checkpoints=(0, 2),
)  # fmt: skip


def in_process(job: Job) -> list[Checkpoint]:
    messages = [json.loads(json.dumps(one)) for one in small_training.train(job)]
    return [small.checkpoint(one, job) for one in messages if one["kind"] == "checkpoint"]


def children() -> set[int]:
    return {one.pid for one in psutil.Process().children(recursive=True)}


@pytest.fixture(scope="module")
def trained() -> list[Checkpoint]:
    return in_process(JOB)


@pytest.fixture(scope="module")
def file(trained: list[Checkpoint]) -> bytes:
    assert trained[-1].model is not None
    return small.save(trained[-1].model)


# --- texts -------------------------------------------------------------------------------------------------


def test_a_text_loses_what_cannot_be_seen_and_keeps_its_lines() -> None:
    nasty = "a\u200bb\u202ec\x00d\ufeffe\t f \r\n\r\n\r\n\r\ng" + TEXT
    assert small.clean(nasty).startswith("abcde     f\n\ng")


@pytest.mark.parametrize(
    ("bad", "words"),
    [(None, "missing"), (5, "must be text"), ("", "at least 500"), ("a b " * 400, "has only 3 different characters"),
     ("x" * 200_001, "200,000"), ("\u200b" * 900, "at least 500"), ("\ud800" + TEXT, "half a character"),
     ("a" * 900, "has only one character, over and over")],
    ids=range(8),
)  # fmt: skip
def test_a_text_that_cannot_be_trained_on_is_refused(bad: Any, words: str) -> None:
    with pytest.raises(PlainError, match=words):
        small.clean(bad)


def test_a_text_of_many_characters_keeps_the_most_frequent() -> None:
    many = small.clean("".join(map(chr, range(0x4E00, 0x4E00 + 900))) + TEXT)
    assert len(set(many)) == small.MOST_CHARACTERS and small.STRANGE in many and TEXT.strip() in many


def test_blind_keys_pay_the_logarithm_and_a_table_of_pairs_what_it_counts() -> None:
    assert small.chance(8) == 3
    assert small.pair_bits("ab" * 100, "ab" * 50, 2) < 0.01
    random = "".join(np.random.default_rng(1).choice(list("abcd"), 4000))
    assert small.pair_bits(random[:3000], random[3000:], 4) == pytest.approx(2, abs=0.05)


@given(st.text("ab", max_size=20), st.text("ab", max_size=20))
@settings(deadline=None)
def test_the_longest_copy_is_that_of_all_passages(written: str, source: str) -> None:
    found = small.longest_copy(written, source)
    all_of_them = [written[a:b] for a in range(len(written)) for b in range(a, len(written) + 1)]
    assert found in source and len(found) == max((len(one) for one in all_of_them if one in source), default=0)


# --- training ----------------------------------------------------------------------------------------------


def test_a_training_reports_its_checkpoints_and_ends_with_a_model(trained: list[Checkpoint]) -> None:
    assert [one.step for one in trained] == [0, 2, 3]
    assert [one.model is not None for one in trained] == [False, False, True]
    assert trained[0].loss == pytest.approx(small.chance(len(JOB.characters)), abs=0.7)
    assert all(len(one.samples[0]) == 20 and len(one.held_out[0]) > 1 for one in trained)


def test_the_same_seed_trains_the_same_typewriter(trained: list[Checkpoint]) -> None:
    again, other = in_process(JOB)[-1], in_process(replace(JOB, seed=6))[-1]
    assert again.samples == trained[-1].samples and again.held_out == trained[-1].held_out
    assert other.held_out != again.held_out


def test_a_longer_training_learns_the_text() -> None:
    end = in_process(replace(JOB, steps=120, checkpoints=()))[-1]
    assert end.loss < 0.8 * small.chance(len(JOB.characters))


def test_a_process_of_its_own_gives_the_same_and_is_gone_when_closed() -> None:
    before = children()
    events = list(small.train(JOB))
    ended = [one for one in events if isinstance(one, Checkpoint)]
    assert isinstance(events[0], Underway) and [one.step for one in ended] == [0, 2, 3]
    with torch.random.fork_rng():
        here = in_process(JOB)
    assert np.allclose(ended[-1].held_out[0], here[-1].held_out[0], atol=0.02)
    running = small.train(replace(JOB, steps=5000, seconds=60))
    next(running)
    assert children() - before
    running.close()
    assert not children() - before


def test_a_process_that_breaks_is_told_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "ROOT", small.ROOT / "engines")  # where there is no such module
    with pytest.raises(PlainError, match="ended early"):
        list(small.train(JOB))


def test_a_training_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "GRACE", -100.0)
    before = children()
    with pytest.raises(PlainError, match="far longer"):
        list(small.train(JOB))
    assert not children() - before


@pytest.mark.parametrize(
    "change",
    [{"step": 9}, {"step": "x"}, {"loss": math.nan}, {"held_out": [[-1]]}, {"held_out": []}, {"samples": ["<b>"]},
     {"samples": ["t" * 21]}, {"samples": None}, {"model": "!!"}, {"model": "AAAA"}],
    ids=str,
)  # fmt: skip
def test_messages_that_are_not_what_was_asked_for_are_refused(change: dict[str, Any]) -> None:
    good = {"step": 2, "seconds": 1.0, "loss": 1.0, "held_out": [[1.0]], "samples": ["the cat"]}
    assert small.checkpoint(good, JOB).step == 2
    with pytest.raises(PlainError):
        small.checkpoint({**good, **change}, JOB)


# --- files and writing -------------------------------------------------------------------------------------


def test_a_saved_typewriter_opens_as_it_was(trained: list[Checkpoint], file: bytes) -> None:
    model, again = trained[-1].model, small.load(file)
    assert model is not None and again.characters == model.characters and again.shape == TINY
    assert all((again.tensors[name] == one).all() for name, one in model.tensors.items())
    network = small_training.opened(again)
    assert sum(one.numel() for one in network.parameters()) == again.weights


def rewritten(file: bytes, change: Any) -> bytes:
    length = int.from_bytes(file[:8], "little")
    header = json.loads(file[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + file[8 + length :]


NAME = "model.norm.weight"
CHANGES = {
    "no metadata": lambda header: header.pop("__metadata__"),
    "another format": lambda header: header["__metadata__"].update(format="x"),
    "keys in disorder": lambda header: header["__metadata__"].update(characters="ba\n"),
    "invisible keys": lambda header: header["__metadata__"].update(characters="\n\u202e"),
    "no sizes": lambda header: header["__metadata__"].update(shape="{}"),
    "deep sizes": lambda header: header["__metadata__"].update(shape="[" * 50_000),
    "huge": lambda header: header["__metadata__"].update(
        shape=json.dumps({"width": 10**9, "layers": 1, "heads": 2, "inner": 16, "context": 16})
    ),
    "a tensor too few": lambda header: header.pop(NAME),
    "a tensor too many": lambda header: header.update(extra=header[NAME]),
    "another shape": lambda header: header[NAME].update(shape=[17]),
    "another type": lambda header: header[NAME].update(dtype="F64"),
    "a place outside": lambda header: header[NAME].update(data_offsets=[10**12, 10**12 + 32]),
    "a place that is none": lambda header: header[NAME].update(data_offsets=["0", True]),
    "an overlap": lambda header: header[NAME].update(data_offsets=[0, 32]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_whose_header_does_not_fit_is_refused(file: bytes, name: str) -> None:
    with pytest.raises(PlainError):
        small.load(rewritten(file, CHANGES[name]))


def test_foreign_broken_and_enormous_files_are_refused(file: bytes) -> None:
    for bad in (None, 5, b"", b"\x80\x04pickle" * 20, file[:-2], file + b"\0\0", file[:200], b"\xff" * 400,
                b"\0" * (small.FILE + 1)):  # fmt: skip
        with pytest.raises(PlainError):
            small.load(bad)
    endless = file[:-2] + np.array([np.inf], "<f2").tobytes()
    with pytest.raises(PlainError):
        small.load(endless)


def test_it_writes_on_what_it_has_keys_for(trained: list[Checkpoint]) -> None:
    model = trained[-1].model
    assert model is not None
    one = small_writing.write(model, "the cat 漢", length=60, seed=3)
    assert len(one) == 60 and set(one) <= set(model.characters)  # longer than its context
    assert one == small_writing.write(model, "the cat ", length=60, seed=3)
    assert one != small_writing.write(model, "the cat ", length=60, seed=4)
    assert small_writing.write(model, "", length=3)
    for bad in ({"temperature": 0}, {"length": 10**6}, {"seed": -1}):
        with pytest.raises(PlainError):
            small_writing.write(model, "the", **bad)  # type: ignore[arg-type]


def test_sizes_are_bounded() -> None:
    with pytest.raises(PlainError):
        Shape(width=4096)
    with pytest.raises(PlainError):
        Small("\n", Shape(width=10, heads=4), {})
    assert 200_000 <= Shape().weights(94) <= 1_000_000
