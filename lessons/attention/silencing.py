"""Heads switched off: did the one that looks hardest matter most?

A head is switched off by setting its output to zero at every position (Michel et al. 2019); the change in the
next-token probabilities is KL(before ‖ after) in bits.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table
from engines.statistics import mean_interval, wilson
from engines.text import snippets
from engines.text.attention import Ablation, Mover
from engines.text.dials import Scoreboard
from engines.text.language_model import LanguageModel
from lessons.attention.looking import (
    EXAMPLES,
    Look,
    check_same_model,
    head_name,
    hottest,
    look,
    percent,
    provenance,
    rounded,
    words_to_watch,
)

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
    """The hottest head against random ones; ``beaten`` counts the random heads that changed less."""

    hottest: Silenced
    random: tuple[Silenced, ...]
    target: str
    target_before: float
    before: Scoreboard
    after: Scoreboard
    movers: tuple[Mover, ...]

    @property
    def beaten(self) -> int:
        return sum(other.kl_bits < self.hottest.kl_bits for other in self.random)

    @property
    def outcome(self) -> int:
        """0: changed more than every random head; 1: more than most; 2: no more than half of them."""
        return 0 if self.beaten == len(self.random) else 1 if 2 * self.beaten > len(self.random) else 2


def contest(
    model: LanguageModel, seen: Look, watched: Sequence[int], *, seed: int, heads: int, same_layer: bool = False
) -> Evidence[Contest]:
    """Switch off the hottest head, then ``heads`` random others one at a time, and compare the change."""
    result, seconds = _contest(model, seen, watched, seed=seed, heads=heads, same_layer=same_layer)
    hot, others = result.hottest, [other.kl_bits for other in result.random]
    mean, low, high = mean_interval(others)
    words = seen.names([i for i in watched if i > 0])
    span = f", 95 % interval {max(low, 0):.3f}–{high:.3f}" if len(others) > 1 else ""
    pool = "the same layer" if same_layer else "anywhere"
    return Evidence(
        value=result,
        alt=f"Without {head_name(hot.layer, hot.head)}, which gives {rounded(hot.share)} of its attention to {words}, "
        f"the next-token probabilities change by {hot.kl_bits:.4f} bits; {len(others)} random heads from {pool} change "
        f"them by {mean:.4f} bits on average{span}. It changed more than {result.beaten} of {len(others)} of them.",
        table=Table(
            ("head", f"attention to {words}", "change (KL, bits)", f"probability of “{result.target.strip()}” after"),
            tuple(
                (head.name + (" (hottest)" if head is hot else ""), head.share, head.kl_bits, head.target_after)
                for head in (hot, *result.random)
            ),
        ),
        provenance=provenance(
            seen,
            {"random heads": len(others), "drawn from": pool, "heads set to": "zero"},
            seed=seed,
            seconds=seconds,
        ),
        findings=(
            Finding(
                f"{hot.kl_bits:.3f} bits",
                f"change without {head_name(hot.layer, hot.head)}, the head that looks most at {words} "
                f"({rounded(hot.share)}).",
            ),
            Finding(
                f"{mean:.3f} bits",
                f"change without a random head: mean of {len(others)}{span}. The hottest one changed more than "
                f"{result.beaten} of {len(others)}.",
            ),
            Finding(
                f"{percent(result.target_before)} → {percent(hot.target_after)}",
                f"for “{result.target.strip()}”, the model's first choice, when the hottest head is off.",
            ),
        ),
        snippet=snippets.ablate_heads(seen.reference, seen.text, [(hot.layer, hot.head)]),
        expected={
            "target": result.target,
            "before": result.target_before,
            "after": hot.target_after,
            "kl_bits": hot.kl_bits,
        },
    )


def _contest(
    model: LanguageModel, seen: Look, watched: Sequence[int], *, seed: int, heads: int, same_layer: bool
) -> tuple[Contest, float]:
    check_same_model(seen, model)
    started = time.perf_counter()
    layer, head = hottest(seen, seen.last, watched)
    pool = [
        (a, b)
        for a in ([layer] if same_layer else range(seen.layers))
        for b in range(seen.heads)
        if (a, b) != (layer, head)
    ]
    if not 1 <= heads <= MAX_RANDOM:
        raise PlainError(f"Draw 1 to {MAX_RANDOM} random heads; it was {heads}.")
    draw = np.random.default_rng(checked_seed(seed)).permutation(len(pool))[:heads]
    chosen = [(layer, head), *(pool[int(i)] for i in draw)]
    ablations = model.ablate_each(seen.text, chosen)
    grid = _watched_share(seen, watched)
    rows = [_silenced(ablation, grid) for ablation in ablations]
    hot = ablations[0]
    result = Contest(
        hottest=rows[0],
        random=tuple(rows[1:]),
        target=hot.target_text,
        target_before=hot.target_before,
        before=hot.before,
        after=hot.after,
        movers=hot.movers,
    )
    return result, time.perf_counter() - started


@dataclass(frozen=True)
class Scan:
    """Every head switched off alone: ``share`` and ``kl_bits`` float [L, H], nan where not yet measured."""

    share: np.ndarray
    kl_bits: np.ndarray
    hottest: tuple[int, int]
    done: int

    @property
    def finished(self) -> bool:
        return self.done == len(self.share)


def scan(model: LanguageModel, seen: Look, watched: Sequence[int]) -> Iterator[Evidence[Scan]]:
    """Switch off every head of the model in turn; one Evidence after each layer."""
    check_same_model(seen, model)
    started, top = time.perf_counter(), hottest(seen, seen.last, watched)
    share, bits = _watched_share(seen, watched), np.full((seen.layers, seen.heads), np.nan)
    for layer in range(seen.layers):
        for ablation in model.ablate_each(seen.text, [(layer, head) for head in range(seen.heads)]):
            bits[layer, ablation.heads[0][1]] = ablation.kl_bits
        result = Scan(share, bits.copy(), top, layer + 1)
        yield _scan_evidence(seen, watched, result, time.perf_counter() - started)


def _scan_evidence(seen: Look, watched: Sequence[int], result: Scan, seconds: float) -> Evidence[Scan]:
    words = seen.names([i for i in watched if i > 0])
    measured = [(a, b) for a in range(result.done) for b in range(seen.heads)]
    order = sorted(measured, key=lambda at: -float(result.kl_bits[at]))
    worst = order[0]
    findings = [
        Finding(
            head_name(*worst).capitalize(),
            f"is missed most: {result.kl_bits[worst]:.3f} bits. It gives {words} {rounded(result.share[worst])} of its "
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
            tuple((f"L{a} H{b}", float(result.share[a, b]), float(result.kl_bits[a, b])) for a, b in order),
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


def survey(model: LanguageModel, *, seed: int, heads: int) -> Iterator[Evidence[tuple[Trial, ...]]]:
    """The contest on each bundled sentence; one Evidence after each."""
    started, trials = time.perf_counter(), []
    for text, _ in EXAMPLES:
        seen = look(model, text)
        watched = words_to_watch(seen)
        result, _ = _contest(model, seen, watched, seed=seed, heads=heads, same_layer=False)
        trials.append(Trial(text, seen.names(watched), result))
        yield _survey_evidence(model, tuple(trials), seed, heads, time.perf_counter() - started)


def _survey_evidence(
    model: LanguageModel, trials: tuple[Trial, ...], seed: int, heads: int, seconds: float
) -> Evidence[tuple[Trial, ...]]:
    most = wilson(sum(trial.contest.outcome < 2 for trial in trials), len(trials))
    every = wilson(sum(trial.contest.outcome == 0 for trial in trials), len(trials))
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
                f"sentences: the hottest head mattered more than most random heads (95 % interval {rounded(most.low)}–"
                f"{rounded(most.high)}).",
            ),
            Finding(
                f"{every.successes} of {every.trials}",
                f"sentences: more than every random head drawn (95 % interval {rounded(every.low)}–"
                f"{rounded(every.high)}).",
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
    return seen.weights[:, :, seen.last, [i for i in watched if i > 0]].sum(-1)  # [L, H]


def _silenced(ablation: Ablation, share: np.ndarray) -> Silenced:
    layer, head = ablation.heads[0]
    return Silenced(layer, head, float(share[layer, head]), ablation.kl_bits, ablation.target_after)


def _ordinal(place: int) -> str:
    ending = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def checked_seed(seed: int) -> int:
    return whole("The seed", seed, 0, MAX_SEED)
