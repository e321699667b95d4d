"""Which of several captions a picture fits best, by a CLIP model that is already on this machine.

Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision". It tells captions apart;
it does not count, place or read well, so its answer is an alignment and never a verdict. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engines.evidence import PlainError
from engines.models import worker
from engines.models.shelf import Shelf
from engines.statistics import Interval, wilson

MODEL = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"


@dataclass(frozen=True, eq=False)
class Clip:
    """The loaded model, in float32 on the CPU."""

    name: str
    revision: str
    model: Any
    processor: Any

    def nearest(self, pictures: np.ndarray, caption: str, foils: Sequence[str]) -> Interval:
        """In how many pictures (uint8 [n, H, W, 3]) ``caption`` is strictly closer than every foil."""
        if not foils or pictures.ndim != 4 or not len(pictures):
            raise PlainError("Alignment needs pictures, and other captions to compare with.")
        closeness = self.closeness(pictures, [caption, *foils])
        return wilson(int((closeness[:, :1] > closeness[:, 1:]).all(axis=1).sum()), len(pictures))

    def closeness(self, pictures: np.ndarray, captions: Sequence[str]) -> np.ndarray:
        """Cosine of each picture and caption times the model's own scale, float32 [pictures, captions]."""
        inputs = self.processor(
            text=list(captions), images=list(pictures), return_tensors="pt", padding=True, truncation=True
        )
        return worker.call(self.model, **inputs).logits_per_image.numpy()


SHELF = Shelf[Clip]("clip")


def load(place: str | Path = MODEL) -> Clip | None:
    """The model of a folder or of the local Hugging Face cache; None when it is not there. One per process."""
    key = str(place)
    folder = Path(key) if key in SHELF.models else _folder(key)
    if folder is None:
        return None
    from safetensors import SafetensorError

    try:
        return SHELF.load(key, lambda: _open(key, folder))
    except (OSError, ValueError, SafetensorError):  # cached in part
        return None


def _open(key: str, folder: Path) -> Clip:
    from transformers import CLIPModel, CLIPProcessor

    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    model = CLIPModel.from_pretrained(folder, dtype="float32", use_safetensors=True, **local).eval()
    processor = CLIPProcessor.from_pretrained(folder, **local)
    return Clip(key, folder.name if folder != Path(key) else "", model, processor)


def _folder(key: str) -> Path | None:
    """The folder itself, or the cached snapshot of a repository, looked up without the network."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    if Path(key).is_dir():
        return Path(key)
    try:
        return Path(snapshot_download(key, local_files_only=True))
    except (LocalEntryNotFoundError, FileNotFoundError, HFValidationError):
        return None
