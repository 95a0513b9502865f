"""The vLLM side seen from the parent: a job file, a child process, chunks on disk."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from endpoints.child_main import heard
from endpoints.children import run_child
from endpoints.serve import cpu_settings
from rounds.files import read_json, write_json, write_text
from rounds.folder import run_of
from rounds.progress import Progress
from rounds.tables import Row
from rounds.weights import Policy
from sampler.config import SamplerConfig
from sampler.requests import Request


def sample_with_vllm(
    work: Path,
    requests: list[Request],
    policy: Policy,
    config: SamplerConfig,
    progress: Progress,
) -> tuple[list[Row], dict[str, str]]:
    """Candidate rows in the order of the requests, and the prompts set aside with the reason.

    Chunks that are there already are kept: a kill costs at most one.
    """
    lines = [json.dumps(request._asdict(), ensure_ascii=False) for request in requests]
    write_text(work / "requests.jsonl", "\n".join(lines) + "\n")
    job = work / "job.json"
    write_json(
        job,
        {
            "policy": policy._asdict(),
            "sampling": config.sampling,
            "vllm": config.vllm,
            "chunk": config.chunk,
            "env": {**cpu_settings(), **config.env},
        },
    )

    log = run_of(work.parent.parent) / "logs" / f"{work.parent.parent.name}-sampler.log"
    run_child("sampler.vllm_child", job, log, heard(progress))
    rows: list[Row] = []
    for chunk in sorted(work.glob("chunk-*.parquet")):
        rows += pq.read_table(chunk).to_pylist()
    return rows, read_json(work / "set_aside.json")
