"""Stickers drawn for the tests, so that no test fetches the real ones; and a card that is played on a CPU."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.optim import adam
from torch.utils._python_dispatch import TorchDispatchMode

from engines.stickers import scenes as world
from training import captured


@pytest.fixture(scope="session")
def drawn_stickers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stickers")
    for index, (name, file) in enumerate(world.OBJECTS.items()):
        hue = sum(world._HUES[name]) / 720 if name in world._HUES else index / len(world.OBJECTS)
        colour = tuple(int(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.8, 0.9))
        for skin in world.SKINS if name == "hand" else ("",):
            picture = Image.new("RGBA", (64, 64))
            ImageDraw.Draw(picture).regular_polygon((32, 32, 28), 3 + index % 6, fill=(*colour, 255))
            picture.save(folder / f"{file}{skin}.webp", lossless=True)
    return folder


@pytest.fixture(autouse=True)
def stickers(drawn_stickers: Path, monkeypatch: pytest.MonkeyPatch):
    """Every test here renders with the drawn stickers."""
    monkeypatch.setenv("STICKERS", str(drawn_stickers))
    caches = (world.stickers_folder, world._sticker, world.sticker, world._shrunk)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


class NoLook(TorchDispatchMode):
    """Refuses what must wait for a value of the device, as a capture does."""

    WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2", "repeat_interleave")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        assert name not in self.WAITING, f"{name} waits for the device"
        masks = [index for index in args[1] if index is not None] if name in ("index", "index_put_") else []
        assert not any(index.dtype == torch.bool for index in masks), "a mask as an index waits for the device"
        return func(*args, **(kwargs or {}))


@pytest.fixture
def played_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a capture asks of a step, on a CPU: warm-ups before, AdamW as it is captured, and no look at a value."""

    class Capturable(torch.optim.AdamW):
        def __init__(self, weights: Any, **options: Any) -> None:
            super().__init__(weights, **(options | {"capturable": True, "foreach": True}))

    def capture(step: Callable[[], None], weights: Sequence[Tensor]) -> tuple[Callable[[], None], bool]:
        def watched() -> None:
            for weight in weights:
                weight.grad = None
            with NoLook():
                step()

        for _ in range(captured.WARM_UPS):
            watched()
        return watched, True

    monkeypatch.setattr(adam, "_get_capturable_supported_devices", lambda *_, **__: ["cpu"])
    monkeypatch.setattr(torch.optim, "AdamW", Capturable)
    monkeypatch.setattr(captured, "capture", capture)
