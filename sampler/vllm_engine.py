"""vLLM's engine as a `draw` that many prompts await at once.

`LLM.chat` ends with the last sequences of its batch running almost alone. Here the next prompts are
in the engine's queue before the others end, so that its batch stays full to the end of the round.
"""

import asyncio
from collections.abc import Iterable
from functools import partial
from itertools import count
from typing import Any

from vllm import SamplingParams
from vllm.engine.arg_utils import EngineArgs
from vllm.lora.request import LoRARequest
from vllm.sampling_params import RequestOutputKind
from vllm.tokenizers import cached_tokenizer_from_config

from rounds.errors import UserError
from rounds.rows import Messages
from rounds.weights import Policy
from sampler.answers import Completion
from sampler.fit import Model, no_answer, render
from sampler.writers import Writer


def sampling_params(sampling: dict[str, Any], n: int, seed: int) -> SamplingParams:
    """What vLLM is told to draw. Null is no value; max_tokens: null is as many as fit."""
    given = {name: value for name, value in sampling.items() if value is not None}
    given["max_tokens"] = sampling.get("max_tokens")
    return SamplingParams(
        **given, n=n, seed=seed, logprobs=0, output_kind=RequestOutputKind.FINAL_ONLY
    )


def check_samplings(samplings: Iterable[tuple[str, dict[str, Any], int]]) -> None:
    """Raise UserError for a value that vLLM will not have, of (config key, sampling, n)."""
    for where, sampling, n in samplings:
        try:
            sampling_params(sampling, n, 0)
        except Exception as error:  # vLLM's own, or of whatever does not take the value
            raise UserError(f"{where}: {error}") from error


def open_model(policy: Policy, vllm: dict[str, Any], where: str) -> Model:
    """What `LLM(**vllm)` of a policy will say of prompts, without its weights.

    Raises UserError naming `where` for a model or a value that vLLM will not have.
    """
    try:
        config = EngineArgs(model=policy.model, **vllm).create_model_config()
        tokenizer = cached_tokenizer_from_config(config)
    except Exception as error:  # vLLM's own, transformers', or of what does not take the value
        raise UserError(f"{where}.vllm: vLLM will not load {policy.model} ({error})") from error
    if not tokenizer.chat_template:
        raise UserError(
            f"{policy.model}: the tokenizer has no chat template; prefloop samples chat models"
        )
    return Model(partial(render, tokenizer), config.max_model_len)


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
        self._max_model_len: int = self._engine.model_config.max_model_len
        self._request_numbers = count()
        self._pending: dict[str, asyncio.Future[Any]] = {}
        self._loras = {
            folder: LoRARequest(f"adapter {number}", number, folder)
            for number, folder in enumerate(adapters, start=1)
        }
        self.max_num_seqs: int = self._engine.vllm_config.scheduler_config.max_num_seqs

    async def draw(
        self, writer: Writer, messages: Messages, seed: int, first_index: int, n: int
    ) -> list[Completion | str]:
        """As answers.Draw. A prompt that has no answer gives the reason, n times."""
        assert writer.policy is not None, "a reference is not sampled"
        tokens = render(self._tokenizer, messages)
        reason = no_answer(tokens, writer.sampling, self._max_model_len)
        if reason is not None:
            return [reason] * n
        request_id = str(next(self._request_numbers))
        self._pending[request_id] = asyncio.get_running_loop().create_future()
        self._engine.add_request(
            request_id,
            {"type": "token", "prompt_token_ids": tokens},
            sampling_params(writer.sampling, n, seed + first_index),
            lora_request=self._loras.get(writer.policy.adapter or ""),
        )
        finished = await self._pending[request_id]
        outputs = sorted(finished.outputs, key=lambda output: output.index)
        return [_completion(output) for output in outputs]

    async def run(self, task: asyncio.Future[Any]) -> None:
        """Step the engine until `task`, which awaits what it draws, is done."""
        while not task.done():
            if self._pending:
                for output in self._engine.step():
                    future = self._pending.pop(output.request_id) if output.finished else None
                    if future is not None and not future.done():  # one that failed ends all
                        future.set_result(output)
            await asyncio.sleep(0)


def _completion(output: Any) -> Completion:
    token_ids, logprob = list(output.token_ids), output.cumulative_logprob
    return Completion(output.text, output.finish_reason, len(token_ids), token_ids, logprob)
