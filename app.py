"""Composes the course into tabs and serves it. Run ``python app.py``."""

from __future__ import annotations

import gradio as gr

from lessons import course
from lessons.shell import home, navigation, theme, workshop


def build() -> gr.Blocks:
    """The whole playground; no engine is loaded until a learner uses it."""
    with theme.blocks() as playground:
        home.header()
        with navigation.tabs() as tabs:
            with tabs.page("", "Start"):
                home.home()
            for unit in course.UNITS:
                with tabs.unit(unit):
                    for key in unit.lessons:
                        with tabs.lesson(key):
                            course.page(key).build()
    return playground.queue(max_size=64, default_concurrency_limit=4, api_open=False)


def main() -> None:
    workshop.prepare()
    build().launch(max_file_size="20mb", **theme.launch_options())


if __name__ == "__main__":
    main()
