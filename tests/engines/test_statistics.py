"""Intervals that hold what they say they hold."""

from __future__ import annotations

import numpy as np
import pytest

from engines import statistics


def test_an_interval_over_pairs_is_the_jackknifes_of_the_things() -> None:
    """Student's over the rows held the truth 60 to 73 times in a hundred with four to eight seeds."""
    rng = np.random.default_rng(0)
    own = rng.normal(size=(7, 20))
    pairs = np.abs(own[:, None] - own[None]).mean(-1)
    rows, n = pairs.sum(1) / 6, 7

    def mean_without(left: int | None) -> float:
        stay = [at for at in range(n) if at != left]
        return float(np.mean([pairs[a, b] for a in stay for b in stay if a != b]))

    whole, parts = mean_without(None), [mean_without(at) for at in range(n)]
    expected = statistics.mean_interval([n * whole - (n - 1) * part for part in parts])
    assert statistics.mean_interval(statistics.of_pairs(rows)) == pytest.approx(expected)
    assert expected[0] == pytest.approx(whole)
    beside = rng.normal(size=n)
    assert statistics.of_pairs(rows, beside).mean() == pytest.approx(whole - beside.mean())
    assert statistics.mean_interval(statistics.of_pairs(rows[:2]))[1:] == (-np.inf, np.inf)


def test_a_difference_of_shares_lies_within_a_hundred_points() -> None:
    assert statistics.points((0.5, -5.85, 6.85)) == "+50 points (95 % interval −100 to +100)"
    assert statistics.listed(["0", "0.5", "1"]) == "0, 0.5 and 1" and statistics.listed(["0"]) == "0"


def test_a_difference_counts_only_where_it_holds_whatever_could_not_be_told() -> None:
    """One page counted what the judge cannot tell as not there, another left it out: both favoured the clearer side."""
    high, low, open_ = np.ones(8), np.full(8, 0.25), np.full(8, 0.75)
    clear = statistics.gap((high, high), (low, low))
    assert clear.more == 1 and str(clear) == "+75 points each time" and clear.headline == "+75 points"
    assert statistics.gap((low, low), (high, high)).more == -1
    doubtful = statistics.gap((open_, open_), (low, high))
    assert doubtful.more == 0 and doubtful.headline == "−25 to +50 points" and doubtful.middle == 0.125
    assert "−25 points each time at least and +50 points each time at most" in str(doubtful)
    assert statistics.gap((high[:2], high[:2]), (low[:2], low[:2])).more == 0, "two pairs that agree decide nothing"
    least, most = statistics.in_bounds(6, 8, 12, 4)
    assert (least.successes, most.successes, least.trials) == (6, 10, 12)
    assert statistics.between(least, most, "facts").startswith("6 to 10 of 12 facts (95 % interval ")
    assert statistics.between(least, least) == str(least)
    assert statistics.percents(least.rate, most.rate) == "50 to 83 %" and statistics.percents(0.5, 0.5) == "50 %"


def test_pairs_that_are_all_alike_are_no_weaker_than_such_as_vary() -> None:
    """Four seeds with +67 points each time undid what the other end decided: the more regular, the less was told."""
    whole, varied = np.ones(4), np.array([0.4, 0.33, 0.5, 0.45])
    assert statistics.gap((whole, whole), (varied * 0, varied)).more == 1
    assert statistics.gap((varied * 0, varied), (whole, whole)).more == -1
    assert statistics.gap((whole, whole), (varied * 0, varied * 0)).more == 0, "neither end has an interval"
    assert statistics.gap((whole, whole), (np.array([0.9, 1, 1, 0.5]), whole)).more == 0


def test_a_difference_that_is_not_concluded_says_why() -> None:
    """Every doubt was called an interval that holds zero, also where none did."""
    low, high, varied = np.zeros(4), np.ones(4), np.array([0.1, 0.4, 0.3, 0.2])

    def why(a: statistics.Bounds, b: statistics.Bounds) -> str:
        return statistics.gap(a, b).why("seed")

    assert why((high, high), (low, low)) == "4 seeds that agree are too few; 6 would do"
    assert statistics.gap((high, high), (high, high)).too_few() == "4 pairs that agree are too few; 6 would do"
    assert why((varied, high), (low, varied[::-1])) == "an interval holds zero"
    assert why((varied, varied), (low, high)) == "the two ends lie on either side of zero"
    assert why((varied, varied), (varied[::-1], varied[::-1])) == "the interval holds zero"
    assert why((np.ones(6), np.ones(6)), (np.zeros(6), np.ones(6))) == "one end lies at zero"
    assert why((high, high), (high, high)) == "every seed came out even"
    decided = statistics.gap((np.ones(6), np.ones(6)), (np.zeros(6), np.zeros(6)))
    assert decided.more == 1 and not decided.why() and decided.ends == [1, 1]
