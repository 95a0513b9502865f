"""The models' shared tokenizer: byte-level BPE trained on the world, so any user text works.

Newlines are split off before the merges, so the tokens of a prompt are always a prefix of the
tokens of prompt and answer, as TRL's DPO needs.
"""

import random

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from starter.examples import pairwise_example, pointwise_example, policy_example
from starter.world import ADVICE, PRODUCTS, split_combos

VOCABULARY = 1024
PAD, START, END = "<|pad|>", "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def build_tokenizer(seed: int) -> PreTrainedTokenizerFast:
    """Train the tokenizer on examples of every kind of text in the world."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\n|[0-9a-f]{8}(?=\])"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(random.Random(seed)), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[START],
        chat_template=CHAT_TEMPLATE,
        model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )


def _corpus(rng: random.Random) -> list[str]:
    """Texts without the nonces, plus the words that must be one token in a rationale."""
    texts = [f" {word}" for word in [*PRODUCTS, *ADVICE] for _ in range(400)]
    for combo in split_combos("models"):
        for example in (policy_example, pairwise_example, pointwise_example):
            messages, answer = example(rng, combo)
            lines = "\n".join(message["content"] for message in messages).split("\n")
            texts += [line for line in lines if not line.startswith("[")]
            texts += ["system", "user", "assistant", "[A ", "[/A ", "[B ", "[/B ", answer]
    return texts
