"""Pages that print: whole, escaped, without a script, and only those that there are."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from engines.evidence import Badge
from engines.models.catalogue import MODELS
from lessons.shell import home, sheets, teachers

CLIENT = TestClient(Starlette(routes=[*sheets.ROUTES, *teachers.ROUTES]))


def read(address: str) -> str:
    """A page that is there, prints, and asks for nothing but a font."""
    answer = CLIENT.get(f"/{address}")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html"), address
    page = answer.text
    assert "<script" not in page and "@page { size: A4" in page and len(page) <= 300_000
    assert set(re.findall(r"url\(([^)]*)\)|src=([^ >]*)", page)) == {("../fonts/lora-latin-600-normal.woff2", "")}
    return page


def test_the_start_page_says_what_each_badge_means_and_leads_to_each_card() -> None:
    about = str(home.about())
    assert all(f'badge-{badge}">{badge}</span></dt><dd>' in about for badge in get_args(Badge))
    links = re.findall(r'href="([^"]+)"', about)
    assert links == [f"course/cards/{path.parent.name}" for path in sorted(MODELS.glob("*/README.md"))]
    assert about.count("MIT · ") == len(links) == len(list(MODELS.iterdir()))
    for link in links:
        read(link)


def test_a_card_is_read_as_a_page() -> None:
    page = read("course/cards/painter")
    assert "<h1>Pocket painter</h1>" in page and "<th>95 % interval</th>" in page and "&lt;!--" not in page
    assert page.count('tabindex="0"') == page.count("<pre") + page.count("<table>")


@pytest.mark.parametrize("name", ["nothing", "..", "%2e%2e%2fengines", "painter%2fREADME.md", "<b>"])
def test_no_other_file_is_read(name: str) -> None:
    answer = CLIENT.get(f"/course/cards/{name}")
    assert answer.status_code == 404 and "<b>" not in answer.text
