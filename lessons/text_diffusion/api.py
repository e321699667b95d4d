"""What the text-diffusion lesson offers to ``gradio_client``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from engines.checks import MAX_SEED, whole
from engines.evidence import PlainError
from engines.text import masked
from engines.text.masked import TEMPERATURE, Round, Writers
from lessons.shell.api import Endpoint
from lessons.text_diffusion import between
from lessons.text_diffusion.measures import rounds_of, temperature_of


def draft(
    rounds: int = 8, temperature: float = TEMPERATURE, seed: int = 7, text: str = "", mend: bool = False
) -> Iterator[dict]:
    """Sharpen a story in rounds; streams a canvas a round.

    rounds: passes, 1 to 48. temperature: 0 to 2. seed: of the length and the draws. text: a canvas to fill instead of
    an empty one, with ▒ for every hidden word, such as a finished story with one word covered. mend: afterwards cover
    the words that are doubted and write them anew, up to four times; then the text may hide nothing, such as a story
    with a wrong word. ``states``: given, committed, revealed or draft of every place; ``confidence``: the chance of
    each word in its draw, null where it was kept before. Where nothing is hidden nor doubted, round 0 says so.
    """
    rounds, temperature = rounds_of(rounds), temperature_of(temperature)
    seed = whole("The seed", seed, 0, MAX_SEED)
    if not isinstance(mend, bool):
        raise PlainError("mend is true or false.")
    writers = masked.load()
    canvas: np.ndarray | None = None
    if text != "":
        canvas = writers.canvas(masked.gapped(writers, "The text", text, needed=not mend), True)
    count = 0
    for event in masked.draft(
        writers, [seed], rounds=rounds, temperature=temperature, canvases=None if canvas is None else canvas[None]
    ):
        canvas, count = event.canvas[0], count + 1
        yield _result(writers, event, seed)
    if mend and canvas is not None:
        for event in masked.revise(writers, canvas, seed, temperature=temperature):
            count += 1
            yield _result(writers, event, seed)
        if not count:
            yield _stands(writers, canvas, seed)


def _stands(writers: Writers, row: np.ndarray, seed: int) -> dict[str, Any]:
    """A canvas on which nothing was hidden nor doubted."""
    story = writers.story(row).split()
    return {
        "round": 0, "rounds": 0, "seed": seed, "story": " ".join(story), "states": ["given"] * len(story),
        "guesses": story, "confidence": [None] * len(story), "candidates": [[] for _ in story],
        "broken": list(writers.broken(row)),
    }  # fmt: skip


def _result(writers: Writers, event: Round, seed: int) -> dict[str, Any]:
    row = event.canvas[0]
    story = writers.story(row).split()
    states = event.states(0)[: len(story)]
    open_ = [state in ("draft", "revealed") for state in states]
    rules = list(writers.broken(row)) if event.index == event.rounds else None
    return {
        "round": event.index, "rounds": event.rounds, "seed": seed, "story": " ".join(story), "states": states,
        "guesses": [writers.words[one] for one in event.guesses[0][: len(story)]],
        "confidence": [float(one) if still else None
                       for one, still in zip(event.confidence[0], open_, strict=False)],
        "candidates": [[writers.words[one] for one in best] for best in event.candidates[0][: len(story)]],
        "broken": rules,
    }  # fmt: skip


def fill_middle(beginning: str, ending: str, words: int = 15, rounds: int = 16, seed: int = 7) -> dict:
    """Write so many words between a beginning and an ending, from both sides, and let the twin try it from the left.

    words: between, 1 to 46. rounds: passes, 1 to 48. ``broken``: the rules of the grammar that each story breaks.
    """
    for event in between.fill(beginning, words, ending, rounds, 1, seed):
        last = event
    value = last.value  # type: ignore[union-attr]
    writers = value.writers
    return {
        "story": writers.story(value.masked[0]), "broken": list(writers.broken(value.masked[0])),
        "twin_forced": writers.story(value.forced[0]), "twin_forced_broken": list(writers.broken(value.forced[0])),
        "twin_free": writers.story(value.free[0]), "twin_free_broken": list(writers.broken(value.free[0])),
        "seed": seed,
    }  # fmt: skip


ENDPOINTS = (Endpoint(draft, "stories"), Endpoint(fill_middle, "stories"))
