"""The passes of a causal language model: torch and transformers below this line, numpy above it.

B is the batch, T the tokens read, V the vocabulary, H the heads, d the width of a head. One pass runs at a
time (:mod:`engines.models.worker`); texts that wait for theirs at the same moment share it
(:mod:`engines.text.packing`).
"""

from __future__ import annotations

import copy
import functools
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

from engines.evidence import PlainError
from engines.models import counting, hardware, worker
from engines.models.batching import Meeting
from engines.models.capture import Captured
from engines.text import shared_passes
from engines.text.packing import Cached, Packed
from engines.text.recorded_steps import RecordedSteps
from engines.text.shared_passes import MOST_READ, Piece
from engines.text.tables import Row, TableBatch, Tables, read_together


@dataclass(frozen=True)
class Parts:
    """Where the numbers of a model sit, counted: ``attention`` and ``feed_forward`` over all ``layers``.

    ``tables`` are the embedding and the output matrix, counted once where they are one (``shared``). ``rest`` is what
    is left: norms, and positions where the model learned them.
    """

    layers: int
    attention: int
    feed_forward: int
    tables: int
    shared: bool
    rest: int

    @property
    def total(self) -> int:
        return self.attention + self.feed_forward + self.tables + self.rest


class Network:
    """The forward passes of one causal language model (a decoder-only transformer).

    ``model`` stays as transformers loaded it: no hook, no setting is changed on it. ``vocabulary_size`` is V,
    ``layers`` and ``heads`` count the attention, ``context`` is the longest input in tokens, ``numbers`` counts the
    parameters. :meth:`try_out` finds out whether texts may share a pass (``packs``), and whether their next tokens
    are recorded on a card and replayed (``records``). ``room``: the tokens that all texts may hold in their caches.
    Raises PlainError for a kind of model whose layers do not all attend.
    """

    def __init__(self, model: Any, packs: bool = False) -> None:
        config = model.config.get_text_config()
        if model._is_stateful or not hasattr(config, "num_attention_heads") or not _attends_everywhere(config):
            raise _unsuited(model)
        self.model = model.eval().requires_grad_(False)
        self.vocabulary_size = int(config.vocab_size)
        self.layers = int(config.num_hidden_layers)
        self.heads = int(config.num_attention_heads)
        self.context = int(getattr(config, "max_position_embeddings", 0) or 2048)
        eos = model.generation_config.eos_token_id
        self.full_precision = model.dtype == torch.float32
        self.runtime = f"torch, {str(model.dtype).removeprefix('torch.')}"
        self.numbers = sum(parameter.numel() for parameter in model.parameters())
        self.eos_ids = frozenset([] if eos is None else [eos] if isinstance(eos, int) else eos)
        self.packs = packs
        self.records = False
        self.room = shared_passes.room(self._bytes_a_token())
        self._meeting = Meeting[Piece, np.ndarray](self._read_together, MOST_READ)
        self._tables = Tables(shared=True)

    @worker.only
    def try_out(self) -> None:
        """Write a few tokens in every way there is and compare: alone, with its cache, in a padded batch.

        Raises PlainError for a model that cannot, or that comes to other scores, such as one that takes the padding
        for text.
        """
        ids = [self.vocabulary_size * place // 9 for place in (1, 5, 3, 7)]
        try:
            whole = _numpy(self.model(input_ids=self._tensor([ids]), use_cache=False).logits[0])  # [4, V]
            _, cache = self.read(ids[:2])
            cached, _ = self.read(ids[2:], cache, keep=2)
            batch = self.batch([ids[:3], ids[:1]])
            padded = [batch.logits[0], batch.logits[1], batch.step([ids[3], ids[1]])[0]]
            batch.keep([1])
            padded.append(batch.step([ids[2]])[0])
            repeated = self.batch([ids[:2]] * 2).step(ids[2:])[0]
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # a class of its own may fail in any way
            raise _unsuited(self.model) from error
        found = np.stack([*cached, *padded, repeated])
        gap = np.abs(found - whole[[2, 3, 2, 0, 3, 2, 2]]).mean() / whole.std()
        most = 0.01 if self.full_precision else 0.25
        if not gap < most:  # so is nan
            raise _unsuited(self.model)
        kinds = set(getattr(self.model.config.get_text_config(), "layer_types", None) or ())
        alike = functools.partial(self._agree, ids, whole, most)
        self.packs = kinds <= {"full_attention", "sliding_attention"} and alike(self.read_packed, Cached)
        if not self.packs:
            self.__dict__.pop("_packed", None)
        elif Captured(self.model).on(self.model.device):
            places = Tables()
            self.records = alike(lambda pieces: read_together(self._steps, pieces, places), Row)

    def _agree(
        self,
        ids: Sequence[int],
        whole: np.ndarray,
        most: float,
        read: Callable[[list[Piece]], list[np.ndarray]],
        cache: Callable[[], Any],
    ) -> bool:
        """Whether two texts that share passes come to the scores ``whole`` [4, V] that ``ids`` have alone."""
        one, other = cache(), cache()
        try:
            found = [
                *read([Piece(ids[:1], one, 1), Piece(ids[:2], other, 2)]),
                *read([Piece(ids[1:3], one, 2), Piece(ids[2:3], other, 1)]),
                *read([Piece(ids[3:], one, 1), Piece(ids[3:], other, 1)]),
            ]
        except torch.OutOfMemoryError:
            raise
        except Exception:  # its attention is of a kind of its own
            return False
        return bool(np.abs(np.concatenate(found) - whole[[0, 0, 1, 1, 2, 2, 3, 3]]).mean() / whole.std() < most)

    def parts(self) -> Parts:
        """Its parameters by the work they do; of a layer, whatever is neither attention nor a norm is feed-forward."""
        counted = {"attention": 0, "feed_forward": 0}
        for block in _layers_of(self.model, self.layers):
            for name, part in block.named_children():
                if "norm" not in type(part).__name__.lower():
                    kind = "attention" if re.search("attn|attention", name) else "feed_forward"
                    counted[kind] += sum(weight.numel() for weight in part.parameters())
        tables = (self.model.get_input_embeddings(), self.model.get_output_embeddings())
        weights = {id(table.weight): table.weight.numel() for table in tables if table is not None}
        known = sum(weights.values())
        rest = self.numbers - known - sum(counted.values())
        return Parts(self.layers, **counted, tables=known, shared=len(weights) == 1, rest=rest)

    @worker.only
    def multiply_adds(self, new: int, seen: int = 0) -> int:
        """Multiply-adds of a pass over ``new`` tokens after ``seen`` in the cache, of which the last is scored.

        Which tokens they are changes nothing. See :func:`engines.models.counting.multiply_adds`.
        """
        cache = self._read_alone([0] * seen, None, 1)[1] if seen else None
        return counting.multiply_adds(self._read_alone, [0] * new, cache, 1)

    def bytes_read(self, seen: int) -> int:
        """Bytes that a pass for one text reads, after ``seen`` tokens in its cache: weights, and keys and values.

        The table of tokens counts where it is the output matrix too; else a pass takes a line of it a token.
        """
        table, output = self.model.get_input_embeddings(), self.model.get_output_embeddings()
        apart = hardware.bytes_of(table) if output is not None and output.weight is not table.weight else 0
        return hardware.bytes_of(self.model) - apart + self._bytes_a_token() * seen

    def _bytes_a_token(self) -> int:
        """What the keys and values of one token take in the cache."""
        config = self.model.config.get_text_config()
        width = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        heads = getattr(config, "num_key_value_heads", None) or self.heads
        return 2 * self.layers * heads * width * self.model.dtype.itemsize

    @worker.only
    def close(self) -> None:
        """Drop the weights once the pass under way is done."""
        self.model = hardware.Unloaded()
        self._tables.clear()
        for twin in ("_packed", "in_table", "_steps", "_microscope", "_blocks"):
            self.__dict__.pop(twin, None)

    def read(self, ids: Sequence[int], cache: Any = None, keep: int = 1, fresh: bool = False) -> tuple[np.ndarray, Any]:
        """Read ``ids`` [T] after what ``cache`` holds (the KV cache, grown in place), in a pass that others may share.

        On a card, what another text began with too is not read again, unless it is to be ``fresh``. Returns logits
        float32 [keep, V] of the last ``keep`` positions, and the cache. Company changes the last digits of the logits,
        since a larger matrix is multiplied in another order.
        """
        if not self.packs:
            return self._read_alone(ids, cache, keep)
        cache = cache or (Row() if self.records else Cached())
        return shared_passes.read(self._meeting, ids, cache, keep, fresh), cache

    @worker.only
    def _read_alone(self, ids: Sequence[int], cache: Any, keep: int) -> tuple[np.ndarray, Any]:
        out = self.model(input_ids=self._tensor([ids]), past_key_values=cache, use_cache=True, logits_to_keep=keep)
        return _numpy(out.logits[0]), out.past_key_values

    def _read_together(self, pieces: Sequence[Piece]) -> list[np.ndarray]:
        """A pass over pieces of several texts; for each, its logits float32 [keep, V]."""
        return read_together(self._steps, pieces, self._tables) if self.records else self.read_packed(pieces)

    def read_packed(self, pieces: Sequence[Piece]) -> list[np.ndarray]:
        """One forward pass over pieces of several texts in a row; for each, its logits float32 [keep, V]."""
        packed = Packed(pieces)
        out = self._packed(
            input_ids=self._tensor([packed.ids]),
            position_ids=self._tensor([packed.positions]),
            logits_to_keep=self._tensor(packed.kept),
            use_cache=False,
            packed=packed,
        )
        packed.grow()
        return list(np.split(_numpy(out.logits[0]), np.cumsum([piece.keep for piece in pieces])[:-1]))

    def batch(self, prompts: Sequence[Sequence[int]]) -> Batch | TableBatch:
        """Many sequences that grow in step."""
        return TableBatch(self._steps, prompts) if self.records else Batch(self, prompts)

    @worker.only
    def probe(
        self,
        ids: Sequence[int],
        *,
        record: Sequence[int] = (),
        silence: Sequence[Sequence[tuple[int, int]]] = ((),),
    ) -> Probe:
        """A forward pass that records attention and ablates heads (Michel et al. 2019), without cache; ``ids`` [T].

        ``record`` lists layers whose attention is kept. ``silence`` has one entry for each row of the batch:
        the (layer, head) pairs whose output is set to zero, at every position, before the layer's output
        projection.
        """
        silenced = {
            (layer, row): sorted(head for where, head in pairs if where == layer)
            for row, pairs in enumerate(silence)
            for layer in {where for where, _ in pairs}
        }
        probe = Probe(frozenset(record), silenced)
        token = _PROBE.set(probe)
        try:
            out = self._microscope(input_ids=self._tensor([ids] * len(silence)), use_cache=False, logits_to_keep=1)
            probe.logits = _numpy(out.logits[:, -1])
        finally:
            _PROBE.reset(token)
        if probe.heads != self.heads:
            raise PlainError("This model computes its attention in a way of its own; this view cannot look inside.")
        return probe

    @worker.only
    def lens(self, ids: Sequence[int]) -> np.ndarray:
        """The logit lens: logits float32 [layers + 1, V] that each layer's state at the last position would give.

        In a second pass over as many tokens as there are states, the last layer hands these over instead of its own.
        So the model itself turns each into logits: final norm, output matrix, and whatever scales or caps them.
        """
        states: list[torch.Tensor] = []  # [1, 1, width]: the embedding, then after every layer

        def keep(block: Any, given: tuple[Any, ...], output: Any) -> None:
            if not states:
                states.append(given[0][:, -1:])
            states.append((output[0] if isinstance(output, tuple) else output)[:, -1:])

        def hand_over(block: Any, given: tuple[Any, ...], output: Any) -> Any:
            rows = torch.cat(states, dim=1)  # [1, layers + 1, width]
            return (rows, *output[1:]) if isinstance(output, tuple) else rows

        with _hooked(self._blocks, keep):
            self._microscope(input_ids=self._tensor([ids]), use_cache=False, logits_to_keep=1)
        if any(state.ndim != 3 for state in states):
            raise PlainError("This model's layers hand over several states at once; the logit lens cannot read it.")
        with _hooked(self._blocks[-1:], hand_over):
            return _numpy(self._microscope(input_ids=self._tensor([[0] * len(states)]), use_cache=False).logits[0])

    def smeared(self, scale: float, seed: int) -> Network:
        """A copy whose weight matrices carry noise: weight + scale × std(weight) × N(0, 1).

        The noise of a seed keeps its direction at every scale. Vectors (norms, biases) are left alone.
        """
        noisy = copy.deepcopy(self.model)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in noisy.parameters():
                if weight.ndim >= 2:
                    noise = torch.randn(weight.shape, generator=generator).to(weight)
                    weight.add_(noise, alpha=scale * weight.float().std().item())
        copied = Network(noisy, self.packs)
        copied.records = self.records
        return copied

    def _tensor(self, ids: Sequence[Any]) -> torch.Tensor:
        return torch.tensor(ids, device=self.model.device)

    @cached_property
    def _blocks(self) -> torch.nn.ModuleList:
        """The layers under the microscope, in the order of their work."""
        return _layers_of(self._microscope, self.layers)

    @cached_property
    def _microscope(self) -> Any:
        return self._twin("microscope")

    @cached_property
    def _packed(self) -> Any:
        return self._twin("packed")

    @cached_property
    def in_table(self) -> Any:
        """The model whose attention reads and fills the rows of a table, one new token each."""
        return self._twin("in_table")

    @cached_property
    def _steps(self) -> RecordedSteps:
        return RecordedSteps(self)

    def _twin(self, attention: str) -> Any:
        """The same weights under a second set of modules, with another attention."""
        shared = {id(tensor): tensor for tensor in (*self.model.parameters(), *self.model.buffers())}
        twin = copy.deepcopy(self.model, shared)
        twin.set_attn_implementation(attention)
        return twin


def _layers_of(model: Any, count: int) -> torch.nn.ModuleList:
    for part in model.get_decoder().modules():
        if isinstance(part, torch.nn.ModuleList) and len(part) == count:
            return part
    raise PlainError("This model's layers are arranged in an unusual way; this view cannot look inside.")


def _attends_everywhere(config: Any) -> bool:
    """Whether every layer is one of attention; hybrids name other kinds, such as "conv" or "mamba"."""
    kinds = getattr(config, "layer_types", None) or getattr(config, "layers_block_type", None) or ()
    return all("attention" in kind and "linear" not in kind for kind in kinds)


def _unsuited(model: Any) -> PlainError:
    return PlainError(
        f"This model ({model.config.model_type}) is of a kind that cannot be opened here. Choose a decoder-only "
        "transformer, where every layer looks back at the whole text by attention, such as GPT-2, Llama, Qwen, Mistral "
        "or Gemma. Mamba and other recurrent models, and hybrids of the two, keep a memory of another kind."
    )


class Batch:
    """Sequences that grow by one token each a pass: prompts padded on the left, one shared KV cache.

    Equal prompts are read once and the cache is copied. Rounding differs a little from a batch of one. A processor
    reads long prompts in pieces, so that others' passes come in between.
    """

    _cache: Any = None

    def __init__(self, network: Network, prompts: Sequence[Sequence[int]]) -> None:
        self._network = network
        longest = max(len(prompt) for prompt in prompts)
        same = all(prompt == prompts[0] for prompt in prompts)
        rows = [prompts[0]] if same else prompts
        self._mask = torch.zeros(len(rows), 0, dtype=torch.long)  # [B, T]
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        self._padded = not bool(mask.all())
        ids = torch.tensor([[0] * (longest - len(row)) + list(row) for row in rows])
        at_once = max(1, MOST_READ // len(rows)) if network.model.device.type == "cpu" else longest
        for new, seen in zip(ids.split(at_once, 1), mask.split(at_once, 1), strict=True):
            self.logits = self._pass(new, seen)
        if same and len(prompts) > 1:
            self._repeat(len(prompts))

    @worker.only
    def _repeat(self, times: int) -> None:
        self._cache.batch_repeat_interleave(times)
        self._mask = self._mask.repeat(times, 1)
        self.logits = np.repeat(self.logits, times, axis=0)

    def step(self, token_ids: Sequence[int]) -> np.ndarray:
        """One token for each sequence; logits float32 [B, V] for the next."""
        self.logits = self._pass(torch.tensor(token_ids)[:, None], torch.ones(len(token_ids), 1, dtype=torch.long))
        return self.logits

    @worker.only
    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows only."""
        index = torch.tensor(rows)
        self._mask = self._mask[index]
        self._cache.batch_select_indices(index.to(self._network.model.device))

    @worker.only
    def _pass(self, ids: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
        """Read ``ids`` [B, T], of which the ``mask`` is 0 where a row has not begun; logits float32 [B, V]."""
        device = self._network.model.device
        self._mask = torch.cat([self._mask, mask], dim=1)
        places: dict[str, torch.Tensor] = {}
        if self._padded:
            positions = (self._mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
            places = {"attention_mask": self._mask.to(device), "position_ids": positions.to(device)}
        out = self._network.model(
            input_ids=ids.to(device), past_key_values=self._cache, use_cache=True, logits_to_keep=1, **places
        )
        self._cache = out.past_key_values
        return _numpy(out.logits[:, -1])


@dataclass(frozen=True)
class LayerAttention:
    """One layer's attention in one pass, row 0 of the batch, as the model computed it.

    ``queries`` [H, T, d]; ``keys`` and ``values`` [H_kv, T, d]; ``mask`` [T, T], added to the scores;
    ``weights`` [H, T, T]; all float32. ``scale`` multiplies query·key.
    """

    queries: np.ndarray
    keys: np.ndarray
    values: np.ndarray
    mask: np.ndarray
    scale: float
    weights: np.ndarray


@dataclass
class Probe:
    """What to watch in a pass, and what was seen: ``layers`` by index, ``logits`` float32 [B, V], ``heads`` a layer."""

    record: frozenset[int]
    silenced: Mapping[tuple[int, int], Sequence[int]]
    layers: dict[int, LayerAttention] = field(default_factory=dict)
    logits: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))
    heads: int = 0


_PROBE: ContextVar[Probe | None] = ContextVar("probe", default=None)


def _watched_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **settings: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The model's own eager attention, watched: query [B, H, T, d], key and value [B, H_kv, T, d]."""
    eager = sys.modules[type(module).__module__].eager_attention_forward  # type: ignore[attr-defined]
    output, weights = eager(module, query, key, value, attention_mask, **settings)  # [B, T, H, d], [B, H, T, T]
    probe, layer = _PROBE.get(), module.layer_idx
    if probe is None:
        return output, weights
    probe.heads = weights.shape[1]
    if layer in probe.record:
        mask = torch.zeros(weights.shape[-2:]) if attention_mask is None else attention_mask[0, 0]
        probe.layers[layer] = LayerAttention(
            queries=_numpy(query[0]),
            keys=_numpy(key[0]),
            values=_numpy(value[0]),
            mask=_numpy(mask),
            scale=float(settings["scaling"]),
            weights=_numpy(weights[0]),
        )
    for (where, row), heads in probe.silenced.items():
        if where == layer:
            output[row, :, heads] = 0
    return output, weights


@contextmanager
def _hooked(blocks: Iterable[torch.nn.Module], hook: Callable[..., Any]) -> Iterator[None]:
    """Call ``hook(block, inputs, output)`` after each of ``blocks``; what it returns takes the output's place."""
    handles = [block.register_forward_hook(hook) for block in blocks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.float().cpu().numpy()


AttentionInterface.register("microscope", _watched_attention)
AttentionMaskInterface.register("microscope", eager_mask)
