"""Intervals hold what they promise, and a provenance tells what was computed."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace

import numpy as np
import pytest

from engines.evidence import Evidence, Provenance, Table
from engines.statistics import interval, mean_interval, percent, spread, wilson, words


@pytest.mark.parametrize("count", [2, 4, 8, 40])
def test_the_interval_of_a_handful_holds_the_truth_as_often_as_it_says(count: int) -> None:
    drawn = np.random.default_rng(count).normal(3, 2, (4000, count))
    held = [low <= 3 <= high for _, low, high in (mean_interval(row.tolist()) for row in drawn)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.012)


def test_one_value_has_no_interval() -> None:
    assert mean_interval([4.0]) == (4.0, -math.inf, math.inf)
    assert str(wilson(6, 8)) == "6 of 8 (95 % interval 41–93 %)" == f"6 of 8 (95 % interval {interval(0.409, 0.9285)})"
    assert spread([-4.0, 4.1], 1) == words(mean_interval([-4.0, 4.1]), 1) == "0.0 (95 % interval −51.4 to 51.5)"
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


def test_figures_in_a_download_have_ten_digits_at_most():
    table = Table(("share",), ((0.9999999999999999,), (0.1 + 0.2,), (float("inf"),), (None,), (3,)))
    source = Provenance("live", "a painter", "1", {"scales": [0.1 + 0.2, 4]}, seconds=2.0000000000000004)
    told = Evidence(None, "", table, source).as_json()
    assert told["table"]["rows"] == ((1.0,), (0.3,), (float("inf"),), (None,), (3,))
    assert told["provenance"]["settings"] == {"scales": [0.3, 4]} and told["provenance"]["seconds"] == 2
    assert told["provenance"]["versions"]["numpy"] == np.__version__


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"), (0.0004, "under 0.1 %"), (-0.0004, "between −0.1 and 0 %"), (0.0123, "1.2 %"),
        (-0.0123, "−1.2 %"), (0.0996, "10 %"), (-0.0996, "−10 %"), (0.25, "25 %"), (-0.25, "−25 %"),
        (1, "100 %"), (-1.3, "−130 %"),
    ],
)  # fmt: skip
def test_a_fall_is_written_like_a_rise_with_a_true_minus_sign(share, said):
    """Every negative share was "under" ten per cent, so that a fall of a quarter read -25.0 %."""
    assert percent(share) == said
