"""Screen 3: confidence against result. Brier 1950, "Verification of forecasts expressed in terms of probability"."""

from __future__ import annotations

from dataclasses import dataclass

from engines.evidence import Evidence, Finding, PlainError, Provenance, Table
from engines.pictures import exercise_snippets
from engines.statistics import Interval, mean_interval, percent
from lessons.predict_and_test.measures import signed
from lessons.predict_and_test.notebook import AFTERWARDS, Results

ABOUT = 10.0
"""Confidence and result within so many percentage points, on average, count as about right."""


@dataclass(frozen=True)
class Point:
    """One prompt: ``confidence`` and the measured share on 0…1, and whose count it is.

    ``changed``: whether prompt or confidence were changed after a test was seen.
    """

    name: str
    kind: str
    prompt: str
    confidence: float
    share: Interval
    source: str
    changed: bool = False

    @property
    def brier(self) -> float:
        """Mean over the pictures of (confidence − outcome)², where the outcome is 1 or 0."""
        right = self.share.rate
        return right * (1 - self.confidence) ** 2 + (1 - right) * self.confidence**2

    @property
    def inside(self) -> bool:
        """Whether the confidence lies in the 95 % interval of the result."""
        return self.share.low <= self.confidence <= self.share.high


@dataclass(frozen=True)
class Calibration:
    points: tuple[Point, ...]
    left_out: tuple[str, ...]

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of the prompts that were no predictions any more: changed after a test was seen."""
        return tuple(point.name for point in self.points if point.changed)

    @property
    def brier(self) -> tuple[float, float, float]:
        """Mean Brier score over the prompts with its 95 % interval, cut to [0, 1]."""
        mean, low, high = mean_interval([point.brier for point in self.points])
        return mean, max(0.0, low), min(1.0, high)

    @property
    def lean(self) -> tuple[float, float, float]:
        """Confidence minus result, mean over the prompts in percentage points, with its 95 % interval."""
        mean, low, high = mean_interval([(p.confidence - p.share.rate) * 100 for p in self.points])
        return mean, max(low, -100.0), min(high, 100.0)

    def means(self, kind: str) -> tuple[float, float] | None:
        """(mean confidence, mean result) on 0…1 over the prompts of a kind."""
        chosen = [point for point in self.points if point.kind == kind]
        if not chosen:
            return None
        return sum(p.confidence for p in chosen) / len(chosen), sum(p.share.rate for p in chosen) / len(chosen)


def calibrate(results: Results | None) -> Evidence[Calibration]:
    """Confidence beside result for each prompt that somebody judged; PlainError when there is none."""
    if results is None:
        raise PlainError("Nothing is tested yet. Run the test on the screen before this one first.")
    points, left_out = [], []
    for name, result in zip(results.names, results.results, strict=True):
        if result.share is None:
            left_out.append(name)
        else:
            confidence = result.confidence / 100
            changed = result.changed in ("prompt", "confidence")
            points.append(Point(name, result.kind, result.prompt, confidence, result.share, result.source, changed))
    if not points:
        raise PlainError(
            "No prompt could be judged in full. Count by eye how many pictures are right, and write it in below."
        )
    value = Calibration(tuple(points), tuple(left_out))
    rows = tuple(
        (
            p.name, p.prompt, round(p.confidence * 100), p.share.successes, p.share.trials, round(p.share.rate, 4),
            round(p.share.low, 4), round(p.share.high, 4), "yes" if p.inside else "no", round(p.brier, 4), p.source,
            "yes" if p.changed else "no",
        )
        for p in points
    )  # fmt: skip
    columns = (
        "prompt", "words", "confidence, %", "right", "of", "rate", "low", "high", "confidence inside?", "Brier",
        "judged by", AFTERWARDS,
    )  # fmt: skip
    settings = {"prompts": len(points), "seeds": len(results.seeds), "passes": results.made}
    source = Provenance("live", results.model, results.revision, settings, results.seeds[0])
    code = exercise_snippets.brier([(p.confidence, p.share.successes, p.share.trials) for p in points])
    lean, inside = value.lean, sum(point.inside for point in points)
    alt = (
        f"Over {len(points)} prompts the mean confidence is {signed(lean[0])} percentage points from the result; the "
        f"Brier score is {value.brier[0]:.2f}; {inside} of {len(points)} confidences lie inside the measured interval. "
        + " ".join(
            f"{p.name}: confidence {percent(p.confidence)}, result {percent(p.share.rate)}"
            + (f", {AFTERWARDS}." * p.changed or ".")
            for p in points
        )
    )
    return Evidence(value, alt, Table(columns, rows), source, _findings(value, inside), code, value.brier[0])


def _span(low: float, high: float, form: str) -> str:
    """An interval in words; prompts that all gave the same say nothing of how far others would lie."""
    if low == high:
        return ", the same each time"
    return f" (95 % interval {low:{form}} to {high:{form}})".replace("-", "−")


def _findings(value: Calibration, inside: int) -> tuple[Finding, ...]:
    many = len(value.points)
    mean, low, high = value.brier
    rate = sum(p.share.rate for p in value.points) / many
    cards = [
        Finding(
            f"{mean:.2f}",
            f"is your Brier score{_span(low, high, '.2f') if many > 1 else ''}. Always saying 50 % scores 0.25; always "
            f"saying the overall rate of {percent(rate)} scores {rate * (1 - rate):.2f}.",
        )
    ]
    lean, least, most = value.lean
    way = "too sure" if lean > ABOUT else "not sure enough" if lean < -ABOUT else "about right"
    if many > 1 and least < 0 < most and way != "about right":
        way += ", though the interval leaves open which way"
    span = _span(least, most, "+.0f") if many > 1 else ""
    cards.append(Finding(f"{signed(lean)} points", f"is your confidence from the result, on average{span}: {way}."))
    easy, hard = value.means("easy"), value.means("hard")
    if easy and hard:
        cards.append(
            Finding(
                f"{signed((easy[0] - hard[0]) * 100)} → {signed((easy[1] - hard[1]) * 100)}",
                f"percentage points is the gap between easy and hard: as you expected it ({percent(easy[0])} against "
                f"{percent(hard[0])}), then as it was measured ({percent(easy[1])} against {percent(hard[1])}).",
            )
        )
    cards.append(
        Finding(f"{inside} of {many}", "confidences lie inside the result's 95 % interval: so few pictures leave room.")
    )
    if value.changed:
        cards.append(
            Finding(
                f"{len(value.changed)} of {many}",
                f"had the prompt or the confidence {AFTERWARDS}: {', '.join(value.changed)}. "
                "A number given after looking says little about how well you predict.",
            )
        )
    if value.left_out:
        cards.append(
            Finding(f"{len(value.left_out)}", f"left out, for nobody judged them: {', '.join(value.left_out)}.")
        )
    return tuple(cards)


def lean_truth(value: Calibration) -> tuple[float, str]:
    lean = round(value.lean[0], 6)  # exactly ten points are about right, whatever floats add to them
    return lean, f"your confidence lay {signed(lean)} percentage points from the result, on average"
