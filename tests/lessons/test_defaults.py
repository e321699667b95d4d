"""Default inputs chosen by measurement: the table is of today's weights, and the page begins with what it chose."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lessons import defaults
from lessons.attention import measures as words
from lessons.guidance import edit, measures
from lessons.noising import own
from lessons.shell.experiment import Experiment
from lessons.shell.frame import built


@pytest.mark.parametrize("one", defaults.choices(), ids=lambda one: one.screen)
def test_a_default_is_chosen_from_a_measured_table_because_it_shows_the_effect(one):
    table = defaults.kept()[one.screen]
    assert table["model"] == one.with_model(), "python -m lessons.defaults"
    rows = {tuple(row["inputs"]): row["figures"] for row in table["rows"]}
    assert rows.keys() == set(one.candidates) and one.why
    assert one.shows(rows[one.chosen]) or not any(map(one.shows, rows.values()))


def test_a_table_is_measured_and_kept_beside_the_others(tmp_path, monkeypatch):
    choice = defaults.Choice(
        "tenth/strip", ("b",), (("a",), ("b",)), lambda text: {"length": len(text) / 3}, lambda figures: True, "why",
        lambda: "abc",
    )  # fmt: skip
    monkeypatch.setattr(defaults, "FILE", tmp_path / "defaults.json")
    monkeypatch.setattr(defaults, "choices", lambda wanted: [choice])
    defaults.FILE.write_text(json.dumps({"other": {}}))
    defaults.main([])
    assert defaults.kept() == {
        "other": {},
        "tenth/strip": {
            "model": "abc", "rows": [{"inputs": [text], "figures": {"length": 0.3333}} for text in ("a", "b")],
        },
    }  # fmt: skip


def test_guidance_begins_with_what_was_chosen():
    chosen = {one.screen: one.chosen for one in defaults.choices(["guidance"])}
    for kind in ("weigh", "negative"):
        assert chosen[f"guidance/edit/{kind}"][0] == edit.OFFERED[kind][0]
    assert (*edit.OFFERED["swap"], edit.OTHER) == chosen["guidance/edit/swap"]
    assert edit.NEGATIVE == chosen["guidance/edit/negative"][1]
    assert edit.OFFERED["weigh"] == chosen["guidance/edit/weigh"]
    begins = {"one-by-one": measures.WORDS, "maps": measures.PAIR, "sweep": measures.OVERCOOKED, "dice": measures.OPEN}
    for key, caption in begins.items():
        assert chosen[f"guidance/{key}"] == (caption,)


def _flat(value: Any) -> list[Any]:
    return [one for part in value for one in _flat(part)] if isinstance(value, list | tuple) else [value]


def _begins(pages: dict[str, Experiment], screen: str) -> list[Any]:
    """The inputs that stand on the page at first for a table: a play's or a kind's are those of its screen."""
    if screen in pages:
        values = [part.value for part in pages[screen].inputs]
        if screen == "noising/own":  # points of the drawing stand there, and not its name
            drawn = np.array(json.loads(values[0]))
            away = {name: np.linalg.norm(drawn[:, None] - own.preset(name), axis=-1).min(1) for name in own.PRESETS}
            values = [name for name, distance in away.items() if distance.max() < 0.1]
    elif screen == "attention/silencing/sentence":
        values = [words.chosen(pages["attention/silencing"].inputs[0].value).text]
    elif screen.startswith("noising/clay/"):
        values = [part.value for part in pages["noising/clay"].inputs]
    else:
        name, _, kind = screen.rpartition("/")
        _, caption, word, *others = (part.value for part in pages[name].inputs)
        values = [*edit.offered(kind, caption, word), *others]
    return _flat(values)


def _same(wanted: str, value: Any) -> bool:
    try:
        return wanted == str(value) or float(wanted) == float(value)
    except (TypeError, ValueError):
        return False


@pytest.fixture(scope="module")
def pages() -> dict[str, Experiment]:
    import app

    app.build()
    return {one.name: one for lesson in built.values() for one in lesson.experiments}


@pytest.mark.parametrize("choice", defaults.choices(), ids=lambda one: one.screen)
def test_a_page_begins_with_what_was_chosen_for_it(pages, choice):
    """The rabbit and the cat, the painter's worst, were the defaults; now the page's own controls hold the choice."""
    begins = _begins(pages, choice.screen)
    for wanted in choice.chosen:
        assert any(_same(wanted, value) for value in begins), (wanted, begins)
