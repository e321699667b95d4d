"""What must hold wherever a model computes: on the processor, in half precision, on a card where there is one.

``NEAR`` says how far two ways to one result may lie apart, in standard deviations of what is compared. In half
precision a number has three digits, and a batch adds in another order than its rows alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engines.models import catalogue, hardware, settings
from engines.pictures import diffusion, noise, painter, snippets
from engines.pictures.diffusion import Plan, denoise
from engines.pictures.painter import Painter
from engines.text import language_model, opening
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel
from tests.engines import tiny_painters, tiny_text
from tests.lessons.common import shown

NEAR = {"float32": 1e-3, "float16": 0.05, "bfloat16": 0.3}
ON_A_CARD = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
CAPTIONS = ("a red cat on a blue background", "two dogs", "a tree left of an apple")


@dataclass(frozen=True)
class Place:
    device: str
    precision: str

    @property
    def near(self) -> float:
        return NEAR[self.precision]


@pytest.fixture(
    params=[
        "cpu-float32",
        "cpu-bfloat16",
        pytest.param("cuda-float32", marks=ON_A_CARD),
        pytest.param("cuda-bfloat16", marks=ON_A_CARD),
    ]
)
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A device and a number type, on which models are opened as on a machine that has them."""
    device, precision = request.param.split("-")
    monkeypatch.setenv(settings.DEVICE.name, device)
    monkeypatch.setattr(hardware, "precision", lambda on=None: precision)
    monkeypatch.setattr(opening, "FULL_PRECISION_UP_TO", 0 if precision != "float32" else 2**32)
    for shelf in (painter.SHELF, language_model.SHELF):
        monkeypatch.setattr(shelf, "models", {})
    hardware.device_name.cache_clear()
    yield Place(device, precision)
    hardware.device_name.cache_clear()


@pytest.fixture(params=["sd", "xl"])
def sculptor(place: Place, request: pytest.FixtureRequest, tmp_path: Path) -> Painter:
    save = {"sd": tiny_painters.save_sd, "xl": tiny_painters.save_xl}[request.param]
    return diffusion.load(save(tmp_path / "painter"))


@pytest.fixture
def writer(place: Place, tmp_path: Path) -> LanguageModel:
    return language_model._open(catalogue.by_name(tiny_text.saved("llama", tmp_path)), lambda share, words: None)


def close(found: np.ndarray, expected: np.ndarray, place: Place) -> None:
    assert np.isfinite(found).all()
    gap = np.abs(np.asarray(found, np.float64) - expected).mean() / np.asarray(expected, np.float64).std()
    assert gap < place.near, f"{gap:.3f} standard deviations apart"


def test_models_are_where_and_what_they_should_be(sculptor: Painter, writer: LanguageModel, place: Place) -> None:
    assert (sculptor.unet.device.type, str(sculptor.unet.dtype)) == (place.device, f"torch.{place.precision}")
    assert writer.runtime == f"torch, {place.precision}"


def test_the_loop_paints_what_the_stock_pipeline_paints(sculptor: Painter, place: Place) -> None:
    plan = Plan(CAPTIONS[0], seeds=(7,), steps=3, guidance_scale=5.0)
    sculptor.pipeline.set_progress_bar_config(disable=True)
    *_, last = denoise(sculptor, plan)
    dice = noise.from_seed(last.latent.shape, 7)  # an older torch draws others in bfloat16, as the library does
    stock = sculptor.pipeline(
        CAPTIONS[0], num_inference_steps=3, guidance_scale=5.0, output_type="latent",
        latents=dice.to(sculptor.unet.device, sculptor.unet.dtype),
    ).images  # fmt: skip
    close(last.latent, stock.float().cpu().numpy(), place)


def test_pictures_in_company_are_what_they_are_alone(sculptor: Painter, place: Place) -> None:
    plans = [Plan(caption, seeds=(seed,), steps=3, guidance_scale=4.0) for seed, caption in enumerate(CAPTIONS)]
    alone = [list(denoise(sculptor, plan))[-1].latent for plan in plans]
    found: list[np.ndarray] = [np.empty(0)] * len(plans)

    def paint(number: int) -> None:
        found[number] = list(denoise(sculptor, plans[number]))[-1].latent

    threads = [threading.Thread(target=paint, args=(number,)) for number in range(len(plans))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, expected in zip(found, alone, strict=True):
        close(one, expected, place)


def test_what_is_watched_is_what_is_painted(sculptor: Painter, place: Place) -> None:
    plan = Plan(CAPTIONS[0], seeds=(1, 2), steps=2, guidance_scale=3.0)
    plain = list(denoise(sculptor, plan))[-1]
    watched = list(denoise(sculptor, replace(plan, record_attention=True, previews=True)))[-1]
    close(watched.latent, plain.latent, place)


def test_the_scores_of_a_text_are_the_librarys(writer: LanguageModel, place: Place) -> None:
    prompt = writer.encode(tiny_text.TEXT[:40])
    tokens = list(writer.write(prompt, Dials(0), seed=0, max_tokens=8, keep_logits=True))
    ids = [*prompt.ids, *(token.token_id for token in tokens)]
    network = writer._network.model
    with torch.inference_mode():
        stock = network(torch.tensor([ids], device=network.device)).logits[0].float().cpu().numpy()
    begin = len(prompt.ids) - 1
    for row, token in enumerate(tokens):
        close(token.logits, stock[begin + row], place)


def test_texts_that_share_their_passes_have_the_scores_they_have_alone(writer: LanguageModel, place: Place) -> None:
    prompts = [writer.encode(tiny_text.TEXT[:length]) for length in (20, 35, 50)]
    alone = [writer.next_token_scores(prompt).logits for prompt in prompts]
    batch = writer._writer.batch([prompt.ids for prompt in prompts])
    for row, expected in zip(batch.logits, alone, strict=True):
        close(row, expected, place)
    following = [int(row.argmax()) for row in alone]
    after = batch.step(following)
    for row, prompt, token_id in zip(after, prompts, following, strict=True):
        longer = list(writer.write(prompt, Dials(0), seed=0, max_tokens=2, forced={0: token_id}, keep_logits=True))
        close(row, longer[1].logits, place)


def test_a_branch_goes_on_as_the_text_did(writer: LanguageModel, place: Place) -> None:
    prompt = writer.encode(tiny_text.TEXT[:40])
    tokens = list(writer.write(prompt, Dials(0), seed=0, max_tokens=6, keep_logits=True))
    ids = [token.token_id for token in tokens]
    branch = writer.branch(prompt, ids, 4, ids[4], Dials(0), seed=0, max_tokens=6, keep_logits=True)
    for again, token in zip(list(branch)[:5], tokens, strict=False):
        close(again.logits, token.logits, place)


def test_what_looks_inside_sees_the_same_scores(writer: LanguageModel, place: Place) -> None:
    prompt = writer.encode(tiny_text.TEXT[:40])
    expected = writer.next_token_scores(prompt).logits
    whole, silenced = writer.logits_without(prompt, [[], [(0, 0)]])
    close(whole, expected, place)
    assert np.isfinite(silenced).all() and np.abs(silenced - whole).max() > 0
    seen = writer.attention(prompt)
    assert np.allclose(np.asarray(seen.weights).sum(axis=-1), 1, atol=place.near)


def test_a_picture_goes_through_the_autoencoder_and_back(sculptor: Painter, place: Place) -> None:
    picture = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[:, None, None], (1, 64, 3))
    latent = sculptor.encode(picture[None])
    close(sculptor.encode(np.concatenate([picture[None]] * 3))[2], latent[0], place)
    few, many = sculptor.decode(latent), sculptor.decode(np.concatenate([latent] * 6))
    assert few.shape == (1, 64, 64, 3)
    close(many[5], few[0], place)


def test_the_code_in_the_drawer_runs_as_shown(place: Place, tmp_path: Path) -> None:
    sculptor = diffusion.load(tiny_painters.save_sd(tmp_path / "painter"))
    plan = Plan(CAPTIONS[0], seeds=(3,), steps=2, guidance_scale=3.0)
    code = snippets.denoising(sculptor.source, CAPTIONS[0], seeds=(3,), steps=2, guidance_scale=3.0)
    found, _, saved = shown(code)
    assert saved == ["picture-0.png"]
    for step, latents in zip(denoise(sculptor, plan), found["latents"], strict=True):
        close(step.latent, latents, place)
