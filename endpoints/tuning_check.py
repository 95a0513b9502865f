"""Whether an endpoint takes fine-tuning jobs: asked before anything is spent."""

import openai

from endpoints.config import EndpointConfig
from endpoints.open import headers_of
from endpoints.said import what_it_said, without_secrets
from rounds.errors import UserError


def check_tuning(name: str, config: EndpointConfig, key: str) -> None:
    """Raise UserError unless the endpoint lists fine-tuning jobs, as OpenAI's does.

    One that is away is left to the checks of every endpoint.
    """
    where = f"endpoints.{name}"
    with openai.OpenAI(
        base_url=config.addresses[0],
        api_key=key,
        timeout=min(config.timeout, 20),
        max_retries=1,
        default_headers=headers_of(name, config),
    ) as client:
        try:
            client.fine_tuning.jobs.list(limit=1)
        except openai.APIStatusError as error:
            if error.status_code >= 500 or error.status_code == 429:
                return
            said = without_secrets(what_it_said(error), key)
            raise UserError(
                f"trainer.method: openai: {where} ({config.base_url}) does not list fine-tuning "
                f"jobs at /fine_tuning/jobs ({said}); take an endpoint that speaks OpenAI's "
                "fine-tuning API, or set trainer: null and train elsewhere"
            ) from error
        except (openai.APIConnectionError, openai.OpenAIError, ValueError):
            return
