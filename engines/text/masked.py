"""Two small writers of stories: one sharpens a whole canvas in a few rounds, its twin writes from left to right.

N is the number of canvases, 48 their positions, V the words. The masked writer's rounds are those of diffusers'
``LLaDA2Pipeline`` with one block, and its ``BlockRefinementScheduler`` decides what is kept (a test holds the two
together, word for word); here every canvas has dice of its own, positions may be given, and words forbidden. It must
know how long a story will be before it writes the first word: end marks stand behind it, and it does not look at them.
Like its twin's, its output stands one place before the word it is for, so it reads a start mark first. Both networks
are bundled (``training/masked_text.py``) and compute in float32 on the processor, wherever the rest runs: at 1.2
million weights a card would gain nothing.

Drafts of different learners share the masked writer's passes. The twin's are each for one run: it reads one word after
those in its cache, and runs that began at different times have caches of different lengths.
"""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from engines.checks import MAX_SEED, check_number, check_text, whole
from engines.evidence import PlainError
from engines.models import hardware, worker
from engines.models.batching import Meeting
from engines.models.catalogue import MODELS
from engines.models.shelf import Shelf
from engines.text import stories
from engines.text.stories import CANVAS, END

FOLDER = MODELS / "masked-text"
MISSING = "The two writers of stories are not here. Run “python -m training.masked_text”."
MASK, START = "<mask>", "<start>"
ROUNDS = (2, 4, 8, 16, 32)
TEMPERATURE = 0.8
"""Of both writers, wherever nobody says otherwise; chosen by measurement (see the card)."""
MOST_AT_ONCE = 64
DOUBT = 0.01
"""A word is doubted when, with only it covered, it has less than this share of the best word's chance."""
TRIES = 4
"""How often :func:`revise` looks for words to doubt."""
TOKENS = re.compile(r"[a-z]+|[.,?]")
INVISIBLE = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
"""Control characters that are no space, and the code points that Unicode has shown as nothing (UAX #44)."""


@dataclass(frozen=True, eq=False)
class Writers:
    """The masked writer and its twin: transformers' ``LlamaForCausalLM`` both, and their one tokenizer."""

    masked: Any
    twin: Any
    tokenizer: Any
    name: str = "masked writer and twin"
    revision: str = ""

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The V words by their ids."""
        return tuple(self.tokenizer.convert_ids_to_tokens(range(len(self.tokenizer))))

    @cached_property
    def ids(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    @property
    def numbers(self) -> int:
        """The weights of one of the two."""
        return sum(weight.numel() for weight in self.masked.parameters())

    def canvas(self, words: Sequence[str] = (), finished: bool = False) -> np.ndarray:
        """Ids [48] of some words; behind them end marks where the text is ``finished``, else nothing is known."""
        row = np.full(CANVAS, self.ids[END if finished else MASK])
        row[: len(words)] = [self.ids[word] for word in words]
        return row

    def text(self, row: np.ndarray) -> list[str]:
        """The words of ids [48], whatever they are."""
        return [self.words[one] for one in row]

    def story(self, row: np.ndarray) -> str:
        """The words of ids [48] before the first end mark as one line; what is still hidden as “▒”."""
        text = self.text(row)
        kept = text[: text.index(END)] if END in text else text
        return " ".join("▒" if word == MASK else word for word in kept)

    def broken(self, row: np.ndarray) -> tuple[stories.Rule, ...]:
        """The rules that a canvas of ids [48] breaks."""
        return stories.broken(self.text(row))


SHELF = Shelf[Writers]("stories")


def load(folder: Any = None) -> Writers:
    """Both writers, one pair a process; PlainError where their weights are missing."""
    place = folder or FOLDER

    def open_writers() -> Writers:
        if not all((place / name / "config.json").is_file() for name in ("masked", "twin")):
            raise PlainError(MISSING)
        import torch
        from transformers.models.llama.modeling_llama import LlamaForCausalLM
        from transformers.tokenization_utils_tokenizers import TokenizersBackend

        networks: list[Any] = []
        for name in ("masked", "twin"):
            hardware.check_whole(place / name)
            network = LlamaForCausalLM.from_pretrained(place / name, dtype=torch.float32)
            networks.append(network.eval().requires_grad_(False))
        masked, twin = networks
        return Writers(masked, twin, TokenizersBackend.from_pretrained(place))

    return SHELF.load(str(place), open_writers)


def lengths(seeds: Sequence[int]) -> list[int]:
    """How many words each story will have: as many as some story of the grammar, drawn by its seed."""
    return [len(stories.story(f"as long as {seed}")) for seed in seeds]


def blank(writers: Writers, words: Sequence[int]) -> np.ndarray:
    """Canvases [N, 48] for so many words each: all hidden, and end marks behind them."""
    places = np.arange(CANVAS)
    return np.where(places >= np.array(words)[:, None], writers.ids[END], writers.ids[MASK])


@dataclass(frozen=True, eq=False)
class Round:
    """One pass over N canvases.

    before, canvas: ids int [N, 48] as read and as left. guesses: the words drawn for every position; confidence: the
    chance that each had in the draw. revealed: bool [N, 48], what this round kept. given: what stood there from the
    beginning. candidates, chances [N, 48, 5]: the best words and their probabilities, without temperature. ``seconds``:
    what the rounds so far took together, without what was done between them.
    """

    index: int
    rounds: int
    before: np.ndarray
    canvas: np.ndarray
    guesses: np.ndarray
    confidence: np.ndarray
    revealed: np.ndarray
    given: np.ndarray
    candidates: np.ndarray
    chances: np.ndarray
    hidden: int
    seconds: float

    def states(self, row: int = 0) -> list[str]:
        """Each position's: given, committed, revealed (now), or draft (guessed, not kept)."""
        names = []
        for place in range(CANVAS):
            if self.given[row, place]:
                names.append("given")
            elif self.revealed[row, place]:
                names.append("revealed")
            else:
                names.append("draft" if self.canvas[row, place] == self.hidden else "committed")
        return names


def draft(
    writers: Writers,
    seeds: Sequence[int],
    *,
    rounds: int = 8,
    temperature: float = TEMPERATURE,
    canvases: np.ndarray | None = None,
    allowed: np.ndarray | None = None,
) -> Iterator[Round]:
    """Fill what is hidden of N canvases in ``rounds`` passes, one :class:`Round` each.

    canvases: ids [N, 48] with :data:`MASK` where something is to be written; :func:`blank` ones of drawn
    :func:`lengths` when None. allowed: bool [48, V], the words that may stand at each position. Fewer rounds are made
    where fewer words are hidden.
    """
    _check(seeds, temperature)
    rounds = whole("The number of rounds", rounds, 1, CANVAS)
    hidden = writers.ids[MASK]
    rows = blank(writers, lengths(seeds)) if canvases is None else np.array(canvases, dtype=np.int64)
    given = rows != hidden
    schedulers = [_scheduler(rounds, int((~row).sum())) for row in given]
    stops = np.where(given, 0, np.arange(1, CANVAS + 1)).max(1)  # behind the last word to write
    dice = [_dice(seed) for seed in seeds]
    rounds = max((one.num_inference_steps for one in schedulers), default=0)
    seconds = 0.0
    for index in range(rounds):
        if not (rows == hidden).any():
            return
        before, began = rows, time.perf_counter()
        logits = PASSES.ask((writers, rows), size=len(rows), kind=id(writers))
        rows, guesses, sure, best, chances = worker.call(
            _settled, writers, rows, logits, index, schedulers, stops, dice, temperature, allowed
        )
        seconds += time.perf_counter() - began
        yield Round(
            index + 1, rounds, before, rows, guesses, sure, (before == hidden) & (rows != hidden), given, best,
            chances, hidden, seconds,
        )  # fmt: skip


def seen(writers: Writers, canvas: Any) -> Any:
    """The masked writer's scores for canvases [N, 48]: logits [N, 48, V]. Must run in the models' thread."""
    import torch

    start = torch.full_like(canvas[:, :1], writers.ids[START])
    read = torch.cat([start, canvas], 1)
    return writers.masked(read, attention_mask=(read != writers.ids[END]).long(), use_cache=False).logits[:, :-1]


def _pass(loads: Sequence[tuple[Writers, np.ndarray]]) -> list[Any]:
    """The scores for the canvases of each load, in one pass; one writer's all."""
    import torch

    logits = seen(loads[0][0], torch.tensor(np.concatenate([rows for _, rows in loads])))
    return list(logits.split([len(rows) for _, rows in loads]))


PASSES = Meeting[tuple[Writers, np.ndarray], Any](_pass, MOST_AT_ONCE)


def _scheduler(rounds: int, hidden: int) -> Any:
    from diffusers import BlockRefinementScheduler

    one: Any = BlockRefinementScheduler(block_length=CANVAS)
    one.set_timesteps(max(1, min(rounds, hidden)), block_length=max(1, hidden))
    return one


def _settled(
    writers: Writers, rows: np.ndarray, logits: Any, index: int, schedulers: Sequence[Any], stops: np.ndarray,
    dice: Sequence[Any], temperature: float, allowed: np.ndarray | None,
) -> tuple[np.ndarray, ...]:  # fmt: skip
    """What a round of one run makes of its pass: each canvas with its own dice and scheduler."""
    import torch

    canvas = torch.tensor(rows)
    if allowed is not None:
        logits = logits.masked_fill(~torch.tensor(allowed), float("-inf"))
    kept, guesses, sure = canvas.clone(), canvas.clone(), torch.ones(canvas.shape)
    for row, (scheduler, one) in enumerate(zip(schedulers, dice, strict=True)):
        if index >= scheduler.num_inference_steps or not (rows[row] == writers.ids[MASK]).any():
            continue
        part = slice(0, stops[row])
        step = scheduler.step(
            logits[row : row + 1, part], index, canvas[row : row + 1, part], mask_token_id=writers.ids[MASK],
            temperature=temperature, sampling_method="multinomial", threshold=1.0, editing_threshold=None,
            generator=one,
        )  # fmt: skip
        kept[row, part], guesses[row, part] = step.prev_sample[0], step.sampled_tokens[0]
        sure[row, part] = step.sampled_probs[0]
    chances, best = logits.softmax(-1).topk(5)
    return kept.numpy(), guesses.numpy(), sure.numpy(), best.numpy(), chances.numpy()


@dataclass(frozen=True, eq=False)
class Step:
    """One pass of the twin over N texts: ids int [N, 48] so far (the rest hidden), as :class:`Round` the chance of the
    word each wrote, [N], the best five for the first text, and the seconds of its passes so far. ``index`` counts from
    1."""

    index: int
    canvas: np.ndarray
    confidence: np.ndarray
    candidates: np.ndarray
    chances: np.ndarray
    seconds: float


def write(
    writers: Writers,
    seeds: Sequence[int],
    *,
    temperature: float = TEMPERATURE,
    given: np.ndarray | None = None,
    allowed: np.ndarray | None = None,
) -> Iterator[Step]:
    """Let the twin write N texts from left to right with its cache, one :class:`Step` a word, until all have ended.

    given: ids [N, 48]; where it is not :data:`MASK` that word is put there, whatever the twin would write. allowed: as
    in :func:`draft`.
    """
    many = _check(seeds, temperature)
    hidden, end = writers.ids[MASK], writers.ids[END]
    rows = np.full((many, CANVAS), hidden)
    forced = rows if given is None else np.asarray(given)
    dice = [_dice(seed) for seed in seeds]
    cache: Any = None
    last = np.full(many, writers.ids[START])
    seconds = 0.0
    for index in range(CANVAS):
        began = time.perf_counter()
        words, sure, best, chances, cache = worker.call(
            _step, writers, last, cache, dice, temperature, None if allowed is None else allowed[index]
        )
        seconds += time.perf_counter() - began
        ended = (rows == end).any(1)
        put = forced[:, index] != hidden
        words = np.where(put, forced[:, index], np.where(ended, end, words))
        rows = rows.copy()
        rows[:, index], last = words, words
        done = (rows == end).any(1).all() and (forced[:, index + 1 :] == hidden).all()
        if done:
            rows = np.where(rows == hidden, end, rows)
        yield Step(index + 1, rows, sure, best, chances, seconds)
        if done:
            return


def _step(
    writers: Writers, last: np.ndarray, cache: Any, dice: Sequence[Any], temperature: float, allowed: Any
) -> tuple[Any, ...]:
    import torch

    out = writers.twin(torch.tensor(last)[:, None], past_key_values=cache, use_cache=True)
    logits = out.logits[:, -1]
    if allowed is not None:
        logits = logits.masked_fill(~torch.tensor(allowed), float("-inf"))
    chances = (logits / temperature).softmax(-1) if temperature else torch.zeros_like(logits)
    drawn = [
        torch.multinomial(row, 1, generator=one)[0] if temperature else best
        for row, one, best in zip(chances, dice, logits.argmax(-1), strict=True)
    ]
    words = torch.stack(drawn)
    plain = logits.softmax(-1)
    sure = (chances if temperature else plain).gather(1, words[:, None])[:, 0]
    best_chances, best = plain[0].topk(5)
    return words.numpy(), sure.numpy(), best.numpy(), best_chances.numpy(), out.past_key_values


def last(events: Iterable[Any]) -> Any:
    """The last of some rounds or steps: the finished canvases."""
    event = None
    for event in events:  # noqa: B007
        pass
    return event


def doubts(writers: Writers, row: np.ndarray) -> np.ndarray:
    """How far each word of a canvas [48] is from the best one when only it is covered, float [48] in (0, 1].

    1 where it is the best word itself; hidden places and end marks count 1. One pass over as many canvases as words.
    """
    return worker.call(_doubts, writers, np.asarray(row))


def _doubts(writers: Writers, row: np.ndarray) -> np.ndarray:
    import torch

    own = torch.tensor(row)
    places = ((own != writers.ids[MASK]) & (own != writers.ids[END])).nonzero()[:, 0]
    rows, each = own.repeat(len(places), 1), torch.arange(len(places))
    rows[each, places] = writers.ids[MASK]
    chances = seen(writers, rows)[each, places].softmax(-1)
    shares = torch.ones(CANVAS)
    shares[places] = chances[each, own[places]] / chances.max(-1).values
    return shares.numpy()


def erred(
    writers: Writers,
    seed: int,
    *,
    position: int,
    word: str,
    at: int = 4,
    rounds: int = 8,
    remask: bool = True,
    temperature: float = TEMPERATURE,
) -> Iterator[Round]:
    """Commit ``word`` at ``position`` (from 0) before round ``at`` (from 1; ``rounds`` + 1: of a finished canvas), and
    go on: without going back, or, with ``remask``, looking for words to doubt at the end.

    Up to :data:`TRIES` times every doubted word is covered and drafted anew, the committed error among them if it is
    doubted. Yields every round; ``given`` is never set for the error.
    """
    at = whole("The round of the error", at, 1, rounds + 1)
    position = whole("The position", position, 0, CANVAS - 1)
    (canvas,) = blank(writers, lengths([seed]))
    if at > 1:
        for event in draft(writers, [seed], rounds=rounds, temperature=temperature):
            canvas = event.canvas[0]
            yield event
            if event.index + 1 == at:
                break
    canvas = canvas.copy()
    canvas[position] = writers.ids[check_word(writers, word)]
    left = int((canvas == writers.ids[MASK]).sum())
    later = seed + MAX_SEED // 2
    if left:
        for event in draft(
            writers, [later % MAX_SEED], rounds=max(1, rounds + 1 - at), temperature=temperature, canvases=canvas[None]
        ):
            canvas = event.canvas[0]
            yield event
    if remask:
        yield from revise(writers, canvas, (later + 1) % MAX_SEED, temperature=temperature)


def revise(
    writers: Writers, row: np.ndarray, seed: int, *, temperature: float = TEMPERATURE, tries: int = TRIES
) -> Iterator[Round]:
    """Look for words to doubt in a finished canvas [48], cover them all and draft them anew, up to ``tries`` times.

    Yields the rounds of each try; none where nothing is doubted.
    """
    canvas = np.array(row)
    for attempt in range(tries):
        doubted = doubts(writers, canvas) < DOUBT
        if not doubted.any():
            return
        covered = np.where(doubted, writers.ids[MASK], canvas)
        for event in draft(
            writers, [(seed + attempt) % MAX_SEED], rounds=min(8, int(doubted.sum())), temperature=temperature,
            canvases=covered[None],
        ):  # fmt: skip
            canvas = event.canvas[0]
            yield event


def guesses_at(writers: Writers, rows: np.ndarray, places: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The chances of every word at one place of each canvas, float [N, V]: the masked writer's, who reads the rest of
    the canvas with the place covered, and the twin's, who reads what stands to the left of it."""
    return worker.call(_guesses_at, writers, np.asarray(rows), np.asarray(places))


def _guesses_at(writers: Writers, rows: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import torch

    canvas, at, each = torch.tensor(rows), torch.tensor(places), torch.arange(len(rows))
    covered = canvas.clone()
    covered[each, at] = writers.ids[MASK]
    both_sides = seen(writers, covered)[each, at].softmax(-1)
    start = torch.full_like(canvas[:, :1], writers.ids[START])
    left = writers.twin(torch.cat([start, canvas[:, :-1]], 1), use_cache=False).logits[each, at].softmax(-1)
    return both_sides.numpy(), left.numpy()


def read(writers: Writers, what: str, text: object, longest: int = CANVAS) -> list[str]:
    """The words of a learner's text, without what cannot be seen in it; PlainError names those that the writers have
    no key for."""
    given = INVISIBLE.sub("", check_text(what, text, 600)).lower()
    words = TOKENS.findall(given)
    odd = sorted(set(re.findall(r"[^\s.,?]+", given)) - set(words))
    unknown = [word for word in dict.fromkeys([*words, *odd]) if word not in stories.classes()]
    if unknown:
        raise PlainError(f"The writers do not know {_named(unknown[0])}. {_near(unknown[0])}")
    if len(words) > longest:
        raise PlainError(f"{what} has {len(words)} words and stops. Keep it to {longest}.")
    return words


def gapped(writers: Writers, what: str, text: object, needed: bool = True) -> list[str]:
    """The words of a canvas with “▒” for what is hidden, as :data:`MASK`; PlainError where a gap is ``needed`` and
    nothing is hidden."""
    parts = check_text(what, text, 600).split("▒")
    words = [part for piece in parts for part in (MASK, *read(writers, what, piece))][1:]
    if needed and len(parts) == 1:
        raise PlainError(f"{what} hides nothing: put ▒ for every word that is to be written.")
    if len(words) >= CANVAS:
        raise PlainError(f"{what} has {len(words)} places; a canvas holds {CANVAS - 1} words.")
    return words


def check_word(writers: Writers, word: object) -> str:
    """One word of the writers; PlainError otherwise."""
    text = INVISIBLE.sub("", check_text("The word", word, 60)).strip().lower()
    if text not in stories.classes():
        raise PlainError(f"The writers do not know {_named(text)}. {_near(text)}")
    return text


def _named(word: str) -> str:
    shown = "".join(one for one in word if one.isprintable())[:30]
    return f"“{shown}”" if shown else "that"


def _near(word: str) -> str:
    near = difflib.get_close_matches(word[:30], stories.vocabulary(), 3, 0.6)
    return f"Near it are: {', '.join(near)}." if near else "Look at the stories for words that they know."


def _check(seeds: Sequence[int], temperature: float) -> int:
    check_number("The temperature", temperature, 0, 2)
    if not 1 <= len(seeds) <= MOST_AT_ONCE:
        raise PlainError(f"Write 1 to {MOST_AT_ONCE} stories at once.")
    for seed in seeds:
        whole("The seed", seed, 0, MAX_SEED)
    return len(seeds)


def _dice(seed: int) -> Any:
    import torch

    return torch.Generator().manual_seed(int(seed))
