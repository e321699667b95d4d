"""Two physics: the race, what is fixed after each pass, accidents, and nothing typed becomes markup."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engines.evidence import Evidence, PlainError, Underway
from engines.models.counting import Work
from engines.pictures import diffusion
from engines.stickers import scenes
from engines.stickers.seed_ranges import UNSEEN
from engines.stickers.world import facts_of
from lessons.shell.content import read_lesson
from lessons.two_physics import figures, fixed, measures, memory, price, race, spoil
from tests.engines import tiny_text
from tests.engines.tiny_painters import same_pictures
from tests.lessons.common import NASTY, last, run, whole

CAPTION = "a red cat"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    writer = tiny_text.tiny()
    writer.reference = tiny_text.saved("llama", tmp_path_factory.mktemp("two-physics"))
    return writer


def test_requests_are_bounded():
    for bad in ("", "  \n", "x" * 201):
        with pytest.raises(PlainError):
            measures.request(bad)


def test_the_race_runs_both_machines_to_their_ends(model, painter):
    *moments, evidence = race.race(model, painter, CAPTION, 3, tokens=6, passes=4)
    end = moments[-1]
    assert end.finished and not any(moment.finished for moment in moments[:-1])
    assert len(end.passes) == 4 and end.tokens[-1].finished is not None
    assert len(moments) == len(end.tokens) + len(end.passes)
    request = model.encode(measures.request(CAPTION), chat=True)
    alone = list(model.write(request, measures.DIALS, seed=3, max_tokens=6))
    assert [token.token_id for token in end.tokens] == [token.token_id for token in alone]
    assert len(evidence.table.rows) == max(len(end.tokens), 4)
    assert race.race_truth(evidence.value)[0] == end.edited()
    assert "changed none" in evidence.alt
    text, picture = run(evidence.snippet)
    assert whole(text) == whole(evidence.expected[0])
    same_pictures(picture["pictures"][:1], evidence.expected[1][:1])


def test_the_race_shows_the_canvas_beside_the_guess_in_frames_that_can_be_scrubbed(model, painter):
    events = list(figures.raced(race.race(model, painter, CAPTION, 3, tokens=3, passes=4), "clocks", "reel"))
    reels = [event["reel"] for event in events if isinstance(event, dict) and "reel" in event]
    assert sorted({one.count("film-cell") for one in reels}) == [1, 2, 3, 5], "the last pass with what came of it"
    assert all(later.startswith(earlier) for earlier, later in zip(reels, reels[1:], strict=False))
    assert "The canvas before pass 4" in reels[-1] and "as guessed in pass 4" in reels[-1]
    clocks = [event["clocks"] for event in events if isinstance(event, dict) and "clocks" in event]
    assert "1 pass, 1 token, 0 taken back" in clocks[0]
    assert isinstance(events[-1], Evidence) and any(isinstance(event, Underway) for event in events)


def test_a_bin_ends_where_its_words_say():
    bins = read_lesson("two-physics").predictions
    assert [bins["edits"].which(share) for share in (0, 0.1, 0.4, 0.8, 0.81)] == [0, 1, 2, 2, 3]
    assert [bins["half"].which(share) for share in (0.19, 0.2, 0.5, 0.8, 0.81)] == [0, 1, 2, 2, 3]
    assert [bins["dearer"].which(ratio) for ratio in (0.33, 0.34, 0.99, 1, 3, 3.01)] == [0, 1, 1, 2, 2, 3]
    assert [bins["mend"].which(share) for share in (-0.2, 0.15, 0.5, 0.85, 0.86)] == [0, 1, 2, 2, 3]


def test_one_seed_is_not_called_1_seeds(model, painter):
    for event in fixed.fixed(model, painter, CAPTION, 1, passes=2, tokens=2):
        said = event.words if isinstance(event, Underway) else event.alt + event.findings[0].text
        assert "1 seeds" not in said and "1 texts" not in said and "1 pictures" not in said and "inf" not in said


def test_a_text_is_fixed_in_a_straight_line_and_both_end_whole(model, painter):
    value = last(fixed.fixed(model, painter, CAPTION, 2, passes=5, tokens=5)).value
    assert value.text.shape == value.picture.shape == (2, 5)
    assert np.allclose(value.picture[:, -1], 1)
    assert (np.diff(value.picture, axis=1) >= -1e-9).all()
    assert np.allclose(np.diff(value.text, axis=1)[:, 0], np.diff(value.text, axis=1)[:, 1], atol=0.5)
    mean, low, high = value.half_way()
    assert 0 <= mean <= 1 and low <= mean <= high


def test_a_patch_that_is_mended_otherwise_is_not_called_damaged(painter, monkeypatch):
    """“62 % left” stood beside a perfectly mended strawberry, since every difference counted as damage."""
    monkeypatch.setattr(spoil, "strangeness", lambda painter, pictures: (pictures.max(axis=-1) == 255).astype(float))
    calm, repainted, noisy = (np.full((1, 20, 20, 3), value, np.uint8) for value in (10, 200, 255))
    assert spoil._strange(painter, repainted) == spoil._strange(painter, calm) == 0 < spoil._strange(painter, noisy)


def test_one_tolerance_counts_on_every_screen(model, painter):
    value = last(race.race(model, painter, CAPTION, 3, tokens=3, passes=4)).value
    previews = value.previews().astype(int)
    moved = [
        (np.abs(b - a).max(axis=-1) > measures.TOLERANCE).mean() for a, b in zip(previews, previews[1:], strict=False)
    ]
    assert value.edited() == pytest.approx(np.mean(moved))


def test_another_seeds_picture_is_the_chance_line_of_what_is_settled(model, painter):
    evidence = last(fixed.fixed(model, painter, CAPTION, 3, passes=3, tokens=3))
    assert evidence.value.alike.shape == (3,) and "another seed's finished picture" in evidence.findings[0].text
    *_, chance = figures.fixed_chart(evidence.value).data
    assert chance.name.startswith("chance") and set(chance.y) == {round(float(evidence.value.alike.mean()), 4)}
    one = replace(evidence.value, alike=evidence.value.alike[:0])
    assert not any((line.name or "").startswith("chance") for line in figures.fixed_chart(one).data)


def test_the_wrong_key_stays_and_the_picture_is_compared_with_the_undisturbed_one(model, painter):
    evidence = last(spoil.spoil(model, painter, CAPTION, 2, passes=6))
    value = evidence.value
    assert value.clean.shape == value.mended.shape == value.hurt.shape
    assert len(value.damage_left) == 4 and max(value.damage_left) == 6
    assert evidence.table.rows[0][2] == 1.0
    assert value.changed.keys() == value.damage_left.keys() and np.isfinite(value.chance[0])
    assert len(evidence.table.columns) == len(evidence.table.rows[1])
    text, picture = run(evidence.snippet)
    assert whole(text) == whole(evidence.expected[0])
    assert np.abs(np.asarray(picture).astype(int) - evidence.expected[1]).max() <= 1  # alone, not in a batch


def test_a_scheduler_with_a_pass_of_its_own(model, pndm):
    raced = last(race.race(model, pndm, CAPTION, 3, tokens=4, passes=4))
    assert len(raced.value.passes) == 5 and raced.provenance.settings["passes"] == 5
    same_pictures(run(raced.snippet)[1]["pictures"][:1], raced.expected[1][:1])
    result = last(fixed.fixed(model, pndm, CAPTION, 2, passes=4, tokens=3))
    assert result.value.text.shape == (2, 3) and result.value.picture.shape == (2, 5)
    assert len(result.table.rows) == 5 and result.table.rows[-1][1] is None
    assert "num_inference_steps=4" in result.snippet and len(figures.fixed_chart(result.value).data) == 4
    spoiled = last(spoil.spoil(model, pndm, CAPTION, 2, passes=4))
    assert spoiled.value.passes == max(spoiled.value.damage_left) == 5
    asked_and_made = {"passes": 5, "passes asked for": 4}
    assert asked_and_made.items() <= spoiled.provenance.settings.items()
    assert np.abs(np.asarray(run(spoiled.snippet)[1]).astype(int) - spoiled.expected[1]).max() <= 1


def test_a_few_step_painter_takes_its_own_number_of_passes(model, turbo):
    result = last(fixed.fixed(model, turbo, CAPTION, 2, tokens=3))
    assert result.value.picture.shape == (2, turbo.steps) and result.provenance.settings["passes"] == turbo.steps
    spoiled = last(spoil.spoil(model, turbo, CAPTION, 2))
    assert list(spoiled.value.damage_left) == [2, 3, 4] and spoiled.value.third == 2
    assert 1 - spoil.spoil_truth(spoiled.value)[0] == pytest.approx(spoiled.value.damage_left[2][0])
    with pytest.raises(PlainError, match="passes"):
        list(spoil.spoil(model, turbo, CAPTION, passes=1))


def test_accidents_are_spread_and_never_the_same():
    assert spoil.accidents(25) == (5, 8, 16, 24)
    for passes in range(2, 101):
        moments = spoil.accidents(passes)
        assert len(set(moments)) == len(moments) and all(1 <= moment < passes for moment in moments)
        assert max(1, passes // 3) in moments


def test_no_code_where_the_noise_grows_with_the_level(model, family):
    name, painter = family
    spoiled = last(spoil.spoil(model, painter, CAPTION, 2, passes=4))
    assert bool(spoiled.snippet) == (name not in ("euler", "xl", "xl-turbo"))


def test_what_the_models_write_never_becomes_markup():
    picture = np.zeros((8, 8, 3), np.uint8)
    value = spoil.Spoiled("<script>", "a" + NASTY, "a<script>b" + NASTY, picture, picture, picture, picture, {}, 1, 3)
    shown = figures.accident(value)
    assert "<script" not in shown and "<img src=x" not in shown
    assert "<mark>&lt;script&gt;</mark>" in shown


# --- memory -----------------------------------------------------------------------------------------------


def test_memory_sets_every_painted_picture_against_an_unseen_scene_of_its_caption(painter):
    *_, result = memory.memory(painter, "a dog on a red background", pairs=3, steps=2)
    value = result.value
    assert len(value.captions) == len(value.painted) == len(value.unseen) == len(value.untouched) == 3
    assert len(value.own.near) == len(value.control.near) == 3
    assert value.captions[0] == scenes.phrasings(scenes.plan(UNSEEN))[0]
    assert result.table.rows[-1][:2] == ("all", 3)
    assert result.table.rows[-1][2] == pytest.approx(100 * value.painted.mean(), abs=0.01)
    assert memory.memory_truth(value)[0] == (value.painted < value.unseen).mean()
    assert figures.memory_rows(value).count("<figure") == 8
    assert len(figures.memory_chart(value).data) == 3
    same_pictures(run(result.snippet)["pictures"], result.expected)
    with pytest.raises(PlainError):
        last(memory.memory(painter, "a red cat", pairs=1, steps=2))


def test_the_conclusion_about_memory_follows_the_interval_of_the_pairs(painter):
    *_, result = memory.memory(painter, "a red cat", pairs=2, steps=1)
    pairs = np.linspace(0.05, 0.1, 12)
    value = replace(result.value, unseen=pairs, untouched=pairs)
    assert "leans on what it saw" in memory.verdict(replace(value, painted=pairs - 0.02))
    assert "farther" in memory.verdict(replace(value, painted=pairs + 0.02))
    coin = np.where(np.arange(12) % 2, 0.01, -0.01)
    assert "holds zero" in memory.verdict(replace(value, painted=pairs + coin))


@pytest.mark.parametrize(
    ("caption", "name", "background", "count"),
    [("an owl under a night sky", "owl", "night", 1), ("three carrots in the ocean", "carrot", "ocean", 3)],
)
def test_the_control_fits_the_caption_and_was_never_trained_on(caption, name, background, count):
    seed = memory.unseen_like(caption)
    plan = scenes.plan(seed)
    assert seed >= UNSEEN
    assert {thing.name for thing in plan.things} == {name}
    assert (plan.background, plan.count) == (background, count)


def test_the_control_is_the_first_of_those_that_fit_best():
    """It was the best of all 8,000, each time; now the search ends where nothing fits better."""

    def best(caption):
        facts = facts_of(caption)
        names = sorted(thing.name for thing in facts.things)
        count = facts.things[0].count if len(facts.things) == 1 else 1
        plans = (scenes.plan(UNSEEN + row) for row in range(memory.LOOKED_AT))
        fits = [
            (sorted(thing.name for thing in plan.things) == names, plan.background == facts.background,
             plan.count == count)
            for plan in plans
        ]  # fmt: skip
        return UNSEEN + fits.index(max(fits))

    for caption in ("an owl under a night sky", "a dragon in the snow", "two cats and a dog", ""):
        assert memory.unseen_like(caption) == best(caption)


def test_only_the_bundled_painter_has_a_copying_twin(painter):
    with pytest.raises(PlainError, match="bundled painter"):
        last(memory.copying(painter))


def test_the_twin_copies_the_scene_it_was_fed_too_often_and_the_ordinary_painter_does_not():
    *_, result = memory.copying(diffusion.load(), seeds=3, steps=12)
    value = result.value
    assert value.near(value.repeated_distances).successes > value.near(value.painted_distances).successes
    assert value.repeated_distances.mean() < value.painted_distances.mean()
    assert (value.others > value.copied).any()
    assert figures.copies_rows(value).count("<figure") == 10
    assert "of 3" in figures.copies_bars(value)
    same_pictures(run(result.snippet)["pictures"], result.expected)


# --- the price tag ----------------------------------------------------------------------------------------


def test_the_price_of_a_text_is_the_sum_of_its_passes_and_the_pictures_that_of_the_stock_pipeline(model, painter):
    *steps, result = price.price(model, painter, CAPTION, 3, 5, 4, 12)
    value, text = result.value, result.value.text
    shares = [step.share for step in steps]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    prompt, length = value.written.prompt, text.passes
    works = [model.work(prompt), *(model.work(1, prompt + later) for later in range(length - 1))]
    assert length == round(5 * value.written.tokens_a_word)
    assert text.multiply_adds == sum(work.multiply_adds for work in works)
    assert text.bytes_read == sum(work.bytes_read for work in works)
    assert value.growth == pytest.approx(works[-1].multiply_adds / works[1].multiply_adds - 1)
    assert value.picture.passes == 4 and result.provenance.settings["tokens_written"] == value.written.tokens
    counted, picture = run(result.snippet)
    assert counted == result.expected[0] and picture == result.expected[1] == value.picture.multiply_adds


def test_the_price_of_a_picture_follows_its_passes_and_its_weights(model, painter):
    few, more = (last(price.price(model, painter, CAPTION, words=50, passes=n, tokens=2)).value for n in (2, 5))
    reading, looking, decoding = painter.work()
    assert more.picture.multiply_adds - few.picture.multiply_adds == 3 * looking.multiply_adds
    assert looking.bytes_read == sum(4 * weight.numel() for weight in painter.unet.parameters())
    assert few.picture.bytes_read == reading.bytes_read + 2 * looking.bytes_read + decoding.bytes_read
    assert few.text.multiply_adds == more.text.multiply_adds


def test_the_stock_pipeline_of_every_kind_of_painter_takes_what_is_counted(model, family):
    result = last(price.price(model, family[1], CAPTION, words=50, passes=3, tokens=2))
    assert result.provenance.settings["passes"] == result.value.picture.passes
    assert run(result.snippet)[1] == result.value.picture.multiply_adds


def test_seconds_are_carried_on_from_the_tokens_after_the_first():
    written, work = price.Written(10, (5.0, 1.0, 3.0), 2, False), Work(1, 1)
    bill = price.text_bill("m", 50, written, 75, work, work, work, 3)
    assert bill.seconds == 5 + 74 * 2 and bill.passes == 75
    assert price.halves([1.0, 3.0, 5.0, 7.0]) == (2, 6) and price.halves([4.0]) == (4, 4) and price.halves([]) == (0, 0)


def test_cited_prices_follow_their_sources():
    (small, sd), (_, xl) = price.LARGE
    bill = price.llama_bill(small, 500, 1, 1)
    assert (
        bill.multiply_adds == small.numbers + 32 * 4096
        and bill.bytes_read == 2 * small.numbers
        and bill.seconds is None
    )
    longer = price.llama_bill(small, 500, 20, 600)
    assert longer.multiply_adds == pytest.approx(619 * 6.7e9, rel=0.02) and longer.multiply_adds > 619 * 6.7e9
    picture = price.diffusion_bill(sd)
    assert picture.multiply_adds / 50 == pytest.approx(338_749_194_240, rel=1e-3)  # Kim et al.'s own count of a look
    assert picture.bytes_read == 25 * 2 * 859.52e6 and price.diffusion_bill(xl).seconds == 53.187


def test_the_conclusion_about_large_models_follows_the_numbers(model, painter):
    value = last(price.price(model, painter, CAPTION, words=50, passes=2, tokens=2)).value
    dear, cheap = (replace(value.text, multiply_adds=adds) for adds in (8e9, 2e9))
    other = replace(value.picture, multiply_adds=4e9)
    as_here = replace(value, text=dear, picture=other, large=((dear, other), (dear, other)))
    assert "the same job is the dearer one" in price.agreement(as_here) and as_here.ratio == 2
    assert price.agreement(replace(as_here, large=((dear, other), (cheap, other)))).startswith("In one of the pairs")
    assert price.agreement(replace(as_here, large=((cheap, other),))).startswith("In them it is the other way round")
    assert price.dearer(dear, other) == "the text costs 2.0 times the multiply-adds of the picture"
    assert price.dearer(cheap, other) == "the picture costs 2.0 times the multiply-adds of the text"
    assert price.worth(50, dear, other)[0] == 25


def test_every_cited_price_has_its_badge_and_names_never_become_markup(model, painter):
    value = last(price.price(model, painter, CAPTION, words=50, passes=2, tokens=2)).value
    value = replace(value, text=replace(value.text, model="m" + NASTY))
    shown = figures.bill(value)
    assert shown.count("badge-cited") == 4 and shown.count("no source") == 2 and shown.count("<tr") == 7
    assert "<script" not in shown and "<img src=x" not in shown
    chart = figures.price_chart(value)
    assert len(chart.data) == 6 and chart.layout.xaxis.type == "log"
    assert [bar.name.endswith("(cited)") for bar in chart.data] == [False, False, True, True, True, True]


def test_large_numbers_in_words():
    assert [price.big(n) for n in (7, 999, 1234, 90.5e9, 149.4e12)] == [
        "7",
        "999",
        "1.2 thousand",
        "90.5 billion",
        "149 trillion",
    ]
    assert [price.big(n, "B") for n in (0.4e6, 879e6, 7.943e12, 999.96e9)] == ["400 kB", "879 MB", "7.9 TB", "1.0 TB"]


def test_hostile_settings_of_the_price_are_refused(model, painter):
    for settings in (
        {"caption": " "}, {"words": 0}, {"words": 7.5}, {"words": 10**6}, {"passes": 0}, {"tokens": 1}, {"seed": -1},
    ):  # fmt: skip
        with pytest.raises(PlainError):
            next(price.price(model, painter, **{"caption": CAPTION, **settings}))
