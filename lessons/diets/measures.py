"""Two diets, measured: engines and cited figures in, Evidence out.

What the experiments share. Read them as the lesson goes: :mod:`scale`, :mod:`browse`, :mod:`similarity` and
:mod:`captions`.
"""

from __future__ import annotations

NAMES = ("", " thousand", " million", " billion", " trillion", " quadrillion", " quintillion")


def big(number: float) -> str:
    """A large number in words: “15.6 trillion”; below ten million in full."""
    if abs(number) < 9_999_999.5:
        return f"{number:,.0f}" if number >= 100 or number == round(number) else f"{number:.3g}"
    power = 0
    while abs(number) >= 999.5 and power < len(NAMES) - 1:
        number, power = number / 1000, power + 1
    return f"{number:.3g}{NAMES[power]}"
