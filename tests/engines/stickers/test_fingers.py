"""The finger counter on drawn hands, on the bundled sheet of training scenes, and where there is no hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from engines.evidence import PlainError
from engines.models.catalogue import MODELS
from engines.models.weights import fingerprint
from engines.stickers import fingers

TIPS = {"little": (34, 40), "ring": (50, 28), "middle": (66, 24), "index": (82, 30), "thumb": (104, 60)}


def drawn(names, skin=(235, 180, 150), ground=(70, 120, 220)) -> np.ndarray:
    """A hand of a round palm and straight fingers, four times as large and then shrunk."""
    image = Image.new("RGB", (512, 512), ground)
    draw = ImageDraw.Draw(image)
    draw.ellipse([4 * 36, 4 * 54, 4 * 92, 4 * 106], fill=skin)
    for name in names:
        x, y = TIPS[name]
        draw.line([4 * 64, 4 * 78, 4 * x, 4 * y], fill=skin, width=44)
        draw.ellipse([4 * x - 22, 4 * y - 22, 4 * x + 22, 4 * y + 22], fill=skin)
    return np.asarray(image.resize((128, 128), Image.Resampling.BOX))


@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("skin", [(235, 180, 150), (70, 45, 40), (255, 205, 70)])
def test_drawn_fingers_are_counted(count, skin):
    (hand,) = fingers.count_fingers(drawn(list(TIPS)[-count:], skin)[None])
    assert hand.fingers == len(hand.tips) == count
    assert hand.palm is not None and abs(hand.palm[0] - 0.5) < 0.1
    highest = min(y for _, y in hand.tips)
    assert highest < hand.palm[1] - 0.2


def test_the_answer_is_the_same_for_larger_and_mirrored_pictures():
    picture = drawn(["ring", "middle", "thumb"])
    large = np.asarray(Image.fromarray(picture).resize((256, 256)))
    mirrored = picture[:, ::-1]
    assert [hand.fingers for hand in fingers.count_fingers(np.stack([picture, mirrored]))] == [3, 3]
    assert fingers.count_fingers(large[None])[0].fingers == 3


def test_where_no_hand_stands_out_nothing_is_counted():
    plain = np.full((128, 128, 3), 120, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    for picture in (plain, noise):
        (hand,) = fingers.count_fingers(picture[None])
        assert hand.fingers is None and not hand.tips


def test_hands_of_the_training_scenes_have_five_fingers():
    """Every lone hand of the contact sheet, as the painter saw it."""
    place = MODELS / "sticker-world"
    tiles = json.loads((place / "contact-sheet.json").read_text())
    sheet = np.asarray(Image.open(place / "contact-sheet.webp").convert("RGB"))
    side = tiles["tile"]
    hands = [
        sheet[tile["y"] : tile["y"] + side, tile["x"] : tile["x"] + side]
        for tile in tiles["tiles"]
        if tile["plan"]["kind"] == "single" and tile["plan"]["things"][0]["name"] == "hand"
    ]
    counted = [hand.fingers for hand in fingers.count_fingers(np.stack(hands))]
    assert len(counted) >= 8 and np.mean([number == 5 for number in counted]) >= 0.75, counted


def test_bad_input_is_refused():
    for bad in (np.zeros((0, 128, 128, 3), np.uint8), np.zeros((128, 128, 3), np.uint8), np.zeros((1, 8, 8), np.uint8)):
        with pytest.raises(PlainError):
            fingers.count_fingers(bad)


def test_the_recorded_test_belongs_to_this_counter():
    told = fingers.validation()
    assert told["badge"] == "recorded"
    assert told["counter"] == {
        "rays_averaged": fingers.SMOOTH, "prominence": fingers.PROMINENCE, "reach": fingers.REACH
    }  # fmt: skip
    stale = "the autoencoder has changed: run python -m training.fingers again"
    assert told["autoencoder"] == fingerprint(MODELS / "autoencoder"), stale
    for question, score in told["questions"].items():
        assert 0 <= score["right"] <= score["of"] and score["of"] >= 100, question
    assert told["questions"]["five fingers, as rendered"]["rate"] >= 0.9
    assert told["questions"]["three or four fingers, as rendered"]["rate"] >= 0.9
