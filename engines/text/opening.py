"""How a language model is opened: its tokenizer, the network that torch runs, and the quick typewriter if there is one.

What loading decides: in which numbers the weights are held, whether they fit, and whether the network is read now or
only when something needs it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.evidence import PlainError, Progress
from engines.models import four_bits, hardware, lending
from engines.models.catalogue import Entry
from engines.models.weights import Weights
from engines.text import snippets

if TYPE_CHECKING:
    from engines.text.quick import Quick
    from engines.text.transformer import Network

FULL_PRECISION_UP_TO = 4 * 2**30
"""Weight files up to this many bytes run in float32: logits rounded to half precision would tie."""


@dataclass(frozen=True, eq=False)
class Parts:
    """What a ``LanguageModel`` is made of. ``network`` opens itself on first need where ``quick`` writes without it."""

    network: Network | Callable[[], Network]
    tokenizer: Any
    quick: Quick | None
    name: str
    revision: str
    licence: str
    reference: str


def open_parts(entry: Entry, progress: Progress) -> Parts:
    """Fetch and open an entry's model; PlainError when its files cannot be had, do not fit or are no such model."""
    from engines.models import weights

    files = weights.ensure(entry, lambda share, words: progress(0.8 * share, words))
    progress(0.85, f"Loading {files.name} into memory")
    numbers = hardware.numbers_in(files.path)
    placement = hardware.check_fits(files.name, numbers, memory=hardware.free_bytes(), in_parts=False)
    size = sum(path.stat().st_size for path in files.path.glob("*.safetensors"))
    in_full = size <= FULL_PRECISION_UP_TO and numbers * 6 <= placement.memory_bytes
    tokenizer = _open_tokenizer(files)
    quick = _open_quick(files.path) if hardware.model_device() == "cpu" else None
    open_network = functools.partial(_open_network, files, in_full)
    parts = Parts(
        open_network if quick else open_network(), tokenizer, quick, files.name, files.revision, files.licence,
        snippets.reference(entry, files),
    )  # fmt: skip
    progress(1.0, f"{files.name} is ready")
    return parts


def _open_tokenizer(files: Weights) -> Any:
    kind = "AutoTokenizer"
    if (files.path / four_bits.FILE).is_file():
        kind = "PreTrainedTokenizerFast"  # what our own conversion saves; AutoTokenizer takes seconds to import
    with _said_in_words(files.name):
        found: Any = getattr(import_module("transformers"), kind)
        return found.from_pretrained(files.path, local_files_only=True, trust_remote_code=False)


def _open_quick(folder: Path) -> Quick | None:
    """The quick typewriter, where the model's files have one and this machine can run it."""
    if not (folder / four_bits.FILE).is_file():
        return None
    from engines.text.quick import Quick

    try:
        return Quick(folder)
    except Exception:  # onnxruntime's own derive from nothing closer
        return None


def _open_network(files: Weights, in_full: bool) -> Network:
    from transformers import AutoModelForCausalLM

    from engines.text.transformer import Network

    with _said_in_words(files.name):
        model: Any = AutoModelForCausalLM.from_pretrained(
            files.path,
            dtype="float32" if in_full else hardware.dtype(hardware.model_device()),
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
        )
    network = Network(model.to(hardware.model_device()))
    if not lending.away():  # where the weights are there in name only, nothing can be tried
        network.try_out()
    return network


@contextmanager
def _said_in_words(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise PlainError(
            f"{name} could not be loaded as a language model. Check the name or folder, or choose "
            f"another one. The loader said: {error}"
        ) from error
