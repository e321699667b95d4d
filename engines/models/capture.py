"""A network's call recorded once on a card and replayed: thousands of small launches become one.

Most of the time of a small network on a card goes into launching its kernels one by one. A CUDA graph (Nguyen et al.
2021, "Accelerating PyTorch with CUDA Graphs") holds them all; a replay computes the same kernels on whatever was copied
to where they read, so the weights must stay where they are. Each set of shapes needs a graph of its own. Where a call
cannot be recorded, or its first replay says anything else than the plain call, calls stay plain.
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger("playground")
MOST = 8
"""Graphs of one network; the one that was not used for longest goes first."""
PLAIN_FIRST = 2
"""Calls of one set of shapes before it is recorded: libraries have chosen their kernels, and it is likely to come
again."""
TRIED_AGAIN = 1000
"""Plain calls of one set of shapes after the card had no room to record it."""
WARM_UPS = 3
"""Calls before the recording, as torch asks for: what allocates and chooses only once has done so."""
Output = TypeVar("Output")
Recorded = tuple[Callable[[], None], Output]


def filled_up(rows: int) -> int:
    """So many rows that a few recorded calls serve any number: the next of 2, 4, 8, …"""
    return max(2, 1 << (rows - 1).bit_length())


def record(call: Callable[[], Output], prepare: Callable[[], None] = lambda: None) -> Recorded[Output]:
    """``call`` as a CUDA graph: what replays it, and what it gave, which holds its output afterwards.

    ``prepare`` goes before each call until then and is no part of it. RuntimeError where it cannot be recorded.
    """
    import torch

    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UPS):
            prepare()
            call()
    torch.cuda.current_stream().wait_stream(aside)
    torch.cuda.synchronize()
    prepare()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads go on allocating meanwhile
        output = call()
    return graph.replay, output


class Captured:
    """``network(**inputs)``, which gives one tensor, replayed where its inputs lie on a card. Tensors may be nested in
    dictionaries. ``recording`` makes the graph; another one plays it in tests."""

    def __init__(
        self,
        network: Callable[..., Tensor],
        recording: Callable[[Callable[[], Tensor]], Recorded[Tensor]] | None = None,
    ) -> None:
        self._network, self._recording = network, recording
        self._graphs: OrderedDict[Any, tuple[list[Tensor], Recorded[Tensor]]] = OrderedDict()
        self._seen: Counter[Any] = Counter()
        self.plain = False

    def on(self, device: Any) -> bool:
        """Whether calls on ``device`` are replayed."""
        return not self.plain and device.type == "cuda"

    def __call__(self, **inputs: Any) -> Tensor:
        from torch.utils._pytree import tree_flatten, tree_unflatten

        tensors, form = tree_flatten(inputs)
        if not self.on(tensors[0].device):
            return self._network(**inputs)
        key = str(form), tuple((tensor.shape, tensor.dtype) for tensor in tensors)
        if key not in self._graphs:
            output = self._network(**inputs)
            self._seen[key] += 1
            if self._seen[key] > PLAIN_FIRST:
                held = [tensor.clone() for tensor in tensors]
                self._keep(key, held, lambda: self._network(**tree_unflatten(held, form)), output)
            return output
        self._graphs.move_to_end(key)
        held, (replay, output) = self._graphs[key]
        for place, tensor in zip(held, tensors, strict=True):
            place.copy_(tensor)
        replay()
        return output.clone()

    def _keep(self, key: Any, held: list[Tensor], call: Callable[[], Tensor], expected: Tensor) -> None:
        """Record a call whose inputs lie in ``held``, if its replay gives what the plain call gave."""
        import torch

        try:
            replay, output = (self._recording or record)(call)
            replay()
            close = torch.allclose(output.float(), expected.float(), rtol=0.02, atol=0.02 * float(expected.abs().max()))
            if not close:
                raise RuntimeError("a replay does not say what the plain call says")
        except torch.OutOfMemoryError:
            self._seen[key] = -TRIED_AGAIN
            log.warning("the card has no room to record a call of this shape; it stays plain for a while")
            return
        except (RuntimeError, NotImplementedError) as error:
            self.plain = True
            self._graphs.clear()
            log.warning("calls of this network are not replayed: %s", str(error).splitlines()[0][:200])
            return
        self._graphs[key] = held, (replay, output)
        if len(self._graphs) > MOST:
            self._graphs.popitem(last=False)
