"""One key at a time: a sheet of paper whose last key is wet, and the scoreboard that key was drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from engines.evidence import Evidence, Finding, PlainError, Table
from engines.statistics import percent, plural
from engines.text import dials as dials_of
from engines.text import snippets
from engines.text.dials import Candidate, Dials, Scoreboard, distribution, scoreboard
from engines.text.language_model import LanguageModel, Prompt, Token
from lessons.sampling.experiments import Mark, mark, need_same, provenance, shown

MAX_KEYS = 200


@dataclass(frozen=True)
class Key:
    """A pressed key. ``u`` in [0, 1) is the dice; ``forced`` says that the learner pressed it, dice or not."""

    token_id: int
    piece: str
    probability: float
    kept_probability: float
    rank: int
    u: float
    forced: bool = False


@dataclass(frozen=True, eq=False)
class Sheet:
    """The page in the typewriter. Its last key is wet: no pass has read it, so another may still take its place.

    ``logits`` float32 [V] are the scores that key was drawn from, ``board`` and ``slice`` what the dials make
    of them: the scoreboard, and the key's part of the cumulative bar. ``pass_seconds`` has one entry a pass.
    Only the model that started the sheet, ``written_by``, goes on with it.
    """

    prompt: Prompt
    written_by: Mark
    dials: Dials = Dials()
    seed: int = 0
    keys: tuple[Key, ...] = ()
    logits: np.ndarray | None = None
    board: Scoreboard | None = None
    slice: tuple[float, float] = (0.0, 0.0)
    pass_seconds: tuple[float, ...] = ()
    finished: bool = False

    @property
    def token_ids(self) -> tuple[int, ...]:
        return tuple(key.token_id for key in self.keys)

    @property
    def passes(self) -> int:
        return len(self.pass_seconds)

    @property
    def passes_per_second(self) -> float:
        recent = self.pass_seconds[-20:]
        return len(recent) / max(sum(recent), 1e-9) if recent else 0.0


def start(model: LanguageModel, text: str) -> Sheet:
    """A sheet that holds ``text`` and no key yet."""
    return Sheet(model.encode(text), mark(model))


def dice_of(seed: int, index: int) -> Callable[[], float]:
    """The dice of ``seed`` from throw ``index`` on: throw 5 is the same number however one gets there."""
    from engines.text.transformer import dice

    throw = dice(seed)
    for _ in range(index):
        throw()
    return throw


def press(model: LanguageModel, sheet: Sheet, dials: Dials, seed: int, count: int = 1) -> Iterator[Sheet]:
    """Press ``count`` keys, one pass each: the wet key dries, all is read, the next is drawn.

    Key number i gets throw i of its seed, so pressing n times writes what ``write()`` writes at once.
    """
    need_same(sheet.written_by, model)
    if sheet.finished:
        raise PlainError(
            "The model has pressed its end-of-text key. Start again, turn a dial, or press another key "
            "on the scoreboard."
        )
    if len(sheet.keys) + count > MAX_KEYS:
        raise PlainError(f"The sheet is full at {MAX_KEYS} keys. Start again with a fresh one.")
    throw, thrown = dice_of(seed, len(sheet.keys)), [0.0]

    def draw(chances: np.ndarray, _: float) -> int:
        thrown[0] = throw()
        return dials_of.draw(chances, thrown[0])

    page = Prompt((*sheet.prompt.ids, *sheet.token_ids), (), "")
    for token in model.write(page, dials, seed=seed, max_tokens=count, draw=draw, keep_logits=True):
        sheet = replace(
            sheet,
            dials=dials,
            seed=seed,
            keys=(*sheet.keys, _key(token, thrown[0])),
            logits=token.logits,
            board=token.scoreboard,
            slice=token.slice,
            pass_seconds=(*sheet.pass_seconds, token.seconds),
            finished=token.finished == "eos",
        )
        yield sheet


def _key(token: Token, u: float) -> Key:
    return Key(token.token_id, token.piece, token.probability, token.kept_probability, token.rank, u)


def turn(model: LanguageModel, sheet: Sheet, dials: Dials) -> Sheet:
    """The same scores and the same dice under other dials: no pass. A key pressed by hand stays."""
    if not sheet.keys or sheet.logits is None:
        return sheet
    wet = sheet.keys[-1]
    return _settle(model, sheet, dials, wet.u, wet.token_id if wet.forced else None)


def roll(model: LanguageModel, sheet: Sheet, seed: int) -> Sheet:
    """The same scores under another seed's dice: no pass."""
    if not sheet.keys:
        return sheet
    rolled = replace(sheet, seed=seed)
    return _settle(model, rolled, sheet.dials, dice_of(seed, len(sheet.keys) - 1)(), None)


def force(model: LanguageModel, sheet: Sheet, token_id: int) -> Sheet:
    """Put a key of the learner's choice in place of the wet one: no pass and no dice."""
    if not sheet.keys:
        raise PlainError("Press one key first: then there is a scoreboard to choose from.")
    need_same(sheet.written_by, model)
    if not 0 <= token_id < model.vocabulary_size:
        raise PlainError(f"There is no token {token_id}.")
    return _settle(model, sheet, sheet.dials, sheet.keys[-1].u, token_id)


def _settle(model: LanguageModel, sheet: Sheet, dials: Dials, u: float, forced: int | None) -> Sheet:
    need_same(sheet.written_by, model)
    assert sheet.logits is not None
    chances = distribution(sheet.logits, dials)
    token_id = dials_of.draw(chances.kept, u) if forced is None else forced
    key = Key(
        token_id,
        model.piece(token_id),
        float(chances.raw[token_id]),
        float(chances.kept[token_id]),
        int(np.count_nonzero(sheet.logits > sheet.logits[token_id])) + 1,
        u,
        forced is not None,
    )
    return replace(
        sheet,
        dials=dials,
        keys=(*sheet.keys[:-1], key),
        board=scoreboard(chances, model.piece),
        slice=dials_of.bar_slice(chances.kept, token_id),
        finished=model.ends(token_id),
    )


def leader_at(sheet: Sheet, temperature: float, model: LanguageModel) -> Candidate:
    """The first choice of the last pass as it would stand at another temperature, with nothing cut."""
    need_same(sheet.written_by, model)
    assert sheet.logits is not None
    return dials_of.reshape(sheet.logits, Dials(temperature), model.piece, top=1).candidates[0]


def scoreboard_evidence(model: LanguageModel, sheet: Sheet) -> Evidence[Scoreboard]:
    """The scoreboard of the last pass, with its settings and the code that recomputes it."""
    need_same(sheet.written_by, model)
    board, wet = sheet.board, sheet.keys[-1]
    assert board is not None
    read = (*sheet.prompt.ids, *sheet.token_ids[:-1])
    text = sheet.prompt.text + model.decode(sheet.token_ids[:-1])
    same = model.encode(text).ids == read  # a forced or odd key can cut the text otherwise than the tokenizer would
    leader = board.candidates[0]
    rows = tuple(
        (c.rank, shown(c.text), c.token_id, c.logit, c.probability, c.kept_probability or "cut")
        for c in board.candidates
    )
    how = (
        "was pressed by hand"
        if wet.forced
        else "is always taken at temperature 0"
        if sheet.dials.greedy
        else (f"was drawn: the dice showed {wet.u:.3f}, in its slice from {sheet.slice[0]:.3f} to {sheet.slice[1]:.3f}")
    )
    alt = (
        f"After “{text[-60:]}” the model's first choice of {board.vocabulary_size:,} tokens is "
        f"“{shown(leader.text)}” with {percent(leader.probability)}, {percent(leader.kept_probability)} after the "
        f"dials, which keep {board.kept:,} tokens. “{shown(wet.piece)}” {how}."
    )
    words = len(text.split()) + (1 if wet.piece.startswith(" ") else 0) - len(sheet.prompt.text.split())
    cards = (
        Finding(
            f"{board.entropy_bits:.1f} bits",
            f"of doubt about this key before the dials, as if {2**board.entropy_bits:,.0f} keys were equally likely; "
            f"{board.kept_entropy_bits:.1f} bits after them.",
        ),
        Finding(
            f"{board.kept:,} of {board.vocabulary_size:,}",
            "tokens are left for the dice. All of them were scored, in this pass and in every other.",
        ),
        Finding(
            plural(sheet.passes, "pass", "passes"),
            f"for {plural(max(words, 0), 'word')} so far, at {sheet.passes_per_second:.1f} passes a second here.",
        ),
    )
    return Evidence(
        board,
        alt,
        Table(("rank", "token", "id", "logit", "probability", "after the dials"), rows),
        provenance(model, sheet.dials, seed=sheet.seed, key=len(sheet.keys), dice=round(wet.u, 3)),
        cards,
        snippets.next_token(model.reference, text, sheet.dials) if same and model.reference else "",
        [(c.token_id, c.text, c.probability, c.kept_probability) for c in board.candidates],
    )
