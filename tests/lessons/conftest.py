"""What the picture lessons' tests share: a tiny painter of the true class, served as the playground's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch

from engines.pictures import diffusion
from lessons.shell import waking
from tests.engines import tiny_painters


@pytest.fixture(scope="package", autouse=True)
def one_thread():
    """Tiny models run faster on one thread, and the same on every machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package")
def painter(tmp_path_factory):
    return diffusion.load(tiny_painters.save_sd(tmp_path_factory.mktemp("lessons") / "sd"))


@pytest.fixture
def served(painter, monkeypatch):
    monkeypatch.setattr(waking, "open_painter", lambda progress=None: painter)
    return painter


@pytest.fixture(scope="package")
def turbo(tmp_path_factory):
    return diffusion.load(tiny_painters.save_sd(tmp_path_factory.mktemp("lessons") / "sd-turbo"))


FAMILIES: dict[str, tuple[Any, dict[str, Any], str, dict[str, Any]]] = {
    "sd": (tiny_painters.save_sd, {}, "DDIMScheduler", {}),
    "pndm": (tiny_painters.save_sd, {}, "PNDMScheduler", {"skip_prk_steps": True}),
    "euler": (tiny_painters.save_sd, {}, "EulerDiscreteScheduler", {}),
    "solver": (tiny_painters.save_sd, {}, "DPMSolverMultistepScheduler", {}),
    "v": (tiny_painters.save_sd, {"prediction_type": "v_prediction"}, "DDIMScheduler", {}),
    "v-zero": (
        tiny_painters.save_sd,
        {"prediction_type": "v_prediction"},
        "DDIMScheduler",
        {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"},
    ),
    "xl": (tiny_painters.save_xl, {}, "EulerDiscreteScheduler", {}),
    "xl-turbo": (tiny_painters.save_xl, {}, "EulerAncestralDiscreteScheduler", {"timestep_spacing": "trailing"}),
    "consistency": (tiny_painters.save_sd, {"unet_changes": {"time_cond_proj_dim": 8}}, "LCMScheduler", {}),
}
"""Painters as they come: the class of the pipeline, and the scheduler it is published with."""


def save_family(name: str, folder: Path) -> Path:
    make, changes, scheduler, noise = FAMILIES[name]
    make(folder, **changes)
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder)
    pipeline.scheduler = getattr(diffusers, scheduler).from_config(pipeline.scheduler.config, **noise)
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="package")
def pndm(tmp_path_factory):
    """A painter of Stable Diffusion 1.5's own scheduler, which makes one pass more than it is asked for."""
    return diffusion.load(save_family("pndm", tmp_path_factory.mktemp("lessons") / "pndm"))


@pytest.fixture(scope="package", params=FAMILIES)
def family(request, tmp_path_factory):
    """(name, painter) of each family in turn."""
    return request.param, diffusion.load(save_family(request.param, tmp_path_factory.mktemp("lessons") / request.param))
