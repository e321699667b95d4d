"""Where the keys and values of texts lie that share passes row by row: one table for texts of about one length.

Neighbouring rows are one piece of memory in every layer, so that a pass over the first rows reads and fills them where
they are: by pointer (:mod:`engines.text.quick`), or at addresses that a recorded pass keeps
(:mod:`engines.text.recorded_steps`). B is the texts of a pass, L the layers, H_kv the heads of keys and values, d the
width of a head, V the vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Protocol
from weakref import ref

import numpy as np
from torch import Tensor

from engines.models import worker
from engines.text.shared_passes import Piece

ROOMS = (128, 256, 512, 1024, 2624)
"""The lengths of a row in the tables. A text moves on before it fills its row, so that one place stays free."""


class Row:
    """The keys and values of one text: row ``place`` of ``table``, of which the first ``length`` tokens count."""

    def __init__(self) -> None:
        self.length = 0
        self.table: Table | None = None
        self.place = 0

    @property
    def content(self) -> Tensor:
        """[2 L, H_kv, length, d]."""
        assert self.table is not None
        return self.table.held[:, self.place, :, : self.length]


class Table:
    """Keys and values of several texts, ``held`` [2 L, rows, H_kv, room, d]; a row is free when its text is gone."""

    def __init__(self, like: Tensor, room: int) -> None:
        """``like`` [2 L, rows, H_kv, T, d] has the shape, the number type and the device."""
        self.room = room
        self.held = _blank(like, 2, room)
        self._texts: list[ref[Row] | None] = []

    @property
    def used(self) -> bool:
        return any(self.text_at(place) for place in range(len(self._texts)))

    def text_at(self, place: int) -> Row | None:
        text = self._texts[place] if place < len(self._texts) else None
        return text() if text else None

    def take_in(self, text: Row, content: Tensor) -> None:
        """Give ``text`` a row here, with this content [2 L, H_kv, length, d]."""
        place = self._free()
        self.held[:, place, :, : content.shape[2]] = content
        if text.table:
            text.table._texts[text.place] = None
        text.length = content.shape[2]
        self._put(text, place)

    def copy(self, text: Row) -> Row:
        """Another row with the content of one that is here."""
        other, place = Row(), self._free()
        self.held[:, place, :, : text.length] = text.content
        other.length = text.length
        self._put(other, place)
        return other

    def _free(self) -> int:
        """A place that no text has, in a table that grows where all are taken."""
        place = next((place for place in range(len(self._texts)) if not self.text_at(place)), len(self._texts))
        self.widen(place + 1)
        return place

    def widen(self, rows: int) -> None:
        """Have at least so many rows, in memory of their own if there were fewer."""
        have = self.held.shape[1]
        if have < rows:
            wider = _blank(self.held, max(rows, 2 * have), self.room)
            wider[:, :have] = self.held
            self.held = wider

    def bring_forward(self, texts: Sequence[Row]) -> None:
        """Let ``texts`` have the first rows, in an order that moves as few as possible."""
        front, wanted = range(len(texts)), set(texts)
        free = [place for place in front if self.text_at(place) not in wanted]
        for text in texts:
            if text.place not in front:
                self._swap(text, free.pop())

    def _swap(self, text: Row, place: int) -> None:
        other, old = self.text_at(place), text.place
        mine = text.content.clone()
        if other is not None:
            self.held[:, old, :, : other.length] = other.content
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


class Tables(dict[int, Table]):
    """The tables of some texts by their rooms; ``rooms`` are the lengths that a row may have, from the shortest on."""

    def __init__(self, rooms: Sequence[int] = ()) -> None:
        self.rooms = rooms or ROOMS


class Reader(Protocol):
    """A network that reads rows of a table."""

    def blank(self, rows: int, room: int) -> Tensor:
        """Zeros [2 L, rows, H_kv, room, d]."""

    def step(self, ids: Sequence[int], lengths: Sequence[int], table: Table) -> np.ndarray:
        """Read the next token of the texts in the first B rows; logits [B, V]."""

    def read_on(self, pieces: Sequence[Piece], held: Tensor) -> list[np.ndarray]:
        """Read ``pieces`` after what ``held`` [2 L, B, H_kv, room, d] has of their texts; logits [keep, V] of each.

        Several pieces are beginnings of about one length.
        """


def read_together(reader: Reader, pieces: Sequence[Piece], tables: Tables) -> list[np.ndarray]:
    """One pass over pieces of several texts, each with its own :class:`Row`; for each its logits [keep, V].

    ``tables`` hold these rows and those of others who wait. Next tokens are read together, and so are beginnings of
    about one length; longer pieces that go on a text are read one after the other. A pass that fails has changed
    nothing.
    """
    for room in [room for room, table in tables.items() if not table.used]:
        del tables[room]
    found: dict[int, np.ndarray] = {}
    begun = [piece for piece in pieces if piece.cache.length]
    for piece in begun:
        text, needed = piece.cache, piece.cache.length + len(piece.ids)
        if text.table.room <= needed:
            _table(reader, tables, needed).take_in(text, text.content)
    single = sorted((piece for piece in begun if len(piece.ids) == 1), key=lambda piece: piece.cache.table.room)
    for _, group in groupby(single, key=lambda piece: piece.cache.table.room):
        together = list(group)
        table = together[0].cache.table
        table.bring_forward([piece.cache for piece in together])
        together.sort(key=lambda piece: piece.cache.place)
        logits = reader.step([piece.ids[0] for piece in together], [piece.cache.length for piece in together], table)
        found |= {id(piece): row[None] for piece, row in zip(together, logits, strict=True)}
    for piece in begun:
        if len(piece.ids) > 1:
            place = piece.cache.place
            (found[id(piece)],) = reader.read_on([piece], piece.cache.table.held[:, place : place + 1])
    contents: list[tuple[Row, Tensor]] = []
    for together in _of_about_one_length([piece for piece in pieces if not piece.cache.length]):
        held = reader.blank(len(together), len(together[-1].ids))
        found |= {id(piece): rows for piece, rows in zip(together, reader.read_on(together, held), strict=True)}
        contents += [(piece.cache, held[:, place, :, : len(piece.ids)]) for place, piece in enumerate(together)]
    for piece in begun:
        piece.cache.length += len(piece.ids)
    for text, content in contents:
        _table(reader, tables, content.shape[2]).take_in(text, content)
    return [found[id(piece)] for piece in pieces]


class TableBatch:
    """Sequences that grow by one token each a pass, in tables of their own. Equal prompts are read once.

    A single prompt may go on with what a row elsewhere has ``begun``.
    """

    @worker.only
    def __init__(self, reader: Reader, prompts: Sequence[Sequence[int]], begun: Row | None = None) -> None:
        self._reader, self._tables = reader, Tables()
        self._rows = [Row() for _ in prompts]
        if begun is not None:
            _table(reader, self._tables, begun.length).take_in(self._rows[0], begun.content)
        same = len(prompts) > 1 and all(prompt == prompts[0] for prompt in prompts)
        read = zip(prompts, self._rows[:1] if same else self._rows, strict=False)
        self.logits = self._read([Piece(ids, row, 1) for ids, row in read])
        if same:
            first, *others = self._rows
            for row in others:
                first.table.take_in(row, first.content)  # type: ignore[union-attr]
            self.logits = np.repeat(self.logits, len(prompts), axis=0)

    @worker.only
    def step(self, token_ids: Sequence[int]) -> np.ndarray:
        """One token for each sequence; logits float32 [B, V] for the next."""
        self.logits = self._read(
            [Piece([token_id], row, 1) for token_id, row in zip(token_ids, self._rows, strict=True)]
        )
        return self.logits

    @worker.only
    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows only; one that is named again goes on a second time."""
        kept: list[Row] = []
        for place, row in enumerate(rows):
            text = self._rows[row]
            kept.append(text.table.copy(text) if row in rows[:place] else text)  # type: ignore[union-attr]
        self._rows = kept

    def _read(self, pieces: Sequence[Piece]) -> np.ndarray:
        return np.concatenate(read_together(self._reader, pieces, self._tables))


def _blank(like: Tensor, rows: int, room: int) -> Any:
    return like.new_zeros((like.shape[0], rows, like.shape[2], room, like.shape[4]))


def _table(reader: Reader, tables: Tables, needed: int) -> Table:
    room = next(room for room in tables.rooms if room > needed)
    if room not in tables:
        tables[room] = Table(reader.blank(1, 1), room)
    return tables[room]


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
