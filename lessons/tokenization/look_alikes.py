"""Screen 6: two strings that look, or mean, the same."""

from __future__ import annotations

import statistics
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from engines.evidence import Evidence, Finding, Provenance, Table
from engines.statistics import plural
from engines.text import vocabularies
from engines.text.vocabularies import Tokenized
from lessons.tokenization.measures import PACKAGE, check_text, counted, cutting, samples, split

FIRST = "accent"
COLUMNS = ("Vocabulary", "First: tokens", "First: ids", "Second: tokens", "Second: ids", "Same ids")


@dataclass(frozen=True)
class Pair:
    """Two strings that a reader may take for the same, and what sets them apart."""

    key: str
    title: str
    left: str
    right: str
    why: str


@dataclass(frozen=True)
class Compared:
    """Two strings as each vocabulary cuts them: (first, second)."""

    left: str
    right: str
    cuts: tuple[tuple[Tokenized, Tokenized], ...]

    @property
    def same(self) -> tuple[str, ...]:
        """The names of the vocabularies that give both the same ids."""
        return tuple(a.vocabulary.name for a, b in self.cuts if a.ids == b.ids)


@cache
def pairs() -> Mapping[str, Pair]:
    """The bundled pairs by key, in the order to offer them."""
    return {entry["key"]: Pair(**entry) for entry in samples()["pairs"]}


def compare(left: str, right: str, ticked: Sequence[str]) -> Iterator[Evidence[Compared]]:
    """Two strings by the ticked vocabularies."""
    yield look_alikes(left, right, split(ticked)[0])


def look_alikes(left: str, right: str, keys: Sequence[str]) -> Evidence[Compared]:
    """Two strings cut by each vocabulary: which of them gives both the same ids?"""
    check_text(left, keys)
    check_text(right, keys)
    began = time.perf_counter()
    cuts = tuple((vocabularies.tokenize(left, key), vocabularies.tokenize(right, key)) for key in keys)
    value = Compared(left, right, cuts)
    same = value.same
    shared = [len(set(a.ids) & set(b.ids)) / len(set(a.ids) | set(b.ids) or {0}) for a, b in cuts]
    gives = "gives" if len(same) == 1 else "give"
    summary = f"{', '.join(same)} {gives} both the same ids" if same else "all of them tell the two apart"
    codes = [" ".join(f"U+{ord(letter):04X}" for letter in text) for text in (left, right)]
    rows = tuple(
        (a.vocabulary.name, len(a.ids), _ids(a), len(b.ids), _ids(b), "yes" if a.ids == b.ids else "no")
        for a, b in cuts
    )
    settings = {"first": codes[0], "second": codes[1], "package": PACKAGE}
    seconds = time.perf_counter() - began
    return Evidence(
        value=value,
        alt=f"Two strings, {plural(len(left), 'character')} and {plural(len(right), 'character')} long, in "
        f"{counted(cuts)}: {summary}.",
        table=Table(COLUMNS, rows),
        provenance=Provenance("live", counted(cuts), "", settings, seconds=seconds),
        findings=(
            Finding(
                f"{len(cuts) - len(same)} of {len(cuts)}", "vocabularies hand the model different ids for the two."
            ),
            Finding(
                f"{statistics.mean(shared):.0%}".replace("%", " %"),
                "of the ids are in both cuts, on average. The rest look to the model like other words.",
            ),
        ),
        snippet=f"""{cutting(a.vocabulary for a, _ in cuts)}
first, second = {ascii(left)}, {ascii(right)}
result = {{key: [list(ids(first)), list(ids(second))] for key, ids in cut.items()}}
""",
        expected={a.vocabulary.key: [list(a.ids), list(b.ids)] for a, b in cuts},
    )


def _ids(cut: Tokenized) -> str:
    return " ".join(map(str, cut.ids))


def names_of(text: str) -> tuple[str, ...]:
    """The Unicode name of every character of ``text``."""
    return tuple(f"U+{ord(letter):04X} {unicodedata.name(letter, 'unnamed').lower()}" for letter in text)


def accent_truth(value: Compared) -> tuple[float, str] | None:
    """Which choice came true for the accented pair: all, two or more, one, none."""
    first = pairs()[FIRST]
    if (value.left, value.right) != (first.left, first.right):
        return None
    same, of = len(value.same), len(value.cuts)
    index = 0 if same == of else 1 if same > 1 else 2 if same else 3
    return index, f"{same} of {counted(value.cuts)} {'gives' if same == 1 else 'give'} both the same ids"
