"""The child process that calls the user's embedding once: `pairs.index.embedding_check job.json`

In a process of its own, for what the function loads would stay: a GPU's memory among it.
"""

from pathlib import Path

from endpoints.child_main import child_main
from endpoints.children import run_child
from pairs.index.embedding import load_embedding
from rounds.files import read_json, write_json

TEXTS = ["How do I reset my password?", "Thanks!", "The parcel came, but it was the wrong one."]
"""Three texts of three lengths: no function of one text, or of its letters, gives one shape."""


def check_embedding(reference: str, scratch: Path) -> None:
    """Raise UserError unless the function gives a vector for each text."""
    job = scratch / "embedding-check.json"
    write_json(job, {"embed": reference})
    log = scratch / "embedding-check.log"
    run_child("pairs.index.embedding_check", job, log, lambda _: None)


def main(job_path: Path) -> None:
    """Call the function of the job."""
    load_embedding(read_json(job_path)["embed"])(TEXTS)


if __name__ == "__main__":
    child_main(main)
