"""Main memory: how much the machine or its container has, and how much of it one more model may take.

All sizes are in bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
OURS = Path("/proc/self/cgroup")
MAPS = Path("/proc/self/maps")


@dataclass(frozen=True)
class Limit:
    """A control group's bound on memory, and what its processes use beyond files the system could forget."""

    bound: int
    used: int


def total() -> int:
    """The machine's memory, or the least that a control group around this process allows."""
    import psutil

    return min([int(psutil.virtual_memory().total), *(limit.bound for limit in limits())])


def available() -> int:
    """What one more model may take beside everything that is loaded.

    Weights are read from their files through the system's memory map, so the system counts them as memory that it
    could take back at any time. A model that is used needs them, so they are counted as taken here (on Linux).
    """
    import psutil

    free = [int(psutil.virtual_memory().available), *(limit.bound - limit.used for limit in limits())]
    return max(0, min(free) - mapped_weights())


def mapped_weights() -> int:
    """How much of this process's memory is weight files, mapped as they lie on the disk."""
    try:
        lines = MAPS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    spans = (line.split(maxsplit=1)[0].split("-") for line in lines if line.endswith(".safetensors"))
    return sum(int(end, 16) - int(start, 16) for start, end in spans)


def limits() -> Iterator[Limit]:
    """The bounds of the control groups (Linux cgroups, version 2 or 1) around this process, nearest first."""
    for folder in _groups():
        bound = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes")
        if bound is not None:
            yield Limit(bound, max(0, (used or 0) - _forgettable(folder)))


def _groups() -> Iterator[Path]:
    """This process's group and those around it; inside a container only the topmost may be there."""
    try:
        lines = OURS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):  # version 2 has one hierarchy without a name
            top = GROUPS / controllers
            own = top / path.strip("/")
            yield from (folder for folder in (own, *own.parents) if folder == top or top in folder.parents)


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # "max" is no number
        return None


def _forgettable(folder: Path) -> int:
    """Pages of files that are kept in case somebody reads them again; shared memory counts as file and is not."""
    try:
        rows = dict(line.split(maxsplit=1) for line in (folder / "memory.stat").read_text().splitlines())
        return max(
            int(rows.get("file", 0)) - int(rows.get("shmem", 0)),
            int(rows.get("total_cache", 0)) - int(rows.get("total_shmem", 0)),
        )
    except (OSError, ValueError):
        return 0
