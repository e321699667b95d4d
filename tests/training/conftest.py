"""Stickers drawn for the tests, so that no test fetches the real ones."""

from __future__ import annotations

import colorsys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from training import world


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
    caches = (world.stickers_folder, world._sticker, world.sticker)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()
