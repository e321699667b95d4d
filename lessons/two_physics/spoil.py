"""Screen 3: one accident for each machine, and what its later passes make of it."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engines.checks import MAX_SEED, check_number, seed_range
from engines.evidence import Evidence, Finding, Table, Underway
from engines.pictures import diffusion
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter, Pass, Plan, Poke
from engines.pictures.measures import strangeness
from engines.pictures.plan import MAX_STEPS
from engines.statistics import Mean, cells, mean_interval, percent, plural, share, words
from engines.text import snippets
from engines.text.language_model import LanguageModel, Token
from lessons.shell.painting import underway
from lessons.two_physics.measures import DIALS, TOKENS, TOLERANCE, both, provenance, request

SPOIL_BOX = (0.25, 0.3, 0.75, 0.8)


@dataclass(frozen=True, eq=False)
class Spoiled:
    """One accident each. ``clean``, ``hurt``, ``mended`` and ``late`` are pictures uint8 [H, W, 3] of the first seed:
    undisturbed, the canvas a third of the way in, what became of it, and what became of the last accident.

    ``third``: the pass (from 1) of the accident a third of the way in, ``passes`` how many the sculptor made.
    ``changed``: share of the patch's pixels that visibly differ from the undisturbed picture at the end, by accident.
    ``chance``: how far two undisturbed pictures lie apart by the same measure, the least that can be told from none.
    """

    wrong_token: str
    text_clean: str
    text_spoiled: str
    clean: np.ndarray
    hurt: np.ndarray
    mended: np.ndarray
    late: np.ndarray
    damage_left: dict[int, Mean]
    """pass of the accident -> share of the noise that is left at the end: mean and interval over seeds."""
    third: int
    passes: int
    changed: dict[int, Mean] = field(default_factory=dict)
    chance: Mean = (0.0, 0.0, 0.0)

    def mended_by(self) -> float:
        """Share of the noise of the accident a third of the way in that is gone at the end (mean over seeds)."""
        return 1 - self.damage_left[self.third][0]


def spoil(
    model: LanguageModel,
    painter: Painter,
    caption: str,
    seeds: int = 6,
    *,
    seed: int = 7,
    passes: int | None = None,
) -> Iterator[Underway | Evidence[Spoiled]]:
    """Overwrite a third of the way: one token of the text, one patch of the latent. What do later passes do?"""
    began, steps = time.perf_counter(), painter.passes(passes)
    check_number("The number of passes", steps, 2, MAX_STEPS, whole=True)
    several = seed_range(seed, seeds)
    prompt = model.encode(request(caption), chat=True)
    caption = caption.strip()
    written = model.write(prompt, DIALS, seed=seed, max_tokens=TOKENS)
    clean_text = yield from _written(written, "The typewriter, undisturbed")
    at = min(max(1, len(clean_text) // 3), len(clean_text) - 1)
    wrong = clean_text[at].scoreboard.candidates[-1]
    ids = [token.token_id for token in clean_text]
    forced = model.branch(prompt, ids, at, wrong.token_id, DIALS, seed=seed, max_tokens=TOKENS)
    spoiled_text = yield from _written(forced, "The typewriter, with one wrong token")

    plan = Plan(caption, several, steps=steps)
    untouched = yield from _painted(painter, plan, "The sculptor, undisturbed")
    final = untouched[-1].pictures
    assert final is not None
    third = max(1, len(untouched) // 3)
    calm = _strange(painter, final)
    left: dict[int, Mean] = {}
    changed: dict[int, Mean] = {}
    chance: Mean = (0.0, 0.0, 0.0)
    shown: tuple[np.ndarray, np.ndarray] | None = None
    accident = Poke(third, SPOIL_BOX, kind="noise", seed=(seed + 100) % (MAX_SEED + 1))
    for moment in accidents(len(untouched)):
        struck_at = replace(plan, pokes=(replace(accident, at=moment),))
        poked = yield from _painted(painter, struck_at, f"Struck before pass {moment + 1}")
        ended, struck = poked[-1].pictures, poked[moment]
        assert ended is not None
        hurt = painter.decode(struck.latent_before / np.hypot(struck.alpha, struck.sigma))
        added = np.maximum(_strange(painter, hurt) - calm, 1e-6)
        left[moment + 1] = mean_interval((_strange(painter, ended) - calm) / added)
        off = [np.abs(_patch(a).astype(int) - _patch(b)).max(axis=-1) for a, b in zip(ended, final, strict=True)]
        changed[moment + 1] = share([float((each > TOLERANCE).mean()) for each in off])
        if moment == third:
            shown = hurt[0], ended[0]
            pairs = np.abs(np.roll(calm, 1) - calm) / added
            chance = mean_interval(pairs if len(pairs) > 2 else [pairs.mean()])  # of two pictures there is one pair
    assert shown is not None and ended is not None
    value = Spoiled(
        wrong.text, "".join(token.text for token in clean_text), "".join(token.text for token in spoiled_text),
        final[0], *shown, ended[0], left, third + 1, len(untouched), changed, chance,
    )  # fmt: skip
    result = _evidence(model, painter, caption, several, steps, at, value, began)
    code = both(
        snippets.continuation(
            model.reference, request(caption), DIALS, seed=seed, max_tokens=TOKENS, chat=True,
            forced={at: wrong.token_id},
        ),
        picture_snippets.for_painter(
            painter, picture_snippets.poked, caption, seed=seed, before=accident.at, cells=_cells(painter),
            poke_seed=accident.seed, steps=steps, guidance_scale=painter.guidance_scale,
        ),
    )  # fmt: skip
    yield replace(result, snippet=code, expected=(value.text_spoiled, value.mended))


def spoil_truth(value: Spoiled) -> tuple[float, str]:
    return value.mended_by(), f"{words(value.damage_left[value.third], 0, True)} of the noise is left"


def _written(tokens: Iterator[Token], said: str) -> Generator[Underway, None, list[Token]]:
    text = []
    for token in tokens:
        text.append(token)
        yield Underway(len(text) / TOKENS, f"{said}: token {len(text)}")
    return text


def _painted(painter: Painter, plan: Plan, said: str) -> Generator[Underway, None, list[Pass]]:
    passes = []
    for event in diffusion.denoise(painter, plan):
        passes.append(event)
        yield underway(event, said)
    return passes


def accidents(passes: int) -> tuple[int, ...]:
    """The passes (from 0) before which the patch is overwritten: a fifth, a third, two thirds of the way, the last."""
    moments = (passes // 5, passes // 3, 2 * passes // 3, passes - 1)
    return tuple(dict.fromkeys(max(1, moment) for moment in moments))


def _cells(painter: Painter) -> tuple[int, int, int, int]:
    """The latent cells of ``SPOIL_BOX``: left, top, right, bottom."""
    (_, height, width), (left, top, right, bottom) = painter.latent_shape, SPOIL_BOX
    return math.floor(left * width), math.floor(top * height), math.ceil(right * width), math.ceil(bottom * height)


def _strange(painter: Painter, pictures: np.ndarray) -> np.ndarray:
    """How unlike the painter's kind of picture the patch of each of [seeds, H, W, 3] is, [seeds]."""
    return np.array([_patch(one).mean() for one in strangeness(painter, pictures)])


def _patch(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    left, top, right, bottom = SPOIL_BOX
    return picture[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]


def _evidence(
    model: LanguageModel, painter: Painter, caption: str, seeds: tuple[int, ...], steps: int, at: int,
    value: Spoiled, began: float,
) -> Evidence[Spoiled]:  # fmt: skip
    last = max(value.damage_left)
    early, late, count = value.damage_left[value.third], value.damage_left[last], plural(len(seeds), "seed")
    rows: list[tuple[Any, ...]] = [("text", at + 1, 1.0, 1.0, 1.0, 1.0)]
    rows += [
        ("picture", step, *cells(damage), round(value.changed[step][0], 4))
        for step, damage in value.damage_left.items()
    ]
    other = value.changed[value.third]
    return Evidence(
        value=value,
        alt=(
            f"The wrong token “{value.wrong_token}” at step {at + 1} is still in the finished text. Of the noise that "
            f"fell on the picture before pass {value.third}, {words(early, 0, True)} is left at the end ({count}); "
            f"of that before pass {last}, {words(late, 0, True)}."
        ),
        table=Table(
            ("machine", "accident before pass", "noise left", "interval from", "to", "differs from undisturbed"),
            tuple(rows),
        ),
        provenance=provenance(
            model, painter, seeds[0], time.perf_counter() - began, caption=caption, seeds=len(seeds),
            **painter.pass_settings(steps), patch="the middle quarter of the latent, overwritten with noise",
        ),
        findings=(
            Finding("100 % left", f"of the typewriter's accident: “{value.wrong_token.strip()}” stays on the page"),
            Finding(
                f"{percent(early[0])} left",
                f"of the noise of the sculptor's accident before pass {value.third}: {words(early, 0, True)}"
                + (
                    f". By the same measure two pictures that had no accident differ by {words(value.chance, 0, True)}"
                    if len(seeds) > 1
                    else ""
                ),
            ),
            Finding(
                f"{percent(other[0])} other",
                "of that patch's pixels visibly differ from what would have been there: "
                f"{words(other, 0, True)}. What was mended was painted anew, not brought back",
            ),
            Finding(
                f"{percent(late[0])} left",
                f"when it happens before pass {last} of {value.passes}: {words(late, 0, True)}",
            ),
        ),
    )  # fmt: skip
