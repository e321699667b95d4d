"""The quick typewriter writes what torch writes, alone, in company and in a batch."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from engines.evidence import PlainError
from engines.models import four_bits, worker
from engines.text import language_model, shared_passes, tables
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Prompt
from engines.text.quick import Quick
from engines.text.shared_passes import Piece
from engines.text.tables import Row, Table, Tables, read_together
from tests.engines import tiny_text

PROMPT = "The keys to the cabinet are so rusty"
JOBS = [(length, Dials(temperature), seed) for seed, temperature in enumerate((0, 0.8, 1.5)) for length in (4, 9, 23)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_text.four_bit(tmp_path_factory.mktemp("four"))


@pytest.fixture(scope="module")
def model(folder: Path) -> Iterator[LanguageModel]:
    yield language_model.load(str(folder))
    language_model.unload()


@pytest.fixture(scope="module")
def scores(model: LanguageModel) -> tuple[list[int], np.ndarray]:
    """The ids of a text, and torch's logits [T, V] for each place of it."""
    ids = list(model.encode(PROMPT * 8).ids)
    return ids, worker.call(model._network._read_alone, ids, None, len(ids))[0]


def written(model: LanguageModel, job: tuple[int, Dials, int]) -> list[int]:
    length, dials, seed = job
    tokens = model.write(model.encode(PROMPT[:length]), dials, seed=seed, max_tokens=14 + seed)
    return [token.token_id for token in tokens]


def by_torch(model: LanguageModel) -> LanguageModel:
    return LanguageModel(model._network, model._tokenizer, name="torch", revision="")


def test_it_is_used_and_named_and_torch_looks_inside(model: LanguageModel, folder: Path) -> None:
    assert model.runtime == "onnxruntime, 4-bit weights"
    small = model.weight_bytes()
    model.attention(PROMPT)
    assert model.weight_bytes() > small
    assert by_torch(model).runtime == "torch, float32"


def test_what_does_not_look_inside_opens_no_second_copy(folder: Path) -> None:
    model = language_model._open(language_model_entry(folder), lambda share, words: None)
    written(model, JOBS[0])
    assert model._weights is None
    model.close()
    with pytest.raises(PlainError, match="Start the run again"):
        model.attention(PROMPT)
    with pytest.raises(PlainError, match="Start the run again"):
        written(model, JOBS[0])
    assert model.weight_bytes() == 0


def language_model_entry(folder: Path) -> object:
    from engines.models import catalogue

    return catalogue.by_name(str(folder))


def test_its_scores_are_torchs(model: LanguageModel, scores: tuple[list[int], np.ndarray]) -> None:
    ids, expected = scores
    whole, cache = model._quick.read(ids[:30], None, 30)
    np.testing.assert_allclose(whole, expected[:30], atol=2e-4)
    one, cache = model._quick.read(ids[30:31], cache)
    several, cache = model._quick.read(ids[31:36], cache, 5)
    np.testing.assert_allclose(np.concatenate([one, several]), expected[30:36], atol=2e-4)
    assert cache.length == 36


@pytest.mark.parametrize("shared", [False, True])
def test_texts_that_join_leave_and_outgrow_their_rows_keep_their_own_scores(
    model: LanguageModel, scores: tuple[list[int], np.ndarray], monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    monkeypatch.setattr(tables, "ROOMS", (8, 16, 64))
    monkeypatch.setattr(tables, "WORTH_SHARING", 3)
    monkeypatch.setattr(tables, "KEPT", 80)
    ids, expected = scores
    places = Tables(shared=shared)
    texts: dict[int, Row] = {}
    dice = np.random.default_rng(0)

    def turn(number: int) -> int:
        if dice.random() < 0.4:
            texts[number] = Row()
        for name in [name for name, row in texts.items() if row.length > 40 or dice.random() < 0.03]:
            del texts[name]
        pieces, starts = [], []
        for row in texts.values():
            if dice.random() < 0.7:
                new = 1 if row.length and dice.random() < 0.8 else int(dice.integers(1, 12))
                pieces.append(Piece(ids[row.length : row.length + new], row, int(dice.integers(1, new + 1))))
                starts.append(row.length)
        results = worker.call(read_together, model._quick, pieces, places)
        for piece, start, logits in zip(pieces, starts, results, strict=True):
            end = start + len(piece.ids)
            assert piece.cache.ids == ids[:end]
            np.testing.assert_allclose(logits, expected[end - piece.keep : end], atol=2e-4)
        return len(pieces)

    assert sum(map(turn, range(120))) > 150
    texts.clear()
    last = Row()
    worker.call(read_together, model._quick, [Piece(ids[:2], last, 1)], places)
    rooms = [table.room for table in places.values() for _ in table.texts()]
    if shared:
        assert 2 <= len(rooms) and sum(rooms) <= 80 + 8
    else:
        assert [table.held.shape[1] for table in places.values()] == [2]  # the rows of those who left are given back


class Counted:
    """A network that counts the tokens it reads."""

    def __init__(self, quick: Quick) -> None:
        self._quick, self.tokens, self.fails = quick, 0, False

    def blank(self, rows: int, room: int) -> Tensor:
        return self._quick.blank(rows, room)

    def step(self, ids: Sequence[int], lengths: Sequence[int], table: Table) -> np.ndarray:
        self.tokens += len(ids)
        if self.fails:
            raise PlainError("the memory is full")
        return self._quick.step(ids, lengths, table)

    def read_on(self, pieces: Sequence[Piece], held: Tensor) -> list[np.ndarray]:
        self.tokens += sum(len(piece.ids) for piece in pieces)
        return self._quick.read_on(pieces, held)


def test_what_texts_have_in_common_at_their_beginning_is_read_once(
    model: LanguageModel, scores: tuple[list[int], np.ndarray]
) -> None:
    """A class that starts from one text, a key pressed after another, and the same text once more."""
    quick, ids = model._quick, scores[0][:60]
    assert quick is not None
    counted, places = Counted(quick), Tables(shared=True)
    others = [[*ids, 7, number, 9] for number in range(10, 22)]
    expected = [worker.call(quick.read, other, None, 1, True)[0] for other in others]

    def read(texts: Sequence[Sequence[int]], fresh: bool = False) -> tuple[int, list[Row], list[np.ndarray]]:
        counted.tokens, rows = 0, [Row() for _ in texts]
        pieces = [Piece(one, row, 1, fresh) for one, row in zip(texts, rows, strict=True)]
        logits = worker.call(read_together, counted, pieces, places)
        assert [row.ids for row in rows] == [list(one) for one in texts]
        return counted.tokens, rows, logits

    tokens, rows, logits = read(others)
    np.testing.assert_allclose(np.concatenate(logits), np.concatenate(expected), atol=2e-4)
    assert tokens == 63 + 11 * 2  # all of the first, and of the others what they do not begin with
    del rows
    tokens, rows, logits = read(others[:1])
    np.testing.assert_allclose(logits[0], expected[0], atol=2e-4)
    assert tokens == 1, "the same text, when its own is gone"
    tokens, rows, logits = read(others[:1], fresh=True)
    np.testing.assert_allclose(logits[0], expected[0], atol=2e-4)
    assert tokens == 63
    tokens, _, _ = read([ids[:15]])
    assert tokens == 15, "too little to be worth it"
    for place in range(61, 90):
        page = [*ids, *scores[0][60:place]]
        assert read([page])[0] <= 20, "a page that grows key by key"


def test_a_batch_reads_long_prompts_in_parts_so_that_others_come_in_between(
    model: LanguageModel, scores: tuple[list[int], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST_READ", 16)
    ids, expected = scores
    parts: list[int] = []

    def read(reader: tables.Reader, pieces: Sequence[Piece], places: Tables) -> list[np.ndarray]:
        parts.append(sum(len(piece.ids) for piece in pieces))
        return read_together(reader, pieces, places)

    monkeypatch.setattr(tables, "read_together", read)
    assert model._quick is not None
    for lengths in ([50, 20, 5, 3], [40] * 3, [16], [7, 7]):
        parts.clear()
        batch = tables.TableBatch(model._quick, [ids[:length] for length in lengths])
        assert max(parts) <= 16 and sum(parts) == sum(lengths[:1] if len(set(lengths)) == 1 else lengths)
        np.testing.assert_allclose(batch.logits, expected[[length - 1 for length in lengths]], atol=2e-4)
        batch.step([ids[length] for length in lengths])
        np.testing.assert_allclose(batch.logits, expected[lengths], atol=2e-4)


def test_the_rows_of_a_class_that_has_left_are_given_back(
    model: LanguageModel, scores: tuple[list[int], np.ndarray]
) -> None:
    quick, (ids, expected), places = model._quick, scores, Tables(shared=True)
    rows = [Row() for _ in range(40)]
    worker.call(read_together, quick, [Piece([*ids[:30], 5], row, 1) for row in rows], places)
    (table,) = places.values()
    assert table.held.shape[1] >= 40
    stays = rows[33]
    del rows
    (logits,) = worker.call(read_together, quick, [Piece(ids[30:31], stays, 1)], places)
    assert table.held.shape[1] <= 4 and stays.ids == [*ids[:30], 5, ids[30]]
    last = Row()
    (logits,) = worker.call(read_together, quick, [Piece(ids[:40], last, 1)], places)
    np.testing.assert_allclose(logits, expected[39:40], atol=2e-4)


def test_a_pass_that_fails_takes_every_text_back(model: LanguageModel, scores: tuple[list[int], np.ndarray]) -> None:
    quick, ids = model._quick, scores[0]
    assert quick is not None
    counted, places = Counted(quick), Tables(shared=True)
    begun, rows = Row(), [Row() for _ in range(4)]
    worker.call(read_together, counted, [Piece(ids[:40], begun, 1)], places)
    pieces = [Piece(ids[40:41], begun, 1), *(Piece([*ids[:30], 5, number], row, 1) for number, row in enumerate(rows))]
    counted.fails = True
    with pytest.raises(PlainError):
        worker.call(read_together, counted, pieces, places)
    assert begun.ids == ids[:40] and not any(row.ids for row in rows)
    counted.fails = False
    logits = worker.call(read_together, counted, pieces, places)
    np.testing.assert_allclose(logits[0], scores[1][40:41], atol=2e-4)
    assert [row.length for row in rows] == [32] * 4


def test_texts_are_token_for_token_those_of_torch(model: LanguageModel) -> None:
    torchs = by_torch(model)
    assert [written(model, job) for job in JOBS] == [written(torchs, job) for job in JOBS]


def test_company_changes_no_text(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [written(model, job) for job in JOBS]
    sizes: list[int] = []
    held = threading.Event()

    def counted(pieces: Sequence[Piece]) -> list[np.ndarray]:
        held.wait(0.02)  # others come meanwhile
        sizes.append(len(pieces))
        return read_together(model._quick, pieces, model._quick._tables)

    monkeypatch.setattr(model._quick._meeting, "_work", counted)
    results: list[list[int]] = [[] for _ in JOBS * 2]
    threads = [
        threading.Thread(target=lambda n=n: results[n].extend(written(model, JOBS[n % len(JOBS)])))
        for n in range(len(results))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == alone * 2 and max(sizes) > 4


def test_runs_of_many_are_what_each_is_alone(model: LanguageModel) -> None:
    prompts = [model.encode(PROMPT[:length]) for length in (5, 12, 5, 23)]
    seeds = [3, 1, 4, 2]

    def alone(prompt: Prompt, seed: int) -> tuple[int, ...]:
        return tuple(t.token_id for t in model.write(prompt, Dials(1.2), seed=seed, max_tokens=20))

    *_, different = model.write_many(prompts, Dials(1.2), seeds=seeds, max_tokens=20)
    assert [run.token_ids for run in different] == [alone(*pair) for pair in zip(prompts, seeds, strict=True)]
    *_, same = model.write_many(prompts[1], Dials(1.2), seeds=seeds, max_tokens=20)
    assert [run.token_ids for run in same] == [alone(prompts[1], seed) for seed in seeds]


def test_a_branch_keeps_the_dice(model: LanguageModel) -> None:
    prompt = model.encode(PROMPT)
    first = [token.token_id for token in model.write(prompt, Dials(), seed=5, max_tokens=12)]
    again = list(model.branch(prompt, first, 4, first[4], Dials(), seed=5, max_tokens=12))
    assert [token.token_id for token in again] == first
    assert again[-1].passes < 9  # those before and their forced token are read in one


def test_a_long_text_is_read_in_parts(
    model: LanguageModel, scores: tuple[list[int], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, expected = scores
    monkeypatch.setattr(shared_passes, "MOST_READ", 8)
    logits, _ = model._quick.read(ids[:30], None, 3)
    np.testing.assert_allclose(logits, expected[27:30], atol=2e-4)


def test_a_machine_that_cannot_run_it_writes_with_torch(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in folder.iterdir():
        content = b"no graph" if file.name == four_bits.FILE else file.read_bytes()
        (broken / file.name).write_bytes(content)
    model = language_model._open(language_model_entry(broken), lambda share, words: None)
    assert model.runtime == "torch, float32" and written(model, JOBS[1])
    model.close()


def test_a_pass_that_fails_changes_nothing(
    model: LanguageModel, scores: tuple[list[int], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, expected = scores
    _, cache = model._quick.read(ids[:6])
    run = model._quick._run
    monkeypatch.setattr(model._quick, "_run", lambda *given: (run(*given), 1 // 0)[0])
    with pytest.raises(ZeroDivisionError):
        model._quick.read(ids[20:24], cache)
    monkeypatch.undo()
    logits, _ = model._quick.read(ids[6:7], cache)
    np.testing.assert_allclose(logits[0], expected[6], atol=2e-4)


def test_only_llamas_of_these_blocks_are_built(folder: Path, tmp_path: Path) -> None:
    import gguf

    assert four_bits.suits(folder.parent / "tiny.gguf")
    writer = gguf.GGUFWriter(tmp_path / "other.gguf", "llama")
    writer.add_block_count(1)
    writer.add_tensor("token_embd.weight", np.ones((32, 32), np.float32))
    writer.add_tensor("blk.0.attn_q.weight", np.ones((32, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert not four_bits.suits(tmp_path / "other.gguf")


def test_the_bytes_that_a_pass_reads_are_those_of_the_graph_without_its_two_tables(
    model: LanguageModel, folder: Path
) -> None:
    import onnx

    graph = onnx.load(str(folder / four_bits.FILE)).graph
    lines = {node.input[0] for node in graph.node if node.op_type == "Gather"} | {"cos", "sin"}
    tables = sum(onnx.numpy_helper.to_array(one).nbytes for one in graph.initializer if one.name in lines)
    work = model.work(1, 5)
    assert model.work(1).bytes_read == (folder / four_bits.FILE).stat().st_size - tables
    row = 2 * model.layers * model._writer._kv_heads * model._writer._head_width * 4
    assert work.bytes_read - model.work(1).bytes_read == 5 * row
    assert work.multiply_adds == by_torch(model).work(1, 5).multiply_adds


def test_what_several_texts_begin_with_is_read_once_and_changes_no_score(model: LanguageModel) -> None:
    quick, ids = model._quick, model.encode(PROMPT).ids
    assert quick is not None
    quick._begun.clear()
    whole = quick.read(ids)[0]
    first = quick.begun(ids[:4])
    np.testing.assert_allclose(quick.read(ids[4:], first)[0], whole, atol=1e-4)
    again = quick.begun(ids[:4])
    assert again.length == 4 and list(quick._begun) == [ids[:4]]
    batch = quick.batch([ids[4:]], again)
    np.testing.assert_allclose(batch.logits, whole, atol=1e-4)
    np.testing.assert_allclose(batch.step([7]), quick.read([*ids, 7])[0], atol=1e-4)
    for place in range(1, 8):
        quick.begun(ids[:place])
    assert len(quick._begun) == 4


def test_a_search_that_shares_its_beginning_finds_what_it_finds_alone(model: LanguageModel) -> None:
    class Two:
        start = 0

        def options(self, state: int) -> dict[int, tuple[int | None, float]]:
            return {token: ((state + 1) if state < 2 else None, 0.0) for token in (10, 20, 30)}

    prompt = model.encode(PROMPT)
    *drafts, alone = model.search(prompt, Two(), beams=3)
    *_, shared = model.search(prompt, Two(), beams=3, shared=4)
    assert [one.token_ids for one in shared] == [one.token_ids for one in alone]
    assert [len(draft.token_ids) for draft in drafts] == [1, 2, 3]
    ids = [one.token_ids for one in alone]
    np.testing.assert_allclose(model.score(prompt, ids, Two(), shared=4), model.score(prompt, ids, Two()), atol=1e-4)
