from __future__ import annotations

import numpy as np
import pytest

from engines.signs import lab as sign_lab
from engines.signs import measures as sign_measures
from engines.statistics import wilson


def test_exact_shares_have_intervals_over_words_or_over_the_seeds_of_one() -> None:
    one = [sign_measures.Spelling("CAT", "CAT", 0)] * 4
    assert sign_measures.exact_rate(one) == wilson(4, 4)
    two = [*one, *[sign_measures.Spelling("DOG", "", 3)] * 4]
    found = sign_measures.exact_rate(two)
    assert (found.successes, found.trials, found.rate) == (4, 8, 0.5)
    assert (found.low, found.high) == pytest.approx((wilson(1, 2).low, wilson(1, 2).high))
    assert sign_measures.exact_rate([]) == wilson(0, 0)
    single = [sign_measures.Spelling(word, word, 0) for word in ("CAT", "DOG", "OX")]
    assert (sign_measures.exact_rate(single).low, sign_measures.exact_rate(single).high) == pytest.approx(
        (wilson(3, 3).low, wilson(3, 3).high)
    )


def spelled(pattern: str, seeds: int = 2) -> list[sign_measures.Spelling]:
    """A word for each character, exact on every seed where it is 1."""
    return [sign_measures.Spelling("ABCDEFGH"[at] * 2, "", 2 - 2 * int(mark)) for at, mark in enumerate(pattern)
            for _ in range(seeds)]  # fmt: skip


def test_differences_are_taken_sign_by_sign_and_resampled_over_words() -> None:
    gain = sign_measures.difference(spelled("00000000"), spelled("01111111"))
    assert gain.mean == 0.875 and gain.words == 8 and 0.5 < gain.low < gain.high <= 1 and gain.clear
    loss = sign_measures.difference(spelled("01111111"), spelled("00000000"))
    assert loss.mean == -0.875 and loss.high < 0 and loss.clear
    mixed = sign_measures.difference(spelled("01010101"), spelled("10101011"))
    assert mixed.low < 0 < mixed.high and not mixed.clear
    assert not sign_measures.difference(spelled("0000"), spelled("0000")).clear
    fewer = sign_measures.fewer_errors(spelled("00000000"), spelled("01111111"))
    assert fewer.mean == 0.875 and fewer.clear and not sign_measures.fewer_errors(spelled("01"), spelled("01")).clear
    with pytest.raises(ValueError, match="same words"):
        sign_measures.difference(spelled("01"), spelled("0"))
    with pytest.raises(ValueError, match="same words"):
        sign_measures.difference([], [])


def test_error_rates_have_intervals_over_words() -> None:
    signs = spelled("01010101")
    low, high = sign_measures.character_error_interval(signs) or (0, 0)
    assert 0 < low < sign_measures.character_error_rate(signs) == 0.5 < high < 1
    assert sign_measures.character_error_interval(signs) == sign_measures.character_error_interval(
        spelled("01010101", seeds=8)
    )
    worse = sign_measures.fewer_errors(signs, spelled("11111111"))
    assert (low, high) == (worse.low, worse.high)  # the gain on a painter that errs nowhere
    for says_nothing in ([], spelled("0"), [*spelled("0"), *spelled("1")], spelled("1111"), spelled("0000")):
        assert sign_measures.character_error_interval(says_nothing) is None


def test_overlapping_intervals_can_hide_a_paired_difference() -> None:
    first, second = spelled("11110000", seeds=4), spelled("11110000", seeds=4)
    second = [sign_measures.Spelling(one.word, "", 0 if at % 4 < 3 else one.errors) for at, one in enumerate(second)]
    one, other = sign_measures.exact_rate(first), sign_measures.exact_rate(second)
    assert one.high > other.low and sign_measures.difference(first, second).clear


def test_a_difference_needs_words_not_seeds() -> None:
    few = sign_measures.difference(spelled("00000", seeds=8), spelled("11111", seeds=8))
    assert few.mean == few.low == 1 and not few.clear
    assert sign_measures.difference(spelled("000000", seeds=1), spelled("111111", seeds=1)).clear


def test_ink_is_found_on_boards_of_any_colour() -> None:
    for word in ("I", "OPEN", "WWWWWWWW", "MMMMMMMM", "STRENGTH"):
        masks = sign_measures.ink(np.stack([sign_lab.draw_sign(word, colour) for colour in sign_lab.COLOURS]))
        assert masks.shape == (5, 32, 208) and masks.dtype == bool and masks[0].any()
        assert all((mask != masks[0]).mean() < 0.003 for mask in masks)
    blank = np.full((1, 32, 208, 3), 90, np.uint8)
    noise = np.random.default_rng(0).normal(90, 8, (1, 32, 208, 3)).astype(np.uint8)
    assert not sign_measures.ink(blank).any() and not sign_measures.ink(noise).any()


def test_the_words_effect_is_that_of_the_letters_and_not_of_the_board() -> None:
    words, colours = ("OPEN", "STOP", "BREAD", "I"), list(sign_lab.COLOURS)
    perfect = np.stack(
        [sign_lab.draw_sign(word, colours[(2 * at + seed) % 5]) for at, word in enumerate(words) for seed in range(5)]
    )
    assert sign_measures.word_effect(perfect, words) == pytest.approx(1, abs=0.02)
    yellow = np.stack([sign_lab.draw_sign(word, "yellow") for word in words])
    assert sign_measures.word_effect(yellow, words) == pytest.approx(1, abs=0.02)
    repainted = np.stack([sign_lab.draw_sign("OPEN", colours[at]) for at in range(len(words))])
    assert sign_measures.word_effect(repainted, words) == pytest.approx(0, abs=0.02)
    assert sign_measures.word_effect(yellow[:1], words[:1]) is None


def test_the_record_holds_every_painter_and_the_readers_limits() -> None:
    record = sign_measures.recorded()
    assert record["steps"] == sign_lab.STEPS and record["guidance_scale"] == sign_lab.GUIDANCE
    assert record["reader"]["rendered"]["all"]["rate"] >= 0.97 and record["reader"]["rendered"]["all"]["of"] >= 200
    assert record["reader"]["round_trip"]["all"]["rate"] >= 0.90
    for cause in sign_lab.CAUSES:
        for words in ("seen", "never_seen"):
            row = record["painters"][cause][words]["all"]
            assert row["words"] >= 50 and row["of"] == row["words"] * len(record["seeds"])
            assert row["low"] <= row["rate"] <= row["high"]
            share = sign_measures.exact_share(row["right"], row["of"], row["words"])
            assert (row["low"], row["high"]) == pytest.approx((share.low, share.high), abs=1e-4)
            assert row["character_error_low"] <= row["character_error_rate"] <= row["character_error_high"]
