"""Screen 4: the learner's reasons beside the results, and the whole exercise as one page to print and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from markupsafe import Markup

from engines.evidence import Evidence, Finding, PlainError, Provenance, Table
from lessons.predict_and_test.calibration import calibrate
from lessons.predict_and_test.measures import short, signed
from lessons.predict_and_test.notebook import AFTERWARDS, Result, Results
from lessons.predict_and_test.plan import ORDER
from lessons.shell.prose import attribute, plain
from lessons.shell.views import join

MAX_ANSWER = 1500
MAX_NAME = 80
NO_REASON = "no reason given"
RUBRIC = (
    "Each of my reasons names a cause in the machine or in its diet, not only an impression.",
    "I say for each reason whether the result supports it, speaks against it, or leaves it open.",
    "I took the interval into account before I called a difference real.",
    "I looked at the pictures myself and noted where I would judge otherwise than the judge.",
    "I name one thing I would change, alone, to test my explanation.",
)
QUESTIONS = (
    ("surprised", "What surprised you?"),
    ("reasons", "Which of your reasons held up, which did not, and how can you tell?"),
    ("next", "What makes a prompt hard for this painter, and which single change would test that?"),
)


@dataclass(frozen=True)
class Reflection:
    """What the learner wrote and ticked; nothing in it is ever graded by the playground."""

    name: str = ""
    surprised: str = ""
    reasons: str = ""
    next: str = ""
    rubric: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Note:
    """The lab note: ``html`` is a whole page that needs nothing else, ``data`` the same as JSON values."""

    html: str
    data: dict[str, Any]


def reflection(surprised: Any, reasons: Any, following: Any, name: Any, ticked: Any) -> Reflection:
    """The answers, checked; PlainError names the one that is too long."""
    titles = ["name", *(question for _, question in QUESTIONS)]
    most = [MAX_NAME, *[MAX_ANSWER] * len(QUESTIONS)]
    answers = [_answer(*one) for one in zip(titles, (name, surprised, reasons, following), most, strict=True)]
    return Reflection(
        answers[0], answers[1], answers[2], answers[3], tuple(line for line in RUBRIC if line in (ticked or ()))
    )


def _answer(title: str, text: Any, most: int) -> str:
    if text is not None and not isinstance(text, str):
        raise PlainError(f"The answer to “{title}” must be text.")
    text = (text or "").strip()
    if len(text) > most:
        raise PlainError(f"The answer to “{title}” is {len(text)} characters long. Keep it to {most} at most.")
    return text


def restored(plan: Any, count: int) -> dict[int, Any]:
    """The kept values of the fields by their place; none for what is missing or damaged."""
    kept = plan.get("fields") if isinstance(plan, dict) else None
    if not isinstance(kept, list) or len(kept) != count:
        return {}
    confidences = range(2, 3 * len(ORDER), 3)
    back = {at: value for at, value in enumerate(kept) if isinstance(value, str) and len(value) <= MAX_ANSWER}
    back = {at: value for at, value in back.items() if at not in confidences}
    for at in confidences:
        if isinstance(kept[at], int | float) and not isinstance(kept[at], bool) and 0 <= kept[at] <= 100:
            back[at] = kept[at]
    ticked = kept[-1] if isinstance(kept[-1], list) else []
    return back | {count - 1: [line for line in RUBRIC if line in ticked]}


def write(results: Results | None, answers: Reflection, made: str) -> Evidence[Note]:
    """The lab note of a finished test; PlainError while nothing is tested. ``made`` is the date shown on it."""
    if results is None:
        raise PlainError("There is nothing to write up yet. Run the test on the second screen first.")
    rows = tuple(
        (_titled(name, one), one.prompt, one.reason or NO_REASON, one.confidence, _outcome(one), one.source)
        for name, one in zip(results.names, results.results, strict=True)
    )
    columns = ("prompt", "words", "your reason", "confidence, %", "everything right", "judged by")
    settings = {"prompts": len(rows), "seeds": len(results.seeds), "passes": results.made}
    source = Provenance("live", results.model, results.revision, settings, results.seeds[0])
    score = _calibration(results)
    data = {
        "exercise": "predict and test", "made": made, "results": results.as_json(), "reflection": asdict(answers),
        "calibration": score,
        "provenance": asdict(source),
    }  # fmt: skip
    unseen = sum(bool(result.unseen) for result in results.results)
    held = sum(any(row.held_out for row in result.diet or ()) for result in results.results)
    written = sum(bool(getattr(answers, key)) for key, _ in QUESTIONS)
    findings = [
        Finding(f"{written} of {len(QUESTIONS)}", "questions have an answer. Nobody grades them; the rubric is yours."),
        Finding(f"{len(answers.rubric)} of {len(RUBRIC)}", "lines of the rubric you ticked yourself."),
    ]
    if any(result.diet is not None for result in results.results):
        findings.append(
            Finding(
                f"{held} and {unseen}",
                "prompts ask for something held out on purpose, and for a word the painter never read.",
            )
        )
    alt = f"A lab note of {len(rows)} prompts. " + " ".join(f"{row[0]}, {row[3]} % sure: {row[4]}." for row in rows)
    page = _page(results, answers, made, score["words"])
    return Evidence(Note(page, data), alt, Table(columns, rows), source, tuple(findings))


def _calibration(results: Results) -> dict[str, Any]:
    """How the confidences compare with the results, as numbers and as one sentence."""
    if not any(result.share for result in results.results):
        return {"words": "Calibration: nobody has judged these pictures in full yet."}
    value = calibrate(results).value
    brier, lean = value.brier, value.lean
    span = f" (95 % interval {brier[1]:.2f}–{brier[2]:.2f})" if len(value.points) > 1 else ""
    words = (
        f"Calibration over {len(value.points)} prompts: Brier score {brier[0]:.2f}{span}; confidence minus result "
        f"{signed(lean[0])} points on average."
    )
    if value.changed:
        words += f" {AFTERWARDS.capitalize()}: {', '.join(value.changed)}."
    return {
        "words": words, "brier": brier[0], "lean_points": lean[0], "prompts": len(value.points),
        "changed_after_a_test_was_seen": list(value.changed),
    }  # fmt: skip


def _titled(name: str, result: Result) -> str:
    return f"{name} ({result.afterwards})" if result.changed else name


def _outcome(result: Result) -> str:
    return str(result.share) if result.share else "not judged in full"


# --- the page ---------------------------------------------------------------------------------------------

STYLE = """
@page { size: A4; margin: 11mm }
* { box-sizing: border-box }
body { font: 12px/1.4 Georgia, serif; color: #222; background: #fff; max-width: 800px;
  margin: 16px auto; padding: 0 14px }
h1 { font-size: 21px; margin: 0 0 2px }
h2 { font-size: 14px; margin: 10px 0 3px }
p { margin: 0 0 4px; overflow-wrap: anywhere }
.meta { color: #555; font: 11px/1.4 ui-monospace, monospace }
table { width: 100%; border-collapse: collapse; table-layout: fixed }
th, td { border-bottom: 1px solid #bbb; padding: 3px 10px 3px 0; text-align: left; vertical-align: top }
th { font-size: 11px }
td { overflow-wrap: anywhere }
td:first-child, th:first-child { width: 40% }
th:nth-child(2) { width: 9% }
th:nth-child(3) { width: 26% }
tr { break-inside: avoid }
img { width: 31px; height: 31px; margin: 2px 2px 0 0; border: 1px solid #999 }
ul { margin: 2px 0; padding: 0; list-style: none }
.small { font-size: 10.5px; line-height: 1.35 }
.kind { text-transform: uppercase; font-size: 10px; color: #a33b10 }
.kind.easy { color: #1d4e89 }
.answer { white-space: pre-wrap; min-height: 24px; border-bottom: 1px dotted #999 }
.hidden-character { border: 1px dashed #a33b10; font-size: 9px }
@media print {
  body { font-size: 10.5px; margin: 0; padding: 0; max-width: none }
  h2 { font-size: 12px; margin-top: 7px }
  img { width: 26px; height: 26px }
  .small { font-size: 9px }
}
"""


def _page(results: Results, answers: Reflection, made: str, score: str) -> str:
    """One self-contained page: styles inside, pictures as data, nothing fetched, everything escaped."""
    seeds = f"{results.seeds[0]}–{results.seeds[-1]}" if len(results.seeds) > 1 else str(results.seeds[0])
    return str(
        Markup(
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Lab note: easy and hard prompts</title>'
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
            "style-src 'unsafe-inline'\"><style>{style}</style></head><body><h1>Easy and hard prompts</h1>"
            '<p class="meta">{name}{made} · {model}@{revision} · seeds {seeds} · {passes} passes · guidance {scale:g}'
            "</p>"
            "<table><thead><tr><th>Prompt and reason</th><th>I said</th><th>Result</th><th>What it was fed</th></tr>"
            "</thead><tbody>{rows}</tbody></table><p>{score}</p>{answers}<h2>My own check</h2><ul>{rubric}</ul>"
            '<p class="meta">Intervals are 95 % Wilson intervals over seeds. A machine judged the pictures, except '
            "where “your eye” stands; nobody graded the reasons.</p></body></html>"
        ).format(
            style=Markup(STYLE),
            name=Markup("{} · ").format(plain(answers.name)) if answers.name else "",
            made=plain(made),
            model=plain(results.model),
            revision=plain(results.revision[:12] or "unknown"),
            seeds=seeds,
            passes=results.made,
            scale=results.guidance_scale,
            score=plain(score),
            rows=join(_row(name, result) for name, result in zip(results.names, results.results, strict=True)),
            answers=join(
                Markup('<h2>{}</h2><p class="answer">{}</p>').format(question, plain(getattr(answers, key)))
                for key, question in QUESTIONS
            ),
            rubric=join(
                Markup("<li>{} {}</li>").format("☑" if line in answers.rubric else "☐", line) for line in RUBRIC
            ),
        )
    )


def _row(name: str, result: Result) -> Markup:
    pictures = join(
        Markup('<img src="{}" alt="{}">').format(picture, attribute(f"{name}, picture {number}"))
        for number, picture in enumerate(result.pictures, start=1)
    )
    scores = [f"{aspect} {short(score.share)}" for aspect, score in result.scores.items() if aspect != "everything"]
    return Markup(
        '<tr><td><span class="kind {kind}">{name}</span><p><b>{prompt}</b></p><p>{reason}</p><div>{pictures}</div></td>'
        "<td>{confidence} %{changed}</td><td><b>{outcome}</b><br>by {source}<p class=small>{scores}</p></td>"
        "<td><p class=small>{fed}</p></td></tr>"
    ).format(
        kind=result.kind,
        name=name,
        prompt=plain(result.prompt),
        reason=plain(result.reason or NO_REASON),
        pictures=pictures,
        confidence=result.confidence,
        changed=Markup("<p class=small>{}</p>").format(result.afterwards) if result.changed else "",
        outcome=plain(short(result.share) if result.share else "open"),
        source=plain(result.source if result.share else "nobody yet"),
        scores=plain(" · ".join([*scores, *filter(None, [result.alignment])])),
        fed=plain(" · ".join(fed_lines(result))),
    )


def fed_lines(result: Result) -> Sequence[str]:
    """What the diet held, a line a wish, in words."""
    lines = [f"the painter had no room to read the end, “{result.tail}”"] if result.tail else []
    if result.diet is None:
        return (*lines, "unknown: this painter's diet is not recorded")
    for row in result.diet:
        held = f"{row.scenes:,} scenes" + (", held out on purpose" if row.held_out else "")
        lines.append(f"{row.aspect} “{row.what}”: {held}" + (f" ({row.note})" if row.note else ""))
    if result.more:
        lines.append(f"and {result.more} more")
    for unseen in result.unseen:
        lines.append(f"the painter has never read the word “{unseen.word}”: it falls into {' · '.join(unseen.pieces)}")
    return lines or ("nothing that this world's grammar can look up",)
