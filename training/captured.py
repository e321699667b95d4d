"""A training step without the host: batches drawn on the device, and the whole step captured once and replayed.

A small model's step is thousands of short kernels, and most of its time goes into launching them one by one. On a card
:class:`Step` records one step, batch, optimisers and moving average included, as a CUDA graph (Nguyen et al. 2021,
"Accelerating PyTorch with CUDA Graphs"), and each further step replays it. Where that fails, and where there is no
card, it takes the same step plainly.

Scripts that did the same ran on an H200 (the third stage of the bundled painter, the second of its autoencoder's
decoder: 25 ms a step instead of about 150). This module is written after them; its capture has not been run on a card
yet. All else is tested on a CPU, where no step of any recipe looks at a value, which is what a capture forbids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from engines.models.capture import WARM_UPS as WARM_UPS
from engines.models.capture import record
from training import tools

CLIP = 1.0
"""The longest that the gradient of a module may be."""


# --- what is drawn ----------------------------------------------------------------------------------------


def cumulative_odds(kinds: Sequence[str], mix: str = "") -> np.ndarray:
    """Running sum, ``[N]``, of how often each of N scenes is drawn: a kind as often as ``mix`` says.

    ``mix`` is ``single=1,pair=2,…``; a kind that it leaves out weighs 1. Without a mix all scenes are alike.
    """
    shares = dict(part.split("=") for part in mix.split(",") if part)
    often = Counter(kinds)
    return np.cumsum([float(shares.get(kind, 1)) / often[kind] if shares else 1.0 for kind in kinds])


def draw(odds: Tensor, count: int) -> Tensor:
    """Indices ``[count]``, each as likely as its step in ``odds`` (:func:`cumulative_odds`, float64, on the device)."""
    where = torch.rand(count, device=odds.device, dtype=odds.dtype) * odds[-1]
    return torch.searchsorted(odds, where, right=True).clamp_(max=len(odds) - 1)


def draw_phrasings(phrasings: Tensor, chosen: Tensor) -> Tensor:
    """One of the K phrasings of each chosen scene: token ids ``[B, length]`` of ``phrasings`` ``[N, K, length]``."""
    which = torch.randint(phrasings.shape[1], chosen.shape, device=chosen.device)
    return phrasings[chosen, which].long()


# --- how it is learnt -------------------------------------------------------------------------------------


class Muon(tools.Muon):
    """``tools.Muon`` with all weights of one shape orthogonalised together; its rate may be a tensor."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    alike.setdefault(weight.flatten(1).shape, []).append(weight)
            for shape, weights in alike.items():
                updates = torch.stack([self.direction(weight, group["momentum"]) for weight in weights])
                rate = group["lr"] * (0.2 * max(shape) ** 0.5)
                for weight, update in zip(weights, tools.orthogonalised(updates), strict=True):
                    weight.sub_(update.reshape(weight.shape).to(weight.dtype) * rate)


class Average(tools.Average):
    """``tools.Average`` whose decay lies on the device, where a replayed step reads it. 1, as at first, keeps all."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        super().__init__(module, decay)
        self.kept = torch.ones((), device=next(module.parameters()).device)

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, 1 - self.kept)
            else:
                self.weights[name].copy_(value)


def capture(step: Callable[[], None], weights: Sequence[Tensor]) -> tuple[Callable[[], None], bool]:
    """``step``, from cleared gradients of ``weights``, as a CUDA graph's replay if they lie on a card; and whether so.

    On a card it is run ``WARM_UPS`` times first. Where it cannot be captured, that is said and it is run plainly.
    """

    def clear() -> None:
        for weight in weights:
            weight.grad = None

    def plainly() -> None:
        clear()
        step()

    if not weights[0].is_cuda:
        return plainly, False
    try:
        return record(step, prepare=clear)[0], True
    except RuntimeError as error:
        print(f"the step cannot be captured, so it is slower: {type(error).__name__}: {str(error)[:300]}", flush=True)
        torch.cuda.synchronize()
        return plainly, False


class Step:
    """One step of training: draw and ``loss``, clipping, Muon and AdamW, moving average.

    ``loss`` draws its batch on the device and returns what is minimised (a scalar) and what is reported (any shape).
    It must not look at a value on the host. ``parts`` are pairs of weights, those for Muon and those for AdamW; each
    part's gradient is clipped on its own. ``average`` follows ``whole``, the module that holds them all.
    """

    def __init__(
        self, loss: Callable[[], tuple[Tensor, Tensor]], parts: Sequence[tuple[Sequence[Tensor], Sequence[Tensor]]],
        whole: nn.Module, average: Average, dtype: torch.dtype,
    ) -> None:  # fmt: skip
        self._loss, self._whole, self._average, self.dtype = loss, whole, average, dtype
        self._weights = [[*hidden, *rest] for hidden, rest in parts]
        where = self._weights[0][0].device
        self._rate = torch.zeros((), device=where)
        on_card = where.type == "cuda"
        self.optimisers: list[torch.optim.Optimizer] = []
        for hidden, rest in parts:
            self.optimisers += [
                Muon(hidden, lr=self._rate, dtype=dtype),  # type: ignore[arg-type]
                torch.optim.AdamW(
                    rest, lr=self._rate, betas=(0.9, 0.99), weight_decay=0, capturable=on_card, foreach=on_card
                ),
            ]  # fmt: skip
        self._sum: Tensor | None = None
        self._steps = self._since = 0
        self._run: Callable[[], None] | None = None
        self.captured = False

    def _once(self) -> None:
        total, reported = self._loss()
        total.backward()  # type: ignore[no-untyped-call]
        for weights in self._weights:
            torch.nn.utils.clip_grad_norm_(weights, CLIP)
        for optimiser in self.optimisers:
            optimiser.step()
        self._average.update(self._whole)
        if self._sum is None:
            self._sum = torch.zeros_like(reported)
        self._sum += reported.detach()

    def _momenta(self) -> list[Tensor]:
        return [value for one in self.optimisers for state in one.state.values() for value in state.values()]

    def _begin(self) -> Callable[[], None]:
        """Capture the step. What its warm-ups change is put back in place; at rate 0 they leave the weights alone."""
        before = {id(momentum): momentum.clone() for momentum in self._momenta()}
        run, self.captured = capture(self._once, [weight for weights in self._weights for weight in weights])
        for momentum in self._momenta():
            momentum.copy_(before[id(momentum)]) if id(momentum) in before else momentum.zero_()
        if self._sum is not None:
            self._sum.zero_()
        return run

    def __call__(self, rate: float) -> None:
        """Take one step at learning rate ``rate``; the first call on a card also captures it."""
        if self._run is None:
            self._run = self._begin()
        self._rate.fill_(rate)
        self._average.kept.fill_(self._average.next_decay())
        self._run()
        self._steps, self._since = self._steps + 1, self._since + 1
        if self._steps % 50 == 0 and self._rate.is_cuda:
            torch.cuda.synchronize()  # so that the clock, which sets the rate, is not ahead of the card

    def reported(self) -> Tensor:
        """The mean of what was reported since the last call."""
        assert self._sum is not None
        mean = self._sum / max(1, self._since)
        self._sum.zero_()
        self._since = 0
        return mean


# --- where it runs ----------------------------------------------------------------------------------------


def wanted(asked: bool | None, where: torch.device) -> bool:
    """Whether steps draw for themselves on ``where``: as ``asked``, else on a card. A card is made ready for it."""
    if asked is False or (asked is None and where.type != "cuda"):
        return False
    if where.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    return True


def precision(where: torch.device, asked: str = "fastest") -> torch.dtype:
    """The dtype of mixed precision: as ``asked``, else bfloat16 on a card and float32 on a CPU."""
    if asked != "fastest":
        return getattr(torch, asked)
    return torch.bfloat16 if where.type == "cuda" else torch.float32
