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
from typing import Any

from benchmarks.measuring import Row, best, mib, peak_memory, playground, report, resident_bytes
from engines.models import worker
from engines.text import language_model
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Prompt

TEXT = "Tell me how the bicycle was invented."
DIALS = Dials(temperature=0.8, top_p=0.95)
RUNS = 16
CLASS = 30
COLUMNS = ("what", "measured", "aim")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the text engine and the start of the playground.")
    parser.add_argument("--tokens", type=int, default=48, help="length of each text (48)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each measurement (3)")
    parser.add_argument("--cold", action="store_true", help="also start with an empty cache (downloads 93 MB)")
    parser.add_argument("--no-app", action="store_true", help="leave out the start of app.py")
    options = parser.parse_args(arguments)
    model, stock = endless()
    rows = engine(model, stock, options.tokens, options.rounds)
    if not options.no_app:
        rows += start("warm: weights ready", {}, "under 6 s")
    if options.cold:
        with tempfile.TemporaryDirectory() as folder:
            rows += start("cold: empty cache", {"PLAYGROUND_CACHE": folder}, "")
    report(COLUMNS, rows, f"{model.name} ({model.revision}), {stock.dtype} on {stock.device}")


def engine(model: LanguageModel, stock: Any, tokens: int, rounds: int) -> list[Row]:
    """``write`` against ``generate``, a batch against one run after another, and the memory of both."""
    prompt = model.encode(TEXT, chat=True)
    written, generated = best(
        rounds,
        lambda: list(model.write(prompt, DIALS, seed=1, max_tokens=tokens)),
        lambda: generate(stock, prompt, tokens),
    )
    together, apart = best(
        1 if rounds < 3 else rounds - 1,
        lambda: list(model.write_many(prompt, DIALS, seeds=range(RUNS), max_tokens=tokens)),
        lambda: [list(model.write_many(prompt, DIALS, seeds=[s], max_tokens=tokens)) for s in range(RUNS)],
    )
    crowded, in_turn = best(1, lambda: crowd(model, tokens, CLASS), lambda: crowd(model, tokens, 1))
    logits = model.next_token_scores(prompt).logits
    from engines.text.dials import reshape

    (reshaped,) = best(20, lambda: reshape(logits, DIALS, model.piece))
    return [
        ("`write` with scoreboards", f"{tokens / written:.1f} tokens/s", ""),
        ("`model.generate`", f"{tokens / generated:.1f} tokens/s", ""),
        ("`write` against `generate`", f"{generated / written:.2f}×", "at least 0.95×"),
        (f"{RUNS} runs in one batch", f"{RUNS * tokens / together:.1f} tokens/s", ""),
        (f"{RUNS} runs one after another", f"{RUNS * tokens / apart:.1f} tokens/s", ""),
        ("batch against one after another", f"{apart / together:.1f}×", "at least 6×"),
        (f"{CLASS} learners at once, each with scoreboards", f"{CLASS * tokens / crowded:.1f} tokens/s", ""),
        ("a class against one after another", f"{CLASS * in_turn / crowded:.1f}×", "on a card at least 15×"),
        ("a slider reshapes a scoreboard", f"{1000 * reshaped:.1f} ms", "under 100 ms"),
        ("peak memory, engine alone", peak_memory(), ""),
    ]


def crowd(model: LanguageModel, tokens: int, learners: int) -> None:
    """As many learners as that, each with a text and a seed of its own, all at once."""
    texts = [f"{TEXT} Begin with the year {1800 + 3 * number}." for number in range(learners)]

    def learn(number: int) -> None:
        for _ in model.write(model.encode(texts[number], chat=True), DIALS, seed=number, max_tokens=tokens):
            pass

    with ThreadPoolExecutor(learners) as seats:
        list(seats.map(learn, range(learners)))


def endless() -> tuple[LanguageModel, Any]:
    """The playground's model with its end token switched off, so that every run has the same length.

    And the library's model inside it, which so has the same device and number type.
    """
    from engines.models import weights
    from engines.text.transformer import Network

    model = language_model.load(progress=weights.ConsoleBar())
    stock = model._network.model
    stock.generation_config.eos_token_id = None
    network = Network(stock)
    network.try_out()
    return LanguageModel(network, model._tokenizer, name=model.name, revision=model.revision), stock


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
