"""Turns a GGUF file of a Llama model into a graph for onnxruntime that computes with the file's own four-bit blocks.

GGUF's Q4_1 keeps 32 weights as q·d + m, with q in 0 … 15 and a scale d and a minimum m a block. ``MatMulNBits`` of
onnxruntime computes (q - 8)·d; what is left, m + 8 d times the sum of the block's inputs, is a second, 32 times smaller
product. Q8_0, in which the table of tokens is kept, is q·d with q in -128 … 127: as output matrix its bytes are cut
into two times four bits. So nothing is rounded a second time, and the sums are float32.

B is the batch, T the new tokens of each text, D the width, V the vocabulary, H_kv the heads of keys and values, d their
width, K and N the inputs and outputs of a matrix, b = K / 32 its blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FILE = "four_bits.onnx"
BLOCK = 32
OURS = "com.microsoft"
"""The domain of onnxruntime's own operators."""
Blocks = tuple[np.ndarray, np.ndarray, np.ndarray]
"""A Q4_1 matrix: q uint8 [N, b, 32], d float32 [N, b], m float32 [N, b]."""


def suits(gguf: Path) -> bool:
    """Whether the file is a Llama of one table, Q8_0, and four-bit matrices, Q4_1, as this graph needs it."""
    from gguf import GGMLQuantizationType as Kind
    from gguf import GGUFReader

    reader = GGUFReader(gguf)
    architecture = reader.get_field("general.architecture")
    kinds = {tensor.name: tensor.tensor_type for tensor in reader.tensors}
    matrices = [kind for name, kind in kinds.items() if name.startswith("blk.") and "_norm" not in name]
    return (
        architecture is not None
        and architecture.contents() == "llama"
        and not any("scaling" in name or name.endswith(".bias") for name in (*reader.fields, *kinds))
        and "output.weight" not in kinds
        and kinds.get("token_embd.weight") == Kind.Q8_0
        and set(matrices) == {Kind.Q4_1}
    )


def build(gguf: Path, target: Path) -> None:
    """Write the graph of ``gguf`` to ``target``.

    Inputs: ``ids`` int64 [B, T]; ``last`` int32 [B], the place of each text's last new token; ``longest`` int32 [1],
    the places read at most; ``kept`` int64 [n], whose logits are wanted, counted along B · T; and for every layer
    ``keys_0`` … and ``values_0`` … float32 [B, H_kv, room, d], which are filled in place: bind each also as the output
    ``new_keys_0`` … Output: ``logits`` float32 [n, V].
    """
    import onnx

    onnx.save(_Graph(gguf).model(), str(target))


class _Graph:
    def __init__(self, gguf: Path) -> None:
        from gguf import GGUFReader

        reader = GGUFReader(gguf)
        self._tensors = {tensor.name: tensor for tensor in reader.tensors}

        def fact(name: str) -> Any:
            field = reader.get_field(f"llama.{name}")
            assert field is not None, name
            return field.contents()

        self.layers = int(fact("block_count"))
        self.width = int(fact("embedding_length"))
        self.heads = int(fact("attention.head_count"))
        self.kv_heads = int(fact("attention.head_count_kv"))
        self.head_width = self.width // self.heads
        self.hidden = int(fact("feed_forward_length"))
        self.context = int(fact("context_length"))
        self._epsilon = float(fact("attention.layer_norm_rms_epsilon"))
        self._base = float(fact("rope.freq_base"))
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def model(self) -> Any:
        from onnx import TensorProto, helper

        def numbers(name: str, *shape: str | int, kind: int = TensorProto.FLOAT) -> Any:
            return helper.make_tensor_value_info(name, kind, list(shape))

        caches = [f"{kind}_{layer}" for layer in range(self.layers) for kind in ("keys", "values")]
        room = ("B", self.kv_heads, "room", self.head_width)
        inputs = [
            numbers("ids", "B", "T", kind=TensorProto.INT64),
            numbers("last", "B", kind=TensorProto.INT32),
            numbers("longest", 1, kind=TensorProto.INT32),
            numbers("kept", "n", kind=TensorProto.INT64),
            *(numbers(name, *room) for name in caches),
        ]
        logits = self._network()
        vocabulary = int(self._tensors["token_embd.weight"].shape[1])
        outputs = [numbers(logits, "n", vocabulary), *(numbers(f"new_{name}", *room) for name in caches)]
        graph = helper.make_graph(self._nodes, "llama", inputs, outputs, self._constants)
        versions = [helper.make_opsetid("", 21), helper.make_opsetid(OURS, 1)]
        return helper.make_model(graph, opset_imports=versions, ir_version=10)

    def _network(self) -> str:
        places = np.arange(self.context)[:, None]
        angles = places * self._base ** (-np.arange(0, self.head_width, 2) / self.head_width)
        self._constant("cos", np.cos(angles).astype(np.float32))
        self._constant("sin", np.sin(angles).astype(np.float32))
        state = self._embedding()
        for layer in range(self.layers):
            state = self._node("Add", [state, self._attention(layer, state)], f"attended_{layer}")
            state = self._node("Add", [state, self._feed_forward(layer, state)], f"state_{layer}")
        rows = self._node("Reshape", [state, self._whole("rows", -1, self.width)], "all_rows")
        wanted = self._node("Gather", [rows, "kept"], "wanted", axis=0)
        return self._head(self._norm(wanted, "output_norm.weight"))

    def _attention(self, layer: int, state: str) -> str:
        """Grouped-query attention with rotary positions; it writes the new keys and values to their places."""
        of, d = f"blk.{layer}.attn", self.head_width
        query = _as_halves(self._blocks(f"{of}_q.weight"), self.heads)
        key = _as_halves(self._blocks(f"{of}_k.weight"), self.kv_heads)
        value = self._blocks(f"{of}_v.weight")
        normed = self._norm(state, f"{of}_norm.weight")
        all_three = self._product(f"{of}_qkv", normed, [query, key, value])
        sizes = self._whole(f"{of}_sizes", self.heads * d, self.kv_heads * d, self.kv_heads * d)
        parts = self._node("Split", [all_three, sizes], *(f"{of}_{part}" for part in "qkv"), axis=-1)
        mixed = self._node(
            "GroupQueryAttention",
            [*parts, f"keys_{layer}", f"values_{layer}", "last", "longest", "cos", "sin"],
            f"{of}_mixed",
            f"new_keys_{layer}",
            f"new_values_{layer}",
            domain=OURS,
            num_heads=self.heads,
            kv_num_heads=self.kv_heads,
            do_rotary=1,
            scale=d**-0.5,
        )[0]
        return self._product(f"{of}_out", mixed, [self._blocks(f"{of}_output.weight")])

    def _feed_forward(self, layer: int, state: str) -> str:
        """silu(gate) · up, and down again (SwiGLU)."""
        of = f"blk.{layer}.ffn"
        normed = self._norm(state, f"{of}_norm.weight")
        both = self._product(f"{of}_both", normed, [self._blocks(f"{of}_gate.weight"), self._blocks(f"{of}_up.weight")])
        sizes = self._whole(f"{of}_sizes", self.hidden, self.hidden)
        gate, up = self._node("Split", [both, sizes], f"{of}_gate", f"{of}_up", axis=-1)
        soft = self._node("Sigmoid", [gate], f"{of}_sigmoid")
        opened = self._node("Mul", [self._node("Mul", [gate, soft], f"{of}_silu"), up], f"{of}_opened")
        return self._product(f"{of}_down", opened, [self._blocks(f"{of}_down.weight")])

    def _product(self, name: str, x: str, parts: Sequence[Blocks]) -> str:
        """``x`` [B, T, K] times the matrices of ``parts``, one under the other -> [B, T, N]."""
        q, d, m = (np.concatenate(part) for part in zip(*parts, strict=True))
        lines, blocks = d.shape
        main = self._four_bits(name, x, q, d)
        shape = self._whole(f"{name}_blocks", 0, 0, blocks, BLOCK)
        inside = self._node("Reshape", [x, shape], f"{name}_blocked")
        sums = self._node("ReduceSum", [inside, self._whole("last_axis", -1)], f"{name}_sums", keepdims=0)
        rest = self._node("MatMul", [sums, self._constant(f"{name}_minima", (m + 8 * d).T)], f"{name}_rest")
        return self._node("Add", [main, rest], f"{name}_product")

    def _four_bits(self, name: str, x: str, q: np.ndarray, d: np.ndarray, zero: int = 8) -> str:
        """``x`` [..., K] times ((q - zero)·d)ᵀ -> [..., N], summed in float32 (accuracy_level 0)."""
        lines, blocks = d.shape
        inputs = [x, self._constant(f"{name}_q", q[..., 0::2] | q[..., 1::2] << 4), self._constant(f"{name}_d", d)]
        if zero != 8:  # the operator's own
            inputs.append(self._constant(f"{name}_zero", np.full((lines, (blocks + 1) // 2), zero * 17, np.uint8)))
        settings = {"K": blocks * BLOCK, "N": lines, "bits": 4, "block_size": BLOCK, "accuracy_level": 0}
        return self._node("MatMulNBits", inputs, f"{name}_main", domain=OURS, **settings)

    def _embedding(self) -> str:
        """``ids`` -> [B, T, D], a row of the table each."""
        q, d = self._table()
        table = self._constant("table", q.reshape(len(q), self.width))
        row = self._node("Gather", [table, "ids"], "row_q", axis=0)
        shape = self._whole("row_blocks", 0, 0, self.width // BLOCK, BLOCK)
        blocks = self._node("Reshape", [self._node("Cast", [row], "row", to=1), shape], "row_blocked")
        scale = self._node("Gather", [self._constant("table_d", d[..., None]), "ids"], "row_d", axis=0)
        scaled = self._node("Mul", [blocks, scale], "row_scaled")
        return self._node("Reshape", [scaled, self._whole("row_shape", 0, 0, self.width)], "embedded")

    def _head(self, x: str) -> str:
        """[n, D] times the table -> logits [n, V]: q = 16 (high - 8) + low, with high and low in 0 … 15."""
        q, d = self._table()
        shifted = (q.astype(np.int16) + 128).astype(np.uint8)
        high = self._four_bits("high", x, shifted >> 4, 16 * d)
        return self._node("Add", [high, self._four_bits("low", x, shifted & 15, d, zero=0)], "logits")

    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        """The table of tokens, Q8_0: q int8 [V, b, 32], d float32 [V, b]."""
        raw = self._raw("token_embd.weight", 2 + BLOCK)
        return raw[..., 2:].view(np.int8), _halves(raw[..., :2])

    def _blocks(self, name: str) -> Blocks:
        raw = self._raw(name, 4 + BLOCK // 2)  # d, m, and the first halves of 16 bytes before the second halves
        q = np.concatenate([raw[..., 4:] & 15, raw[..., 4:] >> 4], axis=-1)
        return q, _halves(raw[..., :2]), _halves(raw[..., 2:4])

    def _raw(self, name: str, size: int) -> np.ndarray:
        """uint8 [N, b, size]."""
        tensor = self._tensors[name]
        return np.asarray(tensor.data).view(np.uint8).reshape(int(tensor.shape[1]), -1, size)

    def _norm(self, x: str, weight: str) -> str:
        scale = self._constant(weight, np.asarray(self._tensors[weight].data, np.float32).reshape(-1))
        return self._node(
            "SimplifiedLayerNormalization", [x, scale], f"{weight}_normed", axis=-1, epsilon=self._epsilon
        )

    def _constant(self, name: str, values: np.ndarray) -> str:
        from onnx import numpy_helper

        if all(constant.name != name for constant in self._constants):
            self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _whole(self, name: str, *values: int) -> str:
        return self._constant(name, np.array(values, np.int64))

    def _node(self, kind: str, inputs: Sequence[str], *outputs: str, domain: str = "", **settings: Any) -> Any:
        """Adds an operator; the name of what it gives, a list where it gives several."""
        from onnx import helper

        self._nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **settings))
        return outputs[0] if len(outputs) == 1 else list(outputs)


def _as_halves(matrix: Blocks, heads: int) -> Blocks:
    """The lines of a query or key matrix in the order of "rotate half"; a Llama's GGUF interleaves the two halves."""
    q, d, m = (part.reshape(heads, len(part) // heads // 2, 2, *part.shape[1:]) for part in matrix)
    one, two, three = (part.swapaxes(1, 2).reshape(-1, *part.shape[3:]) for part in (q, d, m))
    return one, two, three


def _halves(pairs: np.ndarray) -> np.ndarray:
    """float16 of pairs of bytes, uint8 [..., 2] -> float32 [...]."""
    return np.ascontiguousarray(pairs).view(np.float16)[..., 0].astype(np.float32)
