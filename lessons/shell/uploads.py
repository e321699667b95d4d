"""Pictures that learners bring: through the API as text, or on a page as a file."""

from __future__ import annotations

import base64
import binascii
import os
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from engines.evidence import PlainError

MAX_PAYLOAD = 30_000_000
OWN = "your picture"
"""What a learner's own picture is called among the bundled ones."""


def picture_bytes(sent: Any, names: Collection[str]) -> bytes:
    """The picture file behind base64 text, a data URI, or what ``gradio_client.handle_file`` makes of a file.

    PlainError offers the bundled ``names`` when it is none of these.
    """
    ask = "Send a picture as base64, data URI or handle_file(…)" + (
        f", or one of the names {', '.join(names)}." if names else "."
    )
    if isinstance(sent, dict) and isinstance(sent.get("path"), str):
        return _uploaded(sent["path"])
    if not isinstance(sent, str):
        raise PlainError(ask)
    if len(sent) > MAX_PAYLOAD:
        raise PlainError("The picture is too large. Send at most 20 megabytes.")
    try:
        data = base64.b64decode(sent.rpartition("base64,")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise PlainError(ask) from error
    if not data:
        raise PlainError(ask)
    return data


def _uploaded(path: str) -> bytes:
    """A file that gradio has taken from a caller; no other file of this machine is opened."""
    folder = Path(os.environ.get("GRADIO_TEMP_DIR") or Path(tempfile.gettempdir()) / "gradio").resolve()
    try:
        file = Path(path).resolve()
        if not (file.is_relative_to(folder) and file.is_file()):
            raise PlainError("That file was not sent to this server. Send your own with handle_file(…).")
        if file.stat().st_size > MAX_PAYLOAD:
            raise PlainError("The picture is too large. Send at most 20 megabytes.")
        return file.read_bytes()
    except (OSError, ValueError) as error:
        raise PlainError("That file cannot be read. Send it again.") from error


def named_or_sent(text: Any, names: Collection[str]) -> tuple[str, bytes | None]:
    """(name, None) of a bundled picture, or (:data:`OWN`, its file) of one sent as :func:`picture_bytes` takes it."""
    if isinstance(text, str) and text in names:
        return text, None
    return OWN, picture_bytes(text, names)
