"""What the benchmarks share: rivals against the clock, memory, the machine in words, and the table.

Rivals take turns in one process and the best round of each counts: on a machine that does other things too, the
fastest round is the one least disturbed.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from engines.models import hardware

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ("torch", "transformers", "diffusers")
Row = tuple[str, ...]
Result = TypeVar("Result")


# --- time -------------------------------------------------------------------------------------------------


def best(rounds: int, *rivals: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """The shortest time of each rival in seconds; they take turns, after one unmeasured round of warming up."""
    seconds = [float("inf")] * len(rivals)
    for measured in range(rounds + 1):
        for place, rival in enumerate(rivals):
            started = clock()
            rival()
            finish()
            if measured:
                seconds[place] = min(seconds[place], clock() - started)
    return seconds


def finish() -> None:
    """Wait for what is still under way on the card: a call may come back before it."""
    import torch

    if hardware.device_name() != "cpu":
        torch.accelerator.synchronize()


# --- memory -----------------------------------------------------------------------------------------------


def apart(function: Callable[..., Result], *arguments: object) -> Result:
    """What a function of a module returns in a new process of its own, whose memory no other run has touched."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def peak_memory() -> str:
    """The most memory that this process has had so far, and the most of the card, where there is one."""
    import torch

    peak = mib(peak_bytes())
    if hardware.device_name() != "cuda":
        return peak
    return f"{peak}, {mib(torch.cuda.max_memory_allocated())} on the card"


def peak_bytes() -> int:
    """The most resident memory that this process has had so far.

    On Linux not ``ru_maxrss``: in a child it is at least the memory of the process that started it.
    """
    import psutil

    status = Path("/proc/self/status")
    highest = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.is_file() else None
    if highest:
        return int(highest[1]) * 1024
    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):  # Windows
        return memory.peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def resident_bytes(process: int | None = None) -> int:
    """Resident memory of a process now, of this one by default."""
    import psutil

    return psutil.Process(process).memory_info().rss


def mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


# --- words ------------------------------------------------------------------------------------------------


def report(columns: Sequence[str], rows: Sequence[Row], *settings: str) -> None:
    """Print the settings and the machine in one line, and the rows as a markdown table."""
    print(f"\n{'; '.join([*settings, describe()])}\n")
    for row in (columns, ["---"] * len(columns), *rows):
        print("| " + " | ".join(row) + " |")


def describe() -> str:
    """The machine, its card if there is one, how busy it is, and the libraries."""
    import torch

    cards = [torch.cuda.get_device_name()] if hardware.device_name() == "cuda" else []
    processor = platform.processor() or platform.machine()
    cores = f"{os.cpu_count()} cores ({processor}, {platform.system()})"
    load = [f"load {os.getloadavg()[0]:.0f}"] if hasattr(os, "getloadavg") else []
    machine = [*cards, cores, f"{torch.get_num_threads()} torch threads", *load]
    libraries = [f"{name} {version(name)}" for name in LIBRARIES]
    return f"{', '.join(machine)}; {', '.join(libraries)}, Python {platform.python_version()}"


# --- the playground ---------------------------------------------------------------------------------------


@contextmanager
def playground(path: str = "", environment: Mapping[str, str] | None = None) -> Iterator[tuple[str, int]]:
    """Start app.py on a free port; its address and process id, once the page at ``path`` answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, "GRADIO_SERVER_PORT": str(port), **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/{path}", app)
        yield url, app.pid
    finally:
        app.terminate()
        app.wait(timeout=30)


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
