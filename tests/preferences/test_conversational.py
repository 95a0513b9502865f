"""What TRL would train on without a word is refused here."""

import pytest
from builders import user

from preferences.conversational import preference_fault

YES, NO = [[{"role": "assistant", "content": text}] for text in ("yes", "no")]
ROW = {"prompt": user("Q?"), "chosen": YES, "rejected": NO}


def test_a_row_as_trl_wants_it_has_no_fault():
    assert preference_fault(ROW) is None
    assert (
        preference_fault({**ROW, "prompt": [{"role": "system", "content": "s"}, *user("Q?")]})
        is None
    )


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"prompt": []}, "the prompt: no prompt in it"),
        ({"prompt": "Q?"}, "the prompt: no prompt in it"),
        ({"prompt": [*user("Q"), *YES]}, "the prompt: the last message is not the user's"),
        ({"prompt": user(" ")}, "the prompt: an empty prompt"),
        ({"prompt": [{"role": "bot", "content": "x"}]}, "the prompt: role 'bot' is none of"),
        ({"chosen": [*user("Q?"), *YES]}, "chosen begins with a user message: the prompt belongs"),
        ({"chosen": [*YES, *YES]}, "chosen holds 2 messages; one answer"),
        ({"chosen": None}, "chosen is not a list with one assistant message"),
        ({"chosen": "yes"}, "chosen is not a list with one assistant message"),
        ({"rejected": []}, "rejected is not a list with one assistant message"),
        ({"rejected": [{"role": "assistant", "content": None}]}, "rejected has no text"),
        ({"rejected": [{"role": "assistant", "content": "x \ud83d"}]}, "rejected has half a char"),
        ({"rejected": user("no")}, "rejected is a user message, not the assistant's"),
        ({"chosen": [{"role": "assistant", "content": " \n"}]}, "chosen is empty"),
        ({"rejected": YES}, "chosen and rejected are the same"),
    ],
)
def test_a_fault_is_named(change: dict, what: str):
    found = preference_fault({**ROW, **change})
    assert found is not None and found.startswith(what)
