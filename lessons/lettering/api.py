"""What the lettering lesson offers to ``gradio_client``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engines.evidence import Evidence
from engines.signs import lab
from engines.stickers import judge
from engines.text import character_art as art
from engines.text import language_model
from lessons.lettering import causes, mirror, signs
from lessons.shell.api import Endpoint
from lessons.shell.film import data_uri


def paint_sign(word: str = signs.WORD, painter: str = "spelled", seed: int = 7) -> dict[str, Any]:
    """Paint one sign with one of the lab's four painters, and read it.

    word: 1 to 8 letters A to Z. painter: sloppy, spelled, characters or boxes. seed: 0 to 4,294,967,295. Returns
    the picture as a data URI, what was read, whether it is exact, the edit distance, whether the word was on the
    training signs, and the pieces in which the painter's text encoder gets it.
    """
    painting = signs.paint_word(word, [painter], seeds=1, seed=seed)
    (value,) = (event.value for event in painting if isinstance(event, Evidence))
    (one,), (pieces,) = value.painted, value.pieces
    (spelling,) = one.spellings
    return {
        "word": spelling.word, "painter": painter, "seed": seed, "picture": data_uri(one.pictures[0]),
        "read": spelling.text, "exact": spelling.exact, "distance": spelling.errors,
        "seen_in_training": value.seen, "pieces": list(pieces), "revision": one.revision,
    }  # fmt: skip


def read_text(picture: str = signs.WORD) -> dict[str, Any]:
    """Read the lettering in a picture.

    picture: ``handle_file("mine.png")`` of gradio_client, or base64 or a data URI of a picture file, 20 megabytes and
    40 million pixels at most; it is fitted into 1024 × 1024 pixels on white. A path alone is refused. A word of 1 to 8
    letters, such as STOP, is printed as one of the lab's signs instead. Returns the text, its lines from
    top to bottom, and the reader's mean confidence from 0 to 1.
    """
    (found,) = judge.read_text(signs.picture_to_read(picture)[None])
    return {"text": found.text, "lines": list(found.lines), "confidence": found.confidence}


def sign_lab(
    painter: str = "spelled", words: str = "never_seen", length: int = 4, seeds: int = 2, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Run a cell of the sign lab: words times seeds by one painter, read; streams the passes, then the result.

    painter: sloppy, spelled, characters or boxes. words: never_seen or seen (up to 8 words of ``length`` letters,
    drawn by ``seed``), or your own, up to 8, separated by commas. seeds: 1 to 4, from ``seed`` on. The result has
    the share spelled exactly with its 95 % interval (over words; of one word, over seeds), the character error
    rate with its own over words (null for one word or words that all err alike), and every sign's reading.
    """
    asked = causes.words_asked(words, length, seed)
    yield {"painter": painter, "words": list(asked), "pass": 0, "finished": False}
    for event in causes.one_painter(painter, asked, seeds, seed):
        if isinstance(event, signs.Glimpse):
            yield {"painter": painter, "words": list(asked), "pass": event.index + 1, "finished": False}
        if not isinstance(event, signs.Painted):
            continue
        exact = event.exact
        yield {
            "painter": painter, "words": list(asked), "pass": lab.STEPS, "finished": True,
            "exact": exact.successes, "signs": exact.trials, "interval": [exact.low, exact.high],
            "character_error_rate": event.error_rate,
            "character_error_interval": list(event.error_interval) if event.error_interval else None,
            "revision": event.revision,
            "readings": [
                {
                    "word": spelling.word, "seed": event.seed(row), "read": spelling.text, "distance": spelling.errors,
                    "seen_in_training": lab.is_seen(spelling.word),
                }
                for row, spelling in enumerate(event.spellings)
            ],
        }  # fmt: skip


def ascii_draw(
    shape: str = "square", way: str = "shown", style: str = "spaces", runs: int = 8, seed: int = 1
) -> dict[str, Any]:
    """Let the live language model draw a shape in characters, and score it against the shape and against chance.

    shape: square, triangle, ring, diagonal, plus, cross, L or T. way: ask (just asked), shown (four other shapes
    first) or copy (the shape itself just before). style: dots, spaces or cells. runs: 1 to 16; run i has seed + i.
    Returns the shape as text and as tokens, how many tokens back the cell above stands, and for each run what was
    written, its overlap with the shape, with the other shapes and shuffled, and the shape it is most like. "chance"
    is how often the drawings' own cells, thrown about at random, are most like the shape.
    """
    model = language_model.load()
    *_, evidence = mirror.draw(model, shape, style, [way], runs=runs, seed=seed)
    assert isinstance(evidence, Evidence)
    (tried,), tokens = evidence.value.ways, evidence.value.tokens
    found = tried.recognised
    return {
        "shape": shape, "way": way, "style": style, "target": art.write(evidence.value.target, evidence.value.style),
        "tokens": list(tokens.pieces), "tokens_up": list(tokens.distances),
        "drawings": [
            {
                "seed": one.seed, "text": one.reply, "row_widths": list(one.drawing.widths), "overlap": one.score.asked,
                "shuffled": one.score.shuffled, "other_shapes": one.score.others, "most_like": one.score.likest,
            }
            for one in tried.attempts
        ],
        "recognised": found.successes, "runs": found.trials, "interval": [found.low, found.high],
        "chance": tried.chance, "model": model.name, "revision": model.revision,
    }  # fmt: skip


ENDPOINTS = (
    Endpoint(paint_sign, "signs"), Endpoint(read_text, "signs"), Endpoint(sign_lab, "signs"), Endpoint(ascii_draw),
)  # fmt: skip
