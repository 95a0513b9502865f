"""What an endpoint's faults cost: python benchmarks/endpoint_faults.py [--calls N] [--timeout S]

The endpoint of slow_endpoint.py (200 ms an answer) is asked with many calls in flight, in turn
where nothing fails and where 2 % of the calls meet 429, 1 % 500, 1 % are cut off and 0.5 % hang
until `timeout`; then where it takes 90 calls a second and answers 429 to the others. The rate is
that of the first 95 % of the calls: the last of them may hang for a whole timeout, which more calls
would not make longer.
"""

import argparse
import asyncio
import json
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from slow_endpoint import LIMIT, slow_endpoint
from throughput import body

from endpoints.client import asking
from endpoints.config import EndpointConfig
from endpoints.journal import Journal
from endpoints.serve import LiveEndpoint

COUNTED = 0.95


class Run(NamedTuple):
    """Answers a second over the first COUNTED of the calls, seconds of all, texts, what was met."""

    rate: float
    seconds: float
    texts: dict[str, str | None]
    tally: Counter[str]


def run(url: str, questions: list[str], in_flight: int, timeout: float, journal: Path) -> Run:
    """All questions at once through the client of the judge stage."""
    tally: Counter[str] = Counter()
    texts: dict[str, str | None] = {}
    ended: list[float] = []

    async def ask_all() -> None:
        config = EndpointConfig(base_url=url, model="m", max_in_flight=in_flight, timeout=timeout)
        with Journal(journal) as kept:
            live = LiveEndpoint(url, "m", "m", "x")
            async with asking("bench", config, live, kept, tally=tally) as ask:

                async def one(question: str) -> None:
                    reply = await ask(body(question), "rubric")
                    texts[question] = None if reply.failure else reply.text
                    ended.append(time.perf_counter())

                await asyncio.gather(*map(one, questions))

    began = time.perf_counter()
    asyncio.run(ask_all())
    counted = round(COUNTED * len(ended))
    return Run(counted / (ended[counted - 1] - began), ended[-1] - began, texts, tally)


def fetched(url: str) -> Any:
    """What the endpoint says of itself."""
    with urllib.request.urlopen(url) as reply:
        return json.load(reply)


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--calls", type=int, default=6000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--timeout", type=float, default=10.0)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    text = "A reply that is to be compared with another one. " * 20
    rates: dict[str, list[float]] = {"sound": [], "faulty": []}
    with tempfile.TemporaryDirectory() as name, slow_endpoint() as url:
        for turn in range(given.turns):
            for kind, path in (("sound", "/v1"), ("faulty", "/faulty/v1")):
                posed = [f"{turn} {kind} {number} {text}" for number in range(given.calls)]
                done = run(
                    *(url + path, posed, given.in_flight, given.timeout),
                    Path(name) / f"{kind}-{turn}.sqlite",
                )
                rates[kind].append(done.rate)
                said = fetched(f"{url}/said")
                lost = sum(text is None for text in done.texts.values())
                invented = sum(
                    text not in [None, *said.get(asked, [])] for asked, text in done.texts.items()
                )
                print(
                    f"{kind:>7}: {done.rate:.0f} calls/s, {done.seconds:.0f} s in all, lost "
                    f"{lost}, invented {invented} of {given.calls} {dict(done.tally)}"
                )
        sound, faulty = median(rates["sound"]), median(rates["faulty"])
        print(f"with faults {faulty:.0f} of {sound:.0f} calls/s: {faulty / sound:.2f}")
        fetched(f"{url}/counts")
        posed = [f"limited {number} {text}" for number in range(given.calls // 2)]
        done = run(
            *(f"{url}/limited/v1", posed, given.in_flight, given.timeout),
            Path(name) / "limited.sqlite",
        )
        counts = fetched(f"{url}/counts")
        lost = sum(text is None for text in done.texts.values())
        print(
            f"limited: {done.rate:.0f} calls/s of its {LIMIT}: {done.rate / LIMIT:.2f}, "
            f"{done.seconds:.0f} s in all, lost {lost}, {counts['refused']} 429s for "
            f"{counts['answered']} answers"
        )


if __name__ == "__main__":
    main()
