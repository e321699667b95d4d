"""Plain code for the code drawer: pictures as tiles, without this playground's loops.

Every function returns source text that defines ``result`` and ends by showing what it made; a test runs each and
compares it with :mod:`engines.pictures.tiles`. They run in the root of the playground's repository, which holds
``models/`` and the two classes that diffusers does not ship.
"""

from __future__ import annotations

from collections.abc import Sequence

from engines.pictures.tiles import WORDS
from engines.text.dials import Dials

_AUTOENCODER = """import numpy as np
import torch
from PIL import Image

from engines.pictures.codebook import Codebook  # from the playground's repository; run it there
from engines.pictures.pocket_autoencoder import PocketAutoencoder

autoencoder = PocketAutoencoder.from_pretrained("models/autoencoder", dtype=torch.float32)
codebook = Codebook.from_pretrained("models/tiles/codebook", dtype=torch.float32)"""

_SHOW = """
with torch.no_grad():
    decoded = autoencoder.decode(codebook.decode(tiles)).sample
pixels = ((decoded * 0.5 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()"""


def round_trip(picture: str) -> str:
    """``result``: dict with the "tiles" [16, 16] of a picture file of 128 × 128 pixels and the "restored" picture."""
    return f"""{_AUTOENCODER}
picture = np.array(Image.open({picture!r}).convert("RGB"))
given = torch.from_numpy(picture).permute(2, 0, 1)[None].contiguous() / 255 * 2 - 1
with torch.no_grad():
    latents = autoencoder.encode(given).latent_dist.mode()
tiles = codebook.encode(latents)  # the nearest of 256 entries for each of 16 × 16 places
{_SHOW}
result = {{"tiles": tiles[0].numpy(), "restored": pixels[0]}}
print(result["tiles"])
Image.fromarray(result["restored"]).save("restored.png")
"""


def writing(
    captions: Sequence[str], seeds: Sequence[int], dials: Dials, guidance_scale: float,
    given: Sequence[Sequence[int]] = (),
) -> str:  # fmt: skip
    """``result``: dict with the "tiles" [rows, 16, 16] written after each caption, and the "pictures".

    ``given``: the first tiles of each row, which are placed and not drawn.
    """
    chances = f"""chances = (logits / {dials.temperature!r}).softmax(-1).double()
    ordered, order = chances.sort(descending=True, stable=True)
    kept = ordered * (ordered.cumsum(0) - ordered < {dials.top_p!r})  # top-p
    roll = torch.rand((), generator=die, dtype=torch.float64)
    return int(order[(kept / kept.sum()).cumsum(0).gt(roll).nonzero()[0]])"""
    drawing = "return int(logits.argmax())  # at temperature 0 the dice do nothing" if dials.greedy else chances
    pasted = [list(map(int, row)) for row in given] or [[] for _ in captions]
    return f"""{_AUTOENCODER}
from transformers import CLIPTokenizer, LlamaForCausalLM

tokenizer = CLIPTokenizer.from_pretrained("models/painter/tokenizer")
model = LlamaForCausalLM.from_pretrained("models/tiles/transformer", dtype=torch.float32)
captions, seeds, given = {list(captions)!r}, {list(map(int, seeds))!r}, {pasted!r}
rows, entries = len(captions), len(codebook.entries)
dice = [torch.Generator().manual_seed(seed) for seed in seeds]


def draw(logits, die):
    {drawing}


ids = tokenizer(captions + [""] * rows, padding="max_length", truncation=True, max_length={WORDS})["input_ids"]
ids, cache, tiles = torch.tensor(ids) + entries, None, torch.empty(rows, 0, dtype=torch.long)
for index in range(256):
    with torch.no_grad():
        read = model.model(input_ids=ids, past_key_values=cache, use_cache=True)
        logits = read.last_hidden_state[:, -1] @ model.lm_head.weight[:entries].T
    cache, told, untold = read.past_key_values, logits[:rows], logits[rows:]
    guided = untold + {guidance_scale!r} * (told - untold)
    chosen = torch.tensor([draw(board, die) for board, die in zip(guided, dice)])
    for row, first in enumerate(given):
        if index < len(first):
            chosen[row] = first[index]
    tiles = torch.cat([tiles, chosen[:, None]], 1)
    ids = chosen.repeat(2)[:, None]
tiles = tiles.reshape(rows, 16, 16)
{_SHOW}
result = {{"tiles": tiles.numpy(), "pictures": list(pixels)}}
for number, picture in enumerate(result["pictures"]):
    Image.fromarray(picture).save(f"picture-{{number}}.png")
"""
