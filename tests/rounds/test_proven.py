"""A finished round, or the policy in place, that is not what was written: refused by name."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted import scripted
from verified import edit_manifest, judge_script, two_finished_rounds

import rounds.proven
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.folder import policy_history, round_dir
from rounds.proven import prove_rounds, prove_run
from rounds.tables import read_rows, table_path, write_rows


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("honest")
    with scripted(judge_script) as at:
        return two_finished_rounds(home / "runs" / "demo", at.base_url)


@pytest.fixture
def run_dir(honest: Path, tmp_path: Path) -> Path:
    """A copy of the run beside its first policy, to damage."""
    shutil.copytree(honest.parent, tmp_path / "runs")
    return tmp_path / "runs" / "demo"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def swapped(path: Path) -> None:
    """A byte changed, and nothing that a look from outside shows."""
    before, data = path.stat(), path.read_bytes()
    path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edited(path: Path) -> None:
    facts = read_json(path)
    facts["decision"] = {"promoted": True, "reasons": ["by hand"]}
    write_json(path, facts)


def without_a_key(path: Path) -> None:
    facts = read_json(path)
    del facts["in_place"]
    write_json(path, facts)


def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are read to their end from now on."""
    files: list[Path] = []
    for name in ("file_hash", "weights_hash"):
        real = getattr(rounds.proven, name)
        monkeypatch.setattr(
            rounds.proven, name, lambda path, real=real: files.append(path) or real(path)
        )
    return files


def test_what_was_proven_once_is_believed_by_size_and_time(run_dir: Path, monkeypatch):
    (run_dir / ".proven.json").unlink()
    read = hashed(monkeypatch)
    prove_run(run_dir)
    policy = round_dir(run_dir, 2) / "policy"
    assert len(read) == 13 and policy in read
    prove_run(run_dir)
    assert len(read) == 13, "files that look the same were read again"
    os.utime(policy / "config.json")
    os.utime(table_path(round_dir(run_dir, 2), "pairs"))
    prove_run(run_dir)
    assert read[13:] == [table_path(round_dir(run_dir, 2), "pairs"), policy]
    prove_run(run_dir, thorough=True)
    assert len(read) == 15 + 13


Damage = Callable[[Path], object]

CASES: list[tuple[str, Damage, str]] = [
    ("rounds/0002/pairs.parquet", cut, "pairs.parquet: has other bytes than were written"),
    ("rounds/0001/verdicts.parquet", Path.unlink, "verdicts.parquet: is named in the manifest and"),
    ("rounds/0001/metrics.json", cut, "metrics.json: has other bytes than were written"),
    ("rounds/0002/manifest.json", cut, "manifest.json: cannot be read"),
    ("rounds/0002/manifest.json", lambda path: path.write_text("[]"), "manifest.json: holds no ob"),
    ("rounds/0002/manifest.json", edited, "manifest.json: was changed after round 2 was finished"),
    ("rounds/0002/manifest.json", without_a_key, "manifest.json: has no 'in_place' that can be"),
    (
        "rounds/0001/manifest.json",
        Path.unlink,
        "manifest.json: is not there, and round 2 came",
    ),
    ("rounds/0001", shutil.rmtree, "rounds/0001: is not there, and round 2 came after it"),
    ("rounds/0002/policy", shutil.rmtree, "0002/policy: is not there, and the policy that round 2"),
    (
        "rounds/0002/policy/model.safetensors",
        cut,
        "policy: weights hash .* round 2 put in place is",
    ),
    ("rounds/0002/policy/config.json", Path.unlink, "policy: weights hash "),
]


@pytest.mark.parametrize(("name", "damage", "said"), CASES)
def test_each_damage_is_one_message_with_a_way_out(run_dir: Path, name: str, damage, said: str):
    prove_run(run_dir)
    damage(run_dir / name)
    with pytest.raises(UserError, match=said) as refused:
        prove_run(run_dir)
    assert str(run_dir) in str(refused.value) and "put a copy of it back" in str(refused.value)


def test_a_change_that_no_look_shows_is_found_where_it_is_asked_for(run_dir: Path):
    prove_run(run_dir)
    path = table_path(round_dir(run_dir, 1), "candidates")
    swapped(path)
    prove_run(run_dir)
    with pytest.raises(UserError, match="candidates.parquet: has other bytes"):
        prove_run(run_dir, thorough=True)


def test_only_the_last_round_can_be_made_again(run_dir: Path):
    for number, offered in ((1, "another name"), (2, "delete the round's manifest.json")):
        path = table_path(round_dir(run_dir, number), "pairs")
        kept = path.read_bytes()
        cut(path)
        with pytest.raises(UserError, match=offered):
            prove_run(run_dir)
        path.write_bytes(kept)
    prove_run(run_dir)


def test_swapped_labels_are_not_exported(run_dir: Path):
    folder = round_dir(run_dir, 2)
    pairs = [
        {**row, "chosen": row["rejected"], "rejected": row["chosen"]}
        for row in read_rows(folder, "pairs")
    ]
    write_rows(folder, "pairs", pairs)
    prove_rounds([round_dir(run_dir, 1)])
    with pytest.raises(UserError, match="pairs.parquet: has other bytes than were written"):
        prove_rounds([folder])


def test_a_damaged_list_of_what_was_proven_is_written_anew(run_dir: Path):
    prove_run(run_dir)
    for text in ("{", "[]", '{"rounds/0001/pairs.parquet": 7}'):
        (run_dir / ".proven.json").write_text(text)
        prove_run(run_dir)
        assert isinstance(read_json(run_dir / ".proven.json")["rounds/0001/pairs.parquet"], list)


def test_manifests_of_before_have_no_seal(run_dir: Path):
    folder = round_dir(run_dir, 2)
    facts = read_json(folder / "manifest.json")
    write_json(folder / "manifest.json", {key: facts[key] for key in facts if key != "seal"})
    prove_run(run_dir)
    assert policy_history(run_dir)


def test_a_manifest_that_is_sealed_anew_is_believed(run_dir: Path):
    edit_manifest(round_dir(run_dir, 2), lambda facts: facts.update(command="prefloop run demo"))
    prove_run(run_dir)
