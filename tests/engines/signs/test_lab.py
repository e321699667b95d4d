from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from engines.evidence import PlainError
from engines.models import hardware
from engines.signs import lab as sign_lab
from engines.signs import world as sign_world
from engines.statistics import wilson
from engines.stickers import judge
from tests.lessons.common import shown

ROOT = Path(__file__).resolve().parents[3]
QUICK: dict[str, Any] = {"steps": 3}


def last_of(cause: str, words: str | list[str], seeds: tuple[int, ...], **settings: Any) -> np.ndarray:
    *_, last = sign_lab.paint(cause, words, seeds, **(QUICK | settings))
    assert last.finished and last.pictures is not None
    return last.pictures


@pytest.mark.parametrize(
    "word", ["", " ", "TOOLONGER", "A" * 200, "שלום", "🙂", "<b>HI</b>", "NO 7", "STRAßE", "ﬁsh", "Ünder", None, 7]
)
def test_what_the_painters_cannot_spell_is_refused_in_plain_words(word: object) -> None:
    with pytest.raises(PlainError, match="1 to 8 letters from A to Z"):
        sign_lab.check_word(word)
    with pytest.raises(PlainError, match="1 to 8 letters"):
        sign_lab.paint("spelled", [word])  # type: ignore[list-item]


def test_words_are_taken_in_any_case() -> None:
    assert sign_lab.check_word(" open ") == "OPEN"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cause": "magic"}, "sign painter is one of"),
        ({"words": []}, "at least one word"),
        ({"seeds": ()}, "at least one word and one seed"),
        ({"words": ["CAT"] * 17, "seeds": (0, 1, 2, 3)}, "At most 64"),
        ({"seeds": (-1,)}, "seed"),
        ({"steps": 0}, "passes"),
        ({"guidance_scale": float("nan")}, "guidance"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_painted(change: dict[str, object], message: str) -> None:
    settings = {"cause": "spelled", "words": ["CAT"], "seeds": (0,)} | change
    with pytest.raises(PlainError, match=message):
        sign_lab.paint(**settings)  # type: ignore[arg-type]


def test_missing_weights_are_said(tmp_path: Path) -> None:
    with pytest.raises(PlainError, match="painters are not here"):
        sign_lab.load("boxes", folder=tmp_path)


def test_without_its_folder_the_lab_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(sign_world, "FOLDER", tmp_path)
    sign_world.words.cache_clear()
    with pytest.raises(PlainError, match="models/signs"):
        sign_lab.is_seen("OPEN")


def test_the_word_lists_are_the_recorded_ones() -> None:
    words = sign_lab.words()
    recorded = yaml.safe_load((ROOT / "training" / "sign_words.yaml").read_text())
    assert set(words.seen) == set(" ".join(recorded["seen"].values()).split())
    assert set(words.never_seen) == set(" ".join(recorded["never_seen"].values()).split())
    assert not set(words.seen) & set(words.never_seen) and len(words.never_seen) >= 200
    for length in range(1, 9):
        assert words.of_length(length, seen=True) and words.of_length(length, seen=False)
    assert sign_lab.is_seen(words.seen[-1].lower()) and not sign_lab.is_seen(words.never_seen[-1])


def test_the_reader_reads_drawn_signs() -> None:
    words = ["OPEN", "STOP", "MARKETS", "ZEBRA"]
    pictures = np.stack(
        [sign_lab.draw_sign(word, colour) for word, colour in zip(words, sign_lab.COLOURS, strict=False)]
    )
    assert pictures.shape == (4, 32, 208, 3) and pictures.dtype == np.uint8
    spellings = sign_lab.read(pictures, words)
    assert all(spelling.exact for spelling in spellings)
    assert sign_lab.exact_rate(spellings).successes == 4 and sign_lab.character_error_rate(spellings) == 0
    wrong = sign_lab.read(pictures[:1], "OVEN")[0]
    assert wrong.errors == 1 and wrong.rate == 0.25 and not wrong.exact
    with pytest.raises(PlainError, match="one word"):
        sign_lab.read(pictures, ["OPEN", "STOP", "CAT"])


def test_signs_go_through_the_autoencoder_as_they_were_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "dtype", lambda on=None: torch.bfloat16)  # as on a card
    sign_lab.autoencoder.cache_clear()
    printed = np.stack([sign_lab.draw_sign("OPEN"), sign_lab.draw_sign("STOP", "red")])
    restored = sign_lab.round_trip(printed)
    assert sign_lab.autoencoder().dtype == torch.float32
    assert restored.shape == printed.shape and restored.dtype == np.uint8
    assert np.abs(restored.astype(int) - printed).mean() < 20


def test_reading_a_line_leaves_the_detector_of_other_readings_alone() -> None:
    sign = sign_lab.draw_sign("OPEN")
    page = np.full((256, 256, 3), 245, np.uint8)
    page[100:132, 20:228] = sign
    assert judge.read_line(sign[None])[0].spells("OPEN")
    assert judge.read_text(page[None])[0].spells("OPEN")


def test_the_layout_is_a_box_with_its_word() -> None:
    layout = sign_lab.draw_box("CAT")
    right = sign_lab.MARGIN + 3 * sign_lab.PITCH
    assert layout.shape == (32, 208, 3)
    assert layout[0, sign_lab.MARGIN : right].min() == 255 and layout[:, right:].max() == 0


def test_each_painter_reads_its_own_pieces() -> None:
    words = sign_lab.words()
    seen, unseen = words.of_length(6, seen=True)[0], words.of_length(6, seen=False)[0]
    assert sign_lab.load("characters").pieces(unseen) == tuple(unseen)
    for cause in ("sloppy", "spelled", "boxes"):
        for word in (seen, unseen):
            pieces = sign_lab.load(cause).pieces(word)
            assert 1 < len(pieces) < 6 and "".join(pieces) == word
        assert sign_lab.load(cause).pieces("that") == ("THAT",)


def test_pieces_no_training_caption_held_are_known() -> None:
    words = sign_lab.words()
    seen, unseen = words.of_length(6, seen=True)[0], words.of_length(6, seen=False)[0]
    for cause in ("spelled", "boxes", "characters"):
        painter = sign_lab.load(cause)
        for word in (seen, unseen):
            assert painter.unmet(word) == (False,) * len(painter.pieces(word))
    assert sign_lab.load("spelled").unmet("PHOTO") == (True,)  # a word of the sloppy captions alone
    assert sign_lab.load("sloppy").unmet(unseen) is None


def test_exact_shares_have_intervals_over_words_or_over_the_seeds_of_one() -> None:
    one = [sign_lab.Spelling("CAT", "CAT", 0)] * 4
    assert sign_lab.exact_rate(one) == wilson(4, 4)
    two = [*one, *[sign_lab.Spelling("DOG", "", 3)] * 4]
    found = sign_lab.exact_rate(two)
    assert (found.successes, found.trials, found.rate) == (4, 8, 0.5)
    assert (found.low, found.high) == pytest.approx((wilson(1, 2).low, wilson(1, 2).high))
    assert sign_lab.exact_rate([]) == wilson(0, 0)
    single = [sign_lab.Spelling(word, word, 0) for word in ("CAT", "DOG", "OX")]
    assert (sign_lab.exact_rate(single).low, sign_lab.exact_rate(single).high) == pytest.approx(
        (wilson(3, 3).low, wilson(3, 3).high)
    )


def spelled(pattern: str, seeds: int = 2) -> list[sign_lab.Spelling]:
    """A word for each character, exact on every seed where it is 1."""
    return [sign_lab.Spelling("ABCDEFGH"[at] * 2, "", 2 - 2 * int(mark)) for at, mark in enumerate(pattern)
            for _ in range(seeds)]  # fmt: skip


def test_differences_are_taken_sign_by_sign_and_resampled_over_words() -> None:
    gain = sign_lab.difference(spelled("00000000"), spelled("01111111"))
    assert gain.mean == 0.875 and gain.words == 8 and 0.5 < gain.low < gain.high <= 1 and gain.clear
    loss = sign_lab.difference(spelled("01111111"), spelled("00000000"))
    assert loss.mean == -0.875 and loss.high < 0 and loss.clear
    mixed = sign_lab.difference(spelled("01010101"), spelled("10101011"))
    assert mixed.low < 0 < mixed.high and not mixed.clear
    assert not sign_lab.difference(spelled("0000"), spelled("0000")).clear
    fewer = sign_lab.fewer_errors(spelled("00000000"), spelled("01111111"))
    assert fewer.mean == 0.875 and fewer.clear and not sign_lab.fewer_errors(spelled("01"), spelled("01")).clear
    with pytest.raises(ValueError, match="same words"):
        sign_lab.difference(spelled("01"), spelled("0"))
    with pytest.raises(ValueError, match="same words"):
        sign_lab.difference([], [])


def test_error_rates_have_intervals_over_words() -> None:
    signs = spelled("01010101")
    low, high = sign_lab.character_error_interval(signs) or (0, 0)
    assert 0 < low < sign_lab.character_error_rate(signs) == 0.5 < high < 1
    assert sign_lab.character_error_interval(signs) == sign_lab.character_error_interval(spelled("01010101", seeds=8))
    worse = sign_lab.fewer_errors(signs, spelled("11111111"))
    assert (low, high) == (worse.low, worse.high)  # the gain on a painter that errs nowhere
    for says_nothing in ([], spelled("0"), [*spelled("0"), *spelled("1")], spelled("1111"), spelled("0000")):
        assert sign_lab.character_error_interval(says_nothing) is None


def test_overlapping_intervals_can_hide_a_paired_difference() -> None:
    first, second = spelled("11110000", seeds=4), spelled("11110000", seeds=4)
    second = [sign_lab.Spelling(one.word, "", 0 if at % 4 < 3 else one.errors) for at, one in enumerate(second)]
    one, other = sign_lab.exact_rate(first), sign_lab.exact_rate(second)
    assert one.high > other.low and sign_lab.difference(first, second).clear


def test_a_difference_needs_words_not_seeds() -> None:
    few = sign_lab.difference(spelled("00000", seeds=8), spelled("11111", seeds=8))
    assert few.mean == few.low == 1 and not few.clear
    assert sign_lab.difference(spelled("000000", seeds=1), spelled("111111", seeds=1)).clear


def test_ink_is_found_on_boards_of_any_colour() -> None:
    for word in ("I", "OPEN", "WWWWWWWW", "MMMMMMMM", "STRENGTH"):
        masks = sign_lab.ink(np.stack([sign_lab.draw_sign(word, colour) for colour in sign_lab.COLOURS]))
        assert masks.shape == (5, 32, 208) and masks.dtype == bool and masks[0].any()
        assert all((mask != masks[0]).mean() < 0.003 for mask in masks)
    blank = np.full((1, 32, 208, 3), 90, np.uint8)
    noise = np.random.default_rng(0).normal(90, 8, (1, 32, 208, 3)).astype(np.uint8)
    assert not sign_lab.ink(blank).any() and not sign_lab.ink(noise).any()


def test_the_words_effect_is_that_of_the_letters_and_not_of_the_board() -> None:
    words, colours = ("OPEN", "STOP", "BREAD", "I"), list(sign_lab.COLOURS)
    perfect = np.stack(
        [sign_lab.draw_sign(word, colours[(2 * at + seed) % 5]) for at, word in enumerate(words) for seed in range(5)]
    )
    assert sign_lab.word_effect(perfect, words) == pytest.approx(1, abs=0.02)
    yellow = np.stack([sign_lab.draw_sign(word, "yellow") for word in words])
    assert sign_lab.word_effect(yellow, words) == pytest.approx(1, abs=0.02)
    repainted = np.stack([sign_lab.draw_sign("OPEN", colours[at]) for at in range(len(words))])
    assert sign_lab.word_effect(repainted, words) == pytest.approx(0, abs=0.02)
    assert sign_lab.word_effect(yellow[:1], words[:1]) is None


@pytest.mark.parametrize("cause", sign_lab.CAUSES)
def test_the_snippet_paints_the_same_sign(cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result, _, saved = shown(sign_lab.snippet(cause, "open", 3, steps=4))
    assert saved == ["sign.png"]
    stock = np.asarray(result).astype(int)
    assert np.abs(stock - last_of(cause, "OPEN", (3,), steps=4)[0]).max() <= 2


def test_passes_stream_and_end_with_pictures() -> None:
    passes = list(sign_lab.paint("boxes", ["CAT", "STOP"], (5, 6), previews=True, **QUICK))
    assert [event.index for event in passes] == [0, 1, 2]
    assert all(event.previews is not None and event.previews.shape == (4, 32, 208, 3) for event in passes)
    assert [event.pictures is None for event in passes] == [True, True, False]
    assert passes[-1].pictures is not None
    assert passes[-1].words == ("CAT", "STOP") and len(sign_lab.read(passes[-1].pictures, passes[-1].words)) == 4


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    batch = last_of("spelled", ["CAT", "STOP"], (5, 6)).astype(int)
    alone = last_of("spelled", "STOP", (6,))
    assert np.abs(batch[3] - alone[0]).max() <= 2
    assert np.abs(batch[2] - batch[3]).max() > 2


def test_a_stopped_run_frees_the_painter() -> None:
    run = sign_lab.paint("sloppy", "CAT", (0,))
    next(run)
    run.close()  # type: ignore[attr-defined]
    assert last_of("sloppy", "CAT", (0,)).shape == (1, 32, 208, 3)


def test_loading_tells_its_progress_once() -> None:
    sign_lab.SHELF.unload()
    told: list[str] = []
    for _ in range(2):
        sign_lab.load("characters", lambda share, text: told.append(text))
    assert len(told) == 1 and "letters" in told[0]


def test_the_record_holds_every_painter_and_the_readers_limits() -> None:
    record = sign_lab.recorded()
    assert record["steps"] == sign_lab.STEPS and record["guidance_scale"] == sign_lab.GUIDANCE
    assert record["reader"]["rendered"]["all"]["rate"] >= 0.97 and record["reader"]["rendered"]["all"]["of"] >= 200
    assert record["reader"]["round_trip"]["all"]["rate"] >= 0.90
    for cause in sign_lab.CAUSES:
        for words in ("seen", "never_seen"):
            row = record["painters"][cause][words]["all"]
            assert row["words"] >= 50 and row["of"] == row["words"] * len(record["seeds"])
            assert row["low"] <= row["rate"] <= row["high"]
            share = sign_lab.exact_share(row["right"], row["of"], row["words"])
            assert (row["low"], row["high"]) == pytest.approx((share.low, share.high), abs=1e-4)
            assert row["character_error_low"] <= row["character_error_rate"] <= row["character_error_high"]


def test_the_weights_are_small() -> None:
    assert sum(path.stat().st_size for path in sign_lab.FOLDER.rglob("*") if path.is_file()) <= 10_000_000
