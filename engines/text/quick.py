"""The quick typewriter: the forward passes of a language model in its own four-bit weights, by onnxruntime.

It serves writing where there is no card. What looks inside (attention, the lens, silenced heads) stays with torch, see
:mod:`engines.text.transformer`. The graph is :mod:`engines.models.four_bits`; N is the tokens kept, V the vocabulary,
L the layers, H_kv the heads of keys and values, d the width of a head.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from weakref import ref

import numpy as np

from engines.models import four_bits, worker
from engines.models.batching import Meeting, Room
from engines.models.hardware import Unloaded
from engines.text import shared_passes
from engines.text.shared_passes import MOST_CACHED, MOST_READ, Piece

ROOMS = (128, 256, 512, 1024, 2560)
"""The lengths of a row in the tables; a text moves on to the next when it outgrows its own."""


class Row:
    """The keys and values of one text: row ``place`` of ``table``, of which the first ``length`` tokens count."""

    def __init__(self) -> None:
        self.length = 0
        self.table: Table | None = None
        self.place = 0

    @property
    def content(self) -> np.ndarray:
        """Float32 [2 L, H_kv, length, d]."""
        assert self.table is not None
        return self.table.held[:, self.place, :, : self.length]


class Table:
    """The keys and values of several texts, float32 [2 L, rows, H_kv, room, d]; a row is free when its text is gone.

    Neighbouring rows are one piece of memory in every layer, so that a pass reads and fills them where they are.
    """

    def __init__(self, caches: int, heads: int, room: int, width: int) -> None:
        self.room = room
        self.held = np.zeros((caches, 2, heads, room, width), np.float32)
        self._texts: list[ref[Row] | None] = []

    @property
    def used(self) -> bool:
        return any(self.text_at(place) for place in range(len(self._texts)))

    def text_at(self, place: int) -> Row | None:
        text = self._texts[place] if place < len(self._texts) else None
        return text() if text else None

    def take_in(self, text: Row, content: np.ndarray) -> None:
        """Give ``text`` a row here, with this content."""
        place = next((place for place in range(len(self._texts)) if not self.text_at(place)), len(self._texts))
        if place == self.held.shape[1]:
            wider = np.zeros((self.held.shape[0], 2 * place, *self.held.shape[2:]), np.float32)
            wider[:, :place] = self.held
            self.held = wider
        self.held[:, place, :, : content.shape[2]] = content
        if text.table:
            text.table._texts[text.place] = None
        text.length = content.shape[2]
        self._put(text, place)

    def bring_forward(self, texts: Sequence[Row]) -> None:
        """Let ``texts`` have the first rows, in an order that moves as few as possible."""
        front = range(len(texts))
        free = [place for place in front if self.text_at(place) not in texts]
        for text in texts:
            if text.place not in front:
                self._swap(text, free.pop())

    def _swap(self, text: Row, place: int) -> None:
        other, old = self.text_at(place), text.place
        mine = self.held[:, old, :, : text.length].copy()
        if other is not None:
            self.held[:, old, :, : other.length] = self.held[:, place, :, : other.length]
            self._put(other, old)
        else:
            self._texts[old] = None
        self.held[:, place, :, : text.length] = mine
        self._put(text, place)

    def _put(self, text: Row, place: int) -> None:
        if place == len(self._texts):
            self._texts.append(None)
        self._texts[place] = ref(text)
        text.table, text.place = self, place


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
        self._session = onnxruntime.InferenceSession(
            str(folder / four_bits.FILE), options, providers=["CPUExecutionProvider"]
        )
        caches = self._session.get_inputs()[4:]
        self._names, (_, self._kv_heads, _, self._head_width) = [cache.name for cache in caches], caches[0].shape
        self.room = Room(MOST_CACHED)
        self._tables: dict[int, Table] = {}
        self._meeting = Meeting[Piece, np.ndarray](lambda pieces: self.read_together(pieces, self._tables), MOST_READ)

    def read(self, ids: Sequence[int], cache: Row | None = None, keep: int = 1) -> tuple[np.ndarray, Row]:
        """Read ``ids`` [T] after what ``cache`` holds, in a pass that others may share; logits [keep, V] and cache."""
        cache = cache or Row()
        return shared_passes.read(self._meeting, ids, cache, keep), cache

    def batch(self, prompts: Sequence[Sequence[int]]) -> QuickBatch:
        """Many sequences that grow in step."""
        return QuickBatch(self, prompts)

    @worker.only
    def close(self) -> None:
        """Drop the weights once the pass under way is done."""
        self._session, self.weight_bytes = Unloaded(), 0
        self._tables.clear()

    def read_together(self, pieces: Sequence[Piece], tables: dict[int, Table]) -> list[np.ndarray]:
        """One pass over pieces of several texts, each with its own :class:`Row`; for each its logits [keep, V].

        ``tables`` by their rooms hold these rows and those of others who wait. Next tokens are read together, and so
        are beginnings of about one length; longer pieces that go on a text are read one after the other. A pass that
        fails has changed nothing.
        """
        for room in [room for room, table in tables.items() if not table.used]:
            del tables[room]
        begun = [piece for piece in pieces if piece.cache.length]
        for piece in begun:
            text, needed = piece.cache, piece.cache.length + len(piece.ids)
            if text.table.room < needed:
                self._table(tables, needed).take_in(text, text.content)
        found: dict[int, np.ndarray] = {}
        single = sorted((piece for piece in begun if len(piece.ids) == 1), key=lambda piece: piece.cache.table.room)
        for _, group in groupby(single, key=lambda piece: piece.cache.table.room):
            together = list(group)
            table = together[0].cache.table
            table.bring_forward([piece.cache for piece in together])
            together.sort(key=lambda piece: piece.cache.place)
            found |= self._run(together, table.held[:, : len(together)])
        for piece in begun:
            if len(piece.ids) > 1:
                place = piece.cache.place
                found |= self._run([piece], piece.cache.table.held[:, place : place + 1])
        contents: list[tuple[Row, np.ndarray]] = []
        for together in _of_about_one_length([piece for piece in pieces if not piece.cache.length]):
            longest = len(together[-1].ids)
            held = np.zeros((len(self._names), len(together), self._kv_heads, longest, self._head_width), np.float32)
            found |= self._run(together, held)
            contents += [(piece.cache, held[:, place, :, : len(piece.ids)]) for place, piece in enumerate(together)]
        for piece in begun:
            piece.cache.length += len(piece.ids)
        for text, content in contents:
            self._table(tables, content.shape[2]).take_in(text, content)
        return [found[id(piece)] for piece in pieces]

    def _table(self, tables: dict[int, Table], needed: int) -> Table:
        room = next(room for room in ROOMS if room >= needed)
        if room not in tables:
            tables[room] = Table(len(self._names), self._kv_heads, room, self._head_width)
        return tables[room]

    def _run(self, pieces: Sequence[Piece], held: np.ndarray) -> dict[int, np.ndarray]:
        """Read pieces after what ``held`` [2 L, B, H_kv, room, d] has of their texts, in this order, and fill it.

        Gives the logits [keep, V] of each by its ``id``. Pieces of several lengths must be beginnings.
        """
        new = max(len(piece.ids) for piece in pieces)
        tokens = np.array([[*piece.ids, *[0] * (new - len(piece.ids))] for piece in pieces], np.int64)
        last = np.array([piece.cache.length + len(piece.ids) - 1 for piece in pieces], np.int32)
        kept = [place * new + at for place, piece in enumerate(pieces) for at in range(len(piece.ids))[-piece.keep :]]
        binding = self._session.io_binding()
        binding.bind_cpu_input("ids", tokens)
        binding.bind_cpu_input("last", last)
        binding.bind_cpu_input("longest", last.max(keepdims=True) + 1)
        binding.bind_cpu_input("kept", np.array(kept, np.int64))
        for name, rows in zip(self._names, held, strict=True):
            binding.bind_input(name, "cpu", 0, np.float32, rows.shape, rows.ctypes.data)
            binding.bind_output(f"new_{name}", "cpu", 0, np.float32, rows.shape, rows.ctypes.data)
        binding.bind_output("logits")
        self._session.run_with_iobinding(binding)
        logits = np.split(binding.get_outputs()[-1].numpy(), np.cumsum([piece.keep for piece in pieces])[:-1])
        return {id(piece): rows for piece, rows in zip(pieces, logits, strict=True)}


def _of_about_one_length(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """The pieces from the shortest on, in groups that are padded little to become one matrix."""
    group: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: len(piece.ids)):
        if group and len(piece.ids) > 1.25 * len(group[0].ids):
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


class QuickBatch:
    """Sequences that grow by one token each a pass, in tables of their own. Equal prompts are read once."""

    @worker.only
    def __init__(self, quick: Quick, prompts: Sequence[Sequence[int]]) -> None:
        self._quick, self._tables = quick, dict[int, Table]()
        self._rows = [Row() for _ in prompts]
        same = len(prompts) > 1 and all(prompt == prompts[0] for prompt in prompts)
        read = zip(prompts, self._rows[:1] if same else self._rows, strict=False)
        self.logits = np.concatenate(quick.read_together([Piece(ids, row, 1) for ids, row in read], self._tables))
        if same:
            first, *others = self._rows
            for row in others:
                first.table.take_in(row, first.content)  # type: ignore[union-attr]
            self.logits = np.repeat(self.logits, len(prompts), axis=0)

    @worker.only
    def step(self, token_ids: Sequence[int]) -> np.ndarray:
        """One token for each sequence; logits float32 [B, V] for the next."""
        pieces = [Piece([token_id], row, 1) for token_id, row in zip(token_ids, self._rows, strict=True)]
        self.logits = np.concatenate(self._quick.read_together(pieces, self._tables))
        return self.logits

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows only."""
        self._rows = [self._rows[row] for row in rows]
