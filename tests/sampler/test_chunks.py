"""Sampling in pieces: chunks, shares of processes, what a kill leaves, and putting it together."""

from itertools import count
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builders import begun, candidate_row, prompt_row
from scripted_child import Children, scripted_children

from endpoints.children import ChildFailed
from endpoints.open import Endpoints
from rounds.errors import UserError
from rounds.rows import Candidate
from rounds.tables import read_rows
from rounds.weights import Policy
from sampler.answers import AnsweredPrompt
from sampler.chunks import ChunkReader, ChunkWriter, finished_prompts, next_chunk_number
from sampler.config import SamplerConfig
from sampler.processes import run_together
from sampler.stage import sample

HERE = Policy("m", None, "p0")
NONE = Endpoints({}, Path("logs"))
PROMPTS = [prompt_row(f"q{number:02d}") for number in range(20)]


def says(policy: str, messages: list[dict[str, str]], seed: int) -> str:
    return f"{messages[-1]['content']} from {seed}"


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> Children:
    return scripted_children(monkeypatch, says)


def config(chunk: int = 4, **given: object) -> SamplerConfig:
    return SamplerConfig(n=2, chunk=chunk, **given)


def run(folder: Path, with_config: SamplerConfig) -> list[Candidate]:
    sample(folder, with_config, HERE, 0, NONE)
    return read_rows(folder, "candidates")


def test_devices_share_the_prompts_and_the_table_is_the_same(tmp_path: Path, vllm: Children):
    calm = run(begun(tmp_path / "calm", prompts=PROMPTS), config())
    shared = run(begun(tmp_path / "shared", prompts=PROMPTS), config(devices=["0", "1", "2,3"]))
    assert shared == calm
    jobs = vllm.jobs[1:]
    assert [job["prompts"] for job in jobs] == [7, 7, 6]
    assert [job["env"]["CUDA_VISIBLE_DEVICES"] for job in jobs] == ["0", "1", "2,3"]
    assert "CUDA_VISIBLE_DEVICES" not in vllm.jobs[0]["env"]


def test_a_process_with_nothing_to_do_is_not_started(run_dir: Path, vllm: Children):
    run(begun(run_dir, prompts=PROMPTS[:1]), config(devices=["0", "1"]))
    assert [job["prompts"] for job in vllm.jobs] == [1]


def test_after_a_kill_with_other_devices_and_chunks_nothing_finished_is_asked_again(
    tmp_path: Path, vllm: Children
):
    calm = run(begun(tmp_path / "calm", prompts=PROMPTS), config())
    folder = begun(tmp_path / "killed", prompts=PROMPTS)
    del vllm.asked[:]
    for devices, chunk, killed_after in ((["0", "1"], 4, 7), ([], 3, 15), (["0", "1", "2"], 5, 99)):
        vllm.fail_after = killed_after
        try:
            rows = run(folder, config(chunk, devices=devices))
        except RuntimeError:
            continue
    assert rows == calm
    again = len(vllm.asked) - len(PROMPTS)
    assert 0 < again < 4 + 4 + 3, "more than a chunk and what was under way was asked again"


def test_the_loadings_of_a_round_keep_their_chunks_apart(run_dir: Path, vllm: Children):
    also = {"long": {"vllm": {"max_model_len": 99}}, "hot": {"sampling": {"temperature": 2}}}
    folder = begun(run_dir, prompts=PROMPTS)
    vllm.fail_after = 20 + 20 + 10  # in the second loading
    with pytest.raises(RuntimeError):
        run(folder, config(also=also))
    vllm.fail_after = None
    rows = run(folder, config(also=also))
    assert [job["prompts"] for job in vllm.jobs] == [20, 20, 12]
    assert [row["source"] for row in rows] == ["current", "current", "long", "hot"] * 20


def test_everything_in_chunks_loads_nothing(run_dir: Path, vllm: Children):
    folder = begun(run_dir, prompts=PROMPTS)
    rows = run(folder, config())
    (folder / "work" / "sample.json").unlink()
    (folder / "candidates.parquet").unlink()
    assert run(folder, config()) == rows and len(vllm.jobs) == 1


def answered(number: int, n: int = 2) -> AnsweredPrompt:
    prompt = PROMPTS[number]
    rows = [candidate_row(prompt, f"{number} {index}", index) for index in range(n)]
    return AnsweredPrompt(prompt["prompt_id"], rows, [] if n else [("current", "too long")])


def test_chunks_say_which_prompts_they_hold(tmp_path: Path):
    writer = ChunkWriter(tmp_path, count(3, 2), 2, ["current"])
    for number, n in enumerate((2, 0, 1, 2, 0)):
        writer.add(answered(number, n))
    writer.flush()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        "aside-00003.json",
        "aside-00007.json",
        "chunk-00003.parquet",
        "chunk-00005.parquet",
    ]
    assert next_chunk_number(tmp_path) == 8
    finished = finished_prompts(tmp_path, ["current"])
    assert [row["prompt_id"] in finished for row in PROMPTS[:7]] == [True] * 5 + [False] * 2
    assert not len(finished_prompts(tmp_path, ["hot"]))
    reader = ChunkReader(tmp_path)
    assert [len(reader.candidates(row["prompt_id"])) for row in PROMPTS[:6]] == [2, 0, 1, 2, 0, 0]
    assert set(reader.reasons.values()) == {"too long"}
    assert PROMPTS[0]["prompt_id"] in reader and PROMPTS[1]["prompt_id"] not in reader


@pytest.mark.parametrize("writers", [1, 3])
def test_chunks_are_in_memory_only_while_their_prompts_are_read(tmp_path: Path, writers: int):
    chunks = [ChunkWriter(tmp_path, count(n, writers), 2, ["current"]) for n in range(writers)]
    for number in range(20):
        chunks[number % writers].add(answered(number))
    for writer in chunks:
        writer.flush()
    reader = ChunkReader(tmp_path)
    for _ in range(2):
        texts, held = [], []
        for prompt in PROMPTS:
            texts += [row["text"] for row in reader.candidates(prompt["prompt_id"])]
            held.append(len(reader._in_memory))
        assert texts == [f"{number} {index}" for number in range(20) for index in range(2)]
        assert max(held) == writers and held[-1] == 0


def test_the_table_lies_in_the_order_of_the_prompts(run_dir: Path, vllm: Children):
    folder = begun(run_dir, prompts=[*PROMPTS, prompt_row("g", "gate")])
    run(folder, config(devices=["0", "1"]))
    names = pq.read_table(folder / "candidates.parquet")["prompt_id"].to_pylist()
    expected = [row["prompt_id"] for row in PROMPTS for _ in range(2)]
    assert names == [*expected, prompt_row("g", "gate")["prompt_id"]]


SLEEPS = """
import sys, time
from pathlib import Path
job = Path(sys.argv[1])
print("progress 0 1", flush=True)
if job.name == "error":
    print("error: no such thing", flush=True)
    print("a process of vLLM's has ended", flush=True)
    sys.exit(2)
if job.name == "crash":
    sys.exit("it broke")
(job.parent / f"{job.name}.began").touch()
time.sleep(0 if job.name == "quick" else 60)
"""


@pytest.mark.parametrize(
    ("fails", "error", "message"),
    [("error", UserError, "no such thing"), ("crash", ChildFailed, "it broke")],
)
def test_a_process_that_fails_ends_the_others(tmp_path, monkeypatch, fails, error, message):
    (tmp_path / "sleeps.py").write_text(SLEEPS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    heard: list[tuple[int, str]] = []
    jobs = [(tmp_path / name, tmp_path / f"{name}.log") for name in ("waits", fails)]
    with pytest.raises(error, match=message):
        run_together("sleeps", jobs, lambda number, line: heard.append((number, line)))
    assert (1, "progress 0 1") in heard
    run_together("sleeps", [(tmp_path / "quick", tmp_path / "log")] * 2, lambda *_: None)


def test_a_chunk_of_older_code_is_read_with_the_columns_of_now(tmp_path: Path):
    row = candidate_row(PROMPTS[0], "x")
    chunks = ChunkWriter(tmp_path, count(), 1, ["current"])
    chunks.add(AnsweredPrompt(row["prompt_id"], [row], []))
    path = tmp_path / "chunk-00000.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["prompt_token_ids"]), path)
    assert ChunkReader(tmp_path).candidates(row["prompt_id"]) == [row]
