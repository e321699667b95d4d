"""The codebook and the tile writer: entries that serve, a writer that learns, and goes on where it stopped."""

from __future__ import annotations

import json

import numpy as np
import torch
from transformers import CLIPTokenizer

from engines.pictures.tiles import WORDS
from engines.stickers import scenes
from engines.stickers.seed_ranges import UNSEEN
from training import codebook, data, tile_measures, tiles, tools


def test_entries_lie_where_the_points_are_and_the_commonest_come_first() -> None:
    dice = torch.Generator().manual_seed(0)
    centres = torch.tensor([[5.0, 0, 0, 0], [0, 5, 0, 0], [0, 0, 5, 0]])
    points = torch.cat([
        centre + 0.1 * torch.randn(count, 4, generator=dice)
        for centre, count in zip(centres, (100, 400, 50), strict=True)
    ])  # fmt: skip
    entries, prices = codebook.fit(points, 3, 0.0, 20, seed=0)
    assert torch.allclose(entries, centres[[1, 0, 2]], atol=0.1) and not prices.any()
    _, prices = codebook.fit(points, 3, 0.1, 20, seed=0)
    assert (prices.diff() > 0).all(), "a rare entry costs more"


def options(tmp_path, *more: str):
    chosen = [
        "--scenes", "12", "--validation", "4", "--steps", "2", "--batch", "4", "--width", "32", "--layers", "1",
        "--look-every", "0", "--save-every", "0", "--checkpoint", str(tmp_path / "tiles.pt"), "--out",
        str(tmp_path / "out"), *more,
    ]  # fmt: skip
    return tiles.parse(chosen)


def test_the_writer_learns_stops_and_goes_on(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(scenes, "CACHE", tmp_path)
    first = tiles.train(options(tmp_path))
    assert "bits a tile" in capsys.readouterr().out
    further = tiles.train(options(tmp_path, "--resume", "--begin-at", "0.5"))
    state = torch.load(tmp_path / "tiles.pt")
    assert state["seen"] == 16 and state["minutes"] > 0
    assert not torch.equal(first.lm_head.weight, further.lm_head.weight)
    tiles.save(further, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == "float32"


def test_prompts_stand_behind_the_tiles_and_the_loss_counts_tiles_alone(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(scenes, "CACHE", tmp_path)
    tokenizer = CLIPTokenizer.from_pretrained(tools.MODELS / "painter" / "tokenizer")
    written, prompts, kinds = tiles.read_scenes(4, UNSEEN, tokenizer, torch.device("cpu"))
    assert written.shape == (4, 256) and written.max() < 256 and len(kinds) == 4
    assert prompts.shape == (4, data.PHRASINGS, WORDS) and prompts.min() >= 256
    chosen = options(tmp_path)
    model = tiles.build(chosen.entries, len(tokenizer), chosen)
    with torch.no_grad():
        model.lm_head.weight.zero_()
        loss = tiles.loss_of(model, chosen.entries, prompts[:, 0], written)
    assert abs(float(loss) - np.log(256)) < 1e-5, "an even choice among the entries, and nothing of the caption"


def test_shares_stand_beside_the_painters_own() -> None:
    painted = {"background": {"right": 9, "of": 10, "rate": 0.9, "low": 0.6, "high": 0.98, "untold": 0}}
    table = tile_measures.shares({"background": [True, None, False], "colour": [True]}, painted)
    assert set(table) == {"background"} and table["background"]["tile writer"]["of"] == 2
    assert table["background"]["tile writer"]["untold"] == 1
    assert "| background | 1 of 2 | 1 | 50.0% " in tile_measures.as_markdown(table)
