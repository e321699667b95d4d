"""Scripts of views as files that a browser keeps: a page only names them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lessons.shell.content import ADDRESS

GIVEN = "element, trigger, props, server, upload, watch"
"""What gradio gives to the ``js_on_load`` of a ``gr.HTML``."""

# version -> the script, as the server sends it
_known: dict[str, str] = {}


def script(*files: Path) -> str:
    """``js_on_load`` of a view that the ``files``, one scope together, bring to life.

    It is fetched by ``playground.js``, which keeps what is pressed meanwhile.
    """
    body = "\n".join(file.read_text(encoding="utf-8") for file in files)
    code = f"export default function ({GIVEN}) {{\n{body}\n}}\n"
    version = hashlib.sha256(code.encode()).hexdigest()[:10]
    _known[version] = code
    return f'playground.view(element, "{ADDRESS}/view-{version}.js", (begin) => begin({GIVEN}));'


def read(version: str) -> str | None:
    """The script of that version, as an ECMAScript module; None where no view has it."""
    return _known.get(version)
