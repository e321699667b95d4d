"""Train your own: what the screens measure, in-process and short, their snippets, and hostile input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from engines.evidence import Evidence, PlainError, Underway
from engines.text import small, small_training
from lessons.shell.content import read_lesson
from lessons.train_your_own import api, copy, diets, figures, measures, train
from tests.lessons.common import NASTY, last, safe, shown


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train in this process, and only two steps."""

    def train_here(job: small.Job) -> Iterator[Any]:
        yield Underway(0.0, "Starting")
        for message in small_training.train(job):
            if message["kind"] == "checkpoint":
                yield small.checkpoint(json.loads(json.dumps(message)), job)

    monkeypatch.setattr(small, "train", train_here)
    monkeypatch.setattr(small, "MOST_STEPS", 5000)


def run(**options: Any) -> Evidence[train.Trained]:
    return last(train.trained("captions", seconds=30, seed=3, steps=2, **options))


def test_every_bundled_text_is_clean_and_small() -> None:
    for name in measures.DIETS:
        path = measures.TEXTS / f"{name}.txt"
        assert path.stat().st_size <= 60_000
        assert measures.diet(name) == path.read_text(encoding="utf-8").strip()
    with pytest.raises(PlainError, match="prose, tales"):
        measures.diet("../../README")


def test_a_training_is_measured_against_blind_keys_and_pairs() -> None:
    events = [one for one in train.trained("captions", seconds=30, seed=3, steps=2) if isinstance(one, Evidence)]
    value = events[-1].value
    assert [one.last.step for one in (event.value for event in events)] == [0, 2]
    assert events[0].value.file is None and value.file is not None and not events[0].snippet
    assert value.chance == pytest.approx(small.chance(value.characters)) and value.pairs < value.chance
    assert train.train_truth(value)[0] == pytest.approx(value.pairs - value.held_out)
    assert len(events[-1].table.rows) == 2 and len(events[-1].table.columns) == len(events[-1].table.rows[0])
    assert train.rival(value) == "Up to here the table is the better one."
    assert len(figures.curves(value).data) >= 4 and "step 2" in figures.samples(value)
    result, printed, _ = shown(events[-1].snippet)
    assert result == pytest.approx(events[-1].expected, abs=0.02) and "bits a character" in printed


def test_ones_own_text_is_trained_on_escaped_and_reproduced(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own = (NASTY + " and so on, line by line.\n") * 12
    evidence = run(own=own)
    assert evidence.value.source == measures.OWN and "\u202e" not in evidence.value.text
    safe(figures.samples(evidence.value))
    (tmp_path / "my-text.txt").write_text(small.clean(own), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert shown(evidence.snippet)[0] == pytest.approx(evidence.expected, abs=0.02)


@pytest.mark.parametrize(
    "settings", [("prose", "", 5, 1), ("prose", "", None, 1), ("prose", "short", 20, 1), ("prose", 5, 20, 1),
                 ("nowhere", "", 20, 1), ("prose", "", 20, -1), ("prose", "", 20, 1.5)], ids=str,
)  # fmt: skip
def test_bad_settings_are_refused(settings: tuple[Any, ...]) -> None:
    with pytest.raises(PlainError):
        list(train.train(*settings))


def test_it_writes_on_and_a_file_comes_back() -> None:
    file = run().value.file
    value = last(train.write_on(file, "a cat 漢" + NASTY, 0.8, 2**32 - 1)).value
    assert [seed for seed, _ in value.texts] == [2**32 - 1, 0, 1] and "漢" in value.passed
    safe(figures.written(value))
    again, words = train.loaded(file)
    assert again == file and "weights" in words and "base64," in figures.link(file) and figures.link(None) == ""
    for bad in ((None, "a", 0.8, 1), (file, "a" * 201, 0.8, 1), (file, "a", 9, 1), (b"x" * 99, "a", 0.8, 1)):
        with pytest.raises(PlainError):
            list(train.write_on(*bad))  # type: ignore[arg-type]
    with pytest.raises(PlainError):
        train.loaded("a path")


def test_known_words_leave_out_what_may_be_cut() -> None:
    assert measures.known_words("ab cat dxg cat co", "a cat and a dog") == pytest.approx(2 / 3)
    assert measures.known_words("qq", "a cat") is None


def test_two_diets_are_compared_with_a_twin() -> None:
    evidence = last(diets.feed("tales", "code", 2, 1))
    value = evidence.value
    assert len(evidence.table.rows) == 6 and len(value.fed) == 2
    extra = [value.cost(text)[0] for text in (0, 1)]
    assert diets.feed_truth(value)[0] == pytest.approx(sum(extra) / 2)
    assert extra[0] == pytest.approx(value.on(1, 0)[0] - value.on(0, 0)[0])
    assert "fed on tales" in figures.table(value) and figures.beside(value).count("<section") == 2
    result = shown(evidence.snippet)[0]
    assert [number for row in result for number in row] == pytest.approx(
        [number for row in evidence.expected for number in row], abs=0.02
    )
    for bad in (("code", "code", 2, 1), ("code", "x", 2, 1), ("code", "tales", 9999, 1), ("code", "tales", 2, "a")):
        with pytest.raises(PlainError):
            list(diets.feed(*bad))  # type: ignore[arg-type]


def test_copies_are_held_against_the_texts_own_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [one for one in copy.overtrain("tales", 1000, 2, 1) if isinstance(one, Evidence)]
    evidence, value = events[-1], events[-1].value
    assert len(value.own) == len(value.lengths()) == copy.SAMPLES
    assert all(one in value.text for one in (*value.own, *value.passages[-1]))
    assert evidence.table.rows[-1][0] == "the text itself" and len(evidence.table.rows) == 3
    assert copy.verdict(value).startswith("So this much the text shares")
    assert copy.copy_truth(value)[0] == pytest.approx(sum(value.lengths()) / copy.SAMPLES)
    assert "<mark>" in figures.passages(value) and len(figures.copies(value).data) == 4
    assert shown(evidence.snippet)[0] == pytest.approx(evidence.expected, abs=0.02)
    for bad in (("tales", 10, 2, 1), ("tales", 1000, 0, 1), ("x", 1000, 2, 1), ("tales", 1000, 2, None)):
        with pytest.raises(PlainError):
            list(copy.overtrain(*bad))  # type: ignore[arg-type]


def test_the_endpoint_streams_and_ends_with_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train.trained
    monkeypatch.setattr(train, "trained", lambda *given, **options: whole(*given, **{**options, "steps": 2}))
    first, final = api.train_text("tales", 5, 1, "the owl")
    assert not first["finished"] and first["model"] is None and final["finished"]
    assert final["step"] == 2 and len(final["sample"]) == 240
    for bad in (
        ("",),
        (None,),
        ("short",),
        ("tales", 1),
        ("tales", 5, -1),
        ("tales", 5, 1, 7),
        ("tales", 5, 1, "a" * 999),
    ):
        with pytest.raises(PlainError):
            list(api.train_text(*bad))


def test_a_bin_ends_where_its_words_say() -> None:
    bins = read_lesson("train-your-own").predictions
    assert [bins["beats-pairs"].which(bits) for bits in (-0.1, 0, 0.5, 1.5)] == [0, 1, 2, 3]
    assert [bins["stranger"].which(bits) for bits in (0.49, 0.5, 1.5, 3)] == [0, 1, 2, 3]
    assert [bins["by-heart"].which(characters) for characters in (19, 20, 60, 150)] == [0, 1, 2, 3]
