"""The recorded first paint: what each experiment showed when it was last recorded, drawn before anything runs.

``python -m lessons.record`` makes the files in ``lessons/<key>/recorded``: one JSON for each experiment with what
stood in its places; beside it the pictures, and what its drawers hold. A record names the models it was made with.
"""

from __future__ import annotations

import array
import base64
import hashlib
import itertools
import json
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from lessons.shell.content import ADDRESS, LESSONS, folder

if TYPE_CHECKING:
    from lessons.shell.experiment import Experiment
    from lessons.shell.frame import Outcome

PICTURE = re.compile(r"data:image/webp;base64,([A-Za-z0-9+/=]+)")
SECONDS = re.compile(r"\d+(\.\d+)? (ms|s|seconds?)\b|\d+(\.\d+)? (passes|keys) a second")
DOWNLOAD = re.compile(r'<button type="button" class="link" data-action="download".*?</button>', re.DOTALL)
"""Left out of a record: its file says what the table says, at the cost of a third of the page."""
STORED = re.compile(rf'{ADDRESS}/recorded/[^")]*')
RUN = re.compile(r'data-(run|payload)="[^"]*"|"key": "[\d.]*"')
PACKED = re.compile(r'"(roots|with|without)": "([A-Za-z0-9+/=]*)"')
"""Packed for a script: shares as 65535ths, guesses of noise as thousandths. Their last digit differs with the number
of threads."""
STEPS = re.compile(r'data-others="([A-Za-z0-9+/=]*)"')
"""Packed for a script: sorted distances, a bit 0 for a step and a 1 for a number that lies there. On the edge between
two steps it lies on either, as the machine rounds."""
NUMBER = re.compile(r"\d+(?:\.\d+)?")
DRAWER = re.compile(r'<details class="drawer"><summary>([^<]*)</summary>(.*?)</details>', re.DOTALL)
KEPT_DRAWER = re.compile(r'<details class="drawer" data-from="([^"]*)"><summary>([^<]*)</summary></details>')
"""What a drawer holds is fetched when it is opened."""


def place_names(one: Experiment) -> dict[str, Any]:
    """The places of an experiment that a record fills, by the name they have in its file.

    What experiments before it on the page fill too is in their records.
    """
    before = itertools.takewhile(lambda other: other is not one, one.screen.page.experiments)
    theirs = {id(place) for other in before if other.recordable for place in other.places}
    shown = {"result": one.result}
    shown |= {f"view-{number}": view for number, view in enumerate(one.shows) if not _is_state(view)}
    shown |= {f"fill-{number}": view for number, view in enumerate(one.fills) if not _of_learner(view)}
    return {name: place for name, place in shown.items() if id(place) not in theirs}


def _is_state(place: Any) -> bool:
    return isinstance(place, gr.State | gr.BrowserState)


def _of_learner(place: Any) -> bool:
    """Whether a place tells what this learner did: a state, or what another experiment says under its button."""
    return _is_state(place) or "status" in (getattr(place, "elem_classes", None) or ())


def file_of(name: str) -> Path:
    """The file of the experiment ``lesson/screen`` or ``lesson/screen/key``."""
    lesson, _, rest = name.partition("/")
    return folder(lesson) / "recorded" / f"{rest.replace('/', '.')}.json"


@cache
def read(name: str) -> dict[str, Any] | None:
    """What was recorded of an experiment: ``models``, ``seconds``, ``places``, and where it scores a prediction
    ``truth``; None where nothing was.
    """
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


def save(
    one: Experiment, places: Mapping[Any, Any], models: Mapping[str, str], seconds: float, outcome: Outcome | None
) -> Path:
    """Write what a run of the experiment left in its places; pictures and drawers become files, each once."""
    path = file_of(one.name)
    path.parent.mkdir(exist_ok=True)
    kept = {name: _plain(places[place], path.parent) for name, place in place_names(one).items() if place in places}
    record = {"models": dict(models), "seconds": round(seconds, 1), "places": kept} | _truth(outcome)
    return _write(path, record)


def save_truth(one: Experiment, outcome: Outcome | None) -> Path:
    """Write what a run says of the screen's prediction, and leave the rest of the record as it is."""
    kept = {key: value for key, value in (read(one.name) or {}).items() if key != "truth"}
    return _write(file_of(one.name), kept | _truth(outcome))


def _truth(outcome: Outcome | None) -> dict[str, Any]:
    """In a record: the measurement in words, the number of the choice that came true, and those that it cannot tell
    from it.
    """
    return {} if outcome is None else {"truth": [outcome.measured, outcome.index, *sorted(outcome.others)]}


def _write(path: Path, record: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    read.cache_clear()
    return path


def _plain(value: Any, place: Path | None) -> Any:
    """A place's value as JSON: charts as gradio sends them, pictures and drawers as files of the folder ``place``."""
    if hasattr(value, "to_plotly_json"):
        figure = json.loads(value.to_json())
        figure.get("layout", {}).pop("template", None)
        return {"type": "plotly", "plot": json.dumps(figure)}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry, place) for key, entry in value.items()}
    if isinstance(value, str):
        value = DOWNLOAD.sub("", value)
        if place is None:
            return value
        value = PICTURE.sub(lambda match: _as_file(base64.b64decode(match[1]), "webp", place), value)
        return DRAWER.sub(lambda match: _closed(match[1], _as_file(match[2].encode(), "html", place)), value)
    return value


def _as_file(data: bytes, kind: str, place: Path) -> str:
    """The address of the data, kept in the folder ``place`` under a name that follows from it."""
    path = place / f"{hashlib.sha256(data).hexdigest()[:12]}.{kind}"
    path.write_bytes(data)
    return f"{ADDRESS}/recorded/{path.relative_to(LESSONS).parts[0]}/{path.name}"


def _closed(title: str, address: str) -> str:
    return f'<details class="drawer" data-from="{address}"><summary>{title}</summary></details>'


def _opened(match: re.Match[str]) -> str:
    address, title = match.groups()
    lesson, name = address.split("/")[-2:]
    body = (folder(lesson) / "recorded" / name).read_text(encoding="utf-8")
    return f'<details class="drawer"><summary>{title}</summary>{body}</details>'


def same(one: Experiment, places: Mapping[Any, Any], outcome: Outcome | None) -> bool:
    """Whether a fresh run shows the same words, and numbers within rounding; times, pictures and run keys apart."""
    kept = read(one.name)
    if kept is None:
        return False
    told = {"truth": kept["truth"]} if "truth" in kept else {}
    recorded = kept["places"] | told
    fresh = {name: _plain(places[place], None) for name, place in place_names(one).items() if place in places}
    fresh |= _truth(outcome) if told else {}
    return recorded.keys() == fresh.keys() and all(
        _alike(json.dumps(_words(value)), json.dumps(_words(fresh[name]))) for name, value in recorded.items()
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
    if isinstance(value, list):
        return [_words(entry) for entry in value]
    if not isinstance(value, str):
        return value
    value = STEPS.sub(_distances, PACKED.sub(_unpacked, KEPT_DRAWER.sub(_opened, value)))
    for pattern in (PICTURE, STORED, RUN, SECONDS):
        value = pattern.sub("", value)
    return value


def _distances(match: re.Match[str]) -> str:
    places = np.flatnonzero(np.unpackbits(np.frombuffer(base64.b64decode(match[1]), np.uint8)))
    steps = places - np.arange(len(places))
    return " ".join(f"{step / 10:.1f}" for step in steps[::50])


def _unpacked(match: re.Match[str]) -> str:
    kind, unit = ("H", 655.35) if match[1] == "roots" else ("h", 100)
    numbers = array.array(kind, base64.b64decode(match[2]))
    if sys.byteorder == "big":
        numbers.byteswap()
    return " ".join(f"{max(one, 0) / unit:.2f} {max(-one, 0) / unit:.2f}" for one in numbers)  # nearly 0 has no sign


def sweep(lesson: str) -> None:
    """Delete the pictures and drawers that no record of the lesson names any more."""
    place = folder(lesson) / "recorded"
    named = "".join(path.read_text(encoding="utf-8") for path in place.glob("*.json"))
    for file in (*place.glob("*.webp"), *place.glob("*.html")):
        if file.name not in named:
            file.unlink()


def weight(lesson: str) -> int:
    """The bytes of a lesson's records, with their pictures and drawers."""
    return sum(path.stat().st_size for path in (folder(lesson) / "recorded").glob("*"))
