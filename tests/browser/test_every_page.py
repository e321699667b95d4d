"""What holds on every page: accessible, at home on a phone, silent on the network, and progress that stays."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from lessons import course
from lessons.shell.content import read_quiz
from tests.browser.expecting import expect

KEYS = [key for unit in course.UNITS for key in unit.lessons]

AT_REST = """async () => {
    const ends = () => document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime < Infinity);
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    let changed = true;
    const watcher = new MutationObserver(() => { changed = true; });
    watcher.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
    for (let still = 0, frames = 0; still < 10 && frames < 600; still++, frames++) {
        await Promise.allSettled(ends().map((one) => one.finished));
        await frame();
        if (changed) still = 0;
        changed = false;
    }
    watcher.disconnect();
}"""
"""Till all that moves has come to its end and ten frames in a row change nothing; 600 frames where a run goes on."""

TWICE = """() => {
    const ids = [...document.querySelectorAll("[id]:not([id='']):not(svg *):not(style)")].map((element) => element.id);
    return [...new Set(ids.filter((id, place) => ids.indexOf(id) !== place))];
}"""


def serious(page: Page) -> list[str]:
    """What axe holds against the page, twice in a row: a figure in the middle of being drawn does not count.

    An id that two elements share counts too: a link, a label or a style of one then reaches the other.
    """

    def found() -> list[str]:
        answer = Axe().run(page, options={"resultTypes": ["violations"]}).response
        violations: list[dict[str, Any]] = answer["violations"]
        grave = [v for v in violations if v["impact"] in ("serious", "critical")]
        shared: list[str] = page.evaluate(TWICE)
        held = [f"{v['id']}: {node['html'][:200]}" for v in grave for node in v["nodes"]]
        return held + [f"two elements have the id {name}" for name in shared]

    first = found()
    if not first:
        return []
    page.evaluate(AT_REST)
    again = found()
    return [violation for violation in first if violation in again]


def at_width(page: Page, width: int) -> None:
    """At that width the page does not scroll sideways."""
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function(f"document.documentElement.clientWidth <= {width}")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 1, f"at {width} pixels the page scrolls sideways by {overflow}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lesson", ["", "sampling", "teachers"])
def test_axe_finds_nothing_serious_before_anything_runs(visit, lesson: str, scheme: Literal["light", "dark"]) -> None:
    """On a wide screen in the light, on a phone in the dark. The other lessons are looked at as they run."""
    visit.page.emulate_media(color_scheme=scheme)
    page = visit.open(lesson)
    at_width(page, 1280)
    if scheme == "dark":
        at_width(page, 390)
    assert page.evaluate("document.body.classList.contains('dark')") is (scheme == "dark")
    assert not serious(page)


def test_the_map_leads_to_a_lesson_and_back(visit) -> None:
    page = visit.open()
    assert page.locator(".map a").evaluate_all("links => links.map(link => link.getAttribute('href'))") == KEYS
    page.click(f".map a[data-lesson={KEYS[-1]}]")
    expect(page.locator(f"#lesson-{KEYS[-1]} h1")).to_be_visible()
    assert page.url.endswith(f"/{KEYS[-1]}")
    page.go_back()
    expect(page.locator(".home h1")).to_be_visible()
    page.go_forward()
    expect(page.locator(f"#lesson-{KEYS[-1]} h1")).to_be_visible()
    page.click(".masthead .brand")
    expect(page.locator(".home .resume a")).to_have_attribute("href", KEYS[-1])


def test_a_teacher_reads_a_track_and_leaves_no_progress(visit) -> None:
    visit.open()
    page = visit.open("teachers")
    assert page.title() == "For teachers · Typewriter & Sculptor"
    stop = page.locator("#track-45 > ol > li").nth(4)
    expect(stop).to_contain_text("Ask: In the very last pass")
    expect(stop.locator(".findings")).to_be_hidden()
    stop.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(stop.locator(".findings")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("#track-10 .findings").first).to_be_visible()
    page.emulate_media(media="screen")
    assert page.evaluate("localStorage.getItem('playground.progress')") is None
    stop.locator("h3 a").click()
    expect(page.locator("#noising-strip h2")).to_be_in_viewport()


def test_a_sheet_prints_in_black_on_white(visit) -> None:
    page = visit.open("teachers")
    page.emulate_media(color_scheme="dark")
    for name in ("Worksheet", "Answer key"):
        visit.watch.leaving = True
        page.goto(f"{visit.address}/teachers")
        page.get_by_role("link", name=f"{name}: Sampling").click()
        visit.watch.leaving = False
        expect(page.locator("h1")).to_have_text(f"{name}: One key at a time, and no backspace")
        at_width(page, 1280)
        at_width(page, 390)
        assert not serious(page)
        page.emulate_media(media="print")
        expect(page.locator("nav")).to_be_hidden()
        colours = "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        assert page.evaluate(colours) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
        page.emulate_media(media="screen")


def test_a_link_of_the_glossary_opens_the_fold_in_which_its_word_stands(visit) -> None:
    page = visit.open("")
    page.locator(".glossary summary").click()
    page.locator('.glossary a[href$="-beam-search"]').click()
    word = page.locator("#sampling-branch-deeper-beam-search")
    expect(word).to_be_in_viewport()
    expect(word).to_have_text("beam search")
    assert page.locator("details.drawer[open]", has=page.locator(".term")).count() == 1


def test_the_masthead_leads_to_units_and_lessons(visit) -> None:
    page = visit.open(KEYS[0])
    page.click(".units >> text=The sculptor")
    expect(page.locator("#lesson-noising h1")).to_be_visible()
    page.click(".lessons >> text=Guidance")
    expect(page.locator("#lesson-guidance h1")).to_be_visible()
    expect(page.locator(".lessons [aria-current=page]")).to_have_text("Guidance")


def test_on_a_phone_the_row_of_screens_shows_where_the_reader_is(visit) -> None:
    """The mark of the fourth screen stood outside the row, to the right of the phone."""
    visit.page.set_viewport_size({"width": 390, "height": 844})
    page = visit.open("guidance")
    page.locator(".screen").last.evaluate("screen => screen.scrollIntoView()")
    here = page.locator(".whereabouts [aria-current]")
    expect(here).to_have_text("Is guidance a temperature?")
    expect(here).to_be_in_viewport(ratio=0.9)


def test_old_addresses_lead_to_their_lessons(visit) -> None:
    visit.page.goto(f"{visit.address}/?lesson=sampling")
    expect(visit.page.locator("#lesson-sampling h1")).to_be_visible()
    assert visit.page.url.endswith("/sampling")


def test_a_bookmark_with_an_unknown_lesson_gets_a_clear_page(visit) -> None:
    visit.page.goto(f"{visit.address}/?lesson=%3Cb%3Edragons%3C/b%3E")
    expect(visit.page.locator(".unknown-lesson")).to_contain_text("There is no lesson called “<b>dragons</b>”")
    visit.watch.leaving = True
    answer = visit.page.goto(f"{visit.address}/dragons")
    assert answer.status == 404
    expect(visit.page.locator("h1")).to_have_text("There is no lesson called “dragons”")
    visit.page.click("text=The start page")
    expect(visit.page.locator(".home h1")).to_be_visible()
    visit.watch.errors.clear()  # the browser reports the 404 we asked for


def test_a_visit_carries_what_it_shows_and_keeps_the_rest(first_visit, server: str) -> None:
    for key in ["", "teachers", *KEYS]:
        request = urllib.request.Request(f"{server}/{key}", headers={"Accept-Encoding": "identity"})
        with urllib.request.urlopen(request, timeout=30) as page:
            assert len(page.read()) <= 300_000, key
    request = urllib.request.Request(f"{server}/sampling", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=30) as page:
        assert page.headers["Content-Encoding"] == "gzip" and len(page.read()) <= 120_000
    kept: list[str] = []
    built = re.compile(r"/course/|/assets/.*\.(js|css)$")
    first_visit.page.on(
        "response", lambda r: kept.append(r.headers.get("cache-control", "")) if built.search(r.url) else None
    )
    first_visit.open("sampling")
    assert len(kept) >= 50 and all("immutable" in one for one in kept)


def test_a_new_element_has_only_itself_styled(visit) -> None:
    """A rule for the children of what has not got something had the whole page styled for every label of a chart."""
    page = visit.open("noising")
    session = page.context.new_cdp_session(page)
    events: list[dict[str, Any]] = []
    ended: list[Any] = []
    session.on("Tracing.dataCollected", lambda told: events.extend(told["value"]))
    session.on("Tracing.tracingComplete", lambda told: ended.append(told))
    session.send("Tracing.start", {"categories": "devtools.timeline,blink.user_timing"})
    page.evaluate("""() => {
        const box = document.body.appendChild(document.createElement("div"));
        box.getBoundingClientRect(); // what else was to be styled is
        performance.mark("begun");
        for (let i = 0; i < 10; i++) {
            box.appendChild(document.createElement("i"));
            box.getBoundingClientRect();
        }
        performance.mark("ended");
        box.remove();
    }""")
    session.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(100)
    begun, over = (next(one["ts"] for one in events if one["name"] == name) for name in ("begun", "ended"))
    told = [one["args"] for one in events if one["name"] == "UpdateLayoutTree" and begun <= one["ts"] <= over]
    styled = [one["elementCount"] for one in told if "elementCount" in one]
    assert len(styled) >= 10 and max(styled) < 200 < page.locator("*").count()


def test_what_a_recorded_drawer_holds_comes_when_it_is_opened(visit) -> None:
    page = visit.open("latents")
    drawer = page.locator(".evidence .drawer", has_text="Table").first
    expect(drawer).to_have_attribute("data-from", re.compile("recorded"))
    expect(drawer.locator("table")).to_have_count(0)
    drawer.evaluate("drawer => { drawer.open = true; }")
    expect(drawer.locator("table")).to_be_visible()


def test_progress_survives_a_reload_and_a_file(visit, tmp_path) -> None:
    """Clicking through the wrong answers earned the same 15 XP."""
    key = KEYS[0]
    page = visit.open(key)
    for question in read_quiz(key).questions:
        box = page.locator(f"[data-question='{key}/{question.key}']")
        box.locator("[data-right=false]").first.click()
        expect(box.locator(".feedback:visible")).to_contain_text("Not quite")
        box.locator("[data-right=true]").click()
        expect(box.locator(".feedback:visible")).to_contain_text("Right.")
    expect(page.locator(".quiz-score")).to_have_text("All 5 right: 5 XP.")
    expect(page.locator(".xp")).to_contain_text("5 XP · 1 of")
    visit.open()
    expect(page.locator(".xp")).to_have_text(f"5 XP · 1 of {len(KEYS)}")
    expect(page.locator(f"[data-progress={key}]")).to_have_text("✓ done, 5 XP")

    with page.expect_download() as download:
        page.click("[data-action=progress-save]")
    file = tmp_path / "progress.json"
    download.value.save_as(file)
    assert json.loads(file.read_text())["version"] == 1
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("[data-action=progress-clear]")
    expect(page.locator(".xp")).to_contain_text("0 XP · 0 of")
    page.set_input_files("[data-action=progress-restore]", file)
    expect(page.locator(".xp")).to_have_text(f"5 XP · 1 of {len(KEYS)}")
    (tmp_path / "bad.json").write_text("<script>")
    page.set_input_files("[data-action=progress-restore]", tmp_path / "bad.json")
    expect(page.locator(".keep-status")).to_contain_text("not a saved progress")


def test_flashcards_flip_and_are_rescheduled(visit) -> None:
    page = visit.open(KEYS[0])
    deck = page.locator(f"#lesson-{KEYS[0]} .deck")
    cards = len(read_quiz(KEYS[0]).flashcards)
    expect(deck).to_contain_text(f"{cards} to look at now")
    deck.locator(".flashcard").focus()
    page.keyboard.press("Enter")
    deck.get_by_role("button", name="Good").click()
    expect(deck).to_contain_text(f"{cards - 1} to look at now")
    visit.open(KEYS[0])
    expect(page.locator(f"#lesson-{KEYS[0]} .deck")).to_contain_text(f"{cards - 1} to look at now")


def test_dark_and_light_can_be_chosen_and_stay(visit) -> None:
    visit.page.emulate_media(color_scheme="dark")
    page = visit.open()
    dark = "document.body.classList.contains('dark')"
    papers = "['body', '.gradio-container'].map(one => getComputedStyle(document.querySelector(one)).backgroundColor)"
    assert page.evaluate(dark)
    page.click("[data-action=theme]")
    assert not page.evaluate(dark)
    assert page.evaluate(papers) == ["rgb(250, 247, 241)"] * 2, "the system's choice shows at the edges"
    visit.open()
    page.evaluate("""() => {
        window.followed = [];
        window.system = matchMedia("(prefers-color-scheme: dark)");
        window.system.addEventListener("change", () => { window.followed.push(window.system.matches); });
    }""")
    for scheme, told in (("light", [False]), ("dark", [False, True])):  # gradio, which heard it first, follows
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("told => JSON.stringify(window.followed) === JSON.stringify(told)", arg=told)
        assert not page.evaluate(dark)
