"""The two writers: one start, the same stories, and a run that was stopped goes on."""

from __future__ import annotations

import json

import numpy as np
import torch

from engines.models.weights import fingerprint
from engines.text import masked, stories
from training import masked_text, story_measures


def test_a_tiny_run_resumes_and_is_measured(tmp_path) -> None:
    tiny = ["--width", "16", "--layers", "1", "--batch", "4", "--shared", "1", "--stories", "50"]
    tiny += ["--checkpoint", str(tmp_path / "run.pt"), "--out", str(tmp_path / "out")]
    masked_text.main([*tiny, "--steps", "2"])
    first = torch.load(tmp_path / "run.pt")
    masked_text.main([*tiny, "--steps", "4", "--resume"])
    last = torch.load(tmp_path / "run.pt")
    assert (first["step"], last["step"]) == (2, 4)
    (tmp_path / "out" / "README.md").write_text("Card\n" + "\n".join(story_measures.MARKS) + "\n")
    masked_text.main([*tiny, "--evaluate", "--count", "2"])
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["weights"] == fingerprint(tmp_path / "out") and set(metrics["written"]) >= {"2", "32", "twin"}
    assert metrics["shuffled"]["valid"]["right"] == 0 and "| the twin |" in (tmp_path / "out" / "README.md").read_text()


def test_only_the_masked_one_sees_what_comes_after() -> None:
    for causal in (True, False):
        torch.manual_seed(0)
        network = masked_text.untrained(causal, 30, 16, 1).eval()
        one, other = torch.arange(5)[None], torch.tensor([[0, 1, 2, 3, 9]])
        with torch.inference_mode():
            same = torch.equal(network(one).logits[:, :4], network(other).logits[:, :4])
        assert same is causal


def test_shares_are_spread_over_a_batch() -> None:
    share = masked_text.hidden_share(8, torch.Generator().manual_seed(1))
    assert share.min() > 0 and share.max() <= 1 and np.allclose(np.diff(np.sort(share.numpy())), 1 / 8, atol=1e-6)


def test_counting_words_is_a_dearer_guess_than_either_writer() -> None:
    texts = [story_measures.unseen(seed) for seed in range(6)]
    bits = story_measures.bits(masked.load(), texts)
    control = np.mean(story_measures.counted(texts, [stories.story(seed) for seed in range(2000)]))
    assert np.mean(bits["twin"]) < np.mean(bits["masked"]) < control
