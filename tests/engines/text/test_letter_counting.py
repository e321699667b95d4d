"""The networks that count letters: what they read, what they answer, and what is refused."""

from __future__ import annotations

import pytest

from engines.evidence import PlainError
from engines.text import letter_counting
from engines.text.letter_counting import COUNTS, NETWORKS


@pytest.fixture(scope="module")
def networks():
    return {key: letter_counting.load(key) for key in NETWORKS}


def test_all_have_one_size_and_one_vocabulary(networks) -> None:
    sizes = {sum(weight.numel() for weight in one.model.parameters()) for one in networks.values()}
    assert len(sizes) == 1 and 200_000 < sizes.pop() < 250_000
    assert {one.model.config.vocab_size for one in networks.values()} == {letter_counting.reader().entries}
    assert letter_counting.load("chunks") is networks["chunks"]


def test_chunks_and_letters_join_back_to_the_word() -> None:
    reader = letter_counting.reader()
    for word in ("strawberry", "qzx", "a", "indecipherable"):
        assert "".join(reader.pieces(word, "chunks")) == word == "".join(reader.pieces(word, "letters"))
    assert len(reader.pieces("strawberry", "chunks")) < len("strawberry")
    assert reader.ids("r", "chunks") == reader.ids("r", "letters")
    given, told = reader.spelling("straw", "chunks")
    assert told[:-1] == reader.ids("straw", "letters") and given[1:-1] == reader.ids("straw", "chunks")
    assert max(*given, *told, reader.count(9)) < reader.entries


def test_an_answer_is_a_distribution_and_no_word_changes_another(networks) -> None:
    questions = [("strawberry", "r"), ("a", "a"), ("indecipherable", "e"), ("banana", "z")]
    for one in networks.values():
        together = one.ask(questions)
        for question, answer in zip(questions, together, strict=True):
            (alone,) = one.ask([question])
            assert len(answer.chances) == COUNTS and sum(answer.chances) == pytest.approx(1)
            assert answer.chances == pytest.approx(alone.chances, abs=1e-5)
            assert answer.truth == question[0].count(question[1]) and answer.right == (answer.count == answer.truth)
        assert one.ask([]) == ()


def test_what_is_recorded_comes_out_again(networks) -> None:
    """A sample of the card: the networks' share right on words never seen."""
    from training import strawberry

    unseen = sorted(letter_counting.words()["unseen"])
    (questions, *_) = strawberry.held_out(unseen).values()
    for key, one in networks.items():
        right = sum(answer.right for answer in one.ask(questions))
        (row, *_) = letter_counting.recorded()["networks"][key].values()
        assert abs(right - row["right"]) <= 1 and len(questions) == row["of"]


@pytest.mark.parametrize(
    ("word", "letter"),
    [("café", "e"), ("", "r"), ("two words", "r"), ("a" * 25, "a"), ("cat", ""), ("cat", "at"), ("cat", "é"),
     ("straw\u200bberry", "r"), ("مرحبا", "م"), ("<b>", "b")],
    ids=range(10),
)  # fmt: skip
def test_bad_questions_are_told_plainly(word: str, letter: str) -> None:
    with pytest.raises(PlainError, match="a to z|24 letters"):
        letter_counting.check_question(word, letter)
    assert letter_counting.check_question("Straw", "R") == ("straw", "r")


def test_what_is_not_there_is_told_plainly(tmp_path) -> None:
    with pytest.raises(PlainError, match="chunks, spelled, letters"):
        letter_counting.load("words")
    for missing in (letter_counting.reader, letter_counting.words, letter_counting.recorded):
        with pytest.raises(PlainError, match=r"training\.strawberry"):
            missing(tmp_path)
    with pytest.raises(PlainError, match=r"training\.strawberry"):
        letter_counting.opened("chunks", tmp_path)
