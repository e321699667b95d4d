from __future__ import annotations

import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from engines.checks import MAX_SEED
from engines.evidence import PlainError, Underway
from engines.models import hardware
from engines.text import language_model, shared_passes, transformer
from engines.text.dials import Dials
from engines.text.language_model import MAX_RUNS, MAX_TOKENS, Prompt, Token, load
from engines.text.shared_passes import Piece
from tests.engines.tiny_text import KINDS, network_model, saved, tiny, tokenizer, with_a_beginning

PROMPT = "The keys to the cabinet"
SAMPLED = [Dials(), Dials(0.7, 0.9), Dials(1.5, 1.0, 20), Dials(0.9, 0.8, 50)]


def ids(tokens: list[Token]) -> list[int]:
    return [token.token_id for token in tokens]


def generate(kind: str, prompt: Prompt, **settings) -> list[int]:
    inputs = torch.tensor([prompt.ids])
    out = network_model(kind).generate(
        inputs, attention_mask=torch.ones_like(inputs), top_k=settings.pop("top_k", 0), **settings
    )
    return out[0, len(prompt.ids) :].tolist()


def multinomial(probabilities: np.ndarray, u: float) -> int:
    """What generate() draws with, from the global generator; the dice u is left lying."""
    return int(torch.multinomial(torch.from_numpy(probabilities.astype(np.float32)), 1))


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_equals_generate_token_for_token(kind: str) -> None:
    model = tiny(kind)
    prompt = model.encode(PROMPT)
    expected = generate(kind, prompt, do_sample=False, max_new_tokens=40)
    assert ids(list(model.write(prompt, Dials(temperature=0), seed=0, max_tokens=40))) == expected


@pytest.mark.parametrize("dials", SAMPLED, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_sampled_equals_generate_under_the_same_global_seed(kind: str, dials: Dials) -> None:
    model = tiny(kind)
    prompt = model.encode(PROMPT)
    torch.manual_seed(7)
    expected = generate(
        kind,
        prompt,
        do_sample=True,
        temperature=float(dials.temperature),
        top_p=dials.top_p,
        top_k=dials.top_k,
        max_new_tokens=40,
    )
    torch.manual_seed(7)
    assert ids(list(model.write(prompt, dials, seed=0, max_tokens=40, draw=multinomial))) == expected


def test_stops_at_the_end_token_as_generate_does() -> None:
    model = tiny()
    prompt = model.encode(PROMPT)
    end = tokenizer().eos_token_id
    tokens = list(model.write(prompt, Dials(0), seed=0, max_tokens=20, forced={3: end}))
    assert len(tokens) == 4
    assert tokens[-1].finished == "eos" and tokens[-1].text == "" and tokens[-1].piece == "<|end|>"
    assert [t.finished for t in tokens[:-1]] == [None] * 3


def test_a_token_tells_the_whole_step() -> None:
    model = tiny()
    prompt = model.encode(PROMPT)
    dials = Dials(0.8, 0.9)
    tokens = list(model.write(prompt, dials, seed=5, max_tokens=12, keep_logits=True, top=6))
    for index, token in enumerate(tokens):
        assert token.index == index and token.passes == index + 1
        read = prompt.ids + tuple(ids(tokens[:index]))
        logits = network_model("llama")(torch.tensor([read])).logits[0, -1]
        assert token.logits is not None
        np.testing.assert_allclose(token.logits, logits.detach().numpy(), atol=1e-4)
        chances = logits.double().softmax(-1)
        assert token.probability == pytest.approx(float(chances[token.token_id]), abs=1e-5)
        assert token.rank == int((chances > chances[token.token_id]).sum()) + 1
        assert token.surprise_bits == pytest.approx(-np.log2(token.probability))
        assert [dial for dial, _ in token.steps] == ["temperature", "top_p"]
        assert token.steps[-1][1] == token.kept_probability > 0
        assert token.draw is not None and token.slice[0] <= token.draw < token.slice[1]
        assert token.piece == model.piece(token.token_id)
        assert len(token.scoreboard.candidates) == 6 and token.scoreboard.dials == dials
        assert not token.forced and token.seconds > 0
    assert tokens[-1].finished == "length"


def test_logits_are_kept_only_when_asked() -> None:
    token = next(tiny().write(tiny().encode(PROMPT), Dials(), seed=0, max_tokens=1))
    assert token.logits is None


def test_a_seed_is_a_text() -> None:
    model = tiny()
    prompt = model.encode(PROMPT)

    def write(seed: int) -> list[int]:
        return ids(list(model.write(prompt, Dials(), seed=seed, max_tokens=30)))

    assert write(1) == write(1)
    assert len({tuple(write(seed)) for seed in range(4)}) == 4


def test_the_dice_of_a_step_do_not_depend_on_what_was_forced_before() -> None:
    model = tiny()
    prompt = model.encode(PROMPT)
    free = list(model.write(prompt, Dials(), seed=3, max_tokens=10))
    forced = list(model.write(prompt, Dials(), seed=3, max_tokens=10, forced={2: 40, 6: 41}))
    assert [t.forced for t in forced] == [i in (2, 6) for i in range(10)]
    assert ids(forced)[2] == 40 and ids(forced)[6] == 41
    assert forced[2].draw is None
    assert [t.draw for t in forced if not t.forced] == [free[t.index].draw for t in forced if not t.forced]


def test_a_branch_keeps_what_was_written_and_goes_its_own_way() -> None:
    model = tiny()
    prompt = model.encode(PROMPT)
    trunk = list(model.write(prompt, Dials(), seed=3, max_tokens=20))
    same = list(model.branch(prompt, ids(trunk), 8, trunk[8].token_id, Dials(), seed=3, max_tokens=20))
    assert ids(same) == ids(trunk)
    assert [t.passes for t in same] == [1] * 10 + list(range(2, 12))
    np.testing.assert_allclose([t.probability for t in same], [t.probability for t in trunk], atol=1e-5)
    other = (trunk[8].token_id + 1) % model.vocabulary_size
    branch = list(model.branch(prompt, ids(trunk), 8, other, Dials(), seed=3, max_tokens=20))
    assert ids(branch)[:9] == [*ids(trunk)[:8], other]
    assert ids(branch)[9:] != ids(trunk)[9:]
    assert [t.forced for t in branch] == [True] * 9 + [False] * 11


@pytest.mark.parametrize("at", [0, 19])
def test_a_branch_may_start_at_either_end(at: int) -> None:
    model = tiny()
    prompt = model.encode(PROMPT)
    trunk = ids(list(model.write(prompt, Dials(), seed=3, max_tokens=20)))
    assert ids(list(model.branch(prompt, trunk, at, 50, Dials(), seed=3, max_tokens=20)))[at] == 50


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_writes_what_each_seed_writes_alone(kind: str) -> None:
    model = tiny(kind)
    prompt = model.encode(PROMPT)
    dials = Dials(0.9, 0.95)
    *_, runs = model.write_many(prompt, dials, seeds=range(6), max_tokens=25)
    for seed, run in enumerate(runs):
        alone = list(model.write(prompt, dials, seed=seed, max_tokens=25))
        assert run.seed == seed and list(run.token_ids) == ids(alone)
        assert run.text == "".join(token.text for token in alone)
        assert run.pieces == tuple(token.piece for token in alone)
        assert run.finished == alone[-1].finished
        np.testing.assert_allclose(run.surprise_bits, [token.surprise_bits for token in alone], atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_prompts_of_different_lengths_share_a_batch(kind: str) -> None:
    model = tiny(kind)
    prompts = [model.encode(text) for text in ("The", "Two cats and a dog sat by the door.", "so rusty that I")]
    *_, runs = model.write_many(prompts, Dials(), seeds=[4, 4, 9], max_tokens=20)
    for prompt, run in zip(prompts, runs, strict=True):
        assert list(run.token_ids) == ids(list(model.write(prompt, Dials(), seed=run.seed, max_tokens=20)))


def test_runs_that_end_early_leave_the_batch() -> None:
    model = tiny()
    prompt = model.encode(PROMPT)
    dials = Dials(temperature=5)  # flat enough that some runs meet the end token
    *_, runs = model.write_many(prompt, dials, seeds=range(40), max_tokens=60)
    ended = [run for run in runs if run.finished == "eos"]
    assert ended and len(ended) < len(runs)
    for run in ended:
        assert run.token_ids[-1] == tokenizer().eos_token_id
        assert list(run.token_ids) == ids(list(model.write(prompt, dials, seed=run.seed, max_tokens=60)))


def test_a_batch_tells_how_far_it_is_after_every_step_and_ends_with_the_runs() -> None:
    model = tiny()
    *steps, runs = model.write_many(model.encode(PROMPT), Dials(), seeds=[1, 2], max_tokens=10)
    assert [step.share for step in steps if isinstance(step, Underway)] == pytest.approx([n / 10 for n in range(1, 11)])
    assert isinstance(runs, tuple) and [run.seed for run in runs] == [1, 2]


def test_a_batch_that_is_closed_makes_no_further_pass() -> None:
    model = tiny()
    writing = model.write_many(model.encode(PROMPT), Dials(), seeds=[1, 2], max_tokens=10)
    passes = [next(writing) for _ in range(3)]
    writing.close()  # type: ignore[attr-defined]
    assert len(passes) == 3 and not list(writing)
    assert torch.is_inference_mode_enabled() is False


def test_stopping_a_run_leaves_the_model_free() -> None:
    model = tiny()
    prompt = model.encode(PROMPT)
    writing = model.write(prompt, Dials(), seed=1, max_tokens=50)
    next(writing)
    writing.close()
    assert torch.is_inference_mode_enabled() is False
    assert list(model.write(prompt, Dials(), seed=1, max_tokens=3))


def test_a_crowd_gets_what_each_would_get_alone() -> None:
    model = tiny()
    prompt = model.encode(PROMPT)
    jobs: list[Callable[[], object]] = [
        lambda: ids(list(model.write(prompt, Dials(), seed=1, max_tokens=30))),
        lambda: ids(list(model.write(prompt, Dials(0.7), seed=2, max_tokens=30))),
        lambda: [run.token_ids for run in list(model.write_many(prompt, Dials(), seeds=range(4), max_tokens=20))[-1]],
        lambda: [model.ablate_heads(prompt, [(layer, 1)]).kl_bits for layer in (0, 1, 2, 0, 1, 2)],
        lambda: [guess.final_probability for guess in model.logit_lens(prompt)],
        lambda: model.attention(prompt).weights.tobytes(),
    ]
    alone = [job() for job in jobs]
    results: list[object] = [None] * (3 * len(jobs))

    def work(place: int) -> None:
        results[place] = jobs[place % len(jobs)]()

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(results))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == alone * 3


def test_texts_of_all_lengths_and_dials_share_passes_and_are_what_they_are_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny()
    prompts = [model.encode(PROMPT[:length]) for length in (3, 8, 23, 14)]
    jobs = [(prompt, dials, seed) for seed, dials in enumerate(SAMPLED * 3) for prompt in prompts]

    def write(prompt: Prompt, dials: Dials, seed: int) -> list[int]:
        return ids(list(model.write(prompt, dials, seed=seed, max_tokens=12 + seed)))

    alone = [write(*job) for job in jobs]
    sizes: list[int] = []
    read = model._network._read_together

    def slowly(pieces: Sequence[Piece]) -> list[np.ndarray]:
        sizes.append(len(pieces))
        time.sleep(0.01)  # so that on any machine the others come meanwhile
        return read(pieces)

    monkeypatch.setattr(model._network._meeting, "_work", slowly)
    results: list[list[int]] = [[] for _ in jobs]
    threads = [
        threading.Thread(target=lambda n=n, job=job: results[n].extend(write(*job))) for n, job in enumerate(jobs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == alone
    assert max(sizes) > 10 and sum(sizes) == sum(map(len, alone))


def test_a_long_text_is_read_in_parts_so_that_others_come_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny()
    network, prompt = model._network, model.encode(PROMPT * 4)
    whole, _ = network.read(prompt.ids, None, 3)
    monkeypatch.setattr(shared_passes, "MOST_READ", 8)
    parts: list[int] = []
    read = network._read_together
    monkeypatch.setattr(network._meeting, "_work", lambda pieces: (parts.append(len(pieces[0].ids)), read(pieces))[1])
    in_parts, cache = network.read(prompt.ids, None, 3)
    assert len(parts) == 3 and max(parts) <= 8 and sum(parts) == len(prompt.ids) == cache.length
    np.testing.assert_allclose(in_parts, whole, atol=1e-4)


@pytest.mark.parametrize("prompts", [[PROMPT * 4] * 3, [PROMPT * 4, PROMPT, "The"]], ids=["alike", "different"])
def test_a_batch_reads_long_prompts_in_parts_too(prompts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny()
    asked = [model.encode(prompt) for prompt in prompts]
    whole = model._network.batch([prompt.ids for prompt in asked])
    monkeypatch.setattr(transformer, "MOST_READ", 12)
    parts: list[int] = []
    read = transformer.Batch._pass
    monkeypatch.setattr(
        transformer.Batch, "_pass", lambda batch, ids, mask: (parts.append(ids.numel()), read(batch, ids, mask))[1]
    )
    batch = model._network.batch([prompt.ids for prompt in asked])
    assert len(parts) > 1 and max(parts) <= 12
    np.testing.assert_allclose(batch.logits, whole.logits, atol=1e-4)
    np.testing.assert_allclose(batch.step([5, 6, 7]), whole.step([5, 6, 7]), atol=1e-4)


def test_one_learners_64_runs_do_not_hold_anothers_first_token() -> None:
    model = tiny()
    prompt = model.encode(PROMPT)
    many = model.write_many(prompt, Dials(), seeds=range(MAX_RUNS), max_tokens=60)
    steps: list[int] = []
    runs = threading.Thread(target=lambda: [steps.append(1) for _ in many])
    runs.start()
    while len(steps) < 3:
        time.sleep(0.001)
    before = len(steps)
    next(model.write(prompt, Dials(), seed=1, max_tokens=5))
    assert len(steps) - before <= 10
    runs.join()
    assert len(steps) == 61


def test_a_run_that_is_closed_gives_its_room_back() -> None:
    model = tiny()
    room, prompt = model._network.room, model.encode(PROMPT)
    writing = model.write(prompt, Dials(), seed=1, max_tokens=500)
    next(writing)
    assert room.taken == len(prompt.ids) + 500
    writing.close()
    assert room.taken == 0


def test_the_texts_of_a_run_join_to_its_whole_text() -> None:
    model = tiny()
    cat = model.encode("🐈 é").ids
    tokens = list(model.write(model.encode(PROMPT), Dials(), seed=0, max_tokens=12, forced=dict(enumerate(cat))))
    assert [t.piece for t in tokens[:4]] == ["‹0xF0›", "‹0x9F›", "‹0x90›", "‹0x88›"]
    assert [t.text for t in tokens[:4]] == ["", "", "", "🐈"]
    assert "".join(t.text for t in tokens) == model.decode(ids(tokens))
    assert model.decode(cat) == tokenizer().decode(cat)


def test_prompts_show_every_token() -> None:
    model = tiny()
    prompt = model.encode("The keys é")
    assert prompt.text == "The keys é"
    assert prompt.pieces[-2:] == ("‹0xC3›", "‹0xA9›")
    chat = model.encode("The keys", chat=True)
    assert chat.text == "<|start|>user\nThe keys<|end|>\n<|start|>assistant\n"
    assert chat.pieces[0] == "<|start|>" and "".join(chat.pieces) == chat.text
    assert chat == model.encode_chat([{"role": "user", "content": "The keys"}])


def test_scores_are_those_of_the_model() -> None:
    model = tiny()
    scores = model.next_token_scores(model.encode(PROMPT))
    assert scores.logits.shape == (model.vocabulary_size,) and scores.logits.dtype == np.float32
    assert scores.seconds > 0
    first = next(model.write(scores.prompt, Dials(), seed=0, max_tokens=1, keep_logits=True))
    np.testing.assert_array_equal(first.logits, scores.logits)


def test_smearing_leaves_the_shared_model_alone() -> None:
    model = tiny()
    prompt = model.encode(PROMPT)
    before = model.next_token_scores(prompt).logits
    noisy = [model.smeared(scale, seed=1) for scale in (0.0, 0.01, 0.3)]
    np.testing.assert_array_equal(model.next_token_scores(prompt).logits, before)
    gaps = [float(np.abs(copy.next_token_scores(prompt).logits - before).max()) for copy in noisy]
    assert gaps[0] == 0 and 0 < gaps[1] < gaps[2]
    again = model.smeared(0.3, seed=1).next_token_scores(prompt).logits
    np.testing.assert_array_equal(again, noisy[2].next_token_scores(prompt).logits)
    assert "0.3" in noisy[2].name and "seed 1" in noisy[2].name


def test_a_smeared_copy_that_is_closed_frees_its_weights_and_not_those_it_was_made_of() -> None:
    """A copy was in a circle with itself, and 40 of them lay in the memory until Python looked for such."""
    model = tiny()
    prompt = model.encode(PROMPT)
    copy = model.smeared(0.1, seed=1)
    weights = weakref.ref(copy._network.model)
    copy.close()
    assert weights() is None
    unread = model.smeared(0.1, seed=1)
    unread._unread_recipe, unread._weights = (0.1, 1), model._network  # as on ZeroGPU, before the card is lent
    unread.close()
    assert model.next_token_scores(prompt).logits.shape == (model.vocabulary_size,)


def test_texts_hold_no_more_together_than_half_of_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in tokens alone, a model of 1.7 billion numbers could take 19 GB for keys and values."""
    assert shared_passes.room(1).most == shared_passes.MOST_CACHED
    monkeypatch.setattr(hardware, "free_bytes", lambda on=None: 16_000_000)
    assert shared_passes.room(400).most == 20_000


def bad_calls() -> dict[str, Callable[[], object]]:
    model = tiny()
    prompt = model.encode(PROMPT)
    return {
        "empty": lambda: model.encode(""),
        "blank": lambda: model.encode("  \n"),
        "blank message": lambda: model.encode("", chat=True),
        "no message": lambda: model.encode_chat([]),
        "not text": lambda: model.encode(None),  # type: ignore[arg-type]
        "huge": lambda: model.encode("x" * 1_000_000),
        "long": lambda: model.encode("cat " * 700),
        "half a character": lambda: model.encode("\ud83d"),
        "no tokens": lambda: model.write(prompt, Dials(), seed=0, max_tokens=0),
        "too many tokens": lambda: model.write(prompt, Dials(), seed=0, max_tokens=MAX_TOKENS + 1),
        "no room": lambda: model.write(model.encode("cat " * 100), Dials(), seed=0, max_tokens=500),
        "seed": lambda: model.write(prompt, Dials(), seed=-1, max_tokens=5),
        "fraction of a seed": lambda: model.write(prompt, Dials(), seed=1.5, max_tokens=5),  # type: ignore[arg-type]
        "a seed that would be another's": lambda: model.write(prompt, Dials(), seed=7 + 2**32, max_tokens=5),
        "a seed beyond whole numbers": lambda: model.write_many(prompt, Dials(), seeds=[2**52 + 7], max_tokens=5),
        "a seed of a branch": lambda: model.branch(prompt, [1, 2], 1, 5, Dials(), seed=2**32, max_tokens=5),
        "a seed of smearing": lambda: model.smeared(0.1, seed=2**32),
        "no seed": lambda: model.write(prompt, Dials(), seed=None, max_tokens=5),  # type: ignore[arg-type]
        "no number of tokens": lambda: model.write(prompt, Dials(), seed=0, max_tokens=None),  # type: ignore[arg-type]
        "half a token": lambda: model.write(prompt, Dials(), seed=0, max_tokens=1.5),  # type: ignore[arg-type]
        "tokens beyond printing": lambda: model.write(prompt, Dials(), seed=0, max_tokens=10**5000),
        "no text in a message": lambda: model.encode_chat([{"role": "user"}]),
        "a message that is text": lambda: model.encode_chat(["hello"]),  # type: ignore[list-item]
        "a role of one's own": lambda: model.encode_chat([{"role": "wizard", "content": "hello"}]),
        "half a character in chat": lambda: model.encode("a\ud83d", chat=True),
        "invisible": lambda: model.encode("\u200b\u2060\ufeff"),
        "text that is none": lambda: model.tokens_of(None),  # type: ignore[arg-type]
        "attention to nothing": lambda: model.attention(None),  # type: ignore[arg-type]
        "lens on nothing": lambda: model.logit_lens(None),  # type: ignore[arg-type]
        "cell of nothing": lambda: model.attention_cell(None, 0, 0, 0, 0),  # type: ignore[arg-type]
        "a layer that is none": lambda: model.attention_cell(PROMPT, None, 0, 0, 0),  # type: ignore[arg-type]
        "heads that are none": lambda: model.ablate_heads(PROMPT, None),  # type: ignore[arg-type]
        "heads that are no pairs": lambda: model.ablate_heads(PROMPT, [1]),  # type: ignore[list-item]
        "heads that are none, each": lambda: model.ablate_each(PROMPT, None),  # type: ignore[arg-type]
        "a target beyond": lambda: model.ablate_heads(PROMPT, [(0, 0)], target=10**6),
        "a target that is text": lambda: model.ablate_heads(PROMPT, [(0, 0)], target="a"),  # type: ignore[arg-type]
        "no best tokens": lambda: model.logit_lens(PROMPT, top=0),
        "a lens of text": lambda: model.logit_lens(PROMPT, top="5"),  # type: ignore[arg-type]
        "no scoreboard": lambda: model.write(prompt, Dials(), seed=0, max_tokens=1, top=0),
        "no dials": lambda: model.write(prompt, None, seed=0, max_tokens=1),  # type: ignore[arg-type]
        "no dials for many": lambda: model.write_many(prompt, None, seeds=[1], max_tokens=1),  # type: ignore[arg-type]
        "no seeds": lambda: model.write_many(prompt, Dials(), seeds=None, max_tokens=1),  # type: ignore[arg-type]
        "no prompt": lambda: model.write(None, Dials(), seed=0, max_tokens=1),  # type: ignore[arg-type]
        "no prompt to score": lambda: model.next_token_scores(None),  # type: ignore[arg-type]
        "no prompts to score": lambda: model.next_token_logits(None),  # type: ignore[arg-type]
        "no prompt for many": lambda: model.write_many(None, Dials(), seeds=[1], max_tokens=1),  # type: ignore[arg-type]
        "tokens so far that are none": lambda: model.branch(
            prompt,
            None,
            0,
            5,
            Dials(),
            seed=0,
            max_tokens=5,  # type: ignore[arg-type]
        ),
        "a step that is none": lambda: model.branch(
            prompt,
            [1],
            None,
            5,
            Dials(),
            seed=0,
            max_tokens=5,  # type: ignore[arg-type]
        ),
        "forced token": lambda: model.write(prompt, Dials(), seed=0, max_tokens=5, forced={0: 10**6}),
        "branch": lambda: model.branch(prompt, [1, 2], 3, 5, Dials(), seed=0, max_tokens=5),
        "branch too late": lambda: model.branch(prompt, [1] * 9, 9, 5, Dials(), seed=0, max_tokens=9),
        "branch after the end": lambda: model.branch(
            prompt, [1, tokenizer().eos_token_id], 2, 5, Dials(), seed=0, max_tokens=9
        ),
        "a batch too large": lambda: model.write_many(
            model.encode("cat " * 100), Dials(), seeds=range(MAX_RUNS), max_tokens=500
        ),
        "no runs": lambda: model.write_many(prompt, Dials(), seeds=[], max_tokens=5),
        "many runs": lambda: model.write_many(prompt, Dials(), seeds=range(MAX_RUNS + 1), max_tokens=5),
        "unequal": lambda: model.write_many([prompt], Dials(), seeds=[1, 2], max_tokens=5),
        "strange prompt": lambda: model.next_token_scores(Prompt((10**6,), ("?",), "?")),
        "smear": lambda: model.smeared(-1, 0),
        "long attention": lambda: model.attention("cat " * 200),
    }


@pytest.mark.parametrize("name", bad_calls())
def test_bad_input_is_answered_in_plain_words(name: str) -> None:
    with pytest.raises(PlainError) as failure:
        bad_calls()[name]()
    assert str(failure.value).strip().endswith(".")


def test_the_largest_seed_has_dice_of_its_own() -> None:
    model = tiny()
    prompt = model.encode(PROMPT)
    seeds = [7, MAX_SEED, MAX_SEED - 2**31]
    texts = {tuple(ids(list(model.write(prompt, Dials(), seed=seed, max_tokens=30)))) for seed in seeds}
    assert len(texts) == 3


def test_load_opens_a_folder_once(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model.SHELF, "models", {})
    folder = saved("llama", tmp_path / "tiny")
    words: list[str] = []
    model = load(folder, lambda share, message: words.append(message))
    assert words and model is load(folder)
    assert model.name == "tiny" and model.reference == folder
    prompt = model.encode(PROMPT)
    expected = ids(list(tiny().write(prompt, Dials(), seed=1, max_tokens=10)))
    assert ids(list(model.write(prompt, Dials(), seed=1, max_tokens=10))) == expected


def test_load_says_what_is_wrong(tmp_path) -> None:
    with pytest.raises(PlainError):
        load(str(tmp_path))


def test_importing_the_engine_loads_nothing_heavy() -> None:
    code = (
        "import sys, engines.text.language_model, engines.text.snippets;"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_many_prompts_are_scored_in_one_pass_as_each_alone() -> None:
    model = tiny()
    prompts = [model.encode(text) for text in ("The keys", PROMPT, "a")]
    together = model.next_token_logits(prompts)
    for row, prompt in zip(together, prompts, strict=True):
        np.testing.assert_allclose(row, model.next_token_scores(prompt).logits, atol=1e-4)
    with pytest.raises(PlainError, match="from 1 to 64; you gave 0"):
        model.next_token_logits([])


def test_tokens_of_a_text_are_its_own_also_where_a_prompt_begins_with_a_mark() -> None:
    marked, plain = with_a_beginning(), tiny()
    assert marked.encode("two cats").pieces[0] == "<|start|>"
    assert marked.tokens_of("two cats") == plain.tokens_of("two cats") == plain.encode("two cats")


def test_a_pass_takes_what_one_counts_by_hand():
    model = tiny("llama")
    parts = model._network.parts()
    head = model.vocabulary_size * 48
    weights = parts.attention + parts.feed_forward

    def looks(new, seen):  # queries times keys and weights times values: 3 layers, 6 heads of width 8
        return 2 * 3 * 6 * 8 * new * (seen + new)

    for new, seen in ((1, 0), (1, 7), (9, 0), (4, 3)):
        assert model.work(new, seen).multiply_adds == new * weights + head + looks(new, seen)
    table = model.vocabulary_size * 48  # not the output matrix: a pass takes one line a token
    assert model.work(1, 7).bytes_read == 4 * (parts.total - table) + 7 * 2 * 3 * 2 * 8 * 4
    with pytest.raises(PlainError, match="tokens seen"):
        model.work(1, model.context)
