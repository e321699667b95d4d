"""The captions that the pocket painter was brought up on, as a grammar over the tokens of a language model.

One thing, two to four of it, two things in a place to each other, or a sign with a word; on a plain colour, in one of
the scenes, or anywhere. Words and phrasings are those of :mod:`engines.stickers.scenes`, which wrote the captions. What
this world never paints (a red cat, five ducks, two cats and a dog) no sentence of the grammar asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain, product

from engines.stickers.scenes import BOARDS, NUMBERS, OWN_COLOUR, PAINTS, WORDS, article
from engines.stickers.world import COLOURS, OBJECTS, PLURAL, SCENIC, SINGULAR

RELATIONS = ("to the left of", "to the right of", "above", "below", "and")
END, BEGINNING = 0, 1
"""The nodes after the last word and before the first."""
States = frozenset[tuple[int, tuple[int, ...]]]
"""Where a sentence can be: (node, tokens of the word under way). More than one, since TO begins TO and TOY."""


@dataclass
class Words:
    """The grammar word by word: ``following[node]`` maps a word to the node after it, "" to the end."""

    following: dict[int, dict[str, int]] = field(default_factory=lambda: {END: {}, BEGINNING: {}})

    def node(self) -> int:
        self.following[len(self.following)] = {}
        return len(self.following) - 1

    def lead(self, start: int, phrase: str, goal: int) -> None:
        """Let ``phrase`` lead from ``start`` to ``goal``; phrases that begin alike share their beginning."""
        *words, last = phrase.split()
        for word in words:
            if word not in self.following[start]:
                self.following[start][word] = self.node()
            start = self.following[start][word]
        self.following[start][last] = goal


class Captions:
    """The grammar for one chat: the ``tokens`` of each word, its ``worth`` in nats, and the token that ends a caption.

    Words that ``worth`` leaves out are worth nothing. A bonus counts beforehand what the best end of the caption would
    still be worth, and takes it back where a word leads elsewhere (the heuristic of A*, Hart et al. 1968): a beam sees
    at "on" that "at the beach" is lost. A whole caption's bonus is what its words are worth.
    """

    def __init__(
        self, tokens: Mapping[str, tuple[int, ...]], stop: int, worth: Mapping[str, float] | None = None
    ) -> None:
        self._tokens, self._stop, self._worth = tokens, stop, worth or {}
        self.start: States = frozenset([(BEGINNING, ())])
        self._reach: dict[int, float] = {END: 0.0}
        self._look_ahead(BEGINNING)
        self._reach[BEGINNING] = 0.0

    def _look_ahead(self, node: int) -> float:
        """The most that the words from a node to the end are worth."""
        if node not in self._reach:
            self._reach[node] = max(
                self._worth.get(word, 0.0) + self._look_ahead(after) for word, after in CAPTIONS.following[node].items()
            )
        return self._reach[node]

    def options(self, state: States) -> dict[int, tuple[States | None, float]]:
        """As :class:`engines.text.constrained.Grammar` has it."""
        reached: dict[int, set[tuple[int, tuple[int, ...]]]] = {}
        bonus: dict[int, float] = {}
        for node, begun in sorted(state):
            for word, after in CAPTIONS.following[node].items():
                if after == END:
                    if not begun:
                        reached[self._stop] = set()
                        bonus[self._stop] = -self._reach[node]
                    continue
                whole, read = self._tokens[word], len(begun)
                if whole[:read] != begun or len(whole) == read:
                    continue
                token_id = whole[read]
                if len(whole) == read + 1:
                    reached.setdefault(token_id, set()).add((after, ()))
                    bonus[token_id] = self._worth.get(word, 0.0) + self._reach[after] - self._reach[node]
                else:
                    reached.setdefault(token_id, set()).add((node, whole[: read + 1]))
        return {token_id: (frozenset(states) or None, bonus.get(token_id, 0.0)) for token_id, states in reached.items()}


def _captions() -> Words:
    """Every caption of Sticker World that the director may write."""
    made = Words()
    subject, before_place, end = BEGINNING, made.node(), made.node()
    made.following[end][""] = made.following[before_place][""] = END
    for place in chain(*SCENIC.values(), (f"on {article(colour)} background" for colour in COLOURS)):
        made.lead(before_place, place, end)
    singular = {name: _named(name, SINGULAR.get(name, name)) for name in OBJECTS}
    for first, nouns in singular.items():
        after_first, second = made.node(), made.node()
        made.following[after_first] |= made.following[before_place]
        for noun in nouns:
            made.lead(subject, article(noun), after_first)
        for relation in RELATIONS:
            made.lead(after_first, relation, second)
        for noun in chain(*(nouns for other, nouns in singular.items() if other != first)):
            made.lead(second, article(noun), before_place)
    plural = chain(*(_named(name, PLURAL.get(name, f"{name}s")) for name in OBJECTS))
    for number, noun in product(list(NUMBERS.values())[1:], plural):
        made.lead(subject, f"{number} {noun}", before_place)
    for board in ("a sign", *(article(f"{colour} sign") for colour in BOARDS)):
        for word in WORDS:
            made.lead(subject, f"{board} that says {word}", before_place)
    return made


def _named(name: str, noun: str) -> list[str]:
    """The noun of a thing, and in each of its paints where this world recolours it."""
    return [noun, *(f"{paint} {noun}" for paint in PAINTS if name in OWN_COLOUR)]


CAPTIONS = _captions()
VOCABULARY = frozenset(word for words in CAPTIONS.following.values() for word in words if word)
"""The words of all these captions."""
