"""The strikes are recorded with what they were measured of, and the lesson reads them."""

from __future__ import annotations

import json

import numpy as np

from engines import recovery
from engines.evidence import Underway
from engines.recovery import Struck
from training import recovery as recipe


def test_what_is_struck_is_written_down_and_read(tmp_path, monkeypatch, capsys) -> None:
    def machine(name):
        def run(_, seeds, shares):
            marks = tuple(seed % 2 == 0 for seed in seeds)
            rows = np.zeros((len(seeds), 48), np.int64)
            yield Underway(0.5, f"{name}: step 1")
            yield tuple(
                Struck(name, share, marks, marks, marks, marks, marks, (1,) * len(seeds), (0,) * len(seeds), rows, rows)
                for share in shares
            )

        return run

    for name in ("twin", "masked_writer", "tile", "sculptor"):
        monkeypatch.setattr(recovery, name, machine(name))
    for place in ("masked.load", "painters.load", "tile_writer", "models"):
        monkeypatch.setattr(f"training.recovery.{place}", lambda *_: {})
    recipe.main(["--runs", "2", "--moments", "0.5", "--out", str(tmp_path / "recovery.json")])
    record = json.loads((tmp_path / "recovery.json").read_text())
    assert [one["machine"] for one in record["strikes"]] == ["twin", "masked_writer", "tile", "sculptor"]
    assert all(recovery.from_record(one).standing.trials == 2 for one in record["strikes"])
    assert "| twin | 50% | 1 of 2" in capsys.readouterr().out
