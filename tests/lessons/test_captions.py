"""Captions: words the painter never met or has no room for are named, and an empty one is refused in words."""

from __future__ import annotations

import json
import re

import gradio as gr
import pytest

from engines.evidence import PlainError
from engines.stickers.world import OBJECTS
from lessons.shell import captions, controls, waking
from tests.lessons.common import NASTY, safe


def test_a_dragon_that_silently_becomes_a_parasol_is_told_of() -> None:
    assert "It never met “dragon” or “castle” in training." in captions.note("a dragon in front of a castle")
    many = captions.note("breathing dragons burn seventeen castles")
    assert "“breathing”, “dragons”, “burn” or 2 more" in many
    assert "never met" not in captions.note("three apples under a night sky")


def test_words_the_painter_has_no_room_for_are_told_of(painter, monkeypatch) -> None:
    monkeypatch.setattr(waking, "painter_in_memory", lambda: painter)
    long = "a red cat on a blue background " * 30
    assert "It has no room to read “" in captions.note(long[:400])
    with gr.Blocks():
        box, other = controls.caption("a cat"), gr.Textbox()
    assert "The painter had no room to read “" in captions.never_read([box, other], [long[:400], long[:400]])
    assert captions.never_read([box, other], ["a red cat", ""]) == ""


def test_another_painter_has_no_list_of_words(monkeypatch) -> None:
    monkeypatch.setattr(waking, "sticker_world_is_live", lambda: False)
    assert captions.panel() == "" and "never met" not in captions.note("a dragon")
    assert "known-words" not in captions.note("a dragon")


def test_an_empty_caption_is_refused_in_words() -> None:
    with gr.Blocks():
        needed, spare = controls.caption("a cat", "Second caption"), controls.caption("", needed=False)
    captions.check([needed, spare, gr.Number(render=False)], ["a cat", "", None])
    for nothing in ("", "  \n", None):
        with pytest.raises(PlainError, match="“Second caption” is empty"):
            captions.check([needed, spare], [nothing, ""])


def test_every_chip_is_something_the_painter_met() -> None:
    panel = captions.panel()
    words = re.findall(r'data-words="([^"]*)"', panel)
    assert len(words) == len(OBJECTS) + 7 + 12
    assert all(captions.unmet(one) == () for one in words)
    grounds = json.loads(re.search(r'data-grounds="([^"]*)"', panel)[1].replace("&#34;", '"'))  # type: ignore[index]
    assert "at night" in grounds and "on an orange background" in grounds


def test_nothing_typed_in_a_caption_becomes_markup() -> None:
    safe(captions.note(f"a cat {NASTY}"))
