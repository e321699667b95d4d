"""Shapes drawn in characters: what was asked for, what a reply holds, and how far the two agree.

A grid is a bool array [rows, columns], True where there is ink. Nothing here runs a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engines.checks import check_number, one_of
from engines.evidence import PlainError

SIZES = (5, 11)
INK = "#"
MARKS = frozenset("#*@XxOo+|/\\-=%&█▓■●")
EMPTY = frozenset(" ._·")
MAX_SIDE = 40
SHUFFLES = 200


@dataclass(frozen=True)
class Style:
    """How a grid is written: ``blank`` for an empty cell, ``gap`` between the cells of a row."""

    key: str
    title: str
    blank: str
    gap: str


STYLES = {
    style.key: style
    for style in (
        Style("dots", "# and dots", ".", ""),
        Style("spaces", "# and spaces", " ", ""),
        Style("cells", "# and dots, set apart", ".", " "),
    )
}
SHAPES = {
    "square": "a square",
    "triangle": "a triangle",
    "ring": "a ring",
    "diagonal": "a diagonal line",
    "plus": "a plus sign",
    "cross": "a diagonal cross",
    "L": "the letter L",
    "T": "the letter T",
}
"""Key to the words that ask for it."""


def style_of(key: str) -> Style:
    """The style called ``key``; PlainError names them otherwise."""
    return STYLES[one_of("The style", key, STYLES)]


def check_shape(shape: str) -> str:
    """A known shape; PlainError names them otherwise."""
    return one_of("The shape", shape, SHAPES)


def rasterise(shape: str, size: int) -> np.ndarray:
    """The shape as bool [size, size]; it touches all four sides, so that its size is never in doubt."""
    check_shape(shape)
    check_number("The size of the grid", size, *SIZES, whole=True)
    last = size - 1
    row, column = np.mgrid[0:size, 0:size]
    middle = last / 2
    near_row, near_column = abs(row - middle) <= 0.5, abs(column - middle) <= 0.5
    radius = np.hypot(row - middle, column - middle)
    grids = {
        "square": (row == 0) | (row == last) | (column == 0) | (column == last),
        "triangle": abs(column - middle) <= (row + 1) * (middle + 0.5) / size,
        "ring": abs(radius - middle) <= 0.6,
        "diagonal": row == column,
        "plus": near_row | near_column,
        "cross": (row == column) | (row + column == last),
        "L": (column == 0) | (row == last),
        "T": (row == 0) | near_column,
    }
    return grids[shape]


def write(grid: np.ndarray, style: Style) -> str:
    """The grid bool [R, C] as text, one line a row; blank cells at its end are left out when they are spaces."""
    rows = (style.gap.join(INK if cell else style.blank for cell in row) for row in grid)
    return "\n".join(row.rstrip(" ") for row in rows)


# --- a reply read as a drawing ----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Drawing:
    """What a reply holds: its drawn ``lines`` as written, their ``widths`` in cells, and the ink bool [R, C].

    A reply without a drawing has no lines. The grid is as wide as its widest line, the others are filled up
    with empty cells on the right.
    """

    lines: tuple[str, ...]
    widths: tuple[int, ...]
    grid: np.ndarray

    @property
    def ragged(self) -> bool:
        """Whether its lines differ in width, so that its columns do not line up."""
        return len(set(self.widths)) > 1


def read(reply: str, style: Style) -> Drawing:
    """The first lines in a row, two at least, that hold nothing but marks and blanks; 40 × 40 cells at most.

    Any of ``# * @ X O + | / \\ - =`` counts as ink, since a reply may choose its own.
    """
    if not isinstance(reply, str):
        raise PlainError("There is no reply to read a drawing from.")
    block: list[str] = []
    for line in [*reply.expandtabs(4).splitlines(), ""]:
        if line and set(line) <= MARKS | EMPTY:
            block.append(line)
        elif len(block) >= 2 and any(set(one) & MARKS for one in block):
            break
        else:
            block = []
    lines = tuple(block[:MAX_SIDE])
    rows = [_cells(line, style)[:MAX_SIDE] for line in lines]
    grid = np.zeros((len(rows), max(map(len, rows), default=0)), dtype=bool)
    for number, row in enumerate(rows):
        grid[number, : len(row)] = [cell in MARKS for cell in row]
    return Drawing(lines, tuple(map(len, rows)), grid)


def _cells(line: str, style: Style) -> str:
    """A line's cells: every other character where the style puts gaps between them and the line keeps to it."""
    if style.gap and set(line[1::2]) <= {style.gap}:
        return line[::2]
    return line.replace(style.gap, "") if style.gap else line


# --- the score --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """A drawing against the shapes, in intersection over union from 0 to 1.

    ``asked`` is for the shape that was asked for, ``each`` for every shape. Two baselines come from the drawing's
    own cells, thrown about at random: ``shuffled`` is their mean score, ``chance`` the share of throws that
    resemble the shape asked for most. ``chance`` depends on the shape and on the amount of ink: on 7 × 7, 84 %
    of the throws of a triangle's cells are likest a triangle, 7 % of those of a ring's likest a ring.
    """

    shape: str
    asked: float
    each: tuple[tuple[str, float], ...]
    shuffled: float
    chance: float

    @property
    def likest(self) -> str | None:
        """The one shape that the drawing resembles most; None when it is blank or two tie."""
        names, values = zip(*self.each, strict=True)
        at = int(_likest(np.array(values)[:, None])[0])
        return None if at < 0 else names[at]

    @property
    def recognised(self) -> bool:
        return self.likest == self.shape

    @property
    def others(self) -> float:
        """Mean score against the shapes that were not asked for."""
        values = [value for name, value in self.each if name != self.shape]
        return sum(values) / len(values)


def overlap(drawn: np.ndarray, target: np.ndarray) -> float:
    """Intersection over union of the ink, with the drawing bool [R, C] slid to where it fits best; 0 without ink.

    Sliding forgives a margin, and it favours a random drawing as much as a careful one.
    """
    return float(_overlaps(drawn[None], target)[0])


def _overlaps(drawn: np.ndarray, target: np.ndarray) -> np.ndarray:
    """:func:`overlap` of many drawings bool [n, R, C] with one target bool [r, c]: float [n]."""
    count, rows, columns = drawn.shape
    inked = np.argwhere(target)
    if not drawn.any() or not len(inked):
        return np.zeros(count)
    (bottom, right) = np.array(target.shape) - 1
    shared = np.zeros((count, rows + bottom, columns + right), dtype=np.int32)  # one cell for every way to slide
    for row, column in inked:
        shared[:, bottom - row : bottom - row + rows, right - column : right - column + columns] += drawn
    best = shared.max(axis=(1, 2))
    return best / (drawn.sum(axis=(1, 2)) + len(inked) - best)


def _likest(scores: np.ndarray) -> np.ndarray:
    """For scores [shapes, n], the index of the one best shape for each of n; -1 where it is blank or two tie."""
    best = scores.max(axis=0)
    alone = (scores == best).sum(axis=0) == 1
    return np.where(alone & (best > 0), scores.argmax(axis=0), -1)


def score(drawing: Drawing, shape: str, size: int, *, seed: int = 0) -> Score:
    """How far the drawing agrees with ``shape``, with every other shape, and shuffled by ``seed``."""
    asked = list(SHAPES).index(check_shape(shape))
    grid = drawing.grid
    mixed = np.tile(grid.ravel(), (SHUFFLES, 1))
    np.random.default_rng(seed).permuted(mixed, axis=1, out=mixed)
    grids = np.concatenate([grid[None], mixed.reshape(SHUFFLES, *grid.shape)])
    scores = np.stack([_overlaps(grids, rasterise(name, size)) for name in SHAPES])  # [shapes, 1 + SHUFFLES]
    return Score(
        shape=shape,
        asked=float(scores[asked, 0]),
        each=tuple(zip(SHAPES, scores[:, 0].tolist(), strict=True)),
        shuffled=float(scores[asked, 1:].mean()),
        chance=float((_likest(scores[:, 1:]) == asked).mean()),
    )


# --- what tokens do to columns ----------------------------------------------------------------------------


@dataclass(frozen=True)
class TokenMap:
    """A drawing as a row of tokens. ``spans`` has (text, line, first column, columns) for each token's part
    within a line, its line break included; ``steps_up`` how many tokens back, for each cell that has one, the
    cell above it stands.
    """

    pieces: tuple[str, ...]
    spans: tuple[tuple[str, int, int, int], ...]
    steps_up: tuple[int, ...]

    @property
    def distances(self) -> tuple[int, ...]:
        """The different distances to the cell above, in rising order: one is a grid, many are a drift."""
        return tuple(sorted(set(self.steps_up)))


def token_map(text: str, pieces: Sequence[str], style: Style) -> TokenMap:
    """Lay ``pieces``, which join to ``text``, over its lines. PlainError when they do not join to it."""
    if "".join(pieces) != text:
        raise PlainError("These tokens do not join to this drawing.")
    spans: list[tuple[str, int, int, int]] = []
    owner: dict[tuple[int, int], int] = {}
    line = column = 0
    for number, piece in enumerate(pieces):
        parts = piece.split("\n")
        for index, part in enumerate(parts):
            if index:
                line, column = line + 1, 0
            before = "\n" if index and part else ""
            after = "\n" if index + 1 < len(parts) and not parts[index + 1] else ""
            if shown := before + part + after:
                spans.append((shown, line, column, len(part)))
            for offset in range(len(part)):
                owner[line, column + offset] = number
            column += len(part)
    stride = 1 + len(style.gap)
    steps = [
        owner[row, place] - owner[row - 1, place]
        for row, place in owner
        if row and place % stride == 0 and (row - 1, place) in owner
    ]
    return TokenMap(tuple(pieces), tuple(spans), tuple(steps))
