"""What the screens share. Read them as the lesson goes: :mod:`plan` (six prompts, reasons, confidences), :mod:`test`
(painted, judged, beside the diet), :mod:`calibration` (confidence against result), :mod:`reflect` (reasons beside
results, the lab note), :mod:`easy_hard` (sorts of prompt from easy to hard) and :mod:`hands` (fingers counted).
:mod:`blind` is what the judge misreads, :mod:`notebook` what the learner's browser keeps; the server keeps nothing.
"""

from __future__ import annotations

from engines.statistics import Interval, interval


def short(share: Interval) -> str:
    """A count with its interval, for narrow places: "6 of 8 (41–93 %)"."""
    return f"{share.successes} of {share.trials} ({interval(share.low, share.high)})"


def signed(points: float) -> str:
    """Percentage points with a true minus sign."""
    return f"{points:+.0f}".replace("-", "−")
