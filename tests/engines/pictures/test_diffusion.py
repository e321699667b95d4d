"""The explicit loop against the stock pipelines, and every intervention, on tiny random pipelines."""

from __future__ import annotations

import copy
import gc
import json
import threading
import time
import weakref

import diffusers
import numpy as np
import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline

from engines.evidence import PlainError
from engines.models import capture, safety, worker
from engines.pictures import diffusion
from engines.pictures.diffusion import (
    Between,
    Blend,
    Freeze,
    FromPicture,
    GivenNoise,
    HoldLayout,
    KnockOut,
    Perturbed,
    Plan,
    Poke,
    Swap,
    WordWeight,
    denoise,
    noising,
    paint,
)
from engines.pictures.painter import Painter
from tests.engines import tiny_painters
from tests.engines.tiny_painters import same_pictures

CAPTION = "a red cat on a blue background"


@pytest.fixture(scope="module")
def sd(tmp_path_factory) -> Painter:
    return diffusion.load(tiny_painters.save_sd(tmp_path_factory.mktemp("painters") / "sd"))


@pytest.fixture(scope="module")
def xl(tmp_path_factory) -> Painter:
    return diffusion.load(tiny_painters.save_xl(tmp_path_factory.mktemp("painters") / "xl"))


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def with_scheduler(painter: Painter, name: str, **changes) -> Painter:
    """The same painter with another of the library's schedulers."""
    kind = getattr(diffusers, name)
    parts = painter.pipeline.components | {"scheduler": kind.from_config(painter.pipeline.scheduler.config, **changes)}
    return Painter(type(painter.pipeline)(**parts), name=painter.name)


def stock(painter: Painter, **settings) -> np.ndarray:
    """Latents of the library's own call."""
    painter.pipeline.set_progress_bar_config(disable=True)
    return painter.pipeline(output_type="latent", **settings).images.numpy()


SCHEDULERS: dict[str, dict] = {
    "DDIMScheduler": {},
    "DDPMScheduler": {},
    "DEISMultistepScheduler": {},
    "DPMSolverSinglestepScheduler": {},
    "EDMDPMSolverMultistepScheduler": {},
    "EDMEulerScheduler": {},
    "KDPM2AncestralDiscreteScheduler": {},
    "KDPM2DiscreteScheduler": {},
    "TCDScheduler": {},
    "EulerDiscreteScheduler": {},
    "DPMSolverMultistepScheduler": {},
    "PNDMScheduler": {"skip_prk_steps": True},
    "HeunDiscreteScheduler": {},
    "UniPCMultistepScheduler": {},
    "EulerAncestralDiscreteScheduler": {},
    "LCMScheduler": {},
}


# --- equality with the library ------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["sd", "xl"])
@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_the_loop_equals_the_stock_pipeline_bit_for_bit(request, family, scheduler, prediction_type):
    plain = request.getfixturevalue(family)
    painter = with_scheduler(plain, scheduler, prediction_type=prediction_type, **SCHEDULERS[scheduler])
    passes = list(denoise(painter, Plan(CAPTION, seeds=(7,), steps=3, guidance_scale=5.0)))
    expected = stock(painter, prompt=CAPTION, num_inference_steps=3, guidance_scale=5.0, generator=generators(7))
    np.testing.assert_array_equal(passes[-1].latent, expected)


@pytest.mark.parametrize("spacing", ["leading", "linspace", "trailing"])
def test_another_spacing_equals_the_stock_pipeline_with_that_scheduler(sd, spacing):
    passes = list(denoise(sd, Plan(CAPTION, seeds=(7,), steps=2, guidance_scale=5.0, spacing=spacing)))
    respaced = with_scheduler(sd, "DDIMScheduler", timestep_spacing=spacing)
    expected = stock(respaced, prompt=CAPTION, num_inference_steps=2, guidance_scale=5.0, generator=generators(7))
    np.testing.assert_array_equal(passes[-1].latent, expected)
    told = {"leading": (501, 1), "linspace": (999, 0), "trailing": (999, 499)}[spacing]
    assert passes[0].timesteps == told == tuple(step.timestep for step in passes)
    assert Plan(CAPTION, spacing=spacing).settings()["spacing"] == spacing


def test_few_passes_of_the_usual_spacing_start_far_from_noise_and_trailing_ones_do_not(sd):
    assert [sd.timesteps(Plan(CAPTION, steps=steps))[0] for steps in (1, 2, 3)] == [1, 501, 667]
    assert [sd.timesteps(Plan(CAPTION, steps=steps, spacing="trailing"))[0] for steps in (1, 2, 3)] == [999] * 3
    with pytest.raises(PlainError, match="in its own way only"):
        paint(with_scheduler(sd, "LCMScheduler"), Plan(CAPTION, steps=2, spacing="trailing"))
    with pytest.raises(PlainError, match="spacing of the timesteps is one of: leading, linspace, trailing"):
        Plan(CAPTION, spacing="dense")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SCHEDULERS)
def test_the_passes_a_request_really_makes_are_told_before_it_runs(sd, name):
    """PNDM asked for two passes makes three, Heun's scheduler asked for three makes five."""
    painter = with_scheduler(sd, name, **SCHEDULERS[name])
    for plan in (Plan(CAPTION, steps=2), Plan(CAPTION, steps=5, start=FromPicture(np.zeros((64, 64, 3), np.uint8)))):
        passes = list(denoise(painter, plan))
        told = painter.timesteps(plan)
        assert len(told) == len(passes) == passes[0].passes and passes[-1].finished
        assert told == passes[0].timesteps == tuple(step.timestep for step in passes)
    expected = {"PNDMScheduler": 3, "HeunDiscreteScheduler": 3}.get(name)
    assert expected in (None, len(painter.timesteps(Plan(CAPTION, steps=2))))


def test_a_number_of_passes_the_scheduler_cannot_do_is_refused_in_words(sd):
    with pytest.raises(PlainError, match="cannot paint in 3 passes. Choose another number."):
        with_scheduler(sd, "PNDMScheduler").timesteps(Plan(CAPTION, steps=3))


@pytest.mark.parametrize("family", ["sd", "xl"])
def test_pictures_equal_the_stock_pipelines_pixels(request, family):
    painter = request.getfixturevalue(family)
    images = painter.pipeline(
        CAPTION, num_inference_steps=3, guidance_scale=4.0, negative_prompt="dog", output_type="pil",
        generator=generators(1, 2), num_images_per_prompt=2,
    ).images  # fmt: skip
    plan = Plan(CAPTION, seeds=(1, 2), steps=3, guidance_scale=4.0, negative_caption="dog")
    same_pictures(paint(painter, plan), np.stack([np.asarray(image) for image in images]))


def test_one_caption_a_row_equals_the_stock_list_of_prompts(sd):
    captions = ("a red cat", "two dogs")
    plan = Plan(captions, seeds=(1, 2), steps=2, guidance_scale=3.0)
    expected = stock(sd, prompt=list(captions), num_inference_steps=2, guidance_scale=3.0, generator=generators(1, 2))
    np.testing.assert_array_equal(list(denoise(sd, plan))[-1].latent, expected)


def test_without_guidance_one_branch_runs_and_equals_the_stock_pipeline(sd):
    last = list(denoise(sd, Plan(CAPTION, steps=2, guidance_scale=1.0)))[-1]
    expected = stock(sd, prompt=CAPTION, num_inference_steps=2, guidance_scale=1.0, generator=generators(0))
    np.testing.assert_array_equal(last.latent, expected)
    assert last.noise_unconditional is None


def test_an_embedded_scale_equals_the_stock_pipeline(tmp_path):
    folder = tiny_painters.save_sd(tmp_path / "consistency", unet_changes={"time_cond_proj_dim": 8})
    painter = with_scheduler(diffusion.load(folder), "LCMScheduler")
    assert painter.guidance_rule == "embedded scale" and not painter.has_two_branches
    last = list(denoise(painter, Plan(CAPTION, steps=3, guidance_scale=6.0)))[-1]
    expected = stock(painter, prompt=CAPTION, num_inference_steps=3, guidance_scale=6.0, generator=generators(0))
    np.testing.assert_array_equal(last.latent, expected)
    assert last.noise_unconditional is None


def test_starting_from_a_picture_equals_the_stock_image_to_image_pipeline(sd):
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    last = list(denoise(sd, Plan(CAPTION, steps=6, guidance_scale=4.0, start=FromPicture(picture, 0.5))))[-1]
    pipeline = StableDiffusionImg2ImgPipeline(**sd.pipeline.components, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    expected = pipeline(
        CAPTION, image=[torch.from_numpy(picture).permute(2, 0, 1) / 255], strength=0.5, num_inference_steps=6,
        guidance_scale=4.0, generator=generators(0), output_type="latent",
    ).images.numpy()  # fmt: skip
    assert last.passes == 3
    np.testing.assert_array_equal(last.latent, expected)


def test_a_folder_saved_by_the_loaded_pipeline_is_an_ordinary_one(sd, tmp_path):
    sd.pipeline.save_pretrained(tmp_path)
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path)
    pipeline.set_progress_bar_config(disable=True)
    image = pipeline(CAPTION, num_inference_steps=2, generator=generators(5), output_type="np").images
    ours = paint(sd, Plan(CAPTION, seeds=(5,), steps=2, guidance_scale=7.5))
    same_pictures(ours, (image * 255).round().astype(np.uint8))


# --- what a pass tells --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheduler", ["DDIMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler"])
@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction", "sample"])
def test_a_pass_splits_its_latent_into_clean_and_noise(sd, scheduler, prediction_type):
    painter = with_scheduler(sd, scheduler, prediction_type=prediction_type)
    for step in denoise(painter, Plan(CAPTION, seeds=(1, 2), steps=3, guidance_scale=5.0)):
        np.testing.assert_allclose(
            step.alpha * step.predicted_clean + step.sigma * step.noise, step.latent_before, rtol=1e-3, atol=1e-3
        )
        gap = step.noise_conditional - step.noise_unconditional
        np.testing.assert_allclose(step.noise, step.noise_unconditional + 5.0 * gap, rtol=1e-3, atol=1e-3)


def test_flow_painters_split_their_latent_too(sd):
    config = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 1.0}
    painter = with_scheduler(sd, "DPMSolverMultistepScheduler", **config)
    passes = list(denoise(painter, Plan(CAPTION, steps=4)))
    for step in passes:
        assert step.alpha + step.sigma == pytest.approx(1, abs=1e-3)
        total = step.alpha * step.predicted_clean + step.sigma * step.noise
        np.testing.assert_allclose(total, step.latent_before, atol=1e-3)


def own_prediction(scheduler, output: torch.Tensor, t: torch.Tensor, latent: torch.Tensor) -> torch.Tensor | None:
    """The clean latent as the library's scheduler reckons it from a network's output, where it says so."""
    if hasattr(scheduler, "convert_model_output"):
        if "DEIS" in type(scheduler).__name__:
            return None  # it works with the noise
        if scheduler.step_index is None:
            scheduler._init_step_index(t)
        return scheduler.convert_model_output(output, sample=latent)
    probe = copy.deepcopy(scheduler)
    return getattr(probe.step(output, t, latent), "pred_original_sample", None)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_the_schedulers_own_clean_latent_and_noise_levels_agree(sd, name, prediction_type):
    """EDM's preconditioning and the half-way looks of DPM2 were read as plain noise."""
    painter = with_scheduler(sd, name, prediction_type=prediction_type, **SCHEDULERS[name])
    scheduler = painter.new_scheduler()
    scheduler.set_timesteps(4)
    given = painter.condition((CAPTION,), "", two_branches=False, size=(64, 64), scales=(1.0,))
    compared = 0
    for step, t in zip(denoise(painter, Plan(CAPTION, steps=4, guidance_scale=1.0)), scheduler.timesteps, strict=True):
        latent = torch.from_numpy(step.latent_before)
        with torch.no_grad():
            output = painter.unet(scheduler.scale_model_input(latent, t), t, **given, return_dict=False)[0]
        clean = own_prediction(scheduler, output, t, latent)
        scheduler.step(output, t, latent, **painter.step_options(scheduler, generators(0)))
        if clean is not None:
            compared += 1
            close = 1e-4 * max(1, float(clean.abs().max()))
            np.testing.assert_allclose(step.predicted_clean, clean.numpy(), rtol=1e-4, atol=close)
        rebuilt = step.alpha * step.predicted_clean + step.sigma * step.noise
        np.testing.assert_allclose(rebuilt, step.latent_before, rtol=1e-3, atol=1e-3 * max(1, step.sigma))
    assert compared or name in ("DEISMultistepScheduler", "LCMScheduler", "PNDMScheduler", "TCDScheduler")


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", ["EDMDPMSolverMultistepScheduler", "EDMEulerScheduler"])
def test_one_shot_guesses_of_a_preconditioned_painter(sd, name, prediction_type):
    """They died of missing ``alphas_cumprod``; the guess is what the scheduler's own formula makes of the output."""
    painter = with_scheduler(sd, name, prediction_type=prediction_type)
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    guesses = noising(painter, picture, timesteps=(0, 400, 999), seed=4, caption=CAPTION)
    scheduler, given = painter.new_scheduler(), painter.condition(
        (CAPTION,), "", two_branches=False, size=(64, 64), scales=(1.0,)
    )  # fmt: skip
    assert [guess.alpha for guess in guesses] == [1] * 3
    assert guesses[0].sigma == pytest.approx(0.002, rel=0.01) and guesses[2].sigma == pytest.approx(80, rel=0.01)
    for guess in guesses:
        noisy, sigma = torch.from_numpy(guess.noisy_latent)[None], torch.tensor(guess.sigma)
        with torch.no_grad():
            told = scheduler.precondition_noise(sigma)
            output = painter.unet(scheduler.precondition_inputs(noisy, sigma), told, **given, return_dict=False)[0]
        clean = scheduler.precondition_outputs(noisy, output, sigma)[0].numpy()
        np.testing.assert_allclose(guess.predicted_clean, clean, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "name, changes, message",
    [
        ("DDIMInverseScheduler", {}, "scheduler DDIMInverseScheduler, which the playground cannot read"),
        ("CMStochasticIterativeScheduler", {}, "cannot read"),
        ("DDIMScheduler", {"thresholding": True}, "clips pixels"),
        ("DDIMScheduler", {"prediction_type": "score"}, "predicts 'score'"),
    ],
)
def test_schedulers_that_would_be_misread_are_refused_at_opening(tmp_path, name, changes, message):
    folder = tiny_painters.save_sd(tmp_path / "painter")
    kind = getattr(diffusers, name)
    kind.from_config(tiny_painters.scheduler().config, **changes).save_pretrained(folder / "scheduler")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"scheduler": ["diffusers", name]}))
    with pytest.raises(PlainError, match=message):
        diffusion.load(folder)


def test_whatever_touches_the_modules_runs_in_the_one_thread(tmp_path, monkeypatch):
    """Reading a caption in ``noising`` and the safety checker ran beside another learner's pass."""
    painter = diffusion.load(tiny_painters.save_sd(tmp_path / "painter"))
    beside: list[str] = []
    checked: list[bool] = []

    def watch(name: str):
        def look(*_):
            checked.append(worker.here())
            if not checked[-1]:
                beside.append(name)

        return look

    for name in ("unet", "vae", "text_encoder"):
        for module in getattr(painter.pipeline, name).modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.Embedding)):
                module.register_forward_pre_hook(watch(name))
    painter.screened = True
    seen = watch("checker")
    monkeypatch.setattr(safety, "check", lambda _, shown: (seen(), (shown, (False,) * len(shown)))[1])
    picture = np.zeros((64, 64, 3), np.uint8)
    noising(painter, picture, timesteps=(500,), caption=CAPTION, guidance_scale=3.0)
    painter.decode(painter.encode(picture[None]))
    paint(painter, Plan(CAPTION, steps=1, previews=True, canvas=True))
    assert checked and not beside


def test_pictures_are_decoded_a_few_at_a_time_so_that_others_come_in_between(sd, monkeypatch) -> None:
    sizes: list[int] = []
    before_a_call: list[int] = []
    decode, call = sd._decoder, worker.call

    def decoded(latents: torch.Tensor) -> torch.Tensor:
        sizes.append(len(latents))
        return decode(latents)

    def called(function, *arguments, **options):
        if not worker.here():
            before_a_call.append(len(sizes))
        return call(function, *arguments, **options)

    monkeypatch.setattr(sd, "_decoder", decoded)
    monkeypatch.setattr(worker, "call", called)
    paint(sd, Plan(CAPTION, seeds=tuple(range(6)), steps=1, previews=True, canvas=True))
    assert sizes == [4, 4, 4, 4, 2] and {1, 2, 3, 4} <= set(before_a_call)


def test_passes_chain_and_only_the_last_holds_pictures(sd):
    passes = list(denoise(sd, Plan(CAPTION, seeds=(1, 2), steps=3, previews=True, canvas=True)))
    assert [step.index for step in passes] == [0, 1, 2] and passes[-1].finished
    for step, following in zip(passes, passes[1:], strict=False):
        np.testing.assert_array_equal(step.latent, following.latent_before)
        assert step.pictures is None
    for shown in (passes[0].previews, passes[0].canvas, passes[-1].pictures):
        assert shown.shape == (2, 64, 64, 3) and shown.dtype == np.uint8
    same_pictures(passes[1].previews, sd.decode(passes[1].predicted_clean))
    same_pictures(passes[1].canvas, sd.decode(passes[1].latent_before))


def test_a_seed_paints_the_same_alone_and_in_a_batch(sd):
    alone = [list(denoise(sd, Plan(CAPTION, seeds=(seed,), steps=3)))[-1].latent[0] for seed in (3, 4)]
    together = list(denoise(sd, Plan(CAPTION, seeds=(3, 4), steps=3)))[-1].latent
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_a_row_of_guidance_scales_is_a_sweep_in_one_batch(sd):
    sweep = list(denoise(sd, Plan(CAPTION, steps=3, guidance_scale=(0.0, 1.0, 6.0))))[-1].latent
    for row, scale in ((1, 1.0), (2, 6.0)):
        alone = list(denoise(sd, Plan(CAPTION, steps=3, guidance_scale=scale)))[-1].latent[0]
        np.testing.assert_allclose(sweep[row], alone, atol=1e-4)
    captionless = list(denoise(sd, Plan("", steps=3, guidance_scale=1.0)))[-1].latent[0]
    np.testing.assert_allclose(sweep[0], captionless, atol=1e-4)


def test_closing_the_iterator_stops_and_leaves_the_painter_ready(sd):
    run = denoise(sd, Plan(CAPTION, steps=50, record_attention=True))
    next(run)
    run.close()
    assert torch.is_inference_mode_enabled() is False
    paint(sd, Plan(CAPTION, steps=1))


def test_many_learners_at_once_get_what_each_would_get_alone(sd):
    plans = [
        Plan(CAPTION, seeds=(1,), steps=3, record_attention=True),
        Plan("two dogs", seeds=(2,), steps=4, word_weights=(WordWeight("two", 3),)),
        Plan("a blue tree", seeds=(3,), steps=5, guidance_scale=2.0),
        Plan(CAPTION, seeds=(4,), steps=3, knock_out=(KnockOut("red"),)),
    ]
    alone = [paint(sd, plan) for plan in plans]
    together: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda i=i, plan=plan: together.update({i: paint(sd, plan)}))
        for i, plan in enumerate(plans)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, expected in enumerate(alone):
        np.testing.assert_array_equal(together[index], expected)


def test_runs_of_other_captions_schedules_and_scales_share_passes(sd, monkeypatch):
    plans = [
        Plan(CAPTION, seeds=(1, 2), steps=6),
        Plan("two dogs", seeds=(3,), steps=9, guidance_scale=2.0),
        Plan("a blue tree", seeds=(4,), steps=7, guidance_scale=1.0),
        Plan(CAPTION, seeds=(5,), steps=6, swap=Swap(3, "two dogs"), spacing="trailing"),
        Plan(CAPTION, seeds=(6,), steps=5, record_attention=True),
    ]
    alone = [list(denoise(sd, plan)) for plan in plans]
    sizes: list[int] = []
    work = sd._passes._work

    def slowly(inputs):
        sizes.append(len(inputs))
        time.sleep(0.03)  # so that on any machine the others come meanwhile
        return work(inputs)

    monkeypatch.setattr(sd._passes, "_work", slowly)
    together: dict[int, list] = {}
    threads = [
        threading.Thread(target=lambda i=i, plan=plan: together.update({i: list(denoise(sd, plan))}))
        for i, plan in enumerate(plans)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(sizes) >= 3 and sum(sizes) == 6 + 9 + 7 + 6  # watched attention is not shared
    for index, passes in enumerate(alone):
        for one, other in zip(passes, together[index], strict=True):
            np.testing.assert_allclose(one.latent, other.latent, atol=1e-4)
        assert np.abs(passes[-1].pictures.astype(int) - together[index][-1].pictures).max() <= 1


def test_recorded_passes_paint_what_plain_ones_paint(tmp_path, monkeypatch):
    """As on a card: rows are filled up to a size that was recorded, and only the run's own come back."""
    painter = diffusion.load(tiny_painters.save_sd(tmp_path / "painter"))
    plans = [Plan(CAPTION, seeds=(1, 2, 3), steps=5), Plan("two dogs", seeds=(4,), steps=6, guidance_scale=2.0)]
    plain = [list(denoise(painter, plan))[-1].latent for plan in plans]
    replays = []

    def played(call):
        output = torch.zeros_like(call())
        return lambda: (replays.append(len(output)), output.copy_(call())), output

    monkeypatch.setattr(capture, "record", played)
    monkeypatch.setattr(capture.Captured, "on", lambda self, device: not self.plain)
    for plan, expected in zip(plans, plain, strict=True):
        np.testing.assert_allclose(list(denoise(painter, plan))[-1].latent, expected, atol=1e-4)
    assert replays == [8] * 3 + [2] * 4  # 2 · 3 rows, filled up; the first of each at recording
    monkeypatch.setattr(painter.pipeline.unet, "_hf_hook", object(), raising=False)
    list(denoise(painter, plans[0]))
    assert len(replays) == 7, "weights that accelerate takes off the card are not where a recording reads them"
    assert painter.weight_bytes() > 0
    painter.close()
    assert painter.weight_bytes() == 0  # who asks what a switch frees may come in the middle of one
    with pytest.raises(PlainError, match="Start the run again"):
        paint(painter, plans[0])


# --- words --------------------------------------------------------------------------------------------------


def test_a_reading_maps_words_to_tokens(sd):
    reading = sd.read("Two cats, a zoo")
    assert [(word.text, word.tokens) for word in reading.words] == [
        ("Two", (1,)), ("cats", (2, 3, 4)), ("a", (6,)), ("zoo", (7, 8, 9)),
    ]  # fmt: skip
    assert reading.tokens_of("a ZOO") == (6, 7, 8, 9)
    assert reading.without("cats") == "Two , a zoo"
    with pytest.raises(PlainError, match="Its words are: Two, cats, a, zoo"):
        reading.tokens_of("dog")


def test_what_lies_beyond_the_text_encoders_reach_is_named(sd):
    reading = sd.read("a red cat on a background " * 4)
    assert reading.words[-1].tokens == () and reading.unread.endswith("a red cat on a background ")
    with pytest.raises(PlainError, match="beyond the end"):
        sd.read("a cat on a cat on a cat on a cat on a cat on a dog").tokens_of("dog")


def test_words_beyond_the_reach_are_listed(sd):
    """Captions that differ in them only paint the same picture."""
    read = "a cat " * 6 + "on a"  # 14 words, a token each
    assert sd.unread(read) == () == sd.unread("")
    assert sd.unread(f"{read}, apple") == ("apple",) and sd.unread(f"{read} two dog. apple") == ("two", "dog", "apple")
    assert sd.unread("a cat " * 6 + "on zoo") == ("zoo",)  # three tokens, one is read
    one, other = (paint(sd, Plan(f"{read} {word}", steps=1)) for word in ("two apple", "two tree"))
    np.testing.assert_array_equal(one, other)


def test_a_caption_is_read_by_the_tokenizers_file_alone():
    from engines.pictures import captions
    from engines.pictures.painter import MODELS

    caption = "two apples, a sign that says OPEN and a lemon's hat " * 3
    painter = diffusion.load()
    assert captions.read_by(MODELS / "painter", caption) == painter.read(caption)
    assert captions.read_by(MODELS / "painter", caption).unread_words == painter.unread(caption) != ()
    with pytest.raises(PlainError, match="tokenizer is not on this machine"):
        captions.read_by(MODELS / "nowhere", caption)


@pytest.mark.parametrize("word", ["cats", "cats,", " “cats”. ", "(Cats)", "cats, a zoo!"])
def test_a_word_is_found_with_punctuation_around_it(sd, word):
    reading = sd.read("Two cats, a zoo")
    assert reading.tokens_of(word)[:3] == (2, 3, 4)


def test_offsets_are_found_for_tokenizers_that_do_not_keep_them(sd):
    from engines.pictures.captions import find_offsets

    caption = "Two cats, a  zoo"
    ids = sd.pipeline.tokenizer(caption).input_ids
    found = find_offsets(sd.pipeline.tokenizer.convert_ids_to_tokens(ids), caption)
    assert found == list(map(tuple, sd.pipeline.tokenizer(caption, return_offsets_mapping=True).offset_mapping))


@pytest.mark.parametrize("family", ["sd", "xl"])
def test_recording_attention_changes_nothing(request, family):
    painter = request.getfixturevalue(family)
    plan = {"caption": CAPTION, "seeds": (1, 2), "steps": 3}
    quiet, heard = (list(denoise(painter, Plan(**plan, record_attention=on))) for on in (False, True))
    np.testing.assert_array_equal(quiet[-1].latent, heard[-1].latent)
    assert quiet[0].attention is None
    maps = heard[0].attention
    assert maps.words[0] == ("a", "red", "cat", "on", "a", "blue", "background")
    assert {size: array.shape for size, array in maps.maps.items()} == {(8, 8): (2, 7, 8, 8), (4, 4): (2, 7, 4, 4)}
    assert maps.heat(0, 1, 64, 48).shape == (64, 48)


def test_recorded_attention_is_the_softmax_of_queries_and_keys(sd):
    """All words and the special tokens together take all of every patch's attention."""
    from engines.pictures.cross_attention import Tap

    plan = Plan(CAPTION, steps=1)
    given = sd.condition((CAPTION,), "", two_branches=True, size=(64, 64), scales=(1.0,))
    latent = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    tap = Tap(plan.rows, record=True)
    with torch.no_grad(), tap.open():
        sd.unet(latent, 500, **given)
    for layers in tap.heard.values():
        for heard in layers:
            torch.testing.assert_close(heard.sum(dim=1), torch.ones_like(heard[:, 0]))


def test_writing_attention_out_by_hand_equals_the_library(sd):
    neutral = (WordWeight("red", 1.0),)
    by_hand = list(denoise(sd, Plan(CAPTION, steps=3, word_weights=neutral)))[-1].latent
    np.testing.assert_allclose(by_hand, list(denoise(sd, Plan(CAPTION, steps=3)))[-1].latent, atol=1e-4)


def test_a_word_can_be_weighed_and_hidden(sd):
    plain = list(denoise(sd, Plan(CAPTION, steps=2, record_attention=True)))
    heavy = list(denoise(sd, Plan(CAPTION, steps=2, record_attention=True, word_weights=(WordWeight("red", 4),))))
    hidden = KnockOut("red", 0, 0, how="attention")
    blind = list(denoise(sd, Plan(CAPTION, steps=2, record_attention=True, knock_out=(hidden,))))
    assert not np.array_equal(heavy[-1].latent, plain[-1].latent)
    first, size = 1, (8, 8)
    assert heavy[0].attention.maps[size][0, first].mean() > 2 * plain[0].attention.maps[size][0, first].mean()
    assert blind[0].attention.maps[size][0, first].max() == 0
    assert blind[1].attention.maps[size][0, first].min() > 0


def test_knocking_a_word_out_reads_the_caption_without_it(sd):
    passes = list(denoise(sd, Plan(CAPTION, steps=3, knock_out=(KnockOut("red", 0, 1),))))
    assert [step.captions for step in passes] == [("a cat on a blue background",)] * 2 + [(CAPTION,)]
    always = paint(sd, Plan(CAPTION, steps=3, knock_out=(KnockOut("red"),)))
    same_pictures(always, paint(sd, Plan("a cat on a blue background", steps=3)))


def test_swapping_before_the_first_pass_is_another_caption(sd):
    swapped = Plan(CAPTION, seeds=(1, 2), steps=3, swap=Swap(0, "two dogs"))
    same_pictures(paint(sd, swapped), paint(sd, Plan("two dogs", seeds=(1, 2), steps=3)))
    later = list(denoise(sd, Plan(CAPTION, steps=3, swap=Swap(2, "two dogs"))))
    plain = list(denoise(sd, Plan(CAPTION, steps=3)))
    np.testing.assert_array_equal(later[1].latent, plain[1].latent)
    assert not np.array_equal(later[2].latent, plain[2].latent)


def test_holding_the_layout_copies_attention_for_shared_and_replaced_words(sd):
    captions = ("a red cat on a tree", "a red dog on a tree")
    plan = Plan(captions, seeds=(3,), steps=2, record_attention=True, hold_layout=HoldLayout(1))
    held, free = denoise(sd, plan)
    maps = held.attention.maps[8, 8]
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-6)
    assert not np.allclose(*free.attention.maps[8, 8])
    alone = list(denoise(sd, Plan(captions[0], seeds=(3,), steps=2)))[-1].latent[0]
    np.testing.assert_allclose(free.latent[0], alone, atol=1e-4)
    own = Plan(captions, seeds=(3,), steps=2, hold_layout=HoldLayout(2, self_passes=2))
    assert not np.array_equal(list(denoise(sd, own))[-1].latent[1], free.latent[1])


def test_alignment_spreads_a_replaced_word_and_leaves_new_words_alone():
    from engines.pictures.cross_attention import align

    source = [("a", (1,)), ("cat", (2,)), ("tree", (3,))]
    target = [("a", (1,)), ("zebra", (2, 3)), ("tree", (4,)), ("red", (5,))]
    mix, held = align(source, target, 8)
    assert mix[1, 1] == 1 and mix[2, 2] == mix[2, 3] == 0.5 and mix[3, 4] == 1
    assert held.tolist() == [True, True, True, True, True, False, True, True]


def test_blending_two_captions(sd):
    walk = Plan(CAPTION, steps=2, blend=Blend("two dogs", (0.0, 0.5, 1.0)))
    latents = list(denoise(sd, walk))[-1].latent
    for row, caption in ((0, CAPTION), (2, "two dogs")):
        alone = list(denoise(sd, Plan(caption, steps=2)))[-1].latent[0]
        np.testing.assert_allclose(latents[row], alone, atol=1e-4)


# --- the canvas ---------------------------------------------------------------------------------------------


def start_of(painter: Painter, **settings) -> np.ndarray:
    return next(denoise(painter, Plan(CAPTION, steps=2, **settings))).latent_before


def test_start_noise_perturbed_between_and_given(sd):
    own, other = start_of(sd, seeds=(1,)), start_of(sd, seeds=(2,))
    half = start_of(sd, seeds=(1,), start=Perturbed((0.0, 0.6, 1.0), seed=2))
    np.testing.assert_allclose(half, [own[0], 0.8 * own[0] + 0.6 * other[0], other[0]], atol=1e-6)
    walk = start_of(sd, seeds=(1,), start=Between(2, (0.0, 0.5, 1.0)))
    np.testing.assert_allclose(walk[[0, 2]], [own[0], other[0]], atol=1e-5)
    assert np.linalg.norm(walk[1]) > 0.95 * min(np.linalg.norm(own), np.linalg.norm(other))
    np.testing.assert_array_equal(start_of(sd, seeds=(1, 5), start=GivenNoise(own)), np.concatenate([own, own]))


def test_a_poke_changes_only_its_region(sd):
    plain = list(denoise(sd, Plan(CAPTION, steps=3)))
    for kind, value in (("noise", 0.0), ("zero", 0.0), ("value", 2.0)):
        poke = Poke(1, (0.5, 0, 1, 0.25), kind, value)
        poked = list(denoise(sd, Plan(CAPTION, steps=3, pokes=(poke,))))
        changed = poked[1].latent_before != plain[1].latent_before
        assert changed[:, :, :2, 4:].all() and changed.sum() == 4 * 2 * 4
        np.testing.assert_array_equal(poked[0].latent, plain[0].latent)
    assert (list(denoise(sd, Plan(CAPTION, steps=3, pokes=(poke,))))[1].latent_before[:, :, :2, 4:] == 2).all()


def test_freezing_keeps_the_original_outside_the_repainted_region(sd):
    original = list(denoise(sd, Plan(CAPTION, steps=2)))[-1].latent[0]
    repaint = np.zeros((8, 8), bool)
    repaint[:, :4] = True
    passes = list(denoise(sd, Plan("two dogs", seeds=(9,), steps=3, freeze=Freeze(original, repaint))))
    np.testing.assert_array_equal(passes[-1].latent[0, :, :, 4:], original[:, :, 4:])
    assert not np.array_equal(passes[-1].latent[0, :, :, :4], original[:, :, :4])
    kept = passes[0].latent[0, :, :, 4:] - passes[1].alpha * original[:, :, 4:]
    np.testing.assert_allclose(kept, passes[1].sigma * passes[0].latent_before[0, :, :, 4:], atol=1e-5)
    picture = sd.decode(original[None])[0]
    assert paint(sd, Plan("two dogs", steps=2, freeze=Freeze(picture, repaint))).shape == (1, 64, 64, 3)


def test_other_sizes_than_the_painters_own(sd, xl):
    for painter in (sd, xl):
        (step,) = denoise(painter, Plan(CAPTION, steps=1, height=64, width=96, record_attention=True))
        assert step.pictures.shape == (1, 64, 96, 3)
        assert (8, 12) in step.attention.maps


def test_one_shot_guesses(sd):
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    guesses = noising(sd, picture, timesteps=(0, 500, 999), seed=4, caption=CAPTION, guidance_scale=3.0)
    assert [guess.timestep for guess in guesses] == [0, 500, 999]
    clean = sd.encode(picture[None])[0]
    for guess in guesses:
        assert guess.alpha**2 + guess.sigma**2 == pytest.approx(1)
        np.testing.assert_allclose(guess.noisy_latent, guess.alpha * clean + guess.sigma * guess.noise, atol=1e-5)
        rebuilt = guess.alpha * guess.predicted_clean + guess.sigma * guess.predicted_noise
        np.testing.assert_allclose(rebuilt, guess.noisy_latent, atol=1e-4)
    assert guesses[0].noisy_psnr == pytest.approx(guesses[0].ceiling_psnr, abs=1)
    (alone,) = noising(sd, picture, timesteps=(500,), seed=4, caption=CAPTION, guidance_scale=3.0)
    np.testing.assert_allclose(alone.predicted_clean, guesses[1].predicted_clean, atol=1e-4)


# --- refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"caption": "x" * 401}, "401 characters"),
        ({"steps": 0}, "from 1 to 100"),
        ({"steps": 2.5}, "whole number"),
        ({"steps": 101}, "from 1 to 100"),
        ({"guidance_scale": 31}, "from 0 to 30"),
        ({"guidance_scale": float("nan")}, "from 0 to 30"),
        ({"seeds": (-1,)}, "A seed"),
        ({"seeds": tuple(range(17))}, "At most 16"),
        ({"seeds": ()}, "at least one"),
        ({"seeds": (1, 2), "guidance_scale": (1.0, 2.0, 3.0)}, "one each"),
        ({"width": 5000}, "height and width"),
        ({"caption": 5}, "must be text"),
        ({"caption": "a cat \ud800"}, "half a character"),
        ({"steps": 10**400}, "more than twenty digits"),
        ({"seeds": (10**400,)}, "more than twenty digits"),
    ],
)
def test_plans_out_of_bounds_are_refused_in_plain_words(settings, message):
    with pytest.raises(PlainError, match=message):
        Plan(**({"caption": CAPTION} | settings))


def test_whole_numbers_may_come_as_floats(sd):
    """JSON has one kind of number."""
    floats, wholes = Plan(CAPTION, (3.0,), steps=2.0), Plan(CAPTION, (3,), steps=2)  # type: ignore[arg-type]
    same_pictures(paint(sd, floats), paint(sd, wholes))
    picture = np.zeros((64, 64, 3), np.uint8)
    (guess,) = noising(sd, picture, timesteps=(500.0,), seed=4.0, caption=CAPTION)  # type: ignore[arg-type]
    assert guess.timestep == 500


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"width": 60}, "multiple of 8"),
        ({"width": 512}, "multiple of 8 from 16 to 128"),
        ({"swap": Swap(9, "a dog")}, "swap is at pass 10"),
        ({"knock_out": (KnockOut("zebra"),)}, "not in the caption"),
        ({"word_weights": (WordWeight("zebra", 2),)}, "not in the caption"),
        ({"start": GivenNoise(np.zeros((4, 4, 4)))}, "must have the shape"),
        ({"start": FromPicture(np.zeros((64, 64, 3), np.uint8), 0.1)}, "leaves no pass"),
    ],
)
def test_plans_the_painter_cannot_follow_are_refused(sd, settings, message):
    with pytest.raises(PlainError, match=message):
        paint(sd, Plan(CAPTION, steps=3, **settings))


def test_missing_and_foreign_models_are_refused(tmp_path):
    with pytest.raises(PlainError, match="no model_index.json"):
        diffusion.load(tmp_path)


def test_a_plan_tells_its_settings_as_json_values():
    import json

    noise = GivenNoise(np.zeros((4, 8, 8), np.float32))
    settings = Plan(CAPTION, seeds=(3,), steps=9, swap=Swap(2, "a dog"), start=noise).settings()
    assert json.loads(json.dumps(settings)) == settings
    assert settings["seeds"] == [3] and settings["swap"] == {"kind": "Swap", "at": 2, "caption": "a dog"}
    assert settings["start"]["latent"]["shape"] == [4, 8, 8] and "guidance_scale" not in settings


def test_distilled_painters_run_one_branch(sd):
    painter = Painter(sd.pipeline, name="some/sd-turbo")
    assert not painter.has_two_branches and painter.guidance_scale == 1.0
    last = list(denoise(painter, Plan(CAPTION, steps=1, guidance_scale=7.5)))[-1]
    assert last.noise_unconditional is None


def test_what_works_beside_a_painter_is_made_once_and_goes_with_its_weights(tmp_path):
    """The tile writer held its painter, and what remembered it for the painter held it for ever."""

    class Beside:
        def __init__(self):
            self.painter = painter

    painter = diffusion.load(tiny_painters.save_sd(tmp_path / "sd"))
    beside = painter.companion("one", Beside)
    assert painter.companion("one", Beside) is beside is not painter.companion("other", Beside)
    left = weakref.ref(beside)
    del beside
    painter.close()
    gc.collect()
    assert left() is None
