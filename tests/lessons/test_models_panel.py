"""The Start page's panel: which models are live, and who may change them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engines import live
from engines.evidence import PlainError
from engines.live import Live
from engines.models import catalogue, hardware, hub, settings
from lessons.shell import film, models
from tests.lessons.common import NASTY, safe


def caller(address: str = "127.0.0.1", /, **headers: str) -> Any:
    return SimpleNamespace(client=SimpleNamespace(host=address), headers={"host": "127.0.0.1:7860"} | headers)


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        settings.SWITCH.name,
        "SPACE_ID",
        settings.PROFILE.name,
        settings.TEXT_MODEL.name,
        settings.PICTURE_MODEL.name,
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(catalogue, "_chosen", {})


def test_the_live_models_are_named_with_their_state() -> None:
    html = str(models.rows())
    assert "SmolLM2-135M-Instruct" in html and "Sticker World painter" in html and "Apache-2.0" in html
    assert [row["role"] for row in models.models()] == ["text", "pictures"]


def test_a_gpu_is_pointed_out_where_no_profile_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "has_card", lambda: True)
    assert "This machine has a GPU" in models._note() and "Stable Diffusion 1.5" in models._note()
    monkeypatch.setenv(settings.PROFILE.name, "pocket")
    assert "GPU" not in models._note()


def test_what_a_model_calls_itself_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Live("text", NASTY, NASTY, NASTY, "loaded", (NASTY,))
    monkeypatch.setattr(live, "live", lambda: (row,))
    safe(str(models.rows()))


def test_only_the_servers_own_machine_may_change_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    models.need_right(caller())
    models.need_right(caller("::1", host="[::1]:7860", origin="http://localhost:7860"))
    through = [
        caller(**{header: "10.0.0.7"}) for header in (*models.PROXY_HEADERS, "x-forwarded-for", "X-Forwarded-Host")
    ]
    for stranger in (caller("10.0.0.7"), None, *through):
        with pytest.raises(PlainError, match="change for everybody.*PLAYGROUND_SWITCH=on"):
            models.need_right(stranger)
    monkeypatch.setenv("SPACE_ID", "somebody/playground")
    with pytest.raises(PlainError):
        models.need_right(caller())
    monkeypatch.setenv(settings.SWITCH.name, "on")
    models.need_right(caller("10.0.0.7"))
    monkeypatch.setenv(settings.SWITCH.name, "off")
    monkeypatch.delenv("SPACE_ID")
    with pytest.raises(PlainError, match="owner of this server has closed"):
        models.need_right(caller())


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "school.example"},
        {"host": "10.0.0.5:7860"},
        {"host": "localhost.school.example"},
        {"host": ""},
        {"host": "[::1"},
        {"origin": "https://school.example"},
        {"origin": "null"},
        {"referer": "https://school.example/playground/"},
    ],
    ids=lambda headers: "-".join(f"{name} {value}" for name, value in headers.items()),
)
def test_a_proxy_that_says_nothing_of_itself_is_known_by_host_and_origin(headers: dict[str, str]) -> None:
    """A proxy on the same machine without a forwarding header made every visitor "the server's own machine". With
    nginx's own defaults even the Host is 127.0.0.1; what the browser calls the page is not.
    """
    with pytest.raises(PlainError, match="change for everybody"):
        models.need_right(caller(**headers))


def test_under_a_root_path_there_is_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_ROOT_PATH", "/playground")
    with pytest.raises(PlainError, match="change for everybody"):
        models.need_right(caller())


def test_a_word_that_the_setting_does_not_take_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.SWITCH.name, "no")
    with pytest.raises(PlainError, match="Set it to one of: on, off, local"):
        models.need_right(caller())


def test_size_and_fit_are_shown_and_a_yes_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = hub.Survey("some/painter", "a" * 40, {"unet/x.safetensors": 5_000_000_000}, 10)
    switched: list[tuple[Any, ...]] = []

    def switch(role: Any, name: str, progress: Any, *, agreed: str) -> Live:
        progress(0.5, "Putting the old model away")
        switched.append((role, name, agreed))
        return Live(role, "painter", "a" * 40, "", "loaded")

    monkeypatch.setattr(live, "switch", switch)
    monkeypatch.setattr(live, "download", lambda role, name: found)
    *_, asked = models.ask("pictures", "some/painter", caller())
    notice, yes, commit = asked["status"], asked["yes"], asked["commit"]
    assert "5.0 GB to fetch, at revision aaaaaaaa" in notice and yes["visible"] and not switched
    *_, changed = models.change("pictures", "some/painter", commit, caller())
    assert "painter is live" in changed["status"] and switched == [("pictures", "some/painter", "a" * 40)]
    monkeypatch.setattr(live, "download", lambda role, name: None)
    *_, asked = models.ask("pictures", " some/painter ", caller())
    assert switched[-1] == ("pictures", "some/painter", "") and "is live" in asked["status"]


@pytest.mark.parametrize("name", ["", "   ", "\t", None])
def test_a_field_of_spaces_is_no_choice(name: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fell back to the profile's own model in silence."""
    monkeypatch.setattr(live, "switch", lambda *_, **__: pytest.fail("it was switched"))
    for events in (models.ask("text", name, caller()), models.change("text", name, "", caller())):  # type: ignore[arg-type]
        with pytest.raises(PlainError, match="Choose a model first"):
            list(events)


def test_a_picture_that_was_withheld_says_so() -> None:
    black = film.Shot(np.zeros((8, 8, 3), np.uint8), "a picture", "seed 1")
    assert "seed 1 · all black: if a painter made it, its safety checker" in str(film.figure(black))
    assert "all black" not in str(film.figure(film.Shot(np.eye(8, dtype=np.uint8), "a picture")))
    error = film.Shot(black.picture, "an error map", black="no error anywhere")
    assert "no error anywhere" in str(film.figure(error)) and "safety" not in str(film.figure(error))
