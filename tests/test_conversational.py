"""What TRL would train on without a word is refused here."""

import pytest
from builders import user

from rounds.conversational import fault

YES, NO = [[{"role": "assistant", "content": text}] for text in ("yes", "no")]
ROW = {"prompt": user("Q?"), "chosen": YES, "rejected": NO}


def test_a_row_as_trl_wants_it_has_no_fault():
    assert fault(ROW) is None
    assert fault({**ROW, "prompt": [{"role": "system", "content": "s"}, *user("Q?")]}) is None


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"prompt": []}, "the prompt does not end with the user's turn"),
        ({"prompt": [*user("Q"), *YES]}, "the prompt does not end with the user's turn"),
        ({"chosen": [*user("Q?"), *YES]}, "chosen is not one message"),
        ({"chosen": None}, "chosen is not one message"),
        ({"rejected": []}, "rejected is not one message"),
        ({"rejected": user("no")}, "rejected is a user message, not the assistant's"),
        ({"chosen": [{"role": "assistant", "content": " \n"}]}, "chosen is empty"),
        ({"rejected": YES}, "chosen and rejected are the same"),
    ],
)
def test_a_fault_is_named(change: dict, what: str):
    assert fault({**ROW, **change}) == what
