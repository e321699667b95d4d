"""The quick painter: the passes of a small U-Net and what a small decoder makes of a latent, by onnxruntime.

On a CPU that is nearly twice as fast as by torch. The graphs in ``graphs/`` hold what is computed and no weights: those
come from the network in memory, so that one graph serves every painter of its build, its twins too. ``python -m
engines.pictures.quick`` makes them again. What watches or changes attention, what works on a card, and every other
build stays with torch.
"""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.models.catalogue import MODELS

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger("playground")
FOLDER = Path(__file__).parent / "graphs"
CLOSE = 1e-3
"""How far a first answer may be from torch's, as a share of its largest number; rounding makes it about 1e-6."""


@dataclass(frozen=True)
class Build:
    """A kind of network that has a graph. ``like``: a folder with the weights of one; ``inputs``: names of its tensors.

    Its pictures or latents may be of any size whose sides are multiples of ``multiple``, and of any number.
    """

    name: str
    like: Path
    inputs: tuple[str, ...]
    multiple: int

    @property
    def graph(self) -> Path:
        return FOLDER / f"{self.name}.onnx"


_PASS, _LATENT = ("batch", "t", "text"), ("latent",)
BUILDS = (
    Build("painter", MODELS / "painter" / "unet", _PASS, 4),  # a U-Net pads sizes that it cannot halve, its graph not
    Build("signs", MODELS / "signs" / "spelled" / "unet", _PASS, 2),
    Build("boxes", MODELS / "signs" / "boxes" / "unet", _PASS, 2),
    Build("decoder", MODELS / "autoencoder", _LATENT, 1),
)


class Quick:
    """``network(*tensors)``, each [B, …], by the graph of ``module``, if its build has one and it lies on a CPU.

    The graph is put together by :meth:`prepare` or with the first call, and its first answer is held against the
    network's: where it says anything else, or cannot be had, calls stay the network's.
    """

    def __init__(self, network: Callable[..., Tensor], module: Callable[[], Any]) -> None:
        self._network, self._module = network, module
        self._made: tuple[Build, Any] | None = None
        self._held = False
        self.plain = False

    def prepare(self) -> None:
        """Put the graph together, half a second's work, so that no run's clock counts it."""
        if self.plain or self._made:
            return
        module = self._module()
        build = build_of(module)
        if build is None:
            self.plain = True
            return
        try:
            self._made = build, session(build, module)
        except Exception as error:  # whatever onnxruntime raises: the network itself is always there
            self._stay(build, error)

    def __call__(self, *tensors: Tensor) -> Tensor:
        import torch

        first = tensors[0]
        if first.device.type != "cpu" or first.dtype != torch.float32:
            return self._network(*tensors)
        self.prepare()
        if self._made is None or any(side % self._made[0].multiple for side in first.shape[2:]):
            return self._network(*tensors)
        return self._by_graph(*self._made, *tensors) if self._held else self._begun(*self._made, *tensors)

    def _by_graph(self, build: Build, made: Any, *tensors: Tensor) -> Tensor:
        import torch

        fed = {name: one.float().contiguous().numpy() for name, one in zip(build.inputs, tensors, strict=True)}
        return torch.from_numpy(made.run(None, fed)[0])

    def _begun(self, build: Build, made: Any, *tensors: Tensor) -> Tensor:
        expected = self._network(*tensors)
        try:
            found = self._by_graph(build, made, *tensors)
            if not float((found - expected).abs().max()) <= CLOSE * float(expected.abs().max()):
                raise RuntimeError("the graph does not say what the network says")
        except Exception as error:
            self._stay(build, error)
            return expected
        self._held = True
        return found

    def _stay(self, build: Build, error: Exception) -> None:
        self.plain, self._made = True, None
        log.warning("%s stays with torch: %s", build.name, (str(error).splitlines() or [""])[0][:200])


def build_of(module: Any) -> Build | None:
    """The build of a network, told by its configuration; None where it has no graph."""
    mine = json.loads(json.dumps(dict(getattr(module, "config", {})), default=str))  # lists for tuples, as in a file
    for build in BUILDS:
        file = build.like / "config.json"
        config = json.loads(file.read_text(encoding="utf-8")) if file.is_file() and build.graph.is_file() else {}
        entries = {name: value for name, value in config.items() if not name.startswith("_")}
        if entries and all(mine.get(name) == value for name, value in entries.items()):
            return build
    return None


def session(build: Build, module: Any) -> Any:
    """onnxruntime's session of a build's graph with the weights of ``module`` in it."""
    import onnx
    import onnxruntime
    import torch
    from onnx import numpy_helper

    model = onnx.load(build.graph)
    wanted = [one.name for one in model.graph.input if one.name not in build.inputs]
    inputs = [one for one in model.graph.input if one.name in build.inputs]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    weights = module.state_dict()
    model.graph.initializer.extend(numpy_helper.from_array(weights[name].float().numpy(), name) for name in wanted)
    whole = model.SerializeToString()
    del model  # three copies of the weights at once are enough
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    options.add_session_config_entry("session.force_spinning_stop", "1")  # torch computes on the same cores
    return onnxruntime.InferenceSession(whole, options, providers=["CPUExecutionProvider"])


# --- making the graphs ----------------------------------------------------------------------------------------


def save(build: Build, module: Any, graph: Path) -> None:
    """Write the graph of ``module`` without its weights."""
    import onnx
    import torch

    class Pass(torch.nn.Module):
        def forward(self, *tensors: Tensor) -> Tensor:
            return direct(build, module, *tensors)

    network: Any = Pass()
    network.module = module.eval()
    buffer: Any = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes that the trace takes for granted, which Quick keeps away
        torch.onnx.export(
            network, tuple(_example(build, module)), buffer, dynamo=False, export_params=False,
            do_constant_folding=False, opset_version=17, input_names=list(build.inputs), output_names=["made"],
            dynamic_axes={
                "batch": {0: "rows", 2: "height", 3: "width"}, "t": {0: "rows"}, "text": {0: "rows", 1: "tokens"},
                "latent": {0: "rows", 2: "height", 3: "width"}, "made": {0: "rows", 2: "high", 3: "wide"},
            },
        )  # fmt: skip
    model = onnx.load_from_string(buffer.getvalue())
    names = {one.name: one.name.removeprefix("module.") for one in model.graph.input}
    for one in model.graph.input:
        one.name = names[one.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    onnx.save(model, graph)


def direct(build: Build, module: Any, *tensors: Tensor) -> Tensor:
    """What ``module`` itself makes of the tensors of its ``build``."""
    if build.inputs == _LATENT:
        return module.decode(*tensors, return_dict=False)[0]
    batch, t, text = tensors
    return module(batch, t, encoder_hidden_states=text, return_dict=False)[0]


def _example(build: Build, module: Any) -> Iterator[Tensor]:
    import torch

    config = module.config
    if build.inputs == _LATENT:
        yield torch.zeros(2, config.latent_channels, 16, 16)
        return
    size = config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    yield torch.zeros(2, config.in_channels, height, width)
    yield torch.zeros(2)
    yield torch.zeros(2, 16, config.cross_attention_dim)


def load(build: Build) -> Any:
    """The network that a build is like, in float32."""
    import torch
    from diffusers import UNet2DConditionModel

    from engines.pictures.pocket_autoencoder import PocketAutoencoder

    kind: Any = PocketAutoencoder if build.inputs == _LATENT else UNet2DConditionModel
    return kind.from_pretrained(build.like, torch_dtype=torch.float32).eval().requires_grad_(False)


def main() -> None:
    """Make the graphs of all builds again."""
    FOLDER.mkdir(exist_ok=True)
    for build in BUILDS:
        save(build, load(build), build.graph)


if __name__ == "__main__":
    main()
