"""Words that the screens about letters could begin with, and how each is measured."""

from __future__ import annotations

from engines.text import language_model
from lessons.defaults import Choice, Figures, value_of, writers_print
from lessons.tokenization import count, spell


def counted(word: str, letter: str) -> Figures:
    """How many of 16 runs were right, by spelling, and the runs of the word as it is over three batches of seeds."""
    tallies = value_of(count.ask(language_model.load(), word, letter, 16, 1))
    more = [value_of(count.count_letters(language_model.load(), word, letter, ("whole",), runs=16, seed=seed))[0]
            for seed in (101, 201)]  # fmt: skip
    return {
        **{one.spelling: one.right.successes for one in tallies},
        "whole, other seeds, most": max(one.right.successes for one in more),
    }


def spelt(own: str) -> Figures:
    """Screen 5: words spelt without a mistake, given as chunks and with spaces, with the intervals; the own word."""
    chunks, spaced = value_of(spell.spell(language_model.load(), own))
    return {
        "chunks": chunks.exact.rate, "its high": chunks.exact.high, "spaced": spaced.exact.rate,
        "its low": spaced.exact.low, "words": len(spaced.words),
    }  # fmt: skip


CHOICES = (
    Choice(
        "tokenization/spell", ("",), (("",), ("mississippi",), ("banana",), ("xylophone",)), spelt,
        lambda figures: figures["its low"] > figures["its high"] and figures["words"] == len(spell.WORDS_TO_SPELL),
        "Only given letters does it spell, which sixteen words show; a word of one’s own is left to the learner.",
        writers_print,
    ),
    Choice(
        "tokenization/count", ("strawberry", "r"),
        (("strawberry", "r"), ("raspberry", "r"), ("banana", "a"), ("balloon", "l"), ("committee", "m")), counted,
        lambda figures: max(figures["whole"], figures["whole, other seeds, most"]) < 8,
        "Asked for the word as it is, the model is right in fewer than half of its runs, whichever the seeds.",
        writers_print,
    ),
)  # fmt: skip
