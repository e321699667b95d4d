from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from engines.evidence import PlainError
from engines.text.dials import (
    Dials,
    bar_slice,
    descending,
    distribution,
    draw,
    entropy_bits,
    reshape,
    scoreboard,
    surprise_bits,
)

SETTINGS = [
    Dials(temperature, top_p, top_k)
    for temperature in (0.2, 0.7, 1.0, 1.6, 5.0)
    for top_p in (0.05, 0.5, 0.9, 0.999, 1.0)
    for top_k in (0, 1, 7, 400, 5000)
]


def logits(seed: int, size: int = 1000, spread: float = 2.5) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(size) * spread).astype(np.float32)


def warped(scores: np.ndarray, dials: Dials) -> torch.Tensor:
    """What generate() makes of the scores, in its order."""
    out, ids = torch.from_numpy(scores)[None], torch.zeros(1, 1, dtype=torch.long)
    if dials.temperature != 1:
        out = TemperatureLogitsWarper(float(dials.temperature))(ids, out)
    if dials.top_k:
        out = TopKLogitsWarper(dials.top_k)(ids, out)
    if dials.top_p < 1:
        out = TopPLogitsWarper(dials.top_p)(ids, out)
    return out[0].softmax(-1)


@pytest.mark.parametrize("dials", SETTINGS, ids=str)
def test_dials_follow_the_warpers_of_transformers(dials: Dials) -> None:
    for seed in range(3):
        scores = logits(seed)
        expected = warped(scores, dials).numpy()
        kept = distribution(scores, dials).kept
        np.testing.assert_array_equal(kept > 0, expected > 0)
        np.testing.assert_allclose(kept, expected, atol=1e-6)
        assert kept.sum() == pytest.approx(1, abs=1e-9)


def test_the_steps_show_what_each_dial_does() -> None:
    scores = logits(0)
    chances = distribution(scores, Dials(0.7, 0.9, 50))
    assert [dial for dial, _ in chances.steps] == ["temperature", "top_k", "top_p"]
    after = [Dials(0.7), Dials(0.7, 1.0, 50), Dials(0.7, 0.9, 50)]
    for (_, probabilities), dials in zip(chances.steps, after, strict=True):
        np.testing.assert_allclose(probabilities, warped(scores, dials).numpy(), atol=1e-6)
    assert distribution(scores, Dials()).steps == ()


def test_equal_logits_at_the_edge_of_top_k_all_stay() -> None:
    scores = np.array([3, 2, 2, 2, 1], dtype=np.float32)
    dials = Dials(top_k=2)
    np.testing.assert_allclose(distribution(scores, dials).kept, warped(scores, dials).numpy(), atol=1e-6)
    assert np.count_nonzero(distribution(scores, dials).kept) == 4


def test_greedy_keeps_one_token() -> None:
    board = reshape(logits(0), Dials(temperature=0), str)
    assert board.kept == 1 and board.kept_entropy_bits == 0
    assert board.candidates[0].kept_probability == 1
    assert board.candidates[0].probability < 1


def test_scoreboard_lists_tokens_by_rank() -> None:
    scores = logits(1)
    board = reshape(scores, Dials(0.7, 0.5), lambda token_id: f"<{token_id}>", top=5)
    assert [c.token_id for c in board.candidates] == list(np.argsort(-scores)[:5])
    assert [c.rank for c in board.candidates] == [1, 2, 3, 4, 5]
    assert board.candidates[0].text == f"<{board.candidates[0].token_id}>"
    assert board.candidates[0].logit == pytest.approx(float(scores.max()))
    raw = torch.from_numpy(scores).double().softmax(-1)
    assert board.entropy_bits == pytest.approx(float(-(raw * raw.log2()).sum()), abs=1e-4)
    assert board.vocabulary_size == scores.size
    assert 0 < board.kept < scores.size and board.kept_entropy_bits < board.entropy_bits


def test_low_temperature_lowers_and_high_temperature_raises_entropy() -> None:
    entropies = [reshape(logits(2), Dials(t), str).kept_entropy_bits for t in (0, 0.3, 0.7, 1, 1.5, 3)]
    assert entropies == sorted(entropies)


def test_draw_is_the_inverse_of_the_cumulative_bar() -> None:
    chances = np.array([0.1, 0.0, 0.6, 0.3])
    assert [draw(chances, u) for u in (0.0, 0.59, 0.6, 0.89, 0.9, 0.9999999)] == [2, 2, 3, 3, 0, 0]
    assert bar_slice(chances, 3) == pytest.approx((0.6, 0.9))


@pytest.mark.parametrize("spread", [0.0, 0.1, 2.5, 10.0])
def test_the_dice_lies_within_the_slice_of_the_token_drawn(spread: float) -> None:
    chances = distribution(logits(3, spread=spread), Dials(1.3, 0.98)).kept
    for u in np.random.default_rng(0).random(200):
        start, end = bar_slice(chances, draw(chances, u))
        assert start - 1e-9 <= u < end + 1e-9


def test_draws_follow_the_probabilities() -> None:
    chances = distribution(logits(4, size=6, spread=1.0), Dials()).kept
    dice = np.random.default_rng(0).random(20_000)
    counts = np.bincount([draw(chances, u) for u in dice], minlength=6)
    np.testing.assert_allclose(counts / dice.size, chances, atol=0.015)


def test_descending_sorts_by_probability_then_by_index() -> None:
    chances = np.array([0.2, 0.3, 0.0, 0.2, 0.3])
    assert list(descending(chances, count=5)) == [1, 4, 0, 3]
    assert list(descending(chances, mass=0.99)) == [1, 4, 0, 3]


def test_descending_sorts_only_the_head_it_needs() -> None:
    chances = distribution(logits(6, size=50_000, spread=4.0), Dials()).raw
    whole = np.argsort(-chances, kind="stable")
    head = descending(chances, count=12)
    assert head.size < 5_000
    np.testing.assert_array_equal(head, whole[: head.size])


def test_measures_in_bits() -> None:
    assert entropy_bits(np.full(8, 1 / 8)) == pytest.approx(3, abs=1e-5)
    assert surprise_bits(0.25) == 2
    assert surprise_bits(0) == float("inf")


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": -0.1},
        {"temperature": 5.1},
        {"temperature": float("nan")},
        {"temperature": None},
        {"temperature": "1"},
        {"top_p": 0},
        {"top_p": 1.01},
        {"top_k": -1},
        {"top_k": 2.5},
        {"temperature": 10**5000},
        {"top_p": "0.9"},
        {"top_k": None},
        {"top_k": 10**5000},
    ],
)
def test_dials_out_of_range_say_so(settings: dict) -> None:
    with pytest.raises(PlainError, match="^(The temperature|Top-p|Top-k) (must be|is missing)"):
        Dials(**settings)


@pytest.mark.parametrize("temperature", [5e-324, 1e-320, 1e-46, 1e-38, 1e-37, 1e-31, 1e-30, 1e-20, 1e-9])
def test_the_coldest_temperatures_choose_as_greedy_does_and_blame_no_weights(temperature: float) -> None:
    logits = np.array([1.0, 80.0, -30.0, 79.9], dtype=np.float32)
    kept = distribution(logits, Dials(temperature, top_p=0.9)).kept
    np.testing.assert_array_equal(kept, distribution(logits, Dials(0)).kept)


@pytest.mark.parametrize("top_p", [5e-324, 1e-30, 1e-9])
def test_the_smallest_top_p_keeps_the_most_likely_token(top_p: float) -> None:
    kept = distribution(np.array([1.0, 3.0, 2.0], dtype=np.float32), Dials(1.0, top_p)).kept
    np.testing.assert_array_equal(kept, [0, 1, 0])


def test_broken_logits_say_so() -> None:
    with pytest.raises(PlainError, match="no longer numbers"):
        reshape(np.full(10, np.nan, dtype=np.float32), Dials(), str)


def test_the_doubt_of_a_scoreboard_is_that_of_its_chances_though_a_token_is_ruled_out():
    logits = np.random.default_rng(0).normal(0, 3, 500).astype(np.float32)
    logits[:20] = -np.inf
    chances = distribution(logits, Dials())
    some = chances.raw[chances.raw > 0]
    board = scoreboard(chances, str)
    assert board.entropy_bits == pytest.approx(-(some * np.log2(some)).sum(), abs=1e-5) and board.kept == 480
