"""The sign lab's four painters, which differ in one cause each, and the command that trains them.

    python -m training.signs --minutes 90 [--resume]
    python -m training.signs --until-flat --minutes 900
    python -m training.signs --evaluate

All four take every step together: same start, same signs, same noise, same timesteps, same captions left
empty. Noisy timesteps are drawn more often, as letters are settled there. ``sloppy`` reads captions as alt
text is, ``spelled`` captions that name the word, through byte pairs; ``characters`` reads the same captions
letter by letter; ``boxes`` is ``spelled`` with a picture of the layout concatenated to its latents (as
InstructPix2Pix does, Brooks et al. 2023, arXiv:2211.09800), by weights that start at zero. The loop is in
``training/sign_painting.py``. With ``--until-flat`` the run ends by itself, for all four at the same step, once the
loss of ``spelled`` on words kept from it no longer falls (``training/flat.py``); ``--minutes`` is then the most.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.signs.world import CAUSES, HEIGHT, WIDTH
from training import tools
from training.autoencoder import to_pictures
from training.painter import LEAST_SNR, save_pipeline
from training.sign_captions import MAX_LENGTH, byte_pairs, characters, flat, word_lists

CHECKPOINT = tools.CHECKPOINTS / "signs.pt"
FOLDER = tools.MODELS / "signs"
TEXT_WIDTH = 64
LENGTH_ODDS = (1, 2, 3, 4, 4, 4, 4, 4)
"""How often a sign has 1, 2 … 8 letters."""


# --- the painters -----------------------------------------------------------------------------------------


@dataclass
class SignPainter:
    """What is trained for one cause: a ``UNet2DConditionModel`` and a ``CLIPTextModel``."""

    key: str
    unet: Any
    text_encoder: Any
    tokenizer: CLIPTokenizer

    def modules(self) -> nn.ModuleDict:
        return nn.ModuleDict({"unet": self.unet, "text_encoder": self.text_encoder})


def build_unet(channels: int = 4) -> Any:
    """40 and 56 channels at 4×26 and 2×13 latents; text is attended to at 2×13."""
    return UNet2DConditionModel(
        sample_size=(HEIGHT // 8, WIDTH // 8),
        in_channels=channels,
        out_channels=4,
        block_out_channels=(40, 56),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,
        norm_num_groups=8,
    )


def build_text_encoder(tokenizer: CLIPTokenizer) -> Any:
    """``[B, 24]`` ids to ``[B, 24, 64]`` states."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=TEXT_WIDTH, intermediate_size=4 * TEXT_WIDTH, num_hidden_layers=2,
            num_attention_heads=4, max_position_embeddings=MAX_LENGTH, bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, projection_dim=TEXT_WIDTH,
        )
    )  # fmt: skip


def build(words: Sequence[str], seed: int = 0) -> dict[str, SignPainter]:
    """The four untrained painters, from one start; only the character embeddings must differ."""
    torch.manual_seed(seed)
    pairs = byte_pairs(words)
    start = {"unet": build_unet().state_dict(), "text": build_text_encoder(pairs).state_dict()}
    made = {}
    for key, cause in CAUSES.items():
        tokenizer = characters() if key == "characters" else pairs
        unet, text_encoder = build_unet(8 if cause.boxed else 4), build_text_encoder(tokenizer)
        weights = dict(start["unet"])
        if cause.boxed:
            first = weights["conv_in.weight"]
            weights["conv_in.weight"] = torch.cat([first, torch.zeros_like(first)], 1)
        unet.load_state_dict(weights)
        own = text_encoder.state_dict()
        text_encoder.load_state_dict({name: w if w.shape == own[name].shape else own[name]
                                      for name, w in start["text"].items()})  # fmt: skip
        made[key] = SignPainter(key, unet, text_encoder, tokenizer)
    return made


def read_weights(painter: SignPainter, folder: Path) -> None:
    """Take over the weights of a saved folder, float16 on disk, float32 here."""
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
    painter.unet.load_state_dict(unet.state_dict())
    text_encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
    painter.text_encoder.load_state_dict(text_encoder.state_dict())


def save(painter: SignPainter, folder: Path) -> None:
    """Write the folder that the cause's stock pipeline loads, with ``vae=`` given, in float16."""
    boxed = CAUSES[painter.key].boxed
    kind = "StableDiffusionInstructPix2PixPipeline" if boxed else "StableDiffusionPipeline"
    save_pipeline(painter.unet, painter.text_encoder, painter.tokenizer, folder, kind)


@contextmanager
def averaged(painter: SignPainter, average: dict[str, Tensor]) -> Iterator[None]:
    """While it lasts, the painter has its part of the averaged weights (names begin with its key)."""
    modules, key = painter.modules(), f"{painter.key}."
    current = {name: value.clone() for name, value in modules.state_dict().items()}
    modules.load_state_dict({name.removeprefix(key): v for name, v in average.items() if name.startswith(key)})
    try:
        yield
    finally:
        modules.load_state_dict(current)


def export(painters: dict[str, SignPainter], average: dict[str, Tensor], folder: Path) -> None:
    """Write every painter's averaged weights, and the word lists, into ``folder``."""
    for key, painter in painters.items():
        with averaged(painter, average):
            save(painter, folder / key)
    lists = word_lists()
    text = {"source": lists["source"], "seen": flat(lists["seen"]), "never_seen": flat(lists["never_seen"])}
    (folder / "words.json").write_text(json.dumps(text, indent=1) + "\n")


# --- what their training needs -----------------------------------------------------------------------------


@torch.no_grad()
def latents_of(autoencoder: PocketAutoencoder, pictures: np.ndarray, where: torch.device) -> Tensor:
    """Latents of uint8 signs, float32 ``[N, 4, 4, 26]``."""
    chunks = np.array_split(np.arange(len(pictures)), max(1, len(pictures) // 64))

    def one(chunk: np.ndarray) -> Tensor:
        with torch.no_grad():
            return autoencoder.encode(to_pictures(pictures[chunk], where)).latent_dist.mode()

    return torch.cat(tools.side_by_side(one, chunks, where))


def loss_of(
    painter: SignPainter, scheduler: Any, latents: Tensor, layout: Tensor, noise: Tensor, timesteps: Tensor,
    ids: Tensor, dropped: Tensor,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Min-SNR weighted loss as in ``training/painter.py``, and the plain squared error of each row, ``[B]``."""
    empty = torch.full_like(ids[:1], painter.tokenizer.pad_token_id)
    empty[:, 0].fill_(painter.tokenizer.bos_token_id)
    read = painter.text_encoder(torch.cat([ids, empty])).last_hidden_state
    context = torch.where(dropped[:, None, None], read[-1:], read[:-1])
    noisy = scheduler.add_noise(latents, noise, timesteps)
    if CAUSES[painter.key].boxed:
        noisy = torch.cat([noisy, layout], 1)
    error = (painter.unet(noisy, timesteps, encoder_hidden_states=context).sample - noise).square().mean((1, 2, 3))
    kept = scheduler.alphas_cumprod.to(timesteps.device)[timesteps]
    ratio = kept / (1 - kept)
    return (error * ratio.clamp(LEAST_SNR, 5) / ratio).mean(), error.detach()


def sheet(folder: Path, file: Path) -> None:
    """Paint a few seen (above) and never-seen words with every saved painter, one column a painter."""
    from engines.signs import lab as sign_lab
    from engines.signs.measures import character_error_rate

    lists = word_lists()
    asked = [lists[kind][n].split()[7 * n % 30] for kind in ("seen", "never_seen") for n in (2, 3, 4, 5, 6, 8)]
    columns = []
    for key in CAUSES:
        sign_lab.SHELF.unload()
        *_, last = sign_lab.paint(sign_lab.load(key, folder=folder), asked, (0, 1))
        assert last.pictures is not None
        columns.append(np.concatenate(list(last.pictures)))
        spelled_right = sign_lab.read(last.pictures, last.words)
        half = len(spelled_right) // 2
        print(f"  {key}: character errors seen {character_error_rate(spelled_right[:half]):.2f}, "
              f"never seen {character_error_rate(spelled_right[half:]):.2f}", flush=True)  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(columns, 1)).save(file)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--steps", type=int, help="how many steps to take, instead of --minutes")
    parser.add_argument("--until-flat", action="store_true", help="end once the held-out loss of spelled is flat")
    parser.add_argument("--patience", type=int, default=2000, help="steps that --until-flat takes at least")
    parser.add_argument("--resume", action="store_true", help="from the checkpoint, else from --out")
    parser.add_argument("--begin-at", type=float, default=0.0, help="share of the rate schedule to begin at")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=3.5e-3)
    parser.add_argument("--noisy", type=float, default=0.35, help="timesteps are 1000·u^this: less is noisier")
    parser.add_argument("--average", type=float, default=0.98)
    parser.add_argument("--save-every", type=float, default=8, help="minutes between checkpoints")
    parser.add_argument("--look-every", type=float, default=1, help="minutes between looks at the losses")
    parser.add_argument("--export", choices=("average", "weights"), help="only write --out from the checkpoint")
    parser.add_argument("--evaluate", action="store_true", help="only measure what is in --out")
    parser.add_argument("--words", type=int, default=7, help="words of each length to measure, from each list")
    parser.add_argument(
        "--captured", action=argparse.BooleanOptionalAction, help="batches drawn on the device, the step captured once;"
        " what a card does"
    )  # fmt: skip
    parser.add_argument("--sheets", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--autoencoder", type=Path, default=tools.MODELS / "autoencoder")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    if options.until_flat and options.steps:
        parser.error("--steps takes as many as it says, so that runs can be compared: leave it out with --until-flat.")
    if options.patience < 1:
        parser.error("--patience is at least 1 step.")
    return options


def recorded(folder: Path) -> dict[str, Any]:
    """How many signs the painters in ``folder`` were trained on, and for how many hours."""
    training: dict[str, Any] = json.loads((folder / "metrics.json").read_text())["training"]
    return training


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    if not options.evaluate and not options.export:
        from training.sign_painting import train

        train(options)
        return
    from training import sign_measures

    state = torch.load(options.checkpoint, map_location="cpu") if options.checkpoint.exists() else {}
    if options.export:
        export(build(flat(word_lists()["seen"])), state[options.export], options.out)
    if not options.evaluate:
        return
    if state:
        training = {"signs": state["seen"], "hours": round(state["hours"], 2)}
    else:  # the weights in --out, with what is recorded of them
        training = recorded(options.out)
    metrics = sign_measures.evaluate(options.out, options.words, range(4), training)
    print(sign_measures.as_markdown(metrics))


if __name__ == "__main__":
    main()
