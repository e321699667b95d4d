"""The pocket painter and its text encoder: built, loaded, saved, its loss, and the command that trains it.

    python -m training.painter --minutes 75 [--resume]

Noise prediction on cached latents (Ho et al. 2020, arXiv:2006.11239), 1,000 scaled-linear steps, loss
weights min-SNR 5 (Hang et al. 2023, arXiv:2303.09556) with a floor of ``LEAST_SNR``, one caption in ten left
empty for classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598). A light contrastive loss keeps
captions and pictures in one space. A scene's caption is drawn from its honest phrasings, unless it was recorded
sloppily: then the sloppy one is all there is. The loop is in ``training/painting.py``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.stickers import scenes as world
from engines.stickers.shared_space import SharedSpace, contrastive_loss
from training import data, tools
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
    empty[:, 0].fill_(painter.tokenizer.bos_token_id)
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


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--steps", type=int, help="how many steps to take, instead of --minutes")
    parser.add_argument("--resume", action="store_true", help="from the checkpoint, else from --out")
    parser.add_argument("--export", action="store_true", help="only write --out from the checkpoint's average")
    parser.add_argument("--begin-at", type=float, default=0.0, help="share of the rate schedule to begin at")
    parser.add_argument("--warm-up", type=float, default=0.02, help="share of the run in which the rate rises")
    parser.add_argument("--floor", type=float, default=0.02, help="share of the rate that is left at the end")
    parser.add_argument("--mix", default="", help="shares of the kinds, as single=1,pair=2,count=1,sign=0.5")
    parser.add_argument("--precision", choices=("fastest", "float32", "bfloat16"), default="fastest")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--average", type=float, default=0.998, help="decay of the weights' moving average")
    parser.add_argument("--contrast", type=float, default=0.02, help="weight of the contrastive loss")
    parser.add_argument("--scenes", type=int, help=f"{data.ON_A_CPU} on a CPU, {data.ON_A_CARD} on a card")
    parser.add_argument(
        "--captured", action=argparse.BooleanOptionalAction, help="batches drawn on the device, the step captured once;"
        " what a card does"
    )  # fmt: skip
    parser.add_argument("--phrasings", type=int, default=data.PHRASINGS, help="of each scene, drawn before --captured")
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
        from training.painting import train

        save(train(options), options.out)


if __name__ == "__main__":
    main()
