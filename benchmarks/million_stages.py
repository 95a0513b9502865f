"""The stages of `million_rows.py` by name: each imports its stage, and returns it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from million_given import Work, beside, config, sampling

from rounds.folder import run_of
from rounds.ids import digest, text_hash
from rounds.rows import CANDIDATES, HELD_OUT, Candidate
from rounds.tables import iter_rows, replace_splits


def prompts() -> Work:
    """Deal every prompt of the files."""
    from endpoints.open import Endpoints
    from sampler.dealing.deal import deal

    return lambda folder, _: deal(folder, config(folder).prompts, 0, Endpoints({}, folder / "logs"))


def sample() -> Work:
    """Chunks to the table: the vLLM side is asked for nothing that is left."""
    import sampler.stage  # noqa: F401

    return lambda folder, _: sampling(folder)()


def judge() -> Work:
    """Select and confirm, each answer read from the journal."""
    from endpoints.open import Endpoints
    from judge.stage import judge_candidates

    def work(folder: Path, _: int) -> None:
        whole = config(folder)
        at = Endpoints(whole.endpoints, folder / "logs")
        judge_candidates(folder, whole.judge, at, float(whole.judge.tau))

    return work


def health() -> Work:
    """Measure the judge."""
    from endpoints.open import Endpoints
    from judge.health.examine import judge_health

    def work(folder: Path, _: int) -> None:
        whole = config(folder)
        judge_health(folder, whole.judge, Endpoints(whole.endpoints, folder / "logs"))

    return work


def pairs() -> Work:
    """Clean, and compare with all others."""
    from pairs.stage import build_pairs

    def work(folder: Path, _: int) -> None:
        found = build_pairs(folder, config(folder).pairs)
        print(f"    kept {found['kept']:,}, dropped {found['dropped']}")

    return work


def gate() -> Work:
    """The trained policy's held-out answers put in, compared, and decided upon."""
    from endpoints.open import Endpoints
    from gate.config import GateConfig
    from gate.stage import decide
    from judge.config import JudgeConfig
    from judge.held_out import judge_held_out

    own = JudgeConfig(endpoint="python:million_given:worth")

    def work(folder: Path, _: int) -> None:
        other = beside(folder)
        old = list(iter_rows(other, CANDIDATES, HELD_OUT))
        new: list[Candidate] = []
        for row in old:
            text = row["text"][::-1]
            named = {"candidate_id": digest("new", row["candidate_id"]), "policy_id": "p1"}
            new.append({**row, **named, "text": text, "text_hash": text_hash(text)})  # type: ignore[typeddict-item]
        replace_splits(other, CANDIDATES, HELD_OUT, [*old, *new])
        judge_held_out(other, own, Endpoints({}, other / "logs"), "p1")
        decide(other, GateConfig(), "p1", "p0", "p0")

    return work


def finish() -> Work:
    """metrics.json, hashes, the sealed manifest and the card."""
    from rounds.finish import finish_round

    def work(folder: Path, _: int) -> None:
        decision = {"promoted": False, "reasons": ["no trainer"]}
        finish_round(folder, (run_of(folder) / "run.yaml").read_text(), None, decision)

    return work


def report() -> Work:
    """The page of the round that is left in it, and the card with its plots."""
    from viewer.report import leave_report

    return lambda folder, _: leave_report(folder)


def prove() -> Work:
    """The seal, and every file against its hash."""
    from rounds.proven import prove_rounds

    return lambda folder, _: prove_rounds([folder], thorough=True)


def verify() -> Work:
    """Every check of `prefloop verify`, replies read again and pairs made again."""
    from flows.verify.run import verify as checks
    from rounds.stages import silent

    def work(folder: Path, _: int) -> None:
        for check in checks(run_of(folder).resolve(), [folder.resolve()], None, lambda _: silent):
            if check.faults:
                print(f"    {check.name}: {check.n_faults} faults, {check.faults[0]}")

    return work


def export() -> Work:
    """The pairs as a data set for TRL."""
    from preferences.export import export as write

    return lambda folder, _: write([folder], "trl", run_of(folder) / "exports/trl", "benchmark")


def inspect() -> Work:
    """`prefloop inspect` in a process of its own, asked for the run, the round and its pairs."""

    def work(folder: Path, _: int) -> int:
        command = ["-m", "prefloop", "inspect", str(run_of(folder)), "--no-browser"]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen([sys.executable, *command], **pipes, text=True)
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            for page in ("", "round/1", "round/1/plots", "round/1/pairs?sort=-margin"):
                with urlopen(address + page) as answer:
                    answer.read()
            return peak(server.pid)
        finally:
            server.terminate()
            server.wait()

    return work


def peak(process: int | str = "self") -> int:
    """The most memory a process has held so far, bytes (Linux's VmHWM)."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


MEASURED: dict[str, Callable[[], Work]] = {
    "prompts": prompts,
    "sample": sample,
    "judge": judge,
    "health": health,
    "pairs": pairs,
    "gate": gate,
    "finish": finish,
    "report": report,
    "prove": prove,
    "verify": verify,
    "export": export,
    "inspect": inspect,
}
"""What they return may return the peak memory of a process of its own."""

ORDER = [
    *("sources", "prompts", "chunks", "sample", "replies", "judge", "health", "pairs"),
    *("trained", "gate", "finish", "report", "prove", "verify", "export", "inspect"),
]
