"""What the mean of policies takes of the disk while a round trains against it."""

from pathlib import Path

from builders import finished
from configs import TREE, load

from flows.plan_disk import disk_text, estimate_disk


def test_the_mean_of_policies_is_there_until_the_round_ends(tmp_path: Path, run_dir: Path):
    (tmp_path / "train.jsonl").write_text('"Why?"\n')
    given = ("policy=prefloop:starter/policy", "trainer.reference=average")
    config = load(tmp_path, TREE, *given)
    assert estimate_disk(config, run_dir, 10, 10).reference == 0, "one policy is no mean"
    finished(run_dir)
    disk = estimate_disk(config, run_dir, 10, 10)
    assert disk.reference > 0 and disk.most == disk.tables + disk.reference
    assert "until the round ends the mean of policies" in disk_text(disk)
    without = estimate_disk(load(tmp_path, TREE, given[0]), run_dir, 10, 10)
    assert without.reference == 0 and "mean" not in disk_text(without)
