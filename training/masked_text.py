"""Train two writers of stories that differ in one cause: one guesses what is hidden, the other what comes next.

    python -m training.masked_text [--steps N | --minutes M] [--resume]
    python -m training.masked_text --evaluate

Both begin as one network that learns to guess the next word. After ``--shared`` steps it is copied, and from then on
both take every step together, on the same stories and at the same rate: ``twin`` goes on as before, ``masked`` becomes
a masked diffusion language model (Sahoo et al. 2024, arXiv:2406.07524; Nie et al. 2025, arXiv:2502.09992): every
position looks at every other, a share t of the words is hidden, and the loss of what is hidden is weighted by 1/t. Its
output keeps the twin's place, one before the word it is for (Gong et al. 2024, arXiv:2410.17891, who turn language
models into diffusion models so). From chance weights it had after 728 steps learned the lines' shapes but not to copy a
word. Class, size, stories and their order, batch, tokenizer, optimiser and average are the same. Writes
``models/masked-text`` and the measurement ``metrics.json``.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from engines.text import stories
from engines.text.masked import MASK, START
from training import story_measures, tools

WRITERS = ("masked", "twin")
FOLDER = tools.MODELS / "masked-text"
WIDTH, LAYERS, HEADS, INNER = 128, 5, 4, 304
DECAY = 0.999


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a word; the end mark also fills the canvas behind a story."""
    names = [stories.END, MASK, START, *stories.vocabulary()]
    one = Tokenizer(models.WordLevel({word: place for place, word in enumerate(names)}, unk_token=MASK))
    one.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=one, eos_token=stories.END, pad_token=stories.END, mask_token=MASK, bos_token=START,
        model_max_length=stories.CANVAS, clean_up_tokenization_spaces=False,
    )  # fmt: skip


def untrained(causal: bool, vocabulary: int, width: int = WIDTH, layers: int = LAYERS) -> LlamaForCausalLM:
    """A network that looks back only (``causal``) or everywhere."""
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=width, intermediate_size=INNER, num_hidden_layers=layers,
        num_attention_heads=HEADS, max_position_embeddings=stories.CANVAS, tie_word_embeddings=True,
        bos_token_id=2, eos_token_id=0, pad_token_id=None,
    )  # fmt: skip
    config.is_causal = causal
    network = LlamaForCausalLM(config)
    for layer in network.model.layers:
        layer.self_attn.is_causal = causal  # or torch's kernel hides the future where it gets no mask
    return network


def canvases(seeds: Sequence[int], ids: dict[str, int]) -> Tensor:
    """The stories of ``seeds``, end marks behind them: ``[N, 48]``."""
    rows = torch.zeros(len(seeds), stories.CANVAS, dtype=torch.long)
    for row, seed in enumerate(seeds):
        encoded = [ids[word] for word in stories.story(seed)]
        rows[row, : len(encoded)] = torch.tensor(encoded)
    return rows


def hidden_share(count: int, dice: torch.Generator) -> Tensor:
    """Shares t of the canvas to hide, ``[count]`` in (0, 1], spread evenly over the batch (Kingma et al. 2021)."""
    return 1 - (torch.rand(1, generator=dice) + torch.arange(count) / count) % 1


def masked_loss(model: Any, rows: Tensor, share: Tensor, dice: torch.Generator) -> Tensor:
    """The bound in nats a word, given the length: what is hidden, weighted by 1/t. End marks are not on its canvas."""
    words = rows != 0
    stop = int(words.sum(1).max())
    rows, words = rows[:, :stop], words[:, :stop]
    hidden = (torch.rand(rows.shape, generator=dice) < share[:, None]).to(rows.device) & words
    given = torch.where(hidden, torch.ones_like(rows), rows)
    read = torch.cat([torch.full_like(rows[:, :1], 2), given], 1)
    seen = torch.cat([words[:, :1], words], 1)
    states = model.model(read, attention_mask=seen.long()).last_hidden_state[:, :-1][hidden]
    loss = functional.cross_entropy(model.lm_head(states), rows[hidden], reduction="none")
    weight = (1 / share).to(rows.device)[:, None].expand(rows.shape)[hidden]
    return (loss * weight).sum() / words.sum()


def twin_loss(model: Any, rows: Tensor) -> Tensor:
    """Nats a word, the first end mark counted as one."""
    start = torch.full_like(rows[:, :1], 2)
    counted = functional.pad(rows != 0, (1, 0), value=True)[:, :-1]  # the words, and the first end mark
    states = model.model(torch.cat([start, rows[:, :-1]], 1)).last_hidden_state[counted]
    return functional.cross_entropy(model.lm_head(states), rows[counted])


def optimisers(model: nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for the rest (as in ``training/judge.py``)."""
    named = dict(model.named_parameters())
    matrices = [weight for name, weight in named.items() if weight.ndim == 2 and "embed" not in name]
    rest = [weight for name, weight in named.items() if weight.ndim != 2 or "embed" in name]
    return [
        tools.Muon(matrices, lr=rate),
        torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.99), weight_decay=0.0),
    ]


def train(options: argparse.Namespace) -> dict[str, LlamaForCausalLM]:
    """Take every step; gives each writer with its averaged weights."""
    where = tools.device()
    names = tokenizer()
    ids = names.get_vocab()
    writers, averages, rules = {}, {}, {}
    for name in WRITERS:
        torch.manual_seed(options.seed)
        network: Any = untrained(name == "twin", len(names), options.width, options.layers)
        writers[name] = network.to(where)
        averages[name] = tools.Average(writers[name], DECAY)
        rules[name] = optimisers(writers[name], options.rate)
    step, minutes = 0, 0.0
    if options.resume and options.checkpoint.exists():
        state = torch.load(options.checkpoint, map_location=where)
        step, minutes = int(state["step"]), float(state["minutes"])
        for name in WRITERS:
            writers[name].load_state_dict(state[name]["weights"])
            averages[name].weights, averages[name].seen = state[name]["average"], step
            for rule, saved in zip(rules[name], state[name]["optimisers"], strict=True):
                tools.restore(rule, saved)
    begin = step
    began = time.monotonic() - 60 * minutes
    written = time.monotonic()
    losses: dict[str, list[float]] = {name: [0.0] for name in WRITERS}
    while (spent := tools.spent(options, step, began)) < 1:
        apart = step >= options.shared
        if step == options.shared:
            writers["masked"].load_state_dict(writers["twin"].state_dict())
            averages["masked"] = tools.Average(writers["masked"], DECAY)
        dice = torch.Generator().manual_seed(options.seed * 1_000_003 + step)
        order = random.Random(options.seed * 1_000_003 + step)
        rows = canvases([order.randrange(options.stories) for _ in range(options.batch)], ids).to(where)
        for name in WRITERS:
            if name == "masked" and not apart:
                continue
            rate = options.rate * tools.warm_cosine(spent)
            for rule in rules[name]:
                for group in rule.param_groups:
                    group["lr"] = rate
            if name == "masked":
                loss = masked_loss(writers[name], rows, hidden_share(len(rows), dice), dice)
            else:
                loss = twin_loss(writers[name], rows)
            writers[name].zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(writers[name].parameters(), 1.0)
            for rule in rules[name]:
                rule.step()
            averages[name].update(writers[name])
            losses[name].append(loss.item())
        step += 1
        minutes = (time.monotonic() - began) / 60
        if step % 50 == 0:
            now = ", ".join(f"{name} {np.mean(losses[name][-50:]):.3f}" for name in WRITERS)
            print(f"step {step} ({spent:.3f}), {minutes:.1f} minutes: nats a word {now}", flush=True)
        if time.monotonic() - written > 90:
            _keep(options, step, minutes, writers, averages, rules)
            written = time.monotonic()
    _keep(options, step, minutes, writers, averages, rules)
    print(json.dumps({"steps": step, "from": begin, "minutes": round(minutes, 1)}), flush=True)
    for name in WRITERS:
        writers[name].load_state_dict(averages[name].weights)
    return writers


def _keep(options: argparse.Namespace, step: int, minutes: float, writers: Any, averages: Any, rules: Any) -> None:
    tools.write_checkpoint(
        options.checkpoint,
        {"step": step, "minutes": minutes, **{
            name: {"weights": writers[name].state_dict(), "average": averages[name].weights,
                   "optimisers": [rule.state_dict() for rule in rules[name]]} for name in WRITERS
        }},
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train a masked writer of stories and its twin.")
    parser.add_argument("--steps", type=int, default=4_500, help="0: count --minutes instead")
    parser.add_argument("--minutes", type=float, default=100)
    parser.add_argument("--resume", action="store_true", help="from the checkpoint")
    parser.add_argument("--shared", type=int, default=700, help="steps before the two part")
    parser.add_argument("--stories", type=int, default=100_000, help="that the draws come from")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=6e-3)
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path, default=tools.CHECKPOINTS / "masked-text.pt")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--evaluate", action="store_true", help="only measure the writers that are there")
    parser.add_argument("--count", type=int, default=400, help="stories to measure on")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.evaluate:
        story_measures.record(options.out, options.count, options.stories)
        return
    writers = train(options)
    tokenizer().save_pretrained(options.out)
    for name, writer in writers.items():
        tools.save_half(writer, options.out / name)


if __name__ == "__main__":
    main()
