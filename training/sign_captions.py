"""What the sign painters are told: the word lists, the captions by cause, and the two ways to read them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from tokenizers import pre_tokenizers
from transformers import CLIPTokenizer

from engines.signs.world import CAPTION

WORD_LIST = Path(__file__).parent / "sign_words.yaml"
MAX_LENGTH = 24
NAMED = 0.08
"""Share of the sloppy captions that name the word all the same."""
LEAST_COUNT = 4
"""Byte pairs are merged while they stand side by side in at least so many captions."""
SLOPPY = (
    "IMG_{}.jpg", "a sign", "street sign photo", "buy sign cheap", "DSC_{}", "sign board", "photo of a sign",
    "untitled", "new sign", "best price sign", "image {}", "sign with text",
)  # fmt: skip


def word_lists() -> dict[str, Any]:
    """``sign_words.yaml``: ``seen`` and ``never_seen``, each length -> words in capitals, and the ``source``."""
    lists: dict[str, Any] = yaml.safe_load(WORD_LIST.read_text())
    return lists


def flat(words: dict[int, str]) -> list[str]:
    """All words of a list, short ones first."""
    return [word for length in sorted(words) for word in words[length].split()]


def spelled(word: str) -> str:
    return CAPTION.format(word)


def sloppy(word: str, chooser: random.Random) -> str:
    """What alt text says of a sign: mostly not what is written on it."""
    if chooser.random() < NAMED:
        return spelled(word)
    return chooser.choice(SLOPPY).format(chooser.randint(1000, 9999))


def byte_pairs(words: Sequence[str]) -> CLIPTokenizer:
    """A CLIP tokenizer of the pieces that ``words`` share: common words are one token, the rest a few.

    A piece that only one word held would teach nothing about another, so rare pairs are left apart. The same words
    always give the same tokens, in any process: a run that resumes or exports builds it anew.
    """
    template = CLIPTokenizer().backend_tokenizer
    counts: Counter[str] = Counter()
    for caption in [spelled(word) for word in words] + [text.format("") for text in SLOPPY] * 5:
        counts.update(
            part for part, _ in template.pre_tokenizer.pre_tokenize_str(template.normalizer.normalize_str(caption))
        )
    return _clip_tokenizer(merges(counts))


def merges(counts: Mapping[str, int], least: int = LEAST_COUNT) -> list[tuple[str, str]]:
    """Byte pair encoding (Sennrich et al. 2016, algorithm 1) while the commonest pair occurs ``least`` times or more.

    Of pairs that are equally common the first in the alphabet is merged. The trainer of ``tokenizers`` leaves that to
    chance, so that two runs give some words different numbers.
    """
    cut = {word: [*word[:-1], f"{word[-1]}</w>"] for word in counts}
    common: Counter[tuple[str, str]] = Counter()
    for word, pieces in cut.items():
        for pair in pairwise(pieces):
            common[pair] += counts[word]
    made = []
    while best := min((pair for pair in common if common[pair] >= least), key=lambda p: (-common[p], p), default=None):
        made.append(best)
        for word, pieces in cut.items():
            if best not in pairwise(pieces):
                continue
            common.subtract({pair: counts[word] * number for pair, number in Counter(pairwise(pieces)).items()})
            joined: list[str] = []
            for piece in pieces:
                if joined and (joined[-1], piece) == best:
                    joined[-1] += piece
                else:
                    joined.append(piece)
            cut[word] = joined
            for pair in pairwise(joined):
                common[pair] += counts[word]
        del common[best]
    return made


def characters() -> CLIPTokenizer:
    """A CLIP tokenizer that merges nothing: one token a letter."""
    return _clip_tokenizer([])


def _clip_tokenizer(merges: list[Any]) -> CLIPTokenizer:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: index for index, letter in enumerate(letters)}
    vocabulary |= {letter + "</w>": len(letters) + index for index, letter in enumerate(letters)}
    for left, right in merges:
        vocabulary.setdefault(left + right, len(vocabulary))
    for mark in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[mark] = len(vocabulary)
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_LENGTH)
