"""Shapes in characters: rasterised, read back from replies, scored against chance, and laid over tokens."""

from __future__ import annotations

import numpy as np
import pytest

from engines.evidence import PlainError
from engines.text import character_art as art

DOTS, SPACES, CELLS = (art.STYLES[key] for key in ("dots", "spaces", "cells"))


def drawing(text: str, style: art.Style = DOTS) -> art.Drawing:
    return art.read(text, style)


@pytest.mark.parametrize("size", [5, 7, 8, 11])
@pytest.mark.parametrize("shape", list(art.SHAPES))
def test_a_shape_fills_its_square_and_is_itself(shape, size):
    grid = art.rasterise(shape, size)
    assert grid.shape == (size, size) and grid.dtype == bool
    assert grid.any(axis=0).all() and grid.any(axis=1).all()
    for style in art.STYLES.values():
        read = drawing("Here it is:\n" + art.write(grid, style) + "\n\nDone.", style)
        if style is not SPACES:
            np.testing.assert_array_equal(read.grid, grid)
        found = art.score(read, shape, size)
        assert found.asked == 1 and found.recognised and found.likest == shape
        assert found.others < 0.6 and found.shuffled < 0.75


def test_shapes_differ():
    grids = [art.rasterise(shape, 7) for shape in art.SHAPES]
    assert len({grid.tobytes() for grid in grids}) == len(grids)


@pytest.mark.parametrize(("shape", "size"), [("hexagon", 7), ("", 7), ("square", 4), ("square", 99), ("square", 7.5)])
def test_unknown_shapes_and_sizes_are_refused(shape, size):
    with pytest.raises(PlainError):
        art.rasterise(shape, size)


def test_unknown_styles_are_refused():
    with pytest.raises(PlainError, match="dots"):
        art.style_of("<b>")


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "A square has four sides.",
        "```\n```",
        "#",
        "....\n....",
        "1 2 3\n4 5 6",
        "<script>\n</script>",
        "\u202e#\n\u200b#",
    ],
)
def test_what_is_no_drawing_has_no_lines_and_scores_nothing(reply):
    read = drawing(reply)
    assert read.lines == () and read.grid.size == 0 and not read.ragged
    found = art.score(read, "square", 7)
    assert found.asked == found.shuffled == 0 and found.likest is None and not found.recognised


def test_the_drawing_is_found_among_the_words():
    read = drawing("Sure!\n```\n###\n#.#\n###\n```\nA square.\n##\n##")
    assert read.lines == ("###", "#.#", "###") and read.widths == (3, 3, 3)


def test_lines_of_different_width_are_kept_and_named_ragged():
    read = drawing("#####\n#\n###")
    assert read.ragged and read.widths == (5, 1, 3) and read.grid.shape == (3, 5)


def test_gaps_between_cells_are_no_cells():
    assert drawing("# . #\n. # .", CELLS).widths == (3, 3)
    assert drawing("#.#\n. # .", CELLS).widths == (3, 3)


def test_a_flood_of_characters_is_cut():
    read = drawing("\n".join(["#" * 500] * 500))
    assert read.grid.shape == (art.MAX_SIDE, art.MAX_SIDE)
    assert 0 < art.score(read, "square", 7).asked < 0.1


def test_overlap_slides_and_counts_both_ways():
    target = art.rasterise("square", 5)
    assert art.overlap(np.pad(target, ((3, 1), (0, 4))), target) == 1
    assert art.overlap(np.ones((5, 5), bool), target) == pytest.approx(16 / 25)
    assert art.overlap(np.ones((1, 1), bool), target) == pytest.approx(1 / 16)
    assert art.overlap(target, np.zeros((5, 5), bool)) == 0


def test_a_random_drawing_scores_as_its_shuffles_do():
    generator = np.random.default_rng(0)
    gains = []
    for seed in range(60):
        grid = generator.random((7, 7)) < 0.5
        found = art.score(art.Drawing((), (), grid), "ring", 7, seed=seed)
        gains.append(found.asked - found.shuffled)
    assert abs(np.mean(gains)) < 0.03


def test_chance_depends_on_the_shape():
    chances = {}
    for shape in art.SHAPES:
        read = drawing(art.write(art.rasterise(shape, 7), DOTS))
        chances[shape] = np.mean([art.score(read, shape, 7, seed=seed).chance for seed in range(5)])
    assert chances["triangle"] > 0.75 and max(v for k, v in chances.items() if k != "triangle") < 0.25
    assert chances["ring"] < 0.1


def test_chance_is_what_shuffling_by_hand_gives():
    read, generator = drawing(art.write(art.rasterise("T", 7), DOTS)), np.random.default_rng(1)
    right = 0
    for _ in range(1000):
        grid = generator.permuted(read.grid.ravel()).reshape(7, 7)
        values = {name: art.overlap(grid, art.rasterise(name, 7)) for name in art.SHAPES}
        best = max(values.values())
        right += [name for name, value in values.items() if value == best] == ["T"]
    found = np.mean([art.score(read, "T", 7, seed=seed).chance for seed in range(20)])
    assert found == pytest.approx(right / 1000, abs=0.04)


def test_overlap_equals_sliding_one_cell_at_a_time():
    generator = np.random.default_rng(0)
    for rows, columns in ((7, 7), (3, 9), (10, 2)):
        drawn, target = generator.random((rows, columns)) < 0.4, art.rasterise("plus", 7)
        wide = np.pad(target, ((rows, rows), (columns, columns)))
        shared = max(
            int((wide[top : top + rows, left : left + columns] & drawn).sum())
            for top in range(len(wide) - rows + 1)
            for left in range(wide.shape[1] - columns + 1)
        )
        assert art.overlap(drawn, target) == pytest.approx(shared / (drawn.sum() + target.sum() - shared))


def test_the_score_is_seeded():
    read = drawing("##..\n#.#.\n#..#")
    assert art.score(read, "L", 7, seed=3) == art.score(read, "L", 7, seed=3)


def test_a_column_is_a_constant_step_only_when_every_cell_is_a_token():
    grid = art.rasterise("ring", 7)
    spaced = art.write(grid, CELLS)
    each = art.token_map(spaced, [part for line in spaced.split("\n") for part in (*line, "\n")][:-1], CELLS)
    assert each.distances == (14,)
    text = art.write(grid, DOTS)
    runs = art.token_map(text, ["..", "###", "..\n", ".#", "...", "#.", text[15:]], DOTS)
    assert len(runs.distances) > 1
    assert runs.spans[:4] == (("..", 0, 0, 2), ("###", 0, 2, 3), ("..\n", 0, 5, 2), (".#", 1, 0, 2))


def test_tokens_of_another_text_are_refused():
    with pytest.raises(PlainError):
        art.token_map("##\n##", ["##", "##"], DOTS)


def test_line_breaks_belong_to_the_token_that_writes_them():
    tokens = art.token_map("##\n #\n#", ["##", "\n ", "#", "\n", "#"], SPACES)
    assert tokens.spans == (("##", 0, 0, 2), ("\n ", 1, 0, 1), ("#", 1, 1, 1), ("\n", 1, 2, 0), ("#", 2, 0, 1))
    assert tokens.steps_up == (1, 2, 3)
