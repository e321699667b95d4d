"""Where the keys and values of texts lie that share passes row by row: one table for texts of about one length.

Neighbouring rows are one piece of memory in every layer, so that a pass over the first rows reads and fills them where
they are: by pointer (:mod:`engines.text.quick`), or at addresses that a recorded pass keeps
(:mod:`engines.text.recorded_steps`). B is the texts of a pass, L the layers, H_kv the heads of keys and values, d the
width of a head, V the vocabulary.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Protocol
from weakref import ref

import numpy as np
from torch import Tensor

from engines.models import worker
from engines.text.shared_passes import MOST_READ, Piece

ROOMS = (128, 256, 512, 1024, 2624)
"""The lengths of a row in the tables. A text moves on before it fills its row, so that one place stays free."""
KEPT = 2_048
"""Places of the rows that are kept when their texts are gone, since others may begin as they did."""
FEW = 8
"""Rows that a table keeps, whoever has left."""
WORTH_SHARING = 16
"""Tokens: to read fewer of them again costs less than a pass of its own for what comes after them."""


class Row:
    """The keys and values of one text: row ``place`` of ``table``, for the tokens ``ids``."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.table: Table | None = None
        self.place = 0

    @property
    def length(self) -> int:
        """Of its tokens. Set, it takes the text back to its first so many."""
        return len(self.ids)

    @length.setter
    def length(self, length: int) -> None:
        del self.ids[length:]

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

    def text_at(self, place: int) -> Row | None:
        text = self._texts[place] if place < len(self._texts) else None
        return text() if text else None

    def take_in(self, text: Row, ids: Sequence[int], content: Tensor) -> None:
        """Give ``text`` a row here, with this content [2 L, H_kv, T, d] of ``ids`` [T]."""
        place = self._free()
        self.held[:, place, :, : len(ids)] = content
        if text.table:
            text.table._texts[text.place] = None
        text.ids = list(ids)
        self._put(text, place)

    def copy(self, text: Row) -> Row:
        """Another row with the content of one that is here."""
        other = Row()
        self.take_in(other, text.ids, text.content)
        return other

    def texts(self) -> Iterator[Row]:
        """Whose rows these are."""
        return filter(None, map(self.text_at, range(len(self._texts))))

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
            filled = max((text.length for text in self.texts()), default=0)
            wider[:, :have, :, :filled] = self.held[:, :, :, :filled]
            self.held = wider

    def narrow(self) -> None:
        """Give memory back where three quarters of the rows have no text any more."""
        texts = list(self.texts())
        if self.held.shape[1] > FEW and 4 * len(texts) <= self.held.shape[1]:
            self.bring_forward(texts)
            self.held = self.held[:, : 2 * len(texts)].clone()
            del self._texts[len(texts) :]

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
    """The tables of some texts by their rooms; ``rooms`` are the lengths that a row may have, from the shortest on.

    A text that begins as another one does goes on from a copy of its row where they are ``shared``. The rows of the
    latest beginnings are kept for that, as the slots of llama.cpp's server are, and as the blocks of Kwon et al. 2023
    (vLLM, §4.4, shared prefix).
    """

    def __init__(self, rooms: Sequence[int] = (), shared: bool = False) -> None:
        self.rooms = rooms or ROOMS
        self.shared = shared
        self._kept: deque[Row] = deque()

    def alike(self, ids: Sequence[int]) -> tuple[Row, int]:
        """The row whose text has the most tokens in common with the beginning of ``ids``, and how many."""
        rows = (row for table in self.values() for row in table.texts())
        return max(((row, in_common(row.ids, ids)) for row in rows), key=lambda found: found[1], default=(Row(), 0))

    def keep(self, text: Row) -> None:
        """Keep a text that has begun, or that another began as, and as many of the latest as there is room for."""
        if text.table is None or text.table.room > KEPT:
            return
        self._kept = deque(row for row in self._kept if in_common(row.ids, text.ids) < row.length)
        self._kept.append(text)
        while sum(row.table.room for row in self._kept if row.table) > KEPT:
            self._kept.popleft()

    def tidy(self) -> None:
        """Drop the tables that have no text, and the rows that a class has left."""
        for room in [room for room, table in self.items() if not any(table.texts())]:
            del self[room]
        for table in self.values():
            table.narrow()

    def clear(self) -> None:
        self._kept.clear()
        super().clear()


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
    about one length; longer pieces that go on a text are read one after the other, or, where there are many short ones,
    token by token together. A pass that fails has changed nothing.
    """
    tables.tidy()
    before = [(piece.cache, piece.cache.length) for piece in pieces]
    try:
        found: dict[Row, np.ndarray] = {}
        begun = [piece for piece in pieces if piece.cache.length]
        waiting = [piece for piece in pieces if not piece.cache.length]
        while True:
            new, alike, waiting = _how_to_begin(waiting, tables)
            found |= _begin(reader, new, tables)
            going_on = [_copied(reader, *one, tables) for one in alike] + ([] if waiting else begun)
            found |= _go_on(reader, going_on, tables)
            if not waiting:
                return [found[piece.cache] for piece in pieces]
    except Exception:
        for row, length in before:
            row.length = length
        raise


def _how_to_begin(
    pieces: Sequence[Piece], tables: Tables
) -> tuple[list[Piece], list[tuple[Piece, Row, int]], list[Piece]]:
    """Who reads all of its beginning, who goes on from a copy of so many tokens of a row, and who waits for one."""
    new: list[Piece] = []
    alike: list[tuple[Piece, Row, int]] = []
    waiting: list[Piece] = []
    for piece in pieces:
        if piece.fresh or not tables.shared:
            new.append(piece)
            continue
        row, common = tables.alike(piece.ids[: -piece.keep])
        others = (other.ids for other in [*new, *(one for one, _, _ in alike)])
        if max((in_common(other, piece.ids) for other in others), default=0) >= common + WORTH_SHARING:
            waiting.append(piece)
        elif common >= WORTH_SHARING:
            alike.append((piece, row, common))
        else:
            new.append(piece)
    return new, alike, waiting


def _begin(reader: Reader, pieces: Sequence[Piece], tables: Tables) -> dict[Row, np.ndarray]:
    """Read the beginnings of texts."""
    found: dict[Row, np.ndarray] = {}
    for together in _of_about_one_length(pieces):
        held = reader.blank(len(together), len(together[-1].ids))
        for place, (piece, rows) in enumerate(zip(together, reader.read_on(together, held), strict=True)):
            found[piece.cache] = rows
            _table(reader, tables, len(piece.ids)).take_in(piece.cache, piece.ids, held[:, place, :, : len(piece.ids)])
            if tables.shared:
                tables.keep(piece.cache)
    return found


def _copied(reader: Reader, piece: Piece, row: Row, common: int, tables: Tables) -> Piece:
    """What is left of a piece after the ``common`` tokens, which its text now has from ``row``."""
    _table(reader, tables, len(piece.ids)).take_in(piece.cache, row.ids[:common], row.content[:, :, :common])
    tables.keep(row if common < row.length and len(piece.ids) < common + WORTH_SHARING else piece.cache)
    return Piece(piece.ids[common:], piece.cache, piece.keep)


def _go_on(reader: Reader, pieces: Sequence[Piece], tables: Tables) -> dict[Row, np.ndarray]:
    """Read pieces of texts that have begun."""
    for piece in pieces:
        text, needed = piece.cache, piece.cache.length + len(piece.ids)
        if text.table.room <= needed:
            _table(reader, tables, needed).take_in(text, text.ids, text.content)
    longer = [piece for piece in pieces if len(piece.ids) > 1]
    stepping = [piece for piece in pieces if piece.keep == 1 and len(piece.ids) <= max(1, len(longer))]
    found: dict[Row, np.ndarray] = {}
    for left in range(max((len(piece.ids) for piece in stepping), default=0), 0, -1):
        found |= _step(reader, [(piece.cache, piece.ids[-left]) for piece in stepping if len(piece.ids) >= left])
    for piece in pieces:
        if piece not in stepping:
            place = piece.cache.place
            (found[piece.cache],) = reader.read_on([piece], piece.cache.table.held[:, place : place + 1])
            piece.cache.ids.extend(piece.ids)
    return found


def _step(reader: Reader, texts: Iterable[tuple[Row, int]]) -> dict[Row, np.ndarray]:
    """Read the next token of each of ``texts``."""
    found: dict[Row, np.ndarray] = {}
    new = dict(texts)
    for _, group in groupby(sorted(new, key=lambda text: text.table.room), key=lambda text: text.table.room):  # type: ignore[union-attr]
        together = list(group)
        table = together[0].table
        assert table is not None
        table.bring_forward(together)
        together.sort(key=lambda text: text.place)
        logits = reader.step([new[text] for text in together], [text.length for text in together], table)
        for text, row in zip(together, logits, strict=True):
            text.ids.append(new[text])
            found[text] = row[None]
    return found


class TableBatch:
    """Sequences that grow by one token each a pass, in tables of their own. Equal prompts are read once.

    A single prompt may go on with what a row elsewhere has ``begun``.
    """

    def __init__(self, reader: Reader, prompts: Sequence[Sequence[int]], begun: Row | None = None) -> None:
        self._reader, self._tables = reader, Tables()
        self._rows = [Row() for _ in prompts]
        if begun is not None:
            self._go_on_from(begun)
        same = len(prompts) > 1 and all(prompt == prompts[0] for prompt in prompts)
        texts = [Piece(ids, row, 1) for ids, row in zip(prompts, self._rows[:1] if same else self._rows, strict=False)]
        last: dict[Row, np.ndarray] = {}
        for together in _in_turns(texts):
            last |= zip((piece.cache for piece in together), self._read(together), strict=True)
        self.logits = np.stack([last[text.cache] for text in texts])
        if same:
            self._repeat(len(prompts))

    @worker.only
    def _go_on_from(self, begun: Row) -> None:
        _table(self._reader, self._tables, begun.length).take_in(self._rows[0], begun.ids, begun.content)

    @worker.only
    def _repeat(self, times: int) -> None:
        first, *others = self._rows
        first.table.widen(times)  # type: ignore[union-attr]
        for row in others:
            first.table.take_in(row, first.ids, first.content)  # type: ignore[union-attr]
        self.logits = np.repeat(self.logits, times, axis=0)

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
        self._rows = [self._rows[row] for row in rows]  # those that are not named leave their places to the copies
        for table in self._tables.values():
            table.widen(sum(row.table is table for row in self._rows))
        for place, text in enumerate(self._rows):
            if text in self._rows[:place]:
                self._rows[place] = text.table.copy(text)  # type: ignore[union-attr]

    @worker.only
    def _read(self, pieces: Sequence[Piece]) -> np.ndarray:
        return np.concatenate(read_together(self._reader, pieces, self._tables))


def _in_turns(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """The pieces, longer ones parted, in groups of ``MOST_READ`` tokens, so that others' passes come in between."""
    group, size = list[Piece](), 0
    for piece in pieces:
        for start in range(0, len(piece.ids), MOST_READ):
            part = Piece(piece.ids[start : start + MOST_READ], piece.cache, piece.keep)
            if size + len(part.ids) > MOST_READ:
                yield group
                group, size = [], 0
            group.append(part)
            size += len(part.ids)
    yield group


def _blank(like: Tensor, rows: int, room: int) -> Tensor:
    return like.new_zeros((like.shape[0], rows, like.shape[2], room, like.shape[4]))


def in_common(one: Sequence[int], other: Sequence[int]) -> int:
    """With how many tokens both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (mine, others) in pairs if mine != others), min(len(one), len(other)))


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
