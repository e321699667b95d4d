"""Screen 3: how much text a token carries, and what the same articles cost in six languages."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engines.evidence import Evidence, Finding, Provenance, Table
from engines.statistics import Mean, mean_interval
from engines.text import vocabularies
from engines.text.vocabularies import VocabularyInfo
from lessons.tokenization.measures import PACKAGE, bounded, check_text, counted, cutting, samples, split, tokens_in

LANGUAGES = frozenset(("English", "German", "Swahili", "Chinese", "Arabic", "Hindi"))
COLUMNS = ("Text", "Vocabulary", "Characters", "Tokens", "Characters a token", "Tokens × English (95 % interval)")


@dataclass(frozen=True)
class Rate:
    """Characters a token of one text kind in one vocabulary, and tokens against English where the text is parallel.

    ``times_english`` is (mean, low, high) over the articles of the declaration: a 95 % interval.
    """

    kind: str
    key: str
    vocabulary: str
    characters: int
    tokens: int
    times_english: Mean | None = None

    @property
    def characters_per_token(self) -> float:
        return self.characters / self.tokens


def measure(own: str, ticked: Sequence[str]) -> Iterator[Evidence[tuple[Rate, ...]]]:
    """Every bundled text, and the beginning of the learner's ``own`` if there is one, by the ticked vocabularies."""
    yield rates(split(ticked)[0], own or "")


def rates(keys: Sequence[str], own: str = "") -> Evidence[tuple[Rate, ...]]:
    """Characters a token for every bundled kind of text, and the learner's ``own`` text if there is one."""
    check_text(own[:1] or "a", keys)
    began = time.perf_counter()
    own, longer = bounded(own)
    name = "Your text, its beginning" if longer else "Your text"
    kinds = {**samples()["kinds"], **({name: own} if own.strip() else {})}
    declaration = samples()["declaration"]
    infos = {key: vocabularies.tokenize("", key).vocabulary for key in keys}
    found: list[Rate] = []
    for key, info in infos.items():
        english = [tokens_in(article, key) for article in declaration["English"]]
        found += [Rate(kind, key, info.name, len(text), tokens_in(text, key)) for kind, text in kinds.items()]
        for language, articles in declaration.items():
            tokens = [tokens_in(article, key) for article in articles]
            ratio = mean_interval([mine / theirs for mine, theirs in zip(tokens, english, strict=True)])
            against = None if language == "English" else ratio
            found.append(Rate(language, key, info.name, sum(map(len, articles)), sum(tokens), against))
    by_kind = {kind: {rate.key: rate for rate in found if rate.kind == kind} for kind in (*kinds, *declaration)}
    rows = tuple(
        (
            rate.kind, rate.vocabulary, rate.characters, rate.tokens, round(rate.characters_per_token, 2),
            "{:.2f} ({:.2f}–{:.2f})".format(*rate.times_english) if rate.times_english else None,
        )
        for rate in found
    )  # fmt: skip
    settings = {"texts": len(by_kind), "intervals": "95 %, over 8 articles", "package": PACKAGE}
    seconds = time.perf_counter() - began
    return Evidence(
        value=tuple(found),
        alt=f"Characters a token over {counted(keys)}: {', '.join(_span(*pair) for pair in by_kind.items())}.",
        table=Table(COLUMNS, rows),
        provenance=Provenance("live", counted(keys), "", settings, seconds=seconds),
        findings=_findings(by_kind, infos, keys),
        snippet=f"""{cutting(infos.values())}
articles = {list(declaration["English"])!r}
result = {{}}
for key, ids in cut.items():
    tokens = sum(len(ids(article)) for article in articles)
    result[key] = round(sum(map(len, articles)) / tokens, 4)
""",
        expected={infos[key].key: round(by_kind["English"][key].characters_per_token, 4) for key in keys},
    )


def _span(kind: str, at: Mapping[str, Rate]) -> str:
    values = [rate.characters_per_token for rate in at.values()]
    return f"{min(values):.1f} to {max(values):.1f} in {kind}"


def _findings(
    by_kind: Mapping[str, Mapping[str, Rate]], infos: Mapping[str, VocabularyInfo], keys: Sequence[str]
) -> tuple[Finding, ...]:
    story = [by_kind["English story"][key].characters_per_token for key in keys]
    cells = [rate.characters_per_token for kind in by_kind.values() for rate in kind.values()]
    sizes = [infos[key].size for key in keys]
    compared = [(rate.times_english, rate) for kind in by_kind.values() for rate in kind.values() if rate.times_english]
    (mean, low, high), worst = max(compared, key=lambda pair: pair[0][0])
    return (
        Finding(
            f"{min(story):.1f}–{max(story):.1f}",
            f"characters a token in the English story. Of the {len(cells)} cells of the whole table, "
            f"{sum(3 <= cell <= 4 for cell in cells)} lie between 3 and 4.",
        ),
        Finding(
            f"{min(sizes):,}–{max(sizes):,}",
            f"entries in these vocabularies; {sum(50_000 <= size <= 200_000 for size in sizes)} of {len(sizes)} hold "
            "between 50,000 and 200,000.",
        ),
        Finding(
            f"× {mean:.1f}",
            f"tokens for {worst.kind} against the same articles in English with {worst.vocabulary} "
            f"(95 % interval {low:.1f}–{high:.1f}).",
        ),
    )


def hindi_truth(value: Sequence[Rate]) -> tuple[float, str] | None:
    """How many times as many tokens Hindi takes with GPT-4's vocabulary, if that one was measured."""
    hindi = next((rate.times_english for rate in value if (rate.kind, rate.key) == ("Hindi", "cl100k")), None)
    if hindi is None:
        return None
    mean, low, high = hindi
    return mean, f"× {mean:.1f} (95 % interval {low:.1f}–{high:.1f}, over 8 articles)"
