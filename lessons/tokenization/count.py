"""Screen 4: the language model counts a letter in a word, again and again, and for words of every truth."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engines.checks import seed_range, whole
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.statistics import Interval, change, interval, listed, plural, points, wilson
from engines.text import snippets
from engines.text.dials import Dials
from lessons.tokenization.measures import (
    ANSWER_TOKENS,
    MAX_RUNS,
    SPELLED,
    WORD,
    Spelling,
    check_letter,
    check_seed,
    check_spelling,
    check_word,
    titled,
    write_out,
)  # fmt: skip

if TYPE_CHECKING:
    from engines.text.language_model import LanguageModel, Run

WAYS: tuple[Spelling, ...] = ("whole", "spaces", "hyphens")
CONTROL_WAYS: tuple[Spelling, ...] = ("whole", "spaces")
CONTROL_WORDS = (
    ("lemon", "n"), ("tiger", "t"), ("planet", "p"), ("garden", "g"), ("music", "c"), ("window", "d"),
    ("apple", "p"), ("coffee", "f"), ("balloon", "l"), ("calendar", "a"), ("butterfly", "t"), ("committee", "m"),
    ("banana", "a"), ("tomorrow", "o"), ("elegance", "e"), ("bubble", "b"), ("strawberry", "r"), ("cheese", "e"),
)  # fmt: skip
"""Words with one, two and three of the letter asked for, six of each."""

_NUMBER_WORDS = {
    "zero": 0, "no": 0, "none": 0, "never": 0, "one": 1, "once": 1, "two": 2, "twice": 2, "three": 3, "thrice": 3,
    "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
_NUMBER = rf"\d+|\b(?:{'|'.join(_NUMBER_WORDS)})\b"
_AMOUNT = re.compile(rf"({_NUMBER})(?:\s+(?:times?|instances?|occurrences?|\W?\w\W?s)\b)", re.IGNORECASE)
_ONCE = re.compile(r"\b(once|twice|thrice)\b", re.IGNORECASE)


def question(word: str, letter: str, spelling: Spelling) -> str:
    return f'How many times does the letter "{letter}" appear in the word {write_out(word, spelling)}?'


def parse_answer(text: str) -> int | None:
    """The number an answer gives, as digits or as a word; None when it gives none or contradicts itself.

    A number followed by "times" or the like counts before any other. Quoted text is left out, so that
    a word the answer repeats is not taken for a number.
    """
    said = re.sub(r"[\"“”‘’*`]", "", re.sub(r"\"[^\"]*\"|“[^”]*”", " ", text))
    for pattern in (_AMOUNT, _ONCE, re.compile(_NUMBER, re.IGNORECASE)):
        numbers = {_value(match) for match in pattern.findall(said)}
        if len(numbers) == 1:
            return numbers.pop()
        if numbers:
            return None
    return None


def _value(number: str) -> int:
    return int(number) if number.isdigit() else _NUMBER_WORDS[number.lower()]


def _said(answer: int | None) -> str | int:
    return "no number" if answer is None else answer


@dataclass(frozen=True)
class Tally:
    """What many runs answered to one question. ``seen`` are the chunks in which the word reached the model."""

    word: str
    letter: str
    truth: int
    spelling: Spelling
    seen: tuple[str, ...]
    answers: tuple[int | None, ...]
    texts: tuple[str, ...]

    @property
    def right(self) -> Interval:
        return wilson(sum(answer == self.truth for answer in self.answers), len(self.answers))

    @property
    def histogram(self) -> tuple[tuple[int | None, int], ...]:
        """(answer, runs) in rising order, runs without a number last."""
        return tuple(sorted(Counter(self.answers).items(), key=lambda item: (item[0] is None, item[0] or 0)))


def check(word: str, letter: str, runs: int, seed: int) -> None:
    """Refuse anything but a word of letters, one letter, 1 to 32 runs, and a seed."""
    check_word(word), check_letter(letter), whole("The number of runs", runs, 1, MAX_RUNS), check_seed(seed)


def ask(model: LanguageModel, word: str, letter: str, runs: int, seed: int) -> Iterator[Any]:
    """The question in every spelling; see :func:`count_letters`."""
    return count_letters(model, word, letter, WAYS, runs=runs, seed=seed)


def count_letters(
    model: LanguageModel,
    word: str,
    letter: str,
    spellings: Sequence[Spelling],
    *,
    runs: int,
    seed: int,
    temperature: float = 0.7,
) -> Iterator[Underway | Evidence[tuple[Tally, ...]]]:
    """Ask ``runs`` times how often ``letter`` stands in ``word``, for each spelling; one Evidence a spelling done.

    Run i has seed ``seed`` + i. Yields how far it is in between. Raises PlainError for anything but a word of letters,
    one letter, and whole numbers for runs (1 to 32) and seed.
    """
    word, letter = check_word(word), check_letter(letter)
    seeds = seed_range(check_seed(seed), runs, most=MAX_RUNS, what="The number of runs")
    for spelling in spellings:
        check_spelling(spelling)
    dials, began, tallies = Dials(temperature=temperature), time.perf_counter(), []
    for part, spelling in enumerate(spellings):
        prompt = model.encode(question(word, letter, spelling), chat=True)
        writing = model.write_many(prompt, dials, seeds=seeds, max_tokens=ANSWER_TOKENS)
        written = yield from titled(writing, f"{word} {SPELLED[spelling]}", part, len(spellings))
        tallies.append(_tally(model, word, letter, spelling, written))
        settings = {"runs": len(seeds), "temperature": temperature, "max_tokens": ANSWER_TOKENS}
        asked = question(word, letter, spellings[0])
        source = Provenance.live(model, began, seeds[0], question=asked, **settings, runtime=model.runtime)
        yield _count_evidence(model, tuple(tallies), dials, asked, source)


def _tally(model: LanguageModel, word: str, letter: str, spelling: Spelling, runs: Sequence[Run]) -> Tally:
    return Tally(
        word=word,
        letter=letter,
        truth=word.lower().count(letter.lower()),
        spelling=spelling,
        seen=model.tokens_of(f" {write_out(word, spelling)}").pieces,
        answers=tuple(parse_answer(run.text) for run in runs),
        texts=tuple(run.text.strip() for run in runs),
    )


def _count_evidence(
    model: LanguageModel, tallies: tuple[Tally, ...], dials: Dials, asked: str, source: Provenance
) -> Evidence[tuple[Tally, ...]]:
    first = tallies[0]
    seeds = seed_range(source.seed, len(first.answers), most=MAX_RUNS)
    rows = tuple(
        (SPELLED[tally.spelling], seeds[run], _said(answer), text)
        for tally in tallies
        for run, (answer, text) in enumerate(zip(tally.answers, tally.texts, strict=True))
    )
    summary = "; ".join(f"{SPELLED[tally.spelling]}, {tally.right} right" for tally in tallies)
    return Evidence(
        value=tallies,
        alt=f"“{first.word}” holds the letter {first.letter} {plural(first.truth, 'time')}. Asked in "
        f"{plural(len(first.answers), 'run')}: {summary}.",
        table=Table(("Word written", "Seed", "Answer", "What the model wrote"), rows),
        provenance=source,
        findings=tuple(_count_finding(tally) for tally in tallies),
        snippet=snippets.continuation(
            model.reference, asked, dials, seed=seeds[0], max_tokens=ANSWER_TOKENS, chat=True
        ),
        expected=first.texts[0],
    )


def _count_finding(tally: Tally) -> Finding:
    right = tally.right
    most = max(times for _, times in tally.histogram)
    favourites = [str(_said(answer)) for answer, times in tally.histogram if times == most]
    several = len(favourites) > 1
    answers, each = ("answers", " each") if several else ("answer", "")
    often = f"Its commonest {answers}: {listed(favourites)}, {most} of {plural(right.trials, 'run')}{each}"
    if several and most == 1:
        often = "No answer came twice"
    return Finding(
        f"{right.successes} of {right.trials} right",
        f"{SPELLED[tally.spelling]} ({plural(len(tally.seen), 'token')}; 95 % interval "
        f"{interval(right.low, right.high)}). {often}.",
    )


def compare(before: Interval, after: Interval) -> int:
    """0: ``after`` is clearly better, 1: no clear difference, 2: clearly worse; the interval of the change decides."""
    _, low, high = change(before, after)
    return 0 if low > 0 else 2 if high < 0 else 1


def spaces_truth(value: Sequence[Tally]) -> tuple[float, str] | None:
    """Whether spaces helped; the guess was about “strawberry”, and needs both ways of writing it."""
    if len(value) < 2 or value[0].word.lower() != WORD:
        return None
    before, after = value[0].right, value[1].right
    return compare(before, after), f"as one word {before}, with spaces {after}: {points(change(before, after))}"


# --- The control: words with one, two and three of the letter ------------------------------------------------------


@dataclass(frozen=True)
class Control:
    """The most likely answer for each control word (word, letter) in one spelling."""

    spelling: Spelling
    words: tuple[tuple[str, str], ...]
    answers: tuple[int | None, ...]

    @property
    def truths(self) -> tuple[int, ...]:
        return tuple(word.count(letter) for word, letter in self.words)

    @property
    def right(self) -> Interval:
        return wilson(sum(a == t for a, t in zip(self.answers, self.truths, strict=True)), len(self.answers))

    def said(self, truth: int) -> Counter[int | None]:
        """How often each answer was given where the right one was ``truth``."""
        return Counter(a for a, t in zip(self.answers, self.truths, strict=True) if t == truth)


def control(
    model: LanguageModel,
    spellings: Sequence[Spelling] = CONTROL_WAYS,
    words: Sequence[tuple[str, str]] = CONTROL_WORDS,
) -> Iterator[Underway | Evidence[tuple[Control, ...]]]:
    """Ask for every control word, greedily, in each spelling: does the answer follow the truth?"""
    dials, began, found = Dials(temperature=0), time.perf_counter(), []
    for part, spelling in enumerate(spellings):
        prompts = [model.encode(question(word, letter, spelling), chat=True) for word, letter in words]
        writing = model.write_many(prompts, dials, seeds=[0] * len(prompts), max_tokens=ANSWER_TOKENS)
        runs = yield from titled(writing, SPELLED[spelling].capitalize(), part, len(spellings))
        found.append(Control(spelling, tuple(words), tuple(parse_answer(run.text) for run in runs)))
        source = Provenance.live(
            model, began, words=len(words), temperature=0.0, max_tokens=ANSWER_TOKENS, runtime=model.runtime
        )
        yield _control_evidence(model, tuple(found), dials, source)


def _control_evidence(
    model: LanguageModel, found: tuple[Control, ...], dials: Dials, source: Provenance
) -> Evidence[tuple[Control, ...]]:
    first = found[0]
    summary = "; ".join(f"{SPELLED[one.spelling]}, {one.right} right" for one in found)
    given = Counter(first.answers)
    times = max(given.values())
    right = Counter[int | None](said for said, truth in zip(first.answers, first.truths, strict=True) if said == truth)
    favourites = {answer: right[answer] for answer, count in given.items() if count == times}
    answers = zip(first.words, first.truths, *(one.answers for one in found), strict=True)
    asked = question(*first.words[0], first.spelling)
    always = "Always saying 1, 2 or 3 would get a third."
    return Evidence(
        value=found,
        alt=f"{len(first.words)} words with one, two or three of a letter, the model's most likely answer: {summary}.",
        table=Table(
            ("Word", "Letter", "True", *(SPELLED[one.spelling] for one in found)),
            tuple((word, letter, truth, *map(_said, said)) for (word, letter), truth, *said in answers),
        ),
        provenance=source,
        findings=(
            *(
                Finding(
                    f"{one.right.successes} of {one.right.trials} right",
                    f"{SPELLED[one.spelling]} (95 % interval {interval(one.right.low, one.right.high)}). {always}",
                )
                for one in found
            ),
            Finding(
                listed([f"“{_said(answer)}”" for answer in favourites]),
                f"{'are each' if len(favourites) > 1 else 'is'} its answer to {times} of {len(first.words)} words "
                f"written as one word, and right for {listed(list(map(str, favourites.values())))} of these {times}.",
            ),
        ),
        snippet=snippets.continuation(model.reference, asked, dials, seed=0, max_tokens=ANSWER_TOKENS, chat=True),
    )
