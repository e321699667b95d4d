"""What the learner's browser keeps of the exercise, so that nothing is lost on a reload.

It comes back from the browser, where anyone may have changed it: everything is checked on the way in, and a
damaged notebook is treated as an empty one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engines.checks import check_number
from engines.evidence import PlainError
from engines.statistics import Interval, plural, wilson
from lessons.predict_and_test.plan import MAX_PROMPT, MAX_REASON, Changed, Entry, Kind, entries

Name = Annotated[str, Field(max_length=200)]
MOST_ROWS = 40
"""Rows of the diet that are kept for a prompt; the rest is counted."""
AFTERWARDS = "changed after a test was seen"
DIFFERENT = (
    "The fields on the first screen are not what you sealed. The sealed plan is tested; seal again to test what stands "
    "there now."
)
Picture = Annotated[str, Field(pattern=r"^data:image/webp;base64,[A-Za-z0-9+/=]+$", max_length=40_000)]


class Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Score(Kept):
    """``right`` of ``of`` pictures."""

    right: Annotated[int, Field(ge=0, le=16)]
    of: Annotated[int, Field(ge=1, le=16)]

    @property
    def share(self) -> Interval:
        return wilson(min(self.right, self.of), self.of)


class Fed(Kept):
    """A row of the diet: how many training scenes held a wish."""

    aspect: Name
    what: Name
    scenes: Annotated[int, Field(ge=0)]
    held_out: bool = False
    note: Name = ""


class Unseen(Kept):
    """A word that the painter never read, and the pieces it falls into."""

    word: Name
    pieces: Annotated[tuple[Name, ...], Field(max_length=200)]


class Promise(Kept):
    """One prompt of a plan, with its prediction; ``changed``: what is new in it since a test was seen."""

    kind: Kind
    prompt: Annotated[str, Field(min_length=1, max_length=MAX_PROMPT)]
    reason: Annotated[str, Field(max_length=MAX_REASON)] = ""
    confidence: Annotated[int, Field(ge=0, le=100)]
    changed: Changed = ""

    @property
    def entry(self) -> Entry:
        return Entry(self.kind, self.prompt, self.reason, self.confidence, self.changed)

    @property
    def afterwards(self) -> str:
        """What was changed after a test was seen, in words; "" for nothing."""
        return f"{self.changed} {AFTERWARDS}" if self.changed else ""


class Sealed(Kept):
    """A plan as it was sealed.

    waiting: the learner sealed it and it has no result yet; the test takes this one. tested: whether a result of the
    exercise was seen, so that whatever changes from here on is hindsight.
    """

    version: Literal[1] = 1
    promises: Annotated[tuple[Promise, ...], Field(min_length=1, max_length=6)]
    waiting: bool = False
    tested: bool = False

    @property
    def plan(self) -> tuple[Entry, ...]:
        return tuple(promise.entry for promise in self.promises)

    @property
    def words(self) -> str:
        """Where the plan stands: it waits, or was tested; "" while neither is so."""
        if self.waiting:
            return f"A sealed plan of {plural(len(self.promises), 'prompt')} waits here for its test."
        return "This plan was tested. What you change from here on counts as hindsight." if self.tested else ""

    def after_a_test(self) -> Sealed:
        return self.model_copy(update={"waiting": False, "tested": True})

    def as_text(self) -> str:
        return self.model_dump_json()


class Result(Promise):
    """One prompt with its prediction and what came of it.

    scores: aspect -> how many pictures were right, of those that could be told; "everything" only where nothing was
    left unjudged. unjudged: the wishes nobody here can score. verdicts: for each picture what was wrong, "" for
    nothing, None where it could not be told.
    diet: None when the painter's diet is not known; ``more``: how many of its rows are not kept. tail: the end of
    the prompt that the painter had no room to read. nearest: pictures closer to this caption than to ``foils`` other
    ones, by CLIP. eye: how many the learner found right by looking. overruled: for each picture what the learner says
    instead of the judge; None where its verdict stands.
    """

    scores: dict[Name, Score]
    unjudged: Annotated[tuple[Name, ...], Field(max_length=200)] = ()
    verdicts: Annotated[tuple[Name | None, ...], Field(max_length=16)] = ()
    diet: Annotated[tuple[Fed, ...], Field(max_length=MOST_ROWS)] | None = None
    more: Annotated[int, Field(ge=0)] = 0
    unseen: Annotated[tuple[Unseen, ...], Field(max_length=200)] = ()
    pictures: Annotated[tuple[Picture, ...], Field(min_length=1, max_length=16)]
    tail: Name = ""
    nearest: Score | None = None
    foils: Annotated[int, Field(ge=0, le=5)] = 0
    eye: Annotated[int, Field(ge=0, le=16)] | None = None
    overruled: Annotated[tuple[bool | None, ...], Field(max_length=16)] = ()

    @property
    def by_eye(self) -> tuple[bool | None, ...]:
        """What holds for each picture when the learner's word goes before the judge's; None: nobody said."""
        judged = [None if wrong is None or (self.unjudged and not wrong) else not wrong for wrong in self.verdicts]
        said = (*self.overruled, *[None] * len(judged))
        return tuple(mine if mine is not None else theirs for mine, theirs in zip(said, judged, strict=False))

    @property
    def unclear(self) -> int:
        """Pictures of a prompt that is judged in full, of which the judge could not tell whether they are right."""
        return 0 if self.unjudged else sum(verdict is None for verdict in self.verdicts)

    @property
    def share(self) -> Interval | None:
        """The share of pictures in which everything is right: the judge's, else the learner's own count."""
        if score := self.scores.get("everything"):
            return score.share
        return wilson(min(self.eye, len(self.pictures)), len(self.pictures)) if self.eye is not None else None

    @property
    def alignment(self) -> str:
        """What CLIP said, in words; "" when it was not asked."""
        if self.nearest is None:
            return ""
        others = "other" if self.foils == 1 else f"{self.foils} others"
        return f"closer to this caption than to the {others}: {self.nearest.right} of {self.nearest.of}"

    @property
    def source(self) -> str:
        """Who said so, with the learner's own count where there is one."""
        eye = "" if self.eye is None else f"your eye: {self.eye} of {len(self.pictures)}"
        if "everything" in self.scores:
            return f"the judge ({eye})" if eye else "the judge"
        return "your eye" if eye else "not judged"


class Results(Kept):
    """A test that was run: the painter, the settings, and a result for each prompt that was finished."""

    version: Literal[1] = 1
    model: Name
    revision: Name
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1, max_length=16)]
    steps: Annotated[int, Field(ge=1, le=100)]
    passes: Annotated[int, Field(ge=1, le=200)] | None = None
    guidance_scale: float
    planned: Annotated[int, Field(ge=1, le=6)]
    results: Annotated[tuple[Result, ...], Field(min_length=1, max_length=6)]

    @property
    def made(self) -> int:
        """The passes of each picture; older results kept only how many were asked for."""
        return self.passes or self.steps

    @property
    def names(self) -> tuple[str, ...]:
        """A short name for each prompt: "easy 1", "easy 2", "hard 1"…"""
        return labels([result.kind for result in self.results])

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def as_text(self) -> str:
        """For the browser: gradio streams changes of a text whole, but would mix an object with its own notes."""
        return self.model_dump_json()


def labels(kinds: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{kind} {list(kinds[: at + 1]).count(kind)}" for at, kind in enumerate(kinds))


def read(kept: Any) -> Results | None:
    """The results a browser sent, as :meth:`Results.as_text` wrote them; None when there are none or damaged ones."""
    try:
        return Results.model_validate_json(kept) if isinstance(kept, str) else None
    except ValidationError:
        return None


def read_sealed(kept: Any) -> Sealed | None:
    """The sealed plan a browser sent; None when there is none or a damaged one."""
    try:
        return Sealed.model_validate_json(kept) if isinstance(kept, str) else None
    except ValidationError:
        return None


def seal(plan: Sequence[Entry], before: Sealed | None = None, *, waiting: bool = False) -> Sealed:
    """The plan, sealed. Where a test was seen since the plan ``before``, what differs from that one is marked."""
    seen = before.promises if before and before.tested else None
    promises = tuple(
        Promise(
            kind=entry.kind, prompt=entry.prompt, reason=entry.reason, confidence=entry.confidence,
            changed="" if seen is None else _changed(entry, seen),
        )
        for entry in plan
    )  # fmt: skip
    return Sealed(promises=promises, waiting=waiting, tested=seen is not None)


def _changed(entry: Entry, seen: Sequence[Promise]) -> Changed:
    same = [old for old in seen if (old.kind, old.prompt) == (entry.kind, entry.prompt)]
    if not same:
        return "prompt"
    kept = next((old for old in same if old.confidence == entry.confidence), None)
    if kept is None:
        return "confidence"
    return kept.changed or ("" if kept.reason == entry.reason else "reason")


def to_test(rows: Sequence[Sequence[Any]], kept: Sealed | None) -> tuple[Sealed, str]:
    """The plan a test takes, and what to say about it: the one that waits sealed, else what stands in the fields."""
    if kept is None or not kept.waiting:
        return seal(entries(rows), kept), ""
    try:
        stands = seal(entries(rows)) == seal(kept.plan)
    except PlainError:
        stands = False
    return kept, "" if stands else DIFFERENT


def overrule(results: Results, name: str, picture: int, right: bool | None) -> Results:
    """The same results with the learner's word on one picture of a prompt; None takes it back.

    Once every picture of the prompt has a verdict, the learner's count follows. PlainError for no such picture.
    """
    changed = []
    for label, result in zip(results.names, results.results, strict=True):
        if label == name:
            if not 0 <= picture < len(result.pictures):
                raise PlainError(f"There is no picture {picture + 1} of {name}.")
            said = [*result.overruled, *[None] * (len(result.pictures) - len(result.overruled))]
            said[picture] = right
            result = result.model_copy(update={"overruled": tuple(said)})
            whole = any(one is not None for one in said) and None not in result.by_eye
            result = result.model_copy(update={"eye": sum(map(bool, result.by_eye)) if whole else None})
        changed.append(result)
    return results.model_copy(update={"results": tuple(changed)})


def with_eye(results: Results, counts: Mapping[str, Any]) -> Results:
    """The same results with the learner's own counts, by the prompts' names; PlainError for an impossible one."""
    changed = []
    for name, result in zip(results.names, results.results, strict=True):
        eye = counts.get(name)
        if eye is not None:
            check_number(f"Your count for {name}", eye, 0, len(result.pictures), whole=True)
        changed.append(result.model_copy(update={"eye": None if eye is None else int(eye)}))
    return results.model_copy(update={"results": tuple(changed)})
