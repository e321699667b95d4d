"""The training of :mod:`engines.text.small`, and the program of its process; imports torch.

As a program it reads a job from its input, one line of JSON, writes one line of JSON for each report, and ends when
its input closes. Llama's decoder (Touvron et al. 2023) on characters, as in Karpathy's minGPT.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from engines.text.small import MEMORY, MOST_SECONDS, Job, Shape, Small, save

PEAK, WARM = 4e-3, 100
"""The learning rate rises to PEAK over WARM steps and falls from then on as 1/√step, whenever a run will end."""
BLOCKS = 40
"""Blocks of a held-out text that are measured, evenly spread over it."""
ROUND = 0.5
"""Seconds between two reports of where it stands."""


def network(shape: Shape, characters: int) -> LlamaForCausalLM:
    """An untrained network; its weights come from torch's own generator."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=characters, hidden_size=shape.width, intermediate_size=shape.inner,
            num_hidden_layers=shape.layers, num_attention_heads=shape.heads,
            max_position_embeddings=2 * shape.context, tie_word_embeddings=True,
            bos_token_id=None, eos_token_id=None, pad_token_id=None,
        )
    )  # fmt: skip


def rate(step: int) -> float:
    """The learning rate of ``step``, from 0."""
    return PEAK * min((step + 1) / WARM, math.sqrt(WARM / (step + 1)))


def loss_of(model: LlamaForCausalLM, rows: Tensor, reduction: str = "mean") -> Tensor:
    """Nats a character of ids [B, T + 1]: each is predicted from those before it in its row."""
    logits = model(rows[:, :-1], use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits.transpose(1, 2), rows[:, 1:], reduction=reduction)


def blocks(ids: Tensor, context: int) -> Tensor:
    """Rows of a held-out text [N], evenly spread over it and never overlapping: [at most BLOCKS, T + 1]."""
    length = min(context, max(16, len(ids) // 8)) + 1
    count = len(ids) // length
    rows = ids[: count * length].reshape(count, length)
    if count > BLOCKS:
        rows = rows[torch.linspace(0, count - 1, BLOCKS).round().long()]
    return rows


@torch.inference_mode()
def measure(model: LlamaForCausalLM, rows: Tensor) -> list[float]:
    """Bits a character of each row of ids [rows, length + 1]."""
    return (loss_of(model, rows, "none").mean(1) / math.log(2)).tolist()


@torch.inference_mode()
def generate(
    model: LlamaForCausalLM, prompt: Sequence[int], rows: int, length: int, temperature: float, seed: int, context: int
) -> list[list[int]]:
    """``rows`` continuations of ``length`` ids, drawn apart from one seed.

    When the context is full, the last half of it is read afresh.
    """
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.tensor([list(prompt)[-context // 2 :]] * rows)
    cache, written = None, inputs[:, :0]
    for _ in range(length):
        out = model(inputs, past_key_values=cache, use_cache=True)
        chances = torch.softmax(out.logits[:, -1] / temperature, dim=-1)
        inputs = torch.multinomial(chances, 1, generator=generator)
        written = torch.cat([written, inputs], dim=1)
        cache = out.past_key_values
        if cache.get_seq_length() + 1 >= context:
            cache, inputs = None, written[:, -context // 2 :]
    return written.tolist()


def train(job: Job) -> Iterator[dict[str, Any]]:
    """The reports of a run, as the process sends them."""
    place = {character: number for number, character in enumerate(job.characters)}

    def ids(text: str) -> Tensor:
        return torch.tensor([place[character] for character in text])

    data, held = ids(job.training), [blocks(ids(text), job.shape.context) for text in job.held_out]
    context = min(job.shape.context, len(data) - 2)
    torch.manual_seed(job.seed)
    model = network(job.shape, len(job.characters))
    draws = torch.Generator().manual_seed(job.seed)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.1, betas=(0.9, 0.99))
    began = said = time.monotonic()
    losses: list[float] = []

    def report(step: int) -> dict[str, Any]:
        mean = math.fsum(losses) / max(1, len(losses)) / math.log(2)
        rows = generate(
            model, [place[one] for one in job.prompt], job.samples, job.length, job.temperature, job.seed, context
        )
        texts = ["".join(job.characters[one] for one in row) for row in rows]
        bits = [measure(model, rows) for rows in held]
        return {
            "kind": "checkpoint", "step": step, "seconds": time.monotonic() - began, "loss": mean, "held_out": bits,
            "samples": texts,
        }  # fmt: skip

    for step in range(job.steps + 1):
        starts = torch.randint(len(data) - context, (job.batch,), generator=draws)
        batch = data[starts[:, None] + torch.arange(context + 1)]
        loss = loss_of(model, batch)
        losses.append(loss.item())
        now = time.monotonic()
        finished = step == job.steps or now - began >= job.seconds
        if finished or step in job.checkpoints:
            found = report(step)
            if finished:
                found["model"] = base64.b64encode(save(kept(model, job.characters, job.shape))).decode()
            yield found
            losses.clear()
        elif now - said >= ROUND:
            said = now
            yield {"kind": "at", "step": step, "seconds": now - began}
        if finished:
            return
        for group in optimiser.param_groups:
            group["lr"] = rate(step)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()


def kept(model: LlamaForCausalLM, characters: str, shape: Shape) -> Small:
    state = model.state_dict()
    tensors = {name: state[name].detach().half().numpy() for name in shape.tensors(len(characters))}
    return Small(characters, shape, tensors)


def opened(model: Small) -> LlamaForCausalLM:
    """The network of a saved typewriter."""
    found = network(model.shape, len(model.characters))
    found.load_state_dict({name: torch.from_numpy(one).float() for name, one in model.tensors.items()}, strict=False)
    return found.eval()


def write(model: Small, prompt: str, length: int, temperature: float, seed: int) -> str:
    place = {character: number for number, character in enumerate(model.characters)}
    ids = [place[character] for character in prompt]
    (row,) = generate(opened(model), ids, 1, length, temperature, seed, model.shape.context)
    return "".join(model.characters[one] for one in row)


def job_from(message: dict[str, Any]) -> Job:
    lists = {name: tuple(message[name]) for name in ("held_out", "checkpoints")}
    return Job(**{**message, **lists, "shape": Shape(**message["shape"])})


def bound() -> None:
    """Ask the system to end this process where it takes too much memory or time."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        seconds = 4 * MOST_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def end_with(place: Any, end: Callable[[int], Any] = os._exit) -> None:
    """End this process when ``place`` closes: its server has stopped it, or is gone."""

    def wait() -> None:
        with contextlib.suppress(OSError, ValueError):
            while place.readline(1000):
                pass
        end(3)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    job = job_from(json.loads(sys.stdin.buffer.readline()))
    end_with(sys.stdin.buffer)
    code = 1
    try:
        bound()
        torch.set_num_threads(1)  # the matrices are small: two threads wait for each other, long on a busy machine
        for message in train(job):
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:  # at once, since a thread still reads the input
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
