"""Tabs for units, tabs for their lessons, and an address for each (``?lesson=sampling``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import gradio as gr

from lessons.course import Unit
from lessons.shell.content import read_lesson


class Navigation:
    """Opens one tab after another; the addresses themselves are kept by ``playground.js``."""

    @contextmanager
    def page(self, key: str, title: str) -> Iterator[None]:
        with gr.Tab(title, id=key or "start", elem_id=f"tab-{key or 'start'}", elem_classes=["page"]):
            yield

    def unit(self, unit: Unit) -> Any:
        return self._unit(unit) if unit.lessons else nullcontext()

    @contextmanager
    def _unit(self, unit: Unit) -> Iterator[None]:
        with gr.Tab(unit.title, id=unit.key, elem_id=f"tab-unit-{unit.key}", elem_classes=["unit", f"ink-{unit.ink}"]):
            with gr.Tabs(elem_classes=["lesson-tabs"], elem_id=f"unit-{unit.key}", overflow_behavior="wrap"):
                yield

    @contextmanager
    def lesson(self, key: str) -> Iterator[None]:
        with gr.Tab(read_lesson(key).tab, id=key, elem_id=f"tab-{key}", elem_classes=["lesson-tab"]):
            yield


@contextmanager
def tabs() -> Iterator[Navigation]:
    with gr.Tabs(elem_id="units", overflow_behavior="wrap"):
        yield Navigation()
