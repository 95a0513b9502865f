"""Texts that a chat template wrote, read back into the messages they were written from."""

import re

from rounds.rows import Messages
from texts.chat_tokens import CHAT_TOKENS
from texts.templates import EDGES, LABEL_FAMILIES, ROLE_OF, TOKEN_FAMILIES, Family

LONGEST_MARK = 80
"""Characters of a mark at most."""

_LEADING = re.compile(rf"(?:{EDGES})*")
_TRAILING = re.compile(rf"(?:{EDGES})\Z")
_LLAMA_2_SYSTEM = re.compile(r"\[INST\]\s*<<SYS>>((?:(?!</?<?/?SYS>>).)*)<</SYS>>\s*", re.DOTALL)
_ATTRIBUTES = re.compile(r"\A<extra_id_2>[^\n]*\n?")
_THOUGHT = re.compile(r"</?think>")


def prompt_turns(prompt: str | Messages) -> Messages:
    """The messages of a prompt: of a text, or of messages as they came.

    A text, or the text of a lone user turn, that a chat template rendered is read back into its
    turns; any other text is one user turn. Raises ValueError, saying what was found, for a text
    with markup of a template that is not whole or that ends with an answer, and for any message
    with a chat-template token in it. What else makes messages no prompt is `prompt_fault`'s to say.
    """
    if isinstance(prompt, str):
        text: str | None = prompt
    else:
        text = _lone_user_text(prompt)
    if text is not None:
        messages = rendered_messages(text)
        if messages is None:
            return [{"role": "user", "content": text}]
        if messages[-1]["role"] != "user":
            raise ValueError("a rendered chat template that ends with an answer of the assistant")
        return messages
    for turn in prompt if isinstance(prompt, list) else ():
        content = turn.get("content") if isinstance(turn, dict) else None
        if isinstance(content, str) and (token := CHAT_TOKENS.search(content)):
            raise ValueError(f"the chat-template token {token.group()!r} in a message")
    return prompt  # type: ignore[return-value]


def rendered_messages(text: str) -> Messages | None:
    """The messages of a text that a chat template rendered, or None for a text without markup.

    They alternate, user first, after system turns if any; an assistant's turn that is open at the
    end (or holds only a begun thought) is no message, one with an answer in it is the last. Raises
    ValueError, saying what was found, where the markup is not whole, or where a chat-template token
    stands in ordinary text. Labels that anybody may write ("Human:", "### Instruction:") are markup
    only where the text begins with one or ends with the assistant's.
    """
    token = CHAT_TOKENS.search(text)
    whole = _LLAMA_2_SYSTEM.sub(r"[SYSTEM_PROMPT]\1[/SYSTEM_PROMPT][INST]", text)
    whole = whole.replace("\r\n", "\n")
    whole = whole[_leading(whole) :]
    families = [each for each in TOKEN_FAMILIES if token and each.opening.search(whole)]
    families += [each for each in LABEL_FAMILIES if _is_dialogue(each, whole)]
    faults = []
    for family in families:
        try:
            return _read(family, whole)
        except ValueError as error:
            faults.append(f"markup of a chat template ({family.name}) that is not whole: {error}")
    if faults:
        raise ValueError(faults[0])
    if token:
        raise ValueError(f"the chat-template token {token.group()!r} in ordinary text")
    return None


def _lone_user_text(messages: object) -> str | None:
    if not isinstance(messages, list) or len(messages) != 1 or not isinstance(messages[0], dict):
        return None
    content = messages[0].get("content")
    return content if messages[0].get("role") == "user" and isinstance(content, str) else None


def _is_dialogue(family: Family, text: str) -> bool:
    """Whether labels are markup here: the text begins with the user's or the system's and has the
    assistant's, or it ends with the assistant's and has the user's.

    "Human:" at the very beginning is enough (HH-RLHF).
    """
    marks = list(family.opening.finditer(text))
    if not marks:
        return False
    roles = [_role(mark) for mark in marks]
    if family.within_lines:
        return _is_in_lines(marks, roles, text)
    if marks[0].start() == 0 and roles[0] != "assistant":
        return "assistant" in roles or marks[0].group().rstrip().endswith("Human:")
    return roles[-1] == "assistant" and "user" in roles and not text[marks[-1].end() :].strip()


def _is_in_lines(marks: list[re.Match[str]], roles: list[str], text: str) -> bool:
    """Whether a dialogue has its labels within lines: no line begins with the assistant's, and it
    ends with that one, or begins with "Human:".
    """
    replies = [mark for mark, role in zip(marks, roles, strict=True) if role == "assistant"]
    if marks[0].start() or roles[0] == "assistant" or "user" not in roles or not replies:
        return False
    if any(text[: mark.start()].endswith("\n") for mark in replies):
        return False
    return not text[replies[-1].end() :].strip() or marks[0]["role"] == "Human"


def _read(family: Family, text: str) -> Messages:
    """The messages of a text in the markup of one family. Raises ValueError where it has a flaw."""
    marks = list(family.opening.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    turns: Messages = []
    is_open = False
    if before := text[: marks[0].start()].strip():
        turns.append({"role": family.before or "", "content": before})
    for mark, end in zip(marks, ends, strict=True):
        role, is_last = _role(mark), mark is marks[-1]
        content, closed = _content(family, text[mark.end() : end])
        if role == "assistant":
            content = _ATTRIBUTES.sub("", content)
            is_open = is_last and not _THOUGHT.sub("", content).strip()
        if not closed and _needs_end(family, mark, role, is_last):
            raise ValueError(f"a turn of the {role} is not closed")
        if mark["role"].lower() == "input" and turns and turns[-1]["role"] == "user":
            turns[-1]["content"] += f"\n\n{content}" if content else ""
        elif not is_open and (content or role != "system"):
            turns.append({"role": role, "content": content})
    if before and (family.before is None or (family.before == "system" and not is_open)):
        raise ValueError(f"{before[:40]!r} stands before the first turn")
    if family in LABEL_FAMILIES:
        _check_labels(marks)
    _check_turns(turns)
    return turns


def _needs_end(family: Family, mark: re.Match[str], role: str, is_last: bool) -> bool:
    """Whether a turn without an end mark is a flaw: who only speaks of <|user|> has none either."""
    if is_last and role == "assistant":
        return False
    if family.closing is not None:
        return True
    return is_last and family not in LABEL_FAMILIES and not mark.group().endswith("\n")


def _role(mark: re.Match[str]) -> str:
    name = mark["role"].lower()
    if name not in ROLE_OF:
        raise ValueError(f"a turn of {name!r}, which is none of system, user and assistant")
    return ROLE_OF[name]


def _content(family: Family, raw: str) -> tuple[str, bool]:
    """What was said in a turn, and whether a mark ended it."""
    marks = "|".join(filter(None, (family.closing, family.may_end)))
    ending = re.compile(rf"(?:{marks})\Z") if marks else None
    begin, end, closed = 0, len(raw), False
    while True:
        tail = raw[max(0, end - LONGEST_MARK) : end]
        found = ending.search(tail) if ending and not closed else None
        edge = found or _TRAILING.search(tail)
        if edge is None:
            break
        if found or (family.closing is None and not edge.group().isspace()):
            closed = True
        end -= len(edge.group())
    if raw[:1] in "<[":
        begin = min(_leading(raw), end)
    return raw[begin:end], closed


def _leading(text: str) -> int:
    """Where a text begins behind what templates and tokenizers put before it."""
    found = _LEADING.match(text)
    return found.end() if found else 0


def _check_labels(marks: list[re.Match[str]]) -> None:
    """A dialogue calls each of its speakers by one name."""
    names: dict[str, set[str]] = {"user": set(), "assistant": set()}
    for mark in marks:
        names.get(_role(mark), set()).add(mark["role"].lower())
    for role, different in names.items():
        if len(different - {"input"}) > 1:
            raise ValueError(f"the {role} is called {' and '.join(sorted(different))}")


def _check_turns(turns: Messages) -> None:
    for turn in turns:
        if token := CHAT_TOKENS.search(turn["content"]):
            raise ValueError(f"{token.group()!r} stands inside a turn")
    said = [turn for turn in turns if turn["role"] != "system"]
    if not said or said[0]["role"] != "user":
        raise ValueError("it does not begin with a turn of the user")
    for first, second in zip(said, said[1:], strict=False):
        if first["role"] == second["role"]:
            raise ValueError(f"two turns of the {first['role']} in a row")
    if any(not turn["content"].strip() for turn in said):
        raise ValueError("a turn is empty")
    if any(turn["role"] == "system" for turn in turns[turns.index(said[0]) :]):
        raise ValueError("a system turn stands after the first turn of the user")
