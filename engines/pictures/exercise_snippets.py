"""Plain code for the code drawer of the predict-and-test lesson; see :mod:`engines.pictures.snippets`."""

from __future__ import annotations

from collections.abc import Sequence

from engines.pictures.painter import POCKET
from engines.pictures.snippets import load_pipeline

_JUDGED = """
from engines.stickers.judge import facts_of, judge, rates  # from the playground's repository, with models/judge

for caption, pictures in result.items():
    verdicts = judge(np.stack([np.asarray(picture) for picture in pictures]), facts_of(caption))
    print(caption, {aspect: f"{share.successes} of {share.trials}" for aspect, share in rates(verdicts).items()})
"""
_COUNTED = """
from engines.stickers.fingers import count_fingers  # from the playground's repository

for caption, pictures in result.items():
    print(caption, [hand.fingers for hand in count_fingers(np.stack([np.asarray(picture) for picture in pictures]))])
"""


def galleries(
    model: str, captions: Sequence[str], *, seeds: Sequence[int], steps: int, guidance_scale: float,
    count_fingers: bool = False,
) -> str:  # fmt: skip
    """``result``: dict of caption -> list of pictures, one a seed.

    The bundled painter's are judged, or their fingers counted, and the numbers printed; no other painter's can be.
    """
    scored = (_COUNTED if count_fingers else _JUDGED) if model == POCKET else ""
    return f"""{load_pipeline(model)}
result = {{}}
for caption in {list(captions)!r}:
    result[caption] = pipeline(
        caption, num_inference_steps={steps}, guidance_scale={guidance_scale!r}, num_images_per_prompt={len(seeds)},
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in {list(seeds)!r}],
    ).images
for number, pictures in enumerate(result.values()):
    for seed, picture in zip({list(seeds)!r}, pictures):
        picture.save(f"caption-{{number}}-seed-{{seed}}.png")
{scored}"""


def brier(answers: Sequence[tuple[float, int, int]]) -> str:
    """``result``: mean squared gap between each confidence and what happened; rows (confidence, right, of)."""
    return f"""import numpy as np

result = np.mean([
    (right * (confidence - 1) ** 2 + (of - right) * confidence**2) / of
    for confidence, right, of in {list(answers)!r}
])
print(f"Brier score {{result:.3f}}: 0 is the best, 0.25 what 50 % on everything scores")
"""
