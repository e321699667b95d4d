"""Fields of whole numbers: what is typed arrives as it was typed, and what is no whole number is refused in words."""

from __future__ import annotations

import gradio as gr
import pytest

from engines.evidence import PlainError
from engines.pictures.diffusion import Painter
from lessons import course
from lessons.shell import frame, waking
from tests.engines import tiny_text

KEYS = [key for unit in course.UNITS for key in unit.lessons]


@pytest.fixture(scope="module", params=KEYS)
def fields(request: pytest.FixtureRequest) -> tuple[str, list[gr.Number]]:
    with gr.Blocks() as blocks:
        course.page(request.param).build()
    return request.param, [block for block in blocks.blocks.values() if isinstance(block, gr.Number)]


def test_a_whole_number_stays_one_and_no_other_is_rounded(fields: tuple[str, list[gr.Number]]) -> None:
    """With gradio's precision=0 a typed seed of 7.5 ran as 8."""
    for field in fields[1]:
        seven, half = field.preprocess(7), field.preprocess(7.5)
        assert seven == 7 and isinstance(seven, int) and half == 7.5
        assert isinstance(field.value, int | None) and field.postprocess(7) == 7


@pytest.mark.parametrize(
    ("wrong", "words"), [(7.5, r"whole number.*7\.5"), (-3, r"-3|−3"), (2**53, "9007199254740992")]
)
def test_what_is_no_whole_number_in_bounds_is_refused_in_our_own_words(
    fields: tuple[str, list[gr.Number]], painter: Painter, monkeypatch: pytest.MonkeyPatch, wrong: float, words: str
) -> None:
    text, pictures = (lambda progress: tiny_text.tiny()), (lambda progress: painter)
    monkeypatch.setattr(waking, "OPENERS", {"text": (text,), "pictures": (pictures,), "both": (text, pictures)})
    assert all(field.preprocess(wrong) == wrong for field in fields[1])  # gradio's own words named no field
    for one in frame.built[fields[0]].experiments:
        for at, part in enumerate(one.inputs):
            if isinstance(part, gr.Number) and part.visible and part.value is not None:  # what this run reads
                values = [getattr(each, "value", None) for each in one.inputs]
                with pytest.raises(PlainError, match=words):
                    list(one.events_of([*values[:at], wrong, *values[at + 1 :]]))
