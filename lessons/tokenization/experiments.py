"""What the tokenization lesson measures: cuts side by side, merges learned, characters a token, look-alikes.

What needs the language model (counting and spelling) is in :mod:`lessons.tokenization.letters`.
"""

from __future__ import annotations

import re
import statistics
import time
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from engines.evidence import Evidence, Finding, PlainError, Provenance, Table
from engines.statistics import mean_interval
from engines.text import byte_pairs, snippets, vocabularies
from engines.text.byte_pairs import Merge
from engines.text.pieces import BYTE_OF
from engines.text.vocabularies import Tokenized, VocabularyInfo

MAX_TYPED = 2_000
LETTER_OF = {byte: letter for letter, byte in BYTE_OF.items()}
MERGES = 400


# --- One text, many vocabularies -----------------------------------------------------------------------------


def ready() -> tuple[VocabularyInfo, ...]:
    """The vocabularies that can cut right now, in the order to show them."""
    return tuple(info for info in vocabularies.available() if info.ready)


def chunks(text: str, keys: Sequence[str]) -> Evidence[tuple[Tokenized, ...]]:
    """``text`` cut by each vocabulary of ``keys``."""
    _check(text, keys)
    started = time.perf_counter()
    cuts = tuple(vocabularies.tokenize(text, key) for key in keys)
    fewest, most = min(cuts, key=lambda c: len(c.ids)), max(cuts, key=lambda c: len(c.ids))
    rows = tuple(
        (
            cut.vocabulary.name,
            cut.vocabulary.size,
            len(cut.ids),
            round(cut.characters_per_token, 2) if cut.ids else None,
            sum(not span.whole for span in cut.spans),
            cut.vocabulary.licence,
            " ".join(map(str, cut.ids)),
        )
        for cut in cuts
    )
    if len(fewest.ids) == len(most.ids):
        spread = f"{_tokens(len(most.ids))} in every vocabulary shown"
    else:
        spread = f"{fewest.vocabulary.name} needs {_tokens(len(fewest.ids))}, {most.vocabulary.name} {len(most.ids)}"
    columns = ("Vocabulary", "Entries", "Tokens", "Characters a token", "Fragments of characters", "Licence", "Ids")
    return Evidence(
        value=cuts,
        alt=f"The text, {_count(len(text), 'character')} long, cut by {_count(len(cuts), 'vocabulary')}: {spread}.",
        table=Table(columns, rows),
        provenance=Provenance(
            badge="live",
            model=_count(len(cuts), "vocabulary"),
            revision="",
            settings={"text": text, "package": "splintr-rs 0.22.0"},
            seconds=time.perf_counter() - started,
        ),
        findings=_chunk_findings(text, cuts, fewest, most),
        snippet=_chunk_snippet(text, cuts),
        expected={cut.vocabulary.key: list(cut.ids) for cut in cuts},
    )


def _chunk_findings(text: str, cuts: Sequence[Tokenized], fewest: Tokenized, most: Tokenized) -> tuple[Finding, ...]:
    low, high = len(fewest.ids), len(most.ids)
    cards = [
        Finding(
            str(low) if low == high else f"{low} to {high}",
            f"token{'' if high == 1 else 's'} for the same {_count(len(text), 'character')}: "
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
        cards.append(
            Finding(
                _count(len(cut.dropped), "stretch"),
                f"of your text never reaches a token of {cut.vocabulary.name}; “chunks and ids” shows it struck out.",
            )
        )
    if not broken and not dropped:
        rates = [cut.characters_per_token for cut in cuts if cut.ids]
        if rates:
            cards.append(
                Finding(
                    f"{statistics.median(rates):.1f}",
                    "characters a token, the median of these vocabularies for this text.",
                )
            )
    return tuple(cards)


def _chunk_snippet(text: str, cuts: Iterable[Tokenized]) -> str:
    return f"""{_cutting(cut.vocabulary for cut in cuts)}
text = {text!r}
result = {{key: list(ids_of(text)) for key, ids_of in cut.items()}}
"""


def _cutting(infos: Iterable[VocabularyInfo]) -> str:
    return snippets.cutting({info.key: info.reference for info in infos})


def space_matters(text: str, keys: Sequence[str]) -> tuple[str, ...]:
    """The names of the vocabularies that cut ``text`` into another number of chunks when a space stands before it."""
    _check(text, keys)
    bare = text.lstrip(" ")
    return tuple(
        vocabularies.tokenize(bare, key).vocabulary.name
        for key in keys
        if len(vocabularies.tokenize(bare, key).ids) != len(vocabularies.tokenize(" " + bare, key).ids)
    )


# --- A vocabulary learned from a text --------------------------------------------------------------------------


@dataclass(frozen=True)
class Growth:
    """A vocabulary after some merges, and what it makes of a word and of the text it was learned from."""

    merges: tuple[Merge, ...]
    learned: int
    word: str
    chunks: tuple[bytes, ...]
    opening: tuple[bytes, ...]
    characters_per_token: float
    last: Merge | None


def learn(text: str) -> tuple[Merge, ...]:
    """Every merge that ``text`` teaches, :data:`MERGES` at most."""
    return byte_pairs.learn(text, MERGES)


def grown(merges: Sequence[Merge], text: str, word: str, learned: int, name: str) -> Evidence[Growth]:
    """The vocabulary after its first ``learned`` merges; ``word`` is cut as it stands inside a sentence."""
    if not word.strip():
        raise PlainError("Type a word to cut.")
    if len(word) > 60:
        raise PlainError("Keep the word to 60 characters.")
    known = tuple(merges[:learned])
    inside = " " + word.strip()
    pieces, diet = byte_pairs.cut(inside, known), byte_pairs.cut(text, known)
    growth = Growth(
        known, len(known), word.strip(), pieces, diet[:90], len(text) / len(diet), known[-1] if known else None
    )
    shown = " | ".join(show(piece) for piece in pieces)
    whole = next((n for n in range(len(merges) + 1) if len(byte_pairs.cut(inside, merges[:n])) == 1), None)
    one_chunk = (
        f"merge {whole} makes it one chunk"
        if whole is not None
        else f"even all {len(merges)} merges leave it in {len(byte_pairs.cut(inside, merges))} chunks"
    )
    return Evidence(
        value=growth,
        alt=(
            f"After {_count(len(known), 'merge')} learned from {name}, “{word.strip()}” is cut into "
            f"{_count(len(pieces), 'chunk')}: {shown}. The text itself takes {growth.characters_per_token:.2f} "
            "characters a token."
        ),
        table=Table(
            ("Merge", "Left", "Right", "New chunk", "Times side by side"),
            tuple((n, show(m.left), show(m.right), show(m.chunk), m.count) for n, m in enumerate(known, start=1)),
        ),
        provenance=Provenance(
            badge="live",
            model="byte-pair encoding",
            revision="",
            settings={"learned_from": name, "merges": len(known), "entries": 256 + len(known), "word": word.strip()},
        ),
        findings=(
            Finding(_count(len(pieces), "chunk"), f"for “{word.strip()}” after {len(known)} merges; {one_chunk}."),
            Finding(
                f"{growth.characters_per_token:.2f}",
                f"characters a token over the text it was learned from. With no merges, a token is one byte: "
                f"{len(text) / len(text.encode()):.2f}.",
            ),
        ),
        snippet=_learn_snippet(text, inside, len(known)),
        expected=["".join(LETTER_OF[byte] for byte in piece) for piece in pieces],
    )


def _learn_snippet(text: str, word: str, learned: int) -> str:
    if not learned:
        return ""
    return f"""from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

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


# --- How much text a token carries -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Rate:
    """Characters a token of one text kind in one vocabulary, and tokens against English where the text is parallel.

    ``times_english`` is (mean, low, high) over the articles of the declaration: a 95 % interval.
    """

    kind: str
    key: str
    characters: int
    tokens: int
    times_english: tuple[float, float, float] | None = None

    @property
    def characters_per_token(self) -> float:
        return self.characters / self.tokens


@cache
def samples() -> Mapping[str, Any]:
    """The texts bundled with this lesson; see the head of samples.yaml for where they come from."""
    import yaml

    return yaml.safe_load((Path(__file__).parent / "samples.yaml").read_text(encoding="utf-8"))


def rates(keys: Sequence[str], own: str = "") -> Evidence[tuple[Rate, ...]]:
    """Characters a token for every bundled kind of text, and the learner's ``own`` text if there is one."""
    _check(own or "a", keys)
    started = time.perf_counter()
    kinds = {**samples()["kinds"], **({"Your text": own} if own.strip() else {})}
    declaration = samples()["declaration"]
    found: list[Rate] = []
    for key in keys:
        english = [_tokens_in(article, key) for article in declaration["English"]]
        for kind, text in kinds.items():
            found.append(Rate(kind, key, len(text), _tokens_in(text, key)))
        for language, articles in declaration.items():
            tokens = [_tokens_in(article, key) for article in articles]
            ratio = mean_interval([mine / theirs for mine, theirs in zip(tokens, english, strict=True)])
            found.append(
                Rate(language, key, sum(map(len, articles)), sum(tokens), None if language == "English" else ratio)
            )
    infos = {key: vocabularies.tokenize("", key).vocabulary for key in keys}
    by_kind = {kind: {rate.key: rate for rate in found if rate.kind == kind} for kind in (*kinds, *declaration)}
    rows = tuple(
        (
            rate.kind,
            infos[rate.key].name,
            rate.characters,
            rate.tokens,
            round(rate.characters_per_token, 2),
            *((round(value, 2) for value in rate.times_english) if rate.times_english else (None, None, None)),
        )
        for rate in found
    )
    return Evidence(
        value=tuple(found),
        alt=_rates_alt(by_kind, infos, keys),
        table=Table(
            ("Text", "Vocabulary", "Characters", "Tokens", "Characters a token", "Tokens × English", "low", "high"),
            rows,
        ),
        provenance=Provenance(
            badge="live",
            model=_count(len(keys), "vocabulary"),
            revision="",
            settings={"texts": len(by_kind), "intervals": "95 %, over 8 articles", "package": "splintr-rs 0.22.0"},
            seconds=time.perf_counter() - started,
        ),
        findings=_rates_findings(by_kind, infos, keys),
        snippet=_rates_snippet(infos.values()),
        expected={infos[key].key: round(by_kind["English"][key].characters_per_token, 4) for key in keys},
    )


def _rates_alt(
    by_kind: Mapping[str, Mapping[str, Rate]], infos: Mapping[str, VocabularyInfo], keys: Sequence[str]
) -> str:
    def span(kind: str) -> str:
        values = [by_kind[kind][key].characters_per_token for key in keys]
        return f"{min(values):.1f} to {max(values):.1f} in {kind}"

    names = _count(len(keys), "vocabulary")
    return f"Characters a token over {names}: {', '.join(span(kind) for kind in by_kind)}."


LANGUAGES = frozenset(("English", "German", "Swahili", "Chinese", "Arabic", "Hindi"))


def _rates_findings(
    by_kind: Mapping[str, Mapping[str, Rate]], infos: Mapping[str, VocabularyInfo], keys: Sequence[str]
) -> tuple[Finding, ...]:
    story = [by_kind["English story"][key].characters_per_token for key in keys]
    in_range = sum(3 <= rate.characters_per_token <= 4 for kind in by_kind.values() for rate in kind.values())
    cells = sum(len(kind) for kind in by_kind.values())
    sizes = [infos[key].size for key in keys]
    cards = [
        Finding(
            f"{min(story):.1f}–{max(story):.1f}",
            f"characters a token in the English story. Of the {cells} cells of the whole table, {in_range} lie "
            "between 3 and 4.",
        ),
        Finding(
            f"{min(sizes):,}–{max(sizes):,}",
            f"entries in these vocabularies; {sum(50_000 <= size <= 200_000 for size in sizes)} of {len(sizes)} hold "
            "between 50,000 and 200,000.",
        ),
    ]
    worst = max(
        (rate for kind in by_kind.values() for rate in kind.values() if rate.times_english),
        key=lambda rate: rate.times_english[0] if rate.times_english else 0.0,
    )
    assert worst.times_english is not None
    mean, low, high = worst.times_english
    cards.append(
        Finding(
            f"× {mean:.1f}",
            f"tokens for {worst.kind} against the same articles in English with {infos[worst.key].name} "
            f"(95 % interval {low:.1f}–{high:.1f}).",
        )
    )
    return tuple(cards)


def _rates_snippet(infos: Iterable[VocabularyInfo]) -> str:
    return f"""{_cutting(infos)}
articles = {list(samples()["declaration"]["English"])!r}
result = {{}}
for key, ids_of in cut.items():
    tokens = sum(len(ids_of(article)) for article in articles)
    result[key] = round(sum(map(len, articles)) / tokens, 4)
"""


def _tokens_in(text: str, key: str) -> int:
    return len(vocabularies.tokenize(text, key).ids)


# --- Strings that look the same ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """Two strings that a reader may take for the same, and what sets them apart."""

    key: str
    title: str
    left: str
    right: str
    why: str


@cache
def pairs() -> tuple[Pair, ...]:
    """The bundled pairs, in the order to offer them."""
    return tuple(Pair(**entry) for entry in samples()["pairs"])


def look_alikes(left: str, right: str, keys: Sequence[str]) -> Evidence[tuple[tuple[Tokenized, Tokenized], ...]]:
    """Two strings cut by each vocabulary: which of them gives both the same ids?"""
    _check(left, keys)
    _check(right, keys)
    started = time.perf_counter()
    cuts = tuple((vocabularies.tokenize(left, key), vocabularies.tokenize(right, key)) for key in keys)
    same = [a.vocabulary.name for a, b in cuts if a.ids == b.ids]
    shared = [len(set(a.ids) & set(b.ids)) / len(set(a.ids) | set(b.ids) or {0}) for a, b in cuts]
    told = (
        "all of them tell the two apart"
        if not same
        else f"{', '.join(same)} {'gives' if len(same) == 1 else 'give'} both the same ids"
    )
    codes = tuple(" ".join(f"U+{ord(letter):04X}" for letter in text) for text in (left, right))
    return Evidence(
        value=cuts,
        alt=f"Two strings of {len(left)} and {len(right)} characters in {_count(len(cuts), 'vocabulary')}: {told}.",
        table=Table(
            ("Vocabulary", "First: tokens", "First: ids", "Second: tokens", "Second: ids", "Same ids"),
            tuple(
                (
                    a.vocabulary.name,
                    len(a.ids),
                    " ".join(map(str, a.ids)),
                    len(b.ids),
                    " ".join(map(str, b.ids)),
                    "yes" if a.ids == b.ids else "no",
                )
                for a, b in cuts
            ),
        ),
        provenance=Provenance(
            badge="live",
            model=_count(len(cuts), "vocabulary"),
            revision="",
            settings={"first": codes[0], "second": codes[1], "package": "splintr-rs 0.22.0"},
            seconds=time.perf_counter() - started,
        ),
        findings=(
            Finding(
                f"{len(cuts) - len(same)} of {len(cuts)}",
                "vocabularies hand the model different ids for the two.",
            ),
            Finding(
                f"{statistics.mean(shared):.0%}",
                "of the ids are in both cuts, on average. The rest look to the model like other words.",
            ),
        ),
        snippet=_pair_snippet(left, right, [a for a, _ in cuts]),
        expected={a.vocabulary.key: [list(a.ids), list(b.ids)] for a, b in cuts},
    )


def _pair_snippet(left: str, right: str, cuts: Iterable[Tokenized]) -> str:
    return f"""{_cutting(cut.vocabulary for cut in cuts)}
first, second = {ascii(left)}, {ascii(right)}
result = {{key: [list(ids_of(first)), list(ids_of(second))] for key, ids_of in cut.items()}}
"""


def names_of(text: str) -> tuple[str, ...]:
    """The Unicode name of every character of ``text``."""
    return tuple(f"U+{ord(letter):04X} {unicodedata.name(letter, 'unnamed').lower()}" for letter in text)


# --- Small things --------------------------------------------------------------------------------------------------


def show(chunk: bytes) -> str:
    """A chunk for reading: ␣ for a space, ‹0xE2› for a byte that is no whole character."""
    return chunk.decode("utf-8", "show-bytes").replace(" ", "␣").replace("\n", "⏎")


def _check(text: str, keys: Sequence[str]) -> None:
    if not isinstance(text, str):
        raise PlainError("The text must be text in quotes, not a number or a list.")
    if not text:
        raise PlainError("Type something to cut.")
    if len(text) > MAX_TYPED:
        raise PlainError(f"This text is {len(text):,} characters long. Keep it to {MAX_TYPED:,} here.")
    if not keys:
        raise PlainError("Choose at least one vocabulary.")


def _count(number: int, noun: str) -> str:
    plural = re.sub("y$", "ie", noun) + ("es" if noun.endswith("ch") else "s")
    return f"{number:,} {noun if number == 1 else plural}"


def _tokens(number: int) -> str:
    return _count(number, "token")
