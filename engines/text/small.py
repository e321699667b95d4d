"""A typewriter of a third of a million weights, trained in a process of its own on a text of a few pages.

Characters are the tokens. :func:`train` starts :mod:`engines.text.small_training` afresh, hands it a :class:`Job`, and
streams what it reports; closing the generator ends the process, and so do its time limit and the server's own end.
:func:`save` and :func:`load` keep a trained model as safetensors. This module imports no torch.

V is the number of characters, W the width of a state, I that of a feed-forward layer.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import logging
import math
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from engines.checks import MAX_SEED, check_number, check_text, whole
from engines.evidence import PlainError, Underway

log = logging.getLogger("playground")
ROOT = Path(__file__).resolve().parents[2]
LEAST, MOST = 500, 200_000
"""Characters of a text to train on."""
MOST_CHARACTERS = 256
STRANGE = "□"
"""Stands for the rarest characters of a text that has more than :data:`MOST_CHARACTERS` different ones."""
MOST_STEPS, MOST_SECONDS = 5000, 60
MOST_SAMPLES, MOST_LENGTH = 8, 600
GRACE = 90.0
"""Seconds that a process may take beyond those of its training: to start on a busy machine, and to measure."""
MEMORY = 3_000_000_000
"""Bytes of data that the process may hold, where the system can be told."""
LINE, LINES, FILE = 4_000_000, 20_000, 3_000_000
"""Bounds: bytes of one message, messages, and bytes of a model's file."""
FORMAT = "typewriter-and-sculptor small 1"


@dataclass(frozen=True)
class Shape:
    """The size of the network, a ``LlamaForCausalLM`` whose embedding is its output layer too."""

    width: int = 96
    layers: int = 3
    heads: int = 4
    inner: int = 256
    context: int = 64

    def __post_init__(self) -> None:
        for name, (low, high) in SIZES.items():
            check_number(f"The {name} of the network", getattr(self, name), low, high, whole=True)
        if self.width % (2 * self.heads):
            raise PlainError("The width of the network must be an even multiple of its heads.")

    def tensors(self, characters: int) -> dict[str, tuple[int, ...]]:
        """Each tensor's shape, by the name that transformers gives it."""
        wide, inner = self.width, self.inner
        found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (characters, wide)}
        for number in range(self.layers):
            place = f"model.layers.{number}."
            found |= {f"{place}self_attn.{name}_proj.weight": (wide, wide) for name in "qkvo"}
            found |= {f"{place}mlp.{name}_proj.weight": (inner, wide) for name in ("gate", "up")}
            found[f"{place}mlp.down_proj.weight"] = (wide, inner)
            found |= {f"{place}{name}_layernorm.weight": (wide,) for name in ("input", "post_attention")}
        return found | {"model.norm.weight": (wide,)}

    def weights(self, characters: int) -> int:
        return sum(math.prod(shape) for shape in self.tensors(characters).values())


SIZES = {"width": (8, 192), "layers": (1, 6), "heads": (1, 8), "inner": (8, 512), "context": (8, 256)}
SHAPE = Shape()


@dataclass(frozen=True)
class Job:
    """One training run: ``steps`` batches of ``training``, or as many as ``seconds`` allow.

    ``held_out`` texts are measured at every checkpoint, and ``samples`` texts of ``length`` characters written after
    ``prompt`` from the same draws. ``checkpoints`` are steps; the last step is one in any case.
    """

    training: str
    held_out: tuple[str, ...]
    characters: str
    steps: int = MOST_STEPS
    seconds: float = 30.0
    seed: int = 7
    prompt: str = "\n"
    samples: int = 1
    length: int = 240
    temperature: float = 0.8
    checkpoints: tuple[int, ...] = (0, 10, 25, 50, 100, 150, 200, 300, 400, 500, 600, 800, 1000, 1250, 1500, 2000, 3000)
    batch: int = 16
    shape: Shape = field(default_factory=Shape)

    def __post_init__(self) -> None:
        check_number("The number of training steps", self.steps, 1, MOST_STEPS, whole=True)
        check_number("The seconds to train", self.seconds, 1, MOST_SECONDS)
        check_number("The seed", self.seed, 0, MAX_SEED, whole=True)
        check_number("The number of samples", self.samples, 1, MOST_SAMPLES, whole=True)
        check_number("The length of a sample", self.length, 1, MOST_LENGTH, whole=True)
        check_number("The temperature", self.temperature, 0.1, 2)
        check_number("The batch", self.batch, 1, 64, whole=True)
        known = set(self.characters)
        if len(self.training) < 32 or not known or len(known) != len(self.characters) > MOST_CHARACTERS:
            raise PlainError("That is too little text to train on.")
        if not set(self.training + self.prompt + "".join(self.held_out)) <= known:
            raise PlainError("The text has characters that the typewriter has no keys for.")


@dataclass(frozen=True, eq=False)
class Small:
    """A trained typewriter: its ``characters``, its size, and float16 ``tensors`` by transformers' names."""

    characters: str
    shape: Shape
    tensors: Mapping[str, np.ndarray]

    @property
    def weights(self) -> int:
        return self.shape.weights(len(self.characters))

    def readable(self, text: str) -> str:
        """``text`` without the characters that it has no keys for."""
        return "".join(character for character in text if character in self.characters)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Where a training stands after ``step`` batches and ``seconds``.

    ``loss`` is the mean of the batches since the last checkpoint, in bits a character; ``held_out`` has, for each held-
    out text, the bits a character of each of its blocks. ``model`` comes with the last.
    """

    step: int
    seconds: float
    loss: float
    held_out: tuple[tuple[float, ...], ...]
    samples: tuple[str, ...]
    model: Small | None = None


# --- texts -------------------------------------------------------------------------------------------------


def clean(text: Any, name: str = "The text") -> str:
    """A text to train on: line ends as \\n, no trailing spaces, nothing invisible, at most 256 kinds of character.

    PlainError for what is no text, too short or too long.
    """
    text = check_text(name, text, MOST)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ").replace("\u2028", "\n")
    text = unicodedata.normalize("NFC", text)
    text = "".join(one for one in text if one == "\n" or unicodedata.category(one)[0] != "C")
    text = re.sub("[^\\S\n]+\n", "\n", text).replace("\u2029", "\n").strip()
    text = re.sub("\n{3,}", "\n\n", text)
    if len(text) < LEAST:
        raise PlainError(
            f"{name} has {len(text):,} characters that can be read. Give at least {LEAST:,}: a page is a good start."
        )
    if len(set(text)) < 8:
        few = "one character, over and over" if len(set(text)) == 1 else f"{len(set(text))} different characters"
        raise PlainError(f"{name} has only {few}. Give one with more to learn.")
    kinds = Counter(text).most_common()
    if len(kinds) > MOST_CHARACTERS:
        kept = {character for character, _ in kinds[: MOST_CHARACTERS - 1]}
        text = "".join(character if character in kept else STRANGE for character in text)
    return text


def parts(text: str, held_out: float = 0.1) -> tuple[str, str]:
    """A text's beginning, to train on, and its end, held out."""
    cut = round(len(text) * (1 - held_out))
    return text[:cut], text[cut:]


def alphabet(*texts: str) -> str:
    """Every character of the texts, and the line end, in order."""
    return "".join(sorted(set("".join(texts)) | {"\n"}))


def chance(characters: int) -> float:
    """Bits a character of a uniform draw."""
    return math.log2(characters)


def pair_bits(training: str, held_out: str, characters: int) -> float:
    """Bits a character of ``held_out`` by a table of pairs counted in ``training``, the rival of the network.

    A pair's chance is (count + a) / (count of its first + a V); the best a of five is taken, in the table's favour.
    """
    pairs, firsts = Counter(zip(training, training[1:], strict=False)), Counter(training[:-1])

    def bits(extra: float) -> float:
        total = sum(
            math.log2((pairs[one, next_] + extra) / (firsts[one] + extra * characters))
            for one, next_ in zip(held_out, held_out[1:], strict=False)
        )
        return -total / max(1, len(held_out) - 1)

    return min(map(bits, (0.003, 0.01, 0.03, 0.1, 0.3)))


def longest_copy(written: str, source: str) -> str:
    """The longest passage of ``written`` that stands, character for character, in ``source``."""
    best, start, end = "", 0, 1
    while end <= len(written):
        if written[start:end] in source:
            if end - start > len(best):
                best = written[start:end]
            end += 1
        else:
            start += 1
            end = max(end, start + 1)
    return best


# --- the process -------------------------------------------------------------------------------------------


def train(job: Job) -> Generator[Underway | Checkpoint, None, None]:
    """Train in a fresh process; an Underway at least every second, and each Checkpoint as it is reached.

    Close it to stop: the process is killed. PlainError when it fails, or takes :data:`GRACE` seconds too long.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "engines.text.small_training"]
    with contextlib.ExitStack() as ending:
        errors = ending.enter_context(tempfile.TemporaryFile())
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
        ending.callback(_end, process)
        messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        assert process.stdin is not None and process.stdout is not None
        threading.Thread(target=_listen, args=(process.stdout, messages), daemon=True).start()
        threading.Thread(target=_tell, args=(process.stdin, job), daemon=True).start()
        yield from _reports(job, messages, process, errors)


def _reports(
    job: Job, messages: queue.Queue[dict[str, Any] | None], process: subprocess.Popen[bytes], errors: IO[bytes]
) -> Iterator[Underway | Checkpoint]:
    began = time.monotonic()
    deadline = began + job.seconds + GRACE
    said = starting = Underway(0.0, "Starting a process of its own")
    yield said
    while True:
        if time.monotonic() > deadline:
            raise PlainError("The training took far longer than it was given, so it was ended. Try again later.")
        try:
            message = messages.get(timeout=0.5)
        except queue.Empty:
            waited = f"{starting.words}, for {time.monotonic() - began:.0f} s"
            yield Underway(0.0, waited) if said is starting else said
            continue
        if message is None:
            errors.seek(0)
            log.error("a training ended early (%s): %s", process.poll(), errors.read(4000).decode(errors="replace"))
            raise PlainError("The training ended early; this machine may be short of memory. Try again in a minute.")
        if message.get("kind") == "at":
            step = whole("A step", message.get("step"), 0, job.steps)
            share = max(step / job.steps, _number(message, "seconds", GRACE + job.seconds) / job.seconds)
            yield (said := Underway(min(share, 0.99), f"Training step {step:,}"))
            continue
        found = checkpoint(message, job)
        yield found
        if found.model is not None:
            return


def _tell(place: IO[bytes], job: Job) -> None:
    """Send the job, and leave the pipe open: the process ends when it closes."""
    with contextlib.suppress(OSError, ValueError):
        place.write(json.dumps(asdict(job)).encode() + b"\n")
        place.flush()


def _listen(place: IO[bytes], messages: queue.Queue[dict[str, Any] | None]) -> None:
    """Put each message of the process into the queue, and None at its end, or where it breaks a bound."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        for _ in range(LINES):
            line = place.readline(LINE)
            if not line.endswith(b"\n"):
                break
            message = json.loads(line)
            if not isinstance(message, dict):
                break
            messages.put(message)
    messages.put(None)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with contextlib.suppress(OSError, ValueError):
        if process.stdin:
            process.stdin.close()
    process.wait()
    if process.stdout:
        process.stdout.close()


def _number(message: Mapping[str, Any], name: str, most: float) -> float:
    check_number(f"“{name}”", message.get(name), 0, most)
    return float(message[name])


def checkpoint(message: Mapping[str, Any], job: Job) -> Checkpoint:
    """A message of the process as a Checkpoint; PlainError where it is not what was asked for."""
    blocks, samples, data = message.get("held_out"), message.get("samples"), message.get("model")
    if (
        not isinstance(blocks, list)
        or not isinstance(samples, list)
        or len(blocks) != len(job.held_out)
        or len(samples) != job.samples
        or not all(isinstance(each, list) and len(each) <= 200 for each in blocks)
        or not all(isinstance(each, str) and len(each) <= job.length for each in samples)
        or not set("".join(samples)) <= set(job.characters)
    ):
        raise PlainError("The training reported what cannot be read. Try again.")
    for each in blocks:
        for bits in each:
            check_number("Bits a character", bits, 0, 1000)
    step = whole("A step", message.get("step"), 0, job.steps)
    model = None
    if data is not None:
        try:
            model = load(base64.b64decode(data, validate=True))
        except (binascii.Error, ValueError, TypeError) as error:
            raise PlainError("The training sent no model that can be read. Try again.") from error
    seconds, loss = _number(message, "seconds", GRACE + job.seconds), _number(message, "loss", 1000)
    return Checkpoint(step, seconds, loss, tuple(map(tuple, blocks)), tuple(samples), model)


# --- a file ------------------------------------------------------------------------------------------------


def save(model: Small) -> bytes:
    """A safetensors file: float16 tensors, and characters and sizes in its JSON header."""
    from safetensors.numpy import save as to_bytes

    metadata = {"format": FORMAT, "characters": model.characters, "shape": json.dumps(asdict(model.shape))}
    return to_bytes({name: np.ascontiguousarray(one) for name, one in model.tensors.items()}, metadata)


FOREIGN = "This file is no typewriter saved here. Choose one that you saved on this page (.safetensors)."
BROKEN = "This file is damaged: its header and its numbers do not fit together. Save the typewriter again."


def load(data: Any) -> Small:
    """The model of a file. Every size, name and number is checked first; PlainError where one does not fit."""
    if not isinstance(data, bytes | bytearray) or len(data) < 16:
        raise PlainError(FOREIGN)
    if len(data) > FILE:
        raise PlainError(f"This file is too large for a typewriter of this page: {FILE // 1_000_000} MB at most.")
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(100_000, len(data) - 8):
        raise PlainError(FOREIGN)
    try:
        header = json.loads(bytes(data[8 : 8 + length]).decode("utf-8"))
        metadata = header.pop("__metadata__")
        sizes = json.loads(metadata["shape"])
        kind, characters = metadata["format"], metadata["characters"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PlainError(FOREIGN) from error
    if kind != FORMAT or not isinstance(characters, str) or not isinstance(sizes, dict) or sizes.keys() != SIZES.keys():
        raise PlainError(FOREIGN)
    if not _keys(characters):
        raise PlainError(BROKEN)
    shape = Shape(**sizes)
    wanted = shape.tensors(len(characters))
    if header.keys() != wanted.keys():
        raise PlainError(BROKEN)
    body, spans = memoryview(data)[8 + length :], []
    tensors = {}
    for name, size in wanted.items():
        start, end = _span(header[name], size, len(body))
        spans.append((start, end))
        tensors[name] = np.frombuffer(body[start:end], "<f2").reshape(size).copy()
        if not np.isfinite(tensors[name]).all():
            raise PlainError(BROKEN)
    spans.sort()
    if spans[0][0] or spans[-1][1] != len(body) or any(one[1] != two[0] for one, two in zip(spans, spans[1:])):  # noqa: B905
        raise PlainError(BROKEN)
    return Small(characters, shape, tensors)


def _keys(characters: str) -> bool:
    """Whether these can be the keys of a typewriter: different, in order, and all of them visible."""
    seen = sorted(set(characters))
    visible = all(one == "\n" or unicodedata.category(one)[0] != "C" for one in seen)
    return visible and "".join(seen) == characters and "\n" in seen and len(seen) <= MOST_CHARACTERS + 1


def _span(entry: Any, size: Sequence[int], room: int) -> tuple[int, int]:
    """Where a tensor's bytes lie, once the header's entry for it is what ``size`` asks for."""
    if not isinstance(entry, dict) or entry.get("dtype") != "F16" or entry.get("shape") != list(size):
        raise PlainError(BROKEN)
    span = entry.get("data_offsets")
    if not isinstance(span, list) or len(span) != 2 or not all(type(one) is int for one in span):
        raise PlainError(BROKEN)
    start, end = span
    if not 0 <= start <= end <= room or end - start != 2 * math.prod(size):
        raise PlainError(BROKEN)
    return start, end
