"""What the sampling lesson offers to ``gradio_client``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engines.checks import MAX_SEED, whole
from engines.evidence import PlainError
from engines.text import language_model
from engines.text.dials import Dials, Scoreboard, reshape
from engines.text.language_model import LanguageModel, Token
from lessons.sampling.measures import one_token, parting
from lessons.shell.api import Endpoint


def next_token(text: str, temperature: float = 1.0, top_p: float = 1.0, top: int = 12) -> dict[str, Any]:
    """The scoreboard after `text`: one pass, every token scored, the best `top` (1 to 100) returned.

    `temperature` 0 to 5 (0 is greedy), `top_p` above 0 up to 1. Each candidate has token_id, text, logit,
    probability (before the dials), kept_probability (after; 0 means cut) and rank.
    """
    dials, count = Dials(temperature, top_p), whole("top", top, 1, 100)
    model = language_model.load()
    scores = model.next_token_scores(model.encode(text))
    return {**_board(reshape(scores.logits, dials, model.piece, count)), **_about(model), "seconds": scores.seconds}


def write(
    text: str, temperature: float = 0.8, top_p: float = 0.92, seed: int = 7, max_tokens: int = 40
) -> Iterator[dict[str, Any]]:
    """Go on from `text`, one event a token: the text so far, the token, its chances and the dice it came from.

    The same seed and settings give the same text. `max_tokens` 1 to 512; "finished" is "eos" or "length" at the end.
    """
    dials, length = Dials(temperature, top_p), whole("max_tokens", max_tokens, 1, 512)
    seed = whole("seed", seed, 0, MAX_SEED)
    model = language_model.load()
    prompt, written = model.encode(text), ""
    for token in model.write(prompt, dials, seed=seed, max_tokens=length):
        written += token.text
        yield {"text": written, **_token(token), "passes": token.passes, "finished": token.finished, **_about(model)}


def branch(
    text: str,
    token: str,
    at: int = 0,
    temperature: float = 0.8,
    top_p: float = 0.92,
    seed: int = 7,
    max_tokens: int = 20,
) -> dict[str, Any]:
    """Write from `text`, force `token` (its exact text, such as " the" or a line end) at key `at` (from 0).

    What follows has the same dice as before.

    Returns both lines, token by token, and where they part (null when the token was the one drawn anyway).
    """
    dials, length = Dials(temperature, top_p), whole("max_tokens", max_tokens, 1, 128)
    step, seed = whole("at", at, 0, length - 1), whole("seed", seed, 0, MAX_SEED)
    model = language_model.load()
    prompt, forced = model.encode(text), one_token(model, token)
    line = list(model.write(prompt, dials, seed=seed, max_tokens=length))
    ids = [one.token_id for one in line]
    if step >= len(ids):
        raise PlainError(f"The text ended after {len(ids)} keys. Branch at key {len(ids) - 1} or before.")
    other = list(model.branch(prompt, ids, step, forced, dials, seed=seed, max_tokens=length))
    return {
        "line": {"text": "".join(one.text for one in line), "tokens": [_token(one) for one in line]},
        "branch": {"text": "".join(one.text for one in other), "tokens": [_token(one) for one in other]},
        "parts_at": parting(ids, [one.token_id for one in other]),
        **_about(model),
    }


def _board(board: Scoreboard) -> dict[str, Any]:
    return {
        "candidates": [vars(candidate) for candidate in board.candidates],
        "vocabulary_size": board.vocabulary_size,
        "entropy_bits": board.entropy_bits,
        "kept": board.kept,
        "kept_entropy_bits": board.kept_entropy_bits,
    }


def _token(token: Token) -> dict[str, Any]:
    return {
        "index": token.index,
        "token_id": token.token_id,
        "piece": token.piece,
        "probability": token.probability,
        "kept_probability": token.kept_probability,
        "rank": token.rank,
        "dice": token.draw,
        "forced": token.forced,
    }


def _about(model: LanguageModel) -> dict[str, str]:
    return {"model": model.name, "revision": model.revision, "runtime": model.runtime}


ENDPOINTS = (Endpoint(next_token), Endpoint(write), Endpoint(branch))
