"""Models of the Hugging Face Hub: what a download would be, asked first; then the download itself.

Only files that the playground loads are fetched: safetensors, configuration and vocabularies. Code of a
repository is never fetched nor run. Before a byte of the weights moves, the Hub's metadata have said how large
they are, this machine was found to hold them, and somebody agreed to anything over :data:`ASK_ABOVE`.

The client keeps what it fetched as ``models--owner--name/snapshots/<commit>``; an id without a revision stays
at the commit that was fetched first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from engines.evidence import PlainError, Progress
from engines.models import cache, safety, settings, wheels
from engines.models.cache import megabytes
from engines.models.catalogue import Hub, Role
from engines.models.wheels import Unreachable

ASK_ABOVE = 1_000_000_000
"""Downloads of more bytes than this wait for somebody's yes."""

PARTS = (
    "scheduler", "tokenizer", "tokenizer_2", "text_encoder", "text_encoder_2", "unet", "vae", "feature_extractor",
    "safety_checker",
)  # fmt: skip
"""The folders of a pipeline that are loaded."""
_SMALL = (".json", ".jinja", ".txt", ".model")
_WEIGHTS = re.compile(r"[^.]+(?:\.(?P<variant>\w+))?(?:-\d{5}-of-\d{5})?\.safetensors")
_agreed: dict[str, str] = {}
"""The commit of each repository whose size somebody saw and said yes to."""


@dataclass(frozen=True)
class Survey:
    """A download before it starts: its files with their sizes in bytes, and how many numbers they hold."""

    repository: str
    commit: str
    files: dict[str, int]
    numbers: int

    @property
    def size(self) -> int:
        return sum(self.files.values())


class NeedsAgreement(PlainError):
    """A large download that nobody has agreed to yet."""

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        super().__init__(
            f"{survey.repository} is a download of {gigabytes(survey.size)} GB, and nothing of it has been fetched "
            "yet. Agree to it under “Models” on the Start page, run “python -m engines.models.weights --prefetch”, or "
            "set "
            f"{settings.DOWNLOAD}=yes."
        )


def agree(repository: str, commit: str) -> None:
    """Somebody saw how large this commit of a repository is, and said yes to its download."""
    _agreed[repository] = commit


def agreed(survey: Survey) -> bool:
    """Whether the download may start: it is small, was agreed to, or ``PLAYGROUND_DOWNLOAD=yes``."""
    allowed = settings.DOWNLOAD.read() == "yes"
    return survey.size <= ASK_ABOVE or allowed or _agreed.get(survey.repository) == survey.commit


def survey(hub: Hub, role: Role, *, half: bool = False, checker: bool = True) -> Survey:
    """What :func:`fetch` would download, from the Hub's metadata alone: of an id without a revision the commit that
    somebody agreed to, else today's.

    ``half`` prefers weights saved in half precision, ``checker`` includes a pipeline's safety checker. Raises
    PlainError for a repository that is missing, gated, or has no safetensors; Unreachable without a network.
    """
    if reason := wheels.why_offline():
        raise Unreachable(f"the Hugging Face Hub ({reason})")
    from huggingface_hub import HfApi

    api = HfApi()
    with errors(hub):
        revision = hub.revision or _agreed.get(hub.repository)
        info = api.model_info(hub.repository, revision=revision, files_metadata=True, timeout=wheels.PATIENCE)
        commit = str(info.sha)
        if getattr(info, "gated", False):
            api.auth_check(hub.repository)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    files = wanted(sizes, role, half=half, checker=checker)
    weights = [name for name in files if name.endswith(".safetensors")]
    if not weights or (role == "pictures" and not any(name.startswith("unet/") for name in weights)):
        raise PlainError(f"{hub.repository} has no .safetensors file, the only weight format that is loaded.")
    if "safety_checker/config.json" in files and not any(name.startswith("safety_checker/") for name in weights):
        raise PlainError(
            f"{hub.repository} has a safety checker, but not as .safetensors, the only weight format that is loaded. "
            f"Do without it by setting {settings.SAFETY}=off, or choose another model."
        )
    if role == "text" and (getattr(info, "config", None) or {}).get("quantization_config"):
        raise PlainError(
            f"{hub.repository} is saved in a quantised form that needs a runtime of its own. Choose the model's "
            "unquantised version."
        )
    if role == "pictures" and "model_index.json" not in files:
        raise PlainError(f"{hub.repository} is no diffusers pipeline: it has no model_index.json.")
    stated = getattr(getattr(info, "safetensors", None), "total", None) if role == "text" else None
    numbers = stated or sum(_numbers(api, hub, commit, name, files[name], sum(files.values())) for name in weights)
    return Survey(hub.repository, commit, files, int(numbers))


def _numbers(api: Any, hub: Hub, commit: str, name: str, size: int, total: int) -> int:
    """How many numbers a weight file holds: from its name, or from its header, read over the network."""
    if _variant(name) == "fp16" or total <= ASK_ABOVE:
        return size // 2
    try:
        header = api.parse_safetensors_file_metadata(hub.repository, name, revision=commit)
        return sum(header.parameter_count.values())
    except Exception:  # whatever went wrong, the larger guess is the safe one
        return size // 2


def wanted(sizes: dict[str, int], role: Role, *, half: bool = False, checker: bool = True) -> dict[str, int]:
    """Of a repository's files, those that are loaded."""
    if role == "text":
        return {
            name: size
            for name, size in sizes.items()
            if "/" not in name and (name.endswith(_SMALL) or (_is_weights(name) and _variant(name) is None))
        }
    chosen = {name: size for name, size in sizes.items() if name == "model_index.json"}
    for part in PARTS if checker else PARTS[:-1]:
        inside = [name for name in sizes if PurePosixPath(name).parent == PurePosixPath(part)]
        variant = _pick([_variant(name) for name in inside if _is_weights(name)], half)
        for name in inside:
            if name.endswith(_SMALL) or (_is_weights(name) and _variant(name) == variant):
                chosen[name] = sizes[name]
    return chosen


def _is_weights(name: str) -> bool:
    stem = PurePosixPath(name).name
    return _WEIGHTS.fullmatch(stem) is not None and not stem.startswith(("consolidated", "openvino"))


def _variant(name: str) -> str | None:
    """ "fp16" of model.fp16.safetensors; None of model.safetensors."""
    match = _WEIGHTS.fullmatch(PurePosixPath(name).name)
    return match["variant"] if match else None


def _pick(variants: list[str | None], half: bool) -> str | None:
    order = ["fp16", None] if half else [None, "fp16"]
    return next((variant for variant in order if variant in variants), None)


def fetch(hub: Hub, found: Survey, name: str, tell: Progress, watch: Callable[..., None]) -> None:
    """Fetch the commit that was surveyed into the client's own cache, which resumes, checks and locks by itself."""
    from huggingface_hub import snapshot_download

    cache.check_room(found.size, cache_folder())
    blobs = cache_folder() / _folder(hub.repository) / "blobs"

    def tick(waited: float) -> None:
        got = sum(file.stat().st_size for file in blobs.glob("*") if file.is_file())
        message = f"Downloading {name}: {megabytes(got)} of {megabytes(found.size)} MB"
        tell(min(0.98, got / max(found.size, 1)), message)

    def work() -> None:
        snapshot_download(
            hub.repository, revision=found.commit, allow_patterns=sorted(found.files), tqdm_class=_silent_bar()
        )

    with errors(hub):
        watch(work, tick)
        _remember(hub, found.commit)


def _remember(hub: Hub, commit: str) -> None:
    """Have the name that was asked for mean this commit from now on, as the client notes it when it fetches a name."""
    name = hub.revision or "main"
    if name != commit:
        note = cache_folder() / _folder(hub.repository) / "refs" / name
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(commit)


def snapshot(hub: Hub, role: Role) -> Path | None:
    """A complete snapshot in the client's cache, looked up without the network; None when there is none."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        path = Path(snapshot_download(hub.repository, revision=hub.revision, local_files_only=True))
    except (LocalEntryNotFoundError, FileNotFoundError):
        return None
    whole = _whole_pipeline if role == "pictures" else _whole_model
    return path if whole(path) else None


def _whole_model(path: Path) -> bool:
    if not (path / "config.json").is_file():
        return False
    indexes = list(path.glob("*.safetensors.index*.json"))
    shards = {name for index in indexes for name in json.loads(index.read_text())["weight_map"].values()}
    if shards and all((path / name).is_file() for name in shards):
        return True
    return any("-of-" not in file.name for file in path.glob("*.safetensors"))


def _whole_pipeline(path: Path) -> bool:
    index = path / "model_index.json"
    if not index.is_file():
        return False
    listed = [name for name, value in json.loads(index.read_text()).items() if isinstance(value, list) and value[0]]
    networks = [name for name in listed if name in ("unet", "vae", "text_encoder", "text_encoder_2")]
    others = [name for name in listed if name in ("scheduler", "tokenizer", "tokenizer_2")]
    if safety.wanted() and lists_checker(path):
        networks.append("safety_checker")
    return all(_whole_model(path / name) for name in networks) and all((path / name).is_dir() for name in others)


def lists_checker(path: Path) -> bool:
    """Whether a pipeline's index names a safety checker."""
    stated = json.loads((path / "model_index.json").read_text()).get("safety_checker")
    return isinstance(stated, list) and bool(stated[0])


def cache_folder() -> Path:
    """Where the client keeps its snapshots."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _folder(repository: str) -> str:
    return f"models--{repository.replace('/', '--')}"


@contextmanager
def errors(hub: Hub) -> Iterator[None]:
    """Turn what the client raises into words that say what to do."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        yield
    except PlainError:
        raise
    except GatedRepoError as error:
        raise PlainError(
            f"{hub.repository} asks you to accept its licence first. Accept it on the model's page, set "
            "HF_TOKEN to your access token and start again."
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        wanted_name = f"{hub.repository} at {hub.revision}" if hub.revision else hub.repository
        raise PlainError(
            f"The Hugging Face Hub has no {wanted_name}. Check the spelling; a private model needs HF_TOKEN."
        ) from error
    except Exception as error:  # the client lets the errors of its HTTP library through
        cache.raise_if_disk(error)
        raise Unreachable(f"the Hugging Face Hub ({type(error).__name__})") from error


def _silent_bar() -> type:
    from tqdm.auto import tqdm

    class Silent(tqdm):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **{**settings, "disable": True})

    return Silent


def gigabytes(size: float) -> str:
    """``size`` bytes as gigabytes for a sentence."""
    return f"{size / 1e9:.1f}"
