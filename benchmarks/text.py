"""How fast the typewriter is: prints a markdown table.

    python -m benchmarks.text                  # a few minutes on two CPU cores
    python -m benchmarks.text --cold           # also a first start, which downloads and converts the model
    python -m benchmarks.text --no-app         # the engine only

Each pair is measured in one process, alternately, and the best round of each counts: on a machine that does
other things too, the fastest round is the one least disturbed.
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engines.dials import Dials
from engines.language_model import LanguageModel, Prompt

ROOT = Path(__file__).resolve().parents[1]
TEXT = "Tell me how the bicycle was invented."
DIALS = Dials(temperature=0.8, top_p=0.95)
RUNS = 16
Row = tuple[str, str, str]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the text engine and the start of the playground.")
    parser.add_argument("--tokens", type=int, default=48, help="length of each text (48)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each measurement (3)")
    parser.add_argument("--cold", action="store_true", help="also start with an empty cache (downloads 93 MB)")
    parser.add_argument("--no-app", action="store_true", help="leave out the start of app.py")
    options = parser.parse_args(arguments)
    rows = engine(options.tokens, options.rounds)
    if not options.no_app:
        rows += start("warm: weights ready", {}, "under 6 s")
    if options.cold:
        with tempfile.TemporaryDirectory() as folder:
            rows += start("cold: empty cache", {"PLAYGROUND_CACHE": folder}, "")
    print(f"\n{describe()}\n")
    print("| what | measured | aim |\n| --- | --- | --- |")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def engine(tokens: int, rounds: int) -> list[Row]:
    """``write`` against ``generate``, a batch against one run after another, and the memory of both."""
    model, stock = endless()
    prompt = model.encode(TEXT, chat=True)
    written, generated = best(
        rounds,
        lambda: list(model.write(prompt, DIALS, seed=1, max_tokens=tokens)),
        lambda: generate(stock, prompt, tokens),
    )
    together, apart = best(
        1 if rounds < 3 else rounds - 1,
        lambda: model.write_many(prompt, DIALS, seeds=range(RUNS), max_tokens=tokens),
        lambda: [model.write_many(prompt, DIALS, seeds=[s], max_tokens=tokens) for s in range(RUNS)],
    )
    logits = model.next_token_scores(prompt).logits
    from engines.dials import reshape

    (reshaped,) = best(20, lambda: reshape(logits, DIALS, model.piece))
    return [
        ("`write` with scoreboards", f"{tokens / written:.1f} tokens/s", ""),
        ("`model.generate`", f"{tokens / generated:.1f} tokens/s", ""),
        ("`write` against `generate`", f"{generated / written:.2f}×", "at least 0.95×"),
        (f"{RUNS} runs in one batch", f"{RUNS * tokens / together:.1f} tokens/s", ""),
        (f"{RUNS} runs one after another", f"{RUNS * tokens / apart:.1f} tokens/s", ""),
        ("batch against one after another", f"{apart / together:.1f}×", "at least 6×"),
        ("a slider reshapes a scoreboard", f"{1000 * reshaped:.1f} ms", "under 100 ms"),
        ("peak memory, engine alone", peak_memory(), ""),
    ]


def endless() -> tuple[LanguageModel, Any]:
    """The profile's model with its end token switched off, so that every run has the same length."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from engines import weights
    from engines.transformer import Network

    files = weights.ensure(progress=weights.ConsoleBar())
    stock = AutoModelForCausalLM.from_pretrained(files.path, dtype="float32")
    stock.generation_config.eos_token_id = None
    tokenizer = AutoTokenizer.from_pretrained(files.path)
    return LanguageModel(Network(stock), tokenizer, name=files.name, revision=files.revision), stock


def generate(stock: Any, prompt: Prompt, tokens: int) -> None:
    import torch

    ids = torch.tensor([prompt.ids])
    stock.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=tokens,
        do_sample=True,
        temperature=DIALS.temperature,
        top_p=DIALS.top_p,
        top_k=DIALS.top_k,
    )


def best(rounds: int, *rivals: Callable[[], object]) -> list[float]:
    """The shortest time of each rival in seconds; they take turns, after one unmeasured round of warming up."""
    seconds = [float("inf")] * len(rivals)
    for measured in range(rounds + 1):
        for place, rival in enumerate(rivals):
            started = time.perf_counter()
            rival()
            if measured:
                seconds[place] = min(seconds[place], time.perf_counter() - started)
    return seconds


def start(name: str, environment: dict[str, str], aim: str) -> list[Row]:
    """From ``python app.py`` to a page, and to the first answer of the sampling lesson's model."""
    import psutil
    from gradio_client import Client

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    app = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, "GRADIO_SERVER_PORT": str(port), **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"{url}/?lesson=sampling", app)
        page = time.perf_counter() - started
        before = psutil.Process(app.pid).memory_info().rss
        client = Client(url, verbose=False)
        client.predict("The capital of France is", api_name="/next_token")
        answer = time.perf_counter() - started
        asked = time.perf_counter()
        client.predict("The capital of Italy is", api_name="/next_token")
        again = time.perf_counter() - asked
        after = psutil.Process(app.pid).memory_info().rss
    finally:
        app.terminate()
        app.wait(timeout=30)
    return [
        (f"start to page ({name})", f"{page:.1f} s", ""),
        (f"start to first live answer ({name})", f"{answer:.1f} s", aim),
        ("next live answer", f"{1000 * again:.0f} ms", ""),
        ("memory of the app before and after its engine loads", f"{mib(before)}, {mib(after)}", ""),
    ]


def wait_for(url: str, app: subprocess.Popen[bytes], limit: float = 120) -> None:
    deadline = time.perf_counter() + limit
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if app.poll() is not None or time.perf_counter() > deadline:
                raise SystemExit("app.py did not answer; run it by itself to see why.") from None
            time.sleep(0.05)


def peak_memory() -> str:
    try:
        import resource
    except ImportError:  # Windows
        return "not measured here"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return mib(peak if sys.platform == "darwin" else peak * 1024)


def mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def describe() -> str:
    import torch

    return (
        f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()}), {torch.get_num_threads()} torch "
        f"threads, torch {torch.__version__}, Python {platform.python_version()}"
    )


if __name__ == "__main__":
    main()
