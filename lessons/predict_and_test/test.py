"""Screen 2: every prompt painted over several seeds, judged aspect by aspect, beside what the diet held."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engines.checks import seed_range, whole
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.pictures import diffusion, exercise_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.pictures.painter import MODELS
from engines.pictures.plan import MAX_STEPS
from engines.statistics import Interval, listed, wilson
from engines.stickers import clip_alignment, diet, judge
from engines.stickers.world import facts_of
from lessons.predict_and_test.plan import Entry, checks

EACH = 3
"""Prompts of each kind that the guess about their order needs."""
PEEK = 5
"""Every so many passes the guesses of the finished pictures are decoded, to be shown."""


@dataclass(frozen=True, eq=False)
class Moment:
    """A pass of the prompt that is being painted; ``guesses`` uint8 [seeds, H, W, 3] in some passes only."""

    prompt: int
    prompts: int
    passed: int
    passes: int
    guesses: np.ndarray | None

    @property
    def underway(self) -> Underway:
        """How far the whole run is."""
        done = (self.prompt * self.passes + self.passed) / (self.prompts * self.passes)
        prompt = f"prompt {self.prompt + 1} of {self.prompts}, " if self.prompts > 1 else ""
        return Underway(done, f"Painting {prompt}pass {self.passed} of {self.passes}")


@dataclass(frozen=True, eq=False)
class Judged:
    """What was found in the pictures of one caption.

    rates: aspect -> share right of the pictures in which it could be told, "everything" only when no wish is left over.
    unjudged: the wishes left over. wrong: for each picture the aspects that are wrong, in words; "" when all that was
    scored is right; None when it cannot be told. unclear: for each picture the aspects that it is too unclear for.
    extra: pictures that also show something nobody asked for.
    """

    rates: dict[str, Interval]
    unjudged: tuple[str, ...]
    wrong: tuple[str | None, ...]
    extra: int
    unclear: tuple[tuple[str, ...], ...] = ()

    @property
    def untold(self) -> int:
        """Pictures of which the judge cannot tell whether they are right."""
        return sum(bool(aspects) and not wrong for aspects, wrong in zip(self.unclear, self.wrong, strict=False))


@dataclass(frozen=True, eq=False)
class Tested:
    """A prompt that was painted: pictures uint8 [seeds, H, W, 3]; ``held`` is None when the diet is unknown.

    ``unseen``: words that were never in the diet, with their pieces. ``tail``: what the painter had no room to read.
    ``nearest``: pictures closer to this caption than to the ``foils`` other ones, by CLIP; None when not asked.
    """

    entry: Entry
    pictures: np.ndarray
    judged: Judged
    held: tuple[diet.Held, ...] | None
    unseen: tuple[tuple[str, tuple[str, ...]], ...]
    tail: str = ""
    nearest: Interval | None = None
    foils: int = 0

    @property
    def everything(self) -> Interval | None:
        return self.judged.rates.get("everything")


@dataclass(frozen=True, eq=False)
class Trial:
    """The test so far: the prompts that are finished, of ``planned``.

    ``steps``: what the painter was asked for, ``passes``: what it made of it.
    """

    tested: tuple[Tested, ...]
    planned: int
    seeds: tuple[int, ...]
    steps: int
    passes: int
    guidance_scale: float
    clip: str = ""
    """What scored the alignment, or why nothing did; "" where the judge does better."""

    def rates(self, kind: str) -> list[Interval]:
        """The overall rates of the prompts expected to be ``kind``, where the judge could score everything."""
        return [one.everything for one in self.tested if one.entry.kind == kind and one.everything]


def judged(painter: Painter, caption: str, pictures: np.ndarray) -> Judged:
    """What a caption's pictures have right: by the judge for Sticker World, by OCR alone for other painters."""
    facts = facts_of(caption)
    looks, unjudged = checks(caption)
    if not painter.is_bundled:
        if not facts.lettering:
            return Judged({}, ("everything: the judge knows Sticker World only",), (None,) * len(pictures), 0)
        texts = judge.read_text(pictures)
        right = [text.spells(facts.lettering) for text in texts]
        wrong = tuple(
            "" if ok else f"lettering: {text.text or 'nothing legible'}" for ok, text in zip(right, texts, strict=True)
        )
        return Judged({"lettering": wilson(sum(right), len(right))}, ("everything but the lettering",), wrong, 0)
    if not looks:
        return Judged({}, unjudged or ("everything: it names nothing the judge knows",), (None,) * len(pictures), 0)
    verdicts = judge.judge(pictures, facts)
    allowed = set(looks) | ({"everything"} if not unjudged else set())
    rates = {aspect: share for aspect, share in judge.rates(verdicts).items() if aspect in allowed}
    unclear = tuple(tuple(aspect for aspect in one.untold if aspect in looks) for one in verdicts)
    said = [
        "; ".join(
            f"{aspect}: {one.seen[aspect]}" for aspect, right in one.right.items() if not right and aspect in looks
        )
        for one in verdicts
    ]
    whole = tuple(None if aspects and not words else words for aspects, words in zip(unclear, said, strict=True))
    return Judged(rates, unjudged, whole, sum(bool(one.extra) for one in verdicts), unclear)


def judge_worth() -> list[tuple[str, Interval]]:
    """What the judge got right in its recorded tests, by question; empty when the record is missing.

    After the autoencoder; what was kept from the painter, where that was tested, as rendered.
    """
    file = MODELS / "judge" / "metrics.json"
    record = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    rows = dict(record.get("after_the_autoencoder", {}))
    if kept := record.get("withheld_from_the_painter"):
        rows["all, on what was kept from the painter, as rendered"] = kept["all"]
    return [(name, wilson(one["right"], one["of"])) for name, one in rows.items()]


def against_an_eye() -> tuple[int, list[tuple[str, Interval]]]:
    """(pictures, how the judge fares beside an eye on pictures it was never trained on), from ``training/eyes.py``."""
    file = MODELS / "judge" / "metrics.json"
    record = json.loads(file.read_text(encoding="utf-8")).get("against_an_eye", {}) if file.is_file() else {}
    rows = [(name, wilson(one["right"], one["of"])) for name, one in record.get("shares", {}).items()]
    return record.get("pictures", 0), rows


def fed(painter: Painter, caption: str) -> tuple[tuple[diet.Held, ...] | None, tuple[tuple[str, tuple[str, ...]], ...]]:
    """(the diet's share of each wish, the words that were never read with the pieces they fall into)."""
    if not painter.is_bundled:
        return None, ()
    known = diet.load()
    return known.held(facts_of(caption)), tuple((w, painter.read(w).pieces) for w in known.unseen(caption))


def aligned(painter: Painter, caption: str, pictures: np.ndarray, others: Sequence[str]) -> tuple[Interval | None, str]:
    """(pictures closer to their caption than to all ``others``, what said so or why nothing did), by a cached CLIP.

    The bundled painter has a judge of its own, which knows more.
    """
    if painter.is_bundled:
        return None, ""
    clip = clip_alignment.load()
    if clip is None:
        return None, f"{clip_alignment.MODEL} is not in this machine's Hugging Face cache, so nothing scores alignment."
    if not others:
        return None, "Alignment needs at least two different prompts."
    return clip.nearest(pictures, caption, others), " ".join(filter(None, (clip.name, clip.revision[:8])))


def run(
    painter: Painter, plan: Sequence[Entry], seeds: int = 8, seed: int = 0, *, steps: int | None = None
) -> Iterator[Moment | Evidence[Trial]]:
    """Paint each prompt's seeds in one batch; a Moment a pass, and after each prompt the Evidence so far."""
    began = time.perf_counter()
    rows, steps = seed_range(seed, seeds, least=2), whole("The number of passes", painter.passes(steps), 1, MAX_STEPS)
    done: list[Tested] = []
    for number, entry in enumerate(plan):
        for event in diffusion.denoise(painter, Plan(entry.prompt, rows, steps=steps)):
            peek = event.index % PEEK == PEEK - 1 and not event.finished
            guesses = painter.decode(event.predicted_clean) if peek else None
            yield Moment(number, len(plan), event.index + 1, event.passes, guesses)
        assert event.pictures is not None
        result = judged(painter, entry.prompt, event.pictures)
        tail = painter.read(entry.prompt).unread
        others = tuple(dict.fromkeys(one.prompt for one in plan if one.prompt.lower() != entry.prompt.lower()))
        nearest, by = aligned(painter, entry.prompt, event.pictures, others)
        foils = len(others) if nearest else 0
        done.append(Tested(entry, event.pictures, result, *fed(painter, entry.prompt), tail, nearest, foils))
        trial = Trial(tuple(done), len(plan), rows, steps, painter.made(steps), painter.guidance_scale, by)
        yield _evidence(painter, trial, began)


def _evidence(painter: Painter, trial: Trial, began: float) -> Evidence[Trial]:
    rows: list[tuple[str | int | float | None, ...]] = []
    for one in trial.tested:
        start = (one.entry.kind, one.entry.prompt, one.entry.confidence)
        for aspect, share in one.judged.rates.items():
            numbers = (round(number, 4) for number in (share.rate, share.low, share.high))
            rows.append((*start, aspect, share.successes, share.trials, *numbers))
        if one.nearest:
            numbers = (round(number, 4) for number in (one.nearest.rate, one.nearest.low, one.nearest.high))
            rows.append((*start, _closer(one.foils), one.nearest.successes, one.nearest.trials, *numbers))
        if one.everything is None:
            rows.append((*start, "everything", None, len(one.pictures), None, None, None))
    columns = ("expected", "prompt", "confidence, %", "aspect", "pictures", "of", "rate", "low", "high")
    captions = [one.entry.prompt for one in trial.tested]
    code = exercise_snippets.galleries(
        painter.source, captions, seeds=trial.seeds, steps=trial.steps, guidance_scale=trial.guidance_scale
    )
    source = Provenance.live(
        painter, began, trial.seeds[0], prompts=len(trial.tested), seeds=len(trial.seeds),
        **painter.pass_settings(trial.steps),
        guidance_scale=trial.guidance_scale,
    )  # fmt: skip
    expected = {one.entry.prompt: one.pictures for one in trial.tested}
    alt = f"{len(trial.tested)} of {trial.planned} prompts painted over {len(trial.seeds)} seeds each. " + " ".join(
        f"“{one.entry.prompt}” (expected {one.entry.kind}, confidence {one.entry.confidence} %): "
        + (f"everything right in {one.everything}." if one.everything else "not judged in full.")
        for one in trial.tested
    )
    return Evidence(trial, alt, Table(columns, tuple(rows)), source, tuple(_findings(trial)), code, expected)


def _findings(trial: Trial) -> Iterator[Finding]:
    easy, hard = pooled(trial.rates("easy")), pooled(trial.rates("hard"))
    if easy and hard:
        yield Finding(
            f"{easy.rate:.0%} and {hard.rate:.0%}".replace("%", " %"),
            f"of the pictures have everything right: {easy} for the easy prompts, {hard} for the hard ones. "
            + (
                "The intervals part, for these very prompts; they say nothing of other easy and hard ones."
                if parted(easy, hard)
                else "The intervals overlap, so this shows no difference yet."
            ),
        )
    aspects: dict[str, list[Interval]] = {}
    for one in trial.tested:
        for aspect, share in one.judged.rates.items():
            if aspect != "everything":
                aspects.setdefault(aspect, []).append(share)
    if aspects:
        shares = {aspect: total for aspect, many in aspects.items() if (total := pooled(many))}
        lowest = min(share.rate for share in shares.values())
        weakest = {aspect: share for aspect, share in shares.items() if share.rate == lowest}
        if lowest < 1:
            right = "; ".join(str(share) for share in weakest.values())
            what = "are the aspects that fail" if len(weakest) > 1 else "is the aspect that fails"
            yield Finding(listed(list(weakest)), f"{what} most often: right in {right}.")
    gaps = [(one, one.everything.rate * 100 - one.entry.confidence) for one in trial.tested if one.everything]
    if gaps:
        one, gap = max(gaps, key=lambda pair: abs(pair[1]))
        yield Finding(
            f"{abs(gap):.0f} points",
            f"is the widest gap between your confidence ({one.entry.confidence} %) and the result "
            f"({one.everything}): “{one.entry.prompt}”.",
        )
    if near := pooled([one.nearest for one in trial.tested if one.nearest]):
        yield Finding(
            f"{near.rate:.0%}".replace("%", " %"),
            f"of the pictures are closer to their own caption than to your others, by {trial.clip}: {near}. That is "
            "alignment: a picture can be closest to its caption and still have things wrong.",
        )
    elif trial.clip:
        yield Finding("no alignment", trial.clip)
    left = sum(one.everything is None for one in trial.tested)
    if left:
        yield Finding(f"{left} of {len(trial.tested)}", "prompts cannot be judged in full by a machine; look yourself.")


def _closer(foils: int) -> str:
    return f"closer to this caption than to the {foils} other{'s' * (foils > 1)}"


def pooled(shares: Sequence[Interval]) -> Interval | None:
    """All pictures of several prompts together; None for no prompt."""
    return wilson(sum(s.successes for s in shares), sum(s.trials for s in shares)) if shares else None


def parted(one: Interval, other: Interval) -> bool:
    """Whether two intervals have no rate in common."""
    return one.high < other.low or other.high < one.low


def order_truth(trial: Trial) -> tuple[int, str] | str:
    """How many hard prompts came out clearly below every easy one: their intervals part.

    Why that cannot be said, in words, unless three prompts of each kind could be judged in full.
    """
    easy, hard = trial.rates("easy"), trial.rates("hard")
    if not len(easy) == len(hard) == EACH or len(trial.tested) < trial.planned:
        return (
            f"No guess can be scored here: that takes {EACH} easy and {EACH} hard prompts that are judged in full. "
            f"Here there are {len(easy)} and {len(hard)}."
        )
    clearly = sum(all(one.high < other.low for other in easy) for one in hard)
    lower = sum(all(one.rate < other.rate for other in easy) for one in hard)
    return clearly, (
        f"{clearly} of {EACH} hard prompts lie below every easy one with an interval that touches none of theirs; "
        f"{lower} of {EACH} have the lower rate"
    )
