"""What the attention lesson offers to ``gradio_client``."""

from __future__ import annotations

from typing import Any

from engines.checks import whole
from engines.evidence import PlainError
from engines.text import language_model
from engines.text.dials import Scoreboard
from lessons.attention import lens
from lessons.attention.measures import KEYS, look, named_head
from lessons.shell.api import Endpoint


def attention(text: str = KEYS, layer: int | None = None, head: int | None = None) -> dict[str, Any]:
    """Where one head looks. ``weights[i][j]`` is the share of its attention that token i gives to token j.

    Layers and heads count from 0; the text may have 3 to 48 tokens. What is left out is chosen as on the page: the
    layer and head that look most from the last token at the sentence's own words (an example's, else the two that the
    next token needs most).
    """
    model = language_model.load()
    seen = look(model, _text(text))
    layer, head = named_head(model, seen, layer, head)
    return {
        "model": seen.model,
        "revision": seen.revision,
        "summary": seen.summary(layer, head),
        "tokens": list(seen.pieces),
        "layer": layer,
        "head": head,
        "layers": seen.layers,
        "heads": seen.heads,
        "weights": seen.weights[layer, head].tolist(),
        "mean_of_all_heads": seen.weights.mean((0, 1)).tolist(),
    }


def logit_lens(text: str = "The capital of France is") -> dict[str, Any]:
    """Each layer's best guess at the next token, and the layer from which the final answer leads for good."""
    found = lens.lens(language_model.load(), _text(text))
    return {
        "model": found.provenance.model,
        "revision": found.provenance.revision,
        "summary": found.alt,
        "answer": found.value.answer,
        "first_leads_after_layer": found.value.first,
        "settled_after_layer": found.value.settled,
        "layers": [
            {
                "layer": guess.layer,
                "best": [[candidate.text, candidate.probability] for candidate in guess.candidates],
                "rank_of_answer": guess.final_rank,
                "probability_of_answer": guess.final_probability,
            }
            for guess in found.value.guesses
        ],
    }


def ablate_head(
    text: str = "The capital of France is", layer: int | None = None, head: int | None = None
) -> dict[str, Any]:
    """Switch one head off (its output becomes zero at every position): the scoreboard before and after.

    Layers and heads count from 0; what is left out is chosen as by /attention. ``before`` and ``after`` hold the best
    tokens as [text, probability], ``movers`` the eight whose probability changed most as [text, before, after], and
    ``kl_bits`` the change of the whole scoreboard. ``target`` is the model's first choice with the head on.
    """
    text, model = _text(text), language_model.load()
    if layer is None or head is None:
        layer, head = named_head(model, look(model, text), layer, head)
    layer, head = whole("The layer", layer, 0, model.layers - 1), whole("The head", head, 0, model.heads - 1)
    result = model.ablate_heads(text, [(layer, head)])
    return {
        "model": model.name,
        "revision": model.revision,
        "layer": layer,
        "head": head,
        "before": _best(result.before),
        "after": _best(result.after),
        "kl_bits": result.kl_bits,
        "target": result.target_text,
        "target_before": result.target_before,
        "target_after": result.target_after,
        "movers": [[mover.text, mover.before, mover.after] for mover in result.movers],
    }


def _text(text: str) -> str:
    if not isinstance(text, str):
        raise PlainError("The text must be text in quotes, not a number or a list.")
    return text


def _best(board: Scoreboard) -> list[list[Any]]:
    return [[candidate.text, candidate.probability] for candidate in board.candidates]


ENDPOINTS = (Endpoint(attention), Endpoint(logit_lens), Endpoint(ablate_head))
