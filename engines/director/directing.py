"""The director: a short chat becomes one caption that the pocket painter can read, written by a language model.

A model of 135 million parameters is weak at this by itself, so it has the help that a good engineer would give it:

* **examples** before the chat (few-shot prompting, Brown et al. 2020), with corrections and chatter among them;
* **a mask**: only tokens with which some caption of the painter's own world goes on may be written (``grammar.py``);
* **hints**: a word that the learner used gets a bonus, the larger the later its message, and one that nobody said a
  malus: a lexical feature that knows no grammar and no "instead of" (contextual biasing, as speech recognisers do
  with names in an address book, Zhao et al. 2019). ``benchmarks/director.py`` measures what the hints reach without
  the model, and the model without them;
* **beams**: several captions are held open, and whole ones compared, by how much the chat speaks for them: their log
  probability after it less a part of that after a chat that says nothing (:mod:`engines.text.constrained`).

Which fact replaces which, whether the trip to the beach was chatter, and when the caption is over is the language
model's decision. Where no thing of Sticker World is spoken for, there is no caption, and the director says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from os.path import commonprefix

from engines.checks import MAX_CAPTION, check_characters
from engines.director.grammar import VOCABULARY, Captions
from engines.evidence import PlainError
from engines.stickers import diet
from engines.stickers.scenes import NUMBERS, WORDS
from engines.stickers.world import COLOURS, OBJECTS, PLURAL, SCENIC
from engines.text.constrained import Choice, Draft, Sentence
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Prompt

MAX_MESSAGES = 12
MAX_MESSAGE = 400
MOST_LISTED = 5
WEIGHT, SAID, UNSAID, OLDEST, BEAMS, LEAST = 0.1, 3.0, 2.0, 0.25, 6, 0.0
"""Chosen on the half ``develop`` of ``chats.yaml``, see ``benchmarks/director.py``."""
SHOTS = (
    (("Hello! A frog for my uncle's boat, please.",), "a frog"),
    (("three stars", "make them purple", "at night"), "three purple stars at night"),
    (("A cow in the snow.", "No, a pig."), "a pig in the snow"),
    (("a red sign that says CAFE", "it should be black and say TEA"), "a black sign that says TEA"),
    (("a cake and a donut", "the cake to the left, on a white background", "thanks"),
     "a cake to the left of a donut on a white background"),
    (("a lemon on a red background", "make the background white instead"), "a lemon on a white background"),
    (("A frog at the beach.", "No, in a meadow rather than at the beach."), "a frog in a meadow"),
    (("two green books", "one is enough, and yellow is better"), "a yellow book"),
)  # fmt: skip
"""The examples before the chat."""
NOTHING_SAID = ("Hello.",)
FREE_TOKENS = 40
_WORD = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True)
class Candidate:
    """A caption that was held open to the end.

    ``given`` is its log probability in nats under the mask after the chat, ``anyway`` the one after a chat that says
    nothing, ``bonus`` what the hints gave. ``choices`` say how each token came about.
    """

    caption: str
    given: float
    bonus: float
    anyway: float
    choices: tuple[Choice, ...] = ()

    @property
    def lift(self) -> float:
        """How much likelier the chat makes the caption, in nats."""
        return self.given - self.anyway

    @property
    def spoken_for(self) -> bool:
        """Whether the chat asks for it, and not only for something: likely, lifted and hinted at."""
        return self.given + self.lift + self.bonus >= LEAST

    def score(self, weight: float) -> float:
        """What the captions are compared by."""
        return self.given + self.bonus - weight * self.anyway


@dataclass(frozen=True)
class Direction:
    """What became of a chat: the caption, or None, and how it came about.

    ``candidates`` are the captions compared, best first. ``outside`` are the learner's words that no caption of the
    painter's diet ever held.
    """

    caption: str | None
    candidates: tuple[Candidate, ...]
    outside: tuple[str, ...]

    def remark(self) -> str:
        """What the director says about what it cannot ask for; empty where there is nothing to say."""
        never = f"The painter has never read {listed(self.outside)}." if self.outside else ""
        if self.caption:
            return never
        return f"There is nothing in this chat that Sticker World could show. {never}".strip()


@dataclass(frozen=True)
class Settings:
    """How much each help weighs; the defaults are the director's own."""

    weight: float = WEIGHT
    said: float = SAID
    unsaid: float = UNSAID
    beams: int = BEAMS


DEFAULTS = Settings()


def directing(
    model: LanguageModel, messages: Sequence[str], settings: Settings = DEFAULTS
) -> Iterator[Draft | Direction]:
    """One caption for a chat of the learner's ``messages``, oldest first: a draft a pass, and the direction at last.

    PlainError for an empty or endless chat.
    """
    said = checked(messages)
    grammar = captions_of(model, Hints(said, settings.said, settings.unsaid).worth)
    after, idle = prompt(model, said), prompt(model, NOTHING_SAID)
    shared = len(commonprefix([model.encode(f"{_examples()}\n\nUser:").ids, after.ids, idle.ids]))
    sentences: tuple[Sentence, ...] = ()
    for event in model.search(after, grammar, beams=settings.beams, shared=shared):
        if isinstance(event, Draft):
            yield event
        else:
            sentences = event
    anyway = model.score(idle, [one.token_ids for one in sentences], grammar, shared=shared)
    candidates = ranked(
        (
            Candidate(model.decode(one.token_ids).strip(), one.given, one.bonus, usual, one.choices)
            for one, usual in zip(sentences, anyway, strict=True)
        ),
        settings.weight,
    )
    yield Direction(chosen(candidates), candidates, outside(said))


def directing_freely(model: LanguageModel, messages: Sequence[str]) -> Iterator[Draft | Direction]:
    """One caption for a painter of any diet: the likeliest text after the examples, with no mask and no hints."""
    said, ids = checked(messages), list[int]()
    for token in model.write(prompt(model, said), Dials(temperature=0), seed=0, max_tokens=FREE_TOKENS):
        if "\n" in token.piece or token.finished == "eos":
            break
        ids.append(token.token_id)
        yield Draft(tuple(ids), Choice(token.token_id, token.piece, token.scoreboard, model.vocabulary_size, ()))
    yield Direction(model.decode(ids).strip()[:MAX_CAPTION].strip() or None, (), ())


def direct(model: LanguageModel, messages: Sequence[str], settings: Settings = DEFAULTS) -> Direction:
    """What :func:`directing` comes to."""
    *_, direction = directing(model, messages, settings)
    assert isinstance(direction, Direction)
    return direction


def ranked(candidates: Iterable[Candidate], weight: float = WEIGHT) -> tuple[Candidate, ...]:
    """The best candidate first; ``weight`` is that of what is likely anyway, 0 for the likelihood alone."""
    return tuple(sorted(candidates, key=lambda candidate: -candidate.score(weight)))


def chosen(candidates: Sequence[Candidate]) -> str | None:
    """The caption of the first candidate, or None where the chat hardly speaks for it."""
    return candidates[0].caption if candidates[0].spoken_for else None


def captions_of(model: LanguageModel, worth: Callable[[str], float]) -> Captions:
    """The grammar in the tokens of a model, with what each word is worth."""
    tokens = {word: model.tokens_of(f" {word}").ids for word in VOCABULARY}
    return Captions(tokens, model.tokens_of("a\n").ids[-1], {word: worth(word) for word in VOCABULARY})


def prompt(model: LanguageModel, messages: Sequence[str]) -> Prompt:
    """The examples and the chat, up to where its caption begins."""
    return model.encode(f"{_examples()}\n\n{_transcript(messages)}")


def _examples() -> str:
    return "\n\n".join(f"{_transcript(chat)} {caption}" for chat, caption in SHOTS)


def _transcript(messages: Sequence[str]) -> str:
    return "".join(f"User: {message}\n" for message in messages) + "Caption:"


def checked(messages: Sequence[str]) -> tuple[str, ...]:
    """The messages that say something, each in one line; PlainError where there is none, or too much."""
    sent = [messages] if isinstance(messages, str) else messages
    if not isinstance(sent, list | tuple):
        raise PlainError("Send the messages as a list, the oldest first.")
    said = tuple(" ".join(message.split()) for message in sent if isinstance(message, str) and message.split())
    if not said:
        raise PlainError("Write a message first: the director has nothing to go by.")
    if len(said) > MAX_MESSAGES:
        raise PlainError(f"The director reads {MAX_MESSAGES} messages at most. Start a new chat.")
    for message in said:
        if len(message) > MAX_MESSAGE:
            raise PlainError(f"A message has {MAX_MESSAGE} characters at most. Shorten the longest one.")
        check_characters("A message", message)
    return said


def as_caption(text: str) -> str:
    """As much of a text as may be sent to a painter, in one line."""
    return " ".join(text.split())[:MAX_CAPTION].strip()


def outside(messages: Sequence[str]) -> tuple[str, ...]:
    """The words of the messages that no caption of the painter's diet ever held, in order, the commonest left out."""
    words = " ".join(word for message in messages for word in _WORD.findall(message.lower()) if word not in _COMMON)
    return tuple(word for word in diet.unknown_words(words) if word.upper() not in WORDS and word != "grey")


def listed(words: Sequence[str]) -> str:
    """The first few words in quotes."""
    quoted = [f"“{word}”" for word in words[:MOST_LISTED]]
    return ", ".join(quoted[:-1]) + " or " * (len(quoted) > 1) + quoted[-1]


class Hints:
    """Which words of a caption the learner used; the bonus and malus are in nats.

    The bonus grows from message to message: a word of the first of many has ``OLDEST`` of it, plus its share of the
    rest, a word of the last all of it.
    """

    def __init__(self, messages: Sequence[str], said: float, unsaid: float) -> None:
        self._unsaid = unsaid
        self._said = {
            _stem(word): said * (OLDEST + (1 - OLDEST) * number / len(messages))
            for number, message in enumerate(messages, start=1)
            for word in _WORD.findall(message.lower())
        }

    def worth(self, word: str) -> float:
        """Of one word of a caption; words that name nothing are worth nothing, "one" speaks against other numbers."""
        if word.lower() not in _NAMING and not word.isupper():
            return 0.0
        worth = self._said.get(_stem(word.lower()), -self._unsaid)
        if word in _SIDES:
            return min(0.0, worth)  # "and" could not be rewarded
        return worth - self._said.get("one", 0.0) if word in NUMBERS.values() else worth


@cache
def _stem(word: str) -> str:
    if word in _SINGULAR:
        return _SINGULAR[word]
    return "gray" if word == "grey" else word


_SINGULAR = (
    {plural.split()[0]: name for name, plural in PLURAL.items() if " " not in plural}
    | {f"{name}s": name for name in (*OBJECTS, *COLOURS) if name not in PLURAL}
    | {"bunches": "bunch", "slices": "slice", "hands": "hand"}
)
_COMMON = frozenset(
    """about actually after again all also am another any anyway are as be because been but by can come could
    course d did do does don done draw each else enough even fine for from get give go good great had has
    have he hello help her here hey hi him his hm hmm how i if image instead into is it its just know let
    like ll look lot love lovely m make maybe me mean meant mind more much must my need nice no not now off
    oh ok okay one only or our out paint photo please put rather re s say saying see she should show so some
    something sorry still such sure t take than thank thanks that their them then there these they thing
    things think this those too try up us use ve very wait want wants was we well were what when where which
    while who why will wish without wonder would yes yet you your""".split()
)
"""Words that no caption holds and nobody means to see."""
_EMPTY = frozenset(
    "a an the in on at of to under among front background open that says with bunch bunches slice slices".split()
)
_SIDES = ("left", "right")
_NAMING = frozenset(
    word
    for phrase in (*OBJECTS, *PLURAL.values(), *_SINGULAR, *COLOURS, *list(NUMBERS.values())[1:], *_SIDES,
                   *(phrase for phrases in SCENIC.values() for phrase in phrases))
    for word in phrase.split()
) - _EMPTY  # fmt: skip
"""The words of captions that name a thing, a number, a colour or a place."""
