"""Run every engine call of a ZeroGPU Space in this process, or in workers where ``SPACES_ZERO_GPU`` is set.

``python play.py FOLDER`` prints what came out as JSON; the test compares both ways.
"""

import json
import os
import sys
import threading
from pathlib import Path

import numpy as np
import torch

from engines.evidence import PlainError
from engines.models import hardware, lending
from engines.pictures import diffusion, painter
from engines.pictures.diffusion import Freeze, Plan
from engines.text import language_model
from engines.text.dials import Dials

torch.set_num_threads(1)
zero = hardware.on_zero_gpu()
folder = Path(sys.argv[1])
sculptor = painter.load(folder / "sd")
typewriter = language_model.load(str(folder / "llama"))
CAPTION = "a red cat on a blue background"
out: dict = {}


def digest(value) -> object:
    if isinstance(value, np.ndarray):
        return [list(value.shape), round(float(np.abs(value.astype(np.float64)).sum()), 3)]
    return value


def refused(call) -> str:
    try:
        call()
    except PlainError as error:
        return str(error)
    return "not refused"


if zero:  # whatever computes in the server's own process is a mistake
    import spaces

    unet, text = type(sculptor.unet), type(typewriter._weights.model)
    for kind in (unet, text, type(sculptor.vae)):

        def guarded(self, *args, plain=kind.forward, **kwargs):
            assert spaces.forked, "a network ran outside the lent card"
            return plain(self, *args, **kwargs)

        kind.forward = guarded

picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
passes = list(diffusion.denoise(sculptor, Plan(CAPTION, seeds=(1, 2), steps=3, record_attention=True, previews=True)))
out["passes"] = [[digest(step.latent), digest(step.previews), digest(step.pictures)] for step in passes]
out["maps"] = [digest(maps) for maps in passes[0].attention.maps.values()]
latent = sculptor.encode(picture[None])
out["trip"] = digest(latent), digest(sculptor.decode(latent))
out["noising"] = [digest(guess.guess) for guess in diffusion.noising(sculptor, picture, timesteps=(9, 500), seed=3)]
frozen = Freeze(picture, np.eye(8, dtype=bool))
out["frozen"] = digest(diffusion.paint(sculptor, Plan(CAPTION, steps=2, freeze=frozen)))

prompt = typewriter.encode("The keys to the cabinet")
out["scores"] = digest(typewriter.next_token_scores(prompt).logits)
out["text"] = [token.token_id for token in typewriter.write(prompt, Dials(), seed=1, max_tokens=6)]
drawn = []
typed = typewriter.write(
    prompt, Dials(), seed=1, max_tokens=3, draw=lambda kept, u: drawn.append(u) or int(kept.argmax())
)
out["by hand"] = [token.token_id for token in typed]
out["dice"] = [round(u, 9) for u in drawn]
*told, runs = typewriter.write_many(prompt, Dials(), seeds=(1, 2), max_tokens=4)
out["told"] = [event.share for event in told]
half = typewriter.write_many(prompt, Dials(), seeds=(1, 2), max_tokens=40)
next(half)
half.close()  # Stop: the worker ends at its next step
out["runs"] = [list(run.token_ids) for run in runs]
out["attention"] = digest(typewriter.attention("The keys").weights)
out["lens"] = len(typewriter.logit_lens("The keys"))
out["ablation"] = typewriter.ablate_heads("The keys", [(0, 0)]).target
smeared = typewriter.smeared(0.5, 3)
out["smeared"] = digest(smeared.next_token_scores(prompt).logits)
assert out["smeared"] != out["scores"]

out["refusals"] = [
    refused(lambda: diffusion.paint(sculptor, Plan("porn", steps=1))),
    refused(lambda: diffusion.paint(sculptor, Plan(CAPTION, steps=1, width=60))),
    refused(lambda: sculptor.decode(np.zeros((1, 3, 8, 8)))),
    refused(lambda: typewriter.attention("")),
]

run = diffusion.denoise(sculptor, Plan(CAPTION, steps=90))
next(run)
run.close()  # Stop: the worker ends at its next pass

painter.TOKENIZING.acquire()  # another learner's thread holds a lock while a worker is forked
done: list = []
thread = threading.Thread(target=lambda: done.append(diffusion.paint(sculptor, Plan(CAPTION, steps=1))))
if zero:
    thread.start()
    thread.join(timeout=60)
painter.TOKENIZING.release()
if not zero:
    thread.start()
    thread.join(timeout=60)
out["beside a lock"] = digest(done[0])

if zero:
    assert max(spaces.asked) <= lending.LONGEST and len(set(spaces.asked)) >= 3, spaces.asked
    late: list = []
    loader = threading.Thread(target=lambda: late.append(refused(lambda: painter.load(folder / "late"))))
    loader.start()
    loader.join()
    assert "placed when the Space starts" in late[0], late
print(json.dumps(out))
os._exit(0)
