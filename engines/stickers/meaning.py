"""Captions and pictures as unit vectors of one space, by the painter's own reader and autoencoder.

The space is :class:`engines.stickers.shared_space.SharedSpace`, trained with the bundled painter. What lies near each
other in it belongs together, by what those scenes taught it; it knows nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.evidence import PlainError
from engines.models import hardware, weights, worker
from engines.models.catalogue import MODELS
from engines.models.shelf import Shelf
from engines.pictures.painter import Painter

if TYPE_CHECKING:
    from engines.stickers.shared_space import SharedSpace

FOLDER = MODELS / "space"
AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Space:
    """The loaded heads with the bundled ``painter``, whose text encoder and autoencoder stand before them."""

    painter: Painter
    heads: SharedSpace
    revision: str

    @property
    def name(self) -> str:
        return "the shared space of Sticker World"

    def captions(self, captions: Sequence[str]) -> np.ndarray:
        """Unit vectors float32 [n, width] of captions."""
        parts = [self._captions(captions[at : at + AT_ONCE]) for at in range(0, len(captions), AT_ONCE)]
        return np.concatenate(parts)

    @worker.only
    def _captions(self, captions: Sequence[str]) -> np.ndarray:
        import torch

        ids = torch.from_numpy(self.painter.token_ids(captions)).to(self.painter.device)
        with torch.inference_mode():
            pooled = self.painter.pipeline.text_encoder(ids).pooler_output
            return self.heads.encode_captions(pooled.to(self.heads.device, self.heads.dtype)).cpu().numpy()

    def pictures(self, pictures: np.ndarray) -> np.ndarray:
        """Unit vectors float32 [n, width] of pictures uint8 [n, H, W, 3] of the painter's own size."""
        return self._pictures(self.painter.encode(pictures))

    @worker.only
    def _pictures(self, latents: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            given = torch.from_numpy(latents).to(self.heads.device, self.heads.dtype)
            return self.heads.encode_pictures(given).cpu().numpy()


SHELF = Shelf[Any]("shared space")


def load(painter: Painter) -> Space:
    """The space around the bundled ``painter``; PlainError for another painter, or when its weights are not here."""
    if not painter.is_bundled:
        raise PlainError("The shared space was trained with the bundled painter. Choose that one to use it.")
    if not (FOLDER / "config.json").is_file():
        raise PlainError("The weights of the shared space are not here: the folder models/space is missing.")
    heads, revision = SHELF.load(str(FOLDER), _open)
    return Space(painter, heads, revision)


def _open() -> tuple[Any, str]:
    import torch

    from engines.stickers.shared_space import SharedSpace

    hardware.check_whole(FOLDER)
    heads = SharedSpace.from_pretrained(FOLDER, torch_dtype=torch.float32).to(hardware.device()).eval()
    return heads, weights.fingerprint(FOLDER)
