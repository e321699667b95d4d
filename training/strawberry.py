"""Train small networks that answer “how many r's in strawberry?” and differ in one cause each.

    python -m training.strawberry --words LIST          # draw the words anew, from a list with one on each line
    python -m training.strawberry [--steps 1500] [--only chunks,spelled] [--resume]
    python -m training.strawberry --evaluate            # measure the bundled networks, fill in the card
    python -m training.strawberry --seed 1 --out FOLDER && python -m training.strawberry --evaluate --out FOLDER
    python -m training.strawberry --keep FOLDER OTHER   # what was measured there, into others.json

``chunks`` reads words as chunks, ``spelled`` reads them so too and its diet also spells words out, ``letters`` reads
letters, and ``answers`` is ``chunks`` with its questions spread over all words instead of a tenth of them. ``wrong``,
not bundled, is ``spelled`` with each word given the letters of another: as many lines, as long, that tell it nothing.
All have one size and one vocabulary, and take the same number of steps; each step has as many questions (the same
ones, in the same order, but for ``answers``) and as many other lines. Where the diet does not spell, those lines repeat
the same words as they are read. Writes ``models/strawberry``.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, trainers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from engines.models.weights import fingerprint
from engines.statistics import mean_interval, wilson
from engines.text import letter_counting
from engines.text.letter_counting import ALPHABET, FOLDER, NETWORKS, Reader, Reading
from training import tools

CHUNKS = 1_000
LESSON = frozenset(
    "strawberry lemon tiger planet garden music window apple coffee balloon calendar butterfly committee banana "
    "tomorrow elegance bubble cheese".split()
)
"""Words that the lesson asks about: never seen in training."""
LENGTHS = ((4, 6), (7, 8), (9, 10), (11, 14))
CLASSES = 4
"""Questions are drawn alike often with the count 0, 1, 2, and 3 or more."""
ABSENT = 3
"""Letters that are not in a word, for each word."""
EACH = 60
"""Questions of a length with each count; where there are fewer, others fill up."""
GAINS: tuple[tuple[str, str], ...] = (
    ("chunks", "blind"), ("spelled", "chunks"), ("answers", "chunks"), ("letters", "chunks"), ("letters", "spelled"),
    ("wrong", "chunks"), ("spelled", "wrong"),
)  # fmt: skip
SPELLING = ("spelled", "wrong")
MARKS = "<!-- metrics -->", "<!-- end of metrics -->"
Question = tuple[str, str]


# --- Words and questions -----------------------------------------------------------------------------------------


def choose(file: Path, asked: int = 1_000, met: int = 9_000, unseen: int = 2_500) -> dict[str, list[str]]:
    """Three random lists without a word in common; plurals and the like are left out where the bare word is there."""
    listed = {word for word in file.read_text(encoding="utf-8").split() if re.fullmatch("[a-z]{4,14}", word)}
    bare = {one for one in listed if not (one.endswith("s") and (one[:-1] in listed or one[:-2] in listed))}
    found = sorted(bare - LESSON)
    random.Random(13).shuffle(found)
    return {
        "asked": sorted(found[:asked]),
        "met": sorted(found[asked : asked + met]),
        "unseen": sorted(found[asked + met : asked + met + unseen]),
    }


def learn_chunks(words: Sequence[str], size: int = CHUNKS) -> Tokenizer:
    """Byte-pair encoding of the words in training, each counted once."""
    tokenizer = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=list(ALPHABET), show_progress=False)
    tokenizer.train_from_iterator(words, trainer)
    return tokenizer


def by_count(words: Sequence[str]) -> list[list[Question]]:
    """Every letter of every word and three others, as questions with the count 0, 1, 2, and 3 or more."""
    found: list[list[Question]] = [[] for _ in range(CLASSES)]
    for word in words:
        absent = [letter for letter in ALPHABET if letter not in word]
        for letter in (*sorted(set(word)), *random.Random(word).sample(absent, ABSENT)):
            found[min(word.count(letter), CLASSES - 1)].append((word, letter))
    return found


def held_out(unseen: Sequence[str], each: int = EACH) -> dict[str, list[Question]]:
    """The questions of the measurement, by length of the word: about as many with each count."""
    asked: dict[str, list[Question]] = {}
    for low, high in LENGTHS:
        dice = random.Random(low)
        classes = by_count([word for word in unseen if low <= len(word) <= high])
        for questions in classes:
            dice.shuffle(questions)
        chosen = [question for questions in classes for question in questions[:each]]
        spare = [question for rest in zip(classes[1][each:], classes[2][each:], strict=False) for question in rest]
        asked[f"{low}–{high}"] = chosen + spare[: CLASSES * each - len(chosen)]
    return asked


def blind(words: Sequence[str]) -> dict[str, int]:
    """For each letter the count that is right most often in questions about ``words``, each count asked as often."""
    votes: dict[str, collections.Counter[int]] = collections.defaultdict(collections.Counter)
    for questions in by_count(words):
        for word, letter in questions:
            votes[letter][word.count(letter)] += 1 / len(questions)  # type: ignore[assignment]
    return {letter: votes[letter].most_common(1)[0][0] for letter in sorted(votes)}


# --- Training ----------------------------------------------------------------------------------------------------


def network(entries: int) -> LlamaForCausalLM:
    """An untrained network of 0.2 M weights; they come from torch's own generator."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=entries, hidden_size=64, intermediate_size=176, num_hidden_layers=3, num_attention_heads=4,
            max_position_embeddings=64, tie_word_embeddings=True,
            bos_token_id=None, eos_token_id=None, pad_token_id=None,
        )
    )  # fmt: skip


def loss_of(model: LlamaForCausalLM, lines: Sequence[tuple[list[int], list[int]]]) -> Tensor:
    """Nats for each id to be written, over lines (what is given, what is to be written)."""
    longest = max(len(given) + len(answer) for given, answer in lines)
    ids = torch.tensor([given + answer + [0] * (longest - len(given) - len(answer)) for given, answer in lines])
    wanted = torch.tensor(
        [[-100] * len(given) + answer + [-100] * (longest - len(given) - len(answer)) for given, answer in lines]
    )
    logits = model(ids[:, :-1].to(model.device), use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits.transpose(1, 2), wanted[:, 1:].to(model.device))


def train(key: str, reader: Reader, words: dict[str, list[str]], options: argparse.Namespace) -> Any:
    """One network after ``options.steps`` steps."""
    where = tools.device()
    torch.manual_seed(options.seed)
    model: Any = network(reader.entries)
    model.to(where)
    reading: Reading = "letters" if key == "letters" else "chunks"
    every = words["asked"] + words["met"]
    questions = by_count(every if key == "answers" else words["asked"])
    inner = [weight for name, weight in model.named_parameters() if weight.ndim == 2 and "embed" not in name]
    outer = [weight for name, weight in model.named_parameters() if weight.ndim != 2 or "embed" in name]
    optimisers: list[torch.optim.Optimizer] = [
        tools.Muon(inner, lr=options.rate),
        torch.optim.AdamW(outer, lr=options.rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]
    checkpoint, begin = options.checkpoints / f"strawberry-{key}-{options.seed}.pt", 0
    if options.resume and checkpoint.exists():
        state = torch.load(checkpoint, map_location=where)
        begin = state["step"]
        model.load_state_dict(state["model"])
        for optimiser, kept in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
    began, losses = time.monotonic(), list[tuple[float, float]]()
    for step in range(begin, options.steps):
        dice = random.Random(options.seed * 1_000_003 + step)
        asked = [dice.choice(questions[dice.randrange(CLASSES)]) for _ in range(options.batch)]
        others = [dice.choice(every) for _ in range(options.batch)]
        counted = [
            (reader.question(word, letter, reading), [reader.count(min(word.count(letter), 9))])
            for word, letter in asked
        ]
        given = [(reader.spelling if key in SPELLING else reader.again)(word, reading) for word in others]
        if key == "wrong":
            given = [(one, answer) for (one, _), (_, answer) in zip(given, [*given[1:], given[0]], strict=True)]
        counting, other = loss_of(model, counted), loss_of(model, given)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = options.rate * tools.warm_cosine(step / options.steps)
            optimiser.zero_grad()
        (counting + other).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
        losses.append((counting.item(), other.item()))
        if (step + 1) % 100 == 0 or step + 1 == options.steps:
            recent = losses[-100:]
            means = [sum(part) / len(recent) for part in zip(*recent, strict=True)]
            spent = time.monotonic() - began
            print(f"{key} {step + 1}: counting {means[0]:.3f}, other {means[1]:.3f}; {spent:.0f} s", flush=True)
            kept_too = [optimiser.state_dict() for optimiser in optimisers]
            tools.write_checkpoint(checkpoint, {"step": step + 1, "model": model.state_dict(), "optimisers": kept_too})
    return model


# --- Measuring ---------------------------------------------------------------------------------------------------


@torch.inference_mode()
def spelled_right(counter: letter_counting.Counter, words: Sequence[str]) -> int:
    """How many words the network spells without a mistake, each letter by the likeliest."""
    right = 0
    for word in words:
        given, answer = counter.reader.spelling(word, counter.reading)
        logits = counter.model(torch.tensor([given + answer[:-1]]), use_cache=False).logits[0, len(given) - 1 :]
        right += logits.argmax(1).tolist() == answer
    return right


def measure(folder: Path = FOLDER) -> dict[str, Any]:
    """Right answers to questions on words never seen, by length, of each network and of a blind guess."""
    kept = json.loads((folder / "words.json").read_text(encoding="utf-8"))
    questions, every = held_out(kept["unseen"]), kept["asked"] + kept["met"]
    guess = blind(every)

    def rows(right: dict[str, list[bool]]) -> dict[str, Any]:
        all_of_them = [one for part in right.values() for one in part]
        parts = {**right, "all": all_of_them}
        return {name: tools.score(wilson(sum(part), len(part))) for name, part in parts.items()}

    measured: dict[str, Any] = {
        "words": {name: len(kept[name]) for name in ("asked", "met", "unseen")},
        "questions": {name: len(part) for name, part in questions.items()},
        "counts": {
            name: [sum(word.count(letter) == count for word, letter in part) for count in range(5)]
            for name, part in questions.items()
        },
        "blind": rows({n: [guess[letter] == w.count(letter) for w, letter in p] for n, p in questions.items()}),
        "networks": {}, "asked": {}, "spelt": {}, "spelling": {}, "gains": {}, "weights": {},
    }  # fmt: skip
    marks: dict[str, list[bool]] = {
        "blind": [guess[one] == word.count(one) for p in questions.values() for word, one in p]
    }
    reader = letter_counting.reader(folder)
    asked_chunks = {one for word in kept["asked"] for one in reader.ids(word, "chunks")}
    chunks = [one for part in questions.values() for word, _ in part for one in reader.ids(word, "chunks")]
    known = {one for word in every for one in reader.ids(word, "chunks")}
    measured["chunks"] = {
        "a_word": round(len(chunks) / sum(map(len, questions.values())), 2),
        "in_asked": round(sum(one in asked_chunks for one in chunks) / len(chunks), 4),
        "in_training": round(sum(one in known for one in chunks) / len(chunks), 4),
    }
    for key in (*NETWORKS, "wrong"):
        if not (folder / key / "config.json").is_file():
            continue
        counter = letter_counting.opened(key, folder)
        right = {name: [answer.right for answer in counter.ask(part)] for name, part in questions.items()}
        marks[key] = [one for part in right.values() for one in part]
        measured["networks"][key] = rows(right)
        measured["weights"][key] = fingerprint(folder / key)
        learned = [one for part in by_count(kept["asked"]) for one in part[:100]]
        seen = [answer.right for answer in counter.ask(learned)]
        measured["asked"][key] = tools.score(wilson(sum(seen), len(seen)))
        if key in ("chunks", "spelled"):
            spelt = {n: [a.right for a in counter.ask(p, "letters")] for n, p in questions.items()}
            measured["spelt"][key] = rows(spelt)
        if key == "spelled":
            tried = [word for low, high in LENGTHS for word in _of_length(kept["unseen"], low, high)[:EACH]]
            measured["spelling"][key] = tools.score(wilson(spelled_right(counter, tried), len(tried)))
        print(key, {name: one["rate"] for name, one in measured["networks"][key].items()}, flush=True)
    for better, worse in GAINS:
        if better in marks and worse in marks:
            pairs = zip(marks[better], marks[worse], strict=True)
            mean, low, high = mean_interval([float(one) - float(other) for one, other in pairs])
            measured["gains"][f"{better} over {worse}"] = {
                "mean": round(mean, 4), "low": round(low, 4), "high": round(high, 4)
            }  # fmt: skip
    return measured


def card(measured: dict[str, Any], others: dict[str, Any]) -> str:
    """The tables of the card, from ``metrics.json`` and ``others.json``."""

    def cells(row: dict[str, Any]) -> str:
        return " | ".join(
            f"{100 * row[name]['rate']:.1f} ({100 * row[name]['low']:.1f}–{100 * row[name]['high']:.1f})"
            for name in (*measured["questions"], "all")
        )

    lengths = " | ".join(f"{name} letters" for name in measured["questions"])
    lines = [f"| right, % (95 % interval) | {lengths} | all |", "|---" * (len(measured["questions"]) + 2) + "|"]
    asked = [*measured["questions"].values(), sum(measured["questions"].values())]
    lines.append(f"| questions | {' | '.join(map(str, asked))} |")
    lines.append(f"| blind guess | {cells(measured['blind'])} |")
    lines += [f"| {key} | {cells(row)} |" for key, row in measured["networks"].items()]
    lines += [f"| {key}, asked with the word's letters | {cells(row)} |" for key, row in measured["spelt"].items()]
    lines.append("")
    for name, gain in measured["gains"].items():
        lines.append(
            f"- {name}: {100 * gain['mean']:+.1f} points ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f}), "
            "question by question"
        )
    for key, row in measured["asked"].items():
        lines.append(f"- {key}, questions on words it was asked about in training: {row['right']} of {row['of']} right")
    for key, row in measured["spelling"].items():
        lines.append(f"- {key} spells {row['right']} of {row['of']} unseen words without a mistake")
    chunks = measured["chunks"]
    lines.append(
        f"- An unseen word is {chunks['a_word']} chunks on average; {100 * chunks['in_training']:.1f} % of them occur "
        f"in the words of training, {100 * chunks['in_asked']:.1f} % in those that are asked about."
    )
    if others["wrong"]:
        row, gains = others["wrong"]["right"]["all"], others["wrong"]["gains"]
        summary = "; ".join(
            f"{name} {100 * gains[name]['mean']:+.1f} points ({100 * gains[name]['low']:+.1f} to "
            f"{100 * gains[name]['high']:+.1f})"
            for name in ("wrong over chunks", "spelled over wrong")
        )
        lines.append(
            f"- wrong (`spelled`, each word with the letters of another): {row['right']} of {row['of']}; {summary}"
        )
    for seed, rows in others["seeds"].items():
        summary = ", ".join(f"{key} {100 * row['all']['rate']:.1f} %" for key, row in rows.items())
        lines.append(f"- Trained anew from seed {seed}, over all lengths: {summary}")
    return "\n".join(lines)


def fill_in(folder: Path, measured: dict[str, Any]) -> None:
    """Write the tables into the card, where there is one."""
    file, kept = folder / "README.md", folder / "others.json"
    if file.is_file():
        others = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {"seeds": {}, "wrong": None}
        before, _, rest = file.read_text(encoding="utf-8").partition(MARKS[0])
        _, _, after = rest.partition(MARKS[1])
        text = f"{before}{MARKS[0]}\n{card(measured, others)}\n{MARKS[1]}{after}"
        file.write_text(text, encoding="utf-8")


def _of_length(words: Sequence[str], low: int, high: int) -> list[str]:
    found = [word for word in words if low <= len(word) <= high]
    random.Random(low).shuffle(found)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train small networks that count letters.")
    parser.add_argument("--words", type=Path, help="a list of words to draw from, instead of those that are there")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=48, help="questions a step, and as many other lines")
    parser.add_argument("--rate", type=float, default=1e-2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(NETWORKS), help="which networks, with commas between")
    parser.add_argument("--resume", action="store_true", help="from the checkpoints")
    parser.add_argument("--checkpoints", type=Path, default=tools.CHECKPOINTS)
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--evaluate", action="store_true", help="only measure what is there")
    parser.add_argument(
        "--keep",
        type=Path,
        nargs="+",
        default=(),
        help="folders of other seeds, and of “wrong” beside those it is compared with, that were evaluated",
    )
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.evaluate:
        measured = measure(options.out)
        (options.out / "metrics.json").write_text(json.dumps(measured, indent=1, ensure_ascii=False) + "\n")
        fill_in(options.out, measured)
        return
    if options.keep:
        found: dict[str, Any] = {"seeds": {}, "wrong": None}
        for folder in options.keep:
            other = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
            if "wrong" in other["networks"]:
                found["wrong"] = {"right": other["networks"]["wrong"], "gains": other["gains"]}
            else:
                found["seeds"][str(len(found["seeds"]) + 1)] = other["networks"]
        (options.out / "others.json").write_text(json.dumps(found, separators=(",", ":"), ensure_ascii=False) + "\n")
        return
    kept = options.out / "words.json"
    if options.words:
        kept.write_text(json.dumps(choose(options.words), separators=(",", ":")) + "\n", encoding="utf-8")
        words = json.loads(kept.read_text(encoding="utf-8"))
        learn_chunks(words["asked"] + words["met"]).save(str(options.out / "tokenizer.json"), pretty=False)
        return
    words = json.loads((FOLDER / "words.json").read_text(encoding="utf-8"))
    reader = letter_counting.reader(FOLDER)
    for name in ("words.json", "tokenizer.json"):
        if options.out != FOLDER:
            (options.out / name).write_bytes((FOLDER / name).read_bytes())
    for key in options.only.split(","):
        model = train(key, reader, words, options)
        tools.save_half(model.cpu(), options.out / key)


if __name__ == "__main__":
    main()
