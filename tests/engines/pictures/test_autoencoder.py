import numpy as np
import pytest
import torch

from engines.evidence import PlainError
from engines.pictures import autoencoder, diffusion
from tests.engines import tiny_painters


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    return diffusion.load(tiny_painters.save_sd(tmp_path_factory.mktemp("painters") / "sd"))


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def test_the_round_trip_is_the_librarys(painter, picture):
    trip = autoencoder.round_trip(painter, picture)
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255 * 2 - 1
    with torch.no_grad():
        latent = painter.vae.encode(pixels).latent_dist.mode()
        restored = painter.vae.decode(latent).sample
    np.testing.assert_allclose(trip.latent, latent[0] * painter.vae.config.scaling_factor, rtol=1e-5, atol=1e-6)
    expected = ((restored[0] / 2 + 0.5).clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    assert np.abs(trip.restored.astype(int) - expected).max() <= 1
    assert trip.numbers == autoencoder.NumberCount(64 * 64 * 3, 4 * 8 * 8) and trip.numbers.ratio == 48
    assert trip.error.shape == (64, 64) and trip.psnr == autoencoder.psnr(picture, trip.restored)


def test_channel_views_share_one_scale():
    latent = np.stack([np.full((2, 2), -1.0), np.full((2, 2), 3.0), np.zeros((2, 2)), np.ones((2, 2))])
    views = autoencoder.channel_views(latent)
    assert (views.low, views.high) == (-1, 3)
    assert views.views[:, 0, 0].tolist() == [0, 255, 64, 128]
    assert autoencoder.channel_views(np.zeros((4, 2, 2))).views.max() == 0


def test_surgery_changes_one_channel(painter, picture):
    latent = painter.encode(picture[None])[0]
    zeroed = autoencoder.operate(painter, latent, 2, "zero")
    assert (zeroed.latent[2] == 0).all()
    np.testing.assert_array_equal(np.delete(zeroed.latent, 2, 0), np.delete(latent, 2, 0))
    shuffled = autoencoder.operate(painter, latent, 0, "shuffle", seed=3)
    np.testing.assert_array_equal(np.sort(shuffled.latent[0], axis=None), np.sort(latent[0], axis=None))
    assert not np.array_equal(shuffled.latent[0], latent[0])
    with pytest.raises(PlainError, match="The seed must be a whole number"):
        autoencoder.operate(painter, latent, 0, "shuffle", seed=7.5)
    for wrong in ((4, "zero"), (0, "swap")):
        with pytest.raises(PlainError):
            autoencoder.operate(painter, latent, *wrong)


def test_the_legibility_sweep_sends_every_word_through_at_every_height(painter):
    samples = autoencoder.legibility_sweep(painter, ["GO", "HI"], [8, 12])
    assert [(s.text, s.letter_height) for s in samples] == [("GO", 8), ("HI", 8), ("GO", 12), ("HI", 12)]
    assert samples[0].drawn.shape == samples[0].restored.shape == (64, 64, 3)
    with pytest.raises(PlainError, match="drawn words"):
        autoencoder.legibility_sweep(painter, ["GO"] * 200, [8])


def test_latents_that_make_no_sense_are_refused(painter):
    for latent in (np.zeros((1, 3, 8, 8)), np.full((1, 4, 8, 8), np.nan), np.zeros((4, 8, 8))):
        with pytest.raises(PlainError, match="A latent must be"):
            painter.decode(latent)
