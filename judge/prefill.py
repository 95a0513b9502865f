"""The screen through an endpoint's Batch API: its answers are in the journal before it is asked."""

from collections.abc import Iterable

from endpoints.batch import answer_by_batch
from endpoints.journal import Journal
from endpoints.open import Endpoints
from judge.asked import Asked
from judge.calls import score_request
from judge.channel import body
from judge.panel import Desk
from judge.questions import usable
from judge.rows import Judge
from rounds.ids import text_hash
from rounds.progress import Progress


async def prefill(
    desk: Desk, judge: Judge, endpoints: Endpoints, asked: Iterable[Asked], progress: Progress
) -> None:
    """Answer the screen of all prompts in batches; what a batch fails at is asked one by one.

    Holds every request of the screen in memory, its rubric, prompt and answer as they are sent.
    """
    name = judge.config.jury[0]
    questions = []
    for one in asked:
        kept = usable(one.candidates)
        for candidate in kept if len(kept) > 1 else []:
            messages, rubric, fields = score_request(judge, one.prompt, candidate)
            questions.append((body(judge, messages, fields), text_hash(rubric.text)))
    with Journal(desk.journal) as journal:
        live, config = endpoints.live(name), endpoints.config(name)
        await answer_by_batch(name, config, live, journal, questions, progress)
