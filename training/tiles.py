"""The tile writer: a causal transformer that writes a picture as 256 tiles of the codebook, after its caption.

    python -m training.tiles --minutes 66 [--resume] [--start models/tiles/transformer]
    python -m training.tiles --evaluate

A ``LlamaForCausalLM`` of two million weights (the idea of Ramesh et al. 2021, arXiv:2102.12092, with the architecture
of Sun et al. 2024, arXiv:2406.06525): the first 24 positions hold the caption's tokens, as the painter's tokenizer
makes them, the next 256 the tiles, row by row. Loss is the cross-entropy of the tiles alone. One caption in ten is left
empty, for guidance. Scenes, phrasings and held-out scenes are the painter's.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPTokenizer, LlamaConfig, LlamaForCausalLM

from engines.pictures.codebook import Codebook
from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.pictures.tiles import WORDS, prompt_of
from engines.stickers import scenes as world
from engines.stickers.seed_ranges import UNSEEN
from training import captured, codebook, data, tools

FOLDER = tools.MODELS / "tiles"
CHECKPOINT = tools.CHECKPOINTS / "tiles.pt"
TILES = 256
EMPTY = 0.1


def build(entries: int, words: int, options: argparse.Namespace) -> LlamaForCausalLM:
    """An untrained tile writer: a vocabulary of ``entries`` tiles and then ``words`` tokens of captions."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=entries + words,
            hidden_size=options.width,
            intermediate_size=8 * round(options.width / 3),
            num_hidden_layers=options.layers,
            num_attention_heads=options.width // 32,
            max_position_embeddings=WORDS + TILES,
            bos_token_id=None,
            eos_token_id=None,
            tie_word_embeddings=False,
        )
    )


def loss_of(model: LlamaForCausalLM, entries: int, prompts: Tensor, tiles: Tensor) -> Tensor:
    """Mean cross-entropy, in nats a tile, of ``tiles`` ``[B, 256]`` after ``prompts`` ``[B, 24]``."""
    read = model.model(input_ids=torch.cat([prompts, tiles[:, :-1]], 1), use_cache=False).last_hidden_state
    logits = functional.linear(read[:, WORDS - 1 :], model.lm_head.weight[:entries])
    return functional.cross_entropy(logits.flatten(0, 1).float(), tiles.flatten())


def split_weights(model: LlamaForCausalLM) -> tuple[list[Tensor], list[Tensor]]:
    """Weights for Muon (the layers' matrices) and for AdamW (embeddings, head and norms)."""
    hidden: list[Tensor] = []
    rest: list[Tensor] = []
    for name, weight in model.named_parameters():
        (hidden if "layers." in name and weight.ndim > 1 else rest).append(weight)
    return hidden, rest


def save(model: LlamaForCausalLM, folder: Path) -> None:
    """Write the transformer in float16; a CPU loads it in float32."""
    tools.save_half(model, folder)
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"dtype": "float32"}, indent=2) + "\n")
    (folder / "generation_config.json").unlink(missing_ok=True)


def read_scenes(count: int, first: int, tokenizer: CLIPTokenizer, where: torch.device) -> tuple[Any, ...]:
    """Of scenes from seed ``first`` on: tiles ``[N, 256]``, prompts ``[N, K, 24]`` on the device, and their kinds."""
    scenes = data.scenes(first, count)
    autoencoder = PocketAutoencoder.from_pretrained(tools.MODELS / "autoencoder", torch_dtype=torch.float32).to(where)
    book = Codebook.from_pretrained(FOLDER / "codebook", torch_dtype=torch.float32)
    tiles = codebook.tiles_of(book, autoencoder, scenes.pictures, where, world.CACHE / "latents")
    spoken = data.phrasings(scenes.records, tokenizer, first=first)
    prompts = prompt_of(torch.from_numpy(spoken[..., :WORDS].astype(np.int64)), len(book.entries))
    kinds = [record["plan"]["kind"] for record in scenes.records]
    return torch.from_numpy(tiles.astype(np.int64)).flatten(1).to(where), prompts.to(where), kinds


def train(options: argparse.Namespace) -> LlamaForCausalLM:
    """Train for ``options.minutes`` or ``options.steps``; returns the averaged model and leaves a checkpoint."""
    where = tools.device()
    torch.manual_seed(options.seed)
    tokenizer = CLIPTokenizer.from_pretrained(tools.MODELS / "painter" / "tokenizer")
    tiles, prompts, kinds = read_scenes(options.scenes, 0, tokenizer, where)
    unseen, asked, _ = read_scenes(options.validation, UNSEEN, tokenizer, where)
    nothing = prompt_of(torch.tensor(tokenizer("", padding="max_length")["input_ids"][:WORDS]), options.entries)
    odds = torch.from_numpy(captured.cumulative_odds(kinds, options.mix)).to(where)

    model: Any = build(options.entries, len(tokenizer), options)
    if options.start:
        model.load_state_dict(LlamaForCausalLM.from_pretrained(options.start, torch_dtype=torch.float32).state_dict())
    model.to(where)
    hidden, rest = split_weights(model)
    optimisers = (
        tools.Muon(hidden, lr=options.rate),
        torch.optim.AdamW(rest, lr=options.rate, betas=(0.9, 0.95), weight_decay=0.0),
    )
    average = tools.Average(model, options.average)
    seen, minutes = 0, 0.0
    if options.resume and options.checkpoint.exists():
        state = torch.load(options.checkpoint, map_location=where)
        model.load_state_dict(state["model"])
        average.weights, average.seen = state["average"], state["steps"]
        seen, minutes = state["seen"], state["minutes"]
        for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
            tools.restore(optimiser, saved)
        torch.manual_seed(options.seed + seen)
    weights = [*hidden, *rest]

    def keep(step_minutes: float) -> None:
        tools.write_checkpoint(options.checkpoint, {
            "model": model.state_dict(), "average": average.weights, "steps": average.seen, "seen": seen,
            "minutes": minutes + step_minutes, "optimisers": [optimiser.state_dict() for optimiser in optimisers],
        })  # fmt: skip

    began = saved_at = looked_at = time.monotonic()
    losses: list[float] = []
    step = 0
    while (share := tools.spent(options, step, began)) < 1:
        rate = options.rate * tools.warm_cosine(options.begin_at + (1 - options.begin_at) * share)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
        chosen = captured.draw(odds, options.batch)
        captions = captured.draw_phrasings(prompts, chosen)
        dropped = torch.rand(options.batch, device=where) < EMPTY
        captions = torch.where(dropped[:, None], nothing.to(where), captions)
        shards = list(zip(*(part.chunk(tools.workers(where)) for part in (captions, tiles[chosen])), strict=True))
        losses.append(tools.accumulate(lambda *shard: loss_of(model, options.entries, *shard), weights, shards))
        torch.nn.utils.clip_grad_norm_(weights, captured.CLIP)
        for optimiser in optimisers:
            optimiser.step()
        average.update(model)
        step, seen, now = step + 1, seen + options.batch, time.monotonic()
        if now - saved_at > 60 * options.save_every:
            saved_at = now
            keep((now - began) / 60)
        if now - looked_at > 60 * options.look_every:
            looked_at = now
            bits = held_out_bits(model, average, options.entries, unseen, asked)
            print(
                f"{share:6.1%} {seen:8d} pictures, {step * options.batch / (now - began):5.1f}/s, "
                f"loss {np.mean(losses) / np.log(2):.4f} bits a tile, held out {bits:.4f}", flush=True,
            )  # fmt: skip
            losses.clear()
    keep((time.monotonic() - began) / 60)
    model.load_state_dict(average.weights)
    return model


@torch.no_grad()
def held_out_bits(
    model: LlamaForCausalLM, average: tools.Average, entries: int, tiles: Tensor, prompts: Tensor
) -> float:
    """Bits a tile of held-out pictures after their first phrasing, by the averaged weights."""
    current = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(average.weights)
    parts = zip(prompts[:, 0].split(32), tiles.split(32), strict=True)
    nats = [(loss_of(model, entries, asked, written).item(), len(written)) for asked, written in parts]
    model.load_state_dict(current)
    return sum(loss * count for loss, count in nats) / len(tiles) / float(np.log(2))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=66)
    parser.add_argument("--steps", type=int, help="how many steps to take, instead of --minutes")
    parser.add_argument("--resume", action="store_true", help="from the checkpoint")
    parser.add_argument("--start", type=Path, help="folder of a written transformer to begin from")
    parser.add_argument("--export", action="store_true", help="only write --out from the checkpoint's average")
    parser.add_argument("--evaluate", action="store_true", help="only measure, and fill in the card")
    parser.add_argument("--seeds", type=int, default=4, help="pictures of each prompt in --evaluate")
    parser.add_argument("--limit", type=int, default=0, help="only this many prompts in --evaluate (0: all)")
    parser.add_argument("--begin-at", type=float, default=0.0, help="share of the rate schedule to begin at")
    parser.add_argument("--mix", default="single=0.42,pair=0.36,count=0.17,sign=0.05", help="shares of the kinds")
    parser.add_argument("--width", type=int, default=160)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--rate", type=float, default=5e-3)
    parser.add_argument("--average", type=float, default=0.997, help="decay of the weights' moving average")
    parser.add_argument("--scenes", type=int, default=data.ON_A_CPU)
    parser.add_argument("--validation", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-every", type=float, default=3, help="minutes between checkpoints")
    parser.add_argument("--look-every", type=float, default=5, help="minutes between held-out looks")
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--out", type=Path, default=FOLDER / "transformer")
    options = parser.parse_args(arguments)
    options.entries = json.loads((FOLDER / "codebook" / "config.json").read_text())["size"]
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    if options.evaluate:
        from training.tile_measures import evaluate

        evaluate(options)
        return
    if options.export:
        state = torch.load(options.checkpoint, map_location="cpu")
        tokenizer = CLIPTokenizer.from_pretrained(tools.MODELS / "painter" / "tokenizer")
        model = build(options.entries, len(tokenizer), options)
        model.load_state_dict(state["average"])
        print(json.dumps({"seen": state["seen"], "minutes": round(state["minutes"], 1)}))
    else:
        model = train(options)
    save(model, options.out)


if __name__ == "__main__":
    main()
