"""The code drawer's snippets, run as a learner would and compared with what the engine shows."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engines.pictures import autoencoder, diffusion
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import KnockOut, Plan, Swap, denoise, noising, paint
from engines.pictures.measures import overcooking
from engines.pictures.painter import MODELS
from tests.engines import tiny_painters
from tests.engines.tiny_painters import same_pictures
from tests.lessons.common import run

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
