"""What the latents lesson offers to ``gradio_client``."""

from __future__ import annotations

from typing import Any

from engines.pictures import autoencoder
from engines.pictures.diffusion import Painter
from lessons.latents import measures as lab
from lessons.latents import shrink
from lessons.latents.figures import glare
from lessons.latents.measures import Chosen
from lessons.shell import waking
from lessons.shell.api import Endpoint
from lessons.shell.film import data_uri
from lessons.shell.uploads import named_or_sent


def _picture_from(painter: Painter, text: Any) -> Chosen:
    """A bundled scene by name, or a picture sent as base64, data URI or upload."""
    return lab.choose(painter, *named_or_sent(text, lab.CAPTIONS))


def round_trip(picture: str = "owl-meadow") -> dict:
    """Send a picture through the autoencoder and back.

    picture: the name of a bundled scene, such as owl-meadow, or ``handle_file("mine.png")`` of gradio_client, or base64
    or a data URI of a picture file (20 megabytes and 40 million pixels at most; it is turned as its EXIF says, laid on
    white and cut to the painter's size). A path alone is refused: the server opens no file by its name. Returns
    before, after and error map as data URIs, the PSNR in dB, the numbers before and after, and the PSNR of a thumbnail
    of no more numbers.
    """
    painter = waking.open_painter()
    chosen = _picture_from(painter, picture)
    trip = autoencoder.round_trip(painter, chosen.picture)
    side = shrink.thumbnail_side(trip.numbers.latent)
    score = shrink.score(chosen.name, chosen.picture, trip.restored, shrink.through_thumbnail(chosen.picture, side))
    return {
        "picture": chosen.name, "numbers_before": trip.numbers.picture, "numbers_after": trip.numbers.latent,
        "ratio": trip.numbers.ratio, "psnr": score.psnr, "thumbnail_psnr": score.thumbnail_psnr,
        "exact_pixels": score.exact, "mean_error": float(trip.error.mean()),
        "before": data_uri(trip.picture), "after": data_uri(trip.restored),
        "error": data_uri(glare(trip.error)), "model": painter.name, "revision": painter.revision,
    }  # fmt: skip


def latent_channels(picture: str = "owl-meadow") -> dict:
    """The latent of a picture: its channels as numbers and as grey pictures on one shared scale.

    picture: as for /round_trip. Returns ``latent`` as nested lists [channels][rows][columns], rounded to four
    digits, ``views`` as data URIs, and the numbers shown as black (``low``) and white (``high``).
    """
    painter = waking.open_painter()
    chosen = _picture_from(painter, picture)
    latent = painter.encode(chosen.picture[None])[0]
    seen = autoencoder.channel_views(latent)
    return {
        "picture": chosen.name, "shape": list(latent.shape), "latent": latent.round(4).astype(float).tolist(),
        "views": [data_uri(view) for view in seen.views], "low": seen.low, "high": seen.high,
        "model": painter.name, "revision": painter.revision,
    }  # fmt: skip


ENDPOINTS = (Endpoint(round_trip, "pictures"), Endpoint(latent_channels, "pictures"))
