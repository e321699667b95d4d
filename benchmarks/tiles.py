"""How many tiles a second the tile writer lays, with its scoreboards and without, against generate(): prints a table.

python -m benchmarks.tiles                 # a minute
python -m benchmarks.tiles --rows 16 --rounds 2
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from benchmarks.measuring import Row, best, report
from engines.models import worker
from engines.pictures import painter, tiles
from engines.pictures.diffusion import Plan, paint
from engines.pictures.tiles import DIALS, TILES, TileWriter, tile_writer

CAPTION = "a strawberry on a blue background"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the tile writer.")
    parser.add_argument("--rows", type=int, default=8, help="pictures at once in the last rows of the table (8)")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tiles", type=int, default=TILES, help="tiles of a picture that are laid (all)")
    options = parser.parse_args(arguments)
    report(
        ("what", "seconds", "tiles a second", "against generate()"), rows(options.rows, options.rounds, options.tiles)
    )


def rows(many: int, rounds: int, count: int = TILES) -> list[Row]:
    """One picture by generate(), by our loop, without a cache, with guidance; ``many`` at once; the sculptor's."""
    beside = painter.load(None)
    writer = tile_writer(beside)
    seconds = best(
        rounds,
        lambda: generated(writer, count),
        lambda: laid(writer, 1, count, guidance=1.0),
        lambda: without_cache(writer, count),
        lambda: laid(writer, 1, count),
        lambda: laid(writer, many, count),
        lambda: paint(beside, Plan(CAPTION)),
    )
    names = (
        "generate(), one picture", "one picture with scoreboards", "the same without a cache",
        "one picture with scoreboards and guidance", f"{many} pictures with scoreboards and guidance",
    )  # fmt: skip
    sizes = (1, 1, 1, 1, many)
    table = [
        (name, f"{took:.2f}", f"{size * count / took:,.0f}", f"{(size * count / took) / (count / seconds[0]):.2f} ×")
        for name, took, size in zip(names, seconds, sizes, strict=False)
    ]
    return [*table, (f"the sculptor, one picture in {beside.steps} passes", f"{seconds[-1]:.2f}", "–", "–")]


def laid(writer: TileWriter, many: int, count: int, guidance: float = tiles.GUIDANCE) -> None:
    """Our loop, stopped after ``count`` tiles."""
    for event in tiles.write(writer, [CAPTION] * many, list(range(many)), guidance_scale=guidance):
        if event.index + 1 == count:
            return


@worker.only
def generated(writer: TileWriter, count: int) -> None:
    """The library's own loop, without guidance."""
    import torch

    ids = torch.from_numpy(writer.prompts([CAPTION])).to(writer.transformer.device)
    torch.manual_seed(0)
    writer.transformer.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=True, top_p=DIALS.top_p, top_k=0, max_new_tokens=count,
        min_new_tokens=count, pad_token_id=0,
    )  # fmt: skip


@worker.only
def without_cache(writer: TileWriter, count: int) -> None:
    """Every tile read anew for each that follows: what the cache saves."""
    import torch

    ids = torch.from_numpy(writer.prompts([CAPTION])).to(writer.transformer.device)
    for _ in range(count):
        hidden = writer.transformer.model(input_ids=ids, use_cache=False).last_hidden_state[:, -1]
        board = (hidden @ writer.transformer.lm_head.weight[: len(writer.entries)].T).float().cpu().numpy()
        ids = torch.cat([ids, torch.tensor([[int(np.argmax(board))]], device=ids.device)], 1)


if __name__ == "__main__":
    main()
