"""The parts of the benchmarks that count, without running any."""

from __future__ import annotations

import copy
import importlib
import inspect
import re
from collections.abc import Generator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks import classroom, diet, director, drafts, measuring, pictures, signs, small, text, tiles
from benchmarks.classroom import Lesson, Waited
from engines.models import catalogue, hardware
from engines.pictures import painter
from engines.text import language_model
from engines.text.language_model import LanguageModel
from engines.text.transformer import Network
from lessons import record
from tests.engines import tiny_painters, tiny_text
from tests.engines.tiny_space import TinySpace

LESSON = Lesson("text", "/write", ("Once", "{seed}", 20))


class Client(classroom.Learner):
    """Is answered with so many events; a number below zero refuses."""

    def __init__(self, count: int) -> None:
        self.count, self.asked, self.left = count, [], False  # type: ignore[var-annotated]

    def events(self, endpoint: str, arguments: Sequence[Any]) -> Generator[str]:
        self.asked.append((endpoint, *arguments))
        if self.count < 0:
            raise ValueError("the queue is full")
        try:
            yield from ["generating"] * self.count
        except GeneratorExit:
            self.left = True
            raise


def test_a_run_is_timed_to_its_first_event_and_its_end() -> None:
    client = Client(3)
    waited = classroom.run(client, LESSON, seed=7)
    assert client.asked == [("/write", "Once", 7, 20)]
    assert 0 < waited.first <= waited.whole and not waited.error


def test_a_refusal_and_an_empty_run_count_as_failed() -> None:
    refused, empty = classroom.run(Client(-1), LESSON, 1), classroom.run(Client(0), LESSON, 1)
    assert refused.error == "ValueError: the queue is full" and empty.error == "no event came"
    cells = classroom.row("text", 3, [Waited(1.0, 2.0), refused, empty], 30.0, one_by_one=1 / 60)
    assert cells == ("text", "3", "1.00 s", "1.00 s", "2.00 s", "2.00 s", "1.0", "2.0", "2.0×", "2")


def test_one_who_leaves_waits_for_the_first_event_only_and_is_no_failure() -> None:
    client = Client(3)
    left = classroom.run(client, LESSON, 1, leave=True)
    assert client.left and left.left and left.whole == left.first and not left.error
    cells = classroom.row("text", 2, [left, Waited(1.0, 4.0), Waited(1.0, 2.0)], 30.0)
    assert cells[4] == "3.00 s" and cells[6] == "1.3" and cells[-2:] == ("–", "0")


def test_every_lesson_of_a_mixed_class_has_its_turn_and_is_abandoned_at_times() -> None:
    lessons = [Lesson(name, f"/{name}", ()) for name in "abcd"]
    turns = [classroom.chosen(lessons, place, classroom.LEAVES) for place in range(32)]
    assert {lesson.name for lesson, goes in turns if goes} == set("abcd") and sum(goes for _, goes in turns) == 4
    assert {lesson.name for lesson, _ in turns[:4]} == set("abcd")
    assert classroom.chosen(lessons, 7) == (lessons[3], False)


def test_a_class_asks_what_its_endpoints_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misnamed endpoint would stand in the table as "failed" and no more."""
    asked: list[tuple[Any, ...]] = []

    def run(client: Any, lesson: Lesson, seed: int, leave: bool = False) -> Waited:
        asked.append((lesson.endpoint, lesson.arguments))
        return Waited(0.1, 0.2)

    monkeypatch.setattr(classroom, "run", run)
    monkeypatch.setattr(classroom, "offered_by", lambda url: classroom.Offered({}, {}))
    classroom.main(["--url", "http://nowhere", "--learners", "1", "4", "--rounds", "1"])
    functions = {
        f"/{one.function.__name__}": one.function
        for lesson in ("sampling", "noising", "tokenization", "image_tokens", "text_diffusion")
        for one in importlib.import_module(f"lessons.{lesson}.api").ENDPOINTS
    }
    words = {one.words for one in record.experiments()}
    for endpoint, arguments in asked:
        if endpoint.startswith("/"):
            inspect.signature(functions[endpoint]).bind(*arguments)
        else:
            assert endpoint in words, "no button says so"
    assert {"/write", "/denoise", "/paint_tiles", "/draft"} <= {endpoint for endpoint, _ in asked}


def test_growth_is_told_with_an_interval_that_a_run_just_then_does_not_widen() -> None:
    steady = [1000.0 + 10 * (at % 2) for at in range(40)]
    mean, low, high = classroom.growth(steady)
    assert mean == pytest.approx(0) and low <= 0 <= high and high < 1
    mean, low, high = classroom.growth([one + 2 * at * classroom.SAMPLED / 60 for at, one in enumerate(steady)])
    assert mean == pytest.approx(2) and low > 1


def test_percentiles() -> None:
    assert classroom.percentile([], 50) == "–"
    assert [classroom.percentile([1.0, 2.0, 3.0], share) for share in (50, 95)] == ["2.00 s", "2.90 s"]


def test_the_small_typewriter_is_timed() -> None:
    told = dict(small.rows(1))
    assert int(told["characters trained on a second"].replace(",", "")) > 0
    assert "→" in told["held out, bits a character"]


def test_the_tile_writer_is_timed() -> None:
    first, ours, *_, sculptor = tiles.rows(2, 1, count=8)
    assert first[-1] == "1.00 ×" and ours[-1].endswith("×") and "25 passes" in sculptor[0]


def test_drafts_are_timed_against_the_twin() -> None:
    told = drafts.rows(1)
    assert len(told) == len(drafts.ROUNDS) + 1 and told[-1][0].startswith("the twin") and told[0][2].endswith("×")
    assert [row[0] for row in drafts.class_rows(2)] == ["in turn", "at once"]


def test_the_sign_lab_is_timed(capsys) -> None:
    signs.main(["--rounds", "1", "--steps", "2", "--no-shapes"])
    told = capsys.readouterr().out
    assert "2 passes" in told and told.count("| one sign") == 3 and "8 signs in one batch" in told
    assert len(signs.shapes(tiny_text.tiny(), 1, runs=2)) == 3


def test_the_search_of_the_diet_is_timed(capsys, monkeypatch) -> None:
    monkeypatch.setattr(diet.live, "open_painter", lambda: None)
    monkeypatch.setattr(diet.meaning, "load", lambda painter: TinySpace())
    diet.main(["--rounds", "1"])
    told = capsys.readouterr().out
    assert told.count("by meaning") == len(diet.QUERIES) and "256,000 scenes" in told


def test_rivals_take_turns_and_the_best_round_counts() -> None:
    taken = iter([9, 9, 3, 1, 2, 5])  # a warm-up and two rounds of two rivals
    now, turns = 0, []

    def rival(name: str) -> None:
        nonlocal now
        now += next(taken)
        turns.append(name)

    assert measuring.best(2, lambda: rival("a"), lambda: rival("b"), clock=lambda: now) == [2, 1]
    assert turns == ["a", "b"] * 3


def test_memory_is_measured_in_a_process_of_its_own() -> None:
    here = measuring.peak_bytes()  # this process has torch, its child has not
    assert 0 < measuring.apart(measuring.peak_bytes) < here / 2


def test_the_memory_of_a_painter_is_told_before_and_at_its_peak(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(painter.SHELF, "models", {})
    monkeypatch.setattr(pictures, "apart", lambda function, *arguments: function(*arguments))
    rows = pictures.memory(str(tiny_painters.save_sd(tmp_path)), False, None, 2)
    assert [re.match(r"\d+ MiB, \d+ MiB", cell) is not None for _, cell, _ in rows] == [True, True]


def test_the_text_engine_is_timed_on_the_library_s_own_model(monkeypatch, capsys) -> None:
    model = copy.deepcopy(tiny_text.network_model("llama"))
    tiny = LanguageModel(Network(model), tiny_text.tokenizer(), name="tiny", revision="random")
    monkeypatch.setattr(language_model, "load", lambda progress: tiny)
    text.main(["--no-app", "--tokens", "3", "--rounds", "1"])
    told = capsys.readouterr().out
    assert "tiny (random), torch, float32; torch.float32 on cpu; " in told and "| `model.generate` |" in told
    assert text.endless()[-1] is model


def test_both_runtimes_are_timed_and_compared(monkeypatch, capsys, tmp_path) -> None:
    tiny = language_model._open(catalogue.by_name(str(tiny_text.four_bit(tmp_path))), lambda share, words: None)
    monkeypatch.setattr(language_model, "load", lambda progress: tiny)
    text.main(["--no-app", "--tokens", "3", "--rounds", "1"])
    told = capsys.readouterr().out
    assert all(f"`write` with scoreboards, by {one}" in told for one in ("onnxruntime", "torch, float32"))
    same, compared = re.search(r"the same first choice \| ([\d,]+) of ([\d,]+)", told).groups()
    assert same == compared and int(compared.replace(",", "")) >= 2_000


def test_the_stock_call_reads_its_ids_where_the_model_is() -> None:
    seen: list[torch.Tensor] = []
    stock = SimpleNamespace(
        device="meta", generate=lambda ids, attention_mask, **more: seen.extend([ids, attention_mask])
    )
    text.generate(stock, tiny_text.tiny().encode("The keys"), 3)
    assert [ids.device.type for ids in seen] == ["meta", "meta"]


def test_a_card_is_named_and_its_memory_told(monkeypatch) -> None:
    monkeypatch.setattr(hardware, "device_name", lambda: "cuda")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Some card")
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 7 * 2**20)
    assert measuring.describe().startswith("Some card, ") and measuring.peak_memory().endswith(", 7 MiB on the card")


def test_the_learners_denoiser_is_timed() -> None:
    name, measured, _ = pictures.learner(steps=20)
    assert name.startswith("2-D denoiser: 20 steps") and "land on the spiral" in measured


def test_the_directors_rivals_write_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from engines.director import directing
    from engines.director.measures import Chat

    monkeypatch.setattr(directing, "SHOTS", ())  # more than the tiny model can read
    model = tiny_text.tiny()
    chat = Chat("develop", ("Hello!", "three owls at night, please"), "three owls at night")
    assert director.last_message(model, chat) == "three owls at night, please"
    assert "owl" in (director.hints_alone(model, chat) or "")


def test_the_directors_table_needs_no_model_and_ranks_its_candidates_in_three_ways(capsys: Any, tmp_path: Any) -> None:
    import json

    from engines.director import measures

    chats = measures.chats("develop")
    right = [[[chat.wish or "a cat", -1.0, 0.0, -9.0 if chat.wish else 0.0]] for chat in chats]
    told = {
        "captions": {"last message": {"develop": [None] * len(chats)}},
        "candidates": {"director": {"develop": right}},
    }
    file = tmp_path / "told.json"
    file.write_text(json.dumps(told))
    director.main(["--print", "--file", str(file)])
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 2 + 1 + 3
    assert rows[2].startswith("| develop | last message | 0 %") and rows[3].startswith("| develop | director | 100 %")
