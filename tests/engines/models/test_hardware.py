"""Device, number type, memory policy and the ZeroGPU decorator, with the hardware made up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from engines.evidence import PlainError
from engines.models import hardware


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("PLAYGROUND_DEVICE", raising=False)
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    for function in (hardware.device_name, hardware.precision):
        function.cache_clear()
    yield
    for function in (hardware.device_name, hardware.precision):
        function.cache_clear()


def test_a_cpu_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setenv("PLAYGROUND_DEVICE", "cpu")
    assert hardware.device() == torch.device("cpu") and hardware.dtype() == torch.float32
    assert hardware.free_bytes() > 2**28


def test_what_torch_keeps_of_a_card_for_later_counts_as_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a lesson of pictures a language model was loaded in half precision, or refused, for want of that memory."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1000, 9000))
    idle = {"total_size": 500, "allocated_size": 0, "segment_pool_id": (0, 0)}
    kept = [idle, {**idle, "allocated_size": 10}, {**idle, "segment_pool_id": (1, 0)}]
    monkeypatch.setattr(torch.cuda, "memory_snapshot", lambda: kept)
    assert hardware.free_bytes("cuda") == 1500


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_DEVICE", "mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(PlainError, match="asks for 'mps', but this machine offers: cpu"):
        hardware.device_name()


@pytest.mark.parametrize(("capability", "kind"), [((7, 5), "float16"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")])
def test_a_card_computes_in_the_half_precision_it_is_fast_at(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], kind: str
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert hardware.precision("cuda") == kind


def test_savings_come_in_the_order_of_their_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    gibi = hardware.GIBI
    roomy, tight, over = (hardware.place(gibi, on="cuda", memory=memory * gibi) for memory in (8, 3, 2))
    assert (roomy.slice_attention, roomy.tile_autoencoder, roomy.offload) == (False, False, False)
    assert (tight.slice_attention, tight.tile_autoencoder, tight.offload) == (True, True, False)
    assert over.offload and over.fits
    assert not hardware.place(gibi, on="cpu", memory=2 * gibi).fits


def test_elsewhere_the_decorator_gives_back_the_function_itself() -> None:
    def function() -> int:
        return 1

    assert hardware.gpu(duration=5)(function) is function


def test_on_zero_gpu_the_function_is_wrapped_with_its_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    spaces = ModuleType("spaces")
    asked: list[Any] = []

    def zero_gpu(duration: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        asked.append(duration)
        return lambda function: lambda *args: ("on the card", function(*args))

    spaces.GPU = zero_gpu  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    wrapped = hardware.gpu(duration=90)(lambda x: x + 1)
    assert wrapped(1) == ("on the card", 2) and asked == [90]
    assert hardware.model_device() == "cuda" and hardware.precision("cuda") == "bfloat16"
    assert hardware.device_name() == "cpu", "the server's own process has no card"


def test_without_the_package_zero_gpu_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    monkeypatch.setitem(sys.modules, "spaces", None)

    def function() -> int:
        return 1

    assert hardware.gpu()(function) is function


def test_only_the_parts_of_a_pipeline_are_counted(tmp_path: Path) -> None:
    def save(path: Path, numbers: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"weight": torch.zeros(numbers)}, path)

    (tmp_path / "model_index.json").write_text('{"_class_name": "X", "unet": ["a", "b"], "vae": ["a", "b"]}')
    save(tmp_path / "unet" / "model.safetensors", 10)
    save(tmp_path / "unet" / "model.fp16.safetensors", 10)
    save(tmp_path / "vae" / "model.safetensors", 3)
    for part in (1, 2):
        save(tmp_path / "unet" / f"model.bf16-0000{part}-of-00002.safetensors", 5)
    save(tmp_path / "v1-5-pruned.safetensors", 1000)
    assert hardware.numbers_in(tmp_path) == 13
    text = tmp_path / "text"
    save(text / "model.safetensors", 7)
    save(text / "consolidated.safetensors", 7)
    assert hardware.numbers_in(text) == 7
