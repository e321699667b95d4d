"""The facts of a caption, the set of chats, and what was measured on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.director import measures
from engines.director.facts import Fact, facts, ledger
from engines.director.grammar import Captions
from engines.evidence import PlainError
from engines.stickers.world import facts_of
from tests.engines.director.test_director import LETTERS, accepts


def test_facts_of_the_same_picture_are_the_same() -> None:
    assert facts("a dog to the left of a cat") == facts("a cat to the right of a dog")
    assert facts("a star above a house at night") == facts("a house below a star under the stars")
    assert facts("two red cars") == {
        Fact("object", ("car",)),
        Fact("count", ("car", "2")),
        Fact("colour", ("car", "red")),
    }
    assert facts(None) == facts("") == frozenset()


def test_the_ledger_tells_kept_lost_and_invented_apart() -> None:
    found = ledger("two dogs in the snow", "a dog in the snow on the left of a tree")
    assert {str(fact) for fact in found.kept} == {"dog", "snow"}
    assert {str(fact) for fact in found.lost} == {"two dogs"}
    assert {str(fact) for fact in found.invented} == {"tree", "dog left of tree"}
    assert not found.exact and ledger("a cat", "a cat").exact and ledger(None, None).exact


def test_the_set_of_chats_is_large_enough_split_in_halves_and_readable() -> None:
    chats = measures.chats()
    assert len(chats) >= 120 and len(measures.chats("develop")) == len(measures.chats("held_out"))
    assert len({chat.messages for chat in chats}) == len(chats)
    assert {len(chat.messages) for chat in chats} == {1, 2, 3, 4, 5}
    for chat in chats:
        if chat.wish is None:
            assert chat.outside
        else:
            read = facts_of(chat.wish)
            assert read.things and not read.unread, chat
            words = " ".join(chat.messages).lower()
            assert all(word.lower() in words for word in (*chat.taken_back, *chat.outside)), chat


def test_every_wish_could_be_written() -> None:
    grammar = Captions(LETTERS, 0)
    assert [chat.wish for chat in measures.chats() if chat.wish and accepts(grammar, chat.wish) is None] == []


def test_shares_count_facts_and_refusals() -> None:
    chats = [
        measures.Chat("develop", ("two dogs in the snow",), "two dogs in the snow"),
        measures.Chat("develop", ("poem",), None),
        measures.Chat("develop", ("joke",), None),
    ]
    found = measures.shares(chats, ["two dogs at night", None, "a cat"])
    assert (found.kept.successes, found.kept.trials) == (2, 3)
    assert (found.lost.successes, found.invented.successes, found.invented.trials) == (1, 2, 4)
    assert (found.exact.successes, found.declined.successes, found.declined.trials) == (1, 1, 2)


def test_what_was_measured_is_of_these_chats_and_the_director_beats_what_it_is_made_of() -> None:
    told = measures.outcomes()
    for name, halves in told["captions"].items():
        for half, captions in halves.items():
            assert len(captions) == len(measures.chats(half)), (name, half)
    grammar = Captions(LETTERS, 0)
    for half in measures.HALVES:
        compared = measures.candidates(told, "director", half)
        assert len(compared) == len(measures.chats(half))
        assert [one for of_chat in compared for one in of_chat if accepts(grammar, one.caption) is None] == []
    found = measures.table(told, "held_out")
    for name in ("last message", "unconstrained"):
        assert found["director"].kept.rate > found[name].kept.rate
        assert found["director"].exact.rate > found[name].exact.rate


def test_pictures_are_compared_chat_by_chat_without_what_could_not_be_told_and_with_it() -> None:
    wishing = [chat for chat in measures.chats("held_out") if chat.wish]
    rows = {way: [(2, 4, 4)] * len(wishing) for way in measures.WAYS}
    rows["caption"] = [(4, 4, 4)] * (len(wishing) - 1) + [(0, 0, 4)]  # of the last one nothing could be told
    told = {"pictures": {"held_out": rows}}
    gained = measures.gained(told, "held_out")
    assert gained.least[0] == pytest.approx(0.5 - 1 / len(wishing)) and gained.most[0] == 0.5 and gained.more == 1
    least, most = measures.painted(told, "held_out")["caption"]
    assert (least.successes, most.successes, least.trials) == (4 * (len(wishing) - 1), *(4 * len(wishing),) * 2)


def test_the_stored_pictures_are_of_these_chats() -> None:
    for half, ways in measures.outcomes()["pictures"].items():
        wishing = sum(chat.wish is not None for chat in measures.chats(half))
        assert list(ways) == list(measures.WAYS) and {len(rows) for rows in ways.values()} == {wishing}


def test_outcomes_that_are_not_there_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(PlainError, match="benchmarks.director"):
        measures.outcomes(tmp_path / "none.json")
