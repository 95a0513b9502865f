"""The child process that finds what cannot be trained: `python -m trainer.check job.json`

Raises UserError for the first argument that TRL or peft would refuse and for imported data that is
wrong. Writes found.json beside the job: a sentence about each source.
"""

from collections import Counter
from pathlib import Path

from endpoints.child_main import child_main, report_progress
from preferences.config import Data
from preferences.data_files import left_out
from preferences.preference import Preference
from preferences.read import Malformed, read_preferences
from rounds.answer_ids import answer_ids
from rounds.errors import UserError
from rounds.files import read_json, write_json
from rounds.rows import Messages
from rounds.scratch import scratch
from rounds.tokenizers import Spelling, policy_tokenizer, rendered_prompt, spelling_of
from rounds.weights import Policy
from trainer.arguments import lora_config, trl_config
from trainer.tokens import limit_of

PROBE: Messages = [{"role": "user", "content": "Hello"}]
OF_HARDWARE = ("tf32", "use_cpu")
"""Arguments that TRL refuses where there is no GPU for them."""
REPORT_EVERY = 5000
"""Rows between two lines of progress."""


def main(job_path: Path) -> None:
    """Check the job's arguments, then its data."""
    job = read_json(job_path)
    with scratch("arguments") as folder:
        for number, args in enumerate(job["variants"], start=1):
            if job["elsewhere"]:
                args = {name: args[name] for name in args if name not in OF_HARDWARE}
            try:
                trl_config(job["method"], args, str(folder))
            except UserError as error:
                if len(job["variants"]) == 1:
                    raise
                raise UserError(f"trainer.sweep, variant {number}: {error}") from error
        lora_config(job["lora"])
    policy = Policy(**job["policy"])
    spelling = spelling_of(policy)
    check_ids(policy, spelling)
    if job.get("reference"):
        check_reference(Policy(**job["reference"]), policy, spelling)
    limit = limit_of(policy, job["variants"][0])
    sentences = [
        check_data(Data(**source), key, spelling, limit) for key, source in job["imported"]
    ]
    write_json(job_path.parent / "found.json", sentences)


def check_ids(policy: Policy, spelling: Spelling) -> None:
    """Raise UserError where the template writes tokens that an adapter's tokenizer has and its base
    has no weights for: neither the training nor vLLM takes them.
    """
    rows = read_json(Path(policy.model) / "config.json").get("vocab_size")
    try:
        ids = rendered_prompt(spelling.tokenizer, PROBE)
    except Exception:  # a template raises what it likes; not every one takes this prompt
        return
    if policy.adapter is not None and isinstance(rows, int) and max(ids, default=0) >= rows:
        token = spelling.tokenizer.convert_ids_to_tokens(max(ids))
        raise UserError(
            f"{policy.adapter}: its chat template writes {token!r}, which its tokenizer adds to "
            f"the {rows} tokens of {policy.model}: there are no weights for it; leave it out of "
            "the template, or merge the adapter into a model that has the token"
        )


def check_reference(reference: Policy, policy: Policy, spelling: Spelling) -> None:
    """Raise UserError for a reference that has other tokens than the policy that is trained: it
    would be asked how likely it finds other texts.
    """
    sizes = [
        read_json(Path(one.model) / "config.json").get("vocab_size") for one in (reference, policy)
    ]
    other = policy_tokenizer(reference).get_vocab()
    if other != spelling.tokenizer.get_vocab():
        wrong = f"its tokenizer has other tokens than that of {policy.model}"
    elif None not in sizes and sizes[0] < len(other) <= sizes[1]:
        wrong = f"it has weights for {sizes[0]} tokens, {policy.model} for {sizes[1]}"
    else:
        return
    raise UserError(
        f"trainer.reference: {reference.adapter or reference.model}: {wrong}; the reference must "
        "read the same ids: a policy of the same family, or `initial`"
    )


def check_data(source: Data, key: str, spelling: Spelling, limit: float) -> str:
    """What a source of preferences holds, in a sentence.

    Raises UserError for a row that is malformed or that the chat template refuses, and where no
    row is left: a preference of more than `limit` tokens, prompt and answer together, is not
    trained on.
    """
    shape, rows = read_preferences(source, key)
    counts: Counter[str] = Counter()
    too_long: list[str] = []
    for row in rows:
        if isinstance(row, Preference):
            counts["preferences"] += 1
            if _tokens(row, spelling) > limit:
                too_long.append(row.where)
        else:
            counts["malformed" if isinstance(row, Malformed) else row.reason] += 1
        if counts.total() % REPORT_EVERY == 0:
            report_progress(counts.total(), 0, f"checking {source}")
    if not counts["preferences"]:
        reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(counts.items()))
        raise UserError(f"{key}: {source} holds no preference ({reasons})")
    if len(too_long) == counts["preferences"]:
        raise UserError(
            f"{key}: every preference of {source} has more than {limit} tokens, prompt and answer "
            "together, and is not trained on (trainer.args.max_length, or what the model takes)"
        )
    kinds = ", ".join(f"{counts[name]} {name}" for name in sorted(counts))
    sentence = f"{key}: {source} is of the shape {shape}: {kinds}"
    if too_long:
        sentence += (
            f"; of more than {limit} tokens, prompt and answer together "
            "(trainer.args.max_length, or what the model takes), and so not trained on: "
            f"{len(too_long)}, the first is {too_long[0]}"
        )
    if files := left_out(source.data, source.config):
        sentence += f"; {files}"
    return sentence


def _tokens(preference: Preference, spelling: Spelling) -> int:
    """Tokens of the prompt and the longer answer in the policy's chat template."""
    try:
        prompt = rendered_prompt(spelling.tokenizer, preference.prompt)
        return len(prompt) + max(
            len(answer_ids(spelling, preference.prompt, prompt, text))
            for text in (preference.chosen, preference.rejected)
        )
    except Exception as error:  # a template raises what it likes
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{preference.where}: the policy's chat template refuses the prompt ({reason})"
        ) from error


if __name__ == "__main__":
    child_main(main)
