"""The noising lesson: measures, bounds, bad input, code against page, and nothing typed becomes markup."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import numpy as np
import pytest

from engines.evidence import Evidence, PlainError
from engines.pictures import diffusion, points
from lessons.noising import api, clay, figures, lock, own, page, ruin, strip, turn
from lessons.shell import film, scenes, waking
from tests.engines.tiny_painters import same_pictures
from tests.lessons.common import NASTY, last, run, safe

CAPTION = "a red cat"


def finished(events):
    return [event for event in events if isinstance(event, Evidence)]


# --- ruin -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ruined(painter):
    picture = scenes.example("owl-meadow", painter.height, painter.width)
    suspects = ruin.line_up(painter, "owl-meadow", picture)
    return list(ruin.ruin(painter, picture, suspects, noises=2, name="owl-meadow"))


def test_ruin_measures_every_level_over_more_and_more_noises(painter, ruined):
    assert [len(result.value.psnr) for result in ruined] == [1, 2]
    value = ruined[-1].value
    assert value.psnr.shape == value.picked.shape == value.mistaken.shape == value.named.shape == (2, ruin.LEVELS)
    assert (np.abs(value.named) <= 1).all()
    assert value.timesteps[-1] == painter.train_timesteps - 1
    assert value.guesses[0].sigma < value.guesses[-1].sigma
    assert len(ruined[-1].table.rows) == ruin.LEVELS


def test_a_line_up_differs_in_the_object_only(painter):
    picture = scenes.example("cat-meadow", 64, 64)
    assert len(ruin.line_up(painter, "cat-meadow", picture)) == 4
    own = ruin.line_up(painter, None, scenes.example("cat-meadow", 64, 64))  # one's own has as many suspects
    assert len(own) == 4
    np.testing.assert_array_equal(own[1], scenes.example("cat-meadow", painter.height, painter.width))  # the nearest
    for names in ruin.LINE_UPS.values():
        first, *others = (scenes.example(name) for name in names)
        for other in others:
            np.testing.assert_array_equal(first[:8], other[:8])  # the same sky or wall


def test_the_levels_of_one_noise_are_one_trial(ruined):
    assert f"of {len(ruined[-1].value.psnr)} recognised" in ruined[-1].findings[1].headline


def test_a_line_up_is_lost_where_other_pictures_are_taken_for_this_one_as_often(ruined):
    """A house was "never lost", even where house and moon were the same blur: the guess had a built-in answer."""
    value = ruined[-1].value
    shape = (2, ruin.LEVELS)
    always, never = np.zeros(shape, int), np.zeros(shape, bool)
    told = replace(value, nearest=always, mistaken=never)
    assert told.lost is None and ruin.ruin_truth(told)[0] == 1
    assert value.end == value.timesteps[-1] and "1000" not in ruin.ruin_truth(told)[1]  # there is no timestep 1000
    blind = never.copy()
    blind[:, 5:] = True  # whatever is underneath
    biased = replace(value, nearest=always, mistaken=blind)
    assert biased.lost == value.timesteps[5] and ruin.ruin_truth(biased)[0] == value.timesteps[5] / value.end
    gone = always.copy()
    gone[:, 7:] = 2
    assert replace(value, nearest=gone, mistaken=never).lost == value.timesteps[7]


def test_the_film_shows_the_true_noise_the_original_and_what_the_guess_is_taken_for(ruined):
    value = ruined[0].value
    shown = figures.ruin_film(value)
    for words in ("the noise stirred in", "the noise it names", "nearest in the line-up", f"of {value.end}: "):
        assert words in shown
    assert shown.count("The original picture") == value.picked[0].sum()


def test_ruin_code_gives_the_same_guess(painter, tmp_path, ruined):
    from PIL import Image

    Image.fromarray(scenes.example("owl-meadow", 64, 64)).save(tmp_path / "owl.png")
    code = ruined[0].snippet.replace("lessons/shell/scenes/owl-meadow.png", str(tmp_path / "owl.png"))
    assert run(code)["psnr"] == pytest.approx(ruined[0].expected, abs=0.05)


# --- passes -----------------------------------------------------------------------------------------------


def test_strip_shows_every_pass_and_counts_changes(painter):
    *moments, result = strip.strip(painter, CAPTION, seed=3, steps=4, guidance_scale=5.0)
    assert [moment.event.index for moment in moments] == [0, 1, 2, 3]
    assert moments[0].pixels_changed is None and moments[1].pixels_changed is not None
    assert result.value.pixels_changed.shape == (4,)
    assert ((0 <= result.value.pixels_changed) & (result.value.pixels_changed <= 1)).all()
    reel = figures.strip_film(4)
    texts = [figures.strip_frame(reel, moment) for moment in moments] + [figures.strip_end(reel, result.value)]
    assert all(after.startswith(before) for before, after in zip(texts, texts[1:], strict=False))
    assert texts[-1].count("film-cell") == 5
    same_pictures(run(result.snippet)["pictures"][:1], result.expected[None])


def test_lock_compares_every_pass_with_the_final_picture(painter):
    *events, result = lock.lock(painter, CAPTION, seeds=3, steps=6)
    value = result.value
    assert len(events) == value.passes == 6
    assert value.measured.low.shape == (6, 3)
    assert all(1 <= number <= 6 for number in value.lock_passes("low"))
    assert all(len(each) == 3 and (np.abs(each) <= 1 + 1e-6).all() for each in value.others)
    assert 0 < lock.lock_truth(value)[0] <= 1
    assert figures.lock_film(value).count("film-cell") == 6
    assert len(figures.lock_chart(value).data) == 6
    np.testing.assert_allclose(value.own.low[-1], 1, atol=0.05)
    with pytest.raises(PlainError):
        last(lock.lock(painter, CAPTION, seeds=1))


def test_what_all_seeds_share_does_not_settle_a_composition():
    """0.95 was the likeness of two different seeds, so the words alone passed for a settled composition."""
    random = np.random.default_rng(0)
    common = np.linspace(60, 190, 16)[None, :, None, None] * np.ones((5, 16, 16, 3))
    finals = (common + random.integers(-40, 40, (5, 2, 2, 3)).repeat(8, 1).repeat(8, 2)).astype(np.uint8)
    guesses = np.stack([common.astype(np.uint8)] * 3 + [finals] * 2)
    value = lock._lock(guesses, finals)
    assert value.measured.low[0].mean() > 0.6 and value.others[0].mean() > 0.3
    assert value.lock_passes("low") == [4] * 5 and lock.lock_truth(value)[0] == 4 / 5
    assert value.others[1].max() < lock.LOCKED


def test_a_few_step_painter_takes_its_own_number_of_passes(turbo):
    *moments, result = strip.strip(turbo, CAPTION)
    assert len(moments) == turbo.steps == result.provenance.settings["passes"]
    assert last(clay.poke(turbo, CAPTION, seeds=1)).provenance.settings["passes"] == turbo.steps
    assert last(turn.turn(turbo, CAPTION, "two dog", seeds=1)).value.passes == turbo.steps


def test_a_scheduler_with_a_pass_of_its_own_is_shown_whole(pndm):
    *moments, result = strip.strip(pndm, CAPTION, seed=3, steps=4)
    assert [moment.event.passes for moment in moments] == [5] * 5
    reel = figures.strip_film(moments[0].event.passes)
    texts = [figures.strip_frame(reel, moment) for moment in moments] + [figures.strip_end(reel, result.value)]
    assert texts[-1].count("film-cell") == 6 and "--frames:6" in texts[0]
    assert result.provenance.settings["passes"] == 5 and "num_inference_steps=4" in result.snippet
    same_pictures(run(result.snippet)["pictures"][:1], result.expected[None])
    *_, locked = lock.lock(pndm, CAPTION, seeds=2, steps=4)
    assert locked.value.passes == 5 and locked.provenance.settings["passes"] == 5
    turned = last(turn.turn(pndm, CAPTION, "two dog", seeds=1, steps=4, swaps=(2,)))
    assert turned.value.passes == 5 and turned.provenance.settings["passes"] == 5
    same_pictures([run(turned.snippet)], turned.expected[None])


def test_passes_are_chosen_and_told_by_those_that_are_made(pndm, monkeypatch):
    """A PNDM painter that is asked for two passes makes three: the third can be poked, swapped at, and is told of."""
    monkeypatch.setattr(waking, "open_painter", lambda progress=None: pndm)
    assert pndm.made(2) == 3 and pndm.pass_settings(2) == {"passes": 3, "passes asked for": 2}
    assert len(list(strip.strip(pndm, CAPTION, steps=2))) - 1 == 3
    poked = last(clay.poke(pndm, CAPTION, seeds=1, steps=2))
    assert [row[0] for row in poked.table.rows] == [2, 3] and poked.provenance.settings["passes"] == 3
    assert api.swap_prompt(CAPTION, "two dog", 3, seeds=1, steps=2)["provenance"]["settings"]["passes"] == 3
    assert len(list(api.denoise(CAPTION, steps=2))) == list(api.denoise(CAPTION, steps=2))[-1]["passes"] == 3
    compared = clay.compare_steps(pndm, CAPTION, seeds=1, choices=(2,))
    assert "Carved in 3 passes: pass 1 of 3" == next(compared).words


def test_few_passes_are_told_of_all_the_static_there_is(painter):
    """Leading spacing tells the first of two passes of timestep 501, and the screen then blamed the number."""
    *moments, few = strip.strip(painter, CAPTION, steps=2)
    assert [moment.event.timestep for moment in moments] == [999, 499] and few.provenance.settings[
        "spacing"
    ] == "trailing"
    assert few.findings[-1].headline == "timestep 999" and "501 in a run of 2 passes" in few.findings[-1].text
    same_pictures(run(few.snippet)["pictures"][:1], few.expected[None])
    *moments, usual = strip.strip(painter, CAPTION, steps=10)
    assert moments[0].event.timestep == 901 and "spacing" not in usual.provenance.settings
    compared = last(clay.compare_steps(painter, CAPTION, seeds=1, choices=(2, 10)))
    assert compared.provenance.settings["spacing"] == "trailing" and "501" in compared.findings[-1].text
    plan = diffusion.Plan(CAPTION, (0,), steps=10, spacing="trailing")
    same_pictures(diffusion.paint(painter, plan), compared.expected[10][None])  # the number is all that differs


def test_painters_that_start_at_the_end_of_their_schedule_keep_their_spacing(family):
    name, painter = family
    assert painter.spacing_for(2) == (None if name in ("v-zero", "xl-turbo", "consistency") else "trailing")
    assert painter.spacing_for(25) is None


# What short code would get wrong: the levels of noise, the draws on the way, the second branch, pooled embeddings.
WITHOUT_CODE = {
    "sd": set(),
    "pndm": set(),
    "v": set(),
    "v-zero": set(),
    "euler": {"poke", "repaint"},
    "solver": {"repaint"},
    "xl": {"poke", "repaint", "words"},
    "xl-turbo": {"poke", "repaint", "words", "nudge", "walk", "turn"},
    "consistency": {"nudge", "walk", "turn", "ruin"},
}


def test_code_is_shown_for_the_painters_it_is_right_for(family, tmp_path):
    from PIL import Image

    name, painter = family
    Image.fromarray(scenes.example("owl-meadow", 64, 64)).save(tmp_path / "owl-meadow.png")
    picture = scenes.example("owl-meadow", painter.height, painter.width)
    ruined = ruin.ruin(painter, picture, picture[None], noises=1, name="owl-meadow")
    results = {
        "ruin": next(ruined),
        "strip": last(strip.strip(painter, CAPTION, seed=3, steps=4)),
        "turn": last(turn.turn(painter, CAPTION, "two dog", seeds=1, steps=4, swaps=(2,))),
        "nudge": last(clay.nudge(painter, CAPTION, steps=3)),
        "poke": last(clay.poke(painter, CAPTION, seeds=1, steps=4)),
        "walk": last(clay.walk(painter, CAPTION, other_seed=5, steps=3)),
        "words": last(clay.walk(painter, CAPTION, other_caption="two dog", steps=3)),
        "repaint": last(clay.repaint(painter, CAPTION, "two dog", steps=4)),
        "steps": last(clay.compare_steps(painter, CAPTION, seeds=1, choices=(3, 4))),
    }
    assert {kind for kind, result in results.items() if not result.snippet} == WITHOUT_CODE[name]
    for kind, result in results.items():
        if not result.snippet:
            continue
        painted = run(result.snippet.replace("lessons/shell/scenes", str(tmp_path)))
        if kind == "ruin":
            assert painted["psnr"] == pytest.approx(result.expected, abs=0.05)
        elif kind == "strip":
            same_pictures(painted["pictures"], result.expected[None])
        elif kind == "steps":
            same_pictures(painted.values(), np.stack(list(result.expected.values())))
        elif kind in ("turn", "poke", "repaint"):
            same_pictures([painted], result.expected[None])
        else:
            same_pictures(painted, result.expected)


def test_the_way_between_the_same_seed_twice_needs_no_code(painter):
    assert not last(clay.walk(painter, CAPTION, seed=5, other_seed=5, steps=1)).snippet
    assert "noise" not in last(clay.walk(painter, CAPTION, other_caption="two dog", steps=1)).findings[1].text


def test_nothing_is_poked_before_the_first_pass():
    for steps in (2, 3, 4, 25, 100):
        assert all(1 <= at < steps for at in clay.poke_passes(steps))


def test_turn_judges_by_the_nearer_picture(painter):
    results = finished(turn.turn(painter, CAPTION, "two dog", seeds=2, steps=6, swaps=(1, 5)))
    value = results[-1].value
    assert [list(result.value.swapped) for result in results] == [[1], [1, 5]]
    assert value.interval(1).trials == 2 and value.known.trials == 4 and value.own.shape == (6, 2)
    assert list(value.mended) == [1, 5] and all(each.max() <= 1.01 for each in value.mended.values())
    code = np.asarray(run(results[-1].snippet))
    np.testing.assert_allclose(code.astype(int), results[-1].expected.astype(int), atol=1)
    assert "The first 1 of 2 seeds." in figures.turn_grid(value, 1) and "The first" not in figures.turn_grid(value)
    assert "never swapped" in figures.turn_grid(value) and len(figures.turn_chart(value).data) == 7
    assert len(results[-1].table.columns) == len(results[-1].table.rows[0])
    same = replace(value, swapped={2: value.own_second}, turned={2: np.array([True, True])})
    assert turn.turn_truth(same)[0] == 1


def test_a_swapped_picture_is_held_against_other_seeds_and_the_test_against_itself():
    old, new = np.full((3, 8, 8, 3), 20, np.uint8), np.full((3, 8, 8, 3), 200, np.uint8)
    assert turn.nearer(new, new, old).all() and not turn.nearer(old, new, old).any()
    assert turn.nearer(new[:1], new[:1], old[:1]).all()
    own = np.array([[0.1, 0.2], [0.96, 0.5], [0.97, 0.99]])
    value = turn.Turn("a", "b", 3, old, new, {}, {}, turn.wilson(6, 6), own)
    assert value.settled() == [2, 3]


def test_swaps_are_spread_over_any_run():
    assert turn.swap_passes(25) == (5, 8, 16, 20, 22, 24)
    for steps in (2, 5, 50, 100):
        assert all(1 <= at < steps for at in turn.swap_passes(steps))


# --- clay -------------------------------------------------------------------------------------------------


def test_every_play_with_the_clay_gives_a_series(painter):
    pokes = finished(clay.poke(painter, CAPTION, seeds=2, steps=5))
    poked, places = pokes[-1], 1 + len(clay.poke_passes(5))
    assert len(poked.value.exhibits) == places
    assert all(f'style="--count:{places}"' in figures.exhibits(one.value) for one in pokes)  # none changes its size
    assert clay.poke_truth(poked.value)[0] in range(3)
    nudged = last(clay.nudge(painter, CAPTION, steps=2))
    assert nudged.table.rows[0][1] == 0
    walked = last(clay.walk(painter, CAPTION, other_seed=5, steps=2))
    spoken = last(clay.walk(painter, CAPTION, other_caption="two dog", steps=2))
    repainted = last(clay.repaint(painter, CAPTION, "two dog", steps=3))
    carved = finished(clay.compare_steps(painter, CAPTION, seeds=2, choices=(2, 4)))
    steps = carved[-1]
    assert steps.value.exhibits[-1].marked
    assert all('style="--count:2"' in figures.exhibits(one.value) for one in carved)
    for result in (poked, nudged, walked, spoken, repainted, steps):
        assert isinstance(result, Evidence) and result.alt.endswith(".") and result.table.rows
        assert figures.exhibits(result.value).count("<figure") == len(result.value.exhibits)


def test_the_clay_code_gives_the_same_pictures(painter):
    def equal(pictures, expected):
        difference = np.stack([np.asarray(picture) for picture in pictures]).astype(int) - expected
        assert np.abs(difference).max() <= 1  # a batch rounds the last digit differently

    poked = finished(clay.poke(painter, CAPTION, region="the left half", seeds=2, steps=5))[2]
    repainted = last(clay.repaint(painter, CAPTION, "two dog", region="the lower half", steps=3))
    for result in (poked, repainted):
        equal([run(result.snippet)], result.expected[None])
    walks = (
        clay.nudge(painter, CAPTION, steps=2),
        clay.walk(painter, CAPTION, other_seed=5, steps=2),
        clay.walk(painter, CAPTION, other_caption="two dog", steps=2),
    )
    for result in map(last, walks):
        equal(run(result.snippet), result.expected)
    carved = last(clay.compare_steps(painter, CAPTION, seeds=1, choices=(2, 3)))
    equal(run(carved.snippet).values(), np.stack(list(carved.expected.values())))


def test_the_rest_of_a_poked_picture_moved_only_where_the_decoders_spill_cannot_explain_it():
    """“No, at no pass” was said although a chimney moved: 5 % of full brightness over the whole rest hid it."""
    spilt = {3: [0.03, 0.06, 0.02], 20: [0.03, 0.05, 0.04]}
    moved = clay.Series((), {3: [0.09, 0.15, 0.12], 20: [0.05, 0.06, 0.05]}, spilt)
    assert clay.poke_truth(moved)[0] == 1
    assert clay.poke_truth(replace(moved, outside=spilt))[0] == 0
    assert clay.poke_truth(replace(moved, spilt={at: [0.0] * 3 for at in spilt}))[0] == 2
    assert clay.poke_truth(clay.Series(())) is None


def test_regions_are_masks():
    assert clay.region_mask("the left half", 4, 4)[:, :2].all()
    assert clay.region_mask("the middle", 8, 8).sum() == 16
    with pytest.raises(PlainError, match="Choose one"):
        clay.region_mask("the moon", 4, 4)


# --- your own ---------------------------------------------------------------------------------------------


def test_training_streams_and_ends_with_a_flow():
    shape = own.preset("moons")
    results = list(own.train_own(shape, seconds=60, steps=60, seed=1))
    assert all(result.value.flow is None for result in results[:-1])
    value = results[-1].value
    assert value.flow is not None and len(value.flow) == len(value.labels) == 101
    assert value.after.trials == 2000
    assert json.loads(figures.cloud(value))["labels"][0] == "pure noise"
    assert "polyline" in figures.loss_line(value)
    assert 0 <= own.own_truth(value)[0] <= 100
    np.testing.assert_allclose(run(results[-1].snippet), results[-1].expected, atol=1e-4)


def test_training_is_counted_in_steps_so_that_a_slow_machine_lands_as_many_points():
    values = [last(own.train_own(own.preset("moons"), steps=40, seed=1)).value for _ in range(2)]
    assert all(value.losses[-1][0] == 40 for value in values)
    assert values[0].after == values[1].after


def test_landed_counts_points_on_the_drawing():
    shape = own.preset("heart")
    assert own.landed(shape, shape).rate == 1
    assert own.landed(shape + 9, shape).rate == 0


def test_a_drawing_counts_alike_wherever_it_lies():
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    ring = 0.15 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    corner = ring + (0.7, -0.7)
    assert own.landed(ring + (0.04, 0), ring) == own.landed(corner + (0.04, 0), corner)
    assert own.landed(corner + (0.04, 0), corner).rate < 0.2
    cloud = own.gaussian_like(corner, 4000, 0)
    np.testing.assert_allclose(cloud.std(axis=0), 0.15 / np.sqrt(2), rtol=0.05)
    np.testing.assert_allclose(cloud.mean(axis=0), (0.7, -0.7), atol=0.01)


@pytest.mark.parametrize(
    "text", ["", "[]", "nonsense", "[[1, 2, 3]]", "[[0, 0]]", "[[NaN, 0]]", "[" * 5000, "7", "[[5, 5]]"]
)
def test_bad_drawings_are_refused_in_plain_words(text):
    with pytest.raises(PlainError):
        own.drawing_from(text)


def test_drawings_come_from_pads_shapes_and_letters():
    for shape in (*map(own.preset, own.PRESETS), own.written("S"), own.written("AI")):
        assert np.abs(own.drawing_from(own.drawing_to(shape))).max() <= 1.001
    assert set(own.PRESETS) <= set(points.DRAWINGS)
    for text in ("", "abcdef", "\u200b"):
        with pytest.raises(PlainError):
            own.written(text)
    with pytest.raises(PlainError):
        own.preset(NASTY)


# --- bounds, the API, safety ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings", [{"seed": -1}, {"seed": None}, {"seed": 1.5}, {"steps": 0}, {"steps": 101}, {"caption": "x" * 401}]
)
def test_settings_out_of_range_are_refused(painter, settings):
    with pytest.raises(PlainError):
        last(strip.strip(painter, **({"caption": CAPTION, "steps": 2} | settings)))


def test_turning_to_the_same_words_is_refused(painter):
    with pytest.raises(PlainError, match="the same"):
        last(turn.turn(painter, CAPTION, " A red cat "))


def test_the_api(served):
    picture = base64.b64encode((scenes.FOLDER / "cat-meadow.png").read_bytes()).decode()
    for sent in ("cat-meadow", picture, "data:image/png;base64," + picture):
        answer = api.noise(sent, timestep=400, seed=2)
        assert answer["guess"].startswith("data:image/webp;base64,")
        assert answer["noisy_psnr"] > 0 and json.dumps(answer)
    stream = list(api.denoise(CAPTION, seed=1, steps=3))
    assert [event["pass"] for event in stream] == [1, 2, 3]
    assert stream[0]["picture"] is None and stream[-1]["picture"]
    assert len(api.swap_prompt(CAPTION, "two dog", 2, seeds=2, steps=3)["turned"]) == 2


@pytest.mark.parametrize(
    "picture",
    [
        "",
        "../../etc/passwd",
        "/etc/passwd",
        "not base64!",
        base64.b64encode(b"GIF89a").decode(),
        ["cat-meadow"],
        None,
        7,
    ],
)
def test_the_api_refuses_what_is_no_picture(served, picture):
    with pytest.raises(PlainError):
        api.noise(picture)


@pytest.mark.parametrize("timestep", [-1, 1000, 2.5, None])
def test_the_api_refuses_other_timesteps(served, timestep):
    with pytest.raises(PlainError):
        api.noise("cat-meadow", timestep=timestep)


def test_the_api_bounds_the_swap(served):
    for settings in ({"swap_before_pass": 0}, {"swap_before_pass": 9, "steps": 4}, {"seeds": 13}, {"steps": 101}):
        with pytest.raises(PlainError):
            api.swap_prompt(CAPTION, "two dog", **settings)


def test_without_a_painter_the_lesson_says_so(monkeypatch, tmp_path):
    monkeypatch.delenv("PLAYGROUND_PICTURE_MODEL", raising=False)
    monkeypatch.setattr("engines.pictures.painter.MODELS", tmp_path)
    assert "models/painter" in waking.notice("sculptor") and not waking.notice("typewriter")
    with pytest.raises(PlainError, match="training.painter"):
        waking.open_painter()


def test_nothing_typed_becomes_markup(painter):
    *moments, result = strip.strip(painter, NASTY, steps=2)
    turned = last(turn.turn(painter, NASTY, CAPTION, seeds=1, steps=2, swaps=(1,)))
    walked = last(clay.walk(painter, NASTY, other_caption=NASTY + "!", steps=1))
    reel = figures.strip_film(2)
    safe(figures.strip_frame(reel, moments[0]) + figures.turn_grid(turned.value) + figures.exhibits(walked.value))
    for evidence in (result, turned, walked):
        from lessons.shell.views import evidence as show

        safe(str(show(evidence)))


def test_the_pads_letters_give_way_to_what_is_drawn():
    import gradio as gr

    with gr.Blocks() as demo:
        page.build()
    (letters,) = [one for one in demo.blocks.values() if getattr(one, "label", "") == "or write up to five letters"]
    (pad,) = [one for one in demo.blocks.values() if getattr(one, "label", "") == "Drawing"]
    wired = [(target, {each._id for each in fn.outputs}) for fn in demo.fns.values() for target in fn.targets]
    assert {event for (source, event), _ in wired if source == letters._id} == {"submit", "change"}
    assert [outputs for target, outputs in wired if target == (pad._id, "input")] == [{letters._id}]


# --- the film ---------------------------------------------------------------------------------------------


def test_a_film_only_grows_and_names_its_pictures():
    grey = np.full((8, 8, 3), 128, np.uint8)
    strip = film.Film(("one", NASTY), 2, unit="level", start=1)
    first = strip.add((grey, grey), ("a", NASTY), NASTY, "1")
    second = strip.add((grey, grey), ("b", "c"), "words", "2")
    assert second.startswith(first)
    safe(second)
    assert 'alt="b"' in second and 'data-start="1"' in second


def test_pictures_are_bounded_and_named():
    wide = np.zeros((400, 800, 3), np.uint8)
    uri = film.data_uri(wide)
    from io import BytesIO

    from PIL import Image

    opened = Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert max(opened.size) == film.MAX_SIDE
    safe(str(film.row([film.Shot(wide, NASTY, NASTY)], NASTY)))
