"""The judge: a small convolutional detector that says what a Sticker World picture shows, and what it cannot tell.

It divides the picture into 8×8 cells. For each cell it says which object has its centre there, if any, of which
colour, and how strange the cell looks to it; for the whole picture it names the background. Counts and relations are
then read off the cells, so nothing is judged that cannot be pointed at. It has never seen a finished painting.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional

from engines.pictures.pocket_autoencoder import ResidualBranch

GRID = 8
APART = 2.9
"""Scenes keep centres at least this many cells apart; the weaker of two nearer finds is dropped."""
PLAIN = 0.9
"""What is named with less than this probability is not told either."""


@dataclass(frozen=True)
class Found:
    """One object: its name and colour, how sure the judge is, its centre in shares of the side.

    strange: how strange it looks, 0 to 1. cells: how many of the nine cells around its centre it fills.
    """

    name: str
    probability: float
    colour: str
    colour_probability: float
    x: float
    y: float
    strange: float = 0.0
    cells: float = 4.0


@dataclass(frozen=True)
class Reading:
    """What the judge sees in one picture. ``objects`` holds each name's highest probability of any cell.

    found: what it would swear to. doubtful: what it would name if it had to. strange: how strange the strangest place
    looks, 0 to 1. unclear: whether there is something that it cannot tell. background_unclear: whether it cannot tell
    the background.
    """

    found: tuple[Found, ...]
    objects: dict[str, float]
    background: str
    backgrounds: dict[str, float]
    doubtful: tuple[Found, ...] = ()
    strange: float = 0.0
    unclear: bool = False
    background_unclear: bool = False

    def counts(self) -> dict[str, int]:
        """How many of each object are surely seen; objects that are not are left out."""
        return dict(Counter(thing.name for thing in self.found))

    def relation(self, first: str, second: str) -> str | None:
        """Where ``first`` is as seen from ``second``: left, right, above or below; None if one is missing."""
        places = [[thing for thing in self.found if thing.name == name] for name in (first, second)]
        if not all(places):
            return None
        a, b = places[0][0], places[1][0]
        if abs(a.x - b.x) >= abs(a.y - b.y):
            return "left" if a.x < b.x else "right"
        return "above" if a.y < b.y else "below"

    def colour(self, name: str) -> str | None:
        """The colour of the surest object called ``name``; None if none is seen."""
        return next((thing.colour for thing in self.found if thing.name == name), None)


class JudgeModel(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Pictures ``[B, 3, 128, 128]`` in -1…1 to logits for cells, colours and backgrounds.

    ``objects``, ``colours`` and ``backgrounds`` name the classes, in the order of the logits; the first cell
    class is "nothing here", so object i has logit i + 1. What is stranger than ``doubt`` is not told; the value was
    chosen by eye (``training/eyes.py``).
    """

    @register_to_config
    def __init__(
        self,
        objects: tuple[str, ...],
        colours: tuple[str, ...],
        backgrounds: tuple[str, ...],
        widths: tuple[int, int, int] = (40, 80, 96),
        threshold: float = 0.5,
        doubt: float = 0.5,
    ) -> None:
        super().__init__()
        at_32, at_16, at_8 = widths
        self.trunk = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(48, at_32, 3, padding=1),
            ResidualBranch(at_32),
            nn.Conv2d(at_32, at_16, 2, stride=2),
            ResidualBranch(at_16),
            nn.Conv2d(at_16, at_8, 2, stride=2),
            ResidualBranch(at_8),
            nn.SiLU(),
        )
        self.cell_head = nn.Conv2d(at_8, 1 + len(objects), 1)
        self.colour_head = nn.Conv2d(at_8, len(colours), 1)
        self.background_head = nn.Linear(2 * at_8, len(backgrounds))
        self.strange_head = nn.Sequential(nn.Conv2d(at_8, 48, 3, padding=1), nn.SiLU(), nn.Conv2d(48, 1, 1))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits of cells ``[B, 1 + objects, 8, 8]``, colours ``[B, colours, 8, 8]``, backgrounds ``[B, n]``, and of
        being like nothing that was ever rendered ``[B, 8, 8]``."""
        features = self.trunk(pictures)
        # The border shows the background: objects rarely reach it.
        border = torch.cat([features[..., :, ::7].flatten(2), features[..., ::7, :].flatten(2)], dim=-1)
        pooled = torch.cat([features.mean((2, 3)), border.mean(-1)], dim=1)
        strange = self.strange_head(features)[:, 0]
        return self.cell_head(features), self.colour_head(features), self.background_head(pooled), strange

    @torch.no_grad()
    def read(self, pictures: Tensor) -> list[Reading]:
        """What each of ``pictures`` (``[B, 3, H, W]`` in -1…1, resized to 128×128) shows, surest finds first."""
        if pictures.shape[-2:] != (128, 128):
            pictures = functional.interpolate(pictures, (128, 128), mode="bilinear", antialias=True)
        cells, colours, backgrounds, strange = self(pictures.to(self.dtype))
        parts = (cells.float().softmax(1), colours.float().softmax(1), backgrounds.float().softmax(1))
        return [self._reading(*one) for one in zip(*parts, strange.float().sigmoid(), strict=True)]

    def _reading(self, cells: Tensor, colours: Tensor, backgrounds: Tensor, strange: Tensor) -> Reading:
        config: Any = self.config
        objects = cells[1:]
        best, which = objects.max(0)
        # An object fills several cells, and stray ones reach 1.0 too: what its neighbours agree with goes first.
        around = 9 * functional.avg_pool2d(objects[None], 3, stride=1, padding=1)[0]
        presences = around.gather(0, which[None])[0]
        oddness = functional.avg_pool2d(strange[None, None], 3, stride=1, padding=1, count_include_pad=False)[0, 0]
        found: list[Found] = []
        for place in presences.flatten().argsort(descending=True, stable=True).tolist():
            row, column = divmod(place, GRID)
            presence = min(1.0, float(presences[row, column]))
            if float(best[row, column]) < 0.2 or presence < config.threshold:
                continue
            x, y = (column + 0.5) / GRID, (row + 0.5) / GRID
            if any((x - old.x) ** 2 + (y - old.y) ** 2 < (APART / GRID) ** 2 for old in found):
                continue
            near = slice(max(0, row - 1), row + 2), slice(max(0, column - 1), column + 2)
            filled = objects[which[row, column]][near]
            painted = (colours[:, *near] * filled).sum((1, 2)) / filled.sum()
            paint = int(painted.argmax())
            found.append(Found(
                config.objects[int(which[row, column])], presence, config.colours[paint],
                float(painted[paint]), x, y, float(oddness[row, column]), float(presences[row, column]),
            ))  # fmt: skip
        peaks = objects.flatten(1).max(1).values.tolist()
        scene = int(backgrounds.argmax())
        doubtful = tuple(one for one in found if one.strange >= config.doubt or one.probability < PLAIN)
        strangest = float(oddness.max())
        border = torch.cat([strange[:, ::7].flatten(), strange[::7].flatten()]).mean()
        return Reading(
            tuple(one for one in found if one not in doubtful),
            dict(zip(config.objects, peaks, strict=True)),
            config.backgrounds[scene],
            dict(zip(config.backgrounds, backgrounds.tolist(), strict=True)),
            doubtful,
            strangest,
            bool(doubtful) or strangest >= config.doubt,
            float(border) >= config.doubt or float(backgrounds[scene]) < PLAIN,
        )
