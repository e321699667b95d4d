"""The lettering lesson: the mirror and the signs measured, bounds, code against page, nothing typed becomes markup."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from engines.checks import MAX_SEED
from engines.evidence import Evidence, PlainError, Underway
from engines.pictures.painter import POCKET
from engines.signs import lab as sign_lab
from engines.signs import measures as sign_measures
from engines.statistics import percent, wilson
from engines.stickers import judge
from engines.text import character_art as art
from engines.text import language_model
from lessons.lettering import api, causes, ceiling, drawings, mirror, own, page, signs
from lessons.lettering import figures as draw
from lessons.shell import recorded, views
from lessons.shell.content import read_lesson, read_quiz
from tests.engines import tiny_text
from tests.engines.tiny_painters import same_pictures
from tests.lessons.common import NASTY, last, run, safe


def test_the_words_are_complete():
    lesson = read_lesson("lettering")
    assert [section.key for section in lesson.sections] == ["signs", "causes", "own", "ceiling", "mirror"]
    assert set(lesson.predictions) == {"legible", "repair", "instead", "ceiling", "mirror"}
    assert len(read_quiz("lettering").questions) == 6


WORDS = sign_lab.Words(("A", "OPEN", "STOP", "BREAD"), ("B", "HATS", "LAMP", "RIVER"), "a test")
WRONG = [
    "",
    "two words",
    "NINELETTERS",
    "x" * 200,
    NASTY,
    "\u05e9\u05dc\u05d5\u05dd",
    "\U0001f600",
    "OP\u200bEN",
    "日本",
    "ÄRA",
    7,
    None,
]


class Painter:
    """Stands in for a sign painter: "boxes" prints the word, the others print it backwards."""

    revision = "test"

    def __init__(self, key: str) -> None:
        self.cause = sign_lab.check_cause(key)

    def pieces(self, word: str) -> tuple[str, ...]:
        return tuple(word) if self.cause.key == "characters" else (word,)

    def unmet(self, word: str) -> tuple[bool, ...] | None:
        return None if self.cause.key == "sloppy" else (not WORDS.has_seen(word),) * len(self.pieces(word))


@pytest.fixture
def lab(monkeypatch):
    """The lab with stand-ins for painters and reader, and short word lists."""
    written: dict[bytes, str] = {}

    def printed(word: str) -> np.ndarray:
        picture = sign_lab.draw_sign(word)
        written[picture.tobytes()] = word
        return picture

    def paint(painter, words, seeds, *, previews=False):
        words, seeds = tuple(map(sign_lab.check_word, words)), tuple(seeds)
        right = painter.cause.boxed
        pictures = np.stack([printed(word if right else word[::-1]) for word in words for _ in seeds])
        for index in range(4):
            last = index == 3
            yield sign_lab.SignPass(
                index, 4, words, seeds, pictures if previews else None, pictures if last else None, 0.1
            )

    def read(pictures, words):
        each = [word for word in words for _ in range(len(pictures) // len(words))]
        texts = [written.get(picture.tobytes(), "") for picture in pictures]
        return tuple(sign_measures.Spelling(w, t, judge.edit_distance(t, w)) for w, t in zip(each, texts, strict=True))

    monkeypatch.setattr(sign_lab, "words", lambda: WORDS)
    monkeypatch.setattr(sign_lab, "is_seen", WORDS.has_seen)
    monkeypatch.setattr(sign_lab, "load", lambda cause, progress=None: Painter(cause))
    monkeypatch.setattr(sign_lab, "paint", paint)
    monkeypatch.setattr(sign_lab, "read", read)


# --- 1: signs ---------------------------------------------------------------------------------------------


def test_a_word_is_painted_by_each_painter_and_read(lab):
    events = list(signs.paint_word("open", seeds=3, seed=5))
    results = [event for event in events if isinstance(event, Evidence)]
    value = results[-1].value
    assert [len(result.value.painted) for result in results] == [1, 2, 3, 4]
    assert value.word == "OPEN" and value.seen
    assert [one.exact.successes for one in value.painted] == [0, 0, 0, 3]
    assert value.painted[0].spellings[0].text == "NEPO" and [value.painted[0].seed(row) for row in range(3)] == [
        5,
        6,
        7,
    ]
    assert value.pieces == (("OPEN",), ("OPEN",), ("O", "P", "E", "N"), ("OPEN",))
    assert len(results[-1].table.rows) == 12
    assert draw.signs(value).count("<figure") == 12 and "was on the training signs" in draw.signs(value)
    assert results[-1].findings[-1].headline == "Seen"


def test_glimpses_come_before_the_signs_and_a_run_can_be_left(lab, monkeypatch):
    monkeypatch.setattr(signs, "GLIMPSE_EVERY", 1)
    events = signs.paint_word("LAMP", ["boxes"], seeds=1)
    first = next(event for event in events if isinstance(event, signs.Glimpse))
    assert first.index == 0
    assert "pass 1 of 4" in draw.signs(signs.Signs("LAMP", False, (), (), ()), first)
    events.close()


def chosen(prediction, found):
    """The words of the choice that came true."""
    asked = read_lesson("lettering").predictions[prediction]
    return asked.texts[asked.which(found[0])]


@pytest.mark.parametrize(
    ("right", "choice"),
    [(0, "none of them"), (1, "up to half"), (2, "up to half"), (3, "more than half"), (4, "all of them")],
)
def test_the_sloppy_painter_chooses_the_answer(lab, right, choice):
    result = last(signs.paint_word("LAMP", ["sloppy"], seeds=4))
    (one,) = result.value.painted
    spellings = tuple(replace(spelling, errors=0 if i < right else 4) for i, spelling in enumerate(one.spellings))
    value = replace(result.value, painted=(replace(one, spellings=spellings),))
    assert chosen("legible", signs.truth(value)) == choice
    assert signs.truth(last(signs.paint_word("LAMP", ["boxes"])).value) is None


@pytest.mark.parametrize("word", WRONG, ids=lambda value: ascii(value)[:40])
def test_what_no_sign_can_hold_is_refused_before_anything_is_painted(lab, word):
    for call in (
        lambda: last(signs.paint_word(word)), lambda: api.paint_sign(word),
        lambda: last(api.sign_lab(words=word)) if word != "two words" else sign_lab.check_word(word),
    ):  # fmt: skip
        with pytest.raises(PlainError):
            call()


@pytest.mark.parametrize("settings", [{"causes": []}, {"causes": [NASTY]}, {"seeds": 0}, {"seeds": 99}, {"seed": None}])
def test_bad_settings_are_refused(lab, settings):
    with pytest.raises(PlainError):
        last(signs.paint_word("OPEN", **settings))


@pytest.mark.parametrize("painter", ["characters", "boxes"])
def test_sign_code_paints_what_the_page_shows(painter):
    result = last(signs.paint_word("OPEN", [painter], seeds=1, seed=3))
    assert np.abs(np.asarray(run(result.snippet)).astype(int) - result.expected).max() <= 2


def test_new_words_go_round_a_list_of_words_that_no_painter_was_trained_on():
    assert set(signs.NEW_WORDS) <= set(sign_lab.words().never_seen) and len(signs.NEW_WORDS) >= 40
    first = signs.next_new_word("OPEN")
    assert first in signs.NEW_WORDS and signs.next_new_word(NASTY) == signs.next_new_word("") == first
    word, met = first, []
    for _ in signs.NEW_WORDS:
        met.append(word)
        word = signs.next_new_word(word.lower())
    assert word == first and len(set(met)) == len(signs.NEW_WORDS)


def test_pieces_that_no_training_caption_held_are_marked(lab):
    new, old = last(signs.paint_word("LAMP", seeds=1)), last(signs.paint_word("OPEN", seeds=1))
    assert new.value.unmet == (None, (True,), (True,) * 4, (True,))
    assert draw.signs(new.value).count('class="unmet"') == 6 and "in no training caption" in draw.signs(new.value)
    assert "which stood in no training caption" in new.findings[1].text
    assert "has more to fail at" in new.findings[-1].text and "has more to fail at" not in old.findings[-1].text
    assert "unmet" not in draw.signs(old.value) and not any("training caption" in one.text for one in old.findings[:-1])
    assert signs.never_met((True, False, True)) == "; only 1 of them stood in a training caption"
    assert "none of them" in signs.never_met((True, True)) and signs.never_met(None) == signs.never_met((False,)) == ""


def test_what_the_reader_reads_is_escaped(lab):
    result = last(signs.paint_word("LAMP", ["sloppy"], seeds=1))
    (one,) = result.value.painted
    nasty = replace(one, spellings=(sign_measures.Spelling("LAMP", NASTY, 4),))
    safe(draw.signs(replace(result.value, painted=(nasty,))))
    safe(draw.side_by_side(causes.Run("seen", 4, ("LAMP",), (nasty,))))


def test_two_learners_at_once_keep_their_own_results(lab):
    mine, theirs = signs.paint_word("LAMP", seeds=1), signs.paint_word("STOP", seeds=2)
    seen = [(a.value.word, b.value.word) for a, b in zip(mine, theirs, strict=True) if isinstance(a, Evidence)]
    assert seen == [("LAMP", "STOP")] * 4


# --- 2: causes --------------------------------------------------------------------------------------------


def test_a_cell_gives_all_painters_the_same_words_and_seeds(lab):
    results = [one for one in causes.rerun("never_seen", 4, words=2, seeds=2, seed=3) if isinstance(one, Evidence)]
    value = results[-1].value
    assert sorted(value.words) == ["HATS", "LAMP"] and len(results) == 4
    assert {one.words for one in value.painted} == {value.words} and {one.seeds for one in value.painted} == {(3, 4)}
    assert len(results[-1].table.rows) == 16
    assert draw.side_by_side(value).count("<figure") == 8


def test_the_effect_of_the_word_is_none_for_a_deaf_painter_and_all_for_a_printer(lab):
    value = last(causes.rerun("never_seen", 4, words=2, seeds=2)).value
    printer = value.painted[-1]
    assert printer.word_effect == pytest.approx(1)
    deaf = replace(printer, pictures=np.repeat(printer.pictures[:1], len(printer.pictures), axis=0))
    assert deaf.word_effect == 0
    assert "How much the word changes the lettering" in draw.side_by_side(value)
    assert last(causes.rerun("never_seen", 4, words=1)).value.painted[0].word_effect is None


def test_words_are_drawn_by_seed_from_their_list(lab):
    assert causes.pick("seen", 4, 8, 1) == causes.pick("seen", 4, 8, 1) and set(causes.pick("seen", 4, 8, 1)) == {
        "OPEN",
        "STOP",
    }
    assert causes.words_asked("open, lamp", 4, 0) == ("OPEN", "LAMP")


BAD_CELLS = (
    {"kind": NASTY}, {"length": 0}, {"length": 9}, {"length": 7}, {"words": 0}, {"words": 99}, {"seeds": 0},
    {"seeds": 99}, {"seed": -1}, {"seed": None},
)  # fmt: skip


@pytest.mark.parametrize("settings", BAD_CELLS)
def test_bad_cells_are_refused(lab, settings):
    with pytest.raises(PlainError):
        last(causes.rerun(**settings))


def test_repairs_are_compared_sign_by_sign(lab, monkeypatch):
    many = sign_lab.Words((), ("ABCD", "EFGH", "IJKL", "MNOP", "QRST", "UVWX"), "a test")
    monkeypatch.setattr(sign_lab, "words", lambda: many)
    result = last(causes.rerun("never_seen", 4, seeds=2))
    spelling, reading, layout = result.findings[4:]
    assert (spelling.headline, reading.headline, layout.headline) == ("+0 points", "+0 points", "+100 points")
    assert "on no word" in spelling.text and "same 6 words" in reading.text and "it helps" in layout.text
    few = last(causes.rerun("never_seen", 4, words=5, seeds=4))
    assert few.findings[-1].headline == "+100 points" and "too few words" in few.findings[-1].text


def test_intervals_of_a_cell_are_over_words(lab):
    value = last(causes.rerun("never_seen", 4, words=2, seeds=4)).value
    share = value.painted[-1].exact
    assert (share.successes, share.trials) == (8, 8) and share.low == pytest.approx(wilson(2, 2).low)


def test_error_rates_of_a_cell_have_intervals_over_words(lab, monkeypatch):
    words = sign_lab.Words((), ("NOON", "LAMP", "HATS", "DEED"), "a test")  # the backwards printer gets two right
    monkeypatch.setattr(sign_lab, "words", lambda: words)
    result = last(causes.rerun("never_seen", 4, words=4, seeds=1))
    backwards, printer = result.value.painted[0], result.value.painted[-1]
    low, high = backwards.error_interval
    assert low < backwards.error_rate < high
    told = f"character error rate {backwards.error_rate:.2f} (95 % interval {low:.2f}–{high:.2f}, over 4 words)"
    assert told in result.findings[0].text and printer.error_interval is None
    assert "character error rate 0.00 (95 % interval open: 4 words that all err alike)" in result.findings[3].text
    alone = last(signs.paint_word("LAMP", ["sloppy"], seeds=2))
    assert "(95 % interval open: one word)" in alone.findings[0].text


def record(right: int, of: int = 50) -> dict:
    share = wilson(right, of)
    return {
        "words": of, "right": right, "of": of, "rate": share.rate, "low": share.low, "high": share.high,
        "character_error_rate": 1 - share.rate, "character_error_low": 0.0, "character_error_high": 1.0,
    }  # fmt: skip


def measured(shares: dict[str, int]) -> dict:
    """A record as ``training/sign_measures.py`` writes it."""

    def lengths(right: int) -> dict:
        return {key: record(right) for key in ("all", "1", "2–4", "2 letters", "8 letters")}

    def outcomes(right: int) -> dict:
        return {f"WORD{at}": [0 if at < right else 3] for at in range(50)}

    return {
        "weights": {key: f"of {key}" for key in shares},
        "steps": 20, "guidance_scale": 3.0, "seeds": [0, 1], "reader": {"round_trip": lengths(48)},
        "painters": {key: {"seen": lengths(50), "never_seen": lengths(right)} for key, right in shares.items()},
        "outcomes": {key: {"seen": outcomes(50), "never_seen": outcomes(right)} for key, right in shares.items()},
        "pieces": {"spelled": {"pieces": 90, "unmet": 4}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("shares", "choice"),
    [
        ({"sloppy": 0, "spelled": 10, "characters": 25, "boxes": 45}, 3),
        ({"sloppy": 0, "spelled": 5, "characters": 45, "boxes": 44}, 4),
        ({"sloppy": 0, "spelled": 2, "characters": 40, "boxes": 5}, 2),
    ],
)
def test_the_record_chooses_the_answer(monkeypatch, shares, choice):
    monkeypatch.setattr(sign_measures, "recorded", lambda: measured(shares))
    result = causes.recorded()
    value = result.value
    assert causes.truth(value)[0] == choice
    assert value.lengths == (1, 2, 8) and len(result.table.rows) == 2 * 4 * 4 and len(result.findings) == 6
    assert result.findings[-2].headline == "86 of 90"
    assert result.provenance.revision == "of sloppy, of spelled, of characters, of boxes"
    assert result.provenance.badge == "recorded" and "96 %" in result.findings[-1].headline
    markup = page._record("never_seen", 8)
    assert markup.count("<button") == 2 * 4 * 3 and markup.count('class="chosen"') == 4


def test_recorded_repairs_are_compared_word_by_word(monkeypatch):
    shares = {"sloppy": 0, "spelled": 0, "characters": 40, "boxes": 41}
    metrics = measured(shares)
    for lists in metrics["painters"].values():
        for table in lists.values():
            for row in table.values():
                row["words"] = 10
    monkeypatch.setattr(sign_measures, "recorded", lambda: metrics)
    result = causes.recorded()
    cell = result.value.cell("boxes", "never_seen")
    assert (cell.exact.successes, cell.exact.trials) == (41, 50)  # its interval counts words and not signs
    assert cell.exact.low < wilson(41, 50).low and cell.exact.high > wilson(41, 50).high
    spelling, reading, layout = result.findings[:3]
    assert "+0 points (95 % interval +0 to +0): it may be chance" in spelling.text
    assert "+80 points" in reading.text and reading.text.count("it helps") == 2 and "it helps" in layout.text
    assert causes.truth(result.value)[0] == 4  # one word more is no clear winner


def test_the_bundled_record_is_shown():
    result = causes.recorded()
    assert result is not None and causes.truth(result.value) is not None
    assert result.value.lengths == tuple(range(1, 9)) and len(result.value.cells) == 2 * 4 * 9
    of, unmet = result.value.pieces
    assert 0 <= unmet < of / 10 and any(one.headline == f"{of - unmet} of {of}" for one in result.findings)


def test_without_a_record_the_page_says_so(monkeypatch):
    def missing():
        raise FileNotFoundError

    monkeypatch.setattr(sign_measures, "recorded", missing)
    assert causes.recorded() is None and "not been measured" in page._record()


# --- 3: ceilings ------------------------------------------------------------------------------------------


def test_the_ceiling_reads_printed_signs_before_and_after(lab, monkeypatch):
    monkeypatch.setattr(ceiling, "LENGTHS", (1, 4))
    monkeypatch.setattr(sign_lab, "round_trip", lambda pictures: 255 - pictures)

    def read(pictures, words):
        dark = [bool(picture.mean() < 128) for picture in pictures]
        return tuple(
            sign_measures.Spelling(w, "" if lost else w, 4 * lost) for w, lost in zip(words, dark, strict=True)
        )

    monkeypatch.setattr(sign_lab, "read", read)
    results = [one for one in ceiling.measure(2) if isinstance(one, Evidence)]
    value = results[-1].value
    assert len(results) == 2 and value.finished and not results[0].value.finished
    assert value.share(after=False).trials == value.share(after=True).trials == 4
    assert draw.trips(value).count("<figure") == 4
    assert chosen("ceiling", ceiling.truth(value)) and ceiling.truth(results[0].value) is None


def test_a_sign_that_was_read_until_the_autoencoder_is_not_the_readers_mistake():
    """“Q → 0” was called bad reading, though the reader had read that Q before the round trip."""
    picture = np.zeros((1, 32, 208, 3), np.uint8)

    def cards(before: str, after: str) -> list[str]:
        read = [(sign_measures.Spelling("Q", text, int(text != "Q")),) for text in (before, after)]
        found = ceiling._blamed(ceiling.Ceiling((ceiling.Trip(1, picture, picture, *read),)))
        return [f"{card.headline}: {card.text}" for card in found]

    assert cards("Q", "Q") == []
    (spoilt,) = cards("Q", "0")
    assert spoilt.startswith("Q → 0") and "bad reading" not in spoilt and "round trip" in spoilt
    (misread,) = cards("O", "Q")
    assert misread.startswith("Q → O") and "bad reading" in misread


def test_ceiling_code_reads_what_the_page_reads(monkeypatch):
    monkeypatch.setattr(sign_lab, "words", lambda: WORDS)
    monkeypatch.setattr(ceiling, "LENGTHS", (4,))
    result = last(ceiling.measure(1))
    assert run(result.snippet) == result.expected
    assert result.value.trips[0].before[0].exact


@pytest.mark.parametrize("settings", [{"each": 0}, {"each": 99}, {"seed": None}])
def test_bad_ceilings_are_refused(lab, settings):
    with pytest.raises(PlainError):
        last(ceiling.measure(**settings))


def test_the_largest_seed_is_one_for_every_screen(monkeypatch):
    """The control offers it, and the lab's screens took 4 or 16 less."""
    painted = []
    monkeypatch.setattr(signs, "paint", lambda cause, words, seeds, **more: painted.append(tuple(seeds)) or iter(()))
    monkeypatch.setattr(causes, "paint", signs.paint)
    list(signs.paint_word("OPEN", ["spelled"], 2, MAX_SEED))
    list(causes.one_painter("spelled", ["OPEN"], 2, MAX_SEED))
    list(causes.rerun(seeds=2, seed=MAX_SEED, causes=["spelled"]))
    assert painted == [(MAX_SEED, 0)] * 3
    for painting in (signs.paint_word("OPEN", seed=MAX_SEED + 1), causes.rerun(seed=7.5)):
        with pytest.raises(PlainError, match="The seed must be a whole number from 0 to 4,294,967,295"):
            next(painting)


# --- the API ----------------------------------------------------------------------------------------------


def test_a_sign_over_the_api(lab):
    told = api.paint_sign("lamp", "boxes", 3)
    assert told["read"] == told["word"] == "LAMP" and told["exact"] and told["distance"] == 0
    assert not told["seen_in_training"] and told["picture"].startswith("data:image/webp") and json.dumps(told)


def test_a_cell_over_the_api_streams(lab):
    events = list(api.sign_lab("characters", "lamp,open", seeds=2))
    assert not events[0]["finished"] and events[-1]["finished"]
    assert events[-1]["signs"] == 4 and events[-1]["exact"] == 0 and json.dumps(events)
    assert events[-1]["character_error_interval"] is None  # both words wrong in every letter
    told = last(api.sign_lab("characters", "lamp,noon", seeds=2))
    assert told["character_error_interval"] == [0, 1] and told["character_error_rate"] == 0.5 and json.dumps(told)
    assert [reading["seen_in_training"] for reading in events[-1]["readings"]] == [False, False, True, True]
    for settings in ({"painter": NASTY}, {"words": ",".join("ABCDEFGHIJ")}, {"seeds": 99}, {"length": 0}):
        with pytest.raises(PlainError):
            list(api.sign_lab(**settings))


def test_text_is_read_over_the_api():
    file = io.BytesIO()
    Image.fromarray(sign_lab.draw_sign("HELLO")).save(file, "PNG")
    sent = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    told = api.read_text(sent)
    assert told["text"] == "HELLO" and 0 < told["confidence"] <= 1
    assert api.read_text("stop")["text"] == "STOP"


@pytest.mark.parametrize(
    "picture", ["", "../../etc/passwd", "not base64!", NASTY, None, 7, base64.b64encode(b"GIF89a").decode()], ids=ascii
)
def test_what_is_no_picture_is_not_read(picture):
    with pytest.raises(PlainError):
        api.read_text(picture)


# --- 4: the mirror -------------------------------------------------------------------------------------------


@pytest.fixture
def model():
    return tiny_text.tiny()


def readable(text: str) -> str:
    """Without the half characters that a tiny model writes and two tokenizers name differently."""
    return re.sub(r"‹0x..›|[^ -~\n]", "", text)


def attempt(shape: str, text: str, seed: int = 1) -> mirror.Attempt:
    drawing = art.read(text, art.STYLES["dots"])
    return mirror.Attempt(seed, text, drawing, art.score(drawing, shape, mirror.SIZE))


@pytest.mark.parametrize("style", list(art.STYLES))
def test_every_way_of_asking_is_drawn_and_scored(model, style, monkeypatch):
    monkeypatch.setattr(mirror, "SIZE", 5)
    steps = mirror.draw(model, "ring", style, runs=2, seed=5)
    results = [one for one in steps if isinstance(one, Evidence)]
    value = results[-1].value
    assert [len(result.value.ways) for result in results] == [1, 2, 3]
    assert [way.key for way in value.ways] == list(mirror.WAYS)
    assert all([one.seed for one in way.attempts] == [5, 6] for way in value.ways)
    assert len(results[-1].table.rows) == 6 and len(results[-1].findings) == 4
    assert "".join(value.tokens.pieces) == art.write(value.target, value.style)
    assert mirror.truth(results[0].value) is None and 0 <= mirror.truth(value)[0] <= 1
    assert drawings.gallery(value).count("<figure") == 2 + 6


def test_the_examples_hold_the_shape_only_when_it_is_to_be_copied(model):
    drawn = art.write(art.rasterise("L", mirror.SIZE), art.STYLES["dots"])
    assert drawn not in mirror.request(model, "L", "ask", art.STYLES["dots"]).text
    assert drawn not in mirror.request(model, "L", "shown", art.STYLES["dots"]).text
    copied = mirror.request(model, "L", "copy", art.STYLES["dots"])
    assert drawn in copied.text and copied.text.count("the letter L") == 2 and not copied.chat
    shown = mirror.request(model, "L", "shown", art.STYLES["dots"]).text
    assert shown.count("A drawing of") == 5 and shown.endswith("the letter L, 7 rows and 7 columns:\n")


@pytest.mark.parametrize("style", list(art.STYLES))
def test_every_shape_has_the_same_room(model, style):
    written = art.STYLES[style]
    rooms = {
        way: {mirror.request(model, shape, way, written).max_tokens for shape in art.SHAPES} for way in mirror.WAYS
    }
    assert len(rooms["ask"]) == 1 and len(rooms["shown"]) == 1 and rooms["shown"] == rooms["copy"]
    needed = max(len(model.encode(art.write(art.rasterise(shape, mirror.SIZE), written)).ids) for shape in art.SHAPES)
    assert min(rooms["ask"]) > min(rooms["shown"]) > needed


def test_chance_is_that_of_the_shape_asked_for(model):
    def way(shape: str) -> mirror.Way:
        drawn = art.write(art.rasterise(shape, mirror.SIZE), art.STYLES["dots"])
        return mirror.Way("shown", tuple(attempt(shape, drawn, seed) for seed in range(4)))

    triangle, ring = way("triangle"), way("ring")
    assert triangle.chance > 0.7 and ring.chance < 0.15
    value = last(mirror.draw(model, "ring", ways=["shown"], runs=1)).value
    assert f"at random, {percent(ring.chance)}" in mirror.truth(replace(value, ways=(ring,)))[1]
    assert f"shuffled, {percent(triangle.chance)}" in drawings.gallery(
        replace(value, shape="triangle", ways=(triangle,))
    )
    assert "not clearly more often than" in mirror._finding(triangle, "a triangle").text
    assert ", more often than" in mirror._finding(ring, "a ring").text
    none = mirror.Way("shown", (attempt("triangle", "no drawing"),))
    assert none.chance == 0


@pytest.mark.parametrize(
    ("right", "choice"),
    [(0, "none of them"), (2, "up to a quarter"), (4, "a quarter to half"), (5, "more than half")],
)
def test_the_share_recognised_chooses_the_answer(model, right, choice):
    value = last(mirror.draw(model, "L", ways=["shown"], runs=1)).value
    good, bad = attempt("L", art.write(art.rasterise("L", 7), art.STYLES["dots"])), attempt("L", "nothing")
    way = mirror.Way("shown", (good,) * right + (bad,) * (8 - right))
    assert way.recognised.successes == right == way.drawn.successes
    assert chosen("mirror", mirror.truth(replace(value, ways=(way,)))) == choice


@pytest.mark.parametrize("way", ["ask", "shown"])
def test_mirror_code_writes_what_the_page_shows(model, monkeypatch, tmp_path, way):
    monkeypatch.setattr(model, "reference", tiny_text.saved("llama", tmp_path))
    result = last(mirror.draw(model, "T", ways=[way], runs=1, seed=3))
    assert readable(run(result.snippet)) == readable(result.expected)
    assert result.expected == result.value.ways[0].attempts[0].reply
    every = last(mirror.confuse(model, way=way, each=1, seed=3))
    assert readable(run(every.snippet)) == readable(every.expected) == readable(every.value.attempts[0].reply)


def test_all_shapes_are_asked_for_equally_often(model):
    result = last(mirror.confuse(model, each=2, seed=4))
    assert len(result.value.attempts) == 16 and len(result.table.rows) == 8
    assert all(sum(row[1:]) == 2 for row in result.table.rows)
    assert drawings.confusion(result.value).count("<tr") == 9


def test_a_favourite_shape_is_counted_where_another_was_asked_for_and_ties_are_named():
    """A drawing of the very shape asked for counted as “whatever was asked for”, and hash order broke ties."""

    def drawn(*pairs: tuple[str, str]) -> str:
        blank = [(shape, shape) for shape in art.SHAPES if shape not in dict(pairs)]
        made = [attempt(a, art.write(art.rasterise(b, 7), art.STYLES["dots"])) for a, b in (*pairs, *blank)]
        card = mirror._favourite(mirror.Confusion(tuple(made)))
        return f"{card.headline} {card.text}"

    first, second, third, *_ = art.SHAPES
    assert drawn().startswith("none")
    one = drawn((first, second))
    assert one.startswith(f"1 of 7 drawings look most like “{second}”, though") and f"“{second}” 1 of 1" in one
    two = drawn((first, second), (second, third))
    assert f"“{second}” and “{third}” each" in two and f"“{second}” 0 of 1, “{third}” 1 of 1" in two


def test_a_perfect_draughtsman_fills_the_diagonal():
    value = mirror.Confusion(tuple(attempt(s, art.write(art.rasterise(s, 7), art.STYLES["dots"])) for s in art.SHAPES))
    assert value.recognised.rate == 1 and all(value.count(shape, shape) == 1 for shape in art.SHAPES)


@pytest.mark.parametrize(
    "settings",
    [{"shape": NASTY}, {"style": NASTY}, {"ways": [NASTY]}, {"runs": 0}, {"runs": 999}, {"seed": -1}, {"seed": None}],
)
def test_bad_requests_for_drawings_are_refused(model, settings):
    with pytest.raises(PlainError):
        last(mirror.draw(model, **{"shape": "L", **settings}))


def test_a_stopped_drawing_yields_nothing_unfinished(model):
    drawing = mirror.draw(model, "L", runs=2)
    assert isinstance(next(drawing), Underway)
    drawing.close()


def test_what_the_model_writes_is_escaped(model):
    result = last(mirror.draw(model, "L", ways=["shown"], runs=1))
    way = mirror.Way("shown", (attempt("L", f"{NASTY}\n" * 40),))
    value = replace(result.value, ways=(way,))
    safe(drawings.gallery(value))
    safe(str(views.evidence(replace(result, table=replace(result.table, rows=((NASTY,) * 8,))))))
    assert drawings.clip("x" * 500 + "\n" * 3 + "\n".join("y" * 30)).count("\n") == drawings.LINES


def test_the_mirror_over_the_api(model, monkeypatch):
    monkeypatch.setattr(language_model, "load", lambda *_: model)
    told = api.ascii_draw("plus", runs=2)
    assert 0 <= told["chance"] <= 1 and told["runs"] == 2 and len(told["drawings"]) == 2 and json.dumps(told)
    with pytest.raises(PlainError):
        api.ascii_draw(NASTY)


# --- the page -------------------------------------------------------------------------------------------------


@pytest.fixture
def built():
    with gr.Blocks():
        page.build()
    from lessons.shell.frame import built as pages

    return {one.name.partition("/")[2]: one for one in pages["lettering"].experiments}


def ended(one, *values):
    """What stands in each place when a run has ended, and every evidence shown on the way."""
    places, shown = {}, []
    for update in one.run(None, *values):
        shown += [update[one.result]] if one.result in update else []
        places |= update
    return places, shown


def test_a_run_shows_each_painter_when_it_is_done(lab, built):
    one = built["signs"]
    places, shown = ended(one, "LAMP", ["sloppy", "boxes"], 2, 7)
    assert len(shown) == 2 and all("badge-live" in found for found in shown)
    assert "Layout given" not in shown[0] and "Layout given" in shown[1] and places[one.status] == ""


def test_a_cell_run_again_shows_each_painter_and_then_the_recorded_table(lab, built):
    one = built["causes"]
    places, shown = ended(one, "never_seen", 4, 2, 1, 0)
    assert len(shown) == len(sign_lab.CAUSES) and places[one.status] == ""
    assert one.fills[0] in places and "aria-busy" in draw.RERUN and "scrollIntoView" in draw.RERUN


def test_the_other_screens_run(lab, built, model, monkeypatch):
    monkeypatch.setattr(ceiling, "LENGTHS", (1, 4))
    monkeypatch.setattr(sign_lab, "round_trip", lambda pictures: pictures)
    monkeypatch.setattr(language_model, "load", lambda *_, **__: model)
    assert len(ended(built["ceiling"], 1, 0)[1]) == 2
    assert len(ended(built["mirror"], "L", "dots", 2, 1)[1]) == len(mirror.WAYS)
    assert len(ended(built["mirror/all"], "dots", 1)[1]) == 1


def test_a_run_that_cannot_be_changes_nothing_but_its_words(lab, built, model, monkeypatch):
    monkeypatch.setattr(language_model, "load", lambda *_, **__: model)
    for name, values in {
        "signs": ("LAMP", ["boxes"], 1, None), "causes": ("seen", 4, 2, 1, None), "ceiling": (1, None),
        "mirror": ("L", "dots", 2, None), "mirror/all": ("dots", None),
    }.items():  # fmt: skip
        places, shown = ended(built[name], *values)
        assert shown == [] and "notice-error" in places[built[name].status], name


def test_a_mark_before_every_prompt_is_no_part_of_a_drawing(monkeypatch):
    monkeypatch.setattr(mirror, "SIZE", 5)
    value = last(mirror.draw(tiny_text.with_a_beginning(), "ring", "spaces", ["shown"], runs=1)).value
    assert "".join(value.tokens.pieces) == art.write(value.target, value.style)


# --- the painter's own signs ------------------------------------------------------------------------------


@pytest.fixture
def as_bundled(painter, monkeypatch):
    """The tiny painter under the bundled one's name, so that its diet is known."""
    monkeypatch.setattr(painter, "source", POCKET)
    return painter


def reads(monkeypatch, *texts: str) -> None:
    """Let the reader read these texts, one a picture, over and over."""
    monkeypatch.setattr(
        judge,
        "read_text",
        lambda pictures: tuple(judge.Lettering(texts[at % len(texts)], 1.0, ()) for at in range(len(pictures))),
    )


def test_words_are_paired_by_length_and_none_is_taken_twice():
    on_signs, kept = own.listed()
    assert len(on_signs) == 107 and len(kept) == 26 and not set(on_signs) & set(kept)
    pairs = own.choose(own.MAX_PAIRS, 0)
    assert {new for new, _ in pairs} == set(kept)
    assert all(len(new) == len(seen) and seen in on_signs for new, seen in pairs)
    assert len({seen for _, seen in pairs}) == own.MAX_PAIRS
    assert own.choose(5, 0) == pairs[:5] and own.choose(5, 1) != pairs[:5]


def test_what_a_sign_shows_is_told_apart(monkeypatch):
    """A word from its signs, or one letter off it, is not the same as letters that are near nothing."""
    blank = np.zeros((1, 8, 8, 3), np.uint8)
    for text, kind, gap in (
        ("Milk!", own.ASKED, 2), ("SILVER", own.KNOWN, 0), ("GILVER", own.KNOWN, 1), ("QXZWV", own.OTHER, 4),
        ("", own.NOTHING, None), ("?!", own.NOTHING, None),
    ):  # fmt: skip
        reads(monkeypatch, text)
        sign = own._sign("MILK", blank)
        assert (sign.kinds, sign.known) == ((kind,), (gap,)), text
    assert own._nearest("GILVER")[1] == {"SILVER"}


def test_chance_is_how_near_other_words_of_that_length_lie():
    mean, near, words = own._chance(8)
    assert words > 30 and 3 < mean < 8 and near < 0.1
    assert own._chance(2)[0] < 1.5 and own._chance(2)[1] > 0.5  # two letters are always near some word


def test_seen_and_new_words_are_painted_read_and_compared(as_bundled, monkeypatch):
    reads(monkeypatch, "OPEN", "", "HOTEL")
    steps = list(own.paint(as_bundled, 3, 4, 5, steps=2))
    found = [step for step in steps if isinstance(step, Evidence)]
    assert len(found) == 2 and [len(one.value.pairs) for one in found] == [2, 3]
    value = found[-1].value
    assert value.on_signs == 107 and value.signs == 26294 and value.planned == 3
    assert [pair.new.pictures.shape[0] for pair in value.pairs] == [4, 4, 4]
    assert sum(value.kinds()) == 12 and value.exact(seen=False).trials == 12
    assert len(found[-1].table.rows) == 6
    safe(draw.own_signs(value))
    text = " ".join(card.text for card in found[-1].findings)
    assert "Pair by pair the difference" in text and "By chance, as for other words" in text


def test_the_interval_of_own_signs_is_over_words():
    blank = np.zeros((4, 8, 8, 3), np.uint8)

    def sign(word: str, errors: int) -> own.Sign:
        spellings = (sign_measures.Spelling(word, word, errors),) * 4
        return own.Sign(word, blank, spellings, (errors,) * 4, (frozenset({"STOP"}),) * 4, (4,) * 4)

    pairs = tuple(own.Pair(sign(f"W{at}", at % 2), sign(f"S{at}", 0)) for at in range(6))
    value = own.Own(pairs, 6, 107, 26294)
    few, all_right = value.exact(seen=False), value.exact(seen=True)
    assert (few.low, few.high) == pytest.approx((wilson(3, 6).low, wilson(3, 6).high))
    assert all_right.rate == 1 and all_right.low == pytest.approx(wilson(6, 6).low)


@pytest.mark.parametrize(("read", "choice"), [("SILVER", 0), ("QXZWVQXZWVQXZ", 2)])
def test_the_distance_to_known_words_chooses_the_answer(as_bundled, monkeypatch, read, choice):
    reads(monkeypatch, read)
    value = last(own.paint(as_bundled, 8, 1, 0, steps=1)).value
    assert own.instead_truth(value)[0] == choice
    as_chance = own._chance(len(read))[0]  # of what was read: short readings are near some word whatever they say
    level = replace(value, pairs=tuple(replace(p, new=replace(p.new, known=(as_chance,))) for p in value.pairs))
    assert own.instead_truth(level)[0] == 1


def test_signs_on_which_nothing_is_read_score_no_guess(as_bundled, monkeypatch):
    reads(monkeypatch, "")
    found = last(own.paint(as_bundled, 2, 1, 0, steps=1))
    assert "something can be read" in own.instead_truth(found.value)
    safe(draw.own_signs(found.value))


def test_the_code_paints_the_same_signs(painter, monkeypatch):
    monkeypatch.setattr(type(painter), "is_bundled", True)
    found = last(own.paint(painter, 1, 2, steps=2))
    for caption, pictures in run(found.snippet).items():
        same_pictures(pictures, found.expected[caption])


def test_the_words_of_the_page_tell_the_recorded_figures_of_its_own_signs():
    shown = re.sub(r"\s+", " ", recorded.read("lettering/own")["places"]["result"])
    told = re.search(r'<p class="alt">(.*?)</p>', shown)[1]
    seen, new = re.search(r"from its signs (\d+ of \d+) .* on no sign (\d+ of \d+) ", told).groups()
    (question,) = (one.question for one in read_quiz("lettering").questions if one.key == "never-seen")
    assert f"on {seen} signs" in question and f"on {new}." in question
    deeper = read_lesson("lettering").section("own").deeper
    read, chance = re.search(r"<b>([\d.]+) against ([\d.]+) letters</b>", shown).groups()
    hits, control = re.search(r"asked for \((\d+ of \d+) .* that length, (\d+ of \d+) ", shown).groups()
    for figure in (
        f"{seen} signs",
        f"{new} for words",
        f"{read} letters",
        f"are {chance}",
        f"in {hits}",
        f"in {control}",
    ):
        assert figure in deeper, figure


def test_own_signs_of_another_painter_and_bad_settings_are_refused(painter):
    with pytest.raises(PlainError, match="bundled painter"):
        list(own.paint(painter, 1, 1, steps=1))
    for bad in ((0, 3, 0), (27, 3, 0), (2.5, 3, 0), (5, 7, 0), (5, 3, -1), (None, 3, 0)):
        with pytest.raises(PlainError):
            own.check(*bad)
