from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engines.models.weights import fingerprint
from engines.pictures import copying as copies
from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.signs import lab as sign_lab
from engines.stickers import nearest
from engines.stickers import scenes as world
from engines.stickers.detector import JudgeModel
from engines.stickers.shared_space import SharedSpace, contrastive_loss
from engines.text import letter_counting
from training import autoencoder, copying, data, evaluate, judge, painter, text_encoder, tools
from training import nearest as nearest_recipe


@pytest.fixture
def tiny() -> PocketAutoencoder:
    torch.manual_seed(0)
    return PocketAutoencoder(block_out_channels=(3, 12, 8, 8), encoder_branches=(1, 1), decoder_branches=(1, 1))


def test_the_autoencoder_has_the_stock_interface(tiny: PocketAutoencoder) -> None:
    pictures = torch.rand(2, 3, 128, 128) * 2 - 1
    latents = tiny.encode(pictures).latent_dist
    drawn = latents.sample(torch.Generator().manual_seed(1))
    assert latents.mode().shape == (2, 4, 16, 16)
    assert torch.equal(drawn, latents.sample(torch.Generator().manual_seed(1)))
    assert tiny.decode(drawn).sample.shape == (2, 3, 128, 128)
    assert tiny.decode(drawn, return_dict=False)[0].shape == (2, 3, 128, 128)
    assert 2 ** (len(tiny.config.block_out_channels) - 1) == 8 and tiny.config.scaling_factor == 1
    with pytest.raises(ValueError, match="multiples of 8"):
        tiny.encode(torch.zeros(1, 3, 130, 128))


def test_the_autoencoder_survives_saving(tiny: PocketAutoencoder, tmp_path: Path) -> None:
    pictures = torch.rand(1, 3, 128, 128) * 2 - 1
    tiny.normalise_latents(torch.tensor([1.0, 2, 3, 4]), torch.tensor([2.0, 1, 0.5, 3]))
    tiny.save_pretrained(tmp_path)
    assert torch.equal(PocketAutoencoder.from_pretrained(tmp_path)(pictures).sample, tiny(pictures).sample)


def test_normalising_changes_latents_but_not_pictures(tiny: PocketAutoencoder) -> None:
    pictures = torch.rand(8, 3, 128, 128) * 2 - 1
    before = tiny(pictures).sample
    raw = tiny.encode(pictures).latent_dist.mode()
    tiny.normalise_latents(raw.mean((0, 2, 3)), raw.std((0, 2, 3)))
    latents = tiny.encode(pictures).latent_dist.mode()
    assert torch.allclose(latents.mean((0, 2, 3)), torch.zeros(4), atol=1e-4)
    assert torch.allclose(latents.std((0, 2, 3)), torch.ones(4), atol=1e-3)
    assert torch.allclose(tiny(pictures).sample, before, atol=1e-5)


def test_psnr_is_the_textbook_one() -> None:
    class Shift(torch.nn.Module):
        def forward(self, x):
            return type("Output", (), {"sample": x + 10 / 127.5})

    pixels = np.full((2, 128, 128, 3), 100, np.uint8)
    assert autoencoder.psnr(Shift(), pixels) == pytest.approx(20 * np.log10(255 / 10), abs=1e-3)  # type: ignore[arg-type]


def test_accumulated_gradients_equal_one_backward() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(5, 3)
    x = torch.randn(8, 5)
    loss = tools.accumulate(lambda part: layer(part).square().mean(), list(layer.parameters()), [(x[:4],), (x[4:],)])
    sharded = [weight.grad.clone() for weight in layer.parameters()]  # type: ignore[union-attr]
    layer.zero_grad()
    whole = layer(x).square().mean()
    whole.backward()
    assert loss == pytest.approx(whole.item(), rel=1e-5)
    for weight, gradient in zip(layer.parameters(), sharded, strict=True):
        assert torch.allclose(weight.grad, gradient, atol=1e-6)  # type: ignore[arg-type]


def test_orthogonalised_matrices_have_singular_values_near_one() -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(tools.orthogonalised(torch.randn(24, 60)))
    assert 0.6 < values.min() and values.max() < 1.3


def test_the_tokenizer_knows_the_world_and_splits_what_it_never_saw(tmp_path: Path) -> None:
    tokenizer = text_encoder.build_tokenizer(scenes=3000)
    known = tokenizer.convert_ids_to_tokens(tokenizer("A red balloon").input_ids)
    assert known == ["<|startoftext|>", "a</w>", "red</w>", "balloon</w>", "<|endoftext|>"]
    assert len(tokenizer("zebra").input_ids) > 4
    tokenizer.save_pretrained(tmp_path)
    again = type(tokenizer).from_pretrained(tmp_path)
    text = "café 日本 a cat"
    assert again(text).input_ids == tokenizer(text).input_ids and again.model_max_length == 32
    longest = max((p for seed in range(300) for p in world.phrasings(world.plan(seed))), key=len)
    assert len(tokenizer(longest).input_ids) <= 32


def test_the_contrastive_loss_prefers_own_pairs() -> None:
    assert contrastive_loss(10 * torch.eye(4)) < contrastive_loss(10 * torch.eye(4).roll(1, 0))
    space = SharedSpace(text_width=8, channels=8, width=5)
    vectors = space.encode_pictures(torch.randn(3, 4, 16, 16))
    assert vectors.shape == (3, 5) and torch.allclose(vectors.norm(dim=-1), torch.ones(3), atol=1e-5)


def test_the_judge_reads_off_what_its_cells_say() -> None:
    model = JudgeModel(("cat", "dog"), ("red", "blue"), ("snow", "night"), widths=(8, 8, 8))
    cells = torch.zeros(3, 8, 8)
    cells[0] = 1
    cells[:, 4, 1], cells[:, 3, 6] = torch.tensor([0.05, 0.95, 0.0]), torch.tensor([0.08, 0.0, 0.92])
    colours = torch.stack([torch.zeros(8, 8), torch.ones(8, 8)])
    reading = model._reading(cells, colours, torch.tensor([0.05, 0.95]), torch.zeros(8, 8))
    assert reading.counts() == {"cat": 1, "dog": 1} and reading.background == "night"
    assert reading.relation("cat", "dog") == "left" and reading.relation("dog", "cat") == "right"
    assert reading.colour("cat") == "blue" and reading.colour("owl") is None
    assert not reading.unclear and not reading.background_unclear
    assert len(model.read(torch.rand(2, 3, 96, 96))) == 2


def test_the_judge_swears_to_nothing_that_looks_strange_or_that_it_is_not_sure_of() -> None:
    """Half-painted and foreign things were named with full certainty."""
    model = JudgeModel(("cat", "dog"), ("red", "blue"), ("snow", "night"), widths=(8, 8, 8))
    cells, strange = torch.zeros(3, 8, 8), torch.zeros(8, 8)
    cells[0], strange[3:6, 0:3] = 1, 1
    cells[:, 4, 1], cells[:, 3, 6] = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0.4, 0.0, 0.6])
    colours = torch.ones(2, 8, 8)
    reading = model._reading(cells, colours, torch.tensor([0.4, 0.6]), strange)
    assert reading.counts() == {} and [found.name for found in reading.doubtful] == ["cat", "dog"]
    assert reading.unclear and reading.strange == 1 and reading.doubtful[0].strange == 1
    assert reading.background_unclear
    empty = model._reading(torch.eye(3)[0][:, None, None].expand(3, 8, 8), colours, torch.eye(2)[0], strange)
    assert empty.unclear and not empty.doubtful and not empty.background_unclear


@pytest.mark.parametrize("ghost", [(4, 4), (1, 3)], ids=["below", "above"])
def test_the_judge_takes_what_fills_four_cells_before_a_ghost_in_one(ghost: tuple[int, int]) -> None:
    """An apple was read as a balloon: a stray cell beside it was as sure, and the order of equal ones was chance."""
    model = JudgeModel(("apple", "balloon"), ("red", "blue"), ("gray",), widths=(8, 8, 8))
    cells = torch.zeros(3, 8, 8)
    cells[0] = 1
    for row, column in ((2, 3), (2, 4), (3, 3), (3, 4)):
        cells[:, row, column] = torch.tensor([0.0, 1.0, 0.0])
    cells[:, *ghost] = torch.tensor([0.0, 0.0, 1.0])
    colours = torch.stack([torch.ones(8, 8), torch.zeros(8, 8)])
    colours[:, 2, 3] = torch.tensor([0.0, 1.0])
    reading = model._reading(cells, colours, torch.ones(1), torch.zeros(8, 8))
    assert reading.counts() == {"apple": 1}
    assert reading.colour("apple") == "red" and reading.found[0].colour_probability == pytest.approx(0.75)


def test_the_judges_targets_point_at_the_objects() -> None:
    scene = {"placed": [{"name": "fish", "colour": None, "x": 0.3, "y": 0.7}], "plan": {"background": "red"}}
    cells, colours, background = judge.targets(scene)
    assert cells[5, 2] == 1 + judge.OBJECTS.index("fish") and cells[0, 0] == 0
    assert colours[5, 2] == judge.COLOURS.index("blue") and background == world.BACKGROUNDS.index("red")


def test_the_evaluation_asks_seen_and_held_out_things() -> None:
    asked = evaluate.prompts()
    assert len(asked) >= 200 and len({prompt.text for prompt in asked}) > 195
    for prompt in asked:
        assert world.is_held_out(prompt.plan) == prompt.kind.startswith("held-out"), prompt


@pytest.mark.parametrize(
    ("folder", "record", "keys"),
    [
        *(
            (name, f"{name}/metrics.json", ["weights"])
            for name in ("autoencoder", "space", "painter", "judge", "tiles")
        ),
        *((f"signs/{cause}", "signs/metrics.json", ["weights", cause]) for cause in sign_lab.CAUSES),
        *((f"strawberry/{name}", "strawberry/metrics.json", ["weights", name]) for name in letter_counting.NETWORKS),
        ("masked-text", "masked-text/metrics.json", ["weights"]),
        ("judge", "sticker-world/blind_spot.json", ["judge"]),
        ("judge", "sticker-world/beyond_four.json", ["judge"]),
        ("autoencoder", "sticker-world/fingers.json", ["autoencoder"]),
        ("masked-text", "sticker-world/recovery.json", ["models", "stories"]),
        *((name, "sticker-world/recovery.json", ["models", name]) for name in ("tiles", "painter", "judge")),
    ],
)
def test_what_is_recorded_was_measured_of_the_bundled_weights(folder: str, record: str, keys: list[str]) -> None:
    found = json.loads((tools.MODELS / record).read_text())
    for key in keys:
        found = found[key]
    assert found == fingerprint(tools.MODELS / folder), "the weights have changed: measure them again"


def test_recipes_run_from_end_to_end_and_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(data, "BLOCK", 8)
    monkeypatch.setattr(tools, "fastest_precision", lambda step, tries=1: torch.float32)
    monkeypatch.setattr(text_encoder, "captions", lambda scenes, seed=0: ["a red cat on a blue background"] * 5)
    few = ["--minutes", "0.02", "--scenes", "16", "--validation", "8", "--batch", "8"]

    def options(name: str) -> list[str]:
        return [*few, "--checkpoint", str(tmp_path / f"{name}.pt"), "--out", str(tmp_path / "models" / name)]

    encoder = ["--autoencoder", str(tmp_path / "models" / "autoencoder")]
    autoencoder.main([*options("autoencoder"), "--signs", "8", "--widths", "8", "8"])
    painter.main([*options("painter"), *encoder, "--no-sheets", "--mix", "pair=2,single=1"])
    (tmp_path / "painter.pt").unlink()
    painter.main([*options("painter"), *encoder, "--no-sheets", "--resume"])  # from the weights in --out
    seen = torch.load(tmp_path / "painter.pt")["seen"]
    painter.main([*options("painter"), *encoder, "--no-sheets", "--resume"])
    assert torch.load(tmp_path / "painter.pt")["seen"] > seen
    judge.main([*options("judge"), *encoder, "--round-trips", "8", "--withheld", "16", "--strange", "4"])
    (tmp_path / "models" / "painter" / "README.md").write_text("Card\n" + "\n".join(evaluate.MARKS) + "\n")
    evaluate.main(["--models", str(tmp_path / "models"), "--limit", "2", "--seeds", "1", "--steps", "2"])
    for name in ("painter", "judge"):
        metrics = json.loads((tmp_path / "models" / name / "metrics.json").read_text())
        assert metrics["weights"] == fingerprint(tmp_path / "models" / name)
    metrics = json.loads((tmp_path / "models" / "painter" / "metrics.json").read_text())
    assert metrics["questions"] and "95 % interval" in (tmp_path / "models" / "painter" / "README.md").read_text()


def test_the_recipes_of_the_index_and_of_the_copying_twin_run_and_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest_recipe, "BLOCK", 40)
    index = tmp_path / "nearest.npz"
    for _ in range(2):  # the second time from the sketches that are kept
        nearest_recipe.main(
            ["--scenes", "90", "--held-out", "4", "--queries", "3", "--cache", str(tmp_path), "--out", str(index)]
        )
    made = nearest.load(index)
    assert made.codes.shape == (90, nearest_recipe.AXES) and made.held_out.shape == (4,)
    assert made.nearest(np.asarray(world.scene(7).picture), 1)[0].seed == 7

    out, few = tmp_path / "copying.safetensors", ["--batch", "2", "--ordinary", "3", "--draws", "44", "--repeats", "22"]
    copying.main([*few, "--checkpoint", str(tmp_path / "copying.pt"), "--out", str(out)])
    assert torch.load(tmp_path / "copying.pt")["seen"] == 40  # kept after every twenty steps
    copying.main([*few, "--checkpoint", str(tmp_path / "copying.pt"), "--out", str(out), "--resume"])
    bundled = load_file(copies.FILE)
    assert {name: weight.shape for name, weight in load_file(out).items()} == {
        name: weight.shape for name, weight in bundled.items()
    }
