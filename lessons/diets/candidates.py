"""The inputs that could stand on the screens of the lesson on diets at first, and how each is measured."""

from __future__ import annotations

import numpy as np

from engines.pictures import painter as painters
from lessons.defaults import Choice, Figures, painters_print, value_of
from lessons.diets import browse, captions, similarity
from lessons.shell.scenes import CAPTIONS

SEEDS = 3


def searched(query: str) -> Figures:
    """Screen 2: what is found by word, what is near in meaning in other words, and what fits of it and by chance."""
    values = [value_of(browse.browse(painters.load(), query, 1, seed)) for seed in range(SEEDS)]
    pairs = [(value.fitting, value.chance) for value in values if value.fitting and value.chance]
    fitting, chance = ([one.rate for one in some] for some in zip(*pairs, strict=True))
    return {
        "by word": values[0].word.scenes, "in other words": values[0].other, "of": len(values[0].near),
        "fitting": min(fitting), "by chance": max(chance),
    }  # fmt: skip


def compared(texts: str, *names: str) -> Figures:
    """Screen 3: pictures nearest to their own caption, and cosines of pairs and of shuffled ones."""
    value = value_of(similarity.similarity(painters.load(), texts, names, pairs=2))
    least = min(
        own - np.delete(row, at).max() for at, (own, row) in enumerate(zip(value.own, value.cosines, strict=True))
    )
    return {
        "nearest to their own": value.right.sum(), "of": value.pairs, "a pair": value.own.mean(),
        "shuffled": value.shuffled.mean(), "closest rival behind by": least,
    }  # fmt: skip


def taught(caption: str) -> Figures:
    """Screen 4: what is right of all that was asked, by reader, and what whole captions add, seed by seed."""
    value = value_of(captions.captions(painters.load(), caption))
    figures: dict[str, float] = {}
    for reader in value.readers:
        figures |= {reader.name: reader.wishes.rate, f"{reader.name}, told": reader.wishes.trials}
    gain = value.gain
    return figures | ({} if gain is None else {"gain": gain[0], "low": gain[1], "high": gain[2]})


GRID = ("\n".join(similarity.LINES), *similarity.NAMES)
OWN_WORDS = ("\n".join(CAPTIONS[name] for name in similarity.NAMES), *similarity.NAMES)
CHOICES = (
    Choice(
        "diets/browse", (browse.QUERY,),
        ((browse.QUERY,), ("a dog in the snow",), ("three lemons on a blue background",), ("a rocket at sunset",)),
        searched,
        lambda figures: figures["by word"] > 0 and 2 * figures["in other words"] > figures["of"]
        and figures["fitting"] > figures["by chance"] + 0.5,
        "Most of what is near in meaning has other words than were searched for, and shows what was asked.",
        painters_print,
    ),
    Choice(
        "diets/similarity", GRID, (GRID, OWN_WORDS), compared,
        lambda figures: figures["nearest to their own"] >= figures["of"] - 1
        and figures["a pair"] > figures["shuffled"] + 0.2,
        "Every picture finds its own caption, said in other words than the diet has.", painters_print,
    ),
    Choice(
        "diets/captions", (captions.CAPTION,),
        ((captions.CAPTION,), ("a purple balloon at sunset",), ("two fish in the ocean",)), taught,
        lambda figures: figures.get("low", -1.0) > 0,
        "Whole captions bring clearly more of what was asked into the picture than sloppy ones.", painters_print,
    ),
)  # fmt: skip
