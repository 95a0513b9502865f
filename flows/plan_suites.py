"""What the gate's regression suites add to a round: answers of both policies, and their tokens."""

from pathlib import Path

from flows.config import Config
from flows.suites import suite_prompts
from rounds.folder import policy_history
from sampler.suite_prompts import Wanted, answers_wanted


def planned_suites(config: Config, run_dir: Path) -> Wanted | None:
    """What the next round asks of the policies for its suites; None without any.

    Raises UserError, as a run would, for a file that is wrong.
    """
    if not config.gate.suites or config.trainer is None:
        return None
    history = policy_history(run_dir)
    policy_id = str(history["current"]["policy_id"]) if history else None
    served = config.policy.endpoint is not None
    prompts = suite_prompts(config)
    return answers_wanted(prompts, config.sampler, config.seed, run_dir, policy_id, served)


def suites_text(config: Config, wanted: Wanted) -> str:
    """The answers and their tokens in words."""
    parts = []
    if wanted.answers:
        parts.append(f"at most {wanted.answers} answers{_tokens(config, wanted)}")
    if wanted.readings:
        parts.append(f"{wanted.readings} references read")
    return ", ".join(parts) or "nothing is asked"


def suite_tokens(config: Config, wanted: Wanted) -> tuple[int, bool] | None:
    """The tokens of the answers, and whether they are measured; else it is the most that they can
    be. None where nothing is known of them.
    """
    served = config.policy.endpoint is not None
    most = config.sampler.sampling_of("current", served).get("max_tokens")
    if wanted.tokens_an_answer is not None:
        return round(wanted.answers * wanted.tokens_an_answer), True
    return None if most is None else (wanted.answers * int(most), False)


def _tokens(config: Config, wanted: Wanted) -> str:
    found = suite_tokens(config, wanted)
    if found is None:
        return ""
    tokens, measured = found
    return (
        f" (about {tokens:,} tokens, as measured)" if measured else f" ({tokens:,} tokens at most)"
    )
