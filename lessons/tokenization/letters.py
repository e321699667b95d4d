"""What the language model does with letters: it counts them, and it spells words given as chunks or as letters."""

from __future__ import annotations

import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from engines import checks
from engines.checks import whole
from engines.evidence import Evidence, Finding, PlainError, Progress, Provenance, Table
from engines.statistics import Interval, mean_interval, wilson
from engines.text import snippets
from engines.text.dials import Dials
from engines.text.language_model import runs_of

if TYPE_CHECKING:
    from engines.text.language_model import LanguageModel, Run

Spelling = Literal["whole", "spaces", "hyphens"]

SPELLED: dict[Spelling, str] = {"whole": "as one word", "spaces": "with spaces", "hyphens": "with hyphens"}
ANSWER_TOKENS = 24
MAX_WORD = 24
MAX_RUNS = 32
MAX_SEED = checks.MAX_SEED - 63

CONTROL_WORDS = (
    ("lemon", "n"), ("tiger", "t"), ("planet", "p"), ("garden", "g"), ("music", "c"), ("window", "d"),
    ("apple", "p"), ("coffee", "f"), ("balloon", "l"), ("calendar", "a"), ("butterfly", "t"), ("committee", "m"),
    ("banana", "a"), ("tomorrow", "o"), ("elegance", "e"), ("bubble", "b"), ("strawberry", "r"), ("cheese", "e"),
)  # fmt: skip
"""Words with one, two and three of the letter asked for, six of each."""

WORDS_TO_SPELL = (
    "strawberry", "coffee", "giraffe", "tomorrow", "elephant", "library", "calendar", "vegetable",
    "butterfly", "committee", "chocolate", "umbrella", "window", "garden", "machine", "kitchen",
)  # fmt: skip
EXAMPLES = ("cat", "summer", "purple", "monkey")

_NUMBER_WORDS = {
    "zero": 0, "no": 0, "none": 0, "never": 0, "one": 1, "once": 1, "two": 2, "twice": 2, "three": 3, "thrice": 3,
    "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
_NUMBER = rf"\d+|\b(?:{'|'.join(_NUMBER_WORDS)})\b"
_AMOUNT = re.compile(rf"({_NUMBER})(?:\s+(?:times?|instances?|occurrences?|\W?\w\W?s)\b)", re.IGNORECASE)
_ONCE = re.compile(r"\b(once|twice|thrice)\b", re.IGNORECASE)


def _titled(progress: Progress | None, title: str) -> Progress | None:
    """The same progress, its words under a title."""
    return None if progress is None else lambda share, words: progress(share, f"{title}: {words}")


def write_out(word: str, spelling: Spelling) -> str:
    """``word`` as one word, or its letters with spaces or hyphens between them."""
    apart = letters_of(word)
    return {"whole": word, "spaces": " ".join(apart), "hyphens": "-".join(apart)}[spelling]


def letters_of(word: str) -> list[str]:
    """The letters of a word, each with the marks that belong to it: accents, vowel signs."""
    letters: list[str] = []
    for character in word:
        if letters and _is_mark(character):
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


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


def parse_spelling(text: str) -> str:
    """The letters of the first line of a spelt-out answer: "s-t-r-a-w\\n…" gives "straw"."""
    first = text.strip().split("\n", 1)[0]
    return _composed("".join(one for one in first.lower() if one.isalpha() or _is_mark(one)))


def _composed(text: str) -> str:
    """A letter and its accent as one character where Unicode has one (NFC), so that é is no e."""
    return unicodedata.normalize("NFC", text)


# --- Counting ------------------------------------------------------------------------------------------------


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


def count_letters(
    model: LanguageModel,
    word: str,
    letter: str,
    spellings: Sequence[Spelling],
    *,
    runs: int,
    seed: int,
    temperature: float = 0.7,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[Evidence[tuple[Tally, ...]]]:
    """Ask ``runs`` times how often ``letter`` stands in ``word``, for each spelling; one Evidence a spelling done.

    Run i has seed ``seed`` + i. Raises PlainError for anything but a word of letters, one letter, and whole numbers
    for runs (1 to 32) and seed.
    """
    word, letter = check_word(word), check_letter(letter)
    runs, seed = whole("The number of runs", runs, 1, MAX_RUNS), check_seed(seed)
    for spelling in spellings:
        check_spelling(spelling)
    dials = Dials(temperature=temperature)
    seeds = range(seed, seed + runs)
    started, tallies = time.perf_counter(), []
    for spelling in spellings:
        prompt = model.encode(question(word, letter, spelling), chat=True)
        writing = model.write_many(prompt, dials, seeds=seeds, max_tokens=ANSWER_TOKENS)
        written = runs_of(writing, _titled(progress, f"{word} {SPELLED[spelling]}"), should_stop)
        if not written:
            return
        tallies.append(_tally(model, word, letter, spelling, written))
        yield _count_evidence(model, tuple(tallies), dials, seed, runs, time.perf_counter() - started)
        if should_stop and should_stop():
            return


def _tally(model: LanguageModel, word: str, letter: str, spelling: Spelling, runs: Sequence[Run]) -> Tally:
    done = [run.text for run in runs]
    return Tally(
        word=word,
        letter=letter,
        truth=word.lower().count(letter.lower()),
        spelling=spelling,
        seen=model.tokens_of(f" {write_out(word, spelling)}").pieces,
        answers=tuple(parse_answer(text) for text in done),
        texts=tuple(text.strip() for text in done),
    )


def _count_evidence(
    model: LanguageModel, tallies: tuple[Tally, ...], dials: Dials, seed: int, runs: int, seconds: float
) -> Evidence[tuple[Tally, ...]]:
    first = tallies[0]
    rows = tuple(
        (SPELLED[tally.spelling], seed + run, "no number" if answer is None else answer, text)
        for tally in tallies
        for run, (answer, text) in enumerate(zip(tally.answers, tally.texts, strict=True))
    )
    told = "; ".join(f"{SPELLED[tally.spelling]}, {tally.right} right" for tally in tallies)
    asked = question(first.word, first.letter, first.spelling)
    return Evidence(
        value=tallies,
        alt=(
            f"“{first.word}” holds the letter {first.letter} {first.truth} "
            f"{'time' if first.truth == 1 else 'times'}. Asked in {runs} runs: {told}."
        ),
        table=Table(("Word written", "Seed", "Answer", "What the model wrote"), rows),
        provenance=Provenance(
            badge="live",
            model=model.name,
            revision=model.revision,
            settings={"question": asked, "runs": runs, "temperature": dials.temperature, "max_tokens": ANSWER_TOKENS},
            seed=seed,
            seconds=seconds,
        ),
        findings=tuple(_count_finding(tally) for tally in tallies),
        snippet=snippets.continuation(model.reference, asked, dials, seed=seed, max_tokens=ANSWER_TOKENS, chat=True),
        expected=first.texts[0] if first.texts else None,
    )


def _count_finding(tally: Tally) -> Finding:
    right = tally.right
    most = max((times for _, times in tally.histogram), default=0)
    favourites = " and ".join("no number" if a is None else str(a) for a, times in tally.histogram if times == most)
    each = " each" if " and " in favourites else ""
    tokens = "1 token" if len(tally.seen) == 1 else f"{len(tally.seen)} tokens"
    return Finding(
        f"{right.successes} of {right.trials} right",
        f"{SPELLED[tally.spelling]} ({tokens}; 95 % interval {right.low:.0%}–{right.high:.0%}). "
        f"Its commonest answer: {favourites or 'none'}, {most} of {right.trials} runs{each}.",
    )


def compare(before: Interval, after: Interval) -> int:
    """0: ``after`` is clearly better, 1: no clear difference, 2: clearly worse; clear means disjoint intervals."""
    if after.low > before.high:
        return 0
    return 2 if after.high < before.low else 1


# --- A control: words with one, two and three of the letter ------------------------------------------------------


@dataclass(frozen=True)
class Control:
    """The most likely answer for each control word in one spelling."""

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
    spellings: Sequence[Spelling] = ("whole", "spaces"),
    words: Sequence[tuple[str, str]] = CONTROL_WORDS,
    *,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[Evidence[tuple[Control, ...]]]:
    """Ask for every control word, greedily, in each spelling: does the answer follow the truth?"""
    dials, started, found = Dials(temperature=0), time.perf_counter(), []
    for spelling in spellings:
        prompts = [model.encode(question(word, letter, spelling), chat=True) for word, letter in words]
        writing = model.write_many(prompts, dials, seeds=[0] * len(prompts), max_tokens=ANSWER_TOKENS)
        runs = runs_of(writing, _titled(progress, SPELLED[spelling]), should_stop)
        if should_stop and should_stop():
            return
        found.append(Control(spelling, tuple(words), tuple(parse_answer(run.text) for run in runs)))
        yield _control_evidence(model, tuple(found), time.perf_counter() - started)


def _control_evidence(
    model: LanguageModel, found: tuple[Control, ...], seconds: float
) -> Evidence[tuple[Control, ...]]:
    first = found[0]
    told = "; ".join(f"{SPELLED[one.spelling]}, {one.right} right" for one in found)
    favourite, times = Counter(first.answers).most_common(1)[0]
    word, letter = first.words[0]
    return Evidence(
        value=found,
        alt=f"{len(first.words)} words with one, two or three of a letter, the model's most likely answer: {told}.",
        table=Table(
            ("Word", "Letter", "True", *(SPELLED[one.spelling] for one in found)),
            tuple(
                (word, letter, truth, *("no number" if a is None else a for a in answers))
                for (word, letter), truth, *answers in zip(
                    first.words, first.truths, *(one.answers for one in found), strict=True
                )
            ),
        ),
        provenance=Provenance(
            badge="live",
            model=model.name,
            revision=model.revision,
            settings={"words": len(first.words), "temperature": 0, "max_tokens": ANSWER_TOKENS},
            seconds=seconds,
        ),
        findings=(
            *(
                Finding(
                    f"{one.right.successes} of {one.right.trials} right",
                    f"{SPELLED[one.spelling]} (95 % interval {one.right.low:.0%}–{one.right.high:.0%}). Always "
                    "saying 1, 2 or 3 would get a third.",
                )
                for one in found
            ),
            Finding(
                f"“{'no number' if favourite is None else favourite}”",
                f"is its answer to {times} of {len(first.words)} words written as one word, whatever they hold.",
            ),
        ),
        snippet=snippets.continuation(
            model.reference,
            question(word, letter, first.spelling),
            Dials(temperature=0),
            seed=0,
            max_tokens=ANSWER_TOKENS,
            chat=True,
        ),
    )


# --- Spelling ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spelt:
    """One word as the model spelt it. ``letters_right`` counts places where the letter is the right one."""

    word: str
    seen: tuple[str, ...]
    answer: str

    @property
    def exact(self) -> bool:
        return self.answer == self.word

    @property
    def letters_right(self) -> int:
        return sum(a == b for a, b in zip(letters_of(self.word), letters_of(self.answer), strict=False))


@dataclass(frozen=True)
class Spellings:
    """All words spelt, given in one way: as one word or as letters with spaces."""

    given: Spelling
    words: tuple[Spelt, ...]

    @property
    def exact(self) -> Interval:
        return wilson(sum(word.exact for word in self.words), len(self.words))

    @property
    def share(self) -> tuple[float, float, float]:
        """Mean share of letters right, with its 95 % interval over the words."""
        return mean_interval([word.letters_right / len(letters_of(word.word)) for word in self.words])


def spelling_prompt(word: str, given: Spelling) -> str:
    """Four worked examples and the word: plain text to go on with, no chat."""
    worked = "".join(f"Word: {write_out(one, given)}\nLetters: {'-'.join(one)}\n\n" for one in EXAMPLES)
    return f"{worked}Word: {write_out(word, given)}\nLetters:"


def spell(
    model: LanguageModel,
    own: str = "",
    given: Sequence[Spelling] = ("whole", "spaces"),
    words: Sequence[str] = WORDS_TO_SPELL,
    *,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[Evidence[tuple[Spellings, ...]]]:
    """Let the model spell every word, and the learner's ``own`` first; greedy, one Evidence a way of giving it."""
    asked = list(dict.fromkeys([*([check_word(own).lower()] if own.strip() else []), *words]))
    dials, started, found = Dials(temperature=0), time.perf_counter(), []
    room = 2 * max(map(len, asked)) + 2
    for way in given:
        prompts = [model.encode(spelling_prompt(word, way)) for word in asked]
        writing = model.write_many(prompts, dials, seeds=[0] * len(asked), max_tokens=room)
        runs = runs_of(writing, _titled(progress, f"Given {SPELLED[way]}"), should_stop)
        if should_stop and should_stop():
            return
        found.append(
            Spellings(
                way,
                tuple(
                    Spelt(word, model.tokens_of(f" {write_out(word, way)}").pieces, parse_spelling(run.text))
                    for word, run in zip(asked, runs, strict=True)
                ),
            )
        )
        yield _spell_evidence(model, tuple(found), asked[0], room, time.perf_counter() - started, runs[0].text)


def _spell_evidence(
    model: LanguageModel, found: tuple[Spellings, ...], word: str, room: int, seconds: float, last: str
) -> Evidence[tuple[Spellings, ...]]:
    told = "; ".join(
        f"given {SPELLED[one.given]}, {one.exact} spelt without a mistake and {one.share[0]:.0%} of the letters right"
        for one in found
    )
    return Evidence(
        value=found,
        alt=f"The model spelt {len(found[0].words)} words: {told}.",
        table=Table(
            ("Given", "Word", "Tokens", "The model wrote", "Letters right", "Letters"),
            tuple(
                (SPELLED[one.given], spelt.word, len(spelt.seen), spelt.answer, spelt.letters_right, len(spelt.word))
                for one in found
                for spelt in one.words
            ),
        ),
        provenance=Provenance(
            badge="live",
            model=model.name,
            revision=model.revision,
            settings={"words": len(found[0].words), "examples": len(EXAMPLES), "temperature": 0},
            seconds=seconds,
        ),
        findings=tuple(
            Finding(
                f"{one.share[0]:.0%}",
                f"of the letters right when the word is given {SPELLED[one.given]} (95 % interval over words "
                f"{max(one.share[1], 0):.0%}–{min(one.share[2], 1):.0%}); {one.exact.successes} of "
                f"{one.exact.trials} words without a mistake.",
            )
            for one in found
        ),
        snippet=snippets.continuation(
            model.reference,
            spelling_prompt(word, found[-1].given),
            Dials(temperature=0),
            seed=0,
            max_tokens=room,
        ),
        expected=last,
    )


# --- What a learner may type -----------------------------------------------------------------------------------------


def check_word(word: str) -> str:
    """``word`` without the spaces around it, accents composed; PlainError unless it is one word of up to 24 letters.

    Marks count as part of the letter they follow.
    """
    word = _composed(_typed(word, "word"))
    if not word:
        raise PlainError("Type a word first.")
    if _is_mark(word[0]) or not all(one.isalpha() or _is_mark(one) for one in word):
        raise PlainError("Type one word made of letters only: no spaces, digits or signs.")
    if len(word) > 2 * MAX_WORD or len(letters_of(word)) > MAX_WORD:
        raise PlainError(f"Keep the word to {MAX_WORD} letters.")
    return word


def check_letter(letter: str) -> str:
    """One letter; PlainError otherwise."""
    letter = _composed(_typed(letter, "letter"))
    if len(letter) != 1 or not letter.isalpha():
        raise PlainError("Type exactly one letter to count.")
    return letter


def check_seed(seed: int) -> int:
    """The seed of the first run; PlainError unless it is a whole number that leaves room for the others."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise PlainError(f"The first seed must be a whole number from 0 to {MAX_SEED:,}; you gave {seed!r}.")
    return seed


def _typed(text: str | None, name: str) -> str:
    if text is not None and not isinstance(text, str):
        raise PlainError(f"The {name} must be text, not a number or a list.")
    return (text or "").strip()


def check_spelling(spelling: str) -> Spelling:
    """A known spelling; PlainError names them otherwise."""
    if spelling not in get_args(Spelling):
        raise PlainError(f"Spelling is one of: {', '.join(get_args(Spelling))}.")
    return spelling  # type: ignore[return-value]
