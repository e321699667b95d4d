"""What several screens share: one reading of a sentence, the words to watch, and what the learner chose.

L layers of H heads look at T tokens. "Watched" are the positions whose share of the attention the learner follows.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.checks import whole
from engines.evidence import PlainError, Provenance
from engines.statistics import percent
from engines.text.attention import kl_bits
from engines.text.dials import softmax
from engines.text.language_model import LanguageModel, Prompt

MAX_TOKENS = 48
KEYS = "The keys to the cabinet are so I cannot"
EXAMPLES = (
    (KEYS, (" keys", " cabinet")),
    ("The capital of France is", (" France",)),
    ("When Mary and John went to the store, John gave a drink to", (" Mary",)),
    ("She put the cake in the oven and set the", (" cake", " oven")),
    ("The dog chased the cat because it was", (" dog", " cat")),
    ("The doctor told the nurse that", (" doctor", " nurse")),
    ("My favourite colour is blue, so I painted the door", (" blue",)),
    ("The Eiffel Tower is in the city of", (" Tower",)),
    ("Romeo and Juliet was written by William", (" Juliet",)),
    ("The opposite of hot is", (" hot",)),
    ("He plays the piano and she plays the", (" piano",)),
    ("The children were tired, so they went to", (" children", " tired")),
)
FACTS = (
    ("The capital of France is", " Paris"),
    ("The capital of Japan is", " Tokyo"),
    ("The capital of Russia is", " Moscow"),
    ("The Eiffel Tower is in the city of", " Paris"),
    ("The Colosseum is in the city of", " Rome"),
    ("The Beatles came from the city of", " Liverpool"),
    ("Romeo and Juliet was written by William", " Shakespeare"),
    ("Charles Darwin wrote On the Origin of", " Species"),
    ("The first man on the moon was Neil", " Armstrong"),
    ("The inventor of the telephone was Alexander Graham", " Bell"),
    ("The Earth orbits the", " Sun"),
    ("The opposite of hot is", " cold"),
)
SMALL_WORDS = frozenset(
    """
    a an and any are as at be because been being but by can cannot could did do does done down each either every few
    for from had has have he her here hers him his how i if in into is it its just many me might mine more most much
    must my neither no nor not of off on once only onto or other our ours out over own she should so some such than
    that the their theirs them then there these they this those though through to too under until up upon us very was
    we were what when where whether which while who whom whose why will with without would you your yours
    """.split()
)
"""The words of English that hold a sentence together and say little by themselves."""
LETTERS = re.compile(r"[^\W_]")


def short(number: float) -> float:
    """Five significant digits: what runs on two machines agree on."""
    return float(f"{number:.5g}")


def head_name(layer: int, head: int) -> str:
    return f"layer {layer}, head {head}"


@dataclass(frozen=True)
class Look:
    """One pass over a sentence. ``weights`` float32 [L, H, T, T]: row = the position that looks, column = where."""

    text: str
    pieces: tuple[str, ...]
    weights: np.ndarray
    model: str
    revision: str
    reference: str
    seconds: float

    @property
    def layers(self) -> int:
        return int(self.weights.shape[0])

    @property
    def heads(self) -> int:
        return int(self.weights.shape[1])

    @property
    def last(self) -> int:
        return len(self.pieces) - 1

    def name(self, position: int) -> str:
        return self.pieces[position].strip() or self.pieces[position]

    def names(self, positions: Sequence[int]) -> str:
        return " + ".join(f"“{self.name(position)}”" for position in positions)

    def share(self, watched: Sequence[int], looker: int | None = None) -> np.ndarray:
        """What each head gives the ``watched`` positions, float [L, H], from ``looker`` (the last token if None)."""
        return self.weights[:, :, self.last if looker is None else looker, list(watched)].sum(-1)

    def summary(self, layer: int, head: int) -> str:
        """Where a head looks most from the last token, and what all heads give that token, in words."""
        row, mean = self.weights[layer, head, self.last], self.weights[:, :, self.last].mean((0, 1))
        best = int(row.argmax())
        return (
            f"In {head_name(layer, head)}, “{self.name(self.last)}” (position {self.last}) looks most at "
            f"“{self.name(best)}” (position {best}): {percent(row[best])}. The mean of all {self.layers * self.heads} "
            f"heads gives that token {percent(mean[best])}."
        )


def look(model: LanguageModel, text: str) -> Look:
    """Read ``text`` once and keep all attention weights; :class:`PlainError` beyond :data:`MAX_TOKENS` tokens."""
    prompt = model.encode(text)
    if len(prompt.ids) < 3:
        raise PlainError("Give the words something to look at: type at least three tokens.")
    if len(prompt.ids) > MAX_TOKENS:
        raise PlainError(
            f"That is {len(prompt.ids)} tokens; this view draws every pair and takes at most {MAX_TOKENS}. Shorten it."
        )
    started = time.perf_counter()
    seen = model.attention(prompt)
    seconds = time.perf_counter() - started
    return Look(text, seen.pieces, seen.weights, model.name, model.revision, model.reference, seconds)


def words_to_watch(model: LanguageModel, text: str) -> tuple[int, ...]:
    """The positions of the words to watch: an example's own, else the two words that the next token needs most.

    Of the words between the first token and the last, those that only hold the sentence together are passed over. Each
    of the others is left out in turn, and those without which the next-token probabilities change most (KL, in bits)
    are kept, with all their tokens.
    """
    prompt = model.encode(text)
    known = dict(EXAMPLES).get(text, ())
    if found := tuple(i for i, piece in enumerate(prompt.pieces) if i and piece in known):
        return found
    words = [word for word in _words(prompt) if word[0] > 0 and word[-1] < len(prompt.ids) - 1]
    full = [word for word in words if _text(prompt, word).lower() not in SMALL_WORDS]
    candidates = full or words or [(1,)]
    if len(candidates) > 2:
        missed = _missed(model, prompt, candidates)
        candidates = sorted(candidates, key=lambda word: -missed[word])[:2]
    return tuple(sorted(position for word in candidates for position in word))


def _words(prompt: Prompt) -> list[tuple[int, ...]]:
    """The positions of each word: a token that begins with a letter right after a letter goes on with its word."""
    words: list[tuple[int, ...]] = []
    for i, piece in enumerate(prompt.pieces):
        if not LETTERS.search(piece):
            continue
        goes_on = words and words[-1][-1] == i - 1 and LETTERS.match(piece) and LETTERS.match(prompt.pieces[i - 1][-1])
        words = [*words[:-1], (*words[-1], i)] if goes_on else [*words, (i,)]
    return words


def _text(prompt: Prompt, positions: Sequence[int]) -> str:
    return "".join(prompt.pieces[i] for i in positions).strip()


def _missed(model: LanguageModel, prompt: Prompt, words: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], float]:
    """How far the next-token probabilities move when a word is left out of the text, in bits."""
    shorter = []
    for word in words:
        kept = [i for i in range(len(prompt.ids)) if i not in word]
        shorter.append(Prompt(tuple(prompt.ids[i] for i in kept), tuple(prompt.pieces[i] for i in kept), prompt.text))
    whole_text, *others = (softmax(row) for row in model.next_token_logits([prompt, *shorter]))
    return {word: kl_bits(whole_text, other) for word, other in zip(words, others, strict=True)}


def hottest(seen: Look, watched: Sequence[int]) -> tuple[int, int]:
    """(layer, head) with the most attention from the last token to the watched words, the first token not counted.

    Almost every head parks attention on the first token, so a head that looks there singles out nothing.
    """
    words = [position for position in watched if position > 0]
    if not words:
        raise PlainError(
            "Watch at least one word after the first: the first token is where heads rest, whatever it says."
        )
    grid = seen.share(words)
    layer, head = np.unravel_index(int(grid.argmax()), grid.shape)
    return int(layer), int(head)


def named_head(model: LanguageModel, seen: Look, layer: Any, head: Any) -> tuple[int, int]:
    """The (layer, head) asked for; what is None becomes the one that looks most from the last word at those to watch.

    Raises :class:`PlainError` for anything but whole numbers within the model.
    """
    layers = range(seen.layers) if layer is None else [whole("The layer", layer, 0, seen.layers - 1)]
    heads = range(seen.heads) if head is None else [whole("The head", head, 0, seen.heads - 1)]
    if len(layers) == len(heads) == 1:
        return layers[0], heads[0]
    share = seen.share(words_to_watch(model, seen.text))
    return max(((a, b) for a in layers for b in heads), key=lambda at: float(share[at]))


@dataclass(frozen=True)
class Choice:
    """What a learner chose on the first two screens: a sentence, the words to watch, a head, and a pair of words.

    None where nothing was chosen yet. ``row`` looks at ``column``.
    """

    text: str
    watched: tuple[int, ...] | None = None
    layer: int | None = None
    head: int | None = None
    row: int | None = None
    column: int | None = None

    def placed(self, model: LanguageModel, seen: Look) -> tuple[tuple[int, ...], int, int]:
        """(watched, layer, head) within ``seen``, with what was not chosen filled in."""
        if self.watched is None:
            watched = words_to_watch(model, self.text)
        else:
            watched = tuple(whole("A word to watch", i, 0, seen.last) for i in self.watched)
        if self.layer is None or self.head is None:
            return watched, *hottest(seen, watched)
        return watched, *named_head(model, seen, self.layer, self.head)


def chosen(kept: str) -> Choice:
    """The choice that the page keeps as JSON; the bundled sentence where it keeps none."""
    try:
        found = json.loads(kept or "{}")
        watched = found.get("watched")
        return Choice(
            str(found.get("text") or KEYS),
            None if watched is None else tuple(watched),
            *(found.get(name) for name in ("layer", "head", "row", "column")),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise PlainError("The choice of words was lost. Press “Look inside” on the first screen again.") from error


def provenance(
    seen: Look, settings: Mapping[str, Any], *, seed: int | None = None, seconds: float | None = None
) -> Provenance:
    kept = {"text": seen.text, **settings}
    return Provenance("live", seen.model, seen.revision, kept, seed, seen.seconds if seconds is None else seconds)
