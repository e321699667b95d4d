"""The quick typewriter: the forward passes of a language model in its own four-bit weights, by onnxruntime.

It serves writing where there is no card. What looks inside (attention, the lens, silenced heads) stays with torch, see
:mod:`engines.text.transformer`. The graph is :mod:`engines.models.four_bits`, and the letters of shapes are those of
:mod:`engines.text.tables`; T is the new tokens of a text, n the places whose logits are wanted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.models import four_bits, worker
from engines.models.batching import Meeting
from engines.models.hardware import Unloaded
from engines.text import shared_passes
from engines.text.shared_passes import MOST_READ, Piece
from engines.text.tables import Row, Table, TableBatch, Tables, read_together

if TYPE_CHECKING:
    from torch import Tensor

MOST_BEGUN = 4


class Quick:
    """The graph in the model's ``folder``. It writes as a :class:`engines.text.transformer.Network` does.

    ``vocabulary_size`` is V, ``layers`` and ``heads`` count the attention, ``context`` is the longest input in tokens,
    ``room`` the tokens that all texts may hold in their rows.
    """

    runtime = "onnxruntime, 4-bit weights"

    def __init__(self, folder: Path) -> None:
        import onnxruntime
        import torch

        config, generation = (
            json.loads((folder / name).read_text()) for name in ("config.json", "generation_config.json")
        )
        self.vocabulary_size, self.context = int(config["vocab_size"]), int(config["max_position_embeddings"])
        self.layers, self.heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
        eos = generation.get("eos_token_id")
        self.eos_ids = frozenset([] if eos is None else [eos] if isinstance(eos, int) else eos)
        self.weight_bytes = (folder / four_bits.FILE).stat().st_size

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        options.add_session_config_entry("session.force_spinning_stop", "1")  # torch computes on the same cores
        self._width = int(config["hidden_size"])
        self._session = onnxruntime.InferenceSession(
            str(folder / four_bits.FILE), options, providers=["CPUExecutionProvider"]
        )
        caches = self._session.get_inputs()[4:]
        self._names, (_, self._kv_heads, _, self._head_width) = [cache.name for cache in caches], caches[0].shape
        self.room = shared_passes.room(self._bytes_a_token())
        self._tables = Tables(shared=True)
        self._begun: dict[tuple[int, ...], Row] = {}
        self._meeting = Meeting[Piece, np.ndarray](lambda pieces: read_together(self, pieces, self._tables), MOST_READ)

    def read(
        self, ids: Sequence[int], cache: Row | None = None, keep: int = 1, fresh: bool = False
    ) -> tuple[np.ndarray, Row]:
        """Read ``ids`` [T] after what ``cache`` holds, in a pass that others may share; logits [keep, V] and cache.

        What another text began with too is not read again, unless it is to be ``fresh``.
        """
        cache = cache or Row()
        return shared_passes.read(self._meeting, ids, cache, keep, fresh), cache

    def begun(self, ids: Sequence[int]) -> Row:
        """A row that has read ``ids`` [T], with which other texts begin too: the latest few are kept."""
        kept = self._begun.get(tuple(ids))
        if kept is None:
            kept = self._begun[tuple(ids)] = self.read(ids)[1]
            while len(self._begun) > MOST_BEGUN:
                self._begun.pop(next(iter(self._begun)), None)
        return self._copy(kept)

    @worker.only
    def _copy(self, text: Row) -> Row:
        assert text.table is not None
        return text.table.copy(text)

    def batch(self, prompts: Sequence[Sequence[int]], begun: Row | None = None) -> TableBatch:
        """Many sequences that grow in step; a single prompt may go on with what is ``begun``."""
        return TableBatch(self, prompts, begun)

    def bytes_read(self, seen: int) -> int:
        """Bytes that a pass for one text reads, after ``seen`` tokens in its row: weights, and keys and values.

        The weights are the whole file but two tables, of which a pass takes a line a token: that of the tokens (a byte
        each, and four for the scale of a block) and that of the turns of the rotary positions.
        """
        tokens = self.vocabulary_size * self._width * (1 + 4 / four_bits.BLOCK)
        turns = self.context * self._head_width * 4
        return int(self.weight_bytes - tokens - turns) + self._bytes_a_token() * seen

    def _bytes_a_token(self) -> int:
        """What the keys and values of one token take in a row."""
        return len(self._names) * self._kv_heads * self._head_width * 4

    @worker.only
    def close(self) -> None:
        """Drop the weights once the pass under way is done."""
        self._session, self.weight_bytes = Unloaded(), 0
        self._tables.clear()
        self._begun.clear()

    def blank(self, rows: int, room: int) -> Tensor:
        import torch

        return torch.zeros(len(self._names), rows, self._kv_heads, room, self._head_width)

    def step(self, ids: Sequence[int], lengths: Sequence[int], table: Table) -> np.ndarray:
        rows = np.arange(len(ids))
        return self._run(np.array(ids)[:, None], np.array(lengths), rows, table.held[:, : len(ids)])

    def read_on(self, pieces: Sequence[Piece], held: Tensor) -> list[np.ndarray]:
        new = max(len(piece.ids) for piece in pieces)
        ids = np.array([[*piece.ids, *[0] * (new - len(piece.ids))] for piece in pieces])
        last = np.array([piece.cache.length + len(piece.ids) - 1 for piece in pieces])
        kept = [place * new + at for place, piece in enumerate(pieces) for at in range(len(piece.ids))[-piece.keep :]]
        logits = self._run(ids, last, np.array(kept), held)
        return np.split(logits, np.cumsum([piece.keep for piece in pieces])[:-1])

    def _run(self, ids: np.ndarray, last: np.ndarray, kept: np.ndarray, held: Tensor) -> np.ndarray:
        """Read ``ids`` [B, T] after what ``held`` has of their texts and fill it; logits [n, V] at ``kept``."""
        binding = self._session.io_binding()
        binding.bind_cpu_input("ids", ids.astype(np.int64))
        binding.bind_cpu_input("last", last.astype(np.int32))
        binding.bind_cpu_input("longest", last.max(keepdims=True).astype(np.int32) + 1)
        binding.bind_cpu_input("kept", kept.astype(np.int64))
        for name, rows in zip(self._names, held, strict=True):
            binding.bind_input(name, "cpu", 0, np.float32, rows.shape, rows.data_ptr())
            binding.bind_output(f"new_{name}", "cpu", 0, np.float32, rows.shape, rows.data_ptr())
        binding.bind_output("logits")
        self._session.run_with_iobinding(binding)
        logits: np.ndarray = binding.get_outputs()[-1].numpy()
        return logits
