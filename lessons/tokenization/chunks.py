"""Screen 1: one text, cut by many vocabularies as it is typed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engines.evidence import Evidence, Finding, Provenance, Table
from engines.statistics import plural
from engines.text import vocabularies
from engines.text.vocabularies import Tokenized, VocabularyInfo
from lessons.tokenization.measures import PACKAGE, WORD, bounded, check_text, counted, cutting, split, tokens_in

COLUMNS = ("Vocabulary", "Entries", "Tokens", "Characters a token", "Fragments of characters", "Licence", "Ids")


@dataclass(frozen=True)
class Chunks:
    """A text cut by each vocabulary that can, those still to be fetched, and what there is to say of it."""

    text: str
    cuts: tuple[Tokenized, ...]
    missing: tuple[VocabularyInfo, ...] = ()
    ids_only: bool = False
    notes: tuple[str, ...] = ()


def as_typed(text: str, ticked: Sequence[str], mode: str = "chunks") -> Iterator[Evidence[Chunks]]:
    """What stands in the box, or the beginning of it, cut by the ticked vocabularies. ``mode``: chunks or ids."""
    ready, missing = split(ticked)
    check_text(text[:1], ticked)
    text, note = bounded(text)
    evidence = chunks(text, ready) if ready else _nothing(text)
    notes = tuple(one for one in (note, vocabularies.left_out()) if one)
    value = replace(evidence.value, missing=missing, ids_only=mode == "ids", notes=notes)
    yield replace(evidence, value=value)


def chunks(text: str, keys: Sequence[str]) -> Evidence[Chunks]:
    """``text`` cut by each vocabulary of ``keys``."""
    check_text(text, keys)
    began = time.perf_counter()
    cuts = tuple(vocabularies.tokenize(text, key) for key in keys)
    fewest, most = min(cuts, key=lambda c: len(c.ids)), max(cuts, key=lambda c: len(c.ids))
    rows = tuple(
        (
            cut.vocabulary.name, cut.vocabulary.size, len(cut.ids),
            round(cut.characters_per_token, 2) if cut.ids else None, sum(not span.whole for span in cut.spans),
            cut.vocabulary.licence, " ".join(map(str, cut.ids)),
        )
        for cut in cuts
    )  # fmt: skip
    if len(fewest.ids) == len(most.ids):
        spread = f"{plural(len(most.ids), 'token')} in every vocabulary shown"
    else:
        few = plural(len(fewest.ids), "token")
        spread = f"{fewest.vocabulary.name} needs {few}, {most.vocabulary.name} {len(most.ids)}"
    seconds = time.perf_counter() - began
    return Evidence(
        value=Chunks(text, cuts),
        alt=f"The text, {plural(len(text), 'character')} long, cut by {counted(cuts)}: {spread}.",
        table=Table(COLUMNS, rows),
        provenance=Provenance("live", counted(cuts), "", {"text": text, "package": PACKAGE}, seconds=seconds),
        findings=_findings(text, cuts, fewest, most),
        snippet=f"""{cutting(cut.vocabulary for cut in cuts)}
text = {ascii(text)}
result = {{key: list(ids(text)) for key, ids in cut.items()}}
""",
        expected={cut.vocabulary.key: list(cut.ids) for cut in cuts},
    )


def _nothing(text: str) -> Evidence[Chunks]:
    """No cut at all, where none of the ticked vocabularies is here yet."""
    words = "None of the vocabularies shown is on this machine yet, so nothing is cut."
    return Evidence(Chunks(text, ()), words, Table(COLUMNS, ()), Provenance("live", "no vocabulary", ""))


def _findings(text: str, cuts: Sequence[Tokenized], fewest: Tokenized, most: Tokenized) -> tuple[Finding, ...]:
    low, high = len(fewest.ids), len(most.ids)
    cards = [
        Finding(
            str(low) if low == high else f"{low} to {high}",
            f"token{'' if high == 1 else 's'} for the same {plural(len(text), 'character')}: "
            "each model has its own list of chunks.",
        )
    ]
    broken = [cut for cut in cuts if any(not span.whole for span in cut.spans)]
    if broken:
        worst = max(broken, key=lambda cut: sum(not span.whole for span in cut.spans))
        fragments = sum(not span.whole for span in worst.spans)
        cards.append(
            Finding(
                f"{fragments} of {len(worst.ids)}",
                f"tokens of {worst.vocabulary.name} are no whole character: bytes of a symbol, shown in hex.",
            )
        )
    dropped = [cut for cut in cuts if cut.dropped]
    for cut in dropped[:1]:
        reach, them = ("reaches", "it") if len(cut.dropped) == 1 else ("reach", "them")
        cards.append(
            Finding(
                plural(len(cut.dropped), "stretch", "stretches"),
                f"of your text never {reach} a token of {cut.vocabulary.name}; “chunks and ids” shows {them} struck "
                "out.",
            )
        )
    rates = [cut.characters_per_token for cut in cuts if cut.ids]
    if rates and not broken and not dropped:
        cards.append(
            Finding(
                f"{statistics.median(rates):.1f}",
                "characters a token, the median of these vocabularies for this text.",
            )
        )
    return tuple(cards)


def space_matters(text: str, keys: Sequence[str]) -> tuple[str, ...]:
    """The vocabularies of ``keys`` that cut ``text`` into another number of chunks when a space stands before it."""
    check_text(text, keys)
    bare = text.lstrip(" ")
    return tuple(key for key in keys if tokens_in(bare, key) != tokens_in(" " + bare, key))


def space_truth(value: Chunks) -> tuple[float, str] | None:
    """The share of the vocabularies shown to which a space before “strawberry” matters, whatever the box holds."""
    if not value.cuts:
        return None
    keys = [cut.vocabulary.key for cut in value.cuts]
    changed = space_matters(WORD, keys)
    return len(changed) / len(keys), f"{len(changed)} of {counted(keys)} cut “␣{WORD}” into another number of chunks"
