"""The settings: which there are, what they take, and what a process needs before any library is imported."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.evidence import PlainError
from engines.models import settings
from tests.network import STRACE, TRACED, reached

ROOT = Path(__file__).resolve().parents[3]
BARE = {
    name: value
    for name, value in os.environ.items()
    if not name.lower().endswith("_proxy") and name not in (*settings.QUIET, "GRADIO_TEMP_DIR", "CI")
}
"""This process's environment before the engines were imported, and without what continuous integration adds."""


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=BARE | environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


# --- words ------------------------------------------------------------------------------------------------------


def test_the_readme_lists_every_setting_with_its_words() -> None:
    table = re.findall(r"^\| (`PLAYGROUND_.+?) \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    told = {name: set(re.findall(r"`(\w+)`", meaning)) for names, meaning in table for name in names.split("`")[1::2]}
    assert told == {setting.name: set(setting.words) for setting in settings.ALL}


def test_every_setting_of_the_source_is_in_the_list() -> None:
    sources = [path for room in ("engines", "lessons", "benchmarks") for path in (ROOT / room).rglob("*.py")]
    named = {name for path in sources for name in re.findall(r"PLAYGROUND_[A-Z_]+", path.read_text(encoding="utf-8"))}
    assert {setting.name for setting in settings.ALL} == named
    readers = [path for path in sources if re.search(r"environ.*PLAYGROUND_|getenv.*PLAYGROUND_", path.read_text())]
    assert readers == []


@pytest.mark.parametrize("setting", [one for one in settings.ALL if one.words], ids=str)
def test_a_word_that_a_setting_does_not_take_is_refused_with_those_it_takes(
    setting: settings.Setting[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """PLAYGROUND_SWITCH=no once meant "local" in silence, and PLAYGROUND_DOWNLOAD took anything."""
    monkeypatch.setenv(setting.name, "perhaps")
    with pytest.raises(
        PlainError, match=f"{setting} is 'perhaps'. Set it to .*{setting.words[0]}.*{setting.words[-1]}"
    ):
        setting.read()
    with pytest.raises(PlainError, match="perhaps"):
        settings.check()
    for word in setting.words:
        monkeypatch.setenv(setting.name, f" {word.upper()} ")
        assert setting.read() == word
    for blank in ("", "  "):
        monkeypatch.setenv(setting.name, blank)
        assert setting.read() == setting.default and not setting.is_set()


def test_no_is_no_word_for_who_may_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_SWITCH", "no")
    with pytest.raises(PlainError, match="PLAYGROUND_SWITCH is 'no'. Set it to one of: on, off, local."):
        settings.SWITCH.read()


@pytest.mark.parametrize(("said", "word"), [("1", "yes"), ("TRUE", "yes"), ("y", "yes"), ("0", "no"), ("off", "no")])
def test_yes_and_no_are_spelled_in_many_ways(said: str, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_DOWNLOAD", said)
    assert settings.DOWNLOAD.read() == word


def test_a_folder_in_the_home_of_nobody_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_CACHE", "~nobody-of-this-name/x")
    with pytest.raises(PlainError, match="PLAYGROUND_CACHE.*no such home folder. Give the whole path"):
        settings.folder(settings.CACHE)


def test_a_wrong_setting_ends_the_start_in_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=BARE | {"PLAYGROUND_SAFETY": "of"}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip() == "The playground cannot start. PLAYGROUND_SAFETY is 'of'. Set it to on or off."


# --- the process ------------------------------------------------------------------------------------------------


def test_the_process_is_prepared_before_gradio_is_imported_and_by_any_engine() -> None:
    watch = (
        "import os, sys\n"
        "def heard(event, arguments):\n"
        "    if event == 'import' and arguments[0] in ('gradio', 'onnxruntime', 'huggingface_hub'):\n"
        "        missing = [name for name in ('ORT_DISABLE_TELEMETRY', 'GRADIO_ANALYTICS_ENABLED', 'GRADIO_TEMP_DIR')\n"
        "                   if name not in os.environ]\n"
        "        assert not missing, (arguments[0], missing)\n"
        "sys.addaudithook(heard)\n"
    )
    quiet = "import gradio.component_meta as meta; print(meta.create_or_modify_pyi.__module__)"
    assert run(f"{watch}import app; {quiet}") == "engines.models.settings", "gradio writes .pyi files at every import"
    for module in ("engines.stickers.judge", "engines.models.weights", "training.measure"):
        names = "os.environ['ORT_DISABLE_TELEMETRY'], os.environ['GOMP_SPINCOUNT']"
        assert run(f"import os, {module}; print({names})") == "1 5000"


def test_what_somebody_chose_is_kept() -> None:
    chosen = {"GRADIO_ANALYTICS_ENABLED": "True", "GRADIO_TEMP_DIR": "/somewhere", "NO_PROXY": "school.example"}
    code = "import engines, os; print(*(os.environ[name] for name in ('GRADIO_ANALYTICS_ENABLED', 'GRADIO_TEMP_DIR')))"
    assert run(code, **chosen) == "True /somewhere"
    assert (
        run("import engines, os; print(os.environ['NO_PROXY'])", **chosen) == "school.example,localhost,127.0.0.1,::1"
    )
    assert run("import engines, os; print(os.environ['NO_PROXY'])", NO_PROXY="*") == "*"


START = """
import os
import engines
from engines.models import settings
from tests.network import STRACE, TRACED, reached
import gradio as gr
def serve():
    with gr.Blocks() as page:
        gr.HTML("x")
    page.launch(prevent_thread_lock=True, quiet=True)
    page.close(verbose=False)
serve()
for proxy in {more}:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    os.environ.update(proxy)
    settings.prepare_process()
    serve()
print("serves")
"""


@pytest.mark.parametrize(
    ("proxy", "more"),
    [
        (
            {"all_proxy": "socks5h://127.0.0.1:9", "NO_PROXY": "school.example"},
            [{"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}],
        ),
        ({"ALL_PROXY": "socks5://127.0.0.1:9"}, [{"HTTP_PROXY": "http://127.0.0.1:9"}]),
    ],
    ids=["socks-by-name-then-http", "socks-then-capitals"],
)
def test_proxy_variables_do_not_end_the_start(proxy: dict[str, str], more: list[dict[str, str]]) -> None:
    """A SOCKS proxy ended the import of gradio, others the start: it asks itself, and the proxy answered."""
    assert run(START.format(more=more), **proxy).endswith("serves")


def test_a_socks_proxy_that_cannot_be_used_is_not_gone_around() -> None:
    code = (
        "from engines.evidence import PlainError\n"
        "from engines.models import catalogue, weights\n"
        "try:\n    weights.ensure(catalogue.by_name('some/tiny'))\n"
        "except PlainError as error:\n    print(error)\n"
    )
    said = run(code, ALL_PROXY="socks5://127.0.0.1:9")
    assert "ALL_PROXY names a SOCKS proxy, which needs the package socksio" in said


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="elsewhere the temporary folder is each user's own already")
def test_uploads_wait_in_a_folder_of_this_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio's own default is one folder for all users; where another account owns it, every upload failed."""
    code = "import engines, os; print(os.environ['GRADIO_TEMP_DIR'])"
    mine = Path(run(code, TMPDIR=str(tmp_path)))
    assert mine.parent == tmp_path and mine.stat().st_uid == os.getuid() and mine.stat().st_mode & 0o777 == 0o700
    assert Path(run(code, TMPDIR=str(tmp_path))) == mine
    mine.rmdir()
    mine.symlink_to("/")
    assert (other := Path(run(code, TMPDIR=str(tmp_path)))) != mine and other.is_dir() and not other.is_symlink()
    mine.unlink()
    mine.mkdir()
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    monkeypatch.setattr(settings.tempfile, "tempdir", str(tmp_path))
    assert settings._own_folder(mine) != mine, "it belongs to somebody else"


READ_LETTERING = """
import sys
def heard(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"):
        print("asked", event, arguments[-1] if event in ("socket.connect", "socket.sendto") else arguments[0])
sys.addaudithook(heard)
import numpy as np
from engines.stickers import judge
judge.read_text(np.full((1, 256, 256, 3), 255, np.uint8))
import os, time; time.sleep(float(os.environ.get("LINGER", 0)))
"""


def reading_lettering(home: Path, *wrapper: str, **environment: str) -> subprocess.Popen[str]:
    command = [*wrapper, sys.executable, "-c", READ_LETTERING]
    surroundings = BARE | {"HOME": str(home), "OMP_NUM_THREADS": "1"} | environment
    surroundings.pop("XDG_CACHE_HOME", None)
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=pipe, stderr=pipe, text=True)


def read_by(process: subprocess.Popen[str]) -> str:
    """What the process said until it ended."""
    said, wrong = process.communicate(timeout=300)
    assert process.returncode == 0, wrong[-2000:]
    return said


@pytest.fixture(scope="module", autouse=TRACED)
def lingering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that read lettering and lingers, with the file of what strace saw, begun before this file's tests.

    onnxruntime would ask for its maker's server ten seconds after it began, and nobody need wait for that.
    """
    folder = tmp_path_factory.mktemp("lingering")
    (folder / "home").mkdir()
    trace = folder / "trace"
    process = reading_lettering(folder / "home", *STRACE, "-o", str(trace), LINGER="14")
    yield process, trace
    process.kill()
    process.wait()


def left_behind(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


@pytest.mark.skipif(sys.platform != "linux", reason="where the telemetry of onnxruntime keeps its queue")
def test_reading_lettering_leaves_no_device_id_and_asks_for_no_name(tmp_path: Path) -> None:
    """onnxruntime phoned its maker, but not where ``CI`` is set. Its own code, in C++, is seen by no audit hook; what
    it leaves in the home folder before it asks for a name is.
    """
    (tmp_path / "quiet").mkdir()
    said = read_by(reading_lettering(tmp_path / "quiet"))
    assert "asked" not in said and left_behind(tmp_path / "quiet") == []


@pytest.mark.skipif(not TRACED, reason="strace sees what the audit hook cannot, and may not be had or allowed")
def test_reading_lettering_opens_no_way_to_the_network(lingering: tuple[subprocess.Popen[str], Path]) -> None:
    process, trace = lingering
    read_by(process)
    assert reached(trace) == []


@pytest.mark.skipif(not TRACED, reason="strace sees what the audit hook cannot, and may not be had or allowed")
def test_a_way_to_the_network_would_be_seen(tmp_path: Path) -> None:
    """A datagram's socket only notes where it would send to."""
    code = "import socket; socket.socket(type=socket.SOCK_DGRAM).connect_ex(('{}', 9))"
    for address, seen in (("192.0.2.1", 1), ("127.0.0.1", 0)):
        trace = tmp_path / address
        subprocess.run([*STRACE, "-o", str(trace), sys.executable, "-S", "-c", code.format(address)], check=True)
        assert len(reached(trace)) == seen
