"""Sentences that the attention lesson's screens could begin with, each measured."""

from __future__ import annotations

import json

import numpy as np

from engines.statistics import mean_interval
from engines.text import language_model
from lessons.attention import agreement, fading, lens, looking, silencing
from lessons.attention.measures import EXAMPLES, KEYS
from lessons.defaults import Choice, Figures, value_of, writers_print


def looked_at(text: str) -> Figures:
    """Screen 1: the share of attention on the words to watch, in the mean of all heads and in the one with most."""
    value = value_of(looking.gaze(language_model.load(), text))
    return {"mean head": value.leaning, "hottest head": float(value.seen.share(value.watched).max())}


def switched_off(text: str) -> Figures:
    """Screen 4: the share of ten random heads that the hottest outdoes, over eight draws of them."""
    kept = json.dumps({"text": text})
    runs = [value_of(silencing.contest(language_model.load(), kept, 10, False, seed)) for seed in range(8)]
    shares = [silencing.outdone(run)[0] for run in runs]
    return {"outdone, mean": float(np.mean(shares)), "least": min(shares), "most": max(shares)}


def disagreed(text: str) -> Figures:
    """Screen 5: the heads off when the wrong form leads, and the right form's share then, with as many random ones."""
    value = value_of(agreement.agree(language_model.load(), text))
    turned = value.turned or value.off[-1] + 1
    at = value.off.index(value.turned) if value.turned else -1
    return {"heads off": turned, "right form, random heads": float(value.random_share[at].mean())}


def settled(text: str) -> Figures:
    """Screen 6: after which share of the layers the final answer leads, first and for good, its chance, the control.

    ``set apart`` is the share from which on it stands higher than after any other text.
    """
    value = value_of(lens.read(language_model.load(), text))
    last, layers = value.guesses[-1].candidates[0], value.layers
    return {
        "first": value.first / layers, "for good": value.settled / layers, "chance": last.probability,
        "set apart": value.apart / layers,
    }  # fmt: skip


def faded(copies: str, seed: str) -> Figures:
    """Screen 7: of the answers still right when half of the facts are gone, the shares weaker and surer.

    Beside them how far the copies vary in how many facts they keep, and the most of 95 in 100 shuffles.
    """
    value = value_of(fading.fade(language_model.load(), int(copies), int(seed)))
    half, (ratio, _, high) = value.half_gone, value.together or (0.0, 0.0, 0.0)
    _, low, _ = mean_interval(value.weakened(half))
    weak, right, _ = value.survivors(half)
    return {
        "weaker, mean of the copies": (fading.weaker(value) or (0.0,))[0], "low": low,
        "surer": float(np.mean(value.strengthened(half) or 0)), "weaker": weak, "right": right,
        "variance × shuffled": ratio, "shuffled, high": high,
    }  # fmt: skip


SENTENCES = tuple(text for text, _ in EXAMPLES)
CHOICES = (
    Choice(
        "attention/looking", (KEYS,), tuple((text,) for text in SENTENCES), looked_at,
        lambda figures: figures["mean head"] < 0.25 and figures["hottest head"] > 5 * figures["mean head"],
        "Heads look elsewhere on average, and yet one of them gives these words seven times as much. Before it was "
        "measured, more than half had been asked; the sentence is the film’s, which the screen tests, and stays.",
        writers_print,
    ),
    Choice(
        "attention/silencing/sentence", (KEYS,), tuple((text,) for text in SENTENCES[:6]), switched_off,
        lambda figures: figures["outdone, mean"] < 1,
        "The head that looks most at the words does not do more than every random one.", writers_print,
    ),
    Choice(
        "attention/agreement", (next(iter(agreement.SUBJECTS)),), tuple((text,) for text in agreement.SUBJECTS),
        disagreed,
        lambda figures: figures["heads off"] <= 30 and figures["right form, random heads"] > 0.5,
        "With some of the heads that look at the subject off, the wrong form leads; with as many random ones it does "
        "not.",
        writers_print,
    ),
    Choice(
        "attention/lens", (SENTENCES[1],), tuple((text,) for text in SENTENCES[:9]), settled,
        lambda figures: 0.5 < figures["set apart"] < figures["for good"],
        "Seen through this lens the answer rises in the second half of the layers, above its place after other texts "
        "before it leads.",
        writers_print,
    ),
    Choice(
        "attention/fading", (str(fading.COPIES), "0"), tuple((str(fading.COPIES), seed) for seed in ("0", "20")), faded,
        lambda figures: figures["low"] > 0.5 and figures["low"] > figures["surer"],
        "Of the facts that stand most have become weaker and few surer, whichever the seeds.", writers_print,
    ),
)  # fmt: skip
