"""Fields of whole numbers: what is typed arrives as it was typed, and what is no whole number is refused in words."""

from __future__ import annotations

import asyncio

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from engines.evidence import PlainError
from engines.pictures.diffusion import Painter
from lessons import course
from lessons.shell import events, frame, waking
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


def test_a_slider_whose_number_is_being_typed_asks_for_no_more_than_it_has() -> None:
    """Typed beyond its end, a box answered with an error of the server before it went back to the end by itself."""
    took: list[object] = []
    with events.Playground() as page:
        slider, field = gr.Slider(2, 12, 4, step=1), gr.Number(3)
        slider.change(lambda *values: took.append(values), [slider, field])
    handler = next(iter(page.fns.values()))
    for sent in (99, -5, 1e30, 7, None):
        took.append(asyncio.run(page.preprocess_data(handler, [sent, 3], None)))
    assert [values[0] for values in took] == [12, 2, 12, 7, 2]  # type: ignore[index]
    wider = SessionState(page)
    wider[slider._id] = gr.Slider(2, 300, 4, step=1)
    assert asyncio.run(page.preprocess_data(handler, [99, 3], wider))[0] == 99, "its end was moved for this visitor"
