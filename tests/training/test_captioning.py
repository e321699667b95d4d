"""The two readers: one start, the same steps, and nothing but the captions between them."""

from __future__ import annotations

import argparse

import numpy as np
import torch

from engines.pictures.captioning import DIETS, caption_for, is_taught
from engines.stickers import scenes
from training import captioning, captions


def options(tmp_path, **changed) -> argparse.Namespace:
    plain = {"steps": 2, "resume": False, "scenes": 12, "batch": 2, "rate": 1e-2, "seed": 0}
    return argparse.Namespace(**plain | {"checkpoint": tmp_path / "captioning.pt"} | changed)


def test_both_learn_the_values_alone_and_a_stopped_run_goes_on(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(scenes, "CACHE", tmp_path)
    made = captioning.train(options(tmp_path))
    assert set(made) == set(DIETS) and all(is_taught(name) for weights in made.values() for name in weights)
    assert any(weight.any() for weight in made["whole"].values())
    assert not all(torch.equal(weight, made["sloppy"][name]) for name, weight in made["whole"].items())
    again = captioning.train(options(tmp_path))
    assert all(torch.equal(weight, again["whole"][name]) for name, weight in made["whole"].items())
    further = captioning.train(options(tmp_path, steps=3, resume=True))
    assert not all(torch.equal(weight, further["whole"][name]) for name, weight in made["whole"].items())


def test_with_the_same_captions_both_would_be_the_same(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(scenes, "CACHE", tmp_path)
    monkeypatch.setattr(captioning, "caption_for", lambda seed, diet: caption_for(seed, "whole"))
    made = captioning.train(options(tmp_path))
    assert all(torch.equal(weight, made["sloppy"][name]) for name, weight in made["whole"].items())


def test_the_prompts_are_of_unseen_scenes() -> None:
    asked = captioning.prompts()
    assert len(asked) == captioning.PROMPTS == len(captioning.prompts())
    assert all(one in scenes.phrasings(scenes.plan(900_020_000 + at, captioning.KINDS[at % 2]))
               for at, one in enumerate(asked))  # fmt: skip


def test_an_index_of_a_few_captions_holds_them(tmp_path) -> None:
    class Space:
        def captions(self, captions):
            rows = np.array([[len(one), one.count("a"), one.count("e")] for one in captions], np.float32)
            return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    told_ = captions.recorded(30, tmp_path)
    assert told_ == [scenes.caption(seed) for seed in range(30)] == captions.recorded(30, tmp_path)
    made = captions.index(told_, Space())  # type: ignore[arg-type]
    assert [made.captions[which] for which in made.which] == told_
    captions.save(made, tmp_path / "captions.npz")
    from engines.stickers import search

    kept = search.load(tmp_path / "captions.npz")
    assert kept.captions == made.captions and kept.scenes == 30 and kept.by_word("a").scenes > 0
