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
from engines.signs import measures as sign_measures
from engines.signs import world as sign_world
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
    assert sign_measures.exact_rate(spellings).successes == 4 and sign_measures.character_error_rate(spellings) == 0
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


def test_the_weights_are_small() -> None:
    assert sum(path.stat().st_size for path in sign_lab.FOLDER.rglob("*") if path.is_file()) <= 10_000_000
