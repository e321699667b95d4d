"""Scores painted pictures: an independent classifier for what is in them, OCR for what is written.

The classifier (:mod:`engines.stickers.detector`) knows Sticker World only; what it cannot score it leaves out and
names in ``Verdict.unscored``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from engines.evidence import PlainError, Progress
from engines.models import hardware, weights
from engines.models.catalogue import MODELS
from engines.models.shelf import Shelf, Turn
from engines.statistics import Interval, wilson
from engines.stickers.world import RECOLOURABLE, Facts, Thing, counted, facts_of, placed, unscored

if TYPE_CHECKING:
    from engines.stickers.detector import JudgeModel, Reading

__all__ = [
    "ASPECTS", "Facts", "Judge", "Lettering", "Thing", "Verdict", "edit_distance", "facts_of", "judge", "load",
    "rates", "read_line", "read_text",
]  # fmt: skip

ASPECTS = ("object", "count", "colour", "background", "relation", "lettering")
MAX_PICTURES = 512


@dataclass(frozen=True)
class Judge:
    """The loaded classifier, with what it knows."""

    name: str
    revision: str
    objects: tuple[str, ...]
    colours: tuple[str, ...]
    backgrounds: tuple[str, ...]
    model: JudgeModel

    def look(self, pictures: np.ndarray) -> tuple[Reading, ...]:
        """What each of the pictures uint8 [n, H, W, 3] shows, in batches."""
        import torch

        readings: list[Reading] = []
        for first in range(0, len(pictures), 64):
            pixels = torch.from_numpy(np.ascontiguousarray(pictures[first : first + 64])).permute(0, 3, 1, 2)
            scaled = (pixels.float() / 127.5 - 1).to(device=self.model.device, dtype=self.model.dtype)
            readings += self.model.read(scaled)
        return tuple(readings)


@dataclass(frozen=True)
class Lettering:
    """What OCR reads in one picture: all lines top to bottom, joined by spaces, and the mean confidence."""

    text: str
    confidence: float
    lines: tuple[str, ...]

    def spells(self, word: str) -> bool:
        """Whether it reads ``word`` and nothing else, whatever the case, spaces and punctuation.

        False for a word without a letter or digit: nothing could be read of it.
        """
        wanted = _letters(word)
        return bool(wanted) and _letters(self.text) == wanted


@dataclass(frozen=True)
class Verdict:
    """One picture against what its caption asks for.

    ``right`` holds the aspects that could be scored; ``expected`` and ``seen`` put each into words.
    ``extra`` names objects nobody asked for, ``unscored`` the wishes that the judge cannot score.
    """

    facts: Facts
    reading: Reading
    lettering: Lettering | None
    right: Mapping[str, bool]
    expected: Mapping[str, str]
    seen: Mapping[str, str]
    extra: tuple[str, ...]
    unscored: tuple[str, ...]

    @property
    def all_right(self) -> bool:
        """Whether every scored aspect is right; False when there is none."""
        return bool(self.right) and all(self.right.values())


SHELF = Shelf[Judge]("judge")


def load(folder: str | Path | None = None, progress: Progress | None = None) -> Judge:
    """The judge in ``folder``, or the bundled one; one per process. PlainError when it is not there."""
    place = Path(folder or MODELS / "judge").resolve()

    def open_judge() -> Judge:
        if not (place / "config.json").is_file():
            raise PlainError("The judge's weights are not here, so nothing can be scored.")
        if progress:
            progress(0.0, "Calling the judge")
        import torch

        from engines.stickers.detector import JudgeModel

        hardware.check_whole(place)
        model = JudgeModel.from_pretrained(place, dtype=torch.float32).to(hardware.device()).eval()
        known: Any = model.config
        names = tuple(known.objects), tuple(known.colours), tuple(known.backgrounds)
        return Judge("Sticker World judge", weights.fingerprint(place), *names, model)

    return SHELF.load(str(place), open_judge)


def judge(
    pictures: np.ndarray, facts: Facts | Sequence[Facts], *, using: Judge | None = None, lettering: bool = True
) -> tuple[Verdict, ...]:
    """One verdict a picture (uint8 [n, H, W, 3]); ``facts`` for all of them or one each.

    OCR runs only on pictures whose facts ask for lettering, and not at all with ``lettering=False``.
    """
    if pictures.ndim != 4 or pictures.shape[-1] != 3 or not 1 <= len(pictures) <= MAX_PICTURES:
        raise PlainError(f"Give between 1 and {MAX_PICTURES} colour pictures to judge.")
    asked = [facts] * len(pictures) if isinstance(facts, Facts) else list(facts)
    if len(asked) != len(pictures):
        raise PlainError("Give the facts for all pictures, or one set for each.")
    readings = (using or load()).look(pictures)
    lettered = [i for i, one in enumerate(asked) if lettering and one.lettering]
    texts = dict(zip(lettered, read_text(pictures[lettered]), strict=True)) if lettered else {}
    return tuple(
        _verdict(one, reading, texts.get(i)) for i, (one, reading) in enumerate(zip(asked, readings, strict=True))
    )


def _verdict(facts: Facts, reading: Reading, text: Lettering | None) -> Verdict:
    counts, said = reading.counts(), counted(facts)
    wanted = tuple(dict.fromkeys(thing.name for thing in facts.things))
    paints: Counter[tuple[str, str]] = Counter()
    for thing in facts.things:
        if thing.colour and thing.name in RECOLOURABLE:
            paints[thing.name, thing.colour] += (thing.count or 2) if thing.name in said else 1
    seen_paints = Counter((found.name, found.colour) for found in reading.found)
    answers: dict[str, tuple[bool, str, str]] = {}
    if wanted:
        here = [f"{number} {name}" for name, number in counts.items()]
        answers["object"] = (all(name in counts for name in wanted), ", ".join(wanted), ", ".join(counts) or "nothing")
        if said:
            right = all(
                counts.get(name, 0) == number if exact else counts.get(name, 0) >= number
                for name, (number, exact) in said.items()
            )
            expected = ", ".join(
                f"{number} {name}" if exact else f"{number} or more {name}" for name, (number, exact) in said.items()
            )
            answers["count"] = (right, expected, ", ".join(here) or "nothing")
    if paints:
        seen = [f"{found.colour} {found.name}" for found in reading.found if found.name in {n for n, _ in paints}]
        expected = ", ".join(f"{colour} {name}" for name, colour in paints)
        right = all(seen_paints[paint] >= number for paint, number in paints.items())
        answers["colour"] = (right, expected, ", ".join(seen) or "nothing")
    if facts.background:
        answers["background"] = (reading.background == facts.background, facts.background, reading.background)
    if facts.relation and placed(facts):
        place = reading.relation(*wanted)
        answers["relation"] = (place == facts.relation, facts.relation, place or "not to be told")
    if facts.lettering and text is not None:
        answers["lettering"] = (text.spells(facts.lettering), facts.lettering, text.text or "nothing legible")
    return Verdict(
        facts=facts,
        reading=reading,
        lettering=text,
        right={aspect: answer[0] for aspect, answer in answers.items()},
        expected={aspect: answer[1] for aspect, answer in answers.items()},
        seen={aspect: answer[2] for aspect, answer in answers.items()},
        extra=tuple(name for name in counts if name not in wanted),
        unscored=unscored(facts),
    )


def rates(verdicts: Sequence[Verdict]) -> dict[str, Interval]:
    """Share right per scored aspect with its Wilson 95 % interval; "everything" is all aspects at once."""
    shares = {}
    for aspect in ASPECTS:
        answers = [verdict.right[aspect] for verdict in verdicts if aspect in verdict.right]
        if answers:
            shares[aspect] = wilson(sum(answers), len(answers))
    scored = [verdict for verdict in verdicts if verdict.right]
    if scored:
        shares["everything"] = wilson(sum(verdict.all_right for verdict in scored), len(scored))
    return shares


# --- lettering --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Reader:
    """The loaded OCR; ``turn`` is held while it reads."""

    engine: Any
    turn: Turn = field(default_factory=Turn)


READERS = Shelf[Reader]("reader")


def read_text(pictures: np.ndarray, progress: Progress | None = None) -> tuple[Lettering, ...]:
    """OCR of pictures uint8 [n, H, W, 3], by rapidocr (PP-OCR), which is loaded on first use.

    Pictures with a side below 256 pixels are enlarged to it, for a detector that is used to more. PlainError
    when rapidocr is not installed.
    """
    readings = []
    reader = _load_reader(progress)
    with reader.turn:
        for number, picture in enumerate(pictures):
            if progress:
                progress(number / len(pictures), "Reading the lettering")
            readings.append(_lettering(reader.engine(_enlarged(picture), use_det=True, text_score=0.5)))
    return tuple(readings)


def read_line(pictures: np.ndarray, progress: Progress | None = None) -> tuple[Lettering, ...]:
    """OCR of pictures that hold one line of large letters and nothing else, read as a whole, with no detector."""
    readings = []
    reader = _load_reader(progress)
    with reader.turn:
        for number, picture in enumerate(pictures):
            if progress:
                progress(number / len(pictures), "Reading the lettering")
            found = reader.engine(np.ascontiguousarray(picture[..., ::-1]), use_det=False, text_score=0.0)
            lines = tuple(str(text) for text in found.txts or ())
            readings.append(Lettering(" ".join(lines), float(np.mean(found.scores)) if lines else 0.0, lines))
    return tuple(readings)


def _load_reader(progress: Progress | None) -> Reader:
    def open_reader() -> Reader:
        if progress:
            progress(0.0, "Fetching the reading glasses")
        try:
            from rapidocr import RapidOCR
        except ImportError as error:
            raise PlainError("Reading lettering needs rapidocr and onnxruntime. Install requirements.txt.") from error
        settings = {"Global.log_level": "error", "Global.use_cls": False, "Det.limit_side_len": 256}
        return Reader(RapidOCR(params=settings))

    return READERS.load("rapidocr", open_reader)


def _enlarged(picture: np.ndarray) -> np.ndarray:
    """At least 256 pixels a side, in the BGR order that rapidocr expects of arrays."""
    scale = max(1, -(-256 // min(picture.shape[:2])))
    if scale > 1:
        size = (picture.shape[1] * scale, picture.shape[0] * scale)
        picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
    return np.ascontiguousarray(picture[..., ::-1])


def _lettering(found: Any) -> Lettering:
    if not found.txts:
        return Lettering("", 0.0, ())
    order = sorted(range(len(found.txts)), key=lambda i: (found.boxes[i][:, 1].mean(), found.boxes[i][:, 0].mean()))
    lines = tuple(str(found.txts[i]) for i in order)
    return Lettering(" ".join(lines), float(np.mean(found.scores)), lines)


def _letters(text: str) -> str:
    return "".join(character for character in text.upper() if character.isalnum())


def edit_distance(a: str, b: str) -> int:
    """Fewest insertions, deletions and replacements that turn ``a`` into ``b`` (Levenshtein 1966)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]
