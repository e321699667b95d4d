"""Screen 4: what the reader and the autoencoder lose by themselves, on printed signs that nobody painted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.models.catalogue import MODELS
from engines.models.weights import fingerprint
from engines.signs import lab as sign_lab
from engines.signs import measures as sign_measures
from engines.statistics import Interval, percent, plural

MAX_EACH = 12
LENGTHS = tuple(range(1, sign_lab.SLOTS + 1))


@dataclass(frozen=True, eq=False)
class Trip:
    """Signs of one length before and after the autoencoder, uint8 [n, 32, 208, 3], and what was read."""

    length: int
    printed: np.ndarray
    restored: np.ndarray
    before: tuple[sign_measures.Spelling, ...]
    after: tuple[sign_measures.Spelling, ...]


@dataclass(frozen=True, eq=False)
class Ceiling:
    """The lengths measured so far."""

    trips: tuple[Trip, ...]

    def share(self, *, after: bool) -> Interval:
        """Signs read exactly, over all lengths."""
        return sign_measures.exact_rate([one for trip in self.trips for one in (trip.after if after else trip.before)])

    @property
    def finished(self) -> bool:
        return len(self.trips) == len(LENGTHS)


def measure(each: int = 5, seed: int | None = 0) -> Iterator[Underway | Evidence[Ceiling]]:
    """Print ``each`` words of every length, read them, send them through the autoencoder, read them again."""
    each, seed = whole("Words of each length", each, 1, MAX_EACH), whole("The seed", seed, 0, MAX_SEED)
    began, done, generator = time.perf_counter(), [], np.random.default_rng(seed)
    colours = list(sign_lab.COLOURS)
    for length in LENGTHS:
        yield Underway((length - 1) / len(LENGTHS), f"Words of {plural(length, 'letter')}")
        listed = [word for seen in (True, False) for word in sign_lab.words().of_length(length, seen=seen)]
        words = [listed[i] for i in generator.permutation(len(listed))[:each]]
        printed = np.stack([sign_lab.draw_sign(word, colours[i % len(colours)]) for i, word in enumerate(words)])
        restored = sign_lab.round_trip(printed)
        done.append(Trip(length, printed, restored, sign_lab.read(printed, words), sign_lab.read(restored, words)))
        yield _evidence(Ceiling(tuple(done)), each, seed, time.perf_counter() - began)


def truth(value: Ceiling) -> tuple[float, str] | None:
    """The share still read after the round trip, in words too; None before the last length."""
    if not value.finished:
        return None
    share = value.share(after=True)
    return share.rate, f"{share} after the round trip; {value.share(after=False)} before it"


def _evidence(value: Ceiling, each: int, seed: int, seconds: float) -> Evidence[Ceiling]:
    before, after = value.share(after=False), value.share(after=True)
    findings = [
        Finding(percent(before.rate), f"is the reader's own ceiling: {before} of the printed signs read exactly."),
        Finding(
            percent(after.rate),
            f"is left after the autoencoder: {after}. No painter here can be expected to score above it, "
            "except by chance: the ceiling is itself measured.",
        ),
    ]
    findings += _blamed(value)
    table = tuple(
        (trip.length, one.word, one.text or "nothing", again.text or "nothing", "yes" if again.exact else "no")
        for trip in value.trips
        for one, again in zip(trip.before, trip.after, strict=True)
    )
    summary = "; ".join(
        f"{plural(trip.length, 'letter')} {sign_measures.exact_rate(trip.before).successes} then "
        f"{sign_measures.exact_rate(trip.after).successes} of {len(trip.before)}"
        for trip in value.trips
    )
    first = value.trips[0]
    return Evidence(
        value,
        f"Printed signs read exactly, before then after the autoencoder: {summary}.",
        Table(("Letters", "Printed", "Read before", "Read after", "Exact after"), table),
        Provenance(
            "live", "pocket autoencoder", fingerprint(MODELS / "autoencoder"),
            {"words of each length": each, "reader": "rapidocr (PP-OCR)"}, seed, seconds,
        ),
        tuple(findings),
        snippet(first.before[0].word),
        {"before": first.before[0].text, "after": first.after[0].text},
    )  # fmt: skip


def _blamed(value: Ceiling) -> Iterator[Finding]:
    """A sign that was misread as printed, and one that was read until the autoencoder: who made its mistake."""
    pairs = [pair for trip in value.trips for pair in zip(trip.before, trip.after, strict=True)]
    misread = [before for before, _ in pairs if not before.exact]
    spoilt = [after for before, after in pairs if before.exact and not after.exact]
    for wrong, why in (
        (misread, ", and misread before the autoencoder. What looks like bad spelling is bad reading."),
        (spoilt, " and read right before the autoencoder. What looks like bad spelling was done on that round trip."),
    ):
        if wrong:
            said = f"{wrong[-1].word} → {wrong[-1].text[:12] or 'nothing'}"
            yield Finding(said, f"was printed without a mistake{why}")


def snippet(word: str) -> str:
    """Plain library code that prints a white sign, sends it through and reads it; ``result`` has both readings."""
    word = sign_lab.check_word(word)
    return f"""from pathlib import Path

import gradio
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from rapidocr import RapidOCR

from engines.pictures.pocket_autoencoder import PocketAutoencoder  # the one part that diffusers does not ship

fonts = Path(gradio.__file__).parent / "templates" / "frontend" / "static" / "fonts"
font = ImageFont.truetype(str(fonts / "IBMPlexMono" / "IBMPlexMono-Bold.woff2"), {sign_lab.FONT_SIZE * 4})
large = Image.new("RGB", ({sign_lab.WIDTH * 4}, {sign_lab.HEIGHT * 4}), {sign_lab.COLOURS["white"]})
_, top, _, bottom = font.getbbox("H", anchor="ls")
for slot, letter in enumerate({word!r}):
    place = ({sign_lab.MARGIN * 4} + {sign_lab.PITCH * 4} * (slot + 0.5), {sign_lab.HEIGHT * 2} - (top + bottom) / 2)
    ImageDraw.Draw(large).text(place, letter, (25, 25, 30), font, anchor="ms")
printed = np.array(large.resize(({sign_lab.WIDTH}, {sign_lab.HEIGHT}), Image.Resampling.BOX))

autoencoder = PocketAutoencoder.from_pretrained("models/autoencoder", dtype=torch.float32)
pixels = torch.from_numpy(printed).permute(2, 0, 1)[None].contiguous() / 255 * 2 - 1
with torch.no_grad():
    decoded = autoencoder.decode(autoencoder.encode(pixels).latent_dist.mode()).sample
restored = ((decoded[0] / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
reader = RapidOCR(params={{"Global.log_level": "error", "Global.use_cls": False}})


def read(picture):
    found = reader(np.ascontiguousarray(picture[..., ::-1]), use_det=False, text_score=0.0)
    return " ".join(found.txts or ())


result = {{"before": read(printed), "after": read(restored)}}
"""
