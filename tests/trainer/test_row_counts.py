"""Arguments that need so many rows: refused where no round can have them, else adapted."""

from typing import Any

import pytest

from rounds.errors import UserError
from trainer.row_counts import check_row_counts, fitted

DROP = {"dataloader_drop_last": True, "per_device_train_batch_size": 16}


@pytest.mark.parametrize(
    ("args", "share", "own", "rows", "processes", "says"),
    [
        ({"eval_strategy": "steps"}, 0.05, 19, 19, 1, "trainer.args.eval_strategy: needs held-out"),
        ({"eval_strategy": "epoch"}, 0.0, 500, 500, 1, "trainer.held_out_pairs: 0 of at most 500"),
        ({"load_best_model_at_end": True}, 0.0, 500, 500, 1, "load_best_model_at_end: needs"),
        (DROP, 0.05, 15, 15, 1, "dataloader_drop_last: a batch has 16 pairs"),
        (DROP, 0.05, 31, 31, 2, "a batch has 32 pairs"),
        ({"dataloader_drop_last": True}, 0.05, 7, 7, 1, "a batch has 8 pairs"),
    ],
)
def test_what_no_round_can_have_is_refused(
    args: dict[str, Any], share: float, own: int, rows: float, processes: int, says: str
):
    with pytest.raises(UserError) as caught:
        check_row_counts(args, share, own, rows, processes)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("args", "own", "rows"),
    [
        ({"eval_strategy": "steps"}, 20, 20),
        ({"eval_strategy": False}, 1, 1),  # a bare `no` of YAML
        ({"eval_strategy": "no"}, 1, 1),
        (DROP, 12, 16),
        (DROP, 1, float("inf")),  # a warm start of any size
        ({"per_device_train_batch_size": 64}, 3, 3),
    ],
)
def test_what_a_round_may_have_is_not(args: dict[str, Any], own: int, rows: float):
    check_row_counts(args, 0.05, own, rows, 1)


def test_a_round_that_turned_out_small_is_trained_all_the_same():
    given = {"eval_strategy": "steps", "load_best_model_at_end": True, "beta": 0.2, **DROP}
    args, said = fitted(given, 9, 0, 1)
    assert args["eval_strategy"] == "no" and not args["load_best_model_at_end"]
    assert not args["dataloader_drop_last"] and args["beta"] == 0.2
    assert said == [
        "no evaluation while training: the round has no held-out pairs",
        "the last batch was kept: 9 pairs are fewer than one of 16",
    ]
    assert fitted(given, 16, 1, 1) == (given, [])
    assert fitted(given, 16, 1, 2)[0]["dataloader_drop_last"] is False
