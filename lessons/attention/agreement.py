"""Screen 5: does the model's “are” hang on the heads that look at “keys”?

The heads that look most from the last word at the subject are switched off, one more each time; beside them go random
heads, as many. What is followed is the right verb form's share of the chance that both forms have together.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.checks import MAX_SEED, one_of, whole
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.statistics import percent, plural, words
from engines.statistics import share as share_of
from engines.text import snippets
from engines.text.attention import kl_bits
from engines.text.dials import softmax
from engines.text.language_model import LanguageModel
from lessons.attention.measures import head_name, look, short

SUBJECTS = {
    "The keys to the cabinet": (" keys", " are", " is"),
    "The flowers in the garden": (" flowers", " are", " is"),
    "The boxes under the table": (" boxes", " are", " is"),
    "The dogs near the car": (" dogs", " are", " is"),
    "The key to the cabinets": (" key", " is", " are"),
    "The label on the bottles": (" label", " is", " are"),
}
"""Sentence -> its subject, the verb form that agrees with it, and the one that does not."""
STEPS = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30)
DRAWS = 5


@dataclass(frozen=True)
class Agreement:
    """``chances`` float [S, 2]: of the right and the wrong form, with ``off`` heads switched off (none first).

    ``random`` float [S, draws, 2]: the same without as many random heads. ``heads`` counts those of the whole model.
    """

    text: str
    subject: str
    right: str
    wrong: str
    off: tuple[int, ...]
    chances: np.ndarray
    random: np.ndarray
    heads: int
    finished: bool

    @property
    def share(self) -> np.ndarray:
        """The right form's share of both, float [S]."""
        return self.chances[:, 0] / self.chances.sum(-1)

    @property
    def random_share(self) -> np.ndarray:
        """The same without random heads, float [S, draws]."""
        return self.random[..., 0] / self.random.sum(-1)

    @property
    def turned(self) -> int | None:
        """With how many heads off the wrong form leads for the first time; None where it never does."""
        return next((count for count, share in zip(self.off, self.share, strict=True) if share < 0.5), None)


def agree(model: LanguageModel, text: str, seed: int = 0) -> Iterator[Underway | Evidence[Agreement]]:
    """Switch off 1 to 30 of the heads that look most at the subject, and as many random ones in five draws."""
    one_of("The sentence", text, SUBJECTS)
    subject, right, wrong = SUBJECTS[text]
    yield from compare(model, text, subject, right, wrong, seed=seed)


def compare(
    model: LanguageModel, text: str, subject: str, right: str, wrong: str, *, seed: int = 0,
    steps: Sequence[int] = STEPS, draws: int = DRAWS,
) -> Iterator[Underway | Evidence[Agreement]]:  # fmt: skip
    """The run for any sentence; PlainError where ``subject`` is no token of it."""
    began, seen = time.perf_counter(), look(model, text)
    places = [i for i, piece in enumerate(seen.pieces) if i and piece == subject]
    if not places:
        raise PlainError(f"{model.name} cuts “{subject.strip()}” into several tokens here. Choose another sentence.")
    forms = [model.tokens_of(form).ids[0] for form in (right, wrong)]
    ranked = _ranked(seen.share(places))
    dice = np.random.default_rng(whole("The seed", seed, 0, MAX_SEED))
    orders = [[ranked[int(i)] for i in dice.permutation(len(ranked))] for _ in range(draws)]
    counts = [0, *(count for count in steps if count < len(ranked))]
    rows: list[np.ndarray] = []  # of each step the chances of both forms, [1 + draws, 2], those that look most first
    moved: dict[int, dict[str, Any]] = {}
    whole_model = np.empty(0)
    for step, count in enumerate(counts):
        yield Underway(step / len(counts), f"{plural(count, 'head')} off, against as many random ones")
        sets = [ranked[:count], *(order[:count] for order in orders)]
        found = [softmax(logits) for logits in model.logits_without(text, sets if count else [[]])]
        whole_model = found[0] if step == 0 else whole_model
        moved[count] = _moved(model, whole_model, found[0])
        rows.append(np.array([chances[forms] for chances in (found if count else found * len(sets))]))
        value = Agreement(
            text, subject.strip(), right.strip(), wrong.strip(), tuple(counts[: step + 1]), np.array(rows)[:, 0],
            np.array(rows)[:, 1:], len(ranked), step + 1 == len(counts),
        )  # fmt: skip
        if step:
            yield _evidence(model, ranked, value, moved, seed, began)


def _moved(model: LanguageModel, before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    """What the shown code measures: the first choice before, its probability then and now, and the change in bits."""
    first = int(before.argmax())
    return {
        "target": model.piece(first), "before": float(before[first]), "after": float(after[first]),
        "kl_bits": kl_bits(before, after),
    }  # fmt: skip


def _ranked(share: np.ndarray) -> list[tuple[int, int]]:
    """Every (layer, head), those that look most first."""
    order = np.argsort(-share.ravel(), kind="stable")
    return [(int(at) // share.shape[1], int(at) % share.shape[1]) for at in order]


def _evidence(
    model: LanguageModel,
    ranked: Sequence[tuple[int, int]],
    value: Agreement,
    moved: Mapping[int, dict[str, Any]],
    seed: int,
    began: float,
) -> Evidence[Agreement]:
    at = value.off.index(value.turned) if value.turned else len(value.off) - 1
    count, (right, wrong) = value.off[at], value.chances[at]
    whole_right, whole_wrong = value.chances[0]
    spread = words(share_of(value.random_share[at]), digits=0, percent=True)
    heads = "the head that looks" if count == 1 else f"the {count} heads that look"
    pair = f"“{value.right}” {percent(right)}, “{value.wrong}” {percent(wrong)}"
    return Evidence(
        value=value,
        alt=f"After “{value.text}” the whole model gives “{value.right}” {percent(whole_right)} and “{value.wrong}” "
        f"{percent(whole_wrong)}. Without {heads} most at “{value.subject}”: {pair}. {_summary(value)}.",
        table=Table(
            (
                "heads off", f"“{value.right}”", f"“{value.wrong}”", f"share of “{value.right}”",
                f"share of “{value.right}” without random heads",
            ),
            tuple(
                (n, *map(short, (a, b, share, others.mean())))
                for n, (a, b), share, others in zip(
                    value.off, value.chances, value.share, value.random_share, strict=True
                )
            ),
        ),
        provenance=Provenance.live(
            model, began, seed, text=value.text, draws=value.random.shape[1], **{"heads set to": "zero"}
        ),
        findings=(
            Finding(
                f"{percent(whole_right)} against {percent(whole_wrong)}",
                f"“{value.right}” against “{value.wrong}” after “{value.text}”, with all {value.heads} heads.",
            ),
            Finding(
                f"{percent(right)} against {percent(wrong)}",
                f"without {heads} most at “{value.subject}” ({_named(ranked, count)}).",
            ),
            Finding(
                f"{percent(value.random_share[at].mean())} with others off",
                f"is the share of “{value.right}” without {plural(count, 'random head')}: {spread}, "
                f"{value.random.shape[1]} draws. With those that look most it is {percent(value.share[at])}.",
            ),
        ),
        snippet=snippets.ablate_heads(model.reference, value.text, ranked[:count]),
        expected=moved[count],
    )  # fmt: skip


def _named(ranked: Sequence[tuple[int, int]], count: int) -> str:
    names = ", ".join(head_name(*at) for at in ranked[: min(count, 3)])
    return f"{names} and so on" if count > 3 else names


def _summary(value: Agreement) -> str:
    if value.turned == 0:
        return f"“{value.wrong}” leads before any head is off, so there is nothing to undo here"
    if value.turned is None:
        return f"With up to {value.off[-1]} of them off, “{value.wrong}” never leads"
    return f"“{value.wrong}” leads once {plural(value.turned, 'head')} {'is' if value.turned == 1 else 'are'} off"


def turned(value: Agreement) -> tuple[float, str] | None:
    """With how many heads off the wrong form leads; one more than was tried where it never does.

    None where the wrong form leads anyway; the guess is about the lesson's first sentence.
    """
    if not value.finished or value.turned == 0 or value.text != next(iter(SUBJECTS)):
        return None
    summary = _summary(value)
    return (value.off[-1] + 1 if value.turned is None else value.turned), summary[0].lower() + summary[1:]
