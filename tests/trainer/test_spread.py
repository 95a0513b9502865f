"""What the processes of one launch owe each other."""

from pathlib import Path

import pytest
from torch import distributed

from rounds.errors import UserError
from trainer.spread import parting

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def launched(tmp_path: Path) -> None:
    """This process as the only one of a launch."""
    distributed.init_process_group("gloo", f"file://{tmp_path / 'store'}", rank=0, world_size=1)


def test_a_process_that_has_done_its_work_lets_go_of_the_others(tmp_path: Path):
    done: list[Path] = []
    parting(done.append)(tmp_path)
    assert done == [tmp_path] and not distributed.is_initialized()
    parting(done.append)(tmp_path)
    assert len(done) == 2, "alone there is nobody to let go of"


def test_one_that_fails_ends_as_it_is_for_the_others_may_wait_for_it(tmp_path: Path):
    def fails(_: Path) -> None:
        raise UserError("no")

    try:
        with pytest.raises(UserError):
            parting(fails)(tmp_path)
        assert distributed.is_initialized()
    finally:
        distributed.destroy_process_group()
