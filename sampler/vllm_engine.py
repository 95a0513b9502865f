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

from rounds.answer_ids import answer_ids
from rounds.errors import UserError
from rounds.rows import Messages
from rounds.tokenizers import Spelling, policy_tokenizer, tokenizer_folder
from rounds.weights import Policy
from sampler.answers import Completion
from sampler.cut import completion
from sampler.fit import Model, no_answer, render
from sampler.writers import Writer

READING = SamplingParams(
    max_tokens=1, prompt_logprobs=0, detokenize=False, output_kind=RequestOutputKind.FINAL_ONLY
)
"""How likely the tokens of a prompt are: vLLM must draw one after them, which nobody looks at."""


def sampling_params(
    sampling: dict[str, Any], n: int, seed: int, ends: Iterable[int] = ()
) -> SamplingParams:
    """What vLLM is told to draw. Null is no value; max_tokens: null is as many as fit.

    `ends` are ids that end the policy's answers: of these vLLM knows those of the model's folder
    and of one tokenizer.
    """
    given = {name: value for name, value in sampling.items() if value is not None}
    given["max_tokens"] = sampling.get("max_tokens")
    if not given.get("ignore_eos"):
        given["stop_token_ids"] = [*(given.get("stop_token_ids") or ()), *ends]
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


def engine_tokenizer(spellings: dict[Policy, Spelling]) -> dict[str, str]:
    """vLLM's `tokenizer`: the one that knows every id of the others, which reads all answers.

    Raises UserError where there is none: two policies write an id as different tokens.
    """
    folders = {tokenizer_folder(policy): one.tokenizer for policy, one in spellings.items()}
    words = {
        folder: {index: word for word, index in tokenizer.get_vocab().items()}
        for folder, tokenizer in sorted(folders.items())
    }
    widest = max(words, key=lambda folder: len(words[folder]))
    for folder, vocabulary in words.items():
        if not vocabulary.items() <= words[widest].items():
            raise UserError(
                f"{folder} and {widest}: their tokenizers have different tokens for one id, so "
                "that one loading of vLLM cannot sample both; leave one out of sampler.also"
            )
    return {"tokenizer": widest}


def open_model(policy: Policy, vllm: dict[str, Any], where: str) -> Model:
    """What `LLM(policy.model, **vllm)` will say of prompts, without its weights.

    Raises UserError naming `where` for a model or a value that vLLM will not have, and for a policy
    without a chat template.
    """
    tokenizer = policy_tokenizer(policy)
    try:
        config = EngineArgs(model=policy.model, **vllm).create_model_config()
    except Exception as error:  # vLLM's own, or of what does not take the value
        raise UserError(f"{where}.vllm: vLLM will not load {policy.model} ({error})") from error
    return Model(partial(render, tokenizer), config.max_model_len)


class Engine:
    """An `LLM` that answers as its requests finish, and not batch by batch.

    `spellings` are of the policies that it samples; each adapter gets a number of its own.
    """

    def __init__(self, llm: Any, spellings: dict[Policy, Spelling]) -> None:
        self._spellings = spellings
        self._engine = llm.llm_engine
        self._max_model_len: int = self._engine.model_config.max_model_len
        self._request_numbers = count()
        self._pending: dict[str, asyncio.Future[Any]] = {}
        adapters = {policy.adapter for policy in spellings if policy.adapter}
        self._loras = {
            folder: LoRARequest(f"adapter {number}", number, folder)
            for number, folder in enumerate(sorted(adapters), start=1)
        }
        self.max_num_seqs: int = self._engine.vllm_config.scheduler_config.max_num_seqs

    async def draw(
        self, writer: Writer, messages: Messages, seed: int, first_index: int, n: int
    ) -> list[Completion | str]:
        """As answers.Draw. A prompt that has no answer gives the reason, n times."""
        assert writer.policy is not None, "a reference is not sampled"
        if writer.reads:
            return [await self._read(writer, messages)]
        spelling = self._spellings[writer.policy]
        tokens = render(spelling.tokenizer, messages)
        reason = no_answer(tokens, writer.sampling, self._max_model_len)
        if reason is not None or isinstance(tokens, str):
            return [reason or str(tokens)] * n
        params = sampling_params(writer.sampling, n, seed + first_index, spelling.ends)
        finished = await self._finished(writer.policy, tokens, params)
        outputs = sorted(finished.outputs, key=lambda output: output.index)
        return [
            completion(output, tokens, spelling.tokenizer, writer.sampling, spelling.ends)
            for output in outputs
        ]

    async def _read(self, writer: Writer, messages: Messages) -> Completion | str:
        """The last message, as the answer to those before it, with its tokens up to the end of the
        turn and their summed log-probability; or why it has none.
        """
        assert writer.policy is not None, "a reference does not read"
        *asked, answer = messages
        spelling = self._spellings[writer.policy]
        tokens = render(spelling.tokenizer, asked)
        if isinstance(tokens, str):
            return tokens
        ids = answer_ids(spelling, asked, tokens, answer["content"])
        if len(tokens) + len(ids) >= self._max_model_len:  # vLLM draws one token after them
            return f"{len(tokens)} tokens and {len(ids)} of the answer are too many for the model"
        finished = await self._finished(writer.policy, [*tokens, *ids], READING)
        ranked = finished.prompt_logprobs[len(tokens) :]
        logprob = sum(of[token].logprob for token, of in zip(ids, ranked, strict=True))
        return Completion(answer["content"], "stop", len(ids), ids, logprob, tokens)

    async def _finished(self, policy: Policy, tokens: list[int], params: SamplingParams) -> Any:
        """What the engine has made of a request, once it is done."""
        request_id = str(next(self._request_numbers))
        self._pending[request_id] = asyncio.get_running_loop().create_future()
        self._engine.add_request(
            request_id,
            {"type": "token", "prompt_token_ids": tokens},
            params,
            lora_request=self._loras.get(policy.adapter or ""),
        )
        return await self._pending[request_id]

    async def run(self, task: asyncio.Future[Any]) -> None:
        """Step the engine until `task`, which awaits what it draws, is done."""
        while not task.done():
            if self._pending:
                for output in self._engine.step():
                    future = self._pending.pop(output.request_id) if output.finished else None
                    if future is not None and not future.done():  # one that failed ends all
                        future.set_result(output)
            await asyncio.sleep(0)
