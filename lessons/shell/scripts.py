"""Scripts of views as files that a browser keeps: a page only names them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lessons.shell.content import ADDRESS

GIVEN = "element, trigger, props, server, upload, watch"
"""What gradio gives to the ``js_on_load`` of a ``gr.HTML``."""

_EARLY = """const early = [], keep = (event) => {{
  const button = event.target.closest("button:not([data-action])");
  if (button) early.push(button);
}};
element.addEventListener("click", keep);
import({address}).then((view) => {{
  view.default({given});
  element.removeEventListener("click", keep);
  early.forEach((button) => button.click());
}});"""

# version -> the script, as the server sends it
_known: dict[str, str] = {}


def script(*files: Path) -> str:
    """``js_on_load`` of a view that the ``files``, one scope together, bring to life.

    The view is on the page before its script is. A press of one of its buttons meanwhile is kept, and made once the
    script is there; what ``playground.js`` answers (``data-action``) needs no such care.
    """
    body = "\n".join(file.read_text(encoding="utf-8") for file in files)
    code = f"export default function ({GIVEN}) {{\n{body}\n}}\n"
    version = hashlib.sha256(code.encode()).hexdigest()[:10]
    _known[version] = code
    address = f'new URL("{ADDRESS}/view-{version}.js", document.baseURI)'
    return _EARLY.format(address=address, given=GIVEN)


def read(version: str) -> str | None:
    """The script of that version, as an ECMAScript module; None where no view has it."""
    return _known.get(version)
