"""A larger masked diffusion writer by name, for whoever has a card: it answers a request block by block.

What transformers knows as a masked language model can be one, where it was trained to write so, as the ModernBERTs of
“Generative BERT” were (Zhou et al.'s dLLM). Its output stands at the place of the word itself, its tokenizer has a
mask, and it reads both sides. LLaDA, LLaDA2, Dream and SDAR are no classes of transformers 5: they need code that comes
with their weights, and the playground runs none. DiffusionGemma has a class, but starts from random words, not masks.

The rounds are those of diffusers' ``LLaDA2Pipeline`` without editing (a test holds the two together), made one pass at
a time so that others come in between. S is the tokens of prompt and answer, V the vocabulary.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.checks import MAX_SEED, check_number, check_text, whole
from engines.evidence import PlainError, Progress
from engines.models import catalogue, hardware, settings, weights, worker
from engines.models.shelf import Shelf
from engines.text.masked import TEMPERATURE

MAX_PROMPT, MAX_ANSWER = 1000, 64
"""Characters of a request, and tokens of an answer."""
BLOCK = 32
"""Tokens that are drafted together: what those models are used with."""
SUGGESTION = "dllm-hub/ModernBERT-large-chat-v0.1"


@dataclass(frozen=True, eq=False)
class Drafter:
    """A masked language model of transformers with its tokenizer."""

    network: Any
    tokenizer: Any
    name: str
    revision: str

    @property
    def mask(self) -> int:
        return int(self.tokenizer.mask_token_id)

    @property
    def numbers(self) -> int:
        """How many weights it has."""
        return sum(weight.numel() for weight in self.network.parameters())

    def piece(self, token: int) -> str:
        """The text of one token."""
        return str(self.tokenizer.decode([token]))

    def answer(self, tokens: np.ndarray) -> str:
        """The text of an answer's ids [n] up to its first end mark, without control tokens."""
        return str(self.tokenizer.decode(tokens[: _length(self, tokens)], skip_special_tokens=True)).strip()


SHELF = Shelf[Drafter]("larger stories")


def wanted() -> str:
    """The name that the operator gave; empty where there is none."""
    return settings.DRAFT_MODEL.read()


def load(progress: Progress | None = None) -> Drafter:
    """The model that ``PLAYGROUND_DRAFT_MODEL`` names; PlainError when it cannot be had or is no masked writer."""
    if not wanted():
        raise PlainError(f"No larger writer is chosen. Set {settings.DRAFT_MODEL} to one, such as {SUGGESTION}.")
    entry = catalogue.by_name(wanted(), "text")
    return SHELF.load(entry.key, lambda: _open(entry, progress or (lambda share, words: None)))


def _open(entry: catalogue.Entry, progress: Progress) -> Drafter:
    from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    files = weights.ensure(entry, progress)
    hardware.check_whole(files.path)
    hardware.check_fits(files.name, hardware.numbers_in(files.path), in_parts=False)
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with _said_in_words(files.name):
        config = AutoConfig.from_pretrained(files.path, **local)
        if config.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
            raise ValueError(f"{config.model_type} is no masked language model of transformers")
        tokenizer = AutoTokenizer.from_pretrained(files.path, **local)
        network: Any = AutoModelForMaskedLM.from_pretrained(
            files.path, dtype=hardware.dtype(hardware.model_device()), use_safetensors=True, **local
        )
    if tokenizer.mask_token_id is None or tokenizer.mask_token_id >= config.vocab_size:
        raise PlainError(f"The tokenizer of {files.name} has no mask, so it cannot draft. Choose another model.")
    network = network.eval().requires_grad_(False).to(hardware.model_device())
    return Drafter(network, tokenizer, files.name, files.revision)


@contextmanager
def _said_in_words(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise PlainError(
            f"{name} could not be loaded as a masked writer. It must be a masked language model that transformers has "
            "a class for, since code that comes with weights is never run: LLaDA, LLaDA2, Dream and SDAR need such "
            f"code. {SUGGESTION} does not. The loader said: {str(error)[:300]}"
        ) from error


@dataclass(frozen=True, eq=False)
class Round:
    """One pass: ``tokens``, ``guesses`` int and ``confidence`` float, all [A], of the answer's A places; ``revealed``
    bool [A], what this pass kept; ``before`` bool [A], what was kept before it. Block and round count from 1; seconds
    are those of all passes so far."""

    block: int
    blocks: int
    round: int
    passes: int
    tokens: np.ndarray
    guesses: np.ndarray
    confidence: np.ndarray
    revealed: np.ndarray
    before: np.ndarray
    seconds: float

    def state(self, place: int) -> str:
        """As :meth:`engines.text.masked.Round.states`; noise where the place was not looked at yet."""
        if self.revealed[place] or self.before[place]:
            return "revealed" if self.revealed[place] else "committed"
        return "noise" if self.guesses[place] < 0 else "draft"


def draft(
    drafter: Drafter,
    prompt: str,
    *,
    seed: int,
    length: int = MAX_ANSWER,
    block: int = BLOCK,
    rounds: int = 8,
    temperature: float = TEMPERATURE,
) -> Iterator[Round]:
    """Answer with up to ``length`` tokens in blocks of ``block``, each in ``rounds`` passes; a :class:`Round` a pass.

    Ends after the block in which an end mark stands. A learner's text never becomes a control token.
    """
    import torch
    from diffusers import BlockRefinementScheduler

    length, block = whole("The length", length, 4, MAX_ANSWER), whole("The block", block, 4, MAX_ANSWER)
    rounds = min(whole("The number of rounds", rounds, 1, block), length)
    check_number("The temperature", temperature, 0, 2)
    dice = torch.Generator().manual_seed(whole("The seed", seed, 0, MAX_SEED))
    asked = encoded(drafter, prompt)
    begin, end = len(asked), len(asked) + length
    blocks = range(begin // block, -(-end // block))
    tokens = np.full(blocks.stop * block, drafter.mask)
    tokens[:begin] = asked
    scheduler: Any = BlockRefinementScheduler(block_length=block)
    scheduler.set_timesteps(rounds, block_length=block)
    guesses, confidence = np.full(length, -1), np.zeros(length)
    passes, seconds = 0, 0.0
    for number, at in enumerate(blocks, 1):
        part = slice(at * block, (at + 1) * block)
        for index in range(rounds):
            if not (tokens[part] == drafter.mask).any():
                if temperature:  # the pipeline's pass that finds nothing to do throws its dice too
                    torch.multinomial(torch.ones(block, drafter.network.config.vocab_size), 1, generator=dice)
                break
            before, began = tokens.copy(), time.perf_counter()
            tokens[part], drawn, sure = worker.call(
                _pass, drafter, before[: part.stop], end, block, scheduler, index, temperature, dice
            )
            passes, seconds = passes + 1, seconds + time.perf_counter() - began
            inside = slice(max(part.start, begin) - begin, min(part.stop, end) - begin)
            offset = slice(max(begin - part.start, 0), min(end - part.start, block))
            guesses[inside], confidence[inside] = drawn[offset], sure[offset]
            was = before[begin:end] != drafter.mask
            yield Round(
                number, len(blocks), index + 1, passes, tokens[begin:end].copy(), guesses.copy(), confidence.copy(),
                (tokens[begin:end] != drafter.mask) & ~was, was, seconds,
            )  # fmt: skip
        if _length(drafter, tokens[begin : min(part.stop, end)]) < min(part.stop, end) - begin:
            return


def _pass(
    drafter: Drafter, row: np.ndarray, end: int, block: int, scheduler: Any, index: int, temperature: float, dice: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The last block of ``row`` after one round, with what was drawn for it and the chances of that."""
    import torch

    device = next(drafter.network.parameters()).device
    ids = torch.tensor(row, device=device)[None]
    looked = (torch.arange(len(row), device=device) < end).long()[None]  # nothing behind the answer's last place
    logits = drafter.network(ids, attention_mask=looked).logits[:, -block:].float().cpu()
    step = scheduler.step(
        logits, index, torch.tensor(row[-block:])[None], mask_token_id=drafter.mask, temperature=temperature,
        sampling_method="multinomial", threshold=1.0, editing_threshold=None, generator=dice,
    )  # fmt: skip
    return step.prev_sample[0].numpy(), step.sampled_tokens[0].numpy(), step.sampled_probs[0].numpy()


def encoded(drafter: Drafter, prompt: object) -> list[int]:
    """The tokens of a request in the model's own form of a chat, if it has one."""
    text, tokenizer = check_text("The request", prompt, MAX_PROMPT).strip(), drafter.tokenizer
    if not text:
        raise PlainError("The request is empty. Ask for something.")
    for control in tokenizer.get_added_vocab():
        if control.strip() and control in text:
            raise PlainError(f"“{control[:40]}” is a control token of this model. Leave it out of the request.")
    if getattr(tokenizer, "chat_template", None):
        messages = [{"role": "user", "content": text}]
        found = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=True)
        return list(found["input_ids"])
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _length(drafter: Drafter, tokens: np.ndarray) -> int:
    """How many tokens stand before the first end mark."""
    ends = [drafter.tokenizer.eos_token_id, drafter.tokenizer.sep_token_id]
    found = np.isin(tokens, [one for one in ends if one is not None]).nonzero()[0]
    return int(found[0]) if len(found) else len(tokens)
