"""Letters in pictures and pictures in letters, measured: engine events in, Evidence out.

What the experiments share. Read them as the lesson goes: :mod:`signs`, :mod:`causes`, :mod:`ceilings` and
:mod:`mirror`.
"""

from __future__ import annotations

from collections.abc import Callable

ShouldStop = Callable[[], bool]
