"""A round of a million candidate rows in bounded memory: python benchmarks/million_rows.py

Takes rounds of 62,500, 125,000 and 250,000 prompts, with 4 answers of about 150 words and 200
tokens each, through every stage but training, each stage in a process of its own: prompts are dealt
from a file, answers lie in chunks as the sampler's children leave them, the judge's replies lie in
the journal. Prints of each the rows (candidates) a second and the peak memory, at last all sizes in
one table: memory over the imports, the bytes that a row more takes, and by how much longer a stage
takes where the rows double (2.0 is linear).
`--rows` takes other sizes, `--parts` only some stages, `--at` a folder to keep.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from math import log2
from pathlib import Path
from typing import Any

from million_given import ANSWERS, PREPARED, ROUND, RUN, config
from million_stages import MEASURED, ORDER, peak

MIB = 2**20


def run(part: str, folder: Path, rows: int) -> dict[str, Any] | None:
    """One stage in this process; what it took, where it is measured."""
    if part in PREPARED:
        PREPARED[part](folder, rows // ANSWERS)
        return None
    work, _ = MEASURED[part](), config(folder)
    before, cpu, started = peak(), time.process_time(), time.monotonic()
    own = work(folder, rows // ANSWERS)
    seconds, cpu = time.monotonic() - started, time.process_time() - cpu
    most = own if part == "inspect" and isinstance(own, int) else peak()
    print(
        f"{part:8} {rows:>10,} rows  {seconds:7.1f} s  {rows / seconds:>9,.0f} rows/s  "
        f"(CPU {cpu:6.1f} s)  peak {most / MIB:6,.0f} MiB, "
        f"{(most - before) / MIB:6,.0f} over its imports",
        flush=True,
    )
    return {"rows": rows, "seconds": seconds, "cpu": cpu, "peak": most, "over": most - before}


def in_child(part: str, folder: Path, rows: int) -> dict[str, Any] | None:
    """The same in a process of its own."""
    told = folder.parent.parent.parent.parent / f"{part}.json"
    child = ["--here", part, "--at", str(folder), "--rows", str(rows), "--tell", str(told)]
    subprocess.run([sys.executable, __file__, *child], check=True)
    return dict(json.loads(told.read_text())) if part in MEASURED else None


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    """A line for each stage: MiB over its imports and CPU seconds at each size; then the bytes that
    a row more takes, and how much longer it takes where the rows double."""
    sizes = [one["rows"] for one in next(iter(found.values()))]
    lines = [f"{'stage':8}{''.join(f'{size:>20,}' for size in sizes)}   bytes a row, time doubled"]
    for part, each in found.items():
        cells = "".join(f"{one['over'] / MIB:9,.0f} MiB {one['cpu']:5,.0f} s" for one in each)
        (first, *_, last), grown = (each[0], *each), ""
        if last["rows"] > first["rows"]:
            slope = (last["over"] - first["over"]) / (last["rows"] - first["rows"])
            times = (last["cpu"] / first["cpu"]) ** (1 / log2(last["rows"] / first["rows"]))
            grown = f"{slope:14,.0f}, {times:4.2f}"
        lines.append(f"{part:8}{cells}{grown}")
    return "\n".join(lines)


def main() -> None:
    """Every part at every size, one child process each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[250_000, 500_000, 1_000_000])
    parser.add_argument("--parts", nargs="+", default=ORDER, choices=ORDER)
    parser.add_argument("--at", type=Path)
    parser.add_argument("--here", help=argparse.SUPPRESS)
    parser.add_argument("--tell", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        measured = run(given.here, given.at, *given.rows)
        if given.tell and measured:
            given.tell.write_text(json.dumps(measured))
        return
    found: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for rows in given.rows:
            at = (given.at or Path(scratch)) / f"{rows}"
            for part in given.parts:
                if measured := in_child(part, at / RUN / ROUND, rows):
                    found.setdefault(part, []).append(measured)
            if given.at is None:
                shutil.rmtree(at)
    if found:
        print(table(found))


if __name__ == "__main__":
    main()
