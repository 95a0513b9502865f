"""Rendered chat templates are read back into turns; what only mentions their marks is not."""

import pytest

from texts.rendered import prompt_turns, rendered_messages

BAR, UNDER = "\uff5c", "\u2581"
S, U, A, Q = "Be brief.", "Hello", "Hello, what is it?", "Name one river in Spain."
CONVERSATION = [
    {"role": "system", "content": S},
    {"role": "user", "content": U},
    {"role": "assistant", "content": A},
    {"role": "user", "content": Q},
]
LLAMA_3 = "<|start_header_id|>"
WHOLE = {
    "ChatML": (
        f"<|im_start|>system\n{S}<|im_end|>\n<|im_start|>user\n{U}<|im_end|>\n"
        f"<|im_start|>assistant\n{A}<|im_end|>\n<|im_start|>user\n{Q}<|im_end|>\n"
        "<|im_start|>assistant\n"
    ),
    "ChatML, a begun thought": (
        f"<|im_start|>system\n{S}<|im_end|>\n<|im_start|>user\n{U}<|im_end|>\n"
        f"<|im_start|>assistant\n{A}<|im_end|>\n<|im_start|>user\n{Q}<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    ),
    "ChatML, nothing opened": (
        f"<|im_start|>system\n{S}<|im_end|>\n<|im_start|>user\n{U}<|im_end|>\n"
        f"<|im_start|>assistant\n{A}<|im_end|>\n<|im_start|>user\n{Q}<|im_end|>"
    ),
    "Phi 4": (
        f"<|im_start|>system<|im_sep|>{S}<|im_end|><|im_start|>user<|im_sep|>{U}<|im_end|>"
        f"<|im_start|>assistant<|im_sep|>{A}<|im_end|><|im_start|>user<|im_sep|>{Q}<|im_end|>"
        "<|im_start|>assistant<|im_sep|>"
    ),
    "Kimi": (
        f"<|im_system|>system<|im_middle|>{S}<|im_end|><|im_user|>user<|im_middle|>{U}<|im_end|>"
        f"<|im_assistant|>assistant<|im_middle|>{A}<|im_end|>"
        f"<|im_user|>user<|im_middle|>{Q}<|im_end|><|im_assistant|>assistant<|im_middle|>"
    ),
    "Llama 3": (
        f"<|begin_of_text|>{LLAMA_3}system<|end_header_id|>\n\n{S}<|eot_id|>"
        f"{LLAMA_3}user<|end_header_id|>\n\n{U}<|eot_id|>"
        f"{LLAMA_3}assistant<|end_header_id|>\n\n{A}<|eot_id|>"
        f"{LLAMA_3}user<|end_header_id|>\n\n{Q}<|eot_id|>{LLAMA_3}assistant<|end_header_id|>\n\n"
    ),
    "Llama 4": (
        f"<|begin_of_text|><|header_start|>system<|header_end|>\n\n{S}<|eot|>"
        f"<|header_start|>user<|header_end|>\n\n{U}<|eot|>"
        f"<|header_start|>assistant<|header_end|>\n\n{A}<|eot|>"
        f"<|header_start|>user<|header_end|>\n\n{Q}<|eot|>"
        "<|header_start|>assistant<|header_end|>\n\n"
    ),
    "Llama 2": (
        f"<s>[INST] <<SYS>>\n{S}\n<</SYS>>\n\n{U} [/INST] {A} </s><s>[INST] {Q} [/INST]"
    ),
    "Mistral": (
        f"<s>[SYSTEM_PROMPT]{S}[/SYSTEM_PROMPT][INST]{U}[/INST]{A}</s>[INST]{Q}[/INST]"
    ),
    "Gemma 4": (
        f"<bos><|turn>system\n{S}<turn|>\n<|turn>user\n{U}<turn|>\n<|turn>model\n{A}<turn|>\n"
        f"<|turn>user\n{Q}<turn|>\n<|turn>model\n"
    ),
    "gpt-oss": (
        f"<|start|>system<|message|>{S}<|end|><|start|>user<|message|>{U}<|end|>"
        f"<|start|>assistant<|channel|>final<|message|>{A}<|end|>"
        f"<|start|>user<|message|>{Q}<|end|><|start|>assistant"
    ),
    "Granite": (
        f"<|start_of_role|>system<|end_of_role|>{S}<|end_of_text|>\n"
        f"<|start_of_role|>user<|end_of_role|>{U}<|end_of_text|>\n"
        f"<|start_of_role|>assistant<|end_of_role|>{A}<|end_of_text|>\n"
        f"<|start_of_role|>user<|end_of_role|>{Q}<|end_of_text|>\n"
        "<|start_of_role|>assistant<|end_of_role|>"
    ),
    "Command R": (
        f"<BOS_TOKEN><|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>{S}<|END_OF_TURN_TOKEN|>"
        f"<|START_OF_TURN_TOKEN|><|USER_TOKEN|>{U}<|END_OF_TURN_TOKEN|>"
        f"<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>{A}<|END_OF_TURN_TOKEN|>"
        f"<|START_OF_TURN_TOKEN|><|USER_TOKEN|>{Q}<|END_OF_TURN_TOKEN|>"
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>"
    ),
    "MiniMax": (
        f"]~!b[]~b]system\n{S}[e~[\n]~b]user\n{U}[e~[\n]~b]ai\n{A}[e~[\n]~b]user\n{Q}[e~[\n"
        "]~b]ai\n<think>\n"
    ),
    "Seed": (
        f"<seed:bos>system\n{S}<seed:eos><seed:bos>user\n{U}<seed:eos><seed:bos>assistant\n{A}"
        f"<seed:eos><seed:bos>user\n{Q}<seed:eos><seed:bos>assistant\n"
    ),
    "Apertus": (
        f"<s><|system_start|>{S}<|system_end|><|user_start|>{U}<|user_end|>"
        f"<|assistant_start|>{A}<|assistant_end|><|user_start|>{Q}<|user_end|><|assistant_start|>"
    ),
    "Ling": (
        f"<role>SYSTEM</role>{S}<|role_end|><role>HUMAN</role>{U}<|role_end|>"
        f"<role>ASSISTANT</role>{A}<|role_end|><role>HUMAN</role>{Q}<|role_end|>"
        "<role>ASSISTANT</role>"
    ),
    "EXAONE": (
        f"[|system|]{S}[|endofturn|]\n[|user|]{U}\n[|assistant|]{A}[|endofturn|]\n"
        f"[|user|]{Q}\n[|assistant|]"
    ),
    "Phi 3": (
        f"<|system|>\n{S}<|end|>\n<|user|>\n{U}<|end|>\n<|assistant|>\n{A}<|end|>\n"
        f"<|user|>\n{Q}<|end|>\n<|assistant|>\n"
    ),
    "Zephyr": (
        f"<|system|>\n{S}</s>\n<|user|>\n{U}</s>\n<|assistant|>\n{A}</s>\n<|user|>\n{Q}</s>\n"
        "<|assistant|>\n"
    ),
    "Tulu": f"<|system|>\n{S}\n<|user|>\n{U}\n<|assistant|>\n{A}\n<|user|>\n{Q}\n",
    "GLM": (
        f"[gMASK]<sop><|system|>\n{S}<|user|>\n{U}<|assistant|>\n{A}<|user|>\n{Q}<|assistant|>\n"
    ),
    "Open Assistant": (
        f"<|system|>{S}<|endoftext|><|prompter|>{U}<|endoftext|><|assistant|>{A}<|endoftext|>"
        f"<|prompter|>{Q}<|endoftext|><|assistant|>"
    ),
    "Jamba": (
        f"<|startoftext|><|bom|><|system|> {S}<|eom|><|bom|><|user|> {U}<|eom|><|bom|>"
        f"<|assistant|> {A}<|eom|><|bom|><|user|> {Q}<|eom|><|bom|><|assistant|>"
    ),
    "DeepSeek": (
        f"<{BAR}begin{UNDER}of{UNDER}sentence{BAR}>{S}<{BAR}User{BAR}>{U}<{BAR}Assistant{BAR}>{A}"
        f"<{BAR}end{UNDER}of{UNDER}sentence{BAR}><{BAR}User{BAR}>{Q}<{BAR}Assistant{BAR}>"
    ),
    "DeepSeek 2": (
        f"<{BAR}begin{UNDER}of{UNDER}sentence{BAR}>{S}\n\nUser: {U}\n\nAssistant: {A}"
        f"<{BAR}end{UNDER}of{UNDER}sentence{BAR}>User: {Q}\n\nAssistant:"
    ),
    "SteerLM": (
        f"<extra_id_0>System\n{S}\n<extra_id_1>User\n{U}\n<extra_id_1>Assistant\n"
        f"<extra_id_2>quality:4,toxicity:0\n{A}\n<extra_id_1>User\n{Q}\n<extra_id_1>Assistant\n"
        "<extra_id_2>"
    ),
    "Baichuan": (
        f"{S}<reserved_106>{U}<reserved_107>{A}<reserved_106>{Q}<reserved_107>"
    ),
    "Vicuna": f"{S} USER: {U} ASSISTANT: {A}</s>USER: {Q} ASSISTANT:",
    "Vicuna in lines": f"{S}\n\nUSER: {U}\nASSISTANT: {A}\nUSER: {Q}\nASSISTANT:",
    "Claude": f"{S}\n\nHuman: {U}\n\nAssistant: {A}\n\nHuman: {Q}\n\nAssistant:",
    "in lines": f"System: {S}\nUser: {U}\nAssistant: {A}\nUser: {Q}\nAssistant:",
    "Solar": (
        f"### System:\n{S}\n\n### User:\n{U}\n\n### Assistant:\n{A}\n\n### User:\n{Q}\n\n"
        "### Assistant:\n"
    ),
    "Guanaco": f"{S}\n### Human: {U}\n### Assistant: {A}\n### Human: {Q}\n### Assistant:",
    "Alpaca": (
        f"{S}\n\n### Instruction:\n{U}\n\n### Response:\n{A}\n\n### Instruction:\n{Q}\n\n"
        "### Response:\n"
    ),
    "Idefics": (
        f"System: {S}<end_of_utterance>\nUser: {U}<end_of_utterance>\nAssistant: {A}"
        f"<end_of_utterance>\nUser: {Q}<end_of_utterance>\nAssistant:"
    ),
    "RedPajama": f"{S}\n<human>: {U}\n<bot>: {A}\n<human>: {Q}\n<bot>:",
    "MiniMax 1": (
        f"<beginning_of_sentence>system ai_setting=assistant\n{S}<end_of_sentence>\n"
        f"<beginning_of_sentence>user name=user\n{U}<end_of_sentence>\n"
        f"<beginning_of_sentence>ai name=assistant\n{A}<end_of_sentence>\n"
        f"<beginning_of_sentence>user name=user\n{Q}<end_of_sentence>\n"
        "<beginning_of_sentence>ai name=assistant\n"
    ),
    "LongCat": (
        f"SYSTEM:{S} [Round 0] USER:{U} ASSISTANT:{A}</longcat_s>[Round 1] USER:{Q} ASSISTANT:"
    ),
    "YaYi": (
        f"<|System|>:\n{S}\n\n<|Human|>:\n{U}\n\n<|YaYi|>:\n{A}\n\n<|Human|>:\n{Q}\n\n"
        "<|YaYi|>:"
    ),
    "Cohere, in lines": f"{S}\nUser: {U}\nChatbot: {A}\nUser: {Q}\nChatbot:",
    "Guanaco in one line": f"{S}### Human: {U}### Assistant: {A}### Human: {Q}### Assistant:",
    "one line": f"System: {S} Human: {U} Assistant: {A} Human: {Q} Assistant:",
    "Chinese": (
        f"\u7cfb\u7edf\uff1a{S}\n\u7528\u6237\uff1a{U}\n\u52a9\u624b\uff1a{A}\n"
        f"\u7528\u6237\uff1a{Q}\n\u52a9\u624b\uff1a"
    ),
    "headings": f"## System\n{S}\n## User\n{U}\n\n## Assistant\n{A}\n\n## User\n{Q}\n",
    "bold": f"**System:** {S}\n\n**User:** {U}\n\n**Assistant**: {A}\n\n**User:** {Q}",
    "brackets": f"[System]: {S}\n[User]: {U}\n[Assistant]: {A}\n[User]: {Q}\n[Assistant]:",
}  # fmt: skip
NO_SYSTEM = {
    "Gemma": (
        f"<bos><start_of_turn>user\n{U}<end_of_turn>\n<start_of_turn>model\n{A}<end_of_turn>\n"
        f"<start_of_turn>user\n{Q}<end_of_turn>\n<start_of_turn>model\n"
    ),
    "Mistral": f"<s>[INST] {U} [/INST] {A}</s> [INST] {Q} [/INST]",
    "OpenChat": (
        f"<s>GPT4 Correct User: {U}<|end_of_turn|>GPT4 Correct Assistant: {A}<|end_of_turn|>"
        f"GPT4 Correct User: {Q}<|end_of_turn|>GPT4 Correct Assistant:"
    ),
    "HelpSteer": f"{U}\n<extra_id_1>Assistant\n{A}\n<extra_id_1>User\n{Q}",
    "Nemotron, an empty system turn": (
        f"<extra_id_0>System\n\n<extra_id_1>User\n{U}<extra_id_1>Assistant\n{A}\n"
        f"<extra_id_1>User\n{Q}\n<extra_id_1>Assistant\n"
    ),
    "HH-RLHF": f"\n\nHuman: {U}\n\nAssistant: {A}\n\nHuman: {Q}\n\nAssistant:",
    "HH-RLHF, nothing opened": f"\n\nHuman: {U}\n\nAssistant: {A}\n\nHuman: {Q}",
    "Phi 2": f"Instruct: {U}\nOutput: {A}\nInstruct: {Q}\nOutput:",
    "DeepSeek Coder": (
        f"### Instruction:\n{U}\n### Response:\n{A}\n<|EOT|>\n### Instruction:\n{Q}\n"
        "### Response:\n"
    ),
    "Zephyr, an empty system turn": (
        f"<|system|>\n</s>\n<|user|>\n{U}</s>\n<|assistant|>\n{A}</s>\n<|user|>\n{Q}</s>\n"
        "<|assistant|>\n"
    ),
    "ChatGLM 2": (
        f"[Round 1]\n\n\u95ee\uff1a{U}\n\n\u7b54\uff1a{A}\n\n[Round 2]\n\n"
        f"\u95ee\uff1a{Q}\n\n\u7b54\uff1a"
    ),
    "Open Assistant, as text": f"prompter: {U}\nassistant: {A}\nprompter: {Q}",
    "Koala": f"BEGINNING OF CONVERSATION: USER: {U} GPT: {A}</s>USER: {Q} GPT:",
    "BlueLM": f"[|Human|]:{U}[|AI|]:{A}</s>[|Human|]:{Q}[|AI|]:",
    "InternLM": (
        f"<s><|User|>:{U}<eoh>\n<|Bot|>:{A}<eoa>\n<|User|>:{Q}<eoh>\n<|Bot|>:"
    ),
    "lines that end as Windows ends them": (
        f"Human: {U}\r\n\r\nAssistant: {A}\r\n\r\nHuman: {Q}\r\n\r\nAssistant:"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_whole_markup_is_read_back(name: str):
    assert prompt_turns(WHOLE[name]) == CONVERSATION
    assert prompt_turns([{"role": "user", "content": WHOLE[name]}]) == CONVERSATION


@pytest.mark.parametrize("name", NO_SYSTEM)
def test_whole_markup_without_a_system_turn_is_read_back(name: str):
    assert prompt_turns(NO_SYSTEM[name]) == CONVERSATION[1:]


@pytest.mark.parametrize("text", [WHOLE["ChatML"], WHOLE["Mistral"], WHOLE["in lines"]])
def test_an_answer_behind_the_prompt_is_the_last_message(text: str):
    answer = {"role": "assistant", "content": "The Ebro."}
    assert rendered_messages(text + "The Ebro.") == [*CONVERSATION, answer]
    with pytest.raises(ValueError, match="ends with an answer"):
        prompt_turns(text + "The Ebro.")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"<|im_start|>user\n{Q}\n<|im_start|>assistant\n", "ChatML.*user is not closed"),
        (f"<|im_start|>user\n{Q}", "not closed"),
        (f"{Q}<|im_end|>\n<|im_start|>assistant\n", "before the first turn"),
        (f"<|im_start|>user\n{Q}<|im_end|>\n<|im_start|>user\n{U}<|im_end|>", "two turns of the u"),
        (f"<|im_start|>tool\n{Q}<|im_end|>\n<|im_start|>assistant\n", "turn of 'tool'"),
        (f"<|im_start|>user\n{Q} [INST]<|im_end|>\n<|im_start|>assistant\n", r"'\[INST\]' stands"),
        ("<|im_start|>user\n<|im_end|>\n<|im_start|>assistant\n", "empty"),
        (f"[INST] {Q}", "Mistral.*not closed"),
        (f"{Q} [/INST]", "not whole"),
        (f"<start_of_turn>user\n{Q}<start_of_turn>model\n", "Gemma.*not closed"),
        (f"\n\nHuman: {U}\n\nHuman: {Q}\n\nAssistant:", "two turns of the user"),
        (f"\n\nAssistant: {A}\n\nHuman: {Q}\n\nAssistant:", "begin"),
        (f"\n\nHuman: {U}\n\nAssistant: {A}", "ends with an answer"),
        (f"### Instruction:\n{Q}\n\n### Response:\n{A}", "ends with an answer"),
        ("What does <|im_start|> mean in ChatML?", r"token '<\|im_start\|>' in ordinary text"),
        ("What does <|user|> mean, and <|assistant|>?", "not whole"),
        ("<|user|> opens a turn. Of which model?", "not closed"),
        ("Why is [INST] written in capitals?", "not whole|ordinary"),
        ("Explain </s> to me.", "token '</s>' in ordinary text"),
        (f"{Q}<|endoftext|>", "token '<.endoftext.>' in ordinary text"),
        ("Complete the code.\n<fim_prefix>def f(<fim_suffix>)<fim_middle>", "<fim_prefix>"),
        ("<tool_call>\n{}\n</tool_call>", "<tool_call>"),
        ("What does <beginning_of_sentence> mean?", "<beginning_of_sentence>"),
        (f"Human: {Q} Assistant: {A}", "ends with an answer"),
    ],
)
def test_markup_that_is_not_whole_is_refused_by_name(text: str, found: str):
    with pytest.raises(ValueError, match=found):
        prompt_turns(text)


@pytest.mark.parametrize(
    "text",
    [
        "Why do people write Human: before a question, and Assistant: before the answer?",
        "Translate: The user: a human. The ASSISTANT: a machine.",
        "Write a play.\n\nHuman: who are you?\n\nDog: woof.",
        "User: root\nHost: db1\nWhy can I not log in?",
        "System: Linux\nWhy is it slow?",
        "Assistant: the word has three meanings. Which?",
        "ML: machine learning\nAI:",
        "### Instruction\nWrite a poem.\n### Length\nFour lines",
        "### Input:\n1 2 3\n\nAdd them.",
        "Input: 1 2\nOutput: 3\n\nInput: 2 3\nOutput:",
        "### Input:\n1 2 3\n\n### Output:",
        "Write the output: of this.\nOutput:",
        "Is a < b | c > d right in [1]?",
        "Usage: tool [OPTIONS] [ARGS]...",
        "<b>Human</b>: x",
        "Human beings: what are they?",
        "User: where is it? The manual says Assistant: but shows none.",
        "Why does it begin with User: and end with Assistant:",
        "## User\nroot\n## Host\ndb1\nWhy can I not log in?",
        "# Response\nWrite one to this letter.",
        "**Human:** a short word. **Assistant:** a long one. Which?",
        "[User]: root\n[Host]: db1",
        "\u95ee\uff1a\u4e3a\u4ec0\u4e48\uff1f\n\u7b54\uff1a",
        "Is this polite?\n\nHuman: Hi\n\nAssistant: Go away.\n\nAnswer with yes or no.",
        "",
    ],
)
def test_ordinary_text_is_one_turn(text: str):
    assert rendered_messages(text) is None
    assert prompt_turns(text) == [{"role": "user", "content": text}]


def test_what_stands_in_a_turn_stays_as_it_is():
    code = "    def f(x):\n\n        return x  # Human: or [1]\n\nAssistant"
    text = f"<|im_start|>user\n{code}<|im_end|>\n<|im_start|>assistant\n"
    assert prompt_turns(text) == [{"role": "user", "content": code}]


def test_an_alpaca_input_belongs_to_its_instruction():
    text = "### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### Response:\n"
    assert prompt_turns(text) == [{"role": "user", "content": "Add.\n\n1 2"}]


def test_messages_come_back_as_they_are():
    assert prompt_turns(CONVERSATION) is CONVERSATION
    for odd in ([], [{"role": "user"}], [{"role": "user", "content": None}], ["x"], [None]):
        assert prompt_turns(odd) is odd  # type: ignore[arg-type]


def test_a_token_in_one_of_several_messages_is_told():
    messages = [*CONVERSATION[:-1], {"role": "user", "content": "And <|eot_id|>?"}]
    with pytest.raises(ValueError, match=r"token '<\|eot_id\|>' in a message"):
        prompt_turns(messages)


def test_long_texts_are_read_at_once():
    for filler in (" ", "\n", "\n\n", "<s>", "[INST]", "Human: ", "<|", "USER: ", "<|user|>\n"):
        try:
            prompt_turns("a" + filler * 20_000 + "b")
        except ValueError:
            pass
