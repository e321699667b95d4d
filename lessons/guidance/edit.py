"""Screen 6: another word under the old layout, a louder word, a negative caption."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engines.checks import check_number, seed_range, whole
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import attention_snippets
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import HoldLayout, KnockOut, Painter, Plan, WordWeight
from engines.statistics import cells, listed, mean_interval, more, percent, plural, points, share, words
from lessons.guidance.measures import (
    PAIR,
    Alignment,
    alignment,
    apart,
    need_caption,
    need_two_branches,
    not_scored,
    pass_of,
)
from lessons.shell.painting import painting


@dataclass(frozen=True, eq=False)
class Edit:
    """Rows of pictures, uint8 [seeds, H, W, 3] each, with a label; ``changes[label]``: how far each seed
    moved from the first row. ``kind``: "swap", "weigh" or "negative".

    ``asked``: the judge's certainty, by label, of what ``asking`` names, or empty where it cannot tell;
    ``unscored``: what was asked for beside that. ``why``: why the judge cannot tell. ``backgrounds``: what the judge
    names in each picture, by label.
    """

    kind: str
    labels: tuple[str, ...]
    pictures: tuple[np.ndarray, ...]
    asking: str = ""
    asked: tuple[np.ndarray, ...] = ()
    unscored: tuple[str, ...] = ()
    why: str = ""
    backgrounds: tuple[tuple[str, ...], ...] = ()

    @property
    def changes(self) -> dict[str, np.ndarray]:
        return {
            label: apart(pictures, self.pictures[0])
            for label, pictures in zip(self.labels[1:], self.pictures[1:], strict=True)
        }


DELETED = "deleted from the caption"
PICTURES = {"swap": 16, "weigh": 24, "negative": 12}
"""How many pictures each kind of edit paints."""
OFFERED = {"swap": (PAIR, "cat"), "weigh": (PAIR, "cat"), "negative": ("a whale", "cat")}
"""The caption and the word that stand there for each kind until the learner writes others."""

OTHER = "dog"
NEGATIVE = "on a pink background"


def offered(kind: str, caption: str, word: str) -> tuple[str, str]:
    """Caption and word for a kind of edit: what the learner wrote stays, an example gives way to the kind's own."""
    captions, words = ({pair[i] for pair in OFFERED.values()} for i in (0, 1))
    example = caption.strip() in captions
    text = OFFERED[kind][0] if example else caption
    if word.strip() in words:
        word = OFFERED[kind][1] if example else word if word.strip() in text.split() else ""
    return text, word


def edit(
    painter: Painter, kind: str, caption: str, word: str, other: str, negative: str, hold: int, seed: int
) -> Iterator[Underway | Evidence[Edit]]:
    """The ``kind`` of edit that was chosen, with ``hold`` where its slider stands."""
    if kind == "swap":
        yield from swap_word(painter, caption, word, other, hold=pass_of(painter, hold), seed=seed)
    elif kind == "weigh":
        yield from reweigh(painter, caption, word, seed=seed)
    else:
        yield from negate(painter, caption, negative, seed=seed)


def negate(
    painter: Painter, caption: str, negative: str, *, seed: int = 7, seeds: int = 6, steps: int | None = None
) -> Iterator[Underway | Evidence[Edit]]:
    """The caption alone, and with a negative caption in the place of the empty one."""
    began, steps = time.perf_counter(), painter.passes(steps)
    need_two_branches(painter)
    caption, negative = need_caption(caption), need_caption(negative, "negative caption")
    rows = seed_range(seed, seeds)
    plan = Plan(caption, rows, steps=steps)
    plain = yield from painting(painter, plan, "Without a negative caption")
    negated = yield from painting(painter, replace(plan, negative_caption=negative), "With the negative caption")
    value = Edit("negative", ("without a negative caption", f"negative: “{negative}”"), (plain, negated))
    measure = alignment(negative, painter)
    if isinstance(measure, Alignment):
        asked = tuple(measure.of(each) for each in value.pictures)
        behind = tuple(measure.backgrounds(each) for each in value.pictures)
        value = replace(
            value, asking=listed(measure.wishes), asked=asked, unscored=measure.unscored, backgrounds=behind
        )
    else:
        value = replace(value, why=measure)
    code = picture_snippets.denoising(
        painter.source, caption, seeds=rows, steps=steps, guidance_scale=painter.guidance_scale,
        negative_caption=negative,
    )  # fmt: skip
    result = _evidence(
        painter, value, rows, began, caption=caption, negative_caption=negative, **painter.pass_settings(steps)
    )
    yield replace(result, snippet=code, expected=negated)


def reweigh(
    painter: Painter,
    caption: str,
    word: str,
    *,
    weights: Sequence[float] = (-2.0, 0.0, 2.0, 4.0),
    seed: int = 7,
    seeds: int = 4,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Edit]]:
    """The word's attention multiplied by each of ``weights``, beside the untouched pictures and the word deleted."""
    began, steps = time.perf_counter(), painter.passes(steps)
    caption, word = need_caption(caption), need_caption(word, "word")
    rows = seed_range(seed, seeds)
    plan = Plan(caption, rows, steps=steps)
    untouched = yield from painting(painter, plan, "The untouched pictures")
    value = Edit("weigh", (f"“{word}” × 1",), (untouched,))
    for weight in weights:
        label, weighed = f"“{word}” × {weight:g}", replace(plan, word_weights=(WordWeight(word, float(weight)),))
        painted = yield from painting(painter, weighed, label)
        value = replace(value, labels=(*value.labels, label), pictures=(*value.pictures, painted))
        code = attention_snippets.word_weight(
            painter.source, caption, tokens=painter.read(caption).tokens_of(word), weight=float(weight), seeds=rows,
            steps=steps, guidance_scale=painter.guidance_scale,
        )  # fmt: skip
        result = _evidence(painter, value, rows, began, caption=caption, word=word, **painter.pass_settings(steps))
        yield replace(result, snippet=code, expected=painted)
    gone = yield from painting(painter, replace(plan, knock_out=(KnockOut(word),)), f"“{word}” deleted, the control")
    value = replace(value, labels=(*value.labels, DELETED), pictures=(*value.pictures, gone))
    result = _evidence(painter, value, rows, began, caption=caption, word=word, passes=steps)
    yield replace(result, snippet=code, expected=painted)


def swap_word(
    painter: Painter,
    caption: str,
    word: str,
    other: str,
    *,
    hold: int = 20,
    hold_self: int = 8,
    seed: int = 7,
    seeds: int = 4,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Edit]]:
    """One word replaced from the same seed: plainly, and with the first picture's attention held.

    Cross-attention is held for ``hold`` passes, self-attention for ``hold_self`` (Hertz et al. 2022, Algorithm 1).
    """
    began, steps = time.perf_counter(), painter.passes(steps)
    caption = need_caption(caption)
    steps = whole("The number of passes", steps, 1, 100)
    check_number("The passes that hold the layout", hold, 1, painter.made(steps), whole=True)
    rows = seed_range(seed, seeds)
    new = replaced(painter, caption, word, other)
    before = yield from painting(painter, Plan(caption, rows, steps=steps), "The old caption")
    plain = yield from painting(painter, Plan(new, rows, steps=steps), "The new word, same seeds")
    held: list[np.ndarray] = []
    layout = HoldLayout(int(hold), min(int(hold_self), int(hold)))
    code = attention_snippets.held_layout(
        painter, caption, new, seed=rows[0], steps=steps, hold=layout.passes, hold_self=layout.self_passes
    )
    measure = alignment(other, painter)
    labels = ("the old caption", f"“{other.strip()}”, same seed", f"“{other.strip()}”, layout held")
    for count, one in enumerate(rows, start=1):
        plan = Plan((caption, new), (one,), steps=steps, hold_layout=layout)
        both = yield from painting(painter, plan, f"Layout held, seed {count} of {len(rows)}")
        held.append(both[1])
        shown = before[:count], plain[:count], np.stack(held)
        value = Edit("swap", labels, shown)
        if isinstance(measure, Alignment):
            asked = tuple(measure.of(each) for each in shown)
            value = replace(value, asking=listed(measure.wishes), asked=asked, unscored=measure.unscored)
        else:
            value = replace(value, why=measure)
        result = _evidence(
            painter, value, rows[:count], began, caption=caption, replaced_by=new, **painter.pass_settings(steps),
            held=int(hold), held_self=layout.self_passes,
        )  # fmt: skip
        yield replace(result, snippet=code, expected=held[0])


def replaced(painter: Painter, caption: str, word: str, other: str) -> str:
    """The caption with every ``word`` replaced by ``other``; PlainError when it is not there or the same."""
    other = need_caption(other, "new word")
    wanted = need_caption(word, "word to replace")
    if other.lower() == wanted.lower():
        raise PlainError("The new word is the old one. Choose another.")
    text, count = re.subn(rf"(?<!\w){re.escape(wanted)}(?!\w)", lambda match: other, caption, flags=re.IGNORECASE)
    if not count:
        painter.read(caption).tokens_of(wanted)  # says what is wrong
    return text


def _evidence(
    painter: Painter, value: Edit, seeds: tuple[int, ...], began: float, **settings: object
) -> Evidence[Edit]:
    changes = {label: share(change) for label, change in value.changes.items()}
    asked = [share(each) for each in value.asked]
    rows = []
    for index, label in enumerate(value.labels):
        change = cells(changes[label]) if index else (0.0, 0.0, 0.0)
        rows.append((label, *change, *(cells(asked[index]) if asked else (None,) * 3)))
    findings = [
        Finding(f"{100 * change[0]:.1f} %", f"mean change of the colours, {label}: {words(change, 1, True)}.")
        for label, change in changes.items()
    ]
    if asked:
        findings.append(Finding(
            " → ".join(f"{each[0]:.2f}" for each in asked),
            f"is how sure the judge is of {value.asking}: "
            + "; ".join(f"{label}, {words(each)}" for label, each in zip(value.labels, asked, strict=True)) + "."
            + not_scored(value.unscored),
        ))  # fmt: skip
    if value.why:
        findings.append(Finding("not judged", value.why))
    findings += {"swap": _nearer, "weigh": _reached, "negative": _removed}[value.kind](value)
    alt = (
        f"Pictures of {plural(len(seeds), 'seed')} beside those of “{settings.get('caption')}”. Mean change: "
        + "; ".join(f"{label}, {words(change, 1, True)}" for label, change in changes.items())
    )
    source = Provenance.live(
        painter, began, seeds[0], seeds=len(seeds), guidance_scale=painter.guidance_scale, **settings
    )
    columns = ("pictures", "mean change (0 to 1)", "low", "high", "judge's certainty", "low", "high")
    return Evidence(value, alt + ".", Table(columns, tuple(rows)), source, tuple(findings))


def _nearer(value: Edit) -> Iterator[Finding]:
    """Whether holding the layout kept the pictures nearer to the old ones than the plain change, seed by seed."""
    plain, held = value.changes.values()
    gap = mean_interval(plain - held)
    if len(plain) > 1:
        yield Finding(
            {1: "nearer with it held", -1: "nearer without", 0: "cannot be told"}[more(plain, held)],
            "is whether holding the layout keeps the pictures nearer to the old ones. Plain change less held, seed by "
            f"seed: {points(gap, 1)}.",
        )


def _reached(value: Edit) -> Iterator[Finding]:
    """How much of the word a weight reaches: the strongest change beside that of deleting the word, the control."""
    changes = value.changes
    if DELETED not in changes:
        return
    gone = changes.pop(DELETED)
    label = max(changes, key=lambda label: changes[label].mean())
    part = float(changes[label].mean() / max(gone.mean(), 1e-9))
    why = "The rest of the word comes through the tokens after it, into which the text encoder has mixed it."
    yield Finding(
        percent(part),
        f"of the change of deleting the word, the control, is what a weight brings about, at most ({label})."
        + (f" {why}" if part < 0.5 else ""),
    )


def _removed(value: Edit) -> Iterator[Finding]:
    """Whether there was anything for the negative caption to remove, and whether it went."""
    if not value.asked:
        return
    before, after = value.asked
    if before.mean() < THERE:
        yield Finding(
            "nothing to remove",
            "The pictures do not show it without the negative caption either, so this run cannot tell what a negative "
            "caption removes. Name something that they show.",
        )
    else:
        yield Finding(
            {1: "less of it", 0: "no clear difference", -1: "more of it"}[more(before, after)],
            f"with the negative caption: the judge's certainty of {value.asking} moves by "
            f"{words(mean_interval(after - before))}.{not_scored(value.unscored)}",
        )
    if value.backgrounds:
        without, with_it = (", ".join(f"{name} ({n})" for name, n in Counter(row).items()) for row in value.backgrounds)
        yield Finding(
            f"{len(set(value.backgrounds[0]))} → {len(set(value.backgrounds[1]))}",
            f"different backgrounds are what the judge names without the negative caption and with it: {without}; then "
            f"{with_it}. Away from something leads somewhere.",
        )


THERE = 0.1
"""The judge's mean certainty below which pictures do not show a thing."""


def swap_truth(value: Edit) -> tuple[int, str] | None:
    """Which swap stayed nearer; None for the other edits, of which the prediction does not speak."""
    if value.kind != "swap":
        return None
    plain, held = list(value.changes.values())
    said = (
        f"plainly {words(share(plain), 1, True)} of change, with the layout held {words(share(held), 1, True)}; seed "
        f"by seed {points(mean_interval(plain - held), 1)} between them"
    )
    return {1: 0, -1: 1, 0: 2}[more(plain, held)], said
