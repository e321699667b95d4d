"""Pictures on a page: single figures, rows of them, and a film strip that the learner scrubs.

Everything is made on the server as ``<img>`` data URIs with alt texts. A :class:`Film` grows frame by frame;
its markup only ever gets longer, so that a stream sends each frame once. The scrubbing is in ``scrub.js``, which serves
other views with frames too: see :func:`scrubbed`.
"""

from __future__ import annotations

import base64
import io
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import numpy as np
from markupsafe import Markup

from lessons.shell import scripts
from lessons.shell.prose import attribute, plain
from lessons.shell.views import empty, join

HERE = Path(__file__).parent
MAX_SIDE = 256
SMALL_SIDE = 96
SMALL_FRAMES = 5
"""What is kept of pictures and films in a recorded first paint."""
BLACK = "all black: if a painter made it, its safety checker withheld the picture"


_small: ContextVar[bool] = ContextVar("small", default=False)


@contextmanager
def small() -> Iterator[None]:
    """Pictures made inside are thumbnails and films keep a few frames: what a recorded first paint may weigh."""
    token = _small.set(True)
    try:
        yield
    finally:
        _small.reset(token)


def data_uri(picture: np.ndarray, *, max_side: int | None = MAX_SIDE) -> str:
    """A uint8 picture [H, W, 3] or [H, W] as a WebP data URI; tiny ones (noise grids, masks) stay lossless.

    ``max_side``: larger ones are shrunk to it; None where every pixel has its place, also in a recorded first paint.
    """
    from PIL import Image

    recorded = _small.get()
    image = Image.fromarray(np.ascontiguousarray(picture))
    if max_side is not None:
        most = min(max_side, SMALL_SIDE) if recorded else max_side
        image.thumbnail((most, most), Image.Resampling.LANCZOS)  # which enlarges nothing
    file = io.BytesIO()
    if max(image.size) <= 64:
        image.save(file, "WEBP", lossless=True)
    else:
        image.save(file, "WEBP", quality=60 if recorded else 82, method=6 if recorded else 2)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


@dataclass(frozen=True, eq=False)
class Shot:
    """One picture uint8 [H, W, 3] with what it shows (``alt``), a caption under it, and a mark on its frame.

    ``mark`` outlines it: "" none, "chosen" or "warn"; say in the caption what the mark means. ``black``: what is said
    of a picture that is all black.
    """

    picture: np.ndarray
    alt: str
    caption: str = ""
    mark: str = ""
    black: str = BLACK


def figure(shot: Shot) -> Markup:
    """A picture with its caption."""
    words = " · ".join(part for part in (shot.caption, "" if shot.picture.any() else shot.black) if part)
    caption = Markup("<figcaption>{}</figcaption>").format(plain(words)) if words else Markup("")
    return Markup('<figure class="shot {}">{}{}</figure>').format(
        f"shot-{shot.mark}" if shot.mark else "", _image(shot.picture, shot.alt), caption
    )


def row(shots: Sequence[Shot], label: str, *, small: bool = False, columns: int | None = None) -> Markup:
    """Pictures side by side, wrapping on narrow screens; ``label`` names the row.

    ``columns``: how many there will be, where a run adds one after another, so that none changes its size.
    """
    return Markup('<div class="shots {}" style="--count:{}" role="group" aria-label="{}">{}</div>').format(
        "shots-small" if small else "", columns or len(shots), attribute(label), join(figure(shot) for shot in shots)
    )


def _image(picture: np.ndarray, alt: str) -> Markup:
    grid = ' class="grid"' if max(picture.shape[:2]) <= 64 else ""
    return Markup('<img src="{}" alt="{}"{}>').format(data_uri(picture), attribute(alt), Markup(grid))


class Film:
    """A strip of frames, each one picture for every track, seen large one frame at a time.

    ``tracks`` names the rows ("Canvas", "Guess"…), ``frames`` is how many there will be, ``unit`` what one
    frame is ("pass"). ``start`` (from 0) is the frame shown first; None follows the newest as they arrive.
    """

    def __init__(self, tracks: Sequence[str], frames: int, *, unit: str = "pass", start: int | None = None) -> None:
        self.tracks, self.frames, self.unit, self._added = tuple(tracks), frames, unit, 0
        self._kept = kept(frames)
        start = None if start is None else int(np.abs(np.array(self._kept) - start).argmin())
        self._markup = Markup(
            '<div class="film" data-run="{run}" data-start="{start}" style="--frames:{frames};--tracks:{tracks}">'
            '<div class="film-stage">{stage}</div><p class="film-caption"></p>'
            '<div class="film-controls"><button type="button" class="button film-play">Play</button>'
            '<input class="film-slider" type="range" min="1" max="{frames}" value="1" aria-label="{unit}"></div>'
            '<div class="film-strip" tabindex="0" role="group" aria-label="{label}">'
        ).format(
            run=uuid.uuid4().hex,
            start="" if start is None else start,
            frames=len(self._kept),
            tracks=len(self.tracks),
            stage=join(
                Markup('<figure><img alt=""><figcaption>{}</figcaption></figure>').format(plain(track))
                for track in self.tracks
            ),
            unit=attribute(unit.capitalize()),
            label=attribute(f"The strip: one column a {unit}, rows {', '.join(self.tracks)}"),
        )

    def add(self, pictures: Sequence[np.ndarray], alts: Sequence[str], caption: str, label: str) -> str:
        """One more frame: a picture and an alt text for each track, the words under it, a short label."""
        self._added += 1
        if self._added - 1 not in self._kept:
            return self.markup()
        images = join(_image(picture, alt) for picture, alt in zip(pictures, alts, strict=True))
        self._markup += Markup('<div class="film-cell" data-caption="{}">{}<small>{}</small></div>').format(
            attribute(caption), images, plain(label)
        )
        return self.markup()

    def markup(self) -> str:
        """The film so far. The browser closes the open tags; leaving them open lets a stream append."""
        return str(self._markup)


def scrubbed(script: Path) -> str:
    """``js_on_load`` of a view whose frames ``script`` tells of, with a film's slider, Play and strip."""
    return scripts.script(script, HERE / "scrub.js")


def kept(frames: int, most: int = SMALL_FRAMES) -> tuple[int, ...]:
    """Which of ``frames`` (from 0) are shown: all of them, or ``most`` in a recorded first paint."""
    if not _small.get() or frames <= most:
        return tuple(range(frames))
    return tuple(round(at) for at in np.linspace(0, frames - 1, most))


def reel(words: str = "", render: bool = False) -> gr.HTML:
    """The component a :class:`Film` is shown in; ``words`` stand there before the first run."""
    return gr.HTML(
        str(empty(words)),
        elem_classes=["reel"],
        js_on_load=scrubbed(HERE / "film.js"),
        render=render,
    )


def pictures(words: str = "", render: bool = False) -> gr.HTML:
    """The component that :func:`row` and :func:`figure` are shown in."""
    return gr.HTML(str(empty(words)), elem_classes=["reel"], render=render)
