"""Small samples in numbers and in words: proportions, means, and what a difference between two is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

Mean = tuple[float, float, float]
"""A mean with its 95 % interval (mean, low, high); the interval of a single value is open."""


@dataclass(frozen=True)
class Interval:
    """A proportion with its interval, all in [0, 1]; ``successes`` of ``trials``."""

    successes: int
    trials: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        return self.successes / self.trials if self.trials else math.nan

    def __str__(self) -> str:
        return f"{self.successes} of {self.trials} (95 % interval {interval(self.low, self.high)})"


Z = 1.959964
"""The 97.5 % quantile of the normal distribution."""


def wilson(successes: int, trials: int, z: float = Z) -> Interval:
    """The Wilson score interval of a proportion (Wilson 1927, eq. 4); [0, 1] when nothing was tried."""
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    if trials == 0:
        return Interval(0, 0, 0.0, 1.0)
    rate = successes / trials
    denominator = 1 + z**2 / trials
    centre = (rate + z**2 / (2 * trials)) / denominator
    margin = z / denominator * math.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2))
    return Interval(successes, trials, max(0.0, centre - margin), min(1.0, centre + margin))


def clustered(successes: int, trials: int, clusters: int) -> Interval:
    """The Wilson 95 % interval of ``successes`` of ``trials``, as wide as if each of the ``clusters`` were one trial.

    The pictures of one prompt or word are alike. This is the interval for such as always agree, the widest it can be:
    one over all trials would be too narrow by up to √(trials/clusters), and resampling clusters says nothing where all
    or none succeed.
    """
    return wilson(successes, trials, z=Z * math.sqrt(trials / clusters)) if clusters else wilson(successes, trials)


def change(before: Interval, after: Interval, alike: float = 0.0) -> Mean:
    """How much a share has changed, with its interval (Newcombe 1998): of two samples, by his hybrid score method.

    Of pairs, ``alike`` is their correlation phi; without a trial the interval is open.
    """
    if not (before.trials and after.trials):
        return math.nan, -math.inf, math.inf

    def arm(a: float, b: float) -> float:
        return math.sqrt(max(0.0, a * a - 2 * alike * a * b + b * b))

    below = arm(after.rate - after.low, before.high - before.rate)
    above = arm(after.high - after.rate, before.rate - before.low)
    middle = after.rate - before.rate
    return middle, middle - below, middle + above


def change_in_pairs(both: int, first: int, second: int, neither: int) -> Mean:
    """:func:`change` from the first to the second outcome of pairs (Newcombe 1998, paired samples, method 10).

    So many pairs succeeded in ``both``, only in the ``first``, only in the ``second``, in ``neither``.
    """
    trials = both + first + second + neither
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    product = both * neither - first * second
    cross = max(product - trials / 2, 0) if product > 0 else product
    alike = cross / math.sqrt(margins) if margins else 0.0
    return change(wilson(both + first, trials), wilson(both + second, trials), alike)


def in_bounds(seen: int, decided: int, trials: int, clusters: int) -> tuple[Interval, Interval]:
    """:func:`clustered` where ``decided`` of the trials could be told: with none of the rest ``seen``, and with all."""
    return clustered(seen, trials, clusters), clustered(seen + trials - decided, trials, clusters)


T_QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""The 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom."""


def mean_interval(values: Sequence[float] | np.ndarray) -> Mean:
    """Mean and Student's 95 % interval (mean, low, high) of ``values`` [n], in their unit; that of one value is open.

    A handful of seeds needs Student's t: with the normal quantile the interval of four would hold the truth 85 times
    in a hundred (Student 1908).
    """
    values = [float(value) for value in values]
    if not values:
        return math.nan, -math.inf, math.inf
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return mean, -math.inf, math.inf
    if max(values) - min(values) < 1e-9:  # equal but for rounding
        return mean, mean, mean
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    freedom = len(values) - 1
    quantile = T_QUANTILES[freedom - 1] if freedom <= len(T_QUANTILES) else 1.96 + 2.4 / freedom
    margin = quantile * math.sqrt(variance / len(values))
    return mean, mean - margin, mean + margin


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Mean and 95 % interval in words; the mean alone when there is one value."""
    return words(mean_interval(list(values)), digits)


def share(values: Sequence[float] | np.ndarray) -> Mean:
    """The mean of values in [0, 1] with its 95 % interval, cut to that range."""
    return within(mean_interval(values), 0, 1)


def within(of: Mean, least: float, most: float = math.inf) -> Mean:
    """A mean with its interval cut to what its values can be; an open one stays open."""
    middle, low, high = of
    return (middle, max(least, low), min(most, high)) if math.isfinite(low) else of


def of_pairs(rows: Sequence[float] | np.ndarray, beside: Sequence[float] | np.ndarray | float = 0.0) -> np.ndarray:
    """Values whose mean is that over all pairs of n things, and whose Student interval is the jackknife's.

    ``rows`` [n] has for each thing the mean of its pairs with the others, so each pair stands in two rows, and
    Student's interval over the rows would be about half as wide as it must be: these are the pseudo-values of leaving
    out one thing after another (Efron & Stein 1981). Less ``beside`` [n], what was measured of the same things one by
    one. A single value, whose interval is open, where there are fewer than three things.
    """
    rows = np.asarray(rows, dtype=float)
    if len(rows) < 3:
        return np.atleast_1d((rows - beside).mean())
    wider = 2 * (len(rows) - 1) / (len(rows) - 2)
    return rows.mean() + wider * (rows - rows.mean()) - beside


def words(of: Mean, digits: int = 2, percent: bool = False) -> str:
    """A mean and its interval in words; the mean alone when there is one value."""
    middle, low, high = (round(100 * value if percent else value, digits) + 0.0 for value in of)  # and no −0
    sign = " %" if percent else ""
    if not math.isfinite(low):
        return f"{middle:.{digits}f}{sign}".replace("-", "−")
    if of[1] == of[2]:  # equal values say nothing of how far others would lie
        return f"{middle:.{digits}f}{sign} each time".replace("-", "−")
    dash = " to " if low < 0 else "–"
    said = f"{middle:.{digits}f}{sign} (95 % interval {low:.{digits}f}{dash}{high:.{digits}f}{sign})"
    return said.replace("-", "−")


def points(of: Mean, digits: int = 0) -> str:
    """A change of a share in percentage points, with its interval; the change alone where that is open."""
    middle, low, high = (round(100 * value, digits) + 0.0 for value in within(of, -1, 1))
    said = f"{middle:+.{digits}f} points" if middle else "0 points"
    if of[1] == of[2]:
        said += " each time"
    elif math.isfinite(low):
        said += f" (95 % interval {low:+.{digits}f} to {high:+.{digits}f})"
    return said.replace("-", "−")


def cells(of: Mean, digits: int = 4) -> tuple[float | None, ...]:
    """A mean and its interval for a table; None where the interval is open."""
    return tuple(round(value, digits) if math.isfinite(value) else None for value in of)


def more(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray, *, equal: int = 2) -> int:
    """Whether ``a`` is above ``b`` (1) or below it (−1) in pairs, or neither (0): the interval decides.

    Differences that are all the same have none, and ``equal`` of them decide. Where they are coarse, as shares of a few
    facts are, six are needed: by chance so many agree once in 32 times.
    """
    gaps = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    _, low, high = mean_interval(gaps)
    if not math.isfinite(low) or low == high and len(gaps) < equal:
        return 0
    return 1 if low > 0 else -1 if high < 0 else 0


AGREE = 6
"""So many pairs that are all alike decide: by chance so many agree once in 32 times."""


@dataclass(frozen=True)
class Gap:
    """How far one lies above another in ``pairs``, of which some could not be told.

    ``least``: where all of that speaks for the other, ``most``: where all of it speaks for the one. ``more`` is 1 or −1
    where both ends lie on one side of zero, so that it holds whatever is true of the rest, and 0 otherwise.
    """

    least: Mean
    most: Mean
    more: int
    pairs: int

    @property
    def middle(self) -> float:
        return (self.least[0] + self.most[0]) / 2

    @property
    def ends(self) -> list[float]:
        """The outer ends of both intervals, cut to what a difference of shares can be."""
        return [within(self.least, -1, 1)[1], within(self.most, -1, 1)[2]]

    def too_few(self, pair: str = "pair") -> str:
        """In words that the pairs are all alike, so that there is no interval, and too few to decide; "" otherwise."""
        alike = _alike(self.least) and _alike(self.most)
        return f"{self.pairs} {pair}s that agree are too few; {AGREE} would do" if alike and self.pairs < AGREE else ""

    def why(self, pair: str = "pair") -> str:
        """Why neither is ahead, in words that go on after a colon; "" where one is."""
        if self.more:
            return ""
        sides = {_side(end) for end in (self.least, self.most)}
        if sides == {1, -1}:
            return "the two ends lie on either side of zero"
        if self.least == self.most == (0, 0, 0):
            return f"every {pair} came out even"
        if few := self.too_few(pair):
            return few
        if self.least == self.most:
            return "the interval holds zero"
        held = any(not _alike(end) and _side(end) == 0 for end in (self.least, self.most))
        return "an interval holds zero" if held else "one end lies at zero"

    @property
    def headline(self) -> str:
        """Both means, without intervals."""
        ends = [points((one[0], -math.inf, math.inf)) for one in (self.least, self.most)]
        return " to ".join(dict.fromkeys(ends)).replace(" points to ", " to ")

    def __str__(self) -> str:
        if self.least == self.most:
            return points(self.least)
        return f"{points(self.least)} at least and {points(self.most)} at most, by what could not be told"


Bounds = tuple[np.ndarray, np.ndarray]
"""Shares of which some could not be told: at least, where none of that is there, and at most, where all of it is."""


def _alike(of: Mean) -> bool:
    """Whether a mean is of values that are all the same, so that it has no interval."""
    return of[1] == of[2]


def _side(of: Mean) -> int:
    """On which side of zero a mean lies with its interval: 1 above, −1 below, 0 where it holds zero."""
    return 1 if of[1] > 1e-9 else -1 if of[2] < -1e-9 else 0


def gap(a: Bounds, b: Bounds) -> Gap:
    """How far ``a`` lies above ``b`` in pairs, at both bounds.

    An end at which all pairs are alike has no interval. It goes with the other end if that one has one, since what
    varies less is no weaker; if neither has, it takes :data:`AGREE` pairs.
    """
    least, most = mean_interval(a[0] - b[1]), mean_interval(a[1] - b[0])
    found = Gap(least, most, 0, len(a[0]))
    sides = {_side(end) for end in (least, most)}
    return replace(found, more=sides.pop()) if len(sides) == 1 and not found.too_few() else found


def percent(share: float) -> str:
    """A share, or a change of one, in words: whole per cents from 10 on, one decimal below; a true minus sign."""
    size = abs(share)
    if not size:
        return "0 %"
    if size < 0.001:
        return "under 0.1 %" if share > 0 else "between −0.1 and 0 %"
    digits = 1 if round(size, 3) < 0.1 else 0
    return f"{100 * share:.{digits}f} %".replace("-", "−")


def between(least: Interval, most: Interval, what: str = "") -> str:
    """How many ``what`` at least and at most, as :func:`in_bounds` has them, with the outer ends of both intervals."""
    return f"{counts(least, most)}{what and f' {what}'} (95 % interval {interval(least.low, most.high)})"


def counts(least: Interval, most: Interval) -> str:
    """How many at least and at most, in words; once where both are the same."""
    ends = " to ".join(dict.fromkeys(str(one.successes) for one in (least, most)))
    return f"{ends} of {least.trials}"


def percents(least: float, most: float) -> str:
    """A share at least and at most, in words; once where both read alike."""
    return " to ".join(dict.fromkeys((percent(least), percent(most)))).replace(" % to ", " to ")


def interval(low: float, high: float) -> str:
    """Two shares as one range, in per cent."""
    return f"{100 * max(low, 0):.0f}–{100 * min(high, 1):.0f} %"


def interval_percent(mean: float, low: float, high: float) -> str:
    return f"{percent(mean)} ({interval_or_same(low, high)})"


def interval_or_same(low: float, high: float) -> str:
    """The 95 % interval of a mean of shares in words; equal values say nothing of how far others would lie."""
    return "the same each time" if low == high else f"95 % interval {interval(low, high)}"


def listed(names: Sequence[str]) -> str:
    """Names in words: “a, b and c”."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def plural(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
