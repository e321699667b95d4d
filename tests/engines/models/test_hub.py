"""What is asked of the Hub before a download, against a made-up client; and its cache, laid out on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import huggingface_hub
import pytest
from huggingface_hub.errors import GatedRepoError

from engines.evidence import PlainError
from engines.models import catalogue, hardware, hub, memory, settings, shelf, weights, wheels
from engines.models.catalogue import Hub
from tests.engines import tiny_painters, tiny_text
from tests.engines.hub_cache import COMMIT, lay_out

GB = 1_000_000_000
PIPELINE = {
    "README.md": 10_000,
    "model_index.json": 500,
    "v1-5-pruned.ckpt": 7 * GB,
    "v1-5-pruned.safetensors": 7 * GB,
    "scheduler/scheduler_config.json": 300,
    "tokenizer/vocab.json": 1_000_000,
    "tokenizer/merges.txt": 500_000,
    "text_encoder/config.json": 500,
    "text_encoder/model.safetensors": GB // 2,
    "text_encoder/model.fp16.safetensors": GB // 4,
    "text_encoder/pytorch_model.bin": GB // 2,
    "unet/config.json": 500,
    "unet/diffusion_pytorch_model.safetensors": 34 * GB // 10,
    "unet/diffusion_pytorch_model.fp16.safetensors": 17 * GB // 10,
    "unet/diffusion_pytorch_model.non_ema.safetensors": 34 * GB // 10,
    "unet/modeling.py": 5_000,
    "vae/config.json": 500,
    "vae/diffusion_pytorch_model.safetensors": 3 * GB // 10,
    "safety_checker/config.json": 500,
    "safety_checker/model.safetensors": 12 * GB // 10,
}
HUB = Hub("some/painter", COMMIT)


@dataclass
class FakeApi:
    """As much of HfApi as a survey asks; ``asked`` counts the calls."""

    files: dict[str, int]
    gated: bool = False
    total: int | None = None
    parameters: int = 850_000_000
    asked: list[str] = field(default_factory=list)

    def __call__(self) -> FakeApi:
        return self

    def model_info(self, repository: str, **options: Any) -> Any:
        assert options["files_metadata"] and options["revision"] == COMMIT
        self.asked.append("info")
        siblings = [SimpleNamespace(rfilename=name, size=size) for name, size in self.files.items()]
        stated = SimpleNamespace(total=self.total) if self.total else None
        return SimpleNamespace(siblings=siblings, sha=COMMIT, gated=self.gated, safetensors=stated)

    def auth_check(self, repository: str) -> None:
        raise GatedRepoError("403", response=httpx.Response(403, request=httpx.Request("GET", "http://hub")))

    def parse_safetensors_file_metadata(self, repository: str, name: str, **options: Any) -> Any:
        self.asked.append(name)
        return SimpleNamespace(parameter_count={"F32": self.parameters})


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(settings.CACHE.name, str(tmp_path / "playground-cache"))


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*wheels.OFFLINE_VARIABLES, settings.OFFLINE.name, settings.DOWNLOAD.name):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(hub, "_agreed", {})


def use(monkeypatch: pytest.MonkeyPatch, api: FakeApi) -> FakeApi:
    monkeypatch.setattr(huggingface_hub, "HfApi", api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", no_download)
    return api


def no_download(*_: object, **options: Any) -> str:
    if options.get("local_files_only"):
        raise huggingface_hub.errors.LocalEntryNotFoundError("not here")
    raise AssertionError("a download began")


# --- what is fetched --------------------------------------------------------------------------------------


def test_only_safetensors_and_configuration_of_the_parts_are_fetched() -> None:
    chosen = hub.wanted(PIPELINE, "pictures")
    assert "unet/diffusion_pytorch_model.safetensors" in chosen and "tokenizer/merges.txt" in chosen
    for left in ("v1-5-pruned.ckpt", "v1-5-pruned.safetensors", "unet/modeling.py", "text_encoder/pytorch_model.bin"):
        assert left not in chosen
    assert not any("fp16" in name or "non_ema" in name or name.endswith((".py", ".bin", ".ckpt")) for name in chosen)


def test_half_precision_is_taken_where_there_is_one() -> None:
    chosen = hub.wanted(PIPELINE, "pictures", half=True)
    assert "unet/diffusion_pytorch_model.fp16.safetensors" in chosen
    assert "unet/diffusion_pytorch_model.safetensors" not in chosen
    assert "vae/diffusion_pytorch_model.safetensors" in chosen, "it comes in full precision only"


def test_the_checker_is_left_when_safety_is_off() -> None:
    assert not any(name.startswith("safety_checker/") for name in hub.wanted(PIPELINE, "pictures", checker=False))


def test_shards_and_variants_of_a_language_model() -> None:
    files = {
        "config.json": 1, "tokenizer.json": 1, "model-00001-of-00002.safetensors": 5,
        "model-00002-of-00002.safetensors": 5, "model.safetensors.index.json": 1, "model.fp16.safetensors": 5,
        "consolidated.safetensors": 10, "onnx/model.onnx": 9, "modeling_x.py": 1, "pytorch_model.bin": 10,
    }  # fmt: skip
    assert sorted(hub.wanted(files, "text")) == [
        "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json", "tokenizer.json",
    ]  # fmt: skip


# --- before gigabytes move ----------------------------------------------------------------------------------


def test_a_survey_counts_bytes_and_numbers(online: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeApi(PIPELINE))
    found = hub.survey(HUB, "pictures")
    assert found.commit == COMMIT and 5.3 * GB < found.size < 5.5 * GB
    assert found.numbers == 4 * 850_000_000, "from the headers of four weight files"
    halved = hub.survey(HUB, "pictures", half=True)
    assert halved.size < found.size


def test_a_large_download_waits_for_a_yes(online: None, monkeypatch: pytest.MonkeyPatch) -> None:
    api = use(monkeypatch, FakeApi(PIPELINE, parameters=10_000_000))
    entry = catalogue.by_name(f"some/painter@{COMMIT}", "pictures")
    with pytest.raises(
        hub.NeedsAgreement, match=r"download of 5\.4 GB, and nothing of it has been fetched.*Start page"
    ):
        weights.ensure(entry)
    assert "info" in api.asked
    monkeypatch.setattr(hub.cache, "check_room", lambda *_: None)
    hub.agree("some/painter", COMMIT)
    with pytest.raises(PlainError, match="AssertionError"):
        weights.ensure(entry)
    monkeypatch.setattr(hub, "_agreed", {})
    monkeypatch.setenv(settings.DOWNLOAD.name, "yes")
    with pytest.raises(PlainError, match="AssertionError"):
        weights.ensure(entry)


def test_a_yes_is_to_the_commit_whose_size_was_shown(online: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A yes to a repository once held for whatever its main became."""
    moved = "b" * 40

    class Moving(FakeApi):
        def model_info(self, repository: str, **options: Any) -> Any:
            revision = options["revision"]
            info = super().model_info(repository, **options | {"revision": COMMIT})
            info.sha = revision or moved
            return info

    use(monkeypatch, Moving(PIPELINE, parameters=10_000_000))
    bare = Hub("some/painter", None)
    shown = hub.survey(bare, "pictures")
    assert shown.commit == moved and not hub.agreed(shown)
    hub.agree("some/painter", COMMIT)
    assert not hub.agreed(shown), "the yes was to another commit"
    again = hub.survey(bare, "pictures")
    assert again.commit == COMMIT and hub.agreed(again), "what was agreed to is what is fetched"


def test_the_console_asks_before_a_large_prefetch(
    online: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, FakeApi(PIPELINE, parameters=10_000_000))
    entry = catalogue.by_name(f"some/painter@{COMMIT}", "pictures")
    monkeypatch.setattr(weights, "_needed", lambda: [("Painter", entry)])
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    fetched: list[str] = []
    monkeypatch.setattr(hub, "fetch", lambda source, *_: fetched.append(source.repository))
    assert weights.main(["--prefetch"]) == 1
    assert "download of 5.4 GB" in (said := capsys.readouterr().err) and "Add --yes" in said and fetched == []
    assert weights.main(["--prefetch", "--yes"]) == 1, "the made-up download leaves nothing to load"
    assert fetched == ["some/painter"]


def test_what_this_machine_cannot_hold_is_refused_before_the_question(
    online: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, FakeApi({"config.json": 9, "model.safetensors": 140 * GB}, total=70 * GB))
    monkeypatch.setattr(hardware, "free_bytes", lambda on=None: 16 * GB)
    monkeypatch.setattr(shelf, "held_bytes", lambda role: 0)
    with pytest.raises(PlainError, match=r"needs about 4\d\d\.\d GB.*has 16\.0 GB free. Choose a smaller model"):
        weights.ensure(catalogue.by_name(f"some/giant@{COMMIT}", "text"))


def test_too_little_disk_is_said_before_the_download(online: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeApi(PIPELINE, parameters=10_000_000))
    monkeypatch.setattr(hub.cache, "free_bytes", lambda where=None: GB)
    hub.agree("some/painter", COMMIT)
    with pytest.raises(PlainError, match="MB of free disk"):
        weights.ensure(catalogue.by_name(f"some/painter@{COMMIT}", "pictures"))


def test_a_gated_model_says_so_before_the_download(online: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeApi(PIPELINE, gated=True))
    with pytest.raises(PlainError, match="accept its licence first. Accept it on the model's page, set HF_TOKEN"):
        hub.survey(HUB, "pictures")


@pytest.mark.parametrize(
    ("files", "role", "words"),
    [
        ({"config.json": 1, "pytorch_model.bin": GB}, "text", "no .safetensors file"),
        ({"config.json": 1, "model.safetensors": GB}, "pictures", "no .safetensors file"),
        ({"unet/diffusion_pytorch_model.safetensors": GB}, "pictures", "no diffusers pipeline"),
    ],
)
def test_what_could_not_be_loaded_is_not_fetched(
    online: None, monkeypatch: pytest.MonkeyPatch, files: dict[str, int], role: catalogue.Role, words: str
) -> None:
    use(monkeypatch, FakeApi(files))
    with pytest.raises(PlainError, match=words):
        hub.survey(HUB, role)


def test_working_offline_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    api = use(monkeypatch, FakeApi(PIPELINE))
    with pytest.raises(PlainError, match="no answer from the Hugging Face Hub .working offline"):
        weights.ensure(catalogue.by_name(f"some/painter@{COMMIT}", "pictures"))
    assert api.asked == []


# --- the client's cache ---------------------------------------------------------------------------------------


def test_a_pipeline_in_the_cache_is_found_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tiny_painters.save_sd(tmp_path / "made")
    snapshot = lay_out(monkeypatch, tmp_path / "cache", "some/painter", folder)
    assert hub.snapshot(Hub("some/painter", None), "pictures") == snapshot
    assert hub.snapshot(Hub("some/painter", COMMIT), "pictures") == snapshot
    assert hub.snapshot(Hub("some/other", None), "pictures") is None
    (snapshot / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    assert hub.snapshot(Hub("some/painter", None), "pictures") is None


def test_a_language_model_in_the_cache_needs_all_its_shards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = tmp_path / "made"
    tiny_text.network_model("llama").save_pretrained(made, max_shard_size="100KB")
    tiny_text.tokenizer().save_pretrained(made)
    snapshot = lay_out(monkeypatch, tmp_path / "cache", "some/model", made)
    assert len(list(snapshot.glob("model-*-of-*.safetensors"))) > 1
    assert hub.snapshot(Hub("some/model", None), "text") == snapshot
    next(iter(snapshot.glob("model-00002-of-*.safetensors"))).unlink()
    assert hub.snapshot(Hub("some/model", None), "text") is None


def test_numbers_are_counted_from_headers(tmp_path: Path) -> None:
    folder = Path(tiny_text.saved("gpt2", tmp_path / "model"))
    model = tiny_text.network_model("gpt2")
    tied = sum(parameter.numel() for parameter in model.parameters())
    assert hardware.numbers_in(folder) == tied


def test_offloading_still_needs_main_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "precision", lambda on=None: "float16")
    monkeypatch.setattr(memory, "available", lambda: 32 * GB)
    assert hardware.check_fits("X", 5 * GB, on="cuda", memory=8 * GB).offload
    with pytest.raises(PlainError, match="X needs about 40.0 GB.*This machine has 32.0 GB free"):
        hardware.check_fits("X", 20 * GB, on="cuda", memory=8 * GB)
    with pytest.raises(PlainError, match="The card has 8.0 GB free"):
        hardware.check_fits("X", 5 * GB, on="cuda", memory=8 * GB, in_parts=False)
