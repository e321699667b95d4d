"""How much memory one more model may take: what is free, within every bound, beside all that is loaded."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from engines.evidence import PlainError
from engines.models import hardware, memory

GB = 10**9


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A machine of 16 GB with 10 GB free and no control group; gives the folder for the groups' files."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=16 * GB, available=10 * GB))
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "OURS", tmp_path / "ours")
    monkeypatch.setattr(memory, "MAPS", tmp_path / "maps")
    monkeypatch.setenv("PLAYGROUND_DEVICE", "cpu")
    for function in (hardware.device_name, hardware.precision):
        function.cache_clear()
    yield tmp_path
    for function in (hardware.device_name, hardware.precision):
        function.cache_clear()


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_without_bounds_it_is_what_the_system_says(machine: Path) -> None:
    assert memory.total() == 16 * GB and memory.available() == 10 * GB


def test_a_container_of_version_2_bounds_it(machine: Path) -> None:
    (machine / "ours").write_text("0::/\n")
    group(
        machine / "cgroup", memory__max=f"{4 * GB}\n", memory__current=f"{3 * GB}\n",
        memory__stat=f"anon {GB}\nfile {2 * GB}\nshmem {GB // 2}\n",
    )  # fmt: skip
    assert memory.total() == 4 * GB
    assert memory.available() == 4 * GB - (3 * GB - 3 * GB // 2), "files that are only kept could be forgotten"


def test_the_bound_of_a_group_further_out_counts(machine: Path) -> None:
    (machine / "ours").write_text("0::/school.slice/playground.service\n")
    group(machine / "cgroup" / "school.slice" / "playground.service", memory__max="max\n", memory__current="5\n")
    group(machine / "cgroup" / "school.slice", memory__max=f"{6 * GB}\n", memory__current=f"{5 * GB}\n")
    assert memory.total() == 6 * GB and memory.available() == GB


def test_a_container_of_version_1_bounds_it(machine: Path) -> None:
    (machine / "ours").write_text("5:cpu:/\n4:memory:/docker/abc\n0::/\n")
    group(
        machine / "cgroup" / "memory", memory__limit_in_bytes=f"{2 * GB}", memory__usage_in_bytes=f"{GB}",
        memory__stat=f"total_cache {GB // 2}\ntotal_shmem 0\n",
    )  # fmt: skip
    assert memory.total() == 2 * GB and memory.available() == 3 * GB // 2, "the group's own folder is not there"


def test_nothing_left_is_nothing_and_not_less(machine: Path) -> None:
    (machine / "ours").write_text("0::/\n")
    group(machine / "cgroup", memory__max=f"{GB}\n", memory__current=f"{2 * GB}\n")
    assert memory.available() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the map of a process is Linux's")
def test_weights_mapped_from_their_file_are_counted_as_taken(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(bytes(8 << 20))
    before = memory.mapped_weights()
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ):
        assert memory.mapped_weights() == before + (8 << 20)
    assert memory.mapped_weights() == before


def test_a_second_copy_is_judged_by_what_the_first_has_left(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On 12 GB a model of 1.7 billion numbers and its smeared copy were both accepted, each by the machine's total."""
    numbers = 1_700_000_000
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=12 * GB, available=11 * GB))
    assert hardware.check_fits("The model", numbers, in_parts=False).fits
    (machine / "maps").write_text(f"0-{4 * numbers:x} rw-p 00000000 fe:00 1  /home/a b/model.safetensors\n")
    with pytest.raises(PlainError, match=r"A copy needs about 10\.2 GB.*This machine has 4\.2 GB free"):
        hardware.check_fits("A copy", numbers, in_parts=False)
