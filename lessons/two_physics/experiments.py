"""Two machines on one request: what each has fixed after every pass, and what happens when a pass goes wrong.

Engine events in, Evidence out. The typewriter's pass is one token; the sculptor's is one step of the whole canvas.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engines.checks import check_number
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import diffusion
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter, Pass, Plan, Poke
from engines.pictures.measures import difference, edits, settled
from engines.pictures.plan import MAX_STEPS
from engines.statistics import mean_interval
from engines.text import snippets
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Run, Token

DIALS = Dials(temperature=0.7, top_p=0.95)
TOKENS = 48
DRAFT = 25
"""Tokens of the texts whose growth is measured."""
TOLERANCE = 16
"""Colour steps of 255 within which a pixel counts as settled."""
SPOIL_BOX = (0.25, 0.3, 0.75, 0.8)


def request(caption: str) -> str:
    """What the typewriter is asked, for the picture the sculptor is given; PlainError when there is nothing."""
    caption = caption.strip()
    if not caption:
        raise PlainError("Name something to make: a few words, such as “a strawberry on a blue background”.")
    if len(caption) > 200:
        raise PlainError(f"That is {len(caption)} characters. Keep the request to 200.")
    return f"Describe this picture in two sentences: {caption}"


# --- one clock ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Moment:
    """The race so far. Seconds are each machine's own working time; the two take turns on the same processor.

    ``steps``: what the sculptor was asked for; some schedulers make a pass more.
    """

    steps: int
    tokens: tuple[Token, ...]
    passes: tuple[Pass, ...]
    text_seconds: float
    picture_seconds: float
    finished: bool


def race(
    model: LanguageModel,
    painter: Painter,
    caption: str,
    *,
    seed: int,
    tokens: int = TOKENS,
    passes: int | None = None,
) -> Iterator[Moment]:
    """Both machines on one request, event by event: whichever has used less time of its own moves next."""
    prompt = model.encode(request(caption), chat=True)
    writer = model.write(prompt, DIALS, seed=seed, max_tokens=tokens)
    moment = Moment(painter.passes(passes), (), (), 0.0, 0.0, False)
    sculptor = diffusion.denoise(painter, Plan(caption.strip(), (seed,), steps=moment.steps, previews=True))
    writing = sculpting = True
    while writing or sculpting:
        if writing and (not sculpting or moment.text_seconds <= moment.picture_seconds):
            token = next(writer, None)
            if token is None:
                writing = False
                continue
            moment = replace(moment, tokens=(*moment.tokens, token), text_seconds=moment.text_seconds + token.seconds)
            writing = token.finished is None
        else:
            step = next(sculptor)
            moment = replace(
                moment, passes=(*moment.passes, step), picture_seconds=moment.picture_seconds + step.seconds
            )
            sculpting = not step.finished
        yield replace(moment, finished=not (writing or sculpting))


def edited(moment: Moment) -> float:
    """Share of the pixels of the sculptor's guess that change from one pass to the next, on average."""
    return float(edits(_previews(moment)).mean())


def _previews(moment: Moment) -> np.ndarray:
    """The guesses of the first picture so far, uint8 [passes, H, W, 3]."""
    return np.stack([step.previews[0] for step in moment.passes if step.previews is not None])


def _provenance(model: LanguageModel, painter: Painter, seed: int, seconds: float, **settings: object) -> Provenance:
    revisions = {"text revision": model.revision, "picture revision": painter.revision}
    return Provenance("live", f"{model.name} and {painter.name}", "", {**revisions, **settings}, seed, seconds)


def race_result(model: LanguageModel, painter: Painter, caption: str, seed: int, moment: Moment) -> Evidence[Moment]:
    """The finished race: passes, seconds and edits of each machine."""
    previews = _previews(moment)
    changed = edits(previews)
    share = settled(previews)
    rows = [
        (number, f"{100 * number / len(moment.tokens):.0f} %" if number <= len(moment.tokens) else "done",
         f"{share[number - 1]:.0%}" if number <= len(share) else "done")
        for number in range(1, max(len(moment.tokens), len(share)) + 1)
    ]  # fmt: skip
    pixels = previews.shape[1] * previews.shape[2]
    return Evidence(
        value=moment,
        alt=(
            f"The typewriter made {len(moment.tokens)} tokens in {moment.text_seconds:.1f} seconds and changed none of "
            f"them afterwards. The sculptor made {len(moment.passes)} passes in {moment.picture_seconds:.1f} seconds; "
            f"from one pass to the next, {changed.mean():.0%} of its {pixels:,} pixels changed on average."
        ),
        table=Table(("pass", "text fixed", "picture settled"), tuple(rows)),
        provenance=_provenance(
            model,
            painter,
            seed,
            moment.text_seconds + moment.picture_seconds,
            caption=caption.strip(),
            passes=moment.steps,
            temperature=DIALS.temperature,
            top_p=DIALS.top_p,
        ),
        findings=(
            Finding("0 edits", f"in {len(moment.tokens)} passes of the typewriter: each token stays as it fell"),
            Finding(
                f"{int(round(changed.sum() * pixels)):,} edits",
                f"in {len(moment.passes)} passes of the sculptor, counting every pixel of its guess that moved",
            ),
            Finding(
                f"{moment.text_seconds:.1f} s and {moment.picture_seconds:.1f} s",
                "each machine's own working time, on this processor",
            ),
        ),
        snippet=_both(
            snippets.continuation(
                model.reference, request(caption), DIALS, seed=seed, max_tokens=len(moment.tokens), chat=True
            ),
            picture_snippets.denoising(
                painter.source,
                caption.strip(),
                seeds=(seed,),
                steps=moment.steps,
                guidance_scale=painter.guidance_scale,
            ),
        ),
        expected=("".join(token.text for token in moment.tokens), moment.passes[-1].pictures),
    )


# --- how much is fixed ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Fixing:
    """Share settled after each pass: ``text`` float [seeds, tokens], ``picture`` float [seeds, passes].

    A text's tokens count when they are exactly in place, a picture's pixels when within TOLERANCE.
    """

    text: np.ndarray
    picture: np.ndarray


def fixing(
    model: LanguageModel,
    painter: Painter,
    caption: str,
    *,
    seeds: int = 8,
    seed: int = 7,
    passes: int | None = None,
    tokens: int = DRAFT,
) -> Iterator[tuple[str, Evidence[Fixing] | None]]:
    """Measure, over seeds, how much of the final answer is in place after every pass. Yields (words, result).

    ``passes`` of the sculptor, as many as suit it when None; ``tokens``: passes of the typewriter.
    """
    began, steps = time.perf_counter(), painter.passes(passes)
    caption = caption.strip()
    prompt = model.encode(request(caption), chat=True)
    several = tuple(range(seed, seed + seeds))
    runs: Sequence[Run] = ()
    for event in model.write_many(prompt, DIALS, seeds=several, max_tokens=tokens):
        if isinstance(event, Underway):
            yield f"{seeds} texts, side by side: {event.words}", None
        else:
            runs = event
    drafts = [[run.token_ids[: k + 1] for k in range(len(run.token_ids))] for run in runs]
    text = np.array([_kept(draft, tokens) for draft in drafts])
    frames: list[np.ndarray] = []
    for step in diffusion.denoise(painter, Plan(caption, several, steps=steps, previews=True)):
        assert step.previews is not None
        frames.append(step.previews)
        yield f"{seeds} pictures, pass {step.index + 1} of {step.passes}", None
    stacked = np.stack(frames, axis=1)  # [seeds, passes, H, W, 3]
    picture = np.array([settled(one, tolerance=TOLERANCE / 255) for one in stacked])
    yield "done", _fixing_result(model, painter, caption, several, steps, Fixing(text, picture), began)


def _kept(drafts: list[tuple[int, ...]], passes: int) -> np.ndarray:
    """Share of the final text that each draft already holds, unchanged and in place."""
    final = drafts[-1]
    shares = [sum(a == b for a, b in zip(draft, final, strict=False)) / len(final) for draft in drafts]
    return np.array((shares + [1.0] * passes)[:passes])


def half_way(result: Fixing) -> tuple[float, float, float]:
    """Mean share of the picture that is settled half-way through the passes, with its 95 % interval."""
    return mean_interval([float(row[_middle(result.picture)]) for row in result.picture])


def _middle(shares: np.ndarray) -> int:
    """The index of the pass that ends the first half of [seeds, passes]."""
    return max(0, shares.shape[1] // 2 - 1)


def _fixing_result(
    model: LanguageModel,
    painter: Painter,
    caption: str,
    seeds: tuple[int, ...],
    steps: int,
    result: Fixing,
    began: float,
) -> Evidence[Fixing]:
    mean, low, high = half_way(result)
    (_, tokens), (_, passes) = result.text.shape, result.picture.shape
    half_text, half = _middle(result.text), _middle(result.picture)
    rows: list[tuple[Any, ...]] = []
    for index in range(max(tokens, passes)):
        written = round(float(result.text[:, index].mean()), 4) if index < tokens else None
        painted: tuple[float | None, ...] = (None,) * 3
        if index < passes:
            painted = tuple(round(part, 4) for part in mean_interval([float(row[index]) for row in result.picture]))
        rows.append((index + 1, written, *painted))
    first = [int(np.argmax(row >= 0.5)) + 1 for row in result.picture]
    when, earliest, latest = mean_interval(first)
    return Evidence(
        value=result,
        alt=(
            f"After {half_text + 1} of {tokens} tokens the texts are {result.text[:, half_text].mean():.0%} fixed on "
            f"average, each in a straight line until it ends; after {half + 1} of {passes} passes {mean:.0%} of the "
            f"picture's pixels are within {TOLERANCE} of 255 colour steps of where they end (95 % interval "
            f"{low:.0%}–{high:.0%}, {len(seeds)} seeds)."
        ),
        table=Table(("pass", "text fixed", "picture settled", "interval from", "to"), tuple(rows)),
        provenance=_provenance(
            model,
            painter,
            seeds[0],
            time.perf_counter() - began,
            caption=caption,
            seeds=len(seeds),
            passes=steps,
            tokens=tokens,
            tolerance=f"{TOLERANCE} of 255",
        ),
        findings=(
            Finding(
                f"{mean:.0%} settled", f"half-way through (95 % interval {low:.0%}–{high:.0%}, {len(seeds)} seeds)"
            ),
            Finding(
                f"pass {when:.0f} of {passes}",
                f"is when half the pixels have stopped moving (95 % interval {earliest:.1f}–{latest:.1f})",
            ),
            Finding("0 tokens", "were ever taken back: each text grows in a straight line until it ends"),
        ),
        snippet=picture_snippets.denoising(
            painter.source, caption, seeds=seeds, steps=steps, guidance_scale=painter.guidance_scale
        ),
    )


# --- spoil a pass ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Spoiled:
    """One accident each. ``clean``/``hurt``/``mended`` are pictures uint8 [H, W, 3] of the first seed.

    ``third``: the pass (from 1) of the accident a third of the way in, ``passes`` how many the sculptor made.
    """

    wrong_token: str
    text_clean: str
    text_spoiled: str
    clean: np.ndarray
    hurt: np.ndarray
    mended: np.ndarray
    damage_left: dict[int, tuple[float, float, float]]
    """pass of the accident -> share of the damage that is left at the end: mean and interval over seeds."""
    third: int
    passes: int


def spoil(
    model: LanguageModel, painter: Painter, caption: str, *, seeds: int = 6, seed: int = 7, passes: int | None = None
) -> Iterator[tuple[str, Evidence[Spoiled] | None]]:
    """Overwrite a third of the way: one token of the text, one patch of the latent. What do later passes do?"""
    began, steps = time.perf_counter(), painter.passes(passes)
    check_number("The number of passes", steps, 2, MAX_STEPS, whole=True)
    caption = caption.strip()
    prompt = model.encode(request(caption), chat=True)
    written = model.write(prompt, DIALS, seed=seed, max_tokens=TOKENS)
    clean_text = yield from _written(written, "The typewriter, undisturbed")
    at = min(max(1, len(clean_text) // 3), len(clean_text) - 1)
    wrong = clean_text[at].scoreboard.candidates[-1]
    ids = [token.token_id for token in clean_text]
    forced = model.branch(prompt, ids, at, wrong.token_id, DIALS, seed=seed, max_tokens=TOKENS)
    spoiled_text = yield from _written(forced, "The typewriter, with one wrong token")

    several = tuple(range(seed, seed + seeds))
    plan = Plan(caption, several, steps=steps)
    untouched = yield from _painted(painter, plan, "The sculptor, undisturbed")
    final = untouched[-1].pictures
    assert final is not None
    moments = accidents(len(untouched))
    third = max(1, len(untouched) // 3)
    left: dict[int, tuple[float, float, float]] = {}
    shown: tuple[np.ndarray, np.ndarray] | None = None
    accident = Poke(third, SPOIL_BOX, kind="noise", seed=seed + 100)
    for moment in moments:
        struck_at = replace(plan, pokes=(replace(accident, at=moment),))
        poked = yield from _painted(painter, struck_at, f"The sculptor, a patch overwritten before pass {moment + 1}")
        ended, struck = poked[-1].pictures, poked[moment]
        assert ended is not None
        hurt = painter.decode(struck.latent_before / np.hypot(struck.alpha, struck.sigma))
        whole = painter.decode(untouched[moment].latent_before / np.hypot(struck.alpha, struck.sigma))
        before = [difference(_patch(a), _patch(b)) for a, b in zip(hurt, whole, strict=True)]
        after = [difference(_patch(a), _patch(b)) for a, b in zip(ended, final, strict=True)]
        left[moment + 1] = mean_interval([a / b if b else 0.0 for a, b in zip(after, before, strict=True)])
        if moment == third:
            shown = hurt[0], ended[0]
    assert shown is not None
    value = Spoiled(
        wrong_token=wrong.text,
        text_clean="".join(token.text for token in clean_text),
        text_spoiled="".join(token.text for token in spoiled_text),
        clean=final[0],
        hurt=shown[0],
        mended=shown[1],
        damage_left=left,
        third=third + 1,
        passes=len(untouched),
    )
    result = _spoil_result(model, painter, caption, several, steps, at, value, began)
    yield "done", replace(
        result,
        snippet=_both(
            snippets.continuation(
                model.reference, request(caption), DIALS, seed=seed, max_tokens=TOKENS, chat=True,
                forced={at: wrong.token_id},
            ),
            picture_snippets.for_painter(
                painter, picture_snippets.poked, caption, seed=seed, before=accident.at, cells=_cells(painter),
                poke_seed=accident.seed, steps=steps, guidance_scale=painter.guidance_scale,
            ),
        ),
        expected=(value.text_spoiled, value.mended),
    )  # fmt: skip


def _written(tokens: Iterator[Token], words: str) -> Generator[tuple[str, None], None, list[Token]]:
    text = []
    for token in tokens:
        text.append(token)
        yield f"{words}: token {len(text)}", None
    return text


def _painted(painter: Painter, plan: Plan, words: str) -> Generator[tuple[str, None], None, list[Pass]]:
    passes = []
    for event in diffusion.denoise(painter, plan):
        passes.append(event)
        yield f"{words}: pass {event.index + 1} of {event.passes}", None
    return passes


def accidents(passes: int) -> tuple[int, ...]:
    """The passes (from 0) before which the patch is overwritten: a fifth, a third, two thirds of the way, the last."""
    moments = (passes // 5, passes // 3, 2 * passes // 3, passes - 1)
    return tuple(dict.fromkeys(max(1, moment) for moment in moments))


def _both(text: str, picture: str) -> str:
    """Two snippets as one whose ``result`` is the pair; nothing when one of them is missing."""
    if not picture:
        return ""
    return f"{text}\ntext = result\n\n{picture}\nresult = (text, result)\n"


def _cells(painter: Painter) -> tuple[int, int, int, int]:
    """The latent cells of ``SPOIL_BOX``: left, top, right, bottom."""
    (_, height, width), (left, top, right, bottom) = painter.latent_shape, SPOIL_BOX
    return math.floor(left * width), math.floor(top * height), math.ceil(right * width), math.ceil(bottom * height)


def _patch(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    left, top, right, bottom = SPOIL_BOX
    return picture[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]


def mended_by(value: Spoiled) -> float:
    """Share of the damage of the accident a third of the way in that is gone at the end (mean over seeds)."""
    return 1 - value.damage_left[value.third][0]


def _spoil_result(
    model: LanguageModel,
    painter: Painter,
    caption: str,
    seeds: tuple[int, ...],
    steps: int,
    at: int,
    value: Spoiled,
    began: float,
) -> Evidence[Spoiled]:
    early, last = value.third, max(value.damage_left)
    mean, low, high = value.damage_left[early]
    late = value.damage_left[last]
    rows: list[tuple[Any, ...]] = [("text", at + 1, 1.0, 1.0, 1.0)]
    rows += [("picture", step, *(round(part, 4) for part in damage)) for step, damage in value.damage_left.items()]
    return Evidence(
        value=value,
        alt=(
            f"The wrong token “{value.wrong_token}” at step {at + 1} is still in the finished text. Of the picture's "
            f"damage before pass {early}, {mean:.0%} is left at the end (95 % interval {low:.0%}–{high:.0%}, "
            f"{len(seeds)} seeds); before pass {last}, {late[0]:.0%} is left."
        ),
        table=Table(("machine", "accident before pass", "damage left", "interval from", "to"), tuple(rows)),
        provenance=_provenance(
            model,
            painter,
            seeds[0],
            time.perf_counter() - began,
            caption=caption,
            seeds=len(seeds),
            passes=steps,
            patch="the middle quarter of the latent, overwritten with noise",
        ),
        findings=(
            Finding("100 % left", f"of the typewriter's accident: “{value.wrong_token.strip()}” stays on the page"),
            Finding(
                f"{mean:.0%} left",
                f"of the sculptor's accident before pass {early} (95 % interval {low:.0%}–{high:.0%})",
            ),
            Finding(
                f"{late[0]:.0%} left",
                f"when it happens before pass {last} of {value.passes} (95 % interval {late[1]:.0%}–{late[2]:.0%})",
            ),
        ),
    )
