"""Screen 2: two typewriters, equal but for what they ate, and each on the other's text."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, Finding, PlainError, Table, Underway
from engines.statistics import Mean, cells, mean_interval, plural, words
from engines.text import small
from engines.text.small import Checkpoint
from lessons.train_your_own.measures import Source, bits, code, diet, known_words, provenance, said, two

LEAST_STEPS, STEPS, MOST_STEPS = 50, 150, 400


@dataclass(frozen=True, eq=False)
class Fed:
    """Two diets' ``names``; the training texts; the last checkpoint of each typewriter; and of the control.

    The control ate the first diet too, from another seed. Each checkpoint has the bits of both held-out texts.
    """

    names: tuple[str, str]
    texts: tuple[str, str]
    fed: tuple[Checkpoint, Checkpoint]
    control: Checkpoint
    untrained: Checkpoint
    chance: float

    def on(self, eater: int, text: int) -> Mean:
        """Bits a character of typewriter ``eater`` on held-out text ``text``."""
        return bits(self.fed[eater].held_out[text])

    def cost(self, text: int) -> Mean:
        """How many bits a character more the stranger pays on ``text`` than the one that ate it, block by block."""
        own, stranger = (np.array(self.fed[eater].held_out[text]) for eater in (text, 1 - text))
        return mean_interval(stranger - own)

    @property
    def twin(self) -> Mean:
        """The same difference on the first text for another training on the same diet."""
        return mean_interval(np.array(self.control.held_out[0]) - np.array(self.fed[0].held_out[0]))


def feed(first: str, second: str, steps: int, seed: int) -> Iterator[Underway | Evidence[Fed]]:
    """Train two typewriters for ``steps`` from one seed, and a control from the next seed on the first diet."""
    began = time.perf_counter()
    two(first, second)
    steps = whole("The number of training steps", steps, 1, MOST_STEPS)
    seed = whole("The seed", seed, 0, MAX_SEED)
    texts = diet(first), diet(second)
    keys = small.alphabet(*texts)
    cut = tuple(small.parts(text) for text in texts)
    held = cut[0][1], cut[1][1]
    found: list[Checkpoint] = []
    starts: list[Checkpoint] = []
    jobs = [
        small.Job(
            cut[eats][0], held, keys, steps=steps, seconds=small.MOST_SECONDS, seed=one, length=200,
            checkpoints=(0,),
        )
        for eats, one in ((0, seed), (1, seed), (0, (seed + 1) % (MAX_SEED + 1)))
    ]  # fmt: skip
    for number, job in enumerate(jobs):
        name = (f"On {first}", f"On {second}", f"On {first} again, from another seed")[number]
        for event in small.train(job):
            if isinstance(event, Underway):
                yield Underway((number + event.share) / 3, f"{name}: {event.words[:1].lower()}{event.words[1:]}")
            elif event.model is None:
                starts.append(event)
            elif event.step < steps:
                raise PlainError(
                    f"This machine made {plural(event.step, 'step')} in {small.MOST_SECONDS} seconds and not {steps}, "
                    "so the typewriters cannot be compared. Take fewer steps, or try again when it is less busy."
                )
            else:
                found.append(event)
    value = Fed(
        (first, second), (cut[0][0], cut[1][0]), (found[0], found[1]), found[2], starts[0], small.chance(len(keys))
    )
    weights = jobs[0].shape.weights(len(keys))
    yield _evidence(value, began, seed, steps, weights, _code(first, second, steps, seed, jobs[0]))


def _code(first: str, second: str, steps: int, seed: int, job: small.Job) -> str:
    texts = f"""texts = [
    {Source(first).code.replace("  #", ",  #")}
    {Source(second).code.replace("  #", ",  #")}
]
texts = [text.strip() for text in texts]
characters = "".join(sorted(set("".join(texts)) | {{"\\n"}}))
cuts = [round(len(text) * 0.9) for text in texts]"""
    ending = f"""result = []
for text, cut in zip(texts, cuts):
    model = trained(text[:cut], steps={steps}, seed={seed})
    result.append([bits(model, other[at:]) for other, at in zip(texts, cuts)])
    print(written(model, "\\n"))
print(result)"""
    return code(texts, ending, job)


def feed_truth(value: Fed) -> tuple[float, str]:
    extra = [value.cost(text)[0] for text in (0, 1)]
    return float(np.mean(extra)), (
        f"{extra[0]:.2f} bits a character more on {value.names[0]}, {extra[1]:.2f} more on {value.names[1]}"
    )


def _evidence(value: Fed, began: float, seed: int, steps: int, weights: int, snippet: str) -> Evidence[Fed]:
    (first, second), on = value.names, value.on
    _, low, high = value.twin
    kept = all(value.cost(text)[1] > max(abs(low), abs(high)) for text in (0, 1))
    worst, start = max(on(0, 1)[0], on(1, 0)[0]), bits(value.untrained.held_out[1])[0]
    findings = (
        Finding(
            f"{value.cost(0)[0]:.2f} and {value.cost(1)[0]:.2f} bits",
            f"more a character pays the stranger: {words(value.cost(0))} on {first}, {words(value.cost(1))} on "
            f"{second}, block by block on held-out text, one seed.",
        ),
        Finding(
            f"{value.twin[0]:.2f} for a twin".replace("-", "−"),
            f"The control: another training on {first}, from another seed, pays {words(value.twin)} more on {first}. "
            + (
                "So it is the diet that parts them, not the seed."
                if kept
                else "So the difference above may be the seed's as well."
            ),
        ),
        Finding(
            f"{worst:.2f} at worst",
            f"and blind keys pay {value.chance:.2f}; before any training it was {start:.2f} on {second}. "
            + (
                "What a stranger knows still helps: letters, spaces, endings are shared."
                if worst < value.chance
                else "A wrong diet can be worse than none: it is sure of what does not come."
            ),
        ),
    )
    alt = "; ".join(
        f"the typewriter fed on {value.names[eater]} pays {on(eater, text)[0]:.2f} bits a character on "
        f"{value.names[text]}"
        for eater in (0, 1)
        for text in (0, 1)
    )
    rows = [
        (value.names[eater], value.names[text], *cells(on(eater, text), 3), said(_known(value, eater)))
        for eater in (0, 1)
        for text in (0, 1)
    ]
    rows.append((f"{first}, another seed", first, *cells(bits(value.control.held_out[0]), 3), "–"))
    rows.append(("nothing yet", first, *cells(bits(value.untrained.held_out[0]), 3), "–"))
    columns = ("fed on", "read, held out", "bits a character", "low", "high", "its words that its diet has")
    source = provenance(began, seed, weights, steps, first=first, second=second)
    expected = [[on(eater, text)[0] for text in (0, 1)] for eater in (0, 1)]
    return Evidence(value, f"Held out: {alt}.", Table(columns, tuple(rows)), source, findings, snippet, expected)


def _known(value: Fed, eater: int) -> float | None:
    return known_words(value.fed[eater].samples[0], value.texts[eater])
