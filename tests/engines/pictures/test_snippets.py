"""The code drawer's snippets, run as a learner would and compared with what the engine shows."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from PIL import Image

from engines.pictures import attention_snippets, autoencoder, diffusion, exercise_snippets
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import KnockOut, Plan, Swap, denoise, noising, paint
from engines.pictures.measures import overcooking
from engines.pictures.painter import MODELS
from engines.signs import lab
from engines.stickers import judge
from tests.engines import tiny_painters
from tests.engines.tiny_painters import same_pictures
from tests.lessons.common import run, shown

CAPTION = "a red cat on a blue background"


@pytest.fixture(scope="module", params=["sd", "xl"])
def painter(request, tmp_path_factory):
    save = {"sd": tiny_painters.save_sd, "xl": tiny_painters.save_xl}[request.param]
    return diffusion.load(save(tmp_path_factory.mktemp("painters") / request.param))


@pytest.fixture(scope="module")
def sd(tmp_path_factory):
    return diffusion.load(
        tiny_painters.save_sd(tmp_path_factory.mktemp("painters") / "v", prediction_type="v_prediction")
    )


@pytest.fixture
def picture(tmp_path):
    pixels = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return str(tmp_path / "picture.png"), pixels


def test_denoising(painter):
    result = run(picture_snippets.denoising(
        painter.source, CAPTION, seeds=(1, 2), steps=3, guidance_scale=5.0, negative_caption="dog"
    ))  # fmt: skip
    passes = list(denoise(painter, Plan(CAPTION, seeds=(1, 2), steps=3, guidance_scale=5.0, negative_caption="dog")))
    for latent, step in zip(result["latents"], passes, strict=True):
        np.testing.assert_array_equal(latent, step.latent)
    same_pictures(np.stack([np.asarray(p) for p in result["pictures"]]), passes[-1].pictures)


def test_guidance_sweep(sd):
    result = run(picture_snippets.guidance_sweep(sd.source, CAPTION, seed=3, steps=2, scales=(2.0, 9.0)))
    for scale, (picture, saturation, clipped) in result.items():
        expected = paint(sd, Plan(CAPTION, seeds=(3,), steps=2, guidance_scale=scale))[0]
        same_pictures(np.asarray(picture), expected)
        measured = overcooking(expected)
        assert (saturation, clipped) == pytest.approx((measured.saturation, measured.clipped), abs=1e-3)


def test_captions_by_pass(painter):
    xl = painter.is_xl
    swap = Plan(CAPTION, seeds=(3,), steps=3, guidance_scale=5.0, swap=Swap(2, "two dogs"))
    knocked = Plan(CAPTION, seeds=(3,), steps=3, guidance_scale=5.0, knock_out=(KnockOut("red", 0, 1),))
    for plan in (swap, knocked):
        captions = [step.captions[0] for step in denoise(painter, plan)]
        result = run(picture_snippets.captions_by_pass(painter.source, captions, seed=3, guidance_scale=5.0, xl=xl))
        same_pictures(np.asarray(result), paint(painter, plan)[0])


def test_word_maps(painter):
    tokens = [word.tokens for word in painter.read(CAPTION).words]
    result = run(picture_snippets.word_maps(
        painter.source, CAPTION, seed=1, steps=2, guidance_scale=5.0, tokens=tokens
    ))  # fmt: skip
    plan = Plan(CAPTION, seeds=(1,), steps=2, guidance_scale=5.0, record_attention=True)
    for sizes, step in zip(result, denoise(painter, plan), strict=True):
        assert len(sizes) == len(step.attention.maps)
        for (h, w), maps in step.attention.maps.items():
            np.testing.assert_allclose(sizes[h * w], maps[0].reshape(len(tokens), -1), atol=1e-6)


@pytest.mark.parametrize("guidance_scale", [1.0, 4.0])
def test_one_shot_guess(painter, sd, picture, guidance_scale):
    for each in (painter, sd):
        result = run(picture_snippets.one_shot_guess(
            each.source, picture[0], timestep=400, seed=5, caption=CAPTION, guidance_scale=guidance_scale, xl=each.is_xl
        ))  # fmt: skip
        settings = {"seed": 5, "caption": CAPTION, "guidance_scale": guidance_scale}
        (guess,) = noising(each, picture[1], timesteps=(400,), **settings)
        assert np.abs(np.asarray(result["guess"]).astype(int) - guess.guess).max() <= 1
        assert np.abs(np.asarray(result["noisy"]).astype(int) - guess.noisy_picture).max() <= 1
        assert result["psnr"] == pytest.approx(guess.psnr, abs=0.01)


def test_round_trip_and_channel_surgery(sd, picture):
    trip = autoencoder.round_trip(sd, picture[1])
    result = run(picture_snippets.round_trip(sd.source, picture[0]))
    np.testing.assert_allclose(result["latent"], trip.latent, atol=1e-6)
    assert np.abs(np.asarray(result["restored"]).astype(int) - trip.restored).max() <= 1
    assert result["psnr"] == pytest.approx(trip.psnr, abs=0.01)
    zeroed = run(picture_snippets.round_trip(sd.source, picture[0], channel=1))
    expected = autoencoder.operate(sd, trip.latent, 1, "zero").picture
    assert np.abs(np.asarray(zeroed["restored"]).astype(int) - expected).max() <= 1


def every(model: str) -> dict[str, str]:
    """Each kind of snippet, for a painter's weights."""
    fixed = {"seed": 1, "steps": 2, "guidance_scale": 4.0}
    both = {"seeds": (1,), "steps": 2, "guidance_scale": 4.0}
    write = picture_snippets
    return {
        "denoising": write.denoising(model, CAPTION, **both),
        "guidance": write.guidance_sweep(model, CAPTION, seed=1, steps=2, scales=(1.0, 4.0)),
        "captions by pass": write.captions_by_pass(model, [CAPTION] * 2, seed=1, guidance_scale=4.0),
        "word maps": write.word_maps(model, CAPTION, tokens=[(1,)], **fixed),
        "one-shot guess": write.one_shot_guess(model, "picture.png", timestep=400, seed=1),
        "round trip": write.round_trip(model, "picture.png", channel=1),
        "stripes": write.stripes(model, width=2, offset=0, upright=True, size=64),
        "legibility": write.legibility(model, "GO", font_size=20, size=64),
        "stirred": write.stirred_start(model, CAPTION, other_seed=2, amounts=(0.5,), **fixed),
        "between seeds": write.walk_between_seeds(model, CAPTION, other_seed=2, fractions=(0.5,), **fixed),
        "between captions": write.walk_between_captions(model, CAPTION, "two dogs", fractions=(0.5,), **fixed),
        "poked": write.poked(model, CAPTION, before=1, cells=(0, 0, 2, 2), poke_seed=1, **fixed),
        "repainted": write.repainted(model, CAPTION, "two dogs", new_seed=2, cells=(0, 0, 2, 2), **fixed),
        "carved": write.carved(model, CAPTION, seed=1, choices=(1, 2), guidance_scale=4.0, spacing="trailing"),
        "louder": attention_snippets.word_weight(model, CAPTION, tokens=(1,), weight=2.0, **both),
        "galleries": exercise_snippets.galleries(model, [CAPTION], **both),
        "fingers": exercise_snippets.galleries(model, [CAPTION], count_fingers=True, **both),
        "brier": exercise_snippets.brier([(0.7, 3, 4)]),
    } | {f"sign, {cause}": lab.snippet(cause, "OPEN") for cause in lab.CAUSES}


@pytest.mark.parametrize("model", ["/home/teacher/painters/own", picture_snippets.POCKET, f"some/painter@{'0' * 40}"])
def test_a_snippet_shows_what_it_made_and_runs_in_a_notebook_elsewhere(model):
    """They named folders of this machine, ended in ``result = …`` and showed nothing."""
    for name, code in every(model).items():
        lines = ast.parse(code).body
        ending = ast.unparse(lines[-1])
        assert "print(" in ending or ".save(" in ending, name
        assert "/home" not in code and "result = " in code, name
        for line in code.splitlines():
            assert "from engines" not in line or "# from the playground's repository" in line, name
        ours = model == picture_snippets.POCKET or "sign" in name
        assert ("engines" in code) == (ours and name != "brier"), name


def test_snippets_run_to_their_end(sd, picture):
    """A tiny painter's: what is printed and saved, with the spacing of few passes among them."""
    for name, code in every(sd.source).items():
        if not name.startswith(("sign", "legibility")):
            _, printed, saved = shown(code.replace("'picture.png'", repr(picture[0])))
            assert printed or saved, name
    respaced = paint(sd, Plan(CAPTION, seeds=(1,), steps=1, guidance_scale=4.0, spacing="trailing"))
    same_pictures([run(every(sd.source)["carved"])[1]], respaced)


@pytest.mark.skipif(not (MODELS / "judge" / "config.json").is_file(), reason="the bundled models are not trained")
def test_the_numbers_on_the_page_are_what_the_code_makes(monkeypatch):
    """The sign was painted and not read, the pictures of a test painted and not judged."""
    monkeypatch.chdir(MODELS.parent)
    for cause in ("spelled", "boxes"):
        *_, last = lab.paint(cause, "OPEN", (3,), steps=4)
        (spelling,) = lab.read(last.pictures, "OPEN")
        _, printed, saved = shown(lab.snippet(cause, "OPEN", 3, steps=4))
        assert printed.strip() == f"asked for OPEN, reads {spelling.text!r}" and saved == ["sign.png"]
    caption, seeds = "two apples on a white background", (1, 2)
    painted = paint(diffusion.load(), Plan(caption, seeds=seeds, steps=3, guidance_scale=4.0))
    rates = judge.rates(judge.judge(painted, judge.facts_of(caption)))
    code = exercise_snippets.galleries(picture_snippets.POCKET, [caption], seeds=seeds, steps=3, guidance_scale=4.0)
    _, printed, saved = shown(code)
    assert printed.strip() == f"{caption} { ({name: f'{r.successes} of {r.trials}' for name, r in rates.items()}) }"
    assert saved == ["caption-0-seed-1.png", "caption-0-seed-2.png"]


@pytest.mark.skipif(not (MODELS / "painter" / "model_index.json").is_file(), reason="the pocket painter is not trained")
def test_the_bundled_painter_is_an_ordinary_pipeline(monkeypatch):
    """Its own snippet, stock diffusers around the weights on disk, paints the engine's picture."""
    monkeypatch.chdir(MODELS.parent)
    painter = diffusion.load()
    assert painter.source == picture_snippets.POCKET and painter.revision
    plan = Plan("two apples on a white background", seeds=(1,), steps=3)
    result = run(picture_snippets.denoising(
        painter.source, plan.caption, seeds=plan.seeds, steps=3, guidance_scale=painter.guidance_scale
    ))  # fmt: skip
    same_pictures(np.asarray(result["pictures"][0]), paint(painter, plan)[0])
