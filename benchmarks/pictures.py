"""How fast the sculptor is: prints a markdown table.

    python -m benchmarks.pictures                  # about a minute on two CPU cores
    python -m benchmarks.pictures --model FOLDER   # another painter
    python -m benchmarks.pictures --untrained      # the pocket painter's shape with random weights
    python -m benchmarks.pictures --memory         # only how much memory it takes

Times are measured in one process, alternately with the stock pipeline call, and the best round of each counts.
``--cpu-time`` counts the processor seconds of this process instead of the clock, for machines that do other things
too. Memory is measured in a process of its own for each row, which loads the painter and paints once.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import Row, apart, best, mib, peak_memory, report, resident_bytes
from engines.models import worker
from engines.pictures.diffusion import Painter, Plan, denoise, load, paint
from engines.stickers.scenes import Kind

CAPTION = "a red car to the left of a cat in the snow"
GUIDANCE = 4.0
BATCH = 8
CLASS = 30
COLUMNS = ("what", "measured", "aim")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the picture engine against the stock pipeline.")
    parser.add_argument("--model", help="a painter's folder or hub id (the bundled one)")
    parser.add_argument("--untrained", action="store_true", help="random weights in the pocket painter's shape")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="processor threads (PyTorch's own choice)")
    parser.add_argument("--cpu-time", action="store_true", help="processor seconds instead of the clock")
    parser.add_argument("--memory", action="store_true", help="only the memory")
    options = parser.parse_args(arguments)
    held = memory(options.model, options.untrained, options.threads, options.steps)
    painter = ready(options.model, options.untrained, options.threads)
    clock = time.process_time if options.cpu_time else time.perf_counter
    rows: list[Row] = []
    if not options.memory:
        rows = [*measure(painter, options.steps, options.rounds, clock), *search(clock), learner(clock)]
    settings = f"{painter.name} ({painter.revision}), {options.steps} passes, guidance {GUIDANCE:g}"
    number_type = f"{painter.dtype} on {painter.device}"
    report(COLUMNS, rows + held, settings, number_type, f"{'processor' if options.cpu_time else 'clock'} seconds")


def ready(model: str | None, random: bool, threads: int | None) -> Painter:
    """The painter that the options ask for, and as many threads."""
    import torch

    if threads:
        torch.set_num_threads(threads)
    return untrained() if random else load(model)


def measure(painter: Painter, steps: int, rounds: int, clock: Callable[[], float] = time.perf_counter) -> list[Row]:
    """The traced loop in its costumes against the stock call, and a batch against single runs."""

    def plan(**changes: Any) -> Plan:
        return Plan(CAPTION, steps=steps, guidance_scale=GUIDANCE, **changes)

    def run(**changes: Any) -> Callable[[], Any]:
        return lambda: list(denoise(painter, plan(**changes)))

    stock, traced, previewed, mapped, everything = best(
        rounds,
        lambda: stock_call(painter, steps),
        run(),
        run(previews=True),
        run(record_attention=True),
        run(previews=True, canvas=True, record_attention=True),
        clock=clock,
    )
    seeds = tuple(range(BATCH))
    together, apart = best(
        max(1, rounds // 2),
        run(seeds=seeds),
        lambda: [paint(painter, plan(seeds=(seed,))) for seed in seeds],
        clock=clock,
    )

    def learn(seed: int) -> None:
        paint(painter, plan(seeds=(seed,), previews=True))

    def crowd(learners: int) -> None:
        with ThreadPoolExecutor(learners) as seats:
            list(seats.map(learn, range(learners)))

    crowded, in_turn = best(1, lambda: crowd(CLASS), lambda: crowd(1), clock=clock)
    return [
        ("stock pipeline call", f"{stock:.2f} s", ""),
        ("traced loop, previews off", f"{traced:.2f} s, {traced / stock:.2f}×", "at most 1.05×"),
        ("with every preview", f"{previewed:.2f} s, {previewed / stock:.2f}×", "at most 1.6×"),
        ("with word maps", f"{mapped:.2f} s, {mapped / stock:.2f}×", "at most 1.5×"),
        ("previews, canvas and word maps", f"{everything:.2f} s, {everything / stock:.2f}×", ""),
        (f"{BATCH} seeds in one batch", f"{together:.2f} s", ""),
        (f"{BATCH} seeds one by one", f"{apart:.2f} s, {apart / together:.2f}× the batch", ""),
        (f"{CLASS} learners at once, with every preview", f"{crowded:.2f} s", ""),
        ("a class against one after another", f"{CLASS * in_turn / crowded:.2f}×", "on a card at least 8×"),
    ]


SIGHTS: dict[str, Kind] = {
    "one thing": "single",
    "two things": "pair",
    "several alike": "count",
    "a sign": "sign",
}


def search(clock: Callable[[], float] = time.perf_counter, rounds: int = 3) -> list[Row]:
    """The three nearest of all training scenes: by sort of unseen scene, and the first search of a process.

    The first opens the index and decodes stickers; each sort shows the slowest of three scenes.
    """
    from engines.stickers import nearest, scenes

    index = nearest.load()
    what = f"nearest of {len(index.codes):,} training scenes, drawn and compared"
    rows: list[Row] = []
    for sight, kind in SIGHTS.items():
        pictures = [np.asarray(scenes.scene(seed, kind).picture) for seed in range(900_000_000, 900_000_003)]
        slowest = max(best(rounds, *(partial(index.nearest, picture) for picture in pictures), clock=clock))
        rows.append((f"{what}: {sight}", f"{slowest:.2f} s", "at most 0.3 s"))
    first = [apart(first_search, kind, clock is time.process_time) for kind in SIGHTS.values()]
    return [*rows, (f"{what}: the first in a process", f"{max(first):.2f} s", "at most 0.3 s")]


def first_search(kind: Kind, cpu_time: bool) -> float:
    """Seconds that this process takes to open the index and search it once."""
    from engines.stickers import nearest, scenes

    picture = np.asarray(scenes.render(scenes.plan(900_000_000, kind), 900_000_000).picture)
    clock = time.process_time if cpu_time else time.perf_counter
    began = clock()
    nearest.load().nearest(picture)
    return clock() - began


def learner(clock: Callable[[], float] = time.perf_counter, steps: int = 3000) -> Row:
    """The two-dimensional denoiser that a learner trains on the noising lesson's spiral, with its way back."""
    from engines.pictures import points

    spiral = points.sample_drawing("spiral", 1000, 0).clip(-1, 1)

    def trained(steps: int) -> np.ndarray:
        *_, last = points.train(spiral, points.Training(steps, 60.0, seed=0, report_every=max(1, steps // 30)))
        return points.paint(last.denoiser, 400, seed=0).positions[-1]

    trained(20)  # the libraries and kernels it needs
    began = clock()
    samples = trained(steps)
    near = points.nearest(samples, spiral) <= 0.06 * np.sqrt(spiral.var(axis=0).mean())
    measured = f"{clock() - began:.1f} s, {near.mean():.0%} of its points land on the spiral"
    return f"2-D denoiser: {steps:,} steps and the way back", measured, "about 10 s"


def memory(model: str | None, random: bool, threads: int | None, steps: int) -> list[Row]:
    """The memory of a whole process that paints once, by the stock call and by the loop with all that it shows."""
    whole = "memory of a process, painter loaded and at its peak"
    return [
        (f"{whole}: {name}", apart(footprint, model, random, threads, steps, traced), "")
        for name, traced in (("stock call", False), ("traced loop, previews and maps", True))
    ]


def footprint(model: str | None, random: bool, threads: int | None, steps: int, traced: bool) -> str:
    """This process's memory with the painter loaded, and its peak after one picture."""
    painter = ready(model, random, threads)
    loaded = mib(resident_bytes())
    if traced:
        shown = Plan(CAPTION, steps=steps, guidance_scale=GUIDANCE, previews=True, record_attention=True)
        events = list(denoise(painter, shown))
        assert events[-1].finished
    else:
        stock_call(painter, steps)
    return f"{loaded}, {peak_memory()}"


def stock_call(painter: Painter, steps: int) -> Any:
    """What a user of the library would run."""
    import torch

    generator = torch.Generator("cpu").manual_seed(0)
    options = {"num_inference_steps": steps, "guidance_scale": GUIDANCE, "generator": generator, "output_type": "np"}
    return worker.call(painter.pipeline, CAPTION, **options).images  # where ours computes: see engines/models/worker.py


def untrained() -> Painter:
    """Random weights in the shape of the pocket painter, loaded from disk like any other."""
    import torch
    from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    from engines.pictures.pocket_autoencoder import PocketAutoencoder

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


if __name__ == "__main__":
    main()
