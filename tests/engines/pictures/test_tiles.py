"""The tile writer's loop: equal to generate() where that can do the same, its dice, its given tiles, its guidance."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from engines.evidence import PlainError
from engines.pictures import painter as painters
from engines.pictures import tiles
from engines.pictures.measures import psnr
from engines.pictures.painter import Painter
from engines.pictures.tiles import FREE, SIDE, TILES, WORDS, TileWriter, tile_writer
from engines.stickers import meaning
from engines.text.dials import Dials
from lessons.shell.scenes import CAPTIONS, example

CAPTION = "a strawberry on a blue background"
GREEDY = Dials(temperature=0)


@pytest.fixture(scope="module")
def writer() -> TileWriter:
    return tile_writer(painters.load(None))


@pytest.fixture(scope="module")
def written(writer):
    """One run of two captions, event by event."""
    return list(tiles.write(writer, (CAPTION, "a cat on a green meadow"), (3, 4)))


def test_a_picture_survives_in_256_bytes(writer):
    scenes = np.stack([example(name) for name in CAPTIONS])
    coded = writer.encode(scenes)
    assert coded.shape == (len(scenes), SIDE, SIDE) and coded.min() >= 0 and coded.max() < len(writer.entries) == 256
    restored = writer.decode(coded)
    assert np.mean([psnr(a, b) for a, b in zip(scenes, restored, strict=True)]) > 26
    assert (writer.decode(np.full((1, SIDE, SIDE), FREE)) == tiles.BLANK).all()


def test_without_guidance_the_loop_is_generate(writer):
    ids = torch.from_numpy(writer.prompts([CAPTION]))
    wanted = writer.transformer.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=TILES, min_new_tokens=TILES,
        pad_token_id=0,
    )[0, WORDS:]  # fmt: skip
    assert wanted.max() < 256, "the head never chooses a caption's token"
    ours = tiles.written(writer, [CAPTION], [0], dials=GREEDY, guidance_scale=1)
    assert (ours.ravel() == wanted.numpy()).all()


def test_every_pass_lays_one_tile_and_none_moves(written):
    assert [event.index for event in written] == list(range(TILES)) and written[-1].finished
    for before, after in zip(written, written[1:], strict=False):
        assert (after.tiles[:, :-1] == before.tiles).all()
    half = written[127].pictures()
    assert half.shape == (2, SIDE, SIDE) and (half[:, 8:] == FREE).all() and (half[:, :8] != FREE).all()
    assert written[0].logits.shape == (2, 256) and not written[0].forced.any()


def test_a_row_is_the_same_alone(writer, written):
    alone = list(tiles.write(writer, (CAPTION,), (3,)))[-1]
    assert (alone.tiles[0] == written[-1].tiles[0]).mean() > 0.99, "a batch rounds the last digits differently"


def test_scoreboards_agree_with_one_pass_over_the_whole(writer):
    events = list(tiles.write(writer, (CAPTION,), (3,), guidance_scale=1))
    stepwise = [-np.log2(event.chances().raw[event.tiles[0, -1]]) for event in events]
    at_once = writer.bits((CAPTION,), events[-1].pictures())
    np.testing.assert_allclose(at_once.ravel(), stepwise, rtol=1e-3, atol=1e-3)
    beliefs = writer.beliefs((CAPTION,), events[-1].pictures())
    np.testing.assert_allclose(2 ** beliefs[0, 3, 5], events[3 * SIDE + 5].chances().raw, atol=1e-4)


def test_given_tiles_are_placed_and_the_dice_go_on(writer, written):
    picture = written[-1].pictures()
    given = np.where(np.arange(SIDE)[None, :, None] < 4, picture, FREE)
    again = list(tiles.write(writer, (CAPTION, "a cat on a green meadow"), (3, 4), given=given))
    assert again[10].forced.all() and not again[64].forced.any()
    assert (again[-1].pictures() == picture).all(), "the same beginning and dice end the same"


def test_one_forced_tile_keeps_all_before_it_and_the_drawn_one_forced_changes_nothing(writer, written):
    at, picture = 5 * SIDE + 11, written[-1].tiles
    runner_up = np.argsort(-written[at].logits, -1)[:, :2]
    other = np.where(runner_up[:, 0] == picture[:, at], runner_up[:, 1], runner_up[:, 0])
    given = np.full((2, TILES), FREE)
    given[:, : at + 1] = picture[:, : at + 1]

    def again(entries: np.ndarray) -> np.ndarray:
        given[:, at] = entries
        captions = (CAPTION, "a cat on a green meadow")
        return tiles.written(writer, captions, (3, 4), given=given.reshape(2, SIDE, SIDE)).reshape(2, TILES)

    assert (again(picture[:, at]) == picture).all(), "the same dice fall after the same tiles"
    forced = again(other)
    assert (forced[:, :at] == picture[:, :at]).all() and (forced[:, at] == other).all()
    assert (forced[:, at + 1 :] != picture[:, at + 1 :]).any()


def test_guidance_mixes_the_two_scoreboards(writer):
    def first(scale: float, caption: str = CAPTION) -> np.ndarray:
        with contextlib.closing(tiles.write(writer, (caption,), (0,), guidance_scale=scale)) as events:
            return next(events).logits[0]

    told, untold = first(1), first(1, "")
    np.testing.assert_allclose(first(3), untold + 3 * (told - untold), atol=1e-4)
    np.testing.assert_allclose(first(0), untold, atol=1e-5)


@pytest.mark.parametrize(
    ("captions", "seeds", "options", "words"),
    [
        ([], [], {}, "from 1 to 64"),
        (["a cat"], [1, 2], {}, "its own caption"),
        (["a cat"], [-1], {}, "seed"),
        (["a cat"], [1], {"guidance_scale": 1e9}, "guidance scale"),
        (["a cat"], [1], {"guidance_scale": float("nan")}, "guidance scale"),
        (["a cat"], [1], {"given": np.zeros((1, 3, 3), int)}, "given tiles"),
        (["a cat"], [1], {"given": np.full((1, SIDE, SIDE), 256)}, "0 to 255"),
        (["a cat"], [1], {"given": np.zeros((1, SIDE, SIDE))}, "whole numbers"),
        (["a" * 5000], [1], {}, "caption"),
        ([None], [1], {}, "caption"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(writer, captions, seeds, options, words):
    with pytest.raises(PlainError, match=words):
        next(tiles.write(writer, captions, seeds, **options))


def test_it_belongs_to_the_bundled_painter(writer):
    assert tile_writer(writer.painter) is writer

    class Other:
        is_bundled = False

    with pytest.raises(PlainError, match="bundled painter"):
        tile_writer(Other())  # type: ignore[arg-type]
    with pytest.raises(PlainError, match="whole picture"):
        writer.bits([CAPTION], np.full((1, SIDE, SIDE), FREE))


def test_its_tokenizer_is_used_by_one_at_a_time(writer, monkeypatch):
    painter, met = writer.painter, Counter[str]()
    twin = Painter(painter.pipeline)  # as a companion, it shares the tokenizer

    class Watched:
        """Every call sets a tokenizer to pad and cut, and another before its end would do so too."""

        def __init__(self, tokenizer: Any) -> None:
            self.tokenizer = tokenizer

        def __getattr__(self, name: str) -> Any:
            return getattr(self.tokenizer, name)

        def __call__(self, *texts: Any, **options: Any) -> Any:
            met["inside"] += 1
            met["most"] = max(met["most"], met["inside"])
            time.sleep(0.01)
            read = self.tokenizer(*texts, **options)
            met["inside"] -= 1
            return read

    monkeypatch.setattr(painter.pipeline, "tokenizer", Watched(painter.pipeline.tokenizer))
    size, scales = (painter.height, painter.width), (1.0,)
    asks: list[Callable[[], Any]] = [
        lambda: writer.prompts([CAPTION]),
        lambda: painter.read(CAPTION),
        lambda: twin.read(CAPTION),
        lambda: twin.condition((CAPTION,), "", two_branches=True, size=size, scales=scales),
        lambda: meaning.load(painter).captions([CAPTION]),
    ]
    with ThreadPoolExecutor(len(asks)) as pool:
        for done in [pool.submit(ask) for ask in asks]:
            done.result()
    assert met["most"] == 1 and met["inside"] == 0


def test_a_long_caption_is_read_as_far_as_there_is_room(writer):
    reading = writer.read("a cat " * 30)
    assert reading.unread and len(reading.pieces) <= WORDS
    assert writer.prompts(["a cat " * 30]).shape == (1, WORDS)
