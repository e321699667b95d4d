"""The price tag: what a text and a picture cost on this machine, counted, and what larger models' would, cited."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.models.counting import Work
from engines.pictures import diffusion
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.statistics import percent, plural
from engines.text import snippets
from engines.text.language_model import LanguageModel
from lessons.two_physics.measures import DIALS, TOKENS, both, provenance, request

WORDS, MOST_WORDS, MOST_PASSES, MOST_TOKENS = 500, 1000, 100, 256
HALF = 2
"""Bytes of one number of a larger model: 16 bits each, as such models usually run."""
Event = TypeVar("Event")


@dataclass(frozen=True)
class Bill:
    """What a ``job`` costs when ``model`` does it: ``passes``, ``multiply_adds``, ``bytes_read`` and ``seconds``.

    ``seconds`` is None where no source gives them. ``note`` says where the figures come from.
    """

    job: str
    model: str
    passes: int
    multiply_adds: float
    bytes_read: float
    seconds: float | None
    note: str

    @property
    def name(self) -> str:
        return f"{self.job}, {self.model}"

    @property
    def a_byte(self) -> float:
        """Multiply-adds for each byte read."""
        return self.multiply_adds / self.bytes_read


@dataclass(frozen=True)
class Written:
    """The text that was really written: ``seconds`` a token, its ``words``, and the tokens of its ``prompt``."""

    prompt: int
    seconds: tuple[float, ...]
    words: int
    ended: bool

    @property
    def tokens(self) -> int:
        return len(self.seconds)

    @property
    def tokens_a_word(self) -> float:
        return self.tokens / self.words


@dataclass(frozen=True)
class Price:
    """``text`` and ``picture`` of this machine, and ``large``: pairs of a text and a picture of larger models.

    ``growth`` is how much dearer in multiply-adds the last token of the text is than its first. ``pace`` holds seconds
    a pass in the first and second half of what ran: of the text, and of the picture.
    """

    words: int
    written: Written
    text: Bill
    picture: Bill
    large: tuple[tuple[Bill, Bill], ...]
    growth: float
    pace: tuple[tuple[float, float], tuple[float, float]]

    @property
    def ratio(self) -> float:
        """Multiply-adds of the text for each of the picture's."""
        return self.text.multiply_adds / self.picture.multiply_adds

    @property
    def bills(self) -> tuple[Bill, ...]:
        return self.text, self.picture, *(bill for pair in self.large for bill in pair)


@dataclass(frozen=True)
class Llama:
    """``numbers`` of all parameters, ``layers`` and the ``width`` of a state: Touvron et al. 2023, table 2."""

    name: str
    numbers: float
    layers: int
    width: int


@dataclass(frozen=True)
class Diffusion:
    """``numbers`` of its U-Net, ``multiply_adds`` and ``seconds`` of a picture: Liu et al. 2025, table 2, 25 passes."""

    name: str
    numbers: float
    multiply_adds: float
    seconds: float
    passes: int = 25


LARGE = (
    (Llama("LLaMA 7B", 6.7e9, 32, 4096), Diffusion("Stable Diffusion 1.5", 859.52e6, 16.938e12, 7.032)),
    (Llama("LLaMA 65B", 65.2e9, 80, 8192), Diffusion("Stable Diffusion XL", 2.570e9, 149.438e12, 53.187)),
)


def price(
    model: LanguageModel,
    painter: Painter,
    caption: str,
    seed: int = 7,
    words: int = WORDS,
    passes: int | None = None,
    tokens: int = TOKENS,
) -> Iterator[Underway | Evidence[Price]]:
    """Write ``tokens`` of a story, paint a picture, count both machines' work, and reckon ``words`` of the story."""
    request(caption)
    seed = whole("The seed", seed, 0, MAX_SEED)
    words = whole("The number of words", words, 1, MOST_WORDS)
    steps = whole("The number of passes", painter.passes(passes), 1, MOST_PASSES)
    tokens = whole("The number of tokens to write", tokens, 2, MOST_TOKENS)
    prompt = model.encode(f"Write a story of {words} words about {caption.strip()}.", chat=True)
    read = len(prompt.ids)
    yield Underway(0.0, "Opening the typewriter's network to count in it")
    reading, first, last = (model.work(*one) for one in ((read, 0), (1, read), (1, read + tokens)))
    yield Underway(0.2, "Counting a pass of the sculptor")
    encoding, looking, decoding = painter.work()

    text, ended = "", False
    text_seconds: list[float] = []
    for seconds, token in timed(model.write(prompt, DIALS, seed=seed, max_tokens=tokens, fresh=True)):
        text, ended = text + token.text, token.finished == "eos"
        text_seconds.append(seconds)
        yield Underway(0.3 + 0.3 * len(text_seconds) / tokens, f"Writing token {len(text_seconds)}")
    picture_seconds: list[float] = []
    made = 0
    for seconds, step in timed(diffusion.denoise(painter, Plan(caption.strip(), (seed,), steps=steps))):
        picture_seconds.append(seconds)
        made = step.passes
        yield Underway(0.6 + 0.4 * len(picture_seconds) / made, f"Painting, pass {len(picture_seconds)} of {made}")

    written = Written(read, tuple(text_seconds), max(1, len(text.split())), ended)
    length = max(1, round(words * written.tokens_a_word))
    growth = (last.multiply_adds - first.multiply_adds) / tokens
    value = Price(
        words, written,
        text_bill(model.name, words, written, length, reading, first, last, tokens),
        Bill(
            "one picture", painter.name, made,
            encoding.multiply_adds + made * looking.multiply_adds + decoding.multiply_adds,
            encoding.bytes_read + made * looking.bytes_read + decoding.bytes_read, sum(picture_seconds), COUNTED,
        ),
        tuple((llama_bill(one, words, read, length), diffusion_bill(other)) for one, other in LARGE),
        growth * max(0, length - 2) / first.multiply_adds, (halves(text_seconds[1:]), halves(picture_seconds[1:])),
    )  # fmt: skip
    source = provenance(
        model, painter, seed, sum(text_seconds) + sum(picture_seconds), caption=caption.strip(), words=words,
        **painter.pass_settings(steps), tokens_written=written.tokens, temperature=DIALS.temperature, top_p=DIALS.top_p,
    )  # fmt: skip
    code = both(
        snippets.counting(model.reference, read, tokens),
        picture_snippets.counting(
            painter.source, caption.strip(), steps=steps, guidance_scale=painter.guidance_scale
        ),
    )  # fmt: skip
    counted = [one.multiply_adds for one in (reading, first, last)], value.picture.multiply_adds
    yield replace(_evidence(value, model.runtime, source), snippet=code, expected=counted)


COUNTED = "counted here"
CITED = "cited"


def timed(events: Iterator[Event]) -> Iterator[tuple[float, Event]]:
    """Each event with the seconds that it took to come."""
    while True:
        began = time.perf_counter()
        event = next(events, None)
        if event is None:
            return
        yield time.perf_counter() - began, event


def halves(seconds: list[float]) -> tuple[float, float]:
    """The mean of the first half and of the second; of too few the mean of all, twice."""
    middle = len(seconds) // 2
    parts = (seconds[:middle], seconds[middle:]) if middle else (seconds or [0.0],) * 2
    first, second = (sum(part) / len(part) for part in parts)
    return first, second


def seen(prompt: int, length: int) -> int:
    """Tokens read again from the cache, over all passes: the first reads the prompt, each later one token after it."""
    return sum(prompt + later for later in range(length - 1))


def text_bill(
    model: str, words: int, written: Written, length: int, reading: Work, first: Work, last: Work, apart: int
) -> Bill:
    """The price of ``length`` tokens, from what three passes take and from the seconds of those written.

    ``reading`` is the pass over the prompt, ``first`` that of one token after it, ``last`` that of one ``apart`` tokens
    later. What a pass takes grows in a straight line with the tokens before it.
    """

    def of(field: str) -> float:
        start, one, other = (getattr(work, field) for work in (reading, first, last))
        grown = seen(written.prompt, length) - (length - 1) * written.prompt
        return start + (length - 1) * one + grown * (other - one) / apart

    begun, *rest = written.seconds
    each = sum(rest) / len(rest) if rest else begun
    return Bill(
        f"{words:,} words", model, length, of("multiply_adds"), of("bytes_read"), begun + (length - 1) * each, COUNTED
    )


def llama_bill(one: Llama, words: int, prompt: int, length: int) -> Bill:
    """N + layers · tokens before · width multiply-adds a token (Kaplan et al. 2020, eq. 2.2, half its operations).

    Read are all weights in every pass, and two states a layer (keys and values) for every token before.
    """
    before = seen(prompt, length)
    adds = one.numbers * (prompt + length - 1) + one.layers * one.width * (before + prompt**2)
    read = HALF * (one.numbers * length + 2 * one.layers * one.width * before)
    return Bill(f"{words:,} words", one.name, length, adds, read, None, CITED)


def diffusion_bill(one: Diffusion) -> Bill:
    """As the source counts it, which is the U-Net alone, both branches; its weights are read in every pass."""
    return Bill(
        "one picture", one.name, one.passes, one.multiply_adds, HALF * one.numbers * one.passes, one.seconds, CITED
    )


def price_truth(value: Price) -> tuple[float, str] | str:
    """How many times as much the text takes; in words where the guess was about a text of another length."""
    said = (
        f"{big(value.text.multiply_adds)} multiply-adds for {plural(value.words, 'word')}, "
        f"{big(value.picture.multiply_adds)} for the picture"
    )
    return (value.ratio, said) if value.words == WORDS else f"Measured: {said}. The guess is about {WORDS} words."


def big(number: float, unit: str = "") -> str:
    """A large number in words: “4.6 trillion”, or with the unit of bytes “9.1 TB”."""
    names = ("", "k", "M", "G", "T", "P") if unit else ("", " thousand", " million", " billion", " trillion",
                                                        " quadrillion")  # fmt: skip
    power = 0
    while abs(number) >= 999.5 and power < len(names) - 1:
        number, power = number / 1000, power + 1
    digits = f"{number:.0f}" if abs(number) >= 99.95 or not power else f"{number:.1f}"
    return digits + (f" {names[power]}{unit}" if unit else names[power])


def times(ratio: float) -> str:
    """How many times as much, in words; a ratio below one is turned round by the caller."""
    return f"{ratio:,.0f}" if ratio >= 9.95 else f"{ratio:.1f}"


def dearer(text: Bill, picture: Bill) -> str:
    """Which of two jobs costs more multiply-adds, and how many times as many."""
    ratio = text.multiply_adds / picture.multiply_adds
    if ratio >= 1:
        return f"the text costs {times(ratio)} times the multiply-adds of the picture"
    return f"the picture costs {times(1 / ratio)} times the multiply-adds of the text"


def agreement(value: Price) -> str:
    """Whether the larger models put the same machine first as these two do, in words."""
    here = value.ratio >= 1
    others = [(text.multiply_adds >= picture.multiply_adds) != here for text, picture in value.large]
    if not any(others):
        return "By multiply-adds the same job is the dearer one in them as here"
    which = "In them" if all(others) else "In one of the pairs"
    return f"{which} it is the other way round: two small models do not tell you which job takes more arithmetic"


def worth(words: int, text: Bill, picture: Bill) -> tuple[float, float]:
    """How many words cost as much as one picture, in multiply-adds and in bytes."""
    return (
        words * picture.multiply_adds / text.multiply_adds,
        words * picture.bytes_read / text.bytes_read,
    )


def _evidence(value: Price, runtime: str, source: Provenance) -> Evidence[Price]:
    text, picture, written = value.text, value.picture, value.written
    assert text.seconds is not None and picture.seconds is not None
    (text_before, text_after), (picture_before, picture_after) = value.pace
    here, *there = (worth(value.words, *pair) for pair in ((text, picture), *value.large))
    pairs = " and ".join(f"{one.model} beside {other.model}" for one, other in value.large)
    same = all((bytes_ < value.words) == (here[1] < value.words) for _, bytes_ in there)
    ended = ", then it came to its end" if written.ended else ""
    findings = (
        Finding(
            f"{big(text.multiply_adds)} and {big(picture.multiply_adds)}",
            f"multiply-adds for {value.words:,} words and for the picture: {dearer(text, picture)}.",
        ),
        Finding(
            f"{big(text.bytes_read, 'B')} and {big(picture.bytes_read, 'B')}",
            f"are read. Each token waits for all the weights ({runtime}), for one column of arithmetic; a pass of the "
            f"sculptor uses its own at every place of the canvas. That is {text.a_byte:.1f} multiply-adds a byte "
            f"against {picture.a_byte:,.0f}.",
        ),
        Finding(
            f"{text.seconds:.1f} s and {picture.seconds:.1f} s",
            f"on this processor. The text was not written whole: {plural(written.tokens, 'token')} were, "
            f"{plural(written.words, 'word')}{ended}; their pace was carried on to {text.passes:,}. The check: "
            f"{_pace(text_before)} a token in the first half of them and {_pace(text_after)} in the second. "
            + (f"{_pace(picture_before)} and {_pace(picture_after)} a pass of the sculptor. " if picture_before else "")
            + "By the count, the text's last "
            f"token would take {percent(value.growth)} more arithmetic than its first.",
        ),
        Finding(
            f"{times(here[0])} words here, {' and '.join(times(adds) for adds, _ in there)} cited",
            f"cost the multiply-adds of one picture: of these two models, and of {pairs}. {agreement(value)}. By bytes "
            f"it is {times(here[1])} words here, {' and '.join(times(bytes_) for _, bytes_ in there)} there: "
            + ("all pairs agree which job reads more." if same else "the pairs disagree in this as well."),
        ),
    )
    cited = "; ".join(
        f"{one.model} {big(one.multiply_adds)} against {other.model} {big(other.multiply_adds)}"
        for one, other in value.large
    )
    alt = (
        f"{value.words:,} words take {text.passes:,} passes, {big(text.multiply_adds)} multiply-adds, "
        f"{big(text.bytes_read, 'B')} read and {text.seconds:.1f} s; one picture takes "
        f"{plural(picture.passes, 'pass', 'passes')}, {big(picture.multiply_adds)}, {big(picture.bytes_read, 'B')} and "
        f"{picture.seconds:.1f} s. Multiply-adds of larger models, cited: {cited}."
    )
    rows = [
        (bill.name, bill.note, bill.passes, _billions(bill.multiply_adds), _billions(bill.bytes_read), seconds_of(bill),
         round(bill.a_byte, 2))
        for bill in value.bills
    ]  # fmt: skip
    columns = ("job", "figures", "passes", "multiply-adds, 10⁹", "bytes read, 10⁹", "time", "multiply-adds a byte")
    return Evidence(value, alt, Table(columns, tuple(rows)), source, findings)


def seconds_of(bill: Bill) -> str:
    return "no source" if bill.seconds is None else f"{bill.seconds:.1f} s"


def _pace(seconds: float) -> str:
    return f"{seconds:.3f} s"


def _billions(number: float) -> float | int:
    return round(number / 1e9) if number >= 1e12 else float(f"{number / 1e9:.3g}")
