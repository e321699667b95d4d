"""What a learner types stays text: “<|im_end|>” in it never becomes the token that steers the model.

Only a chat template may write such control tokens. The text that it is given is cut as any other, as transformers'
``split_special_tokens`` does for a text that stands alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engines.evidence import PlainError

if TYPE_CHECKING:
    import tokenizers

STAND_INS = range(0xF0000, 0xFFFFE)
"""Private characters that mean nothing to anyone; one stands for each marker while the template is filled in."""


def cutting_markers(rules: str, template: str) -> tokenizers.Tokenizer:
    """A tokenizer made from ``rules``, a tokenizer.json, that cuts control tokens as it cuts any other text.

    They are the special tokens, and those others that the chat ``template`` writes: some models do not mark theirs as
    special. Raises whatever the tokenizers library does for rules that it cannot read.
    """
    import tokenizers

    parsed = json.loads(rules)
    for token in parsed.get("added_tokens") or ():
        token["special"] = _steers(token["content"], token["special"], template)
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(parsed))
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _steers(content: str, special: bool, template: str) -> bool:
    return special or (bool(content.strip()) and content in template)


class LearnersText:
    """Cuts what a learner typed with one transformers tokenizer: by itself, or filled into its chat template."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    @cached_property
    def controls(self) -> dict[str, int]:
        """Every control token by its text, longest first."""
        template = str(self.tokenizer.chat_template or "")
        added = self.tokenizer.added_tokens_decoder
        found = {t.content: i for i, t in added.items() if _steers(t.content, t.special, template)}
        return dict(sorted(found.items(), key=lambda item: -len(item[0])))

    @cached_property
    def _cutter(self) -> tokenizers.Tokenizer | None:
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        return backend and cutting_markers(backend.to_str(), str(self.tokenizer.chat_template or ""))

    def cut(self, text: str, *, beginning: bool) -> list[int]:
        """Token ids of ``text``; with ``beginning`` after the mark that some tokenizers put in front of a text."""
        if marker := next((marker for marker in self.controls if marker in text), None):
            steering = set(self.controls.values()) - {self.tokenizer.unk_token_id}
            if steering & set(self._ids(text, beginning=False)):
                raise PlainError(f"This model's tokenizer takes “{marker}” for a control token. Leave it out.")
        return self._ids(text, beginning)

    def _ids(self, text: str, beginning: bool) -> list[int]:
        if self._cutter is not None:
            return self._cutter.encode(text, add_special_tokens=beginning).ids
        return self.tokenizer(text, add_special_tokens=beginning, split_special_tokens=True)["input_ids"]

    def chat(self, messages: Sequence[Mapping[str, str]]) -> tuple[str, list[int]]:
        """The conversation as the template writes it, ready for an answer, and its token ids."""
        typed = "".join(message["content"] for message in messages)
        free = (chr(code) for code in STAND_INS if chr(code) not in typed)
        masks = {marker: next(free) for marker in self.controls if marker in typed}
        masked = [{**message, "content": _replaced(message["content"], masks)} for message in messages]
        written = self.tokenizer.apply_chat_template(masked, tokenize=False, add_generation_prompt=True)
        if not masks:
            return written, self.tokenizer(written, add_special_tokens=False)["input_ids"]
        text_of = {mask: marker for marker, mask in masks.items()}
        return _replaced(written, text_of), self._around(written, text_of)

    def _around(self, written: str, text_of: Mapping[str, str]) -> list[int]:
        """Ids of a filled template, in which stretches between control tokens are cut anew with their markers."""
        if self._cutter is None:
            raise PlainError(f"Leave “{next(iter(text_of.values()))}” out: this model would take it for an order.")
        read = self.tokenizer(written, add_special_tokens=False, return_offsets_mapping=True)
        steering = set(self.controls.values())
        ids: list[int] = []
        stretch: list[int] = []
        at = 0
        for token_id, (start, end) in [*zip(read["input_ids"], read["offset_mapping"], strict=True), (None, (-1, -1))]:
            if token_id is not None and token_id not in steering:
                stretch.append(token_id)
                continue
            between = written[at : start if token_id is not None else None]
            holds_markers = any(mask in between for mask in text_of)
            ids += self.cut(_replaced(between, text_of), beginning=False) if holds_markers else stretch
            ids += [] if token_id is None else [token_id]
            stretch, at = [], end
        return ids


def _replaced(text: str, words: Mapping[str, str]) -> str:
    for word, other in words.items():
        text = text.replace(word, other)
    return text
