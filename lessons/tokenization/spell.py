"""Screen 5: the language model spells words that it is given as chunks, or as letters."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.statistics import Interval, Mean, interval_or_same, percent, share, wilson
from engines.text import snippets
from engines.text.dials import Dials
from lessons.tokenization.measures import (
    SPELLED,
    Spelling,
    check_word,
    composed,
    is_mark,
    letters_of,
    titled,
    write_out,
)  # fmt: skip

if TYPE_CHECKING:
    from engines.text.language_model import LanguageModel

WAYS: tuple[Spelling, ...] = ("whole", "spaces")
WORDS_TO_SPELL = (
    "strawberry", "coffee", "giraffe", "tomorrow", "elephant", "library", "calendar", "vegetable",
    "butterfly", "committee", "chocolate", "umbrella", "window", "garden", "machine", "kitchen",
)  # fmt: skip
EXAMPLES = ("cat", "summer", "purple", "monkey")


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
    def share(self) -> Mean:
        """Mean share of letters right, with its 95 % interval over the words."""
        return share([word.letters_right / len(letters_of(word.word)) for word in self.words])


def parse_spelling(text: str) -> str:
    """The letters of the first line of a spelt-out answer: "s-t-r-a-w\\n…" gives "straw"."""
    first = text.strip().split("\n", 1)[0]
    return composed("".join(one for one in first.lower() if one.isalpha() or is_mark(one)))


def spelling_prompt(word: str, given: Spelling) -> str:
    """Four worked examples and the word: plain text to go on with, no chat."""
    worked = "".join(f"Word: {write_out(one, given)}\nLetters: {'-'.join(one)}\n\n" for one in EXAMPLES)
    return f"{worked}Word: {write_out(word, given)}\nLetters:"


def check(own: str) -> None:
    """Refuse an own word that is none; there need not be one."""
    if (own or "").strip():
        check_word(own)


def spell(
    model: LanguageModel, own: str = "", given: Sequence[Spelling] = WAYS, words: Sequence[str] = WORDS_TO_SPELL
) -> Iterator[Underway | Evidence[tuple[Spellings, ...]]]:
    """Let the model spell every word, and the learner's ``own`` first; greedy, one Evidence a way of giving it."""
    mine = [check_word(own).lower()] if (own or "").strip() else []
    asked = list(dict.fromkeys([*mine, *words]))
    dials, began, found = Dials(temperature=0), time.perf_counter(), []
    room = 2 * max(map(len, asked)) + 2
    for part, way in enumerate(given):
        prompts = [model.encode(spelling_prompt(word, way)) for word in asked]
        writing = model.write_many(prompts, dials, seeds=[0] * len(asked), max_tokens=room)
        runs = yield from titled(writing, f"Given {SPELLED[way]}", part, len(given))
        spelt = (
            Spelt(word, model.tokens_of(f" {write_out(word, way)}").pieces, parse_spelling(run.text))
            for word, run in zip(asked, runs, strict=True)
        )
        found.append(Spellings(way, tuple(spelt)))
        source = Provenance.live(
            model, began, words=len(asked), examples=len(EXAMPLES), temperature=0.0, runtime=model.runtime
        )
        prompt = spelling_prompt(asked[0], way)
        code = snippets.continuation(model.reference, prompt, dials, seed=0, max_tokens=room)
        yield _evidence(tuple(found), source, code, runs[0].text)


def _evidence(
    found: tuple[Spellings, ...], source: Provenance, code: str, last: str
) -> Evidence[tuple[Spellings, ...]]:
    summary = "; ".join(
        f"given {SPELLED[one.given]}, {one.exact} spelt without a mistake, {percent(one.share[0])} of the letters right"
        for one in found
    )
    rows = tuple(
        (
            SPELLED[one.given],
            spelt.word,
            len(spelt.seen),
            spelt.answer,
            spelt.letters_right,
            len(letters_of(spelt.word)),
        )
        for one in found
        for spelt in one.words
    )
    return Evidence(
        value=found,
        alt=f"The model spelt {len(found[0].words)} words: {summary}.",
        table=Table(("Given", "Word", "Tokens", "The model wrote", "Letters right", "Letters"), rows),
        provenance=source,
        findings=tuple(
            Finding(
                percent(one.share[0]),
                f"of the letters right when the word is given {SPELLED[one.given]} (over words: "
                f"{interval_or_same(*one.share[1:])}); {one.exact.successes} of {one.exact.trials} words "
                "without a mistake.",
            )
            for one in found
        ),
        snippet=code,
        expected=last,
    )


def spell_truth(value: Sequence[Spellings]) -> tuple[float, str]:
    """The share of words spelt without a mistake, given as one word."""
    exact = value[0].exact
    return exact.rate, f"{exact} spelt without a mistake, given as one word"
