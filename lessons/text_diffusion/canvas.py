"""Screen 1: a whole canvas of words sharpened round by round, beside the twin that writes from left to right."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from engines.checks import seed_range
from engines.evidence import Evidence, Finding, Table, Underway
from engines.statistics import Mean, percent, plural, share, words
from engines.text import masked
from engines.text.masked import CANVAS, Round, Step, Writers
from lessons.text_diffusion.measures import broken, opened, pipeline, provenance, rounds_of, temperature_of

SEEDS = 16
"""Stories drafted side by side; the first one is shown."""


@dataclass(frozen=True, eq=False)
class Drafted:
    """A draft under way or done: the rounds made, the twin's steps made, each over the same N seeds."""

    writers: Writers
    rounds: tuple[Round, ...]
    steps: tuple[Step, ...]

    @property
    def length(self) -> int:
        """Words of the story that is shown."""
        return int((~self.rounds[0].given[0]).sum())

    @property
    def kept(self) -> np.ndarray:
        """Of each draft, the share of the first round's guesses that stand in the end, float [N]."""
        return _same(self.rounds[0].guesses, self.rounds[-1].canvas, ~self.rounds[0].given)

    @property
    def alike(self) -> np.ndarray:
        """The control: the share that stands in *another* seed's story, float [N]."""
        wrote = ~self.rounds[0].given
        return _same(self.rounds[0].guesses, np.roll(self.rounds[-1].canvas, 1, 0), wrote & np.roll(wrote, 1, 0))

    @property
    def typed(self) -> int:
        """Passes that the twin made for the story that is shown, as far as it is."""
        words = self.writers.text(self.steps[-1].canvas[0])
        return words.index(masked.END) + 1 if masked.END in words else len(self.steps)

    @property
    def passes(self) -> int:
        """Passes until both stories that are shown are done, as far as they are."""
        return max(len(self.rounds), self.typed)

    def when(self) -> np.ndarray:
        """In which round each word of the story shown was kept, from 1; 0 where none was."""
        found = np.zeros(CANVAS, int)
        for one in self.rounds:
            found[one.revealed[0]] = one.index
        return found


def _same(guesses: np.ndarray, final: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.array([(a == b)[at].mean() for a, b, at in zip(guesses, final, where, strict=True)])


def draft(rounds: int, temperature: float, seed: int) -> Iterator[Underway | Drafted | Evidence[Drafted]]:
    """Draft 16 stories and let the twin write as many, pass by pass; a :class:`Drafted` a pass, an Evidence at last."""
    began = time.perf_counter()
    rounds, temperature = rounds_of(rounds), temperature_of(temperature)
    seeds = seed_range(seed, SEEDS)
    yield from opened()
    writers = masked.load()
    value = Drafted(writers, (), ())
    passes = zip_longest(
        masked.draft(writers, seeds, rounds=rounds, temperature=temperature),
        masked.write(writers, seeds, temperature=temperature),
    )
    for sharpened, typed in passes:
        value = Drafted(
            writers,
            (*value.rounds, sharpened) if sharpened else value.rounds,
            (*value.steps, typed) if typed else value.steps,
        )
        yield Underway(max(len(value.rounds), len(value.steps)) / CANVAS, "Both at work")
        yield value
    yield _evidence(value, began, seeds[0], rounds, temperature)


def kept_truth(value: Drafted) -> tuple[float, str]:
    mean = share(value.kept)
    return mean[0], f"{words(mean, 0, True)} of the first guesses, over {SEEDS} stories"


def _own(value: Drafted) -> tuple[Mean, Mean]:
    return share(value.kept), share(value.alike)


def _evidence(value: Drafted, began: float, seed: int, rounds: int, temperature: float) -> Evidence[Drafted]:
    writers, last = value.writers, value.rounds[-1]
    kept, alike = _own(value)
    story, typed = writers.story(last.canvas[0]), writers.story(value.steps[-1].canvas[0])
    first, when = value.rounds[0], value.when()
    ahead = [
        (one.revealed & (np.cumsum(one.canvas == one.hidden, axis=1) > 0)).sum() for one in value.rounds
    ]  # kept while a place further left was still open
    wrote = int((~first.given).sum())
    findings = (
        Finding(
            f"{percent(kept[0])} of the first guesses",
            f"stand in the end: {words(kept, 0, True)}, over {SEEDS} stories. In another seed's story stand "
            f"{words(alike, 0, True)} of them: so much full stops and little words agree by themselves.",
        ),
        Finding(
            f"{plural(len(value.rounds), 'pass', 'passes')}, {plural(value.length, 'word')}",
            f"for the sharpened story, which is: {broken(writers.broken(last.canvas[0]))}. The twin made "
            f"{plural(value.typed, 'pass', 'passes')} for its own, which is: "
            f"{broken(writers.broken(value.steps[-1].canvas[0]))}. One story each; screen 2 counts. The passes of all "
            f"{SEEDS} side by side took {last.seconds:.1f} s; the twin’s {value.steps[-1].seconds:.1f} s.",
        ),
        Finding(
            f"{percent(sum(ahead) / wrote)} out of order",
            "of the words were kept while a place further left was still open. For the twin it is none, by the way it "
            "works.",
        ),
    )
    rows = []
    for place in range(value.length):
        kept_in = int(when[place])
        best = [writers.words[one] for one in first.candidates[0, place][:3]]
        sure = float(value.rounds[kept_in - 1].confidence[0, place]) if kept_in else None
        rows.append(
            (place + 1, writers.words[last.canvas[0, place]], kept_in, sure, writers.words[first.guesses[0, place]],
             ", ".join(f"{word} {percent(float(chance))}" for word, chance in zip(best, first.chances[0, place],
                                                                                  strict=False)))
        )  # fmt: skip
    columns = ("place", "word", "kept in round", "its chance then", "first guess", "the best at first")
    settings = {"rounds": rounds, "temperature": temperature, "words": value.length}
    return Evidence(
        value, f"The sharpened story: “{story}” The twin's: “{typed}”", Table(columns, tuple(rows)),
        provenance(writers, seed, time.perf_counter() - began, **settings), findings,
        pipeline(value.length, rounds, temperature, seed), story,
    )  # fmt: skip
