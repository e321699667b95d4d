"""What the predict-and-test lesson draws by itself; every word from a learner or a model is escaped."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image, ImageDraw

from engines.statistics import Interval
from engines.stickers.fingers import Hand
from lessons.predict_and_test import blind, easy_hard, hands, plan, reflect, test
from lessons.predict_and_test.calibration import Calibration, Point
from lessons.predict_and_test.notebook import MOST_ROWS, Fed, Result, Results, Score, Unseen, labels
from lessons.shell import charts
from lessons.shell.film import Shot, data_uri, row
from lessons.shell.prose import attribute, plain
from lessons.shell.views import Bar, bars, drawer, join

THUMB = 128
BY_EYE = "<p>How many pictures of each prompt are entirely right, to your eye? Empty fields are skipped.</p>"
AFRESH = '<p class="exercise-afresh"><button type="button" class="link">Start afresh</button></p>'


def half(kind: plan.Kind) -> str:
    """The heading over the prompts expected to be of one kind."""
    return f'<h3 class="exercise-half">I expect these to be {kind}</h3>'


def examples() -> str:
    """The example prompts as buttons, by what each kind probes."""
    groups = (
        Markup('<div class="exercise-group"><span>{}</span>{}</div>').format(
            probe,
            join(
                Markup('<button type="button" data-caption="{0}">{0}</button>').format(caption) for caption in captions
            ),
        )
        for probe, captions in plan.EXAMPLES
    )
    return str(
        Markup('<div class="exercise-examples" role="group" aria-label="Examples">{}</div>').format(join(groups))
    )


def kept(trial: test.Trial, model: str, revision: str) -> Results:
    """The test as the learner's browser keeps it, pictures as small data URIs."""
    return Results(
        model=model, revision=revision, seeds=trial.seeds, steps=trial.steps, passes=trial.passes,
        guidance_scale=trial.guidance_scale, planned=trial.planned, results=tuple(_kept(one) for one in trial.tested),
    )  # fmt: skip


def _kept(one: test.Tested) -> Result:
    return Result(
        kind=one.entry.kind,
        prompt=one.entry.prompt,
        reason=one.entry.reason,
        confidence=one.entry.confidence,
        changed=one.entry.changed,
        scores={name: Score(right=share.successes, of=share.trials) for name, share in one.judged.rates.items()},
        unjudged=tuple(_short(text) for text in one.judged.unjudged),
        verdicts=tuple(None if text is None else _short(text) for text in one.judged.wrong),
        diet=None
        if one.held is None
        else tuple(
            Fed(aspect=h.aspect, what=_short(h.what), scenes=h.scenes, held_out=h.held_out, note=h.note)
            for h in one.held[:MOST_ROWS]
        ),
        more=max(0, len(one.held or ()) - MOST_ROWS),
        tail=_short(one.tail),
        nearest=Score(right=one.nearest.successes, of=one.nearest.trials) if one.nearest else None,
        foils=one.foils,
        unseen=tuple(Unseen(word=_short(word), pieces=tuple(map(_short, pieces))) for word, pieces in one.unseen),
        pictures=tuple(data_uri(picture, max_side=THUMB) for picture in one.pictures),
    )


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"


# --- the test ---------------------------------------------------------------------------------------------


def watched(steps: Iterator[Any], places: Sequence[Any], draw: Callable[[test.Moment], str]) -> Iterator[Any]:
    """A run's events, with how far it is and, now and then, what ``draw`` makes of it in its prompt's place."""
    for step in steps:
        if not isinstance(step, test.Moment):
            yield step
            continue
        yield step.underway
        if step.guesses is not None:
            yield {places[step.prompt]: draw(step)}


def guesses(moment: test.Moment, small: bool = True) -> Markup:
    assert moment.guesses is not None
    shots = [Shot(picture, f"Guess of picture {at + 1}") for at, picture in enumerate(moment.guesses)]
    return row(shots, f"The painter's guesses in pass {moment.passed}", small=small)


def waiting(entries: Sequence[plan.Entry], number: int, moment: test.Moment | None = None) -> str:
    """The card of a prompt before it is judged, with what its pictures look like by now; "" past the last one."""
    if number >= len(entries):
        return ""
    entry = entries[number]
    return str(
        Markup(
            '<article class="exercise-card"><h3><small class="exercise-{kind}">{name}</small> {prompt}</h3>'
            '<p class="exercise-said">You said {confidence} %. {state}</p>{guesses}</article>'
        ).format(
            kind=entry.kind,
            name=labels([one.kind for one in entries])[number],
            prompt=plain(entry.prompt),
            confidence=entry.confidence,
            state=f"The guesses after pass {moment.passed}:" if moment else "Not painted yet.",
            guesses=guesses(moment) if moment else "",
        )
    )


def cards(results: Results | None, places: int) -> list[str]:
    """A card a prompt: prediction, pictures with their faults, rates with whiskers, the diet; then "" to ``places``."""
    made = [str(card(*one)) for one in zip(results.names, results.results, strict=True)] if results else []
    return [*made, *[""] * (places - len(made))]


def own(card: str) -> str:
    """A card of the learner's own results, found in the browser again; nothing hides them."""
    return str(Markup('<div class="own">{}</div>').format(Markup(card))) if card else ""


def card(name: str, result: Result) -> Markup:
    share, unclear = result.scores.get("everything"), result.unclear
    if share:
        beside = f"; in {unclear} more the judge cannot tell" if unclear else ""
        outcome = plain(f"everything right in {share.share}{beside}")
    elif not result.unjudged:
        outcome = plain("the judge cannot tell in any picture")
    else:
        outcome = plain(f"not judged in full; nobody here can score {', '.join(result.unjudged) or 'it'}")
    rates = bars([
        Bar(
            aspect, score.share.rate, f"{score.right} of {score.of}", chosen=aspect == "everything",
            low=score.share.low, high=score.share.high, ink="sculptor",
        )
        for aspect, score in result.scores.items()
    ])  # fmt: skip
    return Markup(
        '<article class="exercise-card"><h3><small class="exercise-{kind}">{name}</small> {prompt}</h3>'
        '<p class="exercise-said">You said {confidence} %{changed}: {outcome}.</p>{alignment}{pictures}{faults}'
        '<div class="exercise-facts"><div>{rates}</div><div class="exercise-fed"><b>What it was fed</b><ul>{fed}</ul>'
        "</div></div></article>"
    ).format(
        kind=result.kind,
        name=name,
        prompt=plain(result.prompt),
        confidence=result.confidence,
        changed=f" ({result.afterwards})" if result.changed else "",
        outcome=outcome,
        alignment=Markup('<p class="exercise-said">Alignment by CLIP, no verdict: {}.</p>').format(result.alignment)
        if result.alignment
        else "",
        pictures=_pictures(name, result),
        faults=_faults(result),
        rates=rates,
        fed=join(Markup("<li>{}</li>").format(plain(line)) for line in reflect.fed_lines(result)),
    )


def _faults(result: Result) -> Markup:
    """What the judge saw in the pictures it calls wrong, in words."""
    wrong = [(number, words) for number, words in enumerate(result.verdicts, start=1) if words]
    rows = join(Markup("<li>picture {}: {}</li>").format(number, plain(words)) for number, words in wrong)
    return drawer("What the judge saw in the wrong ones", Markup("<ul>{}</ul>").format(rows)) if wrong else Markup("")


def _pictures(name: str, result: Result) -> Markup:
    """Every picture with its verdict; a wrong one has a dashed frame."""
    verdicts = [*result.verdicts, *[None] * len(result.pictures)]
    whole = not result.unjudged
    rest = "nothing wrong in what the judge can tell; the rest is for your eye"
    fine, untold = "everything right" if whole else rest, "the judge cannot tell; look yourself" if whole else rest
    said = (*result.overruled, *[None] * len(result.pictures))
    shots = []
    for number, (picture, wrong, eye) in enumerate(zip(result.pictures, verdicts, said, strict=False), start=1):
        words = untold if wrong is None else wrong or fine
        mark = "?" if wrong is None else "≠" if wrong else "✓" if whole else "?"
        verdict = None if wrong is None or not (wrong or whole) else not wrong
        shots.append(_overrulable(picture, f"{name}, picture {number}: {words}", mark, verdict, eye))
    marks = {fine: "✓" if whole else "?", "something wrong": "≠", untold: "?"}
    used = {fine if wrong == "" else "something wrong" if wrong else untold for wrong in verdicts[: len(shots)]}
    legend = " · ".join(f"{mark} {words}" for words, mark in marks.items() if words in used)
    return Markup("{}<p class='exercise-legend'>{}</p>").format(
        _by_eye(shots, f"The pictures of {name}", sum(map(bool, result.by_eye)), said[: len(shots)]), legend
    )


EYE = "By your eye {right} of {of} are right; you overrule the judge in {times}."


def _overrulable(source: str, words: str, mark: str, verdict: bool | None, eye: bool | None = None) -> Markup:
    """A picture with the judge's mark, which a click overrules and another takes back; see ``overrule.js``."""
    named = {True: "right", False: "wrong", None: ""}
    return Markup(
        '<figure class="shot{}"><button class="overrule" data-judge="{}"{}><img src="{}" alt="{}"><span>{}</span>'
        "</button></figure>"
    ).format(
        " shot-warn" if verdict is False else "", named[verdict],
        "" if eye is None else Markup(' data-eye="{}"').format(named[eye]), source, attribute(words), plain(mark),
    )  # fmt: skip


def _by_eye(shots: Sequence[Markup], label: str, right: int = 0, said: Sequence[bool | None] = ()) -> Markup:
    """Pictures that can be overruled, and how many are right by the learner's eye once one is."""
    times = sum(one is not None for one in said)
    words = EYE.format(right=right, of=len(shots), times=times) if times else ""
    return Markup(
        '<div class="overrulable" data-words="{}"><div class="shots shots-small" style="--count:{}" role="group" '
        'aria-label="{}">{}</div><p class="exercise-legend exercise-eye" role="status">{}</p></div>'
    ).format(EYE, len(shots), attribute(label), join(shots), words)


# --- calibration ------------------------------------------------------------------------------------------


def empty_chart() -> Any:
    """The calibration's axes and diagonal, before there is a result."""
    return _chart(())


def chart(value: Calibration) -> Any:
    return _chart(value.points)


def _chart(every: Sequence[Point]) -> Any:
    """Confidence across, result up, whiskers for the intervals; on the diagonal the two agree."""
    figure = charts.figure("how sure you were", "share of pictures entirely right", 420)
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="said = happened", hoverinfo="skip",
        line={"color": charts.GREY, "dash": "dash", "width": 1},
    )  # fmt: skip
    for kind, colour, symbol in (("easy", charts.BLUE, "circle"), ("hard", charts.CLAY, "diamond")):
        points = [point for point in every if point.kind == kind]
        rates = [point.share.rate for point in points]
        figure.add_scatter(
            x=[point.confidence for point in points], y=rates, mode="markers+text", name=f"expected {kind}",
            text=_names(points), textposition=[_beside(point, every) for point in points],
            marker={"color": colour, "symbol": symbol, "size": 12}, textfont={"size": 13},
            error_y={
                "type": "data", "symmetric": False, "color": colour, "thickness": 1.5,
                "array": [point.share.high - rate for point, rate in zip(points, rates, strict=True)],
                "arrayminus": [rate - point.share.low for point, rate in zip(points, rates, strict=True)],
            },
        )  # fmt: skip
    figure.update_layout(hovermode="closest", legend={"y": -0.22})
    figure.update_xaxes(tickformat=".0%", range=[-0.05, 1.2])
    figure.update_yaxes(tickformat=".0%", range=[-0.05, 1.12])
    return figure


def _names(points: Sequence[Point]) -> list[str]:
    """A name for each dot; of dots that lie on one another the first carries all their names."""
    together: dict[tuple[int, int], list[str]] = {}
    names = [together.setdefault((round(p.confidence * 25), round(p.share.rate * 25)), []) for p in points]
    for place, point in zip(names, points, strict=True):
        place.append(point.name)
    return [", ".join(place) if place[0] == point.name else "" for place, point in zip(names, points, strict=True)]


def _beside(point: Point, points: Sequence[Point]) -> str:
    """Which side of a dot its name goes to: away from a near neighbour on the right, and from the border."""
    near = any(0 < other.confidence - point.confidence < 0.13 for other in points)
    return "middle left" if near or point.confidence > 0.97 else "middle right"


# --- the note ---------------------------------------------------------------------------------------------


def note(value: reflect.Note) -> str:
    """The lab note: two downloads, and the page itself in a frame that can run nothing."""
    page = base64.b64encode(value.html.encode()).decode()
    data = base64.b64encode(json.dumps(value.data, ensure_ascii=False).encode()).decode()
    return str(
        Markup(
            '<div class="exercise-note"><p><a class="button" download="lab-note.html" '
            'href="data:text/html;charset=utf-8;base64,{page}">Download the lab note (HTML, to print)</a>'
            '<button type="button" class="button" data-action="download" data-name="lab-note" '
            'data-payload="{data}">Download everything as JSON</button></p>'
            '<iframe title="The lab note as it will print" sandbox="" srcdoc="{html}"></iframe></div>'
        ).format(page=page, data=data, html=value.html)
    )


# --- the map ----------------------------------------------------------------------------------------------

MARKS: dict[easy_hard.Verdict, str] = {True: "✓", False: "≠", None: "?"}
VERDICTS: dict[easy_hard.Verdict, str] = {True: "right", False: "wrong", None: "cannot tell"}


def map_chart(value: easy_hard.Map) -> Any:
    """A line a sort, the easiest first and those without a place in that order last.

    The share right with its interval, its control, and what the diet held.
    """
    rows = [*value.decided, *value.refuted, *value.undecided]
    figure = charts.figure("share right", height=120 + 44 * len(rows))
    names = [f'{one.sort.name}<br><span style="font-size:12px">{_middle(one)}</span>' for one in rows]
    compared = [(at, round(one.chance.rate, 4)) for at, one in enumerate(rows) if one.chance]
    figure.add_scatter(
        y=[at for at, _ in compared], x=[rate for _, rate in compared], mode="markers", name="control: another prompt",
        marker={"color": charts.GREY, "symbol": "diamond-open", "size": 11}, hovertemplate="%{x:.0%}",
    )  # fmt: skip
    decided = [(at, one.right) for at, one in enumerate(rows) if one.right]
    figure.add_scatter(
        y=[at for at, _ in decided], x=[round(share.rate, 4) for _, share in decided], mode="markers", name="right",
        marker={"color": charts.CLAY, "size": 12}, hovertemplate="%{x:.0%}",
        error_x={
            "type": "data", "symmetric": False, "color": charts.CLAY, "thickness": 2,
            "array": [round(share.high - share.rate, 4) for _, share in decided],
            "arrayminus": [round(share.rate - share.low, 4) for _, share in decided],
        },
    )  # fmt: skip
    blind = list(range(len(rows) - len(value.undecided), len(rows)))
    figure.add_scatter(
        y=blind, x=[0.5] * len(blind), mode="text", text=["cannot tell"] * len(blind), showlegend=False,
        hoverinfo="skip", textfont={"size": 14},
    )  # fmt: skip
    below = {"y": -66 / (44 * len(rows)), "yanchor": "top", "x": 0}
    figure.update_layout(hovermode="closest", margin={"l": 8, "b": 108}, legend=below)
    figure.update_xaxes(tickformat=".0%", range=[-0.05, 1.05], dtick=0.5, title_standoff=6)
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=names, automargin=True, range=[len(rows) - 0.4, -0.6], zeroline=False
    )
    return figure


def _middle(one: easy_hard.Tried) -> str:
    if one.sort.only_refuted:
        return "can only be told wrong"
    held = int(np.median(one.held))
    return f"{held:,} in the diet" if held else "never in the diet"


def map_examples(value: easy_hard.Map) -> str:
    """The first seed of the easiest sort's prompts, of the hardest one's, and of one that nobody here can judge."""
    return str(join(_gallery(one) for one in easy_hard.easiest_and_hardest(value)))


def _gallery(one: easy_hard.Tried) -> Markup:
    shots = [
        _overrulable(
            data_uri(pictures[0]), f"{_short_prompt(prompt)}: {VERDICTS[verdicts[0]]}",
            f"{MARKS[verdicts[0]]} {_short_prompt(prompt)}", verdicts[0],
        )
        for prompt, pictures, verdicts in zip(one.prompts, one.pictures, one.verdicts, strict=True)
    ]  # fmt: skip
    right = sum(verdicts[0] is True for verdicts in one.verdicts)
    outcome = f"right in {one.right}" if one.right else "cannot be told; judge for yourself"
    return Markup(
        '<section class="exercise-card exercise-gallery"><h3>{}</h3>'
        '<p class="exercise-said">{}. The diet held {}.</p>{}</section>'
    ).format(
        plain(one.sort.name), plain(outcome.capitalize()), plain(easy_hard.fed(one)),
        _by_eye(shots, one.sort.name, right),
    )  # fmt: skip


def _short_prompt(prompt: str) -> str:
    """A prompt without what all of its sort have in common."""
    return re.sub(r"^(a white sign that says|an?) | on a (white|blue) background$", "", prompt)


# --- hands ------------------------------------------------------------------------------------------------


def counted(value: hands.Hands) -> str:
    """The painted hands with outline and fingertips drawn in, and a bar for every count."""
    if not value.counted:
        shots = [Shot(p, f"Seed {seed}, not counted") for seed, p in zip(value.seeds, value.pictures, strict=True)]
        return str(row(shots, "The painted hands"))
    shots = []
    for seed, picture, hand in zip(value.seeds, value.pictures, value.counted, strict=True):
        said = hands.words(hand.fingers)
        mark = "" if hand.fingers == hands.FIVE else "warn"
        shots.append(Shot(_traced(picture, hand), f"Seed {seed}: {said}", f"{said}", mark))
    return str(row(shots, "The painted hands, traced and counted") + _tally(value))


def _tally(value: hands.Hands) -> Markup:
    numbers = sorted({hand.fingers for hand in value.counted if hand.fingers is not None} | {4, 5, 6})
    rows = []
    for number in [*numbers, None]:
        times = sum(hand.fingers == number for hand in value.counted)
        if number is None and not times:
            continue
        name = hands.words(number)
        rows.append(Bar(name, times / len(value.counted), str(times), chosen=number == hands.FIVE, ink="sculptor"))
    return bars(rows)


def judge_worth() -> str:
    """The judge's recorded test, folded away beside the test that relies on it."""
    shares = [*test.judge_worth(), *blind.shares()]
    if not shares:
        return ""
    misread, (pictures, beside) = blind.misread(), test.against_an_eye()
    body = Markup(
        '<div class="exercise-worth"><p><span class="badge badge-recorded">recorded</span> On rendered scenes whose '
        "content is known, sent through the autoencoder unless a row says otherwise.{}</p>{}{}</div>"
    ).format(
        f" Your eye decides on what it misreads even where it is: {', '.join(misread)}." if misread else "",
        _worth(shares),
        Markup(
            "<p>And beside an eye, on {} pictures that it was never trained on: finished, half-painted, blurred, "
            "painted at strange dials, and foreign. (The eye is a vision-language model's that saw no verdict; no "
            "person has labelled them.)</p>{}"
        ).format(pictures, _worth(beside)) if beside else "",
    )  # fmt: skip
    return str(drawer("How good is the judge itself?", body))


def _worth(shares: Sequence[tuple[str, Interval]]) -> Markup:
    return bars([
        Bar(name, share.rate, f"{share.rate:.1%}".replace("%", " %"), low=share.low, high=share.high, ink="sculptor")
        for name, share in shares
    ])  # fmt: skip


def worth() -> str:
    """The counter's recorded test, shown before anyone paints."""
    shares = hands.worth()
    if not shares:
        return '<p class="exercise-worth">The counter\'s test is not recorded here; run training/fingers.py.</p>'
    rows = [
        Bar(name, share.rate, f"{share.rate:.0%}".replace("%", " %"), low=share.low, high=share.high, ink="sculptor")
        for name, share in shares
        if "five" in name or "or four" in name
    ]
    total = sum(
        share.trials
        for name, share in shares
        if name in ("five fingers, as rendered", "three or four fingers, as rendered")
    )
    return str(
        Markup(
            '<div class="exercise-worth"><p><span class="badge badge-recorded">recorded</span> The counter itself, on '
            "{} rendered hands whose fingers are known:</p>{}</div>"
        ).format(total, bars(rows))
    )


def _traced(picture: np.ndarray, hand: Hand) -> np.ndarray:
    """The picture enlarged to 256 pixels with the outline and a ring on each fingertip."""
    image = Image.fromarray(picture).resize((256, 256), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    if hand.outline:
        points = [(x * 256, y * 256) for x, y in hand.outline]
        draw.line([*points, points[0]], fill=(255, 255, 255), width=3)
        draw.line([*points, points[0]], fill=(20, 20, 25), width=1)
    for x, y in hand.tips:
        box = (x * 256 - 7, y * 256 - 7, x * 256 + 7, y * 256 + 7)
        draw.ellipse(box, outline=(255, 255, 255), width=4)
        draw.ellipse(box, outline=(20, 20, 25), width=2)
    return np.asarray(image)
