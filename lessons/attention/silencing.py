"""Screen 4: heads switched off. Did the one that looks hardest matter most?

A head is switched off by setting its output to zero at every position (Michel et al. 2019); the change in the
next-token probabilities is KL(before ‖ after) in bits.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.statistics import interval, mean_interval, percent, plural, wilson
from engines.text import snippets
from engines.text.attention import Ablation, Mover
from engines.text.language_model import LanguageModel
from lessons.attention.measures import (
    EXAMPLES,
    Look,
    chosen,
    head_name,
    hottest,
    look,
    provenance,
    short,
    words_to_watch,
)

A_STEP = 8
"""Heads switched off, each alone, between two looks at whether to stop."""
MAX_RANDOM = 30


@dataclass(frozen=True)
class Silenced:
    """One head switched off alone: the watched share it had, and the change it caused in bits."""

    layer: int
    head: int
    share: float
    kl_bits: float
    target_after: float

    @property
    def name(self) -> str:
        return f"L{self.layer} H{self.head}"


@dataclass(frozen=True)
class Contest:
    """The hottest head against random ones, after ``text``; ``beaten`` counts the random heads that changed less."""

    hottest: Silenced
    random: tuple[Silenced, ...]
    text: str
    target: str
    target_before: float
    movers: tuple[Mover, ...]

    @property
    def beaten(self) -> int:
        return sum(other.kl_bits < self.hottest.kl_bits for other in self.random)


def contest(
    model: LanguageModel, kept: str, heads: int = 10, same_layer: bool = False, seed: int = 0
) -> Iterator[Underway | Evidence[Contest]]:
    """Switch off the hottest head, then ``heads`` random others one at a time, and compare the change."""
    seen, watched = yield from _sentence(model, kept)
    started = time.perf_counter()
    result = yield from _contest(model, seen, watched, seed=seed, heads=heads, same_layer=same_layer)
    yield _contest_evidence(seen, watched, result, seed, same_layer, time.perf_counter() - started)


def outdone(value: Contest) -> tuple[float, str]:
    """The share of random heads that the hottest one outdid."""
    return value.beaten / len(value.random), f"it outdid {value.beaten} of {plural(len(value.random), 'random head')}"


def _sentence(model: LanguageModel, kept: str) -> Generator[Underway, None, tuple[Look, tuple[int, ...]]]:
    """The sentence and the words to watch that the page keeps, read anew."""
    choice = chosen(kept)
    yield Underway(0.0, "Reading the sentence")
    seen = look(model, choice.text)
    watched, *_ = choice.placed(model, seen)
    return seen, watched


def _contest(
    model: LanguageModel,
    seen: Look,
    watched: Sequence[int],
    *,
    seed: int,
    heads: int,
    same_layer: bool = False,
    part: tuple[int, int] = (0, 1),
) -> Generator[Underway, None, Contest]:
    """One contest, which is number ``part[0]`` of ``part[1]``."""
    heads, top = whole("The number of random heads", heads, 1, MAX_RANDOM), hottest(seen, watched)
    layers = [top[0]] if same_layer else range(seen.layers)
    pool = [(a, b) for a in layers for b in range(seen.heads) if (a, b) != top]
    dice = np.random.default_rng((whole("The seed", seed, 0, MAX_SEED), part[0]))  # other heads for each sentence
    draw = dice.permutation(len(pool))[:heads]
    turns = [top, *(pool[int(i)] for i in draw)]
    ablations: list[Ablation] = []
    for start in range(0, len(turns), A_STEP):
        words = f"Sentence {part[0] + 1} of {part[1]}: head" if part[1] > 1 else "Head"
        yield Underway((part[0] + start / len(turns)) / part[1], f"{words} {start + 1} of {len(turns)} off")
        ablations += model.ablate_each(seen.text, turns[start : start + A_STEP])
    grid = _watched_share(seen, watched)
    rows = [_silenced(ablation, grid) for ablation in ablations]
    hot = ablations[0]
    return Contest(rows[0], tuple(rows[1:]), seen.text, hot.target_text, hot.target_before, hot.movers)


def _contest_evidence(
    seen: Look, watched: Sequence[int], result: Contest, seed: int, same_layer: bool, seconds: float
) -> Evidence[Contest]:
    hot, others = result.hottest, [other.kl_bits for other in result.random]
    mean, low, high = mean_interval(others)
    words = seen.names([i for i in watched if i > 0])
    span = f", 95 % interval {max(low, 0):.3f}–{high:.3f}" if len(others) > 1 else ""
    pool = "the same layer" if same_layer else "anywhere"
    count = plural(len(others), "random head")
    changes = "changes" if len(others) == 1 else "change"
    beaten = f"all {len(others)}" if result.beaten == len(others) else f"{result.beaten} of the {len(others)}"
    return Evidence(
        value=result,
        alt=f"Without {head_name(hot.layer, hot.head)}, which gives {percent(hot.share)} of its attention to {words}, "
        f"the next-token probabilities change by {hot.kl_bits:.4f} bits; {count} from {pool} {changes} them by "
        f"{mean:.4f} bits on average{span}. It changed more than {beaten} of them.",
        table=Table(
            ("head", f"attention to {words}", "change (KL, bits)", f"probability of “{result.target.strip()}” after"),
            tuple(
                (
                    head.name + (" (hottest)" if head is hot else ""),
                    *map(short, (head.share, head.kl_bits, head.target_after)),
                )
                for head in (hot, *result.random)
            ),
        ),
        provenance=provenance(
            seen, {"random heads": len(others), "drawn from": pool, "heads set to": "zero"}, seed=seed, seconds=seconds
        ),
        findings=(
            Finding(
                f"{hot.kl_bits:.3f} bits",
                f"change without {head_name(hot.layer, hot.head)}, the head that looks most at {words} "
                f"({percent(hot.share)}).",
            ),
            Finding(
                f"{mean:.3f} bits",
                f"change without a random head: mean of {len(others)}{span}. The hottest one changed more than "
                f"{beaten}.",
            ),
            Finding(
                f"{percent(result.target_before)} → {percent(hot.target_after)}",
                f"for “{result.target.strip()}”, the model's first choice, when the hottest head is off.",
            ),
        ),
        snippet=snippets.ablate_heads(seen.reference, seen.text, [(hot.layer, hot.head)]),
        expected={
            "target": result.target, "before": result.target_before, "after": hot.target_after, "kl_bits": hot.kl_bits,
        },
    )  # fmt: skip


@dataclass(frozen=True)
class Scan:
    """Every head switched off alone: ``share`` and ``kl_bits`` float [L, H], nan where not yet measured."""

    text: str
    share: np.ndarray
    kl_bits: np.ndarray
    hottest: tuple[int, int]
    done: int

    @property
    def finished(self) -> bool:
        return self.done == len(self.share)


def scan(model: LanguageModel, kept: str) -> Iterator[Underway | Evidence[Scan]]:
    """Switch off every head of the model in turn; one Evidence after each layer."""
    seen, watched = yield from _sentence(model, kept)
    started, top = time.perf_counter(), hottest(seen, watched)
    share, bits = _watched_share(seen, watched), np.full((seen.layers, seen.heads), np.nan)
    for layer in range(seen.layers):
        yield Underway(layer / seen.layers, f"Layer {layer + 1} of {seen.layers}: each of its heads off in turn")
        for ablation in model.ablate_each(seen.text, [(layer, head) for head in range(seen.heads)]):
            bits[layer, ablation.heads[0][1]] = ablation.kl_bits
        result = Scan(seen.text, share, bits.copy(), top, layer + 1)
        yield _scan_evidence(seen, watched, result, time.perf_counter() - started)


def _scan_evidence(seen: Look, watched: Sequence[int], result: Scan, seconds: float) -> Evidence[Scan]:
    words = seen.names([i for i in watched if i > 0])
    measured = [(a, b) for a in range(result.done) for b in range(seen.heads)]
    order = sorted(measured, key=lambda at: -float(result.kl_bits[at]))
    worst = order[0]
    findings = [
        Finding(
            head_name(*worst).capitalize(),
            f"is missed most: {result.kl_bits[worst]:.3f} bits. It gives {words} {percent(result.share[worst])} of its "
            "attention.",
        )
    ]
    if result.finished:
        place = order.index(result.hottest) + 1
        findings.append(
            Finding(
                f"{_ordinal(place)} of {len(order)}",
                f"is the place of the hottest head, {head_name(*result.hottest)}, when all heads are ranked by what "
                "happens without them.",
            )
        )
        rho, low, high = rank_correlation(result.share.ravel(), result.kl_bits.ravel())
        findings.append(
            Finding(
                f"ρ = {rho:.2f}",
                f"rank correlation between attention to {words} and being missed (95 % interval {low:.2f}–{high:.2f}, "
                "heads resampled). 1 would mean that attention tells importance.",
            )
        )
    return Evidence(
        value=result,
        alt=f"{len(measured)} of {seen.layers * seen.heads} heads switched off one at a time. {findings[0].headline} "
        f"{findings[0].text}",
        table=Table(
            ("head", f"attention to {words}", "change (KL, bits)"),
            tuple((f"L{a} H{b}", short(result.share[a, b]), short(result.kl_bits[a, b])) for a, b in order),
        ),
        provenance=provenance(
            seen, {"heads switched off": f"{len(measured)}, one at a time", "set to": "zero"}, seconds=seconds
        ),
        findings=tuple(findings),
        snippet=snippets.ablate_heads(seen.reference, seen.text, [worst]),
    )


@dataclass(frozen=True)
class Trial:
    """One sentence of the survey."""

    text: str
    watched: str
    contest: Contest


def survey(model: LanguageModel, heads: int = 10, seed: int = 0) -> Iterator[Underway | Evidence[tuple[Trial, ...]]]:
    """The contest on each bundled sentence; one Evidence after each."""
    started, trials = time.perf_counter(), []
    for done, (text, _) in enumerate(EXAMPLES):
        seen = look(model, text)
        watched = words_to_watch(model, text)
        result = yield from _contest(model, seen, watched, seed=seed, heads=heads, part=(done, len(EXAMPLES)))
        trials.append(Trial(text, seen.names(watched), result))
        yield _survey_evidence(model, tuple(trials), seed, heads, time.perf_counter() - started)


def _survey_evidence(
    model: LanguageModel, trials: tuple[Trial, ...], seed: int, heads: int, seconds: float
) -> Evidence[tuple[Trial, ...]]:
    beaten = [trial.contest.beaten / len(trial.contest.random) for trial in trials]
    most, every = (wilson(sum(held), len(trials)) for held in ([b > 0.5 for b in beaten], [b == 1 for b in beaten]))
    return Evidence(
        value=trials,
        alt=f"In {most} sentences the hottest head changed the answer more than most of {heads} random heads; in "
        f"{every} more than all of them.",
        table=Table(
            (
                "sentence",
                "words",
                "hottest head",
                "its attention",
                "change without it (bits)",
                "median random (bits)",
            ),
            tuple(
                (
                    trial.text,
                    trial.watched,
                    trial.contest.hottest.name,
                    trial.contest.hottest.share,
                    trial.contest.hottest.kl_bits,
                    float(np.median([other.kl_bits for other in trial.contest.random])),
                )
                for trial in trials
            ),
        ),
        provenance=Provenance(
            "live",
            model.name,
            model.revision,
            {"sentences": len(trials), "random heads each": heads},
            seed,
            seconds,
        ),
        findings=(
            Finding(
                f"{most.successes} of {most.trials}",
                f"sentences: the hottest head mattered more than most random heads (95 % interval "
                f"{interval(most.low, most.high)}).",
            ),
            Finding(
                f"{every.successes} of {every.trials}",
                f"sentences: more than every random head drawn (95 % interval {interval(every.low, every.high)}).",
            ),
        ),
        snippet=snippets.ablate_heads(
            model.reference, trials[-1].text, [(trials[-1].contest.hottest.layer, trials[-1].contest.hottest.head)]
        ),
    )


def rank_correlation(first: np.ndarray, second: np.ndarray, resamples: int = 500) -> tuple[float, float, float]:
    """Spearman's ρ with a 95 % percentile bootstrap interval (seed 0); ties share their mean rank."""
    dice = np.random.default_rng(0)
    draws = dice.integers(0, first.size, (resamples, first.size))
    boot = sorted(_spearman(first[draw], second[draw]) for draw in draws)
    return _spearman(first, second), boot[int(0.025 * resamples)], boot[int(0.975 * resamples)]


def _spearman(first: np.ndarray, second: np.ndarray) -> float:
    ranks = []
    for values in (first, second):
        _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(counts) - (counts - 1) / 2)[inverse])
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _watched_share(seen: Look, watched: Sequence[int]) -> np.ndarray:
    return seen.share([i for i in watched if i > 0])


def _silenced(ablation: Ablation, share: np.ndarray) -> Silenced:
    layer, head = ablation.heads[0]
    return Silenced(layer, head, float(share[layer, head]), ablation.kl_bits, ablation.target_after)


def _ordinal(place: int) -> str:
    ending = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"
