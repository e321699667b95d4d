from __future__ import annotations

import numpy as np
import pytest
import torch

from engines.evidence import PlainError
from engines.text.attention import kl_bits
from engines.text.language_model import LanguageModel
from engines.text.transformer import Network
from tests.engines.tiny_text import KINDS, network_model, tiny, tokenizer

TEXT = "The keys to the cabinet are so rusty that I cannot"


def reference(kind: str, ids: tuple[int, ...]) -> torch.Tensor:
    """Attention [layers, heads, T, T] as transformers itself returns it, from a model of its own."""
    import copy

    model = copy.deepcopy(network_model(kind))
    model.set_attn_implementation("eager")
    return torch.stack(model(torch.tensor([ids]), output_attentions=True).attentions)[:, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_those_that_transformers_returns(kind: str) -> None:
    attention = tiny(kind).attention(TEXT)
    expected = reference(kind, tiny(kind).encode(TEXT).ids).detach().numpy()
    assert attention.weights.shape == expected.shape and attention.weights.dtype == np.float32
    assert len(attention.pieces) == expected.shape[-1]
    np.testing.assert_allclose(attention.weights, expected, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_arithmetic_of_a_cell_gives_the_weight_of_the_model(kind: str) -> None:
    model = tiny(kind)
    weights = reference(kind, model.encode(TEXT).ids).detach().numpy()
    last = weights.shape[-1] - 1
    for layer, head, query, key in [
        (0, 0, last, 0),
        (1, 5, last, last),
        (2, 3, 4, 2),
        (2, 2, 0, 0),
        (1, 4, 3, 7),
    ]:
        cell = model.attention_cell(TEXT, layer, head, query, key)
        assert cell.product == pytest.approx(float(cell.query_vector @ cell.key_vector), rel=1e-4)
        assert cell.score == pytest.approx(cell.product * cell.scale, rel=1e-4, abs=1e-6)
        assert cell.scale == pytest.approx(len(cell.query_vector) ** -0.5)
        open_scores = np.where(cell.masked_row, -np.inf, cell.scores_row)
        softmax = np.exp(open_scores - open_scores.max()) / np.exp(open_scores - open_scores.max()).sum()
        np.testing.assert_allclose(cell.softmax_row, softmax, atol=1e-6)
        np.testing.assert_allclose(cell.softmax_row, weights[layer, head, query], atol=1e-5)
        assert cell.weight == pytest.approx(weights[layer, head, query, key], abs=1e-5)
        assert cell.masked == (key > query) and list(cell.masked_row) == [k > query for k in range(last + 1)]
        np.testing.assert_allclose(cell.weighted_value, cell.weight * cell.value_vector, atol=1e-6)
        assert cell.kv_head == (head if kind == "gpt2" else head // 3)


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_a_cell_can_be_worked_out_in_half_precision(precision: torch.dtype) -> None:
    import copy

    halved = copy.deepcopy(network_model("llama")).to(precision)
    model = LanguageModel(Network(halved), tokenizer(), name="half", revision="random")
    cell = model.attention_cell(TEXT, 1, 2, 5, 3)
    assert not cell.masked and list(cell.masked_row) == [k > 5 for k in range(len(cell.masked_row))]


def test_values_weighted_over_all_keys_give_what_the_head_puts_out() -> None:
    """The output projection of the model sees exactly the heads' outputs side by side."""
    model = tiny("qwen3")
    prompt = model.encode(TEXT)
    network = network_model("qwen3")
    seen: list[torch.Tensor] = []
    hook = network.model.layers[1].self_attn.o_proj.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    network(torch.tensor([prompt.ids]))
    hook.remove()
    outputs = seen[0][0].detach().numpy()  # [T, heads × d]
    for head in range(6):
        cell = model.attention_cell(prompt, 1, head, 6, 0)
        np.testing.assert_allclose(cell.head_output, outputs[6, head * 16 : (head + 1) * 16], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_silenced_head_is_a_zero_before_the_output_projection(kind: str) -> None:
    model = tiny(kind)
    prompt = model.encode(TEXT)
    network = network_model(kind)
    inputs = torch.tensor([prompt.ids])
    block = network.transformer.h[1].attn if kind == "gpt2" else network.model.layers[1].self_attn
    projection = block.c_proj if kind == "gpt2" else block.o_proj
    before = network(inputs).logits[0, -1].double().softmax(-1).detach()

    def zero(module: torch.nn.Module, args: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        states = args[0].clone()
        states[..., 4 * block.head_dim : 5 * block.head_dim] = 0
        return (states,)

    hook = projection.register_forward_pre_hook(zero)
    after = network(inputs).logits[0, -1].double().softmax(-1).detach()
    hook.remove()
    ablation = model.ablate_heads(prompt, [(1, 4)])
    target = int(before.argmax())
    assert ablation.target == target and ablation.target_text == model.piece(target)
    assert ablation.target_before == pytest.approx(float(before[target]), abs=1e-5)
    assert ablation.target_after == pytest.approx(float(after[target]), abs=1e-5)
    assert ablation.kl_bits == pytest.approx(float((before * (before / after).log2()).sum()), abs=1e-4)
    assert ablation.kl_bits > 1e-6
    biggest = int((after - before).abs().argmax())
    assert ablation.movers[0].token_id == biggest
    assert ablation.after.candidates[0].token_id == int(after.argmax())


@pytest.mark.parametrize("kind", KINDS)
def test_each_head_alone_equals_one_at_a_time(kind: str) -> None:
    model = tiny(kind)
    heads = [(layer, head) for layer in range(3) for head in range(6)] * 4  # more than one pass
    each = model.ablate_each(TEXT, heads, target=30)
    assert [result.heads for result in each] == [(pair,) for pair in heads]
    for pair, result in list(zip(heads, each, strict=True))[::5]:
        alone = model.ablate_heads(TEXT, [pair], target=30)
        assert result.kl_bits == pytest.approx(alone.kl_bits, abs=1e-4)
        assert result.target_after == pytest.approx(alone.target_after, abs=1e-5)


def test_looking_inside_changes_nothing_for_the_writer() -> None:
    model = tiny()
    prompt = model.encode(TEXT)
    before = model.next_token_scores(prompt).logits
    model.ablate_heads(prompt, [(0, 0), (2, 5)])
    model.attention(prompt)
    np.testing.assert_array_equal(model.next_token_scores(prompt).logits, before)
    assert network_model("llama").config._attn_implementation == "sdpa"


def test_no_head_silenced_changes_nothing() -> None:
    ablation = tiny().ablate_heads(TEXT, [])
    assert ablation.kl_bits == 0 and ablation.target_before == ablation.target_after


def test_kl_in_bits() -> None:
    assert kl_bits(np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.75, 0.0])) == pytest.approx(0.20752, abs=1e-5)
    assert kl_bits(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == np.inf


@pytest.mark.parametrize("place", [(3, 0, 0, 0), (-1, 0, 0, 0), (0, 6, 0, 0), (0, 0, 99, 0), (0, 0, 0, -1)], ids=str)
def test_a_cell_that_does_not_exist_says_so(place: tuple[int, int, int, int]) -> None:
    with pytest.raises(PlainError, match="[Cc]hoose"):
        tiny().attention_cell(TEXT, *place)


def test_a_head_that_does_not_exist_says_so() -> None:
    with pytest.raises(PlainError, match="choose a layer from 0 to 2"):
        tiny().ablate_each(TEXT, [(0, 0), (3, 0)])


@pytest.mark.parametrize("pair", [(1.5, 0), (1.0, 0), ("a", 0), (0, True), (0, None), ([1], 0)], ids=str)
def test_a_head_is_named_by_whole_numbers(pair: tuple[object, object]) -> None:
    with pytest.raises(PlainError, match="whole number"):
        tiny().ablate_heads(TEXT, [pair])  # type: ignore[list-item]
    with pytest.raises(PlainError, match="whole number"):
        tiny().attention_cell(TEXT, *pair, 2, 1)  # type: ignore[arg-type]


def test_positions_are_whole_numbers_and_numpy_has_them_too() -> None:
    with pytest.raises(PlainError, match="whole number"):
        tiny().attention_cell(TEXT, 0, 0, 2.5, 1)  # type: ignore[arg-type]
    alone = tiny().ablate_heads(TEXT, [(np.int64(1), np.int32(2))])  # type: ignore[list-item]
    assert alone.kl_bits == tiny().ablate_heads(TEXT, [(1, 2)]).kl_bits


def test_logits_without_sets_of_heads_are_those_of_each_set_silenced() -> None:
    model, text = tiny("llama"), "The keys to the cabinet"
    sets = [[], [(0, 1)], [(1, 2), (2, 0)]]
    found = model.logits_without(text, sets)
    assert found.shape == (3, model.vocabulary_size)
    np.testing.assert_allclose(found[0], model.next_token_logits([model.encode(text)])[0], atol=1e-4)
    for heads, logits in zip(sets[1:], found[1:], strict=True):
        after = model.ablate_heads(text, heads)
        powers = np.exp(logits.astype(float) - logits.max())
        assert powers[after.target] / powers.sum() == pytest.approx(after.target_after, abs=1e-5)
    with pytest.raises(PlainError, match="There is no layer"):
        model.logits_without(text, [[(9, 0)]])


def test_a_model_is_counted_by_the_work_its_numbers_do() -> None:
    """Against the shapes of the configuration: a Llama with gates and grouped keys, and GPT-2 with biases."""
    parts = tiny("llama").parts()
    width, wide, keys, words = 48, 64, 2 * 48 // 6, len(tokenizer())
    assert parts.attention == 3 * (2 * width * width + 2 * width * keys)
    assert parts.feed_forward == 3 * 3 * width * wide
    assert parts.tables == 2 * words * width and not parts.shared
    assert parts.rest == (2 * 3 + 1) * width
    parts = tiny("gpt2").parts()
    assert parts.attention == 3 * (4 * width * width + 4 * width)
    assert parts.feed_forward == 3 * (8 * width * width + 5 * width)
    assert parts.tables == words * width and parts.shared
    for kind in KINDS:
        counted = tiny(kind).parts()
        assert counted.total == sum(weight.numel() for weight in network_model(kind).parameters())
