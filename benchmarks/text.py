"""How fast the typewriter is: prints a markdown table.

    python -m benchmarks.text                  # a few minutes on two CPU cores
    python -m benchmarks.text --cold           # also a first start, which downloads and converts the model
    python -m benchmarks.text --no-app         # the engine only

Each pair is measured in one process, alternately, and the best round of each counts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from benchmarks.measuring import Row, best, mib, peak_memory, playground, report, resident_bytes
from engines.models import worker
from engines.text import language_model
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Prompt

TEXT = "Tell me how the bicycle was invented."
DIALS = Dials(temperature=0.8, top_p=0.95)
RUNS = 16
CLASS = 30
PROMPTS = (
    TEXT, "Once upon a time", "What is the capital of France?", "def mean(numbers):", "2 + 2 =",
    "Write a poem about the sea.", "The keys to the cabinet", "Wie heißt die Hauptstadt von Peru?",
)  # fmt: skip
COLUMNS = ("what", "measured", "aim")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the text engine and the start of the playground.")
    parser.add_argument("--tokens", type=int, default=48, help="length of each text (48)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each measurement (3)")
    parser.add_argument("--cold", action="store_true", help="also start with an empty cache (downloads 93 MB)")
    parser.add_argument("--no-app", action="store_true", help="leave out the start of app.py")
    options = parser.parse_args(arguments)
    model, by_torch, stock = endless()
    rows = engine(model, by_torch, stock, options.tokens, options.rounds)
    if model is not by_torch:
        rows += agreement(model, by_torch)
    if not options.no_app:
        rows += start("warm: weights ready", {}, "under 6 s")
    if options.cold:
        with tempfile.TemporaryDirectory() as folder:
            rows += start("cold: empty cache", {"PLAYGROUND_CACHE": folder}, "")
    report(COLUMNS, rows, f"{model.name} ({model.revision}), {model.runtime}; {stock.dtype} on {stock.device}")


def engine(model: LanguageModel, by_torch: LanguageModel, stock: Any, tokens: int, rounds: int) -> list[Row]:
    """``write`` against ``generate``, a batch against one run after another, each by both runtimes, and the memory."""
    prompt = model.encode(TEXT, chat=True)
    ours = list(dict.fromkeys((model, by_torch)))
    *written, generated = best(
        rounds,
        *(partial(_write, one, prompt, tokens) for one in ours),
        lambda: generate(stock, prompt, tokens),
    )
    together = best(max(1, rounds - 1), *(partial(_write_many, one, prompt, tokens, [range(RUNS)]) for one in ours))
    (apart,) = best(1, lambda: _write_many(model, prompt, tokens, [[seed] for seed in range(RUNS)]))
    crowded = best(1, *(partial(crowd, one, tokens, CLASS) for one in ours))
    unscored = best(1, *(partial(crowd, one, tokens, CLASS, scored=False) for one in ours))
    (in_turn,) = best(1, lambda: crowd(model, tokens, 1))
    logits = model.next_token_scores(prompt).logits
    from engines.text.dials import reshape

    (reshaped,) = best(20, lambda: reshape(logits, DIALS, model.piece))
    rows: list[Row] = [("`model.generate`", f"{tokens / generated:.1f} tokens/s", "")]
    for one, alone, batch, lot, bare in zip(ours, written, together, crowded, unscored, strict=True):
        by = f"by {one.runtime}"
        rows += [
            (f"`write` with scoreboards, {by}", f"{tokens / alone:.1f} tokens/s", ""),
            (f"against `generate`, {by}", f"{generated / alone:.2f}×", "at least 0.95×"),
            (f"{RUNS} runs in one batch, {by}", f"{RUNS * tokens / batch:.1f} tokens/s", ""),
            (f"{CLASS} learners, each with scoreboards, {by}", f"{CLASS * tokens / lot:.1f} tokens/s", ""),
            (f"of their rate without, {by}", f"{bare / lot:.2f}", "on a card at least 0.9"),
        ]
    return [
        *rows,
        (f"{RUNS} runs one after another", f"{RUNS * tokens / apart:.1f} tokens/s", ""),
        ("batch against one after another", f"{apart / together[0]:.1f}×", "at least 6×"),
        ("a class against one after another", f"{CLASS * in_turn / crowded[0]:.1f}×", "on a card at least 15×"),
        ("a slider reshapes a scoreboard", f"{1000 * reshaped:.1f} ms", "under 100 ms"),
        ("peak memory, both runtimes", peak_memory(), ""),
    ]


def agreement(model: LanguageModel, by_torch: LanguageModel, texts: int = 24) -> list[Row]:
    """How far the scores of the two runtimes differ, over texts that the model writes, prompts included."""
    from engines.text.dials import softmax

    moved, same, widest, surprise = [], [], 0.0, []
    for seed in range(texts):
        prompt = model.encode(PROMPTS[seed % len(PROMPTS)], chat=seed % 2 == 0)
        ids = [*prompt.ids, *(token.token_id for token in model.write(prompt, Dials(), seed=seed, max_tokens=96))]
        one, other = (network._writer.read(ids, None, len(ids))[0] for network in (model, by_torch))
        chances, expected = (np.stack([softmax(row) for row in rows]) for rows in (one, other))
        moved += list(np.abs(chances - expected).sum(axis=1) / 2)
        same += list(one.argmax(axis=1) == other.argmax(axis=1))
        widest = max(widest, float(np.abs(one - other).max()))
        surprise += list(np.abs(np.log2(chances[:-1, ids[1:]].diagonal() / expected[:-1, ids[1:]].diagonal())))
    return [
        ("positions compared", f"{len(same):,}", "at least 2,000"),
        ("the same first choice", f"{sum(same):,} of {len(same):,}", "at least 0.93"),
        ("mean and largest total variation", f"{np.mean(moved):.1e}, {max(moved):.1e}", "mean at most 0.04"),
        ("largest gap between two logits", f"{widest:.1e}", ""),
        ("largest change of a written token's surprise", f"{max(surprise):.1e} bits", ""),
    ]


def _write(model: LanguageModel, prompt: Prompt, tokens: int) -> None:
    for _ in model.write(prompt, DIALS, seed=1, max_tokens=tokens, fresh=True):  # as generate() reads it each time
        pass


def _write_many(model: LanguageModel, prompt: Prompt, tokens: int, batches: Sequence[Sequence[int]]) -> None:
    for seeds in batches:
        for _ in model.write_many(prompt, DIALS, seeds=seeds, max_tokens=tokens):
            pass


def crowd(model: LanguageModel, tokens: int, learners: int, scored: bool = True) -> None:
    """As many learners as that at once, each with a text and a seed of its own; the passes only unless ``scored``."""
    texts = [f"{TEXT} Begin with the year {1800 + 3 * number}." for number in range(learners)]

    def learn(number: int) -> None:
        prompt = model.encode(texts[number], chat=True)
        if scored:
            for _ in model.write(prompt, DIALS, seed=number, max_tokens=tokens):
                pass
            return
        ids, cache = prompt.ids, None
        for _ in range(tokens):
            logits, cache = model._writer.read(ids, cache)
            ids = (int(logits[-1].argmax()),)

    with ThreadPoolExecutor(learners) as seats:
        list(seats.map(learn, range(learners)))


def endless() -> tuple[LanguageModel, LanguageModel, Any]:
    """The playground's model with its end token switched off, so that every run has the same length.

    Also the same by torch, where another runtime writes for it; and the library's model inside, which so has the same
    device and number type.
    """
    from engines.models import weights
    from engines.text.transformer import Network

    model = language_model.load(progress=weights.ConsoleBar())
    stock = model._network.model
    stock.generation_config.eos_token_id = None
    network = Network(stock)
    network.try_out()
    about: dict[str, Any] = {"name": model.name, "revision": model.revision}
    by_torch = LanguageModel(network, model._tokenizer, **about)
    if model._quick is None:
        return by_torch, by_torch, stock
    model._quick.eos_ids = frozenset()
    return LanguageModel(network, model._tokenizer, quick=model._quick, **about), by_torch, stock


def generate(stock: Any, prompt: Prompt, tokens: int) -> None:
    """What a user of the library would run, on the model's own device."""
    import torch

    ids = torch.tensor([prompt.ids], device=stock.device)
    worker.call(  # a second thread with helpers of its own would slow both rivals
        stock.generate,
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=tokens,
        do_sample=True,
        temperature=DIALS.temperature,
        top_p=DIALS.top_p,
        top_k=DIALS.top_k,
    )


def start(name: str, environment: dict[str, str], aim: str) -> list[Row]:
    """From ``python app.py`` to a page, to the first lesson's first answer, and to the language model's."""
    from gradio_client import Client

    started = time.perf_counter()
    with playground("?lesson=sampling", environment) as (url, app):
        page = time.perf_counter() - started
        before = resident_bytes(app)
        client = Client(url, verbose=False)
        client.predict("strawberry", "o200k", api_name="/tokenize")
        lesson = time.perf_counter() - started
        client.predict("The capital of France is", api_name="/next_token")
        answer = time.perf_counter() - started
        asked = time.perf_counter()
        client.predict("The capital of Italy is", api_name="/next_token")
        again = time.perf_counter() - asked
        after = resident_bytes(app)
    return [
        (f"start to page ({name})", f"{page:.1f} s", ""),
        (f"start to the first lesson's answer ({name})", f"{lesson:.1f} s", aim),
        (f"start to the language model's first answer ({name})", f"{answer:.1f} s", ""),
        ("next live answer", f"{1000 * again:.0f} ms", ""),
        ("memory of the app before and after its engine loads", f"{mib(before)}, {mib(after)}", ""),
    ]


if __name__ == "__main__":
    main()
