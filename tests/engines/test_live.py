"""Studio and custom models through the calls a teacher's server makes: true classes, saved and loaded, and switched."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny, DiffusionPipeline
from transformers import AutoModelForCausalLM, AutoTokenizer

from engines import live
from engines.evidence import PlainError
from engines.models import catalogue, hardware, hub, settings, weights
from engines.pictures import painter, pipelines
from engines.pictures.diffusion import Plan, denoise, paint
from engines.pictures.painter import MODELS, Painter
from engines.text import language_model, opening
from engines.text.dials import Dials
from tests.engines import tiny_painters, tiny_text
from tests.engines.hub_cache import COMMIT, lay_out
from tests.engines.tiny_painters import same_pictures
from tests.lessons.common import shown

CAPTION = "a red cat on a blue background"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No choices, nothing loaded, and a hub whose cache is empty."""
    for name in (settings.PROFILE.name, settings.TEXT_MODEL.name, settings.PICTURE_MODEL.name, "PLAYGROUND_SAFETY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(catalogue, "_chosen", {})
    monkeypatch.setattr(painter.SHELF, "models", {})
    monkeypatch.setattr(language_model.SHELF, "models", {})
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "empty-cache"))
    monkeypatch.setenv(settings.CACHE.name, str(tmp_path / "playground-cache"))
    yield


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def with_scheduler(folder: Path, name: str, **changes: Any) -> Path:
    """The folder's pipeline saved with another scheduler."""
    pipeline = DiffusionPipeline.from_pretrained(folder)
    pipeline.scheduler = getattr(diffusers, name).from_config(pipeline.scheduler.config, **changes)
    pipeline.save_pretrained(folder)
    return folder


TURBO = {"timestep_spacing": "trailing"}
FAMILIES: dict[str, tuple[Callable[..., Path], dict[str, Any], str, dict[str, Any]]] = {
    "sd-1": (tiny_painters.save_sd, {}, "PNDMScheduler", {"skip_prk_steps": True}),
    "sd-2-v": (tiny_painters.save_sd, {"prediction_type": "v_prediction"}, "DDIMScheduler", {}),
    "xl": (tiny_painters.save_xl, {}, "EulerDiscreteScheduler", {}),
    "sd-few": (tiny_painters.save_sd, {}, "EulerDiscreteScheduler", TURBO),
    "xl-few": (tiny_painters.save_xl, {}, "EulerAncestralDiscreteScheduler", TURBO),
    "consistency": (tiny_painters.save_sd, {"unet_changes": {"time_cond_proj_dim": 8}}, "LCMScheduler", {}),
}


def save(family: str, folder: Path) -> Path:
    make, changes, scheduler, noise = FAMILIES[family]
    folder = with_scheduler(make(folder, **changes), scheduler, **noise)
    if family == "consistency":  # a class of its own, with the same parts
        index = folder / "model_index.json"
        index.write_text(index.read_text().replace("StableDiffusionPipeline", "LatentConsistencyModelPipeline"))
    return folder


# --- every family, from the hub's cache --------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pipeline_named_by_its_id_equals_the_stock_pipeline(
    family: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    snapshot = lay_out(monkeypatch, tmp_path / "hub", "some/painter", save(family, tmp_path / "made"))
    monkeypatch.setenv("PLAYGROUND_PROFILE", "custom")
    monkeypatch.setenv("PLAYGROUND_PICTURE_MODEL", "some/painter")
    one = live.open_painter()
    assert (
        one.revision == COMMIT
        and one.source == f"some/painter@{COMMIT}"
        and one.name == "some/painter"
        and one.screened
    )
    rule = {"sd-few": "distilled", "xl-few": "distilled", "consistency": "embedded scale"}.get(family, "two branches")
    assert one.guidance_rule == rule and one.has_two_branches == (rule == "two branches")
    assert one.prediction_type == ("v_prediction" if family == "sd-2-v" else "epsilon")
    assert one.steps == (25 if rule == "two branches" else 4)

    stock = DiffusionPipeline.from_pretrained(snapshot, use_safetensors=True)
    stock.set_progress_bar_config(disable=True)
    scale = {"two branches": 5.0, "embedded scale": 6.0, "distilled": 0.0}[rule]
    expected = stock(
        CAPTION, num_inference_steps=3, guidance_scale=scale, generator=generators(1, 2), num_images_per_prompt=2,
        output_type="latent",
    ).images.numpy()  # fmt: skip
    last = list(denoise(one, Plan(CAPTION, seeds=(1, 2), steps=3, guidance_scale=scale)))[-1]
    np.testing.assert_array_equal(last.latent, expected)
    assert (last.noise_unconditional is None) == (rule != "two branches")


@pytest.mark.parametrize(("said", "family", "rule"), [("on", "sd-few", "two branches"), ("off", "sd-1", "distilled")])
def test_a_teacher_overrules_the_guess_about_guidance(
    said: str, family: str, rule: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(settings.GUIDANCE.name, said)
    assert painter.load(save(family, tmp_path / "lightning")).guidance_rule == rule
    monkeypatch.setenv(settings.GUIDANCE.name, "maybe")
    monkeypatch.setattr(painter.SHELF, "models", {})
    with pytest.raises(PlainError, match="Set it to on or off"):
        painter.load(tmp_path / "lightning")


@pytest.mark.parametrize("kind", tiny_text.KINDS)
def test_a_language_model_named_by_its_id_equals_the_stock_model(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tiny_text.saved(kind, tmp_path / "made")
    snapshot = lay_out(monkeypatch, tmp_path / "hub", "some/model", tmp_path / "made")
    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", f"some/model@{COMMIT}")
    model = language_model.load()
    assert model.revision == COMMIT and model.name == "some/model"
    stock = AutoModelForCausalLM.from_pretrained(snapshot).eval()
    prompt = model.encode("The keys to the cabinet")
    written = [token.token_id for token in model.write(prompt, Dials(temperature=0), seed=1, max_tokens=8)]
    ids = torch.tensor([prompt.ids])
    greedy = stock.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False)
    assert written == greedy[0, ids.shape[1] :].tolist()[: len(written)]
    assert AutoTokenizer.from_pretrained(snapshot)(prompt.text).input_ids == list(prompt.ids)


def test_weights_in_half_precision_only_are_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pipeline = DiffusionPipeline.from_pretrained(tiny_painters.save_sd(tmp_path / "made")).to(dtype=torch.float16)
    pipeline.save_pretrained(tmp_path / "half", variant="fp16")
    lay_out(monkeypatch, tmp_path / "hub", "some/painter", tmp_path / "half")
    one = painter.load("some/painter")
    assert one.dtype == torch.float32, "a CPU computes in full precision"
    assert paint(one, Plan(CAPTION, steps=1)).shape == (1, 64, 64, 3)


def test_no_code_and_no_pickle_of_a_model_is_ever_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tiny_painters.save_sd(tmp_path / "sd")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(PlainError, match="could not be loaded"):
        painter.load(folder)
    for module in (pipelines, opening):
        source = inspect.getsource(module)
        assert "trust_remote_code=True" not in source and "use_safetensors=True" in source
    assert inspect.getsource(opening).count("trust_remote_code=False") == 2  # tokenizer and model


def test_a_model_that_wants_its_own_code_run_is_refused(tmp_path: Path) -> None:
    folder = Path(tiny_text.saved("llama", tmp_path / "coded"))
    (folder / "evil.py").write_text("raise AssertionError('code of a model was run')\n")
    (folder / "config.json").write_text(
        '{"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}}'
    )
    with pytest.raises(PlainError, match="could not be loaded as a language model"):
        language_model.load(str(folder))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    folder = Path(tiny_text.saved("llama", tmp_path / "cut"))
    whole = (folder / "model.safetensors").read_bytes()
    for bytes_left in (whole[:4], b"<html>not found</html>" + whole[30:], whole[:-1], whole[: len(whole) // 2]):
        (folder / "model.safetensors").write_bytes(bytes_left)
        with pytest.raises(PlainError, match="model.safetensors in 'cut' is damaged or cut short. Fetch"):
            language_model.load(str(folder))


def test_the_code_drawer_names_the_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from engines.pictures import snippets as picture_snippets

    snapshot = lay_out(monkeypatch, tmp_path / "hub", "some/painter", tiny_painters.save_sd(tmp_path / "made"))
    one = painter.load("some/painter")
    code = picture_snippets.denoising(one.source, CAPTION, seeds=(1,), steps=2, guidance_scale=3.0)
    assert "'some/painter'" in code and f"revision='{COMMIT}'" in code
    result, _, _ = shown(code.replace("'some/painter'", repr(str(snapshot))))
    ours = paint(one, Plan(CAPTION, seeds=(1,), steps=2, guidance_scale=3.0))
    same_pictures(np.asarray(result["pictures"][0]), ours[0])


def test_a_space_readies_its_models_before_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    from lessons.shell import waking

    readied: list[str] = []
    monkeypatch.setattr(live, "open_model", lambda role, progress: readied.append(role))
    waking.prepare()
    assert readied == [], "elsewhere a model loads with its first run"
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    waking.prepare()
    assert readied == ["text", "pictures"]

    def refuse(role: str, progress: object) -> None:
        raise PlainError("X is a download of 5.0 GB.")

    monkeypatch.setattr(live, "open_model", refuse)
    with pytest.raises(SystemExit, match="The Space cannot start. X is a download"):
        waking.prepare()


def test_another_kind_of_pipeline_is_refused_before_it_is_read(tmp_path: Path) -> None:
    folder = tiny_painters.save_sd(tmp_path / "flux")
    index = folder / "model_index.json"
    index.write_text(index.read_text().replace("StableDiffusionPipeline", "FluxPipeline"))
    with pytest.raises(PlainError, match="'flux' is a FluxPipeline. The playground opens Stable Diffusion 1, 2 and XL"):
        painter.load(folder)


# --- how a machine holds it -----------------------------------------------------------------------------------


def placement(**changes: bool) -> hardware.Placement:
    savings = {"slice_attention": False, "tile_autoencoder": False, "offload": False} | changes
    return hardware.Placement("cpu", "float32", 1, 1, **savings)


def test_savings_change_no_picture_by_more_than_rounding(tmp_path: Path) -> None:
    folder = tiny_painters.save_sd(tmp_path / "sd")
    plan = Plan(CAPTION, seeds=(1, 2), steps=2, record_attention=True)
    plain = list(denoise(painter.load(folder), plan))[-1]
    pipeline = DiffusionPipeline.from_pretrained(folder)
    pipelines.settle(pipeline, placement(slice_attention=True, tile_autoencoder=True))
    assert pipeline.vae.use_slicing and pipeline.vae.use_tiling
    saved = list(denoise(Painter(pipeline), plan))[-1]
    np.testing.assert_allclose(saved.latent, plain.latent, atol=1e-4)
    assert saved.attention is not None


def test_a_model_too_large_for_the_machine_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tiny_painters.save_sd(tmp_path / "large")
    monkeypatch.setattr(hardware, "free_bytes", lambda on=None: 1000)
    monkeypatch.setattr(DiffusionPipeline, "from_pretrained", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(PlainError, match="large needs about .* Choose a smaller model"):
        painter.load(folder)


def test_previews_come_from_a_tiny_autoencoder_where_one_exists(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tiny_painters.save_sd(tmp_path / "sd")
    tiny = AutoencoderTiny(
        encoder_block_out_channels=(4,) * 4, decoder_block_out_channels=(4,) * 4, num_encoder_blocks=(1,) * 4,
        num_decoder_blocks=(1,) * 4,
    )  # fmt: skip
    tiny.save_pretrained(tmp_path / "tiny")
    snapshot = lay_out(monkeypatch, tmp_path / "hub", catalogue.PREVIEWS["sd"].repository, tmp_path / "tiny")
    snapshot.rename(snapshot.parent / catalogue.PREVIEWS["sd"].revision)
    one = painter.load(folder)
    assert isinstance(one.preview, AutoencoderTiny)
    first, last = list(denoise(one, Plan(CAPTION, steps=2, previews=True)))
    with torch.no_grad():
        decoded = one.preview.decode(torch.from_numpy(first.predicted_clean)).sample
    expected = ((decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1) * 255).round().numpy()
    assert np.abs(first.previews - expected).max() <= 1
    same_pictures(last.pictures, one.decode(last.latent))  # the finished picture is the full one's


# --- which is live, and changing it ----------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    return tuple(str(tiny_painters.save_sd(tmp_path / name, seed=i)) for i, name in enumerate(("one", "two")))  # type: ignore[return-value]


def quiet(share: float, words: str) -> None:
    assert 0 <= share <= 1 and words


def test_live_says_what_plays_each_role_and_loads_nothing(monkeypatch: pytest.MonkeyPatch, two: Any) -> None:
    monkeypatch.setenv("PLAYGROUND_PICTURE_MODEL", two[0])
    text, pictures = live.live()
    assert text.name == "SmolLM2-135M-Instruct" and text.state in ("ready", "to be fetched")
    assert (pictures.name, pictures.state, pictures.facts) == ("one", "ready", ())
    assert painter.loaded() == ()
    live.open_painter()
    pictures = live.live()[1]
    assert pictures.state == "loaded" and pictures.revision
    assert (
        pictures.facts[:2] == ("64 × 64 pixels, about 25 passes", "predicts the noise")
        and "guidance can be turned" in pictures.facts[2]
    )
    assert "came without a safety checker" in pictures.facts[3]


def test_the_custom_profile_without_models_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_PROFILE", "custom")
    assert [(one.state, "PLAYGROUND_" in one.facts[0]) for one in live.live()] == [("missing", True)] * 2


def test_a_switch_unloads_before_it_loads(monkeypatch: pytest.MonkeyPatch, two: Any) -> None:
    monkeypatch.setenv("PLAYGROUND_PICTURE_MODEL", two[0])
    old = live.open_painter()
    before = paint(old, Plan(CAPTION, steps=1))
    at_load: list[int] = []
    opening = pipelines.open_pipeline

    def watch(*arguments: Any) -> pipelines.Opened:
        at_load.append(len(painter.loaded()))
        return opening(*arguments)

    monkeypatch.setattr(painter, "open_pipeline", watch)
    told: list[float] = []
    now = live.switch("pictures", two[1], lambda share, words: told.append(share))
    assert (now.name, now.state) == ("two", "loaded") and at_load == [0]
    assert told == sorted(told) and told[-1] == 1
    assert not np.array_equal(paint(live.open_painter(), Plan(CAPTION, steps=1)), before)
    live.switch("pictures", None, quiet)
    same_pictures(paint(live.open_painter(), Plan(CAPTION, steps=1)), before)


@pytest.mark.parametrize("role", live.ROLES)
def test_a_switch_beside_waiting_loads_leaves_one_model_in_memory(
    role: catalogue.Role, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Those who waited for the old model behind a switch loaded it again, beside the new one."""
    save = tiny_painters.save_sd if role == "pictures" else lambda folder: tiny_text.saved("llama", folder)
    old, new = (str(save(tmp_path / name)) for name in ("old", "new"))
    room, opening = (painter, "open_pipeline") if role == "pictures" else (language_model, "_open")
    at_once: list[int] = []
    plain = getattr(room, opening)

    def watched(*arguments: Any) -> Any:
        at_once.append(len(room.loaded()))
        return plain(*arguments)

    monkeypatch.setattr(room, opening, watched)
    for before, after in ((old, new), (new, old)):
        room.unload()
        catalogue.choose(role, before)
        waiting = [threading.Thread(target=live.open_model, args=(role,)) for _ in range(6)]
        with room.SHELF.turn:
            for thread in waiting:
                thread.start()
            time.sleep(0.2)  # they have asked which model it is, if they may, and wait for it
            live.switch(role, after, quiet)
        for thread in waiting:
            thread.join(timeout=60)
        assert [Path(one.key) for one in room.loaded()] == [Path(after).resolve()]
        assert live.open_model(role).key == room.loaded()[0].key
    assert set(at_once) == {0}, "never is one opened beside another"


def test_a_run_under_way_is_told_to_start_again(monkeypatch: pytest.MonkeyPatch, two: Any) -> None:
    monkeypatch.setenv("PLAYGROUND_PICTURE_MODEL", two[0])
    run = denoise(live.open_painter(), Plan(CAPTION, steps=5))
    next(run)
    live.switch("pictures", two[1], quiet)
    with pytest.raises(PlainError, match="switched to another model meanwhile. Start the run again"):
        next(run)


def test_language_models_switch_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second = (tiny_text.saved(kind, tmp_path / kind) for kind in ("llama", "gpt2"))
    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", first)
    model = language_model.load()
    writing = model.write(model.encode("The keys"), Dials(), seed=1, max_tokens=9)
    next(writing)
    model.attention("The keys")
    now = live.switch("text", second, quiet)
    assert (now.name, now.state) == ("gpt2", "loaded") and now.facts == (
        "3 layers of 6 heads",
        f"{len(tiny_text.tokenizer())} tokens",
    )
    with pytest.raises(PlainError, match="Start the run again"):
        next(writing)
    with pytest.raises(PlainError, match="Start the run again"):
        model.attention("The keys")
    assert language_model.load().name == "gpt2"


def test_a_switch_that_fails_leaves_the_old_model_serving(
    monkeypatch: pytest.MonkeyPatch, two: Any, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLAYGROUND_PICTURE_MODEL", two[0])
    old = live.open_painter()
    with pytest.raises(PlainError, match="neither a folder"):
        live.switch("pictures", "no such thing", quiet)
    with pytest.raises(PlainError, match=f"{tmp_path} holds no model that can be loaded"):
        live.switch("pictures", str(tmp_path), quiet)
    assert live.open_painter() is old
    broken = Path(two[1])
    (broken / "unet" / "config.json").write_text("{}")
    with pytest.raises(PlainError):
        live.switch("pictures", str(broken), quiet)
    assert live.live()[1].name == "one" and paint(live.open_painter(), Plan(CAPTION, steps=1)).any()


def test_a_download_is_surveyed_and_agreed_to_first(monkeypatch: pytest.MonkeyPatch, two: Any) -> None:
    found = hub.Survey("some/painter", COMMIT, {"unet/x.safetensors": 5_000_000_000}, 10)
    monkeypatch.setattr(weights, "look", lambda entry, source: found)
    monkeypatch.setattr(weights.hub, "_agreed", {})
    monkeypatch.setenv("PLAYGROUND_PICTURE_MODEL", two[0])
    assert live.download("pictures", two[0]) is None
    assert live.download("pictures", "some/painter") == found
    with pytest.raises(hub.NeedsAgreement, match="5.0 GB"):
        live.switch("pictures", "some/painter", quiet)
    fetched: list[str] = []
    monkeypatch.setattr(hub, "fetch", lambda source, *_: fetched.append(source.repository))
    with pytest.raises(PlainError):
        live.switch("pictures", "some/painter", quiet, agreed=COMMIT)
    assert fetched == ["some/painter"]


def test_on_zero_gpu_models_are_not_switched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    with pytest.raises(PlainError, match="placed when the Space starts"):
        live.switch("text", None, quiet)


def test_every_offer_has_a_size_or_is_here() -> None:
    for role in live.ROLES:
        assert len(live.offers(role)) >= 3


def test_a_model_that_breaks_while_loading_leaves_the_old_one(monkeypatch: pytest.MonkeyPatch, two: Any) -> None:
    monkeypatch.setenv("PLAYGROUND_PICTURE_MODEL", two[0])

    def broken(*_: Any) -> pipelines.Opened:
        raise RuntimeError("shapes do not match")

    with monkeypatch.context() as while_broken:
        while_broken.setattr(painter, "open_pipeline", broken)
        with pytest.raises(RuntimeError):
            live.switch("pictures", two[1], quiet)
    assert catalogue.chosen("pictures") is None and live.open_painter().name == "one"


def test_a_painter_with_an_autoencoder_of_its_own_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "autoencoder").symlink_to(MODELS / "autoencoder")
    own = painter.load(tiny_painters.save_sd(tmp_path / "sd"))
    assert type(own.vae).__name__ == "AutoencoderKL" and own.screened and own.guidance_scale == 7.5


def test_few_steps_are_known_by_name_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch, two: Any) -> None:
    assert painter.usual_passes(catalogue.SD_TURBO) == painter.usual_passes(catalogue.LCM_DREAMSHAPER) == 4
    assert painter.usual_passes(catalogue.SD_1_5) == painter.usual_passes(catalogue.STICKER_WORLD) == 25
