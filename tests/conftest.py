"""What all tests share: names that say which case failed, short and the same in every process."""

from __future__ import annotations

import gc
import os
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
"""Before torch is imported. Two workers on two cores: threads that wait for each other are slower than one each."""


def pytest_make_parametrize_id(val: Any, argname: str) -> str | None:
    """The argument's name for bytes, long text and long numbers, of which a test's name would hold every byte."""
    raw = isinstance(val, bytes) or (isinstance(val, str) and (len(val) > 80 or not val.isprintable()))
    raw |= isinstance(val, int) and abs(val) > 10**20
    return argname if raw else None


def pytest_collection_finish() -> None:
    """What has been imported stays, and need not be looked through each time that a test puts a model away."""
    gc.collect()
    gc.freeze()
