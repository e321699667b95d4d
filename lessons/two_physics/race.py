"""Screen 1: both machines on one request and one clock, and what each of them changes afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, Finding, Table
from engines.pictures import diffusion
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter, Pass, Plan
from engines.pictures.measures import edits, settled
from engines.statistics import percent, plural
from engines.text import snippets
from engines.text.language_model import LanguageModel, Token
from lessons.two_physics.measures import DIALS, TOKENS, TOLERANCE, both, provenance, request


@dataclass(frozen=True, eq=False)
class Moment:
    """The race so far. Seconds are each machine's own working time; the two take turns on the same processor.

    ``steps``: what the sculptor was asked for; some schedulers make more passes. ``painted``: whether the last event
    was a pass of the sculptor.
    """

    steps: int
    tokens: tuple[Token, ...] = ()
    passes: tuple[Pass, ...] = ()
    text_seconds: float = 0.0
    picture_seconds: float = 0.0
    painted: bool = False
    finished: bool = False

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)

    @property
    def written(self) -> float:
        """The share of its tokens that the typewriter has placed; a text that has ended is whole."""
        done = bool(self.tokens) and self.tokens[-1].finished is not None
        return 1.0 if done else len(self.tokens) / TOKENS

    @property
    def sculpted(self) -> float:
        """The share of its passes that the sculptor has made."""
        return len(self.passes) / self.passes[-1].passes if self.passes else 0.0

    def previews(self) -> np.ndarray:
        """The sculptor's guesses of the picture so far, uint8 [passes, H, W, 3]."""
        return np.stack([step.previews[0] for step in self.passes if step.previews is not None])

    def edited(self) -> float:
        """Share of the pixels of the sculptor's guess that change visibly from one pass to the next, on average."""
        return float(edited(self.previews()).mean())


def race(
    model: LanguageModel,
    painter: Painter,
    caption: str,
    seed: int = 7,
    *,
    tokens: int = TOKENS,
    passes: int | None = None,
) -> Iterator[Moment | Evidence[Moment]]:
    """Both machines on one request, event by event: whichever has used less time of its own moves next."""
    seed = whole("The seed", seed, 0, MAX_SEED)
    prompt = model.encode(request(caption), chat=True)
    writer = model.write(prompt, DIALS, seed=seed, max_tokens=tokens)
    moment = Moment(painter.passes(passes))
    plan = Plan(caption.strip(), (seed,), steps=moment.steps, previews=True, canvas=True)
    sculptor = diffusion.denoise(painter, plan)
    writing = sculpting = True
    while writing or sculpting:
        if writing and (not sculpting or moment.text_seconds <= moment.picture_seconds):
            token = next(writer, None)
            if token is None:
                writing = False
                continue
            seconds = moment.text_seconds + token.seconds
            moment = replace(moment, tokens=(*moment.tokens, token), text_seconds=seconds, painted=False)
            writing = token.finished is None
        else:
            step = next(sculptor)
            seconds = moment.picture_seconds + step.seconds
            moment = replace(moment, passes=(*moment.passes, step), picture_seconds=seconds, painted=True)
            sculpting = not step.finished
        moment = replace(moment, finished=not (writing or sculpting))
        yield moment
    yield _evidence(model, painter, caption.strip(), seed, moment)


def edited(previews: np.ndarray) -> np.ndarray:
    """Share of the pixels of [passes, H, W, 3] that change visibly from each pass to the next, [passes − 1]."""
    return edits(previews, threshold=(TOLERANCE + 1) / 255)


def race_truth(value: Moment) -> tuple[float, str]:
    return value.edited(), f"{percent(value.edited())} of the pixels change visibly from one pass to the next"


def _evidence(model: LanguageModel, painter: Painter, caption: str, seed: int, moment: Moment) -> Evidence[Moment]:
    previews = moment.previews()
    changed, share = edited(previews), settled(previews, tolerance=TOLERANCE / 255)
    tokens = len(moment.tokens)
    rows = [
        (number, percent(number / tokens) if number <= tokens else "done",
         percent(float(share[number - 1])) if number <= len(share) else "done")
        for number in range(1, max(tokens, len(share)) + 1)
    ]  # fmt: skip
    pixels = previews.shape[1] * previews.shape[2]
    written, painted = plural(tokens, "token"), plural(len(moment.passes), "pass", "passes")
    return Evidence(
        value=moment,
        alt=(
            f"The typewriter made {written} in {moment.text_seconds:.1f} seconds and changed none of them afterwards. "
            f"The sculptor made {painted} in {moment.picture_seconds:.1f} seconds; from one pass to the next, "
            f"{percent(moment.edited())} of its {pixels:,} pixels changed visibly on average."
        ),
        table=Table(("pass", "text fixed", "picture settled"), tuple(rows)),
        provenance=provenance(
            model, painter, seed, moment.text_seconds + moment.picture_seconds, caption=caption,
            **painter.pass_settings(moment.steps), temperature=DIALS.temperature, top_p=DIALS.top_p,
        ),
        findings=(
            Finding("0 edits", f"in {plural(tokens, 'pass', 'passes')} of the typewriter: each token stays as it fell"),
            Finding(
                f"{int(round(changed.sum() * pixels)):,} edits",
                f"in {painted} of the sculptor, each a pixel of its guess that moved by more than {TOLERANCE} of 255; "
                f"in the second pass it was {percent(float(changed[0]))} of them, in the last "
                f"{percent(float(changed[-1]))}",
            ),
            Finding(
                f"{moment.text_seconds:.1f} s and {moment.picture_seconds:.1f} s",
                "each machine's own working time, on this processor",
            ),
        ),
        snippet=both(
            snippets.continuation(
                model.reference, request(caption), DIALS, seed=seed, max_tokens=tokens, chat=True
            ),
            picture_snippets.denoising(
                painter.source, caption, seeds=(seed,), steps=moment.steps, guidance_scale=painter.guidance_scale,
            ),
        ),
        expected=(moment.text, moment.passes[-1].pictures),
    )  # fmt: skip
