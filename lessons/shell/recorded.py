"""The recorded first paint: what each experiment showed when it was last recorded, drawn before anything runs.

``python -m lessons.record`` makes the files in ``lessons/<key>/recorded``: one JSON for each experiment with what
stood in its places, the pictures beside it. A record names the models it was made with.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from lessons.shell.content import LESSONS, folder

if TYPE_CHECKING:
    from lessons.shell.experiment import Experiment

PICTURE = re.compile(r"data:image/webp;base64,([A-Za-z0-9+/=]+)")
SECONDS = re.compile(r"\d+(\.\d+)? s\b|\d+(\.\d+)? (passes|keys) a second")
DOWNLOAD = re.compile(r'<button type="button" class="link" data-action="download".*?</button>', re.DOTALL)
"""Left out of a record: its file says what the table says, at the cost of a third of the page."""
NUMBER = re.compile(r"\d+(?:\.\d+)?")
ADDRESS = "course/recorded"
"""Where the server offers the pictures; see :mod:`lessons.shell.serving`."""


def place_names(one: Experiment) -> dict[str, Any]:
    """The places of an experiment that a record fills, by the name they have in its file."""
    shown = {"result": one.result}
    shown |= {f"view-{number}": view for number, view in enumerate(one.shows) if not _is_state(view)}
    return shown | {f"fill-{number}": view for number, view in enumerate(one.fills) if not _is_state(view)}


def _is_state(place: Any) -> bool:
    return isinstance(place, gr.State | gr.BrowserState)


def file_of(name: str) -> Path:
    """The file of the experiment ``lesson/screen`` or ``lesson/screen/key``."""
    lesson, _, rest = name.partition("/")
    return folder(lesson) / "recorded" / f"{rest.replace('/', '.')}.json"


@cache
def read(name: str) -> dict[str, Any] | None:
    """What was recorded of an experiment: ``models``, ``seconds`` and ``places``; None where nothing was."""
    path = file_of(name)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def paint(one: Experiment) -> None:
    """Give the places of an experiment what was recorded of it."""
    kept = read(one.name)
    if kept is None:
        return
    for name, place in place_names(one).items():
        value = kept["places"].get(name)
        if value is None:
            continue
        place.value = value
    if one.cost is not None and kept.get("seconds"):
        one.pace = kept["seconds"] / max(one.cost(*(part.value for part in one.inputs)), 1)


def save(one: Experiment, places: Mapping[Any, Any], models: Mapping[str, str], seconds: float) -> Path:
    """Write what a run of the experiment left in its places; pictures become files, each once."""
    path = file_of(one.name)
    path.parent.mkdir(exist_ok=True)
    kept = {name: _plain(places[place], path.parent) for name, place in place_names(one).items() if place in places}
    record = {"models": dict(models), "seconds": round(seconds, 1), "places": kept}
    path.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    read.cache_clear()
    return path


def _plain(value: Any, pictures: Path | None) -> Any:
    """A place's value as JSON: charts as gradio sends them, pictures as addresses of files."""
    if hasattr(value, "to_plotly_json"):
        figure = json.loads(value.to_json())
        figure.get("layout", {}).pop("template", None)
        return {"type": "plotly", "plot": json.dumps(figure)}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry, pictures) for key, entry in value.items()}
    if isinstance(value, str):
        value = DOWNLOAD.sub("", value)
        return value if pictures is None else PICTURE.sub(lambda match: _as_file(match[1], pictures), value)
    return value


def _as_file(encoded: str, pictures: Path) -> str:
    data = base64.b64decode(encoded)
    path = pictures / f"{hashlib.sha256(data).hexdigest()[:12]}.webp"
    path.write_bytes(data)
    return f"{ADDRESS}/{path.relative_to(LESSONS).parts[0]}/{path.name}"


def same(one: Experiment, places: Mapping[Any, Any]) -> bool:
    """Whether a fresh run shows the same words, and numbers within rounding; times, pictures and run keys apart."""
    kept = read(one.name)
    if kept is None:
        return False
    fresh = {name: _plain(places[place], None) for name, place in place_names(one).items() if place in places}
    return kept["places"].keys() == fresh.keys() and all(
        _alike(json.dumps(_words(value)), json.dumps(_words(fresh[name]))) for name, value in kept["places"].items()
    )


def _alike(one: str, other: str) -> bool:
    """The same words, and numbers as near as another number of threads lets them be."""
    near = (
        abs(float(a) - float(b)) <= max(0.02 * abs(float(a)), 0.51)
        for a, b in zip(NUMBER.findall(one), NUMBER.findall(other), strict=False)
    )
    return NUMBER.sub("#", one) == NUMBER.sub("#", other) and all(near)


def _words(value: Any) -> Any:
    """What must be equal of a place: its text without what differs from run to run."""
    if isinstance(value, Mapping):
        return {key: _words(entry) for key, entry in value.items()}
    if not isinstance(value, str):
        return value
    for pattern in (PICTURE, re.compile(rf"{ADDRESS}/[^\"]*"), re.compile(r'data-(run|payload)="[^"]*"'), SECONDS):
        value = pattern.sub("", value)
    return value


def sweep(lesson: str) -> None:
    """Delete the pictures that no record of the lesson names any more."""
    place = folder(lesson) / "recorded"
    named = "".join(path.read_text(encoding="utf-8") for path in place.glob("*.json"))
    for picture in place.glob("*.webp"):
        if picture.name not in named:
            picture.unlink()


def weight(lesson: str) -> int:
    """The bytes of a lesson's records, pictures included."""
    return sum(path.stat().st_size for path in (folder(lesson) / "recorded").glob("*"))
