from __future__ import annotations

import numpy as np
import pytest
import torch

from engines.text.logit_lens import LayerGuess, first_leads_at, settles_at
from tests.engines.tiny_text import KINDS, network_model, tiny

TEXT = "The keys to the cabinet"


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_is_read_through_the_final_norm(kind: str) -> None:
    model, network = tiny(kind), network_model(kind)
    prompt = model.encode(TEXT)
    guesses = model.logit_lens(TEXT, top=3)
    assert [guess.layer for guess in guesses] == [0, 1, 2, 3]
    blocks = network.transformer.h if kind == "gpt2" else network.model.layers
    norm = network.transformer.ln_f if kind == "gpt2" else network.model.norm
    states: list[torch.Tensor] = []
    hooks = [block.register_forward_hook(lambda _, args, out: states.append(out)) for block in blocks]
    final = network(torch.tensor([prompt.ids])).logits[0, -1]
    for hook in hooks:
        hook.remove()
    answer = int(final.argmax())
    for guess, state in zip(guesses[1:], states, strict=True):
        state = state[0] if isinstance(state, tuple) else state
        chances = network.lm_head(norm(state[0, -1])).softmax(-1)
        assert [c.token_id for c in guess.candidates] == chances.topk(3).indices.tolist()
        assert guess.final_probability == pytest.approx(float(chances[answer]), abs=1e-5)
        assert guess.final_rank == int((chances > chances[answer]).sum()) + 1


def test_the_last_layer_is_the_answer() -> None:
    model = tiny()
    scores = model.next_token_scores(model.encode(TEXT)).logits
    last = model.logit_lens(TEXT)[-1]
    assert last.final_rank == 1 and last.candidates[0].token_id == int(np.argmax(scores))


def guess(layer: int, rank: int) -> LayerGuess:
    return LayerGuess(layer, (), rank, 0.5, 1.0)


def test_where_the_answer_settles() -> None:
    guesses = [guess(layer, rank) for layer, rank in enumerate([9, 1, 4, 1, 1])]
    assert first_leads_at(guesses) == 1
    assert settles_at(guesses) == 3
