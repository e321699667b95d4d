"""What every recipe needs: where to run, how precisely, how fast to learn, and how to save safely."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import math
import os
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engines.statistics import Interval

CHECKPOINTS = Path(__file__).parent.parent / "checkpoints"
MODELS = Path(__file__).parent.parent / "models"


def device() -> torch.device:
    """CUDA when it is there, else the CPU with one thread an operation: see :func:`accumulate`."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    torch.set_num_threads(1)
    return torch.device("cpu")


def workers(where: torch.device) -> int:
    """How many shards of a batch to work on at once: 1 on a GPU, else 2 (or ``$TRAINING_THREADS``)."""
    return 1 if where.type == "cuda" else int(os.environ.get("TRAINING_THREADS", "2"))


_pool = ThreadPoolExecutor(int(os.environ.get("TRAINING_THREADS", "2")))


def side_by_side(work: Callable[[Any], Any], items: Sequence[Any], where: torch.device) -> list[Any]:
    """``[work(item) for item in items]``, on the CPU by one thread a worker."""
    return list(map(work, items) if where.type == "cuda" else _pool.map(work, items))


def accumulate(loss_of: Callable[..., Tensor], weights: Sequence[Tensor], shards: Sequence[tuple[Any, ...]]) -> float:
    """Set ``weights``' gradients to those of the mean of ``loss_of(*shard)`` over ``shards``; return that mean.

    The shards are worked on side by side, one thread each. On a busy machine this is many times faster than
    several threads inside each operation, which must wait for each other thousands of times a step.
    """

    def one(shard: tuple[Any, ...]) -> tuple[float, tuple[Tensor | None, ...]]:
        loss = loss_of(*shard)
        return loss.item(), torch.autograd.grad(loss, weights, allow_unused=True)

    results = [one(shards[0])] if len(shards) == 1 else list(_pool.map(one, shards))
    for weight, *parts in zip(weights, *(gradients for _, gradients in results), strict=True):
        known = [part for part in parts if part is not None]
        weight.grad = torch.stack(known).sum(0) / len(shards) if known else None
    return math.fsum(loss for loss, _ in results) / len(shards)


def autocast(
    where: torch.device, dtype: torch.dtype, cache_enabled: bool = True
) -> contextlib.AbstractContextManager[None]:
    """Mixed precision in ``dtype``; nothing at all for float32. A captured step must not cache what it has cast."""
    if dtype == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(where.type, dtype, cache_enabled=cache_enabled)


def encoding_precision(where: torch.device) -> torch.dtype:
    """bfloat16 where the hardware computes it, else float32: emulated, it is hundreds of times slower."""
    native = where.type == "cuda" or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32


def score(share: Interval) -> dict[str, Any]:
    """A share with its interval as JSON values; the rate of no trials is null."""
    return {
        "right": share.successes, "of": share.trials, "rate": round(share.rate, 4) if share.trials else None,
        "low": round(share.low, 4), "high": round(share.high, 4),
    }  # fmt: skip


def fastest_precision(step: Callable[[torch.dtype], object], tries: int = 3) -> torch.dtype:
    """bfloat16 if ``step`` really runs faster in it here, else float32 (measured; weights stay float32)."""
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        step(dtype)
        start = time.perf_counter()
        for _ in range(tries):
            step(dtype)
        seconds[dtype] = (time.perf_counter() - start) / tries
    print("seconds a step:", {str(dtype): round(value, 3) for dtype, value in seconds.items()}, flush=True)
    return min(seconds, key=lambda dtype: seconds[dtype])


def spent(options: Namespace, step: int, began: float) -> float:
    """The share (0…1) of a run that is over: of ``options.steps`` if they are counted, else of ``options.minutes``."""
    return step / options.steps if options.steps else (time.monotonic() - began) / (60 * options.minutes)


def warm_cosine(share: float, warm: float = 0.02, floor: float = 0.02) -> float:
    """Learning rate factor at ``share`` (0…1) of a run: linear warm-up, then a half cosine down to ``floor``."""
    if share < warm:
        return share / warm
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, (share - warm) / (1 - warm))))


def orthogonalised(matrix: Tensor, steps: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrix, roughly, by the quintic Newton–Schulz iteration; of each, for ``[N, r, c]``.

    Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks", with their coefficients.
    It runs in the dtype of ``matrix``; bfloat16 is enough.
    """
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if tall else matrix
    x = x / (torch.linalg.vector_norm(x, dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised, for weights of two or more axes; convolutions are flattened.

    The update is scaled by 0.2·sqrt(max(rows, columns)) so that AdamW's learning rates fit (Liu et al.
    2025, arXiv:2502.16982, eq. 4).
    """

    def __init__(
        self, weights: Iterable[Tensor], lr: float, momentum: float = 0.95, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum})
        self.dtype = dtype

    def direction(self, weight: Tensor, decay: float) -> Tensor:
        """Nesterov's look ahead along the momentum, which moves on: ``[rows, columns]``, not yet orthogonal."""
        assert weight.grad is not None
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        momentum = state["momentum"].lerp_(weight.grad, 1 - decay)
        return weight.grad.lerp(momentum, decay).flatten(1).to(self.dtype)

    @torch.no_grad()
    def _update(self, weight: Tensor, lr: float, decay: float) -> None:
        update = self.direction(weight, decay)
        scale = 0.2 * max(update.shape) ** 0.5
        weight.add_(orthogonalised(update).reshape(weight.shape).to(weight.dtype), alpha=-lr * scale)

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            known = [weight for weight in group["params"] if weight.grad is not None]
            update = functools.partial(self._update, lr=group["lr"], decay=group["momentum"])
            list(map(update, known) if known and known[0].is_cuda else _pool.map(update, known))


def restore(optimiser: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """Take over the momenta of a saved optimiser, not its options: those of a card and of a CPU differ."""
    own = [dict(group) for group in optimiser.param_groups]
    optimiser.load_state_dict(saved | {"param_groups": optimiser.state_dict()["param_groups"]})
    for group, options in zip(optimiser.param_groups, own, strict=True):
        group.update(options)


class Average:
    """An exponential moving average of a module's weights, which also holds its buffers."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.seen = 0
        self.weights = {name: value.detach().clone() for name, value in module.state_dict().items()}

    def next_decay(self) -> float:
        """The decay of the next update: shorter at first, so that the start is soon forgotten."""
        self.seen += 1
        return min(self.decay, (1 + self.seen) / (10 + self.seen))

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        decay = self.next_decay()
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, 1 - decay)
            else:
                self.weights[name].copy_(value)


def save_half(model: Any, folder: Path) -> None:
    """Save a diffusers model in float16, without the folder it was read from: that is this machine's business.

    The model's own weights are rounded to what was saved, in place: a captured step goes on to write where they are.
    """
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.copy_(value.half())
    copy.deepcopy(model).half().save_pretrained(folder)
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config.pop("_name_or_path", None)
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def write_checkpoint(path: Path, state: Any) -> None:
    """Save ``state`` so that ``path`` always holds a whole checkpoint."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    temporary.replace(path)
