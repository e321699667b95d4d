"""What a ZeroGPU Space demands: pickled arguments and results, a forked worker, no state that is shared."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from engines.models import hardware, lending
from engines.pictures.diffusion import Plan
from tests.engines import tiny_painters, tiny_text

ROOT = Path(__file__).resolve().parents[3]
STAGE = Path(__file__).parent / "zero_gpu_stage"


def play(folder: Path, **settings: str) -> dict[str, Any]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PLAYGROUND_", "SPACES_"))}
    environment |= {
        "PLAYGROUND_DEVICE": "cpu",
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(STAGE)]),
    }
    done = subprocess.run(
        [sys.executable, str(STAGE / "play.py"), str(folder)],
        env=environment | settings, cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="ZeroGPU forks")
def test_on_a_lent_card_every_engine_call_gives_what_it_gives_at_home(tmp_path: Path) -> None:
    tiny_painters.save_sd(tmp_path / "sd")
    tiny_painters.save_sd(tmp_path / "late")
    tiny_text.saved("llama", tmp_path / "llama")
    home, lent = play(tmp_path), play(tmp_path, SPACES_ZERO_GPU="true")
    assert home == lent
    assert "“porn”" in lent["refusals"][0] and not any("not refused" in words for words in lent["refusals"])


def test_at_home_nothing_is_wrapped() -> None:
    def function() -> int:
        return 1

    assert lending.on_card(lambda: 1.0)(function) is function
    assert not lending.away()


def test_a_reader_who_stops_closes_the_generator_at_the_other_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop was dead on ZeroGPU where nobody closed what ran in the worker."""
    ended: list[str] = []

    def count() -> Iterator[int]:
        try:
            yield from range(9)
        finally:
            ended.append("closed")

    kept = count()  # a second reference, so that forgetting the first is not enough
    monkeypatch.setitem(lending._functions, "count", lambda: kept)
    events = lending._stream_here("count")()
    assert next(events) == 0 and ended == []
    events.close()
    assert ended == ["closed"]


def test_callbacks_of_a_generator_stay_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    crossed: list[dict[str, Any]] = []

    def there(name: str, arguments: Any, options: dict[str, Any]) -> Iterator[Any]:
        crossed.append(options)
        yield None, 1

    monkeypatch.setattr(lending, "_stream_there", there)
    assert list(lending._stream_here("f")(1, seed=2, progress=print, should_stop=bool)) == [1]
    assert crossed == [{"seed": 2}]


def test_seconds_follow_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from engines.pictures import diffusion

    painter = diffusion.load(tiny_painters.save_sd(tmp_path / "sd"))
    short, long = (painter.seconds(plan.rows, plan.steps) for plan in (Plan("a cat", steps=4), Plan("a cat", steps=50)))
    assert 8 <= short < long
    monkeypatch.setitem(lending._seconds, "f", lambda n: n)
    assert [lending.duration("f", (n,), {}) for n in (0, 7.2, 10**6)] == [5, 8, lending.LONGEST]


# --- the Space's own files ---------------------------------------------------------------------------------


def front_matter() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "README.md").read_text(encoding="utf-8").split("---\n")[1])


def test_the_front_matter_is_what_a_space_reads() -> None:
    matter = front_matter()
    assert matter["sdk"] == "gradio" and (ROOT / matter["app_file"]).is_file()
    assert matter["python_version"] in {"3.12.12"}, "of the two Pythons that ZeroGPU has, ours needs 3.11 or newer"
    assert len(matter["short_description"]) <= 60
    pinned = re.search(r"^gradio==(.+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned and pinned[1] == matter["sdk_version"]


def test_the_requirements_leave_torch_a_range_that_zero_gpu_has() -> None:
    from packaging.requirements import Requirement

    lines = (ROOT / "requirements.txt").read_text().splitlines()
    torch = next(Requirement(line) for line in lines if line.startswith("torch"))
    assert all(torch.specifier.contains(version) for version in ("2.8.0", "2.9.1", "2.10.0", "2.11.0"))
    assert not any(line.startswith(("spaces", "torchvision")) for line in lines), "a Space brings its own"


def test_a_lent_card_is_known_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.delenv("PLAYGROUND_DEVICE", raising=False)
    assert hardware.model_device() == "cuda"
