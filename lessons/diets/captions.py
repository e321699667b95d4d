"""Screen 4: one painter taught to read twice over, from whole captions and from sloppy ones; nothing else differs."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from engines.checks import check_caption, check_number, seed_range
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import captioning, snippets
from engines.pictures.captioning import Diet
from engines.pictures.diffusion import Painter, Plan
from engines.signs import measures as sign_measures
from engines.statistics import Interval, Mean, clustered, mean_interval, more, percent, plural, points, wilson
from engines.stickers import judge, scenes
from engines.stickers.judge import Verdict
from engines.stickers.world import facts_of
from lessons.shell.painting import painting

CAPTION, SEEDS, MOST_SEEDS = "three lemons on a blue background", 6, 8
READERS: tuple[tuple[Diet | None, str], ...] = (
    (None, "taught nothing"), ("sloppy", "taught by sloppy captions"), ("whole", "taught by whole captions"),
)  # fmt: skip
EXAMPLES, COUNTED = 6, 400
"""Scenes whose two captions are shown, and scenes in which it is counted what the captions name."""


@dataclass(frozen=True, eq=False)
class Taught:
    """What one reader painted: pictures uint8 [seeds, H, W, 3], and the judge's verdict on each."""

    name: str
    pictures: np.ndarray
    verdicts: tuple[Verdict, ...]

    @property
    def rates(self) -> dict[str, Interval]:
        return judge.rates(self.verdicts)

    @property
    def wishes(self) -> Interval:
        """Of all that was asked for and could be told, in all pictures, what is right: the pictures are the trials."""
        rows = [list(one.right.values()) for one in self.verdicts if one.right]
        return clustered(sum(map(sum, rows)), sum(map(len, rows)), len(rows))

    @property
    def untold(self) -> int:
        """Pictures of which the judge cannot tell all that was asked for."""
        return sum(bool(one.untold) for one in self.verdicts)

    @property
    def not_scored(self) -> str:
        left = dict.fromkeys(wish for one in self.verdicts for wish in one.unscored)
        return f" Not scored: {', '.join(left)}." if left else ""

    @property
    def scores(self) -> np.ndarray:
        """The share of what could be told that is right, picture by picture; nan where nothing could be."""
        rows = [list(one.right.values()) for one in self.verdicts]
        return np.array([np.mean(row) if row else np.nan for row in rows])


@dataclass(frozen=True, eq=False)
class Captioned:
    """The same caption and seeds by all readers, those done so far; and what each was told under some scenes."""

    caption: str
    readers: tuple[Taught, ...]
    examples: tuple[tuple[int, str, str], ...]

    def of(self, diet: Diet | None) -> Taught | None:
        name = dict(READERS)[diet]
        return next((one for one in self.readers if one.name == name), None)

    @property
    def gain(self) -> Mean | None:
        """What whole captions add to the share that is right, seed by seed."""
        pair = self.pair
        return None if pair is None else mean_interval(pair[0] - pair[1])

    @property
    def pair(self) -> tuple[np.ndarray, np.ndarray] | None:
        whole, sloppy = self.of("whole"), self.of("sloppy")
        if whole is None or sloppy is None:
            return None
        alike = [a.right.keys() == b.right.keys() for a, b in zip(whole.verdicts, sloppy.verdicts, strict=True)]
        known = np.array(alike) & ~np.isnan(whole.scores) & ~np.isnan(sloppy.scores)
        return (whole.scores[known], sloppy.scores[known]) if known.any() else None


def check(caption: Any, seeds: Any, seed: Any = 0) -> tuple[int, ...]:
    """The seeds; PlainError for a caption in which the judge can score nothing."""
    check_caption(caption)
    check_number("The number of seeds", seeds, 2, MOST_SEEDS, whole=True)
    facts = facts_of(caption)
    if not (facts.things or facts.background):
        raise PlainError("Name a thing of Sticker World and a background, such as “three lemons on a blue background”.")
    return seed_range(seed, seeds, least=2, most=MOST_SEEDS)


def captions(
    painter: Painter, caption: str = CAPTION, seeds: int = SEEDS, seed: int = 0
) -> Iterator[Underway | Evidence[Captioned]]:
    """Paint one caption from the same seeds with all readers and judge the pictures; one Evidence a reader."""
    began, chosen = time.perf_counter(), check(caption, seeds, seed)
    caption, facts = caption.strip(), facts_of(caption)
    examples = tuple(
        (one, captioning.caption_for(one, "whole"), captioning.caption_for(one, "sloppy"))
        for one in taught()[:EXAMPLES]
    )
    done: list[Taught] = []
    for diet, name in READERS:
        twin = captioning.taught(painter, diet)
        pictures = yield from painting(twin, Plan(caption, chosen), f"The painter {name}")
        done.append(Taught(name, pictures, judge.judge(pictures, facts, lettering=False)))
        yield _evidence(Captioned(caption, tuple(done), examples), painter, chosen, began)


def captions_truth(value: Captioned) -> tuple[float, str] | str:
    sloppy, whole = value.of("sloppy"), value.of("whole")
    if sloppy is None or whole is None or not sloppy.wishes.trials:
        return "The judge could tell nothing in these pictures."
    return sloppy.wishes.rate, (
        f"taught by sloppy captions {sloppy.wishes} of what was asked; taught by whole ones {whole.wishes}"
    )


def _evidence(value: Captioned, painter: Painter, seeds: Sequence[int], began: float) -> Evidence[Captioned]:
    rows = [
        (one.name, aspect, rate.successes, rate.trials, round(rate.low, 3), round(rate.high, 3))
        for one in value.readers
        for aspect, rate in (("all that was asked", one.wishes), *one.rates.items())
    ]
    summary = "; ".join(f"{one.name}, {one.wishes}" for one in value.readers)
    last = value.readers[-1]
    diet = next(diet for diet, name in READERS if name == last.name)
    code = (
        snippets.denoising(
            painter.source, value.caption, seeds=seeds, steps=painter.steps, guidance_scale=painter.guidance_scale,
            changed=f"models/sticker-world/captions-{diet}.safetensors",
        )
        if diet
        else ""
    )  # fmt: skip
    return Evidence(
        value, f"“{value.caption}” from {len(seeds)} seeds. Of what was asked for, right: {summary}.",
        Table(("painter", "what", "right", "told", "low", "high"), tuple(rows)),
        Provenance.live(painter, began, seeds[0], caption=value.caption, seeds=len(seeds), passes=painter.steps,
                        guidance=painter.guidance_scale),
        tuple(_findings(value)), code, last.pictures,
    )  # fmt: skip


def _findings(value: Captioned) -> Iterator[Finding]:
    for one in value.readers:
        parts = [f"{aspect} {rate.successes} of {rate.trials}" for aspect, rate in one.rates.items()]
        parts += [f"in {one.untold} the judge cannot tell all"] * bool(one.untold)
        text = f"{one.wishes}. {', '.join(parts)}." if one.wishes.trials else "nothing could be told."
        yield Finding(percent(one.wishes.rate) if one.wishes.trials else "–", f"{one.name}: {text}{one.not_scored}")
    pair = value.pair
    if pair is not None and value.gain is not None:
        sure = more(*pair, equal=6)
        verdict = (
            "whole captions help here" if sure > 0 else "whole captions harm here" if sure < 0 else "it may be chance"
        )
        gain, _, between = points(value.gain).partition(" points")
        yield Finding(
            f"{gain} points",
            f"is what whole captions add on this caption, over {plural(len(pair[0]), 'seed')} of which the judge can "
            f"tell the same{between.replace(' each time', '')}: {verdict}. Start, scenes, "
            "steps and dice were the same.",
        )
        yield _named()
    if (record := recorded()) is not None and pair is not None:
        yield _recorded(record)
    if pair is not None:
        yield from _signs()


@cache
def taught() -> tuple[int, ...]:
    """The first scenes that both readers were taught with: those of one kind of thing."""
    return tuple(seed for seed in range(2 * COUNTED) if scenes.plan(seed).kind in ("single", "count"))


@cache
def named() -> dict[str, dict[str, Interval]]:
    """For both diets, in how many captions of some taught scenes the thing, its number, colour and background stand."""
    seeds = taught()[:COUNTED]
    found: dict[str, dict[str, Interval]] = {}
    for diet in captioning.DIETS:
        right, of = Counter[str](), Counter[str]()
        for seed in seeds:
            plan, caption = scenes.plan(seed), captioning.caption_for(seed, diet)
            facts = facts_of(caption)
            thing = plan.things[0]
            names = [one for one in facts.things if one.name == thing.name]
            said = caption.split()
            for aspect, there, wanted in (
                ("thing", bool(names) or thing.name in said, True),
                ("number", any(one.count == plan.count for one in names), plan.count > 1),
                ("colour", any(one.colour == thing.colour for one in names), thing.colour is not None),
                ("background", facts.background == plan.background or plan.background in said, True),
            ):
                right[aspect] += there and wanted
                of[aspect] += wanted
        found[diet] = {aspect: wilson(right[aspect], of[aspect]) for aspect in of}
    return found


def _named() -> Finding:
    both = named()
    summary = "; ".join(
        f"{aspect}: {percent(both['whole'][aspect].rate)} of whole captions, {percent(one.rate)} of sloppy ones"
        for aspect, one in both["sloppy"].items()
    )
    return Finding(
        percent(both["sloppy"]["thing"].rate),
        f"of the sloppy captions name the thing. {summary}. Counted over {COUNTED} of the scenes that both were taught "
        "with.",
    )


@cache
def recorded() -> dict[str, Any] | None:
    """What ``training/captioning.py`` measured over its prompts; None when there is no record."""
    file = captioning.FOLDER / "captions.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def _recorded(record: dict[str, Any]) -> Finding:
    summary = "; ".join(
        f"{aspect} {_said(record['readers']['whole'][aspect])} against {_said(one)}"
        for aspect, one in record["readers"]["sloppy"].items()
        if aspect != "all" and aspect in record["readers"]["whole"]
    )
    gain = record["gain"]
    return Finding(
        f"{100 * gain['mean']:+.0f} points",
        f"over {record['prompts']} other captions and {record['seeds']} seeds each, measured after training (95 % "
        f"interval {100 * gain['low']:+.0f} to {100 * gain['high']:+.0f}, over captions). Whole against "
        f"sloppy: {summary}.",
    )


def _said(one: dict[str, Any]) -> str:
    return f"{one['right']} of {one['of']}"


def _signs() -> Iterator[Finding]:
    """The same cause on the sign painters, as the lesson on lettering measures it."""
    try:
        painters = sign_measures.recorded()["painters"]
    except FileNotFoundError:
        return
    sloppy, spelled = (
        sign_measures.exact_share(found["right"], found["of"], found["words"])
        for found in (painters[key]["never_seen"]["all"] for key in ("sloppy", "spelled"))
    )
    yield Finding(
        f"{percent(sloppy.rate)} → {percent(spelled.rate)}",
        f"of never-seen words read exactly, when the same repair was made for painters of signs: captions that spell. "
        f"Sloppy {sloppy}, spelled {spelled}. The lesson on lettering takes it apart.",
    )
