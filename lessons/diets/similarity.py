"""Screen 3: how near captions and pictures lie in the space they share, for the learner's own and for unseen scenes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engines.checks import MAX_CAPTION, MAX_SEED, check_text, whole
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures.diffusion import Painter
from engines.pictures.files import Source, open_picture
from engines.statistics import Mean, mean_interval, wilson, words
from engines.stickers import meaning, scenes
from engines.stickers.meaning import Space
from engines.stickers.seed_ranges import UNSEEN
from lessons.shell.scenes import CAPTIONS, example
from lessons.shell.uploads import OWN

NAMES = ("cat-meadow", "owl-meadow", "rocket-meadow", "moon-night", "cake-night", "octopus-orange")
LINES = (
    "a cat on the grass", "an owl on the grass", "a rocket in a meadow", "the moon under the stars", "a cake at night",
    "an octopus on an orange background",
)  # fmt: skip
"""The pictures and captions that the page begins with: every second one differs from its neighbour in one thing."""
MOST = 8
PAIRS, MOST_PAIRS = 24, 64
KINDS = ("its own caption", "right thing, wrong place", "wrong thing, right place", "both wrong")


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture uint8 [H, W, 3] of the grid, and what to call it."""

    name: str
    picture: np.ndarray


@dataclass(frozen=True, eq=False)
class Grid:
    """Cosines [pictures, captions]; caption n belongs to picture n, as far as there are both.

    ``near``: for unseen scenes their cosines [scenes, 4] to the captions of ``KINDS``; None until they are measured.
    """

    pictures: tuple[Shown, ...]
    captions: tuple[str, ...]
    cosines: np.ndarray
    near: np.ndarray | None = None

    @property
    def pairs(self) -> int:
        return min(self.cosines.shape)

    @property
    def own(self) -> np.ndarray:
        """The cosine of each pair."""
        return np.diagonal(self.cosines)[: self.pairs]

    @property
    def shuffled(self) -> np.ndarray:
        """The mean cosine of each paired picture with the captions of the other pairs; the chance line."""
        square = self.cosines[: self.pairs, : self.pairs]
        if self.pairs < 2:
            return np.empty(0)
        return (square.sum(1) - np.diagonal(square)) / (self.pairs - 1)

    @property
    def right(self) -> np.ndarray:
        """Whether each paired picture lies nearest to its own caption."""
        return self.own >= self.cosines[: self.pairs].max(1) - 1e-6

    @property
    def half(self) -> Mean:
        """Where “right thing, wrong place” lies from “both wrong” (0) to a scene's own caption (1), scene by scene."""
        assert self.near is not None
        own, place, _, wrong = self.near.T
        return mean_interval((place - wrong).mean() / (own - wrong).mean() + _jackknife(own - wrong, place - wrong))


def _jackknife(whole_: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Deviations whose mean interval is that of the ratio of means (the delta method, one value a scene)."""
    ratio = part.mean() / whole_.mean()
    return (part - ratio * whole_) / whole_.mean()


def lines(text: Any) -> tuple[str, ...]:
    """The captions of a box, one a line; PlainError when there is none, or too many."""
    check_text("The list of captions", text, MOST * (MAX_CAPTION + 1))
    texts = tuple(line.strip() for line in str(text).splitlines() if line.strip())
    if not texts:
        raise PlainError("Write at least one caption, one on each line, such as “a cat on the grass”.")
    if len(texts) > MOST:
        raise PlainError(f"Write {MOST} captions at most, one on each line; there are {len(texts)}.")
    for number, line in enumerate(texts, start=1):
        check_text(f"Caption {number}", line, MAX_CAPTION)
    return texts


def shown(painter: Painter, names: Any, own: Source | None) -> tuple[Shown, ...]:
    """The chosen bundled pictures in the order of the page, then the learner's own."""
    if not isinstance(names, list | tuple) or any(name not in CAPTIONS for name in names):
        raise PlainError(f"The pictures are some of: {', '.join(CAPTIONS)}.")
    chosen = [Shown(name, example(name, painter.height, painter.width)) for name in dict.fromkeys(names)]
    if own is not None:
        chosen.append(Shown(OWN, open_picture(own, width=painter.width, height=painter.height)))
    if not chosen:
        raise PlainError("Choose at least one picture, or bring your own.")
    if len(chosen) > MOST:
        raise PlainError(f"Choose {MOST} pictures at most; there are {len(chosen)}.")
    return tuple(chosen)


def similarity(
    painter: Painter, captions: str = "\n".join(LINES), names: Sequence[str] = NAMES, own: Source | None = None,
    pairs: int = PAIRS, seed: int = 0,
) -> Iterator[Underway | Evidence[Grid]]:  # fmt: skip
    """The grid of pictures and captions, then ``pairs`` unseen scenes with captions that are wrong in one thing."""
    began = time.perf_counter()
    texts, pairs = lines(captions), whole("The number of unseen scenes", pairs, 2, MOST_PAIRS)
    seed = whole("The seed", seed, 0, MAX_SEED)
    chosen, space = shown(painter, names, own), meaning.load(painter)
    value = grid(space, chosen, texts)
    yield _evidence(value, space, began, seed)
    dice, rows = np.random.default_rng(seed), []
    for number in range(pairs):
        rows.append(_near(space, UNSEEN + int(dice.integers(1_000_000)), dice))
        yield Underway((number + 1) / pairs, f"Unseen scene {number + 1} of {pairs}")
    yield _evidence(replace(value, near=np.array(rows)), space, began, seed)


def grid(space: Space, chosen: Sequence[Shown], captions: Sequence[str]) -> Grid:
    vectors = space.pictures(np.stack([one.picture for one in chosen]))
    return Grid(tuple(chosen), tuple(captions), vectors @ space.captions(captions).T)


def _near(space: Space, seed: int, dice: np.random.Generator) -> np.ndarray:
    """Cosines of an unseen scene to its own caption and to captions that are wrong in place, in thing, in both."""
    plan = scenes.plan(seed, "single")
    picture = np.asarray(scenes.render(plan, seed).picture)
    place = str(dice.choice([one for one in scenes.BACKGROUNDS if one != plan.background]))
    thing = scenes.Thing(str(dice.choice([one for one in scenes.OBJECTS if one != plan.things[0].name])))
    others = (
        plan, replace(plan, background=place), replace(plan, things=(thing,)),
        replace(plan, things=(thing,), background=place),
    )  # fmt: skip
    texts = [scenes.phrasings(one)[0] for one in others]
    return space.pictures(picture[None])[0] @ space.captions(texts).T


def similarity_truth(value: Grid) -> tuple[float, str, list[float]] | str:
    if value.near is None:
        return "The unseen scenes were not measured."
    middle, low, high = value.half
    said = (
        f"on {len(value.near)} unseen scenes, {words(value.half, 0, True)} of the way from a caption that is all wrong "
        "to the scene’s own"
    )
    if high - low > 0.5:
        return f"Measured: {said}. So few scenes decide nothing, so no guess is scored; take more."
    return middle, said, [low, high]


def _evidence(value: Grid, space: Space, began: float, seed: int) -> Evidence[Grid]:
    names = [CAPTIONS.get(one.name, one.name) for one in value.pictures]
    rows = [
        (name, caption, round(float(value.cosines[row, column]), 3), "yes" if row == column else "no")
        for row, name in enumerate(names)
        for column, caption in enumerate(value.captions)
    ]
    if value.near is not None:
        rows += [
            ("unseen scenes", kind, round(float(value.near[:, at].mean()), 3), "yes" if at == 0 else "no")
            for at, kind in enumerate(KINDS)
        ]
    best = ", ".join(
        f"{name}: “{value.captions[int(value.cosines[row].argmax())]}” ({value.cosines[row].max():.2f})"
        for row, name in enumerate(names)
    )
    settings = {"pictures": len(value.pictures), "captions": len(value.captions)}
    if value.near is not None:
        settings["unseen scenes"] = len(value.near)
    return Evidence(
        value, f"The nearest caption of each picture, with its cosine. {best}.",
        Table(("picture", "caption", "cosine", "its own"), tuple(rows)),
        Provenance("live", space.name, space.revision, settings, seed, time.perf_counter() - began),
        tuple(_findings(value)), snippet(value), value.cosines,
    )  # fmt: skip


def _findings(value: Grid) -> Iterator[Finding]:
    if value.pairs >= 2:
        hits, captions = int(value.right.sum()), len(value.captions)
        yield Finding(
            f"{hits} of {value.pairs}",
            f"pictures lie nearest to their own of the {captions} captions. By chance it would be one in {captions}; "
            f"with so few pairs the interval is wide: {wilson(hits, value.pairs)}.",
        )
        yield Finding(
            words(mean_interval(value.own)),
            f"is the mean cosine of a pair; of the same pictures with the captions shuffled "
            f"{words(mean_interval(value.shuffled))}, the chance line.",
        )
    else:
        yield Finding(
            "One pair",
            "has nothing to be compared with. Write a second caption and choose a second picture.",
        )
    if value.near is not None:
        own, place, thing, wrong = (words(mean_interval(column)) for column in value.near.T)
        yield Finding(
            words(value.half, 0, True),
            f"of the way from all wrong to right: a caption with the right thing in the wrong place, on "
            f"{len(value.near)} unseen scenes. Cosines: own {own}; wrong place {place}; wrong thing {thing}; "
            f"both wrong {wrong}.",
        )
    own_rows = [row for row, one in enumerate(value.pictures) if one.name == OWN]
    for row in own_rows:
        near = int(value.cosines[row].argmax())
        yield Finding(
            f"{value.cosines[row, near]:.2f}",
            f"is the largest cosine of your picture, with “{value.captions[near]}”. A picture from outside Sticker "
            "World has a nearest caption too; only the others’ cosines say whether it means anything.",
        )


def snippet(value: Grid) -> str:
    """``result``: the cosines [pictures, captions]."""
    files = [
        f"lessons/shell/scenes/{one.name}.png" if one.name in CAPTIONS else "your-picture.png" for one in value.pictures
    ]
    side = value.pictures[0].picture.shape[0]
    return f"""import numpy as np
import torch
from PIL import Image
from transformers import CLIPTextModel, CLIPTokenizer

from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.stickers.shared_space import SharedSpace

files = {files!r}
captions = {list(value.captions)!r}
autoencoder = PocketAutoencoder.from_pretrained("models/autoencoder", torch_dtype=torch.float32).eval()
reader = CLIPTextModel.from_pretrained("models/painter/text_encoder", dtype=torch.float32).eval()
tokenizer = CLIPTokenizer.from_pretrained("models/painter/tokenizer")
space = SharedSpace.from_pretrained("models/space", torch_dtype=torch.float32).eval()
pictures = np.stack([np.asarray(Image.open(file).convert("RGB").resize(({side}, {side}))) for file in files])
pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
with torch.no_grad():
    latents = autoencoder.encode(pixels).latent_dist.mode()
    ids = tokenizer(captions, padding=True, truncation=True, return_tensors="pt").input_ids
    result = (space.encode_pictures(latents) @ space.encode_captions(reader(ids).pooler_output).T).numpy()
for file, row in zip(files, result):
    print(file, captions[row.argmax()], f"{{row.max():.2f}}")
"""
