"""The quick painter: the passes of a small U-Net by onnxruntime, about twice as fast on a CPU as by torch.

The graphs in ``graphs/`` hold what is computed and no weights: those come from the network in memory, so that one graph
serves every painter of its build, its twins too. ``python -m engines.pictures.quick`` makes them again. What watches or
changes attention, what works on a card, and every other build stays with torch.
"""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.models.catalogue import MODELS

if TYPE_CHECKING:
    from torch import Tensor

Network = Callable[["Tensor", "Tensor", dict[str, Any]], "Tensor"]
log = logging.getLogger("playground")
FOLDER = Path(__file__).parent / "graphs"
BUILDS = {"painter": MODELS / "painter", "signs": MODELS / "signs" / "spelled", "boxes": MODELS / "signs" / "boxes"}
"""A painter of each build that has a graph."""
CLOSE = 1e-3
"""How far a first answer may be from torch's, as a share of its largest number; rounding makes it about 1e-6."""
_GIVEN = {"encoder_hidden_states"}
_INPUTS = ("batch", "t", "text")


class Quick:
    """``network(batch, t, given)`` [B, C, h, w] by the graph of ``unet``, if it has one and lies on a CPU.

    The graph is put together when the first pass is asked for, and its first answer is held against the network's:
    where it says anything else, or cannot be had, passes stay the network's.
    """

    def __init__(self, network: Network, unet: Callable[[], Any]) -> None:
        self._network, self._unet = network, unet
        self._session: Any = None
        self.plain = False

    def __call__(self, batch: Tensor, t: Tensor, given: dict[str, Any]) -> Tensor:
        import torch

        if self.plain or batch.device.type != "cpu" or batch.dtype != torch.float32 or given.keys() != _GIVEN:
            return self._network(batch, t, given)
        halvings = len(self._unet().config.block_out_channels) - 1
        if any(side % 2**halvings for side in batch.shape[2:]):  # the network pads such sizes, its graph does not
            return self._network(batch, t, given)
        if self._session is None:
            return self._first(batch, t, given)
        return self._by_graph(batch, t, given)

    def _by_graph(self, batch: Tensor, t: Tensor, given: dict[str, Any]) -> Tensor:
        import torch

        tensors = (batch, t.reshape(-1).float().expand(len(batch)), given["encoder_hidden_states"])
        fed = {name: tensor.contiguous().numpy() for name, tensor in zip(_INPUTS, tensors, strict=True)}
        return torch.from_numpy(self._session.run(None, fed)[0])

    def _first(self, batch: Tensor, t: Tensor, given: dict[str, Any]) -> Tensor:
        expected = self._network(batch, t, given)
        unet = self._unet()
        try:
            if (graph := graph_of(unet)) is None:
                self.plain = True
                return expected
            self._session = session(graph, unet)
            found = self._by_graph(batch, t, given)
            if not float((found - expected).abs().max()) <= CLOSE * float(expected.abs().max()):
                raise RuntimeError("the graph does not say what the network says")
            return found
        except Exception as error:  # whatever onnxruntime raises: the network itself is always there
            self.plain, self._session = True, None
            log.warning("passes of this painter stay with torch: %s", (str(error).splitlines() or [""])[0][:200])
            return expected


def graph_of(unet: Any) -> Path | None:
    """The graph of a network's build, told by its configuration; None where there is none."""
    built = _build(unet.config)
    for name, folder in BUILDS.items():
        config, graph = folder / "unet" / "config.json", FOLDER / f"{name}.onnx"
        if config.is_file() and graph.is_file() and _build(json.loads(config.read_text())) == built:
            return graph
    return None


def _build(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if not name.startswith("_")}


def session(graph: Path, unet: Any) -> Any:
    """onnxruntime's session of a ``graph`` with the weights of ``unet`` in it."""
    import onnx
    import onnxruntime
    import torch
    from onnx import numpy_helper

    model = onnx.load(graph)
    wanted = [one.name for one in model.graph.input if one.name not in _INPUTS]
    inputs = [one for one in model.graph.input if one.name in _INPUTS]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    weights = unet.state_dict()
    model.graph.initializer.extend(numpy_helper.from_array(weights[name].float().numpy(), name) for name in wanted)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    options.add_session_config_entry("session.force_spinning_stop", "1")  # torch computes on the same cores
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def save(unet: Any, graph: Path) -> None:
    """Write the graph of ``unet`` without its weights: any number of rows, of any size, with captions of any length."""
    import onnx
    import torch

    class Pass(torch.nn.Module):
        def forward(self, batch: Tensor, t: Tensor, text: Tensor) -> Tensor:
            return unet(batch, t, encoder_hidden_states=text, return_dict=False)[0]

    size = unet.config.sample_size
    rows, columns = (size, size) if isinstance(size, int) else size
    batch = torch.zeros(2, unet.config.in_channels, rows, columns)
    text = torch.zeros(2, 16, unet.config.cross_attention_dim)
    network = Pass()
    network.unet = unet.eval()
    buffer: Any = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes that the trace takes for granted, which Quick keeps away
        torch.onnx.export(
            network, (batch, torch.zeros(2), text), buffer, dynamo=False, export_params=False,
            do_constant_folding=False, opset_version=17, input_names=list(_INPUTS), output_names=["noise"],
            dynamic_axes={
                "batch": {0: "rows", 2: "height", 3: "width"}, "t": {0: "rows"}, "text": {0: "rows", 1: "tokens"},
                "noise": {0: "rows", 2: "height", 3: "width"},
            },
        )  # fmt: skip
    model = onnx.load_from_string(buffer.getvalue())
    names = {one.name: one.name.removeprefix("unet.") for one in model.graph.input}
    for one in model.graph.input:
        one.name = names[one.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    onnx.save(model, graph)


def main() -> None:
    """Make the graphs of all builds again."""
    from diffusers import UNet2DConditionModel

    FOLDER.mkdir(exist_ok=True)
    for name, folder in BUILDS.items():
        save(UNet2DConditionModel.from_pretrained(folder, subfolder="unet"), FOLDER / f"{name}.onnx")


if __name__ == "__main__":
    main()
