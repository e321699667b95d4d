"""The code of the drawer is run as it stands and compared with what the engine shows."""

from __future__ import annotations

import numpy as np
import pytest

from engines.text import snippets
from engines.text.dials import Dials, reshape
from tests.engines.tiny_text import saved, tiny
from tests.lessons.common import run

TEXT = "The keys to the 'cabinet'\n"
DIALS = [Dials(), Dials(0), Dials(0.7, 0.9, 30)]
KINDS = ["qwen3", "gpt2"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {kind: saved(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dials", DIALS, ids=str)
@pytest.mark.parametrize("chat", [False, True])
def test_next_token(folders: dict[str, str], kind: str, dials: Dials, chat: bool) -> None:
    model = tiny(kind)
    board = reshape(model.next_token_scores(model.encode(TEXT, chat)).logits, dials, model.piece, top=5)
    result = run(snippets.next_token(folders[kind], TEXT, dials, chat=chat, top=5))
    assert [row[0] for row in result] == [c.token_id for c in board.candidates]
    np.testing.assert_allclose([row[2] for row in result], [c.probability for c in board.candidates], atol=1e-5)
    np.testing.assert_allclose([row[3] for row in result], [c.kept_probability for c in board.candidates], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dials", DIALS, ids=str)
def test_continuation(folders: dict[str, str], kind: str, dials: Dials) -> None:
    model = tiny(kind)
    tokens = list(model.write(model.encode(TEXT, chat=True), dials, seed=11, max_tokens=20, forced={4: 80}))
    code = snippets.continuation(folders[kind], TEXT, dials, seed=11, max_tokens=20, chat=True, forced={4: 80})
    assert run(code).encode(errors="replace") == model._tokenizer.decode([t.token_id for t in tokens]).encode()


def test_smeared_weights(folders: dict[str, str]) -> None:
    model = tiny("qwen3").smeared(0.2, seed=3)
    board = reshape(model.next_token_scores(model.encode(TEXT)).logits, Dials(), model.piece, top=5)
    result = run(snippets.next_token(folders["qwen3"], TEXT, Dials(), top=5, smear=(0.2, 3)))
    np.testing.assert_allclose([row[2] for row in result], [c.probability for c in board.candidates], atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_attention(folders: dict[str, str], kind: str) -> None:
    result = run(snippets.attention(folders[kind], TEXT, layer=1, head=4))
    np.testing.assert_allclose(result, tiny(kind).attention(TEXT).weights[1, 4], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_logit_lens(folders: dict[str, str], kind: str) -> None:
    guesses = tiny(kind).logit_lens(TEXT)
    result = run(snippets.logit_lens(folders[kind], TEXT))
    assert [row[0] for row in result] == [g.layer for g in guesses]
    np.testing.assert_allclose([row[2] for row in result], [g.candidates[0].probability for g in guesses], atol=1e-5)
    assert [row[3] for row in result] == [g.final_rank for g in guesses]


@pytest.mark.parametrize("kind", KINDS)
def test_ablation(folders: dict[str, str], kind: str) -> None:
    heads = [(0, 1), (2, 5)]
    ablation = tiny(kind).ablate_heads(TEXT, heads)
    result = run(snippets.ablate_heads(folders[kind], TEXT, heads))
    assert result["kl_bits"] == pytest.approx(ablation.kl_bits, abs=1e-4)
    assert result["before"] == pytest.approx(ablation.target_before, abs=1e-5)
    assert result["after"] == pytest.approx(ablation.target_after, abs=1e-5)
