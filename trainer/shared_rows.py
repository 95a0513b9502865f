"""What the variants of a sweep share: the pairs as ids. `python -m trainer.shared_rows job.json`

Writes the job's `shared` folder, whole or not at all: two datasets and facts.json. A pass of the
reference over all rows is kept beside them by the first variant that needs one.
"""

import shutil
from pathlib import Path
from typing import Any

from datasets import Dataset, load_from_disk

from endpoints.child_main import child_main
from rounds.files import read_json, replace_folder, write_json
from trainer.rows import split, training_rows
from trainer.sampled_logps import with_sums
from trainer.tokens import Tokenised, tokens_of
from trainer.weights import weighed

PARTS = ("train", "held_out")


def main(job_path: Path) -> None:
    """Prepare the rows of a job."""
    job = read_json(job_path)
    train, held_out = split(training_rows(Path(job["round_dir"])), job["held_out_pairs"])
    rows = weighed_tokens(job, tokens_of(job, train, held_out))
    write_shared(Path(job["shared"]), rows, job["reference"]["policy_id"])


def weighed_tokens(job: dict[str, Any], rows: Tokenised) -> Tokenised:
    """The rows with their weights, where the job has any."""
    if not job.get("weights"):
        return rows
    train, said = weighed(rows.train, read_json(Path(job["weights"])))
    return rows._replace(train=train, facts={**rows.facts, "weights": said})


def write_shared(folder: Path, rows: Tokenised, reference_id: str) -> None:
    """Write tokenised rows, with what their sampling says of the reference's log-probabilities."""
    fresh = folder.with_name(f"{folder.name}.saving")
    shutil.rmtree(fresh, ignore_errors=True)
    for name in PARTS:
        if some := with_sums(getattr(rows, name), reference_id):  # an empty one cannot be read
            Dataset.from_list(some).save_to_disk(fresh / name)
    write_json(fresh / "facts.json", rows.facts)
    replace_folder(fresh, folder)


def read_shared(folder: Path) -> Tokenised:
    """The rows that were written, which are read from the disk as they are used."""
    there = {name: folder / name for name in PARTS if (folder / name).exists()}
    train, held_out = (load_from_disk(str(there[name])) if name in there else [] for name in PARTS)
    return Tokenised(train, held_out, read_json(folder / "facts.json"))


if __name__ == "__main__":
    child_main(main)
