"""Where the tests of the engines compute: equal to the last bit is asked on the processor, in float32.

On a machine with a card they stay on the processor, unless ``PLAYGROUND_DEVICE`` says otherwise; what a card and a
half-precise number type change is asked in ``test_places.py``, to the tolerance that it states.
"""

from __future__ import annotations

import os

from engines.models import hardware, settings


def pytest_configure() -> None:
    if hardware.has_card():
        os.environ.setdefault(settings.DEVICE.name, "cpu")
