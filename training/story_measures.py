"""What the two writers of stories are worth on stories they never saw: bits a word, valid ones by rounds, controls."""

from __future__ import annotations

import json
import math
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from engines.models.weights import fingerprint
from engines.statistics import mean_interval, share, wilson
from engines.text import masked, stories
from engines.text.masked import Writers
from training import tools

MARKS = "<!-- metrics -->", "<!-- end of metrics -->"
SHARES = 16
"""Shares of the canvas that are hidden to estimate the bound of one story, spread evenly."""


def unseen(seed: int, new_pair: bool = False) -> list[str]:
    return stories.story(stories.UNSEEN + seed, new_pair)


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
    sound = share([good / max(1, every) for good, every in map(stories.sound_lines, texts)])
    return {
        "sound_lines": [round(one, 4) for one in sound],
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
    known = [unseen(seed) for seed in range(count)]
    new = [unseen(seed, True) for seed in range(count)]
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
            written(writers, 1, temperature, rounds, seed)
        found["seconds"][name] = round((time.process_time() - began) / 3, 3)
        print(name, found["written"][name], found["seconds"][name], flush=True)
    found["shuffled"] = judged([shuffled(text, seed) for seed, text in enumerate(known)])
    found["one word replaced"] = judged([replaced(text, seed) for seed, text in enumerate(known)])
    return found


def record(folder: Path, count: int, trained: int) -> None:
    """Measure the writers of a folder, and put it into its ``metrics.json`` and the table of its card."""
    metrics = {"weights": fingerprint(folder)}
    metrics |= evaluate(masked.load(folder), count, masked.TEMPERATURE, trained)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    card = folder / "README.md"
    if card.is_file():
        pattern = re.compile(f"{re.escape(MARKS[0])}.*?{re.escape(MARKS[1])}", re.DOTALL)
        new = f"{MARKS[0]}\n{as_markdown(metrics)}\n{MARKS[1]}"
        card.write_text(pattern.sub(lambda _: new, card.read_text()))


def as_markdown(metrics: dict[str, Any]) -> str:
    """The card's tables."""
    count = metrics["stories"]
    rows = ["| bits a word | masked (a bound) | twin | counting words |", "|---|---|---|---|"]
    for name, words in (("unseen", "unseen stories"), ("new pairs", "a thing in a colour that training left out")):
        of = metrics["bits"][name]
        cells = (
            f"{of[who][0]:.2f} ({of[who][1]:.2f}–{of[who][2]:.2f})" for who in ("masked", "twin", "counting words")
        )
        rows.append(f"| {count} {words} | {' | '.join(cells)} |")
    rows += [
        "",
        f"| {count} stories by | valid (95 % interval) | sound lines | different | copied | rules broken most | "
        "seconds for one |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, one in metrics["written"].items():
        rows.append(_row("the twin" if name == "twin" else f"{name} rounds", one, f"{metrics['seconds'][name]:.2f}"))
    rows += [_row(name, metrics[name], "") for name in ("shuffled", "one word replaced")]
    return "\n".join(rows)


def _row(name: str, one: dict[str, Any], seconds: str) -> str:
    valid = one["valid"]
    worst = sorted(one["broken"].items(), key=lambda pair: -pair[1])[:3]
    broken = ", ".join(f"{rule} {times}" for rule, times in worst)
    share = f"{valid['right']} of {valid['of']} ({100 * valid['low']:.0f}–{100 * valid['high']:.0f} %)"
    lines = f"{100 * one['sound_lines'][0]:.0f} %"
    return f"| {name} | {share} | {lines} | {one['distinct']} | {one['copied']} | {broken} | {seconds} |"


def replaced(text: Sequence[str], seed: int) -> list[str]:
    """The control: a story with one word exchanged for another of the vocabulary."""
    dice = random.Random(seed)
    words = list(text)
    words[dice.randrange(len(words))] = dice.choice(stories.vocabulary())
    return words
