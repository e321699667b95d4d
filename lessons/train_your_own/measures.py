"""What the screens of the train-your-own lesson share: the bundled texts, and what is counted of a written one."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from engines.checks import one_of
from engines.evidence import PlainError, Provenance
from engines.statistics import Mean, mean_interval
from engines.text import small

TEXTS = Path(__file__).parent / "texts"
DIETS = {
    "prose": "prose: the words of these lessons",
    "tales": "tales: two meet over a thing, by a small grammar",
    "captions": "captions: Sticker World's grammar",
    "code": "code: the engines behind these lessons",
}
OWN = "your text"
WORD = re.compile(r"[^\W\d_]{3,}")


@cache
def diet(name: str) -> str:
    """A bundled text; PlainError for an unknown name."""
    return small.clean((TEXTS / f"{one_of('The text', name, DIETS)}.txt").read_text(encoding="utf-8"))


def chosen(name: str, own: str) -> tuple[str, str]:
    """The name and characters of the text to train on: ``own`` if there is any, else a bundled one."""
    if name and (own is None or (isinstance(own, str) and not own.strip())):
        return name, diet(name)
    return OWN, small.clean(own, "Your text")


def known_words(written: str, source: str) -> float | None:
    """The share of words of three letters or more that ``source`` has too; None where none was written.

    The first and the last word of ``written`` may be cut, and do not count.
    """
    inner = re.sub(r"^\w+|\w+$", "", written)
    words = WORD.findall(inner.lower())
    return sum(word in vocabulary(source) for word in words) / len(words) if words else None


@lru_cache(8)
def vocabulary(source: str) -> frozenset[str]:
    return frozenset(WORD.findall(source.lower()))


def said(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.0f} %"


def bits(blocks: Sequence[float]) -> Mean:
    """Bits a character of the blocks of a held-out text: mean and 95 % interval."""
    return mean_interval(list(blocks))


def provenance(began: float, seed: int, weights: int, steps: int, **settings: Any) -> Provenance:
    settings = {"steps": steps, "weights": f"{weights:,}", **settings}
    seconds = time.perf_counter() - began
    return Provenance("live", "character transformer, trained for this run", "", settings, seed, seconds)


@dataclass(frozen=True)
class Source:
    """Where the code of a snippet finds its text: the expression that reads it."""

    name: str

    @property
    def code(self) -> str:
        if self.name == OWN:
            return 'Path("my-text.txt").read_text(encoding="utf-8")  # your text, saved there'
        return f'Path("lessons/train_your_own/texts/{self.name}.txt").read_text(encoding="utf-8")  # in the repository'


def code(texts: str, ending: str, job: small.Job) -> str:
    """The training in plain torch and transformers.

    ``texts`` defines ``training`` and ``held_out``; ``ending`` makes ``result`` with ``trained`` and ``bits``.
    """
    shape = job.shape
    return f"""import math
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

{texts}
place = {{character: number for number, character in enumerate(characters)}}
CONTEXT, BATCH = {shape.context}, {job.batch}
torch.set_num_threads(1)


def ids(text):
    return torch.tensor([place[character] for character in text])


def loss_of(model, rows, reduction="mean"):
    logits = model(rows[:, :-1], use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits.transpose(1, 2), rows[:, 1:], reduction=reduction)


def trained(text, steps, seed):
    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=len(characters), hidden_size={shape.width}, intermediate_size={shape.inner},
        num_hidden_layers={shape.layers}, num_attention_heads={shape.heads}, max_position_embeddings=2 * CONTEXT,
        tie_word_embeddings=True, bos_token_id=None, eos_token_id=None, pad_token_id=None,
    ))
    data, context = ids(text), min(CONTEXT, len(text) - 2)
    draws = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.1, betas=(0.9, 0.99))
    for step in range(steps):
        starts = torch.randint(len(data) - context, (BATCH,), generator=draws)
        loss = loss_of(model, data[starts[:, None] + torch.arange(context + 1)])
        for group in optimiser.param_groups:
            group["lr"] = 4e-3 * min((step + 1) / 100, math.sqrt(100 / (step + 1)))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    return model.eval()


@torch.inference_mode()
def bits(model, text):
    length = min(CONTEXT, max(16, len(text) // 8)) + 1
    count = len(text) // length
    rows = ids(text)[: count * length].reshape(count, length)
    if count > 40:
        rows = rows[torch.linspace(0, count - 1, 40).round().long()]
    return loss_of(model, rows).item() / math.log(2)


@torch.inference_mode()
def written(model, prompt, length=200, temperature=0.8):
    told = ids(prompt)[None]
    for _ in range(length):
        scores = model(told[:, -CONTEXT:]).logits[0, -1]
        told = torch.cat([told, torch.multinomial(torch.softmax(scores / temperature, -1), 1)[None]], dim=1)
    return "".join(characters[one] for one in told[0])


{ending}
"""


CLEAN = "# (the page also drops invisible characters and spaces at line ends)"


def two(first: str, second: str) -> None:
    """Refuse to compare a text with itself."""
    if first == second:
        raise PlainError("Choose two different texts: a typewriter cannot be compared with itself.")
