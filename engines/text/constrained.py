"""Writing under a grammar: a mask cuts every token that no sentence of the grammar could go on with.

The loop is beam search (Graves 2012) under a token mask (as in Scholak et al. 2021, PICARD). The grammar may add a
bonus to a word. Whole sentences can then be compared by how much the prompt speaks for them: their log probability
after it less the one after a prompt that says nothing (pointwise mutual information, Holtzman et al. 2021). V is the
size of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from engines.text.dials import Dials, Distribution, Scoreboard, scoreboard, softmax


class Grammar(Protocol):
    """What may follow: token id -> (state after it, bonus in nats); the state is None where the sentence is over."""

    @property
    def start(self) -> Hashable: ...

    def options(self, state: Any) -> Mapping[int, tuple[Any, float]]: ...


@dataclass(frozen=True)
class Leader:
    """A token that the mask left: its chance among all tokens, among those left, and there with its bonus."""

    token_id: int
    text: str
    probability: float
    masked: float
    favoured: float


@dataclass(frozen=True)
class Choice:
    """One token of a sentence: the scoreboard before the mask, how many it left, and the leaders among those."""

    token_id: int
    piece: str
    before: Scoreboard
    allowed: int
    after: tuple[Leader, ...]


@dataclass(frozen=True)
class Sentence:
    """A whole sentence of the grammar.

    ``given`` is its log probability in nats under the mask, ``bonus`` what the grammar added. The choices say how each
    token came about.
    """

    token_ids: tuple[int, ...]
    given: float
    bonus: float
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Draft:
    """The sentence that leads after a pass, with how its last token came about; another may lead after the next."""

    token_ids: tuple[int, ...]
    choice: Choice


Seen = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""The scores of a step: logits [V], ids of the allowed tokens, their log chances under the mask, and their bonuses."""


@dataclass(frozen=True, eq=False)
class _Beam:
    """A sentence under way, in row ``row`` of the batch."""

    state: Any
    token_ids: tuple[int, ...] = ()
    given: float = 0.0
    bonus: float = 0.0
    seen: tuple[Seen, ...] = ()
    row: int = 0

    @property
    def score(self) -> float:
        return self.given + self.bonus


def search(
    batch: Any, grammar: Grammar, piece: Callable[[int], str], *, beams: int, max_tokens: int, top: int
) -> Iterator[Draft | tuple[Sentence, ...]]:
    """One draft a pass, and then at most ``beams`` sentences, the likeliest with its bonus first.

    ``batch`` has read the prompt in one row; it steps and keeps as :class:`engines.text.tables.TableBatch`.
    """
    live, done = [_Beam(grammar.start)], list[_Beam]()
    for _ in range(max_tokens):
        longer = [beam for row, one in enumerate(live) for beam in _longer(one, batch.logits[row], row, grammar)]
        longer.sort(key=lambda beam: -beam.score)
        done = sorted([*done, *(beam for beam in longer if beam.state is None)], key=lambda beam: -beam.score)[:beams]
        live = [beam for beam in longer if beam.state is not None][:beams]
        first = max((*done[:1], *live[:1]), key=lambda beam: beam.score)
        yield Draft(first.token_ids, _choice(first.token_ids[-1], piece, top, *first.seen[-1]))
        if not live or (len(done) == beams and done[-1].score > live[0].score):
            break
        batch.keep([beam.row for beam in live])
        batch.step([beam.token_ids[-1] for beam in live])
    yield tuple(
        Sentence(
            beam.token_ids,
            beam.given,
            beam.bonus,
            tuple(
                _choice(token_id, piece, top, *seen) for token_id, seen in zip(beam.token_ids, beam.seen, strict=True)
            ),
        )
        for beam in done
    )


def chance(rows: np.ndarray, token_ids: Sequence[int], grammar: Grammar) -> float:
    """The log probability of a sentence under the mask, in nats; ``rows`` [T, V] are the logits of its tokens."""
    state, total = grammar.start, 0.0
    for logits, token_id in zip(rows, token_ids, strict=True):
        options = grammar.options(state)
        shares = _log_shares(logits[list(options)])
        total += float(shares[list(options).index(token_id)])
        state = options[token_id][0]
    return total


def _longer(one: _Beam, logits: np.ndarray, row: int, grammar: Grammar) -> Iterator[_Beam]:
    options = grammar.options(one.state)
    allowed = np.fromiter(options, np.int64)
    masked = _log_shares(logits[allowed])
    bonuses = np.array([bonus for _, bonus in options.values()])
    seen = (*one.seen, (logits, allowed, masked, bonuses))
    for (token_id, (state, bonus)), share in zip(options.items(), masked, strict=True):
        yield _Beam(state, (*one.token_ids, token_id), one.given + float(share), one.bonus + bonus, seen, row)


def _choice(
    token_id: int,
    piece: Callable[[int], str],
    top: int,
    logits: np.ndarray,
    allowed: np.ndarray,
    masked: np.ndarray,
    bonuses: np.ndarray,
) -> Choice:
    raw = softmax(logits)
    kept = np.zeros_like(raw)
    kept[allowed] = np.exp(masked)
    board = scoreboard(Distribution(logits, raw, (("mask", kept),), Dials()), piece, top)
    favoured = masked + bonuses
    shares = np.exp(_log_shares(favoured))
    leaders = tuple(
        Leader(int(id_), piece(int(id_)), float(raw[id_]), float(kept[id_]), float(share))
        for id_, share in sorted(zip(allowed, shares, strict=True), key=lambda pair: -pair[1])[:top]
    )
    return Choice(token_id, piece(token_id), board, len(allowed), leaders)


def _log_shares(scores: np.ndarray) -> np.ndarray:
    """The log of softmax, float64."""
    wide = np.asarray(scores, np.float64)
    return wide - np.logaddexp.reduce(wide)
