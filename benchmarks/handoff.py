"""How long a chat takes on its way to a picture: prints when the first token, the caption, a preview and the end came.

    python -m benchmarks.handoff [--chats 12]

Seconds from the start of a run with both models awake, over chats that the director was not made on; the first run of
all, in which the director reads its examples, is told apart.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np

from engines.director import directing, measures
from engines.director.directing import Direction
from engines.pictures import painter as painters
from engines.pictures.diffusion import Painter, Plan, denoise
from engines.text import language_model
from engines.text.language_model import LanguageModel

MOMENTS = ("first token", "caption", "first preview", "picture")


def moments(model: LanguageModel, painter: Painter, messages: Sequence[str]) -> list[float] | None:
    """Seconds until each of ``MOMENTS``; None for a chat that is declined."""
    began = time.perf_counter()
    since: list[float] = []
    caption: str | None = None
    for event in directing.directing(model, messages):
        if not since:
            since.append(time.perf_counter() - began)
        if isinstance(event, Direction):
            caption = event.caption
    if caption is None:
        return None
    since.append(time.perf_counter() - began)
    for step in denoise(painter, Plan(caption, (7,), steps=painter.passes(None), previews=True)):
        if step.index == 0:
            since.append(time.perf_counter() - began)
    return [*since, time.perf_counter() - began]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--chats", type=int, default=12, help="how many chats (12)")
    options = parser.parse_args(arguments)
    model, painter = language_model.load(), painters.load()
    chats = [chat.messages for chat in measures.chats("held_out") if chat.wish]
    list(denoise(painter, Plan("a cat", (7,), steps=2)))
    first = moments(model, painter, chats[0])
    found = [one for messages in chats[1 : options.chats + 1] if (one := moments(model, painter, messages))]
    print("| | " + " | ".join(MOMENTS) + " |\n|---|" + "---|" * len(MOMENTS))
    print("| first run | " + " | ".join(f"{one:.1f} s" for one in first or ()) + " |")
    for name, row in (("median", np.median(found, axis=0)), ("longest", np.max(found, axis=0))):
        print(f"| {name} of {len(found)} | " + " | ".join(f"{one:.1f} s" for one in row) + " |")


if __name__ == "__main__":
    main()
