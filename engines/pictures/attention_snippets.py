"""Plain diffusers code for the code drawer where attention itself is changed: a louder word, a held layout.

Like :mod:`engines.pictures.snippets`: source text of public calls that defines ``result``, run by a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engines.pictures.snippets import load_pipeline

if TYPE_CHECKING:
    from torch import Tensor

    from engines.pictures.painter import Painter

_ATTENTION = """
class Changed:
    \"\"\"The library's attention written out, so that the shares can be changed before they are used.\"\"\"

    def __init__(self, change):
        self.change = change

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None):
        read = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = (attn.head_to_batch_dim(part) for part in (attn.to_q(hidden_states), attn.to_k(read),
                                                                       attn.to_v(read)))
        shares = attn.get_attention_scores(query, key).unflatten(0, (-1, attn.heads))  # [rows, heads, patches, tokens]
        mixed = attn.batch_to_head_dim(self.change(shares).flatten(0, 1) @ value)
        return attn.to_out[1](attn.to_out[0](mixed)) / attn.rescale_output_factor
"""


def word_weight(
    model: str, caption: str, *, tokens: Sequence[int], weight: float, seeds: Sequence[int], steps: int,
    guidance_scale: float,
) -> str:  # fmt: skip
    """``result``: pictures with the attention to the word at positions ``tokens`` multiplied by ``weight``."""
    return f"""{load_pipeline(model)}
tokens, weight = {list(tokens)!r}, {weight!r}  # the word's token positions, and how loud it is to be

{_ATTENTION}

def louder(shares):
    shares[-{len(seeds)}:, ..., tokens] *= weight  # the last rows read the caption, those before them nothing
    return shares


pipeline.unet.set_attn_processor({{
    name: Changed(louder) if name.endswith("attn2.processor") else plain  # attn2 is cross-attention
    for name, plain in pipeline.unet.attn_processors.items()
}})
generators = [torch.Generator("cpu").manual_seed(seed) for seed in {list(seeds)!r}]
result = pipeline(
    {caption!r}, num_inference_steps={steps}, guidance_scale={guidance_scale!r},
    generator=generators, num_images_per_prompt={len(seeds)},
).images
for number, picture in enumerate(result):
    picture.save(f"picture-{{number}}.png")
"""


def held_layout(
    painter: Painter, caption: str, new_caption: str, *, seed: int, steps: int, hold: int, hold_self: int
) -> str:
    """``result``: the picture of ``new_caption`` painted under the attention of ``caption``."""
    from engines.pictures.interventions import old_for_new

    runs, blocks = _runs(old_for_new(painter, caption, new_caption))
    unequal = f"\nfor old, new, share in {blocks!r}:\n    mix[old, new] = share" if blocks else ""
    return f"""{load_pipeline(painter.source)}
length = pipeline.tokenizer.model_max_length
mix = torch.zeros(length, length)  # which old token stands for which new one
for old, new, count in {runs!r}:
    mix[old : old + count, new : new + count] = torch.eye(count){unequal}
passes = 0  # finished so far

{_ATTENTION}

def old_words(shares):  # the last two rows read the old caption and the new one
    if passes < {hold}:
        shares[-1] = torch.where(mix.any(0), shares[-2] @ mix, shares[-1])
    return shares


def old_shapes(shares):
    if passes < {hold_self}:
        shares[-1] = shares[-2]
    return shares


def count(pipeline, index, timestep, tensors):
    global passes
    passes = index + 1
    return {{}}


pipeline.unet.set_attn_processor({{
    name: Changed(old_words if name.endswith("attn2.processor") else old_shapes)
    for name in pipeline.unet.attn_processors
}})
result = pipeline(
    [{caption!r}, {new_caption!r}], num_inference_steps={steps}, guidance_scale={painter.guidance_scale!r},
    generator=[torch.Generator("cpu").manual_seed({seed}) for _ in range(2)], callback_on_step_end=count,
).images[1]
result.save("picture.png")
"""


def _runs(mix: Tensor) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, float]]]:
    """The ones of a mix as diagonals (old, new, count); its other shares one by one."""
    runs: list[tuple[int, int, int]] = []
    blocks: list[tuple[int, int, float]] = []
    for old, new in mix.nonzero().tolist():
        if (share := float(mix[old, new])) != 1:
            blocks.append((old, new, share))
        elif runs and (old - runs[-1][0], new - runs[-1][1]) == (runs[-1][2],) * 2:
            runs[-1] = (*runs[-1][:2], runs[-1][2] + 1)
        else:
            runs.append((old, new, 1))
    return runs, blocks
