"""Composes the course into tabs and serves it. Run ``python app.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessons import course
from lessons.shell import events, home, navigation, theme, workshop

if TYPE_CHECKING:
    import gradio as gr


def build() -> gr.Blocks:
    """The whole playground; no engine is loaded until a learner uses it."""
    with theme.blocks().queue(max_size=64, default_concurrency_limit=4, api_open=False) as playground:
        home.header()
        with navigation.tabs() as tabs:
            with tabs.page("", "Start"):
                home.home()
            for unit in course.UNITS:
                with tabs.unit(unit):
                    for key in unit.lessons:
                        with tabs.lesson(key):
                            course.page(key).build()
        events.wire_loads()
    return playground


def main() -> None:
    workshop.prepare()
    build().launch(max_file_size="20mb", **theme.launch_options())


if __name__ == "__main__":
    main()
