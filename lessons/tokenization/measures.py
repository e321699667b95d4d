"""What several screens of the tokenization lesson share: which vocabularies, and which words and letters."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from engines.checks import MAX_SEED, one_of, whole
from engines.evidence import PlainError, Underway
from engines.statistics import plural
from engines.text import snippets, vocabularies
from engines.text.vocabularies import LIVE, VocabularyInfo

WORD = "strawberry"
SHOWN_FIRST = (LIVE, "cl100k", "o200k", "llama3", "qwen3", "gemma", "clip")
MAX_TYPED = 2_000
MAX_WORD = 24
MAX_RUNS = 32
ANSWER_TOKENS = 24
PACKAGE = "splintr-rs 0.22.0"

Spelling = Literal["whole", "spaces", "hyphens"]
SPELLED: dict[Spelling, str] = {"whole": "as one word", "spaces": "with spaces", "hyphens": "with hyphens"}


@cache
def samples() -> Mapping[str, Any]:
    """The texts bundled with this lesson; see the head of samples.yaml for where they come from."""
    import yaml

    return yaml.safe_load((Path(__file__).parent / "samples.yaml").read_text(encoding="utf-8"))


# --- Which vocabularies --------------------------------------------------------------------------------------


def offer(ticked: Sequence[str]) -> dict[str, Any]:
    """The (name, value) ``choices`` of vocabularies just now, and as ``value`` those of ``ticked`` among them.

    The live model's own is "live", whichever it is, so that a tick outlasts it.
    """
    own = vocabularies.resolve(LIVE)
    choices = [(info.name, LIVE if info.key == own else info.key) for info in vocabularies.available()]
    return {"choices": choices, "value": [value for _, value in choices if value in ticked]}


def split(ticked: Sequence[str]) -> tuple[list[str], tuple[VocabularyInfo, ...]]:
    """The ticked vocabularies that can cut, and those still to be fetched, in the order to show them."""
    wanted = {vocabularies.resolve(key) for key in ticked or ()}
    chosen = [info for info in vocabularies.available() if info.key in wanted]
    return [info.key for info in chosen if info.ready], tuple(info for info in chosen if not info.ready)


def counted(keys: Sequence[Any]) -> str:
    """“3 vocabularies”."""
    return plural(len(keys), "vocabulary", "vocabularies")


@cache
def warm() -> None:
    """Open the vocabularies shown first in the background, once: they take seconds, and a page is read meanwhile."""

    def work() -> None:
        for key in split(SHOWN_FIRST)[0]:
            vocabularies.tokenize(WORD, key)

    threading.Thread(target=work, daemon=True).start()


def check_text(text: str, keys: Sequence[str]) -> None:
    """Refuse what is no text of 1 to 2,000 characters, and an empty list of vocabularies."""
    if not isinstance(text, str):
        raise PlainError("The text must be text in quotes, not a number or a list.")
    if not text:
        raise PlainError("Type something to cut: a word, a sentence, an emoji.")
    if len(text) > MAX_TYPED:
        raise PlainError(f"This text is {len(text):,} characters long. Keep it to {MAX_TYPED:,} here.")
    if not keys:
        raise PlainError("Choose at least one vocabulary.")


def bounded(text: str) -> tuple[str, str]:
    """The part of a pasted text that is cut, and a sentence that says so where it is not all of it."""
    if len(text) <= MAX_TYPED:
        return text, ""
    return text[:MAX_TYPED], f"Your text is {len(text):,} characters long; its first {MAX_TYPED:,} are cut here."


def tokens_in(text: str, key: str) -> int:
    return len(vocabularies.tokenize(text, key).ids)


def cutting(infos: Iterable[VocabularyInfo]) -> str:
    """Lines of code that define ``cut``: vocabulary -> a function from text to ids."""
    return snippets.cutting({info.key: info.reference for info in infos})


# --- Words and letters -------------------------------------------------------------------------------------------


def write_out(word: str, spelling: Spelling) -> str:
    """``word`` as one word, or its letters with spaces or hyphens between them."""
    apart = letters_of(word)
    return {"whole": word, "spaces": " ".join(apart), "hyphens": "-".join(apart)}[spelling]


def letters_of(word: str) -> list[str]:
    """The letters of a word, each with the marks that belong to it: accents, vowel signs."""
    letters: list[str] = []
    for character in word:
        if letters and is_mark(character):
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def composed(text: str) -> str:
    """A letter and its accent as one character where Unicode has one (NFC), so that é is no e."""
    return unicodedata.normalize("NFC", text)


def check_word(word: str) -> str:
    """``word`` without the spaces around it, accents composed; PlainError unless it is one word of up to 24 letters.

    Marks count as part of the letter they follow.
    """
    word = composed(_typed(word, "word"))
    if not word:
        raise PlainError("Type a word first.")
    if is_mark(word[0]) or not all(one.isalpha() or is_mark(one) for one in word):
        raise PlainError("Type one word made of letters only: no spaces, digits or signs.")
    if len(word) > 2 * MAX_WORD or len(letters_of(word)) > MAX_WORD:
        raise PlainError(f"Keep the word to {MAX_WORD} letters.")
    return word


def check_letter(letter: str) -> str:
    """One letter; PlainError otherwise."""
    letter = composed(_typed(letter, "letter"))
    if len(letter) != 1 or not letter.isalpha():
        raise PlainError("Type exactly one letter to count.")
    return letter


def check_seed(seed: int) -> int:
    """The seed of the first run; PlainError unless it is a whole number that a dice takes."""
    return whole("The first seed", seed, 0, MAX_SEED)


def check_spelling(spelling: str) -> Spelling:
    """A known spelling; PlainError names them otherwise."""
    return one_of("Spelling", spelling, get_args(Spelling))  # type: ignore[return-value]


def _typed(text: str | None, name: str) -> str:
    if text is not None and not isinstance(text, str):
        raise PlainError(f"The {name} must be text, not a number or a list.")
    return (text or "").strip()


def titled(writing: Iterator[Any], title: str, part: int, parts: int) -> Generator[Underway, None, tuple[Any, ...]]:
    """The runs that ``writing`` ends with, being part ``part`` of ``parts``; how far it is comes under ``title``."""
    runs: tuple[Any, ...] = ()
    for event in writing:
        if isinstance(event, Underway):
            yield Underway((part + event.share) / parts, f"{title}: {event.words}")
        else:
            runs = event
    return runs


def show(chunk: bytes) -> str:
    """A chunk for reading: ␣ for a space, ‹0xE2› for a byte that is no whole character."""
    return chunk.decode("utf-8", "show-bytes").replace(" ", "␣").replace("\n", "⏎")
