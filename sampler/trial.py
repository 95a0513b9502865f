"""The sampler's half of the trial: a policy that training has left, in vLLM, one answer."""

from collections.abc import Iterator
from pathlib import Path

from rounds.rows import Messages
from rounds.stages import silent
from rounds.weights import Policy
from sampler.config import SamplerConfig
from sampler.requests import PromptRequest, WriterRequest
from sampler.vllm_parent import sample_with_vllm
from sampler.writers import writer_in_place

MESSAGES: Messages = [{"role": "user", "content": "Hello"}]


def try_policy(folder: Path, config: SamplerConfig, policy: Policy) -> None:
    """Have a policy answer once, as the sampler starts vLLM for the one in place.

    Everything is written below `folder`, which is laid out as a round's. Raises UserError or
    ChildFailed where it cannot.
    """
    sampling = {"temperature": 1.0, "max_tokens": 1}
    writer = writer_in_place(config, policy)._replace(n=1, sampling=sampling)

    def requests() -> Iterator[PromptRequest]:
        asked = [WriterRequest(writer.name, 1, 0)]
        yield PromptRequest("trial", "train", MESSAGES, 0, asked, [])

    work = folder / "work" / "sample"
    work.mkdir(parents=True, exist_ok=True)
    sample_with_vllm(work, requests, [writer], config, silent)
