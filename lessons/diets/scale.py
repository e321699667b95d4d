"""Screen 1: both diets on one axis, from cited figures, with what a reader and the pocket models were fed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from engines.checks import check_number, one_of, whole
from engines.evidence import Evidence, Finding, Provenance, Table
from engines.stickers import search
from engines.text import vocabularies
from lessons.diets.measures import big

Machine = Literal["typewriter", "sculptor", "reader"]
COUNTED, CITED = "counted here", "cited"
SPEED, HOURS, YEARS, SHARE, CAPTION, SIDE = 238, 24, 80, 0.75, 10, 512
"""Words a minute (Brysbaert 2019, abstract), hours a day, years, words a token, words a caption, pixels a side."""
LOW, HIGH = 4, 16
"""The powers of ten at which the axis begins and ends."""


@dataclass(frozen=True)
class Amount:
    """So many of something that a machine was fed. ``source``: paper and place, or how it is counted."""

    name: str
    machine: Machine
    number: float
    unit: str
    badge: str
    source: str

    @property
    def said(self) -> str:
        return f"{big(self.number)} {self.unit}"


FED = (
    Amount("GPT-3, 2020", "typewriter", 300e9, "tokens", CITED, "Brown et al. 2020, table 2.1"),
    Amount(
        "SmolLM2-135M, this typewriter, 2025", "typewriter", 2e12, "tokens", CITED, "Allal et al. 2025 and its card"
    ),
    Amount("Llama 3 405B, 2024", "typewriter", 15.6e12, "tokens", CITED, "Grattafiori et al. 2024, section 1"),
    Amount("CLIP, 2021", "sculptor", 400e6, "pairs", CITED, "Radford et al. 2021, section 2.2"),
    Amount("LAION-5B, 2022", "sculptor", 5.85e9, "pairs", CITED, "Schuhmann et al. 2022, abstract"),
)
SMALL, LARGEST, PAIRS = FED[1], FED[2], FED[4]


@dataclass(frozen=True)
class Reader:
    """Who reads, and how: ``speed`` in words a minute, ``hours`` a day, ``years``; ``share`` words to a token."""

    speed: float
    hours: float
    years: float
    share: float

    @property
    def tokens(self) -> float:
        """What a lifetime of reading comes to."""
        return self.speed * 60 * self.hours * 365.25 * self.years / self.share

    def lifetimes(self, tokens: float) -> float:
        return tokens / self.tokens


@dataclass(frozen=True)
class Picture:
    """A picture of ``side`` × ``side`` pixels beside a vocabulary of ``tokens``, by ``vocabulary``'s name."""

    side: int
    vocabulary: str
    tokens: int

    @property
    def pixels(self) -> int:
        return self.side * self.side

    @property
    def bits(self) -> int:
        """Three colour values of 256 steps a pixel."""
        return 24 * self.pixels

    @property
    def as_tokens(self) -> float:
        """How long a text has as many possibilities as the picture."""
        return self.bits / math.log2(self.tokens)

    @property
    def digits(self) -> float:
        """How many digits the number of possible pictures has."""
        return self.bits * math.log10(2)


@dataclass(frozen=True)
class Scale:
    """``amounts`` in the order of the axis; ``words``: those of one caption, as assumed.

    ``fed``: the pocket painter's scenes, and the words of all their captions.
    """

    amounts: tuple[Amount, ...]
    reader: Reader
    picture: Picture
    words: float
    fed: tuple[int, int]

    @property
    def lifetimes(self) -> float:
        """Of reading, in the largest text diet."""
        return self.reader.lifetimes(LARGEST.number)

    @property
    def caption_words(self) -> float:
        """Of the largest picture diet."""
        return PAIRS.number * self.words


def scale(
    speed: float = SPEED, hours: float = HOURS, years: float = YEARS, share: float = SHARE, caption: float = CAPTION,
    side: int = SIDE, vocabulary: str = "smollm2",
) -> Iterator[Evidence[Scale]]:  # fmt: skip
    """Reckon a reader's lifetimes and set them beside both diets, and a picture beside a vocabulary."""
    began = time.perf_counter()
    for name, given, low, high in (
        ("The words a minute", speed, 50, 1000), ("The hours a day", hours, 0.25, 24), ("The years", years, 1, 100),
        ("The words a token", share, 0.3, 1), ("The words a caption", caption, 1, 100),
    ):  # fmt: skip
        check_number(name, given, low, high)
    side = whole("The side of the picture", side, 64, 2048)
    sizes = {one.key: one for one in vocabularies.available() if one.size}
    chosen = sizes[one_of("The vocabulary", vocabulary, sizes)]
    diet = search.load()
    reader, picture = Reader(speed, hours, years, share), Picture(side, chosen.name, chosen.size)
    own = (
        Amount("Sticker World, this sculptor", "sculptor", diet.scenes, "pairs", COUNTED, "its index of captions"),
        Amount("the words of those captions", "sculptor", diet.words, "words", COUNTED, "its index of captions"),
        Amount("LAION-5B’s captions", "sculptor", PAIRS.number * caption, "words", COUNTED,
               f"{caption:g} words a caption, as assumed"),
        Amount("a lifetime of reading", "reader", reader.tokens, "tokens", COUNTED, "your assumptions"),
        Amount(f"one picture, {side} × {side}", "sculptor", picture.pixels, "pixels", COUNTED, "side × side"),
        Amount("LAION-5B at that size", "sculptor", PAIRS.number * picture.pixels, "pixels", COUNTED, "pairs × pixels"),
        Amount(f"{chosen.name}’s vocabulary", "typewriter", chosen.size, "entries", COUNTED, "its tokenizer"),
    )  # fmt: skip
    amounts = tuple(sorted((*FED, *own), key=lambda one: one.number))
    value = Scale(amounts, reader, picture, caption, (diet.scenes, diet.words))
    source = Provenance(
        "live", "arithmetic on cited figures", "",
        {"words a minute": speed, "hours a day": hours, "years": years, "words a token": share,
         "words a caption": caption, "side": side, "vocabulary": chosen.name},
        None, time.perf_counter() - began,
    )  # fmt: skip
    yield Evidence(
        value, _alt(value),
        Table(("what", "how many", "of", "figure", "source"),
              tuple((one.name, float(f"{one.number:.4g}"), one.unit, one.badge, one.source) for one in amounts)),
        source, tuple(_findings(value)), _snippet(value), (value.lifetimes, picture.as_tokens),
    )  # fmt: skip


def scale_truth(value: Scale) -> tuple[float, str] | str:
    """How many lifetimes the question's reader needs; in words why another reader's score no guess."""
    one = value.reader
    said = (
        f"{big(value.lifetimes)} lifetimes of {_counted(one.years, 'year')} at {one.speed:g} words a minute, "
        f"{_counted(one.hours, 'hour')} a day, for {LARGEST.said}"
    )
    if (one.speed, one.hours, one.years) != (SPEED, HOURS, YEARS):
        return f"Your own reader needs {said}. The guess is about the reader in the question."
    return value.lifetimes, said


def _counted(number: float, noun: str) -> str:
    return f"{number:g} {noun if number == 1 else noun + 's'}"


def _alt(value: Scale) -> str:
    summary = "; ".join(f"{one.name}, {one.said} ({one.badge})" for one in value.amounts)
    return f"On one axis of powers of ten, smallest first: {summary}."


def _findings(value: Scale) -> Iterator[Finding]:
    reader, picture, (scenes, words) = value.reader, value.picture, value.fed
    most = LARGEST.number * reader.share / (reader.speed * 60 * 365.25 * reader.years * 10_000)
    claim = (
        f"For ten thousand of them it may be {60 * most:.0f} minutes a day at most"
        if most < 2
        else f"For ten thousand of them it may be {most:.1f} hours a day at most"
    )
    yield Finding(
        f"{big(value.lifetimes)} lifetimes",
        f"of your reader go into Llama 3’s {big(LARGEST.number)} tokens. {claim}: the film says that reading around "
        "the clock takes tens of thousands of lifetimes, which holds only for a reader with other things to do.",
    )
    yield Finding(
        f"{big(LARGEST.number / PAIRS.number)} tokens",
        f"of Llama 3’s for every picture of LAION-5B. Counted in words it is {big(LARGEST.number * reader.share)} "
        f"against the {big(value.caption_words)} of all those captions, "
        f"{big(LARGEST.number * reader.share / value.caption_words)} to one.",
    )
    seen = PAIRS.number * picture.pixels
    more = seen / LARGEST.number
    yield Finding(
        f"{big(seen)} pixels",
        f"is the other side of it: at {picture.side} × {picture.side}, LAION-5B holds "
        + (f"{big(more)} times as many pixels as Llama 3 read tokens. " if more >= 1 else
           f"fewer pixels than Llama 3 read tokens, one for every {1 / more:.1f}. ")
        + "Which diet is larger depends on what you count. Little read, much seen.",
    )  # fmt: skip
    yield Finding(
        f"{big(picture.pixels)} pixels",
        f"make one such picture, and the vocabulary of {picture.vocabulary} has {picture.tokens:,} entries. A pixel is "
        f"no entry: each takes one of 16,777,216 colours. The number of possible pictures has {big(picture.digits)} "
        f"digits; a text needs {big(picture.as_tokens)} tokens to be as many-sided.",
    )
    yield Finding(
        f"{scenes:,} and {big(SMALL.number)}",
        f"are the pairs and the tokens that the two machines here were fed. The pocket sculptor’s captions come to "
        f"{words:,} words, {words / scenes:.1f} a scene: your reader has them done in "
        f"{words / (reader.speed * 60 * reader.hours):.1f} days.",
    )


def _snippet(value: Scale) -> str:
    one, picture = value.reader, value.picture
    return f"""import math

words_a_life = {one.speed!r} * 60 * {one.hours!r} * 365.25 * {one.years!r}  # a minute, an hour, a day, a year
lifetimes = {LARGEST.number!r} * {one.share!r} / words_a_life  # tokens, words a token
bits = {picture.side!r} ** 2 * 3 * 8  # pixels, colours, bits
tokens = bits / math.log2({picture.tokens!r})
print(f"{{lifetimes:,.0f}} lifetimes; one picture is as many-sided as {{tokens:,.0f}} tokens")
result = lifetimes, tokens
"""
