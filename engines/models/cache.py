"""The user's cache folder: where it is, one process at a time, whole or absent, and enough room.

Every failure of the disk becomes a PlainError that says what to do.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engines.evidence import PlainError
from engines.models import settings

SPARE = 32 << 20
"""Bytes left free beyond what is needed."""


def folder() -> Path:
    """Where readied files live: ``PLAYGROUND_CACHE``, else the user's cache folder."""
    chosen = settings.folder(settings.CACHE)
    if chosen:
        return chosen
    import platformdirs

    return Path(platformdirs.user_cache_dir("typewriter-and-sculptor", appauthor=False))


@contextmanager
def alone(name: str, waiting: Callable[[float], None]) -> Iterator[None]:
    """Hold the lock called ``name``; call ``waiting(seconds)`` twice a second while another process has it.

    Raises PlainError when the cache cannot be written. The system frees the lock of a process that dies.
    """
    from filelock import FileLock, Timeout

    locks = folder() / "locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=locks):
            pass
    except OSError as error:
        raise_if_disk(error)
        raise _not_writable() from error
    lock = FileLock(locks / f"{name.replace('/', '--').replace(os.sep, '--').strip('.-')}.lock")
    started = time.monotonic()
    while True:
        try:
            lock.acquire(timeout=0.5)
            break
        except Timeout:
            waiting(time.monotonic() - started)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes ``target`` if the block succeeds and vanishes if it does not.

    The caller holds the lock of ``target``, so what a killed run left behind is swept away first.
    """
    prefix = f".{target.name}-"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for leftover in target.parent.glob(f"{prefix}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        making = Path(tempfile.mkdtemp(dir=target.parent, prefix=prefix))
    except OSError as error:
        raise_if_disk(error)
        raise
    try:
        yield making
        making.chmod(0o755)
        for file in making.iterdir():
            file.chmod(0o644)
        shutil.rmtree(target, ignore_errors=True)
        os.replace(making, target)
    except Exception as error:
        raise_if_disk(error)
        raise
    finally:
        shutil.rmtree(making, ignore_errors=True)


def check_room(needed: int, where: Path | None = None) -> None:
    """Raise PlainError unless ``needed`` bytes, and some to spare, are free in ``where`` (the cache)."""
    where = where or folder()
    free = free_bytes(where)
    if free < needed + SPARE:
        raise PlainError(
            f"This needs {megabytes(needed + SPARE)} MB of free disk in {where}, and there are "
            f"{megabytes(free)} MB. Free some space, or set {settings.CACHE} to a folder on a larger disk."
        )


def free_bytes(where: Path | None = None) -> int:
    """Free bytes on the disk of ``where`` (the cache), which need not exist yet."""
    where = where or folder()
    return shutil.disk_usage(next(path for path in (where, *where.parents) if path.exists())).free


def raise_if_disk(error: BaseException) -> None:
    """Turn a full or read-only disk, however a library wraps it, into a PlainError; let the rest pass."""
    number = getattr(error, "errno", None)
    text = str(error).lower()
    if number in {errno.ENOSPC, errno.EDQUOT} or "no space left" in text or "os error 28" in text:
        raise PlainError(
            f"The disk of {folder()} is full. Free some space, or set {settings.CACHE} to a folder on a larger "
            "disk, and try again; what was downloaded is kept."
        ) from error
    if number in {errno.EROFS, errno.EACCES, errno.EPERM}:
        raise _not_writable() from error


def megabytes(size: float) -> str:
    """``size`` bytes as megabytes for a sentence."""
    return f"{size / 1e6:,.1f}" if size < 10e6 else f"{size / 1e6:,.0f}"


def _not_writable() -> PlainError:
    return PlainError(
        f"The cache folder {folder()} cannot be written. Set {settings.CACHE} to a folder you may write to and start "
        "again."
    )
