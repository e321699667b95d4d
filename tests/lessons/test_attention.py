"""The attention lesson on a tiny random model: what it measures, what it shows, what it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest

from engines.evidence import Evidence, PlainError
from engines.models import catalogue
from engines.statistics import mean_interval
from engines.text import language_model
from engines.text.language_model import LanguageModel
from lessons.attention import experiments as lab
from lessons.attention import figures, page
from lessons.attention.fading import _weaker_finding
from lessons.attention.silencing import rank_correlation
from lessons.shell import measured, views
from lessons.shell.content import read_lesson, read_quiz
from lessons.shell.prose import prose
from tests.engines.tiny_text import saved, tiny, with_a_beginning
from tests.lessons.common import run

TEXT = "The keys to the cabinet are so rusty"
NASTY = "<script>alert(1)</script> <img src=x onerror=alert(1)>\"' {{7*7}} ${alert(1)}\u202e\u0007"


@pytest.fixture
def model() -> LanguageModel:
    return tiny()


@pytest.fixture
def seen(model: LanguageModel) -> lab.Look:
    return lab.look(model, TEXT)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "load", lambda *args, **kwargs: tiny())


def last(events: Iterator[Any]) -> Any:
    *_, end = events
    return end


# ---- who looks at whom ----


def test_each_row_of_attention_is_shared_out_and_never_looks_ahead(seen: lab.Look) -> None:
    assert seen.weights.shape == (3, 6, len(seen.pieces), len(seen.pieces))
    np.testing.assert_allclose(seen.weights.sum(-1), 1, atol=1e-5)
    assert np.triu(seen.weights, 1).max() == 0


def test_the_first_token_can_be_left_out(seen: lab.Look) -> None:
    view = lab.gaze(seen, seen.last, (2, 4), 1, 3, leave_out_first=True)
    row = seen.weights[1, 3, seen.last].copy()
    row[0] = 0
    np.testing.assert_allclose(view.row, row / row.sum(), atol=1e-6)
    assert view.row[0] == 0 and view.even == pytest.approx(1 / seen.last)
    assert "left out" in lab.who_looks(seen, view).alt
    assert not lab.gaze(seen, 0, (), 0, 0, leave_out_first=True).leave_out_first


def test_the_grid_holds_the_share_of_the_watched_words(seen: lab.Look) -> None:
    view = lab.gaze(seen, seen.last, (2, 4), 0, 0)
    np.testing.assert_allclose(view.grid, seen.weights[:, :, seen.last, [2, 4]].sum(-1))
    layer, head = lab.hottest(seen, seen.last, (2, 4))
    assert view.grid[layer, head] == view.grid.max()


def test_the_first_token_never_makes_a_head_the_hottest(seen: lab.Look) -> None:
    assert lab.hottest(seen, seen.last, (0, 4)) == lab.hottest(seen, seen.last, (4,))
    with pytest.raises(PlainError, match="after the first"):
        lab.hottest(seen, seen.last, (0,))


def test_an_example_comes_with_its_own_words(model: LanguageModel, seen: lab.Look) -> None:
    known = replace(seen, text=lab.KEYS, pieces=("The", " keys", " to", " the", " cabinet", " are", " so"))
    assert lab.words_to_watch(known) == (1, 4)
    other = lab.words_to_watch(seen)
    assert len(other) == 2 and 0 not in other and seen.last not in other
    for text in ("abc", "a b c d"):
        assert all(0 < i for i in lab.words_to_watch(lab.look(model, text)))


@pytest.mark.parametrize(
    ("text", "words"), [("", "Type some text"), ("a", "at least three"), ("a b c d e " * 20, "at most 48")]
)
def test_texts_that_cannot_be_shown_are_refused(model: LanguageModel, text: str, words: str) -> None:
    with pytest.raises(PlainError, match=words):
        lab.look(model, text)


@pytest.mark.parametrize(("looker", "watched", "layer", "head"), [(99, (), 0, 0), (1, (99,), 0, 0), (1, (), 3, 0)])
def test_places_outside_the_sentence_or_the_model_are_refused(
    seen: lab.Look, looker: int, watched: tuple[int, ...], layer: int, head: int
) -> None:
    with pytest.raises(PlainError):
        lab.gaze(seen, looker, watched, layer, head)


def test_a_head_left_out_is_the_one_that_looks_most_at_the_words_to_watch(seen: lab.Look) -> None:
    top = lab.hottest(seen, seen.last, lab.words_to_watch(seen))
    assert lab.named_head(seen, None, None) == top
    assert lab.named_head(seen, top[0], None) == top == lab.named_head(seen, None, top[1])
    assert lab.named_head(seen, 2, 5) == (2, 5)
    for layer, head in ((1.5, 0), ("a", 0), (0, 6), (True, 0), (None, "b")):
        with pytest.raises(PlainError, match="whole number"):
            lab.named_head(seen, layer, head)


# ---- after a change of model ----


def test_a_sentence_read_by_another_model_is_refused(seen: lab.Look) -> None:
    other = tiny("qwen3")
    for again in (
        lambda: lab.cell(other, seen, 0, 0, 2, 1),
        lambda: lab.contest(other, seen, (2,), seed=0, heads=3),
        lambda: next(lab.scan(other, seen, (2,))),
    ):
        with pytest.raises(PlainError, match="model was changed meanwhile"):
            again()
    with pytest.raises(PlainError, match="model was changed meanwhile"):
        lab.cell(tiny(), replace(seen, revision="another"), 0, 0, 2, 1)


def test_the_change_is_noticed_before_a_model_is_loaded(seen: lab.Look, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[int] = []
    monkeypatch.setattr(language_model, "load", lambda *args, **kwargs: loads.append(1))
    page._still_live(None)
    page._still_live(replace(seen, key=catalogue.text_model().key))
    read_by_another = replace(seen, key="some/other-model")
    with pytest.raises(PlainError, match="model was changed meanwhile"):
        page._still_live(read_by_another)
    view = lab.gaze(seen, seen.last, (2,), 0, 0)
    with gr.Blocks() as demo:
        page.build()
    handlers = {fn.fn.__name__: fn.fn for fn in demo.fns.values() if fn.fn is not None}
    for name, inputs in (
        ("strongest", (read_by_another, view, None)),
        ("silence", (read_by_another, view, TEXT, 3, False, 0, None)),
        ("scan", (read_by_another, view, TEXT)),
    ):
        *_, status = list(handlers[name](*inputs))[-1]
        assert "model was changed meanwhile" in status and not loads


def test_the_page_says_when_another_model_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLAYGROUND_TEXT_MODEL", raising=False)
    monkeypatch.setenv("PLAYGROUND_PROFILE", "pocket")
    assert measured.notice() == ""
    monkeypatch.setenv("PLAYGROUND_PROFILE", "studio")
    assert "SmolLM2-1.7B-Instruct" in measured.notice() and "SmolLM2-135M-Instruct" in measured.notice()
    monkeypatch.setenv("PLAYGROUND_PROFILE", "custom")
    assert measured.notice() == ""  # none is named, and the first run says so


# ---- the arithmetic of one cell ----


def test_a_cell_worked_out_equals_what_the_model_returned(model: LanguageModel, seen: lab.Look) -> None:
    found = lab.cell(model, seen, 1, 4, 5, 2)
    cell = found.value
    assert cell.weight == pytest.approx(float(seen.weights[1, 4, 5, 2]), abs=1e-5)
    assert cell.product == pytest.approx(float((cell.query_vector * cell.key_vector).sum()), rel=1e-4)
    powers = np.exp(cell.scores_row[:6] - cell.scores_row[:6].max())
    assert cell.weight == pytest.approx(float(powers[2] / powers.sum()), abs=1e-5)
    assert len(found.table.rows) == len(cell.query_vector)
    assert f"{cell.weight:.6f}" in figures.sums(seen, cell)


def test_a_masked_cell_says_so(model: LanguageModel, seen: lab.Look) -> None:
    found = lab.cell(model, seen, 0, 0, 1, 3)
    assert found.value.masked and found.value.weight == 0
    assert "comes later" in found.alt and "comes later" in figures.sums(seen, found.value)


def test_pulling_counts_positive_products(model: LanguageModel, seen: lab.Look) -> None:
    cell = lab.cell(model, seen, 0, 0, 3, 1).value
    ups = int((cell.query_vector * cell.key_vector > 0).sum())
    truth, words = lab.pulling(cell)
    assert words.startswith(f"{ups} of {len(cell.query_vector)}") and 0 <= truth <= 3


# ---- heads switched off ----


def test_the_contest_is_seeded_and_compares_with_other_heads(model: LanguageModel, seen: lab.Look) -> None:
    first = lab.contest(model, seen, (2, 4), seed=3, heads=5).value
    again = lab.contest(model, seen, (2, 4), seed=3, heads=5).value
    other = lab.contest(model, seen, (2, 4), seed=4, heads=5).value
    assert first.random == again.random and first.random != other.random
    assert (first.hottest.layer, first.hottest.head) == lab.hottest(seen, seen.last, (2, 4))
    names = [head.name for head in first.random]
    assert len(set(names)) == 5 and first.hottest.name not in names
    assert first.beaten == sum(head.kl_bits < first.hottest.kl_bits for head in first.random)
    alone = model.ablate_heads(TEXT, [(first.hottest.layer, first.hottest.head)])
    assert first.hottest.kl_bits == pytest.approx(alone.kl_bits, abs=1e-5)


def test_random_heads_can_come_from_the_same_layer(model: LanguageModel, seen: lab.Look) -> None:
    result = lab.contest(model, seen, (4,), seed=0, heads=30, same_layer=True).value
    assert len(result.random) == 5 and {head.layer for head in result.random} == {result.hottest.layer}


@pytest.mark.parametrize(("seed", "heads"), [(-1, 5), (0, 0), (0, 31), (2**40, 5)])
def test_contests_out_of_bounds_are_refused(model: LanguageModel, seen: lab.Look, seed: int, heads: int) -> None:
    with pytest.raises(PlainError):
        lab.contest(model, seen, (2,), seed=seed, heads=heads)


def test_the_scan_covers_every_head_and_can_stop_early(model: LanguageModel, seen: lab.Look) -> None:
    results = [found.value for found in lab.scan(model, seen, (2, 4))]
    assert [result.done for result in results] == [1, 2, 3]
    assert np.isnan(results[0].kl_bits[1:]).all() and not np.isnan(results[-1].kl_bits).any()
    assert len(last(lab.scan(model, seen, (2, 4))).table.rows) == 18


def test_the_survey_reads_every_example(model: LanguageModel) -> None:
    short = [next(lab.survey(model, seed=0, heads=3))]
    assert len(short[0].value) == 1 and "1 of 1" in short[0].alt


def test_rank_correlation() -> None:
    values = np.arange(40.0)
    assert rank_correlation(values, values**3)[0] == pytest.approx(1)
    rho, low, high = rank_correlation(values, -values)
    assert rho == pytest.approx(-1) and low <= rho <= high
    assert abs(rank_correlation(values, np.tile([0.0, 1.0], 20))[0]) < 0.2


# ---- the logit lens ----


def test_the_lens_ends_with_the_models_own_answer(model: LanguageModel) -> None:
    found = lab.lens(model, TEXT)
    guesses = found.value.guesses
    best = int(np.argmax(model.next_token_scores(model.encode(TEXT)).logits))
    assert guesses[-1].candidates[0].token_id == best and guesses[-1].final_rank == 1
    assert all(guess.final_rank == 1 for guess in guesses[found.value.settled :])
    assert found.value.first <= found.value.settled <= found.value.layers == 3


def test_quarters_of_the_network() -> None:
    assert [lab.quarter(layer, 30) for layer in (0, 15, 16, 22, 23, 27, 28, 30)] == [0, 0, 1, 1, 2, 2, 3, 3]


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
def fading(model: LanguageModel) -> list[Evidence[lab.Fading]]:
    return list(lab.fade(model, copies=2, levels=(0.05, 1.5), facts=[*facts(model)[:3], ("The keys", "T")]))


def test_fading_asks_every_copy_and_only_known_facts(fading: list[Evidence[lab.Fading]]) -> None:
    assert [found.value.copies for found in fading] == [1, 2, 3, 4]
    end = fading[-1].value
    assert ("The keys", "T") not in end.facts
    assert not np.isnan(end.faded).any() and set(np.unique(end.first)) <= {0.0, 1.0}
    assert np.mean(end.kept(0)) >= np.mean(end.kept(1))
    weaker, right, asked = end.survivors(0)
    assert weaker <= right <= asked == 2 * len(end.facts)


def test_a_partial_fading_can_be_drawn(fading: list[Evidence[lab.Fading]]) -> None:
    for found in (fading[0], fading[-1]):
        assert len(figures.fading_chart(found.value).data) == 2
        assert "–" in figures.fading(found.value) or found.value.copies > 1


def test_the_shared_model_is_left_as_it_was(model: LanguageModel) -> None:
    before = model.next_token_scores(model.encode(TEXT)).logits
    list(lab.fade(model, copies=1, levels=(0.5,), facts=facts(model)[:1]))
    np.testing.assert_array_equal(before, model.next_token_scores(model.encode(TEXT)).logits)


def test_outcome_counts_the_weaker_survivors() -> None:
    result = lab.Fading((("a", "b"),) * 4, (0.1,), (0,), np.full(4, 0.8), np.full((1, 1, 4), 0.79), np.ones((1, 1, 4)))
    assert result.outcome == 0
    assert replace(result, faded=np.full((1, 1, 4), 0.5)).outcome == 2
    assert replace(result, faded=np.array([[[0.5, 0.5, 0.79, 0.9]]])).outcome == 1


def test_weaker_answers_are_counted_copy_by_copy() -> None:
    """Three copies of two answers, one copy with none right: two shares, not four trials."""
    first = np.array([[[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]])
    faded = np.array([[[0.5, 0.8], [0.5, 0.1], [0.0, 0.0]]])
    result = lab.Fading((("a", "b"),) * 2, (0.1,), (0, 1, 2), np.full(2, 0.8), faded, first, 3)
    assert result.weakened(0) == [0.5, 1.0] and result.survivors(0) == (2, 3, 6)
    assert (
        result.outcome == 1
        and result.told == "75 % of the answers still right were weaker (the mean of 2 copies; 2 of 3)"
    )
    mean, low, high = mean_interval([0.5, 1.0])
    card = _weaker_finding([0.5, 1.0], 2, 3)
    assert card.headline == "75 % weaker" and "95 % interval 0 %–100 %; 2 of 3 in all" in card.text
    assert (mean, max(low, 0), min(high, 1)) == (0.75, 0, 1)
    assert "interval" not in _weaker_finding([0.5], 1, 2).text


def test_where_no_answer_is_right_none_is_called_weaker() -> None:
    nothing = lab.Fading((("a", "b"),), (0.1,), (0,), np.ones(1), np.zeros((1, 1, 1)), np.zeros((1, 1, 1)), 1)
    assert nothing.weakened(0) == [] and nothing.outcome is None
    assert _weaker_finding([], 0, 0).headline == "None right"


def test_a_model_without_facts_says_so(model: LanguageModel) -> None:
    with pytest.raises(PlainError, match="nothing that could fade"):
        next(lab.fade(model, copies=1, facts=[("The keys", "T")]))


# ---- code, pages, endpoints ----


def test_the_code_reproduces_what_is_shown(tmp_path: Path) -> None:
    model = tiny()
    model = LanguageModel(
        model._network, model._tokenizer, name="tiny", revision="r", reference=saved("llama", tmp_path)
    )
    seen = lab.look(model, TEXT)
    shown = lab.who_looks(seen, lab.gaze(seen, 3, (2,), 1, 2))
    np.testing.assert_allclose(run(shown.snippet), shown.expected, atol=1e-5)
    worked = lab.cell(model, seen, 1, 2, 3, 1)
    np.testing.assert_allclose(run(worked.snippet), worked.expected, atol=1e-5)
    off = lab.contest(model, seen, (2,), seed=0, heads=3)
    result = run(off.snippet)
    assert result == pytest.approx(off.expected | {"target": result["target"]}, abs=1e-4)
    read = lab.lens(model, TEXT)
    assert [row[0] for row in run(read.snippet)] == [row[0] for row in read.expected]
    assert [row[2] for row in run(read.snippet)] == pytest.approx([row[2] for row in read.expected], abs=1e-4)
    assert [row[3] for row in run(read.snippet)] == [row[3] for row in read.expected]
    faded = next(lab.fade(model, copies=1, levels=(0.1,), facts=facts(model)[:1]))
    rows = run(faded.snippet)
    assert [row[0] for row in rows] == [row[0] for row in faded.expected]
    assert [row[2] for row in rows] == pytest.approx([row[2] for row in faded.expected], abs=1e-4)


def test_what_is_typed_never_becomes_markup(model: LanguageModel) -> None:
    text = NASTY[:60]
    seen = lab.look(model, NASTY[25:65] + "\u202e")
    view = lab.gaze(seen, seen.last, (2, 3), 0, 0)
    drawn = [
        figures.words(seen, view),
        figures.heads(seen, view),
        figures.pairs(seen, 0, 0),
        figures.sums(seen, lab.cell(model, seen, 0, 0, seen.last, 2).value),
        figures.contest(seen, lab.contest(model, seen, (2, 3), seed=0, heads=3).value),
        figures.scan(seen, next(lab.scan(model, seen, (2, 3))).value),
        figures.ladder(lab.lens(model, text).value),
        figures.settling([lab.lens(model, text).value]),
        views.evidence(lab.who_looks(seen, view)),
        views.evidence(lab.lens(model, text)),
    ]
    for markup in drawn:
        assert not re.search(r"<(script|img)", str(markup), re.IGNORECASE)
        assert "\u202e" not in markup
        for tag in re.findall(r"<[a-z][^<>]*>", str(markup)):
            assert tag.count('"') % 2 == 0


def test_the_grid_names_every_head(seen: lab.Look) -> None:
    view = lab.gaze(seen, seen.last, (2,), 1, 2)
    markup = str(figures.heads(seen, view))
    assert markup.count("<button") == 18 and markup.count('aria-pressed="true"') == 1
    assert markup.count('tabindex="0"') == 1
    assert "Choose words" in figures.heads(seen, replace(view, watched=()))


def test_endpoints_answer_in_plain_values(shared: None) -> None:
    looked = page.attention(TEXT, 1, 2)
    assert len(looked["weights"]) == len(looked["tokens"]) and looked["layers"] == 3
    assert sum(looked["weights"][-1]) == pytest.approx(1, abs=1e-5)
    read = page.logit_lens(TEXT)
    assert len(read["layers"]) == 4 and read["layers"][-1]["rank_of_answer"] == 1
    off = page.ablate_head(TEXT, 1, 2)
    assert off["kl_bits"] >= 0 and off["target"] and (off["layer"], off["head"]) == (1, 2)
    assert off["before"][0] == [off["target"], off["target_before"]] and len(off["after"]) == len(off["before"])
    assert off["after"] != off["before"]
    hottest = lab.named_head(lab.look(tiny(), TEXT), None, None)
    for default in (page.attention(TEXT), page.ablate_head(TEXT)):
        assert (default["layer"], default["head"]) == hottest
    assert page.attention()["tokens"]
    for call in (
        lambda: page.attention(TEXT, 9, 9),
        lambda: page.ablate_head(TEXT, 0, 9),
        lambda: page.logit_lens(""),
    ):
        with pytest.raises(PlainError):
            call()


def test_words_and_predictions_fit_the_measurements() -> None:
    lesson = read_lesson("attention")
    assert {key: len(one.choices) for key, one in lesson.predictions.items()} == {
        "leaning": 4,
        "products": 4,
        "hottest": 3,
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
    faded = next(lab.fade(model, copies=1, levels=(0.1,), facts=[("Two cats and", model.piece(best))]))
    assert len(faded.value.facts) == 1
