"""The search through all training captions: exact by word, near by meaning, and every caption is the recorded one."""

from __future__ import annotations

import numpy as np
import pytest

from engines import live
from engines.evidence import PlainError
from engines.pictures import diffusion
from engines.stickers import meaning, scenes, search
from engines.stickers.world import facts_of
from tests.engines import tiny_painters
from tests.lessons.common import NASTY


@pytest.fixture(scope="module")
def index():
    return search.load()


@pytest.fixture(scope="module")
def space():
    return meaning.load(live.open_painter())


@pytest.mark.parametrize("seed", [0, 3, 72, 1_234, 131_072, 255_999])
def test_the_caption_of_a_seed_is_the_one_its_scene_has(index, seed):
    assert index.captions[index.which[seed]] == scenes.caption(seed) == scenes.scene(seed).caption


def test_captions_are_read_off_without_drawing_for_every_kind_of_scene():
    for seed in range(60):
        assert scenes.caption(seed) == scenes.scene(seed).caption


def test_the_index_holds_every_scene_within_its_weight(index):
    assert index.scenes == 256_000 == index.times.sum()
    assert list(index.captions) == sorted(set(index.captions))
    assert len(index.codes) == len(search.wordings(index.captions)) and index.codes.dtype == np.int8
    assert search.FILE.stat().st_size <= 2_500_000


def test_by_word_is_exact(index):
    found = index.by_word("Cats two")
    wanted = {"two", "cats"}
    by_hand = [wanted <= set(search.asked(caption)) for caption in index.captions]
    assert found.captions.tolist() == np.flatnonzero(by_hand).tolist()
    assert found.words == ("cats", "two") and found.scenes == index.times[by_hand].sum() == found.together[-1]
    assert found.together[0] == found.alone[0] >= found.scenes
    assert index.by_word("zebra").scenes == 0 and index.by_word("cat").scenes != index.by_word("cats").scenes


def test_scenes_of_a_sample_have_the_words_and_come_again_with_the_seed(index):
    captions = index.by_word("owl snow").captions
    sample = index.sample(captions, 6, 4)
    assert sample == index.sample(captions, 6, 4) != index.sample(captions, 6, 5)
    assert len(set(sample)) == 6
    assert all({"owl", "snow"} <= set(search.asked(scenes.caption(seed))) for seed in sample)
    assert index.sample(np.empty(0, np.int32), 6, 0) == ()
    one = np.array([np.flatnonzero(index.times == 1)[0]])
    assert len(index.sample(one, 6, 0)) == 1


def test_a_caption_of_the_diet_is_nearest_to_itself_and_others_follow_in_order(index, space):
    caption = index.captions[index.which[0]]
    near = index.by_meaning(caption, space)
    assert near[0].cosine == pytest.approx(1, abs=1e-4)
    assert [one.cosine for one in near] == sorted((one.cosine for one in near), reverse=True)
    assert all(one.scenes == index.times[one.id] and index.captions[one.id] == one.caption for one in near)


def test_meaning_finds_what_is_said_otherwise(index, space):
    near = index.by_meaning("a cat under the stars", space)
    assert any("night" in one.caption for one in near)


@pytest.mark.parametrize("query", ["", "  \n", "!?", 5, None, "x" * 401, "\ud800", " ".join(map(str, range(25)))])
def test_what_cannot_be_searched_is_refused(query):
    with pytest.raises(PlainError):
        search.asked(query)


@pytest.mark.parametrize("query", [NASTY, "\u200b\u200bcat\u200b", "قطة", "a" * 400, "\x00cat", "😀 cat"])
def test_strange_queries_are_searched(index, space, query):
    index.by_word(query)
    assert len(index.by_meaning(query, space, 3)) == 3


@pytest.mark.parametrize(
    ("caption", "seed", "shown"),
    [("a cat", 0, False), ("nothing known", 0, False)],
)
def test_shows_needs_something_to_look_for(caption, seed, shown):
    assert search.shows(scenes.plan(seed), facts_of(caption)) is shown


def test_every_honest_caption_is_shown_by_its_own_scene():
    for seed in range(200):
        plan = scenes.plan(seed)
        for caption in scenes.phrasings(plan)[::5]:
            facts = facts_of(caption)
            if facts.things and not facts.unread:
                assert search.shows(plan, facts), (caption, plan)


def test_the_space_is_the_bundled_painters_alone(tmp_path):
    with pytest.raises(PlainError, match="bundled"):
        meaning.load(diffusion.load(tiny_painters.save_sd(tmp_path / "sd")))


def test_captions_fall_on_their_pictures(space):
    plans = [scenes.plan(900_000_000 + seed) for seed in range(12)]
    pictures = np.stack([np.asarray(scenes.render(plan, seed).picture) for seed, plan in enumerate(plans)])
    cosines = space.pictures(pictures) @ space.captions([scenes.phrasings(plan)[0] for plan in plans]).T
    assert np.diagonal(cosines).mean() > cosines.mean() + 0.2
