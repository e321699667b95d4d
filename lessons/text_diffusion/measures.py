"""What the screens of the text-diffusion lesson share: the writers, what counts as valid, and the pipeline's code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from engines.checks import check_number, whole
from engines.evidence import Provenance, Underway
from engines.statistics import Interval, wilson
from engines.text import masked, stories
from engines.text.larger import Drafter
from engines.text.masked import CANVAS, MASK, Writers

LEAST_STORIES, MOST_STORIES = 8, 64
RULES = {
    "shape": "the lines", "article": "a or an", "number": "one or many", "pronoun": "she or he", "retold": "told twice",
    "owner": "whose it is", "answer": "the answer", "end": "the end",
}  # fmt: skip
"""The rules of the grammar in two or three words."""


def opened() -> Iterator[Underway]:
    """Says that the writers wake, where they are not in memory yet."""
    if not masked.SHELF.loaded():
        yield Underway(0.0, "Waking the two writers")


def rounds_of(value: Any) -> int:
    return whole("The number of rounds", value, 1, CANVAS)


def temperature_of(value: Any) -> float:
    check_number("The temperature", value, 0, 2)
    return float(value)


def valid(writers: Writers, canvases: np.ndarray) -> Interval:
    """How many of canvases [N, 48] are stories that break no rule."""
    return wilson(sum(not writers.broken(row) for row in canvases), len(canvases))


def broken(rules: Sequence[stories.Rule]) -> str:
    """The rules broken, in words."""
    return ", ".join(RULES[rule] for rule in rules) or "valid"


def provenance(writers: Writers | Drafter, seed: int, seconds: float, **settings: Any) -> Provenance:
    return Provenance("live", writers.name, writers.revision, settings, seed, seconds)


PIPELINE = """import torch
from diffusers import BlockRefinementScheduler, LLaDA2Pipeline
from transformers import AutoTokenizer, LlamaForCausalLM

FOLDER = "models/masked-text"  # in the repository
tokenizer = AutoTokenizer.from_pretrained(FOLDER)


class Writer(LlamaForCausalLM):
    # its scores stand one place before the word they are for
    def forward(self, input_ids, **options):
        start = torch.full_like(input_ids[:, :1], tokenizer.bos_token_id)
        out = super().forward(torch.cat([start, input_ids], 1))
        out.logits = out.logits[:, :-1]
        return out


model = Writer.from_pretrained(f"{FOLDER}/masked", dtype=torch.float32).eval()"""


def pipeline(words: int, rounds: int, temperature: float, seed: int) -> str:
    """The stock pipeline's code for one story; ``result`` is its text."""
    return f"""{PIPELINE}
pipeline = LLaDA2Pipeline(model=model, scheduler=BlockRefinementScheduler(), tokenizer=tokenizer)
story = pipeline(
    input_ids=torch.zeros(1, 0, dtype=torch.long), gen_length={words}, block_length={words},
    num_inference_steps={rounds}, temperature={temperature}, sampling_method="multinomial",
    threshold=1.0, editing_threshold=None, eos_early_stop=False,
    generator=torch.Generator().manual_seed({seed}), output_type="seq",
).sequences[0]
result = tokenizer.decode(story)
print(result)
"""


def covered_code(words: Sequence[str], place: int) -> str:
    """What the stock model gives the word at a place of a story that is covered; ``result`` is its chance."""
    covered = [*words[:place], MASK, *words[place + 1 :]]
    return f"""{PIPELINE}
covered = {" ".join(covered)!r}
right = {words[place]!r}
ids = tokenizer(covered, return_tensors="pt").input_ids
place = (ids[0] == tokenizer.mask_token_id).nonzero().item()
with torch.inference_mode():
    chances = model(ids).logits[0, place].softmax(-1)
result = chances[tokenizer.convert_tokens_to_ids(right)].item()
print(f"It gives “{{right}}” {{result:.0%}}")
"""
