"""What the lesson on diets offers to ``gradio_client``."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.evidence import PlainError
from engines.pictures.files import open_picture
from engines.stickers import meaning, search
from lessons.diets import browse
from lessons.diets import similarity as grids
from lessons.shell import waking
from lessons.shell.api import Endpoint
from lessons.shell.scenes import CAPTIONS, example
from lessons.shell.uploads import OWN, named_or_sent


def diet_search(query: str, seeds: int = 6, seed: int = 0) -> dict:
    """Search the captions of all 256,000 scenes that the bundled painter was trained on, by word and by meaning.

    ``by_word``: how many scenes have every word, in which captions most often, and the seeds of some of them (``seeds``
    of them, drawn by ``seed``). ``by_meaning``: the captions nearest in the shared space with their cosines, and the
    seed of a scene for each. ``chance``: cosines to captions drawn blindly. ``never_met``: words that no caption holds.
    """
    count, seed = browse.check(query, seeds, seed)
    space = meaning.load(waking.open_painter())
    value = browse.find(search.load(), space, query, count, seed)
    word = value.word
    return {
        "query": value.query, "scenes": value.scenes,
        "by_word": {
            "scenes": word.scenes, "words": dict(zip(word.words, word.alone, strict=True)),
            "captions": [{"caption": caption, "scenes": times} for caption, times in value.often],
            "seeds": [one.seed for one in value.by_word],
        },
        "by_meaning": {
            "captions": [{"caption": one.caption, "cosine": one.cosine, "scenes": one.scenes} for one in value.near],
            "seeds": [one.seed for one in value.by_meaning],
        },
        "chance": {"mean_cosine": value.far[0], "largest_cosine": value.far[1]}, "never_met": list(value.unmet),
        "model": space.name, "revision": space.revision,
    }  # fmt: skip


def similarity(captions: list, pictures: list | None = None) -> dict:
    """How near each picture lies to each caption in the shared space of the bundled painter.

    captions: up to 8 texts. pictures: up to 8, each the name of a bundled scene or a file, as ``/judge`` takes it; left
    out: six bundled scenes. ``cosines`` has a row for each picture. ``nearest``: the place of each picture's nearest
    caption, from 0. ``own`` and ``shuffled``: mean cosines of caption n with picture n, and with the other pictures'
    captions; null where there are no two pairs.
    """
    if not isinstance(captions, list | tuple) or not all(isinstance(one, str) for one in captions):
        raise PlainError("Captions is a list of texts, such as [“a cat on the grass”].")
    texts = grids.lines("\n".join(" ".join(one.split()) for one in captions))
    sent: Any = list(grids.NAMES) if pictures is None else pictures
    if not isinstance(sent, list | tuple) or not 1 <= len(sent) <= grids.MOST:
        raise PlainError(f"Pictures is a list of 1 to {grids.MOST} pictures.")
    painter = waking.open_painter()
    space = meaning.load(painter)
    shown = []
    for one in sent:
        name, data = named_or_sent(one, CAPTIONS)
        picture = (
            example(name, painter.height, painter.width)
            if data is None
            else open_picture(data, width=painter.width, height=painter.height)
        )
        shown.append(grids.Shown(OWN if data else name, picture))
    value = grids.grid(space, shown, texts)
    several = value.pairs >= 2
    return {
        "captions": list(texts), "pictures": [one.name for one in shown], "cosines": value.cosines.tolist(),
        "nearest": value.cosines.argmax(1).tolist(), "own": float(np.mean(value.own)) if several else None,
        "shuffled": float(value.shuffled.mean()) if several else None, "model": space.name, "revision": space.revision,
    }  # fmt: skip


ENDPOINTS = (Endpoint(diet_search, "pictures"), Endpoint(similarity, "pictures"))
