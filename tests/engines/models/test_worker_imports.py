"""Importing ahead and loading never overlap: each would see half of what the other imports."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from engines.models import worker


def test_importing_ahead_waits_for_what_is_loaded_and_loading_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "slow_import_goes_on", threading.Event(), raising=False)
    (tmp_path / "slow_import.py").write_text("import sys\nsys.slow_import_goes_on.wait(30)\nDONE = True\n")
    loading, loaded, order = threading.Event(), threading.Event(), []

    def load() -> None:
        loading.set()
        assert loaded.wait(30)
        worker.apart(order.append, "nested")  # a model that opens another is not kept waiting by itself
        order.append("loaded")

    first = threading.Thread(target=worker.apart, args=(load,))
    first.start()
    assert loading.wait(30)
    ahead = threading.Thread(target=worker.import_ahead, args=("slow_import",))
    ahead.start()
    assert "slow_import" not in sys.modules
    loaded.set()
    first.join(30)
    while "slow_import" not in sys.modules:
        assert ahead.is_alive()
    second = threading.Thread(target=worker.apart, args=(lambda: order.append(sys.modules["slow_import"].DONE),))
    second.start()
    sys.slow_import_goes_on.set()
    second.join(30)
    ahead.join(30)
    assert order == ["nested", "loaded", True]
