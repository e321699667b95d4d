"""Four small networks that answer how often a letter stands in a word; they differ in one cause each.

Made by ``training/strawberry.py``: one size, one vocabulary, the same questions in the same order. A line of ids begins
with a sign that says what is wanted: ``HOW_MANY letter word ASKS count``, ``SPELL word ASKS letters END`` or ``AGAIN
word ASKS word END``. A word is read as chunks of byte-pair encoding or as letters; a single letter is the same id in
both. This module imports no torch.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from engines.checks import one_of
from engines.evidence import PlainError
from engines.models import hardware, weights, worker
from engines.models.catalogue import MODELS
from engines.models.shelf import Shelf

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FOLDER = MODELS / "strawberry"
Network = Literal["chunks", "spelled", "letters", "answers"]
NETWORKS: tuple[Network, ...] = get_args(Network)
Reading = Literal["chunks", "letters"]
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
LONGEST = 24
"""Letters of a word that a network is asked about; those it learned from have at most 14."""
COUNTS = 10
SIGNS = ("HOW_MANY", "SPELL", "AGAIN", "ASKS", "END")
"""The ids after those of the chunks; the ten counts 0 to 9 come after these."""
MISSING = "The networks that count letters are not here. Run “python -m training.strawberry”."


@dataclass(frozen=True, eq=False)
class Reader:
    """Turns words into ids; ``size`` chunks, letters among them, then :data:`SIGNS`, then the counts."""

    tokenizer: Tokenizer

    @functools.cached_property
    def size(self) -> int:
        return int(self.tokenizer.get_vocab_size())

    @property
    def entries(self) -> int:
        """All ids there are."""
        return self.size + len(SIGNS) + COUNTS

    def sign(self, name: str) -> int:
        return self.size + SIGNS.index(name)

    def count(self, count: int) -> int:
        """The id of the answer ``count``, 0 to 9."""
        return self.size + len(SIGNS) + count

    def pieces(self, word: str, reading: Reading) -> tuple[str, ...]:
        """A word as it is read."""
        return tuple(word) if reading == "letters" else tuple(self.tokenizer.encode(word).tokens)

    def ids(self, word: str, reading: Reading) -> list[int]:
        if reading == "chunks":
            return list(self.tokenizer.encode(word).ids)
        return [int(self.tokenizer.token_to_id(letter) or 0) for letter in word]

    def question(self, word: str, letter: str, reading: Reading) -> list[int]:
        """The ids up to the place where the count is scored."""
        return [self.sign("HOW_MANY"), *self.ids(letter, "letters"), *self.ids(word, reading), self.sign("ASKS")]

    def spelling(self, word: str, reading: Reading) -> tuple[list[int], list[int]]:
        """(what is given, what is to be written) of a line that spells a word."""
        return [self.sign("SPELL"), *self.ids(word, reading), self.sign("ASKS")], [
            *self.ids(word, "letters"), self.sign("END")
        ]  # fmt: skip

    def again(self, word: str, reading: Reading) -> tuple[list[int], list[int]]:
        """(what is given, what is to be written) of a line that repeats a word as it is read."""
        ids = self.ids(word, reading)
        return [self.sign("AGAIN"), *ids, self.sign("ASKS")], [*ids, self.sign("END")]


@dataclass(frozen=True, eq=False)
class Counter:
    """One network in memory. ``model`` is a ``LlamaForCausalLM`` in float32."""

    key: Network
    revision: str
    reader: Reader
    model: Any

    @property
    def reading(self) -> Reading:
        return "letters" if self.key == "letters" else "chunks"

    def ask(self, questions: Sequence[tuple[str, str]], reading: Reading | None = None) -> tuple[Answer, ...]:
        """An answer to each (word, letter), all words read alike: as this network does, if not told otherwise."""
        way = reading or self.reading
        if not questions:
            return ()
        lines = [self.reader.question(word, letter, way) for word, letter in questions]
        scores = worker.call(_scores, self.model, lines, self.reader.count(0))
        return tuple(
            Answer(word, letter, self.reader.pieces(word, way), tuple(chances))
            for (word, letter), chances in zip(questions, scores, strict=True)
        )


@dataclass(frozen=True)
class Answer:
    """What a network answers to a (word, letter). ``seen``: the word as it was read; ``chances``: of 0 to 9, sum 1."""

    word: str
    letter: str
    seen: tuple[str, ...]
    chances: tuple[float, ...]

    @property
    def count(self) -> int:
        """The likeliest count; the smallest of equals."""
        return max(range(COUNTS), key=lambda count: (self.chances[count], -count))

    @property
    def truth(self) -> int:
        return self.word.count(self.letter)

    @property
    def right(self) -> bool:
        return self.count == self.truth


def _scores(model: Any, lines: Sequence[Sequence[int]], first: int) -> list[list[float]]:
    """Softmax over the counts after each line, [lines, 10]; shorter lines are filled up behind, where none looks."""
    import torch

    found: list[list[float]] = []
    for start in range(0, len(lines), 256):
        part = lines[start : start + 256]
        longest = max(map(len, part))
        ids = torch.tensor([[*line, *[0] * (longest - len(line))] for line in part])
        ends = torch.tensor([len(line) - 1 for line in part])
        with torch.inference_mode():
            logits = model(ids, use_cache=False).logits[torch.arange(len(part)), ends, first : first + COUNTS]
        found += torch.softmax(logits.double(), 1).tolist()
    return found


def check_question(word: str, letter: str) -> tuple[str, str]:
    """Both in small letters; PlainError unless they are of the English alphabet and the word is not too long."""
    word, letter = word.lower(), letter.lower()
    if not word or not set(word) <= set(ALPHABET) or len(letter) != 1 or letter not in ALPHABET:
        raise PlainError("These networks know the letters a to z only. Type an English word without accents.")
    if len(word) > LONGEST:
        raise PlainError(f"Keep the word to {LONGEST} letters.")
    return word, letter


@functools.cache
def reader(folder: Path = FOLDER) -> Reader:
    """The vocabulary of the networks in ``folder``; PlainError where it is not there."""
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    if not file.is_file():
        raise PlainError(MISSING)
    return Reader(Tokenizer.from_file(str(file)))


@functools.cache
def words(folder: Path = FOLDER) -> Mapping[str, frozenset[str]]:
    """Which words were ``asked`` about in training, which were ``met`` there (these among them), and which ``unseen``
    ones are kept for the measurement."""
    file = folder / "words.json"
    if not file.is_file():
        raise PlainError(MISSING)
    kept = json.loads(file.read_text(encoding="utf-8"))
    return {
        "asked": frozenset(kept["asked"]),
        "met": frozenset([*kept["asked"], *kept["met"]]),
        "unseen": frozenset(kept["unseen"]),
    }


SHELF = Shelf[Counter]("letter counting")


def load(key: str) -> Counter:
    """One of :data:`NETWORKS`, opened on the first call only. PlainError for another name, or when it is not here."""
    name = one_of("The network", key, NETWORKS)
    return SHELF.load(str(FOLDER / name), lambda: opened(name))


def opened(key: Any, folder: Path = FOLDER) -> Counter:
    """The network of that name in ``folder``, read afresh; PlainError when it is not there."""
    place = folder / key
    if not (place / "config.json").is_file():
        raise PlainError(MISSING)
    import torch

    # transformers itself replaces its module while it is imported; another thread that waits for it gets the old one.
    from transformers.models.llama.modeling_llama import LlamaForCausalLM

    hardware.check_whole(place)
    model = LlamaForCausalLM.from_pretrained(place, dtype=torch.float32).eval()
    return Counter(key, weights.fingerprint(place), reader(folder), model)


@functools.cache
def recorded(folder: Path = FOLDER) -> Mapping[str, Any]:
    """What ``training/strawberry.py`` measured on words never seen, and of networks that are not bundled "others"."""
    found: dict[str, Any] = {}
    for name in ("metrics.json", "others.json"):
        if not (folder / name).is_file():
            raise PlainError(MISSING)
        found |= json.loads((folder / name).read_text(encoding="utf-8"))
    return found


def code(word: str, letter: str, network: Network) -> str:
    """Code that asks a network, with the libraries alone; ``result`` is its likeliest count."""
    cut = f"tokenizer.encode({word!r}).ids" if network != "letters" else f"map(tokenizer.token_to_id, {word!r})"
    return f"""import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

folder = "models/strawberry"  # of the playground's repository
tokenizer = Tokenizer.from_file(f"{{folder}}/tokenizer.json")
model = LlamaForCausalLM.from_pretrained(f"{{folder}}/{network}", dtype=torch.float32)
how_many = tokenizer.get_vocab_size()  # after the chunks come five signs, then the counts 0 to 9
asks, zero = how_many + {SIGNS.index("ASKS")}, how_many + {len(SIGNS)}
ids = [how_many, tokenizer.token_to_id({letter!r}), *{cut}, asks]
with torch.no_grad():
    scores = model(torch.tensor([ids])).logits[0, -1, zero : zero + {COUNTS}]
result = int(scores.argmax())
"""
