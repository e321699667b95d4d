"""The tile writer: a language model whose words are tiles of a picture, written row by row after a caption.

Read :func:`write` first: it is the typewriter's loop (a pass, a scoreboard, one draw, no way back) on the codebook of
:mod:`engines.pictures.codebook`. The transformer is trained by ``training/tiles.py``; autoencoder and tokenizer are the
bundled painter's. K is the number of entries in the codebook, 256; a picture is 16 rows of 16 tiles.

Papers: van den Oord et al. 2017 (VQ-VAE), Ramesh et al. 2021 (DALL-E: captions and tiles in one row), Sun et al. 2024
(LlamaGen: plain Llama on tiles, with guidance).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.checks import check_caption, check_number, whole
from engines.evidence import PlainError
from engines.models import lending, worker
from engines.models.catalogue import MODELS
from engines.models.weights import fingerprint
from engines.pictures.captions import Reading
from engines.pictures.painter import Painter
from engines.text.dials import Dials, Distribution, distribution, draw
from engines.text.dice import dice

if TYPE_CHECKING:
    from torch import Tensor

    from engines.text.tables import Row

FOLDER = MODELS / "tiles"
SIDE = 16
TILES = SIDE * SIDE
WORDS = 24
"""Positions before the first tile, which hold the caption's tokens."""
MAX_ROWS, MAX_GUIDANCE = 64, 20.0
DIALS, GUIDANCE = Dials(top_p=0.95), 2.0
FREE = -1
"""In given tiles: one that the writer chooses."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One pass: the next tile of every row's picture.

    ``tiles`` int64 [rows, index + 1] are those written so far, this one included; ``logits`` float32 [rows, K] the
    scoreboard it was drawn from, guidance included; ``forced`` says in which rows it was given, not drawn.
    """

    index: int
    captions: tuple[str, ...]
    tiles: np.ndarray
    logits: np.ndarray
    forced: np.ndarray
    dials: Dials
    seconds: float

    @property
    def finished(self) -> bool:
        return self.index == TILES - 1

    def chances(self, row: int = 0) -> Distribution:
        """The chances of every entry in one row, before and after the dials."""
        return distribution(self.logits[row], self.dials)

    def pictures(self) -> np.ndarray:
        """The tiles so far as int64 [rows, 16, 16], :data:`FREE` where nothing is written yet."""
        whole = np.full((len(self.tiles), TILES), FREE, np.int64)
        whole[:, : self.tiles.shape[1]] = self.tiles
        return whole.reshape(-1, SIDE, SIDE)


class TileWriter:
    """The transformer and the codebook, with the bundled ``painter`` that lends autoencoder and tokenizer.

    name, revision: for provenance. entries: float32 [K, 4], the latent that each entry stands for.
    """

    def __init__(self, painter: Painter, transformer: Any, codebook: Any, revision: str) -> None:
        from engines.pictures.tile_passes import TilePasses

        self.painter, self.transformer, self.codebook = painter, transformer, codebook
        self.name, self.revision = "Tile writer", revision
        self.entries: np.ndarray = codebook.entries.float().cpu().numpy()
        self.passes = TilePasses(transformer, WORDS + TILES)

    def __reduce__(self) -> tuple[Any, ...]:
        """As a painter, it stays where it is: another process of this program has its own."""
        return tile_writer, (self.painter,)

    def read(self, caption: str) -> Reading:
        """The caption's words, tokens and unread tail: there is room for :data:`WORDS` tokens."""
        return self.painter.read(caption, capacity=WORDS)

    # --- pictures and tiles ---

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """The tiles int64 [n, 16, 16] of pictures uint8 [n, H, W, 3], which are fitted to 128 × 128 first."""
        fitted = self.painter.fit(pictures, SIDE * self.painter.factor, SIDE * self.painter.factor)
        return self.nearest(self.painter.encode(fitted))

    @worker.only
    def nearest(self, latents: np.ndarray) -> np.ndarray:
        """The entry of each tile, int64 [n, h, w], for latents float32 [n, 4, h, w]."""
        import torch

        return self.codebook.encode(torch.from_numpy(latents).to(self.codebook.entries)).cpu().numpy()

    def decode(self, tiles: np.ndarray) -> np.ndarray:
        """Pictures uint8 [n, H, W, 3] of tiles int64 [n, h, w]; what is :data:`FREE` is left light grey."""
        tiles = checked(tiles, len(self.entries))
        latents = np.where((tiles == FREE)[..., None], np.float32(0), self.entries[tiles])
        pictures = self.painter.decode(np.moveaxis(latents, -1, 1).astype(np.float32), checked=False)
        factor = self.painter.factor
        unwritten = (tiles == FREE).repeat(factor, 1).repeat(factor, 2)
        pictures[unwritten] = BLANK
        return pictures

    @cached_property
    def wall(self) -> np.ndarray:
        """What every entry paints where it has only its own kind around it: uint8 [K, 8, 8, 3]."""
        fields = np.arange(len(self.entries))[:, None, None].repeat(5, 1).repeat(5, 2)
        factor = self.painter.factor
        middle = slice(2 * factor, 3 * factor)
        painted = [self.decode(fields[first : first + 64])[:, middle, middle] for first in range(0, len(fields), 64)]
        return np.concatenate(painted)

    # --- the network ---

    def prompts(self, captions: Sequence[str]) -> np.ndarray:
        """What stands before the first tile: token ids int64 [n, 24] in the transformer's vocabulary."""
        for caption in captions:
            check_caption(caption)
        return prompt_of(self.painter.token_ids(captions, WORDS), len(self.entries))

    def advance(self, ids: np.ndarray, rows: Sequence[Row]) -> np.ndarray:
        """Logits float32 [n, K] of the next tile after ``ids`` int64 [n, length], which go into ``rows``.

        In a pass that runs of other learners may share; company changes the last digits of the logits.
        """
        return self.passes.read(ids, rows)[:, : len(self.entries)]

    def _logits(self, hidden: Tensor) -> Tensor:
        """The scoreboard over the K entries, float32, of what the last layer says; captions' tokens have no place."""
        return (hidden @ self.transformer.lm_head.weight[: len(self.entries)].T).float()

    def bits(self, captions: Sequence[str], tiles: np.ndarray) -> np.ndarray:
        """What every tile of int64 [n, 16, 16] costs after its caption, in bits: float32 [n, 16, 16]. One pass."""
        return bits_of(self.beliefs(captions, tiles), tiles)

    @worker.only
    def beliefs(self, captions: Sequence[str], tiles: np.ndarray) -> np.ndarray:
        """The chance of every entry at every tile of int64 [n, 16, 16], after its caption and the tiles before it.

        Without guidance and dials: log2, float32 [n, 16, 16, K]. One pass.
        """
        import torch

        tiles = checked(tiles, len(self.entries)).reshape(len(tiles), -1)
        if (tiles == FREE).any():
            raise PlainError("Only a whole picture can be scored.")
        ids = np.concatenate([self.prompts(captions), tiles[:, :-1]], 1)
        given = torch.from_numpy(ids).to(self.transformer.device)
        hidden = self.transformer.model(input_ids=given, use_cache=False).last_hidden_state[:, WORDS - 1 :]
        chances = self._logits(hidden).log_softmax(-1) / np.log(2)
        return chances.cpu().numpy().astype(np.float32).reshape(len(tiles), SIDE, SIDE, -1)


def bits_of(beliefs: np.ndarray, tiles: np.ndarray) -> np.ndarray:
    """The bits of each tile of int64 [n, 16, 16], of what :meth:`TileWriter.beliefs` says of every entry."""
    return -np.take_along_axis(beliefs, tiles[..., None], -1)[..., 0]


BLANK = np.uint8(228)
"""The grey of what is not written yet."""


def prompt_of(ids: Any, entries: int) -> Any:
    """A caption's token ids [..., 24] in the transformer's vocabulary, where they come after the tiles."""
    return ids + entries


def checked(tiles: np.ndarray, entries: int) -> np.ndarray:
    """``tiles`` as int64 [n, h, w]; PlainError unless each is an entry or :data:`FREE`."""
    tiles = np.asarray(tiles)
    if tiles.ndim != 3 or not np.issubdtype(tiles.dtype, np.integer):
        raise PlainError("Tiles must be whole numbers in rows and columns.")
    if tiles.size and not (tiles.min() >= FREE and tiles.max() < entries):
        raise PlainError(f"A tile must be an entry of the codebook, 0 to {entries - 1}.")
    return tiles.astype(np.int64)


def tile_writer(painter: Painter) -> TileWriter:
    """The tile writer beside the bundled ``painter``; one for each painter in memory.

    PlainError when another painter is given, or the weights are not here.
    """
    if not painter.is_bundled:
        raise PlainError(
            "The tile writer shares the bundled painter's autoencoder. Choose that painter to see it write."
        )
    return painter.companion("tile writer", lambda: worker.apart(_open, painter))


def _open(painter: Painter) -> TileWriter:
    import torch

    # transformers replaces its module while it is imported; who waits for it meanwhile gets the old one
    from transformers.models.llama.modeling_llama import LlamaForCausalLM

    from engines.pictures.codebook import Codebook

    if not (FOLDER / "transformer" / "model.safetensors").is_file():
        raise PlainError("The tile writer's weights are not here. Run “python -m training.tiles”.")
    transformer = LlamaForCausalLM.from_pretrained(FOLDER / "transformer", dtype=torch.float32)
    codebook = Codebook.from_pretrained(FOLDER / "codebook", torch_dtype=torch.float32)
    for part in (transformer, codebook):
        part.to(painter.device).eval().requires_grad_(False)
    return TileWriter(painter, transformer, codebook, fingerprint(FOLDER))


# --- the loop ---------------------------------------------------------------------------------------------


def _seconds(writer: TileWriter, captions: Sequence[str], *_: Any, **options: Any) -> float:
    return 5 + TILES * (0.02 + 0.002 * len(captions))


@lending.on_card(_seconds)
def write(
    writer: TileWriter, captions: Sequence[str], seeds: Sequence[int], *, dials: Dials = DIALS,
    guidance_scale: float = GUIDANCE, given: np.ndarray | None = None,
) -> Iterator[Tile]:  # fmt: skip
    """Write one picture a row, one :class:`Tile` event a position; closing the iterator stops the run.

    Runs of several learners share their passes (:mod:`engines.pictures.tile_passes`). ``given`` int64 [rows, 16, 16]
    holds tiles that are placed, not drawn; :data:`FREE` elsewhere. A row's picture depends on its own caption, seed and
    given tiles, except that company rounds the last digits of the logits differently. Guidance: logits without the
    caption + scale · (with it − without it); 1 does without (Sun et al. 2024, after Ho & Salimans 2022). PlainError for
    settings out of range, and where the memory stays full of other runs.
    """
    rows = len(captions)
    whole("The number of pictures", rows, 1, MAX_ROWS)
    check_number("The guidance scale", guidance_scale, 0, MAX_GUIDANCE)
    if len(seeds) != rows or (given is not None and np.shape(given) != (rows, SIDE, SIDE)):
        raise PlainError("Every picture needs its own caption, seed and given tiles.")
    fixed = np.full((rows, TILES), FREE) if given is None else checked(given, len(writer.entries)).reshape(rows, TILES)
    rolls = [dice(seed) for seed in seeds]
    guided = guidance_scale != 1
    ids = writer.prompts([*captions, *([""] * rows if guided else [])])  # [rows or 2·rows, 24]
    tiles = np.empty((rows, 0), np.int64)
    with writer.passes.room.share(len(ids)):
        read = writer.passes.rows(len(ids))
        for index in range(TILES):
            began = time.perf_counter()
            logits = writer.advance(ids, read)
            if guided:
                logits = logits[rows:] + np.float32(guidance_scale) * (logits[:rows] - logits[rows:])
            drawn = [draw(distribution(row, dials).kept, roll()) for row, roll in zip(logits, rolls, strict=True)]
            forced = fixed[:, index] != FREE
            chosen = np.where(forced, fixed[:, index], drawn)
            tiles = np.concatenate([tiles, chosen[:, None]], 1)
            ids = np.tile(chosen[:, None], (2 if guided else 1, 1))
            yield Tile(index, tuple(captions), tiles, logits, forced, dials, time.perf_counter() - began)


def written(writer: TileWriter, captions: Sequence[str], seeds: Sequence[int], **options: Any) -> np.ndarray:
    """The finished tiles int64 [rows, 16, 16]; options as for :func:`write`."""
    *_, last = write(writer, captions, seeds, **options)
    return last.pictures()
