"""What the two writers of stories are worth on stories they never saw: bits a word, valid ones by rounds, controls."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from engines.statistics import mean_interval, wilson
from engines.text import masked, stories
from engines.text.masked import Writers
from training import tools

HELD_OUT = 10_000_000
"""Stories from this seed on are never trained on."""
SHARES = 16
"""Shares of the canvas that are hidden to estimate the bound of one story, spread evenly."""


def told(seed: int, new_pair: bool = False) -> list[str]:
    return stories.story(HELD_OUT + seed, new_pair)


def bits(writers: Writers, texts: Sequence[Sequence[str]], seed: int = 0) -> dict[str, list[float]]:
    """Bits a word of each text, its end mark counted as a word: the twin's own, and the masked writer's bound.

    The masked writer is told how many words there are; the bits of that are added, by how often stories are so long.
    """
    lengths = Counter(len(stories.story(number)) for number in range(4_000))
    rows = torch.tensor(np.array([writers.canvas(text, True) for text in texts]))
    words = torch.tensor([len(text) + 1 for text in texts])
    found: dict[str, list[float]] = {"masked": [], "twin": []}
    dice = torch.Generator().manual_seed(seed)
    with torch.inference_mode():
        for row, count in zip(rows, words, strict=True):
            start = torch.full((1, 1), writers.ids[masked.START])
            logits = writers.twin(torch.cat([start, row[None, :-1]], 1)).logits[0, :count]
            found["twin"].append(functional.cross_entropy(logits, row[:count]).item() / math.log(2))
            share = 1 - (torch.rand(1, generator=dice) + torch.arange(SHARES) / SHARES) % 1
            many = row.repeat(SHARES, 1)
            hidden = (torch.rand(many.shape, generator=dice) < share[:, None]) & (many != writers.ids[stories.END])
            logits = masked.seen(writers, torch.where(hidden, writers.ids[masked.MASK], many))
            loss = functional.cross_entropy(logits.transpose(1, 2), many, reduction="none") * hidden / share[:, None]
            length = -math.log2((lengths[int(count) - 1] + 1) / (lengths.total() + stories.CANVAS))
            found["masked"].append((loss.sum(1).mean().item() / math.log(2) + length) / int(count))
    return found


def counted(texts: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> list[float]:
    """The control: bits a word of each text by how often each word and the end mark stand in ``others``."""
    counts = Counter(word for text in others for word in (*text, stories.END))
    total = counts.total() + len(stories.vocabulary()) + 1
    return [
        -sum(math.log2((counts[word] + 1) / total) for word in (*text, stories.END)) / (len(text) + 1) for text in texts
    ]


def judged(texts: Sequence[Sequence[str]], trained_on: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Of whole canvases of words: the valid, the distinct, those that stand in the training set, the rules broken."""
    broken = [stories.broken(text) for text in texts]
    lines = [" ".join(text) for text in texts]
    rules = Counter(rule for one in broken for rule in one)
    return {
        "valid": tools.score(wilson(sum(not one for one in broken), len(texts))),
        "distinct": len(set(lines)),
        "copied": sum(line in trained_on for line in lines),
        "broken": {rule: rules[rule] for rule in stories.RULES if rules[rule]},
    }


def shuffled(text: Sequence[str], seed: int) -> list[str]:
    """The control: a story's words in another order, its last full stop in its place."""
    words = list(text[:-1])
    random.Random(seed).shuffle(words)
    return [*words, text[-1]]


def written(writers: Writers, count: int, temperature: float, rounds: int | None, first: int = 0) -> np.ndarray:
    """Canvases [count, 48] of the masked writer, or of the twin where there are no ``rounds``."""
    parts = []
    for start in range(0, count, masked.MOST_AT_ONCE):
        seeds = range(first + start, first + min(count, start + masked.MOST_AT_ONCE))
        events = (
            masked.write(writers, seeds, temperature=temperature)
            if rounds is None
            else masked.draft(writers, seeds, rounds=rounds, temperature=temperature)
        )
        parts.append(masked.last(events).canvas)
    return np.concatenate(parts)


def evaluate(writers: Writers, count: int, temperature: float, trained: int) -> dict[str, Any]:
    """The card's table: see the keys. ``trained``: how many stories the training drew from."""
    torch.set_num_threads(1)
    known = [told(seed) for seed in range(count)]
    new = [told(seed, True) for seed in range(count)]
    seen = [stories.story(seed) for seed in range(trained)]
    trained_on = frozenset(" ".join(writers.text(writers.canvas(text, True))) for text in seen)
    found: dict[str, Any] = {"stories": count, "temperature": temperature, "bits": {}, "written": {}, "seconds": {}}
    for name, texts in (("unseen", known), ("new pairs", new)):
        of = bits(writers, texts)
        of["counting words"] = counted(texts, seen[:20_000])
        found["bits"][name] = {who: [round(one, 4) for one in mean_interval(each)] for who, each in of.items()}
        print(name, found["bits"][name], flush=True)
    for rounds in (*masked.ROUNDS, None):
        name = "twin" if rounds is None else str(rounds)
        rows = written(writers, count, temperature, rounds)
        found["written"][name] = judged([writers.text(row) for row in rows], trained_on)
        began = time.process_time()
        for seed in range(3):
            last = written(writers, 1, temperature, rounds, seed)
        found["seconds"][name] = round((time.process_time() - began) / 3, 3)
        print(name, found["written"][name], found["seconds"][name], flush=True)
        assert len(last) == 1
    found["shuffled"] = judged([shuffled(text, seed) for seed, text in enumerate(known)])
    found["one word replaced"] = judged([replaced(text, seed) for seed, text in enumerate(known)])
    return found


def replaced(text: Sequence[str], seed: int) -> list[str]:
    """The control: a story with one word exchanged for another of the vocabulary."""
    dice = random.Random(seed)
    words = list(text)
    words[dice.randrange(len(words))] = dice.choice(stories.vocabulary())
    return words
