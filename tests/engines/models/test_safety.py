"""The caption screen, and a pipeline's own safety checker of the true class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPImageProcessor

from engines.evidence import PlainError
from engines.models import hub, safety, settings
from engines.models.catalogue import Hub
from engines.pictures import diffusion, painter
from engines.pictures.diffusion import Plan, denoise, noising, paint
from engines.pictures.painter import Painter
from tests.engines import tiny_painters
from tests.engines.hub_cache import lay_out
from tests.engines.tiny_painters import same_pictures

CAPTION = "a red cat on a blue background"


@pytest.fixture(autouse=True)
def no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(settings.SAFETY.name, raising=False)
    monkeypatch.setattr(painter.SHELF, "models", {})


def save_checked(folder: Path, *, refuses: bool) -> Path:
    """A Stable Diffusion 1.x-class folder with its safety checker; one that ``refuses`` everything, or nothing."""
    from diffusers import StableDiffusionPipeline

    tiny_painters.save_sd(folder)
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = small | {"image_size": 32, "patch_size": 16, "projection_dim": 8}
    torch.manual_seed(0)
    checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision, text_config=small, projection_dim=8))
    checker.concept_embeds_weights.data.fill_(-2.0 if refuses else 2.0)
    checker.special_care_embeds_weights.data.fill_(2.0)
    extractor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None, requires_safety_checker=False)
    parts = pipeline.components | {"safety_checker": checker, "feature_extractor": extractor}
    StableDiffusionPipeline(**parts).save_pretrained(folder)
    return folder


# --- captions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caption", ["porn", "a P0RN star", "a naked man", "a hentai girl", "f.u.c.k"])
def test_the_screen_names_what_it_stops(caption: str) -> None:
    with pytest.raises(PlainError, match="word screen of this server stops “.*say it in other words"):
        safety.screen(caption)


@pytest.mark.parametrize(
    "caption",
    [
        CAPTION, "", "Scunthorpe town hall", "a class of assassins in the grass", "a blue tit", "shiitake mushrooms",
        "a cocktail glass", "a bass player and a therapist", "four analysts in Essex", "a screwdriver left of a hand",
        "a Titanic model", "a sign that reads HELLO", "日本の猫",
    ],
)  # fmt: skip
def test_innocent_captions_pass(caption: str) -> None:
    safety.screen(caption)


def test_the_words_of_sticker_world_all_pass() -> None:
    from engines.stickers import world as sticker_world

    for name in sticker_world.OBJECTS:
        safety.screen(f"a {name} to the left of two {name}s on a yellow background")


def test_it_is_off_only_by_an_explicit_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert safety.wanted()
    for value, on in (("", True), ("on", True), (" OFF ", False)):
        monkeypatch.setenv(settings.SAFETY.name, value)
        assert safety.wanted() is on
    monkeypatch.setenv(settings.SAFETY.name, "0")
    with pytest.raises(PlainError, match="Set it to on or off"):
        safety.wanted()


def test_every_way_a_caption_reaches_the_painter_is_screened(tmp_path: Path) -> None:
    painter = diffusion.load(tiny_painters.save_sd(tmp_path / "sd"))
    assert painter.screened
    picture = np.zeros((64, 64, 3), np.uint8)
    plans = (
        Plan("porn", steps=2),
        Plan((CAPTION, "porn"), steps=2),
        Plan(CAPTION, steps=2, swap=diffusion.Swap(1, "porn")),
        Plan(CAPTION, steps=2, blend=diffusion.Blend("porn", 0.5)),
    )
    for plan in plans:
        with pytest.raises(PlainError, match="“porn”"):
            paint(painter, plan)
    with pytest.raises(PlainError, match="“porn”"):
        noising(painter, picture, timesteps=(500,), caption="porn")
    paint(painter, Plan(CAPTION, negative_caption="naked, porn", steps=1))


def test_the_bundled_painter_is_not_screened() -> None:
    from engines.pictures.painter import MODELS

    if not (MODELS / "painter" / "model_index.json").is_file():
        pytest.skip("the bundled painter is not trained yet")
    assert not diffusion.load().screened


# --- pictures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refuses", [True, False])
def test_the_pipelines_own_checker_blacks_out_what_the_stock_pipeline_would(tmp_path: Path, refuses: bool) -> None:
    painter = diffusion.load(save_checked(tmp_path / "sd", refuses=refuses))
    *passes, last = denoise(painter, Plan(CAPTION, seeds=(1, 2), steps=2, previews=True))
    stock = painter.pipeline(
        CAPTION, num_inference_steps=2, guidance_scale=7.5, num_images_per_prompt=2,
        generator=[torch.Generator().manual_seed(seed) for seed in (1, 2)],
    )  # fmt: skip
    assert last.withheld == (refuses, refuses) == tuple(stock.nsfw_content_detected)
    same_pictures(last.pictures, np.stack([np.asarray(image) for image in stock.images]))
    assert passes[0].withheld == ()
    for shown in (last.pictures, passes[0].previews):  # a preview shows as much as the picture
        assert bool(shown.any()) is not refuses


def test_without_safety_the_checker_is_not_even_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.SAFETY.name, "off")
    painter = diffusion.load(save_checked(tmp_path / "sd", refuses=True))
    assert not painter.screened and painter.pipeline.safety_checker is None
    assert paint(painter, Plan(CAPTION, steps=1)).max() > 0


def test_a_painter_made_by_hand_is_screened_only_when_asked(tmp_path: Path) -> None:
    loaded = diffusion.load(tiny_painters.save_sd(tmp_path / "sd"))
    assert not Painter(loaded.pipeline).screened


def test_no_other_way_to_a_painted_picture_goes_round_the_checker(tmp_path: Path) -> None:
    painter = diffusion.load(save_checked(tmp_path / "sd", refuses=True))
    last = list(denoise(painter, Plan(CAPTION, steps=2)))[-1]
    assert not painter.decode(last.predicted_clean).any()
    assert painter.decode(last.predicted_clean, checked=False).any(), "a learner's own picture is not the painter's"
    (guess,) = noising(painter, np.full((64, 64, 3), 200, np.uint8), timesteps=(900,), caption=CAPTION)
    assert not guess.guess.any() and not guess.noisy_picture.any() and np.isfinite(guess.psnr)


def test_a_checker_does_not_go_missing_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_checked(tmp_path / "sd", refuses=True)
    snapshot = lay_out(monkeypatch, tmp_path / "cache", "some/painter", folder)
    source = Hub("some/painter", None)
    assert hub.snapshot(source, "pictures") == snapshot
    for place in (folder, snapshot):
        (place / "safety_checker" / "model.safetensors").unlink()
    assert hub.snapshot(source, "pictures") is None, "it is fetched again"
    with pytest.raises(PlainError, match="lists a safety checker"):
        diffusion.load(folder)
    monkeypatch.setenv(settings.SAFETY.name, "off")
    assert hub.snapshot(source, "pictures") == snapshot
    assert not diffusion.load(folder).screened
