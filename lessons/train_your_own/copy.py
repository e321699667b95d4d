"""Screen 3: a typewriter trained too long on too little, and how much of what it writes is copied."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, Finding, PlainError, Table, Underway
from engines.statistics import Mean, cells, mean_interval, more, plural, words
from engines.text import small
from engines.text.small import Checkpoint
from lessons.train_your_own.measures import Source, bits, code, diet, provenance

SIZE, LEAST_SIZE, MOST_SIZE = 2000, 1000, 10_000
STEPS, LEAST_STEPS, MOST_STEPS = 300, 100, 600
SAMPLES, LENGTH = 6, 300
CHECKPOINTS = (0, 50, 100, 150, 200, 250, 300, 400, 500)


@dataclass(frozen=True, eq=False)
class Copied:
    """A training on ``text``, a few pages of diet ``name``: at each checkpoint the longest passage that each sample
    has from the text, word for word; ``own`` has the same of pieces of the diet that were held out, as long as the
    samples.
    """

    name: str
    text: str
    checkpoints: tuple[Checkpoint, ...]
    passages: tuple[tuple[str, ...], ...]
    own: tuple[str, ...]

    def lengths(self, place: int = -1) -> list[int]:
        return [len(one) for one in self.passages[place]]

    @property
    def repeats(self) -> list[int]:
        """Lengths of the longest passages that the diet's own later pieces share with the text."""
        return [len(one) for one in self.own]

    def copied(self, place: int = -1) -> Mean:
        """Characters of the longest passage, over the samples."""
        return mean_interval(self.lengths(place))


def pieces(rest: str) -> tuple[str, ...]:
    """As many pieces of held-out text as there are samples, as long, evenly spread."""
    last = len(rest) - LENGTH
    return tuple(rest[round(number * last / (SAMPLES - 1)) :][:LENGTH] for number in range(SAMPLES))


def overtrain(name: str, size: int, steps: int, seed: int) -> Iterator[Underway | Evidence[Copied]]:
    """Train on the first ``size`` characters of a diet only; an Evidence a checkpoint."""
    began = time.perf_counter()
    size = whole("The characters to train on", size, LEAST_SIZE, MOST_SIZE)
    steps = whole("The number of training steps", steps, 1, MOST_STEPS)
    seed = whole("The seed", seed, 0, MAX_SEED)
    text = diet(name)
    training, rest = text[:size], text[size:]
    keys = small.alphabet(text)
    job = small.Job(
        training, (rest,), keys, steps=steps, seconds=small.MOST_SECONDS, seed=seed, samples=SAMPLES, length=LENGTH,
        checkpoints=CHECKPOINTS,
    )  # fmt: skip
    own = tuple(small.longest_copy(piece, training) for piece in pieces(rest))
    reached: list[Checkpoint] = []
    passages: list[tuple[str, ...]] = []
    for event in small.train(job):
        if isinstance(event, Underway):
            yield event
            continue
        reached.append(event)
        passages.append(tuple(small.longest_copy(sample, training) for sample in event.samples))
        if event.model is not None and event.step < min(steps, 2):
            raise PlainError("This machine is too busy to train just now. Try again in a minute.")
        value = Copied(name, training, tuple(reached), tuple(passages), own)
        finished = event.model is not None
        snippet = _code(name, size, event.step, seed, job) if finished else ""
        yield _evidence(value, began, seed, job.shape.weights(len(keys)), snippet)


def _code(name: str, size: int, steps: int, seed: int, job: small.Job) -> str:
    texts = f"""text = {Source(name).code}
text = text.strip()
training, held_out = text[:{size}], text[{size}:]
characters = "".join(sorted(set(text) | {{"\\n"}}))"""
    ending = f"""model = trained(training, steps={steps}, seed={seed})
result = bits(model, held_out)
print(f"{{bits(model, training):.2f}} bits a character of its own text, {{result:.2f}} of the rest")
sample = written(model, "\\n", {LENGTH})
longest = max((sample[a:b] for a in range(len(sample)) for b in range(a, len(sample) + 1) if sample[a:b] in training),
              key=len)
print(len(longest), "characters word for word:", longest)"""
    return code(texts, ending, job)


def copy_truth(value: Copied) -> tuple[float, str]:
    mean = value.copied()
    return mean[0], f"{words(mean, 0)} characters in a row over {SAMPLES} samples of {LENGTH}"


def verdict(value: Copied) -> str:
    """Whether the samples copy more than the text repeats itself, by the intervals and the longest passage."""
    (copied, low, _), (own, _, high) = value.copied(), mean_interval(value.repeats)
    if low > high:
        return "So it has learned passages by heart."
    longer = sum(len(one) > max(value.repeats) for one in value.passages[-1])
    if copied > own and longer:
        return (
            f"{plural(longer, 'sample')} of {SAMPLES} copied more than any of these pieces; on average so few do not "
            "settle whether it has learned passages by heart."
        )
    return "So this much the text shares with itself anyway: nothing shows that it has learned it by heart."


def _evidence(value: Copied, began: float, seed: int, weights: int, snippet: str) -> Evidence[Copied]:
    last, now = value.checkpoints[-1], value.copied()
    held = [bits(one.held_out[0]) for one in value.checkpoints]
    best = min(range(len(held)), key=lambda place: held[place][0])
    own = mean_interval(value.repeats)
    last_held, best_held = value.checkpoints[-1].held_out[0], value.checkpoints[best].held_out[0]
    worse = more(last_held, best_held) == 1 if len(last_held) == len(best_held) else False
    since = ": from then on more training made it worse" if worse else "; since then nothing shows a change"
    early = min(1, len(value.checkpoints) - 1)
    findings = (
        Finding(
            f"{now[0]:.0f} characters copied",
            f"is the longest passage from the training text in {LENGTH} characters of its own: {words(now, 0)} over "
            f"{SAMPLES} samples, one training. At step {value.checkpoints[early].step} it was "
            f"{words(value.copied(early), 0)}.",
        ),
        Finding(
            f"{own[0]:.0f} for the text itself",
            f"The control: pieces of the same diet that it never saw share {words(own, 0)} characters with the "
            f"training text. {verdict(value)}",
        ),
        Finding(
            f"{last.loss:.2f} here, {held[-1][0]:.2f} there",
            f"bits a character on what it trains on and on the rest of the diet. The rest was best at step "
            f"{value.checkpoints[best].step}, with {held[best][0]:.2f}"
            + (f"{since}." if best < len(held) - 1 else ", which is now."),
        ),
    )
    longest = max(value.passages[-1], key=len)
    alt = (
        f"After {plural(last.step, 'step')} on {len(value.text):,} characters, the longest copied passage of a "
        f"sample has {now[0]:.0f} characters; the text's own repeats have {own[0]:.0f}. The longest of all: "
        f"“{' '.join(longest.split())[:160]}”"
    )
    rows: list[tuple[str | int | float | None, ...]] = [
        (one.step, round(one.loss, 3), round(held[place][0], 3), *cells(value.copied(place), 1),
         max(value.lengths(place)))
        for place, one in enumerate(value.checkpoints)
    ]  # fmt: skip
    rows.append(("the text itself", None, None, *cells(own, 1), max(value.repeats)))
    columns = ("step", "training, bits", "held out, bits", "copied, characters", "low", "high", "longest of all")
    source = provenance(began, seed, weights, last.step, text=value.name, characters=len(value.text), samples=SAMPLES)
    return Evidence(
        value, alt, Table(columns, tuple(rows)), source, findings, snippet, held[-1][0] if snippet else None
    )  # fmt: skip
