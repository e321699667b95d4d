"""Screen 5: both machines asked about looks, about sides and about facts, each in the one way it can answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import diffusion
from engines.pictures.diffusion import Painter, Plan
from engines.statistics import Interval, interval, percent, plural, wilson
from engines.stickers import judge
from engines.stickers.scenes import COLOURS
from engines.stickers.world import facts_of
from engines.text import snippets
from engines.text.language_model import LanguageModel

MOST, LEAST, AT_ONCE = 12, 4, 8
"""Questions of each sort, and pictures painted at once."""
FOREGROUND, SATURATED = 60, 0.3
"""How far a pixel is from white to belong to the thing, and how colourful to say a colour."""


@dataclass(frozen=True)
class Question:
    """A text to go on with, what may follow, the right one; and a caption that asks the painter for the same."""

    text: str
    options: tuple[str, ...]
    answer: str
    caption: str
    control: str = ""


PALETTE = ("red", "yellow", "green", "orange", "pink", "purple")
LOOKS = tuple(
    Question(f"The colour of a {thing} is", PALETTE, colour, f"a {thing} on a white background")
    for thing, colour in (
        ("strawberry", "red"), ("banana", "yellow"), ("frog", "green"), ("carrot", "orange"), ("pig", "pink"),
        ("lemon", "yellow"), ("cactus", "green"), ("rose", "red"), ("tree", "green"), ("moon", "yellow"),
        ("sunflower", "yellow"), ("bunch of grapes", "purple"),
    )
)  # fmt: skip
SIDES = tuple(
    Question(
        f"A {first} is to the {side} of a {second}. This means that the {second} is to the", ("left", "right"),
        "right" if side == "left" else "left", f"a {first} to the {side} of a {second} on a white background",
    )
    for side, first, second in (
        ("left", "dog", "cat"), ("right", "cow", "tree"), ("left", "bus", "house"), ("right", "key", "clock"),
        ("left", "pig", "duck"), ("right", "frog", "star"), ("left", "lemon", "book"), ("right", "tiger", "rocket"),
        ("left", "horse", "crown"), ("right", "penguin", "cake"), ("left", "guitar", "rose"), ("right", "car", "moon"),
    )
)  # fmt: skip
_RIDDLES = (  # with answers that the bundled painter can letter, as the control shows
    ("the opposite of closed", "open"), ("an animal that barks", "dog"), ("the opposite of south", "north"),
    ("a drink made from leaves", "tea"), ("the opposite of no", "yes"), ("the star that shines by day", "sun"),
    ("the opposite of slow", "fast"), ("an animal that meows", "cat"), ("the opposite of west", "east"),
    ("a drink of roasted beans", "coffee"), ("the opposite of right", "left"), ("a place to borrow money", "bank"),
)  # fmt: skip
FACTS = tuple(
    Question(
        f"A riddle: {riddle}, in one word. The answer is:", tuple(answer for _, answer in _RIDDLES), answer,
        f"a white sign that says {riddle} on a blue background",
        f"a white sign that says {answer.upper()} on a blue background",
    )
    for riddle, answer in _RIDDLES
)  # fmt: skip
SORTS = {"looks": "typical colours", "sides": "left and right", "facts": "facts, in one word"}
QUESTIONS = {"looks": LOOKS, "sides": SIDES, "facts": FACTS}


@dataclass(frozen=True, eq=False)
class Asked:
    """A sort of question: what each machine answered, question by question; "" where nothing could be read.

    ``text``: the option that a question raises most; ``raw``: simply the likeliest one (see :func:`answers`).
    ``pictures`` uint8 [questions, H, W, 3]. ``lettered``: for facts, whether the painter wrote the answer when its
    caption gave the word itself.
    """

    sort: str
    questions: tuple[Question, ...]
    text: tuple[str, ...]
    raw: tuple[str, ...]
    picture: tuple[str, ...]
    pictures: np.ndarray
    lettered: tuple[bool, ...] = ()

    def right(self, answers: Sequence[str]) -> Interval:
        return wilson(sum(a == one.answer for a, one in zip(answers, self.questions, strict=True)), len(answers))

    def chance(self, answers: Sequence[str]) -> float:
        """What the same answers would score if they were dealt out among the questions at random."""
        hits = [a == other.answer for a in answers for other in self.questions]
        return float(np.mean(hits))


def seen(
    model: LanguageModel, painter: Painter, questions: int = MOST, seed: int = 0
) -> Iterator[Underway | Evidence[tuple[Asked, ...]]]:
    """Ask both machines the first ``questions`` of each sort; the Evidence so far after each sort."""
    began = time.perf_counter()
    count = whole("The number of questions", questions, LEAST, MOST)
    seed = whole("The seed", seed, 0, MAX_SEED)
    if not painter.is_bundled:
        raise PlainError("Only the bundled painter’s pictures can be read here. Choose it to ask it.")
    done: list[Asked] = []
    for number, (sort, every) in enumerate(QUESTIONS.items()):
        chosen = every[:count]
        rows = []
        for at, one in enumerate(chosen):
            rows.append(chances(model, one))
            yield Underway((number + 0.2 * (at + 1) / count) / 3, f"The typewriter answers: {SORTS[sort]}")
        captions = [one.caption for one in chosen] + [one.control for one in chosen if one.control]
        painted: list[np.ndarray] = []
        for start in range(0, len(captions), AT_ONCE):
            some = tuple(captions[start : start + AT_ONCE])
            plan = Plan(some, (seed,) * len(some))
            for event in diffusion.denoise(painter, plan):
                share = 0.2 + 0.8 * (start + len(some) * (event.index + 1) / event.passes) / len(captions)
                yield Underway((number + share) / 3, f"The sculptor answers: {SORTS[sort]}")
            assert event.pictures is not None
            painted.append(event.pictures)
        pictures = np.concatenate(painted)
        text, raw = (answers(chosen, np.array(rows), fair) for fair in (True, False))
        done.append(Asked(sort, chosen, text, raw, *_read(sort, chosen, pictures)))
        yield _evidence(tuple(done), model, painter, seed, began)


def chances(model: LanguageModel, one: Question) -> np.ndarray:
    """The log probability of each option among the options, by its first token."""
    scores = model.next_token_scores(model.encode(one.text)).logits.astype(float)
    logits = np.array([scores[model.tokens_of(f" {option}").ids[0]] for option in one.options])
    return logits - np.logaddexp.reduce(logits)


def answers(questions: Sequence[Question], log_chances: np.ndarray, fair: bool = True) -> tuple[str, ...]:
    """The option that each question raises most above its mean over all of them; the likeliest one if not ``fair``.

    A favourite word would else win every question (Zhao et al. 2021, arXiv:2102.09690; Holtzman et al. 2021).
    """
    raised = log_chances - log_chances.mean(0) if fair else log_chances
    return tuple(one.options[at] for one, at in zip(questions, raised.argmax(1), strict=True))


def _read(
    sort: str, chosen: Sequence[Question], pictures: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray, tuple[bool, ...]]:
    """What the pictures answer, those of the questions, and whether the control's lettering was right."""
    own = pictures[: len(chosen)]
    if sort == "looks":
        return tuple(colour_of(picture) for picture in own), own, ()
    if sort == "sides":
        verdicts = judge.judge(own, [facts_of(one.caption) for one in chosen], lettering=False)
        sides = [one.reading.relation(*(thing.name for thing in one.facts.things)) for one in verdicts]
        turned = {"left": "right", "right": "left"}
        return tuple(turned.get(side or "", "") for side in sides), own, ()
    letters = judge.read_text(pictures)
    spelled = tuple(
        next((option for option in one.options if read.spells(option)), read.text.lower()[:24])
        for one, read in zip(chosen, letters, strict=False)
    )
    controls = letters[len(chosen) :]
    return spelled, own, tuple(read.spells(one.answer) for one, read in zip(chosen, controls, strict=True))


def colour_of(picture: np.ndarray) -> str:
    """Which colour of the palette most colourful pixels of a thing on white are nearest to; "" where there are none."""
    pixels = picture.reshape(-1, 3).astype(float)
    high, low = pixels.max(1), pixels.min(1)
    thing = pixels[(np.abs(255 - pixels).max(1) > FOREGROUND) & ((high - low) > SATURATED * np.maximum(high, 1))]
    if len(thing) < 50:
        return ""
    palette = np.array([COLOURS[name] for name in PALETTE], float)
    gaps = ((thing[:, None] / thing.max(1)[:, None, None] - palette / palette.max(1)[:, None]) ** 2).sum(-1)
    return PALETTE[int(np.bincount(gaps.argmin(1), minlength=len(PALETTE)).argmax())]


def seen_truth(value: tuple[Asked, ...]) -> tuple[float, str]:
    looks = value[0]
    found = looks.right(looks.text)
    return found.rate, f"{found}; the same answers dealt out at random, {percent(looks.chance(looks.text))}"


def _evidence(
    value: tuple[Asked, ...], model: LanguageModel, painter: Painter, seed: int, began: float
) -> Evidence[tuple[Asked, ...]]:
    rows = [
        (SORTS[one.sort], question.text, question.answer, text, question.caption, picture or "not to be read")
        for one in value
        for question, text, picture in zip(one.questions, one.text, one.picture, strict=True)
    ]
    summary = "; ".join(
        f"{SORTS[one.sort]}: typewriter {one.right(one.text)}, sculptor {one.right(one.picture)}" for one in value
    )
    return Evidence(
        value, f"Right answers. {summary}.",
        Table(("sort", "the text to go on with", "answer", "typewriter", "the caption", "sculptor"), tuple(rows)),
        Provenance(
            "live", f"{model.name} and {painter.name}", "",
            {"text revision": model.revision, "picture revision": painter.revision, "questions": len(value[0].text),
             "passes": painter.steps},
            seed, time.perf_counter() - began,
        ),
        tuple(_findings(value)), snippet(model.reference, value[-1].questions), value[-1].text,
    )  # fmt: skip


def _findings(value: tuple[Asked, ...]) -> Iterator[Finding]:
    for one in value:
        text, picture = one.right(one.text), one.right(one.picture)
        dealt = percent(one.chance(one.text)), percent(one.chance(one.picture))
        yield Finding(
            f"{text.successes} and {picture.successes} of {text.trials}",
            f"{SORTS[one.sort]}: typewriter {_rate(text)}, sculptor {_rate(picture)}. The same answers dealt out at "
            f"random: {dealt[0]} and {dealt[1]}. {_said(one)}",
        )


def _rate(share: Interval) -> str:
    return f"{percent(share.rate)} ({interval(share.low, share.high)})"


def _said(one: Asked) -> str:
    raw, most = one.right(one.raw), max(set(one.raw), key=one.raw.count)
    line = (
        f"If the likeliest word simply counts: {raw.successes} of {raw.trials}, “{most}” "
        f"{plural(one.raw.count(most), 'time')}."
    )
    if one.sort == "facts":
        return f"{line} Given the word itself, the sculptor letters it: {wilson(sum(one.lettered), len(one.lettered))}."
    text = one.right(one.text)
    if one.sort == "sides" and text.low <= 0.5 <= text.high:
        return f"{line} For the typewriter it may be a coin, which is right in half of them."
    return line


def snippet(model: str, questions: Sequence[Question]) -> str:
    """``result``: the typewriter's answers to one sort of question."""
    asked = "\n".join(f"    ({one.text!r}, {list(one.options)!r})," for one in questions)
    return f"""import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

{snippets.loading(model)}
questions = [
{asked}
]
rows = []
for text, options in questions:
    ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        logits = model(ids).logits[0, -1]
    first = [tokenizer(" " + option, add_special_tokens=False).input_ids[0] for option in options]
    rows.append(torch.log_softmax(logits[first].double(), 0))
raised = torch.stack(rows) - torch.stack(rows).mean(0)
result = tuple(options[at] for (_, options), at in zip(questions, raised.argmax(1).tolist()))
print(result)
"""
