"""A learner's own picture: sent no larger than a lesson needs, and told in words when something refuses it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.browser.expecting import expect

NGINX = "<html><head><title>413 Request Entity Too Large</title></head><body>nginx</body></html>"


def photo(folder: Path, mode: str) -> Path:
    """A PNG of 1,800 x 1,200 pixels with the detail of a photo: some megabytes."""
    coarse = np.random.default_rng(1).integers(0, 256, (150, 225, len(mode)), dtype=np.uint8)
    grain = np.random.default_rng(2).integers(0, 32, (1200, 1800, len(mode)), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(coarse, mode).resize((1800, 1200))) // 2 + grain
    file = folder / f"{mode}.png"
    Image.fromarray(pixels, mode).save(file, compress_level=1)
    return file


def reduced(file: Path) -> np.ndarray:
    """The picture at 128 pixels a side, as it would come from the file itself."""
    with Image.open(file) as picture:
        return np.asarray(picture.resize((1024, 683)).reduce(8), float)


def choose(page: Page, lesson: str, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.locator(f"#lesson-{lesson} .stage button", has_text="Use my own picture").click()
    chooser.value.set_files(file)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_photo_is_scaled_down_before_it_is_sent(visit, tmp_path, mode: str) -> None:
    """A photo of 12 million pixels met the proxy's limit, though no lesson looks at more than 1,024 a side."""
    file, page = photo(tmp_path, mode), visit.open("latents")
    assert file.stat().st_size > 4_000_000
    with page.expect_response("**/gradio_api/upload*") as answer:
        choose(page, "latents", file)
    expect(page.locator("#latents-shrink .picker button[data-name='your picture']")).to_be_visible()
    arrived = Path(answer.value.json()[0])
    with Image.open(arrived) as picture:
        assert picture.mode == mode and max(picture.size) == 1024
        assert mode == "RGBA" or np.abs(np.asarray(picture.reduce(8), float) - reduced(file)).mean() < 3
    assert arrived.stat().st_size < (1_000_000 if mode == "RGB" else file.stat().st_size / 2)


def test_what_a_proxy_refuses_is_told_in_words_where_the_picture_was_chosen(visit, tmp_path) -> None:
    """A toast said "HTTP 413: <html> … nginx"."""
    page = visit.open("noising")
    page.route("**/gradio_api/upload*", lambda route: route.fulfill(status=413, body=NGINX))
    choose(page, "noising", photo(tmp_path, "RGB"))
    told = page.locator("#noising-ruin .upload-refused")
    expect(told).to_contain_text("save it as a JPEG with at most 512 pixels a side")
    expect(told).to_be_in_viewport()
    assert page.locator(".toast-body").count() == 0
    assert visit.watch.errors.pop().startswith("Failed to load resource") and not visit.watch.errors
    page.unroute("**/gradio_api/upload*")
    choose(page, "noising", photo(tmp_path, "RGB"))
    expect(told).to_have_count(0)
    expect(page.locator("#noising-ruin .picker button[data-name='your picture']")).to_be_visible()
