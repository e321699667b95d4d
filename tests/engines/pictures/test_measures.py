import math

import numpy as np
import pytest

from engines.pictures import measures as measures


def test_the_blur_keeps_flat_pictures_and_the_mean():
    flat = np.full((1, 12, 16, 3), 7.0, np.float32)
    np.testing.assert_allclose(measures.blur(flat, 2.0), flat, rtol=1e-5)
    dot = np.zeros((31, 31, 1), np.float32)
    dot[15, 15] = 1
    blurred = measures.blur(dot, 2.0)
    assert blurred.sum() == pytest.approx(1, rel=1e-4)
    assert blurred[15, 17, 0] / blurred[15, 15, 0] == pytest.approx(math.exp(-0.5), rel=1e-3)


def test_convergence_tells_composition_from_detail():
    random = np.random.default_rng(0)
    coarse = np.kron(random.normal(size=(4, 4, 3)), np.ones((16, 16, 1)))
    detail = random.normal(size=(64, 64, 3))
    final = (coarse + 0.3 * detail)[None]
    predictions = np.stack([random.normal(size=final.shape), coarse[None], final])
    result = measures.convergence(predictions, final)
    assert result.low[:, 0].tolist() == pytest.approx([0, 1, 1], abs=0.1)
    assert result.high[1, 0] < 0.9 and result.high[2, 0] == pytest.approx(1)
    assert result.whole.shape == (3, 1)
    assert result.lock_pass(0) == 1 and result.lock_pass(0, band="high") == 2


def test_a_run_that_never_locks_and_one_that_always_did():
    never = measures.Convergence(*[np.array([[0.1], [0.2]])] * 3)
    slipped = measures.Convergence(*[np.array([[0.99], [0.5], [0.99]])] * 3)
    assert never.lock_pass(0) == 2 and slipped.lock_pass(0) == 2
    assert measures.Convergence(*[np.ones((3, 1))] * 3).lock_pass(0) == 0


def test_overcooking():
    grey, loud = np.full((4, 4, 3), 90, np.uint8), np.zeros((4, 4, 3), np.uint8)
    loud[..., 0] = 255
    assert measures.overcooking(grey) == measures.Overcooking(0, 0)
    assert measures.overcooking(loud) == measures.Overcooking(1, 1)
    assert measures.overcooking(np.zeros((4, 4, 3), np.uint8)).saturation == 0


def test_differences():
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert measures.difference(black, white) == 1
    assert measures.psnr(black, black) == math.inf and measures.psnr(black, white) == 0
    assert measures.psnr(np.full((4, 4, 3), 10, np.uint8), black) == pytest.approx(20 * math.log10(25.5))
    np.testing.assert_array_equal(measures.pairwise_differences(np.stack([black, white])), [[0, 1], [1, 0]])
    assert measures.error_map(black, white).shape == (4, 4)


def test_edits_and_settling():
    frames = np.zeros((3, 2, 2, 3), np.uint8)
    frames[1, 0, 0] = 200
    frames[2, 0, 0], frames[2, 1, 1] = 200, 100
    np.testing.assert_allclose(measures.edits(frames), [0.25, 0.25])
    np.testing.assert_allclose(measures.settled(frames), [0.5, 0.75, 1])


def test_noise_as_a_picture():
    assert measures.noise_picture(np.zeros((4, 2, 3))).shape == (2, 3, 3)
    assert measures.noise_picture(np.full((4, 1, 1), 9.0)).min() == 255
