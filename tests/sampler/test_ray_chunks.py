"""How a job is cut into the chunks that workers of a cluster draw."""

from pathlib import Path
from typing import Any

import pytest

from rounds.files import json_text
from sampler.ray_chunks import chunks_of, requests_of, with_absolute_paths


def written(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json_text({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def test_chunks_are_what_was_written_in_its_order(tmp_path: Path):
    texts = [f"line {number}\u2028 and \r more, Zoë" for number in range(25)]
    path = written(tmp_path / "requests.jsonl", texts)
    job = {"chunk": 3, "prompts": 25, "first_number": 5}
    chunks = chunks_of(path, job, 1)
    assert [chunk.number for chunk in chunks] == list(range(5, 14))
    assert [chunk.prompts for chunk in chunks] == [3] * 8 + [1]
    lines = [line for chunk in chunks for line in requests_of(path, chunk)]
    assert lines == [json_text({"text": text}) for text in texts]


def test_a_chunk_is_named_by_its_requests_alone(tmp_path: Path):
    path = written(tmp_path / "requests.jsonl", [*"abcdefghijklmnop"])
    names = [one.name for one in chunks_of(path, {"chunk": 2, "prompts": 16, "first_number": 0}, 1)]
    assert len(set(names)) == 8
    path = written(tmp_path / "others.jsonl", [*"cdefghijklmnop"])
    left = chunks_of(path, {"chunk": 2, "prompts": 14, "first_number": 1}, 1)
    assert [one.name for one in left] == names[1:]


@pytest.mark.parametrize("workers, sizes", [(1, [6] * 10 + [4]), (2, [4] * 16), (100, [1] * 64)])
def test_every_worker_has_eight_chunks_where_there_are_prompts(
    tmp_path: Path, workers: int, sizes: list[int]
):
    path = written(tmp_path / "requests.jsonl", [str(number) for number in range(64)])
    chunks = chunks_of(path, {"chunk": 6, "prompts": 64, "first_number": 0}, workers)
    assert [one.prompts for one in chunks] == sizes


def test_weights_are_named_so_that_every_process_finds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    policy = {"model": "base", "adapter": None}
    other = {"model": "/base", "adapter": "runs/a/policy"}
    job: dict[str, Any] = {
        "writers": [{"policy": policy}, {"policy": None}],
        "fit": {"loadings": [{"writers": [{"policy": other}]}]},
    }
    with_absolute_paths(job)
    assert policy == {"model": str(tmp_path / "base"), "adapter": None}
    assert other == {"model": "/base", "adapter": str(tmp_path / "runs/a/policy")}
