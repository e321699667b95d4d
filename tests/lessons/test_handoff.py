"""The handoff: what crosses, who lost what, bit-equal pictures from equal ids, and nothing typed becomes markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engines.director import directing
from engines.director.directing import Candidate, Direction
from engines.director.facts import facts
from engines.evidence import Evidence, PlainError, Underway
from engines.pictures import diffusion
from engines.pictures import painter as painters
from engines.pictures.diffusion import Painter, Pass
from engines.stickers import scenes
from engines.stickers.seed_ranges import UNSEEN
from engines.text.language_model import LanguageModel
from lessons.handoff import api, bypass, chain, figures, forget, measures, play, proof
from lessons.handoff.chain import Moment
from lessons.handoff.rounds import facts_shown, rounds
from lessons.shell import recorded, waking
from lessons.shell.content import folder, read_lesson
from tests.engines import tiny_text
from tests.engines.tiny_painters import same_pictures
from tests.lessons.common import NASTY, last, run, safe

CAPTION = "two pigs in the snow"


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return tiny_text.tiny()


@pytest.fixture(scope="module")
def bundled() -> Painter:
    return painters.load()


@pytest.fixture
def few_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model has no room for all of them."""
    monkeypatch.setattr(directing, "SHOTS", directing.SHOTS[:1])


@pytest.fixture
def director(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str | None]]:
    """Stands where the director stands and writes these captions, the last one again and again."""
    captions: list[str | None] = []

    def directed(*_: Any) -> Iterator[Direction]:
        caption = captions.pop(0) if len(captions) > 1 else captions[0]
        candidates = (Candidate(caption, -1.0, 2.0, -9.0),) if caption else ()
        yield Direction(caption, candidates, ())

    monkeypatch.setattr(directing, "directing", directed)
    yield captions


# --- the chain ---------------------------------------------------------------------------------------------


def test_a_chat_is_written_token_by_token_then_painted_pass_by_pass_and_only_the_caption_is_read(
    model: LanguageModel, bundled: Painter, few_examples: None
) -> None:
    events = list(chain.chain(model, bundled, "a pig\nno, two", "two pigs", 3, steps=2))
    drafts = [event.caption for event in events if isinstance(event, Moment)]
    assert drafts[0] == ""
    evidence = events[-1]
    assert isinstance(evidence, Evidence)
    value = evidence.value
    if value.caption is None:
        pytest.skip("the tiny model declined")
    assert drafts[-1] == value.caption and any(isinstance(event, Pass) for event in events)
    alone = diffusion.paint(bundled, diffusion.Plan(value.caption, (3,), steps=2))
    np.testing.assert_array_equal(value.picture, alone[0])


def test_a_caption_reaches_the_encoder_as_its_ids_and_the_code_paints_from_them_alone(bundled: Painter) -> None:
    said = ("Please paint two of my pigs in the snow!",)
    *_, evidence = chain.painted(bundled, said, CAPTION, None, CAPTION, 5, 3, 0.0, None)
    value = evidence.value
    assert value.received[1:-1] == bundled.read(CAPTION).token_ids and len(value.pieces) == 5
    assert len(value.received) + value.filled == bundled.capacity
    assert CAPTION not in evidence.snippet and "Please" not in evidence.snippet
    (picture,) = run(evidence.snippet)
    same_pictures([picture], evidence.expected[:1])


def test_the_row_ends_at_its_first_end_mark() -> None:
    assert chain.end((977, 5, 6, 978, 978, 978)) == 4
    assert chain.end((977, 5, 6, 978)) == 4 and chain.end((977, 978, 978)) == 2


def test_a_chat_that_is_declined_paints_nothing_and_says_why(
    model: LanguageModel, bundled: Painter, director: list[str | None]
) -> None:
    director.append(None)
    *moments, evidence = chain.chain(model, bundled, "Write me a poem", "", 3)
    assert not any(isinstance(event, Pass) for event in moments)
    assert evidence.value.picture is None and "nothing was painted" in evidence.alt
    assert isinstance(chain.truth(evidence.value), str)
    shown = list(figures.followed(iter([evidence]), "talk", "reel", "box", "ledger"))
    assert shown[0]["box"] == "" and "Nothing was painted" in shown[1]["reel"]
    drafted = chain.Moment(("Write me a poem",), "a <b>frog</b>")
    kept_back = list(figures.followed(iter([drafted, evidence]), "talk", "reel", "box", "ledger"))[2]["talk"]
    assert "nothing: <s" in kept_back and "kept back" in kept_back and "<b>frog" not in kept_back


def test_how_much_crossed_is_counted_in_words() -> None:
    value = chain.Chain(("Hello there, my friend!", "two pigs"), None, None, "two pigs")
    assert value.crossed == 2 / 6
    assert chain.truth(value) == (2 / 6, "2 words of caption for 6 words of chat (33 %)")


def test_an_edited_caption_is_painted_and_nobody_reads_the_chat(bundled: Painter) -> None:
    events = list(chain.edited(None, bundled, "", "", " a cow at the beach ", 3, steps=2))  # type: ignore[arg-type]
    assert events[-1].value.caption == "a cow at the beach" and events[-1].value.wish is None
    with pytest.raises(PlainError):
        list(chain.edited(None, bundled, "", "", "   ", 3))  # type: ignore[arg-type]


def test_another_painter_is_directed_without_mask_and_not_judged(
    model: LanguageModel, painter: Painter, few_examples: None
) -> None:
    events = list(chain.chain(model, painter, "a pig in the snow", "a pig", 3, steps=2))
    value = events[-1].value
    if value.caption is not None:
        assert all(entry.seen is None for entry in value.entries)
        assert any("Not judged" in finding.headline for finding in events[-1].findings)
    drafts = [event.draft for event in events if isinstance(event, Moment) and event.draft]
    assert all(draft.choice.allowed == model.vocabulary_size and draft.choice.after == () for draft in drafts)


@pytest.mark.parametrize("chat", ["", "  \n ", None, "x" * 500, "\n".join("hi" for _ in range(13)), "a\ud800"])
def test_a_chat_that_cannot_be_read_is_refused_in_words(model: LanguageModel, bundled: Painter, chat: Any) -> None:
    with pytest.raises(PlainError):
        list(chain.chain(model, bundled, chat, "", 3))


@pytest.mark.parametrize("wish", ["something nice", NASTY, "x" * 5000])
def test_a_wish_without_facts_is_refused_in_words(wish: str) -> None:
    with pytest.raises(PlainError):
        measures.check_wish(wish)
    assert measures.check_wish("  ") is None
    with pytest.raises(PlainError):
        measures.check_wish("", needed=True)


# --- the others --------------------------------------------------------------------------------------------


def test_all_three_letters_are_painted_from_the_same_seeds(
    model: LanguageModel, bundled: Painter, director: list[str | None]
) -> None:
    director.append("a car in the snow")
    evidence = last(bypass.bypass(model, bundled, "a cow\na car in the snow", "a car in the snow", 2, 5, steps=2))
    value = evidence.value
    assert [way.sent for way in value.ways] == ["a car in the snow", "a car in the snow", "a cow a car in the snow"]
    np.testing.assert_array_equal(value.ways[0].pictures, value.ways[1].pictures)
    assert all(0 <= seen <= told <= 2 for way in value.ways for seen, told in zip(way.seen, way.decided, strict=True))
    assert "nan" not in evidence.alt + "".join(one.headline + one.text for one in evidence.findings)
    assert len(evidence.table.rows) == 6
    safe(figures.three_ways(value) + figures.kept_bars(value))


def test_where_nothing_can_be_told_no_share_is_made_up() -> None:
    nothing = np.zeros((2, 8, 8, 3), np.uint8)
    ways = tuple(bypass.Way(name, "x", (), nothing, (0, 0), (0, 0), 2) for name in bypass.WAYS)
    value = bypass.Bypass("a cat in the snow", ("cat", "snow"), ways)
    said = bypass._alt(value) + "".join(one.headline + one.text for one in bypass._findings(value))
    assert "nan" not in said and "0 to 100 % against 0 to 100 %" in said and "do not tell the two apart" in said
    assert "the two ends lie on either side of zero" in said and "holds zero" not in said
    assert isinstance(bypass.truth(value), str)


def test_a_caption_leads_only_where_it_does_whatever_the_judge_cannot_tell() -> None:
    """Pictures of which half could not be told counted as half told, and the caption led by what was left out."""
    nothing = np.zeros((8, 8, 8, 3), np.uint8)

    def value(seen: int, told: int) -> bypass.Bypass:
        whole = bypass.Way(bypass.WAYS[2], "y", (), nothing, (seen,) * 8, (told,) * 8, 4)
        direct = bypass.Way(bypass.WAYS[0], "x", (), nothing, (3,) * 8, (4,) * 8, 4)
        return bypass.Bypass("a cat", ("cat",), (direct, whole, whole))

    assert "better letter" in bypass.verdict(value(1, 4)) and "raw chat" in bypass.verdict(value(4, 4))
    doubtful = value(1, 2)
    assert "do not tell" in bypass.verdict(doubtful)
    assert str(doubtful.ways[1]).startswith("8 to 24 of 32 facts seen (95 % interval ")
    assert str(doubtful.ways[1]).endswith("; 16 cannot be told")
    kept = bypass.truth(value(1, 4))
    assert kept[2] == [0.5, 0.5] and "the difference is +50 points each time" in kept[1]


def test_seeds_that_are_too_few_score_no_guess_and_say_how_many_would_do(model: LanguageModel) -> None:
    """Four seeds that all agreed scored a guess by an interval that there was not."""
    nothing = np.zeros((4, 8, 8, 3), np.uint8)
    sides = [
        play.Side(name, "x", nothing, frozenset(), ((4, 4), (seen, 4)), (np.full(4, rate),) * 2)
        for name, seen, rate in (("You", 0, 0.5), ("The director", 4, 1.0))
    ]
    value = play.Game(0, rounds()[0], tuple(sorted(facts("a cat in the snow"))), *sides)
    assert play.verdict(value).endswith("apart: 4 seeds that agree are too few; 6 would do")
    told = play.truth(value)
    assert isinstance(told, str) and "−50 points each time. No guess is scored: 4 seeds that agree are too few" in told
    assert play._findings(value)[1].headline.startswith("You 0, the director 0 of 2 facts")
    doubtful = replace(value, you=replace(sides[0], seen=((4, 4), (0, 3))))
    assert play._findings(doubtful)[1] == measures.NOT_TOLD


def test_a_chat_of_one_message_has_no_other_that_the_painter_never_saw() -> None:
    nothing = np.zeros((2, 8, 8, 3), np.uint8)
    ways = [bypass.Way(name, "a cat", (), nothing, (1, 1), (1, 1), 1) for name in bypass.WAYS]
    one = bypass.Bypass("a cat", ("cat",), tuple(ways))
    assert "never saw the others" not in "".join(found.text for found in bypass._findings(one))
    ways[2] = replace(ways[2], sent="Hi! a cat")
    more = bypass.Bypass("a cat", ("cat",), tuple(ways))
    assert "never saw the others" in "".join(found.text for found in bypass._findings(more))


def test_pictures_that_show_a_thing_are_told_in_a_sentence_with_both_ends() -> None:
    """The verdict was no sentence, and its guess was held against the bare rates, without their intervals."""
    nothing, untold = np.zeros((8, 8, 8, 3), np.uint8), forget.in_bounds(0, 6, 8, 8)
    row = forget.Row(forget.WAYS[1], forget.ORDER, nothing, untold, np.linspace(0, 1, 8))
    value = forget.Forgetting("a car", (row,) * 4)
    middle, said, ends = forget.truth(value)
    assert said == (
        "0 to 2 of 8 pictures painted from “the same, but blue” show a car (95 % interval 0–59 %); of 2 the judge "
        "cannot tell"
    )
    assert middle == 0.125 and ends == [untold[0].low, untold[1].high]
    assert forget._findings(value)[0].headline == "0 to 2 of 8" and "show a car (95 %" in forget._alt(value) + said


def test_the_words_of_the_page_give_the_kept_seed_no_memory() -> None:
    words = (folder("handoff") / "lesson.md").read_text(encoding="utf-8")
    record = recorded.read("handoff/forget")
    assert record is not None
    shown = str(recorded._words(record["places"]["result"]))
    assert "The two cannot be told apart" in shown and "that may be chance" in words
    kept, other = re.findall(r"<b>([\d.]+ %) against ([\d.]+ %)</b>", shown)[0]
    assert f"lay {kept} from the first ones with the seed kept and {other} with another" in words


def test_the_stored_measurement_has_director_and_rivals() -> None:
    shares = {name: kept.rate for name, kept, _ in bypass.published()}
    assert shares["the director"] > max(rate for name, rate in shares.items() if name != "the director")
    assert [name for name, _ in bypass.published_pictures()] == list(bypass.WAYS)


def test_equal_captions_paint_equal_pictures_and_another_does_not(
    model: LanguageModel, bundled: Painter, director: list[str | None]
) -> None:
    director += [CAPTION, CAPTION, "two ducks in the snow", ""]
    evidence = last(proof.proof(model, bundled, "one", "another", "a third", 5, steps=2))
    first, second, third = evidence.value
    assert first.received == second.received != third.received
    assert first.differs(second) == 0 < first.differs(third)
    assert proof.truth(evidence.value)[0] == 0
    first, second, third = evidence.value
    assert "other words" in proof._findings(list(evidence.value))[0].text
    assert "other words" not in proof._findings([first, replace(second, said=first.said), third])[0].text
    assert evidence.findings[0].headline == "Not one pixel"
    (picture,) = run(evidence.snippet)
    same_pictures([picture], evidence.expected[:1])


def test_chats_that_end_in_other_captions_score_no_guess(
    model: LanguageModel, bundled: Painter, director: list[str | None]
) -> None:
    director += ["a pig", CAPTION, "a duck", ""]
    evidence = last(proof.proof(model, bundled, "one", "another", "a third", 5, steps=2))
    assert isinstance(proof.truth(evidence.value), str) and "not the same" in evidence.findings[0].text
    director[:] = [None]
    with pytest.raises(PlainError, match="first chat"):
        list(proof.proof(model, bundled, "one", "another", "a third", 5, steps=2))


def test_four_rows_are_told_apart_by_text_and_seed(bundled: Painter) -> None:
    evidence = last(forget.forget(bundled, "a red car", "the same, but blue", "a blue car", 2, 5, steps=2))
    first, order, same, other = evidence.value.rows
    assert first.changed.max() == 0 and min(one.changed.min() for one in (order, same, other)) > 0
    alone = diffusion.paint(bundled, diffusion.Plan("a blue car", (505, 506), steps=2))
    np.testing.assert_array_equal(other.pictures, alone)
    assert "nan" not in evidence.alt and len(evidence.table.rows) == 8 and evidence.value.named == "a car"
    with pytest.raises(PlainError, match="names nothing"):
        list(forget.forget(bundled, "hello", "the same", "a blue car", 2, 5, steps=2))


def test_every_round_shows_just_what_its_chat_asks_for_in_a_scene_nobody_was_trained_on() -> None:
    assert len(rounds()) >= 20
    for one in rounds():
        assert one.scene >= UNSEEN and facts_shown(one.scene) == facts(one.wish), one
    assert rounds()[0].picture().shape == (scenes.SIZE, scenes.SIZE, 3)
    assert facts(play.CAPTION) < facts(rounds()[0].wish) | facts(play.CAPTION)


def test_learner_and_director_are_held_against_the_same_facts(
    model: LanguageModel, bundled: Painter, director: list[str | None]
) -> None:
    director.append(rounds()[0].wish)
    evidence = last(play.play(model, bundled, 0, rounds()[0].wish, 2, 5, steps=2))
    value = evidence.value
    np.testing.assert_array_equal(value.you.pictures, value.director.pictures)
    assert value.lead.more == 0 and value.lead.middle == 0
    assert len(evidence.table.rows) == len(value.facts)
    director[:] = [None]
    declined = last(play.play(model, bundled, 0, "a cat", 2, 5, steps=2)).value
    assert declined.director.rate == "0 %" and "wrote no caption" in figures.match(declined)
    for number in (-1, len(rounds()), 0.5):
        with pytest.raises(PlainError):
            list(play.play(model, bundled, number, "a cat", 2, 5))  # type: ignore[arg-type]


def test_what_needs_the_judge_says_so_of_another_painter(model: LanguageModel, painter: Painter) -> None:
    for work in (
        bypass.bypass(model, painter, "a pig", "a pig", 2, 5),
        forget.forget(painter, "a red car", "the same", "a blue car", 2, 5),
        play.play(model, painter, 0, "a cat", 2, 5),
    ):
        with pytest.raises(PlainError, match="Sticker World only"):
            list(work)


def test_bins_of_the_predictions_end_where_their_words_say() -> None:
    bins = read_lesson("handoff").predictions
    assert [bins["crossed"].which(share) for share in (0.09, 0.1, 0.4, 0.9)] == [0, 1, 2, 3]
    assert [bins["better"].which(share) for share in (-0.06, 0, 0.05, 0.3, 0.31)] == [0, 1, 1, 2, 3]
    assert [bins["pixels"].which(share) for share in (0, 0.01, 0.5, 0.51)] == [0, 1, 2, 3]
    assert [bins["again"].which(share) for share in (0, 0.15, 0.5, 0.85, 0.86)] == [0, 1, 2, 2, 3]
    assert [bins["ahead"].which(share) for share in (-0.1, 0, 0.1)] == [0, 1, 2]


def test_nothing_typed_becomes_markup(model: LanguageModel, bundled: Painter) -> None:
    for event in figures.followed(
        chain.edited(model, bundled, NASTY, "", f"a pig {NASTY}"[:200], 3, steps=2), "talk", "reel", "box", "ledger"
    ):
        if isinstance(event, dict):
            safe(event.get("talk", "") + event.get("ledger", ""))
    safe(figures.writing(Moment((NASTY,), NASTY)))


# --- the API -----------------------------------------------------------------------------------------------


def test_the_api_streams_caption_passes_and_ledger(
    model: LanguageModel, bundled: Painter, director: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    director.append(CAPTION)
    monkeypatch.setattr(api.language_model, "load", lambda: model)
    monkeypatch.setattr(waking, "open_painter", lambda: bundled)
    events = list(api.handoff(["a pig", "two"], CAPTION, 3, 2))
    assert [event["stage"] for event in events] == ["caption", "caption", "painting", "painting", "done"]
    assert events[-1]["caption"] == CAPTION and {entry["fact"] for entry in events[-1]["ledger"]} >= {"pig", "snow"}
    for bad in ([], ["x" * 500], "", [""]):
        with pytest.raises(PlainError):
            list(api.handoff(bad))  # type: ignore[arg-type]


def test_underway_never_claims_to_be_done_before_it_is() -> None:
    class Draft:
        token_ids = tuple(range(40))

    found = measures.writing(Draft())  # type: ignore[arg-type]
    assert isinstance(found, Underway) and found.share < 1
