"""How much of a chat the director keeps, loses and invents: prints a table and stores every caption.

    python -m benchmarks.director                       # both halves of the chats, some minutes on two CPU cores
    python -m benchmarks.director --half develop --method director
    python -m benchmarks.director --pictures            # paints the stored captions and the chats, and judges
    python -m benchmarks.director --print               # the table of what is stored, without a model

The director is set against what it is made of: the last message as it is, the model without a mask, the hints without
the model, and the model without the hints. What one run measures is put beside what is stored already.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines.director import directing, ledger, measures
from engines.director.directing import DEFAULTS, Settings
from engines.director.facts import facts
from engines.director.measures import HALVES, OUTCOMES, Chat, Half
from engines.pictures import painter as painters
from engines.pictures.diffusion import Painter, Plan, paint
from engines.statistics import percent
from engines.text import language_model
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel

SEEDS = 4
Method = Callable[[LanguageModel, Chat], str | None]


def last_message(model: LanguageModel, chat: Chat) -> str | None:
    """The last message goes to the painter as it is."""
    return chat.messages[-1]


def unconstrained(model: LanguageModel, chat: Chat) -> str | None:
    """The likeliest text after the same examples, to the end of its line."""
    prompt, text = directing.prompt(model, chat.messages), ""
    for token in model.write(prompt, Dials(temperature=0), seed=0, max_tokens=24):
        text += token.text
        if "\n" in text:
            break
    return text.split("\n")[0].strip()


def candidates(model: LanguageModel, chat: Chat, settings: Settings) -> list[tuple[str, float, float, float]]:
    """What the director compares, as measures.candidates reads it."""
    found = directing.direct(model, chat.messages, settings).candidates
    return [(one.caption, round(one.given, 3), round(one.bonus, 3), round(one.anyway, 3)) for one in found]


def hints_alone(model: LanguageModel, chat: Chat) -> str | None:
    """The search with a model for which every token is equally likely; no chat is declined."""
    return directing.direct(_Blank(model), chat.messages).candidates[0].caption  # type: ignore[arg-type]


SEARCHES = {"director": DEFAULTS, "without hints": Settings(said=0, unsaid=0)}
METHODS: dict[str, Method] = {
    "last message": last_message,
    "unconstrained": unconstrained,
    "hints alone": hints_alone,
}


def paintings(painter: Painter, record: dict[str, Any], half: Half) -> dict[str, list[tuple[int, int, int]]]:
    """The director's caption, the last message and the whole chat as pictures, as measures.outcomes reads it."""
    pairs = zip(measures.chats(half), measures.candidates(record, "director", half), strict=True)
    found: dict[str, list[tuple[int, int, int]]] = {way: [] for way in measures.WAYS}
    for chat, of_chat in pairs:
        if chat.wish is None:
            continue
        wanted = facts(chat.wish)
        for way, sent in zip(
            measures.WAYS, (directing.chosen(of_chat), chat.messages[-1], " ".join(chat.messages)), strict=True
        ):
            if sent is None:
                found[way].append((0, SEEDS * len(wanted), SEEDS * len(wanted)))
                continue
            plan = Plan(directing.as_caption(sent), tuple(range(SEEDS)), steps=painter.passes(None))
            answers = [one for picture in paint(painter, plan) for one in ledger.seen(wanted, picture).values()]
            could = [one for one in answers if one is not None]
            found[way].append((sum(could), len(could), len(answers)))
    return found


class _Blank:
    """A language model that has read nothing: each score is 0."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.logits = np.zeros((1, model.vocabulary_size), np.float32)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def search(self, prompt: Any, grammar: Any, *, beams: int, shared: int) -> Any:
        from engines.text.constrained import search

        return search(self, grammar, self._model.piece, beams=beams, max_tokens=24, top=1)

    def score(self, prompt: Any, sentences: Sequence[Any], grammar: Any, *, shared: int) -> tuple[float, ...]:
        return (0.0,) * len(sentences)

    def keep(self, rows: Sequence[int]) -> None:
        self.logits = np.zeros((len(rows), self._model.vocabulary_size), np.float32)

    def step(self, token_ids: Sequence[int]) -> None:
        pass


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure what the director keeps of a chat.")
    parser.add_argument("--half", choices=HALVES, action="append", help="the half of the chats (both)")
    parser.add_argument(
        "--method", choices=(*SEARCHES, *METHODS), action="append", help="what writes the captions (all)"
    )
    parser.add_argument("--pictures", action="store_true", help="paint and judge what is stored, and write no caption")
    parser.add_argument("--print", action="store_true", help="print what is stored, and run nothing")
    parser.add_argument("--file", type=Path, default=OUTCOMES, help="where the captions are stored")
    options = parser.parse_args(arguments)
    record: dict[str, Any] = (
        dict(measures.outcomes(options.file)) if options.file.is_file() else {"captions": {}, "candidates": {}}
    )
    if options.pictures:
        painter = painters.load()
        for half in options.half or HALVES:
            record.setdefault("pictures", {})[half] = paintings(painter, record, half)
        record["painter"] = {"model": painter.name, "revision": painter.revision, "seeds": SEEDS}
        options.file.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    elif not options.print:
        model = language_model.load()
        for half in options.half or HALVES:
            for name in options.method or (*SEARCHES, *METHODS):
                began = time.perf_counter()
                chats = measures.chats(half)
                if name in SEARCHES:
                    of_method = record["candidates"].setdefault(name, {})
                    of_method[half] = [candidates(model, chat, SEARCHES[name]) for chat in chats]
                else:
                    record["captions"].setdefault(name, {})[half] = [METHODS[name](model, chat) for chat in chats]
                seconds = (time.perf_counter() - began) / len(chats)
                record |= {"model": model.name, "revision": model.revision, "runtime": model.runtime}
                options.file.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
                print(f"{half}, {name}: {seconds:.1f} s a chat", flush=True)
    report(record)


def report(record: dict[str, Any]) -> None:
    """The table as markdown, in shares with 95 % intervals."""
    print("| half | written by | kept | lost | invented | exactly the wish | declined where nothing can be painted |")
    print("|---|---|---|---|---|---|---|")
    for half in HALVES:
        for name, found in measures.table(record, half).items():
            cells = " | ".join(
                f"{percent(one.rate)} ({percent(one.low)} to {percent(one.high)}; {one.successes} of {one.trials})"
                for one in (found.kept, found.lost, found.invented, found.exact, found.declined)
            )
            print(f"| {half} | {name} | {cells} |")
    for half in record.get("pictures", {}):
        for way, (least, most) in measures.painted(record, half).items():
            print(f"{half}, painted from the {way}: {least} facts of the wish, or {most} with all that cannot be told")


if __name__ == "__main__":
    main()
