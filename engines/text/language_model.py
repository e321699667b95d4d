"""A language model as a typewriter: it scores the whole vocabulary, one token is drawn, and there is no undo.

Reading order: :mod:`engines.text.dials` (one scoreboard), this file (the loop around it),
:mod:`engines.text.transformer` (the passes), then the ways to look inside: :mod:`engines.text.attention` and
:mod:`engines.text.logit_lens`.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from engines.checks import MAX_SEED, check_characters, check_number, one_of, whole
from engines.evidence import PlainError, Progress, Underway
from engines.models import hardware, lending, worker
from engines.models.counting import Work
from engines.models.shelf import Lock, Shelf
from engines.text import attention, constrained, logit_lens
from engines.text.attention import Ablation, Attention, Cell
from engines.text.constrained import Draft, Sentence
from engines.text.dials import Dials, Scoreboard, bar_slice, distribution, scoreboard, surprise_bits
from engines.text.dials import draw as dials_draw
from engines.text.dice import dice
from engines.text.logit_lens import LayerGuess
from engines.text.markers import LearnersText
from engines.text.pieces import Pieces, TextStream

if TYPE_CHECKING:
    from engines.models.catalogue import Entry
    from engines.text.quick import Quick
    from engines.text.transformer import Network, Parts

MAX_TOKENS = 512
MAX_PROMPT = 2048
MAX_CHARACTERS = 40_000
MAX_WATCHED = 128
MAX_TOP = 1_000
MAX_RUNS = 64
MAX_BATCH_TOKENS = 32_768
"""Tokens of all runs of a batch together, read and written: what their cache of keys and values has to hold."""
INKLESS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe0e\ufe0f\uffa0")
ROLES = ("system", "user", "assistant")
Draw = Callable[[np.ndarray, float], int]
SCORING = Lock()
"""Held while a token is scored. Thirty threads that do so at once hand Python's own lock to one another after every
small step in numpy, which takes as long as the steps."""


def _a_pass(model: Any, *arguments: Any, **options: Any) -> float:
    """Seconds that a card may need for a pass or a few; a smeared copy is made anew in the worker."""
    return 15 + (model._weights.numbers / 1e8 if model._recipe else 0)


def _a_text(model: Any, prompt: Any, dials: Any, *rest: Any, max_tokens: int = 0, **more: Any) -> float:
    """Seconds that a card may need to write: a tenth of a second a token, and a start."""
    return 8 + 0.1 * (max_tokens or rest[1])


@dataclass(frozen=True)
class Prompt:
    """What the model reads: token ids, the display text of each, and the text they stand for."""

    ids: tuple[int, ...]
    pieces: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Scores:
    """One pass over a prompt: ``logits`` float32 [V] for the token that would follow; ``seconds`` it took."""

    prompt: Prompt
    logits: np.ndarray
    seconds: float


@dataclass(frozen=True)
class Token:
    """One step of :meth:`LanguageModel.write`.

    ``text`` is what the step adds to the page: the texts of a run join to its whole text, so a token that is
    only part of a character adds nothing until the character is complete. ``piece`` shows the token by
    itself. ``probability`` and ``kept_probability`` are the choice's, before and after the dials, and ``steps``
    has (dial, probability) after each dial that does something; the dials never change its ``rank``.
    ``surprise_bits`` is -log2 ``probability``. ``draw`` is the dice, u in [0, 1), and None when nothing was
    drawn (greedy or forced); ``slice`` is the part of the cumulative bar that belongs to the choice.
    ``seconds`` is the step's own time, ``passes`` the passes of the model so far. ``finished`` is "eos" or
    "length" on the last token, else None. ``logits`` float32 [V] is kept only when asked.
    """

    index: int
    token_id: int
    text: str
    piece: str
    probability: float
    kept_probability: float
    rank: int
    surprise_bits: float
    draw: float | None
    slice: tuple[float, float]
    forced: bool
    scoreboard: Scoreboard
    seconds: float
    passes: int
    finished: Literal["eos", "length"] | None
    logits: np.ndarray | None = None
    steps: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Run:
    """One finished text of :meth:`LanguageModel.write_many`; the tuples have one entry a token."""

    seed: int
    text: str
    token_ids: tuple[int, ...]
    pieces: tuple[str, ...]
    surprise_bits: tuple[float, ...]
    finished: Literal["eos", "length"]


Event = Underway | tuple[Run, ...]
"""What :meth:`LanguageModel.write_many` yields: how far it is after every step, and the runs at the end."""


class LanguageModel:
    """A causal language model that many learners use at once; its weights are never changed.

    ``network`` is what looks inside, opened on its first use if it is a function; it writes too, unless ``quick`` does.
    ``layers`` and ``heads`` count the attention, ``context`` is the longest input in tokens. ``reference`` says where a
    learner gets the same weights, as :func:`engines.text.snippets.loading` reads it: a folder that the teacher named,
    a Hub id with its revision, or the package that holds the file. Bad input raises :class:`PlainError` everywhere.
    """

    def __init__(
        self,
        network: Network | Callable[[], Network],
        tokenizer: Any,
        *,
        quick: Quick | None = None,
        name: str,
        revision: str,
        licence: str = "",
        reference: str = "",
        key: str = "",
    ) -> None:
        self.key = key
        self._recipe: tuple[float, int] | None = None
        self._unread_recipe: tuple[float, int] | None = None
        self._opener: Callable[[], Network] | None = network if callable(network) else None
        self._weights: Any = None if callable(network) else network
        self._quick = quick
        self._tokenizer = tokenizer
        self._learners = LearnersText(tokenizer)
        self._pieces = Pieces(tokenizer)
        self.name = name
        self.revision = revision
        self.licence = licence
        self.reference = reference
        writer = self._writer
        self.vocabulary_size = writer.vocabulary_size
        self.layers = writer.layers
        self.heads = writer.heads
        self.context = writer.context

    @property
    def _network(self) -> Any:
        """A :class:`engines.text.transformer.Network`, opened on the first use of what looks inside."""
        if self._unread_recipe is not None and not lending.away():
            self._settle()
        if self._opener is not None:
            with SHELF.turn:
                if self._opener is not None:
                    self._weights, self._opener = worker.apart(self._opener), None
        return self._weights

    @property
    def _writer(self) -> Any:
        """What computes the scores of a text that is being written, a Quick or a Network."""
        return self._quick or self._network

    @property
    def runtime(self) -> str:
        """What computes the scores of a text that is written, and with which numbers."""
        return self._writer.runtime

    def weight_bytes(self) -> int:
        """The memory of what is open of it."""
        inside = hardware.bytes_of(getattr(self._weights, "model", None)) if self._weights else 0
        return inside + (self._quick.weight_bytes if self._quick else 0)

    @lending.on_card(_a_pass)
    def work(self, new: int, seen: int = 0) -> Work:
        """What a pass over ``new`` tokens takes, after ``seen`` that are in the cache; the last is scored.

        The multiply-adds are counted in torch, on the same weights in whatever precision it opens them. The bytes are
        those of :attr:`runtime`, what writes. PlainError where there is no room for so many tokens.
        """
        new = whole("The number of new tokens", new, 1, min(MAX_PROMPT, self.context))
        seen = whole("The number of tokens seen", seen, 0, min(MAX_PROMPT, self.context - new))
        return Work(self._network.multiply_adds(new, seen), self._writer.bytes_read(seen))

    def _settle(self) -> None:
        """Smear the weights of a copy, which cannot be done away from the card."""
        if self._unread_recipe is not None:
            self._weights, self._unread_recipe = worker.apart(self._weights.smeared, *self._unread_recipe), None

    def __reduce__(self) -> tuple[Any, ...]:
        """A model is too large to copy: in another process of this program it is the one of the same key."""
        return _shared, (self.key, self._recipe)

    def close(self) -> None:
        """Drop the weights, after the pass under way; a run that goes on is told to start again."""
        if self._unread_recipe is not None:
            return  # the weights are those of the model that this is to become a smeared copy of
        if self._quick is not None:
            self._quick.close()
        if self._weights is not None:
            self._weights.close()
        else:
            self._opener = hardware.Unloaded()

    def piece(self, token_id: int) -> str:
        """Display text of one token; bytes that are no whole character show as ‹0xE2›."""
        return self._pieces.show(token_id)

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of a run of tokens, without special tokens."""
        return self._pieces.decode(token_ids)

    def ends(self, token_id: int) -> bool:
        """Whether a text is over when this token is written."""
        return token_id in self._writer.eos_ids

    def encode(self, text: str, chat: bool = False) -> Prompt:
        """Tokens of ``text``; with ``chat`` as a user's message, ready for the assistant's answer."""
        if chat:
            return self.encode_chat([{"role": "user", "content": text}])
        self._check_text(text)
        return self._prompt(self._learners.cut(text, beginning=True), text)

    def tokens_of(self, text: str) -> Prompt:
        """Tokens of ``text`` alone, without the mark of a beginning that some tokenizers put in front of it."""
        self._check_text(text)
        return self._prompt(self._learners.cut(text, beginning=False), text)

    def encode_chat(self, messages: Sequence[Mapping[str, str]]) -> Prompt:
        """Tokens of a conversation, [{"role": ..., "content": ...}, ...], ready for the assistant's answer.

        Markers such as <|im_end|> in a message stay text, see :mod:`engines.text.markers`.
        """
        from jinja2 import TemplateError

        if not messages or not all(isinstance(message, Mapping) for message in messages):
            raise PlainError("Write a message first: there is nothing to answer.")
        for message in messages:
            self._check_text(message.get("content"))
            one_of("The role of a message", message.get("role"), ROLES)
        if not self._tokenizer.chat_template:
            raise PlainError(f"{self.name} was not trained to chat. Switch chat off and give it a text to continue.")
        try:
            text, ids = self._learners.chat(messages)
        except TemplateError as error:
            raise PlainError(f"{self.name} cannot be given these messages. Its chat template says: {error}") from error
        return self._prompt(ids, text)

    @lending.on_card(_a_pass)
    def next_token_scores(self, prompt: Prompt) -> Scores:
        """One pass: the logits of every token that could follow ``prompt``."""
        self._check_room(prompt)
        started = time.perf_counter()
        logits, _ = self._writer.read(prompt.ids)
        return Scores(prompt, logits[0], time.perf_counter() - started)

    @lending.on_card(_a_pass)
    def next_token_logits(self, prompts: Sequence[Prompt]) -> np.ndarray:
        """Logits float32 [B, V] of the token that would follow each prompt, in one padded pass.

        For many short prompts; rounding differs a little from :meth:`next_token_scores`.
        """
        prompts = _listed("The prompts", prompts)
        check_number("The number of prompts", len(prompts), 1, MAX_RUNS, whole=True)
        for prompt in prompts:
            self._check_room(prompt)
        return self._network.batch([prompt.ids for prompt in prompts]).logits

    def write(
        self,
        prompt: Prompt,
        dials: Dials,
        *,
        seed: int,
        max_tokens: int,
        forced: Mapping[int, int] | None = None,
        draw: Draw | None = None,
        keep_logits: bool = False,
        top: int = 12,
        fresh: bool = False,
    ) -> Iterator[Token]:
        """Write one token at a time until the model ends its text or ``max_tokens`` is reached.

        ``forced`` maps a step to the token id it must take. Every step throws its dice, forced or not, so
        that step 12 has the same dice whatever was forced at step 3. Forced tokens from step 0 on are read
        together with the prompt in one pass. ``draw`` chooses a token from probabilities float64 [V] and u in
        [0, 1); :func:`engines.text.dials.draw` unless given. ``top`` is the length of each scoreboard.
        ``fresh``: the prompt is read, though a text that begins alike may be in memory, since somebody looks how long
        that takes.
        """
        _check_length(max_tokens)
        self._check_room(prompt, max_tokens)
        _check_dials(dials)
        seed = whole("The seed", seed, 0, MAX_SEED)
        check_number("The length of a scoreboard", top, 1, MAX_TOP, whole=True)
        forced = {whole("A step", step, 0, MAX_TOKENS): token_id for step, token_id in (forced or {}).items()}
        for token_id in forced.values():
            self._check_token(token_id)
        if draw is not None:  # it may be anything, so it is called here and only the passes go to a lent card
            return self._sample(prompt, dials, seed, max_tokens, forced, draw, keep_logits, top, fresh)
        return self._sample_there(prompt, dials, seed, max_tokens, forced, dials_draw, keep_logits, top, fresh)

    def _read_there(
        self, ids: Sequence[int], cache: Any = None, keep: int = 1, fresh: bool = False
    ) -> tuple[np.ndarray, Any]:
        """As ``Network.read``; from away the cache is the ids themselves, since no tensor crosses."""
        if not lending.away():
            return self._writer.read(ids, cache, keep, fresh)
        seen = [*(cache or ()), *ids]
        return self._read_whole(seen, keep), seen

    @lending.on_card(_a_pass)
    def _read_whole(self, ids: Sequence[int], keep: int) -> np.ndarray:
        return self._writer.read(ids, None, keep)[0]

    def _sample(
        self,
        prompt: Prompt,
        dials: Dials,
        seed: int,
        max_tokens: int,
        forced: Mapping[int, int],
        draw: Draw,
        keep_logits: bool,
        top: int,
        fresh: bool,
    ) -> Iterator[Token]:
        """The sampling loop (autoregressive decoding) with a KV cache: read, turn the dials, draw, append."""
        throw, stream = dice(seed), TextStream(self._pieces)
        steps = itertools.takewhile(forced.__contains__, range(max_tokens - 1))
        prefix = [forced[step] for step in steps]
        unread, cache, passes = [*prompt.ids, *prefix], None, 0
        scored: deque[np.ndarray] = deque()  # logits [V] of positions read but not yet written
        with self._writer.room.share(len(prompt.ids) + max_tokens):
            for index in range(max_tokens):
                started = time.perf_counter()
                if not scored:
                    rows, cache = self._read_there(unread, cache, len(prefix) + 1 if index == 0 else 1, fresh)
                    scored.extend(rows)
                    passes += 1
                logits = scored.popleft()
                with SCORING:
                    chances = distribution(logits, dials)
                    u = throw()
                    token_id = forced[index] if index in forced else draw(chances.kept, u)
                    finished = self._finished(token_id, index, max_tokens)
                    token = Token(
                        index=index,
                        token_id=token_id,
                        text=stream.push(token_id, last=finished is not None),
                        piece=self.piece(token_id),
                        probability=float(chances.raw[token_id]),
                        kept_probability=float(chances.kept[token_id]),
                        rank=int(np.count_nonzero(logits > logits[token_id])) + 1,
                        surprise_bits=surprise_bits(chances.raw[token_id]),
                        draw=None if dials.greedy or index in forced else u,
                        slice=bar_slice(chances.kept, token_id),
                        forced=index in forced,
                        scoreboard=scoreboard(chances, self.piece, top),
                        seconds=time.perf_counter() - started,
                        passes=passes,
                        finished=finished,
                        logits=logits if keep_logits else None,
                        steps=tuple((dial, float(after[token_id])) for dial, after in chances.steps),
                    )
                yield token
                if finished:
                    return
                unread = [token_id]

    _sample_there = lending.on_card(_a_text)(_sample)

    def branch(
        self,
        prompt: Prompt,
        tokens_so_far: Sequence[int],
        at: int,
        token_id: int,
        dials: Dials,
        *,
        seed: int,
        max_tokens: int,
        keep_logits: bool = False,
    ) -> Iterator[Token]:
        """Keep the first ``at`` tokens of a run, force ``token_id`` next, and go on with the same dice.

        Yields the whole branch from step 0; the kept tokens are read in one pass and come at once.
        """
        tokens_so_far = _listed("The tokens so far", tokens_so_far)
        at = whole("The step to branch at", at, 0, len(tokens_so_far))
        _check_length(max_tokens)
        if at >= max_tokens:
            raise PlainError(f"Branch before step {max_tokens}, or allow more tokens: there is no room after it.")
        if any(map(self.ends, tokens_so_far[:at])):
            raise PlainError("The text ends before that step. Branch at its last token or before.")
        forced = {**dict(enumerate(tokens_so_far[:at])), at: token_id}
        return self.write(prompt, dials, seed=seed, max_tokens=max_tokens, forced=forced, keep_logits=keep_logits)

    def write_many(
        self, prompts: Prompt | Sequence[Prompt], dials: Dials, *, seeds: Sequence[int], max_tokens: int
    ) -> Iterator[Event]:
        """Finish many runs together, one for each seed; one prompt serves all, or one prompt a seed.

        Yields how far it is after every step, and in the end the runs, in the order of the seeds. Each run has the
        dice that :meth:`write` has for its seed. Its text does not depend on the company it is in, beyond
        floating-point rounding: a batch adds in another order, so that a dice on the very edge between two tokens
        can fall to the other side.
        """
        _check_dials(dials)
        seeds = [whole("The seed", seed, 0, MAX_SEED) for seed in _listed("The seeds", seeds)]
        check_number("The number of runs", len(seeds), 1, MAX_RUNS, whole=True)
        shared = isinstance(prompts, Prompt)
        prompts = [prompts] * len(seeds) if isinstance(prompts, Prompt) else _listed("The prompts", prompts)
        if len(prompts) != len(seeds):
            raise PlainError(f"Give one prompt, or one for each seed: {len(prompts)} prompts, {len(seeds)} seeds.")
        _check_length(max_tokens)
        for prompt in prompts[:1] if shared else prompts:
            self._check_room(prompt, max_tokens)
        tokens = (max(len(prompt.ids) for prompt in prompts) + max_tokens) * len(seeds)
        if tokens > (most := min(MAX_BATCH_TOKENS, self._writer.room.most)):
            raise PlainError(
                f"{len(seeds)} runs of this length are {tokens:,} tokens at once; {most:,} is the most. "
                "Shorten the text, or ask for fewer runs."
            )
        return self._sample_batch(prompts, dials, seeds, max_tokens)

    @lending.on_card(_a_text)
    def _sample_batch(
        self, prompts: Sequence[Prompt], dials: Dials, seeds: Sequence[int], max_tokens: int
    ) -> Iterator[Event]:
        """The sampling loop for many sequences at once (batched decoding); those that end leave the batch."""
        drafts = [_Draft(seed, dice(seed)) for seed in seeds]
        active = list(drafts)
        longest = max(len(prompt.ids) for prompt in prompts)
        with self._writer.room.share((longest + max_tokens) * len(seeds)):
            batch = self._writer.batch([prompt.ids for prompt in prompts])
            for index in range(max_tokens):
                for draft, logits in zip(active, batch.logits, strict=True):
                    chances = distribution(logits, dials)
                    token_id = dials_draw(chances.kept, draft.throw())
                    finished = self._finished(token_id, index, max_tokens)
                    draft.add(token_id, surprise_bits(chances.raw[token_id]), finished)
                going_on = [row for row, draft in enumerate(active) if draft.finished is None]
                words = f"Token {index + 1}: {len(going_on)} of {len(seeds)} still writing"
                yield Underway((index + 1) / max_tokens, words)
                if not going_on:
                    break
                if len(going_on) < len(active):
                    batch.keep(going_on)
                    active = [active[row] for row in going_on]
                batch.step([draft.token_ids[-1] for draft in active])
        yield tuple(self._run(draft) for draft in drafts)

    def search(
        self, prompt: Prompt, grammar: constrained.Grammar, *, beams: int = 4, max_tokens: int = 24, top: int = 8,
        shared: int = 0,
    ) -> Iterator[Draft | tuple[Sentence, ...]]:  # fmt: skip
        """A draft a pass, and at last the ``beams`` sentences of a grammar that are likeliest after ``prompt``.

        See :mod:`engines.text.constrained`; each token has its scoreboard of ``top`` tokens before the mask and after.
        ``shared``: with how many of its tokens other prompts begin too; these are read once and kept.
        """
        check_number("The number of beams", beams, 1, MAX_RUNS, whole=True)
        check_number("The length of a scoreboard", top, 1, MAX_TOP, whole=True)
        _check_length(max_tokens)
        self._check_room(prompt, max_tokens)
        return self._search(prompt, grammar, beams, max_tokens, top, shared)

    @lending.on_card(_a_pass)
    def _search(
        self, prompt: Prompt, grammar: constrained.Grammar, beams: int, max_tokens: int, top: int, shared: int
    ) -> Iterator[Draft | tuple[Sentence, ...]]:
        with self._writer.room.share((len(prompt.ids) + max_tokens) * beams):
            if self._quick and shared:
                batch: Any = self._quick.batch([prompt.ids[shared:]], self._quick.begun(prompt.ids[:shared]))
            else:
                batch = self._writer.batch([prompt.ids])
            yield from constrained.search(batch, grammar, self.piece, beams=beams, max_tokens=max_tokens, top=top)

    @lending.on_card(_a_pass)
    def score(
        self, prompt: Prompt, sentences: Sequence[Sequence[int]], grammar: constrained.Grammar, *, shared: int = 0
    ) -> tuple[float, ...]:
        """The log probability in nats of each of the grammar's sentences after ``prompt``, under its mask."""
        longest = max(map(len, sentences), default=0)
        self._check_room(prompt, longest)
        scores = []
        with self._writer.room.share(len(prompt.ids) + longest):
            begun = self._quick.begun(prompt.ids[:shared]) if self._quick and shared else None
            first, cache = self._writer.read(prompt.ids[shared if begun else 0 :], begun)
            for ids in sentences:
                _go_back(cache, len(prompt.ids))
                rest = [self._writer.read(ids[:-1], cache, len(ids) - 1)[0]] if len(ids) > 1 else []
                scores.append(constrained.chance(np.concatenate([first, *rest]), ids, grammar))
        return tuple(scores)

    @lending.on_card(_a_pass)
    def attention(self, text: str | Prompt) -> Attention:
        """Attention weights of every layer and head over ``text``, at most :data:`MAX_WATCHED` tokens."""
        prompt = self._watched(text)
        return attention.look(self._network, prompt.ids, prompt.pieces)

    @lending.on_card(_a_pass)
    def attention_cell(self, text: str | Prompt, layer: int, head: int, query: int, key: int) -> Cell:
        """The arithmetic of one attention weight with the model's own numbers; all indices count from 0."""
        prompt = self._watched(text)
        return attention.cell(self._network, prompt.ids, prompt.pieces, layer, head, query, key)

    @lending.on_card(_a_pass)
    def ablate_heads(self, text: str | Prompt, heads: Sequence[tuple[int, int]], target: int | None = None) -> Ablation:
        """Silence (layer, head) pairs together and see the next-token probabilities change (Michel et al.
        2019).

        A silenced head adds nothing at any position. ``target`` is the token id to follow; by default the
        model's own first choice.
        """
        prompt = self._watched(text)
        return attention.ablate(self._network, prompt.ids, [_listed("The heads", heads)], self.piece, target)[0]

    @lending.on_card(_a_pass)
    def ablate_each(
        self, text: str | Prompt, heads: Sequence[tuple[int, int]], target: int | None = None
    ) -> list[Ablation]:
        """Silence each (layer, head) pair alone, many in one batch; one result a pair, in order."""
        prompt = self._watched(text)
        sets = [[pair] for pair in _listed("The heads", heads)]
        return attention.ablate(self._network, prompt.ids, sets, self.piece, target)

    @lending.on_card(_a_pass)
    def logits_without(self, text: str | Prompt, sets: Sequence[Sequence[tuple[int, int]]]) -> np.ndarray:
        """Logits float32 [S, V] of the token after ``text``, each row without one set of (layer, head) pairs."""
        prompt, sets = self._watched(text), [_listed("The heads", heads) for heads in sets]
        for heads in sets:
            attention.check_heads(self._network, heads)
        return np.stack(list(attention.logits_without(self._network, prompt.ids, sets)))

    def parts(self) -> Parts:
        """How many of its numbers belong to attention, to feed-forward layers, and to the tables of tokens."""
        return self._network.parts()

    @lending.on_card(_a_pass)
    def logit_lens(self, text: str | Prompt, top: int = 5) -> tuple[LayerGuess, ...]:
        """Each layer's best guesses at the token after ``text``: the embedding first, then every layer."""
        check_number("The number of guesses a layer", top, 1, MAX_TOP, whole=True)
        return logit_lens.read_layers(self._network, self._watched(text).ids, self.piece, top)

    def smeared(self, scale: float, seed: int) -> LanguageModel:
        """A copy in which every weight matrix carries noise: weight + ``scale`` × its standard deviation ×
        N(0, 1).

        One seed is one direction of noise, followed as far as ``scale`` says. The copy takes as much memory
        as the model; :meth:`close` it when done.
        """
        check_number("The noise, in standard deviations,", scale, 0, 10)
        seed = whole("The seed", seed, 0, MAX_SEED)
        room, numbers = hardware.free_bytes(), self._network.numbers
        if self._network.full_precision and hardware.precision() != "float32":
            numbers *= 2  # small models run in float32 on every device
        hardware.check_fits(f"A copy of {self.name}", numbers, memory=room, in_parts=False)
        return self._smeared((scale, seed))

    def _smeared(self, recipe: tuple[float, int]) -> LanguageModel:
        scale, seed = recipe
        copy = LanguageModel(
            self._network,
            self._tokenizer,
            name=f"{self.name}, weights smeared by {scale:g} standard deviations (seed {seed})",
            revision=self.revision,
            licence=self.licence,
            reference=self.reference,
            key=self.key,
        )
        copy._recipe = copy._unread_recipe = recipe
        if not lending.away():
            copy._settle()
        return copy

    def _prompt(self, ids: Sequence[int], text: str) -> Prompt:
        prompt = Prompt(tuple(ids), tuple(self.piece(i) for i in ids), text)
        if not ids:
            raise PlainError("Type some text first: the model needs something to read.")
        self._check_room(prompt)
        return prompt

    def _watched(self, text: str | Prompt) -> Prompt:
        prompt = text if isinstance(text, Prompt) else self.encode(text)
        self._check_room(prompt)
        if len(prompt.ids) > MAX_WATCHED:
            raise PlainError(
                f"That is {len(prompt.ids)} tokens. This view shows every pair of tokens and takes at most "
                f"{MAX_WATCHED}: shorten the text."
            )
        return prompt

    def _finished(self, token_id: int, index: int, max_tokens: int) -> Literal["eos", "length"] | None:
        if self.ends(token_id):
            return "eos"
        return "length" if index == max_tokens - 1 else None

    def _run(self, draft: _Draft) -> Run:
        assert draft.finished is not None
        return Run(
            seed=draft.seed,
            text=self.decode(draft.token_ids),
            token_ids=tuple(draft.token_ids),
            pieces=tuple(self.piece(i) for i in draft.token_ids),
            surprise_bits=tuple(draft.surprises),
            finished=draft.finished,
        )

    def _check_text(self, text: object) -> None:
        if not isinstance(text, str) or not any(map(_visible, text)):
            raise PlainError("Type some text first: the model needs something to read.")
        if len(text) > MAX_CHARACTERS:
            raise PlainError(
                f"That is {len(text):,} characters; the limit here is {MAX_CHARACTERS:,}. Shorten the text."
            )
        check_characters("The text", text)

    def _check_room(self, prompt: Prompt, max_tokens: int = 0) -> None:
        if not isinstance(prompt, Prompt) or not prompt.ids:
            raise PlainError("Type some text first: the model needs something to read.")
        for token_id in prompt.ids:
            self._check_token(token_id)
        limit = min(MAX_PROMPT, self.context - max_tokens)
        if len(prompt.ids) > limit:
            raise PlainError(
                f"The text is {len(prompt.ids)} tokens long; there is room for {limit}. Shorten it, or ask for less."
            )

    def _check_token(self, token_id: int) -> None:
        check_number("The id of a token", token_id, 0, self.vocabulary_size - 1, whole=True)


@dataclass
class _Draft:
    """A run of :meth:`LanguageModel.write_many` that is being written."""

    seed: int
    throw: Callable[[], float]
    token_ids: list[int] = field(default_factory=list)
    surprises: list[float] = field(default_factory=list)
    finished: Literal["eos", "length"] | None = None

    def add(self, token_id: int, surprise: float, finished: Literal["eos", "length"] | None) -> None:
        self.token_ids.append(token_id)
        self.surprises.append(surprise)
        self.finished = finished


SHELF = Shelf[LanguageModel]("text", LanguageModel.close, LanguageModel.weight_bytes)


def load(model_id: str | None = None, progress: Progress | None = None) -> LanguageModel:
    """The shared model of this process: the profile's own, or any ``AutoModelForCausalLM`` by folder or Hub id.

    Loads on the first call only; others who ask meanwhile wait for it. Raises :class:`PlainError` when the
    files cannot be had or are no causal language model.
    """
    from engines.models import catalogue

    def open_model() -> LanguageModel:
        lending.need_start_up()
        return _open(entry, progress or (lambda share, words: None))

    if model_id:
        entry = catalogue.by_name(model_id)
        return SHELF.load(entry.key, open_model)
    with SHELF.turn:
        entry = catalogue.text_model()
        return SHELF.load(entry.key, open_model)


def _shared(key: str, recipe: tuple[float, int] | None) -> LanguageModel:
    """The loaded model of a key, or its copy smeared by (scale, seed); PlainError when this process has none."""
    model = SHELF.models.get(key)
    if model is None:
        raise PlainError("That language model is not loaded here. Start the run again.")
    return model._smeared(recipe) if recipe else model


def unload() -> None:
    """Drop every language model and give its memory back; runs still under way are told to start again."""
    SHELF.unload()


def loaded() -> tuple[LanguageModel, ...]:
    """The language models in memory."""
    return SHELF.loaded()


def _open(entry: Entry, progress: Progress) -> LanguageModel:
    from engines.text import opening

    return LanguageModel(**vars(opening.open_parts(entry, progress)), key=entry.key)


def _go_back(cache: Any, length: int) -> None:
    """Let a cache of keys and values hold no more than its first ``length`` tokens."""
    if hasattr(cache, "crop"):  # the library's own, where texts do not share passes
        if cache.get_seq_length() > length:
            cache.crop(length - cache.get_seq_length())
    else:
        cache.length = length


def _listed(name: str, values: Any) -> list[Any]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise PlainError(f"{name} must come as a list; {type(values).__name__} is none.")
    return list(values)


def _check_length(max_tokens: Any) -> None:
    check_number("The number of tokens to write", max_tokens, 1, MAX_TOKENS, whole=True)


def _check_dials(dials: Any) -> None:
    if not isinstance(dials, Dials):
        raise PlainError("Set the dials first: temperature, top-p and top-k.")


def _visible(character: str) -> bool:
    """False for spaces, controls, half characters, and letters without ink such as the Hangul filler."""
    return character.isprintable() and not character.isspace() and character not in INKLESS
