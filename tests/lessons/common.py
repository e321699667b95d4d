"""Small steps that many lesson tests take."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

NASTY = '<script>alert(1)</script><img src=x onerror="alert(2)">\u202e'


def last(results: Iterable[Any]) -> Any:
    *_, final = results
    return final


def run(snippet: str) -> Any:
    """What a code drawer's snippet leaves in ``result``."""
    scope: dict[str, Any] = {}
    exec(compile(snippet, "snippet", "exec"), scope)
    return scope["result"]


def same_pictures(painted: Iterable[Any], expected: Any) -> None:
    """Equal to one shade of 255: the same arithmetic in batches of another size may round the other way."""
    np.testing.assert_allclose(np.stack([np.asarray(one, np.int16) for one in painted]), expected, rtol=0, atol=1)


def safe(markup: str) -> None:
    assert "<script" not in markup and "<img src=x" not in markup and "\u202e" not in markup


def whole(text: object) -> str:
    """Without the bytes that are no character, which the page shows as ‹0x8A› and tokenizers as �."""
    return re.sub("\ufffd|‹0x..›", "", str(text))
