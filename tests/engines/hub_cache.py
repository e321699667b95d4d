"""A local cache laid out as the Hub's client lays it out."""

from __future__ import annotations

import hashlib
from pathlib import Path

import huggingface_hub._snapshot_download
import huggingface_hub.constants
import huggingface_hub.file_download
import pytest

COMMIT = "a" * 40


def lay_out(monkeypatch: pytest.MonkeyPatch, cache: Path, repository: str, folder: Path) -> Path:
    """Put ``folder``'s files into ``cache`` as one commit of a repository; the client is told to work offline.

    blobs/<sha> hold the bytes, snapshots/<commit>/<name> link to them, refs/main names the commit.
    """
    home = cache / f"models--{repository.replace('/', '--')}"
    snapshot = home / "snapshots" / COMMIT
    (home / "blobs").mkdir(parents=True)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(COMMIT)
    for file in (path for path in folder.rglob("*") if path.is_file()):
        blob = home / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        blob.write_bytes(file.read_bytes())
        link = snapshot / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    for module in (huggingface_hub.constants, huggingface_hub.file_download, huggingface_hub._snapshot_download):
        if hasattr(module, "HF_HUB_CACHE"):
            monkeypatch.setattr(module, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return snapshot
