"""Intervals hold what they promise, and a provenance tells what was computed."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace

import numpy as np
import pytest

from engines.evidence import Provenance
from engines.statistics import mean_interval, spread


@pytest.mark.parametrize("count", [2, 4, 8, 40])
def test_the_interval_of_a_handful_holds_the_truth_as_often_as_it_says(count: int) -> None:
    drawn = np.random.default_rng(count).normal(3, 2, (4000, count))
    held = [low <= 3 <= high for _, low, high in (mean_interval(row.tolist()) for row in drawn)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.012)


def test_one_value_has_no_interval() -> None:
    assert mean_interval([4.0]) == (4.0, -math.inf, math.inf)
    assert spread([4.0], 1) == "4.0" and "95 % interval" in spread([4.0, 5.0])


def test_empty_settings_are_left_out_of_a_provenance() -> None:
    model = SimpleNamespace(name="a model", revision="abc")
    made = Provenance.live(model, time.perf_counter(), 7, caption="a cat", word="", scale=None, seeds=0)
    assert (made.badge, made.model, made.seed, made.settings) == (
        "live",
        "a model",
        7,
        {"caption": "a cat", "seeds": 0},
    )
