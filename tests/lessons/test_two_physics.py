"""Two physics: the race, what is fixed after each pass, accidents, and nothing typed becomes markup."""

from __future__ import annotations

import numpy as np
import pytest

from engines.evidence import PlainError
from lessons.two_physics import experiments as lab
from lessons.two_physics import page
from tests.engines import tiny_text
from tests.engines.tiny_painters import same_pictures
from tests.lessons.common import NASTY, run, whole

CAPTION = "a red cat"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    writer = tiny_text.tiny()
    writer.reference = tiny_text.saved("llama", tmp_path_factory.mktemp("two-physics"))
    return writer


def test_requests_are_bounded():
    for bad in ("", "  \n", "x" * 201):
        with pytest.raises(PlainError):
            lab.request(bad)


def test_the_race_runs_both_machines_to_their_ends(model, painter):
    moments = list(lab.race(model, painter, CAPTION, seed=3, tokens=6, passes=4))
    last = moments[-1]
    assert last.finished and not any(moment.finished for moment in moments[:-1])
    assert len(last.passes) == 4 and last.tokens[-1].finished is not None
    assert len(moments) == len(last.tokens) + len(last.passes)
    alone = list(model.write(model.encode(lab.request(CAPTION), chat=True), lab.DIALS, seed=3, max_tokens=6))
    assert [token.token_id for token in last.tokens] == [token.token_id for token in alone]
    evidence = lab.race_result(model, painter, CAPTION, 3, last)
    assert len(evidence.table.rows) == max(len(last.tokens), 4)
    assert "changed none" in evidence.alt
    text, picture = run(evidence.snippet)
    assert whole(text) == whole(evidence.expected[0])
    same_pictures(picture["pictures"][:1], evidence.expected[1][:1])


def test_a_text_is_fixed_in_a_straight_line_and_both_end_whole(model, painter):
    *_, (words, evidence) = lab.fixing(model, painter, CAPTION, seeds=2, passes=5, tokens=5)
    assert words == "done" and evidence is not None
    value = evidence.value
    assert value.text.shape == value.picture.shape == (2, 5)
    assert np.allclose(value.picture[:, -1], 1)
    assert (np.diff(value.picture, axis=1) >= -1e-9).all()
    assert np.allclose(np.diff(value.text, axis=1)[:, 0], np.diff(value.text, axis=1)[:, 1], atol=0.5)
    mean, low, high = lab.half_way(value)
    assert 0 <= mean <= 1 and low <= mean <= high


def test_the_wrong_key_stays_and_the_picture_is_compared_with_the_undisturbed_one(model, painter):
    *_, (words, evidence) = lab.spoil(model, painter, CAPTION, seeds=2, passes=6)
    assert words == "done" and evidence is not None
    value = evidence.value
    assert value.clean.shape == value.mended.shape == value.hurt.shape
    assert len(value.damage_left) == 4 and max(value.damage_left) == 6
    assert evidence.table.rows[0][2] == 1.0
    assert all(damage[0] >= 0 for damage in value.damage_left.values())
    text, picture = run(evidence.snippet)
    assert whole(text) == whole(evidence.expected[0])
    assert np.abs(np.asarray(picture).astype(int) - evidence.expected[1]).max() <= 1  # alone, not in a batch


def test_a_scheduler_with_a_pass_of_its_own(model, pndm):
    moment = list(lab.race(model, pndm, CAPTION, seed=3, tokens=4, passes=4))[-1]
    raced = lab.race_result(model, pndm, CAPTION, 3, moment)
    assert len(moment.passes) == 5 and raced.provenance.settings["passes"] == 4
    same_pictures(run(raced.snippet)[1]["pictures"][:1], raced.expected[1][:1])
    *_, (_, fixed) = lab.fixing(model, pndm, CAPTION, seeds=2, passes=4, tokens=3)
    assert fixed.value.text.shape == (2, 3) and fixed.value.picture.shape == (2, 5)
    assert len(fixed.table.rows) == 5 and fixed.table.rows[-1][1] is None and "num_inference_steps=4" in fixed.snippet
    assert len(page._chart(fixed.value).data) == 4
    *_, (_, spoiled) = lab.spoil(model, pndm, CAPTION, seeds=2, passes=4)
    assert spoiled.value.passes == max(spoiled.value.damage_left) == 5
    assert spoiled.provenance.settings["passes"] == 4
    assert np.abs(np.asarray(run(spoiled.snippet)[1]).astype(int) - spoiled.expected[1]).max() <= 1


def test_a_few_step_painter_takes_its_own_number_of_passes(model, turbo):
    *_, (_, fixed) = lab.fixing(model, turbo, CAPTION, seeds=2, tokens=3)
    assert fixed.value.picture.shape == (2, turbo.steps) and fixed.provenance.settings["passes"] == turbo.steps
    *_, (_, spoiled) = lab.spoil(model, turbo, CAPTION, seeds=2)
    assert list(spoiled.value.damage_left) == [2, 3, 4] and spoiled.value.third == 2
    assert 1 - lab.mended_by(spoiled.value) == spoiled.value.damage_left[2][0]
    with pytest.raises(PlainError, match="passes"):
        list(lab.spoil(model, turbo, CAPTION, passes=1))


def test_accidents_are_spread_and_never_the_same():
    assert lab.accidents(25) == (5, 8, 16, 24)
    for passes in range(2, 101):
        moments = lab.accidents(passes)
        assert len(set(moments)) == len(moments) and all(1 <= moment < passes for moment in moments)
        assert max(1, passes // 3) in moments


def test_no_code_where_the_noise_grows_with_the_level(model, family):
    name, painter = family
    *_, (_, spoiled) = lab.spoil(model, painter, CAPTION, seeds=2, passes=4)
    assert bool(spoiled.snippet) == (name not in ("euler", "xl", "xl-turbo"))


def test_what_the_models_write_never_becomes_markup():
    picture = np.zeros((8, 8, 3), np.uint8)
    value = lab.Spoiled("<script>", "a" + NASTY, "a<script>b" + NASTY, picture, picture, picture, {}, 1, 3)
    shown = page._accident(value)
    assert "<script" not in shown and "<img src=x" not in shown
    assert "<mark>&lt;script&gt;</mark>" in shown
