"""Small steps that many lesson tests take."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest import mock

from PIL import Image

from engines.models import catalogue, weights
from engines.pictures import painter
from engines.text import snippets

NASTY = '<script>alert(1)</script><img src=x onerror="alert(2)">\u202e'


def last(results: Iterable[Any]) -> Any:
    *_, final = results
    return final


def run(snippet: str) -> Any:
    """What a code drawer's snippet leaves in ``result``; what it would download is taken from this machine's cache."""
    for lines in (snippets.loading, snippets.tokenizing):
        if (package := lines(snippets.SMOLLM2)) in snippet:
            snippet = snippet.replace(package, lines(str(weights.ensure(catalogue.SMOLLM2_135M).path)))
    if (merges := repr(catalogue.CLIP_MERGES.member)) in snippet:
        snippet = snippet.replace(merges, repr(str(weights.ensure_file(catalogue.CLIP_MERGES))))
    return shown(snippet)[0]


def shown(snippet: str) -> tuple[Any, str, list[str]]:
    """What a snippet leaves in ``result``, what it prints, and the names of the pictures it would save."""
    if named := re.search(r"^FOLDER = '(.+)'(?=  # the painter's weights)", snippet, re.MULTILINE):
        places = [one.source for one in painter.loaded() if Path(one.source).name == named[1]]
        snippet = snippet.replace(named[0], f"FOLDER = {places[-1]!r}")
    scope: dict[str, Any] = {}
    saved: list[str] = []
    with (
        contextlib.redirect_stdout(io.StringIO()) as printed,
        mock.patch.object(Image.Image, "save", lambda picture, name, *_, **__: saved.append(str(name))),
    ):
        exec(compile(snippet, "snippet", "exec"), scope)
    return scope["result"], printed.getvalue(), saved


def safe(markup: str) -> None:
    assert "<script" not in markup and "<img src=x" not in markup and "\u202e" not in markup


def whole(text: object) -> str:
    """Without the bytes that are no character, which the page shows as ‹0x8A› and tokenizers as �."""
    return re.sub("\ufffd|‹0x..›", "", str(text))
