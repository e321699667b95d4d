"""Screen 2: search the sculptor's whole diet, by word and by meaning, and look at what was found."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.pictures.diffusion import Painter
from engines.statistics import Interval, Mean, percent, plural, share, wilson, words
from engines.stickers import diet, meaning, scenes, search
from engines.stickers.search import ByWord, Index, Near
from engines.stickers.seed_ranges import UNSEEN
from engines.stickers.world import facts_of

QUERY = "a cat under the stars"
SHOWN, SAMPLES, MOST_SAMPLES = 12, 6, 12
"""Captions listed of each search, and scenes drawn of each."""
LOOKED_AT, DRAWN = 60, 400
"""Scenes whose plans are read: of the nearest captions, and of the whole diet for chance."""
QUERIES, MOST_QUERIES, TOP = 24, 48, 10


@dataclass(frozen=True, eq=False)
class Drawn:
    """A training scene: its seed, its caption as recorded and, once it is drawn, its picture uint8 [H, W, 3]."""

    seed: int
    caption: str
    picture: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Search:
    """What was found for a ``query`` among ``scenes``, by word and by meaning, and some scenes of each.

    ``often``: the captions found by word that most scenes have. ``other``: of the captions near in meaning, those
    that lack one of the words. ``far``: cosines to captions drawn blindly, mean and largest. ``unmet``: words that no
    caption holds. ``fitting``, ``chance``: scenes that show all that was asked, of the nearest and of any.
    """

    query: str
    scenes: int
    word: ByWord
    often: tuple[tuple[str, int], ...]
    near: tuple[Near, ...]
    other: int
    far: tuple[float, float]
    unmet: tuple[str, ...]
    by_word: tuple[Drawn, ...]
    by_meaning: tuple[Drawn, ...]
    fitting: Interval | None = None
    chance: Interval | None = None


def check(query: Any, samples: Any, seed: Any) -> tuple[int, int]:
    """The number of scenes to draw, and the seed; PlainError where there is nothing to search for."""
    search.asked(query)
    return whole("The number of scenes", samples, 1, MOST_SAMPLES), whole("The seed", seed, 0, MAX_SEED)


def browse(
    painter: Painter, query: str = QUERY, samples: int = SAMPLES, seed: int = 0
) -> Iterator[Underway | Evidence[Search]]:
    """Search all captions; first what was found, then with ``samples`` scenes of each search drawn."""
    samples, seed = check(query, samples, seed)
    began = time.perf_counter()
    index, space = search.load(), meaning.load(painter)
    value = find(index, space, query, samples, seed)
    took = time.perf_counter() - began
    yield _evidence(value, space, took, seed)
    drawn = [[], []]  # type: list[list[Drawn]]
    of = len(value.by_word) + len(value.by_meaning)
    for place, found in enumerate((value.by_word, value.by_meaning)):
        for one in found:
            drawn[place].append(replace(one, picture=np.asarray(scenes.scene(one.seed).picture)))
            yield Underway(sum(map(len, drawn)) / of, "Drawing the scenes from their numbers")
    dice = np.random.default_rng(seed)
    close = np.concatenate([index.of(one.id) for one in value.near])
    any_ = dice.choice(index.scenes, DRAWN, replace=False)
    value = replace(
        value, by_word=tuple(drawn[0]), by_meaning=tuple(drawn[1]),
        fitting=_fitting(query, dice.permutation(close)[:LOOKED_AT]), chance=_fitting(query, any_),
    )  # fmt: skip
    yield _evidence(value, space, took, seed)


def find(index: Index, space: meaning.Space, query: str, samples: int, seed: int) -> Search:
    """Both searches, with the scenes to draw."""
    word = index.by_word(query)
    common = word.captions[np.argsort(-index.times[word.captions], kind="stable")[:SHOWN]]
    near = index.by_meaning(query, space, SHOWN)
    dice = np.random.default_rng(seed)
    vectors = space.captions([query, *(index.captions[one] for one in dice.choice(len(index.captions), 32))])
    far = vectors[1:] @ vectors[0]
    lacking = [one for one in near if not set(word.words) <= set(search.asked(one.caption))]
    picked = index.sample(word.captions, samples, seed)
    close = tuple(int(dice.choice(index.of(one.id))) for one in near[:samples])
    return Search(
        query.strip(), index.scenes, word, tuple((index.captions[one], int(index.times[one])) for one in common),
        near, len(lacking), (float(far.mean()), float(far.max())), diet.unknown_words(query),
        tuple(_of(index, one) for one in picked), tuple(_of(index, one) for one in close),
    )  # fmt: skip


def _of(index: Index, seed: int) -> Drawn:
    return Drawn(seed, index.captions[index.which[seed]])


def _fitting(query: str, seeds: Sequence[int] | np.ndarray) -> Interval | None:
    """How many scenes show everything that is asked; None where the grammar reads nothing in the query."""
    facts = facts_of(query)
    if not (facts.things or facts.background):
        return None
    return wilson(sum(search.shows(scenes.plan(int(seed)), facts) for seed in seeds), len(seeds))


def browse_truth(value: Search) -> tuple[float, str]:
    return value.word.scenes, f"{value.word.scenes:,} of {value.scenes:,} scenes, {_share(value)}"


def _share(value: Search) -> str:
    if not value.word.scenes:
        return "none"
    every = value.scenes / value.word.scenes
    return f"one in {every:,.0f}" if every >= 2 else percent(value.word.scenes / value.scenes)


def _evidence(value: Search, space: meaning.Space, seconds: float, seed: int) -> Evidence[Search]:
    rows = [
        *(("by word", caption, times, None) for caption, times in value.often),
        *(("by meaning", one.caption, one.scenes, round(one.cosine, 3)) for one in value.near),
    ]
    alt = (
        f"“{value.query}” among {value.scenes:,} captions. By word {plural(value.word.scenes, 'scene')}, in "
        f"{plural(len(value.word.captions), 'wording')}. Nearest by meaning: “{value.near[0].caption}”, cosine "
        f"{value.near[0].cosine:.2f}; captions drawn blindly lie at {value.far[0]:.2f} on average."
    )
    return Evidence(
        value, alt, Table(("search", "caption", "scenes", "cosine"), tuple(rows)),
        Provenance("live", space.name, space.revision,
                   {"query": value.query, "captions": f"{value.scenes:,}"}, seed, seconds),
        tuple(_findings(value)), snippet(value.query), value.word.scenes,
    )  # fmt: skip


def _findings(value: Search) -> Iterator[Finding]:
    word = value.word
    if len(word.words) > 1:
        alone = ", ".join(f"“{one}” {times:,}" for one, times in zip(word.words, word.alone, strict=True))
        text = f"of the scenes have all your words in their caption: {_share(value)}. Each word alone: {alone}."
    else:
        text = f"of the scenes have that word in their caption: {_share(value)}."
    yield Finding(f"{word.scenes:,}", text)
    nearest = value.near[0]
    yield Finding(
        f"{value.other} of {len(value.near)}",
        f"captions nearest in meaning lack {'one of your words' if len(word.words) > 1 else 'your word'}, so no search "
        f"by word finds them. The nearest lies at a "
        f"cosine of {nearest.cosine:.2f}, the last of these at {value.near[-1].cosine:.2f}; captions drawn blindly at "
        f"{value.far[0]:.2f} on average, {value.far[1]:.2f} at most.",
    )
    if value.fitting and value.chance:
        yield Finding(
            f"{percent(value.fitting.rate)} against {percent(value.chance.rate)}",
            f"of the scenes with these captions show everything you asked for, as far as the grammar reads it: "
            f"{value.fitting}. Of scenes drawn blindly: {value.chance}.",
        )
    if value.unmet:
        named = ", ".join(f"“{one}”" for one in value.unmet[:4])
        yield Finding(
            named,
            "never stood in a caption. The space places it somewhere all the same, by the pieces it falls into: what "
            "is near then is near by accident.",
        )


def snippet(query: str) -> str:
    """``result``: how many training scenes have all the words of ``query`` in their caption."""
    return f"""import re

import numpy as np

kept = np.load("models/sticker-world/captions.npz")
captions = kept["captions"].tobytes().decode().lower().split("\\n")
wanted = set(re.findall(r"[^\\W_]+", {query.lower()!r}))
holding = [wanted <= set(re.findall(r"[^\\W_]+", caption)) for caption in captions]
result = int(np.array(holding)[kept["which"]].sum())
print(f"{{result:,}} of {{len(kept['which']):,}} scenes")
"""


# --- other wordings -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Wordings:
    """For each query: of its nearest captions the share that fit, that fit and lack a word, and that fit by chance."""

    queries: tuple[str, ...]
    fit: np.ndarray
    missed: np.ndarray
    chance: np.ndarray

    def rate(self, which: np.ndarray) -> Mean:
        return share(which)


def wordings(painter: Painter, queries: int = QUERIES, seed: int = 0) -> Iterator[Underway | Evidence[Wordings]]:
    """Search by meaning for captions of unseen scenes, and count what fits and what a search by word would miss."""
    began = time.perf_counter()
    count = whole("The number of searches", queries, 2, MOST_QUERIES)
    seed = whole("The seed", seed, 0, MAX_SEED)
    index, space = search.load(), meaning.load(painter)
    dice = np.random.default_rng(seed)
    asked, rows = [], []
    for number in range(count):
        plan = scenes.plan(UNSEEN + int(dice.integers(1_000_000)), "single")
        query = str(dice.choice(scenes.phrasings(plan)))
        near = index.by_meaning(query, space, TOP)
        held = set(search.asked(query))
        fits = [search.shows(scenes.plan(int(index.of(one.id)[0])), facts_of(query)) for one in near]
        lacks = [not held <= set(search.asked(one.caption)) for one in near]
        any_ = [search.shows(scenes.plan(int(one)), facts_of(query)) for one in dice.choice(index.scenes, TOP)]
        asked.append(query)
        rows.append((np.mean(fits), np.mean(np.logical_and(fits, lacks)), np.mean(any_)))
        yield Underway((number + 1) / count, f"Searching for “{query}”")
    fit, missed, chance = np.array(rows).T
    value = Wordings(tuple(asked), fit, missed, chance)
    yield Evidence(
        value,
        f"{count} captions of unseen scenes with one kind of thing. Of the {TOP} nearest by meaning "
        f"{words(value.rate(fit), 0, True)} show what was asked; {words(value.rate(missed), 0, True)} do and lack one "
        f"of its words. Of scenes drawn blindly {words(value.rate(chance), 0, True)} do.",
        Table(
            ("search", "fit of the nearest", "fit and lack a word", "fit by chance"),
            tuple((query, *(round(float(one), 2) for one in row)) for query, row in zip(asked, rows, strict=True)),
        ),
        Provenance("live", space.name, space.revision, {"searches": count, "nearest": TOP}, seed,
                   time.perf_counter() - began),
        (
            Finding(
                words(value.rate(missed), 0, True),
                f"of the {TOP} captions nearest in meaning show what was asked in other words, which a search by word "
                f"misses. All that fit: {words(value.rate(fit), 0, True)}.",
            ),
            Finding(
                words(value.rate(chance), 0, True),
                "of scenes drawn blindly fit as well: the control.",
            ),
        ),
        wordings_snippet(value.queries), [float(fit.mean()), float(missed.mean())],
    )  # fmt: skip


def wordings_snippet(queries: Sequence[str]) -> str:
    """``result``: of the captions nearest to ``queries`` the share that fit, and that fit and lack a word."""
    asked = ",\n    ".join(map(repr, queries))
    return f"""import re

import numpy as np
import torch
from transformers import CLIPTextModel, CLIPTokenizer

from engines.stickers import scenes, search
from engines.stickers.shared_space import SharedSpace
from engines.stickers.world import facts_of

queries = [
    {asked},
]
reader = CLIPTextModel.from_pretrained("models/painter/text_encoder", dtype=torch.float32).eval()
tokenizer = CLIPTokenizer.from_pretrained("models/painter/tokenizer")
space = SharedSpace.from_pretrained("models/space", torch_dtype=torch.float32).eval()
kept = np.load("models/sticker-world/captions.npz")
captions = kept["captions"].tobytes().decode().split("\\n")
said = list(search.wordings(captions).values())  # numbers of the captions that say the same


def vectors(texts):
    ids = tokenizer(texts, padding=True, truncation=True, return_tensors="pt").input_ids
    with torch.no_grad():
        return space.encode_captions(reader(ids).pooler_output).numpy()


def words(text):
    return set(re.findall(r"[^\\W_]+", text.lower()))


result = []
for query in queries:
    vector = vectors([query])[0]
    codes = (vector - kept["mean"]) @ kept["axes"].T / kept["step"]
    rows = ((kept["codes"].astype(np.float32) - codes.astype(np.float32)) ** 2).sum(1).argsort(kind="stable")
    proposed = [number for row in rows[:{search.PROPOSED}] for number in said[row]][:{search.PROPOSED}]
    cosines = vectors([captions[number] for number in proposed]) @ vector
    nearest = [proposed[at] for at in (-cosines).argsort(kind="stable")[:{TOP}]]
    first = [int((kept["which"] == number).argmax()) for number in nearest]  # a scene of each caption
    fits = np.array([search.shows(scenes.plan(seed), facts_of(query)) for seed in first])
    lacks = np.array([not words(query) <= words(captions[number]) for number in nearest])
    result.append([fits.mean(), (fits & lacks).mean()])
    print(f"{{query}}: {{fits.sum()}} of {TOP} fit, {{(fits & lacks).sum()}} of these lack a word")
result = np.mean(result, axis=0)
"""


def columns(value: Wordings) -> tuple[tuple[str, Mean], ...]:
    """The three shares by name, for a chart."""
    return tuple(
        (name, value.rate(of))
        for name, of in (
            ("nearest by meaning, fit", value.fit),
            ("of these, in other words", value.missed),
            ("drawn blindly, fit", value.chance),
        )
    )
