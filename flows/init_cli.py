"""`prefloop init`: a config from a few answers, or from flags where there is no terminal."""

import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from flows.terminal import one_message

if TYPE_CHECKING:
    from flows.init_config import Answers

TRAININGS = ("lora", "full", "none")
Text = str | None


def init(
    file: Annotated[Path, typer.Argument(help="The config to write.")] = Path("prefloop.yaml"),
    name: Annotated[Text, typer.Option(help="The run's name; the file's if not given.")] = None,
    policy: Annotated[Text, typer.Option(help="A hub id or a folder of weights.")] = None,
    prompts: Annotated[Text, typer.Option(help="A file, or a dataset's id.")] = None,
    judge_url: Annotated[
        Text, typer.Option(help="The judge's address, up to and with /v1.")
    ] = None,
    judge_model: Annotated[Text, typer.Option(help="The judge's model there.")] = None,
    judge_key_env: Annotated[
        Text, typer.Option(help="NAME of the variable that holds the key; '' for none.")
    ] = None,
    judge_serve: Annotated[
        Text, typer.Option(help="A model that vLLM serves here as judge, instead of a URL.")
    ] = None,
    training: Annotated[Text, typer.Option(help="lora, full or none.")] = None,
    cron: Annotated[
        Text, typer.Option(help="When it runs by itself, as '0 2 * * *'; '' for never.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds at a time.")] = 1,
    gpu: Annotated[
        bool | None, typer.Option("--gpu/--cpu", help="What it runs on; looked for if not given.")
    ] = None,
) -> None:
    """Write a commented config from a few answers, or from flags where there is no terminal."""
    with one_message():
        from flows.init_config import Answers, config_text
        from rounds.errors import UserError

        if file.exists():
            raise UserError(
                f"{file}: is there already; remove it, or name another file, as "
                "`prefloop init NAME`"
            )
        if terminal():
            print("Enter takes what is in brackets. All of it can be changed in the file.")
        else:
            _require(policy=policy, judge_url=judge_url, judge_model=judge_model, serve=judge_serve)
        name = _answer(name, "Name of the run", _folder_name(file.stem), _run_name)
        policy = _answer(policy, "Policy: a hub id or a folder of weights")
        prompts = _answer(prompts, "Prompts: a file, or a dataset's id", "prompts.jsonl")
        if judge_url is None and judge_serve is None:
            question = "Judge: a URL (https://host/v1), or a model to serve here"
            judge = _answer(None, question, None, _judge)
            judge_url, judge_serve = (judge, None) if "://" in judge else (None, judge)
        if judge_url is not None:
            judge_model = _answer(judge_model, "The judge's model there")
            question = "Variable that holds the key; its name, not the key"
            judge_key_env = _answer(judge_key_env, question, "", _variable)
        training = _answer(training, "Train lora, full (all weights) or none", "lora", _training)
        cron = _answer(cron, "When it runs by itself, as 0 2 * * *", "", _cron)
        answers = Answers(
            name=name,
            policy=policy,
            prompts=prompts,
            n_prompts=_count(prompts),
            judge_url=judge_url,
            judge_model=judge_model,
            key_env=judge_key_env or None,
            judge_serve=judge_serve,
            training=training,
            gpu=Path("/dev/nvidiactl").exists() if gpu is None else gpu,
        )
        then = next_commands(file, name, rounds, cron)
        _write_checked(file, config_text(answers, file.name, then))
    print(f"\nwritten  {file}")
    for sentence in not_there(answers):
        print(f"first    {sentence}")
    if judge_key_env:
        print(f"first    export {judge_key_env}=...")
    for place, command in enumerate(then):
        print(f"{'' if place else 'next':8} {command}")


def not_there(answers: "Answers") -> list[str]:
    """What has to be put right before a run: what was not found, and models with needs of their
    own.
    """
    sentences = []
    if answers.n_prompts is None:
        sentences.append(f"{answers.prompts} has to be there: it was not found, or not read")
    for model in (answers.policy, answers.judge_serve):
        if (
            model
            and Path(model).expanduser().is_absolute()
            and not Path(model).expanduser().is_dir()
        ):
            sentences.append(f"{model} has to be there: it was not found")
        elif model and model.startswith("prefloop:"):
            sentences.append(
                f"{model} wants the rubrics, lengths and learning rate of examples/starter.yaml: "
                "copy that file instead"
            )
    return sentences


def next_commands(file: Path, name: str, rounds: int, cron: str) -> list[str]:
    """What to type with a config that was written."""
    shown = shlex.quote(str(file))
    several = f" --rounds {rounds}" if rounds > 1 else ""
    commands = [
        f"prefloop plan {shown}",
        f"prefloop judge check {shown}",
        f"prefloop run {shown}{several}",
    ]
    if cron:
        commands.append(f"prefloop deploy {shown} --cron {shlex.quote(cron)}{several}")
    return commands


def terminal() -> bool:
    """Whether there is someone to ask."""
    return sys.stdin.isatty()


def _require(policy: Text, judge_url: Text, judge_model: Text, serve: Text) -> None:
    """Raise UserError naming the flags that nobody can be asked for."""
    from rounds.errors import UserError

    missing = [] if policy is not None else ["--policy"]
    if judge_url is None and serve is None:
        missing.append("--judge-url with --judge-model, or --judge-serve")
    elif judge_url is not None and judge_model is None:
        missing.append("--judge-model")
    if missing:
        raise UserError(f"there is no terminal to ask on; give {', '.join(missing)}")


def _answer(
    given: Text, question: str, default: Text = None, checked: Callable[[str], str] = str
) -> str:
    """What was given as a flag, or is answered on the terminal; the default where there is none.

    On the terminal a wrong answer is told and asked for again.
    """
    from rounds.errors import UserError

    if given is not None or not terminal():
        return checked(default or "" if given is None else given)

    def read(text: str) -> str:
        try:
            return checked(text.strip())
        except UserError as error:
            raise typer.BadParameter(str(error)) from None

    shown = bool(default)
    asked = typer.prompt(question, default=default, show_default=shown, value_proc=read)
    return cast("str", asked)


def _run_name(text: str) -> str:
    from rounds.errors import UserError
    from rounds.settings import FOLDER_NAME

    if not FOLDER_NAME.fullmatch(text):
        raise UserError(f"--name: {text!r} is no folder name; letters, digits, '.', '_' and '-'")
    return text


def _judge(text: str) -> str:
    """A URL or a model. An address without its beginning is neither."""
    from rounds.errors import UserError

    if "://" not in text and re.search(r":\d+(/|$)|/v\d+/?$", text):
        raise UserError(f"{text}: an address begins with http:// or https://")
    return text


def _training(text: str) -> str:
    from rounds.errors import UserError

    if text not in TRAININGS:
        raise UserError(f"--training: {text!r} is none of {', '.join(TRAININGS)}")
    return text


def _variable(text: str) -> str:
    """The name of a variable. One that is none may be the key itself, and is not repeated."""
    from rounds.errors import UserError

    if text and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise UserError(
            "--judge-key-env: expected the NAME of an environment variable, such as OPENAI_API_KEY"
        )
    return text


def _cron(text: str) -> str:
    from rounds.errors import UserError

    if text and not (len(text.split()) in (5, 6) or re.fullmatch(r"@\w+", text)):
        raise UserError(f"--cron: {text!r} is no schedule; expected five parts, as 0 2 * * *")
    return text


def _folder_name(stem: str) -> str:
    """The name of a run that a file's name suggests."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._") or "run"


def _count(prompts: str) -> int | None:
    """How many prompts there are; None where there is no such file, or it is a dataset.

    Raises UserError for a file whose rows are no prompts.
    """
    from flows.init_config import is_dataset
    from rounds.settings import locate

    if is_dataset(prompts) or not locate(prompts).is_file():
        return None
    from sampler.dealing.sources.config import SourceConfig
    from sampler.dealing.sources.read import source_rows

    return sum(1 for _ in source_rows(SourceConfig(file=prompts), "prompts"))


def _write_checked(file: Path, text: str) -> None:
    """Write the config. Raises UserError, and leaves nothing, where the loader refuses it."""
    from flows.load import load_config
    from rounds.errors import UserError
    from rounds.files import unwritable, write_text

    if why := unwritable(file.parent):
        raise UserError(f"{file}: {why}")
    write_text(file, text)
    try:
        load_config(str(file))
    except UserError:
        file.unlink()
        raise
