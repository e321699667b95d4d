"""Measure the sign lab: the reader's own limits first, then every painter, on seen and never-seen words.

Called by ``python -m training.signs --evaluate``; writes ``metrics.json`` and the table of the model card.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engines.models.weights import fingerprint
from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.signs import lab as sign_lab
from engines.signs.lab import CAUSES, COLOURS, draw_sign
from engines.signs.measures import Spelling, character_error_interval, character_error_rate, exact_share
from training import tools
from training.autoencoder import to_pictures
from training.evaluate import write_into_card

GROUPS = {"1": (1,), "2–4": (2, 3, 4), "5–6": (5, 6), "7–8": (7, 8)}
LISTS = {"seen": "seen", "never_seen": "never seen"}
INTERVALS = (
    "Exact: Wilson 95 % interval as wide as if each word were one trial, since seeds of one word are alike. Characters "
    "wrong: edit distance for each letter asked, bootstrap over words."
)


def cell(spellings: Sequence[Spelling]) -> dict[str, Any]:
    """Exact spellings with their interval over words, and the character error rate with a bootstrap one over words."""
    words = len({spelling.word for spelling in spellings})
    exact = exact_share(sum(spelling.exact for spelling in spellings), len(spellings), words)
    rate = character_error_rate(spellings)
    low, high = character_error_interval(spellings) or (rate, rate)
    return {
        "words": words, "right": exact.successes, "of": exact.trials, "rate": round(exact.rate, 4),
        "low": round(exact.low, 4), "high": round(exact.high, 4),
        "character_error_rate": round(rate, 4),
        "character_error_low": round(low, 4), "character_error_high": round(high, 4),
    }  # fmt: skip


def outcomes(spellings: Sequence[Spelling]) -> dict[str, list[int]]:
    """The letters to change on each word's signs, seed by seed: what paired differences are made of."""
    errors: dict[str, list[int]] = {}
    for spelling in spellings:
        errors.setdefault(spelling.word, []).append(spelling.errors)
    return errors


def by_length(spellings: Sequence[Spelling]) -> dict[str, Any]:
    """A cell for all words, for each group of lengths and for each length."""
    table = {"all": cell(spellings)}
    for name, lengths in (*GROUPS.items(), *((f"{n} letters", (n,)) for n in range(2, sign_lab.SLOTS + 1))):
        chosen = [spelling for spelling in spellings if len(spelling.word) in lengths]
        if chosen:
            table[name] = cell(chosen)
    return table


def unmet_pieces(tokenizer: Any, seen: Sequence[str], never_seen: Sequence[str]) -> dict[str, int]:
    """How much of the ``never_seen`` words no caption that spells a ``seen`` word holds, as the tokenizer cuts them.

    ``pieces`` of all ``words``, those ``unmet``, the words ``with_unmet`` pieces and those ``wholly_unmet``.
    """
    met = sign_lab.met_tokens(tokenizer, seen)
    cut = [[token not in met for token in sign_lab.word_tokens(tokenizer, word)] for word in never_seen]
    return {
        "words": len(cut), "pieces": sum(map(len, cut)), "unmet": sum(map(sum, cut)),
        "with_unmet": sum(map(any, cut)), "wholly_unmet": sum(map(all, cut)),
    }  # fmt: skip


@torch.no_grad()
def readers_limits(autoencoder: PocketAutoencoder, words: Sequence[str]) -> dict[str, Any]:
    """How well OCR reads drawn signs, and the same signs after the autoencoder: no painter can do better."""
    colours = [list(COLOURS)[index % len(COLOURS)] for index in range(len(words))]
    drawn = np.stack([draw_sign(word, colour) for word, colour in zip(words, colours, strict=True)])
    restored = autoencoder(to_pictures(drawn)).sample.clamp(-1, 1)
    after = ((restored + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    return {
        "rendered": by_length(sign_lab.read(drawn, words)),
        "round_trip": by_length(sign_lab.read(after, words)),
    }


def choose(words: Sequence[str], a_length: int) -> list[str]:
    """Up to ``a_length`` words of each length, by a fixed seed."""
    r = random.Random(0)
    chosen = []
    for length in range(1, sign_lab.SLOTS + 1):
        pool = [word for word in words if len(word) == length]
        chosen += r.sample(pool, min(a_length, len(pool)))
    return chosen


def paint_and_read(cause: str, words: Sequence[str], seeds: Sequence[int], folder: Path) -> list[Spelling]:
    """One spelling for every word at every seed, by the engine's defaults."""
    painter = sign_lab.load(cause, folder=folder)
    at_once = sign_lab.MAX_PICTURES // len(seeds)
    spellings: list[Spelling] = []
    for first in range(0, len(words), at_once):
        *_, last = sign_lab.paint(painter, words[first : first + at_once], seeds)
        assert last.pictures is not None
        spellings += sign_lab.read(last.pictures, last.words)
    return spellings


def as_markdown(metrics: dict[str, Any]) -> str:
    """The model card's tables."""
    lines = ["| read by OCR | exact | 95 % interval | characters wrong |", "|---|---|---|---|"]
    for name, key in (("signs as drawn", "rendered"), ("after the autoencoder", "round_trip")):
        row = metrics["reader"][key]["all"]
        lines.append(f"| {name} | {_share(row)} | {row['low']:.1%}–{row['high']:.1%} | {_errors(row)} |")
    lines += ["", "| painter | words | " + " | ".join(["all", *GROUPS]) + " | characters wrong |", "|---" * 8 + "|"]
    for cause in CAUSES:
        for key, name in LISTS.items():
            table = metrics["painters"][cause][key]
            whole = table["all"]
            cells = [f"{_share(whole)} ({whole['low']:.0%}–{whole['high']:.0%})"]
            cells += [f"{table[group]['rate']:.0%}" if group in table else "–" for group in GROUPS]
            lines.append(f"| {cause} | {name} | {' | '.join(cells)} | {_errors(whole)} |")
    if "pieces" in metrics:
        lines += [
            "",
            "| encoder | pieces of never-seen words | never met in training | words holding such | of nothing else |",
        ]
        lines.append("|---" * 5 + "|")
        for cause, row in metrics["pieces"].items():
            counts = f"{row['pieces']} of {row['words']} words | {row['unmet']} | {row['with_unmet']}"
            lines.append(f"| {cause} | {counts} | {row['wholly_unmet']} |")
    return "\n".join(lines)


def _share(row: dict[str, Any]) -> str:
    return f"{row['rate']:.1%} of {row['of']}"


def _errors(row: dict[str, Any]) -> str:
    low, high = row["character_error_low"], row["character_error_high"]
    return f"{row['character_error_rate']:.1%} ({low:.1%}–{high:.1%})"


def evaluate(folder: Path, a_length: int, seeds: Sequence[int], training: dict[str, Any]) -> dict[str, Any]:
    """Measure everything, write ``metrics.json`` and the card's tables; returns the metrics."""
    lists = json.loads((folder / "words.json").read_text())
    autoencoder = PocketAutoencoder.from_pretrained(tools.MODELS / "autoencoder", torch_dtype=torch.float32)
    checked = [*choose(lists["never_seen"], 34), *choose(lists["seen"], 20)]
    metrics: dict[str, Any] = {
        "weights": {cause: fingerprint(folder / cause) for cause in CAUSES},
        "how": (
            f"Up to {a_length} words of each length 1–8 from each list × seeds {', '.join(map(str, seeds))}, DDIM "
            f"{sign_lab.STEPS} steps, guidance {sign_lab.GUIDANCE:g}, read by rapidocr as one line. {INTERVALS}"
        ),
        "steps": sign_lab.STEPS, "guidance_scale": sign_lab.GUIDANCE, "seeds": list(seeds), "training": training,
        "reader": readers_limits(autoencoder.eval(), checked), "painters": {},
    }  # fmt: skip
    metrics["pieces"] = {
        cause: unmet_pieces(sign_lab.load(cause, folder=folder).pipeline.tokenizer, lists["seen"], lists["never_seen"])
        for cause in ("spelled", "characters")
    }
    metrics["outcomes"] = {}
    for cause in CAUSES:
        read = {key: paint_and_read(cause, choose(lists[key], a_length), seeds, folder) for key in LISTS}
        rows = metrics["painters"][cause] = {key: by_length(spellings) for key, spellings in read.items()}
        metrics["outcomes"][cause] = {key: outcomes(spellings) for key, spellings in read.items()}
        print(cause, {key: (rows[key]["all"]["rate"], rows[key]["all"]["character_error_rate"]) for key in LISTS},
              flush=True)  # fmt: skip
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1, ensure_ascii=False) + "\n")
    write_into_card(folder / "README.md", f"{metrics['how']}\n\n{as_markdown(metrics)}")
    return metrics
