"""What this machine can hold: device, number type, memory policy, and the ZeroGPU decorator.

Nothing here imports torch at the top, so that pages can ask cheap questions before an engine loads.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from engines.evidence import PlainError
from engines.models import memory as main_memory
from engines.models import settings
from engines.models.settings import DeviceName

if TYPE_CHECKING:
    import torch

Precision = Literal["float32", "float16", "bfloat16"]
Function = TypeVar("Function", bound=Callable[..., Any])

GIBI = 2**30
LENT_BYTES = 40 * GIBI
"""What a card has that ZeroGPU lends."""


@dataclass(frozen=True)
class Placement:
    """Where and how a model of a given size is held; sizes in bytes."""

    device: DeviceName
    precision: Precision
    memory_bytes: int
    needed_bytes: int
    slice_attention: bool
    tile_autoencoder: bool
    offload: bool

    @property
    def fits(self) -> bool:
        """False when even with every saving the model would not fit."""
        return self.offload or self.needed_bytes <= self.memory_bytes


def on_zero_gpu() -> bool:
    """True on a ZeroGPU Space, where a card is lent only inside a function wrapped by :func:`gpu`."""
    return os.environ.get("SPACES_ZERO_GPU", "").strip().lower() in {"1", "true", "t"}


def has_card() -> bool:
    """Whether an NVIDIA driver is here. Asks the system, not torch, so that a page can know before an engine loads."""
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").is_file()


@cache
def device_name() -> DeviceName:
    """The device this process computes on: ``PLAYGROUND_DEVICE`` if set, else CUDA, else Apple's, else the CPU.

    On ZeroGPU that is the CPU: only what runs through :mod:`engines.models.lending` meets the card, see
    :func:`model_device`.
    Raises PlainError for a device that is unknown or not there.
    """
    import torch

    present: dict[DeviceName, bool] = {
        "cpu": True,
        "cuda": not on_zero_gpu() and torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    wanted = settings.DEVICE.read()
    if not wanted:
        return "cuda" if present["cuda"] else "mps" if present["mps"] else "cpu"
    if not present[wanted]:
        usable = ", ".join(name for name, there in present.items() if there)
        raise PlainError(f"{settings.DEVICE} asks for {wanted!r}, but this machine offers: {usable}.")
    return wanted


def model_device() -> DeviceName:
    """Where the two large engines place their models: the card that ZeroGPU lends, elsewhere :func:`device_name`."""
    return "cuda" if on_zero_gpu() and not settings.DEVICE.read() else device_name()


def device() -> torch.device:
    """:func:`device_name` as a ``torch.device``."""
    import torch

    return torch.device(device_name())


@cache
def precision(on: DeviceName | None = None) -> Precision:
    """The number type for a device: float32 on a CPU, else the best half precision it computes fast.

    Without AMX or AVX512-BF16, half precision on a CPU is hundreds of times slower than float32.
    """
    on = on or device_name()
    if on != "cuda":
        return "float32" if on == "cpu" else "float16"
    import torch

    if on_zero_gpu() or torch.cuda.get_device_capability() >= (8, 0):
        return "bfloat16"
    return "float16"


def dtype(on: DeviceName | None = None) -> torch.dtype:
    """:func:`precision` as a ``torch.dtype``."""
    import torch

    return getattr(torch, precision(on))


def free_bytes(on: DeviceName | None = None) -> int:
    """Memory left for one more model beside all that is loaded: on a card, or in the machine or its container.

    What torch keeps of a card for later use counts as left where no recorded pass needs it: it gives that back before
    it runs out.
    """
    on = on or model_device()
    if on != "cuda":
        return main_memory.available()
    if on_zero_gpu():
        return LENT_BYTES
    import torch

    kept = (part for part in torch.cuda.memory_snapshot() if tuple(part.get("segment_pool_id", (0, 0))) == (0, 0))
    idle = sum(part["total_size"] for part in kept if not part["allocated_size"])
    return int(torch.cuda.mem_get_info()[0]) + idle


def bytes_of(*parts: Any) -> int:
    """The memory that the weights of some networks take; what is no network counts nothing."""
    import torch

    networks = [part for part in parts if isinstance(part, torch.nn.Module)]
    return sum(weight.numel() * weight.element_size() for network in networks for weight in network.parameters())


def place(parameters: int, *, memory: int, on: DeviceName | None = None) -> Placement:
    """How to hold a model of ``parameters`` numbers in so many bytes of memory.

    Activations are allowed half as much again as the weights. Savings come in the order of their cost in
    speed: attention slicing and autoencoder tiling first, then keeping idle parts in main memory.
    """
    on = on or model_device()
    kind = precision(on)
    weights = parameters * (4 if kind == "float32" else 2)
    needed = weights * 3 // 2
    tight = needed > memory * 3 // 4
    offload = on == "cuda" and needed > memory
    return Placement(on, kind, memory, needed, tight, tight, offload)


def check_fits(
    name: str,
    parameters: int,
    *,
    on: DeviceName | None = None,
    memory: int | None = None,
    in_parts: bool = True,
) -> Placement:
    """:func:`place`, or a PlainError that says what to do where the model would not fit.

    ``memory``: the bytes it may take; without it, what :func:`free_bytes` says.
    ``in_parts``: whether its parts can take turns on a card, as those of a pipeline can.
    """
    placement = place(parameters, on=on, memory=free_bytes(on) if memory is None else memory)
    room, where = placement.memory_bytes, "This machine" if placement.device == "cpu" else "The card"
    needed = placement.needed_bytes
    if placement.offload and in_parts:  # only the part at work is on the card; the rest waits in main memory
        room, where, needed = main_memory.available(), "This machine", needed * 2 // 3
    if needed > room:
        raise PlainError(
            f"{name} needs about {needed / 1e9:.1f} GB of memory while it runs. {where} has {room / 1e9:.1f} GB "
            "free. Choose a smaller model."
        )
    return placement


def numbers_in(folder: Path) -> int:
    """How many numbers of a folder's safetensors are loaded, read from their headers; variants counted once.

    Of a pipeline those in the parts that its index names; checkpoints that lie beside them are not loaded.
    """
    total = 0
    for place in _places(folder):
        kinds: dict[str, int] = {"": 0}
        for file in place.glob("*.safetensors"):
            if file.name.startswith("consolidated"):
                continue
            kind = file.name.split(".")[1].split("-")[0]  # fp16 of model.fp16-00001-of-00002.safetensors
            kinds[kind] = kinds.get(kind, 0) + _numbers_of(file, folder)
        total += max(kinds.values())
    return total


def check_whole(folder: Path) -> None:
    """PlainError that names the file when a weight file or the index of a ``from_pretrained`` folder is damaged."""
    numbers_in(folder)


def _places(folder: Path) -> list[Path]:
    index = folder / "model_index.json"
    if not index.is_file():
        return [folder]
    try:
        return [folder / part for part in dict(json.loads(index.read_text(encoding="utf-8")))]
    except (ValueError, TypeError) as error:
        raise _damaged(index, folder) from error


def _numbers_of(file: Path, folder: Path) -> int:
    """How many numbers a safetensors file holds, by its header: 8 bytes of length, JSON, then the numbers' bytes."""
    size = file.stat().st_size
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            header = json.loads(opened.read(length if length < size else 0))
        tensors = [entry for key, entry in header.items() if key != "__metadata__"]
        end = max((entry["data_offsets"][1] for entry in tensors), default=0)
        if size != 8 + length + end:
            raise ValueError(f"{size} bytes, and {8 + length + end} are announced")
        return sum(math.prod(entry["shape"]) for entry in tensors)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise _damaged(file, folder) from error


def _damaged(file: Path, folder: Path) -> PlainError:
    return PlainError(f"{file.name} in {folder.name!r} is damaged or cut short. Fetch or copy it again.")


class Unloaded:
    """What stands in the place of a network that was put away: whoever still uses it is told so."""

    def __getattr__(self, name: str) -> Any:
        raise PlainError("The playground has switched to another model meanwhile. Start the run again.")

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.use()


def give_back() -> None:
    """Return the memory of dropped models to the card and to the system."""
    import gc

    import torch

    gc.collect()
    if device_name() == "cuda":
        torch.cuda.empty_cache()


def gpu(duration: int | Callable[..., int] = 60) -> Callable[[Function], Function]:
    """Decorate a function that needs the card: ``spaces.GPU`` on ZeroGPU, the function itself elsewhere.

    ``duration`` is in seconds, or a function of the same arguments that returns seconds. On ZeroGPU the
    call runs in a forked worker: arguments and results are pickled and module state set there is lost.
    """

    def decorate(function: Function) -> Function:
        if not on_zero_gpu():
            return function
        try:
            spaces = importlib.import_module("spaces")
        except ImportError:
            return function
        return spaces.GPU(duration=duration)(function)

    return decorate
