"""The latents lesson: measures, bounds, bad pictures, code against page, and nothing typed becomes markup."""

from __future__ import annotations

import base64
import io
import json
import unicodedata
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engines.evidence import Evidence, PlainError
from engines.pictures import snippets as picture_snippets
from engines.pictures.files import face_for, font_size
from engines.stickers import judge
from lessons.latents import api, figures, shrink, smear, surgery, text
from lessons.latents import measures as lab
from lessons.shell import controls
from lessons.shell import views as shell_views
from lessons.shell.content import read_lesson, read_quiz
from tests.lessons.common import NASTY, last, run, safe


@pytest.fixture
def reader(monkeypatch):
    """A reader that reads a picture's ink: "OPEN" where there is some, nothing on blank paper."""

    def read(pictures, progress=None):
        return tuple(judge.Lettering("OPEN" if picture.min() < 250 else "", 1.0, ()) for picture in pictures)

    monkeypatch.setattr(judge, "read_text", read)


def png(picture: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_the_words_are_complete():
    lesson = read_lesson("latents")
    assert [section.key for section in lesson.sections] == ["shrink", "smear", "surgery", "text"]
    assert set(lesson.predictions) == {"exact", "stripes", "channel", "letters"}
    assert len(read_quiz("latents").questions) == 6


# --- 1 ----------------------------------------------------------------------------------------------------


def test_shrinking_counts_and_compares_with_a_thumbnail(painter):
    first, result = shrink.shrink(painter, lab.choose(painter, "owl-meadow"))
    value = result.value
    assert len(first.value.scores) == 1 and len(value.scores) == len(lab.CAPTIONS)
    assert value.trip.numbers.picture == 64 * 64 * 3 and value.trip.numbers.latent == 4 * 8 * 8
    assert value.trip.numbers.ratio == 48
    assert value.thumbnail_side**2 * 3 <= value.trip.numbers.latent
    assert result.expected == pytest.approx(value.scores[0].psnr)
    assert figures.shrunk(value).count("latent") >= 1 and "48" in result.findings[0].headline
    assert 0 <= shrink.truth(value)[0] <= 1


def test_a_picture_that_a_thumbnail_holds_has_no_number_for_no_difference(painter):
    white = np.full((200, 200, 3), 255, np.uint8)
    first, *_ = shrink.shrink(painter, lab.picked(painter, (lab.OWN, white)))
    said = first.alt + " ".join(f"{one.headline} {one.text}" for one in first.findings)
    assert "99.0" not in said and "−" not in said and "no difference between the original and a thumbnail" in said
    rival = figures.shrunk(first.value).partition("the rival:")[2]
    assert "no difference" in rival and "no error anywhere" in rival and "safety" not in rival


def test_shrinking_code_gives_the_same_psnr(painter, tmp_path):
    result = next(shrink.shrink(painter, lab.choose(painter, "owl-meadow")))
    Image.fromarray(lab.example("owl-meadow", 64, 64)).save(tmp_path / "owl.png")
    code = result.snippet.replace("lessons/shell/scenes/owl-meadow.png", str(tmp_path / "owl.png"))
    assert run(code)["psnr"] == pytest.approx(result.expected, abs=0.01)


def chosen(prediction, found):
    """The words of the choice that came true."""
    asked = read_lesson("latents").predictions[prediction]
    return asked.texts[asked.which(found[0])]


@pytest.mark.parametrize(
    ("share", "choice"),
    [
        (0.95, "nearly all (over 90 %)"),
        (0.9, "half to 90 %"),
        (0.3, "a quarter to half"),
        (0.1, "fewer than a quarter"),
    ],
)
def test_exact_pixels_choose_the_answer(painter, share, choice):
    value = next(shrink.shrink(painter, lab.choose(painter, "owl-meadow"))).value
    score = replace(value.scores[0], exact=share)
    assert chosen("exact", shrink.truth(replace(value, scores=(score, score)))) == choice


def test_the_thumbnail_keeps_what_is_flat_and_no_more():
    flat = np.full((64, 64, 3), 77, np.uint8)
    np.testing.assert_array_equal(shrink.through_thumbnail(flat, 9), flat)
    assert shrink.thumbnail_side(1024) == 18


# --- 2 ----------------------------------------------------------------------------------------------------


def test_detail_sorts_flat_from_edge():
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[:, 16:] = 255
    detail = smear.local_detail(picture)
    assert detail[5, 3] == 0 and detail[5, 15] == pytest.approx(1)
    blurred = picture.copy()
    blurred[:, 15:17] = 128
    measured = smear.edges(picture[None], blurred[None])
    assert measured.over(0) == [0] and measured.over(3)[0] > 0
    assert measured.share.sum() == pytest.approx(1) and measured.area.sum() == pytest.approx(1)


def test_contrast_kept_is_one_for_a_copy_and_nothing_for_grey():
    pattern = smear.stripe(4, 0, True, 64)
    copy = np.repeat(pattern[..., None] * 255, 3, axis=-1).astype(np.uint8)
    assert smear.contrast_kept(pattern, copy) == pytest.approx(1)
    assert smear.contrast_kept(pattern, np.full_like(copy, 128)) == pytest.approx(0)
    assert smear.contrast_kept(pattern, 255 - copy) == pytest.approx(-1)
    assert smear.offsets(1) == [0, 1] or len(smear.offsets(1)) == 3
    assert smear.offsets(8) == [0, 4, 8, 12]


@pytest.fixture(scope="module")
def smeared(painter):
    own = lab.choose(painter, NASTY, np.full((90, 40), 128, np.uint8))
    return [step for step in smear.smear(painter, replace(own, name=NASTY)) if isinstance(step, Evidence)]


def test_smearing_measures_scenes_stripes_and_strangers(smeared):
    value = smeared[-1].value
    assert [one.width for one in value.stripes] == list(smear.WIDTHS)
    assert len(value.strangers) == 6 and value.strangers[0].name.startswith("its diet")
    assert chosen("stripes", smear.truth(value))
    assert "detail" in figures.detail_bars(value)
    assert figures.stripe_pictures(value).count("<figure") == len(smear.WIDTHS)
    assert figures.stripe_pictures(value).count(" kept</figcaption>") == len(smear.WIDTHS), "how much, lost or not"
    assert len(figures.stripe_chart(value).data) == 2
    safe(figures.stranger_row(value) + str(shell_views.evidence(smeared[-1])))


def test_stripe_code_gives_the_same_contrast(painter, smeared):
    step = smeared[5]
    assert run(step.snippet) == pytest.approx(step.expected, abs=0.01)


def test_the_narrowest_survivor_has_no_wider_victim(smeared):
    value = smeared[-1].value
    kept = {1: 0.9, 2: 0.1, 3: 0.6, 4: 0.7}
    stripes = tuple(replace(value.stripes[0], width=w, kept=np.array([k])) for w, k in kept.items())
    assert smear.surviving_width(replace(value, stripes=stripes)) == 3
    assert chosen("stripes", smear.truth(replace(value, stripes=stripes))) == "2 or 3 pixels"
    assert smear.surviving_width(replace(value, stripes=stripes[1:2])) is None


# --- 3 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", list(surgery.HOWS))
def test_surgery_measures_every_channel(painter, how):
    results = [
        step for step in surgery.operate(painter, lab.choose(painter, "cat-meadow"), how) if isinstance(step, Evidence)
    ]
    value = results[-1].value
    assert [len(result.value.harms) for result in results] == [1, 2, 3, 4]
    first, found = surgery.ranked(value)[0].channel, surgery.truth(value)
    assert found[0] == (first if surgery.beats(value)[1] > 0 else surgery.UNDECIDED)
    for harm in value.harms:
        assert len(harm.psnr) == 12 and all(-0.01 <= share <= 1.01 for share in harm.brightness)
        changed = (harm.latent != value.latent).any(axis=(1, 2))
        assert not np.delete(changed, harm.channel).any()
    assert figures.operated(value).count("<figure") == 5 and figures.harm_bars(value).count("bar-row") == 4


def test_a_learners_own_picture_is_not_pooled_with_the_stickers(painter):
    own = lab.Chosen(lab.OWN, np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    shrunk = last(shrink.shrink(painter, own))
    assert len(shrunk.value.scores) == 13 and len(shrunk.value.pooled) == 12
    assert "over 12 bundled pictures" in shrunk.findings[1].text
    assert shrink.truth(shrunk.value)[0] == shrunk.value.scores[0].exact
    operated = last(surgery.operate(painter, own))
    assert operated.value.decibels().shape == (4, 12) and "over 12 pictures" in operated.findings[0].text
    assert "of your picture" in operated.findings[1].text


def test_channels_are_called_mixed_only_where_all_are(painter):
    value = last(surgery.operate(painter, lab.choose(painter, "cat-meadow"))).value

    def said(*shares: float) -> str:
        harms = tuple(replace(one, brightness=(share,) * 12) for one, share in zip(value.harms, shares, strict=True))
        return " ".join(card.text for card in surgery._evidence(painter, replace(value, harms=harms), 0, 0.0).findings)

    assert "No channel is all of one kind" in said(0.5, 0.4, 0.8, 0.3)
    assert "No channel" not in said(0.5, 0.4, 0.99, 0.3) and "No channel" not in said(0.5, 0.4, 0.8, 0.01)


def test_the_worst_channel_must_beat_the_next_picture_by_picture(painter):
    value = last(surgery.operate(painter, lab.choose(painter, "cat-meadow"))).value
    few = [replace(harm, psnr=(10.0 + 5 * harm.channel,) * 6) for harm in value.harms]
    assert surgery.truth(replace(value, harms=tuple(few)))[0] == 0
    few[1] = replace(few[1], psnr=(8.0, 12.5, 8.0, 12.5, 8.0, 12.5))
    undecided = surgery.truth(replace(value, harms=tuple(few)))
    assert "no single one" in chosen("channel", undecided) and "cannot be told from channel 2" in undecided[1]


@pytest.mark.parametrize("how", list(surgery.HOWS))
def test_surgery_code_gives_the_same_picture(painter, tmp_path, how):
    result = last(surgery.operate(painter, lab.choose(painter, "cat-meadow"), how, seed=3))
    for name in lab.CAPTIONS:
        Image.fromarray(lab.example(name, 64, 64)).save(tmp_path / f"{name}.png")
    code = result.snippet.replace("lessons/shell/scenes", str(tmp_path))
    assert np.abs(np.asarray(run(code)["restored"]).astype(int) - result.expected).max() <= 1


def test_other_operations_are_refused(painter):
    for settings in ({"how": NASTY}, {"seed": -1}):
        with pytest.raises(PlainError):
            last(surgery.operate(painter, lab.choose(painter, "cat-meadow"), **settings))


# --- 4 ----------------------------------------------------------------------------------------------------


def test_words_are_drawn_without_repeats_and_ones_own_comes_first():
    assert len(set(text.pick_words(count=12, seed=3))) == 12
    assert text.pick_words("open", 3)[0] == "open"
    assert "OPEN" not in text.pick_words("open", 24)
    assert text.pick_words(seed=1) == text.pick_words(seed=1) != text.pick_words(seed=2)


@pytest.mark.parametrize(
    "settings", [{"own": NASTY}, {"own": "two words"}, {"own": "日本"}, {"count": 0}, {"count": 25}, {"seed": None}]
)
def test_bad_words_are_refused(settings):
    with pytest.raises(PlainError):
        text.pick_words(**settings)


@pytest.mark.parametrize("word", ["MÜLL", "Straße", "ÉCOLE", "ŁÓDŹ", "МИР", "u\u0308bel"])
def test_words_of_letters_beyond_a_to_z_are_drawn(painter, reader, word):
    """Umlauts were refused; and the font of the English words would draw a box for each."""
    own = unicodedata.normalize("NFC", word)
    assert text.pick_words(own=word, count=2)[0] == own
    one = last(text.legibility(painter, own=word, count=2)).value.heights[-1]
    assert one.words[0] == own
    size: dict[str, Any] = {"letter_height": 14, "width": 128, "height": 128}
    drawn, boxes = (text.draw_text(each, **size, face="plex") for each in (own, "\ue000" * len(own)))
    assert (text.draw_text(own, **size) == drawn).all() and (drawn != boxes).any()


@pytest.mark.parametrize(
    ("word", "said"),
    [("日本", "no “日”, “本”"), ("a b", "a space is neither"), ("R&B", "“&” is neither"), ("x" * 9, "this one has 9")],
)
def test_a_word_that_cannot_be_drawn_is_refused_by_its_letter(word, said):
    with pytest.raises(PlainError, match=said):
        text.pick_words(own=word)


def test_legibility_reads_before_and_after(painter, reader):
    results = [step for step in text.legibility(painter, own="open", count=2) if isinstance(step, Evidence)]
    value = results[-1].value
    heights = [one.letter_height for one in value.heights]
    assert heights == sorted(heights) and len(results) == value.of == len(heights)
    assert all(one.before == ("OPEN", "OPEN") for one in value.heights)
    assert all(one.share(one.before).successes == 1 for one in value.heights)
    assert chosen("letters", text.truth(value))
    assert figures.readings(value).count("<figure") == len(heights)
    assert len(figures.reading_chart(value).data) == 2


def test_the_surviving_height_has_no_larger_victim(painter, reader):
    value = last(text.legibility(painter, own="open", count=2)).value
    one = value.heights[0]
    heights = tuple(
        replace(one, letter_height=height, after=("OPEN", "") if good else ("", ""))
        for height, good in ((6, True), (10, False), (14, True), (20, True))
    )
    assert text.surviving_height(replace(value, heights=heights)) == 14
    assert text.truth(replace(value, heights=heights))[0] == 14 * 128 / 64


def test_what_the_reader_reads_is_escaped(painter, reader):
    value = last(text.legibility(painter, count=1)).value
    nasty = tuple(replace(one, after=(NASTY,)) for one in value.heights)
    safe(figures.readings(replace(value, heights=nasty)))


def test_a_frame_says_whether_this_very_word_was_read(painter, reader):
    value = last(text.legibility(painter, own="park", count=3)).value
    (one, *_) = value.heights
    misread = replace(one, after=("PARIK", *one.words[1:]))
    drawn = figures.readings(replace(value, heights=(misread,)))
    assert "latents-word lost" in drawn and "2 of 3 words read<br>here: “PARIK”" in drawn
    drawn = figures.readings(replace(value, heights=(replace(one, after=("Park", "", "")),)))
    assert "latents-word kept" in drawn and "1 of 3 words read<br>here: ✓ Park" in drawn
    drawn = figures.readings(replace(value, heights=(replace(one, after=("口K", "", "")),)))
    assert "here: “‹a Chinese sign›K”" in drawn


@pytest.mark.parametrize("word", ["OPEN", "MÜLL"])
def test_legibility_code_draws_what_the_page_draws(word):
    face = face_for(word)
    code = picture_snippets.legibility("a/painter", word, font_size=font_size(12, face), size=64, face=face)
    compile(code, "snippet", "exec")
    drawing = "from PIL import Image, ImageDraw, ImageFont\n" + code[code.index("font =") : code.index("pixels =")]
    drawing = code[: code.index("from PIL")] + drawing
    scope: dict = {}
    exec(drawing, scope)
    np.testing.assert_array_equal(np.asarray(scope["drawn"]), text.draw_text(word, 12, width=64, height=64))


# --- the API ----------------------------------------------------------------------------------------------


def test_the_api(served):
    wide = np.random.default_rng(0).integers(0, 256, (40, 90, 4), dtype=np.uint8)
    for sent in ("cat-meadow", png(wide), "data:image/png;base64," + png(wide)):
        trip, channels = api.round_trip(sent), api.latent_channels(sent)
        assert trip["ratio"] == 48 and trip["after"].startswith("data:image/webp;base64,")
        assert np.array(channels["latent"]).shape == tuple(channels["shape"]) == (4, 8, 8)
        assert len(channels["views"]) == 4 and json.dumps(trip) and json.dumps(channels)


def enormous() -> str:
    file = io.BytesIO()
    Image.new("1", (9000, 9000)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    "picture",
    ["", "../../etc/passwd", "not base64!", NASTY, None, 7, base64.b64encode(b"GIF89a").decode(), enormous()],
    ids=["empty", "path", "words", "markup", "none", "number", "corrupt", "enormous"],
)
@pytest.mark.parametrize("endpoint", [api.round_trip, api.latent_channels], ids=["round_trip", "latent_channels"])
def test_the_api_refuses_what_is_no_picture(served, endpoint, picture):
    with pytest.raises(PlainError):
        endpoint(picture)


def test_an_upload_is_shown_without_markup():
    safe(controls.picker_with({}, np.zeros((64, 64, 3), np.uint8)))
