"""Screen 1, one key at a time: a sheet of paper whose last key is wet, and the scoreboard it was drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from engines.evidence import Evidence, Finding, PlainError, Table
from engines.statistics import percent, plural
from engines.text import dials as dials_of
from engines.text import language_model, snippets
from engines.text.dials import Candidate, Dials, Scoreboard, distribution, scoreboard
from engines.text.language_model import LanguageModel, Prompt, Token
from lessons.sampling.link import MAX_KEYS, Kept
from lessons.sampling.measures import CHANGED, Mark, mark, need_same, one_token, provenance, seed_of, shown

ROWS = 12
"""Rows of the scoreboard on the page and in its table."""
NAMED = 256
"""Of so many keys the browser knows names and exact scores; of the others, their scores rounded."""
AT_ONCE = 40
COLD = 0.2
NOT_LIVE = "Press one key first; then roll other dice, or press another key in its place."


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
    ``cold`` is the first key's leader as it would stand at temperature 0.2. Only the model that started the sheet,
    ``written_by``, goes on with it.
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
    cold: Candidate | None = None

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
    from engines.text.dice import dice

    throw = dice(seed)
    for _ in range(index):
        throw()
    return throw


def press(
    model: LanguageModel,
    sheet: Sheet,
    dials: Dials,
    seed: int,
    count: int = 1,
    given: Mapping[int, int] | None = None,
    by_hand: frozenset[int] = frozenset(),
) -> Iterator[Sheet]:
    """Press ``count`` keys, one pass each: the wet key dries, all is read, the next is drawn.

    Key number i gets throw i of its seed, so pressing n times writes what ``write()`` writes at once. ``given`` maps
    a step, from 0, to the token that is pressed there; those from step 0 on are read in one pass.
    """
    need_same(sheet.written_by, model)
    if sheet.finished:
        raise PlainError(
            "The model has pressed its end-of-text key. Start again, turn a dial, or press another key "
            "on the scoreboard."
        )
    before = len(sheet.keys)
    if before + count > MAX_KEYS:
        raise PlainError(f"The sheet is full at {MAX_KEYS} keys. Start again with a fresh one.")
    read, throw = sheet.passes, dice_of(seed, before)
    thrown = [throw() for _ in range(count)]

    def draw(chances: np.ndarray, _: float) -> int:
        return dials_of.draw(chances, thrown[len(sheet.keys) - before])

    page = Prompt((*sheet.prompt.ids, *sheet.token_ids), (), "")
    written = model.write(
        page, dials, seed=seed, max_tokens=count, forced=given, draw=draw, keep_logits=True, top=NAMED
    )
    for token in written:
        passes = sheet.pass_seconds
        sheet = replace(
            sheet,
            dials=dials,
            seed=seed,
            keys=(*sheet.keys, _key(token, thrown[token.index], token.index in by_hand)),
            logits=token.logits,
            board=token.scoreboard,
            slice=token.slice,
            pass_seconds=(*passes, token.seconds) if token.passes + read > len(passes) else passes,
            finished=token.finished == "eos",
            cold=sheet.cold or _cold(model, token),
        )
        yield sheet


def _key(token: Token, u: float, by_hand: bool) -> Key:
    return Key(token.token_id, token.piece, token.probability, token.kept_probability, token.rank, u, by_hand)


def _cold(model: LanguageModel, token: Token) -> Candidate:
    """The first choice of a pass as it would stand at temperature 0.2, with nothing cut."""
    assert token.logits is not None
    return dials_of.reshape(token.logits, Dials(COLD), model.piece, top=1).candidates[0]


def made_again(model: LanguageModel, kept: Kept, dials: Dials, seed: int) -> Sheet:
    """The page that was recorded or that a link tells of."""
    fresh = start(model, kept.text)
    if kept.written_by and kept.written_by != mark(model):
        raise PlainError(
            f"The keys of this link were pressed on {kept.written_by[0]}, and {model.name} is live here. "
            "“Start again” takes the text without them."
        )
    *_, sheet = press(model, fresh, dials, seed, kept.count, dict(enumerate(kept.keys)), kept.by_hand)
    return sheet


def press_on(
    model: LanguageModel,
    now: Sheet | Kept | None,
    text: str,
    temperature: float,
    top_p: float,
    seed: int,
    count: int = 1,
) -> Iterator[Evidence[Sheet]]:
    """Press ``count`` more keys on the page as it stands, or on a fresh one where the text is another; one at a time.

    The wet key is read as the dials and the dice show it now.
    """
    dials, seed = Dials(temperature, top_p), seed_of(seed)
    if isinstance(now, Sheet) and now.prompt.text == text:
        sheet = now if now.seed == seed else roll(model, now, seed)
        sheet = sheet if sheet.dials == dials else turn(model, sheet, dials)
    elif isinstance(now, Kept) and now.text == text and now.count:
        sheet = made_again(model, now, dials, seed)
        if not now.on_page:
            yield scoreboard_evidence(model, sheet)
            return
    else:
        sheet = start(model, text)
    for then in press(model, sheet, dials, seed, max(1, min(count, MAX_KEYS - len(sheet.keys)))):
        yield scoreboard_evidence(model, then)


def play(
    model: LanguageModel, now: Sheet | Kept | None, text: str, temperature: float, top_p: float, seed: int
) -> Iterator[Evidence[Sheet]]:
    """The same for many keys."""
    yield from press_on(model, now, text, temperature, top_p, seed, AT_ONCE)


def cold_truth(sheet: Sheet) -> tuple[float, str] | None:
    """The share of the first key's leader at temperature 0.2, and the measurement in words."""
    if sheet.cold is None:
        return None
    share, was = sheet.cold.kept_probability, percent(sheet.cold.probability)
    words = f"the first key's leader, “{shown(sheet.cold.text)}”, goes from {was} to {percent(share)} at temperature"
    return share, f"{words} {COLD:g}"


# ---- what needs no pass ----


def live(now: Sheet | Kept | None, text: str) -> bool:
    """Whether the page was written here after ``text``, and not recorded or still to be made."""
    return isinstance(now, Sheet) and bool(now.keys) and now.prompt.text == text


def at_hand(now: Sheet | Kept | None, text: str) -> tuple[LanguageModel, Sheet]:
    """The page as it stands and the model that wrote it, if it is still here. Loads nothing."""
    if not isinstance(now, Sheet) or not live(now, text):
        raise PlainError(NOT_LIVE)
    for model in language_model.loaded():
        if mark(model) == now.written_by:
            return model, now
    raise PlainError(CHANGED)


def turned(now: Sheet | Kept | None, text: str, temperature: float, top_p: float) -> Evidence[Sheet]:
    model, sheet = at_hand(now, text)
    return scoreboard_evidence(model, turn(model, sheet, Dials(temperature, top_p)))


def rolled(now: Sheet | Kept | None, text: str, seed: int) -> Evidence[Sheet]:
    model, sheet = at_hand(now, text)
    return scoreboard_evidence(model, roll(model, sheet, seed_of(seed)))


def forced(now: Sheet | Kept | None, text: str, key: int | str) -> Evidence[Sheet]:
    """``key``: a token's id, or what is written on it."""
    model, sheet = at_hand(now, text)
    token_id = key if isinstance(key, int) else one_token(model, key)
    return scoreboard_evidence(model, force(model, sheet, token_id))


def turn(model: LanguageModel, sheet: Sheet, dials: Dials) -> Sheet:
    """The same scores and the same dice under other dials: no pass. A key pressed by hand stays."""
    if not sheet.keys or sheet.logits is None:
        return sheet
    wet = sheet.keys[-1]
    return _settle(model, sheet, dials, wet.u, wet.token_id if wet.forced else None)


def roll(model: LanguageModel, sheet: Sheet, seed: int) -> Sheet:
    """The same scores under another seed's dice: no pass."""
    if not sheet.keys or sheet.logits is None:
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
        board=scoreboard(chances, model.piece, NAMED),
        slice=dials_of.bar_slice(chances.kept, token_id),
        finished=model.ends(token_id),
    )


def scoreboard_evidence(model: LanguageModel, sheet: Sheet) -> Evidence[Sheet]:
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
        for c in board.candidates[:ROWS]
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
        f"dials, which keep {board.kept:,} {'token' if board.kept == 1 else 'tokens'}. “{shown(wet.piece)}” {how}."
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
        sheet,
        alt,
        Table(("rank", "token", "id", "logit", "probability", "after the dials"), rows),
        provenance(model, sheet.dials, seed=sheet.seed, key=len(sheet.keys), dice=round(wet.u, 3)),
        cards,
        snippets.next_token(model.reference, text, sheet.dials) if same and model.reference else "",
        [(c.token_id, c.text, c.probability, c.kept_probability) for c in board.candidates[:ROWS]],
    )
