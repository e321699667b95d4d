"""Screen 1, with a larger writer of the operator's choice: an answer to a request, sharpened block by block."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.evidence import Evidence, Finding, PlainError, Table, Underway
from engines.statistics import plural
from engines.text import larger
from engines.text.larger import BLOCK, Drafter, Round
from lessons.text_diffusion.measures import provenance

REQUEST = "Why is the sky blue? Answer in one sentence."
NO_VERDICT = (
    "No verdict on what it says: the parser of this lesson knows the bundled grammar only, and nothing here checks "
    "the facts of another text."
)


@dataclass(frozen=True, eq=False)
class Answered:
    """An answer under way or done."""

    drafter: Drafter
    rounds: tuple[Round, ...]

    @property
    def text(self) -> str:
        return self.drafter.answer(self.rounds[-1].tokens)

    @property
    def when(self) -> np.ndarray:
        """In which pass each place of the answer was kept, from 1; 0 where none was."""
        found = np.zeros(len(self.rounds[-1].tokens), int)
        for one in self.rounds:
            found[one.revealed] = one.passes
        return found


def answer(
    request: str, length: int, rounds: int, temperature: float, seed: int
) -> Iterator[Underway | Answered | Evidence[Answered]]:
    """Let the larger writer answer; an :class:`Answered` a pass, an Evidence at last."""
    began = time.perf_counter()
    if not larger.SHELF.loaded():
        yield Underway(0.0, "Waking the larger writer")
    drafter = larger.load()
    value = Answered(drafter, ())
    for event in larger.draft(drafter, request, seed=seed, length=length, rounds=rounds, temperature=temperature):
        value = Answered(drafter, (*value.rounds, event))
        yield Underway((event.block - 1 + event.round / rounds) / event.blocks, f"Pass {event.passes}")
        yield value
    if not value.rounds:
        raise PlainError("It had nothing to write. Ask for more tokens.")
    settings = {"request": request, "tokens": length, "block": BLOCK, "rounds": rounds, "temperature": temperature}
    last, when = value.rounds[-1], value.when
    findings = (
        Finding(
            plural(last.passes, "pass", "passes"),
            f"for {plural(int((when > 0).sum()), 'token')} in {last.seconds:.1f} s, in blocks of {BLOCK}: a block is "
            f"sharpened while those behind it are not there yet. {drafter.name} has {drafter.numbers / 1e6:,.0f} "
            "million weights.",
        ),
        Finding("No verdict", NO_VERDICT),
    )
    rows = tuple(
        (place + 1, drafter.piece(int(token)), int(when[place]), float(last.confidence[place]))
        for place, token in enumerate(last.tokens)
        if when[place]
    )
    yield Evidence(
        value, f"The answer: “{value.text}”", Table(("place", "token", "kept in pass", "its chance then"), rows),
        provenance(drafter, seed, time.perf_counter() - began, **settings), findings,
        code(drafter, request, length, min(rounds, BLOCK, length), temperature, seed), value.text,
    )  # fmt: skip


def code(drafter: Drafter, request: str, length: int, rounds: int, temperature: float, seed: int) -> str:
    """The stock pipeline's code for the same settings."""
    chats = bool(getattr(drafter.tokenizer, "chat_template", None))
    plain = f'input_ids=tokenizer({request!r}, return_tensors="pt", add_special_tokens=False).input_ids'
    return f"""from itertools import takewhile

import torch
from diffusers import BlockRefinementScheduler, LLaDA2Pipeline
from transformers import AutoModelForMaskedLM, AutoTokenizer

MODEL = {larger.wanted()!r}
tokenizer = AutoTokenizer.from_pretrained(MODEL)
model = AutoModelForMaskedLM.from_pretrained(MODEL, use_safetensors=True).eval()
pipeline = LLaDA2Pipeline(model=model, scheduler=BlockRefinementScheduler(), tokenizer=tokenizer)
tokens = pipeline(
    {f"prompt={request!r}" if chats else plain},
    gen_length={length}, block_length={BLOCK}, num_inference_steps={rounds}, temperature={temperature},
    sampling_method="multinomial", threshold=1.0, editing_threshold=None, eos_early_stop=False,
    generator=torch.Generator().manual_seed({seed}), output_type="seq",
).sequences[0].tolist()
ends = (tokenizer.eos_token_id, tokenizer.sep_token_id)
result = tokenizer.decode(list(takewhile(lambda one: one not in ends, tokens)), skip_special_tokens=True).strip()
print(result)
"""
