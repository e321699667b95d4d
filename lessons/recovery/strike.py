"""Screen 1: one wrong stroke for each of four machines, and what they make of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from engines import recovery
from engines.checks import check_number, seed_range
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.pictures.diffusion import Painter
from engines.pictures.tiles import tile_writer
from engines.recovery import Struck
from engines.statistics import Interval, wilson
from engines.text import masked
from engines.text.masked import Writers
from engines.text.stories import END
from lessons.recovery.measures import NAMES, of, ranged

LEAST, MOST = 2, 16
EARLIEST, LATEST = 0.2, 0.8


@dataclass(frozen=True, eq=False)
class Strikes:
    """The machines struck so far, each at the same share of its way; ``writers`` read the texts."""

    writers: Writers
    share: float
    seeds: tuple[int, ...]
    struck: tuple[Struck, ...]

    def of(self, machine: str) -> Struck:
        return next(one for one in self.struck if one.machine == machine)


def strike(painter: Painter, share: float, runs: int, seed: int) -> Iterator[Underway | Evidence[Strikes]]:
    """Strike all four at ``share`` of the way in ``runs`` runs each, from ``seed`` on; an Evidence a machine."""
    began = time.perf_counter()
    check_number("The moment of the stroke", share, EARLIEST, LATEST)
    seeds = seed_range(seed, runs, least=LEAST, most=MOST, what="The number of runs")
    tiles = tile_writer(painter)
    if not masked.SHELF.loaded():
        yield Underway(0.0, "Waking the two writers of stories")
    writers = masked.load()
    models = f"{writers.name}, {tiles.name}, {painter.name}", f"{tiles.revision}, {painter.revision}"
    value = Strikes(writers, share, seeds, ())
    machines = (
        lambda: recovery.twin(writers, seeds, (share,), redraw=False),
        lambda: recovery.masked_writer(writers, seeds, (share,), redraw=False),
        lambda: recovery.tile(tiles, seeds, (share,), redraw=False),
        lambda: recovery.sculptor(painter, seeds, (share,), redraw=False),
    )
    for machine in machines:
        for event in machine():
            if isinstance(event, Underway):
                yield event
            else:
                value = Strikes(writers, share, seeds, (*value.struck, *event))
        yield _evidence(value, models, time.perf_counter() - began)


def truth(value: Strikes) -> tuple[float, str] | None:
    """In what share of the masked writer's stories the wrong word still stands."""
    if len(value.struck) < 2:
        return None
    standing = value.of("masked").standing
    return standing.rate, f"it stands in {standing}"


def _evidence(value: Strikes, models: tuple[str, str], seconds: float) -> Evidence[Strikes]:
    rows, findings = [], []
    for one in value.struck:
        rows.append((
            NAMES[one.machine], of(one.standing), of(wilson_of(one.calm)), one.middle(), of(one.undisturbed),
            of(one.kept), round(one.kept.low, 3), round(one.kept.high, 3),
        ))  # fmt: skip
        findings.append(Finding(f"{of(one.standing)}: {NAMES[one.machine]}", _reads(one)))
    alt = "; ".join(
        f"{NAMES[one.machine]}: the stroke stands in {of(one.standing)}, still right are {of(one.kept)}"
        for one in value.struck
    )
    columns = (
        "machine", "still stands", "its control", "median until gone", "right undisturbed", "still right", "low", "high"
    )  # fmt: skip
    settings = {"struck_at": f"{value.share:.0%} of the way", "runs": len(value.seeds)}
    twin = value.of("twin")
    return Evidence(
        value, f"{alt}.", Table(columns, tuple(rows)),
        Provenance("live", models[0], models[1], settings, value.seeds[0], seconds), tuple(findings),
        _code(value, twin), value.writers.story(twin.after[twin.example]),
    )  # fmt: skip


def wilson_of(values: tuple[bool, ...]) -> Interval:
    return wilson(sum(values), len(values))


def _reads(one: Struck) -> str:
    """What is to be noticed of one machine's runs."""
    untold = one.undisturbed.successes - one.kept.trials
    beside = f" ({untold} could not be judged)" if untold else ""
    right = f"Right undisturbed: {of(one.undisturbed)}; of these, right with the stroke: {ranged(one.kept)}{beside}."
    if one.machine == "twin":
        return f"The wrong word stands by construction: no pass comes back to it. {right}"
    if one.machine == "tiles":
        return f"The wrong tile stands by construction. {right} It is one tile of 256."
    if one.machine == "masked":
        plain = wilson_of(one.calm)
        when = one.middle()
        gone = "" if when is None else f" Where it goes, it takes {when:g} rounds (median)."
        cause = "so only revising is the cause" if one.standing.successes < plain.successes else "so revising took none"
        return f"Without the look at the end it stands in {of(plain)}, {cause}.{gone} {right}"
    when = one.middle()
    gone = "" if when is None else f" The guess has lost it after {when:g} of its later passes (median)."
    calm = wilson_of(one.calm)
    return f"Patches as strange as that: {of(calm)} undisturbed.{gone} {right}"


def _code(value: Strikes, one: Struck) -> str:
    """The twin's example in plain transformers; ``result`` is the struck story."""
    words = value.writers.text(one.after[one.example])[: one.places[one.example] + 1]
    return f"""import torch
from transformers import AutoTokenizer, LlamaForCausalLM

FOLDER = "models/masked-text"  # in the repository
tokenizer = AutoTokenizer.from_pretrained(FOLDER)
twin = LlamaForCausalLM.from_pretrained(f"{{FOLDER}}/twin", dtype=torch.float32).eval()
before = {words[:-1]!r}
wrong = {words[-1]!r}

story = tokenizer.convert_tokens_to_ids([*before, wrong])
start, end = tokenizer.convert_tokens_to_ids(["<start>", {END!r}])
dice = torch.Generator().manual_seed({value.seeds[one.example]})
row = [start]
for place in range({recovery.CANVAS}):
    with torch.inference_mode():
        chances = (twin(torch.tensor([row])).logits[0, -1] / {masked.TEMPERATURE}).softmax(-1)
    drawn = int(torch.multinomial(chances, 1, generator=dice))  # thrown where a word is given, too
    row.append(story[place] if place < len(story) else drawn)
    if row[-1] == end:
        break
result = " ".join(word for word in tokenizer.convert_ids_to_tokens(row[1:]) if word != {END!r})
print(result)
"""
