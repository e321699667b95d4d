"""Experiments that paint in view: every pass is told, and a closed run ends after the pass it is in."""

from __future__ import annotations

from functools import partial

import pytest

from engines.evidence import Underway
from lessons.guidance import dice, edit, sweep
from lessons.noising import clay, turn

CAPTION = "a red cat"
EXPERIMENTS = {
    "nudge": partial(clay.nudge, steps=3),
    "poke": partial(clay.poke, seeds=1, steps=3),
    "walk": partial(clay.walk, steps=3),
    "repaint": partial(clay.repaint, new_caption="two dog", steps=3),
    "fewer": partial(clay.compare_steps, seeds=1, choices=(2, 3)),
    "turn": partial(turn.turn, second="two dog", seeds=1, steps=3),
    "sweep": partial(sweep.sweep, seeds=1, steps=3),
    "dice": partial(dice.dice, seeds=2, steps=3),
    "negate": partial(edit.negate, negative="two dog", seeds=1, steps=3),
    "reweigh": partial(edit.reweigh, word="red", seeds=1, steps=3),
    "swap": partial(edit.swap_word, word="cat", other="dog", hold=2, seeds=1, steps=3),
}


@pytest.fixture
def passed(painter):
    """One entry for every pass that the painter has made."""
    made: list[int] = []
    hook = painter.unet.register_forward_hook(lambda *_: made.append(1))
    yield made
    hook.remove()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_pass_is_told_and_a_closed_run_ends_after_it(painter, passed, name):
    experiment = EXPERIMENTS[name](painter, CAPTION)
    first, second = next(experiment), next(experiment)
    assert (first.share, second.share) == pytest.approx((1 / 3, 2 / 3))
    assert first.words.endswith(": pass 1 of 3") and second.words.endswith(": pass 2 of 3")
    experiment.close()
    assert len(passed) == 2
    passed.clear()
    told = [event for event in EXPERIMENTS[name](painter, CAPTION) if isinstance(event, Underway)]
    assert len(told) == len(passed) >= 3
