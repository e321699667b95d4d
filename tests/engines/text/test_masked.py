"""The masked writer and its twin: the stock pipeline's words, given places, errors mended, and hostile words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from engines.evidence import PlainError
from engines.text import masked
from engines.text.masked import CANVAS, END, MASK, Writers
from lessons.text_diffusion.measures import pipeline
from tests.lessons.common import shown


@pytest.fixture(scope="module")
def writers() -> Writers:
    return masked.load()


@pytest.mark.parametrize(("seed", "rounds"), [(1, 4), (2, 32)])
def test_the_rounds_are_those_of_the_stock_pipeline(writers: Writers, seed: int, rounds: int) -> None:
    ours = masked.last(masked.draft(writers, [seed], rounds=rounds)).canvas[0]
    (words,) = masked.lengths([seed])
    assert shown(pipeline(words, rounds, masked.TEMPERATURE, seed))[0] == writers.story(ours)


def test_a_story_does_not_depend_on_its_neighbours(writers: Writers) -> None:
    alone = masked.last(masked.draft(writers, [5], rounds=4)).canvas[0]
    among = masked.last(masked.draft(writers, [4, 5, 6], rounds=4)).canvas[1]
    assert (alone == among).mean() > 0.9  # the same but for rounding


def test_drafts_of_several_learners_share_passes_and_are_what_they_are_alone(
    writers: Writers, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [masked.last(masked.draft(writers, [seed], rounds=4)).canvas for seed in range(4)]
    passes, made = [], masked.PASSES._work

    def counted(loads: Any) -> Any:
        passes.append(len(loads))
        return made(loads)

    monkeypatch.setattr(masked.PASSES, "_work", counted)
    monkeypatch.setattr(masked.PASSES, "_seconds", 20.0)  # the first pass waits until all are there
    monkeypatch.setattr(masked.PASSES, "_company", 4)

    def stopped() -> None:
        next(masked.draft(writers, [9], rounds=4))

    with ThreadPoolExecutor(4) as pool:
        runs = [
            pool.submit(lambda seed=seed: masked.last(masked.draft(writers, [seed], rounds=4))) for seed in range(3)
        ]
        pool.submit(stopped).result(60)
        together = [run.result(60).canvas for run in runs]
    assert passes[0] == 4 and len(passes) < 3 * 4 + 1, "all four, then the three that went on"
    assert all((a == b).all() for a, b in zip(alone, together, strict=False))


def test_seconds_are_those_of_its_own_passes(writers: Writers, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(masked.time, "perf_counter", lambda: next(clock))
    drafted, typed = masked.draft(writers, [1], rounds=3), masked.write(writers, [1])
    for index in (1, 2, 3):  # in turn, as in a race: neither counts the other's passes
        assert next(drafted).seconds == next(typed).seconds == index


def test_every_round_keeps_its_share_and_nothing_else(writers: Writers) -> None:
    rounds = list(masked.draft(writers, [1, 2, 3], rounds=4))
    assert [one.index for one in rounds] == [1, 2, 3, 4] and all(one.rounds == 4 for one in rounds)
    for one in rounds:
        kept = one.before != one.hidden
        assert (one.canvas[kept] == one.before[kept]).all()
        assert (one.canvas[one.revealed] == one.guesses[one.revealed]).all()
        assert set(one.states(1)) <= {"given", "committed", "revealed", "draft"}
        assert one.confidence.min() >= 0 and one.confidence.max() <= 1 and one.candidates.shape == (3, CANVAS, 5)
    assert not (rounds[-1].canvas == writers.ids[MASK]).any()
    assert [len(writers.story(row).split()) for row in rounds[-1].canvas] == masked.lengths([1, 2, 3])


def test_given_words_stay_and_forbidden_ones_do_not_come(writers: Writers) -> None:
    row = writers.canvas([MASK] * 9 + ["."], True)
    allowed = np.ones((CANVAS, len(writers.words)), bool)
    allowed[0] = [word[0] == "z" for word in writers.words]
    for seed in range(3):
        text = writers.text(masked.last(masked.draft(writers, [seed], canvases=row[None], allowed=allowed)).canvas[0])
        assert text[0][0] == "z" and text[9] == "." and set(text[10:]) == {END}
    typed = writers.text(masked.last(masked.write(writers, [1], given=row[None], allowed=allowed)).canvas[0])
    assert typed[0][0] == "z" and typed[9] == "." and set(typed[10:]) == {END}


def test_the_twin_writes_what_its_network_would(writers: Writers) -> None:
    from transformers import GenerationConfig

    ours = masked.last(masked.write(writers, [1, 2], temperature=0)).canvas[0]
    start = writers.tokenizer(masked.START, return_tensors="pt").input_ids
    greedy = GenerationConfig(do_sample=False, max_new_tokens=CANVAS, eos_token_id=0, pad_token_id=0)
    plain = writers.twin.generate(start, generation_config=greedy)
    assert writers.text(ours)[: plain.shape[1] - 1] == writers.tokenizer.convert_ids_to_tokens(plain[0, 1:])


def test_an_error_stays_without_revision_and_is_doubted_with_it(writers: Writers) -> None:
    stays = masked.last(masked.erred(writers, 3, position=1, word="zebra", at=4, remask=False)).canvas[0]
    assert writers.text(stays)[1] == "zebra" and not (stays == writers.ids[MASK]).any()
    kites = "anna finds three old red kites . now anna has three old red kites . who has the kites ? anna .".split()
    right = writers.canvas(kites, True)
    wrong = writers.canvas([*kites[:4], "blue", *kites[5:]], True)
    assert not writers.broken(right) and writers.broken(wrong) == ("retold",)
    shares = masked.doubts(writers, wrong)
    assert shares.shape == (CANVAS,) and shares[4] < masked.DOUBT and shares[len(kites) :].min() == 1
    assert list(masked.erred(writers, 3, position=0, word="anna", at=9, rounds=8))


def test_what_a_writer_gives_a_place_depends_on_what_it_may_read(writers: Writers) -> None:
    told = "anna finds three old red kites . now anna has three old red kites . who has the kites ? anna ."
    row = writers.canvas(told.split(), True)
    other = writers.canvas(told.replace("has three old red", "has three old blue").split(), True)
    both, left = masked.guesses_at(writers, np.array([row, other]), [4, 4])
    assert np.allclose(left[0], left[1], atol=1e-5) and not np.allclose(both[0], both[1], atol=1e-3)
    assert both[0, writers.ids["red"]] > both[0, writers.ids["blue"]]
    assert both[1, writers.ids["blue"]] > both[1, writers.ids["red"]]


@pytest.mark.parametrize(
    "text", [None, 5, "qwertz", "<mask>", "漢字", "\ue000", "anna " * 60, "a" * 601, "\ud800"], ids=range(9)
)
def test_hostile_words_are_refused(writers: Writers, text: object) -> None:
    with pytest.raises(PlainError):
        masked.read(writers, "The beginning", text)
    with pytest.raises(PlainError):
        masked.check_word(writers, text)
    with pytest.raises(PlainError):
        masked.gapped(writers, "The text", text)


def test_a_near_word_is_named(writers: Writers) -> None:
    with pytest.raises(PlainError, match="kite"):
        masked.read(writers, "The beginning", "anna finds a kyte")
    assert masked.read(writers, "It", "Anna finds, a KITE.") == ["anna", "finds", ",", "a", "kite", "."]
    assert masked.gapped(writers, "It", "anna ▒▒ kite") == ["anna", MASK, MASK, "kite"]


@pytest.mark.parametrize("hidden", ["\u200b", "\u202e", "\xad", "\ufeff", "\ufe0f", "\x00", "\U000e0061"], ids=ascii)
def test_what_cannot_be_seen_in_a_word_does_not_count(writers: Writers, hidden: str) -> None:
    """A pasted “anna” with a zero-width space was refused as “anna”, with “anna” named as near it."""
    assert masked.read(writers, "The beginning", f"{hidden}an{hidden}na finds") == ["anna", "finds"]
    assert masked.check_word(writers, f"anna{hidden}") == "anna"
    assert masked.gapped(writers, "The text", f"anna{hidden} ▒") == ["anna", MASK]
    assert masked.read(writers, "The beginning", hidden) == masked.read(writers, "The beginning", "")


def test_settings_out_of_range_are_refused(writers: Writers) -> None:
    for options in ({"rounds": 0}, {"rounds": 49}, {"temperature": 3}, {"temperature": "a"}):
        with pytest.raises(PlainError):
            list(masked.draft(writers, [1], **options))
    for seeds in ([], [-1], [1] * 99):
        with pytest.raises(PlainError):
            list(masked.write(writers, seeds))


def test_missing_weights_are_named(tmp_path) -> None:
    with pytest.raises(PlainError, match="training.masked_text"):
        masked.load(tmp_path)
