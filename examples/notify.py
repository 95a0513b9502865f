"""Have Prefect tell a webhook what becomes of rounds: which were promoted, refused or stopped,
which wait for people, where a budget is used up.

    python examples/notify.py https://hooks.slack.com/services/...

Run once against the server that PREFECT_API_URL names; again, it takes the place of what it made.
The webhook gets JSON with a `text`, as Slack's and Mattermost's do. Another kind of message is
another of Prefect's notification blocks (prefect.blocks.notifications).
"""

import sys
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from prefect.automations import Automation
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture

NAME = "prefloop-rounds"
TOLD = ("promoted", "refused", "stopped", "waiting", "budget")
SUBJECT = (
    "{{ event.payload.run }}, round {{ event.payload.round }}: "
    "{{ event.event | replace('prefloop.round.', '') }}"
)
BODY = "{{ event.payload.reason or (event.payload.reasons or []) | join('; ') }}"


def automation(block: UUID) -> Automation:
    """One message for each event, sent by this notification block."""
    return Automation(
        name=NAME,
        description="What becomes of prefloop's rounds",
        trigger=EventTrigger(
            expect={f"prefloop.round.{happening}" for happening in TOLD},
            match={"prefect.resource.id": "prefloop.run.*"},  # one run: prefloop.run.NAME
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[SendNotification(block_document_id=block, subject=SUBJECT, body=BODY)],
    )


def main(url: str) -> None:
    """Make the block and the automation."""
    block = CustomWebhookNotificationBlock(
        name=NAME, url=url, json_data={"text": "{{subject}}\n{{body}}"}
    )
    saved = block.save(NAME, overwrite=True)
    with suppress(ValueError):  # there was none
        Automation.read(name=NAME).delete()
    automation(saved).create()
    print(f"automation {NAME}: {', '.join(TOLD)}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
