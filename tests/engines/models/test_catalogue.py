"""Which model plays which role, by profile and by choice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engines.evidence import PlainError
from engines.models import catalogue, settings
from engines.models.catalogue import Folder, Hub, Wheel


@pytest.fixture(autouse=True)
def no_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (settings.PROFILE.name, settings.TEXT_MODEL.name, settings.PICTURE_MODEL.name):
        monkeypatch.delenv(name, raising=False)


def test_the_pocket_profile_is_the_default() -> None:
    assert settings.PROFILE.read() == "pocket"
    assert catalogue.text_model() is catalogue.SMOLLM2_135M


def test_a_profile_is_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_PROFILE", " Studio ")
    assert catalogue.text_model() is catalogue.SMOLLM2_1_7B
    monkeypatch.setenv("PLAYGROUND_PROFILE", "palace")
    with pytest.raises(PlainError, match="'palace'. Set it to one of: pocket, studio, custom"):
        catalogue.text_model()


def test_the_custom_profile_asks_for_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_PROFILE", "custom")
    with pytest.raises(PlainError, match="Set PLAYGROUND_TEXT_MODEL to a Hugging Face id"):
        catalogue.text_model()


def test_a_hub_id_with_and_without_a_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", "owner/Some-Model")
    entry = catalogue.text_model()
    assert entry.name == "owner/Some-Model" and entry.sources == (Hub("owner/Some-Model", None),)
    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", "owner/Some-Model@abc123")
    assert catalogue.text_model().sources == (Hub("owner/Some-Model", "abc123"),)


def test_a_catalogued_model_asked_for_by_its_id_keeps_its_pin() -> None:
    assert catalogue.by_name("HuggingFaceTB/SmolLM2-135M-Instruct") is catalogue.SMOLLM2_135M
    assert catalogue.by_name("smollm2-1.7b-instruct") is catalogue.SMOLLM2_1_7B


def test_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLAYGROUND_TEXT_MODEL", str(tmp_path))
    assert catalogue.text_model().sources == (Folder(tmp_path.resolve()),)


@pytest.mark.parametrize(
    "name",
    [
        "nonsense",
        "/no/such/folder",
        "a/b/c",
        "../x",
        "owner/model; rm",
        "owner/-x",
        "owner/a--b",
        "owner/a.git",
        f"owner/{'a' * 99}",
        "~nobody-of-this-name/x",
        "a" * 300,
        f"owner/{'a' * 300}",
        f"owner/x@{'a' * 300}",
        "/" + "a" * 300,
        "owner/mod\x00el",
        "owner/mod\x07el",
        "owner/model\n",
        "öwner/model",
    ],
)
def test_what_is_neither_folder_nor_id_is_refused(name: str) -> None:
    """Some of these names ended in an apology: the home of nobody, and what no file system takes."""
    for role in ("text", "pictures"):
        with pytest.raises(PlainError, match="neither a folder on this machine nor a Hugging Face id") as refusal:
            catalogue.by_name(name, role)  # type: ignore[arg-type]
        assert len(str(refusal.value)) < 200 and str(refusal.value).isprintable()


@pytest.mark.parametrize("name", ["", "  ", "\n"])
def test_a_name_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(PlainError, match="Name a model"):
        catalogue.by_name(name)


def test_every_catalogued_source_is_pinned_and_licensed() -> None:
    assert catalogue.known()
    for entry in catalogue.known():
        assert entry.licence and entry.sources
        assert entry.page.startswith("https://") or all(isinstance(source, Folder) for source in entry.sources)
        for source in entry.sources:
            if isinstance(source, Hub):
                assert source.revision and re.fullmatch(r"[0-9a-f]{40}", source.revision) and source.size
            if isinstance(source, Wheel):
                assert re.fullmatch(r"[0-9a-f]{64}", source.sha256) and source.size and source.member_size


def test_a_choice_made_while_running_goes_before_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_chosen", {})
    catalogue.choose("pictures", "sd-turbo")
    assert catalogue.model("pictures") is catalogue.SD_TURBO
    assert catalogue.default("pictures") is catalogue.STICKER_WORLD
    catalogue.choose("pictures", None)
    assert catalogue.model("pictures") is catalogue.STICKER_WORLD
    with pytest.raises(PlainError, match="neither a folder"):
        catalogue.choose("text", "no such thing")
    assert catalogue.chosen("text") is None


def test_the_studio_paints_with_stable_diffusion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_PROFILE", "studio")
    assert catalogue.model("pictures") is catalogue.SD_1_5
    monkeypatch.setenv("PLAYGROUND_PICTURE_MODEL", "stabilityai/sd-turbo")
    assert catalogue.model("pictures") is catalogue.SD_TURBO
