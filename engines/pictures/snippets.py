"""Plain diffusers code for the code drawer: what each picture view shows, without this playground.

Every function returns source text that uses public calls only and defines ``result``. ``model`` is a folder
or a Hub id; ``picture`` the path of a picture file of the painter's own size; everything is written in as
Python literals. The bundled painter's run in the root of the playground's repository, which holds ``models/``
and the one class that diffusers does not ship; the others run anywhere. Each ends by showing what it made. A
test runs each and compares it with the engine. ``xl`` is for Stable Diffusion XL-class painters, which also
read a summary of the caption and the picture's size. Short code is not right for every painter and scheduler:
:func:`for_painter` says where.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.pictures.painter import POCKET

if TYPE_CHECKING:
    from engines.pictures.painter import Painter

POCKET_AUTOENCODER = "models/autoencoder"


def denoising(
    model: str, caption: str, *, seeds: Sequence[int], steps: int, guidance_scale: float, negative_caption: str = "",
    spacing: str | None = None, changed: str = "",
) -> str:  # fmt: skip
    """``result``: dict with "latents", one array [rows, C, h, w] after each pass, and "pictures", a list.

    ``changed``: a file of U-Net weights that take the place of the model's own.
    """
    twin = f"""
from safetensors.torch import load_file

pipeline.unet.load_state_dict(load_file({changed!r}), strict=False)"""
    return f"""{load_pipeline(model, spacing)}{twin if changed else ""}
latents = []


def keep(pipeline, index, timestep, tensors):
    latents.append(tensors["latents"].numpy().copy())
    return {{}}


generators = [torch.Generator("cpu").manual_seed(seed) for seed in {list(seeds)!r}]
pictures = pipeline(
    {caption!r}, negative_prompt={negative_caption or None!r}, num_inference_steps={steps},
    guidance_scale={guidance_scale!r}, generator=generators, num_images_per_prompt={len(seeds)},
    callback_on_step_end=keep,
).images
result = {{"latents": latents, "pictures": pictures}}
for number, picture in enumerate(pictures):
    picture.save(f"picture-{{number}}.png")
"""


def from_ids(model: str, token_ids: Sequence[int], *, seeds: Sequence[int], steps: int, guidance_scale: float) -> str:
    """``result``: a list of pictures, painted from the token ids of a caption and nothing else."""
    return f"""{load_pipeline(model)}
received = torch.tensor([{list(token_ids)!r}])  # what the text encoder is given: no caption, no chat
nothing = pipeline.tokenizer("", padding="max_length", max_length=received.shape[1], return_tensors="pt").input_ids
with torch.no_grad():
    read, unread = (pipeline.text_encoder(token_ids)[0] for token_ids in (received, nothing))
result = pipeline(
    prompt_embeds=read, negative_prompt_embeds=unread, num_inference_steps={steps}, guidance_scale={guidance_scale!r},
    generator=[torch.Generator("cpu").manual_seed(seed) for seed in {list(seeds)!r}],
    num_images_per_prompt={len(seeds)},
).images
for number, picture in enumerate(result):
    picture.save(f"picture-{{number}}.png")
"""


def counting(model: str, caption: str, *, steps: int, guidance_scale: float) -> str:
    """``result``: multiply-adds of one picture, from the caption to the pixels."""
    return f"""from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
{load_pipeline(model)}
with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # it sees no fused attention
    pipeline({caption!r}, num_inference_steps={steps}, guidance_scale={guidance_scale!r})
result = counter.get_total_flops() // 2  # a multiply and an add
print(f"{{result:,}} multiply-adds")
"""


def guidance_sweep(model: str, caption: str, *, seed: int, steps: int, scales: Sequence[float]) -> str:
    """``result``: dict of guidance scale -> (picture, saturation, share of clipped colour values)."""
    return f"""{load_pipeline(model)}
result = {{}}
for scale in {list(scales)!r}:
    picture = pipeline(
        {caption!r}, num_inference_steps={steps}, guidance_scale=scale,
        generator=torch.Generator("cpu").manual_seed({seed}),
    ).images[0]
    pixels = np.asarray(picture).astype(float)
    high, low = pixels.max(-1), pixels.min(-1)
    saturation = ((high - low) / np.maximum(high, 1)).mean()
    result[scale] = picture, float(saturation), float(np.isin(pixels, (0, 255)).mean())
for scale, (picture, saturation, clipped) in result.items():
    picture.save(f"guidance-{{scale:g}}.png")
    print(f"guidance {{scale:g}}: saturation {{saturation:.3f}}, {{clipped:.1%}} of the colour values at their end")
"""


def one_by_one(model: str, captions: Sequence[str], *, seed: int, steps: int, guidance_scale: float) -> str:
    """``result``: one picture a caption, from one seed; it prints how far each is from the one before."""
    return f"""{load_pipeline(model)}
captions = {list(captions)!r}
result = [
    pipeline(
        caption, num_inference_steps={steps}, guidance_scale={guidance_scale!r},
        generator=torch.Generator("cpu").manual_seed({seed}),
    ).images[0]
    for caption in captions
]
pixels = [np.asarray(picture).astype(float) / 255 for picture in result]
for number, (caption, before, after) in enumerate(zip(captions[1:], pixels, pixels[1:]), start=1):
    result[number].save(f"words-{{number}}.png")
    print(f"{{np.abs(after - before).mean():.1%}} of change: {{caption}}")
"""


def captions_by_pass(
    model: str,
    captions: Sequence[str],
    *,
    seed: int,
    guidance_scale: float,
    steps: int | None = None,
    xl: bool = False,
) -> str:
    """``result``: the picture painted when pass k reads ``captions[k]`` (a swap, or a word knocked out).

    ``steps``: what the scheduler is asked for, where it makes another number of passes.
    """
    pooled = ', "add_text_embeds": torch.cat([embeds[3], embeds[2]])' if xl else ""
    inputs = '["prompt_embeds", "add_text_embeds"]' if xl else '["prompt_embeds"]'
    return f"""{load_pipeline(model)}
captions = {list(captions)!r}


def read(caption):
    embeds = pipeline.encode_prompt(
        caption, device=pipeline.device, num_images_per_prompt=1, do_classifier_free_guidance=True
    )
    return {{"prompt_embeds": torch.cat([embeds[1], embeds[0]]){pooled}}}


read_by_pass = [read(caption) for caption in captions]


def next_caption(pipeline, index, timestep, tensors):
    return read_by_pass[index + 1] if index + 1 < len(captions) else {{}}


result = pipeline(
    captions[0], num_inference_steps={steps or len(captions)}, guidance_scale={guidance_scale!r},
    generator=torch.Generator("cpu").manual_seed({seed}),
    callback_on_step_end=next_caption, callback_on_step_end_tensor_inputs={inputs},
).images[0]
result.save("picture.png")
"""


def word_maps(
    model: str, caption: str, *, seed: int, steps: int, guidance_scale: float, tokens: Sequence[Sequence[int]]
) -> str:
    """``result``: one dict a pass, (patches of a layer) -> array [words, patches]; ``tokens`` are each word's."""
    return f"""{load_pipeline(model)}
tokens = {[list(word) for word in tokens]!r}  # the token positions of each word
heard = []  # one dict a pass: patches in a layer -> [tokens, patches] of every layer of that size


def listen(layer, args, kwargs, output):
    query = layer.head_to_batch_dim(layer.to_q(args[0]))
    key = layer.head_to_batch_dim(layer.to_k(kwargs["encoder_hidden_states"]))
    attention = layer.get_attention_scores(query, key)[-layer.heads :].mean(0).T  # the captioned branch's heads
    heard[-1].setdefault(attention.shape[1], []).append(attention)


for name, layer in pipeline.unet.named_modules():
    if name.endswith(".attn2"):  # cross-attention
        layer.register_forward_hook(listen, with_kwargs=True)
pipeline.unet.register_forward_pre_hook(lambda unet, args: heard.append({{}}))
pipeline(
    {caption!r}, num_inference_steps={steps}, guidance_scale={guidance_scale!r},
    generator=torch.Generator("cpu").manual_seed({seed}), output_type="latent",
)
result = [
    {{
        patches: np.stack([torch.stack(layers).mean(0)[word].sum(0).numpy() for word in tokens])
        for patches, layers in sizes.items()
    }}
    for sizes in heard
]
for patches, maps in result[-1].items():
    print(f"last pass, {{patches}} patches:", "each word's share of the attention", maps.mean(1).round(3).tolist())
"""


def one_shot_guess(
    model: str,
    picture: str,
    *,
    timestep: int,
    seed: int,
    caption: str = "",
    guidance_scale: float = 1.0,
    xl: bool = False,
) -> str:
    """``result``: dict with the "noisy" picture, the "guess" from it in one pass, and the guess's "psnr" in dB."""
    added = ""
    if xl:
        added = """
size = pixels.shape[2:]
time_ids = torch.tensor([[*size, 0, 0, *size]], dtype=torch.float32).repeat(2, 1)
added = {"text_embeds": torch.cat([read[3], read[2]]), "time_ids": time_ids}"""
    given = ", added_cond_kwargs=added" if xl else ""
    return f"""{load_pipeline(model)}
{_pixels(picture)}
scale, timestep = pipeline.vae.config.scaling_factor, torch.tensor([{timestep}])
schedule = DDPMScheduler.from_config(pipeline.scheduler.config)
read = pipeline.encode_prompt(
    {caption!r}, device=pipeline.device, num_images_per_prompt=1, do_classifier_free_guidance=True
){added}
with torch.no_grad():
    clean = pipeline.vae.encode(pixels).latent_dist.mode() * scale
    noise = torch.randn(clean.shape, generator=torch.Generator("cpu").manual_seed({seed}))
    noisy = schedule.add_noise(clean, noise, timestep)
    output = pipeline.unet(
        torch.cat([noisy, noisy]), timestep, encoder_hidden_states=torch.cat([read[1], read[0]]){given}
    ).sample
    unconditional, conditional = output.chunk(2)
    output = unconditional + {guidance_scale!r} * (conditional - unconditional)
    alpha, sigma = schedule.alphas_cumprod[timestep] ** 0.5, (1 - schedule.alphas_cumprod[timestep]) ** 0.5
    if schedule.config.prediction_type == "v_prediction":
        guess = alpha * noisy - sigma * output
    else:
        guess = (noisy - sigma * output) / alpha
    decoded = pipeline.vae.decode(torch.cat([noisy, guess]) / scale).sample
pictures = pipeline.image_processor.postprocess(decoded)
error = np.asarray(pictures[1]).astype(float) - picture
result = {{"noisy": pictures[0], "guess": pictures[1], "psnr": float(10 * np.log10(255**2 / (error**2).mean()))}}
result["noisy"].save("noisy.png")
result["guess"].save("guess.png")
print(f"the guess is {{result['psnr']:.1f}} dB from the picture")
"""


def round_trip(
    model: str, picture: str, *, channel: int | None = None, how: str = "zero", seed: int = 0, donor: str = ""
) -> str:
    """``result``: dict with the "latent" [C, h, w], the "restored" picture and its "psnr".

    ``channel`` is set to zero, its cells are shuffled, or swapped with those of the picture file ``donor``.
    """
    cells = f"latent[0, {channel}]"
    operations = {
        "zero": f"\n    {cells} = 0",
        "shuffle": f"""
    shuffled = np.random.default_rng({seed}).permutation({cells}.flatten().numpy())
    {cells} = torch.from_numpy(shuffled).view_as({cells})""",
        "swap": f"""
    donor = torch.from_numpy(np.array(Image.open({donor!r}).convert("RGB"))).permute(2, 0, 1)[None] / 255 * 2 - 1
    other = pipeline.vae.encode(donor.contiguous()).latent_dist.mode() * pipeline.vae.config.scaling_factor
    {cells} = other[0, {channel}]""",
    }
    surgery = "" if channel is None else operations[how]
    return f"""{load_pipeline(model)}
{_pixels(picture)}
with torch.no_grad():
    latent = pipeline.vae.encode(pixels).latent_dist.mode() * pipeline.vae.config.scaling_factor{surgery}
    decoded = pipeline.vae.decode(latent / pipeline.vae.config.scaling_factor).sample
restored = pipeline.image_processor.postprocess(decoded)[0]
error = np.asarray(restored).astype(float) - picture
result = {{
    "latent": latent[0].numpy(),
    "restored": restored,
    "psnr": float(10 * np.log10(255**2 / (error**2).mean())),
}}
restored.save("restored.png")
print(f"{{picture.size:,}} numbers became {{latent[0].numel():,}}; {{result['psnr']:.1f}} dB from the picture")
"""


def stripes(model: str, *, width: int, offset: int, upright: bool, size: int) -> str:
    """``result``: the share of the contrast of black and white stripes that the round trip keeps."""
    turn = "" if upright else ".T"
    return f"""{load_pipeline(model)}
striped = np.tile((np.arange({size}) + {offset}) // {width} % 2, ({size}, 1)){turn}
pixels = torch.from_numpy(striped * 2.0 - 1).float().repeat(1, 3, 1, 1)
with torch.no_grad():
    decoded = pipeline.vae.decode(pipeline.vae.encode(pixels).latent_dist.mode()).sample
restored = np.asarray(pipeline.image_processor.postprocess(decoded)[0]).mean(-1) / 255
pattern = striped - striped.mean()
result = float((pattern * restored).sum() / (pattern**2).sum())
print(f"{{result:.1%}} of the contrast is left")
"""


_PLEX = """from pathlib import Path

import gradio  # it brings a font with letters that Pillow's own lacks

fonts = Path(gradio.__file__).parent / "templates" / "frontend" / "static" / "fonts"
"""


def legibility(model: str, word: str, *, font_size: int, size: int, face: str = "pillow") -> str:
    """``result``: dict with what OCR reads "before" and "after" the round trip of a drawn word.

    ``face`` is that of ``draw_text``.
    """
    font = f"ImageFont.load_default({font_size})"
    if face == "plex":
        font = f"""ImageFont.truetype(str(fonts / "IBMPlexMono" / "IBMPlexMono-Bold.woff2"), {font_size})"""
    scale = max(1, -(-256 // size))
    return f"""{_PLEX if face == "plex" else ""}from PIL import ImageDraw, ImageFont
from rapidocr import RapidOCR
{load_pipeline(model)}
font = {font}
left, top, right, bottom = font.getbbox({word!r})
drawn = Image.new("RGB", ({size}, {size}), "white")
place = (({size} - right - left) / 2, ({size} - bottom - top) / 2)
ImageDraw.Draw(drawn).text(place, {word!r}, fill="black", font=font)
pixels = torch.from_numpy(np.array(drawn)).permute(2, 0, 1)[None].contiguous() / 255 * 2 - 1
with torch.no_grad():
    decoded = pipeline.vae.decode(pipeline.vae.encode(pixels).latent_dist.mode()).sample
restored = pipeline.image_processor.postprocess(decoded)[0]
reader = RapidOCR(params={{"Global.log_level": "error", "Global.use_cls": False, "Det.limit_side_len": 256}})


def read(picture):
    large = picture.resize(({size * scale}, {size * scale}), Image.Resampling.BICUBIC)
    return " ".join(reader(np.ascontiguousarray(np.asarray(large)[..., ::-1])).txts or ())


result = {{"before": read(drawn), "after": read(restored)}}
restored.save("restored.png")
print(result)
"""


def stirred_start(
    model: str, caption: str, *, seed: int, other_seed: int, amounts: Sequence[float], steps: int, guidance_scale: float
) -> str:
    """``result``: one picture an amount of the other seed's noise stirred into the start noise."""
    return f"""{load_pipeline(model)}
size = pipeline.unet.config.sample_size
shape = (1, pipeline.unet.config.in_channels, size, size)
start, other = (torch.randn(shape, generator=torch.Generator("cpu").manual_seed(s)) for s in ({seed}, {other_seed}))
result = [
    pipeline(
        {caption!r}, num_inference_steps={steps}, guidance_scale={guidance_scale!r},
        latents=(1 - amount**2) ** 0.5 * start + amount * other,
    ).images[0]
    for amount in {list(amounts)!r}
]
for number, picture in enumerate(result):
    picture.save(f"picture-{{number}}.png")
"""


def walk_between_seeds(
    model: str,
    caption: str,
    *,
    seed: int,
    other_seed: int,
    fractions: Sequence[float],
    steps: int,
    guidance_scale: float,
) -> str:
    """``result``: one picture a fraction of the arc from one start noise to the other."""
    return f"""{load_pipeline(model)}
size = pipeline.unet.config.sample_size
shape = (1, pipeline.unet.config.in_channels, size, size)
start, goal = (torch.randn(shape, generator=torch.Generator("cpu").manual_seed(s)) for s in ({seed}, {other_seed}))
angle = torch.acos(torch.dot(start.flatten(), goal.flatten()) / (start.norm() * goal.norm()))
result = [
    pipeline(
        {caption!r}, num_inference_steps={steps}, guidance_scale={guidance_scale!r},
        latents=(torch.sin((1 - share) * angle) * start + torch.sin(share * angle) * goal) / torch.sin(angle),
    ).images[0]
    for share in {list(fractions)!r}
]
for number, picture in enumerate(result):
    picture.save(f"picture-{{number}}.png")
"""


def walk_between_captions(
    model: str, caption: str, other: str, *, seed: int, fractions: Sequence[float], steps: int, guidance_scale: float
) -> str:
    """``result``: one picture a fraction of the straight line between two captions' embeddings (SD 1.x/2.x)."""
    return f"""{load_pipeline(model)}


def read(caption):
    return pipeline.encode_prompt(caption, pipeline.device, 1, False)[0]


start, goal, nothing = read({caption!r}), read({other!r}), read("")
result = [
    pipeline(
        prompt_embeds=torch.lerp(start, goal, share), negative_prompt_embeds=nothing, num_inference_steps={steps},
        guidance_scale={guidance_scale!r}, generator=torch.Generator("cpu").manual_seed({seed}),
    ).images[0]
    for share in {list(fractions)!r}
]
for number, picture in enumerate(result):
    picture.save(f"picture-{{number}}.png")
"""


def poked(
    model: str, caption: str, *, seed: int, before: int, cells: tuple[int, int, int, int], poke_seed: int, steps: int,
    guidance_scale: float,
) -> str:  # fmt: skip
    """``result``: the picture after fresh noise in ``cells`` (left, top, right, bottom) before pass ``before`` ≥ 1."""
    left, top, right, bottom = cells
    return f"""{load_pipeline(model)}


def poke(pipeline, index, timestep, tensors):
    latents = tensors["latents"].clone()
    if index == {before - 1}:
        hole = latents[..., {top}:{bottom}, {left}:{right}]
        hole[:] = torch.randn(hole.shape[1:], generator=torch.Generator("cpu").manual_seed({poke_seed}))
    return {{"latents": latents}}


result = pipeline(
    {caption!r}, num_inference_steps={steps}, guidance_scale={guidance_scale!r},
    generator=torch.Generator("cpu").manual_seed({seed}), callback_on_step_end=poke,
).images[0]
result.save("picture.png")
"""


def repainted(
    model: str, caption: str, new_caption: str, *, seed: int, new_seed: int, cells: tuple[int, int, int, int],
    steps: int, guidance_scale: float,
) -> str:  # fmt: skip
    """``result``: a picture whose ``cells`` (left, top, right, bottom of the latent) are repainted by new words."""
    left, top, right, bottom = cells
    return f"""{load_pipeline(model)}
settings = {{"num_inference_steps": {steps}, "guidance_scale": {guidance_scale!r}}}
original = pipeline({caption!r}, generator=torch.Generator("cpu").manual_seed({seed}), **settings).images[0]
pixels = torch.from_numpy(np.array(original)).permute(2, 0, 1)[None].contiguous() / 255 * 2 - 1
with torch.no_grad():
    clean = pipeline.vae.encode(pixels).latent_dist.mode() * pipeline.vae.config.scaling_factor
noise = torch.randn(clean.shape, generator=torch.Generator("cpu").manual_seed({new_seed}))
repaint = torch.zeros(clean.shape, dtype=torch.bool)
repaint[..., {top}:{bottom}, {left}:{right}] = True
schedule = DDPMScheduler.from_config(pipeline.scheduler.config)


def put_back(pipeline, index, timestep, tensors):
    later = pipeline.scheduler.timesteps[index + 1 : index + 2]
    kept = schedule.add_noise(clean, noise, later) if len(later) else clean
    return {{"latents": torch.where(repaint, tensors["latents"], kept)}}


result = pipeline(
    {new_caption!r}, generator=torch.Generator("cpu").manual_seed({new_seed}), callback_on_step_end=put_back, **settings
).images[0]
original.save("original.png")
result.save("repainted.png")
"""


def carved(
    model: str, caption: str, *, seed: int, choices: Sequence[int], guidance_scale: float, spacing: str | None = None
) -> str:
    """``result``: dict of the number of passes -> the picture carved in them."""
    return f"""{load_pipeline(model, spacing)}
result = {{
    steps: pipeline(
        {caption!r}, num_inference_steps=steps, guidance_scale={guidance_scale!r},
        generator=torch.Generator("cpu").manual_seed({seed}),
    ).images[0]
    for steps in {list(choices)!r}
}}
for steps, picture in result.items():
    picture.save(f"{{steps}}-passes.png")
"""


# --- which painters a snippet is right for -----------------------------------------------------------------

REPEATABLE = (
    "DDIMScheduler", "PNDMScheduler", "EulerDiscreteScheduler", "HeunDiscreteScheduler", "LMSDiscreteScheduler",
    "KDPM2DiscreteScheduler", "DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler", "DEISMultistepScheduler",
    "UniPCMultistepScheduler",
)  # fmt: skip
"""Schedulers that draw no noise on the way."""


def for_painter(painter: Painter, write: Callable[..., str], *about: Any, **settings: Any) -> str:
    """The code that ``write``, a function of this module, gives for this painter; none where it would be wrong."""
    rule = _RIGHT_FOR.get(write.__name__)
    return write(painter.source, *about, **settings) if rule is None or rule(painter, settings) else ""


def _two_rows(painter: Painter, settings: Mapping[str, Any]) -> bool:
    """The library runs both branches only above guidance 1."""
    return painter.has_two_branches and settings["guidance_scale"] > 1


def _repeatable(painter: Painter, settings: Mapping[str, Any]) -> bool:
    """Given latents leave the generator elsewhere than a drawn start does, so nothing else may be drawn from it."""
    scheduler = painter.pipeline.scheduler
    return type(scheduler).__name__ in REPEATABLE and "sde" not in str(scheduler.config.get("algorithm_type"))


def _unit_variance(painter: Painter, settings: Mapping[str, Any]) -> bool:
    """The noisy latent has unit variance in every pass (Karras et al. 2022 let it grow with the noise)."""
    scheduler = painter.pipeline.scheduler
    scaled = not hasattr(scheduler, "sigmas") or hasattr(scheduler, "_sigma_to_alpha_sigma_t")
    known = painter.prediction_type not in ("flow_prediction", "edm", "edm_v")
    return scaled and known and settings["before"] >= 1


def _noised_by_timestep(painter: Painter, settings: Mapping[str, Any]) -> bool:
    """The level of noise in a pass is that of its timestep in training."""
    return not hasattr(painter.pipeline.scheduler, "sigmas") and _one_scale(painter)


def _plain_output(painter: Painter, settings: Mapping[str, Any]) -> bool:
    known = painter.prediction_type in ("epsilon", "v_prediction")
    return known and painter.guidance_rule != "embedded scale" and _one_scale(painter)


def _one_scale(painter: Painter) -> bool:
    """One factor scales all channels of a latent (some XL autoencoders state a mean and a deviation of each)."""
    return not painter.is_xl or painter.vae.config.get("latents_mean") is None


_RIGHT_FOR: dict[str, Callable[[Painter, Mapping[str, Any]], bool]] = {
    "captions_by_pass": _two_rows,
    "from_ids": lambda painter, settings: not painter.is_xl,
    "stirred_start": _repeatable,
    "walk_between_seeds": lambda painter, settings: (
        _repeatable(painter, settings) and settings["seed"] != settings["other_seed"]
    ),
    "walk_between_captions": lambda painter, settings: not painter.is_xl,
    "poked": _unit_variance,
    "repainted": _noised_by_timestep,
    "one_shot_guess": _plain_output,
    "round_trip": lambda painter, settings: _one_scale(painter),
}


# --- shared lines ------------------------------------------------------------------------------------------


def load_pipeline(model: str, spacing: str | None = None) -> str:
    """The lines that make ``pipeline``, stock diffusers around the weights of a folder or of a hub's ``id@commit``.

    ``spacing`` is that of ``Plan``.
    """
    imports = """import numpy as np
import torch
from diffusers import DDPMScheduler, DiffusionPipeline
from PIL import Image
"""
    repository, _, commit = model.rpartition("@")
    if repository and not Path(model).is_absolute():
        loaded = f"""
pipeline = DiffusionPipeline.from_pretrained(
    {repository!r}, revision={commit!r}, use_safetensors=True, dtype=torch.float32
)"""
    elif model == POCKET:
        loaded = f"""
from engines.pictures.pocket_autoencoder import PocketAutoencoder  # from the playground's repository; run it there

autoencoder = PocketAutoencoder.from_pretrained({POCKET_AUTOENCODER!r}, dtype=torch.float32)
pipeline = DiffusionPipeline.from_pretrained({POCKET!r}, vae=autoencoder, dtype=torch.float32)"""
    else:
        loaded = f"""
FOLDER = {Path(model).name!r}  # the painter's weights, wherever you keep them
pipeline = DiffusionPipeline.from_pretrained(FOLDER, dtype=torch.float32)"""
    if spacing is not None:
        loaded += f"""
pipeline.scheduler = type(pipeline.scheduler).from_config(pipeline.scheduler.config, timestep_spacing={spacing!r})"""
    return imports + loaded


def _pixels(picture: str) -> str:
    return f"""picture = np.asarray(Image.open({picture!r}).convert("RGB"))
pixels = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].contiguous() / 255 * 2 - 1"""
