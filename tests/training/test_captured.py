"""The card's path of the recipes: what can be checked on a CPU, and the capture itself where there is a card."""

from __future__ import annotations

import importlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional

from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.stickers import scenes as world
from engines.stickers.shared_space import SharedSpace
from training import autoencoder, autoencoding, captured, data, painter, painting, text_encoder, tools

on_a_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no card here")


class Net(nn.Module):
    """Two convolutions of one shape, a tall matrix, biases and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
        self.out = nn.Linear(4, 12)
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.second(torch.tanh(self.first(x))))

    def parts(self) -> tuple[list[Tensor], list[Tensor]]:
        weights = list(self.parameters())
        return [weight for weight in weights if weight.ndim > 1], [weight for weight in weights if weight.ndim < 2]


def batches(where: torch.device | str = "cpu") -> list[tuple[Tensor, Tensor]]:
    dice = torch.Generator().manual_seed(1)
    return [(torch.randn(2, 3, 4, 4, generator=dice).to(where), 9 * torch.randn(2, 3, 4, 12, generator=dice).to(where))
            for _ in range(6)]  # fmt: skip


def rates() -> list[float]:
    return [0.02 * (step + 1) for step in range(6)]


def learnt_plainly() -> tuple[Net, tools.Average, list[torch.optim.Optimizer]]:
    """Six steps with ``tools.Muon`` one weight at a time, stock AdamW and ``tools.Average``."""
    net = Net()
    hidden, rest = net.parts()
    average = tools.Average(net, 0.9)
    optimisers = [tools.Muon(hidden, lr=0), torch.optim.AdamW(rest, lr=0, betas=(0.9, 0.99), weight_decay=0)]
    for rate, (x, target) in zip(rates(), batches(), strict=True):
        net.zero_grad()
        functional.mse_loss(net(x), target).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), captured.CLIP)
        for optimiser in optimisers:
            optimiser.param_groups[0]["lr"] = rate
            optimiser.step()
        average.update(net)
    return net, average, optimisers


def learnt_in_steps(where: torch.device) -> tuple[Net, captured.Average, captured.Step]:
    """The same six steps by ``captured.Step``, which reads the batch from where a replayed graph would."""
    net = Net().to(where)
    average = captured.Average(net, 0.9)
    x, target = (part.clone() for part in batches(where)[0])

    def loss() -> tuple[Tensor, Tensor]:
        error = functional.mse_loss(net(x), target)
        return error, error.detach()

    step = captured.Step(loss, [net.parts()], net, average, torch.float32)
    for rate, batch in zip(rates(), batches(where), strict=True):
        x.copy_(batch[0])
        target.copy_(batch[1])
        step(rate)
    return net, average, step


def assert_alike(found: dict[str, Tensor], expected: dict[str, Tensor], most: float) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.allclose(found[name].cpu(), value, atol=most), name


def test_a_step_made_for_a_graph_equals_the_plain_one() -> None:
    """Batched Muon, AdamW with its rate in a tensor, clipping and the average: to 1e-5 of weights of about 1."""
    plain, plain_average, _ = learnt_plainly()
    net, average, _ = learnt_in_steps(torch.device("cpu"))
    assert max((a - b).abs().max().item() for a, b in zip(plain.parameters(), Net().parameters(), strict=True)) > 0.02
    assert_alike(net.state_dict(), plain.state_dict(), 1e-5)
    assert_alike(average.weights, plain_average.weights, 1e-5)


def test_on_a_played_card_too_since_warm_ups_leave_nothing_behind(request: pytest.FixtureRequest) -> None:
    plain, plain_average, _ = learnt_plainly()
    _, _, cold = learnt_in_steps(torch.device("cpu"))
    request.getfixturevalue("played_card")
    net, average, step = learnt_in_steps(torch.device("cpu"))
    assert step.captured and not cold.captured
    assert_alike(net.state_dict(), plain.state_dict(), 1e-5)
    assert_alike(average.weights, plain_average.weights, 1e-5)
    assert step.reported().item() == pytest.approx(cold.reported().item(), abs=1e-4)
    momenta = [momentum.clone() for momentum in step._momenta()]
    step._begin()  # as a resumed run does, with momenta that are there already
    assert all(torch.equal(a, b) for a, b in zip(momenta, step._momenta(), strict=True))


@pytest.mark.usefixtures("played_card")
@pytest.mark.parametrize("look", ["value", "mask"])
def test_a_look_at_a_value_would_be_noticed(look: str) -> None:
    net = Net()

    def loss() -> tuple[Tensor, Tensor]:
        error = net(torch.ones(1, 3, 4, 4)).square()
        total = error.mean() if look == "mask" else error.mean() * error.max().item()
        return total, error[error > 0].sum().detach()

    with pytest.raises(AssertionError, match="waits for the device"):
        captured.Step(loss, [net.parts()], net, captured.Average(net, 0.9), torch.float32)(0.1)


@pytest.mark.parametrize("shapes", [[(5, 3), (5, 3), (3, 5)], [(4, 2, 3, 3), (4, 18)]], ids=["tall", "convolutions"])
def test_muon_batched_by_shape_is_muon(shapes: list[tuple[int, ...]]) -> None:
    torch.manual_seed(0)
    values = [torch.randn(shape) for shape in shapes]
    one, all_at_once = ([nn.Parameter(value.clone()) for value in values] for _ in range(2))
    optimisers = tools.Muon(one, lr=0.1), captured.Muon(all_at_once, lr=torch.tensor(0.1))  # type: ignore[arg-type]
    for _ in range(3):
        gradients = [torch.randn(shape) for shape in shapes]
        for weights, optimiser in zip((one, all_at_once), optimisers, strict=True):
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient.clone()
            optimiser.step()
    for first, second in zip(one, all_at_once, strict=True):
        assert torch.allclose(first, second, atol=1e-6)


def test_momenta_of_a_card_and_of_a_cpu_are_taken_over_without_their_options() -> None:
    """A rate in a tensor, or ``capturable`` on a CPU, came along with the state and stopped the next step."""
    net, _, step = learnt_in_steps(torch.device("cpu"))
    saved = [optimiser.state_dict() for optimiser in step.optimisers]
    saved[1]["param_groups"][0]["capturable"] = True
    hidden, rest = Net().parts()
    fresh = [tools.Muon(hidden, lr=0.5), torch.optim.AdamW(rest, lr=0.5, betas=(0.9, 0.99), weight_decay=0)]
    for optimiser, state in zip(fresh, saved, strict=True):
        tools.restore(optimiser, state)
        assert optimiser.param_groups[0]["lr"] == 0.5 and not optimiser.param_groups[0].get("capturable")
    assert torch.equal(fresh[0].state[hidden[0]]["momentum"], step.optimisers[0].state[net.first.weight]["momentum"])
    assert fresh[1].state[rest[0]]["step"] == 6
    *_, plain = learnt_plainly()
    rate = step.optimisers[0].param_groups[0]["lr"]
    for optimiser, kept in zip(step.optimisers, plain, strict=True):
        tools.restore(optimiser, kept.state_dict())
        assert optimiser.param_groups[0]["lr"] is rate, "a replayed step would read another rate"


def test_a_step_that_cannot_be_captured_is_taken_plainly(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """The card is played: its side stream does nothing, and its graph refuses."""

    class Nothing:
        def __init__(self, *_: object, **how: object) -> None: ...
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...
        def wait_stream(self, other: object) -> None: ...

    class Refused(Nothing):
        def __enter__(self) -> None:
            raise RuntimeError("operation not permitted when stream is capturing")

    for name in ("Stream", "stream", "current_stream", "CUDAGraph"):
        monkeypatch.setattr(torch.cuda, name, Nothing)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "graph", Refused)
    weight = type("OnACard", (), {"is_cuda": True, "grad": "old"})()
    seen: list[Any] = []
    step, replayed = captured.capture(lambda: seen.append(weight.grad), [weight])
    assert not replayed
    assert len(seen) == captured.WARM_UPS and "cannot be captured" in capsys.readouterr().out
    weight.grad = "older"
    step()
    assert seen == [None] * (captured.WARM_UPS + 1), "gradients are cleared before each step"


def test_batches_drawn_on_the_device_follow_the_mix() -> None:
    torch.manual_seed(0)
    kinds = ["single"] * 60 + ["pair"] * 30 + ["sign"] * 10
    odds = torch.from_numpy(captured.cumulative_odds(kinds, "single=0.2,pair=0.7,sign=0.1"))
    chosen = captured.draw(odds, 20_000)
    drawn = Counter(kinds[index] for index in chosen.tolist())
    for kind, share in (("single", 0.2), ("pair", 0.7), ("sign", 0.1)):
        assert drawn[kind] / 20_000 == pytest.approx(share, abs=0.015)  # four standard errors
    assert len(set(chosen.tolist())) == 100, "every scene of a kind is drawn"
    alike = captured.draw(torch.from_numpy(captured.cumulative_odds(kinds)), 20_000)
    assert (alike < 60).float().mean().item() == pytest.approx(0.6, abs=0.015)
    none = captured.cumulative_odds(kinds, "single=0,pair=1,sign=0")
    assert set(captured.draw(torch.from_numpy(none), 1000).tolist()) == set(range(60, 90))
    assert set(np.searchsorted(none, np.random.default_rng(0).random(1000) * none[-1], "right")) == set(range(60, 90))


def test_captions_are_dropped_one_time_in_ten_and_phrasings_come_alike() -> None:
    torch.manual_seed(0)
    latents, odds = torch.randn(5, 4, 16, 16).half(), torch.arange(1.0, 6.0, dtype=torch.float64)
    phrasings = torch.arange(20, dtype=torch.int16).reshape(5, 4, 1)
    clean, noise, timesteps, ids, dropped = painting.draw_batch(latents, phrasings, odds, 8000)
    assert dropped.float().mean().item() == pytest.approx(0.1, abs=0.014)
    assert clean.dtype == noise.dtype == torch.float32 and noise.std().item() == pytest.approx(1, abs=0.01)
    assert timesteps.min() < 5 and timesteps.max() > 994
    assert torch.equal(clean, latents[ids[:, 0] // 4].float()), "a caption is one of its own scene's"
    often = torch.bincount(ids[:, 0], minlength=20)
    assert 300 < often.min() and often.max() < 500


def test_an_eighth_of_the_decoders_pictures_are_drawn_from_signs() -> None:
    torch.manual_seed(0)
    odds = torch.from_numpy(captured.cumulative_odds(["single"] * 1000))
    rows = autoencoding.draw_rows(odds, torch.tensor([1000, 1001]), 64)
    assert len(rows) == 64 and (rows >= 1000).sum() == 8 and set(rows[:8].tolist()) == {1000, 1001}


def test_phrasings_are_drawn_beforehand_from_honest_ones_and_kept(tmp_path: Path) -> None:
    tokenizer = text_encoder.build_tokenizer(scenes=300)
    records = [data.record_of(world.scene(seed)) for seed in range(40)]
    ids = data.phrasings(records, tokenizer, 3, cache=tmp_path)
    assert ids.shape == (40, 3, 32) and ids.dtype == np.int16
    assert any(record["sloppy"] for record in records)
    for record, drawn in zip(records, ids, strict=True):
        told = [record["caption"]] if record["sloppy"] else world.phrasings(data.plan_of(record))
        honest = tokenizer(list(told), padding="max_length", truncation=True).input_ids
        assert all(row in honest for row in drawn.tolist())
    assert np.array_equal(data.phrasings(records, tokenizer, 3, cache=tmp_path), ids)
    assert len([*tmp_path.iterdir()]) == 1
    assert np.array_equal(data.phrasings(records[:9], tokenizer, 3, cache=tmp_path), ids[:9]), "whatever their number"
    other = text_encoder.build_tokenizer(560, scenes=300)
    assert data.phrasings(records, other, 3, cache=tmp_path).max() == len(other) - 1, "other words are tokenised anew"


def test_fewer_scenes_are_read_from_more(tmp_path: Path) -> None:
    """160,000 scenes were rendered again beside 256,000 that began with them."""
    more = data.scenes(0, 6, cache=tmp_path, workers=1)
    fewer = data.scenes(0, 4, cache=tmp_path, workers=1)
    assert np.array_equal(fewer.pictures, more.pictures[:4]) and fewer.records == more.records[:4]
    assert len([*tmp_path.glob("*.npy")]) == 1
    data.scenes(1, 2, cache=tmp_path, workers=1)
    assert len([*tmp_path.glob("*.npy")]) == 2, "other seeds are others"


@pytest.fixture
def small_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(world, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(data, "BLOCK", 8)
    monkeypatch.setattr(text_encoder, "captions", lambda scenes, seed=0: ["a red cat on a blue background"] * 5)
    torch.manual_seed(0)
    tiny = PocketAutoencoder(block_out_channels=(3, 12, 8, 8), encoder_branches=(1, 1), decoder_branches=(1, 1))
    tools.save_half(tiny, tmp_path / "autoencoder")
    return tmp_path


FEW = ["--captured", "--steps", "2", "--scenes", "16", "--validation", "8", "--batch", "8", "--resume"]


@pytest.mark.usefixtures("played_card")
@pytest.mark.parametrize("path", ["--captured", "--no-captured"])
def test_the_decoder_learns_alone_and_latents_stay_as_they_were(
    path: str, small_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "fastest_precision", lambda step, tries=1: torch.float32)
    out, checkpoint = small_world / "autoencoder", small_world / "decoder.pt"
    before = PocketAutoencoder.from_pretrained(out).state_dict()
    alone = [*FEW, path, "--decoder-only", "--signs", "4", "--mix", "pair=2,single=1"]
    autoencoder.main([*alone, "--out", str(out), "--checkpoint", str(checkpoint)])
    after = PocketAutoencoder.from_pretrained(out).state_dict()
    changed = {name.split(".")[0] for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {"decoder"} and torch.load(checkpoint)["seen"] == 16
    autoencoder.main([*alone, "--out", str(out), "--checkpoint", str(checkpoint)])
    again = PocketAutoencoder.from_pretrained(out).state_dict()
    changed = {name.split(".")[0] for name, value in after.items() if not torch.equal(value, again[name])}
    assert changed == {"decoder"} and torch.load(checkpoint)["seen"] == 32


def test_a_decoder_alone_needs_an_encoder_that_is_there(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        autoencoder.main(["--decoder-only"])
    assert "--resume" in capsys.readouterr().err


def test_weights_stay_where_they_are_when_they_are_saved(tmp_path: Path) -> None:
    """A save moved them, so a captured step would have gone on with weights that nobody read any more."""
    net = PocketAutoencoder(block_out_channels=(3, 12, 8, 8), encoder_branches=(1, 1), decoder_branches=(1, 1))
    where = [weight.data_ptr() for weight in net.parameters()]
    tools.save_half(net, tmp_path)
    assert [weight.data_ptr() for weight in net.parameters()] == where and net.dtype == torch.float32
    saved = PocketAutoencoder.from_pretrained(tmp_path, torch_dtype=torch.float32).state_dict()
    assert all(torch.equal(value, saved[name]) for name, value in net.state_dict().items()), "what is measured is saved"


def commands() -> list[tuple[str, str]]:
    """Every command of a recipe that a card or ``training/README.md`` gives: the module, and its options."""
    cards = [*tools.MODELS.glob("*/README.md"), Path(data.__file__).parent / "README.md"]
    told = "\n".join(card.read_text(encoding="utf-8") for card in cards)
    found = re.findall(r"python -m training\.(\w+)([^`#&]*)", told)
    return sorted({(module, " ".join(options.split("\npython")[0].split())) for module, options in found})


@pytest.mark.parametrize(("module", "options"), commands())
def test_what_a_card_says_to_run_is_what_its_recipe_takes(module: str, options: str) -> None:
    recipe = importlib.import_module(f"training.{module}")
    assert callable(recipe.main)
    if hasattr(recipe, "parse"):
        recipe.parse(options.split())


@pytest.mark.usefixtures("played_card")
def test_the_autoencoder_resumes_from_the_checkpoint_it_is_told(small_world: Path) -> None:
    """It looked for the usual checkpoint, whatever ``--checkpoint`` and ``--out`` said."""
    given = ["--signs", "4", "--widths", "8", "8", "--out", str(small_world / "new")]
    given += ["--checkpoint", str(small_world / "new.pt")]
    autoencoder.main([*(word for word in FEW if word != "--resume"), *given])
    first = torch.load(small_world / "new.pt")
    autoencoder.main([*FEW, *given])
    assert torch.load(small_world / "new.pt")["seen"] == 2 * first["seen"] == 32


def few_weights(width: int = 40) -> painter.Painter:
    """A painter of one block each way: what a recipe does with its weights takes as long as there are tensors."""
    tokenizer = text_encoder.build_tokenizer()
    unet = UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, block_out_channels=(16,), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",), up_block_types=("CrossAttnUpBlock2D",), mid_block_type=None,
        cross_attention_dim=width, attention_head_dim=4, norm_num_groups=4,
    )  # fmt: skip
    words = text_encoder.build_text_encoder(tokenizer, width, layers=1)
    return painter.Painter(unet, words, SharedSpace(text_width=width), tokenizer)


@pytest.mark.usefixtures("played_card")
def test_the_painter_learns_from_device_drawn_batches_and_resumes_on_either_path(
    small_world: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(tools, "fastest_precision", lambda step, tries=1: torch.float32)
    monkeypatch.setattr(painting, "build", few_weights)
    few = [*FEW, "--no-sheets", "--autoencoder", str(small_world / "autoencoder")]
    few += ["--checkpoint", str(small_world / "painter.pt"), "--out", str(small_world / "painter")]
    seen = []
    for path in ("--captured", "--no-captured", "--captured"):
        painter.main([*few, path, "--phrasings", "2", "--mix", "pair=2,single=1"])
        state = torch.load(small_world / "painter.pt")
        seen.append(state["seen"])
        assert np.isfinite(json.loads(capsys.readouterr().out.splitlines()[-1])["held_out_loss"])
    assert seen == [16, 32, 48]
    assert {"weights", "average", "optimisers", "hours", "seen"} == state.keys()
    assert painter.load(small_world / "painter").unet.config.sample_size == 16


@on_a_card
def test_a_captured_step_equals_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replayed on a card against taken one by one on a CPU, to 1e-3 of weights of about 1."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    plain, plain_average, _ = learnt_plainly()
    net, average, step = learnt_in_steps(torch.device("cuda"))
    assert step.captured, "it fell back to the plain step"
    assert_alike(net.state_dict(), plain.state_dict(), 1e-3)
    assert_alike(average.weights, plain_average.weights, 1e-3)


@on_a_card
def test_replayed_steps_draw_other_batches() -> None:
    where = torch.device("cuda")
    net = Net().to(where)
    odds = torch.arange(1.0, 1001.0, dtype=torch.float64, device=where)

    def loss() -> tuple[Tensor, Tensor]:
        chosen = captured.draw(odds, 4).float()
        return net(torch.randn(1, 3, 4, 4, device=where)).square().mean(), chosen

    step = captured.Step(loss, [net.parts()], net, captured.Average(net, 0.9), torch.float32)
    drawn = []
    for _ in range(3):
        step(0.01)
        drawn.append(step.reported().tolist())
    assert step.captured and drawn[0] != drawn[1] != drawn[2]
