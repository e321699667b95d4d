"""Two machines on one request, measured: engine events in, Evidence out.

What the experiments share; read them as the lesson goes: :mod:`race`, :mod:`fixed` and :mod:`spoil`. The typewriter's
pass is one token; the sculptor's is one step of the whole canvas.
"""

from __future__ import annotations

from engines.evidence import PlainError, Provenance
from engines.pictures.diffusion import Painter
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel

DIALS = Dials(temperature=0.7, top_p=0.95)
TOKENS = 48
TOLERANCE = 16
"""Colour steps of 255 by which a pixel must be off to count as changed, on every screen; less is hard to see."""
MAX_REQUEST = 200
STRAWBERRY, CAT = "a strawberry on a blue background", "a cat on a green meadow"
OWL = "an owl under a night sky"
"""What the screens begin with; :mod:`lessons.two_physics.candidates` says why."""


def request(caption: str) -> str:
    """What the typewriter is asked, for the picture the sculptor is given; PlainError when there is nothing."""
    caption = caption.strip()
    if not caption:
        raise PlainError("Name something to make: a few words, such as “a strawberry on a blue background”.")
    if len(caption) > MAX_REQUEST:
        raise PlainError(f"That is {len(caption)} characters. Keep the request to {MAX_REQUEST}.")
    return f"Describe this picture in two sentences: {caption}"


def provenance(model: LanguageModel, painter: Painter, seed: int, seconds: float, **settings: object) -> Provenance:
    """Where a result comes from that both machines made; ``seconds`` of work."""
    revisions = {"text revision": model.revision, "picture revision": painter.revision}
    kept = {**revisions, "text runtime": model.runtime, **settings}
    return Provenance("live", f"{model.name} and {painter.name}", "", kept, seed, seconds)


def both(text: str, picture: str) -> str:
    """Two snippets as one whose ``result`` is the pair; nothing when one of them is missing."""
    if not picture:
        return ""
    return f"{text}\ntext = result\n\n{picture}\nresult = (text, result)\n"
