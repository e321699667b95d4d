"""Screen 2: a vocabulary learned from a text, merge by merge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from engines.evidence import Evidence, Finding, PlainError, Provenance, Table
from engines.statistics import plural
from engines.text import byte_pairs
from engines.text.byte_pairs import Merge
from engines.text.pieces import BYTE_OF
from lessons.tokenization.measures import WORD, samples, show

LETTER_OF = {byte: letter for letter, byte in BYTE_OF.items()}
MOST = 400
MAX_WATCHED = 60
ALICE, OWN = "Alice in Wonderland", "my own text"


@dataclass(frozen=True)
class Growth:
    """A vocabulary after ``known`` of the ``merges`` that a text teaches, and what it makes of a word and of the text.

    ``diet`` names the text, ``opening`` are its first chunks.
    """

    diet: str
    merges: tuple[Merge, ...]
    known: tuple[Merge, ...]
    word: str
    chunks: tuple[bytes, ...]
    opening: tuple[bytes, ...]
    characters_per_token: float


@cache
def diets() -> Mapping[str, str]:
    """The bundled texts to learn from, by name."""
    bundled = samples()
    return {
        **bundled["diets"],
        ALICE: bundled["kinds"]["English story"],
        "Python code": bundled["kinds"]["Python code"],
        "German law": "\n".join(bundled["declaration"]["German"]),
    }


def text_of(diet: str, own: str) -> str:
    """The text to learn from: a bundled one, or the learner's own."""
    return (own or "") if diet == OWN else diets()[diet]


@lru_cache(maxsize=32)
def learn(text: str) -> tuple[Merge, ...]:
    """Every merge that ``text`` teaches, :data:`MOST` at most."""
    return byte_pairs.learn(text, MOST)


def most(diet: str, own: str) -> int:
    """How many merges the chosen text teaches; 0 where there is nothing to learn from."""
    try:
        return len(learn(text_of(diet, own)))
    except PlainError:
        return 0


def grow(diet: str, own: str, word: str, learned: float) -> Iterator[Evidence[Growth]]:
    """The vocabulary after the first ``learned`` merges of the chosen text."""
    yield grown(text_of(diet, own), word, int(learned), diet)


def grown(text: str, word: str, learned: int, name: str) -> Evidence[Growth]:
    """The vocabulary after its first ``learned`` merges; ``word`` is cut as it stands inside a sentence."""
    word = (word or "").strip()
    if not word:
        raise PlainError("Type a word to watch.")
    if len(word) > MAX_WATCHED:
        raise PlainError(f"Keep the word to watch to {MAX_WATCHED} characters.")
    merges = learn(text)
    known, inside = merges[:learned], " " + word
    pieces, diet = byte_pairs.cut(inside, known), byte_pairs.cut(text, known)
    growth = Growth(name, merges, known, word, pieces, diet[:60], len(text) / len(diet))
    shown = " | ".join(show(piece) for piece in pieces)
    rows = tuple((n, show(m.left), show(m.right), show(m.chunk), m.count) for n, m in enumerate(known, start=1))
    settings = {"learned_from": name, "merges": len(known), "entries": 256 + len(known), "word": word}
    return Evidence(
        value=growth,
        alt=(
            f"After {plural(len(known), 'merge')} learned from {name}, “{word}” is cut into "
            f"{plural(len(pieces), 'chunk')}: {shown}. The text itself takes {growth.characters_per_token:.2f} "
            "characters a token."
        ),
        table=Table(("Merge", "Left", "Right", "New chunk", "Times side by side"), rows),
        provenance=Provenance("live", "byte-pair encoding", "", settings),
        findings=(
            Finding(
                plural(len(pieces), "chunk"),
                f"for “{word}” after {plural(len(known), 'merge')}; {_in_the_end(inside, merges)}.",
            ),
            Finding(
                f"{growth.characters_per_token:.2f}",
                f"characters a token over the text it was learned from. With no merges, a token is one byte: "
                f"{len(text) / len(text.encode('utf-8', 'replace')):.2f}.",
            ),
        ),
        snippet=_snippet(text, inside, len(known)),
        expected=["".join(LETTER_OF[byte] for byte in piece) for piece in pieces],
    )


def _in_the_end(inside: str, merges: Sequence[Merge]) -> str:
    whole = next((n for n in range(len(merges) + 1) if len(byte_pairs.cut(inside, merges[:n])) == 1), None)
    if whole is not None:
        return f"merge {whole} makes it one chunk"
    return f"even {plural(len(merges), 'merge')} leave it in {plural(len(byte_pairs.cut(inside, merges)), 'chunk')}"


def _snippet(text: str, word: str, learned: int) -> str:
    if not learned:
        return ""
    return f"""from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

text = {text!r}
tokenizer = Tokenizer(models.BPE())
words = Regex({byte_pairs.WORDS!r})
tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
    pre_tokenizers.Split(words, behavior="isolated"),
    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
])
alphabet = pre_tokenizers.ByteLevel.alphabet()  # the 256 bytes
tokenizer.train_from_iterator([text], trainers.BpeTrainer(
    vocab_size=256 + {learned}, min_frequency=2, initial_alphabet=alphabet, show_progress=False))
result = tokenizer.encode({word!r}).tokens  # Ġ stands for a space, two letters such as Ã¯ for two bytes
"""


def diet_truth(value: Growth) -> tuple[float, str] | None:
    """Into how many chunks “strawberry” falls after all that Alice teaches, whatever word is watched."""
    if value.diet != ALICE:
        return None
    pieces = byte_pairs.cut(" " + WORD, value.merges)
    return len(pieces), f"{plural(len(pieces), 'chunk')}: {' | '.join(map(show, pieces))}"
