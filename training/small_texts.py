"""Makes the four texts on which learners train a typewriter: ``python -m training.small_texts``.

They are all the playground's own (MIT, see LICENSE): captions by Sticker World's grammar, tales by the grammar below,
the prose of the lessons, and the code of the engines. Each is cut to :data:`SIZE` characters. The prose and the code
are those of the day on which this ran, so that recorded runs stay what they were.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

from engines.stickers import scenes
from engines.text import small

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "lessons" / "train_your_own" / "texts"
SIZE = 58_000

WHO = ("the owl", "the cat", "the old whale", "the rabbit", "the tiger", "the small turtle", "the horse", "the frog",
       "the penguin", "the fox", "the baker", "the gardener", "the sailor", "the clockmaker")  # fmt: skip
THING = ("a red balloon", "a key", "a book", "a lemon", "a teacup", "a guitar", "a crown", "an umbrella", "a clock",
         "a rose", "a donut", "a green star", "a basket", "a letter", "a lantern")  # fmt: skip
WHERE = ("in the snow", "on the beach", "under the night sky", "in the meadow", "by the river", "behind the house",
         "near the tree", "in the desert", "on the hill", "at the market")  # fmt: skip
WHEN = ("One morning", "Late at night", "On a cold day", "Before breakfast", "After the rain", "In the spring",
        "When the moon was full", "On the last day of the year")  # fmt: skip
MOOD = ("was glad", "was surprised", "laughed", "said nothing", "began to sing", "felt tired", "wanted to go home",
        "could not sleep", "smiled", "ran away")  # fmt: skip


def _the(thing: str) -> str:
    return "the " + thing.split(" ", 1)[1]


def tale(r: random.Random) -> str:
    """Three to five sentences about two who meet over a thing."""
    one, other = r.sample(WHO, 2)
    thing, where, when = r.choice(THING), r.choice(WHERE), r.choice(WHEN)
    sentences = [
        f"{when} {one} found {thing} {where}.",
        r.choice((
            f"“Whose is {_the(thing)}?” asked {one}.", f"{one.capitalize()} looked at {_the(thing)} for a long time.",
            f"It was not {thing} like any other.",
        )),
        r.choice((
            f"“It is mine,” said {other}, “I lost it {r.choice(WHERE)}.”",
            f"Then {other} came and asked for {_the(thing)}.",
            f"But {other} wanted {_the(thing)} too.",
        )),
    ]  # fmt: skip
    if r.random() < 0.6:
        sentences.append(f"So {one} gave {_the(thing)} to {other}, and {other} {r.choice(MOOD)}.")
    else:
        sentences.append(f"They put {_the(thing)} {r.choice(WHERE)} and went home together.")
    if r.random() < 0.4:
        sentences.append(f"{r.choice((one, other)).capitalize()} {r.choice(MOOD)}.")
    return " ".join(sentences)


def captions() -> str:
    r = random.Random(1)
    return "\n".join(r.choice(scenes.phrasings(scenes.plan(seed))) for seed in range(2500))


def tales() -> str:
    r = random.Random(2)
    return "\n\n".join(tale(r) for _ in range(500))


def prose() -> str:
    """What the lessons say, without headings and marks."""
    found = []
    for path in sorted((ROOT / "lessons").glob("*/lesson.md")):
        if path.parent == PLACE.parent:
            continue
        body = path.read_text(encoding="utf-8").split("\n---\n", 1)[1]
        body = re.sub(r"^#.*$", "", body, flags=re.MULTILINE)
        body = re.sub(r"\[\[([^\]|]+)(\|[^\]]*)?\]\]", r"\1", body)
        found.append(re.sub(r"[*`_]", "", body))
    return "\n\n".join(re.sub(r"\n{2,}", "\n\n", part).strip() for part in found)


def code() -> str:
    """What the engines for text are made of."""
    paths = [path for path in sorted((ROOT / "engines" / "text").glob("*.py")) if not path.name.startswith("small")]
    return "\n\n".join(path.read_text(encoding="utf-8").strip() for path in paths)


def main() -> None:
    PLACE.mkdir(parents=True, exist_ok=True)
    for make in (captions, tales, prose, code):
        text = small.clean(make())
        end = text.rfind("\n", 0, SIZE)
        path = PLACE / f"{make.__name__}.txt"
        path.write_text((text if len(text) <= SIZE else text[:end]) + "\n", encoding="utf-8")
        print(f"{path.stat().st_size:7,} bytes {path.name}")


if __name__ == "__main__":
    main()
