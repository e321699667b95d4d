"""Pictures that learners bring: through the API as text, or on a page as a file."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from typing import Any

from engines.evidence import PlainError

MAX_PAYLOAD = 30_000_000
OWN = "your picture"
"""What a learner's own picture is called among the bundled ones."""


def picture_bytes(text: Any, names: Collection[str]) -> bytes:
    """The file behind base64 text or a data URI; PlainError offers the bundled ``names`` when it is neither."""
    ask = "Send a picture as base64 or data URI" + (f", or one of the names {', '.join(names)}." if names else ".")
    if not isinstance(text, str):
        raise PlainError(ask)
    if len(text) > MAX_PAYLOAD:
        raise PlainError("The picture is too large. Send at most 20 megabytes.")
    try:
        data = base64.b64decode(text.rpartition("base64,")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise PlainError(ask) from error
    if not data:
        raise PlainError(ask)
    return data


def named_or_sent(text: Any, names: Collection[str]) -> tuple[str, bytes | None]:
    """(name, None) of a bundled picture, or (:data:`OWN`, its file) of one sent as :func:`picture_bytes` takes it."""
    if isinstance(text, str) and text in names:
        return text, None
    return OWN, picture_bytes(text, names)
