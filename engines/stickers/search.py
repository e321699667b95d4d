"""Search every caption that the bundled painter was fed: by word, and by meaning.

``models/sticker-world/captions.npz``, made by ``training/captions.py``, holds the caption of every training scene as
recorded, and a short code of what each says in the shared space. By word is exact. By meaning a scan of the codes
proposes some, and those are read by the painter's own encoder and compared exactly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from engines.checks import MAX_CAPTION, check_text
from engines.evidence import PlainError
from engines.models.catalogue import MODELS
from engines.stickers.meaning import Space
from engines.stickers.scenes import OWN_COLOUR, Plan
from engines.stickers.world import Facts

FILE = MODELS / "sticker-world" / "captions.npz"
PROPOSED = 96
"""Captions that are proposed by their codes and then compared exactly."""
MAX_WORDS = 24
_BLOCK = 1 << 15
_WORD = re.compile(r"[^\W_]+")
_FORM = re.compile(r"^a picture of |,")


@dataclass(frozen=True, eq=False)
class ByWord:
    """What holds all the ``words``: ids of captions, and for each word alone, and for the words up to it, the scenes.

    ``alone`` and ``together`` follow ``words``. ``scenes``: how many training scenes have such a caption.
    """

    words: tuple[str, ...]
    captions: np.ndarray
    alone: tuple[int, ...]
    together: tuple[int, ...]

    @property
    def scenes(self) -> int:
        return self.together[-1]


@dataclass(frozen=True, eq=False)
class Near:
    """A caption, how near it lies to the query (cosine), and how many scenes have it."""

    caption: str
    id: int
    cosine: float
    scenes: int


@dataclass(frozen=True, eq=False)
class Index:
    """The captions of all training scenes, each once; ``which`` [scenes] says which is a scene's.

    ``codes`` int8 [wordings, n], in steps of ``step``, of vectors less ``mean`` along ``axes`` [n, width], one for each
    wording: a caption without what the world may frame it with (“a picture of”, a comma).
    """

    captions: tuple[str, ...]
    which: np.ndarray
    codes: np.ndarray
    axes: np.ndarray
    mean: np.ndarray
    step: float

    @property
    def scenes(self) -> int:
        return len(self.which)

    @cached_property
    def times(self) -> np.ndarray:
        """How many scenes have each caption: int [captions]."""
        return np.bincount(self.which, minlength=len(self.captions))

    @cached_property
    def words(self) -> int:
        """The words of all scenes' captions together."""
        return int(np.array([len(_WORD.findall(caption)) for caption in self.captions]) @ self.times)

    @cached_property
    def _holding(self) -> dict[str, np.ndarray]:
        found: dict[str, list[int]] = {}
        for number, caption in enumerate(self.captions):
            for word in set(_WORD.findall(caption.lower())):
                found.setdefault(word, []).append(number)
        return {word: np.array(numbers, np.int32) for word, numbers in found.items()}

    @cached_property
    def _wordings(self) -> list[list[int]]:
        """The captions of each wording, in the order of the codes."""
        return list(wordings(self.captions).values())

    @cached_property
    def _scenes(self) -> tuple[np.ndarray, np.ndarray]:
        """All scenes in the order of their captions, and where each caption's begin."""
        return np.argsort(self.which, kind="stable"), np.concatenate([[0], np.cumsum(self.times)])

    def ready(self) -> None:
        """Make what the first search would have to wait for."""
        _ = self.times, self._holding, self._wordings, self._scenes

    def of(self, caption: int) -> np.ndarray:
        """The scenes (by seed) of a caption: int [n]."""
        order, begins = self._scenes
        return order[begins[caption] : begins[caption + 1]]

    def sample(self, captions: np.ndarray, count: int, seed: int) -> tuple[int, ...]:
        """``count`` scenes with one of these captions, drawn by ``seed``, each as likely as any other."""
        dice = np.random.default_rng(seed)
        upto = np.cumsum(self.times[captions])
        if not len(upto):
            return ()
        picked = dice.choice(upto[-1], min(count, int(upto[-1])), replace=False)
        rows = np.searchsorted(upto, picked, "right")
        offsets = picked - np.concatenate([[0], upto])[rows]
        return tuple(int(self.of(int(captions[row]))[offset]) for row, offset in zip(rows, offsets, strict=True))

    def by_word(self, query: str) -> ByWord:
        """The captions that hold every word of ``query``, in any order and case; PlainError when there is no word."""
        words = asked(query)
        nobody = np.empty(0, np.int32)
        left: np.ndarray | None = None
        alone, together = [], []
        for word in words:
            holding = self._holding.get(word, nobody)
            left = holding if left is None else np.intersect1d(left, holding, assume_unique=True)
            alone.append(int(self.times[holding].sum()))
            together.append(int(self.times[left].sum()))
        assert left is not None
        return ByWord(words, left, tuple(alone), tuple(together))

    def by_meaning(self, query: str, space: Space, count: int = 12) -> tuple[Near, ...]:
        """The ``count`` captions nearest to ``query`` in the shared space, nearest first."""
        asked(query)
        vector = space.captions([query])[0]
        wanted = ((vector - self.mean) @ self.axes.T / self.step).astype(np.float32)
        gaps = np.empty(len(self.codes), np.float32)
        for start in range(0, len(gaps), _BLOCK):
            away = self.codes[start : start + _BLOCK].astype(np.float32) - wanted
            gaps[start : start + _BLOCK] = np.einsum("ij,ij->i", away, away)
        proposed = np.argpartition(gaps, min(PROPOSED, len(gaps) - 1))[:PROPOSED]
        proposed = proposed[np.argsort(gaps[proposed], kind="stable")]
        ids = [one for row in proposed for one in self._wordings[row]][:PROPOSED]
        cosines = space.captions([self.captions[one] for one in ids]) @ vector
        best = np.argsort(-cosines, kind="stable")[:count]
        return tuple(Near(self.captions[ids[at]], ids[at], float(cosines[at]), int(self.times[ids[at]])) for at in best)


def asked(query: object) -> tuple[str, ...]:
    """The words of a query in lower case, each once; PlainError where there is none, or too much."""
    text = check_text("The search", query, MAX_CAPTION)
    words = tuple(dict.fromkeys(_WORD.findall(text.lower())))
    if not words:
        raise PlainError("Search for at least one word, such as “cat” or “a cat under the stars”.")
    if len(words) > MAX_WORDS:
        raise PlainError(f"That is {len(words)} different words. Search for {MAX_WORDS} at most.")
    return words


def wordings(captions: Sequence[str]) -> dict[str, list[int]]:
    """Captions by what they say without the frame around it, each with where they stand; in order of appearance."""
    found: dict[str, list[int]] = {}
    for number, caption in enumerate(captions):
        found.setdefault(_FORM.sub("", caption), []).append(number)
    return found


def shows(plan: Plan, facts: Facts) -> bool:
    """Whether a scene holds everything that the grammar reads out of a caption; False where it reads nothing."""
    names = [thing.name for thing in plan.things]
    if not facts.things and not facts.background:
        return False
    for thing in facts.things:
        same = [one for one in plan.things if one.name == thing.name]
        if not same or (thing.colour and all((one.colour or OWN_COLOUR.get(one.name)) != thing.colour for one in same)):
            return False
        if len(facts.things) == 1 and thing.count is not None and thing.count != plan.count:
            return False
    if facts.background and plan.background != facts.background:
        return False
    if facts.lettering and plan.word != facts.lettering:
        return False
    if facts.relation in ("left", "above", "right", "below") and len(facts.things) == len(names) == 2:
        first = facts.things[0].name if facts.relation in ("left", "above") else facts.things[1].name
        side = "left" if facts.relation in ("left", "right") else "above"
        return plan.relation == side and names[0] == first
    return True


@cache
def load(file: Path = FILE) -> Index:
    """The captions of the bundled painter's training scenes; PlainError when they are not there."""
    if not file.is_file():
        raise PlainError("The captions of the training scenes are not here. Run “python -m training.captions”.")
    with np.load(file, allow_pickle=False) as kept:
        captions = tuple(kept["captions"].tobytes().decode().split("\n"))
        made = Index(captions, kept["which"], kept["codes"], kept["axes"], kept["mean"], float(kept["step"]))
    made.ready()
    return made
