"""Every documented endpoint through gradio_client: it answers good arguments, and refuses bad ones in plain words.

The app is built as ``app.py`` builds it. Heavy models are replaced by random ones of the true classes; what is small
and bundled (sign lab, judge, reader, vocabularies) is the real thing.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import app
from engines.director import directing
from engines.pictures import diffusion
from engines.pictures.painter import POCKET
from engines.stickers import meaning
from engines.text import language_model
from lessons.shell import events, film, serving, waking
from tests.engines import tiny_painters, tiny_text
from tests.engines.tiny_space import TinySpace
from tests.network import Listener

README = Path(__file__).parent.parent / "README.md"
TEXT = "The keys to the cabinet are so rusty"
PICTURE = film.data_uri(np.full((128, 128, 3), 200, np.uint8))
CAPTION = "a red apple on a blue background"
LISTENER = Listener()


@pytest.fixture(autouse=True)
def nothing_leaves_the_machine() -> Iterator[None]:
    """Server and caller are this process: whatever is asked for outside it is told by the test that made it do so."""
    LISTENER.listening = True
    yield
    LISTENER.listening = False
    asked, LISTENER.asked = LISTENER.asked, []
    assert not asked


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    painter = diffusion.load(tiny_painters.save_sd(tmp_path_factory.mktemp("api") / "sd"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waking, "open_painter", lambda progress=None: painter)
        patch.setattr(painter, "source", POCKET)  # so that judge and diet apply to it
        patch.setattr(directing, "SHOTS", directing.SHOTS[:1])  # a tiny model has no room for all
        patch.setattr(meaning, "load", lambda painter: TinySpace())
        patch.setattr(language_model, "load", lambda *args, **kwargs: tiny_text.tiny())
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        playground = app.build()
        serving.launch(playground, server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True)
        try:
            yield Client(f"http://127.0.0.1:{port}", verbose=False, analytics_enabled=False)
        finally:
            playground.close(verbose=False)
            torch.set_num_threads(threads)


def case(name: str, good: tuple[Any, ...], answer: str, *bad: Any) -> list[Any]:
    """A good call with a key that its answer holds, and bad calls of the same endpoint."""
    calls = [pytest.param(name, good, answer, id=f"{name}{_brief(good)}")]
    return calls + [pytest.param(name, one, None, id=f"{name}-bad{_brief(one)}") for one in bad]


def _brief(arguments: tuple[Any, ...]) -> str:
    return str(tuple("PICTURE" if argument is PICTURE else argument for argument in arguments))


CALLS = [
    *case("models", (), "role"),
    *case("direct", (["a pig", "no, two"],), "candidates", ([],), (5,), ([" "],)),
    *case("handoff", (["a pig"], "a pig", 3, 1), "ledger", ([],), (["a pig"], "nice"), (["a pig"], "", 3, 1.5)),
    *case("tokenize", ("strawberry", "o200k"), "ids", (123,), ("a", "klingon"), ("a", 5)),
    *case(
        "count_letters", ("banana", "a", 2), "answers", (5,), ("banana", 7), ("banana", "a", 2.9),
        ("banana", "a", 2, "backwards"), ("banana", "a", 2, "whole", "b"),
    ),
    *case("ask_counters", ("banana", "a"), "networks", (5,), ("caf\u00e9", "e"), ("banana", "an"), ("a" * 25, "a")),
    *case("next_token", (TEXT,), "candidates", (5,), (TEXT, "hot"), (TEXT, 1, 1, "many")),
    *case("write", (TEXT, 0.8, 0.9, 7, 3), "text", (5,), (TEXT, 1, 1, "b"), (TEXT, 1, 1, 7, 2.5)),
    *case("branch", (TEXT, "a", 1, 0.8, 0.9, 7, 3), "parts_at", (TEXT, 5), (TEXT, "a", "b")),
    *case("attention", (TEXT, 1, 2), "weights", (123,), (TEXT, "a"), (TEXT, 1.5, 0), (TEXT, 9, 9)),
    *case("attention", (TEXT,), "weights", (TEXT, None, "b")),
    *case("logit_lens", (TEXT,), "answer", (5,), ("",)),
    *case("ablate_head", (TEXT, 1, 2), "before", (TEXT, 1.5, 0), (TEXT, 0, "b"), (5, 0, 0)),
    *case("ablate_head", (TEXT,), "after", ("a",)),
    *case("noise", (PICTURE, 500), "noisy", (5,), (PICTURE, "late")),
    *case("denoise", (CAPTION, 0, 2), "canvas", (5,), (CAPTION, 0, 1.5)),
    *case("round_trip", (PICTURE,), "psnr", ("nowhere",), (5,)),
    *case("latent_channels", (PICTURE,), "latent", (5,)),
    *case("words_one_by_one", (CAPTION, 0, 1, 1), "words", (5,), (CAPTION, 0, 1.5), ("a",)),
    *case("word_maps", (CAPTION, "apple", 0, 2), "passes", (CAPTION, "pear", 0, 2), (CAPTION, 5, 0, 2)),
    *case("guidance_sweep", (CAPTION, 0, [1, 2]), "sweep", (5,), (CAPTION, 0, 3)),
    *case("test_prompt", (CAPTION, 2, 0, 1), "aspects", (5,), (CAPTION, "a")),
    *case("judge", (PICTURE, CAPTION), "aspects", (5, CAPTION), (PICTURE, 5)),
    *case("easy_hard_map", ("single, many", 1, 1, 0, 1), "sorts", (5,), ("dragons",), ("all", 9), ("all", 1, 1, "a")),
    *case("swap_prompt", (CAPTION, "a dog", 2, 0, 1, 2), "turned", (CAPTION, "a dog", "b"), (5, 5)),
    *case("nearest_scenes", (CAPTION, 0, 1), "nearest", (5,), (CAPTION, 0, 1.5)),
    *case("paint_sign", ("OK",), "read", (5,), ("OK", "spelled", "a")),
    *case("read_text", ("OPEN",), "text", (5,)),
    *case("sign_lab", ("spelled", "OK", 2, 1), "exact", ("spelled", 5), ("spelled", "OK", 2, "a")),
    *case("compare_prompts", (CAPTION, "a dog", 0, 2, 1), "stayed", (CAPTION, CAPTION), (CAPTION, "a dog", "b")),
    *case("diet_search", ("a cat under the stars", 2), "by_meaning", (5,), ("",), ("cat", 99), ("cat", 2, "a")),
    *case(
        "similarity", (["a cat", "an owl"], ["cat-meadow", PICTURE]), "cosines", (5,), ([],), (["a cat"], ["nowhere"]),
    ),
    *case("encode_tiles", (PICTURE,), "tiles", (5,), ("nowhere",)),
    *case("paint_tiles", (CAPTION, 7, 1, 0), "picture", (5,), ("",), (CAPTION, 1.5), (CAPTION, 7, 2, 1, [1])),
    *case("force_tile", (CAPTION, 37), "forced_tiles", (5, 0), (CAPTION, 256), (CAPTION, 1.5), (CAPTION, 0, 256),
          ("", 0)),
    *case(
        "train_text", ("captions", 2), "held_out_bits", (5,), ("too short",), ("prose", "long"), ("prose", 600),
        ("prose", 2, "a"), ("prose", 2, 1, 5),
    ),
    *case("draft", (2, 0.8, 1), "states", (0,), (2, 9), (2, 0.8, "a"), (2, 0.8, 1, "nothing hidden"), (2, 0.8, 1, 5),
          (2, 0.8, 1, "", "perhaps")),
    *case("fill_middle", ("anna finds", "the kites .", 12, 2), "twin_free", (5, "."), ("anna", ""), ("anna", ".", 99)),
    *case("ascii_draw", ("square", "ask", "dots", 1), "drawings", (5,), ("square", "ask", "dots", "a")),
]  # fmt: skip


def documented_keys() -> dict[str, list[str]]:
    """The keys of each endpoint's result, as the README lists them."""
    listed = re.findall(r"^- `/(\w+)`: ((?:.*\n)(?:  .*\n)*)", README.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: re.split(r",\s+", keys.strip()) for name, keys in listed}


def called(client: Client, name: str, arguments: tuple[Any, ...]) -> Any:
    """The last answer of an endpoint."""
    return client.submit(*arguments, api_name=f"/{name}").result(timeout=60)


@pytest.mark.parametrize(("name", "arguments", "answer"), CALLS)
def test_endpoint(client: Client, name: str, arguments: tuple[Any, ...], answer: str | None) -> None:
    if answer is not None:
        given = called(client, name, arguments)
        result = given[0] if isinstance(given, list) else given
        assert answer in result and list(result) == documented_keys()[name]
        return
    with pytest.raises(AppError) as refused:
        called(client, name, arguments)
    words = refused.value.message
    assert words and words != events.SORRY
    assert not re.search(r"Traceback|Error\b|object has no|NoneType|upstream Gradio app", words)


def test_pictures_are_sent_as_the_readme_says(client: Client, tmp_path: Path) -> None:
    """The judge told a sender of an unreadable upload to use base64; a path alone opens nothing on the server."""
    file = tmp_path / "g.png"
    Image.new("RGB", (64, 64), "red").save(file)
    bundled = {"round_trip": "owl-meadow", "latent_channels": "owl-meadow", "noise": "owl-meadow", "read_text": "STOP"}
    for name, more in (("judge", (CAPTION,)), ("read_text", ()), ("round_trip", ()), ("noise", ())):
        for sent in filter(
            None, (handle_file(str(file)), film.data_uri(np.asarray(Image.open(file))), bundled.get(name))
        ):
            assert list(called(client, name, (sent, *more))) == documented_keys()[name]
        with pytest.raises(AppError, match="handle_file"):
            called(client, name, (str(file), *more))


def test_every_documented_endpoint_is_called_and_every_endpoint_is_documented(client: Client) -> None:
    documented = set(re.findall(r"^\| `/(\w+)`", README.read_text(encoding="utf-8"), re.MULTILINE))
    tried = {name for name, _, _ in (one.values for one in CALLS)}
    offered = {name.strip("/") for name in client.view_api(return_format="dict", print_info=False)["named_endpoints"]}
    assert documented == tried == offered
    for name in documented:
        calls = [answer for one, _, answer in (call.values for call in CALLS) if one == name]
        assert any(calls) and (None in calls or name == "models")


def test_the_arguments_are_those_of_the_readme(client: Client) -> None:
    rows = re.findall(r"^\| `/(\w+)` \| ([^|]*) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    offered = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    for name, said in rows:
        told = [re.match(r"\w+", one.strip())[0] for one in re.sub(r"\([^)]*\)", "", said).split(",") if one.strip()]
        assert told == [one["parameter_name"] for one in offered[f"/{name}"]["parameters"]], name


def test_an_address_outside_the_machine_is_heard() -> None:
    """Nothing is sent: figures need no name server, and a datagram's socket only notes where it would send to."""
    socket.getaddrinfo("192.0.2.1", 80, flags=socket.AI_NUMERICHOST)
    socket.gethostbyname("192.0.2.2")
    with socket.socket(type=socket.SOCK_DGRAM) as unused, contextlib.suppress(OSError):
        unused.connect(("192.0.2.3", 9))
    heard, LISTENER.asked = LISTENER.asked, []
    assert [re.search(r"192\.0\.2\.\d", one)[0] for one in heard] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
