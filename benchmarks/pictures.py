"""How fast the sculptor is: prints a markdown table.

    python -m benchmarks.pictures                  # about a minute on two CPU cores
    python -m benchmarks.pictures --model FOLDER   # another painter
    python -m benchmarks.pictures --untrained      # the pocket painter's shape with random weights

Each row is measured in one process, alternately with the stock pipeline call, and the best round of each
counts: on a machine that does other things too, the fastest round is the one least disturbed.
``--cpu-time`` counts the processor seconds of this process instead of the clock, for such machines.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engines.diffusion import Painter, Plan, denoise, load, paint

CAPTION = "a red car to the left of a cat in the snow"
GUIDANCE = 4.0
BATCH = 8
Row = tuple[str, str, str]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the picture engine against the stock pipeline.")
    parser.add_argument("--model", help="a painter's folder or hub id (the bundled one)")
    parser.add_argument("--untrained", action="store_true", help="random weights in the pocket painter's shape")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="processor threads (PyTorch's own choice)")
    parser.add_argument("--cpu-time", action="store_true", help="processor seconds instead of the clock")
    options = parser.parse_args(arguments)
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    painter = untrained() if options.untrained else load(options.model)
    clock = time.process_time if options.cpu_time else time.perf_counter
    rows = measure(painter, options.steps, options.rounds, clock)
    print(f"\n{describe(painter, options.steps, options.cpu_time)}\n")
    print("| what | measured | aim |\n| --- | --- | --- |")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def measure(painter: Painter, steps: int, rounds: int, clock: Callable[[], float] = time.perf_counter) -> list[Row]:
    """The traced loop in its costumes against the stock call, a batch against single runs, and memory."""

    def plan(**changes: Any) -> Plan:
        return Plan(CAPTION, steps=steps, guidance_scale=GUIDANCE, **changes)

    def run(**changes: Any) -> Callable[[], Any]:
        return lambda: list(denoise(painter, plan(**changes)))

    stock, traced, previewed, mapped, everything = best(
        rounds,
        clock,
        lambda: stock_call(painter, steps),
        run(),
        run(previews=True),
        run(record_attention=True),
        run(previews=True, canvas=True, record_attention=True),
    )
    seeds = tuple(range(BATCH))
    together, apart = best(
        max(1, rounds // 2),
        clock,
        run(seeds=seeds),
        lambda: [paint(painter, plan(seeds=(seed,))) for seed in seeds],
    )
    quiet, loud = (
        peak_memory(painter, one)
        for one in (lambda: stock_call(painter, steps), run(previews=True, record_attention=True))
    )
    return [
        ("stock pipeline call", f"{stock:.2f} s", ""),
        ("traced loop, previews off", f"{traced:.2f} s, {traced / stock:.2f}×", "at most 1.05×"),
        ("with every preview", f"{previewed:.2f} s, {previewed / stock:.2f}×", "at most 1.6×"),
        ("with word maps", f"{mapped:.2f} s, {mapped / stock:.2f}×", "at most 1.5×"),
        ("previews, canvas and word maps", f"{everything:.2f} s, {everything / stock:.2f}×", ""),
        (f"{BATCH} seeds in one batch", f"{together:.2f} s", ""),
        (f"{BATCH} seeds one by one", f"{apart:.2f} s, {apart / together:.2f}× the batch", ""),
        ("memory added by the stock call", f"{quiet / 2**20:.0f} MiB", ""),
        ("memory added by the traced loop, previews and maps", f"{loud / 2**20:.0f} MiB", ""),
    ]


def stock_call(painter: Painter, steps: int) -> Any:
    """What a user of the library would run."""
    import torch

    generator = torch.Generator("cpu").manual_seed(0)
    return painter.pipeline(
        CAPTION, num_inference_steps=steps, guidance_scale=GUIDANCE, generator=generator, output_type="np"
    ).images


def best(rounds: int, clock: Callable[[], float], *runs: Callable[[], Any]) -> list[float]:
    """The fastest of ``rounds`` of each run in seconds, measured alternately after one warm-up each."""
    seconds: list[list[float]] = [[] for _ in runs]
    for each in range(rounds + 1):
        for run, taken in zip(runs, seconds, strict=True):
            began = clock()
            run()
            if each:
                taken.append(clock() - began)
    return [min(taken) for taken in seconds]


def peak_memory(painter: Painter, run: Callable[[], Any]) -> int:
    """Bytes that a run adds at its peak: the card's own count, or this process's resident memory."""
    import psutil
    import torch

    gc.collect()
    if painter.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return torch.cuda.max_memory_allocated() - before
    process, done = psutil.Process(), threading.Event()
    before = highest = process.memory_info().rss

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.005):
            highest = max(highest, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    run()
    done.set()
    watcher.join()
    return highest - before


def untrained() -> Painter:
    """Random weights in the shape of the pocket painter, loaded from disk like any other."""
    import torch
    from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    from engines.pocket_autoencoder import PocketAutoencoder

    torch.manual_seed(0)
    tokenizer = CLIPTokenizer(model_max_length=32)
    for word in CAPTION.split():
        tokenizer.add_tokens(word)
    unet = UNet2DConditionModel(
        sample_size=16, block_out_channels=(64, 128, 160), layers_per_block=1, cross_attention_dim=160,
        attention_head_dim=8, norm_num_groups=16,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    text = CLIPTextConfig(
        vocab_size=1024, hidden_size=160, intermediate_size=640, num_hidden_layers=3, num_attention_heads=5,
        max_position_embeddings=32, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    schedule = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    pipeline: Any = StableDiffusionPipeline(
        vae=PocketAutoencoder(), text_encoder=CLIPTextModel(text), tokenizer=tokenizer, unet=unet, scheduler=schedule,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        pipeline.save_pretrained(folder)
        return load(Path(folder))


def describe(painter: Painter, steps: int, cpu_time: bool) -> str:
    """One line: painter, machine and settings."""
    import diffusers
    import torch

    cuda = painter.device.type == "cuda"
    card = torch.cuda.get_device_name() if cuda else platform.processor() or platform.machine()
    machine = card if cuda else f"{card}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    load_now = f", load {os.getloadavg()[0]:.0f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{painter.name} ({painter.revision}), {steps} passes, guidance {GUIDANCE:g}, {painter.dtype}; "
        f"{machine}{load_now}; "
        f"torch {torch.__version__}, diffusers {diffusers.__version__}; {'processor' if cpu_time else 'clock'} seconds"
    )


if __name__ == "__main__":
    main()
