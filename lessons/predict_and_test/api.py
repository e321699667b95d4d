"""What the predict-and-test lesson offers to ``gradio_client``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engines.checks import check_caption
from engines.evidence import Evidence, PlainError
from engines.pictures.diffusion import Painter
from engines.pictures.files import open_picture
from engines.statistics import Interval
from engines.stickers import judge as judging
from engines.stickers.world import facts_of
from lessons.predict_and_test import easy_hard, plan, test
from lessons.shell import uploads, waking
from lessons.shell.api import Endpoint
from lessons.shell.film import data_uri


def _share(share: Interval) -> dict[str, Any]:
    return {"right": share.successes, "of": share.trials, "rate": share.rate, "low": share.low, "high": share.high}


def test_prompt(caption: str, seeds: int = 8, seed: int = 0, steps: int | None = None) -> Iterator[dict]:
    """Paint a caption over several seeds and judge every aspect; streams one result a pass, the verdict last.

    seeds: pictures, 2 to 16, from ``seed`` on. steps: passes, 1 to 100; the painter's own number when left out. The
    last result holds for each aspect how many pictures are right, of those in which it can be told, with a 95 % Wilson
    interval ("everything" only when no wish is left unjudged), for each picture what is wrong (null: cannot tell), what
    the painter's diet held for the caption (null when unknown), the words it never read, the end of the caption that it
    had no room for (``cut_off``), and the pictures as data URIs.
    """
    entries = _one(caption)
    painter = waking.open_painter()
    for step in test.run(painter, entries, seed=seed, seeds=seeds, steps=steps):
        if isinstance(step, test.Moment):
            yield {"pass": step.passed, "passes": step.passes}
            continue
        yield {"pass": step.value.passes, "passes": step.value.passes, **_answer(painter, step)}


def _one(caption: str) -> tuple[plan.Entry, ...]:
    prompt = plan.text(caption, "caption", plan.MAX_PROMPT)
    if not prompt:
        raise PlainError("Write the caption that is to be tested.")
    return (plan.Entry("easy", prompt, "", 50),)


def _answer(painter: Painter, found: Evidence[test.Trial]) -> dict[str, Any]:
    (one,) = found.value.tested
    held = None if one.held is None else [vars(row) for row in one.held]
    return {
        "caption": one.entry.prompt, "seeds": list(found.value.seeds), "model": painter.name,
        "revision": painter.revision, "aspects": {name: _share(share) for name, share in one.judged.rates.items()},
        "not_judged": list(one.judged.unjudged), "wrong": list(one.judged.wrong),
        "with_extra_objects": one.judged.extra, "diet": held,
        "never_read": [{"word": word, "pieces": list(pieces)} for word, pieces in one.unseen],
        "cut_off": one.tail,
        "pictures": [data_uri(picture) for picture in one.pictures],
    }  # fmt: skip


def judge(picture: str, caption: str) -> dict:
    """What the judge says about one picture against a caption, aspect by aspect.

    picture: ``handle_file("mine.png")`` of gradio_client, or base64 or a data URI of a picture file, 20 megabytes at
    most; it is fitted into 128 × 128 pixels on white. A path alone is refused: the server opens no file by its name.

    The judge knows Sticker World; ``not_judged`` names the wishes it cannot score, ``cannot_tell`` the aspects that
    this picture is too unclear for. Each other aspect comes with what was expected and what was seen; "everything" is
    false as soon as one thing is wrong, and null where that cannot be told.
    """
    check_caption(caption)
    if not caption.strip():
        raise PlainError("Write the caption that the picture should follow.")
    pixels = open_picture(uploads.picture_bytes(picture, ()), width=128, height=128, fit="pad")
    judged = judging.load()
    (verdict,) = judging.judge(pixels[None].copy(), facts_of(caption), using=judged)
    looks, left = plan.checks(caption)
    return {
        "caption": caption, "model": judged.name, "revision": judged.revision,
        "aspects": {
            name: {"right": right, "expected": verdict.expected[name], "seen": verdict.seen[name]}
            for name, right in verdict.right.items()
            if name in looks
        },
        "cannot_tell": [name for name in verdict.untold if name in looks],
        "everything": verdict.outcome if looks and (verdict.outcome is False or not left) else None,
        "extra": list(verdict.extra),
        "not_judged": list(left), "found": verdict.reading.counts(),
    }  # fmt: skip


def easy_hard_map(
    sorts: str = "all", prompts: int = 8, seeds: int = 4, seed: int = 0, steps: int | None = None
) -> Iterator[dict]:
    """Paint sorts of prompt from easy to hard and judge them; streams how far it is, and after each sort the map.

    sorts: "all", or keys separated by commas: single, background, colour, new_colour, relation, few, many, unknown,
    seen_word, new_word, touching, without, fingers. prompts: 1 to 8 of each. seeds: 1 to 8, from ``seed`` on. steps:
    passes, 1 to 100; the painter's own number when left out. The last result has "finished": true and in "sorts" for
    each sort key, name and prompts; "share", the pictures that are right of those that could be told with a 95 %
    interval as wide as if each prompt were one trial (null when none could); "cannot_tell" and "pictures", how many;
    "control", the same pictures judged against another prompt of the sort (null where that says nothing); "verdicts",
    for each prompt and seed true, false, or null where it cannot be told; "in_the_diet", for each prompt the training
    scenes that held such a thing.
    """
    painter = waking.open_painter()
    wanted = list(easy_hard.BY_KEY) if sorts == "all" else _keys(sorts)
    for step in easy_hard.measure(painter, wanted, prompts, seeds, seed, steps=steps):
        if isinstance(step, Evidence):
            found = step.value
            yield {
                "share_done": len(found.tried) / found.planned, "finished": len(found.tried) == found.planned,
                "sorts": [_sort(one) for one in found.tried], "model": painter.name, "revision": painter.revision,
            }  # fmt: skip
        else:
            yield {"share_done": step.share, "finished": False, "doing": step.words}


def _keys(sorts: Any) -> list[str]:
    if not isinstance(sorts, str):
        raise PlainError(f"Name the sorts in one text, separated by commas. There are: {', '.join(easy_hard.BY_KEY)}.")
    return [key.strip() for key in sorts.split(",") if key.strip()]


def _sort(one: easy_hard.Tried) -> dict[str, Any]:
    return {
        "sort": one.sort.key, "name": one.sort.name, "prompts": list(one.prompts),
        "share": _share(one.right) if one.right else None, "cannot_tell": one.untold, "pictures": one.painted,
        "control": _share(one.chance) if one.chance else None, "verdicts": [list(row) for row in one.verdicts],
        "in_the_diet": list(one.held),
    }  # fmt: skip


ENDPOINTS = (
    Endpoint(test_prompt, "pictures"), Endpoint(judge, "pictures"), Endpoint(easy_hard_map, "pictures"),
)  # fmt: skip
