"""A running playground and a real browser that reports whatever a learner should never meet."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.network import STRACE, TRACED, reached

ROOT = Path(__file__).resolve().parents[2]
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
SETTLED = """async () => {
    const files = () => performance.getEntriesByType("resource").length;
    for (let before = -1; before !== files();) {
        before = files();
        await new Promise((done) => setTimeout(done, 200));
    }
}"""
"""Till the views' scripts are there, which come after the page: nobody reads and presses as fast as a test."""
LONGEST = "tests/browser/test_lessons.py::test_every_experiment_runs"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of this folder, and puts the longest of all first, so that no worker waits for one at the end."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))  # the others keep their order


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """The address of ``python app.py``, started as a newcomer would start it.

    At the end no library in it, nor a process it began, may have asked for an address outside this machine. Of several
    workers only the first looks: under strace the models take half a minute longer to open.
    """
    traced = TRACED and worker_id in ("master", "gw0")
    trace = tmp_path_factory.mktemp("server") / "trace"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "HF_HUB_OFFLINE": "1"}
    environment["OMP_NUM_THREADS"] = "1"  # two servers run beside each other, and threads that wait for a core spin
    watched = (*STRACE, "-o", str(trace)) if traced else ()
    process = subprocess.Popen([*watched, sys.executable, "app.py"], cwd=ROOT, env=environment)
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            urllib.request.urlopen(address, timeout=2).close()
            break
        except OSError:
            assert process.poll() is None, "app.py ended before it answered"
            time.sleep(0.5)
    yield address
    served = psutil.Process(process.pid).children()[0] if traced else process
    served.terminate()
    process.wait(timeout=60)
    if traced:
        assert reached(trace) == [], "the server asked for addresses outside this machine"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium on the PATH: .ci/run installs it")
        pytest.skip("no Chromium on the PATH")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=executable, args=list(QUIET))


@dataclass
class Watch:
    """What went wrong while a page was open. ``leaving``: a page being left rightly aborts its requests."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    leaving: bool = False

    def error(self, text: str) -> None:
        if not (self.leaving and ("AbortError" in text or "Connection errored out" in text)):
            self.errors.append(text)


@dataclass
class Visit:
    """A page of the playground, opened at a lesson or another page; ``watch`` collects what nobody should meet."""

    page: Page
    watch: Watch
    address: str

    def open(self, lesson: str = "", fragment: str = "") -> Page:
        self.watch.leaving = True
        self.page.goto(f"{self.address}/{lesson}{fragment}")
        self.watch.leaving = False
        plain = lesson in ("", "teachers")
        self.page.wait_for_selector(".home h1" if plain else f"#lesson-{lesson} h1", timeout=60_000)
        self.page.wait_for_function("document.querySelector('.xp')?.textContent")  # the page's script is at work
        self.page.evaluate(SETTLED)
        return self.page


@pytest.fixture(scope="session")
def profile(browser: Browser) -> BrowserContext:
    """What keeps the scripts that a page has brought, ready to run: to open a page again costs a third of the first."""
    return browser.new_context(viewport={"width": 1280, "height": 900})


def watched(context: BrowserContext, server: str) -> Iterator[Visit]:
    page = context.new_page()
    page.set_default_timeout(90_000)
    watch = Watch()

    def console(message: ConsoleMessage) -> None:
        if message.type == "error":
            watch.error(message.text)

    page.on("console", console)
    page.on("pageerror", lambda error: watch.error(str(error)))
    page.on("request", lambda r: None if r.url.startswith((server, "data:", "blob:")) else watch.outside.append(r.url))
    yield Visit(page, watch, server)
    watch.leaving = True
    for left in context.pages:
        left.close()
    assert not watch.errors
    assert not watch.outside


@pytest.fixture
def visit(server: str, profile: BrowserContext) -> Iterator[Visit]:
    """A visitor of whom the browser knows nothing, though it has seen the playground's scripts before.

    Fails the test on console errors or on any request that leaves the machine.
    """
    blank = profile.new_page()
    stored = {"origin": server, "storageTypes": "cookies,local_storage,indexeddb,cache_storage,service_workers"}
    profile.new_cdp_session(blank).send("Storage.clearDataForOrigin", stored)
    blank.close()
    yield from watched(profile, server)


@pytest.fixture
def first_visit(server: str, browser: Browser) -> Iterator[Visit]:
    """As ``visit``, in a browser that has nothing of the playground in its cache."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        yield from watched(context, server)
