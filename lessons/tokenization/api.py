"""What the tokenization lesson offers to ``gradio_client``."""

from __future__ import annotations

from typing import Any

from engines.checks import whole
from engines.evidence import Evidence
from lessons.shell.api import Endpoint
from lessons.tokenization import cause, chunks, count
from lessons.tokenization.measures import MAX_RUNS, WORD, check_letter, check_seed, check_spelling, check_word


def tokenize(text: str, vocabulary: str = "o200k") -> dict[str, Any]:
    """Cut a text with one vocabulary.

    text: up to 2,000 characters. vocabulary: live (the live model's own), smollm2, cl100k, o200k, llama3, qwen3,
    mistral, deepseek, gemma or clip. Returns the ids, a list of chunks (id, text, first and last byte, whether it is
    whole characters), the number of tokens, the characters a token, and the size of the vocabulary.
    """
    (cut,) = chunks.chunks(text, [vocabulary]).value.cuts
    return {
        "vocabulary": cut.vocabulary.name,
        "size": cut.vocabulary.size,
        "text": cut.text,
        "ids": list(cut.ids),
        "tokens": len(cut.ids),
        "characters_per_token": cut.characters_per_token if cut.ids else None,
        "chunks": [
            {"id": s.token_id, "text": s.text, "start_byte": s.start_byte, "end_byte": s.end_byte, "whole": s.whole}
            for s in cut.spans
        ],
    }


def count_letters(
    word: str = WORD, letter: str = "r", runs: int = 16, spelling: str = "whole", seed: int = 1
) -> dict[str, Any]:
    """Ask the live language model how often a letter stands in a word, in several seeded runs.

    word: one word of up to 24 letters; an accent typed apart is joined to its letter. letter: one letter. runs: 1 to
    32. spelling: whole, spaces or hyphens. seed: of the first run; run i has seed + i. Returns the true count, every
    answer (null where the run gave no number) and its text, how many were right, and the 95 % Wilson interval of that
    share.
    """
    from engines.text import language_model

    way = check_spelling(spelling)
    word, letter = check_word(word), check_letter(letter)
    runs, seed = whole("The number of runs", runs, 1, MAX_RUNS), check_seed(seed)
    model = language_model.load()
    asking = count.count_letters(model, word, letter, [way], runs=runs, seed=seed)
    (evidence,) = (event for event in asking if isinstance(event, Evidence))
    (tally,) = evidence.value
    return {
        "word": tally.word,
        "letter": tally.letter,
        "truth": tally.truth,
        "spelling": tally.spelling,
        "tokens": list(tally.seen),
        "answers": list(tally.answers),
        "texts": list(tally.texts),
        "right": tally.right.successes,
        "runs": tally.right.trials,
        "interval": [tally.right.low, tally.right.high],
        "model": model.name,
        "revision": model.revision,
        "runtime": model.runtime,
    }


def ask_counters(word: str = WORD, letter: str = "r") -> dict[str, Any]:
    """Ask four small networks, which differ in one cause each, how often a letter stands in a word.

    word: one word of up to 24 letters a to z. letter: one of them. Returns the true count, whether the networks were
    asked about the word in training, met it there or never saw it (asked, met, new), and for each network (chunks,
    spelled, letters, answers) the word as it reads it, its answer, the probabilities of 0 to 9, and its share right on
    words never seen with the 95 % Wilson interval, as its card has it.
    """
    (evidence,) = cause.ask(word, letter)
    value = evidence.value
    return {
        "word": value.word,
        "letter": value.letter,
        "truth": value.truth,
        "standing": value.met,
        "networks": {
            key: {"tokens": list(one.seen), "answer": one.count, "probabilities": list(one.chances),
                  "unseen_words": dict(value.record["networks"][key]["all"])}
            for key, one in value.answers
        },
        "blind": dict(value.record["blind"]["all"]),
        "revision": evidence.provenance.revision,
    }  # fmt: skip


ENDPOINTS = (Endpoint(tokenize, None), Endpoint(count_letters, "text"), Endpoint(ask_counters, None))
