"""Scores painted pictures: an independent classifier for what is in them, OCR for what is written.

The classifier (:mod:`engines.stickers.detector`) knows Sticker World only; what it cannot score it leaves out and
names in ``Verdict.unscored``, and what it cannot tell in this very picture in ``Verdict.untold``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from engines.evidence import PlainError, Progress
from engines.models import hardware, weights, worker
from engines.models.catalogue import MODELS
from engines.models.shelf import Shelf, Turn
from engines.statistics import Interval, wilson
from engines.stickers.world import COUNTABLE, RECOLOURABLE, Facts, Thing, counted, facts_of, placed, unscored

if TYPE_CHECKING:
    from engines.stickers.detector import JudgeModel, Reading

__all__ = [
    "ASPECTS", "Facts", "Judge", "Lettering", "Thing", "Verdict", "edit_distance", "facts_of", "judge", "load",
    "rates", "read_line", "read_text",
]  # fmt: skip

ASPECTS = ("object", "count", "colour", "background", "relation", "left out", "lettering")
MAX_PICTURES = 512
RARE = 0.05
"""What happens in fewer true pictures than this share of them is held against a picture."""
LARGE = 3.0
"""Cells that a thing fills which is too large to be one of many."""


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
            readings += worker.call(self.model.read, scaled)
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

    ``right`` holds the aspects that could be told; ``expected`` and ``seen`` put each into words, also those of
    ``untold``, the aspects that this picture is too unclear for. ``extra`` names objects nobody asked for, ``unscored``
    the wishes that the judge cannot score in any picture.
    """

    facts: Facts
    reading: Reading
    lettering: Lettering | None
    right: Mapping[str, bool]
    untold: tuple[str, ...]
    expected: Mapping[str, str]
    seen: Mapping[str, str]
    extra: tuple[str, ...]
    unscored: tuple[str, ...]

    @property
    def outcome(self) -> bool | None:
        """Whether everything asked is right: False as soon as one thing is wrong, None where it cannot be told."""
        if not all(self.right.values()):
            return False
        return None if self.untold or not self.right else True


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
    answers: dict[str, tuple[bool | None, str, str]] = {}

    def answer(aspect: str, right: bool | None, expected: str, seen: Sequence[str], nothing: str = "nothing") -> None:
        answers[aspect] = (right, expected, ", ".join(seen) or nothing)

    def unless_unclear(right: bool) -> bool | None:
        """What is there is there; what is missing may be what cannot be told."""
        return right or (None if reading.unclear else False)

    if wanted:
        here = [f"{number} {name}" for name, number in counts.items()]
        maybe = [f"perhaps {one.name}" for one in reading.doubtful]
        whole = unless_unclear(all(name in counts for name in wanted))
        answer("object", whole, ", ".join(wanted), [*counts, *maybe])
        if said:
            right = _all(_enough(reading, name, number, exact) for name, (number, exact) in said.items())
            expected = ", ".join(
                f"{number} {name}" if exact else f"{number} or more {name}" for name, (number, exact) in said.items()
            )
            answer("count", right, expected, [*here, *maybe])
    if paints:
        seen = [f"{found.colour} {found.name}" for found in reading.found if found.name in {n for n, _ in paints}]
        expected = ", ".join(f"{colour} {name}" for name, colour in paints)
        enough = all(seen_paints[paint] >= min(number, COUNTABLE) for paint, number in paints.items())
        answer("colour", unless_unclear(enough), expected, seen)
    if facts.background:
        grounded = None if reading.background_unclear else reading.background == facts.background
        answer("background", grounded, facts.background, [reading.background])
    if facts.relation and placed(facts):
        place = reading.relation(*wanted)
        met = place in ("left", "right") if facts.relation == "beside" else place == facts.relation
        stands = met if place else unless_unclear(False)
        answer("relation", stands, facts.relation, [place] if place else [], "not to be told")
    if facts.absent:
        there = [name for name in facts.absent if name in counts]
        gone = False if there else None if reading.unclear else True
        answer("left out", gone, f"no {' and no '.join(facts.absent)}", there)
    if facts.lettering and text is not None:
        answer("lettering", text.spells(facts.lettering), facts.lettering, [text.text], "nothing legible")
    return Verdict(
        facts=facts,
        reading=reading,
        lettering=text,
        right={aspect: right for aspect, (right, _, _) in answers.items() if right is not None},
        untold=tuple(aspect for aspect, (right, _, _) in answers.items() if right is None),
        expected={aspect: expected for aspect, (_, expected, _) in answers.items()},
        seen={aspect: seen for aspect, (_, _, seen) in answers.items()},
        extra=tuple(name for name in counts if name not in wanted),
        unscored=unscored(facts),
    )


def _all(parts: Iterable[bool | None]) -> bool | None:
    known = tuple(parts)
    return False if False in known else None if None in known else True


def _enough(reading: Reading, name: str, number: int, exact: bool) -> bool | None:
    """Whether there are ``number`` of a thing, or as many at least; None where that cannot be told."""
    seen, unclear = reading.counts().get(name, 0), reading.unclear
    if number > COUNTABLE:
        return False if not unclear and has_large(reading, name) and seen < fewest(number) else None
    if seen >= number and not exact or seen == number and not unclear:
        return True
    return False if seen > number or not unclear else None


def has_large(reading: Reading, name: str) -> bool:
    """Whether one of the things seen is larger than six of its kind could be."""
    return any(found.name == name and found.cells >= LARGE for found in reading.found)


@cache
def fewest(number: int) -> int:
    """The fewest that the judge sees where there truly are ``number``, more than it can count, all but rarely.

    From the true scenes of ``training/beyond_four.py``, those of six for any larger number; scenes that are unclear to
    it, or in which it sees small things only, say nothing.
    """
    file = MODELS / "sticker-world" / "beyond_four.json"
    if not file.is_file():
        return 0
    record: dict[str, dict[str, int]] = json.loads(file.read_text(encoding="utf-8"))["seen"]
    seen = record[str(min(number, max(map(int, record))))]
    total, below = sum(seen.values()), 0
    for count in range(COUNTABLE + 1):
        below += seen.get(str(count), 0)
        if below > RARE * total:
            return count
    return COUNTABLE


def rates(verdicts: Sequence[Verdict]) -> dict[str, Interval]:
    """Share right per aspect with its Wilson 95 % interval, of the pictures in which it could be told.

    "everything" is all aspects at once, of the pictures with an ``outcome``.
    """
    shares = {}
    for aspect in ASPECTS:
        answers = [verdict.right[aspect] for verdict in verdicts if aspect in verdict.right]
        if answers:
            shares[aspect] = wilson(sum(answers), len(answers))
    outcomes = [verdict.outcome for verdict in verdicts if verdict.outcome is not None]
    if outcomes:
        shares["everything"] = wilson(sum(outcomes), len(outcomes))
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
    """OCR of pictures uint8 [n, H, W, 3] that hold one line of large letters and nothing else, with no detector."""
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
