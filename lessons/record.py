"""Records the first paint of every experiment: ``python -m lessons.record [lesson or lesson/screen …]``.

Each experiment runs with the settings it has on its page, and what then stands in its places is kept in
``lessons/<key>/recorded`` (see :mod:`lessons.shell.recorded`). ``--check`` runs them and compares instead.
``--truths`` runs those that score a prediction and keeps only what they say of it.
``--seal`` keeps which bundled weights all records are of: do it once a change of weights is recorded; a test compares.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engines.evidence import Evidence, Provenance
from engines.models import weights
from engines.models.catalogue import MODELS
from lessons import course
from lessons.shell import film, recorded, waking
from lessons.shell.content import LESSONS
from lessons.shell.experiment import Experiment
from lessons.shell.frame import Outcome, built

SEAL = LESSONS / "recorded_weights.json"


def bundled() -> dict[str, str]:
    """The fingerprint of each folder of bundled weights."""
    return {folder.name: weights.fingerprint(folder) for folder in sorted(MODELS.iterdir()) if folder.is_dir()}


def experiments(wanted: Sequence[str] = ()) -> list[Experiment]:
    """The experiments of the course, or those whose names begin with one of ``wanted``."""
    import app

    app.build()
    keys = [key for unit in course.UNITS for key in unit.lessons]
    found = [one for key in keys for one in built[key].experiments if one.recordable]
    return [one for one in found if not wanted or any(one.name.startswith(name) for name in wanted)]


def run(one: Experiment) -> tuple[dict[Any, Any], dict[str, str], float, Outcome | None]:
    """What a run with the page's own settings leaves in the places, the models it used, its seconds, and what it says
    of the screen's prediction.

    The models are opened before the clock starts.
    """
    collections.deque(waking.models(one.queue), maxlen=0)
    began, worked = time.perf_counter(), _worked()
    places: dict[Any, Any] = {}
    models: dict[str, str] = {}
    last: Evidence | None = None
    values = [part.value for part in one.inputs]
    with film.small():
        for event in itertools.chain.from_iterable(one.events_of(values)):
            if isinstance(event, Evidence):
                last = event
                models = {"model": event.provenance.model, "revision": event.provenance.revision}
                event = replace(event, provenance=_recorded(event.provenance))
            places |= one.shown(event)
    return places, models, min(time.perf_counter() - began, _worked() - worked), one.outcome(last) if last else None


def same(one: Experiment) -> bool:
    """Whether a fresh run equals what is kept of it."""
    places, _, _, outcome = run(one)
    return recorded.same(one, places, outcome)


def _worked() -> float:
    """Seconds for which this process and those it has waited for were at work."""
    return sum(os.times()[:4])


def _recorded(source: Provenance) -> Provenance:
    return replace(source, badge="recorded")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lessons.record", description=__doc__)
    parser.add_argument("names", nargs="*", help="lessons or lesson/screen; all when left out")
    parser.add_argument("--check", action="store_true", help="compare a fresh run with what is kept")
    parser.add_argument("--truths", action="store_true", help="keep only what a fresh run says of the prediction")
    parser.add_argument("--seal", action="store_true", help="keep which bundled weights the records are of")
    asked = parser.parse_args(arguments)
    if asked.seal:
        SEAL.write_text(json.dumps(bundled(), indent=1) + "\n", encoding="utf-8")
        return 0
    differ = 0
    for one in experiments(asked.names):
        if asked.truths and (one.verdict is None or one.truth is None):
            continue
        places, models, seconds, outcome = run(one)
        if asked.truths:
            recorded.save_truth(one, outcome)
            print(f"{one.name} ({seconds:.1f} s): {outcome}", flush=True)
        elif asked.check:
            alike = recorded.same(one, places, outcome)
            differ += not alike
            print(f"{'same' if alike else 'DIFFERS':8}{one.name} ({seconds:.1f} s)", flush=True)
        else:
            path = recorded.save(one, places, models, seconds, outcome)
            print(f"{path.stat().st_size:8,} bytes {one.name} ({seconds:.1f} s)", flush=True)
    if not asked.check and not asked.truths:
        for key in {one.screen.lesson.key for one in experiments(asked.names)}:
            recorded.sweep(key)
            print(f"{recorded.weight(key):8,} bytes in all for {key}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
