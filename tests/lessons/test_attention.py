"""The attention lesson on a tiny random model: what it measures, what it shows, what it refuses."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.evidence import Evidence, PlainError, Underway
from engines.statistics import mean_interval
from engines.text import language_model
from engines.text.dials import Candidate
from engines.text.language_model import LanguageModel
from engines.text.logit_lens import LayerGuess
from lessons.attention import agreement, api, arithmetic, fading, figures, lens, looking, machine, measures, silencing
from lessons.attention.fading import _weaker_finding
from lessons.attention.silencing import rank_correlation
from lessons.shell import views
from lessons.shell.content import read_lesson, read_quiz
from lessons.shell.prose import prose
from tests.engines.tiny_text import saved, tiny, with_a_beginning
from tests.lessons.common import last, run, whole

TEXT = "The keys to the cabinet are so rusty"
NASTY = "<script>alert(1)</script> <img src=x onerror=alert(1)>\"' {{7*7}} ${alert(1)}\u202e\u0007"


@pytest.fixture
def model() -> LanguageModel:
    return tiny()


@pytest.fixture
def seen(model: LanguageModel) -> measures.Look:
    return measures.look(model, TEXT)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "load", lambda *args, **kwargs: tiny())


def kept(text: str = TEXT, **choice: Any) -> str:
    """What the page keeps of a learner's choice."""
    return json.dumps({"text": text, **choice})


def found(results: Iterator[Any]) -> list[Evidence[Any]]:
    return [step for step in results if isinstance(step, Evidence)]


def gaze(model: LanguageModel, text: str = TEXT) -> looking.Gaze:
    return last(looking.gaze(model, text)).value


# ---- who looks at whom ----


def test_each_row_of_attention_is_shared_out_and_never_looks_ahead(seen: measures.Look) -> None:
    assert seen.weights.shape == (3, 6, len(seen.pieces), len(seen.pieces))
    np.testing.assert_allclose(seen.weights.sum(-1), 1, atol=1e-5)
    assert np.triu(seen.weights, 1).max() == 0


def test_the_browser_is_given_every_head_exactly(model: LanguageModel) -> None:
    """A slider never waits and never jumps back: layers × heads × pairs come with one pass, finer than 0.1 %."""
    value = gaze(model)
    given = json.loads(figures.gaze(value))
    roots = np.frombuffer(b64decode(given["roots"]), "<u2").reshape(3, 6, -1) / 65535
    size = len(value.seen.pieces)
    assert roots.shape[-1] == size * (size - 1) // 2 and len(given["pieces"]) == size
    start = 0
    for looker in range(size):  # the first word has what the others leave
        others = roots[..., start : start + looker] ** 2
        row = np.concatenate([1 - others.sum(-1, keepdims=True), others], -1)
        np.testing.assert_allclose(row, value.seen.weights[:, :, looker, : looker + 1], atol=1e-4)
        start += looker
    assert (given["layers"], given["heads"]) == (3, 6) and given["watched"] == list(value.watched)


def test_no_slider_is_an_output_of_its_own_handler() -> None:
    """The dials of layer and head fought the hand, because each of their moves set them again."""
    import gradio as gr

    from lessons.attention import page

    with gr.Blocks() as demo:
        page.build()
    sliders = [block for block in demo.blocks.values() if isinstance(block, gr.Slider)]
    assert not [fn for fn in demo.fns.values() if any(out is slider for out in fn.outputs for slider in sliders)]


def test_the_share_is_that_of_the_watched_words(seen: measures.Look) -> None:
    np.testing.assert_allclose(seen.share((2, 4)), seen.weights[:, :, seen.last, [2, 4]].sum(-1))
    layer, head = measures.hottest(seen, (2, 4))
    assert seen.share((2, 4))[layer, head] == seen.share((2, 4)).max()


def test_the_first_token_never_makes_a_head_the_hottest(seen: measures.Look) -> None:
    assert measures.hottest(seen, (0, 4)) == measures.hottest(seen, (4,))
    with pytest.raises(PlainError, match="after the first"):
        measures.hottest(seen, (0,))


def test_an_example_comes_with_its_own_words(model: LanguageModel) -> None:
    pieces = model.encode(measures.KEYS).pieces
    watched = measures.words_to_watch(model, measures.KEYS)
    assert watched == tuple(i for i, piece in enumerate(pieces) if i and piece in (" keys", " cabinet"))


def test_words_to_watch_are_chosen_by_what_the_next_word_needs_and_not_by_length(model: LanguageModel) -> None:
    """“without” and “through” are the longest words here and say the least."""
    text = "The dog sat by the cat without me and through it"
    watched = measures.words_to_watch(model, text)
    prompt = model.encode(text)
    words = {word: measures._text(prompt, word) for word in measures._words(prompt)}
    chosen = {words[word] for word in words if set(word) <= set(watched)}
    assert len(chosen) == 2 and chosen <= {"dog", "sat", "cat"}
    full = [word for word in words if words[word] in ("dog", "sat", "cat")]
    missed = measures._missed(model, prompt, full)
    assert chosen == {words[word] for word in sorted(full, key=lambda word: -missed[word])[:2]}
    assert watched == tuple(sorted(i for word in words if words[word] in chosen for i in word))  # all of their tokens


@pytest.mark.parametrize("text", ["abc", "a b c d", "of the and to", "??? !!! ...", "鍵 の 戸棚"])
def test_every_sentence_has_a_word_to_watch_after_the_first_token(model: LanguageModel, text: str) -> None:
    watched = measures.words_to_watch(model, text)
    assert watched and all(0 < i < len(model.encode(text).ids) for i in watched)


@pytest.mark.parametrize(
    ("text", "words"), [("", "Type some text"), ("a", "at least three"), ("a b c d e " * 20, "at most 48")]
)
def test_texts_that_cannot_be_shown_are_refused(model: LanguageModel, text: str, words: str) -> None:
    with pytest.raises(PlainError, match=words):
        measures.look(model, text)


@pytest.mark.parametrize(
    "choice", [{"watched": [99]}, {"layer": 3, "head": 0}, {"row": 99}, {"column": -1}, {"layer": "a", "head": 0}]
)
def test_places_outside_the_sentence_or_the_model_are_refused(model: LanguageModel, choice: dict[str, Any]) -> None:
    with pytest.raises(PlainError):
        last(arithmetic.work_out(model, kept(**choice)))


@pytest.mark.parametrize("lost", ["[1]", "nonsense", '{"watched": 3}'])
def test_a_choice_that_was_lost_says_what_to_press(model: LanguageModel, lost: str) -> None:
    with pytest.raises(PlainError, match="Look inside"):
        last(silencing.contest(model, lost))


def test_a_head_left_out_is_the_one_that_looks_most_at_the_words_to_watch(
    model: LanguageModel, seen: measures.Look
) -> None:
    top = measures.hottest(seen, measures.words_to_watch(model, TEXT))
    assert measures.named_head(model, seen, None, None) == top
    assert measures.named_head(model, seen, top[0], None) == top == measures.named_head(model, seen, None, top[1])
    assert measures.named_head(model, seen, 2, 5) == (2, 5)
    for layer, head in ((1.5, 0), ("a", 0), (0, 6), (True, 0), (None, "b")):
        with pytest.raises(PlainError, match="whole number"):
            measures.named_head(model, seen, layer, head)


def test_the_next_screens_read_the_sentence_with_the_model_that_is_live_now() -> None:
    """After a change of model nothing of the other one is left: a head it lacks is refused, the rest is read anew."""
    choice = kept(watched=[2, 4], layer=1, head=2, row=5, column=2)
    for kind in ("llama", "qwen3"):
        result = last(arithmetic.work_out(tiny(kind), choice))
        assert result.provenance.model == f"tiny {kind}"
        assert result.value.returned == pytest.approx(result.value.cell.weight, abs=1e-4)


def test_the_prediction_is_scored_for_its_own_sentence_only(model: LanguageModel) -> None:
    assert looking.leaning(gaze(model)) is None
    value = gaze(model, measures.KEYS)
    share, words = looking.leaning(value) or (0, "")
    assert share == pytest.approx(float(value.seen.share(value.watched).mean())) and "“keys”" in words


def test_the_first_token_is_a_resting_place_only_where_most_rests_there(model: LanguageModel) -> None:
    value = gaze(model)
    weights = np.full_like(value.seen.weights, 0.01)
    for at, resting in ((0, True), (1, False)):
        weights[..., at] = 0.4 if at == 0 else 0.7
        card = looking.who_looks(replace(value, seen=replace(value.seen, weights=weights))).findings[-1]
        assert ("a resting place, not a reason" in card.text) is resting
        assert ("no resting place here" in card.text) is not resting


# ---- the arithmetic of one cell ----


def test_a_cell_worked_out_equals_what_the_model_returned(model: LanguageModel, seen: measures.Look) -> None:
    result = arithmetic.cell(model, seen, 1, 4, 5, 2)
    cell = result.value.cell
    assert cell.weight == pytest.approx(float(seen.weights[1, 4, 5, 2]), abs=1e-5)
    assert cell.product == pytest.approx(float((cell.query_vector * cell.key_vector).sum()), rel=1e-4)
    powers = np.exp(cell.scores_row[:6] - cell.scores_row[:6].max())
    assert cell.weight == pytest.approx(float(powers[2] / powers.sum()), abs=1e-5)
    assert len(result.table.rows) == len(cell.query_vector)
    assert f"{cell.weight:.6f}" in figures.sums(result.value)


def test_what_was_not_chosen_is_the_last_word_and_the_watched_one_its_head_likes_best(model: LanguageModel) -> None:
    value = last(arithmetic.work_out(model, kept())).value
    watched = measures.words_to_watch(model, TEXT)
    assert (value.cell.layer, value.cell.head) == measures.hottest(value.seen, watched)
    assert value.cell.query == value.seen.last and value.cell.key in watched
    assert last(arithmetic.work_out(model, "{}")).value.seen.text == measures.KEYS


def test_a_masked_cell_says_so(model: LanguageModel, seen: measures.Look) -> None:
    result = arithmetic.cell(model, seen, 0, 0, 1, 3)
    assert result.value.cell.masked and result.value.cell.weight == 0
    assert "comes later" in result.alt and "comes later" in figures.sums(result.value)
    assert arithmetic.pulling(result.value) is None


def test_what_is_said_of_pluses_and_minuses_is_computed_from_this_very_pair(
    model: LanguageModel, seen: measures.Look
) -> None:
    """“Pluses and minuses nearly cancel” was said of a pair whose products add up to +70.9 and −24.2."""
    value = arithmetic.cell(model, seen, 0, 0, 3, 1).value
    ups = int((value.products > 0).sum())
    truth, words = arithmetic.pulling(value) or (0, "")
    assert truth == ups / len(value.products) and words.startswith(f"{ups} of {len(value.products)}")
    query = np.array([70.9, -24.2], np.float32)
    strong = replace(value, cell=replace(value.cell, query_vector=query, key_vector=np.ones(2, np.float32)))
    assert arithmetic.weighed(strong) == (
        "The pluses add up to 70.9, the minuses to 24.2: the minuses take back 34 % of the pluses."
    )
    weak = replace(strong, cell=replace(strong.cell, query_vector=-query))
    assert "the pluses take back 34 % of the minuses" in arithmetic.weighed(weak)
    because = read_lesson("attention").predictions["products"].because
    assert "cancel" not in str(because)


# ---- the machine ----


def test_the_machine_is_counted_and_drawn(model: LanguageModel) -> None:
    result = last(machine.count(model))
    parts = model.parts()
    value = result.value
    assert (value.attention, value.feed_forward, value.total) == (parts.attention, parts.feed_forward, parts.total)
    assert sum(row[1] for row in result.table.rows) == value.total
    share, words = machine.counted(value)
    assert share == value.attention / (value.attention + value.feed_forward)
    assert f"{value.attention // 3:,} of" in words
    drawing = str(figures.machine(value))
    assert 'role="img"' in drawing and "works on each word alone" in drawing
    assert f"{value.attention // 3:,}" in drawing and f"{value.feed_forward // 3:,}" in drawing


# ---- heads switched off ----


def test_the_contest_is_seeded_and_compares_with_other_heads(model: LanguageModel, seen: measures.Look) -> None:
    choice = kept(watched=[2, 4])
    first, again, other = (last(silencing.contest(model, choice, 5, False, seed)).value for seed in (3, 3, 4))
    assert first.random == again.random and first.random != other.random
    assert (first.hottest.layer, first.hottest.head) == measures.hottest(seen, (2, 4))
    names = [head.name for head in first.random]
    assert len(set(names)) == 5 and first.hottest.name not in names
    assert first.beaten == sum(head.kl_bits < first.hottest.kl_bits for head in first.random)
    assert silencing.outdone(first)[0] == first.beaten / 5
    alone = model.ablate_heads(TEXT, [(first.hottest.layer, first.hottest.head)])
    assert first.hottest.kl_bits == pytest.approx(alone.kl_bits, abs=1e-5)


def test_random_heads_can_come_from_the_same_layer(model: LanguageModel) -> None:
    result = last(silencing.contest(model, kept(watched=[4]), 30, True)).value
    assert len(result.random) == 5 and {head.layer for head in result.random} == {result.hottest.layer}


@pytest.mark.parametrize(("seed", "heads"), [(-1, 5), (0, 0), (0, 31), (2**40, 5)])
def test_contests_out_of_bounds_are_refused(model: LanguageModel, seed: int, heads: int) -> None:
    with pytest.raises(PlainError):
        last(silencing.contest(model, kept(watched=[2]), heads, False, seed))


def test_all_heads_in_turn_say_how_far_they_are_and_can_stop(model: LanguageModel) -> None:
    steps = list(silencing.scan(model, kept(watched=[2, 4])))
    results = [step.value for step in steps if isinstance(step, Evidence)]
    assert [result.done for result in results] == [1, 2, 3]
    assert [step.words for step in steps if isinstance(step, Underway)][1:] == [
        f"Layer {layer} of 3: each of its heads off in turn" for layer in (1, 2, 3)
    ]
    assert np.isnan(results[0].kl_bits[1:]).all() and not np.isnan(results[-1].kl_bits).any()
    assert len(steps[-1].table.rows) == 18
    stopped = silencing.scan(model, kept(watched=[2, 4]))
    assert isinstance(next(stopped), Underway)
    stopped.close()


def test_the_survey_reads_every_example(model: LanguageModel) -> None:
    first = next(step for step in silencing.survey(model, 3) if isinstance(step, Evidence))
    assert len(first.value) == 1 and "1 of 1" in first.alt
    assert str(figures.survey(first.value)).count("bar-row") == 1


def test_rank_correlation() -> None:
    values = np.arange(40.0)
    assert rank_correlation(values, values**3)[0] == pytest.approx(1)
    rho, low, high = rank_correlation(values, -values)
    assert rho == pytest.approx(-1) and low <= rho <= high
    assert abs(rank_correlation(values, np.tile([0.0, 1.0], 20))[0]) < 0.2


# ---- “are” or “is”? ----


def compared(model: LanguageModel, steps: tuple[int, ...] = (1, 2, 6)) -> Evidence[agreement.Agreement]:
    return last(agreement.compare(model, TEXT, model.encode(TEXT).pieces[2], "T", "a", steps=steps, draws=2))


def test_are_is_tested_against_is_before_and_after_silencing(model: LanguageModel) -> None:
    """The lesson's own sentence, whose verb nobody ever measured: both forms, without the heads that look at it."""
    result = compared(model)
    value = result.value
    forms = [model.tokens_of(form).ids[0] for form in ("T", "a")]
    before = model.ablate_heads(TEXT, [(0, 0)], target=forms[0]).target_before
    assert value.off == (0, 1, 2, 6) and value.chances[0, 0] == pytest.approx(before, abs=1e-5)
    seen = measures.look(model, TEXT)
    grid = seen.share([2])
    order = [tuple(int(i) for i in np.unravel_index(at, grid.shape)) for at in np.argsort(-grid.ravel(), kind="stable")]
    for step, count in enumerate(value.off[1:], 1):
        for form, chance in zip(forms, value.chances[step], strict=True):
            assert chance == pytest.approx(model.ablate_heads(TEXT, order[:count], target=form).target_after, abs=1e-5)
    assert value.random.shape == (4, 2, 2) and (value.random[0] == value.chances[0]).all()
    assert len(result.table.rows) == 4 and value.finished
    chart = figures.agreement_chart(value)
    assert all(0 <= share <= 1 for line in chart.data for share in line.y)


def test_the_verb_turns_where_the_wrong_form_first_leads() -> None:
    chances = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.1, 0.9]])
    first, other = list(agreement.SUBJECTS)[:2]
    value = agreement.Agreement(first, "s", "are", "is", (0, 1, 3, 5), chances, chances[:, None], 270, True)
    assert value.turned == 3 and agreement.turned(value) == (3, "“is” leads once 3 heads are off")
    never = replace(value, chances=chances[:2], random=chances[:2, None], off=(0, 1))
    assert agreement.turned(never) == (2, "with up to 1 of them off, “is” never leads")
    assert agreement.turned(replace(value, finished=False)) is None
    assert agreement.turned(replace(value, text=other)) is None, "the guess is about the first sentence"
    wrong = replace(value, chances=chances[::-1])
    assert agreement.turned(wrong) is None and "before any head is off" in agreement._summary(wrong)
    question = read_lesson("attention").predictions["turned"]
    assert [question.which(n) for n in (1, 2, 5, 6, 30, 31)] == [0, 1, 1, 2, 2, 3]


def test_a_sentence_that_is_not_offered_is_refused(model: LanguageModel) -> None:
    with pytest.raises(PlainError):
        last(agreement.agree(model, "The nothing"))


# ---- the logit lens ----


def test_the_lens_ends_with_the_models_own_answer(model: LanguageModel) -> None:
    result = last(lens.read(model, TEXT))
    guesses = result.value.guesses
    best = int(np.argmax(model.next_token_scores(model.encode(TEXT)).logits))
    assert guesses[-1].candidates[0].token_id == best and guesses[-1].final_rank == 1
    assert all(guess.final_rank == 1 for guess in guesses[result.value.settled :])
    assert result.value.first <= result.value.settled <= result.value.layers == 3


def ranked(*rows: str) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(map(ord, row)) for row in rows)


def test_an_answer_is_set_beside_itself_after_other_texts() -> None:
    """Layer 0: no. 2 in both. Layer 1: no. 3 here, no. 4 there. Layer 2: not among the first here. Then ahead."""

    def guess(layer: int, best: str, rank: int) -> LayerGuess:
        return LayerGuess(layer, (Candidate(ord(best), best, 0.0, 0.5, 0.5, 1),), rank, 0.1, 1.0)

    others = (lens.Other("one", ranked("xa", "xyza", "xy", "xyza", "xa")), lens.Other("two", ranked(*["xyzw"] * 5)))
    guesses = (guess(0, "x", 2), guess(1, "y", 3), guess(2, "x", 4000), guess(3, "x", 3), guess(4, "a", 1))
    value = lens.Lens("text", guesses, 4, 4, others)
    assert [value.elsewhere(layer) for layer in range(5)] == [2, 4, None, 4, 2]
    assert [value.ahead(layer) for layer in range(5)] == [False, True, False, True, True] and value.apart == 3
    assert [value.same_guess(layer) for layer in (0, 1)] == [2, 0]
    assert "from 3 on it stands higher than after any of 2 other texts" in lens.settled(value)[1]
    drawn = str(figures.ladder(value))
    assert drawn.count("✓<") == 3 and "no. 4 ✓" in drawn and "over 1,000<" in drawn
    alone = replace(value, others=())
    assert "✓" not in str(figures.ladder(alone)) and lens.settled(alone)[1] == "after 4 of 4 layers"


def test_other_texts_with_the_same_answer_are_no_control(model: LanguageModel) -> None:
    alone, *_, beside = found(lens.read(model, lens.CONTROLS[0]))
    assert not alone.value.others and 0 < len(beside.value.others) < len(lens.CONTROLS)
    answer = beside.value.guesses[-1].candidates[0].token_id
    for other in beside.value.others:
        assert other.answer != answer and other.text != lens.CONTROLS[0]
        assert other.answer == int(np.argmax(model.next_token_scores(model.encode(other.text)).logits))
        assert len(other.tokens) == 4 and other.rank(3, other.answer) == 1
    assert beside.value.ahead(3) and beside.value.settled == alone.value.settled
    assert len(beside.table.columns) == 7 and all(len(row) == 7 for row in beside.table.rows)
    assert beside.expected == alone.expected


def test_the_lens_shows_every_layer_without_an_inner_scroll(model: LanguageModel) -> None:
    """Layers 1 to 3 were hidden below the edge of a box that did not show that it scrolls."""
    ladder = str(figures.ladder(last(lens.read(model, TEXT)).value))
    assert ladder.count('<th scope="row">') == 4
    style = (Path(figures.__file__).parent / "style.css").read_text(encoding="utf-8")
    assert "max-height: 760px" not in style and "overflow-y" not in style


@pytest.mark.parametrize(("layer", "choice"), [(0, 0), (15, 0), (16, 1), (22, 1), (23, 2), (27, 2), (28, 3), (30, 3)])
def test_where_the_answer_settles_is_scored_by_the_words_of_the_choices(layer: int, choice: int) -> None:
    assert read_lesson("attention").predictions["settling"].which(layer / 30) == choice


def test_the_average_over_sentences_is_scored_when_all_are_read(model: LanguageModel) -> None:
    results = found(lens.survey(model))
    assert [len(result.value) for result in results] == list(range(1, len(lens.SENTENCES) + 1))
    assert lens.settled_on_average(results[-2].value) is None
    mean, words, ends = lens.settled_on_average(results[-1].value) or (0, "", [])
    assert ends[0] < mean < ends[1]
    assert mean == pytest.approx(np.mean([one.settled for one in results[-1].value]) / 3) and "mean of" in words


# ---- smeared weights ----


def facts(model: LanguageModel) -> list[tuple[str, str]]:
    """Prompts with the model's own first choice, where that is one token by itself."""
    found = []
    for prompt in ("The keys", "Two cats and", TEXT, "a", "b", "The dog", "so I", "that", "door", "rusty"):
        best = int(np.argmax(model.next_token_scores(model.encode(prompt)).logits))
        if model.piece(best).strip() and model.encode(model.piece(best)).ids == (best,):
            found.append((prompt, model.piece(best)))
    return found


@pytest.fixture
def faded(model: LanguageModel) -> list[Evidence[Any]]:
    return found(fading.fade(model, 2, levels=(0.05, 1.5), facts=[*facts(model)[:3], ("The keys", "T")]))


def test_fading_asks_every_copy_and_only_known_facts(faded: list[Evidence[Any]]) -> None:
    assert [result.value.copies for result in faded] == [1, 2, 3, 4]
    end = faded[-1].value
    assert ("The keys", "T") not in end.facts
    assert not np.isnan(end.faded).any() and set(np.unique(end.first)) <= {0.0, 1.0}
    assert np.mean(end.kept(0)) >= np.mean(end.kept(1))
    weaker, right, asked = end.survivors(0)
    assert weaker <= right <= asked == 2 * len(end.facts)


def test_a_partial_fading_can_be_drawn(faded: list[Evidence[Any]]) -> None:
    for result in (faded[0], faded[-1]):
        assert len([line for line in figures.fading_chart(result.value).data if line.name]) == 2
        assert "–" in figures.fading(result.value) or result.value.copies > 1


def test_the_intervals_of_smeared_weights_stay_within_0_and_100_per_cent() -> None:
    """Three copies that keep all, all and half of the facts: Student's interval alone would reach 155 %."""
    first = np.array([[[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]]])
    noisy = np.array([[[0.8, 0.8], [0.8, 0.8], [0.8, 0.0]]])
    value = fading.Fading((("a", "b"),) * 2, (0.1,), (0, 1, 2), np.full(2, 0.8), noisy, first, 3)
    chart = figures.fading_chart(value)
    assert all(0 <= share <= 1 for line in chart.data for share in line.y)
    assert all(line.error_y.array is None for line in chart.data)


def test_the_shared_model_is_left_as_it_was(model: LanguageModel) -> None:
    before = model.next_token_scores(model.encode(TEXT)).logits
    list(fading.fade(model, 1, levels=(0.5,), facts=facts(model)[:1]))
    np.testing.assert_array_equal(before, model.next_token_scores(model.encode(TEXT)).logits)


def test_the_share_of_weaker_survivors_is_what_is_scored() -> None:
    chances = [np.full((1, 1, 4), 0.79), np.array([[[0.5, 0.5, 0.79, 0.9]]]), np.full((1, 1, 4), 0.5)]
    question = read_lesson("attention").predictions["survivors"]
    for choice, noisy in enumerate(chances):
        value = fading.Fading((("a", "b"),) * 4, (0.1,), (0,), np.full(4, 0.8), noisy, np.ones((1, 1, 4)), 1)
        assert question.which((fading.weaker(value) or (9, ""))[0]) == choice
        assert fading.weaker(replace(value, copies=0)) is None  # not before all copies were made


def test_weaker_answers_are_counted_copy_by_copy() -> None:
    """Three copies of two answers, one copy with none right: two shares, not four trials."""
    first = np.array([[[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]])
    noisy = np.array([[[0.5, 0.8], [0.5, 0.1], [0.0, 0.0]]])
    result = fading.Fading((("a", "b"),) * 2, (0.1,), (0, 1, 2), np.full(2, 0.8), noisy, first, 3)
    assert result.weakened(0) == [0.5, 1.0] and result.survivors(0) == (2, 3, 6)
    said = "75 % of the answers still right were weaker (the mean of 2 copies; 2 of 3)"
    assert fading.weaker(result) == (0.75, f"{said}, and 0 % of those that could be were surer")
    mean, low, high = mean_interval([0.5, 1.0])
    card = _weaker_finding([0.5, 1.0], [0.5, 1.0], [0.0, 0.0], 2, 3)
    assert card.headline == "75 % weaker" and "95 % interval 0–100 %; 2 of 3 in all" in card.text
    assert (mean, max(low, 0), min(high, 1)) == (0.75, 0, 1)
    assert "interval" not in _weaker_finding([0.5], [0.5], [0.0], 1, 2).text


def test_weaker_answers_are_set_against_those_that_became_surer_by_as_much() -> None:
    """0.8 and 0.5 in the whole model: 0.7 is less than 0.72, 0.56 is more than 0.5 / 0.9, and 0.55 is neither."""
    noisy = np.array([[[0.7, 0.56], [0.75, 0.55], [0.9, 0.4]]])
    result = fading.Fading((("a", "b"),) * 2, (0.1,), (0, 1, 2), np.array([0.8, 0.5]), noisy, np.ones((1, 3, 2)), 3)
    assert result.weakened(0) == [0.5, 0.0, 0.5] and result.strengthened(0) == [0.5, 0.0, 0.5]
    weaker, surer = result.weakened(0), result.strengthened(0)
    assert "nothing shows that they fade" in _weaker_finding(weaker, weaker, surer, 2, 6).text
    for weak, surer, verdict in (
        ([0.9, 1.0, 0.9], [0.0, 0.2, 0.0], "so they fade"), ([0.0] * 6, [1.0] * 6, "lifted"),
        ([1.0] * 2, [0.0] * 2, "nothing shows"),
    ):  # fmt: skip
        assert verdict in _weaker_finding(weak, weak, surer, 1, 2).text


def test_an_answer_that_could_not_become_surer_is_no_control_for_one_that_became_weaker() -> None:
    """Of 0.95 a tenth can be lost and none won: it fell each time, and stood among those that had not risen."""
    noisy = np.array([[[0.5, 0.9], [0.5, 0.4]]])
    result = fading.Fading((("a", "b"),) * 2, (0.1,), (0, 1), np.array([0.95, 0.5]), noisy, np.ones((1, 2, 2)), 2)
    assert result.weakened(0) == [0.5, 1.0]
    assert result.weakened(0, result.could_rise) == [0.0, 1.0] and result.strengthened(0) == [1.0, 0.0]
    sure = replace(result, whole=np.array([0.95, 0.99]))
    assert sure.strengthened(0) == [] and (fading.weaker(sure) or (0, ""))[1].endswith("(the mean of 2 copies; 3 of 4)")


def copies_of(*fates: str) -> fading.Fading:
    """One level; one text a copy, one letter a fact, ``x`` where it is lost."""
    first = np.array([[[float(letter != "x") for letter in fate] for fate in fates]])
    return fading.Fading(
        (("a", "b"),) * len(fates[0]), (0.1,), tuple(range(len(fates))), np.ones(len(fates[0])), first, first,
        len(fates),
    )  # fmt: skip


def test_facts_go_together_where_copies_differ_more_than_shuffled_ones() -> None:
    together = copies_of(*["......"] * 4, *["xxxxxx"] * 4)
    ratio, low, high = together.together or (0, 0, 0)
    # four of eight copies keep all six: variance 72 / 7; each fact by itself: 6 × 2 / 7 on average
    assert ratio == pytest.approx(6, rel=0.1) and low < 1 < high < ratio
    in_turn = copies_of(*[".x" * 3, "x." * 3] * 4)
    ratio, low, high = in_turn.together or (9, 9, 9)
    assert ratio == 0 < low
    alone = copies_of("x.....", ".x....", "......", "...x..", "......", "xx....", "....x.", "..x...")
    ratio, low, high = alone.together or (9, 9, 9)
    assert low < ratio < high
    assert copies_of("..", "x.").together is None and copies_of(*["x."] * 4).together is None


def test_a_copy_that_lacks_a_level_is_left_out_of_the_shuffles() -> None:
    value = copies_of(*["......"] * 4, *["xxxxxx"] * 4, "......")
    value.first[0, 8, 0] = np.nan
    assert value.together == copies_of(*["......"] * 4, *["xxxxxx"] * 4).together


def test_where_no_answer_is_right_none_is_called_weaker() -> None:
    nothing = fading.Fading((("a", "b"),), (0.1,), (0,), np.ones(1), np.zeros((1, 1, 1)), np.zeros((1, 1, 1)), 1)
    assert nothing.weakened(0) == [] and fading.weaker(nothing) is None
    assert _weaker_finding([], [], [], 0, 0).headline == "None right"


def test_a_model_without_facts_says_so(model: LanguageModel) -> None:
    with pytest.raises(PlainError, match="nothing that could fade"):
        last(fading.fade(model, 1, facts=[("The keys", "T")]))


# ---- code, pages, endpoints ----


def test_the_code_reproduces_what_is_shown(tmp_path: Path) -> None:
    model = tiny()
    model = LanguageModel(
        model._network, model._tokenizer, name="tiny", revision="r", reference=saved("llama", tmp_path)
    )
    shown = last(looking.gaze(model, TEXT))
    np.testing.assert_allclose(run(shown.snippet), shown.expected, atol=1e-5)
    worked = arithmetic.cell(model, shown.value.seen, 1, 2, 3, 1)
    np.testing.assert_allclose(run(worked.snippet), worked.expected, atol=1e-5)
    assert run(last(machine.count(model)).snippet) == last(machine.count(model)).expected
    for off in (last(silencing.contest(model, kept(watched=[2]), 3)), compared(model)):
        result = run(off.snippet)
        assert result == pytest.approx(off.expected | {"target": result["target"]}, abs=1e-4)
        assert whole(result["target"]) == whole(off.expected["target"])
    read = last(lens.read(model, TEXT))
    assert [row[0] for row in run(read.snippet)] == [row[0] for row in read.expected]
    assert [row[2] for row in run(read.snippet)] == pytest.approx([row[2] for row in read.expected], abs=1e-4)
    assert [row[3] for row in run(read.snippet)] == [row[3] for row in read.expected]
    noisy = found(fading.fade(model, 1, levels=(0.1,), facts=facts(model)[:1]))[0]
    rows = run(noisy.snippet)
    assert [row[0] for row in rows] == [row[0] for row in noisy.expected]
    assert [row[2] for row in rows] == pytest.approx([row[2] for row in noisy.expected], abs=1e-4)


def test_what_is_typed_never_becomes_markup(model: LanguageModel) -> None:
    text, part = NASTY[:60], NASTY[25:65] + "\u202e"
    looked = last(looking.gaze(model, part))
    seen = looked.value.seen
    drawn = [
        figures.gaze(looked.value),
        figures.sums(arithmetic.cell(model, seen, 0, 0, seen.last, 2).value),
        figures.contest(last(silencing.contest(model, kept(part, watched=[2, 3]), 3)).value),
        figures.scan(found(silencing.scan(model, kept(part, watched=[2, 3])))[0].value),
        figures.ladder(lens.lens(model, text).value),
        figures.settling([lens.lens(model, text).value]),
        views.evidence(looked),
        views.evidence(lens.lens(model, text)),
    ]
    for markup in drawn:
        assert not re.search(r"<(script|img)", str(markup), re.IGNORECASE)
        assert "\u202e" not in markup
    for markup in drawn[1:]:
        for tag in re.findall(r"<[a-z][^<>]*>", str(markup)):
            assert tag.count('"') % 2 == 0


def test_endpoints_answer_in_plain_values(shared: None) -> None:
    looked = api.attention(TEXT, 1, 2)
    assert len(looked["weights"]) == len(looked["tokens"]) and looked["layers"] == 3
    assert sum(looked["weights"][-1]) == pytest.approx(1, abs=1e-5)
    assert looked["summary"].startswith("In layer 1, head 2,")
    read = api.logit_lens(TEXT)
    assert len(read["layers"]) == 4 and read["layers"][-1]["rank_of_answer"] == 1
    off = api.ablate_head(TEXT, 1, 2)
    assert off["kl_bits"] >= 0 and off["target"] and (off["layer"], off["head"]) == (1, 2)
    assert off["before"][0] == [off["target"], off["target_before"]] and len(off["after"]) == len(off["before"])
    assert off["after"] != off["before"]
    hottest = measures.named_head(tiny(), measures.look(tiny(), TEXT), None, None)
    for default in (api.attention(TEXT), api.ablate_head(TEXT)):
        assert (default["layer"], default["head"]) == hottest
    assert api.attention()["tokens"]
    for call in (lambda: api.attention(TEXT, 9, 9), lambda: api.ablate_head(TEXT, 0, 9), lambda: api.logit_lens("")):
        with pytest.raises(PlainError):
            call()


def test_words_and_predictions_fit_the_measurements() -> None:
    lesson = read_lesson("attention")
    assert {key: len(one.choices) for key, one in lesson.predictions.items()} == {
        "leaning": 4,
        "products": 4,
        "attention-share": 4,
        "hottest": 3,
        "turned": 4,
        "settling": 4,
        "survivors": 3,
    }
    for section in lesson.sections:
        assert prose(section.prose, "test") and 90 <= len(section.prose.split()) <= 175
    assert 3 <= len(read_quiz("attention").questions) <= 6


def test_facts_fade_also_where_a_prompt_begins_with_a_mark() -> None:
    model = with_a_beginning()
    best = int(np.argmax(model.next_token_scores(model.encode("Two cats and")).logits))
    assert model.tokens_of(model.piece(best)).ids == (best,), "choose another prompt: this answer is no single token"
    noisy = last(fading.fade(model, 1, levels=(0.1,), facts=[("Two cats and", model.piece(best))]))
    assert len(noisy.value.facts) == 1
