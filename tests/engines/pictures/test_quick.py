"""The quick painter: a graph says what its network says, and whatever has none stays with torch."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from engines.models import hardware
from engines.pictures import painter, quick, shared_passes
from engines.pictures.diffusion import Plan, paint
from tests.engines import tiny_painters

ROWS_AND_SIDES = ((1, 0), (2, 0), (5, 4))
SMALL = [build for build in quick.BUILDS if build.name in ("signs", "decoder")]
of_small_ones = pytest.mark.parametrize("build", SMALL, ids=lambda build: build.name, indirect=True)


@pytest.fixture(scope="module", params=quick.BUILDS, ids=lambda build: build.name)
def build(request):
    return request.param


@pytest.fixture(scope="module")
def module(build):
    return quick.load(build)


class Counted:
    """A network that counts how often it is asked."""

    def __init__(self, build, module):
        self.build, self.module, self.calls = build, module, 0

    def __call__(self, *tensors):
        self.calls += 1
        with torch.inference_mode():
            return quick.direct(self.build, self.module, *tensors)


@pytest.fixture
def network(build, module):
    return Counted(build, module)


@pytest.fixture
def passes(network, module):
    return quick.Quick(network, lambda: module)


def inputs(build, module, rows: int = 2, more: int = 0, dtype=torch.float32):
    dice = torch.Generator().manual_seed(rows)
    if len(build.inputs) == 1:
        return (torch.randn(rows, 4, 16 + more, 16 + more, generator=dice).to(dtype),)
    size = module.config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    batch = torch.randn(rows, module.config.in_channels, height + more, width + more, generator=dice)
    text = torch.randn(rows, 16, module.config.cross_attention_dim, generator=dice)
    return batch.to(dtype), torch.linspace(3, 900, rows).long(), text.to(dtype)


def other(module):
    torch.manual_seed(5)
    return type(module).from_config(module.config).eval().requires_grad_(False)


def test_a_graph_says_what_its_network_says(build, module, network, passes):
    for rows, more in ROWS_AND_SIDES:
        tensors = inputs(build, module, rows, more)
        found = passes(*tensors)
        assert network.calls <= 1, "the graph answers, not the network"
        torch.testing.assert_close(found, Counted(build, module)(*tensors), rtol=1e-4, atol=1e-4)


def test_what_is_asked_again_comes_again_from_the_first_call_on(build, module, passes):
    assert torch.equal(passes(*inputs(build, module)), passes(*inputs(build, module)))


@of_small_ones
def test_each_network_brings_its_own_weights(build, module):
    strange = other(module)
    network = Counted(build, strange)
    passes = quick.Quick(network, lambda: strange)
    passes(*inputs(build, module))
    tensors = inputs(build, module, 3)
    torch.testing.assert_close(passes(*tensors), network(*tensors), rtol=1e-4, atol=1e-4)
    assert network.calls == 2


@of_small_ones
def test_a_graph_is_made_again_from_its_network(build, module, network, passes, tmp_path, monkeypatch):
    monkeypatch.setattr(quick, "FOLDER", tmp_path)
    assert quick.build_of(module) is None
    quick.save(build, module, build.graph)
    for _ in range(2):
        passes(*inputs(build, module))
    assert not passes.plain and network.calls == 1
    assert build.graph.stat().st_size < 1_000_000, "no weights are in it"


def test_a_size_that_the_network_pads_stays_with_it(build, module, network, passes):
    passes(*inputs(build, module))
    for more in range(1, 4):
        if more % build.multiple:
            calls = network.calls
            tensors = inputs(build, module, 2, more)
            assert torch.equal(passes(*tensors), network(*tensors)) and network.calls == calls + 2


def test_another_number_type_stays_with_the_network(build, module):
    seen = []
    passes = quick.Quick(lambda first, *more: seen.append(first.dtype) or first, lambda: module)
    passes(*inputs(build, module, dtype=torch.bfloat16))
    assert seen == [torch.bfloat16] and not passes.plain


@of_small_ones
def test_a_graph_that_says_anything_else_is_not_used(build, module, network, caplog):
    passes = quick.Quick(network, lambda: other(module))
    with caplog.at_level(logging.WARNING, "playground"):
        found = passes(*inputs(build, module))
    assert passes.plain and torch.equal(found, network(*inputs(build, module)))
    assert f"{build.name} stays with torch: the graph does not say" in caplog.text


def test_a_graph_that_cannot_be_read_is_told_and_not_used(
    build, module, network, passes, monkeypatch, tmp_path, caplog
):
    monkeypatch.setattr(quick, "FOLDER", tmp_path)
    build.graph.write_bytes(b"no graph")
    with caplog.at_level(logging.WARNING, "playground"):
        assert torch.equal(passes(*inputs(build, module)), network(*inputs(build, module)))
    assert passes.plain and f"{build.name} stays with torch" in caplog.text


def test_a_build_without_a_graph_stays_with_its_network():
    unet = tiny_painters.unet(16).eval()
    build = replace(quick.BUILDS[0], name="tiny")
    assert quick.build_of(unet) is None
    network = Counted(build, unet)
    passes = quick.Quick(network, lambda: unet)
    for _ in range(2):
        passes(*inputs(build, unet))
    assert passes.plain and network.calls == 2


@of_small_ones
def test_a_graph_that_was_prepared_is_held_against_its_network_all_the_same(build, module, network, caplog):
    good, bad = quick.Quick(network, lambda: module), quick.Quick(network, lambda: other(module))
    for passes in (good, bad):
        passes.prepare()
        assert network.calls == 0 and not passes.plain
    tensors = inputs(build, module)
    good(*tensors)
    assert network.calls == 1 and not good.plain
    with caplog.at_level(logging.WARNING, "playground"):
        assert torch.equal(bad(*tensors), network(*tensors))
    assert bad.plain


def test_another_condition_beside_the_caption_stays_with_the_network():
    asked = []

    class Listening(torch.nn.Module):
        config = quick.load(quick.BUILDS[0]).config

        def forward(self, batch, t, return_dict, **given):
            asked.append(set(given))
            return (batch,)

    unet = Listening()
    met = shared_passes.meeting(lambda: unet, torch.device("cpu"))
    batch, text = torch.zeros(1, 4, 16, 16), torch.zeros(1, 16, 160)
    given = {"encoder_hidden_states": text, "timestep_cond": torch.zeros(1, 8)}
    assert torch.equal(shared_passes.ask(met, batch, torch.tensor(5), given), batch)
    assert asked == [set(given)]


@pytest.mark.skipif(hardware.model_device() != "cpu", reason="a card has graphs of its own")
def test_the_bundled_painter_is_quick_where_nobody_watches(monkeypatch):
    quicker, plan = painter.load(), Plan("a red apple on a blue background", (3,), steps=2)
    first = paint(quicker, plan)

    def refuse(*given, **more):
        raise AssertionError("torch was asked")

    monkeypatch.setattr(quicker.unet, "forward", refuse)
    monkeypatch.setattr(quicker.vae, "decode", refuse)
    np.testing.assert_array_equal(paint(quicker, plan), first)
