"""Composes the course into pages and serves it. Run ``python app.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.evidence import PlainError
from engines.models import settings  # engines come first: they quieten gradio before it is imported
from lessons import course
from lessons.shell import home, pages, serving, teachers, waking

if TYPE_CHECKING:
    import gradio as gr


def build() -> gr.Blocks:
    """The whole playground; no engine is loaded until a learner uses it."""
    playground = pages.blank()
    with playground:
        with pages.page(playground, pages.START):
            home.home()
        for unit in course.UNITS:
            for key in unit.lessons:
                with pages.page(playground, key):
                    course.page(key).build()
        with pages.page(playground, teachers.TEACHERS):
            teachers.page()
    return playground


def main() -> None:
    try:
        settings.check()
        serving.port()
        waking.prepare()
        serving.launch(build())
    except PlainError as error:
        raise SystemExit(f"The playground cannot start. {error}") from error


if __name__ == "__main__":
    main()
