from __future__ import annotations

import json
import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel

from engines.models.weights import fingerprint
from engines.signs import lab as sign_lab
from engines.signs.measures import Spelling, recorded
from training import captured, flat, sign_captions, sign_measures, sign_painting, signs
from training.painter import SCHEDULE

WORDS = ["A", "AT", "CAT", "STOP", "STEP", "OPEN", "PEN"]


@pytest.fixture(scope="module")
def painters() -> dict[str, signs.SignPainter]:
    return signs.build(WORDS)


def test_the_split_keeps_words_apart() -> None:
    lists = signs.word_lists()
    seen, never = signs.flat(lists["seen"]), signs.flat(lists["never_seen"])
    assert len(seen) == len(set(seen)) and len(never) >= 200 and not set(seen) & set(never)
    for words in (lists["seen"], lists["never_seen"]):
        assert all(len(word) == length for length, listed in words.items() for word in listed.split())
        assert all(sign_lab.check_word(word) == word for word in signs.flat(words))


def test_words_fall_into_the_pieces_that_they_share(painters: dict[str, signs.SignPainter]) -> None:
    pairs, letters = painters["spelled"].tokenizer, painters["characters"].tokenizer
    assert pairs.tokenize("STOP") == ["st", "o", "p</w>"] and pairs.tokenize("POTS") == ["p", "o", "t", "s</w>"]
    assert letters.tokenize("STOP") == ["s", "t", "o", "p</w>"]
    assert len(letters(sign_captions.spelled("EIGHTEEN")).input_ids) <= signs.MAX_LENGTH


def test_pieces_never_met_in_training_are_counted(painters: dict[str, signs.SignPainter]) -> None:
    pairs, letters = painters["spelled"].tokenizer, painters["characters"].tokenizer
    assert sign_measures.unmet_pieces(pairs, WORDS, ["STOP", "CAT"]) == {
        "words": 2, "pieces": 5, "unmet": 0, "with_unmet": 0, "wholly_unmet": 0,
    }  # fmt: skip
    found = sign_measures.unmet_pieces(pairs, WORDS, ["XX", "STOPAT"])
    assert found == {"words": 2, "pieces": 6, "unmet": 2, "with_unmet": 1, "wholly_unmet": 1}  # of XX
    assert sign_measures.unmet_pieces(letters, WORDS, ["TAP", "SCAT"])["unmet"] == 0


def test_the_record_and_the_card_say_how_strange_new_words_are_to_each_encoder() -> None:
    words, pieces = sign_lab.words(), recorded()["pieces"]
    for cause in ("spelled", "characters"):
        tokenizer = sign_lab.load(cause).pipeline.tokenizer
        found = sign_measures.unmet_pieces(tokenizer, words.seen, words.never_seen)
        assert found == pieces[cause] and found["words"] == len(words.never_seen)
    row = pieces["spelled"]
    card = (sign_lab.FOLDER / "README.md").read_text()
    page = (Path(__file__).parents[2] / "lessons" / "lettering" / "lesson.md").read_text()
    assert row["unmet"] == 0 and all(str(row["pieces"]) in text for text in (card, page))


def test_the_lists_of_the_recipe_and_of_the_folder_are_described_alike() -> None:
    lists = signs.word_lists()
    assert sign_lab.words().source == lists["source"] and "pieces of words" in lists["source"]


def test_byte_pairs_do_not_depend_on_chance(painters: dict[str, signs.SignPainter]) -> None:
    again = sign_captions.byte_pairs(WORDS[::-1])
    assert again.get_vocab() == painters["spelled"].tokenizer.get_vocab()
    assert sign_captions.merges({"abab": 2, "bab": 1}, 2) == [("a", "b</w>"), ("b", "ab</w>"), ("a", "bab</w>")]
    assert sign_captions.merges({"abab": 2, "bab": 1}, 3) == [("a", "b</w>"), ("b", "ab</w>")]


def test_sloppy_captions_rarely_name_the_word() -> None:
    chooser = random.Random(0)
    named = sum("STOP" in sign_captions.sloppy("STOP", chooser) for _ in range(2000)) / 2000
    assert 0.06 < named < 0.10


def test_all_painters_start_from_the_same_weights(painters: dict[str, signs.SignPainter]) -> None:
    scheduler = DDPMScheduler(**SCHEDULE)
    torch.manual_seed(0)
    latents, layout, noise = torch.randn(3, 2, 4, 4, 26).unbind()
    named, dropped = [sign_captions.spelled("STOP"), sign_captions.spelled("CAT")], torch.ones(2, dtype=torch.bool)
    errors = {}
    for key, painter in painters.items():
        ids = painter.tokenizer(named, padding="max_length", return_tensors="pt").input_ids
        steps = torch.tensor([200, 900])
        _, errors[key] = signs.loss_of(painter, scheduler, latents, layout, noise, steps, ids, dropped)
    assert torch.equal(errors["sloppy"], errors["spelled"])
    assert torch.allclose(errors["boxes"], errors["spelled"], atol=1e-5)
    for name, weight in painters["characters"].unet.state_dict().items():
        assert torch.equal(weight, painters["spelled"].unet.state_dict()[name])


def test_error_rates_are_counted_over_letters_and_resampled_over_words() -> None:
    row = sign_measures.cell([Spelling("CAT", "CAT", 0), Spelling("CAT", "CAR", 1), Spelling("OPENED", "", 6)])
    assert row["right"] == 1 and row["of"] == 3 and row["words"] == 2
    assert row["character_error_rate"] == pytest.approx(7 / 12, abs=1e-4)
    assert row["character_error_low"] == pytest.approx(1 / 6, abs=1e-4) and row["character_error_high"] == 1
    alone = sign_measures.cell([Spelling("CAT", "CAT", 0), Spelling("CAT", "CAR", 1)])
    assert alone["character_error_low"] == alone["character_error_high"] == alone["character_error_rate"]


@pytest.fixture
def few_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Painters of one block each way: what a recipe does with its weights takes as long as there are tensors."""

    def small(channels: int = 4) -> UNet2DConditionModel:
        return UNet2DConditionModel(
            sample_size=(4, 26), in_channels=channels, out_channels=4, block_out_channels=(8,), layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D",), up_block_types=("CrossAttnUpBlock2D",), mid_block_type=None,
            cross_attention_dim=signs.TEXT_WIDTH, attention_head_dim=4, norm_num_groups=4,
        )  # fmt: skip

    monkeypatch.setattr(signs, "build_unet", small)


@pytest.mark.usefixtures("few_weights")
def test_the_recipe_runs_resumes_and_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = {"seen": {1: "A", 4: "STOP"}, "never_seen": {4: "POTS"}, "source": "here"}
    monkeypatch.setattr(signs, "word_lists", lambda: lists)
    monkeypatch.setattr(signs, "LENGTH_ODDS", (1, 1))
    monkeypatch.setattr(sign_lab, "paint", partial(sign_lab.paint, steps=2))
    few = ["--minutes", "0.01", "--batch", "4", "--no-sheets", "--checkpoint", str(tmp_path / "signs.pt")]
    signs.main([*few, "--out", str(tmp_path / "signs")])
    seen = torch.load(tmp_path / "signs.pt")["seen"]
    signs.main([*few, "--out", str(tmp_path / "signs"), "--resume"])
    assert torch.load(tmp_path / "signs.pt")["seen"] > seen
    (tmp_path / "signs" / "README.md").write_text("<!-- metrics -->\n<!-- end of metrics -->\n")
    signs.main(["--evaluate", "--words", "1", *few[4:], "--out", str(tmp_path / "signs")])
    metrics = json.loads((tmp_path / "signs" / "metrics.json").read_text())
    assert metrics["weights"] == {cause: fingerprint(tmp_path / "signs" / cause) for cause in sign_lab.CAUSES}
    assert set(metrics["painters"]) == set(sign_lab.CAUSES) and metrics["training"]["signs"] > seen
    assert np.isfinite(metrics["painters"]["boxes"]["never_seen"]["all"]["rate"])
    assert "never seen" in (tmp_path / "signs" / "README.md").read_text()
    assert set(metrics["pieces"]) == {"spelled", "characters"}
    (tmp_path / "signs.pt").unlink()
    signs.main(["--evaluate", "--words", "1", *few[4:], "--out", str(tmp_path / "signs")])
    assert json.loads((tmp_path / "signs" / "metrics.json").read_text()) == metrics, (
        "measured again without a checkpoint"
    )
    again = ["--minutes", "0.005", "--batch", "4", "--no-sheets", "--checkpoint", str(tmp_path / "anew.pt"), "--resume"]
    signs.main([*again, "--out", str(tmp_path / "signs")])
    assert torch.load(tmp_path / "anew.pt")["seen"] > metrics["training"]["signs"]
    outcomes, table = metrics["outcomes"]["boxes"]["seen"], metrics["painters"]["boxes"]["seen"]["all"]
    assert len(outcomes) == 2 and all(len(errors) == 4 for errors in outcomes.values())
    assert sum(not letters for errors in outcomes.values() for letters in errors) == table["right"]


@pytest.mark.usefixtures("few_weights")
def test_a_run_until_flat_ends_by_itself_and_cools_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that cannot change have a flat loss: the run takes its patience and a quarter more, then stops."""
    lists = {"seen": {1: "A", 3: "CAT PEN", 4: "STOP"}, "never_seen": {1: "B", 3: "TAP", 4: "POTS"}, "source": "here"}
    monkeypatch.setattr(signs, "word_lists", lambda: lists)
    monkeypatch.setattr(sign_painting, "LOOK", 2)
    monkeypatch.setattr(sign_painting, "HELD_OUT", 4)
    rates: list[float] = []
    learn = sign_painting.PlainSteps.__call__

    def still(self: sign_painting.PlainSteps, rate: float) -> None:
        rates.append(rate)
        learn(self, 0)

    monkeypatch.setattr(sign_painting.PlainSteps, "__call__", still)
    few = ["--batch", "2", "--no-sheets", "--checkpoint", str(tmp_path / "signs.pt"), "--out", str(tmp_path / "signs")]
    signs.main([*few, "--until-flat", "--patience", "8", "--minutes", "600", "--no-captured"])
    assert torch.load(tmp_path / "signs.pt")["seen"] == 2 * 10 and len(rates) == 10
    warmed = [rate * 50 / (step + 1) for step, rate in enumerate(rates)]
    assert warmed[:9] == pytest.approx([3.5e-3] * 9) and warmed[9] < 0.6 * 3.5e-3
    with pytest.raises(SystemExit):
        signs.main([*few, "--until-flat", "--steps", "10"])


def test_the_held_out_loss_is_of_the_averaged_weights_and_disturbs_nothing() -> None:
    painters = signs.build(WORDS)
    diet = sign_painting.Diet(WORDS, torch.randn(5 * len(WORDS), 4, 4, 26), torch.randn(len(WORDS), 4, 4, 26))
    held_out = sign_painting.HeldOut(painters["spelled"], diet, torch.device("cpu"))
    weights = {f"spelled.{name}": value.clone() for name, value in painters["spelled"].modules().state_dict().items()}
    before = torch.random.get_rng_state()
    first = held_out.error(weights)
    assert first == held_out.error(weights) and 0.5 < first < 2
    quiet = {name: torch.zeros_like(value) for name, value in weights.items()}
    assert held_out.error(quiet) != first and held_out.error(weights) == first
    assert torch.equal(torch.random.get_rng_state(), before)


def test_patience_grows_with_every_fall_that_counts() -> None:
    run = flat.UntilFlat(10)
    run.look(4, 1.0)
    run.look(8, 0.9)
    assert (run.patience, run.flat_at) == (16, None)
    run.look(12, 0.899)  # lower, but not by a share that counts
    assert run.patience == 16 and run.share(15, 0.1) == flat.WARM
    run.look(16, 0.95)
    assert run.flat_at == 16 and run.share(16, 0.1) == flat.WARM
    assert run.share(18, 0.1) == pytest.approx(0.51) and run.share(20, 0.1) == 1
    run.look(18, 0.5)  # the cooling goes on
    assert run.flat_at == 16
    with pytest.raises(ValueError, match="no|rate"):
        flat.UntilFlat(10).look(3, float("nan"))
    late = flat.UntilFlat(1000)
    assert late.share(79, 0.79) == flat.WARM and late.share(80, 0.8) == flat.WARM
    assert late.share(90, 0.9) == pytest.approx(0.51) and late.share(100, 1.0) == 1


def test_signs_are_drawn_on_the_device_as_on_the_host(painters: dict[str, signs.SignPainter]) -> None:
    """Lengths by ``LENGTH_ODDS``, words of one length alike, and captions of the sort that a painter reads."""
    torch.manual_seed(0)
    diet = sign_painting.Diet(WORDS, torch.zeros(0), torch.zeros(0))
    drawn = captured.draw(torch.from_numpy(diet.odds()), 20_000)
    shares = (torch.bincount(drawn, minlength=len(WORDS)) / 20_000).tolist()
    odds = {length: share / 10 for length, share in zip((1, 2, 3, 4), signs.LENGTH_ODDS, strict=False)}
    for word, share in zip(WORDS, shares, strict=True):
        expected = odds[len(word)] / sum(len(other) == len(word) for other in WORDS)
        assert share == pytest.approx(expected, abs=0.013), word  # four standard errors
    chooser = random.Random(0)
    told = {key: sign_painting.captions_of(painter, WORDS, chooser) for key, painter in painters.items()}
    assert told["spelled"].shape == told["characters"].shape == (len(WORDS), 1, 24)
    stop = painters["characters"].tokenizer.decode(told["characters"][WORDS.index("STOP"), 0], skip_special_tokens=True)
    assert "stop" in stop.replace(" ", "")
    assert told["sloppy"].shape == (len(WORDS), sign_painting.SLOPPY_PHRASINGS, 24)
    assert len(told["sloppy"][0].unique(dim=0)) > 20
    timesteps = sign_painting.noisy_timesteps(20_000, 0.35)
    assert timesteps.min() >= 0 and timesteps.max() <= 999
    assert (timesteps > 600).float().mean().item() == pytest.approx(1 - 0.6 ** (1 / 0.35), abs=0.012)


@pytest.mark.usefixtures("played_card", "few_weights")
def test_all_four_learn_from_device_drawn_batches_and_resume_on_either_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = {"seen": {1: "A", 3: "CAT PEN", 4: "STOP"}, "never_seen": {1: "B", 3: "TAP", 4: "POTS"}, "source": "here"}
    monkeypatch.setattr(signs, "word_lists", lambda: lists)
    few = ["--steps", "2", "--batch", "4", "--no-sheets", "--checkpoint", str(tmp_path / "signs.pt")]
    signs.main([*few, "--out", str(tmp_path / "signs"), "--captured"])
    for path in ("--no-captured", "--captured"):
        signs.main([*few, "--out", str(tmp_path / "signs"), path, "--resume"])
    state = torch.load(tmp_path / "signs.pt")
    assert state["seen"] == 24 and set(state["optimisers"]) == set(sign_lab.CAUSES)
    assert all(value.isfinite().all() for value in state["average"].values())
