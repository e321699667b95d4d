"""The networks that count letters: lists apart, questions balanced, the same steps, and one cause between them."""

from __future__ import annotations

import argparse
import json

import pytest
import torch

from engines.text import letter_counting
from engines.text.letter_counting import FOLDER
from training import strawberry


def options(tmp_path, **changed) -> argparse.Namespace:
    plain = {"steps": 2, "resume": False, "batch": 4, "rate": 1e-2, "seed": 0, "checkpoints": tmp_path}
    return argparse.Namespace(**plain | changed)


@pytest.fixture(scope="module")
def words() -> dict[str, list[str]]:
    return json.loads((FOLDER / "words.json").read_text(encoding="utf-8"))


def test_the_lists_of_words_have_none_in_common_and_leave_the_lessons_out(words) -> None:
    asked, met, unseen = (set(words[name]) for name in ("asked", "met", "unseen"))
    assert not asked & met and not asked & unseen and not met & unseen
    assert not strawberry.LESSON & (asked | met | unseen)
    assert all(4 <= len(word) <= 14 and set(word) <= set(letter_counting.ALPHABET) for word in asked | met | unseen)


def test_the_measurement_asks_about_unseen_words_in_cells_of_two_hundred_or_more(words) -> None:
    asked = strawberry.held_out(words["unseen"])
    assert all(len(part) >= 200 and len(set(part)) == len(part) for part in asked.values())
    assert {word for part in asked.values() for word, _ in part} <= set(words["unseen"])
    for part in asked.values():
        counts = [word.count(letter) for word, letter in part]
        assert min(counts.count(count) for count in (0, 1, 2)) >= strawberry.EACH


def test_words_are_drawn_again_as_they_are_kept_and_plurals_are_left_out(tmp_path) -> None:
    (tmp_path / "list").write_text("straw\nstraws\nglass\nglasses\nAnna\nit's\nstrawberry\nlemon\n" * 2)
    drawn = strawberry.choose(tmp_path / "list", 1, 1, 5)
    assert sorted(sum(drawn.values(), [])) == ["glass", "straw"] and drawn == strawberry.choose(tmp_path / "list", 1, 1)


def test_a_blind_guess_is_the_commonest_count_when_all_counts_are_drawn_alike_often() -> None:
    guess = strawberry.blind(["eerie", "tent", "tot", "toad"])
    assert guess["e"] == 3 and guess["t"] == 2


def test_chunks_and_spelled_differ_in_the_other_lines_alone(tmp_path, words, monkeypatch) -> None:
    reader = letter_counting.reader()
    chunks, spelled, letters = (
        strawberry.train(key, reader, words, options(tmp_path)).state_dict() for key in ("chunks", "spelled", "letters")
    )
    assert {k: v.shape for k, v in chunks.items()} == {k: v.shape for k, v in letters.items()}
    name = "model.layers.0.mlp.up_proj.weight"
    assert not torch.equal(chunks[name], spelled[name])
    monkeypatch.setattr(letter_counting.Reader, "spelling", letter_counting.Reader.again)
    again = strawberry.train("spelled", reader, words, options(tmp_path)).state_dict()
    assert all(torch.equal(weight, again[name]) for name, weight in chunks.items())
    further = strawberry.train("spelled", reader, words, options(tmp_path, steps=3, resume=True)).state_dict()
    assert not torch.equal(again[name], further[name])


def test_the_recipe_runs_from_end_to_end_and_measures(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(strawberry, "EACH", 5)
    monkeypatch.setattr(strawberry, "held_out", lambda unseen, each=5, real=strawberry.held_out: real(unseen, each))
    out = ["--out", str(tmp_path / "out")]
    strawberry.main([*out, "--steps", "1", "--batch", "2", "--checkpoints", str(tmp_path)])
    (tmp_path / "out" / "README.md").write_text("Card\n" + "\n".join(strawberry.MARKS) + "\nend\n")
    strawberry.main([*out, "--evaluate"])
    strawberry.main([*out, "--keep", str(tmp_path / "out")])
    measured = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (
        set(measured["networks"]) == set(letter_counting.NETWORKS) and measured["networks"]["chunks"]["all"]["of"] >= 40
    )
    strawberry.main([*out, "--only", "wrong", "--steps", "1", "--batch", "2", "--checkpoints", str(tmp_path)])
    assert list(letter_counting.recorded(tmp_path / "out")["seeds"]) == ["1"]
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| blind guess |" in card and card.endswith("end\n")


def test_the_card_holds_what_was_measured() -> None:
    others = json.loads((FOLDER / "others.json").read_text(encoding="utf-8"))
    measured = json.loads((FOLDER / "metrics.json").read_text(encoding="utf-8"))
    assert strawberry.card(measured, others) in (FOLDER / "README.md").read_text(encoding="utf-8")
