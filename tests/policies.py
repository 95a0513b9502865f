"""Small policies with the traits of well-known ones: tokenizers, templates and what ends a turn.

Every tokenizer is of its kind (byte-level BPE, or pieces with a leading space) and knows a few
hundred tokens; the weights are random.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

CORPUS = [
    "My lamp is broken. Try another bulb.\n\nThank you for the message. Which message do you mean?",
    "The kettle does not boil: unplug it, wait a minute, plug it in. A remessage is a message.",
    "system user assistant Today is 2026-11-28. 0123456789 <think> </think> model Cutting Date:",
]


class Trait(NamedTuple):
    """How a policy writes conversations: special tokens, template, and the ids that end a turn."""

    special: list[str]
    eos: str
    ends: list[str]
    pad: str | None
    template: str | None
    end_of_turn: str
    pieces: bool = False


LLAMA = Trait(
    [*"<|begin_of_text|> <|end_of_text|> <|eom_id|> <|eot_id|>".split(), "<|start|>", "<|end|>"],
    "<|end_of_text|>",
    ["<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"],
    None,
    "<|begin_of_text|><|start|>system<|end|>\n\nToday is {{ strftime_now('%d %b %Y %H:%M:%S.%f') }}"
    "<|eot_id|>{% for m in messages %}<|start|>{{ m.role }}<|end|>\n\n{{ m.content | trim }}"
    "<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start|>assistant<|end|>\n\n{% endif %}",
    "<|eot_id|>",
)
GEMMA = Trait(
    ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"],
    "<eos>",
    ["<eos>", "<end_of_turn>"],
    "<pad>",
    "<bos>{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for m in messages %}<start_of_turn>"
    "{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
    "<end_of_turn>",
    pieces=True,
)
MISTRAL = Trait(
    ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"],
    "</s>",
    ["</s>"],
    None,
    "<s>{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% if m.role == 'user' %}"
    "[INST] {{ m.content }}[/INST]{% else %} {{ m.content | trim }}</s>{% endif %}{% endfor %}",
    "</s>",
    pieces=True,
)
PHI = Trait(
    ["<|endoftext|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"],
    "<|endoftext|>",
    ["<|endoftext|>", "<|end|>"],
    "<|endoftext|>",
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% else %}<|endoftext|>{% endif %}",
    "<|end|>",
)
QWEN = Trait(
    ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    "<|im_end|>",
    ["<|im_end|>", "<|endoftext|>"],
    "<|endoftext|>",
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' %}{% set said = m.content.split('</think>')[-1].lstrip() %}"
    "{% if loop.last %}<think>\n\n</think>\n\n{% endif %}{{ said }}"
    "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    "<|im_end|>",
)
GPT2 = Trait(["<|endoftext|>"], "<|endoftext|>", ["<|endoftext|>"], None, None, "<|endoftext|>")
T5 = Trait(
    ["<pad>", "</s>", "<unk>", "<extra_id_0>", "<extra_id_1>"],
    "</s>",
    ["</s>"],
    "<pad>",
    "{% for m in messages %}<extra_id_0> {{ m.role }}: {{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<extra_id_1>{% endif %}",
    "</s>",
    pieces=True,
)
OWN_TEMPLATE = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}<|endoftext|>{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
"""A template for a tokenizer that has none."""

TRAITS = {
    "llama": LLAMA,
    "gemma": GEMMA,
    "mistral": MISTRAL,
    "phi": PHI,
    "qwen": QWEN,
    "gpt2": GPT2._replace(template=OWN_TEMPLATE),
    "t5": T5,
}


def tokenizer_of(trait: Trait, **given: Any) -> PreTrainedTokenizerFast:
    """A tokenizer with these traits."""
    special = [AddedToken(token, special=True, normalized=False) for token in trait.special]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>" if "<unk>" in trait.special else None))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if trait.pieces:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
        alphabet = sorted({*"".join(CORPUS), "▁"})
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS * 4, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=trait.eos,
        pad_token=trait.pad,
        additional_special_tokens=[one for one in trait.special if one != trait.eos],
        chat_template=trait.template,
        clean_up_tokenization_spaces=False,
        **given,
    )


def write_policy(folder: Path, trait: Trait, **generation: Any) -> Path:
    """A tiny model of random weights with this tokenizer, and a generation config with its ends."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = tokenizer_of(trait)
    tokenizer.save_pretrained(folder)
    ends = tokenizer.convert_tokens_to_ids(trait.ends)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
        eos_token_id=ends,
        bos_token_id=None,
        pad_token_id=None,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    written = {"eos_token_id": ends, **generation}
    (folder / "generation_config.json").write_text(json.dumps(written))
    return folder
