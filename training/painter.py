"""Train the pocket painter together with its text encoder.

    python -m training.painter --minutes 75 [--resume]

Noise prediction on cached latents (Ho et al. 2020, arXiv:2006.11239), 1,000 scaled-linear steps, loss
weights min-SNR 5 (Hang et al. 2023, arXiv:2303.09556) with a floor of ``LEAST_SNR``, one caption in ten left
empty for classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598). A light contrastive loss keeps
captions and pictures in one space. A scene's caption is drawn afresh from its honest phrasings at every
visit, unless it was recorded sloppily: then the sloppy one is all there is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.stickers.shared_space import SharedSpace, contrastive_loss
from training import data, tools, world
from training.autoencoder import to_pictures
from training.text_encoder import build_text_encoder, build_tokenizer

CHECKPOINT = tools.CHECKPOINTS / "painter.pt"
LEAST_SNR = 0.1
"""Floor of the weight of an error in the clean latent: layout is settled where hardly any signal is left."""
SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "clip_sample": False, "prediction_type": "epsilon",
}  # fmt: skip
SHEET = (
    "a strawberry on a blue background", "a cat in the snow", "a rocket under a night sky",
    "two apples on a white background", "a dog to the left of a star on a green meadow",
    "a green sign that says CAFE on a sandy beach", "an open hand on a yellow background",
    "a sailboat in the ocean", "a purple pizza in the snow", "a penguin in the desert",
    "an owl and a tree under a night sky", "four apples on a teal background",
    "a white sign that says OPEN in the snow", "a guitar on a red background", "a whale at sunset",
    "three stars on a black background", "a blue car on a yellow background", "a house on a green meadow",
    "a red balloon above a cow in the snow", "two cats on a pink background", "a clock on a purple background",
    "a green umbrella at the beach", "a frog on a white background", "a bicycle in the desert",
)  # fmt: skip


@dataclass
class Painter:
    """Everything that is trained here: a ``UNet2DConditionModel``, a ``CLIPTextModel`` and their helpers."""

    unet: Any  # diffusers' lazy imports hide its classes from the type checker
    text_encoder: Any
    space: SharedSpace
    tokenizer: CLIPTokenizer

    def modules(self) -> nn.ModuleDict:
        return nn.ModuleDict({"unet": self.unet, "text_encoder": self.text_encoder, "space": self.space})


def build(width: int = 160) -> Painter:
    """An untrained painter: 64, 128 and 160 channels at 16×16, 8×8 and 4×4 latents."""
    tokenizer = build_tokenizer()
    unet = UNet2DConditionModel(
        sample_size=world.SIZE // 8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(64, 128, 160),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=width,
        attention_head_dim=4,
        norm_num_groups=16,
    )
    return Painter(unet, build_text_encoder(tokenizer, width), SharedSpace(text_width=width), tokenizer)


def load(folder: Path) -> Painter:
    """The painter saved in ``folder`` (the space in its sibling ``space``), in float32, to train further."""
    return Painter(
        UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32),
        CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32),
        SharedSpace.from_pretrained(folder.parent / "space", torch_dtype=torch.float32),
        CLIPTokenizer.from_pretrained(folder / "tokenizer"),
    )


def save(painter: Painter, folder: Path) -> None:
    """Write the folder that ``StableDiffusionPipeline.from_pretrained(folder, vae=...)`` loads, and its space."""
    save_pipeline(painter.unet, painter.text_encoder, painter.tokenizer, folder)
    tools.save_half(painter.space, folder.parent / "space")


def save_pipeline(
    unet: Any, text_encoder: Any, tokenizer: CLIPTokenizer, folder: Path, kind: str = "StableDiffusionPipeline"
) -> None:
    """Write the folder that the stock pipeline ``kind`` loads, with ``vae=`` given, in float16."""
    for name, module in (("unet", unet), ("text_encoder", text_encoder)):
        tools.save_half(module, folder / name)
    # Files are float16, but a CPU works in float32: say so, else transformers loads what the file holds.
    config = folder / "text_encoder" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"dtype": "float32"}, indent=2) + "\n")
    tokenizer.save_pretrained(folder / "tokenizer")
    scheduler: Any = DDIMScheduler(**SCHEDULE, set_alpha_to_one=False, steps_offset=1)
    scheduler.save_pretrained(folder / "scheduler")
    index = {
        "_class_name": kind,
        "_diffusers_version": "0.42.1",
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def pipeline(painter: Painter, autoencoder: PocketAutoencoder) -> Any:
    """The stock pipeline around these weights."""
    made: Any = StableDiffusionPipeline(
        vae=autoencoder, text_encoder=painter.text_encoder, tokenizer=painter.tokenizer, unet=painter.unet,
        scheduler=DDIMScheduler(**SCHEDULE, set_alpha_to_one=False, steps_offset=1),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    made.set_progress_bar_config(disable=True)
    return made


@torch.no_grad()
def latents_of(
    autoencoder: PocketAutoencoder, pictures: np.ndarray, where: torch.device, cache: Path | None = None
) -> Tensor:
    """Latents of uint8 pictures, float16 ``[N, 4, 16, 16]``; kept in ``cache`` for these very weights."""
    weights = next(autoencoder.encoder.parameters()).detach().cpu().float().numpy().tobytes()
    key = f"latents-{hashlib.sha256(weights).hexdigest()[:12]}-{len(pictures)}.pt"
    if cache is not None and (cache / key).exists():
        return torch.load(cache / key)
    chunks = np.array_split(np.arange(len(pictures)), max(1, len(pictures) // 64))

    def one(chunk: np.ndarray) -> Tensor:
        with tools.autocast(where, tools.encoding_precision(where)), torch.no_grad():
            latents = autoencoder.encode(to_pictures(pictures[chunk], where)).latent_dist.mode()
        return latents.half().cpu()

    latents = torch.cat(tools.side_by_side(one, chunks, where))
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
        tools.write_checkpoint(cache / key, latents)
    return latents


def loss_of(
    painter: Painter, scheduler: Any, contrast: float,
    latents: Tensor, noise: Tensor, timesteps: Tensor, ids: Tensor, dropped: Tensor,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The painter's min-SNR weighted loss plus ``contrast`` times the contrastive one, and the first alone.

    ``ids`` ``[B, 32]`` are the captions', ``dropped`` ``[B]`` says which the painter reads as empty.
    """
    empty = torch.full_like(ids[:1], painter.tokenizer.pad_token_id)
    empty[:, 0] = painter.tokenizer.bos_token_id
    read = painter.text_encoder(torch.cat([ids, empty]))
    words, nothing = read.last_hidden_state[:-1], read.last_hidden_state[-1:]
    context = torch.where(dropped[:, None, None], nothing, words)
    noisy = scheduler.add_noise(latents, noise, timesteps)
    error = painter.unet(noisy, timesteps, encoder_hidden_states=context).sample.float() - noise
    kept = scheduler.alphas_cumprod.to(timesteps.device)[timesteps]
    ratio = kept / (1 - kept)
    painting = (error.square().mean((1, 2, 3)) * ratio.clamp(LEAST_SNR, 5) / ratio).mean()
    if not contrast:
        return painting, painting.detach()
    matching = contrastive_loss(painter.space(latents, read.pooler_output[:-1]))
    return painting + contrast * matching, painting.detach()


def split_weights(modules: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Weights for Muon (hidden matrices and convolutions) and for AdamW (all the rest)."""
    hidden: list[Tensor] = []
    rest: list[Tensor] = []
    for name, weight in modules.named_parameters():
        outer = "embedding" in name or "conv_in" in name or "conv_out" in name or weight.ndim < 2
        (rest if outer else hidden).append(weight)
    return hidden, rest


def sheet(painter: Painter, autoencoder: PocketAutoencoder, file: Path, steps: int = 20) -> None:
    """Paint the sample prompts at seed 0… and write them as one picture."""
    generators = [torch.Generator().manual_seed(index) for index in range(len(SHEET))]
    paint = pipeline(painter, autoencoder)
    pictures = paint(
        list(SHEET), num_inference_steps=steps, guidance_scale=4.0, generator=generators,
        height=world.SIZE, width=world.SIZE,
    ).images  # fmt: skip
    across = 8
    whole = Image.new("RGB", (across * world.SIZE, -(-len(pictures) // across) * world.SIZE))
    for index, picture in enumerate(pictures):
        whole.paste(picture, (index % across * world.SIZE, index // across * world.SIZE))
    file.parent.mkdir(parents=True, exist_ok=True)
    whole.save(file)


def train(options: argparse.Namespace) -> Painter:
    """Train for ``options.minutes``; returns the averaged painter and leaves a checkpoint."""
    where = tools.device()
    torch.manual_seed(options.seed)
    autoencoder = PocketAutoencoder.from_pretrained(options.autoencoder, torch_dtype=torch.float32).to(where)
    scenes = data.scenes(0, options.scenes)
    latents = latents_of(autoencoder, scenes.pictures, where, world.CACHE / "latents").to(where)
    validation = data.scenes(data.VALIDATION_SEEDS, options.validation)
    unseen = latents_of(autoencoder, validation.pictures, where).to(where).float()
    kinds = [record["plan"]["kind"] for record in scenes.records]
    shares = dict(part.split("=") for part in options.mix.split(",") if part)
    often = Counter(kinds)
    odds = np.cumsum([float(shares.get(kind, 1)) / often[kind] if shares else 1.0 for kind in kinds])

    state: dict[str, Any] = {"seen": 0, "hours": 0.0}
    painter = load(options.out) if options.resume and (options.out / "unet").exists() else build()
    modules = painter.modules().to(where)
    if options.resume and options.checkpoint.exists():
        state = torch.load(options.checkpoint, map_location=where)
        modules.load_state_dict(state["weights"])
    torch.manual_seed(options.seed + state["seen"])  # a resumed run sees other noise and other scenes
    chooser = random.Random(options.seed + state["seen"])
    average = tools.Average(modules, options.average)
    if "average" in state:
        average.weights, average.seen = state["average"], 1_000_000

    scheduler = DDPMScheduler(**SCHEDULE)
    shards = tools.workers(where)
    weights = list(modules.parameters())
    paintings: list[float] = []

    def caption_of(record: dict[str, Any]) -> str:
        return record["caption"] if record["sloppy"] else chooser.choice(world.phrasings(data.plan_of(record)))

    def read(captions: Sequence[str]) -> Tensor:
        return painter.tokenizer(
            list(captions), padding="max_length", truncation=True, return_tensors="pt"
        ).input_ids.to(where)  # fmt: skip

    def batch() -> list[tuple[Tensor, ...]]:
        chosen = [int(np.searchsorted(odds, chooser.random() * odds[-1], "right")) for _ in range(options.batch)]
        clean = latents[torch.tensor(chosen, device=where)].float()
        parts = (
            clean, torch.randn_like(clean),
            torch.randint(0, 1000, (options.batch,)).to(where),
            read([caption_of(scenes.records[index]) for index in chosen]),
            (torch.rand(options.batch) < 0.1).to(where),
        )  # fmt: skip
        return list(zip(*(part.chunk(shards) for part in parts), strict=True))

    def step_in(dtype: torch.dtype) -> float:
        def loss(*shard: Tensor) -> Tensor:
            with tools.autocast(where, dtype):
                total, painting = loss_of(painter, scheduler, options.contrast, *shard)
            paintings.append(painting.item())
            return total

        return tools.accumulate(loss, weights, batch())

    if options.precision == "fastest":
        dtype = tools.fastest_precision(step_in)
    else:
        dtype = getattr(torch, options.precision)
    hidden, rest = split_weights(modules)
    optimisers: list[torch.optim.Optimizer] = [
        tools.Muon(hidden, lr=options.rate, dtype=dtype),
        torch.optim.AdamW(rest, lr=options.rate, betas=(0.9, 0.99), weight_decay=0),
    ]
    for optimiser, saved in zip(optimisers, state.get("optimisers", ()), strict=False):
        optimiser.load_state_dict(saved)

    held_out = (
        unseen, torch.randn(unseen.shape, generator=torch.Generator().manual_seed(1)).to(where),
        torch.arange(len(unseen), device=where) * 1000 // len(unseen),
        read([record["caption"] for record in validation.records]),
        torch.zeros(len(unseen), dtype=torch.bool, device=where),
    )  # fmt: skip
    began, hours, begun_at = time.monotonic(), state["hours"], options.begin_at
    last_save, last_look, step, seen = began, began, 0, state["seen"]

    def averaged() -> dict[str, Tensor]:
        current = {name: value.clone() for name, value in modules.state_dict().items()}
        modules.load_state_dict(average.weights)
        return current

    def keep() -> None:
        tools.write_checkpoint(options.checkpoint, {
            "weights": modules.state_dict(), "average": average.weights, "seen": seen,
            "optimisers": [optimiser.state_dict() for optimiser in optimisers],
            "hours": hours + (time.monotonic() - began) / 3600,
        })  # fmt: skip

    paintings.clear()
    while (spent := (time.monotonic() - began) / (60 * options.minutes)) < 1:
        share = begun_at + (1 - begun_at) * spent
        rate = options.rate * tools.warm_cosine(share) * min(1.0, (step + 1) / 50)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
        step_in(dtype)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        for optimiser in optimisers:
            optimiser.step()
        average.update(modules)
        step, seen = step + 1, seen + options.batch
        now = time.monotonic()
        if now - last_save > 60 * options.save_every:
            keep()
            last_save = now
        if now - last_look > 60 * options.look_every or step == 20:
            last_look = now
            current = averaged()
            with torch.no_grad():
                _, unseen_loss = loss_of(painter, scheduler, 0.0, *held_out)
            if step > 20 and options.sheets:
                sheet(painter, autoencoder, options.checkpoint.parent / "sheets" / f"{seen:08d}.png")
            modules.load_state_dict(current)
            print(
                f"{spent:6.1%} {seen:8d} latents, {step * options.batch / (now - began):5.1f}/s, "
                f"loss {np.mean(paintings):.4f}, held-out {unseen_loss.item():.4f}", flush=True,
            )  # fmt: skip
            paintings.clear()
    keep()
    averaged()
    with torch.no_grad():
        _, unseen_loss = loss_of(painter, scheduler, 0.0, *held_out)
    print(json.dumps({
        "seen": seen, "hours": round(hours + (time.monotonic() - began) / 3600, 2),
        "held_out_loss": round(unseen_loss.item(), 4), "precision": str(dtype),
    }), flush=True)  # fmt: skip
    return painter


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--resume", action="store_true", help="from the checkpoint, else from --out")
    parser.add_argument("--export", action="store_true", help="only write --out from the checkpoint's average")
    parser.add_argument("--begin-at", type=float, default=0.0, help="share of the rate schedule to begin at")
    parser.add_argument("--mix", default="", help="shares of the kinds, as single=1,pair=2,count=1,sign=0.5")
    parser.add_argument("--precision", choices=("fastest", "float32", "bfloat16"), default="fastest")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--average", type=float, default=0.998, help="decay of the weights' moving average")
    parser.add_argument("--contrast", type=float, default=0.02, help="weight of the contrastive loss")
    parser.add_argument("--scenes", type=int, default=64_000)
    parser.add_argument("--validation", type=int, default=400)
    parser.add_argument("--save-every", type=float, default=4, help="minutes between checkpoints")
    parser.add_argument("--look-every", type=float, default=10, help="minutes between held-out looks")
    parser.add_argument("--sheets", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--autoencoder", type=Path, default=tools.MODELS / "autoencoder")
    parser.add_argument("--out", type=Path, default=tools.MODELS / "painter")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    if options.export:
        state = torch.load(options.checkpoint, map_location="cpu")
        painter = build()
        painter.modules().load_state_dict(state["average"])
        save(painter, options.out)
        print(json.dumps({"seen": state["seen"], "hours": round(state["hours"], 2)}))
    else:
        save(train(options), options.out)


if __name__ == "__main__":
    main()
