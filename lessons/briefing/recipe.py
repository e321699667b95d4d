"""Screen 4: a recipe (caption, seed, passes, guidance): tried on other seeds, kept in the browser, shared as a link.

The link holds the whole recipe behind its ``#``, which a browser never sends to a server; what arrives in one is read
as if an enemy had written it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import numpy as np

from engines.checks import MAX_SEED, check_number, check_text, seed_range, whole
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import exercise_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.statistics import plural, wilson
from lessons.briefing.measures import MARKS, VERDICTS, Judged, Painted, judged, other_seeds, painting
from lessons.shell.prose import INVISIBLE

MOST_CAPTION, MOST_STEPS, MOST_GUIDANCE, OTHERS = 200, 50, 20.0, 8
LONGEST_LINK, LONGEST_ADDRESS = 3000, 300
VERSION = "1"
NAMES = ("recipe", "caption", "seed", "passes", "guidance")
LOCAL = ("localhost", "127.0.0.1", "::1", "0.0.0.0")


@dataclass(frozen=True)
class Recipe:
    """What paints one picture again on any machine with this painter. PlainError for what is no recipe."""

    caption: str
    seed: int = 7
    steps: int = 25
    guidance: float = 4.0

    def __post_init__(self) -> None:
        caption = check_text("The caption of a recipe", self.caption, MOST_CAPTION).strip()
        if not caption:
            raise PlainError("A recipe needs a caption. Write what the finished picture shows.")
        if INVISIBLE.search(caption) or not caption.isprintable():
            raise PlainError("The caption holds characters that cannot be seen. Type it by hand.")
        object.__setattr__(self, "caption", caption)
        object.__setattr__(self, "seed", whole("The seed", self.seed, 0, MAX_SEED))
        object.__setattr__(self, "steps", whole("The number of passes", self.steps, 1, MOST_STEPS))
        check_number("The guidance scale", self.guidance, 0, MOST_GUIDANCE)
        object.__setattr__(self, "guidance", round(float(self.guidance), 2))

    @property
    def fragment(self) -> str:
        """What stands behind the ``#`` of its link."""
        return urlencode(
            dict(zip(NAMES, (VERSION, self.caption, self.seed, self.steps, f"{self.guidance:g}"), strict=True)),
            quote_via=quote,
        )

    @classmethod
    def of(cls, fragment: object) -> Recipe:
        """The recipe of a link's fragment; PlainError says why it is none."""
        text = check_text("The recipe of this link", fragment, LONGEST_LINK).removeprefix("#")
        refused = PlainError("This link holds no recipe that can be read. Ask for it again, or write your own.")
        try:
            pairs = parse_qsl(
                text, keep_blank_values=True, strict_parsing=True, max_num_fields=len(NAMES), errors="strict"
            )
        except ValueError as error:
            raise refused from error
        found = dict(pairs)
        if len(pairs) != len(found) or set(found) != set(NAMES):
            raise refused
        if found["recipe"] != VERSION:
            raise PlainError("This link holds a recipe of another version. Write it in by hand.")
        return cls(
            found["caption"], _number(found["seed"]), _number(found["passes"]), _number(found["guidance"], places=True)
        )

    @classmethod
    def kept(cls, record: object) -> Recipe | None:
        """The recipe that a browser kept; None where there is none, or a damaged one."""
        if not isinstance(record, dict) or set(record) != {"version", "fields"} or record["version"] != 1:
            return None
        fields = record["fields"]
        if not isinstance(fields, list) or len(fields) != 4:
            return None
        try:
            return cls(*fields)
        except PlainError:
            return None


def _number(text: str, places: bool = False) -> Any:
    """A number as a link writes it; text that is none stays text, and is refused as such."""
    plain = text.replace(".", "", 1) if places else text
    if not (plain.isascii() and plain.isdigit() and len(text) <= 12):
        return text
    return float(text) if places else int(text)


def address(location: object) -> str:
    """The page's own address without what stands behind ``?`` and ``#``; PlainError where it is none."""
    text = check_text("The page's address", location, 4 * LONGEST_LINK)
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError as error:
        raise PlainError("The page's address cannot be read. Load the page again.") from error
    plain = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if parts.scheme not in ("http", "https") or not host or parts.username is not None or len(plain) > LONGEST_ADDRESS:
        raise PlainError("The page's address cannot be put into a link. Open the page under a shorter, plain one.")
    if not plain.isascii() or not plain.isprintable() or any(mark in plain for mark in " \"'<>\\`{}"):
        raise PlainError("The page's address cannot be put into a link. Open the page under a plain one.")
    return plain


def link(page: object, one: Recipe) -> str:
    """The address that brings the recipe to whoever opens it."""
    return f"{address(page)}#{one.fragment}"


def only_here(page: object) -> bool:
    """Whether nobody else can open the page under this address."""
    return urlsplit(address(page)).hostname in LOCAL


def code(text: str) -> Any:
    """A QR code (ISO/IEC 18004) of a link, by segno; None for one too long to be read off a screen."""
    import segno

    try:
        made = segno.make(text, error="m", micro=False)
    except ValueError:  # more than any such code can hold
        return None
    return made if int(made.version) <= MOST_VERSION else None


MOST_VERSION = 22
"""105 modules a side: at 3 pixels each, with its border, no wider than a phone."""


# --- is it the recipe, or its seed? -----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Tried:
    """A recipe's picture, then those of the same recipe from :data:`OTHERS` other seeds, and what the judge says."""

    recipe: Recipe
    seeds: tuple[int, ...]
    painted: Painted
    judged: Judged

    @property
    def own(self) -> bool | None:
        return self.judged.outcomes[0]

    @property
    def others(self) -> tuple[bool, ...]:
        """The other seeds' outcomes, of those that can be told."""
        return tuple(answer for answer in self.judged.outcomes[1:] if answer is not None)


def recipe(
    painter: Painter, caption: str, seed: int = 7, steps: int | None = None, guidance: float | None = None
) -> Iterator[Underway | Evidence[Tried]]:
    """Paint a recipe, and the same from eight other seeds."""
    began = time.perf_counter()
    scale = painter.guidance_scale if guidance is None else guidance
    one = Recipe(caption, seed, painter.passes(steps), scale)
    seeds = seed_range(one.seed, OTHERS + 1)
    plan = Plan(one.caption, seeds, steps=one.steps, guidance_scale=one.guidance)
    painted = yield from painting(painter, plan, "Painting your recipe and eight other seeds")
    value = Tried(one, seeds, painted, judged(painter, one.caption, painted.pictures))
    rows = tuple(
        (str(number), VERDICTS[outcome], "; ".join(_seen(value.judged, at)))
        for at, (number, outcome) in enumerate(zip(seeds, value.judged.outcomes, strict=True))
    )
    source = Provenance.live(
        painter, began, one.seed, caption=one.caption, seeds=len(seeds), **painter.pass_settings(one.steps),
        guidance_scale=one.guidance,
    )  # fmt: skip
    snippet = exercise_snippets.galleries(
        painter.source, [one.caption], seeds=seeds, steps=one.steps, guidance_scale=one.guidance
    )
    table = Table(("seed", "everything", "what the judge sees"), rows)
    yield Evidence(
        value, _alt(value), table, source, tuple(_findings(value)), snippet, {one.caption: painted.pictures}
    )  # fmt: skip


def _seen(found: Judged, at: int) -> Iterator[str]:
    for aspect, answers in found.aspects.items():
        yield f"{MARKS[answers[at]]} {aspect}: {found.seen[aspect][at]}"


def _alt(value: Tried) -> str:
    own = value.judged.why or f"by the judge the recipe's own picture: {VERDICTS[value.own]}"
    decided = value.others
    beside = f", and {sum(decided)} of {len(decided)} from other seeds are right" if decided else ""
    return f"“{value.recipe.caption}” from seed {value.recipe.seed} and eight others; {own}{beside}."


def _findings(value: Tried) -> Iterator[Finding]:
    if value.judged.why:
        yield Finding("not judged", value.judged.why)
    elif value.others:
        share = wilson(sum(value.others), len(value.others))
        untold = OTHERS - len(value.others)
        yield Finding(
            f"{share.successes} of {share.trials}",
            f"other seeds keep the caption too: {share}. "
            + (
                "Your seed's picture does. "
                if value.own
                else "Your seed's picture does not. "
                if value.own is False
                else ""
            )
            + (f"In {plural(untold, 'picture')} the judge cannot tell. " if untold else "")
            + "The picture is the recipe's with its seed; this share is what the words do without it."
            + value.judged.not_scored,
        )
    else:
        yield Finding(
            "cannot tell", f"The judge can tell nothing of the other seeds' pictures.{value.judged.not_scored}"
        )
    pixels, latents = (float(np.mean(numbers)) for numbers in other_seeds(value.painted))
    yield Finding(
        f"{100 * pixels:.0f} % apart",
        f"are the nine pictures on average, {latents:.2f} in the latent. Whoever opens your link gets "
        "yours, but for the last digits: how they are rounded depends on the processor, and on how many are painted at "
        "once.",
    )


def recipe_truth(value: Tried) -> tuple[float, str] | str:
    if not value.others:
        return "No guess can be scored here: the judge can tell nothing of the other seeds' pictures."
    right, of = sum(value.others), len(value.others)
    return right / of, f"{right} of {of} other seeds are right, of those that can be told"
