"""The same promises on the model that learners meet: needs the real weights."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from engines.models import weights
from engines.text import snippets
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Prompt, load
from engines.text.logit_lens import settles_at
from tests.lessons.common import run

pytestmark = pytest.mark.weights

FRANCE = "What is the capital of France?"
KEYS = "The keys to the cabinet are so rusty that I cannot"


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return load()


def test_it_knows_a_capital_and_stops(model: LanguageModel) -> None:
    tokens = list(model.write(model.encode(FRANCE, chat=True), Dials(0), seed=0, max_tokens=24))
    assert "Paris" in "".join(token.text for token in tokens)
    assert tokens[-1].finished == "eos"


def test_greedy_equals_generate(model: LanguageModel) -> None:
    from transformers import AutoModelForCausalLM

    prompt = model.encode("Tell me a story about a lighthouse.", chat=True)
    stock = AutoModelForCausalLM.from_pretrained(weights.ensure().path, dtype="float32")
    inputs = torch.tensor([prompt.ids])
    out = stock.generate(inputs, attention_mask=torch.ones_like(inputs), do_sample=False, max_new_tokens=24)
    tokens = list(model.write(prompt, Dials(0), seed=0, max_tokens=24))
    assert [token.token_id for token in tokens] == out[0, len(prompt.ids) :].tolist()


def test_a_seed_alone_and_in_a_batch(model: LanguageModel) -> None:
    prompt = model.encode(FRANCE, chat=True)
    *_, runs = model.write_many(prompt, Dials(), seeds=range(4), max_tokens=12)
    for one in runs[:2]:
        alone = model.write(prompt, Dials(), seed=one.seed, max_tokens=12)
        assert list(one.token_ids) == [token.token_id for token in alone]


def test_a_crowd_writes_token_for_token_what_each_writes_alone(model: LanguageModel) -> None:
    texts = ("Once upon a time", "The capital of France is", KEYS, "2 + 2 =", "My grandmother's recipe for")
    jobs = [(model.encode(text), Dials(0.8, 0.92), seed) for seed, text in enumerate(texts * 2)]

    def write(prompt: Prompt, dials: Dials, seed: int) -> list[int]:
        return [token.token_id for token in model.write(prompt, dials, seed=seed, max_tokens=10)]

    alone = [write(*job) for job in jobs]
    with ThreadPoolExecutor(len(jobs)) as crowd:
        assert list(crowd.map(lambda job: write(*job), jobs)) == alone


def test_a_cell_and_the_weights_agree(model: LanguageModel) -> None:
    attention = model.attention(KEYS)
    assert attention.weights.shape[:2] == (model.layers, model.heads)
    np.testing.assert_allclose(attention.weights.sum(-1), 1, atol=1e-4)
    for layer, head in [(0, 0), (14, 5), (29, 8)]:
        cell = model.attention_cell(KEYS, layer, head, query=9, key=1)
        assert cell.weight == pytest.approx(float(attention.weights[layer, head, 9, 1]), abs=1e-5)


def test_the_lens_settles_somewhere(model: LanguageModel) -> None:
    guesses = model.logit_lens("The capital of France is")
    assert len(guesses) == model.layers + 1
    assert guesses[-1].candidates[0].text == " Paris"
    assert 0 < settles_at(guesses) <= model.layers


def test_the_snippet_writes_what_the_page_writes(model: LanguageModel) -> None:
    dials = Dials(0.8, 0.95)
    tokens = model.write(model.encode(FRANCE, chat=True), dials, seed=3, max_tokens=10)
    assert model.reference == snippets.SMOLLM2
    result = run(snippets.continuation(model.reference, FRANCE, dials, seed=3, max_tokens=10, chat=True))
    assert result == "".join(token.text for token in tokens)
