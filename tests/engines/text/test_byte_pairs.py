"""The teaching loop learns what the tokenizers library learns, and cuts as it cuts."""

from __future__ import annotations

import pytest
import yaml

from engines.evidence import PlainError
from engines.text import byte_pairs
from engines.text.pieces import BYTE_OF
from lessons.shell.content import folder

SAMPLES = yaml.safe_load((folder("tokenization") / "samples.yaml").read_text(encoding="utf-8"))
TEXTS = {**SAMPLES["diets"], **SAMPLES["kinds"], "Hindi": "\n".join(SAMPLES["declaration"]["Hindi"])}


def reference(text: str, merges: int):
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(byte_pairs.WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + merges, initial_alphabet=alphabet, show_progress=False, min_frequency=2
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


@pytest.mark.parametrize("name", TEXTS)
def test_learns_the_merges_of_the_library(name: str) -> None:
    text = TEXTS[name]
    learned = byte_pairs.learn(text, 120)
    vocabulary = reference(text, 120).get_vocab()
    entries = sorted(vocabulary, key=vocabulary.__getitem__)[256:]
    assert [bytes(BYTE_OF[letter] for letter in entry) for entry in entries] == [m.chunk for m in learned]


def test_cuts_as_the_library_cuts() -> None:
    text = SAMPLES["diets"]["A fruit stall"]
    learned = byte_pairs.learn(text, 150)
    for other in (" strawberry", "strawberry", *SAMPLES["kinds"].values()):
        chunks = byte_pairs.cut(other, learned)
        assert b"".join(chunks) == other.encode()
        assert len(chunks) == len(reference(text, 150).encode(other).ids)


def test_counts_fall_and_the_first_merge_is_the_commonest_pair() -> None:
    learned = byte_pairs.learn("low low low low low lower lower newest newest newest", 50)
    assert learned[0].chunk == b"lo" and learned[0].count == 7
    counts = [merge.count for merge in learned]
    assert counts == sorted(counts, reverse=True) and counts[-1] >= 2


@pytest.mark.parametrize(("text", "merges"), [("", 5), ("  \n", 5), ("a" * 20_001, 5), ("abab", 0), ("abab", 1_001)])
def test_bad_input_is_told_plainly(text: str, merges: int) -> None:
    with pytest.raises(PlainError):
        byte_pairs.learn(text, merges)
