"""The driver of a sampling on a Ray cluster: `python -m sampler.ray_child job.json`

As sampler.vllm_child, but vLLM is in actors: each free one is given the next chunk of prompts, and
what it returns is written here. Ray restarts actors that die; their chunks go to whoever is there.
Lines that the actors print come to this process's log with the node's name before them.
"""

from pathlib import Path

from endpoints.child_main import child_main
from endpoints.ray_config import RayConfig
from endpoints.ray_driver import connected
from rounds.files import read_json

WHERE = "sampler.engine.ray"


def main(job_path: Path) -> None:
    """Have every prompt of the job answered."""
    job, work = read_json(job_path), job_path.parent
    config = RayConfig(**job["ray"])
    with connected(config, WHERE):
        from sampler.ray_crew import Crew  # imports Ray, which the connecting has set up

        Crew(job, work, config).run()


if __name__ == "__main__":
    child_main(main)
