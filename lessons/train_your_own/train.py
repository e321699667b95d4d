"""Screen 1: a typewriter trained on a text while the learner watches, and what it writes then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from engines.checks import MAX_SEED, check_number, check_text, seed_range, whole
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.statistics import cells, plural, words
from engines.text import small, small_writing
from engines.text.small import Checkpoint
from lessons.train_your_own.measures import CLEAN, Source, bits, chosen, code, known_words, provenance, said

LEAST_SECONDS, SECONDS = 10, 40
PROMPTS = 3
MOST_PROMPT = 200


@dataclass(frozen=True, eq=False)
class Trained:
    """A training under way or done: its ``checkpoints`` so far, and the two rivals' bits a character.

    ``source`` is the text's name, ``text`` what was trained on; ``file`` the saved typewriter once it is done.
    """

    source: str
    text: str
    characters: int
    chance: float
    pairs: float
    checkpoints: tuple[Checkpoint, ...]
    weights: int
    file: bytes | None = None

    @property
    def last(self) -> Checkpoint:
        return self.checkpoints[-1]

    @property
    def held_out(self) -> float:
        """Bits a character of the held-out text now."""
        return bits(self.last.held_out[0])[0]


def train(name: str, own: str, seconds: float, seed: int) -> Iterator[Underway | Evidence[Trained]]:
    """Train for ``seconds`` on a bundled text or on ``own``; one Evidence a checkpoint, the last with the file."""
    check_number("The seconds to train", seconds, LEAST_SECONDS, small.MOST_SECONDS)
    yield from trained(name, own, seconds=float(seconds), seed=seed)


def job_for(text: str, seconds: float, seed: int, steps: int = small.MOST_STEPS, **settings: object) -> small.Job:
    training, held_out = small.parts(text)
    seed = whole("The seed", seed, 0, MAX_SEED)
    return small.Job(
        training, (held_out,), small.alphabet(text), steps=steps, seconds=seconds, seed=seed, **settings  # type: ignore[arg-type]
    )  # fmt: skip


def trained(
    name: str, own: str = "", *, seconds: float, seed: int, steps: int = small.MOST_STEPS, prompt: str = ""
) -> Iterator[Underway | Evidence[Trained]]:
    began = time.perf_counter()
    source, text = chosen(name, own)
    keys = small.alphabet(text)
    start = "".join(one for one in prompt if one in keys) or "\n"
    job = job_for(text, seconds, seed, steps, prompt=start)
    value = Trained(
        source, job.training, len(keys), small.chance(len(keys)),
        small.pair_bits(job.training, job.held_out[0], len(keys)), (), job.shape.weights(len(keys)),
    )  # fmt: skip
    for event in small.train(job):
        if isinstance(event, Underway):
            yield event
            continue
        value = replace(value, checkpoints=(*value.checkpoints, event))
        if event.model is not None:
            value = replace(value, file=small.save(event.model))
        shown = _evidence(value, began, job.seed)
        if value.file is not None:
            shown = replace(shown, snippet=_code(source, job, event.step), expected=value.held_out)
        yield shown


def _code(source: str, job: small.Job, steps: int) -> str:
    texts = f"""text = {Source(source).code}
text = text.strip()  {CLEAN}
cut = round(len(text) * 0.9)
training, held_out = text[:cut], text[cut:]
characters = "".join(sorted(set(text) | {{"\\n"}}))"""
    ending = f"""model = trained(training, steps={steps}, seed={job.seed})
result = bits(model, held_out)
print(f"{{result:.2f}} bits a character")
print(written(model, training[:1]))"""
    return code(texts, ending, job)


def train_truth(value: Trained) -> tuple[float, str]:
    gap = value.pairs - value.held_out
    return gap, f"{value.held_out:.2f} bits a character against {value.pairs:.2f} by counting pairs"


def rival(value: Trained) -> str:
    """Whether the network beats the table of pairs, as far as the interval tells."""
    _, low, high = bits(value.last.held_out[0])
    if high < value.pairs:
        return "The network has learned more than pairs."
    if low > value.pairs:
        return "Up to here the table is the better one."
    return "The two cannot be told apart yet."


def _evidence(value: Trained, began: float, seed: int) -> Evidence[Trained]:
    last, of = value.last, bits(value.last.held_out[0])
    blocks = plural(len(last.held_out[0]), "block")
    gap = of[0] - last.loss
    findings = (
        Finding(
            f"{of[0]:.2f} bits a character",
            f"on text it has not trained on: {words(of)} over {blocks} of it, one training seed. Keys drawn blindly "
            f"from all {value.characters} cost {value.chance:.2f}.",
        ),
        Finding(
            f"{value.pairs:.2f} by counting pairs",
            f"is what a table of which character followed which, counted in the same text, would pay. {rival(value)}",
        ),
        Finding(
            f"{last.loss:.2f} on its own text",
            f"in the last batches of its training. On held-out text it pays {abs(gap):.2f} bits a character "
            + (
                "more. A gap that grows says that it learns the text and not the language."
                if gap > 0
                else "less: the batches were counted while it still learned, the held-out text at the end."
            ),
        ),
    )
    alt = (
        f"After {plural(last.step, 'training step')} it pays {of[0]:.2f} bits a character of held-out text; "
        f"blind keys pay {value.chance:.2f}, a table of pairs {value.pairs:.2f}. It writes: "
        f"{' '.join(last.samples[0].split())[:120]}"
    )
    rows = tuple(
        (one.step, round(one.seconds, 1), round(one.loss, 3), *cells(bits(one.held_out[0]), 3),
         said(known_words(one.samples[0], value.text)))
        for one in value.checkpoints
    )  # fmt: skip
    columns = ("step", "seconds", "training, bits", "held out, bits", "low", "high", "words that the text has")
    source = provenance(
        began, seed, value.weights, last.step, text=value.source, characters=len(value.text), keys=value.characters
    )
    return Evidence(value, alt, Table(columns, rows), source, findings)


# --- writing on --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """What a typewriter wrote after ``prompt``, once a seed; ``passed`` are characters that it has no keys for."""

    prompt: str
    passed: str
    texts: tuple[tuple[int, str], ...]


def write_on(file: bytes | None, prompt: str, temperature: float, seed: int) -> Iterator[Underway | Evidence[Written]]:
    """Three continuations of the prompt by a typewriter that was trained or loaded on this page."""
    began, seeds = time.perf_counter(), seed_range(seed, PROMPTS)
    if not file:
        raise PlainError("There is no typewriter yet. Train one above and let it finish, or load one from a file.")
    prompt = check_text("The beginning", prompt, MOST_PROMPT)
    check_number("The temperature", temperature, 0.1, 2)
    model = small.load(file)
    passed = "".join(dict.fromkeys(one for one in prompt if one not in model.characters))
    texts: list[tuple[int, str]] = []
    for one in seeds:
        yield Underway(len(texts) / len(seeds), f"Writing with seed {one}")
        texts.append((one, small_writing.write(model, prompt, temperature=float(temperature), seed=one)))
    value = Written(model.readable(prompt), passed, tuple(texts))
    different = len({text for _, text in texts})
    findings = (
        Finding(
            f"{different} of {len(texts)} differ",
            "of the texts that follow the same beginning: the seed draws, the typewriter only scores its keys.",
        ),
    )
    alt = f"After “{value.prompt}” it wrote: " + "; ".join(" ".join(text.split())[:60] for _, text in texts)
    source = Provenance(
        "live", "your typewriter", "", {"weights": f"{model.weights:,}", "temperature": float(temperature)}, seeds[0],
        time.perf_counter() - began,
    )  # fmt: skip
    rows = tuple((one, text) for one, text in texts)
    yield Evidence(value, alt, Table(("seed", "written"), rows), source, findings)


def loaded(data: object) -> tuple[bytes, str]:
    """A file that a learner brought, checked, and what it holds in words."""
    model = small.load(data)
    assert isinstance(data, bytes | bytearray)
    return bytes(
        data
    ), f"Loaded: a typewriter of {model.weights:,} weights with {plural(len(model.characters), 'key')}."
