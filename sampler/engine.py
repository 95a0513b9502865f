"""vLLM's engine as a `draw` that many prompts await at once.

`LLM.chat` ends with the last sequences of its batch running almost alone. Here the next prompts are
in the engine's queue before the others end, so that its batch stays full to the end of the round.
"""

import asyncio
from collections.abc import Iterable
from itertools import count
from typing import Any

from vllm import SamplingParams
from vllm.lora.request import LoRARequest
from vllm.sampling_params import RequestOutputKind

from rounds.errors import UserError
from sampler.answers import Drawn
from sampler.revise import Messages
from sampler.writers import Writer


def sampling_params(sampling: dict[str, Any], n: int, seed: int) -> SamplingParams:
    """What vLLM is told to draw."""
    return SamplingParams(
        **sampling, n=n, seed=seed, logprobs=0, output_kind=RequestOutputKind.FINAL_ONLY
    )


def check_samplings(samplings: Iterable[tuple[str, dict[str, Any], int]]) -> None:
    """Raise UserError for a value that vLLM will not have, of (config key, sampling, n)."""
    for where, sampling, n in samplings:
        try:
            sampling_params(sampling, n, 0)
        except Exception as error:  # vLLM's own, or of whatever does not take the value
            raise UserError(f"{where}: {error}") from error


class Engine:
    """An `LLM` that answers as its requests finish, and not batch by batch.

    `adapters` are LoRA folders; each gets a number of its own.
    """

    def __init__(self, llm: Any, adapters: list[str]) -> None:
        self._tokenizer = llm.get_tokenizer()
        if not self._tokenizer.chat_template:
            raise UserError(
                "the policy's tokenizer has no chat template; prefloop samples chat models"
            )
        self._engine = llm.llm_engine
        self._limit = self._engine.model_config.max_model_len
        self._numbers = count()
        self._open: dict[str, asyncio.Future[Any]] = {}
        self._loras = {
            folder: LoRARequest(f"adapter {number}", number, folder)
            for number, folder in enumerate(adapters, start=1)
        }
        self.at_once: int = self._engine.vllm_config.scheduler_config.max_num_seqs

    async def draw(
        self, source: Writer, messages: Messages, seed: int, first: int, n: int
    ) -> list[Drawn | str]:
        """As answers.Draw. A prompt that leaves no room for the answer is a reason, n times."""
        assert source.policy is not None, "a reference is not sampled"
        tokens = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=False
        )
        room = source.sampling.get("max_tokens", 16) or 1  # null: as many as fit
        if len(tokens) + room > self._limit:
            why = f"{len(tokens)} tokens and {room} for the answer; the model takes {self._limit}"
            return [why] * n
        name = str(next(self._numbers))
        self._open[name] = asyncio.get_running_loop().create_future()
        self._engine.add_request(
            name,
            {"type": "token", "prompt_token_ids": tokens},
            sampling_params(source.sampling, n, seed + first),
            lora_request=self._loras.get(source.policy.adapter or ""),
        )
        output = await self._open[name]
        return [_drawn(each) for each in sorted(output.outputs, key=lambda each: each.index)]

    async def run(self, work: asyncio.Future[Any]) -> None:
        """Step the engine until `work`, which awaits what it draws, is done."""
        while not work.done():
            if self._open:
                for output in self._engine.step():
                    answered = self._open.pop(output.request_id) if output.finished else None
                    if answered is not None and not answered.done():  # one that failed ends all
                        answered.set_result(output)
            await asyncio.sleep(0)


def _drawn(answer: Any) -> Drawn:
    token_ids, logprob = list(answer.token_ids), answer.cumulative_logprob
    return Drawn(answer.text, answer.finish_reason, len(token_ids), token_ids, logprob)
