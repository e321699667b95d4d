"""Screen 5: small networks that learned to count letters and differ in one cause each, and three repairs compared."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.statistics import Interval, Mean, change_in_pairs, percent, plural, wilson
from engines.statistics import points as in_points
from engines.text import letter_counting
from engines.text.letter_counting import NETWORKS, Answer, Network
from lessons.tokenization import count
from lessons.tokenization.measures import SPELLED, WORD, check_letter, check_word

if TYPE_CHECKING:
    from engines.text.language_model import LanguageModel

NAMES: dict[str, str] = {
    "chunks": "chunks",
    "spelled": "chunks, and a diet that spells",
    "letters": "letters",
    "answers": "chunks, and ten times as many words asked about",
    "blind": "blind guess",
}
SHORT: dict[str, str] = {
    "chunks": "chunks", "spelled": "chunks + spelling", "letters": "letters", "answers": "chunks + more words asked",
    "blind": "blind guess",
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What each network answers about one word, whether it met the word in training, and what is on record of all."""

    word: str
    letter: str
    answers: tuple[tuple[Network, Answer], ...]
    met: str
    record: Mapping[str, Any]

    @property
    def truth(self) -> int:
        return self.word.count(self.letter)


def check(word: Any, letter: Any) -> tuple[str, str]:
    """The word and letter to ask about, in small letters; PlainError unless they are of the alphabet a to z."""
    return letter_counting.check_question(check_word(word), check_letter(letter))


def standing(word: str) -> str:
    """Where the networks have met a word: "asked", "met" or "new"."""
    known = letter_counting.words()
    return "asked" if word in known["asked"] else "met" if word in known["met"] else "new"


def ask(word: str = WORD, letter: str = "r") -> Iterator[Evidence[Asked]]:
    """One question to all networks. PlainError for another alphabet, or when the networks are not here."""
    word, letter = check(word, letter)
    began = time.perf_counter()
    networks = [letter_counting.load(key) for key in NETWORKS]
    found = tuple((network.key, network.ask([(word, letter)])[0]) for network in networks)
    value = Asked(word, letter, found, standing(word), letter_counting.recorded())
    seconds = time.perf_counter() - began
    revisions = ", ".join(network.revision for network in networks)
    settings = {"word": word, "letter": letter, "chart": "recorded by training/strawberry.py"}
    source = Provenance("live", "four networks that count letters", revisions, settings, seconds=seconds)
    yield _evidence(value, source)


def _evidence(value: Asked, source: Provenance) -> Evidence[Asked]:
    summary = "; ".join(
        f"{NAMES[key]}: {one.count} ({percent(one.chances[one.count])} sure)" for key, one in value.answers
    )
    lengths = tuple(value.record["questions"])
    rows = [
        (NAMES[key], name, row[name]["right"], row[name]["of"], row[name]["low"], row[name]["high"])
        for key, row in _rows(value.record)
        for name in (*lengths, "all")
    ]
    return Evidence(
        value=value,
        alt=f"“{value.word}” holds the letter {value.letter} {plural(value.truth, 'time')}. Answers of the networks: "
        f"{summary}. On words never seen: {_summary(value.record)}.",
        table=Table(("The network reads", "Letters in the word", "Right", "Of", "Low", "High"), tuple(rows)),
        provenance=source,
        findings=tuple(_findings(value)),
        snippet=letter_counting.code(value.word, value.letter, "spelled"),
        expected=dict(value.answers)["spelled"].count,
    )


def _rows(record: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [("blind", record["blind"]), *record["networks"].items()]


def _summary(record: Mapping[str, Any]) -> str:
    return "; ".join(f"{NAMES[key]}, {score(row['all'])}" for key, row in _rows(record))


def score(row: Mapping[str, Any]) -> Interval:
    """A share on record, as an interval."""
    return wilson(row["right"], row["of"])


def gain(record: Mapping[str, Any], better: str, worse: str) -> tuple[float, float, float]:
    """Mean, low and high, in points, of what ``better`` gets right more often than ``worse``, question by question."""
    return _points(record["gains"][f"{better} over {worse}"])


def _points(found: Mapping[str, float]) -> tuple[float, float, float]:
    return 100 * found["mean"], 100 * found["low"], 100 * found["high"]


def points(of: tuple[float, float, float]) -> str:
    mean, low, high = (_signed(one) for one in of)
    return f"{mean} points (95 % interval {low} to {high})"


def _between(of: tuple[float, float, float]) -> str:
    return f"95 % interval {_signed(of[1])} to {_signed(of[2])}"


def _signed(number: float) -> str:
    return f"{number:+.1f}".replace("-", "−")


def verdict(of: tuple[float, float, float], more: str, less: str, none: str) -> str:
    """What a difference with its interval shows."""
    return more if of[1] > 0 else less if of[2] < 0 else none


def _findings(value: Asked) -> Iterator[Finding]:
    record = value.record
    right = [NAMES[key] for key, one in value.answers if one.count == value.truth]
    where = {
        "asked": "All four were asked about this word in training, so right answers to it show nothing.",
        "met": "They met this word in training, and one was asked about it.",
        "new": "None of them ever met this word.",
    }[value.met]
    yield Finding(
        f"{len(right)} of {len(value.answers)} right",
        f"about “{value.letter}” in “{value.word}”{': ' + '; '.join(right) if right else ''}. {where}",
    )
    chunks, blind = score(record["networks"]["chunks"]["all"]), score(record["blind"]["all"])
    over = gain(record, "chunks", "blind")
    said = verdict(over, "so it knows a little of its chunks", "which is worse", "so the two cannot be told apart")
    yield Finding(
        percent(chunks.rate),
        f"right with chunks, on words never seen: {chunks}. A blind guess, for each letter its commonest count, gets "
        f"{blind}: {points(over)}, {said}. On words that it was asked about in training it gets "
        f"{percent(score(record['asked']['chunks']).rate)}.",
    )
    spelling, words = gain(record, "spelled", "chunks"), record["spelling"]["spelled"]
    yield Finding(
        f"{_signed(spelling[0])} points",
        f"from spelling in the diet ({_between(spelling)}, question by question): the same chunks, questions "
        f"and steps, as many other lines. It spells {words['right']} of {words['of']} words that it never saw.",
    )
    if record["wrong"]:
        wrong, over = record["wrong"]["right"]["all"], record["wrong"]["gains"]
        yield Finding(
            percent(score(wrong).rate),
            "right when the spelling lines give each word the letters of another one: as many lines, as long, that "
            f"tell nothing. Against repeating: {points(_points(over['wrong over chunks']))}; true spelling against it: "
            f"{points(_points(over['spelled over wrong']))}.",
        )
    letters, last = gain(record, "letters", "chunks"), gain(record, "letters", "spelled")
    yield Finding(
        f"{_signed(letters[0])} points",
        f"from letters instead of chunks ({_between(letters)}), from the same questions. Against chunks with spelling "
        f"in the diet it is {points(last)}.",
    )
    answers = gain(record, "answers", "chunks")
    claim = verdict(
        answers, "answers teach something of what is in a chunk, too", "they made it worse", "no clear gain"
    )
    yield Finding(
        f"{_signed(answers[0])} points",
        f"from as many questions about ten times as many words ({_between(answers)}): {claim}, in one training "
        "of each.",
    )
    if record["seeds"]:
        yield _seeds(record)


def _seeds(record: Mapping[str, Any]) -> Finding:
    rows = [record["networks"], *record["seeds"].values()]
    keys = [key for key in ("chunks", "spelled", "letters") if all(key in row for row in rows)]
    spans = [(key, [row[key]["all"]["rate"] for row in rows]) for key in keys]
    summary = "; ".join(f"{NAMES[key]} {percent(min(one))} to {percent(max(one))}" for key, one in spans)
    apart = all(max(one) < min(other) for (_, one), (_, other) in zip(spans, spans[1:], strict=False))
    order = "The order is the same in all of them." if apart else "The ranges overlap: part of the order is chance."
    return Finding(
        f"{len(rows)} seeds",
        f"of training, each with a new start and other draws: {summary} right on words never seen. "
        + (order if len(spans) > 1 else "The others were trained from one seed, which says nothing of other starts."),
    )


def repair_truth(value: Asked) -> tuple[float, str]:
    """The share of the way from chunks to letters that spelling in the diet goes; 0 without a clear gain."""
    record = value.record
    spelling, letters = gain(record, "spelled", "chunks"), gain(record, "letters", "chunks")
    share = spelling[0] / letters[0] if spelling[1] > 0 and letters[0] > 0 else 0.0
    rates = {key: record["networks"][key]["all"]["rate"] for key in ("chunks", "spelled", "letters")}
    summary = ", ".join(f"{SHORT[key]} {percent(rate)}" for key, rate in rates.items())
    return max(0.0, share), f"on words never seen, {summary}: {percent(max(0.0, share))} of the way"


# --- Three repairs on the same words -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Repair:
    """One reader's answers to the control's questions; ``kind``: live or small."""

    name: str
    kind: str
    answers: tuple[int | None, ...]


@dataclass(frozen=True)
class Repairs:
    """The words (word, letter) of the control, and what was answered about them by each reader."""

    words: tuple[tuple[str, str], ...]
    readers: tuple[Repair, ...]

    @property
    def truths(self) -> tuple[int, ...]:
        return tuple(word.count(letter) for word, letter in self.words)

    @property
    def one_answer(self) -> int:
        """How many words the best single answer for all of them is right about."""
        return max(map(self.truths.count, self.truths))

    def right(self, reader: Repair) -> Interval:
        return wilson(sum(self._hits(reader)), len(self.words))

    def gained(self, before: Repair, after: Repair) -> Mean:
        """How much more of the words the second reader is right about, word by word."""
        pairs = list(zip(self._hits(before), self._hits(after), strict=True))
        both, first, second = (pairs.count(pair) for pair in ((True, True), (True, False), (False, True)))
        return change_in_pairs(both, first, second, pairs.count((False, False)))

    def _hits(self, reader: Repair) -> list[bool]:
        return [answer == truth for answer, truth in zip(reader.answers, self.truths, strict=True)]


def repairs(
    model: LanguageModel, words: Sequence[tuple[str, str]] = count.CONTROL_WORDS
) -> Iterator[Underway | Evidence[Repairs]]:
    """The control's words to the live model, as one word and with its letters apart, and to the small networks."""
    began, controls = time.perf_counter(), None
    for event in count.control(model, words=words):
        if isinstance(event, Underway):
            yield event
        else:
            controls = event
    assert controls is not None
    readers = [Repair(f"{model.name}, {SPELLED[one.spelling]}", "live", one.answers) for one in controls.value]
    for key in NETWORKS:
        answers = letter_counting.load(key).ask(words)
        readers.append(Repair(NAMES[key], "small", tuple(one.count for one in answers)))
    value = Repairs(tuple(words), tuple(readers))
    source = Provenance.live(model, began, words=len(words), temperature=0.0, runtime=model.runtime)
    said = zip(value.words, value.truths, *(one.answers for one in readers), strict=True)
    yield Evidence(
        value=value,
        alt=f"{len(words)} words, none of which the small networks ever saw. Right: "
        + "; ".join(f"{one.name}, {value.right(one)}" for one in readers) + ".",
        table=Table(
            ("Word", "Letter", "True", *(one.name for one in readers)),
            tuple((word, letter, truth, *map(_said, answers)) for (word, letter), truth, *answers in said),
        ),
        provenance=source,
        findings=tuple(_repaired(value)),
        snippet=letter_counting.code(*value.words[0], "letters"),
        expected=next(one.answers[0] for one in readers if one.name == NAMES["letters"]),
    )  # fmt: skip


def _said(answer: int | None) -> str | int:
    return "no number" if answer is None else answer


def _repaired(value: Repairs) -> Iterator[Finding]:
    by = {one.name: one for one in value.readers}
    whole, spaced = (one for one in value.readers if one.kind == "live")
    for title, before, after in (
        ("the prompt’s repair, letters apart", whole, spaced),
        ("the diet’s repair, spelling", by[NAMES["chunks"]], by[NAMES["spelled"]]),
        ("the tokens’ repair, letters", by[NAMES["chunks"]], by[NAMES["letters"]]),
    ):
        gained = value.gained(before, after)
        said = verdict(gained, "clearly better", "clearly worse", "no difference that these words can tell")
        yield Finding(
            f"{value.right(before).successes} → {value.right(after).successes} of {len(value.words)}",
            f"right before and after {title}: {said}, word by word {in_points(gained)}.",
        )
    yield Finding(
        plural(len(value.words), "word"),
        f"are few, and one answer for all of them gets {value.one_answer}. The chart above asks the small networks "
        f"{sum(letter_counting.recorded()['questions'].values())} questions.",
    )
