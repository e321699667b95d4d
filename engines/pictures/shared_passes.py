"""Passes of a UNet that runs of different learners share: other captions, noise and timesteps, one shape.

The network treats each row by itself, so rows of several runs can stand in one batch; guidance, the scheduler and
whatever a plan changes stay with each run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engines.models.batching import Meeting
from engines.models.capture import Captured, filled_up
from engines.pictures.quick import Quick

if TYPE_CHECKING:
    from torch import Tensor

_TEXT = "encoder_hidden_states"
MOST_CELLS = {"cpu": 8_192, "cuda": 65_536}
"""Cells (rows × height × width of the latent) of one shared pass: what its memory and its time are in proportion to."""


@dataclass(frozen=True, eq=False)
class Input:
    """One run's part of a pass: ``batch`` [B, C, h, w] at timestep ``t`` [], and what the network is given beside."""

    batch: Tensor
    t: Tensor
    given: dict[str, Any]


def quick(unet: Callable[[], Any]) -> Quick:
    """The passes of a painter's network, given its captions and nothing else, where there is no card."""
    return Quick(lambda batch, t, text: unet()(batch, t, **{_TEXT: text}, return_dict=False)[0], unet)


def meeting(unet: Callable[[], Any], device: Any, passes: Quick | None = None) -> Meeting[Input, Tensor]:
    """Where the runs of one painter on ``device`` meet; ``unet`` gives its network as it is by then."""
    quickly = passes or quick(unet)

    def network(batch: Tensor, t: Tensor, given: dict[str, Any]) -> Tensor:
        return unet()(batch, t, **given, return_dict=False)[0]

    captured = Captured(network)

    def on_cpu(batch: Tensor, t: Tensor, given: dict[str, Any]) -> Tensor:
        if given.keys() != {_TEXT}:
            return network(batch, t, given)
        return quickly(batch, t.reshape(-1).expand(len(batch)), given[_TEXT])

    def together(inputs: Sequence[Input]) -> list[Tensor]:
        import torch

        on_card = captured.on(device) and not hasattr(unet(), "_hf_hook")  # accelerate takes its weights off and on
        if len(inputs) == 1 and not on_card:
            return [on_cpu(**vars(inputs[0]))]
        rows = [len(one.batch) for one in inputs]
        batch = torch.cat([one.batch for one in inputs])
        times = torch.cat([one.t.reshape(1).to(batch.device).expand(len(one.batch)) for one in inputs])
        whole: dict[str, Any] = {"batch": batch, "t": times, "given": _joined([one.given for one in inputs])}
        if on_card:
            whole = _filled(whole, sum(rows), filled_up(sum(rows)))
            return list(captured(**whole)[: sum(rows)].split(rows))
        return list(on_cpu(**whole).split(rows))

    return Meeting[Input, Any](together, MOST_CELLS.get(device.type, MOST_CELLS["cpu"]))


def _filled(tensors: dict[str, Any], rows: int, wanted: int) -> dict[str, Any]:
    """Each tensor with its last row again, until there are ``wanted``."""
    import torch

    def filled(tensor: Any) -> Any:
        if isinstance(tensor, dict):
            return _filled(tensor, rows, wanted)
        return torch.cat([tensor, tensor[-1:].expand(wanted - rows, *tensor.shape[1:])])

    return {name: filled(tensor) for name, tensor in tensors.items()}


def ask(met: Meeting[Input, Tensor], batch: Tensor, t: Tensor, given: dict[str, Any]) -> Tensor:
    """The network's output [B, C, h, w]. Runs share a pass where their rows have one shape and are given the same."""
    kind = (tuple(batch.shape[1:]), batch.dtype, t.dtype, _shapes(given))
    return met.ask(Input(batch, t, given), size=len(batch) * batch[0, 0].numel(), kind=kind)


def _joined(given: Sequence[dict[str, Any]]) -> dict[str, Any]:
    import torch

    first = given[0]
    return {
        name: _joined([one[name] for one in given])
        if isinstance(first[name], dict)
        else torch.cat([one[name] for one in given])
        for name in first
    }


def _shapes(given: dict[str, Any]) -> tuple[Any, ...]:
    parts = sorted(given.items())
    return tuple((name, _shapes(part) if isinstance(part, dict) else tuple(part.shape[1:])) for name, part in parts)
