"""Who is told of a promotion: when a round has ended, and at the next start who was not reached.

At least once: a kill between a webhook's answer and its record has it told again. Whatever fails
here is a warning, for the round is finished.
"""

import time
from datetime import UTC, datetime
from pathlib import Path

from endpoints.hook_config import Hook
from endpoints.hooks import HookFailed, tell
from flows.config import Config
from flows.display import Display
from rounds.errors import UserError
from rounds.folder import policy_history
from rounds.ids import digest
from rounds.promotion import note_told, promotion_facts, read_told

FIRST_WAIT = 1.0
"""Seconds before the first retry; each waits twice as long."""


def tell_promotion(config: Config, run_dir: Path, display: Display, retry: bool) -> None:
    """Tell each of `on_promotion` the policy in place, where another was the last it was told.

    The run's first policy is told to those alone that were told of a later one before. With
    `retry` each is tried as often as its config says, else once.
    """
    if not config.on_promotion:
        return
    facts, history = promotion_facts(run_dir), policy_history(run_dir)
    if facts is None or history is None:
        return
    first = facts["policy_id"] == history["initial"]["policy_id"]
    for hook in config.on_promotion:
        key = hook_key(hook)
        before = read_told(run_dir).get(key, {})
        told = before.get("told")
        if told == facts["policy_id"] or (told is None and first):
            continue
        why = _tried(hook, facts, run_dir, hook.retries if retry else 0)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        if why is None:
            note_told(run_dir, key, {"told": facts["policy_id"], "at": at, "tries": 0, "why": None})
            display.tell(f"on_promotion: {hook.title} was told of {facts['policy_id']}")
            continue
        tries = before.get("tries", 0) + 1
        note_told(run_dir, key, {"told": told, "at": at, "tries": tries, "why": why})
        display.warn(
            f"on_promotion: {hook.title} {why}; the promotion stands, and it is tried again at the "
            "next start"
        )


def hook_key(hook: Hook) -> str:
    """What makes two entries the same one."""
    return digest("hook", hook.model_dump(mode="json", include={"command", "webhook", "body"}))


def _tried(hook: Hook, facts: dict[str, object], run_dir: Path, retries: int) -> str | None:
    """Why the last attempt failed; None where one worked."""
    wait = FIRST_WAIT
    for left in range(retries, -1, -1):
        try:
            tell(hook, facts, run_dir / "logs" / "on_promotion.log")
            return None
        except (HookFailed, UserError, OSError) as error:
            why = " ".join(str(error).split())
        if left:
            time.sleep(wait)
            wait *= 2
    return why
