"""Writing under a grammar: only its sentences, the likeliest of them, and what each is worth by itself."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from engines.text import language_model
from engines.text.constrained import Sentence
from engines.text.language_model import LanguageModel
from engines.text.transformer import Network
from tests.engines import tiny_text

PROMPT = "The keys to the cabinet"
STOP = 7


@dataclass
class Small:
    """Two to three tokens of a few, then the stop; a bonus for some."""

    bonuses: dict[int, float] = field(default_factory=dict)
    start: int = 0

    def options(self, state: int) -> dict[int, tuple[int | None, float]]:
        going_on: dict[int, tuple[int | None, float]] = {
            token: (state + 1, self.bonuses.get(token, 0.0))
            for token in ((10, 20, 30), (11, 21), (12, 22, 32), ())[state]
        }
        return going_on | ({STOP: (None, 0.0)} if state >= 2 else {})

    def sentences(self) -> list[tuple[int, ...]]:
        short = [(*two, STOP) for two in itertools.product((10, 20, 30), (11, 21))]
        return short + [(*two, STOP) for two in itertools.product((10, 20, 30), (11, 21), (12, 22, 32))]


@pytest.fixture(scope="module", params=["torch", "torch alone", "quick"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageModel]:
    if request.param == "torch":
        yield tiny_text.tiny()
        return
    if request.param == "torch alone":
        network = Network(tiny_text.network_model("llama"))
        network.packs = False
        yield LanguageModel(network, tiny_text.tokenizer(), name="tiny", revision="random")
        return
    yield language_model.load(str(tiny_text.four_bit(tmp_path_factory.mktemp("four"))))
    language_model.unload()


def by_hand(model: LanguageModel, sentence: tuple[int, ...]) -> float:
    """The log probability of a sentence under the mask, each token by a pass of its own."""
    grammar, state, total = Small(), 0, 0.0
    prompt = model.encode(PROMPT)
    for place, token in enumerate(sentence):
        ids = (*prompt.ids, *sentence[:place])
        logits = model._writer.read(ids)[0][0].astype(np.float64)
        options = grammar.options(state)
        total += logits[token] - np.logaddexp.reduce(logits[list(options)])
        state = options[token][0] or 0
    return float(total)


def sentences(model: LanguageModel, grammar: Small, **options: Any) -> tuple[Sentence, ...]:
    *_, found = model.search(model.encode(PROMPT), grammar, **options)
    return found


def test_a_wide_search_finds_every_sentence_in_order_with_its_chance(model: LanguageModel) -> None:
    expected = sorted(((by_hand(model, ids), ids) for ids in Small().sentences()), reverse=True)
    found = sentences(model, Small(), beams=24)
    assert [one.token_ids for one in found] == [ids for _, ids in expected]
    np.testing.assert_allclose([one.given for one in found], [chance for chance, _ in expected], atol=2e-4)
    assert math.isclose(sum(math.exp(one.given) for one in found), 1, abs_tol=1e-4)


def test_scores_of_sentences_are_those_of_the_search_whatever_was_read_before(model: LanguageModel) -> None:
    prompt = model.encode(PROMPT)
    sentences = Small().sentences()[::-1]
    scores = model.score(prompt, sentences, Small())
    np.testing.assert_allclose(scores, [by_hand(model, ids) for ids in sentences], atol=2e-4)
    assert model.score(prompt, [], Small()) == ()


def test_a_bonus_moves_a_sentence_up_and_is_told_apart_from_its_chance(model: LanguageModel) -> None:
    first, *_, last = sentences(model, Small(), beams=24)
    wanted = next(token for token in (10, 20, 30) if token != first.token_ids[0])
    best = sentences(model, Small({wanted: 50.0}), beams=4)[0]
    assert best.token_ids[0] == wanted and best.bonus == 50
    assert best.given == pytest.approx(by_hand(model, best.token_ids), abs=2e-4)


def test_each_token_shows_the_scoreboard_before_the_mask_and_after(model: LanguageModel) -> None:
    best = sentences(model, Small({20: 1.0}), beams=3, top=5)[0]
    assert len(best.choices) == len(best.token_ids)
    first = best.choices[0]
    assert first.allowed == 3 and len(first.before.candidates) == 5
    raw = model._writer.read(model.encode(PROMPT).ids)[0][0]
    assert first.before.candidates[0].token_id == int(raw.argmax())
    assert sum(one.masked for one in first.after) == pytest.approx(1)
    assert sum(one.favoured for one in first.after) == pytest.approx(1)
    shares = {one.token_id: one for one in first.after}
    ratio = shares[20].favoured / shares[10].favoured
    assert ratio == pytest.approx(math.e * shares[20].masked / shares[10].masked)


def test_a_row_that_goes_on_twice_goes_on_as_if_alone(model: LanguageModel) -> None:
    ids = list(model.encode(PROMPT).ids)
    batch = model._writer.batch([ids])
    batch.keep([0, 0, 0])
    batch.step([10, 20, 30])
    batch.keep([2, 0, 2])
    logits = batch.step([11, 12, 21])
    alone = [model._writer.read([*ids, *rest])[0][0] for rest in ((30, 11), (10, 12), (30, 21))]
    np.testing.assert_allclose(logits, alone, atol=2e-4)
