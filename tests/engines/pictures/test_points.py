import numpy as np
import pytest

from engines.evidence import PlainError
from engines.pictures import points

QUICK = points.Training(steps=300, batch=128, seconds=100, report_every=100, samples=200, seed=1)


@pytest.fixture(scope="module")
def trained():
    return list(points.train(points.sample_drawing("moons", 400), QUICK))


def test_training_streams_a_falling_loss_and_nearing_samples(trained):
    assert [event.step for event in trained] == [1, 100, 200, 300]
    assert [event.finished for event in trained] == [False, False, False, True]
    assert trained[-1].loss < 0.7 * trained[0].loss
    assert trained[-1].distance < trained[-1].untrained_distance / 1.5
    assert trained[-1].samples.shape == (200, 2)


def test_a_seed_trains_the_same_denoiser(trained):
    again = list(points.train(points.sample_drawing("moons", 400), QUICK))
    np.testing.assert_array_equal(again[-1].samples, trained[-1].samples)
    assert again[-1].loss == trained[-1].loss


def test_the_clock_stops_the_training():
    events = list(points.train(points.sample_drawing("heart"), points.Training(steps=50_000, seconds=0.1)))
    assert events[-1].finished and events[-1].step < 50_000


def test_closing_the_iterator_stops_the_training():
    run = points.train(points.sample_drawing("heart"), QUICK)
    assert next(run).step == 1
    run.close()
    assert list(run) == []


def test_painting_runs_from_noise_to_the_drawing(trained):
    denoiser = trained[-1].denoiser
    flow = points.paint(denoiser, 100, passes=100, seed=5)
    assert flow.positions.shape == (101, 100, 2)
    assert flow.sigma[0] > 0.99 and flow.sigma[-1] == 0 and (np.diff(flow.sigma) < 0).all()


def test_the_forward_process_keeps_alpha_of_the_drawing(trained):
    drawing = points.sample_drawing("moons", 2000)
    flow = points.ruin(trained[-1].denoiser, drawing, passes=10)
    np.testing.assert_allclose(flow.positions[0], drawing, atol=1e-5)
    kept = [np.corrcoef(flow.positions[i][:, 0], drawing[:, 0])[0, 1] for i in (0, 5, 10)]
    assert kept[0] > 0.999 > kept[1] > kept[2] and abs(kept[2]) < 0.1


def test_predicted_noise_points_away_from_the_drawing(trained):
    far = np.array([[0.0, 2.5], [0.0, -2.5]], np.float32)
    arrows = points.predicted_noise(trained[-1].denoiser, far, 400)
    assert arrows[0, 1] > 0 > arrows[1, 1]


def test_the_nearest_point_is_found_for_each_point():
    np.testing.assert_allclose(points.nearest(np.array([[0, 0], [3, 5]]), np.array([[0, 2.0], [3, 4]])), [2, 1])


@pytest.mark.parametrize("name", points.DRAWINGS)
def test_ready_drawings(name):
    drawing = points.sample_drawing(name, 300)
    assert drawing.shape == (300, 2) and np.abs(drawing).max() < 1.3
    assert points.chamfer_distance(drawing, points.sample_drawing(name, 300, seed=1)) < 0.1
    assert points.chamfer_distance(drawing, drawing) == 0


@pytest.mark.parametrize(
    "drawing, message",
    [
        (np.zeros((10, 2)), "Draw between 20"),
        (np.zeros((6000, 2)), "Draw between 20"),
        (np.zeros((50, 2)), "one place"),
        (np.full((50, 2), np.nan), "finite"),
        (np.zeros((50, 3)), "two finite coordinates"),
    ],
)
def test_drawings_that_cannot_be_learnt_are_refused(drawing, message):
    with pytest.raises(PlainError, match=message):
        next(points.train(drawing))


def test_settings_out_of_bounds_are_refused(trained):
    with pytest.raises(PlainError, match="training steps"):
        points.Training(steps=0)
    with pytest.raises(PlainError, match="whole number"):
        points.paint(trained[-1].denoiser, seed=7.5)
    with pytest.raises(PlainError, match="passes"):
        points.paint(trained[-1].denoiser, passes=0)
    with pytest.raises(PlainError, match="The drawing is one of"):
        points.sample_drawing("cat")
