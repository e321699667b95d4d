"""Plain transformers code for the code drawer: what each view shows, without this playground.

Every function returns source text that uses public calls only and defines ``result``. ``model`` is a folder or a
Hub id, ``text`` the prompt (a user's message when ``chat``), ``smear`` a (scale, seed) of noise on the weights;
all are written in as Python literals. A test runs each and compares it with the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engines.text.dials import Dials


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
    return f"""{_imports(dials)}
{_load(model)}{_smear(smear)}
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
    return f"""{_imports(dials)}
{_load(model)}{_smear(smear)}
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
{_load(model, ', attn_implementation="eager"')}
{_inputs(text)}
with torch.no_grad():
    attentions = model(**inputs, output_attentions=True).attentions  # one [1, heads, T, T] a layer
result = attentions[{layer}][0, {head}].tolist()
"""


def logit_lens(model: str, text: str) -> str:
    """``result``: list of (layer, best token text, its probability, rank of the final answer)."""
    return f"""{_imports()}
{_load(model)}
{_inputs(text)}
decoder = model.get_decoder()
norm = decoder.norm if hasattr(decoder, "norm") else decoder.ln_f  # GPT-2 calls it ln_f
with torch.no_grad():
    out = model(**inputs, output_hidden_states=True)
    states = [norm(state) for state in out.hidden_states[:-1]] + [out.hidden_states[-1]]  # the last is normed
    layers = [model.get_output_embeddings()(state[0, -1]) for state in states]
answer = layers[-1].argmax()
result = []
for number, scores in enumerate(layers):
    rank = int((scores > scores[answer]).sum()) + 1
    result.append((number, tokenizer.decode(scores.argmax()), float(scores.softmax(-1).max()), rank))
"""


def ablate_heads(model: str, text: str, heads: Sequence[tuple[int, int]]) -> str:
    """``result``: dict with the target's text, its probability before and after, and KL in bits."""
    return f"""{_imports()}
{_load(model)}
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


def _imports(dials: Dials | None = None) -> str:
    names = ["AutoModelForCausalLM", "AutoTokenizer", *(name for name, _ in _warpers(dials or Dials()))]
    return f"import torch\nfrom transformers import {', '.join(names)}\n"


def _load(model: str, settings: str = "") -> str:
    return (
        f"tokenizer = AutoTokenizer.from_pretrained({model!r})\n"
        f'model = AutoModelForCausalLM.from_pretrained({model!r}, dtype="float32"{settings})'
    )


def _inputs(text: str, chat: bool = False) -> str:
    if not chat:
        return f'inputs = tokenizer({text!r}, return_tensors="pt")'
    return (
        f'messages = [{{"role": "user", "content": {text!r}}}]\n'
        "inputs = tokenizer.apply_chat_template(\n"
        '    messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"\n'
        ")"
    )


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
    if dials.temperature not in (0, 1):
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
