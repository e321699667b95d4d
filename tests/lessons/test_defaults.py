"""Default inputs chosen by measurement: the table is of today's weights, and the page begins with what it chose."""

from __future__ import annotations

import json

import pytest

from lessons import defaults
from lessons.guidance import edit, measures


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
    begins = {"one-by-one": measures.WORDS, "maps": measures.PAIR, "sweep": measures.OVERCOOKED, "dice": measures.PAIR}
    for key, caption in begins.items():
        assert chosen[f"guidance/{key}"] == (caption,)


def test_a_page_begins_with_what_was_chosen_for_it():
    """The rabbit and the cat, the painter's worst, were the defaults; now the page's own controls hold the choice."""
    import app
    from lessons.shell.frame import built

    app.build()
    pages = {one.name: one for lesson in built.values() for one in lesson.experiments}
    compared = 0
    for choice in defaults.choices():
        if one := pages.get(choice.screen):
            begins = " ".join(str(part.value) for part in one.inputs)
            for wanted in choice.chosen:
                assert wanted in begins or wanted == "spiral", (choice.screen, wanted)
            compared += 1
    assert compared >= 6
