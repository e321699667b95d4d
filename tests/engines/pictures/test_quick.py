"""The quick passes: a graph says what its network says, and whatever has none stays with torch."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel

from engines.pictures import quick
from tests.engines import tiny_painters

ROWS_AND_SIDES = ((1, 0), (2, 0), (5, 4))


@pytest.fixture(scope="module", params=sorted(quick.BUILDS))
def built(request):
    folder = quick.BUILDS[request.param]
    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet", torch_dtype=torch.float32)
    return unet.eval().requires_grad_(False)


class Counted:
    """A network that counts how often it is asked."""

    def __init__(self, unet):
        self.unet, self.calls = unet, 0

    def __call__(self, batch, t, given):
        self.calls += 1
        with torch.inference_mode():
            return self.unet(batch, t, **given, return_dict=False)[0]


def inputs(unet, rows: int = 2, more: int = 0, dtype=torch.float32):
    dice = torch.Generator().manual_seed(rows)
    size = unet.config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    batch = torch.randn(rows, unet.config.in_channels, height + more, width + more, generator=dice)
    text = torch.randn(rows, 16, unet.config.cross_attention_dim, generator=dice)
    return batch.to(dtype), torch.tensor(481), {"encoder_hidden_states": text.to(dtype)}


def test_a_graph_says_what_its_network_says(built):
    network = Counted(built)
    passes = quick.Quick(network, lambda: built)
    passes(*inputs(built))
    for rows, more in ROWS_AND_SIDES:
        batch, t, given = inputs(built, rows, more)
        for times in (t, t.float(), torch.linspace(3, 900, rows).long()):
            calls = network.calls
            found = passes(batch, times, given)
            assert network.calls == calls, "the graph answers, not the network"
            torch.testing.assert_close(found, network(batch, times, given), rtol=1e-4, atol=1e-4)


def test_the_first_answer_is_the_graphs_too_so_that_what_is_asked_again_comes_again(built):
    passes = quick.Quick(Counted(built), lambda: built)
    assert torch.equal(passes(*inputs(built)), passes(*inputs(built)))


def test_each_network_brings_its_own_weights(built):
    other = UNet2DConditionModel.from_config(built.config).eval()
    network = Counted(other)
    passes = quick.Quick(network, lambda: other)
    passes(*inputs(other))
    torch.testing.assert_close(passes(*inputs(other, 3)), network(*inputs(other, 3)), rtol=1e-4, atol=1e-4)
    assert network.calls == 2


def test_a_graph_is_made_again_from_its_network(built, tmp_path, monkeypatch):
    made = tmp_path / "made.onnx"
    quick.save(built, made)
    monkeypatch.setattr(quick, "graph_of", lambda unet: made)
    network = Counted(built)
    passes = quick.Quick(network, lambda: built)
    passes(*inputs(built))
    assert not passes.plain
    assert made.stat().st_size < 1_000_000, "no weights are in it"


def test_a_size_that_the_network_pads_stays_with_it(built):
    network = Counted(built)
    passes = quick.Quick(network, lambda: built)
    passes(*inputs(built))
    for more in (1, 2, 3):
        if more % 2 ** (len(built.config.block_out_channels) - 1):
            calls = network.calls
            assert torch.equal(passes(*inputs(built, 2, more)), network(*inputs(built, 2, more)))
            assert network.calls == calls + 2


def test_another_number_type_or_condition_stays_with_the_network():
    unet = tiny_painters.unet(16)
    seen = []
    passes = quick.Quick(lambda batch, t, given: seen.append((batch.dtype, set(given))) or batch, lambda: unet)
    passes(*inputs(unet, dtype=torch.bfloat16))
    batch, t, given = inputs(unet)
    passes(batch, t, given | {"timestep_cond": batch})
    assert seen == [
        (torch.bfloat16, {"encoder_hidden_states"}),
        (torch.float32, {"encoder_hidden_states", "timestep_cond"}),
    ]
    assert not passes.plain


def test_a_build_without_a_graph_stays_with_the_network():
    unet = tiny_painters.unet(16).eval()
    assert quick.graph_of(unet) is None
    network = Counted(unet)
    passes = quick.Quick(network, lambda: unet)
    for _ in range(2):
        passes(*inputs(unet))
    assert passes.plain and network.calls == 2


def test_a_graph_that_says_anything_else_is_not_used(built, monkeypatch, caplog):
    other = UNet2DConditionModel.from_config(built.config).eval()
    network = Counted(built)
    passes = quick.Quick(network, lambda: other)
    with caplog.at_level(logging.WARNING, "playground"):
        found = passes(*inputs(built))
    assert passes.plain and torch.equal(found, network(*inputs(built)))
    assert "stay with torch: the graph does not say" in caplog.text


def test_a_graph_that_cannot_be_read_is_told_and_not_used(built, monkeypatch, tmp_path, caplog):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no graph")
    monkeypatch.setattr(quick, "graph_of", lambda unet: Path(broken))
    network = Counted(built)
    passes = quick.Quick(network, lambda: built)
    with caplog.at_level(logging.WARNING, "playground"):
        assert torch.equal(passes(*inputs(built)), network(*inputs(built)))
    assert passes.plain and "stay with torch" in caplog.text
