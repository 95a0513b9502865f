"""A conversation with a model at an endpoint, word by word."""

from collections.abc import Generator
from typing import Any

import openai

from endpoints.dialect import Dialect, spoken
from endpoints.said import what_it_said, without_login, without_secrets
from endpoints.serve import LiveEndpoint
from rounds.errors import WorkFailed

Turn = dict[str, str]


class ChatFailed(WorkFailed):
    """There is no answer, and the question is as if it had not been asked."""


class Conversation:
    """Turns with one model. `sampling` are chat-completion arguments."""

    def __init__(
        self, live: LiveEndpoint, sampling: dict[str, Any], dialect: Dialect, timeout: float
    ) -> None:
        self._live, self._sampling, self._dialect = live, sampling, dialect
        self._client = openai.OpenAI(
            base_url=live.base_url,
            api_key=live.api_key,
            timeout=timeout,
            max_retries=2,
            default_headers=live.headers,
        )
        self.turns: list[Turn] = []

    def forget(self) -> None:
        """Begin anew."""
        self.turns = []

    def answer(self, text: str) -> Generator[str, None, None]:
        """What the model says to `text`, as it comes. An answer that is cut off by whoever reads is
        kept as far as it came. Raises ChatFailed where there is none.
        """
        asked = [*self.turns, {"role": "user", "content": text}]
        body = spoken({**self._sampling, "messages": asked}, self._dialect)
        said = ""
        try:
            with self._client.chat.completions.create(
                model=self._live.model, stream=True, **body
            ) as stream:
                for chunk in stream:
                    if chunk.choices and (piece := chunk.choices[0].delta.content):
                        said += piece
                        yield piece
        except openai.APIStatusError as error:
            raise ChatFailed(self._plain(what_it_said(error))) from error
        except openai.OpenAIError as error:
            raise ChatFailed(self._plain(str(error.__cause__ or error))) from error
        finally:
            if said:
                self.turns = [*asked, {"role": "assistant", "content": said}]

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _plain(self, said: str) -> str:
        where = without_login(self._live.base_url)
        return f"{where}: {without_secrets(said, *self._live.secrets)}"
