"""The index of the training scenes: it finds what is there, compares exactly, and says what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from engines.evidence import PlainError
from engines.stickers import nearest, scenes


@pytest.mark.parametrize("seed", [0, 72, 131_072, 255_999])
def test_a_training_scene_finds_itself(seed):
    picture = np.asarray(scenes.scene(seed).picture)
    first, second, _ = nearest.load().nearest(picture)
    assert (first.seed, first.distance) == (seed, 0)
    np.testing.assert_array_equal(first.picture, picture)
    assert second.distance > 0


def test_an_unseen_scene_finds_no_copy_but_something_like_it():
    real = scenes.scene(900_000_001)
    found = nearest.load().nearest(np.asarray(real.picture))
    assert [one.distance for one in found] == sorted(one.distance for one in found)
    assert 0 < found[0].distance < 0.25
    assert all(0 <= one.seed < 256_000 for one in found)


def test_the_index_holds_every_training_scene_within_its_weight():
    index = nearest.load()
    assert len(index.codes) == 256_000 and index.codes.dtype == np.int8
    assert nearest.FILE.stat().st_size <= 8_000_000
    assert len(index.held_out) >= 100 and 0 < index.copied < np.median(index.held_out)


def test_distance_is_the_root_mean_square_over_patches():
    black, white = np.zeros((128, 128, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)
    assert nearest.distance(black, white) == 1
    half = black.copy()
    half[:64] = 255
    assert nearest.distance(black, half) == pytest.approx(0.5**0.5)


def test_a_picture_that_is_not_square_and_an_index_that_is_missing_say_what_to_do(tmp_path):
    with pytest.raises(PlainError, match="square"):
        nearest.load().nearest(np.zeros((128, 96, 3), np.uint8))
    with pytest.raises(PlainError, match="python -m training.nearest"):
        nearest.load(tmp_path / "none.npz")


def test_a_sketch_is_like_its_scene():
    for seed in range(40):
        drawn = nearest.patches(np.asarray(scenes.scene(seed).picture), 16)
        sketched = nearest.patches(scenes.sketch(seed, 32), 16)
        assert np.sqrt(((drawn - sketched) ** 2).mean()) < 16


def test_patches_are_means_to_the_last_bit():
    dice = np.random.default_rng(0)
    for size, side in ((128, 32), (128, 16), (64, 32), (1024, 16)):
        picture = dice.integers(0, 256, (size, size, 3), dtype=np.uint8)
        cell = size // side
        np.testing.assert_array_equal(
            nearest.patches(picture, side), picture.reshape(side, cell, side, cell, 3).mean((1, 3))
        )


def test_the_nearest_are_those_of_the_proposed_compared_one_by_one():
    """However fast it is made, the answer is that of drawing each proposed scene and comparing it whole."""
    index = nearest.load()
    for kind in ("single", "pair", "count", "sign"):
        picture = np.asarray(scenes.render(scenes.plan(900_000_007, kind), 900_000_007).picture)
        drawn = {int(seed): scenes.scene(int(seed)) for seed in index.proposed(picture)}
        away = {seed: nearest.distance(picture, np.asarray(one.picture)) for seed, one in drawn.items()}
        expected = sorted(away, key=lambda seed: away[seed])[:3]
        found = index.nearest(picture)
        assert [one.seed for one in found] == expected
        assert [one.distance for one in found] == [away[seed] for seed in expected]
        assert [one.caption for one in found] == [drawn[seed].caption for seed in expected]
