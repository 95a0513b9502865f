"""`prefloop chat`: talking to a policy of a run in the terminal."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.terminal import RunFolder, one_message

if TYPE_CHECKING:
    from endpoints.chat import Conversation

NEW, QUIT = "/new", "/quit"


def chat(
    run: RunFolder,
    round: Annotated[
        int | None,
        typer.Argument(
            min=1, help="The round that trained it, refused or not; else that in place."
        ),
    ] = None,
) -> None:
    """Talk to a policy: /new begins anew, /quit or Ctrl-D ends, Ctrl-C ends an answer.

    vLLM serves its weights for that long; a policy at an endpoint is asked there. What is piped in
    is asked line by line.
    """
    with one_message():
        from endpoints.open import Endpoints, read_endpoints
        from flows.display import Display
        from flows.secrets import read_secret_block
        from rounds.folder import open_run, policy_of, run_config
        from sampler.chat import conversation
        from sampler.config import SamplerConfig

        run_dir = open_run(run).resolve()
        tree = run_config(run_dir)
        facts, named = _chosen(run_dir, round)
        policy = policy_of(run_dir, facts)
        config, at = SamplerConfig.model_validate(tree["sampler"]), read_endpoints(tree)
        with (
            Endpoints(at, run_dir / "logs", read_block=read_secret_block) as endpoints,
            Display() as display,
        ):
            shown = display.stage("chat")
            with conversation(run_dir, policy, config, endpoints, shown) as talk:
                display.rest()
                print(
                    f"policy {policy.policy_id}, {named}; {NEW} begins anew, {QUIT} or Ctrl-D ends",
                    file=sys.stderr,
                )
                _talk(talk)


def _chosen(run_dir: Path, round: int | None) -> tuple[dict[str, Any], str]:
    """The facts of the policy that is meant, and what it is."""
    from rounds.errors import UserError
    from rounds.folder import policy_history, read_manifest, selected_rounds

    if round is None:
        history = policy_history(run_dir)
        if history is None:
            raise UserError(f"{run_dir}: no round is finished yet; `prefloop run` finishes one")
        return history["current"], "in place"
    (folder,) = selected_rounds(run_dir, str(round))
    manifest = read_manifest(folder) or {}
    if manifest["trained"] is None:
        raise UserError(f"{run_dir}: round {round} trained nothing")
    became = "promoted" if manifest["decision"]["promoted"] else "refused"
    return manifest["trained"], f"trained in round {round} and {became}"


def _talk(talk: "Conversation") -> None:
    from endpoints.chat import ChatFailed
    from rounds.ending import was_terminated
    from viewer.visible import visible

    alone = not sys.stdin.isatty()
    for line in _lines(alone):
        if line == QUIT:
            return
        if line == NEW:
            talk.forget()
            continue
        answer = talk.answer(line)
        try:
            for piece in answer:
                print(visible(piece), end="", flush=True)
            print(flush=True)
        except ChatFailed as failure:
            if alone:
                raise
            print(visible(f"no answer: {failure}"), file=sys.stderr)
        except KeyboardInterrupt:
            if alone or was_terminated():
                raise
            answer.close()  # what was said stays part of the conversation
            print(flush=True)


def _lines(alone: bool) -> Iterator[str]:
    """What is typed, or piped in, without empty lines, to its end."""
    if not alone:
        import readline  # noqa: F401  input() then edits and remembers lines
    while True:
        try:
            line = input("" if alone else "> ").strip()
        except EOFError:
            if not alone:
                print()
            return
        if line:
            yield line
